
-- calendar: periods and weekdays as pure arithmetic on dates.

CREATE FUNCTION calib.period_start(day date, grain text,
                                   fiscal_start_month integer DEFAULT 1)
RETURNS date
AS 'MODULE_PATHNAME', 'calib_sql_period_start'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.period_start(date, text, integer) IS
'First day of the week (ISO, Monday), month, quarter or year that holds the day; quarters and years begin in fiscal_start_month. NULL in, NULL out. Unknown grain, month outside 1..12, infinite day: 22023.';

CREATE FUNCTION calib.period_end(period_start date, grain text)
RETURNS date
AS 'MODULE_PATHNAME', 'calib_sql_period_end'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.period_end(date, text) IS
'First day AFTER the period that begins at period_start: 7 days, 1, 3 or 12 months later. NULL in, NULL out. Unknown grain, infinite date, a date that begins no period of this grain: 22023.';

CREATE FUNCTION calib.weekdays(from_day date, to_day date)
RETURNS integer
AS 'MODULE_PATHNAME', 'calib_weekdays'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.weekdays(date, date) IS
'Mondays to Fridays in [from_day, to_day), in constant time; holidays are not known here. NULL in, NULL out. Infinite dates or from_day after to_day: 22023.';
