-- Detection: what is opened, for whom, and what goes away.  Expected values stand
-- beside each case, worked by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';

-- Two regions of five teams with one rep each. On 15 August 07:00, 33 of the quarter's
-- 66 working days have passed: half, so that of a target of 100 a result of 50 is a
-- pace of 1. Everybody has 52 (1.04) and 90 visits.
SET calib.clock = '2025-07-01 08:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT n, CASE WHEN n <= 15 THEN 2 ELSE 3 END, 'team', 'Team ' || n FROM generate_series(11, 20) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 100 + n, n, 'rep', 'Rep ' || n FROM generate_series(11, 20) n;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT n, 'quarter', '2025-07-01', 100 FROM generate_series(11, 20) n;
INSERT INTO calib.customer (customer_id, name, created_at) SELECT n, 'Customer ' || n, '2024-01-01' FROM generate_series(1, 300) n;
INSERT INTO calib.policy (valid_from, loop) VALUES ('2025-07-01', true);
SET calib.clock = '2025-12-15 12:00+08';

-- visits: one customer and day each, over 44 days, recorded an hour later
CREATE FUNCTION visits(team bigint, visits integer, since date DEFAULT '2025-07-02', days integer DEFAULT 44, delay interval DEFAULT '1 hour') RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
    SELECT 100 + team, 1 + i % 300, 'visit', (since + i % days)::timestamptz + interval '10 hours', (since + i % days)::timestamptz + interval '10 hours' + delay
    FROM generate_series(0, visits - 1) i $$;
CREATE FUNCTION earns(team bigint, amount numeric, at timestamptz DEFAULT '2025-08-14 15:00+08') RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.result (unit_id, occurred_at, recorded_at, amount) VALUES (100 + team, at, at, amount) $$;
-- what a team does instead of what everybody does
CREATE FUNCTION team(team bigint, visits integer, amount numeric) RETURNS void LANGUAGE sql AS $$
    DELETE FROM calib.activity WHERE unit_id = 100 + team;
    DELETE FROM calib.result WHERE unit_id = 100 + team;
    SELECT visits(team, visits), earns(team, amount) $$;
CREATE FUNCTION detect(day date) RETURNS bigint LANGUAGE sql AS $$ SELECT calib.detect(day + time '07:00' AT TIME ZONE 'Asia/Shanghai') $$;
SELECT team(n, 90, 52) FROM generate_series(11, 20) n \g /dev/null
CREATE VIEW seen AS
SELECT d.unit_id AS unit, d.kind, d.grain, d.period_start AS period, d.detected_at::date AS detected, d.ending, d.ended_at::date AS ended,
       d.remedy, d.reason_code, d.units
FROM calib.deviation d ORDER BY d.deviation_id;

-- 1. Nothing to find; and detection goes forward only.
BEGIN;
SELECT detect('2025-08-15'), detect('2025-08-15'), detect('2025-08-14');
SELECT * FROM calib.detection;
ROLLBACK;

-- 2. Dense (150 against 90: 1.67) and missed (37.5: 0.75): opened once, with what was
-- known then. Sparse (50: 0.56): likewise.
BEGIN;
SELECT team(11, 150, 37.5), team(16, 50, 37.5) \g /dev/null
SELECT detect('2025-08-15');
SELECT * FROM seen;
SELECT unit_id, measure, product_line, subject, detected_at, round((figures ->> 'pace')::numeric, 4) AS pace, (figures ->> 'actual')::numeric AS actual,
       figures ->> 'peers' AS peers, figures ->> 'peer_basis' AS basis, calib.reason_text(reason_code, reason_args) AS reason
FROM calib.deviation ORDER BY unit_id;
SELECT detect('2025-08-15'), detect('2025-08-16');
SELECT count(*) FROM calib.deviation;
-- from strong to weak it stays: of 34 of 66 days, 49 is 0.9512, and of 35 49.5 is 0.9334
SELECT earns(11, 11.5, '2025-08-15 12:00+08'), detect('2025-08-16') AS same_day, detect('2025-08-18') \g (format=unaligned tuples_only=on)
SELECT * FROM seen;
-- at the floor it has recovered: 53 of 35 of 66 days is 0.9994, 55 is 1.0371
SELECT earns(11, 4, '2025-08-18 12:00+08'), detect('2025-08-19');
SELECT * FROM seen WHERE unit = 11;
SELECT earns(11, 2, '2025-08-19 06:00+08'), detect('2025-08-20');
SELECT * FROM seen WHERE unit = 11;
-- refunds: missed again, opened again at once, as another one
SELECT earns(11, -15, '2025-08-20 12:00+08'), detect('2025-08-21');
SELECT * FROM seen WHERE unit = 11;
SELECT * FROM calib.detection;
ROLLBACK;

