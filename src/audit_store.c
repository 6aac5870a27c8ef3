/*
 * audit_store.c
 *		Storing a row of the trail below SQL.
 *
 * The trail is written once for each change of each audited row, so the usual
 * case is done by hand: a heap table with its primary key and nothing else.
 * The row goes into the heap and its id into the one index, as PostgreSQL does
 * with its own catalogs.  Where somebody has put more on the table (an index,
 * a column, a check), the executor stores the row, with all there is; only
 * triggers are left out in both ways, for nobody's code may run here.
 */
#include "ledger.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "audit.h"

/* The only index, where there is one and nothing else to keep; else none. */
static Oid
only_index(Relation audit)
{
	TupleDesc desc = RelationGetDescr(audit);
	List *indexes;
	Oid index;

	if (desc->natts != AUDIT_COLUMNS ||
	    audit->rd_tableam != GetHeapamTableAmRoutine())
		return InvalidOid;
	if (desc->constr != NULL &&
	    (desc->constr->num_check > 0 || desc->constr->has_generated_stored))
		return InvalidOid;
	indexes = RelationGetIndexList(audit);
	index = list_length(indexes) == 1 ? linitial_oid(indexes) : InvalidOid;
	list_free(indexes);
	return index;
}

/* Whether it is what calib made: unique over audit_id, and always kept. */
static bool
is_plain_key(Relation index)
{
	Form_pg_index form = index->rd_index;

	return form->indnatts == 1 && form->indisunique && form->indimmediate &&
	       form->indisvalid && form->indkey.values[0] == AUDIT_ID + 1 &&
	       heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
}

/* A btree asks it for nothing; other calls may keep something in it. */
static IndexInfo *
index_info(void)
{
	static IndexInfo *info = NULL;
	MemoryContext old;

	if (info != NULL)
		return info;
	old = MemoryContextSwitchTo(TopMemoryContext);
	info = makeNode(IndexInfo);
	info->ii_NumIndexAttrs = 1;
	info->ii_NumIndexKeyAttrs = 1;
	info->ii_IndexAttrNumbers[0] = AUDIT_ID + 1;
	info->ii_Unique = true;
	info->ii_ReadyForInserts = true;
	MemoryContextSwitchTo(old);
	return info;
}

static void
store_by_hand(Relation audit, Relation index, AuditRow *row)
{
	HeapTuple tuple =
	    heap_form_tuple(RelationGetDescr(audit), row->values, row->isnull);
	Datum key[1] = {row->values[AUDIT_ID]};
	bool isnull[1] = {false};

	heap_insert(audit, tuple, GetCurrentCommandId(true), 0, NULL);
	index_insert(index, key, isnull, &tuple->t_self, audit, UNIQUE_CHECK_YES,
	             false, index_info());
	heap_freetuple(tuple);
}

void
calib_store_audit(Oid audit_relid, AuditRow *row)
{
	Relation audit = table_open(audit_relid, RowExclusiveLock);
	Oid index_relid;
	Relation index;

	calib_check_audit(audit);
	index_relid = only_index(audit);
	index = OidIsValid(index_relid) ? index_open(index_relid, RowExclusiveLock)
	                                : NULL;
	if (index != NULL && is_plain_key(index))
		store_by_hand(audit, index, row);
	else
		calib_store_row(audit, row->values, row->isnull, AUDIT_COLUMNS);
	if (index != NULL)
		index_close(index, NoLock);
	table_close(audit, NoLock);
}
