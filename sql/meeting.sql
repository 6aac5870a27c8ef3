-- The calibration meeting: what it proposes, how it is held. Closing: closing.sql.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
-- A call by a person: its result, or how it was refused.
CREATE FUNCTION own.try(who text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
BEGIN
    PERFORM set_config('calib.actor', coalesce(who, ''), false);
    EXECUTE 'SELECT calib.' || call INTO result;
    PERFORM set_config('calib.actor', '', false);
    RETURN coalesce('ok ' || nullif(result, ''), 'ok');
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('calib.actor', '', false);
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;

-- East meets in November about December. November has 20 working days, 13 of them before
-- the 20th: 0.65 of it has passed. The fourth quarter has 61 (18 in October), 31 passed.
SET calib.clock = '2025-09-30 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (7, 1, 'region', 'North'),
    (3, 2, 'team', 'Zhejiang'), (4, 2, 'team', 'Jiangsu'), (5, 2, 'team', 'Anhui'), (6, 2, 'team', 'Fujian'), (8, 7, 'team', 'Beijing'),
    (13, 3, 'rep', 'Li'), (14, 4, 'rep', 'Qian'), (15, 5, 'rep', 'Sun'), (16, 6, 'rep', 'Zhou'), (18, 8, 'rep', 'Wu');
INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (4, '2025-09-30', 0.15);
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (1, '2025-10-01', true);
INSERT INTO calib.duty (person, duty, unit_id) VALUES
    ('li', 'manager', 2), ('north', 'manager', 7), ('zhejiang', 'manager', 3), ('wang', 'risk', NULL), ('zhao', 'hr', NULL),
    ('viewer', 'viewer', NULL), ('rep', 'rep', 13);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT 100 * m + u, u, 'month', make_date(2025, m, 1), CASE WHEN m < 12 THEN 100 WHEN u = 4 THEN 1234 ELSE 1000 END
FROM generate_series(10, 12) m, unnest('{3,4,5,6,8}'::bigint[]) u
UNION ALL SELECT u, u, 'quarter', '2025-10-01', 300 FROM unnest('{3,4,5,6,8}'::bigint[]) u;
SELECT calib.publish_targets('2025-10-01'), calib.publish_targets('2025-11-01'), calib.publish_targets('2025-12-01');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 'Prices', 'https://example.com/1', '2025-09-30');
ALTER SEQUENCE calib.evidence_evidence_id_seq RESTART 10;
-- nobody's customers, to be visited: 201 and 202 all that Fujian knows
INSERT INTO calib.customer (customer_id, name, created_at) SELECT n, 'shop ' || n, '2025-01-01' FROM generate_series(101, 202) n;
SET calib.clock = '2025-11-20 09:00+08';
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT u, CASE u WHEN 16 THEN 201 + n % 2 ELSE 100 + n END, 'visit', at, at + interval '1 hour'
FROM (VALUES (13, 40), (14, 40), (15, 10), (16, 20), (18, 20)) v (u, visits)
CROSS JOIN LATERAL generate_series(1, v.visits) n
CROSS JOIN LATERAL (SELECT timestamptz '2025-11-02 10:00' + make_interval(days => n / 2 % 17) AS at) t;
-- October and November: Zhejiang 80 and 57.2, Jiangsu 90 and 57.2, Anhui 120 and 78, Fujian 40 and 65
INSERT INTO calib.result (unit_id, occurred_at, amount, recorded_at)
SELECT u, make_date(2025, m, 10), amount, make_date(2025, m, 11)
FROM (VALUES (13, 10, 80), (14, 10, 90), (15, 10, 120), (16, 10, 40), (18, 10, 100),
             (13, 11, 57.2), (14, 11, 57.2), (15, 11, 78), (16, 11, 65), (18, 11, 65)) v (u, m, amount);
