-- The table duty x action of docs/rights.md, tried cell by cell: each duty over one
-- region, and for everyone, does each action on a rep's unit of that region and on
-- one of another. A cell that changes here changes there.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
\set VERBOSITY terse
SET calib.clock = '2025-10-20 09:00+08';
CREATE SCHEMA own;
GRANT ALL ON SCHEMA own TO PUBLIC;

-- East (2) and North (5): a team and two reps each; the second rep's policy is `none`
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES
    (1, NULL, 'company', 'Qingquan', '(,)'), (2, 1, 'region', 'East', '(,)'), (3, 2, 'team', 'Zhejiang', '(,)'), (4, 3, 'rep', 'Li', '(,)'), (8, 3, 'rep', 'Ma', '(,)'),
    (5, 1, 'region', 'North', '(,)'), (6, 5, 'team', 'Beijing', '(,)'), (7, 6, 'rep', 'Wang', '(,)'), (9, 6, 'rep', 'Xu', '(,)');
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (2, '2025-10-20', 'required'), (5, '2025-10-20', 'required'), (8, '2025-10-20', 'none'), (9, '2025-10-20', 'none');
INSERT INTO calib.benchmark (unit_id, conversion) VALUES (2, 0.2), (5, 0.2);
INSERT INTO calib.season (unit_id, grain, shares) VALUES (2, 'month', '{1,2}'), (5, 'month', '{1,2}');
INSERT INTO calib.customer (customer_id, unit_id, name) VALUES (4, 4, 'shop'), (7, 7, 'shop');
INSERT INTO calib.opportunity (opportunity_id, unit_id) VALUES (4, 4), (7, 7);
INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (4, 'visit', '2025-10-17', '2025-10-18'), (7, 'visit', '2025-10-17', '2025-10-18');
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (4, '2025-10-17', 1), (7, '2025-10-17', 1);
INSERT INTO calib.deviation (unit_id, kind, period_start) VALUES (4, 'execution', '2025-10-01'), (7, 'execution', '2025-10-01');
INSERT INTO calib.absence (absence_id, unit_id, during) VALUES (4, 4, '[2025-10-13,2025-10-14)'), (7, 7, '[2025-10-13,2025-10-14)');
INSERT INTO calib.source VALUES ('erp', 3);
-- targets: x4, x7 of the first rep by measure, 8 and 9 of the second, 54 and 57 drafts
INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value) VALUES
    (14, 4, 'collection', 'quarter', '2025-10-01', 100), (17, 7, 'collection', 'quarter', '2025-10-01', 100), (24, 4, 'b', 'quarter', '2025-10-01', 100), (27, 7, 'b', 'quarter', '2025-10-01', 100),
    (34, 4, 'c', 'quarter', '2025-10-01', 100), (37, 7, 'c', 'quarter', '2025-10-01', 100), (8, 8, 'collection', 'quarter', '2025-10-01', 100), (9, 9, 'collection', 'quarter', '2025-10-01', 100),
    (54, 4, 'collection', 'quarter', '2026-01-01', 100), (57, 7, 'collection', 'quarter', '2026-01-01', 100);
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) SELECT e, 'market_report', 'report', 'https://example.com', '2025-10-17' FROM unnest('{1,4,7}'::bigint[]) e;
ALTER SEQUENCE calib.unit_unit_id_seq RESTART 100;
ALTER SEQUENCE calib.target_target_id_seq RESTART 100;
ALTER SEQUENCE calib.customer_customer_id_seq RESTART 100;
ALTER SEQUENCE calib.opportunity_opportunity_id_seq RESTART 100;
ALTER SEQUENCE calib.evidence_evidence_id_seq RESTART 100;
ALTER SEQUENCE calib.absence_absence_id_seq RESTART 100;
-- adjustments and requests 1, 2 are submitted, 3, 4 approved, in East and North
INSERT INTO calib.duty (person, duty) VALUES ('sub', 'manager'), ('app', 'risk');
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('somebody', 'rep', 4), ('somebody', 'rep', 7);
SET calib.actor = 'sub';
SELECT calib.submit_adjustment(10 * m + u, 95, 'why', ARRAY[u]), calib.submit_request(u, 'samples', 1, 'why') FROM generate_series(1, 2) m, unnest('{4,7}'::bigint[]) u ORDER BY m, u;
SET calib.actor = 'app';
SELECT calib.approve_adjustment(a), calib.approve_request(a) FROM generate_series(3, 4) a \g /dev/null
RESET calib.actor;
-- their meetings are open
SELECT calib.open_meeting(u, calib.today()) AS meeting FROM unnest('{4,7}'::bigint[]) u;
-- their agreements wait to be acknowledged
SELECT count(calib.draft_agreement(u, 'quarter', '2025-10-01', '{}')) FROM unnest('{4,7}'::bigint[]) u;
-- a reminder of each rep's (1, 2) and one of its manager's about it (3, 4); a weekly report (1, 2); a rule of each region
SELECT count(calib.remind(duty || u, u, duty, 'x', 'not_started', '{}', calib.clock(), NULL)) FROM (SELECT * FROM unnest('{rep,manager}'::text[]) d (duty), unnest('{4,7}'::bigint[]) u ORDER BY duty DESC, u) r;
SELECT count(calib.make_report(u, '2025-10-13', 'x', '{}', calib.clock(), calib.clock())) FROM unnest('{4,7}'::bigint[]) u;
INSERT INTO calib.rule (rule, kind, parameters, unit_id, label_en, label_zh) SELECT 'rule of ' || u, 'weeks_without', '{"indicator": "visits", "weeks": 2}', u, 'x', 'x' FROM unnest('{4,7}'::bigint[]) u;
CREATE TABLE own.audited (a integer);
SELECT calib.audit_table('own.audited');
CREATE TABLE own.quota (unit bigint, quarter date, amount numeric);

