-- Which triggers stand as they must, and mending those that do not.
--
-- pg_restore --disable-triggers turns ALWAYS into ordinary, a new partition has no
-- trigger of TRUNCATE, a dump may be restored without one: the rules then have a hole
-- nobody sees. calib.trigger_state shows it, calib.rearm() closes it.

-- Filled by the end of this script and of each update script; not dumped, since
-- CREATE EXTENSION fills it again.
CREATE TABLE calib.own_trigger OF calib.expected_trigger (PRIMARY KEY (relation, trigger));
COMMENT ON TABLE calib.own_trigger IS
'The triggers of calib''s own tables as they must stand; filled by CREATE EXTENSION, not dumped.';
COMMENT ON COLUMN calib.own_trigger.relation IS 'The table.';
COMMENT ON COLUMN calib.own_trigger.trigger IS 'The trigger.';
COMMENT ON COLUMN calib.own_trigger.function IS 'What it calls.';
COMMENT ON COLUMN calib.own_trigger.definition IS 'The trigger as pg_get_triggerdef tells it.';
COMMENT ON COLUMN calib.own_trigger.enabled IS 'As pg_trigger.tgenabled: A always, O ordinary.';

-- A partition made at run time is no part of the extension, but its triggers are those
-- of the default one.
CREATE FUNCTION calib.activity_triggers() RETURNS SETOF calib.expected_trigger
LANGUAGE sql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT l.leaf, o.trigger, o.function, replace(o.definition, ' ON calib.activity_default ', format(' ON %s ', l.leaf)), o.enabled
    FROM calib.activity_leaves() l JOIN calib.own_trigger o ON o.relation = 'calib.activity_default'::regclass
    ORDER BY l.from_at, o.trigger;
END;
COMMENT ON FUNCTION calib.activity_triggers() IS
'The triggers that the monthly partitions of calib.activity must have.';
REVOKE EXECUTE ON FUNCTION calib.activity_triggers() FROM PUBLIC;

-- A room that puts triggers on tables of users adds its line here; what is not
-- expected is a stray, and rearm takes it off.
CREATE FUNCTION calib.expected_triggers() RETURNS SETOF calib.expected_trigger
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.relation, o.trigger, o.function, o.definition, o.enabled FROM calib.own_trigger o
    UNION ALL SELECT e.* FROM calib.activity_triggers() AS e
    UNION ALL SELECT e.* FROM calib.audit_triggers() AS e
    UNION ALL SELECT e.* FROM calib.guard_triggers() AS e
    UNION ALL SELECT e.* FROM calib.feed_triggers() AS e;
END;
COMMENT ON FUNCTION calib.expected_triggers() IS
'Every trigger that must stand: on calib''s own tables, on the tables of users it keeps, and on their partitions, parents first.';

-- Trigger functions of calib where none is expected: on a partition that was
-- detached, on a table that is not kept any more, or attached by its owner.
CREATE FUNCTION calib.stray_triggers() RETURNS SETOF calib.expected_trigger
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tgrelid::regclass, t.tgname, p.oid::regprocedure::text, NULL::text, t.tgenabled
    FROM pg_trigger t
    JOIN pg_proc p ON p.oid = t.tgfoid
    JOIN pg_class c ON c.oid = t.tgrelid
    WHERE p.pronamespace = 'calib'::regnamespace AND c.relnamespace <> 'calib'::regnamespace
      AND c.relpersistence <> 't'
      AND NOT t.tgisinternal AND t.tgparentid = 0
      AND NOT EXISTS (SELECT FROM calib.expected_triggers() e WHERE e.relation = t.tgrelid AND e.trigger = t.tgname)
    ORDER BY 1, 2;
END;
COMMENT ON FUNCTION calib.stray_triggers() IS
'Triggers that call a function of calib on tables of users where none is expected, as triggers that must not be there.';

