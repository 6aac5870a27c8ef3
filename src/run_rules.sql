-- Job rules: reminders of what the rules find, and of steps of the workflow that
-- nobody took in time.

INSERT INTO calib.reason (code, en, zh) VALUES
('step_overdue',
 'The step "{step}" of {subject} {id} of {unit}, submitted by {submitted_by}, waits for {waiting_hours} hours; {due_hours} are allowed.',
 '{unit}的{subject_zh} {id}（{submitted_by} 提交）的“{step_zh}”步骤已等待 {waiting_hours} 小时，时限为 {due_hours} 小时。');

-- What waits, as it stood ---------------------------------------------------------

-- A batch is one decision: it waits under the id of its first adjustment, for whoever
-- holds the duty over all of its units.
CREATE FUNCTION calib.steps_waiting(as_of timestamptz)
RETURNS TABLE (subject text, id bigint, unit_id bigint, status text, step text, duties text[], other_than text[],
    submitted_by text, approved_by text, waiting_since timestamptz, due_hours integer)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH asked AS (
        SELECT 'adjustment' AS subject, coalesce(a.batch_id, a.adjustment_id) AS id, t.unit_id, a.submitted_by, a.submitted_at,
               a.approved_by, a.approved_at, a.approved_under, least(a.filed_at, a.ended_at) AS ended_at
        FROM calib.adjustment a JOIN calib.target t ON t.target_id = a.target_id
        UNION ALL
        SELECT 'request', r.request_id, r.unit_id, r.submitted_by, r.submitted_at,
               r.approved_by, r.approved_at, r.approved_under, least(r.filed_at, r.ended_at)
        FROM calib.resource_request r
    ), open AS MATERIALIZED (
        SELECT a.*, coalesce(a.approved_at <= $1, false) AS approved
        FROM asked a
        WHERE a.submitted_at <= $1 AND (a.ended_at IS NULL OR a.ended_at > $1)
    ), shared AS (
        SELECT o.subject, o.id, a.ancestor_id, sum(a.depth) AS depth
        FROM open o JOIN calib.unit_ancestors(calib.day_of($1)) a ON a.unit_id = o.unit_id
        GROUP BY o.subject, o.id, a.ancestor_id
        HAVING count(*) = (SELECT count(*) FROM open m WHERE m.subject = o.subject AND m.id = o.id)
    ), one AS (
        SELECT DISTINCT ON (o.subject, o.id) o.*,
               coalesce((SELECT s.ancestor_id FROM shared s WHERE s.subject = o.subject AND s.id = o.id ORDER BY s.depth LIMIT 1), o.unit_id) AS over_unit
        FROM open o
        ORDER BY o.subject, o.id, o.unit_id
    )
    SELECT o.subject, o.id, o.over_unit, CASE WHEN o.approved THEN 'approved' ELSE 'submitted' END,
           w.step, w.duties, w.other_than, o.submitted_by, CASE WHEN o.approved THEN o.approved_by END,
           CASE WHEN o.approved THEN o.approved_at ELSE o.submitted_at END, p.step_due_hours
    FROM one o
    JOIN calib.policy_at(calib.day_of($1)) p ON p.unit_id = o.unit_id
    CROSS JOIN LATERAL (
        SELECT r.step, r.duties, r.other_than FROM calib.workflow_rules() r
        WHERE r.approval = p.approval AND r.step IN ('approve', 'file')
          -- an approval from before it was required waits for risk's (workflow.c)
          AND CASE WHEN o.approved AND NOT (p.approval = 'required' AND o.approved_under IS DISTINCT FROM 'required')
              THEN 'approved' ELSE 'submitted' END = ANY (r.from_status)
        ORDER BY r.step = 'file' DESC LIMIT 1) w;
END $$;
COMMENT ON FUNCTION calib.steps_waiting(timestamptz) IS
'The adjustments (a batch once) and requests whose next step waited at a time, since when, and for which duties over which unit. Of every unit, internal.';
REVOKE EXECUTE ON FUNCTION calib.steps_waiting(timestamptz) FROM PUBLIC;

-- Reminders of them ----------------------------------------------------------------