-- Logins: a duty over East (a rep's over its two units), and the same for everyone
CREATE VIEW own.duty AS SELECT * FROM unnest('{rep,viewer,manager,risk,hr,admin}'::text[]) WITH ORDINALITY d (duty, n);
DO $$
DECLARE
    d text;
BEGIN
    FOR d IN SELECT duty FROM own.duty LOOP
        EXECUTE format('CREATE ROLE regress_calib_%1$s_own LOGIN; CREATE ROLE regress_calib_%1$s_all LOGIN', d);
        INSERT INTO calib.duty (role_name, duty, unit_id) SELECT 'regress_calib_' || d || '_own', d, u FROM unnest(CASE d WHEN 'rep' THEN '{4,8}' ELSE '{2}' END::bigint[]) u;
        INSERT INTO calib.duty (role_name, duty) VALUES ('regress_calib_' || d || '_all', d);
    END LOOP;
END $$;
CREATE ROLE regress_calib_nobody LOGIN;
ANALYZE;

-- Whether a login gets a statement done, which is then undone. Finding no row to
-- change is not done; every refusal but for a right is a mistake of this test.
CREATE FUNCTION own.does(login text, statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', 'regress_calib_' || login);
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'UNDO1', MESSAGE = n;
EXCEPTION
    WHEN SQLSTATE 'UNDO1' THEN RETURN SQLERRM <> '0';
    WHEN insufficient_privilege THEN RETURN false;
END $$;
-- The cell: own is done in the own subtree alone, yes on both, all only with the duty
-- for everyone, which must do wherever a narrower one does.
CREATE FUNCTION own.cell(duty text, east text, north text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE
        WHEN (here AND NOT (here_all AND there_all)) OR (there AND NOT here) OR here_all <> there_all THEN 'ODD'
        WHEN here AND there THEN 'yes' WHEN here THEN 'own' WHEN here_all THEN 'all' ELSE '' END
    FROM (SELECT own.does($1 || '_own', $2) AS here, own.does($1 || '_own', $3) AS there, own.does($1 || '_all', $2) AS here_all, own.does($1 || '_all', $3) AS there_all) tried
$$;

CREATE TABLE own.action (n integer GENERATED ALWAYS AS IDENTITY, action text, statement text);
GRANT SELECT ON own.action TO PUBLIC;
INSERT INTO own.action (action, statement)
    SELECT 'read ' || r, format('SELECT FROM calib.%I WHERE unit_id = :u', r)
    FROM unnest('{unit,target,result,activity,customer,opportunity,deviation,resource_request,absence,attainment,diagnosis,adjustment_trail,request_trail,adjustment_budget,unit_label}'::text[]) r
    UNION ALL SELECT 'read peer figures', 'SELECT FROM calib.peer_figures(''2025-10-01'', ''2025-10-20'') WHERE unit_id = :u'
    UNION ALL SELECT 'read adjustment', 'SELECT FROM calib.adjustment WHERE adjustment_id = :s'
    UNION ALL SELECT 'read ' || r || ', inherited', format('SELECT FROM calib.%I WHERE unit_id = :region', r) FROM unnest('{policy,benchmark,season}'::text[]) r
    UNION ALL SELECT 'read ' || r, format('SELECT FROM calib.%I', r)
    FROM unnest('{activity_kind,request_kind,evidence_kind,tier,stage,holiday,source,organisation}'::text[]) r;
INSERT INTO own.action (action, statement) VALUES
    ('read evidence cited', 'SELECT FROM calib.evidence WHERE evidence_id = :u'),
    ('read evidence not cited', 'SELECT FROM calib.evidence WHERE evidence_id = 1'),
    ('read duties, one''s own', 'SELECT FROM calib.duty WHERE role_name = session_user'),
    ('read duties, others''', 'SELECT FROM calib.duty WHERE person = ''somebody'' AND unit_id = :u'),
    ('read agreements', 'SELECT FROM calib.agreement WHERE unit_id = :u'),
    ('draft an agreement', 'SELECT calib.draft_agreement(:u, ''quarter'', ''2025-10-01'', ''{"a": 1}'')'),
    ('acknowledge an agreement', 'SELECT calib.acknowledge_agreement(:u, ''quarter'', ''2025-10-01'')'),
    ('answer a deviation', 'SELECT calib.comment_deviation(CASE :u WHEN 4 THEN 1 ELSE 2 END, ''why'')'),
    ('read reminders to a rep', 'SELECT FROM calib.reminder WHERE reminder_id = :s'),
    ('read reminders to a manager', 'SELECT FROM calib.reminder WHERE reminder_id = :s + 2'),
    ('finish a reminder to a rep', 'SELECT calib.finish_reminder(:s)'),
    ('finish a reminder to a manager', 'SELECT calib.finish_reminder(:s + 2)'),
    ('dismiss a reminder to a rep', 'SELECT calib.dismiss_reminder(:s, ''why'')'),
    ('read weekly reports', 'SELECT FROM calib.weekly_report WHERE report_id = :s'),
    ('edit a weekly report', 'SELECT calib.edit_report(:s, ''x'')'),
    ('file a weekly report', 'SELECT calib.file_report(:s)'),
    ('read rules', 'SELECT FROM calib.rule'),
    ('change rules', 'UPDATE calib.rule SET enabled = true WHERE unit_id = :u'),
    ('change rules for everyone', 'UPDATE calib.rule SET enabled = true WHERE unit_id IS NULL'),
    ('set up a small firm', 'SELECT calib.setup_small_firm()'),
    ('read the outbox', 'SELECT FROM calib.outbox'),
    ('claim and acknowledge', 'SELECT calib.ack_outbox(id) FROM calib.claim_outbox(1, ''w'')'),
    ('prune the outbox', 'SELECT calib.prune_outbox(''2000-01-01'')'),
    ('read the raw trail', 'SELECT FROM calib.audit'),
    ('read what is audited', 'SELECT FROM calib.audited'),
    ('enter activities', 'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (:u, ''call'', ''2025-10-18'')'),
    ('correct activities', 'UPDATE calib.activity SET quantity = 2, recorded_at = DEFAULT WHERE unit_id = :u'),
    ('correct activities, recorded before', 'UPDATE calib.activity SET quantity = 2 WHERE unit_id = :u'),
    ('say when an activity was recorded', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (:u, ''call'', ''2025-08-11'', ''2025-08-11'')'),
    ('enter customers', 'INSERT INTO calib.customer (unit_id, name) VALUES (:u, ''new'')'),
    ('correct customers', 'UPDATE calib.customer SET name = ''x'' WHERE unit_id = :u'),
    ('enter opportunities', 'INSERT INTO calib.opportunity (unit_id) VALUES (:u)'),
    ('correct opportunities', 'UPDATE calib.opportunity SET amount = 1 WHERE unit_id = :u'),
    ('enter absences', 'INSERT INTO calib.absence (unit_id, during) VALUES (:u, ''[2025-12-01,2025-12-02)'')'),
    ('correct absences', 'UPDATE calib.absence SET during = ''[2025-12-01,2025-12-02)'' WHERE unit_id = :u'),
    ('enter results', 'INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (:u, ''2025-10-18'', 1)'),
    ('correct results', 'UPDATE calib.result SET amount = 2 WHERE unit_id = :u'),
    ('enter drafts', 'INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (:u, ''month'', ''2025-12-01'', 1)'),
    ('correct drafts', 'UPDATE calib.target SET value = 90 WHERE target_id = 50 + :u'),
    ('delete drafts', 'DELETE FROM calib.target WHERE target_id = 50 + :u'),
    ('publish targets', 'SELECT calib.publish_targets(''2026-01-01'', :u)'),
    ('enter a target of now', 'INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (:u, ''month'', ''2025-10-01'', 1)'),
    ('plain UPDATE', 'SET LOCAL calib.evidence = ''1''; SET LOCAL calib.reason = ''why''; UPDATE calib.target SET value = 95 WHERE target_id = :none'),
    ('submit an adjustment', 'SELECT calib.submit_adjustment(30 + :u, 95, ''why'', ''{1}'')'),
    ('submit a batch', 'SELECT calib.submit_adjustments(ARRAY[30 + :u, 10 + :u], -0.05, ''why'', ''{1}'')'),
    ('submit a request', 'SELECT calib.submit_request(:u, ''samples'', 1, ''why'')'),
    ('open a meeting', 'SELECT calib.open_meeting(:u, calib.today())'),
    ('close a meeting', 'SELECT calib.close_meeting(:s)'),
    ('approve an adjustment', 'SELECT calib.approve_adjustment(:s)'),
    ('approve a request', 'SELECT calib.approve_request(:s)'),
    ('file an adjustment', 'SELECT calib.file_adjustment(:s + 2)'),
    ('file a request', 'SELECT calib.file_request(:s + 2)'),
    ('reject an adjustment', 'SELECT calib.reject_adjustment(:s, ''no'')'),
    ('reject a request', 'SELECT calib.reject_request(:s, ''no'')'),
    ('withdraw the own', 'SELECT calib.withdraw_adjustment(calib.submit_adjustment(30 + :u, 95, ''why'', ''{1}''))'),
    ('withdraw another''s', 'SELECT calib.withdraw_adjustment(:s)'),
    ('withdraw a request of another''s', 'SELECT calib.withdraw_request(:s)'),
    ('attach evidence', 'SELECT calib.attach_evidence(''market_report'', ''t'', ''u'')'),
    ('enter evidence', 'INSERT INTO calib.evidence (kind, title, uri, observed_on) VALUES (''market_report'', ''t'', ''u'', ''2025-10-17'')'),
    ('enter evidence, another''s name', 'INSERT INTO calib.evidence (kind, title, uri, observed_on, created_by) VALUES (''market_report'', ''t'', ''u'', ''2025-10-17'', ''x'')'),
    ('enter units', 'INSERT INTO calib.unit (parent_id, kind, name) VALUES (:u, ''rep'', ''x'')'),
    ('enter policy', 'INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (:u, ''2025-12-01'', 0.05)'),
    ('enter benchmarks', 'INSERT INTO calib.benchmark (unit_id, conversion) VALUES (:u, 0.2)'),
    ('enter seasons', 'INSERT INTO calib.season (unit_id, grain, shares) VALUES (:u, ''month'', ''{1,2}'')'),
    ('enter duties', 'INSERT INTO calib.duty (person, duty, unit_id) VALUES (''x'', ''rep'', :u)'),
    ('take duties away', 'DELETE FROM calib.duty WHERE person = ''somebody'' AND unit_id = :u'),
    ('policy for everyone', 'INSERT INTO calib.policy (valid_from, cap) VALUES (''2025-12-01'', 0.05)'),
    ('benchmarks for everyone', 'INSERT INTO calib.benchmark (conversion, valid_from) VALUES (0.2, ''2025-10-20'')'),
    ('duties for everyone', 'INSERT INTO calib.duty (person, duty) VALUES (''x'', ''rep'')'),
    ('a unit above all', 'INSERT INTO calib.unit (kind, name) VALUES (''company'', ''x'')'),
    ('enter kinds', 'INSERT INTO calib.activity_kind VALUES (''x'', ''x'', ''x'')'),
    ('enter weights', 'INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES (''visit'', 2, ''2025-12-01'')'),
    ('enter tiers', 'UPDATE calib.tier SET visits_per_week = 3'),
    ('enter stages', 'INSERT INTO calib.stage (stage, position, early) VALUES (''x'', 99, false)'),
    ('enter holidays', 'INSERT INTO calib.holiday (day, name) VALUES (''2027-01-01'', ''x'')'),
    ('enter sources', 'INSERT INTO calib.source VALUES (''x'', 3)'),
    ('change the organisation', 'UPDATE calib.organisation SET zone = zone'),
    ('rearm', 'SELECT count(*) FROM calib.rearm()'),
    ('run jobs', 'SELECT calib.run(''announce'')'),
    ('seal', 'SELECT calib.seal()'),
    ('guard a table of others', 'SELECT calib.guard_table(''own.quota'', ''amount'', ''unit'', ''quarter'')'),
    ('audit a table of others', 'SELECT calib.audit_table(''own.quota'')'),
    ('guard one''s own table', 'CREATE TABLE own.mine (unit bigint, quarter date, amount numeric); SELECT calib.guard_table(''own.mine'', ''amount'', ''unit'', ''quarter'')'),
    ('audit one''s own table', 'CREATE TABLE own.mine (a integer); SELECT calib.audit_table(''own.mine'')');
CREATE FUNCTION own.cells(statement text) RETURNS TABLE (rep text, viewer text, manager text, risk text, hr text, admin text) LANGUAGE sql AS $$
    SELECT max(c) FILTER (WHERE duty = 'rep'), max(c) FILTER (WHERE duty = 'viewer'), max(c) FILTER (WHERE duty = 'manager'),
           max(c) FILTER (WHERE duty = 'risk'), max(c) FILTER (WHERE duty = 'hr'), max(c) FILTER (WHERE duty = 'admin')
    FROM (SELECT duty, own.cell(duty, replace(replace(replace(replace($1, ':u', '4'), ':s', '1'), ':none', '8'), ':region', '2'),
                                      replace(replace(replace(replace($1, ':u', '7'), ':s', '2'), ':none', '9'), ':region', '5')) AS c FROM own.duty) tried
$$;
\pset format unaligned
SELECT action, c.* FROM own.action a, own.cells(a.statement) c ORDER BY a.n;
-- whoever holds no duty reads what everybody reads
SELECT action FROM own.action a
WHERE own.does('nobody', replace(replace(replace(replace(a.statement, ':u', '4'), ':s', '1'), ':none', '8'), ':region', '2')) ORDER BY n;
\pset format aligned

DROP EXTENSION calib CASCADE;
DROP SCHEMA own CASCADE;
DO $$
DECLARE
    r text;
BEGIN
    FOR r IN SELECT rolname FROM pg_roles WHERE rolname ~ '^regress_calib_(rep|viewer|manager|risk|hr|admin)_(own|all)$' OR rolname = 'regress_calib_nobody' LOOP
        EXECUTE format('DROP ROLE %I', r);
    END LOOP;
END $$;
