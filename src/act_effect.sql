-- What acts did: for everything filed, the pace against the ORIGINAL target before and
-- after, and the rep-weeks of both units.  A comparison in time, no proof: what else
-- happened to the unit is counted beside it.

-- As attainment_at says it, of one unit and for any two times.  Both along one season: a
-- unit that was moved in between would else have passed less than nothing of the period.
CREATE FUNCTION calib.share_elapsed(of_unit bigint, measure text, product_line text, grain text, period_start date,
    as_of timestamptz, placed_on date)
RETURNS numeric
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    period_end date := calib.period_end(period_start, grain);
    until date := greatest(least(calib.day_of(as_of), period_end), period_start);
    elapsed numeric;
    curve numeric[];
BEGIN
    SELECT calib.working_days(calib.days_at_work(d.active, d.absences, daterange($5, until)))::numeric
         / nullif(calib.working_days(calib.days_at_work(d.active, d.absences, daterange($5, period_end))), 0)
    INTO elapsed
    FROM (SELECT u.active, (SELECT range_agg(a.during) FROM calib.absence a WHERE a.unit_id = u.unit_id) AS absences
          FROM calib.unit u WHERE u.unit_id = of_unit) d;
    SELECT s.shares INTO curve
    FROM calib.season s
    LEFT JOIN calib.unit_ancestors(placed_on, of_unit) a ON a.ancestor_id = s.unit_id
    WHERE s.measure = $2 AND s.product_line = $3 AND s.grain = $4 AND (s.unit_id IS NULL OR a.unit_id IS NOT NULL)
    ORDER BY a.depth NULLS LAST LIMIT 1;
    RETURN CASE WHEN curve IS NULL THEN elapsed ELSE calib.season_share(curve, elapsed) END;
END $$;
COMMENT ON FUNCTION calib.share_elapsed(bigint, text, text, text, date, timestamptz, date) IS
'Share of a period that has passed for a unit at a time, 0 to 1: in its own working days, or along the season of the target for where the unit stood on placed_on. NULL where it has no working day in the period, and for NULL. Internal.';
REVOKE EXECUTE ON FUNCTION calib.share_elapsed(bigint, text, text, text, date, timestamptz, date) FROM PUBLIC;

