-- Filling a feed with the rows that were there before it: batch by batch, each
-- committed, from where it was left. See docs/feed.md.

-- How far it is stands in feed.backfill_at, as JSON:
--   leaf, node    the part being read, and the file it was then (a VACUUM FULL moves rows)
--   block, size   the first block not read yet, and how many the next batch takes
--   read          how many blocks were read
--   again         blocks with rows that somebody held: [[leaf, node, from, to], ...]
--   waits         how often in a row nothing of those could be read
-- Names would follow a dump, and block numbers would not: numbers, which do not either.

CREATE FUNCTION calib.blocks_of(relation regclass) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT pg_relation_size(blocks_of.relation) / current_setting('block_size')::bigint;
END;
COMMENT ON FUNCTION calib.blocks_of(regclass) IS 'How many blocks a table has.';
REVOKE EXECUTE ON FUNCTION calib.blocks_of(regclass) FROM PUBLIC;

CREATE FUNCTION calib.read_blocks(fed calib.feed, leaf oid, from_block bigint, to_block bigint,
    OUT read bigint, OUT skipped bigint)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.read, r.skipped
    FROM calib.feed_read((fed).feed_id, leaf::regclass, 'ctid >= (($1)[1])::tid AND ctid < (($1)[2])::tid',
        ARRAY[format('(%s,0)', from_block), format('(%s,0)', to_block)], 'upsert') AS r;
