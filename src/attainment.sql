-- Attainment and pace: results against targets.
--
-- These functions run as their owner: they add up everything, whoever asks, and
-- show the units the caller sees.  A sum over visible rows only would be another
-- sum for every viewer.

-- Share of a season's results that falls into the first `elapsed` (0..1) of the
-- working days, along a curve of equal slices.
CREATE FUNCTION calib.season_share(shares numeric[], elapsed numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT sum(s.share * least(greatest(elapsed * cardinality(shares) - (s.n - 1), 0), 1)) / nullif(sum(s.share), 0)
    FROM unnest(shares) WITH ORDINALITY AS s (share, n);
END;
COMMENT ON FUNCTION calib.season_share(numeric[], numeric) IS
'Share of the results expected after a share of the working days (0 to 1), where shares weigh equal slices of them. NULL, or shares that sum to 0, give NULL.';

-- A function and no view, because BI tools read every view and not every type.
CREATE FUNCTION calib.unit_days()
RETURNS TABLE (unit_id bigint, active daterange, absences datemultirange)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT u.unit_id, u.active, range_agg(a.during)
    FROM calib.unit u LEFT JOIN calib.absence a ON a.unit_id = u.unit_id
    GROUP BY u.unit_id;
END;
COMMENT ON FUNCTION calib.unit_days() IS
'Each unit''s active days, and its absences as one set of days (NULL: none).';

-- From one to the next along the index: they are few, and targets many.
CREATE FUNCTION calib.target_keys(of_grain text DEFAULT NULL, starts date[] DEFAULT NULL)
RETURNS TABLE (measure text, product_line text, grain text, period_start date)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE key AS (
        (SELECT t.grain, t.period_start, t.measure, t.product_line FROM calib.target t
         ORDER BY t.grain, t.period_start, t.measure, t.product_line LIMIT 1)
        UNION ALL
        SELECT n.*
        FROM key k
        CROSS JOIN LATERAL (
            SELECT t.grain, t.period_start, t.measure, t.product_line FROM calib.target t
            WHERE (t.grain, t.period_start, t.measure, t.product_line) > (k.grain, k.period_start, k.measure, k.product_line)
            ORDER BY t.grain, t.period_start, t.measure, t.product_line LIMIT 1) n
    )
    SELECT k.measure, k.product_line, k.grain, k.period_start
    FROM key k
    WHERE (of_grain IS NULL OR k.grain = of_grain) AND (starts IS NULL OR k.period_start = ANY (starts));
END $$;
COMMENT ON FUNCTION calib.target_keys(text, date[]) IS
'The measures, product lines and periods there are targets of, of every grain or one, of every period or those that start on some days. Internal.';
REVOKE EXECUTE ON FUNCTION calib.target_keys(text, date[]) FROM PUBLIC;

-- Every target as it stood at a time, and for each unit above that has none of
-- its own the sum of what stands next below it: for all units from below, for some of
-- them from above.
CREATE FUNCTION calib.all_targets_in(as_of timestamptz, of_grain text DEFAULT NULL, starts date[] DEFAULT NULL, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (target_id bigint, unit_id bigint, measure text, product_line text, grain text,
    period_start date, period_end date, original_value numeric, target_value numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    that_day date := calib.day_of(as_of);
BEGIN
    IF of_units IS NULL THEN
        RETURN QUERY
        WITH RECURSIVE own AS MATERIALIZED (
            SELECT t.target_id, t.unit_id, t.measure, t.product_line, t.grain, t.period_start, p.period_end,
                   t.original_value, coalesce(a.new_value, t.original_value) AS target_value,
                   greatest(least(that_day, p.period_end - 1), t.period_start) AS on_day
            FROM calib.target t
            CROSS JOIN LATERAL (SELECT calib.period_end(t.period_start, t.grain) AS period_end) p
            LEFT JOIN (SELECT DISTINCT ON (a.target_id) a.target_id, a.new_value FROM calib.adjustment a
                       WHERE a.status = 'filed' AND a.filed_at <= as_of
                       ORDER BY a.target_id, a.filed_at DESC, a.adjustment_id DESC) a USING (target_id)
            WHERE (of_grain IS NULL OR t.grain = of_grain) AND (starts IS NULL OR t.period_start = ANY (starts))
        ), climb AS (
            SELECT o.unit_id AS at_unit, o.measure, o.product_line, o.grain, o.period_start, o.period_end, o.on_day,
                   o.original_value, o.target_value, true AS is_own
            FROM own o
            UNION ALL
            SELECT h.parent_id, c.measure, c.product_line, c.grain, c.period_start, c.period_end, c.on_day,
                   c.original_value, c.target_value, false
            FROM climb c
            JOIN calib.unit_history h ON h.unit_id = c.at_unit AND h.parent_id IS NOT NULL AND h.valid @> c.on_day
            LEFT JOIN calib.target above ON above.unit_id = h.parent_id AND above.measure = c.measure
             AND above.product_line = c.product_line AND above.grain = c.grain AND above.period_start = c.period_start
            WHERE above.target_id IS NULL
        )
        SELECT o.target_id, o.unit_id, o.measure, o.product_line, o.grain, o.period_start, o.period_end,
               o.original_value, o.target_value
        FROM own o
        UNION ALL
        SELECT NULL, c.at_unit, c.measure, c.product_line, c.grain, c.period_start, c.period_end,
               sum(c.original_value), sum(c.target_value)
        FROM climb c
        WHERE NOT c.is_own
        GROUP BY c.at_unit, c.measure, c.product_line, c.grain, c.period_start, c.period_end;
        RETURN;
    END IF;
    RETURN QUERY
    WITH RECURSIVE key AS MATERIALIZED (
        SELECT k.*, calib.period_end(k.period_start, k.grain) AS period_end,
               greatest(least(that_day, calib.period_end(k.period_start, k.grain) - 1), k.period_start) AS on_day
        FROM calib.target_keys(of_grain, starts) k
    ), asked AS MATERIALIZED (
        SELECT DISTINCT u.unit_id FROM unnest(of_units) AS u (unit_id)
    ), fall AS (
        SELECT a.unit_id AS of_unit, a.unit_id AS at_unit, k.measure, k.product_line, k.grain, k.period_start, k.period_end, k.on_day,
               t.target_id, t.original_value
        FROM asked a
        CROSS JOIN key k
        LEFT JOIN calib.target t ON t.unit_id = a.unit_id AND t.measure = k.measure AND t.product_line = k.product_line
         AND t.grain = k.grain AND t.period_start = k.period_start
        UNION ALL
        SELECT f.of_unit, h.unit_id, f.measure, f.product_line, f.grain, f.period_start, f.period_end, f.on_day,
               t.target_id, t.original_value
        FROM fall f
        JOIN calib.unit_history h ON h.parent_id = f.at_unit AND h.valid @> f.on_day
        LEFT JOIN calib.target t ON t.unit_id = h.unit_id AND t.measure = f.measure AND t.product_line = f.product_line
         AND t.grain = f.grain AND t.period_start = f.period_start
        WHERE f.target_id IS NULL
    ), valued AS (
        SELECT f.*, coalesce((SELECT a.new_value FROM calib.adjustment a
                              WHERE a.target_id = f.target_id AND a.status = 'filed' AND a.filed_at <= as_of
                              ORDER BY a.filed_at DESC, a.adjustment_id DESC LIMIT 1), f.original_value) AS target_value
        FROM fall f
        WHERE f.target_id IS NOT NULL
    )
    SELECT v.target_id, v.of_unit, v.measure, v.product_line, v.grain, v.period_start, v.period_end, v.original_value, v.target_value
    FROM valued v
    WHERE v.at_unit = v.of_unit
    UNION ALL
    SELECT NULL, v.of_unit, v.measure, v.product_line, v.grain, v.period_start, v.period_end, sum(v.original_value), sum(v.target_value)
    FROM valued v
    WHERE v.at_unit <> v.of_unit
    GROUP BY v.of_unit, v.measure, v.product_line, v.grain, v.period_start, v.period_end;
END $$;
COMMENT ON FUNCTION calib.all_targets_in(timestamptz, text, date[], bigint[]) IS
'Targets with their values at a time, of every unit or some, of every grain or one, of every period or those that start on some days. A unit without a target of its own has the sum of the targets next below it (target_id NULL). Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_targets_in(timestamptz, text, date[], bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.all_targets_at(as_of timestamptz)
RETURNS TABLE (target_id bigint, unit_id bigint, measure text, product_line text, grain text,
    period_start date, period_end date, original_value numeric, target_value numeric)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT t.* FROM calib.all_targets_in(as_of) t;
END;
COMMENT ON FUNCTION calib.all_targets_at(timestamptz) IS 'targets_at of every unit; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_targets_at(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.targets_at(as_of timestamptz)
RETURNS TABLE (target_id bigint, unit_id bigint, measure text, product_line text, grain text,
    period_start date, period_end date, original_value numeric, target_value numeric)
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.* FROM calib.all_targets_at(as_of) t
    WHERE t.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.targets_at(timestamptz) IS
'Targets of the units seen with their values at a time. A unit without a target of its own has the sum of the targets next below it (target_id NULL).';

-- Results are the subtree's, each counted under the parents it had on its day.
CREATE FUNCTION calib.results_at(as_of timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, measure text, product_line text, day date, amount numeric)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 100000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH daily AS (
        SELECT r.unit_id, r.measure, r.product_line,
               -- a scalar: a join to the one row, never analyzed, would count as hundreds
               (r.occurred_at AT TIME ZONE (SELECT o.zone FROM calib.organisation o))::date AS day,
               sum(r.amount) AS amount
        FROM calib.result r
        WHERE r.occurred_at <= as_of AND (known_at IS NULL OR r.recorded_at <= known_at)
        GROUP BY 1, 2, 3, 4
    )
    SELECT t.ancestor_id, d.measure, d.product_line, d.day, sum(d.amount)
    FROM daily d JOIN calib.unit_tree t ON t.unit_id = d.unit_id
     AND d.day >= coalesce(t.valid_from, d.day) AND d.day < coalesce(t.valid_to, d.day + 1)
    WHERE t.ancestor_id IN (SELECT calib.units_seen())
    GROUP BY t.ancestor_id, d.measure, d.product_line, d.day;
END;
COMMENT ON FUNCTION calib.results_at(timestamptz, timestamptz) IS
'Results per unit seen (with all below it), measure, product line and day, of what happened up to as_of and, where known_at is given, was recorded by then.';

-- Working days of many units over a period or two: most are at work all of it, and have the
-- days of the calendar; the others are counted along it.
CREATE FUNCTION calib.elapsed_working_days(as_of timestamptz, unit_ids bigint[], starts date[], ends date[])
RETURNS TABLE (unit_id bigint, period_start date, period_end date, days bigint, days_elapsed bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    that_day date := calib.day_of(as_of);
    first_day date := (SELECT min(d) FROM unnest(starts) d);
    last_day date := (SELECT max(d) FROM unnest(ends) d);
BEGIN
    RETURN QUERY
    WITH day AS MATERIALIZED (
        -- working days from the first day up to, not including, each
        SELECT g.day::date AS day,
               coalesce(sum((coalesce(h.working, extract(isodow FROM g.day) < 6))::integer)
                   OVER (ORDER BY g.day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM generate_series(first_day::timestamp, last_day::timestamp, interval '1 day') AS g (day)
        LEFT JOIN calib.holiday h ON h.day = g.day::date
    ), asked AS MATERIALIZED (
        SELECT a.unit_id, a.period_start, a.period_end,
               greatest(least(that_day, a.period_end), a.period_start) AS cut
        FROM unnest(unit_ids, starts, ends) AS a (unit_id, period_start, period_end)
    ), away AS MATERIALIZED (
        SELECT a.unit_id, range_agg(a.during) AS absences
        FROM calib.absence a WHERE a.during && daterange(first_day, last_day)
        GROUP BY a.unit_id
    ), placed AS MATERIALIZED (
        SELECT a.*, u.active, w.absences,
               u.active @> daterange(a.period_start, a.period_end)
                 AND NOT coalesce(w.absences && daterange(a.period_start, a.period_end), false) AS whole
        FROM asked a
        JOIN calib.unit u ON u.unit_id = a.unit_id
        LEFT JOIN away w ON w.unit_id = a.unit_id
    ), stretch AS (
        SELECT p.unit_id, p.period_start, p.period_end, p.period_start AS from_day, p.period_end AS to_day, p.cut
        FROM placed p WHERE p.whole
        UNION ALL
        SELECT p.unit_id, p.period_start, p.period_end, lower(r), upper(r), p.cut
        FROM placed p
        CROSS JOIN LATERAL unnest(calib.days_at_work(p.active, p.absences, daterange(p.period_start, p.period_end))) AS r
        WHERE NOT p.whole
    ), counted AS (
        SELECT s.unit_id, s.period_start, s.period_end, sum(t.before - f.before) AS days, sum(tc.before - fc.before) AS days_elapsed
        FROM stretch s
        JOIN day f ON f.day = s.from_day
        JOIN day t ON t.day = s.to_day
        JOIN day fc ON fc.day = least(s.from_day, s.cut)
        JOIN day tc ON tc.day = least(s.to_day, s.cut)
        GROUP BY s.unit_id, s.period_start, s.period_end
    )
    SELECT c.unit_id, c.period_start, c.period_end, c.days::bigint, c.days_elapsed::bigint FROM counted c
    UNION ALL
    SELECT p.unit_id, p.period_start, p.period_end, 0, 0
    FROM placed p
    WHERE NOT p.whole AND calib.days_at_work(p.active, p.absences, daterange(p.period_start, p.period_end)) = '{}'::datemultirange;
END $$;
COMMENT ON FUNCTION calib.elapsed_working_days(timestamptz, bigint[], date[], date[]) IS
'Working days of units in periods (three arrays, side by side), and how many of them have passed by the day of as_of. Internal.';
REVOKE EXECUTE ON FUNCTION calib.elapsed_working_days(timestamptz, bigint[], date[], date[]) FROM PUBLIC;

-- Joined on one number each: of several columns the planner thinks that hardly a row is
-- left, and walks through tens of thousands of targets for each of them.
CREATE FUNCTION calib.all_attainment_in(as_of timestamptz, known_at timestamptz DEFAULT NULL, of_grain text DEFAULT NULL,
    starts date[] DEFAULT NULL, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (target_id bigint, unit_id bigint, measure text, product_line text, grain text,
    period_start date, period_end date, original_value numeric, target_value numeric, actual numeric,
    attainment numeric, attainment_original numeric, elapsed_share numeric, pace numeric, pace_basis text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    that_day date := calib.day_of(as_of);
BEGIN
    IF that_day IS NULL OR of_units = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH target AS MATERIALIZED (
        SELECT t.*, dense_rank() OVER (ORDER BY t.unit_id, t.period_start, t.period_end) AS span,
               row_number() OVER () AS place
        FROM calib.all_targets_in(as_of, of_grain, starts, of_units) t
    ), span AS MATERIALIZED (
        SELECT DISTINCT t.span, t.unit_id, t.period_start, t.period_end FROM target t
    ), result AS MATERIALIZED (
        SELECT r.* FROM calib.all_results_by_month(
            (SELECT date_trunc('month', min(s.period_start)::timestamp)::date FROM span s),
            least((SELECT max(s.period_end) FROM span s), (date_trunc('month', that_day::timestamp) + interval '1 month')::date),
            as_of, known_at, of_units) r
    ), actual AS MATERIALIZED (
        SELECT t.place, sum(r.amount) AS actual
        FROM target t
        JOIN result r ON r.unit_id = t.unit_id
        WHERE (r.measure = t.measure AND r.month >= t.period_start AND r.month < t.period_end
               AND (t.product_line = '' OR r.product_line = t.product_line)) IS TRUE
        GROUP BY t.place
    ), working AS MATERIALIZED (
        SELECT s.span, w.days_elapsed::numeric / nullif(w.days, 0) AS elapsed
        FROM calib.elapsed_working_days(as_of, ARRAY(SELECT s.unit_id FROM span s ORDER BY s.span),
            ARRAY(SELECT s.period_start FROM span s ORDER BY s.span), ARRAY(SELECT s.period_end FROM span s ORDER BY s.span)) w
        JOIN span s ON s.unit_id = w.unit_id
        WHERE (s.period_start = w.period_start AND s.period_end = w.period_end) IS TRUE
    ), nearest AS MATERIALIZED (
        SELECT DISTINCT ON (t.place) t.place, s.shares
        FROM calib.season s
        LEFT JOIN calib.unit_closure c ON c.ancestor_id = s.unit_id AND c.valid_from <= that_day AND c.valid_to > that_day
        JOIN target t ON t.measure = s.measure
        WHERE (t.product_line = s.product_line AND t.grain = s.grain AND (s.unit_id IS NULL OR c.unit_id = t.unit_id)) IS TRUE
        ORDER BY t.place, c.depth NULLS LAST
    ), read AS (
        SELECT t.*, n.shares, coalesce(a.actual, 0) AS actual,
               CASE WHEN n.shares IS NULL THEN w.elapsed ELSE calib.season_share(n.shares, w.elapsed) END AS share
        FROM target t
        JOIN working w ON w.span = t.span
        LEFT JOIN actual a ON a.place = t.place
        LEFT JOIN nearest n ON n.place = t.place
    )
    SELECT r.target_id, r.unit_id, r.measure, r.product_line, r.grain, r.period_start, r.period_end,
           r.original_value, r.target_value, r.actual,
           r.actual / r.target_value, r.actual / r.original_value, r.share,
           r.actual / r.target_value / nullif(r.share, 0),
           CASE WHEN r.shares IS NULL THEN 'working_days' ELSE 'season' END
    FROM read r;
END $$;
COMMENT ON FUNCTION calib.all_attainment_in(timestamptz, timestamptz, text, date[], bigint[]) IS
'attainment_at of every unit or some, of every grain or one, of every period or those that start on some days: read is what that takes. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_attainment_in(timestamptz, timestamptz, text, date[], bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.attainment_at(as_of timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (target_id bigint, unit_id bigint, measure text, product_line text, grain text,
    period_start date, period_end date, original_value numeric, target_value numeric, actual numeric,
    attainment numeric, attainment_original numeric, elapsed_share numeric, pace numeric, pace_basis text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    seen bigint[] := calib.units_seen_or_all();
BEGIN
    -- of thousands it is less to read all of them
    RETURN QUERY
    SELECT a.* FROM calib.all_attainment_in($1, $2, NULL, NULL, CASE WHEN cardinality(seen) <= 1000 THEN seen END) a
    WHERE seen IS NULL OR a.unit_id IN (SELECT unnest(seen));
END $$;
COMMENT ON FUNCTION calib.attainment_at(timestamptz, timestamptz) IS
'Attainment (never clamped, 0 without results), attainment of the original value, and pace of every target of the units seen, as of a time. pace = attainment / elapsed share, NULL before the first working day has passed.';

-- Level and region come from units above, whose rows the caller may not see.
CREATE FUNCTION calib.unit_labels()
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, level bigint, is_leaf boolean, region text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    SELECT u.unit_id, u.name, u.kind, u.parent_id, max(a.depth)::bigint + 1,
           NOT EXISTS (SELECT FROM calib.unit child WHERE child.parent_id = u.unit_id),
           (array_agg(above.name ORDER BY a.depth) FILTER (WHERE above.kind = 'region'))[1]
    FROM calib.unit u
    JOIN calib.unit_ancestors() a ON a.unit_id = u.unit_id
    JOIN calib.unit above ON above.unit_id = a.ancestor_id
    WHERE u.unit_id IN (SELECT calib.units_seen())
    GROUP BY u.unit_id;
END;
COMMENT ON FUNCTION calib.unit_labels() IS 'What the view unit_label shows.';

CREATE VIEW calib.unit_label WITH (security_invoker = true) AS
SELECT l.* FROM calib.unit_labels() l;
COMMENT ON VIEW calib.unit_label IS 'What a report shows of a unit: name, kind, level in the tree (1: the top), its region.';
COMMENT ON COLUMN calib.unit_label.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.unit_label.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.unit_label.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.unit_label.parent_id IS 'The unit above.';
COMMENT ON COLUMN calib.unit_label.level IS 'Level in the tree; 1 is the top.';
COMMENT ON COLUMN calib.unit_label.is_leaf IS 'Whether nothing stands below it.';
COMMENT ON COLUMN calib.unit_label.region IS 'Name of the region it is or stands in.';

CREATE VIEW calib.attainment WITH (security_invoker = true) AS
SELECT a.unit_id, u.unit_name, u.unit_kind, u.parent_id, u.level, u.is_leaf, u.region,
       a.measure, a.product_line, a.grain, a.period_start, a.period_end,
       a.original_value, a.target_value, a.actual, a.attainment, a.attainment_original,
       a.elapsed_share, a.pace, a.pace_basis
FROM calib.attainment_at(calib.clock()) a JOIN calib.unit_label u USING (unit_id);
COMMENT ON VIEW calib.attainment IS
'Attainment and pace of every target today. A unit without a target of its own shows the sum of those next below it.';
COMMENT ON COLUMN calib.attainment.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.attainment.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.attainment.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.attainment.parent_id IS 'The unit above.';
COMMENT ON COLUMN calib.attainment.level IS 'Level in the tree; 1 is the top.';
COMMENT ON COLUMN calib.attainment.is_leaf IS 'Whether nothing stands below it.';
COMMENT ON COLUMN calib.attainment.region IS 'Name of the region it is or stands in.';
COMMENT ON COLUMN calib.attainment.measure IS 'What is counted.';
COMMENT ON COLUMN calib.attainment.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.attainment.grain IS 'month, quarter or year.';
COMMENT ON COLUMN calib.attainment.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.attainment.period_end IS 'First day after the period.';
COMMENT ON COLUMN calib.attainment.original_value IS 'The target as published.';
COMMENT ON COLUMN calib.attainment.target_value IS 'The target as it stands.';
COMMENT ON COLUMN calib.attainment.actual IS 'Results to date of the unit and all below it.';
COMMENT ON COLUMN calib.attainment.attainment IS 'actual / target_value; 1.3 is 130 %.';
COMMENT ON COLUMN calib.attainment.attainment_original IS 'actual / original_value: lowering a target does not move it.';
COMMENT ON COLUMN calib.attainment.elapsed_share IS 'Share of the unit''s working days that has passed, or of the season''s results expected by now.';
COMMENT ON COLUMN calib.attainment.pace IS 'attainment / elapsed_share; NULL before the first working day has passed.';
COMMENT ON COLUMN calib.attainment.pace_basis IS 'working_days or season.';

-- Children of a closed period may stand elsewhere today, unseen by who asks.
CREATE FUNCTION calib.target_gaps()
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, measure text, product_line text, grain text,
    period_start date, target_value numeric, children bigint, children_value numeric, gap numeric)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH below AS (
        SELECT h.parent_id AS unit_id, t.measure, t.product_line, t.grain, t.period_start,
               count(*) AS children, sum(t.target_value) AS children_value
        FROM calib.all_targets_at(calib.clock()) t
        JOIN calib.unit_history h ON h.unit_id = t.unit_id AND h.parent_id IS NOT NULL
         AND h.valid @> greatest(least(calib.today(), t.period_end - 1), t.period_start)
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT t.unit_id, u.unit_name, u.unit_kind, t.measure, t.product_line, t.grain, t.period_start,
           t.value, b.children, b.children_value, b.children_value - t.value
    FROM calib.target t
    JOIN calib.unit_labels() u USING (unit_id)
    JOIN below b USING (unit_id, measure, product_line, grain, period_start);
END;
COMMENT ON FUNCTION calib.target_gaps() IS 'What the view target_gap shows.';

CREATE VIEW calib.target_gap WITH (security_invoker = true) AS
SELECT g.* FROM calib.target_gaps() g;
COMMENT ON VIEW calib.target_gap IS
'A unit''s own target against the sum of those next below it: gap is what the children carry more (or, negative, less).';
COMMENT ON COLUMN calib.target_gap.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.target_gap.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.target_gap.unit_kind IS 'company, region or team.';
COMMENT ON COLUMN calib.target_gap.measure IS 'What is counted.';
COMMENT ON COLUMN calib.target_gap.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.target_gap.grain IS 'month, quarter or year.';
COMMENT ON COLUMN calib.target_gap.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.target_gap.target_value IS 'Its own target as it stands.';
COMMENT ON COLUMN calib.target_gap.children IS 'Units next below it that carry a target.';
COMMENT ON COLUMN calib.target_gap.children_value IS 'What they carry together.';
COMMENT ON COLUMN calib.target_gap.gap IS 'children_value - target_value.';

CREATE FUNCTION calib.build_season(unit_id bigint, measure text, grain text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    slices constant integer := 20;
    first_day date;
    last_day date;
    curve numeric[];
    built bigint;
BEGIN
    IF $2 IS NULL OR $3 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'measure and grain must not be null';
    END IF;
    PERFORM calib.require_duty('{admin}', $1, 'build a season');
    SELECT calib.period_start((calib.today() - interval '1 year')::date, $3, o.fiscal_start_month)
    INTO first_day FROM calib.organisation o;
    last_day := calib.period_end(first_day, $3);
    -- The n-th working day of the period belongs to slice floor(n * slices / days).
    WITH day AS (
        SELECT d::date AS day,
               least(calib.working_days(first_day, d::date) * slices / nullif(calib.working_days(first_day, last_day), 0), slices - 1) AS slice
        FROM generate_series(first_day, last_day - 1, interval '1 day') AS d
    ), counted AS (
        SELECT d.slice, sum(r.amount) AS amount
        FROM day d JOIN calib.results_at(calib.clock()) r ON r.day = d.day AND r.measure = $2
        WHERE CASE WHEN $1 IS NULL
              THEN r.unit_id IN (SELECT u.unit_id FROM calib.unit u WHERE u.parent_id IS NULL)
              ELSE r.unit_id = $1 END
        GROUP BY d.slice
    )
    SELECT array_agg(greatest(coalesce(c.amount, 0), 0) ORDER BY n) INTO curve
    FROM generate_series(0, slices - 1) AS n LEFT JOIN counted c ON c.slice = n;
    IF 0 >= ALL (curve) THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = 'there are no results to build a season from',
            DETAIL = format('Measure %s, %s to %s.', $2, first_day, last_day - 1),
            HINT = 'Load last year''s results, or enter a row in calib.season by hand.';
    END IF;
    INSERT INTO calib.season AS s (unit_id, measure, product_line, grain, shares)
    VALUES ($1, $2, '', $3, curve)
    ON CONFLICT ON CONSTRAINT season_unit_id_measure_product_line_grain_key
    DO UPDATE SET shares = excluded.shares
    RETURNING s.season_id INTO built;
    RETURN built;
END $$;
COMMENT ON FUNCTION calib.build_season(bigint, text, text) IS
'Builds the season curve of a unit (NULL: everyone), measure and grain from last year''s same period, in 20 slices of working days; returns its season_id. For admins over the unit (42501). Without results 22023.';
