-- What the rules find at a time, as it was known then: one function per kind.
--
-- A key names what was found: the same thing found again the next day has the
-- same key, so it is reminded of once. The counts are those of the record at
-- as_of, never of today, so that a run that comes late finds the same. Days in a key are
-- written in one style, whatever the session's.

INSERT INTO calib.reason (code, en, zh) VALUES
('rule_nth_contact',
 'Contact {contacts} with {customer}: fill in the progress of the opportunity. It is in stage {stage} for {days} days.',
 '与客户{customer}的第 {contacts} 次联系：请填写商机进展。商机处于“{stage}”阶段已 {days} 天。'),
('rule_nth_contact_no_opportunity',
 'Contact {contacts} with {customer}, with whom no opportunity is open: enter one, or say why not.',
 '与客户{customer}的第 {contacts} 次联系，尚无进行中的商机：请录入商机或说明原因。'),
('rule_weeks_without',
 '{unit}: {weeks} weeks at work in a row, from {from_week}, without "{label_en}". Talk about it.',
 '{unit}自 {from_week} 起连续 {weeks} 个在岗周无“{label_zh}”，请主管约谈。'),
('rule_stage_older_than',
 'The opportunity with {customer} is in stage {stage} for {days} days; the limit is {limit}.',
 '客户{customer}的商机处于“{stage}”阶段已 {days} 天，上限为 {limit} 天。'),
('rule_indicator_below',
 '{unit}: "{label_en}" below {limit} for {weeks} weeks at work in a row, from {from_week}; the last week {value}.',
 '{unit}自 {from_week} 起连续 {weeks} 个在岗周“{label_zh}”低于 {limit}，最近一周为 {value}。'),
('rule_result_missing',
 '{unit}: no result of {measure} since {last_day}, for {days} working days; the limit is {limit}.',
 '{unit}自 {last_day} 之后已有 {days} 个工作日没有“{measure_zh}”记录，上限为 {limit} 个工作日。'),
('rule_result_none',
 '{unit}: no result of {measure} yet, {days} working days from {first_day} on; the limit is {limit}.',
 '{unit}自 {first_day} 起 {days} 个工作日内尚无“{measure_zh}”记录，上限为 {limit} 个工作日。');

-- Opportunities as they stood ----------------------------------------------------

CREATE FUNCTION calib.stages_at(as_of timestamptz)
RETURNS TABLE (opportunity_id bigint, customer_id bigint, unit_id bigint, stage text, since timestamptz)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT o.opportunity_id, o.customer_id, o.unit_id, s.to_stage, s.changed_at
    FROM calib.opportunity o
    CROSS JOIN LATERAL (
        SELECT s.to_stage, s.changed_at FROM calib.stage_change s
        WHERE s.opportunity_id = o.opportunity_id AND s.changed_at <= as_of AND s.from_stage IS DISTINCT FROM s.to_stage
        ORDER BY s.changed_at DESC, s.stage_change_id DESC LIMIT 1) s
    WHERE o.created_at <= as_of AND (o.closed_at IS NULL OR o.closed_at > as_of);
END;
COMMENT ON FUNCTION calib.stages_at(timestamptz) IS
'The opportunities open at a time, the stage each was in then and since when. Of every unit, internal.';
REVOKE EXECUTE ON FUNCTION calib.stages_at(timestamptz) FROM PUBLIC;

-- every_nth_contact ---------------------------------------------------------------

