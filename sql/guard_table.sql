-- The rules on a user's own table of quotas. What each statement must give stands
-- beside it; whose rights run is in tests/tap/guard_table.pl, races in isolation.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';

-- Runs a statement; tells the rows it touched, or how it was refused.
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    detail text;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN 'ok ' || n;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;
-- Its SQLSTATE only.
CREATE FUNCTION pg_temp.code(statement text) RETURNS text LANGUAGE sql
AS $$ SELECT CASE WHEN t LIKE 'ok %' THEN t ELSE left(t, 5) END FROM pg_temp.try(statement) t $$;
-- The mirrored targets of a unit, original > value.
CREATE FUNCTION pg_temp.targets(unit bigint) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(period_start || coalesce(' ' || nullif(product_line, ''), '') || ': ' || original_value || ' > ' || value, ', '
      ORDER BY period_start, product_line) FROM calib.target WHERE unit_id = unit $$;

SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
INSERT INTO calib.unit (unit_id, kind, name, external_ref)
SELECT i, 'team', 'team ' || i, CASE WHEN i < 20 THEN 'T' || i END FROM generate_series(1, 40) i;
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 't', 'u', '2025-10-01');
SET calib.evidence = '1';
SET calib.reason = 'The market shrank';

-- Attaching: a table of hostile names -----------------------------------------------
CREATE SCHEMA "Sales ""Ops""";
CREATE TABLE "Sales ""Ops"""."Quota's ""指标""" (
    "Team id" varchar(10), "quarter; --" timestamptz, "Val""ue" numeric(12, 2), "产品线" text, note text);
INSERT INTO "Sales ""Ops"""."Quota's ""指标""" VALUES
    ('T1', '2025-12-31 23:59:59+08', 100, NULL),   -- still the fourth quarter in Shanghai
    ('T1', '2026-01-01 00:00:00+08', 110, ''),     -- the first instant of the first
    ('T1', '2025-10-01 00:00+08', 120, '乳酪 "A"'),
    ('T2', '2025-11-11 11:11+08', 200.50, NULL),
    ('3', '2025-09-30 23:00+08', 300, NULL),       -- T3 by its unit_id; a quarter that has ended
    ('30', '2025-10-01 00:00+08', 400, NULL);
SELECT calib.guard_table('"Sales ""Ops"""."Quota''s ""指标"""', 'Val"ue', 'Team id', 'quarter; --', product_line_column => '产品线') AS taken;  -- 6
SELECT unit_id, measure, product_line, grain, period_start, original_value, value, published_at
FROM calib.target ORDER BY unit_id, period_start, product_line;
SELECT relation, unit_ref, product_line, period_start, target_id FROM calib.guarded_row ORDER BY target_id;
SELECT * FROM calib.trigger_state WHERE relation LIKE '%指标%';
SELECT relation, value_column, unit_column, period_column, product_line_column, grain, measure, guarded_by FROM calib.guarded;
SELECT action, new_row ->> 'relation' AS relation FROM calib.audit WHERE relation = 'calib.guarded';
CREATE VIEW pg_temp.q AS SELECT "Team id" AS team, "quarter; --" AS quarter, "Val""ue" AS quota, "产品线" AS line, note
FROM "Sales ""Ops"""."Quota's ""指标""";

-- A plain UPDATE is an adjustment, or fails -----------------------------------------
SELECT pg_temp.try($$UPDATE pg_temp.q SET quota = 110 WHERE team = 'T1' AND quota = 100$$);  -- ok
SELECT pg_temp.try($$UPDATE pg_temp.q SET quota = 121 WHERE team = 'T1' AND quota = 110 AND line IS NULL$$);  -- KC001: 11
SELECT pg_temp.try($$UPDATE pg_temp.q SET quota = 220.56 WHERE team = 'T2'$$);    -- KC001: 10 % of 200.50 is 20.05
SELECT pg_temp.try($$UPDATE pg_temp.q SET quota = 220.55 WHERE team = 'T2'$$);    -- ok
SELECT pg_temp.try($$UPDATE pg_temp.q SET quota = 301 WHERE team = '3'$$);        -- KC008
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 405 WHERE team = '30'$$) AS first,
       pg_temp.code($$UPDATE pg_temp.q SET quota = 406 WHERE team = '30'$$) AS second,
       pg_temp.code($$UPDATE pg_temp.q SET quota = 407 WHERE team = '30'$$) AS third;  -- ok, ok, KC002
SET calib.evidence = '';
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 120 WHERE team = 'T1' AND quota = 110 AND line IS NULL$$);  -- KC003
SELECT pg_temp.code($$UPDATE pg_temp.q SET note = 'touched', quota = quota * 1.00, line = line$$);  -- ok 6: nothing of the rules' is touched
SET calib.evidence = '1';
SELECT pg_temp.targets(1) AS one, pg_temp.targets(2) AS two, pg_temp.targets(3) AS three, pg_temp.targets(30) AS thirty;
SELECT quota, note FROM pg_temp.q WHERE team = 'T1' ORDER BY 1;
-- what policy says of approval stands once, in the guard
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (4, '2025-10-15', 'required');
INSERT INTO pg_temp.q VALUES ('T4', '2025-10-01', 100);
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 101 WHERE team = 'T4'$$);      -- KC004
-- one statement, several adjustments: all or none
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = quota + 1 WHERE team IN ('T2', 'T4')$$);  -- KC004
SELECT pg_temp.targets(2);                                                        -- still 220.55

