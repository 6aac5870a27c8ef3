-- Resource requests take the road of adjustments; what waits for whom; evidence
-- and publishing by duty.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
-- A call of the workflow by a person: its result, or how it was refused.
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
CREATE FUNCTION own.code(who text, call text) RETURNS text LANGUAGE sql
AS $$ SELECT CASE WHEN t LIKE 'ok%' THEN 'ok' ELSE left(t, 5) END FROM own.try($1, $2) t $$;

SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 2, 'team', 'Jiangsu'),
    (5, 1, 'region', 'North'), (6, 5, 'team', 'Beijing');
INSERT INTO calib.duty (person, duty, unit_id, deputy) VALUES
    ('li', 'manager', 2, false), ('wang', 'risk', NULL, false), ('zhao', 'hr', NULL, false), ('north hr', 'hr', 5, false), ('viewer', 'viewer', NULL, false),
    ('sun', 'risk', NULL, true), ('north risk', 'risk', 5, false), ('boss', 'manager', 1, false),
    ('other', 'manager', NULL, false), ('other', 'risk', NULL, false), ('other', 'hr', NULL, false);
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (4, '2025-10-15', 'single'), (6, '2025-10-15', 'none');

-- The article's request: two people and a budget, 47 minutes -----------------------------
SELECT own.try('li', 'attach_evidence(''market_report'', ''Community group buying'', ''https://example.com/new-retail'')') AS evidence;
SELECT own.try('li', 'submit_request(3, ''move_people'', 2, ''New retail'', 30000, 4, ''{1}'')') AS people;
SELECT own.try('li', 'submit_request(3, ''promotion_budget'', 50000, ''New retail'')') AS money;
SET calib.clock = '2025-10-15 09:30+08';
SELECT own.try('wang', format('approve_request(%s, ''good'')', r)) FROM generate_series(1, 2) r;
SET calib.clock = '2025-10-15 09:47+08';
SELECT own.try('zhao', format('file_request(%s)', r)) FROM generate_series(1, 2) r;
SELECT id, unit_name, kind, amount, cost, from_unit_name, reason, evidence, status, submitted_by, approved_by, approved_comment, filed_by,
       round((hours_to_file * 60)::numeric, 6) AS minutes
FROM calib.request_trail ORDER BY id;
SELECT new_row ->> 'status' AS status, person, clock_at FROM calib.audit
WHERE relation = 'calib.resource_request' AND new_row @> '{"request_id": 1}' ORDER BY audit_id;
SELECT count(*) AS adjustments FROM calib.adjustment;
SELECT type, payload ->> 'kind' AS kind, payload ->> 'filed_by' AS filed_by FROM calib.outbox ORDER BY position;

-- What a request must be ---------------------------------------------------------------------
SET calib.clock = '2025-10-15 09:00+08';
SELECT c, own.try('li', 'submit_request(' || c || ')') FROM unnest(ARRAY[
    'NULL, ''samples'', 5, ''why''', '3, NULL, 5, ''why''', '3, ''samples'', NULL, ''why''', '3, ''samples'', 5, NULL', '3, ''samples'', 5, '' ''',
    '3, ''samples'', 0, ''why''', '3, ''samples'', -1, ''why''', '3, ''samples'', ''NaN'', ''why''', '3, ''samples'', ''Infinity'', ''why''',
    '3, ''samples'', 5, ''why'', ''NaN''', '404, ''samples'', 5, ''why''', '3, ''gold'', 5, ''why''', '3, ''samples'', 5, ''why'', NULL, 4',
    '3, ''move_people'', 2, ''why''', '3, ''move_people'', 2, ''why'', NULL, 3', '3, ''move_people'', 2, ''why'', NULL, 404']) c;  -- 22023 each
