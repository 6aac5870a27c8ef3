-- Findings: what a look at a time finds in each unit, before anything is opened.
--
-- Everything here is decided by as_of alone, with what was recorded by then: days
-- played one by one and days caught up with find the same.

INSERT INTO calib.reason (code, en, zh) VALUES
('low_conversion',
 'Conversion is {conversion%} of {worked} opportunities worked, against a benchmark of {benchmark%} and {peer_conversion%} of the peers: it is the unit''s own.',
 '在 {worked} 个跟进商机中转化率为 {conversion%}，基准 {benchmark%}，同类 {peer_conversion%}：问题在本单元。'),
('low_conversion_alone',
 'Conversion is {conversion%} of {worked} opportunities worked, against a benchmark of {benchmark%}; the others have too few to compare with.',
 '在 {worked} 个跟进商机中转化率为 {conversion%}，基准 {benchmark%}；同类单元商机过少，无法比较。'),
('below_environment',
 '{calling} of the {children} units below miss although people work densely: {names}.',
 '下属 {children} 个单元中有 {calling} 个行为密集而未达标：{names}。'),
('below_execution',
 '{calling} of the {children} units below miss while activity is sparse: {names}.',
 '下属 {children} 个单元中有 {calling} 个未达标且行为稀疏：{names}。'),
('below_windfall',
 '{calling} of the {children} units below are far above their targets with sparse activity: {names}.',
 '下属 {children} 个单元中有 {calling} 个行为稀疏而远超目标：{names}。'),
('below_low_conversion',
 '{calling} of the {children} units below win too few of their opportunities: {names}.',
 '下属 {children} 个单元中有 {calling} 个转化率过低：{names}。'),
('shallow_coverage',
 'Of {visited} customers with an open opportunity visited in seven days, {stuck} ({share%}) have been in an early stage for more than {days} days; the line is {line%}.',
 '近七天拜访的 {visited} 个有在谈商机的客户中，{stuck} 个（{share%}）停留在早期阶段超过 {days} 天；界线为 {line%}。'),
('stale_source',
 'Nothing has come from {source} for {days} days; its limit is {limit}.',
 '{source} 已有 {days} 天没有数据；上限为 {limit} 天。');

CREATE TYPE calib.finding AS (
    unit_id bigint,
    unit_name text,
    parent_id bigint,
    pool text,
    min_peers integer,
    measure text,
    product_line text,
    grain text,
    period_start date,
    observed boolean,
    missed boolean,
    ready boolean,
    places text[],
    kind text,
    subject text,
    remedy text,
    reason_code text,
    reason_args jsonb,
    figures jsonb,
    units bigint[]
);
COMMENT ON TYPE calib.finding IS
'One look at one unit. kind: what is to be opened, NULL nothing; places: the kinds it is a case of, be it weakly; ready: whether that may be relied on; observed NULL: not in the loop; missed NULL: not judged; pool: the group it is counted in below its parent.';
COMMENT ON COLUMN calib.finding.unit_id IS 'The unit looked at.';
COMMENT ON COLUMN calib.finding.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.finding.parent_id IS 'The unit above.';
COMMENT ON COLUMN calib.finding.pool IS 'The group it is counted in below its parent.';
COMMENT ON COLUMN calib.finding.min_peers IS 'How many others a comparison takes.';
COMMENT ON COLUMN calib.finding.measure IS 'What the target counts.';
COMMENT ON COLUMN calib.finding.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.finding.grain IS 'Grain of the period.';
COMMENT ON COLUMN calib.finding.period_start IS 'First day of the period.';
COMMENT ON COLUMN calib.finding.observed IS 'Whether it is only observed; NULL: not in the loop.';
COMMENT ON COLUMN calib.finding.missed IS 'Whether it misses; NULL: not judged.';
COMMENT ON COLUMN calib.finding.ready IS 'Whether the judgement may be relied on.';
COMMENT ON COLUMN calib.finding.places IS 'The kinds it is a case of, be it weakly.';
COMMENT ON COLUMN calib.finding.kind IS 'Kind of what is to be opened; NULL: nothing.';
COMMENT ON COLUMN calib.finding.subject IS 'What it is about within the unit.';
COMMENT ON COLUMN calib.finding.remedy IS 'What to do about it.';
COMMENT ON COLUMN calib.finding.reason_code IS 'Why, as a code.';
COMMENT ON COLUMN calib.finding.reason_args IS 'The numbers of the reason.';
COMMENT ON COLUMN calib.finding.figures IS 'The figures as they were.';
COMMENT ON COLUMN calib.finding.units IS 'The units below that a parent''s names.';

