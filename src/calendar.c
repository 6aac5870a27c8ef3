/*
 * calendar.c
 *		Calendar arithmetic: weeks, months, fiscal quarters and years.
 *
 * Dates only; which day a moment falls on is the organisation's business.
 * Weeks are ISO weeks and start on Monday whatever the fiscal year does.
 */
#include "calib.h"

#include "utils/builtins.h"
#include "utils/datetime.h"

#include "calendar.h"

#define MONTHS_PER_QUARTER 3

Grain
calib_grain_parse(const char *text)
{
	if (strcmp(text, "week") == 0)
		return GRAIN_WEEK;
	if (strcmp(text, "month") == 0)
		return GRAIN_MONTH;
	if (strcmp(text, "quarter") == 0)
		return GRAIN_QUARTER;
	if (strcmp(text, "year") == 0)
		return GRAIN_YEAR;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("grain \"%s\" is not known", text),
	                errhint("It is week, month, quarter or year.")));
}

static int
months_of(Grain grain)
{
	if (grain == GRAIN_MONTH)
		return 1;
	return grain == GRAIN_QUARTER ? MONTHS_PER_QUARTER : MONTHS_PER_YEAR;
}

static void
check_finite(DateADT day)
{
	if (DATE_NOT_FINITE(day))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a period cannot start or end at infinity"),
		                errhint("Give a finite date.")));
}

static void
check_fiscal_start_month(int month)
{
	if (month < 1 || month > MONTHS_PER_YEAR)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("fiscal_start_month %d is not a month", month),
		                errhint("It is 1 (January) to 12.")));
}

/*
 * Months are counted from a year far enough before Christ that the count, and
 * with it every remainder, is positive.
 */
#define MONTHS_BEFORE_YEAR_0 (INT64CONST(5000) * MONTHS_PER_YEAR)

static int64
month_count(int year, int month)
{
	return MONTHS_BEFORE_YEAR_0 + (int64) year * MONTHS_PER_YEAR + month - 1;
}

static DateADT
checked_date(int64 day)
{
	if (!IS_VALID_DATE(day))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("date out of range")));
	return (DateADT) day;
}

/*
 * date2j is good for Julian years only, and they reach a little further than
 * dates do at both ends: hence two checks.
 */
static DateADT
first_day(int64 months)
{
	int year = (int) (months / MONTHS_PER_YEAR) - 5000;
	int month = (int) (months % MONTHS_PER_YEAR) + 1;

	if (!IS_VALID_JULIAN(year, month, 1))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("date out of range")));
	return checked_date((int64) date2j(year, month, 1) - POSTGRES_EPOCH_JDATE);
}

static DateADT
week_start(DateADT day)
{
	/* Julian day 0 was a Monday; dates reach back to it and no further */
	int julian = day + POSTGRES_EPOCH_JDATE;

	return day - julian % 7;
}

DateADT
calib_period_start(DateADT day, Grain grain, int fiscal_start_month)
{
	int year;
	int month;
	int of_month;
	int64 months;

	check_finite(day);
	check_fiscal_start_month(fiscal_start_month);
	if (grain == GRAIN_WEEK)
		return week_start(day);
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &of_month);
	months = month_count(year, month);
	months -= (months - (fiscal_start_month - 1)) % months_of(grain);
	return first_day(months);
}

DateADT
calib_period_end(DateADT period_start, Grain grain)
{
	int year;
	int month;
	int of_month;

	check_finite(period_start);
	if (grain == GRAIN_WEEK)
		return checked_date((int64) period_start + 7);
	j2date(period_start + POSTGRES_EPOCH_JDATE, &year, &month, &of_month);
	return checked_date(
	    (int64) first_day(month_count(year, month) + months_of(grain)) +
	    of_month - 1);
}

static Grain
grain_argument(FunctionCallInfo fcinfo, int number)
{
	return calib_grain_parse(text_to_cstring(PG_GETARG_TEXT_PP(number)));
}

PG_FUNCTION_INFO_V1(calib_period_start_sql);
Datum
calib_period_start_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(calib_period_start(
	    PG_GETARG_DATEADT(0), grain_argument(fcinfo, 1), PG_GETARG_INT32(2)));
}

PG_FUNCTION_INFO_V1(calib_period_end_sql);
Datum
calib_period_end_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(
	    calib_period_end(PG_GETARG_DATEADT(0), grain_argument(fcinfo, 1)));
}

/* Mondays to Fridays from Julian day 0, a Monday, up to a day. */
static int
weekdays_before(DateADT day)
{
	int64 julian = (int64) day + POSTGRES_EPOCH_JDATE;

	return (int) (julian / 7 * 5 + Min(julian % 7, 5));
}

PG_FUNCTION_INFO_V1(calib_weekdays);
Datum
calib_weekdays(PG_FUNCTION_ARGS)
{
	DateADT from_day = PG_GETARG_DATEADT(0);
	DateADT to_day = PG_GETARG_DATEADT(1);

	check_finite(from_day);
	check_finite(to_day);
	if (to_day < from_day)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("to_day must not be before from_day"),
		                errdetail("The days are %s and %s.",
		                          DatumGetCString(DirectFunctionCall1(
		                              date_out, DateADTGetDatum(from_day))),
		                          DatumGetCString(DirectFunctionCall1(
		                              date_out, DateADTGetDatum(to_day)))),
		                errhint("Give the earlier day first.")));
	PG_RETURN_INT32(weekdays_before(to_day) - weekdays_before(from_day));
}
