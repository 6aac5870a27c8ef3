-- Partitions of calib.activity: made at run time, exactly once over all of them, dropped
-- when they are older than the organisation keeps activities.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET timezone = 'Asia/Shanghai';
CREATE FUNCTION pg_temp.code(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- the keys are those of the rows, whatever was done
CREATE FUNCTION pg_temp.wrong_keys() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (
        (SELECT source, external_id, occurred_at FROM calib.activity EXCEPT ALL SELECT source, external_id, occurred_at FROM calib.activity_key)
        UNION ALL
        (SELECT source, external_id, occurred_at FROM calib.activity_key EXCEPT ALL SELECT source, external_id, occurred_at FROM calib.activity)) d
$$;
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (1, 'rep', 'r', 'r');
INSERT INTO calib.customer (customer_id, name, unit_id) VALUES (1, 'c', 1);

-- At first there is the default partition alone, and it takes whatever is finite
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'calib.activity'::regclass;
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, occurred_at) VALUES
    ('crm', 'last of August', 1, 1, 'visit', '2025-08-31 23:59:59.999999+08'),
    ('crm', 'first of September', 1, 1, 'visit', '2025-09-01 00:00+08'),
    ('crm', 'last of September', 1, 1, 'visit', '2025-09-30 23:59:59.999999+08'),
    ('crm', 'today', 1, 1, 'visit', '2025-10-15 08:00+08'),
    ('crm', 'planned far ahead', 1, 1, 'planned_visit', '2026-07-01 10:00+08'),
    ('crm', 'long ago', 1, 1, 'visit', '1999-01-01 10:00+08'),
    ('crm', 'BC', 1, 1, 'visit', '0044-03-15 10:00+08 BC');
SELECT s, left(pg_temp.code(format('INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''visit'', %s)', s)), 5)
FROM unnest(ARRAY['NULL', '''infinity''', '''-infinity''']) s;
-- what nobody could sum up: it would keep the job rollup from everybody's activities
SELECT s, pg_temp.code(format('INSERT INTO calib.activity (unit_id, kind, outcome, product_line, occurred_at, due_at) VALUES (1, ''visit'', %s)', s))
FROM unnest(ARRAY[$$NULL, '', '294276-12-31', NULL$$, $$NULL, '', '4700-01-01 BC', NULL$$, $$NULL, '', '2025-10-14', '294276-12-31'$$,
    $$NULL, '', '2025-10-14', '4700-01-01 BC'$$, $$repeat('拜', 201), '', '2025-10-14', NULL$$, $$NULL, repeat('x', 201), '2025-10-14', NULL$$]) s;
BEGIN;
INSERT INTO calib.activity (unit_id, kind, outcome, product_line, occurred_at, due_at) VALUES
    (1, 'visit', repeat('拜', 200), repeat('访', 200), '9999-12-31 23:00+08', '9999-12-31 23:00+08'),
    (1, 'visit', NULL, '', '4000-01-02 BC', 'infinity');
SELECT calib.run('rollup') > 0 AS summed_up;
SELECT count(*) FROM calib.activity_mark;
ROLLBACK;

-- Months are made in organisation time, and what lies in the default partition moves
-- there past all triggers
CREATE TABLE fired (what text);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.fired VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER fire AFTER INSERT OR UPDATE OR DELETE ON calib.activity FOR EACH ROW EXECUTE FUNCTION fire();
SELECT calib.make_partitions() AS made;
SELECT count(*) AS fired FROM fired;
DROP TRIGGER fire ON calib.activity;
SELECT * FROM calib.activity_leaves();
SELECT tableoid::regclass AS leaf, external_id FROM calib.activity ORDER BY occurred_at;
SELECT pg_temp.wrong_keys();
SELECT calib.make_partitions() AS again, calib.make_partitions('2025-01-05', '2025-02-01') AS january, calib.make_partitions('2026-07-01', '2026-07-02') AS july;
SELECT tableoid::regclass AS leaf FROM calib.activity WHERE external_id = 'planned far ahead';
SELECT a, left(pg_temp.code(format('SELECT calib.make_partitions(%s)', a)), 5)
FROM unnest(ARRAY['''2025-02-01'', ''2025-01-01''', '''infinity''', '''-infinity''', '''2025-01-01'', ''infinity''', '''2025-01-01'', ''2036-01-01''', '''0001-01-01 BC'', ''0001-01-02 BC''', '''12000-01-01'', ''12000-02-01''']) a;

