/*
 * feed_text.c
 *		The statement that takes a batch of facts.
 *
 * It is set based: it resolves all references of the batch by joins, sends
 * what cannot be taken to feed_error and the rest to its table.
 */
#include "feed_text.h"

#include "utils/builtins.h"

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
	const char *table = calib_referred_table(column->flags);

	appendStringInfo(
	    text,
	    " WHEN g.%s IS NOT NULL AND %s IS NULL THEN CASE WHEN g.%s" EQ
	    "ANY (%s) THEN '55P03' || pg_catalog.format("
	    "'%s \"%%s\" is being entered elsewhere', g.%s)"
	    " ELSE '23503' || pg_catalog.format('%s \"%%s\" is not known', g.%s)"
	    " END",
	    column->name, calib_resolved(column), column->name,
	    lost_parameter(column), table, column->name, table, column->name);
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
		if (calib_referred_table(destination->column[i].flags) != NULL)
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
		if (calib_may_be_stub(destination, &destination->column[i]))
			appendStringInfo(text,
			                 " OR $7 AND g.%s IS NOT NULL AND %s IS NULL",
			                 destination->column[i].name,
			                 calib_resolved(&destination->column[i]));
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
		if (calib_referred_table(destination->column[i].flags) != NULL)
			appendStringInfo(text, ", %s AS %s_id",
			                 calib_resolved(&destination->column[i]),
			                 destination->column[i].name);
	if (is_target)
		appendStringInfoString(text, ", e.target_id, e.value AS old_value,"
		                             " e.original_value AS old_original");
	add_problems(text, destination);
	add_blocked(text, destination);
	appendStringInfoString(text, " FROM calib_fact g");
	for (i = 0; i < count; i++)
		if (calib_referred_table(destination->column[i].flags) != NULL)
			calib_add_reference_joins(text, &destination->column[i], "g");
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
		const char *table = calib_referred_table(column->flags);

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
	else if (calib_referred_table(column->flags) != NULL)
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
	if (strcmp(column->into, "stage_since") == 0)
		appendStringInfoString(text,
		                       " WHEN excluded.stage" NE "t.stage THEN $2");
	appendStringInfo(text, " ELSE t.%s END", column->into);
}

/* Set by what other columns do, mapped or not: in an apply worker the trigger
 * on opportunity, which would see to stage_since, is silent. */
static bool
follows_others(const CanonicalColumn *column)
{
	return column->into != NULL && (strcmp(column->into, "recorded_at") == 0 ||
	                                strcmp(column->into, "stage_since") == 0);
}

/* The columns that change, and when they do, of the row t to those of
 * excluded. */
static void
add_sets(StringInfo text, const Destination *destination, int mapped)
{
	int count = calib_canonical_count(destination);
	const char *between = "";
	int i;

	for (i = 0; i < count; i++)
	{
		if (!follows_others(&destination->column[i]) &&
		    !is_set(destination, mapped, i))
			continue;
		appendStringInfoString(text, between);
		add_set(text, destination, mapped, i);
		between = ", ";
	}
}

static void
add_set_condition(StringInfo text, const Destination *destination, int mapped)
{
	int count = calib_canonical_count(destination);
	int i;

	add_changed(text, destination, mapped, 0);
	for (i = 0; i < count; i++)
		if ((destination->column[i].flags & CLOCK_BY_DEFAULT) &&
		    (mapped & (1 << i)))
			appendStringInfo(
			    text, " OR excluded.%s" NE "$2 AND excluded.%s" NE "t.%s",
			    destination->column[i].into, destination->column[i].into,
			    destination->column[i].into);
}

static void
add_conflict(StringInfo text, const Destination *destination, int mapped,
             FeedHow how)
{
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
	add_sets(text, destination, mapped);
	appendStringInfoString(text, " WHERE ");
	add_set_condition(text, destination, mapped);
}

static void
add_columns(StringInfo text, const Destination *destination)
{
	int count = calib_canonical_count(destination);
	int i;

	appendStringInfo(text, "(%s", destination->is_master ? "" : "source, ");
	for (i = 0; i < count; i++)
		if (destination->column[i].into != NULL)
			appendStringInfo(text, "%s%s", i > 0 ? ", " : "",
			                 destination->column[i].into);
	appendStringInfoString(text, ")");
}

/* The facts without a problem, one per key: the last of the batch. */
static void
add_facts(StringInfo text, const Destination *destination,
          const char *condition)
{
	int count = calib_canonical_count(destination);
	const char *key = destination->column[0].name;
	int i;

	appendStringInfo(text,
	                 "SELECT DISTINCT ON (r.%s COLLATE pg_catalog.\"C\") %s",
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
	                 " FROM resolved r WHERE r.problem IS NULL%s"
	                 " ORDER BY r.%s COLLATE pg_catalog.\"C\","
	                 " r.calib_n DESC",
	                 condition, key);
}

