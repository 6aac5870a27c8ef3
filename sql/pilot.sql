-- Pilots: a unit in one arm of one pilot at a time, who writes them, who is in them.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET calib.clock = '2025-03-03 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North'),
    (4, 2, 'team', 'Alpha'), (5, 2, 'team', 'Beta'), (6, 3, 'team', 'Gamma'), (7, 3, 'team', 'Delta'), (8, 4, 'rep', 'Li'), (9, 6, 'rep', 'Wu');
CREATE FUNCTION try(statement text, who name DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    IF who IS NOT NULL THEN
        EXECUTE format('SET LOCAL ROLE %I', who);
    END IF;
    EXECUTE statement;
    RESET ROLE;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''));
END $$;

-- 1. Days
INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on, measured_from, ends_on) VALUES
    (1, 'First', '2025-01-01', '2025-04-01', '2025-04-15', '2025-06-30'), (2, 'Second', '2025-07-01', '2025-08-01', NULL, NULL);
SELECT b, s, m, e, split_part(try(format('INSERT INTO calib.pilot (name, baseline_from, starts_on, measured_from, ends_on) VALUES (%L, %L, %L, %L, %L)', 'Third ' || n, b, s, m, e)), ' | ', 1)
FROM (VALUES (1, '2025-01-01', '2025-01-01', NULL, NULL), (2, '2025-01-01', '2025-02-01', '2025-01-31', NULL), (3, '2025-01-01', '2025-02-01', NULL, '2025-01-31'),
             (4, '2025-01-01', '2025-02-01', '2025-03-01', '2025-02-28'), (5, NULL, '2025-02-01', NULL, NULL), (6, '2025-01-01', 'infinity', NULL, NULL)) v (n, b, s, m, e);
SELECT try($$INSERT INTO calib.pilot (name, baseline_from, starts_on) VALUES ('First', '2025-01-01', '2025-02-01')$$), try($$INSERT INTO calib.pilot (name, baseline_from, starts_on) VALUES (' ', '2025-01-01', '2025-02-01')$$);

-- 2. One arm of one pilot at a time
INSERT INTO calib.pilot_unit VALUES (1, 4, 'pilot'), (1, 6, 'control');
SELECT unit, try(format('INSERT INTO calib.pilot_unit VALUES (1, %s, %L)', unit, arm)) FROM (VALUES (4, 'control'), (8, 'control'), (8, 'pilot'), (2, 'pilot'), (1, 'control'), (5, 'both')) v (unit, arm);
-- another pilot later, on the same units; not on days of both
INSERT INTO calib.pilot_unit VALUES (2, 2, 'control'), (2, 9, 'pilot');
SELECT try($$UPDATE calib.pilot SET baseline_from = '2025-06-30' WHERE pilot_id = 2$$);
SELECT try($$UPDATE calib.pilot SET ends_on = NULL WHERE pilot_id = 1$$);
-- in one statement too, and where a unit is changed
SELECT try($$INSERT INTO calib.pilot_unit VALUES (1, 3, 'control'), (1, 7, 'control')$$), try($$UPDATE calib.pilot_unit SET unit_id = 8 WHERE pilot_id = 2 AND unit_id = 9$$);
SELECT try($$UPDATE calib.pilot_unit SET arm = 'pilot' WHERE unit_id = 6$$), try($$UPDATE calib.pilot_unit SET arm = 'control' WHERE unit_id = 6$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT try($$INSERT INTO calib.pilot_unit VALUES (1, 7, 'control')$$);
ROLLBACK;
-- where it stood on the days of both: North's Gamma stands below East from September on,
-- which is Second's time and not First's
SET calib.clock = '2025-09-01 09:00+08';
UPDATE calib.unit SET parent_id = 2 WHERE unit_id = 6;
INSERT INTO calib.pilot_unit VALUES (1, 5, 'pilot');
-- Wu, a unit of Second by itself, stands below East now: the nearest counts
SELECT day, string_agg(format('%s %s %s', pilot_id, u.name, arm), ', ' ORDER BY unit_id) AS arms
FROM unnest('{2024-12-31,2025-01-01,2025-06-30,2025-07-01,2025-08-31,2025-09-01}'::date[]) day CROSS JOIN LATERAL calib.pilot_arms(day) a JOIN calib.unit u USING (unit_id) GROUP BY 1 ORDER BY 1;
-- that clash, which a move made, holds up nothing but what makes more of it
SELECT try($$UPDATE calib.pilot SET ends_on = '2026-01-31' WHERE pilot_id = 2$$) AS ends, try($$UPDATE calib.pilot SET ends_on = '2026-02-01' WHERE pilot_id = 2$$) AS lasts_longer,
       try($$INSERT INTO calib.pilot_unit VALUES (2, 7, 'pilot')$$) AS another_unit;
SELECT count(*) AS without_a_day FROM calib.pilot_arms(NULL);

-- 3. Who writes and reads them; the trail
CREATE ROLE pilot_admin; CREATE ROLE pilot_east; CREATE ROLE pilot_nobody;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('pilot_admin', 'admin', NULL), ('pilot_east', 'admin', 2);
SELECT who, try($$INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on) VALUES (9, 'Ninth', '2024-01-01', '2024-04-01')$$, who) AS pilot,
       try($$INSERT INTO calib.pilot_unit VALUES (1, 7, 'control')$$, who) AS unit
FROM unnest('{pilot_nobody,pilot_east,pilot_admin}'::name[]) who;
SELECT try('UPDATE calib.pilot SET ends_on = ''2024-06-30'' WHERE pilot_id = 9', 'pilot_admin'), try('DELETE FROM calib.pilot WHERE pilot_id = 9', 'pilot_admin'), try('SELECT calib.pilot_arms(''2025-07-01'')', 'pilot_admin');
SET ROLE pilot_east;
SELECT pilot_id FROM calib.pilot ORDER BY 1;
SELECT unit_id FROM calib.pilot_unit ORDER BY pilot_id, unit_id;
SET ROLE pilot_nobody;
SELECT count(*) FROM calib.pilot;
RESET ROLE;
SELECT relation, action, count(*) FROM calib.audit WHERE relation ~ 'pilot' GROUP BY 1, 2 ORDER BY 1, 2;
-- a restored row is taken as it was
SET calib.restoring = on;
INSERT INTO calib.pilot_unit VALUES (1, 8, 'control');
RESET calib.restoring;

DROP EXTENSION calib CASCADE;
DROP FUNCTION try;
DROP ROLE pilot_admin, pilot_east, pilot_nobody;
