-- The figures a diagnosis stands on: behavior, rep-weeks, conversion per unit.
-- Everything counts for a unit and all that stood below it on its day.
--
-- What is summed up is never cut to the rows the caller may see: a figure of
-- visible rows only would be another figure for every viewer.  So the all_...
-- functions read everything and are nobody's but the extension's, and those
-- without it run as their owner and show the units the caller sees.

CREATE FUNCTION calib.all_events_in(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, customer_id bigint, kind text, day date, weight numeric, weight_on_time numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
    SELECT a.* FROM calib.acts_of(from_at, to_at, known_at, NULL, of_units) a
    WHERE a.weight IS NOT NULL;
END;
COMMENT ON FUNCTION calib.all_events_in(timestamptz, timestamptz, timestamptz, bigint[]) IS
'Activities in [from_at, to_at) against padding, one event per unit, customer, day, kind and product line (and one for all: empty), with its weight and what of it was recorded on time (NULL: all of it late, by the policy of its day); of_units: of these alone; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_events_in(timestamptz, timestamptz, timestamptz, bigint[]) FROM PUBLIC;

-- The sums of each unit's own activities, without looking at an act where all of what is
-- stored is used; day: any of them for a unit that stood still, else of each. Of a day
-- that is marked what is stored is taken away again, and its activities are read: what
-- happens today costs a few rows a rep, not the rest of the week and the month. So
-- several rows may be of one unit, line and day, and some of them negative.
CREATE FUNCTION calib.own_behavior_in(from_at timestamptz, to_at timestamptz, known_at timestamptz, of_units bigint[], lines text[],
    carried_to bigint[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, carried boolean, product_line text, day date, weighted numeric, weighted_on_time numeric, events bigint, late_events bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = on
SET work_mem = '64MB'
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    first date := calib.day_of($1);
    last date := calib.day_of($2 - interval '1 microsecond');
    -- no part that reaches into a month begins before it
    first_month date := CASE WHEN extract(day FROM first) = 1 THEN '-infinity'
                             ELSE (date_trunc('month', first::timestamp) + interval '1 month')::date END;
    movers bigint[] := ARRAY(SELECT calib.units_moved(first, last));
    by_part bigint[];
    marked_units bigint[];
    marked_days date[];
    raw record;
BEGIN
    SELECT array_agg(m.unit_id), array_agg(m.day) INTO marked_units, marked_days FROM calib.marked_days($1, $2, $4) m;
    by_part := ARRAY(SELECT m.unit_id FROM calib.month_in($1, $2, $3, first, last) m
                     WHERE NOT m.usable AND m.product_line = '' AND ($4 IS NULL OR m.unit_id = ANY ($4))
                     UNION SELECT unnest(movers));
    raw := calib.raw_spans($1, $2, $3, $4, true, first_month, by_part, true);
    -- months, and parts of what is not read by month, of units that stood still: most of
    -- all rows, so that for few units above they are not added up twice
    RETURN QUERY
    WITH stored AS NOT MATERIALIZED (
        SELECT m.unit_id, m.product_line, m.weighted, m.weighted_on_time, m.events, m.late_events
        FROM calib.month_in($1, $2, $3, first, last) m
        WHERE m.usable AND m.events > 0 AND m.unit_id <> ALL (by_part) AND ($5 IS NULL OR m.product_line = ANY ($5))
          AND ($4 IS NULL OR m.unit_id = ANY ($4))
        UNION ALL
        SELECT p.unit_id, p.product_line, p.weighted, p.weighted_on_time, p.events, p.late_events
        FROM calib.parts_beside($1, $2, $3, first_month, by_part, true) p
        WHERE p.events_usable AND NOT p.cut AND p.events > 0 AND p.unit_id <> ALL (movers) AND ($5 IS NULL OR p.product_line = ANY ($5))
          AND ($4 IS NULL OR p.unit_id = ANY ($4))
    )
    SELECT s.unit_id, false, s.product_line, last, sum(s.weighted), sum(s.weighted_on_time), sum(s.events), sum(s.late_events)
    FROM stored s
    WHERE $6 IS NULL
    GROUP BY s.unit_id, s.product_line
    UNION ALL
    SELECT t.ancestor_id, true, s.product_line, last, sum(s.weighted), sum(s.weighted_on_time), sum(s.events), sum(s.late_events)
    FROM stored s
    JOIN calib.unit_closure t ON t.unit_id = s.unit_id AND last >= t.valid_from AND last < t.valid_to
    WHERE $6 IS NOT NULL AND t.ancestor_id = ANY ($6)
    GROUP BY t.ancestor_id, s.product_line;
    IF marked_units IS NOT NULL THEN
        RETURN QUERY
        WITH marked AS MATERIALIZED (
            SELECT m.unit_id, m.day, m.day AS from_day FROM unnest(marked_units, marked_days) AS m (unit_id, day)
            UNION
            SELECT m.unit_id, m.day, calib.part_from(m.day) FROM unnest(marked_units, marked_days) AS m (unit_id, day)
        ), part AS MATERIALIZED (
            SELECT s.unit_id, s.product_line, s.from_day, m.day, s.to_day = s.from_day + 1 AS whole,
                   s.weighted, s.weighted_on_time, s.events, s.late_events
            FROM marked m
            -- fenced off, so that each is looked for along the key, and not among all there are
            CROSS JOIN LATERAL (
                SELECT s.* FROM calib.summary_in($1, $2, $3, true) s
                WHERE s.unit_id = m.unit_id AND s.from_day = m.from_day AND s.to_day > m.day
                  AND s.events_usable AND s.events > 0 AND ($5 IS NULL OR s.product_line = ANY ($5))
                OFFSET 0) s
            WHERE s.unit_id <> ALL (movers)
        ), act AS MATERIALIZED (
            SELECT p.unit_id, p.product_line, a.day, a.kind, a.late_events
            FROM part p
            JOIN calib.activity_act s ON s.unit_id = p.unit_id AND s.from_day = p.from_day AND s.product_line = p.product_line
            CROSS JOIN LATERAL calib.acts(s.acts) a
            WHERE NOT p.whole AND a.day = p.day
        )
        SELECT p.unit_id, false, p.product_line, last, - sum(p.weighted), - sum(p.weighted_on_time), - sum(p.events), - sum(p.late_events)
        FROM part p
        WHERE p.whole
        GROUP BY p.unit_id, p.product_line
        UNION ALL
        SELECT a.unit_id, false, a.product_line, last, - sum(w.weight), - coalesce(sum(w.weight_on_time) FILTER (WHERE a.late_events = 0), 0),
               - count(w.weight), - count(w.weight) FILTER (WHERE a.late_events > 0 OR w.weight_on_time IS NULL)
        FROM act a
        JOIN calib.label_weights(ARRAY(SELECT DISTINCT a.kind FROM act a)) w
          ON w.label = a.kind AND a.day >= w.from_day AND a.day < w.to_day
        GROUP BY a.unit_id, a.product_line;
    END IF;
    -- those that moved, and parts cut by the window: day by day
    IF movers <> '{}' OR first < calib.dropped_before() THEN
        RETURN QUERY
        WITH part AS MATERIALIZED (
            SELECT a.unit_id, a.product_line, a.acts, s.cut
            FROM calib.summary_in($1, $2, $3, true) s
            JOIN calib.activity_act a ON a.unit_id = s.unit_id AND a.from_day = s.from_day AND a.product_line = s.product_line
            WHERE s.events_usable AND a.acts IS NOT NULL AND ($4 IS NULL OR s.unit_id = ANY ($4))
              AND (s.cut OR s.unit_id = ANY (movers)) AND ($5 IS NULL OR s.product_line = ANY ($5))
        )
        SELECT p.unit_id, false, p.product_line, a.day, sum(w.weight), coalesce(sum(w.weight_on_time) FILTER (WHERE a.late_events = 0), 0),
               count(w.weight), count(w.weight) FILTER (WHERE a.late_events > 0 OR w.weight_on_time IS NULL)
        FROM part p
        CROSS JOIN LATERAL calib.acts(p.acts) a
        JOIN calib.label_weights(ARRAY(SELECT DISTINCT k.kind FROM part p CROSS JOIN LATERAL calib.kind_counts(p.acts) k)) w
          ON w.label = a.kind AND a.day >= w.from_day AND a.day < w.to_day
        WHERE (NOT p.cut OR (a.day >= first AND a.day <= last))
          AND (p.unit_id, a.day) NOT IN (SELECT * FROM unnest(marked_units, marked_days))
        GROUP BY p.unit_id, p.product_line, a.day;
    END IF;
    IF raw.unit_ids IS NOT NULL THEN
        RETURN QUERY
        SELECT a.unit_id, false, a.product_line, a.day, sum(a.weight), coalesce(sum(a.weight_on_time), 0),
               count(a.weight), count(a.weight) - count(a.weight_on_time)
        FROM calib.raw_acts(raw.unit_ids, raw.from_ats, raw.to_ats, $3) a
        WHERE $5 IS NULL OR a.product_line = ANY ($5)
        GROUP BY a.unit_id, a.product_line, a.day
        HAVING count(a.weight) > 0;
    END IF;
END $$;
COMMENT ON FUNCTION calib.own_behavior_in(timestamptz, timestamptz, timestamptz, bigint[], text[], bigint[]) IS
'Weighted activity of each unit itself in [from_at, to_at), per product line and day of the tree, to be added up; of_units, lines: of these alone. With carried_to, what can be is already added up to those units above (carried). Internal.';
REVOKE EXECUTE ON FUNCTION calib.own_behavior_in(timestamptz, timestamptz, timestamptz, bigint[], text[], bigint[]) FROM PUBLIC;

-- Those acts, united as they are stored; where the window or a move cuts what is stored,
-- and of what is read raw, put together anew.
CREATE FUNCTION calib.own_focus_in(from_at timestamptz, to_at timestamptz, known_at timestamptz, of_units bigint[])
RETURNS TABLE (unit_id bigint, product_line text, day date, acts calib.behavior)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = on
SET work_mem = '64MB'
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    raw record := calib.raw_spans($1, $2, $3, $4, true);
    first date := calib.day_of($1);
    last date := calib.day_of($2 - interval '1 microsecond');
    movers bigint[] := ARRAY(SELECT calib.units_moved(first, last));
BEGIN
    RETURN QUERY
    SELECT s.unit_id, s.product_line, last, calib.rollup_any_kind(a.acts)
    FROM calib.summary_in($1, $2, $3) s
    JOIN calib.activity_act a ON a.unit_id = s.unit_id AND a.from_day = s.from_day AND a.product_line = s.product_line
    WHERE s.events_usable AND NOT s.cut AND s.events > 0 AND ($4 IS NULL OR s.unit_id = ANY ($4)) AND s.unit_id <> ALL (movers)
    GROUP BY s.unit_id, s.product_line;
    IF movers <> '{}' OR first < calib.dropped_before() THEN
        RETURN QUERY
        SELECT s.unit_id, s.product_line, e.day, calib.behavior(calib.noon_of(e.day), e.customer_id, '', NULL, 'UTC')
        FROM calib.summary_in($1, $2, $3) s
        JOIN calib.activity_act a ON a.unit_id = s.unit_id AND a.from_day = s.from_day AND a.product_line = s.product_line
        CROSS JOIN LATERAL calib.acts(a.acts) e
        WHERE s.events_usable AND a.acts IS NOT NULL AND ($4 IS NULL OR s.unit_id = ANY ($4))
          AND (s.cut OR s.unit_id = ANY (movers)) AND (NOT s.cut OR (e.day >= first AND e.day <= last))
        GROUP BY s.unit_id, s.product_line, e.day;
    END IF;
    IF raw.unit_ids IS NOT NULL THEN
        RETURN QUERY
        SELECT a.unit_id, a.product_line, a.day, calib.behavior(calib.noon_of(a.day), a.customer_id, '', NULL, 'UTC')
        FROM calib.raw_acts(raw.unit_ids, raw.from_ats, raw.to_ats, $3) a
        WHERE a.weight IS NOT NULL
        GROUP BY a.unit_id, a.product_line, a.day;
    END IF;
END $$;
COMMENT ON FUNCTION calib.own_focus_in(timestamptz, timestamptz, timestamptz, bigint[]) IS
'The acts of each unit itself that own_behavior_in sums up, one event each; several rows may be of one unit, line and day. Internal.';
REVOKE EXECUTE ON FUNCTION calib.own_focus_in(timestamptz, timestamptz, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.all_behavior_in(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL,
    with_focus boolean DEFAULT true, of_units bigint[] DEFAULT NULL, lines text[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, weighted numeric, weighted_on_time numeric,
    events bigint, late_events bigint, existing_events bigint, concentration float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET work_mem = '64MB'
-- of a few days that are read raw, along an index, whatever the caller's plan needs
SET enable_nestloop = on
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    below bigint[] := CASE WHEN $5 IS NOT NULL THEN ARRAY(SELECT DISTINCT c.unit_id FROM calib.unit_closure c WHERE c.ancestor_id = ANY ($5)) END;
BEGIN
    -- of most it is less to read all than to look for each: the planner alone would take a
    -- tenth of a second for a list of twenty thousand
    IF cardinality(below) > (SELECT count(*) / 2 FROM calib.unit) THEN
        below := NULL;
    END IF;
    IF NOT $4 THEN
        RETURN QUERY
        WITH own AS MATERIALIZED (
            SELECT f.* FROM calib.own_behavior_in($1, $2, $3, below, $6, CASE WHEN cardinality($5) <= 1000 THEN $5 END) f
        ), placed AS (
            SELECT o.* FROM own o WHERE o.carried
            UNION ALL
            SELECT t.ancestor_id, true, o.product_line, o.day, o.weighted, o.weighted_on_time, o.events, o.late_events
            FROM own o
            JOIN calib.unit_closure t ON t.unit_id = o.unit_id AND o.day >= t.valid_from AND o.day < t.valid_to
            WHERE NOT o.carried AND ($5 IS NULL OR t.ancestor_id = ANY ($5))
        )
        SELECT p.unit_id, p.product_line, sum(p.weighted), sum(p.weighted_on_time), sum(p.events)::bigint, sum(p.late_events)::bigint,
               NULL::bigint, NULL::float8
        FROM placed p
        GROUP BY p.unit_id, p.product_line
        HAVING sum(p.events) > 0;
        RETURN;
    END IF;
    RETURN QUERY
    WITH own AS MATERIALIZED (
        SELECT f.unit_id, f.product_line, f.day, calib.rollup_any_kind(f.acts) AS acts
        FROM calib.own_focus_in($1, $2, $3, below) f
        WHERE $6 IS NULL OR f.product_line = ANY ($6)
        GROUP BY f.unit_id, f.product_line, f.day
    ), existing AS MATERIALIZED (
        SELECT o.unit_id, o.product_line, o.day, sum(k.events) AS events
        FROM own o
        CROSS JOIN LATERAL calib.customer_counts(o.acts) k
        JOIN calib.customer c ON c.customer_id = k.customer_id AND c.created_at < $1
        GROUP BY o.unit_id, o.product_line, o.day
    ), focus AS MATERIALIZED (
        -- each act is one event, so events are what is summed: two reps with one
        -- customer on one day are two acts
        SELECT t.ancestor_id, o.product_line, calib.concentration(calib.rollup_any_kind(o.acts)) AS concentration, sum(e.events)::bigint AS existing_events
        FROM own o
        JOIN calib.unit_closure t ON t.unit_id = o.unit_id AND o.day >= t.valid_from AND o.day < t.valid_to
        LEFT JOIN existing e ON e.unit_id = o.unit_id AND e.product_line = o.product_line AND e.day = o.day
        WHERE $5 IS NULL OR t.ancestor_id = ANY ($5)
        GROUP BY t.ancestor_id, o.product_line
    )
    SELECT b.unit_id, b.product_line, b.weighted, b.weighted_on_time, b.events, b.late_events, coalesce(f.existing_events, 0), f.concentration
    FROM calib.all_behavior_in($1, $2, $3, false, $5, $6) b
    LEFT JOIN focus f ON f.ancestor_id = b.unit_id AND f.product_line = b.product_line;
END $$;
COMMENT ON FUNCTION calib.all_behavior_in(timestamptz, timestamptz, timestamptz, boolean, bigint[], text[]) IS
'behavior_in of every unit, or of_units alone, and of every product line, or of lines (empty: all) alone; with_focus false leaves existing_events and concentration NULL and reads no single act; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_behavior_in(timestamptz, timestamptz, timestamptz, boolean, bigint[], text[]) FROM PUBLIC;

CREATE FUNCTION calib.behavior_in(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, weighted numeric, weighted_on_time numeric,
    events bigint, late_events bigint, existing_events bigint, concentration float8)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT b.* FROM calib.all_behavior_in(from_at, to_at, known_at) b
    WHERE b.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.behavior_in(timestamptz, timestamptz, timestamptz) IS
'Weighted activity per unit seen and product line (empty: all) in [from_at, to_at), against padding: one event per customer, day and kind of each rep. Shows how many were recorded late, and how many went to customers entered before from_at.';

CREATE FUNCTION calib.hours_of(during tstzrange) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN isempty(during) THEN 0 ELSE (extract(epoch FROM upper(during)) - extract(epoch FROM lower(during))) / 3600 END;
END;
COMMENT ON FUNCTION calib.hours_of(tstzrange) IS
'Length of a stretch of time in hours. NULL, or without an end: NULL.';

CREATE FUNCTION calib.all_rep_stretches()
RETURNS TABLE (unit_id bigint, at_work tstzrange)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT t.ancestor_id, tstzrange(calib.start_of(lower(days)), calib.start_of(upper(days)))
    FROM calib.unit u
    JOIN calib.unit_days() d USING (unit_id)
    JOIN calib.unit_tree t USING (unit_id)
    CROSS JOIN LATERAL unnest(calib.days_at_work(d.active, d.absences, daterange(t.valid_from, t.valid_to))) AS days
    WHERE u.kind = 'rep';
END;
COMMENT ON FUNCTION calib.all_rep_stretches() IS
'Of each unit, one row per rep below it (or itself) and stretch of time in which that rep stood there and was at work; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_rep_stretches() FROM PUBLIC;

-- Most reps are at work, and below the same units, all the time: they are counted, and
-- only the others looked at day by day.
CREATE FUNCTION calib.all_rep_weeks_in(from_at timestamptz, to_at timestamptz, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, rep_weeks numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    first_day date := calib.day_of(from_at);
    last_day date := calib.day_of(to_at);
    during tstzrange;
    days daterange;
    seconds numeric := extract(epoch FROM to_at) - extract(epoch FROM from_at);
BEGIN
    IF NOT coalesce(from_at < to_at, false) OR of_units = '{}' THEN
        RETURN;
    END IF;
    during := tstzrange(from_at, to_at);
    days := daterange(first_day, last_day, '[]');
    RETURN QUERY
    WITH away AS MATERIALIZED (
        SELECT a.unit_id, range_agg(a.during) AS absences
        FROM calib.absence a
        WHERE a.during && days
        GROUP BY a.unit_id
    ), rep AS MATERIALIZED (
        SELECT u.unit_id, u.active, w.absences, w.absences IS NULL AND u.active @> days AS whole
        FROM calib.unit u LEFT JOIN away w ON w.unit_id = u.unit_id
        WHERE u.kind = 'rep' AND u.active && days
    ), line AS (
        SELECT c.unit_id, c.ancestor_id, c.valid_from, c.valid_to FROM calib.unit_closure c WHERE of_units IS NULL
        UNION ALL
        SELECT c.unit_id, c.ancestor_id, c.valid_from, c.valid_to FROM calib.unit_closure c WHERE c.ancestor_id = ANY (of_units)
    ), place AS (
        SELECT l.ancestor_id, l.valid_from, l.valid_to, r.active, r.absences,
               r.whole AND l.valid_from <= first_day AND l.valid_to > last_day AS whole
        FROM rep r
        JOIN line l ON l.unit_id = r.unit_id
        WHERE l.valid_from <= last_day AND l.valid_to > first_day
    ), part AS (
        SELECT p.ancestor_id, count(*) * seconds AS seconds
        FROM place p WHERE p.whole
        GROUP BY p.ancestor_id
        UNION ALL
        SELECT p.ancestor_id, extract(epoch FROM upper(w.at_work)) - extract(epoch FROM lower(w.at_work))
        FROM place p
        CROSS JOIN LATERAL unnest(calib.days_at_work(p.active, p.absences,
            daterange(nullif(p.valid_from, '-infinity'), nullif(p.valid_to, 'infinity')))) AS stretch
        CROSS JOIN LATERAL (
            SELECT tstzrange(calib.start_of(lower(stretch)), calib.start_of(upper(stretch))) * during AS at_work) w
        WHERE NOT p.whole AND NOT isempty(w.at_work)
    )
    SELECT p.ancestor_id, sum(p.seconds) / (7 * 86400) FROM part p GROUP BY p.ancestor_id;
END $$;
COMMENT ON FUNCTION calib.all_rep_weeks_in(timestamptz, timestamptz, bigint[]) IS
'rep_weeks_in of every unit, or of some; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_rep_weeks_in(timestamptz, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.rep_weeks_in(from_at timestamptz, to_at timestamptz)
RETURNS TABLE (unit_id bigint, rep_weeks numeric)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.* FROM calib.all_rep_weeks_in(from_at, to_at) r
    WHERE r.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.rep_weeks_in(timestamptz, timestamptz) IS
'Working time of the reps of each unit seen in [from_at, to_at), in weeks of 7 days: days before joining, after leaving or on leave are out.';

-- By single days, not by working_days() of each week: that would be a call per rep
-- and week.
CREATE FUNCTION calib.rep_weeks_worked(from_week date, to_week date)
RETURNS TABLE (unit_id bigint, week date, working_days integer)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10000
SET jit = off
BEGIN ATOMIC
    WITH day AS MATERIALIZED (
        SELECT g.day::date AS day, calib.period_start(g.day::date, 'week') AS week,
               coalesce(h.working, extract(isodow FROM g.day) < 6) AS working
        FROM generate_series(
            calib.period_start(from_week + 6, 'week')::timestamp,
            (calib.period_start(to_week - 1, 'week') + 6)::timestamp,
            interval '1 day') AS g (day)
        LEFT JOIN calib.holiday h ON h.day = g.day::date
    )
    SELECT u.unit_id, d.week,
           count(*) FILTER (WHERE d.working AND n.active @> d.day AND NOT coalesce(n.absences @> d.day, false))::integer
    FROM calib.unit u
    JOIN calib.unit_days() n USING (unit_id)
    CROSS JOIN day d
    WHERE u.kind = 'rep'
    GROUP BY u.unit_id, d.week;
END;
COMMENT ON FUNCTION calib.rep_weeks_worked(date, date) IS
'Each rep''s own working days in each ISO week that begins in [from_week, to_week): the calendar''s, within its active days and outside of its absences; 0 where it had none. NULL gives no rows; an infinite day is 22023. Internal: of every rep.';
REVOKE EXECUTE ON FUNCTION calib.rep_weeks_worked(date, date) FROM PUBLIC;

-- Opportunities have no time of record: one closed after known_at was open then.
-- Whether anything was done for one is asked of those alone that were open all the time.
CREATE FUNCTION calib.all_conversion_in(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, worked bigint, won bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    zone text := (SELECT o.zone FROM calib.organisation o);
    first_day date := calib.day_of(from_at);
    last_day date := calib.day_of(to_at) - 1;
    -- the last day of the window of which activities were dropped; before first_day: there is none
    last_dropped date := CASE WHEN from_at < to_at
        THEN calib.day_of(nullif(least(to_at, calib.activity_kept_from()), '-infinity') - interval '1 microsecond') END;
    few bigint[];   -- whose opportunities an index finds
BEGIN
    IF of_units = '{}' THEN
        RETURN;
    END IF;
    IF of_units IS NOT NULL THEN
        few := ARRAY(SELECT DISTINCT c.unit_id FROM calib.unit_closure c WHERE c.ancestor_id = ANY (of_units) LIMIT 2001);
        few := CASE WHEN cardinality(few) <= 2000 THEN few END;
    END IF;
    RETURN QUERY
    WITH place AS MATERIALIZED (
        SELECT c.unit_id, c.ancestor_id, c.valid_from, c.valid_to,
               c.valid_from > least(first_day, last_day) OR c.valid_to < 'infinity' AS moved
        FROM calib.unit_closure c
        WHERE c.valid_to > least(first_day, last_day)
          AND (of_units IS NULL OR c.ancestor_id IN (SELECT unnest(of_units)))
    ), opportunity AS NOT MATERIALIZED (
        SELECT o.* FROM calib.opportunity o WHERE few IS NULL
        UNION ALL
        SELECT o.* FROM calib.opportunity o WHERE o.unit_id = ANY (few)
    ), worked AS (
        SELECT o.unit_id, o.product_line, o.closed_at, o.outcome = 'won' AND o.closed_at >= from_at AND o.closed_at < to_at AS won
        FROM opportunity o
        WHERE known_at IS NULL
          AND (o.closed_at IS NULL OR o.closed_at >= from_at) AND o.created_at < to_at
          AND (o.created_at >= from_at OR o.closed_at < to_at)
        UNION ALL
        SELECT o.unit_id, o.product_line, o.closed_at, false
        FROM opportunity o
        WHERE known_at IS NULL
          AND (o.closed_at IS NULL OR o.closed_at >= to_at) AND o.created_at < from_at AND from_at < to_at
          AND (EXISTS (SELECT FROM calib.activity a WHERE a.opportunity_id = o.opportunity_id
                       AND a.occurred_at >= from_at AND a.occurred_at < to_at)
               OR (last_dropped >= first_day AND EXISTS (SELECT FROM calib.opportunity_day d
                   WHERE d.opportunity_id = o.opportunity_id AND d.day >= first_day AND d.day <= last_dropped))
               OR EXISTS (SELECT FROM calib.stage_change s WHERE s.opportunity_id = o.opportunity_id
                          AND s.from_stage IS DISTINCT FROM s.to_stage
                          AND s.changed_at >= from_at AND s.changed_at < to_at))
        UNION ALL
        SELECT o.unit_id, o.product_line, c.closed_at, o.outcome = 'won' AND c.closed_at >= from_at AND c.closed_at < to_at
        FROM opportunity o
        CROSS JOIN LATERAL (SELECT CASE WHEN o.closed_at <= known_at THEN o.closed_at END AS closed_at) c
        WHERE known_at IS NOT NULL
          AND (o.closed_at IS NULL OR o.closed_at >= least(from_at, known_at)) AND (c.closed_at IS NULL OR c.closed_at >= from_at)
          AND o.created_at < to_at AND o.created_at <= known_at
          AND (o.created_at >= from_at OR (c.closed_at >= from_at AND c.closed_at < to_at)
               OR EXISTS (SELECT FROM calib.activity a WHERE a.opportunity_id = o.opportunity_id
                          AND a.occurred_at >= from_at AND a.occurred_at < to_at AND a.recorded_at <= known_at)
               OR (last_dropped >= first_day AND EXISTS (SELECT FROM calib.opportunity_day d
                   WHERE d.opportunity_id = o.opportunity_id AND d.day >= first_day AND d.day <= last_dropped))
               OR EXISTS (SELECT FROM calib.stage_change s WHERE s.opportunity_id = o.opportunity_id
                          AND s.from_stage IS DISTINCT FROM s.to_stage
                          AND s.changed_at >= from_at AND s.changed_at < to_at AND s.changed_at <= known_at))
    ), counted AS (
        -- the day tells where a unit that moves stood
        SELECT w.unit_id, w.product_line,
               CASE WHEN w.unit_id IN (SELECT p.unit_id FROM place p WHERE p.moved)
                    THEN coalesce((w.closed_at AT TIME ZONE zone)::date, last_day) ELSE last_day END AS day,
               count(*) AS worked, count(*) FILTER (WHERE w.won) AS won
        FROM worked w
        GROUP BY 1, 2, 3
    )
    SELECT p.ancestor_id, line.product_line, sum(c.worked)::bigint, sum(c.won)::bigint
    FROM counted c
    JOIN place p ON p.unit_id = c.unit_id
    CROSS JOIN LATERAL (SELECT '' AS product_line UNION SELECT c.product_line) line
    WHERE NOT p.moved OR (c.day >= p.valid_from AND c.day < p.valid_to)
    GROUP BY p.ancestor_id, line.product_line;
END $$;
COMMENT ON FUNCTION calib.all_conversion_in(timestamptz, timestamptz, timestamptz, bigint[]) IS
'conversion_in of every unit, or of some; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_conversion_in(timestamptz, timestamptz, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.conversion_in(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, worked bigint, won bigint)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT c.* FROM calib.all_conversion_in(from_at, to_at, known_at) c
    WHERE c.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.conversion_in(timestamptz, timestamptz, timestamptz) IS
'Opportunities worked (opened, acted on, moved or closed) in [from_at, to_at) and won in it, per unit seen and product line (empty: all). known_at: only acts recorded by then (those that retention dropped count whenever they were recorded), and only what was opened, moved and closed by then.';

CREATE FUNCTION calib.benchmark_at(on_day date)
RETURNS TABLE (unit_id bigint, product_line text, conversion numeric)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH newest AS MATERIALIZED (
        SELECT DISTINCT ON (b.unit_id, b.product_line) b.unit_id, b.product_line, b.conversion
        FROM calib.benchmark b
        WHERE b.valid_from <= on_day AND b.conversion IS NOT NULL
        ORDER BY b.unit_id, b.product_line, b.valid_from DESC
    ), held AS (
        SELECT c.unit_id, n.product_line, n.conversion, c.depth
        FROM newest n JOIN calib.unit_closure c ON c.ancestor_id = n.unit_id AND c.valid_from <= on_day AND c.valid_to > on_day
        UNION ALL
        SELECT u.unit_id, n.product_line, n.conversion, NULL
        FROM newest n CROSS JOIN calib.unit u
        WHERE n.unit_id IS NULL
    )
    SELECT DISTINCT ON (h.unit_id, h.product_line) h.unit_id, h.product_line, h.conversion
    FROM held h
    ORDER BY h.unit_id, h.product_line, h.depth NULLS LAST;
END $$;
COMMENT ON FUNCTION calib.benchmark_at(date) IS
'The conversion benchmark of each unit and product line on a day: the nearest up the tree, else everyone''s.';

CREATE FUNCTION calib.stale_results(as_of timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (measure text, days integer, stale_days integer)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    -- along the index from measure to measure, and of each the newest
    WITH RECURSIVE fed AS (
        SELECT s.source, s.stale_days,
               (SELECT r.measure FROM calib.result r WHERE r.source = s.source ORDER BY r.measure LIMIT 1) AS measure
        FROM calib.source s
        UNION ALL
        SELECT f.source, f.stale_days,
               (SELECT r.measure FROM calib.result r WHERE r.source = f.source AND r.measure > f.measure ORDER BY r.measure LIMIT 1)
        FROM fed f
        WHERE f.measure IS NOT NULL
    )
    SELECT DISTINCT ON (f.measure) f.measure,
           calib.day_of(as_of) - calib.day_of(n.newest), f.stale_days
    FROM fed f
    CROSS JOIN LATERAL (
        SELECT r.occurred_at AS newest FROM calib.result r
        WHERE r.source = f.source AND r.measure = f.measure
          AND r.occurred_at <= as_of AND (known_at IS NULL OR r.recorded_at <= known_at)
        ORDER BY r.occurred_at DESC LIMIT 1) n
    WHERE n.newest < as_of - make_interval(hours => 24 * f.stale_days)
    ORDER BY f.measure, n.newest;
END;
COMMENT ON FUNCTION calib.stale_results(timestamptz, timestamptz) IS
'Measures one of whose sources has sent no result for longer than its limit, and for how many days: of all results, whoever asks; known_at: of those recorded by then. as_of NULL gives no rows.';

-- A visit planned or a report owed for yesterday says nothing of a source that has
-- been silent since it was entered. Most sources are not silent, and of those that are the
-- newest fact is near: it is looked for backwards, twice as far each time.
CREATE FUNCTION calib.newest_fact(of_source text, up_to timestamptz, known_at timestamptz DEFAULT NULL) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
DECLARE
    after timestamptz;
    days integer := 16;
    newest timestamptz;
BEGIN
    LOOP
        after := CASE WHEN days < 8000 THEN up_to - make_interval(hours => 24 * days) ELSE '-infinity' END;
        SELECT max(f.at) INTO newest
        FROM (SELECT max(r.occurred_at) AS at
              FROM calib.result r
              WHERE r.source = $1 AND r.occurred_at > after AND r.occurred_at <= up_to AND ($3 IS NULL OR r.recorded_at <= $3)
              UNION ALL
              SELECT max(a.occurred_at)
              FROM calib.activity a
              WHERE a.source = $1 AND a.occurred_at > after AND a.occurred_at <= up_to AND ($3 IS NULL OR a.recorded_at <= $3)
                AND a.kind <> 'planned_visit' AND a.outcome IS DISTINCT FROM 'open') f;
        IF newest IS NOT NULL OR NOT isfinite(after) THEN
            RETURN newest;
        END IF;
        up_to := after;
        days := 2 * days;
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.newest_fact(text, timestamptz, timestamptz) IS
'When the newest result or activity of a source up to a time happened, of those recorded by known_at (NULL: not asked); what is only planned or owed is none. NULL: there is none. Internal.';
REVOKE EXECUTE ON FUNCTION calib.newest_fact(text, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.stale_sources(as_of timestamptz, known_at timestamptz)
RETURNS TABLE (source text, newest timestamptz, days integer, stale_days integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    that_day date := calib.day_of(as_of);
BEGIN
    IF as_of IS NULL THEN
        RETURN;
    END IF;
    IF NOT isfinite(as_of) THEN
        RAISE EXCEPTION USING ERRCODE = '22008', MESSAGE = 'as_of is not finite';
    END IF;
    RETURN QUERY
    WITH silent AS MATERIALIZED (
        SELECT s.source, s.stale_days, as_of - make_interval(hours => 24 * s.stale_days) AS since
        FROM calib.source s
        WHERE NOT EXISTS (SELECT FROM calib.result r
                          WHERE r.source = s.source AND (known_at IS NULL OR r.recorded_at <= known_at)
                            AND r.occurred_at >= as_of - make_interval(hours => 24 * s.stale_days) AND r.occurred_at <= as_of)
          AND NOT EXISTS (SELECT FROM calib.activity a
                          WHERE a.source = s.source AND (known_at IS NULL OR a.recorded_at <= known_at)
                            AND a.occurred_at >= as_of - make_interval(hours => 24 * s.stale_days) AND a.occurred_at <= as_of
                            AND a.kind <> 'planned_visit' AND a.outcome IS DISTINCT FROM 'open')
    )
    SELECT s.source, n.newest, that_day - calib.day_of(n.newest), s.stale_days
    FROM silent s
    CROSS JOIN LATERAL (SELECT calib.newest_fact(s.source, s.since, known_at) AS newest) n
    WHERE n.newest < s.since;
END $$;
COMMENT ON FUNCTION calib.stale_sources(timestamptz, timestamptz) IS
'Sources with a limit that have told of neither a result nor an activity for longer than it: their newest fact and for how many days; known_at (NULL: not asked): of what was recorded by then. A source that never told anything is not among them. as_of NULL gives no rows, infinity is 22008. Internal.';
REVOKE EXECUTE ON FUNCTION calib.stale_sources(timestamptz, timestamptz) FROM PUBLIC;
