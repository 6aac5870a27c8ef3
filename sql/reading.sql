-- However little of it is read, a diagnosis says the same: of some units, up to a decision,
-- up to the quadrant.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
SET calib.clock = '2025-01-01 09:00+08';
BEGIN;
-- eight regions of three teams of three; two of the regions compare with their own past only
INSERT INTO calib.unit (unit_id, parent_id, kind, name, peer_group)
SELECT 1, NULL::bigint, 'company', 'C', NULL
UNION ALL SELECT 1 + n, 1, 'region', 'R' || n, CASE WHEN n > 6 THEN 'new' END FROM generate_series(1, 8) n
UNION ALL SELECT 10 + n, 2 + n % 8, 'team', 'T' || n, NULL FROM generate_series(1, 24) n
UNION ALL SELECT 100 + n, 11 + n % 24, 'rep', 'P' || n, CASE WHEN n % 3 = 0 THEN 'key' END FROM generate_series(1, 72) n;
UPDATE calib.unit SET active = daterange('2025-06-20', NULL) WHERE unit_id IN (105, 106);
DO 'BEGIN PERFORM setseed(0.17); END';
INSERT INTO calib.customer (customer_id, unit_id, name, created_at)
SELECT n, 101 + n % 72, 'K' || n, '2024-01-01'::timestamptz + interval '1 day' * (random() * 500)::integer FROM generate_series(1, 400) n;
-- what each region is like: how much it does, gets, wins, and how widely
CREATE TABLE public.region AS
SELECT 1 + n AS unit_id, (ARRAY[1.3, 0.4, 1.2, 1.1, 0.4, 1.3, 1, 1.2])[n] AS acts, (ARRAY[0.6, 1.9, 1.6, 0.5, 0.5, 1.0, 0.7, 0.5])[n] AS gets,
       (ARRAY[0.5, 0.5, 0.5, 0.02, 0.5, 0.4, 0.02, 0.5])[n] AS wins, (ARRAY[5, 5, 5, 1, 5, 1, 5, 5])[n] AS customers
FROM generate_series(1, 8) n;
INSERT INTO calib.target (unit_id, product_line, grain, period_start, original_value, value)
SELECT u.unit_id, l.line, p.grain, p.day::date, v.value, v.value
FROM calib.unit u
CROSS JOIN (VALUES ('', 1.0), ('filters', 0.4)) l (line, part)
CROSS JOIN (SELECT 'quarter' AS grain, d AS day, 3 AS months FROM generate_series('2025-04-01'::timestamp, '2025-10-01', '3 months') d
            UNION ALL SELECT 'month', d, 1 FROM generate_series('2025-07-01'::timestamp, '2025-12-01', '1 month') d) p
CROSS JOIN LATERAL (SELECT l.part * p.months * 900 * CASE u.kind WHEN 'rep' THEN 1 WHEN 'team' THEN 3 ELSE 9 END AS value) v
-- the company, and one region, have the sums of those below
WHERE u.kind <> 'company' AND u.unit_id <> 5;
INSERT INTO calib.result (unit_id, product_line, occurred_at, amount, recorded_at)
SELECT u.unit_id, CASE WHEN n % 5 < 2 THEN 'filters' ELSE '' END, x.at, round((g.gets * 70 * (0.6 + random() * 0.8))::numeric, 2), x.at + interval '5 hours'
FROM calib.unit u JOIN calib.unit t ON t.unit_id = u.parent_id JOIN public.region g ON g.unit_id = t.parent_id
CROSS JOIN generate_series(1, 115) n
CROSS JOIN LATERAL (SELECT '2025-04-01 10:00+08'::timestamptz + interval '1 hour' * (n * 57 + u.unit_id % 40) AS at) x
WHERE u.kind = 'rep';
INSERT INTO calib.activity (unit_id, customer_id, product_line, kind, occurred_at, recorded_at)
SELECT u.unit_id, 1 + (u.unit_id * 7 + (random() * g.customers)::integer * 72) % 400, CASE WHEN n % 4 = 0 THEN 'filters' ELSE '' END,
       (ARRAY['visit', 'call', 'quote'])[1 + n % 3], x.at, x.at + interval '1 hour' * (random() * 60)
