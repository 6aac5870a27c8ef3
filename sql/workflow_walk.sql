-- A few hundred random steps by random persons, beside a model of the rules in plain
-- SQL: each step must end as the model says, and after each the record must add up.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;

SET calib.clock = '2025-08-20 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 2, 'team', 'Jiangsu'),
    (5, 1, 'region', 'North'), (6, 5, 'team', 'Beijing');
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('li', 'manager', 2), ('chen', 'manager', 3), ('boss', 'manager', NULL), ('wang', 'risk', NULL), ('east risk', 'risk', 2),
    ('zhao', 'hr', NULL), ('north hr', 'hr', 5),
    ('all', 'manager', NULL), ('all', 'risk', NULL), ('all', 'hr', NULL),
    ('too', 'manager', NULL), ('too', 'risk', NULL), ('too', 'hr', NULL), ('rep', 'rep', 3);
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on)
VALUES (1, 'market_report', 'Notice', 'https://example.com/1', '2025-08-01');
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT u, p.grain, p.start, 100
FROM unnest('{3,4,6}'::bigint[]) u,
     (VALUES ('year', date '2025-01-01'), ('quarter', '2025-07-01'), ('month', '2025-09-01'), ('month', '2025-10-01'), ('quarter', '2025-10-01')) p (grain, start);
SELECT calib.publish_targets(d) FROM unnest('{2025-07-01,2025-09-01,2025-10-01}'::date[]) d;

-- The model -----------------------------------------------------------------------
CREATE TABLE own.target AS
SELECT target_id, unit_id, grain, period_start, 100::numeric AS value,
       (period_start + CASE grain WHEN 'year' THEN interval '1 year' WHEN 'quarter' THEN interval '3 months' ELSE interval '1 month' END)::date AS period_end
FROM calib.target;
CREATE TABLE own.adjustment (adjustment_id bigint PRIMARY KEY, batch bigint, target_id bigint, quarter date, new_value numeric,
    status text, submitted_by text, submitted_on date, approved_by text, filed_by text, old_value numeric, approved_under text);
CREATE TABLE own.rule (unit_id bigint, day date, cap numeric, cumulative numeric, most int, approval text, frozen_after int, grace int, PRIMARY KEY (unit_id, day));
INSERT INTO own.rule VALUES (0, '2000-01-01', 0.10, NULL, 2, 'required', NULL, 5);
CREATE FUNCTION own.today() RETURNS date LANGUAGE sql STABLE AS $$ SELECT current_setting('calib.clock')::timestamptz::date $$;
-- The newest row of the unit, and where it says nothing the newest for everyone.
CREATE FUNCTION own.rule(unit bigint) RETURNS own.rule LANGUAGE sql STABLE AS $$
    SELECT $1, own.today(), coalesce(u.cap, e.cap), coalesce(u.cumulative, e.cumulative), coalesce(u.most, e.most),
           coalesce(u.approval, e.approval), coalesce(u.frozen_after, e.frozen_after), coalesce(u.grace, e.grace)
    FROM (SELECT * FROM own.rule WHERE unit_id = 0 AND day <= own.today() ORDER BY day DESC LIMIT 1) e
    LEFT JOIN (SELECT * FROM own.rule WHERE unit_id = $1 AND day <= own.today() ORDER BY day DESC LIMIT 1) u ON true $$;
CREATE FUNCTION own.holds(who text, duties text[], unit bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM calib.duty d WHERE d.person = $1 AND d.duty = ANY ($2) AND
        (d.unit_id IS NULL OR d.unit_id = $3 OR d.unit_id = CASE WHEN $3 IN (3, 4) THEN 2 ELSE 5 END)) $$;
CREATE FUNCTION own.quarter(t own.target) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT date_trunc('quarter', CASE t.grain WHEN 'year' THEN own.today() ELSE t.period_start END)::date $$;
CREATE FUNCTION own.places(unit bigint, quarter date, VARIADIC statuses text[]) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM own.adjustment a JOIN own.target t USING (target_id)
    WHERE t.unit_id = $1 AND a.quarter = $2 AND a.status = ANY ($3) $$;