-- Each has the same indexes, keys, foreign keys and triggers, which health knows of
SELECT l.leaf, string_agg(replace(c.relname, l.name, '') || CASE WHEN i.indisunique THEN '!' ELSE '' END, ' ' ORDER BY c.relname) AS indexes
FROM (SELECT inhrelid AS relid, inhrelid::regclass AS leaf, (SELECT relname FROM pg_class WHERE oid = inhrelid) AS name FROM pg_inherits WHERE inhparent = 'calib.activity'::regclass) l
JOIN pg_index i ON i.indrelid = l.relid JOIN pg_class c ON c.oid = i.indexrelid
WHERE l.name IN ('activity_default', 'activity_2025_08') GROUP BY 1;
SELECT conname, confrelid::regclass FROM pg_constraint WHERE conrelid = 'calib.activity_2025_08'::regclass AND contype = 'f' ORDER BY 1;
SELECT count(*) AS not_of_the_extension FROM calib.activity_leaves() l
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = l.leaf AND d.deptype = 'e');
SELECT trigger, ok, count(*) FROM calib.trigger_state WHERE relation LIKE 'calib.activity\_20%' GROUP BY 1, 2 ORDER BY 1;
ALTER TABLE calib.activity_2025_08 DISABLE TRIGGER keep_activity_key;
ALTER TABLE calib.activity_2025_09 ENABLE TRIGGER keep_activity_key;
DROP TRIGGER keep_activity_key_truncate ON calib.activity_2025_10;
SELECT relation, trigger, problem FROM calib.trigger_state WHERE NOT ok;
SELECT relation, trigger, problem, mended FROM calib.rearm();
SELECT count(*) AS wrong FROM calib.trigger_state WHERE NOT ok;

-- Once, over all months
\set VERBOSITY default
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'today', 1, 'visit', '2025-10-15 08:00+08');
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'today', 1, 'visit', '2025-09-15 08:00+08');
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'today', 1, 'visit', '1998-09-15 08:00+08');
UPDATE calib.activity SET external_id = 'today' WHERE external_id = 'last of August';
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'x', 1, 'visit', '2025-10-01 08:00+08'), ('crm', 'x', 1, 'visit', '2025-09-30 08:00+08');
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'x', 1, 'visit', '2025-10-01 08:00+08') ON CONFLICT (source, external_id) DO NOTHING;
\set VERBOSITY terse
-- where it is in its month, DO NOTHING passes over it
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'today', 1, 'call', '2025-10-16 08:00+08') ON CONFLICT DO NOTHING;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'today', 1, 'call', '2025-09-16 08:00+08') ON CONFLICT DO NOTHING;
-- moves: to another month, out of the default partition, into it; keys that change places
UPDATE calib.activity SET occurred_at = '2025-09-15 08:00+08' WHERE external_id = 'today';
UPDATE calib.activity SET occurred_at = '2025-12-15 08:00+08' WHERE external_id = 'long ago';
UPDATE calib.activity SET occurred_at = '2027-12-15 08:00+08', external_id = 'renamed' WHERE external_id = 'first of September';
UPDATE calib.activity SET occurred_at = occurred_at + interval '1 hour' WHERE external_id LIKE 'last of %';
UPDATE calib.activity SET kind = 'call' WHERE external_id = 'today';
SELECT tableoid::regclass AS leaf, external_id, occurred_at FROM calib.activity ORDER BY occurred_at;
SELECT pg_temp.wrong_keys();
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'first of September', 1, 'visit', '2025-10-01 08:00+08');
DELETE FROM calib.activity WHERE external_id = 'today';
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'today', 1, 'visit', '2025-10-15 08:00+08');
MERGE INTO calib.activity a USING (VALUES ('today', timestamptz '2025-11-03 09:00+08'), ('new', '2025-11-04 09:00+08')) v (id, at) ON a.source = 'crm' AND a.external_id = v.id
WHEN MATCHED THEN UPDATE SET occurred_at = v.at
WHEN NOT MATCHED THEN INSERT (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', v.id, 1, 'visit', v.at);
BEGIN;
SAVEPOINT s;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'undone', 1, 'visit', '2025-10-15 08:00+08');
ROLLBACK TO s;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'undone', 1, 'visit', '2025-09-15 08:00+08');
DELETE FROM calib.activity WHERE external_id = 'undone';
COMMIT;
SET session_replication_role = replica;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'new', 1, 'visit', '2025-12-04 09:00+08');
RESET session_replication_role;
SELECT count(*) AS rows, count(DISTINCT external_id) AS keys, pg_temp.wrong_keys() FROM calib.activity;
-- a statement by its key finds it by index in every partition
SET enable_seqscan = off;
CREATE FUNCTION pg_temp.scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        RETURN NEXT substring(line FROM '(Index (?:Only )?Scan|Bitmap Index Scan|Seq Scan)');
    END LOOP;
