-- company: a year of activities, a day at a time, so that they lie in the table in
-- the order in which they happened, as in a CRM.
--
-- Rows that a rep makes in a day: about :rows / :reps a year, by weekday, month,
-- holiday and zeal. With which customer: the k-th of n with a probability near
-- 1 / k (Zipf). Three of a hundred are recorded more than 48 hours later.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT calib.make_months('2024-11-01', '2025-12-01') AS months \gset
CREATE TABLE company.day AS
SELECT n, day, share / sum(share) OVER () * :rows / :reps / 0.93 AS acts
FROM (SELECT n, d.day,
          (ARRAY[1, 1.05, 1, 1, 0.9, 0.08, 0])[extract(isodow FROM d.day)::integer]
          * (ARRAY[1.05, 0.6, 1.1, 1.1, 1, 1, 0.9, 0.9, 1.1, 0.95, 1.1, 1.2])[extract(month FROM d.day)::integer]
          * CASE WHEN h.working IS FALSE THEN 0.05 ELSE 1 END AS share
      FROM generate_series(0, 364) AS n, LATERAL (SELECT date '2024-11-20' + n AS day) AS d
      LEFT JOIN calib.holiday h ON h.day = d.day) AS s
WHERE share > 0;

CREATE PROCEDURE company.fill(of_day date, seed bigint) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO calib.activity (source, external_id, unit_id, customer_id, opportunity_id, product_line, kind, outcome,
        occurred_at, due_at, quantity, recorded_at)
    SELECT 'crm', number::text, unit_id, first_customer + trunc(exp(ln_customers * ((h & 1048575) / 1048576.0::float8)))::bigint - 1,
        CASE WHEN kind IN ('quote', 'stage_advance') THEN first_opportunity + ((g >> 50) & 7) END,
        CASE WHEN (g >> 34) & 1023 < 61 THEN 'premium' WHEN (g >> 34) & 1023 < 102 THEN 'basic' ELSE '' END,
        kind,
        CASE WHEN kind = 'follow_up' AND (g >> 44) & 63 < 6 THEN 'open' WHEN kind = 'visit' AND (g >> 44) & 63 < 8 THEN 'order' END,
        at, CASE WHEN kind IN ('follow_up', 'log_report') THEN at + ((g >> 44 & 63) - 12) * interval '1 hour' END,
        CASE WHEN kind = 'order' THEN 1 + (g >> 44 & 7) ELSE 1 END,
        least(calib_clock, at + CASE WHEN g & 65535 < 1966 THEN interval '48 hours 1 minute' + (g >> 16 & 65535) * interval '15 seconds'
                                  ELSE ((g >> 16) & 65535) * interval '0.9 seconds' END)
    FROM (SELECT x.*, midnight + interval '8 hours' + ((h >> 36) & 65535) * interval '0.55 seconds' AS at,
              CASE WHEN k < 19661 THEN 'visit' WHEN k < 35390 THEN 'call' WHEN k < 40633 THEN 'shelf_check' WHEN k < 45876 THEN 'follow_up'
                   WHEN k < 49808 THEN 'quote' WHEN k < 53740 THEN 'planned_visit' WHEN k < 56361 THEN 'stage_advance' WHEN k < 58982 THEN 'order'
                   WHEN k < 60948 THEN 'collection_contact' WHEN k < 62914 THEN 'email' WHEN k < 64225 THEN 'contract_change'
                   WHEN k < 64880 THEN 'log_report' ELSE 'note' END AS kind
          FROM (SELECT r.*, number, h, (h >> 20) & 65535 AS k, hashint8extended(number, seed + 51) AS g
                FROM (SELECT unit_id, 256::bigint * i AS first_customer, ln(customers + 1) AS ln_customers,
                          64::bigint * i + least(greatest(0, d.n / 15 - 7), 16) AS first_opportunity,
                          (100000000::bigint * (1000 + d.n) + 1000 * i) AS first_number, calib.clock() AS calib_clock,
                          d.day::timestamp AT TIME ZONE 'Asia/Shanghai' AS midnight,
                          floor(d.acts * zeal * (0.6 + 0.8 * company.share(i, seed + 1000 + d.n)) + company.share(i, seed + 2000 + d.n))::integer AS acts
                      FROM company.rep, company.day d
                      WHERE d.day = of_day AND coalesce(joined <= of_day, true)) AS r,
                    generate_series(1, acts) AS s,
                    LATERAL (SELECT first_number + s AS number) AS n,
                    LATERAL (SELECT hashint8extended(number, seed + 50) AS h OFFSET 0) AS y) AS x) AS a
    WHERE at <= calib_clock;
END $$;

-- How many reps and quarters there are, which no plan could know from the two alone.
CREATE STATISTICS company.rep_quarter ON unit_id, (CASE WHEN occurred_at < '2025-01-01 00:00+08' THEN 0 WHEN occurred_at < '2025-04-01 00:00+08' THEN 1
    WHEN occurred_at < '2025-07-01 00:00+08' THEN 2 WHEN occurred_at < '2025-10-01 00:00+08' THEN 3 ELSE 4 END) FROM calib.activity;
