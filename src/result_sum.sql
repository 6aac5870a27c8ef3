-- Results by month, kept beside the facts: a page over a quarter adds up one row a rep
-- and month, not half a million facts.  Every period of a target is made of calendar
-- months, whatever month the fiscal year begins in.
--
-- A sum needs no key: each statement that writes results appends what it adds (or, of
-- what it takes away, the same with a minus sign), and whoever reads adds up.  So
-- nobody waits for anybody, and the sums are those of exactly the rows a snapshot sees.

CREATE TABLE calib.result_sum (
    unit_id bigint NOT NULL,
    measure text NOT NULL,
    product_line text NOT NULL,
    month date NOT NULL,
    amount numeric NOT NULL,
    results bigint NOT NULL,
    lag_seconds numeric NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    last_recorded timestamptz NOT NULL,
    climbed boolean NOT NULL DEFAULT false
);
CREATE INDEX result_sum_unit ON calib.result_sum (unit_id, month);
CREATE INDEX result_sum_month ON calib.result_sum (month) WHERE climbed;
CREATE INDEX result_sum_new ON calib.result_sum (month) WHERE NOT climbed;
COMMENT ON TABLE calib.result_sum IS
'Results per unit, measure, product line and month as rows to be added up; kept by trigger on calib.result, folded together by job maintain.';
COMMENT ON COLUMN calib.result_sum.unit_id IS 'Whose results.';
COMMENT ON COLUMN calib.result_sum.measure IS 'Measure.';
COMMENT ON COLUMN calib.result_sum.product_line IS 'Product line as in the facts; empty: none in particular.';
COMMENT ON COLUMN calib.result_sum.month IS 'First day of the month they are of, in the organisation''s time.';
COMMENT ON COLUMN calib.result_sum.amount IS 'What is added; negative where rows were taken away.';
COMMENT ON COLUMN calib.result_sum.results IS 'How many; negative where rows were taken away.';
COMMENT ON COLUMN calib.result_sum.lag_seconds IS 'Seconds from each result to its record, added up.';
COMMENT ON COLUMN calib.result_sum.first_at IS 'None of them happened before.';
COMMENT ON COLUMN calib.result_sum.last_at IS 'None of them happened later.';
COMMENT ON COLUMN calib.result_sum.last_recorded IS 'None of them was recorded later.';
COMMENT ON COLUMN calib.result_sum.climbed IS 'Whether they are in result_climb, for every unit above.';
SELECT calib.keep_in_dump('calib.result_sum');

-- What a region's page reads.  Only job maintain adds to it; what has come since is climbed
-- by whoever reads.
CREATE TABLE calib.result_climb (
    unit_id bigint NOT NULL,
    measure text NOT NULL,
    product_line text NOT NULL,
    month date NOT NULL,
    amount numeric NOT NULL,
    last_at timestamptz NOT NULL,
    last_recorded timestamptz NOT NULL
);
CREATE INDEX result_climb_unit ON calib.result_climb (unit_id, month);
COMMENT ON TABLE calib.result_climb IS
'Results of all that stands below a unit, per measure, product line and month, as rows to be added up: of the rows of result_sum that are marked climbed. Kept by job maintain.';
COMMENT ON COLUMN calib.result_climb.unit_id IS 'The unit above.';
COMMENT ON COLUMN calib.result_climb.measure IS 'Measure.';
COMMENT ON COLUMN calib.result_climb.product_line IS 'Product line as in the facts; empty: none in particular.';
COMMENT ON COLUMN calib.result_climb.month IS 'First day of the month they are of.';
COMMENT ON COLUMN calib.result_climb.amount IS 'What is added.';
COMMENT ON COLUMN calib.result_climb.last_at IS 'None of them happened later.';
COMMENT ON COLUMN calib.result_climb.last_recorded IS 'None of them was recorded later.';
SELECT calib.keep_in_dump('calib.result_climb');

-- Appended without a key, like what it marks (DESIGN 16), by calib.close_units: a move waits
-- for no job.
CREATE TABLE calib.result_climb_mark (unit_id bigint NOT NULL);
COMMENT ON TABLE calib.result_climb_mark IS
'Units below which somebody has moved since result_climb was made: theirs is not read until job maintain has made it anew.';
COMMENT ON COLUMN calib.result_climb_mark.unit_id IS 'The unit.';
SELECT calib.keep_in_dump('calib.result_climb_mark');

