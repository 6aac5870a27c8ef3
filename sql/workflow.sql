-- The road of an adjustment: submit, approve, file, reject, withdraw. What each
-- statement must give stands beside it; races are in tests/isolation.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
-- Runs a statement as a person; the code, or ok.
CREATE FUNCTION own.code(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('calib.actor', coalesce(who, ''), false);
    EXECUTE statement;
    PERFORM set_config('calib.actor', '', false);
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('calib.actor', '', false);
    RETURN SQLSTATE;
END $$;
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

SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 3, 'rep', 'Li'),
    (5, 1, 'region', 'North'), (6, 5, 'team', 'Beijing'), (7, 1, 'team', 'Online');
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('li', 'manager', 2), ('chen', 'manager', 3), ('boss', 'manager', 1), ('north', 'manager', 5), ('online', 'manager', 7),
    ('wang', 'risk', NULL), ('zhao', 'hr', NULL), ('north hr', 'hr', 5), ('viewer', 'viewer', NULL), ('rep', 'rep', 4),
    ('all', 'manager', NULL), ('all', 'risk', NULL), ('all', 'hr', NULL),
    ('other', 'manager', NULL), ('other', 'risk', NULL), ('other', 'hr', NULL);
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (1, 'competitor_price_notice', 'Price cut of 15 %', 'https://example.com/notice', '2025-10-14'),
    (2, 'channel_inventory_report', 'Stock', 'https://example.com/stock', '2025-10-15'),
    (3, 'market_report', 'Tomorrow''s', 'https://example.com/report', '2025-10-16');
ALTER SEQUENCE calib.unit_unit_id_seq RESTART 100;
ALTER SEQUENCE calib.target_target_id_seq RESTART 100;
-- A target of 100 of a team of its own below East, under a policy of its own.
CREATE FUNCTION own.target(approval text DEFAULT 'required', grain text DEFAULT 'quarter', start date DEFAULT '2025-10-01', extra text DEFAULT '')
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    u bigint;
    t bigint;
BEGIN
    INSERT INTO calib.unit (parent_id, kind, name) VALUES (2, 'team', 'team') RETURNING unit_id INTO u;
    EXECUTE format('INSERT INTO calib.policy (unit_id, valid_from, approval%s) VALUES (%s, calib.today(), %L%s)',
        coalesce(', ' || nullif(split_part(extra, '=', 1), ''), ''), u, approval, coalesce(', ' || nullif(split_part(extra, '=', 2), ''), ''));
    INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (u, $2, $3, 100) RETURNING target_id INTO t;
    RETURN t;
END $$;
CREATE FUNCTION own.submit(target bigint, value numeric, who text DEFAULT 'li') RETURNS bigint LANGUAGE sql
AS $$ SELECT substr(r, 4)::bigint FROM own.try($3, format('submit_adjustment(%s, %L, ''why'', ''{1}'')', $1, $2)) r $$;
-- The budget of a target's unit as used/pending, quarter by quarter.
CREATE FUNCTION own.budget(target bigint) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(b.quarter_start || ' ' || b.used || '/' || b.pending, ', ' ORDER BY b.quarter_start)
      FROM calib.budget b JOIN calib.target t USING (unit_id) WHERE t.target_id = $1 AND b.used + b.pending > 0 $$;
CREATE FUNCTION own.value(target bigint) RETURNS numeric LANGUAGE sql AS $$ SELECT value FROM calib.target WHERE target_id = $1 $$;

-- The road: 47 minutes -------------------------------------------------------------
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES
    (1, 3, 'quarter', '2025-10-01', 100), (2, 4, 'quarter', '2025-10-01', 100), (3, 6, 'quarter', '2025-10-01', 100),
    (4, 7, 'quarter', '2025-10-01', 100), (5, 2, 'quarter', '2025-10-01', 100), (6, 1, 'quarter', '2025-10-01', 100);
SELECT own.try('li', 'submit_adjustment(1, 92, ''Rivals cut prices'', ''{2,1,1}'')') AS id;
SELECT own.value(1), own.budget(1);                 -- 100, 0/1
SET calib.clock = '2025-10-15 09:20+08';
SELECT own.try('wang', 'approve_adjustment(1, ''seen it too'')');
SELECT own.value(1), own.budget(1);                 -- 100, 0/1
SET calib.clock = '2025-10-15 09:47+08';
SELECT own.try('zhao', 'file_adjustment(1, ''in the agreement'')');
SELECT own.value(1), own.budget(1);                 -- 92, 1/0
SELECT id, unit_name, old_value, new_value, change, reason, evidence, origin, status FROM calib.adjustment_trail;
SELECT submitted_by, submitted_at, approved_by, approved_at, approved_comment, filed_by, filed_at, filed_comment,
       ended_by, round((hours_to_file * 60)::numeric, 6) AS minutes
