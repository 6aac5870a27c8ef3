/*
 * ledger_read.c
 *		The era of this database; the trail, the blocks and their leaves, each
 *		in the order of its key.
 *
 * Read below SQL, as the trail is written: no plan, no privilege, no row-level
 * security that would hide a row from the check.  Whatever a superuser may
 * have made of the values is borne: columns made NULL, arrays with holes,
 * hashes of another length.
 */
#include "ledger.h"

#include "access/relation.h"
#include "access/stratnum.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"

/* What they must be
 * -----------------------------------------------------------
 */

static const Oid audit_types[] = {
    INT8OID, INT8OID,  TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, TEXTOID,
    TEXTOID, JSONBOID, JSONBOID,       TEXTOID,        TEXTOID, TEXTOID,
    TEXTOID, TEXTOID,  UUIDOID,        BYTEAOID};
static const Oid block_types[] = {
    INT8OID, BYTEAOID, UUIDOID,        INT8OID,  INT8OID,  INT8OID,
    INT8OID, INT8OID,  INT8OID,        BYTEAOID, BYTEAOID, UUIDOID,
    INT8OID, INT8OID,  TIMESTAMPTZOID, TEXTOID,  BYTEAOID};
static const Oid leaf_types[] = {INT8OID, INT8OID, INT8ARRAYOID, BYTEAOID};
static const Oid era_types[] = {UUIDOID};

static void
refuse_table(Relation relation, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
	                errmsg("table calib.%s is not as calib made it",
	                       RelationGetRelationName(relation)),
	                errdetail("%s", detail),
	                errhint("Restore the table from a backup.")));
}

/*
 * A column that was dropped still has its bytes in the rows, and no type to
 * read them by.
 */
static void
check_types(Relation relation, const Oid *types, int count)
{
	TupleDesc desc = RelationGetDescr(relation);
	int i;

	if (relation->rd_rel->relkind != RELKIND_RELATION)
		refuse_table(relation, "It is no ordinary table.");
	for (i = 0; i < count; i++)
		if (i >= desc->natts || TupleDescAttr(desc, i)->attisdropped ||
		    TupleDescAttr(desc, i)->atttypid != types[i])
			refuse_table(
			    relation,
			    psprintf("Its column %d is gone or of another type.", i + 1));
}

/* Where rows are stored whose datums are of these types. */
void
calib_check_audit(Relation audit)
{
	check_types(audit, audit_types, lengthof(audit_types));
}

/*
 * The tables are read by their primary keys; an index that only bears the name
 * could leave rows out, or give them in another order.
 */
static void
check_key(const LedgerTable *table)
{
	Relation key = table->key;
	Form_pg_index form = key->rd_index;

	if (form == NULL || key->rd_rel->relkind != RELKIND_INDEX ||
	    form->indrelid != RelationGetRelid(table->heap) ||
	    key->rd_rel->relam != BTREE_AM_OID || !form->indisunique ||
	    !form->indisvalid || form->indkey.values[0] != 1 ||
	    (key->rd_indoption[0] & INDOPTION_DESC) != 0 ||
	    !heap_attisnull(key->rd_indextuple, Anum_pg_index_indpred, NULL))
		refuse_table(table->heap, "Its primary key is another index.");
}

/* The era ------------------------------------------------------------------
 */

/*
 * calib.era has one row, made by CREATE EXTENSION and not dumped, so that each
 * restored database has one of its own.  Kept in the backend together with the
 * trail it belongs to: dropped and created again, both are others.
 */
static pg_uuid_t era_kept;
static Oid era_audit_relid = InvalidOid;
static Oid era_relid = InvalidOid;

static void
forget_era(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == era_relid)
		era_audit_relid = InvalidOid;
}

static void
read_era(pg_uuid_t *era)
{
	Relation relation = table_open(era_relid, AccessShareLock);
	SysScanDesc scan;
	HeapTuple row;
	bool isnull = true;
	Datum value = (Datum) 0;

	check_types(relation, era_types, lengthof(era_types));
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		value = heap_getattr(row, 1, RelationGetDescr(relation), &isnull);
	if (isnull)
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
		         errmsg("this database has no era"),
		         errdetail("Table calib.era is empty; CREATE EXTENSION "
		                   "enters its one row."),
		         errhint("Restore a backup, or enter a new era: "
		                 "INSERT INTO calib.era VALUES "
		                 "(gen_random_uuid()), its trigger disabled.")));
	*era = *DatumGetUUIDP(value);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

const pg_uuid_t *
calib_era(Oid audit_relid)
{
	static bool is_registered = false;
	pg_uuid_t era;

	if (era_audit_relid == audit_relid)
		return &era_kept;
	if (!is_registered)
	{
		CacheRegisterRelcacheCallback(forget_era, (Datum) 0);
		is_registered = true;
	}
	era_relid = calib_member_relation("era");
	read_era(&era);
	era_kept = era;
	era_audit_relid = audit_relid;
	return &era_kept;
}

/* Tables -------------------------------------------------------------------
 */

void
calib_open_table(LedgerTable *table, const char *name)
{
	char key[NAMEDATALEN];
	Oid relid = calib_member_relation(name);
	Oid index;

	snprintf(key, sizeof(key), "%s_pkey", name);
	index = calib_member_relation(key);
	if (!OidIsValid(relid) || !OidIsValid(index))
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_LEDGER_BROKEN),
		         errmsg("table calib.%s or its primary key is gone", name),
		         errhint("Restore it from a backup.")));
	table->heap = table_open(relid, AccessShareLock);
	table->key = relation_open(index, AccessShareLock);
	if (strcmp(name, "audit") == 0)
		check_types(table->heap, audit_types, lengthof(audit_types));
	else if (strcmp(name, "block") == 0)
		check_types(table->heap, block_types, lengthof(block_types));
	else
		check_types(table->heap, leaf_types, lengthof(leaf_types));
	check_key(table);
}

