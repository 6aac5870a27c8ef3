-- Tiers: every change is kept, whatever path it takes; and which tier fits.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'Asia/Shanghai';
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION own.as(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RESET ROLE;
    RETURN 'ok ' || n;
EXCEPTION WHEN OTHERS THEN
    RESET ROLE;
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SET calib.clock = '2025-12-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (1, NULL, 'company', 'Qingquan'), (2, 1, 'region', 'East'), (3, 2, 'team', 'Zhejiang'), (4, 3, 'rep', 'Li'), (5, 3, 'rep', 'Qian'),
    (6, 1, 'region', 'North'), (7, 6, 'rep', 'Wang'), (8, NULL, 'team', 'Online');
CREATE ROLE regress_calib_east; CREATE ROLE regress_calib_north; CREATE ROLE regress_calib_bi; CREATE ROLE regress_calib_none;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES
    ('regress_calib_east', 'manager', 2), ('regress_calib_north', 'manager', 6), ('regress_calib_bi', 'viewer', NULL);
INSERT INTO calib.customer (customer_id, unit_id, name, tier, created_at) VALUES
    (1, 4, 'one', 'B', '2025-01-01'), (2, 4, 'two', 'A', '2025-01-01'), (3, 5, 'three', 'A', '2025-01-01'), (4, 5, 'four', 'C', '2025-01-01'),
    (5, 3, 'five', 'B', '2025-01-01'), (6, 4, 'six', 'A', '2025-01-01'), (7, 4, 'seven', 'B', '2025-01-01'), (8, 4, 'eight', NULL, '2025-01-01'),
    (9, 4, 'nine', 'A', '2025-09-01 00:00:01'), (10, 7, 'ten', 'C', '2025-01-01'), (11, 7, 'eleven', NULL, '2025-09-01'),
    (12, 8, 'twelve', 'B', '2025-01-01'), (13, NULL, 'thirteen', 'A', '2025-01-01');
-- 91 days, from 1 September up to and without 1 December
INSERT INTO calib.result (customer_id, unit_id, occurred_at, amount, measure, recorded_at) VALUES
    (1, 4, '2025-09-01 00:00', 400, 'collection', '2025-09-02'), (1, 4, '2025-11-30 23:59:59', 100, 'collection', '2025-12-01'),
    (1, 4, '2025-08-31 23:59:59', 9999, 'collection', '2025-09-01'), (9, 4, '2025-12-01 00:00', 9999, 'collection', '2025-12-01'),
    (8, 4, '2025-10-01', 9999, 'sell-out', '2025-10-01'),
    (2, 4, '2025-10-01', 200, 'collection', '2025-10-01'), (3, 5, '2025-10-01', 150, 'collection', '2025-10-01'),
    (4, 5, '2025-10-01', 50, 'collection', '2025-10-01'), (5, 3, '2025-10-01', 50, 'collection', '2025-10-01'), (6, 4, '2025-10-01', 50, 'collection', '2025-10-01'),
    (8, 4, '2025-10-01', -20, 'collection', '2025-10-01'), (10, 7, '2025-10-01', 10, 'collection', '2025-10-01'),
    (NULL, 4, '2025-10-01', 9999, 'collection', '2025-10-01');
-- three: twice a week; seven: 13 days, several times on some; six: once
INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at, recorded_at)
SELECT 5, 3, 'visit', timestamptz '2025-09-01 10:00' + make_interval(days => 7 * w + d), timestamptz '2025-11-30'
FROM generate_series(0, 12) w, unnest('{0,3}'::integer[]) d
UNION ALL SELECT 4, 7, 'visit', timestamptz '2025-09-01 10:00' + make_interval(days => 7 * w, hours => h), '2025-11-30'
FROM generate_series(0, 12) w, generate_series(0, 3) h
UNION ALL VALUES (4, 6, 'visit', timestamptz '2025-09-03 10:00', timestamptz '2025-11-30'), (4, 6, 'call', '2025-09-04 10:00', '2025-11-30'),
    (4, 6, 'visit', '2025-08-31 10:00', '2025-11-30');

