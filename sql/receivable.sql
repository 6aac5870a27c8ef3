-- Receivables: what the table takes and refuses, and whose they are.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
SET timezone = 'Asia/Shanghai';
SET calib.clock = '2025-10-20 09:00+08';
INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'Company'), (2, 1, 'team', 'A'), (3, 1, 'team', 'B'), (4, 2, 'rep', 'Ann'), (5, 3, 'rep', 'Bo');
INSERT INTO calib.customer (customer_id, unit_id, name) VALUES (1, 4, 'C1'), (2, 5, 'C2'), (3, NULL, 'C3');
INSERT INTO calib.receivable (source, external_id, customer_id, amount, due_on) VALUES
    ('erp', '1', 1, 100, '2025-10-17'), ('erp', '2', 2, 0, '2025-10-17'), ('erp', '3', 3, -5, '2025-10-17');
INSERT INTO calib.receivable (customer_id, due_on, settled_on) VALUES (1, '2025-10-17', '2025-10-01');
SELECT source, length(external_id) AS length, amount, settled_on, recorded_at FROM calib.receivable WHERE source = 'manual';
-- refused
INSERT INTO calib.receivable (source, external_id, customer_id, due_on) VALUES ('erp', '1', 2, '2025-10-17');
INSERT INTO calib.receivable (source, external_id, customer_id, due_on) VALUES ('erp', '9', 9, '2025-10-17');
INSERT INTO calib.receivable (source, external_id, customer_id, due_on) VALUES ('erp', '9', 1, 'infinity');
INSERT INTO calib.receivable (source, external_id, customer_id, due_on, settled_on, recorded_at) VALUES ('erp', '9', 1, '2025-10-17', '-infinity', '2025-10-20');
INSERT INTO calib.receivable (source, external_id, customer_id, amount, due_on, recorded_at) VALUES ('erp', '9', 1, 'NaN', '2025-10-17', '2025-10-20');
INSERT INTO calib.receivable (source, external_id, customer_id) VALUES ('erp', '9', 1);
DELETE FROM calib.customer WHERE customer_id = 2;
-- who sees a customer sees what it owes; an admin over its unit writes
CREATE ROLE receivable_ann;
CREATE ROLE receivable_a;
CREATE ROLE receivable_all;
CREATE ROLE receivable_none;
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('receivable_ann', 'rep', 4), ('receivable_a', 'admin', 2), ('receivable_all', 'admin', NULL);
SET ROLE receivable_none;
SELECT count(*) FROM calib.receivable;
SET ROLE receivable_ann;
SELECT customer_id, count(*) FROM calib.receivable GROUP BY 1 ORDER BY 1;
INSERT INTO calib.receivable (customer_id, due_on) VALUES (1, '2025-10-17');
UPDATE calib.receivable SET settled_on = '2025-10-18' RETURNING external_id;
SET ROLE receivable_a;
SELECT customer_id, count(*) FROM calib.receivable GROUP BY 1 ORDER BY 1;
INSERT INTO calib.receivable (source, external_id, customer_id, due_on) VALUES ('erp', '4', 1, '2025-10-17');
INSERT INTO calib.receivable (customer_id, due_on) VALUES (2, '2025-10-17');
INSERT INTO calib.receivable (customer_id, due_on) VALUES (3, '2025-10-17');
UPDATE calib.receivable SET customer_id = 2 WHERE external_id = '4';
UPDATE calib.receivable SET settled_on = '2025-10-18' WHERE source = 'erp' RETURNING external_id;
DELETE FROM calib.receivable WHERE source = 'erp' RETURNING external_id;
SET ROLE receivable_all;
SELECT customer_id, count(*) FROM calib.receivable GROUP BY 1 ORDER BY 1;
UPDATE calib.receivable SET settled_on = '2025-10-19' WHERE source = 'erp' RETURNING external_id;
RESET ROLE;
DROP EXTENSION calib CASCADE;
DROP ROLE receivable_ann, receivable_a, receivable_all, receivable_none;
