-- Each measure beside the nearest built-in SQL that gives the same answer.
--
-- psql -v rows=10000000 -f bench/measures.sql; `make bench` does it on a
-- cluster of its own.  The two statements of a pair run in turn, five times
-- after a warm-up, on one core; what is printed is the ratio measure / plain,
-- pair by pair.  A wrong answer fails, a slow one does not.
\set ON_ERROR_STOP on
\if :{?rows}
\else
    \set rows 10000000
\endif
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET work_mem = '1GB';
SET TimeZone = 'UTC';

DROP TABLE IF EXISTS bench_event, bench_pair, bench_run;
-- Generated: no randomness, so every run reads the same rows.
CREATE UNLOGGED TABLE bench_event AS
SELECT timestamptz '2025-01-01' + n % 8000000 * interval '1 second' AS occurred_at,
       (n % 10)::float8 / 10 AS weight,
       timestamptz '2025-01-01' + (n % 8000000 + n * 7919 % 1000000) * interval '1 second' AS acted_at,
       n * 7919 % 5000 AS customer_id,
       (n * 104729 % 11)::integer AS score,
       (n % 1000)::numeric AS actual, (n % 1000 + 1)::numeric AS target,
       (n % 7)::float8 AS density, (n % 6)::float8 AS peer_density
FROM generate_series(1, (:rows)::bigint) AS n;
VACUUM ANALYZE bench_event;

CREATE TABLE bench_pair (name text, measure text, plain text);
INSERT INTO bench_pair VALUES
('behavior_density / sum FILTER (WHERE t <@ range)',
 $$SELECT round(calib.behavior_density(occurred_at, weight, '[2025-01-01,2025-03-01)')::numeric, 4) FROM bench_event$$,
 $$SELECT round((sum(weight) FILTER (WHERE occurred_at <@ tstzrange '[2025-01-01,2025-03-01)') / (59 / 7.0))::numeric, 4) FROM bench_event$$),
('behavior_density / sum FILTER (WHERE t >= a AND t < b)',
 $$SELECT round(calib.behavior_density(occurred_at, weight, '[2025-01-01,2025-03-01)')::numeric, 4) FROM bench_event$$,
 $$SELECT round((sum(weight) FILTER (WHERE occurred_at >= '2025-01-01' AND occurred_at < '2025-03-01') / (59 / 7.0))::numeric, 4) FROM bench_event$$),
('deviation_quadrant / CASE over sum and avg',
 $$SELECT calib.deviation_quadrant(actual, target, density, peer_density) FROM bench_event$$,
 $$SELECT CASE WHEN sum(actual) / sum(target) < 1
               THEN CASE WHEN avg(density) / avg(peer_density) < 1 THEN 'execution' ELSE 'environment' END
               ELSE CASE WHEN avg(density) / avg(peer_density) < 1 THEN 'windfall' ELSE 'on_track' END END FROM bench_event$$),
('sri / avg(interval)',
 $$SELECT round(calib.sri(occurred_at, acted_at)::numeric, 9) FROM bench_event$$,
 $$SELECT round(extract(epoch FROM avg(acted_at - occurred_at)) / 86400, 9) FROM bench_event$$),
('response_summary / Kaplan-Meier by window functions',
 $$SELECT (calib.response_summary(occurred_at, CASE WHEN score < 8 THEN acted_at END, acted_at)).median_days FROM bench_event$$,
 $$WITH risk AS (SELECT acted_at - occurred_at AS t, count(*) FILTER (WHERE score < 8) AS acts, count(*) AS leaving FROM bench_event GROUP BY 1),
        at AS (SELECT t, acts, sum(leaving) OVER (ORDER BY t DESC) AS at_risk FROM risk),
        estimate AS (SELECT t, acts, exp(sum(ln(1 - acts / at_risk::float8)) OVER (ORDER BY t)) AS s FROM at WHERE acts < at_risk)
   SELECT extract(epoch FROM min(t) FILTER (WHERE acts > 0 AND s <= 0.5))::float8 / 86400 FROM estimate$$),
('concentration / GROUP BY twice',
 $$SELECT round(calib.concentration(customer_id)::numeric, 12) FROM bench_event$$,
 $$SELECT round(sum(n * n) / sum(n) ^ 2, 12) FROM (SELECT count(*) AS n FROM bench_event GROUP BY customer_id) AS c$$),
('nps / count FILTER',
 $$SELECT round(calib.nps(score)::numeric, 9) FROM bench_event$$,
 $$SELECT round(100.0 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6)) / count(score), 9) FROM bench_event$$);

CREATE TABLE bench_run (name text, round integer, measure_seconds float8, plain_seconds float8);
DO $$
DECLARE
    pair bench_pair;
    started timestamptz;
    between timestamptz;
    of_measure text;
    of_plain text;
BEGIN
    FOR round IN 0..5 LOOP
        FOR pair IN SELECT * FROM bench_pair LOOP
            started := clock_timestamp();
            EXECUTE pair.measure INTO of_measure;
            between := clock_timestamp();
            EXECUTE pair.plain INTO of_plain;
            IF of_measure IS DISTINCT FROM of_plain THEN
                RAISE EXCEPTION '%: % is not %', pair.name, of_measure, of_plain;
            END IF;
            INSERT INTO bench_run VALUES (pair.name, round, extract(epoch FROM between - started),
                                          extract(epoch FROM clock_timestamp() - between));
        END LOOP;
    END LOOP;
END $$;

\pset footer off
SELECT name AS "measure / plain SQL",
       round(min(measure_seconds / plain_seconds)::numeric, 2) AS min,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY measure_seconds / plain_seconds))::numeric, 2) AS median,
       round(max(measure_seconds / plain_seconds)::numeric, 2) AS max,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY measure_seconds))::numeric, 2) AS "measure, s",
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY plain_seconds))::numeric, 2) AS "plain, s"
FROM bench_run WHERE round > 0 GROUP BY name ORDER BY name;
DROP TABLE bench_event, bench_pair, bench_run;
