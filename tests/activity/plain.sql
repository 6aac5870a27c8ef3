-- What the figures of activities mean, in plain SQL over the rows of calib.activity, and a
-- comparison of each with what calib answers. Nothing here reads a summary.
-- The zone is Asia/Shanghai, which has no change of clocks.
CREATE SCHEMA plain;

CREATE FUNCTION plain.day(at timestamptz) RETURNS date IMMUTABLE
RETURN (at AT TIME ZONE 'Asia/Shanghai')::date;
CREATE FUNCTION plain.week(at timestamptz) RETURNS date IMMUTABLE
RETURN date_trunc('week', at AT TIME ZONE 'Asia/Shanghai')::date;
CREATE FUNCTION plain.moment(day date) RETURNS timestamptz IMMUTABLE
RETURN day::timestamp AT TIME ZONE 'Asia/Shanghai';

CREATE FUNCTION plain.weight(kind text, outcome text, day date) RETURNS numeric STABLE
RETURN coalesce(
    (SELECT w.weight FROM calib.activity_weight w WHERE w.kind = $1 AND w.outcome = $2 AND w.valid_from <= $3 ORDER BY w.valid_from DESC LIMIT 1),
    (SELECT w.weight FROM calib.activity_weight w WHERE w.kind = $1 AND w.outcome IS NULL AND w.valid_from <= $3 ORDER BY w.valid_from DESC LIMIT 1));

-- Facts that are acts, with what their day and policy say of them
CREATE VIEW plain.act AS
WITH day AS MATERIALIZED (
    SELECT DISTINCT plain.day(a.occurred_at) AS day FROM calib.activity a
), rule AS MATERIALIZED (
    SELECT d.day, p.unit_id, p.late_hours FROM day d CROSS JOIN LATERAL calib.policy_at(d.day) p
)
SELECT a.*, plain.day(a.occurred_at) AS day, plain.weight(a.kind, a.outcome, plain.day(a.occurred_at)) AS weight,
       a.recorded_at > a.occurred_at + r.late_hours * interval '1 hour' AS late
FROM calib.activity a LEFT JOIN rule r ON r.unit_id = a.unit_id AND r.day = plain.day(a.occurred_at)
WHERE a.kind <> 'follow_up' OR a.outcome IS DISTINCT FROM 'open';

CREATE FUNCTION plain.event(from_at timestamptz, to_at timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, product_line text, customer_id bigint, kind text, day date, weight numeric, on_time numeric)
LANGUAGE sql STABLE AS $$
    SELECT a.unit_id, l.line, a.customer_id, a.kind, a.day, max(a.weight), max(a.weight) FILTER (WHERE NOT a.late)
    FROM plain.act a CROSS JOIN LATERAL (SELECT '' UNION SELECT a.product_line) l (line)
    WHERE a.weight IS NOT NULL AND a.occurred_at >= $1 AND a.occurred_at < $2 AND ($3 IS NULL OR a.recorded_at <= $3)
    GROUP BY 1, 2, 3, 4, 5 $$;

CREATE FUNCTION plain.behavior(from_at timestamptz, to_at timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, product_line text, weighted numeric, on_time numeric, events bigint, late bigint, existing bigint, hhi float8)
LANGUAGE sql STABLE AS $$
    WITH own AS (
        SELECT t.ancestor_id, e.*, c.created_at FROM plain.event($1, $2, $3) e
        JOIN calib.unit_tree t ON t.unit_id = e.unit_id AND e.day >= coalesce(t.valid_from, '-infinity') AND e.day < coalesce(t.valid_to, 'infinity')
        LEFT JOIN calib.customer c USING (customer_id)
    ), share AS (
        SELECT ancestor_id, product_line, sum(n * n)::float8 / sum(n)::float8 ^ 2 AS hhi
        FROM (SELECT ancestor_id, product_line, customer_id, count(*) AS n FROM own WHERE customer_id IS NOT NULL GROUP BY 1, 2, 3) x
        GROUP BY 1, 2
    )
    SELECT o.ancestor_id, o.product_line, sum(weight), coalesce(sum(on_time), 0), count(*), count(*) FILTER (WHERE on_time IS NULL),
           count(*) FILTER (WHERE created_at < $1), s.hhi
    FROM own o LEFT JOIN share s USING (ancestor_id, product_line)
    GROUP BY o.ancestor_id, o.product_line, s.hhi $$;

