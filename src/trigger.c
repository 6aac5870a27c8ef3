/*
 * trigger.c
 *		What every trigger function of calib checks before it does anything.
 *
 * A trigger function runs with its owner's rights or writes what others trust,
 * so besides the privilege (EXECUTE is revoked from everybody) each one looks
 * whether the table that fires it is the one it was made for: attached to any
 * other table it raises an error instead of acting.
 */
#include "calib.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "utils/lsyscache.h"

Oid
calib_member_relation(const char *relation)
{
	return get_relname_relid(relation, get_namespace_oid("calib", false));
}

/* For what stands on several tables: any of the extension's own. */
void
calib_check_member(Relation fired)
{
	if (getExtensionOfObject(RelationRelationId, RelationGetRelid(fired)) ==
	    get_extension_oid("calib", false))
		return;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("table \"%s\" is not kept by calib",
	                       RelationGetRelationName(fired)),
	                errhint("Drop the trigger from it.")));
}

/*
 * The trigger's call, checked.  relation is the one table of schema calib it
 * may stand on; NULL: several, the function calls calib_check_member.
 */
TriggerData *
calib_trigger_data(FunctionCallInfo fcinfo, const char *function,
                   const char *relation)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("function calib.%s can only be called as a trigger",
		                function)));
	if (relation != NULL && RelationGetRelid(trigger->tg_relation) !=
	                            calib_member_relation(relation))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("function calib.%s keeps table calib.%s only",
		                function, relation),
		         errdetail("It was fired by table \"%s\".",
		                   RelationGetRelationName(trigger->tg_relation)),
		         errhint("Drop trigger \"%s\" there.",
		                 trigger->tg_trigger->tgname)));
	return trigger;
}

/* What a BEFORE ROW trigger returns to let the row pass as it is. */
HeapTuple
calib_unchanged(TriggerData *trigger)
{
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		return trigger->tg_newtuple;
	return trigger->tg_trigtuple;
}
