/*
 * feed_destination.c
 *		What facts may become, and the statements that take them.
 *
 * One table says which columns a fact of each destination has; the statements
 * are written from it, so that a column stands in one place.  They are set
 * based: one resolves all references of a batch by joins, sends what cannot
 * be taken to feed_error and the rest to its table.
 *
 * Every statement reads calib_fact, an ephemeral relation of the columns below
 * and calib_n, the row's place in the batch.
 */
#include "feed.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define NE " OPERATOR(pg_catalog.<>) "
#define CAT " OPERATOR(pg_catalog.||) "

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
	return desc;
}

/* References -----------------------------------------------------------------
 */

static const char *
referred_table(int flags)
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
static bool
may_be_stub(const Destination *destination, const CanonicalColumn *column)
{
	if (column->flags & CUSTOMER_REF)
		return true;
	return (column->flags & OPPORTUNITY_REF) &&
	       strcmp(destination->name, "activity") == 0;
}

/* What a reference of the row aliased row resolves to, as an expression. */
static char *
resolved(const CanonicalColumn *column)
{
	const char *table = referred_table(column->flags);

	if (column->flags & OPPORTUNITY_REF)
		return psprintf("t_%s.opportunity_id", column->name);
	return psprintf("COALESCE(a_%s.%s_id, t_%s.%s_id)", column->name, table,
	                column->name, table);
}