-- 3. What was acted on rests 28 days for that unit and kind, what was dismissed too.
BEGIN;
SELECT team(11, 150, 37.5), team(12, 150, 37.5), team(16, 50, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SET LOCAL calib.clock = '2025-08-20 10:00+08';
SELECT calib.act(deviation_id, 'other', 'Spoke with the buyer') FROM calib.deviation WHERE unit_id = 11 \g /dev/null
SELECT calib.dismiss(deviation_id, 'A holiday') FROM calib.deviation WHERE unit_id = 12 \g /dev/null
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT visits(11, 200, '2025-08-15'), visits(12, 200, '2025-08-15') \g /dev/null
SELECT detect('2025-08-21'), detect('2025-09-17') AS day_28;
SELECT detect('2025-09-18') AS after_28_days;
SELECT * FROM seen;
ROLLBACK;

-- 4. Three of East's five call for the same: East gets one that names them, they get
-- none; the company none, for of its regions none calls by itself.
BEGIN;
SELECT team(11, 50, 37.5), team(12, 50, 37.5), team(13, 50, 37.5), team(16, 50, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT * FROM seen;
SELECT calib.reason_text(reason_code, reason_args) AS en, calib.reason_text(reason_code, reason_args, 'zh') AS zh, jsonb_array_length(figures -> 'below') AS below
FROM calib.deviation WHERE unit_id = 2;
SELECT detect('2025-08-16');
-- a fourth joins: East names it too; the reason stays as it was
SELECT team(14, 50, 37.5), detect('2025-08-17') \g (format=unaligned tuples_only=on)
SELECT * FROM seen;
-- two of four recover: no more than half is left of it, and what is left of it stands alone
SELECT earns(11, 20, '2025-08-17 12:00+08'), earns(12, 20, '2025-08-17 12:00+08'), detect('2025-08-18') \g (format=unaligned tuples_only=on)
SELECT * FROM seen;
ROLLBACK;
-- half is not more than half: of the four left two call
BEGIN;
SELECT set_config('calib.restoring', 'on', true) \g /dev/null
DELETE FROM calib.target WHERE unit_id = 15;
SELECT set_config('calib.restoring', 'off', true) \g /dev/null
SELECT team(11, 50, 37.5), team(12, 50, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT unit, kind, units FROM seen;
ROLLBACK;
-- children who have one of their own keep it; East names who joins them
BEGIN;
SELECT team(11, 50, 37.5), team(12, 50, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT team(13, 50, 37.5), detect('2025-08-16') \g (format=unaligned tuples_only=on)
SELECT unit, kind, reason_code, units FROM seen;
SELECT calib.reason_text(reason_code, reason_args) FROM calib.deviation WHERE unit_id = 2;
ROLLBACK;

-- 5. East is not in the loop itself: its teams stand alone; North is out of it.
SET calib.clock = '2025-07-01 09:00+08';
BEGIN;
INSERT INTO calib.policy (unit_id, valid_from, loop) SELECT n, '2025-07-02', true FROM generate_series(11, 15) n;
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (1, '2025-07-02', false);
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT team(n, 50, 37.5) FROM unnest('{11,12,13,16,17}'::int[]) n \g /dev/null
SELECT detect('2025-08-15');
SELECT unit, kind, units FROM seen;
ROLLBACK;
SET calib.clock = '2025-12-15 12:00+08';

-- 6. Market-wide: all of East miss by far (0.75) as densely as in the 13 weeks before;
-- no index is far from 1, and East carries what nobody else would.
BEGIN;
SELECT team(n, 90, 37.5), visits(n, 180, '2025-04-02', 90) FROM generate_series(11, 15) n \g /dev/null
SELECT detect('2025-08-15');
SELECT * FROM seen;
SELECT calib.reason_text(reason_code, reason_args) FROM calib.deviation;
-- it recovers when most attain again
SELECT earns(n, 20, '2025-08-15 12:00+08') FROM generate_series(11, 15) n \g /dev/null
SELECT detect('2025-08-18');
SELECT * FROM seen;
ROLLBACK;

-- 7. Low conversion: 1 of 25 (4 %) against 15 %, peers 4 of 25, in a team on its way.
BEGIN;
INSERT INTO calib.benchmark (conversion) VALUES (0.15);
INSERT INTO calib.opportunity (unit_id, outcome, created_at, closed_at)
SELECT 100 + team, CASE WHEN n <= CASE team WHEN 11 THEN 1 ELSE 4 END THEN 'won' ELSE 'lost' END, '2025-07-10', '2025-08-10'
FROM generate_series(11, 20) team, generate_series(1, 25) n;
SELECT detect('2025-08-15');
SELECT * FROM seen;
SELECT calib.reason_text(reason_code, reason_args) FROM calib.deviation;
-- four more are won: 5 of 29 is 17 %
INSERT INTO calib.opportunity (unit_id, outcome, created_at, closed_at) SELECT 111, 'won', '2025-08-15', '2025-08-16' FROM generate_series(1, 4);
SELECT detect('2025-08-17');
SELECT unit, kind, ending, ended FROM seen;
ROLLBACK;
