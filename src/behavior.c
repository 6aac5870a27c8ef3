/*
 * behavior.c
 *		behavior_density: weighted events per week of a given window.
 *
 * The window comes with every row and is the same for a whole group: it is
 * read once, and every later row's is compared with it byte by byte.  The sum
 * is compensated (Neumaier), so that neither the order of the rows nor their
 * split into partial aggregates moves it by more than 1e-12 relative.
 */
#include "calib.h"

#include <math.h>

#include "aggregate.h"
#include "libpq/pqformat.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

typedef struct DensityState
{
	TimestampTz lower;
	TimestampTz upper;
	bool lower_inclusive;
	bool upper_inclusive;
	float8 sum;
	float8 compensation;    /* what the additions to sum lost */
	struct varlena *during; /* the window as the rows bring it */
	Size during_size;
} DensityState;

static void
add(DensityState *state, float8 weight)
{
	float8 sum = state->sum + weight;

	if (fabs(state->sum) >= fabs(weight))
		state->compensation += (state->sum - sum) + weight;
	else
		state->compensation += (weight - sum) + state->sum;
	state->sum = sum;
}

/* Reads the window into state; a window that is no length of time is an error.
 */
static void
read_during(FunctionCallInfo fcinfo, DensityState *state, RangeType *during)
{
	TypeCacheEntry *type = range_get_typcache(fcinfo, RangeTypeGetOid(during));
	RangeBound lower;
	RangeBound upper;
	bool empty;

	range_deserialize(type, during, &lower, &upper, &empty);
	if (empty)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("during must not be empty"),
		                errhint("Give the window as '[from, to)'.")));
	state->lower =
	    lower.infinite ? DT_NOBEGIN : DatumGetTimestampTz(lower.val);
	state->upper = upper.infinite ? DT_NOEND : DatumGetTimestampTz(upper.val);
	if (TIMESTAMP_NOT_FINITE(state->lower) ||
	    TIMESTAMP_NOT_FINITE(state->upper))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("during must have finite bounds"),
		                errhint("Give the window as '[from, to)'.")));
	if (state->lower == state->upper)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("during must have a length"),
		                errhint("Give the window as '[from, to)'.")));
	state->lower_inclusive = lower.inclusive;
	state->upper_inclusive = upper.inclusive;
}

static bool
same_window(const DensityState *a, const DensityState *b)
{
	return a->lower == b->lower && a->upper == b->upper &&
	       a->lower_inclusive == b->lower_inclusive &&
	       a->upper_inclusive == b->upper_inclusive;
}

/* A copy, for timestamptz_to_str writes to the same place every time. */
static char *
window_text(const DensityState *state)
{
	char *lower = pstrdup(timestamptz_to_str(state->lower));

	return psprintf("%c%s, %s%c", state->lower_inclusive ? '[' : '(', lower,
	                timestamptz_to_str(state->upper),
	                state->upper_inclusive ? ']' : ')');
}

static void
check_same_window(const DensityState *a, const DensityState *b)
{
	if (same_window(a, b))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("during must be the same for all rows of a group"),
	                errdetail("One is %s, another %s.", window_text(a),
	                          window_text(b)),
	                errhint("Group by the window, or give one to all rows.")));
}

static void
remember_during(DensityState *state, struct varlena *during,
                MemoryContext context)
{
	state->during_size = VARSIZE_ANY(during);
	state->during = MemoryContextAlloc(context, state->during_size);
	memcpy(state->during, during, state->during_size);
}

static DensityState *
first_row(FunctionCallInfo fcinfo, MemoryContext context)
{
	DensityState *state =
	    MemoryContextAllocZero(context, sizeof(DensityState));

	read_during(fcinfo, state, PG_GETARG_RANGE_P(3));
	remember_during(state, PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(3)),
	                context);
	return state;
}

/*
 * The bytes differ where the same window comes once short and once not: then
 * the bounds decide.
 */
