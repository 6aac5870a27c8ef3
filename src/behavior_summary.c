/*
 * behavior_summary.c
 *		The aggregates behavior and rollup, which make a calib.behavior.
 *
 * Which day a row is on depends on its zone; what zone_day.h keeps of it is
 * shared by all groups of the query.
 */
#include "aggregate.h"

#include <math.h>

#include "behavior_set.h"
#include "behavior_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "zone_day.h"

PG_FUNCTION_INFO_V1(calib_behavior_transition);
PG_FUNCTION_INFO_V1(calib_rollup_transition);
PG_FUNCTION_INFO_V1(calib_rollup_any_kind_transition);
PG_FUNCTION_INFO_V1(calib_behavior_combine);
PG_FUNCTION_INFO_V1(calib_behavior_serialize);
PG_FUNCTION_INFO_V1(calib_behavior_deserialize);
PG_FUNCTION_INFO_V1(calib_behavior_final);

#define DEFAULT_ZONE "Asia/Shanghai"
#define DEFAULT_LATE_HOURS 48
#define MILLION 1000000

/* Arguments of the transition function, after the state */
#define ARG_OCCURRED_AT 1
#define ARG_CUSTOMER 2
#define ARG_KIND 3
#define ARG_QUANTITY 4
#define ARG_ZONE 5
#define ARG_RECORDED_AT 6
#define ARG_LATE_HOURS 7

/* What the rows of a query share */
typedef struct RowContext
{
	char given[BEHAVIOR_ZONE_MAX + 1]; /* the zone as the rows write it */
	size_t given_length;
	const char *zone; /* as PostgreSQL writes it */
	ZoneDays days;
	int last_kind;
} RowContext;

/* Zones and days --------------------------------------------------------- */

static void
zone_refused(const char *problem, const char *zone, int length)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", problem),
	         length < 0
	             ? 0
	             : errdetail("The zone given is \"%.*s\".", length, zone),
	         errhint("Zones are named as in pg_timezone_names, for example "
	                 "Asia/Shanghai.")));
}

static void
learn_zone(RowContext *rows, const char *zone, size_t length)
{
	pg_tz *tz;

	rows->days.tz = NULL;
	if (length > BEHAVIOR_ZONE_MAX)
		zone_refused("zone is too long for a time zone", zone, -1);
	memcpy(rows->given, zone, length);
	rows->given[length] = '\0';
	rows->given_length = length;
	tz = length == 0 ? NULL : pg_tzset(rows->given);
	if (tz == NULL || !pg_tz_acceptable(tz))
		zone_refused("zone is not a time zone", zone, (int) length);
	rows->zone = pg_get_timezone_name(tz);
	rows->days.from = rows->days.to = 0;
	rows->days.tz = tz;
}

static inline RowContext *
row_context(FunctionCallInfo fcinfo)
{
	RowContext *rows = fcinfo->flinfo->fn_extra;
	const char *zone = DEFAULT_ZONE;
	size_t length = sizeof(DEFAULT_ZONE) - 1;

	if (unlikely(rows == NULL))
		rows = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(
		    fcinfo->flinfo->fn_mcxt, sizeof(RowContext));
	if (PG_NARGS() > ARG_ZONE)
	{
		text *given;

		if (PG_ARGISNULL(ARG_ZONE))
			zone_refused("zone must not be NULL", NULL, -1);
		given = PG_GETARG_TEXT_PP(ARG_ZONE);
		zone = VARDATA_ANY(given);
		length = VARSIZE_ANY_EXHDR(given);
	}
	if (unlikely(rows->days.tz == NULL || rows->given_length != length ||
	             memcmp(rows->given, zone, length) != 0))
		learn_zone(rows, zone, length);
	return rows;
}

/* Rows ------------------------------------------------------------------- */

static TimestampTz
occurred_at(FunctionCallInfo fcinfo)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(ARG_OCCURRED_AT);

	if (unlikely(TIMESTAMP_NOT_FINITE(at)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("occurred_at must be finite"),
		                errhint("A row without a time does not count: pass "
		                        "NULL, or leave it out with FILTER.")));
	return at;
}

