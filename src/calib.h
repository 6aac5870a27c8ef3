/*
 * calib.h
 *		The few things that several rooms share: settings, error codes, doors.
 *
 * A concept's own declarations stay in its own file; what stands here is used
 * by at least two of them.
 */
#ifndef CALIB_H
#define CALIB_H

#include "compat.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/date.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* SQLSTATE class KC; docs/errors.md lists each with its way out */
#define ERRCODE_CALIB_OVER_CAP MAKE_SQLSTATE('K', 'C', '0', '0', '1')
#define ERRCODE_CALIB_NO_ADJUSTMENT_LEFT MAKE_SQLSTATE('K', 'C', '0', '0', '2')
#define ERRCODE_CALIB_EVIDENCE_MISSING MAKE_SQLSTATE('K', 'C', '0', '0', '3')
#define ERRCODE_CALIB_TARGET_GUARDED MAKE_SQLSTATE('K', 'C', '0', '0', '4')
#define ERRCODE_CALIB_WRONG_STATUS MAKE_SQLSTATE('K', 'C', '0', '0', '5')
#define ERRCODE_CALIB_SAME_PERSON MAKE_SQLSTATE('K', 'C', '0', '0', '6')
#define ERRCODE_CALIB_APPEND_ONLY MAKE_SQLSTATE('K', 'C', '0', '0', '7')
#define ERRCODE_CALIB_PERIOD_CLOSED MAKE_SQLSTATE('K', 'C', '0', '0', '8')
#define ERRCODE_CALIB_MAPPING_INVALID MAKE_SQLSTATE('K', 'C', '0', '0', '9')
#define ERRCODE_CALIB_LEDGER_BROKEN MAKE_SQLSTATE('K', 'C', '0', '1', '0')

#define USECS_PER_WEEK (7 * USECS_PER_DAY)

/* settings.c */
typedef struct EvidenceList
{
	int count;
	int64 ids[FLEXIBLE_ARRAY_MEMBER];
} EvidenceList;

extern bool calib_restoring_setting;
extern char *calib_reason_setting;
extern char *calib_actor_setting;
extern void calib_define_settings(void);
extern TimestampTz calib_now(void);
extern TimestampTz calib_moment(void);
extern bool calib_clock_is_set(void);
extern const EvidenceList *calib_evidence_cited(void);

/* trigger.c */
extern TriggerData *calib_trigger_data(FunctionCallInfo fcinfo,
                                       const char *function,
                                       const char *relation);
extern void calib_check_member(Relation fired);
extern HeapTuple calib_unchanged(TriggerData *trigger);
extern Oid calib_member_relation(const char *relation);
extern void calib_store_row(Relation relation, const Datum *values,
                            const bool *isnull, int columns);

/* relation.c */
typedef struct CalibIdentity
{
	Oid user;
	int context;
	int settings;
} CalibIdentity;

extern Oid calib_registered(const char *registry, Oid relid);
extern List *calib_with_ancestors(Oid relid);
extern Oid calib_owner_of(Oid relid);
extern void calib_become_owner(Oid relid, CalibIdentity *was);
extern void calib_become_calib(CalibIdentity *was);
extern void calib_become_self(const CalibIdentity *was);

/* append_only.c */
extern void calib_through_door(void (*work)(void *), void *arg);

/* actor.c */
extern char *calib_person(void);
extern char *calib_role(void);
extern char *calib_login(void);

#endif /* CALIB_H */
