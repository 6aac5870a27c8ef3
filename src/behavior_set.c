/*
 * behavior_set.c
 *		What a calib.behavior is made from: events, kinds, customers, days.
 *
 * An event is 16 bytes at the end of an array: taking it in touches two lines
 * of memory, however many groups a query has.  Sorting finds what is the same
 * customer, day and kind; it happens when the array is full and at the end.
 */
#include "behavior_set.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Half of it must hold the five entries a count may take. */
#define FIRST_ENTRIES 16
#define FIRST_KINDS 8

/* An array up to this size is not worth sorting before it grows. */
#define ENTRIES_UNSORTED 1024

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE BehaviorEntry
#define ST_COMPARE(a, b)                    \
	((a)->high != (b)->high                 \
	     ? ((a)->high < (b)->high ? -1 : 1) \
	     : ((a)->low < (b)->low ? -1 : (a)->low > (b)->low))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Sorts what is of one customer; parts that came in order have left it so. */
static void
sort_runs(BehaviorEntry *entry, int64 n)
{
	int64 begin = 0;

	while (begin < n)
	{
		int64 end = begin + 1;
		bool sorted = true;

		while (end < n && entry[end].high == entry[begin].high)
		{
			sorted &= entry[end - 1].low <= entry[end].low;
			end++;
		}
		if (!sorted)
			sort_entries(entry + begin, end - begin);
		begin = end;
	}
}

/*
 * Entries to the order of their customers, digit by digit; then each customer
 * by itself.
 */
#define RADIX_SORT order_by_customer
#define RADIX_TYPE BehaviorEntry
#define RADIX_KEY(entry) ((entry)->high)
#define RADIX_COMPARING sort_entries
#include "behavior_radix.h"

static void
sort_set(BehaviorEntry *entry, int64 n)
{
	if (order_by_customer(entry, n))
		sort_runs(entry, n);
}

#define ST_SORT sort_customers
#define ST_ELEMENT_TYPE BehaviorCustomer
#define ST_COMPARE(a, b) \
	((a)->customer < (b)->customer ? -1 : (a)->customer > (b)->customer)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define RADIX_SORT order_customers
#define RADIX_TYPE BehaviorCustomer
#define RADIX_KEY(one) ((uint64) (one)->customer ^ PG_INT64_MIN)
#define RADIX_COMPARING sort_customers
#include "behavior_radix.h"

#define ST_SORT sort_days
#define ST_ELEMENT_TYPE int32
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* A corrupt value: never a crash, and never an answer. */
void
behavior_corrupt(int sqlstate, const BehaviorReader *reader,
                 const char *problem)
{
	ereport(ERROR,
	        (errcode(sqlstate), errmsg("invalid value of type calib.behavior"),
	         errdetail("At byte %zu: %s.", reader->offset, problem)));
}

void
behavior_count_overflow(void)
{
	ereport(ERROR,
	        (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
	         errmsg("too many events for one behavior"),
	         errdetail("Counts go up to " INT64_FORMAT ".", PG_INT64_MAX)));
}

void
behavior_zone_differs(const char *one, size_t one_length, const char *other,
                      size_t other_length)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("zone must be the same within a behavior"),
	         errdetail("%.*s and %.*s cut days at different times.",
	                   (int) one_length, one, (int) other_length, other),
	         errhint("Group by the zone, or pass a constant.")));
}

BehaviorSet *
behavior_set_make(MemoryContext context, const char *zone, size_t zone_length,
                  bool keep_acts)
{
	BehaviorSet *set = MemoryContextAllocZero(context, sizeof(BehaviorSet));

	set->context = context;
	set->zone = MemoryContextAllocZero(context, zone_length + 1);
	memcpy(set->zone, zone, zone_length);
	set->keep_acts = keep_acts;
	set->first = DT_NOEND;
	set->last = DT_NOBEGIN;
	return set;
}

