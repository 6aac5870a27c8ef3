SELECT unit_id, q, sum(n) AS all_events, sum(CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0 WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 ELSE 0 END) / 13 AS density,
    uniqExact(customer_id) AS customers, uniqExact(day) AS active_days,
    arrayReduce('sum', arrayMap(v -> v * v, (sumMap([customer_id], [n]) AS m).2)) / (sum(n) * sum(n)) AS hhi
FROM (SELECT unit_id, CASE WHEN occurred_at < '2025-01-01 00:00:00' THEN 0 WHEN occurred_at < '2025-04-01 00:00:00' THEN 1 WHEN occurred_at < '2025-07-01 00:00:00' THEN 2 WHEN occurred_at < '2025-10-01 00:00:00' THEN 3 ELSE 4 END AS q,
          customer_id, kind, toDate(occurred_at) AS day, count() AS n
      FROM activity GROUP BY unit_id, q, customer_id, kind, day) AS a
GROUP BY unit_id, q
