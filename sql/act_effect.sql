-- What acts did: a scene of the third quarter of 2025, worked out by hand. Without
-- holidays it has 66 working days, of which 33 are over on 15 August and 55 on
-- 16 September.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
DELETE FROM calib.holiday;
SET calib.clock = '2025-06-01 09:00+08';
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (NULL, '2025-06-01', 'none');
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES
    (1, NULL, 'company', 'Company', DEFAULT), (2, 1, 'region', 'East', DEFAULT), (3, 2, 'team', 'Alpha', DEFAULT), (4, 2, 'team', 'Beta', DEFAULT), (5, 1, 'team', 'Gamma', DEFAULT), (6, 1, 'team', 'Delta', DEFAULT),
    (31, 3, 'rep', 'A1', DEFAULT), (32, 3, 'rep', 'A2', DEFAULT), (41, 4, 'rep', 'B1', DEFAULT), (42, 4, 'rep', 'B2', DEFAULT), (43, 4, 'rep', 'B3', DEFAULT), (51, 5, 'rep', 'G1', '[2025-10-01,)');
INSERT INTO calib.absence (unit_id, during) VALUES (41, '[2025-07-28,2025-08-04)');
INSERT INTO calib.target (target_id, unit_id, product_line, grain, period_start, original_value) VALUES
    (1, 3, '', 'quarter', '2025-07-01', 300), (2, 3, '', 'quarter', '2025-10-01', 300), (3, 3, '', 'year', '2025-01-01', 1200), (4, 3, 'tea', 'quarter', '2025-07-01', 60),
    (5, 4, '', 'month', '2025-07-01', 100), (6, 4, '', 'month', '2025-08-01', 100), (7, 51, '', 'quarter', '2025-07-01', 10);
SELECT calib.publish_targets(d) FROM unnest('{2025-01-01,2025-07-01,2025-08-01,2025-10-01}'::date[]) d;
SELECT calib.attach_evidence('market_report', 'Rivals', 'https://example.org/r') AS evidence;
-- Alpha: 90 and 15 before 15 August 10:00, then 45, 45 and a refund of 15; 30 of the 90 and the 15 are tea
INSERT INTO calib.result (unit_id, product_line, occurred_at, amount) VALUES
    (31, 'tea', '2025-07-10 10:00+08', 30), (32, '', '2025-08-14 23:00+08', 60), (31, 'tea', '2025-08-15 10:00+08', 15), (31, '', '2025-08-15 10:00:00.000001+08', 45),
    (43, '', '2025-08-15 12:00+08', 1000),          -- while B3 stood in Beta
    (43, '', '2025-09-01 10:00+08', 45), (31, '', '2025-09-10 10:00+08', -15),
    (31, '', '2025-06-30 23:59+08', 7000), (31, '', '2025-10-01 00:00+08', 150),
    (41, '', '2025-07-31 10:00+08', 80), (42, '', '2025-08-20 10:00+08', 40);

SET calib.clock = '2025-07-01 09:00+08';
SELECT calib.submit_request(3, 'samples', 5, 'to try') AS request \gset first_
SELECT calib.file_request(:first_request);
SET calib.clock = '2025-07-31 09:00+08';
SELECT calib.submit_adjustment(5, 95, 'late in July', '{1}') AS adjustment \gset july_
SET calib.clock = '2025-08-03 09:00+08';
SELECT calib.file_adjustment(:july_adjustment);
SET calib.clock = '2025-08-15 10:00+08';
SELECT calib.file_adjustment(calib.submit_adjustment(1, 270, 'rival cut prices', '{1}'));
SELECT calib.file_request(calib.submit_request(3, 'move_people', 1, 'B3 helps', 500, 4));
SELECT calib.file_request(calib.submit_request(4, 'promotion_budget', 900, 'August fair'));
SELECT calib.file_request(calib.submit_request(6, 'promotion_budget', 100, 'Delta has no target'));
SELECT calib.file_request(calib.submit_request(2, 'promotion_budget', 50, 'East has its teams'' target'));
SELECT calib.file_request(calib.submit_request(51, 'samples', 1, 'G1 is not there yet'));
SELECT calib.submit_request(3, 'samples', 9, 'never filed') IS NOT NULL AS asked;
SET calib.clock = '2025-08-18 00:00+08';
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 43;
SET calib.clock = '2025-09-16 00:00+08';
SELECT calib.file_adjustment(calib.submit_adjustment(2, 290, 'the next quarter', '{1}'));

