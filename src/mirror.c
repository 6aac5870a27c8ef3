/*
 * mirror.c
 *		The targets that mirror the rows of guarded tables.
 *
 * calib.guarded_row says which target mirrors a row: a row of it for each row
 * of a guarded table, under the key as that row writes it.  It is what makes
 * a second row of a key impossible, whatever the table's own constraints, and
 * what a write-back goes by.  The mapping is made when the row comes in, so
 * that a unit that is given another external_ref later takes no row along.
 *
 * Everything here runs with calib's rights and touches calib's tables only.
 *
 * Locks: a row's own lock is held already when its trigger fires, the
 * target's is taken here; a write-back takes them the other way round.  So an
 * UPDATE or DELETE does not wait for a target that somebody else changes at
 * this moment (55P03): the two would wait for each other.  A row that comes in
 * is nobody's yet and may wait.
 */
#include "guard_table.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#define MOST_ARGUMENTS 6

/* The target that mirrors a row, locked. */
typedef struct Mirror
{
	int64 target_id;
	Numeric value;
} Mirror;

/* the target a row's change is being carried to just now; 0: none */
static int64 mirrored = 0;

bool
calib_is_mirrored(int64 target_id)
{
	return mirrored == target_id;
}

/* Statements, planned once in a session --------------------------------------
 */

typedef struct Statement
{
	const char *text;
	int arguments;
	Oid types[MOST_ARGUMENTS];
	SPIPlanPtr plan;
} Statement;

/* Whether it touched a row.  The answer before this one is gone. */
static bool
run(Statement *statement, Datum *values)
{
	if (SPI_tuptable != NULL)
		SPI_freetuptable(SPI_tuptable);
	if (statement->plan == NULL)
	{
		SPIPlanPtr made = SPI_prepare(statement->text, statement->arguments,
		                              statement->types);

		SPI_keepplan(made);
		statement->plan = made;
	}
	SPI_execute_plan(statement->plan, values, NULL, false, 0);
	return SPI_processed > 0;
}

static Datum
answer(int number)
{
	bool isnull;

	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number,
	                     &isnull);
}

#define OF_ROW                                           \
	" FROM calib.guarded_row r"                          \
	" JOIN calib.target t"                               \
	" ON t.target_id OPERATOR(pg_catalog.=) r.target_id" \
	" WHERE r.relation OPERATOR(pg_catalog.=) $1"        \
	" AND r.unit_ref OPERATOR(pg_catalog.=) $2"          \
	" AND r.product_line OPERATOR(pg_catalog.=) $3"      \
	" AND r.period_start OPERATOR(pg_catalog.=) $4"

static Statement lock_mirror = {.text = "SELECT t.target_id, t.value" OF_ROW
                                        " FOR NO KEY UPDATE OF t SKIP LOCKED",
                                .arguments = 4,
                                .types = {OIDOID, TEXTOID, TEXTOID, DATEOID}};

static Statement see_mirror = {.text = "SELECT t.target_id, t.value" OF_ROW,
                               .arguments = 4,
                               .types = {OIDOID, TEXTOID, TEXTOID, DATEOID}};

static Statement find_unit_by_ref = {
    .text = "SELECT u.unit_id FROM calib.unit u"
            " WHERE u.external_ref OPERATOR(pg_catalog.=) $1",
    .arguments = 1,
    .types = {TEXTOID}};

static Statement find_unit_by_id = {
    .text = "SELECT u.unit_id FROM calib.unit u WHERE"
            " u.unit_id::pg_catalog.text OPERATOR(pg_catalog.=) $2"
            " AND u.unit_id OPERATOR(pg_catalog.=) $1",
    .arguments = 2,
    .types = {INT8OID, TEXTOID}};

static Statement lock_target = {
    .text = "SELECT t.target_id, t.value FROM calib.target t"
            " WHERE t.unit_id OPERATOR(pg_catalog.=) $1"
            " AND t.measure OPERATOR(pg_catalog.=) $2"
            " AND t.product_line OPERATOR(pg_catalog.=) $3"
            " AND t.grain OPERATOR(pg_catalog.=) $4"
            " AND t.period_start OPERATOR(pg_catalog.=) $5"
            " FOR NO KEY UPDATE",
    .arguments = 5,
    .types = {INT8OID, TEXTOID, TEXTOID, TEXTOID, DATEOID}};

static Statement make_target = {
    .text = "INSERT INTO calib.target"
            " (unit_id, measure, product_line, grain, period_start,"
            " original_value)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
            " RETURNING target_id, value",
    .arguments = 6,
    .types = {INT8OID, TEXTOID, TEXTOID, TEXTOID, DATEOID, NUMERICOID}};

/* What a dropped table has left behind holds no place. */
static Statement hold_place = {
    .text = "INSERT INTO calib.guarded_row AS r"
            " (relation, unit_ref, product_line, period_start, target_id)"
            " VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (target_id) DO UPDATE SET"
            " relation = EXCLUDED.relation, unit_ref = EXCLUDED.unit_ref,"
            " product_line = EXCLUDED.product_line,"
            " period_start = EXCLUDED.period_start"
            " WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c"
            " WHERE c.oid OPERATOR(pg_catalog.=) r.relation)"
            " RETURNING r.target_id",
    .arguments = 5,
    .types = {OIDOID, TEXTOID, TEXTOID, DATEOID, INT8OID}};