-- Drafts are corrected freely, until they are published ------------------------------
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 500 WHERE team = 'T1' AND line = ''$$);  -- ok
SELECT pg_temp.targets(1);                                                        -- 2026-01-01: 500 > 500
SELECT calib.publish_targets('2026-01-01');                                       -- 1
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 551 WHERE team = 'T1' AND line = ''$$);  -- KC001
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 450 WHERE team = 'T1' AND line = ''$$);  -- ok
-- a draft's row that goes takes its target along; a binding one's does not
INSERT INTO pg_temp.q VALUES ('T5', '2026-01-01', 10), ('T5', '2025-10-01', 20);
DELETE FROM pg_temp.q WHERE team = 'T5';
SELECT pg_temp.targets(5);                                                        -- the binding one
INSERT INTO pg_temp.q VALUES ('T5', '2026-03-31', 11);                            -- another number is free again
SELECT pg_temp.targets(5);

-- DELETE, re-INSERT and a change of key reset nothing --------------------------------
DELETE FROM pg_temp.q WHERE team = 'T2';
SELECT pg_temp.try($$INSERT INTO pg_temp.q VALUES ('T2', '2025-10-01', 300)$$);   -- KC004
SELECT pg_temp.try($$INSERT INTO pg_temp.q VALUES ('T2', '2025-10-01', 200.50)$$);  -- KC004: nor the original
SELECT pg_temp.try($$INSERT INTO pg_temp.q VALUES ('2', '2025-10-01', 220.55)$$); -- ok: the unit by its other name
SELECT pg_temp.try($$INSERT INTO pg_temp.q VALUES ('T2', '2025-12-01', 220.55)$$);  -- 23505
SELECT pg_temp.try($$UPDATE pg_temp.q SET team = 'T6' WHERE team = '2'$$);        -- ok: a new key
SELECT pg_temp.targets(2) AS two, pg_temp.targets(6) AS six;                      -- 2 stays, 6 starts at 220.55
SELECT pg_temp.try($$UPDATE pg_temp.q SET team = 'T2', quota = 500 WHERE team = 'T6'$$);  -- KC004
SELECT pg_temp.try($$UPDATE pg_temp.q SET team = 'T2' WHERE team = 'T6'$$);       -- ok
SELECT pg_temp.try($$UPDATE pg_temp.q SET team = 'T1' WHERE team = 'T2'$$);       -- KC004: T1 is at 110
SELECT pg_temp.try($$UPDATE pg_temp.q SET quarter = quarter + interval '3 months' WHERE team = 'T2'$$);  -- ok
SELECT pg_temp.try($$UPDATE pg_temp.q SET line = 'X' WHERE team = 'T2'$$);        -- ok
SELECT pg_temp.targets(2);                                     -- the draft on the way is gone, X is there
SELECT pg_temp.try($$UPDATE pg_temp.q SET quarter = '2025-11-30', line = '', quota = 220.55 WHERE team = 'T2'$$);  -- ok: home again
SELECT pg_temp.targets(2);
-- every way to write
SELECT pg_temp.code($$WITH gone AS (DELETE FROM pg_temp.q WHERE team = 'T2' RETURNING *)
    INSERT INTO pg_temp.q SELECT team, quarter, 999 FROM gone$$);                  -- KC004
CREATE UNIQUE INDEX one ON "Sales ""Ops"""."Quota's ""指标""" ("Team id", "quarter; --") WHERE "产品线" IS NULL;
SELECT pg_temp.code($$INSERT INTO "Sales ""Ops"""."Quota's ""指标""" VALUES ('T4', '2025-10-01 00:00+08', 100)
    ON CONFLICT ("Team id", "quarter; --") WHERE "产品线" IS NULL DO UPDATE SET "Val""ue" = 999$$);  -- KC004
SELECT pg_temp.code($$MERGE INTO "Sales ""Ops"""."Quota's ""指标""" t USING (VALUES ('T4', 999)) v (team, quota) ON t."Team id" = v.team
    WHEN MATCHED THEN UPDATE SET "Val""ue" = v.quota$$);                           -- KC004
SELECT pg_temp.code($$MERGE INTO "Sales ""Ops"""."Quota's ""指标""" t USING (VALUES ('T4')) v (team) ON t."Team id" = v.team
    WHEN MATCHED THEN DELETE$$);                                                   -- ok
SELECT pg_temp.code($$MERGE INTO "Sales ""Ops"""."Quota's ""指标""" t USING (VALUES ('T4')) v (team) ON t."Team id" = v.team
    WHEN NOT MATCHED THEN INSERT VALUES (v.team, '2025-10-01', 999)$$);            -- KC004
