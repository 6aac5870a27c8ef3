-- Duties: what a role holds, whom a delegate may speak for, and who hands them out.
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
-- who I am, what I hold, what I see
CREATE VIEW own.me WITH (security_invoker = true) AS
SELECT calib.person(), calib.role(), calib.actor_in_force() AS acting,
       (SELECT string_agg(h.duty || coalesce(' ' || h.unit_id, ' all') || CASE WHEN h.deputy THEN ' deputy' ELSE '' END, ', ' ORDER BY h.duty, h.unit_id) FROM calib.held_duties() h) AS holds,
       ARRAY(SELECT s FROM calib.units_seen() s ORDER BY s) AS sees, ARRAY(SELECT k FROM calib.units_known() k ORDER BY k) AS knows;
GRANT SELECT ON own.me TO PUBLIC;
CREATE ROLE regress_calib_sales;
CREATE ROLE regress_calib_li LOGIN;
CREATE ROLE regress_calib_wang LOGIN;
CREATE ROLE regress_calib_app LOGIN;
CREATE ROLE regress_calib_two LOGIN;
GRANT regress_calib_sales TO regress_calib_li;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 3, 'rep', 'Li'),
    (5, 1, 'region', 'North'), (6, 5, 'team', 'Beijing');

-- A superuser holds everything, and hands out three duties in three statements
SELECT * FROM own.me;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_sales', 'manager', 2);
INSERT INTO calib.duty (role_name, duty, deputy) VALUES ('regress_calib_wang', 'risk', true);
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_li', 'rep', 4);

-- The other logins; a duty comes with the membership, over the unit and all below it
SET SESSION AUTHORIZATION regress_calib_li;
SELECT * FROM own.me;
SELECT unit, calib.holds('{manager}', unit), calib.holds('{risk,rep}', unit) FROM unnest('{1,2,3,4,5,6,7,NULL}'::bigint[]) unit;
SELECT calib.holds(NULL, 3), calib.holds('{}', 3), calib.holds('{manager,NULL}', 3);
\set VERBOSITY default
SELECT calib.require_duty('{manager}', 3, 'submit an adjustment');
SELECT calib.require_duty('{risk,hr}', 3, 'approve it');
SELECT calib.require_duty('{manager}', NULL, 'publish everything');
\set VERBOSITY terse
SET SESSION AUTHORIZATION regress_calib_wang;
SELECT * FROM own.me;
SET SESSION AUTHORIZATION regress_calib_app;
SELECT * FROM own.me;
RESET SESSION AUTHORIZATION;

-- A role that is only a member without its privileges holds nothing
CREATE ROLE regress_calib_noinherit LOGIN NOINHERIT IN ROLE regress_calib_sales;
SET SESSION AUTHORIZATION regress_calib_noinherit;
SELECT holds FROM own.me;
SET ROLE regress_calib_sales;
SELECT person, role, holds FROM own.me;
RESET SESSION AUTHORIZATION;
DROP ROLE regress_calib_noinherit;

-- SET ROLE changes the duties, not the person; SECURITY DEFINER hides neither
CREATE FUNCTION own.hide() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT person || '' '' || role || '' '' || coalesce(holds, ''nothing'') FROM own.me';
GRANT regress_calib_sales, regress_calib_wang TO regress_calib_two;
SET SESSION AUTHORIZATION regress_calib_two;
SET ROLE regress_calib_sales;
SELECT person, role, holds FROM own.me;
SELECT own.hide();
SET ROLE regress_calib_wang;
SELECT person, role, holds FROM own.me;
RESET SESSION AUTHORIZATION;

-- The person behind a shared login. Anybody may wish; only a delegate is heard,
-- and only for persons whose whole duty lies in the delegate's own subtree.
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('chen', 'manager', 3), ('chen', 'viewer', 5), ('north boss', 'manager', 5), ('everybody''s risk', 'risk', NULL), ('east risk', 'risk', 2);
SET SESSION AUTHORIZATION regress_calib_li;
SET calib.actor = 'north boss';
SELECT person, acting, holds FROM own.me;
RESET SESSION AUTHORIZATION;
RESET calib.actor;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_app', 'delegate', 2), ('regress_calib_app', 'hr', 1);
SET SESSION AUTHORIZATION regress_calib_app;
SELECT person, acting, holds, sees FROM own.me;
SET calib.actor = 'chen';
SELECT person, acting, holds, sees, knows FROM own.me;
SET calib.actor = 'east risk';
SELECT person, acting, holds FROM own.me;
SET calib.actor = 'north boss';
SELECT person, acting, holds FROM own.me;
SET calib.actor = 'everybody''s risk';
SELECT person, acting, holds FROM own.me;
SET calib.actor = 'nobody';
SELECT person, acting, holds FROM own.me;
SET calib.actor = 'regress_calib_wang';
SELECT person, acting, holds FROM own.me;
SET calib.actor = '';
SELECT person, acting FROM own.me;
RESET SESSION AUTHORIZATION;
-- A superuser login speaks for anybody, with that person's duties
SET calib.actor = 'north boss';
SELECT person, role = current_user AS same, acting, holds FROM own.me;
RESET calib.actor;
-- The role counts as well as the login: a delegate that turns into another role speaks for nobody
GRANT regress_calib_sales TO regress_calib_app;
SET SESSION AUTHORIZATION regress_calib_app;
SET calib.actor = 'chen';
SET ROLE regress_calib_sales;
SELECT person, acting, holds FROM own.me;
RESET SESSION AUTHORIZATION;
RESET calib.actor;
REVOKE regress_calib_sales FROM regress_calib_app;

