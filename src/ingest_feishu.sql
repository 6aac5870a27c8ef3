-- Feishu and Lark: reports filed, and the rules that say who owes one.

-- A report and the duty to file it are one fact, under the duty's key: open until a
-- report answers it. Which report answers which duty must come out the same whichever
-- is told first and however often, so what is owed is kept here, known person or not.
CREATE TABLE calib.report_duty (
    source text NOT NULL,
    rule text NOT NULL,
    reporter text NOT NULL,
    due_at timestamptz NOT NULL CHECK (isfinite(due_at)),
    filed_at timestamptz CHECK (isfinite(filed_at)),
    PRIMARY KEY (source, rule, reporter, due_at)
);
COMMENT ON TABLE calib.report_duty IS
'Reports that a chat suite''s rules ask for: who owes one, until when, and when it was filed; written by calib.ingest alone.';
COMMENT ON COLUMN calib.report_duty.source IS 'The source given to calib.ingest.';
COMMENT ON COLUMN calib.report_duty.rule IS 'The rule''s id there.';
COMMENT ON COLUMN calib.report_duty.reporter IS 'The person''s id there.';
COMMENT ON COLUMN calib.report_duty.due_at IS 'Until when.';
COMMENT ON COLUMN calib.report_duty.filed_at IS 'When the first report that answers it was filed; NULL: none was.';
SELECT calib.keep_in_dump('calib.report_duty');

CREATE FUNCTION calib.report_duty_key(duty calib.report_duty) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 'duty:' || jsonb_build_array((duty).rule, (duty).reporter, (extract(epoch FROM (duty).due_at) * 1000)::bigint)::text;
END;
COMMENT ON FUNCTION calib.report_duty_key(calib.report_duty) IS 'The key of a duty''s fact.';
REVOKE EXECUTE ON FUNCTION calib.report_duty_key(calib.report_duty) FROM PUBLIC;

CREATE FUNCTION calib.report_duty_fact(duty calib.report_duty) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'external_id', calib.report_duty_key(duty), 'unit', (duty).reporter, 'kind', 'log_report',
        'outcome', CASE WHEN (duty).filed_at IS NULL THEN 'open' ELSE 'filed' END,
        'occurred_at', coalesce((duty).filed_at, (duty).due_at), 'due_at', (duty).due_at);
END;
COMMENT ON FUNCTION calib.report_duty_fact(calib.report_duty) IS
'A duty as a fact: open at its due time, or filed when it was.';
REVOKE EXECUTE ON FUNCTION calib.report_duty_fact(calib.report_duty) FROM PUBLIC;

CREATE FUNCTION calib.feishu_rules(source text, items jsonb, due_at timestamptz)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH owed AS (
        SELECT DISTINCT r.value ->> 'rule_id' AS rule, u.reporter
        FROM jsonb_array_elements(items) AS r (value)
        CROSS JOIN LATERAL jsonb_array_elements_text(
            CASE jsonb_typeof(r.value -> 'need_report_user_ids') WHEN 'array' THEN r.value -> 'need_report_user_ids' ELSE '[]' END)
            AS u (reporter)
        WHERE coalesce(r.value ->> 'is_deleted', '0') = '0'
    ), kept AS (
        -- the row as it is comes back, filed or not
        INSERT INTO calib.report_duty AS d (source, rule, reporter, due_at)
        SELECT $1, o.rule, o.reporter, $3 FROM owed o ORDER BY o.rule, o.reporter
        ON CONFLICT ON CONSTRAINT report_duty_pkey DO UPDATE SET filed_at = d.filed_at
        RETURNING d.*
    )
    SELECT calib.report_duty_key(k), calib.report_duty_fact(k)
    FROM (SELECT ROW(k.*)::calib.report_duty AS k FROM kept k) AS k;
END $$;
COMMENT ON FUNCTION calib.feishu_rules(text, jsonb, timestamptz) IS
'Facts of the answers of report/v1/rules/query: a report owed by due_at by each person a rule names.';
REVOKE EXECUTE ON FUNCTION calib.feishu_rules(text, jsonb, timestamptz) FROM PUBLIC;

-- A report answers the duty its caller names, or the first of its rule and author that
-- was not due before it was filed. What answers no duty is a fact of its own, until a
-- duty is known that it answers (fact NULL: take it back).
CREATE FUNCTION calib.feishu_tasks(source text, items jsonb, due_at timestamptz)
RETURNS TABLE (external_id text, fact jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH filed AS MATERIALIZED (
        SELECT t.task, t.rule, t.reporter, t.filed_at,
               CASE WHEN t.rule IS NULL THEN NULL ELSE coalesce($3, (
                   SELECT min(d.due_at) FROM calib.report_duty d
                   WHERE d.source = $1 AND d.rule = t.rule AND d.reporter = t.reporter AND d.due_at >= t.filed_at)) END AS due
        FROM (
            SELECT DISTINCT ON (i.value ->> 'task_id') i.value ->> 'task_id' AS task, nullif(i.value ->> 'rule_id', '') AS rule,
                   i.value ->> 'from_user_id' AS reporter, calib.epoch_at(i.value -> 'commit_time') AS filed_at
            FROM jsonb_array_elements(items) WITH ORDINALITY AS i (value, n)
            ORDER BY i.value ->> 'task_id', i.n DESC) AS t
    ), kept AS (
        INSERT INTO calib.report_duty AS d (source, rule, reporter, due_at, filed_at)
        SELECT $1, f.rule, f.reporter, f.due, min(f.filed_at)
        FROM filed f
        WHERE f.due IS NOT NULL
        GROUP BY f.rule, f.reporter, f.due
        ORDER BY f.rule, f.reporter, f.due
        ON CONFLICT ON CONSTRAINT report_duty_pkey DO UPDATE SET filed_at = least(d.filed_at, excluded.filed_at)
        RETURNING d.*
    )
    SELECT calib.report_duty_key(k), calib.report_duty_fact(k)
    FROM (SELECT ROW(k.*)::calib.report_duty AS k FROM kept k) AS k
    UNION ALL
    SELECT f.task, CASE WHEN f.due IS NULL THEN jsonb_strip_nulls(jsonb_build_object(
        'external_id', f.task, 'unit', f.reporter, 'kind', 'log_report', 'outcome', 'filed',
        'occurred_at', f.filed_at, 'due_at', $3)) END
    FROM filed f;
END $$;
COMMENT ON FUNCTION calib.feishu_tasks(text, jsonb, timestamptz) IS
'Facts of the answers of report/v1/tasks/query.';
REVOKE EXECUTE ON FUNCTION calib.feishu_tasks(text, jsonb, timestamptz) FROM PUBLIC;
