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
    (12, 10, 'Jiangsu',   8, 20, 13.20, 16.60, 1.00, 1.10, 1.55),
    (13, 10, 'Zhejiang',  8, 18, 11.88, 14.60, 1.00, 1.10, 1.55),
    (14, 10, 'Anhui',     8, 10,  6.00,  8.00, 0.60, 0.60, 1.00),
    (15, 10, 'Fujian',    8, 12,  8.52, 10.60, 1.00, 1.10, 1.10),
    (16, 10, 'Jiangxi',   7, 10,  6.70,  8.07, 1.00, 1.10, 0.65),
    (21, 20, 'Beijing',   3, 15, 11.00, 10.20, 0.90, 0.95, 0.90),
    (22, 20, 'Hebei',     3, 12,  8.70,  8.00, 0.90, 0.95, 0.90),
    (23, 20, 'Shandong',  3, 13,  9.20,  8.60, 0.90, 0.95, 0.90),
    (31, 30, 'Guangdong', 3, 18, 13.50, 14.20, 1.80, 1.45, 1.45),
    (32, 30, 'Guangxi',   3, 10,  7.50,  7.90, 1.80, 1.45, 1.45),
    (33, 30, 'Hunan',     3, 12,  9.00,  9.50, 1.80, 1.45, 1.45),
    (41, 40, 'Sichuan',   3, 12, 12.40, 12.20, 1.00, 0.95, 1.00),
    (42, 40, 'Chongqing', 3, 10, 10.30, 10.10, 1.00, 0.95, 1.00),
    (43, 40, 'Shaanxi',   3,  8,  8.20,  8.00, 1.00, 0.95, 1.00);

INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT team_id, region_id, 'team', name FROM team;
-- Reps carry the staff number the CRM knows them by.
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active, external_ref)
SELECT 100 * team_id + n, team_id, 'rep', name || ' ' || n, '[2024-03-01,)', 'E' || 100 * team_id + n
FROM team, generate_series(1, reps) AS n;

\echo
\echo '== The company (generated data)'
SELECT r.name AS region, count(DISTINCT t.unit_id) AS teams, count(*) AS reps
FROM calib.unit p JOIN calib.unit t ON p.parent_id = t.unit_id JOIN calib.unit r ON t.parent_id = r.unit_id
WHERE p.kind = 'rep' GROUP BY r.unit_id ORDER BY r.unit_id;

-- The CRM, and what of it calib follows ---------------------------------------------

-- Tables as the CRM has them: its own names, its own keys, nothing of calib.
CREATE SCHEMA crm;
CREATE TABLE crm.shop (shop_no text PRIMARY KEY, title text, staff_no text, grade text, trade text, entered timestamptz);
CREATE TABLE crm.contact (contact_no text PRIMARY KEY, staff_no text, shop_no text, line text, way text, started timestamptz, saved timestamptz);
CREATE TABLE crm.payment (payment_no text PRIMARY KEY, staff_no text, shop_no text, line text, booked timestamptz, yuan numeric, saved timestamptz);
CREATE TABLE crm.deal (deal_no text PRIMARY KEY, shop_no text, staff_no text, line text, phase text, phase_since timestamptz,
    opened timestamptz, closed timestamptz, won boolean);

-- The job maintain makes months ahead of their time; this company writes a whole year at once.
DO $$ BEGIN PERFORM calib.make_partitions('2025-01-01', '2026-01-01'); END $$;

-- A feed says what each column of calib's is in the CRM's words. From here on whatever
-- is written to these tables is followed, in the same transaction.
\echo '== Four tables of the CRM attached: what they hold is followed from now on'
SELECT calib.attach('shops', 'customer', 'crm.shop', '{
    "external_ref": "shop_no", "name": "title", "unit": "staff_no", "tier": "grade", "channel": "trade", "created_at": "entered"}') AS shops,
calib.attach('contacts', 'activity', 'crm.contact', '{
    "external_id": "contact_no", "unit": "staff_no", "customer": "shop_no", "product_line": "line",
    "kind": "CASE way WHEN ''on site'' THEN ''visit'' WHEN ''phone'' THEN ''call'' END",
    "occurred_at": "started", "recorded_at": "saved"}') AS contacts,
