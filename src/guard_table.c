/*
 * guard_table.c
 *		The rules on a user's own table of quotas: its shape, its rows, its
 *		triggers.
 *
 * Each row of a guarded table has a target that mirrors it.  The trigger on
 * the table fires AFTER ROW, reads what was stored, and does to the target
 * what was done to the row (mirror.c); calib.target's own guard decides
 * whether that may be.  Whatever it refuses takes the row's change along.
 *
 * The rows are read in C, from columns of built-in types, and with the
 * rights of calib only calib's own tables are touched: no cast, operator,
 * default or policy of the table's owner ever runs with more rights than the
 * statement that was given (DESIGN 9).
 *
 * Columns are found by name, once per statement.  One that was renamed or
 * dropped stops every write with an error instead of unguarding the table.
 */
#include "guard_table.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* what guard_table.sql calls them */
#define GUARD_TRIGGER "calib_guard"
#define GUARD_TRUNCATE_TRIGGER "calib_guard_truncate"

/* The table's shape ----------------------------------------------------------
 */

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
type_fits(GuardedColumn column, Oid type)
{
	switch (column)
	{
		case VALUE_COLUMN:
			return type == NUMERICOID || is_integer(type);
		case UNIT_COLUMN:
			return is_text(type) || is_integer(type) || type == UUIDOID;
		case PERIOD_COLUMN:
			return type == DATEOID || type == TIMESTAMPOID ||
			       type == TIMESTAMPTZOID;
		default:
			return is_text(type);
	}
}

static const char *
types_that_fit(GuardedColumn column)
{
	switch (column)
	{
		case VALUE_COLUMN:
			return "A value is numeric, bigint, integer or smallint: the "
			       "rules are exact, which floating point and money are not.";
		case UNIT_COLUMN:
			return "A unit is text, varchar, char, bigint, integer, smallint "
			       "or uuid.";
		case PERIOD_COLUMN:
			return "A period is a date, timestamp or timestamptz.";
		default:
			return "A product line is text, varchar or char.";
	}
}

static void
refuse_missing_column(const GuardedTable *table, const char *column)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_UNDEFINED_COLUMN),
	     errmsg("guarded table %s has no column \"%s\"", table->name, column),
	     errdetail("It is one of those calib.guarded names; without it "
	               "no rule can be kept, so nothing is written."),
	     errhint("Name it so again, or call calib.unguard_table() and "
	             "calib.guard_table() with its new name: baselines "
	             "stay.")));
}

static void
find_column(GuardedTable *table, GuardedColumn column, Relation relation)
{
	char *name = table->column[column];
	AttrNumber number = get_attnum(RelationGetRelid(relation), name);
	Form_pg_attribute attribute;

	if (number <= 0)
		refuse_missing_column(table, name);
	attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
	table->number[column] = number;
	table->type[column] = getBaseType(attribute->atttypid);
	if (!type_fits(column, table->type[column]))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_DATATYPE_MISMATCH),
		     errmsg("column \"%s\" of table %s cannot be guarded: its "
		            "type is %s",
		            name, table->name, format_type_be(attribute->atttypid)),
		     errhint("%s", types_that_fit(column))));
	if (attribute->attgenerated == '\0' ||
	    (column != VALUE_COLUMN &&
	     attribute->attgenerated == ATTRIBUTE_GENERATED_STORED))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_GENERATED_ALWAYS),
	         errmsg("column \"%s\" of table %s cannot be guarded: it is "
	                "generated",
	                name, table->name),
	         errhint("A value must be stored as it is given; a stored "
	                 "generated column may be part of the key.")));
}

/* The latest snapshot: as old as the transaction's may be, the trigger that
 * fired is newer. */
static HeapTuple
read_registry(Oid relid)
{
	static SPIPlanPtr plan = NULL;
	Datum values[1] = {ObjectIdGetDatum(relid)};

	if (plan == NULL)
	{
		Oid types[1] = {OIDOID};
		SPIPlanPtr made = SPI_prepare(
		    "SELECT g.value_column, g.unit_column, g.period_column,"
		    " g.product_line_column, g.grain, g.measure,"
		    " o.zone, o.fiscal_start_month"
		    " FROM calib.guarded g CROSS JOIN calib.organisation o"
		    " WHERE g.relation OPERATOR(pg_catalog.=) $1",
		    1, types);

		SPI_keepplan(made);
		plan = made;
	}
	SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(),
	                     InvalidSnapshot, false, false, 1);
	if (SPI_processed != 1)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("table with OID %u is not guarded, or "
		                       "calib.organisation has no row",
		                       relid)));
	return SPI_tuptable->vals[0];
}

