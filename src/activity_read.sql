-- Reading what is summed up: what is stored of a window, the rest from the activities.

-- Marks are few and their number changes by the minute, so the planner's guess is said
-- here and not taken from statistics.
CREATE FUNCTION calib.marked_parts() RETURNS TABLE (unit_id bigint, from_day date)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT m.unit_id, m.day FROM calib.activity_mark m WHERE m.unit_id IS NOT NULL
    UNION
    SELECT m.unit_id, calib.part_from(m.day) FROM calib.activity_mark m WHERE m.unit_id IS NOT NULL;
END $$;
COMMENT ON FUNCTION calib.marked_parts() IS
'The first days of what may be stored of units and is not to be used: days that are marked, and the parts of weeks they are in. Internal.';
REVOKE EXECUTE ON FUNCTION calib.marked_parts() FROM PUBLIC;

CREATE FUNCTION calib.marked_days(from_at timestamptz, to_at timestamptz, of_units bigint[]) RETURNS TABLE (unit_id bigint, day date)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first date := calib.day_of($1);
    last date := calib.day_of($2);
    dropped date := calib.dropped_before();
BEGIN
    RETURN QUERY
    SELECT DISTINCT m.unit_id, m.day FROM calib.activity_mark m
    WHERE m.unit_id IS NOT NULL AND m.day >= first AND m.day <= last AND m.day >= dropped AND ($3 IS NULL OR m.unit_id = ANY ($3));
END $$;
COMMENT ON FUNCTION calib.marked_days(timestamptz, timestamptz, bigint[]) IS
'The days of [from_at, to_at) that are marked and whose activities are still there; of_units: of these units alone. Internal.';
REVOKE EXECUTE ON FUNCTION calib.marked_days(timestamptz, timestamptz, bigint[]) FROM PUBLIC;

