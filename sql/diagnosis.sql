-- The diagnosis: figures, quadrant, signal, remedy, reason (DOMAIN, "Quadrants"
-- and "Diagnosis").  Expected values stand beside each case, worked by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';

-- A company of teams with one rep each, in the third quarter of 2025, read when
-- it is over, so that pace is attainment and every target is 100.
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1000, NULL, 'company', 'Company');
-- customers 1..200 are old, 201..300 entered in the quarter
INSERT INTO calib.customer (customer_id, name, created_at)
SELECT n, 'Customer ' || n, CASE WHEN n <= 200 THEN timestamptz '2024-01-01' ELSE '2025-07-02' END FROM generate_series(1, 300) n;

-- visits: one customer and day each, so that all of them count
CREATE FUNCTION pg_temp.visits(rep bigint, visits integer, first_customer integer DEFAULT 1, customers integer DEFAULT 200,
    since date DEFAULT '2025-07-02', line text DEFAULT '') RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.activity (unit_id, customer_id, product_line, kind, occurred_at, recorded_at)
    SELECT rep, first_customer + i % customers, line, 'visit', (since + i % 89)::timestamp + interval '2 hours', (since + i % 89)::timestamp + interval '3 hours'
    FROM generate_series(0, visits - 1) i $$;
CREATE FUNCTION pg_temp.team(team bigint, visits integer, result numeric, target numeric DEFAULT 100) RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (team, 1000, 'team', 'Team ' || team), (10 * team, team, 'rep', 'Rep ' || team);
    INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (team, 'quarter', '2025-07-01', target);
    INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (10 * team, '2025-08-15', result);
    SELECT pg_temp.visits(10 * team, visits) $$;
