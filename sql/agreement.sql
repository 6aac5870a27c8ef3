-- Agreements: versions by HR and by adjustments, and their acknowledgement.
-- Numbers and days expected stand beside the statements.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET timezone = 'Asia/Shanghai';
\set VERBOSITY terse

CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;
-- the versions of a unit: terms but targets, each target's value, days
CREATE FUNCTION own.versions(unit bigint, grain text DEFAULT 'quarter', start date DEFAULT '2025-10-01')
RETURNS TABLE (version int, own_terms jsonb, target_values text, valid daterange, adjustment bigint, created_by text, acknowledged_by text)
LANGUAGE sql AS $$
    SELECT a.version, a.terms - 'targets', (SELECT string_agg((t ->> 'target_id') || ':' || (t ->> 'value'), ' ' ORDER BY n)
               FROM jsonb_array_elements(a.terms -> 'targets') WITH ORDINALITY e (t, n)),
           a.valid, a.adjustment_id, a.created_by, a.acknowledged_by
    FROM calib.agreement a WHERE (a.unit_id, a.grain, a.period_start) = ($1, $2, $3) ORDER BY 1
$$;
-- on every day at most one version holds; the newest without an end; 1, 2, 3 ...
CREATE VIEW own.sound AS
SELECT coalesce(bool_and(ok), true) AS sound FROM (
    SELECT range_agg(a.valid) FILTER (WHERE a.valid IS NOT NULL) = multirange(daterange(min(lower(a.valid)), NULL))
           AND count(*) = max(a.version)
           AND NOT EXISTS (SELECT FROM calib.agreement b JOIN calib.agreement c USING (unit_id, grain, period_start)
                           WHERE b.version < c.version AND b.valid && c.valid)
           AND count(*) FILTER (WHERE upper_inf(a.valid)) = 1
           AND (SELECT upper_inf(d.valid) FROM calib.agreement d
                WHERE (d.unit_id, d.grain, d.period_start) = (a.unit_id, a.grain, a.period_start) ORDER BY d.version DESC LIMIT 1)
    FROM calib.agreement a GROUP BY a.unit_id, a.grain, a.period_start) s (ok);

SET calib.clock = '2025-09-20 09:00+08';
INSERT INTO calib.policy (valid_from, approval, max_adjustments, cap, filing_grace_days, attainment_floor, attainment_margin, windfall_margin,
        density_margin, min_elapsed_share, min_peers, ramp_weeks, min_opportunities, benchmark_share, focus_share_margin, focus_hhi_ratio,
        late_hours, shallow_days, shallow_stages, shallow_share, shallow_min_visited, loop)
SELECT '2025-09-20', 'none', 9, cap, filing_grace_days, attainment_floor, attainment_margin, windfall_margin, density_margin, min_elapsed_share,
       min_peers, ramp_weeks, min_opportunities, benchmark_share, focus_share_margin, focus_hhi_ratio, late_hours, shallow_days,
       shallow_stages, shallow_share, shallow_min_visited, loop FROM calib.policy WHERE unit_id IS NULL;
INSERT INTO calib.unit (unit_id, parent_id, kind, name, external_ref) VALUES
    (1, NULL, 'region', 'East', NULL), (2, 1, 'team', 'Zhejiang', 'ZJ'), (3, 2, 'rep', 'Li Yan', NULL), (4, 1, 'team', 'Jiangsu', NULL),
    (5, 1, 'team', 'Anhui', NULL), (6, 1, 'team', 'Shanghai', NULL);
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (1, 'market_report', 't', 'u', '2025-09-01'), (2, 'market_report', 't', 'u', '2025-09-01');
INSERT INTO calib.target (target_id, unit_id, measure, product_line, grain, period_start, original_value) VALUES
    (20, 2, 'collection', '', 'quarter', '2025-10-01', 1000.50), (21, 2, 'collection', 'tea', 'quarter', '2025-10-01', 400),
    (22, 2, 'collection', '', 'month', '2025-10-01', 330), (23, 2, 'collection', '', 'quarter', '2026-01-01', 900),
    (30, 3, 'collection', '', 'quarter', '2025-10-01', 100),
    (40, 4, 'collection', '', 'quarter', '2025-10-01', 100), (41, 4, 'collection', 'tea', 'quarter', '2025-10-01', 200),
    (50, 5, 'collection', '', 'quarter', '2025-10-01', 100), (51, 5, 'collection', 'tea', 'quarter', '2026-01-01', 100),
    (60, 6, 'collection', '', 'year', '2025-01-01', 12345678901234567890.123456789);