-- The trail names the person, the role and the login
SET SESSION AUTHORIZATION regress_calib_app;
SET calib.actor = 'chen';
INSERT INTO calib.evidence (kind, title, uri, observed_on) VALUES ('market_report', 'by chen', 'https://example.com/1', '2025-10-01') RETURNING created_by;
RESET SESSION AUTHORIZATION;
RESET calib.actor;
SELECT person, role, login FROM calib.audit WHERE relation = 'calib.evidence';

-- Forging: no row vouches for itself, nor do two for each other, whatever the statement
-- (row-level security, which would refuse first, is out of the way: see sql/rights.sql)
ALTER ROLE regress_calib_wang BYPASSRLS;
SET SESSION AUTHORIZATION regress_calib_wang;
SELECT own.try(s) FROM unnest(ARRAY[
    'INSERT INTO calib.duty (role_name, duty) VALUES (''regress_calib_wang'', ''admin'')',
    'INSERT INTO calib.duty (role_name, duty, unit_id) VALUES (''regress_calib_wang'', ''admin'', 2), (''regress_calib_wang'', ''admin'', NULL)',
    'WITH a AS (INSERT INTO calib.duty (role_name, duty) VALUES (''regress_calib_wang'', ''admin'') RETURNING 1) INSERT INTO calib.duty (role_name, duty) SELECT ''regress_calib_wang'', ''hr'' FROM a',
    'UPDATE calib.duty SET duty = ''admin'' WHERE role_name = ''regress_calib_wang''',
    'DELETE FROM calib.duty WHERE role_name = ''regress_calib_li''',
    'MERGE INTO calib.duty d USING (VALUES (1)) v (x) ON d.role_name = ''regress_calib_wang'' WHEN MATCHED THEN UPDATE SET duty = ''admin''']) s;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM calib.duty WHERE duty = 'admin';
SELECT own.try('INSERT INTO calib.duty (person, duty) VALUES (''chen'', ''admin'')'),
       own.try('INSERT INTO calib.duty (person, duty) VALUES (''chen'', ''delegate'')'),
       own.try('INSERT INTO calib.duty (person, role_name, duty) VALUES (''chen'', ''regress_calib_li'', ''rep'')'),
       own.try('INSERT INTO calib.duty (duty) VALUES (''rep'')');
SELECT own.try('INSERT INTO calib.duty (role_name, duty) VALUES (''regress_calib_nobody'', ''rep'')'),
       own.try('INSERT INTO calib.duty (role_name, duty) VALUES (''regress_calib_li'', ''king'')'),
       own.try('INSERT INTO calib.duty (role_name, duty, deputy) VALUES (''regress_calib_wang'', ''risk'', false)'),
       own.try('INSERT INTO calib.duty (role_name, duty, unit_id) VALUES (''regress_calib_wang'', ''risk'', 99)');

-- An admin of a subtree hands out what lies in it, and nothing else
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_wang', 'admin', 2);
SET SESSION AUTHORIZATION regress_calib_wang;
SELECT own.try(s) FROM unnest(ARRAY[
    'INSERT INTO calib.duty (role_name, duty, unit_id) VALUES (''regress_calib_li'', ''viewer'', 3)',
    'INSERT INTO calib.duty (role_name, duty, unit_id) VALUES (''regress_calib_li'', ''admin'', 3)',
    'INSERT INTO calib.duty (role_name, duty, unit_id) VALUES (''regress_calib_li'', ''viewer'', 5)',
    'INSERT INTO calib.duty (role_name, duty) VALUES (''regress_calib_li'', ''viewer'')',
    'UPDATE calib.duty SET unit_id = 1 WHERE role_name = ''regress_calib_li'' AND duty = ''viewer''',
    'UPDATE calib.duty SET unit_id = 2 WHERE person = ''north boss''',
    'UPDATE calib.duty SET unit_id = 2 WHERE role_name = ''regress_calib_li'' AND duty = ''viewer''',
    'DELETE FROM calib.duty WHERE role_name = ''regress_calib_li'' AND duty = ''viewer''',
    'DELETE FROM calib.duty WHERE duty_id = 2']) s;
RESET SESSION AUTHORIZATION;
GRANT TRUNCATE ON calib.duty TO regress_calib_wang;
SET SESSION AUTHORIZATION regress_calib_wang;
SELECT own.try('TRUNCATE calib.duty');
RESET SESSION AUTHORIZATION;

-- A unit that moves takes its duties along, and leaves those above it behind
DELETE FROM calib.duty WHERE duty = 'admin' AND unit_id = 3;
UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 3;
SET SESSION AUTHORIZATION regress_calib_li;
SELECT holds, sees, knows FROM own.me;
RESET SESSION AUTHORIZATION;

-- Rows of a role that is gone are in nobody's way
DROP ROLE regress_calib_li;
SET SESSION AUTHORIZATION regress_calib_wang;
SELECT holds FROM own.me;
RESET SESSION AUTHORIZATION;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib;
DROP ROLE regress_calib_sales, regress_calib_wang, regress_calib_app, regress_calib_two;
