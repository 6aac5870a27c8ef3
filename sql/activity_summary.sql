-- Activities summed up: what is stored, what marks it, and what happens to it later. Whether
-- answers are exact whoever writes meanwhile: tests/isolation/specs/activity_rollup.spec
-- and tests/tap/activity_summary.pl.
CREATE EXTENSION calib;
SET TimeZone = 'UTC';
SET calib.clock = '2026-03-11 15:00+08';  -- a Wednesday
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES (1, NULL, 'team', 'team', '(,)'), (2, 1, 'rep', 'Li', '[2026-01-01,)'), (3, 1, 'rep', 'Wang', '[2026-03-05,)');
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT g, 2, 'c' || g, '2026-01-01' FROM generate_series(1, 5) g;
CREATE VIEW stored AS
SELECT unit_id AS u, product_line AS line, to_char(from_day, 'MM-DD') AS from, to_char(to_day, 'MM-DD') AS to, closed AS c, events AS e, late_events AS late, weighted AS w,
    weighted_on_time AS in_time, customers AS cu, active_days AS d, round(concentration::numeric, 3) AS hhi
FROM calib.activity_summary ORDER BY unit_id, from_day, product_line;
CREATE VIEW marked AS SELECT unit_id, day, count(*) FROM calib.activity_mark GROUP BY 1, 2 ORDER BY 2, 1;
-- what was summed up at once shows whether activities are read: past the triggers they go
CREATE FUNCTION own_sums(from_at timestamptz, to_at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (u bigint, line text, w numeric, in_time numeric, e bigint, late bigint, existing bigint, hhi numeric) LANGUAGE sql
AS $$ SELECT b.unit_id, b.product_line, b.weighted, b.weighted_on_time, b.events, b.late_events, b.existing_events, round(b.concentration::numeric, 3)
      FROM calib.all_behavior_in($1, $2, $3) b ORDER BY 1, 2 $$;

-- A mark is of the zone of its moment, within a transaction, too.
BEGIN;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('z', '1', 2, 'visit', '2026-03-02 20:00+00');
SAVEPOINT s;
UPDATE calib.organisation SET zone = 'UTC';
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('z', '2', 2, 'visit', '2026-03-04 20:00+00');
TABLE marked;
ROLLBACK TO s;
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('z', '2', 2, 'visit', '2026-03-04 20:00+00');
TABLE marked;
-- an index somebody has put on them has them, too
CREATE INDEX ON calib.activity_mark (day);
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('z', '3', 2, 'visit', '2026-03-06 10:00+08');
SET LOCAL enable_seqscan = off;
SELECT day FROM calib.activity_mark WHERE day = '2026-03-06';
ROLLBACK;
-- Time ends before a week does: no fact is that far away, where it could not be summed up;
-- nor has one a line that fits into no key, or a quantity that fits into no sum.
\set VERBOSITY sqlstate
INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (2, 'visit', '294276-12-15 10:00+00');
INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (2, 'visit', '4714-11-25 10:00+00 BC');
INSERT INTO calib.activity (unit_id, kind, occurred_at) VALUES (2, 'visit', 'infinity');
INSERT INTO calib.activity (unit_id, kind, occurred_at, due_at) VALUES (2, 'visit', '2026-03-02', '294276-12-31 10:00+00');
INSERT INTO calib.activity (unit_id, kind, occurred_at, product_line) VALUES (2, 'visit', '2026-03-02', repeat('x', 2001));
INSERT INTO calib.activity (unit_id, kind, occurred_at, outcome) VALUES (2, 'visit', '2026-03-02', repeat('x', 2001));
INSERT INTO calib.activity (unit_id, kind, occurred_at, quantity) VALUES (2, 'visit', '2026-03-02', 1e15);
\set VERBOSITY default
BEGIN;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, quantity) SELECT 2, g, 'contract_change', '2026-03-02', 9e14 FROM generate_series(1, 2) g;
-- hardly to be compressed
INSERT INTO calib.activity (unit_id, kind, occurred_at, outcome, product_line) SELECT 2, 'visit', '2026-03-02', x, x FROM (SELECT left(string_agg(md5(g::text), ''), 200) AS x FROM generate_series(1, 7) g) l;
SELECT calib.run('rollup') AS stored;
SELECT numerator FROM calib.indicator_weekly WHERE unit_id = 2 AND week = '2026-03-02' AND code = 'contract_changes';
ROLLBACK;