SELECT c, own.code('li', 'submit_request(' || c || ')') FROM unnest(ARRAY[
    '3, ''samples'', 5, ''why'', -1', '3, ''samples'', 5, ''why'', NULL, NULL, ''{404}''', '3, ''samples'', 5, ''why'', NULL, NULL, ''{NULL}''',
    '3, ''samples'', 5, ''why'', 0, NULL, ''{1,1}''', '6, ''samples'', 5, ''why''']) c;  -- 22023, KC003, KC003, ok, 42501
-- unit 0 is a unit like any other: there is none
SELECT own.try('li', 'submit_request(3, ''move_people'', 1, ''why'', NULL, 0)');
SELECT who, own.code(who, 'submit_request(3, ''samples'', 5, ''why'')') FROM unnest(ARRAY['boss', 'wang', 'zhao', 'viewer', 'nobody']) who;  -- ok, then 42501
-- people may come from a unit that is somebody else's: that is for risk and hr to judge
SELECT own.code('li', 'submit_request(3, ''move_people'', 1, ''why'', NULL, 6)');
-- kinds are rows
INSERT INTO calib.request_kind (kind, moves, label_en, label_zh) VALUES ('van', false, 'Van', '车辆');
SELECT own.code('li', 'submit_request(3, ''van'', 1, ''why'')');

