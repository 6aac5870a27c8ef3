/*
 * behavior_set.h
 *		A calib.behavior in the making: what rows and parts are put into.
 */
#ifndef CALIB_BEHAVIOR_SET_H
#define CALIB_BEHAVIOR_SET_H

#include "calib.h"

#include "common/int.h"

#include "behavior_codec.h"

/*
 * Events of one customer, day and kind, in 128 bits that sort as one number:
 * customer | none (1) | day (32) | kind (14) | late (1) | count (16).
 * A count beyond 13 bits takes several entries, each a digit to the base 8192:
 * three bits say which.
 */
typedef struct BehaviorEntry
{
	uint64 high;
	uint64 low;
} BehaviorEntry;

#define ENTRY_NO_CUSTOMER (UINT64CONST(1) << 63)
#define ENTRY_DAY_SHIFT 31
#define ENTRY_KIND_SHIFT 17
#define ENTRY_LATE (UINT64CONST(1) << 16)
#define ENTRY_COUNT_BITS 16
#define ENTRY_DIGIT_BITS 13
#define ENTRY_DIGIT_MASK ((1 << ENTRY_DIGIT_BITS) - 1)

/* Which of these bits are the same in one customer, and in one act */
#define ENTRY_CUSTOMER_BITS 63
#define ENTRY_ACT_BITS (ENTRY_COUNT_BITS + 1)

typedef struct BehaviorSlot
{
	char *name; /* UTF-8 */
	uint32 name_length;
	BehaviorSum quantity;
	/* folded: of all that was folded; else of the last tally */
	int64 events;
	int64 distinct;
	int64 late;
	int64 late_distinct;
} BehaviorSlot;

typedef struct BehaviorSet
{
	MemoryContext context;
	char *zone;
	const char *given_zone; /* the caller's own text of the last row's zone */
	bool keep_acts;         /* rows go in: no act may be forgotten */
	bool folded;            /* acts have become sums per customer */
	bool any_kind;          /* kinds of parts are not told apart */
	TimestampTz first;
	TimestampTz last;

	int kinds;
	int kinds_room;
	BehaviorSlot *slots;
	uint64 *kind_marks; /* of each slot's name: see behavior_kind_mark() */

	int64 entries;
	int64 entries_room;
	BehaviorEntry *entry;

	int64 customers; /* once folded */
	int64 customers_room;
	BehaviorCustomer *customer;
	int64 days;
	int64 days_room;
	int32 *day;
	int64 no_customer_events;
	int64 no_customer_distinct;

	const bytea *encoded; /* a state that came as bytes, and is only these */
} BehaviorSet;

/* What entries add up to, but for the kinds, whose slots hold their own. */
typedef struct BehaviorTally
{
	int64 acts;
	uint64 customers;
	int64 no_customer_events;
	int64 no_customer_distinct;
	BehaviorUnsigned event_squares;
	BehaviorUnsigned distinct_squares;
	int32 first_day;
	int32 last_day;
} BehaviorTally;

/*
 * The days of a value in order, and where among them a day stands: by a table
 * over all days from the first to the last, or by a search where they lie far
 * apart.
 */
typedef struct BehaviorDays
{
	int64 count;
	int32 *day;
	uint32 *index; /* NULL: search */
} BehaviorDays;

extern void behavior_count_overflow(void);

static inline int64
behavior_add_counts(int64 a, int64 b)
{
	int64 sum;

	if (unlikely(pg_add_s64_overflow(a, b, &sum)))
		behavior_count_overflow();
	return sum;
}

static inline BehaviorUnsigned
behavior_square(int64 n)
{
	return (unsigned __int128) n * (uint64) n;
}

/* Whether two entries are the same above their lowest bits. */
static inline bool
behavior_same(const BehaviorEntry *a, const BehaviorEntry *b, int bits)
{
	return a->high == b->high && ((a->low ^ b->low) >> bits) == 0;
}

static inline uint64
behavior_entry_count(const BehaviorEntry *entry)
{
	int digit = (entry->low >> ENTRY_DIGIT_BITS) & 7;

	return (entry->low & ENTRY_DIGIT_MASK) << (digit * ENTRY_DIGIT_BITS);
}

/* The act that begins at entry *i, which moves behind it. */
static inline void
behavior_next_entry(const BehaviorSet *set, int64 *i, BehaviorAct *act,
                    int32 *day)
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
		int64 count = (int64) behavior_entry_count(entry);

		if (entry->low & ENTRY_LATE)
			act->late += count;
		else
			act->on_time += count;
		(*i)++;
	} while (*i < set->entries &&
	         behavior_same(first, &set->entry[*i], ENTRY_ACT_BITS));
}

/* behavior_set.c */
extern BehaviorSet *behavior_set_make(MemoryContext context, const char *zone,
                                      size_t zone_length, bool keep_acts);
extern int behavior_set_kind(BehaviorSet *set, int guess, const char *name,
                             uint32 length);
extern void behavior_set_add_quantity(BehaviorSlot *slot,
                                      BehaviorSum quantity);
extern void behavior_set_check_totals(const BehaviorSet *set);
extern void behavior_set_order_kinds(BehaviorSet *set);
extern void behavior_set_make_room(BehaviorSet *set);
extern void behavior_set_add_many(BehaviorSet *set, uint64 high, uint64 low,
                                  int64 count);
extern BehaviorEntry *behavior_set_room_for(BehaviorSet *set, int64 count);
extern void behavior_set_compact(BehaviorSet *set);
extern void behavior_set_add_customer(BehaviorSet *set,
                                      const BehaviorCustomer *customer);
extern void behavior_set_compact_customers(BehaviorSet *set);
extern void behavior_set_add_day(BehaviorSet *set, int32 day);
extern int64 behavior_unique_days(int32 *day, int64 n);

/* Events of what high and low say; the lowest bits of low are empty. */
static inline void
behavior_set_add_events(BehaviorSet *set, uint64 high, uint64 low, int64 count)
{
	if (unlikely(count != 1 || set->entries == set->entries_room))
	{
		behavior_set_add_many(set, high, low, count);
		return;
	}
	set->entry[set->entries].high = high;
	set->entry[set->entries].low = low | 1;
	set->entries++;
}

/* behavior_fold.c */
extern void behavior_tally(BehaviorSet *set, BehaviorTally *tally);
extern void behavior_collect_days(const BehaviorSet *set,
                                  const BehaviorTally *tally,
                                  BehaviorDays *days);
extern uint32 behavior_find_day(const BehaviorDays *days, int32 day);
extern void behavior_forget_days(BehaviorDays *days);
extern BehaviorSet *behavior_folded(const BehaviorSet *set,
                                    const BehaviorTally *tally);
extern void behavior_fold(BehaviorSet *set);
extern void behavior_fold_if_many(BehaviorSet *set);

/* behavior_part.c */
extern void behavior_set_add(BehaviorSet *set, const bytea *part);

/* behavior_state.c */
extern bytea *behavior_state_write(BehaviorSet *set);
extern bool behavior_state_is_plain(const bytea *bytes);
extern void behavior_state_check(const bytea *bytes);
extern BehaviorSet *behavior_state_add(MemoryContext context, BehaviorSet *set,
                                       const bytea *bytes);

/* behavior_encode.c */
extern bytea *behavior_set_encode(BehaviorSet *set, bool partial);

/* Shared complaints */
extern void behavior_zone_differs(const char *one, size_t one_length,
                                  const char *other, size_t other_length);
pg_noreturn extern void behavior_corrupt(int sqlstate,
                                         const BehaviorReader *reader,
                                         const char *problem);

#endif /* CALIB_BEHAVIOR_SET_H */
