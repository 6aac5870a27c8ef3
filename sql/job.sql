-- Jobs: run() knows its jobs, who may call it, and notifies outside of users' transactions.
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
\set VERBOSITY default
SELECT calib.run('anounce');
\set VERBOSITY terse
SELECT own.try('SELECT calib.run(NULL)'), own.try('SELECT calib.run('''')'), own.try('SELECT calib.run(''announce'', NULL)');
CREATE ROLE regress_calib_admin LOGIN;
CREATE ROLE regress_calib_part LOGIN;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'team', 'one'), (2, 'team', 'two');
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_admin', 'admin', NULL), ('regress_calib_part', 'admin', 1), ('regress_calib_part', 'hr', NULL);
SET SESSION AUTHORIZATION regress_calib_part;
SELECT own.try('SELECT calib.run(''announce'')'), own.try('SELECT calib.run_announce()');
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT own.try('SELECT calib.run_announce()');
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
SELECT calib.run('announce', '2025-10-15');         -- 1
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

-- Sealing, by the same admin: everything is in block 1, and then there is nothing new
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT calib.run('seal') AS block, calib.run('seal') AS nothing;
SELECT unsealed_rows FROM calib.unsealed;
RESET SESSION AUTHORIZATION;

DROP EXTENSION calib CASCADE;
DROP SCHEMA own CASCADE;
DROP ROLE regress_calib_admin, regress_calib_part;
