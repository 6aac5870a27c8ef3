-- The diagnosis: quadrant, signal, remedy and reason of every unit with a target.

-- Figures of a window for every unit itself, or for some.
CREATE FUNCTION calib.unit_figures(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL,
    with_focus boolean DEFAULT true, with_conversion boolean DEFAULT true, lines text[] DEFAULT NULL, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, rep_weeks numeric, weighted numeric, weighted_on_time numeric,
    events bigint, late_events bigint, existing_events bigint, concentration float8, worked bigint, won bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    IF of_units = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH line AS MATERIALIZED (
        SELECT DISTINCT l.product_line FROM unnest(lines) AS l (product_line)
        WHERE lines IS NOT NULL
        UNION
        SELECT k.product_line FROM calib.target_keys() k WHERE lines IS NULL
        UNION
        SELECT ''
    ), unit AS MATERIALIZED (
        SELECT u.unit_id FROM calib.unit u WHERE of_units IS NULL OR u.unit_id IN (SELECT unnest(of_units))
    ), worked AS MATERIALIZED (
        SELECT r.unit_id, r.rep_weeks FROM calib.all_rep_weeks_in(from_at, to_at, of_units) r
    ), behavior AS MATERIALIZED (
        SELECT b.* FROM calib.all_behavior_in(from_at, to_at, known_at, with_focus, of_units, ARRAY(SELECT l.product_line FROM line l)) b
    ), conversion AS MATERIALIZED (
        SELECT c.* FROM calib.all_conversion_in(from_at, to_at, known_at, CASE WHEN with_conversion THEN of_units ELSE '{}' END) c
    )
    SELECT u.unit_id, l.product_line, coalesce(r.rep_weeks, 0),
           coalesce(b.weighted, 0), coalesce(b.weighted_on_time, 0),
           coalesce(b.events, 0), coalesce(b.late_events, 0),
           CASE WHEN with_focus THEN coalesce(b.existing_events, 0) END, b.concentration,
           CASE WHEN with_conversion THEN coalesce(c.worked, 0) END, CASE WHEN with_conversion THEN coalesce(c.won, 0) END
    FROM unit u
    CROSS JOIN line l
    LEFT JOIN worked r ON r.unit_id = u.unit_id
    LEFT JOIN behavior b ON b.unit_id = u.unit_id AND (b.product_line = l.product_line) IS TRUE
    LEFT JOIN conversion c ON c.unit_id = u.unit_id AND (c.product_line = l.product_line) IS TRUE;
END $$;
COMMENT ON FUNCTION calib.unit_figures(timestamptz, timestamptz, timestamptz, boolean, boolean, text[], bigint[]) IS
'What a diagnosis knows of each unit and product line in [from_at, to_at): rep-weeks, weighted activity, late and existing shares, concentration, opportunities worked and won. with_focus, with_conversion false: those columns are NULL and cost nothing; lines: product lines beside the empty one (NULL: those of all targets); of_units NULL: every unit. Internal.';
REVOKE EXECUTE ON FUNCTION calib.unit_figures(timestamptz, timestamptz, timestamptz, boolean, boolean, text[], bigint[]) FROM PUBLIC;

-- The peers are read over the whole group, so that every viewer has the same
-- index; shown are sums of at least min_peers others, beside the units that the
-- caller sees.
CREATE FUNCTION calib.peer_figures(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, rep_weeks numeric, weighted numeric, weighted_on_time numeric,
    events bigint, late_events bigint, existing_events bigint, concentration float8, worked bigint, won bigint,
    peers bigint, peer_rep_weeks numeric, peer_weighted numeric, peer_events bigint, peer_existing_events bigint,
    peer_concentration float8, peer_worked bigint, peer_won bigint)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH figure AS (
        SELECT f.*, u.kind, coalesce(u.peer_group, '') AS peer_group
        FROM calib.unit_figures(from_at, to_at, known_at) f JOIN calib.unit u USING (unit_id)
    ), pool AS (
        SELECT f.kind, f.peer_group, f.product_line,
               count(*) AS units, sum(f.rep_weeks) AS rep_weeks, sum(f.weighted) AS weighted,
               sum(f.events)::bigint AS events, sum(f.existing_events)::bigint AS existing_events,
               sum(f.concentration::numeric) AS concentration, count(f.concentration) AS concentrations,
               sum(f.worked)::bigint AS worked, sum(f.won)::bigint AS won
        FROM figure f
        WHERE f.rep_weeks > 0
        GROUP BY f.kind, f.peer_group, f.product_line
    ), others AS (
        SELECT f.*, coalesce(p.units, 0) - own.one AS peers,
               p.rep_weeks - f.rep_weeks AS peer_rep_weeks,
               p.weighted - f.weighted * own.one AS peer_weighted,
               p.events - f.events * own.one AS peer_events,
               p.existing_events - f.existing_events * own.one AS peer_existing_events,
               ((p.concentration - coalesce(f.concentration::numeric, 0) * own.one)
                 / nullif(p.concentrations - (f.concentration IS NOT NULL)::integer * own.one, 0))::float8 AS peer_concentration,
               p.worked - f.worked * own.one AS peer_worked,
               p.won - f.won * own.one AS peer_won
        FROM figure f
        CROSS JOIN LATERAL (SELECT (f.rep_weeks > 0)::integer AS one) own
        LEFT JOIN pool p USING (kind, peer_group, product_line)
        WHERE f.unit_id IN (SELECT calib.units_seen())
    )
    SELECT o.unit_id, o.product_line, o.rep_weeks, o.weighted, o.weighted_on_time,
           o.events, o.late_events, o.existing_events, o.concentration, o.worked, o.won, o.peers,
           CASE WHEN o.peers >= p.min_peers THEN o.peer_rep_weeks END,
           CASE WHEN o.peers >= p.min_peers THEN o.peer_weighted END,
           CASE WHEN o.peers >= p.min_peers THEN o.peer_events END,
           CASE WHEN o.peers >= p.min_peers THEN o.peer_existing_events END,
           CASE WHEN o.peers >= p.min_peers THEN o.peer_concentration END,
           CASE WHEN o.peers >= p.min_peers THEN o.peer_worked END,
           CASE WHEN o.peers >= p.min_peers THEN o.peer_won END
    FROM others o
    LEFT JOIN calib.policy_at(calib.day_of(to_at)) p USING (unit_id);
END;
COMMENT ON FUNCTION calib.peer_figures(timestamptz, timestamptz, timestamptz) IS
'Of each unit seen and product line in [from_at, to_at): rep-weeks, weighted activity, late and existing events, concentration, opportunities worked and won; and beside them those of the OTHER units of the peer group (same kind, same peer_group, at work in the window), pooled over the whole group whoever asks; concentration as their mean. Fewer others than min_peers: no peer figures (NULL).';

-- Everything is read once, and only of those it can make a difference to: of some units
-- (of_units) their peers are read, and their children where a market-wide case is open.
-- The 13 weeks before are read of those alone that are compared with them.  Where but a
-- decision is asked for (reading), so are conversion and focus, of the peer groups of
-- units they can decide for; where but the quadrant is, not even those.
CREATE FUNCTION calib.diagnose_units(as_of timestamptz, of_grain text, of_period date, known_at timestamptz,
    of_units bigint[], seen bigint[], reading text)
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, peer_group text,
    measure text, product_line text, grain text, period_start date, period_end date,
    original_value numeric, target_value numeric, actual numeric, attainment numeric, attainment_original numeric,
    elapsed_share numeric, pace numeric, pace_basis text, rep_weeks numeric, density float8,
    peers bigint, peer_basis text, peer_density float8, density_index float8, late_share numeric,
    worked bigint, won bigint, conversion numeric, benchmark numeric, peer_conversion numeric,
    existing_share numeric, peer_existing_share numeric, concentration float8, peer_concentration float8,
    quadrant text, signal text, remedy text, reason_code text, reason_args jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    lean boolean := reading <> 'full';
    today date := calib.day_of(as_of);
    next_period date := calib.period_end(of_period, of_grain);
    from_at timestamptz := calib.start_of(of_period);
    to_at timestamptz := least(as_of, calib.start_of(next_period));
    before_at timestamptz := calib.start_of(of_period - 91);
    to_day date := calib.day_of(to_at);
    on_day date := greatest(least(today, next_period - 1), of_period);
    judged_day date := least(today, next_period - 1);
    previous_period date := (of_period - CASE of_grain WHEN 'week' THEN interval '7 days' WHEN 'month' THEN interval '1 month'
        WHEN 'quarter' THEN interval '3 months' ELSE interval '12 months' END)::date;
BEGIN
    IF as_of IS NULL OR of_units = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT u.unit_id FROM calib.unit u
        WHERE (of_units IS NULL OR u.unit_id IN (SELECT unnest(of_units))) AND (seen IS NULL OR u.unit_id IN (SELECT unnest(seen)))
    ), stood AS MATERIALIZED (
        -- a unit that moved since is judged with the group it stood in
        SELECT h.unit_id, h.parent_id, h.unit_id IN (SELECT a.unit_id FROM asked a) AS is_asked
        FROM calib.unit_history h
        WHERE h.valid @> on_day AND (seen IS NULL OR h.unit_id IN (SELECT unnest(seen)))
          AND (h.unit_id IN (SELECT a.unit_id FROM asked a) OR h.parent_id IN (SELECT a.unit_id FROM asked a))
    ), to_policy AS MATERIALIZED (
        SELECT p.* FROM calib.policy_at(to_day, NULL, CASE WHEN of_units IS NOT NULL THEN ARRAY(SELECT s.unit_id FROM stood s) END) p
    ), policy AS MATERIALIZED (
        SELECT p.* FROM to_policy p WHERE judged_day = to_day
        UNION ALL
        SELECT p.* FROM calib.policy_at(judged_day, NULL, CASE WHEN of_units IS NOT NULL THEN ARRAY(SELECT s.unit_id FROM stood s) END) p
        WHERE judged_day <> to_day
    ), own AS MATERIALIZED (
        SELECT a.* FROM calib.all_attainment_in(as_of, known_at, of_grain, ARRAY[of_period],
            CASE WHEN of_units IS NOT NULL THEN ARRAY(SELECT a.unit_id FROM asked a) END) a
    ), below AS MATERIALIZED (
        -- who keeps the floor needs no look at the children
        SELECT a.* FROM calib.all_attainment_in(as_of, known_at, of_grain, ARRAY[of_period],
            ARRAY(SELECT s.unit_id FROM stood s
                  WHERE NOT s.is_asked AND s.parent_id IN (
                      SELECT o.unit_id FROM own o JOIN policy p ON p.unit_id = o.unit_id WHERE o.pace < p.attainment_floor))) a
    ), attained AS MATERIALIZED (
        SELECT a.*, h.parent_id, h.is_asked, u.name AS unit_name, u.kind AS unit_kind, u.peer_group, u.active,
               q.min_peers AS to_min_peers, q.min_opportunities,
               p.attainment_floor AS floor, p.attainment_margin, p.windfall_margin, p.density_margin,
               p.min_elapsed_share, p.min_peers, p.ramp_weeks, p.benchmark_share, p.focus_share_margin, p.focus_hhi_ratio
        FROM (SELECT o.* FROM own o UNION ALL SELECT b.* FROM below b) a
        JOIN stood h ON h.unit_id = a.unit_id
        JOIN calib.unit u ON u.unit_id = a.unit_id
        JOIN to_policy q ON q.unit_id = a.unit_id
        JOIN policy p ON p.unit_id = a.unit_id
    ), line AS MATERIALIZED (
        SELECT array_agg(DISTINCT a.product_line) AS lines FROM attained a
    ), brood AS MATERIALIZED (
        -- the units next below each parent, as one group
        SELECT f.parent_id, f.measure, f.product_line, f.unit_kind, coalesce(f.peer_group, '') AS peer_group,
               count(*) AS children, count(*) FILTER (WHERE f.pace < f.floor) AS missing,
               row_number() OVER (PARTITION BY f.parent_id, f.measure, f.product_line ORDER BY count(*) DESC, f.unit_kind,
                                  coalesce(f.peer_group, '')) AS rank
        FROM attained f
        WHERE f.parent_id IS NOT NULL AND f.pace IS NOT NULL
        GROUP BY f.parent_id, f.measure, f.product_line, f.unit_kind, coalesce(f.peer_group, '')
    ), suspect AS MATERIALIZED (
        -- those of them that may make their parent's miss one of the market
        SELECT b.* FROM brood b
        JOIN attained a ON a.unit_id = b.parent_id
        WHERE (b.rank = 1 AND a.is_asked AND b.measure = a.measure AND b.product_line = a.product_line
               AND b.children >= a.min_peers AND 2 * b.missing > b.children AND a.pace < a.floor) IS TRUE
    ), child AS MATERIALIZED (
        SELECT s.parent_id, s.measure, s.product_line, f.unit_id
        FROM suspect s JOIN attained f ON f.parent_id = s.parent_id
        WHERE (f.pace IS NOT NULL AND f.measure = s.measure AND f.product_line = s.product_line AND f.unit_kind = s.unit_kind
               AND coalesce(f.peer_group, '') = s.peer_group) IS TRUE
    ), grouped AS MATERIALIZED (
        SELECT DISTINCT f.unit_kind AS kind, coalesce(f.peer_group, '') AS peer_group FROM attained f WHERE f.is_asked
    ), member AS MATERIALIZED (
        SELECT u.unit_id, u.kind, coalesce(u.peer_group, '') AS peer_group
        FROM calib.unit u
        WHERE (u.kind, coalesce(u.peer_group, '')) IN (SELECT g.kind, g.peer_group FROM grouped g)
    ), figure AS MATERIALIZED (
        SELECT f.*, m.kind, m.peer_group
        FROM line l
        CROSS JOIN LATERAL calib.unit_figures(from_at, to_at, known_at, NOT lean, NOT lean, l.lines,
            CASE WHEN of_units IS NOT NULL OR lean
                 THEN ARRAY(SELECT m.unit_id FROM member m UNION SELECT c.unit_id FROM child c) END) f
        LEFT JOIN member m ON m.unit_id = f.unit_id
    ), pool AS MATERIALIZED (
        SELECT f.kind, f.peer_group, f.product_line,
               count(*) AS units, sum(f.rep_weeks) AS rep_weeks, sum(f.weighted) AS weighted, sum(f.events)::bigint AS events
        FROM figure f
        WHERE f.rep_weeks > 0 AND f.kind IS NOT NULL
        GROUP BY f.kind, f.peer_group, f.product_line
    ), working AS MATERIALIZED (
        SELECT a.*, f.rep_weeks, f.weighted, f.weighted_on_time, f.events, f.late_events, f.existing_events, f.concentration,
               f.worked, f.won, (f.rep_weeks > 0)::integer AS one,
               coalesce(p.units, 0) - (f.rep_weeks > 0)::integer AS peers,
               p.rep_weeks - f.rep_weeks AS peer_rep_weeks,
               p.weighted - f.weighted * (f.rep_weeks > 0)::integer AS peer_weighted,
               p.events - f.events * (f.rep_weeks > 0)::integer AS peer_events
        FROM attained a
        JOIN figure f ON f.unit_id = a.unit_id AND (f.product_line = a.product_line) IS TRUE
        LEFT JOIN pool p ON p.kind = a.unit_kind AND (p.peer_group = coalesce(a.peer_group, '') AND p.product_line = a.product_line) IS TRUE
        WHERE a.is_asked
    ), before AS MATERIALIZED (
        SELECT w.unit_id, w.product_line, w.rep_weeks, w.weighted
        FROM line l
        CROSS JOIN LATERAL calib.unit_figures(before_at, from_at, known_at, false, false, l.lines,
            ARRAY(SELECT w.unit_id FROM working w WHERE w.peers < w.to_min_peers UNION SELECT c.unit_id FROM child c)) w
    ), market AS MATERIALIZED (
        SELECT c.parent_id, c.measure, c.product_line, s.children, s.missing,
               sum(f.weighted) / nullif(sum(f.rep_weeks), 0) AS density,
               sum(b.weighted) / nullif(sum(b.rep_weeks), 0) AS before
        FROM child c
        JOIN suspect s ON s.parent_id = c.parent_id AND (s.measure = c.measure AND s.product_line = c.product_line) IS TRUE
        JOIN figure f ON f.unit_id = c.unit_id AND (f.product_line = c.product_line) IS TRUE
        JOIN before b ON b.unit_id = c.unit_id AND (b.product_line = c.product_line) IS TRUE
        GROUP BY c.parent_id, c.measure, c.product_line, s.children, s.missing
    ), benchmark AS MATERIALIZED (
        SELECT k.* FROM calib.benchmark_at(to_day) k
    ), stale AS MATERIALIZED (
        SELECT s.* FROM calib.stale_results(to_at, known_at) s
    ), compared AS MATERIALIZED (
        SELECT w.*, w.weighted / nullif(w.rep_weeks, 0) AS density,
               w.weighted_on_time / nullif(w.rep_weeks, 0) AS density_on_time,
               CASE WHEN w.peers >= w.to_min_peers THEN w.peer_weighted / nullif(w.peer_rep_weeks, 0)
                    ELSE b.weighted / nullif(b.rep_weeks, 0) END AS peer_density,
               CASE WHEN w.peers >= w.to_min_peers THEN 'peers' ELSE 'own_history' END AS peer_basis,
               coalesce(line.conversion, every.conversion) AS benchmark,
               s.days AS stale_days, s.stale_days AS stale_limit,
               CASE WHEN w.unit_kind = 'rep' THEN to_day - lower(w.active) END AS tenure_days,
               m.children, m.missing, m.density AS group_density, m.before AS group_before
        FROM working w
        LEFT JOIN before b ON b.unit_id = w.unit_id AND (b.product_line = w.product_line) IS TRUE
        LEFT JOIN market m ON m.parent_id = w.unit_id AND (m.measure = w.measure AND m.product_line = w.product_line) IS TRUE
        LEFT JOIN benchmark line ON line.unit_id = w.unit_id AND (line.product_line = w.product_line) IS TRUE
        LEFT JOIN benchmark every ON every.unit_id = w.unit_id AND (every.product_line = '') IS TRUE
        LEFT JOIN stale s ON s.measure = w.measure
    ), indexed AS MATERIALIZED (
        SELECT c.*,
               -- rounded once, so that thirds of weeks do not decide a line
               round(c.density / nullif(c.peer_density, 0), 12) AS density_index,
               round(c.density_on_time / nullif(c.peer_density, 0), 12) AS on_time_index,
               c.late_events::numeric / nullif(c.events, 0) AS late_share,
               CASE WHEN c.stale_days IS NOT NULL THEN 'results_not_current'
                    WHEN c.tenure_days < 7 * c.ramp_weeks THEN 'ramping'
                    WHEN c.elapsed_share < c.min_elapsed_share THEN 'too_early' END AS unready
        FROM compared c
    ), pressed AS MATERIALIZED (
        -- whose conversion can tell what to do
        SELECT DISTINCT i.unit_kind AS kind, coalesce(i.peer_group, '') AS peer_group
        FROM indexed i
        JOIN calib.all_conversion_in(from_at, to_at, known_at, CASE WHEN lean
            THEN ARRAY(SELECT i.unit_id FROM indexed i
                       WHERE reading = 'decision' AND i.unready IS NULL AND i.pace < i.floor AND i.benchmark IS NOT NULL
                         AND (i.density_index > 1 - i.density_margin OR i.density_index >= 1))
            ELSE '{}' END) c ON c.unit_id = i.unit_id
        -- that of the others only where its own is low
        WHERE (c.product_line = i.product_line AND c.worked >= i.min_opportunities
               AND c.won::numeric / c.worked < i.benchmark_share * i.benchmark) IS TRUE
    ), converted AS MATERIALIZED (
        SELECT f.unit_id, f.product_line, f.kind, f.peer_group, f.rep_weeks, f.worked, f.won
        FROM figure f WHERE NOT lean AND f.kind IS NOT NULL
        UNION ALL
        SELECT f.unit_id, f.product_line, f.kind, f.peer_group, f.rep_weeks, coalesce(c.worked, 0), coalesce(c.won, 0)
        FROM figure f
        LEFT JOIN calib.all_conversion_in(from_at, to_at, known_at, CASE WHEN lean
            THEN ARRAY(SELECT m.unit_id FROM member m WHERE (m.kind, m.peer_group) IN (SELECT p.kind, p.peer_group FROM pressed p))
            ELSE '{}' END) c ON c.unit_id = f.unit_id AND (c.product_line = f.product_line) IS TRUE
        WHERE lean AND (f.kind, f.peer_group) IN (SELECT p.kind, p.peer_group FROM pressed p)
    ), converting AS MATERIALIZED (
        SELECT c.kind, c.peer_group, c.product_line, sum(c.worked)::bigint AS worked, sum(c.won)::bigint AS won
        FROM converted c WHERE c.rep_weeks > 0
        GROUP BY c.kind, c.peer_group, c.product_line
    ), measured AS MATERIALIZED (
        SELECT i.*, c.worked AS all_worked, c.won AS all_won, r.*
        FROM indexed i
        LEFT JOIN converted c ON c.unit_id = i.unit_id AND (c.product_line = i.product_line) IS TRUE
        LEFT JOIN converting g ON g.kind = i.unit_kind AND (g.peer_group = coalesce(i.peer_group, '') AND g.product_line = i.product_line) IS TRUE
        CROSS JOIN LATERAL (
            SELECT CASE WHEN c.worked >= i.min_opportunities THEN c.won::numeric / c.worked END AS conversion,
                   CASE WHEN i.peers >= i.to_min_peers AND g.worked - c.worked * i.one >= i.min_opportunities
                        THEN (g.won - c.won * i.one)::numeric / (g.worked - c.worked * i.one) END AS peer_conversion) r
    ), blurred AS MATERIALIZED (
        -- who converts too little, while the others do not: is it where people go?
        SELECT DISTINCT m.unit_kind AS kind, coalesce(m.peer_group, '') AS peer_group
        FROM measured m
        WHERE lean AND m.conversion < m.benchmark_share * m.benchmark
          AND NOT coalesce(m.peer_conversion < m.benchmark_share * m.benchmark, false)
    ), focused AS MATERIALIZED (
        SELECT f.unit_id, f.product_line, f.kind, f.peer_group, f.rep_weeks, f.existing_events, f.concentration
        FROM figure f WHERE NOT lean AND f.kind IS NOT NULL
        UNION ALL
        SELECT f.unit_id, f.product_line, f.kind, f.peer_group, f.rep_weeks, coalesce(b.existing_events, 0), b.concentration
        FROM figure f
        LEFT JOIN calib.all_behavior_in(from_at, to_at, known_at, true, CASE WHEN lean
            THEN ARRAY(SELECT m.unit_id FROM member m WHERE (m.kind, m.peer_group) IN (SELECT p.kind, p.peer_group FROM blurred p))
            ELSE '{}' END) b ON b.unit_id = f.unit_id AND (b.product_line = f.product_line) IS TRUE
        WHERE lean AND (f.kind, f.peer_group) IN (SELECT p.kind, p.peer_group FROM blurred p)
    ), focusing AS MATERIALIZED (
        SELECT f.kind, f.peer_group, f.product_line, sum(f.existing_events)::bigint AS existing_events,
               sum(f.concentration::numeric) AS concentration, count(f.concentration) AS concentrations
        FROM focused f WHERE f.rep_weeks > 0
        GROUP BY f.kind, f.peer_group, f.product_line
    ), previous AS MATERIALIZED (
        SELECT a.unit_id, a.measure, a.product_line, a.pace
        FROM calib.all_attainment_in(as_of, known_at, of_grain, ARRAY[previous_period],
            CASE WHEN lean THEN ARRAY(SELECT i.unit_id FROM indexed i WHERE reading = 'decision' AND i.pace >= i.floor + i.windfall_margin AND i.density_index < 1)
                 WHEN of_units IS NOT NULL THEN ARRAY(SELECT a.unit_id FROM asked a) END) a
    ), placed AS (
        SELECT f.*, n.pace AS previous_pace, o.existing_share, o.peer_existing_share, u.concentration AS hhi, o.peer_hhi,
               coalesce(f.group_before > 0 AND f.group_density >= f.group_before, false) AS market_wide,
               calib.quadrant(f.pace::float8, f.density_index::float8, f.floor::float8, 1) AS place,
               coalesce(f.conversion < f.benchmark_share * f.benchmark, false) AS low,
               coalesce(f.peer_conversion < f.benchmark_share * f.benchmark, false) AS peers_low,
               coalesce(o.existing_share - o.peer_existing_share >= f.focus_share_margin, false)
                 OR coalesce(u.concentration >= f.focus_hhi_ratio * o.peer_hhi, false) AS concentrated,
               CASE WHEN f.density_index <= 1 - f.density_margin THEN true
                    WHEN f.density_index >= 1 + f.density_margin THEN f.on_time_index >= 1 + f.density_margin
                    ELSE false END AS index_far,
               f.density_index >= 1 + f.density_margin AND f.on_time_index < 1 + f.density_margin AS only_late
        FROM measured f
        LEFT JOIN previous n ON n.unit_id = f.unit_id AND (n.measure = f.measure AND n.product_line = f.product_line) IS TRUE
        LEFT JOIN focused u ON u.unit_id = f.unit_id AND (u.product_line = f.product_line) IS TRUE
        LEFT JOIN focusing g ON g.kind = f.unit_kind AND (g.peer_group = coalesce(f.peer_group, '') AND g.product_line = f.product_line) IS TRUE
        CROSS JOIN LATERAL (
            SELECT u.existing_events::numeric / nullif(f.events, 0) AS existing_share,
                   CASE WHEN f.peers >= f.to_min_peers
                        THEN (g.existing_events - u.existing_events * f.one)::numeric / nullif(f.peer_events, 0) END AS peer_existing_share,
                   CASE WHEN f.peers >= f.to_min_peers
                        THEN ((g.concentration - coalesce(u.concentration::numeric, 0) * f.one)
                          / nullif(g.concentrations - (u.concentration IS NOT NULL)::integer * f.one, 0))::float8 END AS peer_hhi) o
    ), signalled AS (
        SELECT p.*,
               CASE WHEN p.market_wide THEN 'environment' ELSE p.place END AS in_quadrant,
               CASE WHEN p.place IS NULL AND NOT p.market_wide THEN 'none'
                    WHEN p.unready IS NOT NULL THEN 'weak'
                    WHEN p.market_wide THEN CASE WHEN p.pace <= p.floor - p.attainment_margin THEN 'strong' ELSE 'weak' END
                    WHEN NOT p.index_far THEN 'weak'
                    WHEN p.place = 'windfall' THEN
                         CASE WHEN p.pace >= p.floor + p.windfall_margin AND p.previous_pace >= p.floor + p.windfall_margin
                              THEN 'strong' ELSE 'weak' END
                    WHEN p.pace >= p.floor + p.attainment_margin OR p.pace <= p.floor - p.attainment_margin THEN 'strong'
                    ELSE 'weak' END AS strength
        FROM placed p
    ), judged AS (
        SELECT s.*,
               CASE WHEN s.in_quadrant IS NULL THEN
                         CASE WHEN coalesce(s.rep_weeks, 0) = 0 THEN 'not_at_work'
                              WHEN s.pace IS NULL THEN 'not_started' ELSE 'no_signal' END
                    WHEN s.in_quadrant = 'on_track' THEN 'on_track'
                    WHEN s.market_wide AND s.strength = 'strong' THEN 'market_wide'
                    WHEN s.unready IS NULL AND s.pace < s.floor AND s.density_index > 1 - s.density_margin
                         AND s.low AND NOT s.peers_low AND s.concentrated THEN 'refocus'
                    WHEN s.strength = 'weak' THEN
                         coalesce(s.unready, CASE WHEN s.only_late THEN 'late_records' ELSE 'near_the_lines' END)
                    WHEN s.in_quadrant = 'environment' AND s.low AND NOT s.peers_low THEN 'conversion'
                    ELSE s.in_quadrant END AS code
        FROM signalled s
    ), argued AS (
        SELECT j.*,
               CASE j.code
                    WHEN 'refocus' THEN 'refocus'
                    WHEN 'market_wide' THEN 'lower_target'
                    WHEN 'environment' THEN 'lower_target'
                    WHEN 'conversion' THEN 'coach'
                    WHEN 'execution' THEN 'coach'
                    WHEN 'windfall' THEN 'review_target'
                    ELSE CASE WHEN j.in_quadrant IN ('environment', 'execution') THEN 'watch' ELSE 'none' END END AS cure,
               jsonb_strip_nulls(jsonb_build_object(
                    'pace', round(j.pace, 4), 'floor', j.floor, 'previous_pace', round(j.previous_pace, 4),
                    'index', round(j.density_index, 2), 'on_time_index', round(j.on_time_index, 2),
                    'late_share', round(j.late_share, 4),
                    'conversion', round(j.conversion, 4), 'benchmark', j.benchmark,
                    'peer_conversion', round(j.peer_conversion, 4),
                    'existing_share', round(j.existing_share, 4), 'peer_existing_share', round(j.peer_existing_share, 4),
                    'concentration', round(j.hhi::numeric, 4), 'peer_concentration', round(j.peer_hhi::numeric, 4),
                    'elapsed', round(j.elapsed_share, 4), 'min_elapsed', j.min_elapsed_share,
                    'tenure_days', j.tenure_days, 'ramp_weeks', j.ramp_weeks,
                    'stale_days', j.stale_days, 'stale_limit', j.stale_limit)
                 || CASE WHEN j.market_wide THEN jsonb_build_object(
                    'children', j.children, 'missing', j.missing,
                    'group_density', round(j.group_density, 2), 'group_before', round(j.group_before, 2)) ELSE '{}' END
                 || jsonb_build_object('worked', j.all_worked, 'peers', j.peers,
                    'basis_en', CASE j.peer_basis WHEN 'peers' THEN j.peers || ' peers' ELSE 'its own 13 weeks before' END,
                    'basis_zh', CASE j.peer_basis WHEN 'peers' THEN j.peers || ' 个同类单元' ELSE '自身此前13周' END)) AS args
        FROM judged j
    )
    SELECT a.unit_id, a.unit_name, a.unit_kind, a.parent_id, a.peer_group, a.measure, a.product_line, a.grain,
           a.period_start, a.period_end, a.original_value, a.target_value, a.actual, a.attainment, a.attainment_original,
           a.elapsed_share, a.pace, a.pace_basis, a.rep_weeks, a.density::float8,
           a.peers, a.peer_basis, a.peer_density::float8, a.density_index::float8, a.late_share,
           a.all_worked, a.all_won, a.conversion, a.benchmark, a.peer_conversion,
           a.existing_share, a.peer_existing_share, a.hhi, a.peer_hhi,
           a.in_quadrant, a.strength, a.cure, a.code, a.args
    FROM argued a;
