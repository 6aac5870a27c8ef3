SET ROLE company_rep;
\timing on
SELECT week, events, weighted, customers, active_days, concentration, late_share FROM calib.behavior_weekly WHERE week >= '2025-09-29';
