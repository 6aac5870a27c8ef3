-- Attainment week by week: what attainment_at says at each week's end.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';

INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'region', 'East'), (2, 1, 'team', 'Alpha'), (3, 1, 'team', 'Beta'), (4, 2, 'rep', 'Ann'), (5, 3, 'rep', 'Bo');
-- Ann is away all of the second week of October, and Bo begins on the 15th
INSERT INTO calib.absence (unit_id, during) VALUES (4, '[2025-10-06,2025-10-13)');
UPDATE calib.unit SET active = '[2025-10-15,)' WHERE unit_id = 5;
INSERT INTO calib.target (target_id, unit_id, product_line, grain, period_start, original_value) VALUES
    (1, 2, '', 'quarter', '2025-10-01', 100), (2, 3, '', 'quarter', '2025-10-01', 50), (3, 4, '', 'month', '2025-10-01', 40),
    (4, 4, 'juice', 'month', '2025-10-01', 20), (5, 5, '', 'month', '2025-11-01', 10), (6, 2, '', 'year', '2025-01-01', 400),
    (7, 4, '', 'month', '2025-11-01', 30), (8, 5, '', 'quarter', '2025-07-01', 80), (9, 5, '', 'quarter', '2025-04-01', 80);
INSERT INTO calib.result (unit_id, measure, product_line, occurred_at, amount) VALUES
    (4, 'collection', '', '2025-02-10 12:00+08', 70),                -- of the year, before the weeks shown
    (4, 'collection', '', '2025-10-01 00:00+08', 3), (4, 'collection', 'juice', '2025-10-09 12:00+08', 5),
    (4, 'collection', '', '2025-10-12 23:59:59.999999+08', 7),       -- Sunday, to the last microsecond
    (4, 'collection', '', '2025-10-13 00:00+08', 11),                -- a day alone: Monday's
    (4, 'collection', 'juice', '2025-10-31 12:00+08', 13), (4, 'collection', '', '2025-11-01 00:00+08', 17),
    (4, 'collection', '', '2025-11-04 12:00+08', -2),                -- a refund
    (5, 'collection', '', '2025-09-30 23:00+08', 19), (5, 'collection', '', '2025-10-20 12:00+08', 23),
    (4, 'new customers', '', '2025-10-20 12:00+08', 1000), (4, 'collection', '', '2025-11-05 13:00+08', 2000);   -- another measure; still to come
INSERT INTO calib.season (unit_id, grain, shares) VALUES (3, 'quarter', '{1,1,2}');
-- Beta's target falls on 22 October, a Wednesday; Bo moves to Alpha on 29 October
SET calib.clock = '2025-10-21 09:00+08';
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-21', 'none');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 'Report', 'https://example.com/1', '2025-10-20');
SET calib.clock = '2025-10-22 09:00+08';
SET calib.evidence = '1';
SET calib.reason = 'test';
UPDATE calib.target SET value = 45 WHERE target_id = 2;
SET calib.clock = '2025-10-29 09:00+08';
UPDATE calib.unit SET parent_id = 2 WHERE unit_id = 5;
SET calib.clock = '2025-11-05 12:00+08';

-- 1. October of Ann, by hand: 3, 15 (3 + 5 + 7), 26, 26, 39. The week of 27 October ends with
-- the month, on a Friday.
SELECT product_line, week, week_end, actual, round(attainment, 3) AS attainment
FROM calib.attainment_weekly WHERE unit_id = 4 AND period_start = '2025-10-01' ORDER BY product_line, week;
-- Beta, and above: the target as it stood
SELECT unit_id, week, target_value, actual, round(attainment_original, 3) AS of_original, pace_basis
FROM calib.attainment_weekly WHERE unit_id IN (1, 3) AND grain = 'quarter' AND period_start = '2025-10-01' AND week >= '2025-10-13' ORDER BY unit_id, week;
-- the year goes on from what happened before the weeks shown
SELECT min(week) AS first, max(week) AS last, count(*) AS weeks, min(actual) AS least, max(actual) AS most
FROM calib.attainment_weekly WHERE grain = 'year' AND unit_id = 2;
-- the quarter before the last is not shown
SELECT DISTINCT period_start FROM calib.attainment_weekly WHERE grain = 'quarter' ORDER BY 1;