CREATE FUNCTION calib.all_acts_filed()
RETURNS TABLE (kind text, id bigint, unit_id bigint, from_unit bigint, what text, amount numeric, filed_at timestamptz, target_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT 'adjustment', a.adjustment_id, t.unit_id, NULL::bigint,
           CASE WHEN a.new_value < a.old_value THEN 'lower' ELSE 'raise' END,
           trim_scale((a.new_value - a.old_value) / t.original_value), a.filed_at, a.target_id
    FROM calib.adjustment a JOIN calib.target t USING (target_id)
    WHERE a.status = 'filed' AND a.filed_at <= calib.clock()
    UNION ALL
    SELECT 'request', r.request_id, r.unit_id, r.from_unit, r.kind, r.amount, r.filed_at, NULL
    FROM calib.resource_request r
    WHERE r.status = 'filed' AND r.filed_at <= calib.clock();
END;
COMMENT ON FUNCTION calib.all_acts_filed() IS 'Adjustments and resource requests that were filed; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_acts_filed() FROM PUBLIC;

CREATE FUNCTION calib.act_effects()
RETURNS TABLE (unit_id bigint, unit_name text, kind text, id bigint, what text, amount numeric, filed_at timestamptz,
    measure text, product_line text, grain text, period_start date, period_end date, original_value numeric,
    actual_before numeric, actual_after numeric, share_before numeric, share_after numeric, pace_before numeric, pace_after numeric,
    rep_weeks_before numeric, rep_weeks_after numeric, from_unit bigint, from_unit_name text,
    from_rep_weeks_before numeric, from_rep_weeks_after numeric, days_after numeric, other_acts bigint, note text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH filed AS MATERIALIZED (
        SELECT f.* FROM calib.all_acts_filed() f
    ), act AS MATERIALIZED (
        SELECT f.*, f.unit_id IN (SELECT calib.units_seen()) AS unit_seen,
               f.from_unit IN (SELECT calib.units_seen()) AS from_seen,
               -- 28 days of 24 hours: clocks that change make no rep-weeks
               least(calib.clock(), f.filed_at + interval '672 hours') AS watched_to
        FROM filed f
        WHERE f.unit_id IN (SELECT calib.units_seen()) OR f.from_unit IN (SELECT calib.units_seen())
    ), target AS MATERIALIZED (
        SELECT t.* FROM calib.all_targets_at(calib.clock()) t
        WHERE t.unit_id IN (SELECT a.unit_id FROM act a)
    ), tree AS MATERIALIZED (
        SELECT t.* FROM calib.unit_tree t WHERE t.ancestor_id IN (SELECT a.unit_id FROM act a)
    ), staffed AS MATERIALIZED (
        SELECT s.* FROM calib.all_rep_stretches() s
        WHERE s.unit_id IN (SELECT a.unit_id FROM act a UNION SELECT a.from_unit FROM act a)
    ), aimed AS (
        SELECT a.*, t.measure, t.product_line, t.grain, t.period_start, t.period_end, t.original_value,
               calib.start_of(t.period_start) AS opens, calib.start_of(t.period_end) AS closes,
               least(calib.clock(), calib.start_of(t.period_end)) AS until
        FROM act a
        LEFT JOIN LATERAL (
            SELECT t.*, rank() OVER (PARTITION BY t.measure, t.product_line
                                     ORDER BY array_position('{quarter,month,year}', t.grain)) AS choice
            FROM target t
            WHERE a.unit_seen AND CASE WHEN a.target_id IS NOT NULL THEN t.target_id = a.target_id
                ELSE t.unit_id = a.unit_id AND t.period_start <= calib.day_of(a.filed_at) AND t.period_end > calib.day_of(a.filed_at) END
        ) t ON t.choice = 1
    ), shared AS (
        SELECT m.*,
               calib.share_elapsed(m.unit_id, m.measure, m.product_line, m.grain, m.period_start, m.filed_at, calib.day_of(m.until)) AS share_before,
               calib.share_elapsed(m.unit_id, m.measure, m.product_line, m.grain, m.period_start, m.until, calib.day_of(m.until)) AS share_until
        FROM aimed m
    ), measured AS (
        SELECT s.*, s.share_until - s.share_before AS share_after, r.before, r.after
        FROM shared s
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(r.amount) FILTER (WHERE r.occurred_at <= s.filed_at), 0) AS before,
                   coalesce(sum(r.amount) FILTER (WHERE r.occurred_at > s.filed_at), 0) AS after
            FROM tree t
            JOIN calib.result r ON r.unit_id = t.unit_id AND r.measure = s.measure
             AND r.occurred_at >= s.opens AND r.occurred_at < s.closes AND r.occurred_at <= s.until
            CROSS JOIN LATERAL (SELECT calib.day_of(r.occurred_at) AS day) d
            WHERE t.ancestor_id = s.unit_id AND (s.product_line = '' OR r.product_line = s.product_line)
              AND d.day >= coalesce(t.valid_from, d.day) AND d.day < coalesce(t.valid_to, d.day + 1)
        ) r ON s.measure IS NOT NULL
    ), watched AS (
        SELECT a.kind, a.id, w.is_from,
               -- per calendar week of the window
               sum(calib.hours_of(s.at_work * tstzrange(a.filed_at - interval '672 hours', a.filed_at))) / 168 / 4 AS before,
               sum(calib.hours_of(s.at_work * tstzrange(a.filed_at, a.watched_to)))
                 / nullif(calib.hours_of(tstzrange(a.filed_at, a.watched_to)), 0) AS after
        FROM act a
        CROSS JOIN LATERAL (VALUES (a.unit_id, false, a.unit_seen), (a.from_unit, true, a.from_seen)) AS w (unit_id, is_from, seen)
        LEFT JOIN staffed s ON s.unit_id = w.unit_id
        WHERE w.seen
        GROUP BY a.kind, a.id, w.is_from, a.filed_at, a.watched_to
    )
    SELECT m.unit_id, u.name, m.kind, m.id, m.what, m.amount, m.filed_at,
           m.measure, m.product_line, m.grain, m.period_start, m.period_end, m.original_value,
           m.before, m.after, m.share_before, m.share_after,
           m.before / m.original_value / nullif(m.share_before, 0),
           m.after / m.original_value / nullif(m.share_after, 0),
           CASE WHEN m.unit_seen THEN coalesce(own.before, 0) END,
           CASE WHEN m.unit_seen AND m.watched_to > m.filed_at THEN coalesce(own.after, 0) END,
           m.from_unit, f.name,
           CASE WHEN m.from_seen THEN coalesce(other.before, 0) END,
           CASE WHEN m.from_seen AND m.watched_to > m.filed_at THEN coalesce(other.after, 0) END,
           calib.hours_of(tstzrange(m.filed_at, m.watched_to)) / 24,
           CASE WHEN m.unit_seen THEN
               (SELECT count(*) FROM filed o
                WHERE (o.unit_id = m.unit_id OR o.from_unit = m.unit_id) AND (o.kind, o.id) <> (m.kind, m.id)
                  AND o.filed_at > m.filed_at - interval '672 hours' AND o.filed_at < m.filed_at + interval '672 hours') END,
           CASE WHEN NOT m.unit_seen THEN 'not_seen'
                WHEN m.measure IS NULL THEN 'no_target'
                WHEN m.until <= m.opens THEN 'period_not_begun'
                WHEN m.share_before IS NULL THEN 'never_at_work'
                ELSE nullif(concat_ws(', ',
                    CASE WHEN m.filed_at <= m.opens THEN 'filed_before_period' WHEN m.share_before = 0 THEN 'no_share_before' END,
                    CASE WHEN m.filed_at >= m.closes THEN 'filed_after_period' WHEN m.share_after = 0 THEN 'no_share_after' END), '') END
    FROM measured m
    LEFT JOIN calib.unit u ON u.unit_id = m.unit_id AND m.unit_seen
    LEFT JOIN calib.unit f ON f.unit_id = m.from_unit AND m.from_seen
    LEFT JOIN watched own ON own.kind = m.kind AND own.id = m.id AND NOT own.is_from
    LEFT JOIN watched other ON other.kind = m.kind AND other.id = m.id AND other.is_from;
