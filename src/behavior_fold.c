/*
 * behavior_fold.c
 *		Adds up events: to sums per kind, and from acts to sums per customer.
 *
 * Rows keep every act, for the next row may be of the same customer, day and
 * kind.  A rollup keeps them only as long as they are few: its parts do not
 * share acts, so that sums per customer are as good, and what it needs grows
 * with customers and not with acts.  Whether acts are kept depends on their
 * number alone, never on the way the parts came together.
 */
#include "behavior_set.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Sums of entries -------------------------------------------------------- */

static void
add_to_slot(BehaviorSlot *slot, const BehaviorAct *act)
{
	slot->events = behavior_add_counts(
	    slot->events, behavior_add_counts(act->on_time, act->late));
	slot->distinct++;
	slot->late += act->late;
	slot->late_distinct += act->on_time == 0;
}

static void
end_customer(BehaviorTally *tally, const BehaviorAct *act, int64 events,
             int64 distinct)
{
	if (act->no_customer)
	{
		tally->no_customer_events = events;
		tally->no_customer_distinct = distinct;
		return;
	}
	tally->customers++;
	tally->event_squares += behavior_square(events);
	tally->distinct_squares += behavior_square(distinct);
}

static void
clear_sums(BehaviorSet *set)
{
	int i;

	for (i = 0; i < set->kinds; i++)
	{
		BehaviorSlot *slot = &set->slots[i];

		slot->events = slot->distinct = slot->late = slot->late_distinct = 0;
	}
}

/* Adds up the sorted entries. */
void
behavior_tally(BehaviorSet *set, BehaviorTally *tally)
{
	int64 events = 0;
	int64 distinct = 0;
	int64 i = 0;

	memset(tally, 0, sizeof(*tally));
	tally->first_day = PG_INT32_MAX;
	tally->last_day = PG_INT32_MIN;
	clear_sums(set);
	while (i < set->entries)
	{
		int64 begin = i;
		BehaviorAct act;
		int32 day;

		CHECK_FOR_INTERRUPTS();
		behavior_next_entry(set, &i, &act, &day);
		add_to_slot(&set->slots[act.kind], &act);
		tally->acts++;
		tally->first_day = Min(tally->first_day, day);
		tally->last_day = Max(tally->last_day, day);
		events = behavior_add_counts(events, act.on_time + act.late);
		distinct++;
		if (i < set->entries &&
		    behavior_same(&set->entry[begin], &set->entry[i],
		                  ENTRY_CUSTOMER_BITS))
			continue;
		end_customer(tally, &act, events, distinct);
		events = distinct = 0;
	}
	/* a sum of counts that fits keeps every smaller one within */
	behavior_set_check_totals(set);
}

/* BehaviorDays
 * ------------------------------------------------------------------- */

static inline int32
entry_day(const BehaviorEntry *entry)
{
	return (int32) ((uint32) (entry->low >> ENTRY_DAY_SHIFT) ^ 0x80000000);
}

static void
collect_by_table(const BehaviorSet *set, const BehaviorTally *tally,
                 int64 range, BehaviorDays *days)
{
	int64 i;

	days->index = MemoryContextAllocExtended(
	    CurrentMemoryContext, range * sizeof(uint32),
	    MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	days->day =
	    MemoryContextAllocHuge(CurrentMemoryContext, range * sizeof(int32));
	for (i = 0; i < set->entries; i++)
		days->index[entry_day(&set->entry[i]) - (int64) tally->first_day] = 1;
	days->count = 0;
	for (i = 0; i < range; i++)
	{
		if (days->index[i] == 0)
			continue;
		days->index[i] = (uint32) days->count;
		days->day[days->count++] = (int32) (tally->first_day + i);
	}
}

void
behavior_collect_days(const BehaviorSet *set, const BehaviorTally *tally,
                      BehaviorDays *days)
{
	int64 range = (int64) tally->last_day - tally->first_day + 1;
	int64 i;

	if (range <= 64 + 4 * set->entries)
	{
		collect_by_table(set, tally, range, days);
		return;
	}
	days->index = NULL;
	days->day = MemoryContextAllocHuge(CurrentMemoryContext,
	                                   set->entries * sizeof(int32));
	for (i = 0; i < set->entries; i++)
		days->day[i] = entry_day(&set->entry[i]);
	days->count = behavior_unique_days(days->day, set->entries);
}

uint32
behavior_find_day(const BehaviorDays *days, int32 day)
{
	int64 low = 0;
	int64 high = days->count - 1;

	if (days->index != NULL)
		return days->index[day - (int64) days->day[0]];
	while (low < high)
	{
		int64 middle = (low + high) / 2;

		if (days->day[middle] < day)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32) low;
}

/* Folding ---------------------------------------------------------------- */

static void
fold_customers(BehaviorSet *set)
{
	BehaviorCustomer customer = {0, 0, 0};
	int64 i = 0;

	while (i < set->entries)
	{
		int64 begin = i;
		BehaviorAct act;
		int32 day;

		CHECK_FOR_INTERRUPTS();
		behavior_next_entry(set, &i, &act, &day);
		customer.customer = act.customer;
		customer.events += act.on_time + act.late;
		customer.distinct++;
		if (i < set->entries &&
		    behavior_same(&set->entry[begin], &set->entry[i],
		                  ENTRY_CUSTOMER_BITS))
			continue;
		if (!act.no_customer)
			behavior_set_add_customer(set, &customer);
		customer.events = customer.distinct = 0;
	}
}

void
behavior_forget_days(BehaviorDays *days)
{
	pfree(days->day);
	if (days->index != NULL)
		pfree(days->index);
}

/* Acts, sorted and tallied, become sums. */
static void
fold(BehaviorSet *set, const BehaviorTally *tally)
{
	BehaviorDays days;
	int64 i;

	set->folded = true;
	set->no_customer_events = tally->no_customer_events;
	set->no_customer_distinct = tally->no_customer_distinct;
	if (tally->acts == 0)
		return;
	fold_customers(set);
	behavior_collect_days(set, tally, &days);
	for (i = 0; i < days.count; i++)
		behavior_set_add_day(set, days.day[i]);
	behavior_forget_days(&days);
}

/* Sums of a set that goes on: it keeps its acts, and lends its kinds. */
BehaviorSet *
behavior_folded(const BehaviorSet *set, const BehaviorTally *tally)
{
	BehaviorSet *sums = palloc(sizeof(BehaviorSet));

	*sums = *set;
	sums->context = CurrentMemoryContext;
	fold(sums, tally);
	return sums;
}

/* Folds for good. */
void
behavior_fold(BehaviorSet *set)
{
	BehaviorTally tally;

	if (set->folded)
		return;
	behavior_set_compact(set);
	behavior_tally(set, &tally);
	fold(set, &tally);
	if (set->entry != NULL)
		pfree(set->entry);
	set->entry = NULL;
	set->entries = set->entries_room = 0;
}

/*
 * A rollup lets its acts go once they are too many to be kept.  Looking only
 * now and then changes no answer: what has too many by the end is folded then.
 */
void
behavior_fold_if_many(BehaviorSet *set)
{
	BehaviorTally tally;

	if (set->keep_acts || set->folded ||
	    set->entries <= 4 * BEHAVIOR_DETAIL_MAX)
		return;
	behavior_set_compact(set);
	behavior_tally(set, &tally);
	if (tally.acts > BEHAVIOR_DETAIL_MAX)
		behavior_fold(set);
}
