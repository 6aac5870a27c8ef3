-- Activities summed up: per unit and week, and of the week that is open per day.
--
-- A row is exact as long as no mark (src/activity_mark.sql) says that its days were
-- changed; then they are read raw until the job rollup has summed them up again. A day
-- of a unit that has neither a row nor a mark has no activity. docs/activity_summary.md
-- says why that holds whoever writes meanwhile.

-- Narrow, since a dashboard reads a quarter of all units; what single acts are needed for
-- stands beside it.
CREATE TABLE calib.activity_summary (
    unit_id bigint NOT NULL REFERENCES calib.unit ON DELETE CASCADE,
    product_line text NOT NULL,
    from_day date NOT NULL,
    to_day date NOT NULL,
    closed boolean NOT NULL,
    events integer NOT NULL,
    late_events integer NOT NULL,
    customers integer NOT NULL,
    active_days integer NOT NULL,
    weighted numeric NOT NULL,
    weighted_on_time numeric NOT NULL,
    concentration float8,
    first_at timestamptz,
    last_at timestamptz,
    last_event_at timestamptz,
    last_recorded timestamptz NOT NULL,
    last_due timestamptz,
    follow_ups_due integer NOT NULL DEFAULT 0,
    follow_ups_kept integer NOT NULL DEFAULT 0,
    reports_due integer NOT NULL DEFAULT 0,
    reports_kept integer NOT NULL DEFAULT 0,
    contract_changes numeric,
    PRIMARY KEY (unit_id, from_day, product_line),
    CONSTRAINT activity_summary_days CHECK (from_day < to_day)
);
CREATE INDEX activity_summary_from ON calib.activity_summary (from_day);
CREATE INDEX activity_summary_open ON calib.activity_summary (from_day) WHERE NOT closed;
COMMENT ON TABLE calib.activity_summary IS
'Activities against padding, one act per customer, day and kind, summed up per unit and product line: a row per ISO week that is over, cut where a month ends, and per day of the week that is not. Written by the job rollup alone; a row whose days are in calib.activity_mark is not used.';
COMMENT ON COLUMN calib.activity_summary.unit_id IS 'Whose activities.';
COMMENT ON COLUMN calib.activity_summary.product_line IS 'Product line; empty: all of them, where acts of the same customer, day and kind are one whatever their lines.';
COMMENT ON COLUMN calib.activity_summary.from_day IS 'First day, in organisation time.';
COMMENT ON COLUMN calib.activity_summary.to_day IS 'First day no longer in it.';
COMMENT ON COLUMN calib.activity_summary.closed IS 'Whether it is a week (or a month''s part of one) that was over; false: a day.';
COMMENT ON COLUMN calib.activity_summary.events IS 'Acts that have a weight on their day.';
COMMENT ON COLUMN calib.activity_summary.late_events IS 'Those of which nothing was recorded in time, by the policy of their day.';
COMMENT ON COLUMN calib.activity_summary.customers IS 'Customers of these acts.';
COMMENT ON COLUMN calib.activity_summary.active_days IS 'Days with such an act.';
COMMENT ON COLUMN calib.activity_summary.weighted IS 'Sum of their weights.';
COMMENT ON COLUMN calib.activity_summary.weighted_on_time IS 'The same of what was recorded in time.';
COMMENT ON COLUMN calib.activity_summary.concentration IS 'HHI of these acts over customers, 0 to 1; NULL without customers.';
COMMENT ON COLUMN calib.activity_summary.first_at IS 'When the first act of the unit in these days happened, of any line and kind; NULL: none.';
COMMENT ON COLUMN calib.activity_summary.last_at IS 'When the last one did.';
COMMENT ON COLUMN calib.activity_summary.last_event_at IS 'When the last act that has a weight did, of any line, or later: a visit planned for the evening does not count before.';
COMMENT ON COLUMN calib.activity_summary.last_recorded IS 'When the latest of what is summed up was recorded, of all lines.';
COMMENT ON COLUMN calib.activity_summary.last_due IS 'The last due time of the follow-ups and reports counted; NULL: none was due.';
COMMENT ON COLUMN calib.activity_summary.follow_ups_due IS 'Follow-ups due in these days, of all lines; counted in the row of all lines.';
COMMENT ON COLUMN calib.activity_summary.follow_ups_kept IS 'Those answered by their due time.';
COMMENT ON COLUMN calib.activity_summary.reports_due IS 'Log reports due in these days; counted in the row of all lines.';
COMMENT ON COLUMN calib.activity_summary.reports_kept IS 'Those filed by their due time.';
COMMENT ON COLUMN calib.activity_summary.contract_changes IS 'Quantity of the contract changes; NULL: there was none.';
SELECT calib.keep_in_dump('calib.activity_summary');

