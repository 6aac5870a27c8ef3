/*
 * behavior_part.c
 *		Puts one calib.behavior into another in the making.
 */
#include "behavior_set.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#define FEW 32

typedef struct Part
{
	BehaviorReader reader;
	BehaviorKind *kind;
	int *kind_in_set;
	int32 *day;
	BehaviorKind few_kinds[FEW];
	int few_numbers[FEW];
	int32 few_days[FEW];
} Part;

static void
part_corrupt(const Part *part)
{
	behavior_corrupt(ERRCODE_DATA_CORRUPTED, &part->reader,
	                 part->reader.problem);
}

/* Header, kinds and days of a part; leaves the reader at what follows. */
static void
open_part(Part *part, const bytea *bytes)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(bytes);
	size_t size = VARSIZE_ANY_EXHDR(bytes);
	BehaviorReader *reader = &part->reader;
	uint32 i;

	if (!behavior_open(reader, data, size))
		part_corrupt(part);
	part->kind = part->few_kinds;
	part->kind_in_set = part->few_numbers;
	part->day = part->few_days;
	if (reader->header.kinds > FEW)
	{
		part->kind = palloc(sizeof(BehaviorKind) * reader->header.kinds);
		part->kind_in_set = palloc(sizeof(int) * reader->header.kinds);
	}
	if (reader->header.days > FEW)
		part->day = MemoryContextAllocHuge(
		    CurrentMemoryContext, sizeof(int32) * (Size) reader->header.days);
	for (i = 0; i < reader->header.kinds; i++)
		if (!behavior_read_kind(reader, &part->kind[i]))
			part_corrupt(part);
	if (!behavior_read_days(reader, part->day))
		part_corrupt(part);
}

static void
close_part(Part *part)
{
	if (part->kind != part->few_kinds)
	{
		pfree(part->kind);
		pfree(part->kind_in_set);
	}
	if (part->day != part->few_days)
		pfree(part->day);
}

static void
add_acts(BehaviorSet *set, Part *part)
{
	const BehaviorAct *act = &part->reader.act;
	BehaviorStep step;

	while ((step = behavior_next_act(&part->reader)) == BEHAVIOR_ITEM)
	{
		uint64 high = (uint64) act->customer ^ PG_INT64_MIN;
		uint32 day = (uint32) part->day[act->day] ^ 0x80000000;
		uint64 low = (uint64) day << ENTRY_DAY_SHIFT |
		             (uint64) part->kind_in_set[act->kind]
		                 << ENTRY_KIND_SHIFT |
		             (act->no_customer ? ENTRY_NO_CUSTOMER : 0);

		CHECK_FOR_INTERRUPTS();
		if (act->on_time > 0)
			behavior_set_add_events(set, high, low, act->on_time);
		if (act->late > 0)
			behavior_set_add_events(set, high, low | ENTRY_LATE, act->late);
	}
	if (step == BEHAVIOR_CORRUPT)
		part_corrupt(part);
}

/* Acts of a part, as sums */
static void
add_acts_folded(BehaviorSet *set, Part *part)
{
	const BehaviorAct *act = &part->reader.act;
	BehaviorCustomer customer = {0, 0, 0};
	BehaviorStep step;

	while ((step = behavior_next_act(&part->reader)) == BEHAVIOR_ITEM)
	{
		CHECK_FOR_INTERRUPTS();
		customer.customer = act->customer;
		customer.events = behavior_add_counts(
		    customer.events, behavior_add_counts(act->on_time, act->late));
		customer.distinct++;
		if (part->reader.within)
			continue;
		if (!act->no_customer)
			behavior_set_add_customer(set, &customer);
		customer.events = customer.distinct = 0;
	}
	if (step == BEHAVIOR_CORRUPT)
		part_corrupt(part);
}

static void
add_customers(BehaviorSet *set, Part *part)
{
	BehaviorCustomer customer;
	BehaviorStep step;

	while ((step = behavior_next_customer(&part->reader, &customer)) ==
	       BEHAVIOR_ITEM)
	{
		CHECK_FOR_INTERRUPTS();
		behavior_set_add_customer(set, &customer);
	}
	if (step == BEHAVIOR_CORRUPT)
		part_corrupt(part);
}

/* Everything but the acts or customers of a part that goes into sums. */
static void
add_sums(BehaviorSet *set, Part *part)
{
	const BehaviorHeader *header = &part->reader.header;
	uint32 i;

	for (i = 0; i < header->kinds; i++)
	{
		BehaviorSlot *slot = &set->slots[part->kind_in_set[i]];
		const BehaviorKind *kind = &part->kind[i];

		slot->events = behavior_add_counts(slot->events, kind->events);
		slot->distinct = behavior_add_counts(slot->distinct, kind->distinct);
		slot->late = behavior_add_counts(slot->late, kind->late);
		slot->late_distinct =
		    behavior_add_counts(slot->late_distinct, kind->late_distinct);
	}
	for (i = 0; i < header->days; i++)
		behavior_set_add_day(set, part->day[i]);
	set->no_customer_events = behavior_add_counts(set->no_customer_events,
	                                              header->no_customer_events);
	set->no_customer_distinct = behavior_add_counts(
	    set->no_customer_distinct, header->no_customer_distinct);
}

static void
add_kinds(BehaviorSet *set, Part *part)
{
	uint32 i;

	for (i = 0; i < part->reader.header.kinds; i++)
	{
		const BehaviorKind *kind = &part->kind[i];
		int number = set->any_kind
		                 ? behavior_set_kind(set, 0, "", 0)
		                 : behavior_set_kind(set, (int) i, kind->name,
		                                     kind->name_length);

		part->kind_in_set[i] = number;
		behavior_set_add_quantity(&set->slots[number], kind->quantity);
	}
}

/* Adds a summary, or the bytes of a state; its zone must be the same. */
void
behavior_set_add(BehaviorSet *set, const bytea *bytes)
{
	Part part;
	const BehaviorHeader *header = &part.reader.header;

	open_part(&part, bytes);
	if (header->zone_length != strlen(set->zone) ||
	    memcmp(header->zone, set->zone, header->zone_length) != 0)
		behavior_zone_differs(set->zone, strlen(set->zone), header->zone,
		                      header->zone_length);
	if (set->keep_acts && !header->detailed)
		behavior_corrupt(ERRCODE_DATA_CORRUPTED, &part.reader,
		                 "it has no acts where a state keeps them");
	if (header->kinds > 0)
	{
		set->first = Min(set->first, header->first);
		set->last = Max(set->last, header->last);
		add_kinds(set, &part);
		if (!header->detailed)
			behavior_fold(set);
		if (set->folded)
			add_sums(set, &part);
		if (!header->detailed)
			add_customers(set, &part);
		else if (set->folded)
			add_acts_folded(set, &part);
		else
			add_acts(set, &part);
		behavior_fold_if_many(set);
	}
	close_part(&part);
}
