-- Views on the diagnosis.

CREATE VIEW calib.diagnosis WITH (security_invoker = true) AS
SELECT d.* FROM calib.diagnose(calib.clock()) d;
COMMENT ON VIEW calib.diagnosis IS
'Diagnosis of every unit with a quarter''s target, now: see calib.diagnose().';
COMMENT ON COLUMN calib.diagnosis.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.diagnosis.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.diagnosis.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.diagnosis.parent_id IS 'The unit above.';
COMMENT ON COLUMN calib.diagnosis.peer_group IS 'The group it is compared within.';
COMMENT ON COLUMN calib.diagnosis.measure IS 'What the target counts.';
COMMENT ON COLUMN calib.diagnosis.product_line IS 'Product line of the target; empty: all.';
COMMENT ON COLUMN calib.diagnosis.grain IS 'month, quarter or year.';
COMMENT ON COLUMN calib.diagnosis.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.diagnosis.period_end IS 'First day after the period.';
COMMENT ON COLUMN calib.diagnosis.original_value IS 'The target as published.';
COMMENT ON COLUMN calib.diagnosis.target_value IS 'The target as it stands.';
COMMENT ON COLUMN calib.diagnosis.actual IS 'Results to date of the unit and all below it.';
COMMENT ON COLUMN calib.diagnosis.attainment IS 'actual / target_value.';
COMMENT ON COLUMN calib.diagnosis.attainment_original IS 'actual / original_value.';
COMMENT ON COLUMN calib.diagnosis.elapsed_share IS 'Share of the period that has passed, in working days or along a season.';
COMMENT ON COLUMN calib.diagnosis.pace IS 'attainment / elapsed_share.';
COMMENT ON COLUMN calib.diagnosis.pace_basis IS 'working_days or season.';
COMMENT ON COLUMN calib.diagnosis.rep_weeks IS 'Weeks worked by its reps in the period so far.';
COMMENT ON COLUMN calib.diagnosis.density IS 'Weighted activity per rep-week, one event per customer, day and kind.';
COMMENT ON COLUMN calib.diagnosis.peers IS 'Other units of the peer group at work.';
COMMENT ON COLUMN calib.diagnosis.peer_basis IS 'peers, or own_history (its own 13 weeks before) where there are too few.';
COMMENT ON COLUMN calib.diagnosis.peer_density IS 'Density compared with.';
COMMENT ON COLUMN calib.diagnosis.density_index IS 'density / peer_density.';
COMMENT ON COLUMN calib.diagnosis.late_share IS 'Share of the activity that was recorded late.';
COMMENT ON COLUMN calib.diagnosis.worked IS 'Opportunities worked in the period.';
COMMENT ON COLUMN calib.diagnosis.won IS 'Opportunities won in it.';
COMMENT ON COLUMN calib.diagnosis.conversion IS 'won / worked; NULL: too few to judge.';
COMMENT ON COLUMN calib.diagnosis.benchmark IS 'Conversion benchmark.';
COMMENT ON COLUMN calib.diagnosis.peer_conversion IS 'Conversion of the other units, pooled.';
COMMENT ON COLUMN calib.diagnosis.existing_share IS 'Share of activity on customers entered before the period.';
COMMENT ON COLUMN calib.diagnosis.peer_existing_share IS 'That of the other units, pooled.';
COMMENT ON COLUMN calib.diagnosis.concentration IS 'HHI of activity over customers.';
COMMENT ON COLUMN calib.diagnosis.peer_concentration IS 'Mean HHI of the other units.';
COMMENT ON COLUMN calib.diagnosis.quadrant IS 'environment, execution, on_track or windfall.';
COMMENT ON COLUMN calib.diagnosis.signal IS 'strong, weak or none.';
COMMENT ON COLUMN calib.diagnosis.remedy IS 'refocus, lower_target, coach, review_target, watch or none.';
COMMENT ON COLUMN calib.diagnosis.reason_code IS 'Why, as a code.';
COMMENT ON COLUMN calib.diagnosis.reason_args IS 'The numbers of the reason.';
COMMENT ON COLUMN calib.diagnosis.reason IS 'Why, as a sentence in calib.language.';

CREATE VIEW calib.quadrant_count WITH (security_invoker = true) AS
SELECT d.unit_kind, d.quadrant, d.signal, count(*) AS units
FROM calib.diagnosis d
WHERE d.quadrant IS NOT NULL
GROUP BY d.unit_kind, d.quadrant, d.signal;
COMMENT ON VIEW calib.quadrant_count IS
'Units per quadrant and signal, now.';
COMMENT ON COLUMN calib.quadrant_count.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.quadrant_count.quadrant IS 'environment, execution, on_track or windfall.';
COMMENT ON COLUMN calib.quadrant_count.signal IS 'strong or weak.';
COMMENT ON COLUMN calib.quadrant_count.units IS 'How many units.';

CREATE VIEW calib.missed_but_active WITH (security_invoker = true) AS
SELECT d.unit_id, d.unit_name, d.unit_kind, d.measure, d.product_line, d.period_start,
       d.target_value, d.original_value, d.actual, d.attainment, d.attainment_original, d.density_index,
       d.peers, d.peer_basis
FROM calib.organisation o
CROSS JOIN generate_series(1, 3) AS months_ago
CROSS JOIN LATERAL (
    SELECT (calib.period_start(calib.today(), 'month', o.fiscal_start_month) - make_interval(months => months_ago))::date AS period_start) m
CROSS JOIN LATERAL calib.period_quadrants(calib.start_of(calib.period_end(m.period_start, 'month')), 'month', m.period_start) d
WHERE d.quadrant = 'environment';
COMMENT ON VIEW calib.missed_but_active IS
'Target missed but activity up to standard (density index at least 1), in the last three closed months: the first list to look at. Needs targets by month.';
COMMENT ON COLUMN calib.missed_but_active.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.missed_but_active.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.missed_but_active.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.missed_but_active.measure IS 'What the target counts.';
COMMENT ON COLUMN calib.missed_but_active.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.missed_but_active.period_start IS 'First day of the month missed.';
COMMENT ON COLUMN calib.missed_but_active.target_value IS 'The target as it stands.';
COMMENT ON COLUMN calib.missed_but_active.original_value IS 'The target as published.';
COMMENT ON COLUMN calib.missed_but_active.actual IS 'Results of the month.';
COMMENT ON COLUMN calib.missed_but_active.attainment IS 'actual / target_value.';
COMMENT ON COLUMN calib.missed_but_active.attainment_original IS 'actual / original_value.';
COMMENT ON COLUMN calib.missed_but_active.density_index IS 'Density against the peers''.';
COMMENT ON COLUMN calib.missed_but_active.peers IS 'Other units compared with.';
COMMENT ON COLUMN calib.missed_but_active.peer_basis IS 'peers or own_history.';
