-- What chat suites answer becomes facts. The payloads are made up, in the shapes the
-- suites document; 1757293200 is 8 September 2025, 09:00 in Shanghai, a Monday.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'Asia/Shanghai';
SET DateStyle = 'ISO, YMD';
SET calib.clock = '2025-09-12 18:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name, external_ref) VALUES
    (1, NULL, 'company', 'Company', NULL), (2, 1, 'rep', 'Ann', 'hr-ann'), (3, 1, 'rep', 'Bo', 'hr-bo');
-- one person under three ids
INSERT INTO calib.unit_alias (source, external_ref, unit_id) VALUES
    ('dingtalk', 'manager4220', 2), ('feishu', 'ou_ann', 2), ('wecom', 'AnnLi', 2),
    ('dingtalk', '0156', 3), ('feishu', 'ou_bo', 3), ('wecom', 'BoWu', 3);
CREATE VIEW facts AS
SELECT source, external_id, unit_id AS unit, customer_id AS customer, kind, outcome, occurred_at, due_at, quantity
FROM calib.activity ORDER BY source, occurred_at, external_id;
CREATE FUNCTION fault(payload jsonb, source text DEFAULT 'x') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM calib.ingest(source, payload);
    RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, coalesce(nullif(detail, ''), SQLERRM));
END $$;

-- DingTalk, reports: contents, names and departments are left behind
SELECT calib.ingest('dingtalk', $${
  "errcode": 0, "errmsg": "ok", "request_id": "45o5d96x2q0v",
  "result": {"size": 20, "next_cursor": 1757310000000, "has_more": true, "data_list": [
    {"report_id": "18c4fa01", "template_name": "日报", "creator_id": "manager4220", "creator_name": "李安 😀",
     "dept_name": "华东一区", "create_time": 1757293200000, "modified_time": 1757293200000, "remark": "今天很热",
     "contents": [{"sort": "0", "type": "1", "key": "今日完成工作", "value": "拜访了三家客户"}], "images": []},
    {"report_id": "18c4fa02", "template_name": "日报", "creator_id": "0156", "creator_name": "吴博", "dept_name": "华东一区",
     "create_time": 1757296800000, "modified_time": 1757296800000, "remark": "", "contents": []}]}}$$);
SELECT external_id, unit, customer, kind, outcome, occurred_at, due_at, quantity FROM facts WHERE source = 'dingtalk';
SELECT count(*) AS leaked FROM calib.activity a WHERE a::text ~ '安|博|华东|热|拜访|日报';
-- the same again changes nothing, not even when it was recorded; sent in again at another
-- time it moves; of two versions in one payload the later modified one counts; seconds
-- for milliseconds are the same moment
SET calib.clock = '2025-09-12 19:00+08';
SELECT calib.ingest('dingtalk', '{"errcode": 0, "result": {"has_more": false, "data_list": [
    {"report_id": "18c4fa01", "creator_id": "manager4220", "create_time": 1757293200, "modified_time": 1757293200}]}}') IS NOT NULL AS again;
SELECT occurred_at, recorded_at FROM calib.activity WHERE external_id = '18c4fa01';
SELECT calib.ingest('dingtalk', '{"errcode": 0, "result": {"has_more": false, "data_list": [
    {"report_id": "18c4fa02", "creator_id": "0156", "create_time": 1757300400000, "modified_time": 1757300400001},
    {"report_id": "18c4fa02", "creator_id": "0156", "create_time": 1757296800000, "modified_time": 1757296800000}]}}');
SELECT occurred_at, recorded_at FROM calib.activity WHERE external_id = '18c4fa02';
-- due, where the caller says so: Bo's is late by an hour
SELECT calib.ingest('dingtalk', '{"errcode": 0, "request": {"due_at": 1757296800}, "result": {"has_more": false, "data_list": [
    {"report_id": "18c4fa02", "creator_id": "0156", "create_time": 1757300400000, "modified_time": null}]}}');
SELECT occurred_at, due_at FROM calib.activity WHERE external_id = '18c4fa02';
SELECT calib.ingest('dingtalk', '{"errcode": 0, "result": {"has_more": false, "data_list": []}}');
DELETE FROM calib.activity;

