-- The job rollup: sums up the days that are marked, and puts weeks together when they are
-- over.

-- Of what was marked for all units, the units that have something stored of these days.
CREATE FUNCTION calib.spread_marks() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM calib.activity_mark m WHERE m.unit_id IS NULL RETURNING m.day
    )
    INSERT INTO calib.activity_mark (unit_id, day)
    SELECT s.unit_id, d.day::date
    FROM calib.activity_summary s
    CROSS JOIN LATERAL generate_series(s.from_day::timestamp, s.to_day::timestamp - interval '1 day', interval '1 day') AS d (day)
    WHERE s.product_line = '' AND s.to_day > (SELECT min(g.day) FROM gone g);
END;
COMMENT ON FUNCTION calib.spread_marks() IS
'Puts a mark per unit and stored day in place of those for every unit. Internal.';
REVOKE EXECUTE ON FUNCTION calib.spread_marks() FROM PUBLIC;

CREATE FUNCTION calib.week_is_over(day date, today date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT day + 8 - extract(isodow FROM day)::integer <= today;
END;
COMMENT ON FUNCTION calib.week_is_over(date, date) IS
'Whether the ISO week of a day ends before today. NULL gives NULL.';

-- One unit whose activities cannot be summed up (an act of so many outcomes that its label
-- is too long) keeps nobody else from it: its marks come back, and so its days are read raw.
CREATE FUNCTION calib.store_what_can_be(unit_ids bigint[], from_days date[], to_days date[], closed boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    half constant integer := cardinality($1) / 2;
BEGIN
    RETURN calib.store_parts($1, $2, $3, $4);
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE ~ '^(40|53|55|57|58)' THEN
        RAISE;
    END IF;
    IF half = 0 THEN
        INSERT INTO calib.activity_mark (unit_id, day)
        SELECT $1[1], $2[1] + n FROM generate_series(0, $3[1] - $2[1] - 1) AS n;
        RAISE WARNING 'unit % is not summed up from % up to %: %', $1[1], $2[1], $3[1], SQLERRM;
        RETURN 0;
    END IF;
    RETURN calib.store_what_can_be($1[:half], $2[:half], $3[:half], $4)
         + calib.store_what_can_be($1[half + 1:], $2[half + 1:], $3[half + 1:], $4);
END $$;
COMMENT ON FUNCTION calib.store_what_can_be(bigint[], date[], date[], boolean) IS
'calib.store_parts, without those that fail: their days are marked again, with a warning. Errors of the server''s state (classes 40, 53, 55, 57, 58) are not caught. Internal.';
REVOKE EXECUTE ON FUNCTION calib.store_what_can_be(bigint[], date[], date[], boolean) FROM PUBLIC;

-- Takes the marks of a month and stores what its units did, a thousand parts of weeks at a
-- time, unit by unit: a month is added up when all of a unit's parts of it are there.
-- What is not reached in time is marked again.
CREATE FUNCTION calib.roll_month(of_day date, today date, until timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    slice record;
    stored bigint := 0;
    month date := date_trunc('month', $1::timestamp)::date;
    next_month date := month + interval '1 month';
BEGIN
    FOR slice IN
        WITH gone AS MATERIALIZED (
            DELETE FROM calib.activity_mark m
            WHERE m.day >= month AND m.day < next_month AND m.unit_id IS NOT NULL
            RETURNING m.unit_id, m.day
        ), marked AS (
            SELECT DISTINCT g.unit_id, g.day,
                   calib.week_is_over(g.day, $2) OR EXISTS (
                       SELECT FROM calib.activity_summary s
                       WHERE s.unit_id = g.unit_id AND s.from_day = calib.part_from(g.day) AND s.closed) AS closed
            FROM gone g
            WHERE g.day >= (SELECT calib.dropped_before())
        ), part AS (
            SELECT DISTINCT m.unit_id, m.closed,
                   CASE WHEN m.closed THEN calib.part_from(m.day) ELSE m.day END AS from_day,
                   CASE WHEN m.closed THEN calib.part_to(m.day) ELSE m.day + 1 END AS to_day
            FROM marked m
        ), numbered AS (
            SELECT p.*, row_number() OVER (PARTITION BY p.closed ORDER BY p.unit_id, p.from_day) AS n
            FROM part p
        )
        SELECT array_agg(p.unit_id ORDER BY p.n) AS units, array_agg(p.from_day ORDER BY p.n) AS from_days,
               array_agg(p.to_day ORDER BY p.n) AS to_days, p.closed
        FROM numbered p
        GROUP BY p.closed, p.n / 1000
    LOOP
        IF clock_timestamp() < $3 THEN
            stored := stored + calib.store_what_can_be(slice.units, slice.from_days, slice.to_days, slice.closed);
        ELSE
            INSERT INTO calib.activity_mark (unit_id, day)
            SELECT r.unit_id, d.day::date
            FROM unnest(slice.units, slice.from_days, slice.to_days) AS r (unit_id, from_day, to_day)
            CROSS JOIN LATERAL generate_series(r.from_day::timestamp, r.to_day::timestamp - interval '1 day', interval '1 day') AS d (day);
        END IF;
    END LOOP;
    RETURN stored;
END $$;
COMMENT ON FUNCTION calib.roll_month(date, date, timestamptz) IS
'Takes away the marks of the month a day is in, and sums up what was marked, unless it is past a time (by the real clock), when the rest is marked again; returns how many rows are stored. Internal.';
REVOKE EXECUTE ON FUNCTION calib.roll_month(date, date, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.merge_days(today date) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    slice record;
    stored bigint := 0;
BEGIN
    FOR slice IN
        WITH part AS (
            SELECT s.unit_id, calib.part_from(s.from_day) AS from_day, calib.part_to(s.from_day) AS to_day,
                   -- too many to be told singly once they are together
                   sum((SELECT sum(coalesce(calib.distinct_events(a.acts), 0) + coalesce(calib.distinct_events(a.others), 0))
                        FROM calib.activity_act a
                        WHERE a.unit_id = s.unit_id AND a.from_day = s.from_day AND a.product_line = '')) > 4096 AS large
            FROM calib.activity_summary s
            WHERE NOT s.closed AND s.from_day < $1 AND calib.week_is_over(s.from_day, $1) AND s.product_line = ''
              AND s.from_day >= (SELECT calib.dropped_before())
            GROUP BY 1, 2, 3
        ), numbered AS (
            SELECT p.unit_id, p.from_day, p.to_day, coalesce(p.large, false) AS large,
                   row_number() OVER (PARTITION BY coalesce(p.large, false) ORDER BY p.from_day, p.unit_id) AS n
            FROM part p
        )
        SELECT array_agg(p.unit_id ORDER BY p.n) AS units, array_agg(p.from_day ORDER BY p.n) AS from_days,
               array_agg(p.to_day ORDER BY p.n) AS to_days, p.large
        FROM numbered p
        GROUP BY p.large, p.n / 1000
    LOOP
        stored := stored + CASE WHEN slice.large THEN calib.store_what_can_be(slice.units, slice.from_days, slice.to_days, true)
                                ELSE calib.merge_parts(slice.units, slice.from_days, slice.to_days) END;
    END LOOP;
    RETURN stored;
END $$;
COMMENT ON FUNCTION calib.merge_days(date) IS
'Puts days stored of weeks that are over by now together; returns how many rows they are then. Internal.';
REVOKE EXECUTE ON FUNCTION calib.merge_days(date) FROM PUBLIC;

-- Whoever comes later waits for this transaction, so it is not to become long: what is
-- left after a while keeps its marks.
CREATE FUNCTION calib.run_rollup(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today date := calib.day_of($1);
    until timestamptz := clock_timestamp() + interval '50 seconds';
    from_day date := '-infinity';
    oldest date;
    stored bigint := 0;
BEGIN
    PERFORM calib.lock_summaries('the job rollup');
    PERFORM calib.forget_marks();
    PERFORM calib.spread_marks();
    LOOP
        SELECT min(m.day) INTO oldest FROM calib.activity_mark m WHERE m.unit_id IS NOT NULL AND m.day >= from_day;
        EXIT WHEN oldest IS NULL OR clock_timestamp() >= until;
        stored := stored + calib.roll_month(oldest, today, until);
        -- marks that came back wait for the next run
        from_day := date_trunc('month', oldest::timestamp) + interval '1 month';
    END LOOP;
    RETURN stored + calib.merge_days(today);
END $$;
COMMENT ON FUNCTION calib.run_rollup(timestamptz) IS
'Job rollup: sums up the activities of all days that are marked, weeks over by as_of as a whole, and takes the marks away; returns how many rows are stored. After 50 seconds no further thousand is begun; the next run goes on. What cannot be summed up keeps its marks, with a warning. READ COMMITTED only (25001).';
REVOKE EXECUTE ON FUNCTION calib.run_rollup(timestamptz) FROM PUBLIC;
