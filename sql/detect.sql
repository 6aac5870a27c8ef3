-- Detection: what is opened, for whom, and what goes away.  Expected values stand
-- beside each case, worked by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
\set VERBOSITY terse

-- Two regions of five teams with one rep each, targets of 100. On 15 August 07:00, 33 of
-- the quarter's 67 working days (28 September makes one up) have passed: 49.25 %.
-- Everybody has 52 (pace 52 / 49.25 = 1.0558) and 90 visits. What is gone ends at once, but in 16.
SET calib.clock = '2025-07-01 08:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT n, CASE WHEN n <= 15 THEN 2 ELSE 3 END, 'team', 'Team ' || n FROM generate_series(11, 20) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 100 + n, n, 'rep', 'Rep ' || n FROM generate_series(11, 20) n;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT n, 'quarter', '2025-07-01', 100 FROM generate_series(11, 20) n;
INSERT INTO calib.customer (customer_id, name, created_at) SELECT n, 'Customer ' || n, '2024-01-01' FROM generate_series(1, 300) n;
INSERT INTO calib.policy (valid_from, loop, recover_days) VALUES ('2025-07-01', true, 0);
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

-- 2. Dense (150 against (50 + 8 * 90) / 9 = 85.56: 1.75) and missed (37.5 * 67 / 33 =
-- 0.7614): opened once, with what was known then. Sparse (50 against 96.67: 0.52): too.
BEGIN;
SELECT team(11, 150, 37.5), team(16, 50, 37.5) \g /dev/null
SELECT detect('2025-08-15');
SELECT * FROM seen;
SELECT unit_id, measure, product_line, subject, detected_at, round((figures ->> 'pace')::numeric, 4) AS pace, (figures ->> 'actual')::numeric AS actual,
       figures ->> 'peers' AS peers, figures ->> 'peer_basis' AS basis, calib.reason_text(reason_code, reason_args) AS reason
FROM calib.deviation ORDER BY unit_id;
SELECT detect('2025-08-15'), detect('2025-08-16');
SELECT count(*) FROM calib.deviation;
-- from strong to weak it stays: on the 18th, a Monday, 49 * 67 / 34 = 0.9656
SELECT earns(11, 11.5, '2025-08-15 12:00+08'), detect('2025-08-18') \g (format=unaligned tuples_only=on)
SELECT * FROM seen;
-- below the floor it stays, on it it has gone: 52.2 * 67 / 35 = 0.9993, 53.8 * 67 / 36 = 1.0013
SELECT earns(11, 3.2, '2025-08-18 12:00+08'), detect('2025-08-19');
SELECT * FROM seen WHERE unit = 11;
SELECT earns(11, 1.6, '2025-08-19 12:00+08'), detect('2025-08-20');
SELECT * FROM seen WHERE unit = 11;
-- a refund: missed again (38.8 * 67 / 37 = 0.7026), opened again at once, as another one
SELECT earns(11, -15, '2025-08-20 12:00+08'), detect('2025-08-21');
SELECT * FROM seen WHERE unit = 11;
SELECT * FROM calib.detection;
ROLLBACK;

-- 3. What was acted on rests 28 days for that unit and kind, what was dismissed too.
BEGIN;
SELECT earns(n, 40, '2025-08-20 12:00+08') FROM generate_series(13, 20) n \g /dev/null
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