-- DingTalk, check-ins: through either API one fact, with the customer where one is known
INSERT INTO calib.customer (customer_id, name, external_ref) VALUES (10, 'Shop', 'crm-7');
INSERT INTO calib.customer_alias (source, external_ref, customer_id) VALUES ('dingtalk', 'wx_shop', 10);
SELECT calib.ingest('dingtalk', $${
  "errcode": 0, "errmsg": "ok", "data": [
    {"userid": "0156", "name": "吴博", "avatar": "", "timestamp": 1757293200000, "place": "西湖区", "detailPlace": "文三路 1 号",
     "remark": "到店", "imageList": [], "latitude": 30.27, "longitude": 120.13},
    {"userid": "0156", "name": "吴博", "avatar": "", "timestamp": 1757293201, "place": null, "detailPlace": null,
     "remark": null, "latitude": null, "longitude": null}]}$$);
SELECT calib.ingest('dingtalk', $${
  "errcode": 0, "result": {"next_cursor": null, "page_list": [
    {"userid": "0156", "checkin_time": 1757293200000, "place": "西湖区", "detail_place": "文三路 1 号", "remark": "到店",
     "latitude": "30.27", "longitude": "120.13", "visit_user": "wx_shop"},
    {"userid": "manager4220", "checkin_time": 1757293200000, "visit_user": "crm-7"},
    {"userid": "manager4220", "checkin_time": 1757296800000, "visit_user": "王经理"},
    {"userid": "manager4220", "checkin_time": 1757296800000, "visit_user": "王经理"}]}}$$);
SELECT external_id, unit, customer, kind, occurred_at, quantity FROM facts WHERE source = 'dingtalk';
-- the department's list again, which knows no customer: nothing to change
SELECT calib.ingest('dingtalk', '{"errcode": 0, "data": [{"userid": "0156", "timestamp": 1757293200000}]}');
SELECT customer FROM facts WHERE external_id = 'checkin:0156:1757293200000';
SELECT count(*) AS leaked FROM calib.activity a WHERE a::text ~ '西湖|文三|王|30.27|到店';
DELETE FROM calib.activity;

-- Feishu: who owes a report, and who filed it. Due at 18:00 on Monday and on Tuesday.
-- 1757325600 is Monday 18:00, 1757412000 Tuesday 18:00.
SELECT calib.ingest('feishu', $${"code": 0, "msg": "success", "request": {"due_at": 1757325600}, "data": {"rules": [
    {"rule_id": "6894", "name": "日报", "created_at": 1622427266, "is_deleted": 0, "need_report_user_ids": ["ou_ann", "ou_bo", "ou_bo"],
     "need_report_department_ids": null},
    {"rule_id": "6895", "name": "周报", "is_deleted": 1, "need_report_user_ids": ["ou_ann"]},
    {"rule_id": "6896", "name": "月报", "is_deleted": 0, "need_report_user_ids": null}]}}$$);
SELECT calib.ingest('feishu', '{"code": 0, "request": {"due_at": 1757412000000}, "data": {"rules": [{"rule_id": "6894", "need_report_user_ids": ["ou_ann", "ou_bo"]}]}}');
SELECT external_id, unit, kind, outcome, occurred_at, due_at FROM facts WHERE source = 'feishu';
-- Ann files on Monday 17:00 and again at 17:30: one duty, on time by the first. Bo files
-- on Tuesday 09:00: that answers Tuesday's, and Monday's stays open. Of another rule
-- nothing is owed.
SELECT calib.ingest('feishu', $${"code": 0, "msg": "success", "data": {"has_more": false, "page_token": "", "items": [
    {"task_id": "t1", "rule_id": "6894", "rule_name": "日报", "from_user_id": "ou_ann", "from_user_name": "李安", "department_name": "华东",
     "commit_time": 1757322000, "form_contents": [{"field_id": "1", "field_name": "今日", "field_value": "三家"}]},
    {"task_id": "t2", "rule_id": "6894", "from_user_id": "ou_ann", "commit_time": 1757323800, "form_contents": null},
    {"task_id": "t3", "rule_id": "6894", "from_user_id": "ou_bo", "commit_time": 1757379600},
    {"task_id": "t4", "rule_id": "7000", "from_user_id": "ou_bo", "commit_time": 1757379600},
    {"task_id": "t5", "rule_id": "", "from_user_id": "ou_bo", "commit_time": 1757379601}]}}$$);
