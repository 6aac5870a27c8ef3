-- A beverage company. Everything in this demonstration is generated: names,
-- numbers and dates follow the shape of a published case and are nobody's data.
-- The clock (calib.clock, superusers only) lets the demonstration play 2025.
SET client_min_messages = warning;
SET calib.clock = '2025-06-20 09:00+08';

-- The same number between 0 and 1 for the same words, on every run.
CREATE FUNCTION pg_temp.share(seed text) RETURNS float8 LANGUAGE sql IMMUTABLE
AS $$ SELECT ('x' || substr(md5('calib 2025 ' || seed), 1, 8))::bit(32)::bigint / 4294967296.0 $$;

-- The organisation -------------------------------------------------------------

INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan Beverages'),
    (10, 1, 'region', 'East China'), (20, 1, 'region', 'North China'),
    (30, 1, 'region', 'South China'), (40, 1, 'region', 'West China');

-- What each team is like: reps, targets (million CNY) and results of the two
-- quarters, and how densely it works (1: a visit every working day) in the
-- second, third and fourth quarter.
CREATE TEMP TABLE team (team_id bigint, region_id bigint, name text, reps integer, target numeric,
    result_q3 numeric, result_q4 numeric, q2 float8, q3 float8, q4 float8);
INSERT INTO team VALUES
    (11, 10, 'Shanghai',  8, 20, 14.00, 18.40, 1.00, 1.10, 1.10),
    (12, 10, 'Jiangsu',   8, 20, 13.20, 16.60, 1.00, 1.10, 1.05),
    (13, 10, 'Zhejiang',  8, 18, 11.88, 14.60, 1.00, 1.10, 1.05),
    (14, 10, 'Anhui',     8, 10,  6.00,  8.00, 0.60, 0.60, 1.00),
    (15, 10, 'Fujian',    8, 12,  8.52, 10.60, 1.00, 1.10, 1.10),
    (16, 10, 'Jiangxi',   7, 10,  6.70,  8.07, 1.00, 1.10, 1.00),
    (21, 20, 'Beijing',   3, 15, 11.00, 10.20, 1.15, 0.95, 0.90),
    (22, 20, 'Hebei',     3, 12,  8.70,  8.00, 1.15, 0.95, 0.90),
    (23, 20, 'Shandong',  3, 13,  9.20,  8.60, 1.15, 0.95, 0.90),
    (31, 30, 'Guangdong', 3, 18, 13.50, 14.20, 1.80, 1.45, 1.45),
    (32, 30, 'Guangxi',   3, 10,  7.50,  7.90, 1.80, 1.45, 1.45),
    (33, 30, 'Hunan',     3, 12,  9.00,  9.50, 1.80, 1.45, 1.45),
    (41, 40, 'Sichuan',   3, 12, 12.40, 12.20, 1.00, 0.95, 1.00),
    (42, 40, 'Chongqing', 3, 10, 10.30, 10.10, 1.00, 0.95, 1.00),
    (43, 40, 'Shaanxi',   3,  8,  8.20,  8.00, 1.00, 0.95, 1.00);

INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT team_id, region_id, 'team', name FROM team;
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active)
SELECT 100 * team_id + n, team_id, 'rep', name || ' ' || n, '[2024-03-01,)'
FROM team, generate_series(1, reps) AS n;

\echo
\echo '== The company (generated data)'
SELECT r.name AS region, count(DISTINCT t.unit_id) AS teams, count(*) AS reps
FROM calib.unit p JOIN calib.unit t ON p.parent_id = t.unit_id JOIN calib.unit r ON t.parent_id = r.unit_id
WHERE p.kind = 'rep' GROUP BY r.unit_id ORDER BY r.unit_id;

-- Customers: 14 known ones per rep, and four of the new channel in July.
INSERT INTO calib.customer (customer_id, unit_id, name, tier, channel, created_at)
SELECT 100 * unit_id + n, unit_id, 'Shop ' || unit_id || '-' || n,
       (ARRAY['A', 'B', 'C'])[1 + n % 3],
       CASE WHEN n > 14 THEN 'community group buying' WHEN n % 2 = 0 THEN 'supermarket' ELSE 'convenience store' END,
       CASE WHEN n > 14 THEN timestamptz '2025-07-03 10:00+08' ELSE timestamptz '2024-05-06 10:00+08' END
