/*
 * activity_mark.c
 *		Marks the days of reps whose activities changed.
 *
 * Whoever changes calib.activity, by whatever path, appends in the same
 * transaction a row to calib.activity_mark for each day of a unit it touched:
 * where the fact was, where it is now, and the day it is due.  What is stored
 * of such a day is not used until the rollup has read the facts again, so an
 * answer is exact whenever it is given.
 *
 * This is the one thing an insert pays for, so it goes straight into the heap,
 * and a transaction marks a day once.  What it has marked is forgotten at the
 * end of every subtransaction, which may take marks back, and by a rollup in
 * the same transaction, which removes them; and so is the time zone, which a
 * change of it in the same transaction, or the end of that, makes another.
 */
#include "calib.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "zone_day.h"

PG_FUNCTION_INFO_V1(calib_mark_activity);
PG_FUNCTION_INFO_V1(calib_forget_marks);

/* Days remembered before they are forgotten, to bound the memory of a COPY */
#define MARKS_KEPT 65536

/*
 * A fact's columns that a figure depends on, or retention, to which a fact
 * that is not marked has the key it had; the first three say where.
 */
typedef enum FactColumn
{
	FACT_UNIT,
	FACT_OCCURRED,
	FACT_DUE,
	FACT_OPPORTUNITY,
	FACT_CUSTOMER,
	FACT_LINE,
	FACT_KIND,
	FACT_OUTCOME,
	FACT_QUANTITY,
	FACT_RECORDED,
	FACT_SOURCE,
	FACT_EXTERNAL_ID,
	FACT_COLUMNS
} FactColumn;

static const char *const fact_column[FACT_COLUMNS] = {
    "unit_id",     "occurred_at",  "due_at", "opportunity_id",
    "customer_id", "product_line", "kind",   "outcome",
    "quantity",    "recorded_at",  "source", "external_id"};

/* calib.activity or one of its partitions, where columns may be elsewhere */
typedef struct FactTable
{
	Oid relid;
	AttrNumber attribute[FACT_COLUMNS];
} FactTable;

typedef struct MarkKey
{
	int64 unit;
	DateADT day;
} MarkKey;

/* without what fills it up */
#define MARK_KEY_SIZE (offsetof(MarkKey, day) + sizeof(DateADT))

static HTAB *fact_tables = NULL;
static HTAB *marked = NULL; /* in this subtransaction */
static ZoneDays zone_days;  /* of this transaction; without tz: not read yet */

/* What is remembered ------------------------------------------------------
 */

static void
forget_marked(void)
{
	if (marked != NULL)
		hash_destroy(marked);
	marked = NULL;
}

static void
forget_zone(void)
{
	zone_days.tz = NULL;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	/* its memory goes with the transaction's */
	marked = NULL;
	forget_zone();
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
                      SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB)
		forget_marked();
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_zone();
}

static void
forget_tables(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	FactTable *table;

	if (OidIsValid(relid))
	{
		hash_search(fact_tables, &relid, HASH_REMOVE, NULL);
		return;
	}
	hash_seq_init(&status, fact_tables);
	while ((table = hash_seq_search(&status)) != NULL)
		hash_search(fact_tables, &table->relid, HASH_REMOVE, NULL);
}

