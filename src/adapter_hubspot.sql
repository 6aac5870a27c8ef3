-- HubSpot as Fivetran replicates it: which of its tables bring which facts.
-- docs/adapter_fivetran.md says it in words. An account has the property_ columns it
-- uses, no others: they are read from to_jsonb(row), where an absent one is NULL
-- and one that comes later counts from then on.

INSERT INTO calib.adapter (adapter, label, version_note) VALUES
    ('hubspot_fivetran', 'HubSpot, replicated by Fivetran',
     'Stage history is deal_stage. Engagements are one table per kind.');

INSERT INTO calib.adapter_feed (adapter, feed, position, destination, relation, filter, mapping, requires) VALUES
    ('hubspot_fivetran', 'team', 1, 'unit', 'team', NULL, jsonb_build_object(
        -- teams and owners are numbered apart
        'external_ref', $$'team-' || team.id$$,
        'name', $$coalesce(nullif(team.name, ''), 'team-' || team.id)$$,
        'kind', $$'team'$$),
     '{"team": ["id", "name"]}'),

    ('hubspot_fivetran', 'rep', 2, 'unit', 'owner', NULL, jsonb_build_object(
        'external_ref', $$owner.owner_id::text$$,
        'name', $$coalesce(nullif(concat_ws(' ', nullif(owner.first_name, ''), nullif(owner.last_name, '')), ''), nullif(owner.email, ''), owner.owner_id::text)$$,
        'kind', $$'rep'$$,
        -- the team he is first in
        'parent', $$(SELECT 'team-' || t.id FROM %1$I.team_user m JOIN %1$I.team t ON t.id = m.team_id
            WHERE m.user_id = owner.active_user_id ORDER BY m.is_secondary_user NULLS FIRST, t.id LIMIT 1)$$),
     '{"owner": ["owner_id", "first_name", "last_name", "email", "active_user_id"], "team": ["id"], "team_user": ["team_id", "user_id", "is_secondary_user"]}'),

    ('hubspot_fivetran', 'customer', 3, 'customer', 'company', $$company.is_deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$company.id::text$$,
        'name', $$coalesce(nullif(to_jsonb(company) ->> 'property_name', ''), nullif(to_jsonb(company) ->> 'property_domain', ''), company.id::text)$$,
        'unit', $$(SELECT o.owner_id::text FROM %1$I.owner o WHERE o.owner_id::text = to_jsonb(company) ->> 'property_hubspot_owner_id')$$,
        'channel', $$nullif(to_jsonb(company) ->> 'property_type', '')$$,
        'created_at', $$(to_jsonb(company) ->> 'property_createdate')::timestamptz$$),
     '{"company": ["id", "is_deleted"], "owner": ["owner_id"]}'),

    ('hubspot_fivetran', 'opportunity', 4, 'opportunity', 'deal', $$deal.is_deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$deal.deal_id::text$$,
        'unit', $$deal.owner_id::text$$,
        'customer', $$(SELECT c.company_id::text FROM %1$I.deal_company c WHERE c.deal_id = deal.deal_id ORDER BY c.type_id, c.company_id LIMIT 1)$$,
        'stage', $$coalesce((SELECT s.label FROM %1$I.deal_pipeline_stage s WHERE s.stage_id = deal.deal_pipeline_stage_id AND s.pipeline_id = deal.deal_pipeline_id), deal.deal_pipeline_stage_id)$$,
        'amount', $$(to_jsonb(deal) ->> 'property_amount')::numeric$$,
        'outcome', $$coalesce((SELECT CASE WHEN s.closed_won THEN 'won' WHEN s.is_closed THEN 'lost' END FROM %1$I.deal_pipeline_stage s
            WHERE s.stage_id = deal.deal_pipeline_stage_id AND s.pipeline_id = deal.deal_pipeline_id), 'open')$$,
        'created_at', $$(to_jsonb(deal) ->> 'property_createdate')::timestamptz$$,
        -- of an open deal it is when it is hoped to close
        'closed_at', $$(SELECT greatest((to_jsonb(deal) ->> 'property_closedate')::timestamptz, (to_jsonb(deal) ->> 'property_createdate')::timestamptz)
            FROM %1$I.deal_pipeline_stage s WHERE s.stage_id = deal.deal_pipeline_stage_id AND s.pipeline_id = deal.deal_pipeline_id
              AND (s.closed_won OR s.is_closed))$$),
     '{"deal": ["deal_id", "owner_id", "deal_pipeline_id", "deal_pipeline_stage_id", "is_deleted"], "deal_company": ["deal_id", "company_id", "type_id"], "deal_pipeline_stage": ["stage_id", "pipeline_id", "label", "display_order", "closed_won", "is_closed"]}'),

    ('hubspot_fivetran', 'stage', 5, 'stage_change', 'deal_stage', $$true$$, jsonb_build_object(
        'external_id', $$concat_ws(' ', deal_stage.deal_id, extract(epoch FROM deal_stage._fivetran_start))$$,
        'opportunity', $$deal_stage.deal_id::text$$,
        'stage', $$coalesce((SELECT s.label FROM %1$I.deal_pipeline_stage s WHERE s.stage_id = deal_stage.value ORDER BY s.pipeline_id LIMIT 1), deal_stage.value)$$,
        'changed_at', $$coalesce(deal_stage.date_entered, deal_stage._fivetran_start)$$),
     '{"deal_stage": ["deal_id", "value", "date_entered", "_fivetran_start"], "deal_pipeline_stage": ["stage_id", "pipeline_id", "label", "display_order"]}'),

    ('hubspot_fivetran', 'won', 6, 'result', 'deal', $$deal.is_deleted IS NOT TRUE AND to_jsonb(deal) ->> 'property_amount' IS NOT NULL
        AND EXISTS (SELECT FROM %1$I.deal_pipeline_stage s WHERE s.stage_id = deal.deal_pipeline_stage_id AND s.pipeline_id = deal.deal_pipeline_id AND s.closed_won)$$, jsonb_build_object(
        'external_id', $$deal.deal_id::text$$,
        'unit', $$deal.owner_id::text$$,
        'customer', $$(SELECT c.company_id::text FROM %1$I.deal_company c WHERE c.deal_id = deal.deal_id ORDER BY c.type_id, c.company_id LIMIT 1)$$,
        'measure', $$'won'$$,
        'occurred_at', $$greatest((to_jsonb(deal) ->> 'property_closedate')::timestamptz, (to_jsonb(deal) ->> 'property_createdate')::timestamptz)$$,
        'amount', $$(to_jsonb(deal) ->> 'property_amount')::numeric$$,
        'recorded_at', $$(to_jsonb(deal) ->> 'property_hs_lastmodifieddate')::timestamptz$$),
     '{"deal": ["deal_id", "owner_id", "deal_pipeline_id", "deal_pipeline_stage_id", "is_deleted"], "deal_company": ["deal_id", "company_id", "type_id"], "deal_pipeline_stage": ["stage_id", "pipeline_id", "closed_won"]}');

