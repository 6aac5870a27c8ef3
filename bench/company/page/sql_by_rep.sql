-- The same rep by rep along the index, in workers
SET work_mem = '64MB';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
\timing on
WITH worked AS (
    SELECT p.region_id, sum(a.weighted) AS weighted, sum(a.weighted_before) AS weighted_before
    FROM company.rep p CROSS JOIN LATERAL (
        SELECT sum(weight) FILTER (WHERE day >= 20362) AS weighted, sum(weight) FILTER (WHERE day < 20362) AS weighted_before
        FROM (SELECT DISTINCT CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0 WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 END::float8 AS weight, kind, customer_id, floor((date_part('epoch', occurred_at) + 28800) / 86400)::integer AS day
    FROM calib.activity a
    WHERE a.unit_id = p.unit_id AND occurred_at >= '2025-07-02 00:00+08' AND occurred_at < '2025-11-19 16:00+08'
      AND kind IN ('visit', 'call', 'quote', 'contract_change', 'stage_advance', 'shelf_check', 'follow_up', 'collection_contact')
      AND NOT (kind = 'follow_up' AND outcome IS NOT DISTINCT FROM 'open')
        ) AS d) AS a
    GROUP BY p.region_id
), week AS (
    SELECT r.region_id, (sum(s.quarter) FILTER (WHERE s.quarter > 0) / 604800)::float8 AS weeks, (sum(s.before) FILTER (WHERE s.before > 0) / 604800)::float8 AS weeks_before
    FROM company.rep r
    CROSS JOIN LATERAL (SELECT coalesce(r.joined, '2000-01-01')::timestamptz AS joined) j
    LEFT JOIN calib.absence b USING (unit_id)
    CROSS JOIN LATERAL (SELECT
        extract(epoch FROM timestamptz '2025-11-19 16:00+08' - greatest(j.joined, '2025-10-01 00:00+08'))
            - CASE WHEN b.during IS NULL THEN 0 ELSE greatest(0, extract(epoch FROM least(upper(b.during)::timestamptz, '2025-11-19 16:00+08') - greatest(j.joined, lower(b.during)::timestamptz, '2025-10-01 00:00+08'))) END AS quarter,
        extract(epoch FROM timestamptz '2025-10-01 00:00+08' - greatest(j.joined, '2025-07-02 00:00+08'))
            - CASE WHEN b.during IS NULL THEN 0 ELSE greatest(0, extract(epoch FROM least(upper(b.during)::timestamptz, '2025-10-01 00:00+08') - greatest(j.joined, lower(b.during)::timestamptz, '2025-07-02 00:00+08'))) END AS before) s
    GROUP BY r.region_id
), result AS (
    SELECT p.region_id, sum(r.amount) AS actual, avg(extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at)) / 86400 AS lag_days
    FROM calib.result r JOIN company.rep p USING (unit_id)
    WHERE r.occurred_at >= '2025-10-01 00:00+08' AND r.occurred_at <= '2025-11-19 16:00+08'
    GROUP BY p.region_id
)
SELECT w.region_id, r.actual, t.value, r.actual / t.value AS attainment, w.weighted / k.weeks AS density, w.weighted_before / k.weeks_before AS density_before,
    w.weighted / k.weeks / ((sum(w.weighted) OVER () - w.weighted) / (sum(k.weeks) OVER () - k.weeks)) AS density_index, r.lag_days
FROM worked w JOIN week k USING (region_id) JOIN result r USING (region_id)
JOIN calib.target t ON t.unit_id = w.region_id AND t.period_start = '2025-10-01' AND t.grain = 'quarter';