-- Rows of one and not of the other; floats to twelve digits
CREATE FUNCTION plain.behavior_differs(from_at timestamptz, to_at timestamptz, known_at timestamptz, of_units bigint[]) RETURNS bigint
LANGUAGE sql STABLE AS $$
    WITH mine AS (SELECT b.unit_id, b.product_line, b.weighted, b.on_time, b.events, b.late, b.existing, round(b.hhi::numeric, 12) AS hhi
                  FROM plain.behavior($1, $2, $3) b WHERE $4 IS NULL OR b.unit_id = ANY ($4)),
    its AS (SELECT b.unit_id, b.product_line, b.weighted, b.weighted_on_time, b.events, b.late_events, b.existing_events, round(b.concentration::numeric, 12)
            FROM calib.all_behavior_in($1, $2, $3, true, $4) b),
    plain AS (SELECT b.* FROM calib.all_behavior_in($1, $2, $3, false, $4) b)
    SELECT (SELECT count(*) FROM ((TABLE mine EXCEPT TABLE its) UNION ALL (TABLE its EXCEPT TABLE mine)) d)
         + (SELECT count(*) FROM (
               (SELECT unit_id, product_line, weighted, on_time, events, late, NULL::bigint, NULL::float8 FROM mine EXCEPT TABLE plain)
               UNION ALL (TABLE plain EXCEPT SELECT unit_id, product_line, weighted, on_time, events, late, NULL::bigint, NULL::float8 FROM mine)) d) $$;

CREATE FUNCTION plain.weekly_differs() RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH own AS (
        SELECT e.*, date_trunc('week', e.day)::date AS week FROM plain.event(plain.moment(calib.today() - 53 * 7), calib.clock(), NULL) e
        JOIN calib.unit u USING (unit_id) WHERE u.kind = 'rep' AND e.product_line = '' AND e.day > calib.today() - 53 * 7
    ), mine AS (
        SELECT o.unit_id, o.week, count(*) AS events, sum(weight) AS weighted, count(DISTINCT customer_id) AS customers, count(DISTINCT day) AS days,
               round((SELECT sum(n * n) / sum(n) ^ 2 FROM (SELECT count(*)::numeric AS n FROM own c WHERE c.unit_id = o.unit_id AND c.week = o.week
                      AND customer_id IS NOT NULL GROUP BY customer_id) x), 12) AS hhi,
               round(count(*) FILTER (WHERE on_time IS NULL) / count(*)::numeric, 12) AS late
        FROM own o WHERE o.week > calib.today() - 53 * 7 GROUP BY 1, 2
    ), its AS (
        SELECT unit_id, week, events, weighted, customers, active_days, round(concentration::numeric, 12), round(late_share, 12) FROM calib.behavior_weekly WHERE events > 0
    )
    SELECT count(*) FROM ((TABLE mine EXCEPT TABLE its) UNION ALL (TABLE its EXCEPT TABLE mine)) d $$;

-- Of the indicators those that count activities
CREATE FUNCTION plain.indicator() RETURNS TABLE (unit_id bigint, week date, code text, numerator numeric, denominator numeric)
LANGUAGE sql STABLE AS $$
    WITH fact AS (
        SELECT a.*, plain.day(a.occurred_at) AS day, plain.week(a.occurred_at) AS week FROM calib.activity a
    ), visit AS (
        SELECT DISTINCT f.unit_id, f.customer_id, f.day, f.week FROM fact f WHERE f.kind = 'visit'
    ), ordered AS (
        SELECT f.customer_id, f.day, f.quantity FROM fact f WHERE f.kind = 'order' AND f.customer_id IS NOT NULL
    ), call AS (
        SELECT v.*, EXISTS (SELECT FROM ordered o WHERE o.customer_id = v.customer_id AND o.day BETWEEN v.day AND v.day + 7) AS productive,
               (SELECT coalesce(sum(o.quantity::numeric), 0) FROM ordered o WHERE o.customer_id = v.customer_id AND o.day BETWEEN v.day AND v.day + 7
                  AND NOT EXISTS (SELECT FROM visit n WHERE n.unit_id = v.unit_id AND n.customer_id = v.customer_id AND n.day > v.day AND n.day <= o.day)) AS lines
        FROM visit v
    ), figure AS (
        SELECT c.unit_id, c.week, 'visits' AS code, count(*)::numeric AS numerator, 1::numeric AS denominator FROM call c GROUP BY 1, 2
        UNION ALL SELECT c.unit_id, c.week, 'strike_rate', count(*) FILTER (WHERE productive), count(*) FROM call c GROUP BY 1, 2
        UNION ALL SELECT c.unit_id, c.week, 'lines_per_call', sum(lines), count(*) FILTER (WHERE productive) FROM call c GROUP BY 1, 2
        UNION ALL SELECT p.unit_id, p.week, 'plan_adherence', count(*) FILTER (WHERE EXISTS (
                SELECT FROM visit v WHERE v.unit_id = p.unit_id AND v.customer_id = p.customer_id AND v.day = p.day)), count(*)
            FROM (SELECT DISTINCT f.unit_id, f.customer_id, f.day, f.week FROM fact f WHERE f.kind = 'planned_visit' AND f.day < calib.today()) p GROUP BY 1, 2
        UNION ALL SELECT f.unit_id, f.week, 'contract_changes', sum(f.quantity::numeric), 1 FROM fact f WHERE f.kind = 'contract_change' GROUP BY 1, 2
        UNION ALL SELECT f.unit_id, f.week, 'shelf_checks', count(DISTINCT (f.customer_id, f.day)), 1 FROM fact f WHERE f.kind = 'shelf_check' GROUP BY 1, 2
        UNION ALL SELECT f.unit_id, plain.week(f.due_at), CASE f.kind WHEN 'follow_up' THEN 'followup_timeliness' ELSE 'log_reports' END,
                count(*) FILTER (WHERE f.outcome IS DISTINCT FROM 'open' AND f.occurred_at <= f.due_at), count(*)
            FROM fact f WHERE f.kind IN ('follow_up', 'log_report') AND f.due_at <= calib.clock() GROUP BY 1, 2, 3
        UNION ALL SELECT f.unit_id, f.week, 'coverage', count(DISTINCT f.customer_id), NULL
            FROM fact f JOIN calib.customer c ON c.customer_id = f.customer_id AND c.unit_id = f.unit_id AND plain.week(c.created_at) <= f.week
            WHERE f.kind = 'visit' GROUP BY 1, 2
    )
    SELECT f.* FROM figure f JOIN calib.unit u ON u.unit_id = f.unit_id AND u.kind = 'rep'
    WHERE f.week > calib.today() - 53 * 7 AND f.week <= calib.today() $$;

