-- Restoring a dump: see src/restore.c.

-- One row for each table that holds rows the extension brought along ("seeds").
-- The row is written by the transaction that wrote the seeds, so its xmin names
-- them exactly; rows a user added or edited have another xmin and are never
-- cleared.  Deliberately not dumped: a restored table holds no seeds any more.
CREATE TABLE calib.seed (relation regclass NOT NULL);
COMMENT ON TABLE calib.seed IS
'Tables that still hold the rows CREATE EXTENSION brought along; kept by the extension itself, not dumped.';
COMMENT ON COLUMN calib.seed.relation IS 'The table.';

CREATE FUNCTION calib.restoring() RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_restoring';
COMMENT ON FUNCTION calib.restoring() IS
'Whether a dump is being restored: the superuser-only setting calib.restoring. Recorded rows then pass unchanged.';

-- Seeded tables that refer to this one lose their seeds first: their seeds
-- would dangle, and their own rows follow later in the dump.
CREATE FUNCTION calib.clear_seeds(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    written xid;
    referring oid;
BEGIN
    DELETE FROM calib.seed s WHERE s.relation = $1 RETURNING s.xmin INTO written;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR referring IN
        SELECT c.conrelid FROM pg_constraint c
        WHERE c.confrelid = $1 AND c.contype = 'f' AND c.conrelid <> $1
    LOOP
        PERFORM calib.clear_seeds(referring::regclass);
    END LOOP;
    EXECUTE format('DELETE FROM %s WHERE xmin = $1', $1) USING written;
END $$;
COMMENT ON FUNCTION calib.clear_seeds(regclass) IS
'Removes the rows CREATE EXTENSION brought along from a table and from seeded tables that refer to it. Called while a dump is restored.';
REVOKE EXECUTE ON FUNCTION calib.clear_seeds(regclass) FROM PUBLIC;

CREATE FUNCTION calib.restore_seeds() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_restore_seeds';
COMMENT ON FUNCTION calib.restore_seeds() IS
'Trigger (BEFORE INSERT, statement): under calib.restoring the first statement that writes a seeded table clears its seeds.';
REVOKE EXECUTE ON FUNCTION calib.restore_seeds() FROM PUBLIC;

-- Marks a table for pg_dump, together with the sequence its identity column
-- owns, and, where it is seeded, for clearing at restore.  Used by this script
-- only and dropped at its end.
CREATE FUNCTION calib.keep_in_dump(relation regclass, seeded boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owned regclass;
BEGIN
    PERFORM pg_extension_config_dump($1, '');
    FOR owned IN
        SELECT d.objid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
        WHERE d.refobjid = $1 AND d.classid = 'pg_class'::regclass
          AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND c.relkind = 'S'
    LOOP
        PERFORM pg_extension_config_dump(owned, '');
    END LOOP;
    IF seeded THEN
        INSERT INTO calib.seed (relation) VALUES ($1);
        EXECUTE format('CREATE TRIGGER restore_seeds BEFORE INSERT ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION calib.restore_seeds()', $1);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER restore_seeds', $1);
    END IF;
END $$;
