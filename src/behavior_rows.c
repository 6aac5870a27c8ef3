/*
 * behavior_rows.c
 *		A calib.behavior taken apart into rows.
 */
#include "calib.h"

#include "behavior_set.h"
#include "behavior_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(calib_behavior_kind_counts);
PG_FUNCTION_INFO_V1(calib_behavior_customer_counts);
PG_FUNCTION_INFO_V1(calib_behavior_acts);

/* A value under way into rows */
typedef struct Rows
{
	BehaviorReader reader;
	ReturnSetInfo *result;
	BehaviorKind *kind;
	Datum *kind_name;
	int32 *day;
} Rows;

static void
corrupt(const Rows *rows)
{
	behavior_corrupt(ERRCODE_DATA_CORRUPTED, &rows->reader,
	                 rows->reader.problem);
}

/* A name in the encoding of the database */
static Datum
name_of(const BehaviorKind *kind)
{
	char *name =
	    pg_any_to_server(kind->name, (int) kind->name_length, PG_UTF8);
	int length =
	    name == kind->name ? (int) kind->name_length : (int) strlen(name);

	return PointerGetDatum(cstring_to_text_with_len(name, length));
}

static void
begin_rows(FunctionCallInfo fcinfo, Rows *rows)
{
	BehaviorReader *reader = &rows->reader;
	uint32 i;

	InitMaterializedSRF(fcinfo, 0);
	rows->result = (ReturnSetInfo *) fcinfo->resultinfo;
	behavior_value_open(reader, PG_GETARG_BYTEA_PP(0));
	rows->kind = palloc(sizeof(BehaviorKind) * (reader->header.kinds + 1));
	rows->kind_name = palloc(sizeof(Datum) * (reader->header.kinds + 1));
	rows->day = MemoryContextAllocHuge(CurrentMemoryContext,
	                                   sizeof(int32) *
	                                       ((Size) reader->header.days + 1));
	for (i = 0; i < reader->header.kinds; i++)
	{
		if (!behavior_read_kind(reader, &rows->kind[i]))
			corrupt(rows);
		rows->kind_name[i] = name_of(&rows->kind[i]);
	}
	if (!behavior_read_days(reader, rows->day))
		corrupt(rows);
}

static void
put_row(Rows *rows, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(rows->result->setResult, rows->result->setDesc,
	                     values, nulls);
}

Datum
calib_behavior_kind_counts(PG_FUNCTION_ARGS)
{
	Rows rows;
	uint32 i;

	begin_rows(fcinfo, &rows);
	for (i = 0; i < rows.reader.header.kinds; i++)
	{
		const BehaviorKind *kind = &rows.kind[i];
		Datum values[6];
		bool nulls[6] = {false};

		values[0] = rows.kind_name[i];
		values[1] = Int64GetDatum(kind->events);
		values[2] = Int64GetDatum(kind->distinct);
		values[3] = Int64GetDatum(kind->late);
		values[4] = Int64GetDatum(kind->late_distinct);
		values[5] = behavior_numeric(kind->quantity);
		put_row(&rows, values, nulls);
	}
	return (Datum) 0;
}

static void
put_customer(Rows *rows, const BehaviorCustomer *customer, bool no_customer)
{
	Datum values[3];
	bool nulls[3] = {no_customer, false, false};

	values[0] = Int64GetDatum(customer->customer);
	values[1] = Int64GetDatum(customer->events);
	values[2] = Int64GetDatum(customer->distinct);
	put_row(rows, values, nulls);
}

static void
put_customers_of_acts(Rows *rows)
{
	const BehaviorAct *act = &rows->reader.act;
	BehaviorCustomer customer = {0, 0, 0};
	BehaviorStep step;

	while ((step = behavior_next_act(&rows->reader)) == BEHAVIOR_ITEM)
	{
		customer.customer = act->customer;
		customer.events += act->on_time + act->late;
		customer.distinct++;
		if (rows->reader.within)
			continue;
		put_customer(rows, &customer, act->no_customer);
		customer.events = customer.distinct = 0;
	}
	if (step == BEHAVIOR_CORRUPT)
		corrupt(rows);
}

static void
put_customers_of_sums(Rows *rows)
{
	const BehaviorHeader *header = &rows->reader.header;
	BehaviorCustomer customer = {0, header->no_customer_events,
	                             header->no_customer_distinct};
	BehaviorStep step;

	if (header->no_customer_events > 0)
		put_customer(rows, &customer, true);
	while ((step = behavior_next_customer(&rows->reader, &customer)) ==
	       BEHAVIOR_ITEM)
		put_customer(rows, &customer, false);
	if (step == BEHAVIOR_CORRUPT)
		corrupt(rows);
}

Datum
calib_behavior_customer_counts(PG_FUNCTION_ARGS)
{
	Rows rows;

	begin_rows(fcinfo, &rows);
	if (rows.reader.header.detailed)
		put_customers_of_acts(&rows);
	else
		put_customers_of_sums(&rows);
	return (Datum) 0;
}

static void
put_act(Rows *rows)
{
	const BehaviorAct *act = &rows->reader.act;
	Datum values[5];
	bool nulls[5] = {act->no_customer, false, false, false, false};

	values[0] = Int64GetDatum(act->customer);
	values[1] = DateADTGetDatum(rows->day[act->day]);
	values[2] = rows->kind_name[act->kind];
	values[3] = Int64GetDatum(act->on_time + act->late);
	values[4] = Int64GetDatum(act->late);
	put_row(rows, values, nulls);
}

Datum
calib_behavior_acts(PG_FUNCTION_ARGS)
{
	Rows rows;
	BehaviorStep step;

	begin_rows(fcinfo, &rows);
	if (!rows.reader.header.detailed)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("this behavior keeps no acts"),
		         errdetail("With more than %d distinct events it keeps sums "
		                   "per kind and per customer, and the days.",
		                   BEHAVIOR_DETAIL_MAX),
		         errhint("Take the acts of its parts, or use "
		                 "calib.customer_counts() and "
		                 "calib.kind_counts().")));
	while ((step = behavior_next_act(&rows.reader)) == BEHAVIOR_ITEM)
		put_act(&rows);
	if (step == BEHAVIOR_CORRUPT)
		corrupt(&rows);
	return (Datum) 0;
}
