-- behavior: density against worked values and plain SQL sums
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
SET timezone = 'UTC';

-- 1. the worked example: 6 visits at 1.0 and 5 calls at 0.4 in two weeks -> 4.0
SELECT calib.behavior_density(t, w, '[2025-08-04,2025-08-18)') = 4.0 AS worked_example
FROM (SELECT timestamptz '2025-08-05' + i * interval '1 day' AS t, 1.0::float8 AS w FROM generate_series(1, 6) i
      UNION ALL
      SELECT timestamptz '2025-08-05' + i * interval '2 days', 0.4 FROM generate_series(1, 5) i) x;

-- 2. two visits at the same moment are not an infinite density: 2 in one week
SELECT calib.behavior_density('2025-08-05 10:00', 1, '[2025-08-04,2025-08-11)') AS two FROM generate_series(1, 2);

-- 3. the window's own bounds decide at its ends
SELECT d AS during, calib.behavior_density(t, 7, d) AS density, want
FROM (VALUES ('[2025-08-04,2025-08-11)'::tstzrange, 14::float8), ('(2025-08-04,2025-08-11)', 7),
             ('[2025-08-04,2025-08-11]', 21), ('(2025-08-04,2025-08-11]', 14)) v(d, want),
     (VALUES ('2025-08-03 23:59:59.999999'::timestamptz), ('2025-08-04'), ('2025-08-07'), ('2025-08-11'), ('2025-08-11 00:00:00.000001')) times(t)
GROUP BY d, want ORDER BY d;

-- 4. the shortest and the longest windows
SELECT calib.behavior_density('2025-08-04', 1, '[2025-08-04,2025-08-04 00:00:00.000001)') = 604800000000 AS one_microsecond,
       calib.behavior_density('2025-08-04', 1, '(2025-08-04,2025-08-04 00:00:00.000001)') = 0 AS holds_no_microsecond,
       abs(calib.behavior_density('2025-08-04', 1, '[4714-11-24 00:00:00+00 BC,294276-12-31 23:59:59.999999+00)')
           * (extract(epoch FROM timestamptz '294276-12-31 23:59:59.999999+00') - extract(epoch FROM timestamptz '4714-11-24 00:00:00+00 BC'))::float8 / 604800 - 1) < 1e-12 AS all_time;

-- 5. a week is 7 x 24 hours, also where a clock changes
SET timezone = 'America/New_York';
SELECT calib.behavior_density('2025-03-09 12:00', 167, '[2025-03-03,2025-03-10)') = 168 AS spring_week_has_167_hours;
SET timezone = 'UTC';

-- 6. what does not count: NULL time, NULL weight, infinite times; none at all is NULL
SELECT calib.behavior_density(t, w, '[2025-08-04,2025-08-11)') = 3 AS only_the_last
FROM (VALUES (NULL::timestamptz, 1::float8), ('2025-08-05', NULL), (NULL, NULL), ('infinity', 1), ('-infinity', 1), ('2025-08-05', 3)) v(t, w);
SELECT calib.behavior_density(t, w, '[2025-08-04,2025-08-11)') = 0 AS rows_but_none_counts
FROM (VALUES (NULL::timestamptz, 1::float8), ('2025-08-05', NULL), ('2025-09-05', 1)) v(t, w);
SELECT calib.behavior_density('2025-08-05', 0, '[2025-08-04,2025-08-11)') = 0 AS zero_weight,
       calib.behavior_density('2025-08-05', '-0', '[2025-08-04,2025-08-11)') = 0 AS minus_zero,
       calib.behavior_density('2025-08-05', 1, '[2025-08-04,2025-08-11)') FILTER (WHERE false) IS NULL AS filtered_away;
SELECT calib.behavior_density('2025-08-05', 1, '[2025-08-04,2025-08-11)') IS NULL AS no_rows FROM generate_series(1, 0);