static void *
grown(BehaviorSet *set, void *array, int64 room, size_t size)
{
	if (array == NULL)
		return MemoryContextAllocHuge(set->context, room * size);
	return repalloc_huge(array, room * size);
}

/* Kinds ------------------------------------------------------------------ */

/*
 * A name's first eight bytes, which tell names of one length apart up to
 * MARK_TELLS.  Kinds are looked for among marks, which lie together, while
 * names do not.
 */
#define MARK_TELLS 8

static inline uint64
kind_mark(const char *name, uint32 length)
{
	uint64 mark = 0;

	if (length >= sizeof(mark))
	{
		memcpy(&mark, name, sizeof(mark));
		return mark;
	}
#ifndef WORDS_BIGENDIAN
	if (length >= 4)
	{
		uint32 low;
		uint32 high;

		/* two loads that overlap, as the bytes behind the name are not ours */
		memcpy(&low, name, sizeof(low));
		memcpy(&high, name + length - sizeof(high), sizeof(high));
		return low | (uint64) high << (8 * (length - 4));
	}
#endif
	memcpy(&mark, name, length);
	return mark;
}

/* Whether a slot with the mark of this name is of this name */
static inline bool
is_kind(const BehaviorSlot *slot, const char *name, uint32 length)
{
	return slot->name_length == length &&
	       (length <= MARK_TELLS || memcmp(slot->name, name, length) == 0);
}

static int
add_kind(BehaviorSet *set, const char *name, uint32 length)
{
	BehaviorSlot *slot;

	if (set->kinds == BEHAVIOR_KINDS_MAX)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("too many kinds for one behavior"),
		         errdetail("A behavior has up to %d.", BEHAVIOR_KINDS_MAX),
		         errhint("kind is a name such as visit or call, not a "
		                 "text that each row has of its own.")));
	if (set->kinds == set->kinds_room)
	{
		int room = Max(FIRST_KINDS, 2 * set->kinds_room);

		set->slots = grown(set, set->slots, room, sizeof(BehaviorSlot));
		set->kind_marks = grown(set, set->kind_marks, room, sizeof(uint64));
		set->kinds_room = room;
	}
	slot = &set->slots[set->kinds];
	memset(slot, 0, sizeof(*slot));
	slot->name = MemoryContextAlloc(set->context, Max(length, 1));
	memcpy(slot->name, name, length);
	slot->name_length = length;
	set->kind_marks[set->kinds] = kind_mark(name, length);
	return set->kinds++;
}

/*
 * The number of a kind in this set; a new kind gets one.  A good guess saves
 * the search: parts mostly have the same kinds, and rows the kind of the row
 * before.
 */
int
behavior_set_kind(BehaviorSet *set, int guess, const char *name, uint32 length)
{
	uint64 mark = kind_mark(name, length);
	int i;

	if (guess < set->kinds && set->kind_marks[guess] == mark &&
	    is_kind(&set->slots[guess], name, length))
		return guess;
	for (i = 0; i < set->kinds; i++)
		if (set->kind_marks[i] == mark &&
		    is_kind(&set->slots[i], name, length))
			return i;
	return add_kind(set, name, length);
}

static void
quantity_overflow(void)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("the sum of quantities is too large"),
	         errdetail("Quantities are summed up as whole millionths below 2 "
	                   "to the power of 126.")));
}

void
behavior_set_add_quantity(BehaviorSlot *slot, BehaviorSum quantity)
{
	BehaviorSum sum = slot->quantity + quantity;

	if (unlikely(sum >= BEHAVIOR_QUANTITY_LIMIT ||
	             sum <= -BEHAVIOR_QUANTITY_LIMIT))
		quantity_overflow();
	slot->quantity = sum;
}