END;
COMMENT ON FUNCTION calib.read_blocks(calib.feed, oid, bigint, bigint) IS
'Takes the rows of some blocks of a source; to_block is the first no longer included. Rows are locked while they are read, so that none is older than what was pushed of it.';
REVOKE EXECUTE ON FUNCTION calib.read_blocks(calib.feed, oid, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION calib.tell_progress(feed_id bigint, was bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f calib.feed;
BEGIN
    SELECT d.* INTO f FROM calib.feed d WHERE d.feed_id = $1;
    IF f.done * 10 / greatest(f.total, 1) > $2 * 10 / greatest(f.total, 1) THEN
        RAISE NOTICE 'feed "%": % of about % rows', f.feed, f.done, f.total;
    END IF;
END $$;
COMMENT ON FUNCTION calib.tell_progress(bigint, bigint) IS
'A NOTICE whenever another tenth of a backfill is done; was: the rows done before.';
REVOKE EXECUTE ON FUNCTION calib.tell_progress(bigint, bigint) FROM PUBLIC;

-- The next blocks not read yet: leaf NULL where there are none. Blocks added later hold
-- rows that were pushed.
CREATE FUNCTION calib.next_blocks(fed calib.feed, at jsonb, OUT leaf oid, OUT node oid, OUT from_block bigint, OUT to_block bigint)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT n.leaf, n.node, n.first, least(n.first + (at ->> 'size')::bigint, n.blocks)
    FROM (
        SELECT l.relid::oid AS leaf, pg_relation_filenode(l.relid) AS node, calib.blocks_of(l.relid) AS blocks,
               CASE WHEN l.relid::oid = (at ->> 'leaf')::oid AND pg_relation_filenode(l.relid) = (at ->> 'node')::oid
                    THEN (at ->> 'block')::bigint ELSE 0 END AS first
        FROM calib.source_leaves((fed).source, (fed).mode) AS l (relid)
        WHERE l.relid::oid >= (at ->> 'leaf')::oid
    ) n
    WHERE n.first < n.blocks
    ORDER BY n.leaf LIMIT 1;
END;
COMMENT ON FUNCTION calib.next_blocks(calib.feed, jsonb) IS
'Which blocks a backfill reads next; to_block is the first no longer included.';
REVOKE EXECUTE ON FUNCTION calib.next_blocks(calib.feed, jsonb) FROM PUBLIC;

-- The blocks that were read tell how many rows the others may have.
CREATE FUNCTION calib.rows_left(fed calib.feed, at jsonb, done bigint) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT (greatest(sum(calib.blocks_of(l.relid)) - (at ->> 'read')::bigint, 0)
            * done / greatest((at ->> 'read')::bigint, 1))::bigint
    FROM calib.source_leaves((fed).source, (fed).mode) AS l (relid);
END;
COMMENT ON FUNCTION calib.rows_left(calib.feed, jsonb, bigint) IS
'How many rows a backfill may still have to read, by the rows it found in the blocks it read; NULL: the source has no part with rows.';
REVOKE EXECUTE ON FUNCTION calib.rows_left(calib.feed, jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION calib.backfill_begin(fed calib.feed) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at jsonb := '{"leaf": 0, "node": 0, "block": 0, "size": 16, "read": 0, "again": [], "waits": 0}';
BEGIN
    UPDATE calib.feed f SET done = 0, total = NULL, backfill_at = at::text, backfilled_at = NULL
    WHERE f.feed_id = ($1).feed_id;
    RETURN at;
END $$;
COMMENT ON FUNCTION calib.backfill_begin(calib.feed) IS 'Begins a backfill, or begins it anew; returns where it is.';
REVOKE EXECUTE ON FUNCTION calib.backfill_begin(calib.feed) FROM PUBLIC;

-- Some 2000 rows a batch: the next one is as many blocks as that would have taken now.
CREATE FUNCTION calib.backfill_forward(fed calib.feed, at jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    next record;
    got record;
    blocks bigint;
    read bigint := ($1).done;
BEGIN
    SELECT n.* INTO next FROM calib.next_blocks($1, $2) AS n;
    IF next.leaf IS NULL THEN
        RETURN false;
    END IF;
    SELECT r.* INTO got FROM calib.read_blocks($1, next.leaf, next.from_block, next.to_block) AS r;
    blocks := next.to_block - next.from_block;
    read := CASE WHEN ($2 ->> 'read')::bigint = 0 THEN 0 ELSE read END + got.read;
    IF got.skipped > 0 THEN
        at := jsonb_set(at, '{again}', (at -> 'again')
            || jsonb_build_array(jsonb_build_array(next.leaf, next.node, next.from_block, next.to_block)));
    END IF;
    at := at || jsonb_build_object('leaf', next.leaf, 'node', next.node, 'block', next.to_block,
        'read', (at ->> 'read')::bigint + blocks,
        'size', greatest(1, least(blocks * 2000 / greatest(got.read + got.skipped, 1), 256)));
    UPDATE calib.feed f SET backfill_at = at::text, done = read, total = read + calib.rows_left($1, at, read)
    WHERE f.feed_id = ($1).feed_id;
    PERFORM calib.tell_progress(($1).feed_id, read - got.read);
    RETURN true;
END $$;
COMMENT ON FUNCTION calib.backfill_forward(calib.feed, jsonb) IS
'Reads the next batch of a backfill; false: there was none.';
REVOKE EXECUTE ON FUNCTION calib.backfill_forward(calib.feed, jsonb) FROM PUBLIC;

CREATE FUNCTION calib.backfill_again(fed calib.feed, at jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part jsonb;
    held jsonb := '[]';
    moved boolean := false;
    got record;
BEGIN
    FOR part IN SELECT p FROM jsonb_array_elements(at -> 'again') AS p LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM calib.source_leaves(($1).source, ($1).mode) AS l WHERE l::oid = (part ->> 0)::oid);
        moved := moved OR pg_relation_filenode((part ->> 0)::oid::regclass) <> (part ->> 1)::oid;
        SELECT r.* INTO got FROM calib.read_blocks($1, (part ->> 0)::oid, (part ->> 2)::bigint, (part ->> 3)::bigint) AS r;
        IF got.skipped > 0 THEN
            held := held || jsonb_build_array(part);
        END IF;
    END LOOP;
    IF moved THEN
        PERFORM calib.backfill_begin($1);
        RETURN true;
    END IF;
    at := at || jsonb_build_object('again', held, 'waits',
        CASE WHEN jsonb_array_length(held) < jsonb_array_length(at -> 'again') THEN 0 ELSE (at ->> 'waits')::integer + 1 END);
    UPDATE calib.feed f SET backfill_at = at::text WHERE f.feed_id = ($1).feed_id;
    RETURN jsonb_array_length(held) > 0;
END $$;
COMMENT ON FUNCTION calib.backfill_again(calib.feed, jsonb) IS
'Reads the blocks again that had rows somebody held; false: none has any more.';
REVOKE EXECUTE ON FUNCTION calib.backfill_again(calib.feed, jsonb) FROM PUBLIC;

CREATE FUNCTION calib.backfill_end(fed calib.feed) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting bigint;
BEGIN
    PERFORM calib.compare_keys($1);
    UPDATE calib.feed f SET total = f.done, backfill_at = NULL, backfilled_at = calib.clock() WHERE f.feed_id = ($1).feed_id;
    SELECT count(*) INTO waiting FROM calib.feed_error e WHERE e.source = ($1).feed;
    RAISE NOTICE 'feed "%": filled, % rows wait in calib.feed_error', ($1).feed, waiting;
END $$;
COMMENT ON FUNCTION calib.backfill_end(calib.feed) IS
'Ends a backfill: facts without a row go, and how many rows wait is told.';
REVOKE EXECUTE ON FUNCTION calib.backfill_end(calib.feed) FROM PUBLIC;

CREATE FUNCTION calib.backfill_step(feed text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, MDY'
SET timezone = 'UTC'
AS $$
DECLARE
    fed calib.feed;
    at jsonb;
BEGIN
    PERFORM calib.check_unfenced('backfill a feed');
    PERFORM calib.require_duty('{admin}', NULL, 'backfill a feed');
    PERFORM calib.use_organisation_zone();
    IF $1 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'cannot backfill a feed: none is named';
    END IF;
    SELECT f.* INTO fed FROM calib.feed f WHERE f.feed = $1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('there is no feed "%s"', $1),
            HINT = 'calib.feed lists those that are.';
    END IF;
    IF fed.mode = 'pull' THEN
        PERFORM calib.pull_feed(fed, true);
        PERFORM calib.backfill_end(fed);
        RETURN 'done';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = fed.source) THEN
        RAISE EXCEPTION USING ERRCODE = '42P01', MESSAGE = format('the source of feed "%s" was dropped', $1),
            HINT = format('SELECT calib.detach(%L).', $1);
    END IF;
    at := coalesce(fed.backfill_at::jsonb, calib.backfill_begin(fed));
    IF calib.backfill_forward(fed, at) THEN
        RETURN 'more';
    END IF;
    IF calib.backfill_again(fed, at) THEN
        IF (at ->> 'waits')::integer >= 50 THEN
            UPDATE calib.feed f SET backfill_at = jsonb_set(f.backfill_at::jsonb, '{waits}', '0')::text WHERE f.feed_id = fed.feed_id;
            RAISE WARNING 'feed "%" is filled but for rows that somebody else holds', $1
                USING HINT = 'CALL calib.backfill() again when those transactions have ended.';
            RETURN 'held';
        END IF;
        RETURN 'wait';
    END IF;
    PERFORM calib.backfill_end(fed);
    RETURN 'done';
END $$;
COMMENT ON FUNCTION calib.backfill_step(text) IS
'One batch of calib.backfill: more, wait (only rows that somebody holds are left), held (they were held too long), done. Duty admin for everyone (42501).';

-- What commits can neither pin a search_path nor be a definer: all this does is call
-- what does.
CREATE PROCEDURE calib.backfill(feed text)
LANGUAGE plpgsql
AS $$
DECLARE
    next pg_catalog.text;
BEGIN
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        next := calib.backfill_step($1);
        CASE WHEN next OPERATOR(pg_catalog.=) 'wait' THEN PERFORM pg_catalog.pg_sleep(0.1); ELSE END CASE;
        EXIT WHEN next OPERATOR(pg_catalog.=) ANY (ARRAY['done', 'held']);
    END LOOP;
END $$;
COMMENT ON PROCEDURE calib.backfill(text) IS
'Takes the rows a source already has, some 2000 a transaction; what is pushed meanwhile wins. Interrupted, it goes on where it was when called again; called again after its end, it takes everything anew. Not inside a transaction block (2D000). Progress: a NOTICE for each tenth, calib.feed.done and total. Duty admin for everyone (42501). Unknown feed: 42704.';
