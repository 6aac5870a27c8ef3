-- Rules: what a row may say, what each kind finds as of a time, and the reminders of it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
SET calib.clock = '2025-10-15 09:00+08';
CREATE SCHEMA own;
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    detail text;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN 'ok ' || n;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;
GRANT USAGE ON SCHEMA own TO PUBLIC;

-- The article's three, switched off ------------------------------------------------
SELECT rule, kind, parameters, enabled, unit_id, makes, duty, due_hours FROM calib.rule ORDER BY rule;

-- What a row may say: each fault is named ------------------------------------------
SELECT kind, parameters, own.try(format('INSERT INTO calib.rule (rule, kind, parameters, makes, label_en, label_zh) VALUES (%L, %L, %L, %L, ''x'', ''x'')',
    'r' || row_number() OVER (), kind, parameters, makes)) AS result
FROM (VALUES
    ('every_nth_contact', '{"n": 10, "kinds": ["visit"]}', 'reminder'),
    ('every_nth_contact', '{"n": 10, "kinds": ["visit"]}', 'deviation'),
    ('every_nth_contact', '{"n": 1, "kinds": []}', 'reminder'),
    ('every_nth_contact', '{"n": 2.5, "kinds": "visit"}', 'reminder'),
    ('every_nth_contact', '{"n": "10", "kinds": ["vist", 3, null], "m": 1}', 'report'),
    ('every_nth_contact', '{"n": 1e30, "kinds": ["visit"]}', 'reminder'),
    -- a whole number with a point in it would be accepted and then stop every run
    ('every_nth_contact', '{"n": 10.0, "kinds": ["visit"]}', 'reminder'),
    ('weekly_report', '{"weekday": 5.0, "at": "16:00", "due_hours": 8.00}', 'report'),
    ('every_nth_contact', '{}', 'reminder'),
    ('weeks_without', '{"indicator": "new_customers", "weeks": 2}', 'deviation'),
    ('weeks_without', '{"indicator": "newcustomers", "weeks": 0}', 'reminder'),
    ('weeks_without', '{"indicator": "", "weeks": 53}', 'reminder'),
    ('stage_older_than', '{"stages": ["initial_contact"], "days": 14}', 'deviation'),
    ('stage_older_than', '{"stages": ["no; DROP TABLE calib.rule"], "days": -1}', 'deviation'),
    ('indicator_below', '{"indicator": "visits", "value": 2.5, "weeks": 3}', 'reminder'),
    ('indicator_below', '{"indicator": ["visits"], "value": null, "weeks": true}', 'reminder'),
    ('result_missing', '{"measure": "collection", "days": 10}', 'reminder'),
    ('result_missing', '{"measure": 1, "days": 0}', 'reminder'),
    ('weekly_report', '{"weekday": 7, "at": "09:30", "due_hours": 0}', 'report'),
    ('weekly_report', '{"weekday": 8, "at": "24:00", "due_hours": 169}', 'reminder'),
    ('weekly_report', '{"weekday": 5, "at": "4 pm", "due_hours": 2}', 'report'),
    ('every_10th', '{}', 'reminder'),
    ('weeks_without', '[]', 'reminder')) v (kind, parameters, makes);
SELECT own.try(format('INSERT INTO calib.rule (rule, kind, parameters, label_en, label_zh%s) VALUES (%L, ''weeks_without'', ''{"indicator": "visits", "weeks": 1}'', ''x'', ''x''%s)', c, r, v)) AS result
FROM (VALUES ('', '', ''), ('', 'a:b', ''), ('', 'workflow', ''), ('', repeat('x', 100), ''), ('', repeat('x', 101), ''), (', duty', 'q', ', ''risk'''), (', due_hours', 'q', ', -1'), (', since', 'q', ', ''infinity'''), (', unit_id', 'q', ', 404')) x (c, r, v);
-- a deviation's key holds what the rule is about: one too long for an index would stop the detection of all
SELECT length, own.try(format('INSERT INTO calib.rule (rule, kind, parameters, label_en, label_zh) VALUES (''r%1$s'', ''result_missing'', jsonb_build_object(''days'', 1, ''measure'', repeat(''x'', %1$s)), ''x'', ''x'')', length)) AS result
FROM unnest('{200,201}'::integer[]) length;
UPDATE calib.rule SET parameters = parameters || '{"n": 0}' WHERE rule = 'every_10th_contact';
DELETE FROM calib.rule WHERE rule ~ '^(r[0-9]+|x+)$';
SELECT count(*) > 0 AS trailed FROM calib.audit WHERE relation = 'calib.rule' AND action = 'DELETE';

