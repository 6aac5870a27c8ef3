-- Running jobs: which ticks are due, one after the other, and what became of each.

CREATE TABLE calib.job_run (
    job text NOT NULL REFERENCES calib.job ON DELETE CASCADE,
    tick timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    seconds double precision GENERATED ALWAYS AS (extract(epoch FROM finished_at - started_at)::double precision) STORED,
    rows bigint,
    error text,
    sqlstate text,
    tries integer NOT NULL DEFAULT 1 CHECK (tries >= 1),
    person text NOT NULL,
    PRIMARY KEY (job, tick),
    CONSTRAINT job_run_error_whole CHECK ((error IS NULL) = (sqlstate IS NULL))
);
-- the one run of a frequent job that did nothing: the next one replaces it
CREATE INDEX job_run_idle ON calib.job_run (job) WHERE error IS NULL AND coalesce(rows, 0) = 0;
CREATE INDEX job_run_started ON calib.job_run (job, started_at);
COMMENT ON TABLE calib.job_run IS
'The log of calib.run(), a row per tick; one tried again is the same row. Of jobs that run every hour or oftener those runs are kept that did something or failed, and the last. Written by calib alone; the job maintain removes what is older than job.keep_days.';
COMMENT ON COLUMN calib.job_run.job IS 'The job.';
COMMENT ON COLUMN calib.job_run.tick IS 'The moment it was run for: its as_of.';
COMMENT ON COLUMN calib.job_run.started_at IS 'When the last try began, in real time.';
COMMENT ON COLUMN calib.job_run.finished_at IS 'When it ended.';
COMMENT ON COLUMN calib.job_run.seconds IS 'How long it took.';
COMMENT ON COLUMN calib.job_run.rows IS 'What the job returned, usually a number of rows; of seal the block. NULL: it failed, or had nothing to do.';
COMMENT ON COLUMN calib.job_run.error IS 'Why it failed: message, detail and hint; NULL: it did not.';
COMMENT ON COLUMN calib.job_run.sqlstate IS 'SQLSTATE of the error.';
COMMENT ON COLUMN calib.job_run.tries IS 'How often this tick was run.';
COMMENT ON COLUMN calib.job_run.person IS 'Who ran it last.';
SELECT calib.keep_in_dump('calib.job_run');

