/*
 * ledger_verify.c
 *		verify(): is the ledger what it was, and where is it not.
 *
 * Two passes with one snapshot, writing nothing, so also on a standby.  The
 * first goes block by block: chain, header, list of leaves, and the rows of
 * the block merged with its list, in the order of audit_id.  The second reads
 * the whole trail once: rows in no block are held against their own hash, and
 * those below a horizon are counted.  Where more stand there than the blocks
 * hold, somebody put rows between, and those outside the span of their block
 * are looked for; inside it the merge has met them.
 *
 * What is kept is one path of a tree, one row of the list and one horizon for
 * each era: memory grows neither with the trail nor with the blocks.
 */
#include "ledger_check.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "audit.h"

/* One block and what its list turned out to be. */
typedef struct SealedBlock
{
	const LedgerRow *row;
	int64 number;
	pg_uuid_t era;
	int64 from;
	int64 horizon;
	bool is_intact;
	int64 leaves;
	int64 first_id;
	int64 last_id;
	uint8 root[HASH_LENGTH];
} SealedBlock;

/* Reporting ---------------------------------------------------------------
 */

static void
put(Check *check, int64 block, bool has_block, const char *problem)
{
	Datum values[3] = {Int64GetDatum(block), BoolGetDatum(problem == NULL),
	                   (Datum) 0};
	bool nulls[3] = {!has_block, false, problem == NULL};
	MemoryContext caller = MemoryContextSwitchTo(check->row_context);

	if (problem != NULL)
		values[2] = CStringGetTextDatum(problem);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc,
	                     values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(check->row_context);
}

/* block 0: no block's */
void
calib_report_problem(Check *check, int64 block, const char *format, ...)
{
	StringInfoData problem;

	initStringInfo(&problem);
	for (;;)
	{
		va_list args;
		int needed;

		va_start(args, format);
		needed = appendStringInfoVA(&problem, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&problem, needed);
	}
	put(check, block, block != 0, problem.data);
	check->block_problems++;
	check->problems++;
	pfree(problem.data);
}

/* Eras --------------------------------------------------------------------
 */

EraEnd *
calib_find_era(Check *check, const pg_uuid_t *era)
{
	int i;

	for (i = check->era_count - 1; i >= 0; i--)
		if (memcmp(&check->eras[i].era, era, sizeof(pg_uuid_t)) == 0)
			return &check->eras[i];
	return NULL;
}

/* The end of an era that has none yet is 0: nothing of it is sealed. */
static EraEnd *
era_end(Check *check, const pg_uuid_t *era)
{
	EraEnd *end = calib_find_era(check, era);

	if (end != NULL)
		return end;
	check->eras =
	    check->eras == NULL
	        ? palloc(sizeof(EraEnd))
	        : repalloc(check->eras, (check->era_count + 1) * sizeof(EraEnd));
	end = &check->eras[check->era_count++];
	end->era = *era;
	end->horizon = 0;
	end->is_sure = !check->only_last;
	return end;
}

/* The chain ---------------------------------------------------------------
 */

static void
check_number(Check *check, const SealedBlock *block)
{
	if (block->number == check->block + 1)
		return;
	if (block->number < 1)
		calib_report_problem(check, block->number, "the block was inserted");
	else if (block->number == check->block + 2)
		calib_report_problem(check, check->block + 1, "the block is missing");
	else
		calib_report_problem(check, check->block + 1,
		                     "the blocks from here to " INT64_FORMAT
		                     " are missing",
		                     block->number - 1);
}

static void
check_digest(Check *check, const SealedBlock *block, const uint8 *hash)
{
	Digest *digest = check->digest;

	if (digest == NULL || digest->block != block->number)
		return;
	digest->is_met = true;
	if (memcmp(digest->hash, hash, HASH_LENGTH) != 0)
		calib_report_problem(
		    check, block->number,
		    "the block is not the one of the digest: history up to here "
		    "was rewritten, or the digest is of another database");
}