-- opportunities closed in the quarter, the first `won` of them won
CREATE FUNCTION pg_temp.opportunities(team bigint, worked integer, won integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.opportunity (unit_id, outcome, created_at, closed_at)
    SELECT 10 * team, CASE WHEN n <= won THEN 'won' ELSE 'lost' END, '2025-07-10', '2025-08-10' FROM generate_series(1, worked) n $$;
CREATE VIEW seen AS
SELECT unit_id, round(pace, 4) AS pace, round(density_index::numeric, 4) AS index, quadrant, signal, remedy, reason_code
FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01');

-- 1. Six teams of equal size at 10 10 10 10 10 13: 13 / 10 = 1.30, strong; each of
-- the others stands against (4 x 10 + 13) / 5 = 10.6: 0.9434, weak.
BEGIN;
SELECT pg_temp.team(n, CASE n WHEN 6 THEN 130 ELSE 100 END, 75) FROM generate_series(1, 6) n \g /dev/null
SELECT * FROM seen WHERE unit_id IN (1, 5, 6) ORDER BY unit_id;
-- densities are per rep-week: 92 days are 92 / 7 weeks, so 130 visits are 9.8913
SELECT round(rep_weeks, 4) = round(92 / 7.0, 4) AS rep_weeks, round(density::numeric, 4) AS density, round(peer_density::numeric, 4) AS peers, peers
FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 6;
ROLLBACK;

-- 2. The article's cases and the borders, own team 9 against five at 100 visits:
-- each line belongs to its upper side, margins are inclusive.
CREATE TABLE border (visits integer, result numeric, expected text);
INSERT INTO border VALUES
    (130, 75, 'environment strong lower_target'), (129, 75, 'environment weak watch'),
    (70, 75, 'execution strong coach'), (71, 75, 'execution weak watch'),
    (100, 75, 'environment weak watch'), (99, 75, 'execution weak watch'),
    (130, 90, 'environment strong lower_target'), (130, 90.01, 'environment weak watch'),
    (130, 99.99, 'environment weak watch'), (130, 100, 'on_track weak none'), (130, 110, 'on_track strong none'),
    (70, 100, 'windfall weak none'), (70, 130, 'windfall weak none'), (0, 75, 'execution strong coach');
CREATE FUNCTION pg_temp.placed(visits integer, result numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE placed text;
BEGIN
    BEGIN
        PERFORM pg_temp.team(n, 100, 100) FROM generate_series(1, 5) n;
        PERFORM pg_temp.team(9, visits, result);
        SELECT concat_ws(' ', quadrant, signal, remedy) INTO placed FROM seen WHERE unit_id = 9;
        RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';    -- undo the company
    EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
        RETURN placed;
    END;
END $$;
SELECT visits, result, expected, pg_temp.placed(visits, result) = expected AS ok FROM border;

-- 3. Fewer than three others: against the unit's own 13 weeks (91 days) before.
BEGIN;
SELECT pg_temp.team(n, 92, 75) FROM generate_series(1, 3) n \g /dev/null
-- 70 visits in 91 days against 92 in 92: 1 / (70 / 91) = 1.3
SELECT pg_temp.visits(10, 70, since => '2025-04-02') \g /dev/null
SELECT unit_id, peers, peer_basis, round(density_index::numeric, 4) AS index, signal, remedy
FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id IN (1, 2) ORDER BY unit_id;
SELECT pg_temp.team(4, 0, 75) \g /dev/null
SELECT unit_id, peers, peer_basis FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id IN (1, 2, 4) ORDER BY unit_id;
ROLLBACK;

-- 4. Peers all 0: no signal, never sparse. Nobody at work: said so.
BEGIN;
SELECT pg_temp.team(n, CASE n WHEN 9 THEN 50 ELSE 0 END, 75) FROM generate_series(5, 9) n \g /dev/null
UPDATE calib.unit SET active = '[2026-01-01,)' WHERE unit_id = 50;
SELECT * FROM seen WHERE unit_id IN (5, 9) ORDER BY unit_id;
SELECT reason FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 9;
ROLLBACK;

-- 5. Conversion. Own 2 of 25 = 8 % against 15 %, which is below 0.8 x 15 = 12 %.
BEGIN;
INSERT INTO calib.benchmark (conversion) VALUES (0.15);
SELECT pg_temp.team(n, CASE n WHEN 9 THEN 140 ELSE 100 END, 75), pg_temp.opportunities(n, 25, CASE n WHEN 9 THEN 2 ELSE 4 END) FROM generate_series(5, 9) n \g /dev/null
-- strong, low, its own, and no concentration: the people need coaching
SELECT * FROM seen WHERE unit_id = 9;
SELECT reason FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 9;
-- the peers' is low too (2 of 25 each): the market
SAVEPOINT peers;
UPDATE calib.opportunity SET outcome = 'lost' WHERE unit_id < 90 AND opportunity_id % 25 IN (3, 4);
SELECT count(*) FILTER (WHERE outcome = 'won') AS won FROM calib.opportunity WHERE unit_id = 50;
SELECT * FROM seen WHERE unit_id = 9;
ROLLBACK TO peers;
-- 19 opportunities are too few to judge
DELETE FROM calib.opportunity WHERE unit_id = 90 AND outcome = 'lost' AND opportunity_id IN (SELECT opportunity_id FROM calib.opportunity WHERE unit_id = 90 AND outcome = 'lost' LIMIT 6);
SELECT s.*, d.worked, d.conversion FROM seen s JOIN calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') d USING (unit_id) WHERE unit_id = 9;
ROLLBACK;

-- 6. Refocus: visits up to standard, low conversion of its own, old customers only,
-- while the peers give 40 % of theirs to new ones.
BEGIN;
INSERT INTO calib.benchmark (conversion) VALUES (0.15);
SELECT pg_temp.team(n, CASE n WHEN 9 THEN 100 ELSE 60 END, 75), pg_temp.opportunities(n, 25, CASE n WHEN 9 THEN 2 ELSE 4 END) FROM generate_series(5, 9) n \g /dev/null
SELECT pg_temp.visits(10 * n, 40, 201, 100) FROM generate_series(5, 8) n \g /dev/null
SELECT * FROM seen WHERE unit_id = 9;
SELECT existing_share, peer_existing_share, conversion, peer_conversion, reason
FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 9;
SET LOCAL calib.language = 'zh';
SELECT reason FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 9;
-- every number of the sentence is a figure of the row
SELECT (reason_args ->> 'conversion')::numeric = round(conversion, 4) AND (reason_args ->> 'benchmark')::numeric = benchmark
   AND (reason_args ->> 'existing_share')::numeric = round(existing_share, 4) AND (reason_args ->> 'peer_existing_share')::numeric = round(peer_existing_share, 4)
   AND (reason_args ->> 'index')::numeric = round(density_index::numeric, 2)
   AND (reason_args ->> 'concentration')::numeric = round(concentration::numeric, 4) AS recomputed
FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 9;
-- the same with activity spread over customers like the peers': no refocus, and not strong
UPDATE calib.activity SET customer_id = customer_id + 200 WHERE unit_id = 90 AND customer_id BETWEEN 1 AND 40;
SELECT * FROM seen WHERE unit_id = 9;
ROLLBACK;

-- 7. Against padding: one per customer, day and kind counts, whatever its quantity.
BEGIN;
SELECT pg_temp.team(n, 100, 75) FROM generate_series(5, 9) n \g /dev/null
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at, quantity)
SELECT unit_id, customer_id, kind, occurred_at + interval '1 minute', recorded_at, 50 FROM calib.activity WHERE unit_id = 90;
SELECT * FROM seen WHERE unit_id = 9;
-- Late records count, but do not make a signal strong: 130 visits, 40 of them entered three days later.
SELECT pg_temp.visits(90, 30, 101) \g /dev/null
UPDATE calib.activity SET recorded_at = occurred_at + interval '72 hours' WHERE unit_id = 90 AND customer_id BETWEEN 1 AND 40;
SELECT s.*, d.late_share FROM seen s JOIN calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') d USING (unit_id) WHERE unit_id = 9;
-- exactly 48 hours is not late
UPDATE calib.activity SET recorded_at = occurred_at + interval '48 hours' WHERE unit_id = 90;
SELECT * FROM seen WHERE unit_id = 9;
ROLLBACK;

-- 8. Weights hold from a day on, and an outcome may have its own.
BEGIN;
SELECT pg_temp.team(n, 89, 75) FROM generate_series(5, 9) n \g /dev/null
INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES ('visit', 3, '2025-09-01');
INSERT INTO calib.activity_weight (kind, outcome, weight, valid_from) VALUES ('visit', 'nobody in', 0, '2025-07-01');
UPDATE calib.activity SET outcome = 'nobody in' WHERE unit_id = 90 AND occurred_at < '2025-07-12';
-- one visit a day from 2 July: 61 before September at 1, 28 in it at 3; team 9 loses ten of the first
SELECT unit_id, weighted FROM calib.behavior_in('2025-06-30 16:00Z', '2025-09-30 16:00Z') WHERE unit_id IN (8, 9) AND product_line = '' ORDER BY unit_id;
-- those ten entered again and late, as visits of weight 1, weigh in the density, not in what is on time
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT unit_id, customer_id, kind, occurred_at, '2025-09-30' FROM calib.activity WHERE unit_id = 90 AND outcome = 'nobody in';
SELECT unit_id, weighted, weighted_on_time, events, late_events FROM calib.behavior_in('2025-06-30 16:00Z', '2025-09-30 16:00Z') WHERE unit_id IN (8, 9) AND product_line = '' ORDER BY unit_id;
ROLLBACK;

-- 9. No strong signal: too early, ramping, results not current.
BEGIN;
SELECT pg_temp.team(n, CASE n WHEN 9 THEN 140 ELSE 100 END, 20) FROM generate_series(5, 9) n \g /dev/null
UPDATE calib.result SET occurred_at = '2025-07-05';
SELECT unit_id, quadrant, signal, remedy, reason FROM calib.diagnose('2025-07-15 00:00+08') WHERE unit_id = 5;
SELECT signal, remedy FROM calib.diagnose('2025-08-15 00:00+08') WHERE unit_id = 9;
INSERT INTO calib.source VALUES ('manual', 10);
SELECT signal, remedy, reason FROM calib.diagnose('2025-08-15 00:00+08') WHERE unit_id = 9;
DELETE FROM calib.source;
-- a rep of 55 days is ramping, one of 56 is not
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (90, 'quarter', '2025-07-01', 100);
UPDATE calib.unit SET active = '[2025-06-21,)' WHERE unit_id = 90;
SELECT signal, remedy, reason FROM calib.diagnose('2025-08-15 00:00+08') WHERE unit_id = 90;
UPDATE calib.unit SET active = '[2025-06-20,)' WHERE unit_id = 90;
SELECT reason_code FROM calib.diagnose('2025-08-15 00:00+08') WHERE unit_id = 90;
ROLLBACK;

-- 10. Windfall is strong when it happens twice: 1.15 and more, sparse.
BEGIN;
SELECT pg_temp.team(n, CASE n WHEN 9 THEN 60 ELSE 100 END, 115) FROM generate_series(5, 9) n \g /dev/null
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (9, 'quarter', '2025-04-01', 100);
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (90, '2025-05-05', 114.99);
SELECT * FROM seen WHERE unit_id = 9;
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (90, '2025-05-06', 0.01);
SELECT * FROM seen WHERE unit_id = 9;
ROLLBACK;

-- 11. Market-wide: five of six miss, nobody slackens, every index is near 1; the
-- parent is told.
BEGIN;
SELECT pg_temp.team(n, 100, CASE n WHEN 6 THEN 105 ELSE 70 END) FROM generate_series(1, 6) n \g /dev/null
SELECT pg_temp.visits(10 * n, 98, since => '2025-04-02') FROM generate_series(1, 6) n \g /dev/null
SELECT * FROM seen WHERE unit_id IN (2, 6, 1000) ORDER BY unit_id;
SELECT reason FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 1000;
-- two peer groups of three: as large as one another, and the first by name speaks for all
SAVEPOINT groups;
UPDATE calib.unit SET peer_group = CASE WHEN unit_id > 3 THEN 'b' ELSE 'a' END WHERE unit_id < 7;
UPDATE calib.result SET amount = CASE WHEN unit_id < 40 THEN 100 ELSE 60 END;
SELECT reason_code <> 'market_wide' AS a_attains FROM seen WHERE unit_id = 1000;
UPDATE calib.unit SET peer_group = CASE WHEN unit_id > 3 THEN 'a' ELSE 'b' END WHERE unit_id < 7;
SELECT reason_code, (reason_args ->> 'missing')::integer AS missing, (reason_args ->> 'children')::integer AS children
FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 1000;
ROLLBACK TO groups;
-- had they worked more before, it would not be the market
SELECT pg_temp.visits(10 * n, 10, 101, since => '2025-04-02') FROM generate_series(1, 6) n \g /dev/null
SELECT reason_code FROM seen WHERE unit_id = 1000;
ROLLBACK;

-- 12. Product lines are judged by their own activity, results and benchmark.
BEGIN;
SELECT pg_temp.team(n, 100, 100) FROM generate_series(5, 9) n \g /dev/null
INSERT INTO calib.target (unit_id, product_line, grain, period_start, original_value) SELECT n, 'premium', 'quarter', '2025-07-01', 40 FROM generate_series(5, 9) n;
SELECT pg_temp.visits(10 * n, CASE n WHEN 9 THEN 10 ELSE 20 END, 150, line => 'premium') FROM generate_series(5, 9) n \g /dev/null
INSERT INTO calib.result (unit_id, product_line, occurred_at, amount) SELECT 10 * n, 'premium', '2025-08-15', 20 FROM generate_series(5, 9) n;
SELECT unit_id, product_line, actual, round(density_index::numeric, 4) AS index, quadrant, signal, remedy
FROM calib.diagnose_period('2025-10-01 00:00+08', 'quarter', '2025-07-01') WHERE unit_id = 9 ORDER BY product_line;
ROLLBACK;

-- 13. Bad input.
\set VERBOSITY sqlstate
SELECT * FROM calib.diagnose(now(), 'fortnight');
SELECT * FROM calib.diagnose(now(), 'week');
SELECT * FROM calib.diagnose(now(), NULL);
SELECT count(*) FROM calib.diagnose(NULL);
SELECT calib.reason_text('no such reason', '{}') IS NULL AS unknown;
DROP TABLE border;
DROP EXTENSION calib CASCADE;
