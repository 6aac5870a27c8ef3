-- Targets from a sheet: what is missing, what does not add up over units and over periods.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET calib.clock = '2025-11-20 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES
    (1, NULL, 'company', 'Company', DEFAULT), (2, 1, 'region', 'East', DEFAULT), (3, 1, 'region', 'South', DEFAULT),
    (4, 2, 'team', 'E1', DEFAULT), (5, 2, 'team', 'E2', DEFAULT), (6, 2, 'team', 'E3', DEFAULT), (7, 2, 'rep', 'Lone rep', DEFAULT),
    (8, 2, 'team', 'Closed', '[2020-01-01,2026-01-01)'), (9, 2, 'team', 'From July', '[2026-07-01,)'), (10, 3, 'team', 'S1', DEFAULT);
INSERT INTO calib.target (unit_id, product_line, grain, period_start, original_value) VALUES
    (1, '', 'year', '2026-01-01', 1000), (2, '', 'year', '2026-01-01', 600), (4, '', 'year', '2026-01-01', 300), (5, '', 'year', '2026-01-01', 200),
    (4, '', 'quarter', '2026-01-01', 60), (4, '', 'quarter', '2026-04-01', 70), (4, '', 'quarter', '2026-07-01', 80), (4, '', 'quarter', '2026-10-01', 90),
    (5, '', 'quarter', '2026-01-01', 50), (6, 'soda', 'quarter', '2026-01-01', 10), (4, '', 'month', '2026-02-01', 60), (4, 'soda', 'month', '2026-03-01', 5);
-- East has a year and South none; E3 and From July lack the year beside E1 and E2. Not the one closed by then, not the rep, who is no team
SELECT unit_name, parent_id, measure, product_line, grain, period_start, siblings, siblings_with FROM calib.target_missing WHERE grain = 'year' ORDER BY unit_id;
-- quarters: From July is missing where it is there; soda only where somebody has it
SELECT unit_name, product_line, period_start, siblings, siblings_with FROM calib.target_missing WHERE grain = 'quarter' ORDER BY period_start, product_line, unit_id;
-- over units: 600 of 1000, 500 of 600 in the year
SELECT unit_name, grain, target_value, children, children_value, gap FROM calib.target_gap ORDER BY unit_id;
-- over periods: E1's quarters carry 300, its one month 60 of the year's 300 and of the first quarter's 60; E2 has one quarter of four
SELECT unit_name, grain, period_start, target_value, part_grain, parts, parts_expected, parts_value, gap FROM calib.target_period_gap ORDER BY unit_id, grain DESC, period_start, part_grain;
-- a draft is corrected and the sheet adds up
UPDATE calib.target SET value = 300 WHERE unit_id = 5 AND grain = 'year';
SELECT unit_name, gap FROM calib.target_gap WHERE unit_id = 2;
-- filled in, it is missing no more; a binding target is one too
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (3, 'year', '2026-01-01', 400), (6, 'year', '2026-01-01', 1);
SELECT calib.publish_targets('2026-01-01') > 0 AS published;
SELECT unit_name FROM calib.target_missing WHERE grain = 'year';
-- a unit that moves in the year is missed where it stands
SET calib.clock = '2026-02-10 09:00+08';
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 9;
SELECT unit_name, parent_id FROM calib.target_missing WHERE grain = 'year';
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (10, 'year', '2027-01-01', 400);
SELECT unit_name, period_start, siblings, siblings_with FROM calib.target_missing WHERE grain = 'year';
-- the same for every viewer, whose own units it is about
CREATE ROLE target_sheet_e;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('target_sheet_e', 'manager', 6);
SET ROLE target_sheet_e;
SELECT unit_name, grain, period_start, siblings, siblings_with FROM calib.target_missing ORDER BY grain, period_start;
SELECT count(*) FROM calib.target_period_gap;
RESET ROLE;
-- The way from the file: a staging table, a feed, drafts; what cannot be taken waits, and a quota
-- changed in the sheet later changes nothing
SET calib.clock = '2026-11-20 09:00+08';
UPDATE calib.unit SET external_ref = name;
DELETE FROM calib.target WHERE period_start = '2027-01-01';
CREATE TABLE sheet (line integer PRIMARY KEY, unit text, product text, grain text, period date, value numeric);
SELECT calib.attach('sheet', 'target', 'sheet', '{"external_ref": "line", "unit": "unit", "product_line": "product", "grain": "grain", "period_start": "period", "value": "value"}') > 0 AS attached;
COPY sheet FROM stdin WITH (FORMAT csv, HEADER);
line,unit,product,grain,period,value
1,East,,year,2027-01-01,600
2,E1,,year,2027-01-01,300
3,E2,,year,2027-01-01,250
4,E9,,year,2027-01-01,50
5,E1,,quarter,2027-02-01,70
6,E1,soda,,2027-01-01,70
7,E2,,year,2027-01-01,250
8,E2,,year,2027-01-01,251
9,E1,,decade,2027-01-01,1
10,E1,,quarter,2027-04-01,0
11,,,year,2027-01-01,1
\.
SELECT u.name, t.product_line, t.grain, t.period_start, t.value, t.published_at FROM calib.target t JOIN calib.unit u USING (unit_id) WHERE t.period_start >= '2027-01-01' ORDER BY t.unit_id, t.grain;
SELECT external_id AS line, sqlstate FROM calib.feed_error ORDER BY external_id::integer;
SELECT unit_name, siblings, siblings_with FROM calib.target_missing WHERE grain = 'year' AND period_start = '2027-01-01' ORDER BY unit_id;
SELECT unit_name, children_value, gap FROM calib.target_gap WHERE grain = 'year' AND period_start = '2027-01-01';
UPDATE sheet SET unit = 'E3' WHERE line = 4;
DELETE FROM sheet WHERE line IN (5, 8, 9, 10, 11);
-- 7 contradicted 8 and waits no more
SELECT calib.pull('sheet');
SELECT count(*) AS waiting FROM calib.feed_error;
SELECT unit_name, children_value, gap FROM calib.target_gap WHERE grain = 'year' AND period_start = '2027-01-01';
SELECT calib.publish_targets('2027-01-01');
-- lines of one load that contradict each other all wait, whichever comes first: nobody knows which is meant
INSERT INTO sheet VALUES (40, 'E1', '', 'year', '2028-01-01', 10), (41, 'E1', NULL, 'year', '2028-01-01', 11), (42, 'E2', '', 'year', '2028-01-01', 11), (43, 'E2', '', 'year', '2028-01-01', 11.0);
SELECT t.unit_id, t.value FROM calib.target t WHERE t.period_start = '2028-01-01';
SELECT external_id AS line, sqlstate, problem FROM calib.feed_error ORDER BY 1;
DELETE FROM sheet WHERE line = 40;
SELECT calib.pull('sheet');
SELECT t.unit_id, t.value FROM calib.target t WHERE t.period_start = '2028-01-01' ORDER BY 1;
SELECT count(*) AS waiting FROM calib.feed_error;
UPDATE sheet SET value = 260 WHERE line = 3;
SELECT external_id AS line, sqlstate, (SELECT array_agg(value) FROM calib.target WHERE unit_id = 5 AND period_start = '2027-01-01') AS still FROM calib.feed_error ORDER BY 1;
DROP TABLE sheet;
DROP EXTENSION calib CASCADE;
DROP ROLE target_sheet_e;
