-- Ramp-up: how long those who joined took to their first order, and to work as
-- densely as their peers.

-- Whole ISO weeks only: a week that is not over may still be anything.
CREATE FUNCTION calib.all_weekly_index_in(from_week date, to_week date)
RETURNS TABLE (unit_id bigint, week date, density numeric, density_index numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET jit = off
BEGIN ATOMIC
    WITH acted AS (
        SELECT e.unit_id, calib.period_start(e.day, 'week') AS week, sum(e.weight) AS weighted
        FROM calib.all_events_in(calib.start_of(from_week), calib.start_of(to_week)) e
        WHERE e.product_line = ''
        GROUP BY 1, 2
    ), worked AS (
        SELECT u.unit_id, coalesce(u.peer_group, '') AS peer_group, g.day::date AS week, w.days / 7.0 AS rep_weeks
        FROM calib.unit u
        JOIN calib.unit_days() n USING (unit_id)
        CROSS JOIN generate_series(from_week::timestamp, to_week::timestamp - interval '7 days', interval '7 days') AS g (day)
        CROSS JOIN LATERAL (
            SELECT sum(upper(r) - lower(r)) AS days
            FROM unnest(calib.days_at_work(n.active, n.absences, daterange(g.day::date, g.day::date + 7))) AS r) w
        WHERE u.kind = 'rep' AND w.days > 0
    ), figure AS (
        SELECT w.*, coalesce(a.weighted, 0) AS weighted
        FROM worked w LEFT JOIN acted a USING (unit_id, week)
    ), compared AS (
        SELECT f.*, count(*) OVER peers - 1 AS others,
               (sum(f.weighted) OVER peers - f.weighted) / nullif(sum(f.rep_weeks) OVER peers - f.rep_weeks, 0) AS peer_density
        FROM figure f
        WINDOW peers AS (PARTITION BY f.peer_group, f.week)
    )
    SELECT c.unit_id, c.week, c.weighted / c.rep_weeks,
           -- rounded as in a diagnosis
           CASE WHEN c.others >= p.min_peers THEN round(c.weighted / c.rep_weeks / nullif(c.peer_density, 0), 12) END
    FROM compared c
    LEFT JOIN calib.policy_at() p USING (unit_id);
END;
COMMENT ON FUNCTION calib.all_weekly_index_in(date, date) IS
'Density per rep-week of every rep in each ISO week at work of [from_week, to_week), both Mondays, and its index against the other reps of the peer group; NULL: fewer of them at work than min_peers, or none of them acted. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_weekly_index_in(date, date) FROM PUBLIC;

CREATE FUNCTION calib.ramp_up_in(from_day date, to_day date)
RETURNS TABLE (unit_id bigint, unit_name text, parent_id bigint, peer_group text, joined date, left_on date,
    first_order date, days_to_first_order bigint, first_dense_week date, days_to_density bigint,
    days_so_far bigint, note text)
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH joiner AS MATERIALIZED (
        SELECT u.unit_id, u.name, u.parent_id, u.peer_group, lower(u.active) AS joined,
               CASE WHEN upper(u.active) <= calib.today() THEN upper(u.active) END AS left_on
        FROM calib.unit u
        WHERE u.kind = 'rep' AND lower(u.active) >= from_day AND lower(u.active) < to_day AND lower(u.active) <= calib.today()
          AND isfinite(lower(u.active)) AND u.unit_id IN (SELECT calib.units_seen())
    ), span AS (
        SELECT calib.period_start(min(j.joined), 'week') AS from_week, calib.period_start(calib.today(), 'week') AS to_week
        FROM joiner j
    ), week AS (
        SELECT j.unit_id, count(*) AS weeks, count(i.density_index) AS judged,
               min(i.week) FILTER (WHERE i.density_index >= 1) AS dense
        FROM span s
        CROSS JOIN LATERAL calib.all_weekly_index_in(s.from_week, s.to_week) i
        JOIN joiner j ON j.unit_id = i.unit_id AND i.week + 7 > j.joined
        GROUP BY j.unit_id
    ), sold AS (
        SELECT j.unit_id, calib.day_of(least(
            (SELECT min(a.occurred_at) FROM calib.activity a
             WHERE a.unit_id = j.unit_id AND a.kind = 'order' AND a.occurred_at >= since.at AND a.occurred_at <= calib.clock()),
            (SELECT min(o.closed_at) FROM calib.opportunity o
             WHERE o.unit_id = j.unit_id AND o.outcome = 'won' AND o.closed_at >= since.at AND o.closed_at <= calib.clock()),
            (SELECT min(r.occurred_at) FROM calib.result r
             WHERE r.unit_id = j.unit_id AND r.amount > 0 AND r.occurred_at >= since.at AND r.occurred_at <= calib.clock()))) AS day
        FROM joiner j
        CROSS JOIN LATERAL (SELECT calib.start_of(j.joined) AS at) since
    )
    SELECT j.unit_id, j.name, j.parent_id, j.peer_group, j.joined, j.left_on,
           s.day, s.day - j.joined, w.dense, greatest(w.dense - j.joined, 0),
           CASE WHEN s.day IS NULL OR w.dense IS NULL THEN coalesce(j.left_on, calib.today()) - j.joined END,
           CASE WHEN w.dense IS NOT NULL THEN NULL
                WHEN w.weeks IS NULL THEN 'no_whole_week'
                WHEN w.judged = 0 THEN 'no_peers' END
    FROM joiner j
    JOIN sold s USING (unit_id)
    LEFT JOIN week w USING (unit_id);
END;
COMMENT ON FUNCTION calib.ramp_up_in(date, date) IS
'ramp_up of the reps seen who joined in [from_day, to_day), up to today. NULL gives no rows.';

CREATE VIEW calib.ramp_up WITH (security_invoker = true) AS
SELECT r.* FROM calib.ramp_up_in(calib.today() - 365, calib.today() + 1) r;
COMMENT ON VIEW calib.ramp_up IS
'Reps who joined in the last 365 days: days to the first order and to the density of their peers.';
COMMENT ON COLUMN calib.ramp_up.unit_id IS 'The rep.';
COMMENT ON COLUMN calib.ramp_up.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.ramp_up.parent_id IS 'The unit above.';
COMMENT ON COLUMN calib.ramp_up.peer_group IS 'The group it is compared within.';
COMMENT ON COLUMN calib.ramp_up.joined IS 'First active day.';
COMMENT ON COLUMN calib.ramp_up.left_on IS 'First day after leaving; NULL: still there.';
COMMENT ON COLUMN calib.ramp_up.first_order IS 'Day of the first order, won opportunity or positive result, whichever came first; NULL: none yet.';
COMMENT ON COLUMN calib.ramp_up.days_to_first_order IS 'Days from joining to it; 0: on the first day.';
COMMENT ON COLUMN calib.ramp_up.first_dense_week IS 'Monday of the first ISO week with a density index of at least 1 against the other reps; NULL: none yet.';
COMMENT ON COLUMN calib.ramp_up.days_to_density IS 'Days from joining to that Monday; 0 where it is the week of joining.';
COMMENT ON COLUMN calib.ramp_up.days_so_far IS 'Where one of both is still to come: days from joining to today, or to leaving.';
COMMENT ON COLUMN calib.ramp_up.note IS
'Why no week was dense: no_whole_week (none at work is over), no_peers (in none of them were there min_peers others who acted); NULL: there was one, or not yet.';
