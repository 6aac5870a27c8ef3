/*
 * adjustment.c
 *		One adjustment: the rules it must keep, and its record.
 *
 * What costs nothing is checked first; the place in the quarter comes last,
 * because it locks.  The quarter's limit is one atomic statement on one budget
 * row: whoever comes second waits there and then sees what the first left
 * (READ COMMITTED), or fails with 40001 and finds KC002 when it tries again.
 */
#include "guard.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* A year's target may stray this far from its original by default. */
#define YEAR_CUMULATIVE_CAP "0.20"

typedef struct Policy
{
	Numeric cap;
	Numeric cumulative_cap; /* NULL: none */
	int max_adjustments;
	char *approval;
	int freeze_day; /* 0: none */
} Policy;

/* Arithmetic, always exact -------------------------------------------------
 */

static Numeric
number_from(const char *text)
{
	return DatumGetNumeric(
	    DirectFunctionCall3(numeric_in, CStringGetDatum(text),
	                        ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static Numeric
distance(Numeric a, Numeric b)
{
	Datum difference = DirectFunctionCall2(numeric_sub, NumericGetDatum(a),
	                                       NumericGetDatum(b));

	return DatumGetNumeric(DirectFunctionCall1(numeric_abs, difference));
}

static Numeric
times(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul, NumericGetDatum(a),
	                                           NumericGetDatum(b)));
}

static bool
exceeds(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(a),
	                                        NumericGetDatum(b)));
}

/* Reading ------------------------------------------------------------------
 */

static Policy
read_policy(const Adjustment *adjustment)
{
	Oid types[2] = {DATEOID, INT8OID};
	Datum values[2] = {DateADTGetDatum(adjustment->calendar->today),
	                   Int64GetDatum(adjustment->old->unit_id)};
	Policy policy;
	Datum cumulative_cap;
	HeapTuple row;
	TupleDesc desc;
	bool isnull;

	SPI_execute_with_args("SELECT p.cap, p.cumulative_cap, p.max_adjustments, "
	                      "p.approval, p.freeze_day"
	                      " FROM calib.policy_at($1, $2) p"
	                      " WHERE pg_catalog.num_nulls(p.cap, "
	                      "p.max_adjustments, p.approval) "
	                      "OPERATOR(pg_catalog.=) 0",
	                      2, types, values, NULL, false, 1);
	if (SPI_processed != 1)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		     errmsg("no policy holds for unit " INT64_FORMAT " on %s",
		            adjustment->old->unit_id,
		            calib_date_text(adjustment->calendar->today)),
		     errhint(
		         "Enter one for everyone (unit_id NULL) in calib.policy.")));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	policy.cap = DatumGetNumeric(SPI_getbinval(row, desc, 1, &isnull));
	cumulative_cap = SPI_getbinval(row, desc, 2, &isnull);
	if (!isnull)
		policy.cumulative_cap = DatumGetNumeric(cumulative_cap);
	else if (adjustment->old->grain == GRAIN_YEAR)
		policy.cumulative_cap = number_from(YEAR_CUMULATIVE_CAP);
	else
		policy.cumulative_cap = NULL;
	policy.max_adjustments =
	    DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
	policy.approval = SPI_getvalue(row, desc, 4);
	policy.freeze_day = DatumGetInt32(SPI_getbinval(row, desc, 5, &isnull));
	if (isnull)
		policy.freeze_day = 0;
	return policy;
}

/* Rules --------------------------------------------------------------------
 */

static void
check_approval(const Adjustment *adjustment, const Policy *policy)
{
	if (strcmp(policy->approval, "none") == 0)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
	         errmsg("a target changes only through an approved adjustment"),
	         errdetail("%s: policy approval is \"%s\".",
	                   calib_target_text(adjustment->old), policy->approval),
	         errhint("A plain UPDATE is an adjustment where policy approval "
	                 "is \"none\".")));
}

static void
check_period(const Adjustment *adjustment)
{
	if (adjustment->calendar->today < adjustment->old->period_end)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_PERIOD_CLOSED),
	         errmsg("the period of this target has ended"),
	         errdetail("%s; today is %s.", calib_target_text(adjustment->old),
	                   calib_date_text(adjustment->calendar->today)),
	         errhint("Adjust the target of a running or coming period.")));
}

/* The freeze closes targets whose period ends with the running month. */
static void
check_freeze(const Adjustment *adjustment, const Policy *policy)
{
	DateADT today = adjustment->calendar->today;
	DateADT month = calib_period_start(today, GRAIN_MONTH, 1);

	if (policy->freeze_day == 0 || today - month + 1 <= policy->freeze_day)
		return;
	if (adjustment->old->period_end != calib_period_end(month, GRAIN_MONTH))
		return;
	ereport(ERROR, (errcode(ERRCODE_CALIB_PERIOD_CLOSED),
	                errmsg("this target is frozen for the rest of the month"),
	                errdetail("%s; today is %s, targets that end this month "
	                          "freeze after day %d.",
	                          calib_target_text(adjustment->old),
	                          calib_date_text(today), policy->freeze_day),
	                errhint("Adjust the target of the next period.")));
}

