/*
 * behavior_figures.c
 *		What a calib.behavior says: sums, customers, days, density.
 *
 * Sums per kind and over customers stand at the head of a value: most figures
 * read a few dozen bytes, however large it is.
 */
#include "calib.h"

#include <float.h>

#include "behavior_set.h"
#include "behavior_type.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/float.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(calib_behavior_events);
PG_FUNCTION_INFO_V1(calib_behavior_distinct_events);
PG_FUNCTION_INFO_V1(calib_behavior_late_events);
PG_FUNCTION_INFO_V1(calib_behavior_late_distinct_events);
PG_FUNCTION_INFO_V1(calib_behavior_quantity);
PG_FUNCTION_INFO_V1(calib_behavior_customers);
PG_FUNCTION_INFO_V1(calib_behavior_active_days);
PG_FUNCTION_INFO_V1(calib_behavior_active_dates);
PG_FUNCTION_INFO_V1(calib_behavior_longest_gap);
PG_FUNCTION_INFO_V1(calib_behavior_concentration);
PG_FUNCTION_INFO_V1(calib_behavior_distinct_concentration);
PG_FUNCTION_INFO_V1(calib_behavior_first_at);
PG_FUNCTION_INFO_V1(calib_behavior_last_at);
PG_FUNCTION_INFO_V1(calib_behavior_zone);
PG_FUNCTION_INFO_V1(calib_behavior_density_of);

#define MILLION 1000000

static void
open_value(FunctionCallInfo fcinfo, BehaviorReader *reader)
{
	behavior_value_open(reader, PG_GETARG_BYTEA_PP(0));
}

static void
read_kind(BehaviorReader *reader, BehaviorKind *kind)
{
	if (!behavior_read_kind(reader, kind))
		behavior_corrupt(ERRCODE_DATA_CORRUPTED, reader, reader->problem);
}

/* Sums per kind ---------------------------------------------------------- */

/* A name of the caller's, in the encoding of the value */
static const char *
utf8_argument(text *argument, uint32 *length)
{
	char *name = VARDATA_ANY(argument);

	*length = VARSIZE_ANY_EXHDR(argument);
	if (GetDatabaseEncoding() == PG_UTF8)
		return name;
	name = pg_server_to_any(name, (int) *length, PG_UTF8);
	if (name != VARDATA_ANY(argument))
		*length = (uint32) strlen(name);
	return name;
}

/* Of the kind the second argument names, or of all where there is none. */
static void
sum_kinds(FunctionCallInfo fcinfo, BehaviorKind *sum)
{
	BehaviorReader reader;
	const char *name = NULL;
	uint32 length = 0;
	uint32 i;

	memset(sum, 0, sizeof(*sum));
	open_value(fcinfo, &reader);
	if (PG_NARGS() > 1)
		name = utf8_argument(PG_GETARG_TEXT_PP(1), &length);
	for (i = 0; i < reader.header.kinds; i++)
	{
		BehaviorKind kind;

		read_kind(&reader, &kind);
		if (name != NULL && (kind.name_length != length ||
		                     memcmp(kind.name, name, length) != 0))
			continue;
		/* a validated value's sums over all kinds are within an int64 */
		sum->events += kind.events;
		sum->distinct += kind.distinct;
		sum->late += kind.late;
		sum->late_distinct += kind.late_distinct;
		sum->quantity += kind.quantity;
	}
}

Datum
calib_behavior_events(PG_FUNCTION_ARGS)
{
	BehaviorKind sum;

	sum_kinds(fcinfo, &sum);
	PG_RETURN_INT64(sum.events);
}

Datum
calib_behavior_distinct_events(PG_FUNCTION_ARGS)
{
	BehaviorKind sum;

	sum_kinds(fcinfo, &sum);
	PG_RETURN_INT64(sum.distinct);
}

Datum
calib_behavior_late_events(PG_FUNCTION_ARGS)
{
	BehaviorKind sum;

	sum_kinds(fcinfo, &sum);
	PG_RETURN_INT64(sum.late);
}

Datum
calib_behavior_late_distinct_events(PG_FUNCTION_ARGS)
{
	BehaviorKind sum;

	sum_kinds(fcinfo, &sum);
	PG_RETURN_INT64(sum.late_distinct);
}

/* Writes an unsigned number of at least so many digits; returns its end. */
static char *
put_digits(char *at, unsigned __int128 number, int digits)
{
	char reversed[40];
	int n = 0;

	while (number > 0 || n < digits)
	{
		reversed[n++] = (char) ('0' + (int) (number % 10));
		number /= 10;
	}
	while (n > 0)
		*at++ = reversed[--n];
	return at;
}

