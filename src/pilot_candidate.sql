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

CREATE TYPE calib.judged AS (
    unit_id bigint,
    measure text,
    product_line text,
    period_start date,
    attainment_original numeric,
    missed_while_dense boolean
);
COMMENT ON TYPE calib.judged IS 'How a closed period ended for a unit; internal.';
COMMENT ON COLUMN calib.judged.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.judged.measure IS 'What was counted.';
COMMENT ON COLUMN calib.judged.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.judged.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.judged.attainment_original IS 'Attainment of the original target at its end.';
COMMENT ON COLUMN calib.judged.missed_while_dense IS 'Whether the target was missed though people worked as densely as their peers.';

-- Months first: of quarters those alone who have no target of a month.
CREATE FUNCTION calib.periods_judged(since date, until date)
RETURNS TABLE (unit_id bigint, measure text, product_line text, grain text, period_start date, attainment_original numeric,
    missed_while_dense boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    seen bigint[] := calib.units_seen_or_all();
    rest bigint[] := CASE WHEN cardinality(seen) <= 1000 THEN seen END;
    taken bigint[] := '{}';
    of_grain text;
    period date;
    judged calib.judged[];
BEGIN
    FOREACH of_grain IN ARRAY '{month,quarter}'::text[] LOOP
        judged := '{}';
        FOR period IN
            SELECT DISTINCT k.period_start FROM calib.target_keys(of_grain) k
            WHERE k.period_start >= since AND k.period_start < until
        LOOP
            judged := judged || ARRAY(
                SELECT ROW(d.unit_id, d.measure, d.product_line, period, d.attainment_original,
                       -- a parent is in that quadrant market-wide, too, whatever its own index
                       coalesce(d.quadrant = 'environment' AND d.density_index >= 1, false))::calib.judged
                FROM calib.diagnose_units(calib.start_of(calib.period_end(period, of_grain)), of_grain, period, NULL, rest, seen, 'quadrant') d
                WHERE d.unit_id NOT IN (SELECT unnest(taken)));
        END LOOP;
        RETURN QUERY
        SELECT j.unit_id, j.measure, j.product_line, of_grain, j.period_start, j.attainment_original, j.missed_while_dense
        FROM unnest(judged) j;
        taken := ARRAY(SELECT DISTINCT j.unit_id FROM unnest(judged) j);
        rest := ARRAY(SELECT u.unit_id FROM calib.unit u
                      WHERE u.unit_id NOT IN (SELECT unnest(taken)) AND (seen IS NULL OR u.unit_id IN (SELECT unnest(seen))));
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.periods_judged(date, date) IS
'How the months, of units without targets of months the quarters, that begin in [since, until) ended for the units seen. Internal.';
REVOKE EXECUTE ON FUNCTION calib.periods_judged(date, date) FROM PUBLIC;

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
    ), judged AS MATERIALIZED (
        SELECT j.* FROM span s CROSS JOIN LATERAL calib.periods_judged(s.since, s.until) j
    ), line AS (
        SELECT j.unit_id, j.measure, j.product_line, j.grain,
               CASE WHEN count(j.attainment_original) >= 3
                    THEN stddev_samp(j.attainment_original) / nullif(greatest(avg(j.attainment_original), 0), 0) END AS volatility
        FROM judged j
        GROUP BY 1, 2, 3, 4
    ), counted AS (
        SELECT j.unit_id, j.grain, count(DISTINCT j.period_start) AS periods,
               count(DISTINCT j.period_start) FILTER (WHERE j.missed_while_dense) AS missed_while_dense
        FROM judged j
        GROUP BY 1, 2
    ), taken AS (
        SELECT a.unit_id FROM calib.pilot_arms(calib.today()) a
        UNION
        SELECT up.ancestor_id FROM calib.pilot_arms(calib.today()) a JOIN calib.unit_ancestors() up USING (unit_id)
    ), figure AS (
        SELECT c.*, coalesce(t.rejected, 0) AS rejected, coalesce(t.withdrawn, 0) AS withdrawn, coalesce(t.dismissed, 0) AS dismissed,
               c.missed_while_dense + coalesce(t.rejected + t.withdrawn + t.dismissed, 0) AS conflicts,
               l.volatility::float8 AS volatility
        FROM counted c
        CROSS JOIN span s
        LEFT JOIN (SELECT l.unit_id, max(l.volatility) AS volatility FROM line l GROUP BY l.unit_id) l USING (unit_id)
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
