-- The ledger over the trail: blocks of rows, chained. See src/ledger.c and docs/ledger.md.

CREATE TABLE calib.block (
    block bigint PRIMARY KEY,
    previous bytea NOT NULL,
    era uuid NOT NULL,
    horizon_from bigint NOT NULL,
    horizon bigint NOT NULL,
    first_audit_id bigint NOT NULL,
    last_audit_id bigint NOT NULL,
    row_count bigint NOT NULL,
    row_total bigint NOT NULL,
    root bytea NOT NULL,
    list_hash bytea NOT NULL,
    sealed_era uuid NOT NULL,
    next_transaction bigint NOT NULL,
    sequence_at bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    sealed_by text NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX block_era_horizon ON calib.block (era, horizon);
COMMENT ON TABLE calib.block IS
'The chain of sealed blocks over the trail. Append-only (KC007), written by seal() alone; docs/ledger.md has the format.';
COMMENT ON COLUMN calib.block.block IS 'Number, 1, 2, 3 ... without gaps.';
COMMENT ON COLUMN calib.block.previous IS 'hash of the block before; 32 zero bytes before the first.';
COMMENT ON COLUMN calib.block.era IS 'The era of its rows.';
COMMENT ON COLUMN calib.block.horizon_from IS 'Its rows have this transaction_id or a higher one: the era''s horizon before.';
COMMENT ON COLUMN calib.block.horizon IS 'Its rows have a lower transaction_id, and no other row of the era has one; 9223372036854775807 closes an era that ended with a restore.';
COMMENT ON COLUMN calib.block.first_audit_id IS 'Lowest audit_id of its rows.';
COMMENT ON COLUMN calib.block.last_audit_id IS 'Highest audit_id of its rows.';
COMMENT ON COLUMN calib.block.row_count IS 'Its rows.';
COMMENT ON COLUMN calib.block.row_total IS 'Rows of all blocks up to this one.';
COMMENT ON COLUMN calib.block.root IS 'Root of the Merkle tree over its rows'' hashes, by audit_id.';
COMMENT ON COLUMN calib.block.list_hash IS 'Hash over its list in calib.leaf.';
COMMENT ON COLUMN calib.block.sealed_era IS 'The era in which it was sealed.';
COMMENT ON COLUMN calib.block.next_transaction IS 'The next transaction id of the cluster when it was sealed.';
COMMENT ON COLUMN calib.block.sequence_at IS 'The audit_id drawn last before next_transaction was read.';
COMMENT ON COLUMN calib.block.sealed_at IS 'When it was sealed.';
COMMENT ON COLUMN calib.block.sealed_by IS 'The person that sealed it.';
COMMENT ON COLUMN calib.block.hash IS 'SHA-256 over previous and all the others: what a digest carries outside.';
SELECT calib.keep_in_dump('calib.block');

CREATE TABLE calib.leaf (
    block bigint NOT NULL,
    "position" bigint NOT NULL,
    audit_ids bigint[] NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (block, "position")
);
-- hashes do not compress
ALTER TABLE calib.leaf ALTER COLUMN hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE calib.leaf IS
'Which rows of the trail are in a block, and the hash each had: up to 1024 to a row. It tells which row was changed, where the root only tells that one was. Append-only (KC007).';
COMMENT ON COLUMN calib.leaf.block IS 'The block.';
COMMENT ON COLUMN calib.leaf."position" IS 'The place of the first of them in the block, from 0.';
COMMENT ON COLUMN calib.leaf.audit_ids IS 'The rows, ascending.';
COMMENT ON COLUMN calib.leaf.hashes IS 'Their hashes, 32 bytes each.';
SELECT calib.keep_in_dump('calib.leaf');

SELECT calib.make_append_only('calib.block');
SELECT calib.make_append_only('calib.leaf');
SELECT calib.make_append_only('calib.era', door => false);

CREATE FUNCTION calib.seal() RETURNS bigint
LANGUAGE c VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'calib_seal';
COMMENT ON FUNCTION calib.seal() IS
'Puts the rows of all finished transactions that are in no block yet into a new block, chained to the last. Returns the last block made; NULL: nothing to seal. Duty admin for everyone, or the owner. READ COMMITTED only (25001); KC010 where the last block was changed.';

CREATE FUNCTION calib.digest() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT jsonb_build_object('format', 'calib.digest.1', 'database', current_database(),
        'block', coalesce(b.block, 0), 'hash', encode(coalesce(b.hash, decode(repeat('00', 32), 'hex')), 'hex'),
        'row_total', coalesce(b.row_total, 0), 'era', coalesce(b.sealed_era, e.era), 'horizon', b.horizon,
        'sealed_at', to_char(b.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'digest_at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    FROM calib.era e LEFT JOIN (SELECT * FROM calib.block ORDER BY block DESC LIMIT 1) b ON true;
END;
COMMENT ON FUNCTION calib.digest() IS
'The last block''s number and hash, to be kept outside: verify(digest) then notices a history that was rewritten as a whole. Block 0: nothing is sealed yet. Times are UTC.';

CREATE FUNCTION calib.verify(digest jsonb DEFAULT NULL)
RETURNS TABLE (block bigint, ok boolean, problem text)
LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'calib_verify';
COMMENT ON FUNCTION calib.verify(jsonb) IS
'Checks the whole ledger, and against an earlier digest whether its history is still the same: a row per problem, a row (true, NULL) per block without one, and a last one, block NULL, for what is in no block. Reads only. 22023: not a digest.';

CREATE FUNCTION calib.verify_last()
RETURNS TABLE (block bigint, ok boolean, problem text)
LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'calib_verify_last';
COMMENT ON FUNCTION calib.verify_last() IS
'Checks the last block of the ledger alone: its own row, that it continues the block before, its list and its rows; and that no later block was cut off and left its list. A row per problem, or one (true, NULL); nothing sealed yet: none. Reads only.';

CREATE FUNCTION calib.prove(audit_id bigint, up_to bigint DEFAULT NULL) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_prove';
COMMENT ON FUNCTION calib.prove(bigint, bigint) IS
'What somebody outside needs to check, with a digest of block up_to (NULL: the last), that a row of the trail is in the ledger: the row, its path, its block and the chain. Needs SELECT on the row. 22023: no such row, not sealed yet, or up_to is before its block; KC010: the ledger does not prove it.';

-- The window that is not sealed -------------------------------------------------

CREATE FUNCTION calib.unsealed_window(OUT unsealed_rows bigint, OUT oldest_audit_id bigint, OUT oldest_at timestamptz,
    OUT sealed_at timestamptz, OUT writer_since timestamptz, OUT writer text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH mine AS (
        SELECT e.era, (SELECT max(b.horizon) FROM calib.block b WHERE b.era = e.era) AS horizon,
            EXISTS (SELECT FROM calib.block b WHERE b.sealed_era = e.era) AS started
        FROM calib.era e
    ), bound AS (
        SELECT m.*, coalesce((SELECT b.sequence_at FROM calib.block b
            WHERE b.sealed_era = m.era AND b.next_transaction <= m.horizon ORDER BY b.block DESC LIMIT 1), 0) AS after
        FROM mine m
    ), open AS (
        SELECT a.audit_id, a.recorded_at
        FROM bound m JOIN calib.audit a ON a.audit_id > m.after
        WHERE CASE WHEN a.era = m.era THEN a.transaction_id >= coalesce(m.horizon, 0)
                   ELSE NOT m.started AND a.transaction_id >=
                       coalesce((SELECT max(b.horizon) FROM calib.block b WHERE b.era = a.era), 0) END
    ), writers AS (
        SELECT s.xact_start AS since, 'pid ' || s.pid AS name FROM pg_stat_activity s
        WHERE s.backend_xid IS NOT NULL AND s.pid <> pg_backend_pid()
        UNION ALL
        SELECT p.prepared, 'prepared ' || quote_literal(p.gid) FROM pg_prepared_xacts p
        ORDER BY 1 LIMIT 1
    )
    SELECT count(*), min(o.audit_id), min(o.recorded_at),
        (SELECT b.sealed_at FROM calib.block b ORDER BY b.block DESC LIMIT 1),
        (SELECT w.since FROM writers w), (SELECT w.name FROM writers w)
    FROM open o;
END;
COMMENT ON FUNCTION calib.unsealed_window() IS
'What view calib.unsealed shows, counted over the whole trail whatever rows the caller may read.';

CREATE VIEW calib.unsealed WITH (security_invoker = true) AS
SELECT w.unsealed_rows, w.oldest_audit_id, w.oldest_at, w.sealed_at, w.writer_since, w.writer
FROM calib.unsealed_window() w;
COMMENT ON VIEW calib.unsealed IS
'The window a superuser could still rewrite unseen: rows in no block yet, and the oldest open transaction, which holds the next horizon back.';
COMMENT ON COLUMN calib.unsealed.unsealed_rows IS 'Rows of the trail in no block yet.';
COMMENT ON COLUMN calib.unsealed.oldest_audit_id IS 'The first of them; NULL: none.';
COMMENT ON COLUMN calib.unsealed.oldest_at IS 'When the oldest of them was written; NULL: none.';
COMMENT ON COLUMN calib.unsealed.sealed_at IS 'When the last block was sealed; NULL: none yet.';
COMMENT ON COLUMN calib.unsealed.writer_since IS 'Start of the oldest open transaction that writes, anywhere in the cluster, other than the caller''s; NULL: none.';
COMMENT ON COLUMN calib.unsealed.writer IS 'Its backend, as "pid 123", or the name it was prepared under.';
