-- quadrant: the four places, for one unit and for groups
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
SET timezone = 'UTC';

-- 1. the four places, both lines inclusive on their upper side
SELECT a AS attainment, d AS density_index, calib.quadrant(a, d), calib.quadrant(a, d) = want AS ok
FROM (VALUES (0.99, 1.00, 'environment'), (0.99, 0.99, 'execution'), (1.00, 1.00, 'on_track'), (1.00, 0.99, 'windfall'),
             (0, 0, 'execution'), (-0.2, 1.5, 'environment'), (2, -1, 'windfall')) v(a, d, want);
-- the article: attainment 75 % with interactions 30 % above the mean, and 75 % with sparse ones
SELECT calib.quadrant(0.75, 1.30) AS lower_the_target, calib.quadrant(0.75, 0.70) AS strengthen_the_process;
-- six teams of equal size at 10 10 10 10 10 13: each against the five others
SELECT team, density / peers AS density_index, calib.quadrant(0.75, density / peers), calib.quadrant(1.05, density / peers) AS attained
FROM (SELECT team, density, (sum(density) OVER () - density) / 5 AS peers
      FROM unnest(ARRAY[10, 10, 10, 10, 10, 13]::float8[]) WITH ORDINALITY t(density, team)) x ORDER BY team;
-- lines of one's own
SELECT calib.quadrant(0.85, 1.1, 0.8) AS floor_lower, calib.quadrant(0.85, 1.1, 0.8, 1.2) AS line_higher,
       calib.quadrant(0.85, 1.1, line => 1.1, floor => 0.85) AS on_both_lines;

-- 2. NULL in, NULL out; NaN and infinity are refused
SELECT calib.quadrant(NULL, 1) IS NULL AS a, calib.quadrant(1, NULL) IS NULL AS b,
       calib.quadrant(1, 1, NULL) IS NULL AS c, calib.quadrant(1, 1, 1, NULL) IS NULL AS d;
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
SELECT args, pg_temp.refusal(format('SELECT calib.quadrant(%s)', args)) AS refusal
FROM (VALUES (1, $$'NaN', 1$$), (2, $$1, 'NaN'$$), (3, $$1, 1, 'NaN'$$), (4, $$1, 1, 1, 'NaN'$$),
             (5, $$'infinity', 1$$), (6, $$1, '-infinity'$$), (7, $$1, 1, 'infinity'$$), (8, $$1, 1, 1, '-infinity'$$)) v(n, args) ORDER BY n;

-- 3. deviation_quadrant: one unit is quadrant() of its ratios
SELECT a, t, d, p, calib.deviation_quadrant(a, t, d, p) = calib.quadrant((a / t)::float8, d / p) AS ok
FROM (VALUES (75::numeric, 100::numeric, 13::float8, 10::float8), (75, 100, 7, 10), (100, 100, 10, 10), (120, 100, 9, 10), (-5, 100, 0, 10)) v(a, t, d, p)
GROUP BY a, t, d, p ORDER BY a, d;
-- sums before ratios: members at 200 % of 10 and 80 % of 100 are 100 of 110, missed
SELECT calib.deviation_quadrant(a, t, 12, 10) AS environment
FROM (VALUES (20, 10), (80, 100)) v(a, t);
-- one part in 10^60 below the target, and exactly on it
SELECT calib.deviation_quadrant(a, t, 12, 10) AS missed FROM (VALUES (1e30, 1e30), (0.999999999999999999999999999999, 1)) v(a, t);
SELECT calib.deviation_quadrant(a, t, 12, 10) AS attained FROM (VALUES (1e30, 1e30), (0.1, 0.3), (0.1, NULL), (0.1, NULL)) v(a, t);
-- a tie of means that binary fractions would break: (0.1 + 0.2 + 0.3) / 3 against 0.2
SELECT calib.deviation_quadrant(1, 2, d, 0.2) AS dense, calib.deviation_quadrant(1, 2, d, 0.2 ORDER BY d DESC) AS dense_reversed,
       calib.deviation_quadrant(1, 2, d, 0.2000001) AS sparse
FROM unnest(ARRAY[0.1, 0.2, 0.3]::float8[]) d;

-- 4. NULLs, column by column
SELECT calib.deviation_quadrant(a, t, d, p) AS as_if_left_out
FROM (VALUES (50::numeric, 100::numeric, 14::float8, 10::float8), (NULL, NULL, NULL, NULL), (25, NULL, 12, NULL)) v(a, t, d, p);
SELECT calib.deviation_quadrant(NULL, 100, 13, 10) AS no_result_is_zero,
       calib.deviation_quadrant(75, NULL, 13, 10) IS NULL AS no_target,
       calib.deviation_quadrant(75, 100, NULL, 10) IS NULL AS not_at_work,
       calib.deviation_quadrant(75, 100, 13, NULL) IS NULL AS no_peers,
       calib.deviation_quadrant(75, 100, 13, 0) IS NULL AS peers_all_zero,
       calib.deviation_quadrant(75, 100, 0, 10) AS idle,
       calib.deviation_quadrant(75, 100, 13, 10) FILTER (WHERE false) IS NULL AS filtered_away;
SELECT calib.deviation_quadrant(75, 100, 13, 10) IS NULL AS no_rows FROM generate_series(1, 0);

