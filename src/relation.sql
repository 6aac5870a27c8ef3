-- Attaching to tables of users: which may be kept, by whom, and the triggers that
-- keep them. Shared by every room that puts triggers on such a table; see src/relation.c.

-- May it be kept? ---------------------------------------------------------------

CREATE FUNCTION calib.leaves(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE part (relid, depth) AS (
        SELECT leaves.relation::oid, 0
        UNION
        SELECT i.inhrelid, p.depth + 1
        FROM part p JOIN pg_inherits i ON i.inhparent = p.relid
    )
    SELECT p.relid::regclass
    FROM part p JOIN pg_class c ON c.oid = p.relid
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    GROUP BY p.relid
    ORDER BY max(p.depth), p.relid;
END;
COMMENT ON FUNCTION calib.leaves(regclass) IS
'The table and all its partitions (and children by inheritance) at any depth, parents first. Temporary and foreign ones are left out.';

-- What a table is called is told by format's %s of a regclass, quoted where need be.
CREATE FUNCTION calib.check_relation_kind(relation regclass, action text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    class pg_class;
    kind text;
    hint text;
    part regclass;
BEGIN
    IF $1 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = format('cannot %s: no table is named', $2);
    END IF;
    SELECT c.* INTO class FROM pg_class c WHERE c.oid = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42P01',
            MESSAGE = format('cannot %s: relation with OID %s does not exist', $2, $1::oid);
    END IF;
    kind := CASE
        WHEN class.relkind = 'v' THEN 'a view'
        WHEN class.relkind = 'm' THEN 'a materialized view'
        WHEN class.relkind = 'f' THEN 'a foreign table'
        WHEN class.relkind = 'S' THEN 'a sequence'
        WHEN class.relkind IN ('i', 'I') THEN 'an index'
        WHEN class.relkind = 'c' THEN 'a composite type'
        WHEN class.relkind NOT IN ('r', 'p') THEN 'no table'
        WHEN class.relpersistence = 't' THEN 'a temporary table'
        WHEN class.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            THEN 'a system catalog'
        WHEN class.relnamespace = 'calib'::regnamespace THEN 'a table of calib itself'
        WHEN class.relispartition THEN 'a partition'
    END;
    IF kind IS NOT NULL THEN
        hint := CASE kind
            WHEN 'a view' THEN 'Name the table below it.'
            WHEN 'a foreign table' THEN 'Do it in the database where the table is: what is written there never passes here.'
            WHEN 'a partition' THEN format('Name the table it is a part of, %s, or detach it.', pg_partition_root($1))
            WHEN 'a table of calib itself' THEN 'calib keeps what matters of its own tables by itself: calib.audit has it.'
            ELSE 'Ordinary and partitioned tables can be kept.'
        END;
        RAISE EXCEPTION USING ERRCODE = '42809',
            MESSAGE = format('cannot %s: %s is %s', $2, $1, kind), HINT = hint;
    END IF;
    SELECT c.oid INTO part
    FROM pg_partition_tree($1) p JOIN pg_class c ON c.oid = p.relid WHERE c.relkind = 'f' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42809',
            MESSAGE = format('cannot %s: partition %s of %s is a foreign table', $2, part, $1),
            HINT = 'What is written where that table is never passes here. Detach it.';
    END IF;
END $$;
COMMENT ON FUNCTION calib.check_relation_kind(regclass, text) IS
'Raises 42809 for what cannot be kept: views, foreign tables, temporary tables, partitions, catalogs, calib''s own. action completes "cannot ...".';
REVOKE EXECUTE ON FUNCTION calib.check_relation_kind(regclass, text) FROM PUBLIC;

CREATE FUNCTION calib.check_unfenced(action text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF calib.in_restricted_operation() THEN
        RAISE EXCEPTION USING ERRCODE = '42501',
            MESSAGE = format('cannot %s within a security-restricted operation', $1);
    END IF;
END $$;
COMMENT ON FUNCTION calib.check_unfenced(text) IS
'Raises 42501 where code that PostgreSQL or calib has fenced in calls. action completes "cannot ...".';
REVOKE EXECUTE ON FUNCTION calib.check_unfenced(text) FROM PUBLIC;

CREATE FUNCTION calib.check_owner(relation regclass, action text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    foreign_part regclass;
BEGIN
    PERFORM calib.check_unfenced($2);
    PERFORM calib.require_duty('{admin}', NULL, $2);
    SELECT c.oid INTO foreign_part
    FROM calib.leaves($1) WITH ORDINALITY AS l (relid, place) JOIN pg_class c ON c.oid = l.relid
    WHERE NOT pg_has_role(calib.role()::name, c.relowner, 'USAGE')
    ORDER BY l.place LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42501',
            MESSAGE = format('cannot %s: must be owner of table %s', $2, foreign_part),
            DETAIL = format('Role %s is not a member of its owner, %s.', calib.role(),
                (SELECT quote_ident(pg_get_userbyid(c.relowner)) FROM pg_class c WHERE c.oid = foreign_part)),
            HINT = 'It takes duty admin and the table: SET ROLE to its owner where that role holds the duty.';
    END IF;
END $$;
COMMENT ON FUNCTION calib.check_owner(regclass, text) IS
'Raises 42501 unless the caller''s role holds duty admin for everyone AND owns the table and its partitions. action completes "cannot ...".';
REVOKE EXECUTE ON FUNCTION calib.check_owner(regclass, text) FROM PUBLIC;

CREATE FUNCTION calib.check_own_table(relation regclass, action text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM calib.check_relation_kind($1, $2);
    PERFORM calib.check_owner($1, $2);
END $$;
COMMENT ON FUNCTION calib.check_own_table(regclass, text) IS
'Raises 42809 for what cannot be kept, 42501 unless the caller''s role holds duty admin for everyone and owns the table. action completes "cannot ...".';
REVOKE EXECUTE ON FUNCTION calib.check_own_table(regclass, text) FROM PUBLIC;

-- The triggers it must have -------------------------------------------------------
-- A room that keeps tables says which triggers each must have as rows of this type;
-- putting them on, showing their state (calib.trigger_state) and mending them
-- (calib.rearm) are then the same for all.

-- (function is a text: pg_upgrade refuses tables with a regprocedure.)
CREATE TYPE calib.expected_trigger AS (
    relation regclass,
    trigger name,
    function text,
    definition text,
    enabled "char"
);
COMMENT ON TYPE calib.expected_trigger IS
'A trigger that a table must have: the function it calls, its definition as pg_get_triggerdef(oid) tells it, enabled as pg_trigger.tgenabled. definition NULL: it must not be there.';
COMMENT ON COLUMN calib.expected_trigger.relation IS 'The table.';
COMMENT ON COLUMN calib.expected_trigger.trigger IS 'Name of the trigger.';
COMMENT ON COLUMN calib.expected_trigger.function IS 'The function it calls.';
COMMENT ON COLUMN calib.expected_trigger.definition IS 'As pg_get_triggerdef(oid) tells it; NULL: it must not be there.';
COMMENT ON COLUMN calib.expected_trigger.enabled IS 'As pg_trigger.tgenabled.';

CREATE FUNCTION calib.expect_trigger(relation regclass, trigger name, what text, function text)
RETURNS calib.expected_trigger
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT ROW(expect_trigger.relation, expect_trigger.trigger, expect_trigger.function,
        format('CREATE TRIGGER %I %s EXECUTE FUNCTION %s', expect_trigger.trigger,
            format(expect_trigger.what, expect_trigger.relation), expect_trigger.function),
        'A')::calib.expected_trigger;
END;
COMMENT ON FUNCTION calib.expect_trigger(regclass, name, text, text) IS
'An expected trigger, ENABLE ALWAYS. what: timing, events in PostgreSQL''s order (INSERT OR DELETE OR UPDATE OR TRUNCATE), ON %s and FOR EACH.';
REVOKE EXECUTE ON FUNCTION calib.expect_trigger(regclass, name, text, text) FROM PUBLIC;

CREATE FUNCTION calib.trigger_problem(expected calib.expected_trigger) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE
        WHEN (expected).definition IS NULL THEN CASE WHEN t.oid IS NOT NULL THEN 'stray' END
        WHEN t.oid IS NULL THEN 'missing'
        WHEN t.tgfoid <> (expected).function::regprocedure THEN 'name taken'
        WHEN pg_get_triggerdef(t.oid) <> (expected).definition THEN 'altered'
        WHEN t.tgenabled = 'D' AND (expected).enabled <> 'D' THEN 'disabled'
        WHEN t.tgenabled = 'R' AND (expected).enabled <> 'R' THEN 'replica only'
        WHEN t.tgenabled = 'O' AND (expected).enabled <> 'O' THEN 'not always'
        WHEN t.tgenabled <> (expected).enabled THEN 'always'
        WHEN NOT has_function_privilege(c.relowner, (expected).function, 'EXECUTE') THEN 'owner lacks execute'
    END
    FROM pg_class c
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = (expected).trigger AND NOT t.tgisinternal
    WHERE c.oid = (expected).relation;
END;
COMMENT ON FUNCTION calib.trigger_problem(calib.expected_trigger) IS
'What is wrong with an expected trigger: missing, name taken (by a trigger that is not calib''s), altered (another definition), disabled, replica only, not always, always, owner lacks execute (cannot add partitions), stray (it must not be there); NULL: nothing.';

CREATE FUNCTION calib.run_as_owner(relation regclass, command text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_run_as_owner';
COMMENT ON FUNCTION calib.run_as_owner(regclass, text) IS
'Runs a command as a table''s owner, in a security-restricted operation with a pinned search_path.';
REVOKE EXECUTE ON FUNCTION calib.run_as_owner(regclass, text) FROM PUBLIC;

-- Creating a trigger takes SHARE ROW EXCLUSIVE, dropping one ACCESS EXCLUSIVE: the
-- mode that will be needed is taken at once, for raising it later would deadlock.
CREATE FUNCTION calib.lock_table(relation regclass, mode text DEFAULT 'SHARE ROW EXCLUSIVE') RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT calib.run_as_owner(lock_table.relation,
        format('LOCK TABLE %s IN %s MODE', lock_table.relation, lock_table.mode));
END;
COMMENT ON FUNCTION calib.lock_table(regclass, text) IS
'Locks a table and its partitions as its owner, so that what is read next about its triggers and partitions is not overtaken.';
REVOKE EXECUTE ON FUNCTION calib.lock_table(regclass, text) FROM PUBLIC;

-- The owner needs EXECUTE as long as the trigger stands: else it could neither have
-- the trigger put on as itself nor create another partition (DESIGN 6).
CREATE FUNCTION calib.put_trigger(expected calib.expected_trigger) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := calib.trigger_problem($1);
    owner name := (SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = $1.relation);
BEGIN
    IF problem = 'name taken' THEN
        RAISE EXCEPTION USING ERRCODE = '42710',
            MESSAGE = format('table %s has another trigger %I', $1.relation, $1.trigger),
            HINT = 'Rename that trigger.';
    END IF;
    IF $1.definition IS NOT NULL AND NOT has_function_privilege(owner, $1.function, 'EXECUTE') THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', $1.function, owner);
    END IF;
    IF problem IN ('altered', 'stray') THEN
        PERFORM calib.run_as_owner($1.relation, format('DROP TRIGGER %I ON %s', $1.trigger, $1.relation));
    END IF;
    IF problem IN ('missing', 'altered') THEN
        PERFORM calib.run_as_owner($1.relation, $1.definition);
    END IF;
    problem := calib.trigger_problem($1);
    IF problem IS NOT NULL THEN
        PERFORM calib.run_as_owner($1.relation, format('ALTER TABLE %s ENABLE %s TRIGGER %I', $1.relation,
            CASE $1.enabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, $1.trigger));
        problem := calib.trigger_problem($1);
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = '55000',
            MESSAGE = format('trigger %I on %s is still %s', $1.trigger, $1.relation, problem);
    END IF;
END $$;
COMMENT ON FUNCTION calib.put_trigger(calib.expected_trigger) IS
'Makes an expected trigger stand as it must, as the table''s owner: creates it, switches it back on, or drops it. Does nothing where it does.';
REVOKE EXECUTE ON FUNCTION calib.put_trigger(calib.expected_trigger) FROM PUBLIC;

-- A partition's row trigger is its parent's and goes with it.
CREATE FUNCTION calib.drop_triggers(relation regclass, function text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_trigger record;
BEGIN
    FOR found_trigger IN
        SELECT t.tgrelid::regclass AS relid, t.tgname
        FROM calib.leaves($1) AS l (relid) JOIN pg_trigger t ON t.tgrelid = l.relid
        WHERE t.tgfoid = $2::regprocedure AND t.tgparentid = 0
    LOOP
        PERFORM calib.run_as_owner(found_trigger.relid,
            format('DROP TRIGGER %I ON %s', found_trigger.tgname, found_trigger.relid));
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.drop_triggers(regclass, text) IS
'Takes the triggers that call a function off a table and its partitions, as their owners.';
REVOKE EXECUTE ON FUNCTION calib.drop_triggers(regclass, text) FROM PUBLIC;
