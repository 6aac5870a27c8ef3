-- Channel focus: activity, results and customers by channel, worked out by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET timezone = 'Asia/Shanghai';
SET calib.clock = '2025-07-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'team', 'A'), (3, 1, 'team', 'B'), (4, 2, 'rep', 'Ann'), (5, 2, 'rep', 'Bo'), (6, 3, 'rep', 'Cy');
INSERT INTO calib.customer (customer_id, unit_id, name, channel, created_at) VALUES
    (1, 4, 'S1', 'supermarket', '2025-07-01'), (2, 4, 'S2', 'supermarket', '2025-07-01'), (3, 4, 'G1', 'group buying', '2025-07-01'),
    (4, 5, 'S3', 'supermarket', '2025-07-01'), (5, 6, 'G2', 'group buying', '2025-07-01'), (6, 6, 'X', NULL, '2025-07-01'),
    (7, NULL, 'Nobody''s', 'supermarket', '2025-07-01'), (8, 6, 'Later', 'group buying', '2025-12-01');
-- Bo moves from A to B on 10 November
SET calib.clock = '2025-11-10 09:00+08';
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 5;
SET calib.clock = '2025-11-20 12:00+08';
-- Ann: S1 on 2 October twice (once), S1 on 3 October, G1 a call and a visit on one day (two): 2 supermarket, 2 group buying;
-- no plan (no weight), no open follow-up, none of September or of this afternoon; one visit with no customer
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, outcome) VALUES
    (4, 1, 'visit', '2025-10-02 10:00+08', NULL), (4, 1, 'visit', '2025-10-02 15:00+08', NULL), (4, 1, 'visit', '2025-10-03 10:00+08', NULL),
    (4, 3, 'call', '2025-10-03 10:00+08', NULL), (4, 3, 'visit', '2025-10-03 11:00+08', NULL), (4, 1, 'planned_visit', '2025-10-08 11:00+08', NULL),
    (4, 2, 'follow_up', '2025-10-08 11:00+08', 'open'), (4, 1, 'visit', '2025-09-30 23:59:59+08', NULL), (4, 1, 'visit', '2025-11-20 12:00+08', NULL),
    (4, NULL, 'visit', '2025-10-09 10:00+08', NULL),
-- Bo in October for A, on 10 November for B; Cy
    (5, 4, 'visit', '2025-10-02 10:00+08', NULL), (5, 4, 'visit', '2025-11-09 23:59:59+08', NULL), (5, 4, 'visit', '2025-11-10 00:00+08', NULL),
    (6, 5, 'visit', '2025-10-02 10:00+08', NULL), (6, 6, 'visit', '2025-10-02 11:00+08', NULL), (6, 6, 'follow_up', '2025-10-02 11:00+08', 'answered');
INSERT INTO calib.result (unit_id, customer_id, measure, occurred_at, amount) VALUES
    (4, 1, 'collection', '2025-10-05 10:00+08', 60), (4, 3, 'collection', '2025-10-06 10:00+08', 50), (4, 3, 'collection', '2025-10-07 10:00+08', -10),
    (4, 1, 'sell_out', '2025-10-06 10:00+08', 999), (4, 1, 'collection', '2025-09-30 10:00+08', 999), (4, 2, 'collection', '2025-10-06 10:00+08', 0),
    (5, 4, 'collection', '2025-11-09 10:00+08', 100), (5, 4, 'collection', '2025-11-10 10:00+08', -100),
    (6, 5, 'collection', '2025-10-06 10:00+08', 20), (6, 6, 'collection', '2025-10-06 10:00+08', -50);
CREATE VIEW shown AS SELECT unit_id AS unit, channel, activities AS acts, round(activity_share, 3) AS act_share, result, round(result_share, 3) AS res_share, customers AS cust, round(customer_share, 3) AS cust_share
FROM calib.channel_focus ORDER BY unit_id, channel;
-- Ann: of 5 acts 2, 2 and 1; of 100 collected 60 and 40; of 3 customers 2 and 1
SELECT * FROM shown WHERE unit = 4;
-- A: Ann's and what Bo did until 9 November (2 acts, 100); Bo's customer is B's now
SELECT * FROM shown WHERE unit = 2;
-- Bo's sum is 0, Cy's and B's are below: no shares of results. B: Bo's 1, Cy's 1 and 2; customers S3, G2, X
SELECT * FROM shown WHERE unit IN (3, 5, 6);
-- all of it: 2 + 3, 2 + 1, 1 + 2 acts; 60 + 0, 40 + 20, -50 of 70 collected
SELECT * FROM shown WHERE unit = 1;
SELECT count(*) AS not_whole FROM (
    SELECT unit FROM shown GROUP BY unit
    HAVING sum(act_share) NOT BETWEEN 0.998 AND 1.002 OR sum(cust_share) NOT BETWEEN 0.998 AND 1.002 OR sum(res_share) NOT BETWEEN 0.998 AND 1.002) s;
-- another window and measure; a customer counts from when it was entered
SELECT channel, activities, result, result_share::int, customers FROM calib.channel_focus_in('2025-09-30 00:00+08', '2025-10-07 00:00+08', 'sell_out') WHERE unit_id = 4 ORDER BY 1;
SELECT channel, activities, activity_share, customers FROM calib.channel_focus_in('2025-11-30 00:00+08', '2025-12-01 00:00+08') WHERE unit_id = 6 ORDER BY 1;
SELECT customers FROM calib.channel_focus_in('2025-11-30 00:00+08', '2025-12-02 00:00+08') WHERE unit_id = 6 AND channel = 'group buying';
SELECT count(*) AS of_nothing FROM calib.channel_focus_in(NULL, now());
-- a fiscal year from February: the quarter began on 1 November
UPDATE calib.organisation SET fiscal_start_month = 2;
SELECT * FROM shown WHERE unit IN (2, 5);
UPDATE calib.organisation SET fiscal_start_month = 1;
-- the same for every viewer, and each sees what is its own
CREATE ROLE channel_focus_a;
CREATE ROLE channel_focus_ann;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('channel_focus_a', 'manager', 2), ('channel_focus_ann', 'rep', 4);
GRANT SELECT ON shown TO channel_focus_a, channel_focus_ann;
CREATE TABLE whole AS TABLE calib.channel_focus;
GRANT SELECT ON whole TO channel_focus_a, channel_focus_ann;
SET ROLE channel_focus_a;
SELECT unit_id, count(*) AS rows, count(*) FILTER (WHERE EXISTS (SELECT FROM whole w WHERE w IS NOT DISTINCT FROM f)) AS same FROM calib.channel_focus f GROUP BY 1 ORDER BY 1;
SET ROLE channel_focus_ann;
SELECT unit_id, count(*) AS rows FROM calib.channel_focus GROUP BY 1 ORDER BY 1;
RESET ROLE;
DROP VIEW shown;
DROP TABLE whole;
DROP EXTENSION calib CASCADE;
DROP ROLE channel_focus_a, channel_focus_ann;