void
calib_close_table(LedgerTable *table)
{
	relation_close(table->key, AccessShareLock);
	table_close(table->heap, AccessShareLock);
}

/* Rows ---------------------------------------------------------------------
 */

/* By the first column of the index, a bigint, from a value on. */
SysScanDesc
calib_scan_from(LedgerTable *table, Snapshot snapshot, int64 first)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTGreaterEqualStrategyNumber, F_INT8GE,
	            Int64GetDatum(first));
	return systable_beginscan_ordered(table->heap, table->key, snapshot, 1,
	                                  &key);
}

/* The values point into the row, which lives until the next call. */
bool
calib_next_row(SysScanDesc scan, LedgerTable *table, LedgerRow *row)
{
	HeapTuple tuple;

	CHECK_FOR_INTERRUPTS();
	tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	if (!HeapTupleIsValid(tuple))
		return false;
	calib_deform(tuple, RelationGetDescr(table->heap), row);
	return true;
}

/* A column that somebody added stands behind calib's, and is not looked at. */
void
calib_deform(HeapTuple tuple, TupleDesc desc, LedgerRow *row)
{
	Datum values[MaxHeapAttributeNumber];
	bool isnull[MaxHeapAttributeNumber];
	int columns = Min(desc->natts, BLOCK_COLUMNS);

	if (desc->natts <= BLOCK_COLUMNS)
	{
		heap_deform_tuple(tuple, desc, row->values, row->isnull);
		return;
	}
	heap_deform_tuple(tuple, desc, values, isnull);
	memcpy(row->values, values, columns * sizeof(Datum));
	memcpy(row->isnull, isnull, columns * sizeof(bool));
}

/* -1, which nothing here can be, where it was made NULL */
int64
calib_int8(const LedgerRow *row, int column)
{
	return row->isnull[column] ? -1 : DatumGetInt64(row->values[column]);
}

bool
calib_is_uuid(const LedgerRow *row, int column, const pg_uuid_t *era)
{
	return !row->isnull[column] && memcmp(DatumGetUUIDP(row->values[column]),
	                                      era, sizeof(pg_uuid_t)) == 0;
}

/* Leaves -------------------------------------------------------------------
 */

void
calib_open_leaves(LeafList *list, Snapshot snapshot, int64 block)
{
	ScanKeyData key;

	memset(list, 0, sizeof(LeafList));
	calib_open_table(&list->table, "leaf");
	list->context = AllocSetContextCreate(CurrentMemoryContext, "calib leaves",
	                                      ALLOCSET_DEFAULT_SIZES);
	ScanKeyInit(&key, LEAF_BLOCK + 1, BTEqualStrategyNumber, F_INT8EQ,
	            Int64GetDatum(block));
	list->scan = systable_beginscan_ordered(list->table.heap, list->table.key,
	                                        snapshot, 1, &key);
}

static bool
take_ids(LeafList *list, const LedgerRow *row)
{
	ArrayType *array;

	if (row->isnull[LEAF_AUDIT_IDS])
		return false;
	array = DatumGetArrayTypeP(row->values[LEAF_AUDIT_IDS]);
	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) ||
	    ARR_ELEMTYPE(array) != INT8OID)
		return false;
	list->count = ARR_DIMS(array)[0];
	list->ids = (int64 *) ((char *) array + ARR_OVERHEAD_NONULLS(1));
	return true;
}

static bool
take_hashes(LeafList *list, const LedgerRow *row)
{
	bytea *bytes;

	if (row->isnull[LEAF_HASHES])
		return false;
	bytes = DatumGetByteaPP(row->values[LEAF_HASHES]);
	list->hashes = (uint8 *) VARDATA_ANY(bytes);
	return VARSIZE_ANY_EXHDR(bytes) == (Size) list->count * HASH_LENGTH;
}

/* The next row of the list; what is no list any more ends it. */
static bool
next_leaf_row(LeafList *list)
{
	MemoryContext caller;
	LedgerRow row;

	list->at = 0;
	list->count = 0;
	if (list->is_malformed || !calib_next_row(list->scan, &list->table, &row))
		return false;
	MemoryContextReset(list->context);
	caller = MemoryContextSwitchTo(list->context);
	list->is_malformed = calib_int8(&row, LEAF_POSITION) != list->position ||
	                     !take_ids(list, &row) || !take_hashes(list, &row);
	MemoryContextSwitchTo(caller);
	if (list->is_malformed)
		list->count = 0;
	else
		calib_list_hash(list->list_hash, list->ids, list->hashes, list->count);
	return list->count > 0;
}

bool
calib_next_leaf(LeafList *list, int64 *audit_id, uint8 *hash)
{
	if (list->at >= list->count && !next_leaf_row(list))
		return false;
	*audit_id = list->ids[list->at];
	memcpy(hash, list->hashes + list->at * HASH_LENGTH, HASH_LENGTH);
	list->at++;
	list->position++;
	return true;
}

void
calib_close_leaves(LeafList *list)
{
	systable_endscan_ordered(list->scan);
	MemoryContextDelete(list->context);
	calib_close_table(&list->table);
}
