/*
 * mapping.c
 *		What a feed's mapping may say, and asking a feed's source.
 *
 * An expression of a mapping is pasted into queries on the source.  Before
 * that it is parsed alone, by PostgreSQL's own parser: what is one expression
 * there has its parentheses, quotes and comments closed, so that it cannot
 * reach beyond the place it is pasted into.
 */
#include "feed.h"

#include "catalog/pg_type.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/tuplestore.h"

static const char *const destinations[] = {
    "unit",     "customer", "opportunity", "stage_change",
    "activity", "result",   "receivable",  "target"};

/* What src/feed_destination.c has, for SQL to read. */
PG_FUNCTION_INFO_V1(calib_canonical_columns);
Datum
calib_canonical_columns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *answer = (ReturnSetInfo *) fcinfo->resultinfo;
	bool nulls[5] = {false};

	InitMaterializedSRF(fcinfo, 0);
	for (size_t d = 0; d < lengthof(destinations); d++)
	{
		const Destination *destination = calib_destination(destinations[d]);
		int count = calib_canonical_count(destination);

		for (int place = 0; place < count; place++)
		{
			const CanonicalColumn *column = &destination->column[place];
			Datum values[5] = {
			    CStringGetTextDatum(destination->name),
			    Int32GetDatum(place + 1), CStringGetTextDatum(column->name),
			    CStringGetTextDatum(format_type_be(column->type)),
			    BoolGetDatum(column->flags & REQUIRED)};

			tuplestore_putvalues(answer->setResult, answer->setDesc, values,
			                     nulls);
		}
	}
	return (Datum) 0;
}

pg_noreturn static void
refuse(const char *why)
{
	ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("%s", why)));
}

static bool
is_bare_select(const SelectStmt *select)
{
	return select->op == SETOP_NONE && select->distinctClause == NIL &&
	       select->intoClause == NULL && select->fromClause == NIL &&
	       select->whereClause == NULL && select->groupClause == NIL &&
	       select->havingClause == NULL && select->windowClause == NIL &&
	       select->valuesLists == NIL && select->sortClause == NIL &&
	       select->limitOffset == NULL && select->limitCount == NULL &&
	       select->lockingClause == NIL && select->withClause == NULL;
}

static bool
is_star(const Node *node)
{
	return IsA(node, ColumnRef) &&
	       IsA(llast(((const ColumnRef *) node)->fields), A_Star);
}

static void
check_expression(const char *expression)
{
	List *parsed = raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select;
	ResTarget *target;

	if (list_length(parsed) != 1)
		refuse("it is not one expression");
	select = (SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (!IsA(select, SelectStmt) || !is_bare_select(select))
		refuse("it is a query, not an expression (a sub-select stands in "
		       "parentheses)");
	if (list_length(select->targetList) != 1)
		refuse("it is not one expression");
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL || target->indirection != NIL)
		refuse("an expression has no name");
	if (is_star(target->val))
		refuse("it is not one expression");
}

PG_FUNCTION_INFO_V1(calib_check_expression);
Datum
calib_check_expression(PG_FUNCTION_ARGS)
{
	char *expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int settings = NewGUCNestLevel();

	/* as every later reader of the text will have it */
	(void) set_config_option("standard_conforming_strings", "on", PGC_USERSET,
	                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	check_expression(expression);
	AtEOXact_GUC(false, settings);
	PG_RETURN_VOID();
}

/* The receiver that detoasts does not compare types. */
static void
check_one_text(SPIPlanPtr plan)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));

	if (source->resultDesc == NULL || source->resultDesc->natts != 1 ||
	    TupleDescAttr(source->resultDesc, 0)->atttypid != TEXTOID)
		elog(ERROR, "the query's column is no text");
}

/*
 * The first column of a query on a feed's source, run as the mapping is: its
 * expressions are pasted into it. The rows go to a tuplestore, so that
 * millions of keys do not have to fit into memory.
 */
PG_FUNCTION_INFO_V1(calib_ask_source);
Datum
calib_ask_source(PG_FUNCTION_ARGS)
{
	Feed *feed = calib_feed_by_id(PG_GETARG_INT64(0));
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ReturnSetInfo *answer = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid types[1] = {TEXTARRAYOID};
	Datum values[1] = {PG_GETARG_DATUM(2)};
	SPIExecuteOptions options = {.must_return_tuples = true};
	SPIPlanPtr plan;
	CalibIdentity was;

	if (!calib_is_owners(feed))
		ThrowErrorData(calib_not_the_owner(feed));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, answer->setResult,
	                                answer->econtext->ecxt_per_query_memory,
	                                true, NULL, NULL);
	SPI_connect();
	calib_become_mapper(feed, &was);
	plan = SPI_prepare(query, 1, types);
	if (plan == NULL)
		elog(ERROR, "could not plan \"%s\": %s", query,
		     SPI_result_code_string(SPI_result));
	check_one_text(plan);
	options.params = makeParamList(1);
	options.params->params[0].value = values[0];
	options.params->params[0].isnull = false;
	options.params->params[0].ptype = types[0];
	options.params->params[0].pflags = PARAM_FLAG_CONST;
	SPI_execute_plan_extended(plan, &options);
	calib_become_self(&was);
	SPI_finish();
	return (Datum) 0;
}