FROM calib.adjustment_trail;
SELECT value, valid_from, valid_to FROM calib.target_history WHERE target_id = 1 ORDER BY valid_from;
-- the trail has each step, by its person
SELECT action, new_row ->> 'status' AS status, person FROM calib.audit WHERE relation = 'calib.adjustment' ORDER BY audit_id;

-- and the event is in the outbox, one, when it was filed
SELECT type, payload ->> 'new_value' AS new_value FROM calib.outbox ORDER BY position;

-- What a submission must be ------------------------------------------------------------
SET calib.clock = '2025-10-15 09:00+08';
SELECT v, own.code('li', format('SELECT calib.submit_adjustment(2, %L, ''why'', ''{1}'')', v))
FROM unnest(ARRAY[NULL, 'NaN', 'Infinity', '-Infinity', '0', '-5', '100', '100.00']) v;   -- 22023 each
SELECT own.try('li', 'submit_adjustment(2, 100.0, ''why'', ''{1}'')'), own.try('li', 'submit_adjustment(2, ''NaN'', ''why'', ''{1}'')');
SELECT r, own.code('li', format('SELECT calib.submit_adjustment(2, 95, %L, ''{1}'')', r)) FROM unnest(ARRAY[NULL, '', E' \t\n']) r;  -- 22023
SELECT e, own.try('li', format('submit_adjustment(2, 95, ''why'', %L)', e))
FROM unnest(ARRAY[NULL, '{}', '{404}', '{1,404}', '{1,NULL}', '{3}']) e;  -- KC003 each
SELECT own.code('li', 'SELECT calib.submit_adjustment(NULL, 95, ''why'', ''{1}'')'), own.try('li', 'submit_adjustment(404, 95, ''why'', ''{1}'')');
-- the cap, exactly
SELECT v, own.code('li', format('SELECT calib.submit_adjustment(%s, %s, ''why'', ''{1}'')', own.target(), v))
FROM unnest(ARRAY[110, 110.000, 110.0000000000000000001, 90, 89.99, 89.9999999999999999999]) v;  -- ok, ok, KC001, ok, KC001, KC001
-- whose: manager over the unit or above it
SELECT who, own.code(who, 'SELECT calib.submit_adjustment(2, 95, ''why'', ''{1}'')')
FROM unnest(ARRAY['north', 'wang', 'zhao', 'viewer', 'rep', 'nobody']) who;               -- 42501
SELECT own.try('north', 'submit_adjustment(2, 95, ''why'', ''{1}'')');
-- origin: within the region is own, above it is above; without a region only the unit itself
CREATE FUNCTION own.origin(who text, target bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text := own.code(who, format('SELECT calib.submit_adjustment(%s, 95, ''why'', ''{1}'')', target));
BEGIN
    RETURN told || ' ' || (SELECT origin FROM calib.adjustment ORDER BY adjustment_id DESC LIMIT 1);
END $$;
SELECT t, who, own.origin(who, t)
FROM (VALUES (2, 'chen'), (2, 'li'), (3, 'boss'), (3, 'north'), (5, 'li'), (5, 'boss'), (4, 'online'), (4, 'boss'), (6, 'boss'), (6, 'all')) v (t, who);
-- drafts are corrected, ended periods stay
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES
    (11, 3, 'quarter', '2026-01-01', 100), (12, 3, 'quarter', '2025-07-01', 100);
SELECT own.try('li', 'submit_adjustment(11, 95, ''why'', ''{1}'')');
SELECT own.try('li', 'submit_adjustment(12, 95, ''why'', ''{1}'')');
SELECT calib.publish_targets('2026-01-01', 3);
SELECT own.code('li', 'SELECT calib.submit_adjustment(11, 95, ''why'', ''{1}'')');        -- ok: published

-- Every step from every status under every policy -----------------------------------------
-- submitted by li, approved by wang, the step by other (or li, who withdraws)
CREATE FUNCTION own.arrive(approval text, status text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    a bigint := own.submit(own.target(approval), 95);
    told text;
BEGIN
    IF status IN ('approved', 'filed') THEN
        told := own.try('wang', format('approve_adjustment(%s)', a));
    END IF;
    IF status = 'filed' THEN told := own.try('zhao', format('file_adjustment(%s)', a)); END IF;
    IF status = 'rejected' THEN told := own.try('wang', format('reject_adjustment(%s, ''no'')', a)); END IF;
    IF status = 'withdrawn' THEN told := own.try('li', format('withdraw_adjustment(%s)', a)); END IF;
    IF status <> (SELECT j.status FROM calib.adjustment j WHERE adjustment_id = a) THEN
        RAISE 'not %: %', status, told;
    END IF;
    RETURN a;
END $$;
CREATE FUNCTION own.step(who text, step text, a bigint) RETURNS text LANGUAGE sql
AS $$ SELECT own.code($1, format('SELECT calib.%s_adjustment(%s%s)', $2, $3, CASE WHEN $2 = 'reject' THEN ', ''no''' ELSE '' END)) $$;
CREATE TEMP TABLE seen AS
SELECT p.approval, s.status, st.step, own.arrive(p.approval, s.status) AS id, NULL::text AS code, NULL::text AS ends, NULL::text AS budget
FROM unnest('{required,single,none}'::text[]) WITH ORDINALITY p (approval, i),
     unnest('{submitted,approved,filed,rejected,withdrawn}'::text[]) WITH ORDINALITY s (status, j),
     unnest('{approve,file,reject,withdraw}'::text[]) st (step);
UPDATE seen SET code = own.step(CASE step WHEN 'withdraw' THEN 'li' ELSE 'other' END, step, id);
UPDATE seen SET ends = a.status, budget = own.budget(a.target_id) FROM calib.adjustment a WHERE a.adjustment_id = seen.id;
SELECT approval, status, string_agg(step || ' ' || code, ', ' ORDER BY step) FROM seen GROUP BY 1, 2
ORDER BY array_position('{required,single,none}', approval), array_position('{submitted,approved,filed,rejected,withdrawn}', status);
-- the same, from the rules in words
SELECT count(*) AS cases, count(*) FILTER (WHERE code <> CASE
    WHEN status IN ('filed', 'rejected', 'withdrawn') THEN 'KC005'
    WHEN step = 'approve' AND status = 'approved' THEN 'KC005'
    WHEN step = 'file' AND status = 'submitted' AND approval = 'required' THEN 'KC005'
    ELSE 'ok' END) AS wrong_codes,
    count(*) FILTER (WHERE ends <> CASE WHEN code = 'KC005' THEN status
        ELSE CASE step WHEN 'approve' THEN 'approved' WHEN 'file' THEN 'filed' WHEN 'reject' THEN 'rejected' ELSE 'withdrawn' END END) AS wrong_ends,
    count(*) FILTER (WHERE budget IS DISTINCT FROM CASE WHEN ends = 'filed' THEN '2025-10-01 1/0'
        WHEN ends IN ('submitted', 'approved') THEN '2025-10-01 0/1' END) AS wrong_budgets
FROM seen;
-- what is said
SELECT regexp_replace(own.try('zhao', format('file_adjustment(%s)', own.submit(own.target(), 95))), ' \d+', ' N');
SELECT regexp_replace(own.try('wang', format('approve_adjustment(%s)', own.arrive('required', 'withdrawn'))), ' \d+', ' N');
SELECT own.try('wang', 'approve_adjustment(404404)'), own.try('wang', 'approve_adjustment(NULL)');
SELECT r, own.code('wang', format('SELECT calib.reject_adjustment(%s, %L)', own.submit(own.target(), 95), r)) FROM unnest(ARRAY[NULL, '', ' ']) r;  -- 22023

-- The same person ------------------------------------------------------------------------
-- all holds every duty: KC006 where two steps may not be one person's
SELECT approval, pair, CASE pair
    WHEN 'submit approve' THEN own.step('all', 'approve', own.submit(own.target(approval), 95, 'all'))
    WHEN 'submit file' THEN (SELECT own.step('wang', 'approve', a) || ' ' || own.step('all', 'file', a) FROM own.submit(own.target(approval), 95, 'all') a)
    WHEN 'submit file at once' THEN own.step('all', 'file', own.submit(own.target(approval), 95, 'all'))
    WHEN 'approve file' THEN (SELECT own.step('all', 'approve', a) || ' ' || own.step('all', 'file', a) FROM own.submit(own.target(approval), 95) a)
    WHEN 'submit reject' THEN own.step('all', 'reject', own.submit(own.target(approval), 95, 'all'))
    END AS code
FROM unnest('{required,single,none}'::text[]) WITH ORDINALITY p (approval, i),
     unnest('{submit approve,submit file,submit file at once,approve file,submit reject}'::text[]) WITH ORDINALITY q (pair, j)
ORDER BY i, j;
SELECT regexp_replace(own.try('all', format('approve_adjustment(%s)', own.submit(own.target(), 95, 'all'))), 'adjustment \d+', 'adjustment N');

-- The duties --------------------------------------------------------------------------------
SELECT approval, step, string_agg(who || ' ' || own.step(who, step, own.arrive(approval, CASE step WHEN 'file' THEN 'approved' ELSE 'submitted' END)), ', ' ORDER BY k)
FROM unnest('{required,single,none}'::text[]) WITH ORDINALITY p (approval, i),
     unnest('{approve,file,reject,withdraw}'::text[]) WITH ORDINALITY s (step, j),
     unnest('{boss,wang,zhao,north hr,north,viewer}'::text[]) WITH ORDINALITY w (who, k)
GROUP BY approval, step, i, j ORDER BY i, j;
SELECT regexp_replace(own.try('boss', format('withdraw_adjustment(%s)', own.submit(own.target(), 95))), 'adjustment \d+', 'adjustment N');
-- a step comes from the submitter only where policy says none; a superuser without an actor is one person like any other
SELECT own.code(NULL, format('SELECT calib.approve_adjustment(%s)', own.submit(own.target(), 95, NULL)));  -- KC006

-- SET ROLE makes no other person ---------------------------------------------------------------
CREATE ROLE regress_calib_sales;
CREATE ROLE regress_calib_risk;
CREATE ROLE regress_calib_two LOGIN;
CREATE ROLE regress_calib_hr LOGIN;
GRANT regress_calib_sales, regress_calib_risk TO regress_calib_two;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_sales', 'manager', 2), ('regress_calib_risk', 'risk', NULL), ('regress_calib_hr', 'hr', NULL);
INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value) VALUES (50, 3, 'sell-out', 'quarter', '2025-10-01', 100);
GRANT SELECT ON calib.adjustment, calib.target TO regress_calib_two;
\set VERBOSITY terse
SET SESSION AUTHORIZATION regress_calib_two;
SET ROLE regress_calib_sales;
SELECT calib.submit_adjustment(50, 95, 'why', '{1}') AS a \gset
SET calib.actor = 'somebody else';
SELECT calib.approve_adjustment(:a);               -- 42501: the role is not risk
SET ROLE regress_calib_risk;
SELECT calib.approve_adjustment(:a);               -- KC006: calib.actor counts from delegates only
RESET ROLE;
UPDATE calib.target SET value = 95 WHERE target_id = 50;     -- KC004: a manager may, the policy does not
SELECT submitted_by, status FROM calib.adjustment WHERE adjustment_id = :a;
RESET SESSION AUTHORIZATION;
RESET calib.actor;
SELECT own.try('wang', format('approve_adjustment(%s)', :a));
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT calib.file_adjustment(:a);                  -- no right on any table is needed
RESET SESSION AUTHORIZATION;
SELECT submitted_by, approved_by, filed_by, own.value(50) FROM calib.adjustment WHERE adjustment_id = :a;
-- a plain UPDATE is a manager's, whatever the grants
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (3, '2025-10-15', 'none');
GRANT SELECT, UPDATE ON calib.target TO regress_calib_hr, regress_calib_two;
SET calib.evidence = '1';
SET calib.reason = 'why';
SET SESSION AUTHORIZATION regress_calib_hr;
UPDATE calib.target SET value = 96 WHERE target_id = 50 RETURNING value;     -- not a manager: there is no row for hr to change
SET SESSION AUTHORIZATION regress_calib_two;
UPDATE calib.target SET value = 96 WHERE target_id = 50;
RESET SESSION AUTHORIZATION;
SELECT old_value, new_value, origin, submitted_by, filed_by FROM calib.adjustment WHERE target_id = 50 ORDER BY adjustment_id;
REVOKE ALL ON calib.target, calib.adjustment FROM regress_calib_hr, regress_calib_two;

-- A delegate names persons within its own units only, be it to take back what they submitted
CREATE ROLE regress_calib_portal;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_portal', 'delegate', 2);
INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value) VALUES
    (51, 3, 'shelf', 'quarter', '2025-10-01', 100), (52, 6, 'shelf', 'quarter', '2025-10-01', 100);