\set VERBOSITY sqlstate
COPY "Sales ""Ops"""."Quota's ""指标""" FROM stdin;
T4	2025-10-01	999	\N	\N
\.
COPY "Sales ""Ops"""."Quota's ""指标""" FROM stdin;
T4	2025-10-01	100	\N	\N
T7	2025-10-01	100	\N	\N
\.
TRUNCATE "Sales ""Ops"""."Quota's ""指标""";
\set VERBOSITY default
SET session_replication_role = replica;
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 999 WHERE team = 'T7'$$);      -- KC001
SELECT pg_temp.code($$INSERT INTO pg_temp.q VALUES ('T7', '2025-10-01', 100)$$);  -- 23505
RESET session_replication_role;
BEGIN;
SAVEPOINT s;
UPDATE pg_temp.q SET quota = 105 WHERE team = 'T7';
ROLLBACK TO s;
SELECT pg_temp.targets(7);                                                        -- 100 > 100
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 110 WHERE team = 'T7'$$);      -- ok
COMMIT;
SELECT pg_temp.targets(7);
-- no number
SELECT v, pg_temp.code(format('UPDATE pg_temp.q SET quota = %L WHERE team = ''T7''', v)) AS update,
       pg_temp.code(format('INSERT INTO pg_temp.q VALUES (''T8'', ''2025-10-01'', %L)', v)) AS insert
FROM unnest(ARRAY[NULL, 'NaN', '0', '-1']) v;
SELECT pg_temp.code($$INSERT INTO pg_temp.q VALUES (NULL, '2025-10-01', 1)$$),    -- 23502
       pg_temp.code($$INSERT INTO pg_temp.q VALUES ('T8', NULL, 1)$$),            -- 23502
       pg_temp.code($$INSERT INTO pg_temp.q VALUES ('T8', 'infinity', 1)$$),      -- 22023
       pg_temp.try($$INSERT INTO pg_temp.q VALUES ('', '2025-10-01', 1)$$),       -- 23503
       pg_temp.code($$INSERT INTO pg_temp.q VALUES (' 8', '2025-10-01', 1)$$),    -- 23503: no number is written so
       pg_temp.code($$INSERT INTO pg_temp.q VALUES ('08', '2025-10-01', 1)$$);    -- 23503

