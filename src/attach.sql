-- Attaching and detaching feeds: see docs/feed.md. What a feed does is src/feed.sql's.

-- May it be a source? -------------------------------------------------------------

CREATE FUNCTION calib.check_pulled(source regclass, action text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    class pg_class;
BEGIN
    SELECT c.* INTO class FROM pg_class c WHERE c.oid = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42P01',
            MESSAGE = format('cannot %s: relation with OID %s does not exist', $2, $1::oid);
    END IF;
    IF class.relkind NOT IN ('r', 'p', 'v', 'm', 'f') OR class.relpersistence = 't' OR class.relnamespace
        IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'calib'::regnamespace) THEN
        RAISE EXCEPTION USING ERRCODE = '42809',
            MESSAGE = format('cannot %s: %s is temporary, a catalog, calib''s own, or has no rows', $2, $1),
            HINT = 'Tables, views, materialized views and foreign tables can be pulled.';
    END IF;
    PERFORM calib.check_unfenced($2);
    PERFORM calib.require_duty('{admin}', NULL, $2);
    IF NOT pg_has_role(calib.role()::name, class.relowner, 'USAGE') THEN
        RAISE EXCEPTION USING ERRCODE = '42501',
            MESSAGE = format('cannot %s: must be owner of %s', $2, $1),
            DETAIL = format('Role %s is not a member of its owner, %s.', calib.role(),
                quote_ident(pg_get_userbyid(class.relowner))),
            HINT = 'It takes duty admin and the relation: SET ROLE to its owner where that role holds the duty.';
    END IF;
END $$;
COMMENT ON FUNCTION calib.check_pulled(regclass, text) IS
'Raises 42809 for what has no rows to pull, 42501 unless the caller''s role holds duty admin for everyone and owns it. action completes "cannot ...".';
REVOKE EXECUTE ON FUNCTION calib.check_pulled(regclass, text) FROM PUBLIC;

CREATE FUNCTION calib.check_source(source regclass, mode text, action text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF $1 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = format('cannot %s: no source is named', $3);
    END IF;
    IF $2 = 'pull' THEN
        PERFORM calib.check_pulled($1, $3);
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_class c WHERE c.oid = $1 AND c.relkind IN ('v', 'm', 'f')) THEN
        RAISE EXCEPTION USING ERRCODE = '42809',
            MESSAGE = format('cannot %s: %s is no table, and pushes nothing', $3, $1),
            HINT = 'Name the table below it, or read it on demand: mode => ''pull''.';
    END IF;
    PERFORM calib.check_own_table($1, $3);
END $$;
COMMENT ON FUNCTION calib.check_source(regclass, text, text) IS
'calib.check_own_table for a feed: one that is pulled may also be a view, a materialized view, a foreign table or a partition.';
REVOKE EXECUTE ON FUNCTION calib.check_source(regclass, text, text) FROM PUBLIC;

-- Where a source's rows are ---------------------------------------------------------

CREATE FUNCTION calib.source_leaves(source regclass, mode text) RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE part (relid) AS (
        SELECT source_leaves.source::oid
        UNION
        SELECT i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.relid
    )
    SELECT p.relid::regclass
    FROM part p JOIN pg_class c ON c.oid = p.relid
    WHERE c.relkind = ANY (CASE WHEN source_leaves.mode = 'pull' THEN '{r,v,m,f}' ELSE '{r}' END::"char"[])
      AND c.relpersistence <> 't'
    ORDER BY p.relid;
END;
COMMENT ON FUNCTION calib.source_leaves(regclass, text) IS
'What holds the rows of a source: itself, its partitions and children. One that pushes has no foreign ones.';
REVOKE EXECUTE ON FUNCTION calib.source_leaves(regclass, text) FROM PUBLIC;

-- The cursor of a feed that is pulled -------------------------------------------------

