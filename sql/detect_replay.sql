-- Days played one by one and days caught up with open and end the same deviations, and
-- make the same reminders; and every number in a reason can be found again.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';

-- Three regions of five teams with one rep each.
SET calib.clock = '2025-03-25 08:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North'), (4, 1, 'region', 'West');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT n, CASE WHEN n <= 15 THEN 2 WHEN n <= 20 THEN 3 ELSE 4 END, 'team', 'Team ' || n FROM generate_series(11, 25) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 100 + n, n, 'rep', 'Rep ' || n FROM generate_series(11, 25) n;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT n, 'quarter', q::date, 100 FROM generate_series(11, 25) n, unnest('{2025-04-01,2025-07-01}'::date[]) q;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT 100 + n, 'quarter', '2025-07-01', 100 FROM generate_series(11, 25) n;
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT n, 'month', '2025-08-01', 33 FROM generate_series(11, 25) n;
-- customers from 301 on are new
INSERT INTO calib.customer (customer_id, name, created_at) SELECT n, 'Customer ' || n, CASE WHEN n <= 300 THEN timestamptz '2024-01-01' ELSE '2025-07-02' END FROM generate_series(1, 610) n;
INSERT INTO calib.benchmark (conversion, valid_from) VALUES (0.15, '2025-01-01');
INSERT INTO calib.policy (valid_from, loop) VALUES ('2025-07-01', true);
INSERT INTO calib.source (source, stale_days) VALUES ('chat', 7);
INSERT INTO calib.rule (rule, kind, parameters, enabled, makes, duty, label_en, label_zh)
VALUES ('no_money', 'result_missing', '{"measure": "collection", "days": 8}', true, 'deviation', 'manager', 'No money', '无回款');

-- What everybody does a day: two visits, one of them to a new customer, and 1.6; of a
-- target of 100 in 67 working days 1.49 is a pace of 1. What some do instead:
-- 11 works densely for little and catches up (78 after 49 days on 8 September: 1.066; a refund
-- of 4 is known on the 12th, 77.5 after 53: 0.980; on the 16th it has 91.5);
-- 12 to 14 fall silent, one after the other;
-- 15 is not paid any more; 16 keeps to old customers and wins nothing; 17 wins little,
-- and is paid; 18 is paid much for little work, as in the quarter before; 19 stays in first
-- contact; West is paid less, all of it.
CREATE TABLE day AS
SELECT n AS team, d::date AS day,
       CASE n WHEN 11 THEN 4 WHEN 12 THEN CASE WHEN d < '2025-07-25' THEN 1 ELSE 0 END WHEN 13 THEN CASE WHEN d < '2025-07-22' THEN 1 ELSE 0 END
              WHEN 14 THEN CASE WHEN d < '2025-07-18' THEN 1 ELSE 0 END WHEN 18 THEN 1 ELSE 2 END AS visits,
       CASE WHEN n = 11 THEN CASE WHEN d < '2025-08-20' THEN 1.0 WHEN d = '2025-09-08' THEN -4.0 ELSE 3.5 END WHEN n IN (12, 13, 14) THEN 1.0
            WHEN n = 15 THEN CASE WHEN d < '2025-08-12' THEN 1.6 ELSE 0 END WHEN n = 16 THEN 1.3 WHEN n = 18 THEN 2.2
            WHEN n > 20 AND d >= '2025-07-01' THEN CASE WHEN d < '2025-09-05' THEN 1.2 ELSE 4.0 END ELSE 1.6 END AS paid
FROM generate_series(11, 25) n, generate_series('2025-04-02', '2025-09-20', interval '1 day') d;
CREATE TABLE fact (kind text, recorded_at timestamptz, occurred_at timestamptz, team bigint, customer bigint, source text, amount numeric);
-- one visit in nine is entered five days later, money is known after one to three days
INSERT INTO fact
SELECT 'visit', at + CASE WHEN (d.team + d.day - '2025-01-01' + v) % 9 = 0 THEN interval '5 days' ELSE interval '1 hour' END, at, d.team,
       CASE WHEN d.team = 19 AND d.day >= '2025-09-01' THEN 601 + (d.day - '2025-09-01' + 5 * v) % 10 ELSE
       CASE WHEN v % 2 = 0 AND d.team <> 16 AND d.day > '2025-07-02' THEN 301 ELSE 1 END + (d.day - '2025-01-01' + 37 * v + d.team) % 300 END, 'manual', NULL
