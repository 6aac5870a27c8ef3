-- Rules: what calib looks for by itself, as rows: a kind with parameters.

CREATE TABLE calib.rule (
    rule text PRIMARY KEY CHECK (rule <> '' AND length(rule) <= 100 AND rule !~ ':' AND rule NOT IN ('deviation', 'workflow', 'meeting')),
    kind text NOT NULL,
    parameters jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    enabled boolean NOT NULL DEFAULT false,
    since date NOT NULL DEFAULT calib.today() CHECK (isfinite(since)),
    unit_id bigint REFERENCES calib.unit,
    makes text NOT NULL DEFAULT 'reminder' CHECK (makes IN ('reminder', 'deviation', 'report')),
    duty text NOT NULL DEFAULT 'manager' CHECK (duty IN ('rep', 'manager')),
    due_hours integer CHECK (due_hours >= 0 AND due_hours <= 8784),
    label_en text NOT NULL,
    label_zh text NOT NULL
);
COMMENT ON TABLE calib.rule IS
'What calib looks for by itself: a kind with parameters, for everyone or for a unit and all below it. Kinds and parameters: docs/rule.md.';
COMMENT ON COLUMN calib.rule.rule IS 'Name: at most 100 characters, without a colon.';
COMMENT ON COLUMN calib.rule.kind IS 'every_nth_contact, weeks_without, stage_older_than, indicator_below, result_missing or weekly_report.';
COMMENT ON COLUMN calib.rule.parameters IS 'The kind''s parameters; a fault in them is refused (22023).';
COMMENT ON COLUMN calib.rule.enabled IS 'Whether it is looked for.';
COMMENT ON COLUMN calib.rule.since IS 'First day it holds: contacts and weeks are counted from it on, and nothing is made before it. Enabling a rule sets it to today.';
COMMENT ON COLUMN calib.rule.unit_id IS 'The unit it holds for, and all below it; NULL: everyone.';
COMMENT ON COLUMN calib.rule.makes IS 'What comes of it: a reminder, a deviation or a report.';
COMMENT ON COLUMN calib.rule.duty IS 'Whom a reminder is for: rep or manager.';
COMMENT ON COLUMN calib.rule.due_hours IS 'Hours until a reminder is due; NULL: no due time.';
COMMENT ON COLUMN calib.rule.label_en IS 'Label in English.';
COMMENT ON COLUMN calib.rule.label_zh IS 'Label in Chinese.';

-- Parameters --------------------------------------------------------------------