-- What fits ---------------------------------------------------------------------------------
-- East has 500 200 150 50 50 50 = 1000, so before them lie 0, .5, .7, .85 for the three
-- equal ones, and 1 for who has nothing or less. A [0, .7), B [.7, .9), C [.9, ...
SELECT customer_id, pool_id, tier, fitting_tier AS fits, results, pool_results AS pool, round(before_share, 4) AS before, visits,
       round(visits_per_week, 4) AS weekly, standard, fitting_standard AS fitting, round(misfit, 4) AS misfit, reason_code
FROM calib.tier_fit ORDER BY customer_id;
SELECT customer_id, reason FROM calib.tier_fit WHERE customer_id IN (1, 2, 3, 6, 9, 12) ORDER BY customer_id;
SET calib.language = 'zh';
SELECT customer_id, reason FROM calib.tier_fit WHERE customer_id IN (1, 2, 3, 6, 9, 12) ORDER BY customer_id;
RESET calib.language;
-- the same by plain SQL: the sum over those with more, by the whole of what is above 0
SELECT t.customer_id, t.before_share FROM calib.tier_fit t
WHERE t.pool_id = 2 AND t.before_share IS DISTINCT FROM (
    SELECT coalesce(sum(o.results) FILTER (WHERE o.results > t.results AND o.results > 0), 0) / sum(o.results) FILTER (WHERE o.results > 0)
    FROM calib.tier_fit o WHERE o.pool_id = 2);
-- as of a day before, as known then, and of a future or no time
SELECT customer_id, results, fitting_tier FROM calib.tier_fit_at('2025-11-30 09:00+08') WHERE customer_id IN (1, 9) ORDER BY 1;
SELECT customer_id, results, visits FROM calib.tier_fit_at('2025-12-01 09:00+08', '2025-11-29') WHERE customer_id IN (1, 3) ORDER BY 1;
SELECT count(*) FROM calib.tier_fit_at(NULL);
SELECT count(*) FROM calib.tier_fit_at('2024-12-31');  -- nobody was entered
-- everybody sees the same of what they see
SELECT r, own.as(r, 'SELECT FROM calib.tier_fit') FROM unnest('{regress_calib_east,regress_calib_north,regress_calib_bi,regress_calib_none}'::name[]) r;
SET ROLE regress_calib_east;
SELECT string_agg(customer_id || ' ' || round(before_share, 2), ', ' ORDER BY customer_id) AS east FROM calib.tier_fit;
RESET ROLE;
-- tiers are rows: four of them, their shares in the order of the visits they are owed
BEGIN;
INSERT INTO calib.tier (tier, result_share, visits_per_week) VALUES ('key', 0.50, 5);
UPDATE calib.tier SET result_share = 0.20 WHERE tier = 'A';
SELECT tier, from_share, to_share, rank, last FROM calib.tier_bands() ORDER BY rank;
SELECT customer_id, fitting_tier FROM calib.tier_fit WHERE pool_id = 2 ORDER BY customer_id;
ROLLBACK;

-- Every change is kept -------------------------------------------------------------------------
SELECT count(*) FROM calib.tier_change;   -- entering is none
SET calib.actor = 'li';
UPDATE calib.customer SET tier = 'A' WHERE customer_id = 12;
RESET calib.actor;
UPDATE calib.customer SET name = 'two', tier = 'A' WHERE customer_id = 2;   -- none
INSERT INTO calib.customer (customer_id, name, tier) VALUES (12, 'x', 'C') ON CONFLICT (customer_id) DO UPDATE SET tier = excluded.tier;
MERGE INTO calib.customer c USING (VALUES (12)) v (id) ON c.customer_id = v.id WHEN MATCHED THEN UPDATE SET tier = NULL;
UPDATE calib.customer SET tier = 'B', unit_id = 7 WHERE customer_id = 12;
UPDATE calib.customer SET tier = 'C' WHERE customer_id = 13;
SELECT own.as('regress_calib_east', 'UPDATE calib.customer SET tier = ''B'' WHERE customer_id IN (2, 10)');   -- 10 is North's
-- a trigger of somebody's own that changes it is seen too
CREATE FUNCTION own.lift() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.tier := 'A'; RETURN NEW; END $$;
CREATE TRIGGER lift BEFORE UPDATE ON calib.customer FOR EACH ROW WHEN (NEW.name = 'lifted') EXECUTE FUNCTION own.lift();
UPDATE calib.customer SET name = 'lifted' WHERE customer_id = 10;
DROP TRIGGER lift ON calib.customer;
SELECT customer_id, unit_id, old_tier, new_tier, changed_at, changed_by = session_user AS by_login, nullif(changed_by, session_user) AS person
FROM calib.tier_change ORDER BY tier_change_id;
-- and read by those who saw the unit then
SELECT r, own.as(r, 'SELECT FROM calib.tier_change') FROM unnest('{regress_calib_east,regress_calib_north,regress_calib_bi,regress_calib_none}'::name[]) r;
-- the tier of then is what the first change after it replaced
SET calib.clock = '2025-12-03 09:00+08';
UPDATE calib.customer SET tier = 'C' WHERE customer_id = 1;
SELECT at, (SELECT tier FROM calib.tier_fit_at(at) WHERE customer_id = 1) AS tier FROM unnest('{2025-12-01 09:00+08,2025-12-03 08:59+08,2025-12-03 09:00+08}'::timestamptz[]) at;
-- it outlives the customer
DELETE FROM calib.customer WHERE customer_id = 13;
SELECT old_tier, new_tier FROM calib.tier_change WHERE customer_id = 13;
-- on the trail, and by hand by nobody
SELECT count(*) = (SELECT count(*) FROM calib.tier_change) AS trailed FROM calib.audit WHERE relation = 'calib.tier_change';
\set VERBOSITY terse
INSERT INTO calib.tier_change (customer_id, changed_at, changed_by) VALUES (1, now(), 'x');
UPDATE calib.tier_change SET new_tier = 'A';
DELETE FROM calib.tier_change;
TRUNCATE calib.tier_change;
CREATE TABLE own.customer (LIKE calib.customer);
CREATE TRIGGER t AFTER UPDATE ON own.customer FOR EACH ROW EXECUTE FUNCTION calib.keep_tier_changes();
INSERT INTO own.customer (customer_id, name, tier, created_at) VALUES (1, 'x', 'A', now());
UPDATE own.customer SET tier = 'B';
-- a restore says what was, and is no change
BEGIN;
SET LOCAL calib.restoring = on;
UPDATE calib.customer SET tier = 'A' WHERE customer_id = 2;
SELECT count(*) FROM calib.tier_change WHERE customer_id = 2;
ROLLBACK;
DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_calib_east, regress_calib_north, regress_calib_bi, regress_calib_none;
