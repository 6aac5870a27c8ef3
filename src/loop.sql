-- The loop: whom calib opens deviations for, asks for decisions and reminds.

CREATE FUNCTION calib.loop_at(as_of timestamptz)
RETURNS TABLE (unit_id bigint, observed boolean)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    on_day date := calib.day_of(as_of);
BEGIN
    RETURN QUERY
    WITH unit AS (
        SELECT p.unit_id, a.pilot_id IS NOT NULL AS watched,
               p.loop AND NOT coalesce(a.arm = 'control' AND t.starts_on <= on_day, false) AS runs
        FROM calib.policy_at(on_day) p
        LEFT JOIN calib.pilot_arms(on_day) a ON a.unit_id = p.unit_id
        LEFT JOIN calib.pilot t ON t.pilot_id = a.pilot_id
    )
    SELECT u.unit_id, NOT u.runs FROM unit u WHERE u.runs OR u.watched;
END $$;
COMMENT ON FUNCTION calib.loop_at(timestamptz) IS
'The units whose deviations are opened at a time: observed false, policy loop is on that day and the unit is no control of a running pilot; observed true, it is in a pilot and only measured. Of every unit, internal. NULL: none.';
REVOKE EXECUTE ON FUNCTION calib.loop_at(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.check_as_of(as_of timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF $1 IS NOT NULL AND isfinite($1) AND $1 <= calib.clock() THEN
        RETURN;
    END IF;
    RAISE EXCEPTION USING ERRCODE = '22023',
        MESSAGE = format('as_of must be a time that has come, not %s', coalesce($1::text, 'null')),
        DETAIL = format('It is %s now.', calib.clock()),
        HINT = 'Give a time up to now.';
END $$;
COMMENT ON FUNCTION calib.check_as_of(timestamptz) IS
'Raises 22023 unless as_of is a time up to calib.clock().';
REVOKE EXECUTE ON FUNCTION calib.check_as_of(timestamptz) FROM PUBLIC;
