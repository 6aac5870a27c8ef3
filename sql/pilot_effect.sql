-- What a pilot did, against published and hand-computed differences.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
DELETE FROM calib.holiday;
SET calib.clock = '2024-12-02 09:00+08';

-- 1. Student's sleep data (The probable error of a mean, Biometrika 6, 1908), as R's
-- manual shows them under t.test(extra ~ group, data = sleep), Welch: df = 17.776,
-- means 0.75 and 2.33, 95 % interval -3.3654832 to 0.2054832. Each team's attainment
-- changes by what its patient slept more.
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North');
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT 100 * region + n, 1 + region, 'team', chr(64 + region) || n FROM generate_series(1, 2) region CROSS JOIN generate_series(1, 10) n;
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT unit_id, 'quarter', q::date, 100 FROM calib.unit CROSS JOIN unnest('{2025-01-01,2025-04-01}'::date[]) q WHERE kind = 'team';
INSERT INTO calib.result (unit_id, occurred_at, amount) SELECT unit_id, '2025-02-03 10:00+08', 100 FROM calib.unit WHERE kind = 'team';
INSERT INTO calib.result (unit_id, occurred_at, amount)
SELECT 100 + n, '2025-05-05 10:00+08', 100 + 100 * x FROM unnest('{0.7,-1.6,-0.2,-1.2,-0.1,3.4,3.7,0.8,0.0,2.0}'::numeric[]) WITH ORDINALITY p (x, n);
INSERT INTO calib.result (unit_id, occurred_at, amount)
SELECT 200 + n, '2025-05-05 10:00+08', 100 + 100 * x FROM unnest('{1.9,0.8,1.1,0.1,-0.1,4.4,5.5,1.6,4.6,3.4}'::numeric[]) WITH ORDINALITY p (x, n);
-- what happened before, between and after is not looked at; another measure is another row
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (101, '2024-12-31 23:59+08', 1000), (101, '2025-07-01 00:00+08', 1000);
INSERT INTO calib.result (unit_id, measure, occurred_at, amount) VALUES (101, 'sell_out', '2025-05-05 10:00+08', 1000);
INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on, ends_on) VALUES (1, 'Sleep', '2025-01-01', '2025-04-01', '2025-06-30');
INSERT INTO calib.pilot_unit SELECT 1, unit_id, CASE WHEN unit_id < 200 THEN 'pilot' ELSE 'control' END FROM calib.unit WHERE kind = 'team';
SET calib.clock = '2025-03-31 09:00+08';
SELECT outcome, measure, before_from, before_to, after_from, effect, reason_code, sentence FROM calib.pilot_effect ORDER BY 1;
SET calib.clock = '2025-07-10 09:00+08';
\x on
SELECT outcome, measure, before_from, before_to, after_from, after_to, pilot_listed, control_listed, pilot_units, control_units,
       round(pilot_before::numeric, 4) AS pilot_before, round(pilot_after::numeric, 4) AS pilot_after, round(control_before::numeric, 4) AS control_before, round(control_after::numeric, 4) AS control_after,
       round(effect::numeric, 7) AS effect, round(df::numeric, 3) AS df, round(ci_low::numeric, 7) AS ci_low, round(ci_high::numeric, 7) AS ci_high, reason_code, sentence
FROM calib.pilot_effect WHERE outcome = 'attainment_original';
\x off
-- a lowered target moves nothing
BEGIN;
SET LOCAL calib.restoring = on;
UPDATE calib.target SET value = 50 WHERE unit_id BETWEEN 101 AND 110 AND period_start = '2025-04-01';
SET LOCAL calib.restoring = off;
SELECT round(effect::numeric, 7) AS effect FROM calib.pilot_effect WHERE outcome = 'attainment_original';
ROLLBACK;
-- recomputed from the view of the units
SELECT round(e.effect::numeric, 9) = round(h.effect::numeric, 9) AS effect, round(e.standard_error::numeric, 9) = round(h.se::numeric, 9) AS standard_error
FROM calib.pilot_effect e CROSS JOIN (
    SELECT avg(change) FILTER (WHERE arm = 'pilot') - avg(change) FILTER (WHERE arm = 'control') AS effect,
           sqrt(variance(change) FILTER (WHERE arm = 'pilot') / 10 + variance(change) FILTER (WHERE arm = 'control') / 10) AS se
    FROM calib.pilot_figure WHERE outcome = 'attainment_original') h WHERE e.outcome = 'attainment_original';
SET calib.language = 'zh';
SELECT sentence FROM calib.pilot_effect WHERE outcome = 'attainment_original';
RESET calib.language;

