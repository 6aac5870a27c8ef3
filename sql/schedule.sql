-- Scheduling where pg_cron is absent: lines for a crontab. In and beside pg_cron:
-- tests/tap/job.pl.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
\set VERBOSITY terse
CREATE ROLE regress_calib_admin LOGIN;
CREATE ROLE regress_calib_part LOGIN;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'team', 'one');
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_admin', 'admin', NULL), ('regress_calib_part', 'admin', 1);
SET SESSION AUTHORIZATION regress_calib_part;
SELECT * FROM calib.schedule_jobs();
SELECT * FROM calib.unschedule_jobs();
SELECT * FROM calib.plan_jobs();
SELECT * FROM calib.unplan_jobs();
SELECT * FROM calib.cron_standing();
SELECT calib.cron_home();

SET SESSION AUTHORIZATION regress_calib_admin;
SELECT * FROM calib.unschedule_jobs();              -- nothing is
-- one clock for what is scheduled and what it is compared with
BEGIN;
SELECT job, how, schedule, replace(command, current_database(), 'regress_calib') AS command FROM calib.schedule_jobs();
-- what lies before is not missed; the four that are frequent run at every call
RESET SESSION AUTHORIZATION;
SELECT count(*) FILTER (WHERE last_tick = calib.newest_tick(j, now())) AS from_now, count(*) FILTER (WHERE calib.due_ticks(j, now()) <> '{}') AS due,
       count(*) FILTER (WHERE scheduled = 'crontab' AND scheduled_at >= now()) AS told, count(*) AS all
FROM calib.job j;
COMMIT;
SET SESSION AUTHORIZATION regress_calib_admin;
-- a second call changes nothing, whatever the jobs did in between
RESET SESSION AUTHORIZATION;
UPDATE calib.job SET last_tick = last_tick - interval '10 days' WHERE job = 'detect';
CREATE TEMP TABLE before AS SELECT * FROM calib.job;
GRANT SELECT ON before TO PUBLIC;
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT count(*) AS lines FROM calib.schedule_jobs();
SELECT count(*) AS changed FROM (SELECT * FROM calib.job EXCEPT SELECT * FROM before) x;
-- a clock that plays the past is none of a scheduler's
RESET SESSION AUTHORIZATION;
SELECT count(*) AS taken_out FROM calib.unschedule_jobs() WHERE how = 'crontab' AND command LIKE '%-59/15 * * * * psql %';
SELECT count(*) AS scheduled FROM calib.job WHERE scheduled IS NOT NULL OR scheduled_at IS NOT NULL;
SELECT * FROM calib.unschedule_jobs();
BEGIN;
SET LOCAL calib.clock = '2025-10-15 09:00+08';
SELECT count(*) AS lines FROM calib.schedule_jobs();
SELECT count(*) FILTER (WHERE last_tick = calib.newest_tick(j, now())) AS from_now FROM calib.job j;
COMMIT;

-- what a database beside pg_cron's is given
SELECT job, schedule, replace(name, current_database(), 'regress_calib') AS name, replace(statement, current_database(), 'regress_calib') AS statement FROM calib.cron_statements();

DROP EXTENSION calib CASCADE;
DROP ROLE regress_calib_admin, regress_calib_part;
