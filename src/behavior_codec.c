/*
 * behavior_codec.c
 *		Reads and writes the bytes of a calib.behavior.
 *
 * Numbers are varints: seven bits a byte, lowest first, and no longer than
 * needed, so that a value has exactly one form and equal summaries have equal
 * bytes.  Nothing is aligned and nothing depends on the byte order of the
 * machine.  A reader trusts no length and no count: each is held against the
 * bytes that are left before anybody makes room for it.
 */
#include "behavior_codec.h"

#include <string.h>

#define FLAG_DETAILED 1
#define FLAG_PARTIAL 2
#define FLAG_NO_CUSTOMER 4
#define FLAGS_KNOWN 7

#define CHECKSUM_BYTES 4
#define VARINT_BYTES 10
#define WIDE_BYTES 19

/* How the events of an act are told, in the two lowest bits of its token */
#define ONE_ON_TIME 0
#define ONE_LATE 1
#define MANY_ON_TIME 2
#define MIXED 3

#define likely_yes(x) __builtin_expect((x) != 0, 1)

/* Reading ---------------------------------------------------------------- */

static bool
corrupt(BehaviorReader *reader, const char *problem)
{
	reader->problem = problem;
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

static inline uint64_t
to_zigzag(int64_t value)
{
	return ((uint64_t) value << 1) ^ (uint64_t) (value >> 63);
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

/* Length of the UTF-8 character at s, 0 where there is none. */
static int
utf8_length(const uint8_t *s, size_t left)
{
	uint32_t c = s[0];
	int length = c < 0x80   ? 1
	             : c < 0xc2 ? 0
	             : c < 0xe0 ? 2
	             : c < 0xf0 ? 3
	             : c < 0xf5 ? 4
	                        : 0;
	uint32_t code = length < 2 ? c : c & (0xff >> (length + 1));
	int i;

	if (c == 0 || length == 0 || (size_t) length > left)
		return 0;
	for (i = 1; i < length; i++)
	{
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = (code << 6) | (s[i] & 0x3f);
	}
	if (length == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)))
		return 0;
	if (length == 4 && (code < 0x10000 || code > 0x10ffff))
		return 0;
	return length;
}

