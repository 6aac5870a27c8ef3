-- The twelve weekly indicators of each rep.  What each one counts is said here
-- and nowhere else; docs/indicator.md says it in words.
--
-- as_of is the day that is today: which weeks have begun, what is due. With known_at
-- only what had happened by as_of and was recorded by known_at counts; customers and
-- moves of stage have no other time than their own. Without it facts count as they
-- stand, also one that a feed dates later than as_of.
-- SET jit on the inner ones also keeps them from being inlined, which would turn
-- what is asked once into something asked per row.

CREATE FUNCTION calib.weeks_begun(from_week date, to_week date, as_of timestamptz)
RETURNS TABLE (week date)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 53
BEGIN ATOMIC
    SELECT g.day::date
    FROM generate_series(
        calib.period_start(from_week + 6, 'week')::timestamp,
        -- an infinite day is refused by period_start
        least(calib.period_start(to_week - 1, 'week'), calib.day_of(as_of))::timestamp,
        interval '7 days') AS g (day);
END;
COMMENT ON FUNCTION calib.weeks_begun(date, date, timestamptz) IS
'The Mondays of the ISO weeks that begin in [from_week, to_week), up to the day of as_of. NULL gives no rows; an infinite day is 22023.';

-- Acts ------------------------------------------------------------------------

