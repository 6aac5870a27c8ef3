-- Attainment, pace, gaps: results against targets.  Expected values by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';

INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North'),
    (4, 2, 'team', 'Alpha'), (5, 2, 'team', 'Beta'), (6, 4, 'rep', 'Ann'), (7, 5, 'rep', 'Bo'), (8, 3, 'rep', 'Cy');

-- 1. Pace, the worked example: 60 working days, 15 elapsed, 20 % collected -> 0.8.
-- From 3 March 2025, a Monday, to 23 May are 12 weeks; Tomb-Sweeping and May Day
-- are taken out of the calendar here, so that they are 60 working days.
BEGIN;
DELETE FROM calib.holiday;
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES (9, 3, 'rep', 'Di', '[2025-03-03,2025-05-26)');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (9, 'year', '2025-01-01', 100);
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (9, '2025-03-10', 20);
SELECT calib.working_days(calib.days_at_work(active, NULL, '[2025-01-01,2026-01-01)')) AS days FROM calib.unit WHERE unit_id = 9;
-- 15 working days are over when Monday 24 March begins, in Shanghai
SELECT elapsed_share, attainment, pace, pace_basis FROM calib.attainment_at('2025-03-24 00:00+08') WHERE unit_id = 9;
-- before the first working day is over there is no pace
SELECT elapsed_share, pace FROM calib.attainment_at('2025-03-03 23:59+08') WHERE unit_id = 9;
-- absent for 30 of the 60 days, all still to come: 15 of 30
INSERT INTO calib.absence (unit_id, during) VALUES (9, '[2025-03-31,2025-05-12)'), (9, '[2025-04-07,2025-04-09)');
SELECT elapsed_share FROM calib.attainment_at('2025-03-24 00:00+08') WHERE unit_id = 9;
ROLLBACK;

-- 2. Holidays and make-up days: October 2025 has 18 working days (1 to 8 off,
-- Saturday the 11th worked); 9 October is the first.
SELECT calib.working_days('2025-10-01', '2025-11-01') AS october, calib.working_days('2025-10-01', '2025-10-09') AS golden_week,
       calib.working_days('2025-10-11', '2025-10-13') AS make_up_saturday, calib.working_days('2025-09-28', '2025-09-29') AS make_up_sunday;

\set VERBOSITY sqlstate
SELECT calib.working_days('{[2025-01-01,)}'::datemultirange);
SELECT calib.working_days('2025-11-01', '2025-10-01');
\set VERBOSITY default
SELECT calib.working_days('{[2025-10-01,2025-10-09),[2025-10-11,2025-10-13)}'::datemultirange) AS in_two_ranges, calib.working_days('{}'::datemultirange) AS in_none;

-- 3. Figures of a quarter.
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES
    (4, 4, 'quarter', '2025-07-01', 100), (5, 5, 'quarter', '2025-07-01', 200), (8, 8, 'quarter', '2025-07-01', 50),
    (1, 1, 'quarter', '2025-07-01', 400);
INSERT INTO calib.result (unit_id, product_line, occurred_at, amount) VALUES
    (6, '', '2025-06-30 15:59:59.999999Z', 1000),    -- 30 June, 24 h minus a microsecond in Shanghai: not this quarter
    (6, '', '2025-06-30 16:00Z', 100), (6, 'juice', '2025-08-01', 60),
    (6, '', '2025-08-20', -30),                       -- a refund, on its own date
    (7, '', '2025-09-30 15:59Z', 20), (7, '', '2025-09-30 16:00Z', 1000);    -- the last minute, and the next quarter
-- Alpha 130 of 100 (never clamped), Beta 20 of 200, Cy nothing: 0, not NULL.
-- East has no target: the sum of the next below; the company has its own.
SELECT unit_id, original_value, target_value, actual, round(attainment, 4) AS attainment
FROM calib.attainment_at('2025-10-01 00:00+08') WHERE period_start = '2025-07-01' ORDER BY unit_id;
SELECT unit_id, level, is_leaf, region FROM calib.attainment WHERE period_start = '2025-07-01' ORDER BY unit_id;
SELECT unit_id, target_value, children, children_value, gap FROM calib.target_gap;
-- by product line, where the target is
INSERT INTO calib.target (unit_id, product_line, grain, period_start, original_value) VALUES (4, 'juice', 'quarter', '2025-07-01', 120);
SELECT product_line, actual, attainment FROM calib.attainment_at('2025-10-01 00:00+08') WHERE unit_id = 4 AND period_start = '2025-07-01' ORDER BY product_line;
-- another measure counts for itself only
INSERT INTO calib.result (unit_id, measure, occurred_at, amount) VALUES (6, 'new customers', '2025-08-01', 7);
SELECT actual FROM calib.attainment_at('2025-10-01 00:00+08') WHERE unit_id = 4 AND product_line = '';

