/*
 * calendar.c
 *		Periods (ISO week, month, fiscal quarter, fiscal year) and weekdays.
 *
 * Pure arithmetic on dates: no table, no clock, no time zone.  Which day a
 * moment falls on is decided by the caller, in the organisation's zone;
 * holidays and make-up working days belong to the organisation too.
 *
 * A period is written [start, end): the end is the first day of the next one.
 * Months are counted as year * 12 + month, so that a fiscal year which begins
 * in October needs no special case.  Dates are finite everywhere; a period
 * that would reach beyond the dates PostgreSQL can store is 22008.
 */
#include "calendar.h"

#include "utils/builtins.h"
#include "utils/datetime.h"

PG_FUNCTION_INFO_V1(calib_sql_period_start);
PG_FUNCTION_INFO_V1(calib_sql_period_end);
PG_FUNCTION_INFO_V1(calib_weekdays);

#define MONTHS_A_QUARTER 3
#define DAYS_A_WEEK 7
#define WEEKDAYS_A_WEEK 5

static void
check_finite(DateADT day, const char *argument)
{
	if (!DATE_NOT_FINITE(day))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("%s must be a finite date", argument),
	                errhint("An infinite date lies in no period.")));
}

static void
check_fiscal_month(int fiscal_start_month)
{
	if (fiscal_start_month >= 1 && fiscal_start_month <= MONTHS_PER_YEAR)
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("fiscal start month must be between 1 and 12"),
	                errdetail("The month given is %d.", fiscal_start_month),
	                errhint("Use 1 for years that begin in January.")));
}

static void
date_out_of_range(void)
{
	ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
	                errmsg("period reaches beyond the range of dates")));
}

/*
 * The month index of a day, counted so that index / 12 is the year.  Years
 * before 1 AD make it negative; callers use floor_div only.
 */
static int64
month_index(DateADT day, int *day_of_month)
{
	int year;
	int month;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, day_of_month);
	return (int64) year * MONTHS_PER_YEAR + (month - 1);
}

static DateADT
first_of_month(int64 index)
{
	int64 year = index / MONTHS_PER_YEAR;
	int64 month = index % MONTHS_PER_YEAR;
	int64 day;

	if (month < 0)
	{
		month += MONTHS_PER_YEAR;
		year--;
	}

	/* date2j overflows silently beyond these years */
	if (!IS_VALID_JULIAN(year, month + 1, 1))
		date_out_of_range();
	day =
	    (int64) date2j((int) year, (int) month + 1, 1) - POSTGRES_EPOCH_JDATE;
	if (!IS_VALID_DATE(day))
		date_out_of_range();
	return (DateADT) day;
}

/* Months in a period of this grain; a week has none. */
static int
grain_months(Grain grain)
{
	switch (grain)
	{
		case GRAIN_WEEK:
			return 0;
		case GRAIN_MONTH:
			return 1;
		case GRAIN_QUARTER:
			return MONTHS_A_QUARTER;
		case GRAIN_YEAR:
			return MONTHS_PER_YEAR;
	}
	return 0; /* keep the compiler quiet */
}

Grain
calib_grain_parse(const char *name)
{
	if (strcmp(name, "week") == 0)
		return GRAIN_WEEK;
	if (strcmp(name, "month") == 0)
		return GRAIN_MONTH;
	if (strcmp(name, "quarter") == 0)
		return GRAIN_QUARTER;
	if (strcmp(name, "year") == 0)
		return GRAIN_YEAR;

	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("unknown grain \"%s\"", name),
	                errhint("Use week, month, quarter or year.")));
	return GRAIN_WEEK; /* not reached */
}

DateADT
calib_period_start(DateADT day, Grain grain, int fiscal_start_month)
{
	int day_of_month;
	int64 index;
	int months;

	check_finite(day, "day");
	check_fiscal_month(fiscal_start_month);

	/* Julian day 0, the first date there is, was a Monday. */
	if (grain == GRAIN_WEEK)
		return day - (day + POSTGRES_EPOCH_JDATE) % DAYS_A_WEEK;

	index = month_index(day, &day_of_month);
	months = grain_months(grain);

	/* months since the last period began; 60000 years keep it positive */
	index -= (index + INT64CONST(60000) * MONTHS_PER_YEAR -
	          (fiscal_start_month - 1)) %
	         months;
	return first_of_month(index);
}

/*
 * The caller's date must be the first day of a month or a Monday: a period
 * counted from any other day would overlap its neighbours.  Whether the month
 * is one in which a fiscal quarter begins is not known here.
 */
DateADT
calib_period_end(DateADT period_start, Grain grain)
{
	int day_of_month = 1;
	int64 end;

	check_finite(period_start, "period_start");

	if (grain == GRAIN_WEEK)
	{
		if ((period_start + POSTGRES_EPOCH_JDATE) % DAYS_A_WEEK != 0)
			day_of_month = 0;
		end = (int64) period_start + DAYS_A_WEEK;
		if (day_of_month == 1 && !IS_VALID_DATE(end))
			date_out_of_range();
	}
	else
		end = month_index(period_start, &day_of_month) + grain_months(grain);

	if (day_of_month != 1)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("period_start is not the first day of a %s",
		                grain == GRAIN_WEEK ? "week" : "month"),
		         errdetail("It is %s.",
		                   DatumGetCString(DirectFunctionCall1(
		                       date_out, DateADTGetDatum(period_start)))),
		         errhint("Pass the result of calib.period_start().")));

	return grain == GRAIN_WEEK ? (DateADT) end : first_of_month(end);
}

/* Mondays to Fridays in [first date there is, day). */
static int64
weekdays_before(DateADT day)
{
	int64 days = (int64) day + POSTGRES_EPOCH_JDATE;

	return days / DAYS_A_WEEK * WEEKDAYS_A_WEEK +
	       Min(days % DAYS_A_WEEK, WEEKDAYS_A_WEEK);
}

Datum
calib_sql_period_start(PG_FUNCTION_ARGS)
{
	DateADT day = PG_GETARG_DATEADT(0);
	Grain grain = calib_grain_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)));

	PG_RETURN_DATEADT(calib_period_start(day, grain, PG_GETARG_INT32(2)));
}

Datum
calib_sql_period_end(PG_FUNCTION_ARGS)
{
	DateADT period_start = PG_GETARG_DATEADT(0);
	Grain grain = calib_grain_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)));

	PG_RETURN_DATEADT(calib_period_end(period_start, grain));
}

Datum
calib_weekdays(PG_FUNCTION_ARGS)
{
	DateADT from_day = PG_GETARG_DATEADT(0);
	DateADT to_day = PG_GETARG_DATEADT(1);

	check_finite(from_day, "from_day");
	check_finite(to_day, "to_day");
	if (from_day > to_day)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("from_day must not be after to_day"),
		         errdetail("from_day is %d days after to_day.",
		                   (int) (from_day - to_day)),
		         errhint("The days counted are those in [from_day, to_day): "
		                 "swap the two.")));

	PG_RETURN_INT32(
	    (int32) (weekdays_before(to_day) - weekdays_before(from_day)));
}
