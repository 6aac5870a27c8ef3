-- The war room: one row per region, the dashboard's front row.

-- A function behind the view keeps its plan from being compiled (jit), which
-- takes longer than running it; and runs as its owner, as all figures do. The
-- diagnosis in it holds the regions seen.
CREATE FUNCTION calib.war_room_now()
RETURNS TABLE (unit_id bigint, region text, measure text, product_line text, period_start date, original_value numeric,
    target_value numeric, actual numeric, attainment numeric, attainment_original numeric, elapsed_share numeric,
    pace numeric, density float8, density_index float8, quadrant text, signal text, remedy text, reason text,
    adjustments_used bigint, adjustments_remaining bigint, deviations_open bigint, sri_days float8, lag_days
    numeric)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH budget AS (
        SELECT a.ancestor_id AS unit_id, sum(b.used)::bigint AS used, sum(b.remaining)::bigint AS remaining
        FROM calib.organisation o
        JOIN calib.adjustment_budget b ON b.quarter_start = calib.period_start(calib.today(), 'quarter', o.fiscal_start_month)
        JOIN calib.unit_ancestors() a ON a.unit_id = b.unit_id
        GROUP BY a.ancestor_id
    ), deviation AS (
        SELECT a.ancestor_id AS unit_id, count(*) FILTER (WHERE d.ending IS NULL) AS open,
               calib.sri(d.detected_at, d.acted_at) FILTER (WHERE d.detected_at >= calib.start_of(calib.period_start(calib.today(), 'quarter', o.fiscal_start_month))) AS sri_days
        FROM calib.organisation o
        CROSS JOIN calib.deviation d
        JOIN calib.unit_ancestors() a ON a.unit_id = d.unit_id
        WHERE NOT d.observed
        GROUP BY a.ancestor_id
    ), lag AS (
        SELECT t.ancestor_id AS unit_id,
               avg(extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at)) / 86400 AS lag_days
        FROM calib.organisation o
        JOIN calib.result r ON r.occurred_at >= calib.start_of(calib.period_start(calib.today(), 'quarter', o.fiscal_start_month))
         AND r.occurred_at <= calib.clock()
        JOIN calib.unit_ancestors() t ON t.unit_id = r.unit_id
        GROUP BY t.ancestor_id
    )
    SELECT d.unit_id, d.unit_name AS region, d.measure, d.product_line, d.period_start,
           d.original_value, d.target_value, d.actual, d.attainment, d.attainment_original,
           d.elapsed_share, d.pace, d.density, d.density_index, d.quadrant, d.signal, d.remedy, d.reason,
           coalesce(b.used, 0) AS adjustments_used, coalesce(b.remaining, 0) AS adjustments_remaining,
           coalesce(v.open, 0) AS deviations_open, v.sri_days, l.lag_days
    FROM calib.diagnosis d
    LEFT JOIN budget b USING (unit_id)
    LEFT JOIN deviation v USING (unit_id)
    LEFT JOIN lag l USING (unit_id)
    WHERE d.unit_kind = 'region';
END;
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