-- A week that is over, cut by the end of February, and days of the one that is not.
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, product_line, kind, outcome, occurred_at, recorded_at) VALUES
    ('s', '1', 2, 1, '', 'visit', NULL, '2026-02-26 09:00+08', '2026-02-26 18:00+08'),
    ('s', '2', 2, 1, 'A', 'visit', NULL, '2026-02-26 14:00+08', '2026-02-26 18:00+08'),  -- the same act
    ('s', '3', 2, 2, 'A', 'call', NULL, '2026-02-28 23:59+08', '2026-03-03 23:59:01+08'),  -- a second too late
    ('s', '4', 2, 2, 'A', 'call', NULL, '2026-03-01 00:00+08', '2026-03-03 00:00+08'),  -- just in time
    ('s', '5', 2, 3, '', 'planned_visit', NULL, '2026-03-01 10:00+08', '2026-02-20 10:00+08'),  -- no weight
    ('s', '6', 2, NULL, '', 'visit', NULL, '2026-03-10 10:00+08', '2026-03-10 10:00+08'),
    ('s', '7', 3, 4, '', 'quote', NULL, '2026-03-11 10:00+08', '2026-03-11 10:00+08'),
    ('s', '8', 3, 4, '', 'follow_up', 'open', '2026-03-11 12:00+08', '2026-03-11 10:00+08');  -- owed: no act
TABLE marked;
SELECT calib.run('rollup') AS stored;
-- 26 February: one visit of two records; customer 1 and 2 once each. 1 March: a call. The
-- line A has the visit and the calls.
TABLE stored;
TABLE marked;
SELECT calib.run('rollup') AS nothing;
-- the acts, and what has no weight beside them
SELECT a.unit_id, a.from_day, a.product_line, x.customer_id, x.day, x.kind, x.events, x.late_events, x.weighs
FROM calib.activity_act a CROSS JOIN LATERAL (SELECT e.*, true AS weighs FROM calib.acts(a.acts) e UNION ALL SELECT e.*, false FROM calib.acts(a.others) e) x ORDER BY 1, 2, 3, 4, 6;

-- Read from what is stored: past the triggers the activities are gone.
BEGIN;
SET LOCAL calib.restoring = on;
DELETE FROM calib.activity;
SET LOCAL calib.restoring = off;
TABLE marked;
SELECT * FROM own_sums('2026-02-01 00:00+08', '2026-04-01 00:00+08');
SELECT week, events, weighted, round(density, 4) AS density, customers, active_days, round(concentration::numeric, 3) AS hhi, round(late_share, 3) AS late
FROM calib.behavior_weekly WHERE unit_id = 2 AND week >= '2026-02-23' ORDER BY week;
SELECT unit_id, week, code, numerator, denominator FROM calib.indicator_weekly WHERE code IN ('visits', 'plan_adherence', 'strike_rate') AND week >= '2026-02-23' AND numerator + denominator > 1 ORDER BY 1, 2, 3;
SELECT unit_id, channel, activities FROM calib.channel_focus WHERE activities > 0;
-- a window or a time of record that cuts a part needs them
SELECT u, e FROM own_sums('2026-02-26 12:00+08', '2026-04-01 00:00+08') WHERE line = '';
SELECT u, e FROM own_sums('2026-02-01 00:00+08', '2026-04-01 00:00+08', '2026-03-03 23:59+08') WHERE line = '';
-- a new weight does not
INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES ('planned_visit', 0.25, '2026-03-01'), ('call', 2, '2026-03-01');
SELECT u, line, "from", e, w, cu, d FROM stored WHERE u = 2;
UPDATE calib.activity_weight SET weight = 3, valid_from = '2026-02-28' WHERE kind = 'call' AND weight = 2;
DELETE FROM calib.activity_weight WHERE kind = 'visit';
SELECT u, line, "from", e, w, in_time, late, hhi FROM stored WHERE u = 2;
TRUNCATE calib.activity_weight;
SELECT sum(e) AS events, sum(w) AS weighted FROM stored;
ROLLBACK;
SELECT u, line, w, in_time, e, late, hhi FROM own_sums('2026-02-01 00:00+08', '2026-04-01 00:00+08');

