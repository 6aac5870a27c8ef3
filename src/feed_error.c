/*
 * feed_error.c
 *		What cannot be taken: told apart, tried alone, and written down.
 *
 * A feed that is not strict never fails the statement that wrote the source
 * because of what was written.  Anything else, a deadlock, a server out of
 * means, a cancel, fails it as ever (DESIGN 16).
 */
#include "feed.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "row_json.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

typedef struct Note
{
	const Feed *feed;
	const Rows *row;
	ErrorData *error;
	bool written;
} Note;

/*
 * A feed does not wait for long: two transactions of a CRM that never meet
 * there may meet here, on a customer both refer to or a fact both change, and
 * wait for each other. What is held longer than this is taken later.
 */
#define PATIENCE_MS 100

/* A setting like any other: whatever code of an owner's sets it, too, and
 * however it ends, the session has its own back. */
static void
be_patient(void)
{
	int most = Max(Min(PATIENCE_MS, DeadlockTimeout / 2), 1);
	char value[12];

	if (LockTimeout > 0 && LockTimeout <= most)
		return;
	pg_ltoa(most, value);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION,
	                         GUC_ACTION_SAVE, true, 0, false);
}

/* A key too long for an index, a text too long for its type: the row's fault,
 * unlike the rest of class 54. */
static bool
passes_through(int sqlstate)
{
	if (sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
	    sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		return false;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case MAKE_SQLSTATE('2', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '4', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):
		case MAKE_SQLSTATE('X', 'X', '0', '0', '0'):
			return true;
		default:
			return false;
	}
}

/*
 * Does work in a subtransaction; the data error that undid it, or NULL.  What
 * it allocates goes with it, for a batch may need as many attempts as it has
 * rows.
 *
 * What passes through leaves no subtransaction behind either: whoever catches
 * it further up ends his own, and would end this one instead.
 */