SET calib.evidence = '1';
SET calib.reason = 'A rival cut prices';

-- Who may draft, and what ---------------------------------------------------------
CREATE ROLE regress_calib_hr LOGIN;
CREATE ROLE regress_calib_rep LOGIN;
CREATE ROLE regress_calib_boss LOGIN;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES
    ('regress_calib_hr', 'hr', 2), ('regress_calib_rep', 'rep', 3), ('regress_calib_boss', 'manager', 2);
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT own.try($$SELECT calib.draft_agreement(2, 'quarter', '2025-10-01', '{}')$$);  -- its targets are drafts still
RESET SESSION AUTHORIZATION;
SELECT calib.publish_targets('2025-10-01', 2);                                       -- 20, 21, 22, 30: 4
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT own.try($$SELECT calib.draft_agreement(1, 'quarter', '2025-10-01', '{}')$$);  -- 42501, above
SELECT own.try($$SELECT calib.draft_agreement(4, 'quarter', '2025-10-01', '{}')$$);  -- 42501, beside
SELECT own.try($$SELECT calib.draft_agreement(99, 'quarter', '2025-10-01', '{}')$$); -- 42501, nowhere
SELECT t, own.try(format($$SELECT calib.draft_agreement(2, 'quarter', '2025-10-01', %L)$$, t))
FROM unnest(ARRAY[NULL, 'null', '[]', '"text"', '1', '{"targets": []}', '{"targets": [{"target_id": 20, "value": 1}]}', '{"targets": null}']) t;
SELECT g, d, own.try(format($$SELECT calib.draft_agreement(2, %L, %L, '{}')$$, g, d))
FROM (VALUES ('week', '2025-10-06'), ('decade', '2025-10-01'), ('quarter', '2025-11-01'), ('month', '2025-10-02'), ('year', '2025-10-01'),
      (NULL, '2025-10-01'), ('quarter', NULL), ('quarter', '2025-07-01'), ('quarter', '2024-10-01'), ('quarter', 'infinity'), ('quarter', '2026-01-01')) v (g, d);
RESET SESSION AUTHORIZATION;
SELECT (SELECT count(*) FROM calib.agreement) AS agreements, (SELECT count(*) FROM calib.outbox) AS events;   -- 0 0
SELECT own.try($$SELECT calib.draft_agreement(99, 'quarter', '2025-10-01', '{}')$$);  -- a superuser: no such unit has targets
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT calib.draft_agreement(2, 'quarter', '2025-10-01', '{"bonus": 0.10, "note": "八折", "list": [1, null, {"a": 1.500}]}');
-- read, changed and given back, "targets" and all
SELECT calib.draft_agreement(2, 'quarter', '2025-10-01', '{"bonus": 0.12, "note": "八折", "list": [1, null, {"a": 1.500}], "targets": [
    {"target_id": 20, "measure": "collection", "product_line": "", "original_value": 1000.5, "value": 1000.50},
    {"target_id": 21, "measure": "collection", "product_line": "tea", "original_value": 400, "value": 400}]}');
RESET SESSION AUTHORIZATION;
-- version 1 never came to hold: [NULL]; version 2 does from the period's start
SELECT * FROM own.versions(2);

-- Adjustments revise the one entry -----------------------------------------------
UPDATE calib.target SET value = 1080.51 WHERE target_id = 20;      -- before the period: version 3, from its start
SET calib.clock = '2025-10-15 09:00+08';
UPDATE calib.target SET value = 380 WHERE target_id = 21;          -- 4
UPDATE calib.target SET value = 370 WHERE target_id = 21;          -- 5, on the same day
UPDATE calib.target SET external_ref = 'no adjustment' WHERE target_id = 21;
UPDATE calib.target SET value = value;
SET calib.clock = '2025-10-16 23:59:59.999999+08';
SET timezone = 'UTC';
UPDATE calib.target SET value = 360.00 WHERE target_id = 21;       -- 6: the day is Shanghai's
SET timezone = 'Asia/Shanghai';
SELECT * FROM own.versions(2);
-- all that is outside of the entry is identical, to the byte
SELECT a.version, a.terms - 'targets' = b.terms - 'targets' AND (a.terms - 'targets')::text = (b.terms - 'targets')::text AS terms,
       (SELECT count(*) FROM jsonb_array_elements(a.terms -> 'targets') WITH ORDINALITY x (t, n)
        JOIN jsonb_array_elements(b.terms -> 'targets') WITH ORDINALITY y (t, n) USING (n) WHERE x.t::text = y.t::text) AS same_targets,
       (SELECT string_agg(k, ',') FROM jsonb_array_elements(a.terms -> 'targets') WITH ORDINALITY x (t, n)
        JOIN jsonb_array_elements(b.terms -> 'targets') WITH ORDINALITY y (t, n) USING (n), jsonb_object_keys(x.t) k WHERE (x.t -> k)::text <> (y.t -> k)::text) AS changed
