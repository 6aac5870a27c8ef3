-- Views on deviations: how fast somebody acted.

-- Deviations stay with the parent of their day, whose viewer may not see the unit
-- any more: counted as its owner, shown for the units seen.
CREATE FUNCTION calib.response_in(grain text)
RETURNS TABLE (unit_id bigint, unit_name text, period_start date, acted bigint, open bigint, dismissed bigint,
    recovered bigint, mean_days float8, median_days float8, p90_days float8, oldest_open_days float8)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH period AS (
        SELECT a.ancestor_id AS unit_id, calib.period_start(t.detected_on, response_in.grain, o.fiscal_start_month) AS period_start,
               count(*) FILTER (WHERE d.ending = 'acted') AS acted,
               count(*) FILTER (WHERE d.ending IS NULL) AS open,
               count(*) FILTER (WHERE d.ending = 'dismissed') AS dismissed,
               count(*) FILTER (WHERE d.ending = 'recovered') AS recovered,
               calib.sri(d.detected_at, d.acted_at) AS mean_days,
               calib.response_summary(d.detected_at, d.acted_at, least(coalesce(d.ended_at, calib.clock()), calib.clock())) AS response,
               max(extract(epoch FROM calib.clock()) - extract(epoch FROM d.detected_at)) FILTER (WHERE d.ending IS NULL) / 86400 AS oldest_open_days
        FROM calib.organisation o
        CROSS JOIN calib.deviation d
        CROSS JOIN LATERAL (SELECT calib.day_of(d.detected_at) AS detected_on) t
        -- a unit that moved leaves what was detected before with its parent of then
        JOIN calib.unit_tree a ON a.unit_id = d.unit_id
         AND t.detected_on >= coalesce(a.valid_from, t.detected_on) AND t.detected_on < coalesce(a.valid_to, t.detected_on + 1)
        -- nobody was told of what is only observed
        WHERE NOT d.observed
        GROUP BY 1, 2
    )
    SELECT p.unit_id, u.name AS unit_name, p.period_start, p.acted, p.open, p.dismissed, p.recovered,
           p.mean_days, (p.response).median_days, (p.response).p90_days, p.oldest_open_days::float8
    FROM period p JOIN calib.unit u USING (unit_id)
    WHERE p.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.response_in(text) IS
'How fast somebody acted, per unit seen (with all below it) and period of detection: what the views sri_monthly and response_by_unit show. Grain: week, month, quarter or year, another is 22023.';

CREATE VIEW calib.sri_monthly WITH (security_invoker = true) AS
SELECT r.unit_id, r.unit_name, r.period_start AS month, r.acted, r.open, r.dismissed, r.recovered,
       r.mean_days, r.median_days, r.oldest_open_days
FROM calib.response_in('month') r;
COMMENT ON VIEW calib.sri_monthly IS
'Strategy response index per unit (with all below it) and month of detection: the mean over what was acted on, the Kaplan-Meier median over everything, and what did not end in an act.';
COMMENT ON COLUMN calib.sri_monthly.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.sri_monthly.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.sri_monthly.month IS 'First day of the month of detection.';
COMMENT ON COLUMN calib.sri_monthly.acted IS 'Deviations acted on.';
COMMENT ON COLUMN calib.sri_monthly.open IS 'Deviations still open.';
COMMENT ON COLUMN calib.sri_monthly.dismissed IS 'Dismissed without an act.';
COMMENT ON COLUMN calib.sri_monthly.recovered IS 'Went away by themselves.';
COMMENT ON COLUMN calib.sri_monthly.mean_days IS 'SRI: mean days from detected to acted, over those acted on.';
COMMENT ON COLUMN calib.sri_monthly.median_days IS 'Kaplan-Meier median; NULL: not reached.';
COMMENT ON COLUMN calib.sri_monthly.oldest_open_days IS 'Age of the oldest open one.';

CREATE VIEW calib.response_by_unit WITH (security_invoker = true) AS
SELECT r.unit_id, r.unit_name, r.period_start AS quarter_start, r.acted, r.open, r.dismissed, r.recovered,
       r.mean_days, r.median_days, r.p90_days, r.oldest_open_days
