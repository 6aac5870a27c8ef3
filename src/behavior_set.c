/*
 * behavior_set.c
 *		Takes in events and other summaries, and writes a calib.behavior.
 *
 * An event is 16 bytes at the end of an array: taking it in touches two lines
 * of memory, however many groups a query has.  Sorting finds what is the same
 * customer, day and kind; it happens when the array is full and at the end.
 *
 * Rows keep every act, for the next row may be of the same customer, day and
 * kind.  A rollup keeps them only as long as they are few: its parts do not
 * share acts, so that sums per customer are as good, and what it needs grows
 * with customers and not with acts.  Whether acts are kept depends on their
 * number alone, never on the way the parts came together.
 */
#include "aggregate.h"

#include "behavior_set.h"
#include "miscadmin.h"

#define FIRST_ENTRIES 8
#define FIRST_KINDS 8

/* An array up to this size is not worth sorting before it grows. */
#define ENTRIES_UNSORTED 1024

/* Beyond half of what 128 bits hold, so that two can be added */
#define QUANTITY_LIMIT (((BehaviorSum) 1) << 126)

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE BehaviorEntry
#define ST_COMPARE(a, b)                            \
	((a)->high != (b)->high                         \
	     ? ((a)->high < (b)->high ? -1 : 1)         \
	     : ((a)->low < (b)->low ? -1 : (a)->low > (b)->low))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_customers
#define ST_ELEMENT_TYPE BehaviorCustomer
#define ST_COMPARE(a, b) \
	((a)->customer < (b)->customer ? -1 : (a)->customer > (b)->customer)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_days
#define ST_ELEMENT_TYPE int32
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

void
behavior_corrupt(int sqlstate, const char *problem)
{
	ereport(ERROR,
	        (errcode(sqlstate), errmsg("invalid value of type calib.behavior"),
	         errdetail("As bytes, %s.", problem)));
}

static void
count_overflow(void)
{
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
	                errmsg("too many events for one behavior"),
	                errdetail("Counts go up to " INT64_FORMAT ".",
	                          PG_INT64_MAX)));
}

static inline int64
add_counts(int64 a, int64 b)
{
	int64 sum;

	if (unlikely(__builtin_add_overflow(a, b, &sum)))
		count_overflow();
	return sum;
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

		set->hints = grown(set, set->hints, room, sizeof(uint64));
		set->slots = grown(set, set->slots, room, sizeof(BehaviorSlot));
		set->kinds_room = room;
	}
	slot = &set->slots[set->kinds];
	memset(slot, 0, sizeof(*slot));
	slot->name = MemoryContextAlloc(set->context, Max(length, 1));
	memcpy(slot->name, name, length);
	slot->name_length = length;
	set->hints[set->kinds] = 0;
	return set->kinds++;
}

static inline bool
is_kind(const BehaviorSlot *slot, const char *name, uint32 length)
{
	return slot->name_length == length &&
	       memcmp(slot->name, name, length) == 0;
}

/* The number of a kind in this set; a new kind gets one. */
int
behavior_set_kind(BehaviorSet *set, const char *name, uint32 length)
{
	int i;

	for (i = 0; i < set->kinds; i++)
		if (is_kind(&set->slots[i], name, length))
			return i;
	return add_kind(set, name, length);
}

void
behavior_set_add_quantity(BehaviorSlot *slot, BehaviorSum quantity)
{
	BehaviorSum sum = slot->quantity + quantity;

	if (unlikely(sum >= QUANTITY_LIMIT || sum <= -QUANTITY_LIMIT))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("the sum of quantities is too large"),
		         errdetail("Quantities are summed up as whole millionths "
		                   "below 2 to the power of 126.")));
	slot->quantity = sum;
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
		    (low & ~mask) |
		    ((uint64) place[(low & mask) >> ENTRY_KIND_SHIFT]
		     << ENTRY_KIND_SHIFT);
	}
}

/* Kinds in the order of their bytes, as they are written. */
static void
order_kinds(BehaviorSet *set)
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
		memset(set->hints, 0, sizeof(uint64) * set->kinds);
		renumber_entries(set, place);
		pfree(slots);
	}
	pfree(order);
	pfree(place);
}

/* Entries ---------------------------------------------------------------- */

static inline bool
same_act(const BehaviorEntry *a, const BehaviorEntry *b, int bits)
{
	return a->high == b->high && ((a->low ^ b->low) >> bits) == 0;
}

static inline uint64
entry_count(const BehaviorEntry *entry)
{
	int digit = (entry->low >> ENTRY_DIGIT_BITS) & 7;

	return (entry->low & ENTRY_DIGIT_MASK) << (digit * ENTRY_DIGIT_BITS);
}

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
		at[used].low = low | digit << ENTRY_DIGIT_BITS |
		               (count & ENTRY_DIGIT_MASK);
		used++;
	}
	return used;
}

