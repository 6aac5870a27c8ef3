-- Health: each check, in order and out of it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
CREATE VIEW bad AS SELECT check_name, detail FROM calib.health() WHERE NOT ok;
-- all in order, right after installation
SELECT check_name, ok FROM calib.health();
SELECT detail ~ '^\d+ stand as they must\.$' AS counted FROM calib.health() WHERE check_name = 'triggers';
SELECT detail = (SELECT count(*) FROM calib.audit) || ' rows in no block yet, the oldest since ' || (SELECT min(recorded_at) FROM calib.audit) || '; never sealed.' AS the_window
FROM calib.health() WHERE check_name = 'ledger';
SELECT calib.seal();
SELECT detail LIKE '0 rows in no block yet; last sealed %' AS sealed FROM calib.health() WHERE check_name = 'ledger';

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