-- Whoever takes sums away does it one at a time, and the second sees what the first has put
-- in their place.
CREATE FUNCTION calib.lock_result_sums() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION USING ERRCODE = '25001',
            MESSAGE = 'sums of results are folded, or made anew, under READ COMMITTED only',
            HINT = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED first.';
    END IF;
    PERFORM pg_advisory_xact_lock('calib.result_sum'::regclass::oid::bigint);
END $$;
COMMENT ON FUNCTION calib.lock_result_sums() IS
'Takes the lock under which sums of results are taken away, until the transaction ends; another isolation level than READ COMMITTED is 25001. Internal.';
REVOKE EXECUTE ON FUNCTION calib.lock_result_sums() FROM PUBLIC;

CREATE FUNCTION calib.keep_result_sum() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    zone text := (SELECT o.zone FROM calib.organisation o);
BEGIN
    IF TG_RELID <> 'calib.result'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.keep_result_sum keeps table calib.result only';
    END IF;
    IF calib.restoring() THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM calib.lock_result_sums();
        DELETE FROM calib.result_sum;
        DELETE FROM calib.result_climb;
        RETURN NULL;
    END IF;
    -- An older snapshot would not see that the zone was changed since: to lock it fails then.
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        PERFORM FROM calib.organisation FOR SHARE;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO calib.result_sum
        SELECT r.unit_id, r.measure, r.product_line, date_trunc('month', r.occurred_at AT TIME ZONE zone)::date,
               - sum(r.amount), - count(*), - sum(extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at)),
               min(r.occurred_at), max(r.occurred_at), max(r.recorded_at)
        FROM old_row r
        GROUP BY 1, 2, 3, 4;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO calib.result_sum
        SELECT r.unit_id, r.measure, r.product_line, date_trunc('month', r.occurred_at AT TIME ZONE zone)::date,
               sum(r.amount), count(*), sum(extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at)),
               min(r.occurred_at), max(r.occurred_at), max(r.recorded_at)
        FROM new_row r
        GROUP BY 1, 2, 3, 4;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.keep_result_sum() IS
'Trigger: appends to result_sum what a statement adds to calib.result and takes from it.';
REVOKE EXECUTE ON FUNCTION calib.keep_result_sum() FROM PUBLIC;
CREATE TRIGGER keep_result_sum_insert AFTER INSERT ON calib.result
    REFERENCING NEW TABLE AS new_row FOR EACH STATEMENT EXECUTE FUNCTION calib.keep_result_sum();
ALTER TABLE calib.result ENABLE ALWAYS TRIGGER keep_result_sum_insert;
CREATE TRIGGER keep_result_sum_update AFTER UPDATE ON calib.result
    REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row FOR EACH STATEMENT EXECUTE FUNCTION calib.keep_result_sum();
ALTER TABLE calib.result ENABLE ALWAYS TRIGGER keep_result_sum_update;
CREATE TRIGGER keep_result_sum_delete AFTER DELETE ON calib.result
    REFERENCING OLD TABLE AS old_row FOR EACH STATEMENT EXECUTE FUNCTION calib.keep_result_sum();
ALTER TABLE calib.result ENABLE ALWAYS TRIGGER keep_result_sum_delete;
CREATE TRIGGER keep_result_sum_truncate AFTER TRUNCATE ON calib.result
    FOR EACH STATEMENT EXECUTE FUNCTION calib.keep_result_sum();
ALTER TABLE calib.result ENABLE ALWAYS TRIGGER keep_result_sum_truncate;

-- Months, but their first days, in which a unit or one above it moved: its results are placed
-- day by day then, and never climb.
CREATE FUNCTION calib.months_moved()
RETURNS TABLE (unit_id bigint, month date)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT DISTINCT c.unit_id, date_trunc('month', e.day::timestamp)::date
    FROM calib.unit_closure c
    CROSS JOIN LATERAL (VALUES (c.valid_from), (c.valid_to)) AS e (day)
    WHERE (c.valid_from > '-infinity' OR c.valid_to < 'infinity') AND isfinite(e.day) AND extract(day FROM e.day) > 1;
