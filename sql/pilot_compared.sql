-- Pilots that list regions and compare the teams below them.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
DELETE FROM calib.holiday;
SET calib.clock = '2024-12-02 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North'), (4, 1, 'region', 'South');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 + n, CASE n WHEN 6 THEN 3 ELSE 2 END, 'team', 'E' || n FROM generate_series(1, 6) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 20 + n, 3, 'team', 'N' || n FROM generate_series(1, 3) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES
    (17, 2, 'team', 'Left before', '[2020-01-01,2025-04-01)'), (18, 2, 'team', 'Joined after', '[2025-04-02,)'),
    (19, 11, 'team', 'Below a team', DEFAULT), (111, 11, 'rep', 'Li', DEFAULT);
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT unit_id, 'quarter', q, 100 FROM calib.unit CROSS JOIN unnest('{2025-01-01,2025-04-01}'::date[]) q WHERE unit_id BETWEEN 11 AND 16 OR unit_id BETWEEN 21 AND 23;
INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on, ends_on) VALUES (1, 'Regions', '2025-01-01', '2025-04-01', '2025-06-30');
INSERT INTO calib.pilot_unit VALUES (1, 2, 'pilot'), (1, 3, 'control');

-- 1. A kind there is
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text; hint text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT kind, try(format('UPDATE calib.pilot SET compared = %L', kind)) FROM unnest('{squad,"",Team,rep,NULL}'::text[]) kind;
SELECT try($$INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on, compared) VALUES (2, 'Second', '2025-01-01', '2025-04-01', 'squad')$$);
INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on, compared) VALUES (2, 'Second', '2025-10-01', '2026-01-01', 'team');

-- 2. Who is compared: E6 came to East before the start, N3 comes after it. Whoever is not
-- there on the first day is not compared, nor a team below a team.
CREATE FUNCTION compared(kind text) RETURNS TABLE (arm text, units text) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE calib.pilot SET compared = kind WHERE pilot_id = 1;
    RETURN QUERY SELECT c.arm, string_agg(u.name, ', ' ORDER BY u.unit_id) FROM calib.pilot_compared() c JOIN calib.unit u USING (unit_id) WHERE c.pilot_id = 1 GROUP BY 1 ORDER BY 1 DESC;
END $$;
SET calib.clock = '2025-03-15 09:00+08';
UPDATE calib.unit SET parent_id = 2 WHERE unit_id = 16;
SET calib.clock = '2025-05-10 09:00+08';
UPDATE calib.unit SET parent_id = 2 WHERE unit_id = 23;
SELECT kind, c.* FROM unnest('{NULL,company,region,rep,team}'::text[]) kind CROSS JOIN LATERAL compared(kind) c;
SELECT old_row::jsonb ->> 'compared' AS was, new_row::jsonb ->> 'compared' AS became FROM calib.audit WHERE relation::text = 'calib.pilot' AND action = 'UPDATE' ORDER BY audit_id DESC LIMIT 1;

-- 3. Attainment. Everybody 100 of 100 before. After: East 130 120 110 140 125 115, changes
-- 0.30 0.20 0.10 0.40 0.25 0.15; North 105 95 100.
SET calib.clock = '2025-07-04 09:00+08';
INSERT INTO calib.result (unit_id, occurred_at, amount) SELECT unit_id, '2025-02-03 10:00+08', 100 FROM calib.unit WHERE kind = 'team' AND unit_id NOT BETWEEN 17 AND 19;
INSERT INTO calib.result (unit_id, occurred_at, amount)
SELECT unit_id, '2025-05-05 10:00+08', amount FROM unnest('{11,12,13,14,15,16,21,22,23}'::bigint[], '{130,120,110,140,125,115,105,95,100}'::numeric[]) r (unit_id, amount);
WITH change (arm, x) AS (
    SELECT 'pilot', x FROM unnest('{0.30,0.20,0.10,0.40,0.25,0.15}'::float8[]) x UNION ALL SELECT 'control', x FROM unnest('{0.05,-0.05,0}'::float8[]) x
), arm AS (
    SELECT arm, avg(x) AS mean, variance(x) / count(*) AS v, count(*) AS n FROM change GROUP BY arm
), hand AS (
    SELECT p.mean - c.mean AS effect, sqrt(p.v + c.v) AS se, (p.v + c.v) ^ 2 / (p.v ^ 2 / (p.n - 1) + c.v ^ 2 / (c.n - 1)) AS df
    FROM arm p, arm c WHERE p.arm = 'pilot' AND c.arm = 'control'
)
SELECT e.pilot_listed, e.pilot_units, e.control_listed, e.control_units, round(e.effect::numeric, 6) AS effect, round(e.df::numeric, 4) AS df,
       round(e.ci_low::numeric, 6) AS ci_low, round((h.effect - calib.t_quantile(0.975, h.df) * h.se)::numeric, 6) AS by_hand, e.reason_code
