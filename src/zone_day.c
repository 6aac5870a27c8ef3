/*
 * zone_day.c
 *		The offset of a time zone at a moment, and until when it holds.
 */
#include "zone_day.h"

/* The slow road of calib_zone_day */
void
calib_learn_offset(ZoneDays *zone, TimestampTz at)
{
	const pg_time_t epoch =
	    (pg_time_t) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	pg_time_t second = calib_floor_divide(at, USECS_PER_SEC) + epoch;
	pg_time_t boundary;
	long before;
	long after;
	int dst;
	TimestampTz until = DT_NOEND;
	int found = pg_next_dst_boundary(&second, &before, &dst, &boundary, &after,
	                                 &dst, zone->tz);

	if (found < 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("timestamp out of range")));
	/* beyond what a timestamp can be, there is no boundary to care for */
	if (found > 0 && boundary - epoch < END_TIMESTAMP / USECS_PER_SEC)
		until = (boundary - epoch) * USECS_PER_SEC;

	/* the same boundary ahead: the span reaches back to this moment */
	zone->from = until == zone->to ? Min(at, zone->from) : at;
	zone->to = until;
	zone->offset = (int64) before * USECS_PER_SEC;
}