ErrorData *
calib_attempt(void (*work)(void *), void *arg)
{
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(
	    memory, "calib attempt of a feed", ALLOCSET_DEFAULT_SIZES);
	ResourceOwner resources = CurrentResourceOwner;
	ErrorData *volatile error = NULL;
	int settings;

	BeginInternalSubTransaction(NULL);
	settings = NewGUCNestLevel();
	be_patient();
	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		work(arg);
		AtEOXact_GUC(false, settings);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	MemoryContextDelete(scratch);
	CurrentResourceOwner = resources;
	if (error != NULL && passes_through(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

/* Whether that was possible, where nobody asks why not. */
static bool
succeeds(void (*work)(void *), void *arg)
{
	ErrorData *error = calib_attempt(work, arg);

	if (error == NULL)
		return true;
	FreeErrorData(error);
	return false;
}

/* The mapping runs with rights that were given by whoever owned the source
 * when it was attached: a later owner has not agreed. */
bool
calib_is_owners(const Feed *feed)
{
	return feed->owner == NULL ||
	       strcmp(feed->owner,
	              GetUserNameFromId(calib_owner_of(feed->source), false)) == 0;
}

ErrorData *
calib_not_the_owner(const Feed *feed)
{
	ErrorData *error = palloc0(sizeof(ErrorData));

	error->elevel = ERROR;
	error->sqlerrcode = ERRCODE_INSUFFICIENT_PRIVILEGE;
	error->message = psprintf("the source of feed \"%s\" has another owner "
	                          "than when it was attached",
	                          feed->name);
	error->detail =
	    psprintf("It was attached as %s's and is %s's.", feed->owner,
	             GetUserNameFromId(calib_owner_of(feed->source), false));
	error->hint = pstrdup("Detach the feed and attach it again.");
	return error;
}

/* Writing it down ------------------------------------------------------------
 */

static void
set_text(Datum *value, char *isnull, const char *text)
{
	*isnull = text == NULL ? 'n' : ' ';
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
set_error(Datum *values, char *nulls, const ErrorData *error)
{
	set_text(&values[0], &nulls[0], error->message);
	set_text(&values[1], &nulls[1], error->detail);
	set_text(&values[2], &nulls[2], error->hint);
	set_text(&values[3], &nulls[3], unpack_sql_state(error->sqlerrcode));
}

/* The mapping gives a fact, which its table refused. */
static void
note_fact(void *arg)
{
	Note *note = arg;
	const Feed *feed = note->feed;
	Rows *facts = calib_map_rows(feed, note->row);
	Oid types[5] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum values[5];
	char nulls[5] = {' '};
	CalibIdentity was;

	values[0] = CStringGetTextDatum(feed->name);
	set_error(&values[1], &nulls[1], note->error);
	SPI_connect();
	calib_become_calib(&was);
	calib_register_rows("calib_fact", facts);
	SPI_execute_snapshot(
	    calib_plan(calib_note_text(feed->destination), 5, types), values,
	    nulls, GetLatestSnapshot(), InvalidSnapshot, false, true, 0);
	note->written = SPI_processed > 0;
	calib_become_self(&was);
	SPI_finish();
	tuplestore_end(facts->store);
}

static char *
only_text(const Rows *rows)
{
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(rows->desc, &TTSOpsMinimalTuple);
	char *found = NULL;
	bool isnull = true;
	Datum value = 0;

	tuplestore_rescan(rows->store);
	if (tuplestore_gettupleslot(rows->store, true, false, slot))
		value = slot_getattr(slot, 1, &isnull);
	if (!isnull)
		found = TextDatumGetCString(value);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

static void
append_error(const Feed *feed, const ErrorData *error, const char *key,
             Jsonb *fact, Jsonb *source_row)
{
	Oid types[9] = {TEXTOID, TEXTOID, TEXTOID,  TEXTOID, TEXTOID,
	                TEXTOID, TEXTOID, JSONBOID, JSONBOID};
	Datum values[9];
	char nulls[9];
	CalibIdentity was;

	set_error(&values[0], &nulls[0], error);
	set_text(&values[4], &nulls[4], feed->name);
	set_text(&values[5], &nulls[5], feed->destination->name);
	set_text(&values[6], &nulls[6], key);
	values[7] = JsonbPGetDatum(fact);
	nulls[7] = fact == NULL ? 'n' : ' ';
	values[8] = JsonbPGetDatum(source_row);
	nulls[8] = source_row == NULL ? 'n' : ' ';
	SPI_connect();
	calib_become_calib(&was);
	SPI_execute_with_args(
	    "WITH old AS (DELETE FROM calib.feed_error o WHERE o.ctid"
	    " OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT e.ctid"
	    " FROM calib.feed_error e WHERE e.source OPERATOR(pg_catalog.=) $5"
	    " AND e.destination OPERATOR(pg_catalog.=) $6"
	    " AND e.external_id OPERATOR(pg_catalog.=) $7"
	    " FOR UPDATE OF e SKIP LOCKED)) RETURNING o.first_at, o.tries)"
	    " INSERT INTO calib.feed_error (problem, detail, hint, sqlstate,"
	    " source, destination, external_id, fact, source_row, first_at,"
	    " last_at, tries)"
	    " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9,"
	    " COALESCE(pg_catalog.min(o.first_at), n.moment), n.moment,"
	    " COALESCE(pg_catalog.max(o.tries), 0) OPERATOR(pg_catalog.+) 1"
	    " FROM (SELECT pg_catalog.clock_timestamp() AS moment) n"
	    " LEFT JOIN old o ON true GROUP BY n.moment",
	    9, types, values, nulls, false, 0);
	calib_become_self(&was);
	SPI_finish();
}

/* The row itself, written out with nobody's code. */
static Jsonb *
row_as_jsonb(const Note *note)
{
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(note->row->desc, &TTSOpsMinimalTuple);
	Jsonb *row;
	bool isnull;

	tuplestore_rescan(note->row->store);
	if (!tuplestore_gettupleslot(note->row->store, true, false, slot))
		elog(ERROR, "the row that failed is gone");
	if (note->feed->owner == NULL)
		row = DatumGetJsonbPCopy(slot_getattr(slot, 1, &isnull));
	else
		row = calib_row_to_jsonb(ExecFetchSlotHeapTuple(slot, true, NULL),
		                         note->row->desc);
	ExecDropSingleTupleTableSlot(slot);
	return row;
}

/* What was given as a fact is kept as it was given. */
static Jsonb *
given_fact(const Note *note)
{
	return note->feed->owner == NULL ? row_as_jsonb(note) : NULL;
}

/* Only the key can be computed. */
static void
note_key(void *arg)
{
	Note *note = arg;
	char *key = only_text(calib_map_keys(note->feed, note->row));

	if (key == NULL)
		return;
	append_error(note->feed, note->error, key, given_fact(note), NULL);
	note->written = true;
}

/* Not even that. */
static void
note_row(void *arg)
{
	Note *note = arg;

	append_error(note->feed, note->error, NULL, given_fact(note),
	             note->feed->owner == NULL ? NULL : row_as_jsonb(note));
	note->written = true;
}

/* What PostgreSQL itself says seldom names a way out. */
static char *
way_out(const ErrorData *error)
{
	return pstrdup(error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE
	                   ? "It is taken at the next pull."
	                   : "Correct the row in the source, or the mapping.");
}

/* row: one of the source that fails with error. */
void
calib_note_problem(const Feed *feed, const Rows *row, ErrorData *error)
{
	Note note = {feed, row, error, false};

	if (error->hint == NULL)
		error->hint = way_out(error);
	if (calib_is_owners(feed))
		note.written = succeeds(note_fact, &note) && note.written;
	if (calib_is_owners(feed) && !note.written)
		note.written = succeeds(note_key, &note) && note.written;
	/* A row may be more than JSON can hold. */
	if (!note.written && !succeeds(note_row, &note))
		append_error(feed, error, NULL, NULL, NULL);
}

/* What is gone from the source and could not be taken back: the next pull
 * tries it again. */
void
calib_note_keys(const Feed *feed, const Rows *keys, const ErrorData *error)
{
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(keys->desc, &TTSOpsMinimalTuple);
	bool isnull;

	tuplestore_rescan(keys->store);
	while (tuplestore_gettupleslot(keys->store, true, false, slot))
	{
		Datum key = slot_getattr(slot, 1, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull)
			append_error(feed, error, TextDatumGetCString(key), NULL, NULL);
	}
	ExecDropSingleTupleTableSlot(slot);
}
