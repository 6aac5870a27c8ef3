-- Rights: which rows each duty reads and writes, that figures are the same for
-- every viewer, and what is tried to get around it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
\set VERBOSITY terse
SET datestyle = iso;
SET timezone = 'Asia/Shanghai';
CREATE SCHEMA own;
GRANT ALL ON SCHEMA own TO PUBLIC;
-- Runs a statement as a role, tells what became of it, and undoes it.
CREATE FUNCTION own.as(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'UNDO1', MESSAGE = 'ok ' || n;
EXCEPTION
    WHEN SQLSTATE 'UNDO1' THEN RETURN SQLERRM;
    WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- The one value a query gives a role.
CREATE FUNCTION own.read(role name, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE query INTO told;
    RESET ROLE;
    RETURN told;
EXCEPTION WHEN OTHERS THEN
    RESET ROLE;
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- East (2) has three teams, North (5) one; Anhui (10) moves from East to North on
-- 2025-11-10. Its rep Zhao (11) goes along; rep Sun (12) left Anhui for Beijing
-- before that, on 2025-10-20.
SET calib.clock = '2025-09-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES
    (1, NULL, 'company', 'Qingquan', '(,)'), (2, 1, 'region', 'East', '(,)'), (5, 1, 'region', 'North', '(,)'),
    (3, 2, 'team', 'Zhejiang', '(,)'), (8, 2, 'team', 'Jiangsu', '(,)'), (10, 2, 'team', 'Anhui', '(,)'), (6, 5, 'team', 'Beijing', '(,)'),
    (4, 3, 'rep', 'Li', '[2025-01-01,)'), (9, 8, 'rep', 'Qian', '[2025-01-01,)'), (11, 10, 'rep', 'Zhao', '[2025-01-01,)'),
    (12, 10, 'rep', 'Sun', '[2025-01-01,)'), (7, 6, 'rep', 'Wang', '[2025-01-01,)');
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (2, '2025-09-01', 'none'), (6, '2025-09-01', 'single');
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT 100 * u + n, u, 'shop ' || u || '-' || n,
    CASE WHEN n = 3 THEN timestamptz '2025-10-03' ELSE '2025-01-01' END FROM unnest('{4,7,9,11,12}'::bigint[]) u, generate_series(1, 3) n;
INSERT INTO calib.customer (customer_id, name, created_at) VALUES (1, 'nobody''s', '2025-01-01');
INSERT INTO calib.target (target_id, unit_id, product_line, grain, period_start, original_value) VALUES
    (1, 3, '', 'quarter', '2025-10-01', 1000), (2, 8, '', 'quarter', '2025-10-01', 1000), (3, 10, '', 'quarter', '2025-10-01', 500),
    (4, 6, '', 'quarter', '2025-10-01', 800), (5, 3, 'premium', 'quarter', '2025-10-01', 300), (6, 6, 'premium', 'quarter', '2025-10-01', 200),
    (7, 4, '', 'month', '2025-10-01', 100), (8, 11, '', 'month', '2025-10-01', 90), (9, 7, '', 'month', '2025-10-01', 80),
    (10, 9, '', 'month', '2025-10-01', 70), (11, 12, '', 'month', '2025-10-01', 60), (12, 10, '', 'month', '2025-12-01', 50),
    (13, 2, '', 'quarter', '2025-10-01', 2600);
SET calib.clock = '2025-10-20 09:00+08';
UPDATE calib.unit SET parent_id = 6 WHERE unit_id = 12;
SET calib.clock = '2025-11-10 09:00+08';
UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 10;
SET calib.clock = '2025-11-20 09:00+08';
-- a visit and a call on every day, by as many as the rep has; some visit shops of others
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, product_line, kind, occurred_at, recorded_at)
SELECT 'crm', format('%s %s %s', u, d, n), u, CASE WHEN n = 2 THEN 401 ELSE 100 * u + 1 + n % 3 END,
       CASE WHEN n = 1 THEN 'premium' ELSE '' END, CASE WHEN n % 2 = 0 THEN 'visit' ELSE 'call' END,
       d + n * interval '1 hour', d + n * interval '1 hour'
FROM (VALUES (4, 5), (7, 3), (9, 4), (11, 6), (12, 2)) AS rep (u, often),
     generate_series(timestamptz '2025-08-01 10:00+08', '2025-11-19 10:00+08', '1 day') d, generate_series(1, often) n;
INSERT INTO calib.result (source, external_id, unit_id, product_line, occurred_at, amount, recorded_at)
SELECT 'erp', format('%s %s', u, d), u, CASE WHEN extract(day FROM d)::int % 3 = 0 THEN 'premium' ELSE '' END, d, u, d
FROM unnest('{4,7,9,11,12}'::bigint[]) u, generate_series(timestamptz '2025-09-01 12:00+08', '2025-11-19 12:00+08', '1 day') d;
INSERT INTO calib.source VALUES ('erp', 3);
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, product_line, stage_since, created_at, outcome, closed_at)
SELECT 1000 * u + n, 100 * u + 1 + n % 3, u, 'premium', '2025-10-02', '2025-10-02', CASE WHEN n % 3 = 0 THEN 'won' WHEN n % 3 = 2 THEN 'lost' ELSE 'open' END,
       CASE WHEN n % 3 <> 1 THEN timestamptz '2025-10-10 09:00+08' END
FROM unnest('{4,7,9,11,12}'::bigint[]) u, generate_series(1, 24) n;
-- North works on a customer of Li's, whom Li and others visit
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage_since, created_at) VALUES (1, 401, 7, '2025-10-02', '2025-10-02');
INSERT INTO calib.deviation (deviation_id, unit_id, kind, period_start, detected_at, acted_at, ended_at, ending) VALUES
    (1, 10, 'execution', '2025-10-01', '2025-10-15 09:00+08', '2025-10-17 09:00+08', '2025-10-17 09:00+08', 'acted'),
    (2, 3, 'execution', '2025-10-01', '2025-10-15 09:00+08', NULL, NULL, NULL), (3, 10, 'environment', '2025-10-01', '2025-11-15 09:00+08', NULL, NULL, NULL);
