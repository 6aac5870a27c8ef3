/*
 * ledger_prove.c
 *		prove(): what somebody outside needs to check one row.
 *
 * The row as it is hashed, the path from its leaf to the root of its block,
 * the block's header, and for every block after it up to a digest's the hash
 * of its header: with those a digest and nothing else decides.  Everything is
 * checked here first; what does not prove the row is not given out (KC010).
 *
 * Who may see the row may prove it: the right is asked by SQL, with all that
 * limits it; what is read afterwards is read below SQL.
 */
#include "ledger.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/snapmgr.h"

#include "audit.h"

#define PROOF_FORMAT "calib.proof.1"

typedef struct Proof
{
	Snapshot snapshot;
	int64 audit_id;
	int64 up_to; /* 0: the last block */
	bool is_found;
	int64 block;
	int64 position;
	uint8 leaf[HASH_LENGTH];
	uint8 root[HASH_LENGTH];
	Merkle tree;
	uint8 hash[HASH_LENGTH]; /* of the block reached so far */
	StringInfoData json;
} Proof;

pg_noreturn static void broken(const Proof *proof, const char *detail);

static void
broken(const Proof *proof, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
	                errmsg("the ledger does not prove row " INT64_FORMAT,
	                       proof->audit_id),
	                errdetail("%s", detail),
	                errhint("calib.verify() lists what is wrong.")));
}

static void
put_key(StringInfo json, const char *name)
{
	escape_json(json, name);
	appendStringInfoString(json, ": ");
}

static void
put_hash(StringInfo json, const char *name, const uint8 *hash)
{
	put_key(json, name);
	appendStringInfo(json, "\"%s\", ", calib_hex(hash));
}

/* The fields as they are hashed, NULL as null; text, so that no reader rounds
 * a number. */
static void
put_fields(StringInfo json, const char *name, const Field *fields, int count,
           const LedgerRow *row)
{
	int i;

	put_key(json, name);
	for (i = 0; i < count; i++)
	{
		int column = fields[i].column;

		appendStringInfoString(json, i == 0 ? "{" : ", ");
		put_key(json, fields[i].name);
		if (row->isnull[column])
			appendStringInfoString(json, "null");
		else
			escape_json(json,
			            calib_field_text(&fields[i], row->values[column]));
	}
	appendStringInfoString(json, "}, ");
}

/* The row -----------------------------------------------------------------
 */

static void
check_visible(int64 audit_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(audit_id)};
	uint64 found;

	SPI_connect();
	/* the row as a whole, for the proof shows every column */
	SPI_execute_with_args("SELECT a FROM calib.audit a WHERE a.audit_id "
	                      "OPERATOR(pg_catalog.=) $1",
	                      1, types, values, NULL, true, 1);
	found = SPI_processed;
	SPI_finish();
	if (found == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("the trail has no row " INT64_FORMAT, audit_id),
		         errhint("audit_id of calib.audit, as far as you may read "
		                 "it.")));
}

static void
put_row(Proof *proof, pg_uuid_t *era, int64 *transaction_id)
{
	LedgerTable audit;
	SysScanDesc scan;
	LedgerRow row;

	calib_open_table(&audit, "audit");
	scan = calib_scan_from(&audit, proof->snapshot, proof->audit_id);
	if (!calib_next_row(scan, &audit, &row) ||
	    calib_int8(&row, AUDIT_ID) != proof->audit_id || row.isnull[ERA])
		broken(proof, "The row has lost its place.");
	*era = *DatumGetUUIDP(row.values[ERA]);
	*transaction_id = calib_int8(&row, TRANSACTION_ID);
	calib_audit_hash(row.values, row.isnull, proof->leaf);
	if (!calib_is_hash(row.values[ROW_HASH], row.isnull[ROW_HASH],
	                   proof->leaf))
		broken(proof, "The row is not what its own hash says.");
	put_fields(&proof->json, "row", calib_audit_fields,
	           calib_audit_field_count, &row);
	put_hash(&proof->json, "leaf", proof->leaf);
	systable_endscan_ordered(scan);
	calib_close_table(&audit);
}

/* The block it is in ------------------------------------------------------
 */

static bool
is_block_of(const LedgerRow *block, const pg_uuid_t *era, int64 transaction_id)
{
	return transaction_id >= calib_int8(block, BLOCK_HORIZON_FROM) &&
	       transaction_id < calib_int8(block, BLOCK_HORIZON) &&
	       calib_is_uuid(block, BLOCK_ERA, era);
}

static void
find_leaf(Proof *proof)
{
	LeafList list;
	uint8 hash[HASH_LENGTH];
	int64 id;

	proof->position = -1;
	calib_open_leaves(&list, proof->snapshot, proof->block);
	while (proof->position < 0 && calib_next_leaf(&list, &id, hash))
		if (id == proof->audit_id)
			proof->position = list.position - 1;
	calib_close_leaves(&list);
	if (proof->position < 0)
		broken(proof, "It is not in the block that holds its transaction.");
	if (memcmp(hash, proof->leaf, HASH_LENGTH) != 0)
		broken(proof, "It is not what it was when it was sealed.");
}