/*
 * Sorts, and makes one of what is the same.  A run of n entries never becomes
 * more than n: digits come in order, and each had an entry at least, or their
 * sum has carried into the next.
 */
static void
compact_entries(BehaviorSet *set)
{
	BehaviorEntry *entry = set->entry;
	int64 n = set->entries;
	int64 out = 0;
	int64 i = 0;

	sort_entries(entry, n);
	while (i < n)
	{
		BehaviorEntry first = entry[i];
		int64 count;

		if (i + 1 == n ||
		    !same_act(&first, &entry[i + 1], ENTRY_COUNT_BITS))
		{
			entry[out++] = first;
			i++;
			continue;
		}
		CHECK_FOR_INTERRUPTS();
		for (count = 0;
		     i < n && same_act(&first, &entry[i], ENTRY_COUNT_BITS); i++)
			count = add_counts(count, (int64) entry_count(&entry[i]));
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
		compact_entries(set);
	if (set->entries <= room / 2 && room > 0)
		return;
	set->entries_room = Max(FIRST_ENTRIES, 2 * room);
	set->entry = grown(set, set->entry, set->entries_room,
	                   sizeof(BehaviorEntry));
}

/* The act that begins at entry *i, which moves behind it. */
static inline void
next_act(const BehaviorSet *set, int64 *i, BehaviorAct *act, int32 *day)
{
	const BehaviorEntry *first = &set->entry[*i];

	act->customer = (int64) (first->high ^ PG_INT64_MIN);
	act->no_customer = (first->low & ENTRY_NO_CUSTOMER) != 0;
	*day = (int32) ((uint32) (first->low >> ENTRY_DAY_SHIFT) ^ 0x80000000);
	act->kind = (first->low >> ENTRY_KIND_SHIFT) & (BEHAVIOR_KINDS_MAX - 1);
	act->on_time = 0;
	act->late = 0;
	do
	{
		const BehaviorEntry *entry = &set->entry[*i];
		int64 count = (int64) entry_count(entry);

		if (entry->low & ENTRY_LATE)
			act->late += count;
		else
			act->on_time += count;
		(*i)++;
	} while (*i < set->entries &&
	         same_act(first, &set->entry[*i], ENTRY_COUNT_BITS + 1));
}

static inline bool
same_customer(const BehaviorEntry *a, const BehaviorEntry *b)
{
	return same_act(a, b, 63);
}

/* Sums of entries -------------------------------------------------------- */

/* What entries add up to, but for the kinds, whose slots hold their own. */
typedef struct Tally
{
	int64 acts;
	uint64 customers;
	int64 no_customer_events;
	int64 no_customer_distinct;
	BehaviorUnsigned event_squares;
	BehaviorUnsigned distinct_squares;
	int32 first_day;
	int32 last_day;
} Tally;

static inline BehaviorUnsigned
square(int64 n)
{
	return (unsigned __int128) n * (uint64) n;
}

static void
add_to_slot(BehaviorSlot *slot, const BehaviorAct *act)
{
	slot->events = add_counts(slot->events, add_counts(act->on_time, act->late));
	slot->distinct++;
	slot->late += act->late;
	slot->late_distinct += act->on_time == 0;
}

static void
end_customer(Tally *tally, const BehaviorAct *act, int64 events,
             int64 distinct)
{
	if (act->no_customer)
	{
		tally->no_customer_events = events;
		tally->no_customer_distinct = distinct;
		return;
	}
	tally->customers++;
	tally->event_squares += square(events);
	tally->distinct_squares += square(distinct);
}

static void
check_total(const BehaviorSet *set)
{
	int64 events = 0;
	int i;

	for (i = 0; i < set->kinds; i++)
		events = add_counts(events, set->slots[i].events);
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
static void
tally_entries(BehaviorSet *set, Tally *tally)
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
		next_act(set, &i, &act, &day);
		add_to_slot(&set->slots[act.kind], &act);
		tally->acts++;
		tally->first_day = Min(tally->first_day, day);
		tally->last_day = Max(tally->last_day, day);
		events = add_counts(events, act.on_time + act.late);
		distinct++;
		if (i < set->entries &&
		    same_customer(&set->entry[begin], &set->entry[i]))
			continue;
		end_customer(tally, &act, events, distinct);
		events = distinct = 0;
	}
	/* a sum of counts that fits keeps every smaller one within */
	check_total(set);
}

/* Days ------------------------------------------------------------------- */

/*
 * The days of a value in order, and where among them a day stands: by a table
 * over all days from the first to the last, or by a search where they lie far
 * apart.
 */
typedef struct Days
{
	int64 count;
	int32 *day;
	uint32 *index; /* NULL: search */
} Days;

