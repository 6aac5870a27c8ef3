-- The outbox: what is written, who may take it away, and nothing made by hand.
-- Two workers at once are in tests/isolation, crashes in tests/tap/outbox.pl.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET timezone = 'Asia/Shanghai';
\set VERBOSITY terse

CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN 'ok ' || n;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '[0-9a-f]{8}-[0-9a-f-]{27}', 'ID');
END $$;
-- claims n rows; tells their positions in the order they came
CREATE FUNCTION own.claim(n int, worker text, lease interval DEFAULT '5 minutes') RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(position::text, ' ') FROM calib.claim_outbox(n, worker, lease) $$;
CREATE FUNCTION own.id(at bigint) RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$ SELECT id FROM calib.outbox WHERE position = at $$;

SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
INSERT INTO calib.unit (unit_id, kind, name, external_ref) SELECT u, 'team', 'team ' || u, 'T' || u FROM generate_series(1, 6) u;
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (1, 'market_report', 't', 'u', '2025-10-01'), (2, 'market_report', 't', 'u', '2025-10-01');
INSERT INTO calib.target (target_id, unit_id, product_line, grain, period_start, original_value, external_ref) VALUES
    (1, 1, 'tea', 'quarter', '2025-10-01', 1000000000000000000.10, 'Q-1'), (2, 2, '', 'month', '2025-10-01', 100, NULL),
    (3, 3, '', 'quarter', '2025-10-01', 100, NULL), (4, 4, '', 'year', '2025-01-01', 100, NULL), (5, 5, '', 'quarter', '2025-10-01', 100, NULL),
    (6, 6, '', 'quarter', '2025-10-01', 100, NULL);
SET calib.evidence = '2,1';
SET calib.reason = '竞品降价 "15 %"';

-- One row for an applied adjustment, exact numbers ------------------------------------
UPDATE calib.target SET value = 950000000000000000.095 WHERE target_id = 1;
SELECT count(*), count(DISTINCT id), bool_and(created_at BETWEEN now() - interval '1 hour' AND clock_timestamp()) AS real_time FROM calib.outbox;
SELECT aggregatetype, aggregateid, type, position FROM calib.outbox;
SELECT k AS key, jsonb_typeof(v) AS type, v AS value FROM calib.outbox, jsonb_each(payload - 'origin') e (k, v) ORDER BY k COLLATE "C";
SELECT payload ->> 'origin' IN ('own', 'above') AS origin FROM calib.outbox;
-- the columns the event router looks for, with the types it reads
SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute
WHERE attrelid = 'calib.outbox'::regclass AND attnum > 0 ORDER BY attnum;
-- the session's date style does not show
SET DateStyle = 'German';
UPDATE calib.target SET value = 95 WHERE target_id = 2;
SET DateStyle = 'ISO, YMD';
SELECT aggregateid, payload ->> 'period_start' AS period_start, payload -> 'agreement' AS agreement FROM calib.outbox WHERE position = 2;
-- real, where no clock is played
RESET calib.clock;
BEGIN;
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT 99, 6, 'month', calib.period_start(calib.today(), 'month'), 10;
INSERT INTO calib.policy (valid_from, unit_id, approval) VALUES (calib.today(), 6, 'none');
UPDATE calib.target SET value = 11 WHERE target_id = 99;
SELECT payload -> 'simulated' AS simulated FROM calib.outbox WHERE payload ->> 'target_id' = '99';
ROLLBACK;
SET calib.clock = '2025-10-15 09:00+08';
-- refused, rolled back, a draft: none; an agreement drafted and acknowledged: one each
SELECT own.try('UPDATE calib.target SET value = 500 WHERE target_id = 3');
BEGIN;
UPDATE calib.target SET value = 95 WHERE target_id = 3;
ROLLBACK;
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (7, 3, 'quarter', '2026-01-01', 100);
UPDATE calib.target SET value = 200 WHERE target_id = 7;
SELECT count(*) FROM calib.outbox;                                                    -- 2
ALTER SEQUENCE calib.outbox_position_seq RESTART 3;
SELECT calib.draft_agreement(3, 'quarter', '2025-10-01', '{"bonus": 0.10}') AS id \gset agreement_
SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01') = :agreement_id AS same;
SELECT position, aggregatetype, aggregateid, type, payload - 'agreement_id' AS payload FROM calib.outbox WHERE position > 2 ORDER BY 1;

-- A resource request: the trigger alone, on a table with the columns it names -----------
BEGIN;
ALTER TABLE IF EXISTS calib.resource_request RENAME TO resource_request_kept;
CREATE TABLE calib.resource_request (request_id bigint, unit_id bigint, kind text, amount numeric, cost numeric, from_unit bigint, reason text, status text,
    submitted_by text, submitted_at timestamptz, approved_by text, approved_at timestamptz, filed_by text, filed_at timestamptz, expected numeric);