-- Engagements differ in what they are called and when they happened.
INSERT INTO calib.adapter_feed (adapter, feed, position, destination, relation, filter, mapping, requires)
SELECT 'hubspot_fivetran', e.feed, e.position, 'activity', e.relation,
       format($$(to_jsonb(%1$I) ->> '_fivetran_deleted')::boolean IS NOT TRUE$$, e.relation) || replace(e.filter, '{row}', e.relation),
       (SELECT jsonb_object_agg(m.key, replace(m.value, '{row}', e.relation)) FROM jsonb_each_text(jsonb_build_object(
            'external_id', $${row}.engagement_id::text$$,
            'unit', $$to_jsonb({row}) ->> 'property_hubspot_owner_id'$$,
            'customer', $$(SELECT c.company_id::text FROM %1$I.engagement_company c WHERE c.engagement_id = {row}.engagement_id ORDER BY c.company_id LIMIT 1)$$,
            'opportunity', $$(SELECT d.deal_id::text FROM %1$I.engagement_deal d WHERE d.engagement_id = {row}.engagement_id ORDER BY d.deal_id LIMIT 1)$$,
            'kind', e.kind, 'outcome', e.outcome, 'occurred_at', e.occurred_at, 'due_at', e.due_at,
            'recorded_at', e.recorded_at)) AS m (key, value)
        WHERE m.value IS NOT NULL),
       jsonb_build_object(e.relation, '["engagement_id"]'::jsonb)
           || '{"engagement_company": ["engagement_id", "company_id"], "engagement_deal": ["engagement_id", "deal_id"]}'
