/*
 * feed_map.c
 *		Phase 1: from rows of a source to facts.
 *
 * The mapping's expressions are the source's owner's, so they run with that
 * role's rights in a security-restricted operation (DESIGN 9), over nothing
 * but the rows at hand, and give plain types.  What comes out waits in a
 * tuplestore: no code of the owner's runs once calib's own tables are written.
 *
 * The time zone is the organisation's: a timestamp without one means the same
 * whatever the writing session is set to.
 */
#include "feed.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* Rows -----------------------------------------------------------------------
 */

Rows *
calib_empty_rows(TupleDesc desc, Oid relid)
{
	Rows *rows = palloc(sizeof(Rows));

	rows->store = tuplestore_begin_heap(true, false, work_mem);
	rows->desc = desc;
	rows->relid = relid;
	rows->count = 0;
	return rows;
}

/* Halves, for the search for what fails. */
void
calib_split_rows(const Rows *rows, Rows **first, Rows **second)
{
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(rows->desc, &TTSOpsMinimalTuple);
	int64 done = 0;
	int pointer;

	*first = calib_empty_rows(rows->desc, rows->relid);
	*second = calib_empty_rows(rows->desc, rows->relid);
	pointer = tuplestore_alloc_read_pointer(rows->store, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows->store, pointer);
	tuplestore_rescan(rows->store);
	while (tuplestore_gettupleslot(rows->store, true, false, slot))
	{
		Rows *half = done++ < rows->count / 2 ? *first : *second;

		CHECK_FOR_INTERRUPTS();
		tuplestore_puttupleslot(half->store, slot);
		half->count++;
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Makes rows a relation of the statements of this SPI connection. */
void
calib_register_rows(const char *name, const Rows *rows)
{
	EphemeralNamedRelation relation =
	    palloc0(sizeof(EphemeralNamedRelationData));
	int result;

	relation->md.name = pstrdup(name);
	relation->md.reliddesc = rows->relid;
	relation->md.tupdesc = OidIsValid(rows->relid) ? NULL : rows->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = rows->count;
	relation->reldata = rows->store;
	result = SPI_register_relation(relation);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\": %s", name,
		     SPI_result_code_string(result));
}

/* As the owner ---------------------------------------------------------------
 */

static void
set_unless_set(const char *name, const char *value)
{
	if (strcmp(GetConfigOption(name, false, false), value) != 0)
		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
		                         GUC_ACTION_SAVE, true, 0, false);
}

/* What a key or an amount reads as must not depend on who writes or asks. */
void
calib_become_mapper(const Feed *feed, CalibIdentity *was)
{
	if (feed->owner != NULL)
	{
		calib_become_owner(feed->source, was);
		set_unless_set("TimeZone", feed->zone);
	}
	else
		calib_become_calib(was);
	set_unless_set("DateStyle", "ISO, MDY");
	set_unless_set("IntervalStyle", "postgres");
	set_unless_set("bytea_output", "hex");
	set_unless_set("extra_float_digits", "1");
	set_unless_set("standard_conforming_strings", "on");
	set_unless_set("transform_null_equals", "off");
}

/* Runs a plan into a tuplestore made in the caller's memory. */
static void
run_into(Rows *to, SPIPlanPtr plan, ParamListInfo parameters, bool read_only)
{
	SPIExecuteOptions options = {.must_return_tuples = true,
	                             .read_only = read_only,
	                             .params = parameters};

	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, to->store,
	                                CurrentMemoryContext, false, NULL, NULL);
	SPI_execute_plan_extended(plan, &options);
	to->count = SPI_processed;
}

/* A plan for a few rows is kept, one for many made for their number. */
#define FEW_ROWS 100

/* Whether a filter can say something else of the same row at another time. */
static bool
looks_around(SPIPlanPtr plan)
{
	List *sources = SPI_plan_get_plan_sources(plan);
	List *queries = ((CachedPlanSource *) linitial(sources))->query_list;
	Node *quals;

	if (queries == NIL)
		return true;
	quals = linitial_node(Query, queries)->jointree->quals;
	return checkExprHasSubLink(quals) || contain_mutable_functions(quals);
}

/* passing: rows the filter lets through, else the others, unless they are
 * others whenever they are asked about. */
static Rows *
map(const Feed *feed, const Rows *rows, const char *what, TupleDesc desc,
    bool passing)
{
	Rows *facts = calib_empty_rows(desc, InvalidOid);
	char *name = psprintf("calib_row_%u", rows->relid);
	StringInfoData text;
	CalibIdentity was;
	SPIPlanPtr plan;

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s FROM %s AS %s", what, name,
	                 quote_identifier(feed->alias));
	if (feed->filter != NULL)
		appendStringInfo(&text, " WHERE (%s\n)%s", feed->filter,
		                 passing ? "" : " IS NOT TRUE");
	SPI_connect();
	calib_register_rows(name, rows);
	calib_become_mapper(feed, &was);
	if (OidIsValid(rows->relid) && rows->count <= FEW_ROWS)
		plan = calib_kept_plan(text.data, 0, NULL);
	else
		plan = calib_plan(text.data, 0, NULL);
	if (passing || looks_around(plan))
		run_into(facts, plan, NULL, false);
	calib_become_self(&was);
	SPI_finish();
	return facts;
}

