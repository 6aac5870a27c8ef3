-- Jobs: when each is due, what run() does about ticks that were missed, fail or come
-- twice, who may call it; and that it notifies outside of users' transactions.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
\set VERBOSITY terse
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT job, every, at, weekday, month_day, replay, last_tick, scheduled FROM calib.job ORDER BY job;

-- Ticks, in UTC ----------------------------------------------------------------------
-- of a made-up job in a zone, later than one moment and up to another
CREATE FUNCTION own.ticks(zone text, job jsonb, after timestamptz, up_to timestamptz) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE calib.organisation o SET zone = ticks.zone;
    RETURN (SELECT string_agg(to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), ', ' ORDER BY n)
            FROM calib.job_ticks(jsonb_populate_record(NULL::calib.job, job), after, up_to) WITH ORDINALITY AS t (t, n));
END $$;
\a
\t on
BEGIN;
-- Berlin, where 02:30 of 29 March is left out (the clocks change at 01:00 UTC) and that of
-- 25 October comes twice (00:30 and 01:30 UTC)
SELECT own.ticks('Europe/Berlin', '{"every":"day","at":"02:30"}', '2026-03-28 00:00+00', '2026-03-30 23:00+00');
SELECT own.ticks('Europe/Berlin', '{"every":"day","at":"02:30"}', '2026-10-24 00:00+00', '2026-10-26 23:00+00');
-- the edges of what is left out: 02:00 at the change itself, 01:59 before, 03:00 as it comes
SELECT own.ticks('Europe/Berlin', '{"every":"day","at":"02:00"}', '2026-03-28 12:00+00', '2026-03-29 12:00+00');
SELECT own.ticks('Europe/Berlin', '{"every":"day","at":"01:59"}', '2026-03-28 12:00+00', '2026-03-29 12:00+00');
SELECT own.ticks('Europe/Berlin', '{"every":"day","at":"03:00"}', '2026-03-28 12:00+00', '2026-03-29 12:00+00');
-- Lord Howe changes by half an hour, at 15:30 UTC
SELECT own.ticks('Australia/Lord_Howe', '{"every":"day","at":"02:15"}', '2026-10-02 12:00+00', '2026-10-04 18:00+00');
-- Apia left out the whole of 30 December 2011, from 10:00 UTC of that day on
SELECT own.ticks('Pacific/Apia', '{"every":"day","at":"07:00"}', '2011-12-29 12:00+00', '2011-12-31 18:00+00');
-- no change of clocks: Shanghai
SELECT own.ticks('Asia/Shanghai', '{"every":"day","at":"07:00"}', '2026-03-27 23:00+00', '2026-03-29 23:00+00');
-- the 31st of shorter months, a leap year's February; and the fiscal year does not matter
SELECT own.ticks('Asia/Shanghai', '{"every":"month","at":"09:00","month_day":31}', '2027-12-31 12:00+00', '2028-05-01 00:00+00');
UPDATE calib.organisation SET fiscal_start_month = 4;
SELECT own.ticks('Asia/Shanghai', '{"every":"month","at":"09:00","month_day":31}', '2027-12-31 12:00+00', '2028-05-01 00:00+00');
SELECT own.ticks('Asia/Shanghai', '{"every":"month","at":"00:00","month_day":1}', '2026-12-31 15:59+00', '2027-02-01 00:00+00');
-- Fridays of ISO weeks 52 and 53 of 2026, and of week 1; Sunday is 7
SELECT own.ticks('Asia/Shanghai', '{"every":"week","at":"16:00","weekday":5}', '2026-12-20 00:00+00', '2027-01-09 00:00+00');
SELECT own.ticks('Asia/Shanghai', '{"every":"week","at":"00:00","weekday":7}', '2026-12-31 00:00+00', '2027-01-10 00:00+00');
-- hours are the organisation's: Kolkata is half an hour off; in an overlap each is one
SELECT own.ticks('Asia/Kolkata', '{"every":"hour"}', '2026-01-01 00:00+00', '2026-01-01 02:30+00');
SELECT own.ticks('Europe/Berlin', '{"every":"hour"}', '2026-10-24 23:30+00', '2026-10-25 03:00+00');
SELECT own.ticks('Asia/Kathmandu', '{"every":"quarter_hour"}', '2026-01-01 00:01+00', '2026-01-01 00:45+00');
SELECT own.ticks('Asia/Shanghai', '{"every":"minute"}', '2026-01-01 00:00:30+00', '2026-01-01 00:02:59+00');
-- later than the first, up to the second, which may be the same
SELECT own.ticks('Asia/Shanghai', '{"every":"day","at":"08:00"}', '2026-01-01 00:00+00', '2026-01-02 00:00+00');
SELECT own.ticks('Asia/Shanghai', '{"every":"day","at":"08:00"}', '2026-01-01 00:00+00', '2026-01-01 00:00+00') IS NULL;
SELECT own.try($$SELECT own.ticks('Asia/Shanghai', '{"every":"day","at":"08:00"}', '2026-01-01 00:00+00', 'infinity')$$), own.try($$SELECT own.ticks('Asia/Shanghai', '{"every":"minute"}', '-infinity', '2026-01-01 00:00+00')$$);
-- the newest of each kind is found from anywhere between it and the next
SELECT count(*), count(*) FILTER (WHERE calib.newest_tick(j, a) IS DISTINCT FROM
    (SELECT max(t) FROM calib.job_ticks(j, a - interval '70 days', a) t)) AS wrong
