-- January 2026: what came of it.
SET calib.clock = '2026-01-01 09:00+08';
SET client_min_messages = warning;

\echo
\echo '== The year is over: attainment against today''s target and against the original one'
SELECT unit_name, to_char(period_start, 'YYYY "Q"Q') AS quarter,
       round(target_value / 1000000, 1) AS "target M", round(actual / 1000000, 1) AS "result M",
       round(attainment * 100, 1) AS "attained %", round(attainment_original * 100, 1) AS "of the original %"
FROM calib.attainment
WHERE grain = 'quarter' AND product_line = '' AND unit_id IN (10, 20)
ORDER BY unit_id, period_start;

\echo '== Do the targets still add up? Three adjustments later the teams carry less than the company'
SELECT unit_name, period_start, target_value, children_value, gap FROM calib.target_gap ORDER BY period_start;

\echo '== How fast East China reacts: strategy response index, days from detected to acted'
SELECT to_char(month, 'YYYY-MM') AS month, acted, open, round(mean_days::numeric, 1) AS mean_days, median_days
FROM calib.sri_monthly WHERE unit_id = 10 ORDER BY month;

\echo '== How late the figures come: days from a payment to its row'
SELECT r.name AS region, round(avg(extract(epoch FROM p.recorded_at - p.occurred_at) / 86400) FILTER (WHERE p.occurred_at < '2025-08-01 00:00+08'), 1) AS "July",
       round(avg(extract(epoch FROM p.recorded_at - p.occurred_at) / 86400) FILTER (WHERE p.occurred_at >= '2025-10-01 00:00+08'), 1) AS "fourth quarter"
FROM calib.result p JOIN calib.unit_ancestors() a USING (unit_id) JOIN calib.unit r ON r.unit_id = a.ancestor_id AND r.kind = 'region'
WHERE r.unit_id IN (10, 20) GROUP BY r.unit_id ORDER BY r.unit_id;

\echo '== Target missed, activity up to standard, last three closed months: reps per team (the first list to look at)'
SELECT t.name AS team, to_char(m.period_start, 'YYYY-MM') AS month, count(*) AS reps
FROM calib.missed_but_active m JOIN calib.unit p USING (unit_id) JOIN calib.unit t ON t.unit_id = p.parent_id
WHERE m.unit_kind = 'rep' GROUP BY t.unit_id, m.period_start ORDER BY count(*) DESC, t.unit_id, m.period_start LIMIT 5;

\echo '== Where the units stood on 15 December'
SET calib.clock = '2025-12-15 18:00+08';
SELECT unit_kind, quadrant, signal, units FROM calib.quadrant_count ORDER BY unit_kind, quadrant, signal;
RESET calib.clock;

\echo
\echo '== The ledger: the trail sealed into a block, and what verify says of it'
SELECT calib.run('seal') AS block;
SELECT block, ok, problem FROM calib.verify();
\echo '== A superuser rewrites one sealed row: Zhejiang''s third-quarter target, as it was entered'
BEGIN;
ALTER TABLE calib.audit DISABLE TRIGGER ALL;
UPDATE calib.audit SET new_row = jsonb_set(new_row, '{value}', '17000000')
WHERE audit_id = (SELECT min(audit_id) FROM calib.audit WHERE relation = 'calib.target' AND new_row ->> 'unit_id' = '13');
ALTER TABLE calib.audit ENABLE ALWAYS TRIGGER keep_append_only;
ALTER TABLE calib.audit ENABLE ALWAYS TRIGGER keep_append_only_truncate;
ALTER TABLE calib.audit ENABLE ALWAYS TRIGGER restore_seeds;
SELECT block, ok, problem FROM calib.verify();
ROLLBACK;
\echo '== Rolled back; what goes outside, so that not even a rewrite of everything passes'
SELECT calib.digest() - 'database' - 'hash' - 'era' - 'digest_at' - 'sealed_at' - 'horizon' AS digest;
