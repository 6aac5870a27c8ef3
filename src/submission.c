/*
 * submission.c
 *		How an adjustment or a resource request enters the workflow.
 *
 * An adjustment is submitted through the rules it will be filed under
 * (adjustment.c) and holds a place from then on.  A batch is one decision on
 * several targets: all or nothing, in the order of their ids, which is also
 * the order of the locks (place.c).
 */
#include "workflow.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Arguments ----------------------------------------------------------------
 */

static void
refuse_null(const char *argument)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("%s must not be null", argument)));
}

char *
calib_text_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return NULL;
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

int64
calib_id_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		refuse_null(name);
	return PG_GETARG_INT64(number);
}

static Numeric
number_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		refuse_null(name);
	return PG_GETARG_NUMERIC(number);
}

/* bigint[]; NULL is the empty one */
static Datum
array_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return PointerGetDatum(construct_empty_array(INT8OID));
	return PG_GETARG_DATUM(number);
}

static bool
is_finite(Numeric number)
{
	return !numeric_is_nan(number) && !numeric_is_inf(number);
}

static int
sign(Numeric number)
{
	Datum zero = DirectFunctionCall1(int8_numeric, Int64GetDatum(0));

	return DatumGetInt32(
	    DirectFunctionCall2(numeric_cmp, NumericGetDatum(number), zero));
}

static bool
is_amount(Numeric number)
{
	return is_finite(number) && sign(number) >= 0;
}

/* Adjustments --------------------------------------------------------------
 */

static int
compare_ids(const void *a, const void *b)
{
	int64 left = DatumGetInt64(*(const Datum *) a);
	int64 right = DatumGetInt64(*(const Datum *) b);

	return left < right ? -1 : left > right;
}

/* The ids in order; none missing, none twice. */
static Datum
sorted_ids(Datum array, int *count)
{
	Datum *ids;
	bool *nulls;
	int i;

	deconstruct_array(DatumGetArrayTypeP(array), INT8OID, sizeof(int64),
	                  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &ids, &nulls, count);
	if (*count == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("target_ids must name a target"),
		                errhint("It is a list of ids, such as '{17,18}'; "
		                        "calib.target has them.")));
	for (i = 0; i < *count; i++)
		if (nulls[i])
			refuse_null("an element of target_ids");
	qsort(ids, *count, sizeof(Datum), compare_ids);
	for (i = 1; i < *count; i++)
		if (DatumGetInt64(ids[i]) == DatumGetInt64(ids[i - 1]))
			ereport(
			    ERROR,
			    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			     errmsg("a batch adjusts a target once"),
			     errdetail("Target " INT64_FORMAT " is named twice.",
			               DatumGetInt64(ids[i])),
			     errhint("Name each target once; change is one for all.")));
	return PointerGetDatum(construct_array(ids, *count, INT8OID, sizeof(int64),
	                                       FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
refuse_missing(Datum ids)
{
	Oid types[1] = {INT8ARRAYOID};

	calib_execute(
	    "SELECT k.id FROM pg_catalog.unnest($1) k(id) WHERE NOT EXISTS"
	    " (SELECT FROM calib.target t"
	    "  WHERE t.target_id OPERATOR(pg_catalog.=) k.id) ORDER BY 1 LIMIT 1",
	    1, types, &ids, NULL, true, 1);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("there is no target %s",
	                       SPI_processed == 0
	                           ? "like that"
	                           : SPI_getvalue(SPI_tuptable->vals[0],
	                                          SPI_tuptable->tupdesc, 1)),
	                errhint("calib.target lists them.")));
}

static Target *
lock_targets(Datum ids, int count)
{
	Oid types[1] = {INT8ARRAYOID};
	Target *targets = palloc(count * sizeof(Target));
	int i;

	calib_execute("SELECT t.* FROM calib.target t"
	              " WHERE t.target_id OPERATOR(pg_catalog.=) ANY ($1)"
	              " ORDER BY " CALIB_LOCK_ORDER " FOR NO KEY UPDATE",
	              1, types, &ids, NULL, false, 0);
	if (SPI_processed != (uint64) count)
		refuse_missing(ids);
	for (i = 0; i < count; i++)
		calib_read_target(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
		                  &targets[i]);
	return targets;
}

