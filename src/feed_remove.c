/*
 * feed_remove.c
 *		Phase 2 of what is gone from a source: its facts go too.
 *
 * A fact nobody refers to is deleted.  A unit others refer to stays, with its
 * last day, and so does a customer, without an owner; a target is never taken
 * back.
 *
 * To delete a row is to wait for whoever enters a fact that refers to it.  A
 * feed does not: such a unit stays, such an opportunity is noted and goes at
 * the next pull.
 */
#include "feed.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define KEYS_AT_ONCE 10000

/* $1 source, $2 keys */
static const char *const remove_fact =
    "DELETE FROM calib.%s t WHERE t.source" EQ "$1 AND t.external_id" EQ
    "ANY ($2)";

/* A plan for a few keys is kept.  One for many is made for these keys: a kept
 * one may compare each row with each of them. */
#define FEW_KEYS 100

static void
execute(const char *text, const Feed *feed, Datum keys)
{
	Oid types[2] = {TEXTOID, TEXTARRAYOID};
	Datum values[2] = {CStringGetTextDatum(feed->name), keys};
	ArrayType *array = DatumGetArrayTypeP(keys);
	SPIPlanPtr plan =
	    ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) <= FEW_KEYS
	        ? calib_kept_plan(text, 2, types)
	        : calib_plan(text, 2, types);

	SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(),
	                     InvalidSnapshot, false, true, 0);
}

static int64
remove_stage_changes(const Feed *feed, Datum keys)
{
	Oid types[1] = {INT8ARRAYOID};
	Datum values[1];
	bool isnull;
	int64 removed;

	execute("WITH gone AS (DELETE FROM calib.stage_change t WHERE t.source" EQ
	        "$1 AND t.external_id" EQ "ANY ($2) RETURNING t.opportunity_id)"
	        " SELECT pg_catalog.array_agg(g.opportunity_id),"
	        " pg_catalog.count(*) FROM gone g",
	        feed, keys);
	values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
	                          &isnull);
	if (isnull)
		return 0;
	removed = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
	                                      SPI_tuptable->tupdesc, 2, &isnull));
	SPI_execute_with_args("SELECT calib.settle_stage_history($1)", 1, types,
	                      values, NULL, false, 0);
	return removed;
}

/* The opportunities that nobody else holds, locked; the others are noted. */
static Datum
lock_opportunities(const Feed *feed, Datum keys)
{
	bool isnull;

	execute("WITH own AS MATERIALIZED (SELECT o.external_ref"
	        " FROM calib.opportunity o WHERE o.external_ref" EQ
	        "ANY ($2) FOR UPDATE SKIP LOCKED), noted AS ("
	        "INSERT INTO calib.feed_error (source, destination, external_id,"
	        " problem, hint, sqlstate) SELECT $1, 'opportunity',"
	        " o.external_ref, 'it is gone, and a fact of it is being entered"
	        " elsewhere', 'It goes at the next pull.', '55P03'"
	        " FROM calib.opportunity o WHERE o.external_ref" EQ
	        "ANY ($2) AND o.external_ref OPERATOR(pg_catalog.<>)"
	        " ALL (ARRAY(SELECT n.external_ref FROM own n)))"
	        " SELECT COALESCE(pg_catalog.array_agg(n.external_ref), '{}')"
	        " FROM own n",
	        feed, keys);
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
	                     &isnull);
}

#define DELETE_WITH_OPPORTUNITIES(table)                                  \
	"DELETE FROM calib." table " t USING calib.opportunity o"             \
	" WHERE t.opportunity_id" EQ "o.opportunity_id AND o.external_ref" EQ \
	"ANY ($2) AND $1 IS NOT NULL"