END $$;
COMMENT ON FUNCTION calib.diagnose_units(timestamptz, text, date, timestamptz, bigint[], bigint[], text) IS
'The diagnosis of a period as of a time: of of_units (NULL: all) as far as they are among seen (NULL: all), everything counted whoever asks. reading: full; decision, where figures that decide nothing are left NULL, but quadrant, signal, remedy, code and what its sentence says are the same; quadrant, where what comes after the quadrant is not to be relied on. Internal.';
REVOKE EXECUTE ON FUNCTION calib.diagnose_units(timestamptz, text, date, timestamptz, bigint[], bigint[], text) FROM PUBLIC;

-- Runs as its owner: what it counts is the same for every viewer, and shown are
-- the units the caller sees.
CREATE FUNCTION calib.diagnosed_period(as_of timestamptz, of_grain text, of_period date, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, peer_group text,
    measure text, product_line text, grain text, period_start date, period_end date,
    original_value numeric, target_value numeric, actual numeric, attainment numeric, attainment_original numeric,
    elapsed_share numeric, pace numeric, pace_basis text, rep_weeks numeric, density float8,
    peers bigint, peer_basis text, peer_density float8, density_index float8, late_share numeric,
    worked bigint, won bigint, conversion numeric, benchmark numeric, peer_conversion numeric,
    existing_share numeric, peer_existing_share numeric, concentration float8, peer_concentration float8,
    quadrant text, signal text, remedy text, reason_code text, reason_args jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen bigint[] := calib.units_seen_or_all();
BEGIN
    IF ($2 IN ('month', 'quarter', 'year')) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('there are no targets of grain "%s" to diagnose', coalesce($2, 'null')),
            HINT = 'A diagnosis is of a month, a quarter or a year.';
    END IF;
    -- of thousands it is less to read all of them
    RETURN QUERY
    SELECT d.* FROM calib.diagnose_units($1, $2, $3, $4, CASE WHEN cardinality(seen) <= 1000 THEN seen END, seen, 'full') d;
END $$;
COMMENT ON FUNCTION calib.diagnosed_period(timestamptz, text, date, timestamptz) IS
'What calib.diagnose_period shows, without the sentence.';

CREATE FUNCTION calib.period_quadrants(as_of timestamptz, of_grain text, of_period date)
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, measure text, product_line text, period_start date,
    original_value numeric, target_value numeric, actual numeric, attainment numeric, attainment_original numeric,
    peers bigint, peer_basis text, density_index float8, quadrant text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen bigint[] := calib.units_seen_or_all();
BEGIN
    RETURN QUERY
    SELECT d.unit_id, d.unit_name, d.unit_kind, d.measure, d.product_line, d.period_start,
           d.original_value, d.target_value, d.actual, d.attainment, d.attainment_original,
           d.peers, d.peer_basis, d.density_index, d.quadrant
    FROM calib.diagnose_units($1, $2, $3, NULL, CASE WHEN cardinality(seen) <= 1000 THEN seen END, seen, 'quadrant') d;
END $$;
COMMENT ON FUNCTION calib.period_quadrants(timestamptz, text, date) IS
'Of a diagnosis of a period up to the quadrant, which takes neither conversion nor focus; of the units seen.';

-- The sentence is written for who reads it: where the column is not asked for, it is not.
CREATE FUNCTION calib.diagnose_period(as_of timestamptz, grain text, period_start date, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, peer_group text,
    measure text, product_line text, grain text, period_start date, period_end date,
    original_value numeric, target_value numeric, actual numeric, attainment numeric, attainment_original numeric,
    elapsed_share numeric, pace numeric, pace_basis text, rep_weeks numeric, density float8,
    peers bigint, peer_basis text, peer_density float8, density_index float8, late_share numeric,
    worked bigint, won bigint, conversion numeric, benchmark numeric, peer_conversion numeric,
    existing_share numeric, peer_existing_share numeric, concentration float8, peer_concentration float8,
    quadrant text, signal text, remedy text, reason_code text, reason_args jsonb, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT d.*, calib.reason_text(d.reason_code, d.reason_args) FROM calib.diagnosed_period(as_of, grain, period_start, known_at) d;
END;
COMMENT ON FUNCTION calib.diagnose_period(timestamptz, text, date, timestamptz) IS
'diagnose() of a given period, so that closed ones can be read too; of the units seen.';

CREATE FUNCTION calib.diagnose(as_of timestamptz DEFAULT calib.clock(), grain text DEFAULT 'quarter', known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, peer_group text,
    measure text, product_line text, grain text, period_start date, period_end date,
    original_value numeric, target_value numeric, actual numeric, attainment numeric, attainment_original numeric,
    elapsed_share numeric, pace numeric, pace_basis text, rep_weeks numeric, density float8,
    peers bigint, peer_basis text, peer_density float8, density_index float8, late_share numeric,
    worked bigint, won bigint, conversion numeric, benchmark numeric, peer_conversion numeric,
    existing_share numeric, peer_existing_share numeric, concentration float8, peer_concentration float8,
    quadrant text, signal text, remedy text, reason_code text, reason_args jsonb, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT d.*
    FROM calib.organisation o
    CROSS JOIN LATERAL calib.diagnose_period(as_of, grain,
        calib.period_start(calib.day_of(as_of), grain, o.fiscal_start_month), known_at) d;
END;
COMMENT ON FUNCTION calib.diagnose(timestamptz, text, timestamptz) IS
'Diagnosis of every unit seen that has a target in the period (month, quarter, year) that holds as_of: pace against density, quadrant, signal (strong, weak, none), remedy, and the reason as code, arguments and sentence. known_at: only facts recorded by then. Another grain, or NULL: 22023.';