FROM calib.unit, generate_series(1, 18) AS n WHERE kind = 'rep';

-- Targets: set before the quarter, published, and binding from then on -----------

INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT team_id, 'quarter', quarter, target * 1000000
FROM team, unnest(ARRAY[date '2025-07-01', '2025-10-01']) AS quarter;
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT 1, 'quarter', quarter, 205000000 FROM unnest(ARRAY[date '2025-07-01', '2025-10-01']) AS quarter;
-- premium, a product line of its own, in the third quarter
INSERT INTO calib.target (unit_id, product_line, grain, period_start, original_value)
SELECT team_id, 'premium', 'quarter', '2025-07-01', target * 200000 FROM team;
-- reps by month in the fourth quarter
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT 100 * team_id + n, 'month', month, round(target * 1000000 / 3 / reps, 2)
FROM team, generate_series(1, reps) AS n, unnest(ARRAY[date '2025-10-01', '2025-11-01', '2025-12-01']) AS month;

\echo '== Targets published'
SELECT day AS period_start, calib.publish_targets(day) AS targets
FROM unnest(ARRAY[date '2025-07-01', '2025-10-01', '2025-11-01', '2025-12-01']) AS day;

\echo '== Do they add up? The company carries its own target'
SELECT unit_name, period_start, target_value, children, children_value, gap FROM calib.target_gap ORDER BY period_start;

-- From August East China is the pilot: the loop is on.
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (10, '2025-08-01', true);
-- Who may do what. The demonstration has one login; calib.actor says who is at
-- the keyboard, as an application with a shared login would.
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('Li Yan', 'manager', 10), ('Gao Ming', 'manager', 20),
    ('Chen Jing', 'risk', NULL), ('Wang Fang', 'hr', NULL);
-- Chen Jing stands in for Wang Fang when something waits too long.
INSERT INTO calib.duty (person, duty, deputy) VALUES ('Chen Jing', 'hr', true);
INSERT INTO calib.benchmark (product_line, conversion) VALUES ('premium', 0.15);

-- Nine months of work ---------------------------------------------------------------

CREATE TEMP TABLE day AS
SELECT d::date AS day, calib.period_start(d::date, 'quarter') AS quarter
FROM generate_series(timestamp '2025-04-01', '2025-12-31', '1 day') AS d
WHERE calib.working_days(d::date, d::date + 1) = 1;

-- Visits. From July on a third of them goes to the new channel, except in
-- Zhejiang, which keeps to its old customers.
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, product_line, kind, occurred_at, recorded_at)
SELECT 'crm', format('visit %s %s %s', v.rep, v.day, v.n), v.rep,
       100 * v.rep + CASE WHEN v.team_id <> 13 AND v.day >= '2025-07-07' AND pg_temp.share(format('new %s %s %s', v.rep, v.day, v.n)) < 0.35
                     THEN 15 + (v.turn + v.n) % 4 ELSE 1 + (v.turn + 7 * v.n) % 14 END,
       CASE WHEN v.turn % 3 = 0 THEN 'premium' ELSE '' END, 'visit', v.at, v.at + interval '3 minutes'
FROM (SELECT u.unit_id AS rep, t.team_id, d.day, n, (d.day - date '2025-01-01') AS turn,
             d.day::timestamp AT TIME ZONE 'Asia/Shanghai' + interval '9 hours' + n * interval '75 minutes' AS at
      FROM team t JOIN calib.unit u ON u.parent_id = t.team_id CROSS JOIN day d
      CROSS JOIN LATERAL generate_series(1, floor(pg_temp.share(format('visits %s %s', u.unit_id, d.day))
          + CASE d.quarter WHEN '2025-04-01' THEN t.q2 WHEN '2025-07-01' THEN t.q3 ELSE t.q4 END)::integer) AS n) AS v;
-- Calls, two or three a week.
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT 'crm', format('call %s %s', c.rep, c.day), c.rep, 100 * c.rep + 1 + c.turn % 14, 'call', c.at, c.at + interval '1 minute'
FROM (SELECT u.unit_id AS rep, d.day, d.day - date '2025-01-01' AS turn,
             d.day::timestamp AT TIME ZONE 'Asia/Shanghai' + interval '16 hours' AS at
      FROM team t JOIN calib.unit u ON u.parent_id = t.team_id CROSS JOIN day d
      WHERE pg_temp.share(format('call %s %s', u.unit_id, d.day))
          < 0.5 * CASE d.quarter WHEN '2025-04-01' THEN t.q2 WHEN '2025-07-01' THEN t.q3 ELSE t.q4 END) AS c;

