-- behavior_summary: the type behavior, its aggregates and figures, against plain SQL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
SET timezone = 'UTC';
\set VERBOSITY sqlstate

-- 1. one week by hand. Shanghai is 8 hours ahead: 2025-08-04 16:30 UTC is the 5th.
CREATE TABLE week (occurred_at timestamptz, customer_id bigint, kind text, quantity float8, recorded_at timestamptz);
INSERT INTO week VALUES
    ('2025-08-04 01:00', 7, 'visit', 1, '2025-08-04 02:00'),
    ('2025-08-04 02:00', 7, 'visit', 2, '2025-08-06 02:00'),            -- the same act; 48 hours are not late
    ('2025-08-04 02:00', 7, 'call', 0.25, '2025-08-06 02:00:00.000001'), -- late by a microsecond
    ('2025-08-04 16:30', 7, 'visit', -1, '2025-08-20'),                 -- the next day; late
    ('2025-08-08 09:00', 8, 'visit', NULL, NULL),                       -- no quantity; recorded nobody knows when
    ('2025-08-08 09:00', NULL, 'call', 1, '2025-08-08 10:00'),          -- of no customer
    ('2025-08-08 11:00', NULL, 'call', 1, 'infinity'),                  -- the same act, this row late
    (NULL, 9, 'visit', 5, NULL), ('2025-08-09', 9, NULL, 5, NULL);      -- these do not count
CREATE TABLE whole AS
SELECT calib.behavior(occurred_at, customer_id, kind, quantity, 'Asia/Shanghai', recorded_at) AS b FROM week;
SELECT calib.events(b), calib.quantity(b), calib.distinct_events(b), calib.late_events(b), calib.late_distinct_events(b),
       calib.customers(b), calib.active_days(b), calib.longest_gap(b), calib.zone(b) FROM whole;
SELECT calib.active_dates(b), calib.first_at(b), calib.last_at(b) FROM whole;
SELECT (calib.kind_counts(b)).* FROM whole;
SELECT (calib.customer_counts(b)).* FROM whole;
SELECT (calib.acts(b)).* FROM whole;
SELECT kind, calib.events(b, kind), calib.quantity(b, kind), calib.distinct_events(b, kind), calib.late_events(b, kind),
       calib.late_distinct_events(b, kind) FROM whole, unnest('{visit,call,email,NULL}'::text[]) AS kind;
-- shares of customers 7 and 8: events 4 and 1, distinct events 3 and 1
SELECT calib.concentration(b) = 17 / 25.0 AS of_events, calib.distinct_concentration(b) = 10 / 16.0 AS of_distinct FROM whole;
-- 3 visits and 2 calls, distinct: (3 + 2 * 0.4) / 2 weeks
SELECT calib.density(b, '{"visit": 1, "call": 0.4, "email": 9}', 2) AS density, calib.density(b, '{"visit": 1, "call": null}', 2) AS visits,
       calib.density(b, '{}', 2) AS nothing, calib.density(b, '{"visit": 1}', 0) AS not_at_work FROM whole;
-- other lateness, another zone, none of both
SELECT calib.late_events(calib.behavior(occurred_at, customer_id, kind, quantity, 'UTC', recorded_at, 47)) AS after_47,
       calib.late_events(calib.behavior(occurred_at, customer_id, kind, quantity, 'UTC', recorded_at, 0)) AS after_0,
       calib.active_days(calib.behavior(occurred_at, customer_id, kind, quantity, 'utc')) AS days_in_utc,
       calib.zone(calib.behavior(occurred_at, customer_id, kind, quantity, 'asia/shanghai')) AS as_named,
       calib.late_events(calib.behavior(occurred_at, customer_id, kind, quantity)) AS unknown FROM week;

-- 2. the size the issue asks for: 40 events over 30 customers in far less than 400 bytes
SELECT pg_column_size(b) < 300 AS small FROM (
    SELECT calib.behavior('2025-08-04 08:00+08'::timestamptz + i * interval '4 hours', 1000000 + 37 * (i % 30),
                          (ARRAY['visit', 'call', 'quote', 'contract_change', 'shelf_check'])[1 + i % 5], 1.5) AS b
    FROM generate_series(0, 39) AS i) AS x;

