/*
 * response.c
 *		How fast the organisation reacts: sri and response_summary.
 *
 * Both count in integer microseconds, so that order, split and moving windows
 * change nothing.  response_summary keeps every duration: the Kaplan-Meier
 * estimate needs them sorted.  Durations that ended in an act and durations
 * that were cut off (censored) stand in two arrays; a state is a multiset, so
 * the final function may sort it in place.
 */
#include "calib.h"

#include "access/htup_details.h"
#include "aggregate.h"
#include "common/int.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define ST_SORT sort_durations
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Shared by both -----------------------------------------------------------
 */

/*
 * A time as text of its own: timestamptz_to_str has one buffer, so that two
 * calls within one message would show the same time twice.
 */
static char *
shown(TimestampTz at)
{
	return pstrdup(timestamptz_to_str(at));
}

static void
check_finite(TimestampTz at, const char *name)
{
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s must be finite", name),
		                errdetail("It is %s.", shown(at)),
		                errhint("Where the time is not known, pass NULL or "
		                        "leave the row out.")));
}

/* Microseconds from one moment to another; both finite. */
static int64
duration(TimestampTz from, TimestampTz to)
{
	int64 result;

	if (pg_sub_s64_overflow(to, from, &result))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("duration out of range"),
		                errdetail("From %s to %s.", shown(from), shown(to)),
		                errhint("A duration is at most some 292,000 years.")));
	return result;
}

static void
check_order(TimestampTz detected_at, TimestampTz acted_at)
{
	if (acted_at >= detected_at)
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("acted_at is before detected_at"),
	                errdetail("Acted at %s, detected at %s.", shown(acted_at),
	                          shown(detected_at)),
	                errhint("Correct the row, or leave it out with FILTER "
	                        "(WHERE (acted_at < detected_at) IS NOT TRUE).")));
}

static float8
days_of(int64 microseconds)
{
	return (float8) microseconds / USECS_PER_DAY;
}

/* A 128-bit integer travels as its two halves. */
static void
send_int128(StringInfo buffer, int128 value)
{
	pq_sendint64(buffer, (int64) (value >> 64));
	pq_sendint64(buffer, (uint64) value);
}

static int128
receive_int128(StringInfo buffer)
{
	int128 high = pq_getmsgint64(buffer);
	uint64 low = (uint64) pq_getmsgint64(buffer);

	return high * ((int128) 1 << 64) + low;
}

/* sri ----------------------------------------------------------------------
 */

typedef struct SriState
{
	int64 acted;
	int128 total; /* microseconds */
} SriState;

static SriState *
sri_state(FunctionCallInfo fcinfo, MemoryContext context)
{
	SriState *state;

	if (!PG_ARGISNULL(0))
		return (SriState *) PG_GETARG_POINTER(0);
	state = MemoryContextAllocZero(context, sizeof(SriState));
	return state;
}

/* Whether a row counts, and for how long it took. */
static bool
sri_duration(FunctionCallInfo fcinfo, int64 *took)
{
	if (PG_ARGISNULL(1))
		return false;
	check_finite(PG_GETARG_TIMESTAMPTZ(1), "detected_at");
	if (PG_ARGISNULL(2))
		return false;
	check_finite(PG_GETARG_TIMESTAMPTZ(2), "acted_at");
	check_order(PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2));
	*took = duration(PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2));
	return true;
}

PG_FUNCTION_INFO_V1(calib_sri_transition);
Datum
calib_sri_transition(PG_FUNCTION_ARGS)
{
	SriState *state = sri_state(fcinfo, calib_aggregate_context(fcinfo));
	int64 took;

	if (sri_duration(fcinfo, &took))
	{
		state->acted++;
		state->total += took;
	}
	PG_RETURN_POINTER(state);
}

