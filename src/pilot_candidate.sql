-- Where to start: the units with the most conflict over their targets and the most
-- volatile results, who have most to gain from targets that follow the market.

-- What ended in the span, for a unit and all that stood below it on that day.
CREATE FUNCTION calib.all_target_conflicts(from_day date)
RETURNS TABLE (unit_id bigint, rejected bigint, withdrawn bigint, dismissed bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    WITH ended AS (
        SELECT t.unit_id, a.status AS what, calib.day_of(a.ended_at) AS day
        FROM calib.adjustment a JOIN calib.target t USING (target_id)
        WHERE a.status IN ('rejected', 'withdrawn') AND a.ended_at >= calib.start_of(from_day)
        UNION ALL
        SELECT d.unit_id, d.ending, calib.day_of(d.ended_at)
        FROM calib.deviation d
        WHERE d.ending = 'dismissed' AND NOT d.observed AND d.ended_at >= calib.start_of(from_day)
    )
    SELECT t.ancestor_id, count(*) FILTER (WHERE e.what = 'rejected'),
           count(*) FILTER (WHERE e.what = 'withdrawn'), count(*) FILTER (WHERE e.what = 'dismissed')
    FROM ended e
    JOIN calib.unit_tree t ON t.unit_id = e.unit_id
     AND e.day >= coalesce(t.valid_from, e.day) AND e.day < coalesce(t.valid_to, e.day + 1)
    GROUP BY t.ancestor_id;
END;
COMMENT ON FUNCTION calib.all_target_conflicts(date) IS
'Adjustments rejected and withdrawn and deviations dismissed from a day on, per unit with all below it; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_target_conflicts(date) FROM PUBLIC;

-- A diagnosis is dear: only of closed periods for which there are targets.
CREATE FUNCTION calib.pilot_candidates_now()
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, grain text, periods bigint,
    missed_while_dense bigint, rejected bigint, withdrawn bigint, dismissed bigint, conflicts bigint,
    volatility float8, conflict_rank bigint, volatility_rank bigint, place bigint)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH span AS (
        SELECT (q.this_quarter - interval '12 months')::date AS since, q.this_quarter AS until
        FROM (SELECT calib.period_start(calib.today(), 'quarter', o.fiscal_start_month) AS this_quarter
              FROM calib.organisation o) q
    ), period AS (
        SELECT DISTINCT t.grain, t.period_start
        FROM calib.target t CROSS JOIN span s
        WHERE t.grain IN ('month', 'quarter') AND t.period_start >= s.since AND t.period_start < s.until
    ), judged AS MATERIALIZED (
        SELECT d.unit_id, d.measure, d.product_line, p.grain, p.period_start, d.attainment_original,
               -- a parent is in that quadrant market-wide, too, whatever its own index
               coalesce(d.quadrant = 'environment' AND d.density_index >= 1, false) AS missed_while_dense
        FROM period p
        CROSS JOIN LATERAL calib.diagnose_period(calib.start_of(calib.period_end(p.period_start, p.grain)), p.grain, p.period_start) d
    ), finest AS (
        SELECT j.unit_id, min(j.grain) AS grain FROM judged j GROUP BY j.unit_id
    ), line AS (
        SELECT j.unit_id, j.measure, j.product_line, j.grain,
               CASE WHEN count(j.attainment_original) >= 3
                    THEN stddev_samp(j.attainment_original) / nullif(greatest(avg(j.attainment_original), 0), 0) END AS volatility
        FROM judged j JOIN finest f USING (unit_id, grain)
        GROUP BY 1, 2, 3, 4
    ), counted AS (
        SELECT j.unit_id, j.grain, count(DISTINCT j.period_start) AS periods,
               count(DISTINCT j.period_start) FILTER (WHERE j.missed_while_dense) AS missed_while_dense
        FROM judged j JOIN finest f USING (unit_id, grain)
        GROUP BY 1, 2
    ), taken AS (
        SELECT a.unit_id FROM calib.pilot_arms(calib.today()) a
        UNION
        SELECT up.ancestor_id FROM calib.pilot_arms(calib.today()) a JOIN calib.unit_ancestors() up USING (unit_id)
    ), figure AS (
        SELECT c.*, coalesce(t.rejected, 0) AS rejected, coalesce(t.withdrawn, 0) AS withdrawn, coalesce(t.dismissed, 0) AS dismissed,
               c.missed_while_dense + coalesce(t.rejected + t.withdrawn + t.dismissed, 0) AS conflicts,
               (SELECT max(l.volatility) FROM line l WHERE l.unit_id = c.unit_id)::float8 AS volatility
        FROM counted c
        CROSS JOIN span s
        LEFT JOIN calib.all_target_conflicts(s.since) t USING (unit_id)
        WHERE c.unit_id NOT IN (SELECT k.unit_id FROM taken k)
    ), ranked AS (
        SELECT f.*, u.name, u.kind, u.parent_id,
               rank() OVER (PARTITION BY u.kind ORDER BY f.conflicts DESC) AS conflict_rank,
               rank() OVER (PARTITION BY u.kind ORDER BY f.volatility DESC NULLS LAST) AS volatility_rank
        FROM figure f JOIN calib.unit u USING (unit_id)
        WHERE u.active @> calib.today()
    )
    SELECT r.unit_id, r.name, r.kind, r.parent_id, r.grain, r.periods,
           r.missed_while_dense, r.rejected, r.withdrawn, r.dismissed, r.conflicts, r.volatility,
           r.conflict_rank, r.volatility_rank,
           rank() OVER (PARTITION BY r.kind ORDER BY r.conflict_rank + r.volatility_rank, r.conflict_rank)
    FROM ranked r;
