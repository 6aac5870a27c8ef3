/*
 * workflow.h
 *		What submissions (submission.c) and steps (workflow.c) share.
 */
#ifndef CALIB_WORKFLOW_H
#define CALIB_WORKFLOW_H

#include "guard.h"

/* workflow.c: raises 42501 unless the caller holds one of "{risk,hr}" */
extern void calib_require_duty(const char *duties, int64 unit_id,
                               const char *action);

/* submission.c: arguments of functions that are not STRICT */
extern char *calib_text_argument(FunctionCallInfo fcinfo, int number);
extern int64 calib_id_argument(FunctionCallInfo fcinfo, int number,
                               const char *name);

#endif /* CALIB_WORKFLOW_H */