static Datum
registry_text(HeapTuple row, int number)
{
	return CStringGetTextDatum(
	    SPI_getvalue(row, SPI_tuptable->tupdesc, number));
}

/*
 * The guarded table as the registry describes it, with the columns' places in
 * relation, which is the table itself or one of its partitions.  Made in the
 * caller's memory; SPI is connected.
 */
GuardedTable *
calib_guarded_table(Oid relid, Relation relation)
{
	GuardedTable *table = SPI_palloc(sizeof(GuardedTable));
	HeapTuple row = read_registry(relid);
	TupleDesc desc = SPI_tuptable->tupdesc;
	MemoryContext old;
	bool isnull;
	int column;

	old = MemoryContextSwitchTo(GetMemoryChunkContext(table));
	memset(table, 0, sizeof(GuardedTable));
	table->relid = relid;
	table->name = quote_qualified_identifier(
	    get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	for (column = 0; column < GUARDED_COLUMNS; column++)
		table->column[column] = SPI_getvalue(row, desc, column + 1);
	table->grain_name = registry_text(row, 5);
	table->grain = calib_grain_parse(TextDatumGetCString(table->grain_name));
	table->measure = registry_text(row, 6);
	table->zone = registry_text(row, 7);
	table->fiscal_start_month =
	    DatumGetInt32(SPI_getbinval(row, desc, 8, &isnull));
	for (column = 0; column < GUARDED_COLUMNS; column++)
		if (table->column[column] != NULL)
			find_column(table, column, relation);
	MemoryContextSwitchTo(old);
	return table;
}

/* A row ----------------------------------------------------------------------
 */

Numeric
calib_guarded_number(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return int64_to_numeric(DatumGetInt16(value));
		case INT4OID:
			return int64_to_numeric(DatumGetInt32(value));
		case INT8OID:
			return int64_to_numeric(DatumGetInt64(value));
		default:
			return DatumGetNumericCopy(value);
	}
}

/* The trailing blanks of a char(n) say nothing. */
static char *
text_of(Datum value, Oid type)
{
	char *string;
	int length;

	switch (type)
	{
		case INT2OID:
			return psprintf("%d", DatumGetInt16(value));
		case INT4OID:
			return psprintf("%d", DatumGetInt32(value));
		case INT8OID:
			return psprintf(INT64_FORMAT, DatumGetInt64(value));
		case UUIDOID:
			return DatumGetCString(DirectFunctionCall1(uuid_out, value));
	}
	string = TextDatumGetCString(value);
	if (type == BPCHAROID)
	{
		length = strlen(string);
		while (length > 0 && string[length - 1] == ' ')
			string[--length] = '\0';
	}
	return string;
}

/* A timestamp without time zone is the organisation's own. */
static DateADT
day_of(const GuardedTable *table, Datum value)
{
	switch (table->type[PERIOD_COLUMN])
	{
		case DATEOID:
			return DatumGetDateADT(value);
		case TIMESTAMPTZOID:
			value = DirectFunctionCall2(timestamptz_zone, table->zone, value);
			break;
	}
	return DatumGetDateADT(DirectFunctionCall1(timestamp_date, value));
}

const char *
calib_guarded_key_text(const GuardedRow *row)
{
	return psprintf("unit \"%s\"%s%s%s, period from %s", row->unit_ref,
	                row->product_line[0] ? ", product line \"" : "",
	                row->product_line, row->product_line[0] ? "\"" : "",
	                DatumGetCString(DirectFunctionCall1(
	                    date_out, DateADTGetDatum(row->period_start))));
}

static bool
get(const GuardedTable *table, GuardedColumn column, TupleTableSlot *slot,
    Datum *value)
{
	bool isnull;

	if (table->column[column] == NULL)
		return false;
	*value = slot_getattr(slot, table->number[column], &isnull);
	return !isnull;
}

static void
refuse_null(const GuardedTable *table, GuardedColumn column, const char *whose)
{
	ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
	                errmsg("\"%s\" of guarded table %s must not be null",
	                       table->column[column], table->name),
	                errdetail("%s has no target then.", whose)));
}

static bool
is_a_target(Numeric number)
{
	Datum zero = NumericGetDatum(int64_to_numeric(0));

	return !numeric_is_nan(number) && !numeric_is_inf(number) &&
	       DatumGetBool(
	           DirectFunctionCall2(numeric_gt, NumericGetDatum(number), zero));
}

