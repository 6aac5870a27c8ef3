/*
 * zone_day.h
 *		Which day a moment is on, in a time zone.
 *
 * PostgreSQL's own conversion costs more than everything else that is done
 * with a row, so the offset from UTC is kept with the span of time in which it
 * holds.
 */
#ifndef CALIB_ZONE_DAY_H
#define CALIB_ZONE_DAY_H

#include "calib.h"

#include "pgtime.h"

typedef struct ZoneDays
{
	pg_tz *tz;
	TimestampTz from; /* in [from, to) the offset holds; empty at first */
	TimestampTz to;
	int64 offset; /* microseconds east of UTC */
} ZoneDays;

extern void calib_learn_offset(ZoneDays *zone, TimestampTz at);

static inline int64
calib_floor_divide(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

/* The day of a finite moment, counted from 2000-01-01 */
static inline int32
calib_zone_day(ZoneDays *zone, TimestampTz at)
{
	if (unlikely(at < zone->from || at >= zone->to))
		calib_learn_offset(zone, at);
	return (int32) calib_floor_divide(at + zone->offset, USECS_PER_DAY);
}

#endif /* CALIB_ZONE_DAY_H */
