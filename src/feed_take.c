/*
 * feed_take.c
 *		Phase 2: facts into calib's tables.
 *
 * Runs as calib, over calib's tables and the facts alone, under the latest
 * snapshot: what another feed has committed since the transaction began is
 * there to refer to.
 *
 * Nothing here waits for another feed.  What a batch would enter that is not
 * there yet, its customers or its own keys, is entered under try-locks; what
 * somebody else is entering goes to feed_error and is taken at the next pull.
 * So a batch is tried first as if all were there, which for facts it nearly
 * always is, and is held back whole where it is not.
 */
#include "feed.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* A plan for a few facts is kept, one for many made for their number. */
#define FEW_FACTS 100

/* parameters of calib_take_text */
enum
{
	SOURCE,
	CLOCK,
	LAST_TRY,
	LOST_CUSTOMERS,
	LOST_OPPORTUNITIES,
	LOST_KEYS,
	MAKE_STUBS,
	TAKE_PARAMETERS
};

typedef struct Batch
{
	const Feed *feed;
	const Rows *facts;
	FeedHow how;
	Datum values[TAKE_PARAMETERS];
} Batch;

typedef struct TakeKey
{
	const Destination *destination;
	int16 mapped;
	int16 shape;
	int32 how;
} TakeKey;

typedef struct TakeText
{
	TakeKey key;
	char *text;
} TakeText;

/* The statement depends on nothing but its key. */
static const char *
take_text(const Feed *feed, FeedHow how, TakeShape shape)
{
	static HTAB *texts = NULL;
	TakeKey key = {feed->destination, feed->mapped, shape, how};
	TakeText *found;
	char *text;

	if (texts == NULL)
	{
		HASHCTL control = {.keysize = sizeof(TakeKey),
		                   .entrysize = sizeof(TakeText)};

		texts = hash_create("calib statements of feeds", 32, &control,
		                    HASH_ELEM | HASH_BLOBS);
	}
	found = hash_search(texts, &key, HASH_FIND, NULL);
	if (found != NULL)
		return found->text;
	text = MemoryContextStrdup(
	    TopMemoryContext,
	    calib_take_text(feed->destination, key.mapped, how, shape));
	found = hash_search(texts, &key, HASH_ENTER, NULL);
	found->text = text;
	return text;
}

static void
run(const Batch *batch, const char *text, int count, Oid *types, Datum *values)
{
	SPIPlanPtr plan = batch->facts->count <= FEW_FACTS
	                      ? calib_kept_plan(text, count, types)
	                      : calib_plan(text, count, types);

	SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(),
	                     InvalidSnapshot, false, true, 0);
}

static Datum
answer(int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column,
	                     isnull);
}

/* Whether a trigger of PostgreSQL's own has nothing to do for a batch that
 * locks itself: it checks a foreign key of calib's, or one to this table. */
static bool
is_own_key(const Trigger *trigger)
{
	switch (RI_FKey_trigger_type(trigger->tgfoid))
	{
		case RI_TRIGGER_FK:
			return get_rel_namespace(trigger->tgconstrrelid) ==
			       get_namespace_oid("calib", false);
		case RI_TRIGGER_PK:
			return true;
		default:
			return false;
	}
}

/*
 * Whether the destination has no trigger that sleeps, or wakes, in replica
 * mode but those of its foreign keys.
 */
static bool
has_own_triggers_only(const Destination *destination)
{
	Relation table =
	    table_open(calib_member_relation(destination->name), AccessShareLock);
	TriggerDesc *triggers = table->trigdesc;
	bool own = true;
	int i;

	for (i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgenabled == TRIGGER_FIRES_ALWAYS ||
		    trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		if (!trigger->tgisinternal || !is_own_key(trigger))
			own = false;
	}
	table_close(table, AccessShareLock);
	return own;
}

static void
run_shape(Batch *batch, FeedHow how, TakeShape shape)
{
	Oid types[TAKE_PARAMETERS] = {TEXTOID,      TIMESTAMPTZOID, BOOLOID,
	                              TEXTARRAYOID, TEXTARRAYOID,   TEXTARRAYOID,
	                              BOOLOID};

	run(batch, take_text(batch->feed, how, shape), TAKE_PARAMETERS, types,
	    batch->values);
}

