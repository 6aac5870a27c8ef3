-- measures: each aggregate beside the nearest built-in SQL with the same answer
--
-- Run by bench/measures.sh, which passes the number of rows.  Every entry runs
-- both queries once (their answers must agree, or the script fails) and then
-- five times in turn; the ratio is calib's time / the other's, pair by pair.
-- Times never make it fail.  Tables are narrow on purpose: wide rows would
-- move every ratio towards 1.  One process, no parallel workers.
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
CREATE EXTENSION IF NOT EXISTS calib;
DROP SCHEMA IF EXISTS calib_bench CASCADE;
CREATE SCHEMA calib_bench;

CREATE TABLE calib_bench.wrong (entry text, ours text, theirs text);

-- Answers are text; numbers are equal within 1e-9, relative.
CREATE FUNCTION calib_bench.same(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF a IS NULL OR b IS NULL OR a = b THEN
    RETURN a IS NOT DISTINCT FROM b;
  END IF;
  RETURN abs(a::float8 - b::float8) <= 1e-9 * greatest(abs(a::float8), abs(b::float8));
EXCEPTION WHEN invalid_text_representation THEN
  RETURN false;
END $$;

CREATE FUNCTION calib_bench.measure(entry text, needs text, ours text, theirs text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  our_answer text;
  their_answer text;
  started timestamptz;
  between timestamptz;
  ended timestamptz;
  our_ms float8[];
  their_ms float8[];
  line text;
BEGIN
  IF to_regprocedure(needs) IS NULL THEN
    RETURN format('%-28s skipped: no %s', entry, needs);
  END IF;
  EXECUTE ours INTO our_answer;
  EXECUTE theirs INTO their_answer;
  IF NOT calib_bench.same(our_answer, their_answer) THEN
    INSERT INTO calib_bench.wrong VALUES (entry, our_answer, their_answer);
    RETURN format('%-28s WRONG: calib %s, plain SQL %s', entry, our_answer, their_answer);
  END IF;
  FOR run IN 1 .. 5 LOOP
    started := clock_timestamp();
    EXECUTE ours INTO our_answer;
    between := clock_timestamp();
    EXECUTE theirs INTO their_answer;
    ended := clock_timestamp();
    our_ms := our_ms || extract(epoch FROM between - started)::float8 * 1000;
    their_ms := their_ms || extract(epoch FROM ended - between)::float8 * 1000;
  END LOOP;
  SELECT format('%-28s calib %s ms  sql %s ms  ratio min %s  median %s  max %s', entry,
                lpad(round(percentile_cont(0.5) WITHIN GROUP (ORDER BY o)::numeric, 1)::text, 9),
                lpad(round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 1)::text, 9),
                round(min(o / t)::numeric, 2),
                round(percentile_cont(0.5) WITHIN GROUP (ORDER BY o / t)::numeric, 2),
                round(max(o / t)::numeric, 2))
  INTO line FROM unnest(our_ms, their_ms) r(o, t);
  RETURN line;
END $$;

SELECT format('%s rows; PostgreSQL %s; jit %s; medians of 5 alternating runs', :rows, current_setting('server_version'), current_setting('jit'));

-- behavior_density: a year of activities of 1,000 units, half of them inside
CREATE UNLOGGED TABLE calib_bench.act AS
SELECT (i % 1000)::integer AS unit,
       timestamptz '2025-01-01' + (i * 7919 % 31536000) * interval '1 second' AS t,
       (i % 10)::float8 / 10 AS w
FROM generate_series(1, :rows::bigint) i;
VACUUM ANALYZE calib_bench.act;

SELECT calib_bench.measure('density / t <@ range', 'calib.behavior_density(timestamptz, float8, tstzrange)',
  $$SELECT calib.behavior_density(t, w, '[2025-03-03,2025-09-01)') FROM calib_bench.act$$,
  $$SELECT sum(w) FILTER (WHERE t <@ '[2025-03-03,2025-09-01)'::tstzrange) / 26 FROM calib_bench.act$$);
SELECT calib_bench.measure('density / t >= and t <', 'calib.behavior_density(timestamptz, float8, tstzrange)',
  $$SELECT calib.behavior_density(t, w, '[2025-03-03,2025-09-01)') FROM calib_bench.act$$,
  $$SELECT sum(w) FILTER (WHERE t >= '2025-03-03' AND t < '2025-09-01') / 26 FROM calib_bench.act$$);
SELECT calib_bench.measure('density by unit / <@', 'calib.behavior_density(timestamptz, float8, tstzrange)',
  $$SELECT sum(d * unit) FROM (SELECT unit, calib.behavior_density(t, w, '[2025-03-03,2025-09-01)') AS d
                               FROM calib_bench.act GROUP BY unit) x$$,
  $$SELECT sum(d * unit) FROM (SELECT unit, sum(w) FILTER (WHERE t <@ '[2025-03-03,2025-09-01)'::tstzrange) / 26 AS d
                               FROM calib_bench.act GROUP BY unit) x$$);
DROP TABLE calib_bench.act;

-- deviation_quadrant
CREATE UNLOGGED TABLE calib_bench.unit AS
SELECT (i * 7919 % 100003)::numeric / 100 AS actual, (i * 104729 % 100019 + 1)::numeric / 100 + 120 AS target,
       (i * 31 % 997)::float8 / 83 AS density, (i * 37 % 991)::float8 / 83 + 2 AS peer_density
FROM generate_series(1, :rows::bigint) i;
VACUUM ANALYZE calib_bench.unit;
SELECT calib_bench.measure('deviation_quadrant / case', 'calib.deviation_quadrant(numeric, numeric, float8, float8)',
  $$SELECT calib.deviation_quadrant(actual, target, density, peer_density) FROM calib_bench.unit$$,
  $$SELECT CASE WHEN sum(actual) / sum(target) < 1
                THEN CASE WHEN avg(density) / avg(peer_density) < 1 THEN 'execution' ELSE 'environment' END
                ELSE CASE WHEN avg(density) / avg(peer_density) < 1 THEN 'windfall' ELSE 'on_track' END END
    FROM calib_bench.unit$$);
DROP TABLE calib_bench.unit;

-- nps
CREATE UNLOGGED TABLE calib_bench.answer AS
SELECT CASE WHEN i % 13 > 0 THEN (i * 7919 % 11)::integer END AS score FROM generate_series(1, :rows::bigint) i;
VACUUM ANALYZE calib_bench.answer;
SELECT calib_bench.measure('nps / count filter', 'calib.nps(integer)',
  $$SELECT calib.nps(score) FROM calib_bench.answer$$,
  $$SELECT 100.0::float8 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6)) / count(score)
    FROM calib_bench.answer$$);