INSERT INTO calib.benchmark (unit_id, product_line, conversion) VALUES (NULL, '', 0.2), (1, 'premium', 0.3), (5, '', 0.5);
INSERT INTO calib.absence (absence_id, unit_id, during) VALUES (1, 4, '[2025-10-06,2025-10-08)'), (2, 12, '[2025-10-06,2025-10-10)');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on, created_by) VALUES
    (1, 'market_report', 'rival cuts prices', 'https://example.com/1', '2025-11-01', 'regress_calib_east'), (2, 'market_report', 'uncited', 'https://example.com/2', '2025-11-01', 'regress_calib_hr');
SET calib.evidence = '1';
SET calib.reason = 'rival';
UPDATE calib.target SET value = 950 WHERE target_id = 1;
RESET calib.evidence;
RESET calib.reason;
-- last year's November, for a season
INSERT INTO calib.result (source, unit_id, occurred_at, amount) SELECT 'erp', u, timestamptz '2024-11-04 12:00+08' + n * interval '1 day', n FROM unnest('{4,7}'::bigint[]) u, generate_series(1, 20) n;
SELECT max(setval(pg_get_serial_sequence(format('calib.%I', t), c), 100000)) FROM (VALUES ('unit', 'unit_id'), ('opportunity', 'opportunity_id'), ('customer', 'customer_id'), ('target', 'target_id'), ('absence', 'absence_id'),
    ('evidence', 'evidence_id'), ('deviation', 'deviation_id')) s (t, c);

ANALYZE;

-- One role for each duty
CREATE ROLE regress_calib_east; CREATE ROLE regress_calib_north; CREATE ROLE regress_calib_li; CREATE ROLE regress_calib_hr;
CREATE ROLE regress_calib_admin_east; CREATE ROLE regress_calib_admin; CREATE ROLE regress_calib_bi; CREATE ROLE regress_calib_stranger;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_east', 'manager', 2), ('regress_calib_north', 'manager', 5), ('regress_calib_li', 'rep', 4),
    ('regress_calib_hr', 'hr', NULL), ('regress_calib_admin_east', 'admin', 2), ('regress_calib_admin', 'admin', NULL), ('regress_calib_bi', 'viewer', NULL);
CREATE VIEW own.viewer AS SELECT * FROM unnest('{east,north,li,hr,admin_east,admin,bi,stranger}'::text[]) WITH ORDINALITY AS r (name, n);

-- The catalogs: every table is under row-level security with a policy, or nobody's;
-- what is granted is what has a policy; every view may be read by everybody
SELECT c.relname AS unprotected FROM pg_class c
WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind IN ('r', 'p') AND (NOT c.relrowsecurity
    OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = 'r'));
SELECT c.relname AS unreadable FROM pg_class c
WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind = 'v' AND NOT has_table_privilege('regress_calib_stranger', c.oid, 'SELECT');
SELECT c.relname, p.privilege FROM pg_class c CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p (privilege)
WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind IN ('r', 'p') AND has_table_privilege('regress_calib_stranger', c.oid, p.privilege)
  <> EXISTS (SELECT FROM calib.row_rights() r WHERE r.relation = c.relname AND r.command = p.privilege);
SELECT count(*) = (SELECT count(*) FROM calib.row_rights()) AS all_policies FROM pg_policy WHERE polrelid::regclass::text LIKE 'calib.%';

-- What each sees: the units whose rows show, table by table. Moved units show in
-- the rows of their time, and nowhere else.
SELECT t.name AS table, v.name AS viewer, own.read('regress_calib_' || v.name, format('SELECT array_agg(DISTINCT unit_id ORDER BY unit_id) FROM calib.%I', t.name)) AS units
FROM unnest('{unit,unit_history,policy,benchmark,customer,opportunity,activity,result,target,deviation,absence,budget}'::text[]) WITH ORDINALITY t (name, n), own.viewer v
ORDER BY t.n, v.n;
SELECT v.name AS viewer, own.read(r.role, 'SELECT count(*) FROM calib.stage_change') AS changes, own.read(r.role, 'SELECT array_agg(adjustment_id) FROM calib.adjustment') AS adjustments,
    own.read(r.role, 'SELECT array_agg(evidence_id ORDER BY evidence_id) FROM calib.evidence') AS evidence, own.read(r.role, 'SELECT count(*) FROM calib.adjustment_evidence') AS cited,
    own.read(r.role, 'SELECT array_agg(role_name ORDER BY role_name) FROM calib.duty') AS duties, own.read(r.role, 'SELECT count(*) > 0 FROM calib.audit') AS trail,
    own.read(r.role, 'SELECT count(*) FROM calib.organisation CROSS JOIN calib.tier CROSS JOIN calib.source') AS general, own.read(r.role, 'SELECT count(*) FROM calib.seed') AS seed
FROM own.viewer v CROSS JOIN LATERAL (SELECT ('regress_calib_' || v.name)::name AS role) r ORDER BY v.n;
-- a request shows where it would give and where it would take, an agreement to rep,
-- manager, hr and admin, what goes out to hr and admin for everyone
SELECT calib.submit_request(3, 'move_people', 2, 'season', from_unit => 6, evidence => ARRAY[2]) > 0 AS submitted;
SELECT v.name AS viewer, own.read(r.role, 'SELECT array_agg(unit_id || '' from '' || from_unit) FROM calib.resource_request') AS requests, own.read(r.role, 'SELECT array_agg(evidence_id) FROM calib.request_evidence') AS cited,
    own.read(r.role, 'SELECT array_agg(unit_id) FROM calib.agreement') AS agreements, own.read(r.role, 'SELECT count(*) > 0 FROM calib.outbox') AS outbox, own.read(r.role, 'SELECT count(*) > 0 FROM calib.outbox_claim') AS claims,
    own.read(r.role, 'SELECT count(*) > 0 FROM calib.own_trigger') AS triggers, own.read(r.role, 'SELECT count(*) FROM calib.request_kind') AS kinds
