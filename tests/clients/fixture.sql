-- A small company that every client of tests/clients reads: two regions of three teams,
-- two quarters of 2025 lived through, so that every view has rows. The roles are clients.pl's:
-- viewer sees the East, office sees everything.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET calib.clock = '2025-03-20 09:00+08';

INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (10, 1, 'region', 'East'), (20, 1, 'region', 'North');
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT region + n, region, 'team', (ARRAY['浙江', 'Jiangsu', 'Anhui', 'Beijing', 'Hebei', 'Shandong'])[n + 3 * (region / 10 - 1)]
FROM unnest('{10,20}'::bigint[]) region, generate_series(1, 3) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active)
SELECT 100 * t.unit_id + n, t.unit_id, 'rep', t.name || ' ' || n, CASE WHEN n = 2 THEN daterange('2025-08-04', NULL) ELSE daterange('2024-01-01', NULL) END
FROM calib.unit t, generate_series(1, 2) n WHERE t.kind = 'team';

INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT unit_id, 'quarter', q, CASE kind WHEN 'region' THEN 3000 ELSE 1000 END
FROM calib.unit, unnest('{2025-04-01,2025-07-01,2025-10-01}'::date[]) q WHERE kind IN ('region', 'team');
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT unit_id, 'month', m, 300 FROM calib.unit, unnest('{2025-07-01,2025-08-01,2025-09-01,2025-10-01,2025-11-01,2025-12-01}'::date[]) m WHERE kind = 'team' AND unit_id % 10 < 3;
SELECT calib.publish_targets(d) FROM unnest('{2025-04-01,2025-07-01,2025-08-01,2025-09-01,2025-10-01,2025-11-01,2025-12-01}'::date[]) d \g /dev/null

INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('viewer', 'viewer', 10), ('office', 'admin', NULL), ('office', 'hr', NULL), ('office', 'risk', NULL), ('office', 'manager', NULL);
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('Li Yan', 'manager', 10), ('Gao Ming', 'manager', 20),
    ('Chen Jing', 'risk', NULL), ('Wang Fang', 'hr', NULL);
INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on, ends_on, compared)
VALUES (1, 'East', '2025-04-01', '2025-07-01', '2025-09-30', 'team');
INSERT INTO calib.pilot_unit VALUES (1, 10, 'pilot'), (1, 20, 'control');
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (10, '2025-07-01', true), (20, '2025-10-01', true);
UPDATE calib.rule SET enabled = true;

-- Each rep has five customers, in channels, one of them new in October.
INSERT INTO calib.customer (customer_id, unit_id, name, tier, channel, created_at)
SELECT 10 * u.unit_id + n, u.unit_id, 'Shop ' || u.unit_id || '-' || n, (ARRAY['A', 'B', 'C'])[1 + n % 3],
       (ARRAY['supermarket', 'convenience store', 'community group buying'])[1 + n % 3],
       CASE n WHEN 5 THEN timestamptz '2025-10-06 10:00+08' ELSE '2024-05-06 10:00+08' END
FROM calib.unit u, generate_series(1, 5) n WHERE u.kind = 'rep';

-- Visits: the first team of each region works twice as densely as the others.
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, outcome, occurred_at, recorded_at)
SELECT 'crm', format('v-%s-%s-%s', u.unit_id, d, n), u.unit_id, 10 * u.unit_id + n, CASE WHEN n = 1 THEN 'call' ELSE 'visit' END, NULL, at, at + n * interval '1 hour'
FROM calib.unit u JOIN calib.unit t ON t.unit_id = u.parent_id,
     generate_series(date '2025-03-03', '2025-10-30', '1 day') d,
     generate_series(1, 4) n, LATERAL (SELECT d::timestamp AT TIME ZONE 'Asia/Shanghai' + interval '9 hours' + n * interval '1 hour' AS at) a
WHERE u.kind = 'rep' AND u.active @> d::date AND extract(isodow FROM d) < 6
  AND n <= CASE WHEN t.unit_id % 10 = 1 THEN 4 ELSE 2 END;
-- an order follows now and then
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, quantity, occurred_at, recorded_at)
SELECT 'crm', format('o-%s-%s', unit_id, d), unit_id, 10 * unit_id + 1, 'order', 6, d + interval '11 hours', d + interval '11 hours'
FROM calib.unit, generate_series(timestamptz '2025-08-13 00:00+08', '2025-10-30', '14 days') d WHERE kind = 'rep';

INSERT INTO calib.result (source, external_id, unit_id, customer_id, occurred_at, amount, recorded_at)
SELECT 'bank', format('r-%s-%s', unit_id, d), unit_id, 10 * unit_id + 1, d, amount, d + CASE WHEN unit_id < 2000 THEN interval '2 hours' ELSE interval '5 days' END
FROM (SELECT u.unit_id, d, round(30 + 10 * sin(u.unit_id + extract(epoch FROM d) / 1e6)::numeric + 3 * (u.unit_id / 100 % 10), 2) * CASE WHEN u.unit_id / 100 % 10 < 3 THEN 0.7 ELSE 1 END AS amount
      FROM calib.unit u, generate_series(timestamptz '2025-04-02 15:00+08', '2025-10-30', '7 days') d WHERE u.kind = 'rep') r;

