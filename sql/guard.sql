-- The hard rules on targets (DOMAIN, "Adjustments: the hard rules"). What each
-- statement must give stands beside it; paths around the rules are in
-- bypass.sql, races in tests/isolation.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET DateStyle = 'ISO, YMD';

-- Runs a statement; tells the rows it touched, or how it was refused.
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    detail text;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN 'ok ' || n;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;

-- Its SQLSTATE only.
CREATE FUNCTION pg_temp.code(statement text) RETURNS text LANGUAGE sql
AS $$ SELECT CASE WHEN t LIKE 'ok %' THEN t ELSE left(t, 5) END FROM pg_temp.try(statement) t $$;

-- A quarter's target of a unit of its own: every one has its own two places.
CREATE FUNCTION pg_temp.target(original numeric, grain text DEFAULT 'quarter', start date DEFAULT '2025-10-01')
RETURNS bigint LANGUAGE sql AS $$
    WITH u AS (INSERT INTO calib.unit (kind, name) VALUES ('team', 'team') RETURNING unit_id)
    INSERT INTO calib.target (unit_id, grain, period_start, original_value)
    SELECT u.unit_id, $2, $3, $1 FROM u RETURNING target_id
$$;

-- The codes of a chain of values given to one fresh target, and where it ends.
CREATE FUNCTION pg_temp.chain(original numeric, VARIADIC to_values numeric[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t bigint := pg_temp.target(original);
    v numeric;
    told text := '';
BEGIN
    FOREACH v IN ARRAY to_values LOOP
        told := told || pg_temp.code(format('UPDATE calib.target SET value = %L WHERE target_id = %s', v, t)) || ', ';
    END LOOP;
    RETURN told || (SELECT value FROM calib.target WHERE target_id = t);
END $$;

SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.evidence (kind, title, uri, observed_on) VALUES
    ('competitor_price_notice', 'Price cut of 15 %', 'https://example.com/notice', '2025-10-14'),
    ('channel_inventory_report', 'Today''s', 'https://example.com/stock', '2025-10-15'),
    ('market_report', 'Tomorrow''s', 'https://example.com/report', '2025-10-16');
SET calib.evidence = '1';
SET calib.reason = 'A rival cut prices by 15 %';

-- Approval ---------------------------------------------------------------------
-- The default policy asks for approval, which a plain UPDATE is not.
SELECT pg_temp.chain(100, 95);                     -- KC004, 100
SELECT pg_temp.try('UPDATE calib.target SET value = 95');
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
SELECT pg_temp.chain(100, 95);                     -- ok 1, 95
-- A unit of its own policy: single asks for another person.
SELECT pg_temp.target(100) AS single \gset
INSERT INTO calib.policy (unit_id, valid_from, approval)
SELECT unit_id, '2025-10-15', 'single' FROM calib.target WHERE target_id = :single;
SELECT pg_temp.try('UPDATE calib.target SET value = 95 WHERE target_id = ' || :single);  -- KC004

-- The cap, exactly ---------------------------------------------------------------
SELECT up, pg_temp.chain(100, up) FROM unnest(ARRAY[110, 110.0, 110.000, 110.01, 110.0000000000000000000001]) up;
SELECT down, pg_temp.chain(100, down) FROM unnest(ARRAY[90, 90.00, 89.99, 89.9999999999999999999999]) down;
-- 10 % of 33.33 is 3.333: 36.663 and 29.997 lie on the border; 10.000001 % is 3.33300033...
SELECT v, pg_temp.chain(33.33, v)
FROM unnest(ARRAY[36.663, 33.33 + 33.33 * 0.10000001, 36.6630000000001, 29.997, 33.33 - 33.33 * 0.10000001]) v;
-- 10.000001 % of other odd originals fails, exactly 10 % passes, up and down
SELECT original, pg_temp.chain(original, original * 1.1) LIKE 'ok 1%' AS up_10,
       pg_temp.chain(original, original * 0.9) LIKE 'ok 1%' AS down_10,
       pg_temp.chain(original, original * 1.10000001) LIKE 'KC001%' AS up_more,
       pg_temp.chain(original, original * 0.89999999) LIKE 'KC001%' AS down_more
FROM unnest(ARRAY[0.01, 0.07, 1, 7, 33.33, 99999.99, 123456789.123456789, 1e30 + 0.1]) original;
-- What float8 cannot tell apart: 1e17 + 10 % + 1
SELECT pg_temp.chain(100000000000000000, 110000000000000001);  -- KC001
SELECT pg_temp.chain(100000000000000000, 110000000000000000);  -- ok 1
-- It is 10 % of the ORIGINAL: two of +10 reach 120, not 121 (which 10 % of 110 would be).
SELECT pg_temp.chain(100, 110, 121, 120);          -- ok, KC001, ok: 120
SELECT pg_temp.chain(100, 90, 79, 80);             -- ok, KC001, ok: 80
-- Back and forth are adjustments like any other.
SELECT pg_temp.chain(100, 110, 100, 105);          -- ok, ok, KC002: 100
-- The same number is none.
SELECT pg_temp.chain(100, 100.00, 100, 110, 110.0);  -- ok, ok, ok, ok: one adjustment
SELECT count(*) FROM calib.adjustment a JOIN calib.target t USING (target_id)
WHERE t.target_id = (SELECT max(target_id) FROM calib.target);
-- The refusal carries the numbers.
SELECT regexp_replace(pg_temp.try('UPDATE calib.target SET value = 89.99 WHERE target_id = ' || pg_temp.target(100)),
                      'Target \d+ of unit \d+', 'Target T of unit U');

-- No number ----------------------------------------------------------------------
SELECT pg_temp.chain(100, 'NaN', 'Infinity', '-Infinity', 0, -100);  -- KC001 or 23514, never ok
SELECT v, pg_temp.code(format('INSERT INTO calib.target (unit_id, grain, period_start, original_value)
    VALUES (1, ''month'', ''2025-12-01'', %L)', v))
FROM unnest(ARRAY['NaN', 'Infinity', '-Infinity', '0', '-1', NULL]) v;
-- a cap of 100 % does not let a target reach 0
SELECT pg_temp.target(100) AS whole \gset
INSERT INTO calib.policy (unit_id, valid_from, cap)
SELECT unit_id, '2025-10-15', 1 FROM calib.target WHERE target_id = :whole;
SELECT pg_temp.code('UPDATE calib.target SET value = 0 WHERE target_id = ' || :whole),
       pg_temp.code('UPDATE calib.target SET value = 200.01 WHERE target_id = ' || :whole),
       pg_temp.code('UPDATE calib.target SET value = 200 WHERE target_id = ' || :whole);

-- Two a quarter --------------------------------------------------------------------
SELECT pg_temp.chain(100, 101, 102, 103);          -- ok, ok, KC002: 102
-- Two months of one quarter share its two places; the next quarter has its own.
WITH u AS (INSERT INTO calib.unit (unit_id, kind, name) VALUES (9001, 'rep', 'months') RETURNING unit_id)
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT 9000 + m, unit_id, 'month', make_date(2025 + m / 13, (m - 1) % 12 + 1, 1), 100 FROM u, generate_series(10, 13) m;
SELECT sum(calib.publish_targets(d)) AS binding FROM unnest('{2025-11-01,2025-12-01,2026-01-01}'::date[]) d;
SELECT t, pg_temp.code(format('UPDATE calib.target SET value = value + 1 WHERE target_id = %s', t))
FROM unnest(ARRAY[9010, 9011, 9012, 9013, 9013, 9013]) t;  -- ok, ok, KC002; ok, ok, KC002
SELECT quarter_start, used, pending, remaining FROM calib.adjustment_budget WHERE unit_id = 9001 ORDER BY 1;
-- one statement that would take three places takes none
WITH u AS (INSERT INTO calib.unit (unit_id, kind, name) VALUES (9002, 'rep', 'at once') RETURNING unit_id)
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT 9100 + m, unit_id, 'month', make_date(2025, m, 1), 100 FROM u, generate_series(10, 12) m;
SELECT sum(calib.publish_targets(d, 9002)) AS binding FROM unnest('{2025-11-01,2025-12-01}'::date[]) d;
SELECT pg_temp.code('UPDATE calib.target SET value = value + 1 WHERE unit_id = 9002');  -- KC002
SELECT count(*) AS adjustments FROM calib.adjustment JOIN calib.target USING (target_id) WHERE unit_id = 9002;
SELECT count(*) AS budgets FROM calib.budget WHERE unit_id = 9002;
-- measures and product lines have places of their own
WITH u AS (INSERT INTO calib.unit (unit_id, kind, name) VALUES (9003, 'rep', 'lines') RETURNING unit_id)
INSERT INTO calib.target (target_id, unit_id, measure, product_line, grain, period_start, original_value)
SELECT t, unit_id, m, p, 'quarter', '2025-10-01', 100
FROM u, (VALUES (9201, 'collection', ''), (9202, 'collection', 'tea'), (9203, 'sell-out', '')) l (t, m, p);
SELECT t, n, pg_temp.code(format('UPDATE calib.target SET value = value + 1 WHERE target_id = %s', t))
FROM unnest(ARRAY[9201, 9202, 9203]) t, generate_series(1, 3) n;
-- policy: none at all, and three
SELECT pg_temp.target(100) AS none_left \gset
INSERT INTO calib.policy (unit_id, valid_from, max_adjustments)
SELECT unit_id, '2025-10-15', 0 FROM calib.target WHERE target_id = :none_left;
SELECT pg_temp.code('UPDATE calib.target SET value = 101 WHERE target_id = ' || :none_left);  -- KC002
SELECT pg_temp.target(100) AS three \gset
INSERT INTO calib.policy (unit_id, valid_from, max_adjustments)
SELECT unit_id, '2025-10-15', 3 FROM calib.target WHERE target_id = :three;
SELECT v, pg_temp.code(format('UPDATE calib.target SET value = %s WHERE target_id = %s', v, :three))
FROM generate_series(101, 104) v;                  -- ok three times, KC002

-- A year's target ----------------------------------------------------------------
-- spends the quarter it is changed in, and its year's cumulative cap is 20 %
SELECT pg_temp.target(100, 'year', '2025-01-01') AS year \gset
SET calib.clock = '2025-02-10 09:00+08';
INSERT INTO calib.policy (unit_id, valid_from, approval)
SELECT unit_id, '2025-02-10', 'none' FROM calib.target WHERE target_id = :year;
INSERT INTO calib.evidence (kind, title, uri, observed_on)
VALUES ('regulation', 'Sugar tax', 'https://example.com/tax', '2025-01-31');
SET calib.evidence = '4';
SELECT v, pg_temp.code(format('UPDATE calib.target SET value = %s WHERE target_id = %s', v, :year))
FROM unnest(ARRAY[110.01, 110, 120, 119]) v;       -- KC001, ok, ok, KC002: Q1 is spent
SET calib.clock = '2025-04-01 00:00+08';
SELECT pg_temp.try(format('UPDATE calib.target SET value = 120.01 WHERE target_id = %s', :year)) LIKE
    'KC001 the adjustments together are over the cumulative cap%' AS over_20;
SELECT v, pg_temp.code(format('UPDATE calib.target SET value = %s WHERE target_id = %s', v, :year))
FROM unnest(ARRAY[110, 100, 90]) v;                -- ok, ok, KC002: Q2 is spent
SET calib.clock = '2025-07-01 00:00+08';
SELECT v, pg_temp.code(format('UPDATE calib.target SET value = %s WHERE target_id = %s', v, :year))
FROM unnest(ARRAY[90, 80]) v;                      -- ok, ok
SET calib.clock = '2025-10-01 00:00+08';
SELECT pg_temp.code(format('UPDATE calib.target SET value = %s WHERE target_id = %s', 79.99, :year));  -- KC001
SELECT quarter_start, old_value, new_value FROM calib.adjustment WHERE target_id = :year ORDER BY adjustment_id;
-- a quarter's target of the same unit shares the running quarter's places
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT 9301, unit_id, 'quarter', '2025-10-01', 50 FROM calib.target WHERE target_id = :year;
SELECT pg_temp.code('UPDATE calib.target SET value = 51 WHERE target_id = 9301'),
       pg_temp.code('UPDATE calib.target SET value = 85 WHERE target_id = ' || :year),
       pg_temp.code('UPDATE calib.target SET value = 52 WHERE target_id = 9301');  -- ok, ok, KC002
-- quarters have no cumulative cap unless policy sets one
SET calib.clock = '2025-10-15 09:00+08';
SET calib.evidence = '1';
SELECT pg_temp.target(100) AS held \gset
INSERT INTO calib.policy (unit_id, valid_from, cumulative_cap)
SELECT unit_id, '2025-10-15', 0.15 FROM calib.target WHERE target_id = :held;
SELECT v, pg_temp.code(format('UPDATE calib.target SET value = %s WHERE target_id = %s', v, :held))
FROM unnest(ARRAY[110, 115.01, 115]) v;            -- ok, KC001, ok

-- Evidence and reason -----------------------------------------------------------
SELECT pg_temp.target(100) AS t \gset
SET calib.evidence = '';
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- KC003
SET calib.evidence = '404';
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- KC003: there is none
SET calib.evidence = '1,404';
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- KC003: each must be
SET calib.evidence = '3';
SELECT pg_temp.try('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- KC003: dated tomorrow
SET calib.evidence = '17,x';
SET calib.evidence = '0';
SET calib.evidence = '-1';
SET calib.evidence = '1,,2';
SET calib.evidence = '1,';
SET calib.evidence = '99999999999999999999';
SHOW calib.evidence;
SET calib.evidence = ' 1 , 2 , 1 ';                -- named twice, kept once
SET calib.reason = '';
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- 22023
SET calib.reason = E' \t\n';
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- 22023
SET calib.reason = '竞品降价 15 %';
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- ok
SELECT a.old_value, a.new_value, a.reason, a.origin, a.status, a.quarter_start, a.submitted_by = session_user AS by_me,
       a.submitted_at = calib.clock() AS at_clock, a.filed_by = session_user AS filed_by_me, a.filed_at = calib.clock() AS filed,
       a.approved_by, array_agg(e.evidence_id ORDER BY e.evidence_id) AS evidence
FROM calib.adjustment a JOIN calib.adjustment_evidence e USING (adjustment_id)
WHERE a.target_id = :t GROUP BY a.adjustment_id;
-- one piece serves many units
SELECT count(*) > 20 AS shared FROM calib.adjustment_evidence WHERE evidence_id = 1;
-- evidence needs an allowed kind, a day, and a uri or content
SELECT pg_temp.code('INSERT INTO calib.evidence (kind, title, uri, observed_on) VALUES (''rumour'', ''t'', ''u'', ''2025-10-01'')'),
       pg_temp.code('INSERT INTO calib.evidence (kind, title, observed_on) VALUES (''regulation'', ''t'', ''2025-10-01'')'),
       pg_temp.code('INSERT INTO calib.evidence (kind, title, uri, observed_on) VALUES (''regulation'', ''t'', '''', ''2025-10-01'')'),
       pg_temp.code('INSERT INTO calib.evidence (kind, title, uri) VALUES (''regulation'', ''t'', ''u'')'),
       pg_temp.code('INSERT INTO calib.evidence (kind, title, uri, observed_on) VALUES (''regulation'', ''t'', ''u'', ''-infinity'')'),
       pg_temp.code('INSERT INTO calib.evidence (kind, title, sha256, observed_on) VALUES (''regulation'', ''t'', ''\x00'', ''2025-10-01'')'),
       pg_temp.code('INSERT INTO calib.evidence (kind, title, sha256, observed_on) VALUES (''regulation'', ''t'', sha256(''x''), ''2025-10-01'')');

-- Ended, frozen --------------------------------------------------------------------
SET calib.evidence = '1';
SELECT pg_temp.target(100) AS t \gset
SET calib.clock = '2025-12-31 23:59:59.999999+08';
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || :t);  -- ok: the last moment
SET calib.clock = '2026-01-01 00:00+08';
SELECT regexp_replace(pg_temp.try('UPDATE calib.target SET value = 90 WHERE target_id = ' || :t),
                      'Target \d+ of unit \d+', 'Target T of unit U');  -- KC008
-- A target for a period long over may be entered, and is binding.
SELECT pg_temp.code('UPDATE calib.target SET value = 95 WHERE target_id = ' || pg_temp.target(100, 'month', '2025-03-01'));  -- KC008
-- Freeze after day 25: what ends this month is closed from the 26th on
SET calib.clock = '2025-10-16 09:00+08';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (9005, 'team', 'frozen');
INSERT INTO calib.policy (unit_id, valid_from, freeze_day, max_adjustments) VALUES (9005, '2025-10-16', 25, 9);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES
    (9501, 9005, 'month', '2025-10-01', 100), (9502, 9005, 'month', '2025-11-01', 100),
    (9503, 9005, 'quarter', '2025-10-01', 100), (9504, 9005, 'month', '2025-12-01', 100);
SELECT calib.publish_targets('2025-11-01', 9005), calib.publish_targets('2025-12-01', 9005);
SET calib.clock = '2025-10-25 23:59+08';
SELECT pg_temp.code('UPDATE calib.target SET value = value + 1 WHERE target_id = 9501');  -- ok
SET calib.clock = '2025-10-26 00:00+08';
SELECT t, pg_temp.code(format('UPDATE calib.target SET value = value + 1 WHERE target_id = %s', t))
FROM unnest(ARRAY[9501, 9502, 9503]) t;            -- KC008, ok, ok
SET calib.clock = '2025-12-26 09:00+08';
SELECT t, pg_temp.try(format('UPDATE calib.target SET value = value + 1 WHERE target_id = %s', t)) LIKE 'KC008 this target is frozen%' AS frozen
FROM unnest(ARRAY[9503, 9504]) t;                  -- both end with December

-- Drafts ------------------------------------------------------------------------
SET calib.clock = '2025-10-15 09:00+08';
SET calib.evidence = '';
SELECT pg_temp.target(100, 'quarter', '2026-01-01') AS draft \gset
-- corrected freely, without evidence, as often as need be; the two numbers stay one
UPDATE calib.target SET value = 500 WHERE target_id = :draft RETURNING original_value, value;
UPDATE calib.target SET original_value = 40 WHERE target_id = :draft RETURNING original_value, value;
UPDATE calib.target SET value = 300, original_value = 300 WHERE target_id = :draft RETURNING original_value, value;
SELECT pg_temp.code('UPDATE calib.target SET value = 320, original_value = 310 WHERE target_id = ' || :draft);  -- KC004
SELECT pg_temp.code('UPDATE calib.target SET value = 0 WHERE target_id = ' || :draft);  -- 23514
-- what would overflow where figures of all units are computed together: 23514, its neighbours not
BEGIN;
SELECT v, pg_temp.code(format('UPDATE calib.target SET original_value = %1$s, value = %1$s WHERE target_id = %2$s', v, :draft)) AS target,
       pg_temp.code(format('INSERT INTO calib.result (unit_id, occurred_at, amount) SELECT unit_id, calib.clock(), -%s FROM calib.target WHERE target_id = %s', v, :draft)) AS result
FROM unnest('{9.99e-10,1e-9,9.99e99,1e100,1e130000}'::text[]) v;
ROLLBACK;
-- names that the keys of deviations and reminders hold: 201 characters twice 23514, 200 not
BEGIN;
SELECT name, length, pg_temp.code(format('UPDATE calib.target SET %I = repeat(%L, %s) WHERE target_id = %s', name, '茶', length, :draft))
FROM unnest('{measure,product_line}'::text[]) name, unnest('{201,200}'::integer[]) length;
ROLLBACK;
UPDATE calib.target SET period_start = '2026-04-01', product_line = 'tea' WHERE target_id = :draft
RETURNING period_start, product_line;
SELECT pg_temp.code('UPDATE calib.target SET period_start = ''2026-04-02'' WHERE target_id = ' || :draft);  -- 22023
SELECT pg_temp.code('UPDATE calib.target SET grain = ''year'' WHERE target_id = ' || :draft);  -- 22023: April starts no year
SELECT count(*) AS adjustments FROM calib.adjustment WHERE target_id = :draft;
SELECT action, old_row ->> 'value' AS old, new_row ->> 'value' AS new
FROM calib.audit WHERE relation = 'calib.target' AND new_row ->> 'target_id' = :'draft' ORDER BY audit_id;
-- published now, or by the function, and never for another time
SELECT pg_temp.code('UPDATE calib.target SET published_at = ''2026-03-01'' WHERE target_id = ' || :draft),
       pg_temp.code('UPDATE calib.target SET published_at = ''2025-10-01'' WHERE target_id = ' || :draft),
       pg_temp.code('UPDATE calib.target SET published_at = ''infinity'' WHERE target_id = ' || :draft),
       pg_temp.code('INSERT INTO calib.target (unit_id, grain, period_start, original_value, published_at)
                     VALUES (9001, ''quarter'', ''2026-07-01'', 1, ''2025-01-01'')');  -- KC004 each
SELECT calib.publish_targets('2026-04-01') AS published;
SELECT calib.publish_targets('2026-04-01') AS none_left;
SELECT pg_temp.try('SELECT calib.publish_targets(NULL)');
SELECT published_at = calib.clock() AS now FROM calib.target WHERE target_id = :draft;
-- binding from then on
SELECT pg_temp.code('UPDATE calib.target SET original_value = 310 WHERE target_id = ' || :draft),
       pg_temp.code('UPDATE calib.target SET published_at = NULL WHERE target_id = ' || :draft),
       pg_temp.code('UPDATE calib.target SET published_at = published_at + interval ''1 s'' WHERE target_id = ' || :draft),
       pg_temp.code('DELETE FROM calib.target WHERE target_id = ' || :draft),
       pg_temp.code('UPDATE calib.target SET value = 310 WHERE target_id = ' || :draft);  -- KC004 four times, KC003
SET calib.evidence = '1';
SELECT pg_temp.code('UPDATE calib.target SET value = 310 WHERE target_id = ' || :draft);  -- ok: before its period starts
-- a draft becomes binding by itself when its period starts, on the organisation's day
SELECT pg_temp.target(100, 'month', '2025-11-01') AS draft \gset
SET calib.clock = '2025-10-31 15:59:59+00';        -- 23:59:59 in Shanghai
SELECT pg_temp.code('UPDATE calib.target SET value = 700 WHERE target_id = ' || :draft);  -- ok
SET calib.clock = '2025-10-31 16:00:00+00';        -- 00:00 of November
SELECT pg_temp.code('UPDATE calib.target SET value = 800 WHERE target_id = ' || :draft),
       pg_temp.code('UPDATE calib.target SET original_value = 100 WHERE target_id = ' || :draft);  -- KC001, KC004
-- a unit's subtree is published alone
SET calib.clock = '2025-10-15 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES
    (9006, NULL, 'region', 'East'), (9007, 9006, 'team', 'Zhejiang'), (9008, NULL, 'region', 'North');
INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES
    (9006, 'quarter', '2026-10-01', 1), (9007, 'quarter', '2026-10-01', 1), (9008, 'quarter', '2026-10-01', 1);
SELECT calib.publish_targets('2026-10-01', 9006) AS two;
SELECT pg_temp.try('SELECT calib.publish_targets(''2026-10-01'', 404)');
SELECT pg_temp.try('SELECT calib.publish_targets(''2026-10-15'')');
-- external_ref is nobody's rule
UPDATE calib.target SET external_ref = 'Q-1' WHERE target_id = 9201 RETURNING external_ref;
-- deleting a draft is allowed, trailed
SELECT pg_temp.code('DELETE FROM calib.target WHERE unit_id = 9008');

-- Periods -----------------------------------------------------------------------
SELECT g, d, pg_temp.code(format('SELECT pg_temp.target(1, %L, %L)', g, d))
FROM (VALUES ('month', '2025-10-02'), ('month', '2025-10-01'), ('quarter', '2025-11-01'), ('quarter', '2025-10-01'),
    ('year', '2025-10-01'), ('year', '2025-01-01'), ('week', '2025-10-06'), ('month', 'infinity'),
    ('month', '-infinity'), ('month', NULL)) p (g, d);

-- What it comes to ------------------------------------------------------------------
-- every place used is one filed adjustment, and every value is its original plus its changes
SELECT count(*) AS wrong_budgets FROM calib.budget b
WHERE b.used <> (SELECT count(*) FROM calib.adjustment a JOIN calib.target t USING (target_id)
                 WHERE (t.unit_id, t.measure, t.product_line, a.quarter_start)
                     = (b.unit_id, b.measure, b.product_line, b.quarter_start));
SELECT count(*) AS wrong_values FROM calib.target t
WHERE t.value <> t.original_value + (SELECT coalesce(sum(a.new_value - a.old_value), 0) FROM calib.adjustment a WHERE a.target_id = t.target_id);
SELECT value, valid_to IS NULL AS now FROM calib.target_history WHERE target_id = :year ORDER BY valid_from;

-- Fiscal year from April ---------------------------------------------------------
DROP EXTENSION calib;
CREATE EXTENSION calib;
SET calib.clock = '2025-05-15 09:00+08';
UPDATE calib.organisation SET fiscal_start_month = 4;
INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-05-15', 'none');
INSERT INTO calib.unit (unit_id, kind, name) VALUES (9001, 'company', 'April');
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'regulation', 't', 'u', '2025-05-01');
SELECT g, d, pg_temp.code(format('SELECT pg_temp.target(1, %L, %L)', g, d))
FROM (VALUES ('year', '2025-01-01'), ('year', '2025-04-01'), ('quarter', '2025-01-01'), ('quarter', '2025-05-01')) p (g, d);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) VALUES
    (9001, 9001, 'year', '2025-04-01', 100), (9002, 9001, 'month', '2025-06-01', 100), (9003, 9001, 'month', '2025-07-01', 100);
SELECT calib.publish_targets('2025-06-01') + calib.publish_targets('2025-07-01') AS published;
SELECT t, pg_temp.code(format('UPDATE calib.target SET value = value + 1 WHERE target_id = %s', t))
FROM unnest(ARRAY[9001, 9002, 9002, 9003]) t;      -- ok, ok, KC002 (April to June), ok
SELECT quarter_start, used FROM calib.budget ORDER BY 1;
-- the fiscal year is fixed from the first target on
SELECT pg_temp.code('UPDATE calib.organisation SET fiscal_start_month = 5');  -- KC007

-- February as start: quarters from February, May, August, November
DROP EXTENSION calib;
CREATE EXTENSION calib;
SET calib.clock = '2025-05-15 09:00+08';
UPDATE calib.organisation SET fiscal_start_month = 2;
SELECT d, pg_temp.code(format('SELECT pg_temp.target(1, ''quarter'', %L)', d))
FROM unnest(ARRAY['2025-02-01', '2025-04-01', '2025-11-01', '2026-01-01']) d;

DROP EXTENSION calib;