-- 3. nothing, and rows that do not count
SELECT calib.behavior(occurred_at, customer_id, kind, quantity) IS NULL AS no_rows, calib.rollup(NULL) IS NULL AS no_parts FROM week WHERE false;
SELECT calib.events(b), calib.quantity(b), calib.customers(b), calib.active_days(b), calib.active_dates(b), calib.longest_gap(b), calib.concentration(b),
       calib.distinct_concentration(b), calib.first_at(b), calib.last_at(b), calib.density(b, '{"visit": 1}', 1), calib.zone(b),
       (SELECT count(*) FROM calib.acts(b)) AS acts, b OPERATOR(calib.=) b::text::calib.behavior AS same
FROM (SELECT calib.behavior(NULL, customer_id, kind, quantity) AS b FROM week) AS x;
-- an empty part changes nothing
SELECT calib.rollup(p) OPERATOR(calib.=) (SELECT b FROM whole) AS same
FROM (SELECT b FROM whole UNION ALL SELECT calib.behavior(NULL::timestamptz, 1, 'x', 1) FROM week UNION ALL SELECT NULL) AS x(p);
-- where no kind is asked for all rows are of one, and parts may have more than a summary holds
SELECT calib.rollup_any_kind(p) OPERATOR(calib.=) (SELECT calib.behavior(occurred_at, customer_id, CASE WHEN kind IS NOT NULL THEN '' END, quantity, 'Asia/Shanghai', recorded_at) FROM week) AS same
FROM (SELECT b FROM whole UNION ALL SELECT NULL) AS x(p);
CREATE TABLE wordy AS
SELECT calib.behavior('2025-08-04 09:00+08'::timestamptz + p * interval '1 day', i, p || ' ' || i, 1) AS b FROM generate_series(1, 4) p, generate_series(1, 5000) i GROUP BY p;
SELECT calib.rollup(b) FROM wordy;
SELECT calib.events(b), calib.customers(b), calib.active_days(b), calib.concentration(b) = 1 / 5000.0 AS even, (SELECT count(*) FROM calib.kind_counts(b)) AS kinds
FROM (SELECT calib.rollup_any_kind(b) AS b FROM wordy) AS x;
SELECT calib.rollup_any_kind(NULL) IS NULL AS no_parts;

-- 4. bad input: 22023 each
SELECT calib.behavior('infinity', 1, 'visit', 1);
SELECT calib.behavior('2025-08-04', 1, 'visit', 'NaN');
SELECT calib.behavior('2025-08-04', 1, 'visit', 'infinity');
SELECT calib.behavior(NULL, NULL, NULL, 1e13);
SELECT calib.behavior('2025-08-04', 1, 'visit', 1, 'Asia/Atlantis');
SELECT calib.behavior('2025-08-04', 1, 'visit', 1, '');
SELECT calib.behavior('2025-08-04', 1, 'visit', 1, repeat('x', 300));
SELECT calib.behavior('2025-08-04', 1, 'visit', 1, NULL::text);
SELECT calib.behavior('2025-08-04', 1, 'visit', 1, z) FROM unnest('{UTC,Asia/Tokyo}'::text[]) AS z;
SELECT calib.behavior('2025-08-04', 1, 'visit', 1, 'UTC', NULL, -1);
SELECT calib.behavior('2025-08-04', 1, 'visit', 1, 'UTC', NULL, NULL);
SELECT calib.rollup(b) FROM (SELECT calib.behavior('2025-08-04', 1, 'visit', 1, z) AS b FROM unnest('{UTC,Asia/Tokyo}'::text[]) AS z GROUP BY z) AS x;
SELECT calib.density(b, '[1]', 1) FROM whole;
SELECT calib.density(b, '{"visit": "1"}', 1) FROM whole;
SELECT calib.density(b, '{"visit": {"a": 1}}', 1) FROM whole;
SELECT calib.density(b, '{"email": -1}', 1) FROM whole;
SELECT calib.density(b, '{"email": 1e999}', 1) FROM whole;
SELECT calib.density(b, '{}', -1) FROM whole;
SELECT calib.density(b, '{}', 'NaN') FROM whole;
-- the ends of what can be
SELECT calib.events(b), calib.active_dates(b), calib.first_at(b), calib.last_at(b), calib.quantity(b), calib.customers(b), calib.late_events(b),
       b OPERATOR(calib.=) b::text::calib.behavior AS same