CREATE TABLE calib.activity_act (
    unit_id bigint NOT NULL REFERENCES calib.unit ON DELETE CASCADE,
    product_line text NOT NULL,
    from_day date NOT NULL,
    piece integer NOT NULL,
    acts calib.behavior,
    others calib.behavior,
    order_customers bigint[],
    order_days date[],
    order_lines numeric[],
    PRIMARY KEY (unit_id, from_day, product_line, piece)
);
CREATE INDEX activity_act_from ON calib.activity_act (from_day);
COMMENT ON TABLE calib.activity_act IS
'The single acts of a row of calib.activity_summary: what a new weight is applied to, and what counts customers over several weeks. Written by the job rollup alone.';
COMMENT ON COLUMN calib.activity_act.unit_id IS 'Whose activities.';
COMMENT ON COLUMN calib.activity_act.product_line IS 'Product line; empty: all of them.';
COMMENT ON COLUMN calib.activity_act.from_day IS 'First day; calib.activity_summary has the last.';
COMMENT ON COLUMN calib.activity_act.piece IS '0; a row of thousands of acts is cut into pieces by customer.';
COMMENT ON COLUMN calib.activity_act.acts IS 'The acts that have a weight, one event each, days in UTC; their kind is a label as calib.act_label tells it. NULL: none.';
COMMENT ON COLUMN calib.activity_act.others IS 'The acts that have no weight.';
COMMENT ON COLUMN calib.activity_act.order_customers IS 'Customers that ordered; with their days and lines in the arrays beside it. In the row of all lines, piece 0, alone.';
COMMENT ON COLUMN calib.activity_act.order_days IS 'The day of each.';
COMMENT ON COLUMN calib.activity_act.order_lines IS 'The order lines of each, summed up.';
SELECT calib.keep_in_dump('calib.activity_act');

-- A dashboard adds up months, of which a quarter has three.
CREATE TABLE calib.activity_month (
    unit_id bigint NOT NULL REFERENCES calib.unit ON DELETE CASCADE,
    product_line text NOT NULL,
    month date NOT NULL,
    events integer NOT NULL,
    late_events integer NOT NULL,
    weighted numeric NOT NULL,
    weighted_on_time numeric NOT NULL,
    first_at timestamptz,
    last_at timestamptz,
    last_recorded timestamptz NOT NULL,
    PRIMARY KEY (unit_id, month, product_line)
);
CREATE INDEX activity_month_month ON calib.activity_month (month, product_line);
COMMENT ON TABLE calib.activity_month IS
'What is stored in calib.activity_summary of a month, added up. Written with it.';
COMMENT ON COLUMN calib.activity_month.unit_id IS 'Whose activities.';
COMMENT ON COLUMN calib.activity_month.product_line IS 'Product line; empty: all of them.';
COMMENT ON COLUMN calib.activity_month.month IS 'First day of the month.';
COMMENT ON COLUMN calib.activity_month.events IS 'Acts that have a weight on their day.';
COMMENT ON COLUMN calib.activity_month.late_events IS 'Those of which nothing was recorded in time.';
COMMENT ON COLUMN calib.activity_month.weighted IS 'Sum of their weights.';
COMMENT ON COLUMN calib.activity_month.weighted_on_time IS 'The same of what was recorded in time.';
COMMENT ON COLUMN calib.activity_month.first_at IS 'No act of the unit in the month that has a weight happened before this; NULL: there is none.';
COMMENT ON COLUMN calib.activity_month.last_at IS 'And none after this.';
COMMENT ON COLUMN calib.activity_month.last_recorded IS 'When the latest of what is summed up was recorded, of all lines.';
SELECT calib.keep_in_dump('calib.activity_month');

-- Parts: a week, cut where a month ends -----------------------------------------

