-- Odoo 17 and 18: their tables as they make them, and what becomes of the rows.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET TimeZone = 'Asia/Shanghai';
SET datestyle = 'ISO';
\pset null '(null)'

-- Odoo 17: an integer key, whom and when of every row, UTC without a zone -----------
CREATE SCHEMA "Odoo 17";
SET search_path = "Odoo 17", pg_catalog;
CREATE TABLE res_company (
    id serial PRIMARY KEY, name varchar NOT NULL, partner_id integer NOT NULL, currency_id integer, sequence integer, parent_id integer, active boolean,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE res_partner (
    id serial PRIMARY KEY, company_id integer, create_date timestamp without time zone, name varchar, complete_name varchar, title integer, parent_id integer,
    user_id integer, team_id integer, commercial_partner_id integer, type varchar, active boolean, is_company boolean, partner_share boolean, email varchar,
    customer_rank integer, supplier_rank integer, create_uid integer, write_uid integer, write_date timestamp without time zone);
CREATE TABLE res_users (
    id serial PRIMARY KEY, company_id integer NOT NULL, partner_id integer NOT NULL, active boolean DEFAULT true, create_date timestamp without time zone,
    login varchar NOT NULL UNIQUE, password varchar, action_id integer, share boolean, sale_team_id integer, create_uid integer, write_uid integer, write_date timestamp without time zone);
CREATE TABLE crm_team (
    id serial PRIMARY KEY, sequence integer, company_id integer, user_id integer, color integer, name jsonb NOT NULL, active boolean, invoiced_target double precision,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE crm_team_member (
    id serial PRIMARY KEY, crm_team_id integer NOT NULL, user_id integer NOT NULL, active boolean,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE crm_stage (
    id serial PRIMARY KEY, sequence integer, team_id integer, name jsonb NOT NULL, requirements text, is_won boolean, fold boolean,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE crm_lead (
    id serial PRIMARY KEY, campaign_id integer, source_id integer, medium_id integer, user_id integer, team_id integer, company_id integer, stage_id integer,
    color integer, partner_id integer, lost_reason_id integer, name varchar NOT NULL, type varchar NOT NULL, priority varchar, contact_name varchar, partner_name varchar,
    email_from varchar, city varchar, country_id integer, date_deadline date, expected_revenue numeric, prorated_revenue numeric, recurring_revenue numeric,
    active boolean, date_closed timestamp without time zone, date_automation_last timestamp without time zone, date_open timestamp without time zone,
    date_last_stage_update timestamp without time zone, date_conversion timestamp without time zone, day_open double precision, day_close double precision,
    probability double precision CHECK (probability >= 0 AND probability <= 100), automated_probability double precision,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE ir_model_fields (
    id serial PRIMARY KEY, name varchar NOT NULL, model varchar NOT NULL, model_id integer, field_description jsonb, ttype varchar, relation varchar);
CREATE TABLE mail_activity_type (
    id serial PRIMARY KEY, sequence integer, delay_count integer, delay_unit varchar, name jsonb NOT NULL, category varchar, res_model varchar, active boolean, keep_done boolean);
CREATE TABLE mail_activity (
    id serial PRIMARY KEY, res_model_id integer NOT NULL, res_id integer, activity_type_id integer, user_id integer NOT NULL, calendar_event_id integer,
    res_model varchar, res_name varchar, summary varchar, note text, date_deadline date NOT NULL, date_done date, automated boolean, active boolean,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE mail_message (
    id serial PRIMARY KEY, parent_id integer, res_id integer, subtype_id integer, mail_activity_type_id integer, author_id integer, author_guest_id integer,
    subject varchar, model varchar, record_name varchar, message_type varchar NOT NULL, email_from varchar, message_id varchar, body text, is_internal boolean,
    date timestamp without time zone, create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE mail_tracking_value (
    id serial PRIMARY KEY, field_id integer, old_value_integer integer, new_value_integer integer, currency_id integer, mail_message_id integer NOT NULL,
    old_value_char varchar, new_value_char varchar, field_info jsonb, old_value_text text, new_value_text text,
    old_value_datetime timestamp without time zone, new_value_datetime timestamp without time zone, old_value_float double precision, new_value_float double precision,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE calendar_event (
    id serial PRIMARY KEY, user_id integer, videocall_channel_id integer, res_id integer, res_model_id integer, recurrence_id integer, name varchar NOT NULL,
    location varchar, privacy varchar, show_as varchar NOT NULL, res_model varchar, start_date date, stop_date date, active boolean, allday boolean, recurrency boolean,
    start timestamp without time zone NOT NULL, stop timestamp without time zone NOT NULL, duration double precision, opportunity_id integer,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE sale_order (
    id serial PRIMARY KEY, company_id integer NOT NULL, partner_id integer NOT NULL, user_id integer, team_id integer, opportunity_id integer, name varchar NOT NULL,
    state varchar, client_order_ref varchar, origin varchar, invoice_status varchar, date_order timestamp without time zone NOT NULL, locked boolean,
    amount_untaxed numeric, amount_total numeric, currency_rate numeric,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE sale_order_line (
    id serial PRIMARY KEY, order_id integer NOT NULL, sequence integer, product_id integer, state varchar, display_type varchar, name text NOT NULL,
    product_uom_qty numeric, price_unit numeric, is_downpayment boolean);
CREATE TABLE account_payment (
    id serial PRIMARY KEY, move_id integer NOT NULL, payment_method_id integer, currency_id integer, partner_id integer, payment_type varchar NOT NULL,
    partner_type varchar NOT NULL, payment_reference varchar, amount numeric CHECK (amount >= 0.0), amount_company_currency_signed numeric,
    is_reconciled boolean, is_matched boolean, is_internal_transfer boolean,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE account_move (
    id serial PRIMARY KEY, journal_id integer NOT NULL, company_id integer, payment_id integer, statement_line_id integer, partner_id integer, commercial_partner_id integer,
    reversed_entry_id integer, invoice_user_id integer, team_id integer, name varchar, ref varchar, state varchar NOT NULL, move_type varchar NOT NULL, payment_state varchar,
    date date NOT NULL, invoice_date date, invoice_date_due date, amount_untaxed_signed numeric, amount_total_signed numeric, amount_residual_signed numeric,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE account_move_line (
    id serial PRIMARY KEY, move_id integer NOT NULL, account_id integer, partner_id integer, date_maturity date, debit numeric, credit numeric, amount_residual numeric);
CREATE TABLE account_partial_reconcile (
    id serial PRIMARY KEY, debit_move_id integer NOT NULL, credit_move_id integer NOT NULL, full_reconcile_id integer, exchange_move_id integer, company_id integer,
    max_date date, amount numeric, debit_amount_currency numeric, credit_amount_currency numeric,
    create_uid integer, write_uid integer, create_date timestamp without time zone, write_date timestamp without time zone);

INSERT INTO res_company (id, name, partner_id, parent_id, active) VALUES (1, '华东食品', 1, NULL, true), (2, '杭州分公司', 3, 1, true), (3, 'Closed Ltd', 4, NULL, false);
INSERT INTO res_partner (id, name, commercial_partner_id, parent_id, user_id, active, partner_share, customer_rank, supplier_rank, create_date) VALUES
    (1, '华东食品', 1, NULL, NULL, true, true, 0, 0, '2024-01-01'),
    (2, 'OdooBot', 2, NULL, NULL, false, false, 0, 0, '2024-01-01'),
    (3, '杭州分公司', 3, NULL, NULL, true, true, 0, 0, '2024-01-01'),
    (4, 'Closed Ltd', 4, NULL, NULL, true, true, 0, 0, '2024-01-01'),
    (10, '张伟', 10, NULL, NULL, true, false, 0, 0, '2024-06-01'),
    (11, 'Li Na', 11, NULL, NULL, true, false, 0, 0, '2024-06-01'),
    (12, '王芳', 12, NULL, NULL, true, false, 0, 0, '2024-06-01'),
    (13, 'Zoe Books', 13, NULL, NULL, true, false, 0, 0, '2024-06-01'),
    (14, 'Portal Guest', 14, NULL, NULL, true, true, 0, 1, '2024-06-01'),
    -- entered on the 3rd in UTC, on the 4th in Shanghai
    (20, '永辉超市 🛒', 20, NULL, 7, true, true, 3, 0, '2025-02-03 17:00:00.123456'),
    (21, 'The buyer', 20, 20, 7, true, true, 1, 0, '2025-02-03 17:05'),
    (22, 'Anna''s "Bistro"', 22, NULL, NULL, true, true, 0, 0, '2025-02-05'),
    (23, 'Flour Mill', 23, NULL, 7, true, true, 0, 5, '2025-02-05'),
    (24, 'Gone & away', 24, NULL, 7, false, true, 1, 0, '2023-02-05'),
    (25, 'The bookkeeper''s own', 25, NULL, 10, true, true, 1, 0, '2025-02-05'),
    (26, NULL, NULL, NULL, 8, true, true, NULL, NULL, '2025-02-06');
INSERT INTO res_users (id, company_id, partner_id, login, active, share, sale_team_id, create_date) VALUES
    (1, 1, 2, '__system__', false, false, NULL, '2024-01-01'), (7, 1, 10, 'zhangwei', true, false, 1, '2024-05-31 16:30'),
    (8, 1, 11, 'lina', true, NULL, 1, '2024-06-01'), (9, 2, 12, 'wangfang', false, false, NULL, '2024-06-01'),
    (10, 1, 13, 'zoe', true, false, NULL, '2024-06-01'), (11, 1, 14, 'guest', true, true, 1, '2024-06-01');
INSERT INTO crm_team (id, name, company_id, active) VALUES
    (1, '{"en_US": "North", "zh_CN": "华北"}', 1, true), (2, '{"en_US": "Online"}', 2, true), (3, '{"en_US": "Old"}', NULL, false);
INSERT INTO crm_team_member (id, crm_team_id, user_id, active, write_date) VALUES
    (1, 1, 7, true, '2024-06-01'), (2, 1, 8, true, '2024-06-01'), (3, 2, 9, false, '2025-02-28 18:00');
INSERT INTO crm_stage (id, sequence, name, is_won) VALUES
    (1, 1, '{"en_US": "New", "zh_CN": "新建"}', false), (2, 2, '{"en_US": "Qualified"}', false),
    (3, 3, '{"en_US": "Proposition"}', false), (4, 70, '{"en_US": "Won", "zh_CN": "赢单"}', true);
INSERT INTO crm_lead (id, name, type, user_id, team_id, company_id, partner_id, stage_id, active, probability, expected_revenue, create_date, date_last_stage_update, date_conversion, date_closed) VALUES
    (100, 'open', 'opportunity', 7, 1, 1, 20, 2, true, 20, 50000.50, '2025-03-03 16:30', '2025-03-10 02:00', NULL, NULL),
    (101, 'won, for a contact', 'opportunity', 8, 1, 1, 21, 4, true, 100, 800, '2025-02-01', '2025-04-01 01:00', NULL, '2025-04-01 01:00'),
    (102, 'lost', 'opportunity', 7, 1, 1, 22, 3, false, 0, 10, '2025-02-01', '2025-02-09', NULL, '2025-04-02 17:00'),
    (103, 'put away', 'opportunity', 7, 1, 1, 22, 3, false, 30, 10, '2025-02-01', '2025-02-09', NULL, NULL),
    (104, 'a lead', 'lead', 7, 1, 1, 22, 1, true, 10, 0, '2025-03-01', '2025-03-01', NULL, NULL),
    (105, 'closed before it was opened, by the team', 'opportunity', NULL, 1, 1, 20, 4, true, 100, 0, '2025-01-05', NULL, NULL, '2024-12-31'),
    (106, 'nobody''s', 'opportunity', NULL, NULL, NULL, 20, 1, true, 10, 1, '2025-01-05', NULL, NULL, NULL),
    (107, 'the bookkeeper''s', 'opportunity', 10, NULL, 1, 20, 1, true, 10, 1, '2025-01-05', NULL, NULL, NULL),
    (108, 'lost after it was won', 'opportunity', 7, 1, 1, 20, 4, false, 0, -5, '2025-01-05', '2025-01-06', NULL, NULL),
    (109, 'converted, of one who left', 'opportunity', 9, 2, 2, NULL, 1, true, 0, NULL, '2025-03-01', '2025-03-01', '2025-03-20 03:00', NULL),
    (110, 'no stage', 'opportunity', 7, 1, 1, 20, NULL, true, 10, 1, '2025-01-05', NULL, NULL, NULL),
    (111, 'the company''s', 'opportunity', NULL, NULL, 2, 24, 1, true, NULL, 1, '2025-01-05', NULL, NULL, NULL);
INSERT INTO ir_model_fields (id, model, name) VALUES (501, 'crm.lead', 'stage_id'), (502, 'crm.lead', 'user_id'), (601, 'sale.order', 'state'), (602, 'sale.order', 'amount_total'), (603, 'sale.order', 'amount_untaxed'), (701, 'project.task', 'stage_id');
INSERT INTO mail_message (id, model, res_id, message_type, author_id, date, create_date) VALUES
    (1000, 'crm.lead', 100, 'notification', 10, '2025-03-05 02:00', '2025-03-05 02:00'),
    (1001, 'crm.lead', 100, 'notification', 10, '2025-03-10 02:00', '2025-03-10 02:00'),
    (1002, 'crm.lead', 101, 'notification', 11, '2025-04-01 01:00', '2025-04-01 01:00'),
    (1003, 'crm.lead', 104, 'notification', 10, '2025-03-02 01:00', '2025-03-02 01:00'),
    (1004, 'crm.lead', 102, 'notification', 10, '2025-02-09', '2025-02-09'),
    (1005, 'project.task', 100, 'notification', 10, '2025-02-09', '2025-02-09'),
    (1006, 'sale.order', 1, 'notification', 10, '2025-03-11 01:00', '2025-03-11 01:00'),
    (1007, 'sale.order', 1, 'notification', 10, '2025-03-11 02:00', '2025-03-11 02:00'),
    (1008, 'sale.order', 1, 'notification', 10, '2025-03-11 16:00', '2025-03-11 16:00');
INSERT INTO mail_tracking_value (id, field_id, mail_message_id, old_value_integer, new_value_integer, old_value_char, new_value_char, create_date) VALUES
    (1, 501, 1000, 1, 3, 'New', 'Proposition', '2025-03-05 02:00'),
    (2, 501, 1001, 3, 2, 'Proposition', 'Qualified', '2025-03-10 02:00'),
    (3, 502, 1001, 8, 7, 'Li Na', '张伟', '2025-03-10 02:00'),
    (4, 501, 1002, 2, 4, 'Qualified', 'Won', '2025-04-01 01:00'),
    (5, 501, 1003, 2, 1, 'Qualified', 'New', '2025-03-02 01:00'),
    (6, 501, 1004, 9, 3, 'A stage deleted since', 'Proposition', '2025-02-09'),
    (7, 701, 1005, 1, 3, 'New', 'Done', '2025-02-09');
INSERT INTO mail_tracking_value (id, field_id, mail_message_id, old_value_float, new_value_float, old_value_char, new_value_char, create_date) VALUES
    (8, 602, 1006, 0, 900, NULL, NULL, '2025-03-11 01:00'),
    (9, 601, 1007, NULL, NULL, 'Quotation', 'Quotation Sent', '2025-03-11 02:00'),
    (10, 602, 1008, 900, 1000, NULL, NULL, '2025-03-11 16:00'),
    (11, 603, 1008, 800, 900, NULL, NULL, '2025-03-11 16:00');
INSERT INTO mail_activity_type (id, name, category, active, keep_done) VALUES
    (1, '{"en_US": "Email"}', 'default', true, NULL), (2, '{"en_US": "Call"}', 'phonecall', true, true), (3, '{"en_US": "Meeting"}', 'meeting', true, NULL),
    (4, '{"en_US": "To-Do"}', 'default', true, true), (5, '{"en_US": "Upload Document"}', 'upload_file', true, NULL), (6, '{"en_US": "Visit"}', 'meeting', true, true);
INSERT INTO mail_message (id, model, res_id, message_type, author_id, mail_activity_type_id, date, create_date) VALUES
    (2000, 'crm.lead', 100, 'notification', 10, 3, '2025-03-11 23:30', '2025-03-12 00:30'),
    (2001, 'res.partner', 21, 'notification', 11, 2, '2025-03-12 01:00', '2025-03-12 01:00'),
    (2002, 'crm.lead', 104, 'notification', 10, 1, '2025-03-12 02:00', '2025-03-12 02:00'),
    (2003, 'account.move', 3001, 'notification', 10, 4, '2025-04-03 02:00', '2025-04-03 02:00'),
    (2004, 'crm.lead', 100, 'notification', 10, 4, '2025-03-13 02:00', '2025-03-13 02:00'),
    (2005, 'crm.lead', 100, 'notification', 10, 5, '2025-03-13 02:00', '2025-03-13 02:00'),
    (2006, 'crm.lead', 100, 'notification', 13, 3, '2025-03-13 02:00', '2025-03-13 02:00'),
    (2007, 'project.task', 100, 'notification', 10, 3, '2025-03-13 02:00', '2025-03-13 02:00'),
    (2008, 'crm.lead', 100, 'email', NULL, 3, '2025-03-13 02:00', '2025-03-13 02:00'),
    (2009, 'crm.lead', 100, 'comment', 10, NULL, '2025-03-13 02:00', '2025-03-13 02:00'),
    (2010, 'sale.order', 1, 'notification', 12, 6, '2025-01-13 02:00', '2025-01-13 02:00');
INSERT INTO mail_activity (id, res_model_id, res_model, res_id, activity_type_id, user_id, date_deadline, date_done, active, calendar_event_id, create_date) VALUES
    (1, 1, 'crm.lead', 100, 4, 7, '2025-03-14', '2025-03-13', false, NULL, '2025-03-10'),
    (2, 1, 'crm.lead', 100, 4, 7, '2025-03-20', NULL, true, NULL, '2025-03-10'),
    (3, 1, 'crm.lead', 101, 3, 8, '2025-03-20', NULL, true, NULL, '2025-03-10'),
    (4, 1, 'res.partner', 20, 2, 8, '2025-03-20', NULL, true, NULL, '2025-03-10'),
    (5, 1, 'res.partner', 21, 6, 8, '2025-03-21', '2025-03-22', false, NULL, '2025-03-10'),
    (6, 1, 'crm.lead', 101, 6, 8, '2025-03-21', NULL, true, 1, '2025-03-10'),
    (7, 1, 'crm.lead', 101, 4, 10, '2025-03-21', NULL, true, NULL, '2025-03-10'),
    (8, 1, 'crm.lead', 100, 4, 7, '2025-03-20', NULL, false, NULL, '2025-03-10');
INSERT INTO calendar_event (id, name, show_as, user_id, opportunity_id, res_model, res_id, start, stop, start_date, allday, active, create_date) VALUES
    (1, 'Tasting', 'busy', 7, 100, 'crm.lead', 100, '2025-03-12 00:00', '2025-03-12 01:00', NULL, false, true, '2025-03-10'),
    (2, 'Fair', 'busy', 8, NULL, 'res.partner', 21, '2025-03-15 08:00', '2025-03-15 18:00', '2025-03-15', true, true, '2025-03-10'),
    (3, 'Called off', 'busy', 7, 100, 'crm.lead', 100, '2025-03-12 00:00', '2025-03-12 01:00', NULL, false, false, '2025-03-10'),
    (4, 'Dentist', 'busy', 7, NULL, NULL, NULL, '2025-03-12 00:00', '2025-03-12 01:00', NULL, false, true, '2025-03-10'),
    (5, 'With a lead', 'busy', 7, 104, NULL, 0, '2025-03-18 02:00', '2025-03-18 03:00', NULL, false, true, '2025-03-10');
INSERT INTO sale_order (id, name, state, company_id, user_id, team_id, partner_id, opportunity_id, date_order, create_date, amount_total) VALUES
    (1, 'S00001', 'sale', 1, 7, 1, 21, 100, '2025-03-12 17:00', '2025-03-11 00:00', 1000), (2, 'S00002', 'draft', 1, 7, 1, 20, NULL, '2025-03-12', '2025-03-11', 5),
    (3, 'S00003', 'sent', 1, NULL, 1, 22, 104, '2025-03-12', '2025-03-11', 5), (4, 'S00004', 'cancel', 1, 7, 1, 20, NULL, '2025-03-12', '2025-03-11', 5),
    (5, 'S00005', 'sale', 2, NULL, NULL, 20, NULL, '2025-03-12', '2025-03-11', 0);
INSERT INTO sale_order_line (order_id, name, display_type, is_downpayment) VALUES
    (1, 'Noodles', NULL, NULL), (1, 'Rice', NULL, false), (1, 'Soy sauce', NULL, false), (1, 'Drinks', 'line_section', NULL), (1, 'thank you', 'line_note', false), (1, 'Down payment', NULL, true), (2, 'Tea', NULL, false);
INSERT INTO account_move (id, journal_id, company_id, move_type, state, payment_id, statement_line_id, partner_id, invoice_user_id, team_id, payment_state, date, invoice_date, invoice_date_due, amount_total_signed, write_date) VALUES
    (3001, 1, 1, 'out_invoice', 'posted', NULL, NULL, 21, 7, 1, 'paid', '2025-03-15', '2025-03-15', '2025-03-31', 1000, '2025-06-01'),
    (3002, 1, 1, 'out_invoice', 'posted', NULL, NULL, 20, 8, 1, 'partial', '2025-03-16', '2025-03-16', '2025-04-15', 500, '2025-06-01'),
    (3003, 1, 1, 'out_refund', 'posted', NULL, NULL, 20, 7, 1, 'paid', '2025-04-01', '2025-04-01', '2025-04-01', -200, '2025-06-01'),
    (3004, 1, 1, 'out_invoice', 'draft', NULL, NULL, 20, 7, 1, 'not_paid', '2025-04-01', NULL, NULL, 70, '2025-06-01'),
    (3005, 2, 1, 'in_invoice', 'posted', NULL, NULL, 23, 7, 1, 'paid', '2025-04-01', '2025-04-01', '2025-04-30', -300, '2025-06-01'),
    (3006, 1, 1, 'out_invoice', 'posted', NULL, NULL, 20, NULL, 1, 'reversed', '2025-04-01', '2025-04-01', NULL, 20, '2025-05-31 17:00'),
    (3007, 1, 1, 'out_invoice', 'cancel', NULL, NULL, 20, 7, 1, 'not_paid', '2025-04-01', '2025-04-01', NULL, 20, '2025-06-01'),
    (3008, 1, 1, 'out_invoice', 'posted', NULL, NULL, 20, 7, 1, 'paid', '2025-04-01', '2025-04-01', '2025-04-01', 0, '2025-04-01'),
    (3101, 3, 1, 'entry', 'posted', 1, NULL, 20, NULL, NULL, 'not_paid', '2025-03-31', NULL, NULL, 650, '2025-06-01'),
    (3102, 3, 1, 'entry', 'posted', 2, NULL, 20, NULL, NULL, 'not_paid', '2025-04-02', NULL, NULL, 200, '2025-06-01'),
    (3103, 3, 1, 'entry', 'posted', NULL, 5, 20, NULL, NULL, 'not_paid', '2025-04-01', NULL, NULL, 300, '2025-06-01'),
    (3104, 4, 1, 'entry', 'posted', NULL, NULL, 20, NULL, NULL, 'not_paid', '2025-04-01', NULL, NULL, 100, '2025-06-01'),
    (3105, 3, 1, 'entry', 'posted', 3, NULL, 23, NULL, NULL, 'not_paid', '2025-04-01', NULL, NULL, 300, '2025-06-01');
INSERT INTO account_payment (id, move_id, partner_id, payment_type, partner_type, amount, amount_company_currency_signed) VALUES
    (1, 3101, 20, 'inbound', 'customer', 650, 650), (2, 3102, 20, 'outbound', 'customer', 200, -200), (3, 3105, 23, 'outbound', 'supplier', 300, -300);
-- the line of the receivable or payable account, which is what is matched
INSERT INTO account_move_line (id, move_id) SELECT id * 10, id FROM account_move;
INSERT INTO account_partial_reconcile (id, debit_move_id, credit_move_id, amount, max_date, create_date) VALUES
    (1, 30010, 31010, 600, '2025-03-31', '2025-04-02 01:00'), (2, 30010, 31030, 300, '2025-04-01', '2025-04-02 01:00'), (3, 30010, 31040, 100, '2025-04-01', '2025-04-02 01:00'),
    (4, 30020, 31010, 50, '2025-03-31', '2025-04-02 01:00'), (5, 31020, 30030, 200, '2025-04-02', '2025-04-03 01:00'), (6, 31050, 30050, 300, '2025-04-01', '2025-04-02 01:00'),
    (7, 30060, 30030, 0, '2025-04-01', '2025-04-02 01:00');
RESET search_path;

-- Odoo 18: the same rows; payments stand on their own -----------------------------------
CREATE SCHEMA odoo_18;
SELECT format('CREATE TABLE odoo_18.%I (LIKE "Odoo 17".%1$I INCLUDING ALL); INSERT INTO odoo_18.%1$I SELECT * FROM "Odoo 17".%1$I', relname)
FROM pg_class WHERE relnamespace = '"Odoo 17"'::regnamespace AND relkind = 'r' ORDER BY relname \gexec
SET search_path = odoo_18, pg_catalog;
ALTER TABLE account_move RENAME payment_id TO origin_payment_id;
ALTER TABLE account_payment ALTER move_id DROP NOT NULL, DROP is_internal_transfer, ADD date date, ADD state varchar, ADD name varchar, ADD journal_id integer, ADD company_id integer, ADD memo varchar, ADD is_sent boolean;
ALTER TABLE mail_activity ADD user_tz varchar;
CREATE TABLE account_move__account_payment (payment_id integer NOT NULL, invoice_id integer NOT NULL, PRIMARY KEY (invoice_id, payment_id));
UPDATE account_payment p SET date = m.date, company_id = 1, state = 'paid' FROM account_move m WHERE m.id = p.move_id;
INSERT INTO account_payment (id, move_id, date, state, company_id, partner_id, payment_type, partner_type, amount, amount_company_currency_signed, create_date) VALUES
    (4, NULL, '2025-04-10', 'paid', 1, 21, 'inbound', 'customer', 100.10, 100.10, '2025-04-10 02:00'),
    (5, NULL, '2025-04-11', 'in_process', 1, 21, 'inbound', 'customer', 7, 7, '2025-04-11 02:00'),
    (6, NULL, '2025-04-11', 'draft', 1, 20, 'inbound', 'customer', 8, 8, '2025-04-11 02:00'),
    (7, NULL, '2025-04-01', 'paid', 1, 20, 'inbound', 'customer', 300, 300, '2025-04-01 02:00'), -- the bank's line is there
    (8, NULL, '2025-04-12', 'paid', 1, 20, 'outbound', 'customer', 30, -30, '2025-04-12 02:00'),
    (9, NULL, '2025-04-12', 'paid', 1, 23, 'outbound', 'supplier', 9, -9, '2025-04-12 02:00'),
    (10, NULL, '2025-04-12', 'rejected', 1, 20, 'inbound', 'customer', 10, 10, '2025-04-12 02:00'),
    (11, NULL, '2025-04-13', 'paid', 1, 22, 'inbound', 'customer', 0, 0, '2025-04-13 02:00');
INSERT INTO account_move__account_payment (payment_id, invoice_id) VALUES (4, 3006), (4, 3002), (6, 3002), (7, 3001), (8, 3003);
INSERT INTO account_move (id, journal_id, company_id, move_type, state, partner_id, invoice_user_id, team_id, payment_state, date, invoice_date, invoice_date_due, amount_total_signed, write_date) VALUES
    (3009, 1, 1, 'out_invoice', 'posted', 22, 7, 1, 'blocked', '2025-04-01', '2025-04-01', '2025-05-01', 11, '2025-06-01');
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
    SELECT o.external_ref AS opportunity, u.external_ref AS unit, c.external_ref AS customer, o.stage, o.stage_since, o.amount, o.outcome, o.created_at, o.closed_at
    FROM calib.opportunity o JOIN calib.unit u USING (unit_id) LEFT JOIN calib.customer c USING (customer_id);
CREATE VIEW own.history AS
    SELECT o.external_ref AS opportunity, s.from_stage, s.to_stage, s.changed_at, s.source
    FROM calib.stage_change s JOIN calib.opportunity o USING (opportunity_id);
CREATE VIEW own.activity AS
    SELECT a.source, a.external_id AS id, u.name AS unit, c.name AS customer, o.external_ref AS opportunity, a.kind, a.outcome, a.occurred_at, a.due_at, a.quantity
    FROM calib.activity a JOIN calib.unit u USING (unit_id) LEFT JOIN calib.customer c ON c.customer_id = a.customer_id LEFT JOIN calib.opportunity o USING (opportunity_id);
CREATE VIEW own.result AS
    SELECT r.source, r.external_id AS id, u.name AS unit, c.name AS customer, r.measure, r.occurred_at, r.amount
    FROM calib.result r JOIN calib.unit u USING (unit_id) LEFT JOIN calib.customer c ON c.customer_id = r.customer_id;
CREATE VIEW own.receivable AS
    SELECT r.external_id AS id, c.name AS customer, r.amount, r.due_on, r.settled_on FROM calib.receivable r JOIN calib.customer c USING (customer_id);

SELECT * FROM calib.attach_crm('odoo_17', 'Odoo 17');
SELECT stage, position, early FROM calib.stage ORDER BY position;
CALL own.fill('odoo_17');

SELECT u.external_ref, u.kind, u.name, p.external_ref AS parent, u.active FROM calib.unit u LEFT JOIN calib.unit p ON p.unit_id = u.parent_id ORDER BY 1;
SELECT c.external_ref, c.name, u.external_ref AS unit, c.tier, c.channel, c.created_at FROM calib.customer c LEFT JOIN calib.unit u USING (unit_id) ORDER BY 1;
SELECT * FROM own.opportunity ORDER BY 1;
SELECT * FROM own.history ORDER BY 1, changed_at, to_stage;
SELECT * FROM own.activity ORDER BY source, id::integer;
SELECT source, external_id, recorded_at FROM calib.activity WHERE source IN ('odoo_17_done', 'odoo_17_contract_change') ORDER BY 1, 2;
SELECT * FROM own.result ORDER BY source, id;
SELECT * FROM own.receivable ORDER BY id;
SELECT source, external_id, problem, sqlstate FROM calib.feed_error ORDER BY 1, 2;

-- The session's zone plays no part
SET TimeZone = 'America/Los_Angeles';
SELECT sum(calib.pull(feed, complete => true)) > 0 AS again FROM calib.feed;
SET TimeZone = 'Asia/Shanghai';
SELECT * FROM own.activity WHERE source = 'odoo_17_planned' ORDER BY id;
SELECT * FROM own.result WHERE id = '1';
SELECT source, count(*), max(tries) AS tries FROM calib.feed_error GROUP BY 1 ORDER BY 1;

-- Odoo works on ---------------------------------------------------------------------------
SET search_path = "Odoo 17", pg_catalog;
-- a new lead, converted; its stage moved; won; the row of each change comes after the change
BEGIN;
INSERT INTO crm_lead (id, name, type, user_id, team_id, company_id, partner_id, stage_id, active, probability, expected_revenue, create_date, date_last_stage_update)
    VALUES (120, '新商机 🍜', 'lead', 8, 1, 1, 22, 1, true, 10, 77, '2025-05-01 01:00', '2025-05-01 01:00');
SELECT count(*) AS leads FROM own.opportunity WHERE opportunity = 'crm.lead,120';
UPDATE crm_lead SET type = 'opportunity', date_conversion = '2025-05-02 01:00' WHERE id = 120;
SELECT * FROM own.opportunity WHERE opportunity = 'crm.lead,120';
SELECT * FROM own.history WHERE opportunity = 'crm.lead,120';
UPDATE crm_lead SET stage_id = 4, probability = 100, date_closed = '2025-05-03 01:00', date_last_stage_update = '2025-05-03 01:00' WHERE id = 120;
INSERT INTO mail_message (id, model, res_id, message_type, author_id, date) VALUES (1100, 'crm.lead', 120, 'notification', 11, '2025-05-03 01:00');
INSERT INTO mail_tracking_value (id, field_id, mail_message_id, old_value_integer, new_value_integer, old_value_char, new_value_char) VALUES (20, 501, 1100, 1, 4, 'New', 'Won');
COMMIT;
SELECT * FROM own.opportunity WHERE opportunity = 'crm.lead,120';
SELECT * FROM own.history WHERE opportunity = 'crm.lead,120' ORDER BY changed_at;
-- marked lost: archived first, then set to 0
UPDATE crm_lead SET active = false, date_closed = '2025-05-04 01:00' WHERE id = 100;
UPDATE crm_lead SET probability = 0, automated_probability = 0 WHERE id = 100;
SELECT count(*) AS history FROM own.history WHERE opportunity = 'crm.lead,100';
SELECT outcome, closed_at FROM own.opportunity WHERE opportunity = 'crm.lead,100';
-- an activity of a type that does not keep it: done, it goes and a message comes
INSERT INTO mail_activity (id, res_model_id, res_model, res_id, activity_type_id, user_id, date_deadline, active, create_date) VALUES (20, 1, 'crm.lead', 120, 3, 8, '2025-05-06', true, '2025-05-03');
DELETE FROM mail_activity WHERE id = 20;
INSERT INTO mail_message (id, model, res_id, message_type, author_id, mail_activity_type_id, date, create_date) VALUES (2100, 'crm.lead', 120, 'notification', 11, 3, '2025-05-05 02:00', '2025-05-05 02:00');
-- one of a type that keeps it: archived, and a message as well
UPDATE mail_activity SET active = false, date_done = '2025-03-21' WHERE id = 2;
INSERT INTO mail_message (id, model, res_id, message_type, author_id, mail_activity_type_id, date, create_date) VALUES (2101, 'crm.lead', 100, 'notification', 10, 4, '2025-03-21 02:00', '2025-03-21 02:00');
-- an appointment moves, another is called off
UPDATE calendar_event SET start = '2025-03-19 00:00' WHERE id = 1;
UPDATE calendar_event SET active = false WHERE id = 2;
-- a quotation is confirmed
UPDATE sale_order SET state = 'sale', date_order = '2025-05-05 03:00' WHERE id = 2;
SELECT * FROM own.activity WHERE id IN ('2', '20', '2100', '2101') OR source = 'odoo_17_meeting' ORDER BY source, id::integer;
-- a payment is matched with the second invoice, and taken off the first
INSERT INTO account_partial_reconcile (id, debit_move_id, credit_move_id, amount, max_date, create_date) VALUES (8, 30020, 31010, 450.25, '2025-03-31', '2025-05-01');
UPDATE account_move SET payment_state = 'in_payment' WHERE id = 3002;
DELETE FROM account_partial_reconcile WHERE id = 1;
UPDATE account_move SET payment_state = 'partial' WHERE id = 3001;
SELECT * FROM own.result ORDER BY id;
SELECT * FROM own.receivable ORDER BY id;
-- the bookkeeper joins the sales: what waited for him is taken
INSERT INTO crm_team_member (id, crm_team_id, user_id, active, create_date, write_date) VALUES (4, 2, 10, true, '2025-05-06', '2025-05-06');
UPDATE res_users SET sale_team_id = 2 WHERE id = 10;
SELECT calib.pull('odoo_17_customer'), calib.pull('odoo_17_opportunity');
SELECT * FROM own.opportunity WHERE unit = 'res.users,10';
-- Li Na leaves the sales, and stays a unit
UPDATE crm_team_member SET active = false, write_date = '2025-05-07 17:00' WHERE user_id = 8;
UPDATE res_users SET sale_team_id = NULL WHERE id = 8;
SELECT name, active FROM calib.unit WHERE external_ref = 'res.users,8';
-- Odoo's transactions are REPEATABLE READ: all but a unit's move is taken in them
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO res_partner (id, name, commercial_partner_id, user_id, active, partner_share, create_date) VALUES (30, '新客户', 30, 7, true, true, '2025-05-08');
INSERT INTO crm_lead (id, name, type, user_id, partner_id, stage_id, active, probability, expected_revenue, create_date, date_last_stage_update) VALUES (130, 'rr', 'opportunity', 7, 30, 1, true, 10, 1, '2025-05-08', '2025-05-08');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE crm_lead SET stage_id = 2, date_last_stage_update = '2025-05-09' WHERE id = 130;
INSERT INTO mail_message (id, model, res_id, message_type, author_id, date) VALUES (1200, 'crm.lead', 130, 'notification', 10, '2025-05-09');
INSERT INTO mail_tracking_value (id, field_id, mail_message_id, old_value_integer, new_value_integer) VALUES (30, 501, 1200, 1, 2);
UPDATE res_users SET sale_team_id = 2 WHERE id = 7;
COMMIT;
SELECT * FROM own.opportunity WHERE opportunity = 'crm.lead,130';
SELECT * FROM own.history WHERE opportunity = 'crm.lead,130' ORDER BY changed_at;
SELECT source, external_id, problem, hint FROM calib.feed_error WHERE source = 'odoo_17_rep';
SELECT calib.pull('odoo_17_rep');
SELECT p.external_ref AS parent FROM calib.unit u JOIN calib.unit p ON p.unit_id = u.parent_id WHERE u.external_ref = 'res.users,7';
-- records deleted
DELETE FROM mail_tracking_value WHERE mail_message_id = 1001;
DELETE FROM crm_lead WHERE id = 101;
SELECT * FROM own.history WHERE opportunity IN ('crm.lead,100', 'crm.lead,101') ORDER BY 1, changed_at;
SELECT source, external_id, problem FROM calib.feed_error ORDER BY 1, 2;
RESET search_path;

-- What does not fit -----------------------------------------------------------------------
\set SHOW_CONTEXT never
ALTER TABLE "Odoo 17".mail_tracking_value RENAME field_id TO field;
ALTER TABLE "Odoo 17".crm_lead RENAME date_conversion TO "date Conversion";
ALTER TABLE "Odoo 17".crm_lead DROP COLUMN probability;
ALTER TABLE "Odoo 17".calendar_event RENAME TO calendar_event_old;
SELECT * FROM calib.attach_crm('odoo_17', 'Odoo 17', 'second');
SELECT * FROM calib.attach_crm('odoo_17', 'Odoo 17', 'second', '{team,rep,folk}');
SELECT * FROM calib.attach_crm('odoo_18', 'Odoo 17', 'second', '{invoice,collection}');
SELECT * FROM calib.attach_crm('odoo_16', 'Odoo 17');
SELECT * FROM calib.attach_crm('odoo_17', NULL);
SELECT * FROM calib.attach_crm('odoo_17', 'nowhere', only_feeds => '{team}');
SELECT count(*) FROM calib.feed WHERE feed LIKE 'second%';
SELECT * FROM calib.attach_crm('odoo_17', 'Odoo 17', 'second', '{invoice}');
\set SHOW_CONTEXT errors
DROP SCHEMA "Odoo 17" CASCADE;

-- Odoo 18 ------------------------------------------------------------------------------------
DROP EXTENSION calib CASCADE;
CREATE EXTENSION calib;
-- Odoo's own role, which knows nothing of calib; an admin who may act for it attaches
CREATE ROLE regress_odoo;
CREATE ROLE regress_odoo_admin IN ROLE regress_odoo;
CREATE ROLE regress_odoo_stranger IN ROLE regress_odoo;
GRANT CREATE, USAGE ON SCHEMA odoo_18 TO regress_odoo;
SELECT format('ALTER TABLE odoo_18.%I OWNER TO regress_odoo', relname)
FROM pg_class WHERE relnamespace = 'odoo_18'::regnamespace AND relkind = 'r' \gexec
GRANT USAGE ON SCHEMA own TO PUBLIC;
INSERT INTO calib.duty (role_name, duty) VALUES ('regress_odoo_admin', 'admin');
\set SHOW_CONTEXT never
SET ROLE regress_odoo_stranger;
SELECT count(*) FROM calib.attach_crm('odoo_18', 'odoo_18', 'erp');
RESET ROLE;
\set SHOW_CONTEXT errors
SET ROLE regress_odoo_admin;
SELECT count(*) FROM calib.attach_crm('odoo_18', 'odoo_18', 'erp');
CALL own.fill('erp');
RESET ROLE;
SELECT source, count(*) FROM calib.activity GROUP BY 1 ORDER BY 1;
SELECT outcome, count(*) FROM calib.opportunity GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM calib.stage_change WHERE source IS NOT NULL;
SELECT r.source, r.external_id AS id, u.external_ref AS unit, c.name AS customer, r.occurred_at, r.amount, r.recorded_at
FROM calib.result r JOIN calib.unit u USING (unit_id) LEFT JOIN calib.customer c ON c.customer_id = r.customer_id ORDER BY 1, r.external_id::integer;
SELECT r.external_id AS id, c.name AS customer, r.amount, r.due_on, r.settled_on FROM calib.receivable r JOIN calib.customer c USING (customer_id) ORDER BY 1;
SELECT source, external_id, problem FROM calib.feed_error ORDER BY 1, 2;
SET search_path = odoo_18, pg_catalog;
SET ROLE regress_odoo;
-- the bank's line is matched with an invoice of payment 4, which Odoo then marks paid anew; another one is cancelled
INSERT INTO account_move (id, journal_id, company_id, move_type, state, statement_line_id, partner_id, date) VALUES (3110, 3, 1, 'entry', 'posted', 6, 20, '2025-04-14');
INSERT INTO account_move_line (id, move_id) VALUES (31100, 3110);
INSERT INTO account_partial_reconcile (id, debit_move_id, credit_move_id, amount, max_date) VALUES (9, 30020, 31100, 100.10, '2025-04-14');
UPDATE account_payment SET is_matched = true WHERE id = 4;
UPDATE account_payment SET state = 'canceled' WHERE id = 5;
RESET ROLE;
RESET search_path;
SELECT r.source, r.external_id AS id, u.external_ref AS unit, r.occurred_at, r.amount
FROM calib.result r JOIN calib.unit u USING (unit_id) ORDER BY 1, r.external_id::integer;
SET client_min_messages = warning;
DROP EXTENSION calib CASCADE;
DROP SCHEMA odoo_18, own CASCADE;
DROP ROLE regress_odoo, regress_odoo_admin, regress_odoo_stranger;