END;
COMMENT ON FUNCTION calib.months_moved() IS
'Units and the months within which they came to stand below another unit. Internal.';
REVOKE EXECUTE ON FUNCTION calib.months_moved() FROM PUBLIC;

-- One statement, and so one snapshot, of sums, places and marks: what is deleted is what it
-- saw.  Rows and marks appended meanwhile stay, for the next time.
CREATE FUNCTION calib.fold_result_sums(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    folded bigint;
BEGIN
    PERFORM calib.lock_result_sums();
    WITH moved AS MATERIALIZED (
        SELECT m.unit_id, m.month FROM calib.months_moved() m
    ), unmarked AS MATERIALIZED (
        DELETE FROM calib.result_climb_mark RETURNING unit_id
    ), marked AS MATERIALIZED (
        SELECT DISTINCT u.unit_id FROM unmarked u
    ), touched AS MATERIALIZED (
        SELECT s.unit_id, s.month FROM calib.result_sum s WHERE NOT s.climbed
        UNION
        SELECT s.unit_id, s.month FROM calib.result_sum s JOIN moved m ON m.unit_id = s.unit_id AND m.month = s.month WHERE s.climbed
    ), taken AS MATERIALIZED (
        DELETE FROM calib.result_sum s USING touched t
        WHERE s.unit_id = t.unit_id AND s.month = t.month
        RETURNING s.*
    ), cell AS MATERIALIZED (
        -- what has not happened yet waits below
        SELECT t.unit_id, t.measure, t.product_line, t.month, t.last_at > as_of AS waits,
               t.last_at <= as_of AND (t.unit_id, t.month) NOT IN (SELECT m.unit_id, m.month FROM moved m) AS climbs,
               sum(t.amount) AS amount, sum(t.results)::bigint AS results, sum(t.lag_seconds) AS lag_seconds,
               min(t.first_at) AS first_at, max(t.last_at) AS last_at, max(t.last_recorded) AS last_recorded,
               sum(t.amount) FILTER (WHERE NOT t.climbed) AS new_amount,
               max(t.last_at) FILTER (WHERE NOT t.climbed) AS new_last_at, max(t.last_recorded) FILTER (WHERE NOT t.climbed) AS new_last_recorded
        FROM taken t
        GROUP BY 1, 2, 3, 4, 5, 6
    ), kept AS (
        INSERT INTO calib.result_sum
        SELECT c.unit_id, c.measure, c.product_line, c.month, c.amount, c.results, c.lag_seconds, c.first_at, c.last_at, c.last_recorded, c.climbs
        FROM cell c
        WHERE c.results <> 0 OR c.amount <> 0 OR c.lag_seconds <> 0
        RETURNING 1
    ), lost AS (
        DELETE FROM calib.result_climb k WHERE k.unit_id IN (SELECT m.unit_id FROM marked m)
    ), risen AS (
        -- above which nobody moved, what is new; above the others, all of it
        SELECT c.unit_id, c.measure, c.product_line, c.month, c.new_amount AS amount, c.new_last_at AS last_at,
               c.new_last_recorded AS last_recorded, false AS anew
        FROM cell c WHERE c.climbs AND c.new_last_at IS NOT NULL
        UNION ALL
        SELECT c.unit_id, c.measure, c.product_line, c.month, c.amount, c.last_at, c.last_recorded, true
        FROM cell c WHERE c.climbs AND EXISTS (SELECT FROM marked)
        UNION ALL
        SELECT s.unit_id, s.measure, s.product_line, s.month, s.amount, s.last_at, s.last_recorded, true
        FROM calib.result_sum s
        WHERE s.climbed AND EXISTS (SELECT FROM marked)
          AND (s.unit_id, s.month) NOT IN (SELECT t.unit_id, t.month FROM touched t)
    ), climbed AS (
        INSERT INTO calib.result_climb
        SELECT p.ancestor_id, r.measure, r.product_line, r.month, sum(r.amount), max(r.last_at), max(r.last_recorded)
        FROM risen r
        JOIN calib.unit_closure p ON p.unit_id = r.unit_id AND p.depth > 0 AND p.valid_from <= r.month AND p.valid_to > r.month
        WHERE r.anew = (p.ancestor_id IN (SELECT m.unit_id FROM marked m))
        GROUP BY 1, 2, 3, 4
    )
    SELECT (SELECT count(*) FROM taken) - (SELECT count(*) FROM kept) INTO folded;
    -- by now they are as many as folds
    WITH taken AS (
        DELETE FROM calib.result_climb k
        WHERE (k.unit_id, k.month) IN (SELECT m.unit_id, m.month FROM calib.result_climb m
                                       GROUP BY m.unit_id, m.month, m.measure, m.product_line HAVING count(*) > 1)
        RETURNING k.*
    )
    INSERT INTO calib.result_climb
    SELECT t.unit_id, t.measure, t.product_line, t.month, sum(t.amount), max(t.last_at), max(t.last_recorded)
    FROM taken t
    GROUP BY 1, 2, 3, 4;
    RETURN folded;
END $$;
COMMENT ON FUNCTION calib.fold_result_sums(timestamptz) IS
'Folds the rows of result_sum of one unit, measure, product line and month into one, and adds what is new and happened by as_of to result_climb of the units above; where somebody moved, makes that anew. Returns how many rows fewer there are. Internal; under READ COMMITTED (25001).';
REVOKE EXECUTE ON FUNCTION calib.fold_result_sums(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.sum_results_anew() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    summed bigint;
BEGIN
    LOCK TABLE calib.result IN SHARE MODE;
    PERFORM calib.lock_result_sums();
    DELETE FROM calib.result_sum;
    DELETE FROM calib.result_climb;
    INSERT INTO calib.result_sum
    SELECT r.unit_id, r.measure, r.product_line,
           date_trunc('month', r.occurred_at AT TIME ZONE (SELECT o.zone FROM calib.organisation o))::date,
           sum(r.amount), count(*), sum(extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at)),
           min(r.occurred_at), max(r.occurred_at), max(r.recorded_at)
    FROM calib.result r
    GROUP BY 1, 2, 3, 4;
    GET DIAGNOSTICS summed = ROW_COUNT;
    RETURN summed;
END $$;
COMMENT ON FUNCTION calib.sum_results_anew() IS
'Makes result_sum anew from all results; returns how many rows. For a superuser, where triggers were switched off while results changed. Nobody writes results meanwhile.';
REVOKE EXECUTE ON FUNCTION calib.sum_results_anew() FROM PUBLIC;

CREATE FUNCTION calib.keep_result_months() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.organisation'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.keep_result_months keeps table calib.organisation only';
    END IF;
    IF NOT calib.restoring() THEN
        PERFORM calib.sum_results_anew();
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.keep_result_months() IS
'Trigger: in another time zone results are of other days, and months.';
REVOKE EXECUTE ON FUNCTION calib.keep_result_months() FROM PUBLIC;
CREATE TRIGGER keep_result_months AFTER UPDATE OF zone ON calib.organisation
    FOR EACH ROW WHEN (OLD.zone IS DISTINCT FROM NEW.zone) EXECUTE FUNCTION calib.keep_result_months();
ALTER TABLE calib.organisation ENABLE ALWAYS TRIGGER keep_result_months;

-- Reading ---------------------------------------------------------------------

-- From above what has climbed; from below what is new, what is the unit's own, and all of
-- those above which somebody moved, or of whom something happened or was recorded after the
-- time asked for.  From the facts themselves what of a month lies after that time, and
-- months in which a unit, or one above it, moved.
CREATE FUNCTION calib.all_results_by_month(from_month date, to_month date, as_of timestamptz,
    known_at timestamptz DEFAULT NULL, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, measure text, product_line text, month date, amount numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    zone text := (SELECT o.zone FROM calib.organisation o);
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT u.unit_id FROM calib.unit u WHERE of_units IS NULL OR u.unit_id IN (SELECT unnest(of_units))
    ), moved AS MATERIALIZED (
        SELECT m.unit_id, m.month FROM calib.months_moved() m WHERE m.month >= from_month AND m.month < to_month
    ), month AS MATERIALIZED (
        SELECT g.month::date AS month
        FROM generate_series(from_month::timestamp, to_month::timestamp - interval '1 day', interval '1 month') AS g (month)
    ), unfit AS MATERIALIZED (
        SELECT k.unit_id, k.month FROM calib.result_climb k
        WHERE k.month >= from_month AND k.month < to_month AND (k.last_at > as_of OR k.last_recorded > known_at)
    ), broken AS MATERIALIZED (
        -- what has climbed is fit where that of those above is: looked at are the others, and the tops
        SELECT s.unit_id, s.month
        FROM calib.result_sum s
        WHERE s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.last_at > as_of OR s.last_recorded > known_at)
          AND EXISTS (SELECT FROM unfit)
        UNION
        SELECT s.unit_id, s.month
        FROM calib.result_sum s
        WHERE s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.last_at > as_of OR s.last_recorded > known_at)
          AND s.unit_id = ANY (ARRAY(SELECT h.unit_id FROM calib.unit_history h WHERE h.parent_id IS NULL))
        UNION
        SELECT s.unit_id, s.month
        FROM calib.result_sum s
        WHERE NOT s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.last_at > as_of OR s.last_recorded > known_at)
        UNION
        SELECT m.unit_id, m.month FROM moved m
    ), fallen AS MATERIALIZED (
        SELECT b.unit_id, b.month
        FROM broken b
        CROSS JOIN LATERAL (
            SELECT FROM calib.result_sum s WHERE s.unit_id = b.unit_id AND s.month = b.month AND s.climbed LIMIT 1) c
    ), hidden AS MATERIALIZED (
        -- above these nothing that has climbed is read
        SELECT m.unit_id, n.month FROM calib.result_climb_mark m CROSS JOIN month n
        UNION
        SELECT u.unit_id, u.month FROM unfit u
        UNION
        -- of a unit that is read from the facts nothing has climbed
        SELECT p.ancestor_id, f.month
        FROM fallen f
        JOIN calib.unit_closure p ON p.unit_id = f.unit_id AND p.valid_from < (f.month + interval '1 month')::date AND p.valid_to > f.month
    ), fact AS MATERIALIZED (
        SELECT b.unit_id, r.measure, r.product_line, b.month, (r.occurred_at AT TIME ZONE zone)::date AS day, sum(r.amount) AS amount
        FROM broken b
        JOIN calib.result r ON r.unit_id = b.unit_id
         AND r.occurred_at >= calib.start_of(b.month) AND r.occurred_at < calib.start_of((b.month + interval '1 month')::date)
        WHERE r.occurred_at <= as_of AND (known_at IS NULL OR r.recorded_at <= known_at)
        GROUP BY 1, 2, 3, 4, 5
    ), part AS (
        SELECT p.ancestor_id, s.measure, s.product_line, s.month, s.amount
        FROM calib.result_sum s
        JOIN calib.unit_closure p ON p.unit_id = s.unit_id AND p.valid_from <= s.month AND p.valid_to > s.month
        WHERE NOT s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.unit_id, s.month) NOT IN (SELECT b.unit_id, b.month FROM broken b)
        UNION ALL
        SELECT s.unit_id, s.measure, s.product_line, s.month, s.amount
        FROM calib.result_sum s
        WHERE of_units IS NULL AND s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.unit_id, s.month) NOT IN (SELECT b.unit_id, b.month FROM broken b)
        UNION ALL
        SELECT s.unit_id, s.measure, s.product_line, s.month, s.amount
        FROM calib.result_sum s
        WHERE s.unit_id = ANY (of_units) AND s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.unit_id, s.month) NOT IN (SELECT b.unit_id, b.month FROM broken b)
        UNION ALL
        SELECT p.ancestor_id, s.measure, s.product_line, s.month, s.amount
        FROM hidden h
        JOIN calib.unit_closure p ON p.ancestor_id = h.unit_id AND p.depth > 0 AND p.valid_from <= h.month AND p.valid_to > h.month
        JOIN calib.result_sum s ON s.unit_id = p.unit_id AND s.month = h.month
        WHERE s.climbed AND (s.unit_id, s.month) NOT IN (SELECT b.unit_id, b.month FROM broken b)
        UNION ALL
        SELECT k.unit_id, k.measure, k.product_line, k.month, k.amount
        FROM calib.result_climb k
        WHERE k.month >= from_month AND k.month < to_month
          AND (k.unit_id, k.month) NOT IN (SELECT h.unit_id, h.month FROM hidden h)
        UNION ALL
        SELECT p.ancestor_id, f.measure, f.product_line, f.month, f.amount
        FROM fact f
        JOIN calib.unit_closure p ON p.unit_id = f.unit_id AND p.valid_from <= f.day AND p.valid_to > f.day
        WHERE p.unit_id = ANY (ARRAY(SELECT b.unit_id FROM broken b))
    )
    SELECT p.ancestor_id, p.measure, p.product_line, p.month, sum(p.amount)
    FROM part p
    WHERE p.ancestor_id IN (SELECT a.unit_id FROM asked a)
    GROUP BY p.ancestor_id, p.measure, p.product_line, p.month;
