-- Units and their history, working days, absences.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- Working days ----------------------------------------------------------------
-- An independent count: every day looked at by itself. Published figures: 248 working
-- days in 2025 and in 2026, which the plain count repeats
-- without calib's tables and functions.
CREATE FUNCTION pg_temp.plain(a date, b date) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM generate_series(a, b - 1, interval '1 day') d
    WHERE CASE WHEN d::date IN ('2025-01-26', '2025-02-08', '2025-04-27', '2025-09-28', '2025-10-11', '2026-01-04', '2026-02-14',
                    '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10') THEN true
               WHEN d::date = '2025-01-01' OR d::date BETWEEN '2025-01-28' AND '2025-02-04' OR d::date BETWEEN '2025-04-04' AND '2025-04-06'
                 OR d::date BETWEEN '2025-05-01' AND '2025-05-05' OR d::date BETWEEN '2025-05-31' AND '2025-06-02'
                 OR d::date BETWEEN '2025-10-01' AND '2025-10-08' OR d::date BETWEEN '2026-01-01' AND '2026-01-03'
                 OR d::date BETWEEN '2026-02-15' AND '2026-02-23' OR d::date BETWEEN '2026-04-04' AND '2026-04-06'
                 OR d::date BETWEEN '2026-05-01' AND '2026-05-05' OR d::date BETWEEN '2026-06-19' AND '2026-06-21'
                 OR d::date BETWEEN '2026-09-25' AND '2026-09-27' OR d::date BETWEEN '2026-10-01' AND '2026-10-07' THEN false
               ELSE extract(isodow FROM d) < 6 END
$$;
-- every month of the two years, and every span of up to 40 days from any day
SELECT count(*) AS months, count(*) FILTER (WHERE calib.working_days(m::date, (m + interval '1 month')::date)
    <> pg_temp.plain(m::date, (m + interval '1 month')::date)) AS wrong
FROM generate_series('2025-01-01'::timestamp, '2026-12-01', interval '1 month') m;
SELECT count(*) FILTER (WHERE calib.working_days(d::date, d::date + n) <> pg_temp.plain(d::date, d::date + n)) AS wrong
FROM generate_series('2025-01-01'::timestamp, '2026-12-31', interval '5 days') d, unnest(ARRAY[0, 1, 2, 7, 40]) n;
-- 2025 Q4 by hand: October 18, November 20, December 23
SELECT calib.working_days('2025-10-01', '2025-11-01') AS october, calib.working_days('2025-11-01', '2025-12-01') AS november,
       calib.working_days('2025-12-01', '2026-01-01') AS december, calib.working_days('2025-10-01', '2026-01-01') AS quarter,
       calib.working_days('2025-01-01', '2026-01-01') AS year_2025, calib.working_days('2026-01-01', '2027-01-01') AS year_2026;
-- the table is the user's
INSERT INTO calib.holiday VALUES ('2025-11-03', false, 'our own day'), ('2025-11-08', true, 'and its make-up'),
    ('2025-11-09', false, 'a Sunday off anyway'), ('2025-11-10', true, 'a Monday as ever');
SELECT calib.working_days('2025-11-01', '2025-12-01') AS november;
SELECT calib.working_days('2025-11-03', '2025-11-03') AS none, calib.working_days(NULL, '2025-11-03') IS NULL AS unknown;
SELECT calib.working_days('{[2025-12-01,2025-12-03),[2025-12-08,2025-12-09)}'::datemultirange) AS three,
       calib.working_days('{}'::datemultirange) AS none;

-- At work: active, less absences, which may overlap
SELECT calib.days_at_work('[2025-12-03,)', '{[2025-12-05,2025-12-08),[2025-12-07,2025-12-10)}', '[2025-12-01,2026-01-01)');
SELECT calib.days_at_work('[2025-12-03,)', NULL, '[2025-12-01,2026-01-01)') AS no_absence,
       calib.days_at_work('(,2025-11-01)', NULL, '[2025-12-01,2026-01-01)') AS left_before;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'rep', 'r');
SELECT d, pg_temp.try(format('INSERT INTO calib.absence (unit_id, during) VALUES (1, %L)', d))
FROM unnest(ARRAY['[2025-12-01,2025-12-02)', '[2025-12-01,)', '(,2025-12-01)', 'empty', '[2025-12-02,2025-12-01]', NULL,
    '[2025-12-01,10000-01-01)', '[2025-12-01,10000-01-02)', '[5874896-01-01,)', '[0001-01-01 BC,2025-12-01)', '[2025-12-01,infinity)']) d;