/* The row as stored; what can have no target is refused. */
static void
read_row(const GuardedTable *table, TupleTableSlot *slot, GuardedRow *row)
{
	Datum value;

	row->product_line = "";
	if (get(table, PRODUCT_LINE_COLUMN, slot, &value))
		row->product_line = text_of(value, table->type[PRODUCT_LINE_COLUMN]);
	if (!get(table, UNIT_COLUMN, slot, &value))
		refuse_null(table, UNIT_COLUMN, "A row without unit");
	row->unit_ref = text_of(value, table->type[UNIT_COLUMN]);
	if (!get(table, PERIOD_COLUMN, slot, &value))
		refuse_null(table, PERIOD_COLUMN,
		            psprintf("The row of unit \"%s\"", row->unit_ref));
	row->period_start = calib_period_start(day_of(table, value), table->grain,
	                                       table->fiscal_start_month);
	if (!get(table, VALUE_COLUMN, slot, &value))
		refuse_null(table, VALUE_COLUMN,
		            psprintf("The row of %s", calib_guarded_key_text(row)));
	row->value = calib_guarded_number(value, table->type[VALUE_COLUMN]);
	if (!is_a_target(row->value))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("a target must be above 0, and finite"),
		         errdetail("%s of %s is %s.", calib_guarded_key_text(row),
		                   table->name,
		                   DatumGetCString(DirectFunctionCall1(
		                       numeric_out, NumericGetDatum(row->value))))));
}

/*
 * What a row that goes, or is changed, was before; false: nothing that a
 * target could mirror, having come in past the triggers.  It must go.
 */
static bool
read_old_row(const GuardedTable *table, TupleTableSlot *slot, GuardedRow *row)
{
	Datum value;
	Datum period;

	if (!get(table, VALUE_COLUMN, slot, &value) ||
	    !is_a_target(calib_guarded_number(value, table->type[VALUE_COLUMN])) ||
	    !get(table, PERIOD_COLUMN, slot, &period) ||
	    DATE_NOT_FINITE(day_of(table, period)) ||
	    !get(table, UNIT_COLUMN, slot, &value))
		return false;
	read_row(table, slot, row);
	return true;
}

/* Whether a column holds, byte by byte, what it held: no operator is asked. */
static bool
is_same(const GuardedTable *table, GuardedColumn column, TupleTableSlot *old,
        TupleTableSlot *new)
{
	Form_pg_attribute attribute;
	AttrNumber number = table->number[column];
	bool oldnull;
	bool newnull;
	Datum oldvalue;
	Datum newvalue;

	if (table->column[column] == NULL)
		return true;
	attribute = TupleDescAttr(new->tts_tupleDescriptor, number - 1);
	oldvalue = slot_getattr(old, number, &oldnull);
	newvalue = slot_getattr(new, number, &newnull);
	if (oldnull || newnull)
		return oldnull == newnull;
	return datumIsEqual(oldvalue, newvalue, attribute->attbyval,
	                    attribute->attlen);
}

static bool
touches_nothing(const GuardedTable *table, TriggerData *trigger)
{
	int column;

	for (column = 0; column < GUARDED_COLUMNS; column++)
		if (!is_same(table, column, trigger->tg_trigslot, trigger->tg_newslot))
			return false;
	return true;
}

/* The trigger ----------------------------------------------------------------
 */

static void
refuse_trigger(TriggerData *trigger, const char *why)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	     errmsg("trigger \"%s\" keeps no rule", trigger->tg_trigger->tgname),
	     errdetail("Table \"%s\" %s.",
	               RelationGetRelationName(trigger->tg_relation), why),
	     errhint("Drop the trigger; calib.guard_table() and calib.rearm() put "
	             "on the ones that do.")));
}

/* One on a table, so that nothing is mirrored twice, and never deferred. */
static bool
is_as_made(TriggerData *trigger)
{
	const char *name = TRIGGER_FIRED_FOR_ROW(trigger->tg_event)
	                       ? GUARD_TRIGGER
	                       : GUARD_TRUNCATE_TRIGGER;

	if (strcmp(trigger->tg_trigger->tgname, name) != 0 ||
	    trigger->tg_trigger->tgdeferrable)
		return false;
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return TRIGGER_FIRED_AFTER(trigger->tg_event);
	return TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event);
}

static Oid
guarded_relid(TriggerData *trigger)
{
	Oid relid =
	    calib_registered("guarded", RelationGetRelid(trigger->tg_relation));

	if (!OidIsValid(relid))
		refuse_trigger(trigger, "is not guarded");
	if (!is_as_made(trigger))
		refuse_trigger(trigger, "is guarded by other triggers");
	return relid;
}