-- Deals of the first rep of each team; those of the second team do not move.
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, product_line, stage, stage_since, amount, outcome, created_at, closed_at)
SELECT 10 * u.unit_id + n, 10 * u.unit_id + n, u.unit_id, '', CASE WHEN t.unit_id % 10 = 2 THEN 'initial_contact' ELSE 'proposal' END,
       timestamptz '2025-08-11 10:00+08' + n * interval '1 day', 100 * n, CASE WHEN t.unit_id % 10 <> 2 AND n = 1 THEN 'won' ELSE 'open' END,
       timestamptz '2025-08-11 10:00+08' + n * interval '1 day', CASE WHEN t.unit_id % 10 <> 2 AND n = 1 THEN timestamptz '2025-09-11 10:00+08' END
FROM calib.unit u JOIN calib.unit t ON t.unit_id = u.parent_id, generate_series(1, 4) n WHERE u.kind = 'rep' AND u.unit_id % 10 = 1;
-- a rep with five stuck customers, four of them visited all the time
INSERT INTO calib.receivable (source, external_id, customer_id, amount, due_on)
SELECT 'erp', 'INV-' || customer_id, customer_id, 500, '2025-10-15' FROM calib.customer WHERE customer_id % 10 = 1;

-- Answers to the survey, from the reps of the East.
SET calib.clock = '2025-09-20 12:00+08';
INSERT INTO calib.survey_response (unit_id, score) SELECT 11 + s % 3, s % 11 FROM generate_series(1, 40) s;
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on)
VALUES (1, 'competitor_price_notice', 'Rival cuts prices by 15 %', 'https://example.com/notice', '2025-09-10');
ANALYZE;

-- What the jobs find, and what people do about it: one deviation is acted on, one dismissed.
SET calib.clock = '2025-08-29 09:00+08';
SELECT calib.run_detect(calib.clock()), calib.run_rules(calib.clock()) \g /dev/null
SET calib.clock = '2025-09-12 16:00+08';
SELECT calib.run('weekly_report') \g /dev/null
SET calib.actor = 'Li Yan';
SELECT calib.act(min(deviation_id), 'coaching', 'Talked it through') FROM calib.deviation_open WHERE kind = 'execution' \g /dev/null
SELECT calib.submit_request(11, 'promotion_budget', 5000, 'For the tasting', cost => 5000, evidence => '{1}') AS request \gset
SELECT calib.submit_request(12, 'samples', 10, 'For the tasting', evidence => '{1}') \g /dev/null
SET calib.clock = '2025-09-12 17:00+08';
SET calib.actor = 'Chen Jing';
SELECT calib.approve_request(:request) \g /dev/null
SET calib.clock = '2025-09-12 18:00+08';
SET calib.actor = 'Wang Fang';
SELECT calib.file_request(:request) \g /dev/null
RESET calib.actor;

-- The meeting of September, and targets of October that follow the market.
SET calib.clock = '2025-09-28 17:00+08';
SET calib.actor = 'Li Yan';
SELECT calib.open_meeting(10, '2025-09-28') AS meeting \gset
SELECT calib.decide(:meeting, item_id, 'accept') FROM calib.agenda(:meeting) WHERE part = 'tier' \g /dev/null
SET calib.clock = '2025-09-28 17:14+08';
SELECT calib.close_meeting(:meeting) \g /dev/null
SET calib.actor = 'Gao Ming';
SET calib.clock = '2025-09-29 17:00+08';
SELECT calib.open_meeting(20, '2025-09-29') AS meeting \gset
SET calib.clock = '2025-09-29 17:10+08';
SELECT calib.close_meeting(:meeting) \g /dev/null
SELECT calib.submit_request(22, 'samples', 10, 'For the fair', evidence => '{1}') \g /dev/null
SET calib.actor = 'Li Yan';
SET calib.clock = '2025-10-13 09:00+08';
SELECT target_id AS east FROM calib.target WHERE unit_id = 11 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
SELECT target_id AS north FROM calib.target WHERE unit_id = 21 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
SELECT calib.submit_adjustment(:east, 920, '竞品降价', '{1}') AS of_east \gset
SET calib.actor = 'Gao Ming';
SELECT calib.submit_adjustment(:north, 950, 'Stock is high', '{1}') AS of_north \gset
SET calib.clock = '2025-10-13 10:00+08';
SET calib.actor = 'Chen Jing';
SELECT calib.approve_adjustment(:of_east), calib.approve_adjustment(:of_north) \g /dev/null
SET calib.clock = '2025-10-13 11:00+08';
SET calib.actor = 'Wang Fang';
SELECT calib.draft_agreement(u, 'quarter', '2025-10-01', '{"bonus_share": 0.12}') FROM unnest('{11,21}'::bigint[]) u \g /dev/null
SELECT calib.file_adjustment(:of_east), calib.file_adjustment(:of_north) \g /dev/null
RESET calib.actor;
SET calib.clock = '2025-10-24 16:30+08';
SELECT calib.run('weekly_report') \g /dev/null
SET calib.clock = '2025-10-29 09:00+08';
SET calib.actor = 'Li Yan';
SELECT calib.submit_adjustment(:east, 900, 'Sells off slower than expected', '{1}') \g /dev/null
RESET calib.actor;

-- A table of the CRM's that is followed, with a row it does not understand.
CREATE SCHEMA crm;
CREATE TABLE crm.call (id text PRIMARY KEY, staff bigint, at timestamptz);
SELECT calib.attach('calls', 'activity', 'crm.call', '{"external_id": "id", "unit": "staff::text", "kind": "''call''", "occurred_at": "at"}') \g /dev/null
INSERT INTO crm.call VALUES ('1', 4711, '2025-10-28 10:00+08');

SET calib.clock = '2025-10-30 18:00+08';
SELECT calib.run_detect(calib.clock()) \g /dev/null
ANALYZE;
