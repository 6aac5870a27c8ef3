-- Paths around the rules: each fails, or is trailed.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;

CREATE SCHEMA own;
-- Runs a statement with the caller's rights; tells the rows it touched, or how
-- it was refused.
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN 'ok ' || n;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
GRANT USAGE ON SCHEMA own TO PUBLIC;
-- Whether the record still adds up.
CREATE VIEW own.sound AS
SELECT (SELECT coalesce(bool_and(b.used = (SELECT count(*) FROM calib.adjustment a JOIN calib.target t USING (target_id)
                WHERE (t.unit_id, t.measure, t.product_line, a.quarter_start)
                    = (b.unit_id, b.measure, b.product_line, b.quarter_start)) AND b.used <= 2), true)
        FROM calib.budget b)
   AND (SELECT bool_and(t.value = t.original_value + (SELECT coalesce(sum(a.new_value - a.old_value), 0)
                FROM calib.adjustment a WHERE a.target_id = t.target_id)) FROM calib.target t) AS sound;

SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
INSERT INTO calib.unit (unit_id, kind, name) SELECT u, 'team', 'team ' || u FROM generate_series(1, 5) u;
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT u, u, 'quarter', '2025-10-01', 100 FROM generate_series(1, 3) u;
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (1, 'market_report', 'cited', 'https://example.com/1', '2025-10-01'),
    (2, 'market_report', 'not cited', 'https://example.com/2', '2025-10-01');
SET calib.evidence = '1';
SET calib.reason = 'why';
UPDATE calib.target SET value = 105 WHERE target_id = 1;

