-- Attainment and pace at the end of each week: how a quarter came to where it stands.
--
-- What happened is added up once, by days between one end and the next, and then run up;
-- targets and working days are those of each end.

-- A week that is over is judged with its last day behind it; but what happens at the stroke
-- of midnight, as do facts of a source that knows days alone, is the next day's.
CREATE FUNCTION calib.week_ends(from_day date, as_of timestamptz)
RETURNS TABLE (week date, week_end date, value_at timestamptz, elapsed_at timestamptz)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 40
BEGIN ATOMIC
    SELECT calib.period_start(d.day - 1, 'week'), d.day,
           least(calib.start_of(d.day) - interval '1 microsecond', as_of), least(calib.start_of(d.day), as_of)
    FROM (SELECT g.day::date AS day
          FROM generate_series((from_day + 1)::timestamp, (calib.period_start(calib.day_of(as_of), 'week') + 7)::timestamp, interval '1 day') AS g (day)) d
    WHERE extract(isodow FROM d.day) = 1 OR extract(day FROM d.day) = 1;
END;
COMMENT ON FUNCTION calib.week_ends(date, timestamptz) IS
'The days after from_day at which a week or a month ends, up to the end of the week of as_of; value_at: the last instant before, elapsed_at: midnight, neither after as_of. NULL gives no rows; an infinite time is 22023. Internal.';
REVOKE EXECUTE ON FUNCTION calib.week_ends(date, timestamptz) FROM PUBLIC;

