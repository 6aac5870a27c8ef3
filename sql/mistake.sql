-- Mistakes of somebody who is new to it: each is refused with the SQLSTATE that docs/errors.md
-- lists, the numbers, and a way out. What stands here is what is read on the screen.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
\pset format unaligned
\pset tuples_only on
CREATE TABLE told (n integer GENERATED ALWAYS AS IDENTITY, statement text, code text, message text, detail text, hint text);
GRANT INSERT, SELECT ON told TO PUBLIC;
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text; message text; detail text; hint text;
BEGIN
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    END;
    INSERT INTO told (statement, code, message, detail, hint) VALUES ($1, code, message, detail, hint);
    RETURN concat_ws(E'\n', '> ' || statement, coalesce(code || ': ' || message, 'done'), '  ' || nullif(detail, ''), '  -> ' || nullif(hint, ''));
END $$;
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'region', 'East'), (2, 1, 'team', 'Zhejiang'), (3, 2, 'rep', 'Li');
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (1, 2, 'quarter', '2025-10-01', 100);
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1001, 'market_report', 'Soft drinks', 'https://example.com/report', '2025-10-13');
CREATE ROLE regress_calib_new; CREATE ROLE regress_calib_lead; CREATE ROLE regress_calib_risk; CREATE ROLE regress_calib_hr;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_lead', 'manager', 1), ('regress_calib_risk', 'risk', NULL), ('regress_calib_hr', 'hr', NULL);
CREATE TABLE quota (staff text, quarter date, amount numeric, note text);

-- setting up: the constraint's name says what may be
SELECT attempt($$INSERT INTO calib.unit (unit_id, kind, name) VALUES (9, 'department', 'Sales')$$);
SELECT attempt($$INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (3, 'week', '2025-10-13', 100)$$);
SELECT attempt($$INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (3, 'quarter', '2025-10-15', 100)$$);
SELECT attempt($$INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (3, 'quarter', '2025-10-01', 0)$$);
SELECT attempt($$INSERT INTO calib.duty (role_name, duty) VALUES ('regress_calib_new', 'boss')$$);
SELECT attempt($$INSERT INTO calib.duty (role_name, duty) VALUES ('regress_calib_nobody', 'manager')$$);
SELECT attempt($$INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (2, '2025-10-15', 10)$$);
SELECT attempt($$INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (2, '2025-10-15', 'two')$$);
SELECT attempt($$INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (2, '2025-10-01', 0.2)$$);
SELECT attempt($$UPDATE calib.organisation SET zone = 'Shanghai'$$);
SELECT attempt($$SELECT calib.publish_targets('2025-10-15')$$);
SELECT attempt($$SELECT calib.publish_targets('2025-10-01', 99)$$);
SELECT attempt($$SELECT calib.run('dectect')$$);
SELECT attempt($$SELECT calib.setup_small_firm('maybe')$$);
SELECT attempt($$SET calib.language = 'fr'$$);
SELECT attempt($$SET calib.evidence = 'a,b'$$);

-- changing a target
SELECT attempt($$UPDATE calib.target SET value = 95$$);
SELECT attempt($$UPDATE calib.target SET original_value = 90$$);
SELECT attempt($$DELETE FROM calib.target$$);
SET SESSION AUTHORIZATION regress_calib_lead;
SELECT attempt($$SELECT calib.submit_adjustment(999, 95, 'Price cut', '{1001}')$$);
SELECT attempt($$SELECT calib.submit_adjustment(1, 95, 'Price cut', '{}')$$);
SELECT attempt($$SELECT calib.submit_adjustment(1, 95, 'Price cut', '{7}')$$);
SELECT attempt($$SELECT calib.submit_adjustment(1, 95, ' ', '{1001}')$$);
SELECT attempt($$SELECT calib.submit_adjustment(1, 80, 'Price cut', '{1001}')$$);
SELECT attempt($$SELECT calib.submit_adjustment(1, 100, 'Price cut', '{1001}')$$);
SELECT attempt($$SELECT calib.submit_adjustments('{1}', -8, 'Eight percent', '{1001}')$$);
SELECT attempt($$SELECT calib.submit_adjustments('{}', -0.08, 'Price cut', '{1001}')$$);
SELECT attempt($$SELECT calib.submit_adjustments('{1,1}', -0.08, 'Price cut', '{1001}')$$);
SELECT attempt($$SELECT calib.submit_adjustments('{1,999}', -0.08, 'Price cut', '{1001}')$$);
SELECT attempt($$SELECT calib.attach_evidence('rumour', 'Heard it', 'https://example.com')$$);
SELECT attempt($$SELECT calib.attach_evidence('market_report', 'Soft drinks')$$);
SELECT attempt($$SELECT calib.attach_evidence('market_report', NULL, 'https://example.com')$$);
SELECT attempt($$SELECT calib.submit_request(2, 'people', 2, 'For the new channel')$$);
SELECT attempt($$SELECT calib.submit_request(99, 'samples', 2, 'For the fair')$$);
SELECT attempt($$SELECT calib.submit_request(2, 'samples', 2, 'For the fair', from_unit => 1)$$);
SELECT calib.submit_adjustment(1, 95, 'Price cut', '{1001}') AS adjustment \gset

