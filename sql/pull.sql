-- Reading a source again: cursors and their overlap, late and changed rows, deletions on
-- demand, and what had failed.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET timezone = 'Asia/Shanghai';

CREATE SCHEMA crm;
CREATE FUNCTION crm.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (1, 'rep', 'An', 'an'), (2, 'rep', 'Bo', 'bo');

-- A view over another's table, whose rows say when they changed. The facts that must be
-- there are told by the mapping over the view itself.
CREATE TABLE crm.base (id bigint PRIMARY KEY, rep text, at timestamptz, n numeric, changed timestamptz, deleted boolean NOT NULL DEFAULT false);
CREATE VIEW crm.visit AS SELECT * FROM crm.base;
CREATE VIEW crm.difference AS
    (SELECT 'missing' AS what, v.id::text AS id, v.rep, v.at, v.n::float8 FROM crm.visit v WHERE NOT v.deleted AND v.rep IN ('an', 'bo', 'cy')
     EXCEPT SELECT 'missing', a.external_id, u.external_ref, a.occurred_at, a.quantity FROM calib.activity a JOIN calib.unit u USING (unit_id) WHERE a.source = 'visits')
    UNION ALL
    (SELECT 'too many', a.external_id, u.external_ref, a.occurred_at, a.quantity FROM calib.activity a JOIN calib.unit u USING (unit_id) WHERE a.source = 'visits'
     EXCEPT SELECT 'too many', v.id::text, v.rep, v.at, v.n::float8 FROM crm.visit v WHERE NOT v.deleted);
SELECT calib.attach('visits', 'activity', 'crm.visit', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at", "quantity": "n"}',
    'NOT deleted', 'pull', 'changed', overlap => '1 hour') > 0 AS attached;
INSERT INTO crm.base VALUES (1, 'an', '2025-10-01 09:00+08', 1, '2025-10-01 10:00+08'), (2, 'bo', '2025-10-01 10:00+08', 2, '2025-10-01 11:00+08'),
    (3, 'an', '2025-10-02 09:00+08', 1, NULL);
SELECT calib.pull('visits');
SELECT cursor_value::timestamptz = '2025-10-01 11:00+08' AS newest, pulled_at IS NOT NULL AS pulled FROM calib.feed;
SELECT external_id, unit_id, kind, occurred_at, quantity FROM calib.activity ORDER BY 1;
-- the same again is nothing
SELECT xmin AS was FROM calib.activity WHERE external_id = '2' \gset
SELECT calib.pull('visits') AS pulled_again;
SELECT xmin::text = :'was' AS untouched FROM calib.activity WHERE external_id = '2';
SELECT * FROM crm.difference;
-- new, changed, moved, and late within the overlap: all come; later than that: with complete
INSERT INTO crm.base VALUES (4, 'an', '2025-10-03 09:00+08', 1, '2025-10-03 09:00+08'), (5, 'bo', '2025-09-01 09:00+08', 1, '2025-10-01 10:00+08'),
    (6, 'bo', '2025-09-02 09:00+08', 1, '2025-10-01 09:59:59+08');
