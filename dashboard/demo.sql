-- The demonstration's viewers: one who sees all, one who sees East China. Their clock stands
-- on the evening of 9 December 2025, late in the last quarter that was played.
--
-- psql -f demo.sql, as a superuser, as often as one likes.
SET client_min_messages = warning;
SET calib.clock = '2025-12-09 18:00+08';

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest('{dashboard,dashboard_east}'::text[]) name
WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE dashboard SET calib.clock = '2025-12-09 18:00+08';
ALTER ROLE dashboard_east SET calib.clock = '2025-12-09 18:00+08';
INSERT INTO calib.duty (role_name, duty, unit_id)
SELECT v.role_name, 'viewer', v.unit_id FROM (VALUES ('dashboard', NULL::bigint), ('dashboard_east', 10)) v (role_name, unit_id)
WHERE NOT EXISTS (SELECT FROM calib.duty d WHERE d.role_name = v.role_name AND d.duty = 'viewer');

-- A week in which three reps see much of shops that do not move: what shallow coverage is.
INSERT INTO crm.deal (deal_no, shop_no, staff_no, phase, phase_since, opened)
SELECT format('W%s-%s', rep, n), 'S' || 100 * rep + n, 'E' || rep, CASE WHEN n <= stuck THEN 'initial_contact' ELSE 'proposal' END, at, at
FROM (VALUES (1402, 4, 5), (2201, 3, 5), (3103, 1, 5)) v (rep, stuck, visited), generate_series(1, visited) n, (SELECT timestamptz '2025-11-10 10:00+08' AS at) t
WHERE NOT EXISTS (SELECT FROM crm.deal WHERE deal_no LIKE 'W%');
INSERT INTO crm.contact (contact_no, staff_no, shop_no, way, started, saved)
SELECT 'stuck ' || d.deal_no, d.staff_no, d.shop_no, 'on site', at, at
FROM (SELECT d.*, timestamptz '2025-12-03 16:40+08' + (row_number() OVER (PARTITION BY staff_no ORDER BY deal_no)) * interval '1 day' AS at
      FROM crm.deal d WHERE deal_no LIKE 'W%' OR staff_no = 'E1505' AND closed IS NULL) d
WHERE NOT EXISTS (SELECT FROM crm.contact WHERE contact_no LIKE 'stuck %');
