/*
 * feed_destination.c
 *		What facts may become: one table of destinations and their columns.
 *
 * The statements of feed_text.c and feed_enter.c are written from it, so that
 * a column stands in one place.
 */
#include "feed_text.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* The lines of a batch for the target of line g */
#define SAME_TARGET                                                     \
	" OVER (PARTITION BY COALESCE(a_unit.unit_id, t_unit.unit_id),"     \
	" COALESCE(g.measure, 'collection'), COALESCE(g.product_line, '')," \
	" COALESCE(g.grain, 'quarter'), g.period_start)"

static const Destination destinations[] = {
    {"unit",
     true,
     NULL,
     " WHEN g.kind NOT IN ('company', 'region', 'team', 'rep')"
     " THEN '23514' || pg_catalog.format('kind \"%s\" is not known', g.kind)",
     {{"external_ref", TEXTOID, REQUIRED, "external_ref", NULL},
      {"name", TEXTOID, REQUIRED, "name", NULL},
      {"kind", TEXTOID, 0, "kind", "COALESCE(r.kind, 'rep')"},
      {"parent", TEXTOID, UNIT_REF, "parent_id", NULL},
      {"peer_group", TEXTOID, 0, "peer_group", NULL},
      {"active_from", DATEOID, 0, "active",
       "pg_catalog.daterange(r.active_from, r.active_to)"},
      {"active_to", DATEOID, 0, NULL, NULL}}},
    {"customer",
     true,
     " LEFT JOIN calib.tier tier ON tier.tier" EQ "g.tier",
     " WHEN g.tier IS NOT NULL AND tier.tier IS NULL"
     " THEN '23503' || pg_catalog.format('tier \"%s\" is not known', g.tier)"
     " WHEN NOT pg_catalog.isfinite(g.created_at)"
     " THEN '22008created_at is not finite'",
     {{"external_ref", TEXTOID, REQUIRED, "external_ref", NULL},
      {"name", TEXTOID, REQUIRED, "name", NULL},
      {"unit", TEXTOID, UNIT_REF, "unit_id", NULL},
      {"tier", TEXTOID, 0, "tier", NULL},
      {"channel", TEXTOID, 0, "channel", NULL},
      {"created_at", TIMESTAMPTZOID, CLOCK_BY_DEFAULT, "created_at",
       "COALESCE(r.created_at, $2)"}}},
    {"opportunity",
     true,
     " LEFT JOIN calib.stage stage ON stage.stage" EQ "g.stage",
     " WHEN stage.stage IS NULL"
     " THEN '23503' || pg_catalog.format('stage \"%s\" is not known', g.stage)"
     " WHEN g.outcome NOT IN ('open', 'won', 'lost')"
     " THEN '23514' || pg_catalog.format('outcome \"%s\" is not known',"
     " g.outcome)"
     " WHEN (COALESCE(g.outcome, 'open')" EQ "'open')" NE
     "(g.closed_at IS NULL)"
     " THEN '23514closed_at must be known exactly where the outcome is not "
     "open'",
     {{"external_ref", TEXTOID, REQUIRED, "external_ref", NULL},
      {"unit", TEXTOID, REQUIRED | UNIT_REF, "unit_id", NULL},
      {"customer", TEXTOID, CUSTOMER_REF, "customer_id", NULL},
      {"product_line", TEXTOID, 0, "product_line",
       "COALESCE(r.product_line, '')"},
      {"stage", TEXTOID, REQUIRED, "stage", NULL},
      {"stage_since", TIMESTAMPTZOID, CLOCK_BY_DEFAULT, "stage_since",
       "COALESCE(r.stage_since, $2)"},
      {"amount", NUMERICOID, 0, "amount", NULL},
      {"outcome", TEXTOID, 0, "outcome", "COALESCE(r.outcome, 'open')"},
      {"created_at", TIMESTAMPTZOID, CLOCK_BY_DEFAULT, "created_at",
       "COALESCE(r.created_at, $2)"},
      {"closed_at", TIMESTAMPTZOID, 0, "closed_at", NULL}}},
    {"stage_change",
     false,
     NULL,
     NULL,
     {{"external_id", TEXTOID, REQUIRED, "external_id", NULL},
      {"opportunity", TEXTOID, REQUIRED | OPPORTUNITY_REF, "opportunity_id",
       NULL},
      {"stage", TEXTOID, REQUIRED, "to_stage", NULL},
      {"changed_at", TIMESTAMPTZOID, REQUIRED, "changed_at", NULL}}},
    {"activity",
     false,
     " LEFT JOIN calib.activity_kind kind ON kind.kind" EQ "g.kind",
     " WHEN kind.kind IS NULL"
     " THEN '23503' || pg_catalog.format('kind \"%s\" is not known', g.kind)"
     " WHEN NOT pg_catalog.isfinite(g.occurred_at)"
     " THEN '22008occurred_at is not finite'"
     " WHEN g.occurred_at OPERATOR(pg_catalog.<)"
     " (SELECT calib.activity_kept_from())"
     " THEN 'KC008activities of that time are no longer kept'"
     " WHEN NOT pg_catalog.isfinite(g.recorded_at)"
     " THEN '22008recorded_at is not finite'"
     " WHEN NOT (g.quantity OPERATOR(pg_catalog.>=) 0"
     " AND g.quantity OPERATOR(pg_catalog.<) 'Infinity')"
     " THEN '22003' || pg_catalog.format('quantity %s is out of range',"
     " g.quantity)",
     {{"external_id", TEXTOID, REQUIRED, "external_id", NULL},
      {"unit", TEXTOID, REQUIRED | UNIT_REF | REDATES, "unit_id", NULL},
      {"customer", TEXTOID, CUSTOMER_REF | REDATES, "customer_id", NULL},
      {"opportunity", TEXTOID, OPPORTUNITY_REF, "opportunity_id", NULL},
      {"product_line", TEXTOID, 0, "product_line",
       "COALESCE(r.product_line, '')"},
      {"kind", TEXTOID, REQUIRED | REDATES, "kind", NULL},
      {"outcome", TEXTOID, 0, "outcome", NULL},
      {"occurred_at", TIMESTAMPTZOID, REQUIRED | REDATES, "occurred_at", NULL},
      {"due_at", TIMESTAMPTZOID, 0, "due_at", NULL},
      {"quantity", FLOAT8OID, REDATES, "quantity", "COALESCE(r.quantity, 1)"},
      {"recorded_at", TIMESTAMPTZOID, CLOCK_BY_DEFAULT, "recorded_at",
       "COALESCE(r.recorded_at, $2)"}}},
    {"result",
     false,
     NULL,
     " WHEN g.measure" EQ "''"
     " THEN '23514measure is empty'"
     " WHEN NOT pg_catalog.isfinite(g.occurred_at)"
     " THEN '22008occurred_at is not finite'"
     " WHEN NOT pg_catalog.isfinite(g.recorded_at)"
     " THEN '22008recorded_at is not finite'"
     " WHEN g.amount IN ('NaN', 'Infinity', '-Infinity')"
     " THEN '22003' || pg_catalog.format('amount %s is out of range',"
     " g.amount)",
     {{"external_id", TEXTOID, REQUIRED, "external_id", NULL},
      {"unit", TEXTOID, REQUIRED | UNIT_REF | REDATES, "unit_id", NULL},
      {"customer", TEXTOID, CUSTOMER_REF | REDATES, "customer_id", NULL},
      {"measure", TEXTOID, 0, "measure", "COALESCE(r.measure, 'collection')"},
      {"product_line", TEXTOID, 0, "product_line",
       "COALESCE(r.product_line, '')"},
      {"occurred_at", TIMESTAMPTZOID, REQUIRED | REDATES, "occurred_at", NULL},
      {"amount", NUMERICOID, REQUIRED | REDATES, "amount", NULL},
      {"recorded_at", TIMESTAMPTZOID, CLOCK_BY_DEFAULT, "recorded_at",
       "COALESCE(r.recorded_at, $2)"}}},
    {"receivable",
     false,
     NULL,
     NULL,
     {{"external_id", TEXTOID, REQUIRED, "external_id", NULL},
      {"customer", TEXTOID, REQUIRED | CUSTOMER_REF, "customer_id", NULL},
      {"amount", NUMERICOID, 0, "amount", NULL},
      {"due_on", DATEOID, REQUIRED, "due_on", NULL},
      {"settled_on", DATEOID, 0, "settled_on", NULL}}},
    {"target",
     true,
     " LEFT JOIN calib.target e ON e.unit_id" EQ
     "COALESCE(a_unit.unit_id, t_unit.unit_id)"
     " AND e.measure" EQ "COALESCE(g.measure, 'collection')"
     " AND e.product_line" EQ "COALESCE(g.product_line, '')"
     " AND e.grain" EQ "COALESCE(g.grain, 'quarter')"
     " AND e.period_start" EQ "g.period_start",
     " WHEN NOT (g.value OPERATOR(pg_catalog.>) 0"
     " AND g.value OPERATOR(pg_catalog.<) 'Infinity')"
     " THEN '23514' || pg_catalog.format('value %s is not above 0 and finite',"
     " g.value)"
     " WHEN pg_catalog.min(g.value)" SAME_TARGET NE
     "pg_catalog.max(g.value)" SAME_TARGET
     " THEN '23505' || pg_catalog.format("
     "'this target is from %s to %s in %s lines', "
     "pg_catalog.min(g.value)" SAME_TARGET
     ", pg_catalog.max(g.value)" SAME_TARGET
     ", pg_catalog.count(*)" SAME_TARGET ")"
     " WHEN e.value" NE "g.value AND e.original_value" NE "g.value"
     " AND (e.published_at IS NOT NULL"
     " OR e.period_start OPERATOR(pg_catalog.<=) calib.today())"
     " THEN 'KC004' || pg_catalog.format("
     "'target %s is %s and does not become %s', e.target_id, e.value,"
     " g.value)",
     {{"external_ref", TEXTOID, REQUIRED, "external_ref", NULL},
      {"unit", TEXTOID, REQUIRED | UNIT_REF, "unit_id", NULL},
      {"measure", TEXTOID, 0, "measure", "COALESCE(r.measure, 'collection')"},
      {"product_line", TEXTOID, 0, "product_line",
       "COALESCE(r.product_line, '')"},
      {"grain", TEXTOID, 0, "grain", "COALESCE(r.grain, 'quarter')"},
      {"period_start", DATEOID, REQUIRED, "period_start", NULL},
      {"value", NUMERICOID, REQUIRED, "original_value", NULL}}}};

