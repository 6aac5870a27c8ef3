-- What is compared: figures of the page, and the 13 weeks before that it stands on
SELECT w.unit_id, w.actual, w.target_value, w.attainment, w.density, (b.weighted / b.rep_weeks)::float8 AS density_before, w.density_index, w.lag_days
FROM calib.war_room w JOIN calib.unit_figures('2025-07-02 00:00+08', '2025-10-01 00:00+08') b ON b.unit_id = w.unit_id AND b.product_line = '';
