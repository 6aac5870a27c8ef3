/*
 * feed.c
 *		Feeds: rows of a user's table become facts, as they are written.
 *
 * A push feed has triggers on its source and on each of its partitions: for
 * each statement, with transition tables, and, where those are never fired, in
 * an apply worker of logical replication, for each row (DESIGN 7).  TRUNCATE
 * is followed before it happens, while the rows are still there.
 *
 * A feed works in two phases: feed_map.c evaluates the mapping with the rights
 * of the source's owner, feed_take.c and feed_remove.c write calib's tables.
 */
#include "feed.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#define ROW_TRIGGER "calib_feed_row"
#define INSERT_TRIGGER "calib_feed_insert"
#define UPDATE_TRIGGER "calib_feed_update"
#define DELETE_TRIGGER "calib_feed_delete"
#define TRUNCATE_TRIGGER "calib_feed_truncate"

#define MANY_ROWS 1000

/* The trigger ----------------------------------------------------------------
 */

pg_noreturn static void
refuse(TriggerData *trigger, const char *why)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	     errmsg("trigger \"%s\" feeds nothing", trigger->tg_trigger->tgname),
	     errdetail("Table \"%s\" %s.",
	               RelationGetRelationName(trigger->tg_relation), why),
	     errhint("Drop the trigger; calib.attach() and calib.rearm() put on "
	             "the ones that do.")));
}

static const char *
name_as_made(TriggerData *trigger)
{
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		return TRIGGER_FIRED_BEFORE(trigger->tg_event) ? TRUNCATE_TRIGGER : "";
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event))
		return "";
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return ROW_TRIGGER;
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		return trigger->tg_newtable != NULL ? INSERT_TRIGGER : "";
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return trigger->tg_oldtable != NULL ? DELETE_TRIGGER : "";
	return trigger->tg_oldtable != NULL && trigger->tg_newtable != NULL
	           ? UPDATE_TRIGGER
	           : "";
}

/* One of a kind on a table, so that nothing is fed twice, and never deferred.
 */
static bool
is_as_made(TriggerData *trigger)
{
	return strcmp(trigger->tg_trigger->tgname, name_as_made(trigger)) == 0 &&
	       !trigger->tg_trigger->tgdeferrable &&
	       trigger->tg_trigger->tgqual == NULL;
}

/*
 * Looked up once per statement and kept in fn_extra, which lives as long as
 * the statement's trigger calls.
 */
static List *
fired_feeds(FunctionCallInfo fcinfo, TriggerData *trigger)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = calib_feeds_of(
		    RelationGetRelid(trigger->tg_relation), fcinfo->flinfo->fn_mcxt);
	if (fcinfo->flinfo->fn_extra == NULL)
		refuse(trigger, "is the source of no push feed");
	if (!is_as_made(trigger))
		refuse(trigger, "is fed from by other triggers");
	return fcinfo->flinfo->fn_extra;
}

static Rows *
transition_rows(TriggerData *trigger, Tuplestorestate *store)
{
	Rows *rows = palloc(sizeof(Rows));

	rows->store = store;
	rows->desc = RelationGetDescr(trigger->tg_relation);
	rows->relid = RelationGetRelid(trigger->tg_relation);
	rows->count = tuplestore_tuple_count(store);
	return rows;
}

static Rows *
slot_rows(TriggerData *trigger, TupleTableSlot *slot)
{
	Rows *rows = calib_empty_rows(RelationGetDescr(trigger->tg_relation),
	                              RelationGetRelid(trigger->tg_relation));

	tuplestore_puttupleslot(rows->store, slot);
	rows->count = 1;
	return rows;
}

/*
 * Inserted rows are new facts, most likely.  To try that first is worth it for
 * many of them, and for one activity too: to change one is to look at all
 * partitions.
 */
static FeedHow
how_expected(const Feed *feed, const Rows *old, const Rows *new)
{
	if (old != NULL || !calib_takes_locked(feed->destination))
		return FEED_UPSERT;
	if (strcmp(feed->destination->name, "activity") == 0)
		return FEED_NEW;
	return new->count > MANY_ROWS && !feed->strict ? FEED_NEW : FEED_UPSERT;
}

static void
feed_statement(List *feeds, TriggerData *trigger)
{
	Taken taken = {0};
	Rows *old = NULL;
	Rows *new = NULL;
	ListCell *cell;

	if (trigger->tg_oldtable != NULL)
		old = transition_rows(trigger, trigger->tg_oldtable);
	if (trigger->tg_newtable != NULL)
		new = transition_rows(trigger, trigger->tg_newtable);
	if ((old == NULL || old->count == 0) && (new == NULL || new->count == 0))
		return;
	foreach (cell, feeds)
		calib_apply_rows(lfirst(cell), old, new,
		                 how_expected(lfirst(cell), old, new), &taken);
}

static void
feed_row(List *feeds, TriggerData *trigger)
{
	Taken taken = {0};
	Rows *old = NULL;
	Rows *new = NULL;
	ListCell *cell;

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		old = slot_rows(trigger, trigger->tg_trigslot);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		new = slot_rows(trigger, trigger->tg_trigslot);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		new = slot_rows(trigger, trigger->tg_newslot);
	foreach (cell, feeds)
		calib_apply_rows(lfirst(cell), old, new,
		                 how_expected(lfirst(cell), old, new), &taken);
	if (old != NULL)
		tuplestore_end(old->store);
	if (new != NULL)
		tuplestore_end(new->store);
}

