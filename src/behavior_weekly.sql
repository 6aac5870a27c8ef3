-- What each rep did, week by week.

CREATE FUNCTION calib.all_behavior_weekly(from_week date, to_week date, as_of timestamptz, of_units bigint[])
RETURNS TABLE (unit_id bigint, week date, events bigint, late_events bigint, weighted numeric, customers bigint,
    active_days bigint, concentration float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    first date;
    last date;
    from_at timestamptz;
    to_at timestamptz;
    raw record;
BEGIN
    SELECT min(w.week), max(w.week) INTO first, last FROM calib.weeks_begun($1, $2, $3) w;
    IF first IS NULL THEN
        RETURN;
    END IF;
    from_at := calib.start_of(first);
    to_at := least(calib.start_of(last + 7), $3);
    -- weeks stored whole
    RETURN QUERY
    SELECT s.unit_id, s.from_day, s.events::bigint, s.late_events::bigint, s.weighted, s.customers::bigint, s.active_days::bigint, s.concentration
    FROM calib.summary_in(from_at, to_at, NULL) s
    WHERE s.events_usable AND s.product_line = '' AND s.to_day = s.from_day + 7 AND s.events > 0
      AND ($4 IS NULL OR s.unit_id = ANY ($4));
    -- the others act by act
    raw := calib.raw_spans(from_at, to_at, NULL, $4, true);
    RETURN QUERY
    WITH part AS MATERIALIZED (
        SELECT s.unit_id, a.acts
        FROM calib.summary_in(from_at, to_at, NULL) s
        JOIN calib.activity_act a ON a.unit_id = s.unit_id AND a.from_day = s.from_day AND a.product_line = ''
        WHERE s.events_usable AND s.product_line = '' AND s.to_day < s.from_day + 7 AND a.acts IS NOT NULL
          AND ($4 IS NULL OR s.unit_id = ANY ($4))
    ), event AS (
        SELECT p.unit_id, a.customer_id, a.day, w.weight, CASE WHEN a.late_events = 0 THEN w.weight_on_time END AS weight_on_time
        FROM part p
        CROSS JOIN LATERAL calib.acts(p.acts) a
        JOIN calib.label_weights(ARRAY(SELECT DISTINCT k.kind FROM part p CROSS JOIN LATERAL calib.kind_counts(p.acts) k)) w
          ON w.label = a.kind AND a.day >= w.from_day AND a.day < w.to_day
        UNION ALL
        SELECT a.unit_id, a.customer_id, a.day, a.weight, a.weight_on_time
        FROM calib.raw_acts(raw.unit_ids, raw.from_ats, raw.to_ats, NULL) a
        WHERE a.product_line = '' AND a.weight IS NOT NULL
    )
    SELECT e.unit_id, calib.period_start(e.day, 'week'), count(*), count(*) - count(e.weight_on_time), sum(e.weight),
           count(DISTINCT e.customer_id), count(DISTINCT e.day), calib.concentration(e.customer_id)
    FROM event e
    GROUP BY e.unit_id, calib.period_start(e.day, 'week');
END $$;
COMMENT ON FUNCTION calib.all_behavior_weekly(date, date, timestamptz, bigint[]) IS
'Activity of each unit itself in the ISO weeks that begin in [from_week, to_week), before as_of, against padding; of_units: of these alone. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_behavior_weekly(date, date, timestamptz, bigint[]) FROM PUBLIC;

-- A whole week at work, which most are, is as long as the week.
CREATE FUNCTION calib.rep_weeks_each(from_week date, to_week date, as_of timestamptz, of_units bigint[])
RETURNS TABLE (unit_id bigint, week date, rep_weeks numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN QUERY
    WITH week AS MATERIALIZED (
        SELECT w.week, daterange(w.week, w.week + 7) AS days,
               tstzrange(calib.start_of(w.week), least(calib.start_of(w.week + 7), $3)) AS during
        FROM calib.weeks_begun($1, $2, $3) w
    ), working AS (
        SELECT d.unit_id, w.week, w.days, w.during, calib.days_at_work(d.active, d.absences, w.days) AS at_work
        FROM calib.unit u
        JOIN calib.unit_days() d USING (unit_id)
        CROSS JOIN week w
        WHERE u.kind = 'rep' AND ($4 IS NULL OR u.unit_id = ANY ($4))
    )
    SELECT w.unit_id, w.week,
           CASE WHEN w.at_work = datemultirange(w.days) THEN calib.hours_of(w.during)
                ELSE (SELECT sum(calib.hours_of(w.during * tstzrange(calib.start_of(lower(r)), calib.start_of(upper(r))))) FROM unnest(w.at_work) AS r) END / 168
    FROM working w
    WHERE w.at_work <> '{}'::datemultirange;
END $$;
COMMENT ON FUNCTION calib.rep_weeks_each(date, date, timestamptz, bigint[]) IS
'Working time of each rep in each ISO week that begins in [from_week, to_week), up to as_of, in weeks of 7 days; no row where it had none. of_units: of these alone. Internal.';
REVOKE EXECUTE ON FUNCTION calib.rep_weeks_each(date, date, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.behavior_weekly_in(from_week date, to_week date)
RETURNS TABLE (unit_id bigint, week date, events bigint, weighted numeric, density numeric, customers bigint,
    active_days bigint, concentration float8, late_share numeric)
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH seen AS MATERIALIZED (
        SELECT array_agg(u.unit_id) AS units
        FROM calib.unit u
        WHERE u.kind = 'rep' AND u.unit_id IN (SELECT calib.units_seen())
    )
    SELECT unit_id, week, coalesce(b.events, 0), coalesce(b.weighted, 0), coalesce(b.weighted, 0) / nullif(r.rep_weeks, 0),
           coalesce(b.customers, 0), coalesce(b.active_days, 0), b.concentration, b.late_events::numeric / b.events
    FROM (SELECT f.* FROM seen s CROSS JOIN LATERAL calib.all_behavior_weekly(from_week, to_week, calib.clock(), s.units) f WHERE s.units IS NOT NULL) b
    FULL JOIN (SELECT f.* FROM seen s CROSS JOIN LATERAL calib.rep_weeks_each(from_week, to_week, calib.clock(), s.units) f WHERE s.units IS NOT NULL) r
    USING (unit_id, week);
END;
COMMENT ON FUNCTION calib.behavior_weekly_in(date, date) IS
'What each rep seen did in the ISO weeks that begin in [from_week, to_week) and not after today, against padding: a row where it was at work or did something. NULL gives no rows; an infinite day is 22023.';

CREATE VIEW calib.behavior_weekly WITH (security_invoker = true) AS
SELECT b.unit_id, b.week, b.events, b.weighted, b.density, b.customers, b.active_days, b.concentration, b.late_share
FROM calib.behavior_weekly_in(calib.today() - 7 * 53 + 1, calib.today() + 1) b;
COMMENT ON VIEW calib.behavior_weekly IS
'What each rep did, per ISO week, of this week to date and the 52 before it: as a diagnosis counts, one event per customer, day and kind, of kinds that have a weight.';
COMMENT ON COLUMN calib.behavior_weekly.unit_id IS 'The rep.';
COMMENT ON COLUMN calib.behavior_weekly.week IS 'Monday of the week, in the organisation''s time.';
COMMENT ON COLUMN calib.behavior_weekly.events IS 'Events: activities of a customer, day and kind count once.';
COMMENT ON COLUMN calib.behavior_weekly.weighted IS 'Sum of their weights, each that of its day.';
COMMENT ON COLUMN calib.behavior_weekly.density IS 'weighted per week at work; NULL: not at work, or not yet.';
COMMENT ON COLUMN calib.behavior_weekly.customers IS 'Customers of the events.';
COMMENT ON COLUMN calib.behavior_weekly.active_days IS 'Days with an event.';
COMMENT ON COLUMN calib.behavior_weekly.concentration IS 'HHI of the events over customers, 0 to 1; NULL without customers.';
COMMENT ON COLUMN calib.behavior_weekly.late_share IS 'Share of the events of which nothing was recorded in time, by the policy of their day; NULL without events.';
