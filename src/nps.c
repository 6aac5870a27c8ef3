/*
 * nps.c
 *		nps: net promoter score, in points.
 */
#include "calib.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

/* The state is a bigint[] of three counts, which PostgreSQL moves by itself.
 */
enum
{
	ANSWERS,
	PROMOTERS,
	DETRACTORS,
	COUNTS
};

#define LOWEST_PROMOTER 9
#define HIGHEST_DETRACTOR 6

static int64 *
counts_of(ArrayType *state)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] != COUNTS ||
	    ARR_HASNULL(state) || ARR_ELEMTYPE(state) != INT8OID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("expected an array of %d bigint", COUNTS)));
	return (int64 *) ((char *) state + ARR_OVERHEAD_NONULLS(1));
}

/* Inside the aggregate the state is changed in place, elsewhere in a copy. */
static ArrayType *
state_argument(FunctionCallInfo fcinfo)
{
	return AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_ARRAYTYPE_P(0)
	                                         : PG_GETARG_ARRAYTYPE_P_COPY(0);
}

PG_FUNCTION_INFO_V1(calib_nps_add);
Datum
calib_nps_add(PG_FUNCTION_ARGS)
{
	ArrayType *state = state_argument(fcinfo);
	int64 *counts = counts_of(state);
	int32 score = PG_GETARG_INT32(1);

	if (score < 0 || score > 10)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("a score is 0 to 10"), errdetail("It is %d.", score),
		         errhint("Give NULL for somebody who did not answer.")));
	counts[ANSWERS]++;
	counts[PROMOTERS] += score >= LOWEST_PROMOTER;
	counts[DETRACTORS] += score <= HIGHEST_DETRACTOR;
	PG_RETURN_ARRAYTYPE_P(state);
}

PG_FUNCTION_INFO_V1(calib_nps_combine);
Datum
calib_nps_combine(PG_FUNCTION_ARGS)
{
	ArrayType *state = state_argument(fcinfo);
	int64 *into = counts_of(state);
	int64 *from = counts_of(PG_GETARG_ARRAYTYPE_P(1));
	int i;

	for (i = 0; i < COUNTS; i++)
		into[i] += from[i];
	PG_RETURN_ARRAYTYPE_P(state);
}

PG_FUNCTION_INFO_V1(calib_nps_final);
Datum
calib_nps_final(PG_FUNCTION_ARGS)
{
	int64 *counts = counts_of(PG_GETARG_ARRAYTYPE_P(0));

	if (counts[ANSWERS] == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(100.0 *
	                 (float8) (counts[PROMOTERS] - counts[DETRACTORS]) /
	                 (float8) counts[ANSWERS]);
}