static void
begin_remembering(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(FactTable);
	fact_tables =
	    hash_create("calib fact tables", 16, &control, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(forget_tables, (Datum) 0);
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/* Whether this is marked already; from now on it is. */
static bool
is_marked(const MarkKey *key)
{
	bool found;

	if (marked != NULL && hash_get_num_entries(marked) >= MARKS_KEPT)
		forget_marked();
	if (marked == NULL)
	{
		HASHCTL control = {0};

		control.keysize = MARK_KEY_SIZE;
		control.entrysize = sizeof(MarkKey);
		control.hcxt = TopTransactionContext;
		marked = hash_create("calib marks", 64, &control,
		                     HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	hash_search(marked, key, HASH_ENTER, &found);
	return found;
}

/* The tables -------------------------------------------------------------- */

static bool
is_activity(Oid relid)
{
	Oid activity = calib_member_relation("activity");

	return relid == activity ||
	       (get_rel_relispartition(relid) &&
	        list_member_oid(get_partition_ancestors(relid), activity));
}

static void
check_fired(TriggerData *trigger)
{
	if (is_activity(RelationGetRelid(trigger->tg_relation)))
		return;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("function calib.mark_activity keeps table "
	                       "calib.activity only"),
	                errdetail("It was fired by table \"%s\".",
	                          RelationGetRelationName(trigger->tg_relation)),
	                errhint("Drop trigger \"%s\" there.",
	                        trigger->tg_trigger->tgname)));
}

static const FactTable *
fact_table(TriggerData *trigger)
{
	Oid relid = RelationGetRelid(trigger->tg_relation);
	FactTable *table;
	FactTable read;
	int i;

	if (fact_tables == NULL)
		begin_remembering();
	table = hash_search(fact_tables, &relid, HASH_FIND, NULL);
	if (table != NULL)
		return table;
	check_fired(trigger);
	read.relid = relid;
	for (i = 0; i < FACT_COLUMNS; i++)
	{
		read.attribute[i] = get_attnum(relid, fact_column[i]);
		if (read.attribute[i] == InvalidAttrNumber)
			elog(ERROR, "table %u has no column %s", relid, fact_column[i]);
	}
	/* nothing below looks into a catalog, which could forget it again */
	table = hash_search(fact_tables, &relid, HASH_ENTER, NULL);
	*table = read;
	return table;
}

/*
 * The organisation's zone, as it is now whatever the transaction's snapshot: a
 * change of it waits for who writes activities, and marks all of them anew.
 */
static void
read_zone(void)
{
	Oid relid = calib_member_relation("organisation");
	Relation organisation = table_open(relid, AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan =
	    systable_beginscan(organisation, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple row = systable_getnext(scan);
	bool isnull;

	if (!HeapTupleIsValid(row))
		elog(ERROR, "calib.organisation has no row");
	zone_days.from = zone_days.to = 0;
	zone_days.tz = pg_tzset(TextDatumGetCString(
	    heap_getattr(row, get_attnum(relid, "zone"),
	                 RelationGetDescr(organisation), &isnull)));
	if (zone_days.tz == NULL)
		elog(ERROR, "calib.organisation has an unknown time zone");
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(organisation, AccessShareLock);
}

/* unit NULL: what is stored of all units, from that day on */
static void
write_mark(const MarkKey *key)
{
	Relation marks =
	    table_open(calib_member_relation("activity_mark"), RowExclusiveLock);
	Datum values[2];
	bool nulls[2] = {key == NULL, false};

	values[0] = key == NULL ? (Datum) 0 : Int64GetDatum(key->unit);
	values[1] = DateADTGetDatum(key == NULL ? DATEVAL_NOBEGIN : key->day);
	if (marks->rd_rel->relhasindex) /* somebody's own */
		calib_store_row(marks, values, nulls, lengthof(values));
	else
	{
		HeapTuple row =
		    heap_form_tuple(RelationGetDescr(marks), values, nulls);

		simple_heap_insert(marks, row);
		heap_freetuple(row);
	}
	table_close(marks, NoLock);
}

/* Facts ------------------------------------------------------------------- */

static Datum
fact(const FactTable *table, HeapTuple row, TupleDesc desc, FactColumn column,
     bool *isnull)
{
	return heap_getattr(row, table->attribute[column], desc, isnull);
}

static void
mark_day(MarkKey *key, TimestampTz at)
{
	key->day = calib_zone_day(&zone_days, at);
	if (!is_marked(key))
		write_mark(key);
}

static void
mark_fact(const FactTable *table, HeapTuple row, TupleDesc desc)
{
	MarkKey key = {0};
	bool isnull;
	TimestampTz at;

	key.unit = DatumGetInt64(fact(table, row, desc, FACT_UNIT, &isnull));
	if (zone_days.tz == NULL)
		read_zone();
	at = DatumGetTimestampTz(fact(table, row, desc, FACT_OCCURRED, &isnull));
	mark_day(&key, at);
	at = DatumGetTimestampTz(fact(table, row, desc, FACT_DUE, &isnull));
	if (!isnull && !TIMESTAMP_NOT_FINITE(at))
		mark_day(&key, at);
}

static bool
same_column(const FactTable *table, HeapTuple old, HeapTuple new,
            TupleDesc desc, FactColumn column)
{
	Form_pg_attribute attribute =
	    TupleDescAttr(desc, table->attribute[column] - 1);
	bool old_null;
	bool new_null;
	Datum before = fact(table, old, desc, column, &old_null);
	Datum after = fact(table, new, desc, column, &new_null);

	if (old_null || new_null)
		return old_null && new_null;
	return datumIsEqual(before, after, attribute->attbyval, attribute->attlen);
}

/* Whether an update left all as it was that somebody could depend on */
static bool
same_fact(const FactTable *table, HeapTuple old, HeapTuple new, TupleDesc desc)
{
	int column;

	for (column = 0; column < FACT_COLUMNS; column++)
		if (!same_column(table, old, new, desc, (FactColumn) column))
			return false;
	return true;
}

Datum
calib_mark_activity(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "mark_activity", NULL);
	/* a copy: opening a table may make what is remembered be forgotten */
	FactTable table = *fact_table(trigger);
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
	{
		write_mark(NULL);
		return PointerGetDatum(NULL);
	}
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		if (same_fact(&table, trigger->tg_trigtuple, trigger->tg_newtuple,
		              desc))
			return PointerGetDatum(NULL);
		mark_fact(&table, trigger->tg_newtuple, desc);
	}
	mark_fact(&table, trigger->tg_trigtuple, desc);
	return PointerGetDatum(NULL);
}

/* The marks of this transaction are gone, or of another zone. */
Datum
calib_forget_marks(PG_FUNCTION_ARGS)
{
	forget_marked();
	forget_zone();
	PG_RETURN_VOID();
}
