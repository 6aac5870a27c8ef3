/*
 * row_json.c
 *		A table row as jsonb, the same document to_jsonb(row) gives.
 *
 * Written here because to_jsonb finds its argument's type in a parse tree that
 * a trigger does not have, and because to_jsonb, like row_to_json and
 * array_to_json, calls a cast to json wherever a type has one.  Anybody can
 * create such a cast for a type of his own, and a superuser who writes to that
 * person's table would run it.  Nothing here looks for a cast: what has no
 * JSON form is written as its type's output function writes it, which in
 * PostgreSQL is a superuser's C function always (base types are the
 * superuser's to create, and no language but C and internal takes a cstring).
 *
 * Output never depends on the session's settings: times with time zone are
 * written in UTC, floats in their shortest exact form, so that the trail reads
 * the same whoever wrote it.  A json column (not jsonb) is kept as its text:
 * not every json is a jsonb, and no write may fail for that.
 */
#include "calib.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "row_json.h"

static void push_datum(JsonbInState *state, JsonbIteratorToken as, Datum value,
                       bool isnull, Oid type);

static void
set_string(JsonbValue *to, char *text)
{
	to->type = jbvString;
	to->val.string.val = text;
	to->val.string.len = strlen(text);
}

/* NaN and the infinities are no JSON numbers: they become strings. */
static void
set_number(JsonbValue *to, Numeric number)
{
	if (numeric_is_nan(number) || numeric_is_inf(number))
	{
		set_string(to, DatumGetCString(DirectFunctionCall1(
		                   numeric_out, NumericGetDatum(number))));
		return;
	}
	to->type = jbvNumeric;
	to->val.numeric = number;
}

/* The number a JSON reader sees is the shortest exact text of a float. */
static void
set_float(JsonbValue *to, const char *text)
{
	set_number(to, DatumGetNumeric(DirectFunctionCall3(
	                   numeric_in, CStringGetDatum(text),
	                   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))));
}

static void
set_float4(JsonbValue *to, float4 value)
{
	char text[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(value, text);
	set_float(to, text);
}

static void
set_float8(JsonbValue *to, float8 value)
{
	char text[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, text);
	set_float(to, text);
}

static void
set_jsonb(JsonbValue *to, Jsonb *document)
{
	to->type = jbvBinary;
	to->val.binary.data = &document->root;
	to->val.binary.len = VARSIZE(document) - VARHDRSZ;
}

static void
set_date(JsonbValue *to, Datum value, Oid type)
{
	char *text = palloc(MAXDATELEN + 1);
	int utc = 0;

	set_string(to, JsonEncodeDateTime(text, value, type,
	                                  type == TIMESTAMPTZOID ? &utc : NULL));
}

static void
set_plain(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
	                         GUC_ACTION_SAVE, true, 0, false);
}

static char *
output_text(Datum value, Oid type)
{
	Oid output;
	bool isvarlena;

	getTypeOutputInfo(type, &output, &isvarlena);
	return OidOutputFunctionCall(output, value);
}

/* A range of days, a bytea, a name of a table: the same in every session. */
static char *
plain_text(Datum value, Oid type)
{
	int nest = NewGUCNestLevel();
	char *text;

	set_plain("datestyle", "ISO, YMD");
	set_plain("intervalstyle", "postgres");
	set_plain("bytea_output", "hex");
	set_plain("timezone", "UTC");
	set_plain("extra_float_digits", "1");
	set_plain("lc_monetary", "C");
	set_plain("search_path", "");
	text = output_text(value, type);
	AtEOXact_GUC(true, nest);
	return text;
}

/* Common types whose text no setting changes: spared the settings above. */
static bool
reads_the_same(Oid type)
{
	switch (type)
	{
		case UUIDOID:
		case OIDOID:
		case CHAROID:
		case NAMEOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case TIMEOID:
		case TIMETZOID:
		case BITOID:
		case VARBITOID:
			return true;
		default:
			return type_is_enum(type);
	}
}