CREATE FUNCTION calib.part_from(day date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(day + 1 - extract(isodow FROM day)::integer, date_trunc('month', day::timestamp)::date);
END;
COMMENT ON FUNCTION calib.part_from(date) IS
'First day of the part of a week that a day is in: the Monday, or the first of the month if that is later. NULL gives NULL.';

CREATE FUNCTION calib.part_to(day date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT least(day + 8 - extract(isodow FROM day)::integer, (date_trunc('month', day::timestamp) + interval '1 month')::date);
END;
COMMENT ON FUNCTION calib.part_to(date) IS
'First day after the part of a week that a day is in: the next Monday, or the first of the next month if that is earlier. NULL gives NULL.';

CREATE FUNCTION calib.dropped_before() RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN isfinite(k.at) THEN calib.day_of(k.at) ELSE '-infinity'::date END
    FROM calib.activity_kept_from() AS k (at);
END;
COMMENT ON FUNCTION calib.dropped_before() IS
'The first day whose activities are still there; what is stored of earlier ones answers alone.';

-- Weights and lateness -----------------------------------------------------------

CREATE FUNCTION calib.weight_spans()
RETURNS TABLE (kind text, outcome text, weight numeric, from_day date, to_day date)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
    SELECT w.kind, w.outcome, w.weight, w.valid_from,
           lead(w.valid_from, 1, 'infinity'::date) OVER (PARTITION BY w.kind, w.outcome ORDER BY w.valid_from)
    FROM calib.activity_weight w;
END;
COMMENT ON FUNCTION calib.weight_spans() IS
'The weights of calib.activity_weight with the days [from_day, to_day) each holds.';

CREATE FUNCTION calib.late_after_all()
RETURNS TABLE (late_after interval, from_day date, to_day date)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
    SELECT make_interval(hours => p.late_hours), p.valid_from,
           lead(p.valid_from, 1, 'infinity'::date) OVER (ORDER BY p.valid_from)
    FROM calib.policy p
    WHERE p.unit_id IS NULL;
END;
COMMENT ON FUNCTION calib.late_after_all() IS
'After how long an activity is recorded late, on the days [from_day, to_day), where no policy of a unit says otherwise.';

-- The nearest policy up the tree of each day. Nothing is climbed where no unit has one.
CREATE FUNCTION calib.late_after_own()
RETURNS TABLE (unit_id bigint, late_after interval, from_day date, to_day date)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH RECURSIVE line AS (
        SELECT p.unit_id, p.late_hours, p.valid_from AS from_day,
               lead(p.valid_from, 1, 'infinity'::date) OVER (PARTITION BY p.unit_id ORDER BY p.valid_from) AS to_day
        FROM calib.policy p
        WHERE p.unit_id IS NOT NULL
    ), below (root_id, unit_id, valid, depth, path) AS (
        SELECT DISTINCT l.unit_id, l.unit_id, daterange(NULL, NULL), 0, ARRAY[l.unit_id]
        FROM line l
        WHERE l.late_hours IS NOT NULL
        UNION ALL
        SELECT b.root_id, h.unit_id, b.valid * h.valid, b.depth + 1, b.path || h.unit_id
        FROM below b JOIN calib.unit_history h ON h.parent_id = b.unit_id AND h.valid && b.valid
        WHERE h.unit_id <> ALL (b.path)
    ), rule AS (
        SELECT b.unit_id, b.depth, l.late_hours,
               greatest(l.from_day, lower(b.valid)) AS from_day, least(l.to_day, upper(b.valid)) AS to_day
        FROM below b JOIN line l ON l.unit_id = b.root_id
        WHERE l.late_hours IS NOT NULL
          AND greatest(l.from_day, lower(b.valid)) < least(l.to_day, upper(b.valid))
    ), bound AS (
        SELECT r.unit_id, r.from_day AS day FROM rule r
        UNION
        SELECT r.unit_id, r.to_day FROM rule r
    ), span AS (
        SELECT b.unit_id, b.day AS from_day, lead(b.day) OVER (PARTITION BY b.unit_id ORDER BY b.day) AS to_day
        FROM bound b
    )
    SELECT DISTINCT ON (s.unit_id, s.from_day) s.unit_id, make_interval(hours => r.late_hours), s.from_day, s.to_day
    FROM span s JOIN rule r ON r.unit_id = s.unit_id AND r.from_day <= s.from_day AND s.from_day < r.to_day
    ORDER BY s.unit_id, s.from_day, r.depth;
END;
COMMENT ON FUNCTION calib.late_after_own() IS
'The same where a policy of a unit, or of one above it on that day, says so: disjoint spans of days per unit.';

-- Labels ---------------------------------------------------------------------------

CREATE FUNCTION calib.act_label(kind text, on_time text[], late text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_build_array(kind,
        (SELECT coalesce(jsonb_agg(DISTINCT o ORDER BY o), '[]') FROM unnest(on_time) AS o),
        (SELECT coalesce(jsonb_agg(DISTINCT o ORDER BY o), '[]') FROM unnest(late) AS o))::text;
END;
COMMENT ON FUNCTION calib.act_label(text, text[], text[]) IS
'How an act is told where it is not its kind alone: kind, the outcomes recorded in time and those recorded late (null: without one), as JSON. An act without any outcome whose kind does not begin with [ is labelled by its kind.';

CREATE FUNCTION calib.label_outcomes(labels text[])
RETURNS TABLE (label text, kind text, outcome text, on_time boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
    SELECT l.label, l.label, NULL, true
    FROM unnest(labels) AS l (label)
    WHERE left(l.label, 1) <> '['
    UNION ALL
    SELECT l.label, l.label::jsonb ->> 0, o.outcome, s.on_time
    FROM unnest(labels) AS l (label)
    CROSS JOIN (VALUES (1, true), (2, false)) s (position, on_time)
    CROSS JOIN LATERAL jsonb_array_elements_text(l.label::jsonb -> s.position) AS o (outcome)
    WHERE left(l.label, 1) = '[';
END;
COMMENT ON FUNCTION calib.label_outcomes(text[]) IS
'The kind and outcomes of labels, which are not to come twice; on_time: told of one that was recorded in time (of a label without outcomes the act says whether it was).';

CREATE FUNCTION calib.label_weights(labels text[])
RETURNS TABLE (label text, from_day date, to_day date, weight numeric, weight_on_time numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH told AS MATERIALIZED (
        SELECT o.* FROM calib.label_outcomes(labels) o
    ), span AS (
        SELECT t.label, w.valid_from AS from_day,
               lead(w.valid_from, 1, 'infinity'::date) OVER (PARTITION BY t.label ORDER BY w.valid_from) AS to_day
        FROM (SELECT DISTINCT t.label, t.kind FROM told t) t
        JOIN (SELECT DISTINCT w.kind, w.valid_from FROM calib.activity_weight w) w USING (kind)
    )
    SELECT s.label, s.from_day, s.to_day, max(coalesce(special.weight, usual.weight)),
           max(coalesce(special.weight, usual.weight)) FILTER (WHERE t.on_time)
    FROM span s
    JOIN told t ON t.label = s.label
    LEFT JOIN calib.weight_spans() usual ON usual.kind = t.kind AND usual.outcome IS NULL
     AND s.from_day >= usual.from_day AND s.from_day < usual.to_day
    LEFT JOIN calib.weight_spans() special ON special.kind = t.kind AND special.outcome = t.outcome
     AND s.from_day >= special.from_day AND s.from_day < special.to_day
    GROUP BY s.label, s.from_day, s.to_day
    HAVING max(coalesce(special.weight, usual.weight)) IS NOT NULL;
END;
COMMENT ON FUNCTION calib.label_weights(text[]) IS
'What acts with these labels weigh on the days [from_day, to_day), and what of it was recorded in time; no row: they have no weight.';

-- From the rows ----------------------------------------------------------------------

-- The one place where activities become acts. Plain enough to be inlined.
CREATE FUNCTION calib.raw_acts(unit_ids bigint[], from_ats timestamptz[], to_ats timestamptz[], known_at timestamptz)
RETURNS TABLE (span bigint, unit_id bigint, product_line text, customer_id bigint, kind text, day date,
    weight numeric, weight_on_time numeric, late boolean, outcomes bigint, on_time_outcomes text[], late_outcomes text[], plain_on_time boolean, plain_late boolean,
    quantity numeric, first_at timestamptz, last_at timestamptz, last_recorded timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT a.span, a.unit_id, CASE WHEN l.of_all THEN '' ELSE a.product_line END, a.customer_id, a.kind, a.day,
           max(coalesce(special.weight, usual.weight)),
           -- a late record that weighs more makes the one on time not heavier
           max(coalesce(special.weight, usual.weight)) FILTER (WHERE NOT t.late),
           bool_and(t.late), count(a.outcome),
           array_agg(a.outcome) FILTER (WHERE a.outcome IS NOT NULL AND NOT t.late),
           array_agg(a.outcome) FILTER (WHERE a.outcome IS NOT NULL AND t.late),
           bool_or(a.outcome IS NULL AND NOT t.late), bool_or(a.outcome IS NULL AND t.late),
           sum(a.quantity::numeric) FILTER (WHERE a.kind IN ('order', 'contract_change')),
           min(a.occurred_at), max(a.occurred_at), max(a.recorded_at)
    FROM (
        -- fenced off: the day costs more than the rest of a row, and would be told again
        -- wherever it is asked for
        SELECT r.span, a.unit_id, a.product_line, a.customer_id, a.kind, a.outcome, a.quantity, a.occurred_at, a.recorded_at,
               (a.occurred_at AT TIME ZONE (SELECT o.zone FROM calib.organisation o))::date AS day
        FROM unnest(unit_ids, from_ats, to_ats) WITH ORDINALITY AS r (unit_id, from_at, to_at, span)
        JOIN calib.activity a ON a.unit_id = r.unit_id AND a.occurred_at >= r.from_at AND a.occurred_at < r.to_at
        WHERE (known_at IS NULL OR a.recorded_at <= known_at)
          -- what is still owed is not an act yet
          AND NOT (a.kind = 'follow_up' AND a.outcome IS NOT DISTINCT FROM 'open')
        OFFSET 0
    ) a
    JOIN (VALUES (true), (false)) l (of_all) ON l.of_all OR a.product_line <> ''
    LEFT JOIN calib.late_after_all() everyone ON a.day >= everyone.from_day AND a.day < everyone.to_day
    LEFT JOIN calib.late_after_own() own ON own.unit_id = a.unit_id AND a.day >= own.from_day AND a.day < own.to_day
    CROSS JOIN LATERAL (
        SELECT coalesce(a.recorded_at > a.occurred_at + coalesce(own.late_after, everyone.late_after), false) AS late) t
    LEFT JOIN calib.weight_spans() usual ON usual.kind = a.kind AND usual.outcome IS NULL
     AND a.day >= usual.from_day AND a.day < usual.to_day
    LEFT JOIN calib.weight_spans() special ON special.kind = a.kind AND special.outcome = a.outcome
     AND a.day >= special.from_day AND a.day < special.to_day
    GROUP BY a.span, a.unit_id, CASE WHEN l.of_all THEN '' ELSE a.product_line END, a.customer_id, a.kind, a.day;
END;
COMMENT ON FUNCTION calib.raw_acts(bigint[], timestamptz[], timestamptz[], timestamptz) IS
'Activities of each unit in [from_at, to_at) (span: which of them) against padding, one act per product line (and one for all: empty), customer, day and kind: its weight (NULL: none), what of it was recorded in time (NULL: nothing), and its outcomes. known_at: of what was recorded by then. Internal: of every unit.';
REVOKE EXECUTE ON FUNCTION calib.raw_acts(bigint[], timestamptz[], timestamptz[], timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.starts_of(days date[]) RETURNS timestamptz[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        WITH start AS MATERIALIZED (
            SELECT t.day, calib.start_of(t.day) AS at FROM (SELECT DISTINCT u.day FROM unnest($1) u (day)) t
        )
        SELECT s.at FROM unnest($1) WITH ORDINALITY d (day, i) JOIN start s ON s.day = d.day ORDER BY d.i);
END $$;
COMMENT ON FUNCTION calib.starts_of(date[]) IS
'start_of each of many days, none of them NULL, in their order.';

CREATE FUNCTION calib.act_rows(unit_ids bigint[], from_ats timestamptz[], to_ats timestamptz[])
RETURNS TABLE (span bigint, unit_id bigint, product_line text, customer_id bigint, kind text, day date,
    label text, weight numeric, weight_on_time numeric, late boolean, quantity numeric,
    first_at timestamptz, last_at timestamptz, last_recorded timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT a.span, a.unit_id, a.product_line, a.customer_id, a.kind, a.day,
           CASE WHEN a.outcomes = 0 AND left(a.kind, 1) <> '[' THEN a.kind
                ELSE calib.act_label(a.kind,
                    a.on_time_outcomes || CASE WHEN a.plain_on_time THEN ARRAY[NULL::text] END,
                    a.late_outcomes || CASE WHEN a.plain_late THEN ARRAY[NULL::text] END) END,
           a.weight, a.weight_on_time, a.late, a.quantity, a.first_at, a.last_at, a.last_recorded
    FROM calib.raw_acts(unit_ids, from_ats, to_ats, NULL) a;
END;
COMMENT ON FUNCTION calib.act_rows(bigint[], timestamptz[], timestamptz[]) IS
'raw_acts, each with its label; internal.';
REVOKE EXECUTE ON FUNCTION calib.act_rows(bigint[], timestamptz[], timestamptz[]) FROM PUBLIC;

-- Where days of a summary lie in UTC, noon of a day stands for it, and a record of three
-- days after for a late one.
CREATE FUNCTION calib.noon_of(day date) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT (day + time '12:00') AT TIME ZONE 'UTC';
END;
COMMENT ON FUNCTION calib.noon_of(date) IS
'The moment that stands for a day in the acts of calib.activity_act. NULL gives NULL.';

CREATE FUNCTION calib.due_rows(unit_ids bigint[], from_ats timestamptz[], to_ats timestamptz[])
RETURNS TABLE (span bigint, unit_id bigint, kind text, kept boolean, due_at timestamptz, recorded_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT r.span, a.unit_id, a.kind, a.outcome IS DISTINCT FROM 'open' AND a.occurred_at <= a.due_at, a.due_at, a.recorded_at
    FROM unnest(unit_ids, from_ats, to_ats) WITH ORDINALITY AS r (unit_id, from_at, to_at, span)
    JOIN calib.activity a ON a.unit_id = r.unit_id AND a.due_at >= r.from_at AND a.due_at < r.to_at
    WHERE a.kind IN ('follow_up', 'log_report');
END;
COMMENT ON FUNCTION calib.due_rows(bigint[], timestamptz[], timestamptz[]) IS
'Follow-ups and log reports of each unit that were due in [from_at, to_at), and whether they were answered or filed by then; internal.';
REVOKE EXECUTE ON FUNCTION calib.due_rows(bigint[], timestamptz[], timestamptz[]) FROM PUBLIC;

-- Storing ------------------------------------------------------------------------------

-- Along the keys: a plan that is kept may be older than the first million rows.
CREATE FUNCTION calib.add_up_months(unit_ids bigint[], days date[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = on
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    units bigint[];
    months date[];
BEGIN
    SELECT array_agg(d.unit_id), array_agg(d.month) INTO units, months
    FROM (SELECT DISTINCT r.unit_id, date_trunc('month', r.day::timestamp)::date AS month FROM unnest($1, $2) AS r (unit_id, day)) d;
    DELETE FROM calib.activity_month m USING unnest(units, months) AS r (unit_id, month)
    WHERE m.unit_id = r.unit_id AND m.month = r.month;
    WITH part AS MATERIALIZED (
        SELECT r.month, s.*
        FROM unnest(units, months) AS r (unit_id, month)
        JOIN calib.activity_summary s ON s.unit_id = r.unit_id AND s.from_day >= r.month AND s.from_day < (r.month + interval '1 month')::date
    ), whole AS (
        SELECT p.unit_id, p.month, min(p.first_at) FILTER (WHERE p.events > 0) AS first_at, max(p.last_event_at) AS last_at, max(p.last_recorded) AS last_recorded
        FROM part p
        GROUP BY p.unit_id, p.month
    )
    INSERT INTO calib.activity_month (unit_id, product_line, month, events, late_events, weighted, weighted_on_time, first_at, last_at, last_recorded)
    SELECT p.unit_id, p.product_line, p.month, sum(p.events), sum(p.late_events), sum(p.weighted), sum(p.weighted_on_time), w.first_at, w.last_at, w.last_recorded
    FROM part p JOIN whole w USING (unit_id, month)
    GROUP BY p.unit_id, p.product_line, p.month, w.first_at, w.last_at, w.last_recorded;
END $$;
COMMENT ON FUNCTION calib.add_up_months(bigint[], date[]) IS
'Adds up what is stored of the months of units that these days are in. Internal.';
REVOKE EXECUTE ON FUNCTION calib.add_up_months(bigint[], date[]) FROM PUBLIC;

CREATE FUNCTION calib.store_parts(unit_ids bigint[], from_days date[], to_days date[], closed boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = on
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    stored bigint;
    from_ats timestamptz[] := calib.starts_of($2);
    to_ats timestamptz[] := calib.starts_of($3);
BEGIN
    -- of a month that is summed up for the first time nothing is stored
    IF EXISTS (SELECT FROM calib.activity_summary s
               WHERE s.unit_id = ANY ($1) AND s.from_day >= (SELECT min(d) FROM unnest($2) AS d) AND s.from_day < (SELECT max(d) FROM unnest($3) AS d)) THEN
        DELETE FROM calib.activity_act s USING unnest($1, $2, $3) r (unit_id, from_day, to_day)
        WHERE s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day;
        DELETE FROM calib.activity_summary s USING unnest($1, $2, $3) r (unit_id, from_day, to_day)
        WHERE s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day;
    END IF;
    -- Nothing is joined that the planner, who cannot tell how many there are, would loop
    -- over: span is the place in the arrays.
    WITH figure AS MATERIALIZED (
        SELECT a.span, a.product_line,
               count(a.weight) AS events, count(a.weight) - count(a.weight_on_time) AS late_events,
               coalesce(sum(a.weight), 0) AS weighted, coalesce(sum(a.weight_on_time), 0) AS weighted_on_time,
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NOT NULL) AS acts,
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NULL) AS others,
               sum(a.quantity) FILTER (WHERE a.kind = 'contract_change') AS contract_changes,
               array_agg(a.customer_id) FILTER (WHERE a.kind = 'order' AND a.customer_id IS NOT NULL AND a.product_line = '') AS order_customers,
               array_agg(a.day) FILTER (WHERE a.kind = 'order' AND a.customer_id IS NOT NULL AND a.product_line = '') AS order_days,
               array_agg(a.quantity) FILTER (WHERE a.kind = 'order' AND a.customer_id IS NOT NULL AND a.product_line = '') AS order_lines,
               min(a.first_at) AS first_at, max(a.last_at) AS last_at, max(a.last_at) FILTER (WHERE a.weight IS NOT NULL) AS last_event_at,
               max(a.last_recorded) AS last_recorded
        FROM calib.act_rows($1, from_ats, to_ats) a
        GROUP BY a.span, a.product_line
    ), due AS (
        SELECT d.span, '' AS product_line,
               count(*) FILTER (WHERE d.kind = 'follow_up') AS follow_ups_due,
               count(*) FILTER (WHERE d.kind = 'follow_up' AND d.kept) AS follow_ups_kept,
               count(*) FILTER (WHERE d.kind = 'log_report') AS reports_due,
               count(*) FILTER (WHERE d.kind = 'log_report' AND d.kept) AS reports_kept,
               max(d.due_at) AS last_due, max(d.recorded_at) AS last_recorded
        FROM calib.due_rows($1, from_ats, to_ats) d
        GROUP BY d.span
    ), acts AS (
        INSERT INTO calib.activity_act (unit_id, product_line, from_day, piece, acts, others, order_customers, order_days, order_lines)
        SELECT unit_ids[f.span], f.product_line, from_days[f.span], 0, f.acts, f.others, f.order_customers, f.order_days, f.order_lines
        FROM figure f
    )
    INSERT INTO calib.activity_summary (unit_id, product_line, from_day, to_day, closed, events, late_events, customers, active_days,
        weighted, weighted_on_time, concentration, first_at, last_at, last_event_at, last_recorded, last_due,
        follow_ups_due, follow_ups_kept, reports_due, reports_kept, contract_changes)
    SELECT unit_ids[span], product_line, from_days[span], to_days[span], $4, coalesce(f.events, 0), coalesce(f.late_events, 0),
           coalesce(calib.customers(f.acts), 0), coalesce(calib.active_days(f.acts), 0),
           coalesce(f.weighted, 0), coalesce(f.weighted_on_time, 0), calib.distinct_concentration(f.acts),
           -- what a part may be used for does not depend on the line
           min(f.first_at) OVER whole, max(f.last_at) OVER whole, max(f.last_event_at) OVER whole,
           max(greatest(f.last_recorded, d.last_recorded)) OVER whole, d.last_due,
           coalesce(d.follow_ups_due, 0), coalesce(d.follow_ups_kept, 0), coalesce(d.reports_due, 0), coalesce(d.reports_kept, 0),
           f.contract_changes
    FROM figure f FULL JOIN due d USING (span, product_line)
    WINDOW whole AS (PARTITION BY span);
    GET DIAGNOSTICS stored = ROW_COUNT;
    PERFORM calib.split_acts(unit_ids, from_days, to_days);
    PERFORM calib.add_up_months(unit_ids, from_days);
    RETURN stored;
END $$;
COMMENT ON FUNCTION calib.store_parts(bigint[], date[], date[], boolean) IS
'Reads the activities of units in [from_day, to_day) and stores what they sum up to, in place of what was stored of these days; returns how many rows. Internal.';
REVOKE EXECUTE ON FUNCTION calib.store_parts(bigint[], date[], date[], boolean) FROM PUBLIC;

-- Single acts are told up to 4096 of them (see calib.acts); they are cut by customer, so
-- that none is in two pieces.
CREATE FUNCTION calib.split_acts(unit_ids bigint[], from_days date[], to_days date[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    large record;
BEGIN
    FOR large IN
        SELECT r.unit_id, r.from_day, r.to_day,
               max(coalesce(calib.distinct_events(s.acts), 0) + coalesce(calib.distinct_events(s.others), 0)) / 2000 + 1 AS pieces
        FROM unnest($1, $2, $3) r (unit_id, from_day, to_day)
        JOIN calib.activity_act s ON s.unit_id = r.unit_id AND s.from_day = r.from_day
        GROUP BY 1, 2, 3
        HAVING bool_or(calib.distinct_events(s.acts) > 4096 OR calib.distinct_events(s.others) > 4096)
    LOOP
        UPDATE calib.activity_act s SET acts = NULL, others = NULL
        WHERE s.unit_id = large.unit_id AND s.from_day = large.from_day;
        INSERT INTO calib.activity_act (unit_id, product_line, from_day, piece, acts, others)
        SELECT large.unit_id, a.product_line, large.from_day, 1 + (hashint8(a.customer_id) & 2147483647) % large.pieces,
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NOT NULL),
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NULL)
        FROM calib.act_rows(ARRAY[large.unit_id], ARRAY[calib.start_of(large.from_day)], ARRAY[calib.start_of(large.to_day)]) a
        GROUP BY a.product_line, 4;
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.split_acts(bigint[], date[], date[]) IS
'Cuts the acts of just stored parts into pieces where they are too many to be told singly. Internal.';
REVOKE EXECUTE ON FUNCTION calib.split_acts(bigint[], date[], date[]) FROM PUBLIC;

CREATE FUNCTION calib.stored_acts(unit_ids bigint[], from_days date[], to_days date[])
RETURNS TABLE (span bigint, product_line text, piece integer, customer_id bigint, day date, label text, late boolean,
    weight numeric, weight_on_time numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH stored AS MATERIALIZED (
        SELECT r.span, s.product_line, s.piece, v.acts
        FROM unnest(unit_ids, from_days, to_days) WITH ORDINALITY r (unit_id, from_day, to_day, span)
        JOIN calib.activity_act s ON s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day
        CROSS JOIN LATERAL (VALUES (s.acts), (s.others)) v (acts)
        WHERE v.acts IS NOT NULL
    )
    SELECT s.span, s.product_line, s.piece, a.customer_id, a.day, a.kind, a.late_events > 0, w.weight,
           CASE WHEN a.late_events = 0 THEN w.weight_on_time END
    FROM stored s
    CROSS JOIN LATERAL calib.acts(s.acts) a
    LEFT JOIN calib.label_weights(ARRAY(SELECT DISTINCT k.kind FROM stored s CROSS JOIN LATERAL calib.kind_counts(s.acts) k)) w
      ON w.label = a.kind AND a.day >= w.from_day AND a.day < w.to_day;
END;
COMMENT ON FUNCTION calib.stored_acts(bigint[], date[], date[]) IS
'The acts stored of units in [from_day, to_day) (span: which of them), with the weights of now; internal.';
REVOKE EXECUTE ON FUNCTION calib.stored_acts(bigint[], date[], date[]) FROM PUBLIC;

-- The days of a week that is over become one row, without their activities.
CREATE FUNCTION calib.merge_parts(unit_ids bigint[], from_days date[], to_days date[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    summaries calib.activity_summary[];
    acts calib.activity_act[];
BEGIN
    WITH act AS (
        SELECT a.span, a.product_line,
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NOT NULL) AS acts,
               calib.behavior(calib.noon_of(a.day), a.customer_id, a.label, NULL, 'UTC',
                              CASE WHEN a.late THEN calib.noon_of(a.day + 3) END) FILTER (WHERE a.weight IS NULL) AS others
        FROM calib.stored_acts($1, $2, $3) a
        GROUP BY a.span, a.product_line
    ), ordered AS (
        SELECT r.span, array_agg(o.customer) AS customers, array_agg(o.day) AS days, array_agg(o.lines) AS lines
        FROM unnest($1, $2, $3) WITH ORDINALITY r (unit_id, from_day, to_day, span)
        JOIN calib.activity_act s ON s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day AND s.product_line = ''
        CROSS JOIN LATERAL unnest(s.order_customers, s.order_days, s.order_lines) o (customer, day, lines)
        GROUP BY r.span
    ), whole AS (
        SELECT r.span, min(s.first_at) AS first_at, max(s.last_at) AS last_at, max(s.last_event_at) AS last_event_at, max(s.last_recorded) AS last_recorded
        FROM unnest($1, $2, $3) WITH ORDINALITY r (unit_id, from_day, to_day, span)
        JOIN calib.activity_summary s ON s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day
        GROUP BY r.span
    ), figure AS (
        SELECT r.span, r.unit_id, r.from_day, r.to_day, s.product_line,
               sum(s.events) AS events, sum(s.late_events) AS late_events, sum(s.active_days) AS active_days,
               sum(s.weighted) AS weighted, sum(s.weighted_on_time) AS weighted_on_time, max(s.last_due) AS last_due,
               sum(s.follow_ups_due) AS follow_ups_due, sum(s.follow_ups_kept) AS follow_ups_kept,
               sum(s.reports_due) AS reports_due, sum(s.reports_kept) AS reports_kept, sum(s.contract_changes) AS contract_changes
        FROM unnest($1, $2, $3) WITH ORDINALITY r (unit_id, from_day, to_day, span)
        JOIN calib.activity_summary s ON s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day
        GROUP BY r.span, r.unit_id, r.from_day, r.to_day, s.product_line
    )
    SELECT array_agg(ROW(f.unit_id, f.product_line, f.from_day, f.to_day, true, f.events, f.late_events,
               coalesce(calib.customers(a.acts), 0), f.active_days, f.weighted, f.weighted_on_time, calib.distinct_concentration(a.acts),
               w.first_at, w.last_at, w.last_event_at, w.last_recorded, f.last_due,
               f.follow_ups_due, f.follow_ups_kept, f.reports_due, f.reports_kept, f.contract_changes)::calib.activity_summary),
           array_agg(ROW(f.unit_id, f.product_line, f.from_day, 0, a.acts, a.others, o.customers, o.days, o.lines)::calib.activity_act)
             FILTER (WHERE num_nonnulls(a.acts, a.others) > 0)
    INTO summaries, acts
    FROM figure f
    JOIN whole w USING (span)
    LEFT JOIN act a ON a.span = f.span AND a.product_line = f.product_line
    LEFT JOIN ordered o ON o.span = f.span AND f.product_line = '';
    DELETE FROM calib.activity_act s USING unnest($1, $2, $3) r (unit_id, from_day, to_day)
    WHERE s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day;
    DELETE FROM calib.activity_summary s USING unnest($1, $2, $3) r (unit_id, from_day, to_day)
    WHERE s.unit_id = r.unit_id AND s.from_day >= r.from_day AND s.from_day < r.to_day;
    INSERT INTO calib.activity_act SELECT a.* FROM unnest(acts) a;
    INSERT INTO calib.activity_summary SELECT s.* FROM unnest(summaries) s;
    PERFORM calib.add_up_months($1, $2);
    RETURN cardinality(summaries);
END $$;
COMMENT ON FUNCTION calib.merge_parts(bigint[], date[], date[]) IS
'Puts the days stored of units in [from_day, to_day) together, without reading an activity; returns how many rows they are then. Internal.';
REVOKE EXECUTE ON FUNCTION calib.merge_parts(bigint[], date[], date[]) FROM PUBLIC;
