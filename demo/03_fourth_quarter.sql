-- The fourth quarter of 2025: targets may change, inside hard limits.
SET calib.clock = '2025-10-15 10:00+08';
SET client_min_messages = warning;

INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (2, 'channel_inventory_report', 'Supermarket stock up 40 % in Zhejiang', 'https://example.com/reports/zj-2025-10', '2025-10-10'),
    (3, 'market_report', 'East China soft drinks, third quarter', 'https://example.com/reports/east-2025-q3', '2025-10-08');

\echo
\echo '== 15 October 2025: three adjustments that keep the rules (at most 10 % of the original, twice a quarter, with evidence)'
BEGIN;
SET LOCAL calib.evidence = '1,2';
SET LOCAL calib.reason = 'Price cut and full shelves: Zhejiang moves people to the new channel first';
UPDATE calib.target SET value = 16200000 WHERE unit_id = 13 AND grain = 'quarter' AND period_start = '2025-10-01';
COMMIT;
BEGIN;
SET LOCAL calib.evidence = '1,3';
SET LOCAL calib.reason = 'Price cut in the supermarkets of Jiangsu';
UPDATE calib.target SET value = 18400000 WHERE unit_id = 12 AND grain = 'quarter' AND period_start = '2025-10-01';
COMMIT;
SET calib.clock = '2025-11-05 10:00+08';
BEGIN;
SET LOCAL calib.evidence = '2';
SET LOCAL calib.reason = 'Stock sells off slower than expected';
UPDATE calib.target SET value = 15300000 WHERE unit_id = 13 AND grain = 'quarter' AND period_start = '2025-10-01';
COMMIT;
SELECT u.name, a.old_value, a.new_value, round((a.new_value - a.old_value) / t.original_value * 100, 1) AS "change %",
       a.filed_by, a.filed_at::date AS filed, e.evidence
FROM calib.adjustment a JOIN calib.target t USING (target_id) JOIN calib.unit u USING (unit_id)
CROSS JOIN LATERAL (SELECT string_agg(evidence_id::text, ', ' ORDER BY evidence_id) AS evidence
                    FROM calib.adjustment_evidence WHERE adjustment_id = a.adjustment_id) e
ORDER BY a.adjustment_id;

\echo '== And what is refused, each with its SQLSTATE'
SET calib.reason = 'Because';
SET calib.evidence = '3';
\set ON_ERROR_STOP off
\echo '-- Shanghai by 12 %: over the cap'
UPDATE calib.target SET value = 17600000 WHERE unit_id = 11 AND grain = 'quarter' AND period_start = '2025-10-01';
\echo SQLSTATE :SQLSTATE
\echo '-- Zhejiang a third time in the quarter'
UPDATE calib.target SET value = 14400000 WHERE unit_id = 13 AND grain = 'quarter' AND period_start = '2025-10-01';
\echo SQLSTATE :SQLSTATE
\echo '-- Fujian without evidence'
SET calib.evidence = '';
UPDATE calib.target SET value = 11000000 WHERE unit_id = 15 AND grain = 'quarter' AND period_start = '2025-10-01';
\echo SQLSTATE :SQLSTATE
SET calib.evidence = '3';
\echo '-- the third quarter, which is over'
UPDATE calib.target SET value = 18500000 WHERE unit_id = 11 AND product_line = '' AND period_start = '2025-07-01';
\echo SQLSTATE :SQLSTATE
\echo '-- and North China, which is not in the pilot: there an approval is required'
UPDATE calib.target SET value = 14000000 WHERE unit_id = 21 AND grain = 'quarter' AND period_start = '2025-10-01';
\echo SQLSTATE :SQLSTATE
\set ON_ERROR_STOP on
RESET calib.evidence;
RESET calib.reason;

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
