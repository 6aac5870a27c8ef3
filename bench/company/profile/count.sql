\timing on
SELECT unit_id, CASE WHEN occurred_at < '2025-01-01 00:00+08' THEN 0 WHEN occurred_at < '2025-04-01 00:00+08' THEN 1 WHEN occurred_at < '2025-07-01 00:00+08' THEN 2 WHEN occurred_at < '2025-10-01 00:00+08' THEN 3 ELSE 4 END AS q,
    count(*), sum(quantity), sum(quantity + 1), sum(customer_id), sum(unit_id), sum(length(kind))
FROM calib.activity GROUP BY 1, 2;
