-- Reading a source again: what changed since the last time, and which facts have no row
-- any more. What had failed is src/retry.sql's. See docs/feed.md.

-- Units, customers and opportunities do not say which feed brought them: what a feed
-- saw is kept here, and what it no longer sees is gone.
CREATE TABLE calib.feed_key (
    feed_id bigint NOT NULL REFERENCES calib.feed ON DELETE CASCADE,
    key text NOT NULL,
    PRIMARY KEY (feed_id, key)
);
COMMENT ON TABLE calib.feed_key IS
'The units, customers or opportunities a feed has read, by their external_ref: those it does not find when it next compares keys are gone.';
COMMENT ON COLUMN calib.feed_key.feed_id IS 'The feed.';
COMMENT ON COLUMN calib.feed_key.key IS 'external_ref of what it read.';
SELECT pg_catalog.pg_extension_config_dump('calib.feed_key',
    'WHERE EXISTS (SELECT FROM calib.feed f JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) f.source WHERE f.feed_id OPERATOR(pg_catalog.=) feed_key.feed_id)');

-- What a mapping gives must not depend on who asks: as src/feed_map.c has it. Callers
-- say SET timezone themselves, so that this ends with them.
CREATE FUNCTION calib.use_organisation_zone() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT set_config('timezone', o.zone, true) FROM calib.organisation o;
END;
COMMENT ON FUNCTION calib.use_organisation_zone() IS
'Sets the time zone to the organisation''s until the calling function, which must set it, too, ends.';
REVOKE EXECUTE ON FUNCTION calib.use_organisation_zone() FROM PUBLIC;

-- Asking a source ---------------------------------------------------------------------

CREATE FUNCTION calib.feed_key_text(fed calib.feed) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format(E'((%s\n)::text)', (fed).mapping ->> c.canonical)
    FROM calib.canonical_columns() c WHERE c.destination = (fed).destination AND c.place = 1;
END;
COMMENT ON FUNCTION calib.feed_key_text(calib.feed) IS 'The expression of a feed''s key, fit to be pasted.';
REVOKE EXECUTE ON FUNCTION calib.feed_key_text(calib.feed) FROM PUBLIC;

