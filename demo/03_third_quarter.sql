-- The third quarter of 2025, as it ran.
SET client_min_messages = warning;

\echo
\echo '== July to mid September, day by day: the jobs look, people decide (a minute)'
CALL demo.play('2025-07-01', '2025-08-28');
CALL demo.meet('2025-08-27 17:00+08');
CALL demo.play('2025-08-28', '2025-09-16');
\echo '-- what was found. In July calib only watched (observed); East China was told from August on, North China never is'
SELECT u.name AS unit, d.kind, d.product_line AS line, calib.day_of(d.detected_at) AS detected, d.ending,
       round(extract(epoch FROM d.ended_at - d.detected_at) / 86400, 1) AS days, d.observed, array_length(d.units, 1) AS "names units"
FROM calib.deviation d JOIN calib.unit u USING (unit_id) ORDER BY d.detected_at, d.deviation_id;

SET calib.clock = '2025-09-15 18:00+08';

INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (1, 'competitor_price_notice', 'Rival cuts prices by 15 % from 28 July', 'https://example.com/notices/2025-07-28', '2025-07-28');

\echo
\echo '== 15 September 2025: the regions. Pace is attainment over the share of working days elapsed'
SELECT region, round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %",
       round(density_index::numeric, 2) AS "index", quadrant, signal, remedy
FROM calib.war_room WHERE product_line = '' ORDER BY unit_id;

\echo '== East China: a competitor cut prices. All teams miss, and together they work no less than before: the market, not the people'
SELECT reason FROM calib.diagnosis WHERE unit_id = 10 AND product_line = '';

\echo '== A payment of half a million is entered in the CRM, for a rep in Anhui: what the diagnosis says before it, with it, and once it is deleted again'
SELECT round(actual / 1000000, 2) AS "result M", round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %", quadrant
FROM calib.diagnosis WHERE unit_id = 14 AND product_line = '';
INSERT INTO crm.payment VALUES ('by hand', 'E1401', 'S140101', '', '2025-09-15 17:59:30+08', 500000, '2025-09-15 18:00+08');
SELECT round(actual / 1000000, 2) AS "result M", round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %", quadrant
FROM calib.diagnosis WHERE unit_id = 14 AND product_line = '';
DELETE FROM crm.payment WHERE payment_no = 'by hand';
SELECT round(actual / 1000000, 2) AS "result M", round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %", quadrant
FROM calib.diagnosis WHERE unit_id = 14 AND product_line = '';

\echo '== And a visit under a staff number nobody has: the CRM keeps its row, calib keeps it waiting, readable, until somebody mends one of the two'
INSERT INTO crm.contact VALUES ('visit by whom', 'E7777', 'S140101', '', 'on site', '2025-09-15 16:00+08', '2025-09-15 18:00+08');
SELECT source, external_id, problem, detail, hint, sqlstate FROM calib.feed_error;
\echo '-- mended in the CRM, it is a fact'
UPDATE crm.contact SET staff_no = 'E1401' WHERE contact_no = 'visit by whom';
SELECT (SELECT count(*) FROM calib.feed_error) AS waiting, external_id, kind, occurred_at AT TIME ZONE 'Asia/Shanghai' AS occurred_at
FROM calib.activity WHERE external_id = 'visit by whom';

\echo '== South China: three quarters of its target, and people work far more than elsewhere: environment'
SELECT reason FROM calib.diagnosis WHERE unit_id = 30 AND product_line = '';

\echo '== Anhui: misses too, but its people are rarely with customers: execution, not environment'
SELECT reason FROM calib.diagnosis WHERE unit_id = 14 AND product_line = '';

\echo '== Zhejiang, premium line: visits up to standard, conversion half the benchmark, always the same customers'
SELECT unit_name, round(density_index::numeric, 2) AS "index", round(conversion * 100) AS "conversion %",
       round(benchmark * 100) AS "benchmark %", round(existing_share * 100) AS "on old customers %",
       round(peer_existing_share * 100) AS "peers %", remedy