-- 2. Too few, none, no spread
CREATE FUNCTION effect(keep_pilot integer, keep_control integer) RETURNS TABLE (outcome text, pilot_units bigint, control_units bigint, effect numeric, ci_low numeric, reason_code text, sentence text) LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM calib.pilot_unit u WHERE u.unit_id > 100 + keep_pilot AND u.unit_id < 200 OR u.unit_id > 200 + keep_control;
    RETURN QUERY SELECT e.outcome, e.pilot_units, e.control_units, round(e.effect::numeric, 4), round(e.ci_low::numeric, 4), e.reason_code, e.sentence FROM calib.pilot_effect e WHERE e.outcome = 'attainment_original';
END $$;
BEGIN;
SELECT * FROM effect(2, 2);  -- (0.7 - 1.6) / 2 - (1.9 + 0.8) / 2 = -1.8
SELECT * FROM effect(2, 1);  -- -0.45 - 1.9 = -2.35, and no interval
SELECT * FROM effect(2, 0);
SELECT * FROM effect(0, 0);
ROLLBACK;
BEGIN;
UPDATE calib.result SET amount = CASE WHEN unit_id < 200 THEN 130 ELSE 110 END WHERE occurred_at = '2025-05-05 10:00+08' AND measure = 'collection';
SELECT * FROM effect(10, 10);
ROLLBACK;
-- one without a target before is listed and does not count
BEGIN;
SET LOCAL calib.restoring = on;
DELETE FROM calib.target WHERE unit_id = 103 AND period_start = '2025-01-01';
SET LOCAL calib.restoring = off;
SELECT pilot_listed, pilot_units FROM calib.pilot_effect WHERE outcome = 'attainment_original';
SELECT unit_name, before, after, change FROM calib.pilot_figure WHERE unit_id = 103 AND outcome = 'attainment_original';
ROLLBACK;

-- 3. Targets by share of the window. From May on 43 of the quarter's 65 working days
-- (22 + 22 + 21) are measured, so 100 * 43 / 65 of the target; A1's reps are away in May:
-- 21 of its own 43 days. Results of 5 May count for both.
BEGIN;
UPDATE calib.pilot SET measured_from = '2025-05-01';
INSERT INTO calib.absence (unit_id, during) VALUES (101, '[2025-05-01,2025-06-01)');
SELECT unit_name, round(before::numeric, 4) AS before, round(after::numeric, 4) AS after,
       round(CASE unit_id WHEN 101 THEN 170 / (100 * 21 / 43.0) ELSE 80 / (100 * 43 / 65.0) END, 4) AS by_hand
FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id IN (101, 103) ORDER BY unit_id;
-- along a season that expects half of it in the last of three slices: S(22/65) =
-- 0.25 * 66/65 = 33/130 until May
INSERT INTO calib.season (measure, grain, shares) VALUES ('collection', 'quarter', '{1,1,2}');
SELECT unit_name, round(after::numeric, 4) AS after, round(80 / (100 * (1 - (0.25 + 0.25 * (3 * 22 / 65.0 - 1)))), 4) AS by_hand
FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id = 103;
ROLLBACK;
-- a pilot that runs: until yesterday. 2 May is day 24 of 65; of the quarter 23 are over.
BEGIN;
SET LOCAL calib.clock = '2025-05-03 09:00+08';
UPDATE calib.result SET occurred_at = '2025-04-10 10:00+08' WHERE unit_id = 103 AND occurred_at = '2025-05-05 10:00+08';
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (103, '2025-05-03 08:00+08', 1000);
SELECT after_to FROM calib.pilot_effect WHERE outcome = 'attainment_original';
SELECT round(after::numeric, 4) AS after, round(80 / (100 * 24 / 65.0), 4) AS by_hand FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id = 103;
ROLLBACK;
-- months are finer than quarters; lines count where nothing covers all of them; a rep
-- who moved leaves its results where it was
BEGIN;
SET LOCAL calib.clock = '2024-12-02 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (9, 3, 'team', 'Lines'), (10, 9, 'rep', 'Rep');
INSERT INTO calib.target (unit_id, product_line, grain, period_start, original_value) VALUES
    (9, 'drinks', 'quarter', '2025-01-01', 10), (9, 'snacks', 'quarter', '2025-01-01', 30), (9, 'drinks', 'quarter', '2025-04-01', 10),
    (9, 'drinks', 'month', '2025-02-01', 10), (9, 'drinks', 'month', '2025-05-01', 20);
INSERT INTO calib.result (unit_id, product_line, occurred_at, amount) VALUES
    (10, 'drinks', '2025-02-03 10:00+08', 5), (10, 'snacks', '2025-02-03 10:00+08', 7), (10, 'drinks', '2025-05-05 10:00+08', 12), (10, 'drinks', '2025-06-02 10:00+08', 99);