FROM own.viewer v CROSS JOIN LATERAL (SELECT ('regress_calib_' || v.name)::name AS role) r ORDER BY v.n;
-- East sees Anhui and its reps up to the day they left, and Sun up to 2025-10-20
SELECT t.name AS table, own.read('regress_calib_east', format('SELECT string_agg(unit_id || '' '' || until, '', '' ORDER BY unit_id) FROM (
    SELECT unit_id, max((%2$I AT TIME ZONE ''Asia/Shanghai'')::date) AS until FROM calib.%1$I GROUP BY unit_id) u', t.name, t.at)) AS until
FROM (VALUES ('activity', 'occurred_at'), ('result', 'occurred_at'), ('deviation', 'detected_at')) t (name, at);
SELECT own.read('regress_calib_east', 'SELECT array_agg(target_id ORDER BY target_id) FROM calib.target') AS targets;

-- Figures: the same for every viewer as for a superuser, for the units seen -----------------
-- moments before, between and after the moves, both grains, teams, reps and product lines
CREATE VIEW own.figure WITH (security_invoker = true) AS
SELECT 'diagnosis' AS what, d.unit_id, to_jsonb(d) || jsonb_build_object('as_of', at) AS row
FROM unnest('{2025-10-18 09:00+08,2025-11-05 09:00+08,2025-11-20 09:00+08}'::timestamptz[]) at, unnest('{quarter,month}'::text[]) grain, calib.diagnose(at, grain) d
UNION ALL SELECT 'closed', d.unit_id, to_jsonb(d) FROM calib.diagnose_period('2025-11-20 09:00+08', 'month', '2025-10-01') d
UNION ALL SELECT 'attainment', a.unit_id, to_jsonb(a) FROM calib.attainment a
UNION ALL SELECT 'targets', t.unit_id, to_jsonb(t) FROM calib.targets_at('2025-10-18') t
UNION ALL SELECT 'gap', g.unit_id, to_jsonb(g) FROM calib.target_gap g
UNION ALL SELECT 'label', l.unit_id, to_jsonb(l) FROM calib.unit_label l
UNION ALL SELECT 'peers', p.unit_id, to_jsonb(p) FROM calib.peer_figures('2025-10-01', '2025-11-15') p
UNION ALL SELECT 'behavior', b.unit_id, to_jsonb(b) FROM calib.behavior_in('2025-10-01', '2025-11-15') b
UNION ALL SELECT 'rep_weeks', r.unit_id, to_jsonb(r) FROM calib.rep_weeks_in('2025-10-01', '2025-11-15') r
UNION ALL SELECT 'conversion', c.unit_id, to_jsonb(c) FROM calib.conversion_in('2025-10-01', '2025-11-15') c
UNION ALL SELECT 'results', r.unit_id, to_jsonb(r) FROM calib.results_at('2025-11-20') r
UNION ALL SELECT 'benchmark', b.unit_id, to_jsonb(b) FROM calib.benchmark_at('2025-11-20') b
UNION ALL SELECT 'policy', p.unit_id, to_jsonb(p) FROM calib.policy_at() p
UNION ALL SELECT 'ancestors', a.unit_id, to_jsonb(a) FROM calib.unit_ancestors() a
UNION ALL SELECT 'tree', t.unit_id, to_jsonb(t) FROM calib.unit_tree t
UNION ALL SELECT 'budget', b.unit_id, to_jsonb(b) FROM calib.adjustment_budget b
UNION ALL SELECT 'shallow', s.unit_id, to_jsonb(s) FROM calib.shallow_coverage_in('2025-11-13', '2025-11-20') s
UNION ALL SELECT 'indicator', i.unit_id, to_jsonb(i) FROM calib.indicator_in('2025-09-29', '2025-11-20') i
UNION ALL SELECT 'channel', c.unit_id, to_jsonb(c) FROM calib.channel_focus c
UNION ALL SELECT 'missing', m.unit_id, to_jsonb(m) FROM calib.target_missing m
UNION ALL SELECT 'sri', s.unit_id, to_jsonb(s) FROM calib.sri_monthly s
UNION ALL SELECT 'war_room', w.unit_id, to_jsonb(w) FROM calib.war_room w;
GRANT SELECT ON own.figure TO PUBLIC;
CREATE TABLE own.truth AS SELECT * FROM own.figure;
GRANT SELECT ON own.truth TO PUBLIC;
SELECT what, count(*) AS rows, array_agg(DISTINCT unit_id ORDER BY unit_id) AS units FROM own.truth GROUP BY what ORDER BY what;
SELECT v.name AS viewer, own.read('regress_calib_' || v.name, 'WITH shown AS MATERIALIZED (SELECT * FROM own.figure)
    SELECT (SELECT count(*) FROM shown) || '' rows, '' || (SELECT count(*) FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM own.truth) x) || '' of them not true, ''
        || (SELECT count(*) FROM (SELECT * FROM own.truth WHERE unit_id IN (SELECT calib.units_seen()) EXCEPT ALL SELECT * FROM shown) x) || '' missing''') AS told
FROM own.viewer v WHERE v.name IN ('east', 'north', 'li', 'bi', 'stranger') ORDER BY v.n;
-- one unit through the eyes of four
SELECT v.name AS viewer, own.read('regress_calib_' || v.name, 'SELECT (round(pace, 4), round(density::numeric, 4), peers, peer_basis, round(peer_density::numeric, 4), round(density_index::numeric, 4), conversion, peer_conversion, benchmark, quadrant, signal, remedy, reason_code)
    FROM calib.diagnose(calib.clock(), ''quarter'') WHERE unit_id = 3 AND product_line = ''''') AS zhejiang
