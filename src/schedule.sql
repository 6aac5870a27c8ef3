-- Scheduling: through pg_cron where it is, as statements for the database it is in, or as
-- lines of a crontab. A scheduler knows no organisation time (pg_cron thinks in UTC), so
-- it only calls often enough: every minute, or every quarter of an hour; which ticks are
-- due calib.run() decides. pg_cron is never required, so whatever names it is dynamic.

CREATE FUNCTION calib.cron_home() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT current_setting('cron.database_name', true)
    WHERE current_setting('shared_preload_libraries') ~ '(^|[/, "])pg_cron($|[, "])';
END;
COMMENT ON FUNCTION calib.cron_home() IS 'The database pg_cron keeps its jobs in; NULL: the server does not load it.';
REVOKE EXECUTE ON FUNCTION calib.cron_home() FROM PUBLIC;

CREATE FUNCTION calib.cron_is_here() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT calib.cron_home() = current_database() AND EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_cron');
END;
COMMENT ON FUNCTION calib.cron_is_here() IS 'Whether pg_cron is loaded, and its extension is in this database; NULL: it is not loaded.';
REVOKE EXECUTE ON FUNCTION calib.cron_is_here() FROM PUBLIC;

-- What stands in the scheduler -----------------------------------------------------------

-- pg_cron cuts a name off at 63 bytes without a word, which a database's own name may have.
CREATE FUNCTION calib.cron_name(job text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN octet_length(n.name) <= 63 THEN n.name ELSE format('calib %s %s', job, md5(current_database())) END
    FROM (SELECT format('calib %s in %s', job, current_database()) AS name) n;
END;
COMMENT ON FUNCTION calib.cron_name(text) IS
'The name of a job in pg_cron, which has one list for all databases; a name that is too long has the hash of the database''s.';

-- Jobs of a quarter of an hour begin in minutes spread over it, each in one that follows
-- from its name: all together they would ask for more workers than a server has by default.
CREATE FUNCTION calib.cron_entries() RETURNS TABLE (job text, name text, schedule text, command text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT j.job, calib.cron_name(j.job),
           CASE WHEN j.every = 'minute' THEN '* * * * *'
                ELSE format('%s-59/15 * * * *', get_byte(sha256(convert_to(j.job, 'UTF8')), 0) % 15) END,
           format('SELECT calib.run(%L)', j.job)
    FROM calib.job j;
END;
COMMENT ON FUNCTION calib.cron_entries() IS
'What a scheduler must have for each job: name, schedule in the five fields of cron, and the statement.';

CREATE FUNCTION calib.cron_standing()
RETURNS TABLE (job text, job_id bigint, username text, schedule text, command text, active boolean, stands boolean)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF calib.cron_is_here() IS NOT TRUE THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT e.job, c.jobid, c.username, c.schedule, c.command, c.active,
                c.active AND c.schedule = e.schedule AND c.command = e.command
         FROM calib.cron_entries() e JOIN cron.job c ON c.jobname::text = e.name
         WHERE c.database = current_database()
         ORDER BY c.jobid';
END $$;
COMMENT ON FUNCTION calib.cron_standing() IS
'Jobs of this database that stand in pg_cron, whoever scheduled them, and whether each is as it must be. Where pg_cron is not in this database: none.';
REVOKE EXECUTE ON FUNCTION calib.cron_standing() FROM PUBLIC;

-- What to hand over where pg_cron is not here ------------------------------------------------

-- A URI takes any name: all but letters, digits and a few more as %XX. A crontab ends the
-- command at a % that has no backslash.
CREATE FUNCTION calib.crontab_line(schedule text, command text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('%s psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d postgresql:///%s -c "%s"', schedule,
        (SELECT string_agg(CASE WHEN b.byte BETWEEN 48 AND 57 OR b.byte BETWEEN 65 AND 90 OR b.byte BETWEEN 97 AND 122 OR b.byte IN (45, 46, 95)
                                THEN chr(b.byte) ELSE chr(92) || '%' || upper(lpad(to_hex(b.byte), 2, '0')) END, '' ORDER BY b.n)
         FROM (SELECT n, get_byte(d.name, n) AS byte
               FROM (SELECT convert_to(current_database(), 'UTF8') AS name) d
               CROSS JOIN LATERAL generate_series(0, length(d.name) - 1) AS n) b), command);
END;
COMMENT ON FUNCTION calib.crontab_line(text, text) IS
'A line of a crontab that runs a statement in this database, whatever its name. The statement has no %, " or $.';
REVOKE EXECUTE ON FUNCTION calib.crontab_line(text, text) FROM PUBLIC;

CREATE FUNCTION calib.cron_log_condition() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('database = %L AND command LIKE %L', current_database(), 'SELECT calib.run(%');
END;
COMMENT ON FUNCTION calib.cron_log_condition() IS 'Which rows of cron.job_run_details are of calib''s jobs in this database.';
REVOKE EXECUTE ON FUNCTION calib.cron_log_condition() FROM PUBLIC;

CREATE FUNCTION calib.cron_statements() RETURNS TABLE (job text, schedule text, name text, statement text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.job, e.schedule, e.name,
           format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);', e.name, e.schedule, e.command, current_database(), calib.role())
    FROM calib.cron_entries() e
    UNION ALL
    SELECT 'maintain', '40 3 * * *', calib.cron_name('log'),
           format('SELECT cron.schedule(%L, %L, %L);', calib.cron_name('log'), '40 3 * * *',
                  format('DELETE FROM cron.job_run_details WHERE %s AND coalesce(end_time, start_time) < now() - interval ''%s days''',
                         calib.cron_log_condition(), j.keep_days))
    FROM calib.job j WHERE j.job = 'announce';
END;
COMMENT ON FUNCTION calib.cron_statements() IS
'The statements that schedule the jobs of this database, to be run in the one pg_cron is in; and one that clears out pg_cron''s log of them, which the job maintain cannot reach from here.';
REVOKE EXECUTE ON FUNCTION calib.cron_statements() FROM PUBLIC;

-- Scheduling ----------------------------------------------------------------------------------

CREATE FUNCTION calib.scheduler_here() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF calib.cron_home() IS NULL THEN
        RETURN 'crontab';
    END IF;
    IF calib.cron_is_here() THEN
        RETURN 'pg_cron';
    END IF;
    IF calib.cron_home() <> current_database() THEN
        RETURN 'statement';
    END IF;
    RAISE EXCEPTION USING ERRCODE = '55000',
        MESSAGE = 'pg_cron is loaded for this database, and its extension is not there',
        HINT = 'CREATE EXTENSION pg_cron, as a superuser.';
END $$;
COMMENT ON FUNCTION calib.scheduler_here() IS
'How jobs of this database are scheduled: pg_cron, statement or crontab. 55000: pg_cron is loaded for this database, and not created in it.';
REVOKE EXECUTE ON FUNCTION calib.scheduler_here() FROM PUBLIC;

-- What lies before is not missed: a job that was not scheduled begins with its next tick.
-- A scheduler runs in real time, whatever calib.clock plays here.
CREATE FUNCTION calib.mark_scheduled(how text) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- in order: two who schedule at once would wait for each other
    SELECT FROM calib.job j ORDER BY j.job FOR UPDATE;
    UPDATE calib.job j SET scheduled = how, scheduled_at = coalesce(j.scheduled_at, clock_timestamp()),
        last_tick = CASE WHEN j.scheduled IS NULL THEN calib.newest_tick(j, now()) ELSE j.last_tick END
    WHERE j.scheduled IS DISTINCT FROM how;
END;
COMMENT ON FUNCTION calib.mark_scheduled(text) IS 'Notes by what all jobs are scheduled; the last tick of those that were not becomes the newest.';
REVOKE EXECUTE ON FUNCTION calib.mark_scheduled(text) FROM PUBLIC;

CREATE FUNCTION calib.plan_jobs()
RETURNS TABLE (job text, how text, schedule text, command text, name text, job_id bigint, stands boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place text;
BEGIN
    PERFORM calib.require_duty('{admin}', NULL, 'schedule jobs');
    place := calib.scheduler_here();
    PERFORM calib.mark_scheduled(place);
    IF place = 'statement' THEN
        RETURN QUERY SELECT s.job, place, s.schedule, s.statement, s.name, NULL::bigint, true FROM calib.cron_statements() s;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT e.job, place, e.schedule, CASE place WHEN 'crontab' THEN calib.crontab_line(e.schedule, e.command) ELSE e.command END,
           e.name, s.job_id, place = 'crontab' OR coalesce(s.stands, false)
    FROM calib.cron_entries() e
    LEFT JOIN (SELECT DISTINCT ON (c.job) c.* FROM calib.cron_standing() c ORDER BY c.job, c.stands DESC, c.username = calib.role() DESC) s ON s.job = e.job
    ORDER BY e.job;
END $$;
COMMENT ON FUNCTION calib.plan_jobs() IS
'For calib.schedule_jobs(): notes that all jobs are scheduled, and tells how, with what, as which job of pg_cron each stands, and whether it is as it must be.';

-- With the caller's own rights: pg_cron runs a job as who scheduled it, and nobody gets
-- more than he has.
CREATE FUNCTION calib.schedule_jobs() RETURNS TABLE (job text, how text, schedule text, command text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    planned record;
BEGIN
    FOR planned IN SELECT p.* FROM calib.plan_jobs() p LOOP
        IF NOT planned.stands THEN
            IF planned.job_id IS NOT NULL THEN
                EXECUTE 'SELECT cron.unschedule($1::bigint)' USING planned.job_id;
            END IF;
            EXECUTE 'SELECT cron.schedule($1::text, $2::text, $3::text)' USING planned.name, planned.schedule, planned.command;
        END IF;
        job := planned.job;
        how := planned.how;
        schedule := planned.schedule;
        command := planned.command;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.schedule_jobs() IS
'Schedules all jobs from now on: in pg_cron where it is in this database (how pg_cron), as the caller; else command is what is still to be done: a statement to run in the database pg_cron is in (statement), or a line for a crontab (crontab). A second call changes nothing but what was changed in pg_cron. Duty admin for everyone, and USAGE on schema cron (42501); 55000 where pg_cron is loaded for this database and not created in it.';

CREATE FUNCTION calib.unplan_jobs()
RETURNS TABLE (job text, how text, schedule text, command text, job_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM calib.require_duty('{admin}', NULL, 'unschedule jobs');
    PERFORM FROM calib.job j ORDER BY j.job FOR UPDATE;
    RETURN QUERY
    SELECT c.job, 'pg_cron', c.schedule, c.command, c.job_id FROM calib.cron_standing() c
    UNION ALL
    SELECT s.job, 'statement', s.schedule,
           format('SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L;', s.name), NULL::bigint
    FROM calib.cron_statements() s JOIN calib.job j ON j.job = s.job AND j.scheduled = 'statement'
    UNION ALL
    SELECT e.job, 'crontab', e.schedule, calib.crontab_line(e.schedule, e.command), NULL::bigint
    FROM calib.cron_entries() e JOIN calib.job j ON j.job = e.job AND j.scheduled = 'crontab'
    ORDER BY 1;
    UPDATE calib.job j SET scheduled = NULL, scheduled_at = NULL WHERE j.scheduled IS NOT NULL;
END $$;
COMMENT ON FUNCTION calib.unplan_jobs() IS
'For calib.unschedule_jobs(): notes that no job is scheduled, and tells what stood where.';

CREATE FUNCTION calib.unschedule_jobs() RETURNS TABLE (job text, how text, schedule text, command text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    planned record;
BEGIN
    FOR planned IN SELECT p.* FROM calib.unplan_jobs() p LOOP
        IF planned.job_id IS NOT NULL THEN
            EXECUTE 'SELECT cron.unschedule($1::bigint)' USING planned.job_id;
        END IF;
        job := planned.job;
        how := planned.how;
        schedule := planned.schedule;
        command := planned.command;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.unschedule_jobs() IS
'Takes all jobs out of pg_cron, whoever scheduled them, or gives the statements for the database it is in (statement), or the lines to take out of the crontab (crontab). Nothing scheduled: no rows. Duty admin for everyone (42501); for jobs in pg_cron of another role, superuser.';
