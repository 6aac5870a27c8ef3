-- The resellers of Microsoft's AdventureWorks sample (a fictitious bicycle
-- maker): 57,851 order lines, 163 quarterly quotas, 17 people in three teams.
-- psql -v data=<folder> -f adventureworks.sql, in a database with calib.
--
-- A sales manager sells and carries a quota too: as a person below the team of
-- the same number plus 1000, which holds the people who report to her or him.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET DateStyle = 'ISO';

UPDATE calib.organisation SET zone = 'UTC', currency = 'USD';

-- As they come -------------------------------------------------------------------

CREATE TABLE staged_sale (order_number text, order_date date, product_key integer, reseller_key bigint,
    employee_key bigint, territory_key integer, quantity integer, unit_price numeric,
    total_cost numeric, amount numeric, standard_cost numeric);
CREATE TABLE staged_quota (quota_key integer, employee_key bigint, date_key integer,
    calendar_year integer, calendar_quarter integer, amount numeric, day date);
CREATE TABLE staged_person (employee_key bigint, parent_key bigint, national_id text,
    territory_key integer, first_name text, last_name text, title text, hire_date date);
CREATE TABLE staged_reseller (reseller_key bigint, business_type text, name text, city text, state text, country text);
\cd :data
\copy staged_sale FROM 'FactResellerSales.csv' (FORMAT csv, HEADER, NULL 'NULL')
\copy staged_quota FROM 'FactSalesQuota_dw.psv' (DELIMITER '|')
\copy staged_person FROM 'salespeople.csv' (FORMAT csv, HEADER)
\copy staged_reseller FROM 'Resellers.csv' (FORMAT csv, HEADER)

-- The quotas' years are not the sales': the i-th date is the quarter 2017 Q3 + i.
CREATE TABLE staged_quarter AS
SELECT day, (date '2017-07-01' + (row_number() OVER (ORDER BY day) - 1) * interval '3 months')::date AS period_start
FROM (SELECT DISTINCT day FROM staged_quota) AS d;

-- Into calib -----------------------------------------------------------------------

INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Adventure Works');
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT 1000 + employee_key, 1, 'team', 'Team ' || last_name FROM staged_person WHERE title LIKE '%Manager';
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT employee_key, 1000 + CASE WHEN title LIKE '%Manager' THEN employee_key ELSE parent_key END,
       'rep', first_name || ' ' || last_name
FROM staged_person;
INSERT INTO calib.customer (customer_id, name, channel, created_at)
SELECT reseller_key, name, business_type, '2017-06-30 00:00Z' FROM staged_reseller;
INSERT INTO calib.target (unit_id, grain, period_start, original_value)
SELECT q.employee_key, 'quarter', s.period_start, q.amount FROM staged_quota q JOIN staged_quarter s USING (day);
INSERT INTO calib.result (source, external_id, unit_id, customer_id, occurred_at, amount)
SELECT 'adventureworks', s.order_number || '-' || row_number() OVER (PARTITION BY s.order_number),
       s.employee_key, s.reseller_key, s.order_date::timestamp AT TIME ZONE 'UTC', s.amount
FROM staged_sale s;
ANALYZE;

-- What it says -----------------------------------------------------------------------

\pset footer off
\echo 'Attainment by quarter'
SELECT period_start, round(sum(target_value)) AS quota, round(sum(actual)) AS sold,
       round(sum(actual) / sum(target_value), 2) AS attainment
FROM calib.attainment WHERE unit_kind = 'rep' GROUP BY period_start ORDER BY period_start;
\echo 'Attainment by person, quarters attained'
SELECT unit_name, count(*) AS quarters, round(sum(actual) / sum(target_value), 2) AS attainment,
       round(min(attainment), 2) AS lowest, round(max(attainment), 2) AS highest,
       count(*) FILTER (WHERE attainment >= 1) AS attained
FROM calib.attainment WHERE unit_kind = 'rep' GROUP BY unit_id, unit_name ORDER BY 3 DESC;