typedef struct Places
{
	Datum target_ids;
	Datum quarters;
} Places;

static void
lock_places(void *arg)
{
	Places *places = arg;

	calib_lock_places(places->target_ids, places->quarters);
}

/* Ids and quarters go in pairs, in the order the targets are locked in. */
static void
lock_places_of(const Target *targets, int count, const Calendar *calendar)
{
	Datum *ids = palloc(count * sizeof(Datum));
	Datum *quarters = palloc(count * sizeof(Datum));
	Places places;
	int i;

	for (i = 0; i < count; i++)
	{
		ids[i] = Int64GetDatum(targets[i].target_id);
		quarters[i] =
		    DateADTGetDatum(calib_spent_quarter(&targets[i], calendar));
	}
	places.target_ids = PointerGetDatum(construct_array(
	    ids, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	places.quarters = PointerGetDatum(construct_array(
	    quarters, count, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
	calib_through_door(lock_places, &places);
}

static void
require_manager(const Target *target)
{
	calib_require_duty("{manager}", target->unit_id,
	                   psprintf("submit an adjustment of target " INT64_FORMAT,
	                            target->target_id));
}

/*
 * Whoever submits several within one transaction locks beforehand what they
 * lock, in the order everybody does.
 */
PG_FUNCTION_INFO_V1(calib_lock_targets);
Datum
calib_lock_targets(PG_FUNCTION_ARGS)
{
	Calendar calendar;
	Target *targets;
	Datum ids;
	int count;

	ids = sorted_ids(array_argument(fcinfo, 0), &count);
	SPI_connect();
	targets = lock_targets(ids, count);
	calendar = calib_read_calendar(false);
	lock_places_of(targets, count, &calendar);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * What a submission asks for, and takes no lock and no place: whether one
 * that comes later could pass.  Of a draft too, whose correction keeps within
 * the cap where it is decided on beforehand.
 */
PG_FUNCTION_INFO_V1(calib_check_adjustment);
Datum
calib_check_adjustment(PG_FUNCTION_ARGS)
{
	Datum id = Int64GetDatum(calib_id_argument(fcinfo, 0, "target_id"));
	Numeric new_value = number_argument(fcinfo, 1, "new_value");
	Adjustment adjustment = {.occasion = SUBMISSION,
	                         .new_value = new_value,
	                         .reason = calib_text_argument(fcinfo, 2),
	                         .evidence = array_argument(fcinfo, 3)};
	Oid types[1] = {INT8OID};
	Calendar calendar;
	Policy policy;
	Target target;

	SPI_connect();
	calib_execute("SELECT t.* FROM calib.target t"
	              " WHERE t.target_id OPERATOR(pg_catalog.=) $1",
	              1, types, &id, NULL, false, 1);
	if (SPI_processed != 1)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("there is no target " INT64_FORMAT, DatumGetInt64(id)),
		         errhint("calib.target lists them.")));
	calib_read_target(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &target);
	require_manager(&target);
	calendar = calib_read_calendar(false);
	adjustment.target = &target;
	adjustment.calendar = &calendar;
	adjustment.submitted_on = calendar.today;
	policy = calib_read_policy(target.unit_id, calendar.today);
	calib_check_rules(&adjustment, &policy);
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(calib_submit_adjustment);
Datum
calib_submit_adjustment(PG_FUNCTION_ARGS)
{
	int64 target_id = calib_id_argument(fcinfo, 0, "target_id");
	Numeric new_value = number_argument(fcinfo, 1, "new_value");
	Submission submission = {.reason = calib_text_argument(fcinfo, 2),
	                         .evidence = array_argument(fcinfo, 3)};
	Datum id = Int64GetDatum(target_id);
	Calendar calendar;
	Target *target;
	int64 adjustment_id;

	SPI_connect();
	target = lock_targets(
	    PointerGetDatum(construct_array(&id, 1, INT8OID, sizeof(int64),
	                                    FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
	    1);
	calendar = calib_read_calendar(false);
	require_manager(target);
	adjustment_id = calib_new_adjustment_id();
	calib_submit(adjustment_id, target, new_value, &calendar, &submission);
	SPI_finish();
	PG_RETURN_INT64(adjustment_id);
}

/* The value and a share of the ORIGINAL value. */
static Numeric
changed_value(const Target *target, Numeric change)
{
	Datum amount =
	    DirectFunctionCall2(numeric_mul, NumericGetDatum(change),
	                        NumericGetDatum(target->original_value));

	return DatumGetNumeric(DirectFunctionCall2(
	    numeric_add, NumericGetDatum(target->value), amount));
}

PG_FUNCTION_INFO_V1(calib_submit_adjustments);
Datum
calib_submit_adjustments(PG_FUNCTION_ARGS)
{
	Numeric change = number_argument(fcinfo, 1, "change");
	Submission submission = {.reason = calib_text_argument(fcinfo, 2),
	                         .evidence = array_argument(fcinfo, 3)};
	Calendar calendar;
	Target *targets;
	Datum ids;
	int count;
	int i;

	if (!is_finite(change))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("change must be a finite share"),
		         errdetail("It is %s.", calib_numeric_text(change)),
		         errhint("-0.08 lowers each target by 8 %% of its original "
		                 "value.")));
	ids = sorted_ids(array_argument(fcinfo, 0), &count);
	SPI_connect();
	targets = lock_targets(ids, count);
	calendar = calib_read_calendar(false);
	for (i = 0; i < count; i++)
		require_manager(&targets[i]);
	lock_places_of(targets, count, &calendar);
	for (i = 0; i < count; i++)
	{
		int64 adjustment_id = calib_new_adjustment_id();

		/* the batch is named by its first member */
		if (i == 0)
			submission.batch_id = adjustment_id;
		calib_submit(adjustment_id, &targets[i],
		             changed_value(&targets[i], change), &calendar,
		             &submission);
	}
	SPI_finish();
	PG_RETURN_INT64(submission.batch_id);
}

/* Resource requests --------------------------------------------------------
 */

typedef struct Request
{
	int64 unit_id;
	char *kind;
	Numeric amount;
	char *reason;
	Datum cost; /* numeric */
	bool has_cost;
	int64 from_unit;
	bool has_from_unit;
	Datum evidence; /* bigint[] */
	Datum expected; /* numeric */
	bool has_expected;
	const Calendar *calendar;
	int64 request_id;
} Request;

static void
check_amounts(const Request *request)
{
	if (!is_amount(request->amount) || sign(request->amount) == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("amount must be greater than 0 and finite"),
		         errdetail("It is %s.", calib_numeric_text(request->amount))));
	if (request->has_cost && !is_amount(DatumGetNumeric(request->cost)))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("cost must be 0 or more and finite"),
		         errdetail("It is %s.", calib_numeric_text(
		                                    DatumGetNumeric(request->cost)))));
	if (request->has_expected &&
	    !is_amount(DatumGetNumeric(request->expected)))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("expected must be 0 or more and finite"),
		         errdetail("It is %s.", calib_numeric_text(DatumGetNumeric(
		                                    request->expected)))));
	if (!calib_has_words(request->reason))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a request needs a reason"),
		                errhint("Say in words what it is for.")));
}