-- To the day and the moment: a mark inside a month and a week,
BEGIN;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at) VALUES (2, 5, 'visit', '2026-02-27 09:00+08', '2026-02-27 10:00+08');
SELECT u, e, existing, hhi FROM own_sums('2026-02-01 00:00+08', '2026-03-01 00:00+08') WHERE line = '';
SELECT u, e, existing, hhi FROM own_sums('2026-02-24 00:00+08', '2026-03-01 00:00+08') WHERE line = '';
ROLLBACK;
-- a window that ends when the last act of both happened, which is not in it,
SELECT u, e FROM own_sums('2026-02-01 00:00+08', '2026-02-28 23:59+08') WHERE line = '';
SELECT u, e FROM own_sums('2026-02-24 00:00+08', '2026-02-28 23:59+08') WHERE line = '';
SELECT u, e FROM own_sums('2026-02-24 00:00+08', '2026-02-28 23:59:00.000001+08') WHERE line = '';
-- and a team that moved, with its rep, on the last day of a week that is stored whole.
BEGIN;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (10, NULL, 'region', 'north'), (11, NULL, 'region', 'south'), (12, 10, 'team', 'mover'), (13, 12, 'rep', 'Zhou');
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at) VALUES
    (13, 1, 'visit', '2026-03-03 09:00+08', '2026-03-03 10:00+08'), (13, 2, 'call', '2026-03-08 09:00+08', '2026-03-08 10:00+08');
SELECT calib.run('rollup') AS stored;
UPDATE calib.unit_history SET valid = '(,2026-03-08)' WHERE unit_id = 12;
INSERT INTO calib.unit_history (unit_id, parent_id, valid) VALUES (12, 11, '[2026-03-08,)');
SELECT u, e, w, existing, hhi FROM own_sums('2026-03-01 00:00+08', '2026-03-09 00:00+08') WHERE u > 9;
ROLLBACK;

-- An act that a weight makes an event happened when it did, not when the last event had;
BEGIN;
INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES ('planned_visit', 0.25, '2026-03-01');
SELECT u, e FROM own_sums('2026-02-24 00:00+08', '2026-03-01 05:00+08') WHERE line = '';
ROLLBACK;
-- and of two policies the nearer says what is late.
BEGIN;
INSERT INTO calib.policy (unit_id, valid_from, late_hours) VALUES (1, '2026-03-11', 1), (2, '2026-03-11', 100);
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at) SELECT u, 1, 'visit', '2026-03-11 08:00+08', '2026-03-11 13:00+08' FROM generate_series(2, 3) u;
SELECT u, e, late FROM own_sums('2026-03-11 00:00+08', '2026-03-12 00:00+08') WHERE line = '';
ROLLBACK;

-- What was due counts when it is due, is known, and is still there.
BEGIN;
INSERT INTO calib.activity (external_id, unit_id, customer_id, kind, outcome, occurred_at, due_at, recorded_at) VALUES
    ('answered', 2, 1, 'follow_up', NULL, '2026-03-03 09:00+08', '2026-03-03 18:00+08', '2026-03-03 10:00+08'),
    ('filed', 2, NULL, 'log_report', NULL, '2026-03-05 09:00+08', '2026-03-05 18:00+08', '2026-03-09 10:00+08'),
    ('tonight', 2, 1, 'follow_up', 'open', '2026-03-11 08:00+08', '2026-03-11 20:00+08', '2026-03-11 08:00+08');