FROM (SELECT calib.behavior(t, c, 'visit', q, 'Asia/Shanghai', '4714-11-24 00:00+00 BC') AS b
      FROM (VALUES ('4714-11-24 00:00:00+00 BC'::timestamptz, -9223372036854775808, 9.1e12::float8),
                   ('294276-12-31 23:59:59.999999+00', 9223372036854775807, 9.1e12), ('2025-08-04', 0, 0.000001)) AS v(t, c, q)) AS x;

-- 5. random rows against plain SQL: skewed customers, some of none, padding, late rows, five zones with their clock changes
CREATE TABLE act AS
WITH draw AS (
    SELECT n, ('x' || substr(md5(n::text), 1, 7))::bit(28)::int AS a, ('x' || substr(md5(n::text), 8, 7))::bit(28)::int AS b,
           ('x' || substr(md5(n::text), 15, 7))::bit(28)::int AS c, ('x' || substr(md5(n::text), 22, 7))::bit(28)::int AS d
    FROM generate_series(1, 60000) AS n
)
SELECT a % 60 AS rep, (ARRAY['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC'])[1 + a % 60 % 5] AS zone,
       timestamptz '2025-01-01' + (b % (365 * 86400)) * interval '1 second' + (c % 1000000) * interval '1 microsecond' AS occurred_at,
       CASE WHEN d % 13 <> 0 THEN (1000000 / (1 + c % 40))::bigint * (CASE d % 2 WHEN 0 THEN 1 ELSE -70000 END) END AS customer_id,
       (ARRAY['visit', 'call', 'quote', '拜访', '', 'visit '])[1 + (c / 64) % 6] AS kind,
       CASE WHEN d % 11 <> 0 THEN (d % 100000 - 50000) / 64.0 END::float8 AS quantity, n
FROM draw;
-- four in ten come again on the same day, some of them recorded late
INSERT INTO act SELECT rep, zone, occurred_at, customer_id, kind, quantity, -n FROM act WHERE n % 5 < 2;
ALTER TABLE act ADD recorded_at timestamptz;
UPDATE act SET recorded_at = CASE WHEN n % 7 <> 0 THEN occurred_at + (abs(n) % 80) * interval '1 hour' END;
CREATE TABLE plain AS
WITH act AS (
    SELECT *, (occurred_at AT TIME ZONE zone)::date AS day, coalesce(recorded_at > occurred_at + interval '48 hours', false) AS late FROM act
), distinct_act AS (
    SELECT rep, customer_id, day, kind, count(*) AS events, bool_and(late) AS late FROM act GROUP BY 1, 2, 3, 4
), customer AS (
    SELECT rep, customer_id, sum(events) AS events, count(*) AS acts FROM distinct_act GROUP BY 1, 2
)
SELECT rep, count(*) AS events, sum(round(quantity::numeric, 6)) AS quantity, count(*) FILTER (WHERE late) AS late, count(DISTINCT customer_id) AS customers,
       array_agg(DISTINCT day ORDER BY day) AS days, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
       calib.concentration(customer_id) AS concentration,
       (SELECT count(*) FROM distinct_act d WHERE d.rep = act.rep) AS acts,
       (SELECT count(*) FROM distinct_act d WHERE d.rep = act.rep AND late) AS late_acts,
       (SELECT sum(acts * acts) / sum(acts) ^ 2 FROM customer c WHERE c.rep = act.rep AND customer_id IS NOT NULL) AS distinct_concentration,
       (SELECT jsonb_agg(jsonb_build_array(customer_id, events, acts) ORDER BY customer_id NULLS FIRST) FROM customer c WHERE c.rep = act.rep) AS per_customer,
       (SELECT jsonb_agg(to_jsonb(k) ORDER BY k.kind COLLATE "C") FROM (
            SELECT k.kind, events, acts AS distinct_events, lates AS late_events, late_acts AS late_distinct_events, trim_scale(quantity) AS quantity FROM (
                SELECT a.kind, count(*) AS events, count(*) FILTER (WHERE late) AS lates, sum(round(quantity::numeric, 6)) AS quantity FROM act a
                WHERE a.rep = act.rep GROUP BY 1) AS k
            JOIN (SELECT kind, count(*) AS acts, count(*) FILTER (WHERE late) AS late_acts FROM distinct_act d WHERE d.rep = act.rep GROUP BY 1) AS l USING (kind)) AS k) AS per_kind
