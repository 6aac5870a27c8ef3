-- Marks: which days of which reps were changed since they were last summed up.
-- See src/activity_mark.c. The stored sums stand in src/activity_summary.sql.

CREATE TABLE calib.activity_mark (
    unit_id bigint,
    day date NOT NULL
);
-- Who publishes all tables could not remove a row without.
ALTER TABLE calib.activity_mark REPLICA IDENTITY FULL;
-- Written and emptied every minute: what is left behind is to go soon.
ALTER TABLE calib.activity_mark SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
COMMENT ON TABLE calib.activity_mark IS
'Days of units whose activities changed since the job rollup last read them: what is stored of such a day is not used. Appended by every change of calib.activity in its own transaction, without a key, taken away by the job alone.';
COMMENT ON COLUMN calib.activity_mark.unit_id IS 'Whose activity; NULL: what is stored of every unit, from that day on.';
COMMENT ON COLUMN calib.activity_mark.day IS 'The day it happened or was due, in organisation time.';
SELECT calib.keep_in_dump('calib.activity_mark');

CREATE FUNCTION calib.mark_activity() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_mark_activity';
COMMENT ON FUNCTION calib.mark_activity() IS
'Trigger: appends to calib.activity_mark the days an activity was on, is on and is due; TRUNCATE marks all that is stored. Silent under calib.restoring and for an update that changes nothing.';
REVOKE EXECUTE ON FUNCTION calib.mark_activity() FROM PUBLIC;
CREATE TRIGGER mark_activity AFTER INSERT OR UPDATE OR DELETE ON calib.activity
    FOR EACH ROW EXECUTE FUNCTION calib.mark_activity();
ALTER TABLE calib.activity ENABLE ALWAYS TRIGGER mark_activity;
CREATE TRIGGER mark_activity_truncate AFTER TRUNCATE ON calib.activity
    FOR EACH STATEMENT EXECUTE FUNCTION calib.mark_activity();
ALTER TABLE calib.activity ENABLE ALWAYS TRIGGER mark_activity_truncate;

CREATE FUNCTION calib.forget_marks() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_forget_marks';
COMMENT ON FUNCTION calib.forget_marks() IS
'Lets this transaction mark days anew that it has marked before: the job rollup took the marks away. Internal.';
REVOKE EXECUTE ON FUNCTION calib.forget_marks() FROM PUBLIC;

-- A lock before the snapshot, as seal() does it: who comes second sees what the first
-- one stored.
CREATE FUNCTION calib.lock_summaries(purpose text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION USING ERRCODE = '25001',
            MESSAGE = format('%s needs isolation level READ COMMITTED', $1),
            DETAIL = 'It waits for a lock and then reads what is stored; this transaction keeps its first snapshot.',
            HINT = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED at its start.';
    END IF;
    PERFORM pg_advisory_xact_lock('calib.activity_mark'::regclass::oid::bigint);
END $$;
COMMENT ON FUNCTION calib.lock_summaries(text) IS
'Takes the lock under which stored summaries are written, until the transaction ends; another isolation level than READ COMMITTED is 25001. Internal.';
REVOKE EXECUTE ON FUNCTION calib.lock_summaries(text) FROM PUBLIC;

-- What else decides whether an activity is late: the policy of its day.  A rollup that
-- reads the policy before this and stores its parts after it is found out by the mark.
CREATE FUNCTION calib.mark_policy() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.policy'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.mark_policy keeps table calib.policy only';
    END IF;
    IF calib.restoring() OR (NEW.unit_id, NEW.valid_from, NEW.late_hours)
        IS NOT DISTINCT FROM (OLD.unit_id, OLD.valid_from, OLD.late_hours) THEN
        RETURN NULL;
    END IF;
    INSERT INTO calib.activity_mark (unit_id, day)
    VALUES (NULL, least(NEW.valid_from, OLD.valid_from));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.mark_policy() IS
'Trigger: a policy decides from its first day on which activities are late, so what is stored of those days is marked.';
REVOKE EXECUTE ON FUNCTION calib.mark_policy() FROM PUBLIC;
CREATE TRIGGER mark_policy AFTER INSERT OR UPDATE OR DELETE ON calib.policy
    FOR EACH ROW EXECUTE FUNCTION calib.mark_policy();
ALTER TABLE calib.policy ENABLE ALWAYS TRIGGER mark_policy;

CREATE FUNCTION calib.mark_all_activity() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    LOCK TABLE calib.activity IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM calib.activity_mark;
    PERFORM calib.forget_marks();
    INSERT INTO calib.activity_mark (unit_id, day)
    SELECT DISTINCT a.unit_id, calib.day_of(m.at)
    FROM calib.activity a
    CROSS JOIN LATERAL (VALUES (a.occurred_at), (a.due_at)) m (at)
    WHERE isfinite(m.at);
END $$;
COMMENT ON FUNCTION calib.mark_all_activity() IS
'Marks the day of every activity, waiting for who writes any: the organisation''s zone has changed. Internal.';
REVOKE EXECUTE ON FUNCTION calib.mark_all_activity() FROM PUBLIC;