static void
add_reference_joins(StringInfo text, const CanonicalColumn *column,
                    const char *row)
{
	const char *table = referred_table(column->flags);
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

/* The batch ------------------------------------------------------------------
 * $1 source, $2 clock, $3 whether this is the last try, $4 customers,
 * $5 opportunities and $6 keys somebody else is entering, $7 whether to enter
 * unknown ones.
 */

static const char *
lost_parameter(const CanonicalColumn *column)
{
	return column->flags & CUSTOMER_REF      ? "$4"
	       : column->flags & OPPORTUNITY_REF ? "$5"
	                                         : "$6";
}

static void
add_reference_problem(StringInfo text, const CanonicalColumn *column)
{
	const char *table = referred_table(column->flags);

	appendStringInfo(
	    text,
	    " WHEN g.%s IS NOT NULL AND %s IS NULL THEN CASE WHEN g.%s" EQ
	    "ANY (%s) THEN '55P03' || pg_catalog.format("
	    "'%s \"%%s\" is being entered elsewhere', g.%s)"
	    " ELSE '23503' || pg_catalog.format('%s \"%%s\" is not known', g.%s)"
	    " END",
	    column->name, resolved(column), column->name, lost_parameter(column),
	    table, column->name, table, column->name);
}

static void
add_problems(StringInfo text, const Destination *destination)
{
	int count = calib_canonical_count(destination);
	const char *key = destination->column[0].name;
	int i;

	appendStringInfoString(text, ", CASE");
	for (i = 0; i < count; i++)
		if (destination->column[i].flags & REQUIRED)
			appendStringInfo(text, " WHEN g.%s IS NULL THEN '23502%s is null'",
			                 destination->column[i].name,
			                 destination->column[i].name);
	if (destination->is_master)
		appendStringInfo(text,
		                 " WHEN g.%s" EQ "ANY ($6) THEN '55P03' ||"
		                 " pg_catalog.format("
		                 "'%s \"%%s\" is being entered elsewhere', g.%s)",
		                 key, destination->name, key);
	for (i = 0; i < count; i++)
		if (referred_table(destination->column[i].flags) != NULL)
			add_reference_problem(text, &destination->column[i]);
	if (destination->checks != NULL)
		appendStringInfoString(text, destination->checks);
	appendStringInfoString(text, " END AS problem");
}

/*
 * Whether something must be entered first, under locks: then nothing of the
 * batch is written yet.
 */
static void
add_blocked(StringInfo text, const Destination *destination)
{
	int count = calib_canonical_count(destination);
	int i;

	appendStringInfoString(text, ", NOT $3 AND (false");
	for (i = 0; i < count; i++)
		if (may_be_stub(destination, &destination->column[i]))
			appendStringInfo(text,
			                 " OR $7 AND g.%s IS NOT NULL AND %s IS NULL",
			                 destination->column[i].name,
			                 resolved(&destination->column[i]));
	if (strcmp(destination->name, "unit") == 0)
		appendStringInfoString(
		    text, " OR e.unit_id IS NULL OR e.parent_id"
		          " IS DISTINCT FROM"
		          " COALESCE(a_parent.unit_id, t_parent.unit_id)");
	else if (destination->is_master &&
	         strcmp(destination->name, "target") != 0)
		appendStringInfo(text, " OR e.%s_id IS NULL", destination->name);
	appendStringInfoString(text, ") AS blocked");
}

static void
add_resolved(StringInfo text, const Destination *destination)
{
	int count = calib_canonical_count(destination);
	bool is_target = strcmp(destination->name, "target") == 0;
	int i;

	appendStringInfoString(text, "WITH resolved AS MATERIALIZED (SELECT g.*");
	for (i = 0; i < count; i++)
		if (referred_table(destination->column[i].flags) != NULL)
			appendStringInfo(text, ", %s AS %s_id",
			                 resolved(&destination->column[i]),
			                 destination->column[i].name);
	if (is_target)
		appendStringInfoString(text, ", e.target_id, e.value AS old_value,"
		                             " e.original_value AS old_original");
	add_problems(text, destination);
	add_blocked(text, destination);
	appendStringInfoString(text, " FROM calib_fact g");
	for (i = 0; i < count; i++)
		if (referred_table(destination->column[i].flags) != NULL)
			add_reference_joins(text, &destination->column[i], "g");
	if (destination->is_master && !is_target)
		appendStringInfo(text,
		                 " LEFT JOIN calib.%s e ON e.external_ref" EQ
		                 "g.external_ref",
		                 destination->name);
	if (destination->joins != NULL)
		appendStringInfoString(text, destination->joins);
	appendStringInfoString(text, ")");
}

#define NOTHING_BLOCKED "NOT EXISTS (SELECT FROM resolved b WHERE b.blocked)"
#define ALL_GOES "(SELECT s.goes FROM state s)"

/* Large batches --------------------------------------------------------------
 * The foreign keys of a table are checked row by row, which costs more than
 * the rows do.  A large batch locks each row it refers to once, as those
 * checks would, and is then inserted with the checks asleep.  Where one of the
 * rows is gone meanwhile nothing is inserted, and the batch resolved again.
 */

bool
calib_takes_locked(const Destination *destination)
{
	return strcmp(destination->name, "activity") == 0 ||
	       strcmp(destination->name, "result") == 0 ||
	       strcmp(destination->name, "receivable") == 0;
}

static void
add_lock(StringInfo text, StringInfo all, const char *name, const char *wanted,
         const char *type, const char *table, const char *key)
{
	appendStringInfo(
	    text,
	    ", want_%s AS MATERIALIZED (SELECT ARRAY(SELECT DISTINCT r.%s"
	    " FROM resolved r WHERE r.problem IS NULL AND r.%s IS NOT NULL) AS"
	    " all_of), lock_%s AS MATERIALIZED (SELECT FROM calib.%s l"
	    " WHERE l.%s" EQ "ANY ((SELECT w.all_of FROM want_%s w)::%s[])"
	    " FOR KEY SHARE OF l)",
	    name, wanted, wanted, name, table, key, name, type);
	appendStringInfo(all,
	                 " AND (SELECT pg_catalog.cardinality(w.all_of)"
	                 " FROM want_%s w)" EQ
	                 "(SELECT pg_catalog.count(*) FROM lock_%s)",
	                 name, name);
}

static void
add_locks(StringInfo text, StringInfo all, const Destination *destination)
{
	int count = calib_canonical_count(destination);
	int i;

	for (i = 0; i < count; i++)
	{
		const CanonicalColumn *column = &destination->column[i];
		const char *table = referred_table(column->flags);

		if (table != NULL)
			add_lock(text, all, column->name, psprintf("%s_id", column->name),
			         "pg_catalog.int8", table, psprintf("%s_id", table));
	}
	if (strcmp(destination->name, "activity") == 0)
		add_lock(text, all, "kind", "kind", "pg_catalog.text", "activity_kind",
		         "kind");
}

/* Whether anything of the batch is written, and whether all it refers to is
 * still there. */
static void
add_state(StringInfo text, const Destination *destination, bool locked)
{
	StringInfoData all;

	initStringInfo(&all);
	if (locked)
		add_locks(text, &all, destination);
	appendStringInfo(text,
	                 ", state AS MATERIALIZED (SELECT s.held,"
	                 " s.held AND " NOTHING_BLOCKED
	                 " AS goes FROM (SELECT true%s AS held) s)",
	                 all.data);
}

static void
add_value(StringInfo text, const CanonicalColumn *column)
{
	if (column->value != NULL)
		appendStringInfoString(text, column->value);
	else if (referred_table(column->flags) != NULL)
		appendStringInfo(text, "r.%s_id", column->name);
	else
		appendStringInfo(text, "r.%s", column->name);
}

/* Whether a column changes when a fact comes again. */
static bool
is_set(const Destination *destination, int mapped, int i)
{
	const CanonicalColumn *column = &destination->column[i];

	if (i == 0 || column->into == NULL)
		return false;
	if (strcmp(column->into, "active") == 0)
		return (mapped & (3 << i)) != 0;
	return (mapped & (1 << i)) != 0;
}

static void
add_list(StringInfo text, const Destination *destination, int mapped,
         const char *table, int flags)
{
	int count = calib_canonical_count(destination);
	const char *between = "";
	int i;

	appendStringInfoString(text, "ROW(");
	for (i = 0; i < count; i++)
	{
		const CanonicalColumn *column = &destination->column[i];

		if (!is_set(destination, mapped, i) ||
		    (column->flags & CLOCK_BY_DEFAULT) ||
		    (column->flags & flags) != flags)
			continue;
		appendStringInfo(text, "%s%s.%s", between, table, column->into);
		between = ", ";
	}
	appendStringInfoString(text, ")");
}

static void
add_changed(StringInfo text, const Destination *destination, int mapped,
            int flags)
{
	add_list(text, destination, mapped, "t", flags);
	appendStringInfoString(text, " IS DISTINCT FROM ");
	add_list(text, destination, mapped, "excluded", flags);
}

static void
add_set(StringInfo text, const Destination *destination, int mapped, int i)
{
	const CanonicalColumn *column = &destination->column[i];

	if (!(column->flags & CLOCK_BY_DEFAULT))
	{
		appendStringInfo(text, "%s = excluded.%s", column->into, column->into);
		return;
	}
	appendStringInfo(text,
	                 "%s = CASE WHEN excluded.%s" NE "$2 THEN excluded.%s",
	                 column->into, column->into, column->into);
	if (strcmp(column->into, "recorded_at") == 0)
	{
		appendStringInfoString(text, " WHEN ");
		add_changed(text, destination, mapped, REDATES);
		appendStringInfoString(text, " THEN $2");
	}
	appendStringInfo(text, " ELSE t.%s END", column->into);
}

static void
add_conflict(StringInfo text, const Destination *destination, int mapped,
             FeedHow how)
{
	int count = calib_canonical_count(destination);
	const char *between = "";
	int i;

	if (how == FEED_NEW)
		return;
	if (how != FEED_UPSERT)
	{
		appendStringInfoString(text, " ON CONFLICT DO NOTHING");
		return;
	}
	appendStringInfo(text, " ON CONFLICT (%s) DO UPDATE SET ",
	                 destination->is_master ? "external_ref"
	                                        : "source, external_id");
	for (i = 0; i < count; i++)
	{
		bool recorded =
		    destination->column[i].into != NULL &&
		    strcmp(destination->column[i].into, "recorded_at") == 0;

		if (!recorded && !is_set(destination, mapped, i))
			continue;
		appendStringInfoString(text, between);
		add_set(text, destination, mapped, i);
		between = ", ";
	}
	appendStringInfoString(text, " WHERE ");
	add_changed(text, destination, mapped, 0);
	for (i = 0; i < count; i++)
		if ((destination->column[i].flags & CLOCK_BY_DEFAULT) &&
		    (mapped & (1 << i)))
			appendStringInfo(
			    text, " OR excluded.%s" NE "$2 AND excluded.%s" NE "t.%s",
			    destination->column[i].into, destination->column[i].into,
			    destination->column[i].into);
}

/* The facts without a problem, one per key: the last of the batch. */
static void
add_insert(StringInfo text, const Destination *destination, int mapped,
           FeedHow how)
{
	int count = calib_canonical_count(destination);
	const char *key = destination->column[0].name;
	bool is_target = strcmp(destination->name, "target") == 0;
	int i;

	appendStringInfo(text, "INSERT INTO calib.%s AS t (%s", destination->name,
	                 destination->is_master ? "" : "source, ");
	for (i = 0; i < count; i++)
		if (destination->column[i].into != NULL)
			appendStringInfo(text, "%s%s", i > 0 ? ", " : "",
			                 destination->column[i].into);
	appendStringInfo(text,
	                 ") SELECT DISTINCT ON (r.%s COLLATE pg_catalog.\"C\") %s",
	                 key, destination->is_master ? "" : "$1, ");
	for (i = 0; i < count; i++)
	{
		if (destination->column[i].into == NULL)
			continue;
		if (i > 0)
			appendStringInfoString(text, ", ");
		add_value(text, &destination->column[i]);
	}
	appendStringInfo(text,
	                 " FROM resolved r WHERE r.problem IS NULL%s AND %s"
	                 " ORDER BY r.%s COLLATE pg_catalog.\"C\","
	                 " r.calib_n DESC",
	                 is_target ? " AND r.target_id IS NULL" : "",
	                 how == FEED_ENTER ? "true" : ALL_GOES, key);
	add_conflict(text, destination, mapped, is_target ? FEED_FILL : how);
}

/* A draft is corrected; what binds had a problem. */
static void
add_drafts(StringInfo text)
{
	appendStringInfoString(
	    text,
	    ", draft AS (UPDATE calib.target t SET original_value = r.value,"
	    " value = r.value FROM resolved r WHERE t.target_id" EQ "r.target_id"
	    " AND r.problem IS NULL AND " ALL_GOES " AND r.old_value" NE "r.value"
	    " AND r.old_original" NE "r.value)");
}

static void
add_fact(StringInfo text, const Destination *destination, const char *row)
{
	int count = calib_canonical_count(destination);
	int i;

	appendStringInfoString(
	    text, "pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(");
	for (i = 0; i < count; i++)
		appendStringInfo(text, "%s'%s', %s.%s", i > 0 ? ", " : "",
		                 destination->column[i].name, row,
		                 destination->column[i].name);
	appendStringInfoString(text, "))");
}

/*
 * Errors the batch's keys had before go: of those that fail again, the first
 * time and the count go on in the new row.  Where somebody else holds one it
 * is left to a later try.
 */
static void
add_old_errors(StringInfo text, const Destination *destination,
               const char *rows, const char *condition)
{
	appendStringInfo(
	    text,
	    " old AS (DELETE FROM calib.feed_error o WHERE o.ctid" EQ
	    "ANY (ARRAY(SELECT e.ctid FROM calib.feed_error e WHERE e.source" EQ
	    "$1 AND e.destination" EQ "'%s' AND e.external_id IN"
	    " (SELECT k.%s FROM %s k) AND %s FOR UPDATE OF e SKIP LOCKED))"
	    " RETURNING o.external_id, o.first_at, o.tries),"
	    " before AS (SELECT o.external_id,"
	    " pg_catalog.min(o.first_at) AS first_at,"
	    " pg_catalog.max(o.tries) AS tries FROM old o GROUP BY o.external_id)",
	    destination->name, destination->column[0].name, rows, condition);
}

#define ERROR_COLUMNS                                                       \
	"INSERT INTO calib.feed_error (source, destination, external_id, fact," \
	" problem, detail, hint, sqlstate, first_at, last_at, tries) SELECT $1, "

static void
add_errors(StringInfo text, const Destination *destination)
{
	const char *key = destination->column[0].name;

	appendStringInfo(text, ", bad AS (" ERROR_COLUMNS "'%s', r.%s, ",
	                 destination->name, key);
	add_fact(text, destination, "r");
	appendStringInfo(
	    text,
	    ", pg_catalog.substr(r.problem, 6), NULL::pg_catalog.text,"
	    " CASE pg_catalog.left(r.problem, 5)"
	    " WHEN '55P03' THEN 'It is taken at the next pull.'"
	    " WHEN 'KC004' THEN 'A target changes by an adjustment: see"
	    " calib.submit_adjustment.'"
	    " WHEN '23503' THEN 'Enter it, or an alias for it; the next pull takes"
	    " the row.'"
	    " ELSE 'Correct the row in the source, or the mapping.' END,"
	    " pg_catalog.left(r.problem, 5),"
	    " COALESCE(b.first_at, n.moment), n.moment,"
	    " COALESCE(b.tries, 0) OPERATOR(pg_catalog.+) 1"
	    " FROM resolved r CROSS JOIN (SELECT pg_catalog.clock_timestamp()"
	    " AS moment) n LEFT JOIN before b ON b.external_id" EQ "r.%s"
	    " WHERE r.problem IS NOT NULL AND " ALL_GOES ")",
	    key);
}

/* Facts taken and failed, whether all waits, the first problem and its row,
 * for stage_change the opportunities touched, whether all was held, and
 * whether there are errors, old or new. */
static void
add_answer(StringInfo text, const Destination *destination)
{
	const char *key = destination->column[0].name;

	appendStringInfo(
	    text,
	    " SELECT pg_catalog.count(*) FILTER (WHERE r.problem IS NULL),"
	    " pg_catalog.count(r.problem), pg_catalog.bool_or(r.blocked),"
	    " pg_catalog.min((r.problem" CAT "pg_catalog.chr(31)" CAT
	    "COALESCE(r.%s, '')) COLLATE pg_catalog.\"C\"), ",
	    key);
	if (strcmp(destination->name, "stage_change") == 0)
		appendStringInfoString(
		    text, "pg_catalog.array_agg(DISTINCT r.opportunity_id)"
		          " OPERATOR(pg_catalog.||) ARRAY(SELECT s.opportunity_id"
		          " FROM calib.stage_change s WHERE s.source" EQ
		          "$1 AND s.external_id IN"
		          " (SELECT k.external_id FROM resolved k))");
	else
		appendStringInfoString(text, "NULL::pg_catalog.int8[]");
	appendStringInfo(text,
	                 ", (SELECT s.held FROM state s),"
	                 " pg_catalog.count(r.problem) OPERATOR(pg_catalog.>) 0"
	                 " OR EXISTS (SELECT FROM calib.feed_error e"
	                 " WHERE e.source" EQ "$1 AND e.destination" EQ "'%s'"
	                 " AND e.external_id IN (SELECT k.%s FROM resolved k))"
	                 " FROM resolved r",
	                 destination->name, key);
}

char *
calib_take_text(const Destination *destination, int mapped, FeedHow how,
                TakeShape shape)
{
	StringInfoData text;

	initStringInfo(&text);
	add_resolved(&text, destination);
	if (how == FEED_ENTER)
	{
		add_insert(&text, destination, mapped, how);
		return text.data;
	}
	add_state(&text, destination, shape == TAKE_LOCKED);
	appendStringInfoString(&text, ", good AS (");
	add_insert(&text, destination, mapped, how);
	appendStringInfoString(&text, ")");
	if (shape != TAKE_LEAN)
	{
		appendStringInfoString(&text, ",");
		add_old_errors(&text, destination, "resolved", ALL_GOES);
		add_errors(&text, destination);
	}
	if (strcmp(destination->name, "target") == 0)
		add_drafts(&text);
	add_answer(&text, destination);
	return text.data;
}

/* Entering what is not known -------------------------------------------------
 */

/* A try-lock per reference; of many, one per bucket, for locks are few. */
#define FEW "64"
#define BUCKETS "255"

static void
add_unknown(StringInfo text, const Destination *destination, int i)
{
	const CanonicalColumn *column = &destination->column[i];
	const char *table =
	    i == 0 ? destination->name : referred_table(column->flags);

	appendStringInfo(text,
	                 " f.%s IS NOT NULL AND NOT EXISTS (SELECT FROM calib.%s t"
	                 " WHERE t.external_ref" EQ "f.%s)",
	                 column->name, table, column->name);
	if (i > 0 && !(column->flags & OPPORTUNITY_REF))
		appendStringInfo(text,
		                 " AND NOT EXISTS (SELECT FROM calib.%s_alias a WHERE"
		                 " a.source" EQ "$1 AND a.external_ref" EQ "f.%s)",
		                 table, column->name);
}

/*
 * The comment keeps the plans of facts of another shape apart.
 *
 * Locks what is not known yet for this transaction, without waiting, and
 * returns what somebody else has locked.  column 0: the facts' own keys.
 */
char *
calib_lock_text(const Destination *destination, int column)
{
	const char *name = destination->column[column].name;
	const char *table =
	    column == 0 ? destination->name
	                : referred_table(destination->column[column].flags);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(
	    &text,
	    "/* %s */ WITH wanted AS MATERIALIZED (SELECT DISTINCT f.%s AS ref,"
	    " pg_catalog.hashtextextended(f.%s, 0) AS hash FROM calib_fact f"
	    " WHERE",
	    destination->name, name, name);
	add_unknown(&text, destination, column);
	appendStringInfo(
	    &text,
	    "), size AS MATERIALIZED (SELECT pg_catalog.count(*)"
	    " OPERATOR(pg_catalog.>) " FEW " AS many FROM wanted),"
	    " bucket AS MATERIALIZED (SELECT b.n, CASE WHEN s.many THEN"
	    " pg_catalog.pg_try_advisory_xact_lock("
	    "'calib.%s'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int4,"
	    " b.n) ELSE pg_catalog.pg_try_advisory_xact_lock_shared("
	    "'calib.%s'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int4,"
	    " b.n) END AS taken FROM (SELECT DISTINCT"
	    " (w.hash OPERATOR(pg_catalog.&) " BUCKETS ")::pg_catalog.int4 AS n"
	    " FROM wanted w) b CROSS JOIN size s),"
	    " own AS MATERIALIZED (SELECT w.ref, b.taken AND (s.many OR"
	    " pg_catalog.pg_try_advisory_xact_lock("
	    "w.hash OPERATOR(pg_catalog.#)"
	    " 'calib.%s'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int8))"
	    " AS taken FROM wanted w CROSS JOIN size s JOIN bucket b ON b.n" EQ
	    "(w.hash OPERATOR(pg_catalog.&) " BUCKETS ")::pg_catalog.int4)"
	    " SELECT COALESCE(pg_catalog.array_agg(o.ref) FILTER"
	    " (WHERE NOT o.taken), '{}') FROM own o",
	    table, table, table);
	return text.data;
}

/* Enters what is locked by its key alone.  $1 source, $2 clock, $3 lost. */
char *
calib_stub_text(const Destination *destination, int column)
{
	const CanonicalColumn *reference = &destination->column[column];
	const char *name = reference->name;
	StringInfoData text;

	if (!may_be_stub(destination, reference))
		return NULL;
	initStringInfo(&text);
	appendStringInfo(&text, "/* %s */ ", destination->name);
	if (reference->flags & CUSTOMER_REF)
		appendStringInfo(&text,
		                 "INSERT INTO calib.customer (name, external_ref,"
		                 " created_at) SELECT DISTINCT f.%s, f.%s, $2"
		                 " FROM calib_fact f",
		                 name, name);
	else
	{
		appendStringInfo(
		    &text,
		    "INSERT INTO calib.opportunity (external_ref, unit_id,"
		    " customer_id, stage_since, created_at) SELECT DISTINCT ON (f.%s)"
		    " f.%s, COALESCE(a_unit.unit_id, t_unit.unit_id),"
		    " COALESCE(a_customer.customer_id, t_customer.customer_id),"
		    " $2, $2 FROM calib_fact f",
		    name, name);
		add_reference_joins(&text, &destination->column[1], "f");
		add_reference_joins(&text, &destination->column[2], "f");
	}
	appendStringInfoString(&text, " WHERE");
	add_unknown(&text, destination, column);
	appendStringInfo(&text, " AND f.%s" NE "ALL ($3)", name);
	if (reference->flags & OPPORTUNITY_REF)
		appendStringInfo(&text,
		                 " AND COALESCE(a_unit.unit_id, t_unit.unit_id)"
		                 " IS NOT NULL ORDER BY f.%s, f.calib_n DESC",
		                 name);
	else
		appendStringInfoString(&text, " ORDER BY 1");
	appendStringInfoString(&text, " ON CONFLICT DO NOTHING");
	return text.data;
}

/* A row the table itself refused: $2 problem, $3 detail, $4 hint, $5 state. */
char *
calib_note_text(const Destination *destination)
{
	const char *key = destination->column[0].name;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "WITH");
	add_old_errors(&text, destination, "calib_fact", "true");
	appendStringInfo(&text, " " ERROR_COLUMNS "'%s', f.%s, ",
	                 destination->name, key);
	add_fact(&text, destination, "f");
	appendStringInfo(&text,
	                 ", $2, $3, $4, $5,"
	                 " COALESCE(b.first_at, n.moment), n.moment,"
	                 " COALESCE(b.tries, 0) OPERATOR(pg_catalog.+) 1"
	                 " FROM calib_fact f CROSS JOIN"
	                 " (SELECT pg_catalog.clock_timestamp() AS moment) n"
	                 " LEFT JOIN before b ON"
	                 " b.external_id" EQ "f.%s",
	                 key);
	return text.data;
}