-- 5. refused
SELECT n, pg_temp.refusal(format('SELECT calib.deviation_quadrant(%s)', args)) AS refusal
FROM (VALUES (1, $$'NaN', 100, 13, 10$$), (2, $$'infinity', 100, 13, 10$$), (3, $$'-infinity', 100, 13, 10$$),
             (4, $$75, 'NaN', 13, 10$$), (5, $$75, 'infinity', 13, 10$$), (6, $$75, 0, 13, 10$$), (7, $$75, -100.50, 13, 10$$),
             (8, $$75, 100, 'NaN', 10$$), (9, $$75, 100, 'infinity', 10$$), (10, $$75, 100, -1, 10$$),
             (11, $$75, 100, 13, 'NaN'$$), (12, $$75, 100, 13, '-infinity'$$), (13, $$75, 100, 13, -10$$)) v(n, args) ORDER BY n;
SELECT pg_temp.refusal('SELECT calib.deviation_quadrant(75, 100, d, 10) FROM (VALUES (1e308::float8), (1e308)) v(d)') AS overflow;

-- 6. any order, any split, against plain SQL
CREATE TABLE quadrant_unit AS
SELECT i AS id, i % 4 AS region, i % 101 AS team,
       CASE WHEN i % 17 > 0 THEN (i * 7919::bigint % 100003) / 100.0 + (i % 101) * 2.5 END AS actual,
       CASE WHEN i % 19 > 0 THEN (i * 104729::bigint % 100019 + 1) / 100.0 + 120 END AS target,
       CASE WHEN i % 23 > 0 THEN ((i * 31::bigint % 997) / 83.0 + i % 101 % 5)::float8 END AS density,
       CASE WHEN i % 29 > 0 THEN ((i * 37::bigint % 991) / 83.0 + 2)::float8 END AS peer_density
FROM generate_series(1, 30000) i;
ANALYZE quadrant_unit;
CREATE FUNCTION pg_temp.plain(actual numeric, target numeric, density float8, peer_density float8) RETURNS text LANGUAGE sql IMMUTABLE AS
$$SELECT CASE WHEN actual / target < 1 THEN CASE WHEN density / peer_density < 1 THEN 'execution' ELSE 'environment' END
              ELSE CASE WHEN density / peer_density < 1 THEN 'windfall' ELSE 'on_track' END END$$;
CREATE TEMP VIEW quadrant_check AS
SELECT region, team, calib.deviation_quadrant(actual, target, density, peer_density) AS got,
       pg_temp.plain(sum(actual), sum(target), avg(density), avg(peer_density)) AS want
FROM quadrant_unit GROUP BY ROLLUP (region, team);
SET max_parallel_workers_per_gather = 0;
SELECT got, count(*), bool_and(got = want) AS ok FROM quadrant_check GROUP BY got ORDER BY got;
SET enable_hashagg = off;
SELECT count(*) AS differ FROM quadrant_check WHERE got IS DISTINCT FROM want;
RESET enable_hashagg;
CREATE TEMP TABLE serial AS SELECT team, calib.deviation_quadrant(actual, target, density, peer_density) AS place FROM quadrant_unit GROUP BY team;
CREATE TEMP TABLE shuffled AS
SELECT team, calib.deviation_quadrant(actual, target, density, peer_density ORDER BY md5(id::text)) AS place,
       calib.deviation_quadrant(actual, target, density, peer_density ORDER BY id DESC) AS reversed FROM quadrant_unit GROUP BY team;
SELECT count(*) AS teams, bool_and(place = s.place) AS shuffled, bool_and(reversed = s.place) AS reversed
FROM shuffled JOIN serial s USING (team, place);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT calib.deviation_quadrant(actual, target, density, peer_density) FROM quadrant_unit;
SELECT calib.deviation_quadrant(actual, target, density, peer_density) =
       pg_temp.plain(sum(actual), sum(target), avg(density), avg(peer_density)) AS parallel FROM quadrant_unit;
EXPLAIN (COSTS OFF) SELECT team, calib.deviation_quadrant(actual, target, density, peer_density) FROM quadrant_unit GROUP BY team;
CREATE TEMP TABLE parallel AS SELECT team, calib.deviation_quadrant(actual, target, density, peer_density) AS place FROM quadrant_unit GROUP BY team;
SELECT count(*) AS differ FROM parallel p FULL JOIN serial s USING (team) WHERE p.place IS DISTINCT FROM s.place;
-- workers that have seen NULLs only
SELECT calib.deviation_quadrant(NULL, NULL, NULL, NULL) IS NULL AS nothing FROM quadrant_unit;
SELECT calib.deviation_quadrant(NULL, 100, 13, 10) AS no_results FROM quadrant_unit;
SET max_parallel_workers_per_gather = 0;
-- growing and moving windows (no row)
SELECT id FROM (SELECT id, calib.deviation_quadrant(actual, target, density, peer_density) OVER g AS grow,
                       pg_temp.plain(sum(actual) OVER g, sum(target) OVER g, avg(density) OVER g, avg(peer_density) OVER g) AS grow_want,
                       calib.deviation_quadrant(actual, target, density, peer_density) OVER m AS move,
                       pg_temp.plain(sum(actual) OVER m, sum(target) OVER m, avg(density) OVER m, avg(peer_density) OVER m) AS move_want
                FROM quadrant_unit WHERE id BETWEEN 1 AND 600
                WINDOW g AS (ORDER BY id), m AS (ORDER BY id ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)) x
WHERE grow IS DISTINCT FROM grow_want OR move IS DISTINCT FROM move_want;
DROP VIEW quadrant_check;
DROP TABLE quadrant_unit;
