-- EspoCRM: its tables as it makes them on PostgreSQL, and what becomes of the rows.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET TimeZone = 'Asia/Shanghai';
SET datestyle = 'ISO';
\pset null '(null)'

-- Keys are text; nothing is deleted but by the flag; UTC without a zone --------------
CREATE SCHEMA espo;
SET search_path = espo, pg_catalog;
CREATE TABLE team (
    id varchar(24) PRIMARY KEY, name varchar(100), deleted boolean DEFAULT false, position_list text DEFAULT '[]', created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone);
CREATE TABLE "user" (
    id varchar(24) PRIMARY KEY, deleted boolean DEFAULT false, user_name varchar(50), type varchar(24) DEFAULT 'regular', password varchar(150), salutation_name varchar(255),
    first_name varchar(100), last_name varchar(100), is_active boolean DEFAULT true, title varchar(100), gender varchar(255), default_team_id varchar(24),
    created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone, created_by_id varchar(24), delete_id varchar(24) NOT NULL DEFAULT '0', UNIQUE (user_name, delete_id));
CREATE TABLE team_user (
    id bigserial PRIMARY KEY, team_id varchar(24), user_id varchar(24), role varchar(100), deleted boolean DEFAULT false, UNIQUE (team_id, user_id));
CREATE TABLE entity_team (
    id bigserial PRIMARY KEY, entity_id varchar(24), team_id varchar(24), entity_type varchar(100), deleted boolean DEFAULT false, UNIQUE (entity_id, team_id, entity_type));
CREATE TABLE currency (id varchar(3) PRIMARY KEY, rate double precision);
CREATE TABLE account (
    id varchar(24) PRIMARY KEY, name varchar(249), deleted boolean DEFAULT false, website varchar(255), type varchar(255), industry varchar(255), sic_code varchar(40),
    billing_address_city varchar(100), description text, campaign_id varchar(24), is_locked boolean DEFAULT false,
    created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone, created_by_id varchar(24), modified_by_id varchar(24), assigned_user_id varchar(24));
CREATE TABLE opportunity (
    id varchar(24) PRIMARY KEY, name varchar(255), deleted boolean DEFAULT false, amount double precision, amount_currency varchar(3), stage varchar(255) DEFAULT 'Prospecting', last_stage varchar(255),
    probability integer, lead_source varchar(255), close_date date, description text, created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone,
    account_id varchar(24), contact_id varchar(24), campaign_id varchar(24), created_by_id varchar(24), modified_by_id varchar(24), assigned_user_id varchar(24));
CREATE TABLE note (
    id varchar(24) PRIMARY KEY, deleted boolean DEFAULT false, post text, data text, type varchar(24) DEFAULT 'Post', target_type varchar(7), number bigserial UNIQUE, is_global boolean DEFAULT false,
    is_internal boolean DEFAULT false, is_pinned boolean DEFAULT false, created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone,
    parent_id varchar(24), parent_type varchar(100), related_id varchar(24), related_type varchar(100), created_by_id varchar(24));
CREATE TABLE meeting (
    id varchar(24) PRIMARY KEY, name varchar(255), deleted boolean DEFAULT false, status varchar(255) DEFAULT 'Planned', date_start timestamp(0) without time zone, date_end timestamp(0) without time zone,
    is_all_day boolean DEFAULT false, description text, uid varchar(255), join_url varchar(320), date_start_date date, date_end_date date, created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone,
    parent_id varchar(24), parent_type varchar(100), account_id varchar(24), created_by_id varchar(24), modified_by_id varchar(24), assigned_user_id varchar(24));
CREATE TABLE "call" (
    id varchar(24) PRIMARY KEY, name varchar(255), deleted boolean DEFAULT false, status varchar(255) DEFAULT 'Planned', date_start timestamp(0) without time zone, date_end timestamp(0) without time zone,
    direction varchar(255) DEFAULT 'Outbound', description text, uid varchar(255), created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone,
    parent_id varchar(24), parent_type varchar(100), account_id varchar(24), created_by_id varchar(24), modified_by_id varchar(24), assigned_user_id varchar(24));
