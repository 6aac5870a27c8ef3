-- How feeds are: for those who look after them, and for calib.health().

-- Monitoring asks without any duty, and is told names and numbers, no facts.
CREATE FUNCTION calib.feed_problems() RETURNS TABLE (feed text, problem text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT f.feed,
           CASE
               WHEN c.oid IS NULL THEN 'source dropped'
               WHEN pg_get_userbyid(c.relowner)::text <> f.owner THEN 'source has another owner'
               WHEN f.mode = 'push' AND f.backfill_at IS NOT NULL THEN 'backfill not finished'
               WHEN f.mode = 'pull' AND coalesce(f.pulled_at, f.attached_at) < calib.clock() - interval '1 day'
                   THEN 'not pulled for a day'
           END
    FROM calib.feed f LEFT JOIN pg_class c ON c.oid = f.source;
END;
COMMENT ON FUNCTION calib.feed_problems() IS
'What is wrong with each feed: source dropped, source has another owner (attach it again), backfill not finished, not pulled for a day; NULL: nothing.';

CREATE FUNCTION calib.facts_waiting() RETURNS TABLE (source text, facts bigint, oldest_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.source, count(DISTINCT coalesce(e.external_id, e.feed_error_id::text)), min(e.first_at)
    FROM calib.feed_error e GROUP BY e.source;
END;
COMMENT ON FUNCTION calib.facts_waiting() IS
'How many facts of each source wait in calib.feed_error, and since when the oldest does.';

CREATE VIEW calib.feed_state WITH (security_invoker = true) AS
SELECT f.feed, f.destination, f.source::text AS source, f.mode, f.done, f.total, f.backfilled_at, f.pulled_at,
       coalesce(w.facts, 0) AS waiting, p.problem
FROM calib.feed f
JOIN calib.feed_problems() p ON p.feed OPERATOR(pg_catalog.=) f.feed
LEFT JOIN calib.facts_waiting() w ON w.source OPERATOR(pg_catalog.=) f.feed;
COMMENT ON VIEW calib.feed_state IS 'Each feed, how far it is, what waits of it, and what is wrong with it.';
COMMENT ON COLUMN calib.feed_state.feed IS 'Its name, and the source of its facts.';
COMMENT ON COLUMN calib.feed_state.destination IS 'What its rows become.';
COMMENT ON COLUMN calib.feed_state.source IS 'The relation it follows; of one that was dropped, the number it had.';
COMMENT ON COLUMN calib.feed_state.mode IS 'push or pull.';
COMMENT ON COLUMN calib.feed_state.done IS 'Rows the backfill has read.';
COMMENT ON COLUMN calib.feed_state.total IS 'About how many it will have read; NULL: it did not begin.';
COMMENT ON COLUMN calib.feed_state.backfilled_at IS 'When the backfill ended; NULL: it did not.';
COMMENT ON COLUMN calib.feed_state.pulled_at IS 'When it was last pulled.';
COMMENT ON COLUMN calib.feed_state.waiting IS 'Facts that wait in calib.feed_error.';
COMMENT ON COLUMN calib.feed_state.problem IS
'source dropped, source has another owner (attach it again), backfill not finished, not pulled for a day; NULL: none.';