/* In millionths; a NULL adds nothing. */
static inline int64
quantity(FunctionCallInfo fcinfo)
{
	float8 given;
	float8 millionths;

	if (PG_ARGISNULL(ARG_QUANTITY))
		return 0;
	given = PG_GETARG_FLOAT8(ARG_QUANTITY);
	millionths = rint(given * MILLION);
	if (unlikely(!(millionths > -9.2e18 && millionths < 9.2e18)))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("quantity is out of range"),
		         errdetail("The quantity given is %g.", given),
		         errhint("Quantities are kept as whole millionths and lie "
		                 "between -9.2e12 and 9.2e12.")));
	return (int64) millionths;
}

static int64
late_hours(FunctionCallInfo fcinfo)
{
	int32 hours;

	if (PG_NARGS() <= ARG_LATE_HOURS)
		return DEFAULT_LATE_HOURS;
	hours =
	    PG_ARGISNULL(ARG_LATE_HOURS) ? -1 : PG_GETARG_INT32(ARG_LATE_HOURS);
	if (hours < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("late_hours must be 0 or more"),
		                errhint("Usual are 48: what is recorded later than "
		                        "that after it happened is late.")));
	return hours;
}

static bool
is_late(FunctionCallInfo fcinfo, TimestampTz occurred)
{
	int64 hours = late_hours(fcinfo);
	TimestampTz recorded;
	int64 lag;

	if (PG_NARGS() <= ARG_RECORDED_AT || PG_ARGISNULL(ARG_RECORDED_AT))
		return false;
	recorded = PG_GETARG_TIMESTAMPTZ(ARG_RECORDED_AT);
	if (TIMESTAMP_NOT_FINITE(recorded) ||
	    pg_sub_s64_overflow(recorded, occurred, &lag))
		return recorded > occurred;
	return lag > hours * USECS_PER_HOUR;
}

/* The kind of the row among those of the set */
static int
row_kind(FunctionCallInfo fcinfo, RowContext *rows, BehaviorSet *set)
{
	text *kind = PG_GETARG_TEXT_PP(ARG_KIND);
	char *name = VARDATA_ANY(kind);
	int length = VARSIZE_ANY_EXHDR(kind);

	if (unlikely(GetDatabaseEncoding() != PG_UTF8))
	{
		name = pg_server_to_any(name, length, PG_UTF8);
		if (name != VARDATA_ANY(kind))
			length = (int) strlen(name);
	}
	if (unlikely(length > BEHAVIOR_NAME_MAX))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("kind is too long"),
		                errdetail("It has %d bytes, the limit is %d.", length,
		                          BEHAVIOR_NAME_MAX)));
	return behavior_set_kind(set, rows->last_kind, name, (uint32) length);
}

static void
add_event(BehaviorSet *set, FunctionCallInfo fcinfo, int32 day, int kind,
          bool late)
{
	bool no_customer = PG_ARGISNULL(ARG_CUSTOMER);
	int64 customer = no_customer ? 0 : PG_GETARG_INT64(ARG_CUSTOMER);

	behavior_set_add_events(
	    set, (uint64) customer ^ PG_INT64_MIN,
	    (no_customer ? ENTRY_NO_CUSTOMER : 0) |
	        (uint64) ((uint32) day ^ 0x80000000) << ENTRY_DAY_SHIFT |
	        (uint64) kind << ENTRY_KIND_SHIFT | (late ? ENTRY_LATE : 0),
	    1);
}

static BehaviorSet *
set_for_zone(FunctionCallInfo fcinfo, const char *zone)
{
	BehaviorSet *set;

	if (PG_ARGISNULL(0))
		return behavior_set_make(calib_aggregate_context(fcinfo), zone,
		                         strlen(zone), true);
	set = (BehaviorSet *) PG_GETARG_POINTER(0);
	if (likely(set->given_zone == zone))
		return set;
	if (strcmp(set->zone, zone) != 0)
		behavior_zone_differs(set->zone, strlen(set->zone), zone,
		                      strlen(zone));
	set->given_zone = zone;
	return set;
}

