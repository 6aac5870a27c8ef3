-- What else changes stored summaries: weights, moves of units, and whoever wants them made
-- anew; and what has to be there before activities may be dropped.

-- Weights -----------------------------------------------------------------------------

CREATE FUNCTION calib.reweigh_parts(unit_ids bigint[], from_days date[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    WITH part AS (
        SELECT r.* FROM unnest($1, $2) WITH ORDINALITY r (unit_id, from_day, span)
    ), act AS MATERIALIZED (
        SELECT a.* FROM calib.stored_acts($1, $2, ARRAY(SELECT d.day + 1 FROM unnest($2) WITH ORDINALITY d (day, i) ORDER BY d.i)) a
    ), piece AS MATERIALIZED (
        SELECT a.span, a.product_line, a.piece,
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NOT NULL) AS acts,
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NULL) AS others
        FROM act a
        GROUP BY a.span, a.product_line, a.piece
    ), acts AS (
        UPDATE calib.activity_act s SET acts = c.acts, others = c.others
        FROM piece c JOIN part p USING (span)
        WHERE s.unit_id = p.unit_id AND s.from_day = p.from_day AND s.product_line = c.product_line AND s.piece = c.piece
    ), whole AS (
        SELECT c.span, c.product_line, calib.rollup(c.acts) AS acts
        FROM piece c
        GROUP BY c.span, c.product_line
    ), figure AS (
        SELECT a.span, a.product_line, count(a.weight) AS events, count(a.weight) - count(a.weight_on_time) AS late_events,
               coalesce(sum(a.weight), 0) AS weighted, coalesce(sum(a.weight_on_time), 0) AS weighted_on_time,
               max(count(a.weight)) OVER (PARTITION BY a.span) AS all_events
        FROM act a
        GROUP BY a.span, a.product_line
    )
    UPDATE calib.activity_summary s
    SET events = f.events, late_events = f.late_events, weighted = f.weighted, weighted_on_time = f.weighted_on_time,
        -- when an act happened is not told: not after the last of all
        last_event_at = CASE WHEN f.all_events > 0 THEN s.last_at END,
        customers = coalesce(calib.customers(w.acts), 0), active_days = coalesce(calib.active_days(w.acts), 0),
        concentration = calib.distinct_concentration(w.acts)
    FROM figure f JOIN whole w USING (span, product_line) JOIN part p USING (span)
    WHERE s.unit_id = p.unit_id AND s.from_day = p.from_day AND s.product_line = f.product_line;
    PERFORM calib.add_up_months($1, $2);
END $$;
COMMENT ON FUNCTION calib.reweigh_parts(bigint[], date[]) IS
'Applies the weights of now to stored parts, without reading an activity. Internal.';
REVOKE EXECUTE ON FUNCTION calib.reweigh_parts(bigint[], date[]) FROM PUBLIC;

CREATE FUNCTION calib.reweigh(kinds text[], from_day date) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first date;
    slice record;
BEGIN
    PERFORM calib.lock_summaries('a change of weights');
    FOR first IN
        SELECT DISTINCT s.from_day FROM calib.activity_summary s WHERE s.to_day > $2 ORDER BY 1
    LOOP
        FOR slice IN
            WITH labelled AS MATERIALIZED (
                SELECT DISTINCT s.unit_id, k.kind AS label
                FROM calib.activity_act s
                CROSS JOIN LATERAL (VALUES (s.acts), (s.others)) v (acts)
                CROSS JOIN LATERAL calib.kind_counts(v.acts) k
                WHERE s.from_day = first
            ), touched AS (
                SELECT o.label FROM calib.label_outcomes(ARRAY(SELECT DISTINCT l.label FROM labelled l)) o
                WHERE $1 IS NULL OR o.kind = ANY ($1)
            ), numbered AS (
                SELECT u.unit_id, row_number() OVER (ORDER BY u.unit_id) AS n
                FROM (SELECT DISTINCT l.unit_id FROM labelled l WHERE l.label IN (SELECT t.label FROM touched t)) u
            )
            SELECT array_agg(n.unit_id) AS units, array_agg(first) AS from_days FROM numbered n GROUP BY n.n / 1000
        LOOP
            PERFORM calib.reweigh_parts(slice.units, slice.from_days);
        END LOOP;
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.reweigh(text[], date) IS
'Applies the weights of now to all that is stored of acts of these kinds (NULL: all) from a day on. READ COMMITTED only (25001). Internal.';
REVOKE EXECUTE ON FUNCTION calib.reweigh(text[], date) FROM PUBLIC;

CREATE FUNCTION calib.reweigh_activities() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.activity_weight'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.reweigh_activities keeps table calib.activity_weight only';
    END IF;
    IF calib.restoring() THEN
        RETURN NULL;
    END IF;
    IF TG_LEVEL = 'STATEMENT' THEN
        PERFORM calib.reweigh(NULL, '-infinity');
    ELSIF (NEW.kind, NEW.outcome, NEW.weight, NEW.valid_from) IS DISTINCT FROM (OLD.kind, OLD.outcome, OLD.weight, OLD.valid_from) THEN
        PERFORM calib.reweigh(array_remove(ARRAY[NEW.kind, OLD.kind], NULL), least(NEW.valid_from, OLD.valid_from));
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.reweigh_activities() IS
'Trigger: a weight that is new, changed or gone is applied to the stored summaries of its days at once. READ COMMITTED only (25001).';
REVOKE EXECUTE ON FUNCTION calib.reweigh_activities() FROM PUBLIC;
CREATE TRIGGER reweigh_activities AFTER INSERT OR UPDATE OR DELETE ON calib.activity_weight
    FOR EACH ROW EXECUTE FUNCTION calib.reweigh_activities();
