-- Exactly once over all partitions of calib.activity: see src/activity_key.c.

-- The heap is written below SQL, so it is one.
CREATE TABLE calib.activity_key (
    source text NOT NULL,
    external_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (source, external_id)
) USING heap;
COMMENT ON TABLE calib.activity_key IS
'The key of every activity, over all partitions, and when it happened: what refuses a second one, and tells the partition a fact is in. Written by calib''s trigger alone.';
COMMENT ON COLUMN calib.activity_key.source IS 'Where the fact comes from.';
COMMENT ON COLUMN calib.activity_key.external_id IS 'Its key there.';
COMMENT ON COLUMN calib.activity_key.occurred_at IS 'calib.activity.occurred_at.';
SELECT calib.keep_in_dump('calib.activity_key');

-- What retention has taken away, and so what may not come again.
CREATE TABLE calib.activity_dropped (
    kept_from timestamptz PRIMARY KEY CHECK (isfinite(kept_from)),
    facts bigint NOT NULL CHECK (facts >= 0),
    dropped_at timestamptz NOT NULL
);
COMMENT ON TABLE calib.activity_dropped IS
'What retention dropped, a row each time: an activity of before the latest kept_from is refused (KC008).';
COMMENT ON COLUMN calib.activity_dropped.kept_from IS 'The first moment whose activities are still kept.';
COMMENT ON COLUMN calib.activity_dropped.facts IS 'How many activities went.';
COMMENT ON COLUMN calib.activity_dropped.dropped_at IS 'When, by calib.clock().';
SELECT calib.keep_in_dump('calib.activity_dropped');
SELECT calib.make_append_only('calib.activity_dropped');

CREATE FUNCTION calib.activity_kept_from() RETURNS timestamptz
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_activity_kept_from';
COMMENT ON FUNCTION calib.activity_kept_from() IS
'The first moment whose activities are kept; -infinity where none were dropped. One of before it is refused (KC008).';

CREATE FUNCTION calib.keep_activity_key() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_keep_activity_key';
COMMENT ON FUNCTION calib.keep_activity_key() IS
'Trigger: keeps calib.activity_key, so that (source, external_id) is once over all partitions (23505), and refuses an activity of before what is kept (KC008).';
REVOKE EXECUTE ON FUNCTION calib.keep_activity_key() FROM PUBLIC;
CREATE TRIGGER keep_activity_key AFTER INSERT OR UPDATE OR DELETE ON calib.activity
    FOR EACH ROW EXECUTE FUNCTION calib.keep_activity_key();
ALTER TABLE calib.activity ENABLE ALWAYS TRIGGER keep_activity_key;