static void
check_links(Check *check, SealedBlock *block)
{
	const LedgerRow *row = block->row;
	uint8 previous[HASH_LENGTH];
	uint8 header[HASH_LENGTH];
	uint8 hash[HASH_LENGTH];
	bool is_hash;

	is_hash = calib_read_hash(row->values[BLOCK_PREVIOUS],
	                          row->isnull[BLOCK_PREVIOUS], previous);
	calib_header_hash(row, header);
	calib_block_hash(previous, header, hash);
	block->is_intact = is_hash && calib_is_hash(row->values[BLOCK_HASH],
	                                            row->isnull[BLOCK_HASH], hash);
	if (!block->is_intact)
	{
		calib_report_problem(check, block->number,
		                     "the block's own row was changed");
		check->changed =
		    accumArrayResult(check->changed, Int64GetDatum(block->number),
		                     false, INT8OID, CurrentMemoryContext);
	}
	else if (block->number == check->block + 1 &&
	         memcmp(previous, check->hash, HASH_LENGTH) != 0 &&
	         memcmp(previous, check->sealed_hash, HASH_LENGTH) != 0)
		calib_report_problem(
		    check, block->number,
		    "the block does not continue the one before: one of the two "
		    "was changed");
	check_digest(check, block, hash);
	/* the next one continues what this one was before it was changed */
	memcpy(check->hash, hash, HASH_LENGTH);
	calib_read_hash(row->values[BLOCK_HASH], row->isnull[BLOCK_HASH],
	                check->sealed_hash);
}

/* Whole blocks may be forged, hashes and all, and still not fit together. */
static void
check_order(Check *check, SealedBlock *block)
{
	const LedgerRow *row = block->row;
	EraEnd *end;

	if (!row->isnull[BLOCK_ERA])
		block->era = *DatumGetUUIDP(row->values[BLOCK_ERA]);
	block->from = calib_int8(row, BLOCK_HORIZON_FROM);
	block->horizon = calib_int8(row, BLOCK_HORIZON);
	end = era_end(check, &block->era);
	if (block->is_intact && block->number == check->block + 1 &&
	    end->is_sure && block->from != end->horizon)
		calib_report_problem(
		    check, block->number,
		    "the block begins at transaction " INT64_FORMAT
		    " and not at its era's last horizon, " INT64_FORMAT,
		    block->from, end->horizon);
	if (block->is_intact || block->horizon > end->horizon)
		end->horizon = block->horizon;
	end->is_sure = block->is_intact;
	check->era_started |= calib_is_uuid(row, BLOCK_SEALED_ERA, &check->era);
	check->row_total += calib_int8(row, BLOCK_ROWS);
	if (block->is_intact && block->number == check->block + 1 &&
	    check->count_is_sure &&
	    calib_int8(row, BLOCK_ROWS_TOTAL) != check->row_total)
		calib_report_problem(check, block->number,
		                     "the block does not count the rows up "
		                     "to it");
	check->row_total = calib_int8(row, BLOCK_ROWS_TOTAL);
	check->count_is_sure = block->is_intact;
}

/* The list ----------------------------------------------------------------
 */

/*
 * Whether the list can be trusted to say which rows the block has: it is the
 * one its header speaks of, by its own hash, or where the header was changed
 * by hash or root.
 */
static bool
check_list(Check *check, SealedBlock *block)
{
	const LedgerRow *row = block->row;
	LeafList list;
	Merkle tree;
	uint8 leaf[HASH_LENGTH];
	int64 id;
	bool same_list;
	bool same_root;
	bool ascends = true;

	block->first_id = block->last_id = 0;
	calib_merkle_start(&tree, -1);
	calib_open_leaves(&list, check->snapshot, block->number);
	while (calib_next_leaf(&list, &id, leaf))
	{
		if (tree.leaves == 0)
			block->first_id = id;
		else
			ascends &= id > block->last_id;
		block->last_id = id;
		calib_merkle_add(&tree, leaf);
	}
	block->leaves = tree.leaves;
	calib_merkle_root(&tree, block->root);
	same_list = !list.is_malformed && ascends &&
	            calib_is_hash(row->values[BLOCK_LIST_HASH],
	                          row->isnull[BLOCK_LIST_HASH], list.list_hash);
	same_root = !list.is_malformed && ascends &&
	            calib_is_hash(row->values[BLOCK_ROOT], row->isnull[BLOCK_ROOT],
	                          block->root) &&
	            block->leaves == calib_int8(row, BLOCK_ROWS);
	calib_close_leaves(&list);
	if (!block->is_intact)
		return same_list || same_root;
	if (same_list && same_root)
		return true;
	calib_report_problem(
	    check, block->number,
	    "the block's list of leaves (calib.leaf) was changed");
	return false;
}

/* The rows ----------------------------------------------------------------
 */

/* Computes the row's hash, and tells whether the row carries it. */
bool
calib_hash_row(Check *check, const LedgerRow *row, uint8 *hash)
{
	MemoryContext caller = MemoryContextSwitchTo(check->row_context);
	bool carries;

	calib_audit_hash(row->values, row->isnull, hash);
	carries =
	    calib_is_hash(row->values[ROW_HASH], row->isnull[ROW_HASH], hash);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(check->row_context);
	return carries;
}