/* Sums over all kinds can be answered too. */
void
behavior_set_check_totals(const BehaviorSet *set)
{
	BehaviorSum quantities = 0;
	int64 events = 0;
	int i;

	for (i = 0; i < set->kinds; i++)
	{
		const BehaviorSlot *slot = &set->slots[i];

		events = behavior_add_counts(events, slot->events);
		quantities += slot->quantity < 0 ? -slot->quantity : slot->quantity;
		if (quantities >= BEHAVIOR_QUANTITY_LIMIT)
			quantity_overflow();
	}
}

static int
compare_slots(const void *a, const void *b, void *arg)
{
	const BehaviorSlot *slots = arg;
	const BehaviorSlot *one = &slots[*(const int *) a];
	const BehaviorSlot *other = &slots[*(const int *) b];
	int order = memcmp(one->name, other->name,
	                   Min(one->name_length, other->name_length));

	if (order != 0)
		return order;
	return one->name_length < other->name_length ? -1 : 1;
}

static void
renumber_entries(BehaviorSet *set, const int *place)
{
	const uint64 mask = (uint64) (BEHAVIOR_KINDS_MAX - 1) << ENTRY_KIND_SHIFT;
	int64 i;

	for (i = 0; i < set->entries; i++)
	{
		uint64 low = set->entry[i].low;

		set->entry[i].low =
		    (low & ~mask) | ((uint64) place[(low & mask) >> ENTRY_KIND_SHIFT]
		                     << ENTRY_KIND_SHIFT);
	}
}

/* Kinds in the order of their bytes, as they are written. */
void
behavior_set_order_kinds(BehaviorSet *set)
{
	int *order = palloc(sizeof(int) * Max(set->kinds, 1));
	int *place = palloc(sizeof(int) * Max(set->kinds, 1));
	BehaviorSlot *slots;
	bool changed = false;
	int i;

	for (i = 0; i < set->kinds; i++)
		order[i] = i;
	qsort_arg(order, set->kinds, sizeof(int), compare_slots, set->slots);
	for (i = 0; i < set->kinds; i++)
	{
		place[order[i]] = i;
		changed |= order[i] != i;
	}
	if (changed)
	{
		slots = palloc(sizeof(BehaviorSlot) * set->kinds);
		for (i = 0; i < set->kinds; i++)
			slots[i] = set->slots[order[i]];
		memcpy(set->slots, slots, sizeof(BehaviorSlot) * set->kinds);
		for (i = 0; i < set->kinds; i++)
			set->kind_marks[i] =
			    kind_mark(slots[i].name, slots[i].name_length);
		renumber_entries(set, place);
		pfree(slots);
	}
	pfree(order);
	pfree(place);
}

/* Entries ---------------------------------------------------------------- */

/* Writes a count as digits; returns how many entries that took. */
static inline int
put_count(BehaviorEntry *at, uint64 high, uint64 low, uint64 count)
{
	int used = 0;
	uint64 digit;

	for (digit = 0; count != 0; digit++, count >>= ENTRY_DIGIT_BITS)
	{
		if ((count & ENTRY_DIGIT_MASK) == 0)
			continue;
		at[used].high = high;
		at[used].low =
		    low | digit << ENTRY_DIGIT_BITS | (count & ENTRY_DIGIT_MASK);
		used++;
	}
	return used;
}

/*
 * Sorts, and makes one of what is the same.  A run of n entries never becomes
 * more than n: digits come in order, and each had an entry at least, or their
 * sum has carried into the next.
 */
void
behavior_set_compact(BehaviorSet *set)
{
	BehaviorEntry *entry = set->entry;
	int64 n = set->entries;
	int64 out = 0;
	int64 i = 0;

	sort_set(entry, n);
	while (i < n)
	{
		BehaviorEntry first = entry[i];
		int64 count;

		if (i + 1 == n ||
		    !behavior_same(&first, &entry[i + 1], ENTRY_COUNT_BITS))
		{
			entry[out++] = first;
			i++;
			continue;
		}
		CHECK_FOR_INTERRUPTS();
		for (count = 0;
		     i < n && behavior_same(&first, &entry[i], ENTRY_COUNT_BITS); i++)
			count = behavior_add_counts(
			    count, (int64) behavior_entry_count(&entry[i]));
		out += put_count(&entry[out], first.high,
		                 first.low >> ENTRY_COUNT_BITS << ENTRY_COUNT_BITS,
		                 (uint64) count);
	}
	set->entries = out;
}

