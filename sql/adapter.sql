-- Attaching Salesforce and HubSpot as Fivetran replicates them.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET TimeZone = 'Asia/Shanghai';
SET datestyle = 'ISO';
\pset null '(null)'

CREATE SCHEMA sf;
CREATE TABLE sf.user_role (id text, name text, parent_role_id text, _fivetran_deleted boolean);
CREATE TABLE sf."user" (id text, name text, user_role_id text, is_active boolean, _fivetran_deleted boolean, _fivetran_synced timestamptz);
CREATE TABLE sf.account (id text, name text, owner_id text, type text, is_deleted boolean);
CREATE TABLE sf.opportunity (id text, owner_id text, account_id text, stage_name text, amount numeric, probability numeric,
    is_won boolean, is_closed boolean, is_deleted boolean, created_date timestamptz, close_date date);
CREATE TABLE sf.opportunity_history (id text, stage_name text, created_date timestamptz, is_deleted boolean, _fivetran_start timestamptz);
CREATE TABLE sf.task (id text, owner_id text, account_id text, what_id text, is_closed boolean, is_deleted boolean, activity_date date,
    completed_date_time timestamptz, last_modified_date timestamptz, created_date timestamptz, task_subtype text, type text);
CREATE TABLE sf.event (id text, owner_id text, account_id text, what_id text, is_child boolean, is_deleted boolean, activity_date date,
    start_date_time timestamptz, created_date timestamptz);

-- Missing: named all at once, nothing attached
SELECT calib.attach_crm('salesforce', 'sf');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM calib.adapter_faults('salesforce_fivetran', 'sf', NULL);
SELECT calib.attach_crm('salesforce_fivetran', 'sf');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS feeds FROM calib.feed;
ALTER TABLE sf.event ADD type text;

-- Without orders, and with stages of the CRM's own
-- lost deals that kept some of their likelihood are behind all others; early is the first open one
INSERT INTO sf.opportunity VALUES ('006z', NULL, NULL, 'Prospecting', NULL, 10, false, false, true), ('006y', NULL, NULL, 'Won', NULL, 100, true, true, true),
    ('006w', NULL, NULL, 'Lost', NULL, 30, false, true, true), ('006v', NULL, NULL, 'Offer', NULL, 60, false, false, true);
SELECT * FROM calib.attach_crm('salesforce_fivetran', 'sf', 'north', '{role,rep,customer,opportunity,stage,won,task,event,event_planned}');
SELECT stage, position, early FROM calib.stage WHERE position > 5 ORDER BY position;
INSERT INTO sf.user_role VALUES ('00Ea', 'Sales', 'gone', false), ('00Eb', 'East', '00Ea', false), ('00Ec', 'Old', NULL, true);
INSERT INTO sf."user" VALUES ('005a', 'Li Wei', '00Eb', true, false, now()), ('005b', '', NULL, true, false, now());
SELECT u.external_ref, u.kind, u.name, p.name AS parent FROM calib.unit u LEFT JOIN calib.unit p ON p.unit_id = u.parent_id ORDER BY 1;
INSERT INTO sf.account VALUES ('001a', 'Acme', '005a', 'Retail', false), ('001b', NULL, '005x', NULL, false), ('001c', 'Gone', '005a', NULL, true);
SELECT c.external_ref, c.name, c.channel, u.name AS unit FROM calib.customer c LEFT JOIN calib.unit u USING (unit_id) ORDER BY 1;
-- won, closed before it was opened; open, with a close date to come; nobody's
INSERT INTO sf.opportunity VALUES
    ('006a', '005a', '001a', 'Won', 100, 100, true, true, false, '2026-03-02 09:00', '2026-03-01'),
    ('006b', '005a', '001a', 'Prospecting', 50, 10, false, false, false, '2026-03-02 09:00', '2026-12-01'),
    ('006c', NULL, '001a', 'Prospecting', 50, 10, false, false, false, '2026-03-02 09:00', '2026-12-01');