/* With the foreign keys' checks asleep; they are in replica mode anyway. */
static bool
run_locked(Batch *batch, FeedHow how)
{
	int settings = NewGUCNestLevel();
	bool isnull;

	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		(void) set_config_option("session_replication_role", "replica",
		                         PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
		                         true, 0, false);
	run_shape(batch, how, TAKE_LOCKED);
	AtEOXact_GUC(false, settings);
	return DatumGetBool(answer(6, &isnull));
}

/*
 * Foreign keys are checked under the transaction's snapshot, which under
 * REPEATABLE READ may be older than what the batch refers to; in replica mode
 * not at all; and for each row of a large batch.  Then the batch locks what it
 * refers to itself.
 */
static bool
locks_itself(const Batch *batch)
{
	const Destination *destination = batch->feed->destination;

	if (!calib_takes_locked(destination))
		return false;
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		return true;
	return (IsolationUsesXactSnapshot() || batch->facts->count > FEW_FACTS) &&
	       has_own_triggers_only(destination);
}

/*
 * To begin the statement costs more than to take a few facts, and half of that
 * is for errors there mostly are none of.
 */
static void
run_plain(Batch *batch, FeedHow how)
{
	bool isnull;

	if (how != FEED_ENTER && batch->facts->count <= FEW_FACTS)
	{
		run_shape(batch, how, TAKE_LEAN);
		if (!DatumGetBool(answer(7, &isnull)))
			return;
	}
	run_shape(batch, how, TAKE_ALL);
}

static void
run_take(Batch *batch, FeedHow how)
{
	int tries;

	if (!locks_itself(batch))
	{
		run_plain(batch, how);
		return;
	}
	for (tries = 0; tries < 3; tries++)
		if (run_locked(batch, how))
			return;
	ereport(ERROR,
	        (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
	         errmsg("what facts of feed \"%s\" refer to is being deleted",
	                batch->feed->name)));
}

/* Entering what is not known -------------------------------------------------
 */

/* How many locks this transaction has wanted. */
static int64 *
locks_wanted(void)
{
	static TransactionId transaction = InvalidTransactionId;
	static int64 wanted = 0;

	if (transaction != GetTopTransactionId())
		wanted = 0;
	transaction = GetTopTransactionId();
	return &wanted;
}

static Datum
lock_unknown(Batch *batch, int column)
{
	int64 *wanted = locks_wanted();
	Oid types[2] = {TEXTOID, INT8OID};
	Datum values[2] = {batch->values[SOURCE], Int64GetDatum(*wanted)};
	bool isnull;

	run(batch, calib_lock_text(batch->feed->destination, column), 2, types,
	    values);
	*wanted += DatumGetInt64(answer(2, &isnull));
	return answer(1, &isnull);
}

static void
enter_unknown(Batch *batch, int column, Datum lost)
{
	Oid types[3] = {TEXTOID, TIMESTAMPTZOID, TEXTARRAYOID};
	Datum values[3] = {batch->values[SOURCE], batch->values[CLOCK], lost};

	run(batch, calib_stub_text(batch->feed->destination, column), 3, types,
	    values);
}

/*
 * Ids may be given by hand, which leaves the sequence behind them: what is
 * entered here must not fail for it.
 */
static void
pass_given_ids(const char *table)
{
	char *text = psprintf(
	    "SELECT pg_catalog.setval('calib.%s_%s_id_seq', t.last)"
	    " FROM (SELECT pg_catalog.max(r.%s_id) AS last FROM calib.%s r) t,"
	    " calib.%s_%s_id_seq s WHERE t.last OPERATOR(pg_catalog.>)"
	    " s.last_value OR NOT s.is_called"
	    " AND t.last OPERATOR(pg_catalog.=) s.last_value",
	    table, table, table, table, table, table);

	SPI_execute_plan(calib_kept_plan(text, 0, NULL), NULL, NULL, false, 0);
}

static void
enter_references(Batch *batch)
{
	const Destination *destination = batch->feed->destination;
	int count = calib_canonical_count(destination);
	int i;

	for (i = 1; i < count; i++)
	{
		int flags = destination->column[i].flags;
		int lost = flags & CUSTOMER_REF ? LOST_CUSTOMERS : LOST_OPPORTUNITIES;

		if (!(flags & (CUSTOMER_REF | OPPORTUNITY_REF)) ||
		    calib_stub_text(destination, i) == NULL)
			continue;
		pass_given_ids(flags & CUSTOMER_REF ? "customer" : "opportunity");
		batch->values[lost] = lock_unknown(batch, i);
		enter_unknown(batch, i, batch->values[lost]);
	}
}

