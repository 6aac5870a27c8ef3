/*
 * calendar.h
 *		Periods and weekdays, for the rooms that need them in C.
 */
#ifndef CALIB_CALENDAR_H
#define CALIB_CALENDAR_H

#include "calib.h"

#include "utils/date.h"

typedef enum Grain
{
	GRAIN_WEEK,
	GRAIN_MONTH,
	GRAIN_QUARTER,
	GRAIN_YEAR
} Grain;

/* Errors (22023) on anything but week, month, quarter, year. */
extern Grain calib_grain_parse(const char *name);

/* First day of the period of this grain that holds the day. */
extern DateADT calib_period_start(DateADT day, Grain grain,
                                  int fiscal_start_month);

/* First day after the period that begins at period_start. */
extern DateADT calib_period_end(DateADT period_start, Grain grain);

#endif /* CALIB_CALENDAR_H */
