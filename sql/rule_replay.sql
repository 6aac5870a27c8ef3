-- Day by day and in one go at the end: for facts that are only added the same reminders
-- and reports. Facts of six weeks at random (a fixed seed), some recorded days after they
-- happened; rules of every kind; a leave, a holiday week, a rep who joins.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
SET calib.clock = '2025-09-14 09:00+08';
INSERT INTO calib.policy (valid_from, loop) VALUES ('2025-09-14', true);
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES (1, NULL, 'team', 'All', DEFAULT), (2, 1, 'rep', 'Li', DEFAULT), (3, 1, 'rep', 'Sun', DEFAULT), (4, 1, 'rep', 'Zhou', DEFAULT), (5, 1, 'rep', 'Ma', '[2025-10-01,)');
INSERT INTO calib.absence (unit_id, during) VALUES (3, '[2025-09-22,2025-09-29)');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT u, 'quarter', q, 1000 FROM generate_series(2, 5) u, unnest('{2025-07-01,2025-10-01}'::date[]) q;
UPDATE calib.rule SET enabled = true;
UPDATE calib.rule SET parameters = parameters || '{"n": 5}' WHERE rule = 'every_10th_contact';
INSERT INTO calib.rule (rule, kind, parameters, enabled, label_en, label_zh) VALUES
    ('stuck', 'stage_older_than', '{"stages": ["initial_contact"], "days": 10}', true, 'x', 'x'),
    ('few_visits', 'indicator_below', '{"indicator": "visits", "value": 4, "weeks": 1}', true, 'x', 'x'),
    ('no_money', 'result_missing', '{"measure": "collection", "days": 4}', true, 'x', 'x');
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT n, 2 + n % 4, 'customer ' || n, '2025-09-10 09:00+08' FROM generate_series(1, 12) n;

-- What happens, and when the database hears of it.
SELECT setseed(0.42);
CREATE TABLE own.fact AS
WITH at AS (
    SELECT n, t.occurred_at, t.occurred_at + CASE WHEN random() < 0.2 THEN random() * interval '6 days' ELSE random() * interval '2 hours' END AS recorded_at,
           1 + floor(random() * 12)::int AS customer
    FROM generate_series(1, 420) n CROSS JOIN LATERAL (SELECT '2025-09-15 08:00+08'::timestamptz + (random() + 0 * n) * interval '42 days' AS occurred_at) t
)
SELECT recorded_at AS at, n, CASE
    WHEN n <= 300 THEN format('INSERT INTO calib.activity (external_id, unit_id, customer_id, kind, occurred_at, recorded_at) VALUES (%L, %s, %s, %L, %L, %L)',
        n, 2 + customer % 4, customer, (ARRAY['visit', 'call', 'shelf_check'])[1 + n % 3], occurred_at, recorded_at)
    WHEN n <= 330 THEN format('INSERT INTO calib.result (external_id, unit_id, occurred_at, amount, recorded_at) VALUES (%L, %s, %L, %s, %L)', n, 2 + customer % 4, occurred_at, n, recorded_at)
    WHEN n <= 345 THEN format('INSERT INTO calib.customer (customer_id, unit_id, name, created_at) VALUES (%s, %s, %L, %L)', n, 2 + customer % 4, 'new ' || n, recorded_at)
    ELSE format('INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, stage_since, created_at) VALUES (%s, %s, %s, ''initial_contact'', %L, %L)', n, customer, 2 + customer % 4, recorded_at, recorded_at)
    END AS statement
FROM at;
INSERT INTO own.fact
SELECT f.at + interval '9 days', 1000 + f.n, CASE f.n % 3
    WHEN 0 THEN format('UPDATE calib.opportunity SET stage = %L, stage_since = %L WHERE opportunity_id = %s', (SELECT s.stage FROM calib.stage s WHERE NOT s.early ORDER BY s.position LIMIT 1), f.at + interval '9 days', f.n)
    ELSE format('UPDATE calib.opportunity SET outcome = ''lost'', closed_at = %L WHERE opportunity_id = %s', f.at + interval '9 days', f.n) END
FROM own.fact f WHERE f.n > 345 AND f.n % 3 < 2;

CREATE FUNCTION own.tell(from_at timestamptz, to_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT * FROM own.fact o WHERE o.at > from_at AND o.at <= to_at ORDER BY o.at, o.n LOOP
        EXECUTE f.statement;
    END LOOP;
END $$;
-- Every tick of the two jobs in order, each once or twice; now is the tick, or the end.
CREATE FUNCTION own.play(as_it_happens boolean, times integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before timestamptz := '-infinity';
    last timestamptz := '2025-10-27 16:00+08';
    tick record;
BEGIN
    PERFORM set_config('calib.clock', last::text, true);
    IF NOT as_it_happens THEN
        PERFORM own.tell('-infinity', last);
    END IF;
    FOR tick IN
        SELECT d + t.at AS at, t.job FROM generate_series('2025-09-15 00:00+08'::timestamptz, '2025-10-27 00:00+08', interval '1 day') d,
            (VALUES (interval '7 hours 30 minutes', 'rules'), (interval '16 hours', 'weekly_report')) t (at, job) ORDER BY 1
    LOOP
        IF as_it_happens THEN
            PERFORM set_config('calib.clock', tick.at::text, true), own.tell(before, tick.at);
        END IF;
        FOR n IN 1 .. times LOOP
            IF tick.job = 'rules' THEN
                PERFORM calib.run_rules(tick.at);
            ELSE
                PERFORM calib.run_weekly_report(tick.at);
            END IF;
        END LOOP;
        before := tick.at;
    END LOOP;
END $$;
CREATE VIEW own.made AS
SELECT r.rule, to_jsonb(r) - 'reminder_id' AS what FROM calib.reminder r
UNION ALL SELECT 'report', to_jsonb(r) - 'report_id' FROM calib.report r
UNION ALL SELECT 'activity', to_jsonb(a) - 'external_id' FROM calib.activity a WHERE a.source = 'report';

BEGIN;
SELECT own.play(true, 1);
-- something of every kind
SELECT rule, count(*) > 2 AS several FROM own.made GROUP BY 1 ORDER BY 1;
SELECT md5(string_agg(what::text, ' ' ORDER BY what::text)) AS day_by_day, count(*) AS rows FROM own.made \gset
ROLLBACK;
BEGIN;
SELECT own.play(false, 1);
SELECT md5(string_agg(what::text, ' ' ORDER BY what::text)) = :'day_by_day' AS the_same, count(*) = :rows AS as_many FROM own.made;
-- once more over all of it: nothing new
SELECT sum(calib.run_rules(d + interval '7 hours 30 minutes') + calib.run_weekly_report(d + interval '16 hours')) AS new
FROM generate_series('2025-09-15 00:00+08'::timestamptz, '2025-10-26 00:00+08', interval '1 day') d;
ROLLBACK;
BEGIN;
SELECT own.play(true, 2);
SELECT md5(string_agg(what::text, ' ' ORDER BY what::text)) = :'day_by_day' AS twice_the_same FROM own.made;
ROLLBACK;
-- no report of the week Sun was away, nor of Ma before he joined on 1 October, a holiday: his first week is that of the 6th
BEGIN;
SELECT own.play(false, 1);
SELECT u.name, string_agg(to_char(r.week, 'MM-DD') || to_char(r.created_at, ' Dy'), ', ' ORDER BY r.week) FROM calib.report r JOIN calib.unit u USING (unit_id) GROUP BY 1 ORDER BY 1;
ROLLBACK;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