/* Whether something moves, and so may come from a unit, is the kind's to say.
 */
static void
check_kind(const Request *request)
{
	Oid types[1] = {TEXTOID};
	Datum values[1] = {CStringGetTextDatum(request->kind)};
	bool moves;
	bool isnull;

	calib_execute("SELECT k.moves FROM calib.request_kind k"
	              " WHERE k.kind OPERATOR(pg_catalog.=) $1",
	              1, types, values, NULL, true, 1);
	if (SPI_processed == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("there is no kind of request \"%s\"", request->kind),
		         errhint("calib.request_kind lists them.")));
	moves = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
	                                   SPI_tuptable->tupdesc, 1, &isnull));
	if (!moves && request->has_from_unit)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a request of kind \"%s\" takes from no unit",
		                       request->kind),
		                errhint("Leave from_unit out.")));
	if (request->has_from_unit && request->from_unit == request->unit_id)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("from_unit must be another unit"),
		         errdetail("Both are " INT64_FORMAT ".", request->unit_id),
		         errhint("Leave it out where people move within the unit.")));
}

static void
check_unit(int64 unit_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(unit_id)};

	calib_execute("SELECT FROM calib.unit u"
	              " WHERE u.unit_id OPERATOR(pg_catalog.=) $1",
	              1, types, values, NULL, true, 1);
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("there is no unit " INT64_FORMAT, unit_id),
		                errhint("calib.unit lists them.")));
}