CREATE FUNCTION calib.cursor_type(source regclass, cursor_column name) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE
        WHEN t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'int8'
        WHEN t.oid IN ('numeric'::regtype, 'date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
            THEN t.typname::text
    END
    FROM pg_attribute a
    JOIN pg_type y ON y.oid = a.atttypid
    JOIN pg_type t ON t.oid = CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END
    WHERE a.attrelid = cursor_type.source AND a.attname = cursor_type.cursor_column
      AND a.attnum > 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION calib.cursor_type(regclass, name) IS
'As what a cursor column is compared: int8, numeric, date, timestamp or timestamptz; NULL: there is no such column, or it cannot be a cursor.';
REVOKE EXECUTE ON FUNCTION calib.cursor_type(regclass, name) FROM PUBLIC;

CREATE FUNCTION calib.overlap_fault(cursor_type text, overlap text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE -- it catches errors
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF $1 IN ('int8', 'numeric') THEN
        RETURN CASE WHEN $2::bigint < 0 THEN 'overlap: it is below 0' END;
    END IF;
    RETURN CASE WHEN $2::interval < interval '0' THEN 'overlap: it is below 0' END;
EXCEPTION WHEN data_exception THEN
    RETURN 'overlap: ' || SQLERRM;
END $$;
COMMENT ON FUNCTION calib.overlap_fault(text, text) IS
'What is wrong with how far a pull reads back: an interval, a count for a cursor of numbers. NULL: nothing.';
REVOKE EXECUTE ON FUNCTION calib.overlap_fault(text, text) FROM PUBLIC;

CREATE FUNCTION calib.cursor_faults(source regclass, mode text, cursor_column name, overlap text) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    compared text := calib.cursor_type($1, $3);
BEGIN
    IF $3 IS NULL THEN
        RETURN QUERY SELECT 'overlap: without a cursor column there is none' WHERE $4 IS NOT NULL;
    ELSIF $2 <> 'pull' THEN
        RETURN NEXT 'cursor column: a feed that is pushed has none';
    ELSIF compared IS NOT NULL THEN
        RETURN QUERY SELECT f FROM calib.overlap_fault(compared, $4) AS f WHERE f IS NOT NULL;
    ELSIF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped) THEN
        RETURN NEXT format('cursor column "%s": it is neither an integer or numeric nor a date or timestamp', $3);
    ELSE
        RETURN NEXT format('cursor column "%s" does not exist', $3);
    END IF;
END $$;
COMMENT ON FUNCTION calib.cursor_faults(regclass, text, name, text) IS
'What is wrong with a feed''s cursor column and overlap, a line each.';
REVOKE EXECUTE ON FUNCTION calib.cursor_faults(regclass, text, name, text) FROM PUBLIC;

-- Attach --------------------------------------------------------------------------------

CREATE FUNCTION calib.check_feed(feed text, destination text, source regclass, mapping jsonb, filter text, mode text,
    cursor_column name, overlap text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_mapping text[] := ARRAY(SELECT calib.mapping_faults($2, $3, $4, $5));
    of_cursor text[] := ARRAY(SELECT calib.cursor_faults($3, $6, $7, $8));
    faults text[] := of_mapping || of_cursor;
BEGIN
    IF faults = '{}' THEN
        RETURN;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'KC009',
        MESSAGE = format('feed "%s" cannot be attached: it has %s', $1,
            CASE cardinality(faults) WHEN 1 THEN 'a fault' ELSE cardinality(faults) || ' faults' END),
        DETAIL = array_to_string(faults, E'\n'),
        HINT = concat_ws(E'\n',
            CASE WHEN of_mapping <> '{}' THEN
                'Each expression is one of a row of the source, a constant in quotes of its own ("kind": "''visit''"); functions and tables not of pg_catalog need their schema. '
                'calib.canonical_columns() lists what may be mapped, and what must.' END,
            CASE WHEN of_cursor <> '{}' THEN
                'A cursor is a column that grows with every change, of a feed in mode pull; overlap an interval, for numbers a count.' END);
END $$;
COMMENT ON FUNCTION calib.check_feed(text, text, regclass, jsonb, text, text, name, text) IS
'Raises KC009 where mapping, filter, cursor or overlap are wrong; the detail has every fault, a line each.';
REVOKE EXECUTE ON FUNCTION calib.check_feed(text, text, regclass, jsonb, text, text, name, text) FROM PUBLIC;

-- Of an earlier feed of the name, or of a chat suite.
CREATE FUNCTION calib.has_facts(source text) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM calib.activity f WHERE f.source = has_facts.source)
        OR EXISTS (SELECT FROM calib.result f WHERE f.source = has_facts.source)
        OR EXISTS (SELECT FROM calib.receivable f WHERE f.source = has_facts.source)
        OR EXISTS (SELECT FROM calib.stage_change f WHERE f.source = has_facts.source);
END;
COMMENT ON FUNCTION calib.has_facts(text) IS 'Whether there are activities, results, receivables or stage changes of a source.';
REVOKE EXECUTE ON FUNCTION calib.has_facts(text) FROM PUBLIC;

-- The lock lets no writer slip between the check and the triggers: whoever is writing
-- now is waited for, a little.
CREATE FUNCTION calib.attach(feed text, destination text, source regclass, mapping jsonb, filter text DEFAULT NULL,
    mode text DEFAULT 'push', cursor_column name DEFAULT NULL, strict boolean DEFAULT false,
    stub boolean DEFAULT true, overlap text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
AS $$
DECLARE
    read_back text := coalesce($10, CASE WHEN calib.cursor_type($3, $7) IN ('int8', 'numeric') THEN '1000' ELSE '1 hour' END);
    attached bigint;
BEGIN
    IF num_nulls($1, $2, $4, $6, $8, $9) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = '22004',
            MESSAGE = 'cannot attach a feed: feed, destination, mapping, mode, strict and stub must not be null';
    END IF;
    IF $6 NOT IN ('push', 'pull') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('unknown mode "%s"', $6), HINT = 'Use push or pull.';
    END IF;
    PERFORM calib.check_source($3, $6, 'attach a feed');
    IF NOT EXISTS (SELECT FROM calib.canonical_columns() c WHERE c.destination = $2) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('unknown destination "%s"', $2),
            HINT = 'Use unit, customer, opportunity, stage_change, activity, result, receivable or target.';
    END IF;
    -- what is entered by hand has this source, and is nobody's feed
    IF $1 IN ('', 'manual', 'report') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('a feed cannot be named "%s"', $1);
    END IF;
    -- of what is ingested the source of a feed has no row: a pull would remove it
    IF EXISTS (SELECT FROM calib.ingested_source i WHERE i.source = $1) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('a feed cannot be named "%s": it is the source of what is ingested', $1);
    END IF;
    IF $6 = 'push' THEN
        PERFORM calib.lock_table($3);
    END IF;
    PERFORM calib.check_feed($1, $2, $3, $4, $5, $6, $7, CASE WHEN $7 IS NULL THEN $10 ELSE read_back END);
    INSERT INTO calib.feed (feed, destination, source, mapping, filter, mode, cursor_column, overlap, strict, stub,
        owner, attached_by)
    SELECT $1, $2, $3, $4, $5, $6, $7, read_back, $8, $9, pg_get_userbyid(c.relowner), calib.person()
    FROM pg_class c WHERE c.oid = $3
    ON CONFLICT DO NOTHING RETURNING feed_id INTO attached;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42710', MESSAGE = format('there is a feed "%s" already', $1),
            HINT = format('SELECT calib.detach(%L) first: its facts stay, and the new mapping follows them.', $1);
    END IF;
    PERFORM calib.put_trigger(e) FROM calib.feed_triggers($3) AS e;
    IF calib.has_facts($1) THEN
        RAISE NOTICE 'there are facts of source "%" already: they are this feed''s now', $1
            USING HINT = 'CALL calib.backfill() brings them up to date, and removes those that have no row.';
    END IF;
    RETURN attached;
END $$;
COMMENT ON FUNCTION calib.attach(text, text, regclass, jsonb, text, text, name, boolean, boolean, text) IS
'From now on each change of a source''s rows becomes facts (push), or each calib.pull() fetches them (pull). Checks mapping, filter and cursor (KC009, the detail names every fault), takes no row yet: CALL calib.backfill(). feed is the source of its facts. Returns feed_id. Takes duty admin for everyone and the source''s ownership (42501); views, materialized views and foreign tables in mode pull alone (42809). Waits 5 s for writers (55P03). A name taken: 42710; unknown destination or mode, bad name: 22023.';

-- Detach ----------------------------------------------------------------------------------

CREATE FUNCTION calib.remove_facts(feed text) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved bigint[];
    removed bigint;
BEGIN
    WITH activity AS (DELETE FROM calib.activity f WHERE f.source = $1 RETURNING 1),
         result AS (DELETE FROM calib.result f WHERE f.source = $1 RETURNING 1),
         receivable AS (DELETE FROM calib.receivable f WHERE f.source = $1 RETURNING 1),
         stage_change AS (DELETE FROM calib.stage_change f WHERE f.source = $1 RETURNING f.opportunity_id)
    SELECT (SELECT count(*) FROM activity) + (SELECT count(*) FROM result)
         + (SELECT count(*) FROM receivable) + (SELECT count(*) FROM stage_change),
           (SELECT array_agg(s.opportunity_id) FROM stage_change s)
    INTO removed, moved;
    -- an opportunity is always in a stage
    PERFORM calib.settle_stage_history(moved) WHERE moved IS NOT NULL;
    RETURN removed;
END $$;
COMMENT ON FUNCTION calib.remove_facts(text) IS
'Deletes the activities, results, receivables and stage changes of a feed; returns how many.';
REVOKE EXECUTE ON FUNCTION calib.remove_facts(text) FROM PUBLIC;

CREATE FUNCTION calib.drop_feed_triggers(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM calib.drop_triggers($1, 'calib.feed_changes()');
    PERFORM calib.revoke_from_owners($1, 'calib.feed_changes()');
END $$;
COMMENT ON FUNCTION calib.drop_feed_triggers(regclass) IS
'Takes the triggers of feeds off a source and its partitions, and the right to call them back from its owners.';
REVOKE EXECUTE ON FUNCTION calib.drop_feed_triggers(regclass) FROM PUBLIC;

CREATE FUNCTION calib.detach(feed text, remove boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
AS $$
DECLARE
    detached calib.feed;
    last boolean;
BEGIN
    IF num_nulls($1, $2) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'cannot detach a feed: feed and remove must not be null';
    END IF;
    PERFORM calib.check_unfenced('detach a feed');
    PERFORM calib.require_duty('{admin}', NULL, 'detach a feed');
    -- in the order of a backfill: first the feed, then its source
    SELECT f.* INTO detached FROM calib.feed f WHERE f.feed = $1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('there is no feed "%s"', $1),
            HINT = 'calib.feed lists those that are.';
    END IF;
    -- a source that was dropped has no owner to be
    IF EXISTS (SELECT FROM pg_class c WHERE c.oid = detached.source) THEN
        IF detached.mode = 'push' THEN
            PERFORM calib.check_owner(detached.source, 'detach a feed');
        ELSE
            PERFORM calib.check_pulled(detached.source, 'detach a feed');
        END IF;
        last := detached.mode = 'push' AND NOT EXISTS (
            SELECT FROM calib.feed f WHERE f.source = detached.source AND f.mode = 'push' AND f.feed <> $1);
        IF detached.mode = 'push' THEN
            PERFORM calib.lock_table(detached.source, CASE WHEN last THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE ROW EXCLUSIVE' END);
        END IF;
    END IF;
    DELETE FROM calib.feed f WHERE f.feed_id = detached.feed_id;
    IF last THEN
        PERFORM calib.drop_feed_triggers(detached.source);
    END IF;
    DELETE FROM calib.feed_error e WHERE e.source = $1;
    RETURN CASE WHEN $2 THEN calib.remove_facts($1) ELSE 0 END;
END $$;
COMMENT ON FUNCTION calib.detach(text, boolean) IS
'A feed follows its source no longer; what waits of it in feed_error is forgotten. Its facts stay; with remove => true its activities, results, receivables and stage changes are deleted. Returns how many. Takes duty admin for everyone and the source''s ownership (42501); waits 5 s for its readers (55P03). Unknown: 42704.';

-- The sources of facts that have no feed: what calib.ingest was given.
CREATE TABLE calib.ingested_source (
    source text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE calib.ingested_source IS
'Sources given to calib.ingest: no feed is named so, and their facts are not entered or changed by hand.';
COMMENT ON COLUMN calib.ingested_source.source IS 'The source.';
COMMENT ON COLUMN calib.ingested_source.since IS 'When the first of it was ingested (real time).';
SELECT calib.keep_in_dump('calib.ingested_source');

-- Anybody's facts are compared with these (DESIGN 11), whoever may read the tables.
CREATE FUNCTION calib.fed_sources() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT f.feed FROM calib.feed f UNION ALL SELECT i.source FROM calib.ingested_source i UNION ALL SELECT 'report';
END;
COMMENT ON FUNCTION calib.fed_sources() IS
'The names of all feeds, what calib.ingest was given, and report, which the weekly reports are: as the source of a fact they are nobody''s to give but the feed''s own, and an admin''s for everyone.';
