-- Who stands below whom, kept as rows: climbing the tree unit by unit for every
-- figure takes longer than the figure.

-- From -infinity and to infinity where there is no end: a day is compared, not a range.
CREATE TABLE calib.unit_closure (
    unit_id bigint NOT NULL REFERENCES calib.unit ON DELETE CASCADE,
    ancestor_id bigint NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    depth integer NOT NULL,
    PRIMARY KEY (unit_id, ancestor_id, valid_from)
);
CREATE INDEX unit_closure_ancestor ON calib.unit_closure (ancestor_id, unit_id);
CREATE INDEX unit_closure_moved ON calib.unit_closure (unit_id) WHERE valid_from > '-infinity' OR valid_to < 'infinity';
COMMENT ON TABLE calib.unit_closure IS
'Each unit below each of its ancestors, itself included, as unit_history says it; kept by trigger. Read calib.unit_tree.';
COMMENT ON COLUMN calib.unit_closure.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.unit_closure.ancestor_id IS 'A unit above it, or itself.';
COMMENT ON COLUMN calib.unit_closure.valid_from IS 'First day below that ancestor; -infinity: since ever.';
COMMENT ON COLUMN calib.unit_closure.valid_to IS 'First day no longer below it; infinity: still.';
COMMENT ON COLUMN calib.unit_closure.depth IS 'Steps up from the unit.';
SELECT calib.keep_in_dump('calib.unit_closure');

-- Everything below a unit stands elsewhere when it moves.
CREATE FUNCTION calib.close_units(moved bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    below bigint[] := ARRAY(SELECT c.unit_id FROM calib.unit_closure c WHERE c.ancestor_id = ANY (moved) UNION SELECT unnest(moved));
    -- one that is new has nothing that anybody could have added up
    known bigint[] := ARRAY(SELECT DISTINCT c.unit_id FROM calib.unit_closure c WHERE c.unit_id = ANY (below));
BEGIN
    INSERT INTO calib.result_climb_mark (unit_id)
    SELECT DISTINCT c.ancestor_id FROM calib.unit_closure c WHERE c.unit_id = ANY (known) AND c.depth > 0;
    DELETE FROM calib.unit_closure c WHERE c.unit_id = ANY (below);
    INSERT INTO calib.unit_closure (unit_id, ancestor_id, valid_from, valid_to, depth)
    WITH RECURSIVE up (unit_id, ancestor_id, valid, depth, path) AS (
        SELECT u.unit_id, u.unit_id, daterange(NULL, NULL), 0, ARRAY[u.unit_id]
        FROM calib.unit u WHERE u.unit_id = ANY (below)
        UNION ALL
        SELECT up.unit_id, h.parent_id, up.valid * h.valid, up.depth + 1, up.path || h.parent_id
        FROM up JOIN calib.unit_history h ON h.unit_id = up.ancestor_id
        WHERE h.parent_id IS NOT NULL AND up.valid && h.valid AND h.parent_id <> ALL (up.path)
    )
    SELECT up.unit_id, up.ancestor_id, coalesce(lower(up.valid), '-infinity'), coalesce(upper(up.valid), 'infinity'), up.depth
    FROM up;
    INSERT INTO calib.result_climb_mark (unit_id)
    SELECT DISTINCT c.ancestor_id FROM calib.unit_closure c WHERE c.unit_id = ANY (known) AND c.depth > 0;
END $$;
COMMENT ON FUNCTION calib.close_units(bigint[]) IS
'Writes unit_closure anew for units and all that ever stood below them, and marks the sums of results of those above (result_climb_mark), which they leave and come to. Internal.';
REVOKE EXECUTE ON FUNCTION calib.close_units(bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.keep_unit_closure() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.unit_history'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.keep_unit_closure keeps table calib.unit_history only';
    END IF;
    IF calib.restoring() THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM calib.close_units(ARRAY(SELECT u.unit_id FROM calib.unit u));
        RETURN NULL;
    END IF;
    -- One at a time, as units move.  An older snapshot would not see where those above
    -- have moved to since; to lock what it sees of them fails where it is not so any more.
    PERFORM pg_advisory_xact_lock('calib.unit_history'::regclass::oid::bigint);
    IF TG_OP <> 'DELETE' AND current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        PERFORM FROM calib.unit_history h
        WHERE h.unit_id IN (SELECT a.ancestor_id FROM calib.unit_ancestors(NULL, NEW.parent_id) a)
        FOR KEY SHARE;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.unit_id <> OLD.unit_id THEN
        PERFORM calib.close_units(ARRAY[OLD.unit_id]);
    END IF;
    PERFORM calib.close_units(ARRAY[CASE WHEN TG_OP = 'DELETE' THEN OLD.unit_id ELSE NEW.unit_id END]);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.keep_unit_closure() IS
'Trigger: keeps unit_closure when unit_history changes.';
REVOKE EXECUTE ON FUNCTION calib.keep_unit_closure() FROM PUBLIC;
CREATE TRIGGER keep_unit_closure AFTER INSERT OR UPDATE OR DELETE ON calib.unit_history
    FOR EACH ROW EXECUTE FUNCTION calib.keep_unit_closure();
ALTER TABLE calib.unit_history ENABLE ALWAYS TRIGGER keep_unit_closure;
CREATE TRIGGER keep_unit_closure_truncate AFTER TRUNCATE ON calib.unit_history
    FOR EACH STATEMENT EXECUTE FUNCTION calib.keep_unit_closure();
ALTER TABLE calib.unit_history ENABLE ALWAYS TRIGGER keep_unit_closure_truncate;

CREATE VIEW calib.unit_tree WITH (security_invoker = true) AS
SELECT c.unit_id, c.ancestor_id, nullif(c.valid_from, '-infinity') AS valid_from, nullif(c.valid_to, 'infinity') AS valid_to,
       c.depth::bigint AS depth
FROM calib.unit_closure c;
COMMENT ON VIEW calib.unit_tree IS
'Each unit below each of its ancestors, itself included (depth 0), from valid_from up to but not including valid_to (NULL: always).';
COMMENT ON COLUMN calib.unit_tree.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.unit_tree.ancestor_id IS 'A unit above it, or itself.';
COMMENT ON COLUMN calib.unit_tree.valid_from IS 'First day below that ancestor; NULL: since ever.';
COMMENT ON COLUMN calib.unit_tree.valid_to IS 'First day no longer below it; NULL: still.';
COMMENT ON COLUMN calib.unit_tree.depth IS 'Steps up from the unit.';
