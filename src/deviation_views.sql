-- Views on deviations: how fast somebody acted.

-- Deviations stay with the parent of their day, whose viewer may not see the unit
-- any more: counted as its owner, shown for the units seen.
CREATE FUNCTION calib.sri_by_month()
RETURNS TABLE (unit_id bigint, unit_name text, month date, acted bigint, open bigint, dismissed bigint,
    recovered bigint, mean_days float8, median_days float8, oldest_open_days float8)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH month AS (
        SELECT a.ancestor_id AS unit_id, calib.period_start(calib.day_of(d.detected_at), 'month') AS month,
               count(*) FILTER (WHERE d.ending = 'acted') AS acted,
               count(*) FILTER (WHERE d.ending IS NULL) AS open,
               count(*) FILTER (WHERE d.ending = 'dismissed') AS dismissed,
               count(*) FILTER (WHERE d.ending = 'recovered') AS recovered,
               calib.sri(d.detected_at, d.acted_at) AS mean_days,
               calib.response_summary(d.detected_at, d.acted_at, least(coalesce(d.ended_at, calib.clock()), calib.clock())) AS response,
               max(extract(epoch FROM calib.clock()) - extract(epoch FROM d.detected_at)) FILTER (WHERE d.ending IS NULL) / 86400 AS oldest_open_days
        FROM calib.deviation d
        CROSS JOIN LATERAL (SELECT calib.day_of(d.detected_at) AS detected_on) t
        -- a unit that moved leaves what was detected before with its parent of then
        JOIN calib.unit_tree a ON a.unit_id = d.unit_id
         AND t.detected_on >= coalesce(a.valid_from, t.detected_on) AND t.detected_on < coalesce(a.valid_to, t.detected_on + 1)
        GROUP BY 1, 2
    )
    SELECT m.unit_id, u.name AS unit_name, m.month, m.acted, m.open, m.dismissed, m.recovered,
           m.mean_days, (m.response).median_days, m.oldest_open_days::float8
    FROM month m JOIN calib.unit u USING (unit_id)
    WHERE m.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.sri_by_month() IS 'What the view sri_monthly shows.';

CREATE VIEW calib.sri_monthly WITH (security_invoker = true) AS
SELECT s.* FROM calib.sri_by_month() s;
COMMENT ON VIEW calib.sri_monthly IS
'Strategy response index per unit (with all below it) and month of detection: the mean over what was acted on, the Kaplan-Meier median over everything, and what did not end in an act.';
COMMENT ON COLUMN calib.sri_monthly.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.sri_monthly.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.sri_monthly.month IS 'First day of the month of detection.';
COMMENT ON COLUMN calib.sri_monthly.acted IS 'Deviations acted on.';
COMMENT ON COLUMN calib.sri_monthly.open IS 'Deviations still open.';
COMMENT ON COLUMN calib.sri_monthly.dismissed IS 'Dismissed without an act.';
COMMENT ON COLUMN calib.sri_monthly.recovered IS 'Went away by themselves.';
COMMENT ON COLUMN calib.sri_monthly.mean_days IS 'SRI: mean days from detected to acted, over those acted on.';
COMMENT ON COLUMN calib.sri_monthly.median_days IS 'Kaplan-Meier median; NULL: not reached.';
COMMENT ON COLUMN calib.sri_monthly.oldest_open_days IS 'Age of the oldest open one.';
