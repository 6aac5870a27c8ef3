/*
 * write_back.c
 *		From a target to the row that it mirrors.
 *
 * A target that an adjustment was filed for, or that somebody updated in
 * calib.target, takes its row along in the same transaction.  That UPDATE is
 * a statement on a user's table, which may have triggers, rules, defaults and
 * policies of its owner's.  So it runs as the owner, in a security-restricted
 * operation: never with the rights of whoever files, and never with calib's
 * (DESIGN 9).
 *
 * Afterwards the stored value is read again.  A trigger or rule that kept
 * another one, or a column that cannot hold the number, undoes the whole
 * change: table and target are the same number or nothing happened.  A row
 * that was deleted is no error.
 */
#include "guard_table.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* parameters of the statements on the user's table */
enum
{
	SET_VALUE,
	UNIT_IS,
	PERIOD_FROM,
	PERIOD_BEFORE,
	PRODUCT_LINE_IS,
	PARAMETERS
};

typedef struct Match
{
	StringInfoData where;
	Oid types[PARAMETERS];
	Datum values[PARAMETERS];
	int count;
} Match;

/* the target that is being written back just now; 0: none */
static int64 written_back = 0;

bool
calib_is_written_back(int64 target_id)
{
	return written_back == target_id;
}

static char *
number_text(Numeric number)
{
	return DatumGetCString(
	    DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

void
calib_refuse_stored_value(const GuardedTable *table, const GuardedRow *row,
                          Numeric target, Numeric stored)
{
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
	         errmsg("guarded table %s does not take the value of its target",
	                table->name),
	         errdetail("%s: the target becomes %s, the table keeps %s.",
	                   calib_guarded_key_text(row), number_text(target),
	                   stored == NULL ? "NULL" : number_text(stored)),
	         errhint("A trigger, a rule or the type of column \"%s\" changed "
	                 "it.",
	                 table->column[VALUE_COLUMN])));
}

/* The row of a target --------------------------------------------------------
 */

/* Under the latest snapshot: the row may have come in after the transaction's
 * own was taken. */
static bool
find_row(int64 target_id, Oid *relid, GuardedRow *row)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(target_id)};
	SPIPlanPtr plan = SPI_prepare(
	    "SELECT r.relation, r.unit_ref, r.product_line, r.period_start"
	    " FROM calib.guarded_row r"
	    " WHERE r.target_id OPERATOR(pg_catalog.=) $1",
	    1, types);
	HeapTuple found;
	TupleDesc desc;
	bool isnull;

	SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(),
	                     InvalidSnapshot, false, false, 1);
	if (SPI_processed == 0)
		return false;
	found = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	*relid = DatumGetObjectId(SPI_getbinval(found, desc, 1, &isnull));
	row->unit_ref = SPI_getvalue(found, desc, 2);
	row->product_line = SPI_getvalue(found, desc, 3);
	row->period_start =
	    DatumGetDateADT(SPI_getbinval(found, desc, 4, &isnull));
	return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(*relid));
}

static void
forget_row(int64 target_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(target_id)};

	SPI_execute_with_args("DELETE FROM calib.guarded_row r"
	                      " WHERE r.target_id OPERATOR(pg_catalog.=) $1",
	                      1, types, values, NULL, false, 0);
}

static void
add(Match *match, int parameter, Oid type, Datum value)
{
	match->types[parameter] = type;
	match->values[parameter] = value;
	match->count = parameter + 1;
}

/*
 * column = $n by the column's own collation, for its indexes, and by bytes:
 * the row meant is the one that was written so.
 */
static void
match_text(Match *match, const char *column, int parameter)
{
	appendStringInfo(&match->where,
	                 "%s OPERATOR(pg_catalog.=) $%d AND %s "
	                 "OPERATOR(pg_catalog.=) $%d COLLATE pg_catalog.\"C\"",
	                 column, parameter + 1, column, parameter + 1);
}

static void
match_unit(Match *match, const GuardedTable *table, const GuardedRow *row)
{
	const char *column = quote_identifier(table->column[UNIT_COLUMN]);
	Oid type = table->type[UNIT_COLUMN];
	Oid input;
	Oid ioparam;

	if (type == VARCHAROID)
		type = TEXTOID;
	if (type == INT2OID || type == INT4OID)
		type = INT8OID;
	getTypeInputInfo(type, &input, &ioparam);
	add(match, UNIT_IS, type,
	    OidInputFunctionCall(input, row->unit_ref, ioparam, -1));
	if (type == TEXTOID || type == BPCHAROID)
		match_text(match, column, UNIT_IS);
	else
		appendStringInfo(&match->where, "%s OPERATOR(pg_catalog.=) $%d",
		                 column, UNIT_IS + 1);
}