SELECT pg_temp.try('INSERT INTO calib.absence (unit_id, during) VALUES (404, ''[2025-12-01,2025-12-02)'')');

-- Units ----------------------------------------------------------------------
DELETE FROM calib.absence;
DELETE FROM calib.unit;
ALTER SEQUENCE calib.unit_unit_id_seq RESTART 100;
SET calib.clock = '2025-09-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'top'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North'), (4, 2, 'team', 'Zhejiang'), (5, 4, 'rep', 'Li');
SELECT s, pg_temp.try(s) FROM unnest(ARRAY['INSERT INTO calib.unit (kind, name) VALUES (''squad'', ''x'')',
    'INSERT INTO calib.unit (kind, name) VALUES (''team'', '''')', 'INSERT INTO calib.unit (kind, name, parent_id) VALUES (''team'', ''x'', 404)',
    'INSERT INTO calib.unit (kind, name, active) VALUES (''team'', ''x'', ''empty'')',
    'INSERT INTO calib.unit (kind, name, active) VALUES (''rep'', ''x'', ''(,5874896-01-01)'')',
    'INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (9, 9, ''team'', ''own parent'')',
    'INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (8, 9, ''team'', ''x''), (9, 8, ''team'', ''y'')',
    'UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 2', 'UPDATE calib.unit SET parent_id = 2 WHERE unit_id = 2',
    'UPDATE calib.unit SET parent_id = 4 WHERE unit_id = 1', 'DELETE FROM calib.unit WHERE unit_id = 4']) s;
-- a move keeps history; two on one day are one; the past is asked as it was
SET calib.clock = '2025-10-10 23:59+08';
UPDATE calib.unit SET parent_id = 1 WHERE unit_id = 4;
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 4;
UPDATE calib.unit SET name = 'no move' WHERE unit_id = 4;
SELECT * FROM calib.unit_history WHERE unit_id = 4 ORDER BY valid;
SELECT d, array_agg(ancestor_id ORDER BY depth) AS line
FROM unnest('{2025-10-09,2025-10-10}'::date[]) d, calib.unit_ancestors(d, 5) GROUP BY d ORDER BY d;
SELECT * FROM calib.unit_tree WHERE unit_id = 5 AND ancestor_id IN (2, 3) ORDER BY ancestor_id;
SELECT count(*) FROM calib.unit_ancestors('2025-10-10') AS everyone;
-- a clock that plays the past leaves no two parents at a time
SET calib.clock = '2025-09-15 09:00+08';
UPDATE calib.unit SET parent_id = 1 WHERE unit_id = 4;
SELECT * FROM calib.unit_history WHERE unit_id = 4 ORDER BY valid;
-- a move under another isolation could not see a crossing one
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.try('UPDATE calib.unit SET parent_id = 2 WHERE unit_id = 4');
SELECT pg_temp.try('INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (10, 4, ''rep'', ''new'')');
ROLLBACK;
SELECT action, old_row ->> 'parent_id' AS old, new_row ->> 'parent_id' AS new FROM calib.audit
WHERE relation = 'calib.unit' AND new_row @> '{"unit_id": 4}' ORDER BY audit_id;

-- The organisation's day
SET calib.clock = '2025-12-31 16:30:00+00';
SELECT calib.today(), calib.day_of('2025-12-31 15:59:59+00'), calib.start_of('2026-01-01') = '2025-12-31 16:00+00' AS starts;
UPDATE calib.organisation SET zone = 'America/New_York';
SELECT calib.today(), calib.start_of('2025-03-09') = '2025-03-09 05:00+00' AS starts, calib.start_of('2025-03-10') = '2025-03-10 04:00+00' AS summer;
SELECT z, pg_temp.try(format('UPDATE calib.organisation SET zone = %L', z)) AS try FROM unnest(ARRAY['', 'Mars/Base', 'UTC', 'Asia/Shanghai', NULL]) z;
-- a name that is an abbreviation, too, where the system's zones have it
SELECT pg_temp.try('UPDATE calib.organisation SET zone = ''eet''') =
    '22023 time zone "eet" is ' || CASE WHEN EXISTS (SELECT FROM pg_timezone_names WHERE name = 'EET') THEN 'an abbreviation, too' ELSE 'not known' END AS refused;
SELECT m, pg_temp.try(format('UPDATE calib.organisation SET fiscal_start_month = %L', m)) FROM unnest(ARRAY[0, 13, 12, NULL]) m;
SELECT c, pg_temp.try(format('UPDATE calib.organisation SET currency = %L', c)) FROM unnest(ARRAY['usd', 'EURO', 'USD']) c;

DROP EXTENSION calib;
