/*
 * activity_key.c
 *		Exactly once: the keys of all activities, over all partitions.
 *
 * No unique index reaches over the partitions of calib.activity, for its key
 * does not hold the time.  So the keys stand in a table of their own, whose
 * primary key it is that refuses the second one, and that waits for whoever is
 * entering the first.
 *
 * Rows of it are written below SQL, one per activity: the heap and its one
 * index, no plan; by the executor where it has more, if only while the one is
 * built anew.
 *
 * What is older than retention has dropped is refused.  Its partition is gone,
 * so it comes to the default one; or to one that was made under another time
 * zone, where such a horizon may lie within.
 */
#include "calib.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "nodes/execnodes.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"

enum
{
	KEY_SOURCE = 1,
	KEY_EXTERNAL_ID,
	KEY_OCCURRED_AT,
	KEY_COLUMNS = KEY_OCCURRED_AT
};

/* What is known of the relations involved, until one of them changes. */
typedef struct Known
{
	bool valid;
	Oid leaf;
	bool is_default;
	AttrNumber column[KEY_COLUMNS]; /* in the leaf, which may order its own */
	Oid keys;
} Known;

static Known known;

static void
forget(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || relid == known.leaf)
		known.valid = false;
}

static AttrNumber
column_of(Relation leaf, const char *name)
{
	int i = SPI_fnumber(RelationGetDescr(leaf), name);

	if (i <= 0)
		elog(ERROR, "table \"%s\" has no column \"%s\"",
		     RelationGetRelationName(leaf), name);
	return i;
}

static void
check_is_leaf(Relation fired)
{
	if (fired->rd_rel->relispartition &&
	    get_partition_parent(RelationGetRelid(fired), true) ==
	        calib_member_relation("activity"))
		return;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("function calib.keep_activity_key keeps table "
	                       "calib.activity only"),
	                errdetail("It was fired by table \"%s\".",
	                          RelationGetRelationName(fired)),
	                errhint("Drop the trigger from it.")));
}

static void
learn(Relation leaf)
{
	static bool registered = false;

	if (known.valid && known.leaf == RelationGetRelid(leaf))
		return;
	if (!registered)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	registered = true;
	known.valid = false;
	check_is_leaf(leaf);
	known.leaf = RelationGetRelid(leaf);
	known.is_default = known.leaf == calib_member_relation("activity_default");
	known.column[KEY_SOURCE - 1] = column_of(leaf, "source");
	known.column[KEY_EXTERNAL_ID - 1] = column_of(leaf, "external_id");
	known.column[KEY_OCCURRED_AT - 1] = column_of(leaf, "occurred_at");
	known.keys = calib_member_relation("activity_key");
	known.valid = true;
}

static void
read_key(Relation leaf, HeapTuple row, Datum *values)
{
	int i;

	for (i = 0; i < KEY_COLUMNS; i++)
	{
		bool isnull;

		values[i] = heap_getattr(row, known.column[i], RelationGetDescr(leaf),
		                         &isnull);
		if (isnull)
			elog(ERROR, "an activity has no key");
	}
}

static bool
is_only_index(Relation keys)
{
	List *indexes = RelationGetIndexList(keys);
	bool is_only = list_length(indexes) == 1;

	list_free(indexes);
	return is_only;
}

/* Its index waits for who enters the same key, and refuses it: 23505. */
static void
enter_key(Relation keys, Relation index, Datum *values)
{
	bool nulls[KEY_COLUMNS] = {false};
	HeapTuple key;
	IndexInfo *info;

	if (!is_only_index(keys))
	{
		calib_store_row(keys, values, nulls, KEY_COLUMNS);
		return;
	}
	key = heap_form_tuple(RelationGetDescr(keys), values, nulls);
	info = makeNode(IndexInfo);

	/* what index_insert looks at of a plain unique index */
	info->ii_NumIndexAttrs = 2;
	info->ii_NumIndexKeyAttrs = 2;
	info->ii_IndexAttrNumbers[0] = KEY_SOURCE;
	info->ii_IndexAttrNumbers[1] = KEY_EXTERNAL_ID;
	info->ii_Unique = true;
	info->ii_ReadyForInserts = true;
	info->ii_Am = index->rd_rel->relam;
	info->ii_Context = CurrentMemoryContext;
	heap_insert(keys, key, GetCurrentCommandId(true), 0, NULL);
	index_insert(index, values, nulls, &key->t_self, keys, UNIQUE_CHECK_YES,
	             false, info);
	heap_freetuple(key);
	pfree(info);
}

