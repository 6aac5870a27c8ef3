-- Organisation time: what is a day, a week, a quarter, a working day, and whose,
-- through every figure of the loop. Worked out by hand beside each case.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';

-- 1. A day begins where the one before ends, in zones whose clocks change at midnight, too
-- (Cairo and Santiago skip it, Havana and the Azores have it twice, Lord Howe moves by half an hour): torn days in four years.
CREATE FUNCTION torn_days(name text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    UPDATE calib.organisation SET zone = name;
    RETURN (SELECT count(*) FROM generate_series(date '2024-01-01', '2027-12-31', '1 day') g, LATERAL (SELECT g::date AS day, calib.start_of(g::date) AS at) d
            WHERE calib.day_of(d.at) <> d.day OR calib.day_of(d.at - interval '1 microsecond') <> d.day - 1);
END $$;
SELECT zone, torn_days(zone) AS torn FROM unnest('{Asia/Shanghai,Europe/Berlin,America/New_York,Africa/Cairo,America/Santiago,America/Havana,Atlantic/Azores,Australia/Lord_Howe,Asia/Kathmandu,Pacific/Kiritimati}'::text[]) zone;
DROP FUNCTION torn_days(text);

-- 2. Berlin, with a fiscal year from April. The last quarter of 2025/26 has 64 weekdays, one of them a holiday,
-- and a Saturday worked on 28 March, the day before the clocks go forward: 64 working days.
UPDATE calib.organisation SET zone = 'Europe/Berlin', fiscal_start_month = 4;
TRUNCATE calib.holiday;
INSERT INTO calib.holiday (day, working) VALUES ('2025-12-25', false), ('2025-12-26', false), ('2026-01-01', false), ('2026-03-28', true), ('2026-12-25', false), ('2027-01-01', false);
SET calib.clock = '2025-01-01 09:00+01';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'team', 'Team');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 + n, 2, 'rep', 'Rep ' || n FROM generate_series(1, 5) n;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (11, 'quarter', '2025-10-01', 100), (11, 'quarter', '2026-01-01', 100), (11, 'quarter', '2026-04-01', 100), (11, 'year', '2025-04-01', 2000), (11, 'year', '2026-04-01', 2000);
-- midnight is 23:00 in UTC in winter, 22:00 in summer
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (11, '2025-12-31 22:59:59.999999Z', 1000), (11, '2025-12-31 23:00Z', 1), (11, '2026-03-31 21:59:59.999999Z', 2), (11, '2026-03-31 22:00Z', 4000);
SELECT grain, period_start, actual FROM calib.attainment_at('2026-06-30') WHERE unit_id = 11 ORDER BY grain, period_start;
-- the quarter and the year turn at the same moment
SELECT at, d.grain, d.period_start, d.period_end FROM unnest('{2026-03-31 21:59:59.999999Z,2026-03-31 22:00Z}'::timestamptz[]) at, unnest('{quarter,year}'::text[]) g, calib.diagnose(at, g) d WHERE unit_id = 11 ORDER BY 1, 2;
-- a working day counts once it is over: 21 of January, 20 of February, 20 of March are until the 27th, and the 28th
SELECT at, elapsed_share = days / 64.0 AS as_counted FROM (VALUES (timestamptz '2026-03-28 22:59:59Z', 61), ('2026-03-28 23:00Z', 62), ('2026-03-29 21:59:59Z', 62), ('2026-03-29 22:00Z', 62), ('2026-03-30 22:00Z', 63)) v (at, days)
CROSS JOIN LATERAL calib.attainment_at(v.at) a WHERE a.unit_id = 11 AND a.period_start = '2026-01-01';
-- the week the clocks change has an hour less in spring, one more in autumn
SELECT round(rep_weeks * 168, 6) AS hours FROM unnest('{2026-03-16,2026-03-23,2026-10-19}'::date[]) week, calib.rep_weeks_in(calib.start_of(week), calib.start_of(week + 7)) WHERE unit_id = 11;
-- and its Sunday night belongs to it: visits at 23:30 on 29 March and 25 October, and half an hour later
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT n, 11, 'C' || n, '2025-01-01' FROM generate_series(1, 9) n;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at) VALUES (11, 1, 'visit', '2026-03-29 21:30Z'), (11, 2, 'visit', '2026-03-29 22:00Z'), (11, 1, 'visit', '2026-10-25 22:30Z'), (11, 2, 'visit', '2026-10-25 23:00Z');
SET calib.clock = '2026-11-10 09:00+01';
SELECT week, numerator FROM calib.indicator_in('2026-03-01', '2026-11-02') WHERE unit_id = 11 AND code = 'visits' AND numerator > 0 ORDER BY week;
SELECT unit_id, week, density FROM calib.all_weekly_index_in('2026-03-23', '2026-04-06') WHERE unit_id = 11 ORDER BY week;
SELECT week, working_days FROM calib.rep_weeks_worked('2025-12-22', '2026-01-05') WHERE unit_id = 11 UNION ALL SELECT week, working_days FROM calib.rep_weeks_worked('2026-03-23', '2026-04-06') WHERE unit_id = 11 ORDER BY week;
-- silence is counted in days there, and its limit in days of 24 hours
INSERT INTO calib.source (source, stale_days) VALUES ('crm', 1);
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', '1', 11, 'call', '2026-03-28 22:30Z');
SELECT at, s.days FROM unnest('{2026-03-29 22:30Z,2026-03-29 22:30:00.000001Z}'::timestamptz[]) at LEFT JOIN LATERAL calib.stale_sources(at, NULL) s ON true;
-- deviations by the month, acts by the quarter of Berlin
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, acted_at, ended_at, ending, action, acted_by) VALUES
    (11, 'x', '2026-01-01', '2026-03-31 21:59:59Z', '2026-03-31 21:59:59Z', '2026-03-31 21:59:59Z', 'acted', 'coaching', 'jo'), (11, 'y', '2026-01-01', '2026-03-31 22:00Z', '2026-03-31 22:00Z', '2026-03-31 22:00Z', 'acted', 'coaching', 'jo');
