-- behavior_summary: making, storing and merging summaries of a year, beside plain SQL
--
-- Each pair runs once (the answers must agree) and then five times in turn; the
-- ratio is the first / the second, pair by pair. One process, no parallel workers.
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET timezone = 'Asia/Shanghai';
SET max_parallel_workers_per_gather = 0;
SET work_mem = '512MB';
CREATE EXTENSION IF NOT EXISTS calib;
DROP SCHEMA IF EXISTS calib_bench CASCADE;
CREATE SCHEMA calib_bench;
CREATE TABLE calib_bench.wrong (entry text, one text, other text);

CREATE FUNCTION calib_bench.pair(entry text, compared boolean, one text, other text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    one_answer text;
    other_answer text;
    started timestamptz;
    between timestamptz;
    one_ms float8[];
    other_ms float8[];
BEGIN
    EXECUTE one INTO one_answer;
    EXECUTE other INTO other_answer;
    IF compared AND one_answer IS DISTINCT FROM other_answer THEN
        INSERT INTO calib_bench.wrong VALUES (entry, one_answer, other_answer);
    END IF;
    FOR run IN 1 .. 5 LOOP
        started := clock_timestamp();
        EXECUTE one INTO one_answer;
        between := clock_timestamp();
        EXECUTE other INTO other_answer;
        other_ms := other_ms || extract(epoch FROM clock_timestamp() - between)::float8 * 1000;
        one_ms := one_ms || extract(epoch FROM between - started)::float8 * 1000;
    END LOOP;
    RETURN (SELECT format('%-52s %s / %s ms  ratio min %s  median %s  max %s', entry,
                lpad(round(percentile_cont(0.5) WITHIN GROUP (ORDER BY o)::numeric, 1)::text, 8),
                lpad(round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 1)::text, 8),
                round(min(o / t)::numeric, 3), round(percentile_cont(0.5) WITHIN GROUP (ORDER BY o / t)::numeric, 3), round(max(o / t)::numeric, 3))
            FROM unnest(one_ms, other_ms) AS r (o, t));
END $$;

-- 40 events a week; 30 to 200 customers a rep, the first ones visited most
SELECT setseed(0.1);
CREATE UNLOGGED TABLE calib_bench.act AS
SELECT rep, week, occurred_at, customer_id, kind, 1::float8 AS quantity, occurred_at + random() * 60 * interval '1 hour' AS recorded_at
FROM (SELECT rep, week, timestamptz '2025-01-06' + week * interval '7 days' + least(floor(-ln(1 - random()) * 2.2), 6) * interval '1 day'
             + interval '9 hours' + (random() * 36000)::int * interval '1 second' AS occurred_at,
             1000000 + rep * 200 + floor((30 + rep % 171) * power(random(), 2))::bigint AS customer_id,
             (ARRAY['visit', 'visit', 'visit', 'call', 'call', 'call', 'quote', 'stage_advance', 'shelf_check', 'contract_change'])[1 + floor(random() * 10)::int] AS kind
      FROM generate_series(1, :reps) AS rep, generate_series(0, 51) AS week, generate_series(1, 40)) AS x;
CREATE UNLOGGED TABLE calib_bench.weekly AS
SELECT rep, week, calib.behavior(occurred_at, customer_id, kind, quantity, 'Asia/Shanghai', recorded_at) AS b FROM calib_bench.act GROUP BY rep, week;
VACUUM ANALYZE calib_bench.act;
VACUUM ANALYZE calib_bench.weekly;

SELECT format('%s rep-weeks of 40 events, %s customers, %s distinct events: %s bytes each (%s to %s); %s MB beside %s MB of rows',
              count(*), round(avg(calib.customers(b)), 1), round(avg(calib.distinct_events(b)), 1), round(avg(pg_column_size(b))), min(pg_column_size(b)), max(pg_column_size(b)),
              pg_total_relation_size('calib_bench.weekly') >> 20, pg_total_relation_size('calib_bench.act') >> 20) FROM calib_bench.weekly;
SELECT format('rep-quarters: %s bytes, %s customers', round(avg(octet_length(calib.behavior_send(b)))), round(avg(calib.customers(b)), 1))
FROM (SELECT calib.rollup(b) AS b FROM calib_bench.weekly GROUP BY rep, week / 13) AS x;

\set summed 'SELECT format($f$%s %s %s %s$f$, sum(calib.events(b)), sum(calib.distinct_events(b)), sum(calib.customers(b)), round(sum(calib.concentration(b))::numeric, 6)) FROM '
\set made '(SELECT calib.behavior(occurred_at, customer_id, kind, quantity, $z$Asia/Shanghai$z$, recorded_at) AS b FROM calib_bench.act GROUP BY rep, week / 13) AS x'
\set rolled '(SELECT calib.rollup(b) AS b FROM calib_bench.weekly GROUP BY rep, week / 13) AS x'
-- the same figures by the fastest of several plain formulations: distinct acts, then customers, then reps
\set plain 'SELECT format($f$%s %s %s %s$f$, sum(events), sum(acts), sum(customers), round(sum(hhi)::numeric, 6)) FROM (SELECT sum(events) AS events, sum(acts) AS acts, count(*) AS customers, sum(events * events)::float8 / sum(events) ^ 2 AS hhi FROM (SELECT rep, q, customer_id, sum(n)::bigint AS events, count(*) AS acts FROM (SELECT rep, week / 13 AS q, customer_id, kind, occurred_at::date AS day, count(*) AS n, count(*) FILTER (WHERE recorded_at > occurred_at + $i$48 hours$i$) AS late FROM calib_bench.act GROUP BY 1, 2, 3, 4, 5) AS a GROUP BY 1, 2, 3) AS c GROUP BY rep, q) AS r'

SELECT calib_bench.pair('behavior() of rep-quarters / plain SQL', true, :'summed' || :'made', :'plain');
SELECT calib_bench.pair('behavior() of rep-quarters / count(*) + 5 sum()', false, :'summed' || :'made',
    'SELECT sum(n) FROM (SELECT count(*) AS n, sum(quantity), sum(customer_id), sum(week), sum(quantity + 1), sum(rep) FROM calib_bench.act GROUP BY rep, week / 13) AS x');
SELECT calib_bench.pair('rollup() of weeks / behavior() of the rows', true, :'summed' || :'rolled', :'summed' || :'made');
SELECT calib_bench.pair('rollup() of weeks / plain SQL of the rows', true, :'summed' || :'rolled', :'plain');
SELECT calib_bench.pair('rollup() of weeks per rep-quarter / reading them', false, :'summed' || :'rolled', :'summed' || 'calib_bench.weekly');
SELECT calib_bench.pair('rollup() of weeks per week / reading them', false, :'summed' || '(SELECT calib.rollup(b) AS b FROM calib_bench.weekly GROUP BY week) AS x', :'summed' || 'calib_bench.weekly');
SELECT calib_bench.pair('text and back, every byte checked / reading them', true,
    :'summed' || '(SELECT b::text::calib.behavior AS b FROM calib_bench.weekly OFFSET 0) AS x', :'summed' || 'calib_bench.weekly');

SELECT 'WRONG ' || entry || ': ' || one || ' | ' || other FROM calib_bench.wrong;
DO $$ BEGIN
    IF EXISTS (SELECT FROM calib_bench.wrong) THEN RAISE EXCEPTION 'wrong answers'; END IF;
END $$;
DROP SCHEMA calib_bench CASCADE;