-- 4. Cut by when things happened, and by when they were recorded.
UPDATE calib.result SET recorded_at = '2025-09-01' WHERE amount IN (100, 60);
UPDATE calib.result SET recorded_at = '2025-08-25' WHERE amount = -30;
SELECT (SELECT actual FROM calib.attainment_at('2025-08-15') WHERE target_id = 4) AS by_15_august,
       (SELECT actual FROM calib.attainment_at('2025-10-01', '2025-08-31') WHERE target_id = 4) AS known_on_31_august,
       (SELECT actual FROM calib.attainment_at('2025-10-01', '2025-09-01') WHERE target_id = 4) AS known_on_1_september;

-- 5. A unit that moves takes its future along, not its past.
BEGIN;
SET LOCAL calib.clock = '2025-08-10 12:00+08';
UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 6;
RESET calib.clock;
-- Ann's 100 and 60 were Alpha's, the refund of 20 August is Beta's
SELECT unit_id, actual FROM calib.attainment_at('2025-10-01 00:00+08') WHERE target_id IN (4, 5) ORDER BY unit_id;
SELECT unit_id, parent_id, valid FROM calib.unit_history WHERE unit_id = 6 ORDER BY valid;
ROLLBACK;

-- 6. A target as it stood: adjusted on 15 August.
SET calib.clock = '2025-08-01 09:00+08';
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-08-01', 'none');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 'Report', 'https://example.com/1', '2025-07-31');
SET calib.clock = '2025-08-15 09:00+08';
SET calib.evidence = '1';
SET calib.reason = 'test';
UPDATE calib.target SET value = 90 WHERE target_id = 4;
RESET calib.clock;
SELECT at, target_value, round(attainment, 4) AS attainment, round(attainment_original, 4) AS of_original
FROM unnest(ARRAY[timestamptz '2025-08-14 12:00Z', '2025-08-15 01:00Z', '2025-10-01']) AS at
CROSS JOIN LATERAL (SELECT * FROM calib.attainment_at(at) WHERE target_id = 4) AS a ORDER BY at;
SELECT value, valid_from, valid_to FROM calib.target_history WHERE target_id = 4 ORDER BY valid_from;
SELECT unit_id, product_line, quarter_start, used, pending, remaining FROM calib.adjustment_budget WHERE unit_id IN (4, 5) ORDER BY 1, 2, 3;

-- 7. Along a season: the last of three thirds holds half of the results.
INSERT INTO calib.season (unit_id, grain, shares) VALUES (4, 'quarter', '{1,1,2}');
SELECT calib.season_share('{1,1,2}', s) AS expected FROM unnest(ARRAY[0, 1 / 3.0, 0.5, 2 / 3.0, 1]) AS s;
SELECT calib.season_share('{0,0}', 0.5) IS NULL AS no_shape, calib.season_share('{}', 0.5) IS NULL AS empty, calib.season_share('{1,1}', NULL) IS NULL AS unknown;
SELECT pace_basis, round(elapsed_share, 4) = round(calib.season_share('{1,1,2}', calib.working_days('2025-07-01', '2025-08-15') / calib.working_days('2025-07-01', '2025-10-01')::numeric), 4) AS along_the_curve
FROM calib.attainment_at('2025-08-15 00:00+08') WHERE target_id IN (4, 5) ORDER BY unit_id;
-- built from last year's results: all of them in the last twentieth
SET calib.clock = '2026-08-01 09:00+08';
SELECT calib.build_season(8, 'collection', 'quarter');
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (8, '2025-09-30', 10);
SELECT calib.build_season(8, 'collection', 'quarter') IS NOT NULL AS built;
SELECT shares FROM calib.season WHERE unit_id = 8;
SELECT calib.build_season(8, NULL, 'quarter');
RESET calib.clock;

-- 8. A fiscal year from April, in a zone with daylight saving: the quarter that
-- holds 9 March 2025 begins on 1 January and ends at midnight in New York.
DROP EXTENSION calib CASCADE;
CREATE EXTENSION calib;
UPDATE calib.organisation SET zone = 'America/New_York', fiscal_start_month = 4;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'Company');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (1, 'quarter', '2025-01-01', 10), (1, 'year', '2024-04-01', 10);
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES
    (1, '2025-01-01 04:59Z', 100), (1, '2025-01-01 05:00Z', 1),    -- winter: UTC-5
    (1, '2025-04-01 03:59Z', 2), (1, '2025-04-01 04:00Z', 100);    -- summer: UTC-4
SELECT grain, period_start, period_end, actual FROM calib.attainment_at('2025-05-01') ORDER BY grain;
DROP EXTENSION calib CASCADE;
