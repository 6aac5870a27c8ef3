-- Weekly reports: when they are made, of what, for whom; editing and filing.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION own.try(who text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
BEGIN
    PERFORM set_config('calib.actor', coalesce(who, ''), false);
    EXECUTE call INTO result;
    PERFORM set_config('calib.actor', '', false);
    RETURN coalesce('ok ' || nullif(result, ''), 'ok');
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('calib.actor', '', false);
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;

-- When: Friday 16:00 of the organisation; where it is off, the week's last working day ---
-- Weeks: an ordinary one; from 1 October 2025 off, so Tuesday; off until the 8th, and Friday
-- the 10th works; an ordinary one; the Spring Festival of 2026 (15 to 23 February) takes a
-- whole week; 1 May 2026 is a Friday off, so Thursday; ISO week 53, whose Friday is 1 January
-- 2027 (holidays of 2027 are not entered).
SELECT week, to_char(calib.report_time(week, 5, '16:00'), 'Dy YYYY-MM-DD HH24:MI') AS made
FROM unnest('{2025-10-20,2025-09-29,2025-10-06,2026-02-09,2026-02-16,2026-04-27,2026-12-28}'::date[]) week;
-- a make-up Sunday in place of a Friday off is the last working day; Friday itself stays where it works
BEGIN;
INSERT INTO calib.holiday (day, working) VALUES ('2025-10-24', false), ('2025-10-26', true), ('2025-11-01', true);
SELECT week, to_char(calib.report_time(week, 5, '16:00'), 'Dy YYYY-MM-DD') AS made FROM unnest('{2025-10-20,2025-10-27}'::date[]) week;
ROLLBACK;
-- where clocks change: 16:00 is 14:00 UTC before the last Sunday of October in Berlin, 15:00 after;
-- a Sunday at 02:30 in March that does not exist is the moment after the shift
BEGIN;
UPDATE calib.organisation SET zone = 'Europe/Berlin';
SELECT week, weekday, calib.report_time(week, weekday, at) AT TIME ZONE 'UTC' AS utc
FROM (VALUES ('2025-10-20'::date, 5, '16:00'::time), ('2025-10-27', 5, '16:00'), ('2026-03-23', 7, '02:30')) v (week, weekday, at);
INSERT INTO calib.holiday (day, working) VALUES ('2026-03-29', true);
SELECT calib.report_time('2026-03-23', 7, '02:30') AT TIME ZONE 'UTC' AS utc;
ROLLBACK;
SELECT calib.report_time(NULL, 5, '16:00') IS NULL AND calib.report_time('2025-10-20', NULL, '16:00') IS NULL AS nothing;
-- it ends whatever it is asked
SELECT own.try(NULL, 'SELECT calib.report_time(''infinity'', 5, ''16:00'')') AS never;

-- The firm -----------------------------------------------------------------------------
SET calib.clock = '2025-10-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'region', 'East'), (2, 1, 'team', 'Alpha'), (3, 2, 'rep', 'Li'), (4, 2, 'rep', 'Sun'), (5, 2, 'rep', 'Zhou'), (6, NULL, 'rep', 'Wu'), (7, 2, 'rep', 'Ma');
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (1, '2025-10-01', true);
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('li', 'rep', 3), ('sun', 'rep', 4), ('chen', 'manager', 2), ('bi', 'viewer', NULL), ('north', 'manager', 6);
INSERT INTO calib.absence (unit_id, during) VALUES (5, '[2025-10-18,2025-10-27)');
UPDATE calib.unit SET active = '[2025-10-25,)' WHERE unit_id = 7;
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT n, 3, 'c' || n, '2025-10-02' FROM generate_series(1, 4) n;
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (1, 3, 'quarter', '2025-10-01', 1000), (2, 3, 'month', '2025-10-01', 400), (3, 4, 'quarter', '2025-10-01', 500);
INSERT INTO calib.target (target_id, unit_id, product_line, grain, period_start, original_value) VALUES (4, 3, 'tea', 'month', '2025-11-01', 400);
-- Li's week from 20 October: two customers visited, one of them twice; a customer entered.
-- A visit told of after Friday 16:00, results after it and of the week before do not count.
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) VALUES (5, 3, 'new', '2025-10-22 10:00+08');
INSERT INTO calib.activity (external_id, unit_id, customer_id, kind, occurred_at, recorded_at) VALUES
    ('1', 3, 1, 'visit', '2025-10-20 10:00+08', '2025-10-20 10:00+08'), ('2', 3, 1, 'visit', '2025-10-21 10:00+08', '2025-10-21 10:00+08'),
    ('3', 3, 2, 'visit', '2025-10-24 15:00+08', '2025-10-24 15:30+08'), ('4', 3, 3, 'visit', '2025-10-24 15:00+08', '2025-10-24 16:00:01+08'),
    ('5', 3, 4, 'visit', '2025-10-24 17:00+08', '2025-10-24 17:00+08');
