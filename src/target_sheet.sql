-- A year's targets from a sheet: what is missing, and what does not add up.

-- Siblings are those of the same kind under the same parent in the period, as
-- target_gap sees them.
CREATE FUNCTION calib.targets_missing()
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, measure text, product_line text,
    grain text, period_start date, siblings bigint, siblings_with bigint)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH period AS (
        SELECT t.grain, t.period_start, daterange(t.period_start, calib.period_end(t.period_start, t.grain)) AS days
        FROM calib.target t
        GROUP BY t.grain, t.period_start
    ), member AS MATERIALIZED (
        SELECT p.grain, p.period_start, h.parent_id, u.kind, u.unit_id
        FROM period p
        JOIN calib.unit_history h ON h.parent_id IS NOT NULL
         AND h.valid @> greatest(least(calib.today(), upper(p.days) - 1), p.period_start)
        JOIN calib.unit u ON u.unit_id = h.unit_id AND u.active && p.days
    ), sheet AS (
        SELECT m.parent_id, m.kind, t.measure, t.product_line, t.grain, t.period_start, count(*) AS units
        FROM calib.target t
        JOIN member m USING (unit_id, grain, period_start)
        GROUP BY 1, 2, 3, 4, 5, 6
    )
    SELECT m.unit_id, u.name, u.kind, m.parent_id, s.measure, s.product_line, s.grain, s.period_start,
           (SELECT count(*) FROM member o
            WHERE o.parent_id = m.parent_id AND o.kind = m.kind
              AND o.grain = m.grain AND o.period_start = m.period_start) - 1,
           s.units
    FROM sheet s
    JOIN member m USING (parent_id, kind, grain, period_start)
    JOIN calib.unit u USING (unit_id)
    WHERE m.unit_id IN (SELECT calib.units_seen())
      AND NOT EXISTS (SELECT FROM calib.target t
                      WHERE t.unit_id = m.unit_id AND t.measure = s.measure AND t.product_line = s.product_line
                        AND t.grain = s.grain AND t.period_start = s.period_start);
END;
COMMENT ON FUNCTION calib.targets_missing() IS 'What the view target_missing shows.';

CREATE VIEW calib.target_missing WITH (security_invoker = true) AS
SELECT m.* FROM calib.targets_missing() m;
COMMENT ON VIEW calib.target_missing IS
'Units without a target of their own where siblings (same kind, same parent) have one, per measure, product line, grain and period; drafts count as targets.';
COMMENT ON COLUMN calib.target_missing.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.target_missing.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.target_missing.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.target_missing.parent_id IS 'The unit above it in the period.';
COMMENT ON COLUMN calib.target_missing.measure IS 'What the siblings'' targets count.';
COMMENT ON COLUMN calib.target_missing.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.target_missing.grain IS 'month, quarter or year.';
COMMENT ON COLUMN calib.target_missing.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.target_missing.siblings IS 'Units of its kind beside it.';
COMMENT ON COLUMN calib.target_missing.siblings_with IS 'Those that have a target.';

CREATE VIEW calib.target_period_gap WITH (security_invoker = true) AS
SELECT w.unit_id, u.unit_name, w.measure, w.product_line, w.grain, w.period_start, w.value AS target_value,
       p.grain AS part_grain, count(*) AS parts,
       CASE WHEN p.grain = 'quarter' THEN 4 WHEN w.grain = 'year' THEN 12 ELSE 3 END::bigint AS parts_expected,
       sum(p.value) AS parts_value, sum(p.value) - w.value AS gap
FROM calib.target w
JOIN calib.target p USING (unit_id, measure, product_line)
JOIN calib.unit_label u USING (unit_id)
WHERE (w.grain, p.grain) IN (('year', 'quarter'), ('year', 'month'), ('quarter', 'month'))
  AND p.period_start >= w.period_start AND p.period_start < calib.period_end(w.period_start, w.grain)
GROUP BY w.target_id, u.unit_name, p.grain;
COMMENT ON VIEW calib.target_period_gap IS
'A unit''s target of a year or quarter against the sum of its own targets for the quarters or months within: gap is what the parts carry more (or, negative, less).';
COMMENT ON COLUMN calib.target_period_gap.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.target_period_gap.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.target_period_gap.measure IS 'What is counted.';
COMMENT ON COLUMN calib.target_period_gap.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.target_period_gap.grain IS 'Grain of the whole: year or quarter.';
COMMENT ON COLUMN calib.target_period_gap.period_start IS 'First day of the whole.';
COMMENT ON COLUMN calib.target_period_gap.target_value IS 'The target of the whole as it stands.';
COMMENT ON COLUMN calib.target_period_gap.part_grain IS 'Grain of the parts: quarter or month.';
COMMENT ON COLUMN calib.target_period_gap.parts IS 'Parts that have a target.';
COMMENT ON COLUMN calib.target_period_gap.parts_expected IS 'Parts there are: 4, 12 or 3.';
COMMENT ON COLUMN calib.target_period_gap.parts_value IS 'What the parts carry together.';
COMMENT ON COLUMN calib.target_period_gap.gap IS 'parts_value - target_value.';
