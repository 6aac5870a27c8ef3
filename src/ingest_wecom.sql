-- WeCom: daily counts of what somebody did with customers, the customers themselves,
-- and journals. No message is ever in these answers; names of persons are left out.

-- Whose days they are the answer does not say: they are those of all that were asked
-- for, together.
CREATE FUNCTION calib.wecom_user(payload jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hint constant text := 'Ask for one user at a time, and put what was asked beside the answer: "request": {"userid": ["..."]}.';
    asked jsonb := payload #> '{request,userid}';
    party jsonb := payload #> '{request,partyid}';
    fault text;
BEGIN
    IF jsonb_typeof(party) <> 'null' AND party <> '[]' THEN
        PERFORM calib.refuse_payload('$.request.partyid: the counts are of a whole department', hint);
    END IF;
    IF jsonb_typeof(asked) = 'array' THEN
        IF jsonb_array_length(asked) <> 1 THEN
            PERFORM calib.refuse_payload(
                format('$.request.userid: the counts are of %s users together', jsonb_array_length(asked)), hint);
        END IF;
        fault := '$.request.userid[0]: ' || calib.field_fault('text', true, asked -> 0);
        asked := asked -> 0;
    ELSE
        fault := '$.request.userid: ' || calib.field_fault('text', true, asked);
    END IF;
    IF fault IS NOT NULL THEN
        PERFORM calib.refuse_payload(fault, hint);
    END IF;
    RETURN asked #>> '{}';
END $$;
COMMENT ON FUNCTION calib.wecom_user(jsonb) IS
'The one user a payload of daily counts was asked for; 22023 where there is none, or more than one.';
REVOKE EXECUTE ON FUNCTION calib.wecom_user(jsonb) FROM PUBLIC;

-- A count of 0 is no act: corrected to 0, its fact goes (fact NULL).
CREATE FUNCTION calib.wecom_behavior(items jsonb, userid text)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT ON (k.key) k.key,
           CASE WHEN n.count > 0 THEN jsonb_build_object(
               'external_id', k.key, 'unit', userid, 'kind', c.kind,
               'occurred_at', calib.epoch_at(d.value -> 'stat_time'), 'quantity', n.count) END
    FROM jsonb_array_elements(items) WITH ORDINALITY AS d (value, n)
    CROSS JOIN (VALUES ('chat', 'chat_cnt'), ('message', 'message_cnt'), ('contact_request', 'new_apply_cnt'),
                       ('new_contact', 'new_contact_cnt')) AS c (kind, field)
    CROSS JOIN LATERAL (SELECT (d.value ->> c.field)::numeric) AS n (count)
    CROSS JOIN LATERAL (SELECT format('%s:%s:%s', c.kind, userid,
        extract(epoch FROM calib.epoch_at(d.value -> 'stat_time'))::bigint)) AS k (key)
    WHERE n.count IS NOT NULL
    ORDER BY k.key, d.n DESC;
END;
COMMENT ON FUNCTION calib.wecom_behavior(jsonb, text) IS
'Facts of the answers of externalcontact/get_user_behavior_data for one user.';
REVOKE EXECUTE ON FUNCTION calib.wecom_behavior(jsonb, text) FROM PUBLIC;

CREATE FUNCTION calib.wecom_journal(items jsonb, due_at timestamptz)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT j.value #>> '{info,journal_uuid}',
           jsonb_strip_nulls(jsonb_build_object(
               'external_id', j.value #>> '{info,journal_uuid}', 'unit', j.value #>> '{info,submitter,userid}',
               'kind', 'log_report', 'outcome', 'filed',
               'occurred_at', calib.epoch_at(j.value #> '{info,report_time}'), 'due_at', $2))
    FROM jsonb_array_elements(items) AS j (value);
END;
COMMENT ON FUNCTION calib.wecom_journal(jsonb, timestamptz) IS
'The fact of an answer of oa/journal/get_record_detail.';
REVOKE EXECUTE ON FUNCTION calib.wecom_journal(jsonb, timestamptz) FROM PUBLIC;

-- The owner is who has followed the customer longest. Where a payload may not hold
-- everybody that follows it (partial), a longer one known already stays. A contact with
-- an alias is a customer of another source, which says everything about it. What a
-- contact does not say, its name above all, stays.
CREATE FUNCTION calib.wecom_contacts(source text, items jsonb, partial boolean)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH contact AS (
        SELECT DISTINCT ON (i.value #>> '{external_contact,external_userid}')
               i.value #>> '{external_contact,external_userid}' AS ref, f.userid, f.since,
               coalesce(nullif(i.value #>> '{external_contact,corp_full_name}', ''), nullif(i.value #>> '{external_contact,corp_name}', '')) AS company
        FROM jsonb_array_elements(items) AS i (value)
        LEFT JOIN LATERAL (
            SELECT u.value ->> 'userid' AS userid, calib.epoch_at(u.value -> 'createtime') AS since
            FROM jsonb_array_elements(coalesce(i.value -> 'follow_user', jsonb_build_array(i.value -> 'follow_info'))) AS u (value)
        ) AS f ON true
        ORDER BY i.value #>> '{external_contact,external_userid}', f.since, f.userid
    )
    SELECT c.ref, jsonb_build_object(
               'external_ref', c.ref, 'name', coalesce(c.company, known.name, c.ref), 'unit', c.userid,
               'created_at', least(known.created_at, c.since))
    FROM contact c
    LEFT JOIN calib.customer known ON known.external_ref = c.ref
    WHERE NOT EXISTS (SELECT FROM calib.customer_alias a WHERE a.source = $1 AND a.external_ref = c.ref)
      AND (NOT partial OR known.unit_id IS NULL OR c.since <= known.created_at);
END;
COMMENT ON FUNCTION calib.wecom_contacts(text, jsonb, boolean) IS
'Facts of the answers of externalcontact/get and externalcontact/batch/get_by_user.';
REVOKE EXECUTE ON FUNCTION calib.wecom_contacts(text, jsonb, boolean) FROM PUBLIC;
