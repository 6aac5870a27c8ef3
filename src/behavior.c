/*
 * behavior.c
 *		behavior_density: weighted events per week of a given window.
 *
 * The window comes with every row and must be the same for the whole group.
 * Decoding a range is several times dearer than the rest of the work, so it
 * is decoded once: later rows are compared with the first one byte by byte,
 * and decoded only where the bytes differ.  Bounds become a closed interval
 * of integer microseconds, so that a row costs two integer comparisons.
 *
 * Everything that is wrong with a row is wrong wherever its time lies: a
 * negative weight outside the window is an error too, for the window is often
 * a parameter, and an error must not come and go with it.
 */
#include "aggregate.h"

#include <float.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"

PG_FUNCTION_INFO_V1(calib_behavior_density_transition);
PG_FUNCTION_INFO_V1(calib_behavior_density_combine);
PG_FUNCTION_INFO_V1(calib_behavior_density_serialize);
PG_FUNCTION_INFO_V1(calib_behavior_density_deserialize);
PG_FUNCTION_INFO_V1(calib_behavior_density_final);

/*
 * A bounded range of timestamps without its length word: type, lower, upper,
 * flags.  Every window that is accepted has exactly this size.
 */
#define WINDOW_BYTES (sizeof(Oid) + 2 * sizeof(TimestampTz) + 1)

typedef struct Window
{
	TimestampTz lower; /* the bounds as given, finite, lower < upper */
	TimestampTz upper;
	bool lower_inclusive;
	bool upper_inclusive;
} Window;

typedef struct DensityState
{
	FloatSum weights;
	TimestampTz first; /* the window as a closed interval */
	TimestampTz last;
	Window window;
	char window_bytes[WINDOW_BYTES];
} DensityState;

static void
window_refused(const char *problem)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("during must be a bounded, non-empty range of time"),
	         errdetail("The window %s.", problem),
	         errhint("Give both ends, for example tstzrange('2025-08-01', "
	                 "'2025-08-15').")));
}

static void
window_differs(void)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("during must be the same for all rows of a group"),
	                errhint("Group by the window, or pass a constant.")));
}

static void
check_window(const Window *window)
{
	if (TIMESTAMP_NOT_FINITE(window->lower) ||
	    TIMESTAMP_NOT_FINITE(window->upper))
		window_refused("has an infinite bound");
	if (window->lower >= window->upper)
		window_refused("has no length");
}

/* Decode and check the window of the row at hand. */
static void
read_window(FunctionCallInfo fcinfo, Datum during, Window *window)
{
	RangeType *range = DatumGetRangeTypeP(during);
	TypeCacheEntry *type = range_get_typcache(fcinfo, RangeTypeGetOid(range));
	RangeBound lower;
	RangeBound upper;
	bool empty;

	range_deserialize(type, range, &lower, &upper, &empty);
	if (empty)
		window_refused("is empty");
	if (lower.infinite || upper.infinite)
		window_refused("is unbounded");

	window->lower = DatumGetTimestampTz(lower.val);
	window->upper = DatumGetTimestampTz(upper.val);
	window->lower_inclusive = lower.inclusive;
	window->upper_inclusive = upper.inclusive;
	check_window(window);
}

static bool
same_window(const Window *a, const Window *b)
{
	return a->lower == b->lower && a->upper == b->upper &&
	       a->lower_inclusive == b->lower_inclusive &&
	       a->upper_inclusive == b->upper_inclusive;
}

static void
set_window(DensityState *state, const Window *window)
{
	state->window = *window;
	state->first = window->lower + (window->lower_inclusive ? 0 : 1);
	state->last = window->upper - (window->upper_inclusive ? 0 : 1);
}

/* The bytes of a plain range of the right size, else NULL. */
static inline const char *
plain_window_bytes(Datum during)
{
	struct varlena *range = (struct varlena *) DatumGetPointer(during);

	if (VARATT_IS_EXTERNAL(range) || VARATT_IS_COMPRESSED(range) ||
	    VARSIZE_ANY_EXHDR(range) != WINDOW_BYTES)
		return NULL;
	return VARDATA_ANY(range);
}

static inline bool
is_known_window(const DensityState *state, Datum during)
{
	const char *bytes = plain_window_bytes(during);

	return bytes != NULL &&
	       memcmp(bytes, state->window_bytes, WINDOW_BYTES) == 0;
}