/*
 * A unit that is entered or moved takes a lock others wait for
 * (calib.keep_unit_history); a feed does not, and moves under READ COMMITTED
 * only.  Those above are entered first, level by level.
 */
static void
enter_units(Batch *batch)
{
	bool isnull;

	SPI_execute("SELECT pg_catalog.pg_try_advisory_xact_lock("
	            "'calib.unit_history'::pg_catalog.regclass::pg_catalog.oid"
	            "::pg_catalog.int8)",
	            false, 1);
	if (IsolationUsesXactSnapshot() || !DatumGetBool(answer(1, &isnull)))
	{
		run(batch,
		    "SELECT COALESCE(pg_catalog.array_agg(f.external_ref), '{}')"
		    " FROM calib_fact f",
		    0, NULL, NULL);
		batch->values[LOST_KEYS] = answer(1, &isnull);
		return;
	}
	do
	{
		CHECK_FOR_INTERRUPTS();
		run_take(batch, FEED_ENTER);
	} while (SPI_processed > 0);
}

static void
enter_first(Batch *batch)
{
	const Destination *destination = batch->feed->destination;

	if (batch->feed->stub)
		enter_references(batch);
	if (!destination->is_master || strcmp(destination->name, "target") == 0)
		return;
	pass_given_ids(destination->name);
	if (strcmp(destination->name, "unit") == 0)
		enter_units(batch);
	else
		batch->values[LOST_KEYS] = lock_unknown(batch, 0);
}

/* The batch ------------------------------------------------------------------
 */

static void
fail_strictly(const Feed *feed)
{
	char *problem =
	    SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4);
	char *key = strchr(problem, 31);

	*key++ = '\0';
	ereport(ERROR,
	        (errcode(MAKE_SQLSTATE(problem[0], problem[1], problem[2],
	                               problem[3], problem[4])),
	         errmsg("feed \"%s\" cannot take %s \"%s\": %s", feed->name,
	                feed->destination->name, key, problem + 5),
	         errdetail("The feed is strict."),
	         errhint("Correct the row, or enter what it refers to first.")));
}

static void
settle_stages(void)
{
	Oid types[1] = {INT8ARRAYOID};
	Datum values[1];
	bool isnull;

	values[0] = answer(5, &isnull);
	if (!isnull)
		SPI_execute_with_args("SELECT calib.settle_stage_history($1)", 1,
		                      types, values, NULL, false, 0);
}

static void
take(Batch *batch, Taken *taken)
{
	bool isnull;

	run_take(batch, batch->how);
	if (DatumGetBool(answer(3, &isnull)) && !isnull)
	{
		enter_first(batch);
		batch->values[LAST_TRY] = BoolGetDatum(true);
		run_take(batch, batch->how);
	}
	if (batch->feed->strict && DatumGetInt64(answer(2, &isnull)) > 0)
		fail_strictly(batch->feed);
	taken->taken += DatumGetInt64(answer(1, &isnull));
	taken->failed += DatumGetInt64(answer(2, &isnull));
	if (strcmp(batch->feed->destination->name, "stage_change") == 0)
		settle_stages();
}

void
calib_take_facts(const Feed *feed, const Rows *facts, FeedHow how,
                 Taken *taken)
{
	Datum none = PointerGetDatum(construct_empty_array(TEXTOID));
	Batch batch = {feed, facts, how, {0}};
	CalibIdentity was;

	if (facts->count == 0)
		return;
	batch.values[SOURCE] = CStringGetTextDatum(feed->name);
	batch.values[CLOCK] = TimestampTzGetDatum(calib_now());
	batch.values[LAST_TRY] = BoolGetDatum(false);
	batch.values[LOST_CUSTOMERS] = none;
	batch.values[LOST_OPPORTUNITIES] = none;
	batch.values[LOST_KEYS] = none;
	batch.values[MAKE_STUBS] = BoolGetDatum(feed->stub);
	SPI_connect();
	calib_become_calib(&was);
	calib_register_rows("calib_fact", facts);
	take(&batch, taken);
	calib_become_self(&was);
	SPI_finish();
}
