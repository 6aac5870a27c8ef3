-- Salesforce as Fivetran replicates it: which of its tables bring which facts.
-- docs/adapter_fivetran.md says it in words. Columns that a connector has in some
-- set-ups only are read from to_jsonb(row): absent, they are NULL.

INSERT INTO calib.adapter (adapter, label, version_note) VALUES
    ('salesforce_fivetran', 'Salesforce, replicated by Fivetran',
     'opportunity_history is the history-mode table (_fivetran_start), not Salesforce''s own OpportunityHistory.');

INSERT INTO calib.adapter_feed (adapter, feed, position, destination, relation, filter, mapping, requires)
SELECT 'salesforce_fivetran', f.feed, f.position, f.destination, f.relation,
       -- in history mode a table keeps what a row was: only what it is counts
       f.filter || CASE WHEN f.relation <> 'opportunity_history'
           THEN format($$ AND (to_jsonb(%1$I) ->> '_fivetran_active')::boolean IS NOT FALSE$$, f.relation) ELSE '' END,
       f.mapping, f.requires
FROM (VALUES
    ('role', 1, 'unit', 'user_role', $$user_role._fivetran_deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$user_role.id$$,
        'name', $$coalesce(nullif(user_role.name, ''), user_role.id)$$,
        'kind', $$'team'$$,
        'parent', $$(SELECT r.id FROM %1$I.user_role r WHERE r.id = user_role.parent_role_id AND r._fivetran_deleted IS NOT TRUE LIMIT 1)$$),
     '{"user_role": ["id", "name", "parent_role_id", "_fivetran_deleted"]}'::jsonb),

    -- One who left is a unit still: the deals of last year are his.
    ('rep', 2, 'unit', 'user', $$"user"._fivetran_deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$"user".id$$,
        'name', $$coalesce(nullif("user".name, ''), "user".id)$$,
        'kind', $$'rep'$$,
        'parent', $$(SELECT r.id FROM %1$I.user_role r WHERE r.id = "user".user_role_id AND r._fivetran_deleted IS NOT TRUE LIMIT 1)$$,
        'active_to', $$CASE WHEN "user".is_active IS FALSE THEN calib.day_of("user"._fivetran_synced) END$$),
     '{"user": ["id", "name", "user_role_id", "is_active", "_fivetran_deleted", "_fivetran_synced"], "user_role": ["id", "_fivetran_deleted"]}'),

    ('customer', 3, 'customer', 'account', $$account.is_deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$account.id$$,
        'name', $$coalesce(nullif(account.name, ''), account.id)$$,
        -- whoever is no unit leaves the customer without one
        'unit', $$(SELECT u.id FROM %1$I."user" u WHERE u.id = account.owner_id AND u._fivetran_deleted IS NOT TRUE LIMIT 1)$$,
        'channel', $$nullif(account.type, '')$$,
        'created_at', $$(to_jsonb(account) ->> 'created_date')::timestamptz$$),
     '{"account": ["id", "name", "owner_id", "type", "is_deleted"], "user": ["id", "_fivetran_deleted"]}'),

    ('opportunity', 4, 'opportunity', 'opportunity', $$opportunity.is_deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$opportunity.id$$,
        'unit', $$opportunity.owner_id$$,
        'customer', $$opportunity.account_id$$,
        'stage', $$opportunity.stage_name$$,
        'amount', $$opportunity.amount$$,
        'outcome', $$CASE WHEN opportunity.is_won THEN 'won' WHEN opportunity.is_closed THEN 'lost' ELSE 'open' END$$,
        'created_at', $$opportunity.created_date$$,
        -- a close date is a day, and may be typed as one before the opportunity was opened
        'closed_at', $$CASE WHEN opportunity.is_won OR opportunity.is_closed
            THEN greatest(calib.start_of(opportunity.close_date), opportunity.created_date) END$$),
     '{"opportunity": ["id", "owner_id", "account_id", "stage_name", "amount", "is_won", "is_closed", "is_deleted", "created_date", "close_date"]}'),

    -- A version is a change of stage where the one before had another; the first
    -- begins with the opportunity.
    ('stage', 5, 'stage_change', 'opportunity_history', $$opportunity_history.is_deleted IS NOT TRUE
        AND opportunity_history.stage_name IS DISTINCT FROM (SELECT h.stage_name FROM %1$I.opportunity_history h
            WHERE h.id = opportunity_history.id AND h._fivetran_start < opportunity_history._fivetran_start
            ORDER BY h._fivetran_start DESC LIMIT 1)$$, jsonb_build_object(
        'external_id', $$concat_ws(' ', opportunity_history.id, extract(epoch FROM opportunity_history._fivetran_start))$$,
        'opportunity', $$opportunity_history.id$$,
        'stage', $$opportunity_history.stage_name$$,
        'changed_at', $$CASE WHEN EXISTS (SELECT FROM %1$I.opportunity_history h
            WHERE h.id = opportunity_history.id AND h._fivetran_start < opportunity_history._fivetran_start)
            THEN opportunity_history._fivetran_start
            ELSE least(opportunity_history.created_date, opportunity_history._fivetran_start) END$$),
     '{"opportunity_history": ["id", "stage_name", "created_date", "is_deleted", "_fivetran_start"]}'),

    ('won', 6, 'result', 'opportunity', $$opportunity.is_deleted IS NOT TRUE AND opportunity.is_won
        AND opportunity.amount IS NOT NULL$$, jsonb_build_object(
        'external_id', $$opportunity.id$$,
        'unit', $$opportunity.owner_id$$,
        'customer', $$opportunity.account_id$$,
        'measure', $$'won'$$,
        'occurred_at', $$greatest(calib.start_of(opportunity.close_date), opportunity.created_date)$$,
        'amount', $$opportunity.amount$$,
        'recorded_at', $$(to_jsonb(opportunity) ->> 'last_modified_date')::timestamptz$$),
     '{"opportunity": ["id", "owner_id", "account_id", "amount", "is_won", "is_deleted", "created_date", "close_date"]}'),

    ('task', 7, 'activity', 'task', $$task.is_deleted IS NOT TRUE
        AND (to_jsonb(task) ->> 'is_recurrence')::boolean IS NOT TRUE
        AND (task.is_closed OR task.activity_date IS NOT NULL)$$, jsonb_build_object(
        'external_id', $$task.id$$,
        'unit', $$task.owner_id$$,
        'customer', $$task.account_id$$,
        'opportunity', $$CASE WHEN task.what_id LIKE '006%%' THEN task.what_id END$$,
        'kind', $$CASE WHEN task.is_closed IS NOT TRUE THEN 'follow_up' WHEN task.task_subtype = 'Call' OR task.type = 'Call' THEN 'call'
            WHEN task.task_subtype IN ('Email', 'ListEmail') OR task.type = 'Email' THEN 'email' ELSE 'follow_up' END$$,
        'outcome', $$CASE WHEN task.is_closed IS NOT TRUE THEN 'open' END$$,
        'occurred_at', $$CASE WHEN task.is_closed
            THEN coalesce(task.completed_date_time, task.last_modified_date, task.created_date)
            ELSE calib.start_of(task.activity_date + 1) - interval '1 second' END$$,
        'due_at', $$calib.start_of(task.activity_date + 1) - interval '1 second'$$,
        -- planned before, it was done no sooner than it was closed
        'recorded_at', $$CASE WHEN task.is_closed
            THEN greatest(task.created_date, coalesce(task.completed_date_time, task.last_modified_date))
            ELSE task.created_date END$$),
     '{"task": ["id", "owner_id", "account_id", "what_id", "is_closed", "is_deleted", "activity_date", "completed_date_time", "last_modified_date", "created_date", "task_subtype", "type"]}'),

    ('event', 8, 'activity', 'event', $$event.is_deleted IS NOT TRUE AND event.is_child IS NOT TRUE
        AND (to_jsonb(event) ->> 'is_recurrence')::boolean IS NOT TRUE
        AND coalesce(event.start_date_time, calib.start_of(event.activity_date)) <= calib.clock()$$, jsonb_build_object(
        'external_id', $$event.id$$,
        'unit', $$event.owner_id$$,
        'customer', $$event.account_id$$,
        'opportunity', $$CASE WHEN event.what_id LIKE '006%%' THEN event.what_id END$$,
        'kind', $$CASE WHEN event.type = 'Call' THEN 'call' ELSE 'visit' END$$,
        'occurred_at', $$coalesce(event.start_date_time, calib.start_of(event.activity_date))$$,
        -- entered before, it was held no sooner than it began
        'recorded_at', $$CASE WHEN event.created_date IS NOT NULL
            THEN greatest(event.created_date, coalesce(event.start_date_time, calib.start_of(event.activity_date))) END$$),
     '{"event": ["id", "owner_id", "account_id", "what_id", "is_child", "is_deleted", "activity_date", "start_date_time", "created_date", "type"]}'),

    -- What was entered after it had begun was no plan.
    ('event_planned', 9, 'activity', 'event', $$event.is_deleted IS NOT TRUE AND event.is_child IS NOT TRUE
        AND (to_jsonb(event) ->> 'is_recurrence')::boolean IS NOT TRUE AND event.type IS DISTINCT FROM 'Call'
        AND event.created_date < coalesce(event.start_date_time, calib.start_of(event.activity_date))$$, jsonb_build_object(
        'external_id', $$event.id$$,
        'unit', $$event.owner_id$$,
        'customer', $$event.account_id$$,
        'opportunity', $$CASE WHEN event.what_id LIKE '006%%' THEN event.what_id END$$,
        'kind', $$'planned_visit'$$,
        'occurred_at', $$coalesce(event.start_date_time, calib.start_of(event.activity_date))$$,
        'recorded_at', $$coalesce((to_jsonb(event) ->> 'last_modified_date')::timestamptz, event.created_date)$$),
     '{"event": ["id", "owner_id", "account_id", "what_id", "is_child", "is_deleted", "activity_date", "start_date_time", "created_date", "type"]}'),

    ('order', 10, 'activity', 'order', $$"order".is_deleted IS NOT TRUE AND "order".status_code = 'Activated'$$, jsonb_build_object(
        'external_id', $$"order".id$$,
        'unit', $$"order".owner_id$$,
        'customer', $$"order".account_id$$,
        'opportunity', $$to_jsonb("order") ->> 'opportunity_id'$$,
        'kind', $$'order'$$,
        'occurred_at', $$coalesce("order".activated_date, "order".created_date)$$,
        'recorded_at', $$greatest("order".created_date, "order".activated_date)$$),
     '{"order": ["id", "owner_id", "account_id", "status_code", "is_deleted", "activated_date", "created_date"]}')
) AS f (feed, position, destination, relation, filter, mapping, requires);

-- By how likely a stage is; to lose is a move back, whatever was left as its
-- likelihood. Early is the first of those that are open.
INSERT INTO calib.adapter_stage (adapter, query) VALUES ('salesforce_fivetran',
    $$SELECT s.stage, NOT s.closed AND row_number() OVER (PARTITION BY s.closed ORDER BY s.probability NULLS FIRST, s.stage) = 1
    FROM (SELECT o.stage_name AS stage, avg(o.probability) AS probability,
                 bool_or(coalesce(o.is_closed, false)) AS closed, bool_or(coalesce(o.is_won, false)) AS won
          FROM %1$I.opportunity o WHERE o.stage_name IS NOT NULL GROUP BY o.stage_name) s
    ORDER BY s.closed AND NOT s.won DESC, s.probability NULLS FIRST, s.stage$$);
UPDATE calib.adapter_feed SET requires = requires || '{"opportunity": ["id", "owner_id", "account_id", "stage_name", "amount", "is_won", "is_closed", "is_deleted", "created_date", "close_date", "probability"]}'
WHERE adapter = 'salesforce_fivetran' AND destination IN ('opportunity', 'stage_change');
