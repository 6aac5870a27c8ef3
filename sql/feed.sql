-- Feeds: what is written to a source is what calib has, however it is written.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET TimeZone = 'UTC';
SET calib.clock = '2026-03-02 08:00+00';

CREATE SCHEMA own;
-- Runs a statement; tells how it was refused.
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- A feed as calib.attach makes it, without its checks.
CREATE FUNCTION own.feed(feed text, destination text, source regclass, mapping jsonb, filter text DEFAULT NULL,
    strict boolean DEFAULT false, stub boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO calib.feed (feed, destination, source, mapping, filter, strict, stub, owner, attached_by)
    SELECT $1, $2, $3, $4, $5, $6, $7, pg_get_userbyid(c.relowner), 'me' FROM pg_class c WHERE c.oid = $3;
    PERFORM calib.put_trigger(e) FROM calib.feed_triggers($3) AS e;
END $$;

CREATE ROLE regress_crm;
CREATE ROLE regress_clerk;
CREATE SCHEMA crm AUTHORIZATION regress_crm;
GRANT USAGE ON SCHEMA crm TO regress_clerk;

INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (1, 'rep', 'Ann', 'ann'), (2, 'rep', 'Bo', 'bo');
INSERT INTO calib.customer (customer_id, unit_id, name, external_ref) VALUES (1, 1, 'Shop', 'shop');
SELECT setval('calib.customer_customer_id_seq', 100), setval('calib.opportunity_opportunity_id_seq', 100);

-- One source, every kind of change -------------------------------------------------
SET ROLE regress_crm;
CREATE TABLE crm.task (id bigint, who text, account text, kind text, at timestamptz, qty text, gone boolean DEFAULT false);
CREATE UNIQUE INDEX task_id ON crm.task (id);
GRANT ALL ON crm.task TO regress_clerk;
RESET ROLE;
SELECT own.feed('tasks', 'activity', 'crm.task', '{"external_id": "id", "unit": "who", "customer": "account",
    "kind": "kind", "occurred_at": "at", "quantity": "qty::numeric * 2"}', 'NOT gone');
SELECT relation, trigger, enabled, calib.trigger_problem(e) IS NULL AS ok FROM calib.feed_triggers() e ORDER BY 1, 2;

-- What the mapping says in plain SQL, against what is there: nothing, where they agree.
CREATE VIEW own.task AS
SELECT t.id::text AS external_id, u.unit_id, c.customer_id, t.kind, t.at AS occurred_at, t.qty::float8 * 2 AS quantity
FROM crm.task t
JOIN calib.unit u ON u.external_ref = t.who
LEFT JOIN calib.customer c ON c.external_ref = t.account
WHERE NOT t.gone AND (t.account IS NULL OR c.customer_id IS NOT NULL)
  AND t.kind IN (SELECT k.kind FROM calib.activity_kind k) AND t.qty ~ '^[0-9.]+$';
CREATE VIEW own.differing AS
WITH fact AS (
    SELECT external_id, unit_id, customer_id, kind, occurred_at, quantity FROM calib.activity WHERE source = 'tasks'
)
SELECT 'lacks' AS what, a.* FROM (SELECT * FROM own.task EXCEPT ALL SELECT * FROM fact) a
UNION ALL
SELECT 'has', b.* FROM (SELECT * FROM fact EXCEPT ALL SELECT * FROM own.task) b;

-- A clerk who may write the table, and nothing of calib
SET ROLE regress_clerk;
SELECT count(*) FROM calib.activity;
INSERT INTO crm.task VALUES (1, 'ann', 'shop', 'visit', '2026-03-01 09:00+08', '1');
INSERT INTO crm.task SELECT g, 'bo', NULL, 'call', timestamptz '2026-03-01' + g * interval '1 hour', '2' FROM generate_series(2, 9) g;
RESET ROLE;
SELECT * FROM own.differing;
SELECT count(*), sum(quantity) FROM calib.activity;
SELECT external_id, unit_id, customer_id, product_line, outcome, quantity, recorded_at FROM calib.activity WHERE external_id = '1';

UPDATE crm.task SET qty = '3' WHERE id IN (2, 3);
INSERT INTO crm.task VALUES (3, 'ann', NULL, 'visit', '2026-03-01', '1'), (10, 'ann', NULL, 'visit', '2026-03-01', '1')
    ON CONFLICT (id) DO UPDATE SET who = excluded.who, kind = excluded.kind;
MERGE INTO crm.task t USING (VALUES (4, 'd'), (5, 'u'), (11, 'i')) AS s (id, what) ON s.id = t.id
    WHEN MATCHED AND s.what = 'd' THEN DELETE
    WHEN MATCHED THEN UPDATE SET kind = 'quote'
    WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'bo', 'shop', 'visit', '2026-03-02', '7', false);
DELETE FROM crm.task WHERE id = 6;
COPY crm.task FROM stdin;
20	ann	shop	visit	2026-03-01 10:00+00	1	f
21	bo	\N	call	2026-03-01 11:00+00	2	f
22	bo	\N	call	2026-03-01 11:00+00	2	t
\.
SELECT * FROM own.differing;
SELECT string_agg(external_id, ' ' ORDER BY external_id::int) FROM calib.activity;