-- Enabling: from today on, unless the statement says since when
UPDATE calib.rule SET enabled = true WHERE rule = 'every_10th_contact' RETURNING since;
UPDATE calib.rule SET due_hours = 48 WHERE rule = 'every_10th_contact' RETURNING since;
UPDATE calib.rule SET enabled = false WHERE rule = 'every_10th_contact' RETURNING since;
UPDATE calib.rule SET enabled = true, since = '2025-09-01' WHERE rule = 'every_10th_contact' RETURNING since;
UPDATE calib.rule SET enabled = false WHERE rule = 'every_10th_contact';

-- The firm --------------------------------------------------------------------------
SET calib.clock = '2025-08-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'region', 'East'), (2, 1, 'team', 'Alpha'), (3, 2, 'rep', 'Li'), (4, 2, 'rep', 'Sun'), (5, NULL, 'team', 'Control'), (6, 5, 'rep', 'Wu');
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (1, '2025-08-01', true);
INSERT INTO calib.duty (person, duty, unit_id, deputy) VALUES ('li', 'rep', 3, false), ('sun', 'rep', 4, false), ('chen', 'manager', 2, false);
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) VALUES (1, 3, '便利店 A', '2025-08-01 09:00+08'), (2, 4, 'B', '2025-08-01 09:00+08'), (3, 6, 'C', '2025-08-01 09:00+08');

ALTER SEQUENCE calib.customer_customer_id_seq RESTART 100;

-- every_nth_contact -------------------------------------------------------------------
-- n = 3, from 1 September on. Contacts of Li with A: three that count by 4 September
-- 12:00; one before the rule, one still owed, and one kind it does not name do not.
BEGIN;
INSERT INTO calib.rule (rule, kind, parameters, enabled, since, duty, due_hours, label_en, label_zh) VALUES
    ('third', 'every_nth_contact', '{"n": 3, "kinds": ["visit", "call", "follow_up"]}', true, '2025-09-01', 'rep', 48, 'x', 'x');
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, stage_since, created_at) VALUES (1, 1, 3, 'initial_contact', '2025-09-02 09:00+08', '2025-09-02 09:00+08');
INSERT INTO calib.activity (external_id, unit_id, customer_id, kind, outcome, occurred_at, recorded_at) VALUES
    ('0', 3, 1, 'visit', NULL, '2025-08-31 23:59+08', '2025-09-01 09:00+08'),
    ('1', 3, 1, 'visit', NULL, '2025-09-01 00:00+08', '2025-09-01 09:00+08'),
    ('2', 4, 1, 'call', NULL, '2025-09-02 10:00+08', '2025-09-02 10:00+08'),
    ('3', 3, 1, 'follow_up', 'open', '2025-09-03 10:00+08', '2025-09-02 10:00+08'),
    ('4', 3, 1, 'shelf_check', NULL, '2025-09-03 10:00+08', '2025-09-03 10:00+08'),
    ('5', 3, NULL, 'visit', NULL, '2025-09-03 10:00+08', '2025-09-03 10:00+08'),
    ('6', 3, 1, 'visit', NULL, '2025-09-04 12:00+08', '2025-09-04 12:00+08'),
    -- recorded late: the 4th, though it happened first
    ('7', 3, 1, 'visit', NULL, '2025-09-01 08:00+08', '2025-09-05 12:00+08'),
    ('8', 4, 1, 'visit', NULL, '2025-09-05 13:00+08', '2025-09-05 13:00+08'),
    ('9', 4, 1, 'visit', NULL, '2025-09-06 13:00+08', '2025-09-06 13:00+08'),
    ('c1', 6, 3, 'visit', NULL, '2025-09-01 09:00+08', '2025-09-01 09:00+08'),
    ('c2', 6, 3, 'visit', NULL, '2025-09-01 10:00+08', '2025-09-01 10:00+08'),
    ('c3', 6, 3, 'visit', NULL, '2025-09-01 11:00+08', '2025-09-01 11:00+08');
