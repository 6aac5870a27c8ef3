\timing on
SELECT unit_id, q, calib.events(b), calib.density(b, '{"visit": 1.0, "call": 0.4, "quote": 0.8, "contract_change": 0.5, "stage_advance": 1.0, "shelf_check": 0.5, "follow_up": 0.4, "collection_contact": 0.5}', 13),
    calib.customers(b), calib.active_days(b), calib.concentration(b)
FROM (SELECT unit_id, CASE WHEN occurred_at < '2025-01-01 00:00+08' THEN 0 WHEN occurred_at < '2025-04-01 00:00+08' THEN 1 WHEN occurred_at < '2025-07-01 00:00+08' THEN 2 WHEN occurred_at < '2025-10-01 00:00+08' THEN 3 ELSE 4 END AS q,
          calib.behavior(occurred_at, customer_id, kind, quantity, 'Asia/Shanghai') AS b
      FROM calib.activity GROUP BY 1, 2) AS x;