-- the filter lets go and takes back; the key moves; two keys change places
UPDATE crm.task SET gone = id <> 22 WHERE id IN (20, 22);
UPDATE crm.task SET id = 200 WHERE id = 21;
DROP INDEX crm.task_id;
UPDATE crm.task SET id = CASE id WHEN 7 THEN 8 ELSE 7 END, qty = id::text WHERE id IN (7, 8);
SELECT * FROM own.differing;
SELECT string_agg(external_id || ':' || quantity, ' ' ORDER BY external_id::int) FROM calib.activity;

-- what is rolled back never was
BEGIN;
INSERT INTO crm.task VALUES (300, 'ann', 'newcomer', 'visit', '2026-03-01', '1');
SAVEPOINT a;
UPDATE crm.task SET qty = '9';
DELETE FROM crm.task WHERE id < 9;
SELECT * FROM own.differing;
ROLLBACK TO a;
SELECT * FROM own.differing;
SELECT count(*) FROM calib.customer WHERE external_ref = 'newcomer';
ROLLBACK;
SELECT * FROM own.differing;
SELECT count(*) FROM calib.customer WHERE external_ref = 'newcomer';

-- what does not change a fact does not write it; what it changes is recorded anew
SELECT xmin::text AS row_version FROM calib.activity WHERE external_id = '1' \gset
SET calib.clock = '2026-03-05 08:00+00';
UPDATE crm.task SET qty = '1.0' WHERE id = 1;
SELECT xmin::text = :'row_version' AS untouched, recorded_at FROM calib.activity WHERE external_id = '1';
UPDATE crm.task SET at = '2026-03-01 09:30+08' WHERE id = 1;
SELECT occurred_at, recorded_at FROM calib.activity WHERE external_id = '1';

-- two rows of one key are one fact, the later row's
INSERT INTO crm.task VALUES (400, 'ann', NULL, 'visit', '2026-03-01', '1'), (400, 'ann', NULL, 'visit', '2026-03-01', '5');
SELECT quantity FROM calib.activity WHERE external_id = '400';
DELETE FROM crm.task WHERE id = 400;

-- What cannot be taken ----------------------------------------------------------------
CREATE VIEW own.error AS
SELECT e.source, e.destination, e.external_id, e.sqlstate, e.problem, e.fact, e.source_row, e.tries
FROM calib.feed_error e ORDER BY e.external_id, e.feed_error_id;
INSERT INTO crm.task VALUES
    (500, 'nobody', NULL, 'visit', '2026-03-01', '1'),
    (501, NULL, NULL, 'visit', '2026-03-01', '1'),
    (502, 'ann', NULL, 'dance', '2026-03-01', '1'),
    (503, 'ann', NULL, 'visit', 'infinity', '1'),
    (504, 'ann', NULL, 'visit', '2026-03-01', 'many'),
    (505, 'ann', NULL, 'visit', '2026-03-01', '-1'),
    (506, 'ann', NULL, 'visit', '2026-03-01', 'NaN'),
    (NULL, 'ann', NULL, 'visit', '2026-03-01', '1'),
    (507, 'ann', NULL, 'visit', '2026-03-01', '1');
SELECT * FROM own.error;
-- each says a way out
SELECT sqlstate, count(*), hint FROM calib.feed_error GROUP BY 1, 3 ORDER BY 1, 3;
SELECT external_id FROM calib.activity WHERE external_id LIKE '50_';
-- mended in the source; still wrong otherwise; gone
UPDATE crm.task SET qty = '4' WHERE id = 504;
UPDATE crm.task SET kind = 'sing' WHERE id = 502;
DELETE FROM crm.task WHERE id IN (505, 506) OR id IS NULL;
UPDATE crm.task SET at = '2026-03-01' WHERE id = 503;
SELECT external_id, sqlstate, problem, tries, first_at <= last_at AS ordered FROM calib.feed_error ORDER BY external_id;
INSERT INTO calib.unit_alias VALUES ('tasks', 'nobody', 2), ('others', 'somebody', 1);
SELECT * FROM calib.feed_read((SELECT feed_id FROM calib.feed WHERE feed = 'tasks'), 'crm.task', 'id = ANY ($1::int[])', '{500}', 'upsert');
SELECT unit_id FROM calib.activity WHERE external_id = '500';
DELETE FROM crm.task WHERE id >= 500;
SELECT external_id, problem FROM calib.feed_error;
DELETE FROM calib.feed_error;

-- a few bad rows among many are found, and all others taken
INSERT INTO crm.task SELECT g, 'ann', NULL, 'visit', '2026-03-01', CASE WHEN g % 1000 = 999 THEN 'x' || g ELSE '1' END
FROM generate_series(1001, 4000) g;
SELECT external_id, sqlstate, problem FROM own.error;
SELECT count(*) FROM calib.activity WHERE external_id::int > 1000;
UPDATE crm.task SET qty = CASE WHEN id = 3000 THEN 'y' ELSE '2' END, id = id + 10000 WHERE id > 1000;
SELECT external_id, sqlstate, problem FROM own.error;
SELECT * FROM own.differing;
DELETE FROM crm.task WHERE id > 1000;
SELECT external_id, sqlstate, problem FROM own.error;
SELECT * FROM own.differing;
DELETE FROM calib.feed_error;