END;
COMMENT ON FUNCTION calib.act_effects() IS 'What the view act_effect shows.';

CREATE VIEW calib.act_effect WITH (security_invoker = true) AS
SELECT e.* FROM calib.act_effects() e;
COMMENT ON VIEW calib.act_effect IS
'What each filed adjustment and resource request was followed by: pace against the original target up to the filing and since, and the rep-weeks of both units in the 28 days before and after.';
COMMENT ON COLUMN calib.act_effect.unit_id IS 'The unit it was filed for.';
COMMENT ON COLUMN calib.act_effect.unit_name IS 'Its name; NULL where the reader sees only the unit it was taken from.';
COMMENT ON COLUMN calib.act_effect.kind IS 'adjustment or request.';
COMMENT ON COLUMN calib.act_effect.id IS 'The adjustment or request.';
COMMENT ON COLUMN calib.act_effect.what IS 'lower or raise for an adjustment; what a request asked for: move_people, promotion_budget ...';
COMMENT ON COLUMN calib.act_effect.amount IS 'Change as a share of the original target (-0.08), or what was granted: people, money, pieces.';
COMMENT ON COLUMN calib.act_effect.filed_at IS 'When it was filed.';
COMMENT ON COLUMN calib.act_effect.measure IS 'What the target counts; NULL: a request of a unit without a target.';
COMMENT ON COLUMN calib.act_effect.product_line IS 'Product line of the target; empty: all.';
COMMENT ON COLUMN calib.act_effect.grain IS 'month, quarter or year.';
COMMENT ON COLUMN calib.act_effect.period_start IS 'First day of the target''s period: the adjusted one''s; of a request, the period it was filed in.';
COMMENT ON COLUMN calib.act_effect.period_end IS 'First day after it.';
COMMENT ON COLUMN calib.act_effect.original_value IS 'The target as published.';
COMMENT ON COLUMN calib.act_effect.actual_before IS 'Results of the period up to the filing.';
COMMENT ON COLUMN calib.act_effect.actual_after IS 'Results of the period since, up to now.';
COMMENT ON COLUMN calib.act_effect.share_before IS 'Share of the period that had passed at the filing.';
COMMENT ON COLUMN calib.act_effect.share_after IS 'Share of the period that has passed since.';
COMMENT ON COLUMN calib.act_effect.pace_before IS 'actual_before / (original_value * share_before); 1 is on time.';
COMMENT ON COLUMN calib.act_effect.pace_after IS 'actual_after / (original_value * share_after).';
COMMENT ON COLUMN calib.act_effect.rep_weeks_before IS 'Rep-weeks per week of the unit in the 28 days before the filing: how many were at work.';
COMMENT ON COLUMN calib.act_effect.rep_weeks_after IS 'The same in the 28 days after it, as far as they have passed.';
COMMENT ON COLUMN calib.act_effect.from_unit IS 'The unit it was taken from; NULL: none.';
COMMENT ON COLUMN calib.act_effect.from_unit_name IS 'Its name; NULL where there is none, or the reader does not see that unit.';
COMMENT ON COLUMN calib.act_effect.from_rep_weeks_before IS 'Rep-weeks per week of that unit in the 28 days before; NULL as its name.';
COMMENT ON COLUMN calib.act_effect.from_rep_weeks_after IS 'The same in the 28 days after.';
COMMENT ON COLUMN calib.act_effect.days_after IS 'How many of the 28 days after the filing have passed.';
COMMENT ON COLUMN calib.act_effect.other_acts IS 'Other acts filed for or from the unit within 28 days: what follows may be theirs.';
COMMENT ON COLUMN calib.act_effect.note IS
'Why a pace is NULL: not_seen, no_target, period_not_begun, filed_before_period, filed_after_period, never_at_work, no_share_before, no_share_after; one for each pace that is NULL for a reason of its own. NULL: both are there.';
