-- The trail on tables of users: which, by whom, what it holds, and what nobody forges.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;

CREATE SCHEMA own;
-- Runs a statement with the caller's rights; tells how it was refused.
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION own.audit(relation text) RETURNS text LANGUAGE sql AS
$$ SELECT own.try(format('SELECT calib.audit_table(%L)', relation)) $$;
GRANT USAGE ON SCHEMA own TO PUBLIC;
-- What is new in the trail since the last look.
CREATE SEQUENCE own.seen;
CREATE FUNCTION own.news() RETURNS TABLE (relation text, action text, old_row jsonb, new_row jsonb)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT relation, action, old_row, new_row FROM calib.audit
        WHERE audit_id > (SELECT last_value FROM own.seen) AND relation NOT LIKE 'calib.%' ORDER BY audit_id;
    PERFORM setval('own.seen', (SELECT max(audit_id) FROM calib.audit));
END $$;
SELECT count(*) FROM own.news();

CREATE ROLE regress_owner;
CREATE ROLE regress_admin;
CREATE ROLE regress_both IN ROLE regress_owner, regress_admin;
CREATE ROLE regress_clerk;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
INSERT INTO calib.duty (role_name, duty) VALUES ('regress_admin', 'admin');

-- What cannot be kept -------------------------------------------------------------
CREATE VIEW shop.v AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW shop.mv AS SELECT 1 AS a;
CREATE SEQUENCE shop.s;
CREATE TYPE shop.ct AS (a integer);
CREATE TEMPORARY TABLE temporary_one (a integer PRIMARY KEY);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE shop.ft (a integer) SERVER nowhere;
CREATE TABLE shop.mixed (a integer) PARTITION BY LIST (a);
CREATE FOREIGN TABLE shop.mixed_far PARTITION OF shop.mixed FOR VALUES IN (1) SERVER nowhere;
CREATE TABLE shop.whole (a integer) PARTITION BY LIST (a);
CREATE TABLE shop.part PARTITION OF shop.whole FOR VALUES IN (1);
CREATE TABLE shop.indexed (a integer PRIMARY KEY);
SELECT r, own.audit(r) FROM unnest('{shop.v,shop.mv,shop.s,shop.ct,temporary_one,shop.ft,shop.mixed,shop.part,
    shop.indexed_pkey,pg_catalog.pg_class,information_schema.sql_features,calib.target,calib.audit,calib.attainment,
    shop.nowhere,999999999,0}'::text[]) r;
SELECT own.try('SELECT calib.audit_table(NULL)'), own.try('SELECT calib.unaudit_table(NULL)');
SELECT own.try(format('SELECT calib.audit_table(%L)', reltoastrelid::regclass)) ~ '^42809' AS toast_refused
FROM pg_class WHERE reltoastrelid <> 0 AND relnamespace = 'pg_catalog'::regnamespace ORDER BY oid LIMIT 1;
\set SHOW_CONTEXT never
SELECT calib.audit_table('shop.part');
SELECT calib.audit_table('shop.ft');
\set SHOW_CONTEXT errors
SELECT count(*) AS registered FROM calib.audited;
DROP FOREIGN DATA WRAPPER nowhere CASCADE;

