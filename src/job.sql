-- Jobs: what a scheduler calls. Nothing here is called by a user's own
-- transaction, so nothing there notifies anybody (DESIGN 8).

CREATE FUNCTION calib.run_announce() RETURNS bigint
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
COMMENT ON FUNCTION calib.run_announce() IS
'Job announce: NOTIFY calib_outbox with the number of events nobody works on, and calib_waiting with that of adjustments and requests whose next step waits, whoever''s it is, and calib_reminder with that of reminders nobody was told of yet; returns their sum. Where there is none, nobody is told.';
REVOKE EXECUTE ON FUNCTION calib.run_announce() FROM PUBLIC;

CREATE FUNCTION calib.run(job text, as_of timestamptz DEFAULT calib.clock()) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known text[] := '{announce,pull,seal}';
BEGIN
    IF $1 IS NULL OR $1 <> ALL (known) THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('there is no job "%s"', coalesce($1, 'null')),
            HINT = format('The jobs are: %s.', array_to_string(known, ', '));
    END IF;
    IF $2 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'as_of must not be null';
    END IF;
    PERFORM calib.require_duty('{admin}', NULL, 'run jobs');
    IF pg_is_in_recovery() OR NOT pg_try_advisory_xact_lock('calib.run'::regproc::oid::integer, hashtext($1)) THEN
        RETURN NULL;
    END IF;
    CASE $1
        WHEN 'announce' THEN
            RETURN calib.run_announce();
        WHEN 'pull' THEN
            RETURN calib.pull();
        WHEN 'seal' THEN
            RETURN calib.seal();
    END CASE;
END $$;
COMMENT ON FUNCTION calib.run(text, timestamptz) IS
'Runs a job once: announce, pull or seal. Returns what it did, as a number the job defines; NULL: nothing, because this is a standby or the job is already running. as_of: the time it is run for. Duty admin for everyone (42501). Unknown job, NULL: 22023.';