SELECT external_ref, stage, amount, outcome, created_at, closed_at FROM calib.opportunity ORDER BY 1;
SELECT source, external_id, measure, amount, occurred_at FROM calib.result;
SELECT source, external_id, problem, sqlstate FROM calib.feed_error ORDER BY 1, 2;
INSERT INTO sf.opportunity_history VALUES
    ('006a', 'Prospecting', '2026-03-02 09:00', false, '2026-03-02 10:00'),
    ('006a', 'Prospecting', '2026-03-02 09:00', false, '2026-03-03 10:00'),
    ('006a', 'Won', '2026-03-02 09:00', false, '2026-03-04 10:00');
SELECT from_stage, to_stage, changed_at FROM calib.stage_change WHERE source = 'north_stage' ORDER BY changed_at;
INSERT INTO sf.task VALUES
    ('00T1', '005a', '001a', '006a', true, false, '2026-03-05', '2026-03-04 12:00', NULL, '2026-03-01 08:00', 'Call', NULL),
    ('00T2', '005a', '001a', '001a', true, false, '2026-03-05', NULL, '2026-03-06 12:00', '2026-03-01 08:00', 'Task', NULL),
    ('00T3', '005a', '001a', NULL, false, false, '2026-03-05', NULL, NULL, '2026-03-01 08:00', 'Task', 'Call'),
    ('00T4', '005a', '001a', NULL, false, false, NULL, NULL, NULL, '2026-03-01 08:00', 'Task', NULL),
    ('00T5', '005a', '001a', NULL, true, true, '2026-03-05', NULL, NULL, '2026-03-01 08:00', 'Email', NULL);
INSERT INTO sf.event VALUES
    ('00U1', '005a', '001a', '006a', false, false, '2026-03-05', '2026-03-05 10:00', '2026-03-01 08:00', 'Meeting'),
    ('00U2', '005a', '001a', '006a', true, false, '2026-03-05', '2026-03-05 10:00', '2026-03-01 08:00', 'Meeting'),
    ('00U3', '005a', '001a', NULL, false, false, '2999-03-05', '2999-03-05 10:00', '2026-03-01 08:00', 'Meeting');
SELECT source, external_id, kind, outcome, occurred_at, due_at, opportunity_id IS NOT NULL AS of_opportunity FROM calib.activity ORDER BY 1, 2;
-- recorded when it was entered, but no sooner than it was done: none of this was entered late, in 2026 or today
SELECT source, external_id, recorded_at, recorded_at <= occurred_at + interval '48 hours' AS in_time FROM calib.activity ORDER BY 1, 2;
UPDATE sf.task SET is_deleted = true WHERE id = '00T1';
SELECT count(*) AS "00T1" FROM calib.activity WHERE external_id = '00T1';

-- Lost, it went back a stage, however far it had come
INSERT INTO sf.opportunity VALUES ('006d', '005a', '001a', 'Lost', 10, 0, false, true, false, '2026-03-02 09:00', '2026-03-05');
INSERT INTO sf.opportunity_history VALUES
    ('006d', 'Prospecting', '2026-03-02 09:00', false, '2026-03-02 10:00'),
    ('006d', 'Offer', '2026-03-02 09:00', false, '2026-03-03 10:00'),
    ('006d', 'Lost', '2026-03-02 09:00', false, '2026-03-04 10:00'),
    ('006d', 'Lost', '2026-03-02 09:00', true, '2026-03-05 10:00');
SELECT o.external_ref, o.stage, o.outcome, s.from_stage, s.to_stage, s.changed_at, sign(e.position - d.position) AS advance
FROM calib.stage_change s JOIN calib.opportunity o USING (opportunity_id) JOIN calib.stage e ON e.stage = s.to_stage LEFT JOIN calib.stage d ON d.stage = s.from_stage
WHERE o.external_ref = '006d' ORDER BY s.changed_at;