calib.attach('payments', 'result', 'crm.payment', '{
    "external_id": "payment_no", "unit": "staff_no", "customer": "shop_no", "product_line": "line", "occurred_at": "booked", "amount": "yuan", "recorded_at": "saved"}') AS payments,
calib.attach('deals', 'opportunity', 'crm.deal', '{
    "external_ref": "deal_no", "unit": "staff_no", "customer": "shop_no", "product_line": "line", "stage": "phase", "stage_since": "phase_since",
    "outcome": "CASE WHEN won THEN ''won'' WHEN NOT won THEN ''lost'' ELSE ''open'' END", "created_at": "opened", "closed_at": "closed"}') AS deals;

-- Shops: 14 known ones per rep, and four of the new channel in July.
INSERT INTO crm.shop (shop_no, staff_no, title, grade, trade, entered)
SELECT 'S' || 100 * unit_id + n, 'E' || unit_id, 'Shop ' || unit_id || '-' || n,
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
-- reps by month from November on
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT 100 * team_id + n, 'month', month, round(target * 1000000 / 3 / reps, 2)
FROM team, generate_series(1, reps) AS n, unnest(ARRAY[date '2025-11-01', '2025-12-01']) AS month;

\echo '== Targets published'
SELECT day AS period_start, calib.publish_targets(day) AS targets
FROM unnest(ARRAY[date '2025-07-01', '2025-10-01', '2025-11-01', '2025-12-01']) AS day;

\echo '== Do they add up? The company carries its own target'
SELECT unit_name, period_start, target_value, children, children_value, gap FROM calib.target_gap ORDER BY period_start;

-- Who may do what. The demonstration has one login; calib.actor says who is at
-- the keyboard, as an application with a shared login would.
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('Li Yan', 'manager', 10), ('Gao Ming', 'manager', 20),
    ('Chen Jing', 'risk', NULL), ('Wang Fang', 'hr', NULL);
INSERT INTO calib.duty (person, duty, unit_id) SELECT name, 'rep', unit_id FROM calib.unit WHERE parent_id = 11;
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
INSERT INTO crm.contact (contact_no, staff_no, shop_no, line, way, started, saved)
SELECT format('visit %s %s %s', v.rep, v.day, v.n), 'E' || v.rep,
       'S' || 100 * v.rep + CASE WHEN v.team_id <> 13 AND v.day >= '2025-07-07' AND pg_temp.share(format('new %s %s %s', v.rep, v.day, v.n)) < 0.35
                     THEN 15 + (v.turn + v.n) % 4 ELSE 1 + (v.turn + 7 * v.n) % 14 END,
       CASE WHEN v.turn % 3 = 0 THEN 'premium' ELSE '' END, 'on site', v.at, v.at + interval '3 minutes'
FROM (SELECT u.unit_id AS rep, t.team_id, d.day, n, (d.day - date '2025-01-01') AS turn,
             d.day::timestamp AT TIME ZONE 'Asia/Shanghai' + interval '9 hours' + n * interval '75 minutes' AS at
      FROM team t JOIN calib.unit u ON u.parent_id = t.team_id CROSS JOIN day d
      CROSS JOIN LATERAL generate_series(1, floor(pg_temp.share(format('visits %s %s', u.unit_id, d.day))
          + CASE d.quarter WHEN '2025-04-01' THEN t.q2 WHEN '2025-07-01' THEN t.q3 ELSE t.q4 END)::integer) AS n) AS v;
-- Calls, two or three a week.
INSERT INTO crm.contact (contact_no, staff_no, shop_no, way, started, saved)
SELECT format('call %s %s', c.rep, c.day), 'E' || c.rep, 'S' || 100 * c.rep + 1 + c.turn % 14, 'phone', c.at, c.at + interval '1 minute'
FROM (SELECT u.unit_id AS rep, d.day, d.day - date '2025-01-01' AS turn,
             d.day::timestamp AT TIME ZONE 'Asia/Shanghai' + interval '16 hours' AS at
      FROM team t JOIN calib.unit u ON u.parent_id = t.team_id CROSS JOIN day d
      WHERE pg_temp.share(format('call %s %s', u.unit_id, d.day))
          < 0.5 * CASE d.quarter WHEN '2025-04-01' THEN t.q2 WHEN '2025-07-01' THEN t.q3 ELSE t.q4 END) AS c;