static void
begin_key(ScanKey key, Relation index, AttrNumber column, Datum value)
{
	ScanKeyEntryInitialize(key, 0, column, BTEqualStrategyNumber, TEXTOID,
	                       index->rd_indcollation[column - 1], F_TEXTEQ,
	                       value);
}

/*
 * The row of the activity is ours to change, so nobody else changes its key;
 * but retention may be taking it, and then there is nothing left to do.
 */
static void
remove_key(Relation keys, Relation index, Datum *values)
{
	ScanKeyData scankey[2];
	TupleTableSlot *slot = table_slot_create(keys, NULL);
	IndexScanDesc scan = calib_begin_index_scan(keys, index, SnapshotSelf, 2);
	TM_FailureData failure;

	begin_key(&scankey[0], index, 1, values[0]);
	begin_key(&scankey[1], index, 2, values[1]);
	index_rescan(scan, scankey, 2, NULL, 0);
	if (index_getnext_slot(scan, ForwardScanDirection, slot))
		(void) calib_delete_row(keys, &slot->tts_tid, SnapshotSelf, &failure);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/* What retention has dropped -------------------------------------------------
 */

static TimestampTz
kept_from(void)
{
	Relation dropped =
	    table_open(calib_member_relation("activity_dropped"), AccessShareLock);
	SysScanDesc scan =
	    systable_beginscan(dropped, InvalidOid, false, SnapshotSelf, 0, NULL);
	TimestampTz latest = DT_NOBEGIN;
	HeapTuple row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool isnull;
		TimestampTz at = DatumGetTimestampTz(
		    heap_getattr(row, 1, RelationGetDescr(dropped), &isnull));

		if (!isnull && at > latest)
			latest = at;
	}
	systable_endscan(scan);
	table_close(dropped, AccessShareLock);
	return latest;
}

/* Retention keeps a year at least, so that of most no more is asked. */
static bool
may_be_dropped(Datum occurred_at)
{
	return known.is_default ||
	       DatumGetTimestampTz(occurred_at) <
	           GetCurrentTransactionStartTimestamp() - 365 * USECS_PER_DAY;
}

static void
check_kept(Datum occurred_at)
{
	TimestampTz horizon = kept_from();

	if (DatumGetTimestampTz(occurred_at) >= horizon)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_PERIOD_CLOSED),
	         errmsg("activities before %s are no longer kept",
	                pstrdup(timestamptz_to_str(horizon))),
	         errdetail("This one is of %s.",
	                   timestamptz_to_str(DatumGetTimestampTz(occurred_at))),
	         errhint("What was dropped cannot come a second time; "
	                 "calib.organisation.activity_months says how long "
	                 "activities are kept.")));
}

PG_FUNCTION_INFO_V1(calib_activity_kept_from);
Datum
calib_activity_kept_from(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(kept_from());
}

/* The trigger ----------------------------------------------------------------
 */

static bool
same_key(Relation keys, Datum *old, Datum *new)
{
	int i;

	for (i = 0; i < KEY_COLUMNS; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(keys), i);

		if (!datumIsEqual(old[i], new[i], column->attbyval, column->attlen))
			return false;
	}
	return true;
}

static void
keep_key(TriggerData *trigger, Relation keys, Relation index)
{
	Relation leaf = trigger->tg_relation;
	bool inserted = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	bool deleted = TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	Datum old[KEY_COLUMNS];
	Datum new[KEY_COLUMNS];

	if (!inserted)
		read_key(leaf, trigger->tg_trigtuple, old);
	if (!deleted)
		read_key(leaf, inserted ? trigger->tg_trigtuple : trigger->tg_newtuple,
		         new);
	if (!inserted && !deleted && same_key(keys, old, new))
		return;
	if (!deleted && may_be_dropped(new[KEY_OCCURRED_AT - 1]))
		check_kept(new[KEY_OCCURRED_AT - 1]);
	if (!inserted)
		remove_key(keys, index, old);
	if (!deleted)
		enter_key(keys, index, new);
}

PG_FUNCTION_INFO_V1(calib_keep_activity_key);
Datum
calib_keep_activity_key(PG_FUNCTION_ARGS)
{
	TriggerData *trigger =
	    calib_trigger_data(fcinfo, "keep_activity_key", NULL);
	Relation keys;
	Relation index;

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	learn(trigger->tg_relation);
	keys = table_open(known.keys, RowExclusiveLock);
	/* as it is now that nobody may take it away: it may have been built anew
	 */
	index = index_open(calib_primary_key_index(keys), RowExclusiveLock);
	keep_key(trigger, keys, index);
	index_close(index, NoLock);
	table_close(keys, NoLock);
	return PointerGetDatum(NULL);
}
