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
    last_recorded timestamptz NOT NULL
);
CREATE INDEX result_sum_month ON calib.result_sum (month, unit_id);
CREATE INDEX result_sum_unit ON calib.result_sum (unit_id, month);
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
SELECT calib.keep_in_dump('calib.result_sum');

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
        DELETE FROM calib.result_sum;
        RETURN NULL;
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

-- What is deleted here is what this statement saw: rows appended meanwhile stay, and of
-- two at once each folds the rows it got.
CREATE FUNCTION calib.fold_result_sums() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH many AS MATERIALIZED (
        SELECT s.unit_id, s.month FROM calib.result_sum s
        GROUP BY s.unit_id, s.month, s.measure, s.product_line
        HAVING count(*) > 1 OR sum(s.results) = 0
    ), taken AS (
        DELETE FROM calib.result_sum s
        WHERE (s.unit_id, s.month) IN (SELECT m.unit_id, m.month FROM many m)
        RETURNING s.*
    ), folded AS (
        INSERT INTO calib.result_sum
        SELECT t.unit_id, t.measure, t.product_line, t.month, sum(t.amount), sum(t.results)::bigint, sum(t.lag_seconds),
               min(t.first_at), max(t.last_at), max(t.last_recorded)
        FROM taken t
        GROUP BY 1, 2, 3, 4
        HAVING sum(t.results) <> 0 OR sum(t.amount) <> 0 OR sum(t.lag_seconds) <> 0
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM taken) - (SELECT count(*) FROM folded);
END;
COMMENT ON FUNCTION calib.fold_result_sums() IS
'Folds the rows of result_sum that are of one unit, measure, product line and month into one; returns how many rows fewer there are. Internal.';
REVOKE EXECUTE ON FUNCTION calib.fold_result_sums() FROM PUBLIC;

CREATE FUNCTION calib.sum_results_anew() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    summed bigint;
BEGIN
    LOCK TABLE calib.result IN SHARE MODE;
    DELETE FROM calib.result_sum;
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

-- Read from the facts themselves: what of a month lies after the time asked for or was
-- recorded later, and months in which a unit, or one above it, moved.
CREATE FUNCTION calib.all_results_by_month(from_month date, to_month date, as_of timestamptz,
    known_at timestamptz DEFAULT NULL, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, measure text, product_line text, month date, amount numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    zone text := (SELECT o.zone FROM calib.organisation o);
    last_day date := (to_month - interval '1 day')::date;
BEGIN
    RETURN QUERY
    WITH place AS MATERIALIZED (
        SELECT c.unit_id, c.ancestor_id, c.valid_from, c.valid_to,
               c.valid_from > from_month OR c.valid_to <= last_day AS moved
        FROM calib.unit_closure c
        WHERE c.valid_from <= last_day AND c.valid_to > from_month
          AND (of_units IS NULL OR c.ancestor_id IN (SELECT unnest(of_units)))
    ), mover AS MATERIALIZED (
        -- the day is the unit's own: one above that moved has moved it too
        SELECT c.unit_id, date_trunc('month', e.day)::date AS month
        FROM calib.unit_closure c
        CROSS JOIN LATERAL (VALUES (c.valid_from), (c.valid_to)) AS e (day)
        WHERE (c.valid_from > '-infinity' OR c.valid_to < 'infinity') AND isfinite(e.day) AND e.day > from_month AND e.day <= last_day AND extract(day FROM e.day) > 1
        GROUP BY 1, 2
    ), broken AS MATERIALIZED (
        SELECT s.unit_id, s.measure, s.product_line, s.month
        FROM calib.result_sum s
        WHERE s.month >= from_month AND s.month < to_month
          AND (s.last_at > as_of OR s.last_recorded > known_at
               OR (s.unit_id, s.month) IN (SELECT m.unit_id, m.month FROM mover m))
        GROUP BY 1, 2, 3, 4
    ), part AS (
        SELECT s.unit_id, s.measure, s.product_line, s.month, s.month AS day, s.amount
        FROM calib.result_sum s
        WHERE s.month >= from_month AND s.month < to_month
          AND (s.unit_id, s.measure, s.product_line, s.month) NOT IN (SELECT b.unit_id, b.measure, b.product_line, b.month FROM broken b)
        UNION ALL
        SELECT b.unit_id, b.measure, b.product_line, b.month, (r.occurred_at AT TIME ZONE zone)::date, r.amount
        FROM broken b
        JOIN calib.result r ON r.unit_id = b.unit_id AND r.measure = b.measure AND r.product_line = b.product_line
         AND r.occurred_at >= calib.start_of(b.month) AND r.occurred_at < calib.start_of((b.month + interval '1 month')::date)
        WHERE r.occurred_at <= as_of AND (known_at IS NULL OR r.recorded_at <= known_at)
    )
    SELECT p.ancestor_id, d.measure, d.product_line, d.month, sum(d.amount)
    FROM part d
    JOIN place p ON p.unit_id = d.unit_id
    WHERE NOT p.moved OR (d.day >= p.valid_from AND d.day < p.valid_to)
    GROUP BY p.ancestor_id, d.measure, d.product_line, d.month;
END $$;
COMMENT ON FUNCTION calib.all_results_by_month(date, date, timestamptz, timestamptz, bigint[]) IS
'Results of every unit (or some) and all that stood below it on each day, per month in [from_month, to_month), both first days of a month, of what had happened by as_of and, with known_at, was recorded by then. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_results_by_month(date, date, timestamptz, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.all_result_lags(from_month date, to_month date, as_of timestamptz)
RETURNS TABLE (unit_id bigint, lag_seconds numeric, results bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH late AS MATERIALIZED (
        SELECT s.unit_id, s.month FROM calib.result_sum s
        WHERE s.month >= from_month AND s.month < to_month AND s.last_at > as_of
        GROUP BY s.unit_id, s.month
    )
    SELECT s.unit_id, s.lag_seconds, s.results
    FROM calib.result_sum s
    WHERE s.month >= from_month AND s.month < to_month
      AND (s.unit_id, s.month) NOT IN (SELECT l.unit_id, l.month FROM late l)
    UNION ALL
    SELECT r.unit_id, extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at), 1
    FROM late l
    JOIN calib.result r ON r.unit_id = l.unit_id
     AND r.occurred_at >= calib.start_of(l.month) AND r.occurred_at < calib.start_of((l.month + interval '1 month')::date)
    WHERE r.occurred_at <= as_of;
END $$;
COMMENT ON FUNCTION calib.all_result_lags(date, date, timestamptz) IS
'How long results took to be recorded, of each unit itself, as rows to be added up, of the months in [from_month, to_month) and what had happened by as_of. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_result_lags(date, date, timestamptz) FROM PUBLIC;
