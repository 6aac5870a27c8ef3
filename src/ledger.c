/*
 * ledger.c
 *		seal(): puts the finished rows of the trail into blocks.
 *
 * Writers never wait for one another: a row only carries its own hash, and a
 * job seals what has been written.  What is finished is told by transaction
 * ids: below a snapshot's xmin, the horizon, every transaction of the cluster
 * has ended, prepared ones included, so no row can come to it any more.  A
 * block holds the rows of one era from the horizon before to its own; which
 * rows are in no block yet follows from that, and the rows themselves are
 * never written again.  Whatever turns up below a horizon later is forged.
 *
 * The lock comes before the snapshot: else two seals could see the same rows
 * free.  A transaction that keeps its first snapshot cannot do that.
 *
 * A restored database is a new era, with transaction ids of its own: its first
 * seal puts what was left of the eras before into blocks that close them.
 *
 * So as not to read the whole trail each time, a block keeps a number that the
 * trail's sequence had reached, and the next transaction id at a later moment:
 * that transaction and all after it have drawn higher numbers.
 */
#include "ledger.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "audit.h"

/* What stays the same while one call seals. */
typedef struct Seal
{
	Snapshot snapshot;
	LedgerTable audit;
	pg_uuid_t era; /* of this database */
	int64 horizon;
	int64 next_transaction;
	int64 sequence_at;
	/* the last block so far */
	int64 block;
	int64 row_total;
	uint8 hash[HASH_LENGTH];
} Seal;

/* Which rows go into a block. */
typedef struct Range
{
	pg_uuid_t era;
	int64 from;
	int64 horizon;
	int64 after; /* no row of it has this audit_id or a lower one */
} Range;

/* A block while its rows are read. */
typedef struct Draft
{
	Merkle tree;
	int64 block;
	int64 rows;
	int64 first_id;
	int64 last_id;
	uint8 list_hash[HASH_LENGTH];
	int pending; /* leaves not stored yet */
	int64 ids[LEAVES_PER_ROW];
	uint8 hashes[LEAVES_PER_ROW * HASH_LENGTH];
} Draft;

/* Before anything ---------------------------------------------------------
 */

static void
check_isolation(void)
{
	if (!IsolationUsesXactSnapshot())
		return;
	ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
	                errmsg("seal() needs isolation level READ COMMITTED"),
	                errdetail("It takes a lock and then looks what has "
	                          "finished; this transaction keeps its first "
	                          "snapshot."),
	                errhint("SET TRANSACTION ISOLATION LEVEL READ COMMITTED "
	                        "at its start.")));
}

/* Who owns the ledger, superusers included, or holds duty admin. */
static void
check_right(Oid block_relid)
{
	HeapTuple class;
	Oid owner;

	class = SearchSysCache1(RELOID, ObjectIdGetDatum(block_relid));
	if (!HeapTupleIsValid(class))
		elog(ERROR, "cache lookup failed for relation %u", block_relid);
	owner = ((Form_pg_class) GETSTRUCT(class))->relowner;
	ReleaseSysCache(class);
	if (has_privs_of_role(GetOuterUserId(), owner))
		return;
	SPI_connect();
	SPI_execute("SELECT calib.require_duty('{admin}'::pg_catalog.text[], "
	            "NULL, 'seal the trail')",
	            true, 1);
	SPI_finish();
}

/* What SQL answers with one bigint; otherwise where it has no row. */
static int64
ask(const char *sql, int count, Oid *types, Datum *values, int64 otherwise)
{
	bool isnull;
	Datum answer;

	SPI_execute_with_args(sql, count, types, values, NULL, false, 1);
	if (SPI_processed == 0)
		return otherwise;
	answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
	                       &isnull);
	return isnull ? otherwise : DatumGetInt64(answer);
}

static FullTransactionId
widen(TransactionId xid, FullTransactionId next)
{
	uint32 epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return FullTransactionIdFromEpochAndXid(epoch, xid);
}