FROM calib.diagnosis WHERE unit_id IN (11, 13) AND product_line = 'premium' ORDER BY unit_id;
SELECT reason FROM calib.diagnosis WHERE unit_id = 13 AND product_line = 'premium';
\echo '== The same reason in Chinese'
SET calib.language = 'zh';
SELECT reason FROM calib.diagnosis WHERE unit_id = 13 AND product_line = 'premium';
RESET calib.language;

\echo
\echo '== So Li Yan, who runs East China, asks for two people for the new channel and a promotion budget'
SET calib.actor = 'Li Yan';
SELECT calib.submit_request(13, 'move_people', 2, 'Two people from the old customers to community group buying', evidence => '{1}') AS people \gset
SELECT calib.submit_request(13, 'promotion_budget', 300000, 'Promotion for community group buying', cost => 300000, evidence => '{1}') AS budget \gset
\echo '-- risk approves 31 minutes later, HR files after another 16'
SET calib.clock = '2025-09-15 18:31+08';
SET calib.actor = 'Chen Jing';
SELECT calib.approve_request(:people, 'Within the plan'), calib.approve_request(:budget, 'Within the plan') \g /dev/null
SET calib.clock = '2025-09-15 18:47+08';
SET calib.actor = 'Wang Fang';
SELECT calib.file_request(:people), calib.file_request(:budget) \g /dev/null
RESET calib.actor;
SELECT id, kind, amount, status, submitted_by, approved_by, filed_by, round((hours_to_file * 60)::numeric) AS minutes
FROM calib.request_trail ORDER BY id;
\echo '== It answers what was detected in Zhejiang: calib ends the deviation as acted on'
SELECT u.name AS unit, d.kind, d.reason_code, d.ending, d.action, d.acted_by, round(extract(epoch FROM d.ended_at - d.detected_at) / 86400, 1) AS days
FROM calib.deviation d JOIN calib.unit u USING (unit_id) WHERE d.unit_id = 13 AND d.action = 'request';

\echo '== Shallow coverage, 12 September: a rep who visits five customers, four of them stuck in first contact'
SET calib.clock = '2025-09-12 18:00+08';
SELECT u.name AS rep, s.visited, s.stuck, s.share::numeric(3,2), s.flagged
FROM calib.shallow_coverage s JOIN calib.unit u USING (unit_id) WHERE s.flagged;

\echo '== 28 September: calib has prepared the calibration meeting of East China: customers and requests; no open deviation calls for another target'
CALL demo.play('2025-09-16', '2025-09-29');
SET calib.clock = '2025-09-28 17:00+08';
SET calib.actor = 'Li Yan';
SELECT calib.open_meeting(10, '2025-09-28') AS meeting \gset
SELECT part, position AS no, unit_name, subject_name, reason FROM calib.agenda(:meeting);
\echo '-- customers change tier as proposed; nobody is moved twice. Twelve minutes'
SET calib.clock = '2025-09-28 17:12+08';
SELECT calib.decide(:meeting, item_id, CASE part WHEN 'tier' THEN 'accept' WHEN 'resource' THEN 'reject' ELSE 'defer' END) FROM calib.agenda(:meeting) \g /dev/null
SELECT part, decision, count(*) AS items, min(outcome ->> 'done') AS outcome FROM calib.close_meeting(:meeting) GROUP BY part, decision ORDER BY part DESC;
RESET calib.actor;

\echo '== What waits for whom, and the week of a rep as calib wrote it down (rules on in Shanghai)'
CALL demo.play('2025-09-29', '2025-10-01');
SELECT duty, recipients, overdue, rule, count(*) AS reminders, min(reason) AS "for example" FROM calib.reminder_waiting GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT status, count(*) AS reports FROM calib.weekly_report GROUP BY status ORDER BY status;
SELECT body FROM calib.weekly_report ORDER BY week DESC, unit_id LIMIT 1;

\echo '== The third quarter when it closed'
SET calib.clock = '2025-10-01 00:00+08';
SELECT unit_name, round(target_value / 1000000, 1) AS "target M", round(actual / 1000000, 1) AS "result M",
       round(attainment * 100, 1) AS "attained %"
FROM calib.attainment
WHERE grain = 'quarter' AND period_start = '2025-07-01' AND product_line = '' AND unit_kind IN ('company', 'region')
ORDER BY unit_id;