/* In replica mode no foreign key cascades. */
static int64
remove_opportunities(const Feed *feed, Datum keys)
{
	keys = lock_opportunities(feed, keys);
	execute("UPDATE calib.activity a SET opportunity_id = NULL"
	        " WHERE a.opportunity_id" EQ
	        "ANY (ARRAY(SELECT o.opportunity_id FROM calib.opportunity o"
	        " WHERE o.external_ref" EQ "ANY ($2) AND $1 IS NOT NULL))",
	        feed, keys);
	execute(DELETE_WITH_OPPORTUNITIES("stage_change"), feed, keys);
	execute(DELETE_WITH_OPPORTUNITIES("opportunity_day"), feed, keys);
	execute("DELETE FROM calib.opportunity t WHERE t.external_ref" EQ
	        "ANY ($2) AND $1 IS NOT NULL",
	        feed, keys);
	return SPI_processed;
}

/*
 * A customer stays, without an owner: whether facts refer to it would be a
 * search of all facts, in the transaction that wrote the source.
 */
static int64
remove_customers(const Feed *feed, Datum keys)
{
	execute("UPDATE calib.customer t SET unit_id = NULL"
	        " WHERE t.external_ref" EQ
	        "ANY ($2) AND $1 IS NOT NULL AND t.unit_id IS NOT NULL",
	        feed, keys);
	return SPI_processed;
}

typedef struct OneUnit
{
	const Feed *feed;
	Datum key;
	bool deleted;
} OneUnit;

static void
delete_unit(void *arg)
{
	OneUnit *unit = arg;
	CalibIdentity was;

	SPI_connect();
	calib_become_calib(&was);
	execute("DELETE FROM calib.unit t WHERE t.unit_id" EQ
	        "ANY (ARRAY(SELECT l.unit_id FROM calib.unit l"
	        " WHERE l.external_ref" EQ
	        "ANY ($2) AND $1 IS NOT NULL FOR UPDATE SKIP LOCKED))",
	        unit->feed, unit->key);
	unit->deleted = SPI_processed > 0;
	calib_become_self(&was);
	SPI_finish();
}

/*
 * Whether anything refers to a unit its foreign keys tell, except in replica
 * mode, where they are silent: there it stays.
 */
static int64
remove_units(const Feed *feed, Datum keys)
{
	Datum *elements;
	bool *nulls;
	int count;
	int i;

	deconstruct_array(DatumGetArrayTypeP(keys), TEXTOID, -1, false,
	                  TYPALIGN_INT, &elements, &nulls, &count);
	for (i = 0; i < count; i++)
	{
		OneUnit unit = {feed, (Datum) 0, false};

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		unit.key = PointerGetDatum(construct_array(&elements[i], 1, TEXTOID,
		                                           -1, false, TYPALIGN_INT));
		if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA &&
		    calib_attempt(delete_unit, &unit) == NULL && unit.deleted)
			continue;
		execute("UPDATE calib.unit t SET active = pg_catalog.daterange("
		        "pg_catalog.lower(t.active), GREATEST(calib.today(),"
		        " pg_catalog.lower(t.active) OPERATOR(pg_catalog.+) 1))"
		        " WHERE t.external_ref" EQ "ANY ($2) AND $1 IS NOT NULL"
		        " AND (pg_catalog.upper_inf(t.active) OR"
		        " pg_catalog.upper(t.active) OPERATOR(pg_catalog.>)"
		        " calib.today())",
		        feed, unit.key);
	}
	return count;
}

static int64
remove_keys(const Feed *feed, Datum keys)
{
	const char *name = feed->destination->name;

	execute(
	    "DELETE FROM calib.feed_error o WHERE o.ctid" EQ
	    "ANY (ARRAY(SELECT e.ctid FROM calib.feed_error e WHERE e.source" EQ
	    "$1 AND e.external_id" EQ "ANY ($2) FOR UPDATE OF e SKIP LOCKED))",
	    feed, keys);
	if (strcmp(name, "target") == 0)
		return 0;
	if (strcmp(name, "unit") == 0)
		return remove_units(feed, keys);
	if (strcmp(name, "customer") == 0)
		return remove_customers(feed, keys);
	if (strcmp(name, "opportunity") == 0)
		return remove_opportunities(feed, keys);
	if (strcmp(name, "stage_change") == 0)
		return remove_stage_changes(feed, keys);
	execute(psprintf(remove_fact, name), feed, keys);
	return SPI_processed;
}

