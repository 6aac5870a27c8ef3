/*
 * concentration.c
 *		concentration: the Herfindahl-Hirschman index over keys.
 *
 * One hash table of key and count serves both kinds of key: a number is
 * itself, a text is its bytes.  Counts are integers and their squares are
 * added up in 128 bits, so the answer is the same under any order and split.
 *
 * A serialized state is: 1 for texts or 0 for numbers; how many keys; and for
 * each key its rows and the number, or the text's length and bytes.  Entries
 * travel in the order of the hash, so that the reader's table is made as large
 * as the writer's before the first of them goes in: put into a smaller table
 * in that order they would crowd at its beginning.
 */
#include "calib.h"

#include "aggregate.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

typedef struct Key
{
	int64 number;      /* the key; a text's length */
	const char *bytes; /* NULL: the key is a number */
} Key;

typedef struct Entry
{
	Key key;
	uint32 hash;
	char status;
	int64 rows;
} Entry;

static inline uint32
hash_key(Key key)
{
	if (key.bytes == NULL)
		return murmurhash32((uint32) key.number ^
		                    murmurhash32((uint32) (key.number >> 32)));
	return hash_bytes((const unsigned char *) key.bytes, (int) key.number);
}

static inline bool
same_key(Key a, Key b)
{
	if (a.number != b.number)
		return false;
	return a.bytes == NULL || memcmp(a.bytes, b.bytes, a.number) == 0;
}

#define SH_PREFIX counts
#define SH_ELEMENT_TYPE Entry
#define SH_KEY_TYPE Key
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_key(key)
#define SH_EQUAL(table, a, b) same_key(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

typedef struct ConcentrationState
{
	counts_hash *counts;
	MemoryContext context;
	bool is_text; /* which kind all keys are of */
} ConcentrationState;

/* Small, for a query may have a group for every rep */
#define FIRST_ROOM 8

static ConcentrationState *
make_state(MemoryContext context, bool is_text, int64 keys)
{
	ConcentrationState *state =
	    MemoryContextAlloc(context, sizeof(ConcentrationState));

	state->counts =
	    counts_create(context, (uint32) Max(keys, FIRST_ROOM), NULL);
	state->context = context;
	state->is_text = is_text;
	return state;
}

static ConcentrationState *
state_argument(FunctionCallInfo fcinfo, bool is_text)
{
	MemoryContext context = calib_aggregate_context(fcinfo);

	if (!PG_ARGISNULL(0))
		return (ConcentrationState *) PG_GETARG_POINTER(0);
	return make_state(context, is_text, 0);
}

/* A text's bytes are copied when it is seen for the first time. */
static void
count(ConcentrationState *state, Key key, int64 rows)
{
	bool found;
	Entry *entry = counts_insert(state->counts, key, &found);

	if (!found)
	{
		entry->rows = 0;
		if (key.bytes != NULL)
		{
			char *copy =
			    MemoryContextAlloc(state->context, Max(key.number, 1));

			memcpy(copy, key.bytes, key.number);
			entry->key.bytes = copy;
		}
	}
	entry->rows += rows;
}

PG_FUNCTION_INFO_V1(calib_concentration_transition_bigint);
Datum
calib_concentration_transition_bigint(PG_FUNCTION_ARGS)
{
	ConcentrationState *state = state_argument(fcinfo, false);
	Key key = {0, NULL};

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	key.number = PG_GETARG_INT64(1);
	count(state, key, 1);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_concentration_transition_text);
Datum
calib_concentration_transition_text(PG_FUNCTION_ARGS)
{
	ConcentrationState *state = state_argument(fcinfo, true);
	text *given;
	Key key;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	given = PG_GETARG_TEXT_PP(1);
	key.number = VARSIZE_ANY_EXHDR(given);
	key.bytes = VARDATA_ANY(given);
	count(state, key, 1);
	PG_RETURN_POINTER(state);
}

