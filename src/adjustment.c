/*
 * adjustment.c
 *		The rules an adjustment must keep.
 *
 * They stand here once and are asked on three occasions (filing.c): when a
 * plain UPDATE is an adjustment, when one is submitted, and again when it is
 * filed, for policy and the target may have changed since.  The place in the
 * quarter comes after them all, because it locks (place.c).
 */
#include "guard.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* A year's target may stray this far from its original by default. */
#define YEAR_CUMULATIVE_CAP "0.20"

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

Policy
calib_read_policy(int64 unit_id, DateADT today)
{
	Oid types[2] = {DATEOID, INT8OID};
	Datum values[2] = {DateADTGetDatum(today), Int64GetDatum(unit_id)};
	Policy policy;
	Datum cumulative_cap;
	HeapTuple row;
	TupleDesc desc;
	bool isnull;

	calib_execute("SELECT p.cap, p.cumulative_cap, p.max_adjustments, "
	              "p.approval, p.freeze_day, p.filing_grace_days"
	              " FROM calib.policy_at($1, $2) p"
	              " WHERE pg_catalog.num_nulls(p.cap, "
	              "p.max_adjustments, p.approval, p.filing_grace_days) "
	              "OPERATOR(pg_catalog.=) 0",
	              2, types, values, NULL, false, 1);
	if (SPI_processed != 1)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		     errmsg("no policy holds for unit " INT64_FORMAT " on %s", unit_id,
		            calib_date_text(today)),
		     errhint(
		         "Enter one for everyone (unit_id NULL) in calib.policy.")));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	policy.cap = DatumGetNumeric(SPI_getbinval(row, desc, 1, &isnull));
	cumulative_cap = SPI_getbinval(row, desc, 2, &isnull);
	policy.cumulative_cap = isnull ? NULL : DatumGetNumeric(cumulative_cap);
	policy.max_adjustments =
	    DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
	policy.approval = SPI_getvalue(row, desc, 4);
	policy.freeze_day = DatumGetInt32(SPI_getbinval(row, desc, 5, &isnull));
	if (isnull)
		policy.freeze_day = 0;
	policy.filing_grace_days =
	    DatumGetInt32(SPI_getbinval(row, desc, 6, &isnull));
	return policy;
}

/* Rules --------------------------------------------------------------------
 */

bool
calib_has_words(const char *text)
{
	return text != NULL && text[strspn(text, " \t\r\n")] != '\0';
}

/* Filing has had its approval: workflow.c looks after the steps. */
static void
check_approval(const Adjustment *adjustment, const Policy *policy)
{
	Oid types[2] = {INT8OID, TEXTOID};
	Datum values[2];

	if (adjustment->occasion != PLAIN_UPDATE)
		return;
	if (strcmp(policy->approval, "none") != 0)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		     errmsg("a target changes only through an approved adjustment"),
		     errdetail("%s: policy approval is \"%s\".",
		               calib_target_text(adjustment->target),
		               policy->approval),
		     errhint("Submit it: calib.submit_adjustment(target_id, "
		             "new_value, reason, evidence).")));
	values[0] = Int64GetDatum(adjustment->target->unit_id);
	values[1] = CStringGetTextDatum(psprintf("adjust target " INT64_FORMAT,
	                                         adjustment->target->target_id));
	calib_execute("SELECT calib.require_duty('{manager}', $1, $2)", 2, types,
	              values, NULL, true, 0);
}

/* A plain UPDATE never gets here with one of these: the table refuses them. */
static void
check_number(const Adjustment *adjustment)
{
	if (exceeds(adjustment->new_value, number_from("0")) &&
	    exceeds(number_from("Infinity"), adjustment->new_value))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("a target's value is greater than 0 and finite"),
	                errdetail("%s: it would be %s.",
	                          calib_target_text(adjustment->target),
	                          calib_numeric_text(adjustment->new_value)),
	                errhint("Give a value above 0. The change of a batch is a "
	                        "share: -0.08 lowers by 8 %%.")));
}

