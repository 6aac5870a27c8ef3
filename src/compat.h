/*
 * compat.h
 *		Differences between PostgreSQL major versions, and nothing else.
 *
 * calib builds on PostgreSQL 15 and later.  Whatever changed its name or its
 * signature since 15 is bridged here, so that no other file tests
 * PG_VERSION_NUM.
 */
#ifndef CALIB_COMPAT_H
#define CALIB_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "calib needs PostgreSQL 15 or later"
#endif

#endif /* CALIB_COMPAT_H */