FROM (VALUES
    ('call', 7, 'engagement_call', $$ AND coalesce(to_jsonb({row}) ->> 'property_hs_call_status', 'COMPLETED') = 'COMPLETED'$$,
     $$'call'$$, NULL, $$(to_jsonb({row}) ->> 'property_hs_timestamp')::timestamptz$$, NULL),
    ('meeting', 8, 'engagement_meeting', $$ AND coalesce({outcome}, 'COMPLETED') = 'COMPLETED' AND coalesce({begin} <= calib.clock(), true)$$,
     $$'visit'$$, NULL, $${begin}$$, NULL),
    -- what was entered after it had begun was no plan
    ('meeting_planned', 9, 'engagement_meeting', $$ AND (to_jsonb({row}) ->> 'property_hs_createdate')::timestamptz < {begin}$$,
     $$'planned_visit'$$, NULL, $${begin}$$, NULL),
    ('note', 10, 'engagement_note', '', $$'note'$$, NULL, $$(to_jsonb({row}) ->> 'property_hs_timestamp')::timestamptz$$, NULL),
    -- what customers send is not the seller's act
    ('email', 11, 'engagement_email', $$ AND to_jsonb({row}) ->> 'property_hs_email_direction' IS DISTINCT FROM 'INCOMING_EMAIL'$$,
     $$'email'$$, NULL, $$(to_jsonb({row}) ->> 'property_hs_timestamp')::timestamptz$$, NULL),
    -- a task's own moment is when it is due
    ('task', 12, 'engagement_task', '', $$'follow_up'$$,
     $$CASE WHEN to_jsonb({row}) ->> 'property_hs_task_status' IS DISTINCT FROM 'COMPLETED' THEN 'open' END$$,
     $$CASE WHEN to_jsonb({row}) ->> 'property_hs_task_status' = 'COMPLETED' THEN coalesce((to_jsonb({row}) ->> 'property_hs_task_completion_date')::timestamptz,
        (to_jsonb({row}) ->> 'property_hs_lastmodifieddate')::timestamptz) ELSE (to_jsonb({row}) ->> 'property_hs_timestamp')::timestamptz END$$,
     $$(to_jsonb({row}) ->> 'property_hs_timestamp')::timestamptz$$)
) AS f (feed, position, relation, filter, kind, outcome, occurred_at, due_at)
-- meetings had other names before
CROSS JOIN LATERAL (SELECT f.feed, f.position, f.relation, f.kind, f.outcome, f.due_at,
    -- entered before, it was done no sooner than it happened; when it was entered may be unknown
    CASE f.feed WHEN 'meeting_planned' THEN
        $$coalesce((to_jsonb({row}) ->> 'property_hs_lastmodifieddate')::timestamptz, (to_jsonb({row}) ->> 'property_hs_createdate')::timestamptz)$$
    ELSE format($$CASE WHEN to_jsonb({row}) ->> 'property_hs_createdate' IS NOT NULL THEN greatest((to_jsonb({row}) ->> 'property_hs_createdate')::timestamptz, %s) END$$,
        CASE f.feed WHEN 'task' THEN format($$CASE WHEN to_jsonb({row}) ->> 'property_hs_task_status' = 'COMPLETED' THEN %s END$$, f.occurred_at)
            ELSE replace(f.occurred_at, '{begin}', b.begin) END) END AS recorded_at,
    replace(replace(f.filter, '{outcome}', $$nullif(coalesce(to_jsonb({row}) ->> 'property_hs_meeting_outcome', to_jsonb({row}) ->> 'meeting_outcome'), '')$$), '{begin}', b.begin) AS filter,
    replace(f.occurred_at, '{begin}', b.begin) AS occurred_at
    FROM (VALUES ($$coalesce(to_jsonb({row}) ->> 'property_hs_meeting_start_time', to_jsonb({row}) ->> 'property_hs_timestamp', to_jsonb({row}) ->> 'start_time')::timestamptz$$)) AS b (begin)) AS e;

-- A label that several pipelines have is one stage. To lose is a move back. Early
-- is the first of a pipeline's that are open.
INSERT INTO calib.adapter_stage (adapter, query) VALUES ('hubspot_fivetran',
    $$SELECT s.label, bool_or(s.display_order = (SELECT min(f.display_order) FROM %1$I.deal_pipeline_stage f
        WHERE f.pipeline_id = s.pipeline_id AND f.is_closed IS NOT TRUE AND f.closed_won IS NOT TRUE)
        AND s.is_closed IS NOT TRUE AND s.closed_won IS NOT TRUE) IS TRUE
    FROM %1$I.deal_pipeline_stage s WHERE s.label IS NOT NULL
    GROUP BY s.label ORDER BY bool_or(s.is_closed IS TRUE) AND NOT bool_or(s.closed_won IS TRUE) DESC, min(s.display_order), s.label$$);
UPDATE calib.adapter_feed SET requires = requires || '{"deal_pipeline_stage": ["stage_id", "pipeline_id", "label", "display_order", "closed_won", "is_closed"]}'
WHERE adapter = 'hubspot_fivetran' AND destination IN ('opportunity', 'stage_change');
