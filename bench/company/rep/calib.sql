\timing on
SELECT events, weighted, late_events, existing_events, concentration
FROM calib.all_behavior_in('2025-10-01 00:00+08', '2025-11-19 16:00+08', NULL, true, '{10007}') WHERE product_line = '';