static Datum
evidence_array(const EvidenceList *cited)
{
	Datum *ids = palloc(cited->count * sizeof(Datum));
	int i;

	for (i = 0; i < cited->count; i++)
		ids[i] = Int64GetDatum(cited->ids[i]);
	return PointerGetDatum(construct_array(ids, cited->count, INT8OID,
	                                       sizeof(int64), FLOAT8PASSBYVAL,
	                                       TYPALIGN_DOUBLE));
}

/*
 * Locks the evidence, so that it cannot change before it is cited, and names
 * the first id that is none, or that is dated in the future.
 */
static void
check_evidence(const Adjustment *adjustment)
{
	const EvidenceList *cited = calib_evidence_cited();
	Oid types[2] = {INT8ARRAYOID, DATEOID};
	Datum values[2];

	if (cited == NULL || cited->count == 0)
		ereport(ERROR, (errcode(ERRCODE_CALIB_EVIDENCE_MISSING),
		                errmsg("an adjustment needs evidence"),
		                errdetail("%s: calib.evidence is empty.",
		                          calib_target_text(adjustment->old)),
		                errhint("SET LOCAL calib.evidence = '17,18' with ids "
		                        "of calib.evidence.")));
	values[0] = evidence_array(cited);
	values[1] = DateADTGetDatum(adjustment->calendar->today);
	SPI_execute_with_args(
	    "SELECT FROM calib.evidence e"
	    " WHERE e.evidence_id OPERATOR(pg_catalog.=) ANY ($1) FOR SHARE",
	    1, types, values, NULL, false, 0);
	SPI_execute_with_args(
	    "SELECT c.id, e.observed_on FROM pg_catalog.unnest($1) c(id)"
	    " LEFT JOIN calib.evidence e ON e.evidence_id OPERATOR(pg_catalog.=) "
	    "c.id"
	    " WHERE e.evidence_id IS NULL OR e.observed_on OPERATOR(pg_catalog.>) "
	    "$2"
	    " ORDER BY c.id LIMIT 1",
	    2, types, values, NULL, false, 1);
	if (SPI_processed > 0)
	{
		char *id =
		    SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		char *observed =
		    SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);

		ereport(
		    ERROR,
		    (errcode(ERRCODE_CALIB_EVIDENCE_MISSING),
		     errmsg("evidence %s cannot be cited", id),
		     observed == NULL
		         ? errdetail("There is no evidence %s.", id)
		         : errdetail("It is dated %s, in the future.", observed),
		     errhint("Enter evidence in calib.evidence and cite its id.")));
	}
}

static void
check_reason(const Adjustment *adjustment)
{
	if (calib_reason_setting != NULL &&
	    calib_reason_setting[strspn(calib_reason_setting, " \t\r\n")] != '\0')
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("an adjustment needs a reason"),
	         errdetail("%s: calib.reason is empty.",
	                   calib_target_text(adjustment->old)),
	         errhint("SET LOCAL calib.reason = 'why the target changes'.")));
}

static void
check_cap(const Adjustment *adjustment, const Policy *policy)
{
	Numeric change = distance(adjustment->new->value, adjustment->old->value);
	Numeric limit = times(policy->cap, adjustment->old->original_value);

	if (!exceeds(change, limit))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_OVER_CAP),
	         errmsg("the adjustment is over the cap"),
	         errdetail("%s: from %s to %s is a change of %s; the cap is %s "
	                   "(%s of the original %s).",
	                   calib_target_text(adjustment->old),
	                   calib_numeric_text(adjustment->old->value),
	                   calib_numeric_text(adjustment->new->value),
	                   calib_numeric_text(change), calib_numeric_text(limit),
	                   calib_numeric_text(policy->cap),
	                   calib_numeric_text(adjustment->old->original_value)),
	         errhint("Change it by at most %s now; a second adjustment may "
	                 "follow within the quarter's limit.",
	                 calib_numeric_text(limit))));
}