CREATE TABLE task (
    id varchar(24) PRIMARY KEY, name varchar(255), deleted boolean DEFAULT false, status varchar(255) DEFAULT 'Not Started', priority varchar(255) DEFAULT 'Normal', date_start timestamp(0) without time zone,
    date_end timestamp(0) without time zone, date_start_date date, date_end_date date, date_completed timestamp(0) without time zone, description text, created_at timestamp(0) without time zone, modified_at timestamp(0) without time zone,
    parent_id varchar(24), parent_type varchar(100), account_id varchar(24), contact_id varchar(24), created_by_id varchar(24), modified_by_id varchar(24), assigned_user_id varchar(24));

INSERT INTO team (id, name, deleted) VALUES ('65a000000000team1', '华北', false), ('65a000000000team2', 'Online', false), ('65a000000000team3', 'Dissolved', true);
INSERT INTO "user" (id, user_name, type, first_name, last_name, is_active, default_team_id, created_at, modified_at, deleted) VALUES
    -- entered on the 31st in UTC, on the 1st in Shanghai
    ('65a00000000000zw', 'zhangwei', 'regular', '伟', '张', true, '65a000000000team1', '2024-05-31 16:30', '2025-01-01', false),
    ('65a00000000000ln', 'lina', 'regular', 'Li', 'Na', true, NULL, '2024-06-01', '2025-01-01', NULL),
    ('65a00000000000wf', 'wangfang', 'admin', NULL, NULL, false, '65a000000000team3', '2024-06-01', '2025-02-28 18:00', false),
    ('65a00000000000dd', 'gone', 'regular', '', 'Dodd', true, '65a000000000team2', '2024-06-01', '2024-06-01', true),
    ('65a00000000000zb', 'zoe', 'regular', 'Zoe', 'Books', true, NULL, '2024-06-01', '2025-01-01', false),
    ('65a00000000000pp', 'guest', 'portal', 'A', 'Guest', true, '65a000000000team1', '2024-06-01', '2025-01-01', false),
    ('system', 'system', 'system', NULL, 'System', true, NULL, '2024-06-01', NULL, false);
INSERT INTO team_user (team_id, user_id, deleted) VALUES
    ('65a000000000team3', '65a00000000000ln', false), ('65a000000000team1', '65a00000000000ln', true), ('65a000000000team2', '65a00000000000ln', false),
    ('65a000000000team2', '65a00000000000wf', false), ('65a000000000team1', '65a00000000000zb', true);
INSERT INTO currency VALUES ('CNY', 1), ('USD', 7.2);
INSERT INTO account (id, name, type, assigned_user_id, created_at, deleted) VALUES
    ('acc-1', '永辉超市 🛒', 'Reseller', '65a00000000000zw', '2025-02-03 17:00', false), ('acc-2', 'Anna''s "Bistro"', '', NULL, '2025-02-05', false),
    ('acc-3', 'Deleted', 'Customer', '65a00000000000zw', '2025-02-05', true), ('acc-4', 'The bookkeeper''s own', NULL, '65a00000000000zb', '2025-02-05', false),
    ('acc-5', NULL, NULL, '65a00000000000ln', '2025-02-06', NULL);
