-- sri and response_summary.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
SET TimeZone = 'UTC';
\set VERBOSITY sqlstate

-- SRI, by hand: acted after 1.5 and 2.5 days, one still open: mean 2.
SELECT calib.sri(d, a) = 2 AS mean_of_the_acted
FROM (VALUES (timestamptz '2025-08-01', timestamptz '2025-08-02 12:00'),
             ('2025-08-01', '2025-08-03 12:00'), ('2025-08-01', NULL)) AS v (d, a);
-- The article's figure before: 240 + 302 + 271 + 272 hours over 4 are 11.3 days.
SELECT round(calib.sri(d, d + make_interval(hours => h))::numeric, 1) AS before
FROM (VALUES (timestamptz '2025-07-01', 240), ('2025-07-02', 302), ('2025-07-03', 271), ('2025-07-04', 272)) AS v (d, h);
-- None acted, no rows, no detection: NULL.
SELECT calib.sri(d, a) IS NULL AS none_acted FROM (VALUES (timestamptz '2025-08-01', NULL::timestamptz)) AS v (d, a);
SELECT calib.sri(d, a) IS NULL AS no_rows FROM (VALUES (timestamptz '2025-08-01', timestamptz '2025-08-02')) AS v (d, a) WHERE false;
SELECT calib.sri(NULL, '2025-08-02') IS NULL AS not_detected;
-- Acted at once is 0 days, not nothing.
SELECT calib.sri('2025-08-01', '2025-08-01') = 0 AS at_once;
-- One microsecond is not lost.
SELECT calib.sri(d, d + interval '1 microsecond') * 86400e6 = 1 AS one_microsecond
FROM generate_series(timestamptz '2025-08-01', '2025-08-07', '1 day') AS d;
-- Rows that do not count are not looked at further: no error from them.
SELECT calib.sri(NULL, 'infinity') IS NULL AS left_out;
-- Bad input, beside good rows.
SELECT calib.sri(d, a) FROM (VALUES (timestamptz '2025-08-01', timestamptz '2025-08-03'), ('2025-08-02', '2025-08-01')) AS v (d, a);
SELECT calib.sri('-infinity', '2025-08-01');
SELECT calib.sri('-infinity', NULL);
SELECT calib.sri('2025-08-01', 'infinity');
SELECT calib.sri('4713-01-01 BC', '294276-01-01');
-- The support functions cannot be called by hand: there is no value of their state.
-- (Minor releases of the server differ in how they say so.)
DO $$ BEGIN
    PERFORM calib.sri_final(NULL);
    RAISE 'it was called';
EXCEPTION WHEN undefined_function OR feature_not_supported THEN NULL;
END $$;
-- The errors in full: the numbers and a way out.
\set VERBOSITY default
SELECT calib.sri('2025-08-02', '2025-08-01');
SELECT calib.sri('2025-08-01', 'infinity');
SELECT calib.sri('4713-01-01 BC', '294276-01-01');
\set VERBOSITY sqlstate

-- response_summary -------------------------------------------------------------

-- Miller's aml data, maintained arm: 9 13 13+ 18 23 28+ 31 34 45+ 48 161+,
-- median 31; + is censored.  7 acted, 4 open, mean of the acted 176 / 7.
CREATE TABLE aml (days integer, acted boolean);
INSERT INTO aml VALUES (9, true), (13, true), (13, false), (18, true), (23, true), (28, false),
    (31, true), (34, true), (45, false), (48, true), (161, false);
CREATE VIEW aml_rows AS
SELECT timestamptz '2025-01-01' AS detected_at,
       CASE WHEN acted THEN timestamptz '2025-01-01' + make_interval(days => days) END AS acted_at,
       timestamptz '2025-01-01' + make_interval(days => days) AS as_of
FROM aml;
SELECT (r).acted, (r).open, (r).mean_days = 176 / 7.0::float8 AS mean, (r).median_days, (r).p90_days, (r).oldest_open_days
FROM (SELECT calib.response_summary(detected_at, acted_at, as_of) AS r FROM aml_rows) AS s;

-- Without open rows quantiles are those of the plain empirical distribution:
-- of 1..10 days the median is 5 (S(5) = 1/2) and the 90 % quantile 9 (S(9) = 1/10).
SELECT (r).median_days, (r).p90_days
FROM (SELECT calib.response_summary('2025-01-01', timestamptz '2025-01-01' + make_interval(days => n), '2026-01-01') AS r
      FROM generate_series(1, 10) AS n) AS s;
-- Of 1..100: 50 and 90; of 1..3 with the third open: 2 and not reached.
SELECT (r).median_days, (r).p90_days
FROM (SELECT calib.response_summary('2025-01-01', timestamptz '2025-01-01' + make_interval(days => n), '2026-01-01') AS r
      FROM generate_series(1, 100) AS n) AS s;
