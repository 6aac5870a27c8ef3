-- The third quarter of 2025, as it looked while it ran.
SET calib.clock = '2025-09-15 18:00+08';
SET client_min_messages = warning;

INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (1, 'competitor_price_notice', 'Rival cuts prices by 15 % from 28 July', 'https://example.com/notices/2025-07-28', '2025-07-28');

\echo
\echo '== 15 September 2025: the regions. Pace is attainment over the share of working days elapsed'
SELECT region, round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %",
       round(density_index::numeric, 2) AS "index", quadrant, signal, remedy
FROM calib.war_room WHERE product_line = '' ORDER BY unit_id;

\echo '== East China: a competitor cut prices. Most teams miss, nobody slackens: the market, not the people'
SELECT reason FROM calib.diagnosis WHERE unit_id = 10 AND product_line = '';

\echo '== A payment of half a million is entered in the CRM, for a rep in Anhui: what the diagnosis says before it, with it, and once it is deleted again'
SELECT round(actual / 1000000, 2) AS "result M", round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %", quadrant
FROM calib.diagnosis WHERE unit_id = 14 AND product_line = '';
INSERT INTO crm.payment VALUES ('by hand', 'E1401', '', '2025-09-15 17:59:30+08', 500000, '2025-09-15 18:00+08');
SELECT round(actual / 1000000, 2) AS "result M", round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %", quadrant
FROM calib.diagnosis WHERE unit_id = 14 AND product_line = '';
DELETE FROM crm.payment WHERE payment_no = 'by hand';
SELECT round(actual / 1000000, 2) AS "result M", round(attainment * 100, 1) AS "attained %", round(pace * 100, 1) AS "pace %", quadrant
FROM calib.diagnosis WHERE unit_id = 14 AND product_line = '';

\echo '== And a visit under a staff number nobody has: the CRM keeps its row, calib keeps it waiting, readable, until somebody mends one of the two'
INSERT INTO crm.contact VALUES ('visit by whom', 'E7777', 'S140101', '', 'on site', '2025-09-15 16:00+08', '2025-09-15 18:00+08');
SELECT source, external_id, problem, detail, hint, sqlstate FROM calib.feed_error;

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

\echo '== Shallow coverage, 12 September: a rep who visits five customers, four of them stuck in first contact'
SET calib.clock = '2025-09-12 18:00+08';
SELECT u.name AS rep, s.visited, s.stuck, s.share::numeric(3,2), s.flagged
FROM calib.shallow_coverage s JOIN calib.unit u USING (unit_id) WHERE s.flagged;

\echo '== The third quarter when it closed'
SET calib.clock = '2025-10-01 00:00+08';
SELECT unit_name, round(target_value / 1000000, 1) AS "target M", round(actual / 1000000, 1) AS "result M",
       round(attainment * 100, 1) AS "attained %"
FROM calib.attainment
WHERE grain = 'quarter' AND period_start = '2025-07-01' AND product_line = '' AND unit_kind IN ('company', 'region')
ORDER BY unit_id;
