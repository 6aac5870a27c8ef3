-- Closing a meeting: everything accepted is carried out, or nothing is. The data are
-- those of meeting.sql, which says what they are.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
-- A call by a person: its result, or how it was refused.
CREATE FUNCTION own.try(who text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
BEGIN
    PERFORM set_config('calib.actor', coalesce(who, ''), false);
    EXECUTE 'SELECT calib.' || call INTO result;
    PERFORM set_config('calib.actor', '', false);
    RETURN coalesce('ok ' || nullif(result, ''), 'ok');
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('calib.actor', '', false);
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;

-- East meets in November about December. November has 20 working days, 13 of them before
-- the 20th: 0.65 of it has passed. The fourth quarter has 61 (18 in October), 31 passed.
SET calib.clock = '2025-09-30 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (7, 1, 'region', 'North'),
    (3, 2, 'team', 'Zhejiang'), (4, 2, 'team', 'Jiangsu'), (5, 2, 'team', 'Anhui'), (6, 2, 'team', 'Fujian'), (8, 7, 'team', 'Beijing'),
    (13, 3, 'rep', 'Li'), (14, 4, 'rep', 'Qian'), (15, 5, 'rep', 'Sun'), (16, 6, 'rep', 'Zhou'), (18, 8, 'rep', 'Wu');
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (1, '2025-10-01', true);
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('li', 'manager', 2), ('north', 'manager', 7), ('zhejiang', 'manager', 3), ('wang', 'risk', NULL), ('zhao', 'hr', NULL),
    ('viewer', 'viewer', NULL), ('rep', 'rep', 13);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT 100 * m + u, u, 'month', make_date(2025, m, 1), CASE WHEN m < 12 THEN 100 WHEN u = 4 THEN 1234 ELSE 1000 END
FROM generate_series(10, 12) m, unnest('{3,4,5,6,8}'::bigint[]) u
UNION ALL SELECT u, u, 'quarter', '2025-10-01', 300 FROM unnest('{3,4,5,6,8}'::bigint[]) u;
SELECT calib.publish_targets('2025-10-01'), calib.publish_targets('2025-11-01'), calib.publish_targets('2025-12-01');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 'Prices', 'https://example.com/1', '2025-09-30');
ALTER SEQUENCE calib.evidence_evidence_id_seq RESTART 10;
-- nobody's customers, to be visited: 201 and 202 all that Fujian knows
INSERT INTO calib.customer (customer_id, name, created_at) SELECT n, 'shop ' || n, '2025-01-01' FROM generate_series(101, 202) n;
SET calib.clock = '2025-11-20 09:00+08';
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT u, CASE u WHEN 16 THEN 201 + n % 2 ELSE 100 + n END, 'visit', at, at + interval '1 hour'
FROM (VALUES (13, 40), (14, 40), (15, 10), (16, 20), (18, 20)) v (u, visits)
CROSS JOIN LATERAL generate_series(1, v.visits) n
CROSS JOIN LATERAL (SELECT timestamptz '2025-11-02 10:00' + make_interval(days => n / 2 % 17) AS at) t;
-- October and November: Zhejiang 80 and 57.2, Jiangsu 90 and 57.2, Anhui 120 and 78, Fujian 40 and 65
INSERT INTO calib.result (unit_id, occurred_at, amount, recorded_at)
SELECT u, make_date(2025, m, 10), amount, make_date(2025, m, 11)
FROM (VALUES (13, 10, 80), (14, 10, 90), (15, 10, 120), (16, 10, 40), (18, 10, 100),
             (13, 11, 57.2), (14, 11, 57.2), (15, 11, 78), (16, 11, 65), (18, 11, 65)) v (u, m, amount);
