-- Freshness: lags per source by hand, what has none, silent sources, and who sees it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET timezone = 'Asia/Shanghai';
SET DateStyle = 'ISO, YMD';
SET calib.clock = '2025-10-31 18:00+08';
SELECT * FROM calib.freshness;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'rep', 'Ann'), (2, 'rep', 'Bo');
INSERT INTO calib.activity (source, external_id, unit_id, kind, outcome, occurred_at, recorded_at) VALUES
    -- crm: 0, 1, 2, 3 and 94 hours: mean 20, median 2; 95th percentile 3 + 0.8 * (94 - 3) = 75.8
    ('crm', '1', 1, 'visit', NULL, '2025-10-20 09:00+08', '2025-10-20 09:00+08'),
    ('crm', '2', 1, 'visit', NULL, '2025-10-20 09:00+08', '2025-10-20 10:00+08'),
    ('crm', '3', 2, 'call', NULL, '2025-10-21 09:00+08', '2025-10-21 11:00+08'),
    ('crm', '4', 2, 'call', NULL, '2025-10-30 09:00+08', '2025-10-30 12:00+08'),
    ('crm', '5', 2, 'call', NULL, '2025-10-20 09:00+08', '2025-10-24 07:00+08'),
    -- recorded, but not happened yet: no lag and no last event, but the last record
    ('crm', '6', 1, 'planned_visit', NULL, '2025-11-05 09:00+08', '2025-10-31 17:00+08'),
    ('crm', '7', 1, 'log_report', 'open', '2025-10-31 19:00+08', '2025-10-31 17:30+08'),
    -- 30 days and no longer; not recorded yet by the clock
    ('edge', '1', 1, 'visit', NULL, '2025-10-01 16:00:00+08', '2025-10-01 18:00:00+08'),
    ('edge', '2', 1, 'visit', NULL, '2025-10-01 17:30:00.000001+08', '2025-10-01 18:00:00.000001+08'),
    ('edge', '3', 1, 'visit', NULL, '2025-10-30 18:00+08', '2025-10-31 18:00:00.000001+08'),
    ('silent', '1', 1, 'visit', NULL, '2025-09-01 09:00+08', '2025-09-01 09:00+08');
INSERT INTO calib.result (source, external_id, unit_id, occurred_at, amount, recorded_at) VALUES
    -- the same source pays and visits: 0.5 and 1.5 beside the 0.5 of edge
    ('edge', '1', 1, '2025-10-10 09:00+08', 1, '2025-10-10 10:30+08'),
    ('edge', '2', 1, '2025-10-11 09:00+08', -1, '2025-10-11 09:30+08'),
    ('bank', '1', 2, '2025-10-20 00:00+08', 100, '2025-10-25 00:00+08');
CREATE VIEW fresh AS
SELECT source, last_event, last_recorded, round(lag_mean::numeric, 6) AS mean, round(lag_p50::numeric, 6) AS p50, round(lag_p95::numeric, 6) AS p95
FROM calib.freshness ORDER BY source;
GRANT SELECT ON fresh TO PUBLIC;
SELECT * FROM fresh;
-- the view against plain SQL
SELECT count(*) AS differ FROM (
    SELECT source, avg(recorded_at - occurred_at) AS lag
    FROM (SELECT source, occurred_at, recorded_at FROM calib.activity UNION ALL SELECT source, occurred_at, recorded_at FROM calib.result) f
    WHERE recorded_at > timestamptz '2025-10-01 18:00+08' AND recorded_at <= '2025-10-31 18:00+08' AND occurred_at <= recorded_at
    GROUP BY source) p JOIN calib.freshness f USING (source)
WHERE abs(extract(epoch FROM p.lag) / 3600 - f.lag_mean) > 1e-9;
-- a day earlier, and never
SELECT source, last_recorded FROM calib.freshness_at('2025-10-30 18:00+08') ORDER BY 1;
SELECT count(*) AS never FROM calib.freshness_at(NULL);
-- the month is found by index, sources by their keys: no scan of all facts
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at, recorded_at)
SELECT 'old', n, 1, 'visit', at, at FROM generate_series(1, 60000) n, LATERAL (SELECT timestamptz '2024-01-01 00:00+08' + n * interval '10 minutes') t (at);
ANALYZE calib.activity;
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        RETURN NEXT substring(line FROM '(Seq Scan on \w+|Index Scan on activity_default_recorded)');
    END LOOP;
END $$;
SELECT plan($$SELECT source, occurred_at, recorded_at FROM calib.activity WHERE recorded_at > timestamptz '2025-10-31 18:00+08' - interval '720 hours' AND recorded_at <= '2025-10-31 18:00+08'$$) AS plan
INTERSECT VALUES ('Seq Scan on activity_default'), ('Index Scan on activity_default_recorded');
SELECT source, p50 FROM fresh WHERE source IN ('old', 'crm');

