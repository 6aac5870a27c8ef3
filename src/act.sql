-- Acts: what ends a deviation because somebody did something, or says that nothing
-- is to be done.

CREATE FUNCTION calib.reminder_key(deviation calib.deviation) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('deviation:%s:%s:%s:%s:%s:%s:%s:%s', (deviation).unit_id, (deviation).measure, (deviation).product_line,
        (deviation).grain, to_char((deviation).period_start, 'YYYY-MM-DD'), (deviation).kind, (deviation).subject,
        extract(epoch FROM (deviation).detected_at));
END;
COMMENT ON FUNCTION calib.reminder_key(calib.deviation) IS
'The key of the reminder to act on a deviation: the same whenever it is detected anew for that time.';

-- Whoever ends it, and on whatever way: its manager is not to be asked any more.
CREATE FUNCTION calib.settle_deviation() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.deviation'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.settle_deviation keeps table calib.deviation only';
    END IF;
    IF NOT calib.restoring() THEN
        PERFORM calib.settle_reminder(calib.reminder_key(NEW), NEW.ended_at, coalesce(NEW.ended_by, 'calib'), NEW.ending);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.settle_deviation() IS 'Trigger: the reminder of a deviation that ends is done.';
REVOKE EXECUTE ON FUNCTION calib.settle_deviation() FROM PUBLIC;
CREATE TRIGGER settle_deviation AFTER UPDATE ON calib.deviation
    FOR EACH ROW WHEN (OLD.ending IS NULL AND NEW.ending IS NOT NULL) EXECUTE FUNCTION calib.settle_deviation();
ALTER TABLE calib.deviation ENABLE ALWAYS TRIGGER settle_deviation;