/* Millionths as a numeric, without zeros at its end */
Datum
behavior_numeric(BehaviorSum millionths)
{
	char text[64];
	char *at = text;
	unsigned __int128 size = millionths < 0 ? -(unsigned __int128) millionths
	                                        : (unsigned __int128) millionths;

	if (millionths < 0)
		*at++ = '-';
	at = put_digits(at, size / MILLION, 1);
	if (size % MILLION != 0)
	{
		*at++ = '.';
		at = put_digits(at, size % MILLION, 6);
		while (at[-1] == '0')
			at--;
	}
	*at = '\0';
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text),
	                           ObjectIdGetDatum(InvalidOid),
	                           Int32GetDatum(-1));
}

Datum
calib_behavior_quantity(PG_FUNCTION_ARGS)
{
	BehaviorKind sum;

	sum_kinds(fcinfo, &sum);
	PG_RETURN_DATUM(behavior_numeric(sum.quantity));
}

/* What stands in the header ---------------------------------------------- */

Datum
calib_behavior_customers(PG_FUNCTION_ARGS)
{
	BehaviorReader reader;

	open_value(fcinfo, &reader);
	PG_RETURN_INT64((int64) reader.header.customers);
}

Datum
calib_behavior_active_days(PG_FUNCTION_ARGS)
{
	BehaviorReader reader;

	open_value(fcinfo, &reader);
	PG_RETURN_INT32((int32) reader.header.days);
}

Datum
calib_behavior_first_at(PG_FUNCTION_ARGS)
{
	BehaviorReader reader;

	open_value(fcinfo, &reader);
	if (reader.header.kinds == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(reader.header.first);
}

Datum
calib_behavior_last_at(PG_FUNCTION_ARGS)
{
	BehaviorReader reader;

	open_value(fcinfo, &reader);
	if (reader.header.kinds == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(reader.header.last);
}

Datum
calib_behavior_zone(PG_FUNCTION_ARGS)
{
	BehaviorReader reader;

	open_value(fcinfo, &reader);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(
	    reader.header.zone, (int) reader.header.zone_length));
}

/* Sum of squared shares of what customers have; none: NULL */
static Datum
shares_squared(FunctionCallInfo fcinfo, bool distinct)
{
	BehaviorReader reader;
	const BehaviorHeader *header = &reader.header;
	BehaviorKind sum;
	float8 whole;
	float8 squares;

	open_value(fcinfo, &reader);
	if (header->customers == 0)
		PG_RETURN_NULL();
	sum_kinds(fcinfo, &sum);
	whole = distinct ? (float8) (sum.distinct - header->no_customer_distinct)
	                 : (float8) (sum.events - header->no_customer_events);
	squares = distinct ? (float8) header->distinct_squares
	                   : (float8) header->event_squares;
	PG_RETURN_FLOAT8(squares / (whole * whole));
}

Datum
calib_behavior_concentration(PG_FUNCTION_ARGS)
{
	return shares_squared(fcinfo, false);
}

Datum
calib_behavior_distinct_concentration(PG_FUNCTION_ARGS)
{
	return shares_squared(fcinfo, true);
}

/* Days ------------------------------------------------------------------- */

/* The days of the value at hand, palloced */
static int32 *
read_days(FunctionCallInfo fcinfo, uint32 *count)
{
	BehaviorReader reader;
	int32 *days;
	uint32 i;

	open_value(fcinfo, &reader);
	for (i = 0; i < reader.header.kinds; i++)
	{
		BehaviorKind kind;

		read_kind(&reader, &kind);
	}
	*count = reader.header.days;
	days = MemoryContextAllocHuge(CurrentMemoryContext,
	                              sizeof(int32) * ((Size) *count + 1));
	if (!behavior_read_days(&reader, days))
		behavior_corrupt(ERRCODE_DATA_CORRUPTED, &reader, reader.problem);
	return days;
}

/* Days from one active day to the next; fewer than two: NULL */
Datum
calib_behavior_longest_gap(PG_FUNCTION_ARGS)
{
	uint32 count;
	int32 *days = read_days(fcinfo, &count);
	int32 longest = 0;
	uint32 i;

	if (count < 2)
		PG_RETURN_NULL();
	for (i = 1; i < count; i++)
		longest = Max(longest, days[i] - days[i - 1]);
	PG_RETURN_INT32(longest);
}

Datum
calib_behavior_active_dates(PG_FUNCTION_ARGS)
{
	uint32 count;
	int32 *days = read_days(fcinfo, &count);
	Datum *dates = MemoryContextAllocHuge(CurrentMemoryContext,
	                                      sizeof(Datum) * ((Size) count + 1));
	uint32 i;

	for (i = 0; i < count; i++)
		dates[i] = DateADTGetDatum(days[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(
	    dates, (int) count, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
}

/* Density ---------------------------------------------------------------- */

typedef struct Weight
{
	char *name; /* UTF-8 */
	uint32 length;
	float8 weight;
} Weight;

/* The weights of the call before, for most calls bring the same */
typedef struct Weights
{
	MemoryContext context;
	Jsonb *given;
	int count;
	Weight *weight;
} Weights;

static void
weights_refused(const char *problem, const JsonbValue *kind)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("weights must be an object of kinds and their weights"),
	         kind == NULL ? errdetail("It is %s.", problem)
	                      : errdetail("The weight of \"%.*s\" is %s.",
	                                  kind->val.string.len,
	                                  kind->val.string.val, problem),
	         errhint("For example {\"visit\": 1, \"call\": 0.4}. A kind that "
	                 "is left out, or null, does not count.")));
}

static float8
weight_of(const JsonbValue *kind, const JsonbValue *value)
{
	float8 weight;

	if (value->type == jbvNull)
		return 0.0;
	if (value->type != jbvNumeric)
		weights_refused("not a number", kind);
	weight = DatumGetFloat8(DirectFunctionCall1(
	    numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(weight >= 0.0 && weight <= DBL_MAX))
		weights_refused("negative or not finite", kind);
	return weight;
}

static void
keep_weight(Weights *weights, const JsonbValue *kind, float8 value)
{
	Weight *weight = &weights->weight[weights->count++];
	char *name = kind->val.string.val;
	int length = kind->val.string.len;
	char *utf8 = pg_server_to_any(name, length, PG_UTF8);

	if (utf8 != name)
		length = (int) strlen(utf8);
	weight->name = palloc(length + 1);
	memcpy(weight->name, utf8, length);
	weight->length = (uint32) length;
	weight->weight = value;
}

static void
learn_weights(Weights *weights, const Jsonb *given)
{
	MemoryContext before = MemoryContextSwitchTo(weights->context);
	JsonbIterator *walk;
	JsonbIteratorToken token;
	JsonbValue kind;
	JsonbValue value;

	weights->given = NULL;
	MemoryContextReset(weights->context);
	if (!JB_ROOT_IS_OBJECT(given))
		weights_refused("not an object", NULL);
	weights->count = 0;
	weights->weight = palloc(sizeof(Weight) * (JB_ROOT_COUNT(given) + 1));
	walk = JsonbIteratorInit(unconstify(JsonbContainer *, &given->root));
	(void) JsonbIteratorNext(&walk, &kind, false);
	while ((token = JsonbIteratorNext(&walk, &kind, false)) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&walk, &value, true);
		keep_weight(weights, &kind, weight_of(&kind, &value));
	}
	weights->given = palloc(VARSIZE(given));
	memcpy(weights->given, given, VARSIZE(given));
	MemoryContextSwitchTo(before);
}

static const Weights *
weights_of(FunctionCallInfo fcinfo, const Jsonb *given)
{
	Weights *weights = fcinfo->flinfo->fn_extra;

	if (weights == NULL)
	{
		weights =
		    MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Weights));
		weights->context = AllocSetContextCreate(
		    fcinfo->flinfo->fn_mcxt, "calib weights", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = weights;
	}
	if (weights->given == NULL || VARSIZE(weights->given) != VARSIZE(given) ||
	    memcmp(weights->given, given, VARSIZE(given)) != 0)
		learn_weights(weights, given);
	return weights;
}

