-- company: the tree, its customers, and what else does not grow with activities.
--
-- Generated, all of it: nobody's data. Everything is drawn from hashes of the
-- row's own number and of :seed, so that the same scale is the same company on
-- every machine. :reps reps in teams of twelve, in eight regions.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION calib;
CREATE SCHEMA company;
SELECT format('ALTER DATABASE %I SET calib.clock = %L', current_database(), '2025-11-19 16:00+08') AS clock,
    format('ALTER DATABASE %I SET timezone = %L', current_database(), 'Asia/Shanghai') AS zone \gset
:clock;
:zone;
SET timezone = 'Asia/Shanghai';

-- The same number in [0, 1) for the same arguments, each draw its own stream.
CREATE FUNCTION company.share(number bigint, draw bigint) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (hashint8extended(number, draw) & 4294967295) / 4294967296.0::float8;

CREATE TABLE company.rep AS
SELECT 10000 + i AS unit_id, i, 100 + i / 12 AS team_id, 10 + (i / 12) % 8 AS region_id,
    30 + floor(171 * company.share(i, :seed + 1))::integer AS customers,
    0.5 + company.share(i, :seed + 2) AS zeal,
    CASE WHEN company.share(i, :seed + 3) < 0.15
        THEN date '2024-12-02' + floor(340 * company.share(i, :seed + 4))::integer END AS joined
FROM generate_series(0, :reps - 1) AS i;
ALTER TABLE company.rep ADD PRIMARY KEY (unit_id);

INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'Company');
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT r, 1, 'region', 'Region ' || r FROM generate_series(10, 17) AS r;
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT DISTINCT team_id, region_id, 'team', 'Team ' || team_id FROM company.rep ORDER BY 1;
INSERT INTO calib.unit (unit_id, parent_id, kind, name, active, external_ref)
SELECT unit_id, team_id, 'rep', 'Rep ' || i, daterange(joined, NULL), 'E' || i FROM company.rep ORDER BY 1;

-- one rep in twenty was on leave for two weeks of the summer or of this autumn
INSERT INTO calib.absence (unit_id, during)
SELECT unit_id, daterange(day, day + 14)
FROM (SELECT unit_id, date '2025-07-07' + 7 * floor(17 * company.share(i, :seed + 6))::integer AS day
      FROM company.rep WHERE company.share(i, :seed + 5) < 0.05) AS a;

-- What is restored passes unasked: a hundred rows a rep would each be one of the trail.
SET calib.restoring = on;
INSERT INTO calib.customer (customer_id, unit_id, name, tier, channel, created_at, external_ref)
SELECT 256 * i + k, unit_id, 'Customer ' || 256 * i + k,
    CASE WHEN k < customers * 0.1 THEN 'A' WHEN k < customers * 0.4 THEN 'B' ELSE 'C' END,
    (ARRAY['supermarket', 'convenience store', 'community group buying'])[1 + (256 * i + k) % 3],
    CASE WHEN k < customers * 0.85 THEN timestamptz '2024-03-01 10:00+08'
        ELSE timestamptz '2024-12-01 10:00+08' + company.share(256 * i + k, :seed + 7) * 350 * interval '1 day' END,
    'C' || 256 * i + k
FROM company.rep, generate_series(0, customers - 1) AS k;