-- Fujian wins 2 of 25, the others 5 of 25; the benchmark is 15 %
INSERT INTO calib.benchmark (conversion) VALUES (0.15);
INSERT INTO calib.opportunity (unit_id, outcome, created_at, closed_at)
SELECT u, CASE WHEN n <= won THEN 'won' ELSE 'lost' END, '2025-10-10', '2025-11-10'
FROM (VALUES (16, 2), (13, 5), (18, 5)) v (u, won), generate_series(1, 25) n;
-- customers of East: 500 200 150 50 50 50 in September, seven of them misplaced
INSERT INTO calib.customer (customer_id, unit_id, name, tier, created_at) VALUES
    (1, 13, 'one', 'B', '2025-01-01'), (2, 13, 'two', 'A', '2025-01-01'), (3, 13, 'three', 'A', '2025-01-01'), (4, 14, 'four', 'C', '2025-01-01'),
    (5, 14, 'five', 'B', '2025-01-01'), (6, 15, 'six', 'A', '2025-01-01'), (7, 15, 'seven', 'B', '2025-01-01'), (8, 16, 'eight', 'A', '2025-01-01'),
    (9, 16, 'nine', 'B', '2025-01-01'), (10, 18, 'ten', 'C', '2025-01-01');
INSERT INTO calib.result (customer_id, unit_id, occurred_at, amount, recorded_at)
SELECT c, u, '2025-09-10', amount, '2025-09-11'
FROM (VALUES (1, 13, 500), (2, 13, 200), (3, 13, 150), (4, 14, 50), (5, 14, 50), (6, 15, 50), (10, 18, 9)) v (c, u, amount);
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT 15, 7, 'visit', timestamptz '2025-08-21 10:00' + make_interval(days => 4 * n), '2025-09-30' FROM generate_series(0, 12) n;
-- requests: one by the region's manager, one by a team's
SELECT own.try('li', 'submit_request(4, ''samples'', 10, ''states none'', cost => 10)') AS li, own.try('zhejiang', 'submit_request(3, ''samples'', 5, ''by the team'', cost => 5)') AS team;
-- deviations that a re-tiering answers, of a rep, its team and the region, and one it does not; one
-- that an adjustment answers
INSERT INTO calib.deviation (deviation_id, unit_id, kind, measure, grain, period_start, detected_at) VALUES
    (1, 13, 'shallow_coverage', '', 'quarter', '2025-10-01', '2025-11-10'), (2, 3, 'execution', 'collection', 'quarter', '2025-10-01', '2025-11-10'),
    (3, 2, 'execution', 'collection', 'quarter', '2025-10-01', '2025-11-10'), (4, 13, 'windfall', 'collection', 'quarter', '2025-10-01', '2025-11-10'),
    (5, 14, 'shallow_coverage', '', 'quarter', '2025-10-01', '2025-11-10'), (6, 3, 'environment', 'collection', 'month', '2025-12-01', '2025-11-10');
SELECT calib.run_monthly_meeting('2025-11-20 09:00+08') AS prepared;
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')') AS meeting;
CREATE VIEW own.item AS SELECT r.* FROM calib.resolution r JOIN calib.meeting m USING (meeting_id) WHERE m.unit_id = 2 AND m.month = '2025-11-01';
CREATE FUNCTION own.decide(who text, subject text, more text) RETURNS text LANGUAGE sql
AS $$ SELECT own.try(who, format('decide(%s, %s, %s)', i.meeting_id, i.item_id, more)) FROM own.item i WHERE i.subject = $2 $$;
SELECT string_agg(subject, ', ' ORDER BY part, position) AS items FROM own.item;
CREATE VIEW own.state AS SELECT
    (SELECT string_agg(customer_id || coalesce(tier, '-'), ' ' ORDER BY customer_id) FROM calib.customer WHERE customer_id <= 10) AS tiers,
    (SELECT string_agg(request_id || ' ' || unit_id || ' ' || status || coalesce(' ' || priority, ''), ', ' ORDER BY request_id) FROM calib.resource_request) AS requests,
    (SELECT string_agg(target_id || ' ' || new_value || ' ' || status, ', ' ORDER BY target_id) FROM calib.adjustment) AS adjustments,
    (SELECT string_agg(unit_id || ' ' || used || '+' || pending, ', ' ORDER BY unit_id) FROM calib.budget WHERE used + pending > 0) AS budget,
    (SELECT string_agg(deviation_id || ' ' || action, ', ' ORDER BY deviation_id) FROM calib.deviation WHERE ending = 'acted') AS acted,
    (SELECT string_agg(type || ' ' || aggregateid, ', ' ORDER BY position) FROM calib.outbox) AS outbox;

