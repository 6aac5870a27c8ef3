-- How jobs and their scheduler are: for calib.health(). In real time, whatever
-- calib.clock plays: a scheduler knows no other.

-- A scheduler calls every quarter of an hour, and a run takes its time.
CREATE FUNCTION calib.job_problems() RETURNS TABLE (job text, problem text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    SELECT s.job, CASE WHEN s.scheduled IS NULL THEN 'not scheduled'
                       WHEN s.sqlstate IS NOT NULL THEN format('failed as of %s (%s, tried %s times: see calib.job_run)', s.tick, s.sqlstate, s.tries)
                       WHEN s.last_tick > now() THEN format('stands until %s: it was run as of that time, which has not come; unscheduled and scheduled anew, it begins from now on', s.last_tick)
                       WHEN s.due > s.last_tick THEN format('late: due at %s, last run as of %s', s.due, s.last_tick) END
    FROM (SELECT j.job, j.scheduled, r.tick, r.sqlstate, r.tries, coalesce(j.last_tick, '-infinity') AS last_tick,
                 calib.newest_tick(j, now() - CASE j.every WHEN 'minute' THEN interval '15 minutes' ELSE interval '1 hour' END) AS due
          FROM calib.job j
          LEFT JOIN LATERAL (SELECT l.tick, l.sqlstate, l.tries FROM calib.job_run l WHERE l.job = j.job
                             ORDER BY l.started_at DESC, l.tick DESC LIMIT 1) r ON true) s;
END;
COMMENT ON FUNCTION calib.job_problems() IS
'Each job, and what is wrong with it: not scheduled, failed the last time, run as of a time that has not come (a clock was set back) and so standing until then, or late by more than a quarter of an hour (every minute) or an hour (the others); NULL: nothing. Errors themselves are in calib.job_run, for admins.';

CREATE FUNCTION calib.cron_problems() RETURNS TABLE (job text, problem text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.job, CASE WHEN count(c.job) = 0 THEN 'missing' WHEN bool_or(c.active) THEN 'altered' ELSE 'inactive' END
    FROM calib.cron_entries() e LEFT JOIN calib.cron_standing() c ON c.job = e.job
    GROUP BY e.job
    HAVING bool_or(c.stands) IS NOT TRUE;
END;
COMMENT ON FUNCTION calib.cron_problems() IS
'Jobs that do not stand in pg_cron as calib.schedule_jobs() put them there: missing, inactive, altered (statement or schedule).';
REVOKE EXECUTE ON FUNCTION calib.cron_problems() FROM PUBLIC;

CREATE FUNCTION calib.scheduler_state(OUT ok boolean, OUT detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    how text := (SELECT min(j.scheduled) FROM calib.job j);
    since timestamptz := (SELECT min(j.scheduled_at) FROM calib.job j);
    wrong text;
BEGIN
    ok := how IS NOT NULL;
    detail := CASE how
        WHEN 'crontab' THEN format('Lines for a crontab were given out at %s; whether they run shows in the jobs.', since)
        WHEN 'statement' THEN format('Statements for another database were given out at %s; whether they run shows in the jobs.', since)
        WHEN 'pg_cron' THEN format('pg_cron has them since %s.', since)
        ELSE CASE WHEN calib.cron_home() IS NULL THEN 'pg_cron is absent, and' ELSE 'pg_cron is there, and' END
            || ' nothing is scheduled: SELECT * FROM calib.schedule_jobs().' END;
    IF how IS DISTINCT FROM 'pg_cron' THEN
        RETURN;
    END IF;
    IF calib.cron_is_here() IS NOT TRUE THEN
        ok := false;
        detail := 'The jobs were scheduled in pg_cron, which is absent now: SELECT * FROM calib.schedule_jobs() tells what to do.';
        RETURN;
    END IF;
    SELECT string_agg(c.job || ': ' || c.problem, '; ' ORDER BY c.job) INTO wrong FROM calib.cron_problems() c;
    IF wrong IS NOT NULL THEN
        ok := false;
        detail := 'In pg_cron, ' || wrong || '. SELECT * FROM calib.schedule_jobs() mends them.';
    END IF;
END $$;
COMMENT ON FUNCTION calib.scheduler_state() IS
'Whether a scheduler was told of the jobs, and still has them: nothing scheduled, pg_cron gone, or jobs missing, inactive or altered in it are not ok.';
