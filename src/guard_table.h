/*
 * guard_table.h
 *		What the three files of a guarded table share: its shape and rows
 *		(guard_table.c), the targets that mirror them (mirror.c), and what
 *		comes back from a target to its row (write_back.c).
 */
#ifndef CALIB_GUARD_TABLE_H
#define CALIB_GUARD_TABLE_H

#include "calib.h"

#include "executor/tuptable.h"
#include "utils/numeric.h"

#include "calendar.h"

typedef enum GuardedColumn
{
	VALUE_COLUMN,
	UNIT_COLUMN,
	PERIOD_COLUMN,
	PRODUCT_LINE_COLUMN, /* may be missing */
	GUARDED_COLUMNS
} GuardedColumn;

/* A guarded table, or a partition of one, as it is now. */
typedef struct GuardedTable
{
	Oid relid;  /* the table that guard_table named */
	char *name; /* its name, quoted and qualified */
	char *column[GUARDED_COLUMNS];
	AttrNumber number[GUARDED_COLUMNS]; /* in the relation that was opened */
	Oid type[GUARDED_COLUMNS];          /* domains seen through */
	Grain grain;
	Datum grain_name;
	Datum measure;
	Datum zone;
	int fiscal_start_month;
} GuardedTable;

/* What a row says.  Its key is everything but the value. */
typedef struct GuardedRow
{
	char *unit_ref;
	char *product_line; /* "": none */
	DateADT period_start;
	Numeric value;
} GuardedRow;

/* guard_table.c */
extern GuardedTable *calib_guarded_table(Oid table, Relation relation);
extern Numeric calib_guarded_number(Datum value, Oid type);
extern const char *calib_guarded_key_text(const GuardedRow *row);

/* mirror.c */
extern void calib_mirror_insert(const GuardedTable *table,
                                const GuardedRow *row);
extern void calib_mirror_update(const GuardedTable *table,
                                const GuardedRow *old, const GuardedRow *new);
extern void calib_mirror_delete(const GuardedTable *table,
                                const GuardedRow *row);
extern bool calib_is_mirrored(int64 target_id);

/* write_back.c */
extern bool calib_is_written_back(int64 target_id);
extern void calib_refuse_stored_value(const GuardedTable *table,
                                      const GuardedRow *row, Numeric target,
                                      Numeric stored);

#endif /* CALIB_GUARD_TABLE_H */