-- From what is summed up where that may be used. Of orders and contract changes the
-- quantities are summed there too, of contract changes by part of a week.
CREATE FUNCTION calib.acts_in(kinds text[], from_day date, to_day date, as_of timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, week date, day date, kind text, customer_id bigint, quantity numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    counted constant text[] := '{order,contract_change}';
    from_at timestamptz := calib.start_of($2);
    to_at timestamptz := CASE WHEN $5 IS NULL THEN calib.start_of($3)
                              ELSE least(calib.start_of($3), $4 + interval '1 microsecond') END;
    raw record;
BEGIN
    IF NOT $1 <@ counted THEN
        RETURN QUERY
        SELECT a.unit_id, calib.period_start(a.day, 'week'), a.day, a.kind, a.customer_id, 1::numeric
        FROM calib.acts_of(from_at, to_at, $5, ARRAY(SELECT k FROM unnest($1) AS k WHERE k <> ALL (counted)), NULL) a
        WHERE a.product_line = '';
    END IF;
    IF NOT $1 && counted THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.unit_id, calib.period_start(o.day, 'week'), o.day, 'order', o.customer, o.lines
    FROM calib.summary_in(from_at, to_at, $5) s
    JOIN calib.activity_act a ON a.unit_id = s.unit_id AND a.from_day = s.from_day AND a.product_line = '' AND a.piece = 0
    CROSS JOIN LATERAL unnest(a.order_customers, a.order_days, a.order_lines) AS o (customer, day, lines)
    WHERE 'order' = ANY ($1) AND s.product_line = '' AND s.usable AND o.day >= $2 AND o.day < $3
    UNION ALL
    SELECT s.unit_id, calib.period_start(s.from_day, 'week'), s.from_day, 'contract_change', NULL, s.contract_changes
    FROM calib.summary_in(from_at, to_at, $5) s
    WHERE 'contract_change' = ANY ($1) AND s.product_line = '' AND s.usable AND s.contract_changes IS NOT NULL;
    raw := calib.raw_spans(from_at, to_at, $5, NULL);
    IF raw.unit_ids IS NOT NULL THEN
        RETURN QUERY
        SELECT a.unit_id, calib.period_start(a.day, 'week'), a.day, a.kind, a.customer_id, a.quantity
        FROM calib.raw_acts(raw.unit_ids, raw.from_ats, raw.to_ats, $5) a
        WHERE a.kind = ANY ($1) AND a.kind = ANY (counted) AND a.product_line = '';
    END IF;
END $$;
COMMENT ON FUNCTION calib.acts_in(text[], date, date, timestamptz, timestamptz) IS
'The acts of these kinds on the days [from_day, to_day), one per unit, customer and day, each with its day and week in the organisation''s time; quantity: of orders (those of a customer) and contract changes (a row per part of a week) their sum, else 1. Of every unit, internal.';
REVOKE EXECUTE ON FUNCTION calib.acts_in(text[], date, date, timestamptz, timestamptz) FROM PUBLIC;

-- An order after several visits makes each of them productive; its lines count
-- once, for the last visit of the rep before it.
CREATE FUNCTION calib.visits_in(from_day date, to_day date, as_of timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, week date, day date, customer_id bigint, productive boolean, lines numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
SET jit = off
BEGIN ATOMIC
    WITH visit AS (
        SELECT a.unit_id, a.customer_id, a.week, a.day,
               lead(a.day) OVER (PARTITION BY a.unit_id, a.customer_id ORDER BY a.day) AS next_day
        FROM calib.acts_in('{visit}', from_day, to_day + 7, as_of, known_at) a
        GROUP BY a.unit_id, a.customer_id, a.week, a.day
    ), ordered AS (
        SELECT a.customer_id, a.day, sum(a.quantity) AS lines
        FROM calib.acts_in('{order}', from_day, to_day + 7, as_of, known_at) a
        WHERE a.customer_id IS NOT NULL
        GROUP BY a.customer_id, a.day
    )
    SELECT v.unit_id, v.week, v.day, v.customer_id, count(o.day) > 0,
           coalesce(sum(o.lines) FILTER (WHERE v.next_day IS NULL OR o.day < v.next_day), 0)
    FROM visit v
    LEFT JOIN ordered o ON o.customer_id = v.customer_id AND o.day >= v.day AND o.day <= v.day + 7
    WHERE v.day < to_day
    GROUP BY v.unit_id, v.week, v.day, v.customer_id;
END;
COMMENT ON FUNCTION calib.visits_in(date, date, timestamptz, timestamptz) IS
'Visits on the days [from_day, to_day), one per unit, customer and day: whether an order of the customer followed on the same day or within the 7 days after, and the lines of the orders it was the last visit before; of every unit, internal.';
REVOKE EXECUTE ON FUNCTION calib.visits_in(date, date, timestamptz, timestamptz) FROM PUBLIC;

-- Figures ---------------------------------------------------------------------

-- Follow-ups and reports by the day they were due.
CREATE FUNCTION calib.due_counted(from_day date, to_day date, as_of timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, week date, kind text, kept bigint, due bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    units bigint[];
    from_days date[];
    to_days date[];
BEGIN
    WITH stored AS MATERIALIZED (
        SELECT s.unit_id, s.from_day, s.to_day,
               s.to_day > (SELECT calib.dropped_before())
               AND (s.to_day > coalesce((SELECT min(m.day) FROM calib.activity_mark m WHERE m.unit_id IS NULL), 'infinity'::date)
                    OR (s.unit_id, s.from_day) IN (SELECT m.unit_id, m.from_day FROM calib.marked_parts() m)
                    OR s.last_due > $3 OR (s.last_due IS NOT NULL AND s.last_recorded > $4)) IS TRUE AS raw
        FROM calib.activity_summary s
        WHERE s.product_line = '' AND s.from_day >= $1 AND s.from_day < $2
    ), span AS (
        SELECT s.unit_id, s.from_day, s.to_day FROM stored s WHERE s.raw
        UNION ALL
        SELECT DISTINCT m.unit_id, m.day, m.day + 1
        FROM calib.activity_mark m
        WHERE m.unit_id IS NOT NULL AND m.day >= $1 AND m.day < $2 AND m.day >= (SELECT calib.dropped_before())
          AND NOT EXISTS (SELECT FROM calib.activity_summary s
              WHERE s.unit_id = m.unit_id AND s.product_line = '' AND s.from_day IN (m.day, calib.part_from(m.day)) AND s.to_day > m.day)
    )
    SELECT array_agg(s.unit_id), array_agg(s.from_day), array_agg(s.to_day) INTO units, from_days, to_days FROM span s;
    RETURN QUERY
    WITH raw AS (
        SELECT r.unit_id, r.from_day FROM unnest(units, from_days) AS r (unit_id, from_day)
    )
    SELECT s.unit_id, calib.period_start(s.from_day, 'week'), f.kind, f.kept::bigint, f.due::bigint
    FROM calib.activity_summary s
    CROSS JOIN LATERAL (VALUES ('follow_up', s.follow_ups_kept, s.follow_ups_due), ('log_report', s.reports_kept, s.reports_due)) AS f (kind, kept, due)
    WHERE s.product_line = '' AND s.from_day >= $1 AND s.from_day < $2 AND f.due > 0
      AND (s.unit_id, s.from_day) NOT IN (SELECT r.unit_id, r.from_day FROM raw r)
    UNION ALL
    -- owed by the time it was due: what is not due yet is neither kept nor missed
    SELECT d.unit_id, calib.period_start(calib.day_of(d.due_at), 'week'), d.kind, d.kept::integer::bigint, 1
    FROM calib.due_rows(units, calib.starts_of(from_days), calib.starts_of(to_days)) d
    WHERE d.due_at <= $3 AND ($4 IS NULL OR d.recorded_at <= $4);
END $$;
COMMENT ON FUNCTION calib.due_counted(date, date, timestamptz, timestamptz) IS
'Follow-ups and log reports due in the weeks in [from_day, to_day), both Mondays, and by as_of, and how many were answered or filed by then; several rows may be of one unit, week and kind. Of every unit, internal.';
REVOKE EXECUTE ON FUNCTION calib.due_counted(date, date, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.acts_counted(from_day date, to_day date, as_of timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, week date, code text, numerator numeric, denominator numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET jit = off
BEGIN ATOMIC
    WITH visit AS MATERIALIZED (
        SELECT v.* FROM calib.visits_in(from_day, to_day, as_of, known_at) v
    ), calls AS (
        SELECT v.unit_id, v.week, count(*) AS visits, count(*) FILTER (WHERE v.productive) AS productive, sum(v.lines) AS lines
        FROM visit v
        GROUP BY v.unit_id, v.week
    ), planned AS (
        -- a day counts once it is over
        SELECT DISTINCT a.unit_id, a.week, a.day, a.customer_id
        FROM calib.acts_in('{planned_visit}', from_day, least(to_day, calib.day_of(as_of)), as_of, known_at) a
    ), act AS (
        SELECT a.unit_id, a.week, a.kind, sum(a.quantity) AS quantity, count(DISTINCT (a.day, a.customer_id)) AS customer_days
        FROM calib.acts_in('{contract_change,shelf_check}', from_day, to_day, as_of, known_at) a
        GROUP BY a.unit_id, a.week, a.kind
    )
    SELECT c.unit_id, c.week, f.code, f.numerator, f.denominator
    FROM calls c
    CROSS JOIN LATERAL (VALUES
        ('visits', c.visits::numeric, 1::numeric),
        ('strike_rate', c.productive, c.visits),
        ('lines_per_call', c.lines, c.productive)) AS f (code, numerator, denominator)
    UNION ALL
    SELECT p.unit_id, p.week, 'plan_adherence', count(v.day), count(*)
    FROM planned p
    LEFT JOIN visit v ON v.unit_id = p.unit_id AND v.customer_id = p.customer_id AND v.day = p.day
    GROUP BY p.unit_id, p.week
    UNION ALL
    SELECT a.unit_id, a.week, 'contract_changes', a.quantity, 1 FROM act a WHERE a.kind = 'contract_change'
    UNION ALL
    SELECT a.unit_id, a.week, 'shelf_checks', a.customer_days, 1 FROM act a WHERE a.kind = 'shelf_check'
    UNION ALL
    SELECT d.unit_id, d.week, CASE d.kind WHEN 'follow_up' THEN 'followup_timeliness' ELSE 'log_reports' END, sum(d.kept), sum(d.due)
    FROM calib.due_counted(from_day, to_day, as_of, known_at) d
    GROUP BY d.unit_id, d.week, d.kind
    UNION ALL
    SELECT o.unit_id, calib.period_start((s.changed_at AT TIME ZONE (SELECT o.zone FROM calib.organisation o))::date, 'week'), 'stage_advances',
           sum(sign(entered.position - departed.position)), 1
    FROM calib.stage_change s
    JOIN calib.opportunity o USING (opportunity_id)
    JOIN calib.stage departed ON departed.stage = s.from_stage
    JOIN calib.stage entered ON entered.stage = s.to_stage
    WHERE s.changed_at >= (SELECT calib.start_of(from_day)) AND s.changed_at < (SELECT calib.start_of(to_day))
      AND (known_at IS NULL OR s.changed_at <= least(as_of, known_at))
    GROUP BY 1, 2;
END;
COMMENT ON FUNCTION calib.acts_counted(date, date, timestamptz, timestamptz) IS
'Of the indicators those that count acts, for the weeks in [from_day, to_day), both Mondays; of every unit, internal.';
REVOKE EXECUTE ON FUNCTION calib.acts_counted(date, date, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.customers_counted(from_day date, to_day date, as_of timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, week date, code text, numerator numeric, denominator numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET jit = off
BEGIN ATOMIC
    WITH week AS (
        SELECT g.day::date AS week
        FROM generate_series(from_day::timestamp, to_day::timestamp - interval '7 days', interval '7 days') AS g (day)
    ), owned AS MATERIALIZED (
        SELECT c.customer_id, c.unit_id, calib.period_start(d.day, 'week') AS entered
        FROM calib.customer c
        CROSS JOIN LATERAL (
            SELECT (c.created_at AT TIME ZONE (SELECT o.zone FROM calib.organisation o))::date AS day) d
        WHERE c.unit_id IS NOT NULL AND c.created_at < (SELECT calib.start_of(to_day))
          AND (known_at IS NULL OR c.created_at <= least(as_of, known_at))
    ), entered AS (
        SELECT o.unit_id, o.entered AS week, count(*) AS customers
        FROM owned o
        GROUP BY o.unit_id, o.entered
    ), seen AS MATERIALIZED (
        SELECT a.unit_id, a.week, a.customer_id, bool_or(a.kind = 'visit') AS visited,
               bool_or(a.kind = 'collection_contact') AS dunned
        FROM calib.acts_in('{visit,collection_contact}', from_day, to_day, as_of, known_at) a
        WHERE a.customer_id IS NOT NULL
        GROUP BY a.unit_id, a.week, a.customer_id
    ), visited AS (
        SELECT s.unit_id, s.week, count(*) AS customers
        FROM seen s JOIN owned o ON o.customer_id = s.customer_id AND o.unit_id = s.unit_id AND o.entered <= s.week
        WHERE s.visited
        GROUP BY s.unit_id, s.week
    ), overdue AS (
        -- in the weeks from the one of the day after it was due to that of the last day
        -- before it was settled, that of as_of at the latest
        SELECT DISTINCT c.unit_id, g.day::date AS week, c.customer_id
        FROM calib.receivable r
        JOIN calib.customer c USING (customer_id)
        CROSS JOIN LATERAL generate_series(
            calib.period_start(greatest(r.due_on + 1, from_day), 'week')::timestamp,
            least(r.settled_on - 1, to_day - 1, (SELECT calib.day_of(as_of)))::timestamp,
            interval '7 days') AS g (day)
        WHERE c.unit_id IS NOT NULL AND (r.amount > 0 OR r.amount IS NULL)
          AND (known_at IS NULL OR r.recorded_at <= known_at)
          AND r.due_on < least(to_day, (SELECT calib.day_of(as_of))) AND (r.settled_on > r.due_on + 1 OR r.settled_on IS NULL)
    )
    SELECT e.unit_id, w.week, 'coverage', coalesce(v.customers, 0), e.customers
    FROM week w
    CROSS JOIN LATERAL (
        SELECT e.unit_id, sum(e.customers) AS customers FROM entered e
        WHERE e.week <= w.week
        GROUP BY e.unit_id) e
    LEFT JOIN visited v ON v.unit_id = e.unit_id AND v.week = w.week
    UNION ALL
    SELECT e.unit_id, e.week, 'new_customers', e.customers, 1 FROM entered e WHERE e.week >= from_day
    UNION ALL
    SELECT o.unit_id, o.week, 'collection_contacts', count(*) FILTER (WHERE s.dunned), count(*)
    FROM overdue o LEFT JOIN seen s USING (unit_id, week, customer_id)
    GROUP BY o.unit_id, o.week;
END;
COMMENT ON FUNCTION calib.customers_counted(date, date, timestamptz, timestamptz) IS
'Of the indicators those that count customers, for the weeks in [from_day, to_day), both Mondays; of every unit, internal.';
REVOKE EXECUTE ON FUNCTION calib.customers_counted(date, date, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.all_indicator_in(from_week date, to_week date, as_of timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, week date, code text, numerator numeric, denominator numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET jit = off
BEGIN ATOMIC
    WITH week AS MATERIALIZED (
        SELECT w.week FROM calib.weeks_begun(from_week, to_week, as_of) w
    ), span AS MATERIALIZED (
        SELECT min(w.week) AS from_day, max(w.week) + 7 AS to_day FROM week w
    ), figure AS MATERIALIZED (
        SELECT f.* FROM span s CROSS JOIN LATERAL calib.acts_counted(s.from_day, s.to_day, as_of, known_at) f
        UNION ALL
        SELECT f.* FROM span s CROSS JOIN LATERAL calib.customers_counted(s.from_day, s.to_day, as_of, known_at) f
    ), at_work AS (
        SELECT d.unit_id, w.week
        FROM calib.unit_days() d CROSS JOIN week w
        WHERE calib.days_at_work(d.active, d.absences, daterange(w.week, w.week + 7)) <> '{}'::datemultirange
        UNION
        -- away, and yet something was done or due; customers owned are neither
        SELECT f.unit_id, f.week FROM figure f
        WHERE f.numerator <> 0 OR f.code NOT IN ('coverage', 'collection_contacts')
    )
    SELECT a.unit_id, a.week, i.code, coalesce(f.numerator, 0), coalesce(f.denominator, i.denominator)
    FROM at_work a
    JOIN calib.unit u ON u.unit_id = a.unit_id AND u.kind = 'rep'
    CROSS JOIN (VALUES
        ('visits', 1), ('coverage', 0), ('plan_adherence', 0), ('strike_rate', 0), ('lines_per_call', 0),
        ('new_customers', 1), ('stage_advances', 1), ('contract_changes', 1), ('shelf_checks', 1),
        ('followup_timeliness', 0), ('log_reports', 0), ('collection_contacts', 0)) AS i (code, denominator)
    LEFT JOIN figure f ON f.unit_id = a.unit_id AND f.week = a.week AND f.code = i.code;
END;
COMMENT ON FUNCTION calib.all_indicator_in(date, date, timestamptz, timestamptz) IS
'indicator_in of every rep as of a time; with known_at of what had happened by as_of and was recorded by known_at alone; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_indicator_in(date, date, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.indicator_in(from_week date, to_week date)
RETURNS TABLE (unit_id bigint, week date, code text, numerator numeric, denominator numeric, value numeric)
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.unit_id, i.week, i.code, i.numerator, i.denominator, i.numerator / nullif(i.denominator, 0)
    FROM calib.all_indicator_in(from_week, to_week, calib.clock(), NULL) i
    WHERE i.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.indicator_in(date, date) IS
'The twelve indicators of each rep seen, for the ISO weeks that begin in [from_week, to_week) and not after today. Counts have the denominator 1; value is NULL where the denominator is 0. NULL gives no rows; an infinite day is 22023.';

CREATE VIEW calib.indicator_weekly WITH (security_invoker = true) AS
SELECT i.unit_id, i.week, i.code, i.numerator, i.denominator, i.value
FROM calib.indicator_in(calib.today() - 7 * 53 + 1, calib.today() + 1) i;
COMMENT ON VIEW calib.indicator_weekly IS
'The twelve indicators per rep and ISO week, of this week and the 52 before it.';
COMMENT ON COLUMN calib.indicator_weekly.unit_id IS 'The rep.';
COMMENT ON COLUMN calib.indicator_weekly.week IS 'Monday of the week, in the organisation''s time.';
COMMENT ON COLUMN calib.indicator_weekly.code IS 'Which indicator: see calib.indicator.';
COMMENT ON COLUMN calib.indicator_weekly.numerator IS 'What is counted.';
COMMENT ON COLUMN calib.indicator_weekly.denominator IS 'What it is divided by; 1 for a count. Weeks and reps are pooled by sum(numerator) / sum(denominator).';
COMMENT ON COLUMN calib.indicator_weekly.value IS 'numerator / denominator; NULL where the denominator is 0.';
