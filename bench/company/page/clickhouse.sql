WITH act AS (
    SELECT DISTINCT unit_id, customer_id, kind, toInt32(toDate(occurred_at)) AS day
    FROM activity
    WHERE occurred_at >= '2025-07-02 00:00:00' AND occurred_at < '2025-11-19 16:00:00'
      AND kind IN ('visit', 'call', 'quote', 'contract_change', 'stage_advance', 'shelf_check', 'follow_up', 'collection_contact')
      AND NOT (kind = 'follow_up' AND coalesce(outcome, '') = 'open')
), worked AS (
    SELECT r.region_id, sum(CASE WHEN a.day >= 20362 THEN a.weight ELSE 0 END) AS weighted, sum(CASE WHEN a.day < 20362 THEN a.weight ELSE 0 END) AS weighted_before
    FROM (SELECT unit_id, day, sum(CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0 WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 END) AS weight FROM act GROUP BY unit_id, day) AS a
    JOIN rep r ON r.unit_id = a.unit_id
    GROUP BY r.region_id
), week AS (
    SELECT region_id, sum(greatest(greatest(0, 1763539200 - greatest(joined, 1759248000)) - greatest(0, least(away_to, 1763539200) - greatest(joined, away_from, 1759248000)), 0)) / 604800 AS weeks,
        sum(greatest(greatest(0, 1759248000 - greatest(joined, 1751385600)) - greatest(0, least(away_to, 1759248000) - greatest(joined, away_from, 1751385600)), 0)) / 604800 AS weeks_before
    FROM rep GROUP BY region_id
), result_sum AS (
    SELECT p.region_id, sum(r.amount) AS actual, avg(r.lag_seconds) / 86400 AS lag_days
    FROM result r JOIN rep p ON p.unit_id = r.unit_id
    WHERE r.occurred_at >= '2025-10-01 00:00:00' AND r.occurred_at <= '2025-11-19 16:00:00'
    GROUP BY p.region_id
)
SELECT w.region_id, r.actual AS actual, t.value AS value, r.actual / t.value AS attainment, w.weighted / k.weeks AS density, w.weighted_before / k.weeks_before AS density_before,
    w.weighted / k.weeks / ((sum(w.weighted) OVER () - w.weighted) / (sum(k.weeks) OVER () - k.weeks)) AS density_index, r.lag_days AS lag_days
FROM worked w JOIN week k ON k.region_id = w.region_id JOIN result_sum r ON r.region_id = w.region_id JOIN target t ON t.unit_id = w.region_id
