/*
 * audit.c
 *		The trail: one row for each change of an audited table.
 *
 * The row is formed and stored below SQL: no plan, no privileges to grant, no
 * trigger of anybody's in between.  The audit table itself refuses every SQL
 * write (append_only.c), so this is the only way in.  It stands on tables of
 * the extension and on tables of users that calib.audited names, with their
 * partitions.  Anywhere else, or in another shape than audit_table gave it,
 * the trigger refuses to write: the owner of a kept table may attach the
 * function (else it could not create partitions), and could so forge a trail.
 */
#include "calib.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "row_json.h"

/* what audit_table.sql calls them on tables of users */
#define AUDIT_TRIGGER "calib_audit_row"
#define AUDIT_TRUNCATE_TRIGGER "calib_audit_truncate"

/* columns of calib.audit, in order */
enum
{
	AUDIT_ID,
	TRANSACTION_ID,
	RECORDED_AT,
	CLOCK_AT,
	SIMULATED,
	RELATION,
	ACTION,
	OLD_ROW,
	NEW_ROW,
	PERSON,
	ROLE,
	LOGIN,
	APPLICATION_NAME,
	CLIENT_ADDR,
	AUDIT_COLUMNS
};

/*
 * Looked up once per statement and kept in fn_extra, which lives as long as
 * the statement's trigger calls: where the trail is, that the firing table is
 * one that is audited, and what the trail calls it.
 */
typedef struct AuditTarget
{
	Oid audit_relid;
	Oid sequence_relid;
	char *relation;
	char *partition; /* of a user's table; NULL: the table itself fired */
} AuditTarget;

static void
refuse(TriggerData *trigger, const char *why)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	     errmsg("trigger \"%s\" leaves no trail", trigger->tg_trigger->tgname),
	     errdetail("Table \"%s\" %s.",
	               RelationGetRelationName(trigger->tg_relation), why),
	     errhint("Drop the trigger; calib.audit_table() and "
	             "calib.rearm() put on the ones that do.")));
}

/*
 * As audit_table makes it: its name, so that there is one on a table and no
 * change leaves two rows, and AFTER, so that nothing is told that was not
 * stored.
 */
static bool
is_as_made(TriggerData *trigger)
{
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event))
		return false;
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return strcmp(trigger->tg_trigger->tgname, AUDIT_TRIGGER) == 0;
	return TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) &&
	       strcmp(trigger->tg_trigger->tgname, AUDIT_TRUNCATE_TRIGGER) == 0;
}

/* The audited table that fired, or the one that what fired is a part of. */
static Oid
audited_table(TriggerData *trigger)
{
	Relation fired = trigger->tg_relation;
	Oid table;

	if (RelationGetNamespace(fired) == get_namespace_oid("calib", false))
	{
		calib_check_member(fired);
		return RelationGetRelid(fired);
	}
	table = calib_registered("audited", RelationGetRelid(fired));
	if (!OidIsValid(table))
		refuse(trigger, "is not audited");
	if (!is_as_made(trigger))
		refuse(trigger, "is audited by other triggers");
	return table;
}