/* The common types, told by nothing but their OID: no look-up per value. */
static bool
set_common(JsonbValue *to, Datum value, Oid type)
{
	switch (type)
	{
		case BOOLOID:
			to->type = jbvBool;
			to->val.boolean = DatumGetBool(value);
			return true;
		case INT2OID:
			set_number(to, int64_to_numeric(DatumGetInt16(value)));
			return true;
		case INT4OID:
			set_number(to, int64_to_numeric(DatumGetInt32(value)));
			return true;
		case INT8OID:
			set_number(to, int64_to_numeric(DatumGetInt64(value)));
			return true;
		case NUMERICOID:
			set_number(to, DatumGetNumeric(value));
			return true;
		case FLOAT4OID:
			set_float4(to, DatumGetFloat4(value));
			return true;
		case FLOAT8OID:
			set_float8(to, DatumGetFloat8(value));
			return true;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			set_date(to, value, type);
			return true;
		case JSONBOID:
			set_jsonb(to, DatumGetJsonbP(value));
			return true;
		case JSONOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			set_string(to, TextDatumGetCString(value));
			return true;
		default:
			return false;
	}
}

/* One dimension of an array; the elements are taken in storage order. */
static void
push_dimension(JsonbInState *state, int ndim, const int *dims, Datum **value,
               bool **isnull, Oid type)
{
	int i;

	calib_push_json(state, WJB_BEGIN_ARRAY, NULL);
	for (i = 0; i < dims[0]; i++)
	{
		if (ndim > 1)
			push_dimension(state, ndim - 1, dims + 1, value, isnull, type);
		else
			push_datum(state, WJB_ELEM, *(*value)++, *(*isnull)++, type);
	}
	calib_push_json(state, WJB_END_ARRAY, NULL);
}

static void
push_array(JsonbInState *state, Datum value, Oid element)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	int empty = 0;
	Datum *values;
	bool *nulls;
	int count;
	int16 length;
	bool byval;
	char align;

	get_typlenbyvalalign(element, &length, &byval, &align);
	deconstruct_array(array, element, length, byval, align, &values, &nulls,
	                  &count);
	if (count == 0)
		push_dimension(state, 1, &empty, &values, &nulls, element);
	else
		push_dimension(state, ARR_NDIM(array), ARR_DIMS(array), &values,
		               &nulls, element);
}

static void
push_tuple(JsonbInState *state, HeapTuple row, TupleDesc desc)
{
	int i;

	calib_push_json(state, WJB_BEGIN_OBJECT, NULL);
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		JsonbValue key;
		Datum value;
		bool isnull;

		if (attribute->attisdropped)
			continue;
		set_string(&key, pstrdup(NameStr(attribute->attname)));
		calib_push_json(state, WJB_KEY, &key);
		value = heap_getattr(row, i + 1, desc, &isnull);
		push_datum(state, WJB_VALUE, value, isnull, attribute->atttypid);
	}
}

static void
push_composite(JsonbInState *state, Datum value)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
	                                        HeapTupleHeaderGetTypMod(header));
	HeapTupleData row;

	row.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&row.t_self);
	row.t_tableOid = InvalidOid;
	row.t_data = header;
	push_tuple(state, &row, desc);
	calib_push_json(state, WJB_END_OBJECT, NULL);
	ReleaseTupleDesc(desc);
}

/* What is no common type: a domain, an array, a composite, or another. */
static void
push_other(JsonbInState *state, JsonbIteratorToken as, Datum value, Oid type)
{
	Oid base = getBaseType(type);
	Oid element = get_element_type(base);
	JsonbValue entry;

	if (base != type)
		push_datum(state, as, value, false, base);
	else if (OidIsValid(element))
		push_array(state, value, element);
	else if (type_is_rowtype(type))
		push_composite(state, value);
	else
	{
		set_string(&entry, reads_the_same(type) ? output_text(value, type)
		                                        : plain_text(value, type));
		calib_push_json(state, as, &entry);
	}
}

static void
push_datum(JsonbInState *state, JsonbIteratorToken as, Datum value,
           bool isnull, Oid type)
{
	JsonbValue entry;

	check_stack_depth();
	entry.type = jbvNull;
	if (isnull || set_common(&entry, value, type))
		calib_push_json(state, as, &entry);
	else
		push_other(state, as, value, type);
}

Jsonb *
calib_row_to_jsonb(HeapTuple row, TupleDesc desc)
{
	JsonbInState state = {0};

	push_tuple(&state, row, desc);
	calib_push_json(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(state.result);
}

/* {"key": "value"} */
Jsonb *
calib_pair_to_jsonb(const char *key, const char *value)
{
	JsonbInState state = {0};
	JsonbValue entry;

	calib_push_json(&state, WJB_BEGIN_OBJECT, NULL);
	set_string(&entry, pstrdup(key));
	calib_push_json(&state, WJB_KEY, &entry);
	set_string(&entry, pstrdup(value));
	calib_push_json(&state, WJB_VALUE, &entry);
	calib_push_json(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(state.result);
}