static void
add_insert(StringInfo text, const Destination *destination, int mapped,
           FeedHow how)
{
	bool is_target = strcmp(destination->name, "target") == 0;

	appendStringInfo(text, "INSERT INTO calib.%s AS t ", destination->name);
	add_columns(text, destination);
	appendStringInfoString(text, " ");
	add_facts(text, destination,
	          psprintf("%s%s", is_target ? " AND r.target_id IS NULL" : "",
	                   how == FEED_ENTER ? "" : " AND " ALL_GOES));
	add_conflict(text, destination, mapped, is_target ? FEED_FILL : how);
}

/* Hashed, unlike a join, for which the planner knows too little. */
#define IS_MET "((r.external_id IN (SELECT m.external_id FROM met m)) IS TRUE)"

/*
 * Into calib.activity, whose partitions have no common index: what has a key
 * already is changed, what has none is inserted.  The keys are locked, also of
 * facts that stay as they are: who compares keys passes over them.  One that
 * somebody enters meanwhile is a duplicate, and the batch is tried again
 * (feed_apply.c).
 */
static void
add_partitioned(StringInfo text, const Destination *destination, int mapped,
                FeedHow how)
{
	appendStringInfo(text,
	                 ", met AS MATERIALIZED (SELECT k.external_id FROM"
	                 " (SELECT DISTINCT r.external_id FROM resolved r"
	                 " WHERE r.problem IS NULL AND " ALL_GOES ") w"
	                 " JOIN calib.activity_key k ON k.source" EQ
	                 "$1 AND k.external_id" EQ "w.external_id"
	                 " ORDER BY k.external_id COLLATE pg_catalog.\"C\""
	                 " FOR UPDATE OF k), good AS (INSERT INTO calib.%s ",
	                 destination->name);
	add_columns(text, destination);
	appendStringInfoString(text, " ");
	add_facts(text, destination, " AND " ALL_GOES " AND NOT " IS_MET);
	appendStringInfoString(text, ")");
	if (how != FEED_UPSERT)
		return;
	appendStringInfo(text, ", again AS (UPDATE calib.%s t SET ",
	                 destination->name);
	add_sets(text, destination, mapped);
	appendStringInfoString(text, " FROM (");
	add_facts(text, destination, " AND " IS_MET);
	appendStringInfoString(text, ") excluded ");
	add_columns(text, destination);
	appendStringInfoString(text, " WHERE t.source" EQ "$1 AND t.external_id" EQ
	                             "excluded.external_id AND (");
	add_set_condition(text, destination, mapped);
	appendStringInfoString(text, "))");
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

/* Whether anything waits at all: where nothing does, no key is looked up. */
static char *
any_waits(const Destination *destination)
{
	return psprintf("EXISTS (SELECT FROM calib.feed_error w WHERE w.source" EQ
	                "$1 AND w.destination" EQ "'%s')",
	                destination->name);
}

/*
 * Errors of the batch's keys, key by key: how many wait is nothing the planner
 * knows, and a join may compare all with all.
 */
static char *
errors_of(const Destination *destination, const char *rows, const char *what,
          const char *end)
{
	return psprintf("SELECT %s FROM (SELECT r.%s AS key FROM %s r WHERE %s) k"
	                " CROSS JOIN LATERAL (SELECT e.ctid FROM calib.feed_error"
	                " e WHERE e.source" EQ "$1 AND e.destination" EQ
	                "'%s' AND e.external_id" EQ "k.key %s) e",
	                what, destination->column[0].name, rows,
	                any_waits(destination), destination->name, end);
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
	    "ANY (ARRAY(%s)) RETURNING o.external_id, o.first_at, o.tries),"
	    " before AS (SELECT o.external_id,"
	    " pg_catalog.min(o.first_at) AS first_at,"
	    " pg_catalog.max(o.tries) AS tries FROM old o GROUP BY o.external_id)",
	    errors_of(destination, rows, "e.ctid",
	              psprintf("AND %s FOR UPDATE OF e SKIP LOCKED", condition)));
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
	    " WHEN 'KC008' THEN 'Leave such rows out by the feed''s filter:"
	    " calib.activity_kept_from() says from when on they are kept.'"
	    " WHEN '23505' THEN 'Take out the wrong one; the next pull takes"
	    " the other.'"
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
	                 " OR %s AND EXISTS (%s) FROM resolved r",
	                 any_waits(destination),
	                 errors_of(destination, "resolved", "", "LIMIT 1"));
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
	if (strcmp(destination->name, "activity") == 0 && how != FEED_NEW)
		add_partitioned(&text, destination, mapped, how);
	else
	{
		appendStringInfoString(&text, ", good AS (");
		add_insert(&text, destination, mapped, how);
		appendStringInfoString(&text, ")");
	}
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
