/*
 * behavior_write.c
 *		Writes the bytes of a calib.behavior.
 */
#include "behavior_codec.h"

#include <string.h>

static inline uint64_t
to_zigzag(int64_t value)
{
	return ((uint64_t) value << 1) ^ (uint64_t) (value >> 63);
}

/*
 * A checksum over all bytes but its own: each byte matters, so that a changed
 * one is told from a summary somebody made.  FNV-1a over words of eight bytes,
 * lowest first, and what is left over byte by byte.
 */
uint32_t
behavior_sum(const uint8_t *bytes, size_t size)
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
	return behavior_sum(bytes, size - CHECKSUM_BYTES) ==
	       ((uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 |
	        (uint32_t) at[3] << 24);
}

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

	sum = behavior_sum(writer->begin, (size_t) (writer->at - writer->begin));
	want_room(writer, CHECKSUM_BYTES);
	for (i = 0; i < CHECKSUM_BYTES; i++)
		*writer->at++ = (uint8_t) (sum >> (8 * i));
}
