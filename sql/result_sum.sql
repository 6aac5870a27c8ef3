-- result_sum, result_climb, unit_closure: whatever is written, moved and folded, they say
-- what plain SQL over the facts says.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
SET calib.clock = '2026-01-05 09:00+08';
BEGIN;
-- a forest of 3 regions, 8 teams and 40 reps
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT 1, NULL, 'company', 'C' UNION ALL SELECT 1 + n, 1, 'region', 'R' || n FROM generate_series(1, 3) n
UNION ALL SELECT 10 + n, 2 + n % 3, 'team', 'T' || n FROM generate_series(1, 8) n
UNION ALL SELECT 100 + n, 11 + n % 8, 'rep', 'P' || n FROM generate_series(1, 40) n;

-- the tree by climbing it, as unit_closure is not made
CREATE VIEW public.climbed AS
WITH RECURSIVE up (unit_id, ancestor_id, valid, depth) AS (
    SELECT u.unit_id, u.unit_id, daterange(NULL, NULL), 0::bigint FROM calib.unit u
    UNION ALL
    SELECT up.unit_id, h.parent_id, up.valid * h.valid, up.depth + 1
    FROM up JOIN calib.unit_history h ON h.unit_id = up.ancestor_id AND h.parent_id IS NOT NULL AND up.valid && h.valid
)
SELECT unit_id, ancestor_id, lower(valid) AS valid_from, upper(valid) AS valid_to, depth FROM up;
CREATE VIEW public.tree_differs AS
(TABLE public.climbed EXCEPT ALL TABLE calib.unit_tree) UNION ALL (TABLE calib.unit_tree EXCEPT ALL TABLE public.climbed);