FROM calib.response_in('quarter') r;
COMMENT ON VIEW calib.response_by_unit IS
'How fast somebody acted, per unit (with all below it) and fiscal quarter of detection.';
COMMENT ON COLUMN calib.response_by_unit.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.response_by_unit.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.response_by_unit.quarter_start IS 'First day of the fiscal quarter of detection.';
COMMENT ON COLUMN calib.response_by_unit.acted IS 'Deviations acted on.';
COMMENT ON COLUMN calib.response_by_unit.open IS 'Deviations still open.';
COMMENT ON COLUMN calib.response_by_unit.dismissed IS 'Dismissed without an act.';
COMMENT ON COLUMN calib.response_by_unit.recovered IS 'Went away by themselves.';
COMMENT ON COLUMN calib.response_by_unit.mean_days IS 'SRI: mean days from detected to acted, over those acted on.';
COMMENT ON COLUMN calib.response_by_unit.median_days IS 'Kaplan-Meier median over all of them; NULL: not reached.';
COMMENT ON COLUMN calib.response_by_unit.p90_days IS 'Days within which nine of ten were acted on, by the same estimate; NULL: not reached.';
COMMENT ON COLUMN calib.response_by_unit.oldest_open_days IS 'Age of the oldest open one.';

CREATE VIEW calib.deviation_open WITH (security_invoker = true) AS
SELECT d.deviation_id, d.unit_id, u.name AS unit_name, u.kind AS unit_kind, d.kind, d.subject, d.measure, d.product_line,
       d.grain, d.period_start, d.detected_at,
       ((extract(epoch FROM calib.clock()) - extract(epoch FROM d.detected_at)) / 86400)::double precision AS age_days,
       d.remedy, d.reason_code, d.reason_args, calib.reason_text(d.reason_code, d.reason_args) AS reason,
       (SELECT string_agg(b.name, ', ' ORDER BY b.unit_id) FROM calib.unit b WHERE b.unit_id = ANY (d.units)) AS units,
       d.figures,
       (SELECT count(*) FROM calib.deviation_comment c WHERE c.deviation_id = d.deviation_id) AS comments
FROM calib.deviation d
LEFT JOIN calib.unit u ON u.unit_id = d.unit_id
WHERE d.ending IS NULL AND NOT d.observed;
COMMENT ON VIEW calib.deviation_open IS
'The open deviations that somebody is to act on, with their age and the reason as it was when they were detected.';
COMMENT ON COLUMN calib.deviation_open.deviation_id IS 'The deviation: what act(), dismiss() and comment_deviation() take.';
COMMENT ON COLUMN calib.deviation_open.unit_id IS 'The unit it was found in.';
COMMENT ON COLUMN calib.deviation_open.unit_name IS 'The unit''s name; NULL: it stands elsewhere now, unseen by the reader.';
COMMENT ON COLUMN calib.deviation_open.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.deviation_open.kind IS 'What kind of problem.';
COMMENT ON COLUMN calib.deviation_open.subject IS 'The source or the rule; empty: none.';
COMMENT ON COLUMN calib.deviation_open.measure IS 'What the target counts; empty: not about a target.';
COMMENT ON COLUMN calib.deviation_open.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.deviation_open.grain IS 'Grain of the period.';
COMMENT ON COLUMN calib.deviation_open.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.deviation_open.detected_at IS 'When it was detected.';
COMMENT ON COLUMN calib.deviation_open.age_days IS 'Days since then.';
COMMENT ON COLUMN calib.deviation_open.remedy IS 'What was recommended.';
COMMENT ON COLUMN calib.deviation_open.reason_code IS 'Why, as a code.';
COMMENT ON COLUMN calib.deviation_open.reason_args IS 'The numbers of the reason, as they were then.';
COMMENT ON COLUMN calib.deviation_open.reason IS 'Why, as a sentence in calib.language.';
COMMENT ON COLUMN calib.deviation_open.units IS 'Names of the units below that share it; NULL: none.';
COMMENT ON COLUMN calib.deviation_open.figures IS 'The figures as they were then.';
COMMENT ON COLUMN calib.deviation_open.comments IS 'How many comments were made.';

