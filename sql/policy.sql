-- Policy: inherited column by column up the tree, from a day on, never backwards.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SET calib.clock = '2025-10-15 00:00+08';
-- the defaults of DOMAIN
SELECT cap, cumulative_cap, max_adjustments, approval, freeze_day, filing_grace_days, attainment_floor, attainment_margin,
       density_margin, min_peers, min_opportunities, shallow_days, shallow_stages, shallow_share, loop
FROM calib.policy WHERE unit_id IS NULL;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'top'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 1, 'region', 'North');
INSERT INTO calib.policy (unit_id, valid_from, cap, approval, shallow_stages) VALUES (1, '2025-10-15', 0.08, 'single', '{a,b,c}');
INSERT INTO calib.policy (unit_id, valid_from, max_adjustments) VALUES (2, '2025-10-15', 1);
INSERT INTO calib.policy (unit_id, valid_from, cap, shallow_stages) VALUES (3, '2025-10-15', 0.03, '{}');
-- cap: own, else company's; max: region's, else everyone's; the rest from above
SELECT unit_id, cap, max_adjustments, approval, min_peers, shallow_stages FROM calib.policy_at() ORDER BY unit_id;
SELECT unit_id, cap FROM calib.policy_at('2025-10-14') ORDER BY unit_id;
SELECT cap FROM calib.policy_at(of_unit => 3);
SELECT count(*) FROM calib.policy_at(of_unit => 404);
-- a later row takes the place of the earlier one of the same unit, whole
INSERT INTO calib.policy (unit_id, valid_from, max_adjustments) VALUES (3, '2025-11-01', 5);
SELECT d, cap, max_adjustments FROM unnest('{2025-10-31,2025-11-01}'::date[]) d, calib.policy_at(d, 3);
-- an everyone-row takes what it leaves out from the one before
INSERT INTO calib.policy (valid_from, density_margin) VALUES ('2025-12-01', 0.25);
SELECT cap, max_adjustments, density_margin, min_peers, shallow_stages FROM calib.policy WHERE unit_id IS NULL AND valid_from = '2025-12-01';
-- never backwards
SELECT s, pg_temp.try(s) FROM unnest(ARRAY[
    'INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (4, ''2025-10-14'', 1)',
    'INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (4, ''-infinity'', 1)',
    'INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (4, NULL, 1)',
    'UPDATE calib.policy SET cap = 1 WHERE unit_id = 2', 'UPDATE calib.policy SET valid_from = ''2025-10-16'' WHERE unit_id = 2',
    'DELETE FROM calib.policy WHERE unit_id = 2', 'DELETE FROM calib.policy', 'TRUNCATE calib.policy',
    'UPDATE calib.policy SET valid_from = ''2025-10-14'' WHERE valid_from = ''2025-11-01''',
    'INSERT INTO calib.policy (unit_id, valid_from, cap) VALUES (2, ''2025-10-15'', 1)']) s;
-- what has not begun may be changed; its day comes on the organisation's clock
SELECT pg_temp.try('UPDATE calib.policy SET max_adjustments = 4 WHERE valid_from = ''2025-11-01''');
SET calib.clock = '2025-10-31 16:00+00';
SELECT pg_temp.try('UPDATE calib.policy SET max_adjustments = 3 WHERE valid_from = ''2025-11-01''');
SELECT pg_temp.try('DELETE FROM calib.policy WHERE valid_from = ''2025-12-01''');
-- values without sense
SELECT s, left(pg_temp.try('INSERT INTO calib.policy (unit_id, valid_from, ' || split_part(s, '=', 1) || ') VALUES (4, ''2026-01-01'', ' || split_part(s, '=', 2) || ')'), 5) AS code
FROM unnest(ARRAY['cap=0', 'cap=-0.1', 'cap=1.1', 'cap=''NaN''', 'cumulative_cap=''NaN''', 'cumulative_cap=0', 'cumulative_cap=''Infinity''',
    'max_adjustments=-1', 'approval=''maybe''', 'freeze_day=0', 'freeze_day=32', 'filing_grace_days=-1', 'attainment_floor=0', 'density_margin=''NaN''',
    'min_peers=0', 'shallow_share=1.01', 'shallow_days=-1', 'act_within_days=3661', 'cap=1']) s;
-- a moved unit is under its new parent's policy from that day
SET calib.clock = '2025-11-05 09:00+08';
UPDATE calib.unit SET parent_id = 4 WHERE unit_id = 3;
INSERT INTO calib.policy (unit_id, valid_from, approval) VALUES (4, '2025-11-05', 'none');
SELECT d, approval FROM unnest('{2025-11-04,2025-11-05}'::date[]) d, calib.policy_at(d, 3) ORDER BY d;
-- trailed
SELECT count(*) FROM calib.audit WHERE relation = 'calib.policy' AND action = 'INSERT' AND simulated;
DROP EXTENSION calib;