/* Takes a row out of a moving window; exact, because integers are. */
PG_FUNCTION_INFO_V1(calib_sri_inverse);
Datum
calib_sri_inverse(PG_FUNCTION_ARGS)
{
	SriState *state = sri_state(fcinfo, calib_aggregate_context(fcinfo));
	int64 took;

	if (sri_duration(fcinfo, &took))
	{
		state->acted--;
		state->total -= took;
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_sri_combine);
Datum
calib_sri_combine(PG_FUNCTION_ARGS)
{
	SriState *into = sri_state(fcinfo, calib_aggregate_context(fcinfo));
	SriState *from;

	if (!PG_ARGISNULL(1))
	{
		from = (SriState *) PG_GETARG_POINTER(1);
		into->acted += from->acted;
		into->total += from->total;
	}
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(calib_sri_serialize);
Datum
calib_sri_serialize(PG_FUNCTION_ARGS)
{
	SriState *state = (SriState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint64(&buffer, state->acted);
	send_int128(&buffer, state->total);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* No duration is negative, and none is longer than an int64 holds. */
static bool
sri_is_possible(const SriState *state)
{
	return state->acted >= 0 && state->total >= 0 &&
	       state->total <= (int128) state->acted * PG_INT64_MAX;
}

PG_FUNCTION_INFO_V1(calib_sri_deserialize);
Datum
calib_sri_deserialize(PG_FUNCTION_ARGS)
{
	SriState *state;
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));
	state = palloc0(sizeof(SriState));
	state->acted = pq_getmsgint64(&buffer);
	state->total = receive_int128(&buffer);
	pq_getmsgend(&buffer);
	if (!sri_is_possible(state))
		calib_bad_state("sri");
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_sri_final);
Datum
calib_sri_final(PG_FUNCTION_ARGS)
{
	SriState *state;

	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SriState *) PG_GETARG_POINTER(0);
	if (state->acted == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((float8) state->total / (float8) state->acted /
	                 USECS_PER_DAY);
}

/* response_summary ---------------------------------------------------------
 */

typedef struct Durations
{
	int64 count;
	int64 room;
	int64 *took; /* microseconds */
} Durations;

typedef struct ResponseState
{
	Durations acted;
	Durations open; /* censored */
} ResponseState;

#define FIRST_ROOM 32

static void
make_room(Durations *durations, int64 count, MemoryContext context)
{
	int64 room = Max(durations->room, FIRST_ROOM);

	if (count <= durations->room)
		return;
	while (room < count)
		room *= 2;
	if (durations->took == NULL)
		durations->took =
		    MemoryContextAllocHuge(context, room * sizeof(int64));
	else
		durations->took = repalloc_huge(durations->took, room * sizeof(int64));
	durations->room = room;
}

static void
append(Durations *durations, int64 took, MemoryContext context)
{
	make_room(durations, durations->count + 1, context);
	durations->took[durations->count++] = took;
}

static void
append_all(Durations *into, const Durations *from, MemoryContext context)
{
	if (from->count == 0)
		return;
	make_room(into, into->count + from->count, context);
	memcpy(into->took + into->count, from->took, from->count * sizeof(int64));
	into->count += from->count;
}

static ResponseState *
response_state(FunctionCallInfo fcinfo, MemoryContext context)
{
	if (!PG_ARGISNULL(0))
		return (ResponseState *) PG_GETARG_POINTER(0);
	return MemoryContextAllocZero(context, sizeof(ResponseState));
}

/* An act after as_of has not happened yet, as seen from there. */
static bool
acted_by(FunctionCallInfo fcinfo, TimestampTz as_of)
{
	if (PG_ARGISNULL(2))
		return false;
	check_finite(PG_GETARG_TIMESTAMPTZ(2), "acted_at");
	check_order(PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2));
	return PG_GETARG_TIMESTAMPTZ(2) <= as_of;
}

PG_FUNCTION_INFO_V1(calib_response_summary_transition);
Datum
calib_response_summary_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	ResponseState *state = response_state(fcinfo, context);
	TimestampTz detected_at;
	TimestampTz as_of;

	if (PG_ARGISNULL(3))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("as_of must not be null"),
		                errdetail("Without it, how long an open row has been "
		                          "open is not known."),
		                errhint("Give now(), or the time a row ended.")));
	as_of = PG_GETARG_TIMESTAMPTZ(3);
	check_finite(as_of, "as_of");
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	detected_at = PG_GETARG_TIMESTAMPTZ(1);
	check_finite(detected_at, "detected_at");
	if (acted_by(fcinfo, as_of))
		append(&state->acted, duration(detected_at, PG_GETARG_TIMESTAMPTZ(2)),
		       context);
	else if (detected_at <= as_of)
		append(&state->open, duration(detected_at, as_of), context);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_response_summary_combine);
Datum
calib_response_summary_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	ResponseState *into = response_state(fcinfo, context);
	ResponseState *from;

	if (!PG_ARGISNULL(1))
	{
		from = (ResponseState *) PG_GETARG_POINTER(1);
		append_all(&into->acted, &from->acted, context);
		append_all(&into->open, &from->open, context);
	}
	PG_RETURN_POINTER(into);
}

/* The buffer has room for them already. */
static void
send_durations(StringInfo buffer, const Durations *durations)
{
	int64 i;

	pq_writeint64(buffer, durations->count);
	for (i = 0; i < durations->count; i++)
		pq_writeint64(buffer, durations->took[i]);
}

/* The count is held against what the message has left before it is believed.
 */