void
calib_refuse_unchanged(int64 target_id, Numeric value, const char *way_out)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("an adjustment changes its target"),
	                errdetail("Target " INT64_FORMAT " is at %s already.",
	                          target_id, calib_numeric_text(value)),
	                errhint("%s", way_out)));
}

static void
check_change(const Adjustment *adjustment)
{
	if (calib_same_number(adjustment->new_value, adjustment->target->value))
		calib_refuse_unchanged(adjustment->target->target_id,
		                       adjustment->new_value, "Give another value.");
}

/* What was submitted in time may be filed some days after the period's end. */
static void
check_period(const Adjustment *adjustment, const Policy *policy)
{
	DateADT today = adjustment->calendar->today;
	DateADT end = adjustment->target->period_end;
	int grace = 0;

	if (adjustment->occasion == FILING && adjustment->submitted_on < end)
		grace = policy->filing_grace_days;
	if (today - end < grace)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_PERIOD_CLOSED),
	         errmsg("the period of this target has ended"),
	         adjustment->occasion == FILING
	             ? errdetail("%s; today is %s, what was submitted in time is "
	                         "filed within %d days of its end.",
	                         calib_target_text(adjustment->target),
	                         calib_date_text(today), grace)
	             : errdetail("%s; today is %s.",
	                         calib_target_text(adjustment->target),
	                         calib_date_text(today)),
	         errhint("Adjust the target of a running or coming period.")));
}

/*
 * The freeze closes targets whose period ends with the running month.  It is
 * a freeze of submissions: what was submitted before it may be filed.
 */
static void
check_freeze(const Adjustment *adjustment, const Policy *policy)
{
	DateADT today = adjustment->calendar->today;
	DateADT month = calib_period_start(today, GRAIN_MONTH, 1);

	if (adjustment->occasion == FILING || policy->freeze_day == 0 ||
	    today - month + 1 <= policy->freeze_day)
		return;
	if (adjustment->target->period_end != calib_period_end(month, GRAIN_MONTH))
		return;
	ereport(ERROR, (errcode(ERRCODE_CALIB_PERIOD_CLOSED),
	                errmsg("this target is frozen for the rest of the month"),
	                errdetail("%s; today is %s, targets that end this month "
	                          "freeze after day %d.",
	                          calib_target_text(adjustment->target),
	                          calib_date_text(today), policy->freeze_day),
	                errhint("Adjust the target of the next period.")));
}

static void
refuse_without_evidence(const Adjustment *adjustment)
{
	bool plain = adjustment->occasion == PLAIN_UPDATE;

	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_EVIDENCE_MISSING),
	         errmsg("an adjustment needs evidence"),
	         plain ? errdetail("%s: calib.evidence is empty.",
	                           calib_target_text(adjustment->target))
	               : errdetail("%s: no evidence is given.",
	                           calib_target_text(adjustment->target)),
	         plain ? errhint("SET LOCAL calib.evidence = '17,18' with ids of "
	                         "calib.evidence.")
	               : errhint("Give ids of calib.evidence; "
	                         "calib.attach_evidence(kind, title, uri) makes "
	                         "one.")));
}

/*
 * Locks the evidence, so that it cannot change before it is cited, and names
 * the first id that is none, or that is dated in the future.
 */
void
calib_check_cited(Datum evidence, DateADT today)
{
	Oid types[2] = {INT8ARRAYOID, DATEOID};
	Datum values[2] = {evidence, DateADTGetDatum(today)};
	char *id;
	char *observed;

	calib_execute(
	    "SELECT FROM calib.evidence e"
	    " WHERE e.evidence_id OPERATOR(pg_catalog.=) ANY ($1) FOR SHARE",
	    1, types, values, NULL, false, 0);
	calib_execute(
	    "SELECT c.id, e.observed_on FROM pg_catalog.unnest($1) c(id)"
	    " LEFT JOIN calib.evidence e ON e.evidence_id OPERATOR(pg_catalog.=) "
	    "c.id"
	    " WHERE e.evidence_id IS NULL OR e.observed_on OPERATOR(pg_catalog.>) "
	    "$2"
	    " ORDER BY c.id LIMIT 1",
	    2, types, values, NULL, false, 1);
	if (SPI_processed == 0)
		return;
	id = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	observed = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_EVIDENCE_MISSING),
	         errmsg("evidence %s cannot be cited", id ? id : "NULL"),
	         observed == NULL
	             ? errdetail("There is no evidence %s.", id ? id : "NULL")
	             : errdetail("It is dated %s, in the future.", observed),
	         errhint("Enter evidence in calib.evidence and cite its id.")));
}