-- Under approval required: the steps go on with risk and hr ---------------------------------------
BEGIN;
SELECT s, own.decide('li', s, m) FROM (VALUES ('customer 1', '''accept'', ''they buy most'''), ('customer 7', '''accept'''), ('customer 4', '''reject'''), ('request 1', '''accept'''), ('request 2', '''accept'''),
    ('unit 6', '''accept'', evidence => ''{1}'''), ('target 1203', '''accept'', evidence => ''{1}'''), ('target 1205', '''accept'', ''half of it'', 1050, ''{1}'''), ('target 1204', '''defer''')) v (s, m);
SET LOCAL calib.clock = '2025-11-20 09:12:30+08';
SET LOCAL calib.actor = 'li';
SET LOCAL DateStyle = 'German';
SELECT part, position, unit_id, subject, decision, outcome FROM calib.close_meeting(1);
SET LOCAL DateStyle = 'ISO, YMD';
RESET calib.actor;
SELECT * FROM own.state \gx
SELECT target_id, old_value, new_value, reason, evidence, submitted_by FROM calib.adjustment_trail ORDER BY 1;
SELECT id, unit_name, kind, amount, reason, evidence, priority FROM calib.request_trail ORDER BY 1;
SELECT subject, id, step, priority FROM calib.waiting_step ORDER BY 1, 2;
SELECT customer_id, old_tier, new_tier, changed_by, changed_at FROM calib.tier_change ORDER BY 1;
SELECT deviation_id, acted_at, acted_by, note FROM calib.deviation WHERE ending = 'acted' ORDER BY 1;
SELECT unit_name, state, minutes, over_time, accepted, rejected, deferred, undecided FROM calib.minutes WHERE meeting_id = 1;
SELECT payload - '{customer_id,customer_ref,reason}'::text[] AS retiered FROM calib.outbox WHERE type = 'CustomerRetiered' ORDER BY position LIMIT 1;
SELECT payload - 'items' AS closed, jsonb_array_length(payload -> 'items') AS items, payload #> '{items,0}' AS first FROM calib.outbox WHERE type = 'MeetingClosed';
SELECT retiered, closed_by FROM calib.meeting WHERE meeting_id = 1;
SELECT done_at, done_by FROM calib.reminder WHERE key = 'meeting/2/2025-11-01';
-- and then it is over
SELECT own.try('li', 'close_meeting(1)'), own.try('li', 'cancel_meeting(1)'), own.try('li', 'open_meeting(2, ''2025-11-01'')'), own.decide('li', 'customer 4', '''accept''');
SELECT calib.run_monthly_meeting('2025-11-20 09:12:30+08') AS left_alone_but_norths;
-- what was rejected is not asked again for 13 weeks; what was deferred is
SET LOCAL calib.clock = '2025-12-01 09:00+08';
SELECT subject FROM calib.agenda_candidates(2, '2025-12-01', calib.clock()) WHERE part = 'tier' AND subject IN ('customer 4', 'customer 6') ORDER BY 1;
SET LOCAL calib.restoring = on;
UPDATE calib.meeting SET closed_at = '2025-09-01 09:00+08', opened_at = '2025-09-01 09:00+08' WHERE meeting_id = 1;
SELECT subject FROM calib.agenda_candidates(2, '2025-12-01', calib.clock()) WHERE part = 'tier' AND subject IN ('customer 4', 'customer 6') ORDER BY 1;
ROLLBACK;

-- Under single: what somebody else asked for is filed at once; one's own waits ----------------------
BEGIN;
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-11-20', 'single');
SELECT s, own.decide('li', s, m) FROM (VALUES ('request 1', '''accept'''), ('request 2', '''accept'''), ('unit 6', '''accept'''), ('target 1203', '''accept'', evidence => ''{1}''')) v (s, m);
SET LOCAL calib.actor = 'li';
SELECT subject, outcome FROM calib.close_meeting(1) WHERE decision = 'accept';
RESET calib.actor;
SELECT * FROM own.state \gx
ROLLBACK;