FROM generate_series('2026-01-01 00:00:30+00'::timestamptz, '2026-04-10 00:00+00', '13 hours') a,
     jsonb_populate_recordset(NULL::calib.job, '[{"every":"quarter_hour"},{"every":"hour"},{"every":"day","at":"02:30"},
         {"every":"week","at":"02:30","weekday":1},{"every":"month","at":"02:30","month_day":29}]') j;
ROLLBACK;
\t off
\a

-- What run() runs -----------------------------------------------------------------------
-- A job of our own: its worker notes the tick, and fails at those it is told to, having
-- written already.
CREATE TABLE own.did (n serial, at timestamptz);
CREATE TABLE own.bad (at timestamptz);
CREATE FUNCTION calib.run_test_day(as_of timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO own.did (at) VALUES (as_of);
    IF as_of IN (SELECT at FROM own.bad) THEN
        RAISE EXCEPTION 'no luck' USING ERRCODE = 'KC001', DETAIL = 'It was that day.', HINT = 'Wait.';
    END IF;
    RETURN 10;
END $$;
INSERT INTO calib.job (job, every, at, replay, keep_days, label_en, label_zh) VALUES ('test_day', 'day', '07:00', true, 30, 'test', '试验');
CREATE VIEW own.done AS SELECT string_agg(to_char(at AT TIME ZONE 'Asia/Shanghai', 'MM-DD HH24:MI'), ', ' ORDER BY n) AS ticks FROM own.did;
CREATE VIEW own.log AS
SELECT to_char(tick AT TIME ZONE 'Asia/Shanghai', 'MM-DD HH24:MI') AS tick, rows, error, sqlstate, tries, seconds >= 0 AND finished_at >= started_at AS timed
FROM calib.job_run WHERE job = 'test_day' ORDER BY job_run.tick;
SET calib.clock = '2025-10-15 06:59+08';
SELECT calib.run('test_day');                       -- the first run ever: the newest tick alone, the day before
SELECT calib.run('test_day');                       -- 0: nothing is due
SET calib.clock = '2025-10-19 12:00+08';
SELECT calib.run('test_day', '2025-10-17 07:00+08');-- two that were missed, in order
SELECT calib.run('test_day', '2025-10-16 12:00+08');-- 0: run already, and it does not go back
SELECT ticks FROM own.done;
-- an error in the middle: that tick leaves nothing, those before it stand, those after it wait
INSERT INTO own.bad VALUES ('2025-10-19 07:00+08');
SET calib.clock = '2025-10-21 12:00+08';
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT calib.run('test_day');
\set VERBOSITY terse
SELECT calib.run('test_day');
SELECT ticks FROM own.done;
SELECT * FROM own.log;
SELECT last_tick = '2025-10-18 07:00+08' AS waits FROM calib.job WHERE job = 'test_day';
-- mended, it goes on from there; nothing twice
DELETE FROM own.bad;
SELECT calib.run('test_day');
SELECT calib.run('test_day'), calib.run('test_day', '2025-10-21 07:00+08');
SELECT ticks FROM own.done;
SELECT * FROM own.log;
-- or given up
INSERT INTO own.bad VALUES ('2025-10-22 07:00+08');
SET calib.clock = '2025-10-23 12:00+08';
SELECT calib.run('test_day');
SELECT calib.skip_tick('test_day') = '2025-10-22 07:00+08' AS skipped, calib.skip_tick('test_day') AS nothing;
SELECT calib.run('test_day');
SELECT ticks FROM own.done;
-- what runs after another waits for it: of days from the 20th on, for that of the 22nd,
-- which is in its way until detect is through with its 22nd, 07:00
BEGIN;
UPDATE calib.job SET last_tick = '2025-10-21 07:00+08' WHERE job = 'detect';
UPDATE calib.job SET after = 'detect', last_tick = '2025-10-20 07:00+08' WHERE job = 'test_day';
DELETE FROM own.bad;
TRUNCATE own.did;
SELECT calib.run('test_day');
SELECT ticks FROM own.done;
SELECT calib.run('detect', '2025-10-22 09:00+08') IS NOT NULL AS detected, calib.run('test_day');
SELECT ticks FROM own.done;
-- nobody runs the other any more: it is not waited for
UPDATE calib.job SET scheduled = 'crontab', scheduled_at = now() WHERE job = 'test_day';
SELECT calib.run('test_day');
SELECT ticks FROM own.done;
ROLLBACK;
-- rolled back by the caller, it did not run
BEGIN;
SET LOCAL calib.clock = '2025-10-24 12:00+08';
SELECT calib.run('test_day');
ROLLBACK;
SET calib.clock = '2025-10-24 12:00+08';
SELECT calib.run('test_day');
-- without replay: once for all that was missed
UPDATE calib.job SET replay = false WHERE job = 'test_day';
SET calib.clock = '2025-10-30 12:00+08';
SELECT calib.run('test_day'), calib.run('test_day');
SELECT ticks FROM own.done;
-- its times moved: the next is of the new time
UPDATE calib.job SET at = '05:00', replay = true WHERE job = 'test_day';
SET calib.clock = '2025-11-01 04:00+08';
SELECT calib.run('test_day');
SELECT ticks FROM own.done;
-- a frequent one runs at each call, and keeps runs that did something, and the last
INSERT INTO calib.job (job, every, keep_days, label_en, label_zh) VALUES ('test_minute', 'minute', 30, 'test', '试验');
CREATE FUNCTION calib.run_test_minute(as_of timestamptz) RETURNS bigint LANGUAGE sql AS $$ SELECT (extract(minute FROM as_of)::integer % 5 = 0)::integer $$;
SELECT calib.run('test_minute', '2025-10-15 09:00+08'::timestamptz + m * interval '30 seconds') AS did FROM generate_series(0, 16) m;
SELECT to_char(tick AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') AS tick, rows, tries FROM calib.job_run WHERE job = 'test_minute' ORDER BY 1;
-- a worker that is not there, a worker that returns nothing
INSERT INTO calib.job (job, every, keep_days, label_en, label_zh) VALUES ('test_none', 'minute', 30, 'test', '试验');
SELECT calib.run('test_none');
CREATE FUNCTION calib.run_test_none(as_of timestamptz) RETURNS bigint LANGUAGE sql AS 'SELECT NULL::bigint';
SELECT calib.run('test_none') IS NULL AS nothing;
SELECT rows, error, tries FROM calib.job_run WHERE job = 'test_none';
-- a query that is cancelled ends the call, and nothing of it stays
CREATE OR REPLACE FUNCTION calib.run_test_none(as_of timestamptz) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint FROM pg_sleep(5)';
BEGIN;
SET LOCAL statement_timeout = '50ms';
SELECT calib.run('test_none');
ROLLBACK;
SELECT tries FROM calib.job_run WHERE job = 'test_none';
-- so a call ends itself before that, after half the time: 19 ticks of 0.1 seconds take
-- three calls or more, none is lost and none comes twice
CREATE TABLE own.slow (n serial, at timestamptz);
CREATE FUNCTION calib.run_test_slow(as_of timestamptz) RETURNS bigint LANGUAGE sql AS 'INSERT INTO own.slow (at) SELECT as_of FROM pg_sleep(0.1) RETURNING 1::bigint';
INSERT INTO calib.job (job, every, at, replay, keep_days, label_en, label_zh, last_tick) VALUES ('test_slow', 'day', '07:00', true, 30, 'test', '试验', '2025-10-12 07:00+08');
SET statement_timeout = '1500ms';
SELECT calib.run('test_slow') BETWEEN 1 AND 19 AS a_part;
SELECT calib.run('test_slow') BETWEEN 1 AND 19 AS a_part;
RESET statement_timeout;
SELECT calib.run('test_slow') BETWEEN 1 AND 18 AS the_rest, calib.run('test_slow') AS nothing;
SELECT count(*), min(at) = '2025-10-13 07:00+08' AS first, bool_and(later) AS in_order FROM (SELECT at, n, at > coalesce(lag(at) OVER (ORDER BY n), '-infinity') AS later FROM own.slow) s;

-- What cannot be -------------------------------------------------------------------------
\set VERBOSITY default
SELECT calib.run('anounce');
SELECT calib.run('test_day', '2025-11-01 04:00:01+08');
\set VERBOSITY terse
SELECT own.try('SELECT calib.run(NULL)'), own.try('SELECT calib.run('''')'), own.try('SELECT calib.run(''announce'', NULL)');
SELECT own.try('SELECT calib.run(''announce'', ''infinity'')') AS later, own.try('SELECT calib.run(''announce'', ''-infinity'')') AS never, own.try('SELECT calib.skip_tick(''anounce'')') AS unknown;
SELECT own.try('UPDATE calib.job SET at = NULL WHERE job = ''detect''') AS no_time, own.try('UPDATE calib.job SET at = ''24:00'' WHERE job = ''detect''') AS no_such_time;
SELECT own.try('UPDATE calib.job SET at = ''07:00:30'' WHERE job = ''detect''') AS seconds, own.try('UPDATE calib.job SET every = ''week'' WHERE job = ''detect''') AS no_weekday;
SELECT own.try('UPDATE calib.job SET every = ''week'', weekday = 8 WHERE job = ''detect''') AS eighth_day, own.try('UPDATE calib.job SET month_day = 32 WHERE job = ''monthly_meeting''') AS day_32;
SELECT own.try('UPDATE calib.job SET every = ''minute'', at = NULL WHERE job = ''detect''') AS replays_minutes, own.try('UPDATE calib.job SET keep_days = 0') AS keeps_none;

-- Whose it is ------------------------------------------------------------------------------
CREATE ROLE regress_calib_admin LOGIN;
CREATE ROLE regress_calib_part LOGIN;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'team', 'one'), (2, 'team', 'two');
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_admin', 'admin', NULL), ('regress_calib_part', 'admin', 1), ('regress_calib_part', 'hr', NULL);
SET SESSION AUTHORIZATION regress_calib_part;
SELECT own.try('SELECT calib.run(''announce'')'), own.try('SELECT calib.skip_tick(''announce'')');
SELECT own.try('SELECT calib.run_announce(now())'), own.try('SELECT calib.run_seal(now())'), own.try('SELECT calib.run_maintain(now())');
SELECT count(*) > 8 AS jobs_read, (SELECT count(*) FROM calib.job_run) AS runs_read FROM calib.job;
UPDATE calib.job SET at = '08:00' WHERE job = 'detect';
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT own.try('SELECT calib.run_announce(now())'), own.try('INSERT INTO calib.job_run (job, tick, started_at, finished_at, person) VALUES (''seal'', now(), now(), now(), '''')');
SELECT count(*) > 8 AS runs_read FROM calib.job_run;
UPDATE calib.job SET at = '08:00', keep_days = 500, label_en = 'Look' WHERE job = 'detect';
SELECT own.try('UPDATE calib.job SET last_tick = now() WHERE job = ''detect''') AS last_tick, own.try('UPDATE calib.job SET job = ''seek'' WHERE job = ''detect''') AS name;
SELECT own.try('UPDATE calib.job SET replay = false WHERE job = ''detect''') AS replay, own.try('UPDATE calib.job SET scheduled = ''crontab'', scheduled_at = now() WHERE job = ''detect''') AS scheduled;
SELECT own.try('DELETE FROM calib.job') AS removed, own.try('INSERT INTO calib.job (job, every, keep_days, label_en, label_zh) VALUES (''more'', ''minute'', 30, ''m'', ''m'')') AS entered;
SELECT job, at, keep_days, label_en, last_tick FROM calib.job WHERE job = 'detect';
RESET SESSION AUTHORIZATION;
-- that trigger keeps no other table
CREATE TABLE own.job (job text);
CREATE TRIGGER t AFTER UPDATE ON own.job FOR EACH ROW EXECUTE FUNCTION calib.keep_job();
INSERT INTO own.job VALUES ('x');
SELECT own.try('UPDATE own.job SET job = ''y''');

-- announce ---------------------------------------------------------------------------------
RESET calib.clock;
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT calib.run('announce');                       -- 0: nothing waits
RESET SESSION AUTHORIZATION;
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 't', 'u', '2025-10-01');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (1, 'quarter', '2025-10-01', 100), (2, 'quarter', '2025-10-01', 100);
SET calib.evidence = '1';
SET calib.reason = 'why';
UPDATE calib.target SET value = 95;
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT calib.run('announce');                       -- 2 events nobody works on
SELECT count(*) AS claimed FROM calib.claim_outbox(1, 'w');
SELECT calib.run('announce', '2025-10-14');         -- 1
SELECT count(*) AS claimed FROM calib.claim_outbox(1, 'w', '1 ms');
SELECT pg_sleep(0.01);
SELECT calib.run('announce');                       -- 1: its lease has ended
RESET SESSION AUTHORIZATION;
-- and the steps that wait: 1 submitted and 1 approved, beside the event
BEGIN;
ALTER TABLE calib.adjustment DISABLE TRIGGER keep_append_only;
INSERT INTO calib.adjustment (adjustment_id, target_id, quarter_start, old_value, new_value, reason, status, submitted_by, submitted_at, approved_by, approved_at)
VALUES (900, 1, '2025-10-01', 95, 90, 'why', 'submitted', 'li', '2025-10-15 09:00+08', NULL, NULL),
       (901, 2, '2025-10-01', 95, 90, 'why', 'approved', 'li', '2025-10-15 09:00+08', 'wang', '2025-10-15 10:00+08');
