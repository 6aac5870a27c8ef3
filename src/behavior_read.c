/*
 * behavior_read.c
 *		Reads the bytes of a calib.behavior.
 *
 * A reader trusts no length and no count: each is held against the bytes that
 * are left before anybody makes room for it.
 */
#include "behavior_codec.h"

#include <string.h>

#define likely_yes(x) __builtin_expect((x) != 0, 1)

static bool
corrupt(BehaviorReader *reader, const char *problem)
{
	reader->problem = problem;
	reader->offset = (size_t) (reader->at - reader->begin);
	reader->at = reader->end;
	return false;
}

static bool
read_long_varint(BehaviorReader *reader, uint64_t *value)
{
	uint64_t result = 0;
	int shift;

	for (shift = 0; shift < 64; shift += 7)
	{
		uint8_t byte;

		if (reader->at == reader->end)
			return corrupt(reader, "it ends within a number");
		byte = *reader->at++;
		if (shift == 63 && byte > 1)
			return corrupt(reader, "a number is too large");
		result |= (uint64_t) (byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte == 0 && shift > 0)
			return corrupt(reader, "a number is longer than needed");
		*value = result;
		return true;
	}
	return corrupt(reader, "a number is too large");
}

static inline bool
read_varint(BehaviorReader *reader, uint64_t *value)
{
	if (likely_yes(reader->at < reader->end && *reader->at < 0x80))
	{
		*value = *reader->at++;
		return true;
	}
	return read_long_varint(reader, value);
}

static bool
read_wide(BehaviorReader *reader, BehaviorUnsigned *value)
{
	unsigned __int128 result = 0;
	int shift;

	for (shift = 0; shift < 128; shift += 7)
	{
		uint8_t byte;

		if (reader->at == reader->end)
			return corrupt(reader, "it ends within a number");
		byte = *reader->at++;
		if (shift == 126 && byte > 3)
			return corrupt(reader, "a number is too large");
		result |= (unsigned __int128) (byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte == 0 && shift > 0)
			return corrupt(reader, "a number is longer than needed");
		*value = result;
		return true;
	}
	return corrupt(reader, "a number is too large");
}

/* A count: not negative as an int64 */
static inline bool
read_count(BehaviorReader *reader, int64_t *count)
{
	uint64_t value;

	if (!read_varint(reader, &value))
		return false;
	if (value > INT64_MAX)
		return corrupt(reader, "a count is too large");
	*count = (int64_t) value;
	return true;
}

static inline int64_t
from_zigzag(uint64_t value)
{
	return (int64_t) (value >> 1) ^ -(int64_t) (value & 1);
}

static bool
read_signed(BehaviorReader *reader, int64_t *value)
{
	uint64_t raw;

	if (!read_varint(reader, &raw))
		return false;
	*value = from_zigzag(raw);
	return true;
}

/* Adds a distance to what is already there; *sum must not overflow. */
static inline bool
add_distance(BehaviorReader *reader, int64_t from, uint64_t distance,
             int64_t *sum)
{
	if (distance > (uint64_t) INT64_MAX - (uint64_t) from)
		return corrupt(reader, "a number is too large");
	*sum = (int64_t) ((uint64_t) from + distance);
	return true;
}

static bool
read_name(BehaviorReader *reader, uint32_t most, const char **name,
          uint32_t *length)
{
	uint64_t size;

	if (!read_varint(reader, &size))
		return false;
	if (size > most || size > (uint64_t) (reader->end - reader->at))
		return corrupt(reader, "a name is too long");
	*name = (const char *) reader->at;
	*length = (uint32_t) size;
	reader->at += size;
	return true;
}

static bool
is_zone_name(const char *zone, uint32_t length)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		if (zone[i] <= ' ' || zone[i] > '~')
			return false;
	return length > 0;
}

/* What follows where anything was counted */
static bool
read_totals(BehaviorReader *reader, bool no_customer)
{
	BehaviorHeader *header = &reader->header;
	uint64_t distance;
	int64_t days;
	int64_t customers;

	if (!read_signed(reader, &header->first) ||
	    !read_varint(reader, &distance) ||
	    !add_distance(reader, header->first, distance, &header->last) ||
	    !read_count(reader, &days) || !read_count(reader, &customers) ||
	    !read_wide(reader, &header->event_squares) ||
	    !read_wide(reader, &header->distinct_squares))
		return false;
	if (no_customer && (!read_count(reader, &header->no_customer_events) ||
	                    !read_count(reader, &header->no_customer_distinct)))
		return false;

	/* a day takes a byte at least, a customer two */
	if (days < 1 || days > INT32_MAX || days > reader->end - reader->at)
		return corrupt(reader, "it has not as many days as it says");
	if (customers > (reader->end - reader->at) / 2)
		return corrupt(reader, "it has not as many customers as it says");
	if (no_customer &&
	    (header->no_customer_distinct < 1 ||
	     header->no_customer_distinct > header->no_customer_events))
		return corrupt(reader, "its sums do not agree");
	header->days = (uint32_t) days;
	header->customers = (uint64_t) customers;
	return true;
}