SELECT month, acted FROM calib.sri_monthly WHERE unit_id = 11 ORDER BY month;
SELECT quarter_start, acts FROM calib.acts_in_time ORDER BY 1;
-- the last closed quarter, to the microsecond
SET calib.clock = '2026-03-31 21:59:59.999999Z';
SELECT last_period, attainment FROM calib.pressure WHERE unit_id = 11;
SET calib.clock = '2026-03-31 22:00Z';
SELECT last_period, attainment FROM calib.pressure WHERE unit_id = 11;

-- 3. Week 53 of 2026 (Monday 28 December) lies in two quarters and two years, and has four working days.
SET calib.clock = '2027-01-13 09:00+01';
UPDATE calib.unit SET active = '[2026-12-30,)' WHERE unit_id = 15;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at)
SELECT rep, c, 'visit', '2026-12-30 10:00+01'::timestamptz + (c - 1) * interval '24 hours' FROM unnest('{11,12,13,14,15}'::bigint[]) rep, generate_series(1, 4) c;  -- two days in each year
SELECT unit_id, week, working_days FROM calib.rep_weeks_worked('2026-12-21', '2027-01-11') WHERE unit_id IN (11, 15) ORDER BY week, unit_id;
SELECT unit_id, week, numerator FROM calib.indicator_in('2026-12-21', '2027-01-11') WHERE code = 'visits' AND unit_id IN (11, 15) ORDER BY week, unit_id;
-- joined in the middle of it: 4 visits in 5 days of 7 against 4 in 7
SELECT unit_id, week, round(density, 4) AS density, round(density_index, 4) AS index FROM calib.all_weekly_index_in('2026-12-28', '2027-01-04') WHERE unit_id IN (11, 15) ORDER BY unit_id;
SELECT unit_name, joined, first_dense_week, days_to_density FROM calib.ramp_up;
-- the quarters share it out by days: two visits in each
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (12, 'quarter', '2026-10-01', 100), (12, 'quarter', '2027-01-01', 100);
SELECT p.period_start, d.density * d.rep_weeks AS visits FROM unnest('{2026-10-01,2027-01-01}'::date[]) p (period_start), calib.diagnose_period(calib.start_of('2027-01-04'), 'quarter', p.period_start) d WHERE d.unit_id = 12 ORDER BY 1;