-- What changes in calib.target comes back ---------------------------------------------
SELECT pg_temp.code($$UPDATE calib.target SET value = 105 WHERE unit_id = 7$$);   -- ok
SELECT team, quota FROM pg_temp.q WHERE team = 'T7';                              -- 105
-- numeric(12, 2) cannot hold it
SELECT pg_temp.try($$UPDATE calib.target SET value = 121.005 WHERE unit_id = 1 AND product_line <> ''$$);  -- KC004
SELECT pg_temp.code($$UPDATE calib.target SET value = 121 WHERE unit_id = 1 AND product_line <> ''$$);     -- ok
SELECT team, line, quota FROM pg_temp.q WHERE team = 'T1' ORDER BY 3;             -- one row has 121
-- a draft's correction too, whichever number; its key is the row's
SELECT pg_temp.code($$UPDATE calib.target SET original_value = 12 WHERE unit_id = 5 AND period_start = '2026-01-01'$$);
SELECT team, quota FROM pg_temp.q WHERE team = 'T5';                              -- 12
SELECT pg_temp.try($$UPDATE calib.target SET product_line = 'Y' WHERE unit_id = 5 AND period_start = '2026-01-01'$$);  -- KC004
SELECT pg_temp.code($$DELETE FROM calib.target WHERE unit_id = 5 AND period_start = '2026-01-01'$$);       -- 23503
-- an approved adjustment comes back when it is filed, not before
INSERT INTO calib.duty (person, duty) VALUES ('Li', 'manager'), ('Wang', 'risk'), ('Zhou', 'hr');
SELECT target_id AS t4 FROM calib.target WHERE unit_id = 4 \gset
SET calib.actor = 'Li';
SELECT calib.submit_adjustment(:t4, 104, 'The market grows', '{1}') AS a4 \gset
SET calib.actor = 'Wang';
SELECT calib.approve_adjustment(:a4);
SELECT quota, pg_temp.code($$UPDATE pg_temp.q SET quota = 104 WHERE team = 'T4'$$) FROM pg_temp.q WHERE team = 'T4';  -- 100, KC004
SET calib.actor = 'Zhou';
SELECT calib.file_adjustment(:a4);
SELECT q.quota, t.value, a.status FROM pg_temp.q q, calib.target t JOIN calib.adjustment a USING (target_id) WHERE q.team = 'T4' AND t.unit_id = 4;  -- 104, 104, filed
-- what the table does not take is not filed
SET calib.actor = 'Li';
SELECT calib.submit_adjustment(:t4, 104.005, 'The market grows', '{1}') AS a4 \gset
SET calib.actor = 'Wang';
SELECT calib.approve_adjustment(:a4);
SET calib.actor = 'Zhou';
SELECT pg_temp.code('SELECT calib.file_adjustment(' || :a4 || ')');               -- KC004
SELECT q.quota, t.value, a.status FROM pg_temp.q q, calib.target t JOIN calib.adjustment a USING (target_id)
WHERE q.team = 'T4' AND t.unit_id = 4 AND a.adjustment_id = :a4;                  -- 104, 104, approved
RESET calib.actor;
-- a row that is not there is no error, and comes in at the new value
DELETE FROM pg_temp.q WHERE team = 'T7';
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (50, 'team', 'fifty', 'T50');
INSERT INTO pg_temp.q VALUES ('T50', '2025-10-01', 100);
DELETE FROM pg_temp.q WHERE team = 'T50';
SELECT pg_temp.code($$UPDATE calib.target SET value = 90 WHERE unit_id = 50$$);   -- ok
SELECT pg_temp.code($$INSERT INTO pg_temp.q VALUES ('T50', '2025-10-01', 100)$$); -- KC004
SELECT pg_temp.code($$INSERT INTO pg_temp.q VALUES ('T50', '2025-10-01', 90)$$);  -- ok
-- a unit that is called otherwise later keeps its rows, and takes nobody's
UPDATE calib.unit SET external_ref = 'was T50' WHERE unit_id = 50;
UPDATE calib.unit SET external_ref = 'T50' WHERE unit_id = 31;
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 200 WHERE team = 'T50'$$);     -- KC001: still unit 50
SELECT pg_temp.code($$UPDATE calib.target SET value = 99 WHERE unit_id = 50$$);   -- ok
SELECT team, quota FROM pg_temp.q WHERE team = 'T50';                             -- 99
-- triggers and rules of the table's own
CREATE FUNCTION pg_temp.more() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW."Val""ue" := NEW."Val""ue" + 5; RETURN NEW; END $$;
CREATE TRIGGER more BEFORE UPDATE ON "Sales ""Ops"""."Quota's ""指标""" FOR EACH ROW WHEN (NEW."Team id" = 'T9') EXECUTE FUNCTION pg_temp.more();
INSERT INTO pg_temp.q VALUES ('T9', '2025-10-01', 100);
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 106 WHERE team = 'T9'$$);      -- KC001: 111 is stored
SELECT pg_temp.code($$UPDATE pg_temp.q SET quota = 105 WHERE team = 'T9'$$);      -- ok: 110 is
SELECT pg_temp.try($$UPDATE calib.target SET value = 101 WHERE unit_id = 9$$);    -- KC004
SELECT pg_temp.targets(9);                                                        -- 100 > 110
DROP TRIGGER more ON "Sales ""Ops"""."Quota's ""指标""";
CREATE FUNCTION pg_temp.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER nothing BEFORE UPDATE ON "Sales ""Ops"""."Quota's ""指标""" FOR EACH ROW EXECUTE FUNCTION pg_temp.nothing();
SELECT pg_temp.try($$UPDATE calib.target SET value = 101 WHERE unit_id = 9$$);    -- KC004
DROP TRIGGER nothing ON "Sales ""Ops"""."Quota's ""指标""";
CREATE RULE nothing AS ON UPDATE TO "Sales ""Ops"""."Quota's ""指标""" DO INSTEAD NOTHING;
SELECT pg_temp.code($$UPDATE calib.target SET value = 101 WHERE unit_id = 9$$);   -- KC004
DROP RULE nothing ON "Sales ""Ops"""."Quota's ""指标""";
-- an AFTER trigger that comes before the rules and changes its own row
CREATE FUNCTION pg_temp.again() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW."Val""ue" <> 100 THEN UPDATE pg_temp.q SET quota = 100 WHERE team = NEW."Team id"; END IF; RETURN NULL; END $$;
CREATE TRIGGER a_again AFTER UPDATE ON "Sales ""Ops"""."Quota's ""指标""" FOR EACH ROW WHEN (NEW."Team id" = 'T9') EXECUTE FUNCTION pg_temp.again();
SELECT pg_temp.try($$UPDATE pg_temp.q SET quota = 105 WHERE team = 'T9'$$);       -- KC004
DROP TRIGGER a_again ON "Sales ""Ops"""."Quota's ""指标""";
SELECT pg_temp.targets(9), (SELECT quota FROM pg_temp.q WHERE team = 'T9');       -- 110 both

DROP VIEW pg_temp.q;

-- The table itself changes --------------------------------------------------------------
ALTER TABLE "Sales ""Ops"""."Quota's ""指标""" RENAME TO quotas;
ALTER TABLE "Sales ""Ops""".quotas SET SCHEMA public;
ALTER TABLE quotas RENAME COLUMN "Team id" TO team;
SELECT pg_temp.try($$UPDATE quotas SET note = 'x' WHERE team = 'T9'$$);           -- 42703, whatever is written
SELECT pg_temp.code($$DELETE FROM quotas WHERE team = 'T9'$$);
SELECT pg_temp.code($$UPDATE calib.target SET value = 101 WHERE unit_id = 9$$);
ALTER TABLE quotas RENAME COLUMN team TO "Team id";
SELECT pg_temp.code($$UPDATE quotas SET "Val""ue" = 101 WHERE "Team id" = 'T9'$$);  -- ok: names of tables may change
ALTER TABLE quotas ALTER "Val""ue" TYPE double precision;
SELECT pg_temp.try($$UPDATE quotas SET "Val""ue" = 102 WHERE "Team id" = 'T9'$$); -- 42804
ALTER TABLE quotas ALTER "Val""ue" TYPE numeric;