FROM day d, generate_series(1, d.visits) v, LATERAL (SELECT d.day::timestamptz + interval '9 hours' + v * interval '1 hour' AS at) a
UNION ALL
SELECT 'result', at + (1 + d.team % 3) * interval '1 day', at, d.team, NULL, 'manual', d.paid
FROM day d, LATERAL (SELECT d.day::timestamptz + interval '15 hours' AS at) a
WHERE d.paid <> 0 AND calib.working_days(d.day, d.day + 1) = 1
UNION ALL
SELECT 'quote', d::timestamptz + interval '12 hours', d::timestamptz + interval '11 hours', 21, 5, 'chat', NULL
FROM generate_series('2025-07-01', '2025-09-20', interval '1 day') d WHERE d NOT BETWEEN '2025-08-10' AND '2025-08-25';
CREATE TABLE deal AS
SELECT 1000 * t + n AS id, t AS team, timestamptz '2025-07-03 09:00+08' + n * interval '1 day' AS created_at,
       timestamptz '2025-07-10 09:00+08' + n * interval '1 day' AS closed_at,
       CASE WHEN n % 5 = 0 AND (t NOT IN (16, 17) OR n = 5) THEN 'won' ELSE 'lost' END AS outcome
FROM generate_series(11, 25) t, generate_series(1, 30) n;

-- The facts known by a time that were not there yet.
CREATE FUNCTION bring(since timestamptz, until timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.activity (unit_id, customer_id, source, kind, occurred_at, recorded_at)
    SELECT 100 + team, customer, source, kind, occurred_at, recorded_at FROM fact WHERE kind <> 'result' AND recorded_at > since AND recorded_at <= until;
    INSERT INTO calib.result (unit_id, occurred_at, recorded_at, amount)
    SELECT 100 + team, occurred_at, recorded_at, amount FROM fact WHERE kind = 'result' AND recorded_at > since AND recorded_at <= until;
    INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, stage_since, outcome, created_at)
    SELECT id, NULL, 100 + team, 'proposal', created_at, 'open', created_at FROM deal WHERE created_at > since AND created_at <= until;
    -- the customers whom Rep 19 visits in September
    INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, stage_since, outcome, created_at)
    SELECT customer, customer, 119, 'initial_contact', '2025-08-05', 'open', '2025-08-05'
    FROM (SELECT DISTINCT customer FROM fact WHERE team = 19 AND kind = 'visit' AND occurred_at >= '2025-09-01') f
    WHERE timestamptz '2025-08-05' > since AND timestamptz '2025-08-05' <= until;
    UPDATE calib.opportunity o SET outcome = d.outcome, closed_at = d.closed_at
    FROM deal d WHERE d.id = o.opportunity_id AND d.closed_at > since AND d.closed_at <= until;
$$;
CREATE TABLE tick AS SELECT d + interval '7 hours' AS at, lag(d + interval '7 hours', 1, '-infinity') OVER (ORDER BY d) AS before FROM generate_series(timestamptz '2025-07-14', '2025-09-20', '4 days') d;
-- What was done, without ids.
CREATE FUNCTION done() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'deviations', (SELECT jsonb_agg(to_jsonb(d) - 'deviation_id' ORDER BY d.detected_at, d.unit_id, d.kind, d.grain, d.subject) FROM calib.deviation d),
        'reminders', (SELECT jsonb_agg(to_jsonb(r) - 'reminder_id' ORDER BY r.key) FROM calib.reminder r),
        'detections', (SELECT jsonb_agg(to_jsonb(n) ORDER BY n.as_of) FROM calib.detection n)) $$;

-- 1. Day by day, then all at once: the same.
CREATE TABLE outcome (way text, done jsonb);
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM tick ORDER BY at LOOP
        PERFORM set_config('calib.clock', t.at::text, false);
        PERFORM bring(t.before, t.at);
        PERFORM calib.detect(t.at);
    END LOOP;
    INSERT INTO outcome VALUES ('day by day', done());
END $$;
CREATE TABLE kept AS SELECT * FROM calib.deviation;
SELECT count(*) AS deviations, count(*) FILTER (WHERE ending = 'recovered') AS recovered, count(*) FILTER (WHERE units IS NOT NULL) AS folded,
       string_agg(DISTINCT reason_code, ' ' ORDER BY reason_code) AS reasons
