-- Pressure: five teams of one rep each, targets of 100 a month, read on 15 July 2025.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET calib.clock = '2025-01-01 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'Company');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 + n, 1, 'team', 'Team ' || chr(64 + n) FROM generate_series(1, 5) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 100 + n, 10 + n, 'rep', 'Rep ' || chr(64 + n) FROM generate_series(1, 5) n;
INSERT INTO calib.customer (customer_id, name) SELECT n, 'C' || n FROM generate_series(1, 20) n;
-- visits and results per month: index of a team is its visits against the mean of the other four
CREATE TEMP TABLE month (starts date, visits integer[], results integer[]);
INSERT INTO month VALUES
    ('2025-03-01', '{12,10,10,10,10}', '{100,90,120,120,120}'),   -- A reaches its target
    ('2025-04-01', '{12,10,10,10,10}', '{90,120,120,120,120}'),   -- A misses, 1.2
    ('2025-05-01', '{12,10,12,8,10}', '{90,120,90,90,120}'),      -- A and C miss, 1.2; D misses with 8 / 11
    ('2025-06-01', '{12,8,10,12,10}', '{99,90,120,90,120}');      -- A and D miss, 1.2; B misses with 8 / 11; C reaches it
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT 100 + t, v, 'visit', at, at FROM month m, generate_series(1, 5) t, generate_series(1, m.visits[t]) v, LATERAL (SELECT m.starts + interval '9 days 10 hours' AS at) a;
INSERT INTO calib.result (unit_id, occurred_at, amount) SELECT 100 + t, m.starts + interval '19 days', m.results[t] FROM month m, generate_series(1, 5) t;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT 10 + t, 'month', m.starts, 100 FROM month m, generate_series(1, 5) t;
-- the running month counts nothing, however it goes
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (13, 'month', '2025-07-01', 100);
-- by quarters where there are none of the month: of A two in a row (in the first quarter 12 visits against 10), missed by less and less;
-- of B one sparse; the collection of E has both, and goes by months
INSERT INTO calib.target (unit_id, measure, product_line, grain, period_start, original_value) VALUES
    (11, 'shops', '', 'quarter', '2025-01-01', 10), (11, 'shops', '', 'quarter', '2025-04-01', 10), (12, 'shops', '', 'quarter', '2025-04-01', 10),
    (15, 'collection', '', 'quarter', '2025-04-01', 10000), (15, 'collection', '', 'year', '2025-01-01', 10000);
INSERT INTO calib.result (unit_id, measure, occurred_at, amount) VALUES (101, 'shops', '2025-02-01', 5), (101, 'shops', '2025-06-30 23:59+08', 9), (101, 'shops', '2025-07-01 00:00+08', 100);
SET calib.clock = '2025-07-15 09:00+08';
CREATE VIEW shown WITH (security_invoker = true) AS
SELECT unit_name, measure, grain, periods, since, last_period, round(attainment, 2) AS attainment, round(density_index::numeric, 4) AS index FROM calib.pressure ORDER BY unit_id, measure, grain;
GRANT SELECT ON shown TO PUBLIC;
-- the company, compared with its own 13 weeks before: no peers, and of the market-wide case only what is dense itself
SELECT * FROM shown;
-- an adjustment that makes May attained ends the row
SET calib.clock = '2025-05-20 09:00+08';
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (NULL, '2025-05-20', 'none');
SELECT calib.attach_evidence('market_report', 'Rivals', 'https://example.org/r') AS evidence \gset
SELECT calib.file_adjustment(calib.submit_adjustment(target_id, 90, 'rivals', ARRAY[:evidence]))::text AS filed FROM calib.target WHERE unit_id = 11 AND grain = 'month' AND period_start = '2025-05-01';
SET calib.clock = '2025-07-15 09:00+08';
SELECT unit_name, periods, since FROM calib.pressure WHERE unit_id = 11 AND grain = 'month';
-- in June the last closed month is May, in the last second of July June
SET calib.clock = '2025-06-30 23:59:59+08';
SELECT unit_name, grain, periods, since, last_period FROM calib.pressure WHERE periods > 0 ORDER BY unit_id, grain;
SET calib.clock = '2025-07-31 23:59:59+08';
SELECT DISTINCT grain, last_period FROM calib.pressure ORDER BY 1;
SET calib.clock = '2025-08-01 00:00+08';
SELECT unit_name, grain, periods, last_period, round(density_index::numeric, 4) AS index FROM calib.pressure WHERE measure = 'collection' ORDER BY unit_id;
-- who sees what: the same index for a manager of one team (A has but June since its May was adjusted)
CREATE ROLE pressure_a;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('pressure_a', 'manager', 11);
SET calib.clock = '2025-07-15 09:00+08';
SET ROLE pressure_a;
SELECT * FROM shown;
SELECT * FROM calib.judged_period('month', '2025-06-01');
RESET ROLE;
DROP VIEW shown;
DROP EXTENSION calib CASCADE;
DROP ROLE pressure_a;