-- Of a unit that never moved, all days between two ends are added up before they climb.
CREATE FUNCTION calib.all_results_by_week(from_month date, from_day date, as_of timestamptz, of_units bigint[])
RETURNS TABLE (unit_id bigint, measure text, product_line text, week_end date, amount numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    zone text := (SELECT o.zone FROM calib.organisation o);
    below bigint[];
BEGIN
    IF of_units IS NOT NULL THEN
        below := ARRAY(SELECT DISTINCT c.unit_id FROM calib.unit_closure c WHERE c.ancestor_id = ANY (of_units));
    END IF;
    RETURN QUERY
    WITH moved AS MATERIALIZED (
        SELECT DISTINCT c.unit_id FROM calib.unit_closure c WHERE isfinite(c.valid_from) OR isfinite(c.valid_to)
    ), daily AS MATERIALIZED (
        SELECT r.unit_id, r.measure, r.product_line, (r.occurred_at AT TIME ZONE zone)::date AS day, sum(r.amount) AS amount
        FROM calib.result r
        WHERE r.occurred_at >= calib.start_of(from_day) AND r.occurred_at <= as_of AND (below IS NULL OR r.unit_id = ANY (below))
        GROUP BY 1, 2, 3, 4
    ), part AS MATERIALIZED (
        SELECT d.unit_id, d.measure, d.product_line,
               CASE WHEN m.unit_id IS NULL THEN e.week_end - 1 ELSE d.day END AS day, e.week_end, sum(d.amount) AS amount
        FROM daily d
        CROSS JOIN LATERAL (SELECT least(calib.period_start(d.day, 'week') + 7, (date_trunc('month', d.day::timestamp) + interval '1 month')::date)) AS e (week_end)
        LEFT JOIN moved m ON m.unit_id = d.unit_id
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT c.ancestor_id, p.measure, p.product_line, p.week_end, sum(p.amount)
    FROM part p
    JOIN calib.unit_closure c ON c.unit_id = p.unit_id AND c.valid_from <= p.day AND c.valid_to > p.day
    WHERE of_units IS NULL OR c.ancestor_id = ANY (of_units)
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT r.unit_id, r.measure, r.product_line, (r.month + interval '1 month')::date, r.amount
    FROM calib.all_results_by_month(from_month, from_day, as_of, NULL, of_units) r
    WHERE from_month < from_day;
END $$;
COMMENT ON FUNCTION calib.all_results_by_week(date, date, timestamptz, bigint[]) IS
'Results of every unit (or some) and all that stood below it on each day, up to as_of: by month from from_month to from_day, both first days of a month, and from there by the next end of a week or month. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_results_by_week(date, date, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.all_attainment_weekly(from_day date, as_of timestamptz, of_units bigint[])
RETURNS TABLE (unit_id bigint, measure text, product_line text, grain text, period_start date, period_end date,
    week date, week_end date, original_value numeric, target_value numeric, actual numeric,
    attainment numeric, attainment_original numeric, elapsed_share numeric, pace numeric, pace_basis text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    that_day date := calib.day_of(as_of);
    from_month date;
BEGIN
    SELECT min(k.period_start) INTO from_month
    FROM calib.target_keys() k
    WHERE k.period_start <= that_day AND calib.period_end(k.period_start, k.grain) > $1;
    IF from_month IS NULL OR of_units = '{}' THEN
        RETURN;
    END IF;
    from_month := least(from_month, $1);
    RETURN QUERY
    WITH cut AS MATERIALIZED (
        SELECT e.* FROM calib.week_ends($1, as_of) e
    ), period AS MATERIALIZED (
        SELECT DISTINCT k.grain, k.period_start, calib.period_end(k.period_start, k.grain) AS period_end
        FROM calib.target_keys() k
        WHERE k.period_start <= that_day
    ), asked AS MATERIALIZED (
        -- the periods that each week touches; those that go on are judged where it ends
        SELECT c.week, c.week_end, c.value_at, c.elapsed_at, p.grain, array_agg(p.period_start) AS starts
        FROM cut c
        JOIN period p ON p.period_start < c.week_end AND p.period_end >= c.week_end
        WHERE p.period_end = c.week_end OR c.week_end = c.week + 7
        GROUP BY 1, 2, 3, 4, 5
    ), target AS MATERIALIZED (
        SELECT a.week, a.week_end, a.elapsed_at, t.*, row_number() OVER () AS place
        FROM asked a
        CROSS JOIN LATERAL calib.all_targets_in(a.value_at, a.grain, a.starts, of_units) t
    ), line AS MATERIALIZED (
        -- a target without a product line counts the results of all
        SELECT r.unit_id, r.measure, l.product_line, r.week_end, sum(r.amount) AS amount
        FROM calib.all_results_by_week(from_month, $1, as_of, of_units) r
        CROSS JOIN LATERAL unnest(CASE r.product_line WHEN '' THEN ARRAY[''] ELSE ARRAY['', r.product_line] END) AS l (product_line)
        GROUP BY 1, 2, 3, 4
    ), bound AS MATERIALIZED (
        SELECT g.day::date AS day
        FROM generate_series(from_month::timestamp, $1::timestamp, interval '1 month') AS g (day)
        UNION
        SELECT c.week_end FROM cut c
    ), grid AS MATERIALIZED (
        SELECT k.unit_id, k.measure, k.product_line, b.day
        FROM (SELECT DISTINCT l.unit_id, l.measure, l.product_line FROM line l) k CROSS JOIN bound b
    ), run AS MATERIALIZED (
        -- all that happened since from_month, by each day
        SELECT g.unit_id, g.measure, g.product_line, g.day,
               sum(l.amount) OVER (PARTITION BY g.unit_id, g.measure, g.product_line ORDER BY g.day) AS amount
        FROM grid g
        LEFT JOIN line l ON l.unit_id = g.unit_id AND l.measure = g.measure AND l.product_line = g.product_line AND l.week_end = g.day
    ), working AS MATERIALIZED (
        SELECT a.elapsed_at, w.unit_id, w.period_start, w.period_end, w.days_elapsed::numeric / nullif(w.days, 0) AS elapsed
        FROM (SELECT s.elapsed_at, array_agg(s.unit_id ORDER BY s.n) AS unit_ids,
                     array_agg(s.period_start ORDER BY s.n) AS starts, array_agg(s.period_end ORDER BY s.n) AS ends
              FROM (SELECT d.*, row_number() OVER () AS n
                    FROM (SELECT DISTINCT t.elapsed_at, t.unit_id, t.period_start, t.period_end FROM target t) d) s
              GROUP BY s.elapsed_at) a
        CROSS JOIN LATERAL calib.elapsed_working_days(a.elapsed_at, a.unit_ids, a.starts, a.ends) w
    ), nearest AS MATERIALIZED (
        SELECT DISTINCT ON (t.place) t.place, s.shares
        FROM calib.season s
        JOIN target t ON t.measure = s.measure AND t.product_line = s.product_line AND t.grain = s.grain
        LEFT JOIN calib.unit_closure c ON c.ancestor_id = s.unit_id AND c.unit_id = t.unit_id
         AND c.valid_from <= calib.day_of(t.elapsed_at) AND c.valid_to > calib.day_of(t.elapsed_at)
        WHERE s.unit_id IS NULL OR c.unit_id IS NOT NULL
        ORDER BY t.place, c.depth NULLS LAST
    ), read AS (
        SELECT t.*, n.shares, coalesce(r.amount, 0) - coalesce(b.amount, 0) AS actual,
               CASE WHEN n.shares IS NULL THEN w.elapsed ELSE calib.season_share(n.shares, w.elapsed) END AS share
        FROM target t
        JOIN working w ON w.elapsed_at = t.elapsed_at AND w.unit_id = t.unit_id
         AND w.period_start = t.period_start AND w.period_end = t.period_end
        LEFT JOIN run r ON r.unit_id = t.unit_id AND r.measure = t.measure AND r.product_line = t.product_line AND r.day = t.week_end
        LEFT JOIN run b ON b.unit_id = t.unit_id AND b.measure = t.measure AND b.product_line = t.product_line AND b.day = t.period_start
        LEFT JOIN nearest n ON n.place = t.place
    )
    SELECT r.unit_id, r.measure, r.product_line, r.grain, r.period_start, r.period_end, r.week, r.week_end,
           r.original_value, r.target_value, r.actual, r.actual / r.target_value, r.actual / r.original_value,
           r.share, r.actual / r.target_value / nullif(r.share, 0),
           CASE WHEN r.shares IS NULL THEN 'working_days' ELSE 'season' END
    FROM read r;
END $$;
COMMENT ON FUNCTION calib.all_attainment_weekly(date, timestamptz, bigint[]) IS
'Attainment and pace of every unit (or some) at the end of each week that ends after from_day, the first day of a month, up to as_of. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_attainment_weekly(date, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.attainment_weekly_now()
RETURNS TABLE (unit_id bigint, measure text, product_line text, grain text, period_start date, period_end date,
    week date, week_end date, original_value numeric, target_value numeric, actual numeric,
    attainment numeric, attainment_original numeric, elapsed_share numeric, pace numeric, pace_basis text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    seen bigint[] := calib.units_seen_or_all();
    quarter date;
BEGIN
    SELECT calib.period_start(calib.today(), 'quarter', o.fiscal_start_month) INTO quarter FROM calib.organisation o;
    -- of thousands it is less to read all of them
    RETURN QUERY
    SELECT a.* FROM calib.all_attainment_weekly((quarter - interval '3 months')::date, calib.clock(),
                                                CASE WHEN cardinality(seen) <= 1000 THEN seen END) a
    WHERE seen IS NULL OR a.unit_id IN (SELECT calib.units_seen());
END $$;
COMMENT ON FUNCTION calib.attainment_weekly_now() IS 'What the view attainment_weekly shows.';

CREATE VIEW calib.attainment_weekly WITH (security_invoker = true) AS
SELECT a.unit_id, u.unit_name, u.unit_kind, u.parent_id, u.region, a.measure, a.product_line, a.grain, a.period_start, a.period_end,
       a.week, a.week_end, a.original_value, a.target_value, a.actual, a.attainment, a.attainment_original,
       a.elapsed_share, a.pace, a.pace_basis
FROM calib.attainment_weekly_now() a JOIN calib.unit_label u USING (unit_id);
COMMENT ON VIEW calib.attainment_weekly IS
'Attainment and pace at the end of each ISO week of the running fiscal quarter and of the one before it, for each target''s period: what view attainment would have shown then. The running week stands at now.';
COMMENT ON COLUMN calib.attainment_weekly.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.attainment_weekly.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.attainment_weekly.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.attainment_weekly.parent_id IS 'The unit above, today.';
COMMENT ON COLUMN calib.attainment_weekly.region IS 'Name of the region it is or stands in, today.';
COMMENT ON COLUMN calib.attainment_weekly.measure IS 'What is counted.';
COMMENT ON COLUMN calib.attainment_weekly.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.attainment_weekly.grain IS 'month, quarter or year.';
COMMENT ON COLUMN calib.attainment_weekly.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.attainment_weekly.period_end IS 'First day after the period.';
COMMENT ON COLUMN calib.attainment_weekly.week IS 'Monday of the week, in the organisation''s time.';
COMMENT ON COLUMN calib.attainment_weekly.week_end IS 'First day after the week, or after the period where that ends within it.';
COMMENT ON COLUMN calib.attainment_weekly.original_value IS 'The target as published.';
COMMENT ON COLUMN calib.attainment_weekly.target_value IS 'The target as it stood at the end of the week.';
COMMENT ON COLUMN calib.attainment_weekly.actual IS 'Results from the start of the period to the end of the week, of the unit and all below it.';
COMMENT ON COLUMN calib.attainment_weekly.attainment IS 'actual / target_value; 1.3 is 130 %.';
COMMENT ON COLUMN calib.attainment_weekly.attainment_original IS 'actual / original_value: lowering a target does not move it.';
COMMENT ON COLUMN calib.attainment_weekly.elapsed_share IS 'Share of the unit''s working days that had passed, or of the season''s results expected by then.';
COMMENT ON COLUMN calib.attainment_weekly.pace IS 'attainment / elapsed_share; NULL before the first working day has passed.';
COMMENT ON COLUMN calib.attainment_weekly.pace_basis IS 'working_days or season.';
