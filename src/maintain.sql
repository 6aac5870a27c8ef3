-- Clearing out: logs older than a job's keep_days, and activities older than the
-- organisation keeps them; and making partitions ahead. Other history (results, the
-- trail, adjustments, deviations) is never cleared out.

-- Rows that never began have no time; they are as old as those around them.
CREATE FUNCTION calib.prune_cron_log(before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pruned bigint;
BEGIN
    IF calib.cron_is_here() IS NOT TRUE THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'DELETE FROM cron.job_run_details WHERE %s
           AND (coalesce(end_time, start_time) < $1
                OR (coalesce(end_time, start_time) IS NULL
                    AND runid < (SELECT max(o.runid) FROM cron.job_run_details o WHERE coalesce(o.end_time, o.start_time) < $1)))',
        calib.cron_log_condition()) USING $1;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END $$;
COMMENT ON FUNCTION calib.prune_cron_log(timestamptz) IS
'Deletes from pg_cron''s log what is of calib''s jobs in this database and ended before a moment; returns how many. Where pg_cron is in another database: 0.';
REVOKE EXECUTE ON FUNCTION calib.prune_cron_log(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.prune_job_runs(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pruned bigint;
BEGIN
    DELETE FROM calib.job_run r USING calib.job j
    WHERE j.job = r.job AND r.finished_at < $1 - make_interval(days => j.keep_days)
      AND EXISTS (SELECT FROM calib.job_run n WHERE n.job = r.job AND n.started_at > r.started_at);
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END $$;
COMMENT ON FUNCTION calib.prune_job_runs(timestamptz) IS
'Deletes runs older than their job''s keep_days, but the last of each; returns how many.';
REVOKE EXECUTE ON FUNCTION calib.prune_job_runs(timestamptz) FROM PUBLIC;

-- What is cleared out was written in real time, so a clock that plays the future ages nothing.
CREATE FUNCTION calib.run_maintain(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz := least($1, now());
BEGIN
    PERFORM calib.mend_references();
    PERFORM calib.fold_result_sums($1);
    RETURN calib.prune_job_runs(at)
        + calib.prune_cron_log(at - (SELECT make_interval(days => j.keep_days) FROM calib.job j WHERE j.job = 'announce'))
        + calib.prune_outbox(at - (SELECT make_interval(days => j.keep_days) FROM calib.job j WHERE j.job = 'maintain'))
        + calib.drop_old_activities(at)
        -- last, for it locks what others write until the run ends
        + calib.make_months(calib.day_of($1), (date_trunc('month', calib.day_of($1)) + interval '4 months')::date);
END $$;
COMMENT ON FUNCTION calib.run_maintain(timestamptz) IS
'Job maintain: clears out runs in calib.job_run, pg_cron''s log of calib''s jobs (as long as runs of announce are kept), acknowledged events of the outbox and activities older than calib.organisation.activity_months, and makes the partitions of calib.activity for this month and the three after it; returns how many rows and partitions. And folds the sums of results by month.';
REVOKE EXECUTE ON FUNCTION calib.run_maintain(timestamptz) FROM PUBLIC;
