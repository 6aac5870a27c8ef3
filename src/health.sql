-- Health: what a DBA looks at, and monitoring reads.

CREATE FUNCTION calib.library_version() RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_library_version';
COMMENT ON FUNCTION calib.library_version() IS
'The version of the loaded library; pg_extension tells that of the SQL objects.';

-- A quarter of an hour, as for any job that runs every minute.
CREATE FUNCTION calib.summary_state(OUT ok boolean, OUT detail text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT w.marks = 0 OR coalesce(r.finished_at > clock_timestamp() - interval '15 minutes', false),
           CASE WHEN w.marks = 0 THEN 'All is summed up.'
                ELSE w.marks || CASE WHEN w.marks > 1000000 THEN ' marks or more' ELSE ' marks' END
                     || ' wait for the job rollup, which ' || coalesce('last ran at ' || r.finished_at, 'never ran') || '.' END
    FROM (SELECT count(*) AS marks FROM (SELECT FROM calib.activity_mark m LIMIT 1000001) m) w
    CROSS JOIN (SELECT max(r.finished_at) AS finished_at FROM calib.job_run r WHERE r.job = 'rollup' AND r.error IS NULL) r;
END;
COMMENT ON FUNCTION calib.summary_state() IS
'Whether what is marked is being summed up: not ok where marks wait and the job rollup has not run for a quarter of an hour.';

CREATE FUNCTION calib.health()
RETURNS TABLE (check_name text, ok boolean, detail text)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 13
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    SELECT 'triggers', count(*) FILTER (WHERE NOT s.ok) = 0,
           coalesce(string_agg(concat_ws(' ', s.relation, s.trigger) || ': ' || s.problem, '; ' ORDER BY s.relation, s.trigger)
                        FILTER (WHERE NOT s.ok) || '. calib.rearm() mends them.',
                    count(*) || ' stand as they must.')
    FROM calib.trigger_state s
    UNION ALL
    SELECT 'rights', count(*) FILTER (WHERE NOT r.stands) = 0,
           coalesce(string_agg(r.relation || ' ' || r.command, '; ' ORDER BY r.relation, r.command)
                        FILTER (WHERE NOT r.stands) || ': row-level security is off, or its policy is gone. calib.rearm_rights() mends them.',
                    count(*) || ' policies stand.')
    FROM (SELECT 'calib.' || r.relation AS relation, r.command, c.relrowsecurity AND EXISTS (
              SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = lower(r.command)) AS stands
          FROM calib.row_rights() r
          JOIN pg_class c ON c.relname = r.relation AND c.relnamespace = 'calib'::regnamespace) r
    UNION ALL
    -- an hour is sixty times what a job that seals every minute leaves open
    SELECT 'ledger', coalesce(w.oldest_at > clock_timestamp() - interval '1 hour', true),
           w.unsealed_rows || ' rows in no block yet' || coalesce(', the oldest since ' || w.oldest_at, '')
               || coalesce('; last sealed ' || w.sealed_at, '; never sealed')
               || coalesce('; ' || w.writer || ' writes since ' || w.writer_since, '') || '.'
    FROM calib.unsealed w
    UNION ALL
    SELECT 'last block', count(*) FILTER (WHERE NOT v.ok) = 0,
           coalesce(string_agg(concat_ws(': ', 'block ' || v.block, v.problem), '; ') FILTER (WHERE NOT v.ok) || '. calib.verify() checks all of them.',
                    'Block ' || max(v.block) || ' is what was sealed.', 'Nothing is sealed yet.')
    FROM calib.verify_last() v
    UNION ALL
    SELECT 'version', e.extversion = calib.library_version(),
           CASE WHEN e.extversion = calib.library_version() THEN e.extversion || '.'
                ELSE 'The extension is ' || e.extversion || ', the library ' || calib.library_version()
                    || ': ALTER EXTENSION calib UPDATE, and begin new sessions.' END
    FROM pg_extension e WHERE e.extname = 'calib'
    UNION ALL
    SELECT 'jobs', bool_and(p.problem IS NULL),
           coalesce(string_agg(p.jobs || ': ' || p.problem, '; ' ORDER BY p.jobs) FILTER (WHERE p.problem IS NOT NULL) || '.',
                    sum(p.n) || ' jobs run when they are due.')
    FROM (SELECT string_agg(j.job, ', ' ORDER BY j.job) AS jobs, count(*) AS n, j.problem FROM calib.job_problems() j GROUP BY j.problem) p
    UNION ALL
    SELECT 'scheduler', s.ok, s.detail FROM calib.scheduler_state() s
    UNION ALL
    SELECT 'summaries', s.ok, s.detail FROM calib.summary_state() s
    UNION ALL
    SELECT 'clock', c.clock = '',
           CASE WHEN c.clock = '' THEN 'Real time.' ELSE 'calib.clock plays ' || c.clock || ' in this session: what it writes is marked simulated.' END
    FROM (SELECT coalesce(current_setting('calib.clock', true), '') AS clock) c
    UNION ALL
    SELECT 'restoring', NOT r.restoring,
           CASE WHEN r.restoring THEN 'calib.restoring is on in this session: no rule holds, nothing is on the trail.' ELSE 'Off.' END
    FROM (SELECT calib.restoring() AS restoring) r
    UNION ALL
    SELECT 'policy', max(p.valid_from) IS NOT NULL,
           coalesce('The one for everyone is of ' || max(p.valid_from) || '.', 'None for everyone is in force: no target changes (55000).')
    FROM calib.policy p
    WHERE p.unit_id IS NULL AND p.valid_from <= calib.today()
    UNION ALL
    SELECT 'feeds', count(f.problem) = 0,
           coalesce(string_agg(f.feed || ': ' || f.problem, '; ' ORDER BY f.feed) FILTER (WHERE f.problem IS NOT NULL) || '.',
                    count(*) || ' feeds.')
    FROM calib.feed_problems() f
    UNION ALL
    SELECT 'feed errors', count(*) = 0,
           coalesce(string_agg(w.source || ': ' || w.facts || ', the oldest since ' || w.oldest_at, '; ' ORDER BY w.source)
                        || '. calib.feed_error says why; calib.pull() tries them again.', 'None.')
    FROM calib.facts_waiting() w;
END;
COMMENT ON FUNCTION calib.health() IS
'What is in order and what is not, a row per check: triggers, rights, ledger (rows in no block for more than an hour), last block (of the ledger, verified), version (extension and library), jobs (not scheduled, late, failed, or ahead of time), scheduler, summaries (marks wait and the job rollup does not run), clock, restoring, policy, feeds (dropped, another owner''s, never filled, not pulled for a day), feed errors. For DBAs and monitoring; anybody may call it.';
