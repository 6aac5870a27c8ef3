\set rep random(0, :reps - 1)
\set customer random(0, 29)
\set seconds random_exponential(0, 600000, 20)
INSERT INTO calib.activity (source, unit_id, customer_id, kind, occurred_at)
VALUES ('app', 10000 + :rep, 256 * :rep + :customer, 'visit', calib.clock() - :seconds * interval '1 second');