SELECT calib.run('rollup') AS stored;
CREATE FUNCTION owed(known_at timestamptz DEFAULT NULL) RETURNS TABLE (week date, code text, kept numeric, due numeric) LANGUAGE sql
AS $$ SELECT i.week, i.code, i.numerator, i.denominator FROM calib.all_indicator_in('2026-03-02', '2026-03-12', calib.clock(), $1) i
      WHERE i.unit_id = 2 AND i.code IN ('followup_timeliness', 'log_reports') AND i.denominator > 0 ORDER BY 1, 2 $$;
SELECT * FROM owed();
SELECT * FROM owed('2026-03-06 00:00+08');
DELETE FROM calib.activity WHERE external_id = 'answered';
SELECT * FROM owed();
ROLLBACK;

-- Outcomes with a weight of their own: the label of an act tells them, by time of record.
INSERT INTO calib.activity_kind VALUES ('[odd', 'Odd', '奇');
INSERT INTO calib.activity_weight (kind, outcome, weight, valid_from) VALUES ('visit', 'won', 3, '2026-03-01'), ('[odd', 'x', 0.5, '2026-03-01');
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, outcome, occurred_at, recorded_at) VALUES
    ('s', '9', 3, 1, 'visit', 'won', '2026-03-05 10:00+08', '2026-03-09 10:00+08'), ('s', '10', 3, 1, 'visit', NULL, '2026-03-05 12:00+08', '2026-03-05 12:00+08'),
    ('s', '11', 3, 2, '[odd', NULL, '2026-03-05 10:00+08', '2026-03-05 10:00+08'), ('s', '12', 3, 2, '[odd', 'x', '2026-03-06 10:00+08', '2026-03-06 10:00+08');
SELECT calib.run('rollup') AS stored;
SELECT x.customer_id, x.day, x.kind, x.late_events, x.weighs
FROM calib.activity_act a CROSS JOIN LATERAL (SELECT e.*, true AS weighs FROM calib.acts(a.acts) e UNION ALL SELECT e.*, false FROM calib.acts(a.others) e) x WHERE a.unit_id = 3 AND a.from_day = '2026-03-02' ORDER BY 1, 2;
SELECT e, late, w, in_time FROM stored WHERE u = 3 AND "from" = '03-02';
INSERT INTO calib.activity_weight (kind, outcome, weight, valid_from) VALUES ('visit', 'won', 0.5, '2026-03-02');
SELECT e, late, w, in_time FROM stored WHERE u = 3 AND "from" = '03-02';

-- Late by the policy of the day: 30 hours are in time on the 10th, and late from the 12th on.
SET calib.clock = '2026-03-12 09:00+08';
INSERT INTO calib.policy (unit_id, valid_from, late_hours) VALUES (1, '2026-03-12', 24);
SELECT unit_id, day FROM calib.activity_mark;
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, occurred_at, recorded_at) VALUES
    ('s', '13', 2, 5, 'visit', '2026-03-10 10:00+08', '2026-03-11 16:00+08'), ('s', '14', 2, 5, 'visit', '2026-03-12 10:00+08', '2026-03-13 16:00+08');
SELECT u, e, late FROM own_sums('2026-03-09 00:00+08', '2026-03-14 00:00+08') WHERE line = '';
SELECT calib.run('rollup') AS stored;
SELECT u, e, late FROM own_sums('2026-03-09 00:00+08', '2026-03-14 00:00+08') WHERE line = '';
-- one above it that is nearer has its say, from its day; and who moves, by where it moves to
INSERT INTO calib.unit (unit_id, kind, name) VALUES (4, 'team', 'other');
UPDATE calib.unit SET parent_id = 4 WHERE unit_id = 2;
TABLE marked;
SELECT u, e, late FROM own_sums('2026-03-09 00:00+08', '2026-03-14 00:00+08') WHERE line = '';
SELECT calib.run('rollup') AS stored;
SELECT u, e, late FROM own_sums('2026-03-09 00:00+08', '2026-03-14 00:00+08') WHERE line = '';

