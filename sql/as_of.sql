-- What was read on a day is read again later, after late records, moves of units,
-- closed deals and new targets' values: as_of and known_at give the same figures.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET timezone = 'Asia/Shanghai';
SET DateStyle = 'ISO, YMD';
SELECT setseed(0.5);
SET calib.clock = '2026-09-01 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'region', 'East'), (3, 1, 'region', 'West');
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 10 + n, 2 + n % 2, 'team', 'Team ' || n FROM generate_series(0, 7) n;
INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT 100 + n, 10 + n % 8, 'rep', 'Rep ' || n FROM generate_series(0, 15) n;
INSERT INTO calib.absence (unit_id, during) VALUES (103, '[2026-11-02,2026-11-16)');
INSERT INTO calib.source (source, stale_days) VALUES ('crm', 3), ('erp', 3), ('sheet', 3), ('never', 1);
INSERT INTO calib.benchmark (conversion) VALUES (0.3);
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT n, 10 + n % 8, 'quarter', CASE WHEN n < 8 THEN date '2026-10-01' ELSE '2026-07-01' END, 100 FROM generate_series(0, 15) n;

-- facts of 1 October to 20 December, each recorded up to six days after it happened (plans and
-- what is owed: some before), and read on 2 December at 15:00
CREATE TEMP TABLE fact AS
SELECT n, 100 + (random() * 15)::int AS unit_id, 100 + (random() * 79)::int AS customer_id,
       (array['visit','visit','visit','order','planned_visit','contract_change','shelf_check','follow_up','log_report','collection_contact'])[1 + n % 10] AS kind,
       date_trunc('minute', timestamptz '2026-10-01 00:00+08' + random() * interval '80 days') AS at, random() * interval '6 days' AS lag, random() AS luck, (random() * 4)::int AS quantity
FROM generate_series(1, 8000) n;
CREATE TEMP TABLE known AS
SELECT f.unit_id, f.customer_id, 300 + f.customer_id AS opportunity_id, f.kind, CASE WHEN f.kind IN ('follow_up', 'log_report') AND f.luck < 0.2 THEN 'open' END AS outcome,
       f.at AS occurred_at, CASE WHEN f.kind IN ('follow_up', 'log_report') THEN f.at + (f.luck - 0.4) * interval '2 days' END AS due_at, f.quantity,
       CASE WHEN f.kind = 'planned_visit' OR (f.kind IN ('follow_up', 'log_report') AND f.luck < 0.2) THEN f.at - 2 * f.lag ELSE f.at + f.lag END AS recorded_at, 'crm' AS source, n::text AS external_id
FROM fact f;
CREATE TEMP TABLE paid AS
SELECT 'erp' AS source, n::text AS external_id, 100 + (random() * 15)::int AS unit_id, at AS occurred_at, (random() * 10)::int AS amount, at + random() * interval '6 days' AS recorded_at
FROM generate_series(1, 300) n, LATERAL (SELECT date_trunc('minute', timestamptz '2026-07-01 00:00+08' + random() * interval '172 days' + 0 * n * interval '1 s') AS at) t;
CREATE TEMP TABLE owed AS
SELECT 'erp' AS source, n::text AS external_id, 100 + n % 80 AS customer_id, 5 AS amount, on_day AS due_on, on_day - interval '5 days' + random() * interval '20 days' AS recorded_at
FROM generate_series(1, 200) n, LATERAL (SELECT date '2026-10-01' + (random() * 80 + 0 * n)::int AS on_day) d;
CREATE TEMP TABLE customer AS
SELECT 100 + n AS customer_id, 100 + n % 16 AS unit_id, 'C' || n AS name, timestamptz '2026-08-01 00:00+08' + (n * 37 % 80) * interval '40 hours' AS created_at FROM generate_series(0, 79) n;
CREATE TEMP TABLE deal AS
SELECT 300 + c.customer_id AS opportunity_id, c.customer_id, c.unit_id, c.created_at + interval '1 hour' AS created_at,
       CASE WHEN n % 4 > 0 THEN c.created_at + (20 + n % 70) * interval '1 day' END AS closed_at, CASE n % 4 WHEN 0 THEN 'open' WHEN 1 THEN 'won' ELSE 'lost' END AS outcome