CREATE TRIGGER announce_request AFTER INSERT OR UPDATE ON calib.resource_request FOR EACH ROW EXECUTE FUNCTION calib.announce_request();
INSERT INTO calib.resource_request VALUES (17, 1, 'people', 2, 30000.50, 2, 'new retail', 'submitted', 'li', '2025-10-15 09:00+08');
UPDATE calib.resource_request SET status = 'approved', approved_by = 'wang', approved_at = '2025-10-15 09:20+08';
SELECT count(*) FROM calib.outbox WHERE aggregatetype = 'request';                    -- 0
UPDATE calib.resource_request SET status = 'filed', filed_by = 'zhao', filed_at = '2025-10-15 09:47+08';
UPDATE calib.resource_request SET reason = reason;
SELECT aggregatetype, aggregateid, type, payload FROM calib.outbox WHERE aggregatetype = 'request';
SET LOCAL calib.restoring = on;
INSERT INTO calib.resource_request SELECT * FROM calib.resource_request;
SELECT count(*) FROM calib.outbox WHERE aggregatetype = 'request';                    -- 1
ROLLBACK;
ALTER SEQUENCE calib.outbox_position_seq RESTART 5;

-- By hand: nobody, not the owner, not a superuser; and not by calib's own helpers -------
-- row-level security, which would refuse first, is out of its way
CREATE ROLE regress_calib_reader LOGIN BYPASSRLS;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON calib.outbox, calib.outbox_claim TO regress_calib_reader;
CREATE VIEW own.by_hand AS SELECT s FROM unnest(ARRAY[
    $$INSERT INTO calib.outbox (id, aggregatetype, aggregateid, type, payload, created_at) VALUES (gen_random_uuid(), 'agreement', '1/quarter/2025-10-01', 'AdjustmentFiled', '{}', now())$$,
    $$INSERT INTO calib.outbox SELECT gen_random_uuid(), aggregatetype, aggregateid, type, payload, 100, created_at FROM calib.outbox WHERE position = 1$$,
    $$INSERT INTO calib.outbox SELECT * FROM calib.outbox ON CONFLICT (id) DO UPDATE SET payload = '{}'$$,
    $$UPDATE calib.outbox SET payload = payload || '{"new_value": 1}'$$, $$UPDATE calib.outbox SET type = type$$,
    $$DELETE FROM calib.outbox$$, $$TRUNCATE calib.outbox CASCADE$$,
    $$INSERT INTO calib.outbox_claim (id, position) VALUES (gen_random_uuid(), 1)$$,
    $$UPDATE calib.outbox_claim SET acked_at = now(), worker = 'me', claimed_at = now(), lease_until = now()$$,
    $$DELETE FROM calib.outbox_claim$$, $$TRUNCATE calib.outbox_claim$$,
    $$MERGE INTO calib.outbox o USING (VALUES (1)) v (p) ON o.position = v.p WHEN MATCHED THEN DELETE$$]) s;
GRANT SELECT ON own.by_hand TO PUBLIC;
SELECT left(s, 40) AS statement, own.try(s) FROM own.by_hand;
SET SESSION AUTHORIZATION regress_calib_reader;
SELECT left(s, 40) AS statement, own.try(s) FROM own.by_hand;
SELECT own.try(s) FROM unnest(ARRAY[$$SELECT calib.write_outbox('a', 'b', 'c', '{}')$$, $$SELECT calib.claim_outbox_behind_door(1, 'me', '1 day')$$,
    $$SELECT calib.ack_outbox_behind_door(own.id(1), NULL)$$, $$SELECT calib.prune_outbox_behind_door(now(), false)$$]) s;
RESET SESSION AUTHORIZATION;
SELECT own.try(s) FROM unnest(ARRAY[$$SELECT calib.write_outbox('a', 'b', 'c', '{}')$$, $$SELECT calib.claim_outbox_behind_door(1, 'me', '1 day')$$,
    $$SELECT calib.prune_outbox_behind_door('infinity', false)$$]) s;
COPY calib.outbox FROM stdin;
00000000-0000-0000-0000-000000000000	a	b	c	{}	1	2025-01-01
\.
-- a table of the reader's own does not pass for the one the trigger keeps
CREATE TABLE own.outbox (LIKE calib.outbox);
CREATE TRIGGER forge AFTER INSERT ON own.outbox FOR EACH ROW EXECUTE FUNCTION calib.announce_request();
SELECT own.try('INSERT INTO own.outbox SELECT * FROM calib.outbox LIMIT 1');
SELECT count(*) AS events, (SELECT count(*) FROM calib.outbox_claim) AS claims FROM calib.outbox;   -- 4 4

-- Claiming ---------------------------------------------------------------------------------
CREATE ROLE regress_calib_hr LOGIN;
CREATE ROLE regress_calib_hr_one LOGIN;
CREATE ROLE regress_calib_admin LOGIN;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES
    ('regress_calib_hr', 'hr', NULL), ('regress_calib_hr_one', 'hr', 1), ('regress_calib_admin', 'admin', NULL), ('regress_calib_reader', 'delegate', NULL),
    ('regress_calib_reader', 'viewer', NULL), ('regress_calib_reader', 'manager', NULL), ('regress_calib_reader', 'risk', NULL), ('regress_calib_reader', 'rep', NULL);
