-- Facts: what the tables refuse, stages kept by trigger, and what the trail holds.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
CREATE FUNCTION pg_temp.code(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'rep', 'r');

-- Customers, opportunities, stages
INSERT INTO calib.customer (customer_id, unit_id, name, tier) VALUES (1, 1, 'c', 'A');
ALTER SEQUENCE calib.customer_customer_id_seq RESTART 100;
SELECT created_at = calib.clock() AS entered FROM calib.customer;
SELECT s, pg_temp.code(s) FROM unnest(ARRAY['INSERT INTO calib.customer (name, tier) VALUES (''x'', ''D'')', 'INSERT INTO calib.customer (name) VALUES (NULL)',
    'INSERT INTO calib.customer (name, created_at) VALUES (''x'', ''infinity'')', 'DELETE FROM calib.tier WHERE tier = ''A''',
    'INSERT INTO calib.tier VALUES (''D'', 1.1, 1)', 'INSERT INTO calib.tier VALUES (''D'', ''NaN'', 1)', 'INSERT INTO calib.tier VALUES (''D'', 0, ''NaN'')',
    'INSERT INTO calib.opportunity (unit_id, outcome) VALUES (1, ''won'')', 'INSERT INTO calib.opportunity (unit_id, closed_at) VALUES (1, now())',
    'INSERT INTO calib.opportunity (unit_id, stage) VALUES (1, ''nowhere'')', 'INSERT INTO calib.opportunity (unit_id, amount) VALUES (1, ''NaN'')',
    'INSERT INTO calib.opportunity (unit_id, outcome) VALUES (1, ''maybe'')', 'INSERT INTO calib.stage VALUES (''x'', 1, false)']) s;
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id) VALUES (100, 1, 1);
SET calib.clock = '2025-10-20 09:00+08';
UPDATE calib.opportunity SET stage = 'proposal';
UPDATE calib.opportunity SET amount = 5;
UPDATE calib.opportunity SET stage = 'proposal';
UPDATE calib.opportunity SET stage = 'needs_confirmed', stage_since = '2025-10-18 09:00+08';
SET session_replication_role = replica;
UPDATE calib.opportunity SET stage = 'contract', stage_since = '2025-10-19 09:00+08';
RESET session_replication_role;
SELECT from_stage, to_stage, changed_at AT TIME ZONE 'Asia/Shanghai' AS changed FROM calib.stage_change ORDER BY stage_change_id;

-- Results and activities
SELECT s, pg_temp.code(s) FROM unnest(ARRAY[
    'INSERT INTO calib.result (external_id, unit_id, occurred_at, amount) VALUES (''1'', 1, ''2025-10-01'', -12.34)',
    'INSERT INTO calib.result (external_id, unit_id, occurred_at, amount) VALUES (''1'', 1, ''2025-10-01'', 1)',
    'INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (1, ''2025-10-01'', ''NaN'')',
    'INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (1, ''2025-10-01'', ''Infinity'')',
    'INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (1, ''2025-10-01'', NULL)',
    'INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (1, ''infinity'', 1)',
    'INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (404, ''2025-10-01'', 1)',
    'INSERT INTO calib.result (unit_id, occurred_at, amount, measure) VALUES (1, ''2025-10-01'', 1, '''')',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''visit'', ''2025-10-01'')',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''dance'', ''2025-10-01'')',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''visit'', ''-infinity'')',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at, quantity) VALUES (1, ''visit'', ''2025-10-01'', -1)',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at, quantity) VALUES (1, ''visit'', ''2025-10-01'', ''NaN'')',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at, quantity) VALUES (1, ''visit'', ''2025-10-01'', ''Infinity'')',
    'INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES (''visit'', -1, ''2025-11-01'')',
    'INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES (''visit'', ''NaN'', ''2025-11-01'')',
    'INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES (''visit'', 2, ''2025-11-01'')']) s;
SELECT count(*) AS kinds FROM calib.activity_kind;
SELECT count(*) AS indicators FROM calib.indicator;

-- The trail -----------------------------------------------------------------
-- What the issue lists is on it, and every one fires always.
SELECT array_agg(relname::text) @> '{target,adjustment,policy,activity_weight,evidence,result,unit,absence,holiday,tier,organisation}' AS trailed,
       bool_and(tgenabled = 'A') AS always
FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE tgname = 'audit_row';
-- each row as to_jsonb gives it, before and after
UPDATE calib.result SET amount = 99999999999999999999.000000000001;
SELECT action, old_row -> 'amount' AS old, new_row -> 'amount' AS new, simulated, application_name <> '' AS named, person = session_user AS me
FROM calib.audit WHERE relation = 'calib.result' ORDER BY audit_id;
SET TimeZone = 'UTC';
SELECT new_row = to_jsonb(r) AS same FROM calib.audit, calib.result r WHERE relation = 'calib.result' ORDER BY audit_id DESC LIMIT 1;
RESET TimeZone;
-- one transaction is one number, what is rolled back is not there, TRUNCATE is
BEGIN;
UPDATE calib.tier SET visits_per_week = visits_per_week;
SAVEPOINT s;
DELETE FROM calib.holiday;
ROLLBACK TO s;
SELECT count(*), count(DISTINCT transaction_id) AS transactions, min(transaction_id) = pg_current_xact_id()::text::bigint AS mine
FROM calib.audit WHERE relation = 'calib.tier' AND action = 'UPDATE';
TRUNCATE calib.holiday;
COMMIT;
SELECT action, old_row, new_row FROM calib.audit WHERE relation = 'calib.holiday' AND action <> 'INSERT';
RESET calib.clock;
UPDATE calib.tier SET visits_per_week = 5 WHERE tier = 'C';
SELECT simulated, clock_at <= recorded_at AS in_order FROM calib.audit WHERE relation = 'calib.tier' ORDER BY audit_id DESC LIMIT 1;
DROP EXTENSION calib;
