/*
 * ledger_trail.c
 *		The trail as a whole: rows that no block's list led to.
 *
 * The second pass of verify(); see ledger_verify.c.
 */
#include "ledger_check.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "audit.h"

static void
check_unsealed_row(Check *check, const LedgerRow *row, bool is_of_era)
{
	uint8 hash[HASH_LENGTH];

	if (!is_of_era && check->era_started)
	{
		calib_report_problem(check, 0,
		                     "row " INT64_FORMAT
		                     " is of an earlier era, which is closed, "
		                     "and in no block: it was inserted",
		                     calib_int8(row, AUDIT_ID));
		return;
	}
	if (!calib_hash_row(check, row, hash))
		calib_report_problem(
		    check, 0, "row " INT64_FORMAT ", in no block yet, was changed",
		    calib_int8(row, AUDIT_ID));
	else if (is_of_era &&
	         calib_int8(row, TRANSACTION_ID) >= check->next_transaction)
		calib_report_problem(
		    check, 0,
		    "row " INT64_FORMAT " is of transaction " INT64_FORMAT
		    ", which has not begun: it was inserted",
		    calib_int8(row, AUDIT_ID), calib_int8(row, TRANSACTION_ID));
}

/* Tells how many rows stand below their era's horizon. */
static int64
check_trail(Check *check)
{
	SysScanDesc scan = systable_beginscan(check->audit.heap, InvalidOid, false,
	                                      check->snapshot, 0, NULL);
	HeapTuple tuple;
	int64 sealed = 0;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		LedgerRow row;
		EraEnd *end = NULL;

		CHECK_FOR_INTERRUPTS();
		calib_deform(tuple, RelationGetDescr(check->audit.heap), &row);
		if (!row.isnull[ERA])
			end = calib_find_era(check, DatumGetUUIDP(row.values[ERA]));
		if (end != NULL && calib_int8(&row, TRANSACTION_ID) < end->horizon)
			sealed++;
		else
			check_unsealed_row(check, &row,
			                   calib_is_uuid(&row, ERA, &check->era));
	}
	systable_endscan(scan);
	return sealed;
}

static const char find_inserted_sql[] =
    "SELECT a.audit_id, b.block"
    " FROM (SELECT e.era, pg_catalog.max(e.horizon) AS horizon"
    " FROM calib.block e GROUP BY e.era) AS ended"
    " JOIN calib.audit a ON a.era OPERATOR(pg_catalog.=) ended.era"
    " AND a.transaction_id OPERATOR(pg_catalog.<) ended.horizon"
    " LEFT JOIN LATERAL (SELECT n.block, n.first_audit_id, n.last_audit_id, "
    "n.horizon_from"
    " FROM calib.block n WHERE n.era OPERATOR(pg_catalog.=) a.era"
    " AND n.horizon OPERATOR(pg_catalog.>) a.transaction_id"
    " ORDER BY n.horizon LIMIT 1) AS b"
    " ON b.horizon_from OPERATOR(pg_catalog.<=) a.transaction_id"
    " WHERE b.block IS NULL"
    " OR (a.audit_id NOT BETWEEN b.first_audit_id AND b.last_audit_id"
    " AND NOT b.block OPERATOR(pg_catalog.=) ANY ($1))";

static void
report_inserted(Check *check, HeapTuple row, TupleDesc desc)
{
	bool isnull;
	int64 id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	Datum block = SPI_getbinval(row, desc, 2, &isnull);

	if (isnull)
		calib_report_problem(
		    check, 0,
		    "row " INT64_FORMAT " is below a horizon and in no block", id);
	else
		calib_report_problem(check, DatumGetInt64(block),
		                     "row " INT64_FORMAT " was inserted", id);
}

/*
 * Rows below a horizon that stand outside the span of the block they would be
 * in.  Only asked where the numbers say that there may be some; a block whose
 * own row was changed has no span to go by.
 */
static void
find_inserted(Check *check)
{
	Oid types[1] = {INT8ARRAYOID};
	Datum changed[1];
	Portal portal;
	uint64 i;

	changed[0] = check->changed == NULL
	                 ? PointerGetDatum(construct_empty_array(INT8OID))
	                 : makeArrayResult(check->changed, CurrentMemoryContext);
	SPI_connect();
	portal = SPI_cursor_open_with_args(NULL, find_inserted_sql, 1, types,
	                                   changed, NULL, true, 0);
	while (SPI_cursor_fetch(portal, true, 1000), SPI_processed > 0)
	{
		for (i = 0; i < SPI_processed; i++)
			report_inserted(check, SPI_tuptable->vals[i],
			                SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
}

/*
 * The rows are met through the primary key, and counted without it.  One that
 * the key does not show may be read by anybody, and nobody has checked it.
 */
void
calib_check_counts(Check *check)
{
	int64 sealed = check_trail(check);

	if (sealed == check->rows_in_place)
		return;
	find_inserted(check);
	if (check->problems == 0)
		calib_report_problem(
		    check, 0,
		    "the trail has " INT64_FORMAT
		    " rows below the horizons, and its primary key shows " INT64_FORMAT
		    ": REINDEX INDEX calib.audit_pkey, and verify "
		    "again",
		    sealed, check->rows_in_place);
}

/* SELECT shows the rows of children as well, and they are in no block. */
void
calib_check_children(Check *check, const char *table)
{
	if (find_inheritance_children(calib_member_relation(table), NoLock) != NIL)
		calib_report_problem(
		    check, 0,
		    "table calib.%s has child tables, whose rows are not the "
		    "ledger's",
		    table);
}