-- 2147483647 days are never, and a fault for nobody.
BEGIN;
SET LOCAL calib.clock = '2025-07-01 09:00+08';
INSERT INTO calib.policy (unit_id, valid_from, reopen_days) VALUES (11, '2025-07-02', 2147483647);
SET LOCAL calib.clock = '2025-08-20 10:00+08';
SELECT team(11, 150, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT calib.dismiss(deviation_id, 'Never mind') FROM calib.deviation WHERE unit_id = 11 \g /dev/null
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT visits(11, 200, '2025-08-15') \g /dev/null
SELECT detect('2025-09-25');
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

-- 6. Market-wide: all of East miss by far (0.7614) as densely as in the 13 weeks before;
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

-- 8. Shallow coverage: all three customers visited by the 19th (two by the 18th are too few
-- to judge) are in first contact for more than 14 days; a source that has told nothing for longer than its limit, on the highest unit
-- that has facts of it. Neither is opened again in the next quarter while it is open.
BEGIN;
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, stage_since, created_at)
SELECT n, n, 116, CASE WHEN n < 5 THEN 'initial_contact' ELSE 'proposal' END, '2025-09-01', '2025-09-01' FROM generate_series(1, 5) n;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT 116, 1 + i % 5, 'visit', '2025-09-16 10:00+08'::timestamptz + i * interval '1 day', '2025-09-16 11:00+08'::timestamptz + i * interval '1 day' FROM generate_series(0, 20) i;
INSERT INTO calib.source (source, stale_days) VALUES ('erp', 10);
INSERT INTO calib.activity (unit_id, customer_id, source, external_id, kind, occurred_at, recorded_at) VALUES (111, 1, 'erp', 'a', 'quote', '2025-09-08 10:00+08', '2025-09-08 11:00+08');
SELECT earns(n, 40) FROM generate_series(11, 20) n \g /dev/null
SELECT detect('2025-09-18'), detect('2025-09-19'), detect('2025-10-02');
SELECT * FROM seen;
SELECT subject, figures, calib.reason_text(reason_code, reason_args) AS reason FROM calib.deviation ORDER BY deviation_id;
-- the stage moves on, and the source tells again
UPDATE calib.opportunity SET stage = 'proposal', stage_since = '2025-10-03' WHERE opportunity_id < 5;
INSERT INTO calib.activity (unit_id, customer_id, source, external_id, kind, occurred_at, recorded_at) VALUES (111, 1, 'erp', 'b', 'quote', '2025-10-03 10:00+08', '2025-10-03 11:00+08');
SELECT detect('2025-10-04');
SELECT unit, kind, ending, ended FROM seen;
ROLLBACK;

-- 9. A pilot: East tries calib from 18 August on, North is its control. Before that both
-- are observed, from then on North is; what is only observed is nobody's to hear of.
CREATE ROLE north LOGIN;
CREATE ROLE boss LOGIN;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('north', 'manager', 3), ('boss', 'admin', 1);
GRANT USAGE ON SCHEMA public TO north;
SET calib.clock = '2025-07-01 09:00+08';
BEGIN;
INSERT INTO calib.policy (valid_from, loop) VALUES ('2025-07-02', false);
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (1, '2025-08-18', true);
INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on) VALUES (1, 'First', '2025-08-01', '2025-08-18');
INSERT INTO calib.pilot_unit VALUES (1, 2, 'pilot'), (1, 3, 'control');
SELECT at, array_agg(unit_id ORDER BY unit_id) FILTER (WHERE NOT observed) AS in_the_loop, array_agg(unit_id ORDER BY unit_id) FILTER (WHERE observed) AS observed
FROM unnest('{2025-07-31,2025-08-01,2025-08-18}'::date[]) at, calib.loop_at(calib.start_of(at)) l GROUP BY at ORDER BY at;
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT team(11, 150, 37.5), team(16, 50, 37.5) \g /dev/null
SELECT detect('2025-07-31'), detect('2025-08-15'), detect('2025-08-16'), detect('2025-08-18');
SELECT unit_id, kind, observed, detected_at FROM calib.deviation ORDER BY deviation_id;
SELECT opened, observed FROM calib.detection ORDER BY as_of;
SET LOCAL calib.clock = '2025-08-18 12:00+08';
SELECT unit_id, acted, open FROM calib.sri_monthly ORDER BY unit_id;
SELECT unit_id FROM calib.response_by_unit ORDER BY unit_id;
SELECT unit_id, unit_name, kind FROM calib.deviation_open;
SELECT region, deviations_open FROM calib.war_room_now() ORDER BY region;
SELECT unit_id, duty, rule, created_at, due_at FROM calib.reminder;
SET LOCAL SESSION AUTHORIZATION north;
SELECT (SELECT count(*) FROM calib.deviation) AS deviations, (SELECT count(*) FROM calib.reminder) AS reminders;
SAVEPOINT s;
SELECT calib.act(deviation, 'other', 'x') FROM generate_series(1, 20) deviation;
ROLLBACK TO s;
SELECT calib.comment_deviation(2, 'x');
ROLLBACK TO s;
SET LOCAL SESSION AUTHORIZATION boss;
SELECT count(*) AS of_the_company FROM calib.deviation;
RESET SESSION AUTHORIZATION;
SELECT calib.act(deviation_id, 'other', 'measured') FROM calib.deviation WHERE unit_id = 16 \g /dev/null
SELECT unit_id, observed, ending FROM calib.deviation ORDER BY deviation_id;
ROLLBACK;
SET calib.clock = '2025-12-15 12:00+08';

