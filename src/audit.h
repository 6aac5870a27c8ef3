/*
 * audit.h
 *		A row of the trail: audit.c forms it, the ledger hashes it,
 *		audit_store.c stores it.
 */
#ifndef CALIB_AUDIT_H
#define CALIB_AUDIT_H

#include "calib.h"

/* columns of calib.audit, in order */
enum
{
	AUDIT_ID,
	TRANSACTION_ID,
	RECORDED_AT,
	CLOCK_AT,
	SIMULATED,
	RELATION,
	ACTION,
	OLD_ROW,
	NEW_ROW,
	PERSON,
	ROLE,
	LOGIN,
	APPLICATION_NAME,
	CLIENT_ADDR,
	ERA,
	ROW_HASH,
	AUDIT_COLUMNS
};

typedef struct AuditRow
{
	Datum values[AUDIT_COLUMNS];
	bool isnull[AUDIT_COLUMNS];
} AuditRow;

/* audit_store.c */
extern void calib_store_audit(Oid audit_relid, AuditRow *row);

#endif /* CALIB_AUDIT_H */
