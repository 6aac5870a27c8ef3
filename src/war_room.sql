-- The war room: one row per region, the dashboard's front row.

-- A function behind the view keeps its plan from being compiled (jit), which
-- takes longer than running it; and runs as its owner, as all figures do. Of the
-- diagnosis only the regions seen are read, and what decides about them.
CREATE FUNCTION calib.war_room_now()
RETURNS TABLE (unit_id bigint, region text, measure text, product_line text, period_start date, original_value numeric,
    target_value numeric, actual numeric, attainment numeric, attainment_original numeric, elapsed_share numeric,
    pace numeric, density float8, density_index float8, quadrant text, signal text, remedy text, reason text,
    adjustments_used bigint, adjustments_remaining bigint, deviations_open bigint, sri_days float8, lag_days
    numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := calib.clock();
    today date := calib.day_of(at);
    quarter date := calib.period_start(today, 'quarter', (SELECT o.fiscal_start_month FROM calib.organisation o));
    months_of_quarter date[] := ARRAY(SELECT (quarter + make_interval(months => m))::date FROM generate_series(0, 2) m);
    years_of_quarter date[] := ARRAY(SELECT (quarter - make_interval(months => m))::date FROM generate_series(0, 9, 3) m);
    quarter_at timestamptz := calib.start_of(quarter);
    seen bigint[] := calib.units_seen_or_all();
    regions bigint[] := ARRAY(SELECT u.unit_id FROM calib.unit u WHERE u.kind = 'region' AND (seen IS NULL OR u.unit_id IN (SELECT unnest(seen))));
BEGIN
    RETURN QUERY
    WITH place AS MATERIALIZED (
        SELECT c.unit_id, c.ancestor_id
        FROM calib.unit_closure c
        WHERE c.ancestor_id = ANY (regions) AND c.valid_from <= today AND c.valid_to > today
    ), whole AS MATERIALIZED (
        SELECT t.unit_id, t.measure, t.product_line FROM calib.target t WHERE t.grain = 'quarter' AND t.period_start = quarter
    ), entry AS (
        SELECT w.* FROM whole w
        UNION ALL
        -- few units have others than those of their quarter
        SELECT o.*
        FROM (SELECT t.unit_id, t.measure, t.product_line FROM calib.target t
              WHERE t.grain = 'month' AND t.period_start = ANY (months_of_quarter)
              UNION
              SELECT t.unit_id, t.measure, t.product_line FROM calib.target t
              WHERE t.grain = 'year' AND t.period_start = ANY (years_of_quarter)
              UNION
              SELECT b.unit_id, b.measure, b.product_line FROM calib.budget b WHERE b.quarter_start = quarter) o
        WHERE NOT EXISTS (SELECT FROM whole w WHERE w.unit_id = o.unit_id AND w.measure = o.measure AND w.product_line = o.product_line)
    ), entered AS (
        SELECT e.unit_id, count(*) AS entries FROM entry e GROUP BY e.unit_id
    ), spent AS (
        SELECT b.unit_id, sum(b.used) AS used, count(*) AS entries,
               sum(greatest(p.max_adjustments - b.used - b.pending, 0)) AS remaining
        FROM calib.budget b
        CROSS JOIN LATERAL calib.policy_at(today, b.unit_id) p
        WHERE b.quarter_start = quarter
        GROUP BY b.unit_id
    ), budget AS (
        SELECT a.ancestor_id AS unit_id, sum(coalesce(s.used, 0))::bigint AS used,
               sum((e.entries - coalesce(s.entries, 0)) * p.max_adjustments + coalesce(s.remaining, 0))::bigint AS remaining
        FROM entered e
        JOIN place a ON a.unit_id = e.unit_id
        JOIN calib.policy_at(today) p ON p.unit_id = e.unit_id
        LEFT JOIN spent s ON s.unit_id = e.unit_id
        GROUP BY a.ancestor_id
    ), deviation AS (
        SELECT a.ancestor_id AS unit_id, count(*) FILTER (WHERE d.ending IS NULL) AS open,
               calib.sri(d.detected_at, d.acted_at) FILTER (WHERE d.detected_at >= quarter_at) AS sri_days
        FROM calib.deviation d
        JOIN place a ON a.unit_id = d.unit_id
        WHERE NOT d.observed
        GROUP BY a.ancestor_id
    ), lag AS (
        SELECT s.unit_id, s.lag_seconds / nullif(s.results, 0) / 86400 AS lag_days
        FROM calib.all_result_lags(quarter, (date_trunc('month', today::timestamp) + interval '1 month')::date, at, today, regions) s
    )
    SELECT d.unit_id, d.unit_name, d.measure, d.product_line, d.period_start,
           d.original_value, d.target_value, d.actual, d.attainment, d.attainment_original,
           d.elapsed_share, d.pace, d.density, d.density_index, d.quadrant, d.signal, d.remedy,
           calib.reason_text(d.reason_code, d.reason_args),
           coalesce(b.used, 0), coalesce(b.remaining, 0), coalesce(v.open, 0), v.sri_days, l.lag_days
    FROM calib.diagnose_units(at, 'quarter', quarter, NULL, regions, seen, 'decision') d
    LEFT JOIN budget b ON b.unit_id = d.unit_id
    LEFT JOIN deviation v ON v.unit_id = d.unit_id
    LEFT JOIN lag l ON l.unit_id = d.unit_id;
END $$;
COMMENT ON FUNCTION calib.war_room_now() IS 'What the view war_room shows: regions seen.';

CREATE VIEW calib.war_room WITH (security_invoker = true) AS
SELECT w.* FROM calib.war_room_now() w;
COMMENT ON VIEW calib.war_room IS
'One row per region for the running quarter: attainment, pace, density, diagnosis, adjustments, deviations, response and data lag.';
COMMENT ON COLUMN calib.war_room.unit_id IS 'The region.';
COMMENT ON COLUMN calib.war_room.region IS 'Its name.';
COMMENT ON COLUMN calib.war_room.measure IS 'What the target counts.';
COMMENT ON COLUMN calib.war_room.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.war_room.period_start IS 'First day of the quarter.';
COMMENT ON COLUMN calib.war_room.original_value IS 'The target as published.';
COMMENT ON COLUMN calib.war_room.target_value IS 'The target as it stands.';
COMMENT ON COLUMN calib.war_room.actual IS 'Results to date.';
COMMENT ON COLUMN calib.war_room.attainment IS 'actual / target_value.';
COMMENT ON COLUMN calib.war_room.attainment_original IS 'actual / original_value.';
COMMENT ON COLUMN calib.war_room.elapsed_share IS 'Share of the quarter that has passed.';
COMMENT ON COLUMN calib.war_room.pace IS 'attainment / elapsed_share.';
COMMENT ON COLUMN calib.war_room.density IS 'Weighted activity per rep-week.';
COMMENT ON COLUMN calib.war_room.density_index IS 'Density against the peers''.';
COMMENT ON COLUMN calib.war_room.quadrant IS 'environment, execution, on_track or windfall.';
COMMENT ON COLUMN calib.war_room.signal IS 'strong, weak or none.';
COMMENT ON COLUMN calib.war_room.remedy IS 'What the diagnosis recommends.';
COMMENT ON COLUMN calib.war_room.reason IS 'Why, as a sentence.';
COMMENT ON COLUMN calib.war_room.adjustments_used IS 'Adjustments applied this quarter, of the region and all below it.';
COMMENT ON COLUMN calib.war_room.adjustments_remaining IS 'Adjustments left this quarter.';
COMMENT ON COLUMN calib.war_room.deviations_open IS 'Open deviations of the region and all below it.';
COMMENT ON COLUMN calib.war_room.sri_days IS 'Mean days from detected to acted, of what was detected this quarter.';
COMMENT ON COLUMN calib.war_room.lag_days IS 'Mean days from a result to its record, this quarter.';