CREATE FUNCTION calib.rule_parameters()
RETURNS TABLE (kind text, parameter text, type text, at_least numeric, at_most numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
    SELECT v.* FROM (VALUES
        ('every_nth_contact', 'n', 'integer', 2::numeric, 10000::numeric),
        ('every_nth_contact', 'kinds', 'activity_kinds', NULL, NULL),
        ('weeks_without', 'indicator', 'indicator', NULL, NULL),
        ('weeks_without', 'weeks', 'integer', 1, 52),
        ('stage_older_than', 'stages', 'stages', NULL, NULL),
        ('stage_older_than', 'days', 'integer', 0, 3660),
        ('indicator_below', 'indicator', 'indicator', NULL, NULL),
        ('indicator_below', 'value', 'number', -1000000, 1000000),
        ('indicator_below', 'weeks', 'integer', 1, 52),
        ('result_missing', 'measure', 'text', NULL, NULL),
        ('result_missing', 'days', 'integer', 1, 3660),
        ('weekly_report', 'weekday', 'integer', 1, 7),
        ('weekly_report', 'at', 'time', NULL, NULL),
        ('weekly_report', 'due_hours', 'integer', 0, 168)) AS v (kind, parameter, type, at_least, at_most);
END;
COMMENT ON FUNCTION calib.rule_parameters() IS
'The kinds of rules and the parameters each one takes, all of them required: type is integer or number (within at_least and at_most), text, time (HH:MM), indicator, or a list of activity_kinds or stages.';

CREATE FUNCTION calib.parameter_fault(type text, at_least numeric, at_most numeric, value jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    word text := $4 #>> '{}';
    unknown text;
BEGIN
    IF $4 IS NULL THEN
        RETURN 'is missing';
    END IF;
    IF $1 IN ('integer', 'number') THEN
        IF jsonb_typeof($4) <> 'number' OR ($1 = 'integer' AND word !~ '^-?[0-9]+$') THEN
            RETURN format('must be %s number', CASE $1 WHEN 'integer' THEN 'a whole' ELSE 'a' END);
        END IF;
        RETURN CASE WHEN word::numeric NOT BETWEEN $2 AND $3 THEN format('must be within %s and %s', $2, $3) END;
    END IF;
    IF $1 IN ('activity_kinds', 'stages') THEN
        IF jsonb_typeof($4) <> 'array' OR $4 = '[]' THEN
            RETURN 'must be a list';
        END IF;
        SELECT string_agg(format('%s', e.value), ', ') INTO unknown
        FROM jsonb_array_elements($4) AS e (value)
        WHERE jsonb_typeof(e.value) <> 'string' OR NOT CASE $1
            WHEN 'stages' THEN EXISTS (SELECT FROM calib.stage s WHERE s.stage = e.value #>> '{}')
            ELSE EXISTS (SELECT FROM calib.activity_kind k WHERE k.kind = e.value #>> '{}') END;
        RETURN format('names what is in no row of calib.%s: ', CASE $1 WHEN 'stages' THEN 'stage' ELSE 'activity_kind' END) || unknown;
    END IF;
    -- what it names is in the key of a deviation, which an index takes only so long
    IF jsonb_typeof($4) <> 'string' OR word = '' OR length(word) > 200 THEN
        RETURN 'must be a text of at most 200 characters';
    END IF;
    RETURN CASE
        WHEN $1 = 'time' AND word !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' THEN 'must be a time of day as HH:MM'
        WHEN $1 = 'indicator' AND NOT EXISTS (SELECT FROM calib.indicator i WHERE i.code = word)
        THEN format('names no indicator: %s', $4)
    END;
END $$;
COMMENT ON FUNCTION calib.parameter_fault(text, numeric, numeric, jsonb) IS
'What is wrong with the value of a parameter of this type; NULL: nothing.';
REVOKE EXECUTE ON FUNCTION calib.parameter_fault(text, numeric, numeric, jsonb) FROM PUBLIC;

CREATE FUNCTION calib.rule_faults(rule calib.rule) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM calib.rule_parameters() p WHERE p.kind = ($1).kind) THEN
        RETURN NEXT format('there is no kind "%s"; the kinds are %s', ($1).kind,
            (SELECT string_agg(DISTINCT p.kind, ', ' ORDER BY p.kind) FROM calib.rule_parameters() p));
        RETURN;
    END IF;
    RETURN QUERY
    SELECT format('parameter "%s" %s', p.parameter, f.fault)
    FROM calib.rule_parameters() p
    CROSS JOIN LATERAL calib.parameter_fault(p.type, p.at_least, p.at_most, ($1).parameters -> p.parameter) AS f (fault)
    WHERE p.kind = ($1).kind AND f.fault IS NOT NULL
    UNION ALL
    SELECT format('kind %s has no parameter "%s"', ($1).kind, k.name)
    FROM jsonb_object_keys(($1).parameters) AS k (name)
    WHERE NOT EXISTS (SELECT FROM calib.rule_parameters() p WHERE p.kind = ($1).kind AND p.parameter = k.name);
    IF (($1).makes = 'report') <> (($1).kind = 'weekly_report') THEN
        RETURN NEXT 'a weekly_report makes a report, and nothing else does';
    END IF;
    IF ($1).kind = 'every_nth_contact' AND ($1).makes = 'deviation' THEN
        RETURN NEXT 'a contact is no deviation: every_nth_contact makes a reminder';
    END IF;
END $$;
COMMENT ON FUNCTION calib.rule_faults(calib.rule) IS
'Everything that is wrong with a rule, one line each; no row: nothing.';
REVOKE EXECUTE ON FUNCTION calib.rule_faults(calib.rule) FROM PUBLIC;

CREATE FUNCTION calib.fill_rule() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.rule'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.fill_rule keeps table calib.rule only';
    END IF;
    IF NOT calib.restoring() AND NEW.since = OLD.since THEN
        NEW.since := calib.today();
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION calib.fill_rule() IS
'Trigger: a rule that is enabled holds from today on, unless the same statement says since when.';
REVOKE EXECUTE ON FUNCTION calib.fill_rule() FROM PUBLIC;
CREATE TRIGGER fill_rule BEFORE UPDATE ON calib.rule
    FOR EACH ROW WHEN (NEW.enabled AND NOT OLD.enabled) EXECUTE FUNCTION calib.fill_rule();
ALTER TABLE calib.rule ENABLE ALWAYS TRIGGER fill_rule;

CREATE FUNCTION calib.keep_rule() RETURNS trigger
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    faults text;
BEGIN
    IF TG_RELID <> 'calib.rule'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.keep_rule keeps table calib.rule only';
    END IF;
    IF calib.restoring() THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(f.fault, '; ') INTO faults FROM calib.rule_faults(NEW) AS f (fault);
    IF faults IS NULL THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = '22023',
        MESSAGE = format('rule "%s" cannot be followed', NEW.rule),
        DETAIL = upper(left(faults, 1)) || substr(faults, 2) || '.',
        HINT = 'SELECT * FROM calib.rule_parameters() lists what each kind takes.';
END $$;
COMMENT ON FUNCTION calib.keep_rule() IS
'Trigger: a rule is of a kind there is and has that kind''s parameters; the detail names every fault (22023).';
REVOKE EXECUTE ON FUNCTION calib.keep_rule() FROM PUBLIC;
CREATE TRIGGER keep_rule AFTER INSERT OR UPDATE ON calib.rule
    FOR EACH ROW EXECUTE FUNCTION calib.keep_rule();
ALTER TABLE calib.rule ENABLE ALWAYS TRIGGER keep_rule;

-- The three a small firm begins with.
INSERT INTO calib.rule (rule, kind, parameters, since, makes, duty, due_hours, label_en, label_zh) VALUES
    ('weekly_report', 'weekly_report', '{"weekday": 5, "at": "16:00", "due_hours": 8}', '2000-01-01', 'report', 'rep', NULL,
     'Weekly report on Friday afternoon', '每周五下午的个人周报'),
    ('every_10th_contact', 'every_nth_contact', '{"n": 10, "kinds": ["visit", "call", "email", "follow_up"]}', '2000-01-01', 'reminder', 'rep', 48,
     'Fill in the progress at every 10th contact', '每第10次联系提示填写商机进展'),
    ('two_weeks_without_a_new_customer', 'weeks_without', '{"indicator": "new_customers", "weeks": 2}', '2000-01-01', 'reminder', 'manager', 120,
     'Talk after two weeks without a new customer', '连续两周无新客户触发主管约谈');
SELECT calib.keep_in_dump('calib.rule', seeded => true);
SELECT calib.put_on_trail('calib.rule');

-- Whom a rule is for ------------------------------------------------------------

CREATE FUNCTION calib.rule_scope(of_kind text, as_of timestamptz)
RETURNS TABLE (rule text, parameters jsonb, since date, unit_id bigint, depth integer)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT r.rule, r.parameters, r.since, u.unit_id, a.depth
    FROM calib.rule r
    CROSS JOIN calib.unit u
    LEFT JOIN calib.unit_ancestors(calib.day_of(as_of)) a ON a.unit_id = u.unit_id AND a.ancestor_id = r.unit_id
    WHERE r.enabled AND r.kind = of_kind AND r.since <= calib.day_of(as_of)
      AND u.active @> calib.day_of(as_of) AND (r.unit_id IS NULL OR a.unit_id IS NOT NULL);
END;
COMMENT ON FUNCTION calib.rule_scope(text, timestamptz) IS
'The rules of a kind that hold at a time, each with the active units it is for; depth: how far above the unit it is set, NULL: for everyone. Internal.';
REVOKE EXECUTE ON FUNCTION calib.rule_scope(text, timestamptz) FROM PUBLIC;
