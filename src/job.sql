-- Jobs: what a scheduler calls, and when each is due. The ticks of a job are the
-- moments it means, in organisation time; a scheduler only has to call often enough.
-- Nothing here is called by a user's own transaction, so nothing there notifies
-- anybody (DESIGN 8).

CREATE TABLE calib.job (
    job text PRIMARY KEY CHECK (job ~ '^[a-z][a-z_]*$'),
    every text NOT NULL CHECK (every IN ('minute', 'quarter_hour', 'hour', 'day', 'week', 'month')),
    at time CHECK (at < '24:00' AND extract(second FROM at) = 0),
    weekday integer CHECK (weekday BETWEEN 1 AND 7),
    month_day integer CHECK (month_day BETWEEN 1 AND 31),
    replay boolean NOT NULL DEFAULT false,
    after text CHECK (after <> job),
    keep_days integer NOT NULL CHECK (keep_days BETWEEN 1 AND 3650),
    label_en text NOT NULL,
    label_zh text NOT NULL,
    last_tick timestamptz CHECK (isfinite(last_tick)),
    scheduled text CHECK (scheduled IN ('pg_cron', 'statement', 'crontab')),
    scheduled_at timestamptz,
    CONSTRAINT job_time_of_day CHECK ((at IS NOT NULL) = (every IN ('day', 'week', 'month'))),
    CONSTRAINT job_day_of_week CHECK ((weekday IS NOT NULL) = (every = 'week')),
    CONSTRAINT job_day_of_month CHECK ((month_day IS NOT NULL) = (every = 'month')),
    -- after a year of downtime a day's job has 365 ticks to make up, a minute's half a million
    CONSTRAINT job_replays_days CHECK (NOT replay OR every IN ('day', 'week', 'month')),
    CONSTRAINT job_scheduled_whole CHECK ((scheduled IS NULL) = (scheduled_at IS NULL))
);
COMMENT ON TABLE calib.job IS
'What calib.run() runs, and when, in organisation time. An admin for everyone changes the times, days kept and labels; the rest is kept by calib.run() and calib.schedule_jobs().';
COMMENT ON COLUMN calib.job.job IS 'Name: calib.run(job) runs it.';
COMMENT ON COLUMN calib.job.every IS 'minute, quarter_hour, hour, day, week or month.';
COMMENT ON COLUMN calib.job.at IS 'Time of day in organisation time, for day, week and month. One that a change of clocks leaves out is due at that change; one that comes twice, the second time.';
COMMENT ON COLUMN calib.job.weekday IS 'Day of the ISO week for week: 1 Monday to 7 Sunday.';
COMMENT ON COLUMN calib.job.month_day IS 'Day of the calendar month for month; in a shorter month its last day.';
COMMENT ON COLUMN calib.job.replay IS 'true: every missed tick is made up for, in order, as of itself. false: one run makes up for all.';
COMMENT ON COLUMN calib.job.after IS 'The job whose ticks up to one of this have to be through first: what this does is decided by what that found. NULL: none.';
COMMENT ON COLUMN calib.job.keep_days IS 'Days its rows in calib.job_run are kept; those of maintain also the outbox''s acknowledged events and the log of detections.';
COMMENT ON COLUMN calib.job.label_en IS 'What it does, in English.';
COMMENT ON COLUMN calib.job.label_zh IS 'What it does, in Chinese.';
COMMENT ON COLUMN calib.job.last_tick IS 'The last tick it was run for; NULL: never, and then it begins with the newest.';
COMMENT ON COLUMN calib.job.scheduled IS 'How calib.schedule_jobs() scheduled it: pg_cron, statement or crontab; NULL: it is not.';
COMMENT ON COLUMN calib.job.scheduled_at IS 'Since when it is scheduled, in real time.';

