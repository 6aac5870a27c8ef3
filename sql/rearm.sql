-- Triggers that do not stand as they must: shown by trigger_state, mended by rearm.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
CREATE ROLE regress_owner;
CREATE ROLE regress_other;
CREATE ROLE regress_admin;
INSERT INTO calib.duty (role_name, duty) VALUES ('regress_admin', 'admin');
CREATE SCHEMA shop AUTHORIZATION regress_owner;
GRANT ALL ON SCHEMA shop TO PUBLIC;

-- Every trigger on calib's tables is known, and all but one fire always.
SELECT count(*) = (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'calib'::regnamespace AND NOT t.tgisinternal) AS all_known, bool_and(ok) AS all_ok
FROM calib.trigger_state;
SELECT relation, trigger FROM calib.own_trigger WHERE enabled <> 'A';
SELECT * FROM calib.rearm();

-- What pg_restore --disable-triggers leaves: ordinary triggers, which replica mode silences.
ALTER TABLE calib.holiday DISABLE TRIGGER ALL;
ALTER TABLE calib.holiday ENABLE TRIGGER ALL;
SELECT relation, trigger, ok, problem FROM calib.trigger_state WHERE NOT ok ORDER BY 1, 2;
SELECT * FROM calib.rearm() ORDER BY 1, 2;
-- Each other way
ALTER TABLE calib.policy DISABLE TRIGGER keep_policy;
ALTER TABLE calib.unit ENABLE REPLICA TRIGGER audit_row;
ALTER TABLE calib.opportunity ENABLE ALWAYS TRIGGER fill_stage_since;
ALTER TABLE calib.absence DISABLE TRIGGER USER;
DROP TRIGGER guard_target ON calib.target;
DROP TRIGGER keep_append_only ON calib.audit;
DROP TRIGGER guard_target_truncate ON calib.target;
CREATE TRIGGER guard_target_truncate AFTER TRUNCATE ON calib.target FOR EACH STATEMENT EXECUTE FUNCTION calib.guard_target();
SELECT * FROM calib.rearm() ORDER BY 1, 2;
SELECT count(*) AS mended FROM calib.rearm();
SELECT bool_and(ok) AS all_ok FROM calib.trigger_state;
-- and they keep their rule again
\set VERBOSITY sqlstate
UPDATE calib.audit SET person = 'somebody else';
TRUNCATE calib.target CASCADE;
\set VERBOSITY default
-- It is the state that is looked at, not the reader's search_path.
SET search_path = calib;
SELECT bool_and(ok) AS all_ok FROM trigger_state;
RESET search_path;

-- A table of a user's -----------------------------------------------------------------
SET ROLE regress_owner;
CREATE TABLE shop.quota (a integer) PARTITION BY LIST (a);
CREATE TABLE shop.quota_1 PARTITION OF shop.quota FOR VALUES IN (1);
RESET ROLE;
SELECT calib.audit_table('shop.quota');
SET ROLE regress_owner;
CREATE TABLE shop.quota_2 PARTITION OF shop.quota FOR VALUES IN (2);
DROP TRIGGER calib_audit_row ON shop.quota;
CREATE TRIGGER calib_audit_row AFTER INSERT OR DELETE OR UPDATE ON shop.quota FOR EACH ROW WHEN (NULL) EXECUTE FUNCTION calib.audit_row();
ALTER TRIGGER calib_audit_truncate ON shop.quota RENAME TO mine;
ALTER TABLE shop.quota_1 DISABLE TRIGGER ALL;
RESET ROLE;
-- An admin mends what is not the admin's: the owner agreed when it was attached.
SET ROLE regress_admin;
SELECT * FROM calib.rearm() ORDER BY 1, 2, 3;
RESET ROLE;
SELECT bool_and(ok) AS all_ok, count(*) FILTER (WHERE relation LIKE 'shop.%') AS on_tables_of_users FROM calib.trigger_state;
INSERT INTO shop.quota VALUES (1), (2);
SELECT relation, new_row FROM calib.audit WHERE relation LIKE 'shop.%' ORDER BY audit_id;
-- A trigger of the owner's own under calib's name stays: told, not mended.
SET ROLE regress_owner;
CREATE FUNCTION shop.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
DROP TRIGGER calib_audit_truncate ON shop.quota;
CREATE TRIGGER calib_audit_truncate AFTER TRUNCATE ON shop.quota FOR EACH STATEMENT EXECUTE FUNCTION shop.nothing();
RESET ROLE;
SELECT * FROM calib.rearm() ORDER BY 1, 2;
DROP TRIGGER calib_audit_truncate ON shop.quota;
SELECT * FROM calib.rearm() ORDER BY 1, 2;
DROP FUNCTION shop.nothing();
-- The new owner can add partitions once EXECUTE is there.
ALTER TABLE shop.quota OWNER TO regress_other;
SET ROLE regress_other;
\set VERBOSITY terse
CREATE TABLE shop.quota_3 PARTITION OF shop.quota FOR VALUES IN (3);
\set VERBOSITY default
RESET ROLE;
SELECT * FROM calib.rearm() ORDER BY 1, 2;
SET ROLE regress_other;
CREATE TABLE shop.quota_3 PARTITION OF shop.quota FOR VALUES IN (3);
RESET ROLE;
-- What cannot be mended is told, and does not stop the rest.
SET ROLE regress_other;
REVOKE TRIGGER ON shop.quota_3 FROM regress_other;
RESET ROLE;
ALTER TABLE calib.target DISABLE TRIGGER guard_target;
SELECT * FROM calib.rearm() ORDER BY 1, 2;
GRANT TRIGGER ON shop.quota_3 TO regress_other;
SELECT * FROM calib.rearm() ORDER BY 1, 2;

-- Not everybody may.
SET ROLE regress_other;
\set VERBOSITY sqlstate
SELECT * FROM calib.rearm();
\set VERBOSITY default
RESET ROLE;

DROP TABLE shop.quota;
SELECT problem, mended FROM calib.rearm();
DROP EXTENSION calib;
DROP SCHEMA shop;
DROP ROLE regress_owner, regress_other, regress_admin;