-- What the rules say of a change by itself; the places come after them.
CREATE FUNCTION own.judge(t own.target, new_value numeric, rule own.rule, plain boolean, submitted date) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN new_value <= 0 OR new_value = t.value THEN '22023'
        WHEN own.today() >= t.period_end + CASE WHEN submitted IS NOT NULL THEN rule.grace ELSE 0 END THEN 'KC008'
        WHEN submitted IS NULL AND extract(day FROM own.today()) > rule.frozen_after
             AND t.period_end = date_trunc('month', own.today()) + interval '1 month' THEN 'KC008'
        WHEN abs(new_value - t.value) > rule.cap * 100 THEN 'KC001'
        WHEN abs(new_value - 100) > coalesce(rule.cumulative, CASE t.grain WHEN 'year' THEN 0.20 END) * 100 THEN 'KC001'
        ELSE 'ok' END $$;

CREATE FUNCTION own.submit(who text, targets bigint[], change numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t own.target;
    told text;
    id bigint;
    first bigint;
BEGIN
    FOR t IN SELECT * FROM own.target WHERE target_id = ANY ($2) LOOP
        IF NOT own.holds(who, '{manager}', t.unit_id) THEN RETURN '42501'; END IF;
    END LOOP;
    id := (SELECT coalesce(max(adjustment_id), 0) FROM own.adjustment);
    FOR t IN SELECT * FROM own.target WHERE target_id = ANY ($2) ORDER BY unit_id, grain, period_start LOOP
        told := own.judge(t, t.value + change * 100, own.rule(t.unit_id), false, NULL);
        IF told <> 'ok' THEN RETURN told; END IF;
        IF own.places(t.unit_id, own.quarter(t), 'submitted', 'approved', 'filed') >= (own.rule(t.unit_id)).most THEN RETURN 'KC002'; END IF;
        id := id + 1;
        first := coalesce(first, CASE WHEN cardinality($2) > 1 THEN id END);
        INSERT INTO own.adjustment VALUES (id, first, t.target_id, own.quarter(t), t.value + change * 100, 'submitted', who, own.today());
    END LOOP;
    RETURN 'ok';
END $$;
CREATE FUNCTION own.update(who text, target bigint, new_value numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t own.target;
    rule own.rule;
    told text;
BEGIN
    SELECT * INTO t FROM own.target WHERE target_id = $2;
    rule := own.rule(t.unit_id);
    IF $3 = t.value THEN RETURN 'ok'; END IF;
    IF rule.approval <> 'none' THEN RETURN 'KC004'; END IF;
    IF NOT own.holds(who, '{manager}', t.unit_id) THEN RETURN '42501'; END IF;
    told := own.judge(t, $3, rule, true, NULL);
    IF told <> 'ok' THEN RETURN told; END IF;
    IF own.places(t.unit_id, own.quarter(t), 'submitted', 'approved', 'filed') >= rule.most THEN RETURN 'KC002'; END IF;
    INSERT INTO own.adjustment SELECT coalesce(max(adjustment_id), 0) + 1, NULL, $2, own.quarter(t), $3, 'filed', who, own.today(), NULL, who, t.value FROM own.adjustment;
    UPDATE own.target SET value = $3 WHERE target_id = $2;
    RETURN 'ok';
END $$;
CREATE FUNCTION own.step(who text, step text, of bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m record;
    t own.target;
    rule own.rule;
    told text;
    members bigint[] := ARRAY(SELECT o.adjustment_id FROM own.adjustment a JOIN own.adjustment o ON o.adjustment_id = a.adjustment_id OR o.batch = a.batch
                              WHERE a.adjustment_id = $3);
BEGIN
    IF members = '{}' THEN RETURN '22023'; END IF;
    -- right, status, person; of each before the next
    FOR m IN SELECT a.*, o.unit_id FROM own.adjustment a JOIN own.target o USING (target_id)
             WHERE adjustment_id = ANY (members) ORDER BY o.unit_id, o.grain, o.period_start LOOP
        rule := own.rule(m.unit_id);
        told := CASE
            WHEN step = 'withdraw' AND who <> m.submitted_by THEN '42501'
            WHEN step = 'reject' AND NOT own.holds(who, '{risk,hr}', m.unit_id) THEN '42501'
            WHEN step = 'approve' AND NOT own.holds(who, CASE WHEN rule.approval = 'required' THEN '{risk}' ELSE '{risk,hr,manager}' END::text[], m.unit_id) THEN '42501'
            WHEN step = 'file' AND NOT own.holds(who, CASE WHEN rule.approval = 'required' THEN '{hr}' ELSE '{risk,hr,manager}' END::text[], m.unit_id) THEN '42501'
            WHEN m.status IN ('filed', 'rejected', 'withdrawn') THEN 'KC005'
            -- what was approved while risk was not asked is not approved where it is
            WHEN step = 'approve' AND m.status = 'approved' AND (rule.approval <> 'required' OR m.approved_under = 'required') THEN 'KC005'
            WHEN step = 'file' AND rule.approval = 'required' AND (m.status = 'submitted' OR m.approved_under <> 'required') THEN 'KC005'
            WHEN step = 'approve' AND who = m.submitted_by THEN 'KC006'
            WHEN step = 'file' AND who = m.submitted_by AND rule.approval <> 'none' THEN 'KC006'
            WHEN step = 'file' AND who = m.approved_by AND rule.approval = 'required' THEN 'KC006'
        END;
        IF told IS NOT NULL THEN RETURN told; END IF;
    END LOOP;
    FOR m IN SELECT a.* FROM own.adjustment a JOIN own.target o USING (target_id)
             WHERE adjustment_id = ANY (members) ORDER BY o.unit_id, o.grain, o.period_start LOOP
        IF step = 'file' THEN
            SELECT * INTO t FROM own.target WHERE target_id = m.target_id;
            rule := own.rule(t.unit_id);
            told := own.judge(t, m.new_value, rule, false, m.submitted_on);
            IF told <> 'ok' THEN RETURN told; END IF;
            IF own.places(t.unit_id, own.quarter(t), 'filed')
                + (CASE WHEN own.quarter(t) = m.quarter THEN 0 ELSE own.places(t.unit_id, own.quarter(t), 'submitted', 'approved') END) >= rule.most THEN
                RETURN 'KC002';
            END IF;
            UPDATE own.target SET value = m.new_value WHERE target_id = m.target_id;
            UPDATE own.adjustment SET status = 'filed', filed_by = who, quarter = own.quarter(t), old_value = t.value WHERE adjustment_id = m.adjustment_id;
        ELSE
            UPDATE own.adjustment SET status = CASE step WHEN 'approve' THEN 'approved' WHEN 'reject' THEN 'rejected' ELSE 'withdrawn' END,
                   approved_by = CASE step WHEN 'approve' THEN who ELSE approved_by END,
                   approved_under = CASE step WHEN 'approve' THEN (own.rule((SELECT o.unit_id FROM own.target o WHERE o.target_id = m.target_id))).approval ELSE approved_under END
            WHERE adjustment_id = m.adjustment_id;
        END IF;
    END LOOP;
    RETURN 'ok';
END $$;

-- The walk ------------------------------------------------------------------------
-- calib's answer and the model's; both are undone together where one refuses, or the
-- step is to be rolled back.
CREATE FUNCTION own.both(who text, statement text, model text, keep boolean, OUT told text, OUT expected text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE 'SELECT own.' || model INTO expected;
        IF expected <> 'ok' OR NOT keep THEN RAISE EXCEPTION USING ERRCODE = 'OWN00'; END IF;
    EXCEPTION WHEN SQLSTATE 'OWN00' THEN NULL;
    END;
    BEGIN
        PERFORM set_config('calib.actor', who, false);
        EXECUTE statement;
        PERFORM set_config('calib.actor', '', false);
        told := 'ok';
        IF NOT keep THEN RAISE EXCEPTION USING ERRCODE = 'OWN00'; END IF;
    EXCEPTION WHEN OTHERS THEN
        PERFORM set_config('calib.actor', '', false);
        IF SQLSTATE <> 'OWN00' THEN told := SQLSTATE; END IF;
    END;
END $$;
-- What does not add up, in words; NULL: nothing.
CREATE FUNCTION own.wrong() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(w, '; ') FROM (
        SELECT 'budget of unit ' || coalesce(b.unit_id, c.unit_id) FROM calib.budget b
        FULL JOIN (SELECT t.unit_id, a.quarter_start, count(*) FILTER (WHERE a.status = 'filed') AS used,
                          count(*) FILTER (WHERE a.status IN ('submitted', 'approved')) AS pending
                   FROM calib.adjustment a JOIN calib.target t USING (target_id) GROUP BY 1, 2) c USING (unit_id, quarter_start)
        WHERE (coalesce(b.used, 0), coalesce(b.pending, 0)) <> (coalesce(c.used, 0), coalesce(c.pending, 0))
        UNION ALL
        SELECT 'target ' || target_id FROM calib.target c JOIN own.target o USING (target_id) WHERE c.value <> o.value OR c.original_value <> 100
        UNION ALL
        SELECT 'adjustment ' || coalesce(c.n, o.n) FROM
            (SELECT dense_rank() OVER (ORDER BY adjustment_id) AS n, a.* FROM calib.adjustment a) c
            FULL JOIN (SELECT dense_rank() OVER (ORDER BY adjustment_id) AS n, a.* FROM own.adjustment a) o USING (n)
        WHERE (c.target_id, c.quarter_start, c.new_value, c.status, c.submitted_by, c.approved_by, c.filed_by, CASE WHEN c.status = 'filed' THEN c.old_value END, c.batch_id IS NULL)
            IS DISTINCT FROM (o.target_id, o.quarter, o.new_value, o.status, o.submitted_by, o.approved_by, o.filed_by, o.old_value, o.batch IS NULL)
        UNION ALL
        SELECT 'evidence of ' || adjustment_id FROM calib.adjustment a
        WHERE NOT EXISTS (SELECT FROM calib.adjustment_evidence e WHERE e.adjustment_id = a.adjustment_id)
    ) x (w) $$;
CREATE TABLE own.walk (n int, at text, kind text, step text, told text, expected text, wrong text);
CREATE FUNCTION own.pick(VARIADIC among text[]) RETURNS text LANGUAGE sql AS $$ SELECT among[1 + floor(random() * cardinality(among))] $$;
-- A policy of everyone or of a unit, from today or soon; half of a unit's leave some to be inherited.
CREATE FUNCTION own.tell_policy() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    unit bigint := own.pick('0', '3', '4', '6')::bigint;
    r own.rule := (unit, own.today() + floor(random() * 3)::int, own.pick('0.05', '0.10', '0.10', '0.20')::numeric,
        nullif(round((random() * 0.4)::numeric, 1), 0), 1 + floor(random() * 4)::int,
        own.pick('required', 'required', 'single', 'none'), CASE WHEN random() < 0.2 THEN 25 END, floor(random() * 8)::int);
BEGIN
    IF unit > 0 AND random() < 0.5 THEN r.cap := NULL; r.cumulative := NULL; r.grace := NULL; END IF;
    IF unit > 0 AND random() < 0.5 THEN r.approval := NULL; r.most := NULL; END IF;
    IF unit = 0 THEN
        SELECT coalesce(r.cumulative, p.cumulative), coalesce(r.frozen_after, p.frozen_after) INTO r.cumulative, r.frozen_after
        FROM own.rule p WHERE p.unit_id = 0 AND p.day < r.day ORDER BY p.day DESC LIMIT 1;
    END IF;
    INSERT INTO own.rule VALUES (r.*) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO calib.policy (unit_id, valid_from, cap, cumulative_cap, max_adjustments, approval, freeze_day, filing_grace_days)
        VALUES (nullif(unit, 0), r.day, r.cap, r.cumulative, r.most, r.approval, r.frozen_after, r.grace);
    END IF;
END $$;
CREATE FUNCTION own.walk(steps int, seed float8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    who text;
    what text;
    chosen bigint[];
    share numeric;
    old numeric;
    of bigint;
    keep boolean;
    r own.rule;
    call text;
    model text;
BEGIN
    PERFORM setseed(seed);
    FOR n IN 1..steps LOOP
        PERFORM set_config('calib.clock', (current_setting('calib.clock')::timestamptz + random() * interval '12 hours')::text, false);
        what := own.pick('submit', 'submit', 'submit', 'approve', 'approve', 'approve', 'file', 'file', 'file', 'file', 'reject', 'withdraw', 'update', 'update', 'policy', 'policy');
        keep := random() < 0.9;
        chosen := ARRAY(SELECT t.target_id FROM (SELECT * FROM own.target ORDER BY target_id) t WHERE t.period_end > own.today() - 8
                        ORDER BY random() LIMIT CASE WHEN what = 'submit' AND random() < 0.4 THEN 3 ELSE 1 END);
        old := (SELECT t.value FROM own.target t WHERE t.target_id = chosen[1]);
        share := round((random() * 0.22 - 0.11)::numeric, 2);
        of := (SELECT x.adjustment_id FROM (SELECT a.* FROM own.adjustment a ORDER BY a.adjustment_id DESC LIMIT 25) x
               ORDER BY x.status = (CASE WHEN random() < 0.2 THEN 'filed' WHEN what = 'file' THEN 'approved' ELSE 'submitted' END) DESC, random() LIMIT 1);
        -- mostly somebody who may
        who := CASE WHEN random() < 0.3 THEN own.pick('li', 'chen', 'boss', 'wang', 'east risk', 'zhao', 'north hr', 'all', 'too', 'rep')
                    WHEN what IN ('submit', 'update') THEN own.pick('li', 'chen', 'boss', 'all')
                    WHEN what = 'withdraw' THEN (SELECT a.submitted_by FROM own.adjustment a WHERE a.adjustment_id = of)
                    WHEN what = 'file' THEN own.pick('zhao', 'zhao', 'north hr', 'all', 'too')
                    ELSE own.pick('wang', 'east risk', 'all', 'too') END;
        CONTINUE WHEN chosen = '{}' OR (of IS NULL AND what NOT IN ('submit', 'update', 'policy'));
        CASE what
            WHEN 'policy' THEN
                PERFORM own.tell_policy();
                CONTINUE;
            WHEN 'submit' THEN
                call := CASE WHEN cardinality(chosen) = 1
                    THEN format('SELECT calib.submit_adjustment(%s, %s, ''why'', ''{1}'')', chosen[1], old + share * 100)
                    ELSE format('SELECT calib.submit_adjustments(%L, %s, ''why'', ''{1}'')', chosen, share) END;
                model := format('submit(%L, %L, %s)', who, chosen, share);
            WHEN 'update' THEN
                call := format('UPDATE calib.target SET value = %s WHERE target_id = %s', old + share * 100, chosen[1]);
                model := format('update(%L, %s, %s)', who, chosen[1], old + share * 100);
            ELSE
                -- ids have gaps where steps were rolled back, the model's have not
                call := format('SELECT calib.%s_adjustment(%s, ''note'')', what,
                    (SELECT a.adjustment_id FROM calib.adjustment a ORDER BY a.adjustment_id OFFSET of - 1 LIMIT 1));
                model := format('step(%L, %L, %s)', who, what, of);
        END CASE;
        INSERT INTO own.walk
        SELECT n, current_setting('calib.clock'), what, model || CASE WHEN keep THEN '' ELSE ' rolled back' END, b.told, b.expected, own.wrong()
        FROM own.both(who, call, model, keep) b;
    END LOOP;
END $$;
SET calib.evidence = '1';
SET calib.reason = 'why';
SELECT own.walk(500, 0.4);

-- Every step ended as the model says, and nothing ever did not add up.
SELECT count(*) > 300 AS steps, count(*) FILTER (WHERE told IS DISTINCT FROM expected) AS other_answers,
       count(*) FILTER (WHERE wrong IS NOT NULL) AS not_adding_up
FROM own.walk;
SELECT n, at, step, told, expected, wrong FROM own.walk WHERE told IS DISTINCT FROM expected OR wrong IS NOT NULL ORDER BY n LIMIT 3;
-- It got about: every kind of step went through, and was refused by the rules it can meet.
SELECT kind, string_agg(DISTINCT told, ' ' ORDER BY told) AS answers FROM own.walk GROUP BY kind ORDER BY kind;

-- What is filed is told once to others, and is an agreement's version.
SELECT count(*) FILTER (WHERE a.status = 'filed') > 0 AS filed,
       count(*) FILTER (WHERE (a.status = 'filed') <> (o.n = 1)) AS told_otherwise,
       count(*) FILTER (WHERE (a.status = 'filed') <> (g.n = 1)) AS agreed_otherwise
FROM calib.adjustment a
CROSS JOIN LATERAL (SELECT count(*) AS n FROM calib.outbox o WHERE o.payload ->> 'adjustment_id' = a.adjustment_id::text) o
CROSS JOIN LATERAL (SELECT count(*) AS n FROM calib.agreement g WHERE g.adjustment_id = a.adjustment_id) g;
SELECT count(*) FILTER (WHERE upper_inf(g.valid) AND e ->> 'value' <> t.value::text) AS other_values, count(*) > 0 AS agreements
FROM calib.agreement g CROSS JOIN LATERAL jsonb_array_elements(g.terms -> 'targets') e
JOIN calib.target t ON t.target_id = (e ->> 'target_id')::bigint;
SELECT * FROM calib.verify();

RESET calib.clock;
DROP EXTENSION calib CASCADE;
DROP SCHEMA own CASCADE;
