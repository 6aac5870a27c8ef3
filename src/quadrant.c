/*
 * quadrant.c
 *		quadrant: where attainment and behavior density meet; and
 *		deviation_quadrant, the same for a whole group.
 *
 * Both lines belong to their upper side: at the floor is attained, at the
 * line is dense.
 */
#include "calib.h"

#include <math.h>

#include "aggregate.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

static const char *
quadrant_name(bool attained, bool dense)
{
	if (attained)
		return dense ? "on_track" : "windfall";
	return dense ? "environment" : "execution";
}

static void
check_finite(float8 value, const char *name)
{
	if (isnan(value) || isinf(value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s must be a finite number", name),
		                errdetail("It is %g.", value),
		                errhint("Give NULL where it is not known.")));
}

PG_FUNCTION_INFO_V1(calib_quadrant);
Datum
calib_quadrant(PG_FUNCTION_ARGS)
{
	float8 attainment = PG_GETARG_FLOAT8(0);
	float8 density_index = PG_GETARG_FLOAT8(1);
	float8 floor = PG_GETARG_FLOAT8(2);
	float8 line = PG_GETARG_FLOAT8(3);

	check_finite(attainment, "attainment");
	check_finite(density_index, "density_index");
	check_finite(floor, "floor");
	check_finite(line, "line");
	PG_RETURN_TEXT_P(cstring_to_text(
	    quadrant_name(attainment >= floor, density_index >= line)));
}

/*
 * A numeric sum: the state of PostgreSQL's sum(numeric), NULL before the first
 * value.  It is reached through its SQL-callable functions only, called with
 * our own call context, so that its layout stays PostgreSQL's business.
 */
typedef void *NumericSum;

/*
 * Sums of the two numerics are exact; densities are compensated sums and
 * counts.  Each column ignores its own NULLs, as sum() and avg() do.
 */
typedef struct QuadrantState
{
	NumericSum actual;
	NumericSum target;
	float8 density;
	float8 density_lost;
	int64 density_rows;
	float8 peer_density;
	float8 peer_density_lost;
	int64 peer_density_rows;
} QuadrantState;

static void
add_float(float8 *sum, float8 *lost, float8 value)
{
	float8 next = *sum + value;

	if (fabs(*sum) >= fabs(value))
		*lost += (*sum - next) + value;
	else
		*lost += (value - next) + *sum;
	*sum = next;
}

/*
 * Call one of PostgreSQL's numeric aggregate functions in the aggregate we
 * are in ourselves: the call context tells it where its state shall live.
 */
static Datum
call_in_aggregate(FunctionCallInfo outer, PGFunction function, NullableDatum a,
                  NullableDatum b, bool *isnull)
{
	LOCAL_FCINFO(inner, 2);
	Datum result;

	InitFunctionCallInfoData(*inner, NULL, 2, InvalidOid, outer->context,
	                         NULL);
	inner->args[0] = a;
	inner->args[1] = b;
	result = function(inner);
	*isnull = inner->isnull;
	return result;
}

static NullableDatum
nullable_pointer(const void *pointer)
{
	NullableDatum datum;

	datum.value = PointerGetDatum(pointer);
	datum.isnull = pointer == NULL;
	return datum;
}

static void
numeric_sum_add(FunctionCallInfo fcinfo, NumericSum *sum, Numeric value)
{
	bool isnull;

	*sum = DatumGetPointer(
	    call_in_aggregate(fcinfo, numeric_avg_accum, nullable_pointer(*sum),
	                      nullable_pointer(value), &isnull));
}

static void
numeric_sum_merge(FunctionCallInfo fcinfo, NumericSum *sum, NumericSum other)
{
	bool isnull;

	if (other == NULL)
		return;
	*sum = DatumGetPointer(
	    call_in_aggregate(fcinfo, numeric_avg_combine, nullable_pointer(*sum),
	                      nullable_pointer(other), &isnull));
}

/* The sum, or NULL if there was no value. */
static Numeric
numeric_sum_value(FunctionCallInfo fcinfo, NumericSum sum)
{
	bool isnull;
	Datum value;

	if (sum == NULL)
		return NULL;
	value = call_in_aggregate(fcinfo, numeric_sum, nullable_pointer(sum),
	                          nullable_pointer(NULL), &isnull);
	return isnull ? NULL : DatumGetNumeric(value);
}

