-- A small firm in one call.

-- A policy in force is not changed (KC007): where today has a row already, the new
-- one holds from tomorrow.
CREATE FUNCTION calib.setup_small_firm(approval text DEFAULT 'single') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    from_day date := calib.today();
    newest record;
    changed bigint;
BEGIN
    PERFORM calib.require_duty('{admin}', NULL, 'set up a small firm');
    IF $1 IS NULL OR $1 NOT IN ('single', 'none') THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('a small firm has approval single or none, not %s', coalesce('"' || $1 || '"', 'null')),
            HINT = 'Approval by three persons is a row in calib.policy.';
    END IF;
    IF EXISTS (SELECT FROM calib.policy p WHERE p.unit_id IS NULL AND p.valid_from = from_day) THEN
        from_day := from_day + 1;
    END IF;
    SELECT p.policy_id, p.valid_from, p.loop AND p.approval = $1 AS as_wanted INTO newest
    FROM calib.policy p
    WHERE p.unit_id IS NULL AND p.valid_from <= from_day
    ORDER BY p.valid_from DESC LIMIT 1;

    UPDATE calib.rule r SET enabled = true
    WHERE r.rule IN ('weekly_report', 'every_10th_contact', 'two_weeks_without_a_new_customer') AND NOT r.enabled;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF newest.as_wanted THEN
        RETURN changed;
    END IF;
    IF newest.valid_from = from_day THEN
        UPDATE calib.policy p SET loop = true, approval = $1 WHERE p.policy_id = newest.policy_id;
    ELSE
        INSERT INTO calib.policy (valid_from, loop, approval) VALUES (from_day, true, $1);
    END IF;
    RETURN changed + 1;
END $$;
COMMENT ON FUNCTION calib.setup_small_firm(text) IS
'Sets a small firm up: the loop on and approval single or none for everyone from today (tomorrow, where today has a policy for everyone already), and the three rules of calib.rule enabled; returns how many rows that changed, 0 the second time. Duty admin for everyone (42501); another approval: 22023.';
