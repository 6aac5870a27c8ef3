-- Trying again what waits in calib.feed_error: of a feed by reading the rows anew, of a
-- chat suite by the facts as they came. See docs/feed.md.

-- An error that is there again keeps its age, whatever it says now.
CREATE FUNCTION calib.age_errors(old calib.feed_error[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE calib.feed_error e SET first_at = o.first_at, tries = o.tries + 1
    FROM (SELECT u.source, u.external_id, max(u.feed_error_id) AS last_id, min(u.first_at) AS first_at, max(u.tries) AS tries
          FROM unnest(age_errors.old) AS u GROUP BY u.source, u.external_id) o
    WHERE e.source = o.source AND e.external_id = o.external_id AND e.feed_error_id > o.last_id;
END;
COMMENT ON FUNCTION calib.age_errors(calib.feed_error[]) IS
'Gives errors that were tried again and failed again the age of those that were taken away for it, and one more try.';
REVOKE EXECUTE ON FUNCTION calib.age_errors(calib.feed_error[]) FROM PUBLIC;

CREATE FUNCTION calib.take_errors(source text, keys text[]) RETURNS calib.feed_error[]
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH taken AS (
        DELETE FROM calib.feed_error e WHERE e.source = take_errors.source AND e.external_id = ANY (take_errors.keys)
        RETURNING e.*
    )
    SELECT array_agg(t::calib.feed_error) FROM taken t;
END;
COMMENT ON FUNCTION calib.take_errors(text, text[]) IS
'Takes the errors of some keys of a source away and returns them.';
REVOKE EXECUTE ON FUNCTION calib.take_errors(text, text[]) FROM PUBLIC;

-- Rows that somebody holds are not read: their errors stay as they were.
CREATE FUNCTION calib.retry_keys(fed calib.feed, keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old calib.feed_error[] := calib.take_errors(($1).feed, $2);
    gone text[];
    busy text[];
    got record;
BEGIN
    SELECT r.* INTO got FROM calib.read_source($1, calib.feed_key_text($1) || ' = ANY ($1)', $2) AS r;
    -- what a change took away while somebody held its fact
    IF ($1).destination <> 'target' THEN
        gone := ARRAY(SELECT unnest($2) EXCEPT SELECT calib.source_keys($1, calib.feed_key_text($1) || ' = ANY ($1)', $2));
        got.taken := got.taken + calib.remove_keys_gone($1, gone);
        busy := ARRAY(SELECT unnest(calib.find_facts($1, gone, hold => false)) EXCEPT SELECT unnest(calib.find_facts($1, gone, hold => true)));
        INSERT INTO calib.feed_error SELECT o.* FROM unnest(old) AS o WHERE o.external_id = ANY (busy);
    END IF;
    IF got.skipped > 0 THEN
        PERFORM calib.take_errors(($1).feed, $2);
        INSERT INTO calib.feed_error SELECT o.* FROM unnest(old) AS o;
    ELSE
        PERFORM calib.age_errors(old);
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
    batch constant integer := 1000;
    taken bigint := 0;
BEGIN
    FOR n IN 1 .. coalesce(cardinality($2), 0) BY batch LOOP
        taken := taken + calib.retry_keys($1, $2[n : n + batch - 1]);
    END LOOP;
    RETURN taken;
END $$;
COMMENT ON FUNCTION calib.retry_feed(calib.feed, text[]) IS
'Reads the rows of keys for which errors wait again, a thousand at a time; returns the facts taken.';
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
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old calib.feed_error[] := calib.take_errors($1, $3);
    taken bigint;
BEGIN
    SELECT f.taken INTO taken
    FROM calib.feed_facts($1, $2, (
        SELECT jsonb_agg(n.fact ORDER BY n.feed_error_id) FROM (
            SELECT DISTINCT ON (o.external_id) o.fact, o.feed_error_id FROM unnest(old) AS o
            WHERE o.destination = $2 ORDER BY o.external_id, o.feed_error_id DESC) n)) AS f;
    PERFORM calib.age_errors(old);
    RETURN taken;
END $$;
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
