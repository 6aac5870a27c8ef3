/*
 * quadrant.c
 *		Attainment x density: where a unit, or a whole group, stands.
 *
 * quadrant() places one pair of figures.  deviation_quadrant() places a group:
 * sum(actual) / sum(target) against mean(density) / mean(peer_density).  Sums
 * before ratios, so that a ROLLUP row is the group's own figure and no mean of
 * its members' ratios.
 *
 * Money stays exact: the sums are PostgreSQL's own numeric accumulators, and
 * "attained" is sum(actual) >= sum(target), with no division at all.
 * Densities are float8 and summed with compensation; a density index closer to
 * the line than INDEX_TOLERANCE counts as on the line, so that neither the
 * order of the rows nor binary fractions decide a tie.
 */
#include "aggregate.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(calib_quadrant);
PG_FUNCTION_INFO_V1(calib_deviation_quadrant_transition);
PG_FUNCTION_INFO_V1(calib_deviation_quadrant_combine);
PG_FUNCTION_INFO_V1(calib_deviation_quadrant_serialize);
PG_FUNCTION_INFO_V1(calib_deviation_quadrant_deserialize);
PG_FUNCTION_INFO_V1(calib_deviation_quadrant_final);

/* what float8 sums are promised to be good for */
#define INDEX_TOLERANCE 1e-12

/*
 * A numeric sum: the state of PostgreSQL's sum(numeric), NULL before the first
 * value.  It is reached through its SQL-callable functions only, called with
 * our own call context, so that its layout stays PostgreSQL's business.
 */
typedef void *NumericSum;

typedef struct QuadrantState
{
	NumericSum actual;
	NumericSum target;
	FloatSum density;
	FloatSum peer_density;
	int64 densities; /* rows with a density */
	int64 peer_densities;
} QuadrantState;

static text *
quadrant_name(bool attained, bool dense)
{
	if (attained)
		return cstring_to_text(dense ? "on_track" : "windfall");
	return cstring_to_text(dense ? "environment" : "execution");
}

static void
check_finite_float(float8 value, const char *argument)
{
	if (likely(isfinite(value)))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("%s must be finite", argument),
	                errdetail("The value given is %g.", value),
	                errhint("Pass NULL where a figure is not known.")));
}

Datum
calib_quadrant(PG_FUNCTION_ARGS)
{
	float8 attainment = PG_GETARG_FLOAT8(0);
	float8 density_index = PG_GETARG_FLOAT8(1);
	float8 floor_line = PG_GETARG_FLOAT8(2);
	float8 density_line = PG_GETARG_FLOAT8(3);

	check_finite_float(attainment, "attainment");
	check_finite_float(density_index, "density_index");
	check_finite_float(floor_line, "floor");
	check_finite_float(density_line, "line");

	PG_RETURN_TEXT_P(quadrant_name(attainment >= floor_line,
	                               density_index >= density_line));
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

static void
check_finite_numeric(Numeric value, const char *argument)
{
	if (likely(!numeric_is_nan(value) && !numeric_is_inf(value)))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("%s must be finite", argument),
	                errhint("Pass NULL where a figure is not known.")));
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

static void
check_target(FunctionCallInfo fcinfo, Numeric target)
{
	check_finite_numeric(target, "target");
	if (likely(DatumGetBool(
	        DirectFunctionCall2(numeric_gt, NumericGetDatum(target),
	                            NumericGetDatum(zero(fcinfo))))))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("target must be greater than zero"),
	         errdetail("The target given is %s.",
	                   DatumGetCString(DirectFunctionCall1(
	                       numeric_out, NumericGetDatum(target)))),
	         errhint("Leave rows without a target out, or pass NULL.")));
}

static void
add_density(FloatSum *sum, int64 *rows, float8 density, const char *argument)
{
	check_finite_float(density, argument);
	if (unlikely(density < 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s must not be negative", argument),
		                errdetail("The value given is %g.", density),
		                errhint("Pass NULL where a unit was not at work.")));
	float_sum_add(sum, density);
	(*rows)++;
}

