-- Which units to start a pilot with, by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET calib.clock = '2024-12-02 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East');
-- Five teams with a rep each and targets of 100 for the quarters of 2025. A visit a day
-- each; Alpha two, so that it is dense: index 2 against the others.
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 + n, 2, 'team', name FROM unnest('{Alpha,Beta,Gamma,Delta,Epsilon}'::text[]) WITH ORDINALITY t (name, n);
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 * unit_id, unit_id, 'rep', 'Rep of ' || name FROM calib.unit WHERE kind = 'team';
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT unit_id, 'quarter', q::date, 100 FROM calib.unit CROSS JOIN unnest('{2025-01-01,2025-04-01,2025-07-01,2025-10-01,2026-01-01}'::date[]) q WHERE kind = 'team';
INSERT INTO calib.customer (customer_id, unit_id, name) SELECT n, 110, 'Customer ' || n FROM generate_series(1, 2) n;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT u.unit_id, c, 'visit', day + interval '2 hours', day + interval '3 hours'
FROM calib.unit u CROSS JOIN generate_series('2025-01-01Z'::timestamptz, '2025-12-31Z', '1 day') day CROSS JOIN generate_series(1, 2) c
WHERE u.kind = 'rep' AND (c = 1 OR u.unit_id = 110);
-- Alpha 60 80 120 100: misses two, dense. Mean 90, deviations -30 -10 30 10: 2000 / 3, so
-- 25.82 / 90 = 0.2869.  Beta 50 150 50 150: mean 100, 57.74 / 100 = 0.5774, sparse (4 of
-- index 0.8).  Gamma 100 throughout: 0.  Delta 90 110 90 110: 11.547 / 100 = 0.1155.
-- Epsilon nothing: no mean to divide by.
INSERT INTO calib.result (unit_id, occurred_at, amount)
SELECT u, q, amount FROM (VALUES (110, '{60,80,120,100}'::numeric[]), (120, '{50,150,50,150}'), (130, '{100,100,100,100}'), (140, '{90,110,90,110}')) v (u, amounts)
CROSS JOIN LATERAL unnest(amounts, '{2025-02-03Z,2025-05-05Z,2025-08-04Z,2025-11-03Z}'::timestamptz[]) r (amount, q);
SET calib.clock = '2026-01-15 09:00+08';
-- Delta: one adjustment rejected, one withdrawn; Epsilon's rep: a deviation dismissed, one
-- only observed, one dismissed before the year
SET calib.restoring = on;
INSERT INTO calib.adjustment (target_id, quarter_start, old_value, new_value, reason, status, submitted_by, submitted_at, ended_by, ended_at)
SELECT target_id, '2025-04-01', 100, 95, 'why', status, 'a', '2025-05-01Z', 'b', '2025-05-02Z' FROM calib.target CROSS JOIN unnest('{rejected,withdrawn}'::text[]) status WHERE unit_id = 14 AND period_start = '2025-04-01';
RESET calib.restoring;
INSERT INTO calib.deviation (unit_id, kind, period_start, detected_at, ended_at, ending, observed) VALUES
    (150, 'execution', '2025-04-01', '2025-05-01Z', '2025-05-02Z', 'dismissed', false), (150, 'execution', '2025-04-01', '2025-05-01Z', '2025-05-02Z', 'dismissed', true),
    (150, 'execution', '2024-10-01', '2024-11-01Z', '2024-12-31 15:59Z', 'dismissed', false), (110, 'execution', '2025-04-01', '2025-05-01Z', '2025-05-02Z', 'recovered', false);
-- ranks: conflict Alpha 2 and Delta 2 first, Epsilon 1 third, Beta and Gamma 0 fourth; volatility Beta,
-- Alpha, Delta, Gamma, and Epsilon last; sums Alpha 3, Delta 4, Beta 5, Gamma and Epsilon 8
SELECT unit_name, grain, periods, missed_while_dense AS missed, rejected, withdrawn, dismissed, conflicts, round(volatility::numeric, 4) AS volatility, conflict_rank AS by_conflict, volatility_rank AS by_volatility, place
FROM calib.pilot_candidate WHERE unit_kind = 'team' ORDER BY place, unit_id;
-- regions and companies among themselves, by the sum of their children and all that ended below
SELECT unit_name, unit_kind, periods, rejected, withdrawn, dismissed, round(volatility::numeric, 4) AS volatility, place FROM calib.pilot_candidate WHERE unit_kind <> 'team' ORDER BY unit_id;
-- a manager sees the teams it sees
CREATE ROLE candidate_east;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('candidate_east', 'manager', 12);
SET ROLE candidate_east;
SELECT unit_name, place FROM calib.pilot_candidate;
RESET ROLE;
-- months, where there are some, are looked at instead of quarters: two are too few
BEGIN;
SET LOCAL calib.clock = '2025-09-01 09:00+08';
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (12, 'month', '2025-11-01', 200), (12, 'month', '2025-12-01', 100);
SET LOCAL calib.clock = '2026-01-15 09:00+08';
SELECT grain, periods, volatility, volatility_rank FROM calib.pilot_candidate WHERE unit_id = 12;
ROLLBACK;
-- who is in a pilot, or above one, is no candidate; who has left neither
INSERT INTO calib.pilot (pilot_id, name, baseline_from, starts_on) VALUES (1, 'First', '2025-10-01', '2026-01-01');
INSERT INTO calib.pilot_unit VALUES (1, 11, 'pilot'), (1, 120, 'control');
UPDATE calib.unit SET active = '[2020-01-01,2025-12-31)' WHERE unit_id = 13;
SELECT unit_name, place FROM calib.pilot_candidate ORDER BY unit_id;
UPDATE calib.pilot SET ends_on = '2026-01-14';
SELECT string_agg(unit_name, ', ' ORDER BY unit_id) AS candidates FROM calib.pilot_candidate;

DROP EXTENSION calib CASCADE;
DROP ROLE candidate_east;