static void
check_during(FunctionCallInfo fcinfo, DensityState *state,
             MemoryContext context)
{
	struct varlena *during = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(3));
	DensityState other;

	if (VARSIZE_ANY(during) == state->during_size &&
	    memcmp(during, state->during, state->during_size) == 0)
		return;
	read_during(fcinfo, &other, PG_GETARG_RANGE_P(3));
	check_same_window(state, &other);
	if (state->during != NULL)
		pfree(state->during);
	remember_during(state, during, context);
}

static bool
lies_in(const DensityState *state, TimestampTz at)
{
	if (at < state->lower || (at == state->lower && !state->lower_inclusive))
		return false;
	return at < state->upper || (at == state->upper && state->upper_inclusive);
}

static void
check_weight(float8 weight)
{
	if (weight >= 0 && !isinf(weight))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("a weight must be finite and not negative"),
	                errdetail("It is %g.", weight),
	                errhint("Leave the row out with FILTER, or give NULL: a "
	                        "row without a weight does not count.")));
}

PG_FUNCTION_INFO_V1(calib_behavior_density_add);
Datum
calib_behavior_density_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	DensityState *state =
	    PG_ARGISNULL(0) ? NULL : (DensityState *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(3))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("during must not be null"),
		                errhint("Give the window as '[from, to)'.")));
	if (state == NULL)
		state = first_row(fcinfo, context);
	else
		check_during(fcinfo, state, context);
	if (PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	check_weight(PG_GETARG_FLOAT8(2));
	if (!PG_ARGISNULL(1) && lies_in(state, PG_GETARG_TIMESTAMPTZ(1)))
		add(state, PG_GETARG_FLOAT8(2));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_behavior_density_combine);
Datum
calib_behavior_density_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	DensityState *into =
	    PG_ARGISNULL(0) ? NULL : (DensityState *) PG_GETARG_POINTER(0);
	DensityState *from =
	    PG_ARGISNULL(1) ? NULL : (DensityState *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
	{
		into = MemoryContextAllocZero(context, sizeof(DensityState));
		*into = *from;
		into->during = NULL;
		into->during_size = 0;
		PG_RETURN_POINTER(into);
	}
	check_same_window(into, from);
	add(into, from->sum);
	add(into, from->compensation);
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(calib_behavior_density_serialize);
Datum
calib_behavior_density_serialize(PG_FUNCTION_ARGS)
{
	DensityState *state = (DensityState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint64(&buffer, state->lower);
	pq_sendint64(&buffer, state->upper);
	pq_sendbyte(&buffer, state->lower_inclusive);
	pq_sendbyte(&buffer, state->upper_inclusive);
	pq_sendfloat8(&buffer, state->sum);
	pq_sendfloat8(&buffer, state->compensation);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(calib_behavior_density_deserialize);
Datum
calib_behavior_density_deserialize(PG_FUNCTION_ARGS)
{
	DensityState *state;
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));
	state = palloc0(sizeof(DensityState));
	state->lower = pq_getmsgint64(&buffer);
	state->upper = pq_getmsgint64(&buffer);
	state->lower_inclusive = pq_getmsgbyte(&buffer) != 0;
	state->upper_inclusive = pq_getmsgbyte(&buffer) != 0;
	state->sum = pq_getmsgfloat8(&buffer);
	state->compensation = pq_getmsgfloat8(&buffer);
	pq_getmsgend(&buffer);
	if (state->lower >= state->upper)
		calib_bad_state("behavior_density");
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_behavior_density_final);
Datum
calib_behavior_density_final(PG_FUNCTION_ARGS)
{
	DensityState *state;
	float8 weeks;
	float8 sum;

	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (DensityState *) PG_GETARG_POINTER(0);
	/* exact, and unsigned, for the longest window fits no signed difference */
	weeks = (float8) ((uint64) state->upper - (uint64) state->lower) /
	        USECS_PER_WEEK;
	sum = state->sum + state->compensation;
	if (isinf(state->sum))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		                errmsg("the sum of the weights is out of range")));
	PG_RETURN_FLOAT8(sum / weeks);
}