-- 2. Row by row as attainment_at has it: values at the last instant of the week, working days
-- with its last day behind; of the running week, both now.
CREATE FUNCTION pg_temp.unlike() RETURNS TABLE (problem text, n bigint) LANGUAGE sql AS $$
    WITH cut AS (
        SELECT DISTINCT w.week_end, least(calib.start_of(w.week_end) - interval '1 microsecond', calib.clock()) AS value_at,
               least(calib.start_of(w.week_end), calib.clock()) AS elapsed_at
        FROM calib.attainment_weekly w
    ), wanted AS (
        SELECT c.week_end, v.unit_id, v.measure, v.product_line, v.grain, v.period_start, v.period_end,
               v.original_value, v.target_value, v.actual, v.attainment, v.attainment_original,
               e.elapsed_share, v.attainment / nullif(e.elapsed_share, 0) AS pace, e.pace_basis
        FROM cut c
        CROSS JOIN LATERAL calib.attainment_at(c.value_at) v
        CROSS JOIN LATERAL calib.attainment_at(c.elapsed_at) e
        WHERE (e.unit_id, e.measure, e.product_line, e.grain, e.period_start) = (v.unit_id, v.measure, v.product_line, v.grain, v.period_start)
          AND v.period_start < c.week_end AND v.period_start <= calib.today()
          AND (v.period_end = c.week_end OR v.period_end > c.week_end AND extract(isodow FROM c.week_end) = 1)
    ), got AS (
        SELECT week_end, unit_id, measure, product_line, grain, period_start, period_end,
               original_value, target_value, actual, attainment, attainment_original, elapsed_share, pace, pace_basis
        FROM calib.attainment_weekly
    )
    SELECT 'missing', count(*) FROM (SELECT * FROM wanted EXCEPT ALL SELECT * FROM got) m
    UNION ALL
    SELECT 'too many', count(*) FROM (SELECT * FROM got EXCEPT ALL SELECT * FROM wanted) m
    UNION ALL
    SELECT 'same', count(*) FROM (SELECT * FROM got INTERSECT ALL SELECT * FROM wanted) m
$$;
SELECT * FROM pg_temp.unlike();
-- on a Monday at midnight, on the first of a month, on the last of a quarter
SET calib.clock = '2025-11-03 00:00+08';
SELECT * FROM pg_temp.unlike();
SET calib.clock = '2025-11-01 00:00+08';
SELECT * FROM pg_temp.unlike();
SET calib.clock = '2025-12-31 23:59+08';
SELECT * FROM pg_temp.unlike();

-- 3. Who sees what, and the sums do not change with it.
CREATE ROLE calib_weekly_beta;
INSERT INTO calib.duty (role_name, unit_id, duty) VALUES ('calib_weekly_beta', 3, 'viewer');
CREATE TEMP TABLE all_of_it AS SELECT * FROM calib.attainment_weekly;
GRANT SELECT ON all_of_it TO calib_weekly_beta;
SET SESSION AUTHORIZATION calib_weekly_beta;
SELECT array_agg(DISTINCT unit_id) AS units, count(*) > 0 AS some, count(*) FILTER (WHERE a.unit_id IS NULL) AS unlike
FROM calib.attainment_weekly w
LEFT JOIN all_of_it a USING (unit_id, measure, product_line, grain, period_start, week, week_end, target_value, actual, attainment);
SELECT calib.all_attainment_weekly('2025-10-01', now(), NULL);
SELECT calib.all_results_by_week('2025-10-01', '2025-10-01', now(), NULL);
RESET SESSION AUTHORIZATION;

-- 4. Without targets there is nothing.
SELECT count(*) FROM calib.all_attainment_weekly('2020-01-01', '2020-03-01', NULL);
SELECT count(*) FROM calib.all_attainment_weekly('2025-10-01', calib.clock(), '{}');
SELECT count(*) FROM calib.week_ends(NULL, now());

DROP TABLE all_of_it;
DROP EXTENSION calib CASCADE;
DROP ROLE calib_weekly_beta;

-- 5. In a fiscal year that begins in February, in a zone with daylight saving.
CREATE EXTENSION calib;
UPDATE calib.organisation SET zone = 'America/New_York', fiscal_start_month = 2;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'Company');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (1, 'quarter', '2025-02-01', 10), (1, 'year', '2025-02-01', 10), (1, 'month', '2025-11-01', 10);
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES
    (1, '2025-02-01 04:59Z', 100), (1, '2025-02-01 05:00Z', 1), (1, '2025-03-10 03:59Z', 2), (1, '2025-03-10 04:00Z', 4), (1, '2025-11-02 12:00Z', 8);
SET calib.clock = '2025-03-20 12:00-04';
SELECT week, week_end, actual FROM calib.attainment_weekly WHERE grain = 'quarter' ORDER BY week;
SELECT * FROM pg_temp.unlike();
SET calib.clock = '2025-11-05 12:00-05';
SELECT min(week), max(week), max(actual) FROM calib.attainment_weekly WHERE grain = 'year';
SELECT * FROM pg_temp.unlike();

DROP EXTENSION calib CASCADE;