static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(
	    get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static AuditTarget *
audit_target(FunctionCallInfo fcinfo, TriggerData *trigger)
{
	AuditTarget *target = fcinfo->flinfo->fn_extra;
	Oid fired = RelationGetRelid(trigger->tg_relation);
	MemoryContext old;
	Oid table;

	if (target != NULL)
		return target;
	table = audited_table(trigger);
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	target = palloc(sizeof(AuditTarget));
	target->audit_relid = calib_member_relation("audit");
	target->sequence_relid = calib_member_relation("audit_audit_id_seq");
	target->relation = qualified_name(table);
	target->partition = table == fired ? NULL : qualified_name(fired);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = target;
	return target;
}

static const char *
action_name(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return "INSERT";
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return "UPDATE";
	if (TRIGGER_FIRED_BY_DELETE(event))
		return "DELETE";
	return "TRUNCATE";
}

/* The client's address as text; NULL where it came by a local socket. */
static char *
client_address(void)
{
	LOCAL_FCINFO(call, 0);
	Datum address;

	InitFunctionCallInfoData(*call, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_client_addr(call);
	if (call->isnull)
		return NULL;
	return DatumGetCString(DirectFunctionCall1(inet_out, address));
}

static void
set_text(TupleTableSlot *slot, int column, const char *text)
{
	slot->tts_isnull[column] = text == NULL;
	if (text != NULL)
		slot->tts_values[column] = CStringGetTextDatum(text);
}

static void
set_row(TupleTableSlot *slot, int column, HeapTuple row, TupleDesc desc)
{
	slot->tts_isnull[column] = row == NULL;
	if (row != NULL)
		slot->tts_values[column] =
		    JsonbPGetDatum(calib_row_to_jsonb(row, desc));
}

static void
set_when_and_who(TupleTableSlot *slot)
{
	slot->tts_values[TRANSACTION_ID] = Int64GetDatum(
	    (int64) U64FromFullTransactionId(GetTopFullTransactionId()));
	slot->tts_values[RECORDED_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	slot->tts_values[CLOCK_AT] = TimestampTzGetDatum(calib_now());
	slot->tts_values[SIMULATED] = BoolGetDatum(calib_clock_is_set());
	set_text(slot, PERSON, calib_person());
	set_text(slot, ROLE, calib_role());
	set_text(slot, LOGIN, calib_login());
	set_text(slot, APPLICATION_NAME, application_name ? application_name : "");
	set_text(slot, CLIENT_ADDR, client_address());
}

/*
 * A row tells by its columns which partition it was in; a TRUNCATE has no row
 * to tell, so it names the partition that was emptied.
 */
static void
set_truncated(TupleTableSlot *slot, const char *partition)
{
	slot->tts_isnull[OLD_ROW] = partition == NULL;
	if (partition != NULL)
		slot->tts_values[OLD_ROW] =
		    JsonbPGetDatum(calib_pair_to_jsonb("partition", partition));
}

static void
set_what(TupleTableSlot *slot, TriggerData *trigger, const AuditTarget *target)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	TriggerEvent event = trigger->tg_event;
	HeapTuple old = NULL;
	HeapTuple new = NULL;

	if (TRIGGER_FIRED_BY_INSERT(event))
		new = trigger->tg_trigtuple;
	else if (TRIGGER_FIRED_FOR_ROW(event))
		old = trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_UPDATE(event))
		new = trigger->tg_newtuple;

	set_text(slot, RELATION, target->relation);
	set_text(slot, ACTION, action_name(event));
	set_row(slot, OLD_ROW, old, desc);
	set_row(slot, NEW_ROW, new, desc);
	if (TRIGGER_FIRED_BY_TRUNCATE(event))
		set_truncated(slot, target->partition);
}

/*
 * Stores the slot as executor code stores a row, constraints and index
 * included, but with no trigger looked up: ri_TrigDesc is cleared.
 */
static void
store(TriggerData *trigger, AuditTarget *target)
{
	Relation audit = table_open(target->audit_relid, RowExclusiveLock);
	EState *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(RelationGetDescr(audit), &TTSOpsVirtual);

	InitResultRelInfo(result, audit, 1, NULL, 0);
	result->ri_TrigDesc = NULL;
	ExecOpenIndices(result, false);

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, AUDIT_COLUMNS * sizeof(bool));
	slot->tts_values[AUDIT_ID] =
	    Int64GetDatum(nextval_internal(target->sequence_relid, false));
	set_when_and_who(slot);
	set_what(slot, trigger, target);
	ExecStoreVirtualTuple(slot);
	ExecSimpleRelationInsert(result, estate, slot);

	ExecCloseIndices(result);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
	table_close(audit, NoLock);
}

PG_FUNCTION_INFO_V1(calib_audit_row);
Datum
calib_audit_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "audit_row", NULL);

	if (!calib_restoring_setting)
		store(trigger, audit_target(fcinfo, trigger));
	return PointerGetDatum(NULL);
}