const Destination *
calib_destination(const char *name)
{
	for (size_t i = 0; i < lengthof(destinations); i++)
		if (strcmp(destinations[i].name, name) == 0)
			return &destinations[i];
	return NULL;
}

int
calib_canonical_count(const Destination *destination)
{
	int count = 0;

	while (count < MOST_CANONICAL && destination->column[count].name != NULL)
		count++;
	return count;
}

TupleDesc
calib_fact_desc(const Destination *destination)
{
	int count = calib_canonical_count(destination);
	TupleDesc desc = CreateTemplateTupleDesc(count + 1);
	int i;

	for (i = 0; i < count; i++)
		TupleDescInitEntry(desc, i + 1, destination->column[i].name,
		                   destination->column[i].type, -1, 0);
	TupleDescInitEntry(desc, count + 1, "calib_n", INT8OID, -1, 0);
	TupleDescFinalize(desc);
	return desc;
}

/* References -----------------------------------------------------------------
 */

const char *
calib_referred_table(int flags)
{
	if (flags & UNIT_REF)
		return "unit";
	if (flags & CUSTOMER_REF)
		return "customer";
	if (flags & OPPORTUNITY_REF)
		return "opportunity";
	return NULL;
}

/* A unit is never entered for a fact: who it is decides who sees the fact. */
bool
calib_may_be_stub(const Destination *destination,
                  const CanonicalColumn *column)
{
	if (column->flags & CUSTOMER_REF)
		return true;
	return (column->flags & OPPORTUNITY_REF) &&
	       strcmp(destination->name, "activity") == 0;
}