-- Collections, spread over the working days. They used to reach the database
-- 5.1 days late; in the pilot they do so within minutes.
INSERT INTO calib.result (source, external_id, unit_id, product_line, occurred_at, amount, recorded_at)
SELECT 'erp', format('payment %s %s', r.rep, r.day), r.rep, CASE WHEN r.turn % 5 = 0 THEN 'premium' ELSE '' END, r.at,
       round(r.total * r.weight / sum(r.weight) OVER (PARTITION BY r.team_id, r.quarter), 2),
       r.at + CASE WHEN r.region_id = 10 AND r.day >= '2025-08-01' THEN interval '4 minutes' ELSE interval '122 hours 24 minutes' END
FROM (SELECT u.unit_id AS rep, t.team_id, t.region_id, d.day, d.quarter, d.day - date '2025-01-01' AS turn,
             1000000 * CASE d.quarter WHEN '2025-07-01' THEN t.result_q3 ELSE t.result_q4 END AS total,
             0.5 + pg_temp.share(format('payment %s %s', u.unit_id, d.day))::numeric AS weight,
             d.day::timestamp AT TIME ZONE 'Asia/Shanghai' + interval '15 hours' AS at
      FROM team t JOIN calib.unit u ON u.parent_id = t.team_id CROSS JOIN day d
      WHERE d.quarter >= '2025-07-01') AS r;

-- Premium opportunities of July and August: 50 a team, won by 16 % of them, in
-- Zhejiang by 8 %.
INSERT INTO calib.opportunity (customer_id, unit_id, product_line, stage, stage_since, outcome, created_at, closed_at)
SELECT 100 * r.rep + 1 + r.n % 14, r.rep, 'premium', 'proposal', r.opened, CASE WHEN r.n <= r.won THEN 'won' ELSE 'lost' END,
       r.opened, r.opened + interval '20 days'
FROM (SELECT t.team_id, n, 100 * t.team_id + 1 + n % t.reps AS rep, CASE t.team_id WHEN 13 THEN 4 ELSE 8 END AS won,
             timestamptz '2025-07-08 10:00+08' + n % 40 * interval '1 day' AS opened
      FROM team t, generate_series(1, 50) AS n) AS r;

-- One rep whose customers do not move: five open opportunities, four of them in
-- first contact for weeks.
INSERT INTO calib.opportunity (customer_id, unit_id, stage, stage_since, created_at)
SELECT 150500 + n, 1505, 'initial_contact', opened, opened
FROM (VALUES (1, timestamptz '2025-08-11 10:00+08'), (2, '2025-08-14 10:00+08'), (3, '2025-08-18 10:00+08'),
             (4, '2025-08-20 10:00+08'), (5, '2025-09-04 10:00+08')) AS o (n, opened);
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT 'crm', 'first contact ' || n, 1505, 150500 + n, 'visit', at, at
FROM generate_series(1, 5) AS n, LATERAL (SELECT timestamptz '2025-09-07 17:00+08' + n * interval '1 day' AS at) AS v;

-- Deviations noticed and acted on: weeks before the pilot, days in it. Entered
-- by hand, until the loop opens them by itself.
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, acted_at, ended_at, ending)
SELECT unit_id, kind, calib.period_start(detected_at::date, 'quarter'), detected_at, acted_at, acted_at, 'acted'
FROM (SELECT unit_id, kind, detected_at, detected_at + days * interval '24 hours' AS acted_at
      FROM (VALUES (11, 'environment', timestamptz '2025-07-08 09:00+08',  9.0),
                   (12, 'environment', '2025-07-14 09:00+08', 12.4), (14, 'execution', '2025-07-21 09:00+08', 12.5),
                   (13, 'environment', '2025-10-13 09:00+08', 2.0), (12, 'environment', '2025-10-17 09:00+08', 1.8),
                   (14, 'execution', '2025-10-20 09:00+08', 2.5)) AS v (unit_id, kind, detected_at, days)) AS d;
ANALYZE;