-- Fujian wins 2 of 25, the others 5 of 25; the benchmark is 15 %
INSERT INTO calib.benchmark (conversion) VALUES (0.15);
INSERT INTO calib.opportunity (unit_id, outcome, created_at, closed_at)
SELECT u, CASE WHEN n <= won THEN 'won' ELSE 'lost' END, '2025-10-10', '2025-11-10'
FROM (VALUES (16, 2), (13, 5), (18, 5)) v (u, won), generate_series(1, 25) n;
-- customers of East: 500 200 150 50 50 50 in September, seven of them misplaced
INSERT INTO calib.customer (customer_id, unit_id, name, tier, created_at) VALUES
    (1, 13, 'one', 'B', '2025-01-01'), (2, 13, 'two', 'A', '2025-01-01'), (3, 13, 'three', 'A', '2025-01-01'), (4, 14, 'four', 'C', '2025-01-01'),
    (5, 14, 'five', 'B', '2025-01-01'), (6, 15, 'six', 'A', '2025-01-01'), (7, 15, 'seven', 'B', '2025-01-01'), (8, 16, 'eight', 'A', '2025-01-01'),
    (9, 16, 'nine', 'B', '2025-01-01'), (10, 18, 'ten', 'C', '2025-01-01');
INSERT INTO calib.result (customer_id, unit_id, occurred_at, amount, recorded_at)
SELECT c, u, '2025-09-10', amount, '2025-09-11'
FROM (VALUES (1, 13, 500), (2, 13, 200), (3, 13, 150), (4, 14, 50), (5, 14, 50), (6, 15, 50), (10, 18, 9)) v (c, u, amount);
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT 15, 7, 'visit', timestamptz '2025-08-21 10:00' + make_interval(days => 4 * n), '2025-09-30' FROM generate_series(0, 12) n;
-- requests, of Zhejiang, Jiangsu and Anhui; one of North
SELECT own.try('li', 'submit_request(' || c || ')') FROM unnest(ARRAY[
    '3, ''promotion_budget'', 10, ''states 20'', cost => 10, expected => 20', '4, ''samples'', 10, ''states none'', cost => 10',
    '3, ''move_people'', 2, ''no cost'', from_unit => 5', '5, ''samples'', 5, ''on pace'', cost => 5', '4, ''samples'', 1, ''free'', cost => 0, expected => 5',
    '2, ''samples'', 1, ''the region has no target of its own'', cost => 1, expected => 3']) c;
SELECT own.try('north', 'submit_request(8, ''samples'', 1, ''not East'', cost => 1, expected => 300)');
SELECT own.try('li', 'submit_request(3, ''samples'', 1, ''x'', expected => ' || e || ')') FROM unnest('{-1,''NaN'',''Infinity''}'::text[]) e;  -- 22023 each
SELECT id, expected, priority FROM calib.request_trail ORDER BY id;

-- What is proposed -----------------------------------------------------------------------------
SELECT own.try('li', 'open_meeting(2, ''2025-11-20'')') AS opened;
SELECT part, position, unit_name, subject, subject_name, proposal FROM calib.agenda(1);
SELECT part, position, reason, remark FROM calib.agenda(1);
SELECT left_out FROM calib.minutes;
-- every number again by plain SQL, from the views; first the gaps
WITH running AS (
    SELECT unit_id, sum(target_value) AS target, sum(actual) AS actual, round(sum(actual / elapsed_share), 2) AS projected
    FROM calib.attainment WHERE grain = 'quarter' AND period_start = '2025-10-01' AND measure = 'collection' GROUP BY unit_id
), item AS (
    SELECT r.*, q.expected, q.cost, greatest(t.target - t.projected, 0) AS gap, t.target, t.actual, t.projected
    FROM calib.resolution r JOIN running t USING (unit_id) LEFT JOIN calib.resource_request q USING (request_id) WHERE part = 'resource'
)
SELECT count(*) AS wrong FROM item
WHERE (reason_args ->> 'gap')::numeric <> gap OR (reason_args ->> 'target')::numeric <> target OR (reason_args ->> 'actual')::numeric <> actual
   OR (reason_args ->> 'projected')::numeric <> projected OR reason_args ->> 'basis' <> 'people' AND (reason_args ->> 'effect')::numeric <> least(gap, expected)
   OR (reason_args ->> 'per_cost')::numeric IS DISTINCT FROM round(least(gap, expected) / nullif(cost, 0), 4);