/*
 * Looked up once per statement and kept in fn_extra, which lives as long as
 * the statement's trigger calls.
 */
static GuardedTable *
fired_table(FunctionCallInfo fcinfo, TriggerData *trigger)
{
	GuardedTable *table = fcinfo->flinfo->fn_extra;
	Oid relid;
	MemoryContext old;
	CalibIdentity was;

	if (table != NULL)
		return table;
	relid = guarded_relid(trigger);
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	SPI_connect();
	calib_become_calib(&was);
	table = calib_guarded_table(relid, trigger->tg_relation);
	calib_become_self(&was);
	SPI_finish();
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = table;
	return table;
}

/*
 * What a trigger of the user's that fires before ours has changed again is
 * not what is stored any more: judged out of order, the target would end at a
 * value the row does not have.
 */
static void
check_still_stored(TriggerData *trigger, const GuardedTable *table)
{
	TupleTableSlot *slot = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)
	                           ? trigger->tg_newslot
	                           : trigger->tg_trigslot;

	if (table_tuple_satisfies_snapshot(trigger->tg_relation, slot,
	                                   SnapshotSelf))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
	         errmsg("a row of guarded table %s was changed again before the "
	                "rules saw it",
	                table->name),
	         errhint("An AFTER trigger that changes the row it fires for must "
	                 "have a name that sorts after \"%s\", or be a BEFORE "
	                 "trigger.",
	                 GUARD_TRIGGER)));
}

static void
mirror(TriggerData *trigger, const GuardedTable *table)
{
	GuardedRow old;
	GuardedRow new;

	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
	{
		if (read_old_row(table, trigger->tg_trigslot, &old))
			calib_mirror_delete(table, &old);
		return;
	}
	check_still_stored(trigger, table);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		read_row(table, trigger->tg_trigslot, &new);
		calib_mirror_insert(table, &new);
		return;
	}
	read_row(table, trigger->tg_newslot, &new);
	if (read_old_row(table, trigger->tg_trigslot, &old))
		calib_mirror_update(table, &old, &new);
	else
		calib_mirror_insert(table, &new);
}

PG_FUNCTION_INFO_V1(calib_guard_row);
Datum
calib_guard_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "guard_row", NULL);
	GuardedTable *table;
	CalibIdentity was;

	if (calib_restoring_setting)
		return PointerGetDatum(NULL);
	table = fired_table(fcinfo, trigger);
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
		        (errcode(ERRCODE_CALIB_TARGET_GUARDED),
		         errmsg("guarded table %s is not truncated", table->name),
		         errhint("DELETE removes rows, and their targets stay.")));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) &&
	    touches_nothing(table, trigger))
		return PointerGetDatum(NULL);
	SPI_connect();
	calib_become_calib(&was);
	mirror(trigger, table);
	calib_become_self(&was);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* Taking the rows that are there ---------------------------------------------
 */

static int64
take_rows_of(Oid relid, Oid part)
{
	Relation relation = table_open(part, ShareRowExclusiveLock);
	TupleTableSlot *slot;
	GuardedTable *table;
	TableScanDesc scan;
	Snapshot snapshot;
	MemoryContext each;
	MemoryContext old;
	int64 taken = 0;

	/* not what has no rows of its own, nor temporary children */
	if (relation->rd_rel->relkind != RELKIND_RELATION ||
	    relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
	{
		table_close(relation, NoLock);
		return 0;
	}
	table = calib_guarded_table(relid, relation);
	slot = table_slot_create(relation, NULL);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = calib_begin_scan(relation, snapshot);
	each = AllocSetContextCreate(CurrentMemoryContext, "calib guarded row",
	                             ALLOCSET_DEFAULT_SIZES);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		GuardedRow row;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(each);
		read_row(table, slot, &row);
		calib_mirror_insert(table, &row);
		MemoryContextSwitchTo(old);
		MemoryContextReset(each);
		taken++;
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	return taken;
}

/*
 * Mirrors every row of a table and its partitions as if it were inserted now.
 * Read below SQL: no policy, rule, view or operator of anybody's is asked.
 * The registry names the table, and the caller holds it against writers.
 */
PG_FUNCTION_INFO_V1(calib_take_rows);
Datum
calib_take_rows(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	int64 taken = 0;
	ListCell *part;

	SPI_connect();
	foreach (part, find_all_inheritors(relid, ShareRowExclusiveLock, NULL))
		taken += take_rows_of(relid, lfirst_oid(part));
	SPI_finish();
	PG_RETURN_INT64(taken);
}