SET LOCAL calib.clock = '2025-09-30 09:00+08';
SELECT at, h.* FROM unnest('{2025-09-04 11:59:59+08, 2025-09-04 12:00+08, 2025-09-06 12:00+08, 2025-09-06 13:00+08}'::timestamptz[]) at, calib.rule_hits(at) h ORDER BY at, key;
-- Wu is not in the loop: found, not told. Twice at the same time, and earlier again: nothing new.
SELECT at, calib.run_rules(at) FROM unnest('{2025-09-04 07:30+08, 2025-09-05 07:30+08, 2025-09-05 07:30+08, 2025-09-07 07:30+08, 2025-09-05 07:30+08}'::timestamptz[]) at;
SELECT key, unit_id, duty, rule, created_at, due_at, calib.reason_text(reason_code, reason_args, 'en'), calib.reason_text(reason_code, reason_args, 'zh') FROM calib.reminder ORDER BY key;
-- enabled again it counts anew: from 4 September on the third is of the 6th, though a third there was
UPDATE calib.rule SET enabled = false WHERE rule = 'third';
UPDATE calib.rule SET enabled = true, since = '2025-09-04' WHERE rule = 'third';
SELECT calib.run_rules('2025-09-06 07:30+08') AS not_yet, calib.run_rules('2025-09-07 07:30+08') AS third, calib.run_rules('2025-09-07 07:30+08') AS again;
UPDATE calib.rule SET since = '2025-09-01' WHERE rule = 'third';
-- without an open opportunity it asks for one
UPDATE calib.opportunity SET outcome = 'lost', closed_at = '2025-09-06 09:00+08';
SELECT calib.reason_text(reason_code, reason_args, l) FROM calib.rule_hits('2025-09-07 07:30+08') CROSS JOIN unnest('{en,zh}'::text[]) l WHERE unit_id <> 6;
-- a rule for a unit finds only there; one that holds later, or is off, nothing
UPDATE calib.rule SET unit_id = 5 WHERE rule = 'third';
SELECT rule, unit_id, key FROM calib.rule_hits('2025-09-07 07:30+08');
UPDATE calib.rule SET unit_id = NULL, since = '2025-09-08' WHERE rule = 'third';
SELECT count(*) FROM calib.rule_hits('2025-09-07 07:30+08');
UPDATE calib.rule SET since = '2025-09-01', enabled = false WHERE rule = 'third';
SELECT count(*) FROM calib.rule_hits('2025-09-07 07:30+08');
ROLLBACK;