UPDATE crm.base SET n = 7, at = '2025-10-05 09:00+08', changed = '2025-10-03 08:00+08' WHERE id = 1;
UPDATE crm.base SET n = 9 WHERE id = 3;
SELECT calib.pull('visits');
SELECT * FROM crm.difference;
SELECT calib.pull('visits', complete => true);
SELECT * FROM crm.difference;
-- rows that are gone, softly or not, stay until keys are compared
DELETE FROM crm.base WHERE id = 2;
UPDATE crm.base SET deleted = true, changed = '2025-10-03 08:30+08' WHERE id = 4;
SELECT calib.pull('visits');
SELECT what, id FROM crm.difference ORDER BY 2;
SELECT calib.pull('visits', complete => true);
SELECT * FROM crm.difference;
-- what others brought is not touched
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('manual', '2', 1, 'visit', '2025-10-01'), ('visits2', '2', 1, 'visit', '2025-10-01');
SELECT calib.pull('visits', complete => true);
SELECT source, external_id FROM calib.activity WHERE source <> 'visits' ORDER BY 1;
-- a time to come does not hide what is written before it
INSERT INTO crm.base VALUES (8, 'an', '2025-10-06 09:00+08', 1, '9999-01-01'), (9, 'an', '2025-10-06 10:00+08', 1, 'infinity');
SELECT calib.pull('visits');
SELECT cursor_value::timestamptz < now() AS in_the_past FROM calib.feed;
INSERT INTO crm.base VALUES (10, 'bo', '2025-10-06 09:00+08', 1, '2025-10-04 09:00+08');
SELECT calib.pull('visits') > 0 AS came;
SELECT * FROM crm.difference;
-- who pulls, with which settings, makes no difference to where the cursor stands
SET datestyle = 'German';
SET timezone = 'America/New_York';
SET intervalstyle = 'sql_standard';
INSERT INTO crm.base VALUES (11, 'bo', '2025-10-07 09:00+08', 1, '2025-11-12 09:00+08');
SELECT calib.pull('visits');
SELECT cursor_value::timestamptz = '2025-11-12 09:00+08' AS newest FROM calib.feed;
SET datestyle = 'SQL, DMY';
INSERT INTO crm.base VALUES (12, 'bo', '2025-10-07 10:00+08', 1, '2025-11-12 08:00+08'), (13, 'bo', '2025-10-07 10:00+08', 1, '2025-11-12 07:59+08');
SELECT calib.pull('visits');
SELECT external_id FROM calib.activity WHERE external_id IN ('12', '13');
RESET datestyle;
RESET intervalstyle;
SET timezone = 'Asia/Shanghai';
SELECT calib.pull('visits', true);
-- nor does who writes, with which settings, to what a key reads as
CREATE TABLE crm.keyed (raw bytea, n float8, i interval);
SELECT calib.attach('keyed', 'activity', 'crm.keyed', '{"external_id": "pg_catalog.concat_ws('' '', raw, n, i)", "unit": "''an''", "kind": "''visit''", "occurred_at": "''2025-10-01''", "outcome": "CASE WHEN NULL::text = NULL THEN ''equal'' END"}') > 0 AS attached;
INSERT INTO crm.keyed VALUES ('\x00ff', 0.1::float8 + 0.2::float8, '1 day 2 hours');
SET bytea_output = escape;
SET extra_float_digits = 0;
SET intervalstyle = iso_8601;
SET transform_null_equals = on;
UPDATE crm.keyed SET i = i;
SELECT calib.pull('keyed', complete => true);
SELECT external_id, outcome FROM calib.activity WHERE source = 'keyed';
RESET bytea_output;
RESET extra_float_digits;
RESET intervalstyle;
RESET transform_null_equals;
SELECT calib.pull('keyed', complete => true);
SELECT external_id FROM calib.activity WHERE source = 'keyed';
SELECT calib.detach('keyed', remove => true);

-- What had failed -----------------------------------------------------------------------
INSERT INTO crm.base VALUES (20, 'cy', '2025-10-08 09:00+08', 1, '2025-11-12 09:00+08'), (21, 'nobody', '2025-10-08 09:00+08', 1, '2025-11-12 09:00+08');
SELECT calib.pull('visits');
SELECT source, destination, external_id, sqlstate, tries FROM calib.feed_error ORDER BY external_id;
SELECT extract(epoch FROM first_at) AS first FROM calib.feed_error WHERE external_id = '20' \gset
-- out of the overlap by now, and still not lost
INSERT INTO crm.base VALUES (22, 'an', '2025-10-08 09:00+08', 1, '2025-11-20 09:00+08');
SELECT calib.pull('visits');
SELECT external_id, count(*), max(tries) > 1 AS tried_again, extract(epoch FROM min(first_at)) = :first AS since_then FROM calib.feed_error WHERE external_id = '20' GROUP BY 1;
-- the unit appears
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (3, 'rep', 'Cy', 'cy');
SELECT calib.pull('visits');
SELECT external_id, unit_id, occurred_at FROM calib.activity WHERE external_id = '20';
SELECT external_id FROM calib.feed_error;
-- the row that failed is gone: so is the error
DELETE FROM crm.base WHERE id = 21;
SELECT calib.pull();
SELECT external_id FROM calib.feed_error;
SELECT * FROM crm.difference;

