-- Attaching a feed: who may, to what, and every fault of a mapping told at once.
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
GRANT USAGE ON SCHEMA own TO PUBLIC;

CREATE ROLE regress_owner;
CREATE ROLE regress_admin;
CREATE ROLE regress_both IN ROLE regress_owner, regress_admin;
CREATE ROLE regress_rep;
CREATE SCHEMA crm AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA crm TO PUBLIC;
INSERT INTO calib.duty (role_name, duty) VALUES ('regress_admin', 'admin');
SET ROLE regress_owner;
CREATE DOMAIN crm.serial_number AS bigint;
CREATE TABLE crm.visit (
    id bigint PRIMARY KEY, rep text, customer text, at timestamptz, local_at timestamp, day date, n integer, amount numeric,
    deleted boolean, tags text[], extra jsonb, number crm.serial_number, gone integer
);
ALTER TABLE crm.visit DROP COLUMN gone;
CREATE TABLE crm.rep (id text, login text);
CREATE FUNCTION crm.login_of(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT login FROM crm.rep WHERE id = $1';
CREATE VIEW crm.visit_view AS SELECT * FROM crm.visit;
CREATE MATERIALIZED VIEW crm.visit_copy AS SELECT * FROM crm.visit;
RESET ROLE;
-- Attaches and takes it back; tells the faults, one a row.
CREATE FUNCTION own.faults(mapping jsonb, filter text DEFAULT NULL, destination text DEFAULT 'activity',
    source regclass DEFAULT 'crm.visit', mode text DEFAULT 'push', cursor_column name DEFAULT NULL, overlap text DEFAULT NULL)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    PERFORM calib.attach('tried', destination, source, mapping, filter, mode, cursor_column, overlap => overlap);
    PERFORM calib.detach('tried');
    RETURN NEXT 'ok';
EXCEPTION WHEN SQLSTATE 'KC009' THEN
    GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL;
    RETURN QUERY SELECT string_to_table(told, E'\n');
END $$;
-- One column of a mapping that is otherwise right.
CREATE FUNCTION own.fault(canonical text, expression text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(f, ' | ') FROM own.faults(
        '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}'::jsonb
        || jsonb_build_object(canonical, expression)) f
$$;

-- A mapping's faults: each by itself --------------------------------------------------
SELECT own.faults('{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}');
SELECT own.faults('[]');
SELECT own.faults('{}', destination => d) FROM unnest('{unit,customer,opportunity,stage_change,activity,result,receivable,target}'::text[]) d;
SELECT expression, own.fault('outcome', expression) FROM (VALUES
    -- what is one expression
    ('rep'), ('visit.rep'), (E'rep -- why'), ('rep /* why */'), (E'\n rep \n'), ('CASE WHEN deleted THEN rep END'), ('(SELECT login FROM crm.rep r WHERE r.id = rep)'),
    ('(SELECT max(r.login) FROM crm.rep r WHERE r.id = visit.rep)'), ('crm.login_of(rep)'), ('extra ->> ''a'''), ('tags[1]'), ('$$a''b$$'), ('(visit).rep'),
    ('EXISTS (SELECT FROM crm.rep)'), ('(WITH w AS (SELECT 1 AS a) SELECT a FROM w)'), ('E''\'''''), ('ROW(1, 2)'), ('visit'),
    -- what is none, or more
    (''), (' '), ('--'), ('rep,'), ('rep, id'), ('1) , (2'), ('1), (2'), (')('), ('rep)'), ('(rep'), ('rep; DROP TABLE crm.visit'), ('rep;'), ('rep /*'), ('''rep'), ('"rep'), ('$a$rep'),
    ('rep AS outcome'), ('rep outcome'), ('*'), ('visit.*'), ('rep FROM crm.rep'), ('rep INTO crm.other'), ('rep WHERE true'), ('rep FOR UPDATE'), ('rep LIMIT 1'), ('rep ORDER BY 1'), ('rep GROUP BY rep'),
    ('DISTINCT rep'), ('rep UNION SELECT login FROM crm.rep'), ('SELECT rep'), ('x := rep'), ('rep::text = ANY (SELECT 1'), ('''\'' || (''), (rep'),
    -- what an expression of a row may not be
    ('count(*)'), ('max(rep)'), ('row_number() OVER ()'), ('generate_series(1, 2)'), ('unnest(tags)'), ('(SELECT max(visit.n))'), ('$1'), ('(SELECT rep FROM crm.rep, crm.rep)'),
    -- what is not there
    ('nowhere'), ('gone'), ('ctid'), ('tableoid'), ('xmin'), ('other.rep'), ('login_of(rep)'), ('(SELECT login FROM rep)'), ('crm.nothing(rep)'), ('DEFAULT')
) AS e (expression);
-- types
SELECT canonical, expression, own.fault(canonical, expression) FROM (VALUES
    ('occurred_at', 'local_at'), ('occurred_at', 'day'), ('occurred_at', 'rep'), ('occurred_at', '''2025-01-01'''), ('occurred_at', '''someday'''), ('occurred_at', 'id'), ('occurred_at', 'deleted'),
    ('occurred_at', 'to_timestamp(n)'), ('quantity', 'n'), ('quantity', 'amount'), ('quantity', 'rep'), ('quantity', 'day'), ('quantity', 'deleted'), ('quantity', 'NULL'),
    ('external_id', 'tags'), ('external_id', 'extra'), ('external_id', 'number'), ('due_at', 'n')
) AS e (canonical, expression);
SELECT filter, own.faults('{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}', filter) FROM (VALUES
    ('NOT deleted'), ('deleted IS NOT TRUE AND EXISTS (SELECT FROM crm.rep r WHERE r.id = rep)'), ('NULL'), ('id'), ('rep'), ('true) OR (true'), ('true; DELETE FROM crm.visit'), (''), ('count(*) > 0'), ('nowhere'), ('true -- all')
) AS e (filter);
SELECT own.faults('{"external_id": null, "unit": 1, "kind": {"a": "b"}, "occurred_at": ["at"]}');
-- all at once
\set SHOW_CONTEXT never
SELECT calib.attach('visits', 'activity', 'crm.visit', '{"external_id": "ident", "kind": "1) , (2", "occurred_at": "n", "quantity": "sum(n)",
    "outcome": "unnest(tags)", "colour": "rep", "amount": "amount"}', 'n', 'push', 'at');
\set SHOW_CONTEXT errors
SELECT count(*) AS feeds FROM calib.feed;

-- The cursor of a pull
SELECT cursor_column, overlap, own.faults('{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}', NULL, 'activity', 'crm.visit_view', 'pull', cursor_column::name, overlap) FROM (VALUES
    (NULL, NULL), ('at', NULL), ('local_at', '2 days'), ('day', '0'), ('id', '100'), ('n', NULL), ('number', '10'), ('amount', '5'),
    ('nowhere', NULL), ('rep', NULL), ('deleted', NULL), ('ctid', NULL), ('at', '-1 hour'), ('at', 'a while'), ('id', '1 hour'), ('id', '-1'), (NULL, '1 hour')
) AS e (cursor_column, overlap);

-- and the way out is the cursor's
\set SHOW_CONTEXT never
SELECT calib.attach('visits', 'activity', 'crm.visit_view', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}', mode => 'pull', cursor_column => 'changed');
-- a view pushes nothing, and may be pulled
SELECT calib.attach('visits', 'activity', 'crm.visit_view', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}');
CALL calib.backfill(NULL);
\set SHOW_CONTEXT errors

-- What may be a source, in which mode ---------------------------------------------------
CREATE TEMPORARY TABLE temporary_one (id integer);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE TABLE crm.parted (id integer, rep text, at timestamptz) PARTITION BY LIST (id);
CREATE TABLE crm.part PARTITION OF crm.parted FOR VALUES IN (1);
SELECT source, mode, own.try(format($q$SELECT calib.attach('tried', 'activity', %L, '{"external_id": "1", "unit": "''u''", "kind": "''visit''", "occurred_at": "''2025-01-01''"}', mode => %L)$q$, source, mode)),
    own.try('SELECT calib.detach(''tried'')')
FROM unnest('{crm.visit,crm.visit_view,crm.visit_copy,crm.parted,crm.part,temporary_one,pg_catalog.pg_class,calib.unit,calib.attainment,crm.visit_pkey}'::text[]) AS source,
    unnest('{push,pull}'::text[]) AS mode;
SELECT own.try($q$SELECT calib.attach($q$ || arguments || ')') FROM (VALUES
    ('NULL, ''activity'', ''crm.visit'', ''{}'''), ('''f'', NULL, ''crm.visit'', ''{}'''), ('''f'', ''activity'', NULL, ''{}'''), ('''f'', ''activity'', ''crm.visit'', NULL'),
    ('''f'', ''activity'', ''crm.visit'', ''{}'', mode => NULL'), ('''f'', ''activity'', ''crm.visit'', ''{}'', mode => ''poll'''), ('''f'', ''deviation'', ''crm.visit'', ''{}'''),
    (''''', ''activity'', ''crm.visit'', ''{}'''), ('''manual'', ''activity'', ''crm.visit'', ''{}'''), ('''f'', ''activity'', 999999::regclass, ''{}'''), ('''f'', ''activity'', 999999::regclass, ''{}'', mode => ''pull''')
) AS a (arguments);

-- By whom ----------------------------------------------------------------------------------
CREATE FUNCTION own.attach(mode text) RETURNS text LANGUAGE sql AS $f$
    SELECT own.try(format($q$SELECT calib.attach('visits', 'activity', %L, '{"external_id": "id", "unit": "crm.login_of(rep)", "kind": "''visit''", "occurred_at": "at"}', mode => %L)$q$,
        CASE mode WHEN 'push' THEN 'crm.visit' ELSE 'crm.visit_view' END, mode))
$f$;
SET ROLE regress_owner;
SELECT own.attach('push'), own.attach('pull');
SET ROLE regress_admin;
SELECT own.attach('push'), own.attach('pull');
SET ROLE regress_rep;
SELECT own.attach('push'), own.attach('pull'), own.try('SELECT calib.pull()'), own.try('SELECT calib.detach(''visits'')');
SET ROLE regress_both;
SELECT own.attach('push');
SELECT own.attach('push');
RESET ROLE;
SELECT feed, destination, source, mode, overlap, strict, stub, owner, attached_by = session_user AS by_login, backfilled_at FROM calib.feed;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'crm.visit'::regclass ORDER BY 1;
-- the mapping is checked with the owner's rights, not the attaching one's
CREATE TABLE own.secret (a text);
SELECT own.fault('outcome', '(SELECT a FROM own.secret)');
-- a second feed of the same source; the triggers go with the last
SELECT own.try($q$SELECT calib.attach('visits again', 'result', 'crm.visit', '{"external_id": "id", "unit": "rep", "occurred_at": "at", "amount": "amount"}', 'amount > 0')$q$);
SET ROLE regress_admin;
SELECT own.try('SELECT calib.detach(''visits'')'), own.try('SELECT calib.detach(''nobody'')'), own.try('SELECT calib.detach(NULL)');
SET ROLE regress_both;
SELECT calib.detach('visits');
SELECT count(*) > 0 AS still_there FROM pg_trigger WHERE tgrelid = 'crm.visit'::regclass AND tgname LIKE 'calib%';
SELECT calib.detach('visits again');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'crm.visit'::regclass AND tgname LIKE 'calib%';
RESET ROLE;
SELECT has_function_privilege('regress_owner', 'calib.feed_changes()', 'EXECUTE') AS owner_may_call;

-- A mapping has its owner's rights and no way out, whoever attaches, writes, fills or pulls ------
SET ROLE regress_owner;
CREATE FUNCTION crm.escape() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE 'CREATE ROLE regress_evil SUPERUSER';
    RETURN 'free';
EXCEPTION WHEN OTHERS THEN
    BEGIN
        EXECUTE 'SET ROLE ' || session_user;
        RETURN 'free';
    EXCEPTION WHEN OTHERS THEN
        RETURN current_user || ' ' || current_setting('search_path') || ' ' || SQLSTATE;
    END;
END $$;
CREATE FUNCTION crm.escape(x bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN x || '' '' || crm.escape(); END';
RESET ROLE;
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (1, 'rep', 'An', 'an');
INSERT INTO crm.visit (id, rep, at) VALUES (1, 'an', '2025-10-01');
SELECT calib.attach('escaping', 'activity', 'crm.visit', '{"external_id": "crm.escape(id)", "unit": "rep", "kind": "''visit''", "occurred_at": "at", "outcome": "crm.escape()"}', 'crm.escape() <> ''free''') > 0 AS attached;
CALL calib.backfill('escaping');
INSERT INTO crm.visit (id, rep, at) VALUES (2, 'an', '2025-10-01');
SELECT calib.pull('escaping', complete => true);
SELECT external_id, outcome FROM calib.activity ORDER BY 1;
SELECT count(*) AS evil FROM pg_roles WHERE rolname = 'regress_evil';
SELECT calib.detach('escaping', remove => true);

-- Who owns a source later has not agreed to what is read of it: none of it runs, not where a pull
-- looks for what is new, nor where a backfill compares keys (what is IMMUTABLE runs with no row at all)
SET ROLE regress_owner;
CREATE SEQUENCE crm.runs;
CREATE FUNCTION crm.ran() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM nextval(''crm.runs''); RETURN true; END';
CREATE TABLE crm.handed_on (id bigint, rep text, at timestamptz);
INSERT INTO crm.handed_on VALUES (1, 'an', '2025-10-01');
CREATE TABLE crm.emptied (LIKE crm.handed_on);
RESET ROLE;
SELECT count(calib.attach('by ' || m, 'activity', r::regclass, '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}', 'crm.ran()', m, c))
FROM (VALUES ('crm.handed_on', 'pull', 'id'), ('crm.emptied', 'push', NULL)) AS v (r, m, c);
SELECT calib.pull('by pull');
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('by push', '1', 1, 'visit', '2025-10-01');
ALTER TABLE crm.handed_on OWNER TO CURRENT_USER;
ALTER TABLE crm.emptied OWNER TO CURRENT_USER;
SELECT setval('crm.runs', 1, false);
SELECT own.try('SELECT calib.pull(''by pull'')'), own.try('SELECT calib.pull(''by pull'', complete => true)'), own.try('SELECT calib.pull(''by push'', complete => true)');
\set VERBOSITY terse
CALL calib.backfill('by pull');
CALL calib.backfill('by push');
\set VERBOSITY default
SELECT is_called AS ran_as_another FROM crm.runs;
SELECT source, external_id FROM calib.activity ORDER BY 1;
SELECT sum(calib.detach(f, remove => true)) FROM unnest('{by pull,by push}'::text[]) AS f;

-- A fact of a feed is the feed's: nobody enters, changes or removes it by hand, or makes one of its own of it ------
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_rep', 'rep', 1), ('regress_rep', 'admin', 1);
SELECT calib.attach('visits', 'activity', 'crm.visit', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}') > 0 AS attached;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('visits', 'fed', 1, 'visit', '2025-10-01'), ('manual', 'own', 1, 'visit', '2025-10-01');
INSERT INTO calib.result (source, external_id, unit_id, occurred_at, amount) VALUES ('visits', 'fed', 1, '2025-10-01', 1), ('manual', 'own', 1, '2025-10-01', 1);
SET ROLE regress_rep;
SELECT statement, own.try(statement) FROM (VALUES
    ('INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES (''manual'', ''a'', 1, ''visit'', ''2025-10-01'')'),
    ('INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES (''visits'', ''a'', 1, ''visit'', ''2025-10-01'')'),
    ('INSERT INTO calib.result (source, external_id, unit_id, occurred_at, amount) VALUES (''manual'', ''a'', 1, ''2025-10-01'', 1)'),
    ('INSERT INTO calib.result (source, external_id, unit_id, occurred_at, amount) VALUES (''visits'', ''a'', 1, ''2025-10-01'', 1)'),
    ('UPDATE calib.activity SET source = ''visits'', external_id = ''b'' WHERE external_id = ''own'''),
    ('UPDATE calib.result SET source = ''visits'', external_id = ''b'' WHERE external_id = ''own'''),
    ('UPDATE calib.activity SET quantity = 9, source = ''manual'' WHERE external_id IN (''fed'', ''own'')'),
    ('UPDATE calib.result SET amount = 9, source = ''manual'' WHERE external_id IN (''fed'', ''own'')'),
    ('DELETE FROM calib.activity WHERE external_id = ''fed'''), ('DELETE FROM calib.result WHERE external_id = ''fed''')
) AS s (statement);
RESET ROLE;
SELECT source, external_id, quantity FROM calib.activity ORDER BY 1, 2;
SELECT source, external_id, amount FROM calib.result ORDER BY 1, 2;
-- an admin for everyone mends
SET ROLE regress_admin;
SELECT own.try('DELETE FROM calib.activity WHERE source = ''visits''');
RESET ROLE;
SELECT count(*) AS activities FROM calib.activity WHERE source = 'visits';
SELECT calib.detach('visits', remove => true);
SELECT source, external_id FROM calib.result ORDER BY 1, 2;

-- Hostile names: nothing is pasted unquoted ---------------------------------------------------
CREATE SCHEMA "c""r'm ;--";
CREATE TABLE "c""r'm ;--"."vi""sit'; DROP TABLE crm.visit; --" ("i""d'" bigint PRIMARY KEY, "re)p" text, "a t" timestamptz, "select" boolean);
SELECT own.faults('{"external_id": "\"i\"\"d''\"", "unit": "\"re)p\"", "kind": "''visit''", "occurred_at": "\"a t\""}', '"select"', 'activity', s::regclass, m, c::name)
FROM (SELECT c.oid AS s FROM pg_class c WHERE relname LIKE 'vi"sit%' AND relkind = 'r') x, (VALUES ('push', NULL), ('pull', 'a t'), ('pull', 'i"d''')) AS v (m, c);
SELECT own.try(format('SELECT calib.attach(%L, ''activity'', %L, %L)', $n$fe"ed'; DROP TABLE crm.visit; --$n$, c.oid::regclass, '{"external_id": "\"i\"\"d''\"", "unit": "\"re)p\"", "kind": "''visit''", "occurred_at": "\"a t\""}'))
FROM pg_class c WHERE relname LIKE 'vi"sit%' AND relkind = 'r';
SELECT feed, source FROM calib.feed;
INSERT INTO "c""r'm ;--"."vi""sit'; DROP TABLE crm.visit; --" VALUES (1, 'an', '2025-10-01', true);
SELECT calib.pull($n$fe"ed'; DROP TABLE crm.visit; --$n$, complete => true);
SELECT source, external_id, unit_id FROM calib.activity WHERE source <> 'manual';
SELECT calib.detach($n$fe"ed'; DROP TABLE crm.visit; --$n$);

-- The session's settings do not change what an expression is -----------------------------------
-- those that are there: 19 has left two of them behind
DO $$ BEGIN SET standard_conforming_strings = off; EXCEPTION WHEN OTHERS THEN NULL; END $$;
SET backslash_quote = on;
DO $$ BEGIN SET escape_string_warning = off; EXCEPTION WHEN OTHERS THEN NULL; END $$;
SELECT own.fault('outcome', $$'\' || (rep$$), own.fault('outcome', $$'\'$$);
RESET standard_conforming_strings;
RESET backslash_quote;
DO $$ BEGIN RESET escape_string_warning; EXCEPTION WHEN OTHERS THEN NULL; END $$;

-- A source that is dropped is told, and detached ------------------------------------------------
CREATE TABLE crm.short (id integer, rep text, at timestamptz);
SELECT calib.attach('short', 'activity', 'crm.short', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}') > 0 AS attached;
DROP TABLE crm.short;
SELECT check_name, regexp_replace(detail, '\d+', 'N') AS detail FROM calib.health() WHERE NOT ok AND check_name IN ('triggers', 'feeds', 'feed errors');
SELECT own.try('SELECT calib.pull(''short'')');
SELECT calib.pull();
SELECT calib.detach('short');

-- Nothing of this is anybody's to call ------------------------------------------------------------
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'calib'::regnamespace
  AND p.proname ~ '^(check_|ask_|expression_|mapping_|cursor_|overlap_|source_|read_|retry_|take_|age_|drop_|hold_|remove_|keys_|compare_|newest_|pull_|backfill_|next_|blocks_|tell_|feed_)'
  AND has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1;

DROP SCHEMA crm, own, "c""r'm ;--" CASCADE;
DROP FOREIGN DATA WRAPPER nowhere CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_owner, regress_admin, regress_both, regress_rep;