SELECT own.submit(52, 95, 'north') AS theirs, own.submit(51, 95, 'chen') AS ours \gset
SELECT substr(own.try('north', 'submit_request(6, ''samples'', 5, ''why'')'), 4) AS request \gset
SET SESSION AUTHORIZATION regress_calib_portal;
SET calib.actor = 'north';
SELECT calib.person(), calib.actor_covers(6), calib.actor_covers(3), calib.actor_covers(NULL);     -- north, f, t, f
SELECT calib.withdraw_adjustment(:theirs);         -- 42501
SELECT calib.withdraw_request(:request);           -- 42501
SET calib.actor = 'chen';
SELECT calib.withdraw_adjustment(:ours);
RESET SESSION AUTHORIZATION;
RESET calib.actor;
SELECT status, ended_by FROM calib.adjustment WHERE adjustment_id IN (:theirs, :ours) ORDER BY adjustment_id;
\set VERBOSITY default

-- Rules hold at filing -----------------------------------------------------------------------------
CREATE FUNCTION own.approved(target bigint, value numeric) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    a bigint := own.submit(target, value);
BEGIN
    IF own.step('wang', 'approve', a) <> 'ok' THEN RAISE 'not approved'; END IF;
    RETURN a;
END $$;
CREATE FUNCTION own.tighten(target bigint, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO calib.policy (unit_id, valid_from, %s) SELECT unit_id, calib.today(), %s FROM calib.target WHERE target_id = %s',
        split_part(what, '=', 1), split_part(what, '=', 2), target);
