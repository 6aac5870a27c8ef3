-- Every job, run as of a time, does something; run again as of the same time it changes
-- nothing, in any table. The workers themselves, because calib.run() would not call one twice.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
-- Four teams with one rep each: dense and behind, sparse and behind, and two as they should be.
SET calib.clock = '2025-10-01 09:00+08';
INSERT INTO calib.policy (valid_from, loop) VALUES ('2025-10-01', true);
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'region', 'East');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT n, 1, 'team', 'Team ' || n FROM generate_series(2, 5) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 + n, n, 'rep', 'Rep ' || n FROM generate_series(2, 5) n;
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('li', 'manager', 1), ('wang', 'risk', NULL), ('zhao', 'hr', NULL);
UPDATE calib.rule SET enabled = true;
UPDATE calib.rule SET parameters = parameters || '{"n": 2}' WHERE rule = 'every_10th_contact';
INSERT INTO calib.rule (rule, kind, parameters, enabled, label_en, label_zh) VALUES ('no_money', 'result_missing', '{"measure": "collection", "days": 2}', true, 'x', 'x');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT u, 'month', m, 100 FROM generate_series(2, 5) u, unnest('{2025-11-01,2025-12-01}'::date[]) m;
SELECT calib.publish_targets('2025-11-01'), calib.publish_targets('2025-12-01');
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT n, 12 + n % 4, 'shop ' || n, '2025-01-01' FROM generate_series(1, 40) n;
SET calib.clock = '2025-11-21 16:00+08';
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT u, 1 + n % 40, 'visit', at, at + interval '1 hour'
FROM (VALUES (12, 60), (13, 4), (14, 30), (15, 30)) v (u, visits) CROSS JOIN LATERAL generate_series(1, v.visits) n
CROSS JOIN LATERAL (SELECT timestamptz '2025-11-02 10:00' + make_interval(days => n % 18) AS at) t;
INSERT INTO calib.result (unit_id, occurred_at, amount, recorded_at) SELECT u, '2025-11-18 10:00', amount, '2025-11-19' FROM (VALUES (12, 45), (13, 45), (14, 75), (15, 75)) v (u, amount);
-- a step that waits too long; a source to pull; old logs to clear out
SET calib.clock = '2025-11-19 16:00+08';
SET calib.actor = 'li';
SELECT calib.submit_request(1, 'samples', 10, 'why') AS request;
RESET calib.actor;
SET calib.clock = '2025-11-21 16:00+08';
CREATE TABLE own.crm (id text PRIMARY KEY, rep text, at timestamptz, changed timestamptz);
UPDATE calib.unit SET external_ref = 'r2' WHERE unit_id = 12;
SELECT calib.attach('crm', 'activity', 'own.crm', '{"external_id": "id", "unit": "rep", "kind": "''visit''", "occurred_at": "at"}', NULL, 'pull', 'changed') >= 0 AS attached;
INSERT INTO own.crm VALUES ('v1', 'r2', '2025-11-20 10:00+08', '2025-11-20 10:00+08');
INSERT INTO calib.job_run (job, tick, started_at, finished_at, person) SELECT 'detect', t, t, t, 'x' FROM unnest('{2020-01-01,2020-01-02}'::timestamptz[]) t;

-- What stands in every table; but for when a feed was last pulled.
CREATE FUNCTION own.everything() RETURNS TABLE (relation text, digest text) LANGUAGE plpgsql AS $$
BEGIN
    FOR relation IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind = 'r' ORDER BY 1 LOOP
        EXECUTE format('SELECT md5(string_agg(r, '' '' ORDER BY r)) FROM (SELECT (to_jsonb(t) - ''pulled_at'')::text AS r FROM calib.%I t) x', relation) INTO digest;
        RETURN NEXT;
    END LOOP;
END $$;
CREATE TABLE own.before (relation text, digest text);
-- What one run changed.
CREATE FUNCTION own.changed(job text, as_of timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    relations text;
BEGIN
    DELETE FROM own.before;
    INSERT INTO own.before SELECT * FROM own.everything();
    EXECUTE format('SELECT calib.%I($1)', 'run_' || job) USING as_of;
    SELECT string_agg(e.relation, ', ' ORDER BY e.relation) INTO relations
    FROM own.everything() e JOIN own.before b USING (relation) WHERE e.digest IS DISTINCT FROM b.digest;
    RETURN relations;
END $$;
-- Each in a transaction of its own: announce and rollup after those that leave them work, seal
-- at the end, of all that was written.
CREATE TABLE own.run (n serial, job text, first text, second text, earlier text);
SELECT format('INSERT INTO own.run (job, first, second, earlier) VALUES (%1$L, own.changed(%1$L, %2$L), own.changed(%1$L, %2$L), own.changed(%1$L, %3$L))',
    job, timestamptz '2025-11-21 16:00+08', timestamptz '2025-11-21 15:00+08')
FROM calib.job ORDER BY job = 'seal', job = 'announce', job = 'rollup', job \gexec
SELECT job, first, second, earlier FROM own.run ORDER BY n;
-- all of them once more, in another order, by a session that writes dates and speaks otherwise: nothing
SET DateStyle = 'German';
SET TimeZone = 'America/Los_Angeles';
SET IntervalStyle = 'sql_standard';
SET calib.language = 'zh';
SELECT format('SELECT own.changed(%L, %L) AS %s', job, '2025-11-21 16:00+08', job) FROM calib.job ORDER BY job DESC \gexec
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