CREATE FUNCTION calib.end_deviation(deviation calib.deviation, ending text, action text, note text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz := calib.clock();
    was calib.deviation;
BEGIN
    IF at < ($1).detected_at THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('deviation %s was not detected yet', ($1).deviation_id),
            DETAIL = format('It was detected at %s; it is %s now.', ($1).detected_at, at);
    END IF;
    UPDATE calib.deviation d
    SET ending = $2, ended_at = at, ended_by = calib.person(), note = $4,
        action = $3, acted_at = CASE $2 WHEN 'acted' THEN at END,
        acted_by = CASE $2 WHEN 'acted' THEN calib.person() END
    WHERE d.deviation_id = ($1).deviation_id AND d.ending IS NULL;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT d.* INTO was FROM calib.deviation d WHERE d.deviation_id = ($1).deviation_id;
    RAISE EXCEPTION USING ERRCODE = 'KC005',
        MESSAGE = format('deviation %s has ended', was.deviation_id),
        DETAIL = format('It was %s at %s%s.', was.ending, was.ended_at, coalesce(' by ' || was.ended_by, '')),
        HINT = 'Answer it with calib.comment_deviation().';
END $$;
COMMENT ON FUNCTION calib.end_deviation(calib.deviation, text, text, text) IS
'Ends an open deviation now, by the person who calls. Before it was detected: 22023; ended already: KC005.';
REVOKE EXECUTE ON FUNCTION calib.end_deviation(calib.deviation, text, text, text) FROM PUBLIC;

CREATE FUNCTION calib.act(deviation_id bigint, action text, note text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked calib.deviation := calib.deviation_asked_for($1, '{manager,admin}', 'act on this deviation');
    actions text[] := '{coaching,retiering,adjustment,request,other}';
BEGIN
    IF $2 IS NULL OR $2 <> ALL (actions) THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('there is no action "%s"', coalesce($2, 'null')),
            HINT = format('The actions are: %s.', array_to_string(actions, ', '));
    END IF;
    IF $2 IN ('coaching', 'other') AND coalesce($3, '') !~ '[^[:space:]]' THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('action %s needs a note that says what was done', $2),
            HINT = format('calib.act(%s, %L, note).', $1, $2);
    END IF;
    PERFORM calib.end_deviation(asked, 'acted', $2, $3);
END $$;
COMMENT ON FUNCTION calib.act(bigint, text, text) IS
'Says what was done about an open deviation, which ends it as acted on, now: coaching or other (with a note), retiering, adjustment, request. For managers and admins over its unit (42501). No such deviation, unknown action, no note, not detected yet: 22023; ended already: KC005.';

CREATE FUNCTION calib.dismiss(deviation_id bigint, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked calib.deviation := calib.deviation_asked_for($1, '{manager,admin}', 'dismiss this deviation');
BEGIN
    IF coalesce($2, '') !~ '[^[:space:]]' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'a dismissal needs a reason',
            HINT = format('calib.dismiss(%s, reason): say why nothing is to be done.', $1);
    END IF;
    PERFORM calib.end_deviation(asked, 'dismissed', NULL, $2);
END $$;
COMMENT ON FUNCTION calib.dismiss(bigint, text) IS
'Ends an open deviation without an act, with the reason why none is needed. For managers and admins over its unit (42501). No such deviation, no reason, not detected yet: 22023; ended already: KC005.';

-- Acts that are recorded elsewhere ------------------------------------------------

CREATE FUNCTION calib.action_answers()
RETURNS TABLE (action text, kinds text[], of_target boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('adjustment', '{environment,execution,windfall,low_conversion}'::text[], true),
           ('request', '{environment,execution,low_conversion,shallow_coverage}', false),
           ('retiering', '{shallow_coverage,low_conversion,execution}', false);
END;
COMMENT ON FUNCTION calib.action_answers() IS
'Which kinds of deviations an act answers by itself; of_target: only those of the same measure and product line whose period overlaps.';

CREATE FUNCTION calib.act_on(units bigint[], action text, measure text, product_line text,
    from_day date, to_day date, at timestamptz, acted_by text, note text, naming boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    acted bigint;
BEGIN
    -- Filings that cross, or a detection, never wait for each other here: one that
    -- another is about to end is left to it, or to the next detection.
    UPDATE calib.deviation d
    SET ending = 'acted', acted_at = $7, ended_at = $7, action = $2, acted_by = $8, ended_by = $8, note = $9
    WHERE d.deviation_id IN (
        SELECT o.deviation_id
        FROM calib.action_answers() a JOIN calib.deviation o ON o.kind = ANY (a.kinds)
        WHERE a.action = $2 AND o.ending IS NULL AND o.detected_at <= $7
          AND (o.unit_id = ANY ($1) OR ($10 AND o.units && $1))
          AND (NOT a.of_target OR (o.measure = $3 AND o.product_line = $4
               AND o.period_start < $6 AND calib.period_end(o.period_start, o.grain) > $5))
        FOR NO KEY UPDATE OF o SKIP LOCKED);
    GET DIAGNOSTICS acted = ROW_COUNT;
    RETURN acted;
END $$;
COMMENT ON FUNCTION calib.act_on(bigint[], text, text, text, date, date, timestamptz, text, text, boolean) IS
'Ends as acted on the open deviations, detected by then, of these units or (naming) naming one of them that the action answers (calib.action_answers); returns how many. measure to to_day: of the target adjusted, its period being [from_day, to_day).';
REVOKE EXECUTE ON FUNCTION calib.act_on(bigint[], text, text, text, date, date, timestamptz, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION calib.filed_acts(from_at timestamptz, to_at timestamptz)
RETURNS TABLE (id bigint, units bigint[], action text, measure text, product_line text, from_day date, to_day date,
    at timestamptz, acted_by text, note text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT a.adjustment_id, ARRAY[t.unit_id], 'adjustment', t.measure, t.product_line,
           t.period_start, calib.period_end(t.period_start, t.grain),
           a.filed_at, a.submitted_by, a.reason
    FROM calib.adjustment a JOIN calib.target t USING (target_id)
    WHERE a.status = 'filed' AND a.filed_at >= from_at AND a.filed_at <= to_at
    UNION ALL
    SELECT r.request_id, array_remove(ARRAY[r.unit_id, r.from_unit], NULL), 'request', NULL, NULL, NULL, NULL,
           r.filed_at, r.submitted_by, r.reason
    FROM calib.resource_request r
    WHERE r.status = 'filed' AND r.filed_at >= from_at AND r.filed_at <= to_at
    UNION ALL
    SELECT m.meeting_id, m.retiered, 'retiering', NULL, NULL, NULL, NULL,
           m.closed_at, m.closed_by, 'Tiers changed by calibration meeting ' || m.meeting_id
    FROM calib.meeting m
    WHERE m.retiered IS NOT NULL AND m.closed_at >= from_at AND m.closed_at <= to_at;
END;
COMMENT ON FUNCTION calib.filed_acts(timestamptz, timestamptz) IS
'Adjustments and requests filed in [from_at, to_at], and meetings closed in it that changed tiers, with the arguments of calib.act_on(). Of every unit, internal. NULL gives no rows.';
REVOKE EXECUTE ON FUNCTION calib.filed_acts(timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.answer_filing() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    filed bigint;
BEGIN
    IF TG_RELID NOT IN ('calib.adjustment'::regclass, 'calib.resource_request'::regclass) THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.answer_filing keeps tables calib.adjustment and calib.resource_request only';
    END IF;
    IF calib.restoring() OR (TG_OP = 'UPDATE' AND OLD.status = 'filed') THEN
        RETURN NULL;
    END IF;
    filed := CASE TG_ARGV[0] WHEN 'adjustment' THEN to_jsonb(NEW) ->> 'adjustment_id' ELSE to_jsonb(NEW) ->> 'request_id' END;
    PERFORM calib.act_on(f.units, f.action, f.measure, f.product_line, f.from_day, f.to_day, f.at, f.acted_by, f.note)
    FROM calib.filed_acts(NEW.filed_at, NEW.filed_at) f
    WHERE f.action = TG_ARGV[0] AND f.id = filed;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.answer_filing() IS
'Trigger: an adjustment or request that is filed ends the deviations it answers as acted on, by whoever submitted it.';
REVOKE EXECUTE ON FUNCTION calib.answer_filing() FROM PUBLIC;
CREATE TRIGGER answer_filing AFTER INSERT OR UPDATE ON calib.adjustment
    FOR EACH ROW WHEN (NEW.status = 'filed') EXECUTE FUNCTION calib.answer_filing('adjustment');
ALTER TABLE calib.adjustment ENABLE ALWAYS TRIGGER answer_filing;
CREATE TRIGGER answer_filing AFTER INSERT OR UPDATE ON calib.resource_request
    FOR EACH ROW WHEN (NEW.status = 'filed') EXECUTE FUNCTION calib.answer_filing('request');
ALTER TABLE calib.resource_request ENABLE ALWAYS TRIGGER answer_filing;

-- The trigger misses what was filed while a detection that it could not see was at
-- work, and what was filed before days that are caught up with only now. A deviation
-- names units as they join it: what was filed before a detection let a unit join was not
-- about this deviation, and would be an act before there was anything to act on.
CREATE FUNCTION calib.answer_filed(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    filed record;
    acted bigint := 0;
    before timestamptz := (SELECT max(d.as_of) FROM calib.detection d);
BEGIN
    FOR filed IN
        SELECT f.*
        FROM calib.filed_acts((SELECT min(d.detected_at) FROM calib.deviation d WHERE d.ending IS NULL), $1) f
        ORDER BY f.at, f.action, f.id
    LOOP
        acted := acted + calib.act_on(filed.units, filed.action, filed.measure, filed.product_line,
            filed.from_day, filed.to_day, filed.at, filed.acted_by, filed.note, filed.at >= before);
    END LOOP;
    RETURN acted;
END $$;
COMMENT ON FUNCTION calib.answer_filed(timestamptz) IS
'Ends as acted on the open deviations answered by what was filed up to as_of, those that name a unit by what was filed since the detection before; returns how many.';
REVOKE EXECUTE ON FUNCTION calib.answer_filed(timestamptz) FROM PUBLIC;