END $$;
COMMENT ON FUNCTION calib.all_results_by_month(date, date, timestamptz, timestamptz, bigint[]) IS
'Results of every unit (or some) and all that stood below it on each day, per month in [from_month, to_month), both first days of a month, of what had happened by as_of and, with known_at, was recorded by then. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_results_by_month(date, date, timestamptz, timestamptz, bigint[]) FROM PUBLIC;

-- By where a unit stands on a day, whoever it reported to when the result came in.
CREATE FUNCTION calib.all_result_lags(from_month date, to_month date, as_of timestamptz, on_day date, of_units bigint[])
RETURNS TABLE (unit_id bigint, lag_seconds numeric, results bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH late AS MATERIALIZED (
        SELECT s.unit_id, s.month FROM calib.result_sum s
        WHERE NOT s.climbed AND s.month >= from_month AND s.month < to_month AND s.last_at > as_of
        UNION
        SELECT s.unit_id, s.month FROM calib.result_sum s
        WHERE s.climbed AND s.month >= from_month AND s.month < to_month AND s.last_at > as_of
          -- what has climbed, or stands at the top, had happened when the sums were folded
          AND EXISTS (SELECT FROM calib.result_climb k WHERE k.last_at > as_of)
        UNION
        SELECT s.unit_id, s.month FROM calib.result_sum s
        WHERE s.climbed AND s.month >= from_month AND s.month < to_month AND s.last_at > as_of
          AND s.unit_id = ANY (ARRAY(SELECT h.unit_id FROM calib.unit_history h WHERE h.parent_id IS NULL))
    ), lag AS (
        SELECT s.unit_id, s.lag_seconds, s.results
        FROM calib.result_sum s
        WHERE s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.unit_id, s.month) NOT IN (SELECT l.unit_id, l.month FROM late l)
        UNION ALL
        SELECT s.unit_id, s.lag_seconds, s.results
        FROM calib.result_sum s
        WHERE NOT s.climbed AND s.month >= from_month AND s.month < to_month
          AND (s.unit_id, s.month) NOT IN (SELECT l.unit_id, l.month FROM late l)
        UNION ALL
        SELECT r.unit_id, extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at), 1
        FROM late l
        JOIN calib.result r ON r.unit_id = l.unit_id
         AND r.occurred_at >= calib.start_of(l.month) AND r.occurred_at < calib.start_of((l.month + interval '1 month')::date)
        WHERE r.occurred_at <= as_of
    )
    SELECT c.ancestor_id, sum(g.lag_seconds), sum(g.results)::bigint
    FROM lag g
    JOIN calib.unit_closure c ON c.unit_id = g.unit_id
    WHERE c.ancestor_id = ANY (of_units) AND c.valid_from <= on_day AND c.valid_to > on_day
    GROUP BY c.ancestor_id;
END $$;
COMMENT ON FUNCTION calib.all_result_lags(date, date, timestamptz, date, bigint[]) IS
'How long results took to be recorded, of units (NULL: of none) and all that stands below them on a day, of the months in [from_month, to_month) and what had happened by as_of. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_result_lags(date, date, timestamptz, date, bigint[]) FROM PUBLIC;