FROM act GROUP BY rep;
CREATE FUNCTION differs(b calib.behavior, p plain) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(what, ', ') FROM (VALUES
        ('events', calib.events(b) = p.events), ('quantity', calib.quantity(b) = p.quantity), ('late', calib.late_events(b) = p.late),
        ('customers', calib.customers(b) = p.customers), ('days', calib.active_dates(b) = p.days AND calib.active_days(b) = cardinality(p.days)),
        ('gap', calib.longest_gap(b) = (SELECT max(d - e) FROM unnest(p.days, p.days[2:]) AS u(e, d))),
        ('first', calib.first_at(b) = p.first_at), ('last', calib.last_at(b) = p.last_at),
        ('concentration', calib.concentration(b) = p.concentration), ('acts', calib.distinct_events(b) = p.acts), ('late acts', calib.late_distinct_events(b) = p.late_acts),
        ('distinct concentration', abs(calib.distinct_concentration(b) / p.distinct_concentration::float8 - 1) < 1e-12),
        ('per customer', p.per_customer = (SELECT jsonb_agg(jsonb_build_array(customer_id, events, distinct_events) ORDER BY customer_id NULLS FIRST) FROM calib.customer_counts(b))),
        ('per kind', p.per_kind = (SELECT jsonb_agg(to_jsonb(k) ORDER BY kind COLLATE "C") FROM calib.kind_counts(b) AS k))
    ) AS v(what, same) WHERE same IS NOT TRUE $$;
CREATE TABLE summary AS
SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act GROUP BY rep;
SELECT count(*), count(*) FILTER (WHERE differs(s.b, p) IS NULL) AS same FROM summary s JOIN plain p USING (rep);
SELECT rep, differs(s.b, p) FROM summary s JOIN plain p USING (rep) WHERE differs(s.b, p) IS NOT NULL LIMIT 5;
-- each act, too
SELECT count(*) AS acts, count(*) FILTER (WHERE s IS DISTINCT FROM p) AS differ FROM
    (SELECT rep, x.* FROM summary, calib.acts(b) AS x) AS s
    FULL JOIN (SELECT rep, customer_id, (occurred_at AT TIME ZONE zone)::date AS day, kind, count(*) AS events,
                      count(*) FILTER (WHERE recorded_at > occurred_at + interval '48 hours') AS late_events FROM act GROUP BY 1, 2, 3, 4) AS p
    ON (s.rep, coalesce(s.customer_id, 1), s.customer_id IS NULL, s.day, s.kind) = (p.rep, coalesce(p.customer_id, 1), p.customer_id IS NULL, p.day, p.kind);
-- the same under any order, and in many states at once
SELECT count(*) AS reps, bool_and(a.b OPERATOR(calib.=) s.b) AS same FROM summary s JOIN
    (SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at ORDER BY md5(n::text)) AS b FROM act GROUP BY rep) AS a USING (rep);

-- 6. rollup of parts is behavior of the whole, where no customer, day and kind is split
SELECT by, bool_and(r.b OPERATOR(calib.=) s.b) AS same, count(*) AS reps FROM summary s JOIN (
    SELECT 'customer' AS by, rep, calib.rollup(b) AS b FROM (
        SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act GROUP BY rep, customer_id) AS part GROUP BY rep
    UNION ALL
    SELECT 'day', rep, calib.rollup(b ORDER BY md5(b::text)) FROM (
        SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act GROUP BY rep, (occurred_at AT TIME ZONE zone)::date) AS part GROUP BY rep
    UNION ALL
    SELECT 'kind', rep, calib.rollup(b) FROM (
        SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act GROUP BY rep, kind) AS part GROUP BY rep
    UNION ALL
    SELECT 'row', rep, calib.rollup(b) FROM ( -- split acts even, for a summary of few knows its acts
        SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act GROUP BY rep, n % 3) AS part GROUP BY rep
) AS r USING (rep) GROUP BY by ORDER BY by;

