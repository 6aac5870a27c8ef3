-- calendar: every value is compared with date_trunc / generate_series
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
SET datestyle = 'ISO, YMD';

-- 1. period_start against date_trunc: 900 days, all four grains (no row)
SELECT d, g, calib.period_start(d, g) AS got, date_trunc(g, d)::date AS want
FROM (SELECT date '2023-12-20' + i AS d FROM generate_series(0, 900) i) days,
     unnest(ARRAY['week', 'month', 'quarter', 'year']) g
WHERE calib.period_start(d, g) IS DISTINCT FROM date_trunc(g, d)::date;

-- 2. fiscal quarters and years: shift to January, truncate, shift back (no row)
SELECT d, g, m, calib.period_start(d, g, m) AS got
FROM (SELECT date '2023-12-20' + i * 5 AS d FROM generate_series(0, 180) i) days,
     unnest(ARRAY['quarter', 'year']) g, generate_series(1, 12) m
WHERE calib.period_start(d, g, m) IS DISTINCT FROM
      (date_trunc(g, date_trunc('month', d) - make_interval(months => m - 1))
       + make_interval(months => m - 1))::date;

-- 3. worked by hand: a year from April, its quarters, and before 1 AD
SELECT calib.period_start('2025-03-31', 'year', 4)     = '2024-04-01' AS fy_last_day,
       calib.period_start('2025-04-01', 'year', 4)     = '2025-04-01' AS fy_first_day,
       calib.period_start('2025-02-10', 'quarter', 2)  = '2025-02-01' AS q_from_february,
       calib.period_start('2025-01-31', 'quarter', 2)  = '2024-11-01' AS q_over_new_year,
       calib.period_start('2025-02-10', 'month', 7)    = '2025-02-01' AS month_ignores_fiscal,
       calib.period_start('2026-01-01', 'week')        = '2025-12-29' AS iso_week,
       calib.period_start('0044-03-15 BC', 'quarter')  = '0044-01-01 BC' AS caesar,
       calib.period_start('0044-03-15 BC', 'year', 10) = '0045-10-01 BC' AS caesar_fiscal;

-- 4. period_end is the next period's start (no row)
SELECT d, g, calib.period_end(d, g) AS got
FROM (SELECT date '2023-01-01' + i AS d FROM generate_series(0, 1500) i) days,
     unnest(ARRAY['week', 'month', 'quarter', 'year']) g
WHERE d = date_trunc(g, d)::date
  AND calib.period_end(d, g) IS DISTINCT FROM
      (d + CASE g WHEN 'week' THEN interval '7 days' WHEN 'month' THEN interval '1 month'
                  WHEN 'quarter' THEN interval '3 months' ELSE interval '1 year' END)::date;
SELECT calib.period_end('2024-02-01', 'month')   = '2024-03-01' AS leap,
       calib.period_end('2025-11-01', 'quarter') = '2026-02-01' AS over_new_year,
       calib.period_end('0001-12-01 BC', 'month') = '0001-01-01' AS no_year_zero;

-- 5. weekdays against counting them one by one (no row)
SELECT f, n
FROM (SELECT date '2025-08-01' + i AS f FROM generate_series(0, 13) i) starts,
     generate_series(0, 30) n
WHERE calib.weekdays(f, f + n) IS DISTINCT FROM
      (SELECT count(*)::integer FROM generate_series(f::timestamp, f + n - interval '1 day', interval '1 day') d
       WHERE extract(isodow FROM d) < 6);
SELECT calib.weekdays('2025-10-01', '2026-01-01') AS q4_2025,
       calib.weekdays('2025-08-08', '2025-08-08') AS empty_range,
       calib.weekdays('4714-11-24 BC', date '4714-11-24 BC' + 7 * 306000000) = 5 * 306000000 AS all_dates;

-- 6. NULL in, NULL out
SELECT calib.period_start(NULL, 'month') IS NULL AS a, calib.period_start('2025-01-01', NULL) IS NULL AS b,
       calib.period_start('2025-01-01', 'month', NULL) IS NULL AS c, calib.period_end(NULL, 'month') IS NULL AS d,
       calib.period_end('2025-01-01', NULL) IS NULL AS e, calib.weekdays(NULL, '2025-01-01') IS NULL AS f;

-- 7. refused
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  code text; message text; detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                          detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', code, message, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT call, pg_temp.refusal('SELECT ' || call)
FROM (VALUES
  (1, $$calib.period_start('2025-01-01', 'decade')$$),
  (2, $$calib.period_start('2025-01-01', 'Month')$$),
  (3, $$calib.period_start('2025-01-01', 'year', 0)$$),
  (4, $$calib.period_start('2025-01-01', 'week', 13)$$),
  (5, $$calib.period_start('infinity', 'month')$$),
  (6, $$calib.period_start('-infinity', 'week')$$),
  (7, $$calib.period_end('infinity', 'week')$$),
  (8, $$calib.period_end('2025-01-01', 'day')$$),
  (9, $$calib.period_end('2025-01-31', 'month')$$),
  (10, $$calib.period_end('2025-01-01', 'week')$$),
  (11, $$calib.weekdays('2025-01-02', '2025-01-01')$$),
  (12, $$calib.weekdays('-infinity', '2025-01-01')$$),
  (13, $$calib.weekdays('2025-01-01', 'infinity')$$),
  -- the ends of what a date can hold
  (14, $$calib.period_start('4714-11-24 BC', 'month')$$),
  (15, $$calib.period_start('4714-12-24 BC', 'year')$$),
  (16, $$calib.period_end('5874897-12-01', 'month')$$),
  (17, $$calib.period_end('5874897-12-30', 'week')$$),
  (18, $$calib.period_end('5874897-10-01', 'quarter')$$),
  (19, $$calib.period_end('5874897-01-01', 'year')$$)) t(n, call)
ORDER BY n;
SELECT calib.period_start('4714-11-24 BC', 'week') = '4714-11-24 BC' AS first_day,
       calib.period_start('5874897-12-31', 'year') = '5874897-01-01' AS last_year;
