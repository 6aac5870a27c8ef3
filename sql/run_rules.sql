-- The job rules: overdue steps of the workflow. They remind whoever may take the step,
-- deputies too, as the steps stood at as_of, and end when the step is taken.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
SET calib.clock = '2025-10-15 09:00+08';
CREATE SCHEMA own;
CREATE FUNCTION own.as(who text, at timestamptz, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    clock text := current_setting('calib.clock');
BEGIN
    PERFORM set_config('calib.actor', who, false), set_config('calib.clock', at::text, false);
    EXECUTE 'SELECT calib.' || call INTO result;
    PERFORM set_config('calib.actor', '', false), set_config('calib.clock', clock, false);
    RETURN coalesce(nullif(result, ''), 'ok');
END $$;
-- East's approval takes three persons and 24 hours a step, North's one other person and 48.
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Alpha'), (4, 2, 'team', 'Beta'),
    (5, 1, 'region', 'North'), (6, 5, 'team', 'Gamma');
INSERT INTO calib.policy (unit_id, valid_from, approval, step_due_hours) VALUES (5, '2025-10-15', 'single', 48);
INSERT INTO calib.duty (person, duty, unit_id, deputy) VALUES ('chen', 'manager', 3, false), ('east', 'manager', 2, false), ('wang', 'risk', NULL, false), ('wei', 'risk', NULL, true),
    ('alpha risk', 'risk', 3, false), ('zhao', 'hr', NULL, false), ('gamma', 'manager', 6, false), ('north', 'manager', 5, false);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (1, 3, 'quarter', '2025-10-01', 100), (2, 4, 'quarter', '2025-10-01', 100), (3, 6, 'quarter', '2025-10-01', 100);
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'competitor_price_notice', 'Price cut', 'https://example.com/1', '2025-10-14');

-- One of Alpha alone; one batch of Alpha and Beta, which nobody but for all of East may
-- approve; a request of Gamma, which its own manager may not file.
SELECT own.as('chen', '2025-10-15 09:00+08', 'submit_adjustment(1, 95, ''why'', ''{1}'')') AS alone;
SELECT own.as('east', '2025-10-15 10:00+08', 'submit_adjustments(''{1,2}'', -0.03, ''why'', ''{1}'')') AS batch;
SELECT own.as('gamma', '2025-10-15 11:00+08', 'submit_request(6, ''samples'', 10, ''why'')') AS request;
-- Later: approved by risk on the 17th at 9:00, filed on the 20th; the batch rejected on the 18th; the request filed on the 19th.
SELECT own.as('wang', '2025-10-17 09:00+08', 'approve_adjustment(1)');
SELECT own.as('wang', '2025-10-18 12:00+08', 'reject_adjustment(2, ''no'')');
SELECT own.as('north', '2025-10-19 12:00+08', 'file_request(1)');
SELECT own.as('zhao', '2025-10-20 08:00+08', 'file_adjustment(1)');

-- All this lies in the past of the runs below, and each run sees what stood then: due
-- after 24 hours, not a second before, day by day.
SET calib.clock = '2025-10-31 09:00+08';
SELECT at, calib.run_rules(at) AS made FROM unnest('{2025-10-15 07:30+08, 2025-10-16 08:59:59+08, 2025-10-16 09:00+08, 2025-10-16 10:00+08, 2025-10-16 10:00+08, 2025-10-17 07:30+08,
    2025-10-17 11:00+08, 2025-10-18 07:30+08, 2025-10-18 09:00+08, 2025-10-19 07:30+08, 2025-10-20 07:30+08, 2025-10-21 07:30+08}'::timestamptz[]) at;
SELECT key, unit_id, created_at, due_at, done_at, done_by, reason_args -> 'not_by' AS not_by FROM calib.reminder ORDER BY created_at, key;
SELECT key, calib.reason_text(reason_code, reason_args, 'en'), calib.reason_text(reason_code, reason_args, 'zh') FROM calib.reminder ORDER BY key;

-- Whom they wait for: that of Alpha for its own risk, the batch for the risk of everyone
-- with the deputy; the request for North's manager, because Gamma's own submitted it.
BEGIN;
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (4, 3, 'quarter', '2026-01-01', 100), (5, 4, 'quarter', '2026-01-01', 100);
UPDATE calib.target SET published_at = calib.clock() WHERE target_id > 3;
SELECT own.as('chen', '2025-10-31 09:00+08', 'submit_adjustment(4, 95, ''why'', ''{1}'')') AS alone,
       own.as('east', '2025-10-31 09:00+08', 'submit_adjustments(''{4,5}'', -0.03, ''why'', ''{1}'')') AS batch,
       own.as('gamma', '2025-10-31 09:00+08', 'submit_request(6, ''samples'', 10, ''why'')') AS request;
SET LOCAL calib.clock = '2025-11-02 09:00+08';
SELECT calib.run_rules(calib.clock());
SELECT w.unit_name, w.duty, w.recipients, w.overdue FROM calib.reminder_waiting w JOIN calib.reminder USING (reminder_id) ORDER BY key;
-- a run for a time before they were made leaves them alone
SELECT calib.run_rules('2025-10-31 08:00+08');
SELECT count(*) AS still_waiting FROM calib.reminder_waiting;
-- policy asks for another step: the reminder of the old one ends by itself
INSERT INTO calib.policy (unit_id, valid_from, approval, step_due_hours) VALUES (2, '2025-11-03', 'single', 24);
SET LOCAL calib.clock = '2025-11-03 09:00+08';
SELECT calib.run_rules(calib.clock());
SELECT regexp_replace(key, '^step:', '') AS key, done_at, done_by FROM calib.reminder WHERE created_at >= '2025-11-02' ORDER BY done_at NULLS LAST, created_at, reminder.key;
ROLLBACK;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
