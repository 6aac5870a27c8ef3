-- Closing a meeting: what was accepted is carried out, all of it or nothing.
--
-- It takes the steps of the workflow as anybody does, with the duties of whoever
-- closes; what it adds is the order of the locks.  First come those of the meetings
-- themselves, one closing at a time; then targets and their places, requests and
-- customers, each by their key, as place.c has it.

CREATE FUNCTION calib.take_next_step(subject text, id bigint, approval text, record jsonb, comment text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    next text;
BEGIN
    SELECT w.step INTO next FROM calib.waiting_step w WHERE w.subject = $1 AND w.id = $2;
    IF NOT FOUND OR EXISTS (
        SELECT FROM calib.workflow_rules() r CROSS JOIN unnest(r.other_than) AS o (step)
        WHERE r.step = next AND r.approval = $3 AND $4 ->> o.step = calib.person()) THEN
        RETURN NULL;
    END IF;
    CASE $1 || ' ' || next
        WHEN 'request approve' THEN PERFORM calib.approve_request($2, $5);
        WHEN 'request file' THEN PERFORM calib.file_request($2, $5);
        WHEN 'adjustment approve' THEN PERFORM calib.approve_adjustment($2, $5);
        WHEN 'adjustment file' THEN PERFORM calib.file_adjustment($2, $5);
    END CASE;
    RETURN CASE next WHEN 'file' THEN 'filed' ELSE 'approved' END;
END $$;
COMMENT ON FUNCTION calib.take_next_step(text, bigint, text, jsonb, text) IS
'Takes the step that an adjustment or request (record: its row) waits for, where the caller''s duties and the rules on persons allow it; returns its new status, NULL: the step is somebody else''s. Internal.';
REVOKE EXECUTE ON FUNCTION calib.take_next_step(text, bigint, text, jsonb, text) FROM PUBLIC;

-- (1) -------------------------------------------------------------------------------

CREATE FUNCTION calib.carry_out_tier(item calib.resolution, held calib.meeting) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    into_tier text := item.proposal ->> 'tier';
    client calib.customer;
    change bigint;
BEGIN
    SELECT c.* INTO client FROM calib.customer c WHERE c.customer_id = item.customer_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('there is no customer %s', item.customer_id);
    END IF;
    PERFORM calib.require_duty('{manager,admin}', client.unit_id, format('change the tier of customer %s', client.customer_id));
    IF client.tier = into_tier THEN
        RETURN jsonb_build_object('done', 'nothing', 'because', 'it is of that tier already');
    END IF;
    UPDATE calib.customer c SET tier = into_tier WHERE c.customer_id = client.customer_id;
    SELECT max(h.tier_change_id) INTO change FROM calib.tier_change h WHERE h.customer_id = client.customer_id;
    PERFORM calib.write_outbox('customer', client.customer_id::text, 'CustomerRetiered',
        coalesce(calib.outbox_unit(client.unit_id), '{}') || jsonb_build_object(
            'customer_id', client.customer_id, 'customer_name', client.name, 'customer_ref', client.external_ref,
            'old_tier', client.tier, 'new_tier', into_tier, 'reason', calib.item_reason(item, item.note),
            'meeting_id', held.meeting_id, 'changed_by', calib.person(), 'changed_at', calib.clock()));
    RETURN jsonb_build_object('done', 'retiered', 'from', client.tier, 'to', into_tier, 'tier_change_id', change);
END $$;
COMMENT ON FUNCTION calib.carry_out_tier(calib.resolution, calib.meeting) IS
'Gives a customer its tier, and tells others. Internal.';
REVOKE EXECUTE ON FUNCTION calib.carry_out_tier(calib.resolution, calib.meeting) FROM PUBLIC;

-- Who owns the customers retiered, and what stands between them and who met.
CREATE FUNCTION calib.units_retiered(meeting_id bigint) RETURNS bigint[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg(DISTINCT a.ancestor_id)
    FROM calib.meeting m
    JOIN calib.resolution r USING (meeting_id)
    JOIN calib.customer c USING (customer_id)
    CROSS JOIN LATERAL calib.unit_ancestors(NULL, c.unit_id) a
    WHERE m.meeting_id = units_retiered.meeting_id AND r.outcome ->> 'done' = 'retiered'
      AND (a.depth = 0 OR (a.ancestor_id <> m.unit_id
           AND a.ancestor_id NOT IN (SELECT above.ancestor_id FROM calib.unit_ancestors(NULL, m.unit_id) above)));
END;
COMMENT ON FUNCTION calib.units_retiered(bigint) IS
'The units whose customers a meeting has retiered: the owners, and those above them below the unit that met. Internal.';
REVOKE EXECUTE ON FUNCTION calib.units_retiered(bigint) FROM PUBLIC;

-- (2) -------------------------------------------------------------------------------

CREATE FUNCTION calib.carry_out_request(item calib.resolution, held calib.meeting) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id bigint := item.request_id;
    wish calib.resource_request;
    reached text;
BEGIN
    IF id IS NULL THEN
        -- calib prepares a move where nobody has asked for one
        SELECT min(q.request_id) INTO id
        FROM calib.resource_request q JOIN calib.request_kind k USING (kind)
        WHERE q.unit_id = item.unit_id AND k.moves AND q.status IN ('submitted', 'approved');
        IF id IS NOT NULL THEN
            RETURN jsonb_build_object('done', 'nothing', 'request_id', id, 'because', format('request %s asks for it already', id));
        END IF;
        id := calib.submit_request(item.unit_id, item.proposal ->> 'kind', item.value, calib.item_reason(item, item.note),
            evidence => item.evidence);
    END IF;
    SELECT r.* INTO STRICT wish FROM calib.resource_request r WHERE r.request_id = id;
    IF wish.status NOT IN ('submitted', 'approved') THEN
        RETURN jsonb_build_object('done', 'nothing', 'request_id', id, 'because', format('it is %s already', wish.status));
    END IF;
    UPDATE calib.resource_request r SET priority = item.position WHERE r.request_id = id;
    reached := calib.take_next_step('request', id, (SELECT p.approval FROM calib.policy_at(NULL, wish.unit_id) p),
        to_jsonb(wish), format('Accepted by calibration meeting %s', held.meeting_id));
    RETURN jsonb_build_object('request_id', id, 'priority', item.position, 'done',
        coalesce(reached, CASE WHEN item.request_id IS NULL THEN 'submitted' ELSE 'ranked' END));
END $$;
COMMENT ON FUNCTION calib.carry_out_request(calib.resolution, calib.meeting) IS
'Submits a request that calib prepared; gives any its priority, and takes its next step where whoever closes may. Internal.';
REVOKE EXECUTE ON FUNCTION calib.carry_out_request(calib.resolution, calib.meeting) FROM PUBLIC;

-- (3) -------------------------------------------------------------------------------

CREATE FUNCTION calib.carry_out_target(item calib.resolution, held calib.meeting) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    goal calib.target;
    told text := calib.item_reason(item, item.note);
    id bigint;
    reached text;
BEGIN
    SELECT t.* INTO goal FROM calib.target t WHERE t.target_id = item.target_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('there is no target %s', item.target_id);
    END IF;
    IF goal.value = item.value THEN
        RETURN jsonb_build_object('done', 'nothing', 'because', 'it has that value already');
    END IF;
    IF goal.published_at IS NULL AND goal.period_start > calib.today() THEN
        PERFORM calib.check_adjustment(item.target_id, item.value, told, item.evidence);
        UPDATE calib.target t SET value = item.value WHERE t.target_id = item.target_id;
        RETURN jsonb_build_object('done', 'corrected', 'from', goal.value, 'to', item.value);
    END IF;
    id := calib.submit_adjustment(item.target_id, item.value, told, item.evidence);
    reached := calib.take_next_step('adjustment', id, (SELECT p.approval FROM calib.policy_at(NULL, goal.unit_id) p),
        (SELECT to_jsonb(a) FROM calib.adjustment a WHERE a.adjustment_id = id),
        format('Accepted by calibration meeting %s', held.meeting_id));
    RETURN jsonb_build_object('done', coalesce(reached, 'submitted'), 'adjustment_id', id, 'from', goal.value, 'to', item.value);
END $$;
COMMENT ON FUNCTION calib.carry_out_target(calib.resolution, calib.meeting) IS
'Submits an adjustment, and files it where policy lets whoever closes; a draft is corrected, within the same rules. Internal.';
REVOKE EXECUTE ON FUNCTION calib.carry_out_target(calib.resolution, calib.meeting) FROM PUBLIC;

-- All of it -------------------------------------------------------------------------

CREATE FUNCTION calib.lock_accepted(meeting_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    targets bigint[];
BEGIN
    -- one that is gone has no lock: carrying it out names its item
    targets := ARRAY(SELECT r.target_id FROM calib.resolution r JOIN calib.target t USING (target_id)
                     WHERE r.meeting_id = $1 AND r.decision = 'accept');
    IF targets <> '{}' THEN
        PERFORM calib.lock_targets(targets);
    END IF;
    PERFORM FROM calib.resource_request q
    WHERE q.request_id IN (SELECT r.request_id FROM calib.resolution r WHERE r.meeting_id = $1 AND r.decision = 'accept')
    ORDER BY q.request_id FOR NO KEY UPDATE;
    PERFORM FROM calib.customer c
    WHERE c.customer_id IN (SELECT r.customer_id FROM calib.resolution r WHERE r.meeting_id = $1 AND r.decision = 'accept')
    ORDER BY c.customer_id FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION calib.lock_accepted(bigint) IS
'Locks what the accepted items of a meeting change, in the order of place.c. Internal.';
REVOKE EXECUTE ON FUNCTION calib.lock_accepted(bigint) FROM PUBLIC;

CREATE FUNCTION calib.carry_out(held calib.meeting) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    item calib.resolution;
    came jsonb;
    state text;
    told text;
    detail text;
    hint text;
BEGIN
    FOR item IN
        SELECT r.* FROM calib.resolution r LEFT JOIN calib.target t USING (target_id)
        WHERE r.meeting_id = held.meeting_id AND r.decision IS NOT NULL
        -- targets as place.c locks them and what hangs on them
        ORDER BY array_position('{target,resource,tier}'::text[], r.part), t.unit_id, t.grain, t.period_start, t.target_id,
                 r.request_id, r.customer_id, r.item_id
    LOOP
        came := CASE WHEN item.decision <> 'accept' THEN '{"done": "nothing"}'
                     WHEN item.part = 'target' THEN calib.carry_out_target(item, held)
                     WHEN item.part = 'resource' THEN calib.carry_out_request(item, held)
                     ELSE calib.carry_out_tier(item, held) END;
        UPDATE calib.resolution r SET outcome = came WHERE r.item_id = item.item_id;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, told = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE EXCEPTION USING ERRCODE = state,
        MESSAGE = format('item %s (%s %s, %s) cannot be carried out: %s', item.item_id, item.part, item.position, item.subject, told),
        DETAIL = concat_ws(' ', nullif(detail, ''), format('Meeting %s stays open, with nothing carried out.', held.meeting_id)),
        HINT = coalesce(nullif(hint, ''), 'Decide the item otherwise and close again.');
END $$;
COMMENT ON FUNCTION calib.carry_out(calib.meeting) IS
'Carries out what a meeting accepted and writes down what came of it; an error names the item it is of, and keeps its SQLSTATE. Internal.';
REVOKE EXECUTE ON FUNCTION calib.carry_out(calib.meeting) FROM PUBLIC;

CREATE FUNCTION calib.close_meeting_behind_door(meeting_id bigint)
RETURNS TABLE (item_id bigint, part text, "position" bigint, unit_id bigint, subject text, decision text, outcome jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 15
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz := calib.clock();
    held calib.meeting;
    answered bigint[];
BEGIN
    -- one closing at a time: what two have in common is more than their rows
    PERFORM pg_advisory_xact_lock('calib.meeting'::regclass::oid::integer, 0);
    held := calib.lock_meeting($1, 'close');
    UPDATE calib.resolution r SET decision = 'defer', decided_by = calib.person(), decided_at = at
    WHERE r.meeting_id = $1 AND r.decision IS NULL AND r.remark IS NULL;
    PERFORM calib.lock_accepted($1);
    PERFORM calib.carry_out(held);
    answered := calib.units_retiered($1);
    PERFORM calib.act_on(answered, 'retiering', NULL, NULL, NULL, NULL, at, calib.person(),
        'Tiers changed by calibration meeting ' || $1) WHERE answered IS NOT NULL;
    UPDATE calib.meeting m SET closed_at = at, closed_by = calib.person(), retiered = answered
    WHERE m.meeting_id = $1;
    PERFORM calib.settle_reminder(calib.meeting_key(held.unit_id, held.month), at, calib.person(), NULL);
    PERFORM calib.write_outbox('meeting', $1::text, 'MeetingClosed', calib.meeting_told($1));
    RETURN QUERY
        SELECT r.item_id, r.part, r.position::bigint, r.unit_id, r.subject, r.decision, r.outcome
        FROM calib.resolution r
        WHERE r.meeting_id = $1 AND r.position IS NOT NULL
        ORDER BY array_position('{tier,resource,target}'::text[], r.part), r.position;
END $$;
COMMENT ON FUNCTION calib.close_meeting_behind_door(bigint) IS 'What calib.close_meeting does.';
REVOKE EXECUTE ON FUNCTION calib.close_meeting_behind_door(bigint) FROM PUBLIC;
CREATE FUNCTION calib.close_meeting(meeting_id bigint)
RETURNS TABLE (item_id bigint, part text, "position" bigint, unit_id bigint, subject text, decision text, outcome jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 15
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'calib_call_through_door';
COMMENT ON FUNCTION calib.close_meeting(bigint) IS
'Closes an open meeting and carries out what was accepted, all or nothing: tiers change, requests take their next step or a priority, targets are submitted for adjustment; what is not decided is deferred. Returns what came of each item. Manager or admin over the unit, and manager over those whose targets and requests it submits (42501). Not open: KC005; what the guard refuses (KC001 to KC003, KC008) names the item.';

CREATE FUNCTION calib.meeting_told(meeting_id bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT calib.outbox_unit(m.unit_id) || jsonb_build_object(
            'meeting_id', m.meeting_id, 'month', m.month, 'opened_at', m.opened_at, 'opened_by', m.opened_by,
            'closed_at', m.closed_at, 'closed_by', m.closed_by, 'minutes', m.minutes, 'over_time', m.over_time,
            'accepted', m.accepted, 'rejected', m.rejected, 'deferred', m.deferred, 'items', m.items)
        FROM calib.minutes m WHERE m.meeting_id = $1);
END $$;
COMMENT ON FUNCTION calib.meeting_told(bigint) IS 'What MeetingClosed says of a meeting. Internal.';
REVOKE EXECUTE ON FUNCTION calib.meeting_told(bigint) FROM PUBLIC;