/* The slow road: the first row, and windows written in other bytes. */
static DensityState *
learn_window(FunctionCallInfo fcinfo, DensityState *state, Datum during)
{
	const char *bytes;
	Window window;

	read_window(fcinfo, during, &window);
	if (state != NULL)
	{
		if (!same_window(&state->window, &window))
			window_differs();
		return state;
	}

	state = MemoryContextAllocZero(calib_aggregate_context(fcinfo),
	                               sizeof(DensityState));
	set_window(state, &window);
	bytes = plain_window_bytes(during);
	if (bytes != NULL)
		memcpy(state->window_bytes, bytes, WINDOW_BYTES);
	return state;
}

static void
weight_refused(float8 weight)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("weight must be finite and not negative"),
	                errdetail("The weight given is %g.", weight),
	                errhint("Leave rows out with FILTER, or pass NULL: a row "
	                        "without a weight does not count.")));
}

/* (state, occurred_at, weight, during) */
Datum
calib_behavior_density_transition(PG_FUNCTION_ARGS)
{
	DensityState *state =
	    PG_ARGISNULL(0) ? NULL : (DensityState *) PG_GETARG_POINTER(0);
	TimestampTz occurred_at;
	float8 weight;

	if (PG_ARGISNULL(3))
		window_refused("is NULL");
	if (state == NULL || !is_known_window(state, PG_GETARG_DATUM(3)))
		state = learn_window(fcinfo, state, PG_GETARG_DATUM(3));

	if (PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	weight = PG_GETARG_FLOAT8(2);
	if (unlikely(!(weight >= 0.0 && weight <= DBL_MAX)))
		weight_refused(weight);

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	occurred_at = PG_GETARG_TIMESTAMPTZ(1);
	if (occurred_at >= state->first && occurred_at <= state->last)
		float_sum_add(&state->weights, weight);

	PG_RETURN_POINTER(state);
}

Datum
calib_behavior_density_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	DensityState *state =
	    PG_ARGISNULL(0) ? NULL : (DensityState *) PG_GETARG_POINTER(0);
	DensityState *other =
	    PG_ARGISNULL(1) ? NULL : (DensityState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, sizeof(DensityState));
		*state = *other;
		PG_RETURN_POINTER(state);
	}

	if (!same_window(&state->window, &other->window))
		window_differs();
	float_sum_merge(&state->weights, &other->weights);
	PG_RETURN_POINTER(state);
}

Datum
calib_behavior_density_serialize(PG_FUNCTION_ARGS)
{
	DensityState *state;
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	state = (DensityState *) PG_GETARG_POINTER(0);

	pq_begintypsend(&buffer);
	pq_sendfloat8(&buffer, state->weights.sum);
	pq_sendfloat8(&buffer, state->weights.error);
	pq_sendint64(&buffer, state->window.lower);
	pq_sendint64(&buffer, state->window.upper);
	pq_sendbyte(&buffer, state->window.lower_inclusive);
	pq_sendbyte(&buffer, state->window.upper_inclusive);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
calib_behavior_density_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;
	DensityState *state;
	Window window;

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));

	state = palloc0(sizeof(DensityState));
	state->weights.sum = pq_getmsgfloat8(&buffer);
	state->weights.error = pq_getmsgfloat8(&buffer);
	window.lower = pq_getmsgint64(&buffer);
	window.upper = pq_getmsgint64(&buffer);
	window.lower_inclusive = pq_getmsgbyte(&buffer) != 0;
	window.upper_inclusive = pq_getmsgbyte(&buffer) != 0;
	pq_getmsgend(&buffer);

	check_window(&window);
	set_window(state, &window);
	PG_RETURN_POINTER(state);
}

Datum
calib_behavior_density_final(PG_FUNCTION_ARGS)
{
	DensityState *state;
	float8 weeks;

	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (DensityState *) PG_GETARG_POINTER(0);

	/* unsigned: the longest window does not fit a signed difference */
	weeks = (float8) ((uint64) state->window.upper -
	                  (uint64) state->window.lower) /
	        (float8) USECS_PER_WEEK;
	PG_RETURN_FLOAT8(float_sum_value(&state->weights) / weeks);
}