-- however many wait, more of them cost the CRM no more
INSERT INTO crm.task SELECT g, 'unheard of', NULL, 'visit', '2026-03-01', '1' FROM generate_series(10001, 20000) g;
SET statement_timeout = '3s';
INSERT INTO crm.task SELECT g, 'unheard of', NULL, 'visit', '2026-03-01', '1' FROM generate_series(20001, 30000) g;
INSERT INTO crm.task SELECT g, 'ann', NULL, 'visit', '2026-03-01', '1' FROM generate_series(30001, 40000) g;
UPDATE crm.task SET qty = '2' WHERE id > 10000;
RESET statement_timeout;
SELECT count(*), count(DISTINCT external_id), min(tries), max(tries) FROM calib.feed_error;
DELETE FROM crm.task WHERE id > 10000;
SELECT count(*) FROM calib.feed_error;
-- what passes through is the writer's to catch, and undoes what the writer's block did
CREATE TABLE crm.odd (id text, account text, state text);
CREATE FUNCTION crm.fail(state text) RETURNS text LANGUAGE plpgsql SET lock_timeout = '7s' AS $$
BEGIN
    IF state <> '' THEN
        RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'as told';
    END IF;
    RETURN NULL;
END $$;
SELECT own.feed('odds', 'activity', 'crm.odd', '{"external_id": "id", "unit": "''ann''", "customer": "account", "kind": "''visit''",
    "occurred_at": "pg_catalog.now()", "outcome": "crm.fail(state)"}');
SET lock_timeout = '9s';
BEGIN;
INSERT INTO crm.odd VALUES ('1', NULL, ''), ('2', NULL, '22000');
SELECT own.try($$INSERT INTO crm.odd VALUES ('3', NULL, '40001')$$);
SELECT own.try($$INSERT INTO crm.odd VALUES ('4', NULL, '53200')$$);
INSERT INTO crm.odd VALUES ('5', NULL, '');
COMMIT;
SHOW lock_timeout;
RESET lock_timeout;
SELECT id FROM crm.odd ORDER BY id;
SELECT external_id FROM calib.activity WHERE source = 'odds' ORDER BY external_id;
SELECT * FROM own.error;

-- customers entered one by one in one transaction take no lock each: the server has few
BEGIN;
DO $$
BEGIN
    FOR i IN 1 .. 400 LOOP
        INSERT INTO crm.odd VALUES ('one' || i, 'new' || i, '');
    END LOOP;
END $$;
SELECT count(*) < 500 AS few FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
COMMIT;
SELECT count(*), count(DISTINCT customer_id) FROM calib.activity WHERE source = 'odds' AND external_id LIKE 'one%';

-- many batches of keys take no longer than few: no row is compared with each of them
INSERT INTO crm.task SELECT g, 'ann', NULL, 'visit', '2026-03-01', '1' FROM generate_series(100001, 200000) g;
SET statement_timeout = '10s';
DELETE FROM crm.task WHERE id > 100000;
RESET statement_timeout;
SELECT * FROM own.differing;

-- a key, or a reference, too long for any index
DELETE FROM calib.feed_error;
INSERT INTO crm.odd
SELECT CASE n WHEN 1 THEN long ELSE 'long' || n END, CASE n WHEN 2 THEN long END, ''
FROM (SELECT string_agg(sha256(i::text::bytea)::text, '' ORDER BY i) AS long FROM generate_series(1, 200) i) l, generate_series(1, 3) n;
SELECT left(external_id, 5) AS id, sqlstate, regexp_replace(problem, '[0-9]+.*', '') AS problem, length(source_row ->> 'id') FROM own.error;
SELECT external_id FROM calib.activity WHERE source = 'odds' AND external_id LIKE 'long%';
DROP TABLE crm.odd;
DELETE FROM calib.feed WHERE feed = 'odds';
DELETE FROM calib.feed_error;

-- many rows, of which some are there already
INSERT INTO crm.task SELECT g, 'ann', 'c' || g % 70, 'visit', '2026-03-01', '1' FROM generate_series(5001, 8000) g;
ALTER TABLE crm.task DISABLE TRIGGER calib_feed_delete;
DELETE FROM crm.task WHERE id > 5000;
ALTER TABLE crm.task ENABLE TRIGGER calib_feed_delete;
INSERT INTO crm.task SELECT g, 'bo', 'd' || g % 70, 'call', '2026-03-01', '2' FROM generate_series(6001, 8000) g;
INSERT INTO crm.task SELECT g, 'bo', 'd' || g % 70, 'call', '2026-03-01', '2' FROM generate_series(5001, 6000) g;
SELECT * FROM own.differing;
SELECT count(*) FROM calib.customer WHERE external_ref LIKE 'c%' OR external_ref LIKE 'd%';
DELETE FROM crm.task WHERE id > 5000;

-- Whose rights ---------------------------------------------------------------------
SET ROLE regress_crm;
CREATE FUNCTION crm.seize() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ALTER ROLE regress_crm SUPERUSER';
    RETURN 'seized';
EXCEPTION WHEN OTHERS THEN
    RETURN current_user || ' ' || SQLSTATE;
