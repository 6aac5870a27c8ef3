-- Rights: which rows a role reads and writes (DESIGN 11).
--
-- SELECT, and what an application may write, is granted to PUBLIC; row-level
-- security is the limit, and it follows duties (duty.sql) down the tree. Every
-- rule stands in calib.row_rights(): policies and grants are made from it.
--
-- What a rule compares with is asked once per statement, never per row: an array
-- where an index should serve, a hashed set elsewhere.

-- Units that left --------------------------------------------------------------

CREATE FUNCTION calib.units_seen_before()
RETURNS TABLE (unit_id bigint, from_day date, to_day date, from_at timestamptz, to_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH RECURSIVE seen AS MATERIALIZED (
        SELECT s.unit_id FROM calib.units_seen() AS s (unit_id)
    ), below (unit_id, valid) AS (
        SELECT h.unit_id, h.valid
        FROM calib.unit_history h JOIN seen ON seen.unit_id = h.parent_id
        WHERE h.unit_id NOT IN (SELECT s.unit_id FROM seen s)
        UNION
        SELECT h.unit_id, h.valid * b.valid
        FROM below b JOIN calib.unit_history h ON h.parent_id = b.unit_id AND h.valid && b.valid
        WHERE h.unit_id NOT IN (SELECT s.unit_id FROM seen s)
    )
    SELECT b.unit_id, coalesce(lower(b.valid), '-infinity'), coalesce(upper(b.valid), 'infinity'),
           coalesce(calib.start_of(lower(b.valid)), '-infinity'), coalesce(calib.start_of(upper(b.valid)), 'infinity')
    FROM below b;
END;
COMMENT ON FUNCTION calib.units_seen_before() IS
'Units the caller does not see today but that stood below one it sees, and when: what happened then stays in sight. to_day and to_at are the first no longer included.';

CREATE FUNCTION calib.units_ever_seen() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT calib.units_seen()
    UNION
    SELECT b.unit_id FROM calib.units_seen_before() b;
END;
COMMENT ON FUNCTION calib.units_ever_seen() IS
'units_seen(), and those of units_seen_before(): an index finds their rows, the days decide.';

CREATE FUNCTION calib.duties_own() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT d.duty_id
    FROM calib.duty d JOIN pg_roles r ON r.rolname = d.role_name
    WHERE pg_has_role(calib.role()::name, r.oid, 'USAGE')
    UNION ALL
    SELECT d.duty_id FROM calib.duty d
    WHERE d.person = calib.person() AND calib.actor_in_force();
END;
COMMENT ON FUNCTION calib.duties_own() IS
'The rows of calib.duty that name the caller: its role, or the person it acts for.';

CREATE FUNCTION calib.places_held()
RETURNS TABLE (unit_id bigint, parent_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT u.unit_id, u.parent_id FROM calib.unit u
    WHERE u.unit_id IN (SELECT calib.units_held('{admin}'));
END;
COMMENT ON FUNCTION calib.places_held() IS
'The units the caller is admin over, and where they stood when the statement began: an admin of a region renames it and does not move it.';

-- The rules ----------------------------------------------------------------------

CREATE FUNCTION calib.row_rights()
RETURNS TABLE (relation text, command text, rule text, new_rule text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    any_duty constant text := '{rep,viewer,manager,risk,hr,admin}';
    seen constant text := 'unit_id = ANY (ARRAY(SELECT calib.units_seen()))';
    known constant text := 'unit_id IS NULL OR unit_id = ANY (ARRAY(SELECT calib.units_known()))';
    -- a hashed set beside the array: the array finds rows by index, and checks
    -- a row in the time of its length
    happened constant text := 'unit_id = ANY (ARRAY(SELECT calib.units_ever_seen()))'
        ' AND (unit_id IN (SELECT calib.units_seen())'
        ' OR EXISTS (SELECT FROM calib.units_seen_before() b WHERE b.unit_id = %1$I.unit_id AND %2$s))';
    held constant text := 'unit_id IN (SELECT calib.units_held(%L))';
    held_or_everyone constant text := 'unit_id IN (SELECT calib.units_held(%1$L))'
        ' OR (unit_id IS NULL AND (SELECT calib.holds(%1$L, NULL)))';
    everyone constant text := '(SELECT calib.holds(%L, NULL))';
    anywhere constant text := 'EXISTS (SELECT FROM calib.held_duties() h WHERE h.duty = ANY (%L))';
    -- the transaction's clock, which a column's default gives; one held open for
    -- days would be a way to date back
    recorded_now constant text := 'recorded_at = (SELECT calib.clock())'
        ' AND (SELECT clock_timestamp() - now() < ''1 hour''::interval)';
    -- what a feed or calib.ingest brings is its source's to change: by hand it would be
    -- counted twice, or be taken away again
    by_hand constant text := ' AND (source <> ALL (ARRAY(SELECT calib.fed_sources())) OR '
        || format(everyone, '{admin}') || ')';
BEGIN
    RETURN QUERY
    SELECT r.relation, c.command, l.rule,
           CASE WHEN c.command IN ('INSERT', 'UPDATE') THEN coalesce(n.rule, l.rule) END
    FROM (VALUES
        -- without a unit: everybody reads, an admin for everyone writes
        ('organisation tier stage activity_kind activity_weight activity_dropped indicator evidence_kind request_kind holiday source reason job'
            ' adapter adapter_feed adapter_stage',
         'SELECT', 'true'),
        ('organisation job', 'UPDATE', format(everyone, '{admin}')),
        ('tier stage activity_kind activity_weight evidence_kind request_kind holiday source',
         'INSERT UPDATE DELETE', format(everyone, '{admin}')),

        -- the tree
        ('unit', 'SELECT', format(everyone, any_duty) || ' OR ' || seen
            || ' OR parent_id = ANY (ARRAY(SELECT calib.units_seen()))'),
        ('unit', 'INSERT', format(everyone, '{admin}')
            || ' OR parent_id IN (SELECT calib.units_held(''{admin}''))'),
        ('unit', 'UPDATE', format(everyone, '{admin}') || ' OR (' || format(held, '{admin}')
            || ' AND (parent_id IN (SELECT calib.units_held(''{admin}''))'
            || ' OR (unit_id, parent_id) IN (SELECT p.unit_id, p.parent_id FROM calib.places_held() p)))'),
        ('unit', 'DELETE', format(held, '{admin}')),
        ('unit_history', 'SELECT', 'unit_id = ANY (ARRAY(SELECT calib.units_known()))'),
        ('absence unit_closure result_sum result_climb result_climb_mark', 'SELECT', seen),
        ('absence', 'INSERT UPDATE DELETE', format(held, '{admin,manager,rep}')),
        ('duty', 'SELECT', 'duty_id IN (SELECT calib.duties_own()) OR ' || format(held_or_everyone, '{admin}')),
        ('duty', 'INSERT UPDATE DELETE', format(held_or_everyone, '{admin}')),

        -- inherited from above, so read with all that stands above
        ('policy benchmark season', 'SELECT', known),
        ('policy benchmark season', 'INSERT UPDATE DELETE', format(held_or_everyone, '{admin}')),

        -- what happened
        ('customer', 'SELECT', seen || ' OR (unit_id IS NULL AND ' || format(everyone, any_duty) || ')'),
        ('customer', 'INSERT UPDATE', format(held_or_everyone, '{admin,manager,rep}')),
        ('customer', 'DELETE', format(held_or_everyone, '{admin}')),
        ('opportunity', 'SELECT', seen),
        ('opportunity', 'INSERT UPDATE', format(held, '{admin,manager,rep}')),
        ('opportunity', 'DELETE', format(held, '{admin}')),
        ('stage_change', 'SELECT',
         'EXISTS (SELECT FROM calib.opportunity o WHERE o.opportunity_id = stage_change.opportunity_id)'),
        ('activity', 'SELECT', format(happened, 'activity',
            'activity.occurred_at >= b.from_at AND activity.occurred_at < b.to_at')),
        ('activity', 'INSERT UPDATE', format(held, '{admin,manager,rep}') || by_hand),
        ('activity', 'DELETE', format(held, '{admin}') || by_hand),
        -- kept for the definer functions that show it
        ('activity_summary activity_act activity_month opportunity_day', 'SELECT', format(everyone, '{admin}')),
        ('result', 'SELECT', format(happened, 'result',
            'result.occurred_at >= b.from_at AND result.occurred_at < b.to_at')),
        ('result', 'INSERT UPDATE DELETE', format(held, '{admin}') || by_hand),
        ('receivable', 'SELECT',
         'EXISTS (SELECT FROM calib.customer c WHERE c.customer_id = receivable.customer_id)'),
        ('receivable', 'INSERT UPDATE DELETE', 'EXISTS (SELECT FROM calib.customer c'
            ' WHERE c.customer_id = receivable.customer_id AND (' || format(held_or_everyone, '{admin}') || '))' || by_hand),
        ('deviation', 'SELECT', format(happened, 'deviation',
            'deviation.detected_at >= b.from_at AND deviation.detected_at < b.to_at')
            || ' AND (NOT observed OR ' || format(everyone, '{admin}') || ')'),
        ('detection', 'SELECT', format(everyone, '{admin}')),
        ('deviation_comment', 'SELECT',
         'EXISTS (SELECT FROM calib.deviation d WHERE d.deviation_id = deviation_comment.deviation_id)'),

        ('report', 'SELECT', format(happened, 'report',
            'report.created_at >= b.from_at AND report.created_at < b.to_at')),
        ('rule', 'SELECT', 'true'),
        ('rule', 'INSERT UPDATE DELETE', format(held_or_everyone, '{admin}')),
        -- a rep reads what it is asked to do, not what its manager is asked to talk about
        ('reminder', 'SELECT', seen || ' AND (duty = ''rep'' OR '
            || format(held, '{viewer,manager,risk,hr,admin}') || ')'),

        -- what is proposed and decided is for whoever sees the unit that meets
        ('tier_change', 'SELECT', format(happened, 'tier_change',
            'tier_change.changed_at >= b.from_at AND tier_change.changed_at < b.to_at')
            || ' OR (unit_id IS NULL AND ' || format(everyone, any_duty) || ')'),
        ('meeting', 'SELECT', seen),
        ('resolution', 'SELECT', 'EXISTS (SELECT FROM calib.meeting m WHERE m.meeting_id = resolution.meeting_id)'),

        -- targets and how they change; the guard decides what a write may do
        ('target', 'SELECT', format(happened, 'target',
            'target.period_start < b.to_day AND calib.period_end(target.period_start, target.grain) > b.from_day')),
        -- a manager enters drafts: one of a period that has begun would be binding at once
        ('target', 'INSERT', format(held, '{admin}') || ' OR (' || format(held, '{manager}')
            || ' AND published_at IS NULL AND period_start > (SELECT calib.today()))'),
        ('target', 'UPDATE DELETE', format(held, '{admin,manager}')),
        ('budget', 'SELECT', seen),
        ('adjustment', 'SELECT', 'EXISTS (SELECT FROM calib.target t WHERE t.target_id = adjustment.target_id)'),
        ('adjustment_evidence', 'SELECT',
         'EXISTS (SELECT FROM calib.adjustment a WHERE a.adjustment_id = adjustment_evidence.adjustment_id)'),
        ('evidence', 'SELECT', format(anywhere, '{viewer,manager,risk,hr,admin}')
            || ' OR EXISTS (SELECT FROM calib.adjustment_evidence c WHERE c.evidence_id = evidence.evidence_id)'
            || ' OR EXISTS (SELECT FROM calib.request_evidence c WHERE c.evidence_id = evidence.evidence_id)'),
        ('evidence', 'INSERT UPDATE DELETE', format(everyone, '{admin}')
            || ' OR (created_by = (SELECT calib.person()) AND ' || format(anywhere, '{manager,risk,hr,admin}') || ')'),

        -- requests: also for whom they would take from
        ('resource_request', 'SELECT', seen || ' OR from_unit = ANY (ARRAY(SELECT calib.units_seen()))'),
        ('request_evidence', 'SELECT',
         'EXISTS (SELECT FROM calib.resource_request r WHERE r.request_id = request_evidence.request_id)'),

        -- whom a chat suite expects a report of
        ('report_duty', 'SELECT', format(everyone, '{admin}')),

        -- what HR holds, and tells other systems
        ('agreement', 'SELECT', format(held, '{rep,manager,hr,admin}')),
        ('outbox outbox_claim', 'SELECT', format(everyone, '{hr,admin}')),

        -- who tries calib, and against whom
        ('pilot', 'SELECT', format(everyone, any_duty)
            || ' OR EXISTS (SELECT FROM calib.pilot_unit u WHERE u.pilot_id = pilot.pilot_id)'),
        ('pilot_unit', 'SELECT', seen),
        ('pilot pilot_unit', 'INSERT UPDATE DELETE', format(everyone, '{admin}')),

        -- anonymous: read by nps_quarterly alone, which hides the answers of few
        ('survey_response', 'SELECT', 'false'),
        ('survey_response', 'INSERT', 'unit_id IN (SELECT calib.units_asked())'
            ' AND answered_on = (SELECT calib.today())'),

        -- where facts come from, and what could not be taken
        ('feed feed_key feed_error ingested_source unit_alias customer_alias', 'SELECT', format(everyone, '{admin}')),
        ('unit_alias customer_alias', 'INSERT UPDATE DELETE', format(everyone, '{admin}')),

        -- how jobs went
        ('job_run', 'SELECT', format(everyone, '{admin}')),

        -- the trail of every unit, and what is kept on which table
        ('guarded_row', 'SELECT', 'EXISTS (SELECT FROM calib.target t WHERE t.target_id = guarded_row.target_id)'),
        ('audit block leaf era audited guarded own_trigger stage_history_mark activity_mark', 'SELECT', format(everyone, '{admin}'))
    ) AS l (relations, commands, rule)
    CROSS JOIN string_to_table(l.relations, ' ') AS r (relation)
    CROSS JOIN string_to_table(l.commands, ' ') AS c (command)
    -- where a row may come to stand is narrower than which rows may be changed
    LEFT JOIN (VALUES
        -- whether it is late is not for the one to say whose work it is: entered or
        -- corrected, it is recorded when that is done
        ('activity', format(held, '{admin,manager,rep}')
            || ' AND (' || recorded_now || ' OR ' || format(held, '{admin}') || ')' || by_hand)
    ) AS n (relation, rule) ON n.relation = r.relation;
END $$;
COMMENT ON FUNCTION calib.row_rights() IS
'Row-level security in one list: per table of calib and command, which rows a caller''s duties allow: rule those read, changed or removed, new_rule those an INSERT or UPDATE leaves. What is not listed nobody may do but a superuser.';

-- pg_dump (from 15.5 on) leaves policies on an extension's tables to CREATE EXTENSION.
CREATE FUNCTION calib.rearm_rights() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old record;
    new record;
    made bigint := 0;
BEGIN
    FOR old IN
        SELECT p.polname, p.polrelid::regclass AS relation FROM pg_policy p
        JOIN pg_class c ON c.oid = p.polrelid
        WHERE c.relnamespace = 'calib'::regnamespace AND p.polname IN ('select', 'insert', 'update', 'delete')
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', old.polname, old.relation);
    END LOOP;
    FOR old IN
        SELECT c.oid::regclass AS relation FROM pg_class c
        WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', old.relation);
    END LOOP;
    FOR new IN SELECT r.* FROM calib.row_rights() r LOOP
        EXECUTE format('CREATE POLICY %I ON calib.%I FOR %s%s%s', lower(new.command), new.relation, new.command,
            CASE WHEN new.command <> 'INSERT' THEN format(' USING (%s)', new.rule) ELSE '' END,
            CASE WHEN new.new_rule IS NOT NULL THEN format(' WITH CHECK (%s)', new.new_rule) ELSE '' END);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION calib.rearm_rights() IS
'Turns row-level security on for all of calib''s tables, makes the policies of calib.row_rights() anew and returns how many; policies of your own, under other names than select, insert, update and delete, stay. For the owner of the tables, where somebody changed them.';
REVOKE EXECUTE ON FUNCTION calib.rearm_rights() FROM PUBLIC;

DO $$
DECLARE
    shown record;
    granted record;
BEGIN
    FOR shown IN
        SELECT c.oid::regclass AS relation FROM pg_class c
        WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind = 'v'
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO PUBLIC', shown.relation);
    END LOOP;
    FOR granted IN
        SELECT r.relation, string_agg(r.command, ', ') AS commands FROM calib.row_rights() r GROUP BY r.relation
    LOOP
        EXECUTE format('GRANT %s ON calib.%I TO PUBLIC', granted.commands, granted.relation);
    END LOOP;
    PERFORM calib.rearm_rights();
END $$;