-- weeks_without -------------------------------------------------------------------------
-- Two weeks without a new customer. Li enters one on 3 September and on 30 September;
-- Sun none after August. Weeks: 8, 15, 22 September are without for Li; the week of
-- 29 September has one; that of 6 October has Thursday to Saturday to work.
-- Sun is on leave from 8 to 21 September: those two weeks neither count nor break.
BEGIN;
UPDATE calib.rule SET enabled = true, since = '2025-08-01' WHERE rule = 'two_weeks_without_a_new_customer';
INSERT INTO calib.customer (unit_id, name, created_at) VALUES (3, 'D', '2025-09-03 09:00+08'), (3, 'E', '2025-09-30 09:00+08'), (4, 'F', '2025-08-29 09:00+08'), (6, 'G', '2025-10-10 09:00+08');
INSERT INTO calib.absence (unit_id, during) VALUES (4, '[2025-09-08,2025-09-22)');
SET LOCAL calib.clock = '2025-11-30 09:00+08';
-- by unit and Monday: the key where it hits. Li after the 2nd and 3rd week: one key.
-- Sun: week of 1 September is the first, 22 September (after leave) the second, 29 September the third, 6 October the fourth.
SELECT at::date AS monday, string_agg(u.name || ' ' || right(h.key, 10) || ' ' || (h.reason_args ->> 'weeks'), ', ' ORDER BY u.name) AS hits
FROM generate_series('2025-09-08 07:30+08'::timestamptz, '2025-10-27 07:30+08', interval '7 days') at
LEFT JOIN calib.rule_hits(at) h ON h.unit_id <> 6 LEFT JOIN calib.unit u USING (unit_id) GROUP BY 1 ORDER BY 1;
-- the same on every day of the week
SELECT count(DISTINCT key) FROM generate_series('2025-09-22 00:00+08'::timestamptz, '2025-09-28 23:59:59+08', interval '6 hours') at, calib.rule_hits(at) WHERE unit_id = 3;
SELECT sum(calib.run_rules(at)) FROM generate_series('2025-09-01 07:30+08'::timestamptz, '2025-10-27 07:30+08', interval '1 day') at;
SELECT unit_id, duty, key, created_at, calib.reason_text(reason_code, reason_args, 'en') FROM calib.reminder ORDER BY created_at, unit_id;
SELECT calib.reason_text(reason_code, reason_args, 'zh') FROM calib.reminder ORDER BY reminder_id LIMIT 1;
-- on a holiday of a whole week nobody works: the week of 6 October made one
UPDATE calib.holiday SET working = false WHERE day BETWEEN '2025-10-06' AND '2025-10-12';
INSERT INTO calib.holiday (day) VALUES ('2025-10-09'), ('2025-10-10');
SELECT u.name, right(h.key, 10) AS week, h.reason_args ->> 'weeks' AS weeks, h.reason_args ->> 'from_week' AS from_week FROM calib.rule_hits('2025-10-27 07:30+08') h JOIN calib.unit u USING (unit_id) WHERE unit_id <> 6 ORDER BY 1;
ROLLBACK;
-- A long one: the week of 9 March 2026 is the 2nd, and every second week after it is
-- reminded of once, the 60th too, though what is said looks back a year. ISO week 53
-- (2026-12-28) is a week like others.
BEGIN;
SET LOCAL calib.clock = '2027-08-28 09:00+08';
UPDATE calib.rule SET enabled = true, since = '2025-08-01' WHERE rule = 'two_weeks_without_a_new_customer';
UPDATE calib.unit SET active = '[2026-03-02,)' WHERE unit_id = 3;
UPDATE calib.unit SET active = '[2026-12-21,)' WHERE unit_id = 4;
DELETE FROM calib.customer WHERE unit_id = 4;
SELECT count(DISTINCT key), min(right(key, 10)), max(right(key, 10)), max((reason_args ->> 'weeks')::int) AS longest
FROM generate_series('2026-03-02 07:30+08'::timestamptz, '2027-04-26 07:30+08', interval '7 days') at, calib.rule_hits(at) WHERE unit_id = 3;
SELECT at::date AS monday, right(key, 10) AS week FROM generate_series('2026-12-28 07:30+08'::timestamptz, '2027-01-18 07:30+08', interval '7 days') at, calib.rule_hits(at) WHERE unit_id = 4 ORDER BY 1;
ROLLBACK;

