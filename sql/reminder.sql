-- Reminders: made once per key, told to the nearest holders of a duty, ended once.
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
    EXECUTE 'SELECT ' || call INTO result;
    PERFORM set_config('calib.actor', '', false);
    RETURN coalesce('ok ' || nullif(result, ''), 'ok');
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('calib.actor', '', false);
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;
SET calib.clock = '2025-10-24 16:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Alpha'), (4, 3, 'rep', 'Li'), (5, 3, 'rep', 'Sun'), (6, 1, 'region', 'North');
INSERT INTO calib.duty (person, duty, unit_id, deputy) VALUES
    ('li', 'rep', 4, false), ('sun', 'rep', 5, false), ('chen', 'manager', 3, false), ('dai', 'manager', 3, true),
    ('east', 'manager', 2, false), ('boss', 'manager', NULL, false), ('bi', 'viewer', NULL, false), ('wang', 'risk', NULL, false),
    ('north', 'manager', 6, false);

-- Making: once per key, whatever else it says
SELECT calib.remind('a', 4, 'rep', 'some_rule', 'on_track', '{"pace": 1.02, "floor": 1}', '2025-10-24 07:30+08', '2025-10-25 07:30+08') AS made;
SELECT calib.remind('a', 5, 'manager', 'other', 'not_started', NULL, '2025-10-24 08:00+08', NULL) AS made;
SELECT calib.remind('b', 4, 'manager', 'some_rule', 'not_started', NULL, '2025-10-24 07:30+08', '2025-10-24 15:00+08'),
       calib.remind('c', 5, 'rep', 'some_rule', 'not_started', '{}', '2025-10-24 07:30+08', NULL),
       calib.remind('d', 6, 'risk', 'workflow', 'not_started', '{"not_by": ["wang"]}', '2025-10-24 07:30+08', NULL),
       calib.remind('e', 3, 'manager', 'workflow', 'not_started', '{"not_by": ["chen", "x"]}', '2025-10-24 07:30+08', '2025-10-26 15:00+08');
-- bad ones: no key, an unknown unit, a duty that acts on nothing, arguments that are no object, no time
SELECT own.try(NULL, format('calib.remind(%s)', a)) FROM unnest(ARRAY[
    $$NULL, 4, 'rep', 'x', 'not_started', NULL, calib.clock(), NULL$$, $$'', 4, 'rep', 'x', 'not_started', NULL, calib.clock(), NULL$$,
    $$'f', 404, 'rep', 'x', 'not_started', NULL, calib.clock(), NULL$$, $$'f', 4, 'viewer', 'x', 'not_started', NULL, calib.clock(), NULL$$,
    $$'f', 4, 'rep', 'x', 'not_started', '[1]', calib.clock(), NULL$$, $$'f', 4, 'rep', 'x', NULL, NULL, calib.clock(), NULL$$,
    $$'f', 4, 'rep', 'x', 'not_started', NULL, NULL, NULL$$, $$'f', 4, 'rep', 'x', 'not_started', NULL, 'infinity', NULL$$,
    $$'f', 4, 'rep', 'x', 'not_started', NULL, calib.clock(), '-infinity'$$]) a;
SELECT reminder_id > 0 AS id, key, unit_id, duty, rule, reason_code, reason_args, created_at, due_at, announced FROM calib.reminder ORDER BY key;

-- Announced: the count once, then nothing
SELECT calib.announce_reminders() AS told, calib.announce_reminders() AS again;
SELECT calib.remind('z', 4, 'rep', 'some_rule', 'not_started', '{}', '2025-10-24 07:30+08', NULL), calib.announce_reminders() AS told;

