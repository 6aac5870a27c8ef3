-- Shallow coverage: the worked example and its borders.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'rep', 'Ann'), (3, 1, 'rep', 'Bo');
INSERT INTO calib.customer (customer_id, unit_id, name) SELECT n, 2, 'Customer ' || n FROM generate_series(1, 9) n;
-- five customers visited in a week, four of them in first contact for more than 14 days: 0.8, flagged
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, stage_since, created_at)
SELECT n, n, 2, 'initial_contact', at, at
FROM (VALUES (1, timestamptz '2025-08-01 10:00+08'), (2, '2025-08-05 10:00+08'), (3, '2025-08-10 10:00+08'),
             (4, '2025-08-18 17:59:59+08'), (5, '2025-08-18 18:00+08')) AS o (n, at);
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at) SELECT 2, n, 'visit', '2025-08-29 10:00+08' FROM generate_series(1, 6) n;
-- the fifth is in its stage for exactly 14 days on 1 September 18:00: not stuck; a microsecond later it is
SELECT unit_id, visited, stuck, share, flagged FROM calib.shallow_coverage_in('2025-08-25 18:00+08', '2025-09-01 18:00+08');
SELECT stuck FROM calib.shallow_coverage_in('2025-08-25 18:00+08', '2025-09-01 18:00:00.000001+08');
-- customer 6 has nothing open and is not counted; one that moved on is not stuck
UPDATE calib.opportunity SET stage = 'proposal', stage_since = '2025-08-20 10:00+08' WHERE opportunity_id = 1;
SELECT visited, stuck, share, flagged FROM calib.shallow_coverage_in('2025-08-25 18:00+08', '2025-09-01 18:00+08');
-- as of 29 August only customers 2 and 3 are: 4 and 5 are there for 10 days
SELECT stuck FROM calib.shallow_coverage_in('2025-08-19 00:00+08', '2025-08-29 12:00+08');
-- closed ones are gone; at three visited and 0.5 it is still judged, at two no more
UPDATE calib.opportunity SET outcome = 'lost', closed_at = '2025-08-30 10:00+08' WHERE opportunity_id IN (4, 3);
SELECT visited, stuck, round(share, 4) AS share, flagged FROM calib.shallow_coverage_in('2025-08-25 18:00+08', '2025-09-01 18:00+08');
UPDATE calib.opportunity SET outcome = 'lost', closed_at = '2025-08-30 10:00+08' WHERE opportunity_id = 1;
SELECT visited, stuck, share, flagged FROM calib.shallow_coverage_in('2025-08-25 18:00+08', '2025-09-01 18:00+08');
-- the view looks back seven days from the clock
SET calib.clock = '2025-09-01 18:00+08';
SELECT * FROM calib.shallow_coverage;
SET calib.clock = '2025-09-10 18:00+08';
SELECT count(*) FROM calib.shallow_coverage;
RESET calib.clock;
SELECT count(*) AS of_nothing FROM calib.shallow_coverage_in(NULL, now());
DROP EXTENSION calib CASCADE;