/*
 * Reads the header.  The checksum is not looked at: who only wants the header
 * should not pay for all bytes.
 */
bool
behavior_open(BehaviorReader *reader, const uint8_t *bytes, size_t size)
{
	BehaviorHeader *header = &reader->header;
	uint64_t kinds;
	uint8_t flags;

	memset(reader, 0, sizeof(*reader));
	reader->begin = reader->at = reader->end = bytes;
	if (size < 2 + CHECKSUM_BYTES)
		return corrupt(reader, "it is too short");
	reader->end = bytes + size - CHECKSUM_BYTES;
	if (*reader->at != BEHAVIOR_VERSION)
		return corrupt(reader, "its version is not known");
	reader->at++;
	flags = *reader->at;
	if ((flags & ~FLAGS_KNOWN) != 0 ||
	    ((flags & FLAG_PARTIAL) && !(flags & FLAG_DETAILED)))
		return corrupt(reader, "its flags are not known");
	reader->at++;
	header->detailed = (flags & FLAG_DETAILED) != 0;
	header->partial = (flags & FLAG_PARTIAL) != 0;

	if (!read_name(reader, BEHAVIOR_ZONE_MAX, &header->zone,
	               &header->zone_length) ||
	    !read_varint(reader, &kinds))
		return false;
	if (!is_zone_name(header->zone, header->zone_length))
		return corrupt(reader, "its time zone is no name");
	/* a kind takes six bytes at least */
	if (kinds > BEHAVIOR_KINDS_MAX ||
	    kinds * 6 > (uint64_t) (reader->end - reader->at))
		return corrupt(reader, "it has not as many kinds as it says");
	header->kinds = (uint32_t) kinds;
	if (kinds > 0 && !read_totals(reader, (flags & FLAG_NO_CUSTOMER) != 0))
		return false;
	if (kinds == 0 && ((flags & ~FLAG_PARTIAL) != FLAG_DETAILED ||
	                   reader->at != reader->end))
		return corrupt(reader, "it is empty and goes on");

	reader->left = header->customers;
	reader->no_customer = (flags & FLAG_NO_CUSTOMER) != 0;
	reader->first_item = true;
	return true;
}

/* A sum: the lowest bit says whether it is whole, the next its sign. */
static bool
read_sum(BehaviorReader *reader, BehaviorSum *sum)
{
	BehaviorUnsigned raw;
	unsigned __int128 size;
	bool whole;
	bool negative;

	if (!read_wide(reader, &raw))
		return false;
	whole = raw & 1;
	negative = (raw >> 1) & 1;
	size = raw >> 2;
	if (negative && size == 0)
		return corrupt(reader, "a quantity is minus nothing");
	if (!whole && size % 1000000 == 0)
		return corrupt(reader, "a quantity is longer than needed");
	if (whole)
	{
		if (size > (((unsigned __int128) 1 << 126) - 1) / 1000000)
			return corrupt(reader, "a quantity is too large");
		size *= 1000000;
	}
	*sum = negative ? -(__int128) size : (__int128) size;
	return true;
}

bool
behavior_read_kind(BehaviorReader *reader, BehaviorKind *kind)
{
	if (!read_name(reader, BEHAVIOR_NAME_MAX, &kind->name,
	               &kind->name_length) ||
	    !read_count(reader, &kind->events) ||
	    !read_count(reader, &kind->distinct) ||
	    !read_count(reader, &kind->late) ||
	    !read_count(reader, &kind->late_distinct) ||
	    !read_sum(reader, &kind->quantity))
		return false;

	if (reader->name != NULL)
	{
		uint32_t shorter = reader->name_size < kind->name_length
		                       ? reader->name_size
		                       : kind->name_length;
		int order = memcmp(reader->name, kind->name, shorter);

		if (order > 0 ||
		    (order == 0 && reader->name_size >= kind->name_length))
			return corrupt(reader, "its kinds are not in order");
	}
	reader->name = kind->name;
	reader->name_size = kind->name_length;
	if (kind->distinct < 1 || kind->distinct > kind->events ||
	    kind->late > kind->events || kind->late_distinct > kind->distinct ||
	    kind->late_distinct > kind->late)
		return corrupt(reader, "its sums do not agree");
	return true;
}