FROM own.viewer v WHERE v.name IN ('east', 'admin_east', 'hr', 'north') ORDER BY v.n;
SELECT v.name AS viewer, own.read('regress_calib_' || v.name, 'SELECT (density, peers, peer_density, density_index, quadrant, remedy, reason) FROM calib.diagnose_period(calib.clock(), ''month'', ''2025-10-01'') WHERE unit_id = 4') AS li
FROM own.viewer v WHERE v.name IN ('li', 'east', 'bi', 'north') ORDER BY v.n;
-- checked by hand: October of East is Zhejiang, Jiangsu, Anhui; Sun counts till the 19th
SELECT own.read('regress_calib_east', 'SELECT sum(amount) FROM calib.results_at(''2025-11-20'') WHERE unit_id = 2 AND day >= ''2025-10-01'' AND day < ''2025-11-01''') AS east, 31 * (4 + 9 + 11) + 19 * 12 AS by_hand,
    own.read('regress_calib_north', 'SELECT sum(amount) FROM calib.results_at(''2025-11-20'') WHERE unit_id = 5 AND day >= ''2025-10-01'' AND day < ''2025-11-01''') AS north, 31 * 7 + 12 * 12 AS by_hand;
SELECT own.read('regress_calib_li', 'SELECT unit_label FROM calib.unit_label');
-- nothing of an ancestor, nothing by asking for a foreign unit
SELECT own.read('regress_calib_li', 'SELECT count(*) FROM own.figure WHERE unit_id <> 4') AS foreign_rows,
    own.read('regress_calib_li', 'SELECT count(*) FROM calib.unit_ancestors(NULL, 6)') AS ancestors, own.read('regress_calib_li', 'SELECT count(*) FROM calib.policy_at(NULL, 6)') AS policy;
