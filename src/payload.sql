-- Payloads: what the API of a chat suite answered, as it came. Its fields say which API
-- that was. What its items become is in ingest_SUITE.sql, and calib.ingest in ingest.sql.

-- Epochs -----------------------------------------------------------------------------

-- Seconds reach 10^11 in the year 5138, milliseconds did so in 1973: what is smaller
-- is seconds.
CREATE FUNCTION calib.epoch_at(value jsonb) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_timestamp((CASE WHEN (value #>> '{}')::numeric < 1e11 THEN (value #>> '{}')::numeric
        ELSE (value #>> '{}')::numeric / 1000 END)::float8);
END;
COMMENT ON FUNCTION calib.epoch_at(jsonb) IS
'The moment of an epoch in seconds or milliseconds, a JSON number or a text of digits. NULL gives NULL.';
REVOKE EXECUTE ON FUNCTION calib.epoch_at(jsonb) FROM PUBLIC;

-- What a field may hold --------------------------------------------------------------

-- Asked of every field of every item, so in PL/pgSQL: a function in SQL that is not
-- inlined costs ten times as much per call. Ids end up in index keys, which have a limit.
CREATE FUNCTION calib.text_fault(value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN jsonb_typeof(value) <> 'string' THEN 'is of type ' || jsonb_typeof(value) || ', not text'
        WHEN btrim(value #>> '{}') = '' THEN 'is empty'
        WHEN length(value #>> '{}') > 256 THEN 'is longer than 256 characters' END;
END $$;
COMMENT ON FUNCTION calib.text_fault(jsonb) IS 'Why a JSON value is no id or name; NULL: it is one.';
REVOKE EXECUTE ON FUNCTION calib.text_fault(jsonb) FROM PUBLIC;

CREATE FUNCTION calib.number_fault(value jsonb, kind text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shown text := left(value::text, 40);
    number numeric;
    latest timestamptz;
BEGIN
    IF jsonb_typeof(value) NOT IN ('number', 'string') THEN
        RETURN 'is of type ' || jsonb_typeof(value) || ', not number';
    END IF;
    IF jsonb_typeof(value) = 'string' AND (value #>> '{}') !~ '^[0-9]{1,18}$' THEN
        RETURN 'is no number: ' || shown;
    END IF;
    number := (value #>> '{}')::numeric;
    IF number < 0 THEN
        RETURN 'is negative: ' || shown;
    END IF;
    IF number % 1 <> 0 THEN
        RETURN 'is no whole number: ' || shown;
    END IF;
    IF kind = 'count' THEN
        RETURN CASE WHEN number > 1e9 THEN 'is too many: ' || shown END;
    END IF;
    latest := calib.clock() + CASE kind WHEN 'due' THEN interval '400 days' ELSE interval '24 hours' END;
    RETURN CASE
        WHEN number >= 1e14 OR calib.epoch_at(value) > latest THEN format('is after %s: %s', latest, shown)
        WHEN calib.epoch_at(value) < '2000-01-01 00:00+00' THEN 'is before 2000: ' || shown END;
END $$;
COMMENT ON FUNCTION calib.number_fault(jsonb, text) IS
'Why a JSON value, a number or a text of digits, is no count, or no epoch from 2000 to a day (due: 400 days) ahead; NULL: it is one.';
REVOKE EXECUTE ON FUNCTION calib.number_fault(jsonb, text) FROM PUBLIC;

CREATE FUNCTION calib.field_fault(kind text, required boolean, value jsonb) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN value IS NULL THEN CASE WHEN required THEN 'is missing' END
        WHEN jsonb_typeof(value) = 'null' THEN CASE WHEN required THEN 'is null' END
        WHEN kind = 'text' AND NOT required AND value = '""' THEN NULL
        WHEN kind = 'text' THEN calib.text_fault(value)
        WHEN kind IN ('epoch', 'due', 'count') THEN calib.number_fault(value, kind)
        WHEN jsonb_typeof(value) <> kind THEN 'is of type ' || jsonb_typeof(value) || ', not ' || kind END;
END;
COMMENT ON FUNCTION calib.field_fault(text, boolean, jsonb) IS
'Why a value is not what a field of this kind holds (text, epoch, due, count, object or array); NULL: it is, or it is missing and need not be there.';
REVOKE EXECUTE ON FUNCTION calib.field_fault(text, boolean, jsonb) FROM PUBLIC;

-- Shapes -------------------------------------------------------------------------------

CREATE FUNCTION calib.payload_shapes()
RETURNS TABLE (shape text, path text[], item text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 14
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('dingtalk_report', '{result,data_list}'::text[], 'array'),
           ('dingtalk_report', '{data_list}', 'array'),
           ('dingtalk_checkin', '{result,page_list}', 'array'),
           ('dingtalk_checkin', '{page_list}', 'array'),
           ('dingtalk_department_checkin', '{data}', 'array'),
           ('feishu_task', '{data,items}', 'array'),
           ('feishu_task', '{items}', 'array'),
           ('feishu_rule', '{data,rules}', 'array'),
           ('feishu_rule', '{rules}', 'array'),
           ('wecom_behavior', '{behavior_data}', 'array'),
           ('wecom_contact', '{external_contact}', 'object'),
           ('wecom_contact_list', '{external_contact_list}', 'array'),
           ('wecom_journal', '{info}', 'object'),
           ('wecom_journal_list', '{journaluuid_list}', 'array');
END;
COMMENT ON FUNCTION calib.payload_shapes() IS
'The field that tells which API a payload is from: an array of items, or an object where the payload is one.';
REVOKE EXECUTE ON FUNCTION calib.payload_shapes() FROM PUBLIC;

-- in_list NULL: a field of the item itself; else of each element of that list. Fields
-- not listed here are not looked at.
CREATE FUNCTION calib.payload_fields()
RETURNS TABLE (shape text, place integer, in_list text[], field text[], kind text, required boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('dingtalk_report', 1, NULL::text[], '{report_id}'::text[], 'text', true),
           ('dingtalk_report', 2, NULL, '{creator_id}', 'text', true),
           ('dingtalk_report', 3, NULL, '{create_time}', 'epoch', true),
           ('dingtalk_report', 4, NULL, '{modified_time}', 'epoch', false),
           ('dingtalk_checkin', 1, NULL, '{userid}', 'text', true),
           ('dingtalk_checkin', 2, NULL, '{checkin_time}', 'epoch', true),
           ('dingtalk_department_checkin', 1, NULL, '{userid}', 'text', true),
           ('dingtalk_department_checkin', 2, NULL, '{timestamp}', 'epoch', true),
           ('feishu_task', 1, NULL, '{task_id}', 'text', true),
           ('feishu_task', 2, NULL, '{from_user_id}', 'text', true),
           ('feishu_task', 3, NULL, '{commit_time}', 'epoch', true),
           ('feishu_task', 4, NULL, '{rule_id}', 'text', false),
           ('feishu_rule', 1, NULL, '{rule_id}', 'text', true),
           ('feishu_rule', 2, NULL, '{is_deleted}', 'count', false),
           ('feishu_rule', 3, NULL, '{need_report_user_ids}', 'array', false),
           ('feishu_rule', 4, '{need_report_user_ids}', '{}', 'text', true),
           ('wecom_behavior', 1, NULL, '{stat_time}', 'epoch', true),
           ('wecom_behavior', 2, NULL, '{chat_cnt}', 'count', false),
           ('wecom_behavior', 3, NULL, '{message_cnt}', 'count', false),
           ('wecom_behavior', 4, NULL, '{new_apply_cnt}', 'count', false),
           ('wecom_behavior', 5, NULL, '{new_contact_cnt}', 'count', false),
           ('wecom_contact', 1, NULL, '{external_contact,external_userid}', 'text', true),
           ('wecom_contact', 2, NULL, '{external_contact,corp_name}', 'text', false),
           ('wecom_contact', 3, NULL, '{external_contact,corp_full_name}', 'text', false),
           ('wecom_contact', 4, NULL, '{follow_user}', 'array', true),
           ('wecom_contact', 5, '{follow_user}', '{}', 'object', true),
           ('wecom_contact', 6, '{follow_user}', '{userid}', 'text', true),
           ('wecom_contact', 7, '{follow_user}', '{createtime}', 'epoch', true),
           ('wecom_contact_list', 1, NULL, '{external_contact,external_userid}', 'text', true),
           ('wecom_contact_list', 2, NULL, '{external_contact,corp_name}', 'text', false),
           ('wecom_contact_list', 3, NULL, '{external_contact,corp_full_name}', 'text', false),
           ('wecom_contact_list', 4, NULL, '{follow_info,userid}', 'text', true),
           ('wecom_contact_list', 5, NULL, '{follow_info,createtime}', 'epoch', true),
           ('wecom_journal', 1, NULL, '{info,journal_uuid}', 'text', true),
           ('wecom_journal', 2, NULL, '{info,submitter,userid}', 'text', true),
           ('wecom_journal', 3, NULL, '{info,report_time}', 'epoch', true);
END;
COMMENT ON FUNCTION calib.payload_fields() IS
'The fields of a payload''s items that are read, and what each holds: of every item, or of every element of a list in it.';
REVOKE EXECUTE ON FUNCTION calib.payload_fields() FROM PUBLIC;

-- Refusing -------------------------------------------------------------------------------

CREATE FUNCTION calib.refuse_payload(fault text, hint text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'the payload cannot be taken',
        DETAIL = fault || '.', HINT = hint;
END $$;
COMMENT ON FUNCTION calib.refuse_payload(text, text) IS
'Raises 22023 with a payload''s fault, a JSON path and what is wrong there, in the detail.';
REVOKE EXECUTE ON FUNCTION calib.refuse_payload(text, text) FROM PUBLIC;

-- DingTalk and WeCom say errcode and errmsg, Feishu code and msg.
CREATE FUNCTION calib.check_answer(payload jsonb) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer record;
BEGIN
    IF payload IS NULL OR jsonb_typeof(payload) <> 'object' THEN
        PERFORM calib.refuse_payload('$: ' || coalesce('is of type ' || jsonb_typeof(payload) || ', not object', 'is missing'),
            'Give the whole answer of the API, as it came.');
    END IF;
    FOR answer IN
        SELECT a.code, payload -> a.code AS value, payload ->> a.message AS message
        FROM (VALUES ('errcode', 'errmsg'), ('code', 'msg')) AS a (code, message)
        WHERE payload ? a.code
    LOOP
        IF answer.value #>> '{}' IS DISTINCT FROM '0' THEN
            PERFORM calib.refuse_payload(
                format('$.%s: is %s, "%s"', answer.code, left(answer.value::text, 40), left(answer.message, 200)),
                'The API refused the call; its message says why.');
        END IF;
    END LOOP;
    IF jsonb_typeof(payload -> 'request') <> 'object' THEN
        PERFORM calib.refuse_payload(format('$.request: is of type %s, not object', jsonb_typeof(payload -> 'request')),
            'Leave it out, or put there what the API was asked.');
    END IF;
END $$;
COMMENT ON FUNCTION calib.check_answer(jsonb) IS
'Raises 22023 unless a payload is an object and the answer to a call that succeeded.';
REVOKE EXECUTE ON FUNCTION calib.check_answer(jsonb) FROM PUBLIC;

CREATE FUNCTION calib.payload_shape(payload jsonb, OUT shape text, OUT path text, OUT items jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
BEGIN
    SELECT count(*) AS shapes, min(s.shape) AS shape, min('$.' || array_to_string(s.path, '.')) AS path,
           min(s.item) AS item, (array_agg(payload #> s.path))[1] AS value
    INTO part
    FROM calib.payload_shapes() s
    -- Feishu's data is an object that holds the list
    WHERE payload #> s.path IS NOT NULL AND (s.path <> '{data}' OR jsonb_typeof(payload -> 'data') <> 'object');
    IF part.shapes <> 1 THEN
        PERFORM calib.refuse_payload(
            format('$: is the answer of %s; its fields are %s',
                CASE part.shapes WHEN 0 THEN 'no API that is known' ELSE 'more than one API' END,
                coalesce((SELECT left(string_agg(k, ', ' ORDER BY k), 200) FROM jsonb_object_keys(payload) k), 'none')),
            'Give the whole answer of one API, as it came.');
    END IF;
    IF jsonb_typeof(part.value) <> part.item THEN
        PERFORM calib.refuse_payload(
            format('%s: is of type %s, not %s', part.path, jsonb_typeof(part.value), part.item),
            'Give the whole answer of the API, as it came.');
    END IF;
    IF part.shape = 'wecom_journal_list' THEN
        PERFORM calib.refuse_payload(part.path || ': holds ids alone',
            'Give the answer of oa/journal/get_record_detail to each of them.');
    END IF;
    shape := part.shape;
    path := part.path;
    items := part.value;
    IF part.item = 'object' THEN
        path := NULL;
        items := jsonb_build_array(payload);
    END IF;
END $$;
COMMENT ON FUNCTION calib.payload_shape(jsonb) IS
'Which API a payload is from, where its items are (NULL: the payload is the one item), and the items. 22023 where no field tells, more than one does, or it is a list of ids.';
REVOKE EXECUTE ON FUNCTION calib.payload_shape(jsonb) FROM PUBLIC;

CREATE FUNCTION calib.payload_fault(shape text, path text, items jsonb) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH item AS (
        SELECT i.value, i.n, coalesce(path || '[' || i.n - 1 || ']', '$') AS at
        FROM jsonb_array_elements(items) WITH ORDINALITY AS i (value, n)
    ), field AS MATERIALIZED (
        SELECT f.* FROM calib.payload_fields() f WHERE f.shape = payload_fault.shape
    ), read AS (
        SELECT i.n, 0 AS place, 0::bigint AS m, i.at, 'object' AS kind, true AS required, i.value FROM item i
        UNION ALL
        SELECT i.n, f.place, 0, i.at || '.' || array_to_string(f.field, '.'), f.kind, f.required, i.value #> f.field
        FROM item i CROSS JOIN field f
        WHERE f.in_list IS NULL
        UNION ALL
        SELECT i.n, f.place, e.m,
               i.at || '.' || array_to_string(f.in_list, '.') || '[' || e.m - 1 || ']'
                   || coalesce('.' || nullif(array_to_string(f.field, '.'), ''), ''),
               f.kind, f.required, e.value #> f.field
        FROM item i CROSS JOIN field f
        CROSS JOIN LATERAL jsonb_array_elements(
            CASE jsonb_typeof(i.value #> f.in_list) WHEN 'array' THEN i.value #> f.in_list ELSE '[]' END)
            WITH ORDINALITY AS e (value, m)
        WHERE f.in_list IS NOT NULL
    )
    SELECT r.at || ': ' || calib.field_fault(r.kind, r.required, r.value)
    FROM read r
    WHERE calib.field_fault(r.kind, r.required, r.value) IS NOT NULL
    ORDER BY r.n, r.place, r.m
    LIMIT 1;
END;
COMMENT ON FUNCTION calib.payload_fault(text, text, jsonb) IS
'The first fault of a payload''s items, as a JSON path and what is wrong there; NULL: there is none.';
REVOKE EXECUTE ON FUNCTION calib.payload_fault(text, text, jsonb) FROM PUBLIC;

-- What an answer does not say but the caller knows stands beside it, in "request".
CREATE FUNCTION calib.requested_due(payload jsonb, required boolean) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fault text := calib.field_fault('due', required, payload #> '{request,due_at}');
BEGIN
    IF fault IS NOT NULL THEN
        PERFORM calib.refuse_payload('$.request.due_at: ' || fault,
            'The answer does not say when reports are due: put {"due_at": epoch} under "request" beside it.');
    END IF;
    RETURN calib.epoch_at(nullif(payload #> '{request,due_at}', 'null'));
END $$;
COMMENT ON FUNCTION calib.requested_due(jsonb, boolean) IS
'When the reports of a payload are due, as its caller says; NULL: it does not say. 22023 where it must.';
REVOKE EXECUTE ON FUNCTION calib.requested_due(jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION calib.tell_next_page(payload jsonb) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cursor text;
    more text;
BEGIN
    SELECT max(coalesce(p.page ->> 'next_cursor', p.page ->> 'page_token')), max(p.page ->> 'has_more')
    INTO cursor, more
    FROM (VALUES (payload), (payload -> 'result'), (payload -> 'data')) AS p (page)
    WHERE jsonb_typeof(p.page) = 'object';
    IF more = 'false' OR (more IS NULL AND coalesce(cursor, '') IN ('', '0')) THEN
        RETURN;
    END IF;
    RAISE NOTICE USING MESSAGE = 'the API has more than this page',
        HINT = format('Ask it for the next page, from "%s" on.', left(cursor, 200));
END $$;
COMMENT ON FUNCTION calib.tell_next_page(jsonb) IS
'A NOTICE where a payload is a page that another one follows.';
REVOKE EXECUTE ON FUNCTION calib.tell_next_page(jsonb) FROM PUBLIC;
