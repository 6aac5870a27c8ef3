/*
 * organisation.c
 *		Keeps the one row that says what a day and a quarter are.
 *
 * As a user setting, a shifted fiscal year would be a fresh budget of
 * adjustments, and another currency would change every target at once; so the
 * row is fixed once a target exists.
 * The race with a first target is closed by locks: who enters a target reads
 * this row FOR SHARE (guard.c), so a change waits for it, and then looks for
 * targets with a new snapshot.  That needs READ COMMITTED, which is asked for.
 * Stored summaries are of days, so they fix the zone; what is only marked for
 * being summed up is marked anew.
 */
#include "calib.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "utils/builtins.h"

static char *
column(HeapTuple row, TupleDesc desc, const char *name)
{
	return SPI_getvalue(row, desc, SPI_fnumber(desc, name));
}

static bool
is_abbreviation(const char *name)
{
	Oid type = TEXTOID;
	Datum value = CStringGetTextDatum(name);

	SPI_execute_with_args("SELECT FROM pg_catalog.pg_timezone_abbrevs a "
	                      "WHERE a.abbrev OPERATOR(pg_catalog.=) "
	                      "pg_catalog.upper($1)",
	                      1, &type, &value, NULL, true, 1);
	return SPI_processed > 0;
}

/* SQL takes EET for two hours east of Greenwich, in summer, too. */
static void
check_zone(const char *zone)
{
	pg_tz *found = pg_tzset(zone);
	long offset;

	if (found == NULL || !pg_tz_acceptable(found))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("time zone \"%s\" is not known", zone),
		                errhint("pg_timezone_names lists the names, such as "
		                        "'Asia/Shanghai'.")));
	if (!pg_get_timezone_offset(found, &offset) && is_abbreviation(zone))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("time zone \"%s\" is an abbreviation, too", zone),
		         errdetail("As a zone it has other offsets than as an "
		                   "abbreviation, which SQL takes it for."),
		         errhint("Name a place, such as 'Europe/Athens'.")));
}

static void
check_not_fixed(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(
		    ERROR,
		    (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		     errmsg("the organisation changes under READ COMMITTED only"),
		     errhint(
		         "SET TRANSACTION ISOLATION LEVEL READ COMMITTED first.")));
	SPI_execute("SELECT FROM calib.target LIMIT 1", false, 1);
	if (SPI_processed > 0)
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_APPEND_ONLY),
		         errmsg("time zone, fiscal year and currency are fixed once a "
		                "target exists"),
		         errdetail("A shifted quarter would be a fresh budget of "
		                   "adjustments.")));
}

static void
change_zone(void)
{
	SPI_execute("SELECT calib.lock_summaries('a change of the time zone')",
	            false, 0);
	SPI_execute("SELECT FROM calib.activity_summary LIMIT 1", false, 1);
	if (SPI_processed > 0)
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_APPEND_ONLY),
		         errmsg("the time zone is fixed once activities are summed "
		                "up"),
		         errdetail("What is stored of a day would be of another.")));
	SPI_execute("SELECT calib.mark_all_activity()", false, 0);
}

static bool
same(HeapTuple old, HeapTuple new, TupleDesc desc, const char *name)
{
	return strcmp(column(old, desc, name), column(new, desc, name)) == 0;
}

static bool
same_meaning(HeapTuple old, HeapTuple new, TupleDesc desc)
{
	return same(old, new, desc, "zone") &&
	       same(old, new, desc, "fiscal_start_month") &&
	       same(old, new, desc, "currency");
}

PG_FUNCTION_INFO_V1(calib_keep_organisation);
Datum
calib_keep_organisation(PG_FUNCTION_ARGS)
{
	TriggerData *trigger =
	    calib_trigger_data(fcinfo, "keep_organisation", "organisation");
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
	    TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_CALIB_APPEND_ONLY),
		                errmsg("the organisation always has its one row"),
		                errhint("UPDATE it instead.")));
	SPI_connect();
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		check_zone(column(trigger->tg_trigtuple, desc, "zone"));
	else
	{
		check_zone(column(trigger->tg_newtuple, desc, "zone"));
		if (!same_meaning(trigger->tg_trigtuple, trigger->tg_newtuple, desc))
			check_not_fixed();
		if (!same(trigger->tg_trigtuple, trigger->tg_newtuple, desc, "zone"))
			change_zone();
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}
