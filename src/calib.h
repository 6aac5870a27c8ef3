/*
 * calib.h
 *		The few things that several rooms share: settings, error codes.
 *
 * A concept's own declarations stay in its own file; what stands here is used
 * by at least two of them.
 */
#ifndef CALIB_H
#define CALIB_H

#include "compat.h"

#include "fmgr.h"
#include "utils/timestamp.h"

/* SQLSTATE class KC; docs/errors.md lists each with its way out */
#define ERRCODE_CALIB_OVER_CAP MAKE_SQLSTATE('K', 'C', '0', '0', '1')
#define ERRCODE_CALIB_NO_ADJUSTMENT_LEFT MAKE_SQLSTATE('K', 'C', '0', '0', '2')
#define ERRCODE_CALIB_EVIDENCE_MISSING MAKE_SQLSTATE('K', 'C', '0', '0', '3')
#define ERRCODE_CALIB_TARGET_GUARDED MAKE_SQLSTATE('K', 'C', '0', '0', '4')
#define ERRCODE_CALIB_APPEND_ONLY MAKE_SQLSTATE('K', 'C', '0', '0', '7')
#define ERRCODE_CALIB_PERIOD_CLOSED MAKE_SQLSTATE('K', 'C', '0', '0', '8')

#define USECS_PER_WEEK (7 * USECS_PER_DAY)

#endif /* CALIB_H */