static void
insert_request(void *arg)
{
	Request *request = arg;
	Oid types[10] = {INT8OID,      TEXTOID,   NUMERICOID, NUMERICOID,
	                 INT8OID,      TEXTOID,   TEXTOID,    TIMESTAMPTZOID,
	                 INT8ARRAYOID, NUMERICOID};
	Datum values[10] = {Int64GetDatum(request->unit_id),
	                    CStringGetTextDatum(request->kind),
	                    NumericGetDatum(request->amount),
	                    request->cost,
	                    Int64GetDatum(request->from_unit),
	                    CStringGetTextDatum(request->reason),
	                    CStringGetTextDatum(calib_person()),
	                    TimestampTzGetDatum(request->calendar->at),
	                    request->evidence,
	                    request->expected};
	char nulls[11] = "          ";
	bool isnull;

	if (!request->has_cost)
		nulls[3] = 'n';
	if (!request->has_from_unit)
		nulls[4] = 'n';
	if (!request->has_expected)
		nulls[9] = 'n';
	calib_execute(
	    "INSERT INTO calib.resource_request (unit_id, kind, amount, cost,"
	    " from_unit, reason, status, submitted_by, submitted_at, expected)"
	    " VALUES ($1, $2, $3, $4, $5, $6, 'submitted', $7, $8, $10)"
	    " RETURNING request_id",
	    10, types, values, nulls, false, 0);
	request->request_id = DatumGetInt64(SPI_getbinval(
	    SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	values[0] = Int64GetDatum(request->request_id);
	calib_execute(
	    "INSERT INTO calib.request_evidence (request_id, evidence_id)"
	    " SELECT DISTINCT $1, c.id FROM pg_catalog.unnest($9) c(id)",
	    9, types, values, nulls, false, 0);
}

PG_FUNCTION_INFO_V1(calib_submit_request);
Datum
calib_submit_request(PG_FUNCTION_ARGS)
{
	Request request = {.unit_id = calib_id_argument(fcinfo, 0, "unit_id"),
	                   .amount = number_argument(fcinfo, 2, "amount"),
	                   .reason = calib_text_argument(fcinfo, 3),
	                   .has_cost = !PG_ARGISNULL(4),
	                   .has_from_unit = !PG_ARGISNULL(5),
	                   .evidence = array_argument(fcinfo, 6),
	                   .has_expected = !PG_ARGISNULL(7)};
	Calendar calendar;

	if (PG_ARGISNULL(1))
		refuse_null("kind");
	request.kind = calib_text_argument(fcinfo, 1);
	if (request.has_cost)
		request.cost = PG_GETARG_DATUM(4);
	if (request.has_expected)
		request.expected = PG_GETARG_DATUM(7);
	if (request.has_from_unit)
		request.from_unit = PG_GETARG_INT64(5);
	check_amounts(&request);
	SPI_connect();
	calendar = calib_read_calendar(false);
	request.calendar = &calendar;
	check_unit(request.unit_id);
	calib_require_duty(
	    "{manager}", request.unit_id,
	    psprintf("submit a request of unit " INT64_FORMAT, request.unit_id));
	check_kind(&request);
	if (request.has_from_unit)
		check_unit(request.from_unit);
	calib_check_cited(request.evidence, calendar.today);
	calib_through_door(insert_request, &request);
	SPI_finish();
	PG_RETURN_INT64(request.request_id);
}
