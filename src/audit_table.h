/*
 * audit_table.h
 *		Which tables leave a trail, and what the trail calls them.
 */
#ifndef CALIB_AUDIT_TABLE_H
#define CALIB_AUDIT_TABLE_H

#include "calib.h"

typedef struct AuditTarget
{
	Oid audit_relid;
	Oid sequence_relid;
	char *relation;  /* the audited table */
	char *partition; /* of it, that fired; NULL: the table itself */
} AuditTarget;

extern AuditTarget *calib_audit_target(FunctionCallInfo fcinfo,
                                       TriggerData *trigger);

#endif /* CALIB_AUDIT_TABLE_H */