static bool
is_utf8(const char *name, uint32_t length)
{
	const uint8_t *at = (const uint8_t *) name;
	const uint8_t *end = at + length;

	while (at < end)
	{
		int step = utf8_length(at, (size_t) (end - at));

		if (step == 0)
			return false;
		at += step;
	}
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

/*
 * A checksum over all bytes but its own: each byte matters, so that a changed
 * one is told from a summary somebody made.  FNV-1a over words of eight bytes,
 * lowest first, and what is left over byte by byte.
 */
static uint32_t
checksum(const uint8_t *bytes, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ size;
	size_t i = 0;

	for (; i + 8 <= size; i += 8)
	{
		uint64_t word = 0;
		int k;

		for (k = 0; k < 8; k++)
			word |= (uint64_t) bytes[i + k] << (8 * k);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	for (; i < size; i++)
	{
		hash = (hash ^ bytes[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return (uint32_t) hash;
}

bool
behavior_sum_holds(const uint8_t *bytes, size_t size)
{
	const uint8_t *at;

	if (size < CHECKSUM_BYTES)
		return false;
	at = bytes + size - CHECKSUM_BYTES;
	return checksum(bytes, size - CHECKSUM_BYTES) ==
	       ((uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 |
	        (uint32_t) at[3] << 24);
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
	if (size < 2 + CHECKSUM_BYTES)
		return corrupt(reader, "it is too short");
	reader->at = bytes;
	reader->end = bytes + size - CHECKSUM_BYTES;
	if (*reader->at++ != BEHAVIOR_VERSION)
		return corrupt(reader, "its version is not known");
	flags = *reader->at++;
	if ((flags & ~FLAGS_KNOWN) != 0 ||
	    ((flags & FLAG_PARTIAL) && !(flags & FLAG_DETAILED)))
		return corrupt(reader, "its flags are not known");
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

/* Checking --------------------------------------------------------------- */

typedef struct Counted
{
	__int128 events; /* with a customer */
	__int128 distinct;
	__int128 no_customer_events;
	__int128 no_customer_distinct;
	unsigned __int128 event_squares;
	unsigned __int128 distinct_squares;
	bool overflow;
} Counted;

static void
count_customer(Counted *sums, int64_t events, int64_t distinct)
{
	sums->events += events;
	sums->distinct += distinct;
	if (sums->events > INT64_MAX)
		sums->overflow = true;
	if (sums->overflow)
		return;
	sums->event_squares += (unsigned __int128) events * (uint64_t) events;
	sums->distinct_squares +=
	    (unsigned __int128) distinct * (uint64_t) distinct;
}

/* Adds the acts of one customer; the reader stands on the first. */
static BehaviorStep
count_acts(BehaviorReader *reader, Counted *sums, BehaviorKind *counted,
           uint8_t *used)
{
	const BehaviorAct *act = &reader->act;
	BehaviorStep step = behavior_next_act(reader);
	__int128 events = 0;
	int64_t distinct = 0;
	bool no_customer = act->no_customer;

	while (step == BEHAVIOR_ITEM)
	{
		BehaviorKind *kind = &counted[act->kind];

		if (act->on_time + act->late > INT64_MAX - kind->events)
			sums->overflow = true;
		else
			kind->events += act->on_time + act->late;
		kind->distinct++;
		if (!sums->overflow)
			kind->late += act->late;
		kind->late_distinct += act->on_time == 0;
		used[act->day] = 1;
		events += act->on_time + act->late;
		distinct++;
		if (!reader->within)
			break;
		step = behavior_next_act(reader);
	}
	if (step != BEHAVIOR_ITEM)
		return step;
	if (events > INT64_MAX)
		sums->overflow = true;
	else if (no_customer)
	{
		sums->no_customer_events += events;
		sums->no_customer_distinct += distinct;
	}
	else
		count_customer(sums, (int64_t) events, distinct);
	return step;
}

static const char *
check_acts(BehaviorReader *reader, Counted *sums, const BehaviorKind *kinds,
           BehaviorKind *counted, uint8_t *used)
{
	BehaviorStep step;
	uint32_t i;

	memset(used, 0, reader->header.days);
	for (i = 0; i < reader->header.kinds; i++)
		memset(&counted[i], 0, sizeof(counted[i]));
	do
		step = count_acts(reader, sums, counted, used);
	while (step == BEHAVIOR_ITEM);
	if (step == BEHAVIOR_CORRUPT)
		return reader->problem;

	for (i = 0; i < reader->header.kinds; i++)
		if (kinds[i].events != counted[i].events ||
		    kinds[i].distinct != counted[i].distinct ||
		    kinds[i].late != counted[i].late ||
		    kinds[i].late_distinct != counted[i].late_distinct)
			return "its sums are not those of its acts";
	for (i = 0; i < reader->header.days; i++)
		if (!used[i])
			return "it has a day without an act";
	return NULL;
}

static const char *
check_customers(BehaviorReader *reader, Counted *sums)
{
	BehaviorCustomer customer;
	BehaviorStep step;

	while ((step = behavior_next_customer(reader, &customer)) == BEHAVIOR_ITEM)
		count_customer(sums, customer.events, customer.distinct);
	if (step == BEHAVIOR_CORRUPT)
		return reader->problem;
	sums->no_customer_events = reader->header.no_customer_events;
	sums->no_customer_distinct = reader->header.no_customer_distinct;
	return NULL;
}

const char *
behavior_check(BehaviorReader *reader, BehaviorKind *kinds,
               BehaviorKind *counted, int32_t *days, uint8_t *used)
{
	const BehaviorHeader *header = &reader->header;
	Counted sums = {0};
	__int128 events = 0;
	__int128 distinct = 0;
	const char *problem;
	uint32_t i;

	if (header->kinds == 0)
		return NULL;
	for (i = 0; i < header->kinds; i++)
	{
		if (!behavior_read_kind(reader, &kinds[i]))
			return reader->problem;
		if (!is_utf8(kinds[i].name, kinds[i].name_length))
			return "a kind is not valid UTF-8";
		events += kinds[i].events;
		distinct += kinds[i].distinct;
	}
	if (!behavior_read_days(reader, days))
		return reader->problem;

	problem = header->detailed
	              ? check_acts(reader, &sums, kinds, counted, used)
	              : check_customers(reader, &sums);
	if (problem != NULL)
		return problem;
	if (sums.overflow || events > INT64_MAX)
		return "a count is too large";
	if (sums.events + sums.no_customer_events != events ||
	    sums.distinct + sums.no_customer_distinct != distinct ||
	    sums.no_customer_events != header->no_customer_events ||
	    sums.no_customer_distinct != header->no_customer_distinct ||
	    sums.event_squares != header->event_squares ||
	    sums.distinct_squares != header->distinct_squares)
		return "its sums do not agree";
	if (!header->partial &&
	    header->detailed != (distinct <= BEHAVIOR_DETAIL_MAX))
		return "it is in the wrong form for its size";
	return NULL;
}

/* Writing ---------------------------------------------------------------- */

static inline void
want_room(BehaviorWriter *writer, size_t room)
{
	if ((size_t) (writer->end - writer->at) < room)
		writer->grow(writer, room);
}

static inline void
put_varint(BehaviorWriter *writer, uint64_t value)
{
	while (value >= 0x80)
	{
		*writer->at++ = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	*writer->at++ = (uint8_t) value;
}

static void
put_wide(BehaviorWriter *writer, unsigned __int128 value)
{
	while (value >= 0x80)
	{
		*writer->at++ = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	*writer->at++ = (uint8_t) value;
}

static void
put_bytes(BehaviorWriter *writer, const char *bytes, uint32_t length)
{
	put_varint(writer, length);
	memcpy(writer->at, bytes, length);
	writer->at += length;
}

void
behavior_write_header(BehaviorWriter *writer, const BehaviorHeader *header)
{
	bool no_customer = header->no_customer_events > 0;

	want_room(writer,
	          3 + header->zone_length + 8 * VARINT_BYTES + 2 * WIDE_BYTES);
	*writer->at++ = BEHAVIOR_VERSION;
	*writer->at++ = (header->detailed ? FLAG_DETAILED : 0) |
	                (header->partial ? FLAG_PARTIAL : 0) |
	                (no_customer ? FLAG_NO_CUSTOMER : 0);
	put_bytes(writer, header->zone, header->zone_length);
	put_varint(writer, header->kinds);
	writer->kinds = header->kinds;
	writer->first_item = true;
	if (header->kinds == 0)
		return;
	put_varint(writer, to_zigzag(header->first));
	put_varint(writer, (uint64_t) header->last - (uint64_t) header->first);
	put_varint(writer, header->days);
	put_varint(writer, header->customers);
	put_wide(writer, header->event_squares);
	put_wide(writer, header->distinct_squares);
	if (no_customer)
	{
		put_varint(writer, (uint64_t) header->no_customer_events);
		put_varint(writer, (uint64_t) header->no_customer_distinct);
	}
}

void
behavior_write_kind(BehaviorWriter *writer, const BehaviorKind *kind)
{
	bool negative = kind->quantity < 0;
	unsigned __int128 size = negative ? -(unsigned __int128) kind->quantity
	                                  : (unsigned __int128) kind->quantity;
	bool whole = size % 1000000 == 0;

	want_room(writer, kind->name_length + 5 * VARINT_BYTES + WIDE_BYTES);
	put_bytes(writer, kind->name, kind->name_length);
	put_varint(writer, (uint64_t) kind->events);
	put_varint(writer, (uint64_t) kind->distinct);
	put_varint(writer, (uint64_t) kind->late);
	put_varint(writer, (uint64_t) kind->late_distinct);
	put_wide(writer, (whole ? size / 1000000 : size) << 2 |
	                     (unsigned) (negative << 1) | whole);
}

void
behavior_write_days(BehaviorWriter *writer, const int32_t *days,
                    uint32_t count)
{
	uint32_t i;

	want_room(writer, (size_t) count * 5);
	for (i = 0; i < count; i++)
		put_varint(writer,
		           i == 0 ? to_zigzag(days[0])
		                  : (uint64_t) ((int64_t) days[i] - days[i - 1] - 1));
	writer->first_item = true;
}

static inline void
put_customer(BehaviorWriter *writer, int64_t customer)
{
	put_varint(writer,
	           writer->first_item
	               ? to_zigzag(customer)
	               : (uint64_t) customer - (uint64_t) writer->previous - 1);
	writer->first_item = false;
	writer->previous = customer;
}

/* Before the first act of a customer, or of none, which come first. */
void
behavior_begin_customer(BehaviorWriter *writer, const BehaviorAct *act)
{
	want_room(writer, VARINT_BYTES);
	writer->previous_day = 0;
	if (!act->no_customer)
		put_customer(writer, act->customer);
}

void
behavior_write_act(BehaviorWriter *writer, const BehaviorAct *act, bool more)
{
	uint64_t place =
	    (uint64_t) (act->day - writer->previous_day) * writer->kinds +
	    act->kind;
	unsigned how = act->late == 0
	                   ? (act->on_time == 1 ? ONE_ON_TIME : MANY_ON_TIME)
	               : act->late == 1 && act->on_time == 0 ? ONE_LATE
	                                                     : MIXED;

	want_room(writer, 3 * VARINT_BYTES);
	writer->previous_day = act->day;
	put_varint(writer, place << 3 | (unsigned) (more << 2) | how);
	if (how == MANY_ON_TIME)
		put_varint(writer, (uint64_t) act->on_time - 2);
	if (how != MIXED)
		return;
	put_varint(writer, (uint64_t) act->on_time);
	put_varint(writer, (uint64_t) act->late);
}

void
behavior_write_customer(BehaviorWriter *writer,
                        const BehaviorCustomer *customer)
{
	want_room(writer, 3 * VARINT_BYTES);
	put_customer(writer, customer->customer);
	put_varint(writer, (uint64_t) customer->distinct);
	put_varint(writer, (uint64_t) (customer->events - customer->distinct));
}

void
behavior_write_end(BehaviorWriter *writer)
{
	uint32_t sum;
	int i;

	sum = checksum(writer->begin, (size_t) (writer->at - writer->begin));
	want_room(writer, CHECKSUM_BYTES);
	for (i = 0; i < CHECKSUM_BYTES; i++)
		*writer->at++ = (uint8_t) (sum >> (8 * i));
}