END $$;
SELECT own.target() AS cap, own.target() AS places, own.target('single') AS approval, own.target() AS frozen, own.target() AS total, own.target('single') AS early \gset
SELECT own.approved(:cap, 92) AS cap1, own.approved(:places, 95) AS places1, own.approved(:places, 96) AS places2,
       own.submit(:early, 95) AS early1, own.submit(:approval, 95) AS approval1, own.approved(:frozen, 95) AS frozen1, own.approved(:total, 92) AS total1 \gset
SELECT own.step('boss', 'approve', :early1) AS by_a_manager;
SET calib.clock = '2025-10-16 09:00+08';
SELECT own.tighten(:early, 'approval=''required'''), own.tighten(:cap, 'cap=0.05'), own.tighten(:places, 'max_adjustments=1'), own.tighten(:approval, 'approval=''required'''),
       own.tighten(:frozen, 'freeze_day=1'), own.tighten(:total, 'cumulative_cap=0.05') \g /dev/null
SELECT own.step('zhao', 'file', :cap1) AS cap, own.step('zhao', 'file', :total1) AS total,         -- KC001, KC001
       own.step('zhao', 'file', :approval1) AS approval, own.step('zhao', 'file', :frozen1) AS frozen;  -- KC005, ok
SELECT own.step('zhao', 'file', :places1) AS first, own.step('zhao', 'file', :places2) AS second, own.budget(:places);  -- ok, KC002, 1/1
SELECT own.step('wang', 'reject', :places2), own.budget(:places), own.value(:places);  -- ok, 1/0, 95
SELECT own.value(:cap), own.budget(:cap), status, approved_by, filed_by FROM calib.adjustment WHERE adjustment_id = :cap1;  -- as before
-- loosened works the other way, too
SELECT own.step('wang', 'approve', :approval1), own.step('zhao', 'file', :approval1);  -- ok, ok: required is what counts
-- an approval from before it was required is none: it waits for risk again
SET calib.actor = 'wang';
SELECT step, duty FROM calib.waiting_step WHERE id = :early1 AND subject = 'adjustment';
RESET calib.actor;
SELECT regexp_replace(own.try('zhao', format('file_adjustment(%s)', :early1)), 'adjustment \d+', 'adjustment N');    -- KC005
SELECT own.step('boss', 'approve', :early1) AS boss, own.step('wang', 'approve', :early1) AS wang, own.step('wang', 'approve', :early1) AS again,
       own.step('zhao', 'file', :early1) AS zhao;     -- 42501, ok, KC005, ok