SELECT external_id, unit, kind, outcome, occurred_at, due_at FROM facts WHERE source = 'feishu';
-- the rule again opens nothing anew; so the week's indicator: of 4 owed 2 on time
SELECT calib.ingest('feishu', '{"code": 0, "request": {"due_at": 1757325600}, "data": {"rules": [{"rule_id": "6894", "need_report_user_ids": ["ou_ann", "ou_bo"]}]}}') IS NOT NULL AS again;
SELECT unit_id, numerator, denominator FROM calib.indicator_in('2025-09-08', '2025-09-15') WHERE code = 'log_reports' ORDER BY 1;
-- the caller says which duty a late one answers: Bo's of Monday, which counts as late
SELECT calib.ingest('feishu', '{"code": 0, "request": {"due_at": 1757325600}, "data": {"items": [
    {"task_id": "t6", "rule_id": "6894", "from_user_id": "ou_bo", "commit_time": 1757380000}]}}');
SELECT external_id, outcome, occurred_at, due_at FROM facts WHERE unit = 3 AND due_at = to_timestamp(1757325600);
SELECT unit_id, numerator, denominator FROM calib.indicator_in('2025-09-08', '2025-09-15') WHERE code = 'log_reports' ORDER BY 1;
-- told in the other order the same comes out: a report that answered nothing is taken
-- back once the duty it answers is known
SELECT calib.ingest('feishu', '{"items": [{"task_id": "t9", "rule_id": "8", "from_user_id": "ou_ann", "commit_time": 1757322000}]}');
SELECT calib.ingest('feishu', '{"request": {"due_at": 1757325600}, "rules": [{"rule_id": "8", "need_report_user_ids": ["ou_ann"]}]}');
SELECT calib.ingest('feishu', '{"items": [{"task_id": "t9", "rule_id": "8", "from_user_id": "ou_ann", "commit_time": 1757322000}]}');
SELECT external_id, outcome, occurred_at, due_at FROM facts WHERE external_id LIKE '%"8"%' OR external_id = 't9';
SELECT count(*) AS leaked FROM calib.activity a WHERE a::text ~ '安|日|华东|三家';
DELETE FROM calib.activity;

-- WeCom, what somebody did in a day, counted. 1757260800 is Monday 00:00.
SELECT calib.ingest('wecom', $${"errcode": 0, "errmsg": "ok", "request": {"userid": ["AnnLi"], "start_time": 1757260800, "end_time": 1757347200},
  "behavior_data": [
    {"stat_time": 1757260800, "chat_cnt": 12, "message_cnt": 80, "reply_percentage": 60.25, "avg_reply_time": 1,
     "negative_feedback_cnt": 0, "new_apply_cnt": 5, "new_contact_cnt": 0},
    {"stat_time": 1757347200, "chat_cnt": 3, "message_cnt": 9, "new_apply_cnt": 0, "new_contact_cnt": null}]}$$);
SELECT external_id, unit, kind, occurred_at, quantity FROM facts WHERE source = 'wecom';
-- corrected: one count changed, one to none
SELECT calib.ingest('wecom', '{"errcode": 0, "request": {"userid": "AnnLi"}, "behavior_data": [{"stat_time": 1757260800, "chat_cnt": 13, "message_cnt": 0}]}');
SELECT external_id, quantity FROM facts WHERE source = 'wecom';
-- WeCom, a journal
SELECT calib.ingest('wecom', '{"errcode": 0, "info": {"journal_uuid": "41eJejN57EJ", "template_name": "日报", "report_time": 1757293200,
    "submitter": {"userid": "BoWu"}, "receivers": [{"userid": "AnnLi"}], "apply_data": {"contents": []}, "comments": []}}');
SELECT external_id, unit, kind, outcome, occurred_at FROM facts WHERE unit = 3;

-- WeCom, customers: the one who follows longest owns them; a company's name is kept, a
-- person's is not
SELECT calib.ingest('wecom', $${"errcode": 0, "errmsg": "ok", "next_cursor": "",
  "external_contact": {"external_userid": "woAAA", "name": "张三", "position": "经理", "type": 2, "gender": 1,
    "unionid": "ozyn", "corp_name": "腾讯", "corp_full_name": "腾讯科技 🐧"},
  "follow_user": [{"userid": "BoWu", "remark": "老张", "createtime": 1757293200, "tags": [{"tag_name": "重要"}], "remark_mobiles": ["13800000000"]},
                  {"userid": "AnnLi", "remark": "", "createtime": 1756688400, "add_way": 1}]}$$);
