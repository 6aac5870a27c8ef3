/*
 * row_json.h
 *		A table row as jsonb.
 */
#ifndef CALIB_ROW_JSON_H
#define CALIB_ROW_JSON_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/jsonb.h"

extern Jsonb *calib_row_to_jsonb(HeapTuple row, TupleDesc desc);
extern Jsonb *calib_pair_to_jsonb(const char *key, const char *value);

#endif /* CALIB_ROW_JSON_H */
