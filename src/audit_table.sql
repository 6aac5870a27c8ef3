-- The trail on any table: audit_table, unaudit_table, and what they keep in mind.

-- A regclass follows a rename and is dumped as a name. A row whose table was
-- dropped is not dumped: in another database its number may be another table's.
CREATE TABLE calib.audited (
    relation regclass PRIMARY KEY,
    audited_at timestamptz NOT NULL DEFAULT now(),
    audited_by text NOT NULL
);
COMMENT ON TABLE calib.audited IS
'Tables of users that leave a trail, each with its partitions; written by calib.audit_table and calib.unaudit_table alone.';
COMMENT ON COLUMN calib.audited.relation IS 'The table.';
COMMENT ON COLUMN calib.audited.audited_at IS 'Since when.';
COMMENT ON COLUMN calib.audited.audited_by IS 'The person who asked for it.';
SELECT pg_catalog.pg_extension_config_dump('calib.audited',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) relation)');

-- Who put a table under audit, and who took it off, is on the trail itself.
SELECT calib.put_on_trail('calib.audited');

-- The trigger names are src/audit.c's, which refuses others. PostgreSQL clones a
-- row trigger to each partition, never one of TRUNCATE; children by inheritance
-- get neither.
CREATE FUNCTION calib.audit_triggers(of_table regclass DEFAULT NULL) RETURNS SETOF calib.expected_trigger
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.*
    FROM calib.audited a
    CROSS JOIN LATERAL calib.leaves(a.relation) WITH ORDINALITY AS l (relid, place)
    CROSS JOIN (VALUES
        (1, 'calib_audit_row', 'AFTER INSERT OR DELETE OR UPDATE ON %s FOR EACH ROW'),
        (2, 'calib_audit_truncate', 'AFTER TRUNCATE ON %s FOR EACH STATEMENT')) AS t (n, name, what)
    CROSS JOIN LATERAL calib.expect_trigger(l.relid, t.name, t.what, 'calib.audit_row()') AS e
    WHERE a.relation = coalesce(of_table, a.relation)
    ORDER BY a.relation, l.place, t.n;
END;
COMMENT ON FUNCTION calib.audit_triggers(regclass) IS
'The triggers that audited tables and their partitions must have, parents first. NULL: all tables.';
REVOKE EXECUTE ON FUNCTION calib.audit_triggers(regclass) FROM PUBLIC;

CREATE FUNCTION calib.audit_table(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part regclass;
BEGIN
    PERFORM calib.check_own_table($1, 'audit a table');
    PERFORM calib.lock_table($1);
    SELECT a.relation INTO part FROM calib.audited a
    WHERE a.relation <> $1 AND a.relation IN (SELECT l FROM calib.leaves($1) AS l);
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42710',
            MESSAGE = format('cannot audit a table: %s, a part of %s, is audited by itself', part, $1),
            HINT = format('SELECT calib.unaudit_table(%L) first.', part);
    END IF;
    INSERT INTO calib.audited (relation, audited_by) VALUES ($1, calib.person()) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42710',
            MESSAGE = format('table %s is audited already', $1),
            HINT = 'calib.rearm() mends its triggers and adds those of new partitions.';
    END IF;
    PERFORM calib.put_trigger(e) FROM calib.audit_triggers($1) AS e;
END $$;
COMMENT ON FUNCTION calib.audit_table(regclass) IS
'From now on each change of a table, and of its partitions, leaves a row in calib.audit. Takes duty admin for everyone and the table''s ownership (42501); no view, foreign table, temporary table or partition (42809).';

CREATE FUNCTION calib.revoke_from_owners(relation regclass, function text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner name;
BEGIN
    FOR owner IN
        SELECT DISTINCT r.rolname
        FROM calib.leaves($1) AS l (relid)
        JOIN pg_class c ON c.oid = l.relid
        JOIN pg_roles r ON r.oid = c.relowner
        WHERE NOT r.rolsuper AND NOT EXISTS (
            SELECT FROM pg_trigger t JOIN pg_class o ON o.oid = t.tgrelid
            WHERE t.tgfoid = $2::regprocedure AND o.relowner = r.oid)
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I', $2, owner);
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.revoke_from_owners(regclass, text) IS
'Takes EXECUTE on a trigger function back from the owners of a table and its partitions that own no other table with it.';
REVOKE EXECUTE ON FUNCTION calib.revoke_from_owners(regclass, text) FROM PUBLIC;

CREATE FUNCTION calib.unaudit_table(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whole regclass;
BEGIN
    IF $1 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'cannot stop auditing a table: no table is named';
    END IF;
    PERFORM calib.check_owner($1, 'stop auditing a table');
    PERFORM calib.lock_table($1, 'ACCESS EXCLUSIVE');
    DELETE FROM calib.audited a WHERE a.relation = $1;
    IF NOT FOUND THEN
        SELECT a.relation INTO whole FROM calib.audited a WHERE $1 IN (SELECT l FROM calib.leaves(a.relation) AS l);
        RAISE EXCEPTION USING ERRCODE = '42704',
            MESSAGE = format('table %s is not audited', $1),
            HINT = CASE WHEN whole IS NULL THEN 'calib.audited lists the tables that are.'
                ELSE format('It is a part of %s, which is.', whole) END;
    END IF;
    PERFORM calib.drop_triggers($1, 'calib.audit_row()');
    PERFORM calib.revoke_from_owners($1, 'calib.audit_row()');
END $$;
COMMENT ON FUNCTION calib.unaudit_table(regclass) IS
'A table leaves no trail any more; what is in the trail stays. Takes duty admin for everyone and the table''s ownership (42501).';