static void
count_all(ConcentrationState *into, const ConcentrationState *from)
{
	counts_iterator all;
	Entry *entry;

	if (into->counts->size < from->counts->size)
		counts_grow(into->counts, from->counts->size);
	counts_start_iterate(from->counts, &all);
	while ((entry = counts_iterate(from->counts, &all)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		count(into, entry->key, entry->rows);
	}
}

/* Texts are copied, for the other state lives shorter. */
PG_FUNCTION_INFO_V1(calib_concentration_combine);
Datum
calib_concentration_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = calib_aggregate_context(fcinfo);
	ConcentrationState *into;
	ConcentrationState *from;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	from = (ConcentrationState *) PG_GETARG_POINTER(1);
	into = PG_ARGISNULL(0) ? make_state(context, from->is_text, 0)
	                       : (ConcentrationState *) PG_GETARG_POINTER(0);
	count_all(into, from);
	PG_RETURN_POINTER(into);
}

/* What a state takes as bytes. */
static int64
serialized_size(const ConcentrationState *state)
{
	int64 size =
	    1 + (1 + 2 * (int64) state->counts->members) * (int64) sizeof(int64);
	counts_iterator all;
	Entry *entry;

	if (!state->is_text)
		return size;
	counts_start_iterate(state->counts, &all);
	while ((entry = counts_iterate(state->counts, &all)) != NULL)
		size += entry->key.number;
	return size;
}

PG_FUNCTION_INFO_V1(calib_concentration_serialize);
Datum
calib_concentration_serialize(PG_FUNCTION_ARGS)
{
	ConcentrationState *state = (ConcentrationState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;
	counts_iterator all;
	Entry *entry;

	calib_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	calib_reserve_state(&buffer, serialized_size(state), "concentration");
	pq_sendbyte(&buffer, state->is_text);
	pq_sendint64(&buffer, state->counts->members);
	counts_start_iterate(state->counts, &all);
	while ((entry = counts_iterate(state->counts, &all)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		pq_sendint64(&buffer, entry->rows);
		pq_sendint64(&buffer, entry->key.number);
		if (state->is_text)
			pq_sendbytes(&buffer, entry->key.bytes, entry->key.number);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* The header; the count is held against what the message has left. */
static ConcentrationState *
receive_header(StringInfo buffer, int64 *keys)
{
	int kind = pq_getmsgbyte(buffer);

	*keys = pq_getmsgint64(buffer);
	if ((kind != 0 && kind != 1) || *keys < 0 ||
	    *keys > (buffer->len - buffer->cursor) / (2 * (int64) sizeof(int64)))
		calib_bad_state("concentration");
	return make_state(CurrentMemoryContext, kind == 1, *keys);
}

/* Adds one key; all rows together must fit an int64, as they did once. */
static void
receive_entry(ConcentrationState *state, StringInfo buffer, int64 *total)
{
	int64 rows = pq_getmsgint64(buffer);
	Key key = {pq_getmsgint64(buffer), NULL};

	if (rows <= 0 || pg_add_s64_overflow(*total, rows, total))
		calib_bad_state("concentration");
	if (state->is_text)
	{
		if (key.number < 0 || key.number > buffer->len - buffer->cursor)
			calib_bad_state("concentration");
		key.bytes = pq_getmsgbytes(buffer, (int) key.number);
	}
	count(state, key, rows);
}

PG_FUNCTION_INFO_V1(calib_concentration_deserialize);
Datum
calib_concentration_deserialize(PG_FUNCTION_ARGS)
{
	ConcentrationState *state;
	StringInfoData buffer;
	int64 keys;
	int64 i;
	int64 total = 0;

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));
	state = receive_header(&buffer, &keys);
	for (i = 0; i < keys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		receive_entry(state, &buffer, &total);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(calib_concentration_final);
Datum
calib_concentration_final(PG_FUNCTION_ARGS)
{
	ConcentrationState *state;
	counts_iterator all;
	Entry *entry;
	int128 squares = 0;
	int64 rows = 0;

	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (ConcentrationState *) PG_GETARG_POINTER(0);
	counts_start_iterate(state->counts, &all);
	while ((entry = counts_iterate(state->counts, &all)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		squares += (int128) entry->rows * entry->rows;
		rows += entry->rows;
	}
	if (rows == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((float8) squares / ((float8) rows * (float8) rows));
}