-- what the facts say, and how what is kept differs
CREATE FUNCTION public.sums_differ(as_of timestamptz, known_at timestamptz, of_units bigint[] DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
    WITH plain AS (
        SELECT t.ancestor_id, r.measure, r.product_line, date_trunc('month', r.occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS month, sum(r.amount) AS amount
        FROM calib.result r
        CROSS JOIN LATERAL (SELECT (r.occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day) d
        JOIN public.climbed t ON t.unit_id = r.unit_id AND d.day >= coalesce(t.valid_from, d.day) AND d.day < coalesce(t.valid_to, d.day + 1)
        WHERE r.occurred_at <= as_of AND (known_at IS NULL OR r.recorded_at <= known_at)
          AND r.occurred_at >= '2026-01-01 00:00+08' AND r.occurred_at < '2026-07-01 00:00+08'
          AND (of_units IS NULL OR t.ancestor_id = ANY (of_units))
        GROUP BY 1, 2, 3, 4
    ), kept AS (
        SELECT k.* FROM calib.all_results_by_month('2026-01-01', '2026-07-01', as_of, known_at, of_units) k
    )
    SELECT count(*) FROM plain p FULL JOIN kept k
      ON k.unit_id = p.ancestor_id AND k.measure = p.measure AND k.product_line = p.product_line AND k.month = p.month
    -- a cell whose rows are all gone may be there with 0
    WHERE coalesce(p.amount, 0) <> coalesce(k.amount, 0);
$$;
CREATE FUNCTION public.lags_differ(as_of timestamptz) RETURNS bigint LANGUAGE sql AS $$
    WITH plain AS (
        SELECT t.ancestor_id AS unit_id, sum(extract(epoch FROM r.recorded_at) - extract(epoch FROM r.occurred_at)) AS seconds, count(*) AS results
        FROM calib.result r
        JOIN calib.unit_tree t ON t.unit_id = r.unit_id AND calib.today() >= coalesce(t.valid_from, '-infinity') AND calib.today() < coalesce(t.valid_to, 'infinity')
        WHERE r.occurred_at <= as_of AND r.occurred_at >= '2026-01-01 00:00+08' AND r.occurred_at < '2026-07-01 00:00+08' GROUP BY 1
    ), kept AS (
        SELECT k.unit_id, k.lag_seconds AS seconds, k.results
        FROM calib.all_result_lags('2026-01-01', '2026-07-01', as_of, calib.today(), ARRAY(SELECT u.unit_id FROM calib.unit u)) k
    )
    SELECT count(*) FROM plain p FULL JOIN kept k USING (unit_id)
    WHERE coalesce(p.seconds, 0) <> coalesce(k.seconds, 0) OR coalesce(p.results, 0) <> coalesce(k.results, 0);
$$;

SELECT count(*) AS differ FROM public.tree_differs;

-- a day at a time: facts come, change and go, people, teams and regions move, sums are folded
DO $$
DECLARE
    day date;
    clock timestamptz;
    unequal bigint;
BEGIN
    PERFORM setseed(0.31);
    FOR day IN SELECT g::date FROM generate_series('2026-01-05'::timestamp, '2026-05-20', interval '12 days') g LOOP
        clock := (day + time '12:00') AT TIME ZONE 'Asia/Shanghai';
        PERFORM set_config('calib.clock', clock::text, true);
        -- some of it later than now, some entered late
        INSERT INTO calib.result (source, external_id, unit_id, measure, product_line, occurred_at, amount, recorded_at)
        SELECT 'erp', day || '-' || n, 101 + (random() * 39)::integer, CASE WHEN random() < 0.8 THEN 'collection' ELSE 'sell_out' END,
               CASE WHEN random() < 0.7 THEN '' ELSE 'filters' END,
               x.at, (random() * 1000)::numeric(10, 2) - 200, CASE WHEN random() < 0.8 THEN clock ELSE x.at + interval '30 days' END
        FROM generate_series(1, 40) n
        CROSS JOIN LATERAL (SELECT clock - interval '1 hour' * (random() * 900 + n - 130) AS at) x;
        UPDATE calib.result r SET amount = r.amount + 1, unit_id = 101 + (random() * 39)::integer,
            occurred_at = r.occurred_at - interval '1 day' * (random() * 20)
        WHERE random() < 0.02;
        DELETE FROM calib.result r WHERE random() < 0.01;
        IF random() < 0.9 THEN
            UPDATE calib.unit SET parent_id = 11 + (random() * 7)::integer WHERE unit_id = 101 + (random() * 39)::integer AND kind = 'rep';
        END IF;
        IF random() < 0.5 THEN
            UPDATE calib.unit SET parent_id = 2 + (random() * 2)::integer WHERE unit_id = 11 + (random() * 7)::integer AND kind = 'team';
        END IF;
        IF random() < 0.5 THEN
            PERFORM calib.fold_result_sums(clock);
        END IF;
        SELECT public.sums_differ(clock, NULL) + public.sums_differ(clock, clock) + public.sums_differ(clock - interval '20 days', NULL)
             + public.sums_differ(clock + interval '20 days', clock - interval '10 days') + public.sums_differ(clock, NULL, '{2,3,11,101,102}')
             + public.lags_differ(clock) + (SELECT count(*) FROM public.tree_differs)
        INTO unequal;
        IF unequal > 0 THEN
            RAISE EXCEPTION '% differ on %', unequal, day;
        END IF;
    END LOOP;
END $$;
SELECT count(*) > 300 AS facts, count(*) FILTER (WHERE occurred_at > calib.clock()) > 0 AS some_to_come FROM calib.result;
SELECT count(*) > 10 AS moves FROM calib.unit_history WHERE NOT lower_inf(valid);

-- folded, the sums are of exactly the facts, and little is left that has not climbed
SELECT calib.fold_result_sums(calib.clock()) >= 0 AS folded, calib.fold_result_sums(calib.clock()) AS again;
SELECT count(*) AS twice FROM (SELECT FROM calib.result_sum GROUP BY unit_id, measure, product_line, month, last_at <= calib.clock() HAVING count(*) > 1) s;
SELECT sum(s.results) = (SELECT count(*) FROM calib.result) AS results, sum(s.amount) = (SELECT sum(r.amount) FROM calib.result r) AS amount FROM calib.result_sum s;
SELECT count(*) FILTER (WHERE climbed) > count(*) / 3 AS climbs, (SELECT count(*) FROM calib.result_climb_mark) AS marks FROM calib.result_sum;
SELECT public.sums_differ(calib.clock(), NULL) AS differ;
-- it is the sums that are read: a row nobody should write shows
INSERT INTO calib.result_sum SELECT s.unit_id, s.measure, s.product_line, s.month, 1e6, 1, 0, s.first_at, s.last_at, s.last_recorded FROM calib.result_sum s WHERE s.climbed AND s.month = '2026-03-01' LIMIT 1;
SELECT public.sums_differ(calib.clock(), NULL) > 0 AS shows;
-- and made anew it is gone
SELECT calib.sum_results_anew() > 0 AS made, public.sums_differ(calib.clock(), NULL) AS differ;
SELECT calib.fold_result_sums(calib.clock()) AS folded, public.sums_differ(calib.clock(), NULL) AS differ;

-- history corrected by hand: the closure follows, the sums too
UPDATE calib.unit_history SET parent_id = 4 WHERE unit_id = 12 AND lower_inf(valid);
SELECT count(*) AS differ FROM public.tree_differs;
SELECT public.sums_differ(calib.clock(), NULL) AS differ, count(DISTINCT unit_id) > 1 AS marked FROM calib.result_climb_mark;
SELECT calib.fold_result_sums(calib.clock()) >= 0 AS folded, public.sums_differ(calib.clock(), NULL) AS differ, public.sums_differ(calib.clock(), calib.clock(), '{1,2,3,4}') AS known;
DELETE FROM calib.unit_history WHERE unit_id = 13 AND upper_inf(valid);
SELECT count(*) AS differ FROM public.tree_differs;
SELECT public.sums_differ(calib.clock(), NULL) AS differ;
-- nobody has entered anything of a new unit, so nothing is marked for it
DELETE FROM calib.result_climb_mark;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (200, 12, 'rep', 'New');
SELECT count(*) AS marks FROM calib.result_climb_mark;
DELETE FROM calib.unit WHERE unit_id = 200;
SELECT count(*) AS left_over FROM calib.unit_closure WHERE unit_id = 200;
-- all facts at once
TRUNCATE calib.result;
SELECT count(*) AS sums, (SELECT count(*) FROM calib.result_climb) AS climbed FROM calib.result_sum;
ROLLBACK;

-- what is the company's own has climbed nowhere that could tell it happened later
BEGIN;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'C');
INSERT INTO calib.result (unit_id, occurred_at, amount, recorded_at) VALUES (1, '2026-04-03', 5, '2026-04-03'), (1, '2026-04-20', 7, '2026-04-20');
SET LOCAL calib.clock = '2026-05-01 09:00+08';
SELECT calib.fold_result_sums(calib.clock()) AS folded;
SELECT month, amount FROM calib.all_results_by_month('2026-04-01', '2026-05-01', '2026-04-10');
SELECT month, amount FROM calib.all_results_by_month('2026-04-01', '2026-05-01', calib.clock(), '2026-04-10');
ROLLBACK;

-- another zone, other months; before there are targets
BEGIN;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'rep', 'P');
INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (1, '2025-12-31 20:00+00', 5), (1, '2025-12-31 10:00+00', 7);
SELECT month, sum(amount) AS amount FROM calib.result_sum GROUP BY month ORDER BY month;
UPDATE calib.organisation SET zone = 'UTC';
SELECT month, sum(amount) AS amount FROM calib.result_sum GROUP BY month ORDER BY month;
ROLLBACK;

-- sums are folded where each statement sees what is committed
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT calib.fold_result_sums(calib.clock());
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
TRUNCATE calib.result;
ROLLBACK;

-- recorded at no time: the lag of all above would be no number, whatever is taken away again
BEGIN;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'rep', 'P');
SAVEPOINT s;
INSERT INTO calib.result (unit_id, occurred_at, amount, recorded_at) VALUES (1, '2026-01-02', 5, 'infinity');
ROLLBACK TO s;
INSERT INTO calib.result (unit_id, occurred_at, amount, recorded_at) VALUES (1, '2026-01-02', 5, '-infinity');
ROLLBACK TO s;
INSERT INTO calib.result (unit_id, occurred_at, amount, recorded_at) VALUES (1, '2026-01-02', 5, '2026-01-03');
UPDATE calib.result SET recorded_at = 'infinity';
ROLLBACK;