-- The running periods that have targets, and those ended in the last 31 days whose
-- deviations wait for a last look.
CREATE FUNCTION calib.periods_to_look_at(as_of timestamptz)
RETURNS TABLE (grain text, period_start date, look_at timestamptz, running boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 5
BEGIN ATOMIC
    WITH today AS (
        SELECT calib.day_of(as_of) AS day
    ), held AS (
        SELECT d.grain, d.period_start FROM calib.deviation d
        WHERE d.ending IS NULL AND d.measure <> ''
    ), period AS (
        SELECT t.grain, t.period_start FROM calib.target t
        WHERE EXISTS (SELECT FROM calib.loop_at(as_of))
        UNION
        SELECT h.grain, h.period_start FROM held h
    ), bounded AS (
        SELECT p.*, calib.period_end(p.period_start, p.grain) AS period_end,
               EXISTS (SELECT FROM held h WHERE h.grain = p.grain AND h.period_start = p.period_start) AS held
        FROM period p
    )
    SELECT b.grain, b.period_start, least(as_of, calib.start_of(b.period_end)), b.period_end > t.day
    FROM bounded b CROSS JOIN today t
    WHERE b.period_start <= t.day AND (b.period_end > t.day OR (b.held AND b.period_end > t.day - 31));
END;
COMMENT ON FUNCTION calib.periods_to_look_at(timestamptz) IS
'The periods a detection diagnoses, each at look_at: those running, and those ended in the 31 days before that have open deviations. Internal.';
REVOKE EXECUTE ON FUNCTION calib.periods_to_look_at(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.findings_of_period(as_of timestamptz, look_at timestamptz, grain text, period_start date, running boolean)
RETURNS SETOF calib.finding
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH diagnosed AS MATERIALIZED (
        SELECT d.*, p.min_peers, l.observed,
               coalesce(d.quadrant IS NOT NULL AND d.reason_code <> 'late_records'
                        AND NOT d.reason_args ? 'stale_days'
                        AND d.elapsed_share >= p.min_elapsed_share
                        AND coalesce((d.reason_args ->> 'tenure_days')::integer >= 7 * p.ramp_weeks, true), false) AS ready,
               d.conversion < p.benchmark_share * d.benchmark AS low,
               coalesce(d.peer_conversion < p.benchmark_share * d.benchmark, false) AS peers_low,
               -- what late records alone have moved is still where it was
               calib.quadrant(d.pace::float8, (d.reason_args ->> 'on_time_index')::float8, p.attainment_floor::float8, 1) AS on_time,
               d.pace < p.attainment_floor AS missed
        FROM calib.diagnose_period($2, $3, $4, $1) d
        JOIN calib.policy_at(least(calib.day_of($2), calib.period_end($4, $3) - 1)) p ON p.unit_id = d.unit_id
        LEFT JOIN calib.loop_at($1) l ON l.unit_id = d.unit_id
    ), called AS (
        SELECT d.*,
               CASE WHEN d.reason_code IN ('refocus', 'conversion') THEN 'low_conversion'
                    WHEN d.signal = 'strong' AND d.quadrant <> 'on_track' THEN d.quadrant
                    -- of what stands above, that of those below is not its own
                    WHEN d.ready AND d.low AND NOT d.peers_low AND (d.peer_conversion IS NOT NULL OR d.unit_kind = 'rep')
                    THEN 'low_conversion' END AS kind,
               d.reason_code NOT IN ('refocus', 'conversion') AND NOT (d.signal = 'strong' AND d.quadrant <> 'on_track') AS plain
        FROM diagnosed d
    )
    SELECT c.unit_id, c.unit_name, c.parent_id, c.unit_kind || ' ' || coalesce(c.peer_group, ''), c.min_peers,
           c.measure, c.product_line, c.grain, c.period_start, c.observed, c.missed, c.ready,
           array_remove(ARRAY[c.quadrant, c.on_time, CASE WHEN coalesce(c.low, true) THEN 'low_conversion' END], NULL),
           CASE WHEN $5 THEN c.kind END, '',
           CASE WHEN c.plain THEN 'coach' ELSE c.remedy END,
           CASE WHEN NOT c.plain THEN c.reason_code
                WHEN c.peer_conversion IS NULL THEN 'low_conversion_alone' ELSE 'low_conversion' END,
           c.reason_args, to_jsonb(c) - '{reason,reason_args,min_peers,observed,ready,low,peers_low,on_time,missed,kind,plain}'::text[],
           NULL::bigint[]
    FROM called c;
END $$;
COMMENT ON FUNCTION calib.findings_of_period(timestamptz, timestamptz, text, date, boolean) IS
'What a diagnosis at look_at, with what was known at as_of, finds in each unit with a target in the period; running: whether anything may be opened. Internal.';
REVOKE EXECUTE ON FUNCTION calib.findings_of_period(timestamptz, timestamptz, text, date, boolean) FROM PUBLIC;

CREATE FUNCTION calib.quarter_of(as_of timestamptz) RETURNS date
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT calib.period_start(calib.day_of(as_of), 'quarter', o.fiscal_start_month) FROM calib.organisation o;
END;
COMMENT ON FUNCTION calib.quarter_of(timestamptz) IS 'First day of the fiscal quarter that holds a time. NULL gives NULL.';

CREATE FUNCTION calib.findings_of_coverage(as_of timestamptz) RETURNS SETOF calib.finding
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT s.unit_id, NULL, NULL::bigint, NULL, p.min_peers, '', '', 'quarter', calib.quarter_of($1),
           l.observed, NULL::boolean, s.visited >= p.shallow_min_visited,
           CASE WHEN s.flagged THEN '{shallow_coverage}'::text[] ELSE '{}' END,
           CASE WHEN s.flagged THEN 'shallow_coverage' END, '', NULL, 'shallow_coverage',
           jsonb_build_object('visited', s.visited, 'stuck', s.stuck, 'share', round(s.share, 4),
               'days', p.shallow_days, 'line', p.shallow_share),
           to_jsonb(s), NULL::bigint[]
    FROM calib.all_shallow_in($1 - interval '168 hours', $1, $1) s
    JOIN calib.policy_at(calib.day_of($1)) p ON p.unit_id = s.unit_id
    LEFT JOIN calib.loop_at($1) l ON l.unit_id = s.unit_id;
END $$;
COMMENT ON FUNCTION calib.findings_of_coverage(timestamptz) IS
'The shallow coverage of each rep in the seven days before as_of. Internal.';
REVOKE EXECUTE ON FUNCTION calib.findings_of_coverage(timestamptz) FROM PUBLIC;

-- A source that is silent is one problem, not one of every unit: it is told where the
-- units it told of come together. A row without a unit: it is nobody's in the loop.
CREATE FUNCTION calib.findings_of_sources(as_of timestamptz) RETURNS SETOF calib.finding
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH stale AS MATERIALIZED (
        SELECT s.* FROM calib.stale_sources($1, $1) s
    ), tree AS MATERIALIZED (
        SELECT a.* FROM calib.unit_ancestors(calib.day_of($1)) a
    ), told AS MATERIALIZED (
        SELECT s.source, f.unit_id
        FROM stale s
        CROSS JOIN LATERAL (
            SELECT a.unit_id FROM calib.activity a
            WHERE a.source = s.source AND a.occurred_at > s.newest - interval '2184 hours' AND a.occurred_at <= s.newest
              AND a.recorded_at <= $1
            UNION
            SELECT r.unit_id FROM calib.result r
            WHERE r.source = s.source AND r.occurred_at > s.newest - interval '2184 hours' AND r.occurred_at <= s.newest
              AND r.recorded_at <= $1) f
    ), reached AS MATERIALIZED (
        SELECT DISTINCT t.source, l.unit_id, l.observed
        FROM told t
        JOIN tree a ON a.unit_id = t.unit_id
        JOIN calib.loop_at($1) l ON l.unit_id = a.ancestor_id
    ), highest AS (
        SELECT r.* FROM reached r
        WHERE NOT EXISTS (
            SELECT FROM tree a JOIN reached above ON above.unit_id = a.ancestor_id
            WHERE a.unit_id = r.unit_id AND a.depth > 0 AND above.source = r.source AND above.observed = r.observed)
    )
    SELECT h.unit_id, NULL, NULL::bigint, NULL, NULL::integer, '', '', 'quarter', calib.quarter_of($1),
           h.observed, NULL::boolean, true, '{stale_source}'::text[], 'stale_source', s.source, NULL, 'stale_source',
           jsonb_build_object('source', s.source, 'days', s.days, 'limit', s.stale_days),
           to_jsonb(s), NULL::bigint[]
    FROM stale s LEFT JOIN highest h USING (source);
END $$;
COMMENT ON FUNCTION calib.findings_of_sources(timestamptz) IS
'The sources gone stale, on the highest units in the loop among those they told of in the 13 weeks before they fell silent, and above them. Internal.';
REVOKE EXECUTE ON FUNCTION calib.findings_of_sources(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.findings_of_rules(as_of timestamptz) RETURNS SETOF calib.finding
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM calib.rule r WHERE r.enabled AND r.makes = 'deviation') THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT DISTINCT ON (h.unit_id, h.rule, h.subject)
           h.unit_id, NULL, NULL::bigint, NULL, NULL::integer, '', '', 'quarter', calib.quarter_of($1),
           l.observed, NULL::boolean, true, '{rule}'::text[], 'rule', concat_ws(': ', h.rule, nullif(h.subject, '')),
           NULL, h.reason_code, h.reason_args, jsonb_build_object('rule', h.rule, 'key', h.key) || h.reason_args, NULL::bigint[]
    FROM calib.rule_hits($1) h
    JOIN calib.rule r ON r.rule = h.rule AND r.makes = 'deviation'
    LEFT JOIN calib.loop_at($1) l ON l.unit_id = h.unit_id
    ORDER BY h.unit_id, h.rule, h.subject, h.key;
END $$;
COMMENT ON FUNCTION calib.findings_of_rules(timestamptz) IS
'What the rules that make deviations find at a time. Internal.';
REVOKE EXECUTE ON FUNCTION calib.findings_of_rules(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.findings_at(as_of timestamptz) RETURNS SETOF calib.finding
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT f.*
    FROM calib.periods_to_look_at($1) p
    CROSS JOIN LATERAL calib.findings_of_period($1, p.look_at, p.grain, p.period_start, p.running) f;
    RETURN QUERY SELECT f.* FROM calib.findings_of_coverage($1) f;
    RETURN QUERY SELECT f.* FROM calib.findings_of_sources($1) f;
    RETURN QUERY SELECT f.* FROM calib.findings_of_rules($1) f;
END $$;
COMMENT ON FUNCTION calib.findings_at(timestamptz) IS
'Everything a detection at a time finds, before folding. Internal: it is for whoever sees every unit.';
REVOKE EXECUTE ON FUNCTION calib.findings_at(timestamptz) FROM PUBLIC;