static void
check_evidence(const Adjustment *adjustment)
{
	ArrayType *ids = DatumGetArrayTypeP(adjustment->evidence);

	if (ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids)) == 0)
		refuse_without_evidence(adjustment);
	calib_check_cited(adjustment->evidence, adjustment->calendar->today);
}

static void
check_reason(const Adjustment *adjustment)
{
	bool plain = adjustment->occasion == PLAIN_UPDATE;

	if (calib_has_words(adjustment->reason))
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	     errmsg("an adjustment needs a reason"),
	     plain ? errdetail("%s: calib.reason is empty.",
	                       calib_target_text(adjustment->target))
	           : errdetail("%s: the reason is empty.",
	                       calib_target_text(adjustment->target)),
	     plain ? errhint("SET LOCAL calib.reason = 'why the target changes'.")
	           : errhint("Say in words why the target changes.")));
}

static void
check_cap(const Adjustment *adjustment, const Policy *policy)
{
	Numeric change =
	    distance(adjustment->new_value, adjustment->target->value);
	Numeric limit = times(policy->cap, adjustment->target->original_value);

	if (!exceeds(change, limit))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_OVER_CAP),
	         errmsg("the adjustment is over the cap"),
	         errdetail("%s: from %s to %s is a change of %s; the cap is %s "
	                   "(%s of the original %s).",
	                   calib_target_text(adjustment->target),
	                   calib_numeric_text(adjustment->target->value),
	                   calib_numeric_text(adjustment->new_value),
	                   calib_numeric_text(change), calib_numeric_text(limit),
	                   calib_numeric_text(policy->cap),
	                   calib_numeric_text(adjustment->target->original_value)),
	         errhint("Change it by at most %s now; a second adjustment may "
	                 "follow within the quarter's limit.",
	                 calib_numeric_text(limit))));
}

static void
check_cumulative_cap(const Adjustment *adjustment, const Policy *policy)
{
	Numeric change =
	    distance(adjustment->new_value, adjustment->target->original_value);
	Numeric cap = policy->cumulative_cap;
	Numeric limit;

	if (cap == NULL && adjustment->target->grain == GRAIN_YEAR)
		cap = number_from(YEAR_CUMULATIVE_CAP);
	if (cap == NULL)
		return;
	limit = times(cap, adjustment->target->original_value);
	if (!exceeds(change, limit))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_OVER_CAP),
	         errmsg("the adjustments together are over the cumulative cap"),
	         errdetail("%s: %s would be %s away from the original %s; the "
	                   "cumulative cap is %s (%s of it).",
	                   calib_target_text(adjustment->target),
	                   calib_numeric_text(adjustment->new_value),
	                   calib_numeric_text(change),
	                   calib_numeric_text(adjustment->target->original_value),
	                   calib_numeric_text(limit), calib_numeric_text(cap)),
	         errhint("Stay within %s of the original value.",
	                 calib_numeric_text(limit))));
}

void
calib_check_rules(const Adjustment *adjustment, const Policy *policy)
{
	check_approval(adjustment, policy);
	check_number(adjustment);
	check_change(adjustment);
	check_period(adjustment, policy);
	check_freeze(adjustment, policy);
	check_evidence(adjustment);
	check_reason(adjustment);
	check_cap(adjustment, policy);
	check_cumulative_cap(adjustment, policy);
}