/* (state, actual, target, density, peer_density) */
Datum
calib_deviation_quadrant_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	QuadrantState *state =
	    PG_ARGISNULL(0) ? NULL : (QuadrantState *) PG_GETARG_POINTER(0);

	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(QuadrantState));

	if (!PG_ARGISNULL(1))
	{
		Numeric actual = PG_GETARG_NUMERIC(1);

		check_finite_numeric(actual, "actual");
		numeric_sum_add(fcinfo, &state->actual, actual);
	}
	if (!PG_ARGISNULL(2))
	{
		Numeric target = PG_GETARG_NUMERIC(2);

		check_target(fcinfo, target);
		numeric_sum_add(fcinfo, &state->target, target);
	}
	if (!PG_ARGISNULL(3))
		add_density(&state->density, &state->densities, PG_GETARG_FLOAT8(3),
		            "density");
	if (!PG_ARGISNULL(4))
		add_density(&state->peer_density, &state->peer_densities,
		            PG_GETARG_FLOAT8(4), "peer_density");

	PG_RETURN_POINTER(state);
}

Datum
calib_deviation_quadrant_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	QuadrantState *state =
	    PG_ARGISNULL(0) ? NULL : (QuadrantState *) PG_GETARG_POINTER(0);
	QuadrantState *other =
	    PG_ARGISNULL(1) ? NULL : (QuadrantState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(QuadrantState));

	numeric_sum_merge(fcinfo, &state->actual, other->actual);
	numeric_sum_merge(fcinfo, &state->target, other->target);
	float_sum_merge(&state->density, &other->density);
	float_sum_merge(&state->peer_density, &other->peer_density);
	state->densities += other->densities;
	state->peer_densities += other->peer_densities;
	PG_RETURN_POINTER(state);
}

Datum
calib_deviation_quadrant_serialize(PG_FUNCTION_ARGS)
{
	QuadrantState *state;
	StringInfoData buffer;

	calib_aggregate_context(fcinfo);
	state = (QuadrantState *) PG_GETARG_POINTER(0);

	pq_begintypsend(&buffer);
	numeric_sum_send(fcinfo, &buffer, state->actual);
	numeric_sum_send(fcinfo, &buffer, state->target);
	pq_sendfloat8(&buffer, state->density.sum);
	pq_sendfloat8(&buffer, state->density.error);
	pq_sendfloat8(&buffer, state->peer_density.sum);
	pq_sendfloat8(&buffer, state->peer_density.error);
	pq_sendint64(&buffer, state->densities);
	pq_sendint64(&buffer, state->peer_densities);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
calib_deviation_quadrant_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;
	QuadrantState *state;

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));

	state = palloc0(sizeof(QuadrantState));
	state->actual = numeric_sum_receive(fcinfo, &buffer);
	state->target = numeric_sum_receive(fcinfo, &buffer);
	state->density.sum = pq_getmsgfloat8(&buffer);
	state->density.error = pq_getmsgfloat8(&buffer);
	state->peer_density.sum = pq_getmsgfloat8(&buffer);
	state->peer_density.error = pq_getmsgfloat8(&buffer);
	state->densities = pq_getmsgint64(&buffer);
	state->peer_densities = pq_getmsgint64(&buffer);
	pq_getmsgend(&buffer);

	if (state->densities < 0 || state->peer_densities < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("invalid state of deviation_quadrant")));
	PG_RETURN_POINTER(state);
}

static bool
sums_attained(Numeric actual, Numeric target)
{
	/* a target without results is missed, not unknown */
	if (actual == NULL)
		actual = int64_to_numeric(0);
	return DatumGetBool(DirectFunctionCall2(
	    numeric_ge, NumericGetDatum(actual), NumericGetDatum(target)));
}

Datum
calib_deviation_quadrant_final(PG_FUNCTION_ARGS)
{
	QuadrantState *state;
	Numeric target;
	float8 density;
	float8 peer_density;
	bool attained;

	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (QuadrantState *) PG_GETARG_POINTER(0);

	target = numeric_sum_value(fcinfo, state->target);
	if (target == NULL || state->densities == 0 || state->peer_densities == 0)
		PG_RETURN_NULL();

	density = float_sum_value(&state->density) / (float8) state->densities;
	peer_density =
	    float_sum_value(&state->peer_density) / (float8) state->peer_densities;
	if (peer_density == 0)
		PG_RETURN_NULL();

	attained = sums_attained(numeric_sum_value(fcinfo, state->actual), target);
	PG_RETURN_TEXT_P(quadrant_name(
	    attained, density >= peer_density * (1.0 - INDEX_TOLERANCE)));
}