FROM kept;
BEGIN;
DELETE FROM calib.deviation; DELETE FROM calib.detection;
SET LOCAL calib.restoring = on;
DELETE FROM calib.reminder; DELETE FROM calib.activity; DELETE FROM calib.result; DELETE FROM calib.result_sum; DELETE FROM calib.stage_change; DELETE FROM calib.opportunity;
SET LOCAL calib.restoring = off;
SET LOCAL calib.clock = '2025-09-20 12:00+08';
SELECT bring('-infinity', '2025-09-20 07:00+08') \g /dev/null
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM tick ORDER BY at LOOP
        PERFORM calib.detect(t.at);
    END LOOP;
    INSERT INTO outcome VALUES ('at once', done());
END $$;
SELECT count(*) = 2 AS both, count(DISTINCT done -> 'deviations') = 1 AS same_deviations, count(DISTINCT done -> 'reminders') = 1 AS same_reminders,
       count(DISTINCT done -> 'detections') = 1 AS same_detections, min(jsonb_array_length(done -> 'reminders')) > 0 AS reminded
FROM outcome;
-- a day a second time changes nothing
SELECT sum(calib.detect(at)) FROM tick;
SELECT done() = (SELECT done FROM outcome WHERE way = 'at once') AS unchanged;
COMMIT;
SELECT unit_id AS unit, kind, subject, grain, detected_at::date AS detected, gone_since::date AS gone, ending, ended_at::date AS ended, reason_code, units FROM kept ORDER BY deviation_id;

-- 2. Every number in a reason can be found again, in a view or figure of calib as of then.
-- What the sentences say, by their placeholders:
CREATE TABLE said AS
SELECT k.deviation_id, k.reason_code, p.name[1] AS name, k.reason_args ->> p.name[1] AS value
FROM kept k JOIN calib.reason r ON r.code = k.reason_code
CROSS JOIN LATERAL regexp_matches(r.en, '\{([a-z_]+)%?\}', 'g') AS p (name);
-- and what is found, for each deviation and name:
CREATE TABLE found AS
WITH diagnosed AS MATERIALIZED (
    SELECT k.deviation_id, k.unit_id AS looked_at, k.kind AS called, d.*, p.attainment_floor, p.ramp_weeks, p.min_elapsed_share
    FROM kept k
    CROSS JOIN LATERAL calib.diagnose_period(k.detected_at, k.grain, k.period_start, k.detected_at) d
    JOIN calib.policy_at(k.detected_at::date) p ON p.unit_id = d.unit_id
    WHERE k.measure <> '' AND d.measure = k.measure AND d.product_line = k.product_line
), own AS (
    SELECT * FROM diagnosed WHERE unit_id = looked_at
), below AS (
    SELECT * FROM diagnosed WHERE parent_id = looked_at AND pace IS NOT NULL
), before AS (
    SELECT b.deviation_id, sum(w.weighted) / sum(r.rep_weeks) AS density
    FROM below b
    JOIN LATERAL calib.behavior_in(calib.start_of(b.period_start - 91), calib.start_of(b.period_start)) w ON w.unit_id = b.unit_id AND w.product_line = ''
    JOIN LATERAL calib.rep_weeks_in(calib.start_of(b.period_start - 91), calib.start_of(b.period_start)) r ON r.unit_id = b.unit_id
    GROUP BY b.deviation_id
), shallow AS (
    SELECT k.deviation_id, s.*, p.shallow_days, p.shallow_share
    FROM kept k
    JOIN LATERAL calib.shallow_coverage_in(k.detected_at - interval '7 days', k.detected_at) s ON s.unit_id = k.unit_id
    JOIN calib.policy_at(k.detected_at::date) p ON p.unit_id = k.unit_id
    WHERE k.kind = 'shallow_coverage'
), stale AS (
    SELECT k.deviation_id, k.subject, k.detected_at::date - max(a.occurred_at)::date AS days, s.stale_days
    FROM kept k JOIN calib.source s ON s.source = k.subject JOIN calib.activity a ON a.source = k.subject AND a.recorded_at <= k.detected_at
    WHERE k.kind = 'stale_source'
    GROUP BY 1, 2, 4, k.detected_at
), paid AS (
    SELECT k.deviation_id, u.name, max(r.occurred_at)::date AS last_day, k.detected_at::date AS today, (l.parameters ->> 'days') AS days, l.parameters ->> 'measure' AS measure
    FROM kept k JOIN calib.unit u USING (unit_id) JOIN calib.unit_tree t ON t.ancestor_id = k.unit_id
    JOIN calib.result r ON r.unit_id = t.unit_id AND r.recorded_at <= k.detected_at
    JOIN calib.rule l ON l.rule = split_part(k.subject, ':', 1)
    WHERE k.kind = 'rule'
    GROUP BY 1, 2, 5, 6, k.detected_at
)
SELECT o.deviation_id, v.name, v.value
FROM own o, LATERAL (VALUES ('pace', round(o.pace, 4)::text), ('floor', o.attainment_floor::text), ('index', round(o.density_index::numeric, 2)::text),
    ('conversion', round(o.conversion, 4)::text), ('benchmark', o.benchmark::text), ('peer_conversion', round(o.peer_conversion, 4)::text), ('worked', o.worked::text),
    ('existing_share', round(o.existing_share, 4)::text), ('peer_existing_share', round(o.peer_existing_share, 4)::text),
    ('concentration', round(o.concentration::numeric, 4)::text), ('peer_concentration', round(o.peer_concentration::numeric, 4)::text),
    ('basis_en', CASE o.peer_basis WHEN 'peers' THEN o.peers || ' peers' ELSE 'its own 13 weeks before' END)) v (name, value)