-- 7. with more than 4096 distinct events sums per customer are kept
UPDATE act SET rep = -1, zone = 'Europe/Berlin' WHERE rep % 2 = 0;
DELETE FROM plain;
INSERT INTO plain
WITH act AS (
    SELECT *, (occurred_at AT TIME ZONE zone)::date AS day, coalesce(recorded_at > occurred_at + interval '48 hours', false) AS late FROM act WHERE rep = -1
), distinct_act AS (
    SELECT customer_id, day, kind, count(*) AS events, bool_and(late) AS late FROM act GROUP BY 1, 2, 3
), customer AS (
    SELECT customer_id, sum(events) AS events, count(*) AS acts FROM distinct_act GROUP BY 1
)
SELECT -1, count(*), sum(round(quantity::numeric, 6)), count(*) FILTER (WHERE late), count(DISTINCT customer_id), array_agg(DISTINCT day ORDER BY day), min(occurred_at), max(occurred_at),
       calib.concentration(customer_id), (SELECT count(*) FROM distinct_act), (SELECT count(*) FROM distinct_act WHERE late),
       (SELECT sum(acts * acts) / sum(acts) ^ 2 FROM customer WHERE customer_id IS NOT NULL),
       (SELECT jsonb_agg(jsonb_build_array(customer_id, events, acts) ORDER BY customer_id NULLS FIRST) FROM customer),
       (SELECT jsonb_agg(to_jsonb(k) ORDER BY k.kind COLLATE "C") FROM (
            SELECT k.kind, events, acts AS distinct_events, lates AS late_events, late_acts AS late_distinct_events, trim_scale(quantity) AS quantity FROM (
                SELECT kind, count(*) AS events, count(*) FILTER (WHERE late) AS lates, sum(round(quantity::numeric, 6)) AS quantity FROM act GROUP BY 1) AS k
            JOIN (SELECT kind, count(*) AS acts, count(*) FILTER (WHERE late) AS late_acts FROM distinct_act d GROUP BY 1) AS l USING (kind)) AS k)
FROM act;
CREATE TABLE large AS SELECT -1 AS rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act WHERE rep = -1;
SELECT calib.distinct_events(b) > 4096 AS many, differs(b, p), b OPERATOR(calib.=) b::text::calib.behavior AS same FROM large JOIN plain p USING (rep);
SELECT count(*) FROM large, calib.acts(b);
-- from small parts, from large ones, and both mixed
SELECT calib.rollup(b) OPERATOR(calib.=) (SELECT b FROM large) AS of_days FROM (
    SELECT calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act WHERE rep = -1 GROUP BY (occurred_at AT TIME ZONE zone)::date) AS part;
SELECT calib.rollup(b) OPERATOR(calib.=) (SELECT b FROM large) AS of_kinds, max(calib.distinct_events(b)) > 4096 AS large_ones FROM (
    SELECT calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act WHERE rep = -1 GROUP BY kind) AS part;
SELECT calib.rollup(b ORDER BY calib.events(b)) OPERATOR(calib.=) (SELECT b FROM large) AS small_first,
       calib.rollup(b ORDER BY calib.events(b) DESC) OPERATOR(calib.=) (SELECT b FROM large) AS large_first FROM (
    SELECT calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act WHERE rep = -1
    GROUP BY CASE WHEN customer_id % 5 = 0 THEN customer_id END) AS part;

-- 8. the same over partial states: parallel workers, acts split over them anyhow
CREATE FUNCTION plan(query text) RETURNS TABLE (node text) LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        node := substring(line FROM '(Partial \w*Aggregate|Finalize \w*Aggregate|Gather)');
        IF node IS NOT NULL THEN RETURN NEXT; END IF;
    END LOOP;
END $$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
ALTER TABLE act SET (parallel_workers = 3);
ALTER TABLE summary SET (parallel_workers = 3);
SELECT count(*) > 0 AS partial FROM plan('SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) FROM act GROUP BY rep') WHERE node ~ 'Partial';
SELECT count(*) AS reps, bool_and(a.b OPERATOR(calib.=) s.b) AS same FROM (SELECT * FROM summary WHERE rep % 2 = 1 UNION ALL SELECT * FROM large) AS s JOIN
    (SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act GROUP BY rep) AS a USING (rep);