END $$;
CREATE FUNCTION crm.come_back() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'RESET ROLE';
    RETURN 'back';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE FUNCTION crm.peep() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'INSERT INTO calib.duty (role_name, duty) VALUES (''regress_crm'', ''admin'')';
    RETURN 'written';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE TABLE crm.trap (id int);
RESET ROLE;
SELECT own.feed('traps', 'activity', 'crm.trap', '{"external_id": "id", "unit": "''ann''", "kind": "''visit''", "occurred_at": "pg_catalog.now()",
    "outcome": "pg_catalog.concat_ws(''|'', current_user, crm.seize(), crm.come_back(), crm.peep(), pg_catalog.current_setting(''search_path''))"}');
INSERT INTO crm.trap VALUES (1);
SELECT outcome FROM calib.activity WHERE source = 'traps';
SELECT current_user = session_user AS unchanged;

-- another owner has not agreed
ALTER TABLE crm.trap OWNER TO regress_clerk;
INSERT INTO crm.trap VALUES (2), (3);
SELECT * FROM own.error;
UPDATE calib.feed SET strict = true WHERE feed = 'traps';
SELECT own.try('INSERT INTO crm.trap VALUES (4)');
SELECT own.try($$SELECT calib.feed_read((SELECT feed_id FROM calib.feed WHERE feed = 'traps'), 'crm.trap', NULL, NULL, 'fill')$$);
DELETE FROM calib.feed WHERE feed = 'traps';
SELECT own.try('INSERT INTO crm.trap VALUES (5)');
DROP TABLE crm.trap;
DELETE FROM calib.feed_error;

-- what it set goes with it, however it ends: by 2 with an error, by 3 with one that is the session's
CREATE FUNCTION crm.hasty(x int) RETURNS text LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
BEGIN
    IF x > 1 THEN
        RAISE EXCEPTION USING ERRCODE = CASE x WHEN 2 THEN '22023' ELSE '53100' END;
    END IF;
    RETURN x;
END $$;
CREATE TABLE crm.haste (id int);
SELECT own.feed('haste', 'activity', 'crm.haste', '{"external_id": "crm.hasty(id)", "unit": "''ann''", "kind": "''visit''", "occurred_at": "pg_catalog.now()"}');
SET lock_timeout = '7s';
INSERT INTO crm.haste VALUES (1), (2);
SELECT external_id FROM calib.activity WHERE source = 'haste';
SHOW lock_timeout;
SELECT own.try('INSERT INTO crm.haste VALUES (3)');
SHOW lock_timeout;
RESET lock_timeout;
-- who catches what passes through has all of his statement undone, and goes on
SELECT count(*) FROM crm.haste;
DELETE FROM calib.feed WHERE feed = 'haste';
DROP TABLE crm.haste;
DELETE FROM calib.feed_error;

-- a foreign key somebody gave calib's table is kept, by one fact and by many at once
CREATE TABLE own.line (line text PRIMARY KEY);
INSERT INTO own.line VALUES (''), ('premium');
ALTER TABLE calib.activity ADD CONSTRAINT own_line FOREIGN KEY (product_line) REFERENCES own.line;
CREATE TABLE crm.lined (id int, line text);
SELECT own.feed('lined', 'activity', 'crm.lined', '{"external_id": "id", "unit": "''ann''", "kind": "''visit''", "occurred_at": "''2026-03-01''", "product_line": "line"}');
INSERT INTO crm.lined VALUES (1, 'premium'), (2, 'none');
INSERT INTO crm.lined SELECT n, CASE n WHEN 77 THEN 'none' ELSE 'premium' END FROM generate_series(3, 202) n;
SELECT product_line, count(*) FROM calib.activity WHERE source = 'lined' GROUP BY 1;
SELECT external_id, sqlstate FROM calib.feed_error ORDER BY 1;
DELETE FROM calib.feed WHERE feed = 'lined';
DROP TABLE crm.lined;
DELETE FROM calib.activity WHERE source = 'lined';
DELETE FROM calib.feed_error;
ALTER TABLE calib.activity DROP CONSTRAINT own_line;

-- its triggers stand where they were put, as they were made
SET ROLE regress_crm;
CREATE TABLE crm.other (LIKE crm.task);
CREATE TRIGGER forge AFTER INSERT ON crm.other FOR EACH ROW EXECUTE FUNCTION calib.feed_changes();
CREATE TRIGGER again AFTER INSERT ON crm.task FOR EACH ROW EXECUTE FUNCTION calib.feed_changes();
RESET ROLE;
SELECT own.try($$INSERT INTO crm.other VALUES (1, 'ann', NULL, 'visit', '2026-03-01', '1')$$);
SELECT own.try($$INSERT INTO crm.task VALUES (1, 'ann', NULL, 'visit', '2026-03-01', '1')$$);
DROP TRIGGER again ON crm.task;
DROP TABLE crm.other;

-- Strict ------------------------------------------------------------------------------
CREATE TABLE crm.paid (id uuid, who text, sum numeric, day date);
SELECT own.feed('paid', 'result', 'crm.paid', '{"external_id": "id", "unit": "who", "occurred_at": "day", "amount": "sum"}', strict => true, stub => false);
INSERT INTO crm.paid VALUES ('00000000-0000-0000-0000-000000000001', 'ann', 100.50, '2026-03-01'),
    ('00000000-0000-0000-0000-000000000002', 'bo', -20, '2026-03-01'), ('00000000-0000-0000-0000-000000000003', 'bo', 0, '2026-03-01');