static Statement who_holds_place = {
    .text = "SELECT r.relation::pg_catalog.text FROM calib.guarded_row r"
            " WHERE r.target_id OPERATOR(pg_catalog.=) $1",
    .arguments = 1,
    .types = {INT8OID}};

static Statement leave_place = {
    .text = "DELETE FROM calib.guarded_row r"
            " WHERE r.target_id OPERATOR(pg_catalog.=) $1",
    .arguments = 1,
    .types = {INT8OID}};

static Statement set_value = {.text =
                                  "UPDATE calib.target SET value = $2"
                                  " WHERE target_id OPERATOR(pg_catalog.=) $1",
                              .arguments = 2,
                              .types = {INT8OID, NUMERICOID}};

static Statement drop_draft = {
    .text = "DELETE FROM calib.target t"
            " WHERE t.target_id OPERATOR(pg_catalog.=) $1"
            " AND t.published_at IS NULL"
            " AND calib.today() OPERATOR(pg_catalog.<) t.period_start"
            " AND NOT EXISTS (SELECT FROM calib.adjustment a"
            " WHERE a.target_id OPERATOR(pg_catalog.=) t.target_id)",
    .arguments = 1,
    .types = {INT8OID}};

/* Finding --------------------------------------------------------------------
 */

static char *
number_text(Numeric number)
{
	return DatumGetCString(
	    DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

static bool
same_number(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a),
	                                        NumericGetDatum(b)));
}

static bool
same_key(const GuardedRow *a, const GuardedRow *b)
{
	return a->period_start == b->period_start &&
	       strcmp(a->unit_ref, b->unit_ref) == 0 &&
	       strcmp(a->product_line, b->product_line) == 0;
}

static void
read_mirror(Mirror *mirror)
{
	mirror->target_id = DatumGetInt64(answer(1));
	mirror->value = DatumGetNumericCopy(answer(2));
}

/*
 * The target that mirrors a row; false: none, which means that the row came
 * in while the triggers were off.
 */
static bool
find_mirror(const GuardedTable *table, const GuardedRow *row, Mirror *mirror)
{
	Datum values[4] = {ObjectIdGetDatum(table->relid),
	                   CStringGetTextDatum(row->unit_ref),
	                   CStringGetTextDatum(row->product_line),
	                   DateADTGetDatum(row->period_start)};

	if (run(&lock_mirror, values))
	{
		read_mirror(mirror);
		return true;
	}
	if (!run(&see_mirror, values))
		return false;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
	     errmsg("the target of this row is being changed by somebody "
	            "else"),
	     errdetail("Row of %s: %s.", table->name, calib_guarded_key_text(row)),
	     errhint("Try again when the other transaction has ended.")));
	return false; /* not reached */
}

/* external_ref, else unit_id where it is written as a bigint is. */
static bool
find_unit(const GuardedRow *row, int64 *unit_id)
{
	Datum text = CStringGetTextDatum(row->unit_ref);
	Datum values[2];
	char *end;

	if (!run(&find_unit_by_ref, &text))
	{
		errno = 0;
		values[0] = Int64GetDatum(strtoll(row->unit_ref, &end, 10));
		values[1] = text;
		if (errno != 0 || *end != '\0' || !run(&find_unit_by_id, values))
			return false;
	}
	*unit_id = DatumGetInt64(answer(1));
	return true;
}

static int64
unit_of(const GuardedTable *table, const GuardedRow *row)
{
	int64 unit_id;

	if (!find_unit(row, &unit_id))
		ereport(ERROR,
		        (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
		         errmsg("unknown unit \"%s\" in guarded table %s",
		                row->unit_ref, table->name),
		         errdetail("No row of calib.unit has it as external_ref or "
		                   "unit_id."),
		         errhint("Enter the unit in calib.unit, with \"%s\" as "
		                 "external_ref.",
		                 row->unit_ref)));
	return unit_id;
}

/*
 * The target of a key, made where there is none.  Somebody else may make it,
 * or take a draft away, between two looks: then again.
 */
static bool
find_or_make_target(const GuardedTable *table, const GuardedRow *row,
                    Mirror *mirror)
{
	Datum values[6] = {
	    Int64GetDatum(unit_of(table, row)),     table->measure,
	    CStringGetTextDatum(row->product_line), table->grain_name,
	    DateADTGetDatum(row->period_start),     NumericGetDatum(row->value)};
	bool made = false;

	while (!run(&lock_target, values) && !(made = run(&make_target, values)))
		CHECK_FOR_INTERRUPTS();
	read_mirror(mirror);
	return made;
}

/* What happens to a row ------------------------------------------------------
 */