/* A length word, -1 for no sum, and the bytes of PostgreSQL's own format. */
static void
numeric_sum_send(FunctionCallInfo fcinfo, StringInfo buffer, NumericSum sum)
{
	bool isnull;
	bytea *bytes;

	if (sum == NULL)
	{
		pq_sendint32(buffer, (uint32) -1);
		return;
	}
	bytes = DatumGetByteaPP(
	    call_in_aggregate(fcinfo, numeric_avg_serialize, nullable_pointer(sum),
	                      nullable_pointer(NULL), &isnull));
	pq_sendint32(buffer, VARSIZE_ANY_EXHDR(bytes));
	pq_sendbytes(buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

static NumericSum
numeric_sum_receive(FunctionCallInfo fcinfo, StringInfo buffer)
{
	int32 length = (int32) pq_getmsgint(buffer, 4);
	bytea *bytes;
	bool isnull;

	if (length == -1)
		return NULL;

	/* pq_getmsgbytes refuses a length that is not there */
	bytes = (bytea *) cstring_to_text_with_len(pq_getmsgbytes(buffer, length),
	                                           length);
	return DatumGetPointer(call_in_aggregate(fcinfo, numeric_avg_deserialize,
	                                         nullable_pointer(bytes),
	                                         nullable_pointer(NULL), &isnull));
}

/* A zero to compare with, made once per query. */
static Numeric
zero(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		fcinfo->flinfo->fn_extra = int64_to_numeric(0);
		MemoryContextSwitchTo(old);
	}
	return (Numeric) fcinfo->flinfo->fn_extra;
}

static Numeric
finite_numeric(Numeric value, const char *name)
{
	if (numeric_is_nan(value) || numeric_is_inf(value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s must be a finite number", name),
		                errhint("Give NULL where it is not known.")));
	return value;
}

static Numeric
target_argument(FunctionCallInfo fcinfo, int number)
{
	Numeric target = finite_numeric(PG_GETARG_NUMERIC(number), "target");

	if (!DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(target),
	                                      NumericGetDatum(zero(fcinfo)))))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("a target must be greater than 0"),
		         errdetail("It is %s.",
		                   DatumGetCString(DirectFunctionCall1(
		                       numeric_out, NumericGetDatum(target)))),
		         errhint("Leave rows without a target out, or give NULL.")));
	return target;
}

static float8
density_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	float8 density = PG_GETARG_FLOAT8(number);

	check_finite(density, name);
	if (density < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s must not be negative", name),
		                errdetail("It is %g.", density),
		                errhint("Give NULL where a unit was not at work.")));
	return density;
}

