/*
 * behavior_state.c
 *		A state of the aggregate behavior on its way between processes.
 *
 * Such a state keeps every event, and whoever gets it sorts them together with
 * its own.  So it travels as it lies in memory: as a calib.behavior it would
 * be sorted, written, checked and read once more for each worker, which takes
 * longer than all its rows did.  Where it is too large for that it does become
 * one; the first byte tells the two apart.
 */
#include "behavior_set.h"

#include "utils/memutils.h"

#define PLAIN_VERSION 0 /* a calib.behavior begins with 1 or more */
#define BYTE_ORDER_MARK 0x01020304

/* Beyond this many entries it is worth being made small. */
#define PLAIN_ENTRIES (1 << 22)

typedef struct PlainHead
{
	uint8 version;
	uint8 zone_length;
	uint16 kinds;
	uint32 byte_order;
	int64 first;
	int64 last;
	int64 entries;
} PlainHead;

typedef struct PlainKind
{
	BehaviorSum quantity;
	int64 name_length;
} PlainKind;

typedef struct PlainReader
{
	const uint8 *at;
	const uint8 *end;
	PlainHead head;
} PlainReader;

bool
behavior_state_is_plain(const bytea *bytes)
{
	return VARSIZE_ANY_EXHDR(bytes) > 0 &&
	       *(const uint8 *) VARDATA_ANY(bytes) == PLAIN_VERSION;
}

static inline uint8 *
put(uint8 *at, const void *what, Size size)
{
	memcpy(at, what, size);
	return at + size;
}

/* The state as bytes; the last four are a checksum of the others. */
bytea *
behavior_state_write(BehaviorSet *set)
{
	PlainHead head = {0};
	Size zone_length = strlen(set->zone);
	Size size = sizeof(PlainHead) + zone_length + CHECKSUM_BYTES;
	bytea *result;
	uint8 *at;
	uint32 sum;
	int i;

	if (!set->keep_acts || set->entries > PLAIN_ENTRIES)
		return behavior_set_encode(set, set->keep_acts);
	for (i = 0; i < set->kinds; i++)
		size += sizeof(PlainKind) + set->slots[i].name_length;
	size += set->entries * sizeof(BehaviorEntry);
	if (size > MaxAllocSize - VARHDRSZ)
		return behavior_set_encode(set, true);

	head.version = PLAIN_VERSION;
	head.zone_length = (uint8) zone_length;
	head.kinds = (uint16) set->kinds;
	head.byte_order = BYTE_ORDER_MARK;
	head.first = set->first;
	head.last = set->last;
	head.entries = set->entries;
	result = palloc(size + VARHDRSZ);
	SET_VARSIZE(result, size + VARHDRSZ);
	at = put((uint8 *) VARDATA(result), &head, sizeof(head));
	at = put(at, set->zone, zone_length);
	for (i = 0; i < set->kinds; i++)
	{
		const BehaviorSlot *slot = &set->slots[i];
		PlainKind kind = {slot->quantity, slot->name_length};

		at = put(at, &kind, sizeof(kind));
		at = put(at, slot->name, slot->name_length);
	}
	if (set->entries > 0)
		at = put(at, set->entry, set->entries * sizeof(BehaviorEntry));
	sum = behavior_sum((const uint8 *) VARDATA(result), size - CHECKSUM_BYTES);
	(void) put(at, &sum, CHECKSUM_BYTES);
	return result;
}

/* Reading ---------------------------------------------------------------- */

static void
state_corrupt(const char *problem)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
	                errmsg("invalid state of aggregate calib.behavior"),
	                errdetail("%s", problem)));
}

static const uint8 *
take(PlainReader *reader, Size size)
{
	const uint8 *at = reader->at;

	if (size > (Size) (reader->end - at))
		state_corrupt("It ends too early.");
	reader->at += size;
	return at;
}

static void
open_state(PlainReader *reader, const bytea *bytes)
{
	Size size = VARSIZE_ANY_EXHDR(bytes);

	reader->at = (const uint8 *) VARDATA_ANY(bytes);
	reader->end =
	    reader->at + (size < CHECKSUM_BYTES ? 0 : size - CHECKSUM_BYTES);
	memcpy(&reader->head, take(reader, sizeof(PlainHead)), sizeof(PlainHead));
	if (reader->head.byte_order != BYTE_ORDER_MARK)
		state_corrupt("It comes from a machine of another byte order.");
}