-- a date is a day of the organisation's, which is at 8 hours to the east
SELECT external_id, unit_id, measure, occurred_at, amount FROM calib.result ORDER BY external_id;
SELECT own.try($$INSERT INTO crm.paid VALUES ('00000000-0000-0000-0000-000000000004', 'who', 1, '2026-03-01')$$);
SELECT own.try($$INSERT INTO crm.paid VALUES ('00000000-0000-0000-0000-000000000004', 'ann', 'NaN', '2026-03-01')$$);
SELECT own.try($$INSERT INTO crm.paid VALUES (NULL, 'ann', 1, '2026-03-01')$$);
SELECT count(*) FROM crm.paid, calib.feed_error;
DELETE FROM crm.paid WHERE sum = 0;
SELECT count(*) FROM calib.result;

-- Every destination, in one order -----------------------------------------------------
CREATE TABLE crm.people (id text, name text, boss text, job text, until date);
CREATE TABLE crm.client (id text, name text, owner text, grade text);
CREATE TABLE crm.deal (id text, owner text, client text, stage text, worth numeric, state text, closed timestamptz);
CREATE TABLE crm.move (id int, deal text, stage text, at timestamptz);
CREATE TABLE crm.invoice (no text, client text, sum numeric, due date, paid date);
CREATE TABLE crm.quota (id text, who text, period date, sum numeric);
SELECT own.feed('people', 'unit', 'crm.people', '{"external_ref": "id", "name": "name", "parent": "boss", "kind": "job", "active_to": "until"}');
SELECT own.feed('clients', 'customer', 'crm.client', '{"external_ref": "id", "name": "name", "unit": "owner", "tier": "grade"}');
SELECT own.feed('deals', 'opportunity', 'crm.deal', '{"external_ref": "id", "unit": "owner", "customer": "client", "stage": "stage", "amount": "worth", "outcome": "state", "closed_at": "closed"}');
SELECT own.feed('moves', 'stage_change', 'crm.move', '{"external_id": "id", "opportunity": "deal", "stage": "stage", "changed_at": "at"}');
SELECT own.feed('invoices', 'receivable', 'crm.invoice', '{"external_id": "no", "customer": "client", "amount": "sum", "due_on": "due", "settled_on": "paid"}');
SELECT own.feed('quotas', 'target', 'crm.quota', '{"external_ref": "id", "unit": "who", "period_start": "period", "value": "sum"}');

-- units come in any order, parents or not; a circle and an unknown parent wait
INSERT INTO crm.people VALUES ('r2', '李雷', 't1', NULL, NULL), ('t1', 'Team', 'g1', 'team', '2027-01-01'), ('g1', 'Region', NULL, 'region', NULL),
    ('x1', 'X', 'x2', NULL, NULL), ('x2', 'Y', 'x1', NULL, NULL), ('x3', 'Z', 'zz', NULL, NULL), ('x4', 'W', NULL, 'boss', NULL);
SELECT u.external_ref, u.kind, u.name, p.external_ref AS parent, u.active FROM calib.unit u LEFT JOIN calib.unit p ON p.unit_id = u.parent_id ORDER BY u.unit_id;
SELECT external_id, sqlstate, problem FROM own.error;
DELETE FROM crm.people WHERE id LIKE 'x%';
UPDATE crm.people SET boss = 'g1', name = 'Li Lei 🙂' WHERE id = 'r2';
SELECT u.name, p.external_ref AS parent FROM calib.unit u JOIN calib.unit p ON p.unit_id = u.parent_id ORDER BY u.unit_id;

-- a stub gets its name when the customer comes; what a feed does not map it does not touch
INSERT INTO crm.task VALUES (1, 'r2', 'k1', 'visit', '2026-03-01', '1');
SELECT name, unit_id IS NULL AS no_unit, channel FROM calib.customer WHERE external_ref = 'k1';
UPDATE calib.customer SET channel = 'web' WHERE external_ref = 'k1';
INSERT INTO crm.client VALUES ('k1', '超市', 'r2', 'A'), ('k2', 'Two', 'nobody', 'A'), ('k3', 'Three', NULL, 'Z'), ('k4', 'Four', 'ann', NULL);
SELECT c.external_ref, c.name, u.external_ref AS unit, c.tier, c.channel, c.created_at FROM calib.customer c LEFT JOIN calib.unit u USING (unit_id)
WHERE c.external_ref LIKE 'k%' ORDER BY 1;
SELECT external_id, sqlstate, problem FROM own.error;
DELETE FROM calib.feed_error;

INSERT INTO crm.deal VALUES ('d1', 'r2', 'k1', 'proposal', 100, NULL, NULL), ('d2', 'r2', 'k9', 'contract', 50, 'won', '2026-03-01'),
    ('d3', 'r2', 'k1', 'handshake', 1, NULL, NULL), ('d4', 'r2', 'k1', 'proposal', 1, 'lost', NULL), ('d5', 'r2', 'k1', 'proposal', 1, 'stuck', '2026-03-01');
