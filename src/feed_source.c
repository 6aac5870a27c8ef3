/*
 * feed_source.c
 *		Which feeds a table has, as their triggers need them.
 *
 * A feed of a table takes what is written to its partitions and children too,
 * so the feeds of a table are its own and those of everything it is a part of.
 * They are kept for the statements after this one in a cache of the backend,
 * which any change of any table's definition empties, and any change of a feed
 * (calib.forget_feeds).
 *
 * The plans of the statements that run for a single row are kept by their
 * text.
 */
#include "feed.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#define MOST_KEPT_PLANS 1000

typedef struct CachedSource
{
	Oid relid; /* the key */
	List *feeds;
} CachedSource;

typedef struct KeptPlan
{
	uint64 hash; /* the key */
	char *text;
	SPIPlanPtr plan;
} KeptPlan;

static MemoryContext cache_memory = NULL;
static HTAB *cache = NULL;
static bool cache_current = false;
static HTAB *kept_plans = NULL;

/* Kept plans -----------------------------------------------------------------
 */

SPIPlanPtr
calib_plan(const char *text, int count, Oid *types)
{
	SPIPlanPtr plan = SPI_prepare(text, count, types);

	if (plan == NULL)
		elog(ERROR, "could not plan \"%s\": %s", text,
		     SPI_result_code_string(SPI_result));
	return plan;
}

/* Never freed: one may be running while another is asked for. */
SPIPlanPtr
calib_kept_plan(const char *text, int count, Oid *types)
{
	uint64 hash =
	    hash_bytes_extended((const unsigned char *) text, strlen(text), 0);
	KeptPlan *kept;
	SPIPlanPtr plan;
	bool found;

	if (kept_plans == NULL)
	{
		HASHCTL control = {.keysize = sizeof(uint64),
		                   .entrysize = sizeof(KeptPlan)};

		kept_plans = hash_create("calib plans of feeds", 64, &control,
		                         HASH_ELEM | HASH_BLOBS);
	}
	kept = hash_search(kept_plans, &hash, HASH_FIND, NULL);
	if (kept != NULL && strcmp(kept->text, text) == 0)
		return kept->plan;
	plan = calib_plan(text, count, types);
	if (kept != NULL || hash_get_num_entries(kept_plans) >= MOST_KEPT_PLANS)
		return plan;
	if (SPI_keepplan(plan) != 0)
		return plan;
	text = MemoryContextStrdup(TopMemoryContext, text);
	kept = hash_search(kept_plans, &hash, HASH_ENTER, &found);
	kept->text = (char *) text;
	kept->plan = plan;
	return plan;
}

/* A feed ---------------------------------------------------------------------
 */

static char *
expression(Jsonb *mapping, const char *name)
{
	JsonbValue found;

	if (getKeyJsonValueFromContainer(&mapping->root, name, strlen(name),
	                                 &found) == NULL ||
	    found.type != jbvString)
		return NULL;
	return pnstrdup(found.val.string.val, found.val.string.len);
}

/* The line break ends a comment the expression may end with. */
static void
add_column(StringInfo list, const CanonicalColumn *column,
           const char *expression)
{
	if (list->len > 0)
		appendStringInfoString(list, ", ");
	if (expression == NULL)
		appendStringInfoString(list, "NULL");
	else
		appendStringInfo(list, "(%s\n)", expression);
	appendStringInfo(list, "::pg_catalog.%s",
	                 column->type == TIMESTAMPTZOID ? "timestamptz"
	                 : column->type == FLOAT8OID    ? "float8"
	                 : column->type == NUMERICOID   ? "numeric"
	                 : column->type == DATEOID      ? "date"
	                                                : "text");
}

static void
read_mapping(Feed *feed, Jsonb *mapping)
{
	const CanonicalColumn *column = feed->destination->column;
	int count = calib_canonical_count(feed->destination);
	StringInfoData list;
	int i;

	initStringInfo(&list);
	for (i = 0; i < count; i++)
	{
		char *given = expression(mapping, column[i].name);

		add_column(&list, &column[i], given);
		if (given != NULL || (column[i].flags & REQUIRED))
			feed->mapped |= 1 << i;
		if (i == 0)
			feed->key = pstrdup(list.data);
	}
	feed->columns = list.data;
}

