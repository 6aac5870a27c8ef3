-- A small firm in one call: a second one changes nothing.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION own.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'SELECT calib.' || call INTO result;
    RETURN 'ok ' || result;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE VIEW own.state AS
SELECT (SELECT string_agg(format('%s %s %s', p.valid_from, p.approval, p.loop), ', ' ORDER BY p.valid_from) FROM calib.policy p WHERE p.unit_id IS NULL) AS policy,
       (SELECT string_agg(format('%s %s', r.rule, r.since), ', ' ORDER BY r.rule) FROM calib.rule r WHERE r.enabled) AS rules;
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'team', 'All');

-- Not for everybody, not with any approval -------------------------------------------
SELECT a, own.try(format('setup_small_firm(%L)', a)) FROM unnest(ARRAY[NULL, '', 'required', 'None', 'single''; DROP TABLE calib.rule; --']) a;
CREATE ROLE someone;
SET ROLE someone;
SELECT own.try('setup_small_firm()');
RESET ROLE;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('someone', 'admin', 1);
SET ROLE someone;
SELECT own.try('setup_small_firm()');
RESET ROLE;
SELECT * FROM own.state;

-- Once: one policy row and three rules. Again, the same day and later: nothing -----------
UPDATE calib.duty SET unit_id = NULL WHERE role_name = 'someone';
BEGIN;
SET LOCAL ROLE someone;
SELECT calib.setup_small_firm() AS changed, calib.setup_small_firm() AS again, calib.setup_small_firm('single') AS the_same;
RESET ROLE;
SELECT * FROM own.state;
SELECT unit_id, loop, approval, cap, max_adjustments FROM calib.policy_at();
SET LOCAL calib.clock = '2025-10-16 09:00+08';
SELECT calib.setup_small_firm() AS tomorrow;
SET LOCAL calib.clock = '2026-03-01 09:00+08';
SELECT calib.setup_small_firm() AS next_year;
SELECT * FROM own.state;
-- another approval: a new row, from today on; and again nothing
SELECT calib.setup_small_firm('none') AS changed, calib.setup_small_firm('none') AS again;
SELECT * FROM own.state;
ROLLBACK;

-- Today has a policy for everyone already: it is in force, so from tomorrow on -----------
BEGIN;
INSERT INTO calib.policy (valid_from, cap) VALUES ('2025-10-15', 0.05);
SELECT calib.setup_small_firm('none') AS changed, calib.setup_small_firm('none') AS again;
SELECT calib.setup_small_firm('single') AS other, calib.setup_small_firm('single') AS again;
SELECT * FROM own.state;
SET LOCAL calib.clock = '2025-10-16 09:00+08';
SELECT calib.setup_small_firm() AS the_day_after;
SELECT loop, approval, cap FROM calib.policy_at();
ROLLBACK;

-- What was set by hand stays: a rule's parameters, and another that is on already
BEGIN;
UPDATE calib.rule SET parameters = '{"weekday": 4, "at": "15:00", "due_hours": 4}', enabled = true, since = '2025-10-01' WHERE rule = 'weekly_report';
SELECT calib.setup_small_firm() AS changed;
SELECT * FROM own.state;
SELECT parameters FROM calib.rule WHERE rule = 'weekly_report';
ROLLBACK;
DELETE FROM calib.duty;
DROP ROLE someone;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