FROM calib.agreement a JOIN calib.agreement b USING (unit_id, grain, period_start)
WHERE unit_id = 2 AND grain = 'quarter' AND period_start = '2025-10-01' AND b.version = a.version + 1 AND b.adjustment_id IS NOT NULL ORDER BY 1;
-- which version holds on a day
SELECT d::date, (SELECT a.version FROM calib.agreement a WHERE unit_id = 2 AND a.valid @> d::date)
FROM unnest('{2025-09-30,2025-10-01,2025-10-14,2025-10-15,2025-10-16,2026-03-01}'::date[]) d;   -- none 3 3 5 6 6
-- another grain and another period are agreements of their own
UPDATE calib.target SET value = 340 WHERE target_id = 22;
SELECT * FROM own.versions(2, 'month');
SELECT count(*) FROM own.versions(2, 'quarter', '2026-01-01');
-- no agreement yet: version 1 is what was published, version 2 the revision;
-- one statement, two targets: 1, 2 and 3, each with one entry changed
UPDATE calib.target SET value = value * 0.95 WHERE unit_id = 4;
SELECT * FROM own.versions(4);
-- on the first day of the period: version 1 holds on no day
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (7, 1, 'team', 'first day');
SET calib.clock = '2025-09-20 09:00+08';
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES (70, 7, 'quarter', '2025-10-01', 100);
SET calib.clock = '2025-10-01 00:00+08';
UPDATE calib.target SET value = 95 WHERE target_id = 70;
SELECT * FROM own.versions(7);
SET calib.clock = '2025-10-20 09:00+08';
-- a target published after the agreement joins it with its first adjustment
SELECT calib.draft_agreement(5, 'quarter', '2025-10-01', '{"k": 1}') > 0 AS drafted;
INSERT INTO calib.target (target_id, unit_id, product_line, grain, period_start, original_value) VALUES (52, 5, 'water', 'quarter', '2025-10-01', 7);
UPDATE calib.target SET value = 7.7 WHERE target_id = 52;
SELECT * FROM own.versions(5);
-- a year's target; the number is exact
UPDATE calib.target SET value = 12345678901234567890.123456788 WHERE target_id = 60;
SELECT * FROM own.versions(6, 'year', '2025-01-01');
-- what is refused or rolled back leaves no version
SELECT own.try('UPDATE calib.target SET value = 500 WHERE target_id = 50');
BEGIN;
UPDATE calib.target SET value = 101 WHERE target_id = 50;
SAVEPOINT s;
UPDATE calib.target SET value = 102 WHERE target_id = 50;
ROLLBACK TO s;
SELECT count(*) FROM own.versions(5);                              -- 3
ROLLBACK;
SELECT count(*) FROM own.versions(5);                              -- 2
-- one version and one event for each applied adjustment
SELECT count(*) AS adjustments, count(a.agreement_id) AS versions, count(o.id) AS events
FROM calib.adjustment j LEFT JOIN calib.agreement a USING (adjustment_id)
LEFT JOIN calib.outbox o ON o.type = 'AdjustmentFiled' AND o.payload -> 'adjustment_id' = to_jsonb(j.adjustment_id);
SELECT * FROM own.sound;