-- with fewer than min_peers others there are no peer sums, whoever asks: one other would be one other's figure
SELECT unit_id, peers, peer_weighted IS NULL AND peer_won IS NULL AND peer_concentration IS NULL AS none FROM calib.peer_figures('2025-10-01', '2025-11-15')
WHERE product_line = '' AND unit_id IN (2, 3, 5) ORDER BY unit_id;
UPDATE calib.unit SET peer_group = 'pair' WHERE unit_id IN (4, 7);
SELECT own.read('regress_calib_li', 'SELECT (peers, peer_rep_weeks, peer_weighted, peer_events, peer_existing_events, peer_concentration, peer_worked, peer_won) FROM calib.peer_figures(''2025-10-01'', ''2025-11-15'') WHERE product_line = ''''');
UPDATE calib.unit SET peer_group = NULL WHERE unit_id IN (4, 7);

-- What a caller sees is asked a few times for a statement, never for a row
BEGIN;
SET LOCAL track_functions = 'all';
SET LOCAL ROLE regress_calib_east;
SELECT count(*) FROM calib.activity JOIN calib.customer USING (customer_id) WHERE occurred_at >= '2025-08-05 00:00+08';
RESET ROLE;
SELECT max(calls) < 10 AS seldom FROM pg_stat_xact_user_functions WHERE schemaname = 'calib' AND funcname ~ '^units_|held_duties';
COMMIT;

-- What each writes ---------------------------------------------------------------------------
-- on a unit in East (Zhejiang), and on one in North (Beijing). An UPDATE of what one
-- may not write finds no row.
SELECT w.what, v.name AS writer, left(own.as('regress_calib_' || v.name, replace(w.statement, ':unit', '3')), 5) AS east, left(own.as('regress_calib_' || v.name, replace(w.statement, ':unit', '6')), 5) AS north
FROM (VALUES
    (1, 'unit, new', 'INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (99, :unit, ''rep'', ''new'') RETURNING unit_id'),
    (2, 'unit, rename', 'UPDATE calib.unit SET name = ''x'' WHERE unit_id = :unit'),
    (3, 'policy', 'INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (:unit, ''2025-12-01'', 0.2)'),
    (4, 'benchmark', 'INSERT INTO calib.benchmark (unit_id, conversion) VALUES (:unit, 0.2)'),
    (5, 'duty', 'INSERT INTO calib.duty (person, duty, unit_id) VALUES (''x'', ''rep'', :unit) RETURNING duty_id'),
    (6, 'target, draft', 'INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (:unit, ''quarter'', ''2026-01-01'', 1)'),
    (6, 'target, begun', 'INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (:unit, ''month'', ''2025-11-01'', 1)'),
    (7, 'target, published', 'INSERT INTO calib.target (unit_id, grain, period_start, original_value, published_at) VALUES (:unit, ''quarter'', ''2026-01-01'', 1, calib.clock())'),
    (8, 'result', 'INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (:unit, calib.clock(), 1)'),
    (9, 'activity', 'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (:unit, ''visit'', calib.clock()) RETURNING unit_id'),
    (10, 'customer', 'INSERT INTO calib.customer (unit_id, name) VALUES (:unit, ''x'') RETURNING customer_id'),
    (11, 'opportunity', 'INSERT INTO calib.opportunity (unit_id) VALUES (:unit) RETURNING opportunity_id'),
    (12, 'absence', 'INSERT INTO calib.absence (unit_id, during) VALUES (:unit, ''[2025-12-01,2025-12-02)'')'),
    (13, 'deviation', 'INSERT INTO calib.deviation (unit_id, kind, period_start) VALUES (:unit, ''x'', ''2025-10-01'')'),
    (14, 'budget', 'UPDATE calib.budget SET used = 0 WHERE unit_id = :unit'),
    (15, 'season', 'SELECT calib.build_season(:unit, ''collection'', ''month'')')) w (n, what, statement), own.viewer v
ORDER BY w.n, w.what, v.n;
SELECT w.what, v.name AS writer, left(own.as('regress_calib_' || v.name, w.statement), 5) AS told
FROM (VALUES
    (1, 'evidence', 'INSERT INTO calib.evidence (kind, title, uri, observed_on) VALUES (''market_report'', ''x'', ''x'', ''2025-11-01'')'),
    (2, 'evidence of another', 'INSERT INTO calib.evidence (kind, title, uri, observed_on, created_by) VALUES (''market_report'', ''x'', ''x'', ''2025-11-01'', ''somebody'')'),
    (3, 'policy for everyone', 'INSERT INTO calib.policy (valid_from, cap) VALUES (''2025-12-01'', 0.2)'),
    (4, 'duty for everyone', 'INSERT INTO calib.duty (person, duty) VALUES (''x'', ''rep'')'),
    (5, 'new top', 'INSERT INTO calib.unit (kind, name) VALUES (''company'', ''x'')'),
    (6, 'holiday', 'INSERT INTO calib.holiday (day) VALUES (''2027-01-01'')'),
    (7, 'kind', 'INSERT INTO calib.activity_kind VALUES (''x'', ''x'', ''x'')'),
    (8, 'weight', 'UPDATE calib.activity_weight SET weight = 9 WHERE kind = ''visit'''),
    (9, 'tier', 'DELETE FROM calib.tier WHERE tier = ''C'''),
    (10, 'source', 'UPDATE calib.source SET stale_days = 99'),
    (11, 'organisation', 'UPDATE calib.organisation SET zone = zone'),
    (12, 'reason', 'UPDATE calib.reason SET en = '''''),
    (13, 'adjustment', 'INSERT INTO calib.adjustment (target_id, quarter_start, old_value, new_value, reason, status, submitted_by, submitted_at) VALUES (1, ''2025-10-01'', 1, 1, ''x'', ''filed'', ''x'', now())'),
    (14, 'cited', 'DELETE FROM calib.adjustment_evidence'),
    (15, 'trail', 'INSERT INTO calib.audit (transaction_id, recorded_at, clock_at, simulated, relation, action, person, role, login, application_name) VALUES (1, now(), now(), false, ''x'', ''x'', ''x'', ''x'', ''x'', ''x'')'),
    (16, 'trail, gone', 'DELETE FROM calib.audit'),
    (17, 'history', 'DELETE FROM calib.unit_history'),
    (18, 'stages', 'DELETE FROM calib.stage_change'),
    (19, 'seed', 'DELETE FROM calib.seed'),
    (20, 'emptied', 'TRUNCATE calib.activity'),
    (21, 'rearmed', 'SELECT calib.rearm_rights()'),
    (22, 'whole', 'SELECT * FROM calib.all_behavior_in(''2025-10-01'', ''2025-11-01'')'),
    (23, 'whole', 'SELECT * FROM calib.unit_figures(''2025-10-01'', ''2025-11-01'')')) w (n, what, statement), own.viewer v
WHERE v.name IN ('east', 'li', 'hr', 'admin_east', 'admin')
ORDER BY w.n, v.n;
-- a manager's plain UPDATE is an adjustment where policy says so, in the own subtree only; the guard has the last word
SELECT own.as('regress_calib_' || w.who, 'SET LOCAL calib.evidence = ''1''; SET LOCAL calib.reason = ''r''; ' || w.statement)
FROM (VALUES ('east', 'UPDATE calib.target SET value = 1000 WHERE target_id = 1'), ('east', 'UPDATE calib.target SET value = 2000 WHERE target_id = 1'),
    ('east', 'UPDATE calib.target SET value = 790 WHERE target_id = 4'), ('east', 'UPDATE calib.target SET value = 510 WHERE target_id = 3'),
    ('north', 'UPDATE calib.target SET value = 790 WHERE target_id = 4'), ('li', 'UPDATE calib.target SET value = 90 WHERE target_id = 7'),
    ('bi', 'UPDATE calib.target SET value = 90 WHERE target_id = 7'), ('east', 'DELETE FROM calib.target WHERE target_id = 1'),
    -- a draft is the manager's, its publication is not
    ('north', 'UPDATE calib.target SET value = 40 WHERE target_id = 12'), ('north', 'UPDATE calib.target SET published_at = calib.clock() WHERE target_id = 12'),
    ('north', 'UPDATE calib.target SET period_start = ''2025-11-01'' WHERE target_id = 12'), ('admin', 'UPDATE calib.target SET period_start = ''2025-11-01'' WHERE target_id = 12'),
    ('admin', 'UPDATE calib.target SET published_at = calib.clock() WHERE target_id = 12'), ('north', 'SELECT calib.publish_targets(''2025-12-01'', 10)'), ('hr', 'SELECT calib.publish_targets(''2025-12-01'', 10)')) w (who, statement);
-- out of and into foreign subtrees: neither way; Anhui's history in East is read, not written
SELECT w.statement, own.as('regress_calib_east', w.statement) AS east, own.as('regress_calib_admin_east', w.statement) AS admin_east
FROM (VALUES ('UPDATE calib.customer SET unit_id = 6 WHERE customer_id = 401'), ('UPDATE calib.customer SET unit_id = 8 WHERE customer_id = 401'), ('UPDATE calib.customer SET unit_id = NULL WHERE customer_id = 401'),
    ('UPDATE calib.activity SET unit_id = 7 WHERE external_id = ''4 2025-11-01 10:00:00+08 1'''), ('UPDATE calib.activity SET quantity = 5 WHERE unit_id = 11'), ('UPDATE calib.deviation SET note = ''x'''),
    ('UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 3'), ('UPDATE calib.unit SET parent_id = 5 WHERE unit_id = 2'), ('UPDATE calib.unit SET parent_id = NULL WHERE unit_id = 2'),
    ('UPDATE calib.unit SET parent_id = 8 WHERE unit_id = 4'), ('UPDATE calib.unit SET parent_id = 2 WHERE unit_id = 6'), ('UPDATE calib.unit SET name = ''Orient'' WHERE unit_id = 2'), ('DELETE FROM calib.unit WHERE unit_id = 12'),
    ('UPDATE calib.policy SET unit_id = 6 WHERE unit_id = 2'), ('UPDATE calib.duty SET unit_id = NULL WHERE role_name = ''regress_calib_li'''), ('UPDATE calib.duty SET unit_id = 3 WHERE role_name = ''regress_calib_li''')) w (statement);

