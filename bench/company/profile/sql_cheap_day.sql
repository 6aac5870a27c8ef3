-- The same with a day that is cheap, in a zone without summer time
SET work_mem = '256MB';
\timing on
SELECT unit_id, q, sum(events) AS events, sum(weight) / 13 AS density, count(*) AS customers,
    bit_count(bit_or(low)::bit(64)) + bit_count(bit_or(high)::bit(64)) AS active_days, (sum(events * events) / sum(events) ^ 2)::float8 AS hhi
FROM (SELECT unit_id, q, customer_id, sum(n)::bigint AS events, sum(weight) AS weight,
          bit_or(CASE WHEN day < 46 THEN 1::bigint << day ELSE 0 END) AS low, bit_or(CASE WHEN day >= 46 THEN 1::bigint << (day - 46) ELSE 0 END) AS high
      FROM (SELECT unit_id, q, customer_id, n,
                CASE kind WHEN 'visit' THEN 1.0 WHEN 'call' THEN 0.4 WHEN 'quote' THEN 0.8 WHEN 'contract_change' THEN 0.5 WHEN 'stage_advance' THEN 1.0 WHEN 'shelf_check' THEN 0.5 WHEN 'follow_up' THEN 0.4 WHEN 'collection_contact' THEN 0.5 ELSE 0 END::float8 AS weight,
                day - (ARRAY[20047, 20089, 20179, 20270, 20362])[q + 1] AS day
            FROM (SELECT unit_id, CASE WHEN occurred_at < '2025-01-01 00:00+08' THEN 0 WHEN occurred_at < '2025-04-01 00:00+08' THEN 1 WHEN occurred_at < '2025-07-01 00:00+08' THEN 2 WHEN occurred_at < '2025-10-01 00:00+08' THEN 3 ELSE 4 END AS q,
                      customer_id, kind, floor((date_part('epoch', occurred_at) + 28800) / 86400)::integer AS day, count(*) AS n
                  FROM calib.activity GROUP BY 1, 2, 3, 4, 5) AS a) AS w
      GROUP BY unit_id, q, customer_id) AS c
GROUP BY unit_id, q;
