/*
 * filing.c
 *		How an adjustment enters the record: by a plain UPDATE, by a
 *		submission, by its filing.
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
#include "utils/array.h"
#include "utils/builtins.h"

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
	calib_execute(
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
	calib_execute(
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

	calib_check_rules(adjustment, &policy);
	calib_through_door(take_place_and_record, &record);
}

/* A plain UPDATE -----------------------------------------------------------
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

/* Submission ---------------------------------------------------------------
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

/* Filing -------------------------------------------------------------------
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

	calib_execute("UPDATE calib.target SET value = $2"
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

	calib_execute(
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
		calib_refuse_unchanged(
		    mine.target_id, mine.old_value,
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
