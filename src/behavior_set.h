/*
 * behavior_set.h
 *		A calib.behavior in the making: what rows and parts are put into.
 */
#ifndef CALIB_BEHAVIOR_SET_H
#define CALIB_BEHAVIOR_SET_H

#include "calib.h"

#include "behavior_codec.h"
#include "pgtime.h"

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

typedef struct BehaviorSlot
{
	char *name; /* UTF-8 */
	uint32 name_length;
	BehaviorSum quantity;
	/* sums: of all that was folded; before that, room for the tally */
	int64 events;
	int64 distinct;
	int64 late;
	int64 late_distinct;
} BehaviorSlot;

typedef struct BehaviorSet
{
	MemoryContext context;
	char *zone;
	pg_tz *tz;      /* NULL: the zone came with a part */
	bool keep_acts; /* rows go in: no act may be forgotten */
	bool folded;    /* acts have become sums per customer */
	TimestampTz first;
	TimestampTz last;

	int kinds;
	int kinds_room;
	uint64 *hints; /* by which a row's kind is known at once */
	BehaviorSlot *slots;

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

	const bytea *encoded; /* a state that came as bytes, not looked into */
} BehaviorSet;

extern BehaviorSet *behavior_set_make(MemoryContext context, const char *zone,
                                      size_t zone_length, bool keep_acts);
extern int behavior_set_kind(BehaviorSet *set, const char *name,
                             uint32 length);
extern void behavior_set_make_room(BehaviorSet *set);
extern void behavior_set_add_quantity(BehaviorSlot *slot,
                                      BehaviorSum quantity);
extern void behavior_set_add(BehaviorSet *set, const bytea *part);
extern bytea *behavior_set_encode(BehaviorSet *set, bool partial);
extern void behavior_zone_differs(const char *one, size_t one_length,
                                  const char *other, size_t other_length);

/* A corrupt value: never a crash, and never an answer. */
pg_noreturn extern void behavior_corrupt(int sqlstate, const char *problem);

#endif /* CALIB_BEHAVIOR_SET_H */