-- 10. The last look: a period that has ended is judged at its end, with what has come in
-- since. Dense and missed (0.7614 on 15 August); the rest of the target is recorded in
-- October, but was paid in September: recovered. Another pays in October: too late.
BEGIN;
SELECT team(11, 150, 37.5), team(12, 150, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
INSERT INTO calib.result (unit_id, occurred_at, recorded_at, amount) VALUES
    (111, '2025-09-29 15:00+08', '2025-10-06 12:00+08', 62.5), (112, '2025-10-06 12:00+08', '2025-10-06 12:00+08', 62.5);
SELECT detect('2025-10-06'), detect('2025-10-07'), detect('2025-11-30');
SELECT unit, ending, ended FROM seen WHERE unit IN (11, 12);
-- nothing is opened for a period that has ended, and after 31 days it is not looked at
SELECT count(*) FROM calib.deviation WHERE detected_at >= '2025-10-01';
SELECT at, array_agg(concat_ws(' ', grain, period_start, look_at, running)) FROM unnest('{2025-08-15,2025-10-31,2025-11-01}'::date[]) at, calib.periods_to_look_at(at + time '07:00' AT TIME ZONE 'Asia/Shanghai') GROUP BY at ORDER BY at;
ROLLBACK;

-- 11. What was recorded late does not end it. Sparse (50), then 100 visits of July are
-- entered on 18 August: the index is above 1, without them it is where it was.
BEGIN;
SELECT team(16, 50, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SAVEPOINT late;
SELECT visits(16, 100, '2025-07-02', 20, '30 days'), detect('2025-08-20') \g (format=unaligned tuples_only=on)
SELECT d.quadrant, d.reason_code, round(d.density_index::numeric, 2) AS index, d.reason_args ->> 'on_time_index' AS on_time
FROM calib.diagnose_period('2025-08-20 07:00+08', 'quarter', '2025-07-01', '2025-08-20 07:00+08') d WHERE unit_id = 16;
SELECT unit, kind, ending FROM seen;
ROLLBACK TO late;
-- recorded in time they do: it is missed and dense now, which is another kind
SELECT visits(16, 100, '2025-07-02', 20), detect('2025-08-20') \g (format=unaligned tuples_only=on)
SELECT unit, kind, ending FROM seen;
ROLLBACK;

-- 12. Not judged, not ended: results that are not current
BEGIN;
SELECT team(16, 50, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
INSERT INTO calib.source (source, stale_days) VALUES ('manual', 2);
SELECT earns(16, 60, '2025-08-16 12:00+08'), detect('2025-08-20') \g (format=unaligned tuples_only=on)
SELECT unit_id, kind, subject, ending FROM calib.deviation ORDER BY unit_id;
ROLLBACK;

-- 13. Every grain that has targets is looked at, and one problem is one deviation: of the
-- larger grain where both are found at once. August has 10 of 21 working days behind it:
-- 5 of 30 is a pace of 0.35.
SET calib.clock = '2025-07-01 09:00+08';
BEGIN;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT n, 'month', '2025-08-01', 30 FROM generate_series(11, 20) n;
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT team(11, 150, 5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT d.grain, d.quadrant, d.signal, round(d.pace, 2) AS pace
FROM unnest('{month,quarter}'::text[], '{2025-08-01,2025-07-01}'::date[]) p (grain, start),
     calib.diagnose_period('2025-08-15 07:00+08', p.grain, p.start, '2025-08-15 07:00+08') d WHERE unit_id = 11 ORDER BY 1;
SELECT unit, kind, grain, period FROM seen;
-- acted on it rests, and so does the month's
SET LOCAL calib.clock = '2025-08-18 10:00+08';
SELECT calib.act(deviation_id, 'other', 'Spoke with the buyer') FROM calib.deviation \g /dev/null
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT detect('2025-08-19');
ROLLBACK;
-- the month's stands first: 55 in July is a pace of 1.1167 of the quarter, and of 0.8988 on
-- 27 August, after 41 days; in August nothing
BEGIN;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT n, 'month', '2025-08-01', 30 FROM generate_series(11, 20) n;
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT earns(n, 30) FROM generate_series(12, 20) n \g /dev/null
SELECT team(11, 150, 0), earns(11, 55, '2025-07-20 12:00+08'), detect('2025-08-15'), detect('2025-08-27') \g (format=unaligned tuples_only=on)
SELECT d.quadrant, d.signal, round(d.pace, 4) AS pace FROM calib.diagnose_period('2025-08-27 07:00+08', 'quarter', '2025-07-01', '2025-08-27 07:00+08') d WHERE unit_id = 11;
SELECT unit, kind, grain, detected, ending FROM seen;
SET LOCAL calib.clock = '2025-08-27 10:00+08';
SELECT calib.dismiss(deviation_id, 'Known') FROM calib.deviation \g /dev/null
SET LOCAL calib.clock = '2025-12-15 12:00+08';
-- dismissed, the quarter's rests as well, for 28 days
SELECT detect('2025-08-28'), detect('2025-09-25');
SELECT unit, kind, grain, detected, ending FROM seen WHERE unit = 11;
ROLLBACK;
-- of East three call in both grains (37.5 of 100 in August: 0.7875), and Team 14, paid in
-- July, in August alone: one deviation, that of the quarter, names all four. Before, everybody
-- visited as often as the rest still does.
BEGIN;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT n, 'month', '2025-08-01', 100 FROM generate_series(11, 20) n;
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT team(n, 50, 37.5) FROM generate_series(11, 13) n \g /dev/null
SELECT visits(n, 180, '2025-04-02', 90) FROM generate_series(11, 20) n WHERE n <> 14 \g /dev/null
SELECT team(14, 50, 0), visits(14, 180, '2025-04-02', 90), earns(14, 52, '2025-07-20 12:00+08'), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT unit, kind, grain, units FROM seen;
SELECT calib.reason_text(reason_code, reason_args) FROM calib.deviation;
ROLLBACK;
SET calib.clock = '2025-12-15 12:00+08';

-- 14. A rule that makes deviations.
BEGIN;
INSERT INTO calib.rule (rule, kind, parameters, enabled, since, makes, duty, label_en, label_zh)
VALUES ('no_money', 'result_missing', '{"measure": "collection", "days": 10}', true, '2025-07-01', 'deviation', 'manager', 'No money', '无回款');
UPDATE calib.rule SET since = '2025-07-01' WHERE rule = 'no_money';
SELECT earns(n, 60, '2025-08-29 12:00+08') FROM generate_series(12, 20) n \g /dev/null
SELECT visits(11, 120, '2025-08-16') \g /dev/null
SELECT earns(11, 10, '2025-08-20 12:00+08') \g /dev/null
-- ten working days without are 21 August to 3 September; more than ten on the 5th
SELECT detect('2025-09-04'), detect('2025-09-05');
SELECT unit_id, kind, subject, calib.reason_text(reason_code, reason_args) AS reason FROM calib.deviation WHERE kind = 'rule';
SELECT earns(11, 60, '2025-09-05 12:00+08'), detect('2025-09-06') \g (format=unaligned tuples_only=on)
SELECT unit, kind, ending, ended FROM seen WHERE kind = 'rule';
ROLLBACK;

-- 15. A team that carries a miss names its reps who share it, whichever grain they share
-- it in. Team 11 has two: 111 with a target of the quarter, 211 with one of 30 for August.
SET calib.clock = '2025-07-01 09:00+08';
BEGIN;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (211, 11, 'rep', 'Rep 11 b');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT 100 + n, 'quarter', '2025-07-01', 100 FROM generate_series(11, 20) n;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (211, 'month', '2025-08-01', 30);
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT team(11, 150, 15), visits(111, 150), earns(111, 16) \g /dev/null
SAVEPOINT begun;
-- 31 * 67 / 33 = 0.6294 of the team, 0.3045 of 111; 211 has 16 / 30 * 21 / 10 = 1.12
SELECT detect('2025-08-15');
SELECT unit, kind, grain, detected, ending, reason_code, units FROM seen;
-- 211 has nothing after a refund: it joins, in its own grain
SELECT earns(111, -16, '2025-08-15 12:00+08'), detect('2025-08-18') \g (format=unaligned tuples_only=on)
SELECT unit, kind, grain, detected, ending, reason_code, units FROM seen;
SAVEPOINT joined;
-- the team is judged by itself: 95 * 67 / 35 = 1.82; who still misses stands alone then
SELECT earns(111, 80, '2025-08-18 12:00+08'), detect('2025-08-19') \g (format=unaligned tuples_only=on)
SELECT unit, kind, grain, detected, ending, reason_code, units FROM seen;
ROLLBACK TO joined;
-- an act on the team's ends it, and those it names rest with it
SET LOCAL calib.clock = '2025-08-18 10:00+08';
SELECT calib.act(deviation_id, 'other', 'Spoke with the buyer') FROM calib.deviation \g /dev/null
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT detect('2025-08-19');
SELECT unit, kind, grain, detected, ending, reason_code, units FROM seen;
ROLLBACK TO joined;
-- what is filed for a rep answers what names it; what is filed for another
-- or of another time does not
SELECT calib.act_on('{112}', 'request', NULL, NULL, NULL, NULL, '2025-08-18 10:00+08', 'li', 'Help') AS for_112,
       calib.act_on('{211}', 'adjustment', 'collection', '', '2025-04-01', '2025-07-01', '2025-08-18 10:00+08', 'li', 'Help') AS spring,
       calib.act_on('{211}', 'adjustment', 'collection', '', '2025-08-01', '2025-09-01', '2025-08-18 10:00+08', 'li', 'Help') AS august;
ROLLBACK TO begun;
-- and 211, which joins it too late to be named, rests as well
SELECT detect('2025-08-15') \g /dev/null
SET LOCAL calib.clock = '2025-08-15 10:00+08';
SELECT calib.act(deviation_id, 'other', 'Spoke with the buyer') FROM calib.deviation \g /dev/null
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT earns(111, -16, '2025-08-15 12:00+08'), detect('2025-08-18') \g (format=unaligned tuples_only=on)
SELECT unit, kind, grain, detected, ending, reason_code, units FROM seen;
ROLLBACK TO begun;
-- what stood before the team's stays: 111 misses (0.7614), not the team (53.5: 1.0862); it
-- does without what 211 had (37.5 * 67 / 34 = 0.7390)
SELECT earns(11, 22.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT earns(111, -16, '2025-08-15 12:00+08'), detect('2025-08-18') \g (format=unaligned tuples_only=on)
SELECT unit, kind, grain, detected, ending, reason_code, units FROM seen;
ROLLBACK;
-- another kind is another problem: 211 does nothing, the team is dense as 111 is
BEGIN;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (211, 11, 'rep', 'Rep 11 b');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (211, 'quarter', '2025-07-01', 30);
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT team(11, 300, 15), visits(111, 30), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SELECT unit, kind, grain, units FROM seen;
ROLLBACK;

-- 16. Gone is what keeps away for seven days. 54 on the 20th is 1.005 after 36 days, and 0.978
-- after 37; 64 on the 22nd is 1.128, and 1.021 on the 28th, seven days after it was last
-- found. It is written four times (gone, back, gone, recovered), not at every look.
BEGIN;
INSERT INTO calib.policy (valid_from, recover_days) VALUES ('2025-07-02', 7);
SET LOCAL calib.clock = '2025-12-15 12:00+08';
SELECT team(11, 150, 37.5), detect('2025-08-15') \g (format=unaligned tuples_only=on)
SAVEPOINT s;
SELECT earns(11, 16.5, '2025-08-19 12:00+08'), earns(11, 10, '2025-08-21 12:00+08') \g /dev/null
CREATE TEMP TABLE look (day date, gone_since timestamptz, ending text) ON COMMIT DROP;
DO $$
BEGIN
    FOR n IN 18..29 LOOP
        PERFORM detect('2025-08-01'::date + n - 1);
        INSERT INTO look SELECT '2025-08-01'::date + n - 1, gone_since, ending FROM calib.deviation;
    END LOOP;
END $$;
SELECT * FROM look;
SELECT count(*) FROM calib.audit WHERE relation = 'calib.deviation' AND action = 'UPDATE';
ROLLBACK TO s;
-- looked at once a week, one look is enough; a day sooner it is not (84 from the 20th on)
SELECT earns(11, 46.5, '2025-08-20 12:00+08') \g /dev/null
SAVEPOINT week;
SELECT detect('2025-08-21');
SELECT gone_since, ending FROM calib.deviation;
ROLLBACK TO week;
SELECT detect('2025-08-22');
SELECT gone_since, ending, ended_at FROM calib.deviation;
ROLLBACK TO week;
-- what cannot be judged is not gone: on the 25th results are not current
SELECT detect('2025-08-19'), detect('2025-08-21') \g (format=unaligned tuples_only=on)
SELECT gone_since, ending FROM calib.deviation WHERE unit_id = 11;
INSERT INTO calib.source (source, stale_days) VALUES ('manual', 2);
SELECT detect('2025-08-25') \g /dev/null
SELECT gone_since, ending FROM calib.deviation WHERE unit_id = 11;
DELETE FROM calib.source;
SELECT detect('2025-08-27'), detect('2025-08-31'), detect('2025-09-01') \g (format=unaligned tuples_only=on)
SELECT gone_since, ending, ended_at FROM calib.deviation WHERE unit_id = 11;
-- the source that tells again ended at once
SELECT kind, ending, ended_at FROM calib.deviation WHERE unit_id <> 11;
ROLLBACK;
INSERT INTO calib.policy (valid_from, recover_days) VALUES ('2025-07-02', -1);
SET calib.clock = '2025-12-15 12:00+08';

-- 17. Refused.

SELECT calib.detect(NULL);
SELECT calib.detect('infinity');
SELECT calib.detect('2025-12-15 12:00:01+08');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT detect('2025-08-15');
ROLLBACK;
SET SESSION AUTHORIZATION boss;
SELECT calib.detect('2025-08-15');
SELECT calib.run_detect('2025-08-15');
SELECT count(*) FROM calib.loop_at('2025-08-15');
RESET SESSION AUTHORIZATION;
DROP OWNED BY north, boss;
DROP EXTENSION calib CASCADE;
DROP ROLE north, boss;
DROP FUNCTION visits(bigint, integer, date, integer, interval), earns(bigint, numeric, timestamptz), team(bigint, integer, numeric), detect(date);
