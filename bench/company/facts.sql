-- company: opportunities, results and targets of the year.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET calib.restoring = on;
SET session_replication_role = replica;

-- Two opportunities a month and rep; decided after up to ten weeks, a fifth won.
CREATE TABLE company.opportunity AS
SELECT 64 * r.i + n AS opportunity_id, r.unit_id, 256 * r.i + floor(r.customers * company.share(64 * r.i + n, :seed + 20))::bigint AS customer_id,
    CASE WHEN n % 10 = 0 THEN 'premium' ELSE '' END AS product_line, opened,
    opened + (1 + 69 * company.share(64 * r.i + n, :seed + 21)) * interval '1 day' AS decided,
    company.share(64 * r.i + n, :seed + 22) < 0.2 AS wins
FROM company.rep r, generate_series(0, 23) AS n,
    LATERAL (SELECT timestamptz '2024-11-20 10:00+08' + (n * 15 + 14 * company.share(64 * r.i + n, :seed + 23)) * interval '1 day' AS opened) AS o;
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, product_line, stage, stage_since, amount, outcome, created_at, closed_at, external_ref)
SELECT opportunity_id, customer_id, unit_id, product_line,
    CASE WHEN decided > calib.clock() THEN 'proposal' WHEN wins THEN 'contract' ELSE 'negotiation' END, least(opened + interval '5 days', calib.clock()),
    1000 + floor(90000 * company.share(opportunity_id, :seed + 24))::integer,
    CASE WHEN decided > calib.clock() THEN 'open' WHEN wins THEN 'won' ELSE 'lost' END, opened,
    CASE WHEN decided <= calib.clock() THEN decided END, 'O' || opportunity_id
FROM company.opportunity WHERE opened <= calib.clock();
INSERT INTO calib.stage_change (opportunity_id, from_stage, to_stage, changed_at)
SELECT opportunity_id, from_stage, to_stage, opened + part * (decided - opened)
FROM company.opportunity, (VALUES (NULL, 'initial_contact', 0.0), ('initial_contact', 'proposal', 0.4)) AS s (from_stage, to_stage, part)
WHERE opened + part * (decided - opened) <= calib.clock();

-- Results through their triggers, as what is added up of them is kept by these.
RESET calib.restoring;
-- Five collections a month and rep; those of every fifth are entered days later.
INSERT INTO calib.result (source, external_id, unit_id, customer_id, measure, product_line, occurred_at, amount, recorded_at)
SELECT 'erp', (10000000 + number)::text, unit_id, customer_id, 'collection', CASE WHEN number % 10 = 0 THEN 'premium' ELSE '' END, at,
    round((100 + 9900 * company.share(number, :seed + 33) ^ 3)::numeric, 2),
    least(at + (CASE WHEN number % 5 = 0 THEN 120 ELSE 3 END) * company.share(number, :seed + 32) * interval '1 hour', calib.clock())
FROM (SELECT r.unit_id, 64 * r.i + n AS number, 256 * r.i + floor(r.customers * company.share(64 * r.i + n, :seed + 30))::bigint AS customer_id,
          timestamptz '2024-11-20 09:00+08' + floor(n * 6.07 + 6 * company.share(64 * r.i + n, :seed + 31)) * interval '1 day'
              + 8 * company.share(64 * r.i + n, :seed + 34) * interval '1 hour' AS at
      FROM company.rep r, generate_series(0, 59) AS n) AS x
WHERE at <= calib.clock();

SET calib.restoring = on;
INSERT INTO calib.target (unit_id, measure, grain, period_start, original_value, value, published_at)
SELECT unit_id, 'collection', 'quarter', quarter, value, value, quarter
FROM company.rep, unnest(ARRAY[date '2025-01-01', '2025-04-01', '2025-07-01', '2025-10-01']) AS quarter,
    LATERAL (SELECT round((20000 + 30000 * company.share(i, :seed + 40))::numeric, 2) AS value) AS v;
INSERT INTO calib.target (unit_id, measure, grain, period_start, original_value, value, published_at)
SELECT r.region_id, 'collection', 'quarter', t.period_start, sum(t.value), sum(t.value), t.period_start
FROM calib.target t JOIN company.rep r USING (unit_id) GROUP BY r.region_id, t.period_start;
DROP TABLE company.opportunity;