-- the wrong step, the wrong person, twice
SELECT attempt($$SELECT calib.approve_adjustment(999999)$$);
SELECT attempt(format('SELECT calib.approve_adjustment(%s)', :adjustment)) ~ '42501: no right to approve adjustment';
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT regexp_replace(attempt(format('SELECT calib.file_adjustment(%s)', :adjustment)), '(adjustment[( ])\d+', '\1N', 'g');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_calib_risk;
SELECT regexp_replace(attempt(format('SELECT calib.reject_adjustment(%s)', :adjustment)), '(adjustment[( ])\d+', '\1N', 'g');
SELECT attempt(format('SELECT calib.approve_adjustment(%s)', :adjustment)) ~ 'done$';
SELECT regexp_replace(attempt(format('SELECT calib.approve_adjustment(%s)', :adjustment)), '(adjustment[( ])\d+', '\1N', 'g');
SELECT attempt($$SELECT calib.dismiss(77)$$);
SELECT attempt($$SELECT calib.reject_request(77)$$);
RESET SESSION AUTHORIZATION;

-- no duty
SET SESSION AUTHORIZATION regress_calib_new;
SELECT attempt($$SELECT calib.submit_adjustment(1, 95, 'Price cut', '{1001}')$$);
SELECT attempt($$SELECT calib.run('detect')$$);
SELECT attempt($$SELECT calib.seal()$$);
SELECT calib.help() OFFSET 31;
SET calib.language = 'zh';
SELECT line FROM calib.help() line WHERE line ~ 'calib[.]duty';
RESET calib.language;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS told_to_who_holds_one FROM calib.help() line WHERE line ~ 'no duty';

-- too late
SET calib.clock = '2026-01-02 09:00+08';
SELECT attempt($$SELECT calib.submit_adjustment(1, 92, 'Price cut', '{1001}')$$);
SET calib.clock = '2025-10-15 09:00+08';

-- one's own tables
SELECT attempt($$SELECT calib.guard_table('quota', 'amout', 'staff', 'quarter')$$);
SELECT attempt($$SELECT calib.guard_table('quota', 'note', 'staff', 'quarter')$$);
SELECT attempt($$SELECT calib.guard_table('quota', 'amount', 'staff', 'quarter', 'weekly')$$);
SELECT attempt($$SELECT calib.audit_table('calib.target')$$);
SELECT attempt($$SELECT calib.attach('visits', 'activities', 'quota', '{}')$$);
SELECT attempt($$SELECT calib.attach('visits', 'activity', 'quota', '{"external_id": "note", "unit": "staf", "kind": "visit", "occurred_at": "quarter"}')$$);
SELECT attempt($$SELECT calib.detach('visits')$$);

-- measuring
SELECT attempt($$SELECT calib.behavior_density(now(), 1, '[2025-01-01,)')$$);
SELECT attempt($$SELECT calib.nps(11)$$);
SELECT attempt($$SELECT calib.sri('2025-10-02', '2025-10-01')$$);
SELECT attempt($$SELECT calib.quadrant('NaN', 1)$$);

-- None but "done" was let through; and every refusal of calib's own says a way out: those
-- without one are PostgreSQL's, by a constraint.
SELECT count(*) > 50 AS many, count(*) FILTER (WHERE code IS NULL) AS let_through FROM told;
SELECT code, statement FROM told WHERE coalesce(hint, '') = '' AND code IS NOT NULL ORDER BY n;
DROP OWNED BY regress_calib_new, regress_calib_lead, regress_calib_risk, regress_calib_hr;
DROP ROLE regress_calib_new, regress_calib_lead, regress_calib_risk, regress_calib_hr;