END;
COMMENT ON FUNCTION calib.pilot_candidates_now() IS 'What the view pilot_candidate shows.';

CREATE VIEW calib.pilot_candidate WITH (security_invoker = true) AS
SELECT c.* FROM calib.pilot_candidates_now() c;
COMMENT ON VIEW calib.pilot_candidate IS
'Units to start a pilot with, ranked within their kind by conflict over their targets and volatility of their results in the last four closed fiscal quarters. Of the units seen that have targets of months or quarters; those in a pilot, or above one, are left out.';
COMMENT ON COLUMN calib.pilot_candidate.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.pilot_candidate.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.pilot_candidate.unit_kind IS 'company, region, team or rep; it is ranked among those of its kind.';
COMMENT ON COLUMN calib.pilot_candidate.parent_id IS 'The unit above.';
COMMENT ON COLUMN calib.pilot_candidate.grain IS 'Periods looked at: month where it has targets of months, else quarter.';
COMMENT ON COLUMN calib.pilot_candidate.periods IS 'How many of them had a target.';
COMMENT ON COLUMN calib.pilot_candidate.missed_while_dense IS 'Those missed with a density index of at least 1.';
COMMENT ON COLUMN calib.pilot_candidate.rejected IS 'Adjustments rejected, of it and all below it, since the first of these quarters.';
COMMENT ON COLUMN calib.pilot_candidate.withdrawn IS 'Adjustments withdrawn.';
COMMENT ON COLUMN calib.pilot_candidate.dismissed IS 'Deviations dismissed.';
COMMENT ON COLUMN calib.pilot_candidate.conflicts IS 'missed_while_dense + rejected + withdrawn + dismissed.';
COMMENT ON COLUMN calib.pilot_candidate.volatility IS
'Standard deviation of original attainment over the periods, divided by its mean; of several measures or lines the largest. NULL: fewer than three periods, or a mean not above 0.';
COMMENT ON COLUMN calib.pilot_candidate.conflict_rank IS 'Rank by conflicts; 1: most.';
COMMENT ON COLUMN calib.pilot_candidate.volatility_rank IS 'Rank by volatility; 1: most.';
COMMENT ON COLUMN calib.pilot_candidate.place IS 'Rank by the sum of both ranks; 1: start here.';