-- 4. Fiscal quarters from February: the year's first is February to April.
DROP EXTENSION calib CASCADE;
CREATE EXTENSION calib;
UPDATE calib.organisation SET zone = 'Europe/Berlin', fiscal_start_month = 2;
SET calib.clock = '2026-01-01 09:00+01';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (11, 'rep', 'Rep');
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, acted_at, ended_at, ending, action, acted_by)
SELECT 11, 'x', '2026-02-01', at, at, at, 'acted', 'coaching', 'jo' FROM unnest('{2026-04-30 21:59:59Z,2026-04-30 22:00Z}'::timestamptz[]) at;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (11, 'quarter', '2026-02-01', 100), (11, 'quarter', '2026-05-01', 100), (11, 'year', '2026-02-01', 100);
SELECT at, d.grain, d.period_start FROM unnest('{2026-04-30 21:59:59Z,2026-04-30 22:00Z}'::timestamptz[]) at, unnest('{quarter,year}'::text[]) g, calib.diagnose(at, g) d WHERE unit_id = 11 ORDER BY 1, 2;
SET calib.clock = '2026-05-10 09:00+02';
SELECT quarter_start, acts FROM calib.acts_in_time ORDER BY 1;
SELECT last_period FROM calib.pressure WHERE unit_id = 11;

-- 5. Shanghai: the National Day of 2026 (1 to 7 October off, Saturday 10 worked): 66 - 5 + 1 = 62 working days, 18 of October, none over before the 9th.
DROP EXTENSION calib CASCADE;
CREATE EXTENSION calib;
SET calib.clock = '2026-01-01 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'team', 'Team');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (1, 'quarter', '2026-10-01', 62), (1, 'month', '2026-10-01', 18);
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (1, '2026-10-02 10:00+08', 3);
SELECT at AT TIME ZONE 'Asia/Shanghai' AS at, grain, round(elapsed_share, 6) AS elapsed, round(pace, 4) AS pace FROM unnest('{2026-10-08 23:59:59+08,2026-10-09 00:00+08,2026-10-10 12:00+08,2026-10-11 00:00+08,2026-10-12 12:00+08}'::timestamptz[]) at, LATERAL (SELECT * FROM calib.attainment_at(at)) a ORDER BY grain, a.elapsed_share, at;
SELECT at, quadrant, reason_code FROM unnest('{2026-10-08 23:59:59+08,2026-10-11 00:00+08}'::timestamptz[]) at, calib.diagnose(at) ORDER BY 1;

-- 6. Who joins in the middle, is away, or moves. The third quarter of 2025 without holidays: 66 working days.
DROP EXTENSION calib CASCADE;
CREATE EXTENSION calib;
TRUNCATE calib.holiday;
SET calib.clock = '2025-06-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'West'), (4, 1, 'region', 'North'), (41, 4, 'team', 'North team'),
    (21, 2, 'team', 'E1'), (22, 2, 'team', 'E2'), (23, 2, 'team', 'E3'), (31, 3, 'team', 'W1'), (32, 3, 'team', 'W2'), (33, 3, 'team', 'W3');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 * t, t, 'rep', 'Rep ' || t FROM unnest('{21,22,23,31,32,33}'::bigint[]) t;
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES (411, 41, 'rep', 'Joins', '[2025-08-18,)'), (412, 41, 'rep', 'Away for six weeks', DEFAULT), (413, 41, 'rep', 'Away', DEFAULT), (414, 41, 'rep', 'Leaves', '[2024-01-01,2025-08-02)');
INSERT INTO calib.absence (unit_id, during) VALUES (412, '[2025-07-14,2025-08-25)'), (413, '[2025-06-01,2025-07-20)'), (413, '[2025-07-15,2026-01-01)');
INSERT INTO calib.customer (customer_id, name, created_at) SELECT n, 'C' || n, '2025-01-01' FROM generate_series(1, 9) n;
-- everybody at work makes one visit a day, Sundays too: seven per rep-week, whoever was there for how long
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT u.unit_id, 1, 'visit', g.day + interval '10 hours', g.day + interval '11 hours'
FROM calib.unit_days() u JOIN calib.unit USING (unit_id) CROSS JOIN generate_series(timestamptz '2025-07-01 00:00+08', '2025-09-15 00:00+08', '1 day') g (day)
WHERE kind = 'rep' AND u.active @> calib.day_of(g.day) AND NOT coalesce(u.absences @> calib.day_of(g.day), false);
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT u, 'quarter', '2025-07-01', 100 FROM unnest('{21,22,23,31,32,33,411,412,413,414}'::bigint[]) u;
INSERT INTO calib.result (unit_id, occurred_at, amount)
SELECT 10 * t, at, amount FROM unnest('{21,22,23,31,32,33}'::bigint[]) t, (VALUES (timestamptz '2025-07-15 10:00+08', 20), ('2025-08-17 23:59:59+08', 1), ('2025-08-18 00:00+08', 2), ('2025-09-10 10:00+08', 40)) v (at, amount);
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (411, '2025-09-10 10:00+08', 40), (412, '2025-09-10 10:00+08', 40), (414, '2025-07-10 10:00+08', 40);
INSERT INTO calib.opportunity (unit_id, outcome, created_at, closed_at) VALUES (230, 'won', '2025-07-01', '2025-08-17 23:59:59+08'), (230, 'won', '2025-07-01', '2025-08-18 00:00+08');
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at) VALUES (23, 'x', '2025-07-01', '2025-08-17 23:59:59+08'), (23, 'y', '2025-07-01', '2025-08-18 00:00+08');
-- the third team of East moves West on Monday 18 August
SET calib.clock = '2025-08-18 00:00+08';
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 23;
SET calib.clock = '2025-09-16 00:00+08';