static inline int32
entry_day(const BehaviorEntry *entry)
{
	return (int32) ((uint32) (entry->low >> ENTRY_DAY_SHIFT) ^ 0x80000000);
}

static int64
unique_days(int32 *day, int64 n)
{
	int64 out = 0;
	int64 i;

	sort_days(day, n);
	for (i = 0; i < n; i++)
		if (out == 0 || day[out - 1] != day[i])
			day[out++] = day[i];
	return out;
}

static void
collect_by_table(const BehaviorSet *set, const Tally *tally, int64 range,
                 Days *days)
{
	int64 i;

	days->index = MemoryContextAllocExtended(
	    CurrentMemoryContext, range * sizeof(uint32),
	    MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	days->day = MemoryContextAllocHuge(CurrentMemoryContext,
	                                   range * sizeof(int32));
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

static void
collect_days(const BehaviorSet *set, const Tally *tally, Days *days)
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
	days->count = unique_days(days->day, set->entries);
}

static uint32
find_day(const Days *days, int32 day)
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
compact_customers(BehaviorSet *set)
{
	BehaviorCustomer *customer = set->customer;
	int64 out = 0;
	int64 i;

	sort_customers(customer, set->customers);
	for (i = 0; i < set->customers; i++)
	{
		if (out == 0 || customer[out - 1].customer != customer[i].customer)
		{
			customer[out++] = customer[i];
			continue;
		}
		customer[out - 1].events =
		    add_counts(customer[out - 1].events, customer[i].events);
		customer[out - 1].distinct =
		    add_counts(customer[out - 1].distinct, customer[i].distinct);
	}
	set->customers = out;
}

static void
add_customer(BehaviorSet *set, const BehaviorCustomer *customer)
{
	if (set->customers == set->customers_room)
	{
		compact_customers(set);
		if (set->customers > set->customers_room / 2 ||
		    set->customers_room == 0)
		{
			set->customers_room = Max(BEHAVIOR_DETAIL_MAX,
			                          2 * set->customers_room);
			set->customer = grown(set, set->customer, set->customers_room,
			                      sizeof(BehaviorCustomer));
		}
	}
	set->customer[set->customers++] = *customer;
}

static void
add_day(BehaviorSet *set, int32 day)
{
	if (set->days > 0 && set->day[set->days - 1] == day)
		return;
	if (set->days == set->days_room)
	{
		set->days = unique_days(set->day, set->days);
		if (set->days > set->days_room / 2 || set->days_room == 0)
		{
			set->days_room = Max(512, 2 * set->days_room);
			set->day =
			    grown(set, set->day, set->days_room, sizeof(int32));
		}
	}
	set->day[set->days++] = day;
}

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
		next_act(set, &i, &act, &day);
		customer.customer = act.customer;
		customer.events += act.on_time + act.late;
		customer.distinct++;
		if (i < set->entries &&
		    same_customer(&set->entry[begin], &set->entry[i]))
			continue;
		if (!act.no_customer)
			add_customer(set, &customer);
		customer.events = customer.distinct = 0;
	}
}

/* Acts, sorted and tallied, become sums. */
static void
fold(BehaviorSet *set, const Tally *tally)
{
	int64 i;

	fold_customers(set);
	if (tally->acts > 0)
	{
		Days days;

		collect_days(set, tally, &days);
		for (i = 0; i < days.count; i++)
			add_day(set, days.day[i]);
	}
	set->no_customer_events = tally->no_customer_events;
	set->no_customer_distinct = tally->no_customer_distinct;
	set->folded = true;
	if (set->entry != NULL)
		pfree(set->entry);
	set->entry = NULL;
	set->entries = set->entries_room = 0;
}

static void
fold_now(BehaviorSet *set)
{
	Tally tally;

	if (set->folded)
		return;
	compact_entries(set);
	tally_entries(set, &tally);
	fold(set, &tally);
}

/* A rollup lets its acts go once they are too many to be kept. */
static void
fold_if_many(BehaviorSet *set)
{
	Tally tally;

	if (set->keep_acts || set->folded || set->entries <= BEHAVIOR_DETAIL_MAX)
		return;
	compact_entries(set);
	if (set->entries <= BEHAVIOR_DETAIL_MAX)
		return;
	tally_entries(set, &tally);
	if (tally.acts > BEHAVIOR_DETAIL_MAX)
		fold(set, &tally);
}

/* Taking in another summary ---------------------------------------------- */

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
	behavior_corrupt(ERRCODE_DATA_CORRUPTED, part->reader.problem);
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
	if (!behavior_sum_holds(data, size))
		behavior_corrupt(ERRCODE_DATA_CORRUPTED, "its checksum is wrong");
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