SELECT (r).median_days, (r).p90_days, (r).oldest_open_days
FROM (SELECT calib.response_summary('2025-01-01', CASE WHEN n < 3 THEN timestamptz '2025-01-01' + make_interval(days => n) END, '2025-01-04') AS r
      FROM generate_series(1, 3) AS n) AS s;
-- Acted after as_of is open; detected after as_of is not there yet; all open has no median.
SELECT (r).*
FROM (SELECT calib.response_summary(d, a, '2025-02-01') AS r
      FROM (VALUES (timestamptz '2025-01-01', timestamptz '2025-02-02'), ('2025-01-12', '2025-02-01'),
                   ('2025-02-02', '2025-02-03'), ('2025-02-02', NULL), (NULL, '2025-01-01')) AS v (d, a)) AS s;
SELECT (r).*
FROM (SELECT calib.response_summary('2025-01-01', NULL, '2025-01-11') AS r) AS s;
SELECT calib.response_summary(NULL, NULL, now()) AS nothing_detected;
SELECT calib.response_summary(d, d, d) IS NULL AS no_rows FROM (SELECT now() AS d) AS v WHERE false;
-- Bad input.
SELECT calib.response_summary('2025-01-01', NULL, NULL);
SELECT calib.response_summary('2025-01-02', '2025-01-01', '2025-02-01');
SELECT calib.response_summary('2025-01-01', NULL, 'infinity');
SELECT calib.response_summary('-infinity', NULL, '2025-01-01');
SELECT calib.response_summary('2025-01-01', 'infinity', '2025-02-01');

\set VERBOSITY default
SELECT calib.response_summary('2025-01-01', NULL, NULL);
\set VERBOSITY sqlstate

-- Against an independent computation ---------------------------------------------

-- Generated, 400 groups of 1 to 40 rows and one of 3,000. Durations are whole hours
-- below 12 (below 3,000 in the large group), so that acts tie with acts and with
-- cut-offs. Five of eight are acted on by as_of; the others are open, acted on after
-- as_of, or (few) detected after it or never.
CREATE TABLE response_case AS
WITH draw AS (
    SELECT n, CASE WHEN n <= 3000 THEN 0 ELSE 1 + n % 400 END AS g,
           ('x' || substr(md5(n::text), 1, 7))::bit(28)::integer AS a,
           ('x' || substr(md5(n::text), 8, 7))::bit(28)::integer AS b,
           ('x' || substr(md5(n::text), 15, 7))::bit(28)::integer AS c
    FROM generate_series(1, 19000) AS n
), kept AS (
    SELECT *, row_number() OVER (PARTITION BY g ORDER BY n) AS k FROM draw
), moment AS (
    SELECT n, g, a % 8 AS kind, b % 40 AS fate, c,
           timestamptz '2025-01-01' + make_interval(hours => c % 1000) AS d,
           make_interval(hours => b % CASE WHEN g = 0 THEN 3000 ELSE 12 END) AS took
    FROM kept WHERE g = 0 OR k <= 1 + g % 40
)
SELECT n, g, CASE WHEN kind < 7 OR fate > 0 THEN d END AS detected_at,
       CASE WHEN kind < 5 THEN d + took WHEN kind = 6 THEN d + took + interval '1 hour' END AS acted_at,
       CASE WHEN kind < 5 THEN d + took + make_interval(hours => c % 3)
            WHEN kind = 7 AND fate = 1 THEN d - interval '1 microsecond' ELSE d + took END AS as_of
FROM moment;
SELECT count(*) AS rows, count(DISTINCT g) AS groups, count(*) FILTER (WHERE acted_at <= as_of) AS acted,
       count(*) FILTER (WHERE acted_at IS NULL) AS open, count(*) FILTER (WHERE acted_at > as_of) AS acted_later,
       count(*) FILTER (WHERE detected_at > as_of) AS detected_later, count(*) FILTER (WHERE detected_at IS NULL) AS never
FROM response_case;

-- Kaplan-Meier by the textbook: S(t) is the product over act times up to t of
-- (at risk - acts) / at risk. Numerator and denominator are whole numbers in
-- numeric, so that S <= 1/2 and S <= 1/10 are decided without any rounding.
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE VIEW seen AS
SELECT g, detected_at, coalesce(acted_at <= as_of, false) AS acted,
       CASE WHEN acted_at <= as_of THEN acted_at ELSE as_of END - detected_at AS took
FROM response_case WHERE detected_at <= as_of;
CREATE TABLE survival AS
WITH risk AS (
    SELECT g, took, count(*) FILTER (WHERE acted) AS acts, count(*) FILTER (WHERE NOT acted) AS cut_off,
           sum(count(*)) OVER (PARTITION BY g ORDER BY took DESC) AS at_risk
    FROM seen GROUP BY g, took
)
SELECT g, took, acts, cut_off, product(at_risk - acts) OVER w AS surviving, product(at_risk) OVER w AS of_all,
       sum(cut_off) OVER w - cut_off AS cut_off_before
