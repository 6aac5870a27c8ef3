/*
 * policy.c
 *		Policy holds from a day on and never backwards.
 *
 * A row whose day has come was the rule that somebody's adjustment passed:
 * changing or deleting it, or entering one for the past, would rewrite what
 * was allowed.  A rule is decided after the row is stored, on what is stored;
 * the BEFORE trigger only fills in what an everyone-row leaves out.
 */
#include "calib.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

static DateADT
today(void)
{
	bool isnull;

	SPI_execute("SELECT calib.today()", true, 1);
	return DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0],
	                                     SPI_tuptable->tupdesc, 1, &isnull));
}

static DateADT
valid_from(HeapTuple row, TupleDesc desc)
{
	bool isnull;

	return DatumGetDateADT(
	    SPI_getbinval(row, desc, SPI_fnumber(desc, "valid_from"), &isnull));
}

static char *
date_text(DateADT day)
{
	return DatumGetCString(
	    DirectFunctionCall1(date_out, DateADTGetDatum(day)));
}

static void
check_not_in_force(HeapTuple row, TupleDesc desc)
{
	DateADT from = valid_from(row, desc);
	DateADT now = today();

	if (from > now)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_APPEND_ONLY),
	         errmsg("a policy in force is not changed"),
	         errdetail("It holds since %s; today is %s.", date_text(from),
	                   date_text(now)),
	         errhint("Enter a new row that is valid from today or later.")));
}

static void
check_not_backdated(HeapTuple row, TupleDesc desc)
{
	DateADT from = valid_from(row, desc);
	DateADT now = today();

	if (from >= now)
		return;
	ereport(ERROR, (errcode(ERRCODE_CALIB_APPEND_ONLY),
	                errmsg("a policy cannot start in the past"),
	                errdetail("It would be valid from %s; today is %s.",
	                          date_text(from), date_text(now)),
	                errhint("Let it be valid from today or later.")));
}

PG_FUNCTION_INFO_V1(calib_keep_policy);
Datum
calib_keep_policy(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "keep_policy", "policy");
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_CALIB_APPEND_ONLY),
		                errmsg("policy is history and is not truncated")));
	SPI_connect();
	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		check_not_in_force(trigger->tg_trigtuple, desc);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		check_not_backdated(trigger->tg_trigtuple, desc);
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		check_not_backdated(trigger->tg_newtuple, desc);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * The row with each of its NULL columns taken from the row before.  The
 * result is made in the caller's context: SPI's own goes with SPI_finish.
 */
static HeapTuple
filled_from(HeapTuple row, HeapTuple before, TupleDesc desc)
{
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *nulls = palloc(desc->natts * sizeof(bool));
	bool *replace = palloc0(desc->natts * sizeof(bool));
	int i;

	heap_deform_tuple(before, desc, values, nulls);
	for (i = 0; i < desc->natts; i++)
		replace[i] = heap_attisnull(row, i + 1, desc);
	return SPI_copytuple(heap_modify_tuple(row, desc, values, nulls, replace));
}

PG_FUNCTION_INFO_V1(calib_fill_policy);
Datum
calib_fill_policy(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "fill_policy", "policy");
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple row = trigger->tg_trigtuple;
	Oid types[1] = {DATEOID};
	Datum values[1];

	if (calib_restoring_setting ||
	    heap_attisnull(row, SPI_fnumber(desc, "valid_from"), desc))
		return PointerGetDatum(row);
	values[0] = DateADTGetDatum(valid_from(row, desc));
	SPI_connect();
	SPI_execute_with_args(
	    "SELECT p.* FROM calib.policy p"
	    " WHERE p.unit_id IS NULL AND p.valid_from OPERATOR(pg_catalog.<) $1"
	    " ORDER BY p.valid_from DESC LIMIT 1",
	    1, types, values, NULL, true, 1);
	if (SPI_processed > 0)
		row = filled_from(row, SPI_tuptable->vals[0], desc);
	SPI_finish();
	return PointerGetDatum(row);
}
