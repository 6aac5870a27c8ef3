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

\echo '== Before and after, East against North. The data are generated: the table shows how calib measures, not what it does for you'
WITH region AS (
    SELECT unit_id, name FROM calib.unit WHERE unit_id IN (10, 20)
), found AS (
    SELECT a.ancestor_id AS unit_id, calib.day_of(d.detected_at) AS day, d.detected_at, d.acted_at
    FROM calib.deviation d JOIN calib.unit_ancestors() a USING (unit_id)
), late AS (
    SELECT a.ancestor_id AS unit_id, calib.day_of(r.occurred_at) AS day, extract(epoch FROM r.recorded_at - r.occurred_at) / 86400 AS days
    FROM calib.result r JOIN calib.unit_ancestors() a USING (unit_id)
), figure AS (
    SELECT 1 AS n, 'attainment, % of today''s target (Q3, Q4)' AS figure, a.unit_id,
           round(100 * max(a.attainment) FILTER (WHERE a.period_start = '2025-07-01')) AS before,
           round(100 * max(a.attainment) FILTER (WHERE a.period_start = '2025-10-01')) AS after
    FROM calib.attainment a WHERE a.grain = 'quarter' AND a.product_line = '' GROUP BY a.unit_id
    UNION ALL
    SELECT 2, 'attainment, % of the original target', a.unit_id,
           round(100 * max(a.attainment_original) FILTER (WHERE a.period_start = '2025-07-01')),
           round(100 * max(a.attainment_original) FILTER (WHERE a.period_start = '2025-10-01'))
    FROM calib.attainment a WHERE a.grain = 'quarter' AND a.product_line = '' GROUP BY a.unit_id
    UNION ALL
    SELECT 3, 'days from a payment to its row (July, Q4)', l.unit_id,
           round(avg(l.days) FILTER (WHERE l.day < '2025-08-01'), 1), round(avg(l.days) FILTER (WHERE l.day >= '2025-10-01'), 1)
    FROM late l GROUP BY l.unit_id
    UNION ALL
    SELECT 4, 'adjustments filed (Q3, Q4)', r.unit_id,
           count(t.id) FILTER (WHERE t.period_start = '2025-07-01'), count(t.id) FILTER (WHERE t.period_start = '2025-10-01')
    FROM region r JOIN calib.unit_ancestors() a ON a.ancestor_id = r.unit_id
    LEFT JOIN calib.adjustment_trail t ON t.unit_id = a.unit_id AND t.status = 'filed' GROUP BY r.unit_id
    UNION ALL
    SELECT 5, 'NPS (June, December)', q.unit_id,
           round(max(q.nps::numeric) FILTER (WHERE q.quarter_start = '2025-04-01')), round(max(q.nps::numeric) FILTER (WHERE q.quarter_start = '2025-10-01'))
    FROM calib.nps_quarterly q GROUP BY q.unit_id
    UNION ALL
    SELECT 6, 'SRI, days from detected to acted (July, Q4)', f.unit_id,
           round(avg(extract(epoch FROM f.acted_at - f.detected_at) / 86400) FILTER (WHERE f.day < '2025-08-01'), 1),
           round(avg(extract(epoch FROM f.acted_at - f.detected_at) / 86400) FILTER (WHERE f.day >= '2025-10-01'), 1)
    FROM found f GROUP BY f.unit_id
)
SELECT f.figure, max(f.before) FILTER (WHERE f.unit_id = 10) AS "East before", max(f.after) FILTER (WHERE f.unit_id = 10) AS "East after",
       max(f.before) FILTER (WHERE f.unit_id = 20) AS "North before", max(f.after) FILTER (WHERE f.unit_id = 20) AS "North after"
FROM figure f GROUP BY f.n, f.figure ORDER BY f.n;

\echo '== The pilot: East''s teams against North''s, difference in differences on the ORIGINAL targets (generated data)'
SELECT outcome, pilot_units || ' : ' || control_units AS units, round(pilot_before::numeric, 2) AS east_before, round(pilot_after::numeric, 2) AS east_after,
       round(control_before::numeric, 2) AS north_before, round(control_after::numeric, 2) AS north_after,
       round(effect::numeric, 2) AS effect, round(ci_low::numeric, 2) AS ci_low, round(ci_high::numeric, 2) AS ci_high
FROM calib.pilot_effect ORDER BY outcome;
SELECT sentence FROM calib.pilot_effect ORDER BY outcome;
\echo '== In Chinese'
SET calib.language = 'zh';
SELECT sentence FROM calib.pilot_effect WHERE outcome = 'attainment_original';
RESET calib.language;

\echo '== How fast East China reacts by month, once it is told: strategy response index, days from detected to acted'
SELECT to_char(month, 'YYYY-MM') AS month, acted, open, round(mean_days::numeric, 1) AS mean_days, median_days
FROM calib.sri_monthly WHERE unit_id = 10 ORDER BY month;

\echo '== Acts in time count as a contribution'
SELECT person, quarter_start, acts, in_time, mean_days::numeric(5,1) FROM calib.acts_in_time ORDER BY quarter_start, person;

\echo '== What the acts did: pace against the original target before and after each filing'
SELECT unit_name, kind, what, calib.day_of(filed_at) AS filed, round(pace_before::numeric, 2) AS pace_before, round(pace_after::numeric, 2) AS pace_after,
       round(rep_weeks_before, 1) AS rep_weeks_before, round(rep_weeks_after, 1) AS rep_weeks_after, note
FROM calib.act_effect WHERE product_line = '' ORDER BY filed_at, kind, id;

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

\echo
\echo '== From now on pg_cron runs the jobs'
RESET calib.clock;
SELECT job, how, schedule FROM calib.schedule_jobs() ORDER BY job;
\echo '== Health: everything in order'
SELECT check_name, ok, detail FROM calib.health();