CREATE FUNCTION calib.check_job_call(job text, as_of timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF $1 IS NULL OR NOT EXISTS (SELECT FROM calib.job j WHERE j.job = $1) THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('there is no job "%s"', coalesce($1, 'null')),
            HINT = format('The jobs are: %s.', (SELECT string_agg(j.job, ', ' ORDER BY j.job) FROM calib.job j));
    END IF;
    IF $2 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'as_of must not be null',
            HINT = 'Leave as_of out to run what is due by now.';
    END IF;
    IF NOT isfinite($2) OR $2 > calib.clock() THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'a job cannot run as of a time that has not come',
            DETAIL = format('as_of is %s, and it is %s.', $2, calib.clock()),
            HINT = 'Leave as_of out to run what is due by now.';
    END IF;
END $$;
COMMENT ON FUNCTION calib.check_job_call(text, timestamptz) IS
'Raises 22023 where there is no such job, or as_of is NULL, infinite or later than calib.clock().';
REVOKE EXECUTE ON FUNCTION calib.check_job_call(text, timestamptz) FROM PUBLIC;

-- While the other is scheduled no more, its ticks are not to come.
CREATE FUNCTION calib.tick_awaited(of_job calib.job, as_of timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT min(t)
    FROM calib.job j CROSS JOIN LATERAL calib.job_ticks(j, j.last_tick, as_of) AS t
    WHERE j.job = (of_job).after AND j.last_tick IS NOT NULL
      AND (j.scheduled IS NOT NULL OR (of_job).scheduled IS NULL);
END;
COMMENT ON FUNCTION calib.tick_awaited(calib.job, timestamptz) IS
'The first tick up to as_of that the job another runs after (job.after) has still to be run for; NULL: none, or that job has never run.';

CREATE FUNCTION calib.due_ticks(of_job calib.job, as_of timestamptz) RETURNS timestamptz[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    newest timestamptz := calib.newest_tick($1, $2);
    awaited timestamptz := CASE WHEN ($1).after IS NOT NULL THEN calib.tick_awaited($1, $2) END;
    due timestamptz[];
BEGIN
    IF ($1).every IN ('minute', 'quarter_hour', 'hour') THEN
        RETURN ARRAY[newest];
    END IF;
    IF newest <= ($1).last_tick THEN
        RETURN '{}';
    END IF;
    IF NOT ($1).replay OR ($1).last_tick IS NULL THEN
        due := ARRAY[newest];
    ELSE
        due := ARRAY(SELECT calib.job_ticks($1, ($1).last_tick, $2));
    END IF;
    IF awaited <= newest THEN
        RAISE NOTICE USING MESSAGE = format('job "%s" waits for job "%s" to be run as of %s', ($1).job, ($1).after, awaited);
    END IF;
    RETURN ARRAY(SELECT t FROM unnest(due) t WHERE (t >= awaited) IS NOT TRUE ORDER BY t);
END $$;
COMMENT ON FUNCTION calib.due_ticks(calib.job, timestamptz) IS
'The ticks calib.run() runs, in order: of a job of every hour or oftener always the newest; else none where the newest was run, all that were missed where it replays them, or the newest; without those that wait for the job it runs after.';

CREATE FUNCTION calib.write_job_run(of_job calib.job, tick timestamptz, started_at timestamptz, rows bigint, error text, sqlstate text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO calib.job_run AS r (job, tick, started_at, finished_at, rows, error, sqlstate, person)
    VALUES (($1).job, $2, $3, clock_timestamp(), $4, $5, $6, calib.person())
    ON CONFLICT ON CONSTRAINT job_run_pkey DO UPDATE
    SET started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at, rows = EXCLUDED.rows,
        error = EXCLUDED.error, sqlstate = EXCLUDED.sqlstate, person = EXCLUDED.person, tries = r.tries + 1;
    IF ($1).every IN ('minute', 'quarter_hour', 'hour') THEN
        DELETE FROM calib.job_run r
        WHERE r.job = ($1).job AND r.tick <> $2 AND r.error IS NULL AND coalesce(r.rows, 0) = 0;
    END IF;
END $$;
COMMENT ON FUNCTION calib.write_job_run(calib.job, timestamptz, timestamptz, bigint, text, text) IS
'Writes what became of a tick into calib.job_run, and of a frequent job forgets the run before that did nothing.';
REVOKE EXECUTE ON FUNCTION calib.write_job_run(calib.job, timestamptz, timestamptz, bigint, text, text) FROM PUBLIC;

-- A cancelled query and a shutdown are not caught: they end the whole call, and nothing
-- of it is kept.
CREATE FUNCTION calib.run_tick(of_job calib.job, tick timestamptz, OUT rows bigint, OUT done boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    started timestamptz := clock_timestamp();
    message text;
    detail text;
    hint text;
    state text;
BEGIN
    BEGIN
        EXECUTE format('SELECT calib.%I($1)', 'run_' || ($1).job) INTO rows USING $2;
        done := true;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, state = RETURNED_SQLSTATE;
        done := false;
        rows := NULL;
    END;
    PERFORM calib.write_job_run($1, $2, started, rows,
        CASE WHEN NOT done THEN concat_ws(E'\n', message, nullif(detail, ''), nullif(hint, '')) END, state);
    IF NOT done THEN
        RAISE WARNING USING ERRCODE = state, MESSAGE = format('job "%s" failed: %s', ($1).job, message),
            DETAIL = concat_ws(E'\n', format('It was run as of %s.', $2), nullif(detail, '')), HINT = 'calib.job_run has the error; the next call tries again.';
    END IF;
END $$;
COMMENT ON FUNCTION calib.run_tick(calib.job, timestamptz) IS
'Runs one tick of a job and logs it. done false: it failed, nothing of it is kept, and a warning says why.';
REVOKE EXECUTE ON FUNCTION calib.run_tick(calib.job, timestamptz) FROM PUBLIC;

-- The row's lock is what a second run meets, wherever it comes from; under an isolation
-- that keeps its first snapshot, a last_tick that has moved since is 40001. A call is one
-- transaction: so that a long catch-up neither holds back the seal for hours nor is lost as
-- a whole to a timeout, it ends in time, and the next call goes on.
CREATE FUNCTION calib.run(job text, as_of timestamptz DEFAULT calib.clock()) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    running calib.job;
    tick timestamptz;
    got record;
    total bigint;
    ticks bigint := 0;
    due timestamptz[];
    until timestamptz := clock_timestamp() + interval '10 minutes';
    allowed interval := current_setting('statement_timeout')::interval;
BEGIN
    PERFORM calib.check_job_call($1, $2);
    PERFORM calib.require_duty('{admin}', NULL, 'run jobs');
    IF pg_is_in_recovery() THEN
        RETURN NULL;
    END IF;
    SELECT j.* INTO running FROM calib.job j WHERE j.job = $1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF allowed > interval '0' THEN
        until := least(until, statement_timestamp() + allowed / 2);
    END IF;
    due := calib.due_ticks(running, $2);
    FOREACH tick IN ARRAY due LOOP
        IF ticks > 0 AND clock_timestamp() >= until THEN
            RAISE NOTICE USING MESSAGE = format('job "%s" has %s ticks left to make up for', $1, cardinality(due) - ticks),
                HINT = 'What it did so far is kept; the next call goes on.';
            EXIT;
        END IF;
        SELECT r.* INTO got FROM calib.run_tick(running, tick) r;
        EXIT WHEN NOT got.done;
        UPDATE calib.job j SET last_tick = tick WHERE j.job = $1 AND j.last_tick IS DISTINCT FROM greatest(j.last_tick, tick);
        total := CASE WHEN num_nulls(total, got.rows) = 2 THEN NULL ELSE coalesce(total, 0) + coalesce(got.rows, 0) END;
        ticks := ticks + 1;
    END LOOP;
    -- told of once, however many ticks made them; what is not replayed makes none
    IF ticks > 0 AND running.replay THEN
        PERFORM calib.announce_reminders();
    END IF;
    RETURN CASE WHEN ticks = 0 THEN 0 ELSE total END;
END $$;
COMMENT ON FUNCTION calib.run(text, timestamptz) IS
'Runs a job: of those that run every hour or oftener once, of the others every tick that is due up to as_of and was not run yet, in order, each as of itself. Returns what it did, as a number the job defines, 0 where nothing was due; NULL: nothing, because this is a standby, the job is already running, or it had nothing to do. A tick that fails is logged in calib.job_run and warned of, and ends the call; the next one tries it again. After ten minutes, or half of statement_timeout, no further tick is begun: the next call goes on. NOTIFY calib_reminder once, with the number of reminders that are new. Duty admin for everyone (42501). Unknown job, as_of NULL, infinite or later than calib.clock(): 22023.';

CREATE FUNCTION calib.skip_tick(job text) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    skipped timestamptz;
BEGIN
    PERFORM calib.check_job_call($1, calib.clock());
    PERFORM calib.require_duty('{admin}', NULL, 'give up a tick of a job');
    UPDATE calib.job j SET last_tick = f.tick
    FROM (SELECT r.job, min(r.tick) AS tick FROM calib.job_run r JOIN calib.job o ON o.job = r.job
          WHERE r.job = $1 AND r.error IS NOT NULL AND (o.last_tick IS NULL OR r.tick > o.last_tick) GROUP BY r.job) f
    WHERE j.job = f.job
    RETURNING f.tick INTO skipped;
    RETURN skipped;
END $$;
COMMENT ON FUNCTION calib.skip_tick(text) IS
'Gives up the tick that a job failed at and that those after it wait for: it counts as run, its row in calib.job_run stays. Returns it; NULL: no tick has failed since the last that did not. Duty admin for everyone (42501); unknown job: 22023.';