INSERT INTO calib.result (external_id, unit_id, occurred_at, amount, recorded_at) VALUES
    ('1', 3, '2025-10-19 23:59+08', 100, '2025-10-20 09:00+08'), ('2', 3, '2025-10-20 00:00+08', 40, '2025-10-20 09:00+08'), ('3', 3, '2025-10-24 12:00+08', 20.50, '2025-10-24 12:00+08'),
    ('4', 3, '2025-10-24 12:00+08', 7, '2025-10-25 12:00+08'), ('5', 3, '2025-10-24 16:01+08', 3, '2025-10-24 16:01+08');
INSERT INTO calib.result (external_id, unit_id, product_line, occurred_at, amount, recorded_at) VALUES ('6', 3, 'tea', '2025-10-23 12:00+08', -5, '2025-10-23 12:00+08');

-- Nothing without the rule, or before it holds ------------------------------------------
SET calib.clock = '2025-11-30 09:00+08';
SELECT calib.run_weekly_report('2025-10-24 16:00+08') AS off;
BEGIN;
UPDATE calib.rule SET enabled = true, since = '2025-10-25' WHERE rule = 'weekly_report';
SELECT calib.run_weekly_report('2025-10-24 16:00+08') AS before_it_holds, calib.run_weekly_report('2025-10-25 16:00+08') AS the_day_after;
ROLLBACK;
UPDATE calib.rule SET enabled = true, since = '2025-10-01' WHERE rule = 'weekly_report';
-- Li and Sun: Zhou is on leave all week, Ma joins later, Wu is not in the loop.
SELECT at, calib.run_weekly_report(at) FROM unnest('{2025-10-23 16:00+08, 2025-10-24 15:59:59+08, 2025-10-24 16:00+08, 2025-10-24 16:00+08, 2025-10-25 16:00+08, 2025-10-26 16:00+08, 2025-10-30 16:00+08}'::timestamptz[]) at;
SELECT report_id, unit_name, week, status, created_at, due_at, edited_at, filed_at FROM calib.weekly_report ORDER BY unit_id;
SELECT source, external_id, unit_id, kind, outcome, occurred_at, due_at, recorded_at FROM calib.activity WHERE kind = 'log_report' ORDER BY unit_id;
SELECT key, unit_id, duty, rule, created_at, due_at, calib.reason_text(reason_code, reason_args, 'en'), calib.reason_text(reason_code, reason_args, 'zh') FROM calib.reminder ORDER BY unit_id;
-- Figures: 3 visits by then, on 2 of 5 customers (the one entered in the week is among them);
-- 60.5 and -5 in the week; of the quarter 155.5 of 1000 after 12 of 61 working days (0.1555 * 61 / 12), of
-- the month 155.5 of 400 after 12 of 18.
SELECT body FROM calib.weekly_report WHERE unit_id = 3;
SET calib.language = 'zh';
SELECT body FROM calib.weekly_report WHERE unit_id = 3;
RESET calib.language;
-- each number again, from the tables and from what others compute
SELECT (SELECT bool_and(i.numerator = (r.figures #>> ARRAY['indicators', i.code, 'numerator'])::numeric AND i.denominator = (r.figures #>> ARRAY['indicators', i.code, 'denominator'])::numeric) AND count(*) = 12
        FROM calib.all_indicator_in('2025-10-20', '2025-10-27', '2025-10-24 16:00+08', '2025-10-24 16:00+08') i WHERE i.unit_id = r.unit_id) AS indicators,
       (SELECT coalesce(sum((v ->> 'amount')::numeric), 0) FROM jsonb_array_elements(r.figures -> 'results') v)
           = (SELECT coalesce(sum(amount), 0) FROM calib.result s WHERE s.unit_id = r.unit_id AND s.occurred_at >= '2025-10-20 00:00+08' AND s.recorded_at <= '2025-10-24 16:00+08') AS results,
       (SELECT bool_and((v ->> 'attainment')::numeric = round(a.attainment, 6) AND (v ->> 'pace')::numeric = round(a.pace, 6) AND (v ->> 'actual')::numeric = a.actual) AND count(*) = jsonb_array_length(r.figures -> 'targets')
        FROM jsonb_array_elements(r.figures -> 'targets') v JOIN calib.attainment_at('2025-10-24 16:00+08', '2025-10-24 16:00+08') a
          ON a.unit_id = r.unit_id AND a.grain = v ->> 'grain' AND a.period_start = (v ->> 'period_start')::date AND a.product_line = v ->> 'product_line') AS targets
FROM calib.report r ORDER BY r.unit_id;

-- Rights: a rep his own, a manager those below, a viewer reads --------------------------
CREATE ROLE reader LOGIN;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('reader', 'rep', 3);
SET ROLE reader;
SELECT unit_name FROM calib.weekly_report;
SELECT own.try(NULL, s) FROM unnest(ARRAY[$$SELECT calib.edit_report(2, 'x')$$, $$WITH x AS (UPDATE calib.activity SET outcome = 'filed' WHERE source = 'report' RETURNING 1) SELECT count(*) FROM x$$,
    $$WITH x AS (DELETE FROM calib.activity WHERE source = 'report' RETURNING 1) SELECT count(*) FROM x$$,
    $$WITH x AS (INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('report', '99', 3, 'log_report', calib.clock()) RETURNING 1) SELECT count(*) FROM x$$,
    $$SELECT calib.run_weekly_report(now())$$, $$SELECT calib.make_report(3, '2025-10-27', 'x', '{}', now(), now())$$, $$SELECT * FROM calib.report_figures('2025-10-20', now(), '{3}')$$]) s;
RESET ROLE;
SELECT outcome, count(*) FROM calib.activity WHERE source = 'report' GROUP BY 1;
UPDATE calib.duty SET duty = 'viewer', unit_id = NULL WHERE role_name = 'reader';
SET ROLE reader;
SELECT count(*) FROM calib.weekly_report;
SELECT own.try(NULL, s) FROM unnest(ARRAY[$$SELECT calib.edit_report(1, 'x')$$, $$SELECT calib.file_report(1)$$]) s;
RESET ROLE;
DELETE FROM calib.duty WHERE role_name = 'reader';
DROP OWNED BY reader;
DROP ROLE reader;

-- Editing and filing ---------------------------------------------------------------------
SET calib.clock = '2025-10-24 18:00+08';
SELECT who, own.try(who, $$SELECT calib.edit_report(1, 'My week')$$) FROM unnest('{sun,north,bi,nobody,li}'::text[]) who;
SELECT own.try('li', s) FROM unnest(ARRAY[$$SELECT calib.edit_report(1, NULL)$$, $$SELECT calib.edit_report(1, '')$$, $$SELECT calib.edit_report(1, E' \n\t')$$, $$SELECT calib.edit_report(1, repeat('x', 100001))$$,
    $$SELECT calib.edit_report(404, 'x')$$, $$SELECT calib.edit_report(NULL, 'x')$$, $$SELECT calib.file_report(NULL)$$, $$SELECT calib.file_report(1, ' ')$$]) s;
SET calib.clock = '2025-10-24 15:00+08';
SELECT own.try('li', 'SELECT calib.file_report(1)') AS before_it_was_made;
SET calib.clock = '2025-10-25 00:00+08';
SELECT status, body, edited_by, edited_at FROM calib.weekly_report WHERE report_id = 1;
SELECT own.try('li', 'SELECT calib.file_report(1)') AS at_the_due_time;
SELECT own.try('li', 'SELECT calib.file_report(1)'), own.try('chen', $$SELECT calib.edit_report(1, 'x')$$);
-- Sun files in Chinese, an hour late, as it stands
SET calib.clock = '2025-10-25 01:00+08';
SELECT status FROM calib.weekly_report WHERE report_id = 2;
SET calib.language = 'zh';
SET DateStyle = 'German';
SELECT own.try('sun', 'SELECT calib.file_report(2)');
SET DateStyle = 'ISO, YMD';
RESET calib.language;
SELECT report_id, status, split_part(body, E'\n', 1) AS body, edited_by, filed_by, filed_at FROM calib.weekly_report ORDER BY report_id;
SELECT external_id, outcome, occurred_at, due_at, recorded_at FROM calib.activity WHERE source = 'report' ORDER BY 1;
SELECT key, done_at, done_by FROM calib.reminder ORDER BY key;
-- on time 1 of 1, late 0 of 1; and as of Saturday 0:30 Sun's was owed and not there
SELECT unit_id, numerator, denominator FROM calib.indicator_in('2025-10-20', '2025-10-27') WHERE code = 'log_reports' AND unit_id IN (3, 4) ORDER BY 1;
SELECT week, unit_id, numerator, denominator FROM calib.all_indicator_in('2025-10-20', '2025-10-27', '2025-10-25 00:30+08', '2025-10-25 00:30+08') WHERE code = 'log_reports' AND unit_id IN (3, 4) ORDER BY 2;

-- A rule of a unit comes before everyone's; a run up to a day late still makes it, of its hour
SET calib.clock = '2025-11-30 09:00+08';
INSERT INTO calib.rule (rule, kind, parameters, enabled, since, unit_id, makes, duty, label_en, label_zh) VALUES
    ('thursday', 'weekly_report', '{"weekday": 4, "at": "09:00", "due_hours": 24}', true, '2025-10-01', 3, 'report', 'rep', 'x', 'x');
SELECT at, calib.run_weekly_report(at) FROM unnest('{2025-10-29 16:00+08, 2025-10-30 16:00+08, 2025-10-31 16:00+08, 2025-11-01 16:00+08}'::timestamptz[]) at;
SELECT unit_name, created_at, due_at, status, figures ->> 'as_of' AS as_of FROM calib.weekly_report WHERE week = '2025-10-27' ORDER BY unit_id;
-- the job's time
SELECT own.try(NULL, format('SELECT calib.run_weekly_report(%L)', at)) FROM unnest(ARRAY[NULL, 'infinity', '-infinity', '2025-11-30 09:00:01+08']) at;

-- Nobody writes it by hand, nor under its source
\set VERBOSITY terse
INSERT INTO calib.report (unit_id, week, created_at, due_at, figures) VALUES (3, '2025-11-03', now(), now(), '{}');
UPDATE calib.report SET body = 'x';
DELETE FROM calib.report;
TRUNCATE calib.report;
SELECT calib.make_report_behind_door(3, '2025-11-03', 'x', '{}', calib.clock(), calib.clock());
SELECT calib.ingest('report', '{}');
CREATE TABLE own.crm (id text, who text, at timestamptz);
SELECT calib.attach('report', 'activity', 'own.crm', '{"external_id": "id"}');
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
