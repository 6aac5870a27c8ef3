-- The agenda: what calib proposes for each of the meeting's three questions, and the
-- arithmetic behind it.  Reads of every unit, as of a time: nothing here writes.

INSERT INTO calib.reason (code, en, zh) VALUES
('request_per_cost',
 'Gap {gap} = target {target} - projected {projected} ({actual} so far, {elapsed%} of the {grain_en}). Expected effect {effect}: {basis_en}. Per cost: {effect} / {cost} = {per_cost}.',
 '缺口 {gap} = 目标 {target} - 预计 {projected}（至今 {actual}，{grain_zh}已过 {elapsed%}）。预期效果 {effect}：{basis_zh}。单位成本效果：{effect} / {cost} = {per_cost}。'),
('request_no_cost',
 'Gap {gap} = target {target} - projected {projected} ({actual} so far, {elapsed%} of the {grain_en}). Expected effect {effect}: {basis_en}. Its cost is not stated: it follows those whose cost is.',
 '缺口 {gap} = 目标 {target} - 预计 {projected}（至今 {actual}，{grain_zh}已过 {elapsed%}）。预期效果 {effect}：{basis_zh}。未注明成本，排在注明成本的申请之后。'),
('request_free',
 'Gap {gap} = target {target} - projected {projected} ({actual} so far, {elapsed%} of the {grain_en}). Expected effect {effect}: {basis_en}. It costs nothing.',
 '缺口 {gap} = 目标 {target} - 预计 {projected}（至今 {actual}，{grain_zh}已过 {elapsed%}）。预期效果 {effect}：{basis_zh}。无成本。'),
('request_no_gap',
 'No gap can be told: the unit has no target that has begun. Expected effect: {basis_en}.',
 '无法得出缺口：该单元没有已开始的目标。预期效果：{basis_zh}。'),
('request_prepared',
 'Conversion is {conversion%} against a benchmark of {benchmark%} at a density index of {index}: of {reps} people {amount} to move to where it converts. Gap {gap} = target {target} - projected {projected} ({actual} so far, {elapsed%} of the {grain_en}). Expected effect {effect}: {basis_en}.',
 '转化率 {conversion%}（基准 {benchmark%}），密度指数 {index}：将 {reps} 人中的 {amount} 人调往转化更好的方向。缺口 {gap} = 目标 {target} - 预计 {projected}（至今 {actual}，{grain_zh}已过 {elapsed%}）。预期效果 {effect}：{basis_zh}。'),
('float_lower',
 '{called_en}Pace {pace%} of the {grain_en} (index {index}): {value} at that pace is {wanted}. The cap allows {low} to {high} (original {original}): {proposed}. {places_en}',
 '{called_zh}{grain_zh}进度 {pace%}（密度指数 {index}）：{value} 按此进度为 {wanted}。上限允许 {low} 至 {high}（原值 {original}）：建议 {proposed}。{places_zh}'),
('float_raise',
 '{called_en}Pace {pace%} of the {grain_en}{sparse_en} (index {index}): {value} at that pace is {wanted}. The cap allows {low} to {high} (original {original}): {proposed}. {places_en}',
 '{called_zh}{grain_zh}进度 {pace%}{sparse_zh}（密度指数 {index}）：{value} 按此进度为 {wanted}。上限允许 {low} 至 {high}（原值 {original}）：建议 {proposed}。{places_zh}'),
('no_adjustment_left',
 'Not proposed: {taken} of {max} adjustments of the quarter are used or pending.',
 '不作建议：本季度 {max} 次修正中已用或待定 {taken} 次。'),
('adjustment_pending',
 'Not proposed: adjustment {adjustment_id} of this target waits for its decision.',
 '不作建议：该目标的修正 {adjustment_id} 正待决定。'),
('target_frozen',
 'Not proposed: targets that end this month are frozen after its day {freeze_day}.',
 '不作建议：本月到期的目标自 {freeze_day} 日后冻结。'),
('nothing_to_float',
 'Not proposed: the cap and the step of {step} leave no other value.',
 '不作建议：在上限与最小步长 {step} 之内没有其他可取值。');

CREATE FUNCTION calib.units_below(of_unit bigint, as_of timestamptz) RETURNS SETOF bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    SELECT c.unit_id FROM calib.unit_closure c
    WHERE c.ancestor_id = of_unit AND c.valid_from <= calib.day_of(as_of) AND c.valid_to > calib.day_of(as_of);