END $$;
SELECT s AS scan, count(*) FROM pg_temp.scans('UPDATE calib.activity SET kind = ''call'' WHERE source = ''crm'' AND external_id = ''new''') s WHERE s IS NOT NULL GROUP BY 1;
RESET enable_seqscan;

-- Nobody comes to the facts of others by a partition's name, or to the keys
CREATE ROLE regress_calib_east;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (2, 'rep', 'of another team');
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_east', 'admin', 2);
GRANT USAGE ON SCHEMA calib TO regress_calib_east;
SET ROLE regress_calib_east;
SELECT count(*) AS seen FROM calib.activity;
SELECT t, pg_temp.code(format(s, t))
FROM unnest('{activity_default,activity_2025_09,activity_key}'::text[]) t, unnest(ARRAY['SELECT count(*) FROM calib.%s', 'INSERT INTO calib.%s (source, external_id, occurred_at) VALUES (''x'', ''x'', now())',
    'UPDATE calib.%s SET source = ''x''', 'DELETE FROM calib.%s', 'TRUNCATE calib.%s', 'LOCK calib.%s', 'ALTER TABLE calib.%s ADD x int']) s ORDER BY t COLLATE "C", s COLLATE "C";
SELECT s, pg_temp.code(s) FROM unnest(ARRAY['SELECT calib.make_partitions()', 'SELECT calib.make_partition(''2025-07-01'')', 'SELECT calib.drop_partitions(''{calib.activity_default}'', now())',
    'SELECT calib.drop_old_activities(now())', 'SELECT calib.drop_from_default(now())', 'SELECT calib.note_dropped(now(), 1)', 'SELECT calib.note_dropped_behind_door(now(), 1)',
    'UPDATE calib.organisation SET activity_months = 13', 'INSERT INTO calib.activity_dropped VALUES (now(), 1, now())']) s;
RESET ROLE;
-- a grant by mistake shows nothing: row-level security is on, without a policy
GRANT SELECT, DELETE ON calib.activity_2025_09 TO regress_calib_east;
SET ROLE regress_calib_east;
SELECT count(*) FROM calib.activity_2025_09;
DELETE FROM calib.activity_2025_09;
RESET ROLE;

-- TRUNCATE, of a partition and of all
TRUNCATE calib.activity_2025_09;
SELECT count(*) AS rows, pg_temp.wrong_keys() FROM calib.activity;
BEGIN;
TRUNCATE calib.activity;
SELECT count(*) AS keys FROM calib.activity_key;
ROLLBACK;

