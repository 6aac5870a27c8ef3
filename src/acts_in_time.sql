-- Acts in time: adjusting in time counts as a contribution, so it is counted.

CREATE FUNCTION calib.acts_by_person()
RETURNS TABLE (person text, quarter_start date, acts bigint, in_time bigint, in_time_share numeric, mean_days float8)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH act AS (
        SELECT d.acted_by AS person, calib.period_start(calib.day_of(d.acted_at), 'quarter', o.fiscal_start_month) AS quarter_start,
               d.detected_at, d.acted_at,
               d.acted_at <= d.detected_at + make_interval(hours => 24 * p.act_within_days) AS in_time,
               -- now, or as it stood when it was detected
               d.unit_id IN (SELECT calib.units_seen())
                 OR EXISTS (SELECT FROM calib.unit_ancestors(calib.day_of(d.detected_at), d.unit_id) a
                            WHERE a.ancestor_id IN (SELECT calib.units_seen())) AS seen
        FROM calib.organisation o
        JOIN calib.deviation d ON d.ending = 'acted' AND d.acted_at <= calib.clock() AND NOT d.observed
        LEFT JOIN LATERAL calib.policy_at(calib.day_of(d.detected_at), d.unit_id) p ON true
    )
    SELECT a.person, a.quarter_start, count(*), count(*) FILTER (WHERE a.in_time),
           count(*) FILTER (WHERE a.in_time)::numeric / count(*), calib.sri(a.detected_at, a.acted_at)
    FROM act a
    GROUP BY a.person, a.quarter_start
    -- one figure for everybody: who sees but a part of it sees none of it
    HAVING bool_and(a.seen) OR (a.person = calib.person() AND EXISTS (SELECT FROM calib.held_duties()));
END;
COMMENT ON FUNCTION calib.acts_by_person() IS 'What the view acts_in_time shows.';

CREATE VIEW calib.acts_in_time WITH (security_invoker = true) AS
SELECT a.* FROM calib.acts_by_person() a;
COMMENT ON VIEW calib.acts_in_time IS
'Deviations each person acted on per fiscal quarter, and how many of them in time: shown to that person, and to whoever sees all the units acted for.';
COMMENT ON COLUMN calib.acts_in_time.person IS 'Who acted; NULL: entered without a name.';
COMMENT ON COLUMN calib.acts_in_time.quarter_start IS 'First day of the fiscal quarter of the act.';
COMMENT ON COLUMN calib.acts_in_time.acts IS 'Deviations acted on.';
COMMENT ON COLUMN calib.acts_in_time.in_time IS 'Those acted on within act_within_days of the detection, by the policy of its day.';
COMMENT ON COLUMN calib.acts_in_time.in_time_share IS 'in_time / acts.';
COMMENT ON COLUMN calib.acts_in_time.mean_days IS 'Mean days from detected to acted.';