-- A part may be used for a window where all of it lies within; activities that were
-- dropped leave no choice: such a part is cut by the days of its acts.
-- For events alone, which have a weight, what has none may lie outside.
-- even_marked: whoever takes marked days out by themselves uses the rest of their part.
CREATE FUNCTION calib.summary_in(from_at timestamptz, to_at timestamptz, known_at timestamptz, even_marked boolean DEFAULT false)
RETURNS TABLE (unit_id bigint, product_line text, from_day date, to_day date, closed boolean, events integer, late_events integer,
    weighted numeric, weighted_on_time numeric, customers integer, active_days integer, concentration float8,
    contract_changes numeric, usable boolean, events_usable boolean, cut boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT s.unit_id, s.product_line, s.from_day, s.to_day, s.closed, s.events, s.late_events, s.weighted, s.weighted_on_time,
           s.customers, s.active_days, s.concentration, s.contract_changes,
           s.dropped OR (s.within AND s.fresh),
           s.dropped OR ((s.within OR s.last_event_at IS NULL OR (s.first_at >= from_at AND s.last_event_at < to_at)) AND s.fresh),
           s.dropped AND NOT s.within
    FROM (
        SELECT s.*, s.to_day <= (SELECT calib.dropped_before()) AS dropped,
               s.first_at IS NULL OR (s.first_at >= from_at AND s.last_at < to_at) AS within,
               (known_at IS NULL OR s.last_recorded <= known_at)
               AND s.to_day <= coalesce((SELECT min(m.day) FROM calib.activity_mark m WHERE m.unit_id IS NULL), 'infinity'::date)
               AND (even_marked OR (s.unit_id, s.from_day) NOT IN (SELECT m.unit_id, m.from_day FROM calib.marked_parts() m)) AS fresh
        FROM calib.activity_summary s
        WHERE s.from_day > (SELECT calib.day_of(from_at)) - 7 AND s.from_day <= (SELECT calib.day_of(to_at))
          AND s.to_day > (SELECT calib.day_of(from_at))
    ) s;
END;
COMMENT ON FUNCTION calib.summary_in(timestamptz, timestamptz, timestamptz, boolean) IS
'What is stored of the days of [from_at, to_at), whether it is used for what happened in it (and was recorded by known_at), and whether the window cuts what cannot be read raw any more; even_marked: also used where a day of it is marked. Internal.';
REVOKE EXECUTE ON FUNCTION calib.summary_in(timestamptz, timestamptz, timestamptz, boolean) FROM PUBLIC;

-- Where a month may be used, so may each of its parts. Days that are marked are to be
-- taken out by themselves.
CREATE FUNCTION calib.month_in(from_at timestamptz, to_at timestamptz, known_at timestamptz, first_day date, last_day date)
RETURNS TABLE (unit_id bigint, product_line text, month date, events integer, late_events integer, weighted numeric, weighted_on_time numeric, usable boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT m.unit_id, m.product_line, m.month, m.events, m.late_events, m.weighted, m.weighted_on_time,
           (m.first_at IS NULL OR (m.first_at >= from_at AND m.last_at < to_at))
           AND (m.month < (SELECT calib.dropped_before())
                OR ((known_at IS NULL OR m.last_recorded <= known_at)
                    AND m.month + 31 <= coalesce((SELECT min(k.day) FROM calib.activity_mark k WHERE k.unit_id IS NULL), 'infinity'::date)))
    FROM calib.activity_month m
    WHERE m.month >= first_day AND m.month <= last_day;
END;
COMMENT ON FUNCTION calib.month_in(timestamptz, timestamptz, timestamptz, date, date) IS
'What is stored of the months that begin on a day of [from_at, to_at), and whether it is used for what happened in it, but for the days that are marked; first_day, last_day: its days, which the planner knows what to expect of. Internal.';
REVOKE EXECUTE ON FUNCTION calib.month_in(timestamptz, timestamptz, timestamptz, date, date) FROM PUBLIC;

CREATE FUNCTION calib.parts_beside(from_at timestamptz, to_at timestamptz, known_at timestamptz, before_month date, of_units bigint[], even_marked boolean)
RETURNS TABLE (unit_id bigint, product_line text, from_day date, to_day date, events integer, late_events integer,
    weighted numeric, weighted_on_time numeric, usable boolean, events_usable boolean, cut boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT s.unit_id, s.product_line, s.from_day, s.to_day, s.events, s.late_events, s.weighted, s.weighted_on_time, s.usable, s.events_usable, s.cut
    FROM calib.summary_in(from_at, to_at, known_at, even_marked) s
    WHERE s.from_day < before_month AND s.unit_id <> ALL (of_units)
    UNION ALL
    SELECT s.unit_id, s.product_line, s.from_day, s.to_day, s.events, s.late_events, s.weighted, s.weighted_on_time, s.usable, s.events_usable, s.cut
    FROM calib.summary_in(from_at, to_at, known_at, even_marked) s
    WHERE of_units <> '{}' AND s.unit_id = ANY (of_units);
END;
COMMENT ON FUNCTION calib.parts_beside(timestamptz, timestamptz, timestamptz, date, bigint[], boolean) IS
'summary_in of what is before a month, and of some units all of it: the parts that are not read by month. Internal.';
REVOKE EXECUTE ON FUNCTION calib.parts_beside(timestamptz, timestamptz, timestamptz, date, bigint[], boolean) FROM PUBLIC;

-- Whoever asks forbids nested loops for its own plan; here they are what reads little.
CREATE FUNCTION calib.raw_spans(from_at timestamptz, to_at timestamptz, known_at timestamptz, of_units bigint[],
    of_events boolean DEFAULT false, before_month date DEFAULT 'infinity', by_part bigint[] DEFAULT '{}', by_day boolean DEFAULT false,
    OUT unit_ids bigint[], OUT from_ats timestamptz[], OUT to_ats timestamptz[])
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = on
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    WITH span AS MATERIALIZED (
        SELECT s.unit_id, s.from_day, s.to_day
        FROM calib.parts_beside($1, $2, $3, $6, $7, $8) s
        WHERE NOT CASE WHEN $5 THEN s.events_usable ELSE s.usable END AND s.product_line = '' AND ($4 IS NULL OR s.unit_id = ANY ($4))
        UNION ALL
        SELECT m.unit_id, m.day, m.day + 1
        FROM calib.marked_days($1, $2, $4) m
        WHERE $8 OR NOT EXISTS (
            SELECT FROM calib.activity_summary s
            WHERE s.unit_id = m.unit_id AND s.product_line = '' AND s.from_day IN (m.day, calib.part_from(m.day)) AND s.to_day > m.day)
    ), start AS MATERIALIZED (
        SELECT d.day, calib.start_of(d.day) AS at
        FROM (SELECT s.from_day FROM span s UNION SELECT s.to_day FROM span s) d (day)
    ), cut AS (
        SELECT s.unit_id, greatest(f.at, $1) AS from_at, least(t.at, $2) AS to_at
        FROM span s
        JOIN start f ON f.day = s.from_day
        JOIN start t ON t.day = s.to_day
    ), joined AS (
        -- parts that meet are read at once
        SELECT c.unit_id, unnest(range_agg(tstzrange(c.from_at, c.to_at))) AS during
        FROM cut c
        WHERE c.from_at < c.to_at
        GROUP BY c.unit_id
    )
    SELECT array_agg(j.unit_id), array_agg(lower(j.during)), array_agg(upper(j.during)) INTO unit_ids, from_ats, to_ats
    FROM joined j;
END $$;
COMMENT ON FUNCTION calib.raw_spans(timestamptz, timestamptz, timestamptz, bigint[], boolean, date, bigint[], boolean) IS
'Which units'' activities, from when to when, have to be read for [from_at, to_at) because nothing usable is stored of them; of_units: of these alone; of_events: for acts that have a weight; before_month, by_part: what is stored from that month on is usable but of these units; by_day: of a part that has a day marked this day alone is read. NULL: none. Internal.';
REVOKE EXECUTE ON FUNCTION calib.raw_spans(timestamptz, timestamptz, timestamptz, bigint[], boolean, date, bigint[], boolean) FROM PUBLIC;

CREATE FUNCTION calib.acts_of(from_at timestamptz, to_at timestamptz, known_at timestamptz, kinds text[], of_units bigint[])
RETURNS TABLE (unit_id bigint, product_line text, customer_id bigint, kind text, day date, weight numeric, weight_on_time numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = on
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    raw record := calib.raw_spans($1, $2, $3, $5);
    first date := calib.day_of($1);
    last date := calib.day_of($2 - interval '1 microsecond');
BEGIN
    RETURN QUERY
    WITH stored AS MATERIALIZED (
        SELECT a.unit_id, a.product_line, v.acts, s.cut
        FROM calib.summary_in($1, $2, $3) s
        JOIN calib.activity_act a ON a.unit_id = s.unit_id AND a.from_day = s.from_day
         AND a.product_line = s.product_line
        CROSS JOIN LATERAL (VALUES (a.acts), (a.others)) v (acts)
        WHERE s.usable AND v.acts IS NOT NULL AND ($5 IS NULL OR s.unit_id = ANY ($5))
    ), label AS MATERIALIZED (
        SELECT o.label, o.kind
        FROM calib.label_outcomes(ARRAY(SELECT DISTINCT k.kind FROM stored s CROSS JOIN LATERAL calib.kind_counts(s.acts) k)) o
        WHERE $4 IS NULL OR o.kind = ANY ($4)
        GROUP BY o.label, o.kind
    )
    SELECT s.unit_id, s.product_line, a.customer_id, l.kind, a.day, w.weight,
           CASE WHEN a.late_events = 0 THEN w.weight_on_time END
    FROM stored s
    CROSS JOIN LATERAL calib.acts(s.acts) a
    JOIN label l ON l.label = a.kind
    LEFT JOIN calib.label_weights(ARRAY(SELECT l.label FROM label l)) w
      ON w.label = a.kind AND a.day >= w.from_day AND a.day < w.to_day
    WHERE NOT s.cut OR (a.day >= first AND a.day <= last);
    IF raw.unit_ids IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT a.unit_id, a.product_line, a.customer_id, a.kind, a.day, a.weight, a.weight_on_time
    FROM calib.raw_acts(raw.unit_ids, raw.from_ats, raw.to_ats, $3) a
    WHERE $4 IS NULL OR a.kind = ANY ($4);
END $$;
COMMENT ON FUNCTION calib.acts_of(timestamptz, timestamptz, timestamptz, text[], bigint[]) IS
'Activities in [from_at, to_at) against padding, one act per unit, customer, day, kind and product line (and one for all: empty), of every kind (kinds: of these), with its weight on its day (NULL: none) and what of it was recorded in time (NULL: nothing). known_at: of what was recorded by then; of_units: of these alone. Internal.';
REVOKE EXECUTE ON FUNCTION calib.acts_of(timestamptz, timestamptz, timestamptz, text[], bigint[]) FROM PUBLIC;

-- As it is what is climbed that decides, and few moved, it is asked, along an index: a search
-- down the tree is planned for millions, and gets memory for them.
CREATE FUNCTION calib.units_moved(from_day date, to_day date) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    SELECT DISTINCT c.unit_id
    FROM calib.unit_closure c
    WHERE (c.valid_from > '-infinity' OR c.valid_to < 'infinity')
      AND ((c.valid_from > from_day AND c.valid_from <= to_day) OR (c.valid_to > from_day AND c.valid_to <= to_day));
END;
COMMENT ON FUNCTION calib.units_moved(date, date) IS
'Units of which others are above on some day after from_day and up to to_day than on the day before. Internal.';
REVOKE EXECUTE ON FUNCTION calib.units_moved(date, date) FROM PUBLIC;

CREATE FUNCTION calib.units_ever_below(of_units bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    WITH RECURSIVE below (unit_id) AS (
        SELECT u.unit_id FROM unnest(of_units) AS u (unit_id)
        UNION
        SELECT h.unit_id FROM below b JOIN calib.unit_history h ON h.parent_id = b.unit_id
    )
    SELECT b.unit_id FROM below b;
END;
COMMENT ON FUNCTION calib.units_ever_below(bigint[]) IS
'These units, and all that stand or once stood below one of them. Internal.';
REVOKE EXECUTE ON FUNCTION calib.units_ever_below(bigint[]) FROM PUBLIC;