CREATE VIEW calib.trigger_state WITH (security_invoker = true) AS
SELECT s.relation::text AS relation, s.trigger::text AS trigger, s.problem IS NULL AS ok, s.problem
FROM (
    SELECT e.relation, e.trigger, calib.trigger_problem(e) AS problem FROM calib.expected_triggers() e
    UNION ALL
    SELECT e.relation, e.trigger, calib.trigger_problem(e) FROM calib.stray_triggers() e
    UNION ALL
    SELECT k.relation, NULL, 'dropped'
    FROM (SELECT a.relation FROM calib.audited a UNION SELECT g.relation FROM calib.guarded g
          UNION SELECT f.source FROM calib.feed f) k
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) k.relation)
    UNION ALL
    SELECT 'calib.activity'::pg_catalog.regclass, NULL, 'no foreign keys'
    WHERE EXISTS (SELECT FROM calib.references_missing())
) s;
COMMENT ON VIEW calib.trigger_state IS
'Each trigger that keeps a rule or the trail, and whether it stands as it must, kept tables that were dropped, and calib.activity where it was restored and has no foreign keys yet; calib.rearm() mends what does not.';
COMMENT ON COLUMN calib.trigger_state.relation IS 'The table or partition; of one that was dropped, the number it had.';
COMMENT ON COLUMN calib.trigger_state.trigger IS 'The trigger; NULL: it is the table.';
COMMENT ON COLUMN calib.trigger_state.ok IS 'Whether it stands as it must.';
COMMENT ON COLUMN calib.trigger_state.problem IS
'missing, name taken (by a trigger that is not calib''s), altered, disabled, replica only, not always, always (an ordinary one that is ALWAYS), owner lacks execute, stray (calib''s, where none is expected), dropped (a kept table that is no more: a new one of its name is not kept), no foreign keys (a dump was restored); NULL: none.';

CREATE FUNCTION calib.mend_trigger(expected calib.expected_trigger) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM calib.put_trigger($1);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    -- a lost race or a server out of means is no state of this table
    IF SQLSTATE ~ '^(40|53|57|58)' THEN
        RAISE;
    END IF;
    RETURN SQLERRM;
END $$;
COMMENT ON FUNCTION calib.mend_trigger(calib.expected_trigger) IS
'calib.put_trigger for many tables: returns the error instead of stopping at it; NULL: mended.';
REVOKE EXECUTE ON FUNCTION calib.mend_trigger(calib.expected_trigger) FROM PUBLIC;

CREATE FUNCTION calib.forget_dropped() RETURNS SETOF text
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH audited AS (
        DELETE FROM calib.audited a WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = a.relation)
        RETURNING a.relation
    ), guarded AS (
        DELETE FROM calib.guarded g WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = g.relation)
        RETURNING g.relation
    ), fed AS (
        DELETE FROM calib.feed f WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = f.source)
        RETURNING f.source, f.feed
    ), waiting AS (
        DELETE FROM calib.feed_error e USING fed WHERE e.source = fed.feed
    )
    SELECT a.relation::text FROM audited a UNION SELECT g.relation::text FROM guarded g
    UNION SELECT f.source::text FROM fed f;
END;
COMMENT ON FUNCTION calib.forget_dropped() IS
'Removes tables that were dropped from the lists of kept ones; returns the numbers they had.';
REVOKE EXECUTE ON FUNCTION calib.forget_dropped() FROM PUBLIC;

-- Each state is looked at when its turn comes: mending a parent mends its partitions.
CREATE FUNCTION calib.rearm()
RETURNS TABLE (relation text, trigger text, problem text, mended boolean, detail text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted calib.expected_trigger;
BEGIN
    PERFORM calib.check_unfenced('rearm');
    PERFORM calib.require_duty('{admin}', NULL, 'rearm');
    RETURN QUERY SELECT f, NULL, 'dropped', true, NULL FROM calib.forget_dropped() AS f;
    FOR wanted IN
        SELECT s.* FROM calib.stray_triggers() s UNION ALL SELECT e.* FROM calib.expected_triggers() e
    LOOP
        problem := calib.trigger_problem(wanted);
        CONTINUE WHEN problem IS NULL;
        relation := wanted.relation::text;
        trigger := wanted.trigger::text;
        detail := calib.mend_trigger(wanted);
        mended := detail IS NULL;
        RETURN NEXT;
    END LOOP;
    RETURN QUERY
    SELECT g.relation::text, NULL, 'rows past the triggers', m.detail IS NULL, m.detail
    FROM calib.guarded g CROSS JOIN LATERAL calib.mend_rows(g.relation) AS m
    WHERE m.changed ORDER BY 1;
    RETURN QUERY
    SELECT 'calib.activity', NULL, 'no foreign keys', m.detail IS NULL, m.detail
    FROM calib.mend_references() AS m WHERE m.changed;
END $$;
COMMENT ON FUNCTION calib.rearm() IS
'Puts every trigger back as it must stand (calib.trigger_state), and after a restore the foreign keys of calib.activity, and returns what was not, and where it could not the error: on calib''s own tables, on tables of users as their owner. Takes duty admin for everyone (42501); ownership was asked for when the table was attached. Nothing to do: no rows.';