FROM calib.unit u JOIN calib.unit t ON t.unit_id = u.parent_id JOIN public.region g ON g.unit_id = t.parent_id
CROSS JOIN generate_series(1, 230) n
CROSS JOIN LATERAL (SELECT '2025-01-05 09:00+08'::timestamptz + interval '1 hour' * (n * 36 + random() * 20) AS at) x
WHERE u.kind = 'rep' AND random() < g.acts / 1.3;
INSERT INTO calib.opportunity (customer_id, unit_id, product_line, outcome, created_at, stage_since, closed_at)
SELECT 1 + n % 400, u.unit_id, CASE WHEN n % 3 = 0 THEN 'filters' ELSE '' END,
       CASE WHEN n % 4 = 0 THEN 'open' WHEN random() < g.wins THEN 'won' ELSE 'lost' END, x.at, x.at, CASE WHEN n % 4 <> 0 THEN x.at + interval '20 days' END
FROM calib.unit u JOIN calib.unit t ON t.unit_id = u.parent_id JOIN public.region g ON g.unit_id = t.parent_id
CROSS JOIN generate_series(1, 24) n
CROSS JOIN LATERAL (SELECT '2025-03-20 10:00+08'::timestamptz + interval '10 days' * n AS at) x
WHERE u.kind = 'rep';
INSERT INTO calib.benchmark (conversion) VALUES (0.3);
INSERT INTO calib.source (source, stale_days) VALUES ('manual', 400);
-- people, a team and the lines move
SET LOCAL calib.clock = '2025-08-13 09:00+08';
UPDATE calib.unit SET parent_id = 12 WHERE unit_id IN (103, 110, 120);
UPDATE calib.unit SET parent_id = 4 WHERE unit_id = 15;
INSERT INTO calib.policy (unit_id, valid_from, density_margin, min_opportunities) VALUES (3, '2025-09-01', 0.1, 5), (12, '2025-09-01', NULL, 2);
INSERT INTO calib.absence (unit_id, during) VALUES (130, '[2025-08-01,2025-08-20]'), (131, '[2025-01-01,2025-12-31]');
SET LOCAL calib.clock = '2025-11-26 10:00+08';
SELECT calib.fold_result_sums('2025-10-10 00:00+08') >= 0 AS folded;

CREATE TABLE public.look AS
SELECT row_number() OVER () AS n, l.* FROM (VALUES
    ('2025-11-26 10:00+08'::timestamptz, 'quarter', '2025-10-01'::date, NULL::timestamptz),
    ('2025-11-26 10:00+08', 'quarter', '2025-10-01', '2025-11-20 00:00+08'),
    ('2025-10-01 00:00+08', 'quarter', '2025-07-01', NULL),
    ('2025-08-25 15:00+08', 'quarter', '2025-07-01', '2025-08-25 15:00+08'),
    ('2025-07-04 10:00+08', 'quarter', '2025-07-01', NULL),
    ('2025-09-01 00:00+08', 'month', '2025-08-01', NULL),
    ('2025-11-12 00:00+08', 'month', '2025-11-01', NULL)) l (as_of, grain, period_start, known_at);
CREATE TABLE public.whole AS
SELECT l.n, d.* FROM public.look l CROSS JOIN LATERAL calib.diagnose_units(l.as_of, l.grain, l.period_start, l.known_at, NULL, NULL, 'full') d;
-- there is something to tell apart
SELECT count(*) AS rows, count(DISTINCT unit_id) AS units FROM public.whole;
SELECT reason_code, count(*) > 0 AS seen, count(*) FILTER (WHERE unit_kind = 'region') > 0 AS of_regions FROM public.whole GROUP BY 1 ORDER BY 1;

-- a decision about regions, as the war room reads it: columns that it shows, and the sentence
CREATE FUNCTION public.shown(d public.whole) RETURNS text LANGUAGE sql AS $$
    SELECT ROW(d.unit_id, d.unit_name, d.measure, d.product_line, d.period_start, d.original_value, d.target_value, d.actual, d.attainment,
        d.attainment_original, d.elapsed_share, d.pace, d.density, d.density_index, d.peers, d.peer_basis, d.peer_density, d.late_share,
        d.quadrant, d.signal, d.remedy, d.reason_code, calib.reason_text(d.reason_code, d.reason_args, 'en'))::text $$;