INSERT INTO opportunity (id, name, stage, last_stage, probability, amount, amount_currency, account_id, assigned_user_id, created_at, modified_at, close_date, deleted) VALUES
    ('opp-1', 'open, thought unlikely', 'Proposal', 'Proposal', 3, 50000.5, 'CNY', 'acc-1', '65a00000000000zw', '2025-03-03 16:30', '2025-06-01', '2025-12-31', false),
    ('opp-2', 'won, in dollars', 'Closed Won', 'Closed Won', 100, 100.1, 'USD', 'acc-2', '65a00000000000ln', '2025-02-01', '2025-06-01', '2025-03-31', false),
    ('opp-3', 'lost without a history', 'Closed Lost', 'Negotiation', 0, 10, 'XXX', 'acc-3', '65a00000000000zw', '2025-02-01', '2025-04-02 17:00', NULL, false),
    ('opp-4', 'deleted', 'Proposal', 'Proposal', 50, 1, 'CNY', 'acc-1', '65a00000000000zw', '2025-02-01', '2025-02-01', NULL, true),
    ('opp-5', 'nobody''s, the team''s', 'Prospecting', 'Prospecting', 10, 0, NULL, NULL, NULL, '2025-02-01', '2025-02-01', NULL, false),
    ('opp-6', 'nobody''s at all', 'Prospecting', 'Prospecting', 10, NULL, NULL, 'acc-1', NULL, '2025-02-01', '2025-02-01', NULL, false),
    ('opp-7', 'the bookkeeper''s', 'Prospecting', 'Prospecting', 10, 1, 'CNY', 'acc-1', '65a00000000000zb', '2025-02-01', '2025-02-01', NULL, false),
    ('opp-8', 'no stage', NULL, NULL, NULL, 1, 'CNY', 'acc-1', '65a00000000000zw', '2025-02-01', '2025-02-01', NULL, false),
    ('opp-9', 'won before it was opened, of one who left', '赢单', '赢单', 100, -5, 'CNY', 'acc-1', '65a00000000000wf', '2025-02-01', '2024-12-31', NULL, false);
INSERT INTO entity_team (entity_type, entity_id, team_id, deleted) VALUES
    ('Account', 'opp-5', '65a000000000team1', false), ('Opportunity', 'opp-5', '65a000000000team1', true), ('Opportunity', 'opp-5', '65a000000000team2', false);
INSERT INTO note (id, type, parent_type, parent_id, data, created_at, created_by_id, deleted) VALUES
    ('note-0', 'Create', 'Opportunity', 'opp-1', '{"assignedUserId":"65a00000000000zw","assignedUserName":"\u4f1f \u5f20","statusValue":"Prospecting","statusField":"stage"}', '2025-03-03 16:30', '65a00000000000zw', false),
    ('note-1', 'Update', 'Opportunity', 'opp-1', '{"fields":["stage"],"attributes":{"was":{"stage":"Prospecting"},"became":{"stage":"Negotiation"}},"value":"Negotiation"}', '2025-03-05 02:00', '65a00000000000zw', false),
    ('note-2', 'Update', 'Opportunity', 'opp-1', '{"fields":["amount","stage"],"attributes":{"was":{"amount":1,"stage":"Negotiation"},"became":{"amount":50000.5,"stage":"Proposal"}},"value":"Proposal"}', '2025-03-10 02:00', '65a00000000000zw', NULL),
    ('note-3', 'Update', 'Opportunity', 'opp-1', '{"fields":["closeDate"],"attributes":{"was":{"closeDate":null},"became":{"closeDate":"2025-12-31"}}}', '2025-03-11', '65a00000000000zw', false),
    ('note-4', 'Update', 'Opportunity', 'opp-1', '{"fields":["stage"],"attributes":{"was":{"stage":"Proposal"},"became":{"stage":"Closed Won"}}}', '2025-03-12', '65a00000000000zw', true),
    ('note-5', 'Update', 'Opportunity', 'opp-2', '{"fields":["stage"],"attributes":{"was":{"stage":"Qualification"},"became":{"stage":"Closed Won"}}}', '2025-04-01 01:00', '65a00000000000ln', false),
    ('note-6', 'Update', 'Lead', 'opp-1', '{"fields":["stage"],"attributes":{"was":{"stage":"New"},"became":{"stage":"Closed Won"}}}', '2025-04-01', NULL, false),
    ('note-7', 'Update', 'Opportunity', 'opp-4', '{"fields":["stage"],"attributes":{"was":{"stage":"Prospecting"},"became":{"stage":"Proposal"}}}', '2025-02-02', NULL, false),
    ('note-8', 'Post', 'Opportunity', 'opp-1', NULL, '2025-04-01', NULL, false),
    ('note-9', 'Post', 'Opportunity', 'opp-1', 'no JSON at all', '2025-04-01', NULL, false);