CREATE VIEW shown WITH (security_invoker = true) AS
SELECT unit_name, kind, what, amount, grain, product_line AS line, actual_before AS before, actual_after AS after, round(share_before, 4) AS share, round(share_after, 4) AS share_after,
       round(pace_before, 4) AS pace_before, round(pace_after, 4) AS pace_after, other_acts AS others, note
FROM calib.act_effect ORDER BY filed_at, kind, unit_id, id, line;
GRANT SELECT ON shown TO PUBLIC;
CREATE VIEW staffed WITH (security_invoker = true) AS
SELECT unit_name, what, round(rep_weeks_before, 6) AS before, round(rep_weeks_after, 6) AS after, from_unit_name, round(from_rep_weeks_before, 6) AS from_before, round(from_rep_weeks_after, 6) AS from_after, round(days_after, 2) AS days
FROM (SELECT DISTINCT ON (kind, id) * FROM calib.act_effect ORDER BY kind, id) e ORDER BY filed_at, kind, unit_id, id;
GRANT SELECT ON staffed TO PUBLIC;
-- the adjustment of Alpha: 105 / (300 x 1/2) = 0.70 before; 75 / (300 x 22/66) = 0.75 since. Each request of Alpha beside both of its quarter's targets: tea 45 / (60 x 1/2)
-- = 1.5, then nothing. Beta's fair in August: nothing in 10 of 21 working days, 1040 in the other 11.
-- others: of Alpha within 28 days of 15 August one more, of Beta its July and what is taken from it, of East none
SELECT * FROM shown;
-- Beta had 3 people, one of them away for a week of four: 2.75. B3 is gone after 62 hours of the 672: 610 / 672 = 0.907738
SELECT * FROM staffed;
-- 3 days after the filing the window has 72 hours; B3 is there for the last 10: 2 + 10 / 72
SET calib.clock = '2025-08-18 10:00+08';
SELECT * FROM staffed WHERE what = 'move_people';
SELECT * FROM shown WHERE what = 'lower' AND grain = 'quarter';
-- on the second of the filing
SET calib.clock = '2025-08-15 10:00+08';
SELECT * FROM staffed WHERE what = 'move_people';
SELECT * FROM shown WHERE what = 'lower' AND grain = 'quarter';
-- before it there is what was filed before
SET calib.clock = '2025-08-15 09:59:59+08';
SELECT kind, what FROM shown;
-- when all is over: 90 + 15 + 45 + 45 - 15 of 300, and the next quarter has begun
SET calib.clock = '2025-10-10 00:00+08';
SELECT * FROM shown WHERE kind = 'adjustment';

-- Who sees what: Alpha's manager its own side of the move, who sees Beta that it is taken from
CREATE ROLE effect_alpha;
CREATE ROLE effect_beta;
CREATE ROLE effect_nobody;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('effect_alpha', 'manager', 3), ('effect_beta', 'viewer', 4);
SET ROLE effect_alpha;
SELECT unit_name, what, before, after, from_unit_name, from_before FROM staffed;
SET ROLE effect_beta;
SELECT unit_name, what, before, after, from_unit_name, from_before, from_after FROM staffed;
SELECT unit_name, what, before, pace_before, others, note FROM shown;
SET ROLE effect_nobody;
SELECT count(*) FROM calib.act_effect;
SELECT * FROM calib.act_effects();
SELECT * FROM calib.all_acts_filed();
SELECT calib.share_elapsed(3, 'collection', '', 'quarter', '2025-07-01', now(), '2025-07-01');
RESET ROLE;