SELECT approved_by, approved_under, filed_by FROM calib.adjustment WHERE adjustment_id = :early1;
SELECT new_row ->> 'approved_by' AS approved_by, new_row ->> 'approved_under' AS under FROM calib.audit
WHERE relation = 'calib.adjustment' AND new_row @> jsonb_build_object('adjustment_id', :early1, 'status', 'approved') ORDER BY audit_id;
-- another one filed between: what counts is the distance from what it replaces
SELECT own.target() AS t \gset
SELECT own.approved(:t, 110) AS up, own.approved(:t, 105) AS less \gset
SELECT own.step('zhao', 'file', :up), own.step('zhao', 'file', :less), own.value(:t), own.budget(:t);  -- ok, ok, 105, 2/0
SELECT old_value, new_value FROM calib.adjustment WHERE adjustment_id IN (:up, :less) ORDER BY adjustment_id;  -- 100 110, 110 105
SELECT old_row ->> 'old_value' AS submitted_from, new_row ->> 'old_value' AS replaced FROM calib.audit
WHERE relation = 'calib.adjustment' AND new_row @> jsonb_build_object('adjustment_id', :less, 'status', 'filed');
SELECT own.target() AS t \gset
SELECT own.approved(:t, 108) AS up, own.approved(:t, 92) AS down \gset
SELECT own.step('zhao', 'file', :up), own.step('zhao', 'file', :down), own.value(:t), own.budget(:t);  -- ok, KC001, 108, 1/1
SELECT own.step('li', 'withdraw', :down), own.budget(:t);  -- ok, 1/0
SELECT own.code('li', format('SELECT calib.submit_adjustment(%s, 98, ''why'', ''{1}'')', :t));  -- ok: the place is free
-- the value it was to get is there already
SELECT own.target() AS t \gset
SELECT own.approved(:t, 108) AS one, own.approved(:t, 108) AS same \gset
SELECT own.step('zhao', 'file', :one);
SELECT regexp_replace(own.try('zhao', format('file_adjustment(%s)', :same)), 'arget \d+', 'arget N'), own.budget(:t);  -- 22023, 1/1

