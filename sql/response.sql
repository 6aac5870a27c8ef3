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
-- Bad input.
SELECT calib.sri('2025-08-02', '2025-08-01');
SELECT calib.sri('-infinity', '2025-08-01');
SELECT calib.sri('2025-08-01', 'infinity');
SELECT calib.sri('4713-01-01 BC', '294276-01-01');
\set VERBOSITY terse
SELECT calib.sri('2025-08-02', '2025-08-01');
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

-- Against an independent computation ---------------------------------------------

-- Generated: 20 groups, durations of whole hours so that many tie, a third open.
CREATE TABLE response_case AS
SELECT n % 20 AS g, timestamptz '2025-01-01' AS detected_at,
       CASE WHEN n * 7919 % 3 > 0 THEN timestamptz '2025-01-01' + make_interval(hours => (n * 104729 % 300)::integer) END AS acted_at,
       timestamptz '2025-01-01' + make_interval(hours => (n * 104729 % 300)::integer) AS as_of
FROM generate_series(1, 6000::bigint) AS n;

-- Kaplan-Meier by the textbook, in numeric: the product over act times t of
-- 1 - acts at t / rows still at risk at t.
CREATE VIEW kaplan_meier AS
WITH risk AS (
    SELECT g, as_of - detected_at AS t, count(acted_at) AS acts, count(*) AS leaving
    FROM response_case GROUP BY 1, 2
), at AS (
    SELECT g, t, acts, sum(leaving) OVER (PARTITION BY g ORDER BY t DESC) AS at_risk FROM risk
), estimate AS (
    SELECT g, t, acts, exp(sum(ln(greatest(1 - acts::numeric / at_risk, 1e-300))) OVER (PARTITION BY g ORDER BY t)) AS s FROM at
)
SELECT g, extract(epoch FROM min(t) FILTER (WHERE acts > 0 AND s <= 0.5))::float8 / 86400 AS median_days,
       extract(epoch FROM min(t) FILTER (WHERE acts > 0 AND s <= 0.1))::float8 / 86400 AS p90_days
FROM estimate GROUP BY g;

SELECT count(*) AS groups,
       count(*) FILTER (WHERE (r).median_days IS NOT DISTINCT FROM k.median_days) AS same_median,
       count(*) FILTER (WHERE (r).p90_days IS NOT DISTINCT FROM k.p90_days) AS same_p90
FROM (SELECT g, calib.response_summary(detected_at, acted_at, as_of) AS r FROM response_case GROUP BY g) AS s
JOIN kaplan_meier AS k USING (g);

-- sri against avg over intervals.
SELECT max(abs(a.sri - a.plain)) < 1e-12 AS same
FROM (SELECT g, calib.sri(detected_at, acted_at) AS sri,
             (extract(epoch FROM avg(acted_at - detected_at)) / 86400)::float8 AS plain
      FROM response_case GROUP BY g) AS a;

-- A moving window against a plain subquery per row: exact, with no residue.
CREATE TABLE moving AS
SELECT n, detected_at, acted_at FROM (SELECT row_number() OVER () AS n, * FROM response_case WHERE g < 2) AS r;
SELECT count(*) AS rows, count(*) FILTER (WHERE w.sri IS NOT DISTINCT FROM p.sri) AS same
FROM (SELECT n, calib.sri(detected_at, acted_at) OVER (ORDER BY n ROWS 4 PRECEDING) AS sri FROM moving) AS w
CROSS JOIN LATERAL (SELECT calib.sri(m.detected_at, m.acted_at) AS sri FROM moving AS m WHERE m.n BETWEEN w.n - 4 AND w.n) AS p;
-- response_summary over a growing window: the final function leaves the state whole.
SELECT count(*) AS rows, count(*) FILTER (WHERE w.r IS NOT DISTINCT FROM p.r) AS same
FROM (SELECT n, calib.response_summary(detected_at, acted_at, '2025-02-01') OVER (ORDER BY n) AS r FROM moving WHERE n <= 50) AS w
CROSS JOIN LATERAL (SELECT calib.response_summary(m.detected_at, m.acted_at, '2025-02-01') AS r FROM moving AS m WHERE m.n <= w.n) AS p;

-- Order, ROLLUP, parallel ---------------------------------------------------------

SELECT (SELECT calib.response_summary(detected_at, acted_at, as_of) FROM (SELECT * FROM response_case ORDER BY random()) AS x)
     = (SELECT calib.response_summary(detected_at, acted_at, as_of) FROM response_case) AS same_in_any_order;
SELECT g, (r).acted, (r).open FROM (
    SELECT g, calib.response_summary(detected_at, acted_at, as_of) AS r FROM response_case WHERE g < 2 GROUP BY ROLLUP (g)) AS s
ORDER BY g;

CREATE TABLE serial AS
SELECT calib.sri(detected_at, acted_at) AS sri, calib.response_summary(detected_at, acted_at, as_of) AS response FROM response_case;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT calib.sri(detected_at, acted_at), calib.response_summary(detected_at, acted_at, as_of) FROM response_case;
SELECT s.sri = p.sri AS same_sri, s.response = p.response AS same_response
FROM serial AS s, (SELECT calib.sri(detected_at, acted_at) AS sri, calib.response_summary(detected_at, acted_at, as_of) AS response FROM response_case) AS p;
-- Parts that saw no row at all.
SELECT calib.sri(detected_at, acted_at) IS NULL AS nothing FROM response_case WHERE g < 0;

DROP VIEW aml_rows, kaplan_meier;
DROP TABLE serial, moving, aml, response_case;