-- the other five duties, and hr over a part, do not
SET SESSION AUTHORIZATION regress_calib_reader;
SELECT own.try(s) FROM unnest(ARRAY[$$SELECT calib.claim_outbox(1, 'w')$$, $$SELECT calib.ack_outbox(own.id(1))$$, $$SELECT calib.prune_outbox(now())$$]) s;
SET SESSION AUTHORIZATION regress_calib_hr_one;
SELECT own.try(s) FROM unnest(ARRAY[$$SELECT calib.claim_outbox(1, 'w')$$, $$SELECT calib.ack_outbox(own.id(1))$$, $$SELECT calib.prune_outbox(now())$$]) s;
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT n, own.try(format('SELECT calib.claim_outbox(%L, ''w'')', n)) FROM unnest('{0,-1,NULL}'::int[]) n;
SELECT w, own.try(format('SELECT calib.claim_outbox(1, %L)', w)) FROM unnest(ARRAY['', ' ', E'\t', NULL]) w;
SELECT l, own.try(format('SELECT calib.claim_outbox(1, ''w'', %L)', l))
FROM unnest(ARRAY['0', '-1 second', '7 days 00:00:00.000001', '1 month', '1000000 years', '1 month -30 days', NULL]) l;
SELECT own.claim(1, 'w1') AS one, own.claim(2, 'w2') AS two, own.claim(10, 'w3') AS rest, own.claim(10, 'w4') AS none;   -- 1; 2 3; 4; none
SELECT own.try($$SELECT calib.ack_outbox(NULL)$$), own.try($$SELECT calib.ack_outbox('00000000-0000-0000-0000-000000000000')$$);
-- another worker's, where one says who one is
SELECT own.try(format('SELECT calib.ack_outbox(%L, ''w1'')', own.id(2)));
SELECT calib.ack_outbox(own.id(2), 'w2') AS acknowledged, calib.ack_outbox(own.id(2), 'w2') AS again, calib.ack_outbox(own.id(2)) AS and_again;
SELECT calib.ack_outbox(own.id(1)) AS acknowledged;
RESET SESSION AUTHORIZATION;
SELECT position, state, worker, acked_at IS NOT NULL AS acked, attempts FROM calib.outbox_state ORDER BY position;
-- unclaimed (what was refused above has taken numbers)
ALTER SEQUENCE calib.outbox_position_seq RESTART 5;
UPDATE calib.target SET value = 95 WHERE target_id IN (5, 6);
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT own.try(format('SELECT calib.ack_outbox(%L)', own.id(5)));
-- a lease that ended: the row comes back, to another worker, and the first one's late
-- acknowledgement is told so, as far as it says who it is
SELECT own.claim(1, 'slow', '1 millisecond') AS five;
SELECT pg_sleep(0.01);
RESET SESSION AUTHORIZATION;
SELECT position, state FROM calib.outbox_state WHERE position >= 5 ORDER BY 1;
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT own.claim(2, 'quick') AS five_six;
SELECT own.try(format('SELECT calib.ack_outbox(%L, ''slow'')', own.id(5)));
SELECT calib.ack_outbox(own.id(5), 'quick') AS acknowledged;
-- after its own lease, with nobody in between: taken
RESET SESSION AUTHORIZATION;
UPDATE calib.target SET value = 94 WHERE target_id = 6;
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT own.claim(1, 'slow', '1 millisecond') AS seven;
SELECT pg_sleep(0.01);
SELECT calib.ack_outbox(own.id(7), 'slow') AS acknowledged;
-- calib.clock, however set, moves no lease
RESET SESSION AUTHORIZATION;
SET calib.clock = '2099-01-01';
SELECT own.claim(10, 'future') AS none;
SET calib.clock = '2025-10-15 09:00+08';

-- Pruning ------------------------------------------------------------------------------------
SET SESSION AUTHORIZATION regress_calib_admin;
SELECT own.try('SELECT calib.prune_outbox(NULL)'), own.try('SELECT calib.prune_outbox(now(), NULL)');
SELECT calib.prune_outbox(now() - interval '1 hour') AS none;
SELECT calib.prune_outbox('infinity') AS acknowledged;                               -- 1 2 5 7: 4
RESET SESSION AUTHORIZATION;
SELECT string_agg(o.position::text, ' ' ORDER BY o.position) AS events, string_agg(c.position::text, ' ' ORDER BY o.position) AS claims
FROM calib.outbox o FULL JOIN calib.outbox_claim c USING (id);                         -- 3 4 6
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT calib.prune_outbox('infinity', false) AS all_of_them;                         -- 3
RESET SESSION AUTHORIZATION;
SELECT count(*) AS events, (SELECT count(*) FROM calib.outbox_claim) AS claims FROM calib.outbox;

DROP EXTENSION calib CASCADE;
DROP SCHEMA own CASCADE;
DROP ROLE regress_calib_reader, regress_calib_hr, regress_calib_hr_one, regress_calib_admin;
