-- The same of the rows of the rep, along the index of unit and time
\timing on
WITH act AS (
    SELECT date_trunc('week', occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS week, (occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day, customer_id, kind,
        CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0
            WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 END AS weight,
        bool_and(recorded_at > occurred_at + interval '48 hours') AS late
    FROM calib.activity
    WHERE unit_id = 10007 AND occurred_at >= '2025-09-29 00:00+08' AND occurred_at < '2025-11-19 16:00+08'
      AND kind IN ('visit', 'call', 'quote', 'contract_change', 'stage_advance', 'shelf_check', 'follow_up', 'collection_contact')
      AND NOT (kind = 'follow_up' AND outcome IS NOT DISTINCT FROM 'open')
    GROUP BY 1, 2, 3, 4
), spread AS (
    SELECT week, count(*) AS customers, sum(n * n)::float8 / sum(n)::float8 ^ 2 AS concentration
    FROM (SELECT week, customer_id, count(*) AS n FROM act GROUP BY week, customer_id) AS customer GROUP BY week
)
SELECT a.week, count(*) AS events, sum(a.weight) AS weighted, s.customers, count(DISTINCT a.day) AS active_days, s.concentration,
    count(*) FILTER (WHERE a.late)::numeric / count(*) AS late_share
FROM act a JOIN spread s USING (week) GROUP BY a.week, s.customers, s.concentration;
