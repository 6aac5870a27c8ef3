-- What is caught up with late is decided as it would have been on its day: by what was
-- known then, and in whatever order the jobs come.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';

-- Two regions are in the loop, the company above them is not.
SET calib.clock = '2025-07-01 08:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North'), (12, 2, 'rep', 'Li'), (13, 3, 'rep', 'Sun');
INSERT INTO calib.policy (unit_id, valid_from, loop, approval) VALUES (2, '2025-07-01', true, 'none'), (3, '2025-07-01', true, 'none');

-- 1. A source that fell silent is told where it told of somebody: on the 16th nobody
-- knew yet that it had told of Sun on the 9th.
BEGIN;
INSERT INTO calib.source (source, stale_days) VALUES ('chat', 4);
SET LOCAL calib.clock = '2025-07-31 08:00+08';
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at, recorded_at) VALUES
    ('chat', '1', 12, 'quote', '2025-07-10 10:00+08', '2025-07-10 11:00+08'),
    ('chat', '2', 13, 'quote', '2025-07-09 10:00+08', '2025-07-18 11:00+08');
INSERT INTO calib.result (source, external_id, unit_id, amount, occurred_at, recorded_at) VALUES
    ('chat', '3', 13, 5, '2025-07-09 10:00+08', '2025-07-18 11:00+08');
SELECT calib.detect('2025-07-16 07:00+08');
SELECT unit_id, kind, subject FROM calib.deviation ORDER BY unit_id;
-- on the 19th it is known
SELECT calib.detect('2025-07-19 07:00+08');
SELECT unit_id, kind, subject, detected_at FROM calib.deviation ORDER BY unit_id;
ROLLBACK;

-- 2. What was filed for Li before Li joined a deviation of East was not about it; what was
-- filed since the detection that let Li join is, also where that is caught up with later.
BEGIN;
INSERT INTO calib.deviation (unit_id, measure, kind, grain, period_start, detected_at)
VALUES (2, 'collection', 'execution', 'quarter', '2025-07-01', '2025-07-01 07:00+08');
INSERT INTO calib.detection VALUES ('2025-07-01 07:00+08', 1, 0, 0, 0);
SET LOCAL calib.clock = '2025-07-02 10:00+08';
SELECT calib.file_request(calib.submit_request(12, 'promotion_budget', 10, 'Before'));
SET LOCAL calib.clock = '2025-07-08 10:00+08';
SELECT calib.file_request(calib.submit_request(12, 'promotion_budget', 10, 'Since'));
SELECT reason, status, filed_at FROM calib.resource_request ORDER BY filed_at;
SET LOCAL calib.clock = '2025-07-31 08:00+08';
UPDATE calib.deviation SET units = '{12}';
-- Li joined on the 3rd: the detection of the 4th has nothing to answer
INSERT INTO calib.detection VALUES ('2025-07-03 07:00+08', 0, 0, 0, 0);
SELECT calib.detect('2025-07-04 07:00+08');
SELECT ending, acted_at, note FROM calib.deviation;
-- that of the 9th has
SELECT calib.detect('2025-07-08 07:00+08'), calib.detect('2025-07-09 07:00+08');
SELECT ending, acted_at, note FROM calib.deviation;
-- what names the unit itself is answered however old the filing is
UPDATE calib.deviation SET ending = NULL, ended_at = NULL, ended_by = NULL, action = NULL, acted_at = NULL, acted_by = NULL, note = NULL, units = NULL, unit_id = 12;
SELECT calib.detect('2025-07-10 07:00+08');
SELECT ending, acted_at, note FROM calib.deviation;
ROLLBACK;

-- 3. Two weeks of reports that nobody filed: after downtime the same is found whether the
-- reports or what counts them come first.
UPDATE calib.rule SET enabled = true WHERE rule = 'weekly_report';
INSERT INTO calib.rule (rule, kind, parameters, enabled, makes, label_en, label_zh) VALUES
    ('no_reports', 'weeks_without', '{"indicator": "log_reports", "weeks": 2}', true, 'reminder', 'No reports', '无周报'),
    ('no_reports_at_all', 'weeks_without', '{"indicator": "log_reports", "weeks": 2}', true, 'deviation', 'No reports', '无周报');
CREATE FUNCTION play(jobs text[]) RETURNS TABLE (what text) LANGUAGE plpgsql AS $$
DECLARE
    name text;
    tick timestamptz;
BEGIN
    FOREACH name IN ARRAY jobs LOOP
        FOR tick IN SELECT calib.job_ticks(j, '2025-07-01 00:00+08', '2025-07-31 08:00+08') FROM calib.job j WHERE j.job = name LOOP
            EXECUTE format('SELECT calib.%I($1)', 'run_' || name) USING tick;
        END LOOP;
    END LOOP;
    RETURN QUERY SELECT format('%s %s %s', r.key, r.created_at, r.due_at) FROM calib.reminder r WHERE r.rule <> 'deviation'
    UNION ALL SELECT format('%s %s %s', d.unit_id, d.subject, d.detected_at) FROM calib.deviation d ORDER BY 1;
END $$;
SET calib.clock = '2025-07-31 08:00+08';
BEGIN;
SELECT * FROM play('{weekly_report,rules,detect}');
SELECT md5(string_agg(what, E'\n')) AS told FROM play('{}') \gset
ROLLBACK;
BEGIN;
SELECT md5(string_agg(what, E'\n')) = :'told' AS rules_first FROM play('{rules,detect,weekly_report}');
ROLLBACK;
BEGIN;
SELECT md5(string_agg(what, E'\n')) = :'told' AS detect_first FROM play('{detect,rules,weekly_report}');
ROLLBACK;
DROP FUNCTION play(text[]);
DROP EXTENSION calib CASCADE;
