-- calib.ingest: a payload's facts, handed to the engine of the feeds (src/feed.sql).

CREATE FUNCTION calib.payload_facts(source text, shape text, payload jsonb, items jsonb)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE shape
    WHEN 'dingtalk_report' THEN
        RETURN QUERY SELECT * FROM calib.dingtalk_reports(items, calib.requested_due(payload, false));
    WHEN 'dingtalk_checkin' THEN
        RETURN QUERY SELECT * FROM calib.dingtalk_checkins(source, items, 'checkin_time');
    WHEN 'dingtalk_department_checkin' THEN
        RETURN QUERY SELECT * FROM calib.dingtalk_checkins(source, items, 'timestamp');
    WHEN 'feishu_task' THEN
        RETURN QUERY SELECT * FROM calib.feishu_tasks(source, items, calib.requested_due(payload, false));
    WHEN 'feishu_rule' THEN
        RETURN QUERY SELECT * FROM calib.feishu_rules(source, items, calib.requested_due(payload, true));
    WHEN 'wecom_behavior' THEN
        RETURN QUERY SELECT * FROM calib.wecom_behavior(items, calib.wecom_user(payload));
    WHEN 'wecom_contact' THEN
        RETURN QUERY SELECT * FROM calib.wecom_contacts(source, items, coalesce(payload ->> 'next_cursor', '') <> '');
    WHEN 'wecom_contact_list' THEN
        RETURN QUERY SELECT * FROM calib.wecom_contacts(source, items, true);
    WHEN 'wecom_journal' THEN
        RETURN QUERY SELECT * FROM calib.wecom_journal(items, calib.requested_due(payload, false));
    END CASE;
END $$;
COMMENT ON FUNCTION calib.payload_facts(text, text, jsonb, jsonb) IS
'The facts of a payload without faults; fact NULL: the one with this key is to go.';
REVOKE EXECUTE ON FUNCTION calib.payload_facts(text, text, jsonb, jsonb) FROM PUBLIC;

-- pull(complete => true) of a feed removes the facts its source does not have: nobody
-- else's facts may stand under its name.
CREATE FUNCTION calib.check_ingest_source(source text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(btrim($1), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'the source of the facts has no name',
            HINT = 'Usually ''dingtalk'', ''feishu'' or ''wecom''.';
    END IF;
    IF $1 IN ('manual', 'report') THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('source "%s" is for %s', $1, CASE $1 WHEN 'manual' THEN 'what is entered by hand' ELSE 'weekly reports' END),
            HINT = 'Give what is ingested a source of its own.';
    END IF;
    IF EXISTS (SELECT FROM calib.feed f WHERE f.feed = $1) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('source "%s" is a feed', $1),
            DETAIL = 'The facts of a feed are those of its table.',
            HINT = 'Give what is ingested a source of its own.';
    END IF;
END $$;
COMMENT ON FUNCTION calib.check_ingest_source(text) IS
'Raises 22023 unless facts may be ingested under this source: it has a name, not manual or report, and no feed''s.';
REVOKE EXECUTE ON FUNCTION calib.check_ingest_source(text) FROM PUBLIC;

-- One payload of a source at a time: two that tell of the same contact or duty each
-- look at what is there first.
CREATE FUNCTION calib.ingest(source text, payload jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer record;
    fault text;
    facts jsonb;
    gone text[];
    counted record;
BEGIN
    PERFORM calib.require_duty('{admin}', NULL, 'ingest facts');
    PERFORM calib.check_ingest_source($1);
    PERFORM calib.check_answer($2);
    answer := calib.payload_shape($2);
    fault := calib.payload_fault(answer.shape, answer.path, answer.items);
    IF fault IS NOT NULL THEN
        PERFORM calib.refuse_payload(fault, 'Nothing of it was taken: mend that item, or leave it out.');
    END IF;

    PERFORM pg_advisory_xact_lock('calib.report_duty'::regclass::oid::integer, hashtext($1));
    INSERT INTO calib.ingested_source (source) VALUES ($1) ON CONFLICT DO NOTHING;
    SELECT jsonb_agg(f.fact ORDER BY f.external_id) FILTER (WHERE f.fact IS NOT NULL),
           array_agg(f.external_id) FILTER (WHERE f.fact IS NULL)
    INTO facts, gone
    FROM calib.payload_facts($1, answer.shape, $2, answer.items) f;
    DELETE FROM calib.activity a WHERE a.source = $1 AND a.external_id = ANY (gone);
    DELETE FROM calib.feed_error e WHERE e.source = $1 AND e.destination = 'activity' AND e.external_id = ANY (gone);

    SELECT f.taken, f.failed INTO counted
    FROM calib.feed_facts($1, CASE WHEN answer.shape LIKE 'wecom_contact%' THEN 'customer' ELSE 'activity' END,
        coalesce(facts, '[]')) f;
    IF counted.failed > 0 THEN
        RAISE NOTICE USING MESSAGE = format('facts of "%s" that wait in calib.feed_error: %s', $1, counted.failed),
            HINT = 'Enter what is unknown, a person in calib.unit_alias; calib.pull() tries them again.';
    END IF;
    PERFORM calib.tell_next_page($2);
    RETURN counted.taken;
END $$;
COMMENT ON FUNCTION calib.ingest(text, jsonb) IS
'Takes an answer of DingTalk, Feishu (Lark) or WeCom, as it came, as facts of a source, and returns how many were taken; the same again changes nothing. What is not in the answer stands beside it under "request". A payload with a fault is refused whole: 22023, with its JSON path in the detail. What names somebody unknown waits in calib.feed_error. Duty admin for everyone (42501).';
