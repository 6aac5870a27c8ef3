/*
 * feed_apply.c
 *		A feed over a batch of rows: both phases, and the search for those
 *		that fail.
 *
 * A batch is one subtransaction.  Where a row of it fails with a data error
 * the batch is halved until the row stands alone, which then goes to
 * feed_error; everything else is taken.  A strict feed has no subtransaction:
 * the error is the writing statement's.
 */
#include "feed.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

typedef struct Work
{
	const Feed *feed;
	const Rows *old;
	const Rows *new;
	FeedHow how;
	Taken taken;
	Rows *keys; /* of old or new, for the search */
} Work;

static void
take_batch(void *arg)
{
	Work *work = arg;
	Rows *facts;

	if (work->new == NULL)
	{
		Rows *keys = calib_map_keys(work->feed, work->old);

		work->taken.taken += calib_remove_keys(work->feed, keys);
		tuplestore_end(keys->store);
		return;
	}
	facts = calib_map_rows(work->feed, work->new);
	if (work->old != NULL)
	{
		Rows *keys = calib_map_keys(work->feed, work->old);

		calib_remove_gone(work->feed, keys, facts);
		tuplestore_end(keys->store);
	}
	calib_take_facts(work->feed, facts, work->how, &work->taken);
	tuplestore_end(facts->store);
}

static void
add_taken(Taken *to, const Taken *taken)
{
	to->taken += taken->taken;
	to->failed += taken->failed;
}

/* Batches that fail ----------------------------------------------------------
 */