#define FEED_COLUMNS                                                          \
	"SELECT f.feed_id, f.feed, f.destination, f.source, f.mapping, f.filter," \
	" f.mode, f.strict, f.stub, f.owner, o.zone FROM calib.feed f"            \
	" CROSS JOIN calib.organisation o "

static Feed *
feed_of_row(HeapTuple row, TupleDesc desc)
{
	Feed *feed = palloc0(sizeof(Feed));
	char *destination = SPI_getvalue(row, desc, 3);
	bool isnull;

	feed->feed_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	feed->name = SPI_getvalue(row, desc, 2);
	feed->destination = calib_destination(destination);
	if (feed->destination == NULL)
		elog(ERROR, "unknown destination \"%s\"", destination);
	feed->source = DatumGetObjectId(SPI_getbinval(row, desc, 4, &isnull));
	feed->filter = SPI_getvalue(row, desc, 6);
	feed->push = strcmp(SPI_getvalue(row, desc, 7), "push") == 0;
	feed->strict = DatumGetBool(SPI_getbinval(row, desc, 8, &isnull));
	feed->stub = DatumGetBool(SPI_getbinval(row, desc, 9, &isnull));
	feed->owner = SPI_getvalue(row, desc, 10);
	feed->zone = SPI_getvalue(row, desc, 11);
	feed->alias = get_rel_name(feed->source);
	read_mapping(feed,
	             DatumGetJsonbPCopy(SPI_getbinval(row, desc, 5, &isnull)));
	return feed;
}

static Feed *
copy_feed(const Feed *from)
{
	Feed *to = palloc(sizeof(Feed));

	*to = *from;
	to->name = pstrdup(from->name);
	to->owner = pstrdup(from->owner);
	to->zone = pstrdup(from->zone);
	to->columns = pstrdup(from->columns);
	to->key = pstrdup(from->key);
	to->filter = from->filter ? pstrdup(from->filter) : NULL;
	to->alias = pstrdup(from->alias);
	return to;
}

static List *
copy_feeds(const List *from)
{
	List *to = NIL;
	ListCell *cell;

	foreach (cell, from)
		to = lappend(to, copy_feed(lfirst(cell)));
	return to;
}

/* Under the latest snapshot: as old as the transaction's may be, the trigger
 * that fired is newer. */
static List *
read_feeds(const char *text, Oid type, Datum value)
{
	MemoryContext memory = CurrentMemoryContext;
	List *feeds = NIL;
	CalibIdentity was;
	SPIPlanPtr plan;

	SPI_connect();
	calib_become_calib(&was);
	plan = calib_plan(text, 1, &type);
	SPI_execute_snapshot(plan, &value, NULL, GetLatestSnapshot(),
	                     InvalidSnapshot, true, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);

		feeds = lappend(
		    feeds, feed_of_row(SPI_tuptable->vals[i], SPI_tuptable->tupdesc));
		MemoryContextSwitchTo(old);
	}
	calib_become_self(&was);
	SPI_finish();
	return feeds;
}

static List *
find_feeds(Oid relid)
{
	List *tables = calib_with_ancestors(relid);
	Datum *oids = palloc(list_length(tables) * sizeof(Datum));
	ListCell *cell;

	foreach (cell, tables)
		oids[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	return read_feeds(
	    FEED_COLUMNS
	    "WHERE f.source OPERATOR(pg_catalog.=) ANY ($1)"
	    " AND f.mode OPERATOR(pg_catalog.=) 'push'"
	    " ORDER BY pg_catalog.array_position(ARRAY['unit', 'customer',"
	    " 'opportunity', 'stage_change', 'activity', 'result', 'receivable',"
	    " 'target'], f.destination), f.feed_id",
	    OIDARRAYOID,
	    PointerGetDatum(construct_array(oids, list_length(tables), OIDOID,
	                                    sizeof(Oid), true, TYPALIGN_INT)));
}

/* The cache ------------------------------------------------------------------
 */

static void
table_changed(Datum arg, Oid relid)
{
	cache_current = false;
}

static void
schema_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	cache_current = false;
}

