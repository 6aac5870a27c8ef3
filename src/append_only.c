/*
 * append_only.c
 *		Tables of history that nobody rewrites.
 *
 * The audit table refuses every SQL write: its rows come in below SQL, from
 * audit.c.  Adjustments and budgets refuse every write but those the guard
 * makes through the door below.  The door is a counter of this backend, raised
 * only while the guard's own statement runs and lowered by PG_FINALLY, so an
 * error never leaves it open.  It lets only the user through who opened it:
 * whatever runs on behalf of somebody else meanwhile finds it closed.
 */
#include "calib.h"

#include "miscadmin.h"

static int door = 0;
static Oid door_user = InvalidOid;

void
calib_through_door(void (*work)(void *), void *arg)
{
	Oid outer_user = door_user;

	door++;
	door_user = GetUserId();
	PG_TRY();
	{
		work(arg);
	}
	PG_FINALLY();
	{
		door--;
		door_user = outer_user;
	}
	PG_END_TRY();
}

static bool
may_pass(Trigger *trigger)
{
	if (calib_restoring_setting)
		return true;
	return door > 0 && GetUserId() == door_user && trigger->tgnargs == 1 &&
	       strcmp(trigger->tgargs[0], "door") == 0;
}

PG_FUNCTION_INFO_V1(calib_keep_append_only);
Datum
calib_keep_append_only(PG_FUNCTION_ARGS)
{
	TriggerData *trigger =
	    calib_trigger_data(fcinfo, "keep_append_only", NULL);

	calib_check_member(trigger->tg_relation);
	if (may_pass(trigger->tg_trigger))
		return PointerGetDatum(TRIGGER_FIRED_FOR_ROW(trigger->tg_event)
		                           ? calib_unchanged(trigger)
		                           : NULL);
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_APPEND_ONLY),
	         errmsg("\"%s\" is written by calib alone and never rewritten",
	                RelationGetRelationName(trigger->tg_relation)),
	         errhint("To restore a dump set calib.restoring to on "
	                 "(PGOPTIONS='-c calib.restoring=on' pg_restore ...).")));
}
