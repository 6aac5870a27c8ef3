/*
 * adjustment.c
 *		One adjustment: the rules it must keep, and its record.
 *
 * The rules stand here once and are asked on three occasions: when a plain
 * UPDATE is an adjustment, when one is submitted, and again when it is filed,
 * for policy and the target may have changed since.  What costs nothing is
 * checked first; the place in the quarter (place.c) comes last, because it
 * locks.
 *
 * Filing is an UPDATE of calib.target like any other and passes the same
 * guard.  What tells it apart is known to this backend alone (filing, below)
 * and only while that UPDATE runs: the guard then lets exactly the change
 * pass that is filed, once, and no other adjustment beside it, whatever
 * triggers somebody has put on the table.
 */
#include "guard.h"

#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* A year's target may stray this far from its original by default. */
#define YEAR_CUMULATIVE_CAP "0.20"

typedef enum Occasion
{
	PLAIN_UPDATE,
	SUBMISSION,
	FILING
} Occasion;

typedef struct Adjustment
{
	Occasion occasion;
	const Target *target; /* as it stands before the change */
	Numeric new_value;
	const Calendar *calendar;
	DateADT submitted_on;
	const char *reason;
	Datum evidence; /* bigint[] */
} Adjustment;

/* The adjustment that this backend is filing; NULL: none. */
typedef struct Filing
{
	int64 adjustment_id;
	int64 target_id;
	Numeric old_value;
	Numeric new_value;
	DateADT held_quarter;
	DateADT submitted_on;
	const char *reason;
	Datum evidence;
	const char *comment;
	bool done;
} Filing;

static Filing *filing = NULL;

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

	SPI_execute_with_args(
	    "SELECT p.cap, p.cumulative_cap, p.max_adjustments, "
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
	SPI_execute_with_args("SELECT calib.require_duty('{manager}', $1, $2)", 2,
	                      types, values, NULL, true, 0);
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
	                          calib_numeric_text(adjustment->new_value))));
}

static void
refuse_unchanged(int64 target_id, Numeric value, const char *way_out)
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
		refuse_unchanged(adjustment->target->target_id, adjustment->new_value,
		                 "Give another value.");
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
	if (today < end + grace)
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
static void
check_evidence(const Adjustment *adjustment)
{
	ArrayType *ids = DatumGetArrayTypeP(adjustment->evidence);
	Oid types[2] = {INT8ARRAYOID, DATEOID};
	Datum values[2] = {adjustment->evidence,
	                   DateADTGetDatum(adjustment->calendar->today)};
	char *id;
	char *observed;

	if (ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids)) == 0)
		refuse_without_evidence(adjustment);
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

static void
check_rules(const Adjustment *adjustment, const Policy *policy)
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

/* Recording ----------------------------------------------------------------
 */

typedef struct Record
{
	const Adjustment *adjustment;
	const Policy *policy;
	int64 adjustment_id;
	int64 batch_id; /* 0: none */
} Record;

int64
calib_new_adjustment_id(void)
{
	return nextval_internal(
	    calib_member_relation("adjustment_adjustment_id_seq"), false);
}

/* A new row: submitted or, by a plain UPDATE, submitted and filed at once. */
static void
insert_adjustment(const Record *record, DateADT quarter)
{
	const Adjustment *adjustment = record->adjustment;
	const Target *target = adjustment->target;
	bool filed = adjustment->occasion == PLAIN_UPDATE;
	Datum person = CStringGetTextDatum(calib_person());
	Datum at = TimestampTzGetDatum(adjustment->calendar->at);
	Oid types[14] = {INT8OID,        INT8OID,     INT8OID,        INT8OID,
	                 DATEOID,        NUMERICOID,  NUMERICOID,     TEXTOID,
	                 TEXTOID,        TEXTOID,     TIMESTAMPTZOID, TEXTOID,
	                 TIMESTAMPTZOID, INT8ARRAYOID};
	Datum values[14] = {Int64GetDatum(record->adjustment_id),
	                    Int64GetDatum(record->batch_id),
	                    Int64GetDatum(target->target_id),
	                    Int64GetDatum(target->unit_id),
	                    DateADTGetDatum(quarter),
	                    NumericGetDatum(target->value),
	                    NumericGetDatum(adjustment->new_value),
	                    CStringGetTextDatum(adjustment->reason),
	                    CStringGetTextDatum(filed ? "filed" : "submitted"),
	                    person,
	                    at,
	                    person,
	                    at,
	                    adjustment->evidence};
	char nulls[15] = "              ";

	if (record->batch_id == 0)
		nulls[1] = 'n';
	if (!filed)
		nulls[11] = nulls[12] = 'n';
	SPI_execute_with_args(
	    "WITH made AS (INSERT INTO calib.adjustment"
	    " (adjustment_id, batch_id, target_id, origin, quarter_start,"
	    "  old_value, new_value, reason, status,"
	    "  submitted_by, submitted_at, filed_by, filed_at)"
	    " VALUES ($1, $2, $3, calib.origin_of($4), $5, $6, $7, $8, $9, $10,"
	    " $11, $12, $13))"
	    " INSERT INTO calib.adjustment_evidence (adjustment_id, evidence_id)"
	    " SELECT DISTINCT $1, c.id FROM pg_catalog.unnest($14) c(id)",
	    14, types, values, nulls, false, 0);
}