static void
refuse_other_value(const GuardedTable *table, const GuardedRow *row,
                   const Mirror *mirror)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_CALIB_TARGET_GUARDED),
	     errmsg("a row comes in at the value its target has"),
	     errdetail("%s of %s: the row says %s, target " INT64_FORMAT " is %s.",
	               calib_guarded_key_text(row), table->name,
	               number_text(row->value), mirror->target_id,
	               number_text(mirror->value)),
	     errhint("Enter it with %s, and change it by an adjustment.",
	             number_text(mirror->value))));
}

static void
refuse_second_row(const GuardedTable *table, const GuardedRow *row,
                  int64 target_id)
{
	Datum value = Int64GetDatum(target_id);
	char *holder = run(&who_holds_place, &value)
	                   ? TextDatumGetCString(answer(1))
	                   : table->name;

	ereport(ERROR,
	        (errcode(ERRCODE_UNIQUE_VIOLATION),
	         errmsg("a target has one row, and this would be a second one"),
	         errdetail("%s of %s: %s holds the row of target " INT64_FORMAT
	                   " already.",
	                   calib_guarded_key_text(row), table->name, holder,
	                   target_id),
	         errhint("Change the row that is there.")));
}

static void
hold(const GuardedTable *table, const GuardedRow *row, const Mirror *mirror)
{
	Datum values[5] = {
	    ObjectIdGetDatum(table->relid), CStringGetTextDatum(row->unit_ref),
	    CStringGetTextDatum(row->product_line),
	    DateADTGetDatum(row->period_start), Int64GetDatum(mirror->target_id)};

	if (!run(&hold_place, values))
		refuse_second_row(table, row, mirror->target_id);
}

void
calib_mirror_insert(const GuardedTable *table, const GuardedRow *row)
{
	Mirror mirror;

	if (!find_or_make_target(table, row, &mirror) &&
	    !same_number(mirror.value, row->value))
		refuse_other_value(table, row, &mirror);
	hold(table, row, &mirror);
}

/*
 * A row that came in past the triggers (with a partition that was attached,
 * or while they were off) and is updated now: its baseline is what it says
 * before the update.  Where its target says something else, the update may
 * bring it home.
 */
static void
take_missed(const GuardedTable *table, const GuardedRow *old,
            const GuardedRow *new, Mirror *mirror)
{
	if (!find_or_make_target(table, old, mirror) &&
	    !same_number(mirror->value, old->value) &&
	    !same_number(mirror->value, new->value))
		refuse_other_value(table, old, mirror);
	hold(table, old, mirror);
}

/*
 * A binding target stays with its value when its row goes.  A draft was
 * nobody's obligation yet: it goes with its row, or it would become one when
 * its period starts.  That holds for a row that came in past the triggers too.
 */
static void
delete_missed(const GuardedTable *table, const GuardedRow *row)
{
	Mirror mirror;
	int64 unit_id;
	Datum value;

	if (!find_unit(row, &unit_id) || !find_or_make_target(table, row, &mirror))
		return;
	value = Int64GetDatum(mirror.target_id);
	run(&drop_draft, &value);
}

void
calib_mirror_delete(const GuardedTable *table, const GuardedRow *row)
{
	Mirror mirror;
	Datum value;

	if (!find_mirror(table, row, &mirror))
	{
		delete_missed(table, row);
		return;
	}
	value = Int64GetDatum(mirror.target_id);
	run(&leave_place, &value);
	run(&drop_draft, &value);
}

/* The guard on calib.target decides; what it says is what the user hears. */
static void
change_target(int64 target_id, Numeric value)
{
	Datum values[2] = {Int64GetDatum(target_id), NumericGetDatum(value)};
	int64 outer = mirrored;

	mirrored = target_id;
	PG_TRY();
	{
		run(&set_value, values);
	}
	PG_FINALLY();
	{
		mirrored = outer;
	}
	PG_END_TRY();
}

/*
 * Code that is fenced in, such as a trigger on the table that a filing is
 * written back to, is not the caller's, and must not adjust in its name.
 */
static void
check_unfenced(const GuardedTable *table, const GuardedRow *row)
{
	if (!InSecurityRestrictedOperation())
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("no target changes within a security-restricted "
	            "operation"),
	     errdetail("%s of %s would become %s.", calib_guarded_key_text(row),
	               table->name, number_text(row->value)),
	     errhint("A trigger on a guarded table must not change the values "
	             "of other rows when one is written back.")));
}

static void
change_value(const GuardedTable *table, const GuardedRow *old,
             const GuardedRow *row)
{
	Mirror mirror;

	if (!find_mirror(table, row, &mirror))
		take_missed(table, old, row, &mirror);
	if (same_number(mirror.value, row->value))
		return;
	if (calib_is_written_back(mirror.target_id))
		calib_refuse_stored_value(table, row, mirror.value, row->value);
	check_unfenced(table, row);
	change_target(mirror.target_id, row->value);
}

void
calib_mirror_update(const GuardedTable *table, const GuardedRow *old,
                    const GuardedRow *new)
{
	if (same_key(old, new))
	{
		change_value(table, old, new);
		return;
	}
	calib_mirror_delete(table, old);
	calib_mirror_insert(table, new);
}