-- Unguard, guard: the targets stay --------------------------------------------------------
SELECT calib.guard_table('quotas', 'Val"ue', 'Team id', 'quarter; --');           -- 42710
SELECT calib.unguard_table('quotas');
SELECT calib.unguard_table('quotas');                                             -- 42704
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'quotas'::regclass;               -- 0
SELECT count(*) FROM calib.guarded_row;                                           -- 0
UPDATE quotas SET "Val""ue" = 999 WHERE "Team id" = 'T9';
SELECT calib.guard_table('quotas', 'Val"ue', 'Team id', 'quarter; --', product_line_column => '产品线');  -- KC004, with the numbers
UPDATE quotas SET "Val""ue" = 101 WHERE "Team id" = 'T9';
UPDATE quotas SET "Team id" = 'T31' WHERE "Team id" = 'T50';
UPDATE calib.unit SET external_ref = 'T31' WHERE unit_id = 50;
SELECT calib.guard_table('quotas', 'Val"ue', 'Team id', 'quarter; --', product_line_column => '产品线') AS taken \gset
SELECT :taken = count(*) AS all_taken FROM quotas;
-- a dropped table leaves nothing that holds a place
DROP TABLE quotas CASCADE;
CREATE TABLE quotas2 (team text, quarter date, quota int);
INSERT INTO quotas2 VALUES ('T9', '2025-10-01', 101);
SELECT calib.guard_table('quotas2', 'quota', 'team', 'quarter');                  -- 1
SELECT pg_temp.code($$UPDATE quotas2 SET quota = 110$$);                          -- KC002: T9's two are used
SELECT relation ~ '^\d+$' AS number, trigger, ok, problem FROM calib.trigger_state WHERE NOT ok;  -- dropped
SELECT relation ~ '^\d+$' AS number, trigger, problem, mended, detail FROM calib.rearm();  -- dropped
SELECT count(*) FROM calib.trigger_state WHERE NOT ok;                            -- none
SELECT relation FROM calib.guarded;

-- What is refused at attach ------------------------------------------------------------------
CREATE TABLE r (id int, team text, quarter date, quota numeric, f float8, m money, line text,
    d numeric GENERATED ALWAYS AS (quota * 2) STORED, js jsonb);