-- Every step from every status under every policy (units 3, 4, 6: required, single, none) -------
CREATE FUNCTION own.arrive(unit bigint, status text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    r bigint := substr(own.try('boss', format('submit_request(%s, ''samples'', 5, ''why'')', unit)), 4);
BEGIN
    IF status IN ('approved', 'filed') THEN PERFORM own.try('wang', format('approve_request(%s)', r)); END IF;
    IF status = 'filed' THEN PERFORM own.try('zhao', format('file_request(%s)', r)); END IF;
    IF status = 'rejected' THEN PERFORM own.try('wang', format('reject_request(%s, ''no'')', r)); END IF;
    IF status = 'withdrawn' THEN PERFORM own.try('boss', format('withdraw_request(%s, ''mistake'')', r)); END IF;
    IF status <> (SELECT j.status FROM calib.resource_request j WHERE request_id = r) THEN RAISE 'not %', status; END IF;
    RETURN r;
END $$;
CREATE FUNCTION own.step(who text, step text, r bigint) RETURNS text LANGUAGE sql
AS $$ SELECT own.code($1, format('%s_request(%s%s)', $2, $3, CASE WHEN $2 = 'reject' THEN ', ''no''' ELSE '' END)) $$;
CREATE TEMP TABLE seen AS
SELECT u.unit, s.status, st.step, own.arrive(u.unit, s.status) AS id, NULL::text AS code
FROM unnest('{3,4,6}'::bigint[]) u (unit),
     unnest('{submitted,approved,filed,rejected,withdrawn}'::text[]) s (status),
     unnest('{approve,file,reject,withdraw}'::text[]) st (step);
UPDATE seen SET code = own.step(CASE step WHEN 'withdraw' THEN 'boss' ELSE 'other' END, step, id);
SELECT count(*) AS cases, count(*) FILTER (WHERE code <> CASE
    WHEN seen.status IN ('filed', 'rejected', 'withdrawn') THEN 'KC005'
    WHEN step = 'approve' AND seen.status = 'approved' THEN 'KC005'
    WHEN step = 'file' AND seen.status = 'submitted' AND unit = 3 THEN 'KC005'
    ELSE 'ok' END) AS wrong_codes,
    count(*) FILTER (WHERE r.status <> CASE WHEN code = 'KC005' THEN seen.status
        ELSE CASE step WHEN 'approve' THEN 'approved' WHEN 'file' THEN 'filed' WHEN 'reject' THEN 'rejected' ELSE 'withdrawn' END END) AS wrong_ends
FROM seen JOIN calib.resource_request r ON r.request_id = seen.id;
SELECT DISTINCT status, ended_by, ended_comment FROM calib.resource_request WHERE ended_by IS NOT NULL ORDER BY 1, 2, 3;
-- the same person
SELECT own.step('other', 'approve', substr(own.try('other', format('submit_request(%s, ''samples'', 5, ''why'')', u)), 4)::bigint) AS submit_approve,
       own.step('other', 'file', substr(own.try('other', format('submit_request(%s, ''samples'', 5, ''why'')', u)), 4)::bigint) AS submit_file,
       (SELECT own.step('other', 'approve', r) || ' ' || own.step('other', 'file', r) FROM own.arrive(u, 'submitted') r) AS approve_file
FROM unnest('{3,4,6}'::bigint[]) u;                -- KC006 KC005 KC006; KC006 KC006 ok; KC006 ok ok
SELECT r, own.code('wang', format('reject_request(%s, %L)', own.arrive(3, 'submitted'), r)) FROM unnest(ARRAY[NULL, '', ' ']) r;  -- 22023
SELECT own.try('wang', 'file_request(404404)'), own.try('wang', 'file_request(NULL)');
-- written by the workflow alone
CREATE FUNCTION own.write(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT s, own.write(s) FROM unnest(ARRAY['UPDATE calib.resource_request SET status = ''filed''', 'UPDATE calib.resource_request SET amount = 99',
    'INSERT INTO calib.resource_request (unit_id, kind, amount, reason, status, submitted_by, submitted_at) VALUES (3, ''samples'', 1, ''x'', ''submitted'', ''x'', now())',
    'DELETE FROM calib.resource_request', 'TRUNCATE calib.resource_request CASCADE', 'INSERT INTO calib.request_evidence VALUES (2, 1)',
    'UPDATE calib.request_evidence SET request_id = 2', 'DELETE FROM calib.request_evidence', 'TRUNCATE calib.request_evidence',
    'UPDATE calib.evidence SET title = ''other'' WHERE evidence_id = 1', 'DELETE FROM calib.evidence WHERE evidence_id = 1']) s;
SET session_replication_role = replica;
SELECT own.write('UPDATE calib.resource_request SET status = ''filed''');
RESET session_replication_role;

-- What waits for whom --------------------------------------------------------------------------
DROP EXTENSION calib CASCADE;
CREATE EXTENSION calib;
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 2, 'team', 'Jiangsu'), (6, 1, 'region', 'North');
INSERT INTO calib.duty (person, duty, unit_id, deputy) VALUES
    ('boss', 'manager', 1, false), ('wang', 'risk', NULL, false), ('sun', 'risk', 2, true), ('zhao', 'hr', NULL, false), ('hr deputy', 'hr', NULL, true),
    ('north risk', 'risk', 6, false), ('east', 'manager', 2, false), ('viewer', 'viewer', NULL, false);
INSERT INTO calib.policy (unit_id, valid_from, approval, step_due_hours) VALUES (4, '2025-10-15', 'single', 2);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (1, 3, 'quarter', '2025-10-01', 100), (2, 4, 'quarter', '2025-10-01', 100);
SELECT own.try('boss', 'attach_evidence(''regulation'', ''Sugar tax'', content => ''the text'')') AS evidence,
       own.try('boss', 'submit_adjustment(1, 95, ''why'', ''{1}'')') AS required, own.try('boss', 'submit_request(4, ''samples'', 5, ''why'')') AS single,
       own.try('boss', 'submit_request(6, ''samples'', 5, ''why'')') AS north;
CREATE FUNCTION own.waiting(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    PERFORM set_config('calib.actor', who, false);
    SELECT string_agg(format('%s %s of %s: %s by %s%s', w.subject, w.id, w.unit_name, w.step, w.duty, CASE WHEN w.overdue THEN ', overdue' ELSE '' END), '; ' ORDER BY w.subject, w.id)
    INTO told FROM calib.waiting_step w;
    PERFORM set_config('calib.actor', '', false);
    RETURN told;
END $$;
SELECT who, own.waiting(who) FROM unnest('{wang,sun,zhao,hr deputy,north risk,east,viewer}'::text[]) WITH ORDINALITY w (who, i) ORDER BY i;
SELECT subject, id, waiting_since, due_at FROM calib.waiting_step ORDER BY 1, 2;
-- due exactly after step_due_hours: 2 for Jiangsu, 24 else; deputies see what is overdue
SET calib.clock = '2025-10-15 10:59:59+08';
SELECT who, own.waiting(who) FROM unnest('{sun,hr deputy,east}'::text[]) WITH ORDINALITY w (who, i) ORDER BY i;
SET calib.clock = '2025-10-15 11:00+08';
SELECT who, own.waiting(who) FROM unnest('{sun,hr deputy,east}'::text[]) WITH ORDINALITY w (who, i) ORDER BY i;
SET calib.clock = '2025-10-16 09:00+08';
SELECT who, own.waiting(who) FROM unnest('{wang,sun,hr deputy}'::text[]) WITH ORDINALITY w (who, i) ORDER BY i;
-- a deputy may act; the next step waits for the next duty from then on
SELECT own.try('sun', 'approve_adjustment(1)');
SELECT who, own.waiting(who) FROM unnest('{wang,sun,zhao,hr deputy}'::text[]) WITH ORDINALITY w (who, i) ORDER BY i;
SELECT waiting_since, due_at FROM calib.waiting_step WHERE subject = 'adjustment';
SELECT own.try('zhao', 'file_adjustment(1)'), own.try('wang', 'reject_request(1, ''no money'')'), own.try('boss', 'withdraw_request(2)');
SELECT count(*) AS waiting FROM calib.waiting_step;
-- the rules of the road, as they are read from C
SELECT * FROM calib.workflow_rules();

-- Evidence by duty --------------------------------------------------------------------------------
SELECT who, own.try(who, 'attach_evidence(''regulation'', ''t'', ''u'')') FROM unnest('{east,zhao,viewer,nobody}'::text[]) who;
SELECT c, own.try('wang', 'attach_evidence(' || c || ')') FROM unnest(ARRAY['NULL, ''t'', ''u''', '''regulation'', NULL, ''u''', '''regulation'', '''', ''u''',
    '''regulation'', ''t''', '''regulation'', ''t'', ''''', '''regulation'', ''t'', NULL, ''''', '''regulation'', '' '', ''u''', '''regulation'', ''t'', '' ''', '''rumour'', ''t'', ''u''', '''regulation'', ''t'', ''u'', NULL, ''infinity''']) c;
SELECT own.try('wang', 'attach_evidence(''market_report'', ''both'', ''https://example.com'', ''abc'', ''2025-10-01'')') AS both;
SELECT evidence_id, title, uri, encode(sha256, 'hex') AS sha256, observed_on, created_by, created_at FROM calib.evidence WHERE evidence_id = 1 OR title = 'both' ORDER BY 1;
SELECT encode(sha256('the text'), 'hex') AS the_first, encode(sha256('abc'), 'hex') AS the_second;

-- Publishing by duty ---------------------------------------------------------------------------------
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('east hr', 'hr', 2);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (11, 3, 'quarter', '2026-01-01', 1), (12, 4, 'quarter', '2026-01-01', 1), (13, 6, 'quarter', '2026-01-01', 1);
SELECT own.try('boss', 'publish_targets(''2026-01-01'', 2)'), own.try('east', 'publish_targets(''2026-01-01'')');  -- 42501
SELECT own.try('east hr', 'publish_targets(''2026-01-01'')');  -- 42501: North is not theirs
SELECT count(*) AS published FROM calib.target WHERE published_at IS NOT NULL;
SELECT own.try('east hr', 'publish_targets(''2026-01-01'', 4)'), own.try('east hr', 'publish_targets(''2026-01-01'', 6)'),
       own.try('east hr', 'publish_targets(''2026-01-01'', 2)'), own.try('zhao', 'publish_targets(''2026-01-01'')'), own.try('zhao', 'publish_targets(NULL)');

DROP EXTENSION calib;
DROP SCHEMA own CASCADE;
