/*
 * behavior_type.c
 *		calib.behavior as text and in binary, and whether two are equal.
 *
 * Both forms are the bytes of docs/behavior_format.md, the text in hexadecimal
 * as a bytea is written.  They are the same on every machine.
 */
#include "behavior_type.h"

#include "behavior_set.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(calib_behavior_in);
PG_FUNCTION_INFO_V1(calib_behavior_out);
PG_FUNCTION_INFO_V1(calib_behavior_recv);
PG_FUNCTION_INFO_V1(calib_behavior_send);
PG_FUNCTION_INFO_V1(calib_behavior_eq);
PG_FUNCTION_INFO_V1(calib_behavior_ne);

static void
pause_check(void)
{
	CHECK_FOR_INTERRUPTS();
}

void
behavior_validate(const uint8 *bytes, size_t size, bool partial, int sqlstate)
{
	BehaviorReader reader;
	BehaviorKind *kinds;
	int32 *days;
	uint8 *used;
	const char *problem;

	if (!behavior_open(&reader, bytes, size))
		behavior_corrupt(sqlstate, &reader, reader.problem);
	if (reader.header.partial && !partial)
	{
		reader.offset = 1;
		behavior_corrupt(sqlstate, &reader, "it is a state, not a value");
	}
	reader.pause = pause_check;
	kinds = palloc(sizeof(BehaviorKind) * 2 * (reader.header.kinds + 1));
	days = MemoryContextAllocHuge(CurrentMemoryContext,
	                              (sizeof(int32) + 1) *
	                                  ((Size) reader.header.days + 1));
	used = (uint8 *) (days + reader.header.days + 1);
	problem = behavior_check(&reader, kinds, kinds + reader.header.kinds, days,
	                         used);
	if (problem != NULL)
		behavior_corrupt(sqlstate, &reader, problem);
	pfree(kinds);
	pfree(days);
}

void
behavior_value_open(BehaviorReader *reader, const bytea *value)
{
	if (!behavior_open(reader, (const uint8 *) VARDATA_ANY(value),
	                   VARSIZE_ANY_EXHDR(value)))
		behavior_corrupt(ERRCODE_DATA_CORRUPTED, reader, reader->problem);
}

static void
bad_text(size_t offset, const char *problem)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
	                errmsg("invalid value of type calib.behavior"),
	                errdetail("At character %zu: %s.", offset, problem)));
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

Datum
calib_behavior_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	size_t length = strlen(text);
	size_t size = length / 2;
	bytea *value;
	uint8 *bytes;
	size_t i;

	if (length < 2 || text[0] != '\\' || text[1] != 'x')
		bad_text(1, "it does not begin with \\x");
	value = palloc(VARHDRSZ + size);
	bytes = (uint8 *) VARDATA(value);
	for (i = 2; i < length; i++)
	{
		int digit = hex_digit(text[i]);

		if (digit < 0)
			bad_text(i + 1, "it is no hexadecimal digit");
		if (i % 2 == 0)
			bytes[i / 2 - 1] = (uint8) (digit << 4);
		else
			bytes[i / 2 - 1] |= (uint8) digit;
	}
	if (length % 2 != 0)
		bad_text(length, "it ends within a byte");
	SET_VARSIZE(value, VARHDRSZ + size - 1);
	behavior_validate(bytes, size - 1, false,
	                  ERRCODE_INVALID_TEXT_REPRESENTATION);
	PG_RETURN_BYTEA_P(value);
}

Datum
calib_behavior_out(PG_FUNCTION_ARGS)
{
	static const char digits[] = "0123456789abcdef";
	bytea *value = PG_GETARG_BYTEA_PP(0);
	const uint8 *bytes = (const uint8 *) VARDATA_ANY(value);
	size_t size = VARSIZE_ANY_EXHDR(value);
	char *text;
	size_t i;

	if (size > (MaxAllocSize - 3) / 2)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("a behavior is too large to be written as text"),
		         errdetail("It has %zu bytes.", size),
		         errhint("Read it in binary.")));
	text = palloc(3 + 2 * size);
	text[0] = '\\';
	text[1] = 'x';
	for (i = 0; i < size; i++)
	{
		text[2 + 2 * i] = digits[bytes[i] >> 4];
		text[3 + 2 * i] = digits[bytes[i] & 15];
	}
	text[2 + 2 * size] = '\0';
	PG_RETURN_CSTRING(text);
}

Datum
calib_behavior_recv(PG_FUNCTION_ARGS)
{
	StringInfo buffer = (StringInfo) PG_GETARG_POINTER(0);
	int size = buffer->len - buffer->cursor;
	const char *bytes = pq_getmsgbytes(buffer, size);
	bytea *value;

	behavior_validate((const uint8 *) bytes, (size_t) size, false,
	                  ERRCODE_INVALID_BINARY_REPRESENTATION);
	value = palloc(VARHDRSZ + (Size) size);
	SET_VARSIZE(value, VARHDRSZ + size);
	memcpy(VARDATA(value), bytes, (size_t) size);
	PG_RETURN_BYTEA_P(value);
}

Datum
calib_behavior_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

/* A summary has one form only, so that equal ones have equal bytes. */
static bool
same_value(FunctionCallInfo fcinfo)
{
	bytea *a = PG_GETARG_BYTEA_PP(0);
	bytea *b = PG_GETARG_BYTEA_PP(1);
	size_t size = VARSIZE_ANY_EXHDR(a);

	return size == VARSIZE_ANY_EXHDR(b) &&
	       memcmp(VARDATA_ANY(a), VARDATA_ANY(b), size) == 0;
}

Datum
calib_behavior_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(same_value(fcinfo));
}

Datum
calib_behavior_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!same_value(fcinfo));
}
