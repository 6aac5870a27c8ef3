/*
 * tests/fuzz/behavior.c
 *		Feeds the reader of calib.behavior with broken values.
 *
 *	behavior [ROUNDS [SEED]]
 *
 * Each round makes a valid value, breaks it in a few places, mostly mends its
 * checksum, and reads it twice: checked, as bytes from outside are, and not,
 * as a rollup reads what is stored.  Both must end without touching a byte
 * outside (the address sanitizer watches).  What the check accepts must hold:
 * sums counted anew here, in the simplest way, and the same bytes when written
 * again, for a summary has one form only.
 */
#include "behavior_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST 8192
#define MOST_KINDS 16
#define MOST_DAYS 512

typedef struct Value
{
	BehaviorHeader header;
	BehaviorKind kind[MOST_KINDS];
	int32_t day[MOST_DAYS];
	int acts;
	BehaviorAct act[MOST];
	int customers;
	BehaviorCustomer customer[MOST];
} Value;

static uint64_t seed;
static uint64_t state;
static uint64_t round_number;

static uint64_t
draw(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * UINT64_C(2685821657736338717)) % below;
}

static void
fail(const char *what, const uint8_t *bytes, size_t size)
{
	size_t i;

	fprintf(stderr, "seed %llu round %llu: %s\n", (unsigned long long) seed,
	        (unsigned long long) round_number, what);
	for (i = 0; i < size; i++)
		fprintf(stderr, "%02x", bytes[i]);
	fprintf(stderr, "\n");
	exit(1);
}

/* Making ----------------------------------------------------------------- */

static int64_t
some_count(void)
{
	switch (draw(12))
	{
		case 0:
			return 1 + (int64_t) draw(1000);
		case 1:
			return 1 + (int64_t) draw(UINT64_C(1) << (1 + draw(40)));
		default:
			return 1;
	}
}

static void
make_names(Value *value)
{
	static const char *names[] = {
	    "",       "call",  "contract_change",          "email",
	    "order",  "quote", "r\xc3\xa9union",           "visit",
	    "visit ", "z",     "\xe6\x8b\x9c\xe8\xae\xbf", "\xf0\x9f\x93\x9e"};
	const uint32_t all = sizeof(names) / sizeof(names[0]);
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < all; i++)
	{
		if (draw(2) == 0)
			continue;
		value->kind[n].name = names[i];
		value->kind[n].name_length = (uint32_t) strlen(names[i]);
		n++;
	}
	if (n == 0)
	{
		value->kind[n].name = "visit";
		value->kind[n++].name_length = 5;
	}
	value->header.kinds = n;
}

static void
make_days(Value *value, uint32_t most)
{
	BehaviorHeader *header = &value->header;
	int64_t day = (int64_t) draw(20000) - 5000;
	uint32_t i;

	header->days = 1 + (uint32_t) draw(most);
	for (i = 0; i < header->days; i++)
	{
		value->day[i] = (int32_t) day;
		day += 1 + (draw(5) == 0 ? (int64_t) draw(300) : 0);
	}
}

static void
make_times(Value *value)
{
	BehaviorHeader *header = &value->header;

	header->first = value->day[0] * BEHAVIOR_USECS_A_DAY + 1;
	header->last =
	    (value->day[header->days - 1] + 1) * BEHAVIOR_USECS_A_DAY - 1;
}

static void
make_quantities(Value *value)
{
	uint32_t i;

	for (i = 0; i < value->header.kinds; i++)
		value->kind[i].quantity =
		    ((BehaviorSum) draw(UINT64_C(1) << 40) - (1 << 20)) *
		    (draw(2) ? 1000000 : 1) * (draw(9) ? 1 : 123456789012345);
}

static void
count_act(Value *value, const BehaviorAct *act)
{
	BehaviorKind *kind = &value->kind[act->kind];

	kind->events += act->on_time + act->late;
	kind->late += act->late;
	kind->distinct++;
	kind->late_distinct += act->on_time == 0;
}

