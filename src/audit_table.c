/*
 * audit_table.c
 *		Which tables leave a trail, and what the trail calls them.
 *
 * The audit trigger stands on tables of the extension and on tables of users
 * that calib.audited names, with their partitions.  Anywhere else, or in
 * another shape than audit_table gave it, it refuses to write: the owner of an
 * audited table may attach the function (else it could not create partitions),
 * and could so forge a trail.
 *
 * What was found out is kept in fn_extra for the statement, and for the
 * statements after it in a cache of the backend, which any change of any
 * table's definition empties: a table registered, taken off, renamed, attached
 * or detached always is one.
 */
#include "calib.h"

#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "audit_table.h"

/* what audit_table.sql calls them on tables of users */
#define AUDIT_TRIGGER "calib_audit_row"
#define AUDIT_TRUNCATE_TRIGGER "calib_audit_truncate"

typedef struct CachedTable
{
	Oid fired; /* the key */
	AuditTarget target;
} CachedTable;

static MemoryContext cache_memory = NULL;
static HTAB *cache = NULL;
static bool cache_current = false;

static void
refuse(TriggerData *trigger, const char *why)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	     errmsg("trigger \"%s\" leaves no trail", trigger->tg_trigger->tgname),
	     errdetail("Table \"%s\" %s.",
	               RelationGetRelationName(trigger->tg_relation), why),
	     errhint("Drop the trigger; calib.audit_table() and "
	             "calib.rearm() put on the ones that do.")));
}

/*
 * As audit_table makes it: its name, so that there is one on a table and no
 * change leaves two rows, and AFTER, so that nothing is told that was not
 * stored.
 */
static bool
is_as_made(TriggerData *trigger)
{
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event))
		return false;
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return strcmp(trigger->tg_trigger->tgname, AUDIT_TRIGGER) == 0;
	return TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) &&
	       strcmp(trigger->tg_trigger->tgname, AUDIT_TRUNCATE_TRIGGER) == 0;
}

static bool
is_own(Relation fired)
{
	return RelationGetNamespace(fired) == get_namespace_oid("calib", false);
}

/* The audited table that fired, or the one that what fired is a part of. */
static Oid
audited_table(TriggerData *trigger)
{
	Relation fired = trigger->tg_relation;
	Oid table;

	if (is_own(fired))
	{
		calib_check_member(fired);
		return RelationGetRelid(fired);
	}
	table = calib_registered("audited", RelationGetRelid(fired));
	if (!OidIsValid(table))
		refuse(trigger, "is not audited");
	return table;
}

static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(
	    get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static void
find_out(TriggerData *trigger, AuditTarget *target)
{
	Oid fired = RelationGetRelid(trigger->tg_relation);
	Oid table = audited_table(trigger);

	target->audit_relid = calib_member_relation("audit");
	target->sequence_relid = calib_member_relation("audit_audit_id_seq");
	target->relation = qualified_name(table);
	target->partition = table == fired ? NULL : qualified_name(fired);
}

static AuditTarget *
copy_target(AuditTarget *to, const AuditTarget *from)
{
	*to = *from;
	to->relation = pstrdup(from->relation);
	if (from->partition != NULL)
		to->partition = pstrdup(from->partition);
	return to;
}

/* A schema may be renamed without a word to its tables. */
static void
schema_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	cache_current = false;
}

static void
table_changed(Datum arg, Oid relid)
{
	cache_current = false;
}

static void
start_cache(void)
{
	HASHCTL control = {.keysize = sizeof(Oid),
	                   .entrysize = sizeof(CachedTable)};

	if (cache_memory == NULL)
	{
		cache_memory = AllocSetContextCreate(
		    CacheMemoryContext, "calib audited tables", ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, schema_changed, (Datum) 0);
	}
	MemoryContextReset(cache_memory);
	control.hcxt = cache_memory;
	cache = hash_create("calib audited tables", 16, &control,
	                    HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache_current = true;
}

static void
remember(Oid fired, const AuditTarget *target)
{
	MemoryContext old = MemoryContextSwitchTo(cache_memory);
	AuditTarget kept;
	CachedTable *entry;

	copy_target(&kept, target);
	entry = hash_search(cache, &fired, HASH_ENTER, NULL);
	entry->target = kept;
	MemoryContextSwitchTo(old);
}

/* What is looked up while something changes is used and not remembered. */
static AuditTarget *
look_up(TriggerData *trigger)
{
	Oid fired = RelationGetRelid(trigger->tg_relation);
	AuditTarget *target = palloc(sizeof(AuditTarget));
	CachedTable *entry;

	if (!cache_current)
		start_cache();
	entry = hash_search(cache, &fired, HASH_FIND, NULL);
	if (entry != NULL)
		return copy_target(target, &entry->target);
	find_out(trigger, target);
	if (cache_current)
		remember(fired, target);
	return target;
}

AuditTarget *
calib_audit_target(FunctionCallInfo fcinfo, TriggerData *trigger)
{
	MemoryContext old;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = look_up(trigger);
	MemoryContextSwitchTo(old);
	if (!is_as_made(trigger) && !is_own(trigger->tg_relation))
		refuse(trigger, "is audited by other triggers");
	return fcinfo->flinfo->fn_extra;
}