static void
start_cache(void)
{
	HASHCTL control = {.keysize = sizeof(Oid),
	                   .entrysize = sizeof(CachedSource)};

	if (cache_memory == NULL)
	{
		cache_memory = AllocSetContextCreate(CacheMemoryContext, "calib feeds",
		                                     ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, schema_changed, (Datum) 0);
	}
	MemoryContextReset(cache_memory);
	control.hcxt = cache_memory;
	cache = hash_create("calib feeds", 16, &control,
	                    HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache_current = true;
}

static void
remember(Oid relid, const List *feeds)
{
	MemoryContext old = MemoryContextSwitchTo(cache_memory);
	List *kept = copy_feeds(feeds);
	CachedSource *entry = hash_search(cache, &relid, HASH_ENTER, NULL);

	entry->feeds = kept;
	MemoryContextSwitchTo(old);
}

/*
 * The push feeds of a table, in the order they run, in memory.  What is looked
 * up while something changes is used and not remembered.
 */
List *
calib_feeds_of(Oid relid, MemoryContext memory)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	CachedSource *entry;
	List *feeds;

	if (!cache_current)
		start_cache();
	entry = hash_search(cache, &relid, HASH_FIND, NULL);
	if (entry != NULL)
		feeds = copy_feeds(entry->feeds);
	else
	{
		feeds = find_feeds(relid);
		if (cache_current)
			remember(relid, feeds);
	}
	MemoryContextSwitchTo(old);
	return feeds;
}

PG_FUNCTION_INFO_V1(calib_forget_feeds);
Datum
calib_forget_feeds(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "forget_feeds", "feed");

	CacheInvalidateRelcache(trigger->tg_relation);
	return PointerGetDatum(NULL);
}

Feed *
calib_feed_by_id(int64 feed_id)
{
	List *feeds =
	    read_feeds(FEED_COLUMNS "WHERE f.feed_id OPERATOR(pg_catalog.=) $1",
	               INT8OID, Int64GetDatum(feed_id));

	if (feeds == NIL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("there is no feed %lld", (long long) feed_id),
		                errhint("calib.feed lists those there are.")));
	return linitial(feeds);
}

/* Facts as they are ----------------------------------------------------------
 */

static void
check_names(const Destination *destination, Jsonb *facts, Feed *feed)
{
	int count = calib_canonical_count(destination);
	JsonbIterator *iterator = JsonbIteratorInit(&facts->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int depth = 0;
	int i;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			depth--;
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			depth++;
		if (depth == 1 && token == WJB_ELEM)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("facts are objects")));
		if (depth != 2 || token != WJB_KEY)
			continue;
		for (i = 0; i < count; i++)
			if (strlen(destination->column[i].name) ==
			        (size_t) value.val.string.len &&
			    strncmp(destination->column[i].name, value.val.string.val,
			            value.val.string.len) == 0)
				break;
		if (i == count)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("destination %s has no column \"%.*s\"",
			                       destination->name, value.val.string.len,
			                       value.val.string.val)));
		feed->mapped |= 1 << i;
	}
}

/* A feed over rows that have one column, fact. */
Feed *
calib_feed_of_facts(const char *source, const char *destination, Jsonb *facts)
{
	Feed *feed = palloc0(sizeof(Feed));
	StringInfoData list;
	int count;
	int i;

	feed->destination = calib_destination(destination);
	if (feed->destination == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("unknown destination \"%s\"", destination)));
	if (!JB_ROOT_IS_ARRAY(facts) || JB_ROOT_IS_SCALAR(facts))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("facts are an array of objects")));
	feed->name = pstrdup(source);
	feed->stub = true;
	feed->alias = "given";
	check_names(feed->destination, facts, feed);
	count = calib_canonical_count(feed->destination);
	initStringInfo(&list);
	for (i = 0; i < count; i++)
	{
		const CanonicalColumn *column = &feed->destination->column[i];

		if (column->flags & REQUIRED)
			feed->mapped |= 1 << i;
		add_column(&list, column,
		           psprintf("given.fact OPERATOR(pg_catalog.->>) '%s'",
		                    column->name));
		if (i == 0)
			feed->key = pstrdup(list.data);
	}
	feed->columns = list.data;
	return feed;
}