/* All days, after all kinds; ready for acts or customers then. */
bool
behavior_read_days(BehaviorReader *reader, int32_t *days)
{
	uint32_t i;

	for (i = 0; i < reader->header.days; i++)
	{
		uint64_t distance;
		int64_t day;

		if (i == 0 ? !read_signed(reader, &day)
		           : (!read_varint(reader, &distance) ||
		              !add_distance(reader, (int64_t) days[i - 1] + 1,
		                            distance, &day)))
			return false;
		if (day < INT32_MIN || day > INT32_MAX)
			return corrupt(reader, "a day is out of range");
		days[i] = (int32_t) day;
	}
	reader->first_item = true;
	return true;
}

/* The id that follows the one before; the first is told by itself. */
static inline bool
read_customer(BehaviorReader *reader, int64_t *customer)
{
	uint64_t raw;

	if (!read_varint(reader, &raw))
		return false;
	if (reader->first_item)
		*customer = from_zigzag(raw);
	else
	{
		/* previous + 1 + raw, where both may be far below zero */
		uint64_t above = (uint64_t) INT64_MAX - (uint64_t) reader->previous;

		if (raw >= above)
			return corrupt(reader, "a customer is out of range");
		*customer = (int64_t) ((uint64_t) reader->previous + 1 + raw);
	}
	reader->first_item = false;
	reader->previous = *customer;
	return true;
}

static BehaviorStep
begin_customer(BehaviorReader *reader)
{
	BehaviorAct *act = &reader->act;

	act->day = 0;
	act->kind = UINT32_MAX;
	if (reader->no_customer)
	{
		reader->no_customer = false;
		act->no_customer = true;
		act->customer = 0;
		return BEHAVIOR_ITEM;
	}
	if (reader->left == 0)
	{
		if (reader->at != reader->end)
			corrupt(reader, "it goes on after its end");
		return reader->problem ? BEHAVIOR_CORRUPT : BEHAVIOR_END;
	}
	reader->left--;
	act->no_customer = false;
	if (!read_customer(reader, &act->customer))
		return BEHAVIOR_CORRUPT;
	return BEHAVIOR_ITEM;
}

static bool
read_events(BehaviorReader *reader, BehaviorAct *act, unsigned how)
{
	act->on_time = how == ONE_ON_TIME;
	act->late = how == ONE_LATE;
	if (how == MANY_ON_TIME)
	{
		if (!read_count(reader, &act->on_time))
			return false;
		if (act->on_time > INT64_MAX - 2)
			return corrupt(reader, "a count is too large");
		act->on_time += 2;
	}
	if (how != MIXED)
		return true;
	if (!read_count(reader, &act->on_time) || !read_count(reader, &act->late))
		return false;
	if (act->late < 1 || (act->on_time == 0 && act->late == 1) ||
	    act->late > INT64_MAX - act->on_time)
		return corrupt(reader, "a count of events is not valid");
	return true;
}

/* The next act into reader->act. */
BehaviorStep
behavior_next_act(BehaviorReader *reader)
{
	BehaviorAct *act = &reader->act;
	uint32_t kinds = reader->header.kinds;
	uint64_t token;
	uint64_t place;
	uint64_t day;
	uint32_t kind;

	if (!reader->within)
	{
		BehaviorStep step = begin_customer(reader);

		if (step != BEHAVIOR_ITEM)
			return step;
	}
	if (!read_varint(reader, &token))
		return BEHAVIOR_CORRUPT;
	reader->within = (token >> 2) & 1;
	place = token >> 3;
	day = place / kinds;
	kind = (uint32_t) (place % kinds);
	if (day >= reader->header.days - act->day)
	{
		corrupt(reader, "an act is on a day it has not");
		return BEHAVIOR_CORRUPT;
	}
	if (day == 0 && act->kind != UINT32_MAX && kind <= act->kind)
	{
		corrupt(reader, "its acts are not in order");
		return BEHAVIOR_CORRUPT;
	}
	act->day += (uint32_t) day;
	act->kind = kind;
	if (!read_events(reader, act, token & 3))
		return BEHAVIOR_CORRUPT;
	return BEHAVIOR_ITEM;
}

BehaviorStep
behavior_next_customer(BehaviorReader *reader, BehaviorCustomer *customer)
{
	int64_t beyond;

	if (reader->left == 0)
	{
		if (reader->at != reader->end)
			corrupt(reader, "it goes on after its end");
		return reader->problem ? BEHAVIOR_CORRUPT : BEHAVIOR_END;
	}
	reader->left--;
	if (!read_customer(reader, &customer->customer) ||
	    !read_count(reader, &customer->distinct) ||
	    !read_count(reader, &beyond))
		return BEHAVIOR_CORRUPT;
	if (customer->distinct < 1 || beyond > INT64_MAX - customer->distinct)
	{
		corrupt(reader, "a count of events is not valid");
		return BEHAVIOR_CORRUPT;
	}
	customer->events = customer->distinct + beyond;
	return BEHAVIOR_ITEM;
}