static inline void
add_events(BehaviorSet *set, const BehaviorAct *act, uint64 low, int64 count)
{
	uint64 high = (uint64) act->customer ^ PG_INT64_MIN;

	/* a count takes up to five digits */
	while (unlikely(set->entries_room - set->entries < 5))
		behavior_set_make_room(set);
	if (likely(count == 1))
	{
		set->entry[set->entries].high = high;
		set->entry[set->entries].low = low | 1;
		set->entries++;
		return;
	}
	set->entries +=
	    put_count(&set->entry[set->entries], high, low, (uint64) count);
}

static void
add_acts(BehaviorSet *set, Part *part)
{
	const BehaviorAct *act = &part->reader.act;
	BehaviorStep step;

	while ((step = behavior_next_act(&part->reader)) == BEHAVIOR_ITEM)
	{
		uint32 day = (uint32) part->day[act->day] ^ 0x80000000;
		uint64 low = (uint64) day << ENTRY_DAY_SHIFT |
		             (uint64) part->kind_in_set[act->kind]
		                 << ENTRY_KIND_SHIFT |
		             (act->no_customer ? ENTRY_NO_CUSTOMER : 0);

		CHECK_FOR_INTERRUPTS();
		if (act->on_time > 0)
			add_events(set, act, low, act->on_time);
		if (act->late > 0)
			add_events(set, act, low | ENTRY_LATE, act->late);
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
		customer.events =
		    add_counts(customer.events, add_counts(act->on_time, act->late));
		customer.distinct++;
		if (part->reader.within)
			continue;
		if (!act->no_customer)
			add_customer(set, &customer);
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
		add_customer(set, &customer);
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

		slot->events = add_counts(slot->events, kind->events);
		slot->distinct = add_counts(slot->distinct, kind->distinct);
		slot->late = add_counts(slot->late, kind->late);
		slot->late_distinct =
		    add_counts(slot->late_distinct, kind->late_distinct);
	}
	for (i = 0; i < header->days; i++)
		add_day(set, part->day[i]);
	set->no_customer_events =
	    add_counts(set->no_customer_events, header->no_customer_events);
	set->no_customer_distinct =
	    add_counts(set->no_customer_distinct, header->no_customer_distinct);
}

static void
add_kinds(BehaviorSet *set, Part *part)
{
	uint32 i;

	for (i = 0; i < part->reader.header.kinds; i++)
	{
		const BehaviorKind *kind = &part->kind[i];
		int number;

		/* parts mostly have the same kinds */
		if (i < (uint32) set->kinds &&
		    is_kind(&set->slots[i], kind->name, kind->name_length))
			number = (int) i;
		else
			number = behavior_set_kind(set, kind->name, kind->name_length);
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
	if (header->kinds > 0)
	{
		set->first = Min(set->first, header->first);
		set->last = Max(set->last, header->last);
		add_kinds(set, &part);
		if (!header->detailed)
			fold_now(set);
		if (set->folded)
			add_sums(set, &part);
		if (!header->detailed)
			add_customers(set, &part);
		else if (set->folded)
			add_acts_folded(set, &part);
		else
			add_acts(set, &part);
		fold_if_many(set);
	}
	close_part(&part);
}

/* Writing ---------------------------------------------------------------- */

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
		BehaviorKind kind = {slot->name,     slot->name_length,
		                     slot->events,   slot->distinct,
		                     slot->late,     slot->late_distinct,
		                     slot->quantity};

		behavior_write_kind(writer, &kind);
	}
	behavior_write_days(writer, day, header->days);
}

static void
write_acts(BehaviorWriter *writer, const BehaviorSet *set, const Days *days,
           int64 from, int64 to)
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
		next_act(set, &i, &act, &day);
		act.day = find_day(days, day);
		more = i < to && same_customer(&set->entry[begin], &set->entry[i]);
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
	     *end < set->entries && same_customer(&first, &set->entry[*end]);)
		(*end)++;
}

static bytea *
encode_acts(BehaviorSet *set, const Tally *tally, bool partial)
{
	BehaviorHeader header = {0};
	BehaviorWriter writer;
	Days days;
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
	collect_days(set, tally, &days);
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
	pfree(days.day);
	if (days.index != NULL)
		pfree(days.index);
	return end_bytes(&writer);
}

static bytea *
encode_sums(BehaviorSet *set)
{
	BehaviorHeader header = {0};
	BehaviorWriter writer;
	int64 i;

	check_total(set);
	compact_customers(set);
	set->days = unique_days(set->day, set->days);
	for (i = 0; i < set->customers; i++)
	{
		header.event_squares += square(set->customer[i].events);
		header.distinct_squares += square(set->customer[i].distinct);
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
	Tally tally;

	order_kinds(set);
	if (!set->folded)
	{
		compact_entries(set);
		tally_entries(set, &tally);
		if (partial || tally.acts <= BEHAVIOR_DETAIL_MAX)
			return encode_acts(set, &tally, partial);
	}
	if (set->folded)
		return encode_sums(set);
	return NULL;
}
