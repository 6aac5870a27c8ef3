-- DingTalk: reports, and check-ins as two APIs tell them. Of a report calib takes who
-- filed it and when; no contents, names or places.

-- The newest version of each report.
CREATE FUNCTION calib.dingtalk_reports(items jsonb, due_at timestamptz)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT ON (r.value ->> 'report_id') r.value ->> 'report_id',
           jsonb_strip_nulls(jsonb_build_object(
               'external_id', r.value ->> 'report_id', 'unit', r.value ->> 'creator_id', 'kind', 'log_report',
               'outcome', 'filed', 'occurred_at', calib.epoch_at(r.value -> 'create_time'), 'due_at', $2))
    FROM jsonb_array_elements(items) WITH ORDINALITY AS r (value, n)
    ORDER BY r.value ->> 'report_id', calib.epoch_at(nullif(r.value -> 'modified_time', 'null')) DESC NULLS LAST, r.n DESC;
END;
COMMENT ON FUNCTION calib.dingtalk_reports(jsonb, timestamptz) IS
'Facts of the answers of topapi/report/list.';
REVOKE EXECUTE ON FUNCTION calib.dingtalk_reports(jsonb, timestamptz) FROM PUBLIC;

-- The same check-in through both APIs is one fact: its key is who and when. Whom
-- somebody visited is an id or a name typed in: it is taken where it is a customer's
-- key, and kept nowhere else. The list by department does not say it: there a fact that
-- has a customer is left as it is.
CREATE FUNCTION calib.dingtalk_checkins(source text, items jsonb, at_field text)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT ON (k.key) k.key,
           jsonb_build_object(
               'external_id', k.key, 'unit', c.value ->> 'userid', 'kind', 'visit',
               'occurred_at', calib.epoch_at(c.value -> at_field),
               'customer', coalesce(other.external_ref, visited.external_ref))
    FROM jsonb_array_elements(items) AS c (value)
    CROSS JOIN LATERAL (SELECT format('checkin:%s:%s', c.value ->> 'userid',
        (extract(epoch FROM calib.epoch_at(c.value -> at_field)) * 1000)::bigint)) AS k (key)
    LEFT JOIN calib.activity a ON a.source = $1 AND a.external_id = k.key
    LEFT JOIN calib.customer_alias other ON other.source = $1 AND other.external_ref = c.value ->> 'visit_user'
    LEFT JOIN calib.customer visited ON visited.external_ref = c.value ->> 'visit_user'
    WHERE c.value ->> 'visit_user' IS NOT NULL OR a.customer_id IS NULL
    ORDER BY k.key, c.value ->> 'visit_user' NULLS LAST;
END;
COMMENT ON FUNCTION calib.dingtalk_checkins(text, jsonb, text) IS
'Facts of the answers of topapi/checkin/record/get and checkin/record, whose times stand in at_field.';
REVOKE EXECUTE ON FUNCTION calib.dingtalk_checkins(text, jsonb, text) FROM PUBLIC;
