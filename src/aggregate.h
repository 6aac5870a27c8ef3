/*
 * aggregate.h
 *		What every aggregate of calib does the same way.
 */
#ifndef CALIB_AGGREGATE_H
#define CALIB_AGGREGATE_H

#include "calib.h"

#include "lib/stringinfo.h"

extern MemoryContext calib_aggregate_context(FunctionCallInfo fcinfo);
extern void calib_begin_deserialize(StringInfo buffer, bytea *bytes);
extern void calib_bad_state(const char *aggregate) pg_attribute_noreturn();

#endif /* CALIB_AGGREGATE_H */
