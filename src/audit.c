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

#include "access/xact.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "audit.h"
#include "audit_table.h"
#include "ledger.h"
#include "row_json.h"

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
set_text(AuditRow *row, int column, const char *text)
{
	row->isnull[column] = text == NULL;
	if (text != NULL)
		row->values[column] = CStringGetTextDatum(text);
}

static void
set_row(AuditRow *row, int column, HeapTuple tuple, TupleDesc desc)
{
	row->isnull[column] = tuple == NULL;
	if (tuple != NULL)
		row->values[column] = JsonbPGetDatum(calib_row_to_jsonb(tuple, desc));
}

static void
set_when_and_who(AuditRow *row)
{
	row->values[TRANSACTION_ID] = Int64GetDatum(
	    (int64) U64FromFullTransactionId(GetTopFullTransactionId()));
	row->values[RECORDED_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	row->values[CLOCK_AT] = TimestampTzGetDatum(calib_now());
	row->values[SIMULATED] = BoolGetDatum(calib_clock_is_set());
	set_text(row, PERSON, calib_person());
	set_text(row, ROLE, calib_role());
	set_text(row, LOGIN, calib_login());
	set_text(row, APPLICATION_NAME, application_name ? application_name : "");
	set_text(row, CLIENT_ADDR, client_address());
}

/*
 * A row tells by its columns which partition it was in; a TRUNCATE has no row
 * to tell, so it names the partition that was emptied.
 */
static void
set_truncated(AuditRow *row, const char *partition)
{
	row->isnull[OLD_ROW] = partition == NULL;
	if (partition != NULL)
		row->values[OLD_ROW] =
		    JsonbPGetDatum(calib_pair_to_jsonb("partition", partition));
}

static void
set_what(AuditRow *row, TriggerData *trigger, const AuditTarget *target)
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

	set_text(row, RELATION, target->relation);
	set_text(row, ACTION, action_name(event));
	set_row(row, OLD_ROW, old, desc);
	set_row(row, NEW_ROW, new, desc);
	if (TRIGGER_FIRED_BY_TRUNCATE(event))
		set_truncated(row, target->partition);
}

/* The id is drawn after the transaction has its own, which seal() counts on.
 */
static void
form_and_store(TriggerData *trigger, const AuditTarget *target)
{
	AuditRow row = {0};
	uint8 hash[HASH_LENGTH];

	set_when_and_who(&row);
	row.values[AUDIT_ID] =
	    Int64GetDatum(nextval_internal(target->sequence_relid, false));
	set_what(&row, trigger, target);
	row.values[ERA] = UUIDPGetDatum(calib_era(target->audit_relid));
	calib_audit_hash(row.values, row.isnull, hash);
	row.values[ROW_HASH] = calib_hash_datum(NULL, hash);
	calib_store_audit(target->audit_relid, &row);
}

PG_FUNCTION_INFO_V1(calib_audit_row);
Datum
calib_audit_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "audit_row", NULL);

	if (!calib_restoring_setting)
		form_and_store(trigger, calib_audit_target(fcinfo, trigger));
	return PointerGetDatum(NULL);
}