static void
put_act(Value *value, int64_t customer, bool no_customer, uint32_t day,
        uint32_t kind)
{
	BehaviorAct *act = &value->act[value->acts++];

	act->customer = customer;
	act->no_customer = no_customer;
	act->day = day;
	act->kind = kind;
	act->on_time = draw(3) ? some_count() : 0;
	act->late = act->on_time == 0 || draw(3) == 0 ? some_count() : 0;
}

static void
make_customer(Value *value, int64_t customer, bool no_customer)
{
	int before = value->acts;
	uint32_t i;

	for (i = 0; i < value->header.days * value->header.kinds; i++)
		if (draw(6) == 0 && value->acts < MOST - 1)
			put_act(value, customer, no_customer, i / value->header.kinds,
			        i % value->header.kinds);
	if (value->acts == before)
		put_act(value, customer, no_customer,
		        (uint32_t) draw(value->header.days),
		        (uint32_t) draw(value->header.kinds));
}

static int64_t
next_id(int64_t id)
{
	uint64_t left = (uint64_t) INT64_MAX - (uint64_t) id;
	uint64_t step = draw(9) ? 1 + draw(500) : 1 + draw(UINT64_C(1) << 61);

	return left == 0 ? id
	                 : (int64_t) ((uint64_t) id + (step > left ? left : step));
}

/* Sums over customers, from the acts or the customers of the value */
static void
count_customers(Value *value)
{
	BehaviorHeader *header = &value->header;
	int i;

	header->customers = (uint64_t) value->customers;
	header->event_squares = header->distinct_squares = 0;
	for (i = 0; i < value->customers; i++)
	{
		const BehaviorCustomer *customer = &value->customer[i];

		header->event_squares +=
		    (unsigned __int128) customer->events * (uint64_t) customer->events;
		header->distinct_squares += (unsigned __int128) customer->distinct *
		                            (uint64_t) customer->distinct;
	}
}

static void
gather_customers(Value *value)
{
	BehaviorHeader *header = &value->header;
	int i;

	value->customers = 0;
	header->no_customer_events = header->no_customer_distinct = 0;
	for (i = 0; i < value->acts; i++)
	{
		const BehaviorAct *act = &value->act[i];
		BehaviorCustomer *customer;

		if (act->no_customer)
		{
			header->no_customer_events += act->on_time + act->late;
			header->no_customer_distinct++;
			continue;
		}
		if (value->customers == 0 ||
		    value->customer[value->customers - 1].customer != act->customer)
		{
			customer = &value->customer[value->customers++];
			customer->customer = act->customer;
			customer->events = customer->distinct = 0;
		}
		customer = &value->customer[value->customers - 1];
		customer->events += act->on_time + act->late;
		customer->distinct++;
	}
	count_customers(value);
}

/* Takes out what has no act: kinds and days of a value all have one. */
static void
drop_unused(Value *value)
{
	uint32_t kind_at[MOST_KINDS] = {0};
	uint32_t day_at[MOST_DAYS] = {0};
	uint32_t kinds = 0;
	uint32_t days = 0;
	uint32_t i;
	int a;

	for (a = 0; a < value->acts; a++)
		kind_at[value->act[a].kind] = day_at[value->act[a].day] = 1;
	for (i = 0; i < value->header.kinds; i++)
		if (kind_at[i])
		{
			value->kind[kinds] = value->kind[i];
			kind_at[i] = kinds++;
		}
	for (i = 0; i < value->header.days; i++)
		if (day_at[i])
		{
			value->day[days] = value->day[i];
			day_at[i] = days++;
		}
	for (a = 0; a < value->acts; a++)
	{
		value->act[a].kind = kind_at[value->act[a].kind];
		value->act[a].day = day_at[value->act[a].day];
	}
	value->header.kinds = kinds;
	value->header.days = days;
}