-- Orders: those activated, when they were; entered afterwards, they were late
CREATE TABLE sf."order" (id text, owner_id text, account_id text, status_code text, is_deleted boolean, activated_date timestamptz, created_date timestamptz, opportunity_id text);
SELECT feed FROM calib.attach_crm('salesforce_fivetran', 'sf', 'north', '{order}');
INSERT INTO sf."order" VALUES
    ('801a', '005a', '001a', 'Activated', false, '2026-03-06 10:00', '2026-03-05 10:00', '006a'),
    ('801b', '005b', '001b', 'Activated', false, NULL, '2026-03-07 10:00', NULL),
    ('801c', '005b', '001b', 'Activated', false, '2026-03-01 10:00', '2026-03-07 10:00', NULL),
    ('801d', '005a', '001a', 'Draft', false, NULL, '2026-03-07 10:00', NULL),
    ('801e', '005a', '001a', 'Activated', true, '2026-03-06 10:00', '2026-03-05 10:00', NULL),
    ('801f', '001a', '001a', 'Activated', false, '2026-03-06 10:00', '2026-03-05 10:00', NULL);
UPDATE sf."order" SET status_code = 'Activated', activated_date = '2026-03-08 10:00' WHERE id = '801d';
SELECT a.external_id, u.external_ref AS unit, c.external_ref AS customer, o.external_ref AS opportunity, a.kind, a.quantity, a.occurred_at, a.recorded_at
FROM calib.activity a JOIN calib.unit u USING (unit_id) JOIN calib.customer c USING (customer_id) LEFT JOIN calib.opportunity o USING (opportunity_id)
WHERE a.source = 'north_order' ORDER BY 1;
SELECT external_id, problem, sqlstate FROM calib.feed_error WHERE source = 'north_order';

-- A second one of the kind, under a name of its own
CREATE SCHEMA sf2;
CREATE TABLE sf2."user" (LIKE sf."user");
CREATE TABLE sf2.user_role (LIKE sf.user_role);
SELECT calib.attach_crm('salesforce_fivetran', 'sf2', 'south', '{rep,role}');
SELECT calib.attach_crm('salesforce_fivetran', 'sf2', 'south', '{rep,nothing}');

-- HubSpot: an account without the property_ columns, one of which comes later
CREATE SCHEMA hs;
CREATE TABLE hs.owner (owner_id bigint, first_name text, last_name text, email text, active_user_id bigint);
CREATE TABLE hs.team (id bigint, name text);
CREATE TABLE hs.team_user (team_id bigint, user_id bigint, is_secondary_user boolean);
CREATE TABLE hs.company (id bigint, is_deleted boolean);
CREATE TABLE hs.deal (deal_id bigint, owner_id bigint, deal_pipeline_id text, deal_pipeline_stage_id text, is_deleted boolean);
CREATE TABLE hs.deal_company (deal_id bigint, company_id bigint, type_id bigint);
CREATE TABLE hs.deal_pipeline_stage (stage_id text, pipeline_id text, label text, display_order int, closed_won boolean, is_closed boolean);
INSERT INTO hs.deal_pipeline_stage VALUES ('s1', 'p', 'Bid', 0, NULL, NULL), ('s2', 'p', 'Signed', 1, true, true), ('s3', 'p', 'Missed', 2, false, true),
    -- another pipeline, whose first one is early as well
    ('t1', 'q', 'Tried', 5, false, false), ('t2', 'q', 'Signed', 6, true, true);
SELECT feed, destination FROM calib.attach_crm('hubspot_fivetran', 'hs', NULL, '{team,rep,customer,opportunity,won}');
SELECT stage, position - min(position) OVER () AS place, early FROM calib.stage WHERE stage IN ('Bid', 'Signed', 'Missed', 'Tried') ORDER BY position;
INSERT INTO hs.team VALUES (7, 'West');
INSERT INTO hs.team_user VALUES (7, 70, false);
INSERT INTO hs.owner VALUES (7, 'Ana', NULL, 'a@example.com', 70);
INSERT INTO hs.company VALUES (9, false);
INSERT INTO hs.deal VALUES (1, 7, 'p', 's1', false);
ALTER TABLE hs.deal ADD property_amount numeric, ADD property_createdate timestamptz, ADD property_closedate timestamptz;
INSERT INTO hs.deal_company VALUES (2, 9, 5);
INSERT INTO hs.deal VALUES (2, 7, 'p', 's2', false, 80, '2026-03-02 09:00', '2026-03-05 09:00'), (3, 7, 'p', 's3', false, 80, '2026-03-02 09:00', '2026-03-01 09:00');
SELECT o.external_ref, u.name, p.name AS team, c.name AS customer, o.stage, o.amount, o.outcome, o.closed_at
FROM calib.opportunity o JOIN calib.unit u USING (unit_id) LEFT JOIN calib.unit p ON p.unit_id = u.parent_id
LEFT JOIN calib.customer c USING (customer_id) WHERE o.external_ref IN ('1', '2', '3') ORDER BY 1;
SELECT external_id, measure, amount, occurred_at FROM calib.result WHERE source = 'hubspot_fivetran_won';
SELECT source, external_id, problem, sqlstate FROM calib.feed_error WHERE source LIKE 'hubspot%';