INSERT INTO calib.job (job, every, at, month_day, replay, after, keep_days, label_en, label_zh)
VALUES
    ('announce', 'minute', NULL, NULL, false, NULL, 7, 'Tell listeners what waits', '通知等待处理的事项'),
    ('seal', 'minute', NULL, NULL, false, NULL, 30, 'Seal the trail into the ledger', '将审计记录封存入账本'),
    ('rollup', 'minute', NULL, NULL, false, NULL, 30, 'Summarise activities', '汇总行为数据'),
    ('pull', 'quarter_hour', NULL, NULL, false, NULL, 30, 'Read the sources', '读取数据源'),
    ('detect', 'day', '07:00', NULL, true, NULL, 400, 'Open and end deviations', '检测偏差'),
    ('rules', 'day', '07:30', NULL, true, NULL, 400, 'Check rules and remind', '检查规则并提醒'),
    ('weekly_report', 'day', '16:00', NULL, true, NULL, 400, 'Prepare weekly reports on the last working day', '在每周最后一个工作日准备周报'),
    ('monthly_meeting', 'month', '09:00', 20, true, 'detect', 400, 'Prepare the monthly meetings', '准备月度会议'),
    ('maintain', 'day', '03:00', NULL, false, NULL, 90, 'Clear out old logs', '清理过期日志');
SELECT calib.keep_in_dump('calib.job', seeded => true);

-- Not a definer: whose rights a change is made with is what it looks at. calib.run() and
-- calib.schedule_jobs() run as the owner.
CREATE FUNCTION calib.keep_job() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.job'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.keep_job keeps table calib.job only';
    END IF;
    IF calib.restoring()
        OR (NEW.job, NEW.replay, NEW.after, NEW.last_tick, NEW.scheduled, NEW.scheduled_at)
            IS NOT DISTINCT FROM (OLD.job, OLD.replay, OLD.after, OLD.last_tick, OLD.scheduled, OLD.scheduled_at)
        OR pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = '42501',
        MESSAGE = format('of job "%s" only times, days kept and labels are yours to change', OLD.job),
        HINT = 'calib.run() and calib.schedule_jobs() keep the rest; calib.skip_tick() gives up a tick that keeps failing.';
END $$;
COMMENT ON FUNCTION calib.keep_job() IS
'Trigger: an admin changes the times of a job, its days kept and its labels; name, replay, after, last tick and what it is scheduled by are for the owner of the table (42501).';
REVOKE EXECUTE ON FUNCTION calib.keep_job() FROM PUBLIC;
CREATE TRIGGER keep_job AFTER UPDATE ON calib.job
    FOR EACH ROW EXECUTE FUNCTION calib.keep_job();
ALTER TABLE calib.job ENABLE ALWAYS TRIGGER keep_job;

-- Ticks -----------------------------------------------------------------------------

-- PostgreSQL reads a time that is left out with the offset before, which is later than
-- the change; the first minute that has reached it is the change itself.
CREATE FUNCTION calib.moment_of(day date, at time, zone text) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN m.moment AT TIME ZONE zone = day + at THEN m.moment
                ELSE (SELECT min(g) FROM generate_series(m.moment - (m.moment AT TIME ZONE zone - (day + at)), m.moment, '1 minute') g
                      WHERE g AT TIME ZONE zone >= day + at) END
    FROM (SELECT (day + at) AT TIME ZONE zone AS moment) m;
END;
COMMENT ON FUNCTION calib.moment_of(date, time, text) IS
'The moment of a local time: where a change of clocks leaves it out, that change; where it comes twice, the second. at: full minutes. NULL gives NULL; unknown zone: 22023.';

CREATE FUNCTION calib.job_ticks(of_job calib.job, after timestamptz, up_to timestamptz) RETURNS SETOF timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    zone text := (SELECT o.zone FROM calib.organisation o);
    step interval := CASE ($1).every WHEN 'minute' THEN '1 minute' ELSE '15 minutes' END;