-- 7. refused
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  code text; message text; detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                          detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', code, message, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT n, pg_temp.refusal('SELECT calib.behavior_density(t, w, d::tstzrange) FROM (VALUES ' || rows || ') v(t, w, d)') AS refusal
FROM (VALUES
  (1, $$('2025-08-05'::timestamptz, 1::float8, NULL)$$),
  (2, $$('2025-08-05'::timestamptz, 1::float8, 'empty')$$),
  (3, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,2025-08-04)')$$),
  (4, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,2025-08-04]')$$),
  (5, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,)')$$),
  (6, $$('2025-08-05'::timestamptz, 1::float8, '(,2025-08-04)')$$),
  (7, $$('2025-08-05'::timestamptz, 1::float8, '(,)')$$),
  (8, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,infinity)')$$),
  (9, $$('2025-08-05'::timestamptz, 1::float8, '[-infinity,2025-08-04)')$$),
  (10, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-11,2025-08-04)')$$),
  (11, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,2025-08-11)'), ('2025-08-05', 1, '[2025-08-04,2025-08-12)')$$),
  (12, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,2025-08-11)'), ('2025-08-05', 1, '[2025-08-04,2025-08-11]')$$),
  (13, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,2025-08-11)'), (NULL, NULL, '[2025-08-04,2025-08-18)')$$),
  (14, $$('2025-08-05'::timestamptz, 1::float8, '[2025-08-04,2025-08-11)'), (NULL, NULL, NULL)$$),
  (15, $$('2025-08-05'::timestamptz, -1::float8, '[2025-08-04,2025-08-11)')$$),
  (16, $$('2025-08-05'::timestamptz, 'NaN'::float8, '[2025-08-04,2025-08-11)')$$),
  (17, $$('2025-08-05'::timestamptz, 'infinity'::float8, '[2025-08-04,2025-08-11)')$$),
  (18, $$('2025-08-05'::timestamptz, '-infinity'::float8, '[2025-08-04,2025-08-11)')$$),
  (19, $$('1999-08-05'::timestamptz, -1::float8, '[2025-08-04,2025-08-11)')$$),
  (20, $$(NULL::timestamptz, -1::float8, '[2025-08-04,2025-08-11)')$$),
  (21, $$('2025-08-05'::timestamptz, 1e308::float8, '[2025-08-04,2025-08-11)'), ('2025-08-05', 1e308, '[2025-08-04,2025-08-11)')$$)) t(n, rows)
ORDER BY n;
SELECT pg_temp.refusal($$SELECT calib.behavior_density_transition(NULL, now(), 1::float8, '[2025-08-04,2025-08-11)'::tstzrange)$$) ~ '^(42883|0A000)' AS not_by_hand;

-- 8. a window per group, and the same window written in two ways
CREATE TEMP TABLE windows(name text, during tstzrange);
INSERT INTO windows VALUES ('july', '[2025-07-01,2025-07-29)'), ('august', '[2025-08-01 00:00+00,2025-08-15)'),
                           ('august', '[2025-08-01 08:00+08,2025-08-15)');
SELECT name, calib.behavior_density(t, 1, during) AS density
FROM windows, (VALUES ('2025-07-02'::timestamptz), ('2025-07-03'), ('2025-08-02')) v(t) GROUP BY name ORDER BY name;

-- 9. any order, any split: 40,000 rows of very different size
CREATE TABLE behavior_act AS
SELECT i AS id, 'region ' || i % 3 AS region, 'rep ' || i % 11 AS rep,
       timestamptz '2025-08-01' + i * interval '97 seconds' AS t,
       ((i * 7919::bigint % 1000003) * 10.0 ^ (i % 13 - 6))::float8 AS w
