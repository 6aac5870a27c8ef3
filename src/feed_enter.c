/*
 * feed_enter.c
 *		The statements that enter what a batch refers to and is not known yet.
 *
 * Each begins with a comment that names the destination: it keeps the plans
 * of facts of another shape apart.
 */
#include "feed_text.h"

#include "utils/builtins.h"

/* A try-lock per reference; of many in a transaction, one per bucket, for
 * locks are few. */
#define FEW "64"
#define BUCKETS "255"

static void
add_unknown(StringInfo text, const Destination *destination, int i)
{
	const CanonicalColumn *column = &destination->column[i];
	const char *table =
	    i == 0 ? destination->name : calib_referred_table(column->flags);

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
 * Locks what is not known yet for this transaction, without waiting, and
 * returns what somebody else has locked, and how many were wanted.  column 0:
 * the facts' own keys.  $2: how many the transaction wanted before.
 */
char *
calib_lock_text(const Destination *destination, int column)
{
	const char *name = destination->column[column].name;
	const char *table =
	    column == 0 ? destination->name
	                : calib_referred_table(destination->column[column].flags);
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
	    " OPERATOR(pg_catalog.+) $2 OPERATOR(pg_catalog.>) " FEW
	    " AS many FROM wanted),"
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
	    " (WHERE NOT o.taken), '{}'), pg_catalog.count(*) FROM own o",
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

	if (!calib_may_be_stub(destination, reference))
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
		calib_add_reference_joins(&text, &destination->column[1], "f");
		calib_add_reference_joins(&text, &destination->column[2], "f");
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