-- Acknowledging --------------------------------------------------------------------
SELECT own.try($$SELECT calib.draft_agreement(3, 'quarter', '2025-10-01', '{"k": 1}')$$);
SET SESSION AUTHORIZATION regress_calib_hr;
SELECT own.try($$SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01')$$);  -- 42501: HR does not in the employee's place
SET SESSION AUTHORIZATION regress_calib_rep;
SELECT own.try($$SELECT calib.draft_agreement(3, 'quarter', '2025-10-01', '{}')$$);  -- 42501
SELECT own.try($$SELECT calib.acknowledge_agreement(2, 'quarter', '2025-10-01')$$);  -- 42501: the team's
SELECT v, own.try(format($$SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01', %s)$$, v)) FROM unnest('{0,-1,2}'::int[]) v;
SELECT own.try($$SELECT calib.acknowledge_agreement(3, 'quarter', '2026-01-01')$$);  -- none there
SELECT own.try($$SELECT calib.acknowledge_agreement(3, 'quarter', '2026-01-02')$$);
SELECT own.try($$SELECT calib.acknowledge_agreement(NULL, 'quarter', '2026-01-01')$$);
SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01') > 0 AS acknowledged;
SELECT own.try($$SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01')$$);  -- KC005 twice
RESET SESSION AUTHORIZATION;
UPDATE calib.target SET value = 95 WHERE target_id = 30;
SET SESSION AUTHORIZATION regress_calib_boss;
SELECT own.try($$SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01', 1)$$);  -- KC005 replaced
SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01', 2) > 0 AS acknowledged;
RESET SESSION AUTHORIZATION;
SELECT version, valid, acknowledged_by FROM own.versions(3);
-- the person behind a shared login signs, not the login
CREATE ROLE regress_calib_portal LOGIN;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_portal', 'delegate', 5);
INSERT INTO calib.duty (person, duty, unit_id) VALUES ('wang', 'manager', 5), ('chen', 'manager', 4);
SET SESSION AUTHORIZATION regress_calib_portal;
SET calib.actor = 'chen';
SELECT own.try($$SELECT calib.acknowledge_agreement(4, 'quarter', '2025-10-01')$$);  -- 42501: not in the delegate's subtree
SET calib.actor = 'wang';
SELECT calib.acknowledge_agreement(5, 'quarter', '2025-10-01') > 0 AS acknowledged;
RESET SESSION AUTHORIZATION;
RESET calib.actor;
SELECT version, acknowledged_by, acknowledged_at FROM calib.agreement_current WHERE unit_id = 5;
-- acknowledged terms may be replaced; that asks for a new acknowledgement
SELECT calib.draft_agreement(5, 'quarter', '2025-10-01', '{"k": 2}') > 0 AS drafted;
SELECT version, own_terms, target_values, valid, acknowledged_by FROM own.versions(5);
-- after the period: HR drafts nothing
SET calib.clock = '2025-12-31 23:59+08';
SELECT own.try($$SELECT calib.draft_agreement(5, 'quarter', '2025-10-01', '{"k": 3}')$$);
SET calib.clock = '2026-01-01 00:00+08';
SELECT own.try($$SELECT calib.draft_agreement(5, 'quarter', '2025-10-01', '{"k": 4}')$$);
SELECT own.try($$SELECT calib.acknowledge_agreement(5, 'quarter', '2025-10-01')$$);     -- late, but ok
-- a clock set back does not make days overlap
SET calib.clock = '2025-11-01 09:00+08';
UPDATE calib.target SET value = 106 WHERE target_id = 50;
SELECT version, valid FROM own.versions(5);
SELECT * FROM own.sound;

-- Step by step --------------------------------------------------------------------
-- As the workflow does it; the door is taken off its hinges for once.
BEGIN;
ALTER TABLE calib.adjustment DISABLE TRIGGER keep_append_only;
CREATE FUNCTION own.made() RETURNS text LANGUAGE sql AS $$
    SELECT (SELECT count(*) FROM calib.agreement WHERE adjustment_id = 900) || ' ' || (SELECT count(*) FROM calib.outbox WHERE payload -> 'adjustment_id' = '900')
$$;
INSERT INTO calib.adjustment (adjustment_id, target_id, quarter_start, old_value, new_value, reason, status, batch_id, submitted_by, submitted_at)
VALUES (900, 30, '2025-10-01', 95, 90, 'why', 'submitted', 7, 'li', '2025-11-01 09:00+08');
SELECT own.made();                                                 -- 0 0
UPDATE calib.adjustment SET status = 'approved', approved_by = 'wang', approved_at = '2025-11-01 09:30+08' WHERE adjustment_id = 900;
SELECT own.made();                                                 -- 0 0
UPDATE calib.adjustment SET status = 'filed', filed_by = 'zhao', filed_at = '2025-11-01 09:47+08' WHERE adjustment_id = 900;
SELECT own.made();                                                 -- 1 1
UPDATE calib.adjustment SET reason = 'said better' WHERE adjustment_id = 900;
SELECT own.made();                                                 -- 1 1
SELECT payload -> 'batch_id' AS batch, payload ->> 'submitted_by' AS submitted, payload ->> 'approved_by' AS approved, payload ->> 'filed_by' AS filed,
       (payload ->> 'filed_at')::timestamptz - (payload ->> 'submitted_at')::timestamptz AS took, payload -> 'agreement' -> 'version' AS version
FROM calib.outbox WHERE payload -> 'adjustment_id' = '900';
SELECT version, target_values FROM own.versions(3);
-- what is restored revises nothing
SET LOCAL calib.restoring = on;
INSERT INTO calib.adjustment SELECT (jsonb_populate_record(a, '{"adjustment_id": 902}')).* FROM calib.adjustment a WHERE adjustment_id = 900;
SELECT count(*) FROM own.versions(3);                              -- 3
ROLLBACK;

-- The views, and what the trail says ------------------------------------------------
SELECT unit_name, grain, period_start, version, valid_from, valid_to, is_current, adjustment_id IS NOT NULL AS adjusted
FROM calib.agreement_version WHERE unit_id IN (2, 7) ORDER BY unit_id, grain, version;
SELECT unit_id, grain, version, valid_from FROM calib.agreement_current ORDER BY unit_id, grain;
SELECT action, count(*), count(*) FILTER (WHERE new_row ->> 'acknowledged_by' IS DISTINCT FROM old_row ->> 'acknowledged_by') AS acknowledgements
FROM calib.audit WHERE relation = 'calib.agreement' GROUP BY 1 ORDER BY 1;
SELECT (SELECT count(*) FROM calib.agreement) AS agreements;       -- as many as INSERTs

-- Nobody else writes, the owner and superuser included -------------------------------
SELECT s, own.try(s) FROM unnest(ARRAY[
    $$INSERT INTO calib.agreement (unit_id, grain, period_start, version, terms, valid, created_by, created_at)
      VALUES (2, 'quarter', '2025-10-01', 99, '{"targets": []}', '[2025-10-01,)', 'me', now())$$,
    'UPDATE calib.agreement SET terms = ''{"targets": []}''', 'UPDATE calib.agreement SET acknowledged_by = ''me'', acknowledged_at = now()',
    'DELETE FROM calib.agreement', 'TRUNCATE calib.agreement', 'UPDATE calib.agreement_version SET unit_id = 1',
    $$SELECT calib.draft_agreement_behind_door(2, 'quarter', '2025-10-01', '{}')$$,
    $$SELECT calib.acknowledge_agreement_behind_door(2, 'quarter', '2025-10-01', NULL)$$,
    $$SELECT calib.add_agreement(NULL, jsonb_populate_record(NULL::calib.agreement, '{"unit_id": 2, "grain": "quarter", "period_start": "2025-10-01", "terms": {"targets": []}}'))$$]) s;
-- the door is shut again after an error behind it
SELECT own.try($$SELECT calib.draft_agreement(2, 'quarter', '2025-07-01', '{}')$$);
SELECT own.try('DELETE FROM calib.agreement');
-- everybody else has no right on them in the first place
SET SESSION AUTHORIZATION regress_calib_boss;
SELECT left(own.try(s), 5) FROM unnest(ARRAY[$$SELECT calib.draft_agreement_behind_door(2, 'quarter', '2025-10-01', '{}')$$,
    $$SELECT calib.acknowledge_agreement_behind_door(2, 'quarter', '2025-10-01', NULL)$$, $$SELECT calib.newest_agreement(2, 'quarter', '2025-10-01')$$,
    $$SELECT calib.agreement_targets(2, 'quarter', '2025-10-01')$$, 'DELETE FROM calib.agreement']) s;
RESET SESSION AUTHORIZATION;

DROP EXTENSION calib CASCADE;
DROP SCHEMA own CASCADE;
DROP ROLE regress_calib_hr, regress_calib_rep, regress_calib_boss, regress_calib_portal;
