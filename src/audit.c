/*
 * audit.c
 *		The trail: one row for each change of an audited table.
 *
 * The row is formed and stored below SQL: no plan, no privileges to grant, no
 * trigger of anybody's in between.  The audit table itself refuses every SQL
 * write (append_only.c), so this is the only way in.  Where the trigger may
 * stand, and that it refuses to write anywhere else, is audit_table.c's.
 */
#include "calib.h"

#include "access/table.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "audit_table.h"
#include "row_json.h"

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
		store(trigger, calib_audit_target(fcinfo, trigger));
	return PointerGetDatum(NULL);
}
