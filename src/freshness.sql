-- Freshness: how long facts take from the event to the database, per source.

-- Facts are stored in about the order they are recorded in: a few pages of index find
-- those of the last month, and cost a writer next to nothing (those of activities:
-- activity_partition.sql).
CREATE INDEX result_recorded ON calib.result USING brin (recorded_at) WITH (autosummarize = on);

-- Steps from one source to the next along the keys, so that it costs by sources.
CREATE FUNCTION calib.sources() RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE active (source) AS (
        SELECT (SELECT min(k.source) FROM calib.activity_key k)
        UNION ALL
        SELECT (SELECT min(k.source) FROM calib.activity_key k WHERE k.source > s.source)
        FROM active s WHERE s.source IS NOT NULL
    ), paying (source) AS (
        SELECT (SELECT min(r.source) FROM calib.result r)
        UNION ALL
        SELECT (SELECT min(r.source) FROM calib.result r WHERE r.source > s.source)
        FROM paying s WHERE s.source IS NOT NULL
    )
    SELECT s.source FROM active s WHERE s.source IS NOT NULL
    UNION
    SELECT s.source FROM paying s WHERE s.source IS NOT NULL;
END;
COMMENT ON FUNCTION calib.sources() IS 'The sources that activities and results are of.';
REVOKE EXECUTE ON FUNCTION calib.sources() FROM PUBLIC;

-- As its owner: a lag is the same for every viewer, whatever rows it may see.
CREATE FUNCTION calib.freshness_at(as_of timestamptz)
RETURNS TABLE (source text, last_event timestamptz, last_recorded timestamptz,
    lag_mean float8, lag_p50 float8, lag_p95 float8)
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH fact AS (
        SELECT a.source, a.occurred_at, a.recorded_at FROM calib.activity a
        WHERE a.recorded_at > as_of - interval '720 hours' AND a.recorded_at <= as_of
        UNION ALL
        SELECT r.source, r.occurred_at, r.recorded_at FROM calib.result r
        WHERE r.recorded_at > as_of - interval '720 hours' AND r.recorded_at <= as_of
    ), lag AS (
        -- a visit planned, a report owed: what had not happened yet has no lag
        SELECT f.source, f.recorded_at, CASE WHEN f.occurred_at <= f.recorded_at THEN f.occurred_at END AS occurred_at,
               CASE WHEN f.occurred_at <= f.recorded_at
                    THEN extract(epoch FROM f.recorded_at - f.occurred_at)::float8 / 3600 END AS hours
        FROM fact f
    )
    SELECT s.source, max(l.occurred_at), max(l.recorded_at), avg(l.hours),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY l.hours), percentile_cont(0.95) WITHIN GROUP (ORDER BY l.hours)
    FROM calib.sources() AS s (source)
    LEFT JOIN lag l ON l.source = s.source
    WHERE EXISTS (SELECT FROM calib.held_duties())
    GROUP BY s.source;
END;
COMMENT ON FUNCTION calib.freshness_at(timestamptz) IS
'Per source of activities and results: the last event and the last record of those recorded in the 30 days to as_of, and mean, median and 95th percentile of the hours between; NULL: none was. The same for everybody who holds any duty; nothing for others, and for NULL.';

CREATE VIEW calib.freshness WITH (security_invoker = true) AS
SELECT f.source, f.last_event, f.last_recorded, f.lag_mean, f.lag_p50, f.lag_p95
FROM calib.freshness_at(calib.clock()) f;
COMMENT ON VIEW calib.freshness IS
'How current each source of facts is, over those recorded in the last 30 days.';
COMMENT ON COLUMN calib.freshness.source IS 'The source of the facts.';
COMMENT ON COLUMN calib.freshness.last_event IS 'When the newest of them happened; NULL: none was recorded in 30 days.';
COMMENT ON COLUMN calib.freshness.last_recorded IS 'When the newest was recorded.';
COMMENT ON COLUMN calib.freshness.lag_mean IS 'Mean time from the event to its record, in hours.';
COMMENT ON COLUMN calib.freshness.lag_p50 IS 'Its median, in hours.';
COMMENT ON COLUMN calib.freshness.lag_p95 IS 'Its 95th percentile, in hours.';