CREATE FUNCTION plain.indicator_differs() RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH mine AS (SELECT * FROM plain.indicator() WHERE numerator <> 0 OR denominator > 1),
    its AS (SELECT unit_id, week, code, numerator, CASE WHEN code <> 'coverage' THEN denominator END FROM calib.indicator_weekly
            WHERE code IN (SELECT code FROM mine) AND (numerator <> 0 OR (denominator > 1 AND code <> 'coverage')))
    SELECT count(*) FROM ((TABLE mine EXCEPT TABLE its) UNION ALL (TABLE its EXCEPT TABLE mine)) d $$;

CREATE FUNCTION plain.shallow_differs() RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH visited AS (
        SELECT DISTINCT a.unit_id, a.customer_id FROM calib.activity a JOIN calib.opportunity o USING (customer_id)
        WHERE a.kind = 'visit' AND a.occurred_at >= calib.clock() - interval '7 days' AND a.occurred_at < calib.clock() AND o.outcome = 'open'
    ), mine AS (SELECT unit_id, count(*) FROM visited GROUP BY 1),
    its AS (SELECT unit_id, visited FROM calib.shallow_coverage)
    SELECT count(*) FROM ((TABLE mine EXCEPT TABLE its) UNION ALL (TABLE its EXCEPT TABLE mine)) d $$;

CREATE FUNCTION plain.focus_differs() RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH mine AS (
        SELECT t.ancestor_id, c.channel, count(*) FROM plain.event(plain.moment(date_trunc('quarter', calib.today())::date), calib.clock(), NULL) e
        JOIN calib.unit_tree t ON t.unit_id = e.unit_id AND e.day >= coalesce(t.valid_from, '-infinity') AND e.day < coalesce(t.valid_to, 'infinity')
        LEFT JOIN calib.customer c USING (customer_id) WHERE e.product_line = '' GROUP BY 1, 2
    ), its AS (SELECT unit_id, channel, activities FROM calib.channel_focus WHERE activities > 0)
    SELECT count(*) FROM ((TABLE mine EXCEPT TABLE its) UNION ALL (TABLE its EXCEPT TABLE mine)) d $$;

-- known_at NULL: as facts stand, as the view shows it
CREATE FUNCTION plain.density_differs(known_at timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH start AS (SELECT plain.moment(date_trunc('quarter', calib.today())::date) AS at), mine AS (
        SELECT r.unit_id, round(coalesce(b.weighted, 0) / r.rep_weeks, 9) AS density, b.late / nullif(b.events, 0)::numeric AS late
        FROM start CROSS JOIN LATERAL calib.all_rep_weeks_in(start.at, calib.clock()) r
        LEFT JOIN (SELECT b.* FROM start CROSS JOIN LATERAL plain.behavior(start.at, calib.clock(), $1) b WHERE b.product_line = '') b USING (unit_id)
        WHERE r.rep_weeks > 0
    ), its AS (SELECT unit_id, round(density::numeric, 9), late_share FROM calib.diagnose(calib.clock(), 'quarter', $1))
    SELECT count(*) FROM ((TABLE mine EXCEPT TABLE its) UNION ALL (TABLE its EXCEPT TABLE mine)) d $$;

-- One line for a test to look at; all of it in one snapshot
CREATE FUNCTION plain.differences(from_at timestamptz, to_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(' ',
        'behavior ' || plain.behavior_differs($1, $2, NULL, NULL),
        'known ' || plain.behavior_differs($1, $2, $2, NULL),
        'units ' || plain.behavior_differs($1, $2, NULL, (SELECT array_agg(unit_id) FROM calib.unit WHERE unit_id % 3 = 0)),
        'weekly ' || plain.weekly_differs(),
        'indicator ' || plain.indicator_differs(),
        'shallow ' || plain.shallow_differs(),
        'focus ' || plain.focus_differs(),
        'density ' || plain.density_differs(NULL) + plain.density_differs(calib.clock())) $$;
