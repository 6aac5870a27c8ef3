/*
 * compat.h
 *		Differences between PostgreSQL major versions, and nothing else.
 *
 * calib builds on PostgreSQL 15 and later.  Whatever changed its name or its
 * signature since 15 is bridged here, so that no other file tests
 * PG_VERSION_NUM.
 */
#ifndef CALIB_COMPAT_H
#define CALIB_COMPAT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#if PG_VERSION_NUM < 150000
#error "calib needs PostgreSQL 15 or later"
#endif

/* VARDATA_ANY and its kin left postgres.h in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* the "extra" of a setting comes from malloc in 15, from guc_malloc since 16
 */
#if PG_VERSION_NUM >= 160000
#define calib_guc_malloc(size) guc_malloc(LOG, (size))
#define calib_guc_free(pointer) guc_free(pointer)
#else
#define calib_guc_malloc(size) malloc(size)
#define calib_guc_free(pointer) free(pointer)
#endif

/* since 18 a word before the declaration, before that an attribute */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* since 18 it is said whether one that is deferrable would do */
#if PG_VERSION_NUM >= 180000
#define calib_primary_key_index(relation) \
	RelationGetPrimaryKeyIndex((relation), false)
#else
#define calib_primary_key_index(relation) RelationGetPrimaryKeyIndex(relation)
#endif

/* an index scan takes where to count what it does since 18, and options since
 * 19
 */
#if PG_VERSION_NUM >= 190000
#define calib_begin_index_scan(relation, index, snapshot, keys) \
	index_beginscan((relation), (index), (snapshot), NULL, (keys), 0, SO_NONE)
#elif PG_VERSION_NUM >= 180000
#define calib_begin_index_scan(relation, index, snapshot, keys) \
	index_beginscan((relation), (index), (snapshot), NULL, (keys), 0)
#else
#define calib_begin_index_scan(relation, index, snapshot, keys) \
	index_beginscan((relation), (index), (snapshot), (keys), 0)
#endif

/* 19 asks for options of the scan as well */
#if PG_VERSION_NUM >= 190000
#define calib_begin_scan(relation, snapshot) \
	table_beginscan((relation), (snapshot), 0, NULL, SO_NONE)
#else
#define calib_begin_scan(relation, snapshot) \
	table_beginscan((relation), (snapshot), 0, NULL)
#endif

/* deleting takes options since 19, among them what was "changing part" */
#if PG_VERSION_NUM >= 190000
#define calib_delete_row(relation, tid, snapshot, failure)              \
	table_tuple_delete((relation), (tid), GetCurrentCommandId(true), 0, \
	                   (snapshot), InvalidSnapshot, true, (failure))
#else
#define calib_delete_row(relation, tid, snapshot, failure)           \
	table_tuple_delete((relation), (tid), GetCurrentCommandId(true), \
	                   (snapshot), InvalidSnapshot, true, (failure), false)
#endif

/* a descriptor made by hand is finished since 19 */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(desc) ((void) (desc))
#endif

/* what jsonb is built in has the finished value in it since 19; before that
 * each push returned it */
#if PG_VERSION_NUM >= 190000
#define calib_push_json(state, as, value) \
	pushJsonbValue((state), (as), (value))
#else
typedef struct JsonbInState
{
	JsonbParseState *parseState;
	JsonbValue *result;
} JsonbInState;
#define calib_push_json(state, as, value) \
	((state)->result = pushJsonbValue(&(state)->parseState, (as), (value)))
#endif

/* compat.c: reads a timestamptz without raising an error */
extern bool calib_parse_timestamptz(const char *text, TimestampTz *at);

#endif /* CALIB_COMPAT_H */