PG_FUNCTION_INFO_V1(calib_deviation_quadrant_add);
Datum
calib_deviation_quadrant_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	QuadrantState *state =
	    PG_ARGISNULL(0)
	        ? MemoryContextAllocZero(context, sizeof(QuadrantState))
	        : (QuadrantState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
		numeric_sum_add(fcinfo, &state->actual,
		                finite_numeric(PG_GETARG_NUMERIC(1), "actual"));
	if (!PG_ARGISNULL(2))
		numeric_sum_add(fcinfo, &state->target, target_argument(fcinfo, 2));
	if (!PG_ARGISNULL(3))
	{
		add_float(&state->density, &state->density_lost,
		          density_argument(fcinfo, 3, "density"));
		state->density_rows++;
	}
	if (!PG_ARGISNULL(4))
	{
		add_float(&state->peer_density, &state->peer_density_lost,
		          density_argument(fcinfo, 4, "peer_density"));
		state->peer_density_rows++;
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_deviation_quadrant_combine);
Datum
calib_deviation_quadrant_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	QuadrantState *from =
	    PG_ARGISNULL(1) ? NULL : (QuadrantState *) PG_GETARG_POINTER(1);
	QuadrantState *into;

	if (from == NULL && PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (from == NULL)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	into = PG_ARGISNULL(0)
	           ? MemoryContextAllocZero(context, sizeof(QuadrantState))
	           : (QuadrantState *) PG_GETARG_POINTER(0);
	numeric_sum_merge(fcinfo, &into->actual, from->actual);
	numeric_sum_merge(fcinfo, &into->target, from->target);
	add_float(&into->density, &into->density_lost, from->density);
	add_float(&into->density, &into->density_lost, from->density_lost);
	add_float(&into->peer_density, &into->peer_density_lost,
	          from->peer_density);
	add_float(&into->peer_density, &into->peer_density_lost,
	          from->peer_density_lost);
	into->density_rows += from->density_rows;
	into->peer_density_rows += from->peer_density_rows;
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(calib_deviation_quadrant_serialize);
Datum
calib_deviation_quadrant_serialize(PG_FUNCTION_ARGS)
{
	QuadrantState *state = (QuadrantState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	numeric_sum_send(fcinfo, &buffer, state->actual);
	numeric_sum_send(fcinfo, &buffer, state->target);
	pq_sendfloat8(&buffer, state->density);
	pq_sendfloat8(&buffer, state->density_lost);
	pq_sendint64(&buffer, state->density_rows);
	pq_sendfloat8(&buffer, state->peer_density);
	pq_sendfloat8(&buffer, state->peer_density_lost);
	pq_sendint64(&buffer, state->peer_density_rows);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(calib_deviation_quadrant_deserialize);
Datum
calib_deviation_quadrant_deserialize(PG_FUNCTION_ARGS)
{
	QuadrantState *state;
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));
	state = palloc0(sizeof(QuadrantState));
	state->actual = numeric_sum_receive(fcinfo, &buffer);
	state->target = numeric_sum_receive(fcinfo, &buffer);
	state->density = pq_getmsgfloat8(&buffer);
	state->density_lost = pq_getmsgfloat8(&buffer);
	state->density_rows = pq_getmsgint64(&buffer);
	state->peer_density = pq_getmsgfloat8(&buffer);
	state->peer_density_lost = pq_getmsgfloat8(&buffer);
	state->peer_density_rows = pq_getmsgint64(&buffer);
	pq_getmsgend(&buffer);
	if (state->density_rows < 0 || state->peer_density_rows < 0)
		calib_bad_state("deviation_quadrant");
	PG_RETURN_POINTER(state);
}

static float8
mean(float8 sum, float8 lost, int64 rows)
{
	if (isinf(sum))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		                errmsg("the sum of the densities is out of range")));
	return (sum + lost) / rows;
}

/* A target without results is missed, not unknown: no result counts as 0. */
static bool
is_attained(FunctionCallInfo fcinfo, const QuadrantState *state)
{
	Numeric actual = numeric_sum_value(fcinfo, state->actual);
	Numeric target = numeric_sum_value(fcinfo, state->target);

	if (actual == NULL)
		actual = int64_to_numeric(0);

	return DatumGetBool(DirectFunctionCall2(
	    numeric_ge, NumericGetDatum(actual), NumericGetDatum(target)));
}

/*
 * What a sum of float8 is promised to be good for.  An index nearer to the
 * line counts as on it: else binary fractions (0.1 + 0.2 + 0.3 against three
 * times 0.2) or the order of the rows would decide a tie.
 */
#define INDEX_TOLERANCE 1e-12

/* NULL where one of the two axes has nothing to stand on. */
PG_FUNCTION_INFO_V1(calib_deviation_quadrant_final);
Datum
calib_deviation_quadrant_final(PG_FUNCTION_ARGS)
{
	QuadrantState *state;
	float8 density;
	float8 peer_density;

	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (QuadrantState *) PG_GETARG_POINTER(0);
	if (state->target == NULL || state->density_rows == 0 ||
	    state->peer_density_rows == 0)
		PG_RETURN_NULL();
	density = mean(state->density, state->density_lost, state->density_rows);
	peer_density = mean(state->peer_density, state->peer_density_lost,
	                    state->peer_density_rows);
	if (peer_density == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(
	    quadrant_name(is_attained(fcinfo, state),
	                  density >= peer_density * (1 - INDEX_TOLERANCE))));
}
