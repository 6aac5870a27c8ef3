-- Ramp-up, read on Wednesday 8 October 2025. Reps who are there for long make four
-- visits a week each; index 1 is four.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET calib.clock = '2025-10-08 12:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active, peer_group) VALUES
    (1, NULL, 'company', 'Company', DEFAULT, NULL), (2, 1, 'team', 'Alpha', '[2025-09-01,)', NULL), (3, 1, 'team', 'Beta', DEFAULT, NULL),
    (11, 2, 'rep', 'Old 1', DEFAULT, NULL), (12, 2, 'rep', 'Old 2', DEFAULT, NULL), (13, 3, 'rep', 'Old 3', DEFAULT, NULL), (14, 3, 'rep', 'Old 4', DEFAULT, NULL),
    (21, 2, 'rep', 'Ann', '[2025-09-03,)', NULL), (22, 2, 'rep', 'Bo', '[2025-09-22,)', NULL), (23, 2, 'rep', 'Cy', '[2025-09-01,)', 'kam'), (24, 3, 'rep', 'Di', '[2025-10-06,)', NULL),
    (25, 3, 'rep', 'Ed', '[2025-08-04,2025-09-01)', NULL), (26, 3, 'rep', 'Fay', '[2024-10-08,)', NULL), (27, 3, 'rep', 'Gus', '[2025-09-01,)', NULL), (28, 3, 'rep', 'Hal', '[2025-11-03,)', NULL),
    (29, 3, 'rep', 'Ida', '[2024-10-07,2025-01-01)', NULL);
INSERT INTO calib.absence (unit_id, during) VALUES (27, '[2025-09-08,2025-09-22)'), (26, '[2024-12-30,2025-10-06)');
INSERT INTO calib.customer (customer_id, unit_id, name) SELECT n, 11, 'C' || n FROM generate_series(1, 9) n;
-- so many visits in the week of a Monday, one a day from Wednesday on
CREATE FUNCTION visits(rep bigint, monday date, visits integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at) SELECT $1, n, 'visit', ($2 + 2 + n % 4)::timestamp + interval '2 hours' FROM generate_series(1, $3) n $$;
\o /dev/null
SELECT visits(rep, '2025-08-04'::date + 7 * w, 4) FROM unnest('{11,12,13,14}'::bigint[]) rep, generate_series(0, 8) w;
-- Ann, here for 5 days of 7 in her first week: 2 / (5/7) = 2.8 against (16 + 2) / 5 = 3.6 with Gus; then 3, 3 (one of them twice a day), 4
SELECT visits(21, '2025-09-01', 2), visits(21, '2025-09-08', 3), visits(21, '2025-09-15', 3), visits(21, '2025-09-15', 2), visits(21, '2025-09-22', 4), visits(21, '2025-09-29', 1);
-- Bo at once; Cy with nobody to compare with; Di in a week that is not over; Ed never; Gus before and after two weeks away
SELECT visits(22, '2025-09-22', 4), visits(23, '2025-09-01', 9), visits(24, '2025-10-06', 9), visits(25, '2025-08-04', 3), visits(25, '2025-08-25', 3), visits(27, '2025-09-01', 2), visits(27, '2025-09-22', 4);
\o
-- Ann: an order before she joined, a refund, money on 18 September, an order two days later, a deal
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at) VALUES (21, 1, 'order', '2025-09-02 23:59+08'), (21, 1, 'order', '2025-09-20 10:00+08'), (24, 1, 'order', '2025-10-06 00:00+08'), (22, 1, 'order', '2025-10-08 12:00:01+08');
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (21, '2025-09-05', -5), (21, '2025-09-18 00:30+08', 10), (27, '2025-09-30', 0);
INSERT INTO calib.opportunity (unit_id, outcome, created_at, closed_at) VALUES (21, 'won', '2025-08-01', '2025-09-19'), (23, 'lost', '2025-09-02', '2025-09-05'), (23, 'won', '2025-09-02', '2025-09-09 23:59+08');

CREATE VIEW shown WITH (security_invoker = true) AS
SELECT unit_name, joined, left_on, first_order, days_to_first_order AS to_order, first_dense_week AS dense, days_to_density AS to_density, days_so_far AS so_far, note FROM calib.ramp_up ORDER BY unit_id;
GRANT SELECT ON shown TO PUBLIC;
SELECT * FROM shown;
-- the same as a diagnosis of the week says, for who was there all of it
SELECT count(*) AS rep_weeks, count(i.density_index) AS judged,
       count(*) FILTER (WHERE i.density_index IS DISTINCT FROM round(f.weighted / f.rep_weeks / nullif(f.peer_weighted / nullif(f.peer_rep_weeks, 0), 0), 12)) AS different
FROM calib.all_weekly_index_in('2025-08-04', '2025-10-06') i
CROSS JOIN LATERAL calib.peer_figures(calib.start_of(i.week), calib.start_of(i.week + 7)) f WHERE f.unit_id = i.unit_id AND f.product_line = '';
-- who joined when: a day more, a day less
SELECT unit_name, joined, left_on, days_so_far, note FROM calib.ramp_up_in('2024-10-07', '2024-10-08');
SELECT count(*) AS to_come FROM calib.ramp_up_in('2025-11-03', '2025-11-04');
SELECT count(*) AS reversed FROM calib.ramp_up_in('2025-10-01', '2025-09-01');
SELECT count(*) AS of_nothing FROM calib.ramp_up_in(NULL, '2025-09-01');
SELECT count(*) AS ever FROM calib.ramp_up_in('-infinity', 'infinity');
-- On Sunday night the week of 22 September was not over
SET calib.clock = '2025-09-28 23:59:59+08';
SELECT * FROM shown WHERE unit_name IN ('Ann', 'Bo');
SET calib.clock = '2025-09-29 00:00+08';
SELECT * FROM shown WHERE unit_name IN ('Ann', 'Bo');
-- six others are fewer than seven
INSERT INTO calib.policy (valid_from, min_peers) VALUES ('2025-09-29', 7);
SELECT unit_name, dense, note FROM shown WHERE unit_name IN ('Ann', 'Bo');
-- whoever sees them sees the same
CREATE ROLE ramp_alpha;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('ramp_alpha', 'manager', 2);
SET calib.clock = '2025-09-28 00:00+08';
SELECT * FROM shown WHERE unit_name = 'Ann';
SET ROLE ramp_alpha;
SELECT * FROM shown;
SELECT * FROM calib.all_weekly_index_in('2025-08-04', '2025-10-06');
RESET ROLE;
DROP VIEW shown;
DROP FUNCTION visits(bigint, date, integer);
DROP EXTENSION calib CASCADE;
DROP ROLE ramp_alpha;
