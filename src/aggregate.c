/*
 * aggregate.c
 *		What every aggregate of calib does the same way.
 */
#include "aggregate.h"

/*
 * Where a state lives.  Support functions take and return "internal" and are
 * no use, and no harm, outside of an aggregate.
 */
MemoryContext
calib_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("this function works inside its aggregate only")));
	return context;
}

/* A reader over a serialized state, which is not copied. */
void
calib_begin_deserialize(StringInfo buffer, bytea *bytes)
{
	buffer->data = VARDATA_ANY(bytes);
	buffer->len = VARSIZE_ANY_EXHDR(bytes);
	buffer->maxlen = buffer->len;
	buffer->cursor = 0;
}

void
calib_bad_state(const char *aggregate)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
	         errmsg("the serialized state of %s is not valid", aggregate)));
}