static void
append_rows(Rows *to, const Rows *from)
{
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(from->desc, &TTSOpsMinimalTuple);

	tuplestore_rescan(from->store);
	while (tuplestore_gettupleslot(from->store, true, false, slot))
	{
		tuplestore_puttupleslot(to->store, slot);
		to->count++;
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* work->keys is in the transaction's hands, unlike what is mapped here. */
static void
map_keys(void *arg)
{
	Work *work = arg;
	Rows *keys = calib_map_keys(work->feed, work->old);

	append_rows(work->keys, keys);
	tuplestore_end(keys->store);
}

/* The keys of rows; those that have none that can be computed have no fact. */
static void
collect_keys(const Feed *feed, const Rows *rows, Rows *keys)
{
	Work work = {.feed = feed, .old = rows, .keys = keys};
	Rows *first;
	Rows *second;

	check_stack_depth();
	if (rows->count == 0 || calib_attempt(map_keys, &work) == NULL ||
	    rows->count == 1)
		return;
	calib_split_rows(rows, &first, &second);
	collect_keys(feed, first, keys);
	collect_keys(feed, second, keys);
	tuplestore_end(first->store);
	tuplestore_end(second->store);
}

static Rows *
keys_of(const Feed *feed, const Rows *rows)
{
	TupleDesc desc = CreateTemplateTupleDesc(1);
	Rows *keys;

	TupleDescInitEntry(desc, 1, feed->destination->column[0].name, TEXTOID, -1,
	                   0);
	TupleDescFinalize(desc);
	keys = calib_empty_rows(desc, InvalidOid);
	collect_keys(feed, rows, keys);
	return keys;
}

static void
remove_separately(void *arg)
{
	Work *work = arg;

	calib_remove_keys(work->feed, work->keys);
}

static Rows *
named_key(Rows *keys)
{
	TupleDesc desc = CreateTemplateTupleDesc(1);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescFinalize(desc);
	keys->desc = desc;
	return keys;
}

static void
remove_gone_separately(void *arg)
{
	Work *work = arg;

	calib_remove_gone(work->feed, work->old, work->new);
}

/* Before the new rows are searched: what the old ones had goes, or waits. */
static void
remove_first(const Feed *feed, const Rows *old, const Rows *new)
{
	Work work = {.feed = feed};
	ErrorData *error;

	work.keys = named_key(keys_of(feed, old));
	work.old = work.keys;
	if (new != NULL)
		work.new = keys_of(feed, new);
	error = calib_attempt(
	    new == NULL ? remove_separately : remove_gone_separately, &work);
	if (error != NULL)
		calib_note_keys(feed, work.keys, error);
	tuplestore_end(work.keys->store);
	if (new != NULL)
		tuplestore_end(work.new->store);
}

static void
search(const Feed *feed, const Rows *rows, FeedHow how, ErrorData *error,
       Taken *taken)
{
	Rows *half[2];
	int i;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (rows->count == 1)
	{
		calib_note_problem(feed, rows, error);
		taken->failed++;
		return;
	}
	calib_split_rows(rows, &half[0], &half[1]);
	for (i = 0; i < 2; i++)
	{
		Work work = {.feed = feed, .new = half[i], .how = how};

		error = calib_attempt(take_batch, &work);
		if (error == NULL)
			add_taken(taken, &work.taken);
		else
		{
			search(feed, half[i], how, error, taken);
			FreeErrorData(error);
		}
		tuplestore_end(half[i]->store);
	}
}

/* No row is mapped with the rights of an owner who has not agreed. */
static void
refuse_rows(const Feed *feed, const Rows *rows, Taken *taken)
{
	ErrorData *error = calib_not_the_owner(feed);
	Rows *half[2];

	if (feed->strict)
		ThrowErrorData(error);
	if (rows == NULL || rows->count == 0)
		return;
	if (rows->count == 1)
	{
		calib_note_problem(feed, rows, error);
		taken->failed++;
		return;
	}
	calib_split_rows(rows, &half[0], &half[1]);
	refuse_rows(feed, half[0], taken);
	refuse_rows(feed, half[1], taken);
	tuplestore_end(half[0]->store);
	tuplestore_end(half[1]->store);
}

/* Old rows the filter leaves out --------------------------------------------
 */

static void
map_doubtful(void *arg)
{
	Work *work = arg;
	Rows *keys = calib_map_doubtful(work->feed, work->old);

	append_rows(work->keys, keys);
	tuplestore_end(keys->store);
}

static void
remove_doubtful(void *arg)
{
	Work *work = arg;

	work->taken.taken += calib_remove_doubtful(work->feed, work->keys);
}

/*
 * What the filter looks up elsewhere may have changed since it let an old row
 * through: the row's fact goes all the same.  A key that cannot be computed,
 * which a filter may be there to keep out, has no fact.  Units, customers and
 * opportunities do not say which feed brought them: theirs wait for the next
 * comparison of keys.
 */
static void
remove_left_out(const Feed *feed, const Rows *old, Taken *taken)
{
	Work work = {.feed = feed, .old = old};
	TupleDesc desc = CreateTemplateTupleDesc(1);
	ErrorData *error;

	if (feed->filter == NULL || feed->destination->is_master)
		return;
	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescFinalize(desc);
	work.keys = calib_empty_rows(desc, InvalidOid);
	if (calib_attempt(map_doubtful, &work) == NULL && work.keys->count > 0)
	{
		error = NULL;
		if (feed->strict)
			remove_doubtful(&work);
		else
			error = calib_attempt(remove_doubtful, &work);
		if (error == NULL)
			add_taken(taken, &work.taken);
		else
			calib_note_keys(feed, work.keys, error);
	}
	tuplestore_end(work.keys->store);
}

/*
 * What kept the batch from being taken; NULL: it was.  A key that somebody has
 * entered since the batch was read is there now, and its fact is changed.
 */
static ErrorData *
try_batch(Work *work, Taken *taken)
{
	ErrorData *error;
	int tries;

	for (tries = 0; tries < 4; tries++)
	{
		memset(&work->taken, 0, sizeof(Taken));
		error = calib_attempt(take_batch, work);
		if (error == NULL || error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
			break;
		if (work->how == FEED_NEW)
			work->how = FEED_UPSERT;
	}
	if (error == NULL)
		add_taken(taken, &work->taken);
	return error;
}

/* A strict feed's error is the writing statement's; a key that was entered
 * meanwhile is none. */
static void
take_strictly(Work *work, Taken *taken)
{
	ErrorData *error;

	if (strcmp(work->feed->destination->name, "activity") != 0)
	{
		take_batch(work);
		add_taken(taken, &work->taken);
		return;
	}
	error = try_batch(work, taken);
	if (error != NULL)
		ReThrowError(error);
}

/* old, new: rows of the source before and after; NULL: there are none. */
void
calib_apply_rows(const Feed *feed, const Rows *old, const Rows *new,
                 FeedHow how, Taken *taken)
{
	Work work = {.feed = feed, .old = old, .new = new, .how = how};
	ErrorData *error;

	if (!calib_is_owners(feed))
	{
		refuse_rows(feed, new, taken);
		return;
	}
	if (old != NULL)
		remove_left_out(feed, old, taken);
	if (feed->strict)
	{
		take_strictly(&work, taken);
		return;
	}
	error = try_batch(&work, taken);
	if (error != NULL && work.how == FEED_NEW)
	{
		work.how = FEED_UPSERT;
		error = try_batch(&work, taken);
	}
	if (error != NULL && old != NULL)
	{
		remove_first(feed, old, new);
		work.old = NULL;
		error = new == NULL ? NULL : try_batch(&work, taken);
	}
	if (error != NULL)
		search(feed, new, work.how, error, taken);
}