-- Of several duties that may take a step those are reminded that somebody holds.
CREATE FUNCTION calib.step_reminders(as_of timestamptz)
RETURNS TABLE (key text, unit_id bigint, duty text, reason_args jsonb, due_at timestamptz)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH waiting AS MATERIALIZED (
        SELECT s.* FROM calib.steps_waiting($1) s
    ), asked AS (
        SELECT w.subject, w.id, d.duty, d.n, EXISTS (
                   SELECT FROM calib.duty h
                   WHERE h.duty = d.duty AND (h.unit_id IS NULL OR h.unit_id IN
                       (SELECT a.ancestor_id FROM calib.unit_ancestors(NULL, w.unit_id) a))) AS held
        FROM waiting w CROSS JOIN LATERAL unnest(w.duties) WITH ORDINALITY AS d (duty, n)
    )
    SELECT format('step:%s:%s:%s:%s:%s', w.subject, w.id, w.status, w.step, a.duty), w.unit_id, a.duty,
           jsonb_build_object('subject', w.subject, 'id', w.id, 'step', w.step, 'unit', u.name, 'submitted_by', w.submitted_by,
               'subject_zh', CASE w.subject WHEN 'request' THEN '资源申请' ELSE '目标修正' END,
               'step_zh', CASE w.step WHEN 'file' THEN '备案' ELSE '审批' END,
               'waiting_hours', floor(extract(epoch FROM $1 - w.waiting_since) / 3600), 'due_hours', w.due_hours,
               'not_by', array_remove(ARRAY[CASE WHEN 'submitted_by' = ANY (w.other_than) THEN w.submitted_by END,
                                            CASE WHEN 'approved_by' = ANY (w.other_than) THEN w.approved_by END], NULL)),
           w.waiting_since + make_interval(hours => w.due_hours)
    FROM waiting w
    JOIN asked a ON a.subject = w.subject AND a.id = w.id
    JOIN calib.unit u ON u.unit_id = w.unit_id
    WHERE a.held OR (a.n = 1 AND NOT EXISTS (
        SELECT FROM asked o WHERE o.subject = w.subject AND o.id = w.id AND o.held));