/* What a reference of the row aliased row resolves to, as an expression. */
char *
calib_resolved(const CanonicalColumn *column)
{
	const char *table = calib_referred_table(column->flags);

	if (column->flags & OPPORTUNITY_REF)
		return psprintf("t_%s.opportunity_id", column->name);
	return psprintf("COALESCE(a_%s.%s_id, t_%s.%s_id)", column->name, table,
	                column->name, table);
}

void
calib_add_reference_joins(StringInfo text, const CanonicalColumn *column,
                          const char *row)
{
	const char *table = calib_referred_table(column->flags);
	const char *name = column->name;

	if (!(column->flags & OPPORTUNITY_REF))
		appendStringInfo(text,
		                 " LEFT JOIN calib.%s_alias a_%s ON a_%s.source" EQ
		                 "$1 AND a_%s.external_ref" EQ "%s.%s",
		                 table, name, name, name, row, name);
	appendStringInfo(
	    text, " LEFT JOIN calib.%s t_%s ON t_%s.external_ref" EQ "%s.%s",
	    table, name, name, row, name);
}

bool
calib_takes_locked(const Destination *destination)
{
	return strcmp(destination->name, "activity") == 0 ||
	       strcmp(destination->name, "result") == 0 ||
	       strcmp(destination->name, "receivable") == 0;
}
