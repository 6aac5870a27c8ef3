/*
 * audit.h
 *		The columns of calib.audit, in order: audit.c fills them, the ledger
 *		hashes them.
 */
#ifndef CALIB_AUDIT_H
#define CALIB_AUDIT_H

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

#endif /* CALIB_AUDIT_H */
