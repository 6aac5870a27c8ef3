-- The survey: who may answer, and that nobody learns what few have answered.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET calib.clock = '2025-03-03 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'North'),
    (4, 2, 'team', 'Alpha'), (5, 2, 'team', 'Beta'), (6, 2, 'team', 'Gamma'), (7, 3, 'team', 'Delta'), (8, 3, 'team', 'Epsilon'),
    (9, 4, 'rep', 'Li');
CREATE FUNCTION answer(of_unit bigint, scores integer[], on_day date) RETURNS void LANGUAGE sql AS
$$ INSERT INTO calib.survey_response SELECT $1, $3, s FROM unnest($2) s $$;
CREATE FUNCTION answers(of_unit bigint, number integer, on_day date) RETURNS void LANGUAGE sql AS
$$ INSERT INTO calib.survey_response SELECT $1, $3, n % 11 FROM generate_series(1, $2) n $$;

-- 1. Who may answer, and what of it anybody reads
CREATE ROLE survey_rep; CREATE ROLE survey_manager; CREATE ROLE survey_nobody; CREATE ROLE survey_admin;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('survey_rep', 'rep', 9), ('survey_manager', 'manager', 2), ('survey_admin', 'admin', NULL);
CREATE FUNCTION try(who name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told bigint;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', who);
    EXECUTE statement;
    GET DIAGNOSTICS told = ROW_COUNT;
    RESET ROLE;
    RETURN told || ' row(s)';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- a rep about itself and all above; a manager about all below and above; not beside
SELECT who, unit_id, try(who, format('INSERT INTO calib.survey_response (unit_id, score) VALUES (%s, 9)', unit_id))
FROM (VALUES ('survey_rep', 9), ('survey_rep', 4), ('survey_rep', 1), ('survey_rep', 5), ('survey_rep', 3),
             ('survey_manager', 9), ('survey_manager', 6), ('survey_manager', 1), ('survey_manager', 7),
             ('survey_nobody', 1), ('survey_admin', 8)) v (who, unit_id);
-- for today alone; a score there is; a unit there is
SELECT day, try('survey_admin', format('INSERT INTO calib.survey_response VALUES (4, %L, 9)', day)) FROM unnest('{2025-03-02,2025-03-04,infinity}'::date[]) day;
SELECT score, try('survey_admin', format('INSERT INTO calib.survey_response (unit_id, score) VALUES (4, %L)', score)) FROM unnest('{-1,0,10,11,NULL}'::integer[]) score;
INSERT INTO calib.survey_response (unit_id, score) VALUES (99, 9);
-- no number is no score; a broken one is rounded as PostgreSQL does, in text it is refused; by COPY none
SELECT score, try('survey_admin', format('INSERT INTO calib.survey_response (unit_id, score) VALUES (4, %s)', score)) FROM unnest(ARRAY['''NaN''::numeric', '''NaN''::float8', '''5.5''', '5.5', '10.6', '-0.6']) score;
SELECT score FROM calib.survey_response WHERE score = 6;
DELETE FROM calib.survey_response WHERE score = 6;
SET ROLE survey_admin;
COPY calib.survey_response (unit_id, score) FROM STDIN;
4	9
\.
RESET ROLE;
-- nobody reads, changes or takes back, not even what was just entered
SELECT what, try('survey_admin', what) FROM unnest(ARRAY['SELECT FROM calib.survey_response', 'INSERT INTO calib.survey_response (unit_id, score) VALUES (4, 9) RETURNING score',
    'UPDATE calib.survey_response SET score = 0', 'DELETE FROM calib.survey_response', 'TRUNCATE calib.survey_response',
    'SELECT FROM calib.all_nps()']) what;
SET ROLE survey_admin;
COPY calib.survey_response TO STDOUT;
RESET ROLE;
-- nor guesses from what the planner estimates: it has no statistics
ANALYZE calib.survey_response;
SELECT count(*) AS statistics FROM pg_statistic WHERE starelid = 'calib.survey_response'::regclass;
-- no column says who or at what hour, no trail does
SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = 'calib.survey_response'::regclass AND attnum > 0;
SELECT count(*) AS on_the_trail FROM calib.audit WHERE relation ~ 'survey';
SELECT count(*) AS answers FROM calib.survey_response;
TRUNCATE calib.survey_response;

-- 2. The attacks.  What somebody can compute: any sum of the sums shown, each taken
-- once, added or subtracted.  `cells` are the answers as they are told apart by the
-- sums shown; a leak is a combination that leaves one to four answers and nothing else.
CREATE FUNCTION leaks(of_quarter date, shown bigint[]) RETURNS bigint LANGUAGE sql AS $$
WITH cell AS (
    SELECT sign.sums, count(*) AS answers
    FROM calib.survey_response s
    CROSS JOIN LATERAL (SELECT coalesce(array_agg(a.ancestor_id ORDER BY a.ancestor_id), '{}') AS sums
        FROM calib.unit_ancestors(s.answered_on, s.unit_id) a WHERE a.ancestor_id = ANY (shown)) sign
    WHERE s.answered_on >= of_quarter AND s.answered_on < of_quarter + interval '3 months'
    GROUP BY 1
), held AS (
    SELECT c.combination, cell.answers,
           (SELECT sum((c.combination / (3 ^ (i - 1))::bigint) % 3 - 1)
            FROM generate_series(1, cardinality(shown)) i WHERE shown[i] = ANY (cell.sums)) AS times
    FROM generate_series(0, (3 ^ cardinality(shown))::bigint - 1) AS c (combination) CROSS JOIN cell
), computed AS (
    SELECT h.combination FROM held h GROUP BY 1
    HAVING bool_and(coalesce(h.times, 0) IN (0, 1)) AND sum(h.answers * coalesce(h.times, 0)) BETWEEN 1 AND 4
)
SELECT count(*) FROM computed
$$;
CREATE FUNCTION shown(of_quarter date) RETURNS bigint[] LANGUAGE sql AS
$$ SELECT coalesce(array_agg(unit_id ORDER BY unit_id), '{}') FROM calib.nps_quarterly WHERE quarter_start = $1 AND NOT hidden $$;
-- what would be shown with the limit of five alone
CREATE FUNCTION naive(of_quarter date) RETURNS bigint[] LANGUAGE sql AS $$
SELECT array_agg(n.unit_id ORDER BY n.unit_id) FROM (
    SELECT a.ancestor_id AS unit_id FROM calib.survey_response s CROSS JOIN LATERAL calib.unit_ancestors(s.answered_on, s.unit_id) a
    WHERE s.answered_on >= $1 AND s.answered_on < $1 + interval '3 months' GROUP BY 1 HAVING count(*) >= 5) n
$$;

-- a. the score by hand: Alpha 10 9 9 8 7 6 0 = 3 promoters, 2 passives, 2 detractors of 7: 14.29
SELECT answer(4, '{10,9,9,8,7,6,0}', '2024-10-01'), answer(9, '{10}', '2024-12-31'), answer(5, '{9,9,9,9}', '2024-12-31');
SELECT unit_id, unit_name, unit_kind, quarter_start, answers, promoters, passives, detractors, round(nps::numeric, 2) AS nps, hidden FROM calib.nps_quarterly ORDER BY 1;
-- Beta's four would be East's 12 less Alpha's 8: Alpha is hidden with it. Li is one.
SELECT leaks('2024-10-01', naive('2024-10-01')) > 0 AS with_five_alone, leaks('2024-10-01', shown('2024-10-01')) AS now;

-- b. parent less siblings: Gamma's 3 = East's 21 - 10 - 8. Beta, the smaller, is hidden too.
SELECT answers(4, 10, '2025-01-10'), answers(5, 8, '2025-01-20'), answers(6, 3, '2025-02-01'), answers(7, 6, '2025-02-02'), answers(8, 5, '2025-02-03');
-- c. answers at a parent itself: East's own 2 = 13 - 5 - 6; so are North's own 5, which are enough
SELECT answers(2, 2, '2025-04-01'), answers(4, 5, '2025-05-01'), answers(5, 6, '2025-06-30'), answers(3, 5, '2025-04-01'), answers(7, 5, '2025-05-01'), answers(8, 5, '2025-06-01');
-- d. a unit moved: Gamma 3 in East, then 4 in North. Its 7 would be enough by themselves.
SELECT answers(6, 3, '2025-07-10'), answers(4, 5, '2025-07-11'), answers(5, 6, '2025-07-12'), answers(7, 6, '2025-09-10'), answers(8, 7, '2025-09-11'), answers(6, 4, '2025-09-12');
SET calib.clock = '2025-08-11 09:00+08';
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 6;
SET calib.clock = '2025-10-01 00:00+08';
SELECT quarter_start, string_agg(unit_name || ' ' || answers, ', ' ORDER BY unit_id) AS shown, leaks(quarter_start, naive(quarter_start)) > 0 AS with_five_alone, leaks(quarter_start, shown(quarter_start)) AS leaks
FROM calib.nps_quarterly WHERE NOT hidden AND quarter_start >= '2025-01-01' GROUP BY 1 ORDER BY 1;
-- what is hidden does not say why: none, few, or to cover another
SELECT DISTINCT hidden, answers, promoters, passives, detractors, nps FROM calib.nps_quarterly WHERE hidden;
SELECT count(*) AS rows_by_quarter FROM calib.nps_quarterly GROUP BY quarter_start;
-- e. a later move changes nothing of a closed quarter
SELECT md5(string_agg(n::text, ',' ORDER BY n.quarter_start, n.unit_id)) AS before FROM calib.nps_quarterly n \gset
BEGIN;
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 4;
SELECT md5(string_agg(n::text, ',' ORDER BY n.quarter_start, n.unit_id)) = :'before' AS as_before FROM calib.nps_quarterly n;
ROLLBACK;
-- f. in time: a quarter that runs shows nothing, or each answer would be today's less yesterday's
SET calib.clock = '2025-12-31 23:59+08';
SELECT answers(7, 6, '2025-11-11');
SELECT count(*) AS running FROM calib.nps_quarterly WHERE quarter_start = '2025-10-01';
SET calib.clock = '2026-01-01 00:00+08';
SELECT unit_name, answers FROM calib.nps_quarterly WHERE quarter_start = '2025-10-01' AND NOT hidden ORDER BY unit_id;
-- nor are quarters cut anew: a month's answers would be the difference of two quarters
UPDATE calib.organisation SET fiscal_start_month = 2;
UPDATE calib.organisation SET zone = 'America/New_York';  -- there it is still December
UPDATE calib.organisation SET currency = 'EUR';
-- g. everybody sees the same figures, of the units they see
SET ROLE survey_manager;
SELECT unit_id, quarter_start, answers FROM calib.nps_quarterly WHERE quarter_start >= '2025-04-01' AND NOT hidden ORDER BY 2, 1;
SELECT DISTINCT unit_id FROM calib.nps_quarterly ORDER BY 1;
RESET ROLE;

-- h. by chance: seven units that move in the quarter, answers anywhere
CREATE TABLE round_of (quarter_start date, shown bigint[], naive bigint[]);
CREATE PROCEDURE play(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
    first_day date;
BEGIN
    PERFORM setseed(0.42);
    FOR n IN 1 .. rounds LOOP
        first_day := ('2026-01-01'::date + make_interval(months => 3 * n))::date;
        PERFORM set_config('calib.clock', (first_day + 40) || ' 09:00+08', false);
        UPDATE calib.unit SET parent_id = 2 + floor(random() * 2)::integer WHERE unit_id BETWEEN 4 AND 8 AND random() < 0.15;
        INSERT INTO calib.survey_response
        SELECT u.unit_id, first_day + 35 + floor(random() * 10)::integer, floor(random() * 11)::integer
        FROM calib.unit u CROSS JOIN LATERAL generate_series(1, floor(9 * random() * random() + 0 * u.unit_id)::integer)
        WHERE u.unit_id BETWEEN 2 AND 8;
    END LOOP;
    PERFORM set_config('calib.clock', (first_day + 100) || ' 09:00+08', false);
END $$;
CALL play(40);
INSERT INTO round_of SELECT q.quarter_start, shown(q.quarter_start), naive(q.quarter_start)
FROM (SELECT DISTINCT quarter_start FROM calib.nps_quarterly WHERE quarter_start > '2026-01-01') q;
SELECT count(*) AS quarters, count(*) FILTER (WHERE leaks(quarter_start, naive) > 0) >= 10 AS many_leak_with_five_alone,
       sum(leaks(quarter_start, shown)) AS leaks, avg(cardinality(shown)) > 2 AS not_all_hidden
FROM round_of;

DROP EXTENSION calib CASCADE;
DROP TABLE round_of;
DROP FUNCTION answer, answers, leaks, shown, naive, try;
DROP PROCEDURE play;
DROP ROLE survey_rep, survey_manager, survey_nobody, survey_admin;
