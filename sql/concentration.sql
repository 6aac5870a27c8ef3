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
-- Keys whose hashes are equal: 0 and 2^32 + 1364076727 (found from the hash function's
-- definition); of 300,000 texts some ten pairs share a 32-bit hash.
SELECT calib.concentration(k) = 0.5 AS two FROM unnest(ARRAY[0, 5659044023]::bigint[]) AS k;
SELECT calib.concentration(md5(n::text)) = 1 / 300000.0::float8 AS each_text_once FROM generate_series(1, 300000) AS n;
-- Texts: empty, long, one a prefix of another, Chinese, composed differently.
SELECT calib.concentration(k) = 0.2 AS five
FROM unnest(ARRAY['', 'a', 'ab', repeat('a', 100000), '客户']) AS k;
SELECT calib.concentration(k) = 0.5 AS compared_by_bytes FROM unnest(ARRAY[U&'\00E9', U&'e\0301']) AS k;

-- Blanks and case count.
SELECT calib.concentration(k) = 0.25 AS four_varchars FROM unnest(ARRAY['a', 'a ', ' a', 'A']::varchar[]) AS k;
-- Collations that call different texts equal are not followed.
-- (Where PostgreSQL was built without ICU there are none: nothing to test.)
DO $$
DECLARE
    apart boolean;
BEGIN
    CREATE COLLATION calib_any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    SELECT calib.concentration(k COLLATE calib_any_case) = 0.5 AND count(DISTINCT k COLLATE calib_any_case) = 1
    INTO apart FROM unnest(ARRAY['east', 'EAST']) AS k;
    DROP COLLATION calib_any_case;
    ASSERT apart;
EXCEPTION WHEN feature_not_supported THEN
END $$;
-- What is neither a number nor a text says so.
SELECT calib.concentration(k) FROM unnest(ARRAY[1.5, 2.5]) AS k;
SELECT calib.concentration(k) FROM unnest(ARRAY[DATE '2025-08-01']) AS k;

-- Against plain SQL: skewed keys drawn by md5, in 300 groups of 1 to 200 rows and
-- one of 20,000; one key in ten is NULL. Group 7 has NULL keys only.
CREATE TABLE skewed AS
WITH draw AS (
    SELECT n, CASE WHEN n <= 20000 THEN 0 ELSE 1 + n % 300 END AS g,
           ('x' || substr(md5(n::text), 1, 7))::bit(28)::bigint AS a, ('x' || substr(md5(n::text), 8, 7))::bit(28)::bigint AS b
    FROM generate_series(1, 80000) AS n
), kept AS (
    SELECT *, row_number() OVER (PARTITION BY g ORDER BY n) AS k FROM draw
)
SELECT n, g, CASE WHEN a % 10 > 0 AND g <> 7 THEN (a % 1000) * (b % 1000) / 4000 - 100 END AS key FROM kept WHERE g = 0 OR k <= 1 + g * 7 % 200;
CREATE VIEW per_key AS SELECT g, key, count(*) AS n FROM skewed WHERE key IS NOT NULL GROUP BY g, key;
CREATE TABLE expected AS
SELECT g, max(n.n) AS top, count(n.key) AS keys, sum(n.n * n.n) / sum(n.n) ^ 2 AS hhi
FROM (SELECT DISTINCT g FROM skewed) AS g LEFT JOIN per_key AS n USING (g) GROUP BY g;
SELECT count(*) AS groups, sum(keys) AS keys, max(keys) AS most, max(top) AS top FROM expected;
SELECT count(*) AS groups, count(*) - count(c.c) AS no_key, count(*) FILTER (WHERE (c.c IS NULL) = (e.hhi IS NULL)) AS same_null,
       max(abs(c.c - e.hhi)) < 1e-15 AS same, bool_and(c.c BETWEEN 1.0::float8 / nullif(e.keys, 0) AND 1) AS within_bounds