-- then the targets: pace and index of the running month, the cap on the original
SELECT count(*) AS right FROM calib.resolution r
JOIN calib.target t USING (target_id)
JOIN calib.diagnose(calib.clock(), 'month') d ON d.unit_id = r.unit_id AND d.measure = t.measure AND d.product_line = t.product_line
JOIN calib.policy_at() p ON p.unit_id = r.unit_id
CROSS JOIN LATERAL (SELECT (r.reason_args ->> 'proposed')::numeric AS proposed, round(t.value * round(d.pace, 4), 2) AS wanted) v
WHERE r.part = 'target' AND d.signal = 'strong' AND (r.reason_args ->> 'pace')::numeric = round(d.pace, 4)
  AND (r.reason_args ->> 'index')::numeric = round(d.density_index::numeric, 2) AND (r.reason_args ->> 'wanted')::numeric = v.wanted
  AND (r.reason_args ->> 'low')::numeric = t.value - p.cap * t.original_value AND (r.reason_args ->> 'high')::numeric = t.value + p.cap * t.original_value
  AND v.proposed BETWEEN t.value - p.cap * t.original_value AND t.value + p.cap * t.original_value
  AND v.proposed = CASE WHEN d.pace < 1 THEN ceil(greatest(v.wanted, t.value - p.cap * t.original_value) / 10) * 10
                        ELSE floor(least(v.wanted, t.value + p.cap * t.original_value) / 10) * 10 END;   -- 3
SELECT count(*) AS right FROM calib.resolution r JOIN calib.tier_fit f USING (customer_id)
WHERE r.part = 'tier' AND r.reason_args - 'misfit' = f.reason_args AND r.proposal ->> 'tier' = f.fitting_tier;  -- 5
SET calib.language = 'zh';
SELECT part, position, reason FROM calib.agenda(1);
RESET calib.language;
-- what ends makes room: people moved for nothing stated, and a move calib prepares where
-- the diagnosis says refocus. One of Zhejiang's reps does 137.2 in 7.1964 weeks so far
SELECT own.try('li', format('withdraw_request(%s)', r)) FROM unnest('{1,5,6}'::bigint[]) r;
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')') AS opened_again;
SELECT part, position, unit_name, subject, proposal, reason FROM calib.agenda(1) WHERE part = 'resource';
SELECT d.unit_id, d.remedy, round(d.actual / d.rep_weeks, 2) AS rate, round((d.period_end - calib.today()) / 7.0, 2) AS weeks,
       round(d.target_value - d.actual / d.elapsed_share, 2) AS gap, d.conversion, round(d.density_index::numeric, 2) AS index
FROM calib.diagnosis d WHERE d.unit_id IN (3, 6) ORDER BY 1;
SELECT left_out FROM calib.minutes;

-- What cannot be proposed is said --------------------------------------------------------------
BEGIN;
SELECT own.try('li', 'submit_adjustment(1203, 950, ''earlier'', ''{1}'')') AS pending, own.try('li', 'submit_adjustment(1104, 95, ''November'', ''{1}'')') AS one,
       own.try('li', 'submit_adjustment(4, 290, ''the quarter'', ''{1}'')') AS two;
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')') AS opened_again;
SELECT position, unit_name, subject, proposal ->> 'value' AS value, remark FROM calib.agenda(1) WHERE part = 'target';
SELECT own.try('li', format('decide(1, %s, ''reject'')', item_id)) FROM calib.agenda(1) WHERE position IS NULL;   -- 22023 each
SELECT remarks FROM calib.minutes;
SET calib.language = 'zh';
SELECT remark FROM calib.agenda(1) WHERE position IS NULL;
-- rejected, they give their places back, and a value that leaves nothing to float is said too
RESET calib.language;
SELECT own.try('wang', format('reject_adjustment(%s, ''no'')', a)) FROM generate_series(1, 3) a;
INSERT INTO calib.policy (unit_id, valid_from, cumulative_cap) VALUES (3, '2025-11-20', 0.001);
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')') AS opened_again;
SELECT position, unit_name, subject, proposal ->> 'value' AS value, remark FROM calib.agenda(1) WHERE part = 'target';
ROLLBACK;
-- without a target of December the quarter's that holds it is asked, with the quarter's pace:
-- 137.2 / 300 by 31 / 61 is 0.8999; a draft spends nothing
BEGIN;
INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value) VALUES
    (91, 3, 'sell-out', 'quarter', '2025-10-01', 300), (92, 4, 'sell-out', 'month', '2025-11-01', 100), (93, 4, 'sell-out', 'month', '2025-12-01', 777);
