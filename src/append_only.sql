-- History nobody rewrites: see src/append_only.c.
CREATE FUNCTION calib.keep_append_only() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_keep_append_only';
COMMENT ON FUNCTION calib.keep_append_only() IS
'Trigger: refuses every write to a table of history (KC007), except the extension''s own where the argument is ''door''.';
REVOKE EXECUTE ON FUNCTION calib.keep_append_only() FROM PUBLIC;