static float8
weight_for(const Weights *weights, const BehaviorKind *kind)
{
	int i;

	for (i = 0; i < weights->count; i++)
		if (weights->weight[i].length == kind->name_length &&
		    memcmp(weights->weight[i].name, kind->name, kind->name_length) ==
		        0)
			return weights->weight[i].weight;
	return 0.0;
}

static void
weeks_refused(float8 weeks)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("weeks must be finite and not negative"),
	         errdetail("The weeks given are %g.", weeks),
	         errhint("Pass the rep-weeks of the window, as rep_weeks_in "
	                 "says them.")));
}

/* (value, weights, weeks): not at work, that is 0 weeks, gives NULL */
Datum
calib_behavior_density_of(PG_FUNCTION_ARGS)
{
	const Weights *weights = weights_of(fcinfo, PG_GETARG_JSONB_P(1));
	float8 weeks = PG_GETARG_FLOAT8(2);
	BehaviorReader reader;
	float8 weighted = 0.0;
	uint32 i;

	if (!(weeks >= 0.0 && weeks <= DBL_MAX))
		weeks_refused(weeks);
	open_value(fcinfo, &reader);
	if (weeks == 0.0)
		PG_RETURN_NULL();
	for (i = 0; i < reader.header.kinds; i++)
	{
		BehaviorKind kind;

		read_kind(&reader, &kind);
		weighted += weight_for(weights, &kind) * (float8) kind.distinct;
	}
	PG_RETURN_FLOAT8(float8_div(weighted, weeks));
}
