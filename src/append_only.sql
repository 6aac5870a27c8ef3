-- History nobody rewrites: see src/append_only.c.
CREATE FUNCTION calib.keep_append_only() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_keep_append_only';
COMMENT ON FUNCTION calib.keep_append_only() IS
'Trigger: refuses every write to a table of history (KC007), except the extension''s own where the argument is ''door''.';
REVOKE EXECUTE ON FUNCTION calib.keep_append_only() FROM PUBLIC;

-- Used by this script only and dropped at its end.
CREATE FUNCTION calib.make_append_only(relation regclass, door boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER keep_append_only BEFORE INSERT OR UPDATE OR DELETE ON %s
        FOR EACH ROW EXECUTE FUNCTION calib.keep_append_only(%s)', $1, CASE WHEN $2 THEN '''door''' END);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER keep_append_only', $1);
    EXECUTE format('CREATE TRIGGER keep_append_only_truncate BEFORE TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION calib.keep_append_only()', $1);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER keep_append_only_truncate', $1);
END $$;
