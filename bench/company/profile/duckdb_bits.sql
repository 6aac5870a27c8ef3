SELECT unit_id, q, sum(events)::BIGINT AS events, sum(weight) / 13 AS density, count(*) AS customers,
    bit_count(bit_or(days)) AS active_days, sum(events * events)::DOUBLE / (sum(events)::DOUBLE * sum(events)::DOUBLE) AS hhi
FROM (SELECT unit_id, q, customer_id, sum(n)::BIGINT AS events,
          sum(CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0 WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 ELSE 0 END::DOUBLE) AS weight,
          bit_or(1::HUGEINT << (day - CASE q WHEN 0 THEN 20047 WHEN 1 THEN 20089 WHEN 2 THEN 20179 WHEN 3 THEN 20270 ELSE 20362 END)) AS days
      FROM (SELECT unit_id, CASE WHEN occurred_at < '2025-01-01 00:00:00' THEN 0 WHEN occurred_at < '2025-04-01 00:00:00' THEN 1 WHEN occurred_at < '2025-07-01 00:00:00' THEN 2 WHEN occurred_at < '2025-10-01 00:00:00' THEN 3 ELSE 4 END AS q,
                customer_id, kind, (occurred_at::DATE - DATE '1970-01-01')::INTEGER AS day, count(*) AS n
            FROM activity GROUP BY ALL) AS a
      GROUP BY unit_id, q, customer_id) AS c
GROUP BY unit_id, q
