-- The diagnosis: quadrant, signal, remedy and reason of every unit with a target.

-- Figures of a window for every unit itself.
CREATE FUNCTION calib.unit_figures(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, product_line text, rep_weeks numeric, weighted numeric, weighted_on_time numeric,
    events bigint, late_events bigint, existing_events bigint, concentration float8, worked bigint, won bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    WITH behavior AS (
        SELECT b.* FROM calib.all_behavior_in(from_at, to_at, known_at) b
    ), conversion AS (
        SELECT c.* FROM calib.all_conversion_in(from_at, to_at, known_at) c
    ), line AS (
        SELECT '' AS product_line
        UNION SELECT t.product_line FROM calib.target t
    )
    SELECT u.unit_id, l.product_line, coalesce(r.rep_weeks, 0),
           coalesce(b.weighted, 0), coalesce(b.weighted_on_time, 0),
           coalesce(b.events, 0), coalesce(b.late_events, 0), coalesce(b.existing_events, 0),
           b.concentration, coalesce(c.worked, 0), coalesce(c.won, 0)
    FROM calib.unit u
    CROSS JOIN line l
    LEFT JOIN calib.all_rep_weeks_in(from_at, to_at) r ON r.unit_id = u.unit_id
    LEFT JOIN behavior b ON b.unit_id = u.unit_id AND b.product_line = l.product_line
    LEFT JOIN conversion c ON c.unit_id = u.unit_id AND c.product_line = l.product_line;
END;
COMMENT ON FUNCTION calib.unit_figures(timestamptz, timestamptz, timestamptz) IS
'What a diagnosis knows of each unit and product line in [from_at, to_at): rep-weeks, weighted activity, late and existing shares, concentration, opportunities worked and won. Internal: it reads every unit.';
REVOKE EXECUTE ON FUNCTION calib.unit_figures(timestamptz, timestamptz, timestamptz) FROM PUBLIC;

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

-- Everything that is judged, before any judgement: one row per target.
CREATE FUNCTION calib.diagnosis_figures(as_of timestamptz, grain text, period_start date, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, peer_group text,
    measure text, product_line text, grain text, period_start date, period_end date,
    original_value numeric, target_value numeric, actual numeric, attainment numeric, attainment_original numeric,
    elapsed_share numeric, pace numeric, pace_basis text, previous_pace numeric,
    rep_weeks numeric, density numeric, density_before numeric, weighted numeric, weighted_before numeric, rep_weeks_before numeric,
    peers bigint, peer_basis text, peer_density numeric, density_index numeric, on_time_index numeric, late_share numeric,
    worked bigint, won bigint, conversion numeric, benchmark numeric, peer_conversion numeric,
    existing_share numeric, peer_existing_share numeric, concentration float8, peer_concentration float8,
    tenure_days integer, stale_days integer, stale_limit integer)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
SET jit = off
BEGIN ATOMIC
    WITH bounds AS (
        SELECT calib.start_of(period_start) AS from_at,
               least(as_of, calib.start_of(calib.period_end(period_start, grain))) AS to_at,
               calib.start_of(period_start - 91) AS before_at,
               greatest(least(calib.day_of(as_of), calib.period_end(period_start, grain) - 1), period_start) AS on_day
    ), attained AS MATERIALIZED (
        SELECT a.* FROM calib.attainment_at(as_of, known_at) a WHERE a.grain = diagnosis_figures.grain
    ), figure AS MATERIALIZED (
        SELECT f.* FROM bounds b CROSS JOIN LATERAL calib.peer_figures(b.from_at, b.to_at, known_at) f
    ), before AS MATERIALIZED (
        SELECT f.* FROM bounds b CROSS JOIN LATERAL calib.unit_figures(b.before_at, b.from_at, known_at) f
    ), policy AS MATERIALIZED (
        SELECT p.* FROM bounds b CROSS JOIN LATERAL calib.policy_at(calib.day_of(b.to_at)) p
    ), benchmark AS MATERIALIZED (
        SELECT k.* FROM bounds b CROSS JOIN LATERAL calib.benchmark_at(calib.day_of(b.to_at)) k
    ), stale AS MATERIALIZED (
        SELECT s.* FROM bounds b CROSS JOIN LATERAL calib.stale_results(b.to_at, known_at) s
    ), compared AS (
        SELECT a.*, previous.pace AS previous_pace, u.name, u.kind, h.parent_id, u.peer_group, u.active,
               f.rep_weeks, f.weighted, f.weighted_on_time, f.events, f.late_events, f.existing_events, f.concentration,
               f.worked, f.won, f.peers, f.peer_events, f.peer_existing_events, f.peer_concentration, f.peer_worked, f.peer_won,
               w.weighted AS weighted_before, w.rep_weeks AS rep_weeks_before,
               f.weighted / nullif(f.rep_weeks, 0) AS density,
               f.weighted_on_time / nullif(f.rep_weeks, 0) AS density_on_time,
               w.weighted / nullif(w.rep_weeks, 0) AS density_before,
               CASE WHEN f.peers >= p.min_peers THEN f.peer_weighted / nullif(f.peer_rep_weeks, 0)
                    ELSE w.weighted / nullif(w.rep_weeks, 0) END AS peer_density,
               CASE WHEN f.peers >= p.min_peers THEN 'peers' ELSE 'own_history' END AS peer_basis,
               p.min_opportunities, coalesce(line.conversion, every.conversion) AS benchmark,
               s.days AS stale_for, s.stale_days AS stale_limit,
               CASE WHEN u.kind = 'rep' THEN calib.day_of(b.to_at) - lower(u.active) END AS tenure_days
        FROM attained a
        CROSS JOIN bounds b
        JOIN calib.unit u USING (unit_id)
        JOIN policy p USING (unit_id)
        JOIN figure f USING (unit_id, product_line)
        JOIN before w USING (unit_id, product_line)
        -- a unit that moved since is judged with the group it stood in
        JOIN calib.unit_history h ON h.unit_id = a.unit_id AND h.valid @> b.on_day
        LEFT JOIN attained previous ON previous.unit_id = a.unit_id AND previous.measure = a.measure
         AND previous.product_line = a.product_line AND previous.period_end = a.period_start
        LEFT JOIN benchmark line ON line.unit_id = a.unit_id AND line.product_line = a.product_line
        LEFT JOIN benchmark every ON every.unit_id = a.unit_id AND every.product_line = ''
        LEFT JOIN stale s ON s.measure = a.measure
        WHERE a.period_start = diagnosis_figures.period_start
    )
    SELECT c.unit_id, c.name, c.kind, c.parent_id, c.peer_group, c.measure, c.product_line, c.grain,
           c.period_start, c.period_end, c.original_value, c.target_value, c.actual,
           c.attainment, c.attainment_original, c.elapsed_share, c.pace, c.pace_basis, c.previous_pace,
           c.rep_weeks, c.density, c.density_before, c.weighted, c.weighted_before, c.rep_weeks_before,
           c.peers, c.peer_basis, c.peer_density,
           -- rounded once, so that thirds of weeks do not decide a line
           round(c.density / nullif(c.peer_density, 0), 12),
           round(c.density_on_time / nullif(c.peer_density, 0), 12),
           c.late_events::numeric / nullif(c.events, 0),
           c.worked, c.won,
           CASE WHEN c.worked >= c.min_opportunities THEN c.won::numeric / c.worked END,
           c.benchmark,
           CASE WHEN c.peer_worked >= c.min_opportunities THEN c.peer_won::numeric / c.peer_worked END,
           c.existing_events::numeric / nullif(c.events, 0),
           c.peer_existing_events::numeric / nullif(c.peer_events, 0),
           c.concentration, c.peer_concentration,
           c.tenure_days, c.stale_for, c.stale_limit
    FROM compared c;
END;
COMMENT ON FUNCTION calib.diagnosis_figures(timestamptz, text, date, timestamptz) IS
'The figures a diagnosis judges, one row per unit, measure and product line with a target in the period, as of a time. Internal: see diagnose_period().';
REVOKE EXECUTE ON FUNCTION calib.diagnosis_figures(timestamptz, text, date, timestamptz) FROM PUBLIC;

-- Runs as its owner: what it counts is the same for every viewer, and shown are
-- the units the caller sees (calib.attainment_at and calib.peer_figures see to it).
CREATE FUNCTION calib.diagnose_period(as_of timestamptz, grain text, period_start date, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, parent_id bigint, peer_group text,
    measure text, product_line text, grain text, period_start date, period_end date,
    original_value numeric, target_value numeric, actual numeric, attainment numeric, attainment_original numeric,
    elapsed_share numeric, pace numeric, pace_basis text, rep_weeks numeric, density float8,
    peers bigint, peer_basis text, peer_density float8, density_index float8, late_share numeric,
    worked bigint, won bigint, conversion numeric, benchmark numeric, peer_conversion numeric,
    existing_share numeric, peer_existing_share numeric, concentration float8, peer_concentration float8,
    quadrant text, signal text, remedy text, reason_code text, reason_args jsonb, reason text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH figure AS MATERIALIZED (
        SELECT f.*, p.attainment_floor AS floor, p.attainment_margin, p.windfall_margin, p.density_margin,
               p.min_elapsed_share, p.min_peers, p.ramp_weeks, p.benchmark_share, p.focus_share_margin, p.focus_hhi_ratio
        FROM calib.diagnosis_figures(as_of, grain, period_start, known_at) f
        -- of the arguments, not of each row's columns: asked once
        JOIN calib.policy_at(least(calib.day_of(as_of),
            calib.period_end(diagnose_period.period_start, diagnose_period.grain) - 1)) p USING (unit_id)
    ), pool AS (
        -- the units next below each parent, as one group
        SELECT f.parent_id AS unit_id, f.measure, f.product_line,
               count(*) AS children, count(*) FILTER (WHERE f.pace < f.floor) AS missing,
               sum(f.weighted) / nullif(sum(f.rep_weeks), 0) AS density,
               sum(f.weighted_before) / nullif(sum(f.rep_weeks_before), 0) AS before,
               row_number() OVER (PARTITION BY f.parent_id, f.measure, f.product_line ORDER BY count(*) DESC, f.unit_kind) AS rank
        FROM figure f
        WHERE f.parent_id IS NOT NULL AND f.pace IS NOT NULL
        GROUP BY f.parent_id, f.measure, f.product_line, f.unit_kind, coalesce(f.peer_group, '')
    ), placed AS (
        SELECT f.*,
               g.children, g.missing, g.density AS group_density, g.before AS group_before,
               coalesce(g.children >= f.min_peers AND 2 * g.missing > g.children
                        AND g.before > 0 AND g.density >= g.before AND f.pace < f.floor, false) AS market_wide,
               calib.quadrant(f.pace::float8, f.density_index::float8, f.floor::float8, 1) AS place,
               coalesce(f.conversion < f.benchmark_share * f.benchmark, false) AS low,
               coalesce(f.peer_conversion < f.benchmark_share * f.benchmark, false) AS peers_low,
               coalesce(f.existing_share - f.peer_existing_share >= f.focus_share_margin, false)
                 OR coalesce(f.concentration >= f.focus_hhi_ratio * f.peer_concentration, false) AS concentrated,
               CASE WHEN f.stale_days IS NOT NULL THEN 'results_not_current'
                    WHEN f.tenure_days < 7 * f.ramp_weeks THEN 'ramping'
                    WHEN f.elapsed_share < f.min_elapsed_share THEN 'too_early' END AS unready,
               CASE WHEN f.density_index <= 1 - f.density_margin THEN true
                    WHEN f.density_index >= 1 + f.density_margin THEN f.on_time_index >= 1 + f.density_margin
                    ELSE false END AS index_far,
               f.density_index >= 1 + f.density_margin AND f.on_time_index < 1 + f.density_margin AS only_late
        FROM figure f
        LEFT JOIN pool g ON g.unit_id = f.unit_id AND g.measure = f.measure AND g.product_line = f.product_line AND g.rank = 1
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
                    'concentration', round(j.concentration::numeric, 4), 'peer_concentration', round(j.peer_concentration::numeric, 4),
                    'elapsed', round(j.elapsed_share, 4), 'min_elapsed', j.min_elapsed_share,
                    'tenure_days', j.tenure_days, 'ramp_weeks', j.ramp_weeks,
                    'stale_days', j.stale_days, 'stale_limit', j.stale_limit)
                 || CASE WHEN j.market_wide THEN jsonb_build_object(
                    'children', j.children, 'missing', j.missing,
                    'group_density', round(j.group_density, 2), 'group_before', round(j.group_before, 2)) ELSE '{}' END
                 || jsonb_build_object('worked', j.worked, 'peers', j.peers,
                    'basis_en', CASE j.peer_basis WHEN 'peers' THEN j.peers || ' peers' ELSE 'its own 13 weeks before' END,
                    'basis_zh', CASE j.peer_basis WHEN 'peers' THEN j.peers || ' 个同类单元' ELSE '自身此前13周' END)) AS args
        FROM judged j
    )
    SELECT a.unit_id, a.unit_name, a.unit_kind, a.parent_id, a.peer_group, a.measure, a.product_line, a.grain,
           a.period_start, a.period_end, a.original_value, a.target_value, a.actual, a.attainment, a.attainment_original,
           a.elapsed_share, a.pace, a.pace_basis, a.rep_weeks, a.density::float8,
           a.peers, a.peer_basis, a.peer_density::float8, a.density_index::float8, a.late_share,
           a.worked, a.won, a.conversion, a.benchmark, a.peer_conversion,
           a.existing_share, a.peer_existing_share, a.concentration, a.peer_concentration,
           a.in_quadrant, a.strength, a.cure, a.code, a.args, calib.reason_text(a.code, a.args)
    FROM argued a;
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
'Diagnosis of every unit seen that has a target in the period (month, quarter, year) that holds as_of: pace against density, quadrant, signal (strong, weak, none), remedy, and the reason as code, arguments and sentence. known_at: only facts recorded by then. Unknown grain: 22023.';