-- Under none: all of it is done ------------------------------------------------------------------------
BEGIN;
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-11-20', 'none');
SELECT s, own.decide('li', s, m) FROM (VALUES ('request 1', '''accept'''), ('request 2', '''accept'''), ('unit 6', '''accept'''), ('target 1203', '''accept'', evidence => ''{1}''')) v (s, m);
SET LOCAL calib.actor = 'li';
SELECT subject, outcome FROM calib.close_meeting(1) WHERE decision = 'accept';
RESET calib.actor;
SELECT * FROM own.state \gx
SELECT value, original_value FROM calib.target WHERE target_id = 1203;
ROLLBACK;

-- One that fails takes all with it, and is named ---------------------------------------------------------
CREATE FUNCTION own.fails(meanwhile text) RETURNS TABLE (told text) LANGUAGE plpgsql AS $$
DECLARE
    before text := (SELECT s::text FROM own.state s);
    between text;
BEGIN
    EXECUTE meanwhile;
    between := (SELECT s::text FROM own.state s);
    told := own.try('li', 'close_meeting(1)');
    RETURN NEXT;
    told := format('%s, %s', (SELECT m.state FROM calib.minutes m WHERE m.meeting_id = 1),
        CASE WHEN between = (SELECT s::text FROM own.state s) THEN 'nothing carried out' ELSE 'SOMETHING CARRIED OUT' END);
    RETURN NEXT;
    RAISE EXCEPTION SQLSTATE 'UNDO1' USING MESSAGE = told;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
    RETURN;
