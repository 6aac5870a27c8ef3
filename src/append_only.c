/*
 * append_only.c
 *		Tables of history that nobody rewrites.
 *
 * The audit table refuses every SQL write: its rows come in below SQL, from
 * audit.c.  Adjustments, budgets, agreements and the outbox refuse every write
 * but those calib makes through the door below.  The door is a counter of this
 * backend, raised only while calib's own statement runs and lowered by
 * PG_FINALLY, so an error never leaves it open.  It lets only the user through
 * who opened it: whatever runs on behalf of somebody else meanwhile finds it
 * closed.
 *
 * A function written in SQL gets through as calib_call_through_door: the
 * public function x is that C symbol, and what it does stands in
 * x_behind_door, which nobody may call and which writes nothing where somebody
 * does, because the door is shut.
 */
#include "calib.h"

#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/lsyscache.h"

static int door = 0;
static Oid door_user = InvalidOid;

typedef struct Call
{
	FunctionCallInfo fcinfo;
	Datum result;
} Call;

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

/*
 * The function behind the door, by name and argument types; looked up once per
 * call site.
 */
static FmgrInfo *
behind_door(FmgrInfo *outer)
{
	FmgrInfo *inner = outer->fn_extra;
	char *name = get_func_name(outer->fn_oid);
	Oid *types;
	int count;

	if (inner != NULL)
		return inner;
	if (name == NULL)
		elog(ERROR, "cache lookup failed for function %u", outer->fn_oid);
	get_func_signature(outer->fn_oid, &types, &count);
	inner = MemoryContextAllocZero(outer->fn_mcxt, sizeof(FmgrInfo));
	fmgr_info_cxt(LookupFuncName(
	                  list_make2(makeString("calib"),
	                             makeString(psprintf("%s_behind_door", name))),
	                  count, types, false),
	              inner, outer->fn_mcxt);
	inner->fn_expr = outer->fn_expr;
	outer->fn_extra = inner;
	return inner;
}

static void
call_behind_door(void *arg)
{
	Call *call = arg;

	call->result = FunctionCallInvoke(call->fcinfo);
}

PG_FUNCTION_INFO_V1(calib_call_through_door);
Datum
calib_call_through_door(PG_FUNCTION_ARGS)
{
	FmgrInfo *outer = fcinfo->flinfo;
	Call call = {fcinfo, (Datum) 0};

	fcinfo->flinfo = behind_door(outer);
	PG_TRY();
	{
		calib_through_door(call_behind_door, &call);
	}
	PG_FINALLY();
	{
		fcinfo->flinfo = outer;
	}
	PG_END_TRY();
	return call.result;
}