static bool
belongs(const LedgerRow *row, const SealedBlock *block)
{
	int64 transaction_id = calib_int8(row, TRANSACTION_ID);

	return transaction_id >= block->from && transaction_id < block->horizon &&
	       calib_is_uuid(row, ERA, &block->era);
}

static void
check_row(Check *check, const SealedBlock *block, const LedgerRow *row,
          const uint8 *leaf)
{
	uint8 hash[HASH_LENGTH];
	bool carries = calib_hash_row(check, row, hash);

	if (memcmp(hash, leaf, HASH_LENGTH) != 0)
	{
		calib_report_problem(check, block->number,
		                     "row " INT64_FORMAT " was changed",
		                     calib_int8(row, AUDIT_ID));
		return;
	}
	check->rows_in_place++;
	if (!carries)
		calib_report_problem(check, block->number,
		                     "the hash of row " INT64_FORMAT
		                     " was changed, the row not",
		                     calib_int8(row, AUDIT_ID));
}

/* The rows between the block's first and last, merged with its list. */
static void
check_rows(Check *check, const SealedBlock *block)
{
	LeafList list;
	SysScanDesc scan;
	LedgerRow row;
	uint8 leaf[HASH_LENGTH];
	int64 listed;
	bool more;

	calib_open_leaves(&list, check->snapshot, block->number);
	more = calib_next_leaf(&list, &listed, leaf);
	scan = calib_scan_from(&check->audit, check->snapshot, block->first_id);
	while (more && calib_next_row(scan, &check->audit, &row))
	{
		int64 id = calib_int8(&row, AUDIT_ID);

		for (; more && listed < id;
		     more = calib_next_leaf(&list, &listed, leaf))
			calib_report_problem(check, block->number,
			                     "row " INT64_FORMAT " is missing", listed);
		if (more && listed == id)
		{
			check_row(check, block, &row, leaf);
			more = calib_next_leaf(&list, &listed, leaf);
		}
		else if (more && belongs(&row, block))
			calib_report_problem(check, block->number,
			                     "row " INT64_FORMAT " was inserted", id);
	}
	for (; more; more = calib_next_leaf(&list, &listed, leaf))
		calib_report_problem(check, block->number,
		                     "row " INT64_FORMAT " is missing", listed);
	systable_endscan_ordered(scan);
	calib_close_leaves(&list);
}

/*
 * Without a list to go by, the rows that belong to the block by transaction
 * and era make its root again or do not.
 */
static void
check_rows_unlisted(Check *check, const SealedBlock *block)
{
	SysScanDesc scan;
	LedgerRow row;
	Merkle tree;
	uint8 hash[HASH_LENGTH];
	bool carries;

	calib_merkle_start(&tree, -1);
	scan = calib_scan_from(&check->audit, check->snapshot,
	                       calib_int8(block->row, BLOCK_FIRST_ID));
	while (calib_next_row(scan, &check->audit, &row))
	{
		if (calib_int8(&row, AUDIT_ID) > calib_int8(block->row, BLOCK_LAST_ID))
			break;
		if (!belongs(&row, block))
			continue;
		carries = calib_hash_row(check, &row, hash);
		calib_merkle_add(&tree, hash);
		check->rows_in_place++;
		if (!carries)
			calib_report_problem(check, block->number,
			                     "row " INT64_FORMAT " was changed",
			                     calib_int8(&row, AUDIT_ID));
	}
	systable_endscan_ordered(scan);
	calib_merkle_root(&tree, hash);
	if (block->is_intact &&
	    !calib_is_hash(block->row->values[BLOCK_ROOT],
	                   block->row->isnull[BLOCK_ROOT], hash))
		calib_report_problem(
		    check, block->number,
		    "the block's rows are not the ones sealed; without its list "
		    "of leaves nobody can say which");
}

static void
check_block(Check *check, const LedgerRow *row)
{
	SealedBlock block = {0};

	block.row = row;
	block.number = calib_int8(row, BLOCK_NUMBER);
	check_number(check, &block);
	check->block_problems = 0;
	check_links(check, &block);
	check_order(check, &block);
	check->block = block.number;
	if (check_list(check, &block))
		check_rows(check, &block);
	else
		check_rows_unlisted(check, &block);
	if (check->block_problems == 0)
		put(check, block.number, true, NULL);
}

/*
 * Takes a block for what the next one continues: its own row is looked at,
 * not its rows, nor what it continues itself.
 */
static void
follow_block(Check *check, const LedgerRow *row)
{
	SealedBlock block = {0};

	check->block = -1;
	block.row = row;
	block.number = calib_int8(row, BLOCK_NUMBER);
	check_links(check, &block);
	check_order(check, &block);
	check->block = block.number;
}