CREATE TABLE part AS
SELECT rep, calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) AS b FROM act GROUP BY rep, (occurred_at AT TIME ZONE zone)::date;
ALTER TABLE part SET (parallel_workers = 3);
SELECT count(*) > 0 AS partial FROM plan('SELECT rep, calib.rollup(b) FROM part GROUP BY rep') WHERE node ~ 'Partial';
SELECT count(*) AS reps, bool_and(a.b OPERATOR(calib.=) s.b) AS same FROM (SELECT * FROM summary WHERE rep % 2 = 1 UNION ALL SELECT * FROM large) AS s JOIN
    (SELECT rep, calib.rollup(b) AS b FROM part GROUP BY rep) AS a USING (rep);
RESET max_parallel_workers_per_gather;
-- as a moving window: an answer in the middle leaves the state as it was
SELECT bool_and(w.b OPERATOR(calib.=) (SELECT calib.rollup(q.b) FROM (
        SELECT calib.behavior(occurred_at, customer_id, kind, quantity) AS b FROM week i WHERE i.occurred_at <= w.occurred_at) AS q)) AS same, count(*) AS windows
FROM (SELECT occurred_at, calib.behavior(occurred_at, customer_id, kind, quantity) OVER (ORDER BY occurred_at) AS b FROM week WHERE occurred_at IS NOT NULL) AS w;
SELECT count(*) FILTER (WHERE w.b OPERATOR(calib.=) l.b) AS the_whole_at_the_end, count(*) > 1 AS of_several
FROM large AS l, (
    SELECT DISTINCT ON (n / 20000) calib.behavior(occurred_at, customer_id, kind, quantity, zone, recorded_at) OVER (ORDER BY n / 20000) AS b
    FROM act WHERE rep = -1) AS w;

-- 9. stored: toasted or not, through binary and text and back
CREATE TABLE stored (rep int, b calib.behavior);
INSERT INTO stored SELECT rep, b FROM summary UNION ALL SELECT rep, b FROM large;
ALTER TABLE stored ALTER b SET STORAGE external;
INSERT INTO stored SELECT rep, b FROM stored;
SELECT count(*) AS values, max(pg_column_size(s.b)) > 2048 AS toasted, bool_and(s.b OPERATOR(calib.=) coalesce(l.b, m.b)) AS same
FROM stored s LEFT JOIN large l USING (rep) LEFT JOIN summary m USING (rep);
CREATE FUNCTION sent(calib.behavior) RETURNS bytea LANGUAGE sql AS 'SELECT calib.behavior_send($1)';
SELECT bool_and('\x' || encode(sent(b), 'hex') = b::text) AS text_is_the_bytes, bool_and(length(sent(b)) = length(b::text) / 2 - 1) AS all_of_them FROM stored;

-- 10. bytes that are not a summary: 22P02 with the place, whatever is wrong
\set VERBOSITY default
SELECT ''::calib.behavior;
SELECT 'visit'::calib.behavior;
SELECT '\x01zz'::calib.behavior;
SELECT '\x010'::calib.behavior;
SELECT '\x'::calib.behavior;
SELECT '\x02010355544300'::calib.behavior;
SELECT '\x0155035554430000000000'::calib.behavior;
\set VERBOSITY sqlstate
-- every value with one byte changed, cut off anywhere, or longer, is refused
CREATE FUNCTION refused(bytes bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ('\x' || encode(bytes, 'hex'))::calib.behavior;
    RETURN false;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN true;
END $$;
WITH good AS (
    SELECT sent(b) AS bytes FROM whole UNION ALL SELECT sent(calib.behavior(NULL::timestamptz, 1, 'x', 1)) FROM whole
), place AS (
    SELECT bytes, generate_series(0, length(bytes) - 1) AS place FROM good
), bad AS (
    SELECT set_byte(bytes, place, new) AS bytes FROM place, generate_series(0, 255) AS new WHERE get_byte(bytes, place) <> new
    UNION ALL SELECT substr(bytes, 1, place) FROM place
    UNION ALL SELECT substr(bytes, place + 2) FROM place
    UNION ALL SELECT bytes || substr(bytes, place + 1) FROM place
)
SELECT bool_and(refused(bytes)) AS all_refused, count(*) > 25000 AS many FROM bad;
DROP FUNCTION differs, plan, sent, refused;
DROP TABLE week, whole, wordy, act, plain, summary, large, part, stored;