CREATE FUNCTION public.told(d public.whole, reading text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE reading WHEN 'full' THEN d::text WHEN 'decision' THEN public.shown(d)
        ELSE ROW(d.unit_id, d.pace, d.density_index, d.quadrant, d.peers, d.actual)::text END $$;
CREATE FUNCTION public.differ(units bigint[], reading text) RETURNS TABLE (n bigint, looked bigint, differ bigint) LANGUAGE sql AS $$
    WITH read AS MATERIALIZED (
        SELECT l.n, d.* FROM public.look l
        CROSS JOIN LATERAL calib.diagnose_units(l.as_of, l.grain, l.period_start, l.known_at, units, NULL, reading) d
    ), said AS (
        SELECT w.n, public.told(w, reading) AS told, true AS whole FROM public.whole w WHERE w.unit_id = ANY (units)
        UNION ALL
        SELECT r.n, public.told(ROW(r.*)::public.whole, reading), false FROM read r
    ), pair AS (
        SELECT s.n, s.told, count(*) FILTER (WHERE s.whole) AS of_whole, count(*) FILTER (WHERE NOT s.whole) AS of_read
        FROM said s GROUP BY s.n, s.told
    )
    SELECT p.n, sum(p.of_whole)::bigint, sum(abs(p.of_whole - p.of_read))::bigint FROM pair p GROUP BY p.n ORDER BY p.n $$;
SELECT 'regions' AS what, d.* FROM public.differ('{2,3,4,5,6,7,8,9}', 'decision') d;
SELECT 'some regions' AS what, sum(d.looked) AS looked, sum(d.differ) AS differ FROM public.differ('{3,5,8}', 'decision') d;
SELECT 'all, decision' AS what, sum(d.looked) AS looked, sum(d.differ) AS differ FROM public.differ(ARRAY(SELECT unit_id FROM calib.unit), 'decision') d;
SELECT 'a team' AS what, sum(d.looked) AS looked, sum(d.differ) AS differ FROM public.differ('{12,103,110,120,101}', 'full') d;
SELECT 'the top' AS what, sum(d.looked) AS looked, sum(d.differ) AS differ FROM public.differ('{1}', 'full') d;
SELECT 'quadrants' AS what, sum(d.looked) AS looked, sum(d.differ) AS differ FROM public.differ('{1,2,3,5,8,12,14,103,110,130,131}', 'quadrant') d;
SELECT 'none' AS what, sum(d.looked) AS looked FROM public.differ('{}', 'decision') d;
-- whom it is shown to decides about rows, and about nothing in them
SELECT w.reading, count(*) AS told, sum(abs(w.of_whole - w.of_read)) AS differ
FROM (SELECT r.reading, l.n, r.seen, d.told, count(*) FILTER (WHERE d.whole) AS of_whole, count(*) FILTER (WHERE NOT d.whole) AS of_read
      FROM public.look l
      CROSS JOIN (SELECT v.reading, v.units, ARRAY(SELECT t.unit_id FROM calib.unit_tree t WHERE t.valid_to IS NULL AND t.ancestor_id = ANY (v.below)) AS seen
                  FROM (VALUES ('full', NULL::bigint[], '{12,3,5}'::bigint[]), ('decision', '{2,3,5,8}', '{3,5,7}'), ('quadrant', NULL, '{2,4,7,13}')) v (reading, units, below)) r
      CROSS JOIN LATERAL (SELECT public.told(w, r.reading) AS told, true AS whole FROM public.whole w
                          WHERE w.n = l.n AND w.unit_id = ANY (r.seen) AND (r.units IS NULL OR w.unit_id = ANY (r.units))
                          UNION ALL
                          SELECT public.told(ROW(l.n, d.*)::public.whole, r.reading), false
                          FROM calib.diagnose_units(l.as_of, l.grain, l.period_start, l.known_at, r.units, r.seen, r.reading) d) d
      GROUP BY r.reading, l.n, r.seen, d.told) w
GROUP BY 1 ORDER BY 1;
-- conversion and focus are left out where they decide nothing, and only there
SELECT count(conversion) < count(*) AS left_out FROM calib.diagnose_units(calib.clock(), 'quarter', '2025-10-01', NULL, '{2,3,4,6,7,8,9}', NULL, 'decision');

-- the war room is the regions of the diagnosis
SELECT count(*) AS rows, count(*) FILTER (WHERE ROW(w.region, w.original_value, w.target_value, w.actual, w.attainment, w.attainment_original, w.elapsed_share,
    w.pace, w.density, w.density_index, w.quadrant, w.signal, w.remedy, w.reason) IS DISTINCT FROM ROW(d.unit_name, d.original_value, d.target_value, d.actual,
    d.attainment, d.attainment_original, d.elapsed_share, d.pace, d.density, d.density_index, d.quadrant, d.signal, d.remedy, d.reason)) AS differ
FROM calib.war_room w FULL JOIN (SELECT * FROM calib.diagnosis WHERE unit_kind = 'region') d
  ON d.unit_id = w.unit_id AND d.measure = w.measure AND d.product_line = w.product_line;
-- its counts, by plain SQL
CREATE VIEW public.counted AS
SELECT w.unit_id, w.measure, w.product_line, w.adjustments_used AS used, w.adjustments_remaining AS remaining,
       w.adjustments_used <> p.used OR w.adjustments_remaining <> p.remaining OR round(w.lag_days, 9) IS DISTINCT FROM round(p.lag_days, 9) AS differs
FROM calib.war_room w
LEFT JOIN (SELECT a.ancestor_id AS unit_id, sum(b.used) AS used, sum(b.remaining) AS remaining,
             (SELECT avg(extract(epoch FROM r.recorded_at - r.occurred_at)) / 86400 FROM calib.result r JOIN calib.unit_tree t ON t.unit_id = r.unit_id
              WHERE t.ancestor_id = a.ancestor_id AND t.valid_to IS NULL AND r.occurred_at >= '2025-10-01 00:00+08' AND r.occurred_at <= calib.clock()) AS lag_days
      FROM calib.adjustment_budget b JOIN calib.unit_tree a ON a.unit_id = b.unit_id AND a.valid_to IS NULL
      WHERE b.quarter_start = '2025-10-01' GROUP BY a.ancestor_id) p USING (unit_id);
SELECT count(*) AS rows, count(*) FILTER (WHERE differs IS NOT false) AS differ FROM public.counted;
-- A unit's entry in the quarter is a target of the quarter, of a month of it, of a year it is
-- in, or what was used of one that is gone; each once, and two adjustments each.
SET LOCAL calib.clock = '2025-11-24 10:00+08';
CREATE TABLE public.counted_before AS TABLE public.counted;
INSERT INTO calib.target (unit_id, measure, grain, period_start, original_value, value) VALUES
    (107, 'orders', 'month', '2025-10-01', 5, 5), (107, 'orders', 'month', '2025-12-01', 5, 5), (107, 'orders', 'month', '2026-01-01', 5, 5),
    (108, 'orders', 'year', '2025-01-01', 50, 50), (110, 'orders', 'year', '2026-01-01', 50, 50),
    (111, 'orders', 'quarter', '2025-10-01', 15, 15), (111, 'orders', 'month', '2025-11-01', 5, 5), (111, 'orders', 'year', '2025-01-01', 50, 50);
SET LOCAL calib.restoring = on;
INSERT INTO calib.budget (unit_id, measure, product_line, quarter_start, used, pending) VALUES
    (112, 'orders', '', '2025-10-01', 1, 0), (112, 'visits', '', '2025-10-01', 0, 1), (111, 'orders', '', '2025-10-01', 2, 0), (107, 'orders', '', '2025-07-01', 1, 0);
SET LOCAL calib.restoring = off;
SELECT c.unit_id, c.used - b.used AS used, c.remaining - b.remaining AS remaining, c.differs,
       (SELECT string_agg(t.unit_id::text, ' ' ORDER BY t.unit_id) FROM calib.unit_tree t
        WHERE t.ancestor_id = c.unit_id AND t.valid_to IS NULL AND t.unit_id BETWEEN 107 AND 112) AS of
FROM public.counted c JOIN public.counted_before b USING (unit_id, measure, product_line)
WHERE c.product_line = '' AND c.measure = 'collection' ORDER BY 1;
ROLLBACK;