END $$;
COMMENT ON FUNCTION calib.step_reminders(timestamptz) IS
'What would remind of each step that waits at a time, overdue from due_at on. Internal.';
REVOKE EXECUTE ON FUNCTION calib.step_reminders(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.remind_of_steps(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    step record;
    made bigint := 0;
BEGIN
    FOR step IN
        SELECT s.* FROM calib.step_reminders($1) s WHERE s.due_at <= $1 ORDER BY s.due_at, s.key
    LOOP
        IF calib.remind(step.key, step.unit_id, step.duty, 'workflow', 'step_overdue', step.reason_args, $1, step.due_at) THEN
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION calib.remind_of_steps(timestamptz) IS
'Reminds the holders of the duties, and their deputies, of each step that is overdue; returns how many reminders are new.';
REVOKE EXECUTE ON FUNCTION calib.remind_of_steps(timestamptz) FROM PUBLIC;

-- A step that was taken, or that policy asks for no longer.
CREATE FUNCTION calib.settle_steps(as_of timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    settled record;
BEGIN
    FOR settled IN
        SELECT r.key, t.at, t.by_whom
        FROM calib.reminder r
        LEFT JOIN LATERAL (
            SELECT v.at, v.by_whom
            FROM (SELECT a.approved_at, a.approved_by, a.filed_at, a.filed_by, a.ended_at, a.ended_by
                  FROM calib.adjustment a
                  WHERE r.reason_args ->> 'subject' = 'adjustment' AND a.adjustment_id = (r.reason_args ->> 'id')::bigint
                  UNION ALL
                  SELECT q.approved_at, q.approved_by, q.filed_at, q.filed_by, q.ended_at, q.ended_by
                  FROM calib.resource_request q
                  WHERE r.reason_args ->> 'subject' = 'request' AND q.request_id = (r.reason_args ->> 'id')::bigint) s
            CROSS JOIN LATERAL (VALUES (s.approved_at, s.approved_by), (s.filed_at, s.filed_by), (s.ended_at, s.ended_by)) AS v (at, by_whom)
            WHERE v.at <= $1
            ORDER BY v.at DESC LIMIT 1) t ON true
        WHERE r.rule = 'workflow' AND r.done_at IS NULL AND r.dismissed_at IS NULL
          -- a run for a time before it was made says nothing about it
          AND r.created_at <= $1
          AND r.key NOT IN (SELECT s.key FROM calib.step_reminders($1) s)
        ORDER BY r.reminder_id
    LOOP
        PERFORM calib.settle_reminder(settled.key, coalesce(settled.at, $1), settled.by_whom, NULL);
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.settle_steps(timestamptz) IS
'Ends the reminders of steps that wait no longer, by whom and when the step was taken.';
REVOKE EXECUTE ON FUNCTION calib.settle_steps(timestamptz) FROM PUBLIC;

-- What ends a deviation, a report or a meeting passes over a reminder that somebody is
-- ending. Where he leaves it open after all, nothing is left to be done about it.
CREATE FUNCTION calib.settle_ended(as_of timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    settled record;
BEGIN
    FOR settled IN
        WITH open AS MATERIALIZED (
            SELECT r.reminder_id, r.key, r.unit_id FROM calib.reminder r
            WHERE r.done_at IS NULL AND r.dismissed_at IS NULL AND r.created_at <= $1
        )
        SELECT o.reminder_id, o.key, d.ended_at AS at, d.ended_by AS by_whom, d.ending AS note
        FROM open o JOIN calib.deviation d ON d.unit_id = o.unit_id AND d.ended_at <= $1
        WHERE o.key LIKE 'deviation:%' AND o.key = calib.reminder_key(d)
        UNION ALL
        SELECT o.reminder_id, o.key, p.filed_at, p.filed_by, NULL
        FROM open o JOIN calib.report p ON p.unit_id = o.unit_id AND p.filed_at <= $1
        WHERE o.key = format('report:%s:%s', p.unit_id, to_char(p.week, 'YYYY-MM-DD'))
        UNION ALL
        SELECT o.reminder_id, o.key, m.closed_at, m.closed_by, NULL
        FROM open o JOIN calib.meeting m ON m.unit_id = o.unit_id AND m.closed_at <= $1
        WHERE o.key = calib.meeting_key(m.unit_id, m.month)
        ORDER BY 1
    LOOP
        PERFORM calib.settle_reminder(settled.key, settled.at, settled.by_whom, settled.note);
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.settle_ended(timestamptz) IS
'Ends the reminders that are still open of deviations that ended, reports filed and meetings closed by then.';
REVOKE EXECUTE ON FUNCTION calib.settle_ended(timestamptz) FROM PUBLIC;

-- The job ---------------------------------------------------------------------------

CREATE FUNCTION calib.run_rules(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hit record;
    made bigint := 0;
BEGIN
    PERFORM calib.check_as_of($1);
    PERFORM calib.make_reports_counted($1, 'reminder');
    PERFORM calib.settle_steps($1);
    PERFORM calib.settle_ended($1);
    made := calib.remind_of_steps($1);
    FOR hit IN
        SELECT h.*, r.duty, r.due_hours
        FROM calib.rule_hits($1) h
        JOIN calib.rule r ON r.rule = h.rule AND r.makes = 'reminder'
        WHERE h.unit_id IN (SELECT l.unit_id FROM calib.loop_at($1) l WHERE NOT l.observed)
        ORDER BY h.key
    LOOP
        IF calib.remind(hit.key, hit.unit_id, hit.duty, hit.rule, hit.reason_code, hit.reason_args,
                $1, $1 + make_interval(hours => hit.due_hours)) THEN
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION calib.run_rules(timestamptz) IS
'Job rules: reminders of what the rules find at as_of for units in the loop, and of overdue steps of the workflow for every unit; and ends those of steps taken, and what is left of deviations ended, reports filed and meetings closed. Returns how many reminders were made. as_of NULL, infinite or later than calib.clock(): 22023.';
REVOKE EXECUTE ON FUNCTION calib.run_rules(timestamptz) FROM PUBLIC;