SELECT o.external_ref, c.external_ref AS customer, o.stage, o.stage_since, o.amount, o.outcome, o.closed_at FROM calib.opportunity o JOIN calib.customer c USING (customer_id) ORDER BY 1;
SELECT external_id, sqlstate, problem FROM own.error;
DELETE FROM calib.feed_error;
-- a stage that changes without saying when changes now
SET calib.clock = '2026-03-06 08:00+00';
UPDATE crm.deal SET stage = 'negotiation', worth = 120 WHERE id = 'd1';
SELECT o.stage, o.stage_since, o.amount, o.created_at FROM calib.opportunity o WHERE external_ref = 'd1';
SELECT from_stage, to_stage, changed_at FROM calib.stage_change JOIN calib.opportunity USING (opportunity_id) WHERE external_ref = 'd1' ORDER BY 3;
-- the source's own history takes the trigger's place, in order of time
INSERT INTO crm.move VALUES (1, 'd1', 'negotiation', '2026-03-04'), (2, 'd1', 'initial_contact', '2026-02-01'), (3, 'd1', 'proposal', '2026-02-10'), (4, 'd9', 'proposal', '2026-02-10');
SELECT s.external_id, from_stage, to_stage, changed_at FROM calib.stage_change s JOIN calib.opportunity o USING (opportunity_id) WHERE external_ref = 'd1' ORDER BY changed_at;
UPDATE crm.move SET at = '2026-01-15' WHERE id = 3;
DELETE FROM crm.move WHERE id = 1;
SELECT s.external_id, from_stage, to_stage, changed_at FROM calib.stage_change s JOIN calib.opportunity o USING (opportunity_id) WHERE external_ref = 'd1' ORDER BY changed_at;
SELECT external_id, sqlstate, problem FROM own.error;
DELETE FROM calib.feed_error;

INSERT INTO crm.invoice VALUES ('i1', 'k1', 10, '2026-03-01', NULL), ('i2', 'k8', NULL, '2026-03-01', NULL), ('i3', NULL, 1, '2026-03-01', NULL), ('i4', 'k1', 1, 'infinity', NULL);
UPDATE crm.invoice SET paid = '2026-03-03' WHERE no = 'i1';
SELECT r.external_id, c.external_ref AS customer, r.amount, r.due_on, r.settled_on FROM calib.receivable r JOIN calib.customer c USING (customer_id) ORDER BY 1;
SELECT external_id, sqlstate, left(problem, 50) AS problem FROM own.error;
DELETE FROM calib.feed_error;

-- a quota that binds stays; a draft follows; one that is adjusted may come as it was
INSERT INTO crm.quota VALUES ('q1', 'r2', '2026-01-01', 1000), ('q2', 'r2', '2026-04-01', 2000), ('q3', 'nobody', '2026-04-01', 1), ('q4', 'r2', '2026-05-01', 1);
UPDATE crm.quota SET sum = sum + 1;
SELECT external_ref, measure, grain, period_start, original_value, value FROM calib.target ORDER BY 1;
SELECT external_id, sqlstate, problem FROM own.error;
UPDATE crm.quota SET sum = 1000 WHERE id = 'q1';
DELETE FROM crm.quota WHERE id IN ('q2', 'q3', 'q4');
SELECT external_ref, value FROM calib.target ORDER BY 1;
SELECT external_id, sqlstate, problem FROM own.error;

-- what is gone goes, where nothing refers to it
DELETE FROM crm.invoice;
DELETE FROM crm.deal WHERE id = 'd2';
INSERT INTO calib.activity (source, external_id, unit_id, opportunity_id, kind, occurred_at)
SELECT 'manual', 'm1', 1, opportunity_id, 'visit', '2026-03-01' FROM calib.opportunity WHERE external_ref = 'd1';
DELETE FROM crm.deal;
SELECT opportunity_id FROM calib.activity WHERE external_id = 'm1';
SELECT count(*) AS deals, (SELECT count(*) FROM calib.stage_change) AS moves FROM calib.opportunity;
DELETE FROM crm.client;
SELECT external_ref, unit_id FROM calib.customer WHERE external_ref LIKE 'k%' ORDER BY 1;
INSERT INTO crm.people VALUES ('t9', 'Nobody refers to it', NULL, 'team', NULL);
SELECT count(*) FROM calib.unit WHERE external_ref = 't9';
DELETE FROM crm.people;
SELECT external_ref, active FROM calib.unit WHERE unit_id > 2 ORDER BY unit_id;
DELETE FROM calib.feed_error;