END $$;
SELECT s, own.decide('li', s, m) FROM (VALUES ('customer 1', '''accept'''), ('request 1', '''accept'''), ('unit 6', '''accept'''), ('target 1203', '''accept'', evidence => ''{1}'''), ('target 1204', '''accept'', evidence => ''{1}''')) v (s, m);
-- the quarter's last place is taken meanwhile
SELECT own.fails($$SELECT own.try('zhejiang', 'submit_adjustment(1103, 95, ''x'', ''{1}'')'), own.try('zhejiang', 'submit_adjustment(3, 290, ''x'', ''{1}'')')$$);
-- another adjustment was filed meanwhile, and is far from here
SELECT own.fails($$SELECT own.try('zhejiang', 'submit_adjustment(1203, 1001, ''x'', ''{1}'')'), own.try('wang', 'approve_adjustment((SELECT adjustment_id FROM calib.adjustment))'), own.try('zhao', 'file_adjustment((SELECT adjustment_id FROM calib.adjustment))')$$);
-- policy is tighter by now; evidence is gone; frozen
SELECT own.fails($$INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (4, '2025-11-20', 0.05)$$);
SELECT own.fails($$DELETE FROM calib.evidence$$);
SELECT own.fails($$INSERT INTO calib.policy (unit_id, valid_from, max_adjustments) VALUES (4, '2025-11-20', 0)$$);
-- the kind of request calib prepared is not asked for any more
SELECT own.fails($$DELETE FROM calib.request_kind WHERE kind = 'move_people'$$);
-- the customer is gone, or North's by now, or its tier is
SELECT own.fails($$DELETE FROM calib.result WHERE customer_id = 1; DELETE FROM calib.customer WHERE customer_id = 1$$);
SELECT own.fails($$UPDATE calib.customer SET unit_id = 18 WHERE customer_id = 1$$);
-- whoever closes is admin and no manager
SELECT own.try('wang', 'close_meeting(1)'), own.try('viewer', 'close_meeting(1)'), own.try('north', 'close_meeting(1)'), own.try('li', 'close_meeting(NULL)'), own.try('li', 'close_meeting(404)');
CREATE ROLE regress_calib_admin;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_admin', 'admin', 2);
SET ROLE regress_calib_admin;
SELECT calib.close_meeting(1);
RESET ROLE;
SELECT * FROM own.state \gx
-- what came to an end meanwhile is no failure: it is said
BEGIN;
SELECT own.try('li', 'withdraw_request(1)');
UPDATE calib.customer SET tier = 'A' WHERE customer_id = 1;
SET LOCAL calib.actor = 'li';
SELECT subject, outcome FROM calib.close_meeting(1) WHERE subject IN ('request 1', 'customer 1');
RESET calib.actor;
ROLLBACK;
-- as is what somebody else has brought about
BEGIN;
SELECT own.try('zhejiang', 'submit_adjustment(1203, 900, ''x'', ''{1}'')'), own.try('wang', 'approve_adjustment((SELECT adjustment_id FROM calib.adjustment))'), own.try('zhao', 'file_adjustment((SELECT adjustment_id FROM calib.adjustment))');
SET LOCAL calib.actor = 'li';
SELECT subject, outcome FROM calib.close_meeting(1) WHERE subject = 'target 1203';
RESET calib.actor;
ROLLBACK;
BEGIN;
SELECT own.try('li', 'submit_request(6, ''move_people'', 1, ''by hand'')');
SET LOCAL calib.actor = 'li';
SELECT subject, outcome ->> 'because' ~ '^request [0-9]+ asks for it already$' AS nothing FROM calib.close_meeting(1) WHERE subject = 'unit 6';
RESET calib.actor;
SELECT count(*) AS asked_once FROM calib.resource_request WHERE unit_id = 6;
ROLLBACK;
-- whoever closes writes dates in another way: the reminder is the same
BEGIN;
SET LOCAL DateStyle = 'SQL, DMY';
SET LOCAL TimeZone = 'America/New_York';
SELECT left(own.try('li', 'close_meeting(1)'), 2) AS closed;
SELECT key, done_by FROM calib.reminder WHERE key LIKE 'meeting/2/%';
ROLLBACK;
-- decided otherwise, it closes
BEGIN;
SELECT own.try('zhejiang', 'submit_adjustment(1103, 95, ''x'', ''{1}'')'), own.try('zhejiang', 'submit_adjustment(3, 290, ''x'', ''{1}'')');
SELECT own.decide('li', 'target 1203', '''defer''');
SET LOCAL calib.clock = '2025-11-20 09:20+08';
SET LOCAL calib.actor = 'li';
SELECT subject, decision, outcome ->> 'done' AS done FROM calib.close_meeting(1);
SELECT minutes, over_time FROM calib.minutes WHERE meeting_id = 1;
RESET calib.actor;
ROLLBACK;

-- A draft is corrected, within the cap all the same -----------------------------------------------------
BEGIN;
INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value) VALUES (92, 4, 'sell-out', 'month', '2025-11-01', 100), (93, 4, 'sell-out', 'month', '2025-12-01', 777);
INSERT INTO calib.result (unit_id, measure, occurred_at, amount) VALUES (14, 'sell-out', '2025-11-10', 52);
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')');
SELECT own.decide('li', 'target 93', m) FROM unnest(ARRAY['''accept''', '''accept'', value => 699, evidence => ''{1}''', '''accept'', evidence => ''{1}''']) m;
-- one that is gone by then is told by its item
SELECT own.fails($$DELETE FROM calib.target WHERE target_id = 93$$);
SET LOCAL calib.actor = 'li';
SELECT subject, outcome FROM calib.close_meeting(1) WHERE subject = 'target 93';
RESET calib.actor;
SELECT value, original_value FROM calib.target WHERE target_id = 93;
SELECT count(*) FROM calib.adjustment a JOIN calib.target t USING (target_id) WHERE t.measure = 'sell-out';
ROLLBACK;

-- Nothing to decide, nothing decided -------------------------------------------------------------------------
SELECT own.try('north', 'open_meeting(8, ''2025-11-01'')') AS team;
SELECT own.try('north', format('close_meeting(%s)', meeting_id)) AS closed FROM calib.meeting WHERE unit_id = 8;
SELECT unit_name, state, accepted, rejected, deferred FROM calib.minutes WHERE unit_id = 8;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_calib_admin;