int64
calib_remove_array(const Feed *feed, Datum keys)
{
	CalibIdentity was;
	int64 removed;

	SPI_connect();
	calib_become_calib(&was);
	removed = remove_keys(feed, keys);
	calib_become_self(&was);
	SPI_finish();
	return removed;
}

/* The next keys of rows, as an array; NULL: there are no more. */
static ArrayType *
next_keys(const Rows *keys, TupleTableSlot *slot)
{
	ArrayBuildState *array =
	    initArrayResult(TEXTOID, CurrentMemoryContext, false);
	int count = 0;
	bool isnull;

	while (count < KEYS_AT_ONCE &&
	       tuplestore_gettupleslot(keys->store, true, false, slot))
	{
		Datum key = slot_getattr(slot, 1, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		array =
		    accumArrayResult(array, key, false, TEXTOID, CurrentMemoryContext);
		count++;
	}
	if (count == 0)
		return NULL;
	return DatumGetArrayTypeP(makeArrayResult(array, CurrentMemoryContext));
}

/* The first column of rows, keys, some at a time. */
int64
calib_remove_keys(const Feed *feed, const Rows *keys)
{
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(keys->desc, &TTSOpsMinimalTuple);
	ArrayType *some;
	int64 removed = 0;

	tuplestore_rescan(keys->store);
	while ((some = next_keys(keys, slot)) != NULL)
	{
		removed += calib_remove_array(feed, PointerGetDatum(some));
		pfree(some);
	}
	ExecDropSingleTupleTableSlot(slot);
	return removed;
}

/* What an UPDATE took away: keys before that are no keys now. */
int64
calib_remove_gone(const Feed *feed, const Rows *old, const Rows *new)
{
	const char *text =
	    psprintf("SELECT pg_catalog.array_agg(k.key) FROM (SELECT o.key FROM"
	             " calib_old_key o WHERE o.key IS NOT NULL EXCEPT"
	             " SELECT f.%s FROM calib_fact f) k",
	             feed->destination->column[0].name);
	CalibIdentity was;
	bool isnull;
	Datum keys;
	int64 removed = 0;

	SPI_connect();
	calib_become_calib(&was);
	calib_register_rows("calib_old_key", old);
	calib_register_rows("calib_fact", new);
	SPI_execute_plan(new->count > 100 ? calib_plan(text, 0, NULL)
	                                  : calib_kept_plan(text, 0, NULL),
	                 NULL, NULL, false, 1);
	keys = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
	                     &isnull);
	if (!isnull)
		removed = remove_keys(feed, keys);
	calib_become_self(&was);
	SPI_finish();
	return removed;
}

/* Which of keys have facts of the feed, one that is no master's. */
static Datum
keys_with_fact(const Feed *feed, Datum keys, bool *isnull)
{
	CalibIdentity was;
	Datum found;

	SPI_connect();
	calib_become_calib(&was);
	execute(psprintf("SELECT pg_catalog.array_agg(t.external_id)"
	                 " FROM calib.%s t WHERE t.source" EQ
	                 "$1 AND t.external_id" EQ "ANY ($2)",
	                 feed->destination->name),
	        feed, keys);
	found =
	    SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	if (!*isnull)
		found = SPI_datumTransfer(found, false, -1);
	calib_become_self(&was);
	SPI_finish();
	return found;
}

/*
 * Keys of rows that were changed or deleted and that the filter leaves out:
 * a fact one of them has is gone, unless another row of the source brings it.
 */
int64
calib_remove_doubtful(const Feed *feed, const Rows *keys)
{
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(keys->desc, &TTSOpsMinimalTuple);
	ArrayType *some;
	int64 removed = 0;

	tuplestore_rescan(keys->store);
	while ((some = next_keys(keys, slot)) != NULL)
	{
		bool isnull;
		Datum found = keys_with_fact(feed, PointerGetDatum(some), &isnull);

		if (!isnull)
			found = calib_keys_without_row(feed, found, &isnull);
		if (!isnull)
			removed += calib_remove_array(feed, found);
		pfree(some);
	}
	ExecDropSingleTupleTableSlot(slot);
	return removed;
}
