-- Health: each check, in order and out of it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
CREATE VIEW bad AS SELECT check_name, detail FROM calib.health() WHERE NOT ok;
-- right after installation nothing is scheduled
SELECT check_name, detail FROM bad;
SELECT count(*) AS jobs FROM calib.schedule_jobs();
-- and then all is in order
SELECT check_name, ok FROM calib.health();
SELECT check_name, detail FROM calib.health() WHERE check_name IN ('last block', 'jobs');
SELECT detail ~ '^\d+ stand as they must\.$' AS counted FROM calib.health() WHERE check_name = 'triggers';
SELECT detail = (SELECT count(*) FROM calib.audit) || ' rows in no block yet, the oldest since ' || (SELECT min(recorded_at) FROM calib.audit) || '; never sealed.' AS the_window
FROM calib.health() WHERE check_name = 'ledger';
SELECT calib.seal();
SELECT detail LIKE '0 rows in no block yet; last sealed %' AS sealed FROM calib.health() WHERE check_name = 'ledger';
SELECT detail FROM calib.health() WHERE check_name = 'last block';

-- triggers: calib's own and those on a table of a user's
CREATE TABLE own_price (cents integer) PARTITION BY LIST (cents);
SELECT calib.audit_table('own_price');
SELECT * FROM bad;
CREATE TABLE own_price_1 PARTITION OF own_price FOR VALUES IN (1);
ALTER TABLE calib.target DISABLE TRIGGER guard_target;
SELECT * FROM bad;
SELECT relation, mended FROM calib.rearm() ORDER BY 1;
SELECT * FROM bad;

-- rights: row-level security off, a policy gone; and mended
SELECT detail = (SELECT count(*) FROM calib.row_rights()) || ' policies stand.' AS counted FROM calib.health() WHERE check_name = 'rights';
ALTER TABLE calib.budget DISABLE ROW LEVEL SECURITY;
DROP POLICY "select" ON calib.result;
SELECT * FROM bad;
SELECT calib.rearm_rights() = count(*) AS all_made FROM calib.row_rights();
SELECT * FROM bad;

-- ledger: an hour, and not before. The trail is written below SQL, so its time is moved
-- by a superuser with the triggers disabled, which the first check tells.
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE calib.audit DISABLE TRIGGER ALL;
UPDATE calib.audit SET recorded_at = now() - interval '59 minutes' WHERE audit_id = (SELECT max(audit_id) FROM calib.audit);
SELECT check_name FROM bad;
UPDATE calib.audit SET recorded_at = now() - interval '61 minutes' WHERE audit_id = (SELECT max(audit_id) FROM calib.audit);
SELECT check_name FROM bad;
ROLLBACK;
-- a prepared transaction holds the horizon back, and is named
BEGIN;
INSERT INTO calib.holiday (day, name) VALUES ('2030-01-01', 'new year');
PREPARE TRANSACTION 'regress calib health';
SELECT detail ~ 'prepared ''regress calib health'' writes since' AS named FROM calib.health() WHERE check_name = 'ledger';
ROLLBACK PREPARED 'regress calib health';