static void
feed_truncate(List *feeds, TriggerData *trigger)
{
	Oid relid = RelationGetRelid(trigger->tg_relation);
	Taken taken = {0};
	ListCell *cell;

	foreach (cell, feeds)
	{
		const Feed *feed = lfirst(cell);
		int64 skipped;
		Rows *old = calib_read_rows(feed, relid, NULL, (Datum) 0, true, false,
		                            &skipped);

		if (old->count > 0)
			calib_apply_rows(feed, old, NULL, FEED_UPSERT, &taken);
		tuplestore_end(old->store);
	}
}

PG_FUNCTION_INFO_V1(calib_feed_changes);
Datum
calib_feed_changes(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "feed_changes", NULL);
	List *feeds;

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	feeds = fired_feeds(fcinfo, trigger);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		feed_truncate(feeds, trigger);
	else if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		feed_row(feeds, trigger);
	else
		feed_statement(feeds, trigger);
	return PointerGetDatum(NULL);
}

/* For attach, backfill, pull and ingest --------------------------------------
 */

static Datum
counts(FunctionCallInfo fcinfo, const int64 *count, int columns)
{
	Datum values[4];
	bool nulls[4] = {false};
	TupleDesc desc;
	int i;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (i = 0; i < columns; i++)
		values[i] = Int64GetDatum(count[i]);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

static FeedHow
how_of(const char *how)
{
	if (strcmp(how, "upsert") == 0)
		return FEED_UPSERT;
	if (strcmp(how, "fill") == 0)
		return FEED_FILL;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("unknown way to take rows \"%s\"", how),
	                errhint("Use upsert or fill.")));
}

PG_FUNCTION_INFO_V1(calib_feed_read);
Datum
calib_feed_read(PG_FUNCTION_ARGS)
{
	Feed *feed;
	Oid relid;
	char *condition = NULL;
	FeedHow how;
	Taken taken = {0};
	Rows *rows;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(4))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
		                errmsg("feed_id, relation and how must not be null")));
	feed = calib_feed_by_id(PG_GETARG_INT64(0));
	relid = PG_GETARG_OID(1);
	how = how_of(text_to_cstring(PG_GETARG_TEXT_PP(4)));
	if (!list_member_oid(calib_with_ancestors(relid), feed->source))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s is no part of the source of feed \"%s\"",
		                       get_rel_name(relid), feed->name)));
	if (!calib_is_owners(feed))
		ThrowErrorData(calib_not_the_owner(feed));
	if (!PG_ARGISNULL(2))
		condition = text_to_cstring(PG_GETARG_TEXT_PP(2));
	rows = calib_read_rows(feed, relid, condition,
	                       PG_ARGISNULL(3) ? (Datum) 0 : PG_GETARG_DATUM(3),
	                       PG_ARGISNULL(3), feed->push, &taken.skipped);
	taken.read = rows->count;
	if (rows->count > 0)
		calib_apply_rows(feed, NULL, rows, how, &taken);
	tuplestore_end(rows->store);
	return counts(fcinfo, (int64 *) &taken, 4);
}

PG_FUNCTION_INFO_V1(calib_feed_remove);
Datum
calib_feed_remove(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(calib_remove_array(calib_feed_by_id(PG_GETARG_INT64(0)),
	                                   PG_GETARG_DATUM(1)));
}

static Rows *
facts_as_rows(Jsonb *facts)
{
	TupleDesc desc = CreateTemplateTupleDesc(1);
	TupleTableSlot *slot;
	JsonbIterator *iterator = JsonbIteratorInit(&facts->root);
	JsonbIteratorToken token;
	JsonbValue value;
	Rows *rows;

	TupleDescInitEntry(desc, 1, "fact", JSONBOID, -1, 0);
	TupleDescFinalize(desc);
	rows = calib_empty_rows(desc, InvalidOid);
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token != WJB_ELEM)
			continue;
		ExecClearTuple(slot);
		slot->tts_values[0] = JsonbPGetDatum(JsonbValueToJsonb(&value));
		slot->tts_isnull[0] = false;
		ExecStoreVirtualTuple(slot);
		tuplestore_puttupleslot(rows->store, slot);
		rows->count++;
	}
	ExecDropSingleTupleTableSlot(slot);
	return rows;
}

PG_FUNCTION_INFO_V1(calib_feed_facts);
Datum
calib_feed_facts(PG_FUNCTION_ARGS)
{
	Jsonb *facts = PG_GETARG_JSONB_P(2);
	Feed *feed =
	    calib_feed_of_facts(text_to_cstring(PG_GETARG_TEXT_PP(0)),
	                        text_to_cstring(PG_GETARG_TEXT_PP(1)), facts);
	Rows *rows = facts_as_rows(facts);
	Taken taken = {0};
	int64 count[2];

	if (rows->count > 0)
		calib_apply_rows(feed, NULL, rows, FEED_UPSERT, &taken);
	tuplestore_end(rows->store);
	count[0] = taken.taken;
	count[1] = taken.failed;
	return counts(fcinfo, count, 2);
}