/* (state, occurred_at, customer_id, kind, quantity, ...) */
Datum
calib_behavior_transition(PG_FUNCTION_ARGS)
{
	RowContext *rows = row_context(fcinfo);
	BehaviorSet *set = set_for_zone(fcinfo, rows->zone);
	int64 millionths = quantity(fcinfo);
	TimestampTz at;
	bool late;

	if (PG_ARGISNULL(ARG_OCCURRED_AT))
		PG_RETURN_POINTER(set);
	at = occurred_at(fcinfo);
	late = is_late(fcinfo, at);
	if (PG_ARGISNULL(ARG_KIND))
		PG_RETURN_POINTER(set);

	rows->last_kind = row_kind(fcinfo, rows, set);
	behavior_set_add_quantity(&set->slots[rows->last_kind], millionths);
	add_event(set, fcinfo, calib_zone_day(&rows->days, at), rows->last_kind,
	          late);
	set->first = Min(set->first, at);
	set->last = Max(set->last, at);
	PG_RETURN_POINTER(set);
}

/* Parts ------------------------------------------------------------------ */

/* Puts a part into the set, which is made where there is none yet. */
static BehaviorSet *
add_part(FunctionCallInfo fcinfo, BehaviorSet *set, const bytea *part,
         bool any_kind)
{
	if (set == NULL)
	{
		BehaviorReader reader;

		behavior_value_open(&reader, part);
		set = behavior_set_make(calib_aggregate_context(fcinfo),
		                        reader.header.zone, reader.header.zone_length,
		                        reader.header.partial);
		set->any_kind = any_kind;
	}
	behavior_set_add(set, part);
	return set;
}

static Datum
roll_up(FunctionCallInfo fcinfo, bool any_kind)
{
	BehaviorSet *set =
	    PG_ARGISNULL(0) ? NULL : (BehaviorSet *) PG_GETARG_POINTER(0);

	calib_aggregate_context(fcinfo);
	if (!PG_ARGISNULL(1))
		set = add_part(fcinfo, set, PG_GETARG_BYTEA_PP(1), any_kind);
	if (set == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(set);
}

/* (state, part) */
Datum
calib_rollup_transition(PG_FUNCTION_ARGS)
{
	return roll_up(fcinfo, false);
}

/* The same where no kind is asked for: there may be any number of them. */
Datum
calib_rollup_any_kind_transition(PG_FUNCTION_ARGS)
{
	return roll_up(fcinfo, true);
}

/* A state of another process, which deserialize() has looked at */
static BehaviorSet *
add_state(FunctionCallInfo fcinfo, BehaviorSet *set, const bytea *state)
{
	if (behavior_state_is_plain(state))
		return behavior_state_add(calib_aggregate_context(fcinfo), set, state);
	return add_part(fcinfo, set, state, false);
}

Datum
calib_behavior_combine(PG_FUNCTION_ARGS)
{
	BehaviorSet *set =
	    PG_ARGISNULL(0) ? NULL : (BehaviorSet *) PG_GETARG_POINTER(0);
	BehaviorSet *other =
	    PG_ARGISNULL(1) ? NULL : (BehaviorSet *) PG_GETARG_POINTER(1);

	calib_aggregate_context(fcinfo);
	if (other != NULL)
		set = add_state(fcinfo, set,
		                other->encoded ? other->encoded
		                               : behavior_state_write(other));
	if (set == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(set);
}

Datum
calib_behavior_serialize(PG_FUNCTION_ARGS)
{
	BehaviorSet *set;

	calib_aggregate_context(fcinfo);
	set = (BehaviorSet *) PG_GETARG_POINTER(0);
	PG_RETURN_BYTEA_P(behavior_state_write(set));
}

/* A state from bytes stays bytes until it is combined. */
Datum
calib_behavior_deserialize(PG_FUNCTION_ARGS)
{
	bytea *bytes;
	BehaviorSet *set;

	calib_aggregate_context(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(0);
	if (behavior_state_is_plain(bytes))
		behavior_state_check(bytes);
	else
		behavior_validate((const uint8 *) VARDATA_ANY(bytes),
		                  VARSIZE_ANY_EXHDR(bytes), true,
		                  ERRCODE_INVALID_BINARY_REPRESENTATION);
	set = palloc0(sizeof(BehaviorSet));
	set->encoded = bytes;
	PG_RETURN_POINTER(set);
}

Datum
calib_behavior_final(PG_FUNCTION_ARGS)
{
	calib_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(
	    behavior_set_encode((BehaviorSet *) PG_GETARG_POINTER(0), false));
}