-- the last block: a row of it changed, missing, put between; its own row; what it continues;
-- its list. What is wrong in the blocks before is for verify().
INSERT INTO calib.holiday (day, name) SELECT date '2031-01-01' + i, 'day ' || i FROM generate_series(1, 3) i;
SELECT calib.seal();
INSERT INTO calib.holiday (day, name) SELECT date '2032-01-01' + i, 'day ' || i FROM generate_series(1, 3) i;
SELECT calib.seal();
SELECT * FROM calib.verify_last();
CREATE FUNCTION tampered(tampering text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    SET LOCAL session_replication_role = replica;
    ALTER TABLE calib.audit DISABLE TRIGGER ALL;
    ALTER TABLE calib.block DISABLE TRIGGER ALL;
    ALTER TABLE calib.leaf DISABLE TRIGGER ALL;
    EXECUTE tampering;
    SELECT h.ok || ' ' || regexp_replace(h.detail, 'row \d+', 'row N', 'g') INTO told FROM calib.health() h WHERE h.check_name = 'last block';
    RAISE EXCEPTION USING MESSAGE = told;
EXCEPTION WHEN raise_exception THEN
    RETURN SQLERRM;
END $$;
SELECT tampered('UPDATE calib.audit SET person = ''x'' WHERE audit_id = (SELECT last_audit_id FROM calib.block WHERE block = 3)') AS changed;
SELECT tampered('DELETE FROM calib.audit WHERE audit_id = (SELECT first_audit_id FROM calib.block WHERE block = 3)') AS missing;
SELECT tampered('UPDATE calib.audit SET audit_id = audit_id + 1 WHERE audit_id = (SELECT last_audit_id FROM calib.block WHERE block = 3)') AS moved;
SELECT tampered('UPDATE calib.block SET row_count = 2 WHERE block = 3') AS header;
SELECT tampered('UPDATE calib.block SET previous = decode(repeat(''00'', 32), ''hex'') WHERE block = 3') AS chain;
SELECT tampered('UPDATE calib.block SET sealed_by = ''x'' WHERE block = 2') AS block_before;
SELECT tampered('UPDATE calib.leaf SET audit_ids = audit_ids[2:] WHERE block = 3') AS list;
SELECT tampered('DELETE FROM calib.block WHERE block = 3') AS cut_off;
SELECT tampered('DELETE FROM calib.block WHERE block = 2') AS hole;
SELECT tampered('UPDATE calib.audit SET person = ''x'' WHERE audit_id = (SELECT last_audit_id FROM calib.block WHERE block = 2)') AS rows_before;
DROP FUNCTION tampered;

-- the version of library and extension
SELECT detail = calib.library_version() || '.' AS told, extversion = calib.library_version() AS same
FROM calib.health() CROSS JOIN pg_extension WHERE check_name = 'version' AND extname = 'calib';
BEGIN;
UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'calib';
SELECT replace(detail, calib.library_version(), 'X') AS detail FROM bad WHERE check_name = 'version';
ROLLBACK;

-- jobs: late by more than a quarter of an hour, or an hour; failed; not scheduled
BEGIN;
UPDATE calib.job SET last_tick = date_trunc('minute', now() - interval '15 minutes') WHERE job = 'seal';
UPDATE calib.job j SET last_tick = calib.newest_tick(j, now() - interval '1 hour') WHERE every <> 'minute';
SELECT * FROM bad;
UPDATE calib.job SET last_tick = last_tick - interval '1 microsecond' WHERE job <> 'announce';
SELECT job, regexp_replace(problem, 'due at .* as of .*', 'due at T, last run as of T') AS problem FROM calib.job_problems() WHERE problem IS NOT NULL ORDER BY 1;
SELECT count(*) FROM bad WHERE check_name = 'jobs' AND detail LIKE '%late: due at %';
ROLLBACK;
-- run while the clock was wrong: it stands until that time comes
BEGIN;
UPDATE calib.job SET last_tick = '2199-01-01 07:00+00' WHERE job = 'detect';
SET LOCAL TimeZone = 'UTC';
SELECT * FROM bad;
SELECT count(*) AS taken_out FROM calib.unschedule_jobs();
SELECT count(*) AS scheduled FROM calib.schedule_jobs();
SELECT * FROM bad;
ROLLBACK;
BEGIN;
INSERT INTO calib.job_run (job, tick, started_at, finished_at, error, sqlstate, tries, person) VALUES ('detect', '2025-10-15 07:00+08', now(), now(), 'secret', '22012', 2, 'x');
SELECT regexp_replace(detail, 'as of .*? \(', 'as of T (') FROM bad;
INSERT INTO calib.job_run (job, tick, started_at, finished_at, person) VALUES ('detect', '2025-10-16 07:00+08', now() + interval '1 second', now() + interval '1 second', 'x');
SELECT * FROM bad;
UPDATE calib.job SET scheduled = NULL, scheduled_at = NULL WHERE job IN ('detect', 'seal');
SELECT * FROM bad;
-- scheduled in pg_cron, which is gone
UPDATE calib.job SET scheduled = 'pg_cron', scheduled_at = now();
SELECT * FROM bad;
ROLLBACK;

-- clock, restoring, policy
SET calib.clock = '2025-10-15 09:00+08';
SET calib.restoring = on;
SELECT * FROM bad ORDER BY check_name;
RESET calib.restoring;
SET calib.clock = '1999-01-01 09:00+08';
SELECT check_name FROM bad ORDER BY check_name;
RESET calib.clock;

-- anybody may ask, and is told the same
CREATE ROLE regress_calib_anybody;
CREATE TEMP TABLE told AS SELECT check_name, ok FROM calib.health();
GRANT SELECT ON told TO regress_calib_anybody;
SET ROLE regress_calib_anybody;
SELECT count(*) AS checks, count(*) FILTER (WHERE h.ok IS DISTINCT FROM t.ok) AS other FROM calib.health() h LEFT JOIN told t USING (check_name);
RESET ROLE;
DROP TABLE told;

DROP VIEW bad;
SELECT calib.unaudit_table('own_price');
DROP TABLE own_price;
DROP ROLE regress_calib_anybody;
DROP EXTENSION calib;