END;
COMMENT ON FUNCTION calib.units_below(bigint, timestamptz) IS
'A unit and all that stands below it on the day of as_of, whoever asks. Internal.';
REVOKE EXECUTE ON FUNCTION calib.units_below(bigint, timestamptz) FROM PUBLIC;

-- What is only observed stays as it would be without calib.
CREATE FUNCTION calib.units_proposed_for(of_unit bigint, as_of timestamptz) RETURNS SETOF bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    SELECT b.unit_id FROM calib.units_below(of_unit, as_of) AS b (unit_id)
    WHERE b.unit_id NOT IN (SELECT l.unit_id FROM calib.loop_at(as_of) l WHERE l.observed);
END;
COMMENT ON FUNCTION calib.units_proposed_for(bigint, timestamptz) IS
'units_below, without those that a pilot only observes: calib proposes nothing of its own for them. Internal.';
REVOKE EXECUTE ON FUNCTION calib.units_proposed_for(bigint, timestamptz) FROM PUBLIC;

-- What is read for all meetings at once ------------------------------------------------

-- A diagnosis of a region reads the peers of its reps, everywhere: of all regions it is
-- read once.
--
-- A target is called to float by the unit's own diagnosis, or an open deviation that is the
-- unit's or names it, which detection folds into the unit above.
CREATE FUNCTION calib.read_for_agenda(month date, as_of timestamptz, of_units bigint[]) RETURNS calib.agenda_reading
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    this_quarter date := calib.quarter_of(as_of);
    read calib.agenda_reading;
BEGIN
    read.misfits := ARRAY(
        SELECT ROW(t.unit_id, t.customer_id, t.tier, t.fitting_tier, t.visits_per_week, t.fitting_standard, t.misfit,
            t.reason_code, t.reason_args)::calib.tier_misfit
        FROM calib.all_tier_fit_at(as_of, as_of) t
        WHERE t.reason_code IN ('tier_up', 'tier_down', 'tier_down_unvisited')
          AND (of_units IS NULL OR t.unit_id IN (SELECT unnest(of_units))));
    WITH open AS MATERIALIZED (
        SELECT d.deviation_id, d.kind, d.measure, d.product_line, d.grain, d.period_start, n.unit_id
        FROM calib.deviation d CROSS JOIN LATERAL unnest(d.units || d.unit_id) AS n (unit_id)
        WHERE d.kind IN ('environment', 'windfall') AND d.measure <> '' AND NOT d.observed AND d.grain IN ('month', 'quarter')
          AND d.detected_at <= as_of AND (d.ended_at IS NULL OR d.ended_at > as_of)
          -- of a meeting held late too
          AND d.period_start <= month AND calib.period_end(d.period_start, d.grain) > month
    ), period AS (
        SELECT g.grain, calib.period_start(calib.day_of(as_of), g.grain, o.fiscal_start_month) AS period_start
        FROM calib.organisation o CROSS JOIN (VALUES ('month'), ('quarter')) g (grain)
        UNION
        SELECT o.grain, o.period_start FROM open o
    ), diagnosed AS MATERIALIZED (
        SELECT d.*, d.period_end > calib.day_of(as_of) AS running, (d.reason_args ->> 'floor')::numeric AS floor
        FROM period p CROSS JOIN LATERAL calib.diagnose_units(as_of, p.grain, p.period_start, as_of, of_units, NULL, 'decision') d
    ), call AS MATERIALIZED (
        SELECT d.unit_id, d.measure, d.product_line, d.grain, d.period_start, d.running,
               CASE WHEN d.signal = 'strong' AND d.remedy IN ('lower_target', 'review_target') THEN d.remedy END AS remedy,
               round(d.pace, 4) AS pace, round(d.density_index::numeric, 2) AS index, NULL::bigint AS deviation_id
        FROM diagnosed d
        WHERE d.running
        UNION ALL
        -- by the pace of the unit itself: one that has caught up meanwhile, that cannot be
        -- judged, or that is to do something else, is not called by what the others do
        SELECT d.unit_id, d.measure, d.product_line, d.grain, d.period_start, d.running,
               CASE o.kind WHEN 'environment' THEN 'lower_target' ELSE 'review_target' END,
               round(d.pace, 4), round(d.density_index::numeric, 2), o.deviation_id
        FROM open o JOIN diagnosed d USING (unit_id, measure, product_line, grain, period_start)
        WHERE CASE o.kind WHEN 'environment' THEN d.pace < d.floor ELSE d.pace > 1 END
          AND d.remedy NOT IN ('coach', 'refocus')
          AND d.reason_code NOT IN ('results_not_current', 'ramping', 'too_early', 'late_records')
    )
    SELECT ARRAY(SELECT ROW(d.unit_id, d.product_line, d.reason_args)::calib.refocus_call
                 FROM diagnosed d
                 WHERE d.grain = 'quarter' AND d.period_start = this_quarter AND d.remedy = 'refocus' AND d.measure = 'collection'),
           ARRAY(SELECT ROW(c.*)::calib.target_call
                 FROM call c
                 WHERE c.unit_id IN (SELECT k.unit_id FROM call k WHERE k.remedy IS NOT NULL))
    INTO read.refocus, read.calls;
    RETURN read;