-- What marks, and what does not.
UPDATE calib.activity SET external_id = external_id, kind = kind WHERE external_id = '1';
TABLE marked;
BEGIN; UPDATE calib.activity SET external_id = '1a' WHERE external_id = '1'; TABLE marked; ROLLBACK;
BEGIN; UPDATE calib.activity SET source = 'other' WHERE external_id = '1'; TABLE marked; ROLLBACK;
BEGIN; UPDATE calib.activity SET occurred_at = '2026-02-17 10:00+08', due_at = '2026-03-20 10:00+08' WHERE external_id = '1'; TABLE marked; ROLLBACK;
BEGIN; DELETE FROM calib.activity WHERE external_id = '1'; TABLE marked; ROLLBACK;
BEGIN; SAVEPOINT a; DELETE FROM calib.activity WHERE external_id = '1'; ROLLBACK TO a; DELETE FROM calib.activity WHERE external_id = '1'; DELETE FROM calib.activity WHERE external_id = '2'; TABLE marked; ROLLBACK;
BEGIN; SET LOCAL calib.restoring = on; DELETE FROM calib.activity; TABLE marked; ROLLBACK;
BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM calib.activity WHERE external_id = '1'; TABLE marked; ROLLBACK;
BEGIN; TRUNCATE calib.activity; TABLE marked; SELECT count(*) FROM own_sums('2026-02-01 00:00+08', '2026-04-01 00:00+08'); SELECT calib.run_rollup(calib.clock()); SELECT count(*) FROM stored; ROLLBACK;

-- The week is over: its days become one row, without their activities.
BEGIN;
SET LOCAL calib.restoring = on;
DELETE FROM calib.activity;
SET LOCAL calib.restoring = off;
SET LOCAL calib.clock = '2026-03-16 09:00+08';
SELECT calib.run_rollup(calib.clock()) AS stored;
SELECT u, line, "from", "to", c, e, late, w, cu, d, hhi FROM stored WHERE "from" >= '03-09';
ROLLBACK;

-- More acts than can be told singly are cut into pieces by customer.
BEGIN;
INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT g, 2, 'c' || g, '2026-01-01' FROM generate_series(101, 5100) g;
INSERT INTO calib.activity (source, unit_id, customer_id, product_line, kind, occurred_at, recorded_at)
SELECT 'many', 3, g, CASE WHEN g < 200 THEN 'B' ELSE '' END, 'call', '2026-03-03 10:00+08', '2026-03-03 10:00+08' FROM generate_series(101, 5100) g;
SELECT calib.run_rollup(calib.clock());
SELECT u, line, e, w, cu, d, hhi FROM stored WHERE u = 3 AND "from" = '03-02';
SELECT piece > 0 AS cut, count(*) > 2 AS several, sum(calib.distinct_events(acts)) AS acts, max(calib.distinct_events(acts)) < 4096 AS told FROM calib.activity_act WHERE unit_id = 3 AND from_day = '2026-03-02' AND product_line = '' GROUP BY 1;
INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES ('call', 1, '2026-03-02');
SELECT u, line, e, w, cu, d, hhi FROM stored WHERE u = 3 AND "from" = '03-02';
SELECT u, e, w FROM own_sums('2026-03-01 00:00+08', '2026-04-01 00:00+08') WHERE line = '' AND u = 3;
ROLLBACK;