SELECT calib.ingest('wecom', $${"errcode": 0, "next_cursor": "r9FqSqsI8fgNbHLHE5QoCP50UIg2cFQbfma3l2QsmwI", "external_contact_list": [
    {"external_contact": {"external_userid": "wmBBB", "name": "李四", "type": 1}, "follow_info": {"userid": "BoWu", "createtime": 1757293200}},
    {"external_contact": {"external_userid": "wmBBB", "name": "李四", "type": 1}, "follow_info": {"userid": "AnnLi", "createtime": 1757296800}},
    {"external_contact": {"external_userid": "woAAA", "corp_name": "腾讯", "type": 2}, "follow_info": {"userid": "BoWu", "createtime": 1757293200}}]}$$);
SELECT external_ref, name, unit_id, created_at FROM calib.customer WHERE external_ref LIKE 'w%' ORDER BY 1;
-- named by hand, it keeps that name, tier and channel; a new first follower takes it over
UPDATE calib.customer SET name = 'Shop of Li', tier = 'A', channel = 'retail' WHERE external_ref = 'wmBBB';
SELECT calib.ingest('wecom', '{"errcode": 0, "external_contact": {"external_userid": "wmBBB", "name": "李四", "corp_name": "", "corp_full_name": null}, "follow_user": [{"userid": "AnnLi", "createtime": 1757296800}]}');
SELECT name, tier, channel, unit_id, created_at FROM calib.customer WHERE external_ref = 'wmBBB';
SELECT calib.ingest('wecom', '{"errcode": 0, "external_contact": {"external_userid": "wmBBB"}, "follow_user": []}');
SELECT unit_id FROM calib.customer WHERE external_ref = 'wmBBB';
-- with an alias it is the CRM's customer, which nothing here changes
INSERT INTO calib.customer_alias (source, external_ref, customer_id) VALUES ('wecom', 'wmCCC', 10);
SELECT calib.ingest('wecom', '{"errcode": 0, "external_contact": {"external_userid": "wmCCC"}, "follow_user": [{"userid": "AnnLi", "createtime": 1757296800}]}');
SELECT unit_id, name FROM calib.customer WHERE customer_id = 10 OR external_ref = 'wmCCC';
SELECT count(*) AS leaked FROM calib.customer c WHERE c::text ~ '张|李四|重要|1380';

-- Somebody unknown waits, and is taken once there is an alias
SELECT calib.ingest('dingtalk', '{"errcode": 0, "result": {"page_list": [{"userid": "n@; DROP TABLE x--", "checkin_time": 1757293200000},
    {"userid": "0156", "checkin_time": 1757293200000}]}}');
SELECT source, destination, external_id, fact ->> 'unit' AS unit, sqlstate FROM calib.feed_error;
SELECT calib.pull();
INSERT INTO calib.unit_alias (source, external_ref, unit_id) VALUES ('dingtalk', 'n@; DROP TABLE x--', 3);
SELECT calib.pull();
SELECT external_id, unit FROM facts WHERE source = 'dingtalk';
SELECT count(*) AS waiting FROM calib.feed_error;
-- so does a duty, first owed and then filed
SELECT calib.ingest('feishu', '{"request": {"due_at": 1757325600}, "rules": [{"rule_id": "9", "need_report_user_ids": ["ou_new"]}]}');
SELECT calib.ingest('feishu', '{"items": [{"task_id": "t10", "rule_id": "9", "from_user_id": "ou_new", "commit_time": 1757322000}]}');
INSERT INTO calib.unit_alias (source, external_ref, unit_id) VALUES ('feishu', 'ou_new', 3);
SELECT calib.pull();
SELECT external_id, unit, outcome, occurred_at FROM facts WHERE external_id LIKE '%ou_new%';
SELECT count(*) AS waiting FROM calib.feed_error;

-- and a report that waits gives way to the duty it answers
SELECT calib.ingest('feishu', '{"items": [{"task_id": "t20", "rule_id": "12", "from_user_id": "ou_x", "commit_time": 1757322000}]}');
SELECT calib.ingest('feishu', '{"request": {"due_at": 1757325600}, "rules": [{"rule_id": "12", "need_report_user_ids": ["ou_x"]}]}');
SELECT calib.ingest('feishu', '{"items": [{"task_id": "t20", "rule_id": "12", "from_user_id": "ou_x", "commit_time": 1757322000}]}');
SELECT external_id, fact ->> 'outcome' AS outcome FROM calib.feed_error ORDER BY 1;
DELETE FROM calib.feed_error;