-- What the other two trails are to adjustments and requests. As of the clock, so that
-- a demonstration that plays the past shows as open what was open then.
CREATE VIEW calib.deviation_trail WITH (security_invoker = true) AS
SELECT d.deviation_id, d.unit_id, u.name AS unit_name, u.kind AS unit_kind, d.kind, d.subject, d.measure, d.product_line,
       d.grain, d.period_start, CASE WHEN e.over THEN d.ending ELSE 'open' END AS status, d.detected_at,
       CASE WHEN e.over THEN d.ended_at END AS ended_at,
       ((extract(epoch FROM CASE WHEN e.over THEN d.ended_at ELSE calib.clock() END) - extract(epoch FROM d.detected_at)) / 86400)::double precision AS days,
       CASE WHEN e.over THEN d.action END AS action, CASE WHEN e.over THEN d.acted_by END AS acted_by,
       CASE WHEN e.over THEN d.ended_by END AS ended_by, CASE WHEN e.over THEN d.note END AS note,
       d.remedy, d.reason_code, d.reason_args, calib.reason_text(d.reason_code, d.reason_args) AS reason,
       (SELECT string_agg(b.name, ', ' ORDER BY b.unit_id) FROM calib.unit b WHERE b.unit_id = ANY (d.units)) AS units
FROM calib.deviation d
CROSS JOIN LATERAL (SELECT coalesce(d.ended_at <= calib.clock(), false) AS over) e
LEFT JOIN calib.unit u ON u.unit_id = d.unit_id
WHERE NOT d.observed AND d.detected_at <= calib.clock();
COMMENT ON VIEW calib.deviation_trail IS
'Every deviation that somebody was to act on, open or ended, with how long it took, what was done and who did it.';
COMMENT ON COLUMN calib.deviation_trail.deviation_id IS 'The deviation.';
COMMENT ON COLUMN calib.deviation_trail.unit_id IS 'The unit it was found in.';
COMMENT ON COLUMN calib.deviation_trail.unit_name IS 'The unit''s name; NULL: it stands elsewhere now, unseen by the reader.';
COMMENT ON COLUMN calib.deviation_trail.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.deviation_trail.kind IS 'What kind of problem.';
COMMENT ON COLUMN calib.deviation_trail.subject IS 'The source or the rule; empty: none.';
COMMENT ON COLUMN calib.deviation_trail.measure IS 'What the target counts; empty: not about a target.';
COMMENT ON COLUMN calib.deviation_trail.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.deviation_trail.grain IS 'Grain of the period.';
COMMENT ON COLUMN calib.deviation_trail.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.deviation_trail.status IS 'open, acted, dismissed or recovered.';
COMMENT ON COLUMN calib.deviation_trail.detected_at IS 'When it was detected.';
COMMENT ON COLUMN calib.deviation_trail.ended_at IS 'When it ended; NULL: it is open.';
COMMENT ON COLUMN calib.deviation_trail.days IS 'Days from its detection to its end, or until now while it is open.';
COMMENT ON COLUMN calib.deviation_trail.action IS 'What was done: coaching, retiering, adjustment, request or other; NULL: nothing.';
COMMENT ON COLUMN calib.deviation_trail.acted_by IS 'Who acted; NULL: nobody.';
COMMENT ON COLUMN calib.deviation_trail.ended_by IS 'Who ended it; NULL: it is open, or nobody did.';
COMMENT ON COLUMN calib.deviation_trail.note IS 'What was done, or why it was dismissed.';
COMMENT ON COLUMN calib.deviation_trail.remedy IS 'What was recommended.';
COMMENT ON COLUMN calib.deviation_trail.reason_code IS 'Why, as a code.';
COMMENT ON COLUMN calib.deviation_trail.reason_args IS 'The numbers of the reason, as they were then.';
COMMENT ON COLUMN calib.deviation_trail.reason IS 'Why, as a sentence in calib.language.';
COMMENT ON COLUMN calib.deviation_trail.units IS 'Names of the units below that share it; NULL: none.';