FROM (SELECT c.*, row_number() OVER (ORDER BY customer_id) AS n FROM customer c) c;
CREATE TEMP TABLE moved AS
SELECT n::text AS external_id, 400 + n % 80 AS opportunity_id, (array['initial_contact','needs_confirmed','proposal'])[1 + (random() * 2)::int] AS to_stage, d.created_at + random() * interval '60 days' AS changed_at
FROM generate_series(1, 200) n JOIN deal d ON d.opportunity_id = 400 + n % 80
UNION ALL SELECT 'opened ' || opportunity_id, opportunity_id, 'initial_contact', created_at FROM deal;

-- what there is by a time, and was not before
CREATE FUNCTION pg_temp.live(after timestamptz, up_to timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO calib.customer (customer_id, unit_id, name, created_at) SELECT * FROM customer WHERE created_at > after AND created_at <= up_to;
    INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage_since, created_at)
    SELECT opportunity_id, customer_id, unit_id, created_at, created_at FROM deal WHERE created_at > after AND created_at <= up_to;
    UPDATE calib.opportunity o SET outcome = d.outcome, closed_at = d.closed_at FROM deal d WHERE d.opportunity_id = o.opportunity_id AND d.closed_at > after AND d.closed_at <= up_to;
    INSERT INTO calib.stage_change (opportunity_id, to_stage, changed_at, source, external_id)
    SELECT opportunity_id, to_stage, changed_at, 'crm', external_id FROM moved WHERE changed_at > after AND changed_at <= up_to;
    SELECT calib.settle_stage_history(ARRAY(SELECT opportunity_id FROM calib.opportunity));
    INSERT INTO calib.activity (unit_id, customer_id, opportunity_id, kind, outcome, occurred_at, due_at, quantity, recorded_at, source, external_id)
    SELECT unit_id, (SELECT c.customer_id FROM calib.customer c WHERE c.customer_id = known.customer_id),
           (SELECT o.opportunity_id FROM calib.opportunity o WHERE o.opportunity_id = known.opportunity_id), kind, outcome, occurred_at, due_at, quantity, recorded_at, source, external_id
    FROM known WHERE recorded_at > after AND recorded_at <= up_to;
    INSERT INTO calib.result (source, external_id, unit_id, occurred_at, amount, recorded_at) SELECT * FROM paid WHERE recorded_at > after AND recorded_at <= up_to;
    INSERT INTO calib.receivable (source, external_id, customer_id, amount, due_on, recorded_at) SELECT * FROM owed WHERE recorded_at > after AND recorded_at <= up_to
        AND customer_id IN (SELECT c.customer_id FROM calib.customer c) $$;
CREATE FUNCTION pg_temp.read(as_of timestamptz, known_at timestamptz) RETURNS TABLE (figure text, line jsonb) LANGUAGE sql AS $$
    SELECT 'indicator', to_jsonb(i) FROM calib.all_indicator_in('2026-09-28', '2026-12-28', as_of, known_at) i
    UNION ALL SELECT 'shallow', to_jsonb(s) FROM calib.all_shallow_in(as_of - interval '14 days', as_of, known_at) s
    UNION ALL SELECT 'conversion', to_jsonb(c) FROM calib.all_conversion_in('2026-10-01 00:00+08', as_of, known_at) c
    UNION ALL SELECT 'stale_results', to_jsonb(s) FROM calib.stale_results(as_of, known_at) s
    UNION ALL SELECT 'stale_sources', to_jsonb(s) FROM calib.stale_sources(as_of, known_at) s
    UNION ALL SELECT 'diagnosis', to_jsonb(d) FROM calib.diagnose(as_of, 'quarter', known_at) d
    UNION ALL SELECT 'closed quarter', to_jsonb(d) FROM calib.diagnose_period(as_of, 'quarter', '2026-07-01', known_at) d $$;

SELECT pg_temp.live('-infinity', '2026-12-02 15:00+08') IS NULL AS lived;
-- two sources fell silent: the sheet eight days ago, though it holds a plan for yesterday and a follow-up owed this morning
INSERT INTO calib.activity (source, external_id, unit_id, kind, outcome, occurred_at, recorded_at) VALUES
    ('sheet', '1', 101, 'visit', NULL, '2026-11-24 10:00+08', '2026-11-24 18:00+08'), ('sheet', '2', 101, 'planned_visit', NULL, '2026-12-01 10:00+08', '2026-11-24 18:00+08'),
    ('sheet', '3', 101, 'follow_up', 'open', '2026-12-02 09:00+08', '2026-11-24 18:00+08'), ('free', '1', 101, 'visit', NULL, '2026-10-01 10:00+08', '2026-10-01 10:00+08');
