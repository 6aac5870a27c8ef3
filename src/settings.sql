-- What the settings say. calib.clock is the one clock of guard, policy and trail.

CREATE FUNCTION calib.clock() RETURNS timestamptz
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_clock';
COMMENT ON FUNCTION calib.clock() IS
'The time calib goes by: now(), or the superuser-only setting calib.clock where demonstrations and tests play the past.';

CREATE FUNCTION calib.language() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_language';
COMMENT ON FUNCTION calib.language() IS
'The language reasons are written in: the setting calib.language, en or zh.';