-- The zone decides what a day is: until something is stored it may change, and marks anew.
UPDATE calib.organisation SET zone = 'Europe/Berlin';
BEGIN;
SET LOCAL calib.restoring = on;
DELETE FROM calib.activity_act; DELETE FROM calib.activity_summary;
SET LOCAL calib.restoring = off;
UPDATE calib.organisation SET zone = 'Europe/Berlin';
SELECT unit_id, min(day), max(day), count(DISTINCT day) FROM calib.activity_mark GROUP BY 1 ORDER BY 1;
ROLLBACK;

-- An act of more outcomes than its label can tell keeps nobody else from being summed up:
-- its unit's week stays marked, and is read from the activities.
BEGIN;
INSERT INTO calib.activity (unit_id, customer_id, kind, outcome, occurred_at, recorded_at)
SELECT 3, 4, 'visit', lpad(g::text, 200, '拜'), '2026-03-04 09:00+08', '2026-03-04 18:00+08' FROM generate_series(1, 2000) g;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at) VALUES
    (2, 1, 'visit', '2026-03-04 09:00+08', '2026-03-04 18:00+08'), (3, 4, 'visit', '2026-03-10 09:00+08', '2026-03-10 18:00+08');
SELECT calib.run_rollup(calib.clock()) AS stored;
SELECT unit_id, min(day), max(day), count(*) FROM calib.activity_mark GROUP BY unit_id;
SELECT u, "from", e FROM stored WHERE "from" >= '03-02' AND line = '';
SELECT unit_id, week, events FROM calib.behavior_weekly WHERE unit_id > 1 AND week IN ('2026-03-02', '2026-03-09') ORDER BY 1, 2;
DELETE FROM calib.activity WHERE outcome LIKE '拜%';
SELECT calib.run_rollup(calib.clock()) AS stored;
SELECT count(*) FROM calib.activity_mark;
-- nor when days that could be summed up are put together: a behavior has 16384 labels
INSERT INTO calib.customer (customer_id, unit_id, name) SELECT 1000 + g, 3, 'n' || g FROM generate_series(1, 8200) g;
INSERT INTO calib.activity (unit_id, customer_id, kind, outcome, occurred_at, recorded_at)
SELECT 3, 1000 + g, 'visit', d || '-' || g, '2026-03-08 09:00+08'::timestamptz + d * interval '1 day', '2026-03-10 18:00+08' FROM generate_series(1, 2) d, generate_series(1, 8200) g;
SELECT calib.run_rollup(calib.clock()) AS stored;
-- days together have more, and nobody's figures care: 8200 customers twice, and one with two acts
SELECT unit_id, events, existing_events AS existing, abs(concentration - (8200 * 4 + 4) / 16402.0 ^ 2) < 1e-15 AS hhi
FROM calib.all_behavior_in('2026-03-09 00:00+08', '2026-03-16 00:00+08') WHERE unit_id = 3 AND product_line = '';
SET LOCAL calib.clock = '2026-03-16 15:00+08';
SELECT calib.run_rollup(calib.clock()) AS stored;
SELECT calib.run_rollup(calib.clock()) AS stored;
SELECT u, "from", e, c FROM stored WHERE "from" >= '03-09' AND line = '';
SELECT unit_id, week, events FROM calib.behavior_weekly WHERE unit_id > 1 AND week = '2026-03-09' ORDER BY 1;
ROLLBACK;

-- Anew, and for whom.
SELECT calib.resummarise('2026-03-01', '2026-03-09') AS marks;
TABLE marked;
SELECT calib.run('rollup') AS stored;
CREATE ROLE regress_calib_summary;
SET ROLE regress_calib_summary;
\set VERBOSITY sqlstate
SELECT calib.resummarise();
SELECT calib.run_rollup(now());
SELECT calib.reweigh(NULL, '2026-01-01');
SELECT * FROM calib.all_behavior_weekly('2026-01-01', '2026-04-01', now(), NULL);
INSERT INTO calib.activity_mark (unit_id, day) VALUES (2, '2026-03-01');
DELETE FROM calib.activity_mark;
UPDATE calib.activity_summary SET events = 0;
\set VERBOSITY default
SELECT count(*) FROM calib.activity_summary;
SELECT count(*) FROM calib.behavior_weekly;
RESET ROLE;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT calib.run_rollup(now());
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES ('call', 9, '2026-03-02');
ROLLBACK;