INSERT INTO calib.result (unit_id, measure, occurred_at, amount) VALUES (13, 'sell-out', '2025-11-10', 137.2), (14, 'sell-out', '2025-11-10', 52);
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')') AS opened_again;
SELECT position, unit_name, subject, proposal, reason FROM calib.agenda(1) WHERE subject IN ('target 91', 'target 93');
ROLLBACK;

-- Who and when ----------------------------------------------------------------------------------
SELECT who, own.try(who, 'open_meeting(2, ''2025-11-01'')') FROM unnest('{north,zhejiang,wang,zhao,viewer,rep,nobody}'::text[]) who;  -- 42501 each
SELECT own.try('li', 'open_meeting(2, ''5874897-01-01'')'), own.try('li', 'open_meeting(2, ''4713-01-01 BC'')');  -- 22023: no timestamp reaches that
SELECT c, own.try('li', 'open_meeting(' || c || ')')
FROM unnest('{"NULL, ''2025-11-01''","2, NULL","2, ''infinity''","404, ''2025-11-01''","2, ''2025-12-01''","2, ''2025-09-30''"}'::text[]) c;  -- 22023 each
CREATE ROLE regress_calib_admin; CREATE ROLE regress_calib_north; CREATE ROLE regress_calib_viewer; CREATE ROLE regress_calib_team;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_calib_admin', 'admin', 2), ('regress_calib_north', 'manager', 7),
    ('regress_calib_viewer', 'viewer', 2), ('regress_calib_team', 'manager', 3);
SET ROLE regress_calib_admin;
SELECT calib.open_meeting(2, '2025-11-30') AS the_same;
-- a late one, of the month before; and a team's own
SELECT calib.open_meeting(2, '2025-10-31') AS late;
SET ROLE regress_calib_team;
SELECT calib.open_meeting(3, '2025-11-01') AS team;
SELECT meeting_id, unit_name, month, state, minutes, over_time, undecided FROM calib.minutes ORDER BY 1;
SELECT count(*) AS items FROM calib.agenda(1);
SET ROLE regress_calib_viewer;
SELECT meeting_id, unit_name, month, state, minutes, over_time, undecided FROM calib.minutes ORDER BY 1;
SELECT count(*) AS items FROM calib.agenda(1);
SET ROLE regress_calib_north;
SELECT count(*) AS meetings FROM calib.minutes;
SELECT count(*) AS items FROM calib.agenda(1);
RESET ROLE;
SELECT calib.agenda(404), calib.agenda(NULL);
SELECT own.try('li', 'cancel_meeting(2)'), own.try('li', 'cancel_meeting(2)') AS not_open;
SELECT own.try('zhejiang', 'cancel_meeting(1)'), own.try('li', 'cancel_meeting(404)'), own.try('li', 'cancel_meeting(NULL)');