static void
make_value(Value *value, bool sums)
{
	int64_t id =
	    draw(4) ? (int64_t) draw(2000000) : INT64_MIN + (int64_t) draw(9);
	int customers = (int) draw(sums ? 60 : 12);
	uint32_t i;
	int a;

	memset(value, 0, sizeof(*value));
	value->header.zone = draw(2) ? "Asia/Shanghai" : "UTC";
	value->header.zone_length = (uint32_t) strlen(value->header.zone);
	value->header.detailed = true;
	if (!sums && draw(20) == 0)
		return;
	make_names(value);
	make_days(value, sums ? 120 : 14);
	if (customers == 0 || draw(3) == 0)
		make_customer(value, 0, true);
	for (; customers > 0; customers--, id = next_id(id))
		if (value->acts < MOST - 1 && id < INT64_MAX)
			make_customer(value, id, false);
	drop_unused(value);
	for (i = 0; i < value->header.kinds; i++)
		value->kind[i].events = value->kind[i].distinct = value->kind[i].late =
		    value->kind[i].late_distinct = 0;
	for (a = 0; a < value->acts; a++)
		count_act(value, &value->act[a]);
	make_times(value);
	make_quantities(value);
	gather_customers(value);
	value->header.detailed = value->acts <= BEHAVIOR_DETAIL_MAX;
	if (!value->header.detailed && draw(3) == 0)
		value->header.detailed = value->header.partial = true;
}

/* Writing ---------------------------------------------------------------- */

static void
grow(BehaviorWriter *writer, size_t room)
{
	size_t used = (size_t) (writer->at - writer->begin);
	size_t size = 2 * (used + room);

	writer->begin = realloc(writer->begin, size);
	writer->at = writer->begin + used;
	writer->end = writer->begin + size;
}

static void
write_acts(BehaviorWriter *writer, const Value *value)
{
	int i;

	for (i = 0; i < value->acts; i++)
	{
		const BehaviorAct *act = &value->act[i];
		bool begins = i == 0 || act[-1].no_customer != act->no_customer ||
		              act[-1].customer != act->customer;
		bool more = i + 1 < value->acts &&
		            act[1].no_customer == act->no_customer &&
		            act[1].customer == act->customer;

		if (begins)
			behavior_begin_customer(writer, act);
		behavior_write_act(writer, act, more);
	}
}

/* Exactly as many bytes as it needs, so that one too many is noticed */
static uint8_t *
write_value(const Value *value, size_t *size)
{
	BehaviorWriter writer = {.grow = grow};
	uint8_t *bytes;
	uint32_t i;
	int c;

	behavior_write_header(&writer, &value->header);
	for (i = 0; i < value->header.kinds; i++)
		behavior_write_kind(&writer, &value->kind[i]);
	behavior_write_days(&writer, value->day, value->header.days);
	if (value->header.detailed)
		write_acts(&writer, value);
	else
		for (c = 0; c < value->customers; c++)
			behavior_write_customer(&writer, &value->customer[c]);
	behavior_write_end(&writer);
	*size = (size_t) (writer.at - writer.begin);
	bytes = malloc(*size);
	memcpy(bytes, writer.begin, *size);
	free(writer.begin);
	return bytes;
}

/* Reading ---------------------------------------------------------------- */

static const char *
checked(const uint8_t *bytes, size_t size)
{
	BehaviorReader reader;
	BehaviorKind *kinds;
	int32_t *days;
	uint8_t *used;
	const char *problem;

	if (!behavior_open(&reader, bytes, size))
		return reader.problem;
	kinds = malloc(2 * reader.header.kinds * sizeof(*kinds) + 1);
	days = malloc(reader.header.days * sizeof(*days) + 1);
	used = malloc(reader.header.days + 1);
	problem = behavior_check(&reader, kinds, kinds + reader.header.kinds, days,
	                         used);
	if (problem != NULL && reader.offset > size)
		fail("the place of a problem lies outside", bytes, size);
	free(kinds);
	free(days);
	free(used);
	return problem;
}

/*
 * As a rollup reads, without the check.  Returns whether it is whole; value
 * may be NULL, and takes no more than it can hold.
 */