FROM (SELECT g, calib.concentration(key) AS c FROM skewed GROUP BY g) AS c JOIN expected AS e USING (g);
SELECT count(*) AS groups, count(*) FILTER (WHERE n.c IS NOT DISTINCT FROM t.c) AS text_as_number
FROM (SELECT g, calib.concentration(key) AS c FROM skewed GROUP BY ROLLUP (g)) AS n
JOIN (SELECT g, calib.concentration('customer ' || key) AS c FROM skewed GROUP BY ROLLUP (g)) AS t ON t.g IS NOT DISTINCT FROM n.g;
-- ROLLUP's total is that of all rows, not a mean over groups.
SELECT abs(calib.concentration(key) - (SELECT (sum(n * n) / sum(n) ^ 2)::float8 FROM (SELECT sum(n) AS n FROM per_key GROUP BY key) AS k)) < 1e-15 AS same_total
FROM skewed GROUP BY ROLLUP (g) HAVING grouping(g) = 1;
-- Any order, and as a growing window.
SELECT (SELECT calib.concentration(key) FROM (SELECT key FROM skewed ORDER BY random()) AS x)
     = (SELECT calib.concentration(key) FROM skewed) AS same_in_any_order;
SELECT n, round((calib.concentration(n / 2) OVER (ORDER BY n))::numeric, 4) AS so_far FROM generate_series(0::bigint, 5) AS n;

SELECT count(DISTINCT c) AS answers
FROM (SELECT o, calib.concentration(key)::text || calib.concentration(key::text) AS c
      FROM (SELECT o, key FROM skewed, generate_series(1, 4) AS o WHERE g < 30 ORDER BY md5(n::text || o)) AS x GROUP BY o) AS s;
-- A moving window against a plain subquery per row; NULL where no key is inside.
CREATE TABLE moving AS SELECT row_number() OVER (ORDER BY n) AS n, nullif(key % 4, 0) AS key FROM skewed WHERE g = 0 AND n <= 500;
SELECT count(*) AS rows, count(*) - count(w.c) AS no_key, count(*) FILTER (WHERE w.c IS NOT DISTINCT FROM p.c) AS same
FROM (SELECT n, calib.concentration(key) OVER (ORDER BY n ROWS 2 PRECEDING) AS c FROM moving) AS w
CROSS JOIN LATERAL (SELECT calib.concentration(m.key) AS c FROM moving AS m WHERE m.n BETWEEN w.n - 2 AND w.n) AS p;

-- Parallel.
CREATE TABLE serial AS SELECT calib.concentration(key) AS n, calib.concentration(name) AS t FROM visit;
CREATE TABLE serial_groups AS SELECT g, calib.concentration(key) AS n, calib.concentration('c' || key) AS t FROM skewed GROUP BY g;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT calib.concentration(key), calib.concentration(name) FROM visit;
SELECT s.n = p.n AS same_numbers, s.t = p.t AS same_texts
FROM serial AS s, (SELECT calib.concentration(key) AS n, calib.concentration(name) AS t FROM visit) AS p;
-- By group, with workers that saw no key of a group; enough keys for tables to grow.
EXPLAIN (COSTS OFF) SELECT g, calib.concentration(key), calib.concentration('c' || key) FROM skewed GROUP BY g;
SELECT count(*) AS groups, count(*) FILTER (WHERE s.n IS NOT DISTINCT FROM p.n) AS same_numbers, count(*) FILTER (WHERE s.t IS NOT DISTINCT FROM p.t) AS same_texts
FROM serial_groups AS s JOIN (SELECT g, calib.concentration(key) AS n, calib.concentration('c' || key) AS t FROM skewed GROUP BY g) AS p USING (g);
SELECT calib.concentration(n) = 1.0::float8 / count(*) AS each_once, calib.concentration(n::bigint) = calib.concentration(n::text) AS same FROM skewed;
SELECT calib.concentration(key) IS NULL AS no_rows FROM skewed WHERE g < 0;

DROP VIEW per_key;
DROP TABLE serial, serial_groups, visit, skewed, expected, moving;
