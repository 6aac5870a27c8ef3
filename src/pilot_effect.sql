-- What a pilot did: difference in differences, unit by unit.
--
-- Each unit compared is one observation: its figure in the pilot less its figure in the
-- time before.  The effect is the mean change of the pilot arm less that of the control
-- arm, and its interval comes from how much the units' changes differ (Welch), never
-- from the number of facts: a thousand collections of one team are one team.

-- Whole days only: of today, neither the results nor the working day are complete.
CREATE FUNCTION calib.pilot_windows()
RETURNS TABLE (pilot_id bigint, part text, from_day date, to_day date)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT p.pilot_id, w.part, w.from_day, w.to_day
    FROM calib.pilot p
    CROSS JOIN LATERAL (VALUES
        ('before', p.baseline_from, least(p.starts_on, calib.today())),
        ('after', coalesce(p.measured_from, p.starts_on),
                  CASE WHEN p.ends_on < calib.today() THEN p.ends_on + 1 ELSE calib.today() END)) w (part, from_day, to_day)
    WHERE w.from_day < w.to_day;
END;
COMMENT ON FUNCTION calib.pilot_windows() IS
'The days of each pilot compared: before and after, up to but not including to_day, as far as they are over. Internal.';
REVOKE EXECUTE ON FUNCTION calib.pilot_windows() FROM PUBLIC;

-- Results of the window against the share of the original targets that falls into it,
-- by the unit's own working days or along its season.  One grain per unit, the finest
-- that has targets on both sides; targets per product line count where there is none
-- over all lines.  Days without a target count neither way.
CREATE FUNCTION calib.all_pilot_attainment()
RETURNS TABLE (pilot_id bigint, unit_id bigint, measure text, part text, attainment float8)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    WITH listed AS MATERIALIZED (
        SELECT u.pilot_id, u.unit_id, w.part, w.from_day, w.to_day
        FROM calib.pilot_compared() u JOIN calib.pilot_windows() w USING (pilot_id)
    ), target AS MATERIALIZED (
        SELECT t.* FROM calib.all_targets_at(calib.clock()) t
        WHERE t.unit_id IN (SELECT l.unit_id FROM listed l)
    ), piece AS MATERIALIZED (
        SELECT l.pilot_id, l.unit_id, l.part, t.measure, t.product_line, t.grain, t.period_start, t.period_end,
               t.original_value, greatest(l.from_day, t.period_start) AS from_day, least(l.to_day, t.period_end) AS to_day
        FROM listed l JOIN target t ON t.unit_id = l.unit_id AND t.period_start < l.to_day AND t.period_end > l.from_day
        WHERE t.product_line = '' OR NOT EXISTS (
            SELECT FROM target every
            WHERE every.unit_id = t.unit_id AND every.measure = t.measure AND every.product_line = ''
              AND every.grain = t.grain AND every.period_start = t.period_start)
    ), worked AS MATERIALIZED (
        -- dear: once for each piece, not for each result
        SELECT p.*, w.days_before::numeric / nullif(w.days, 0) AS elapsed_before,
               w.days_until::numeric / nullif(w.days, 0) AS elapsed_until,
               (SELECT s.shares
                FROM calib.season s
                LEFT JOIN calib.unit_ancestors(calib.today(), p.unit_id) a ON a.ancestor_id = s.unit_id
                WHERE s.measure = p.measure AND s.product_line = p.product_line AND s.grain = p.grain
                  AND (s.unit_id IS NULL OR a.unit_id IS NOT NULL)
                ORDER BY a.depth NULLS LAST LIMIT 1) AS shares
        FROM piece p
        JOIN calib.unit_days() d USING (unit_id)
        CROSS JOIN LATERAL (
            SELECT calib.working_days(calib.days_at_work(d.active, d.absences, daterange(p.period_start, p.period_end))) AS days,
                   calib.working_days(calib.days_at_work(d.active, d.absences, daterange(p.period_start, p.from_day))) AS days_before,
                   calib.working_days(calib.days_at_work(d.active, d.absences, daterange(p.period_start, p.to_day))) AS days_until) w
    ), due AS MATERIALIZED (
        SELECT w.*, w.original_value * CASE WHEN w.shares IS NULL THEN w.elapsed_until - w.elapsed_before
               ELSE calib.season_share(w.shares, w.elapsed_until) - calib.season_share(w.shares, w.elapsed_before) END AS due
        FROM worked w
    ), daily AS MATERIALIZED (
        SELECT r.unit_id, r.measure, r.product_line,
               (r.occurred_at AT TIME ZONE (SELECT o.zone FROM calib.organisation o))::date AS day, sum(r.amount) AS amount
        FROM calib.result r
        WHERE r.occurred_at >= (SELECT calib.start_of(min(p.from_day)) FROM piece p)
          AND r.occurred_at < (SELECT calib.start_of(max(p.to_day)) FROM piece p)
        GROUP BY 1, 2, 3, 4
    ), result AS MATERIALIZED (
        -- of all below, where they stood on the day
        SELECT t.ancestor_id AS unit_id, d.measure, d.product_line, d.day, sum(d.amount) AS amount
        FROM daily d JOIN calib.unit_tree t ON t.unit_id = d.unit_id
         AND d.day >= coalesce(t.valid_from, d.day) AND d.day < coalesce(t.valid_to, d.day + 1)
        WHERE t.ancestor_id IN (SELECT p.unit_id FROM piece p)
        GROUP BY 1, 2, 3, 4
    ), paid AS (
        SELECT d.pilot_id, d.unit_id, d.measure, d.part, d.grain, d.due, coalesce(sum(r.amount), 0) AS actual
        FROM due d
        LEFT JOIN result r ON r.unit_id = d.unit_id AND r.measure = d.measure
         AND r.day >= d.from_day AND r.day < d.to_day
         AND (d.product_line = '' OR r.product_line = d.product_line)
        WHERE d.due > 0
        GROUP BY d.pilot_id, d.unit_id, d.measure, d.part, d.grain, d.product_line, d.period_start, d.due
    ), summed AS (
        SELECT p.pilot_id, p.unit_id, p.measure, p.grain, p.part, sum(p.actual) / sum(p.due) AS attainment,
               array_position('{month,quarter,year}', p.grain) AS coarse
        FROM paid p GROUP BY 1, 2, 3, 4, 5
    ), finest AS (
        SELECT b.pilot_id, b.unit_id, b.measure, min(b.coarse) AS coarse
        FROM summed b JOIN summed a USING (pilot_id, unit_id, measure, grain)
        WHERE b.part = 'before' AND a.part = 'after'
        GROUP BY 1, 2, 3
    )
    SELECT s.pilot_id, s.unit_id, s.measure, s.part, s.attainment::float8
    FROM summed s JOIN finest f USING (pilot_id, unit_id, measure, coarse);