-- By whom ----------------------------------------------------------------------------
SET ROLE regress_owner;
CREATE FUNCTION shop.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE shop.price (item text, cents integer);
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.price TO regress_clerk;
SELECT own.audit('shop.price');
RESET ROLE;
SET ROLE regress_admin;
SELECT own.audit('shop.price');
RESET ROLE;
SET ROLE regress_clerk;
SELECT own.audit('shop.price'), own.try('SELECT calib.unaudit_table(''shop.price'')'), own.try('SELECT * FROM calib.rearm()');
RESET ROLE;
-- a definer function does not lend its owner's duty or tables
CREATE FUNCTION own.lend(relation regclass) RETURNS void LANGUAGE sql SECURITY DEFINER AS
$$ SELECT calib.audit_table(relation) $$;
SET ROLE regress_owner;
SELECT own.try('SELECT own.lend(''shop.price'')');
RESET ROLE;
-- nor does code that PostgreSQL fences in act as the superuser who set it off
SET ROLE regress_owner;
CREATE FUNCTION shop.sneak(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE WARNING '%', own.audit('shop.price');
    RETURN $1;
END $$;
CREATE TABLE shop.trap (a integer);
INSERT INTO shop.trap VALUES (1);
CREATE FUNCTION shop.harmless(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE INDEX ON shop.trap (shop.harmless(a));
CREATE OR REPLACE FUNCTION shop.harmless(a integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN shop.sneak(a); END';
RESET ROLE;
ANALYZE shop.trap;
DROP TABLE shop.trap;
SET ROLE regress_both;
SELECT own.audit('shop.price');
SELECT own.audit('shop.price');
-- a trigger of the table's own that has the name is not touched
CREATE TABLE shop.taken (a integer);
CREATE TRIGGER calib_audit_truncate AFTER TRUNCATE ON shop.taken FOR EACH STATEMENT EXECUTE FUNCTION shop.nothing();
SELECT own.audit('shop.taken');
SELECT count(*) AS registered FROM pg_trigger WHERE tgrelid = 'shop.taken'::regclass AND tgname = 'calib_audit_row';
DROP TABLE shop.taken;
RESET ROLE;
SELECT relation, audited_by = session_user AS by_login FROM calib.audited;
SELECT relation, action, new_row ->> 'relation' AS what, role FROM calib.audit WHERE relation = 'calib.audited';
-- the helpers are nobody's
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'calib'::regnamespace AND p.proname ~ '^(check_|put_|drop_|run_as|lock_|mend_|forget_|revoke_|expect_trigger|audit_triggers)'
  AND has_function_privilege('public', p.oid, 'EXECUTE');
SELECT c.relname FROM pg_class c WHERE c.oid IN ('calib.audited'::regclass, 'calib.own_trigger'::regclass)
  AND has_table_privilege('public', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE');

-- A table without a key: whole rows, whoever writes, however -------------------------
SET ROLE regress_clerk;
INSERT INTO shop.price VALUES ('tea', 100), ('tea', 100), ('it''s "tea"', NULL);
UPDATE shop.price SET cents = 120 WHERE ctid = '(0,1)';
DELETE FROM shop.price WHERE cents = 100;
MERGE INTO shop.price p USING (VALUES ('rice', 5)) v (item, cents) ON p.item = v.item WHEN NOT MATCHED THEN INSERT VALUES (v.item, v.cents);
RESET ROLE;
COPY shop.price FROM stdin;
oil	7
\.
SET session_replication_role = replica;
DELETE FROM shop.price WHERE item = 'oil';
RESET session_replication_role;
BEGIN;
INSERT INTO shop.price VALUES ('rolled back', 1);
ROLLBACK;
TRUNCATE shop.price;
SELECT * FROM own.news();
SELECT count(*), count(*) FILTER (WHERE role = 'regress_clerk') AS of_clerk, count(*) FILTER (WHERE role = session_user) AS of_login
FROM calib.audit WHERE relation = 'shop.price';
-- a foreign key's cascade
CREATE TABLE shop.item (item integer PRIMARY KEY);
CREATE TABLE shop.stock (item integer REFERENCES shop.item ON DELETE CASCADE ON UPDATE CASCADE);
SELECT calib.audit_table('shop.stock');
INSERT INTO shop.item VALUES (1);
INSERT INTO shop.stock VALUES (1), (1);
UPDATE shop.item SET item = 2;
DELETE FROM shop.item;
SELECT * FROM own.news();
SELECT calib.unaudit_table('shop.stock');
DROP TABLE shop.stock, shop.item;
-- in the transaction that registers it, too
CREATE TABLE shop.late (a integer);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT calib.audit_table('shop.late');
INSERT INTO shop.late VALUES (1);
COMMIT;
SELECT * FROM own.news();

-- Names that want quoting; renamed, moved, given away ----------------------------------
CREATE SCHEMA "Sh""op";
CREATE TABLE "Sh""op"."It's a ""table"" %s" ("co""l'umn %I" integer, "select" text, "dropped" text, ok integer GENERATED ALWAYS AS ("co""l'umn %I" * 2) STORED);
ALTER TABLE "Sh""op"."It's a ""table"" %s" DROP COLUMN "dropped";
SELECT calib.audit_table($q$"Sh""op"."It's a ""table"" %s"$q$);
INSERT INTO "Sh""op"."It's a ""table"" %s" VALUES (1, 'x');
ALTER TABLE "Sh""op"."It's a ""table"" %s" ADD COLUMN added integer DEFAULT 7;
UPDATE "Sh""op"."It's a ""table"" %s" SET "select" = 'y';
ALTER TABLE "Sh""op"."It's a ""table"" %s" RENAME TO plain;
ALTER TABLE "Sh""op".plain SET SCHEMA shop;
ALTER TABLE shop.plain OWNER TO regress_owner;
UPDATE shop.plain SET added = 8;
ALTER SCHEMA shop RENAME TO shopping;
DELETE FROM shopping.plain;
ALTER SCHEMA shopping RENAME TO shop;
SELECT * FROM own.news();
SELECT calib.unaudit_table('shop.plain');
DROP TABLE shop.plain;

-- Partitions ----------------------------------------------------------------------------
SET ROLE regress_owner;
CREATE TABLE shop.quota (region text, y integer, n integer) PARTITION BY LIST (region);
CREATE TABLE shop.quota_east PARTITION OF shop.quota FOR VALUES IN ('east') PARTITION BY RANGE (y);
CREATE TABLE shop.quota_east_25 PARTITION OF shop.quota_east FOR VALUES FROM (2025) TO (2026);
-- a partition whose columns stand in another order
CREATE TABLE shop.quota_west (n integer, gone text, y integer, region text);
ALTER TABLE shop.quota_west DROP COLUMN gone;
ALTER TABLE shop.quota ATTACH PARTITION shop.quota_west FOR VALUES IN ('west');
SET ROLE regress_both;
SELECT calib.audit_table('shop.quota');
SELECT own.audit('shop.quota_west'), own.try('SELECT calib.unaudit_table(''shop.quota_west'')');
SELECT own.try('ALTER TABLE shop.quota_west DISABLE TRIGGER calib_audit_truncate'); -- as an owner may
RESET ROLE;
SELECT relation, trigger, problem FROM calib.trigger_state WHERE NOT ok;
SELECT * FROM calib.rearm();
-- the owner adds partitions, the superuser writes
SET ROLE regress_owner;
CREATE TABLE shop.quota_east_26 PARTITION OF shop.quota_east FOR VALUES FROM (2026) TO (2027);
RESET ROLE;
INSERT INTO shop.quota VALUES ('east', 2025, 1), ('east', 2026, 2), ('west', 2026, 3);
UPDATE shop.quota SET region = 'west' WHERE n = 1;
INSERT INTO shop.quota_west (region, y, n) VALUES ('west', 2027, 4);
DELETE FROM shop.quota_west WHERE n = 1;
TRUNCATE shop.quota_west;
SELECT * FROM own.news();
-- a partition added later has the row trigger and not the one of TRUNCATE
TRUNCATE shop.quota_east_26;
SELECT * FROM own.news();
SELECT * FROM calib.rearm();
TRUNCATE shop.quota_east_26;
TRUNCATE shop.quota;
SELECT * FROM own.news();
-- taken off, a partition is a table of its own, which leaves no trail
ALTER TABLE shop.quota DETACH PARTITION shop.quota_east;
INSERT INTO shop.quota_east VALUES ('east', 2025, 5);
SELECT own.try('TRUNCATE shop.quota_east');
SELECT * FROM calib.rearm();
SELECT own.try('TRUNCATE shop.quota_east');
SELECT * FROM own.news();
-- audited by itself it cannot become part of the whole, nor the whole be audited over it
SELECT calib.audit_table('shop.quota_east');
SELECT own.try('ALTER TABLE shop.quota ATTACH PARTITION shop.quota_east FOR VALUES IN (''east'')');
SELECT calib.unaudit_table('shop.quota');
ALTER TABLE shop.quota ATTACH PARTITION shop.quota_east FOR VALUES IN ('east');
SELECT own.audit('shop.quota');
SELECT calib.unaudit_table('shop.quota_east');
SELECT calib.audit_table('shop.quota');

-- Children by inheritance: each write shows under the parent's name -----------------------
CREATE TABLE shop.base (a integer);
CREATE TABLE shop.child (b integer) INHERITS (shop.base);
SELECT calib.audit_table('shop.base');
INSERT INTO shop.child VALUES (1, 2);
UPDATE shop.base SET a = 3;
CREATE TABLE shop.child2 () INHERITS (shop.base);
SELECT * FROM calib.rearm();
TRUNCATE shop.child2;
SELECT * FROM own.news();
SELECT calib.unaudit_table('shop.base');
SELECT count(*) AS triggers_left FROM pg_trigger WHERE tgrelid IN (SELECT calib.leaves('shop.base'));
DROP TABLE shop.base CASCADE;

-- Forging ----------------------------------------------------------------------------------
-- the owner of an audited table may attach the function: it refuses all but the trigger that was put on
SET ROLE regress_owner;
SELECT has_function_privilege('calib.audit_row()', 'EXECUTE') AS may_attach;
CREATE TABLE shop.forgery (relation text);
CREATE TRIGGER calib_audit_row AFTER INSERT ON shop.forgery FOR EACH ROW EXECUTE FUNCTION calib.audit_row();
CREATE TRIGGER again AFTER UPDATE ON shop.price FOR EACH ROW EXECUTE FUNCTION calib.audit_row();
INSERT INTO shop.price VALUES ('twice', 1);
SELECT own.try('INSERT INTO shop.forgery VALUES (''calib.target'')'), own.try('UPDATE shop.price SET cents = 2');
DROP TRIGGER again ON shop.price;
CREATE TRIGGER before_it BEFORE INSERT ON shop.price FOR EACH ROW EXECUTE FUNCTION calib.audit_row();
SELECT own.try('INSERT INTO shop.price VALUES (''before'', 1)');
DROP TRIGGER before_it ON shop.price;
CREATE TRIGGER of_statement AFTER INSERT ON shop.price FOR EACH STATEMENT EXECUTE FUNCTION calib.audit_row();
SELECT own.try('INSERT INTO shop.price VALUES (''statement'', 1)');
DROP TRIGGER of_statement ON shop.price;
-- the very name, but before
DROP TRIGGER calib_audit_row ON shop.price;
CREATE TRIGGER calib_audit_row BEFORE INSERT ON shop.price FOR EACH ROW EXECUTE FUNCTION calib.audit_row();
SELECT own.try('INSERT INTO shop.price VALUES (''before'', 1)');
SELECT own.try('SELECT calib.audit_row()'), own.try('INSERT INTO calib.audited VALUES (''shop.forgery'', now(), ''x'')');
RESET ROLE;
SELECT * FROM own.news();
SELECT * FROM calib.rearm();
SELECT own.try('INSERT INTO shop.price VALUES (''after'', 1)');
SELECT * FROM own.news();
SET ROLE regress_clerk;
CREATE TEMPORARY TABLE forgery (a integer);
SELECT own.try('CREATE TRIGGER t AFTER INSERT ON forgery FOR EACH ROW EXECUTE FUNCTION calib.audit_row()');
DROP TABLE forgery;
RESET ROLE;

-- Every type as to_jsonb has it, whatever the session's settings -----------------------------
CREATE TYPE shop.mood AS ENUM ('good', 'it''s bad');
CREATE DOMAIN shop.cents AS numeric(10, 2) CHECK (value >= 0);
CREATE DOMAIN shop.several AS integer[];
CREATE TYPE shop.pair AS (a integer, "b c" text, m shop.mood);
ALTER TYPE shop.pair ADD ATTRIBUTE gone text, ADD ATTRIBUTE kept shop.cents;
ALTER TYPE shop.pair DROP ATTRIBUTE gone;
CREATE DOMAIN shop.pairs AS shop.pair[];
CREATE TABLE shop.every (
    b boolean, i2 smallint, i4 integer, i8 bigint, n numeric, f4 real, f8 double precision, t text, v varchar(9), c char(4),
    q "char", nm name, d date, ts timestamp, tz timestamptz, tm time, tmz timetz, iv interval, u uuid, by bytea, jb jsonb,
    ip inet, m macaddr, bits bit(3), vb varbit, p point, x xml, cash money, r int4range, dr daterange, tr tstzrange, mr nummultirange,
    e shop.mood, dn shop.cents, ds shop.several, pr shop.pair, prs shop.pairs, ea shop.mood[], ta timestamptz[], fa float8[], ia integer[],
    ja jsonb[], empty text[], o oid, rc regclass, rt regtype, vec tsvector, nothing text);
SELECT calib.audit_table('shop.every');
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET bytea_output = 'escape';
SET extra_float_digits = -5;
SET search_path = shop;
INSERT INTO shop.every VALUES (
    true, -1, 2, 9007199254740993, 1.50, 0.1, 0.1::float8 + 0.2, E'q"\\\n', 'v', 'c',
    'x', 'nm', '2025-10-01', '2025-10-01 12:00', '2025-10-01 12:00:00.5+00', '12:00', '12:00+05', '1 day 02:03:04', '00000000-0000-0000-0000-00000000000a',
    '\x00ff', '{"a": [1, {"b": null}]}', '10.0.0.1/8', '08:00:2b:01:02:03', '101', '1', '(0.30000000000000004,2)', '<a/>', 12.34::money, '[1,5)', '[2025-01-01,2025-02-01)',
    '["2025-01-01 00:00+00",)', '{[1,2),[3,4)}', 'it''s bad', 1.5, '{1,NULL}', (1, 'x', 'good', 2), ARRAY[(1, NULL, 'good', 2)::shop.pair, NULL],
    '{good,NULL}', '{2025-10-01 12:00+00}', '{1,NaN,Infinity}', '{{1,2},{3,NULL}}', ARRAY['{"a": 1}', '3', 'null', '[1]']::jsonb[], '{}', 7, 'shop.every', 'shop.mood', 'a b', NULL);
INSERT INTO shop.every (n, f4, f8, d, ts, tz) VALUES ('NaN', 'Infinity', '-Infinity', 'infinity', '-infinity', 'infinity'), ('Infinity', 'NaN', 1e300, '0044-03-15 BC', NULL, NULL);
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET bytea_output;
RESET extra_float_digits;
RESET search_path;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET lc_monetary = 'C';
-- the columns in which the trail and to_jsonb differ: none
SELECT key, k.value AS trail, to_jsonb(e) -> key AS to_jsonb
FROM (SELECT *, row_number() OVER (ORDER BY audit_id) AS i FROM calib.audit WHERE relation = 'shop.every') a
JOIN (SELECT row_number() OVER (ORDER BY ctid) AS i, every AS e FROM shop.every) e USING (i)
CROSS JOIN LATERAL jsonb_each(a.new_row) k
WHERE k.value IS DISTINCT FROM to_jsonb(e) -> key;
SELECT count(*) AS compared, count(*) FILTER (WHERE a.new_row = to_jsonb(e)) AS same
FROM (SELECT *, row_number() OVER (ORDER BY audit_id) AS i FROM calib.audit WHERE relation = 'shop.every') a
JOIN (SELECT row_number() OVER (ORDER BY ctid) AS i, every AS e FROM shop.every) e USING (i);
SELECT new_row -> 'f8' AS f8, new_row -> 'rc' AS rc, new_row -> 'tz' AS tz, new_row -> 'iv' AS iv, new_row -> 'ia' AS ia, new_row -> 'prs' AS prs
FROM calib.audit WHERE relation = 'shop.every' ORDER BY audit_id LIMIT 1;
RESET TimeZone;
-- a json that is no jsonb does not stop the write: its text is kept
CREATE TABLE shop.doc (j json, ja json[]);
SELECT calib.audit_table('shop.doc');
INSERT INTO shop.doc VALUES ('{"a":1, "a":"\u0000"}', ARRAY['[1e400000]']::json[]);
SELECT count(*) FROM own.news() WHERE relation = 'shop.every';
SELECT new_row FROM calib.audit WHERE relation = 'shop.doc';

-- Wide rows ------------------------------------------------------------------------------------
DO $$ BEGIN
    EXECUTE 'CREATE TABLE shop.wide (' || (SELECT string_agg(format('c%s integer', i), ', ') FROM generate_series(1, 1600) i) || ')';
END $$;
SELECT calib.audit_table('shop.wide');
INSERT INTO shop.wide (c1, c1600) VALUES (1, 1600);
CREATE TABLE shop.long (t text, b bytea);
ALTER TABLE shop.long ALTER t SET STORAGE EXTERNAL;
SELECT calib.audit_table('shop.long');
INSERT INTO shop.long VALUES (repeat('长', 400000), decode(repeat('ab', 300000), 'hex'));
UPDATE shop.long SET b = NULL;
CREATE TABLE shop.none ();
SELECT calib.audit_table('shop.none');
INSERT INTO shop.none DEFAULT VALUES;
SELECT relation, action, length(old_row ->> 't') AS t, length(old_row ->> 'b') AS b, (SELECT count(*) FROM jsonb_object_keys(new_row)) AS keys, new_row -> 'c1600' AS c1600
FROM own.news() WHERE relation <> 'shop.doc';

-- Taking it off ----------------------------------------------------------------------------------
SELECT own.try('SELECT calib.unaudit_table(''shop.forgery'')'), own.try('SELECT calib.unaudit_table(''calib.target'')'),
    own.try('SELECT calib.unaudit_table(999999999)');
-- DROP EXTENSION wants them off first
SELECT own.try('DROP EXTENSION calib') ~ '^2BP01' AS refused;
SET ROLE regress_admin;
SELECT own.try('SELECT calib.unaudit_table(''shop.price'')');
SET ROLE regress_owner;
SELECT own.try('SELECT calib.unaudit_table(''shop.price'')');
SET ROLE regress_both;
SELECT calib.unaudit_table('shop.price');
SELECT has_function_privilege('regress_owner', 'calib.audit_row()', 'EXECUTE') AS owner_still_has_others;
SELECT calib.unaudit_table('shop.quota');
SELECT has_function_privilege('regress_owner', 'calib.audit_row()', 'EXECUTE') AS owner_may_attach;
SELECT own.audit('shop.price');
SELECT own.try('SELECT calib.unaudit_table(''shop.price'')'), own.try('SELECT calib.unaudit_table(''shop.price'')');
RESET ROLE;
INSERT INTO shop.price VALUES ('after', 1);
SELECT * FROM own.news();
-- a table that was dropped: its row is forgotten; its name, used again, is not audited
DROP TABLE shop.wide, shop.doc, shop.none;
CREATE TABLE shop.doc (j json);
INSERT INTO shop.doc VALUES ('1');
SELECT count(*) AS trail FROM own.news();
SELECT problem, mended, count(*) FROM calib.rearm() GROUP BY 1, 2;
SELECT relation FROM calib.audited ORDER BY relation::text;
DROP TABLE shop.late, shop.every, shop.long;
SELECT count(*) FROM calib.rearm();
SELECT own.try('DROP EXTENSION calib');

DROP SCHEMA shop, "Sh""op", own CASCADE;
DROP ROLE regress_both, regress_owner, regress_admin, regress_clerk;
