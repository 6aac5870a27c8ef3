/*
 * behavior_check.c
 *		Whether bytes are a calib.behavior: every one of them, and that its
 *		sums are those of its parts.
 *
 * Bytes that come from outside are believed only after this.
 */
#include "behavior_codec.h"

#include <string.h>

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

static inline void
pause_here(BehaviorReader *reader)
{
	if (reader->pause != NULL)
		reader->pause();
}

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
	{
		pause_here(reader);
		step = count_acts(reader, sums, counted, used);
	} while (step == BEHAVIOR_ITEM);
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
	{
		pause_here(reader);
		count_customer(sums, customer.events, customer.distinct);
	}
	if (step == BEHAVIOR_CORRUPT)
		return reader->problem;
	sums->no_customer_events = reader->header.no_customer_events;
	sums->no_customer_distinct = reader->header.no_customer_distinct;
	return NULL;
}

static const char *
check_kinds(BehaviorReader *reader, BehaviorKind *kinds, __int128 *events,
            __int128 *distinct)
{
	__int128 quantities = 0;
	uint32_t i;

	for (i = 0; i < reader->header.kinds; i++)
	{
		if (!behavior_read_kind(reader, &kinds[i]))
			return reader->problem;
		quantities +=
		    kinds[i].quantity < 0 ? -kinds[i].quantity : kinds[i].quantity;
		if (quantities >= BEHAVIOR_QUANTITY_LIMIT)
			return "a quantity is too large";
		if (!is_utf8(kinds[i].name, kinds[i].name_length))
			return "a kind is not valid UTF-8";
		*events += kinds[i].events;
		*distinct += kinds[i].distinct;
	}
	return *events > INT64_MAX ? "a count is too large" : NULL;
}

static int64_t
utc_day(int64_t time)
{
	int64_t day = time / BEHAVIOR_USECS_A_DAY;

	return day - (time % BEHAVIOR_USECS_A_DAY < 0);
}

/*
 * The first and the last moment lie on the first and the last day.  Which day
 * a moment is on only the zone knows, but no zone is a week from UTC.
 */
static const char *
check_times(const BehaviorHeader *header, const int32_t *days)
{
	int64_t first = utc_day(header->first) - days[0];
	int64_t last = utc_day(header->last) - days[header->days - 1];

	if (header->first < BEHAVIOR_TIME_MIN || header->last >= BEHAVIOR_TIME_END)
		return "a time is out of range";
	if (first < -7 || first > 7 || last < -7 || last > 7)
		return "its days are not those of its first and last time";
	return NULL;
}

/* Each day has an act, and a customer not more on a day than there are kinds.
 */
static const char *
check_bounds(const BehaviorHeader *header, const BehaviorKind *kinds,
             __int128 distinct)
{
	__int128 whom = (__int128) header->customers +
	                (header->no_customer_events > 0 ? 1 : 0);
	uint32_t i;

	if (distinct < header->days)
		return "it has a day without an act";
	for (i = 0; i < header->kinds; i++)
		if (kinds[i].distinct > whom * header->days)
			return "its sums do not agree";
	return NULL;
}

static const char *
check_totals(const BehaviorHeader *header, const Counted *sums,
             __int128 events, __int128 distinct)
{
	if (sums->overflow)
		return "a count is too large";
	if (sums->events + sums->no_customer_events != events ||
	    sums->distinct + sums->no_customer_distinct != distinct ||
	    sums->no_customer_events != header->no_customer_events ||
	    sums->no_customer_distinct != header->no_customer_distinct ||
	    sums->event_squares != header->event_squares ||
	    sums->distinct_squares != header->distinct_squares)
		return "its sums do not agree";
	if (!header->partial &&
	    header->detailed != (distinct <= BEHAVIOR_DETAIL_MAX))
		return "it is in the wrong form for its size";
	return NULL;
}

static const char *
check_parts(BehaviorReader *reader, BehaviorKind *kinds, BehaviorKind *counted,
            int32_t *days, uint8_t *used)
{
	const BehaviorHeader *header = &reader->header;
	Counted sums = {0};
	__int128 events = 0;
	__int128 distinct = 0;
	const char *problem;

	if (header->kinds == 0)
		return NULL;
	problem = check_kinds(reader, kinds, &events, &distinct);
	if (problem == NULL && !behavior_read_days(reader, days))
		problem = reader->problem;
	if (problem == NULL)
		problem = check_times(header, days);
	if (problem == NULL)
		problem = check_bounds(header, kinds, distinct);
	if (problem == NULL)
		problem = header->detailed
		              ? check_acts(reader, &sums, kinds, counted, used)
		              : check_customers(reader, &sums);
	if (problem == NULL)
		problem = check_totals(header, &sums, events, distinct);
	return problem;
}

const char *
behavior_check(BehaviorReader *reader, BehaviorKind *kinds,
               BehaviorKind *counted, int32_t *days, uint8_t *used)
{
	const char *problem = check_parts(reader, kinds, counted, days, used);

	if (problem != NULL && reader->problem == NULL)
		reader->offset = (size_t) (reader->at - reader->begin);
	if (problem == NULL &&
	    !behavior_sum_holds(reader->begin,
	                        (size_t) (reader->end - reader->begin) +
	                            CHECKSUM_BYTES))
	{
		reader->offset = (size_t) (reader->end - reader->begin);
		problem = "its checksum is wrong";
	}
	return problem;
}