static bool
read_value(const uint8_t *bytes, size_t size, Value *value)
{
	BehaviorReader reader;
	BehaviorKind kind;
	BehaviorCustomer customer;
	BehaviorStep step;
	int32_t *days;
	bool good;
	uint32_t i;

	if (!behavior_open(&reader, bytes, size))
		return false;
	for (i = 0; i < reader.header.kinds; i++)
	{
		if (!behavior_read_kind(&reader, &kind))
			return false;
		if (value != NULL)
			value->kind[i] = kind;
	}
	days = malloc(reader.header.days * sizeof(*days) + 1);
	good = behavior_read_days(&reader, days);
	if (good && value != NULL)
		memcpy(value->day, days, reader.header.days * sizeof(*days));
	free(days);
	if (!good)
		return false;
	if (value != NULL)
	{
		value->header = reader.header;
		value->acts = value->customers = 0;
	}
	if (reader.header.detailed)
		while ((step = behavior_next_act(&reader)) == BEHAVIOR_ITEM)
		{
			if (reader.act.kind >= reader.header.kinds ||
			    reader.act.day >= reader.header.days)
				fail("an act lies outside", bytes, size);
			if (value != NULL)
				value->act[value->acts++] = reader.act;
		}
	else
		while ((step = behavior_next_customer(&reader, &customer)) ==
		       BEHAVIOR_ITEM)
			if (value != NULL)
				value->customer[value->customers++] = customer;
	return step == BEHAVIOR_END;
}

/* What must hold of a value, counted in the simplest way */
static const char *
broken_kinds(const Value *value)
{
	BehaviorKind counted[MOST_KINDS];
	Value *copy;
	uint32_t i;
	int a;
	const char *problem = NULL;

	for (i = 1; i < value->header.kinds; i++)
	{
		const BehaviorKind *one = &value->kind[i - 1];
		const BehaviorKind *next = &value->kind[i];
		uint32_t shorter = one->name_length < next->name_length
		                       ? one->name_length
		                       : next->name_length;
		int order = memcmp(one->name, next->name, shorter);

		if (order > 0 || (order == 0 && one->name_length >= next->name_length))
			return "kinds out of order";
	}
	if (!value->header.detailed)
		return NULL;
	copy = calloc(1, sizeof(*copy));
	for (a = 0; a < value->acts; a++)
		count_act(copy, &value->act[a]);
	memcpy(counted, copy->kind, sizeof(counted));
	free(copy);
	for (i = 0; i < value->header.kinds; i++)
		if (counted[i].events != value->kind[i].events ||
		    counted[i].distinct != value->kind[i].distinct ||
		    counted[i].late != value->kind[i].late ||
		    counted[i].late_distinct != value->kind[i].late_distinct)
			problem = "sums of a kind are not those of its acts";
	return problem;
}

static const char *
broken_totals(const Value *value)
{
	static Value copy;
	int64_t events = 0;
	int64_t distinct = 0;
	uint32_t i;
	int c;

	copy = *value;
	if (value->header.detailed)
		gather_customers(&copy);
	else
		count_customers(&copy);
	if (copy.header.customers != value->header.customers ||
	    copy.header.no_customer_events != value->header.no_customer_events ||
	    copy.header.no_customer_distinct !=
	        value->header.no_customer_distinct ||
	    copy.header.event_squares != value->header.event_squares ||
	    copy.header.distinct_squares != value->header.distinct_squares)
		return "sums over customers do not hold";
	for (i = 0; i < value->header.kinds; i++)
	{
		events += value->kind[i].events;
		distinct += value->kind[i].distinct;
	}
	events -= copy.header.no_customer_events;
	distinct -= copy.header.no_customer_distinct;
	for (c = 0; c < copy.customers; c++)
	{
		events -= copy.customer[c].events;
		distinct -= copy.customer[c].distinct;
		if (c > 0 &&
		    copy.customer[c - 1].customer >= copy.customer[c].customer)
			return "customers out of order";
	}
	return events != 0 || distinct != 0 ? "kinds and customers differ" : NULL;
}

static const char *
broken_days(const Value *value)
{
	bool used[MOST_DAYS];
	uint32_t i;
	int a;

	for (i = 1; i < value->header.days; i++)
		if (value->day[i - 1] >= value->day[i])
			return "days out of order";
	memset(used, 0, sizeof(used));
	for (a = 0; a < value->acts; a++)
		used[value->act[a].day] = true;
	for (i = 0; value->header.detailed && i < value->header.days; i++)
		if (!used[i])
			return "a day without an act";
	return value->header.first > value->header.last ? "times reversed" : NULL;
}