FROM calib.pilot_effect e CROSS JOIN hand h WHERE e.pilot_id = 1 AND e.outcome = 'attainment_original';
-- the regions by themselves are one against one; of no company there is nothing, and it is said
BEGIN;
SELECT count(*) FROM compared(NULL);
SELECT pilot_listed, control_listed, ci_low, reason_code FROM calib.pilot_effect WHERE pilot_id = 1 AND outcome = 'attainment_original';
SELECT count(*) FROM compared('company');
SELECT outcome, pilot_listed, control_listed, effect, sentence FROM calib.pilot_effect WHERE pilot_id = 1 ORDER BY 1;
ROLLBACK;

-- 4. Days from detected to acted. A unit's are those on it or below it, and those above
-- that name it, or what stands below it.
CREATE FUNCTION deviate(of_unit bigint, day date, ended_after integer, named bigint[] DEFAULT NULL, ended text DEFAULT 'acted', silent boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
INSERT INTO calib.deviation (unit_id, kind, subject, period_start, detected_at, acted_at, ended_at, ending, units, observed)
SELECT $1, 'rule', gen_random_uuid()::text, '2025-01-01', calib.start_of($2),
       CASE WHEN $5 = 'acted' THEN calib.start_of($2) + make_interval(days => $3) END, calib.start_of($2) + make_interval(days => $3), $5, $4, $6
$$;
-- E1: its rep's 10, then 4 of the team below it. E2: 12, then East's 6 that names it; E3 8,
-- then that and its own 2: 4. E6: North's 5 that named it there, then 3.
SELECT deviate(111, '2025-01-15', 10), deviate(19, '2025-04-05', 4), deviate(12, '2025-01-20', 12), deviate(2, '2025-05-01', 6, '{12,13}'),
       deviate(13, '2025-01-20', 8), deviate(13, '2025-05-02', 2), deviate(3, '2025-02-01', 5, '{16}'), deviate(16, '2025-05-02', 3);
-- N1: 9, then 8; N2: 11, then 12; N3: 7, and 7 where it stands below East, still a control
SELECT deviate(21, '2025-01-10', 9, silent => true), deviate(21, '2025-05-01', 8, silent => true), deviate(22, '2025-02-10', 11), deviate(22, '2025-05-15', 12), deviate(23, '2025-02-02', 7), deviate(23, '2025-06-01', 7);
-- East's own and one that names regions are of no team
SELECT deviate(2, '2025-05-02', 1), deviate(1, '2025-05-03', 1, '{2,3}');
-- E4: observed in silence from 20 March, told on 1 April, and answered on 9 April: that is
-- no answer before the start. E5: dismissed when the pilot was over.
SELECT deviate(14, '2025-03-20', 20, silent => true), deviate(14, '2025-04-01', 8), deviate(15, '2025-06-20', 12, ended => 'dismissed'), deviate(15, '2025-06-20', 2, ended => 'dismissed');
SELECT unit_name, arm, before, after, change, open, not_acted FROM calib.pilot_figure WHERE pilot_id = 1 AND outcome = 'sri_days' ORDER BY unit_id;
-- changes -6 -6 -4 -2 against -1 1 0: -4.5
SELECT pilot_units, pilot_listed, control_units, control_listed, pilot_before, pilot_after, effect, pilot_open, pilot_not_acted, reason_code, sentence FROM calib.pilot_effect WHERE pilot_id = 1 AND outcome = 'sri_days';

-- 5. NPS. Shown are E1, East 10 and North 6; what E2, E3, N1 and N2 answer is too little.
-- East before: 4 promoters, 3 detractors of 10; after: 6 and 2. North: 2 and 2 of 6; 3 and 1.
CREATE FUNCTION answers(of_unit bigint, before integer[], after integer[]) RETURNS void LANGUAGE sql AS
$$ INSERT INTO calib.survey_response SELECT $1, date '2025-02-01', s FROM unnest($2) s UNION ALL SELECT $1, '2025-05-01', s FROM unnest($3) s $$;
SELECT answers(11, '{10,9,8,7,6}', '{10,10,10,9,6}'), answers(12, '{9,5}', '{9,9}'), answers(13, '{10,0,8}', '{8,8,0}'), answers(21, '{10,9,0}', '{10,9,9}'), answers(22, '{8,8,5}', '{8,8,6}');
SELECT quarter_start, string_agg(unit_name || ' ' || answers, ', ' ORDER BY unit_id) AS shown FROM calib.nps_quarterly WHERE NOT hidden GROUP BY 1 ORDER BY 1;
SELECT unit_name, before, after FROM calib.pilot_figure WHERE pilot_id = 1 AND outcome = 'nps' AND num_nonnulls(before, after) > 0;
\x on
SELECT pilot_units, pilot_listed, control_units, control_listed, pilot_before, pilot_after, control_before, round(control_after::numeric, 2) AS control_after, round(effect::numeric, 2) AS effect, standard_error, ci_low, reason_code, sentence
FROM calib.pilot_effect WHERE pilot_id = 1 AND outcome = 'nps';
SET calib.language = 'zh';
SELECT sentence FROM calib.pilot_effect WHERE pilot_id = 1 AND outcome = 'nps';
RESET calib.language;
\x off
-- no arm is shown that nps_quarterly hides
BEGIN;
DELETE FROM calib.survey_response WHERE unit_id = 22 AND answered_on = '2025-05-01' AND score = 8;
SELECT string_agg(unit_name, ', ') AS shown FROM calib.nps_quarterly WHERE NOT hidden AND quarter_start = '2025-04-01';
SELECT pilot_units, control_units, pilot_after, control_before, control_after, effect, reason_code, sentence FROM calib.pilot_effect WHERE pilot_id = 1 AND outcome = 'nps';
ROLLBACK;
-- two teams of each that show it are compared as others are: E1 20 to 60, E2 0 to 60; N1 0 to 0, N2 0 to 20: 50 - 10
BEGIN;
DELETE FROM calib.survey_response WHERE unit_id <> 11;
SELECT answers(12, '{9,9,5,5,7}', '{10,10,10,9,6}'), answers(21, '{10,10,0,0,7}', '{10,10,0,0,7}'), answers(22, '{10,10,0,0,7}', '{10,10,0,8,7}');
SELECT pilot_units, control_units, effect, ci_low IS NOT NULL AS interval, reason_code, right(sentence, 59) FROM calib.pilot_effect WHERE pilot_id = 1 AND outcome = 'nps';
ROLLBACK;

-- 6. For who sees what is listed and what is compared
CREATE ROLE compared_both; CREATE ROLE compared_north; CREATE ROLE compared_admin;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('compared_both', 'manager', 2), ('compared_both', 'manager', 3), ('compared_north', 'manager', 3), ('compared_admin', 'admin', NULL);
CREATE FUNCTION seen_by(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', who);
    told := concat_ws(' ', (SELECT count(*) FROM calib.pilot_effect WHERE pilot_id = 1), (SELECT count(*) FROM calib.pilot_figure WHERE pilot_id = 1));
    RESET ROLE;
    RETURN told;
END $$;
SELECT who, seen_by(who) AS effects_figures FROM unnest('{compared_both,compared_north,compared_admin}'::name[]) who;
-- N2, which is compared, goes where the reader does not see it
BEGIN;
UPDATE calib.unit SET parent_id = 4 WHERE unit_id = 22;
SELECT seen_by('compared_both') AS effects_figures;
UPDATE calib.pilot SET compared = NULL;
SELECT seen_by('compared_both') AS effects_figures;
ROLLBACK;
-- one arm alone would only tell a manager what is observed in silence
BEGIN;
DELETE FROM calib.pilot_unit WHERE arm = 'pilot';
SELECT who, seen_by(who) AS effects_figures FROM unnest('{compared_both,compared_north,compared_admin}'::name[]) who;
ROLLBACK;

DROP EXTENSION calib CASCADE;
DROP FUNCTION try, compared, deviate, answers, seen_by;
DROP ROLE compared_both, compared_north, compared_admin;
