/*
 * guard.c
 *		The hard rules on targets, whatever path a change takes.
 *
 * A rule is decided in an AFTER ROW trigger, on the row as it was stored: a
 * user's own BEFORE trigger fires later than ours and could change what a
 * BEFORE trigger had checked (DESIGN 4).  fill_target, the BEFORE trigger,
 * decides nothing.
 *
 * A target is a draft until it is published or its period starts.  Drafts may
 * be corrected, as long as value and original_value stay the same number.  A
 * binding target changes in two columns only: external_ref, freely, and value,
 * by an adjustment (adjustment.c).  It is never deleted, so nothing can be
 * deleted and entered again.
 */
#include "guard.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

/* Reading ------------------------------------------------------------------
 */

static Datum
column(HeapTuple row, TupleDesc desc, const char *name, bool *isnull)
{
	return SPI_getbinval(row, desc, SPI_fnumber(desc, name), isnull);
}

void
calib_read_target(HeapTuple row, TupleDesc desc, Target *target)
{
	bool isnull;

	target->target_id = DatumGetInt64(column(row, desc, "target_id", &isnull));
	target->unit_id = DatumGetInt64(column(row, desc, "unit_id", &isnull));
	target->measure =
	    TextDatumGetCString(column(row, desc, "measure", &isnull));
	target->product_line =
	    TextDatumGetCString(column(row, desc, "product_line", &isnull));
	target->grain = calib_grain_parse(
	    TextDatumGetCString(column(row, desc, "grain", &isnull)));
	target->period_start =
	    DatumGetDateADT(column(row, desc, "period_start", &isnull));
	target->period_end = calib_period_end(target->period_start, target->grain);
	target->original_value =
	    DatumGetNumeric(column(row, desc, "original_value", &isnull));
	target->value = DatumGetNumeric(column(row, desc, "value", &isnull));
	target->published_at =
	    DatumGetTimestampTz(column(row, desc, "published_at", &isnull));
	target->is_published = !isnull;
}

/*
 * Whoever enters a target locks the row, which holds off a change of the
 * calendar (organisation.c); once a target stands there is nothing to hold
 * off.
 */
Calendar
calib_read_calendar(bool lock)
{
	Calendar calendar = {.at = calib_moment()};
	Oid types[1] = {TIMESTAMPTZOID};
	Datum values[1] = {TimestampTzGetDatum(calendar.at)};
	HeapTuple row;
	bool isnull;

	if (lock)
		calib_execute("SELECT calib.day_of($1), o.fiscal_start_month"
		              " FROM calib.organisation o FOR SHARE",
		              1, types, values, NULL, false, 1);
	else
		calib_execute("SELECT calib.day_of($1), o.fiscal_start_month"
		              " FROM calib.organisation o",
		              1, types, values, NULL, false, 1);
	if (SPI_processed != 1)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("calib.organisation has no row")));
	row = SPI_tuptable->vals[0];
	calendar.today =
	    DatumGetDateADT(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
	calendar.fiscal_start_month =
	    DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
	return calendar;
}

bool
calib_is_draft(const Target *target, const Calendar *calendar)
{
	return !target->is_published && calendar->today < target->period_start;
}

bool
calib_same_number(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a),
	                                        NumericGetDatum(b)));
}

char *
calib_numeric_text(Numeric number)
{
	return DatumGetCString(
	    DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

char *
calib_date_text(DateADT day)
{
	return DatumGetCString(
	    DirectFunctionCall1(date_out, DateADTGetDatum(day)));
}

const char *
calib_target_text(const Target *target)
{
	return psprintf("Target " INT64_FORMAT " of unit " INT64_FORMAT
	                " (%s%s%s, %s to %s)",
	                target->target_id, target->unit_id, target->measure,
	                target->product_line[0] ? ", " : "", target->product_line,
	                calib_date_text(target->period_start),
	                calib_date_text(target->period_end - 1));
}

/* Rules --------------------------------------------------------------------
 */

static void
check_period_start(const Target *target, const Calendar *calendar)
{
	DateADT start = calib_period_start(target->period_start, target->grain,
	                                   calendar->fiscal_start_month);

	if (start == target->period_start)
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	     errmsg("a target's period_start must be the first day of its period"),
	     errdetail("%s lies in the period that starts on %s (fiscal year from "
	               "month %d).",
	               calib_date_text(target->period_start),
	               calib_date_text(start), calendar->fiscal_start_month),
	     errhint(
	         "calib.period_start(day, grain, fiscal_start_month) gives it.")));
}