-- INSERT, DELETE, keys -----------------------------------------------------------
ALTER SEQUENCE calib.target_target_id_seq RESTART 100;
SELECT own.try('INSERT INTO calib.target (unit_id, grain, period_start, original_value, value) VALUES (4, ''quarter'', ''2025-10-01'', 100, 200)');
SELECT own.try('INSERT INTO calib.target (unit_id, grain, period_start, original_value, value) VALUES (4, ''quarter'', ''2026-01-01'', 100, 200)');
SELECT own.try('DELETE FROM calib.target WHERE target_id = 1');
SELECT own.try('DELETE FROM calib.target WHERE target_id = 2');
SELECT own.try('WITH gone AS (DELETE FROM calib.target WHERE target_id = 2 RETURNING *)
    INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT 5, grain, period_start, 200 FROM gone');
SELECT c, own.try(format('UPDATE calib.target SET %s WHERE target_id = 1', c))
FROM unnest(ARRAY['original_value = 200', 'original_value = 200, value = 200', 'target_id = 99', 'unit_id = 4',
    'measure = ''sell-out''', 'product_line = ''tea''', 'grain = ''month''', 'grain = ''year'', period_start = ''2025-01-01''',
    'period_start = ''2026-01-01''', 'published_at = ''2030-01-01''', 'published_at = ''2025-10-15 09:00+08'', period_start = ''2026-01-01''',
    'value = NULL', 'original_value = NULL', 'value = DEFAULT']) c;
-- the unit it hangs on
SELECT own.try('DELETE FROM calib.unit WHERE unit_id = 1');
SELECT own.try('UPDATE calib.unit SET unit_id = 77 WHERE unit_id = 1');

-- Other commands that write --------------------------------------------------------
SELECT own.try('INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (1, 1, ''quarter'', ''2025-10-01'', 500)
    ON CONFLICT (target_id) DO UPDATE SET original_value = excluded.original_value, value = excluded.original_value');
SELECT own.try('INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (1, ''quarter'', ''2025-10-01'', 500)
    ON CONFLICT (unit_id, measure, product_line, grain, period_start) DO UPDATE SET value = excluded.value');
SELECT own.try('MERGE INTO calib.target t USING (VALUES (1, 500)) v (id, n) ON t.target_id = v.id WHEN MATCHED THEN UPDATE SET value = v.n');
SELECT own.try('MERGE INTO calib.target t USING (VALUES (1)) v (id) ON t.target_id = v.id WHEN MATCHED THEN DELETE');
SELECT own.try('MERGE INTO calib.target t USING (VALUES (1)) v (id) ON t.target_id = -v.id
    WHEN NOT MATCHED THEN INSERT (unit_id, grain, period_start, original_value, value) VALUES (4, ''quarter'', ''2025-10-01'', 100, 200)');
COPY calib.target (unit_id, grain, period_start, original_value, value) FROM stdin;
4	quarter	2025-10-01	100	200
\.
COPY calib.target (target_id, unit_id, grain, period_start, original_value) FROM stdin;
1	4	quarter	2025-10-01	100
\.
SELECT t, own.try('TRUNCATE ' || t) FROM unnest(ARRAY['calib.target', 'calib.target CASCADE', 'calib.target RESTART IDENTITY CASCADE',
    'calib.unit CASCADE', 'calib.adjustment', 'calib.adjustment CASCADE', 'calib.adjustment_evidence', 'calib.evidence',
    'calib.evidence CASCADE', 'calib.evidence_kind CASCADE', 'calib.budget', 'calib.audit', 'calib.policy', 'calib.organisation']) t;
-- a cursor, a view and an updatable view's rule are roads to the same table
CREATE VIEW own.my_target AS SELECT * FROM calib.target;
SELECT own.try('UPDATE own.my_target SET value = 500 WHERE target_id = 1');
SELECT own.try('DELETE FROM own.my_target WHERE target_id = 1');
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM calib.target WHERE target_id = 1 FOR UPDATE;
FETCH c \g /dev/null
UPDATE calib.target SET value = 500 WHERE CURRENT OF c;
ROLLBACK;
-- replication's apply and whoever sets this
SET session_replication_role = replica;
SELECT s, own.try(s) FROM unnest(ARRAY['UPDATE calib.target SET value = 500 WHERE target_id = 1',
    'UPDATE calib.target SET original_value = 500 WHERE target_id = 1', 'DELETE FROM calib.target WHERE target_id = 1',
    'TRUNCATE calib.target CASCADE', 'DELETE FROM calib.adjustment', 'UPDATE calib.budget SET used = 0', 'DELETE FROM calib.audit',
    'UPDATE calib.evidence SET title = ''x'' WHERE evidence_id = 1', 'UPDATE calib.organisation SET fiscal_start_month = 2',
    'UPDATE calib.policy SET cap = 1', 'INSERT INTO calib.policy (valid_from, cap) VALUES (''2025-01-01'', 1)']) s;
-- and an adjustment made there is one, trailed
SELECT own.try('UPDATE calib.target SET value = 110 WHERE target_id = 1');
RESET session_replication_role;
SELECT used FROM calib.budget WHERE unit_id = 1;
SELECT count(*) FROM calib.audit WHERE relation = 'calib.target' AND new_row @> '{"target_id": 1, "value": 110}';
SELECT own.try('UPDATE calib.target SET value = 111 WHERE target_id = 1');
SELECT * FROM own.sound;

-- A user's own triggers ----------------------------------------------------------
CREATE FUNCTION own.change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.value := 500;
    RETURN NEW;
END $$;
CREATE TRIGGER zzz_change BEFORE UPDATE ON calib.target FOR EACH ROW EXECUTE FUNCTION own.change();
SELECT own.try('UPDATE calib.target SET value = 105 WHERE target_id = 2');
DROP TRIGGER zzz_change ON calib.target;
CREATE OR REPLACE FUNCTION own.change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.original_value := 500;
    NEW.value := 500;
    RETURN NEW;
END $$;
CREATE TRIGGER aaa_change BEFORE UPDATE ON calib.target FOR EACH ROW EXECUTE FUNCTION own.change();
SELECT own.try('UPDATE calib.target SET external_ref = ''innocent'' WHERE target_id = 2');
DROP TRIGGER aaa_change ON calib.target;
-- a change within what is allowed is recorded as what was stored
CREATE OR REPLACE FUNCTION own.change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.value := 103;
    RETURN NEW;
END $$;
CREATE TRIGGER zzz_change BEFORE UPDATE ON calib.target FOR EACH ROW EXECUTE FUNCTION own.change();
SELECT own.try('UPDATE calib.target SET value = 105 WHERE target_id = 2');
DROP TRIGGER zzz_change ON calib.target;
SELECT old_value, new_value FROM calib.adjustment WHERE target_id = 2;
-- so is one that an AFTER trigger makes on top of it; a third has no place
CREATE OR REPLACE FUNCTION own.change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE calib.target SET value = value + 1 WHERE target_id = NEW.target_id;
    RETURN NULL;
END $$;
CREATE TRIGGER aaa_change AFTER UPDATE ON calib.target FOR EACH ROW
    WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION own.change();
SELECT own.try('UPDATE calib.target SET value = 105 WHERE target_id = 2');
SELECT own.try('UPDATE calib.target SET value = 105 WHERE target_id = 3');
DROP TRIGGER aaa_change ON calib.target;
SELECT target_id, old_value, new_value FROM calib.adjustment WHERE target_id > 1 ORDER BY target_id, old_value;
SELECT * FROM own.sound;
-- policy and evidence are decided on what is stored, too
CREATE OR REPLACE FUNCTION own.change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.valid_from := '2025-01-01';
    RETURN NEW;
END $$;
CREATE TRIGGER zzz_change BEFORE INSERT ON calib.policy FOR EACH ROW EXECUTE FUNCTION own.change();
SELECT own.try('INSERT INTO calib.policy (valid_from, cap) VALUES (''2026-01-01'', 1)');
DROP TRIGGER zzz_change ON calib.policy;

-- History ------------------------------------------------------------------------
SELECT s, own.try(s) FROM unnest(ARRAY[
    'INSERT INTO calib.adjustment (target_id, quarter_start, old_value, new_value, reason, status, submitted_by, submitted_at)
     VALUES (1, ''2025-10-01'', 1, 2, ''x'', ''filed'', ''x'', now())',
    'UPDATE calib.adjustment SET reason = ''better''', 'UPDATE calib.adjustment SET status = ''withdrawn''', 'DELETE FROM calib.adjustment',
    'INSERT INTO calib.adjustment_evidence SELECT adjustment_id, 2 FROM calib.adjustment',
    'UPDATE calib.adjustment_evidence SET evidence_id = 2', 'DELETE FROM calib.adjustment_evidence',
    'INSERT INTO calib.budget (unit_id, measure, product_line, quarter_start, used) VALUES (4, ''collection'', '''', ''2025-10-01'', 0)',
    'UPDATE calib.budget SET used = 0', 'UPDATE calib.budget SET quarter_start = ''2030-01-01''', 'DELETE FROM calib.budget',
    'INSERT INTO calib.audit SELECT * FROM calib.audit LIMIT 1', 'UPDATE calib.audit SET person = ''somebody else''', 'DELETE FROM calib.audit',
    'MERGE INTO calib.audit a USING (VALUES (1)) v (x) ON true WHEN MATCHED THEN DELETE']) s;
COPY calib.audit FROM stdin;
1	1	2025-01-01	2025-01-01	f	calib.target	UPDATE	\N	\N	x	x	x	x	\N	00000000-0000-0000-0000-000000000000	x
\.
COPY calib.budget FROM stdin;
4	collection		2025-10-01	0	0
\.
COPY calib.adjustment_evidence FROM stdin;
1	2
\.
-- evidence: cited, it stays as it was; not cited, it may change, trailed
SELECT s, own.try(s) FROM unnest(ARRAY['UPDATE calib.evidence SET title = ''other'' WHERE evidence_id = 1',
    'UPDATE calib.evidence SET evidence_id = 9 WHERE evidence_id = 1', 'DELETE FROM calib.evidence WHERE evidence_id = 1',
    'UPDATE calib.evidence SET title = ''corrected'' WHERE evidence_id = 2', 'DELETE FROM calib.evidence WHERE evidence_id = 2']) s;
SELECT action, old_row ->> 'title' AS old, new_row ->> 'title' AS new FROM calib.audit
WHERE relation = 'calib.evidence' AND coalesce(new_row, old_row) @> '{"evidence_id": 2}' ORDER BY audit_id;
-- the door the guard writes history through does not stay open after an error
SELECT own.try('UPDATE calib.target SET value = 107 WHERE target_id = 2');
SELECT own.try('DELETE FROM calib.budget');
-- policy in force
SELECT s, own.try(s) FROM unnest(ARRAY['UPDATE calib.policy SET cap = 1 WHERE valid_from = ''2025-10-15''',
    'DELETE FROM calib.policy WHERE valid_from = ''2025-10-15''',
    'INSERT INTO calib.policy (valid_from, cap) VALUES (''2025-10-14'', 1)',
    'INSERT INTO calib.policy (valid_from, cap) VALUES (''2025-10-15'', 1) ON CONFLICT (unit_id, valid_from) DO UPDATE SET cap = 1']) s;

-- The everyone-row stays full: with a hole in it, no rule would hold.
INSERT INTO calib.policy (valid_from) VALUES ('2025-10-20');
SELECT s, own.try('UPDATE calib.policy SET ' || s || ' WHERE valid_from = ''2025-10-20''')
FROM unnest(ARRAY['cap = NULL', 'max_adjustments = NULL', 'approval = NULL', 'shallow_stages = NULL', 'loop = NULL', 'cap = ''NaN''', 'cap = 1.01']) s;
INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (5, '2025-10-21', 0.05);
SELECT own.try('UPDATE calib.policy SET unit_id = NULL WHERE unit_id = 5');
SELECT own.try('DELETE FROM calib.policy WHERE unit_id = 5');
-- Before the first policy there is none.
UPDATE calib.target SET published_at = calib.clock() WHERE target_id = 3;
SET calib.clock = '1999-12-31';
SELECT own.try('INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (3, ''1999-12-31'', ''none'')');
SELECT own.try('UPDATE calib.target SET value = 100 WHERE target_id = 3');
SET calib.clock = '2025-10-15 09:00+08';

-- Organisation -------------------------------------------------------------------
SELECT s, own.try(s) FROM unnest(ARRAY['UPDATE calib.organisation SET fiscal_start_month = 2',
    'UPDATE calib.organisation SET zone = ''America/Anchorage''', 'UPDATE calib.organisation SET currency = ''USD''', 'DELETE FROM calib.organisation',
    'INSERT INTO calib.organisation DEFAULT VALUES', 'INSERT INTO calib.organisation (only_row) VALUES (false)',
    'UPDATE calib.organisation SET zone = ''Asia/Nowhere''']) s;
-- a session's own ideas of time shift nothing: Shanghai's day decides
SET calib.clock = '2025-12-31 16:00:00+00';
SET TimeZone = 'Pacific/Honolulu';
SET DateStyle = 'German';
SELECT calib.today() = DATE '01.01.2026' AS new_year, own.try('UPDATE calib.target SET value = 100 WHERE target_id = 1');
SET calib.clock = '2025-12-31 15:59:59+00';
SET TimeZone = 'Pacific/Kiritimati';
SELECT calib.today() = DATE '31.12.2025' AS old_year, own.try('UPDATE calib.target SET value = 100 WHERE target_id = 1');
RESET TimeZone;
RESET DateStyle;
SET calib.clock = '2025-10-15 09:00+08';

-- and the trail reads the same whoever wrote it
INSERT INTO calib.unit (unit_id, kind, name, active) VALUES (6, 'rep', 'iso', '[2025-01-02,)');
INSERT INTO calib.evidence (evidence_id, kind, title, sha256, observed_on) VALUES (3, 'regulation', 'same', sha256('x'), '2025-10-01');
SET DateStyle = 'German';
SET bytea_output = 'escape';
UPDATE calib.unit SET name = 'german' WHERE unit_id = 6;
UPDATE calib.evidence SET title = 'german' WHERE evidence_id = 3;
RESET DateStyle;
RESET bytea_output;
SELECT new_row ->> 'active' AS active, old_row ->> 'active' AS was FROM calib.audit
WHERE relation = 'calib.unit' AND new_row @> '{"unit_id": 6}' ORDER BY audit_id;
SELECT new_row ->> 'sha256' = '\x' || encode(sha256('x'), 'hex') AS hex FROM calib.audit
WHERE relation = 'calib.evidence' AND new_row @> '{"evidence_id": 3}' ORDER BY audit_id;

-- Trigger functions of calib on somebody's table ----------------------------------------
DROP ROLE IF EXISTS regress_calib_clerk, regress_calib_login;
CREATE ROLE regress_calib_clerk;
CREATE ROLE regress_calib_login;
GRANT regress_calib_clerk TO regress_calib_login;
GRANT ALL ON SCHEMA own TO regress_calib_clerk;
CREATE TABLE own.target (LIKE calib.target);
ALTER TABLE own.target OWNER TO regress_calib_clerk;
SET ROLE regress_calib_clerk;
SELECT f.oid::regproc AS function,
       own.try(format('CREATE TRIGGER forge AFTER INSERT ON own.target FOR EACH ROW EXECUTE FUNCTION %s()', f.oid::regproc))
FROM pg_proc f WHERE pronamespace = 'calib'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY proname;
RESET ROLE;
-- A superuser may, and gets an error. Each stands on a copy of the table it keeps.
CREATE FUNCTION own.attach(function regproc) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    kept regclass;
    type int;
    told text;
BEGIN
    SELECT t.tgrelid, t.tgtype INTO kept, type FROM pg_trigger t WHERE t.tgfoid = $1
    ORDER BY t.tgtype & 1 DESC, t.tgrelid::regclass::text LIMIT 1;
    -- what stands behind the door is on no table itself
    kept := coalesce(kept, 'calib.adjustment');
    type := coalesce(type, 1);
    EXECUTE format('CREATE TABLE own.copy AS SELECT * FROM %s LIMIT 0', kept);
    EXECUTE format('CREATE TRIGGER forge %s INSERT OR UPDATE ON own.copy FOR EACH %s EXECUTE FUNCTION %s()',
        CASE WHEN type & 2 > 0 THEN 'BEFORE' ELSE 'AFTER' END, CASE WHEN type & 1 > 0 THEN 'ROW' ELSE 'STATEMENT' END, $1);
    told := own.try(format('INSERT INTO own.copy SELECT * FROM jsonb_populate_record(NULL::own.copy, %L)',
        '{"unit_id": 55, "opportunity_id": 1, "stage": "proposal", "stage_since": "2025-10-01", "target_id": 1, "grain": "month", "period_start": "2025-10-01",
          "original_value": 1, "value": 1, "measure": "collection", "product_line": "", "evidence_id": 1, "valid_from": "2025-01-01", "zone": "UTC"}'::jsonb));
    IF type & 2 > 0 AND told LIKE 'ok %' THEN
        told := told || ', ' || own.try('UPDATE own.copy SET stage = ''contract''');
    END IF;
    DROP TABLE own.copy;
    RETURN told;
END $$;
SELECT count(*) AS trail FROM calib.audit \gset before_
SELECT f.oid::regproc AS function, own.attach(f.oid::regproc)
FROM pg_proc f WHERE pronamespace = 'calib'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY proname;
SELECT count(*) - :before_trail AS trailed, (SELECT count(*) FROM calib.unit_history) AS history, (SELECT count(*) FROM calib.stage_change) AS changes
FROM calib.audit;

-- A clerk who manages two units and nothing else -----------------------------------------
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_clerk', 'manager', 4), ('regress_calib_clerk', 'manager', 5);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES
    (4, 4, 'quarter', '2025-10-01', 100), (5, 5, 'quarter', '2025-10-01', 100);
SET SESSION AUTHORIZATION regress_calib_login;
SET ROLE regress_calib_clerk;
SET application_name = 'clerk''s tool';
SELECT own.try('SET calib.clock = ''2026-01-01''');
SELECT own.try('SET calib.restoring = on');
SELECT own.try('SELECT set_config(''calib.clock'', ''2026-01-01'', true)');
SELECT left(own.try('ALTER ROLE regress_calib_login SET calib.clock = ''2026-01-01'''), 5);
SELECT own.try('CREATE FUNCTION own.back() RETURNS void LANGUAGE sql SET calib.restoring = on AS ''SELECT''');
SELECT own.try('UPDATE calib.target SET value = 111 WHERE target_id = 4');
SELECT own.try('UPDATE calib.target SET value = 110 WHERE target_id = 4');
-- tables, functions and operators of his own in the way change nothing
CREATE TEMP TABLE budget AS SELECT 4::bigint AS unit_id, 'collection' AS measure, '' AS product_line, '2025-10-01'::date AS quarter_start, 0 AS used, 0 AS pending;
CREATE TEMP TABLE target (LIKE own.target);
CREATE TEMP TABLE organisation AS SELECT true AS only_row, 'UTC' AS zone, 7 AS fiscal_start_month;
CREATE FUNCTION own.less(numeric, numeric) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION own.same(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE FUNCTION own.plus(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION own.today() RETURNS date LANGUAGE sql AS $$ SELECT '2020-01-01'::date $$;
CREATE OPERATOR own.< (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = own.less);
CREATE OPERATOR own.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = own.same);
CREATE OPERATOR own.+ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = own.plus);
SET search_path = own, pg_temp, pg_catalog;
UPDATE calib.target SET value = 120 WHERE target_id OPERATOR(pg_catalog.=) 4;
UPDATE calib.target SET value = 119 WHERE target_id OPERATOR(pg_catalog.=) 4;
RESET search_path;
-- what he may not
SELECT s, own.try(s) FROM unnest(ARRAY['ALTER TABLE calib.target DISABLE TRIGGER ALL', 'ALTER TABLE calib.target DROP CONSTRAINT target_value_positive',
    'DROP TRIGGER guard_target ON calib.target', 'CREATE RULE r AS ON UPDATE TO calib.target DO INSTEAD NOTHING',
    'CREATE TRIGGER t BEFORE UPDATE ON calib.target FOR EACH ROW EXECUTE FUNCTION own.change()',
    'CREATE TABLE own.child () INHERITS (calib.target)', 'ALTER TABLE own.target INHERIT calib.target',
    'TRUNCATE calib.target', 'DELETE FROM calib.target', 'SELECT calib.clear_seeds(''calib.policy'')',
    'SET session_replication_role = replica', 'INSERT INTO calib.budget VALUES (5)', 'DELETE FROM calib.audit',
    'INSERT INTO calib.seed VALUES (''calib.policy'')', 'SELECT setval(''calib.audit_audit_id_seq'', 1)']) s;
-- a definer function of his hides neither role nor login
CREATE FUNCTION own.hide() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET calib.evidence = '1' SET calib.reason = 'hidden'
AS 'UPDATE calib.target SET value = 95 WHERE target_id = 5 RETURNING target_id';
RESET ROLE;
SELECT own.hide();
RESET SESSION AUTHORIZATION;
RESET application_name;
SELECT a.new_row ->> 'target_id' AS target, a.new_row ->> 'value' AS value, a.person, a.role, a.login, a.application_name = 'clerk''s tool' AS tool,
       a.simulated, a.clock_at = calib.clock() AS at_clock
FROM calib.audit a WHERE a.relation = 'calib.target' AND a.action = 'UPDATE' AND a.login = 'regress_calib_login' ORDER BY audit_id;
SELECT submitted_by, filed_by, reason FROM calib.adjustment WHERE target_id IN (4, 5) ORDER BY adjustment_id;
SELECT * FROM own.sound;

-- A fresh session of his knows the settings only as names: set before the module is
-- there, they are checked when it comes.
GRANT regress_calib_clerk TO CURRENT_USER;
\c -
SET client_min_messages = error;
SET SESSION AUTHORIZATION regress_calib_login;
SET calib.clock = '2030-01-01';
SET calib.restoring = on;
SET calib.evidence = 'rubbish';
SET ROLE regress_calib_clerk;
SELECT calib.restoring(), calib.clock() = now() AS now;
SHOW calib.clock;
SHOW calib.evidence;
RESET SESSION AUTHORIZATION;

SET client_min_messages = warning;
DROP EXTENSION calib CASCADE;
DROP SCHEMA own CASCADE;
DROP ROLE regress_calib_clerk, regress_calib_login;