-- When an activity was recorded is said by an admin over its unit alone: what others
-- enter or correct is recorded in that moment, by the clock of the transaction
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, occurred_at) VALUES ('crm', '4 late', 4, 401, 'visit', '2025-09-11 15:00+08');
SET calib.clock = '2025-11-20 09:30+08';
SELECT w.what, v.name AS writer, left(own.as('regress_calib_' || v.name, w.statement), 5) AS told
FROM (VALUES
    (1, 'entered, ten weeks late', 'INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (4, ''visit'', ''2025-09-11 10:00+08'')'),
    (2, 'said: now', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (4, ''visit'', ''2025-09-11 10:00+08'', calib.clock())'),
    (3, 'said: then', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (4, ''visit'', ''2025-09-11 10:00+08'', ''2025-09-11 10:00+08'')'),
    (4, 'said: a moment ago', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (4, ''visit'', ''2025-09-11 10:00+08'', calib.clock() - interval ''1 microsecond'')'),
    (5, 'said: long ago', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (4, ''visit'', ''2025-09-11 10:00+08'', ''-infinity'')'),
    (6, 'said: later', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (4, ''visit'', ''2025-09-11 10:00+08'', ''infinity'')'),
    (7, 'one of two', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (4, ''visit'', ''2025-09-11 10:00+08'', DEFAULT), (4, ''visit'', ''2025-09-11 11:00+08'', ''2025-09-11 11:00+08'')'),
    (8, 'moved back', 'UPDATE calib.activity SET recorded_at = occurred_at WHERE external_id = ''4 late'''),
    (9, 'happened later', 'UPDATE calib.activity SET occurred_at = ''2025-11-20 08:00+08'' WHERE external_id = ''4 late'''),
    (10, 'another hour', 'UPDATE calib.activity SET occurred_at = occurred_at - interval ''1 hour'' WHERE external_id = ''4 2025-09-11 10:00:00+08 1'''),
    (11, 'another customer', 'UPDATE calib.activity SET customer_id = 403 WHERE external_id = ''4 2025-09-11 10:00:00+08 1'''),
    (12, 'another kind', 'UPDATE calib.activity SET kind = ''visit'' WHERE external_id = ''4 2025-09-11 10:00:00+08 1'''),
    (13, 'another outcome', 'UPDATE calib.activity SET outcome = ''x'' WHERE external_id = ''4 2025-09-11 10:00:00+08 1'''),
    (14, 'another line', 'UPDATE calib.activity SET product_line = ''premium'' WHERE external_id = ''4 2025-09-11 10:00:00+08 2'''),
    (15, 'another rep', 'UPDATE calib.activity SET unit_id = 9 WHERE external_id = ''4 2025-09-11 10:00:00+08 1'''),
    (16, 'corrected', 'UPDATE calib.activity SET kind = ''visit'', recorded_at = DEFAULT WHERE external_id = ''4 2025-09-11 10:00:00+08 1'''),
    (17, 'corrected, moved', 'UPDATE calib.activity SET unit_id = 9, recorded_at = DEFAULT WHERE external_id = ''4 2025-09-11 10:00:00+08 1'''),
    (18, 'merged', 'MERGE INTO calib.activity a USING (VALUES (''4 2025-09-11 10:00:00+08 1'')) v (id) ON a.external_id = v.id WHEN MATCHED THEN UPDATE SET kind = ''visit''')) w (n, what, statement), own.viewer v
WHERE v.name IN ('li', 'east', 'admin_east', 'north')
ORDER BY w.n, v.n;
-- who is manager over one unit and admin over another dates back in the latter only
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_north', 'admin', 9), ('regress_calib_north', 'rep', 4);
SELECT own.as('regress_calib_north', 'INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) VALUES (9, ''visit'', ''2025-09-11 10:00+08'', ''2025-09-11 10:00+08'')') AS admin,
    own.as('regress_calib_north', 'WITH a AS (INSERT INTO calib.activity (external_id, unit_id, kind, occurred_at, recorded_at) VALUES (''9 x'', 9, ''visit'', ''2025-09-11 10:00+08'', ''2025-09-11 10:00+08'') RETURNING 1) INSERT INTO calib.activity (unit_id, kind, occurred_at, recorded_at) SELECT 4, ''visit'', ''2025-09-11 10:00+08'', ''2025-09-11 10:00+08'' FROM a') AS both,
    own.as('regress_calib_north', 'UPDATE calib.activity SET unit_id = 4 WHERE external_id = ''9 2025-09-11 10:00:00+08 1''') AS moved;
DELETE FROM calib.duty WHERE role_name = 'regress_calib_north' AND unit_id IN (4, 9);
-- what Li enters about September now is late, and adds to the density but not to what is on time
BEGIN;
CREATE TEMP TABLE before AS SELECT * FROM calib.behavior_in('2025-09-01 00:00+08', '2025-10-01 00:00+08') WHERE unit_id = 4 AND product_line = '';
SET LOCAL ROLE regress_calib_li;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at) SELECT 4, 403, 'shelf_check', timestamptz '2025-09-01 10:00+08' + n * interval '1 day' FROM generate_series(0, 19) n;
UPDATE calib.activity SET kind = 'contract_change', recorded_at = DEFAULT WHERE external_id = '4 2025-09-11 10:00:00+08 5';
RESET ROLE;
SELECT b.events - a.events AS events, b.late_events - a.late_events AS late, b.weighted - a.weighted AS weighted, b.weighted_on_time - a.weighted_on_time AS on_time
FROM before a, calib.behavior_in('2025-09-01 00:00+08', '2025-10-01 00:00+08') b WHERE b.unit_id = 4 AND b.product_line = '';
ROLLBACK;
-- a transaction held open is no way to date back: the line of an hour, drawn nearer here
RESET calib.clock;
SELECT replace(new_rule, '1 hour', '1 second') AS nearer FROM calib.row_rights() WHERE relation = 'activity' AND command = 'INSERT' \gset
ALTER POLICY insert ON calib.activity WITH CHECK (:nearer);
BEGIN;
SET LOCAL ROLE regress_calib_li;
INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (4, 'visit', calib.clock());
SELECT pg_sleep(1.1);
INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (4, 'visit', calib.clock());
ROLLBACK;
SELECT calib.rearm_rights() > 0 AS again;
SET calib.clock = '2025-11-20 09:00+08';

-- What is tried --------------------------------------------------------------------------------
-- two duties, one login: each role shows its own rows, and only those
CREATE ROLE regress_calib_two LOGIN NOINHERIT;
GRANT regress_calib_li, regress_calib_north TO regress_calib_two;
SET SESSION AUTHORIZATION regress_calib_two;
SELECT count(*) FROM calib.unit;
PREPARE mine AS SELECT array_agg(unit_id ORDER BY unit_id) FROM calib.unit;
SET ROLE regress_calib_li;
EXECUTE mine;
SET ROLE regress_calib_north;
EXECUTE mine;
RESET SESSION AUTHORIZATION;
EXECUTE mine;
DEALLOCATE mine;
-- calib.actor, by anybody and by a delegate; the delegate itself sees nothing
CREATE ROLE regress_calib_portal LOGIN;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_portal', 'delegate', 2);
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('chen', 'manager', 3), ('chen', 'rep', 7), ('boss', 'viewer', NULL), ('ma', 'rep', 9);
SET SESSION AUTHORIZATION regress_calib_li;
SET calib.actor = 'boss';
SELECT array_agg(unit_id) FROM calib.unit;
SET SESSION AUTHORIZATION regress_calib_portal;
RESET calib.actor;
SELECT count(*) FROM calib.unit;
SET calib.actor = 'chen';
SELECT array_agg(unit_id ORDER BY unit_id) AS units, (SELECT array_agg(duty_id) FILTER (WHERE person <> 'chen') IS NULL AND count(*) = 3 FROM calib.duty) AS own_duties FROM calib.unit;
INSERT INTO calib.activity (external_id, unit_id, kind, occurred_at) VALUES ('chen 1', 4, 'visit', calib.clock());
INSERT INTO calib.activity (external_id, unit_id, kind, occurred_at) VALUES ('chen 2', 7, 'visit', calib.clock());
SET calib.actor = 'boss';
SELECT count(*) FROM calib.unit;
SET calib.actor = 'ma';
SELECT array_agg(unit_id) FROM calib.unit;
RESET calib.actor;
RESET SESSION AUTHORIZATION;
-- a superuser in somebody's name sees that one's figures; tables are never closed to superusers
SET calib.actor = 'chen';
SELECT array_agg(unit_id ORDER BY unit_id) AS figures, (SELECT count(*) FROM calib.unit) AS units FROM calib.unit_label;
RESET calib.actor;
-- forged duties, by every statement there is
SELECT s.statement, own.as('regress_calib_' || w.who, s.statement)
FROM unnest('{east,admin_east}'::text[]) w (who), unnest(ARRAY[
    'INSERT INTO calib.duty (role_name, duty) VALUES (''regress_calib_east'', ''admin'')',
    'INSERT INTO calib.duty (role_name, duty, unit_id) VALUES (''regress_calib_east'', ''viewer'', 5)',
    'UPDATE calib.duty SET unit_id = 1 WHERE role_name = current_user',
    'UPDATE calib.duty SET duty = ''risk'', unit_id = NULL',
    'UPDATE calib.duty SET role_name = ''regress_calib_east''',
    'DELETE FROM calib.duty WHERE role_name = ''regress_calib_admin''',
    'INSERT INTO calib.duty AS d (duty_id, role_name, duty) SELECT 6, ''x'', ''rep'' ON CONFLICT (duty_id) DO UPDATE SET role_name = current_user',
    'MERGE INTO calib.duty d USING (VALUES (6)) v (id) ON d.duty_id = v.id WHEN MATCHED THEN UPDATE SET role_name = current_user WHEN NOT MATCHED THEN INSERT (role_name, duty) VALUES (current_user, ''admin'')',
    'WITH a AS (INSERT INTO calib.duty (role_name, duty, unit_id) VALUES (current_user, ''admin'', 1) RETURNING 1) INSERT INTO calib.duty (role_name, duty) SELECT current_user, ''admin'' FROM a']) s (statement);
-- COPY is refused to whoever is under row-level security, an admin too
SET ROLE regress_calib_admin;
\copy calib.duty (role_name, duty) FROM '/dev/null'
RESET ROLE;
-- a function that talks, in a WHERE, before the rows are sorted out; and one that claims not to
SET ROLE regress_calib_li;
CREATE FUNCTION own.talk(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'heard %', $1; RETURN true; END $$;
CREATE FUNCTION own.whisper(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 LEAKPROOF AS $$ BEGIN RAISE NOTICE 'heard %', $1; RETURN true; END $$;
SET client_min_messages = notice;
SELECT name FROM calib.unit WHERE own.talk(name);
SELECT name FROM calib.customer WHERE own.talk(name) ORDER BY 1;
SELECT unit_name FROM calib.unit_label WHERE own.talk(unit_name);
SELECT count(*) FROM calib.unit WHERE 1 / (unit_id - 5) > 100;
SELECT count(*) FROM calib.unit WHERE name::integer = 1;
SET client_min_messages = warning;
-- row_security = off is an error, no way around
SET row_security = off;
SELECT count(*) FROM calib.unit;
RESET row_security;
-- what ANALYZE knows is hidden too
RESET ROLE;
ANALYZE calib.customer;
SELECT count(*) > 0 AS known FROM pg_stats WHERE schemaname = 'calib' AND tablename = 'customer';
SET ROLE regress_calib_li;
SELECT count(*) > 0 AS known FROM pg_stats WHERE schemaname = 'calib' AND tablename = 'customer';
-- a view of somebody else's, a definer function: the reader's duties, not the owner's
RESET ROLE;
SET ROLE regress_calib_east;
CREATE VIEW own.easts AS SELECT unit_id, name FROM calib.unit;
CREATE FUNCTION own.easts() RETURNS SETOF bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT unit_id FROM calib.unit';
CREATE TABLE own.copied AS SELECT * FROM calib.unit;
GRANT SELECT ON own.easts TO PUBLIC;
SELECT count(*) FROM own.copied;
SET ROLE regress_calib_li;
SELECT * FROM own.easts;
SELECT own.easts();
RESET ROLE;
-- a cursor opened as one role and read as another
SET SESSION AUTHORIZATION regress_calib_two;
SET ROLE regress_calib_north;
BEGIN;
DECLARE c CURSOR FOR SELECT array_agg(unit_id ORDER BY unit_id) FROM calib.unit;
SET ROLE regress_calib_li;
FETCH c;
COMMIT;
RESET SESSION AUTHORIZATION;
-- existence of a foreign key value shows where it is unique; nothing else of the row does
SET ROLE regress_calib_li;
\set VERBOSITY default
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', '7 2025-11-01 10:00:00+08 1', 4, 'visit', calib.clock());
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (6, calib.clock(), 1);
INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (12345, 'visit', calib.clock());
\set VERBOSITY terse
RESET ROLE;
-- BYPASSRLS opens tables and no figures; and no duty either
CREATE ROLE regress_calib_loader BYPASSRLS;
SET ROLE regress_calib_loader;
SELECT (SELECT count(*) FROM calib.unit) AS units, (SELECT count(*) FROM calib.unit_label) AS figures;
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (6, calib.clock(), 1);
INSERT INTO calib.duty (role_name, duty) VALUES ('regress_calib_loader', 'admin');
RESET ROLE;

-- Triggers read the whole under row-level security ------------------------------------------------
SET SESSION AUTHORIZATION regress_calib_admin_east;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (20, 3, 'rep', 'Zhou');
UPDATE calib.unit SET parent_id = 8 WHERE unit_id = 20;
UPDATE calib.unit SET parent_id = 20 WHERE unit_id = 8;
SELECT unit_id, parent_id, valid FROM calib.unit_history WHERE unit_id = 20 ORDER BY valid;
INSERT INTO calib.opportunity (opportunity_id, unit_id) VALUES (90, 20);
UPDATE calib.opportunity SET stage = 'proposal' WHERE opportunity_id = 90;
SELECT from_stage, to_stage FROM calib.stage_change WHERE opportunity_id = 90 ORDER BY stage_change_id;
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (50, 20, 'quarter', '2026-01-01', 10);
SELECT calib.publish_targets('2026-01-01', 20);
DELETE FROM calib.target WHERE target_id = 50;
SELECT calib.build_season(2, 'collection', 'month');
SELECT shares[1:4] FROM calib.season;
SELECT calib.build_season(NULL, 'collection', 'month');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_calib_admin;
INSERT INTO calib.policy (valid_from, cap) VALUES ('2025-12-01', 0.05);
SELECT cap, min_peers FROM calib.policy WHERE unit_id IS NULL ORDER BY valid_from;
UPDATE calib.organisation SET fiscal_start_month = 4;
INSERT INTO calib.holiday (day, name) VALUES ('2027-01-01', 'new year');
RESET SESSION AUTHORIZATION;
SELECT relation, action, login FROM calib.audit WHERE login LIKE 'regress_calib_admin%' ORDER BY audit_id;

-- The workflow, each step by another login: who submits reads it back, others' managers neither see nor take a step
SET SESSION AUTHORIZATION regress_calib_north;
SELECT calib.submit_adjustment(4, 790, 'rival', ARRAY[1]) AS ours \gset
SELECT calib.submit_adjustment(1, 990, 'rival', ARRAY[1]);
SELECT unit_name, old_value, new_value, evidence, status FROM calib.adjustment_trail;
SET SESSION AUTHORIZATION regress_calib_east;
SELECT count(*) FROM calib.adjustment_trail WHERE unit_id = 6;
SELECT calib.file_adjustment(:ours);
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT subject, unit_name, step FROM calib.waiting_step ORDER BY id;
SELECT calib.file_adjustment(:ours);
SET SESSION AUTHORIZATION regress_calib_north;
SELECT status, filed_by, value FROM calib.adjustment JOIN calib.target USING (target_id) WHERE target_id = 4;
SELECT unit_id, used, remaining FROM calib.adjustment_budget WHERE unit_id = 6 AND product_line = '' AND used > 0;
RESET SESSION AUTHORIZATION;

-- Policies of one's own stay where the rules are made anew
CREATE POLICY own_rule ON calib.holiday FOR UPDATE USING (false);
DROP POLICY "select" ON calib.unit;
SELECT calib.rearm_rights() = (SELECT count(*) FROM calib.row_rights()) AS all_made,
    (SELECT count(*) FROM pg_policies WHERE schemaname = 'calib' AND policyname = 'own_rule') AS own_stay;
SELECT own.read('regress_calib_li', 'SELECT array_agg(unit_id) FROM calib.unit');

DROP OWNED BY regress_calib_east, regress_calib_li;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_calib_east, regress_calib_north, regress_calib_li, regress_calib_hr, regress_calib_admin_east, regress_calib_admin, regress_calib_bi, regress_calib_stranger,
    regress_calib_two, regress_calib_portal, regress_calib_loader;
