-- Deviations entered by hand, the response index, and the list of the open ones.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET calib.clock = '2025-11-02 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'region', 'East'), (2, 1, 'team', 'Alpha'), (3, 1, 'team', 'Beta');
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, acted_at, ended_at, ending) VALUES
    (2, 'environment', '2025-10-01', '2025-10-06 09:00+08', '2025-10-08 09:00+08', '2025-10-08 09:00+08', 'acted'),
    (3, 'environment', '2025-10-01', '2025-10-06 09:00+08', '2025-10-12 09:00+08', '2025-10-12 09:00+08', 'acted'),
    (3, 'execution', '2025-10-01', '2025-10-21 09:00+08', NULL, NULL, NULL),
    (2, 'execution', '2025-10-01', '2025-10-11 09:00+08', NULL, '2025-10-14 09:00+08', 'dismissed'),
    (2, 'execution', '2025-10-01', '2025-10-15 09:00+08', NULL, '2025-10-20 09:00+08', 'recovered'),
    (2, 'windfall', '2025-10-01', '2025-10-31 08:00+08', '2025-10-31 08:30+08', '2025-10-31 08:30+08', 'acted'),
    -- the month is the organisation's: 1 November in Shanghai
    (2, 'windfall', '2025-10-01', '2025-10-31 16:30Z', '2025-11-01 16:30Z', '2025-11-01 16:30Z', 'acted');
-- East in October: acted after 2, 6 and 1/48 days, mean 2.6736; censored at 12
-- (open), 3 (dismissed) and 5 (recovered). At risk 6 5 4(3+) 3(5+) 2: S = 5/6, 4/6,
-- then 6 days with two at risk: 1/3. So the median is 6.
SELECT unit_name, month, acted, open, dismissed, recovered, round(mean_days::numeric, 4) AS mean_days, median_days, oldest_open_days
FROM calib.sri_monthly ORDER BY month, unit_id;

-- Alpha moves away: what was detected while it stood in East stays East's.
BEGIN;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (4, 'region', 'North');
UPDATE calib.unit SET parent_id = 4 WHERE unit_id = 2;
INSERT INTO calib.deviation (unit_id, kind, period_start) VALUES (2, 'execution', '2025-10-01');
SELECT unit_name, month, acted, open, dismissed, recovered FROM calib.sri_monthly WHERE unit_id IN (1, 4) ORDER BY month, unit_name;
ROLLBACK;

\set VERBOSITY terse
-- one open per unit, product line, period and kind
INSERT INTO calib.deviation (unit_id, kind, period_start) VALUES (3, 'execution', '2025-10-01');
-- acted before it was detected; an ending without a time; acted that is not an ending
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, acted_at, ended_at, ending) VALUES (3, 'x', '2025-10-01', '2025-10-02', '2025-10-01', '2025-10-03', 'acted');
INSERT INTO calib.deviation (unit_id, kind, period_start, ending) VALUES (3, 'x', '2025-10-01', 'dismissed');
INSERT INTO calib.deviation (unit_id, kind, period_start, acted_at, ended_at, ending) VALUES (3, 'x', '2025-10-01', calib.clock(), calib.clock(), 'recovered');
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at) VALUES (3, 'x', '2025-10-01', 'infinity');
-- an ended one makes room
UPDATE calib.deviation SET ended_at = calib.clock(), ending = 'recovered' WHERE unit_id = 3 AND kind = 'execution';
INSERT INTO calib.deviation (unit_id, kind, period_start) VALUES (3, 'execution', '2025-10-01');
SELECT count(*) FILTER (WHERE ending IS NULL) AS open FROM calib.deviation;