-- What finds the stages runs with the rights of whose tables they are, whoever attaches
CREATE ROLE regress_crm;
CREATE SCHEMA theirs AUTHORIZATION regress_crm;
SET ROLE regress_crm;
CREATE TABLE theirs.deal (deal_id bigint, owner_id bigint, deal_pipeline_id text, deal_pipeline_stage_id text, is_deleted boolean);
CREATE TABLE theirs.deal_company (deal_id bigint, company_id bigint, type_id bigint);
CREATE FUNCTION theirs.who() RETURNS text LANGUAGE plpgsql AS 'BEGIN SET ROLE NONE; RETURN ''out of it''; EXCEPTION WHEN OTHERS THEN RETURN current_user; END';
CREATE VIEW theirs.deal_pipeline_stage AS SELECT n::text AS stage_id, 'p' AS pipeline_id, n || ' found by ' || theirs.who() AS label, n AS display_order, false AS closed_won, false AS is_closed
    FROM generate_series(2, 1, -1) n;
RESET ROLE;
SELECT feed FROM calib.attach_crm('hubspot_fivetran', 'theirs', 'theirs', '{opportunity}');
SELECT stage, early FROM calib.stage WHERE stage LIKE '%found%' ORDER BY position;
SELECT calib.detach('theirs_opportunity');
DROP SCHEMA theirs CASCADE;
DROP ROLE regress_crm;

-- Engagements: a meeting under its old names, tasks done and not, a mail received
CREATE TABLE hs.engagement_company (engagement_id bigint, company_id bigint);
CREATE TABLE hs.engagement_deal (engagement_id bigint, deal_id bigint);
CREATE TABLE hs.engagement_meeting (engagement_id bigint, start_time timestamptz, meeting_outcome text, property_hubspot_owner_id bigint, property_hs_createdate timestamptz);
CREATE TABLE hs.engagement_task (engagement_id bigint, _fivetran_deleted boolean, property_hs_timestamp timestamptz, property_hs_task_status text,
    property_hs_task_completion_date timestamptz, property_hubspot_owner_id bigint);
CREATE TABLE hs.engagement_email (engagement_id bigint, property_hs_timestamp timestamptz, property_hs_email_direction text, property_hubspot_owner_id bigint);
SELECT feed FROM calib.attach_crm('hubspot_fivetran', 'hs', NULL, '{meeting,meeting_planned,task,email}');
INSERT INTO hs.engagement_deal VALUES (11, 2);
INSERT INTO hs.engagement_company VALUES (11, 9);
INSERT INTO hs.engagement_meeting VALUES (11, '2026-03-05 10:00', '', 7, '2026-03-04 10:00'), (12, '2026-03-05 10:00', 'NO_SHOW', 7, '2026-03-05 11:00');
INSERT INTO hs.engagement_task VALUES (21, false, '2026-03-05 10:00', 'COMPLETED', '2026-03-04 10:00', 7), (22, false, '2026-03-05 10:00', 'NOT_STARTED', NULL, 7),
    (23, true, '2026-03-05 10:00', 'COMPLETED', '2026-03-04 10:00', 7);