SELECT calib.run('announce');                       -- 3
ROLLBACK;

-- seal: everything is in block 1, and then there is nothing new; and it refuses what it
-- must, inside of a tick as well
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT calib.run('seal') AS block, calib.run('seal') AS nothing;
SELECT unsealed_rows FROM calib.unsealed;
INSERT INTO calib.holiday (day, name) VALUES ('2031-01-01', 'new year');
SELECT calib.run('seal') AS block;
SELECT bool_and(ok) AS green FROM calib.verify();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT calib.run('seal');
SELECT sqlstate FROM calib.job_run WHERE job = 'seal' ORDER BY tick DESC LIMIT 1;
ROLLBACK;

-- maintain: logs older than their job keeps them, but the last run of each; acknowledged
-- events of the outbox; in real time
RESET SESSION AUTHORIZATION;
RESET calib.clock;
DELETE FROM calib.job WHERE job ~ '^test';
UPDATE calib.job_run SET started_at = started_at - interval '1 day', finished_at = finished_at - interval '1 day';
INSERT INTO calib.job_run (job, tick, started_at, finished_at, person)
SELECT 'detect', now() - d * interval '1 day', now() - d * interval '1 day', now() - d * interval '1 day', 'x' FROM unnest('{499,501,502}'::integer[]) d
UNION ALL
SELECT 'rules', now() - d * interval '1 day', now() - d * interval '1 day', now() - d * interval '1 day', 'x' FROM unnest('{501,502}'::integer[]) d;
SELECT calib.ack_outbox(id) FROM calib.claim_outbox(1, 'w');
SET session_replication_role = replica;
ALTER TABLE calib.outbox DISABLE TRIGGER ALL;
UPDATE calib.outbox SET created_at = now() - interval '91 days';
ALTER TABLE calib.outbox ENABLE TRIGGER ALL;
ALTER TABLE calib.outbox ENABLE ALWAYS TRIGGER keep_append_only;
ALTER TABLE calib.outbox ENABLE ALWAYS TRIGGER keep_append_only_truncate;
RESET session_replication_role;
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT calib.run('maintain');                       -- 8: two of detect, one of rules, one event, and four partitions
SELECT job, round(extract(epoch FROM now() - finished_at) / 86400) AS days FROM calib.job_run WHERE job IN ('detect', 'rules') ORDER BY 1, 2;
SELECT count(*) AS waiting FROM calib.outbox;
SELECT calib.run('maintain');                       -- 0: not due before tomorrow
RESET SESSION AUTHORIZATION;

DROP EXTENSION calib CASCADE;
DROP SCHEMA own CASCADE;
DROP ROLE regress_calib_admin, regress_calib_part;