-- Places -------------------------------------------------------------------------------------------
SELECT own.target() AS t \gset
SELECT own.submit(:t, 95) AS a, own.submit(:t, 96) AS b \gset
SELECT own.budget(:t), own.code('li', format('SELECT calib.submit_adjustment(%s, 97, ''why'', ''{1}'')', :t));  -- 0/2, KC002
SELECT used, pending, remaining FROM calib.adjustment_budget JOIN calib.target USING (unit_id) WHERE target_id = :t;  -- 0, 2, 0
SELECT own.step('wang', 'reject', :a), own.budget(:t), own.step('li', 'withdraw', :b), own.budget(:t);  -- 0/1, none
SELECT own.submit(:t, 97) > 0 AS free, own.budget(:t);
SELECT status, ended_by, ended_comment, ended_at = calib.clock() AS now FROM calib.adjustment WHERE adjustment_id IN (:a, :b) ORDER BY adjustment_id;
-- pending ones hold their place against a plain UPDATE as well
SELECT own.target('none') AS t \gset
SELECT own.submit(:t, 95) AS a, own.submit(:t, 96) AS b \gset
SELECT own.code(NULL, format('UPDATE calib.target SET value = 97 WHERE target_id = %s', :t));  -- KC002
SELECT own.step('li', 'file', :a), own.step('li', 'file', :b), own.value(:t), own.budget(:t);  -- the submitter files at once: 96, 2/0

-- A year's target moves its place to the quarter of the filing -------------------------------------------
SET calib.clock = '2025-09-30 09:00+08';
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (5, 'regulation', 'Sugar tax', 'https://example.com/tax', '2025-08-01');
SELECT own.target('none', 'year', '2025-01-01') AS t \gset
CREATE FUNCTION own.submit5(target bigint, value numeric) RETURNS bigint LANGUAGE sql
AS $$ SELECT substr(r, 4)::bigint FROM own.try('li', format('submit_adjustment(%s, %L, ''why'', ''{5}'')', $1, $2)) r $$;
SELECT own.submit5(:t, 95) AS a, own.submit5(:t, 97) AS b \gset
SELECT own.budget(:t);                             -- third quarter 0/2
SET calib.clock = '2025-10-01 09:00+08';
SELECT own.step('li', 'file', :a), own.budget(:t);  -- Q3 0/1, Q4 1/0
SELECT quarter_start, old_value FROM calib.adjustment WHERE adjustment_id = :a;
SELECT own.submit5(:t, 99) AS c \gset
SELECT own.step('li', 'file', :b), own.budget(:t);  -- KC002: Q4 is full; Q3 0/1, Q4 1/1
SELECT own.step('li', 'withdraw', :c), own.step('li', 'file', :b), own.budget(:t), own.value(:t);  -- ok, ok, Q4 2/0, 97
SELECT own.code('li', format('SELECT calib.submit_adjustment(%s, 99, ''why'', ''{5}'')', :t)), own.budget(:t);  -- KC002

-- After the period's end: submitted in time, filed in the days of grace ----------------------------------
SET calib.clock = '2025-12-31 23:59:59+08';
SELECT own.target('none') AS t, own.target('none', 'quarter', '2025-10-01', 'filing_grace_days=0') AS strict \gset
SELECT own.submit(:t, 95) AS a, own.submit(:t, 96) AS b, own.submit(:strict, 95) AS c \gset
SET calib.clock = '2026-01-01 00:00+08';
SELECT own.code('li', format('SELECT calib.submit_adjustment(%s, 97, ''why'', ''{1}'')', :t)) AS submit, own.step('li', 'file', :c) AS no_grace;  -- KC008, KC008
SET calib.clock = '2026-01-05 23:59:59+08';
SELECT own.step('li', 'file', :a), own.value(:t);   -- ok: the fifth day
SET calib.clock = '2026-01-06 00:00+08';
SELECT own.step('li', 'file', :b), own.value(:t), own.budget(:t);  -- KC008, 95, 1/1
SELECT own.step('li', 'withdraw', :b), own.budget(:t);
-- grace of any length the policy takes
SET calib.clock = '2026-03-31 09:00+08';
SELECT own.target('none', 'quarter', '2026-01-01', 'filing_grace_days=2147483647') AS t \gset
SELECT own.submit(:t, 95) AS a \gset
SET calib.clock = '2026-09-01 09:00+08';
SELECT own.step('li', 'file', :a), own.value(:t);   -- ok
-- the freeze is one of submissions
SET calib.clock = '2026-10-25 09:00+08';
SELECT own.target('none', 'month', '2026-10-01', 'freeze_day=25') AS t \gset
SELECT own.submit(:t, 95) AS a \gset
SET calib.clock = '2026-10-26 09:00+08';
SELECT own.code('li', format('SELECT calib.submit_adjustment(%s, 97, ''why'', ''{1}'')', :t)) AS submit, own.step('li', 'file', :a) AS file;  -- KC008, ok