-- The share is attainment's own, along a season and up the tree, at any time
INSERT INTO calib.season (unit_id, grain, shares) VALUES (2, 'quarter', '{1,1,2}'), (NULL, 'month', '{1,3}');
SELECT count(*) AS asked, count(*) FILTER (WHERE a.pace_basis = 'season') AS along_a_season,
       count(*) FILTER (WHERE a.elapsed_share IS DISTINCT FROM calib.share_elapsed(a.unit_id, a.measure, a.product_line, a.grain, a.period_start, at, calib.day_of(at))) AS different
FROM generate_series(timestamptz '2025-06-28 12:00+08', '2025-10-12', '53 hours') at CROSS JOIN LATERAL calib.attainment_at(at) a;

-- A unit that is moved between the filing and now has one season, the one it has now: of 66
-- days 33 and 55 have passed; {1,3} has S(1/2) = 1/4 and S(5/6) = 1/4 + 3/4 x 2/3 = 3/4.
BEGIN;
DELETE FROM calib.season;
INSERT INTO calib.season (unit_id, grain, shares) VALUES (2, 'quarter', '{3,1}'), (5, 'quarter', '{1,3}');
SET LOCAL calib.clock = '2025-09-15 09:00+08';
UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 3;
SET LOCAL calib.clock = '2025-09-16 00:00+08';
SELECT round(share_before, 4) AS share, round(share_after, 4) AS after, pace_before > 0 AND pace_after > 0 AS in_order FROM calib.act_effect WHERE kind = 'adjustment' AND unit_id = 3 AND period_start = '2025-07-01';
ROLLBACK;
-- each measure and line by the finest it has: what has a target of the year alone is not left out
BEGIN;
SET LOCAL calib.restoring = on;
INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value, value) VALUES (99, 3, 'sell_out', 'year', '2025-01-01', 10, 10);
SET LOCAL calib.restoring = off;
SELECT measure, product_line, grain FROM calib.act_effect WHERE what = 'move_people' ORDER BY 1, 2;
ROLLBACK;
-- each pace that is not there is told: filed ahead, or on the first day, and looked at on that day
BEGIN;
SET LOCAL calib.clock = '2025-10-01 12:00+08';
SELECT calib.file_request(calib.submit_request(3, 'samples', 1, 'on the first day'));
SELECT kind, period_start, actual_before, actual_after, pace_before, pace_after, note FROM calib.act_effect WHERE unit_id = 3 AND period_start = '2025-10-01' ORDER BY kind;
ROLLBACK;
-- and on the last: one day of 66 is left, along the season {1,1,2} 3 x 1/2 of one
BEGIN;
SET LOCAL calib.clock = '2025-09-30 20:00+08';
SELECT calib.file_request(calib.submit_request(3, 'samples', 1, 'on the last day'));
SET LOCAL calib.clock = '2025-10-02 12:00+08';
SELECT grain, product_line, round(66 * share_before, 4) AS days_before, round(66 * share_after, 4) AS days_after, note FROM calib.act_effect WHERE filed_at = '2025-09-30 20:00+08' ORDER BY product_line;
ROLLBACK;
-- what came before and after is all there is, whatever the filing
SELECT count(*) AS rows, count(*) FILTER (WHERE e.actual_before + e.actual_after IS DISTINCT FROM a.actual OR e.share_before + e.share_after IS DISTINCT FROM a.elapsed_share) AS different
FROM calib.act_effect e JOIN calib.attainment_at(calib.clock()) a USING (unit_id, measure, product_line, grain, period_start);
DROP VIEW shown, staffed;
DROP EXTENSION calib CASCADE;
DROP ROLE effect_alpha, effect_beta, effect_nobody;