/* A manager writes drafts; who makes them binding is somebody else. */
static void
require_publisher(const Target *target)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(target->unit_id)};

	SPI_execute_with_args("SELECT calib.require_duty('{admin,hr}', $1, "
	                      "'publish targets')",
	                      1, types, values, NULL, true, 1);
}

/* Nobody publishes for yesterday, or for a day that may never come. */
static void
check_published_now(const Target *target)
{
	if (!target->is_published)
		return;
	require_publisher(target);
	if (target->published_at == calib_now())
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
	         errmsg("a target is published at the time it is published"),
	         errdetail("%s: published_at would be another time.",
	                   calib_target_text(target)),
	         errhint("Use calib.publish_targets(), or set published_at to "
	                 "calib.clock().")));
}

/* A target enters, or stays a draft, with value and original one number. */
static void
check_value_is_original(const Target *target)
{
	if (calib_same_number(target->value, target->original_value))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
	         errmsg("a target starts at its original value"),
	         errdetail("%s: value is %s, original_value is %s.",
	                   calib_target_text(target),
	                   calib_numeric_text(target->value),
	                   calib_numeric_text(target->original_value)),
	         errhint("Leave value out, and change it later by an adjustment. "
	                 "To restore a dump set calib.restoring to on.")));
}

static void
check_insert(const Target *new, const Calendar *calendar)
{
	check_period_start(new, calendar);
	check_published_now(new);
	check_value_is_original(new);
}

static void
check_draft(const Target *old, const Target *new, const Calendar *calendar)
{
	check_period_start(new, calendar);
	check_published_now(new);
	if (!new->is_published && !calib_is_draft(new, calendar))
		require_publisher(new);
	check_value_is_original(new);
}

static bool
same_publication(const Target *old, const Target *new)
{
	if (old->is_published != new->is_published)
		return false;
	return !old->is_published || old->published_at == new->published_at;
}

static const char *
changed_identity(const Target *old, const Target *new)
{
	if (old->target_id != new->target_id)
		return "target_id";
	if (old->unit_id != new->unit_id)
		return "unit_id";
	if (strcmp(old->measure, new->measure) != 0)
		return "measure";
	if (strcmp(old->product_line, new->product_line) != 0)
		return "product_line";
	if (old->grain != new->grain)
		return "grain";
	if (old->period_start != new->period_start)
		return "period_start";
	if (!calib_same_number(old->original_value, new->original_value))
		return "original_value";
	return NULL;
}

static void
check_identity(const Target *old, const Target *new)
{
	const char *changed = changed_identity(old, new);

	if (changed != NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		         errmsg("\"%s\" of a binding target never changes", changed),
		         errdetail("%s is published, or its period has started.",
		                   calib_target_text(old)),
		         errhint("Only value changes, by an adjustment.")));
	if (same_publication(old, new))
		return;
	if (old->is_published)
		ereport(ERROR, (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		                errmsg("a published target stays published"),
		                errdetail("%s.", calib_target_text(old))));
	check_published_now(new);
}

static void
check_update(const Target *old, const Target *new, const Calendar *calendar)
{
	if (calib_is_draft(old, calendar))
	{
		check_draft(old, new, calendar);
		return;
	}
	check_identity(old, new);
	if (!calib_same_number(old->value, new->value))
		calib_adjust(old, new->value, calendar);
}

static void
check_delete(const Target *old, const Calendar *calendar)
{
	if (calib_is_draft(old, calendar))
		return;
	ereport(ERROR, (errcode(ERRCODE_CALIB_TARGET_GUARDED),
	                errmsg("a binding target is not deleted"),
	                errdetail("%s is published, or its period has started.",
	                          calib_target_text(old)),
	                errhint("Change its value by an adjustment.")));
}

static void
check_row(TriggerData *trigger)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	Calendar calendar =
	    calib_read_calendar(TRIGGER_FIRED_BY_INSERT(trigger->tg_event));
	Target first;
	Target second;

	calib_read_target(trigger->tg_trigtuple, desc, &first);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		check_insert(&first, &calendar);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		check_delete(&first, &calendar);
	else
	{
		calib_read_target(trigger->tg_newtuple, desc, &second);
		check_update(&first, &second, &calendar);
	}
}

/* Triggers -----------------------------------------------------------------
 */