-- Refused whole, with the path: what is taken is what was before and what is said to be
DELETE FROM calib.activity;
SELECT p, fault(p::jsonb) FROM unnest(ARRAY[
    '[]', '"x"', 'null', '{}', '{"foo": 1, "bar": {}}', '{"result": {}}', '{"result": null}', '{"data": {}}', '{"data": null}',
    '{"errcode": 88, "errmsg": "ding talk error[subcode=90018]"}', '{"errcode": 40014, "errmsg": "invalid access_token", "behavior_data": []}',
    '{"errcode": null, "data": []}', '{"code": 99991663, "msg": "token invalid", "data": {"items": []}}',
    '{"data": [], "behavior_data": []}', '{"request": 5, "data": []}', '{"result": {"data_list": null}}', '{"result": {"data_list": {}}}',
    '{"external_contact": []}', '{"journaluuid_list": ["41eJ"], "endflag": 1}']) AS p;
CREATE FUNCTION report(field text, value jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('result', jsonb_build_object('data_list', jsonb_build_array(
        '{"report_id": "ok", "creator_id": "hr-bo", "create_time": 1757293200000}'::jsonb,
        '{"report_id": "r", "creator_id": "hr-bo", "create_time": 1757293200000}'::jsonb || jsonb_build_object(field, value))))
$$;
SELECT v AS create_time, fault(report('create_time', v::jsonb)) FROM unnest(ARRAY['null', '"NaN"', '"1757293200000"', '"12:00"', '""', '-1', '0', '946684799', '946684800', '946684799999',
    '1757761200', '1757761201', '1757761200001', '1757293200000000', '1e40', '1757293200.5', 'true', '[1757293200]', '{}']) AS v;
SELECT v AS creator_id, fault(report('creator_id', v::jsonb)) FROM unnest(ARRAY['null', '""', '"  "', '156', 'true', '["0156"]', '{"id": "0156"}']) AS v;
SELECT fault(report('report_id', to_jsonb(repeat('报', 257))));
SELECT fault(report('modified_time', '"soon"'));
SELECT fault('{"result": {"data_list": [7]}}'), fault('{"data_list": [null]}'), fault('{"items": [{"from_user_id": "a", "commit_time": 1757293200}]}');
SELECT fault('{"result": {"page_list": [{"userid": "0156", "timestamp": 1757293200000}]}}'), fault('{"data": [{"userid": "0156", "checkin_time": 1757293200000}]}');
SELECT p, fault(p::jsonb) FROM unnest(ARRAY['{"rules": []}', '{"rules": [], "request": {"due_at": "Monday"}}', '{"rules": [], "request": {"due_at": 1800000000}}',
    '{"rules": [{"rule_id": "r", "need_report_user_ids": "ou_ann"}], "request": {"due_at": 1757325600}}',
    '{"rules": [{"rule_id": "r", "need_report_user_ids": ["ou_ann", 7]}], "request": {"due_at": 1757325600}}',
    '{"behavior_data": []}', '{"behavior_data": [], "request": {"userid": []}}', '{"behavior_data": [], "request": {"userid": ["a", "b"]}}',
    '{"behavior_data": [], "request": {"userid": [""]}}', '{"behavior_data": [], "request": {"userid": "a", "partyid": [3]}}',
    '{"behavior_data": [{"stat_time": 1757260800, "chat_cnt": -1}], "request": {"userid": "a"}}',
    '{"behavior_data": [{"stat_time": 1757260800, "chat_cnt": 1.5}], "request": {"userid": "a"}}',
    '{"behavior_data": [{"stat_time": 1757260800, "message_cnt": 1e12}], "request": {"userid": "a"}}',
    '{"external_contact": {"name": "x"}, "follow_user": []}', '{"external_contact": {"external_userid": "w"}}',
    '{"external_contact": {"external_userid": "w"}, "follow_user": [{"userid": "a", "createtime": 1757293200}, {"userid": "b"}]}',
    '{"external_contact": {"external_userid": "w"}, "follow_user": [7]}',
    '{"external_contact_list": [{"external_contact": {"external_userid": "w"}}]}',
    '{"info": {"journal_uuid": "j", "report_time": 1757293200, "submitter": "BoWu"}}']) AS p;
SELECT count(*) AS taken FROM calib.activity;
SELECT count(*) AS owed FROM calib.report_duty WHERE source = 'x';
-- the message as a caller sees it
SELECT calib.ingest('dingtalk', '{"result": {"data_list": [{"report_id": "r", "creator_id": "0156", "create_time": "x"}]}}');
-- the source has a name, and no feed's
SELECT fault('{"data": []}', ''), fault('{"data": []}', NULL), fault(NULL);
CREATE TABLE visits (id text PRIMARY KEY, rep text, at timestamptz);
SELECT calib.attach('visits', 'activity', 'visits', '{"external_id": "id", "unit": "rep", "kind": "''visit''::text", "occurred_at": "at"}') > 0 AS attached;
SELECT fault('{"data": []}', 'visits'), fault('{"data": []}', 'manual');
-- nor has a feed the name of what is ingested
SELECT calib.attach('dingtalk', 'activity', 'visits', '{"external_id": "id", "unit": "rep", "kind": "''visit''::text", "occurred_at": "at"}');

-- Ten thousand at once, and hostile texts, which are ids like others
SELECT calib.ingest('big', (SELECT jsonb_build_object('data', jsonb_agg(jsonb_build_object('userid', 'hr-ann', 'timestamp', 1757293200 + n))) FROM generate_series(1, 10000) n));
SELECT count(*), count(DISTINCT occurred_at), min(unit_id) FROM calib.activity WHERE source = 'big';
SELECT calib.ingest('evil', jsonb_build_object('items', jsonb_build_array(
    jsonb_build_object('task_id', E'\'; DROP TABLE calib.activity; --', 'from_user_id', 'hr-ann', 'commit_time', 1757293200),
    jsonb_build_object('task_id', E'😀\t"\\%s{}$1', 'from_user_id', 'hr-ann', 'commit_time', 1757293200))));
SELECT external_id FROM calib.activity WHERE source = 'evil' ORDER BY external_id COLLATE "C";

-- An admin for everyone ingests, and nobody else
CREATE ROLE calib_admin; CREATE ROLE calib_regional; CREATE ROLE calib_nobody;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('calib_admin', 'admin', NULL), ('calib_regional', 'admin', 1), ('calib_regional', 'manager', NULL);
SET ROLE calib_admin;
SELECT calib.ingest('admin', '{"data": [{"userid": "hr-ann", "timestamp": 1757293200}]}');
SELECT count(*) > 0 AS sees_duties FROM calib.report_duty;
INSERT INTO calib.report_duty VALUES ('x', 'x', 'x', now());
SELECT calib.payload_shape('{"data": []}');
SET ROLE calib_regional;
SELECT calib.ingest('admin', '{"data": [{"userid": "hr-ann", "timestamp": 1757293200}]}');
SELECT count(*) FROM calib.report_duty;
SET ROLE calib_nobody;
SELECT calib.ingest('admin', '{"data": []}');
RESET ROLE;
-- What it brought is nobody's to enter, change or remove by hand, but an admin's for everyone
INSERT INTO calib.duty (role_name, duty) VALUES ('calib_nobody', 'rep');
INSERT INTO calib.activity (external_id, unit_id, kind, occurred_at) SELECT 'own', unit_id, 'visit', '2025-09-08' FROM calib.unit WHERE external_ref = 'hr-ann';
SET ROLE calib_nobody;
INSERT INTO calib.activity (source, unit_id, kind, occurred_at) SELECT 'admin', unit_id, 'log_report', '2025-09-08' FROM calib.unit WHERE external_ref = 'hr-ann';
WITH changed AS (UPDATE calib.activity SET outcome = 'filed', recorded_at = calib.clock() WHERE source IN ('admin', 'manual') RETURNING source) SELECT * FROM changed;
UPDATE calib.activity SET source = 'admin', recorded_at = calib.clock() WHERE external_id = 'own';
SET ROLE calib_regional;
WITH gone AS (DELETE FROM calib.activity WHERE source IN ('admin', 'manual') RETURNING source) SELECT * FROM gone;
SET ROLE calib_admin;
WITH gone AS (DELETE FROM calib.activity WHERE source = 'admin' RETURNING source) SELECT * FROM gone;
RESET ROLE;
SELECT count(*) AS executable_by_all FROM pg_proc p
WHERE p.pronamespace = 'calib'::regnamespace AND has_function_privilege('calib_nobody', p.oid, 'EXECUTE')
  AND p.proname ~ '^(payload|dingtalk|feishu|wecom|report_duty|field_fault|text_fault|number_fault|epoch_at|refuse|check_|requested|tell_)';
DELETE FROM calib.duty;
DROP ROLE calib_admin, calib_regional, calib_nobody;
SET client_min_messages = warning;
DROP TABLE visits CASCADE;
DROP EXTENSION calib CASCADE;
