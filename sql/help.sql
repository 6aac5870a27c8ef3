-- Help: one screen in either language, and every name in it exists.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SELECT calib.help();
SET calib.language = 'zh';
SELECT calib.help();
RESET calib.language;

-- It fits: 40 lines of 100 columns with psql's heading, where a character of East Asia
-- takes two.
CREATE FUNCTION width(line text) RETURNS integer LANGUAGE sql
RETURN length(line) + length(regexp_replace(line, '[^⺀-鿿＀-￯、。]', '', 'g'));
CREATE FUNCTION fits(language text) RETURNS TABLE (lines bigint, too_wide bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('calib.language', $1, true);
    RETURN QUERY SELECT count(*) + 3, count(*) FILTER (WHERE width(line) > 98) FROM calib.help() AS line;
END $$;
SELECT width('ab、中'), language, lines <= 40 AS high_enough, too_wide FROM unnest('{en,zh}'::text[]) language, fits(language);

-- What is named, wherever in a line, is there: functions by their parentheses, the rest
-- tables and views.
CREATE VIEW named AS
SELECT DISTINCT m[1] AS name, m[2] = '()' AS is_function
FROM calib.help_topics() t, regexp_matches(t.names, '([a-z_]+)(\(\)|)', 'g') m
UNION
SELECT DISTINCT m[1], true
FROM calib.help_topics() t, regexp_matches(t.en || ' ' || t.zh, '([a-z_]+)\(\)', 'g') m;
SELECT count(*) > 50 AS many, count(*) FILTER (WHERE is_function) > 30 AS functions FROM named;
SELECT name AS missing FROM named WHERE is_function AND NOT EXISTS (
    SELECT FROM pg_proc WHERE proname = name AND pronamespace = 'calib'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE'))
UNION ALL
SELECT name FROM named WHERE NOT is_function AND to_regclass('calib.' || name) IS NULL;
-- the same line says the same functions in both languages
SELECT en, zh FROM calib.help_topics()
WHERE (SELECT array_agg(m[1]) FROM regexp_matches(en, '([a-z_]+)\(\)', 'g') m) IS DISTINCT FROM
      (SELECT array_agg(m[1]) FROM regexp_matches(zh, '([a-z_]+)\(\)', 'g') m);
-- for everybody, also in a restrictive session
SET search_path = '';
SELECT count(*) > 30 AS lines FROM calib.help();