FROM generate_series(1, 40000) i;
ANALYZE behavior_act;
\set during '''[2025-08-04,2025-09-01)''::tstzrange'
SET max_parallel_workers_per_gather = 0;
SELECT calib.behavior_density(t, w, :during) AS serial FROM behavior_act \gset
-- exact: weights as numeric have at most 15 digits, 4 weeks
SELECT sum(w::numeric) FILTER (WHERE t <@ :during) / 4 AS exact FROM behavior_act \gset
SELECT abs(:serial - :exact) / :exact < 1e-12 AS serial_is_exact,
       (SELECT abs(calib.behavior_density(t, w, :during ORDER BY id DESC) - :exact) / :exact < 1e-12 FROM behavior_act) AS reversed,
       (SELECT abs(calib.behavior_density(t, w, :during ORDER BY md5(id::text)) - :exact) / :exact < 1e-12 FROM behavior_act) AS shuffled,
       (SELECT abs(calib.behavior_density(t, w, :during ORDER BY w) - :exact) / :exact < 1e-12 FROM behavior_act) AS smallest_first,
       (SELECT abs(calib.behavior_density(t, w, :during ORDER BY w DESC) - :exact) / :exact < 1e-12 FROM behavior_act) AS largest_first;
-- a naive sum loses every 1 behind 1e16; this one must not
SELECT calib.behavior_density('2025-08-05', w, '[2025-08-04,2025-08-11)' ORDER BY w DESC) = 1e16 + 10000 AS compensated,
       sum(w ORDER BY w DESC) = 1e16 + 10000 AS naive
FROM (SELECT 1e16::float8 AS w UNION ALL SELECT 1 FROM generate_series(1, 10000)) x;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT calib.behavior_density(t, w, :during) FROM behavior_act;
SELECT abs(calib.behavior_density(t, w, :during) - :exact) / :exact < 1e-12 AS parallel_is_exact,
       abs(calib.behavior_density(t, w, :during) - :serial) / :serial < 1e-12 AS parallel_is_serial FROM behavior_act;
SELECT calib.behavior_density(t, w, :during) IS NULL AS parallel_no_rows FROM behavior_act WHERE id < 0;
SELECT pg_temp.refusal($$SELECT calib.behavior_density(t, w, CASE WHEN id < 20000 THEN '[2025-08-04,2025-09-01)'::tstzrange ELSE '[2025-08-04,2025-09-02)' END) FROM behavior_act$$) LIKE '22023 | during must be the same%' AS parallel_differing;
-- groups in parallel, against plain SQL (no row)
SELECT region, rep FROM behavior_act GROUP BY region, rep
HAVING abs(calib.behavior_density(t, w, :during) / (sum(w::numeric) FILTER (WHERE t <@ :during) / 4)::float8 - 1) >= 1e-12;
SET max_parallel_workers_per_gather = 0;
-- partition by partition
CREATE TABLE behavior_part (LIKE behavior_act) PARTITION BY HASH (id);
CREATE TABLE behavior_part0 PARTITION OF behavior_part FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE behavior_part1 PARTITION OF behavior_part FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE behavior_part2 PARTITION OF behavior_part FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO behavior_part SELECT * FROM behavior_act;
ANALYZE behavior_part;
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS OFF) SELECT calib.behavior_density(t, w, :during) FROM behavior_part;
SELECT abs(calib.behavior_density(t, w, :during) - :exact) / :exact < 1e-12 AS partitions_are_exact FROM behavior_part;
-- ROLLUP, hashed and sorted (no row)
SELECT region, rep FROM behavior_act GROUP BY ROLLUP (region, rep)
HAVING abs(calib.behavior_density(t, w, :during) / (sum(w::numeric) FILTER (WHERE t <@ :during) / 4)::float8 - 1) >= 1e-12;
SET enable_hashagg = off;
SELECT region, rep FROM behavior_act GROUP BY ROLLUP (region, rep)
HAVING abs(calib.behavior_density(t, w, :during) / (sum(w::numeric) FILTER (WHERE t <@ :during) / 4)::float8 - 1) >= 1e-12;
RESET enable_hashagg;
SELECT count(*) AS rollup_rows FROM (SELECT calib.behavior_density(t, w, :during) FROM behavior_act GROUP BY ROLLUP (region, rep)) x;
-- window frames, growing and moving (no row)
SELECT id FROM (SELECT id, calib.behavior_density(t, w, '[2025-08-01,2025-08-08)') OVER g AS grow, sum(w::numeric) OVER g AS grow_want,
                       calib.behavior_density(t, w, '[2025-08-01,2025-08-08)') OVER m AS move, sum(w::numeric) OVER m AS move_want
                FROM behavior_act WHERE id <= 500
                WINDOW g AS (ORDER BY id), m AS (ORDER BY id ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)) x
WHERE abs(grow / grow_want::float8 - 1) >= 1e-12 OR abs(move / move_want::float8 - 1) >= 1e-12;
DROP TABLE behavior_act, behavior_part;