-- Partitions and children -----------------------------------------------------------
CREATE TABLE crm.log (id int, who text, day date) PARTITION BY RANGE (day);
CREATE TABLE crm.log_1 (day date, who text, id int);
ALTER TABLE crm.log ATTACH PARTITION crm.log_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE crm.log_2 PARTITION OF crm.log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
SELECT own.feed('logs', 'activity', 'crm.log', '{"external_id": "log.id", "unit": "who", "kind": "''call''", "occurred_at": "day"}');
CREATE VIEW own.log AS SELECT external_id, calib.day_of(occurred_at) AS day
FROM calib.activity WHERE source = 'logs' ORDER BY 1;
INSERT INTO crm.log VALUES (1, 'ann', '2026-01-05'), (2, 'ann', '2026-02-05');
INSERT INTO crm.log_1 VALUES ('2026-01-06', 'ann', 3);
UPDATE crm.log SET day = '2026-02-06' WHERE id = 1;
SELECT * FROM own.log;
UPDATE crm.log_2 SET id = 4 WHERE id = 1;
DELETE FROM crm.log_1;
SELECT * FROM own.log;
-- a partition that comes later has the row trigger at once, the others by rearm
CREATE TABLE crm.log_3 PARTITION OF crm.log FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
SELECT trigger, problem, mended FROM calib.rearm() WHERE relation = 'crm.log_3';
INSERT INTO crm.log_3 VALUES (5, 'ann', '2026-03-01');
TRUNCATE crm.log_2;
SELECT * FROM own.log;
TRUNCATE crm.log;
SELECT * FROM own.log;

CREATE TABLE crm.base (id int, who text);
CREATE TABLE crm.child (extra text) INHERITS (crm.base);
SELECT own.feed('heirs', 'activity', 'crm.base', '{"external_id": "id", "unit": "who", "kind": "''call''", "occurred_at": "''2026-03-01''"}');
INSERT INTO crm.base VALUES (1, 'ann');
INSERT INTO crm.child VALUES (2, 'ann', 'x');
UPDATE crm.base SET id = id + 10;
SELECT external_id FROM calib.activity WHERE source = 'heirs' ORDER BY 1;
TRUNCATE ONLY crm.base;
SELECT external_id FROM calib.activity WHERE source = 'heirs' ORDER BY 1;

-- Names, and ids of every type --------------------------------------------------------
CREATE SCHEMA "Кlient; DROP ""x" AUTHORIZATION regress_crm;
SET ROLE regress_crm;
CREATE TABLE "Кlient; DROP ""x"."任务 '""; --" ("ID" uuid, "'""; DROP TABLE x; --" text, "表 🙂" timestamp);
RESET ROLE;
SELECT own.feed('"; drop 🙂', 'activity', '"Кlient; DROP ""x"."任务 ''""; --"', jsonb_build_object(
    'external_id', '"任务 ''""; --"."ID"', 'unit', '"''""; DROP TABLE x; --" -- who', 'kind', '$$visit$$', 'occurred_at', '"表 🙂"',
    'customer', '''it''''s; 🙂'''));
SET TimeZone = 'America/New_York';
INSERT INTO "Кlient; DROP ""x"."任务 '""; --" VALUES ('00000000-0000-0000-0000-00000000000a', 'ann', '2026-03-01 09:00');
SET TimeZone = 'UTC';
SELECT a.source, a.external_id, a.occurred_at, c.name FROM calib.activity a JOIN calib.customer c USING (customer_id) WHERE a.source LIKE '"%';

-- In an apply worker's mode, and under calib.restoring -----------------------------------
TRUNCATE crm.task;
SELECT count(*) FROM calib.activity WHERE source = 'tasks';
SET session_replication_role = replica;
INSERT INTO crm.task VALUES (1, 'ann', 'shop', 'visit', '2026-03-01', '1'), (2, 'bo', 'fresh', 'visit', '2026-03-01', '1'), (3, 'bo', NULL, 'dance', '2026-03-01', '1');
UPDATE crm.task SET id = 20, qty = '2' WHERE id = 2;
DELETE FROM crm.task WHERE id = 1;
SELECT * FROM own.differing;
SELECT external_id, quantity FROM calib.activity WHERE source = 'tasks';
SELECT external_id, problem FROM own.error;
INSERT INTO crm.people VALUES ('n1', 'New', NULL, NULL, NULL);
DELETE FROM crm.people;
SELECT external_ref, active FROM calib.unit WHERE external_ref = 'n1';
-- an opportunity enters its stage when that is told; what changes besides leaves it there
INSERT INTO crm.deal VALUES ('d7', 'ann', NULL, 'proposal', 100, NULL, NULL);
SET calib.clock = '2026-03-10 08:00+00';
UPDATE crm.deal SET stage = 'negotiation' WHERE id = 'd7';
SET calib.clock = '2026-03-11 08:00+00';
UPDATE crm.deal SET worth = 90 WHERE id = 'd7';
SELECT o.stage, o.stage_since, o.amount, s.from_stage, s.to_stage, s.changed_at
FROM calib.opportunity o JOIN calib.stage_change s USING (opportunity_id) WHERE o.external_ref = 'd7' ORDER BY s.changed_at;
TRUNCATE crm.task;
SELECT count(*) FROM calib.activity WHERE source = 'tasks';
RESET session_replication_role;
SET calib.restoring = on;
INSERT INTO crm.task VALUES (1, 'ann', 'shop', 'visit', '2026-03-01', '1');
TRUNCATE crm.task;
RESET calib.restoring;
SELECT count(*) FROM calib.activity WHERE source = 'tasks';

-- A filter that looks elsewhere ------------------------------------------------------------
-- What let a row through may have changed before the row does: its fact goes all the same.
CREATE TABLE crm.team (who text, sells boolean);
CREATE TABLE crm.visit (id text, version int, who text, live boolean);
SELECT own.feed('visits', 'activity', 'crm.visit', '{"external_id": "(5 / version)::text || id", "unit": "who", "kind": "''visit''", "occurred_at": "timestamptz ''2026-03-01''"}',
    'live AND version <> 0 AND EXISTS (SELECT FROM crm.team t WHERE t.who = visit.who AND t.sells)');