ALTER TABLE calib.activity_weight ENABLE ALWAYS TRIGGER reweigh_activities;
CREATE TRIGGER reweigh_activities_truncate AFTER TRUNCATE ON calib.activity_weight
    FOR EACH STATEMENT EXECUTE FUNCTION calib.reweigh_activities();
ALTER TABLE calib.activity_weight ENABLE ALWAYS TRIGGER reweigh_activities_truncate;

-- Moves -------------------------------------------------------------------------------

-- Who stands under whom decides whose policy tells what is late. The lock makes sure that
-- no rollup that has not seen the move stores anything after what is marked here.
CREATE FUNCTION calib.mark_move() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved constant bigint := coalesce(NEW.unit_id, OLD.unit_id);
    day date;
BEGIN
    IF TG_RELID <> 'calib.unit_history'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.mark_move keeps table calib.unit_history only';
    END IF;
    -- a unit that is new, or goes with its summaries
    IF calib.restoring() OR (TG_OP = 'INSERT' AND lower_inf(NEW.valid))
        OR (TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM calib.unit u WHERE u.unit_id = moved)) THEN
        RETURN NULL;
    END IF;
    PERFORM calib.lock_summaries('a move of a unit');
    IF NOT EXISTS (SELECT FROM calib.policy p WHERE p.unit_id IS NOT NULL AND p.late_hours IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    day := CASE WHEN TG_OP = 'INSERT' THEN lower(NEW.valid)
                WHEN TG_OP = 'DELETE' THEN coalesce(lower(OLD.valid), '-infinity')
                WHEN (NEW.parent_id, lower(NEW.valid)) IS NOT DISTINCT FROM (OLD.parent_id, lower(OLD.valid))
                THEN coalesce(least(upper(NEW.valid), upper(OLD.valid)), 'infinity')
                ELSE least(coalesce(lower(NEW.valid), '-infinity'), coalesce(lower(OLD.valid), '-infinity')) END;
    INSERT INTO calib.activity_mark (unit_id, day)
    SELECT s.unit_id, d.at::date
    FROM calib.activity_summary s
    CROSS JOIN LATERAL generate_series(s.from_day::timestamp, s.to_day::timestamp - interval '1 day', interval '1 day') AS d (at)
    WHERE s.unit_id = ANY (ARRAY(SELECT calib.units_ever_below(ARRAY[moved]))) AND s.product_line = '' AND s.to_day > day;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.mark_move() IS
'Trigger: where units have a policy of their own on what is late, a move marks what is stored of the unit and those below it from its day on. READ COMMITTED only (25001).';
REVOKE EXECUTE ON FUNCTION calib.mark_move() FROM PUBLIC;
CREATE TRIGGER mark_move AFTER INSERT OR UPDATE OR DELETE ON calib.unit_history
    FOR EACH ROW EXECUTE FUNCTION calib.mark_move();
ALTER TABLE calib.unit_history ENABLE ALWAYS TRIGGER mark_move;

-- Anew --------------------------------------------------------------------------------

CREATE FUNCTION calib.resummarise(from_day date DEFAULT NULL, to_day date DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first date := greatest(coalesce($1, '-infinity'), calib.dropped_before());
    last date := coalesce($2, 'infinity');
    marked bigint;
BEGIN
    PERFORM calib.require_duty('{admin}', NULL, 'make summaries anew');
    INSERT INTO calib.activity_mark (unit_id, day)
    SELECT s.unit_id, d.day::date
    FROM calib.activity_summary s
    CROSS JOIN LATERAL generate_series(s.from_day::timestamp, s.to_day::timestamp - interval '1 day', interval '1 day') AS d (day)
    WHERE s.to_day > first AND s.from_day < last AND s.product_line = ''
    UNION
    SELECT a.unit_id, calib.day_of(m.at)
    FROM calib.activity a
    CROSS JOIN LATERAL (VALUES (a.occurred_at), (a.due_at)) m (at)
    WHERE isfinite(m.at) AND m.at >= coalesce(calib.start_of(nullif(first, '-infinity')), '-infinity')
      AND m.at < coalesce(calib.start_of(nullif(last, 'infinity')), 'infinity');
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END $$;
COMMENT ON FUNCTION calib.resummarise(date, date) IS
'Marks what is stored of [from_day, to_day) (NULL: without a beginning, without an end), and every day in it that has an activity: until the job rollup has run, figures of these days are read from the activities. Days whose activities were dropped stay as they are. Returns how many marks. Duty admin for everyone (42501).';

CREATE FUNCTION calib.may_drop_before(day date) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT least(may_drop_before.day,
        (SELECT CASE WHEN isfinite(min(m.day)) THEN calib.part_from(min(m.day)) ELSE min(m.day) END FROM calib.activity_mark m),
        (SELECT calib.part_from(min(s.from_day)) FROM calib.activity_summary s WHERE NOT s.closed));
END;
COMMENT ON FUNCTION calib.may_drop_before(date) IS
'The last day, not after the one given, before which all weeks are summed up, so that their activities may be dropped. Internal.';
REVOKE EXECUTE ON FUNCTION calib.may_drop_before(date) FROM PUBLIC;