-- In the order of the record: what is entered late takes the next number, and no
-- number given before changes. A rule that is enabled again counts anew, so the day it
-- counts from is part of the key.
CREATE FUNCTION calib.every_nth_contact_hits(as_of timestamptz)
RETURNS TABLE (rule text, unit_id bigint, subject text, key text, reason_code text, reason_args jsonb)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH scope AS MATERIALIZED (
        SELECT s.* FROM calib.rule_scope('every_nth_contact', $1) s
    ), asked AS MATERIALIZED (
        SELECT DISTINCT s.rule, (s.parameters ->> 'n')::integer AS n, s.since, calib.start_of(s.since) AS from_at,
               ARRAY(SELECT jsonb_array_elements_text(s.parameters -> 'kinds')) AS kinds
        FROM scope s
    ), contact AS (
        SELECT k.rule, k.n, k.since AS counted_from, a.customer_id, a.unit_id,
               row_number() OVER (PARTITION BY k.rule, a.customer_id
                   ORDER BY greatest(a.recorded_at, a.occurred_at), a.source, a.external_id) AS number
        FROM asked k
        JOIN calib.activity a ON a.kind = ANY (k.kinds) AND a.customer_id IS NOT NULL
         AND a.occurred_at >= k.from_at AND a.occurred_at <= $1 AND a.recorded_at <= $1
         -- what is still owed is no contact yet
         AND a.outcome IS DISTINCT FROM 'open'
    ), newest AS (
        SELECT DISTINCT ON (c.rule, c.customer_id) c.rule, c.counted_from, c.customer_id, c.unit_id, c.number
        FROM contact c
        WHERE c.number % c.n = 0
        ORDER BY c.rule, c.customer_id, c.number DESC
    ), open AS (
        SELECT DISTINCT ON (o.customer_id) o.customer_id, o.stage, o.since
        FROM calib.stages_at($1) o
        WHERE o.customer_id IN (SELECT n.customer_id FROM newest n)
        ORDER BY o.customer_id, o.since, o.opportunity_id
    )
    SELECT n.rule, n.unit_id, format('customer %s', n.customer_id),
           format('rule:%s:%s:%s:%s', n.rule, n.customer_id, to_char(n.counted_from, 'YYYY-MM-DD'), n.number),
           CASE WHEN o.stage IS NULL THEN 'rule_nth_contact_no_opportunity' ELSE 'rule_nth_contact' END,
           jsonb_strip_nulls(jsonb_build_object('contacts', n.number, 'customer', c.name, 'stage', o.stage,
               'days', floor(extract(epoch FROM $1 - o.since) / 86400)))
    FROM newest n
    JOIN scope s ON s.rule = n.rule AND s.unit_id = n.unit_id
    JOIN calib.customer c ON c.customer_id = n.customer_id
    LEFT JOIN open o ON o.customer_id = n.customer_id;
END $$;
COMMENT ON FUNCTION calib.every_nth_contact_hits(timestamptz) IS
'rule_hits of kind every_nth_contact: the newest n-th contact with each customer since the rule holds, at whoever made it. One pass over the activities since then.';
REVOKE EXECUTE ON FUNCTION calib.every_nth_contact_hits(timestamptz) FROM PUBLIC;

-- weeks_without, indicator_below ----------------------------------------------------

-- A week without a working day of the rep, or with nothing to judge (no denominator),
-- neither counts nor breaks. A key names the week that completed the rule's weeks, so
-- a rule of two weeks reminds after two, four, six. Weeks count from the first Monday
-- the rule holds, and for a year: the window begins at a multiple of the rule's weeks,
-- and moves on by as many as a streak longer than it loses.
CREATE FUNCTION calib.weekly_hits(as_of timestamptz)
RETURNS TABLE (rule text, unit_id bigint, subject text, key text, reason_code text, reason_args jsonb)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    this_week date := calib.period_start(calib.day_of($1), 'week');
    number integer := (this_week - '1970-01-05'::date) / 7;
    longest integer;
