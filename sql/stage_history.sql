-- Stage history: the trigger's for who enters opportunities by hand, the source's own where one is fed.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET timezone = 'Asia/Shanghai';
SET calib.clock = '2025-10-20 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'rep', 'Li');
INSERT INTO calib.opportunity (opportunity_id, unit_id, stage, stage_since, created_at)
SELECT n, 1, 'initial_contact', '2025-10-01 09:00+08', '2025-10-01 09:00+08' FROM generate_series(1, 4) n;
UPDATE calib.opportunity SET stage = 'proposal', stage_since = '2025-10-10 09:00+08' WHERE opportunity_id IN (1, 2);
CREATE VIEW history AS
SELECT opportunity_id AS opp, from_stage, to_stage, changed_at::timestamp, source FROM calib.stage_change ORDER BY opportunity_id, changed_at, stage_change_id;
CREATE VIEW since AS SELECT opportunity_id AS opp, stage, stage_since::timestamp FROM calib.opportunity ORDER BY 1;
SELECT * FROM history WHERE opp < 3;

-- the source's own history of 1 comes out of order, with an entry that is no move (c); what the trigger wrote goes
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES
    (1, 'proposal', '2025-10-08 15:00+08', 'crm', 'd'), (1, 'initial_contact', '2025-09-28 08:00+08', 'crm', 'a'),
    (1, 'proposal', '2025-10-09 15:00+08', 'crm', 'c'), (1, 'needs_confirmed', '2025-10-03 10:00+08', 'crm', 'b');
SELECT calib.settle_stage_history('{1,1,NULL,99}');
SELECT * FROM history WHERE opp < 3;
-- stage_since is the newest entry into today's stage, not the newest note; 2 keeps what it said
SELECT * FROM since WHERE opp < 3;
-- from now on the trigger writes for 2 and no more for 1
SET calib.clock = '2025-10-21 09:00+08';
UPDATE calib.opportunity SET stage = 'negotiation' WHERE opportunity_id IN (1, 2);
SELECT * FROM history WHERE opp < 3 AND changed_at > '2025-10-10 09:00';
SELECT * FROM since WHERE opp < 3;
-- until the source tells it too: the update came at 9, the stage at 8:30
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES (1, 'negotiation', '2025-10-21 08:30+08', 'crm', 'e');
SELECT calib.settle_stage_history('{1}');
SELECT from_stage, to_stage FROM history WHERE opp = 1 AND to_stage = 'negotiation';
SELECT * FROM since WHERE opp = 1;
-- an entry that moves in time moves in order; one that goes leaves no gap; entries of one moment stand as they came
UPDATE calib.stage_change SET changed_at = '2025-10-21 08:30+08' WHERE external_id = 'b';
DELETE FROM calib.stage_change WHERE external_id = 'd';
SELECT calib.settle_stage_history('{1}');
SELECT * FROM history WHERE opp = 1;
-- back to a stage: since the second time
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES
    (3, 'initial_contact', '2025-10-02 09:00+08', 'crm', 'f'), (3, 'proposal', '2025-10-05 09:00+08', 'other', 'f'), (3, 'initial_contact', '2025-10-12 09:00+08', 'crm', 'h');
SELECT calib.settle_stage_history('{3}');
SELECT * FROM history WHERE opp = 3;
SELECT * FROM since WHERE opp = 3;
-- a history taken back altogether: what the opportunity itself says stands
DELETE FROM calib.stage_change WHERE opportunity_id = 3;
SELECT calib.settle_stage_history('{3}');
SELECT * FROM history WHERE opp = 3;

-- the note that is no move neither un-sticks a customer nor works an opportunity
INSERT INTO calib.customer (customer_id, unit_id, name) VALUES (1, 1, 'Corner shop');
UPDATE calib.opportunity SET customer_id = 1 WHERE opportunity_id = 4;
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at) VALUES (1, 1, 'visit', '2025-10-21 10:00+08');
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES
    (4, 'initial_contact', '2025-10-01 09:00+08', 'crm', 'i'), (4, 'initial_contact', '2025-10-20 09:00+08', 'crm', 'j');
SELECT calib.settle_stage_history('{4}');
SELECT visited, stuck FROM calib.shallow_coverage_in('2025-10-20 00:00+08', '2025-10-22 00:00+08');
SELECT worked FROM calib.conversion_in('2025-10-20 00:00+08', '2025-10-20 12:00+08');

-- refused: half a key, the same key twice, no opportunity, no end of time; and nobody but the extension writes
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source) VALUES (1, 'proposal', '2025-10-22', 'crm');
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES (1, 'proposal', '2025-10-22', 'crm', 'a');
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES (99, 'proposal', '2025-10-22', 'crm', 'z');
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES (1, 'proposal', 'infinity', 'crm', 'z');
CREATE ROLE stage_history_li;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('stage_history_li', 'admin', NULL);
SET ROLE stage_history_li;
SELECT count(*) FROM calib.stage_change WHERE opportunity_id = 1;
SELECT count(*) AS marks FROM calib.stage_history_mark;
INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id) VALUES (1, 'proposal', '2025-10-22', 'crm', 'z');
SELECT calib.settle_stage_history('{1}');
RESET ROLE;

-- an older snapshot settles what it sees and leaves a mark; the next call takes it up
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT calib.settle_stage_history('{1}');
COMMIT;
SELECT * FROM calib.stage_history_mark;
SELECT calib.settle_stage_history();
SELECT * FROM calib.stage_history_mark;
-- of an empty call nothing comes
SELECT calib.settle_stage_history('{}');
DROP VIEW history, since;
DROP EXTENSION calib CASCADE;
DROP ROLE stage_history_li;