static void
check_blocks(Check *check)
{
	LedgerTable table;
	SysScanDesc scan;
	LedgerRow row;

	calib_open_table(&table, "block");
	scan = calib_scan_from(&table, check->snapshot, PG_INT64_MIN);
	while (calib_next_row(scan, &table, &row))
		check_block(check, &row);
	systable_endscan_ordered(scan);
	calib_close_table(&table);
	check->block_problems = 0;
}

/* The end of the chain ----------------------------------------------------
 */

/* Whoever cuts off the last blocks may forget their lists. */
static void
check_cut_off(Check *check)
{
	LedgerTable table;
	SysScanDesc scan;
	LedgerRow row;

	calib_open_table(&table, "leaf");
	scan = calib_scan_from(&table, check->snapshot, check->block + 1);
	if (calib_next_row(scan, &table, &row))
		calib_report_problem(
		    check, calib_int8(&row, LEAF_BLOCK),
		    "the block is missing; its list of leaves is still there");
	systable_endscan_ordered(scan);
	calib_close_table(&table);
}

static void
check_digest_met(Check *check)
{
	Digest *digest = check->digest;

	if (digest == NULL || digest->is_met)
		return;
	if (digest->block == 0)
		return;
	calib_report_problem(
	    check, digest->block,
	    "the digest is of this block, and the chain has none of that "
	    "number: blocks were cut off, or the digest is of another "
	    "database");
}

/* Calls ------------------------------------------------------------------
 */

static void
begin_check(Check *check, FunctionCallInfo fcinfo)
{
	InitMaterializedSRF(fcinfo, 0);
	check->result = (ReturnSetInfo *) fcinfo->resultinfo;
	check->snapshot = RegisterSnapshot(GetActiveSnapshot());
	check->next_transaction =
	    (int64) U64FromFullTransactionId(ReadNextFullTransactionId());
	check->row_context = AllocSetContextCreate(
	    CurrentMemoryContext, "calib verify row", ALLOCSET_DEFAULT_SIZES);
	calib_open_table(&check->audit, "audit");
	check->era = *calib_era(RelationGetRelid(check->audit.heap));
}

static void
end_check(Check *check)
{
	calib_close_table(&check->audit);
	MemoryContextDelete(check->row_context);
	UnregisterSnapshot(check->snapshot);
}

PG_FUNCTION_INFO_V1(calib_verify);
Datum
calib_verify(PG_FUNCTION_ARGS)
{
	Check check = {0};
	Digest digest;

	if (!PG_ARGISNULL(0))
	{
		calib_read_digest(PG_GETARG_JSONB_P(0), &digest);
		check.digest = &digest;
	}
	begin_check(&check, fcinfo);
	check.count_is_sure = true;
	check_blocks(&check);
	check_cut_off(&check);
	check_digest_met(&check);
	calib_check_counts(&check);
	calib_check_children(&check, "audit");
	calib_check_children(&check, "block");
	calib_check_children(&check, "leaf");
	if (check.block_problems == 0)
		put(&check, 0, false, NULL);
	end_check(&check);
	return (Datum) 0;
}

/* The number of the last block, from its key; 0: there is none. */
static int64
last_block(Check *check)
{
	int64 last = 0;
	bool isnull;

	SPI_connect();
	SPI_execute("SELECT b.block FROM calib.block b ORDER BY b.block DESC "
	            "LIMIT 1",
	            true, 1);
	if (SPI_processed > 0)
		last = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
		                                   SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return last;
}

/*
 * The last block against the one before it, its list and its rows: what a
 * check that is made every few minutes can afford.
 */
PG_FUNCTION_INFO_V1(calib_verify_last);
Datum
calib_verify_last(PG_FUNCTION_ARGS)
{
	Check check = {0};
	LedgerTable table;
	SysScanDesc scan;
	LedgerRow row;
	int64 last;

	begin_check(&check, fcinfo);
	last = last_block(&check);
	check.only_last = true;
	check.block = Max(last - 2, 0);
	calib_open_table(&table, "block");
	scan = calib_scan_from(&table, check.snapshot, Max(last - 1, 0));
	while (calib_next_row(scan, &table, &row))
	{
		if (calib_int8(&row, BLOCK_NUMBER) < last)
			follow_block(&check, &row);
		else
			check_block(&check, &row);
	}
	systable_endscan_ordered(scan);
	calib_close_table(&table);
	check_cut_off(&check);
	end_check(&check);
	return (Datum) 0;
}