-- Retention -----------------------------------------------------------------------
SELECT left(pg_temp.code(format('UPDATE calib.organisation SET activity_months = %s', m)), 5) AS told, m FROM unnest('{12,0,-1,1201,13}'::integer[]) m;
SELECT new_row -> 'activity_months' AS trailed FROM calib.audit WHERE relation = 'calib.organisation' ORDER BY audit_id DESC LIMIT 1;
SELECT calib.activity_kept_from() AS at_first;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES
    ('crm', 'August 24', 1, 'visit', '2024-08-31 23:00+08'), ('crm', 'September 24', 1, 'visit', '2024-09-01 01:00+08'), ('crm', 'old and far', 1, 'visit', '2010-01-01');
SELECT calib.make_partitions() AS made;
-- not before its weeks are summed up
BEGIN;
SELECT calib.drop_old_activities('2025-10-15 09:00+08') AS dropped;
ROLLBACK;
SELECT calib.run_rollup('2025-10-15 09:00+08') > 0 AS summed_up;
-- no row trigger fires: to them nothing was deleted
CREATE TRIGGER fire AFTER INSERT OR UPDATE OR DELETE ON calib.activity FOR EACH ROW EXECUTE FUNCTION fire();
SELECT calib.run_maintain('2025-10-15 09:00+08') AS dropped;
SELECT count(*) AS fired FROM fired;
DROP TRIGGER fire ON calib.activity;
SELECT calib.activity_kept_from(), pg_temp.wrong_keys();
SELECT kept_from, facts, dropped_at FROM calib.activity_dropped ORDER BY 1;
SELECT tableoid::regclass AS leaf, external_id FROM calib.activity WHERE occurred_at < '2025-01-01' ORDER BY occurred_at;
SELECT calib.run_maintain('2025-10-15 09:00+08') AS again;
-- what is older does not come again, by any way
\set VERBOSITY default
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'August 24', 1, 'visit', '2024-08-31 23:00+08');
\set VERBOSITY terse
SELECT s, left(pg_temp.code(s), 5) FROM unnest(ARRAY[
    'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''visit'', ''2024-08-31 23:59:59.999999+08'')',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''visit'', ''0044-03-15 BC'')',
    'INSERT INTO calib.activity_default (unit_id, kind, occurred_at) VALUES (1, ''visit'', ''2024-08-31 23:00+08'')',
    'UPDATE calib.activity SET occurred_at = ''2024-08-31 23:00+08'' WHERE external_id = ''new''',
    'UPDATE calib.activity SET occurred_at = ''2024-08-31 23:00+08'' WHERE external_id = ''renamed''',
    'MERGE INTO calib.activity a USING (VALUES (1)) v (n) ON a.external_id = ''new'' WHEN MATCHED THEN UPDATE SET occurred_at = ''2024-01-01''',
    'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''visit'', ''2024-09-01 00:00+08'')',
    'UPDATE calib.activity SET kind = ''call'' WHERE external_id = ''September 24''']) s;
SET session_replication_role = replica;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'August 24', 1, 'visit', '2024-08-31 23:00+08');
RESET session_replication_role;
SELECT calib.make_partitions('2024-07-01', '2024-10-01') AS none_below;
-- a feed sets it aside; a restore lets it pass
CREATE SCHEMA crm;
CREATE TABLE crm.visit (id text PRIMARY KEY, at timestamptz);
SELECT calib.attach('visits', 'activity', 'crm.visit', '{"external_id": "id", "unit": "''r''", "kind": "''visit''", "occurred_at": "at"}') > 0 AS attached;
INSERT INTO crm.visit VALUES ('old', '2024-08-01'), ('new', '2025-10-02'), ('young', '2024-09-02');
UPDATE crm.visit SET at = '2024-08-02' WHERE id = 'young';
SELECT external_id, sqlstate, problem, hint FROM calib.feed_error ORDER BY 1;
UPDATE crm.visit SET at = at + interval '1 year' WHERE id IN ('old', 'new');
SELECT external_id, tableoid::regclass AS leaf, occurred_at FROM calib.activity WHERE source = 'visits' ORDER BY 1;
SELECT external_id, sqlstate FROM calib.feed_error ORDER BY 1;
BEGIN;
SET LOCAL calib.restoring = on;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'restored', 1, 'visit', '2024-08-31 23:00+08');
ROLLBACK;
-- what is kept for longer from now on does not bring back what is gone
UPDATE calib.organisation SET activity_months = NULL;
SELECT calib.run_maintain('2025-10-16 09:00+08') AS dropped, calib.activity_kept_from();
SELECT left(pg_temp.code('INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (1, ''visit'', ''2024-08-31'')'), 5) AS still;
SELECT s, pg_temp.code(s) FROM unnest(ARRAY['DELETE FROM calib.activity_dropped', 'UPDATE calib.activity_dropped SET kept_from = ''2020-01-01''', 'TRUNCATE calib.activity_dropped',
    'INSERT INTO calib.activity_dropped VALUES (''2020-01-01'', 1, now())']) s;