DROP TABLE calib_bench.answer;

-- sri: nine of ten acted
CREATE UNLOGGED TABLE calib_bench.deviation AS
SELECT t AS detected_at, CASE WHEN i % 10 > 0 THEN t + (i * 104729 % 3600000) * interval '1 second' END AS acted_at
FROM (SELECT i, timestamptz '2025-01-01' + (i * 7919 % 31536000) * interval '1 second' AS t
      FROM generate_series(1, :rows::bigint) i) x;
VACUUM ANALYZE calib_bench.deviation;
SELECT calib_bench.measure('sri / avg(interval)', 'calib.sri(timestamptz, timestamptz)',
  $$SELECT calib.sri(detected_at, acted_at) FROM calib_bench.deviation$$,
  $$SELECT extract(epoch FROM avg(acted_at - detected_at)) / 86400 FROM calib_bench.deviation$$);

-- response_summary on a tenth of the rows, for the windows have to sort
DELETE FROM calib_bench.deviation WHERE ctid > (SELECT max(ctid) FROM (SELECT ctid FROM calib_bench.deviation LIMIT greatest(:rows / 10, 10)) x);
VACUUM FULL ANALYZE calib_bench.deviation;
SELECT calib_bench.measure('response_summary / windows', 'calib.response_summary(timestamptz, timestamptz, timestamptz)',
  $$SELECT (calib.response_summary(detected_at, acted_at, '2025-12-01')).median_days FROM calib_bench.deviation$$,
  $$SELECT extract(epoch FROM min(took) FILTER (WHERE survival <= 0.5 + 1e-12)) / 86400
    FROM (SELECT took, exp(sum(CASE WHEN acted = at_risk THEN -1000 ELSE ln(1 - acted::float8 / at_risk) END) OVER (ORDER BY took)) AS survival
          FROM (SELECT took, acted, sum(n) OVER (ORDER BY took DESC) AS at_risk
                FROM (SELECT least(acted_at, '2025-12-01') - detected_at AS took,
                             count(*) FILTER (WHERE acted_at <= '2025-12-01') AS acted, count(*) AS n
                      FROM calib_bench.deviation WHERE detected_at <= '2025-12-01' GROUP BY 1) d) r) s$$);
DROP TABLE calib_bench.deviation;

-- concentration over 10,000 keys
CREATE UNLOGGED TABLE calib_bench.contact AS
SELECT ((i * 7919 % 10000) * (i % 7)) % 10007 AS customer FROM generate_series(1, :rows::bigint) i;
VACUUM ANALYZE calib_bench.contact;
SELECT calib_bench.measure('concentration / group by', 'calib.concentration(bigint)',
  $$SELECT calib.concentration(customer) FROM calib_bench.contact$$,
  $$SELECT sum(n::float8 * n) / sum(n) ^ 2 FROM (SELECT count(*) AS n FROM calib_bench.contact GROUP BY customer) x$$);
DROP TABLE calib_bench.contact;

DO $$
BEGIN
  IF EXISTS (SELECT FROM calib_bench.wrong) THEN
    RAISE EXCEPTION '% wrong answers', (SELECT count(*) FROM calib_bench.wrong);
  END IF;
END $$;
DROP SCHEMA calib_bench CASCADE;