static const char *
take_kind(PlainReader *reader, PlainKind *kind)
{
	memcpy(kind, take(reader, sizeof(PlainKind)), sizeof(PlainKind));
	if (kind->name_length < 0 || kind->name_length > BEHAVIOR_NAME_MAX)
		state_corrupt("The name of a kind is too long.");
	if (kind->quantity >= BEHAVIOR_QUANTITY_LIMIT ||
	    kind->quantity <= -BEHAVIOR_QUANTITY_LIMIT)
		state_corrupt("A quantity is too large.");
	return (const char *) take(reader, (Size) kind->name_length);
}

static inline int
entry_kind(uint64 low)
{
	return (int) ((low >> ENTRY_KIND_SHIFT) & (BEHAVIOR_KINDS_MAX - 1));
}

/*
 * Whether bytes that came from another process are such a state: everything
 * behavior_state_add() relies on.
 */
void
behavior_state_check(const bytea *bytes)
{
	PlainReader reader;
	const uint8 *begin = (const uint8 *) VARDATA_ANY(bytes);
	uint32 sum;
	int64 i;

	open_state(&reader, bytes);
	(void) take(&reader, reader.head.zone_length);
	for (i = 0; i < reader.head.kinds; i++)
	{
		PlainKind kind;

		(void) take_kind(&reader, &kind);
	}
	if (reader.head.entries < 0 || reader.head.entries > PLAIN_ENTRIES ||
	    (Size) reader.head.entries * sizeof(BehaviorEntry) !=
	        (Size) (reader.end - reader.at))
		state_corrupt("It has not as many events as it says.");
	memcpy(&sum, reader.end, CHECKSUM_BYTES);
	if (sum != behavior_sum(begin, (Size) (reader.end - begin)))
		state_corrupt("Its checksum is wrong.");
	for (i = 0; i < reader.head.entries; i++)
	{
		BehaviorEntry entry;

		memcpy(&entry, reader.at + i * sizeof(entry), sizeof(entry));
		if (entry_kind(entry.low) >= reader.head.kinds)
			state_corrupt("An event is of a kind that is not there.");
	}
}

static BehaviorSet *
set_like(MemoryContext context, PlainReader *reader, const char *zone)
{
	return behavior_set_make(context, zone, reader->head.zone_length, true);
}

/* Adds the bytes of a state to a set, which is made where there is none. */
BehaviorSet *
behavior_state_add(MemoryContext context, BehaviorSet *set, const bytea *bytes)
{
	PlainReader reader;
	const char *zone;
	BehaviorEntry *to;
	int *place;
	int i;
	int64 n;

	open_state(&reader, bytes);
	zone = (const char *) take(&reader, reader.head.zone_length);
	if (set == NULL)
		set = set_like(context, &reader, zone);
	if (strlen(set->zone) != reader.head.zone_length ||
	    memcmp(set->zone, zone, reader.head.zone_length) != 0)
		behavior_zone_differs(set->zone, strlen(set->zone), zone,
		                      reader.head.zone_length);
	set->first = Min(set->first, reader.head.first);
	set->last = Max(set->last, reader.head.last);
	place = palloc(sizeof(int) * Max(reader.head.kinds, 1));
	for (i = 0; i < reader.head.kinds; i++)
	{
		PlainKind kind;
		const char *name = take_kind(&reader, &kind);

		place[i] = behavior_set_kind(set, i, name, (uint32) kind.name_length);
		behavior_set_add_quantity(&set->slots[place[i]], kind.quantity);
	}
	to = behavior_set_room_for(set, reader.head.entries);
	for (n = 0; n < reader.head.entries; n++)
	{
		BehaviorEntry entry;

		memcpy(&entry, reader.at + n * sizeof(entry), sizeof(entry));
		to[n].high = entry.high;
		to[n].low = (entry.low & ~((uint64) (BEHAVIOR_KINDS_MAX - 1)
		                           << ENTRY_KIND_SHIFT)) |
		            (uint64) place[entry_kind(entry.low)] << ENTRY_KIND_SHIFT;
	}
	set->entries += reader.head.entries;
	pfree(place);
	return set;
}