INSERT INTO crm.team VALUES ('ann', true), ('bo', true);
INSERT INTO crm.visit VALUES ('a', 1, 'ann', true), ('b', 1, 'ann', true), ('c', 1, 'ann', true), ('d', 1, 'bo', true), ('d', 1, 'bo', false), ('z', 0, 'ann', true);
SELECT string_agg(external_id, ' ' ORDER BY external_id) FROM calib.activity WHERE source = 'visits';
UPDATE crm.team SET sells = false WHERE who = 'ann';
SELECT count(*) AS until_the_rows_change FROM calib.activity WHERE source = 'visits';
DELETE FROM crm.visit WHERE id = 'a';
UPDATE crm.visit SET version = 5 WHERE id = 'b';
UPDATE crm.team SET sells = true WHERE who = 'ann';
UPDATE crm.visit SET version = 5 WHERE id = 'c';
SELECT string_agg(external_id, ' ' ORDER BY external_id) FROM calib.activity WHERE source = 'visits';
-- another row of the key brings the fact; one that has no key has none
UPDATE crm.visit SET live = false WHERE id = 'd' AND NOT live;
DELETE FROM crm.visit WHERE id = 'd' AND NOT live;
DELETE FROM crm.visit WHERE id = 'z';
SELECT string_agg(external_id, ' ' ORDER BY external_id) FROM calib.activity WHERE source = 'visits';
UPDATE crm.team SET sells = false;
TRUNCATE crm.visit;
SELECT count(*) AS "after TRUNCATE" FROM calib.activity WHERE source = 'visits';
SELECT * FROM own.error WHERE source = 'visits';

-- Facts given as they are ------------------------------------------------------------------
SELECT * FROM calib.feed_facts('chat', 'activity', '[
    {"external_id": "1", "unit": "ann", "customer": "shop", "kind": "visit", "occurred_at": "2026-03-01T09:00:00+08:00", "quantity": 2},
    {"external_id": "2", "unit": "nobody", "kind": "visit", "occurred_at": "2026-03-01"},
    {"external_id": "3", "unit": "ann", "kind": "visit", "occurred_at": "yesterweek"},
    {"unit": "ann", "kind": "visit", "occurred_at": "2026-03-01"},
    {"external_id": "5", "unit": "ann", "kind": "visit", "occurred_at": "2026-03-01", "recorded_at": "-infinity"}]');
SELECT external_id, unit_id, customer_id, quantity, occurred_at FROM calib.activity WHERE source = 'chat';
SELECT external_id, sqlstate, problem, fact, source_row FROM own.error WHERE source = 'chat';
SELECT * FROM calib.feed_facts('chat', 'activity', '[]');
SELECT own.try($$SELECT calib.feed_facts('chat', 'activity', '[{"external_id": "1", "colour": "red"}]')$$);
SELECT own.try($$SELECT calib.feed_facts('chat', 'activity', '[1]')$$);
SELECT own.try($$SELECT calib.feed_facts('chat', 'activity', '{}')$$);
SELECT own.try($$SELECT calib.feed_facts('chat', 'nothing', '[]')$$);

-- fill leaves what is there; a source may be read by part
INSERT INTO crm.log VALUES (1, 'ann', '2026-01-05'), (2, 'ann', '2026-02-05');
DELETE FROM calib.activity WHERE source = 'logs' AND external_id = '2';
UPDATE calib.activity SET occurred_at = '2026-01-07' WHERE source = 'logs';
SELECT * FROM calib.feed_read((SELECT feed_id FROM calib.feed WHERE feed = 'logs'), 'crm.log_1', NULL, NULL, 'fill');
SELECT * FROM calib.feed_read((SELECT feed_id FROM calib.feed WHERE feed = 'logs'), 'crm.log_2', NULL, NULL, 'fill');
SELECT * FROM own.log;
SELECT * FROM calib.feed_read((SELECT feed_id FROM calib.feed WHERE feed = 'logs'), 'crm.log_1', NULL, NULL, 'upsert');
SELECT * FROM own.log;
SELECT calib.feed_remove((SELECT feed_id FROM calib.feed WHERE feed = 'logs'), '{1,7}');
SELECT * FROM own.log;
SELECT own.try($$SELECT calib.feed_read((SELECT feed_id FROM calib.feed WHERE feed = 'logs'), 'crm.task', NULL, NULL, 'fill')$$);
SELECT own.try($$SELECT calib.feed_read((SELECT feed_id FROM calib.feed WHERE feed = 'logs'), 'crm.log', NULL, NULL, 'now')$$);
SELECT own.try('SELECT calib.feed_remove(0, ''{}'')');
GRANT USAGE ON SCHEMA own TO regress_clerk;
-- nobody else calls these
SET ROLE regress_clerk;
SELECT own.try('SELECT calib.feed_facts(''chat'', ''activity'', ''[]'')');
RESET ROLE;

DROP SCHEMA crm, own, "Кlient; DROP ""x" CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_crm, regress_clerk;
