-- Shallow coverage: visited, but stuck in an early stage.  Counted as its owner:
-- a customer is stuck by all its opportunities, also those of units unseen.

CREATE FUNCTION calib.all_shallow_in(from_at timestamptz, to_at timestamptz, known_at timestamptz)
RETURNS TABLE (unit_id bigint, visited bigint, stuck bigint, share numeric, flagged boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
SET jit = off
BEGIN ATOMIC
    WITH visited AS (
        SELECT DISTINCT a.unit_id, a.customer_id
        FROM calib.acts_of(from_at, to_at, known_at, '{visit}', NULL) a
        WHERE a.product_line = ''
    ), open AS (
        -- each opportunity in the stage it had at the end of the window, as far as known
        SELECT o.customer_id, s.to_stage AS stage, s.changed_at AS since
        FROM calib.opportunity o
        CROSS JOIN LATERAL (
            SELECT s.to_stage, s.changed_at FROM calib.stage_change s
            WHERE s.opportunity_id = o.opportunity_id AND s.changed_at <= least(to_at, known_at)
              AND s.from_stage IS DISTINCT FROM s.to_stage
            ORDER BY s.changed_at DESC, s.stage_change_id DESC LIMIT 1) s
        WHERE o.created_at <= least(to_at, known_at) AND (o.closed_at IS NULL OR o.closed_at > least(to_at, known_at))
    ), customer AS (
        -- a customer is stuck when nothing open with it has moved on
        SELECT v.unit_id, v.customer_id,
               bool_and(o.stage = ANY (p.shallow_stages)
                        AND to_at > o.since + make_interval(hours => 24 * p.shallow_days)) AS stuck
        FROM visited v
        JOIN open o USING (customer_id)
        JOIN calib.policy_at(calib.day_of(to_at)) p ON p.unit_id = v.unit_id
        GROUP BY v.unit_id, v.customer_id
    ), counted AS (
        SELECT c.unit_id, count(*) AS visited, count(*) FILTER (WHERE c.stuck) AS stuck
        FROM customer c
        GROUP BY c.unit_id
    )
    SELECT c.unit_id, c.visited, c.stuck, c.stuck::numeric / c.visited,
           c.stuck::numeric / c.visited >= p.shallow_share AND c.visited >= p.shallow_min_visited
    FROM counted c
    JOIN calib.policy_at(calib.day_of(to_at)) p ON p.unit_id = c.unit_id;
END;
COMMENT ON FUNCTION calib.all_shallow_in(timestamptz, timestamptz, timestamptz) IS
'shallow_coverage_in of every rep and, where known_at is given, of what was recorded by then; opportunities and moves have no other time than their own. Internal.';
REVOKE EXECUTE ON FUNCTION calib.all_shallow_in(timestamptz, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.shallow_coverage_in(from_at timestamptz, to_at timestamptz)
RETURNS TABLE (unit_id bigint, visited bigint, stuck bigint, share numeric, flagged boolean)
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.* FROM calib.all_shallow_in(from_at, to_at, NULL) s
    WHERE s.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.shallow_coverage_in(timestamptz, timestamptz) IS
'Of the customers with an open opportunity that each rep seen visited in [from_at, to_at): how many are stuck, that is in an early stage for MORE than shallow_days. NULL gives no rows.';

CREATE VIEW calib.shallow_coverage WITH (security_invoker = true) AS
SELECT s.unit_id, s.visited, s.stuck, s.share, s.flagged
FROM calib.shallow_coverage_in(calib.clock() - interval '168 hours', calib.clock()) s;
COMMENT ON VIEW calib.shallow_coverage IS
'Shallow coverage of the last seven days, per rep.';
COMMENT ON COLUMN calib.shallow_coverage.unit_id IS 'The rep.';
COMMENT ON COLUMN calib.shallow_coverage.visited IS 'Customers with an open opportunity that were visited.';
COMMENT ON COLUMN calib.shallow_coverage.stuck IS 'Those whose opportunity is in an early stage for more than shallow_days.';
COMMENT ON COLUMN calib.shallow_coverage.share IS 'stuck / visited.';
COMMENT ON COLUMN calib.shallow_coverage.flagged IS 'Whether policy calls it shallow.';
