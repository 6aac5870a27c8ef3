-- Trying again what waits in calib.feed_error: of a feed by reading the rows anew, of a
-- chat suite by the facts as they came. See docs/feed.md.

-- An error that is there again keeps its age, whatever it says now.
-- What is read again takes its errors along (src/feed_destination.c): what is left of them
-- has no row any more. Those that somebody holds are somebody's who reads them now.
CREATE FUNCTION calib.errors_seen(source text, keys text[]) RETURNS bigint[]
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT array_agg(e.feed_error_id) FROM calib.feed_error e
    WHERE e.source = errors_seen.source
      AND (errors_seen.keys IS NULL OR e.external_id IN (SELECT k FROM unnest(errors_seen.keys) AS k)); -- hashed, unlike = ANY
END;
COMMENT ON FUNCTION calib.errors_seen(text, text[]) IS
'The errors of some keys of a source there are now (keys NULL: of all, and those without a key); NULL: none.';
REVOKE EXECUTE ON FUNCTION calib.errors_seen(text, text[]) FROM PUBLIC;

CREATE FUNCTION calib.drop_errors(seen bigint[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM calib.feed_error e WHERE e.feed_error_id IN (
        SELECT o.feed_error_id FROM calib.feed_error o WHERE o.feed_error_id = ANY (drop_errors.seen)
        FOR UPDATE SKIP LOCKED);
END;
COMMENT ON FUNCTION calib.drop_errors(bigint[]) IS
'Forgets errors that were seen before their rows were read again and that nobody holds.';
REVOKE EXECUTE ON FUNCTION calib.drop_errors(bigint[]) FROM PUBLIC;

-- Rows that somebody holds are not read: all errors stay for the next time.
CREATE FUNCTION calib.retry_keys(fed calib.feed, keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen bigint[] := calib.errors_seen(($1).feed, $2);
    gone text[] := '{}';
    busy text[] := '{}';
    got record;
BEGIN
    SELECT r.* INTO got FROM calib.read_source($1, calib.feed_key_text($1) || ' = ANY ($1)', $2) AS r;
    -- what a change took away while somebody held its fact
    IF ($1).destination <> 'target' THEN
        gone := ARRAY(SELECT unnest($2) EXCEPT SELECT calib.source_keys($1, calib.feed_key_text($1) || ' = ANY ($1)', $2));
        got.taken := got.taken + calib.remove_keys_gone($1, gone);
        busy := ARRAY(SELECT unnest(calib.find_facts($1, gone, hold => false)) EXCEPT SELECT unnest(calib.find_facts($1, gone, hold => true)));
    END IF;
    IF got.skipped = 0 THEN
        PERFORM calib.drop_errors(ARRAY(
            SELECT e.feed_error_id FROM calib.feed_error e
            WHERE e.feed_error_id = ANY (seen) AND e.external_id <> ALL (busy)));
    END IF;
    RETURN got.taken;
EXCEPTION WHEN data_exception THEN
    RAISE WARNING 'feed "%": what waits cannot be looked up, for not every row of % has a key', ($1).feed, ($1).source
        USING DETAIL = SQLERRM, HINT = 'calib.pull() with complete => true tries it again.';
    RETURN 0;
END $$;
COMMENT ON FUNCTION calib.retry_keys(calib.feed, text[]) IS
'Reads the rows of some keys again, for which errors wait; returns the facts taken, or removed where the row is gone.';
REVOKE EXECUTE ON FUNCTION calib.retry_keys(calib.feed, text[]) FROM PUBLIC;

CREATE FUNCTION calib.waiting_keys(source text) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT array_agg(DISTINCT e.external_id) FROM calib.feed_error e
    WHERE e.source = waiting_keys.source AND e.external_id IS NOT NULL;
END;
COMMENT ON FUNCTION calib.waiting_keys(text) IS 'The keys for which errors of a source wait; NULL: none.';
REVOKE EXECUTE ON FUNCTION calib.waiting_keys(text) FROM PUBLIC;

CREATE FUNCTION calib.retry_feed(fed calib.feed, keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    batch constant integer := 10000;
    taken bigint := 0;
BEGIN
    FOR n IN 1 .. coalesce(cardinality($2), 0) BY batch LOOP
        taken := taken + calib.retry_keys($1, $2[n : n + batch - 1]);
    END LOOP;
    RETURN taken;
END $$;
COMMENT ON FUNCTION calib.retry_feed(calib.feed, text[]) IS
'Reads the rows of keys for which errors wait again, ten thousand at a time; returns the facts taken.';
REVOKE EXECUTE ON FUNCTION calib.retry_feed(calib.feed, text[]) FROM PUBLIC;

-- A fact that came again later, and was taken, is newer than the one that waits.
CREATE FUNCTION calib.drop_overtaken() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM calib.feed_error e
    USING (SELECT 'activity' AS destination, a.source, a.external_id, a.recorded_at FROM calib.activity a
           UNION ALL SELECT 'result', r.source, r.external_id, r.recorded_at FROM calib.result r) f
    WHERE f.destination = e.destination AND f.source = e.source AND f.external_id = e.external_id
      AND f.recorded_at > coalesce((e.fact ->> 'recorded_at')::timestamptz, e.first_at)
      AND NOT EXISTS (SELECT FROM calib.feed d WHERE d.feed = e.source);
END;
COMMENT ON FUNCTION calib.drop_overtaken() IS
'Forgets errors of facts that no feed brought and that were recorded anew since.';
REVOKE EXECUTE ON FUNCTION calib.drop_overtaken() FROM PUBLIC;

CREATE FUNCTION calib.retry_batch(source text, destination text, keys text[]) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT f.taken
    FROM calib.feed_facts(retry_batch.source, retry_batch.destination, (
        SELECT jsonb_agg(n.fact) FROM (
            SELECT DISTINCT ON (o.external_id) o.fact FROM calib.feed_error o
            WHERE o.source = retry_batch.source AND o.destination = retry_batch.destination
              AND o.external_id = ANY (retry_batch.keys) AND o.fact IS NOT NULL
            ORDER BY o.external_id, o.feed_error_id DESC) n)) AS f;
END;
COMMENT ON FUNCTION calib.retry_batch(text, text, text[]) IS
'Takes facts that wait, the newest of each key, as if they came now; returns how many were taken.';
REVOKE EXECUTE ON FUNCTION calib.retry_batch(text, text, text[]) FROM PUBLIC;

CREATE FUNCTION calib.retry_facts() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    batch record;
    taken bigint := 0;
BEGIN
    PERFORM calib.drop_overtaken();
    FOR batch IN
        SELECT w.source, w.destination, array_agg(w.external_id) AS keys FROM (
            SELECT e.source, e.destination, e.external_id,
                   (row_number() OVER (PARTITION BY e.source, e.destination ORDER BY e.external_id) - 1) / 1000 AS n
            FROM calib.feed_error e
            WHERE e.fact IS NOT NULL AND e.external_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM calib.feed d WHERE d.feed = e.source)
            GROUP BY e.source, e.destination, e.external_id) w
        GROUP BY w.source, w.destination, w.n
        ORDER BY w.destination <> 'customer', w.source, w.destination, w.n
    LOOP
        taken := taken + calib.retry_batch(batch.source, batch.destination, batch.keys);
    END LOOP;
    RETURN taken;
END $$;
COMMENT ON FUNCTION calib.retry_facts() IS
'Tries what waits in feed_error and was not brought by a feed again; returns the facts taken.';
REVOKE EXECUTE ON FUNCTION calib.retry_facts() FROM PUBLIC;