static void
put_path(Proof *proof)
{
	StringInfo json = &proof->json;
	LeafList list;
	uint8 hash[HASH_LENGTH];
	int64 id;
	int i;

	calib_merkle_start(&proof->tree, proof->position);
	calib_open_leaves(&list, proof->snapshot, proof->block);
	while (calib_next_leaf(&list, &id, hash))
		calib_merkle_add(&proof->tree, hash);
	calib_close_leaves(&list);
	put_key(json, "position");
	appendStringInfo(json, INT64_FORMAT ", ", proof->position);
	put_key(json, "rows");
	appendStringInfo(json, UINT64_FORMAT ", ", proof->tree.leaves);
	calib_merkle_root(&proof->tree, proof->root);
	put_key(json, "path");
	for (i = 0; i < proof->tree.path_length; i++)
		appendStringInfo(json, "%s\"%s\"", i == 0 ? "[" : ", ",
		                 calib_hex(proof->tree.path[i]));
	appendStringInfoString(json,
	                       proof->tree.path_length == 0 ? "[], " : "], ");
}

static void
put_block(Proof *proof, const LedgerRow *block)
{
	uint8 previous[HASH_LENGTH];

	proof->is_found = true;
	proof->block = calib_int8(block, BLOCK_NUMBER);
	if (proof->up_to != 0 && proof->up_to < proof->block)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("row " INT64_FORMAT
		                " was sealed after block " INT64_FORMAT,
		                proof->audit_id, proof->up_to),
		         errdetail("It is in block " INT64_FORMAT ".", proof->block),
		         errhint("A digest of that block or a later one can prove "
		                 "it.")));
	find_leaf(proof);
	put_path(proof);
	if (!calib_is_hash(block->values[BLOCK_ROOT], block->isnull[BLOCK_ROOT],
	                   proof->root))
		broken(proof, "Its block's list of leaves was changed.");
	if (!calib_read_hash(block->values[BLOCK_PREVIOUS],
	                     block->isnull[BLOCK_PREVIOUS], previous))
		broken(proof, "Its block was changed.");
	put_fields(&proof->json, "block", calib_block_fields,
	           calib_block_field_count, block);
	put_hash(&proof->json, "previous", previous);
	put_key(&proof->json, "chain");
	appendStringInfoChar(&proof->json, '[');
	memcpy(proof->hash, previous, HASH_LENGTH);
}

/* The chain from it on ----------------------------------------------------
 */

/* Goes one block on; its header must lead to the hash it has. */
static void
follow(Proof *proof, const LedgerRow *block, int64 expected)
{
	uint8 header[HASH_LENGTH];

	calib_header_hash(block, header);
	calib_block_hash(proof->hash, header, proof->hash);
	if (calib_int8(block, BLOCK_NUMBER) != expected ||
	    !calib_is_hash(block->values[BLOCK_HASH], block->isnull[BLOCK_HASH],
	                   proof->hash))
		broken(proof, "The chain of blocks was changed.");
	if (expected == proof->block)
		return;
	appendStringInfo(&proof->json, "%s\"%s\"",
	                 expected == proof->block + 1 ? "" : ", ",
	                 calib_hex(header));
}

static void
put_chain(Proof *proof, const pg_uuid_t *era, int64 transaction_id)
{
	LedgerTable table;
	SysScanDesc scan;
	LedgerRow block;
	int64 last = 0;

	calib_open_table(&table, "block");
	scan = calib_scan_from(&table, proof->snapshot, 1);
	while ((proof->up_to == 0 || last < proof->up_to) &&
	       calib_next_row(scan, &table, &block))
	{
		if (!proof->is_found && is_block_of(&block, era, transaction_id))
			put_block(proof, &block);
		else if (!proof->is_found)
			continue;
		last = last == 0 ? proof->block : last + 1;
		follow(proof, &block, last);
	}
	systable_endscan_ordered(scan);
	calib_close_table(&table);
	if (!proof->is_found)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		     errmsg("row " INT64_FORMAT " is not sealed yet", proof->audit_id),
		     errhint("calib.seal() takes it once every transaction that "
		             "was open when it was written has ended; "
		             "calib.unsealed shows the oldest.")));
	if (proof->up_to > last)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("there is no block " INT64_FORMAT, proof->up_to),
		         errdetail("The last one is " INT64_FORMAT ".", last)));
	appendStringInfo(&proof->json,
	                 "], \"head\": {\"block\": " INT64_FORMAT
	                 ", \"hash\": \"%s\"}}",
	                 last, calib_hex(proof->hash));
}

PG_FUNCTION_INFO_V1(calib_prove);
Datum
calib_prove(PG_FUNCTION_ARGS)
{
	Proof proof = {0};
	pg_uuid_t era;
	int64 transaction_id;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	proof.audit_id = PG_GETARG_INT64(0);
	if (!PG_ARGISNULL(1))
		proof.up_to = PG_GETARG_INT64(1);
	if (!PG_ARGISNULL(1) && proof.up_to < 1)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("there is no block " INT64_FORMAT, proof.up_to)));
	check_visible(proof.audit_id);
	proof.snapshot = RegisterSnapshot(GetActiveSnapshot());
	initStringInfo(&proof.json);
	appendStringInfoString(&proof.json, "{\"format\": \"" PROOF_FORMAT "\", ");
	put_row(&proof, &era, &transaction_id);
	put_chain(&proof, &era, transaction_id);
	UnregisterSnapshot(proof.snapshot);
	PG_RETURN_DATUM(
	    DirectFunctionCall1(jsonb_in, CStringGetDatum(proof.json.data)));
}