-- Collections, spread over the working days, more of them from a rep's later shops. They used to be entered 5.1 days late;
-- in the pilot they are within minutes.
INSERT INTO crm.payment (payment_no, staff_no, shop_no, line, booked, yuan, saved)
SELECT format('payment %s %s', r.rep, r.day), 'E' || r.rep, 'S' || 100 * r.rep + 1 + floor(14 * r.weight ^ 2 / 2.25), CASE WHEN r.turn % 5 = 0 THEN 'premium' ELSE '' END, r.at,
       round(r.total * r.weight / sum(r.weight) OVER (PARTITION BY r.team_id, r.quarter), 2),
       r.at + CASE WHEN r.region_id = 10 AND r.day >= '2025-08-01' THEN interval '4 minutes' ELSE interval '122 hours 24 minutes' END
FROM (SELECT u.unit_id AS rep, t.team_id, t.region_id, d.day, d.quarter, d.day - date '2025-01-01' AS turn,
             1000000 * CASE d.quarter WHEN '2025-07-01' THEN t.result_q3 ELSE t.result_q4 END AS total,
             0.5 + pg_temp.share(format('payment %s %s', u.unit_id, d.day))::numeric AS weight,
             d.day::timestamp AT TIME ZONE 'Asia/Shanghai' + interval '15 hours' AS at
      FROM team t JOIN calib.unit u ON u.parent_id = t.team_id CROSS JOIN day d
      WHERE d.quarter >= '2025-07-01') AS r;

-- Premium deals from 12 August on: 50 a team, decided after ten days, won in 16 % of
-- them, in Zhejiang in 8 %.
INSERT INTO crm.deal (deal_no, shop_no, staff_no, line, phase, phase_since, won, opened, closed)
SELECT format('D%s-%s', r.team_id, r.n), 'S' || 100 * r.rep + 1 + r.n % 14, 'E' || r.rep, 'premium', 'proposal', r.opened, r.n % r.every = 0,
       r.opened, r.opened + interval '10 days'
FROM (SELECT t.team_id, n, 100 * t.team_id + 1 + n % t.reps AS rep, CASE t.team_id WHEN 13 THEN 12 ELSE 6 END AS every,
             timestamptz '2025-08-12 10:00+08' + n % 25 * interval '1 day' AS opened
      FROM team t, generate_series(1, 50) AS n) AS r;

-- One rep whose customers do not move: five open deals, four of them in first
-- contact for weeks.
INSERT INTO crm.deal (deal_no, shop_no, staff_no, phase, phase_since, opened)
SELECT 'D1505-' || n, 'S' || 150500 + n, 'E1505', 'initial_contact', opened, opened
FROM (VALUES (1, timestamptz '2025-08-11 10:00+08'), (2, '2025-08-14 10:00+08'), (3, '2025-08-18 10:00+08'),
             (4, '2025-08-20 10:00+08'), (5, '2025-09-04 10:00+08')) AS o (n, opened);
INSERT INTO crm.contact (contact_no, staff_no, shop_no, way, started, saved)
SELECT 'first contact ' || n, 'E1505', 'S' || 150500 + n, 'on site', at, at
FROM generate_series(1, 5) AS n, LATERAL (SELECT timestamptz '2025-09-07 17:00+08' + n * interval '1 day' AS at) AS v;

ANALYZE;

\echo '== Nine months of it, written to the CRM and followed'
SELECT f.feed, f.source, f.destination, c.rows, c.facts
FROM calib.feed f JOIN (
    SELECT 'shops', (SELECT count(*) FROM crm.shop), (SELECT count(*) FROM calib.customer)
    UNION ALL SELECT 'contacts', (SELECT count(*) FROM crm.contact), (SELECT count(*) FROM calib.activity WHERE source = 'contacts')
    UNION ALL SELECT 'payments', (SELECT count(*) FROM crm.payment), (SELECT count(*) FROM calib.result WHERE source = 'payments')
    UNION ALL SELECT 'deals', (SELECT count(*) FROM crm.deal), (SELECT count(*) FROM calib.opportunity)) AS c (feed, rows, facts) USING (feed)
ORDER BY f.feed_id;
