/*
 * nps.c
 *		nps: net promoter score of answers from 0 to 10.
 *
 * The state is a bigint array of two: answers, and promoters less detractors.
 * Integers have an inverse, so a moving window frame is exact and cheap, and
 * PostgreSQL's own int4_avg_combine, which adds such arrays, combines them.
 */
#include "aggregate.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(calib_nps_transition);
PG_FUNCTION_INFO_V1(calib_nps_inverse);
PG_FUNCTION_INFO_V1(calib_nps_final);

#define HIGHEST_SCORE 10
#define LOWEST_PROMOTER 9
#define HIGHEST_DETRACTOR 6

typedef struct NpsState
{
	int64 answers;
	int64 balance; /* promoters less detractors */
} NpsState;

/* Anybody may build an aggregate of their own around these functions. */
static NpsState *
nps_state(ArrayType *array)
{
	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != 2 ||
	    ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT8OID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("state of nps must be an array of two bigint"),
		                errhint("Call the aggregate calib.nps itself.")));
	return (NpsState *) ((char *) array + ARR_OVERHEAD_NONULLS(1));
}

static int
score_balance(int32 score)
{
	if (score < 0 || score > HIGHEST_SCORE)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("score must be between 0 and 10"),
		         errdetail("The score given is %d.", score),
		         errhint("Pass NULL for somebody who did not answer.")));
	if (score >= LOWEST_PROMOTER)
		return 1;
	return score <= HIGHEST_DETRACTOR ? -1 : 0;
}

/* In an aggregate, and only there, the state is ours to change in place. */
static ArrayType *
own_state(FunctionCallInfo fcinfo)
{
	calib_aggregate_context(fcinfo);
	return PG_GETARG_ARRAYTYPE_P(0);
}

Datum
calib_nps_transition(PG_FUNCTION_ARGS)
{
	ArrayType *array = own_state(fcinfo);
	NpsState *state = nps_state(array);

	state->balance += score_balance(PG_GETARG_INT32(1));
	state->answers++;
	PG_RETURN_ARRAYTYPE_P(array);
}

Datum
calib_nps_inverse(PG_FUNCTION_ARGS)
{
	ArrayType *array = own_state(fcinfo);
	NpsState *state = nps_state(array);

	state->balance -= score_balance(PG_GETARG_INT32(1));
	state->answers--;
	PG_RETURN_ARRAYTYPE_P(array);
}

Datum
calib_nps_final(PG_FUNCTION_ARGS)
{
	NpsState *state = nps_state(own_state(fcinfo));

	if (state->answers == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(100.0 * (float8) state->balance /
	                 (float8) state->answers);
}