INSERT INTO meeting (id, name, status, date_start, date_end, date_start_date, parent_type, parent_id, account_id, assigned_user_id, created_at, modified_at, deleted) VALUES
    ('meet-1', 'held as planned', 'Held', '2025-03-11 23:30', '2025-03-12 00:30', NULL, 'Opportunity', 'opp-1', NULL, '65a00000000000zw', '2025-03-10', '2025-03-12 00:40', false),
    ('meet-2', 'entered afterwards', 'Held', '2025-03-12 01:00', '2025-03-12 02:00', NULL, 'Account', 'acc-2', NULL, '65a00000000000ln', '2025-03-15', '2025-03-15', false),
    ('meet-3', 'not held', 'Not Held', '2025-03-13 01:00', '2025-03-13 02:00', NULL, 'Account', 'acc-1', 'acc-1', '65a00000000000zw', '2025-03-10', '2025-03-14', false),
    ('meet-4', 'all day', 'Planned', '2025-03-15 00:00', '2025-03-15 23:59', '2025-03-15', 'Opportunity', 'opp-4', NULL, '65a00000000000ln', '2025-03-10', NULL, false),
    ('meet-5', 'deleted', 'Held', '2025-03-13 01:00', NULL, NULL, NULL, NULL, 'acc-1', '65a00000000000zw', '2025-03-10', '2025-03-10', true),
    ('meet-6', 'the bookkeeper''s', 'Held', '2025-03-13 01:00', NULL, NULL, NULL, NULL, 'acc-1', '65a00000000000zb', '2025-03-10', '2025-03-10', false),
    ('meet-7', 'nobody''s', 'Held', '2025-03-13 01:00', NULL, NULL, NULL, NULL, 'acc-3', NULL, '2025-03-14', '2025-03-14', false),
    ('meet-8', 'no time', 'Planned', NULL, NULL, NULL, NULL, NULL, 'acc-1', '65a00000000000zw', '2025-03-14', '2025-03-14', false);
INSERT INTO "call" (id, name, status, direction, date_start, parent_type, parent_id, account_id, assigned_user_id, created_at, deleted) VALUES
    ('call-1', 'held', 'Held', 'Inbound', '2025-03-12 02:00', 'Contact', 'con-1', 'acc-1', '65a00000000000wf', '2025-03-12 02:10', false),
    ('call-2', 'planned', 'Planned', 'Outbound', '2025-03-12 02:00', 'Account', 'acc-1', 'acc-1', '65a00000000000zw', '2025-03-12', false),
    ('call-3', 'deleted', 'Held', 'Outbound', '2025-03-12 02:00', 'Account', 'acc-1', 'acc-1', '65a00000000000zw', '2025-03-12', true);
INSERT INTO task (id, name, status, date_end, date_end_date, date_completed, parent_type, parent_id, account_id, assigned_user_id, created_at, modified_at, deleted) VALUES
    ('task-1', 'done in time', 'Completed', '2025-03-14 09:00', NULL, '2025-03-14 08:00', 'Opportunity', 'opp-1', NULL, '65a00000000000zw', '2025-03-10', '2025-03-14 08:00', false),
    ('task-2', 'open, by a day', 'Started', '2025-03-20 00:00', '2025-03-20', NULL, 'Account', 'acc-1', 'acc-1', '65a00000000000zw', '2025-03-10', '2025-03-11', false),
    ('task-3', 'open without an end', 'Not Started', NULL, NULL, NULL, 'Account', 'acc-1', 'acc-1', '65a00000000000zw', '2025-03-10', '2025-03-11', false),
    ('task-4', 'done, nobody knows when', 'Completed', NULL, NULL, NULL, NULL, NULL, NULL, '65a00000000000ln', '2025-03-10', '2025-03-11', false),
    ('task-5', 'called off', 'Canceled', '2025-03-14', NULL, NULL, NULL, NULL, NULL, '65a00000000000ln', '2025-03-10', '2025-03-11', false),
    ('task-6', 'put off', 'Deferred', '2025-03-14', NULL, NULL, NULL, NULL, NULL, '65a00000000000ln', '2025-03-10', '2025-03-11', false),
    ('task-7', 'deleted', 'Completed', '2025-03-14', NULL, '2025-03-14', NULL, NULL, NULL, '65a00000000000ln', '2025-03-10', '2025-03-11', true);
