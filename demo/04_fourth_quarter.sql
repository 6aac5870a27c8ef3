-- The fourth quarter of 2025: targets may change, inside hard limits.
SET client_min_messages = warning;
\set SHOW_CONTEXT never

INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (2, 'channel_inventory_report', 'Supermarket stock up 40 % in Zhejiang', 'https://example.com/reports/zj-2025-10', '2025-10-10'),
    (3, 'market_report', 'East China soft drinks, third quarter', 'https://example.com/reports/east-2025-q3', '2025-10-08');
SELECT target_id AS zhejiang FROM calib.target WHERE unit_id = 13 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
SELECT target_id AS jiangsu FROM calib.target WHERE unit_id = 12 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
SELECT target_id AS shanghai FROM calib.target WHERE unit_id = 11 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
SELECT target_id AS fujian FROM calib.target WHERE unit_id = 15 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
SELECT target_id AS over FROM calib.target WHERE unit_id = 11 AND product_line = '' AND period_start = '2025-07-01' \gset

\echo
\echo '== 27 October 2025: what is open in East China, found since the first'
CALL demo.play('2025-10-01', '2025-10-28');
SELECT unit_name, kind, grain, calib.day_of(detected_at) AS detected, remedy, reason FROM calib.deviation_open ORDER BY detected_at, deviation_id;
\echo '== The meeting: may next month''s targets float? By at most 10 % of the original, twice a quarter, with evidence'
SET calib.clock = '2025-10-27 17:00+08';
SET calib.actor = 'Li Yan';
SELECT calib.open_meeting(10, '2025-10-27') AS meeting \gset
SELECT item_id, part, position AS no, unit_name, subject_name, reason FROM calib.agenda(:meeting);
SET calib.clock = '2025-10-27 17:12+08';
SELECT calib.decide(:meeting, item_id, 'accept', 'Price cut and full shelves: Zhejiang moves people to the new channel first', 16200000, '{1,2}') AS decided
FROM calib.agenda(:meeting) WHERE part = 'target' AND unit_id = 13 \g /dev/null
SELECT calib.decide(:meeting, item_id, 'accept', 'Price cut in the supermarkets', 18400000, '{1,3}') AS decided
FROM calib.agenda(:meeting) WHERE part = 'target' AND unit_id = 12 \g /dev/null
SELECT calib.decide(:meeting, item_id, 'accept') FROM calib.agenda(:meeting) WHERE part = 'tier' \g /dev/null
SELECT part, subject, decision, outcome FROM calib.close_meeting(:meeting);
SELECT min(adjustment_id) AS first, max(adjustment_id) AS second FROM calib.adjustment \gset
\echo '== What waits for Chen Jing, who holds duty risk'
SET calib.actor = 'Chen Jing';
SELECT subject, id, unit_name, step, duty, to_char(due_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') AS due
FROM calib.waiting_step ORDER BY id;
SET calib.clock = '2025-10-27 17:36+08';
SELECT calib.approve_adjustment(:first, 'Evidence checked'), calib.approve_adjustment(:second, 'Evidence checked') \g /dev/null
SET calib.clock = '2025-10-27 17:51+08';
SET calib.actor = 'Wang Fang';
SELECT calib.file_adjustment(:first), calib.file_adjustment(:second) \g /dev/null
RESET calib.actor;
\echo '== 5 November: a second one for Zhejiang, on the same road'
CALL demo.play('2025-10-28', '2025-11-05');
SET calib.clock = '2025-11-05 10:00+08';
SET calib.actor = 'Li Yan';
SELECT calib.submit_adjustment(:zhejiang, 15300000, 'Stock sells off slower than expected', '{2}') AS third \gset
SET calib.clock = '2025-11-05 10:20+08';
SET calib.actor = 'Chen Jing';
SELECT calib.approve_adjustment(:third) \g /dev/null
SET calib.clock = '2025-11-05 10:31+08';
SET calib.actor = 'Wang Fang';
SELECT calib.file_adjustment(:third) \g /dev/null
RESET calib.actor;
SELECT id, unit_name, old_value, new_value, round(change * 100, 1) AS "change %", origin, submitted_by, approved_by, filed_by,
       round((hours_to_file * 60)::numeric) AS minutes
FROM calib.adjustment_trail ORDER BY id;

\echo '== And what is refused, each with its SQLSTATE'
SET calib.actor = 'Li Yan';
\set ON_ERROR_STOP off
\echo '-- Shanghai by 12 %: over the cap'
SELECT calib.submit_adjustment(:shanghai, 17600000, 'Because', '{3}');
\echo SQLSTATE :SQLSTATE
\echo '-- Zhejiang a third time in the quarter'
SELECT calib.submit_adjustment(:zhejiang, 14400000, 'Because', '{3}');
\echo SQLSTATE :SQLSTATE
\echo '-- Fujian without evidence'
SELECT calib.submit_adjustment(:fujian, 11000000, 'Because', '{}');
\echo SQLSTATE :SQLSTATE
\echo '-- the third quarter, which is over'
SELECT calib.submit_adjustment(:over, 18500000, 'Because', '{3}');
\echo SQLSTATE :SQLSTATE
\echo '-- past the workflow, by a plain UPDATE'
UPDATE calib.target SET value = 11000000 WHERE target_id = :fujian;
\echo SQLSTATE :SQLSTATE
\echo '-- Li Yan approves what he has submitted himself'
SELECT calib.submit_adjustment(:fujian, 11000000, 'Because', '{3}') AS own \gset
SELECT calib.approve_adjustment(:own);
\echo SQLSTATE :SQLSTATE
\echo '-- and HR files what nobody has approved'
SET calib.actor = 'Wang Fang';
SELECT calib.file_adjustment(:own);
\echo SQLSTATE :SQLSTATE
\echo '-- Chen Jing approves it and then, as HR''s deputy, files it too'
SET calib.actor = 'Chen Jing';
SELECT calib.approve_adjustment(:own) \g /dev/null
SELECT calib.file_adjustment(:own);
\echo SQLSTATE :SQLSTATE
SET calib.actor = 'Li Yan';
SELECT calib.withdraw_adjustment(:own, 'Only to show') \g /dev/null
\set ON_ERROR_STOP on
RESET calib.actor;

\echo
\echo '== What is left of the quarter''s budget'
SELECT u.name, b.used, b.pending, b.remaining
FROM calib.adjustment_budget b JOIN calib.unit u USING (unit_id)
WHERE u.parent_id = 10 AND b.product_line = '' AND b.quarter_start = '2025-10-01' ORDER BY u.unit_id;

\echo '== The values Zhejiang''s target has had'
SELECT h.value, h.valid_from::date, h.valid_to::date
FROM calib.target_history h JOIN calib.target t USING (target_id)
WHERE t.unit_id = 13 AND t.grain = 'quarter' AND t.period_start = '2025-10-01' ORDER BY h.valid_from;

\echo '== And its trail, which nobody rewrites'
SELECT audit_id, clock_at::date AS day, action, old_row ->> 'value' AS old, new_row ->> 'value' AS new, person, simulated
FROM calib.audit
WHERE relation = 'calib.target' AND new_row ->> 'unit_id' = '13' AND new_row ->> 'period_start' = '2025-10-01' AND new_row ->> 'grain' = 'quarter'
ORDER BY audit_id;

\echo '== The agreement HR holds for Zhejiang: each adjustment made a version of it'
SELECT version, lower(valid) AS valid_from, upper(valid) AS valid_to, target ->> 'value' AS value, acknowledged_by
FROM calib.agreement, jsonb_array_elements(terms -> 'targets') AS target
WHERE unit_id = 13 AND grain = 'quarter' AND period_start = '2025-10-01' AND target ->> 'product_line' = '' ORDER BY version;

\echo '== And what the HR system is told of it (outbox)'
SELECT type, count(*) FROM calib.outbox GROUP BY type ORDER BY type;

\echo
\echo '== November and December, day by day; the meetings of both months are held'
CALL demo.play('2025-11-05', '2025-11-28');
CALL demo.meet('2025-11-27 17:00+08');
CALL demo.play('2025-11-28', '2025-12-30');
CALL demo.meet('2025-12-29 17:00+08');
CALL demo.survey(10, 45, 37, 3);
CALL demo.survey(20, 9, 4, 3);
CALL demo.play('2025-12-30', '2026-01-01');
\echo '== The minutes. Over 15 minutes is shown, not refused'
SELECT month, unit_name, minutes, over_time, accepted, rejected, deferred FROM calib.minutes WHERE unit_id = 10 ORDER BY month;