-- Batches -----------------------------------------------------------------------------------------------
SET calib.clock = '2025-10-20 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT u, 2, 'team', 'team ' || u FROM generate_series(21, 29) u;
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value, value)
SELECT u, u, 'quarter', '2025-10-01', u * 10, u * 10 FROM generate_series(21, 29) u;
CREATE FUNCTION own.batch(who text, targets text, change text DEFAULT '-0.08') RETURNS text LANGUAGE sql
AS $$ SELECT own.try($1, format('submit_adjustments(%L, %L, ''price cut'', ''{1,2}'')', $2, $3)) $$;
SELECT substr(own.batch('li', '{23,21,22}'), 4)::bigint AS batch \gset
SELECT adjustment_id - :batch AS n, batch_id = :batch AS batch, target_id, old_value, new_value, reason, status, count(e.evidence_id) AS evidence
FROM calib.adjustment JOIN calib.adjustment_evidence e USING (adjustment_id) WHERE batch_id = :batch GROUP BY adjustment_id ORDER BY 1;
-- a step on any member is the step of all
SELECT own.try('wang', format('approve_adjustment(%s, ''all of them'')', :batch + 2));
SELECT own.try('zhao', format('file_adjustment(%s)', :batch + 1));
SELECT target_id, status, approved_by, approved_comment, filed_by, own.value(target_id), own.budget(target_id) FROM calib.adjustment WHERE batch_id = :batch ORDER BY 1;
SELECT own.step('zhao', 'file', :batch);           -- KC005
-- +8 % of the ORIGINAL, exactly at the cap, over it, no share
SELECT c, own.batch('li', '{24,25}', c) LIKE 'ok %' AS ok, left(own.batch('li', '{24,25}', c), 5) FROM unnest(ARRAY['0.100000001', '-0.100000001', '0', 'NaN', 'Infinity', NULL]) c;
SELECT own.batch('li', '{21}', '0.08') LIKE 'ok %' AS ok;
SELECT new_value, old_value FROM calib.adjustment ORDER BY adjustment_id DESC LIMIT 1;  -- 193.2 + 16.8 = 210
-- all or nothing: nobody's, twice, unknown, none, a draft, another's unit, no place left
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (30, 29, 'quarter', '2026-04-01', 10);
SELECT own.submit(27, 265) > 0 AS one, own.submit(27, 266) > 0 AS two;
SELECT count(*) AS before, max(adjustment_id) AS last FROM calib.adjustment \gset
SELECT t, regexp_replace(own.batch('li', t), 'unit \d+', 'unit N') FROM unnest(ARRAY['{}', NULL, '{24,NULL}', '{24,24}', '{24,404}', '{24,30}', '{3,24}', '{24,27}']) t;
SELECT count(*) = :before AS none_made, own.budget(24) AS place FROM calib.adjustment;
-- two targets of one unit take two of its places, or none
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) SELECT 30 + m, 28, 'month', make_date(2025, m, 1), 100 FROM generate_series(10, 12) m;
SELECT calib.publish_targets('2025-11-01', 28) + calib.publish_targets('2025-12-01', 28) AS published;
SELECT left(own.batch('li', '{40,41,42}'), 5) AS three, own.batch('li', '{40,41}') LIKE 'ok %' AS two, own.budget(40);
-- ids against the order of periods: no budget is touched but those of the two quarters
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (61, 2, 'team', 'backwards');
INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value) VALUES
    (71, 61, 'a', 'quarter', '2026-01-01', 100), (72, 61, 'b', 'quarter', '2025-10-01', 100);
SELECT calib.publish_targets('2026-01-01', 61) AS published;
SELECT own.batch('li', '{71,72}') LIKE 'ok %' AS ok;
SELECT measure, quarter_start, used, pending FROM calib.budget WHERE unit_id = 61 ORDER BY 1, 2;  -- two rows
-- one member that cannot be filed holds all of them back
SELECT substr(own.batch('li', '{24,25}'), 4)::bigint AS batch \gset
SELECT own.step('wang', 'approve', :batch);
SET calib.clock = '2025-10-21 09:00+08';
INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (25, '2025-10-21', 0.05);
SELECT own.step('zhao', 'file', :batch), own.value(24), own.value(25), own.budget(24), own.budget(25);  -- KC001, 240, 250
SELECT string_agg(status, ',') FROM calib.adjustment WHERE batch_id = :batch;
SELECT own.step('wang', 'reject', :batch + 1), own.budget(24), own.budget(25);
SELECT own.batch('li', '{24,26}') LIKE 'ok %' AS again;
-- and one that is not theirs: hr of one unit only
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('hr 24', 'hr', 24);
SELECT max(batch_id) AS batch FROM calib.adjustment \gset
SELECT own.step('wang', 'approve', :batch), own.step('hr 24', 'file', :batch), own.step('zhao', 'file', :batch);  -- ok, 42501, ok

