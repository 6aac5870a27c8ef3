/*
 * relation.c
 *		Tables of users that calib keeps: which they are, and acting as
 *		their owner.
 *
 * A trigger function of calib on a user's table asks here whether that table,
 * or what it is a part of, stands in a registry.  The registry is read below
 * SQL and under the latest snapshot: the writer needs no right to read it, and
 * a transaction whose snapshot is older than the registration still sees what
 * its triggers already obey.
 *
 * DDL on a user's table runs as its owner under SECURITY_RESTRICTED_OPERATION
 * (DESIGN 9): whatever code that sets off has the owner's rights and no more.
 */
#include "calib.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#define REGISTRY_RELATION 1 /* the first column of every registry */

static bool
stands_in(Relation registry, Oid index, Oid relid)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&key, REGISTRY_RELATION, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(relid));
	scan = systable_beginscan(registry, index, true, snapshot, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	return found;
}

/* The tables that relid is a partition or a child of, directly. */
static List *
parents_of(Oid relid)
{
	Relation inherits = table_open(InheritsRelationId, AccessShareLock);
	List *parents = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple row;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
	            F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL,
	                          1, &key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
		parents = lappend_oid(parents,
		                      ((Form_pg_inherits) GETSTRUCT(row))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return parents;
}

static Oid
nearest_in(Relation registry, Oid index, Oid relid)
{
	Oid found = InvalidOid;
	List *parents;
	ListCell *cell;

	if (stands_in(registry, index, relid))
		return relid;
	parents = parents_of(relid);
	foreach (cell, parents)
	{
		found = nearest_in(registry, index, lfirst_oid(cell));
		if (OidIsValid(found))
			break;
	}
	list_free(parents);
	return found;
}

/*
 * The table of a registry that relid is, or is a partition or child of at any
 * depth; InvalidOid: none.  A registry is a table calib.NAME whose first
 * column and primary key (NAME_pkey) is a regclass.
 */
Oid
calib_registered(const char *registry, Oid relid)
{
	Relation table =
	    table_open(calib_member_relation(registry), AccessShareLock);
	Oid index = calib_member_relation(psprintf("%s_pkey", registry));
	Oid found = nearest_in(table, index, relid);

	table_close(table, AccessShareLock);
	return found;
}

/* relid and every table it is a partition or child of, at any depth. */
List *
calib_with_ancestors(Oid relid)
{
	List *found = list_make1_oid(relid);
	int done;

	for (done = 0; done < list_length(found); done++)
		found = list_concat_unique_oid(found,
		                               parents_of(list_nth_oid(found, done)));
	return found;
}

Oid
calib_owner_of(Oid relid)
{
	HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner;

	if (!HeapTupleIsValid(row))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("relation with OID %u does not exist", relid)));
	owner = ((Form_pg_class) GETSTRUCT(row))->relowner;
	ReleaseSysCache(row);
	return owner;
}

/*
 * From here on the code that runs has the rights of the table's owner, a
 * pinned search_path, and none of the ways out that a restricted operation
 * closes.  An error undoes it with the (sub)transaction.
 */
void
calib_become_owner(Oid relid, CalibIdentity *was)
{
	Oid owner = calib_owner_of(relid);

	GetUserIdAndSecContext(&was->user, &was->context);
	was->settings = NewGUCNestLevel();
	SetUserIdAndSecContext(owner, was->context | SECURITY_LOCAL_USERID_CHANGE |
	                                  SECURITY_RESTRICTED_OPERATION);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
	                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * The rights of whoever owns calib's tables, for statements on those tables
 * alone, as foreign keys do it: no code of a user's may run meanwhile.
 */
void
calib_become_calib(CalibIdentity *was)
{
	GetUserIdAndSecContext(&was->user, &was->context);
	was->settings = NewGUCNestLevel();
	SetUserIdAndSecContext(calib_owner_of(calib_member_relation("target")),
	                       was->context | SECURITY_LOCAL_USERID_CHANGE);
}

void
calib_become_self(const CalibIdentity *was)
{
	AtEOXact_GUC(false, was->settings);
	SetUserIdAndSecContext(was->user, was->context);
}

PG_FUNCTION_INFO_V1(calib_run_as_owner);
Datum
calib_run_as_owner(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	char *command = text_to_cstring(PG_GETARG_TEXT_PP(1));
	CalibIdentity was;

	SPI_connect();
	calib_become_owner(relid, &was);
	SPI_execute(command, false, 0);
	calib_become_self(&was);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Code that PostgreSQL itself fences in (an index expression under ANALYZE, a
 * write-back of calib) still has the session's outer user, so that deciding by
 * that user would let it out of the fence.
 */
PG_FUNCTION_INFO_V1(calib_in_restricted_operation);
Datum
calib_in_restricted_operation(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(InSecurityRestrictedOperation());
}