INSERT INTO calib.result (source, external_id, unit_id, measure, occurred_at, amount, recorded_at) VALUES ('sheet', '1', 101, 'returns', '2026-11-20 10:00+08', -1, '2026-11-20 18:00+08');
SET calib.clock = '2026-12-02 15:00+08';
CREATE TEMP TABLE then_read AS SELECT * FROM pg_temp.read('2026-12-02 15:00+08', NULL);
SELECT figure, count(*) FROM then_read GROUP BY 1 ORDER BY 1;
SELECT line FROM then_read WHERE figure LIKE 'stale%' ORDER BY 1;

-- life goes on: late records, closed deals, and a team with its past in another region
SET calib.clock = '2026-12-10 09:00+08';
UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 10;
SET calib.clock = '2026-12-20 09:00+08';
SELECT pg_temp.live('2026-12-02 15:00+08', 'infinity') IS NULL AS lived;
-- recorded long after: they tell that the sheet was current all along
INSERT INTO calib.result (source, external_id, unit_id, measure, occurred_at, amount) VALUES ('sheet', '2', 101, 'returns', '2026-12-01 10:00+08', -1);
INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('sheet', '4', 101, 'visit', '2026-12-02 10:00+08');
CREATE TEMP TABLE read_again AS SELECT * FROM pg_temp.read('2026-12-02 15:00+08', '2026-12-02 15:00+08');
SELECT figure, count(*) AS rows, count(*) FILTER (WHERE (figure, line) NOT IN (TABLE then_read)) AS changed,
       (SELECT count(*) FROM then_read t WHERE t.figure = r.figure AND (t.figure, t.line) NOT IN (TABLE read_again)) AS lost
FROM read_again r GROUP BY figure ORDER BY figure;
-- and without known_at none of those that changed since stays as it was
SELECT figure, count(*) > 0 AS changed FROM pg_temp.read('2026-12-02 15:00+08', NULL) r WHERE (figure, line) NOT IN (TABLE then_read) GROUP BY 1 ORDER BY 1;
SELECT line AS still_stale FROM pg_temp.read('2026-12-02 15:00+08', NULL) WHERE figure LIKE 'stale%';
-- the team is judged with the group it stood in on the day asked for
SELECT at, parent_id FROM unnest('{2026-12-02 15:00+08,2026-12-15 15:00+08}'::timestamptz[]) AS at CROSS JOIN LATERAL calib.diagnose(at) d WHERE d.unit_id = 10 ORDER BY at;

-- Own working days in weeks: the week of the National Day (from Thursday 1 October 2026, with a make-up
-- Saturday on 10 October), two weeks away, and one who joins on a Wednesday.
UPDATE calib.unit SET active = '[2026-10-21,)' WHERE unit_id = 102;
SELECT day, working FROM calib.holiday WHERE day BETWEEN '2026-09-28' AND '2026-10-11' ORDER BY day;
SELECT unit_id, week, working_days FROM calib.rep_weeks_worked('2026-09-28', '2026-11-23') WHERE unit_id IN (101, 102, 103) ORDER BY week, unit_id;
SELECT count(*) AS not_equal FROM calib.rep_weeks_worked('2026-09-28', '2027-03-01') w JOIN calib.unit_days() d USING (unit_id)
WHERE w.working_days <> calib.working_days(calib.days_at_work(d.active, d.absences, daterange(w.week, w.week + 7)));
SELECT array_agg(DISTINCT week) AS begun_in_it FROM calib.rep_weeks_worked('2026-09-29', '2026-10-06');
SELECT count(*) AS none FROM calib.rep_weeks_worked(NULL, '2026-10-06');
SELECT count(*) AS reversed FROM calib.rep_weeks_worked('2026-10-06', '2026-09-28');
SELECT * FROM calib.rep_weeks_worked('2026-09-28', 'infinity');
SELECT count(*) AS of_nothing FROM pg_temp.read(NULL, NULL) r WHERE r.figure NOT IN ('diagnosis', 'closed quarter');
DROP EXTENSION calib CASCADE;