-- A bulk load into several months, with the foreign keys' checks asleep, and again with changes
INSERT INTO crm.visit SELECT 'bulk ' || n, timestamptz '2025-09-01 00:00+08' + n * interval '1 hour' FROM generate_series(1, 2000) n;
SELECT tableoid::regclass AS leaf, count(*) FROM calib.activity WHERE source = 'visits' AND external_id LIKE 'bulk %' GROUP BY 1 ORDER BY 1::text;
UPDATE crm.visit SET at = at + interval '40 days' WHERE id LIKE 'bulk %';
SELECT tableoid::regclass AS leaf, count(*) FROM calib.activity WHERE source = 'visits' AND external_id LIKE 'bulk %' GROUP BY 1 ORDER BY 1::text;
DELETE FROM crm.visit WHERE id LIKE 'bulk 1%';
SELECT count(*) AS facts, (SELECT count(*) FROM crm.visit WHERE id LIKE 'bulk %') AS rows, pg_temp.wrong_keys() FROM calib.activity WHERE external_id LIKE 'bulk %';

-- Another time zone: a month begins where the one before it ends
-- (it is fixed while anything is summed up)
DELETE FROM calib.activity_act; DELETE FROM calib.activity_month; DELETE FROM calib.activity_summary;
SELECT calib.make_partitions('2024-10-01', '2024-11-01') AS made;
UPDATE calib.organisation SET zone = 'America/New_York';
SELECT calib.make_partitions('2026-02-01', '2026-09-01') AS made;
SELECT leaf, from_at, to_at, from_at > lag(to_at) OVER (ORDER BY from_at) AS gap FROM calib.activity_leaves() WHERE to_at > '2026-01-01' ORDER BY from_at;
SELECT pg_temp.wrong_keys();
-- what is older than is kept is refused by a month of the old zone, too
UPDATE calib.organisation SET activity_months = 13;
SELECT calib.run_rollup('2025-11-15 12:00-05') > 0 AS summed_up;
SELECT calib.drop_old_activities('2025-11-15 12:00-05') > 0 AS dropped, calib.activity_kept_from() = '2024-10-01 00:00-04' AS kept_from_october;
SELECT at, left(pg_temp.code(format('INSERT INTO calib.activity (external_id, unit_id, kind, occurred_at) VALUES (%1$L, 1, ''visit'', %1$L)', at)), 5) AS told,
    (SELECT l.leaf FROM calib.activity_leaves() l WHERE at >= l.from_at AND at < l.to_at) AS leaf
FROM unnest('{2024-09-30 23:59-04,2024-10-01 00:00-04}'::timestamptz[]) at;
SELECT pg_temp.wrong_keys();

DROP SCHEMA crm CASCADE;
DROP TABLE fired;
DROP FUNCTION fire();
DELETE FROM calib.duty;
DROP OWNED BY regress_calib_east;
DROP ROLE regress_calib_east;
-- what was made at run time goes with the extension, without CASCADE
DROP EXTENSION calib;
SELECT count(*) AS left_over FROM pg_namespace WHERE nspname = 'calib';
