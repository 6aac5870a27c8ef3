/*
 * behavior_encode.c
 *		Writes what was put together as a calib.behavior.
 */
#include "behavior_set.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static void
grow_bytes(BehaviorWriter *writer, size_t room)
{
	size_t used = (size_t) (writer->at - writer->begin);
	size_t size = (size_t) (writer->end - writer->begin);
	size_t wanted = Max(2 * size, size + room);

	if (used + room > (size_t) MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("a behavior is too large"),
		         errdetail("As bytes it is limited to 1 GB."),
		         errhint("Summarize fewer units or less time at once, or SET "
		                 "max_parallel_workers_per_gather = 0: a partial "
		                 "result keeps every act.")));
	wanted = Min(wanted, (size_t) MaxAllocSize - VARHDRSZ);
	/* the length word stands before the bytes */
	writer->begin =
	    (uint8 *) repalloc(writer->begin - VARHDRSZ, wanted + VARHDRSZ) +
	    VARHDRSZ;
	writer->at = writer->begin + used;
	writer->end = writer->begin + wanted;
}

static void
begin_bytes(BehaviorWriter *writer, size_t room)
{
	memset(writer, 0, sizeof(*writer));
	room = Min(room, (size_t) 1 << 20);
	writer->begin = (uint8 *) palloc(room + VARHDRSZ) + VARHDRSZ;
	writer->at = writer->begin;
	writer->end = writer->begin + room;
	writer->grow = grow_bytes;
}

static bytea *
end_bytes(BehaviorWriter *writer)
{
	bytea *result;

	behavior_write_end(writer);
	result = (bytea *) (writer->begin - VARHDRSZ);
	SET_VARSIZE(result, writer->at - writer->begin + VARHDRSZ);
	return result;
}

static void
write_head(BehaviorWriter *writer, const BehaviorSet *set,
           BehaviorHeader *header, const int32 *day)
{
	uint32 i;

	header->zone = set->zone;
	header->zone_length = (uint32) strlen(set->zone);
	header->kinds = (uint32) set->kinds;
	header->first = set->first;
	header->last = set->last;
	behavior_write_header(writer, header);
	for (i = 0; i < header->kinds; i++)
	{
		const BehaviorSlot *slot = &set->slots[i];
		BehaviorKind kind = {
		    slot->name, slot->name_length,   slot->events,  slot->distinct,
		    slot->late, slot->late_distinct, slot->quantity};

		behavior_write_kind(writer, &kind);
	}
	behavior_write_days(writer, day, header->days);
}

static void
write_acts(BehaviorWriter *writer, const BehaviorSet *set,
           const BehaviorDays *days, int64 from, int64 to)
{
	bool begins = true;
	int64 i = from;

	while (i < to)
	{
		int64 begin = i;
		BehaviorAct act;
		int32 day;
		bool more;

		CHECK_FOR_INTERRUPTS();
		behavior_next_entry(set, &i, &act, &day);
		act.day = behavior_find_day(days, day);
		more = i < to && behavior_same(&set->entry[begin], &set->entry[i],
		                               ENTRY_CUSTOMER_BITS);
		if (begins)
			behavior_begin_customer(writer, &act);
		behavior_write_act(writer, &act, more);
		begins = !more;
	}
}

/* Where the acts without a customer are: sorted, they are one run. */
static void
find_no_customer(const BehaviorSet *set, int64 *begin, int64 *end)
{
	const BehaviorEntry first = {(uint64) PG_INT64_MIN, ENTRY_NO_CUSTOMER};
	int64 low = 0;
	int64 high = set->entries;

	while (low < high)
	{
		int64 middle = (low + high) / 2;
		const BehaviorEntry *entry = &set->entry[middle];

		if (entry->high < first.high ||
		    (entry->high == first.high && entry->low < first.low))
			low = middle + 1;
		else
			high = middle;
	}
	*begin = low;
	for (*end = low;
	     *end < set->entries &&
	     behavior_same(&first, &set->entry[*end], ENTRY_CUSTOMER_BITS);)
		(*end)++;
}

static bytea *
encode_acts(BehaviorSet *set, const BehaviorTally *tally, bool partial)
{
	BehaviorHeader header = {0};
	BehaviorWriter writer;
	BehaviorDays days;
	int64 begin;
	int64 end;

	begin_bytes(&writer, 512 + 6 * (size_t) set->entries);
	header.detailed = true;
	header.partial = partial;
	if (tally->acts == 0)
	{
		set->kinds = 0;
		write_head(&writer, set, &header, NULL);
		return end_bytes(&writer);
	}
	behavior_collect_days(set, tally, &days);
	header.days = (uint32) days.count;
	header.customers = tally->customers;
	header.no_customer_events = tally->no_customer_events;
	header.no_customer_distinct = tally->no_customer_distinct;
	header.event_squares = tally->event_squares;
	header.distinct_squares = tally->distinct_squares;
	write_head(&writer, set, &header, days.day);

	find_no_customer(set, &begin, &end);
	write_acts(&writer, set, &days, begin, end);
	write_acts(&writer, set, &days, 0, begin);
	write_acts(&writer, set, &days, end, set->entries);
	behavior_forget_days(&days);
	return end_bytes(&writer);
}

static bytea *
encode_sums(BehaviorSet *set)
{
	BehaviorHeader header = {0};
	BehaviorWriter writer;
	int64 i;

	behavior_set_check_totals(set);
	behavior_set_compact_customers(set);
	set->days = behavior_unique_days(set->day, set->days);
	for (i = 0; i < set->customers; i++)
	{
		header.event_squares += behavior_square(set->customer[i].events);
		header.distinct_squares += behavior_square(set->customer[i].distinct);
	}
	begin_bytes(&writer, 1024 + 6 * (size_t) set->customers);
	header.days = (uint32) set->days;
	header.customers = (uint64) set->customers;
	header.no_customer_events = set->no_customer_events;
	header.no_customer_distinct = set->no_customer_distinct;
	write_head(&writer, set, &header, set->day);
	for (i = 0; i < set->customers; i++)
	{
		CHECK_FOR_INTERRUPTS();
		behavior_write_customer(&writer, &set->customer[i]);
	}
	return end_bytes(&writer);
}

/*
 * The bytes of what was put in.  partial: of a state that goes on elsewhere,
 * which keeps its acts.  The set can be added to afterwards, as a window
 * function does.
 */
bytea *
behavior_set_encode(BehaviorSet *set, bool partial)
{
	BehaviorTally tally;

	behavior_set_order_kinds(set);
	if (set->folded)
		return encode_sums(set);
	behavior_set_compact(set);
	behavior_tally(set, &tally);
	if ((partial && set->keep_acts) || tally.acts <= BEHAVIOR_DETAIL_MAX)
		return encode_acts(set, &tally, partial);
	return encode_sums(behavior_folded(set, &tally));
}