/* An accepted value: whole, sound, and written again the same */
static void
must_hold(const uint8_t *bytes, size_t size)
{
	static Value value;
	BehaviorReader reader;
	const char *problem;
	uint8_t *again;
	size_t again_size;

	if (!behavior_open(&reader, bytes, size))
		fail("accepted, but it cannot be opened", bytes, size);
	/* what has grown beyond the room here was checked above, and only that */
	if (reader.header.kinds > MOST_KINDS || reader.header.days > MOST_DAYS ||
	    size > MOST)
		return;
	memset(&value.header, 0, sizeof(value.header));
	if (!read_value(bytes, size, &value))
		fail("accepted, but it cannot be read", bytes, size);
	problem = broken_kinds(&value);
	if (problem == NULL)
		problem = broken_totals(&value);
	if (problem == NULL)
		problem = broken_days(&value);
	if (problem != NULL)
		fail(problem, bytes, size);
	again = write_value(&value, &again_size);
	if (again_size != size || memcmp(again, bytes, size) != 0)
		fail("accepted in a second form", bytes, size);
	free(again);
}

/* Breaking --------------------------------------------------------------- */

static size_t
break_once(uint8_t *bytes, size_t size)
{
	static const uint8_t odd[] = {0, 1, 2, 0x7f, 0x80, 0x81, 0xff};
	size_t at = draw(size);
	size_t run = 1 + draw(size - at < 12 ? size - at : 12);

	switch (draw(7))
	{
		case 0:
			bytes[at] ^= (uint8_t) (1 << draw(8));
			return size;
		case 1:
			bytes[at] = odd[draw(sizeof(odd))];
			return size;
		case 2:
			bytes[at] = (uint8_t) (bytes[at] + (draw(2) ? 1 : -1));
			return size;
		case 3:
			memmove(bytes + at, bytes + at + run, size - at - run);
			return size - run > 0 ? size - run : size;
		case 4:
			memmove(bytes + at + run, bytes + at, size - at);
			return size + run;
		case 5:
			return at > 0 ? at : size;
		default:
			memmove(bytes + at, bytes + draw(size - run + 1), run);
			return size;
	}
}

/* The checksum of the bytes before it, by the writer itself */
static void
mend_checksum(uint8_t *bytes, size_t size)
{
	BehaviorWriter writer = {.grow = grow};

	if (size < CHECKSUM_BYTES)
		return;
	grow(&writer, size);
	memcpy(writer.begin, bytes, size - CHECKSUM_BYTES);
	writer.at = writer.begin + size - CHECKSUM_BYTES;
	behavior_write_end(&writer);
	memcpy(bytes, writer.begin, size);
	free(writer.begin);
}

static bool
try_broken(const uint8_t *bytes, size_t size)
{
	uint8_t *room = malloc(size + 64);
	uint8_t *exact;
	size_t broken = size;
	int times = 1 + (int) draw(3);
	bool accepted;

	memcpy(room, bytes, size);
	for (; times > 0; times--)
		broken = break_once(room, broken);
	if (draw(16) != 0)
		mend_checksum(room, broken);
	exact = malloc(broken);
	memcpy(exact, room, broken);
	free(room);
	accepted = checked(exact, broken) == NULL;
	if (accepted)
		must_hold(exact, broken);
	read_value(exact, broken, NULL);
	free(exact);
	return accepted;
}

int
main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	uint64_t tried = 0;
	uint64_t accepted = 0;
	static Value value;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t) time(NULL);
	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	printf("seed %llu\n", (unsigned long long) seed);
	for (round_number = 1; round_number <= rounds; round_number++)
	{
		size_t size;
		uint8_t *bytes;
		const char *problem;
		int i;

		make_value(&value, draw(50) == 0);
		bytes = write_value(&value, &size);
		problem = checked(bytes, size);
		if (problem != NULL)
			fail(problem, bytes, size);
		must_hold(bytes, size);
		for (i = 0; i < 20; i++, tried++)
			accepted += try_broken(bytes, size);
		free(bytes);
	}
	printf("%llu broken values read, %llu of them still a summary, none "
	       "wrongly taken for one\n",
	       (unsigned long long) tried, (unsigned long long) accepted);
	return 0;
}
