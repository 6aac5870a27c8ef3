-- EspoCRM on PostgreSQL: which of its tables bring which facts.
-- docs/adapter_espocrm.md says it in words. Moments are UTC in columns without a
-- time zone; rows are deleted by a flag; ids are unique over all tables.

INSERT INTO calib.adapter (adapter, label, version_note) VALUES
    ('espocrm', 'EspoCRM 8 and 9 on PostgreSQL', 'Stage history is read from the stream; an opportunity without one begins with its first sight.');

INSERT INTO calib.adapter_feed (adapter, feed, position, destination, relation, mapping, filter, requires)
WITH RECURSIVE feed (feed, place, destination, relation, filter, mapping, requires) AS (
    VALUES
    ('team', 1, 'unit', 'team', $$team.deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$team.id$$,
        'name', $$team.name$$,
        'kind', $$'team'$$),
     '{team: [id, name, deleted]}'),

    -- One who left is a unit still: the deals of last year are his.
    ('rep', 2, 'unit', 'user', $$"user".type IN ('regular', 'admin') AND {team_of} IS NOT NULL$$, jsonb_build_object(
        'external_ref', $$"user".id$$,
        -- a Chinese name begins with the family's and has no space
        'name', $$coalesce(nullif(CASE WHEN "user".last_name ~ '^[一-鿿]' THEN concat("user".last_name, "user".first_name)
            ELSE concat_ws(' ', nullif("user".first_name, ''), nullif("user".last_name, '')) END, ''), "user".user_name)$$,
        'kind', $$'rep'$$,
        'parent', $${team_of}$$,
        'active_from', $$calib.day_of("user".created_at AT TIME ZONE 'UTC')$$,
        'active_to', $$CASE WHEN "user".deleted OR "user".is_active IS NOT TRUE THEN greatest(
            calib.day_of("user".created_at AT TIME ZONE 'UTC') + 1, calib.day_of("user".modified_at AT TIME ZONE 'UTC')) END$$),
     '{user: [id, type, first_name, last_name, user_name, default_team_id, is_active, created_at, modified_at, deleted], team: [id, deleted], team_user: [id, team_id, user_id, deleted]}'),

    ('customer', 3, 'customer', 'account', $$account.deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$account.id$$,
        'name', $$coalesce(nullif(account.name, ''), account.id)$$,
        'unit', $$account.assigned_user_id$$,
        'channel', $$nullif(account.type, '')$$,
        'created_at', $$account.created_at AT TIME ZONE 'UTC'$$),
     '{account: [id, name, type, assigned_user_id, created_at, deleted]}'),

    ('opportunity', 4, 'opportunity', 'opportunity', $$opportunity.deleted IS NOT TRUE$$, jsonb_build_object(
        'external_ref', $$opportunity.id$$,
        'unit', $$coalesce(opportunity.assigned_user_id, (SELECT e.team_id FROM %1$I.entity_team e
            WHERE e.entity_type = 'Opportunity' AND e.entity_id = opportunity.id AND e.deleted IS NOT TRUE ORDER BY e.id LIMIT 1))$$,
        'customer', $$(SELECT a.id FROM %1$I.account a WHERE a.id = opportunity.account_id AND a.deleted IS NOT TRUE)$$,
        'stage', $$opportunity.stage$$,
        -- The note of a change is written after the change: until then the row's own
        -- moment stands, and the first change is dated by calib itself.
        'stage_since', $$coalesce((SELECT CASE WHEN n.became = opportunity.stage THEN n.created_at ELSE opportunity.modified_at END
            FROM (SELECT {became_of} AS became, n.created_at {stage_notes} ORDER BY n.created_at DESC, n.number DESC LIMIT 1) n),
            opportunity.created_at) AT TIME ZONE 'UTC'$$,
        'amount', $$opportunity.amount::numeric * coalesce((SELECT c.rate::numeric FROM %1$I.currency c WHERE c.id = opportunity.amount_currency), 1)$$,
        'outcome', $${outcome}$$,
        'created_at', $$opportunity.created_at AT TIME ZONE 'UTC'$$,
        'closed_at', $$CASE WHEN {outcome} <> 'open' THEN coalesce(
            (SELECT max(n.created_at) {stage_notes} AND {became_of} = opportunity.stage),
            opportunity.modified_at, opportunity.created_at) AT TIME ZONE 'UTC' END$$),
     '{opportunity: [id, stage, probability, amount, amount_currency, account_id, assigned_user_id, created_at, modified_at, deleted], entity_team: [id, entity_id, entity_type, team_id, deleted], account: [id, deleted], currency: [id, rate], note: [id, type, parent_type, parent_id, data, number, created_at, deleted]}'),

    -- The first stage is what the first change left.
    ('stage_first', 5, 'stage_change', 'note', $${tracked} AND NOT EXISTS (SELECT FROM %1$I.note n
        WHERE n.parent_type = 'Opportunity' AND n.parent_id = note.parent_id AND n.type = 'Update' AND n.deleted IS NOT TRUE
          AND {became_of} IS NOT NULL AND (n.created_at, n.number) < (note.created_at, note.number))$$, jsonb_build_object(
        'external_id', $$note.id$$,
        'opportunity', $$note.parent_id$$,
        'stage', $$note.data::jsonb #>> '{{attributes,was,stage}}'$$,
        'changed_at', $$(SELECT o.created_at FROM %1$I.opportunity o WHERE o.id = note.parent_id) AT TIME ZONE 'UTC'$$),
     '{note: [id, type, parent_type, parent_id, data, number, created_at, deleted], opportunity: [id, created_at, deleted]}'),

    ('stage', 6, 'stage_change', 'note', $${tracked}$$, jsonb_build_object(
        'external_id', $$note.id$$,
        'opportunity', $$note.parent_id$$,
        'stage', $$note.data::jsonb #>> '{{attributes,became,stage}}'$$,
        'changed_at', $$note.created_at AT TIME ZONE 'UTC'$$),
     '{note: [id, type, parent_type, parent_id, data, created_at, deleted], opportunity: [id, deleted]}'),

    ('meeting', 7, 'activity', 'meeting', $$meeting.deleted IS NOT TRUE AND meeting.status = 'Held' AND {of_seller}$$, jsonb_build_object(
        'external_id', $$meeting.id$$,
        'unit', $$meeting.assigned_user_id$$,
        'customer', $${customer}$$,
        'opportunity', $${opportunity}$$,
        'kind', $$'visit'$$,
        'occurred_at', $${begin}$$,
        -- planned before, it was held no sooner than it began
        'recorded_at', $$greatest(meeting.created_at AT TIME ZONE 'UTC', {begin})$$),
     '{meeting: [id, status, date_start, date_start_date, parent_type, parent_id, account_id, assigned_user_id, created_at, deleted], user: [id, type, default_team_id], team_user: [user_id, deleted], opportunity: [id, account_id, deleted], account: [id, deleted]}'),

    -- What was entered after it had begun was no plan.
    ('meeting_planned', 8, 'activity', 'meeting', $$meeting.deleted IS NOT TRUE AND {of_seller}
        AND {begin} >= meeting.created_at AT TIME ZONE 'UTC'$$, jsonb_build_object(
        'external_id', $$meeting.id$$,
        'unit', $$meeting.assigned_user_id$$,
        'customer', $${customer}$$,
        'opportunity', $${opportunity}$$,
        'kind', $$'planned_visit'$$,
        'occurred_at', $${begin}$$,
        'recorded_at', $$coalesce(meeting.modified_at, meeting.created_at) AT TIME ZONE 'UTC'$$),
     '{meeting: [id, status, date_start, date_start_date, parent_type, parent_id, account_id, assigned_user_id, created_at, modified_at, deleted], user: [id, type, default_team_id], team_user: [user_id, deleted], opportunity: [id, account_id, deleted], account: [id, deleted]}'),

    ('call', 9, 'activity', 'call', $$call.deleted IS NOT TRUE AND call.status = 'Held' AND {of_seller}$$, jsonb_build_object(
        'external_id', $$call.id$$,
        'unit', $$call.assigned_user_id$$,
        'customer', $${customer}$$,
        'opportunity', $${opportunity}$$,
        'kind', $$'call'$$,
        'occurred_at', $$call.date_start AT TIME ZONE 'UTC'$$,
        'recorded_at', $$greatest(call.created_at, call.date_start) AT TIME ZONE 'UTC'$$),
     '{call: [id, status, date_start, parent_type, parent_id, account_id, assigned_user_id, created_at, deleted], user: [id, type, default_team_id], team_user: [user_id, deleted], opportunity: [id, account_id, deleted], account: [id, deleted]}'),

    -- Without a due time nothing is owed; done, it is still an act.
    ('task', 10, 'activity', 'task', $$task.deleted IS NOT TRUE AND {of_seller}
        AND (task.status = 'Completed' OR (task.status IN ('Not Started', 'Started') AND {due} IS NOT NULL))$$, jsonb_build_object(
        'external_id', $$task.id$$,
        'unit', $$task.assigned_user_id$$,
        'customer', $${customer}$$,
        'opportunity', $${opportunity}$$,
        'kind', $$'follow_up'$$,
        'outcome', $$CASE WHEN task.status <> 'Completed' THEN 'open' END$$,
        'occurred_at', $$CASE WHEN task.status = 'Completed' THEN
            coalesce(task.date_completed, task.modified_at, task.created_at) AT TIME ZONE 'UTC' ELSE {due} END$$,
        'due_at', $${due}$$,
        'recorded_at', $$coalesce(task.modified_at, task.created_at) AT TIME ZONE 'UTC'$$),
     '{task: [id, status, date_end, date_end_date, date_completed, parent_type, parent_id, account_id, assigned_user_id, created_at, modified_at, deleted], user: [id, type, default_team_id], team_user: [user_id, deleted], opportunity: [id, account_id, deleted], account: [id, deleted]}')
), piece (place, piece, expression) AS (
    -- {name} in an expression stands for one of these; one may use those below it
    VALUES
    (1, 'team_of', $$coalesce((SELECT t.id FROM %1$I.team t WHERE t.id = "user".default_team_id AND t.deleted IS NOT TRUE),
            (SELECT m.team_id FROM %1$I.team_user m JOIN %1$I.team t ON t.id = m.team_id
             WHERE m.user_id = "user".id AND m.deleted IS NOT TRUE AND t.deleted IS NOT TRUE ORDER BY m.id LIMIT 1))$$),
    (2, 'outcome', $$CASE WHEN opportunity.stage = 'Closed Won' OR opportunity.probability >= 100 THEN 'won'
            WHEN opportunity.stage = 'Closed Lost' OR opportunity.probability = 0 THEN 'lost' ELSE 'open' END$$),
    (3, 'stage_notes', $$FROM %1$I.note n WHERE n.parent_type = 'Opportunity' AND n.parent_id = opportunity.id
            AND n.type = 'Update' AND n.deleted IS NOT TRUE AND {became_of} IS NOT NULL$$),
    -- other notes keep other things there
    (4, 'became_of', $$CASE WHEN n.type = 'Update' AND n.parent_type = 'Opportunity' AND n.data LIKE '{{%%"stage"%%' THEN n.data::jsonb #>> '{{attributes,became,stage}}' END$$),
    (5, 'tracked', $$note.deleted IS NOT TRUE AND CASE WHEN note.type = 'Update' AND note.parent_type = 'Opportunity' AND note.data LIKE '{{%%"stage"%%'
            THEN note.data::jsonb #>> '{{attributes,became,stage}}' IS NOT NULL
             AND EXISTS (SELECT FROM %1$I.opportunity o WHERE o.id = note.parent_id AND o.deleted IS NOT TRUE) END$$),
    -- one who is in no team does not sell; nobody's waits in feed_error
    (6, 'of_seller', $$({row}.assigned_user_id IS NULL OR EXISTS (SELECT FROM %1$I."user" u WHERE u.id = {row}.assigned_user_id
            AND u.type IN ('regular', 'admin') AND (u.default_team_id IS NOT NULL
                 OR EXISTS (SELECT FROM %1$I.team_user m WHERE m.user_id = u.id AND m.deleted IS NOT TRUE))))$$),
    (7, 'customer', $$(SELECT a.id FROM %1$I.account a WHERE a.deleted IS NOT TRUE AND a.id = coalesce({row}.account_id,
            CASE {row}.parent_type WHEN 'Account' THEN {row}.parent_id
                WHEN 'Opportunity' THEN (SELECT o.account_id FROM %1$I.opportunity o WHERE o.id = {row}.parent_id) END))$$),
    (8, 'opportunity', $$(SELECT o.id FROM %1$I.opportunity o WHERE {row}.parent_type = 'Opportunity' AND o.id = {row}.parent_id AND o.deleted IS NOT TRUE)$$),
    (9, 'begin', $$coalesce(calib.start_of(meeting.date_start_date), meeting.date_start AT TIME ZONE 'UTC')$$),
    (10, 'due', $$coalesce(calib.start_of(task.date_end_date + 1) - interval '1 second', task.date_end AT TIME ZONE 'UTC')$$)
), expression (feed, relation, canonical, place, expression) AS (
    SELECT f.feed, f.relation, e.key, 0, e.value
    FROM feed f
    CROSS JOIN LATERAL (SELECT m.key, m.value FROM jsonb_each_text(f.mapping) m
                        UNION ALL VALUES ('', f.filter)) e
    UNION ALL
    SELECT e.feed, e.relation, e.canonical, p.place, replace(e.expression, '{' || p.piece || '}', p.expression)
    FROM expression e JOIN piece p ON p.place = e.place + 1
), told AS (
    SELECT e.feed, e.canonical, replace(replace(replace(e.expression, '{row}', e.relation), '{{', '{'), '}}', '}') AS expression
    FROM expression e
    WHERE e.place = (SELECT max(p.place) FROM piece p)
)
SELECT 'espocrm', f.feed, f.place, f.destination, f.relation,
       jsonb_object_agg(t.canonical, t.expression) FILTER (WHERE t.canonical <> ''),
       max(t.expression) FILTER (WHERE t.canonical = ''),
       regexp_replace(f.requires, '(\w+)', '"\1"', 'g')::jsonb
FROM told t JOIN feed f ON f.feed = t.feed
GROUP BY f.feed, f.place, f.destination, f.relation, f.requires;

-- As EspoCRM delivers them, and those of one's own that are in use, by how likely
-- most of their opportunities are: one alone may say something else. To lose is a
-- move back.
INSERT INTO calib.adapter_stage (adapter, query) VALUES ('espocrm',
    $$WITH delivered (stage, likely) AS (
        VALUES ('Prospecting', 10), ('Qualification', 20), ('Proposal', 50), ('Negotiation', 80), ('Closed Won', 100), ('Closed Lost', 0)
    ), own AS (
        SELECT o.stage, coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY o.probability), 0) AS likely
        FROM %1$I.opportunity o
        WHERE o.deleted IS NOT TRUE AND o.stage NOT IN (SELECT d.stage FROM delivered d)
        GROUP BY o.stage)
    SELECT s.stage, s.likely BETWEEN 1 AND 10 FROM (TABLE delivered UNION ALL TABLE own) s ORDER BY s.likely, s.stage$$);