/* The number of the sequence first, then the transaction id: see the head. */
static void
look_around(Seal *seal)
{
	FullTransactionId next;

	/* what was set to begin with a number has not drawn it yet */
	seal->sequence_at =
	    ask("SELECT CASE WHEN s.is_called THEN s.last_value ELSE "
	        "s.last_value OPERATOR(pg_catalog.-) 1 END FROM "
	        "calib.audit_audit_id_seq s",
	        0, NULL, NULL, 0);
	seal->next_transaction =
	    (int64) U64FromFullTransactionId(ReadNextFullTransactionId());
	seal->snapshot = RegisterSnapshot(GetLatestSnapshot());
	next = ReadNextFullTransactionId();
	seal->horizon =
	    (int64) U64FromFullTransactionId(widen(seal->snapshot->xmin, next));
	calib_open_table(&seal->audit, "audit");
	seal->era = *calib_era(RelationGetRelid(seal->audit.heap));
}

/*
 * A new block is never joined to one that is not what it was when sealed: the
 * chain would go on as if nothing had happened.
 */
static void
check_last(const LedgerRow *last)
{
	uint8 previous[HASH_LENGTH];
	uint8 header[HASH_LENGTH];
	uint8 hash[HASH_LENGTH];

	calib_header_hash(last, header);
	if (calib_read_hash(last->values[BLOCK_PREVIOUS],
	                    last->isnull[BLOCK_PREVIOUS], previous))
	{
		calib_block_hash(previous, header, hash);
		if (calib_is_hash(last->values[BLOCK_HASH], last->isnull[BLOCK_HASH],
		                  hash))
			return;
	}
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
	         errmsg("the ledger is broken: its last block was changed"),
	         errdetail("Block " INT64_FORMAT
	                   " is not what it was when it was sealed.",
	                   calib_int8(last, BLOCK_NUMBER)),
	         errhint("calib.verify() lists what is wrong; put back block and "
	                 "rows from a backup or a standby.")));
}

/* Nor where blocks were cut off and their lists forgotten. */
static void
check_cut_off(int64 last)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(last)};
	int64 orphan = ask("SELECT pg_catalog.max(l.block) FROM calib.leaf l "
	                   "WHERE l.block OPERATOR(pg_catalog.>) $1",
	                   1, types, values, 0);

	if (orphan == 0)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
	         errmsg("the ledger is broken: its last blocks are missing"),
	         errdetail("The last block is " INT64_FORMAT
	                   ", and there is a list of leaves of block " INT64_FORMAT
	                   ".",
	                   last, orphan),
	         errhint("calib.verify() lists what is wrong; put back the blocks "
	                 "from a backup or a standby.")));
}

/* Opening a table asks whether it is what its rows are read as. */
static void
check_tables(void)
{
	LedgerTable table;

	calib_open_table(&table, "block");
	calib_close_table(&table);
	calib_open_table(&table, "leaf");
	calib_close_table(&table);
}

static void
find_last(Seal *seal)
{
	LedgerRow last;

	check_tables();
	SPI_execute("SELECT * FROM calib.block b ORDER BY b.block DESC LIMIT 1",
	            false, 1);
	if (SPI_processed > 0)
	{
		calib_deform(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &last);
		check_last(&last);
		seal->block = calib_int8(&last, BLOCK_NUMBER);
		seal->row_total = calib_int8(&last, BLOCK_ROWS_TOTAL);
		calib_read_hash(last.values[BLOCK_HASH], false, seal->hash);
	}
	check_cut_off(seal->block);
}

/* One block ---------------------------------------------------------------
 */

static void
store_leaves(Draft *draft)
{
	Oid types[4] = {INT8OID, INT8OID, INT8ARRAYOID, BYTEAOID};
	Datum *ids = palloc(draft->pending * sizeof(Datum));
	bytea *hashes = palloc(VARHDRSZ + draft->pending * HASH_LENGTH);
	Datum values[4];
	int i;

	for (i = 0; i < draft->pending; i++)
		ids[i] = Int64GetDatum(draft->ids[i]);
	SET_VARSIZE(hashes, VARHDRSZ + draft->pending * HASH_LENGTH);
	memcpy(VARDATA(hashes), draft->hashes, draft->pending * HASH_LENGTH);
	values[0] = Int64GetDatum(draft->block);
	values[1] = Int64GetDatum(draft->rows - draft->pending);
	values[2] = PointerGetDatum(construct_array(
	    ids, draft->pending, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[3] = PointerGetDatum(hashes);
	SPI_execute_with_args("INSERT INTO calib.leaf VALUES ($1, $2, $3, $4)", 4,
	                      types, values, NULL, false, 0);
	calib_list_hash(draft->list_hash, draft->ids, draft->hashes,
	                draft->pending);
	draft->pending = 0;
	pfree(ids);
	pfree(hashes);
}

static bool
belongs(const LedgerRow *row, const Range *range)
{
	int64 transaction_id = calib_int8(row, TRANSACTION_ID);

	return transaction_id >= range->from && transaction_id < range->horizon &&
	       calib_is_uuid(row, ERA, &range->era);
}

/* The hash the row carries; verify() asks whether it is the row's. */
static void
take_row(Draft *draft, const LedgerRow *row)
{
	int64 audit_id = calib_int8(row, AUDIT_ID);
	uint8 *hash = draft->hashes + draft->pending * HASH_LENGTH;

	if (!calib_read_hash(row->values[ROW_HASH], row->isnull[ROW_HASH], hash))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
		     errmsg("row " INT64_FORMAT " of the trail has no hash", audit_id),
		     errhint("calib.verify() lists what is wrong; put the row "
		             "back from a backup or a standby.")));
	if (draft->rows == 0)
		draft->first_id = audit_id;
	draft->last_id = audit_id;
	draft->ids[draft->pending++] = audit_id;
	draft->rows++;
	calib_merkle_add(&draft->tree, hash);
	if (draft->pending == LEAVES_PER_ROW)
		store_leaves(draft);
}