RESET search_path;

-- All of it in one call, and filled ---------------------------------------------------
CREATE SCHEMA own;
CREATE PROCEDURE own.fill(prefix text) LANGUAGE plpgsql AS $$
DECLARE
    f text;
BEGIN
    FOR f IN SELECT feed FROM calib.feed WHERE feed LIKE prefix || '%' ORDER BY feed_id LOOP
        CALL calib.backfill(f);
    END LOOP;
END $$;
CREATE VIEW own.opportunity AS
    SELECT o.external_ref AS opportunity, u.name AS unit, c.external_ref AS customer, o.stage, o.stage_since, o.amount, o.outcome, o.created_at, o.closed_at
    FROM calib.opportunity o JOIN calib.unit u USING (unit_id) LEFT JOIN calib.customer c USING (customer_id);
CREATE VIEW own.history AS
    SELECT o.external_ref AS opportunity, s.from_stage, s.to_stage, s.changed_at, s.source
    FROM calib.stage_change s JOIN calib.opportunity o USING (opportunity_id);
CREATE VIEW own.activity AS
    SELECT a.source, a.external_id AS id, u.name AS unit, c.external_ref AS customer, o.external_ref AS opportunity, a.kind, a.outcome, a.occurred_at, a.due_at, a.recorded_at
    FROM calib.activity a JOIN calib.unit u USING (unit_id) LEFT JOIN calib.customer c ON c.customer_id = a.customer_id LEFT JOIN calib.opportunity o USING (opportunity_id);

SELECT * FROM calib.attach_crm('espocrm', 'espo');
SELECT stage, position, early FROM calib.stage ORDER BY position;
CALL own.fill('espocrm');

SELECT u.external_ref, u.kind, u.name, p.external_ref AS parent, u.active FROM calib.unit u LEFT JOIN calib.unit p ON p.unit_id = u.parent_id ORDER BY 1;
SELECT c.external_ref, c.name, u.name AS unit, c.tier, c.channel, c.created_at FROM calib.customer c LEFT JOIN calib.unit u USING (unit_id) ORDER BY 1;
SELECT * FROM own.opportunity ORDER BY 1;
SELECT * FROM own.history ORDER BY 1, changed_at, to_stage;
SELECT * FROM own.activity ORDER BY source, id;
SELECT source, external_id, problem, sqlstate FROM calib.feed_error ORDER BY 1, 2;

-- The session's zone plays no part
SET TimeZone = 'America/Los_Angeles';
SELECT sum(calib.pull(feed, complete => true)) > 0 AS again FROM calib.feed;
SET TimeZone = 'Asia/Shanghai';
SELECT * FROM own.activity WHERE kind IN ('follow_up', 'planned_visit') ORDER BY source, id;
SELECT source, count(*), max(tries) AS tries FROM calib.feed_error GROUP BY 1 ORDER BY 1;

-- EspoCRM works on --------------------------------------------------------------------------
SELECT set_config('calib.clock', '2025-05-02 12:00+08', false);
SET search_path = espo, pg_catalog;
INSERT INTO opportunity (id, name, stage, last_stage, probability, amount, amount_currency, account_id, assigned_user_id, created_at, modified_at)
    VALUES ('opp-20', '新商机 🍜', 'Prospecting', 'Prospecting', 10, 10, 'USD', 'acc-1', '65a00000000000zw', '2025-05-01 01:00', '2025-05-01 01:00');