UNION ALL
SELECT o.deviation_id, 'previous_pace', round(p.pace, 4)::text
FROM own o JOIN LATERAL calib.attainment_at((SELECT detected_at FROM kept k WHERE k.deviation_id = o.deviation_id), (SELECT detected_at FROM kept k WHERE k.deviation_id = o.deviation_id)) p
  ON p.unit_id = o.unit_id AND p.measure = o.measure AND p.product_line = o.product_line AND p.grain = o.grain AND p.period_end = o.period_start
UNION ALL
SELECT b.deviation_id, v.name, v.value
FROM (SELECT b.deviation_id, count(*) AS children, count(*) FILTER (WHERE b.pace < b.attainment_floor) AS missing,
             sum(b.density::numeric * b.rep_weeks) / sum(b.rep_weeks) AS density,
             count(*) FILTER (WHERE b.signal = 'strong' AND b.quadrant = b.called) AS calling,
             string_agg(b.unit_name, ', ' ORDER BY b.unit_id) FILTER (WHERE b.signal = 'strong' AND b.quadrant = b.called) AS names
      FROM below b GROUP BY b.deviation_id) b JOIN before w USING (deviation_id),
     LATERAL (VALUES ('children', b.children::text), ('missing', b.missing::text), ('group_density', round(b.density, 2)::text), ('group_before', round(w.density, 2)::text),
                     ('calling', b.calling::text), ('names', b.names)) v (name, value)
UNION ALL
SELECT s.deviation_id, v.name, v.value
FROM shallow s, LATERAL (VALUES ('visited', s.visited::text), ('stuck', s.stuck::text), ('share', round(s.share, 4)::text), ('days', s.shallow_days::text), ('line', s.shallow_share::text)) v (name, value)
UNION ALL
SELECT s.deviation_id, v.name, v.value FROM stale s, LATERAL (VALUES ('source', s.subject), ('days', s.days::text), ('limit', s.stale_days::text)) v (name, value)
UNION ALL
SELECT p.deviation_id, v.name, v.value
FROM paid p, LATERAL (VALUES ('unit', p.name), ('measure', p.measure), ('last_day', p.last_day::text), ('limit', p.days), ('days', calib.working_days(p.last_day + 1, p.today)::text)) v (name, value);
SELECT s.reason_code, count(*) AS said, count(*) FILTER (WHERE f.value = s.value) AS found, string_agg(DISTINCT s.name, ' ' ORDER BY s.name) AS what
FROM said s LEFT JOIN found f USING (deviation_id, name) GROUP BY s.reason_code ORDER BY s.reason_code;
-- none but those
SELECT s.*, f.value AS found FROM said s LEFT JOIN found f USING (deviation_id, name) WHERE f.value IS DISTINCT FROM s.value;
-- and none is left out of a sentence, in either language
SELECT count(*) AS sentences FROM kept k, unnest('{en,zh}'::text[]) l WHERE calib.reason_text(k.reason_code, k.reason_args, l) ~ '[{}]' OR calib.reason_text(k.reason_code, k.reason_args, l) IS NULL;
DROP EXTENSION calib CASCADE;
DROP TABLE day, fact, deal, tick, outcome, kept, said, found;
DROP FUNCTION bring(timestamptz, timestamptz), done();