-- Deciding --------------------------------------------------------------------------------------
CREATE VIEW own.item AS SELECT r.item_id, r.subject, r.position FROM calib.resolution r WHERE r.meeting_id = 1;
CREATE FUNCTION own.decide(who text, subject text, more text) RETURNS text LANGUAGE sql
AS $$ SELECT own.try(who, format('decide(1, %s, %s)', i.item_id, more)) FROM own.item i WHERE i.subject = $2 $$;
SELECT d, own.decide('li', 'target 1203', d) FROM unnest(ARRAY['NULL', '''yes''', '''''', '''accept''', '''accept'', evidence => ''{}''',
    '''accept'', evidence => ''{404}''', '''accept'', evidence => ''{NULL}''', '''reject'', value => 950', '''defer'', evidence => ''{1}''',
    '''accept'', value => 899, evidence => ''{1}''', '''accept'', value => 1101, evidence => ''{1}''', '''accept'', value => ''NaN'', evidence => ''{1}''',
    '''accept'', value => -1, evidence => ''{1}''', '''accept'', value => 1000, evidence => ''{1}''']) d;
SELECT own.try('li', 'decide(1, 404, ''accept'')'), own.try('li', 'decide(1, NULL, ''accept'')'), own.try('li', 'decide(404, 1, ''accept'')'), own.try('li', 'decide(NULL, 1, ''accept'')');
-- another meeting's item
SELECT own.try('li', format('decide(1, %s, ''reject'')', min(item_id))) ~ 'has no item' AS refused FROM calib.resolution WHERE meeting_id = 3;
SELECT who, own.decide(who, 'target 1203', '''defer''') FROM unnest('{north,zhejiang,wang,zhao,viewer,rep,nobody}'::text[]) who;  -- 42501 each
-- tiers and open requests take neither value nor evidence; a request not made yet takes an amount
SELECT s, m, own.decide('li', s, m) FROM (VALUES ('customer 1', '''accept'', value => 1'), ('customer 1', '''accept'', evidence => ''{1}'''),
    ('request 2', '''accept'', value => 1'), ('request 2', '''accept'', evidence => ''{1}'''), ('unit 6', '''accept'', value => 0'),
    ('unit 6', '''accept'', value => ''Infinity'''), ('unit 6', '''accept'', value => ''NaN'''), ('unit 6', '''accept'', value => ''-Infinity'''),
    ('unit 6', '''accept'', evidence => ''{1,404}'''), ('unit 6', '''accept'', evidence => ''{NULL}'''), ('unit 6', '''accept'', value => 2')) v (s, m);
BEGIN;
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (2, 'market_report', 'Tomorrow', 'https://example.com/2', '2025-11-21');
SELECT own.decide('li', 'unit 6', '''accept'', evidence => ''{2}''');
ROLLBACK;
-- an admin who is no manager may hold it, and not submit
\set VERBOSITY terse
GRANT USAGE ON SCHEMA own TO regress_calib_admin; GRANT SELECT ON own.item TO regress_calib_admin;
SET ROLE regress_calib_admin;
SELECT calib.decide(1, item_id, 'accept', evidence => '{1}') FROM own.item WHERE subject = 'target 1203';
SELECT calib.decide(1, item_id, 'defer') FROM own.item WHERE subject = 'target 1203';
SELECT calib.decide(1, item_id, 'accept') FROM own.item WHERE subject = 'unit 6';
RESET ROLE;
-- the last word counts, and the trail keeps the others
SELECT own.decide('li', 'target 1203', m) FROM unnest(ARRAY['''reject'', ''no''', '''accept'', ''yes'', evidence => ''{1}''', '''accept'', ''less'', 950, ''{1}''']) m;
SELECT decision, value, evidence, note, decided_by, decided_at FROM calib.agenda(1) WHERE subject = 'target 1203';
SELECT new_row ->> 'decision' AS decision, new_row ->> 'note' AS note, person FROM calib.audit
WHERE relation = 'calib.resolution' AND action = 'UPDATE' AND new_row ->> 'subject' = 'target 1203' AND new_row ->> 'decision' IS NOT NULL ORDER BY audit_id;
-- what is decided keeps its place, its id and its words when the rest is prepared anew
SELECT own.decide('li', 'customer 1', '''reject''');
SELECT string_agg(item_id || ' ' || subject, ', ' ORDER BY item_id) AS before FROM own.item \gset
UPDATE calib.customer SET tier = 'C' WHERE customer_id = 7;
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')');
SELECT part, position, subject, decision FROM calib.agenda(1) WHERE part = 'tier';
SELECT string_agg(subject, ', ' ORDER BY subject) AS kept_their_id FROM own.item WHERE :'before' LIKE '%' || item_id || ' ' || subject || '%';
SELECT left_out FROM calib.minutes WHERE meeting_id = 1;

-- Fifteen minutes: shown, not refused -------------------------------------------------------------
SET calib.clock = '2025-11-20 09:15+08';
SELECT minutes, over_time FROM calib.minutes WHERE meeting_id = 1;
SET calib.clock = '2025-11-20 09:15:00.1+08';
SELECT minutes, over_time FROM calib.minutes WHERE meeting_id = 1;
-- one that nobody came to is called off, and held the next day
SELECT own.try('li', 'cancel_meeting(1)');
SELECT state, accepted, rejected, undecided, minutes, over_time FROM calib.minutes WHERE meeting_id = 1;
SELECT own.decide('li', 'customer 1', '''accept''');   -- KC005
SELECT own.try('li', 'close_meeting(1)');              -- KC005
SET calib.clock = '2025-11-21 09:00+08';
SELECT own.try('li', 'open_meeting(2, ''2025-11-01'')');
SELECT state, undecided, minutes, opened_at, opened_by FROM calib.minutes WHERE meeting_id = 1;
-- before it was opened nothing is decided in it, nor is it closed
SET calib.clock = '2025-11-21 08:59:59+08';
SELECT own.decide('li', 'customer 1', '''defer'''), own.try('li', 'close_meeting(1)'), own.try('li', 'cancel_meeting(1)');
SET calib.clock = '2025-11-21 09:00+08';

-- Prepared by the job ------------------------------------------------------------------------------
SELECT calib.run_monthly_meeting('2025-11-20 09:00+08') AS prepared;                        -- North; East's is open
SELECT calib.run_monthly_meeting('2025-11-20 09:00+08') AS again;
SELECT unit_name, month, state, prepared_at, undecided FROM calib.minutes ORDER BY meeting_id;
SELECT key, unit_id, duty, rule, calib.reason_text(reason_code, reason_args) AS reason, created_at, due_at, done_at FROM calib.reminder WHERE key LIKE 'meeting/%';
-- day by day or at once: what was known then
SELECT calib.run_monthly_meeting('2025-10-20 09:00+08') AS october;
SELECT unit_name, prepared_at, undecided FROM calib.minutes WHERE month = '2025-10-01';
SELECT count(*) > 0 AS some, md5(string_agg(c::text, ';' ORDER BY part, rank, subject)) AS now FROM calib.agenda_candidates(2, '2025-11-01', '2025-11-20 09:00+08') c \gset
SET calib.clock = '2025-11-20 09:00+08';
SELECT md5(string_agg(c::text, ';' ORDER BY part, rank, subject)) = :'now' AS the_same_then FROM calib.agenda_candidates(2, '2025-11-01', '2025-11-20 09:00+08') c;
SET calib.clock = '2025-11-21 09:00+08';
SELECT calib.run_monthly_meeting('2025-11-20 10:00+08') AS later;   -- North's anew, and nobody is reminded again
SELECT unit_name, prepared_at FROM calib.minutes WHERE state = 'prepared' ORDER BY month;
SELECT key, created_at FROM calib.reminder WHERE key LIKE 'meeting/%' ORDER BY 1;
SELECT calib.run_monthly_meeting('2025-11-20 09:30+08') AS earlier;
SELECT own.try('', 'run_monthly_meeting(' || a || ')') FROM unnest('{"NULL",''infinity'',''2025-11-21 09:00:01+08''}'::text[]) a;        -- 22023 each
SELECT proname FROM pg_proc WHERE pronamespace = 'calib'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')
 AND (proname ~ '^(run_monthly|write_agenda|agenda_|lock_|carry_|take_next|check_acc|check_adj|units_(below|retiered)|meeting_|strong_|gap_)' OR proname ~ 'behind_door$');
-- which units meet: regions in the loop, without regions its tops
BEGIN;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (20, 1, 'team', 'Online'), (21, 20, 'rep', 'Online rep'), (30, NULL, 'company', 'Other'),
    (31, 30, 'team', 'Other team'), (40, NULL, 'company', 'Third'), (41, 40, 'team', 'Third team'), (42, 40, 'team', 'Third, not in the loop'),
    (50, NULL, 'company', 'Fourth'), (51, 50, 'region', 'Not in the loop');
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active) VALUES (52, 1, 'region', 'Dissolved', '[2025-01-01,2025-11-21)'), (60, NULL, 'company', 'Sold', '[2025-01-01,2025-11-21)');
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (30, '2025-11-21', true), (41, '2025-11-21', true), (60, '2025-11-21', true);
SELECT calib.meeting_units('2025-11-21 09:00+08') ORDER BY 1;   -- 2 7 20 30 41
ROLLBACK;

-- By hand: nobody -------------------------------------------------------------------------------------
INSERT INTO calib.meeting (unit_id, month, prepared_at) VALUES (3, '2025-12-01', now());
UPDATE calib.meeting SET closed_at = now(), closed_by = 'x';
DELETE FROM calib.meeting;
UPDATE calib.resolution SET decision = 'accept';
DELETE FROM calib.resolution;
TRUNCATE calib.resolution;
SELECT calib.decide_behind_door(1, x.i, 'accept', NULL, NULL, NULL) FROM (SELECT min(item_id) AS i FROM own.item) x;
SELECT calib.write_agenda(1, calib.clock());
SET ROLE regress_calib_north;
INSERT INTO calib.meeting (unit_id, month, prepared_at) VALUES (7, '2025-12-01', now());
UPDATE calib.resolution SET decision = 'accept';
RESET ROLE;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_calib_admin, regress_calib_north, regress_calib_viewer, regress_calib_team;