INSERT INTO hs.engagement_email VALUES (31, '2026-03-05 10:00', 'EMAIL', 7), (32, '2026-03-05 10:00', 'INCOMING_EMAIL', 7);
SELECT source, external_id, kind, a.outcome, occurred_at, due_at, c.name AS customer, o.external_ref AS opportunity
FROM calib.activity a LEFT JOIN calib.customer c USING (customer_id) LEFT JOIN calib.opportunity o USING (opportunity_id)
WHERE source LIKE 'hubspot%' ORDER BY 1, 2;
SELECT source, external_id, recorded_at FROM calib.activity WHERE source LIKE 'hubspot%' AND recorded_at < '2026-04-01' ORDER BY 1, 2;

-- Calls and notes, entered in time and late; whose moment of entry is unknown counts as entered now
CREATE TABLE hs.engagement_call (engagement_id bigint, _fivetran_deleted boolean, property_hs_timestamp timestamptz, property_hs_createdate timestamptz,
    property_hs_call_status text, property_hubspot_owner_id bigint);
CREATE TABLE hs.engagement_note (engagement_id bigint, property_hs_timestamp timestamptz, property_hubspot_owner_id bigint);
SELECT feed FROM calib.attach_crm('hubspot_fivetran', 'hs', NULL, '{call,note}');
INSERT INTO hs.engagement_deal VALUES (41, 2);
INSERT INTO hs.engagement_company VALUES (41, 9);
INSERT INTO hs.engagement_call VALUES
    (41, false, '2026-03-05 10:00', '2026-03-05 10:05', 'COMPLETED', 7), (42, NULL, '2026-03-05 10:00', '2026-03-09 10:00', NULL, 7),
    (43, false, '2026-03-05 10:00', '2026-03-01 10:00', 'COMPLETED', 7), (44, false, '2026-03-05 10:00', '2026-03-05 10:00', 'NO_ANSWER', 7),
    (45, true, '2026-03-05 10:00', '2026-03-05 10:00', 'COMPLETED', 7), (46, false, '2026-03-05 10:00', '2026-03-05 10:00', 'COMPLETED', 8);
INSERT INTO hs.engagement_note VALUES (51, '2026-03-05 11:00', 7), (52, '2026-03-05 11:00', NULL);
SELECT a.external_id, a.kind, a.outcome, a.occurred_at, CASE WHEN a.recorded_at < '2026-04-01' THEN a.recorded_at END AS recorded_at, c.name AS customer, o.external_ref AS opportunity
FROM calib.activity a LEFT JOIN calib.customer c USING (customer_id) LEFT JOIN calib.opportunity o USING (opportunity_id)
WHERE a.source IN ('hubspot_fivetran_call', 'hubspot_fivetran_note') ORDER BY 1;
SELECT source, external_id, problem FROM calib.feed_error WHERE source IN ('hubspot_fivetran_call', 'hubspot_fivetran_note') ORDER BY 1, 2;

-- Stage history: by label, an unknown stage by its id; at the moment it was entered
CREATE TABLE hs.deal_stage (deal_id bigint, value text, date_entered timestamptz, _fivetran_start timestamptz);
SELECT feed FROM calib.attach_crm('hubspot_fivetran', 'hs', NULL, '{stage}');
INSERT INTO hs.deal_stage VALUES
    (3, 's3', '2026-03-04 09:00', '2026-03-04 09:01'), (3, 's1', '2026-03-02 09:00', '2026-03-02 09:01'), (3, 's2', NULL, '2026-03-03 09:01'),
    (2, 'gone', '2026-03-02 09:00', '2026-03-02 09:01'), (2, 's2', '2026-03-05 09:00', '2026-03-05 09:01'), (99, 's1', '2026-03-05 09:00', '2026-03-05 09:01');
SELECT o.external_ref, o.stage, o.stage_since, s.from_stage, s.to_stage, s.changed_at, sign(e.position - d.position) AS advance
FROM calib.stage_change s JOIN calib.opportunity o USING (opportunity_id) LEFT JOIN calib.stage e ON e.stage = s.to_stage LEFT JOIN calib.stage d ON d.stage = s.from_stage
WHERE s.source = 'hubspot_fivetran_stage' ORDER BY 1, s.changed_at;
SELECT external_id, problem FROM calib.feed_error WHERE source = 'hubspot_fivetran_stage';
