-- What is called with what there is not, or without what it needs, says the way out.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
SET calib.clock = '2025-11-20 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'region', 'East');
INSERT INTO calib.deviation (deviation_id, unit_id, kind, period_start) VALUES (1, 1, 'execution', '2025-10-01');
SELECT calib.remind('note', 1, 'manager', 'deviation', 'tier_new', '{}', calib.clock(), NULL) AS reminded;
INSERT INTO calib.survey_response (unit_id, score) VALUES (1, 9);

CREATE FUNCTION refused(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    EXECUTE call;
    RETURN 'went through';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN SQLSTATE || ' ' || message || ' | ' || coalesce(nullif(hint, ''), 'NO WAY OUT');
END $$;

\pset format unaligned
\pset tuples_only on
SELECT refused(call) FROM unnest(ARRAY[
    $$SELECT calib.act(404, 'coaching', 'x')$$,
    $$SELECT calib.act(1, 'shouting', 'x')$$,
    $$SELECT calib.act(1, 'coaching')$$,
    $$SELECT calib.dismiss(404, 'x')$$,
    $$SELECT calib.dismiss(1, ' ')$$,
    $$SELECT calib.comment_deviation(404, 'x')$$,
    $$SELECT calib.comment_deviation(1, ' ')$$,
    $$SELECT calib.open_meeting(NULL, '2025-11-20')$$,
    $$SELECT calib.open_meeting(404, '2025-11-20')$$,
    $$SELECT calib.open_meeting(1, '2026-01-20')$$,
    $$SELECT calib.decide(404, 1, 'accept')$$,
    $$SELECT calib.close_meeting(404)$$,
    $$SELECT calib.cancel_meeting(404)$$,
    $$SELECT calib.finish_reminder(404)$$,
    $$SELECT calib.dismiss_reminder(404, 'x')$$,
    $$SELECT calib.dismiss_reminder(1, ' ')$$,
    $$SELECT calib.edit_report(404, 'x')$$,
    $$SELECT calib.file_report(404)$$,
    $$SELECT calib.run('detct')$$,
    $$SELECT calib.run('detect', NULL)$$,
    $$SELECT calib.run('detect', '2025-11-20 09:00:01+08')$$,
    $$SELECT calib.detect(NULL)$$,
    $$SELECT calib.skip_tick('detct')$$,
    $$SELECT calib.setup_small_firm('required')$$,
    $$UPDATE calib.organisation SET fiscal_start_month = 4$$]) WITH ORDINALITY AS c (call, n)
ORDER BY n;
SELECT refused(format($$SELECT calib.decide(%s, 404, 'accept')$$, calib.open_meeting(1, '2025-11-20')));
DROP EXTENSION calib CASCADE;
DROP FUNCTION refused(text);