BEGIN
    SELECT max((r.parameters ->> 'weeks')::integer) INTO longest
    FROM calib.rule r WHERE r.enabled AND r.kind IN ('weeks_without', 'indicator_below') AND r.since <= calib.day_of($1);
    IF longest IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT s.rule, s.unit_id, k.kind, s.parameters ->> 'indicator' AS code, w.weeks,
               CASE k.kind WHEN 'indicator_below' THEN (s.parameters ->> 'value')::numeric END AS lower_limit,
               greatest(s.since, this_week - 7 * (number - (number - 52 - w.weeks) / w.weeks * w.weeks)) AS from_week
        FROM (VALUES ('weeks_without'), ('indicator_below')) AS k (kind)
        CROSS JOIN LATERAL calib.rule_scope(k.kind, $1) s
        CROSS JOIN LATERAL (SELECT (s.parameters ->> 'weeks')::integer AS weeks) w
    ), worked AS MATERIALIZED (
        SELECT w.unit_id, w.week FROM calib.rep_weeks_worked(this_week - 7 * (52 + 2 * longest), this_week) w
        WHERE w.working_days > 0
    ), figure AS MATERIALIZED (
        SELECT i.unit_id, i.week, i.code, i.numerator / i.denominator AS value
        FROM calib.all_indicator_in(this_week - 7 * (52 + 2 * longest), this_week, $1, $1) i
        WHERE i.code IN (SELECT a.code FROM asked a) AND i.denominator <> 0
    ), judged AS (
        SELECT a.rule, a.unit_id, a.kind, a.code, a.weeks, a.lower_limit, f.week, f.value,
               CASE WHEN a.lower_limit IS NULL THEN f.value <= 0 ELSE f.value < a.lower_limit END AS low,
               row_number() OVER (PARTITION BY a.rule, a.unit_id ORDER BY f.week DESC) AS n
        FROM asked a
        JOIN figure f ON f.unit_id = a.unit_id AND f.code = a.code AND f.week >= a.from_week
        JOIN worked w ON w.unit_id = f.unit_id AND w.week = f.week
    ), counted AS (
        -- along the row, not joined to itself: with thousands of reps that would not end
        SELECT j.*, coalesce(min(j.n) FILTER (WHERE NOT j.low) OVER rep - 1, max(j.n) OVER rep) AS streak
        FROM judged j
        WINDOW rep AS (PARTITION BY j.rule, j.unit_id)
    ), hit AS (
        SELECT c.rule, c.unit_id, c.kind, c.code, c.lower_limit, c.streak,
               min(c.week) FILTER (WHERE c.n = c.streak) AS from_week,
               min(c.week) FILTER (WHERE c.n = c.streak % c.weeks + 1) AS completed,
               min(c.value) FILTER (WHERE c.n = 1) AS newest
        FROM counted c
        WHERE c.streak >= c.weeks
        GROUP BY c.rule, c.unit_id, c.kind, c.code, c.lower_limit, c.streak
    )
    SELECT h.rule, h.unit_id, format('indicator %s', h.code),
           format('rule:%s:%s:%s', h.rule, h.unit_id, to_char(h.completed, 'YYYY-MM-DD')),
           'rule_' || h.kind,
           jsonb_strip_nulls(jsonb_build_object('unit', u.name, 'weeks', h.streak, 'from_week', h.from_week,
               'indicator', h.code, 'label_en', i.label_en, 'label_zh', i.label_zh,
               'limit', h.lower_limit, 'value', trim_scale(round(h.newest, 2))))
    FROM hit h
    JOIN calib.unit u ON u.unit_id = h.unit_id
    JOIN calib.indicator i ON i.code = h.code;
END $$;
COMMENT ON FUNCTION calib.weekly_hits(timestamptz) IS
'rule_hits of kinds weeks_without and indicator_below: reps whose newest weeks at work before that of as_of are all at 0 or below, or below the value.';
REVOKE EXECUTE ON FUNCTION calib.weekly_hits(timestamptz) FROM PUBLIC;

-- stage_older_than ------------------------------------------------------------------

CREATE FUNCTION calib.stage_older_than_hits(as_of timestamptz)
RETURNS TABLE (rule text, unit_id bigint, subject text, key text, reason_code text, reason_args jsonb)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT s.rule, s.unit_id, format('opportunity %s', o.opportunity_id),
           format('rule:%s:%s:%s', s.rule, o.opportunity_id, trim_scale(extract(epoch FROM o.since))),
           'rule_stage_older_than',
           jsonb_build_object('customer', c.name, 'stage', o.stage, 'limit', d.days,
               'days', floor(extract(epoch FROM $1 - o.since) / 86400))
    FROM calib.rule_scope('stage_older_than', $1) s
    CROSS JOIN LATERAL (SELECT (s.parameters ->> 'days')::integer AS days) d
    JOIN calib.stages_at($1) o ON o.unit_id = s.unit_id AND s.parameters -> 'stages' ? o.stage
     AND $1 > o.since + make_interval(hours => 24 * d.days)
    JOIN calib.customer c ON c.customer_id = o.customer_id;