-- who is silent: what is looked for backwards is what one pass over all facts tells
DELETE FROM calib.activity WHERE source = 'old' AND external_id::integer % 200 <> 0;
INSERT INTO calib.source (source, stale_days) VALUES ('crm', 1), ('edge', 5), ('silent', 30), ('bank', 12), ('old', 365), ('ancient', 1), ('planned', 3), ('never', 1);
INSERT INTO calib.activity (source, external_id, unit_id, kind, outcome, occurred_at, recorded_at) VALUES
    ('ancient', '1', 1, 'visit', NULL, '1970-01-01 09:00+08', '1970-01-01 10:00+08'), ('ancient', '2', 1, 'visit', NULL, '1950-01-01 09:00+08', '1950-01-01 10:00+08'),
    ('planned', '1', 1, 'planned_visit', NULL, '2025-10-31 09:00+08', '2025-10-01 09:00+08'), ('planned', '2', 1, 'log_report', 'open', '2025-10-31 09:00+08', '2025-10-31 09:00+08'),
    ('planned', '3', 1, 'visit', 'order', '2025-10-09 09:00+08', '2025-10-10 09:00+08');
CREATE FUNCTION silent(as_of timestamptz, known_at timestamptz) RETURNS TABLE (source text, newest timestamptz, days integer, stale_days integer) LANGUAGE sql AS $$
    SELECT s.source, max(f.occurred_at), (as_of AT TIME ZONE 'Asia/Shanghai')::date - (max(f.occurred_at) AT TIME ZONE 'Asia/Shanghai')::date, s.stale_days
    FROM calib.source s JOIN (SELECT source, occurred_at, recorded_at FROM calib.result UNION ALL
        SELECT source, occurred_at, recorded_at FROM calib.activity WHERE kind <> 'planned_visit' AND outcome IS DISTINCT FROM 'open') f USING (source)
    WHERE f.occurred_at <= as_of AND (known_at IS NULL OR f.recorded_at <= known_at)
    GROUP BY s.source, s.stale_days HAVING max(f.occurred_at) < as_of - s.stale_days * interval '24 hours'
$$;
SELECT * FROM calib.stale_sources('2025-10-31 18:00+08', NULL) ORDER BY 1;
CREATE TEMP TABLE asked AS SELECT a AS as_of, k AS known_at
FROM (SELECT timestamptz '2025-09-25 16:00:00.000001+08' + n * interval '18 hours' FROM generate_series(0, 70) n
      UNION SELECT unnest('{1960-01-01,1969-12-31,1970-01-01 09:00+08,1970-01-02 09:00+08,1970-01-02 09:00:00.000001+08,1999-01-01,2026-03-01,2500-01-01}'::timestamptz[])
      UNION SELECT occurred_at + d * interval '24 hours' FROM calib.activity, unnest('{0,1,3,5,30}'::integer[]) d WHERE source NOT IN ('old', 'planned')) t (a),
    (SELECT NULL::timestamptz UNION ALL SELECT unnest('{2024-06-01,2025-10-20 09:30+08,2025-10-31 18:00+08}'::timestamptz[])) r (k);
SELECT count(*) > 400 AS many, (SELECT count(*) FROM asked a, silent(a.as_of, a.known_at)) > 500 AS found,
    (SELECT count(*) FROM (SELECT a.*, s.* FROM asked a, silent(a.as_of, a.known_at) s EXCEPT SELECT a.*, s.* FROM asked a, calib.stale_sources(a.as_of, a.known_at) s) m) AS missing,
    (SELECT count(*) FROM (SELECT a.*, s.* FROM asked a, calib.stale_sources(a.as_of, a.known_at) s EXCEPT SELECT a.*, s.* FROM asked a, silent(a.as_of, a.known_at) s) w) AS wrong
FROM asked;
SELECT count(*) AS never FROM calib.stale_sources(NULL, NULL);
\set VERBOSITY terse
SELECT * FROM calib.stale_sources('infinity', NULL);
SELECT * FROM calib.stale_sources('-infinity', NULL);
-- no limit is beyond what can be counted back
UPDATE calib.source SET stale_days = 3661 WHERE source = 'ancient';
UPDATE calib.source SET stale_days = 3660 WHERE source = 'ancient';
SELECT source, days, stale_days FROM calib.stale_sources('2025-10-31 18:00+08', NULL) WHERE source = 'ancient';
\set VERBOSITY default
DROP FUNCTION silent;
DELETE FROM calib.source;

-- the same for everybody with a duty, over whatever unit; nothing for others
CREATE ROLE calib_bo; CREATE ROLE calib_stranger;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('calib_bo', 'rep', 2);
SET ROLE calib_bo;
SELECT count(*) AS own_facts FROM calib.activity WHERE source = 'crm';
SELECT source, mean FROM fresh WHERE source IN ('crm', 'bank');
SELECT count(*) FROM calib.freshness_at('2025-10-31 18:00+08');
SELECT calib.sources();
SET ROLE calib_stranger;
SELECT count(*) FROM calib.freshness;
RESET ROLE;
DELETE FROM calib.duty;
DROP VIEW fresh;
DROP ROLE calib_bo, calib_stranger;
DROP EXTENSION calib CASCADE;