/* The moment an organisation's day begins, as the column tells time. */
static Datum
start_of(const GuardedTable *table, DateADT day)
{
	Datum start = DateADTGetDatum(day);

	if (table->type[PERIOD_COLUMN] == DATEOID)
		return start;
	start = DirectFunctionCall1(date_timestamp, start);
	if (table->type[PERIOD_COLUMN] == TIMESTAMPOID)
		return start;
	return DirectFunctionCall2(timestamp_zone, table->zone, start);
}

static void
match_period(Match *match, const GuardedTable *table, const GuardedRow *row)
{
	const char *column = quote_identifier(table->column[PERIOD_COLUMN]);
	Oid type = table->type[PERIOD_COLUMN];

	add(match, PERIOD_FROM, type, start_of(table, row->period_start));
	add(match, PERIOD_BEFORE, type,
	    start_of(table, calib_period_end(row->period_start, table->grain)));
	appendStringInfo(&match->where,
	                 " AND %s OPERATOR(pg_catalog.>=) $%d"
	                 " AND %s OPERATOR(pg_catalog.<) $%d",
	                 column, PERIOD_FROM + 1, column, PERIOD_BEFORE + 1);
}

static void
match_product_line(Match *match, const GuardedTable *table,
                   const GuardedRow *row)
{
	const char *column;
	Oid type = table->type[PRODUCT_LINE_COLUMN];

	if (table->column[PRODUCT_LINE_COLUMN] == NULL)
		return;
	column = quote_identifier(table->column[PRODUCT_LINE_COLUMN]);
	add(match, PRODUCT_LINE_IS, type == BPCHAROID ? BPCHAROID : TEXTOID,
	    CStringGetTextDatum(row->product_line));
	appendStringInfoString(&match->where, " AND (");
	match_text(match, column, PRODUCT_LINE_IS);
	if (row->product_line[0] == '\0')
		appendStringInfo(&match->where, " OR %s IS NULL", column);
	appendStringInfoChar(&match->where, ')');
}

static void
match_row(Match *match, const GuardedTable *table, const GuardedRow *row)
{
	initStringInfo(&match->where);
	add(match, SET_VALUE, NUMERICOID, NumericGetDatum(row->value));
	match_unit(match, table, row);
	match_period(match, table, row);
	match_product_line(match, table, row);
}

/* Writing --------------------------------------------------------------------
 */

