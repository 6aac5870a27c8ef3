-- The foreign keys of calib.activity, by themselves, for a restore must come without them:
-- pg_dump knows that the extension's own tables are to be loaded after those they refer
-- to, but not that of a partition made at run time, and loads activity_2025_10 before
-- customer. calib.rearm() and the job maintain put them on afterwards.

CREATE FUNCTION calib.activity_references() RETURNS TABLE (column_name text, referred text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('unit_id', 'unit'), ('customer_id', 'customer'), ('opportunity_id', 'opportunity'), ('kind', 'activity_kind');
END;
COMMENT ON FUNCTION calib.activity_references() IS
'The foreign keys of calib.activity: each column, and the table of calib whose primary key it is.';

CREATE FUNCTION calib.references_missing() RETURNS TABLE (column_name text, referred text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.column_name, r.referred FROM calib.activity_references() r
    WHERE NOT EXISTS (
        SELECT FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
        JOIN pg_class t ON t.oid = c.confrelid
        WHERE c.conrelid = 'calib.activity'::regclass AND c.contype = 'f' AND c.convalidated
          AND a.attname = r.column_name AND t.relname = r.referred AND t.relnamespace = 'calib'::regnamespace);
END;
COMMENT ON FUNCTION calib.references_missing() IS
'The foreign keys that calib.activity should have and has not: it was restored, and calib.rearm() not called yet.';

CREATE FUNCTION calib.put_references() RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing record;
    put boolean := false;
BEGIN
    IF calib.restoring() THEN
        RETURN false;
    END IF;
    FOR missing IN SELECT m.column_name, m.referred FROM calib.references_missing() m LOOP
        EXECUTE format('ALTER TABLE calib.activity ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES calib.%I',
            format('activity_%s_fkey', missing.column_name), missing.column_name, missing.referred);
        put := true;
    END LOOP;
    RETURN put;
END $$;
COMMENT ON FUNCTION calib.put_references() IS
'Puts on calib.activity the foreign keys it has not, which reads all of it; whether there were any. While a dump is restored: none.';
REVOKE EXECUTE ON FUNCTION calib.put_references() FROM PUBLIC;

-- As calib.mend_trigger(): an error stops nothing else.
CREATE FUNCTION calib.mend_references(OUT changed boolean, OUT detail text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    changed := calib.put_references();
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE ~ '^(40|53|57|58)' THEN
        RAISE;
    END IF;
    changed := true;
    detail := SQLERRM;
END $$;
COMMENT ON FUNCTION calib.mend_references() IS
'calib.put_references for calib.rearm(): returns the error instead of stopping at it; detail NULL: mended.';
REVOKE EXECUTE ON FUNCTION calib.mend_references() FROM PUBLIC;

SELECT calib.put_references();
