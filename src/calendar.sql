-- Calendar arithmetic: see src/calendar.c.

CREATE FUNCTION calib.period_start(day date, grain text, fiscal_start_month integer DEFAULT 1) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_period_start_sql';
COMMENT ON FUNCTION calib.period_start(date, text, integer) IS
'First day of the week (ISO), month, fiscal quarter or fiscal year that holds a day. NULL gives NULL; an unknown grain, month or an infinite day is 22023.';

CREATE FUNCTION calib.period_end(period_start date, grain text) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_period_end_sql';
COMMENT ON FUNCTION calib.period_end(date, text) IS
'First day after the week, month, quarter or year that starts on period_start. NULL gives NULL; an unknown grain or an infinite day is 22023.';

CREATE FUNCTION calib.weekdays(from_day date, to_day date) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_weekdays';
COMMENT ON FUNCTION calib.weekdays(date, date) IS
'Mondays to Fridays from from_day up to but not including to_day. NULL gives NULL; reversed or infinite days are 22023.';