-- Whom they wait for. Chen is the nearest manager of Li; his deputy is told of b, which is
-- overdue. What Chen submitted himself, e, goes to East; d's one holder may not take it.
SELECT key, w.unit_name, w.duty, w.recipients, w.yours, w.overdue, w.reason
FROM calib.reminder_waiting w JOIN calib.reminder USING (reminder_id) ORDER BY key;
SET calib.language = 'zh';
SELECT reason FROM calib.reminder_waiting JOIN calib.reminder USING (reminder_id) WHERE key = 'a';
RESET calib.language;
-- a unit or customer named like an argument says nothing else than its name
SELECT calib.reason_text('rule_weeks_without', '{"unit": "{weeks} {weeks%} {", "weeks": 2, "from_week": "2025-09-01", "label_en": "{unit}"}', 'en');
-- nor is one a number because it looks like one, or is longer than any
SELECT calib.reason_text('rule_weeks_without', jsonb_build_object('unit', name, 'weeks', 2, 'from_week', '2025-09-01', 'label_en', 'Visits'), 'en')
FROM unnest('{.,1.2.3,-,-.,12.}'::text[]) name;
SELECT length(calib.reason_text('rule_weeks_without', jsonb_build_object('unit', repeat('9', 140000)), 'en')) > 140000 AS as_it_stands;
CREATE FUNCTION own.waiting(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    PERFORM set_config('calib.actor', who, false);
    SELECT string_agg(r.key || CASE WHEN w.yours THEN '!' ELSE '' END, ' ' ORDER BY r.key) INTO told
    FROM calib.reminder_waiting w JOIN calib.reminder r USING (reminder_id);
    SELECT coalesce(told, '-') || ' of ' || count(*) INTO told FROM calib.reminder;
    PERFORM set_config('calib.actor', '', false);
    RETURN told;
END $$;
-- (a superuser behind a person reads every row of the table; the view goes by duties)
SELECT who, own.waiting(who) FROM unnest('{li,sun,chen,dai,east,boss,bi,wang,north,nobody}'::text[]) who;
-- The table itself, under row-level security: a rep what it is asked to do, a viewer all.
CREATE ROLE reader LOGIN;
GRANT USAGE ON SCHEMA own TO reader;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('reader', 'rep', 4);
SET ROLE reader;
SELECT string_agg(key, ' ' ORDER BY key) FROM calib.reminder;
SELECT recipients, yours, reason FROM calib.reminder_waiting ORDER BY created_at, reminder_id;
RESET ROLE;
UPDATE calib.duty SET duty = 'viewer', unit_id = 2 WHERE role_name = 'reader';
SET ROLE reader;
SELECT string_agg(key, ' ' ORDER BY key) FROM calib.reminder;
SELECT count(*) AS waiting FROM calib.reminder_waiting;
SELECT own.try(NULL, format('calib.finish_reminder(%s)', reminder_id)) FROM calib.reminder WHERE key = 'a';
SELECT own.try(NULL, $$calib.remind('x', 4, 'rep', 'x', 'not_started', NULL, now(), NULL)$$);
SELECT own.try(NULL, $$calib.settle_reminder('a', now(), NULL, NULL)$$);
SELECT own.try(NULL, $$calib.announce_reminders()$$);
RESET ROLE;
DELETE FROM calib.duty WHERE role_name = 'reader';
DROP OWNED BY reader;
DROP ROLE reader;

-- Ending: its duty over the unit, or who oversees it; once
CREATE FUNCTION own.id(key text) RETURNS text LANGUAGE sql AS $$ SELECT reminder_id::text FROM calib.reminder r WHERE r.key = $1 $$;
SELECT who, own.try(who, format('calib.finish_reminder(%s, ''filled in'')', own.id('a'))) FROM unnest('{sun,north,bi,wang,nobody,li,li}'::text[]) who;
SELECT own.try('li', format('calib.dismiss_reminder(%s, ''too late'')', own.id('a')));
SELECT own.try('chen', format('calib.dismiss_reminder(%s, %s)', own.id('c'), r)) FROM unnest(ARRAY['NULL', '''''', 'E'' \n''', '''On leave''']) r;
SELECT own.try('li', format('calib.finish_reminder(%s)', own.id('b'))), own.try('dai', format('calib.finish_reminder(%s)', own.id('b')));
SELECT own.try('boss', c) FROM unnest(ARRAY['calib.finish_reminder(404)', 'calib.finish_reminder(NULL)', 'calib.dismiss_reminder(404, ''x'')']) c;
SET calib.clock = '2025-10-24 07:00+08';
SELECT own.try('boss', format('calib.finish_reminder(%s)', own.id('d')));
SET calib.clock = '2025-10-24 16:00+08';
-- by itself: at its own time, never before it was made, never twice
SELECT calib.settle_reminder('d', '2025-10-23 09:00+08', 'zhao', 'approved') AS settled, calib.settle_reminder('d', '2025-10-24 09:00+08', 'zhao', NULL) AS again,
       calib.settle_reminder('e', '2025-10-24 10:00+08', NULL, NULL) AS by_calib, calib.settle_reminder('no such key', now(), 'x', NULL) AS unknown;
SELECT key, done_at, done_by, dismissed_at, dismissed_by, note FROM calib.reminder ORDER BY key;
SELECT count(*) AS waiting FROM calib.reminder_waiting;
-- the key is spent: what was done is not asked for again
SELECT calib.remind('a', 4, 'rep', 'some_rule', 'on_track', NULL, '2025-10-24 09:00+08', NULL) AS made;

-- By hand nobody writes it, a superuser included
SELECT own.try(NULL, c) FROM unnest(ARRAY[format('calib.finish_reminder_behind_door(%s, NULL)', own.id('z')),
    $$calib.remind_behind_door('y', 4, 'rep', 'x', 'not_started', NULL, now(), NULL)$$,
    $$calib.settle_reminder_behind_door('z', now(), NULL, NULL)$$]) c;
\set VERBOSITY terse
INSERT INTO calib.reminder (key, unit_id, duty, reason_code, reason_args, created_at) VALUES ('y', 4, 'rep', 'x', '{}', now());
UPDATE calib.reminder SET due_at = NULL;
DELETE FROM calib.reminder;
TRUNCATE calib.reminder;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
