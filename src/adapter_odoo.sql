-- Odoo 17 and 18: which of its tables bring which facts. docs/adapter_odoo.md says
-- it in words. Odoo keeps moments as UTC in columns without a time zone, days as
-- dates, and translated names as jsonb.

INSERT INTO calib.adapter (adapter, label, version_note) VALUES
    ('odoo_17', 'Odoo 17.0 with crm, sale_crm, calendar and account',
     'The journal entry of a payment is account_move.payment_id''s.'),
    ('odoo_18', 'Odoo 18.0 with crm, sale_crm, calendar and account',
     'The journal entry of a payment is account_move.origin_payment_id''s; a payment may have none.');

INSERT INTO calib.adapter_feed (adapter, feed, position, destination, relation, mapping, filter, requires)
WITH RECURSIVE feed (only_in, feed, place, destination, relation, filter, mapping, requires) AS (
    VALUES
    (NULL::text, 'company', 1, 'unit', 'res_company', $$res_company.active$$, jsonb_build_object(
        'external_ref', $$'res.company,' || res_company.id$$,
        'name', $$res_company.name$$,
        'kind', $$'company'$$,
        'parent', $$'res.company,' || res_company.parent_id$$),
     '{res_company: [id, name, active, parent_id]}'),

    (NULL, 'team', 2, 'unit', 'crm_team', $$crm_team.active$$, jsonb_build_object(
        'external_ref', $$'crm.team,' || crm_team.id$$,
        'name', $$coalesce(crm_team.name ->> 'zh_CN', crm_team.name ->> 'en_US')$$,
        'kind', $$'team'$$,
        'parent', $$'res.company,' || crm_team.company_id$$),
     '{crm_team: [id, name, active, company_id]}'),

    -- One who left is a unit still: the deals of last year are his.
    (NULL, 'rep', 3, 'unit', 'res_users',
     $$res_users.share IS NOT TRUE AND (res_users.sale_team_id IS NOT NULL OR {seller}res_users.id))$$, jsonb_build_object(
        'external_ref', $$'res.users,' || res_users.id$$,
        'name', $$coalesce((SELECT p.name FROM %1$I.res_partner p WHERE p.id = res_users.partner_id), res_users.login)$$,
        'kind', $$'rep'$$,
        'parent', $$'crm.team,' || coalesce(res_users.sale_team_id, (SELECT t.crm_team_id FROM %1$I.crm_team_member t
            WHERE t.user_id = res_users.id ORDER BY t.id DESC LIMIT 1))$$,
        'active_from', $$calib.day_of(res_users.create_date AT TIME ZONE 'UTC')$$,
        'active_to', $$CASE WHEN res_users.sale_team_id IS NULL THEN greatest(
            calib.day_of(res_users.create_date AT TIME ZONE 'UTC') + 1,
            calib.day_of((SELECT max(t.write_date) FROM %1$I.crm_team_member t WHERE t.user_id = res_users.id) AT TIME ZONE 'UTC')) END$$),
     '{res_users: [id, login, partner_id, share, sale_team_id, create_date], res_partner: [id, name], crm_team_member: [id, user_id, crm_team_id, write_date]}'),

    (NULL, 'customer', 4, 'customer', 'res_partner',
     $$coalesce(res_partner.commercial_partner_id, res_partner.id) = res_partner.id AND res_partner.partner_share
       AND (coalesce(res_partner.customer_rank, 0) > 0 OR coalesce(res_partner.supplier_rank, 0) = 0)
       AND NOT EXISTS (SELECT FROM %1$I.res_company c WHERE c.partner_id = res_partner.id)$$, jsonb_build_object(
        'external_ref', $$'res.partner,' || res_partner.id$$,
        'name', $$coalesce(nullif(res_partner.name, ''), 'res.partner,' || res_partner.id)$$,
        'unit', $$CASE WHEN res_partner.active THEN 'res.users,' || res_partner.user_id END$$,
        'created_at', $$res_partner.create_date AT TIME ZONE 'UTC'$$),
     '{res_partner: [id, name, active, user_id, create_date, commercial_partner_id, partner_share, customer_rank, supplier_rank], res_company: [partner_id]}'),

    -- Lost is archived and then set to probability 0, even from the stage that means
    -- won: to leave out what is archived would forget its history in between.
    (NULL, 'opportunity', 5, 'opportunity', 'crm_lead', $$crm_lead.type = 'opportunity'$$, jsonb_build_object(
        'external_ref', $$'crm.lead,' || crm_lead.id$$,
        'unit', $${owner}$$,
        'customer', $${customer}crm_lead.partner_id)$$,
        'stage', $$(SELECT {stage} FROM %1$I.crm_stage s WHERE s.id = crm_lead.stage_id)$$,
        'stage_since', $$coalesce(crm_lead.date_last_stage_update, crm_lead.create_date) AT TIME ZONE 'UTC'$$,
        'amount', $$crm_lead.expected_revenue$$,
        'outcome', $${outcome}$$,
        'created_at', $$coalesce(crm_lead.date_conversion, crm_lead.create_date) AT TIME ZONE 'UTC'$$,
        'closed_at', $$CASE WHEN {outcome} <> 'open' THEN
            coalesce(crm_lead.date_closed, crm_lead.date_last_stage_update, crm_lead.write_date, crm_lead.create_date) AT TIME ZONE 'UTC' END$$),
     '{crm_lead: [id, type, active, probability, user_id, team_id, company_id, partner_id, stage_id, expected_revenue, date_last_stage_update, date_conversion, date_closed, create_date, write_date], crm_stage: [id, name, sequence, is_won], res_partner: [id, commercial_partner_id]}'),

    -- The first stage is tracked nowhere: it is what the first change left.
    (NULL, 'stage_first', 6, 'stage_change', 'mail_tracking_value', $${tracked_stage} AND NOT EXISTS (
        SELECT FROM %1$I.mail_message n JOIN %1$I.mail_message o ON o.model = n.model AND o.res_id = n.res_id
        JOIN %1$I.mail_tracking_value e ON e.mail_message_id = o.id
        WHERE n.id = mail_tracking_value.mail_message_id AND e.field_id = mail_tracking_value.field_id AND e.id < mail_tracking_value.id)$$, jsonb_build_object(
        'external_id', $$mail_tracking_value.id$$,
        'opportunity', $$(SELECT 'crm.lead,' || n.res_id FROM %1$I.mail_message n WHERE n.id = mail_tracking_value.mail_message_id)$$,
        'stage', $$coalesce((SELECT {stage} FROM %1$I.crm_stage s WHERE s.id = mail_tracking_value.old_value_integer), mail_tracking_value.old_value_char)$$,
        'changed_at', $$(SELECT l.create_date FROM %1$I.mail_message n JOIN %1$I.crm_lead l ON l.id = n.res_id
            WHERE n.id = mail_tracking_value.mail_message_id) AT TIME ZONE 'UTC'$$),
     '{mail_tracking_value: [id, mail_message_id, field_id, old_value_integer, old_value_char], mail_message: [id, model, res_id], crm_lead: [id, type, create_date], crm_stage: [id, name], ir_model_fields: [id, model, name]}'),

    (NULL, 'stage', 7, 'stage_change', 'mail_tracking_value', $${tracked_stage}$$, jsonb_build_object(
        'external_id', $$mail_tracking_value.id$$,
        'opportunity', $$(SELECT 'crm.lead,' || n.res_id FROM %1$I.mail_message n WHERE n.id = mail_tracking_value.mail_message_id)$$,
        'stage', $$coalesce((SELECT {stage} FROM %1$I.crm_stage s WHERE s.id = mail_tracking_value.new_value_integer), mail_tracking_value.new_value_char)$$,
        'changed_at', $$(SELECT n.date FROM %1$I.mail_message n WHERE n.id = mail_tracking_value.mail_message_id) AT TIME ZONE 'UTC'$$),
     '{mail_tracking_value: [id, mail_message_id, field_id, new_value_integer, new_value_char], mail_message: [id, model, res_id, date], crm_lead: [id, type], crm_stage: [id, name], ir_model_fields: [id, model, name]}'),

    -- Done, an activity is deleted and a message is posted. Where its type keeps
    -- what is done, a to-do counts as a follow-up from mail_activity, which knows
    -- when it was due, and not here.
    (NULL, 'done', 8, 'activity', 'mail_message',
     $$mail_message.mail_activity_type_id IS NOT NULL AND mail_message.model IN ({documents})
       AND EXISTS (SELECT FROM %1$I.res_users u WHERE u.partner_id = mail_message.author_id AND {seller}u.id))
       AND EXISTS (SELECT FROM %1$I.mail_activity_type y WHERE y.id = mail_message.mail_activity_type_id
           AND (y.category IN ('meeting', 'phonecall') OR mail_message.model = 'account.move'
                OR (coalesce(y.category, 'default') = 'default' AND y.keep_done IS NOT TRUE)))$$, jsonb_build_object(
        'external_id', $$mail_message.id$$,
        'unit', $$(SELECT 'res.users,' || u.id FROM %1$I.res_users u WHERE u.partner_id = mail_message.author_id ORDER BY u.id LIMIT 1)$$,
        'customer', $${customer}{document_partner})$$,
        'opportunity', $${document_opportunity}$$,
        'kind', $$CASE WHEN mail_message.model = 'account.move' THEN 'collection_contact' ELSE
            (SELECT CASE y.category WHEN 'meeting' THEN 'visit' WHEN 'phonecall' THEN 'call' ELSE 'follow_up' END
             FROM %1$I.mail_activity_type y WHERE y.id = mail_message.mail_activity_type_id) END$$,
        'occurred_at', $$mail_message.date AT TIME ZONE 'UTC'$$,
        'recorded_at', $$mail_message.create_date AT TIME ZONE 'UTC'$$),
     '{mail_message: [id, model, res_id, author_id, date, create_date, mail_activity_type_id], mail_activity_type: [id, category, keep_done], res_users: [id, partner_id], res_partner: [id, commercial_partner_id], crm_team_member: [user_id], crm_lead: [id, type, partner_id], sale_order: [id, partner_id, opportunity_id], account_move: [id, partner_id]}'),

    -- Only of types that keep what is done: else it would be gone with its doing,
    -- and what nobody did would be all there is.
    (NULL, 'planned', 9, 'activity', 'mail_activity',
     $$mail_activity.res_model IN ({documents}) AND {seller}mail_activity.user_id)
       AND (mail_activity.active OR mail_activity.date_done IS NOT NULL)
       AND EXISTS (SELECT FROM %1$I.mail_activity_type y WHERE y.id = mail_activity.activity_type_id AND y.keep_done
           AND ((y.category = 'meeting' AND mail_activity.calendar_event_id IS NULL) OR coalesce(y.category, 'default') = 'default'))$$, jsonb_build_object(
        'external_id', $$mail_activity.id$$,
        'unit', $$'res.users,' || mail_activity.user_id$$,
        'customer', $${customer}{document_partner})$$,
        'opportunity', $${document_opportunity}$$,
        'kind', $$CASE WHEN {meeting} THEN 'planned_visit' ELSE 'follow_up' END$$,
        'outcome', $$CASE WHEN mail_activity.active AND NOT {meeting} THEN 'open' END$$,
        'occurred_at', $$CASE WHEN {meeting} THEN calib.start_of(mail_activity.date_deadline)
            WHEN mail_activity.active THEN {end_of_deadline} ELSE calib.start_of(mail_activity.date_done) END$$,
        'due_at', $${end_of_deadline}$$,
        'recorded_at', $$mail_activity.create_date AT TIME ZONE 'UTC'$$),
     '{mail_activity: [id, res_model, res_id, user_id, activity_type_id, date_deadline, date_done, active, calendar_event_id, create_date], mail_activity_type: [id, category, keep_done], res_partner: [id, commercial_partner_id], crm_team_member: [user_id], crm_lead: [id, type, partner_id], sale_order: [id, partner_id, opportunity_id], account_move: [id, partner_id]}'),

    -- An appointment is a plan: that it was kept is said by the activity done.
    (NULL, 'meeting', 10, 'activity', 'calendar_event',
     $$calendar_event.active AND {seller}calendar_event.user_id)
       AND (calendar_event.opportunity_id IS NOT NULL OR calendar_event.res_model IN ({documents}))$$, jsonb_build_object(
        'external_id', $$calendar_event.id$$,
        'unit', $$'res.users,' || calendar_event.user_id$$,
        'customer', $${customer}coalesce((SELECT d.partner_id FROM %1$I.crm_lead d WHERE d.id = calendar_event.opportunity_id), {document_partner}))$$,
        'opportunity', $$coalesce((SELECT 'crm.lead,' || o.id FROM %1$I.crm_lead o
            WHERE o.id = calendar_event.opportunity_id AND o.type = 'opportunity'), {document_opportunity})$$,
        'kind', $$'planned_visit'$$,
        'occurred_at', $$CASE WHEN calendar_event.allday AND calendar_event.start_date IS NOT NULL
            THEN calib.start_of(calendar_event.start_date) ELSE calendar_event.start AT TIME ZONE 'UTC' END$$,
        'recorded_at', $$coalesce(calendar_event.write_date, calendar_event.create_date) AT TIME ZONE 'UTC'$$),
     '{calendar_event: [id, user_id, opportunity_id, res_model, res_id, start, start_date, allday, active, create_date, write_date], res_partner: [id, commercial_partner_id], crm_team_member: [user_id], crm_lead: [id, type, partner_id], sale_order: [id, partner_id, opportunity_id], account_move: [id, partner_id]}'),

    (NULL, 'quote', 11, 'activity', 'sale_order', $$sale_order.state IN ('sent', 'sale')$$, jsonb_build_object(
        'external_id', $$sale_order.id$$,
        'unit', $${owner}$$,
        'customer', $${customer}sale_order.partner_id)$$,
        'opportunity', $${order_opportunity}$$,
        'kind', $$'quote'$$,
        'occurred_at', $$sale_order.create_date AT TIME ZONE 'UTC'$$,
        'recorded_at', $$sale_order.create_date AT TIME ZONE 'UTC'$$),
     '{sale_order: [id, state, user_id, team_id, company_id, partner_id, opportunity_id, create_date], crm_lead: [id, type], res_partner: [id, commercial_partner_id]}'),

    (NULL, 'order', 12, 'activity', 'sale_order', $$sale_order.state = 'sale'$$, jsonb_build_object(
        'external_id', $$sale_order.id$$,
        'unit', $${owner}$$,
        'customer', $${customer}sale_order.partner_id)$$,
        'opportunity', $${order_opportunity}$$,
        'kind', $$'order'$$,
        'occurred_at', $$sale_order.date_order AT TIME ZONE 'UTC'$$,
        -- sections, notes and down payments are no items
        'quantity', $$(SELECT count(*) FROM %1$I.sale_order_line i
            WHERE i.order_id = sale_order.id AND i.display_type IS NULL AND i.is_downpayment IS NOT TRUE)$$,
        'recorded_at', $$greatest(sale_order.create_date, sale_order.date_order) AT TIME ZONE 'UTC'$$),
     '{sale_order: [id, state, user_id, team_id, company_id, partner_id, opportunity_id, date_order, create_date], sale_order_line: [order_id, display_type, is_downpayment], crm_lead: [id, type], res_partner: [id, commercial_partner_id]}'),

    -- The amount of a quotation changed after its state did for the first time:
    -- it had been sent, or ordered.
    (NULL, 'contract_change', 13, 'activity', 'mail_tracking_value',
     $$mail_tracking_value.field_id = (SELECT f.id FROM %1$I.ir_model_fields f WHERE f.model = 'sale.order' AND f.name = 'amount_total')
       AND EXISTS (SELECT FROM %1$I.mail_message n JOIN %1$I.sale_order d ON d.id = n.res_id
           JOIN %1$I.mail_message o ON o.model = n.model AND o.res_id = n.res_id
           JOIN %1$I.mail_tracking_value e ON e.mail_message_id = o.id
           WHERE n.id = mail_tracking_value.mail_message_id AND n.model = 'sale.order' AND o.id < n.id
             AND e.field_id = (SELECT f.id FROM %1$I.ir_model_fields f WHERE f.model = 'sale.order' AND f.name = 'state'))$$, jsonb_build_object(
        'external_id', $$mail_tracking_value.id$$,
        'unit', $$(SELECT coalesce('res.users,' || d.user_id, 'crm.team,' || d.team_id, 'res.company,' || d.company_id) {tracked_order})$$,
        'customer', $${customer}(SELECT d.partner_id {tracked_order}))$$,
        'opportunity', $$(SELECT 'crm.lead,' || l.id FROM %1$I.crm_lead l WHERE l.type = 'opportunity' AND l.id = (SELECT d.opportunity_id {tracked_order}))$$,
        'kind', $$'contract_change'$$,
        'occurred_at', $$(SELECT n.date FROM %1$I.mail_message n WHERE n.id = mail_tracking_value.mail_message_id) AT TIME ZONE 'UTC'$$,
        'recorded_at', $$mail_tracking_value.create_date AT TIME ZONE 'UTC'$$),
     '{mail_tracking_value: [id, mail_message_id, field_id, create_date], mail_message: [id, model, res_id, date], sale_order: [id, user_id, team_id, company_id, partner_id, opportunity_id], ir_model_fields: [id, model, name], crm_lead: [id, type], res_partner: [id, commercial_partner_id]}'),

    -- Money has no salesperson, the invoice it was matched with has one. A payment
    -- matched with several invoices is as many results; one taken off is none.
    (NULL, 'collection', 14, 'result', 'account_partial_reconcile',
     $$EXISTS (SELECT {money}) AND EXISTS (SELECT {invoice})$$, jsonb_build_object(
        'external_id', $$account_partial_reconcile.id$$,
        'unit', $$(SELECT coalesce('res.users,' || m.invoice_user_id, 'crm.team,' || m.team_id, 'res.company,' || m.company_id) {invoice})$$,
        'customer', $${customer}(SELECT m.partner_id {invoice}))$$,
        'occurred_at', $$(SELECT calib.start_of(m.date) {money})$$,
        -- what is paid back stands on the other side
        'amount', $$account_partial_reconcile.amount * (SELECT CASE m.move_type WHEN 'out_invoice' THEN 1 ELSE -1 END {invoice})$$,
        'recorded_at', $$account_partial_reconcile.create_date AT TIME ZONE 'UTC'$$),
     '{account_partial_reconcile: [id, debit_move_id, credit_move_id, amount, create_date], account_move_line: [id, move_id], account_move: [id, move_type, date, {payment}, statement_line_id, invoice_user_id, team_id, company_id, partner_id], res_partner: [id, commercial_partner_id]}'),

    -- Without a journal entry nothing can be matched; the payment names its invoices.
    -- The bank's own line, once matched with them, is the money instead: the payment
    -- is then one of 0, for a filter does not see what it let through before.
    ('odoo_18', 'payment', 15, 'result', 'account_payment',
     $$account_payment.move_id IS NULL AND account_payment.state IN ('in_process', 'paid') AND account_payment.partner_type = 'customer'$$, jsonb_build_object(
        'external_id', $$account_payment.id$$,
        'unit', $$coalesce((SELECT coalesce('res.users,' || m.invoice_user_id, 'crm.team,' || m.team_id)
            FROM %1$I.account_move__account_payment i JOIN %1$I.account_move m ON m.id = i.invoice_id
            WHERE i.payment_id = account_payment.id ORDER BY m.invoice_user_id IS NULL, m.id LIMIT 1),
            (SELECT 'res.users,' || p.user_id FROM %1$I.res_partner p WHERE p.id = account_payment.partner_id),
            'res.company,' || account_payment.company_id)$$,
        'customer', $${customer}account_payment.partner_id)$$,
        'occurred_at', $$calib.start_of(account_payment.date)$$,
        'amount', $$CASE WHEN EXISTS (
            SELECT FROM %1$I.account_move__account_payment i JOIN %1$I.account_move_line l ON l.move_id = i.invoice_id
            JOIN %1$I.account_partial_reconcile r ON l.id IN (r.debit_move_id, r.credit_move_id)
            JOIN %1$I.account_move_line k ON k.id IN (r.debit_move_id, r.credit_move_id) AND k.id <> l.id
            JOIN %1$I.account_move m ON m.id = k.move_id
            WHERE i.payment_id = account_payment.id AND m.statement_line_id IS NOT NULL)
            THEN 0 ELSE account_payment.amount_company_currency_signed END$$,
        'recorded_at', $$account_payment.create_date AT TIME ZONE 'UTC'$$),
     '{account_payment: [id, move_id, state, date, partner_type, partner_id, company_id, amount_company_currency_signed, create_date], account_move__account_payment: [payment_id, invoice_id], account_move: [id, invoice_user_id, team_id, statement_line_id], account_move_line: [id, move_id], account_partial_reconcile: [debit_move_id, credit_move_id], res_partner: [id, user_id, commercial_partner_id]}'),

    (NULL, 'invoice', 16, 'receivable', 'account_move',
     $$account_move.move_type = 'out_invoice' AND account_move.state = 'posted'$$, jsonb_build_object(
        'external_id', $$account_move.id$$,
        'customer', $${customer}account_move.partner_id)$$,
        'amount', $$account_move.amount_total_signed$$,
        'due_on', $$coalesce(account_move.invoice_date_due, account_move.invoice_date, account_move.date)$$,
        'settled_on', $$CASE WHEN account_move.payment_state IN ('in_payment', 'paid', 'reversed', 'invoicing_legacy') THEN coalesce(
            (SELECT max(r.max_date) FROM %1$I.account_partial_reconcile r JOIN %1$I.account_move_line l ON l.id = r.debit_move_id
             WHERE l.move_id = account_move.id), calib.day_of(account_move.write_date AT TIME ZONE 'UTC')) END$$),
     '{account_move: [id, move_type, state, partner_id, amount_total_signed, invoice_date_due, invoice_date, date, payment_state, write_date], account_partial_reconcile: [debit_move_id, max_date], account_move_line: [id, move_id], res_partner: [id, commercial_partner_id]}')
), piece (place, piece, expression) AS (
    -- {name} in an expression stands for one of these; one may use those below it
    VALUES
    (1, 'owner', $$coalesce('res.users,' || {row}.user_id, 'crm.team,' || {row}.team_id, 'res.company,' || {row}.company_id)$$),
    -- contacts of a company count as the company; what follows says which partner
    (2, 'customer', $$(SELECT 'res.partner,' || coalesce(p.commercial_partner_id, p.id) FROM %1$I.res_partner p WHERE p.id = $$),
    (3, 'document_partner', $$CASE {model} WHEN 'res.partner' THEN {row}.res_id
            WHEN 'crm.lead' THEN (SELECT d.partner_id FROM %1$I.crm_lead d WHERE d.id = {row}.res_id)
            WHEN 'sale.order' THEN (SELECT d.partner_id FROM %1$I.sale_order d WHERE d.id = {row}.res_id)
            WHEN 'account.move' THEN (SELECT d.partner_id FROM %1$I.account_move d WHERE d.id = {row}.res_id) END$$),
    -- a lead is no opportunity until it is converted
    (4, 'document_opportunity', $$(SELECT 'crm.lead,' || o.id FROM %1$I.crm_lead o WHERE o.type = 'opportunity' AND o.id = CASE {model}
            WHEN 'crm.lead' THEN {row}.res_id
            WHEN 'sale.order' THEN (SELECT d.opportunity_id FROM %1$I.sale_order d WHERE d.id = {row}.res_id) END)$$),
    (5, 'order_opportunity', $$(SELECT 'crm.lead,' || o.id FROM %1$I.crm_lead o WHERE o.id = sale_order.opportunity_id AND o.type = 'opportunity')$$),
    (6, 'documents', $$'crm.lead', 'res.partner', 'sale.order', 'account.move'$$),
    -- is, or once was, in a sales team; what follows says who
    (7, 'seller', $$EXISTS (SELECT FROM %1$I.crm_team_member b WHERE b.user_id = $$),
    (8, 'stage', $$coalesce(s.name ->> 'zh_CN', s.name ->> 'en_US')$$),
    (9, 'outcome', $$CASE WHEN crm_lead.probability >= 100 THEN 'won' WHEN crm_lead.active IS NOT TRUE THEN 'lost'
            WHEN EXISTS (SELECT FROM %1$I.crm_stage w WHERE w.id = crm_lead.stage_id AND w.is_won) THEN 'won' ELSE 'open' END$$),
    (10, 'tracked_stage', $$mail_tracking_value.field_id = (SELECT f.id FROM %1$I.ir_model_fields f WHERE f.model = 'crm.lead' AND f.name = 'stage_id')
       AND EXISTS (SELECT FROM %1$I.mail_message n JOIN %1$I.crm_lead l ON l.id = n.res_id
           WHERE n.id = mail_tracking_value.mail_message_id AND n.model = 'crm.lead' AND l.type = 'opportunity')$$),
    (11, 'tracked_order', $$FROM %1$I.mail_message n JOIN %1$I.sale_order d ON d.id = n.res_id WHERE n.id = mail_tracking_value.mail_message_id$$),
    (12, 'meeting', $$EXISTS (SELECT FROM %1$I.mail_activity_type y WHERE y.id = mail_activity.activity_type_id AND y.category = 'meeting')$$),
    (13, 'end_of_deadline', $$calib.start_of(mail_activity.date_deadline + 1) - interval '1 second'$$),
    -- the entry of a payment, or of a line of the bank's, among the two matched
    (14, 'money', $${matched} AND (m.{payment} IS NOT NULL OR m.statement_line_id IS NOT NULL)$$),
    (15, 'invoice', $${matched} AND m.move_type IN ('out_invoice', 'out_refund')$$),
    (16, 'matched', $$FROM %1$I.account_move_line l JOIN %1$I.account_move m ON m.id = l.move_id
            WHERE l.id IN (account_partial_reconcile.debit_move_id, account_partial_reconcile.credit_move_id)$$)
), expression (adapter, feed, relation, canonical, place, expression) AS (
    SELECT a.adapter, f.feed, f.relation, e.key, 0, e.value
    FROM feed f
    JOIN unnest('{odoo_17,odoo_18}'::text[]) AS a (adapter) ON a.adapter = coalesce(f.only_in, a.adapter)
    CROSS JOIN LATERAL (SELECT m.key, m.value FROM jsonb_each_text(f.mapping) m
                        UNION ALL VALUES ('', f.filter), ('requires', f.requires)) e
    UNION ALL
    SELECT e.adapter, e.feed, e.relation, e.canonical, p.place, replace(e.expression, '{' || p.piece || '}', p.expression)
    FROM expression e JOIN piece p ON p.place = e.place + 1
), told AS (
    SELECT e.adapter, e.feed, e.canonical,
           replace(replace(replace(e.expression, '{row}', e.relation),
               '{model}', e.relation || CASE e.relation WHEN 'mail_message' THEN '.model' ELSE '.res_model' END),
               '{payment}', CASE e.adapter WHEN 'odoo_17' THEN 'payment_id' ELSE 'origin_payment_id' END) AS expression
    FROM expression e
    WHERE e.place = (SELECT max(p.place) FROM piece p)
)
SELECT t.adapter, t.feed, f.place, f.destination, f.relation,
       jsonb_object_agg(t.canonical, t.expression) FILTER (WHERE t.canonical NOT IN ('', 'requires')),
       max(t.expression) FILTER (WHERE t.canonical = ''),
       regexp_replace(max(t.expression) FILTER (WHERE t.canonical = 'requires'), '(\w+)', '"\1"', 'g')::jsonb
FROM told t JOIN feed f ON f.feed = t.feed
GROUP BY t.adapter, t.feed, f.place, f.destination, f.relation;

INSERT INTO calib.adapter_stage (adapter, query)
SELECT a.adapter, $$SELECT coalesce(s.name ->> 'zh_CN', s.name ->> 'en_US') AS stage, min(s.sequence) = (SELECT min(f.sequence) FROM %1$I.crm_stage f)
    FROM %1$I.crm_stage s GROUP BY 1 ORDER BY min(s.sequence), min(s.id)$$
FROM unnest('{odoo_17,odoo_18}'::text[]) AS a (adapter);