static void
set_option(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
	                         GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Policies that FORCE ROW LEVEL SECURITY sets against the owner must not hide
 * the row in silence: with row_security off they are an error, here and now.
 * It is back before anything runs, for what the table's triggers read.
 */
static SPIPlanPtr
prepare(const char *statement, Match *match)
{
	int nest = NewGUCNestLevel();
	SPIPlanPtr plan;

	set_option("row_security", "off");
	plan = SPI_prepare(statement, match->count, match->types);
	AtEOXact_GUC(true, nest);
	return plan;
}

static void
update_row(const GuardedTable *table, Match *match)
{
	char *statement = psprintf("UPDATE %s SET %s = $1 WHERE %s", table->name,
	                           quote_identifier(table->column[VALUE_COLUMN]),
	                           match->where.data);

	SPI_execute_plan(prepare(statement, match), match->values, NULL, false, 0);
}

static void
refuse_difference(const GuardedTable *table, const GuardedRow *row,
                  Numeric stored)
{
	if (!IsolationUsesXactSnapshot())
		calib_refuse_stored_value(table, row, row->value, stored);
	ereport(
	    ERROR,
	    (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
	     errmsg("could not serialize access to guarded table %s", table->name),
	     errdetail("%s: the row came in, or was changed, since this "
	               "transaction began, or its table does not take the "
	               "value.",
	               calib_guarded_key_text(row)),
	     errhint("Try again.")));
}

/*
 * Raises where a row of that key holds another number than its target; false:
 * there is no such row.  Under the latest snapshot, so that a row that the
 * transaction's own hides is found; the transaction must then be tried again.
 */
static bool
is_stored(const GuardedTable *table, const GuardedRow *row, Match *match)
{
	char *statement = psprintf("SELECT %s FROM %s WHERE $1 IS NOT NULL AND %s",
	                           quote_identifier(table->column[VALUE_COLUMN]),
	                           table->name, match->where.data);
	uint64 i;

	SPI_execute_snapshot(prepare(statement, match), match->values, NULL,
	                     GetLatestSnapshot(), InvalidSnapshot, true, false, 0);
	for (i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		Datum value = SPI_getbinval(SPI_tuptable->vals[i],
		                            SPI_tuptable->tupdesc, 1, &isnull);
		Numeric stored =
		    isnull ? NULL
		           : calib_guarded_number(value, table->type[VALUE_COLUMN]);

		if (isnull || !DatumGetBool(DirectFunctionCall2(
		                  numeric_eq, NumericGetDatum(stored),
		                  NumericGetDatum(row->value))))
			refuse_difference(table, row, stored);
	}
	return SPI_processed > 0;
}

/*
 * As the owner.  What the table's triggers name without a schema is looked
 * for in the table's own: that of whoever files is not theirs to trust.
 */
static bool
write_as_owner(const GuardedTable *table, const GuardedRow *row, Match *match)
{
	char *schema = get_namespace_name(get_rel_namespace(table->relid));
	CalibIdentity was;
	bool stored;

	calib_become_owner(table->relid, &was);
	set_option("search_path",
	           psprintf("%s, pg_temp", quote_identifier(schema)));
	update_row(table, match);
	stored = is_stored(table, row, match);
	calib_become_self(&was);
	return stored;
}

static bool
write_row(Oid relid, const GuardedRow *row)
{
	Relation relation = table_open(relid, RowExclusiveLock);
	GuardedTable *table = calib_guarded_table(relid, relation);
	Match match;
	bool stored;

	match_row(&match, table, row);
	stored = write_as_owner(table, row, &match);
	table_close(relation, NoLock);
	return stored;
}

static void
write_back(int64 target_id, Oid relid, const GuardedRow *row)
{
	int64 outer = written_back;
	bool stored = false;

	written_back = target_id;
	PG_TRY();
	{
		stored = write_row(relid, row);
	}
	PG_FINALLY();
	{
		written_back = outer;
	}
	PG_END_TRY();
	if (!stored)
		forget_row(target_id);
}

/* The trigger ----------------------------------------------------------------
 */

static Datum
column(HeapTuple row, TupleDesc desc, const char *name)
{
	bool isnull;

	return SPI_getbinval(row, desc, SPI_fnumber(desc, name), &isnull);
}

static bool
changed(TriggerData *trigger, const char *name)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	Form_pg_attribute attribute =
	    TupleDescAttr(desc, SPI_fnumber(desc, name) - 1);

	return !datumIsEqual(column(trigger->tg_trigtuple, desc, name),
	                     column(trigger->tg_newtuple, desc, name),
	                     attribute->attbyval, attribute->attlen);
}

static bool
changed_key(TriggerData *trigger)
{
	return changed(trigger, "target_id") || changed(trigger, "unit_id") ||
	       changed(trigger, "measure") || changed(trigger, "product_line") ||
	       changed(trigger, "grain") || changed(trigger, "period_start");
}

static void
carry_back(TriggerData *trigger)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	int64 target_id =
	    DatumGetInt64(column(trigger->tg_trigtuple, desc, "target_id"));
	GuardedRow row;
	Oid relid;

	if (calib_is_mirrored(target_id) || !find_row(target_id, &relid, &row))
		return;
	if (changed_key(trigger))
		ereport(ERROR, (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		                errmsg("the key of target " INT64_FORMAT
		                       " is that of its row in a guarded table",
		                       target_id),
		                errdetail("%s.", calib_guarded_key_text(&row)),
		                errhint("Change the row there.")));
	row.value = DatumGetNumeric(column(trigger->tg_newtuple, desc, "value"));
	write_back(target_id, relid, &row);
}

PG_FUNCTION_INFO_V1(calib_write_back);
Datum
calib_write_back(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "write_back", "target");

	if (calib_restoring_setting ||
	    !(changed(trigger, "value") || changed_key(trigger)))
		return PointerGetDatum(NULL);
	SPI_connect();
	carry_back(trigger);
	SPI_finish();
	return PointerGetDatum(NULL);
}