INSERT INTO note (id, type, parent_type, parent_id, data, created_at) VALUES ('note-20', 'Create', 'Opportunity', 'opp-20', '{"statusValue":"Prospecting","statusField":"stage"}', '2025-05-01 01:00');
SELECT * FROM own.opportunity WHERE opportunity = 'opp-20';
-- edited, then moved: the first move is dated by the clock until its note is there
UPDATE opportunity SET amount = 11, modified_at = '2025-05-01 05:00' WHERE id = 'opp-20';
UPDATE opportunity SET stage = 'Negotiation', last_stage = 'Negotiation', probability = 80, modified_at = '2025-05-02 04:00' WHERE id = 'opp-20';
SELECT stage, stage_since, amount FROM own.opportunity WHERE opportunity = 'opp-20';
SELECT * FROM own.history WHERE opportunity = 'opp-20' ORDER BY changed_at;
INSERT INTO note (id, type, parent_type, parent_id, data, created_at) VALUES ('note-21', 'Update', 'Opportunity', 'opp-20', '{"fields":["stage"],"attributes":{"was":{"stage":"Prospecting"},"became":{"stage":"Negotiation"}}}', '2025-05-02 04:00:01');
SELECT * FROM own.history WHERE opportunity = 'opp-20' ORDER BY changed_at;
-- won, and edited afterwards
UPDATE opportunity SET stage = 'Closed Won', last_stage = 'Closed Won', probability = 100, modified_at = '2025-05-03 04:00' WHERE id = 'opp-20';
SELECT stage, stage_since, outcome, closed_at FROM own.opportunity WHERE opportunity = 'opp-20';
INSERT INTO note (id, type, parent_type, parent_id, data, created_at) VALUES ('note-22', 'Update', 'Opportunity', 'opp-20', '{"fields":["stage"],"attributes":{"was":{"stage":"Negotiation"},"became":{"stage":"Closed Won"}}}', '2025-05-03 04:00:01');
UPDATE opportunity SET name = 'x', modified_at = '2025-05-20 04:00' WHERE id = 'opp-20';
SELECT stage, stage_since, outcome, closed_at FROM own.opportunity WHERE opportunity = 'opp-20';
SELECT * FROM own.history WHERE opportunity = 'opp-20' ORDER BY changed_at;
-- held after all; a task done; a call deleted; a note that is no JSON
UPDATE meeting SET status = 'Held', modified_at = '2025-03-16' WHERE id IN ('meet-4', 'meet-3');
UPDATE task SET status = 'Completed', date_completed = '2025-03-21 01:00', modified_at = '2025-03-21 01:00' WHERE id = 'task-2';
UPDATE "call" SET deleted = true WHERE id = 'call-1';
INSERT INTO note (id, type, parent_type, parent_id, data, created_at) VALUES ('note-23', 'Update', 'Opportunity', 'opp-1', 'broken', '2025-05-03');
SELECT * FROM own.activity WHERE id IN ('meet-3', 'meet-4', 'task-2', 'call-1') ORDER BY source, id;
UPDATE opportunity SET amount = 50001 WHERE id = 'opp-1';
SELECT stage, stage_since, amount FROM own.opportunity WHERE opportunity = 'opp-1';
SELECT count(*) AS history FROM own.history WHERE opportunity = 'opp-1';
-- an account and an opportunity are deleted, and one comes back
UPDATE account SET deleted = true WHERE id IN ('acc-1', 'acc-5');
UPDATE opportunity SET deleted = true WHERE id = 'opp-2';
UPDATE opportunity SET deleted = false WHERE id = 'opp-4';
SELECT c.external_ref, c.unit_id IS NOT NULL AS owned FROM calib.customer c ORDER BY 1;
SELECT opportunity FROM own.opportunity ORDER BY 1;
-- the bookkeeper gets a team
UPDATE "user" SET default_team_id = '65a000000000team2' WHERE id = '65a00000000000zb';
SELECT calib.pull('espocrm_customer'), calib.pull('espocrm_opportunity');
SELECT unit, opportunity FROM own.opportunity WHERE unit = 'Zoe Books';
SELECT source, external_id, problem FROM calib.feed_error ORDER BY 1, 2;
RESET search_path;

-- What does not fit -----------------------------------------------------------------------
\set SHOW_CONTEXT never
ALTER TABLE espo.task RENAME date_completed TO "dateCompleted";
ALTER TABLE espo."user" DROP COLUMN is_active;
DROP TABLE espo.team_user;
SELECT * FROM calib.attach_crm('espocrm', 'espo', 'second');
SELECT * FROM calib.attach_crm('espocrm', 'espo', 'second', '{team}');
\set SHOW_CONTEXT errors
DROP EXTENSION calib CASCADE;
DROP SCHEMA espo, own CASCADE;