INSERT INTO calib.pilot_unit VALUES (1, 9, 'control');
SET LOCAL calib.clock = '2025-05-20 09:00+08';
UPDATE calib.unit SET parent_id = 201 WHERE unit_id = 10;
SET LOCAL calib.clock = '2025-07-10 09:00+08';
SELECT unit_name, before, after FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id = 9;  -- February 5 / 10, May 12 / 20
ROLLBACK;
-- a pilot of one day: a Monday is one of 65 working days, a Sunday is none
BEGIN;
UPDATE calib.result SET occurred_at = '2025-04-07 10:00+08', amount = 2 WHERE occurred_at = '2025-05-05 10:00+08' AND unit_id = 103;
UPDATE calib.pilot SET starts_on = '2025-04-07', ends_on = '2025-04-07';
SELECT after_from, after_to FROM calib.pilot_effect WHERE outcome = 'attainment_original';
SELECT round(before::numeric, 4) AS before, round(100 / (100 * (1 + 4 / 65.0)), 4) AS by_hand, round(after::numeric, 4) AS after, round(2 / (100 / 65.0), 4) AS by_hand FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id = 103;
UPDATE calib.pilot SET starts_on = '2025-04-06', ends_on = '2025-04-06';
SELECT after_from, after_to, pilot_units, effect, reason_code FROM calib.pilot_effect WHERE outcome = 'attainment_original';
ROLLBACK;
-- days before the first target and after the last count neither way, with what came in on
-- them: the pilot to September has the second quarter's target alone, and its 80
BEGIN;
SET LOCAL calib.clock = '2025-10-10 09:00+08';
UPDATE calib.pilot SET baseline_from = '2024-10-01', ends_on = '2025-09-30';
SELECT before, after FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id = 103;
ROLLBACK;
-- who joins in the middle owes the share of its own days: it was there for all of them
BEGIN;
UPDATE calib.unit SET active = '[2025-02-01,)' WHERE unit_id = 103;
SELECT before, after FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id = 103;
UPDATE calib.unit SET active = '[2025-04-01,)' WHERE unit_id = 103;
SELECT before, after FROM calib.pilot_figure WHERE outcome = 'attainment_original' AND unit_id = 103;
ROLLBACK;