BEGIN
    IF NOT (isfinite($2) AND isfinite($3)) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'ticks lie between two finite moments';
    END IF;
    IF ($1).every IN ('minute', 'quarter_hour', 'hour') THEN
        RETURN QUERY
        SELECT t FROM generate_series(date_bin(step, $2, '2000-01-01 00:00+00'), $3, step) t
        WHERE t > $2 AND (($1).every <> 'hour' OR extract(minute FROM t AT TIME ZONE zone) = 0)
        ORDER BY t;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT DISTINCT m.tick
    FROM (SELECT s::date AS day
          FROM generate_series((($2 AT TIME ZONE zone)::date - 1)::timestamp, ((($3 AT TIME ZONE zone)::date + 1))::timestamp, '1 day') s) d
    CROSS JOIN LATERAL (SELECT calib.moment_of(d.day, ($1).at, zone) AS tick) m
    WHERE m.tick > $2 AND m.tick <= $3
      AND CASE ($1).every WHEN 'week' THEN extract(isodow FROM d.day) = ($1).weekday
                          WHEN 'month' THEN d.day = least(date_trunc('month', d.day)::date + ($1).month_day - 1,
                                                          (date_trunc('month', d.day) + interval '1 month')::date - 1)
                          ELSE true END
    ORDER BY m.tick;
END $$;
COMMENT ON FUNCTION calib.job_ticks(calib.job, timestamptz, timestamptz) IS
'The ticks of a job later than one moment and up to another, in order; infinite: 22023.';

CREATE FUNCTION calib.newest_tick(of_job calib.job, as_of timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT max(t)
    FROM calib.job_ticks(of_job, as_of - CASE (of_job).every WHEN 'minute' THEN interval '2 minutes' WHEN 'quarter_hour' THEN interval '1 hour'
        WHEN 'hour' THEN interval '3 hours' WHEN 'day' THEN interval '3 days' WHEN 'week' THEN interval '9 days' ELSE interval '40 days' END, as_of) AS t;
END;
COMMENT ON FUNCTION calib.newest_tick(calib.job, timestamptz) IS 'The last tick of a job that is not later than a moment. Internal.';
REVOKE EXECUTE ON FUNCTION calib.newest_tick(calib.job, timestamptz) FROM PUBLIC;

-- What runs: those of other rooms stand there ------------------------------------------

CREATE FUNCTION calib.run_announce(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    events bigint;
    steps bigint;
BEGIN
    SELECT count(*) INTO events FROM calib.outbox_claim c
    WHERE c.acked_at IS NULL AND (c.lease_until IS NULL OR c.lease_until <= clock_timestamp());
    IF events > 0 THEN
        PERFORM pg_notify('calib_outbox', events::text);
    END IF;
    SELECT (SELECT count(*) FROM calib.adjustment a WHERE a.status IN ('submitted', 'approved'))
         + (SELECT count(*) FROM calib.resource_request r WHERE r.status IN ('submitted', 'approved'))
    INTO steps;
    IF steps > 0 THEN
        PERFORM pg_notify('calib_waiting', steps::text);
    END IF;
    RETURN events + steps + calib.announce_reminders();
END $$;
COMMENT ON FUNCTION calib.run_announce(timestamptz) IS
'Job announce: NOTIFY calib_outbox with the number of events nobody works on, and calib_waiting with that of adjustments and requests whose next step waits, whoever''s it is, and calib_reminder with that of reminders nobody was told of yet; returns their sum. Where there is none, nobody is told. as_of does not matter.';
REVOKE EXECUTE ON FUNCTION calib.run_announce(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.run_pull(as_of timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT calib.pull();
END;
COMMENT ON FUNCTION calib.run_pull(timestamptz) IS 'Job pull: calib.pull() of all feeds. as_of does not matter.';
REVOKE EXECUTE ON FUNCTION calib.run_pull(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.run_seal(as_of timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT calib.seal();
END;
COMMENT ON FUNCTION calib.run_seal(timestamptz) IS
'Job seal: calib.seal(); returns the last block made, NULL: nothing to seal. as_of does not matter.';
REVOKE EXECUTE ON FUNCTION calib.run_seal(timestamptz) FROM PUBLIC;