-- Triggers of somebody's own on the table ----------------------------------------------------------------
CREATE FUNCTION own.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_ARGV[0] = 'more' THEN NEW.value := NEW.value - 1; RETURN NEW; END IF;
    IF TG_ARGV[0] = 'original' THEN NEW.original_value := NEW.original_value + 1; RETURN NEW; END IF;
    IF TG_ARGV[0] = 'keep' THEN NEW.value := OLD.value; RETURN NEW; END IF;
    IF TG_ARGV[0] = 'drop' THEN RETURN NULL; END IF;
    IF pg_trigger_depth() > 1 THEN RETURN NEW; END IF;
    IF TG_ARGV[0] = 'again' THEN UPDATE calib.target SET value = value - 1 WHERE target_id = NEW.target_id; END IF;
    IF TG_ARGV[0] = 'back' THEN
        UPDATE calib.target SET value = OLD.value WHERE target_id = NEW.target_id;
        UPDATE calib.target SET value = NEW.value WHERE target_id = NEW.target_id;
    END IF;
    IF TG_ARGV[0] = 'beside' THEN UPDATE calib.target SET value = value - 1 WHERE target_id = 29; END IF;
    IF TG_ARGV[0] = 'ref' THEN UPDATE calib.target SET external_ref = 'harmless' WHERE target_id = 29; END IF;
    RETURN NEW;
END $$;
SET calib.evidence = '1';
SET calib.reason = 'why';
-- policy none: a plain UPDATE of each would be an adjustment
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (29, '2025-10-21', 'none');
CREATE FUNCTION own.meddled(timing text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t bigint := own.target('none');
    a bigint := own.submit(t, 95);
    told text;
BEGIN
    EXECUTE format('CREATE TRIGGER aaa_own %s UPDATE ON calib.target FOR EACH ROW EXECUTE FUNCTION own.meddle(%L)', timing, what);
    told := own.try('li', format('file_adjustment(%s)', a));
    DROP TRIGGER aaa_own ON calib.target;
    RETURN regexp_replace(regexp_replace(told, ' \|.*', ''), ' \d{3,}', ' N') || '; ' || own.value(t) || ', ' || own.budget(t);
END $$;
SELECT timing, what, own.meddled(timing, what)
FROM (VALUES ('BEFORE', 'more'), ('BEFORE', 'original'), ('BEFORE', 'keep'), ('BEFORE', 'drop'), ('BEFORE', 'beside'),
    ('AFTER', 'again'), ('AFTER', 'back'), ('AFTER', 'beside'), ('AFTER', 'ref')) v (timing, what);
SELECT own.value(29) = 290 AS untouched, external_ref FROM calib.target WHERE target_id = 29;
-- after a refusal nothing is left open: the next plain UPDATE is decided as one
SELECT own.code('li', 'UPDATE calib.target SET value = 289 WHERE target_id = 29');
SELECT own.code(NULL, s) FROM unnest(ARRAY['UPDATE calib.budget SET pending = 0', 'UPDATE calib.adjustment SET status = ''filed''',
    'UPDATE calib.adjustment SET status = ''withdrawn''', 'UPDATE calib.adjustment SET approved_by = ''me'' WHERE status = ''submitted''',
    'INSERT INTO calib.adjustment (target_id, quarter_start, old_value, new_value, reason, status, submitted_by, submitted_at)
     VALUES (29, ''2025-10-01'', 1, 2, ''x'', ''submitted'', ''x'', now())', 'DELETE FROM calib.adjustment WHERE status = ''withdrawn''']) s;  -- KC007

-- The moment of a decision is real time, not the transaction's start
RESET calib.clock;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (60, 2, 'team', 'today');
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT 60, 60, 'year', calib.period_start(calib.today(), 'year', 1), 100;
BEGIN;
SELECT pg_sleep(0.01) \g /dev/null
SELECT calib.submit_adjustment(60, 95, 'why', '{1}') > 0 AS submitted;
SELECT submitted_at > now() AND submitted_at <= clock_timestamp() AS at_the_moment FROM calib.adjustment WHERE target_id = 60;
COMMIT;
SET calib.clock = '2025-10-21 09:00+08';

-- What it comes to ---------------------------------------------------------------------------------------
SELECT count(*) AS wrong FROM calib.budget b
WHERE b.used || '/' || b.pending <> (SELECT count(*) FILTER (WHERE a.status = 'filed') || '/' || count(*) FILTER (WHERE a.status IN ('submitted', 'approved'))
    FROM calib.adjustment a JOIN calib.target t USING (target_id)
    WHERE (t.unit_id, t.measure, t.product_line, a.quarter_start) = (b.unit_id, b.measure, b.product_line, b.quarter_start));
SELECT count(*) AS wrong FROM calib.target t
WHERE t.value <> t.original_value + (SELECT coalesce(sum(a.new_value - a.old_value), 0) FROM calib.adjustment a WHERE a.target_id = t.target_id AND a.status = 'filed');
SELECT count(*) > 100 AS many, bool_and(e.n >= 1) AS all_with_evidence FROM calib.adjustment a
JOIN LATERAL (SELECT count(*) AS n FROM calib.adjustment_evidence e WHERE e.adjustment_id = a.adjustment_id) e ON true;

DROP EXTENSION calib;
DROP SCHEMA own CASCADE;
DROP ROLE regress_calib_sales, regress_calib_risk, regress_calib_two, regress_calib_hr, regress_calib_portal;
