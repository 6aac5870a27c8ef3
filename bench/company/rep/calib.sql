\timing on
SELECT week, events, weighted, customers, active_days, concentration, late_share
FROM calib.behavior_weekly WHERE unit_id = 10007 AND week >= '2025-09-29';