-- What was dropped: only what is summed up may be, and it answers alone.
SET calib.clock = '2026-03-18 09:00+08';
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, kind, occurred_at, recorded_at) SELECT 'old', g::text, 2, 1, 'visit', '2024-06-03 10:00+08'::timestamptz + g * interval '1 day', '2024-07-30' FROM generate_series(0, 29) g;
-- two that were open all the time; for one something was done, on the last of the month
INSERT INTO calib.opportunity (opportunity_id, unit_id, customer_id, stage, created_at) OVERRIDING SYSTEM VALUE
SELECT n, 2, 1, 'proposal', '1999-01-05' FROM generate_series(901, 902) n;
INSERT INTO calib.activity (source, external_id, unit_id, customer_id, opportunity_id, kind, occurred_at, recorded_at) VALUES
    ('old', 'for 901', 2, 1, 901, 'visit', '2024-06-30 23:30+08', '2024-07-30'), ('old', 'far', 2, 1, 902, 'visit', '1999-06-30 12:00+08', '1999-07-30');
CREATE FUNCTION worked() RETURNS TABLE (of text, days tstzrange, worked bigint) LANGUAGE sql AS $$
    SELECT w.of, d, (SELECT c.worked FROM calib.all_conversion_in(lower(d), upper(d), w.known_at, w.of_units) c WHERE c.unit_id = 2 AND c.product_line = '')
    FROM (VALUES ('all', NULL::timestamptz, NULL::bigint[]), ('some', NULL, '{1,2}'), ('known', '2025-01-01', NULL)) w (of, known_at, of_units),
        unnest(ARRAY['[2024-06-01 00:00+08, 2024-07-01 00:00+08)', '[2024-06-01 00:00+08, 2024-06-30 00:00+08)', '[2024-06-30 00:00+08, 2025-07-01 00:00+08)',
            '[2024-07-01 00:00+08, 2025-07-01 00:00+08)', '[1999-06-30 00:00+08, 1999-07-01 00:00+08)']::tstzrange[]) AS d
$$;
CREATE TEMP TABLE worked_before AS SELECT * FROM worked();
TABLE worked_before;
SELECT calib.may_drop_before('2025-01-01') AS marked_from;
SELECT calib.run('rollup') > 0 AS stored;
SELECT calib.may_drop_before('2025-01-01') AS all_of_it;
CREATE TEMP TABLE before AS SELECT * FROM own_sums('2024-06-01 00:00+08', '2024-07-01 00:00+08');
UPDATE calib.organisation SET activity_months = 13;
SELECT calib.drop_old_activities(calib.clock()) AS dropped;
SELECT count(*) FROM calib.activity WHERE source = 'old';
SELECT * FROM own_sums('2024-06-01 00:00+08', '2024-07-01 00:00+08') EXCEPT SELECT * FROM before;
SELECT u, e, late FROM own_sums('2024-06-01 00:00+08', '2024-07-01 00:00+08') WHERE line = '';
-- what was worked then still was
TABLE calib.opportunity_day;
SELECT * FROM worked() EXCEPT SELECT * FROM worked_before;
-- cut by its days, and never made anew
SELECT u, e FROM own_sums('2024-06-05 12:00+08', '2024-06-08 00:00+08') WHERE line = '';
SELECT calib.resummarise('2024-01-01', '2025-01-01') AS marks;
SELECT calib.run('rollup') AS stored;
SELECT u, e FROM own_sums('2024-06-01 00:00+08', '2024-07-01 00:00+08') WHERE line = '';
DROP VIEW stored, marked; DROP ROLE regress_calib_summary;
DROP EXTENSION calib CASCADE;