END $$;
COMMENT ON FUNCTION calib.stage_older_than_hits(timestamptz) IS
'rule_hits of kind stage_older_than: opportunities in one of the stages for MORE than the days.';
REVOKE EXECUTE ON FUNCTION calib.stage_older_than_hits(timestamptz) FROM PUBLIC;

-- result_missing ----------------------------------------------------------------------

-- Days are the unit's own working days that have passed since: nobody misses a result
-- while away.
CREATE FUNCTION calib.result_missing_hits(as_of timestamptz)
RETURNS TABLE (rule text, unit_id bigint, subject text, key text, reason_code text, reason_args jsonb)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    today date := calib.day_of($1);
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT s.rule, s.unit_id, s.parameters ->> 'measure' AS measure, (s.parameters ->> 'days')::integer AS days,
               min(t.period_start) AS first_day
        FROM calib.rule_scope('result_missing', $1) s
        JOIN calib.target t ON t.unit_id = s.unit_id AND t.measure = s.parameters ->> 'measure'
         AND t.period_start <= today AND calib.period_end(t.period_start, t.grain) > today
        GROUP BY s.rule, s.unit_id, s.parameters
    ), newest AS (
        SELECT t.ancestor_id, d.measure, max(d.day) AS day
        FROM (SELECT DISTINCT r.unit_id, r.measure,
                     (r.occurred_at AT TIME ZONE (SELECT o.zone FROM calib.organisation o))::date AS day
              FROM calib.result r
              WHERE r.measure IN (SELECT a.measure FROM asked a) AND r.occurred_at <= $1 AND r.recorded_at <= $1) d
        JOIN calib.unit_tree t ON t.unit_id = d.unit_id
         AND d.day >= coalesce(t.valid_from, d.day) AND d.day < coalesce(t.valid_to, d.day + 1)
        GROUP BY t.ancestor_id, d.measure
    ), passed AS (
        SELECT a.*, n.day AS last_day,
               calib.working_days(calib.days_at_work(d.active, d.absences,
                   daterange(least(coalesce(n.day + 1, a.first_day), today), today))) AS working_days
        FROM asked a
        JOIN calib.unit_days() d ON d.unit_id = a.unit_id
        LEFT JOIN newest n ON n.ancestor_id = a.unit_id AND n.measure = a.measure
    )
    SELECT p.rule, p.unit_id, format('measure %s', p.measure),
           format('rule:%s:%s:%s', p.rule, p.unit_id, to_char(coalesce(p.last_day, p.first_day), 'YYYY-MM-DD')),
           CASE WHEN p.last_day IS NULL THEN 'rule_result_none' ELSE 'rule_result_missing' END,
           jsonb_strip_nulls(jsonb_build_object('unit', u.name, 'measure', p.measure, 'measure_zh', calib.measure_text(p.measure, true), 'days', p.working_days,
               'limit', p.days, 'last_day', p.last_day, 'first_day', CASE WHEN p.last_day IS NULL THEN p.first_day END))
    FROM passed p
    JOIN calib.unit u ON u.unit_id = p.unit_id
    WHERE p.working_days > p.days;
END $$;
COMMENT ON FUNCTION calib.result_missing_hits(timestamptz) IS
'rule_hits of kind result_missing: units with a target of the measure in a running period and no result for MORE than the days, counted in their own working days.';
REVOKE EXECUTE ON FUNCTION calib.result_missing_hits(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.rule_hits(as_of timestamptz)
RETURNS TABLE (rule text, unit_id bigint, subject text, key text, reason_code text, reason_args jsonb)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT h.* FROM calib.every_nth_contact_hits(as_of) h
    UNION ALL SELECT h.* FROM calib.weekly_hits(as_of) h
    UNION ALL SELECT h.* FROM calib.stage_older_than_hits(as_of) h
    UNION ALL SELECT h.* FROM calib.result_missing_hits(as_of) h;
END;
COMMENT ON FUNCTION calib.rule_hits(timestamptz) IS
'What the enabled rules find at a time, of what had happened and was recorded by then: the rule, the unit, what it is about, a key that is the same for the same thing, and the reason. Of every unit, in the loop or not; internal. NULL gives no rows.';
REVOKE EXECUTE ON FUNCTION calib.rule_hits(timestamptz) FROM PUBLIC;