/* old_value becomes what is really replaced; the trail keeps what it was. */
static void
mark_filed(const Adjustment *adjustment, DateADT quarter)
{
	Oid types[6] = {INT8OID, DATEOID,        NUMERICOID,
	                TEXTOID, TIMESTAMPTZOID, TEXTOID};
	Datum values[6] = {Int64GetDatum(filing->adjustment_id),
	                   DateADTGetDatum(quarter),
	                   NumericGetDatum(adjustment->target->value),
	                   CStringGetTextDatum(calib_person()),
	                   TimestampTzGetDatum(adjustment->calendar->at),
	                   (Datum) 0};
	char nulls[7] = "     n";

	if (filing->comment != NULL)
	{
		values[5] = CStringGetTextDatum(filing->comment);
		nulls[5] = ' ';
	}
	SPI_execute_with_args(
	    "UPDATE calib.adjustment SET status = 'filed', quarter_start = $2,"
	    " old_value = $3, filed_by = $4, filed_at = $5, filed_comment = $6"
	    " WHERE adjustment_id OPERATOR(pg_catalog.=) $1",
	    6, types, values, nulls, false, 0);
}

static void
take_place_and_record(void *arg)
{
	const Record *record = arg;
	const Adjustment *adjustment = record->adjustment;
	const Target *target = adjustment->target;
	DateADT quarter = calib_spent_quarter(target, adjustment->calendar);

	if (adjustment->occasion == FILING)
	{
		calib_use_place(target, filing->held_quarter, quarter, record->policy);
		mark_filed(adjustment, quarter);
		return;
	}
	calib_take_place(target, quarter, record->policy,
	                 adjustment->occasion == SUBMISSION);
	insert_adjustment(record, quarter);
}

static void
decide(const Adjustment *adjustment, int64 adjustment_id, int64 batch_id)
{
	Policy policy = calib_read_policy(adjustment->target->unit_id,
	                                  adjustment->calendar->today);
	Record record = {adjustment, &policy, adjustment_id, batch_id};

	check_rules(adjustment, &policy);
	calib_through_door(take_place_and_record, &record);
}

/* A plain UPDATE ------------------------------------------------------------
 */

static Datum
evidence_cited(void)
{
	const EvidenceList *cited = calib_evidence_cited();
	int count = cited == NULL ? 0 : cited->count;
	Datum *ids = palloc((count + 1) * sizeof(Datum));
	int i;

	for (i = 0; i < count; i++)
		ids[i] = Int64GetDatum(cited->ids[i]);
	return PointerGetDatum(construct_array(ids, count, INT8OID, sizeof(int64),
	                                       FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
adjust_plainly(const Target *old, Numeric new_value, const Calendar *calendar)
{
	Adjustment adjustment = {PLAIN_UPDATE,    old,
	                         new_value,       calendar,
	                         calendar->today, calib_reason_setting,
	                         evidence_cited()};

	decide(&adjustment, calib_new_adjustment_id(), 0);
}

/* Submission ----------------------------------------------------------------
 */

/* The target is locked by the caller. */
void
calib_submit(int64 adjustment_id, const Target *target, Numeric new_value,
             const Calendar *calendar, const Submission *submission)
{
	Adjustment adjustment = {SUBMISSION,          target,
	                         new_value,           calendar,
	                         calendar->today,     submission->reason,
	                         submission->evidence};

	if (calib_is_draft(target, calendar))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("a draft needs no adjustment"),
		         errdetail("%s is neither published nor begun.",
		                   calib_target_text(target)),
		         errhint("Correct it: UPDATE calib.target SET value = ...")));
	decide(&adjustment, adjustment_id, submission->batch_id);
}

/* Filing
 * ----------------------------------------------------------------------
 */

/* Exactly the change that is filed, and once. */
static void
adjust_by_filing(const Target *old, Numeric new_value,
                 const Calendar *calendar)
{
	Adjustment adjustment = {FILING,
	                         old,
	                         new_value,
	                         calendar,
	                         filing->submitted_on,
	                         filing->reason,
	                         filing->evidence};

	if (filing->done || old->target_id != filing->target_id ||
	    !calib_same_number(new_value, filing->new_value))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		     errmsg("filing changes nothing but what was submitted"),
		     errdetail("%s would be %s; adjustment " INT64_FORMAT
		               " sets target " INT64_FORMAT " to %s, once.",
		               calib_target_text(old), calib_numeric_text(new_value),
		               filing->adjustment_id, filing->target_id,
		               calib_numeric_text(filing->new_value)),
		     errhint("Look for a trigger of your own on calib.target.")));
	filing->done = true;
	decide(&adjustment, filing->adjustment_id, 0);
}

