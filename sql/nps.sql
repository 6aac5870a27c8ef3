-- nps: against count(*) FILTER
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
SET timezone = 'UTC';

-- 1. worked by hand: 5 promoters, 3 passives, 2 detractors of 10 -> +30
SELECT calib.nps(s) AS thirty FROM unnest(ARRAY[10, 9, 9, 10, 9, 8, 7, 7, 6, 0]) s;
-- each score by itself
SELECT s, calib.nps(s) FROM generate_series(0, 10) s GROUP BY s ORDER BY s;
-- NULLs do not count, nobody is NULL
SELECT calib.nps(s) AS fifty FROM unnest(ARRAY[10, NULL, 8, NULL]) s;
SELECT calib.nps(s) IS NULL AS only_nulls FROM unnest(ARRAY[NULL, NULL]::integer[]) s;
SELECT calib.nps(s) IS NULL AS no_rows FROM generate_series(1, 0) s;

-- 2. refused
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
SELECT s, pg_temp.refusal(format('SELECT calib.nps(s) FROM (VALUES (9), (%s)) v(s)', s)) AS refusal
FROM unnest(ARRAY[-1, 11, 2147483647, -2147483648]) s;
SELECT pg_temp.refusal($$SELECT calib.nps_transition('{0,0}', 9)$$) AS transition_by_hand,
       pg_temp.refusal($$SELECT calib.nps_final('{1}')$$) AS final_by_hand;
-- an aggregate of one's own with a broken state
CREATE AGGREGATE pg_temp.broken_nps(integer) (SFUNC = calib.nps_transition, STYPE = bigint[], INITCOND = '{0}');
CREATE AGGREGATE pg_temp.null_nps(integer) (SFUNC = calib.nps_transition, STYPE = bigint[], INITCOND = '{0,NULL}');
SELECT pg_temp.refusal('SELECT pg_temp.broken_nps(9)') AS broken, pg_temp.refusal('SELECT pg_temp.null_nps(9)') AS with_null;

-- 3. any split, groups, windows
CREATE TABLE nps_answer AS
SELECT i AS id, i % 7 AS g, CASE WHEN i % 13 > 0 THEN (i * 7919::bigint % 11)::integer END AS s FROM generate_series(1, 20000) i;
ANALYZE nps_answer;
CREATE FUNCTION pg_temp.plain(bigint, bigint, bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$SELECT 100.0::float8 * ($1 - $2) / nullif($3, 0)$$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT calib.nps(s) FROM nps_answer;
SELECT calib.nps(s) = pg_temp.plain(count(*) FILTER (WHERE s >= 9), count(*) FILTER (WHERE s <= 6), count(s)) AS parallel FROM nps_answer;
SET max_parallel_workers_per_gather = 0;
SELECT calib.nps(s) = pg_temp.plain(count(*) FILTER (WHERE s >= 9), count(*) FILTER (WHERE s <= 6), count(s)) AS serial FROM nps_answer;
-- (no row, twice)
SELECT g FROM nps_answer GROUP BY ROLLUP (g)
HAVING calib.nps(s) IS DISTINCT FROM pg_temp.plain(count(*) FILTER (WHERE s >= 9), count(*) FILTER (WHERE s <= 6), count(s));
SELECT id FROM (SELECT id, calib.nps(s) OVER w AS got,
                       pg_temp.plain(count(*) FILTER (WHERE s >= 9) OVER w, count(*) FILTER (WHERE s <= 6) OVER w, count(s) OVER w) AS want
                FROM nps_answer WHERE id <= 2000 WINDOW w AS (ORDER BY id ROWS BETWEEN 4 PRECEDING AND 2 PRECEDING)) x
WHERE got IS DISTINCT FROM want;
DROP TABLE nps_answer;
