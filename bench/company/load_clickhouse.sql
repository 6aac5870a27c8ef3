CREATE TABLE activity (unit_id Int64, customer_id Int64, kind LowCardinality(String), outcome LowCardinality(String), quantity Float64, occurred_at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY (unit_id, occurred_at);
INSERT INTO activity SELECT * FROM file('@/activity.csv', 'CSV', 'unit_id Int64, customer_id Int64, kind String, outcome String, quantity Float64, occurred_at DateTime64(6, \'UTC\')');
CREATE TABLE rep (unit_id Int64, region_id Int64, joined Float64, away_from Float64, away_to Float64) ENGINE = MergeTree ORDER BY unit_id;
INSERT INTO rep SELECT * FROM file('@/rep.csv', 'CSV', 'unit_id Int64, region_id Int64, joined Float64, away_from Float64, away_to Float64');
CREATE TABLE result (unit_id Int64, occurred_at DateTime64(6, 'UTC'), amount Float64, lag_seconds Float64) ENGINE = MergeTree ORDER BY unit_id;
INSERT INTO result SELECT * FROM file('@/result.csv', 'CSV', 'unit_id Int64, occurred_at DateTime64(6, \'UTC\'), amount Float64, lag_seconds Float64');
CREATE TABLE target (unit_id Int64, value Float64) ENGINE = MergeTree ORDER BY unit_id;
INSERT INTO target SELECT * FROM file('@/target.csv', 'CSV', 'unit_id Int64, value Float64')
