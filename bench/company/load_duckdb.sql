CREATE TABLE activity (unit_id BIGINT, customer_id BIGINT, kind VARCHAR, outcome VARCHAR, quantity DOUBLE, occurred_at TIMESTAMP);
COPY activity FROM '@/activity.csv' (FORMAT csv, HEADER false);
CREATE TABLE rep (unit_id BIGINT, region_id BIGINT, joined DOUBLE, away_from DOUBLE, away_to DOUBLE);
COPY rep FROM '@/rep.csv' (FORMAT csv, HEADER false);
CREATE TABLE result (unit_id BIGINT, occurred_at TIMESTAMP, amount DOUBLE, lag_seconds DOUBLE);
COPY result FROM '@/result.csv' (FORMAT csv, HEADER false);
CREATE TABLE target (unit_id BIGINT, value DOUBLE);
COPY target FROM '@/target.csv' (FORMAT csv, HEADER false);
CHECKPOINT
