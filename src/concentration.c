/*
 * concentration.c
 *		concentration: the Herfindahl-Hirschman index over keys.
 *
 * One hash table of key and count serves both kinds of key: a number is
 * itself, a text is its bytes.  Counts are integers and their squares are
 * added up in 128 bits, so the answer is the same under any order and split.
 */
#include "calib.h"

#include "aggregate.h"
#include "common/hashfn.h"
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
} ConcentrationState;

#define FIRST_ROOM 64

static ConcentrationState *
make_state(MemoryContext context)
{
	ConcentrationState *state =
	    MemoryContextAlloc(context, sizeof(ConcentrationState));

	state->counts = counts_create(context, FIRST_ROOM, NULL);
	state->context = context;
	return state;
}

static ConcentrationState *
state_argument(FunctionCallInfo fcinfo)
{
	MemoryContext context = calib_aggregate_context(fcinfo);

	if (!PG_ARGISNULL(0))
		return (ConcentrationState *) PG_GETARG_POINTER(0);
	return make_state(context);
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
	ConcentrationState *state = state_argument(fcinfo);
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
	ConcentrationState *state = state_argument(fcinfo);
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

PG_FUNCTION_INFO_V1(calib_concentration_combine);
Datum
calib_concentration_combine(PG_FUNCTION_ARGS)
{
	ConcentrationState *into = state_argument(fcinfo);
	ConcentrationState *from;
	counts_iterator all;
	Entry *entry;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(into);
	from = (ConcentrationState *) PG_GETARG_POINTER(1);
	counts_start_iterate(from->counts, &all);
	while ((entry = counts_iterate(from->counts, &all)) != NULL)
		count(into, entry->key, entry->rows);
	PG_RETURN_POINTER(into);
}

/* Each entry: rows; 1 and the text with its length, or 0 and the number. */
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
	counts_start_iterate(state->counts, &all);
	while ((entry = counts_iterate(state->counts, &all)) != NULL)
	{
		pq_sendint64(&buffer, entry->rows);
		pq_sendbyte(&buffer, entry->key.bytes != NULL);
		pq_sendint64(&buffer, entry->key.number);
		if (entry->key.bytes != NULL)
			pq_sendbytes(&buffer, entry->key.bytes, entry->key.number);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
receive_entry(ConcentrationState *state, StringInfo buffer)
{
	int64 rows = pq_getmsgint64(buffer);
	bool is_text = pq_getmsgbyte(buffer) != 0;
	Key key = {pq_getmsgint64(buffer), NULL};

	if (rows <= 0)
		calib_bad_state("concentration");
	if (is_text)
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

	calib_aggregate_context(fcinfo);
	calib_begin_deserialize(&buffer, PG_GETARG_BYTEA_PP(0));
	state = make_state(CurrentMemoryContext);
	while (buffer.cursor < buffer.len)
		receive_entry(state, &buffer);
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
		squares += (int128) entry->rows * entry->rows;
		rows += entry->rows;
	}
	if (rows == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((float8) squares / ((float8) rows * (float8) rows));
}
