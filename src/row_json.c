/*
 * row_json.c
 *		A table row as jsonb, the same document to_jsonb(row) gives.
 *
 * Written here because to_jsonb finds its argument's type in a parse tree that
 * a trigger does not have.  Numbers, booleans, dates and texts are pushed
 * directly; what is an array or a composite goes through PostgreSQL's own
 * JSON functions.  Output never depends on DateStyle or TimeZone: timestamps
 * with time zone are written in UTC, so that the trail reads the same whoever
 * wrote it.
 */
#include "calib.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "row_json.h"

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

/* The number a JSON reader sees is the shortest text of a float. */
static void
set_float(JsonbValue *to, char *text)
{
	set_number(to, DatumGetNumeric(DirectFunctionCall3(
	                   numeric_in, CStringGetDatum(text),
	                   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))));
}

static void
set_jsonb(JsonbValue *to, Jsonb *document)
{
	to->type = jbvBinary;
	to->val.binary.data = &document->root;
	to->val.binary.len = VARSIZE(document) - VARHDRSZ;
}

static void
set_json_text(JsonbValue *to, char *text)
{
	set_jsonb(to, DatumGetJsonbP(
	                  DirectFunctionCall1(jsonb_in, CStringGetDatum(text))));
}

/* Arrays and composites, through the function that PostgreSQL has for them. */
static void
set_nested(JsonbValue *to, PGFunction to_json, Datum value)
{
	set_json_text(to, text_to_cstring(DatumGetTextPP(
	                      DirectFunctionCall1(to_json, value))));
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

/* A range of days or a bytea is written the same in every session. */
static char *
plain_text(Datum value, Oid type)
{
	int nest = NewGUCNestLevel();
	Oid output;
	bool isvarlena;
	char *text;

	set_plain("datestyle", "ISO, YMD");
	set_plain("intervalstyle", "postgres");
	set_plain("bytea_output", "hex");
	set_plain("timezone", "UTC");
	getTypeOutputInfo(type, &output, &isvarlena);
	text = OidOutputFunctionCall(output, value);
	AtEOXact_GUC(true, nest);
	return text;
}

static void
set_other(JsonbValue *to, Datum value, Oid type)
{

	if (OidIsValid(get_element_type(type)))
	{
		set_nested(to, array_to_json, value);
		return;
	}
	if (type_is_rowtype(type))
	{
		set_nested(to, row_to_json, value);
		return;
	}
	set_string(to, plain_text(value, type));
}

static void
set_value(JsonbValue *to, Datum value, Oid type)
{
	switch (type)
	{
		case BOOLOID:
			to->type = jbvBool;
			to->val.boolean = DatumGetBool(value);
			break;
		case INT2OID:
			set_number(to, int64_to_numeric(DatumGetInt16(value)));
			break;
		case INT4OID:
			set_number(to, int64_to_numeric(DatumGetInt32(value)));
			break;
		case INT8OID:
			set_number(to, int64_to_numeric(DatumGetInt64(value)));
			break;
		case NUMERICOID:
			set_number(to, DatumGetNumeric(value));
			break;
		case FLOAT4OID:
			set_float(to,
			          DatumGetCString(DirectFunctionCall1(float4out, value)));
			break;
		case FLOAT8OID:
			set_float(to,
			          DatumGetCString(DirectFunctionCall1(float8out, value)));
			break;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			set_date(to, value, type);
			break;
		case JSONBOID:
			set_jsonb(to, DatumGetJsonbP(value));
			break;
		case JSONOID:
			set_json_text(to, TextDatumGetCString(value));
			break;
		case TEXTOID:
		case VARCHAROID:
			set_string(to, TextDatumGetCString(value));
			break;
		default:
			set_other(to, value, type);
			break;
	}
}

Jsonb *
calib_row_to_jsonb(HeapTuple row, TupleDesc desc)
{
	JsonbParseState *state = NULL;
	JsonbValue *document;
	int i;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		JsonbValue entry;
		Datum value;
		bool isnull;

		if (attribute->attisdropped)
			continue;
		set_string(&entry, pstrdup(NameStr(attribute->attname)));
		pushJsonbValue(&state, WJB_KEY, &entry);
		value = heap_getattr(row, i + 1, desc, &isnull);
		entry.type = jbvNull;
		if (!isnull)
			set_value(&entry, value, getBaseType(attribute->atttypid));
		pushJsonbValue(&state, WJB_VALUE, &entry);
	}
	document = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(document);
}