-- Comments: by every duty over the unit but viewer; they end nothing
CREATE FUNCTION say(who text, deviation bigint, note text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    PERFORM set_config('calib.actor', who, false);
    told := 'comment ' || calib.comment_deviation(deviation, note);
    PERFORM set_config('calib.actor', '', false);
    RETURN told;
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('calib.actor', '', false);
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (5, 3, 'rep', 'Li');
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('li', 'rep', 5), ('beta', 'rep', 3), ('alpha', 'manager', 2), ('east', 'manager', 1), ('risk', 'risk', NULL), ('hr', 'hr', 1), ('bi', 'viewer', NULL);
SELECT who, say(who, 3, 'The rival cut prices') FROM unnest('{beta,east,risk,hr,li,alpha,bi,nobody}'::text[]) who;  -- four comments, then 42501
SELECT say('beta', d, n) FROM (VALUES (3, NULL), (3, ''), (3, E' \n'), (404, 'x'), (NULL, 'x')) v (d, n);            -- 22023 each
SELECT say('east', max(deviation_id), 'on the one that is open') FROM calib.deviation WHERE ending IS NULL;
SELECT comment_id, deviation_id, note, commented_by, commented_at FROM calib.deviation_comment ORDER BY comment_id;
SELECT count(*) FILTER (WHERE ending IS NULL) AS open FROM calib.deviation;  -- as before
-- written by hand by nobody, a superuser included
INSERT INTO calib.deviation_comment (deviation_id, note, commented_by, commented_at) VALUES (3, 'x', 'li', calib.clock());
UPDATE calib.deviation_comment SET note = 'x';
DELETE FROM calib.deviation_comment;
TRUNCATE calib.deviation_comment;
SELECT calib.comment_deviation_behind_door(3, 'x');
DROP FUNCTION say(text, bigint, text);

-- The check of DOMAIN (Miller's aml data, maintained arm) through the views: 9 13 13+ 18
-- 23 28+ 31 34 45+ 48 161+. What is censored was dismissed, recovered, or is open: the
-- last one for 161 days. Mean 176 / 7; the median is 31; S ends at 0.18, so that nine of
-- ten is not reached.
SET calib.clock = '2026-02-09 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (10, 'region', 'Aml');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (11, 10, 'team', 'One'), (12, 10, 'team', 'Two');
INSERT INTO calib.deviation (unit_id, kind, subject, period_start, detected_at, acted_at, ended_at, ending)
SELECT 11 + n % 2, 'rule', n::text, '2025-07-01', t.at, CASE how WHEN 'acted' THEN t.at + days * interval '1 day' END,
       CASE WHEN how IS NOT NULL THEN t.at + days * interval '1 day' END, how
FROM (VALUES (1, 9, 'acted'), (2, 13, 'acted'), (3, 13, 'dismissed'), (4, 18, 'acted'), (5, 23, 'acted'), (6, 28, 'recovered'),
             (7, 31, 'acted'), (8, 34, 'acted'), (9, 45, 'dismissed'), (10, 48, 'acted'), (11, 161, NULL)) v (n, days, how),
     (SELECT timestamptz '2025-09-01 09:00+08' AS at) t;
SELECT unit_name, month, acted, open, dismissed, recovered, round(mean_days::numeric, 6) = round(176 / 7.0, 6) AS mean, median_days, oldest_open_days FROM calib.sri_monthly WHERE unit_id = 10;
SELECT unit_name, quarter_start, acted, open, dismissed, recovered, median_days, p90_days, oldest_open_days FROM calib.response_by_unit WHERE unit_id = 10;
-- leaving out what is censored would flatter: the fourth of seven is 23, and nine of ten 48
SELECT (calib.response_summary(detected_at, acted_at, ended_at)).* FROM calib.deviation WHERE unit_id IN (11, 12) AND ending = 'acted';
-- the quarter is the fiscal one: from February on, August to October
BEGIN;
UPDATE calib.organisation SET fiscal_start_month = 2;
SELECT DISTINCT quarter_start FROM calib.response_by_unit WHERE unit_id = 10;
ROLLBACK;
SELECT calib.response_in('decade');
-- what is only observed is in none of it
INSERT INTO calib.deviation (unit_id, kind, subject, period_start, detected_at, observed) VALUES (11, 'rule', '11', '2025-07-01', '2025-09-01 09:00+08', true), (12, 'rule', 'x', '2025-07-01', '2025-09-01 09:00+08', true);
SELECT acted, open FROM calib.response_by_unit WHERE unit_id = 10;

-- The open ones: their age, whom they name, the reason in the reader's language
INSERT INTO calib.deviation (deviation_id, unit_id, measure, kind, period_start, detected_at, units, remedy, reason_code, reason_args) VALUES
    (100, 10, 'collection', 'execution', '2026-01-01', '2026-02-07 21:00+08', '{11,12}', 'coach', 'below_execution', '{"calling": 2, "children": 2, "names": "One, Two"}');
SELECT calib.comment_deviation(100, 'On it') \g /dev/null
SELECT deviation_id, unit_name, unit_kind, kind, age_days, remedy, reason, units, comments FROM calib.deviation_open WHERE unit_id = 10;
SET calib.language = 'zh';
SELECT reason FROM calib.deviation_open WHERE deviation_id = 100;
RESET calib.language;
SELECT unit_name, kind, subject, age_days FROM calib.deviation_open WHERE unit_id IN (11, 12);
-- And the whole road of each: eleven and the one above; what is only observed is nobody's.
SELECT unit_name, status, action, days, ended_at IS NULL AS runs FROM calib.deviation_trail WHERE unit_id IN (10, 11, 12) ORDER BY days, subject;
-- as of the clock: on 1 October, day 30, the six that had ended by then had, and 100 was not found yet
SET calib.clock = '2025-10-01 09:00+08';
SELECT status, count(*), max(days) AS days, count(ended_at) AS ended FROM calib.deviation_trail WHERE unit_id IN (10, 11, 12) GROUP BY status ORDER BY status;
DROP EXTENSION calib CASCADE;