END;
COMMENT ON FUNCTION calib.all_pilot_attainment() IS
'Results of a pilot''s unit (with all below it) against its ORIGINAL targets, as far as they fall into the days before and after. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_pilot_attainment() FROM PUBLIC;

-- A deviation is a unit's where it, or a unit it names, is that unit or stood below it
-- on the day: one on a parent that stands for a unit's own is the unit's too, one of the
-- parent as a whole is nobody's below.
--
-- Each side is looked at as it stood when its days were over.  What was only observed
-- before is told when the pilot starts; answered then, it would slow down the time
-- before, in the pilot arm alone.
CREATE FUNCTION calib.all_pilot_response()
RETURNS TABLE (pilot_id bigint, unit_id bigint, part text, mean_days float8, open bigint, not_acted bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    WITH theirs AS (
        SELECT DISTINCT l.pilot_id, l.unit_id, w.part, d.deviation_id, d.detected_at, d.ended_at < w.until AS ended,
               CASE WHEN d.acted_at < w.until THEN d.acted_at END AS acted_at
        FROM calib.pilot_compared() l
        JOIN (SELECT p.pilot_id, p.part, calib.start_of(p.from_day) AS since, calib.start_of(p.to_day) AS until
              FROM calib.pilot_windows() p) w USING (pilot_id)
        JOIN calib.deviation d ON d.detected_at >= w.since AND d.detected_at < w.until
        CROSS JOIN LATERAL (SELECT calib.day_of(d.detected_at) AS day) on_day
        CROSS JOIN LATERAL (SELECT d.unit_id AS named UNION SELECT unnest(d.units)) n
        JOIN calib.unit_tree t ON t.unit_id = n.named AND t.ancestor_id = l.unit_id
         AND on_day.day >= coalesce(t.valid_from, on_day.day) AND on_day.day < coalesce(t.valid_to, on_day.day + 1)
    )
    SELECT t.pilot_id, t.unit_id, t.part, calib.sri(t.detected_at, t.acted_at),
           count(*) FILTER (WHERE t.acted_at IS NULL AND t.ended IS NOT TRUE), count(*) FILTER (WHERE t.acted_at IS NULL AND t.ended)
    FROM theirs t
    GROUP BY 1, 2, 3;
END;
COMMENT ON FUNCTION calib.all_pilot_response() IS
'How fast a pilot''s unit (with all below it) answered the deviations detected before and after, observed ones too, as of the end of those days: mean days over those acted on, and how many were open or had ended without an act. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_pilot_response() FROM PUBLIC;

-- Of quarters wholly within, and only of what nps_quarterly shows: with days of
-- somebody's choosing, the differences would be answers of few.
CREATE FUNCTION calib.all_pilot_nps()
RETURNS TABLE (pilot_id bigint, unit_id bigint, part text, nps float8)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    SELECT l.pilot_id, l.unit_id, w.part, 100 * sum(n.promoters - n.detractors)::float8 / sum(n.answers)::float8
    FROM (SELECT u.pilot_id, u.unit_id FROM calib.pilot_unit u
          UNION
          SELECT c.pilot_id, c.unit_id FROM calib.pilot_compared() c) l
    JOIN calib.pilot_windows() w USING (pilot_id)
    JOIN calib.all_nps() n ON n.unit_id = l.unit_id
     AND n.quarter_start >= w.from_day AND calib.period_end(n.quarter_start, 'quarter') <= w.to_day
    GROUP BY 1, 2, 3;
END;
COMMENT ON FUNCTION calib.all_pilot_nps() IS
'Net promoter score of a pilot''s units, listed and compared, over the closed quarters wholly before and after, of what nps_quarterly shows. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_pilot_nps() FROM PUBLIC;

-- Teams seldom have five answers, their regions do.  What the units listed show, anybody
-- who sees them may add up.
CREATE FUNCTION calib.all_pilot_nps_by_arm()
RETURNS TABLE (pilot_id bigint, arm text, before float8, after float8)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT l.pilot_id, l.arm, avg(b.nps), avg(a.nps)
    FROM calib.pilot_unit l
    JOIN calib.all_pilot_nps() b ON b.pilot_id = l.pilot_id AND b.unit_id = l.unit_id AND b.part = 'before'
    JOIN calib.all_pilot_nps() a ON a.pilot_id = l.pilot_id AND a.unit_id = l.unit_id AND a.part = 'after'
    GROUP BY 1, 2;
END;
COMMENT ON FUNCTION calib.all_pilot_nps_by_arm() IS
'Mean net promoter score of the units listed in each arm that have one before and after, of what nps_quarterly shows. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_pilot_nps_by_arm() FROM PUBLIC;

CREATE FUNCTION calib.all_pilot_figures()
RETURNS TABLE (pilot_id bigint, outcome text, measure text, unit_id bigint, arm text,
    before float8, after float8, open bigint, not_acted bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    WITH figure AS MATERIALIZED (
        SELECT a.pilot_id, 'attainment_original' AS outcome, a.measure, a.unit_id, a.part,
               a.attainment AS value, NULL::bigint AS open, NULL::bigint AS not_acted
        FROM calib.all_pilot_attainment() a
        UNION ALL
        SELECT r.pilot_id, 'sri_days', '', r.unit_id, r.part, r.mean_days, r.open, r.not_acted
        FROM calib.all_pilot_response() r
        UNION ALL
        SELECT n.pilot_id, 'nps', '', n.unit_id, n.part, n.nps, NULL, NULL
        FROM calib.all_pilot_nps() n
    ), asked AS MATERIALIZED (
        SELECT DISTINCT u.pilot_id, 'attainment_original' AS outcome, t.measure
        FROM calib.pilot_compared() u JOIN calib.all_targets_at(calib.clock()) t USING (unit_id)
        UNION ALL
        SELECT p.pilot_id, o.outcome, '' FROM calib.pilot p CROSS JOIN (VALUES ('sri_days'), ('nps')) o (outcome)
    )
    SELECT a.pilot_id, a.outcome, a.measure, u.unit_id, u.arm,
           max(f.value) FILTER (WHERE f.part = 'before'), max(f.value) FILTER (WHERE f.part = 'after'),
           CASE a.outcome WHEN 'sri_days' THEN coalesce(sum(f.open), 0)::bigint END,
           CASE a.outcome WHEN 'sri_days' THEN coalesce(sum(f.not_acted), 0)::bigint END
    FROM asked a
    JOIN calib.pilot_compared() u USING (pilot_id)
    LEFT JOIN figure f ON f.pilot_id = a.pilot_id AND f.outcome = a.outcome AND f.measure = a.measure AND f.unit_id = u.unit_id
    GROUP BY a.pilot_id, a.outcome, a.measure, u.unit_id, u.arm;
END;
COMMENT ON FUNCTION calib.all_pilot_figures() IS
'Each unit a pilot compares, before and after, per outcome; NULL where it has no figure. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_pilot_figures() FROM PUBLIC;

-- Means of an arm of one are that unit's figure, so a pilot is for who sees all of it.
CREATE FUNCTION calib.pilots_seen() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH seen AS MATERIALIZED (
        SELECT s.unit_id FROM calib.units_seen() AS s (unit_id)
    )
    SELECT u.pilot_id
    FROM (SELECT l.pilot_id, l.unit_id, l.arm FROM calib.pilot_unit l
          UNION
          -- one of them may have been moved out of sight
          SELECT c.pilot_id, c.unit_id, c.arm FROM calib.pilot_compared() c) u
    GROUP BY u.pilot_id
    HAVING bool_and(u.unit_id IN (SELECT s.unit_id FROM seen s))
       -- of one arm alone there is nothing to say but what is observed in silence
       AND (count(DISTINCT u.arm) = 2 OR calib.holds('{admin}', NULL));
END;
COMMENT ON FUNCTION calib.pilots_seen() IS 'The pilots of whose units, listed and compared, the caller sees every one; of one arm alone only for an admin for everyone.';

-- What is observed would be silent no more: how many of the controls' deviations are
-- open, told to whoever is above them, is asked of them.
CREATE FUNCTION calib.pilots_silent() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT p.pilot_id FROM calib.pilot p
    WHERE (p.ends_on IS NULL OR p.ends_on >= calib.today()) AND NOT calib.holds('{admin}', NULL);
END;
COMMENT ON FUNCTION calib.pilots_silent() IS
'The pilots that are not over, whose deviations are told to admins for everyone alone; to them: none. Internal.';
REVOKE EXECUTE ON FUNCTION calib.pilots_silent() FROM PUBLIC;

CREATE FUNCTION calib.pilot_figures_now()
RETURNS TABLE (pilot_id bigint, pilot_name text, outcome text, measure text, unit_id bigint, unit_name text,
    arm text, before float8, after float8, change float8, open bigint, not_acted bigint)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH seen AS MATERIALIZED (
        SELECT s.pilot_id FROM calib.pilots_seen() AS s (pilot_id)
    ), figure AS MATERIALIZED (
        SELECT a.* FROM calib.all_pilot_figures() a WHERE EXISTS (SELECT FROM seen)
    )
    SELECT f.pilot_id, p.name, f.outcome, f.measure, f.unit_id, u.name, f.arm, t.before, t.after, t.after - t.before,
           t.open, t.not_acted
    FROM figure f
    LEFT JOIN LATERAL (
        SELECT f.before, f.after, f.open, f.not_acted
        WHERE f.outcome <> 'sri_days' OR f.pilot_id NOT IN (SELECT calib.pilots_silent())) t ON true
    JOIN calib.pilot p USING (pilot_id)
    JOIN calib.unit u USING (unit_id)
    WHERE f.pilot_id IN (SELECT s.pilot_id FROM seen s);
END;
COMMENT ON FUNCTION calib.pilot_figures_now() IS 'What the view pilot_figure shows.';

CREATE VIEW calib.pilot_figure WITH (security_invoker = true) AS
SELECT f.* FROM calib.pilot_figures_now() f;
COMMENT ON VIEW calib.pilot_figure IS
'What pilot_effect is computed from: each unit a pilot compares before and after, per outcome. For who sees all units of the pilot; sri_days is NULL until it is over, but to admins for everyone.';
COMMENT ON COLUMN calib.pilot_figure.pilot_id IS 'The pilot.';
COMMENT ON COLUMN calib.pilot_figure.pilot_name IS 'Its name.';
COMMENT ON COLUMN calib.pilot_figure.outcome IS 'attainment_original, sri_days or nps.';
COMMENT ON COLUMN calib.pilot_figure.measure IS 'What the target counts; empty for other outcomes.';
COMMENT ON COLUMN calib.pilot_figure.unit_id IS 'The unit, with all below it.';
COMMENT ON COLUMN calib.pilot_figure.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.pilot_figure.arm IS 'pilot or control.';
COMMENT ON COLUMN calib.pilot_figure.before IS 'Its figure in the time before; NULL: none.';
COMMENT ON COLUMN calib.pilot_figure.after IS 'Its figure in the pilot, of the days measured; NULL: none.';
COMMENT ON COLUMN calib.pilot_figure.change IS 'after - before; NULL: the unit counts for nothing.';
COMMENT ON COLUMN calib.pilot_figure.open IS 'sri_days: deviations detected before and after that were open at the end of those days, and so in no mean.';
COMMENT ON COLUMN calib.pilot_figure.not_acted IS 'sri_days: those dismissed or recovered in those days, also in no mean.';

INSERT INTO calib.reason (code, en, zh) VALUES
('pilot_clear',
 '{outcome_en}: the pilot units changed by {pilot_change}, the control units by {control_change} {unit_en}; the difference of {effect}, in a 95 % interval of {ci_low} to {ci_high}, is more than chance makes likely ({pilot_units} of {pilot_listed} against {control_units} of {control_listed} units have figures before and after).',
 '{outcome_zh}：试点单元变化 {pilot_change}，对照单元变化 {control_change}（{unit_zh}）；差异 {effect}，95% 置信区间 {ci_low} 至 {ci_high}，难以用偶然解释（前后均有数据的单元：试点 {pilot_units}/{pilot_listed}，对照 {control_units}/{control_listed}）。'),
('pilot_unclear',
 '{outcome_en}: the pilot units changed by {pilot_change}, the control units by {control_change} {unit_en}; the difference of {effect}, in a 95 % interval of {ci_low} to {ci_high}, may be chance ({pilot_units} of {pilot_listed} against {control_units} of {control_listed} units have figures before and after).',
 '{outcome_zh}：试点单元变化 {pilot_change}，对照单元变化 {control_change}（{unit_zh}）；差异 {effect}，95% 置信区间 {ci_low} 至 {ci_high}，可能出于偶然（前后均有数据的单元：试点 {pilot_units}/{pilot_listed}，对照 {control_units}/{control_listed}）。'),
('pilot_too_few',
 '{outcome_en}: the pilot units changed by {pilot_change}, the control units by {control_change} {unit_en}, a difference of {effect}. No interval: it takes two units in each arm with figures before and after, and there are {pilot_units} of {pilot_listed} against {control_units} of {control_listed}. Chance cannot be ruled out.',
 '{outcome_zh}：试点单元变化 {pilot_change}，对照单元变化 {control_change}（{unit_zh}），差异 {effect}。无法给出置信区间：每组至少需要两个前后均有数据的单元，目前试点 {pilot_units}/{pilot_listed}，对照 {control_units}/{control_listed}。不能排除偶然。'),
('pilot_no_spread',
 '{outcome_en}: the pilot units changed by {pilot_change}, the control units by {control_change} {unit_en}, a difference of {effect}. No interval: within each arm all units changed alike, so how much chance does cannot be told ({pilot_units} of {pilot_listed} against {control_units} of {control_listed} units).',
 '{outcome_zh}：试点单元变化 {pilot_change}，对照单元变化 {control_change}（{unit_zh}），差异 {effect}。无法给出置信区间：各组内单元变化完全相同，无从估计偶然的大小（试点 {pilot_units}/{pilot_listed}，对照 {control_units}/{control_listed}）。'),
('pilot_by_arm',
 '{outcome_en}: of the units compared too few have answers enough to be shown before and after ({pilot_units} of {pilot_listed} against {control_units} of {control_listed}). By the units listed, the pilot arm changed by {pilot_change}, the control arm by {control_change} {unit_en}, a difference of {effect}. No interval: chance cannot be ruled out.',
 '{outcome_zh}：前后答卷均足以显示的比较单元过少（试点 {pilot_units}/{pilot_listed}，对照 {control_units}/{control_listed}）。按所列单元计，试点组变化 {pilot_change}，对照组变化 {control_change}（{unit_zh}），差异 {effect}。无法给出置信区间，不能排除偶然。'),
('pilot_nothing',
 '{outcome_en}: nothing to compare. Figures before and after have {pilot_units} of {pilot_listed} pilot units and {control_units} of {control_listed} control units.',
 '{outcome_zh}：无可比较。前后均有数据的单元：试点 {pilot_units}/{pilot_listed}，对照 {control_units}/{control_listed}。'),
('pilot_in_silence',
 '{outcome_en}: told when the pilot is over. Until then it is for admins for everyone: the control units are observed in silence.',
 '{outcome_zh}：试点结束后公布；此前仅全局管理员可见，对照单元只作静默观察。'),
('pilot_not_measured',
 '{outcome_en}: not measured yet; the first day that counts is {measured_from}.',
 '{outcome_zh}：尚未开始计量，首个计量日为 {measured_from}。'),
('pilot_open',
 'Of the pilot units'' deviations {pilot_open} were open at the end of their days and {pilot_not_acted} had ended without an act, of the control units'' {control_open} and {control_not_acted}: they are in no mean.',
 '期末试点单元另有 {pilot_open} 个偏差未结、{pilot_not_acted} 个未经行动而结束，对照单元为 {control_open} 个和 {control_not_acted} 个：均未计入均值。'),
('pilot_hidden',
 'A unit without answers enough to be shown has no figure.',
 '答卷不足以显示的单元无数据。');

CREATE FUNCTION calib.pilot_effects_now()
RETURNS TABLE (pilot_id bigint, pilot_name text, outcome text, measure text,
    before_from date, before_to date, after_from date, after_to date,
    pilot_listed bigint, control_listed bigint, pilot_units bigint, control_units bigint,
    pilot_before float8, pilot_after float8, control_before float8, control_after float8,
    effect float8, standard_error float8, df float8, ci_low float8, ci_high float8,
    pilot_open bigint, control_open bigint, pilot_not_acted bigint, control_not_acted bigint,
    reason_code text, reason_args jsonb, sentence text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH arm AS MATERIALIZED (
        SELECT f.pilot_id, f.outcome, f.measure, f.arm, count(*) AS listed, count(f.change) AS units,
               avg(f.before) FILTER (WHERE f.change IS NOT NULL) AS before,
               avg(f.after) FILTER (WHERE f.change IS NOT NULL) AS after,
               avg(f.change) AS change, var_samp(f.change) / nullif(count(f.change), 0) AS variance,
               sum(f.open)::bigint AS open, sum(f.not_acted)::bigint AS not_acted
        FROM calib.pilot_figures_now() f
        GROUP BY 1, 2, 3, 4
    ), compared AS MATERIALIZED (
        SELECT k.pilot_id, k.outcome, k.measure,
               coalesce(p.listed, 0) AS pilot_listed, coalesce(c.listed, 0) AS control_listed,
               coalesce(p.units, 0) AS pilot_units, coalesce(c.units, 0) AS control_units,
               p.before AS pilot_before, p.after AS pilot_after, p.change AS pilot_change, p.variance AS pilot_variance,
               c.before AS control_before, c.after AS control_after, c.change AS control_change, c.variance AS control_variance,
               CASE WHEN s.told THEN coalesce(p.open, 0) END AS pilot_open,
               CASE WHEN s.told THEN coalesce(c.open, 0) END AS control_open,
               CASE WHEN s.told THEN coalesce(p.not_acted, 0) END AS pilot_not_acted,
               CASE WHEN s.told THEN coalesce(c.not_acted, 0) END AS control_not_acted
        FROM (
            SELECT a.pilot_id, a.outcome, a.measure FROM arm a
            UNION
            SELECT p.pilot_id, o.outcome, ''
            FROM calib.pilots_seen() AS p (pilot_id) CROSS JOIN (VALUES ('attainment_original'), ('sri_days'), ('nps')) o (outcome)
            WHERE NOT EXISTS (SELECT FROM arm a WHERE a.pilot_id = p.pilot_id AND a.outcome = o.outcome)
        ) k
        LEFT JOIN arm p ON p.pilot_id = k.pilot_id AND p.outcome = k.outcome AND p.measure = k.measure AND p.arm = 'pilot'
        LEFT JOIN arm c ON c.pilot_id = k.pilot_id AND c.outcome = k.outcome AND c.measure = k.measure AND c.arm = 'control'
        CROSS JOIN LATERAL (SELECT k.outcome = 'sri_days' AND k.pilot_id NOT IN (SELECT calib.pilots_silent()) AS told) s
    ), whole AS MATERIALIZED (
        -- where what is compared shows too few, the arms as they are listed, without an interval
        SELECT c.pilot_id, c.outcome, c.measure, c.pilot_listed, c.control_listed, c.pilot_units, c.control_units,
               c.pilot_open, c.control_open, c.pilot_not_acted, c.control_not_acted,
               w.pilot_id IS NOT NULL AS by_arm, n.*, n.pilot_change - n.control_change AS effect,
               CASE WHEN w.pilot_id IS NULL THEN c.pilot_variance END AS pilot_variance,
               CASE WHEN w.pilot_id IS NULL THEN c.control_variance END AS control_variance
        FROM compared c
        LEFT JOIN (
            SELECT p.pilot_id, p.before AS pilot_before, p.after AS pilot_after, c.before AS control_before, c.after AS control_after
            FROM calib.all_pilot_nps_by_arm() p
            JOIN calib.all_pilot_nps_by_arm() c USING (pilot_id)
            JOIN calib.pilot of_pilot USING (pilot_id)
            WHERE p.arm = 'pilot' AND c.arm = 'control' AND of_pilot.compared IS NOT NULL
        ) w ON w.pilot_id = c.pilot_id AND c.outcome = 'nps' AND least(c.pilot_units, c.control_units) < 2
        CROSS JOIN LATERAL (
            SELECT c.pilot_before, c.pilot_after, c.pilot_change, c.control_before, c.control_after, c.control_change
            WHERE w.pilot_id IS NULL
            UNION ALL
            SELECT w.pilot_before, w.pilot_after, w.pilot_after - w.pilot_before,
                   w.control_before, w.control_after, w.control_after - w.control_before
            WHERE w.pilot_id IS NOT NULL) n
    ), spread AS (
        -- what is left of equal changes by the arithmetic is no spread
        SELECT c.*, CASE WHEN sqrt(c.pilot_variance + c.control_variance) > 1e-12 * greatest(1, abs(c.effect))
                    THEN sqrt(c.pilot_variance + c.control_variance) END AS standard_error
        FROM whole c
    ), freedom AS (
        SELECT s.*, s.standard_error ^ 4 / nullif(s.pilot_variance ^ 2 / (s.pilot_units - 1)
                    + s.control_variance ^ 2 / (s.control_units - 1), 0) AS df
        FROM (SELECT s.* FROM spread s WHERE s.standard_error IS NOT NULL) s
        UNION ALL
        SELECT s.*, NULL FROM spread s WHERE s.standard_error IS NULL
    ), judged AS (
        SELECT f.*, f.effect - calib.t_quantile(0.975, f.df) * f.standard_error AS ci_low,
               f.effect + calib.t_quantile(0.975, f.df) * f.standard_error AS ci_high
        FROM freedom f
    ), told AS (
        SELECT j.*, p.name, b.from_day AS before_from, b.to_day - 1 AS before_to, a.from_day AS after_from, a.to_day - 1 AS after_to,
               CASE WHEN a.from_day IS NULL THEN 'pilot_not_measured'
                    WHEN j.outcome = 'sri_days' AND j.pilot_open IS NULL THEN 'pilot_in_silence'
                    WHEN j.effect IS NULL THEN 'pilot_nothing'
                    WHEN j.by_arm THEN 'pilot_by_arm'
                    WHEN least(j.pilot_units, j.control_units) < 2 THEN 'pilot_too_few'
                    WHEN j.standard_error IS NULL THEN 'pilot_no_spread'
                    WHEN j.ci_low > 0 OR j.ci_high < 0 THEN 'pilot_clear'
                    ELSE 'pilot_unclear' END AS code,
               jsonb_strip_nulls(jsonb_build_object(
                    'outcome_en', CASE j.outcome WHEN 'attainment_original' THEN 'Attainment of the original target' || coalesce(' (' || nullif(j.measure, '') || ')', '')
                                  WHEN 'sri_days' THEN 'Days from detected to acted' ELSE 'Net promoter score' END,
                    'outcome_zh', CASE j.outcome WHEN 'attainment_original' THEN '原目标达成率' || coalesce('(' || nullif(calib.measure_text(j.measure, true), '') || ')', '')
                                  WHEN 'sri_days' THEN '从发现到行动的天数' ELSE '净推荐值' END,
                    'unit_en', CASE j.outcome WHEN 'attainment_original' THEN 'percentage points' WHEN 'sri_days' THEN 'days' ELSE 'points' END,
                    'unit_zh', CASE j.outcome WHEN 'attainment_original' THEN '百分点' WHEN 'sri_days' THEN '天' ELSE '分' END,
                    'pilot_change', round((s.scale * j.pilot_change)::numeric, 1), 'control_change', round((s.scale * j.control_change)::numeric, 1),
                    'effect', round((s.scale * j.effect)::numeric, 1),
                    'ci_low', round((s.scale * j.ci_low)::numeric, 1), 'ci_high', round((s.scale * j.ci_high)::numeric, 1),
                    'pilot_units', j.pilot_units, 'pilot_listed', j.pilot_listed,
                    'control_units', j.control_units, 'control_listed', j.control_listed,
                    'pilot_open', j.pilot_open, 'control_open', j.control_open,
                    'pilot_not_acted', j.pilot_not_acted, 'control_not_acted', j.control_not_acted,
                    'measured_from', coalesce(p.measured_from, p.starts_on))) AS args
        FROM judged j
        JOIN calib.pilot p USING (pilot_id)
        LEFT JOIN calib.pilot_windows() b ON b.pilot_id = j.pilot_id AND b.part = 'before'
        LEFT JOIN calib.pilot_windows() a ON a.pilot_id = j.pilot_id AND a.part = 'after'
        CROSS JOIN LATERAL (SELECT CASE j.outcome WHEN 'attainment_original' THEN 100 ELSE 1 END AS scale) s
    )
    SELECT t.pilot_id, t.name, t.outcome, t.measure, t.before_from, t.before_to, t.after_from, t.after_to,
           t.pilot_listed, t.control_listed, t.pilot_units, t.control_units,
           t.pilot_before, t.pilot_after, t.control_before, t.control_after,
           t.effect, t.standard_error, t.df, t.ci_low, t.ci_high,
           t.pilot_open, t.control_open, t.pilot_not_acted, t.control_not_acted, t.code, t.args,
           concat_ws(CASE calib.language() WHEN 'zh' THEN '' ELSE ' ' END, calib.reason_text(t.code, t.args),
               CASE WHEN t.pilot_open IS NOT NULL THEN calib.reason_text('pilot_open', t.args)
                    WHEN t.outcome = 'nps' AND t.code NOT IN ('pilot_by_arm', 'pilot_not_measured')
                     AND t.pilot_units + t.control_units < t.pilot_listed + t.control_listed
                    THEN calib.reason_text('pilot_hidden', t.args) END)
    FROM told t;
END;
COMMENT ON FUNCTION calib.pilot_effects_now() IS 'What the view pilot_effect shows.';

CREATE VIEW calib.pilot_effect WITH (security_invoker = true) AS
SELECT e.* FROM calib.pilot_effects_now() e;
COMMENT ON VIEW calib.pilot_effect IS
'What each pilot did, per outcome: the mean change of its units less that of the control units, with a 95 % interval from how the units'' changes differ (Welch), and a sentence. For who sees all units of the pilot; sri_days is told when it is over, before that to admins for everyone.';
COMMENT ON COLUMN calib.pilot_effect.pilot_id IS 'The pilot.';
COMMENT ON COLUMN calib.pilot_effect.pilot_name IS 'Its name.';
COMMENT ON COLUMN calib.pilot_effect.outcome IS 'attainment_original (1.1 is 110 % of the ORIGINAL targets), sri_days (mean days from detected to acted) or nps (points).';
COMMENT ON COLUMN calib.pilot_effect.measure IS 'What the target counts; empty for other outcomes.';
COMMENT ON COLUMN calib.pilot_effect.before_from IS 'First day of the time before.';
COMMENT ON COLUMN calib.pilot_effect.before_to IS 'Last day of it.';
COMMENT ON COLUMN calib.pilot_effect.after_from IS 'First day measured; NULL: not yet.';
COMMENT ON COLUMN calib.pilot_effect.after_to IS 'Last day measured so far: yesterday, or the pilot''s last.';
COMMENT ON COLUMN calib.pilot_effect.pilot_listed IS 'Units compared in the pilot arm.';
COMMENT ON COLUMN calib.pilot_effect.control_listed IS 'Units compared in the control arm.';
COMMENT ON COLUMN calib.pilot_effect.pilot_units IS 'Those of the pilot arm with figures before and after; only they count.';
COMMENT ON COLUMN calib.pilot_effect.control_units IS 'Those of the control arm.';
COMMENT ON COLUMN calib.pilot_effect.pilot_before IS 'Mean of the pilot arm before.';
COMMENT ON COLUMN calib.pilot_effect.pilot_after IS 'Mean of the pilot arm after.';
COMMENT ON COLUMN calib.pilot_effect.control_before IS 'Mean of the control arm before.';
COMMENT ON COLUMN calib.pilot_effect.control_after IS 'Mean of the control arm after.';
COMMENT ON COLUMN calib.pilot_effect.effect IS '(pilot_after - pilot_before) - (control_after - control_before).';
COMMENT ON COLUMN calib.pilot_effect.standard_error IS 'Standard error of the effect; NULL: fewer than two units in an arm, or no spread.';
COMMENT ON COLUMN calib.pilot_effect.df IS 'Degrees of freedom (Welch-Satterthwaite).';
COMMENT ON COLUMN calib.pilot_effect.ci_low IS 'Lower end of the 95 % interval.';
COMMENT ON COLUMN calib.pilot_effect.ci_high IS 'Upper end of it.';
COMMENT ON COLUMN calib.pilot_effect.pilot_open IS 'sri_days: deviations of the pilot units that were open at the end of the days before or after: in no mean.';
COMMENT ON COLUMN calib.pilot_effect.control_open IS 'sri_days: those of the control units.';
COMMENT ON COLUMN calib.pilot_effect.pilot_not_acted IS 'sri_days: dismissed or recovered ones of the pilot units, in no mean.';
COMMENT ON COLUMN calib.pilot_effect.control_not_acted IS 'sri_days: those of the control units.';
COMMENT ON COLUMN calib.pilot_effect.reason_code IS 'pilot_clear, pilot_unclear, pilot_too_few, pilot_no_spread, pilot_by_arm, pilot_nothing, pilot_in_silence or pilot_not_measured.';
COMMENT ON COLUMN calib.pilot_effect.reason_args IS 'The numbers of the sentence, rounded.';
COMMENT ON COLUMN calib.pilot_effect.sentence IS 'What it means, in calib.language.';
