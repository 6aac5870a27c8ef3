/*
 * calendar.h
 *		Periods of the fiscal calendar.
 */
#ifndef CALIB_CALENDAR_H
#define CALIB_CALENDAR_H

#include "postgres.h"

#include "utils/date.h"

typedef enum Grain
{
	GRAIN_WEEK,
	GRAIN_MONTH,
	GRAIN_QUARTER,
	GRAIN_YEAR
} Grain;

extern Grain calib_grain_parse(const char *text);
extern DateADT calib_period_start(DateADT day, Grain grain,
                                  int fiscal_start_month);
extern DateADT calib_period_end(DateADT period_start, Grain grain);

#endif /* CALIB_CALENDAR_H */