static void
check_cumulative_cap(const Adjustment *adjustment, const Policy *policy)
{
	Numeric change =
	    distance(adjustment->new->value, adjustment->old->original_value);
	Numeric limit;

	if (policy->cumulative_cap == NULL)
		return;
	limit = times(policy->cumulative_cap, adjustment->old->original_value);
	if (!exceeds(change, limit))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_OVER_CAP),
	         errmsg("the adjustments together are over the cumulative cap"),
	         errdetail("%s: %s would be %s away from the original %s; the "
	                   "cumulative cap is %s (%s of it).",
	                   calib_target_text(adjustment->old),
	                   calib_numeric_text(adjustment->new->value),
	                   calib_numeric_text(change),
	                   calib_numeric_text(adjustment->old->original_value),
	                   calib_numeric_text(limit),
	                   calib_numeric_text(policy->cumulative_cap)),
	         errhint("Stay within %s of the original value.",
	                 calib_numeric_text(limit))));
}

/* Recording ----------------------------------------------------------------
 */

/* A year's target spends the quarter in which it is changed. */
static DateADT
spent_quarter(const Adjustment *adjustment)
{
	DateADT day = adjustment->old->grain == GRAIN_YEAR
	                  ? adjustment->calendar->today
	                  : adjustment->old->period_start;

	return calib_period_start(day, GRAIN_QUARTER,
	                          adjustment->calendar->fiscal_start_month);
}

static void
take_place(const Adjustment *adjustment, const Policy *policy, DateADT quarter)
{
	Oid types[5] = {INT8OID, TEXTOID, TEXTOID, DATEOID, INT4OID};
	Datum values[5] = {Int64GetDatum(adjustment->old->unit_id),
	                   CStringGetTextDatum(adjustment->old->measure),
	                   CStringGetTextDatum(adjustment->old->product_line),
	                   DateADTGetDatum(quarter),
	                   Int32GetDatum(policy->max_adjustments)};

	SPI_execute_with_args(
	    "INSERT INTO calib.budget AS b (unit_id, measure, product_line, "
	    "quarter_start, used)"
	    " SELECT $1, $2, $3, $4, 1 WHERE $5 OPERATOR(pg_catalog.>) 0"
	    " ON CONFLICT (unit_id, measure, product_line, quarter_start)"
	    " DO UPDATE SET used = b.used OPERATOR(pg_catalog.+) 1"
	    " WHERE b.used OPERATOR(pg_catalog.+) b.pending "
	    "OPERATOR(pg_catalog.<) $5"
	    " RETURNING b.used",
	    5, types, values, NULL, false, 0);
	if (SPI_processed == 1)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_NO_ADJUSTMENT_LEFT),
	         errmsg("no adjustment left in the quarter"),
	         errdetail("%s: the quarter from %s allows %d.",
	                   calib_target_text(adjustment->old),
	                   calib_date_text(quarter), policy->max_adjustments),
	         errhint("calib.adjustment_budget shows what is used and pending; "
	                 "the next quarter has its own.")));
}

static void
record(const Adjustment *adjustment, DateADT quarter)
{
	Oid types[8] = {INT8OID, DATEOID, NUMERICOID,     NUMERICOID,
	                TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8ARRAYOID};
	Datum values[8] = {Int64GetDatum(adjustment->old->target_id),
	                   DateADTGetDatum(quarter),
	                   NumericGetDatum(adjustment->old->value),
	                   NumericGetDatum(adjustment->new->value),
	                   CStringGetTextDatum(calib_reason_setting),
	                   CStringGetTextDatum(calib_person()),
	                   TimestampTzGetDatum(calib_now()),
	                   evidence_array(calib_evidence_cited())};

	SPI_execute_with_args(
	    "WITH made AS (INSERT INTO calib.adjustment"
	    " (target_id, quarter_start, old_value, new_value, reason, status,"
	    "  submitted_by, submitted_at, filed_by, filed_at)"
	    " VALUES ($1, $2, $3, $4, $5, 'filed', $6, $7, $6, $7)"
	    " RETURNING adjustment_id)"
	    " INSERT INTO calib.adjustment_evidence (adjustment_id, evidence_id)"
	    " SELECT DISTINCT m.adjustment_id, c.id"
	    " FROM made m CROSS JOIN pg_catalog.unnest($8) c(id)",
	    8, types, values, NULL, false, 0);
}

static void
take_place_and_record(void *arg)
{
	const Adjustment *adjustment = arg;
	Policy policy = read_policy(adjustment);
	DateADT quarter = spent_quarter(adjustment);

	take_place(adjustment, &policy, quarter);
	record(adjustment, quarter);
}

void
calib_adjust(const Adjustment *adjustment)
{
	Policy policy = read_policy(adjustment);

	check_approval(adjustment, &policy);
	check_period(adjustment);
	check_freeze(adjustment, &policy);
	check_evidence(adjustment);
	check_reason(adjustment);
	check_cap(adjustment, &policy);
	check_cumulative_cap(adjustment, &policy);
	calib_through_door(take_place_and_record,
	                   unconstify(Adjustment *, adjustment));
}
