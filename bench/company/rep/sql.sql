-- The same of the rows of the rep, along the index of unit and time
\timing on
WITH act AS (
    SELECT customer_id, kind, (occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
        CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0
            WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 END AS weight,
        bool_and(recorded_at > occurred_at + interval '48 hours') AS late
    FROM calib.activity
    WHERE unit_id = 10007 AND occurred_at >= '2025-10-01 00:00+08' AND occurred_at < '2025-11-19 16:00+08'
      AND kind IN ('visit', 'call', 'quote', 'contract_change', 'stage_advance', 'shelf_check', 'follow_up', 'collection_contact')
      AND NOT (kind = 'follow_up' AND outcome IS NOT DISTINCT FROM 'open')
    GROUP BY 1, 2, 3
), customer AS (
    SELECT customer_id, count(*) AS n, sum(weight) AS weighted, count(*) FILTER (WHERE late) AS late FROM act GROUP BY customer_id
)
SELECT sum(n), sum(weighted), sum(late), sum(n) FILTER (WHERE c.created_at < '2025-10-01 00:00+08'), sum(n * n)::float8 / sum(n)::float8 ^ 2
FROM customer JOIN calib.customer c USING (customer_id);
