WITH act AS MATERIALIZED (
    SELECT unit_id, CASE WHEN occurred_at < '2025-01-01 00:00:00' THEN 0 WHEN occurred_at < '2025-04-01 00:00:00' THEN 1 WHEN occurred_at < '2025-07-01 00:00:00' THEN 2 WHEN occurred_at < '2025-10-01 00:00:00' THEN 3 ELSE 4 END AS q,
        customer_id, kind, occurred_at::DATE AS day, count(*) AS n
    FROM activity GROUP BY ALL
), customer AS (
    SELECT unit_id, q, sum(events)::BIGINT AS events, count(*) AS customers, sum(events * events)::DOUBLE / (sum(events)::DOUBLE * sum(events)::DOUBLE) AS hhi
    FROM (SELECT unit_id, q, customer_id, sum(n)::BIGINT AS events FROM act GROUP BY ALL) AS c GROUP BY ALL
), act_sum AS (
    SELECT unit_id, q, sum(CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0 WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 ELSE 0 END::DOUBLE) / 13 AS density, count(DISTINCT day) AS active_days
    FROM act GROUP BY ALL
)
SELECT unit_id, q, events, density, customers, active_days, hhi FROM customer JOIN act_sum USING (unit_id, q)