-- indicator_below ---------------------------------------------------------------------
-- Visits below 2 for two weeks: Li has 1 and 1, then 2 (not below); Sun has 0 and 3.
-- Coverage has no denominator for whoever owns no customer: nothing to judge.
BEGIN;
INSERT INTO calib.rule (rule, kind, parameters, enabled, since, label_en, label_zh) VALUES
    ('few_visits', 'indicator_below', '{"indicator": "visits", "value": 2, "weeks": 2}', true, '2025-09-01', 'x', 'x'),
    ('coverage', 'indicator_below', '{"indicator": "coverage", "value": 0.5, "weeks": 1}', true, '2025-09-01', 'x', 'x');
INSERT INTO calib.activity (external_id, unit_id, customer_id, kind, occurred_at, recorded_at) VALUES
    ('1', 3, 1, 'visit', '2025-09-01 10:00+08', '2025-09-01 10:00+08'), ('2', 3, 1, 'visit', '2025-09-08 10:00+08', '2025-09-08 10:00+08'),
    ('3', 3, 1, 'visit', '2025-09-15 10:00+08', '2025-09-15 10:00+08'), ('4', 3, 2, 'visit', '2025-09-15 10:00+08', '2025-09-15 10:00+08'),
    ('5', 4, 1, 'visit', '2025-09-09 10:00+08', '2025-09-09 10:00+08'), ('6', 4, 2, 'visit', '2025-09-09 10:00+08', '2025-09-09 10:00+08'), ('7', 4, 3, 'visit', '2025-09-09 10:00+08', '2025-09-09 10:00+08'),
    -- told of a week later: at first there were none
    ('8', 3, 2, 'visit', '2025-09-08 11:00+08', '2025-09-16 09:00+08');
UPDATE calib.customer SET unit_id = NULL WHERE customer_id = 3;
SET LOCAL calib.clock = '2025-09-30 09:00+08';
SELECT at::date AS monday, h.rule, h.unit_id, h.subject, right(h.key, 10) AS week, h.reason_args - 'label_zh' - 'label_en' AS args
FROM generate_series('2025-09-15 07:30+08'::timestamptz, '2025-09-22 07:30+08', interval '7 days') at, calib.rule_hits(at) h WHERE unit_id <> 6 OR rule = 'coverage' ORDER BY 1, 2, 3;
SELECT calib.reason_text(reason_code, reason_args, l) FROM calib.rule_hits('2025-09-15 07:30+08') CROSS JOIN unnest('{en,zh}'::text[]) l WHERE rule = 'few_visits' AND unit_id = 3;
ROLLBACK;

-- stage_older_than ----------------------------------------------------------------------
-- Exactly 14 days is not older; what moved on, closed, or came back begins anew.
BEGIN;
INSERT INTO calib.rule (rule, kind, parameters, enabled, since, makes, label_en, label_zh) VALUES
    ('stuck', 'stage_older_than', '{"stages": ["initial_contact"], "days": 14}', true, '2025-09-01', 'deviation', 'x', 'x');
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, stage_since, created_at) VALUES
    (1, 1, 3, 'initial_contact', '2025-09-01 09:00+08', '2025-09-01 09:00+08'), (2, 2, 4, 'initial_contact', '2025-09-01 09:00+08', '2025-09-01 09:00+08'),
    (3, 2, 4, 'initial_contact', '2025-09-01 09:00+08', '2025-09-01 09:00+08');
UPDATE calib.opportunity SET stage = (SELECT stage FROM calib.stage WHERE NOT early ORDER BY position LIMIT 1), stage_since = '2025-09-10 09:00+08' WHERE opportunity_id = 2;
UPDATE calib.opportunity SET outcome = 'won', closed_at = '2025-09-12 09:00+08' WHERE opportunity_id = 3;
SET LOCAL calib.clock = '2025-10-30 09:00+08';
SELECT at, h.unit_id, h.subject, h.key, calib.reason_text(h.reason_code, h.reason_args) FROM unnest('{2025-09-15 09:00+08, 2025-09-15 09:00:01+08}'::timestamptz[]) at, calib.rule_hits(at) h ORDER BY at;
UPDATE calib.opportunity SET stage = 'initial_contact', stage_since = '2025-09-20 09:00+08' WHERE opportunity_id = 2;
SELECT h.subject, h.key, calib.reason_text(h.reason_code, h.reason_args, 'zh') FROM calib.rule_hits('2025-10-05 09:00+08') h ORDER BY 1;
-- a rule that makes deviations reminds nobody
SELECT calib.run_rules('2025-10-05 09:00+08');
ROLLBACK;