static void
receive_durations(StringInfo buffer, Durations *durations)
{
	int64 count = pq_getmsgint64(buffer);
	int64 i;

	if (count < 0 ||
	    count > (buffer->len - buffer->cursor) / (int64) sizeof(int64))
		calib_bad_state("response_summary");
	make_room(durations, count, CurrentMemoryContext);
	for (i = 0; i < count; i++)
	{
		durations->took[i] = pq_getmsgint64(buffer);
		if (durations->took[i] < 0)
			calib_bad_state("response_summary");
	}
	durations->count = count;
}

PG_FUNCTION_INFO_V1(calib_response_summary_serialize);
Datum
calib_response_summary_serialize(PG_FUNCTION_ARGS)
{
	ResponseState *state = (ResponseState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	calib_reserve_state(&buffer,
	                    (state->acted.count + state->open.count + 2) *
	                        (int64) sizeof(int64),
	                    "response_summary");
	send_durations(&buffer, &state->acted);
	send_durations(&buffer, &state->open);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(calib_response_summary_deserialize);
Datum
calib_response_summary_deserialize(PG_FUNCTION_ARGS)
{
	ResponseState *state;
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));
	state = palloc0(sizeof(ResponseState));
	receive_durations(&buffer, &state->acted);
	receive_durations(&buffer, &state->open);
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

/*
 * The smallest act's time t with S(t) <= left, S being the Kaplan-Meier
 * estimate; at equal times acts come before cut-offs.  While nothing is cut
 * off the factors of S telescope, so they are kept as one fraction: without
 * open rows S is exactly remaining / all.  The tolerance is for the product
 * of such fractions otherwise.  Both arrays are sorted.
 */
static bool
kaplan_meier(const ResponseState *state, float8 left, int64 *quantile)
{
	const Durations *acted = &state->acted;
	const Durations *open = &state->open;
	int64 a = 0;
	int64 o = 0;
	float8 before = 1; /* S when the running fraction began */
	int64 at_risk = acted->count + open->count;
	int64 remaining = at_risk;

	while (a < acted->count)
	{
		int64 took = acted->took[a];
		int64 cut_off = o;

		while (o < open->count && open->took[o] < took)
			o++;
		if (o > cut_off)
		{
			before *= (float8) remaining / (float8) at_risk;
			remaining -= o - cut_off;
			at_risk = remaining;
		}
		for (; a < acted->count && acted->took[a] == took; a++)
			remaining--;
		if (before * ((float8) remaining / (float8) at_risk) <=
		    left * (1 + 1e-12))
		{
			*quantile = took;
			return true;
		}
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

static float8
mean_days(const Durations *acted)
{
	int128 total = 0;
	int64 i;

	for (i = 0; i < acted->count; i++)
		total += acted->took[i];
	return (float8) total / (float8) acted->count / USECS_PER_DAY;
}

/* Columns of the result, in order */
enum
{
	ACTED,
	OPEN,
	MEAN_DAYS,
	MEDIAN_DAYS,
	P90_DAYS,
	OLDEST_OPEN_DAYS,
	COLUMNS
};

static void
set_quantile(const ResponseState *state, float8 left, Datum *value,
             bool *isnull)
{
	int64 took;

	*isnull = !kaplan_meier(state, left, &took);
	if (!*isnull)
		*value = Float8GetDatum(days_of(took));
}

static void
summarize(ResponseState *state, Datum *values, bool *nulls)
{
	Durations *acted = &state->acted;
	Durations *open = &state->open;

	if (acted->count > 0)
		sort_durations(acted->took, acted->count);
	if (open->count > 0)
		sort_durations(open->took, open->count);
	values[ACTED] = Int64GetDatum(acted->count);
	values[OPEN] = Int64GetDatum(open->count);
	nulls[MEAN_DAYS] = acted->count == 0;
	if (acted->count > 0)
		values[MEAN_DAYS] = Float8GetDatum(mean_days(acted));
	set_quantile(state, 0.5, &values[MEDIAN_DAYS], &nulls[MEDIAN_DAYS]);
	set_quantile(state, 0.1, &values[P90_DAYS], &nulls[P90_DAYS]);
	nulls[OLDEST_OPEN_DAYS] = open->count == 0;
	if (open->count > 0)
		values[OLDEST_OPEN_DAYS] =
		    Float8GetDatum(days_of(open->took[open->count - 1]));
}

PG_FUNCTION_INFO_V1(calib_response_summary_final);
Datum
calib_response_summary_final(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	Datum values[COLUMNS] = {0};
	bool nulls[COLUMNS] = {0};

	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "response_summary's result is not a row");
	summarize((ResponseState *) PG_GETARG_POINTER(0), values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(
	    heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