CREATE FUNCTION calib.source_query(fed calib.feed, wanted text, condition text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT string_agg(format(E'SELECT %s FROM ONLY %s AS %I WHERE (%s\n) AND (%s)', wanted, l.relid, c.relname,
        coalesce((fed).filter, 'true'), condition), ' UNION ALL ')
    FROM calib.source_leaves((fed).source, (fed).mode) AS l (relid), pg_class c
    WHERE c.oid = (fed).source;
END;
COMMENT ON FUNCTION calib.source_query(calib.feed, text, text) IS
'A query for something of every row of a feed''s source that satisfies its filter and a condition.';
REVOKE EXECUTE ON FUNCTION calib.source_query(calib.feed, text, text) FROM PUBLIC;

CREATE FUNCTION calib.source_keys(fed calib.feed, condition text, argument text[]) RETURNS SETOF text
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k FROM calib.ask_source((fed).feed_id, calib.source_query(fed, calib.feed_key_text(fed), condition), argument) AS k
    WHERE k IS NOT NULL;
END;
COMMENT ON FUNCTION calib.source_keys(calib.feed, text, text[]) IS
'The keys of the rows of a feed''s source that satisfy its filter and a condition, in which $1 is argument.';
REVOKE EXECUTE ON FUNCTION calib.source_keys(calib.feed, text, text[]) FROM PUBLIC;

CREATE FUNCTION calib.read_source(fed calib.feed, condition text, argument text[], OUT taken bigint, OUT failed bigint, OUT skipped bigint)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(sum(r.taken), 0), coalesce(sum(r.failed), 0), coalesce(sum(r.skipped), 0)
    FROM calib.source_leaves((fed).source, (fed).mode) AS l (relid)
    CROSS JOIN LATERAL calib.feed_read((fed).feed_id, l.relid, condition, argument, 'upsert') AS r;
END;
COMMENT ON FUNCTION calib.read_source(calib.feed, text, text[]) IS
'Takes the rows of a feed''s source that satisfy its filter and a condition, in which $1 is argument.';
REVOKE EXECUTE ON FUNCTION calib.read_source(calib.feed, text, text[]) FROM PUBLIC;

-- What changed ---------------------------------------------------------------------------

-- A time that has not come yet (a typing error, a clock that is ahead) must not let the
-- cursor run past all that is still to be written.
CREATE FUNCTION calib.newest_cursor(fed calib.feed) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    compared text := calib.cursor_type(($1).source, ($1).cursor_column);
    limited text := CASE WHEN compared IN ('date', 'timestamp', 'timestamptz') THEN
        format(' FILTER (WHERE c <= %L::%s)', CASE compared WHEN 'timestamptz' THEN clock_timestamp()::text
            ELSE (SELECT (clock_timestamp() AT TIME ZONE o.zone)::text FROM calib.organisation o) END, compared)
        ELSE '' END;
    rows text := calib.source_query($1, format('%I::%s', ($1).cursor_column, compared), 'true');
    newest text;
BEGIN
    IF compared IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'KC009',
            MESSAGE = format('feed "%s" cannot be pulled: cursor column "%s" is gone, or of another type', ($1).feed, ($1).cursor_column),
            HINT = 'Detach it and attach it with the column as it is now.';
    END IF;
    -- a partitioned source without partitions has no query, and no answer
    SELECT k INTO newest FROM calib.ask_source(($1).feed_id, 'SELECT (max(c)' || limited || ')::text FROM (' || rows || ') AS s (c)', '{}') AS k;
    RETURN coalesce(newest, ($1).cursor_value);
END $$;
COMMENT ON FUNCTION calib.newest_cursor(calib.feed) IS
'The newest value of a feed''s cursor column that is not in the future, as text; where there is none, what was the newest before.';
REVOKE EXECUTE ON FUNCTION calib.newest_cursor(calib.feed) FROM PUBLIC;

CREATE FUNCTION calib.cursor_condition(fed calib.feed) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN (fed).cursor_value IS NULL OR (fed).cursor_column IS NULL THEN 'true'
        ELSE format('%1$I >= (($1)[1]::%2$s - ($1)[2]::%3$s)::%2$s OR %1$I IS NULL', (fed).cursor_column, c.type,
            CASE WHEN c.type IN ('int8', 'numeric') THEN c.type ELSE 'interval' END) END
    FROM (SELECT calib.cursor_type((fed).source, (fed).cursor_column) AS type) c;
END;
COMMENT ON FUNCTION calib.cursor_condition(calib.feed) IS
'Which rows a pull reads: those from the cursor less the overlap on, and those without a cursor value. $1 is cursor_value and overlap.';
REVOKE EXECUTE ON FUNCTION calib.cursor_condition(calib.feed) FROM PUBLIC;

-- A row that the filter leaves out now, deleted softly or handed on, had a fact before.
-- Of units, customers and opportunities only what this feed has read: another feed may
-- bring what its filter leaves out.
CREATE FUNCTION calib.remove_filtered(fed calib.feed, condition text, argument text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    others calib.feed := $1;
    gone text[];
BEGIN
    IF ($1).filter IS NULL OR ($1).destination = 'target' THEN
        RETURN 0;
    END IF;
    others.filter := format(E'(%s\n) IS NOT TRUE', ($1).filter);
    gone := ARRAY(SELECT calib.source_keys(others, $2, $3));
    IF ($1).destination IN ('unit', 'customer', 'opportunity') THEN
        RETURN calib.remove_keys_gone($1, ARRAY(SELECT k.key FROM calib.feed_key k
                                                WHERE k.feed_id = ($1).feed_id AND k.key = ANY (gone)));
    END IF;
    gone := ARRAY(SELECT unnest(gone)
                  EXCEPT SELECT calib.source_keys($1, calib.feed_key_text($1) || ' = ANY ($1)', gone));
    RETURN CASE WHEN gone = '{}' THEN 0 ELSE calib.feed_remove(($1).feed_id, gone) END;
EXCEPTION WHEN data_exception THEN
    RAISE WARNING 'feed "%": rows its filter leaves out have no key: %', ($1).feed, SQLERRM;
    RETURN 0;
END $$;
COMMENT ON FUNCTION calib.remove_filtered(calib.feed, text, text[]) IS
'Removes the facts of those rows that satisfy a condition and not the feed''s filter; returns how many.';
REVOKE EXECUTE ON FUNCTION calib.remove_filtered(calib.feed, text, text[]) FROM PUBLIC;

-- What has no key is not found by it: where its row was read again it has failed anew,
-- or not at all. By a cursor not every row is read.
CREATE FUNCTION calib.drop_keyless(fed calib.feed, before bigint) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT calib.drop_errors(ARRAY(
        SELECT e.feed_error_id FROM calib.feed_error e
        WHERE e.source = (fed).feed AND e.external_id IS NULL AND e.feed_error_id <= before
          AND ((fed).cursor_column IS NULL OR EXISTS (
              SELECT FROM calib.feed_error n
              WHERE n.source = (fed).feed AND n.external_id IS NULL AND n.feed_error_id > before
                AND n.problem = e.problem AND n.fact IS NOT DISTINCT FROM e.fact
                AND n.source_row IS NOT DISTINCT FROM e.source_row))));
END;
COMMENT ON FUNCTION calib.drop_keyless(calib.feed, bigint) IS
'Forgets errors without a key up to a number whose rows a pull has read again since.';
REVOKE EXECUTE ON FUNCTION calib.drop_keyless(calib.feed, bigint) FROM PUBLIC;

-- The newest is asked for before the rows are read: what is written in between is read
-- now or the next time, never neither.
CREATE FUNCTION calib.pull_changes(fed calib.feed) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    newest text;
    condition text;
    seen text[] := ARRAY[($1).cursor_value, ($1).overlap];
    keyless bigint := (SELECT max(e.feed_error_id) FROM calib.feed_error e WHERE e.source = ($1).feed AND e.external_id IS NULL);
    taken bigint;
BEGIN
    IF ($1).cursor_column IS NOT NULL THEN
        newest := calib.newest_cursor($1);
    END IF;
    condition := calib.cursor_condition($1);
    SELECT r.taken INTO taken FROM calib.read_source($1, condition, seen) AS r;
    PERFORM calib.drop_keyless($1, keyless) WHERE keyless IS NOT NULL;
    taken := taken + calib.remove_filtered($1, condition, seen);
    IF ($1).destination IN ('unit', 'customer', 'opportunity') THEN
        INSERT INTO calib.feed_key (feed_id, key)
        SELECT DISTINCT ($1).feed_id, k FROM calib.source_keys($1, condition, seen) AS k
        ON CONFLICT DO NOTHING;
    END IF;
    UPDATE calib.feed f SET cursor_value = newest WHERE f.feed_id = ($1).feed_id;
    RETURN taken;
END $$;
COMMENT ON FUNCTION calib.pull_changes(calib.feed) IS
'Takes what a source''s cursor column says is new or changed, and what lies in the overlap; without a cursor column everything. Returns the facts taken or removed.';
REVOKE EXECUTE ON FUNCTION calib.pull_changes(calib.feed) FROM PUBLIC;

-- What is gone -----------------------------------------------------------------------------

CREATE FUNCTION calib.keys_without_row(fed calib.feed) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone text[];
BEGIN
    EXECUTE CASE
        WHEN ($1).destination IN ('unit', 'customer', 'opportunity') THEN
            'SELECT array_agg(f.key) FROM calib.feed_key f WHERE f.feed_id = ($1).feed_id
               AND f.key NOT IN (SELECT calib.source_keys($1, ''true'', ''{}''))'
        ELSE format('SELECT array_agg(f.external_id) FROM calib.%I f WHERE f.source = ($1).feed
               AND f.external_id NOT IN (SELECT calib.source_keys($1, ''true'', ''{}''))', ($1).destination)
        END INTO gone USING $1;
    RETURN gone;
END $$;
COMMENT ON FUNCTION calib.keys_without_row(calib.feed) IS
'The keys of a feed''s facts for which its source has no row.';
REVOKE EXECUTE ON FUNCTION calib.keys_without_row(calib.feed) FROM PUBLIC;

-- What somebody else holds is left for the next time: nobody is waited for.
CREATE FUNCTION calib.find_facts(fed calib.feed, keys text[], hold boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_named boolean := ($1).destination IN ('unit', 'customer', 'opportunity');
    found text[];
BEGIN
    EXECUTE format('SELECT array_agg(h.key) FROM (SELECT f.%1$I AS key FROM calib.%2$s WHERE f.%1$I = ANY ($2) %3$s %4$s) h',
        CASE WHEN is_named THEN 'external_ref' ELSE 'external_id' END,
        -- who brings an activity again locks its key
        CASE WHEN ($1).destination = 'activity' AND $3
            THEN 'activity_key k JOIN calib.activity f USING (source, external_id)'
            ELSE quote_ident(($1).destination) || ' f' END,
        CASE WHEN is_named THEN '' ELSE 'AND f.source = ($1).feed' END,
        CASE WHEN $3 THEN 'FOR UPDATE SKIP LOCKED' ELSE '' END)
    INTO found USING $1, $2;
    RETURN found;
END $$;
COMMENT ON FUNCTION calib.find_facts(calib.feed, text[], boolean) IS
'Which of some keys have facts; where hold, of those that nobody else has locked, which then are.';
REVOKE EXECUTE ON FUNCTION calib.find_facts(calib.feed, text[], boolean) FROM PUBLIC;

-- A row that came back meanwhile has pushed its fact, which then was locked, or shows
-- when the source is asked again with the fact in hand: only what is gone both times goes.
CREATE FUNCTION calib.remove_keys_gone(fed calib.feed, keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone text[] := calib.find_facts($1, $2, hold => true);
    removed bigint;
BEGIN
    IF gone IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(k) INTO gone FROM (
        SELECT unnest(gone) EXCEPT SELECT calib.source_keys($1, calib.feed_key_text($1) || ' = ANY ($1)', gone)) AS g (k);
    removed := calib.feed_remove(($1).feed_id, coalesce(gone, '{}'));
    DELETE FROM calib.feed_key k WHERE k.feed_id = ($1).feed_id AND k.key = ANY (gone);
    RETURN removed;
END $$;
COMMENT ON FUNCTION calib.remove_keys_gone(calib.feed, text[]) IS
'Removes the facts of those keys whose row the source has no more; returns how many.';
REVOKE EXECUTE ON FUNCTION calib.remove_keys_gone(calib.feed, text[]) FROM PUBLIC;

CREATE FUNCTION calib.remove_gone(fed calib.feed) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF ($1).destination = 'target' THEN
        RETURN 0;
    END IF;
    RETURN calib.remove_keys_gone($1, calib.keys_without_row($1));
END $$;
COMMENT ON FUNCTION calib.remove_gone(calib.feed) IS
'Removes the facts of a feed whose row its source has no more; returns how many. Targets stay.';
REVOKE EXECUTE ON FUNCTION calib.remove_gone(calib.feed) FROM PUBLIC;

-- A row whose key cannot be computed hides which facts have rows.
CREATE FUNCTION calib.compare_keys(fed calib.feed) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    BEGIN
        removed := calib.remove_gone($1);
    EXCEPTION WHEN data_exception THEN
        RAISE WARNING 'feed "%": no fact was removed, for not every row of % has a key', ($1).feed, ($1).source
            USING DETAIL = SQLERRM, HINT = 'calib.feed_error has the rows.';
        RETURN 0;
    END;
    IF ($1).destination IN ('unit', 'customer', 'opportunity') THEN
        INSERT INTO calib.feed_key (feed_id, key)
        SELECT DISTINCT ($1).feed_id, k FROM calib.source_keys($1, 'true', '{}') AS k
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN removed;
END $$;
COMMENT ON FUNCTION calib.compare_keys(calib.feed) IS
'Removes the facts of a feed whose row is gone, and remembers what it saw; returns how many were removed. Where the key of a row cannot be computed: a warning, and nothing is removed.';
REVOKE EXECUTE ON FUNCTION calib.compare_keys(calib.feed) FROM PUBLIC;

-- Pull --------------------------------------------------------------------------------------

-- What has no key can be told only by reading everything again.
CREATE FUNCTION calib.pull_everything(fed calib.feed) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    newest text;
    seen bigint[] := calib.errors_seen(($1).feed, NULL);
    got record;
BEGIN
    IF ($1).cursor_column IS NOT NULL THEN
        newest := calib.newest_cursor($1);
    END IF;
    SELECT r.* INTO got FROM calib.read_source($1, 'true', '{}') AS r;
    IF got.skipped = 0 THEN
        PERFORM calib.drop_errors(seen);
    ELSE
        RAISE NOTICE 'feed "%": rows are being changed, % were left out', ($1).feed, got.skipped;
    END IF;
    UPDATE calib.feed f SET cursor_value = newest WHERE f.feed_id = ($1).feed_id;
    RETURN got.taken + calib.compare_keys($1);
END $$;
COMMENT ON FUNCTION calib.pull_everything(calib.feed) IS
'Takes every row of a feed''s source again and removes the facts that have none; returns how many were taken or removed.';
REVOKE EXECUTE ON FUNCTION calib.pull_everything(calib.feed) FROM PUBLIC;

CREATE FUNCTION calib.pull_feed(fed calib.feed, complete boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting text[] := calib.waiting_keys(($1).feed);
    taken bigint := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = ($1).source) THEN
        RAISE EXCEPTION USING ERRCODE = '42P01', MESSAGE = format('the source of feed "%s" was dropped', ($1).feed),
            HINT = format('SELECT calib.detach(%L).', ($1).feed);
    END IF;
    IF $2 THEN
        taken := calib.pull_everything($1);
    ELSE
        IF ($1).mode = 'pull' THEN
            taken := calib.pull_changes($1);
        END IF;
        taken := taken + calib.retry_feed($1, waiting);
    END IF;
    IF ($1).destination = 'stage_change' THEN
        PERFORM calib.settle_stage_history();
    END IF;
    UPDATE calib.feed f SET pulled_at = calib.clock() WHERE f.feed_id = ($1).feed_id;
    RETURN taken;
END $$;
COMMENT ON FUNCTION calib.pull_feed(calib.feed, boolean) IS
'Pulls one feed, whose row the caller has locked; returns the facts taken or removed.';
REVOKE EXECUTE ON FUNCTION calib.pull_feed(calib.feed, boolean) FROM PUBLIC;

-- One feed that cannot be read must not keep the others back.
CREATE FUNCTION calib.pull_all(complete boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fed calib.feed;
    taken bigint := 0;
BEGIN
    FOR fed IN
        SELECT f.* FROM calib.feed f
        ORDER BY array_position('{unit,customer,opportunity,stage_change,activity,result,receivable,target}', f.destination), f.feed_id
    LOOP
        BEGIN
            SELECT f.* INTO fed FROM calib.feed f WHERE f.feed_id = fed.feed_id FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
            taken := taken + calib.pull_feed(fed, $1);
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(40|53|54|55|57|58|XX|25)' THEN
                RAISE;
            END IF;
            RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = format('feed "%s" was not pulled: %s', fed.feed, SQLERRM);
        END;
    END LOOP;
    RETURN taken + calib.retry_facts();
END $$;
COMMENT ON FUNCTION calib.pull_all(boolean) IS
'Pulls every feed that is not being pulled by somebody else, and tries again what waits of other sources; a feed that fails is a warning. Returns the facts taken or removed.';
REVOKE EXECUTE ON FUNCTION calib.pull_all(boolean) FROM PUBLIC;

-- Text forms of keys and cursors must not depend on who pulls; and a second look at a source must
-- see what came meanwhile.
CREATE FUNCTION calib.pull(feed text DEFAULT NULL, complete boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, MDY'
SET timezone = 'UTC'
AS $$
DECLARE
    fed calib.feed;
BEGIN
    PERFORM calib.check_unfenced('pull feeds');
    PERFORM calib.require_duty('{admin}', NULL, 'pull feeds');
    PERFORM calib.use_organisation_zone();
    IF $2 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'cannot pull feeds: complete must not be null';
    END IF;
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION USING ERRCODE = '25001', MESSAGE = 'feeds are pulled under READ COMMITTED only',
            HINT = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED first.';
    END IF;
    IF $1 IS NULL THEN
        RETURN calib.pull_all($2);
    END IF;
    SELECT f.* INTO fed FROM calib.feed f WHERE f.feed = $1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('there is no feed "%s"', $1),
            HINT = 'calib.feed lists those that are.';
    END IF;
    RETURN calib.pull_feed(fed, $2);
END $$;
COMMENT ON FUNCTION calib.pull(text, boolean) IS
'Reads what is new in the source of a feed in mode pull, and tries again what waits of the feed in feed_error; complete => true reads everything, in either mode, and removes facts whose row is gone. feed NULL: all feeds, and what waits of other sources. Returns the facts taken, those that stand unchanged included, or removed. Duty admin for everyone (42501); READ COMMITTED only (25001). Unknown feed: 42704.';