static void
store_block(Seal *seal, Draft *draft, const Range *range)
{
	static Oid types[BLOCK_COLUMNS] = {
	    INT8OID, BYTEAOID, UUIDOID,        INT8OID,  INT8OID,  INT8OID,
	    INT8OID, INT8OID,  INT8OID,        BYTEAOID, BYTEAOID, UUIDOID,
	    INT8OID, INT8OID,  TIMESTAMPTZOID, TEXTOID,  BYTEAOID};
	uint8 root[HASH_LENGTH];
	uint8 header[HASH_LENGTH];
	LedgerRow block = {0};

	seal->block = draft->block;
	seal->row_total += draft->rows;
	calib_merkle_root(&draft->tree, root);
	block.values[BLOCK_NUMBER] = Int64GetDatum(draft->block);
	block.values[BLOCK_PREVIOUS] = calib_hash_datum(NULL, seal->hash);
	block.values[BLOCK_ERA] = UUIDPGetDatum(&range->era);
	block.values[BLOCK_HORIZON_FROM] = Int64GetDatum(range->from);
	block.values[BLOCK_HORIZON] = Int64GetDatum(range->horizon);
	block.values[BLOCK_FIRST_ID] = Int64GetDatum(draft->first_id);
	block.values[BLOCK_LAST_ID] = Int64GetDatum(draft->last_id);
	block.values[BLOCK_ROWS] = Int64GetDatum(draft->rows);
	block.values[BLOCK_ROWS_TOTAL] = Int64GetDatum(seal->row_total);
	block.values[BLOCK_ROOT] = calib_hash_datum(NULL, root);
	block.values[BLOCK_LIST_HASH] = calib_hash_datum(NULL, draft->list_hash);
	block.values[BLOCK_SEALED_ERA] = UUIDPGetDatum(&seal->era);
	block.values[BLOCK_NEXT_TRANSACTION] =
	    Int64GetDatum(seal->next_transaction);
	block.values[BLOCK_SEQUENCE_AT] = Int64GetDatum(seal->sequence_at);
	block.values[BLOCK_SEALED_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	block.values[BLOCK_SEALED_BY] = CStringGetTextDatum(calib_person());
	calib_header_hash(&block, header);
	calib_block_hash(seal->hash, header, seal->hash);
	block.values[BLOCK_HASH] = calib_hash_datum(NULL, seal->hash);
	SPI_execute_with_args(
	    "INSERT INTO calib.block VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
	    "$10, $11, $12, $13, $14, $15, $16, $17)",
	    BLOCK_COLUMNS, types, block.values, NULL, false, 0);
}

/* No rows, no block. */
static void
make_block(Seal *seal, const Range *range)
{
	Draft *draft = palloc0(sizeof(Draft));
	SysScanDesc scan;
	LedgerRow row;

	draft->block = seal->block + 1;
	calib_merkle_start(&draft->tree, -1);
	scan = calib_scan_from(&seal->audit, seal->snapshot, range->after + 1);
	while (calib_next_row(scan, &seal->audit, &row))
		if (belongs(&row, range))
			take_row(draft, &row);
	systable_endscan_ordered(scan);
	if (draft->pending > 0)
		store_leaves(draft);
	if (draft->rows > 0)
		store_block(seal, draft, range);
	pfree(draft);
}

/* All of them ---------------------------------------------------------------
 */

static int64
horizon_of(const pg_uuid_t *era)
{
	Oid types[1] = {UUIDOID};
	Datum values[1] = {UUIDPGetDatum(era)};

	return ask("SELECT b.horizon FROM calib.block b WHERE b.era "
	           "OPERATOR(pg_catalog.=) $1 ORDER BY b.block DESC LIMIT 1",
	           1, types, values, 0);
}

/*
 * What earlier eras left, the one whose rows came first first.  Once anything
 * has been sealed in this era they are closed, and no row of theirs is taken.
 */
static void
close_eras(Seal *seal)
{
	Oid types[1] = {UUIDOID};
	Datum values[1] = {UUIDPGetDatum(&seal->era)};
	uint64 count;
	pg_uuid_t *eras;
	uint64 i;

	if (ask("SELECT b.block FROM calib.block b WHERE b.sealed_era "
	        "OPERATOR(pg_catalog.=) $1 LIMIT 1",
	        1, types, values, 0) != 0)
		return;
	SPI_execute_with_args(
	    "SELECT a.era FROM calib.audit a WHERE a.era OPERATOR(pg_catalog.<>) "
	    "$1 GROUP BY a.era ORDER BY pg_catalog.min(a.audit_id)",
	    1, types, values, NULL, false, 0);
	count = SPI_processed;
	eras = palloc(Max(count, 1) * sizeof(pg_uuid_t));
	for (i = 0; i < count; i++)
	{
		bool isnull;

		eras[i] = *DatumGetUUIDP(SPI_getbinval(
		    SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	for (i = 0; i < count; i++)
	{
		Range range = {eras[i], horizon_of(&eras[i]), HORIZON_CLOSED, 0};

		make_block(seal, &range);
	}
}

/*
 * Within an era a horizon only rises.  Where transaction ids were set back
 * (pg_resetwal), or the era is one that is closed, nothing would ever be
 * sealed again, and nobody told.
 */
static void
check_rises(const Seal *seal, int64 from)
{
	if (seal->horizon >= from)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
	         errmsg("the ledger is broken: this era is sealed beyond the "
	                "present transaction"),
	         errdetail("It is sealed up to transaction " INT64_FORMAT
	                   "; the oldest that may be open is " INT64_FORMAT ".",
	                   from, seal->horizon),
	         errhint("Where transaction ids were set back (pg_resetwal), dump "
	                 "the database and restore it: it then begins a new "
	                 "era.")));
}

static void
seal_era(Seal *seal)
{
	Range range = {seal->era, horizon_of(&seal->era), seal->horizon, 0};
	Oid types[2] = {UUIDOID, INT8OID};
	Datum values[2] = {UUIDPGetDatum(&range.era), Int64GetDatum(range.from)};

	check_rises(seal, range.from);
	range.after =
	    ask("SELECT b.sequence_at FROM calib.block b WHERE b.sealed_era "
	        "OPERATOR(pg_catalog.=) $1 AND b.next_transaction "
	        "OPERATOR(pg_catalog.<=) $2 ORDER BY b.block DESC LIMIT 1",
	        2, types, values, 0);
	make_block(seal, &range);
}

static void
seal_all(void *arg)
{
	Seal *seal = arg;

	find_last(seal);
	close_eras(seal);
	seal_era(seal);
}

PG_FUNCTION_INFO_V1(calib_seal);
Datum
calib_seal(PG_FUNCTION_ARGS)
{
	Oid block_relid = calib_member_relation("block");
	Seal seal = {0};
	int64 before;

	PreventCommandIfReadOnly("calib.seal()");
	PreventCommandIfParallelMode("calib.seal()");
	check_isolation();
	check_right(block_relid);
	LockRelationOid(block_relid, ShareRowExclusiveLock);
	SPI_connect();
	look_around(&seal);
	before = ask("SELECT b.block FROM calib.block b ORDER BY b.block DESC "
	             "LIMIT 1",
	             0, NULL, NULL, 0);
	calib_through_door(seal_all, &seal);
	calib_close_table(&seal.audit);
	UnregisterSnapshot(seal.snapshot);
	SPI_finish();
	if (seal.block == before)
		PG_RETURN_NULL();
	/* a crash must not take back a block whose digest went outside */
	ForceSyncCommit();
	PG_RETURN_INT64(seal.block);
}