static void
update_target(void)
{
	Oid types[2] = {INT8OID, NUMERICOID};
	Datum values[2] = {Int64GetDatum(filing->target_id),
	                   NumericGetDatum(filing->new_value)};

	SPI_execute_with_args("UPDATE calib.target SET value = $2"
	                      " WHERE target_id OPERATOR(pg_catalog.=) $1",
	                      2, types, values, NULL, false, 0);
	if (!filing->done)
		ereport(ERROR, (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		                errmsg("the adjustment did not reach its target"),
		                errdetail("Adjustment " INT64_FORMAT
		                          " sets target " INT64_FORMAT " to %s.",
		                          filing->adjustment_id, filing->target_id,
		                          calib_numeric_text(filing->new_value)),
		                errhint("Look for a trigger or rule of your own on "
		                        "calib.target.")));
}

static Filing
read_filing(int64 adjustment_id, const char *comment)
{
	Filing read = {.adjustment_id = adjustment_id, .comment = comment};
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(adjustment_id)};
	HeapTuple row;
	TupleDesc desc;
	bool isnull;

	SPI_execute_with_args(
	    "SELECT a.target_id, a.new_value, a.quarter_start,"
	    " calib.day_of(a.submitted_at), a.reason,"
	    " ARRAY(SELECT e.evidence_id FROM calib.adjustment_evidence e"
	    "  WHERE e.adjustment_id OPERATOR(pg_catalog.=) a.adjustment_id)"
	    ", t.value"
	    " FROM calib.adjustment a JOIN calib.target t"
	    " ON t.target_id OPERATOR(pg_catalog.=) a.target_id"
	    " WHERE a.adjustment_id OPERATOR(pg_catalog.=) $1",
	    1, types, values, NULL, false, 1);
	if (SPI_processed != 1)
		elog(ERROR, "adjustment " INT64_FORMAT " is gone", adjustment_id);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	read.target_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	read.new_value = DatumGetNumeric(SPI_getbinval(row, desc, 2, &isnull));
	read.held_quarter = DatumGetDateADT(SPI_getbinval(row, desc, 3, &isnull));
	read.submitted_on = DatumGetDateADT(SPI_getbinval(row, desc, 4, &isnull));
	read.reason = SPI_getvalue(row, desc, 5);
	read.evidence = SPI_getbinval(row, desc, 6, &isnull);
	read.old_value = DatumGetNumeric(SPI_getbinval(row, desc, 7, &isnull));
	return read;
}

/* The target and the adjustment are locked, and the step is allowed. */
void
calib_file(int64 adjustment_id, const char *comment)
{
	Filing mine = read_filing(adjustment_id, comment);
	Filing *outer = filing;

	if (calib_same_number(mine.old_value, mine.new_value))
		refuse_unchanged(mine.target_id, mine.old_value,
		                 "Reject or withdraw it, which gives its place back.");
	filing = &mine;
	PG_TRY();
	{
		update_target();
	}
	PG_FINALLY();
	{
		filing = outer;
	}
	PG_END_TRY();
}

/* What the guard found to be a change of a binding target's value. */
void
calib_adjust(const Target *old, Numeric new_value, const Calendar *calendar)
{
	if (filing != NULL)
		adjust_by_filing(old, new_value, calendar);
	else
		adjust_plainly(old, new_value, calendar);
}
