/*
 * place.c
 *		Places in a quarter: how many adjustments a unit has left.
 *
 * A place is free, pending (held by what is submitted) or used (filed).  The
 * quarter's limit is one atomic statement on one budget row: whoever comes
 * second waits there and then sees what the first left (READ COMMITTED), or
 * fails with 40001 and finds KC002 when it tries again.
 *
 * Locks are taken in one order everywhere: targets by unit and period
 * (CALIB_LOCK_ORDER), each with its adjustment, then budget rows by their key;
 * filing comes to agreements, which are per unit and period, in the order of
 * its targets.  Who needs several budget rows
 * locks them beforehand (calib_lock_places); so no two of the workflow's steps
 * wait for each other.
 *
 * Everything here writes calib.budget and is called through the door.
 */
#include "guard.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#define ONE_MORE " OPERATOR(pg_catalog.+) 1"
#define ONE_LESS " OPERATOR(pg_catalog.-) 1"
#define THIS_BUDGET                                 \
	" WHERE b.unit_id OPERATOR(pg_catalog.=) $1"    \
	" AND b.measure OPERATOR(pg_catalog.=) $2"      \
	" AND b.product_line OPERATOR(pg_catalog.=) $3" \
	" AND b.quarter_start OPERATOR(pg_catalog.=) $4"

/* One more pending, or one more used, where used and pending leave room. */
#define TAKE(column)                                               \
	"INSERT INTO calib.budget AS b"                                \
	" (unit_id, measure, product_line, quarter_start, " column ")" \
	" SELECT $1, $2, $3, $4, 1 WHERE $5 OPERATOR(pg_catalog.>) 0"  \
	" ON CONFLICT (unit_id, measure, product_line, quarter_start)" \
	" DO UPDATE SET " column " = b." column ONE_MORE               \
	" WHERE b.used OPERATOR(pg_catalog.+) b.pending"               \
	" OPERATOR(pg_catalog.<) $5"

/* Runs a statement on one budget row; whether it touched it. */
static bool
touch_budget(SPIPlanPtr *kept, const char *statement, const Target *target,
             DateADT quarter, int limit)
{
	Oid types[5] = {INT8OID, TEXTOID, TEXTOID, DATEOID, INT4OID};
	Datum values[5] = {Int64GetDatum(target->unit_id),
	                   CStringGetTextDatum(target->measure),
	                   CStringGetTextDatum(target->product_line),
	                   DateADTGetDatum(quarter), Int32GetDatum(limit)};

	calib_execute_kept(kept, statement, 5, types, values, NULL, false, 0);
	return SPI_processed == 1;
}

static void
refuse(const Target *target, DateADT quarter, const Policy *policy)
{
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_NO_ADJUSTMENT_LEFT),
	         errmsg("no adjustment left in the quarter"),
	         errdetail("%s: the quarter from %s allows %d.",
	                   calib_target_text(target), calib_date_text(quarter),
	                   policy->max_adjustments),
	         errhint("calib.adjustment_budget shows what is used and pending; "
	                 "the next quarter has its own.")));
}

/* A year's target spends the quarter in which it is changed. */
DateADT
calib_spent_quarter(const Target *target, const Calendar *calendar)
{
	DateADT day =
	    target->grain == GRAIN_YEAR ? calendar->today : target->period_start;

	return calib_period_start(day, GRAIN_QUARTER,
	                          calendar->fiscal_start_month);
}

/* Takes a free place, to hold it or to use it at once. */
void
calib_take_place(const Target *target, DateADT quarter, const Policy *policy,
                 bool pending)
{
	static SPIPlanPtr hold = NULL;
	static SPIPlanPtr use = NULL;
	bool taken = pending ? touch_budget(&hold, TAKE("pending"), target,
	                                    quarter, policy->max_adjustments)
	                     : touch_budget(&use, TAKE("used"), target, quarter,
	                                    policy->max_adjustments);

	if (!taken)
		refuse(target, quarter, policy);
}

static void
give_back(const Target *target, DateADT quarter)
{
	static SPIPlanPtr kept = NULL;

	if (!touch_budget(&kept,
	                  "UPDATE calib.budget b SET pending = b.pending" ONE_LESS
	                      THIS_BUDGET " AND $5 OPERATOR(pg_catalog.=) 0",
	                  target, quarter, 0))
		elog(ERROR, "the budget of unit " INT64_FORMAT " holds no such place",
		     target->unit_id);
}

/*
 * The place that was held becomes used: under today's limit, but others that
 * are pending do not count against it, for this one held its own as they do.
 * In another quarter (a year's target) it needs a free one.
 */
void
calib_use_place(const Target *target, DateADT held, DateADT quarter,
                const Policy *policy)
{
	static SPIPlanPtr kept = NULL;

	if (held != quarter)
	{
		give_back(target, held);
		calib_take_place(target, quarter, policy, false);
		return;
	}
	if (!touch_budget(&kept,
	                  "UPDATE calib.budget b SET used = b.used" ONE_MORE
	                  ", pending = b.pending" ONE_LESS THIS_BUDGET
	                  " AND b.used OPERATOR(pg_catalog.<) $5",
	                  target, quarter, policy->max_adjustments))
		refuse(target, quarter, policy);
}

void
calib_give_place_back(int64 adjustment_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(adjustment_id)};

	calib_execute(
	    "UPDATE calib.budget b SET pending = b.pending" ONE_LESS
	    " FROM calib.adjustment a JOIN calib.target t"
	    " ON t.target_id OPERATOR(pg_catalog.=) a.target_id"
	    " WHERE a.adjustment_id OPERATOR(pg_catalog.=) $1"
	    " AND b.unit_id OPERATOR(pg_catalog.=) t.unit_id"
	    " AND b.measure OPERATOR(pg_catalog.=) t.measure"
	    " AND b.product_line OPERATOR(pg_catalog.=) t.product_line"
	    " AND b.quarter_start OPERATOR(pg_catalog.=) a.quarter_start",
	    1, types, values, NULL, false, 0);
	if (SPI_processed != 1)
		elog(ERROR, "adjustment " INT64_FORMAT " holds no place",
		     adjustment_id);
}

/*
 * Locks the budget rows of targets (bigint[]) in quarters (date[], beside
 * them) in the order of their key, and makes those that are not there.  DO
 * UPDATE locks a row even where its WHERE leaves it as it is.
 */
void
calib_lock_places(Datum target_ids, Datum quarters)
{
	Oid types[2] = {INT8ARRAYOID, DATEARRAYOID};
	Datum values[2] = {target_ids, quarters};

	calib_execute(
	    "INSERT INTO calib.budget AS b (unit_id, measure, product_line, "
	    "quarter_start)"
	    " SELECT DISTINCT t.unit_id, t.measure, t.product_line, k.quarter"
	    " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
	    " k(target_id, quarter) JOIN calib.target t"
	    " ON t.target_id OPERATOR(pg_catalog.=) k.target_id"
	    " ORDER BY 1, 2, 3, 4"
	    " ON CONFLICT (unit_id, measure, product_line, quarter_start)"
	    " DO UPDATE SET used = b.used WHERE false",
	    2, types, values, NULL, false, 0);
}