-- 4. Days from detected to acted. Pilot A1: before 10 and 20 days, after 4; A2: before 12,
-- after 2. Control B1: before 9, after 8; B2: before 11, after 12.  Means: A1 15 -> 4,
-- A2 12 -> 2, B1 9 -> 8, B2 11 -> 12: changes -11 -10 against -1 1, effect -10.5.
-- Variances 0.5 and 2, / 2 units: se = sqrt(1.25) = 1.118034, df = 1.25^2 / (0.25^2 + 1) =
-- 1.470588. Open and dismissed ones are told.
DELETE FROM calib.pilot_unit WHERE unit_id NOT IN (101, 102, 103, 201, 202);
CREATE FUNCTION deviate(of_unit bigint, day date, acted_after integer, ended text DEFAULT 'acted', named bigint[] DEFAULT NULL, silent boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
INSERT INTO calib.deviation (unit_id, kind, subject, period_start, detected_at, acted_at, ended_at, ending, units, observed)
SELECT $1, 'rule', gen_random_uuid()::text, '2025-01-01', calib.start_of($2), calib.start_of($2) + make_interval(days => $3),
       CASE WHEN $4 IS NOT NULL THEN calib.start_of($2) + make_interval(days => coalesce($3, 5)) END, $4, $5, $6
$$;
SELECT deviate(101, '2025-01-15', 10, silent => true), deviate(101, '2025-02-01', 20, silent => true), deviate(101, '2025-04-05', 4),
       deviate(102, '2025-01-20', 12), deviate(102, '2025-04-01', 2),
       deviate(201, '2025-01-10', 9, silent => true), deviate(201, '2025-05-01', 8, silent => true), deviate(202, '2025-03-20', 11), deviate(202, '2025-06-18', 12);
-- of no window; open; dismissed; A3 has only open ones, so no figure
SELECT deviate(101, '2024-12-31', 300), deviate(101, '2025-07-01', 1), deviate(101, '2025-06-01', NULL, NULL), deviate(202, '2025-06-30', NULL, NULL),
       deviate(103, '2025-06-02', NULL, NULL), deviate(102, '2025-06-02', NULL, 'dismissed'), deviate(201, '2025-02-02', NULL, 'recovered');
SELECT unit_name, arm, before, after, change, open, not_acted FROM calib.pilot_figure WHERE outcome = 'sri_days' ORDER BY unit_id;
\x on
SELECT pilot_listed, pilot_units, control_listed, control_units, pilot_before, pilot_after, control_before, control_after, effect,
       round(standard_error::numeric, 6) AS standard_error, round(df::numeric, 6) AS df, round((effect - ci_low)::numeric / standard_error::numeric, 6) AS t,
       pilot_open, control_open, pilot_not_acted, control_not_acted, sentence
FROM calib.pilot_effect WHERE outcome = 'sri_days';
\x off
SELECT round(calib.t_quantile(0.975, 1.5625 / 1.0625)::numeric, 6) AS t;
SET calib.language = 'zh';
SELECT sentence FROM calib.pilot_effect WHERE outcome = 'sri_days';
RESET calib.language;
-- one that names A2 and B1 on their parents is theirs: A2 (2 + 6) / 2, B1 (8 + 6) / 2; of a
-- unit that moved away before it is not
BEGIN;
SELECT deviate(2, '2025-05-01', 6, named => '{102,104}'), deviate(3, '2025-05-01', 6, named => '{201}');
SELECT unit_name, after FROM calib.pilot_figure WHERE outcome = 'sri_days' AND unit_id IN (101, 102, 201) ORDER BY unit_id;
ROLLBACK;

-- 5. NPS of whole quarters, of what is shown. A1 has 5 answers a quarter: 10 9 8 7 6 is
-- 40 - 20 = 20, then 10 10 10 9 6 is 80 - 20 = 60; A2 20 -> 20; B1 four answers, hidden; B2 20 -> 20.
CREATE FUNCTION answers(of_unit bigint, scores integer[], on_day date) RETURNS void LANGUAGE sql AS
$$ INSERT INTO calib.survey_response SELECT $1, $3, s FROM unnest($2) s $$;
SELECT answers(101, '{10,9,8,7,6}', '2025-01-01'), answers(101, '{10,10,10,9,6}', '2025-06-30'), answers(102, '{10,9,8,7,6}', '2025-03-31'), answers(102, '{10,9,8,7,6}', '2025-04-01'),
       answers(201, '{10,9,8,7}', '2025-02-01'), answers(201, '{10,9,8,7,6}', '2025-05-01'), answers(202, '{10,9,8,7,6}', '2025-02-01'), answers(202, '{10,9,8,7,6}', '2025-05-01'), answers(3, '{9}', '2025-02-01');
SELECT unit_name, before, after FROM calib.pilot_figure WHERE outcome = 'nps' ORDER BY unit_id;
SELECT pilot_units, control_units, pilot_before, pilot_after, effect, ci_low, reason_code, sentence FROM calib.pilot_effect WHERE outcome = 'nps';
-- days of somebody's choosing show no other sums: the quarter is not whole, so it does not count
BEGIN;
UPDATE calib.pilot SET baseline_from = '2025-01-02', measured_from = '2025-04-02';
SELECT count(before) + count(after) AS figures FROM calib.pilot_figure WHERE outcome = 'nps';
ROLLBACK;

-- 6. For who sees all of it
CREATE ROLE effect_all; CREATE ROLE effect_east; CREATE ROLE effect_none;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('effect_all', 'viewer', 1), ('effect_east', 'manager', 2);
CREATE FUNCTION seen_by(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', who);
    told := concat_ws(' ', (SELECT count(*) FROM calib.pilot), (SELECT count(*) FROM calib.pilot_unit), (SELECT count(*) FROM calib.pilot_effect), (SELECT count(*) FROM calib.pilot_figure));
    RESET ROLE;
    RETURN told;
END $$;
SELECT who, seen_by(who) AS pilots_units_effects_figures FROM unnest('{effect_all,effect_east,effect_none}'::name[]) who;
-- and the days to an act, of which those of the controls are observed in silence, when it is over
CREATE FUNCTION told_to(who name) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', who);
    RETURN QUERY SELECT concat_ws(' ', unit_name, coalesce(before::text, '-'), coalesce(open::text, '-'), coalesce(not_acted::text, '-'))
        FROM calib.pilot_figure WHERE outcome = 'sri_days' ORDER BY unit_id;
    RETURN QUERY SELECT concat_ws(' ', control_listed, coalesce(control_before::text, '-'), coalesce(control_open::text, '-'), reason_code, reason_args - 'control_open' = reason_args, sentence)
        FROM calib.pilot_effect WHERE outcome = 'sri_days';
    RESET ROLE;
END $$;
CREATE ROLE effect_admin;
INSERT INTO calib.duty (role_name, duty) VALUES ('effect_admin', 'admin');
BEGIN;
UPDATE calib.pilot SET ends_on = NULL;
SELECT who, told_to(who) FROM unnest('{effect_all,effect_admin}'::name[]) who;
-- its last day is not over; the day after is
UPDATE calib.pilot SET ends_on = calib.today();
SELECT told_to('effect_all') LIMIT 1;
UPDATE calib.pilot SET ends_on = calib.today() - 1;
SELECT told_to('effect_all') LIMIT 1;
ROLLBACK;

DROP EXTENSION calib CASCADE;
DROP FUNCTION told_to, effect, deviate, answers, seen_by;
DROP ROLE effect_all, effect_east, effect_none, effect_admin;