CREATE FUNCTION pg_temp.attach(rows text, value name DEFAULT 'quota', unit name DEFAULT 'team', period name DEFAULT 'quarter', line name DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    EXECUTE format('INSERT INTO r (team, quarter, quota%s) VALUES %s', CASE WHEN rows LIKE '%''x''%' THEN ', line' ELSE '' END, rows);
    told := pg_temp.try(format('SELECT calib.guard_table(''r'', %L, %L, %L, product_line_column => %L)', value, unit, period, line));
    DELETE FROM r;
    RETURN told;
END $$;
SELECT pg_temp.attach($$('T20', '2025-10-01', 1)$$);                              -- 23503
SELECT pg_temp.attach($$('T10', '2025-10-01', 1), ('T10', '2025-12-01', 1)$$);    -- 23505
SELECT pg_temp.attach($$('T10', '2025-10-01', 1), ('10', '2025-12-01', 1)$$);     -- 23505, by either name
SELECT pg_temp.attach($$('T10', '2025-10-01', 1, 'x'), ('T10', '2025-10-01', 1, 'y')$$);  -- 23505: no product line named
SELECT pg_temp.attach($$('T10', '2025-10-01', NULL)$$);                           -- 23502
SELECT pg_temp.attach($$('T10', NULL, 1)$$);                                      -- 23502
SELECT pg_temp.attach($$(NULL, '2025-10-01', 1)$$);                               -- 23502
SELECT pg_temp.attach($$('T10', '2025-10-01', 0)$$);                              -- 22023
SELECT pg_temp.attach($$('T10', '2025-10-01', 'NaN')$$);                          -- 22023
SELECT pg_temp.attach($$('T9', '2025-10-01', 101)$$);                             -- 23505: quotas2 holds it
SELECT pg_temp.attach($$('T7', '2025-10-01', 101)$$);                             -- KC004: T7 is at 105
SELECT v, u, p, l, pg_temp.attach($$('T10', '2025-10-01', 1)$$, v, u, p, l)
FROM (VALUES ('nope', 'team', 'quarter', NULL), ('f', 'team', 'quarter', NULL), ('m', 'team', 'quarter', NULL), ('d', 'team', 'quarter', NULL),
    ('quota', 'quota', 'quarter', NULL), ('quota', 'js', 'quarter', NULL), ('quota', 'team', 'team', NULL), ('quota', 'team', 'line', NULL),
    ('quota', 'team', 'quarter', 'id'), ('quota', NULL, 'quarter', NULL), ('ctid', 'team', 'quarter', NULL), ('quota', 'tableoid', 'quarter', NULL)) a (v, u, p, l);
SELECT pg_temp.try($$SELECT calib.guard_table('r', 'quota', 'team', 'quarter', 'week')$$),
       pg_temp.try($$SELECT calib.guard_table('r', 'quota', 'team', 'quarter', NULL)$$),
       pg_temp.try($$SELECT calib.guard_table('r', 'quota', 'team', 'quarter', measure => '')$$),
       pg_temp.try($$SELECT calib.guard_table(NULL, 'quota', 'team', 'quarter')$$);
CREATE VIEW v AS SELECT * FROM r;
CREATE TEMP TABLE t (team text, quarter date, quota numeric);
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE f (team text, quarter date, quota numeric) SERVER s;
SELECT n, pg_temp.try(format('SELECT calib.guard_table(%L, ''quota'', ''team'', ''quarter'')', n))
FROM unnest('{v,t,f,calib.target,pg_class}'::text[]) n;                           -- 42809 each
DROP FOREIGN DATA WRAPPER w CASCADE;
SELECT count(*) FROM calib.guarded_row;                                           -- 1: quotas2's

-- Every type a key may have ------------------------------------------------------------------
CREATE DOMAIN money_amount AS numeric(10, 2) CHECK (VALUE < 100000);
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (61, 'team', 'u', '7d444840-9dc0-11d1-b245-5ffdce74fad2');
CREATE FUNCTION pg_temp.typed(unit_type text, period_type text, value_type text, unit text, line_type text DEFAULT 'text') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    EXECUTE format('CREATE TABLE typed (u %s, p %s, v %s, l %s)', unit_type, period_type, value_type, line_type);
    EXECUTE format('INSERT INTO typed VALUES (%L, ''2025-11-01'', 1000, ''x'')', unit);
    PERFORM calib.guard_table('typed', 'v', 'u', 'p', 'month', 'l', 'typed ' || unit_type || period_type || value_type || line_type);
    told := pg_temp.code('UPDATE typed SET v = 1200') || ', ' || pg_temp.code('UPDATE calib.target SET value = 1050 WHERE measure LIKE ''typed %'' AND value = 1000');
    told := told || ', ' || (SELECT typed::text FROM typed);
    DROP TABLE typed;
    RETURN told;
END $$;
INSERT INTO calib.policy (valid_from, approval, max_adjustments) VALUES ('2025-10-16', 'none', 100);
SET calib.clock = '2025-11-16 09:00+08';
SELECT u, p, v, l, pg_temp.typed(u, p, v, n, l) AS refused_then_written_back
FROM (VALUES ('text', 'date', 'numeric', 'T11', 'text'), ('varchar(9)', 'timestamp', 'bigint', 'T11', 'varchar(3)'), ('char(9)', 'timestamptz', 'integer', 'T11', 'char(5)'),
    ('bigint', 'date', 'smallint', '11', 'text'), ('integer', 'date', 'money_amount', '11', 'text'), ('smallint', 'timestamp(0)', 'numeric(6)', '11', 'text'),
    ('uuid', 'date', 'numeric', '7d444840-9dc0-11d1-b245-5ffdce74fad2', 'text'), ('text COLLATE "C"', 'date', 'numeric', 'T11', 'text COLLATE "C"')) a (u, p, v, n, l);

SELECT count(*), bool_and(problem = 'dropped') FROM calib.rearm();                 -- the eight tables

-- Partitions, two levels deep ------------------------------------------------------------------
CREATE TABLE plan (team text, month date, goal numeric, area text) PARTITION BY LIST (area);
CREATE TABLE plan_east PARTITION OF plan FOR VALUES IN ('east') PARTITION BY RANGE (month);
CREATE TABLE plan_east_11 (goal numeric, junk int, month date, team text, area text);
ALTER TABLE plan_east_11 DROP COLUMN junk;
ALTER TABLE plan_east ATTACH PARTITION plan_east_11 FOR VALUES FROM ('2025-11-01') TO ('2025-12-01');
CREATE TABLE plan_west PARTITION OF plan FOR VALUES IN ('west');
INSERT INTO plan VALUES ('T12', '2025-11-01', 100, 'east'), ('T13', '2025-11-01', 100, 'west');
SELECT pg_temp.try($$SELECT calib.guard_table('plan_west', 'goal', 'team', 'month', 'month')$$);  -- 42809
SELECT calib.guard_table('plan', 'goal', 'team', 'month', 'month');               -- 2
SELECT relation, trigger, ok FROM calib.trigger_state WHERE relation LIKE 'plan%' ORDER BY 1, 2;  -- two on each of four
SELECT pg_temp.code($$UPDATE plan SET goal = 111 WHERE team = 'T12'$$),           -- KC001
       pg_temp.code($$UPDATE plan_east_11 SET goal = 111$$),                      -- KC001
       pg_temp.code($$UPDATE plan_east SET goal = 109$$),                         -- ok
       pg_temp.code($$INSERT INTO plan_east_11 (team, month, goal, area) VALUES ('T12', '2025-11-02', 109, 'east')$$),  -- 23505
       pg_temp.code($$INSERT INTO plan_east_11 (team, month, goal, area) VALUES ('T14', '2025-11-02', 50, 'east')$$),   -- ok
       pg_temp.code('TRUNCATE plan'), pg_temp.code('TRUNCATE plan_east'), pg_temp.code('TRUNCATE plan_east_11'), pg_temp.code('TRUNCATE plan_west');  -- KC004 each
SELECT pg_temp.code($$UPDATE calib.target SET value = 108 WHERE unit_id = 12$$);
SELECT goal FROM plan_east_11 WHERE team = 'T12';                                 -- 108
-- to another partition: the row leaves and comes in, at the value its target has
SELECT pg_temp.code($$UPDATE plan SET area = 'west' WHERE team = 'T12'$$);        -- ok
SELECT pg_temp.code($$UPDATE plan SET area = 'east', goal = 109 WHERE team = 'T12'$$);  -- KC004
SELECT tableoid::regclass, goal FROM plan WHERE team = 'T12';                     -- plan_west, 108
-- a new partition has the row trigger; TRUNCATE's comes with rearm
CREATE TABLE plan_east_12 PARTITION OF plan_east FOR VALUES FROM ('2025-12-01') TO ('2026-01-01');
SELECT pg_temp.code($$INSERT INTO plan_east_12 VALUES ('T12', '2025-12-01', 70, 'east')$$);  -- ok
SELECT calib.publish_targets('2025-12-01');
SELECT pg_temp.code($$UPDATE plan_east_12 SET goal = 78$$);                       -- KC001
SELECT relation, trigger, problem FROM calib.trigger_state WHERE NOT ok;
-- emptied before that: its place stays held
BEGIN;
TRUNCATE plan_east_12;
SELECT pg_temp.code($$INSERT INTO plan_east_12 VALUES ('T12', '2025-12-01', 700, 'east')$$);  -- KC004
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();
SELECT pg_temp.code($$INSERT INTO plan_east_12 VALUES ('T12', '2025-12-01', 700, 'east')$$);  -- KC004
SELECT pg_temp.code($$INSERT INTO plan_east_12 VALUES ('T12', '2025-12-01', 70, 'east')$$);   -- ok
ROLLBACK;
-- rows that came with a partition
CREATE TABLE plan_north (LIKE plan);
INSERT INTO plan_north VALUES ('T15', '2025-11-01', 100, 'north'), ('T13', '2025-11-01', 500, 'north');
ALTER TABLE plan ATTACH PARTITION plan_north FOR VALUES IN ('north');
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();             -- T13 has a row already
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();             -- not less so
DELETE FROM plan_north WHERE team = 'T13';
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();             -- taken
SELECT pg_temp.targets(13), pg_temp.targets(15);                                  -- 100 each
-- a value that was changed while the trigger was off
ALTER TABLE plan_north DISABLE TRIGGER calib_guard;
UPDATE plan_north SET goal = 500 WHERE team = 'T15';
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();             -- the trigger; the row not
SELECT pg_temp.code($$UPDATE plan_north SET goal = 510$$),                        -- KC001: from 100
       pg_temp.code($$UPDATE plan_north SET goal = 100$$);                        -- ok: home again
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();             -- nothing
SELECT pg_temp.code($$UPDATE plan_north SET goal = 1000$$);                       -- KC001
-- rows that came with a partition and are updated before rearm: their baseline is what they said
CREATE TABLE plan_south (LIKE plan);
INSERT INTO plan_south VALUES ('T18', '2025-11-01', 100, 'south'), ('T19', '2025-11-01', 100, 'south');
ALTER TABLE plan ATTACH PARTITION plan_south FOR VALUES IN ('south');
SELECT pg_temp.code($$UPDATE plan SET goal = 1000 WHERE team = 'T18'$$),          -- KC001
       pg_temp.code($$UPDATE plan SET goal = 110 WHERE team = 'T18'$$),           -- ok
       pg_temp.code($$DELETE FROM plan WHERE team = 'T19'$$);                     -- ok, and 19 keeps its baseline
SELECT pg_temp.targets(18), pg_temp.targets(19);
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();
-- rows that can have no target may go, or be mended
ALTER TABLE plan_south DISABLE TRIGGER calib_guard;
INSERT INTO plan_south VALUES ('T19', '2025-11-01', 0, 'south'), (NULL, '2025-11-01', 1, 'south'), ('T20', NULL, 1, 'south'), ('nobody', '2025-11-01', 1, 'south');
ALTER TABLE plan_south ENABLE ALWAYS TRIGGER calib_guard;
SELECT pg_temp.code($$UPDATE plan SET goal = 1 WHERE team = 'T19'$$),             -- KC004: it was 100
       pg_temp.code($$UPDATE plan SET goal = 100 WHERE team = 'T19'$$),           -- ok
       pg_temp.code($$DELETE FROM plan WHERE team IS NULL OR team IN ('T20', 'nobody')$$);  -- ok 3
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();             -- nothing
-- detached, it is a table like any other
ALTER TABLE plan DETACH PARTITION plan_north;
SELECT pg_temp.code($$UPDATE plan_north SET goal = 1$$), pg_temp.try('TRUNCATE plan_north');  -- ok; 39P01 until rearm
SELECT relation, trigger, problem, mended, detail FROM calib.rearm();
SELECT pg_temp.code('TRUNCATE plan_north');
SELECT pg_temp.code($$UPDATE calib.target SET value = 101 WHERE unit_id = 15$$);  -- ok: no row any more
SELECT count(*) FROM calib.guarded_row WHERE unit_ref = 'T15';                    -- 0

-- Children by inheritance
CREATE TABLE parent (team text, month date, goal numeric);
CREATE TABLE child (extra int) INHERITS (parent);
INSERT INTO child VALUES ('T16', '2025-11-01', 100);
SELECT calib.guard_table('parent', 'goal', 'team', 'month', 'month');             -- 1
SELECT pg_temp.code($$UPDATE parent SET goal = 200$$), pg_temp.code($$UPDATE child SET goal = 200$$),
       pg_temp.code('TRUNCATE child'), pg_temp.code($$INSERT INTO parent VALUES ('T16', '2025-11-01', 100)$$);  -- KC001, KC001, KC004, 23505

-- What else is on the table --------------------------------------------------------------------
CREATE TABLE busy (team text, month date, goal numeric, boss text);
CREATE TABLE bosses (boss text PRIMARY KEY);
INSERT INTO bosses VALUES ('T9');
ALTER TABLE busy ADD FOREIGN KEY (boss) REFERENCES bosses DEFERRABLE INITIALLY DEFERRED;
CREATE FUNCTION pg_temp.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER calib_guard AFTER UPDATE ON busy FOR EACH ROW EXECUTE FUNCTION pg_temp.later();
INSERT INTO busy VALUES ('T8', '2025-11-01', 100, 'T9');
SELECT pg_temp.try($$SELECT calib.guard_table('busy', 'goal', 'team', 'month', 'month')$$);  -- 42710
DROP TRIGGER calib_guard ON busy;
SELECT calib.guard_table('busy', 'goal', 'team', 'month', 'month');               -- 1
SELECT pg_temp.code($$UPDATE busy SET goal = 101$$);                              -- ok
SELECT pg_temp.code($$UPDATE calib.target SET value = 102 WHERE unit_id = 8$$);   -- ok: a deferred foreign key has nothing to check
SELECT goal FROM busy;                                                            -- 102
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON busy DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.later();
SELECT pg_temp.code($$UPDATE busy SET goal = 103$$), pg_temp.code($$UPDATE calib.target SET value = 104 WHERE unit_id = 8$$);  -- ok, 42501
SELECT goal FROM busy;                                                            -- 103
DROP TRIGGER later ON busy;
-- A trigger that names things without their schema, and reads tables under row-level security
CREATE SCHEMA regress_calib_own;
CREATE ROLE regress_calib_owner;
GRANT USAGE, CREATE ON SCHEMA regress_calib_own TO regress_calib_owner;
SET ROLE regress_calib_owner;
SET search_path = regress_calib_own;
CREATE TABLE noted (what text);
CREATE TABLE goals (team text, month date, goal numeric);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO noted SELECT current_user || ': ' || NEW.goal || ', ' || count(*) || ' units seen' FROM calib.unit; RETURN NEW; END $$;
INSERT INTO goals VALUES ('T16', '2025-12-01', 100);
CREATE TRIGGER note BEFORE UPDATE ON goals FOR EACH ROW EXECUTE FUNCTION note();
RESET search_path;
RESET ROLE;
SELECT calib.guard_table('regress_calib_own.goals', 'goal', 'team', 'month', 'month', measure => 'goals');  -- 1
CREATE TEMP TABLE noted (what text);
SELECT pg_temp.code($$UPDATE calib.target SET value = 105 WHERE measure = 'goals'$$);  -- ok
SELECT * FROM regress_calib_own.noted;                                            -- the owner: 105, no units
SELECT count(*) FROM pg_temp.noted;                                               -- 0
SHOW search_path;
SHOW row_security;
-- Who may write the table enters rows and corrects drafts; an adjustment takes the duty.
CREATE ROLE regress_calib_clerk;
GRANT SELECT, INSERT, UPDATE ON busy TO regress_calib_clerk;
SET ROLE regress_calib_clerk;
INSERT INTO busy VALUES ('T8', '2026-02-01', 50);
UPDATE busy SET goal = 55 WHERE month = '2026-02-01';
SELECT pg_temp.try($$UPDATE busy SET goal = 104 WHERE month = '2025-11-01'$$);    -- 42501
RESET ROLE;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_clerk', 'manager', 8);
SET ROLE regress_calib_clerk;
SELECT pg_temp.try($$UPDATE busy SET goal = 104 WHERE month = '2025-11-01'$$);    -- ok
RESET ROLE;
SELECT pg_temp.targets(8);

-- The function on a table it was not made for ------------------------------------------------
CREATE TRIGGER calib_guard AFTER INSERT ON r FOR EACH ROW EXECUTE FUNCTION calib.guard_row();
SELECT pg_temp.try($$INSERT INTO r (team) VALUES ('x')$$);                        -- 39P01
CREATE TRIGGER another AFTER DELETE ON parent FOR EACH ROW EXECUTE FUNCTION calib.guard_row();
SELECT pg_temp.try($$INSERT INTO parent VALUES ('T17', '2025-11-01', 1)$$), pg_temp.try($$DELETE FROM ONLY parent$$);  -- ok, 39P01
DROP TRIGGER another ON parent;

-- DROP EXTENSION asks first
\set VERBOSITY sqlstate
DROP EXTENSION calib;
\set VERBOSITY default
DROP EXTENSION calib CASCADE;
SELECT tgname FROM pg_trigger WHERE tgrelid IN ('plan'::regclass, 'parent'::regclass) AND NOT tgisinternal;
DROP TABLE plan, plan_north, parent, child, r, quotas2, busy, bosses CASCADE;
DROP SCHEMA regress_calib_own CASCADE;
DROP ROLE regress_calib_clerk, regress_calib_owner;
DROP DOMAIN money_amount;
DROP SCHEMA "Sales ""Ops""";
