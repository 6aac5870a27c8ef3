/*
 * compat.c
 *		The bridges of compat.h that are more than a macro.
 */
#include "compat.h"

#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#if PG_VERSION_NUM >= 160000
#define DECODE_DATETIME(field, ftype, nf, dtype, tm, fsec, tz) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz,      \
	               &(DateTimeErrorExtra){0})
#else
#define DECODE_DATETIME(field, ftype, nf, dtype, tm, fsec, tz) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz)
#endif

/*
 * timestamptz_in raises errors and, in 15, has no soft form: a setting's check
 * hook may not.  Infinity is refused; 'now' is the time it is set.
 */
bool
calib_parse_timestamptz(const char *text, TimestampTz *at)
{
	char buffer[MAXDATELEN + MAXDATEFIELDS];
	char *field[MAXDATEFIELDS];
	int ftype[MAXDATEFIELDS];
	int nf;
	int dtype;
	int tz;
	struct pg_tm tm;
	fsec_t fsec;

	if (ParseDateTime(text, buffer, sizeof(buffer), field, ftype,
	                  MAXDATEFIELDS, &nf) != 0)
		return false;
	if (DECODE_DATETIME(field, ftype, nf, &dtype, &tm, &fsec, &tz) != 0)
		return false;
	if (dtype != DTK_DATE)
		return false;
	return tm2timestamp(&tm, fsec, &tz, at) == 0;
}