-- Other cursors -------------------------------------------------------------------------
CREATE TABLE crm.log (id bigint, rep text, at timestamptz, i int, l bigint, x numeric, d date, t timestamp, s smallint);
CREATE FUNCTION crm.log(n int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO crm.log SELECT n, 'an', '2025-10-01 09:00+08', n, n, n, date '2025-10-01' + n, timestamp '2025-10-01 09:00' + n * interval '1 day', n
$$;
SELECT crm.log(n) FROM generate_series(10, 12) n;
SELECT calib.attach('by_' || c, 'activity', 'crm.log', '{"external_id": "id", "unit": "rep", "kind": "''call''", "occurred_at": "at"}', NULL, 'pull', c::name, overlap => o) > 0 AS attached
FROM (VALUES ('i', '2'), ('l', '2'), ('x', '2'), ('s', '2'), ('d', '2 days'), ('t', '2 days')) AS v (c, o);
SELECT feed, calib.pull(feed) FROM calib.feed WHERE feed LIKE 'by%' ORDER BY 1;
SELECT crm.log(9), crm.log(10), crm.log(13);
UPDATE crm.log SET id = id + 100 WHERE ctid IN (SELECT max(ctid) FROM crm.log WHERE id IN (9, 10, 13) GROUP BY id);
SELECT feed, calib.pull(feed) FROM calib.feed WHERE feed LIKE 'by%' ORDER BY 1;
SELECT source, string_agg(external_id, ' ' ORDER BY external_id::int) FROM calib.activity WHERE source LIKE 'by%' GROUP BY 1 ORDER BY 1;
SELECT feed, cursor_value FROM calib.feed WHERE feed LIKE 'by%' ORDER BY 1;
SELECT calib.detach(feed, remove => true) > 0 AS removed FROM calib.feed WHERE feed LIKE 'by%';
-- a cursor column that changes under the feed
SELECT calib.attach('by_i', 'activity', 'crm.log', '{"external_id": "id", "unit": "rep", "kind": "''call''", "occurred_at": "at"}', NULL, 'pull', 'i') > 0 AS attached;
ALTER TABLE crm.log DROP COLUMN i;
SELECT crm.try('SELECT calib.pull(''by_i'')');
SELECT calib.pull();
SELECT calib.detach('by_i');

-- Without a cursor everything is read each time; a partitioned source leaf by leaf, a
-- materialized view as it stands ----------------------------------------------------------
CREATE TABLE crm.call (id int, rep text, at timestamptz) PARTITION BY LIST (rep);
CREATE TABLE crm.call_an PARTITION OF crm.call FOR VALUES IN ('an');
CREATE TABLE crm.call_rest PARTITION OF crm.call DEFAULT PARTITION BY LIST (rep);
CREATE TABLE crm.call_bo PARTITION OF crm.call_rest DEFAULT;
INSERT INTO crm.call VALUES (1, 'an', '2025-10-01 09:00+08'), (2, 'bo', '2025-10-01 09:00+08');
CREATE MATERIALIZED VIEW crm.copy AS SELECT * FROM crm.call;
SELECT calib.attach('calls', 'activity', 'crm.call', '{"external_id": "id", "unit": "rep", "kind": "''call''", "occurred_at": "at"}', mode => 'pull') > 0 AS attached,
    calib.attach('copied', 'activity', 'crm.copy', '{"external_id": "id", "unit": "rep", "kind": "''call''", "occurred_at": "at"}', mode => 'pull') > 0 AS attached;
SELECT calib.pull('calls'), calib.pull('copied');
DELETE FROM crm.call WHERE id = 1;
SELECT calib.pull('calls', true), calib.pull('copied', true);
REFRESH MATERIALIZED VIEW crm.copy;
SELECT calib.pull('copied', true);
SELECT source, external_id, unit_id FROM calib.activity WHERE source IN ('calls', 'copied') ORDER BY 1, 2;
SELECT calib.detach('calls', true), calib.detach('copied', true);

-- What has no key waits once, however often it is read again: without a cursor as long as it has
-- none, by a cursor until everything is read ---------------------------------------------------
CREATE TABLE crm.keyless (id int, rep text, at timestamptz, changed timestamptz);
INSERT INTO crm.keyless VALUES (NULL, 'an', '2025-10-01 09:00+08', NULL), (NULL, 'an', '2025-10-02 09:00+08', '2025-10-02 09:00+08');
SELECT calib.attach('whole', 'activity', 'crm.keyless', '{"external_id": "id", "unit": "rep", "kind": "''call''", "occurred_at": "at"}', mode => 'pull') > 0 AS attached,
    calib.attach('by_time', 'activity', 'crm.keyless', '{"external_id": "100 / id", "unit": "rep", "kind": "''call''", "occurred_at": "at"}', NULL, 'pull', 'changed') > 0 AS attached;
SELECT calib.pull('whole'), calib.pull('by_time') FROM generate_series(1, 3);
SELECT source, count(*), count(DISTINCT fact) FROM calib.feed_error WHERE external_id IS NULL GROUP BY 1 ORDER BY 1;
UPDATE crm.keyless SET id = 0 WHERE changed IS NULL;
UPDATE crm.keyless SET id = 5 WHERE id IS NULL;
SELECT calib.pull('whole'), calib.pull('by_time'), calib.pull('by_time') FROM generate_series(1, 2);
SELECT source, external_id, problem, source_row FROM calib.feed_error WHERE source IN ('whole', 'by_time') ORDER BY 1, feed_error_id;
UPDATE crm.keyless SET id = 4 WHERE id = 0;
SELECT calib.pull('by_time', true);
SELECT count(*) FROM calib.feed_error WHERE source IN ('whole', 'by_time');
SELECT calib.detach('whole', true), calib.detach('by_time', true);
DROP TABLE crm.keyless;
-- the facts of a name that is not new are told
SET client_min_messages = notice;
SELECT calib.detach('visits'), calib.attach('visits', 'activity', 'crm.visit', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at", "quantity": "n"}',
    'NOT deleted', 'pull', 'changed', overlap => '1 hour') > 0 AS attached;
SET client_min_messages = warning;
SELECT calib.pull('visits') > 0 AS took;

-- A key that reads otherwise in every session is told in the organisation's time zone ------
CREATE TABLE crm.stamp (rep text, at timestamptz);
INSERT INTO crm.stamp VALUES ('an', '2025-10-01 09:00+08'), ('an', '2025-11-05 23:30-05');
SELECT calib.attach('stamps', 'activity', 'crm.stamp', '{"external_id": "at", "unit": "rep", "kind": "''call''", "occurred_at": "at"}', mode => 'pull') > 0 AS attached;
SELECT calib.pull('stamps');
SET timezone = 'America/New_York';
SET datestyle = 'German';
SELECT calib.pull('stamps', true);
SHOW timezone;
RESET datestyle;
SET timezone = 'Asia/Shanghai';
SELECT external_id FROM calib.activity WHERE source = 'stamps' ORDER BY 1;
SELECT calib.detach('stamps', true);

-- Customers: what this feed saw and sees no more -------------------------------------------
CREATE TABLE crm.account (id text, name text);
INSERT INTO crm.account VALUES ('a1', 'Alpha'), ('a2', 'Beta');
INSERT INTO calib.customer (name, external_ref) VALUES ('Entered by hand', 'hand');
SELECT calib.attach('accounts', 'customer', 'crm.account', '{"external_ref": "id", "name": "name", "unit": "''an''"}', mode => 'pull') > 0 AS attached;
SELECT calib.pull('accounts');
DELETE FROM crm.account WHERE id = 'a2';
SELECT calib.pull('accounts', true);
SELECT name, external_ref, unit_id FROM calib.customer ORDER BY 2;
SELECT k.key FROM calib.feed_key k JOIN calib.feed f USING (feed_id) WHERE f.feed = 'accounts';

-- Two feeds of one table share it out by their filters: neither takes away what the other brings,
-- or somebody entered by hand; each does what it has read itself
CREATE TABLE crm.unit (id text, kind text, deleted boolean NOT NULL DEFAULT false);
CREATE VIEW crm.units AS SELECT * FROM crm.unit;
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (90, 'rep', 'Entered by hand', 'u0');
SELECT setval('calib.unit_unit_id_seq', 90);
INSERT INTO crm.unit VALUES ('u0', 'guest'), ('u1', 'team'), ('u2', 'rep'), ('u3', 'rep');
SELECT calib.attach('of_' || k, 'unit', 'crm.units', '{"external_ref": "id", "name": "id", "kind": "kind"}', format('NOT deleted AND kind = %L', k), 'pull') > 0 AS attached
FROM unnest('{rep,team}'::text[]) AS k;
SELECT sum(calib.pull(f)) FROM unnest('{of_rep,of_team,of_rep,of_team}'::text[]) AS f;
SELECT external_ref, kind, upper_inf(active) AS active FROM calib.unit WHERE external_ref LIKE 'u_' ORDER BY 1;
UPDATE crm.unit SET deleted = true WHERE id = 'u3';
SELECT sum(calib.pull(f)) FROM unnest('{of_rep,of_team}'::text[]) AS f;
SELECT external_ref, kind, upper_inf(active) AS active FROM calib.unit WHERE external_ref LIKE 'u_' ORDER BY 1;
SELECT calib.detach(f) FROM unnest('{of_rep,of_team}'::text[]) AS f;
DELETE FROM calib.unit WHERE external_ref LIKE 'u_';

-- A key that cannot be computed hides which facts have rows: none is removed ------------------
SELECT calib.detach('visits');
SELECT calib.attach('visits', 'activity', 'crm.visit', '{"external_id": "1000 / (id - 30) + id", "unit": "rep", "kind": "''visit''", "occurred_at": "at", "quantity": "n"}', 'NOT deleted', 'pull', 'changed') > 0 AS attached;
INSERT INTO crm.base VALUES (30, 'an', '2025-10-01 09:00+08', 1, '2025-11-20 09:00+08');
SELECT count(*) AS facts FROM calib.activity WHERE source = 'visits' \gset
SELECT calib.pull('visits', true) > 0 AS took;
SELECT count(*) >= :facts AS all_there FROM calib.activity WHERE source = 'visits';
DELETE FROM crm.base WHERE id = 30;
SELECT calib.pull('visits', true) > 0 AS took;
SELECT count(*) AS errors FROM calib.feed_error WHERE source = 'visits';
SELECT (SELECT count(*) FROM calib.activity WHERE source = 'visits') = (SELECT count(DISTINCT 1000 / (id - 30) + id) FROM crm.base WHERE NOT deleted) AS exactly_those;

-- Facts of no feed wait as they came: the newest of a key is tried, and none that is overtaken --
INSERT INTO calib.feed_error (source, destination, external_id, fact, problem, sqlstate)
SELECT 'chat', 'activity', k, jsonb_build_object('external_id', k, 'unit', u, 'kind', 'visit', 'occurred_at', '2025-10-01T09:00:00+08', 'quantity', q), 'unknown unit', '23503'
FROM (VALUES ('m1', 'di', 1), ('m1', 'di', 2), ('m2', 'nobody', 1), ('m3', 'di', 1)) AS v (k, u, q);
INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (4, 'rep', 'Di', 'di');
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at, quantity, recorded_at) VALUES ('chat', 'm3', 4, 'visit', '2025-10-01', 5, now() + interval '1 minute');
SELECT calib.pull() > 0 AS took;
SELECT external_id, unit_id, quantity FROM calib.activity WHERE source = 'chat' ORDER BY 1;
SELECT external_id, tries > 1 AS tried_again FROM calib.feed_error WHERE source = 'chat';

-- How it may be called ------------------------------------------------------------------------
SELECT crm.try('SELECT calib.pull(''nobody'')'), crm.try('SELECT calib.pull(''visits'', NULL)');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT crm.try('SELECT calib.pull()');
ROLLBACK;
SELECT calib.run('pull') IS NOT NULL AS ran;

-- Health ----------------------------------------------------------------------------------------
SELECT check_name, ok FROM calib.health() WHERE check_name LIKE 'feed%';
UPDATE calib.feed SET pulled_at = now() - interval '3 days' WHERE feed = 'visits';
CREATE ROLE regress_other;
CREATE TABLE crm.short (id integer, rep text, at timestamptz);
SELECT calib.attach('short', 'activity', 'crm.short', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}', mode => 'pull') > 0 AS attached;
ALTER TABLE crm.account OWNER TO regress_other;
DROP TABLE crm.short;
SELECT check_name, ok, regexp_replace(detail, 'since .*(?=\. calib)', 'since ...') AS detail FROM calib.health() WHERE check_name LIKE 'feed%';
SELECT calib.detach(feed) FROM calib.feed;

DROP SCHEMA crm CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_other;
