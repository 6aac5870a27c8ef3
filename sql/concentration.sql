-- concentration: Herfindahl-Hirschman index.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
\set VERBOSITY sqlstate

-- The check value: 541 1463 2445 ... rows per key -> 0.1840812.
CREATE TABLE visit AS
SELECT key::bigint AS key, 'customer ' || key AS name
FROM unnest(ARRAY[541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]) WITH ORDINALITY AS k (visits, key),
     generate_series(1, visits);
SELECT count(*), round(calib.concentration(key)::numeric, 7) AS of_numbers, round(calib.concentration(name)::numeric, 7) AS of_texts FROM visit;

-- 1/n where all keys are equal, 1 where there is one.
SELECT calib.concentration(n::bigint) = 0.25 AS a_quarter FROM generate_series(1, 4) AS n;
SELECT calib.concentration(7::bigint) = 1 AS one FROM generate_series(1, 5);
-- NULL keys are left out; none gives NULL.
SELECT calib.concentration(k) = 0.5 AS without_null FROM unnest(ARRAY[1, 2, NULL, NULL]::bigint[]) AS k;
SELECT calib.concentration(k) IS NULL AS only_null FROM unnest(ARRAY[NULL]::text[]) AS k;
SELECT calib.concentration(k) IS NULL AS no_rows FROM unnest(ARRAY[]::bigint[]) AS k;
-- The ends of the range, and numbers that differ in one half only.
SELECT calib.concentration(k) = 0.25 AS four
FROM unnest(ARRAY[-9223372036854775808, 9223372036854775807, 0, 4294967296]::bigint[]) AS k;
-- Texts: empty, long, one a prefix of another, Chinese, composed differently.
SELECT calib.concentration(k) = 0.2 AS five
FROM unnest(ARRAY['', 'a', 'ab', repeat('a', 100000), '客户']) AS k;
SELECT calib.concentration(k) = 0.5 AS compared_by_bytes FROM unnest(ARRAY[U&'\00E9', U&'e\0301']) AS k;

-- Against plain SQL: skewed keys, in 30 groups.
CREATE TABLE skewed AS
SELECT n % 30 AS g, ((n * 7919 % 1000) * (n * 104729 % 1000) / 5000)::bigint AS key FROM generate_series(1, 30000::bigint) AS n;
SELECT count(*) AS groups, max(abs(c.c - p.p)) < 1e-15 AS same
FROM (SELECT g, calib.concentration(key) AS c FROM skewed GROUP BY g) AS c
JOIN (SELECT g, (sum(n * n) / sum(n) ^ 2)::float8 AS p FROM (SELECT g, key, count(*) AS n FROM skewed GROUP BY g, key) AS k GROUP BY g) AS p USING (g);
SELECT count(*) AS groups, count(*) FILTER (WHERE n.c = t.c) AS text_as_number
FROM (SELECT g, calib.concentration(key) AS c FROM skewed GROUP BY ROLLUP (g)) AS n
JOIN (SELECT g, calib.concentration(key::text) AS c FROM skewed GROUP BY ROLLUP (g)) AS t ON t.g IS NOT DISTINCT FROM n.g;
-- Any order, and as a window.
SELECT (SELECT calib.concentration(key) FROM (SELECT key FROM skewed ORDER BY random()) AS x)
     = (SELECT calib.concentration(key) FROM skewed) AS same_in_any_order;
SELECT n, round((calib.concentration(n / 2) OVER (ORDER BY n))::numeric, 4) AS so_far FROM generate_series(0::bigint, 5) AS n;

-- Parallel.
CREATE TABLE serial AS SELECT calib.concentration(key) AS n, calib.concentration(name) AS t FROM visit;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT calib.concentration(key), calib.concentration(name) FROM visit;
SELECT s.n = p.n AS same_numbers, s.t = p.t AS same_texts
FROM serial AS s, (SELECT calib.concentration(key) AS n, calib.concentration(name) AS t FROM visit) AS p;

DROP TABLE serial, visit, skewed;
