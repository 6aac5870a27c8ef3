-- Acts in time per person and fiscal quarter.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET calib.clock = '2025-06-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Alpha'), (4, 2, 'team', 'Beta'), (5, 1, 'region', 'West');
INSERT INTO calib.policy (unit_id, valid_from, act_within_days) VALUES (4, '2025-06-01', 7);
INSERT INTO calib.policy (unit_id, valid_from, act_within_days) VALUES (5, '2025-06-01', 3661);
-- acted after so long: in time is up to 5 days to the second, for Beta 7
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, acted_at, ended_at, ending, action, acted_by)
SELECT unit, 'rule ' || n, '2025-07-01', detected, detected + took::interval, detected + took::interval, 'acted', 'coaching', who
FROM (VALUES (1, 3, timestamptz '2025-07-10 09:00+08', '2 days', 'acts_li'), (2, 3, '2025-07-20 09:00+08', '120 hours', 'acts_li'), (3, 3, '2025-08-01 09:00+08', '120 hours 1 second', 'acts_li'),
      (4, 4, '2025-08-01 09:00+08', '168 hours', 'acts_wang'), (5, 4, '2025-08-10 09:00+08', '168 hours 1 second', 'acts_wang'), (6, 5, '2025-08-10 09:00+08', '0', 'acts_wang'),
      -- 1 October in Shanghai is the last quarter, though 30 September in UTC
      (7, 3, '2025-09-28 00:30+08', '72 hours', 'acts_li'), (8, 3, '2025-09-27 23:59:59+08', '72 hours', 'acts_li'),
      (9, 4, '2025-09-01 09:00+08', '10 days', NULL)) AS d (n, unit, detected, took, who);
-- neither open, dismissed, recovered nor only observed ones count
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, acted_at, ended_at, ending, action, acted_by, observed) VALUES
    (3, 'execution', '2025-07-01', '2025-07-10', NULL, NULL, NULL, NULL, NULL, false), (3, 'windfall', '2025-07-01', '2025-07-10', NULL, '2025-07-11', 'dismissed', NULL, NULL, false),
    (4, 'windfall', '2025-07-01', '2025-07-10', NULL, '2025-07-11', 'recovered', NULL, NULL, false), (3, 'environment', '2025-07-01', '2025-07-10', '2025-07-11', '2025-07-11', 'acted', 'request', 'acts_li', true);
SET calib.clock = '2025-11-01 09:00+08';
CREATE VIEW shown WITH (security_invoker = true) AS
SELECT person, quarter_start, acts, in_time, round(in_time_share, 4) AS share, round(mean_days::numeric, 4) AS mean_days FROM calib.acts_in_time ORDER BY quarter_start, person;
GRANT SELECT ON shown TO PUBLIC;
-- li: 2, 5 and 5 + 1/86400 days, and 3 days on 30 September: 3.75; then 3 days. wang: 7, 7 + 1/86400, 0
SELECT * FROM shown;
-- a year that starts in February has its quarters from February, May, August and November
BEGIN;
UPDATE calib.organisation SET fiscal_start_month = 2;
SELECT person, quarter_start, acts FROM shown;
ROLLBACK;
-- what was acted on later has not been yet
SET calib.clock = '2025-07-12 09:00+08';
SELECT * FROM shown;
SET calib.clock = '2025-07-12 08:59:59+08';
SELECT * FROM shown;

-- an act of a day without a policy is an act, and in time by none
SET calib.clock = '2025-11-01 09:00+08';
BEGIN;
SET LOCAL calib.restoring = on;
UPDATE calib.policy SET valid_from = '2025-08-05' WHERE unit_id IS NULL;
SET LOCAL calib.restoring = off;
SELECT person, quarter_start, acts, in_time FROM shown WHERE person = 'acts_li';
ROLLBACK;

-- one figure for everybody: East's manager does not see wang's, who acted for West too; Alpha's sees li's; wang sees the own ones, though viewer of nothing but West
SET calib.clock = '2025-11-01 09:00+08';
CREATE ROLE acts_east;
CREATE ROLE acts_alpha;
CREATE ROLE acts_li;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('acts_east', 'manager', 2), ('acts_alpha', 'viewer', 3);
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('acts_wang', 'viewer', 5), ('acts_li', 'manager', 2);
SET ROLE acts_east;
SELECT * FROM shown;
SET ROLE acts_alpha;
SELECT person, quarter_start, acts FROM shown;
RESET ROLE;
SET calib.actor = 'acts_wang';
SELECT person, quarter_start, acts FROM shown;
SET calib.actor = 'somebody';
SELECT person, quarter_start, acts FROM shown;
RESET calib.actor;
-- Alpha moves West: who sees East sees what was detected while it stood there, and so does who sees West
UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 3;
CREATE ROLE acts_west;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('acts_west', 'hr', 5);
SET ROLE acts_east;
SELECT person, quarter_start, acts FROM shown;
SET ROLE acts_west;
SELECT person, quarter_start, acts FROM shown;
RESET ROLE;
DROP VIEW shown;
DROP EXTENSION calib CASCADE;
DROP ROLE acts_east, acts_west, acts_alpha, acts_li;
