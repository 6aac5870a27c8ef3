/*
 * restore.c
 *		Restoring a dump over the rows CREATE EXTENSION brought along.
 *
 * pg_dump saves every row of a marked table, the seeded ones included, and
 * pg_restore creates the extension, with its seeds, before it loads rows.  So
 * under calib.restoring the first statement that writes a seeded table clears
 * its seeds: edited seeds come back edited, deleted ones stay deleted.  Which
 * tables still hold seeds is itself a table, changed in the same transaction:
 * nothing is remembered in the backend, and a failed restore is rolled back
 * whole.
 */
#include "calib.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

PG_FUNCTION_INFO_V1(calib_restore_seeds);
Datum
calib_restore_seeds(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = calib_trigger_data(fcinfo, "restore_seeds", NULL);
	Oid types[1] = {REGCLASSOID};
	Datum values[1];

	calib_check_member(trigger->tg_relation);
	if (!calib_restoring_setting)
		return PointerGetDatum(NULL);
	values[0] = ObjectIdGetDatum(RelationGetRelid(trigger->tg_relation));
	SPI_connect();
	SPI_execute_with_args("SELECT calib.clear_seeds($1)", 1, types, values,
	                      NULL, false, 0);
	SPI_finish();
	return PointerGetDatum(NULL);
}
