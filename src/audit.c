/*
 * audit.c
 *		The trail: one row for each change of an audited table.
 *
 * The row is formed and stored below SQL: no plan, no privileges to grant, no
 * trigger of anybody's in between.  The audit table itself refuses every SQL
 * write (append_only.c), so this is the only way in.  Attached to a table the
 * extension did not put it on, the trigger refuses to write; who owns a table
 * of his own could otherwise forge a trail.
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

#include "audit.h"
#include "ledger.h"
#include "row_json.h"

/*
 * Looked up once per statement and kept in fn_extra, which lives as long as
 * the statement's trigger calls: where the trail is, and that the firing
 * table belongs to the extension.
 */
typedef struct AuditTarget
{
	Oid audit_relid;
	Oid sequence_relid;
	char *relation;
} AuditTarget;

static AuditTarget *
audit_target(FunctionCallInfo fcinfo, Relation fired)
{
	AuditTarget *target = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (target != NULL)
		return target;
	calib_check_member(fired);
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	target = palloc(sizeof(AuditTarget));
	target->audit_relid = calib_member_relation("audit");
	target->sequence_relid = calib_member_relation("audit_audit_id_seq");
	target->relation = quote_qualified_identifier(
	    get_namespace_name(RelationGetNamespace(fired)),
	    RelationGetRelationName(fired));
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

static void
set_what(TupleTableSlot *slot, TriggerData *trigger, const char *relation)
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

	set_text(slot, RELATION, relation);
	set_text(slot, ACTION, action_name(event));
	set_row(slot, OLD_ROW, old, desc);
	set_row(slot, NEW_ROW, new, desc);
}

/*
 * Stores the slot as executor code stores a row, constraints and index
 * included, but with no trigger looked up: ri_TrigDesc is cleared.  The id is
 * drawn after the transaction has its own, which seal() counts on.
 */
static void
store(TriggerData *trigger, AuditTarget *target)
{
	Relation audit = table_open(target->audit_relid, RowExclusiveLock);
	EState *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(RelationGetDescr(audit), &TTSOpsVirtual);
	uint8 hash[HASH_LENGTH];

	InitResultRelInfo(result, audit, 1, NULL, 0);
	result->ri_TrigDesc = NULL;
	ExecOpenIndices(result, false);

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, AUDIT_COLUMNS * sizeof(bool));
	set_when_and_who(slot);
	slot->tts_values[AUDIT_ID] =
	    Int64GetDatum(nextval_internal(target->sequence_relid, false));
	set_what(slot, trigger, target->relation);
	slot->tts_values[ERA] = UUIDPGetDatum(calib_era(target->audit_relid));
	calib_audit_hash(slot->tts_values, slot->tts_isnull, hash);
	slot->tts_values[ROW_HASH] = calib_hash_datum(NULL, hash);
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
	AuditTarget *target = audit_target(fcinfo, trigger->tg_relation);

	if (!calib_restoring_setting)
		store(trigger, target);
	return PointerGetDatum(NULL);
}