PG_FUNCTION_INFO_V1(calib_guard_target);
Datum
calib_guard_target(PG_FUNCTION_ARGS)
{
	TriggerData *trigger =
	    calib_trigger_data(fcinfo, "guard_target", "target");

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		         errmsg("targets are not truncated"),
		         errhint("DELETE removes drafts; binding targets stay.")));
	SPI_connect();
	check_row(trigger);
	SPI_finish();
	return PointerGetDatum(NULL);
}

static HeapTuple
copy_column(HeapTuple row, TupleDesc desc, const char *from, const char *to)
{
	int number = SPI_fnumber(desc, to);
	bool isnull;
	Datum value = column(row, desc, from, &isnull);

	return heap_modify_tuple_by_cols(row, desc, 1, &number, &value, &isnull);
}

static bool
column_is_null(HeapTuple row, TupleDesc desc, const char *name)
{
	return heap_attisnull(row, SPI_fnumber(desc, name), desc);
}

static bool
column_changed(TriggerData *trigger, const char *name)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	bool oldnull;
	bool newnull;
	Datum old = column(trigger->tg_trigtuple, desc, name, &oldnull);
	Datum new = column(trigger->tg_newtuple, desc, name, &newnull);

	if (oldnull || newnull)
		return oldnull != newnull;
	return !calib_same_number(DatumGetNumeric(old), DatumGetNumeric(new));
}

/* In a draft, the number that was corrected carries the other along. */
static HeapTuple
fill_update(TriggerData *trigger)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple new = trigger->tg_newtuple;
	bool value_changed = column_changed(trigger, "value");
	bool original_changed = column_changed(trigger, "original_value");
	Calendar calendar;
	Target old;

	if (value_changed == original_changed)
		return new;
	calendar = calib_read_calendar(false);
	calib_read_target(trigger->tg_trigtuple, desc, &old);
	if (!calib_is_draft(&old, &calendar))
		return new;
	return value_changed ? copy_column(new, desc, "value", "original_value")
	                     : copy_column(new, desc, "original_value", "value");
}

static HeapTuple
fill(TriggerData *trigger)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		return fill_update(trigger);
	if (column_is_null(trigger->tg_trigtuple, desc, "value"))
		return copy_column(trigger->tg_trigtuple, desc, "original_value",
		                   "value");
	return trigger->tg_trigtuple;
}

PG_FUNCTION_INFO_V1(calib_fill_target);
Datum
calib_fill_target(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "fill_target", "target");
	HeapTuple unchanged = calib_unchanged(trigger);
	HeapTuple filled;

	if (calib_restoring_setting)
		return PointerGetDatum(unchanged);
	SPI_connect();
	filled = fill(trigger);
	if (filled != unchanged)
		filled = SPI_copytuple(filled);
	SPI_finish();
	return PointerGetDatum(filled);
}

/*
 * Looks with the newest snapshot, as foreign keys do: under REPEATABLE READ
 * the transaction's own does not see who cited it since, and a row that was
 * only locked may be updated then.
 */
static bool
is_cited(int64 evidence_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(evidence_id)};
	SPIPlanPtr plan =
	    SPI_prepare("SELECT FROM calib.adjustment_evidence a"
	                " WHERE a.evidence_id OPERATOR(pg_catalog.=) $1"
	                " UNION ALL SELECT FROM calib.request_evidence r"
	                " WHERE r.evidence_id OPERATOR(pg_catalog.=) $1 LIMIT 1",
	                1, types);

	SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(),
	                     InvalidSnapshot, false, false, 1);
	return SPI_processed > 0;
}

PG_FUNCTION_INFO_V1(calib_keep_evidence);
Datum
calib_keep_evidence(PG_FUNCTION_ARGS)
{
	TriggerData *trigger =
	    calib_trigger_data(fcinfo, "keep_evidence", "evidence");
	int64 evidence_id;
	bool isnull;

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	evidence_id = DatumGetInt64(column(trigger->tg_trigtuple,
	                                   RelationGetDescr(trigger->tg_relation),
	                                   "evidence_id", &isnull));
	SPI_connect();
	if (is_cited(evidence_id))
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_APPEND_ONLY),
		         errmsg("evidence that is cited is not changed"),
		         errdetail("Evidence " INT64_FORMAT " is cited.", evidence_id),
		         errhint("Enter new evidence instead.")));
	SPI_finish();
	return PointerGetDatum(NULL);
}
