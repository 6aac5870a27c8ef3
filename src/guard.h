/*
 * guard.h
 *		What the rules (guard.c) and the record of an adjustment
 *		(adjustment.c) share: a target's row and what an adjustment needs.
 */
#ifndef CALIB_GUARD_H
#define CALIB_GUARD_H

#include "calib.h"

#include "utils/numeric.h"

#include "calendar.h"

typedef struct Target
{
	int64 target_id;
	int64 unit_id;
	char *measure;
	char *product_line;
	Grain grain;
	DateADT period_start;
	DateADT period_end; /* first day after the period */
	Numeric original_value;
	Numeric value;
	bool is_published;
	TimestampTz published_at;
} Target;

/* The organisation's calendar at the moment of the change. */
typedef struct Calendar
{
	DateADT today;
	int fiscal_start_month;
} Calendar;

typedef struct Adjustment
{
	const Target *old;
	const Target *new;
	const Calendar *calendar;
} Adjustment;

/* guard.c */
extern char *calib_numeric_text(Numeric number);
extern char *calib_date_text(DateADT day);
extern const char *calib_target_text(const Target *target);

/* adjustment.c */
extern void calib_adjust(const Adjustment *adjustment);

#endif /* CALIB_GUARD_H */