-- results stay where they happened: East 3 x (20 + 1) + 2 x 42, West 3 x 63 + 42; the target goes along
SELECT calib.day_of(at) AS day, unit_id, target_value, actual FROM unnest('{2025-08-17 12:00+08,2025-09-16 00:00+08}'::timestamptz[]) at, LATERAL (SELECT * FROM calib.attainment_at(at)) a WHERE unit_id IN (2, 3) ORDER BY 1, 2;
-- days worked until 15 September: East 2 x 77 + 48, West 3 x 77 + 29; a visit on each of them: density 7 everywhere
SELECT r.unit_id, round(r.rep_weeks * 7, 6) AS days, b.weighted AS visits, round(b.weighted / r.rep_weeks, 6) AS density
FROM calib.rep_weeks_in('2025-07-01 00:00+08', '2025-09-16 00:00+08') r JOIN calib.behavior_in('2025-07-01 00:00+08', '2025-09-16 00:00+08') b USING (unit_id) WHERE r.unit_id IN (2, 3, 4) AND b.product_line = '' ORDER BY 1;
SELECT unit_id, worked, won FROM calib.conversion_in('2025-08-01 00:00+08', '2025-09-16 00:00+08') WHERE unit_id IN (2, 3) ORDER BY 1;
SELECT unit_name, open FROM calib.sri_monthly WHERE unit_id IN (2, 3) ORDER BY unit_id;
SELECT calib.day_of(at) AS day, parent_id FROM unnest('{2025-08-17 12:00+08,2025-09-16 00:00+08}'::timestamptz[]) at, LATERAL (SELECT * FROM calib.diagnose(at)) d WHERE unit_id = 23 ORDER BY 1;
SELECT parent_id FROM calib.diagnose_period(calib.start_of('2025-10-01'), 'quarter', '2025-07-01') WHERE unit_id = 23;
-- own working days: Joins 21 of 32 are over (0.4 / 0.65625); Away for six weeks 9 before, 16 since, of 36 (66 - 30): 0.4 / 25 * 36; Leaves all of 24.
-- each of them works as densely as the others in the time that is theirs: nobody is sparse, and who is not at work is not judged
SELECT unit_name, round(elapsed_share, 6) AS elapsed, round(pace, 4) AS pace, round(rep_weeks * 7, 6) AS days, round(density_index::numeric, 6) AS index, peers, quadrant, signal, reason_code FROM calib.diagnosis WHERE unit_id > 410 ORDER BY unit_id;
SELECT unit_id, week, working_days FROM calib.rep_weeks_worked('2025-07-28', '2025-08-26') WHERE unit_id > 410 ORDER BY week, unit_id;
SELECT unit_id, array_agg(DISTINCT to_char(week, 'MM-DD') ORDER BY to_char(week, 'MM-DD')) AS weeks FROM calib.indicator_in('2025-06-30', '2025-09-08') WHERE unit_id > 410 GROUP BY 1 ORDER BY 1;
SELECT unit_name, joined, first_dense_week, days_to_density, note FROM calib.ramp_up;
DROP EXTENSION calib CASCADE;