-- result_missing -------------------------------------------------------------------------
-- More than 5 own working days. Li's newest result is of Friday 5 September; Monday the
-- 8th to Friday the 12th are 5, so the 15th says nothing yet and the 16th (6) does. Sun is away 8 to 12.
-- Wu has a target and never had a result: from 1 September on.
BEGIN;
INSERT INTO calib.rule (rule, kind, parameters, enabled, since, label_en, label_zh) VALUES
    ('no_money', 'result_missing', '{"measure": "collection", "days": 5}', true, '2025-09-01', 'x', 'x');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT u, 'month', '2025-09-01', 100 FROM generate_series(2, 6) u;
INSERT INTO calib.target (unit_id, measure, grain, period_start, original_value) VALUES (1, 'other', 'month', '2025-09-01', 100);
INSERT INTO calib.result (external_id, unit_id, occurred_at, amount, recorded_at) VALUES ('1', 3, '2025-09-05 10:00+08', 10, '2025-09-05 10:00+08'),
    ('2', 4, '2025-09-05 10:00+08', 10, '2025-09-05 10:00+08'), ('3', 3, '2025-09-12 10:00+08', 10, '2025-09-17 10:00+08');
INSERT INTO calib.absence (unit_id, during) VALUES (4, '[2025-09-08,2025-09-13)');
SET LOCAL calib.clock = '2025-10-30 09:00+08';
SELECT at::date AS day, h.unit_id, h.key, calib.reason_text(h.reason_code, h.reason_args) FROM generate_series('2025-09-08 07:30+08'::timestamptz, '2025-09-22 07:30+08', interval '1 day') at, calib.rule_hits(at) h
WHERE at::date IN ('2025-09-08', '2025-09-09', '2025-09-15', '2025-09-16', '2025-09-18', '2025-09-22') ORDER BY 1, 2;
SELECT calib.reason_text(reason_code, reason_args, 'zh') FROM calib.rule_hits('2025-09-16 07:30+08') ORDER BY unit_id;
ROLLBACK;

-- The job's time, and rights -----------------------------------------------------------
SET calib.clock = '2025-09-30 09:00+08';
SELECT own.try(format('SELECT calib.run_rules(%L)', at)) FROM unnest(ARRAY[NULL, 'infinity', '-infinity', '2025-09-30 09:00:01+08', '2025-09-30 09:00+08']) at;
CREATE ROLE someone;
GRANT USAGE ON SCHEMA own TO someone;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('someone', 'admin', 2);
SET ROLE someone;
SELECT count(*) AS readable FROM calib.rule;
SELECT own.try(s) FROM unnest(ARRAY[$$UPDATE calib.rule SET enabled = true$$, $$DELETE FROM calib.rule$$,
    $$INSERT INTO calib.rule (rule, kind, parameters, label_en, label_zh) VALUES ('mine', 'weeks_without', '{"indicator": "visits", "weeks": 1}', 'x', 'x')$$,
    $$INSERT INTO calib.rule (rule, kind, parameters, label_en, label_zh, unit_id) VALUES ('mine', 'weeks_without', '{"indicator": "visits", "weeks": 1}', 'x', 'x', 2)$$,
    $$UPDATE calib.rule SET unit_id = 5 WHERE rule = 'mine'$$,
    $$SELECT * FROM calib.rule_hits(now())$$, $$SELECT calib.run_rules(now())$$, $$SELECT * FROM calib.weekly_hits(now())$$]) s;
RESET ROLE;
DELETE FROM calib.duty WHERE role_name = 'someone';
DROP OWNED BY someone;
DROP ROLE someone;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