/* The facts of the rows that pass the filter. */
Rows *
calib_map_rows(const Feed *feed, const Rows *rows)
{
	return map(feed, rows,
	           psprintf("%s, pg_catalog.row_number() OVER ()", feed->columns),
	           calib_fact_desc(feed->destination), true);
}

static TupleDesc
key_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(1);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescFinalize(desc);
	return desc;
}

/* Their keys alone: one column, key. */
Rows *
calib_map_keys(const Feed *feed, const Rows *rows)
{
	return map(feed, rows, feed->key, key_desc(), true);
}

/*
 * The keys of rows that the filter leaves out now but may have let through
 * when they were written: it looks into other tables, or at the clock.
 */
Rows *
calib_map_doubtful(const Feed *feed, const Rows *rows)
{
	return map(feed, rows, feed->key, key_desc(), false);
}

/* Reading a source -----------------------------------------------------------
 */

static ParamListInfo
one_parameter(Datum value, bool isnull)
{
	ParamListInfo list = makeParamList(1);

	list->params[0].value = value;
	list->params[0].isnull = isnull;
	list->params[0].ptype = TEXTARRAYOID;
	list->params[0].pflags = PARAM_FLAG_CONST;
	return list;
}

static SPIPlanPtr
plan_read(const char *text)
{
	Oid types[1] = {TEXTARRAYOID};

	return calib_plan(text, 1, types);
}

static int64
count_rows(const char *from, ParamListInfo parameters)
{
	SPIExecuteOptions options = {.params = parameters};
	bool isnull;

	SPI_execute_plan_extended(
	    plan_read(psprintf("SELECT pg_catalog.count(*) %s", from)), &options);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
	                                   SPI_tuptable->tupdesc, 1, &isnull));
}

/* Under the latest snapshot: a TRUNCATE takes rows its transaction's does not
 * see. */
static void
read_into(Rows *to, SPIPlanPtr plan, ParamListInfo parameters, bool lock)
{
	if (lock)
	{
		run_into(to, plan, parameters, false);
		return;
	}
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	run_into(to, plan, parameters, true);
	PopActiveSnapshot();
}

/*
 * The rows of the source, or of a part of it, as its owner sees them.  lock:
 * they stay as they are until this transaction ends, and what is locked by
 * somebody else is left out and counted.
 */
Rows *
calib_read_rows(const Feed *feed, Oid relid, const char *condition,
                Datum argument, bool argument_null, bool lock, int64 *skipped)
{
	Rows *rows = calib_empty_rows(NULL, InvalidOid);
	const char *alias = quote_identifier(feed->alias);
	ParamListInfo parameters = one_parameter(argument, argument_null);
	MemoryContext memory = CurrentMemoryContext;
	StringInfoData from;
	CalibIdentity was;
	SPIPlanPtr plan;
	TupleDesc desc;
	int64 there = 0;

	initStringInfo(&from);
	appendStringInfo(
	    &from, "FROM ONLY %s AS %s",
	    quote_qualified_identifier(
	        get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)),
	    alias);
	if (condition != NULL)
		appendStringInfo(&from, " WHERE (%s\n)", condition);
	SPI_connect();
	calib_become_mapper(feed, &was);
	plan = plan_read(
	    psprintf("SELECT %s.* %s%s", alias, from.data,
	             lock ? psprintf(" FOR SHARE OF %s SKIP LOCKED", alias) : ""));
	desc = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))
	           ->resultDesc;
	read_into(rows, plan, parameters, lock);
	/* Afterwards: a row that came meanwhile must not hide one left out. */
	if (lock)
		there = count_rows(from.data, parameters);
	memory = MemoryContextSwitchTo(memory);
	rows->desc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(memory);
	calib_become_self(&was);
	SPI_finish();
	*skipped = lock ? Max(there - rows->count, 0) : 0;
	return rows;
}

/* Those of keys, an array, that no row of the source, its partitions and
 * children has now; may be NULL. */
Datum
calib_keys_without_row(const Feed *feed, Datum keys, bool *isnull)
{
	SPIExecuteOptions options = {.params = one_parameter(keys, false)};
	CalibIdentity was;
	Datum gone;

	SPI_connect();
	calib_become_mapper(feed, &was);
	SPI_execute_plan_extended(
	    plan_read(psprintf(
	        "SELECT pg_catalog.array_agg(k.calib_key) FROM (SELECT"
	        " pg_catalog.unnest($1) AS calib_key EXCEPT SELECT %s FROM %s"
	        " AS %s WHERE (%s\n) AND %s OPERATOR(pg_catalog.=) ANY ($1)) k",
	        feed->key,
	        quote_qualified_identifier(
	            get_namespace_name(get_rel_namespace(feed->source)),
	            get_rel_name(feed->source)),
	        quote_identifier(feed->alias), feed->filter, feed->key)),
	    &options);
	gone =
	    SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	if (!*isnull)
		gone = SPI_datumTransfer(gone, false, -1);
	calib_become_self(&was);
	SPI_finish();
	return gone;
}