END $$;
COMMENT ON FUNCTION calib.read_for_agenda(date, timestamptz, bigint[]) IS
'What the agendas of a month are made of, as of a time, of all units or some: customers whose tier does not fit; whose diagnosis says refocus; and of units with a call for a target to float all of theirs: the diagnoses of the running month and quarter (remedy NULL: not strong, or another), and the open deviations of kind environment and windfall, of a period that holds the month, that are the unit''s or name it (deviation_id), as long as it misses, or exceeds, its own target in their period. Internal.';
REVOKE EXECUTE ON FUNCTION calib.read_for_agenda(date, timestamptz, bigint[]) FROM PUBLIC;

-- (1) Which customers change tier ----------------------------------------------------

-- What was rejected is not asked again at every meeting.
CREATE FUNCTION calib.agenda_tier(of_unit bigint, as_of timestamptz, misfits calib.tier_misfit[])
RETURNS TABLE (unit_id bigint, customer_id bigint, request_id bigint, target_id bigint, proposal jsonb,
    reason_code text, reason_args jsonb, remark text, rank bigint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    SELECT t.unit_id, t.customer_id, NULL::bigint, NULL::bigint,
           jsonb_build_object('from', t.tier, 'tier', t.fitting_tier),
           t.reason_code, t.reason_args || jsonb_build_object('misfit', round(t.misfit, 4)), NULL::text,
           row_number() OVER (ORDER BY t.reason_code = 'tier_down_unvisited', t.misfit DESC,
               abs(t.visits_per_week - t.fitting_standard) DESC, t.customer_id)
    FROM unnest(misfits) t
    WHERE t.unit_id IN (SELECT calib.units_proposed_for(of_unit, as_of))
      AND NOT EXISTS (
          SELECT FROM calib.resolution r JOIN calib.meeting m USING (meeting_id)
          WHERE r.customer_id = t.customer_id AND r.decision = 'reject' AND r.proposal ->> 'tier' = t.fitting_tier
            AND m.closed_at <= as_of AND m.closed_at > as_of - interval '2184 hours');
END;
COMMENT ON FUNCTION calib.agenda_tier(bigint, timestamptz, calib.tier_misfit[]) IS
'Customers below a unit whose tier does not fit, the largest misfit first; those that were not visited up to the standard of their tier, and would go down, after the others. Internal.';
REVOKE EXECUTE ON FUNCTION calib.agenda_tier(bigint, timestamptz, calib.tier_misfit[]) FROM PUBLIC;

-- (2) Which requests come first --------------------------------------------------------

-- Of each unit the quarter that holds as_of, without targets of quarters the month: the
-- target over all product lines, without one the sum of theirs.
CREATE FUNCTION calib.gap_at(of_unit bigint, as_of timestamptz)
RETURNS TABLE (unit_id bigint, grain text, period_start date, period_end date, target_value numeric, actual numeric,
    elapsed_share numeric, projected numeric, gap numeric, rep_weeks numeric, weeks_left numeric)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    WITH running AS (
        SELECT a.*, a.actual / nullif(a.elapsed_share, 0) AS projected,
               bool_or(a.product_line = '') OVER (PARTITION BY a.unit_id, a.grain) AS whole
        FROM calib.organisation o
        CROSS JOIN (VALUES ('quarter'), ('month')) AS g (grain)
        CROSS JOIN LATERAL calib.all_attainment_in(as_of, as_of, g.grain,
            ARRAY[calib.period_start(calib.day_of(as_of), g.grain, o.fiscal_start_month)],
            ARRAY(SELECT calib.units_below(of_unit, as_of))) a
        WHERE a.measure = 'collection'
    ), summed AS (
        SELECT r.unit_id, r.grain, r.period_start, r.period_end, sum(r.target_value) AS target_value, sum(r.actual) AS actual,
               -- one share for all lines, unless a season tells them apart
               CASE WHEN min(r.elapsed_share) = max(r.elapsed_share) THEN min(r.elapsed_share) END AS elapsed_share,
               CASE WHEN count(r.projected) = count(*) THEN sum(r.projected) END AS projected
        FROM running r
        WHERE r.product_line = '' OR NOT r.whole
        GROUP BY r.unit_id, r.grain, r.period_start, r.period_end
    ), chosen AS (
        SELECT DISTINCT ON (s.unit_id) s.* FROM summed s ORDER BY s.unit_id, s.grain = 'quarter' DESC
    ), span AS MATERIALIZED (
        SELECT DISTINCT c.period_start FROM chosen c
    ), worked AS MATERIALIZED (
        SELECT s.period_start, w.unit_id, w.rep_weeks
        FROM span s CROSS JOIN LATERAL calib.all_rep_weeks_in(calib.start_of(s.period_start), as_of, ARRAY(SELECT c.unit_id FROM chosen c)) w
    )
    SELECT c.unit_id, c.grain, c.period_start, c.period_end, c.target_value, c.actual, c.elapsed_share,
           trim_scale(round(c.projected, 2)), trim_scale(greatest(c.target_value - round(c.projected, 2), 0)), w.rep_weeks,
           (c.period_end - calib.day_of(as_of)) / 7.0
    FROM chosen c
    LEFT JOIN worked w USING (unit_id, period_start);
END;
COMMENT ON FUNCTION calib.gap_at(bigint, timestamptz) IS
'How far each unit below one will miss its running quarter''s target of measure collection (without one its month''s), if results go on as they do: gap = target - projected, at least 0; projected = actual / elapsed share. Weeks worked so far, and calendar weeks left with that day. Internal.';
REVOKE EXECUTE ON FUNCTION calib.gap_at(bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.agenda_resource(of_unit bigint, as_of timestamptz, refocus calib.refocus_call[])
RETURNS TABLE (unit_id bigint, customer_id bigint, request_id bigint, target_id bigint, proposal jsonb,
    reason_code text, reason_args jsonb, remark text, rank bigint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    WITH gap AS MATERIALIZED (
        SELECT g.*, g.actual / nullif(g.rep_weeks, 0) AS rate FROM calib.gap_at(of_unit, as_of) g
    ), open AS MATERIALIZED (
        SELECT r.* FROM calib.resource_request r
        WHERE r.unit_id IN (SELECT calib.units_below(of_unit, as_of))
          AND r.submitted_at <= as_of
          AND (r.filed_at IS NULL OR r.filed_at > as_of) AND (r.ended_at IS NULL OR r.ended_at > as_of)
    ), refocus AS (
        SELECT DISTINCT ON (d.unit_id) d.unit_id, d.figures
        FROM unnest(agenda_resource.refocus) d
        WHERE d.unit_id IN (SELECT calib.units_proposed_for(of_unit, as_of))
          AND EXISTS (SELECT FROM calib.request_kind k WHERE k.kind = 'move_people' AND k.moves)
          AND NOT EXISTS (SELECT FROM open w JOIN calib.request_kind k USING (kind) WHERE k.moves AND w.unit_id = d.unit_id)
        ORDER BY d.unit_id, d.product_line
    ), rep AS (
        SELECT c.ancestor_id AS unit_id, count(*) AS reps
        FROM calib.unit_closure c JOIN calib.unit u USING (unit_id)
        WHERE c.ancestor_id IN (SELECT f.unit_id FROM refocus f)
          AND c.valid_from <= calib.day_of(as_of) AND c.valid_to > calib.day_of(as_of)
          AND u.kind = 'rep' AND u.active @> calib.day_of(as_of)
        GROUP BY c.ancestor_id
    ), prepared AS (
        -- as many as close the gap, and at most half of them
        SELECT f.unit_id, f.figures, coalesce(p.reps, 0) AS reps,
               greatest(1, least(coalesce(ceil(g.gap / nullif(g.rate * g.weeks_left, 0)), 1), floor(coalesce(p.reps, 0) / 2.0))) AS amount
        FROM refocus f LEFT JOIN gap g USING (unit_id) LEFT JOIN rep p USING (unit_id)
    ), wanted AS (
        SELECT o.unit_id, o.request_id, o.kind, k.moves, o.amount, o.cost, o.from_unit, o.expected,
               NULL::jsonb AS figures, NULL::bigint AS reps
        FROM open o JOIN calib.request_kind k USING (kind)
        UNION ALL
        SELECT p.unit_id, NULL, 'move_people', true, p.amount, NULL, NULL, NULL, p.figures, p.reps
        FROM prepared p
    ), measured AS (
        SELECT w.*, g.grain, g.target_value, g.actual, g.elapsed_share, g.projected, g.gap, g.weeks_left,
               trim_scale(round(g.rate, 2)) AS rate, trim_scale(round(g.weeks_left, 2)) AS weeks,
               CASE WHEN w.expected IS NOT NULL THEN 'stated'
                    WHEN w.moves AND g.rate IS NOT NULL THEN 'people'
                    WHEN g.gap IS NOT NULL THEN 'gap' ELSE 'unknown' END AS basis
        FROM wanted w LEFT JOIN gap g USING (unit_id)
    ), valued AS (
        -- from the rounded numbers that the reason states
        SELECT m.*, CASE m.basis WHEN 'stated' THEN m.expected
                                 WHEN 'people' THEN trim_scale(greatest(round(m.amount * m.rate * m.weeks, 2), 0)) END AS brings
        FROM measured m
    ), effect AS (
        SELECT v.*, least(v.gap, v.brings) AS effect FROM valued v
    ), ranked AS (
        SELECT e.*, CASE WHEN e.cost > 0 THEN trim_scale(round(e.effect / e.cost, 4)) END AS per_cost,
               CASE WHEN e.effect IS NULL THEN 5 WHEN e.effect = 0 THEN 4
                    WHEN e.cost = 0 THEN 1 WHEN e.cost > 0 THEN 2 ELSE 3 END AS class
        FROM effect e
    )
    SELECT r.unit_id, NULL::bigint, r.request_id, NULL::bigint,
           jsonb_strip_nulls(jsonb_build_object('kind', r.kind, 'amount', r.amount, 'cost', r.cost, 'from_unit', r.from_unit)),
           CASE WHEN r.figures IS NOT NULL AND r.gap IS NOT NULL THEN 'request_prepared'
                WHEN r.gap IS NULL THEN 'request_no_gap'
                WHEN r.cost > 0 THEN 'request_per_cost'
                WHEN r.cost = 0 THEN 'request_free' ELSE 'request_no_cost' END,
           jsonb_strip_nulls(jsonb_build_object(
               'gap', r.gap, 'target', r.target_value, 'projected', r.projected, 'actual', r.actual,
               'elapsed', round(r.elapsed_share, 4), 'effect', r.effect, 'cost', r.cost, 'per_cost', r.per_cost,
               'basis', r.basis, 'expected', r.expected, 'amount', r.amount, 'rate', r.rate, 'weeks', r.weeks, 'reps', r.reps,
               'conversion', r.figures -> 'conversion', 'benchmark', r.figures -> 'benchmark', 'index', r.figures -> 'index',
               'grain_en', r.grain, 'grain_zh', CASE r.grain WHEN 'month' THEN '月度' ELSE '季度' END,
               'basis_en', CASE r.basis WHEN 'stated' THEN format('it states %s', r.expected)
                   WHEN 'people' THEN format('people %s x %s per rep-week x %s weeks left = %s', r.amount, r.rate, r.weeks, r.brings)
                   WHEN 'gap' THEN 'the whole gap, as it states none' ELSE 'not known' END,
               'basis_zh', CASE r.basis WHEN 'stated' THEN format('申请注明 %s', r.expected)
                   WHEN 'people' THEN format('%s 人 x 每人每周 %s x 剩余 %s 周 = %s', r.amount, r.rate, r.weeks, r.brings)
                   WHEN 'gap' THEN '未注明，按全部缺口计' ELSE '未知' END)),
           NULL::text,
           row_number() OVER (ORDER BY r.class, r.per_cost DESC NULLS LAST, r.effect DESC NULLS LAST, r.request_id NULLS LAST, r.unit_id)
    FROM ranked r;
END;
COMMENT ON FUNCTION calib.agenda_resource(bigint, timestamptz, calib.refocus_call[]) IS
'Open requests of a unit and those below it, and moves of people prepared where the diagnosis says refocus, in order of effect per cost, what costs nothing first; then those without a stated cost, by effect; then those that close no gap, last those whose effect is not known. effect = the gap, or less where the request expects less or its people can bring less. Internal.';
REVOKE EXECUTE ON FUNCTION calib.agenda_resource(bigint, timestamptz, calib.refocus_call[]) FROM PUBLIC;

-- (3) Does next month's target float ----------------------------------------------------

CREATE FUNCTION calib.agenda_target(of_unit bigint, month date, as_of timestamptz, calls calib.target_call[])
RETURNS TABLE (unit_id bigint, customer_id bigint, request_id bigint, target_id bigint, proposal jsonb,
    reason_code text, reason_args jsonb, remark text, rank bigint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    WITH next AS (
        SELECT n.month_start, calib.period_start(n.month_start, 'quarter', o.fiscal_start_month) AS quarter_start
        FROM calib.organisation o
        CROSS JOIN LATERAL (SELECT (date_trunc('month', month::timestamp) + interval '1 month')::date AS month_start) n
    ), coming AS (
        -- the month's own, without one the quarter's that holds it
        SELECT DISTINCT ON (t.unit_id, t.measure, t.product_line) t.*, n.quarter_start
        FROM next n
        CROSS JOIN LATERAL (VALUES ('month', n.month_start), ('quarter', n.quarter_start)) AS k (grain, period_start)
        CROSS JOIN LATERAL calib.all_targets_in(as_of, k.grain, ARRAY[k.period_start],
            ARRAY(SELECT calib.units_proposed_for(of_unit, as_of))) t
        WHERE t.target_id IS NOT NULL
        ORDER BY t.unit_id, t.measure, t.product_line, t.grain = 'month' DESC
    ), call AS MATERIALIZED (
        SELECT k.* FROM unnest(calls) k
    ), judged AS (
        -- its own diagnosis first: of the same grain, the quarter's only where there is none
        SELECT DISTINCT ON (c.target_id) c.*, k.grain AS judged_grain, k.period_start AS judged_from, k.running,
               k.remedy, k.pace, k.index, k.deviation_id
        FROM coming c
        JOIN call k USING (unit_id, measure, product_line)
        WHERE (c.grain = 'month' OR k.grain = 'quarter') AND k.remedy IS NOT NULL
          AND (k.deviation_id IS NOT NULL OR k.grain = c.grain
               OR NOT EXISTS (SELECT FROM call o WHERE o.unit_id = c.unit_id AND o.measure = c.measure
                              AND o.product_line = c.product_line AND o.grain = c.grain AND o.deviation_id IS NULL))
        ORDER BY c.target_id, k.deviation_id IS NOT NULL, k.grain = c.grain DESC, k.period_start DESC, k.deviation_id
    ), bounded AS (
        SELECT j.*, (r.published_at IS NULL OR r.published_at > as_of) AND j.period_start > calib.day_of(as_of) AS draft,
               trim_scale(round(j.target_value * j.pace, 2)) AS wanted,
               greatest(j.target_value - p.cap * j.original_value, j.original_value * (1 - p.cumulative_cap)) AS low,
               least(j.target_value + p.cap * j.original_value, j.original_value * (1 + p.cumulative_cap)) AS high,
               power(10::numeric, floor(log(j.original_value)) - 2) AS step, p.max_adjustments, p.freeze_day
        FROM judged j
        JOIN calib.target r USING (target_id)
        JOIN calib.policy_at(calib.day_of(as_of)) p ON p.unit_id = j.unit_id
        WHERE j.pace IS NOT NULL
    ), floated AS (
        -- rounded towards the value it has: never over the cap
        SELECT b.*, trim_scale(CASE WHEN b.remedy = 'lower_target'
                    THEN least(greatest(ceil(greatest(b.wanted, b.low) / b.step) * b.step, b.step), b.target_value)
                    ELSE greatest(floor(least(b.wanted, b.high) / b.step) * b.step, b.target_value) END) AS proposed
        FROM bounded b
    ), spent AS (
        -- as of then: calib.budget tells today's
        SELECT f.*,
               (SELECT count(*) FROM calib.adjustment a JOIN calib.target s USING (target_id)
                WHERE s.unit_id = f.unit_id AND s.measure = f.measure AND s.product_line = f.product_line
                  AND a.quarter_start = f.quarter_start
                  AND a.submitted_at <= as_of AND (a.ended_at IS NULL OR a.ended_at > as_of)) AS taken,
               (SELECT max(a.adjustment_id) FROM calib.adjustment a
                WHERE a.target_id = f.target_id AND a.submitted_at <= as_of
                  AND (a.filed_at IS NULL OR a.filed_at > as_of) AND (a.ended_at IS NULL OR a.ended_at > as_of)) AS waiting
        FROM floated f
    ), remarked AS (
        SELECT s.*, CASE WHEN s.proposed = s.target_value THEN 'nothing_to_float'
                         -- of a meeting held late: the month it is about has begun
                         WHEN extract(day FROM calib.day_of(as_of)) > s.freeze_day
                          AND s.period_end = (date_trunc('month', calib.day_of(as_of)::timestamp) + interval '1 month')::date THEN 'target_frozen'
                         WHEN s.draft THEN NULL
                         WHEN s.waiting IS NOT NULL THEN 'adjustment_pending'
                         WHEN s.taken >= s.max_adjustments THEN 'no_adjustment_left' END AS remark
        FROM spent s
    )
    SELECT r.unit_id, NULL::bigint, NULL::bigint, r.target_id,
           jsonb_build_object('value', r.proposed, 'from', r.target_value, 'grain', r.grain, 'period_start', r.period_start,
               'measure', r.measure, 'product_line', r.product_line, 'draft', r.draft),
           CASE r.remedy WHEN 'lower_target' THEN 'float_lower' ELSE 'float_raise' END,
           jsonb_strip_nulls(jsonb_build_object('pace', r.pace, 'index', coalesce(to_jsonb(r.index), '"-"'), 'value', trim_scale(r.target_value),
               'original', trim_scale(r.original_value), 'wanted', r.wanted, 'low', trim_scale(r.low), 'high', trim_scale(r.high),
               'step', trim_scale(r.step), 'proposed', r.proposed, 'taken', r.taken, 'max', r.max_adjustments, 'freeze_day', r.freeze_day,
               'adjustment_id', r.waiting, 'judged_grain', r.judged_grain, 'judged_from', r.judged_from, 'deviation_id', v.deviation_id,
               'grain_en', r.judged_grain || CASE WHEN r.running THEN '' ELSE ' from ' || to_char(r.judged_from, 'YYYY-MM-DD') END,
               'grain_zh', CASE WHEN r.running THEN '' ELSE to_char(r.judged_from, 'YYYY-MM-DD') || ' 起' END
                   || CASE r.judged_grain WHEN 'month' THEN '月度' ELSE '季度' END,
               'sparse_en', CASE WHEN r.index < 1 THEN ' with sparse activity' ELSE '' END,
               'sparse_zh', CASE WHEN r.index < 1 THEN '，而行为稀疏' ELSE '' END,
               'called_en', CASE WHEN r.deviation_id IS NULL THEN ''
                   WHEN v.deviation_id IS NULL THEN 'A deviation further up names it. '
                   ELSE format('Deviation %s of %s (%s, since %s). ', r.deviation_id, v.unit_name, v.kind, v.since) END,
               'called_zh', CASE WHEN r.deviation_id IS NULL THEN ''
                   WHEN v.deviation_id IS NULL THEN '上级单元的偏差涉及本单元。'
                   ELSE format('%2$s的偏差 %1$s（%3$s，自 %4$s 起）。', r.deviation_id, v.unit_name, v.kind_zh, v.since) END,
               'places_en', CASE WHEN r.draft THEN 'It is a draft and spends no adjustment.'
                   ELSE format('%s of %s adjustments of the quarter are taken.', r.taken, r.max_adjustments) END,
               'places_zh', CASE WHEN r.draft THEN '尚为草稿，不占修正次数。'
                   ELSE format('本季度 %2$s 次修正已占 %1$s 次。', r.taken, r.max_adjustments) END)),
           r.remark,
           row_number() OVER (PARTITION BY r.remark IS NULL ORDER BY abs(r.target_value - r.wanted) DESC, r.target_id)
    FROM remarked r
    LEFT JOIN LATERAL (
        -- of what stands above, who meets may see nothing
        SELECT d.deviation_id, u.name AS unit_name, d.kind, CASE d.kind WHEN 'environment' THEN '环境异常' ELSE '意外之喜' END AS kind_zh,
               to_char(calib.day_of(d.detected_at), 'YYYY-MM-DD') AS since
        FROM calib.deviation d JOIN calib.unit u USING (unit_id)
        WHERE d.deviation_id = r.deviation_id AND d.unit_id IN (SELECT calib.units_below(of_unit, as_of))) v ON true;
END;
COMMENT ON FUNCTION calib.agenda_target(bigint, date, timestamptz, calib.target_call[]) IS
'The targets of the month after month, of a unit and those below it, that are called to float (calls): value x pace, within the cap, rounded inward to three digits of the original; what strays most first. remark: why one is not proposed. Internal.';
REVOKE EXECUTE ON FUNCTION calib.agenda_target(bigint, date, timestamptz, calib.target_call[]) FROM PUBLIC;

CREATE FUNCTION calib.agenda_candidates_of(of_unit bigint, month date, as_of timestamptz, reading calib.agenda_reading)
RETURNS TABLE (part text, subject text, unit_id bigint, customer_id bigint, request_id bigint, target_id bigint,
    proposal jsonb, reason_code text, reason_args jsonb, remark text, rank bigint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    SELECT 'tier', 'customer ' || t.customer_id, t.* FROM calib.agenda_tier(of_unit, as_of, (reading).misfits) t
    UNION ALL
    SELECT 'resource', coalesce('request ' || r.request_id, 'unit ' || r.unit_id), r.* FROM calib.agenda_resource(of_unit, as_of, (reading).refocus) r
    UNION ALL
    SELECT 'target', 'target ' || g.target_id, g.* FROM calib.agenda_target(of_unit, month, as_of, (reading).calls) g;
END;
COMMENT ON FUNCTION calib.agenda_candidates_of(bigint, date, timestamptz, calib.agenda_reading) IS
'All that could stand on the agenda of a unit''s meeting, in the order of each part; subject names what it is about. Internal.';
REVOKE EXECUTE ON FUNCTION calib.agenda_candidates_of(bigint, date, timestamptz, calib.agenda_reading) FROM PUBLIC;

CREATE FUNCTION calib.agenda_candidates(of_unit bigint, month date, as_of timestamptz)
RETURNS TABLE (part text, subject text, unit_id bigint, customer_id bigint, request_id bigint, target_id bigint,
    proposal jsonb, reason_code text, reason_args jsonb, remark text, rank bigint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    SELECT c.*
    FROM calib.read_for_agenda(month, as_of, ARRAY(SELECT calib.units_below(of_unit, as_of))) AS reading
    CROSS JOIN LATERAL calib.agenda_candidates_of(of_unit, month, as_of, reading) c;
END;
COMMENT ON FUNCTION calib.agenda_candidates(bigint, date, timestamptz) IS
'agenda_candidates_of a unit, read for it alone. Internal.';
REVOKE EXECUTE ON FUNCTION calib.agenda_candidates(bigint, date, timestamptz) FROM PUBLIC;

-- The five of each part, in the places that what is decided leaves free.
CREATE FUNCTION calib.agenda_placed(meeting_id bigint, as_of timestamptz, reading calib.agenda_reading)
RETURNS TABLE (part text, subject text, unit_id bigint, customer_id bigint, request_id bigint, target_id bigint,
    proposal jsonb, reason_code text, reason_args jsonb, remark text, rank bigint, "position" integer)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET jit = off
BEGIN ATOMIC
    WITH decided AS MATERIALIZED (
        SELECT r.part, r.subject, r.position FROM calib.resolution r
        WHERE r.meeting_id = agenda_placed.meeting_id AND r.decision IS NOT NULL
    ), candidate AS (
        SELECT c.*, row_number() OVER (PARTITION BY c.part, c.remark IS NULL ORDER BY c.rank) AS nth
        FROM calib.meeting m
        CROSS JOIN LATERAL calib.agenda_candidates_of(m.unit_id, m.month, as_of, reading) c
        WHERE m.meeting_id = agenda_placed.meeting_id
          AND (c.part, c.subject) NOT IN (SELECT d.part, d.subject FROM decided d)
    ), free AS (
        SELECT p.part, n AS position, row_number() OVER (PARTITION BY p.part ORDER BY n) AS nth
        FROM unnest('{tier,resource,target}'::text[]) AS p (part)
        CROSS JOIN generate_series(1, 5) AS n
        WHERE (p.part, n) NOT IN (SELECT d.part, d.position FROM decided d)
    )
    SELECT c.part, c.subject, c.unit_id, c.customer_id, c.request_id, c.target_id, c.proposal, c.reason_code, c.reason_args,
           c.remark, c.rank, CASE WHEN c.remark IS NULL THEN f.position END
    FROM candidate c LEFT JOIN free f ON f.part = c.part AND f.nth = c.nth;
END;
COMMENT ON FUNCTION calib.agenda_placed(bigint, timestamptz, calib.agenda_reading) IS
'agenda_candidates of a meeting that are not decided, with their places; position NULL without a remark: no place was left. Internal.';
REVOKE EXECUTE ON FUNCTION calib.agenda_placed(bigint, timestamptz, calib.agenda_reading) FROM PUBLIC;
