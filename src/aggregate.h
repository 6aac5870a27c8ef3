/*
 * aggregate.h
 *		What the aggregates share: where a state lives, how it is read
 *		back, and a compensated sum.
 *
 * The sum is Neumaier's form of Kahan summation: the rounding error of every
 * addition is kept in a second number, so that the result does not depend on
 * the order of the rows, or on how they were split over workers, by more than
 * a few units in the last place.  A naive sum over ten million rows may lose
 * six digits.
 */
#ifndef CALIB_AGGREGATE_H
#define CALIB_AGGREGATE_H

#include "calib.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/memutils.h"

typedef struct FloatSum
{
	float8 sum;
	float8 error; /* what rounding has taken from sum so far */
} FloatSum;

static inline void
float_sum_add(FloatSum *s, float8 x)
{
	float8 total = s->sum + x;

	if (fabs(s->sum) >= fabs(x))
		s->error += (s->sum - total) + x;
	else
		s->error += (x - total) + s->sum;
	s->sum = total;
}

static inline void
float_sum_merge(FloatSum *s, const FloatSum *other)
{
	float_sum_add(s, other->sum);
	s->error += other->error;
}

/*
 * Too large a sum becomes infinite (and its error NaN): like PostgreSQL's own
 * sum(float8), refuse to answer infinity for finite input.
 */
static inline float8
float_sum_value(const FloatSum *s)
{
	if (unlikely(isinf(s->sum)))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		                errmsg("value out of range: overflow")));
	return s->sum + s->error;
}

/*
 * The memory context that outlives the group.  Transition functions are SQL
 * functions, so anybody may call them by hand; that is refused here.
 */
static inline MemoryContext
calib_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("aggregate support function called outside an "
		                       "aggregate"),
		                errhint("Call the aggregate itself.")));
	return context;
}

/* A reader over a serialized state, which is not copied. */
static inline void
calib_begin_deserialize(StringInfo buffer, bytea *bytes)
{
	buffer->data = VARDATA_ANY(bytes);
	buffer->len = VARSIZE_ANY_EXHDR(bytes);
	buffer->maxlen = buffer->len;
	buffer->cursor = 0;
}

/*
 * Room for a state of this size, made at once.  A partial state travels as one
 * value, which PostgreSQL limits to 1 GB; a serial plan has no such limit.
 */
static inline void
calib_reserve_state(StringInfo buffer, int64 size, const char *aggregate)
{
	if (size >= (int64) MaxAllocSize - buffer->len)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("the partial state of %s is too large for a "
		                       "parallel plan",
		                       aggregate),
		                errdetail("It has " INT64_FORMAT " bytes.", size),
		                errhint("SET max_parallel_workers_per_gather = 0 for "
		                        "this query.")));
	enlargeStringInfo(buffer, (int) size);
}

static inline void
calib_bad_state(const char *aggregate)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
	         errmsg("the serialized state of %s is not valid", aggregate)));
}

#endif /* CALIB_AGGREGATE_H */