/* The array is full: sort, and let it grow where that has not helped. */
void
behavior_set_make_room(BehaviorSet *set)
{
	int64 room = set->entries_room;

	if (room >= ENTRIES_UNSORTED)
		behavior_set_compact(set);
	if (set->entries <= room / 2 && room > 0)
		return;
	set->entries_room = Max(FIRST_ENTRIES, 2 * room);
	set->entry =
	    grown(set, set->entry, set->entries_room, sizeof(BehaviorEntry));
}

/* Where as many entries can be put; the caller counts them. */
BehaviorEntry *
behavior_set_room_for(BehaviorSet *set, int64 count)
{
	if (set->entries_room - set->entries < count &&
	    set->entries_room >= ENTRIES_UNSORTED)
		behavior_set_compact(set);
	if (set->entries_room - set->entries < count)
	{
		set->entries_room = Max(2 * set->entries_room, set->entries + count);
		set->entry =
		    grown(set, set->entry, set->entries_room, sizeof(BehaviorEntry));
	}
	return set->entry + set->entries;
}

void
behavior_set_add_many(BehaviorSet *set, uint64 high, uint64 low, int64 count)
{
	/* a count takes up to five digits */
	while (unlikely(set->entries_room - set->entries < 5))
		behavior_set_make_room(set);
	set->entries +=
	    put_count(&set->entry[set->entries], high, low, (uint64) count);
}

/* Once folded ------------------------------------------------------------ */

int64
behavior_unique_days(int32 *day, int64 n)
{
	int64 out = 0;
	int64 i;

	sort_days(day, n);
	for (i = 0; i < n; i++)
		if (out == 0 || day[out - 1] != day[i])
			day[out++] = day[i];
	return out;
}

void
behavior_set_compact_customers(BehaviorSet *set)
{
	BehaviorCustomer *customer = set->customer;
	int64 out = 0;
	int64 i;

	(void) order_customers(customer, set->customers);
	for (i = 0; i < set->customers; i++)
	{
		if (out == 0 || customer[out - 1].customer != customer[i].customer)
		{
			customer[out++] = customer[i];
			continue;
		}
		customer[out - 1].events =
		    behavior_add_counts(customer[out - 1].events, customer[i].events);
		customer[out - 1].distinct = behavior_add_counts(
		    customer[out - 1].distinct, customer[i].distinct);
	}
	set->customers = out;
}

void
behavior_set_add_customer(BehaviorSet *set, const BehaviorCustomer *customer)
{
	if (set->customers == set->customers_room)
	{
		behavior_set_compact_customers(set);
		if (set->customers > set->customers_room / 2 ||
		    set->customers_room == 0)
		{
			set->customers_room =
			    Max(BEHAVIOR_DETAIL_MAX, 2 * set->customers_room);
			set->customer = grown(set, set->customer, set->customers_room,
			                      sizeof(BehaviorCustomer));
		}
	}
	set->customer[set->customers++] = *customer;
}

void
behavior_set_add_day(BehaviorSet *set, int32 day)
{
	if (set->days > 0 && set->day[set->days - 1] == day)
		return;
	if (set->days == set->days_room)
	{
		set->days = behavior_unique_days(set->day, set->days);
		if (set->days > set->days_room / 2 || set->days_room == 0)
		{
			set->days_room = Max(512, 2 * set->days_room);
			set->day = grown(set, set->day, set->days_room, sizeof(int32));
		}
	}
	set->day[set->days++] = day;
}
