-- Acts: what people do about deviations, and what the filings of adjustments and
-- requests answer by themselves.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 3, 'rep', 'Li'), (5, 2, 'team', 'Jiangsu'), (6, 1, 'region', 'North');
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('li', 'rep', 4), ('chen', 'manager', 3), ('east', 'manager', 2), ('north', 'manager', 6), ('admin east', 'manager', 2),
    ('risk', 'risk', NULL), ('hr', 'hr', NULL), ('bi', 'viewer', NULL);
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'single');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'competitor_price_notice', 'Price cut of 15 %', 'https://example.com/notice', '2025-10-14');
INSERT INTO calib.target (target_id, unit_id, measure, product_line, grain, period_start, original_value) VALUES
    (1, 3, 'collection', '', 'quarter', '2025-10-01', 100), (2, 3, 'collection', 'water', 'quarter', '2025-10-01', 100),
    (3, 3, 'sellout', '', 'quarter', '2025-10-01', 100), (4, 3, 'collection', '', 'month', '2025-12-01', 100), (5, 5, 'collection', '', 'quarter', '2025-10-01', 100);
SELECT calib.publish_targets('2025-12-01') \g /dev/null
-- a call by a person: its result, or how it was refused
CREATE FUNCTION try(who text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM set_config('calib.actor', coalesce(who, ''), false);
    EXECUTE 'SELECT calib.' || call INTO result;
    PERFORM set_config('calib.actor', '', false);
    RETURN coalesce('ok ' || nullif(result, ''), 'ok');
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('calib.actor', '', false);
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
INSERT INTO calib.deviation (deviation_id, unit_id, measure, kind, period_start, detected_at) VALUES
    (1, 3, 'collection', 'execution', '2025-10-01', '2025-10-13 09:00+08'), (2, 3, 'collection', 'environment', '2025-10-01', '2025-10-13 09:00+08'),
    (3, 3, 'collection', 'windfall', '2025-10-01', '2025-10-13 09:00+08'), (4, 3, 'collection', 'low_conversion', '2025-10-01', '2025-10-15 09:00:01+08');
ALTER SEQUENCE calib.deviation_deviation_id_seq RESTART 10;

-- By hand: managers and admins over the unit; a note where the action does not say all.
SELECT who, try(who, 'act(1, ''coaching'', ''Rode along for a day'')') FROM unnest('{li,north,risk,hr,bi,nobody}'::text[]) who;
SELECT call, try('chen', call) FROM unnest(ARRAY['act(1, ''coaching'')', 'act(1, ''coaching'', '' '')', 'act(1, ''other'', NULL)', 'act(1, ''shouting'', ''x'')', 'act(1, NULL, ''x'')',
    'act(404, ''retiering'')', 'act(NULL, ''retiering'')', 'act(4, ''retiering'')', 'dismiss(1, '''')', 'dismiss(1, NULL)', 'dismiss(4, ''x'')']) call;
SELECT try('chen', 'act(1, ''coaching'', ''Rode along for a day'')'), try('east', 'act(3, ''retiering'')'), try('east', 'dismiss(2, ''Known since August'')');
SELECT deviation_id, ending, acted_at, ended_at, action, acted_by, ended_by, note FROM calib.deviation ORDER BY deviation_id;
-- what has ended is answered, not ended again
SELECT call, try('chen', call) FROM unnest(ARRAY['act(1, ''retiering'')', 'dismiss(1, ''x'')', 'act(2, ''retiering'')', 'comment_deviation(1, ''It helped'')']) call;
\set VERBOSITY default
SELECT calib.act(1, 'retiering');
\set VERBOSITY terse
-- nobody but a superuser writes the table, and what he writes is of one piece
INSERT INTO calib.deviation (unit_id, kind, period_start, action) VALUES (3, 'x', '2025-10-01', 'other');
INSERT INTO calib.deviation (unit_id, kind, period_start, units) VALUES (3, 'x', '2025-10-01', '{}');
INSERT INTO calib.deviation (unit_id, kind, period_start, units) VALUES (3, 'x', '2025-10-01', '{NULL}');
SELECT action, old_row ->> 'ending' AS before, new_row ->> 'ending' AS after, person FROM calib.audit WHERE relation = 'calib.deviation' AND action = 'UPDATE' ORDER BY audit_id;

-- Filings. What answers what stands in one list.
SELECT * FROM calib.action_answers();
DELETE FROM calib.deviation WHERE deviation_id = 4;
CREATE VIEW ended AS
SELECT array_agg(figures ->> 'is' ORDER BY deviation_id) FILTER (WHERE ending IS NOT NULL) AS ended,
       array_agg(figures ->> 'is' ORDER BY deviation_id) FILTER (WHERE ending IS NULL) AS open
FROM calib.deviation WHERE deviation_id >= 10;
-- One of each kind of Zhejiang's; one that East carries for it; others that an adjustment
-- of Zhejiang's quarter does not answer.
CREATE FUNCTION open_all() RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.deviation (unit_id, measure, product_line, grain, period_start, kind, subject, units, observed, detected_at, figures)
    SELECT unit_id, measure, product_line, grain, period_start::date, kind, subject, units::bigint[], observed, detected_at::timestamptz, jsonb_build_object('is', name)
    FROM (VALUES
        (3, 'collection', '', 'quarter', '2025-10-01', 'environment', '', NULL, false, '2025-10-14', 'environment'),
        (3, 'collection', '', 'quarter', '2025-10-01', 'execution', '', NULL, false, '2025-10-14', 'execution'),
        (3, 'collection', '', 'quarter', '2025-10-01', 'windfall', '', NULL, false, '2025-10-14', 'windfall'),
        (3, 'collection', '', 'quarter', '2025-10-01', 'low_conversion', '', NULL, false, '2025-10-14', 'conversion'),
        (3, '', '', 'quarter', '2025-10-01', 'shallow_coverage', '', NULL, false, '2025-10-14', 'shallow'),
        (3, '', '', 'quarter', '2025-10-01', 'stale_source', 'erp', NULL, false, '2025-10-14', 'stale'),
        (3, '', '', 'quarter', '2025-10-01', 'rule', 'r', NULL, false, '2025-10-14', 'rule'),
        (2, 'collection', '', 'quarter', '2025-10-01', 'environment', '', '{3,5}', false, '2025-10-14', 'East for it'),
        (2, 'collection', '', 'quarter', '2025-10-01', 'execution', '', '{5}', false, '2025-10-14', 'East for another'),
        (2, 'collection', '', 'quarter', '2025-10-01', 'windfall', '', NULL, false, '2025-10-14', 'East'),
        (5, 'collection', '', 'quarter', '2025-10-01', 'environment', '', NULL, false, '2025-10-14', 'Jiangsu'),
        (3, 'collection', '', 'month', '2025-10-01', 'environment', '', NULL, false, '2025-10-14', 'October'),
        (3, 'collection', '', 'month', '2025-09-01', 'environment', '', NULL, false, '2025-10-14', 'September'),
        (3, 'collection', 'water', 'quarter', '2025-10-01', 'environment', '', NULL, false, '2025-10-14', 'water'),
        (3, 'sellout', '', 'quarter', '2025-10-01', 'environment', '', NULL, false, '2025-10-14', 'sellout'),
        (3, 'collection', '', 'quarter', '2025-10-01', 'environment', '', NULL, true, '2025-10-14', 'observed'),
        (3, 'collection', '', 'year', '2025-01-01', 'environment', '', NULL, false, '2025-10-17', 'not yet')
    ) v (unit_id, measure, product_line, grain, period_start, kind, subject, units, observed, detected_at, name) $$;
SELECT open_all();
SELECT try('chen', 'submit_adjustment(1, 95, ''The rival cut prices'', ''{1}'')');
SELECT * FROM ended;  -- submitted is not filed
SET calib.clock = '2025-10-16 10:00+08';
SELECT try('east', 'approve_adjustment(1)'), try('hr', 'file_adjustment(1)');
SELECT * FROM ended;
SELECT DISTINCT ending, action, acted_at, ended_at, acted_by, ended_by, note FROM calib.deviation WHERE deviation_id >= 10 AND ending IS NOT NULL;
DELETE FROM calib.deviation WHERE deviation_id >= 10;
-- of December's month: what overlaps it
SET calib.clock = '2025-10-16 11:00+08';
SELECT open_all(), try('chen', 'submit_adjustment(4, 95, ''The rival cut prices'', ''{1}'')'), try('hr', 'file_adjustment(2)');
SELECT * FROM ended;
DELETE FROM calib.deviation WHERE deviation_id >= 10;
-- a request: of the unit, or of the one it takes from
SELECT open_all(), try('chen', 'submit_request(3, ''promotion_budget'', 1000, ''New retail'')'), try('hr', 'file_request(1)');
SELECT * FROM ended;
DELETE FROM calib.deviation WHERE deviation_id >= 10;
SELECT open_all(), try('east', 'submit_request(5, ''move_people'', 2, ''New retail'', from_unit => 3)'), try('hr', 'file_request(2)');
SELECT * FROM ended;
DELETE FROM calib.deviation WHERE deviation_id >= 10;
-- re-tiering comes from whoever records it
SELECT open_all(), calib.act_on('{3}', 'retiering', NULL, NULL, NULL, NULL, calib.clock(), 'chen', 'Shop 4 is an A');
SELECT * FROM ended;
-- coaching answers what it names and nothing else; nobody: nothing
SELECT calib.act_on('{5}', 'coaching', NULL, NULL, NULL, NULL, calib.clock(), 'chen', 'x'), calib.act_on(NULL, 'request', NULL, NULL, NULL, NULL, calib.clock(), 'chen', 'x');
DELETE FROM calib.deviation WHERE deviation_id >= 10;
-- rejected and withdrawn answer nothing; a plain UPDATE under approval none is filed at once
SELECT open_all(), try('chen', 'submit_adjustment(5, 95, ''why'', ''{1}'')'), try('east', 'submit_adjustment(5, 95, ''why'', ''{1}'')'), try('hr', 'reject_adjustment(3, ''no'')');
SELECT * FROM ended;
SET calib.clock = '2025-10-17 10:00+08';
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (5, '2025-10-17', 'none');
SET calib.evidence = '1';
SET calib.reason = 'The rival cut prices';
UPDATE calib.target SET value = 95 WHERE target_id = 5;
SELECT * FROM ended;
-- A detection answers what the trigger could not see: filed at a time past, between
-- detection and the next one (days that are caught up with).
DELETE FROM calib.deviation WHERE deviation_id >= 10;
INSERT INTO calib.deviation (unit_id, measure, kind, period_start, detected_at, figures) VALUES
    (5, 'collection', 'environment', '2025-10-01', '2025-10-17 09:59+08', '{"is": "before the filing"}'),
    (5, 'collection', 'execution', '2025-10-01', '2025-10-17 10:00:01+08', '{"is": "after it"}');
SET calib.clock = '2025-10-18 12:00+08';
SELECT calib.detect('2025-10-17 07:00+08');
SELECT * FROM ended;
SELECT calib.detect('2025-10-18 07:00+08');
SELECT * FROM ended;
SELECT ending, action, acted_at, acted_by = session_user AS by_the_login, note FROM calib.deviation WHERE kind = 'environment' AND unit_id = 5;
SELECT as_of, opened, acted, recovered FROM calib.detection;
-- A reminder ends with its deviation.
SELECT calib.remind(calib.reminder_key(d), d.unit_id, 'manager', 'deviation', 'execution', '{}', d.detected_at, NULL) FROM calib.deviation d WHERE d.ending IS NULL AND deviation_id >= 10 \g /dev/null
SELECT key, done_at FROM calib.reminder;
SELECT try('east', format('dismiss(%s, ''Known'')', deviation_id)) FROM calib.deviation WHERE ending IS NULL AND deviation_id >= 10;
SELECT key, done_at, done_by, note FROM calib.reminder;
DROP EXTENSION calib CASCADE;
DROP FUNCTION try(text, text), open_all();