FROM risk WINDOW w AS (PARTITION BY g ORDER BY took);
CREATE TABLE expected AS
SELECT g, acted, open, mean_days, median_days, p90_days, oldest_open_days
FROM (SELECT g, count(*) FILTER (WHERE acted) AS acted, count(*) FILTER (WHERE NOT acted) AS open,
             extract(epoch FROM sum(took) FILTER (WHERE acted)) / nullif(count(*) FILTER (WHERE acted), 0) / 86400 AS mean_days,
             (extract(epoch FROM max(took) FILTER (WHERE NOT acted)) / 86400)::float8 AS oldest_open_days
      FROM seen GROUP BY g) AS plain
JOIN (SELECT g, (extract(epoch FROM min(took) FILTER (WHERE acts > 0 AND surviving * 2 <= of_all)) / 86400)::float8 AS median_days,
             (extract(epoch FROM min(took) FILTER (WHERE acts > 0 AND surviving * 10 <= of_all)) / 86400)::float8 AS p90_days
      FROM survival GROUP BY g) AS quantiles USING (g);

-- The data bite: times with acts and cut-offs at once; groups that reach exactly
-- one half, with cut-offs on the way; groups that do not reach the median or p90.
SELECT count(*) FILTER (WHERE acts > 0 AND cut_off > 0) > 500 AS ties,
       count(*) FILTER (WHERE acts > 0 AND surviving * 2 = of_all AND cut_off_before > 0) AS halves_after_cut_offs,
       count(*) FILTER (WHERE acts > 0 AND surviving * 2 = of_all AND cut_off_before = 0) AS halves_without,
       count(*) FILTER (WHERE acts > 0 AND surviving * 10 = of_all) AS tenths
FROM survival;
SELECT count(*) AS groups, count(*) - count(median_days) AS no_median, count(*) - count(p90_days) AS no_p90 FROM expected;

CREATE VIEW summary AS
SELECT g, (r).* FROM (SELECT g, calib.response_summary(detected_at, acted_at, as_of) AS r FROM response_case GROUP BY g) AS s;
SELECT count(*) AS groups,
       count(*) FILTER (WHERE s.acted = e.acted AND s.open = e.open) AS same_counts,
       count(*) FILTER (WHERE s.median_days IS NOT DISTINCT FROM e.median_days) AS same_median,
       count(*) FILTER (WHERE s.p90_days IS NOT DISTINCT FROM e.p90_days) AS same_p90,
       count(*) FILTER (WHERE s.oldest_open_days IS NOT DISTINCT FROM e.oldest_open_days) AS same_oldest,
       count(*) FILTER (WHERE (s.mean_days IS NULL) = (e.mean_days IS NULL)) AS same_nulls,
       max(abs(s.mean_days - e.mean_days)) < 1e-12 AS same_mean
FROM summary AS s JOIN expected AS e USING (g);
-- The column mean_days is sri over the rows acted on, to the last bit.
SELECT count(*) FILTER (WHERE s.mean_days IS DISTINCT FROM r.sri) AS mean_not_sri
FROM summary AS s
JOIN (SELECT g, calib.sri(detected_at, acted_at) FILTER (WHERE acted_at <= as_of) AS sri FROM response_case GROUP BY g) AS r USING (g);

-- sri against sums in numeric; and avg over intervals, which rounds to 1 microsecond.
SELECT count(*) AS groups, max(abs(sri - plain)) < 1e-12 AS same, max(abs(sri - average)) * 86400e6 <= 0.51 AS same_as_avg
FROM (SELECT g, calib.sri(detected_at, acted_at) AS sri,
             (sum(extract(epoch FROM acted_at) - extract(epoch FROM detected_at)) / count(acted_at - detected_at) / 86400)::float8 AS plain,
             (extract(epoch FROM avg(acted_at - detected_at)) / 86400)::float8 AS average
      FROM response_case GROUP BY g HAVING count(acted_at - detected_at) > 0) AS a;

-- Moving windows against a plain subquery per row: exact, with no residue of the
-- 100,000 years that pass through, and NULL again once nothing acted is left inside.
CREATE TABLE moving AS
SELECT row_number() OVER (ORDER BY n) AS n, detected_at, CASE WHEN n % 100 = 7 THEN detected_at + interval '100000 years 1 microsecond' ELSE acted_at END AS acted_at
FROM response_case WHERE g = 0 AND n <= 600;
SELECT count(*) AS rows, count(*) - count(w.sri) AS none_acted, count(*) FILTER (WHERE w.sri IS NOT DISTINCT FROM p.sri) AS same
FROM (SELECT n, calib.sri(detected_at, acted_at) OVER (ORDER BY n ROWS BETWEEN 4 PRECEDING AND 2 PRECEDING) AS sri FROM moving) AS w
CROSS JOIN LATERAL (SELECT calib.sri(m.detected_at, m.acted_at) AS sri FROM moving AS m WHERE m.n BETWEEN w.n - 4 AND w.n - 2) AS p;
-- A bad row is refused when it enters the window.
SELECT calib.sri(d, a) OVER (ORDER BY d ROWS 1 PRECEDING)
FROM (VALUES (timestamptz '2025-08-01', timestamptz '2025-08-03'), ('2025-08-02', '2025-08-01')) AS v (d, a);
-- response_summary over a growing and a moving window: its final function leaves
-- the state as good as it was.
CREATE TABLE growing AS SELECT row_number() OVER (ORDER BY n) AS n, detected_at, acted_at, as_of FROM response_case WHERE g = 0 ORDER BY n LIMIT 80;
SELECT count(*) AS rows, count(*) FILTER (WHERE w.grown IS NOT DISTINCT FROM p.grown) AS same_grown, count(*) FILTER (WHERE w.moved IS NOT DISTINCT FROM p.moved) AS same_moved
FROM (SELECT n, calib.response_summary(detected_at, acted_at, as_of) OVER (ORDER BY n) AS grown,
             calib.response_summary(detected_at, acted_at, as_of) OVER (ORDER BY n ROWS 6 PRECEDING) AS moved FROM growing) AS w
CROSS JOIN LATERAL (SELECT calib.response_summary(m.detected_at, m.acted_at, m.as_of) AS grown,
                           calib.response_summary(m.detected_at, m.acted_at, m.as_of) FILTER (WHERE m.n >= w.n - 6) AS moved
                    FROM growing AS m WHERE m.n <= w.n) AS p;

-- Order, ROLLUP, parallel ---------------------------------------------------------

SELECT count(DISTINCT calib_row) AS answers
FROM (SELECT calib.response_summary(detected_at, acted_at, as_of)::text || calib.sri(detected_at, acted_at) AS calib_row
      FROM (SELECT o, r.* FROM response_case AS r, generate_series(1, 4) AS o ORDER BY md5(n::text || o)) AS x GROUP BY o) AS s;
SELECT count(*) FILTER (WHERE s.g IS NOT NULL AND s.r = e.r) AS same_groups,
       bool_or(s.g IS NULL AND s.r = (SELECT calib.response_summary(detected_at, acted_at, as_of) FROM response_case)) AS same_total
FROM (SELECT g, calib.response_summary(detected_at, acted_at, as_of) AS r FROM response_case GROUP BY ROLLUP (g)) AS s
LEFT JOIN (SELECT g, calib.response_summary(detected_at, acted_at, as_of) AS r FROM response_case GROUP BY g) AS e USING (g);

CREATE TABLE serial AS
SELECT g, calib.sri(detected_at, acted_at) AS sri, calib.response_summary(detected_at, acted_at, as_of) AS response
FROM response_case GROUP BY GROUPING SETS ((), (g));
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT calib.sri(detected_at, acted_at), calib.response_summary(detected_at, acted_at, as_of) FROM response_case;
SELECT s.sri = p.sri AS same_sri, s.response = p.response AS same_response
FROM serial AS s, (SELECT calib.sri(detected_at, acted_at) AS sri, calib.response_summary(detected_at, acted_at, as_of) AS response FROM response_case) AS p
WHERE s.g IS NULL;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT g, calib.sri(detected_at, acted_at), calib.response_summary(detected_at, acted_at, as_of) FROM response_case GROUP BY g;
SELECT count(*) AS groups, count(*) FILTER (WHERE s.sri IS NOT DISTINCT FROM p.sri) AS same_sri, count(*) FILTER (WHERE s.response = p.response) AS same_response
FROM serial AS s
JOIN (SELECT g, calib.sri(detected_at, acted_at) AS sri, calib.response_summary(detected_at, acted_at, as_of) AS response FROM response_case GROUP BY g) AS p USING (g);
RESET enable_sort;
-- Parts that saw no row at all; parts whose rows all do not count.
SELECT calib.sri(detected_at, acted_at) IS NULL AS no_rows FROM response_case WHERE g < 0;
SELECT calib.sri(NULL, acted_at) IS NULL AS none_count, calib.response_summary(NULL, acted_at, as_of) FROM response_case;
-- Bad input in a worker.
SELECT calib.sri(detected_at, CASE WHEN n = 2999 THEN detected_at - interval '1 day' ELSE acted_at END) FROM response_case;

DROP VIEW aml_rows, seen, summary;
DROP TABLE serial, moving, growing, aml, survival, expected, response_case;
DROP AGGREGATE product(numeric);
