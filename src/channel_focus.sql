-- Where the activity goes, channel by channel, against where results and
-- customers are.

CREATE FUNCTION calib.channel_focus_in(from_at timestamptz, to_at timestamptz, measure text DEFAULT 'collection')
RETURNS TABLE (unit_id bigint, channel text, activities bigint, activity_share numeric,
    result numeric, result_share numeric, customers bigint, customer_share numeric)
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH zone AS MATERIALIZED (
        SELECT o.zone FROM calib.organisation o
    ), act AS (
        -- as a diagnosis counts: one event per rep, customer, day and kind
        SELECT e.unit_id, e.customer_id, e.day
        FROM calib.all_events_in(from_at, to_at) e
        WHERE e.product_line = ''
    ), fact AS (
        SELECT a.unit_id, a.day, c.channel, count(*) AS activities, 0::numeric AS result, 0::bigint AS customers
        FROM act a LEFT JOIN calib.customer c USING (customer_id)
        GROUP BY 1, 2, 3
        UNION ALL
        SELECT r.unit_id, (r.occurred_at AT TIME ZONE (SELECT z.zone FROM zone z))::date, c.channel, 0, sum(r.amount), 0
        FROM calib.result r LEFT JOIN calib.customer c USING (customer_id)
        WHERE r.occurred_at >= from_at AND r.occurred_at < to_at AND r.measure = $3
        GROUP BY 1, 2, 3
        UNION ALL
        SELECT c.unit_id, calib.day_of(to_at), c.channel, 0, 0, count(*)
        FROM calib.customer c
        WHERE c.unit_id IS NOT NULL AND c.created_at < to_at
        GROUP BY 1, 3
    ), summed AS (
        SELECT t.ancestor_id AS unit_id, f.channel, sum(f.activities)::bigint AS activities,
               sum(f.result) AS result, sum(f.customers)::bigint AS customers
        FROM fact f
        JOIN calib.unit_tree t ON t.unit_id = f.unit_id
         AND f.day >= coalesce(t.valid_from, f.day) AND f.day < coalesce(t.valid_to, f.day + 1)
        GROUP BY t.ancestor_id, f.channel
    ), shared AS (
        SELECT s.*, sum(s.activities) OVER unit AS all_activities,
               CASE WHEN sum(s.result) OVER unit > 0 THEN sum(s.result) OVER unit END AS all_result,
               sum(s.customers) OVER unit AS all_customers
        FROM summed s
        WINDOW unit AS (PARTITION BY s.unit_id)
    )
    SELECT s.unit_id, s.channel, s.activities, s.activities / nullif(s.all_activities, 0),
           s.result, s.result / s.all_result, s.customers, s.customers / nullif(s.all_customers, 0)
    FROM shared s
    WHERE s.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.channel_focus_in(timestamptz, timestamptz, text) IS
'Per unit seen, with all below it, and channel of the customer (NULL: none known): activity and results in [from_at, to_at) and the customers there are at its end, each with its share of the unit''s. A share of nothing, or of results that sum up to 0 or less, is NULL. NULL gives no rows.';

CREATE VIEW calib.channel_focus WITH (security_invoker = true) AS
SELECT f.unit_id, f.channel, f.activities, f.activity_share, f.result, f.result_share, f.customers, f.customer_share
FROM calib.organisation o
CROSS JOIN LATERAL calib.channel_focus_in(
    calib.start_of(calib.period_start(calib.today(), 'quarter', o.fiscal_start_month)), calib.clock()) f;
COMMENT ON VIEW calib.channel_focus IS
'Where the activity of the quarter to date goes, per unit with all below it and channel, against where results (collection) and customers are.';
COMMENT ON COLUMN calib.channel_focus.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.channel_focus.channel IS 'Channel of the customer; NULL: none is known, or no customer.';
COMMENT ON COLUMN calib.channel_focus.activities IS 'Activities that have a weight, one per rep, customer, day and kind.';
COMMENT ON COLUMN calib.channel_focus.activity_share IS 'Share of the unit''s activities, 0 to 1; NULL where it has none.';
COMMENT ON COLUMN calib.channel_focus.result IS 'Money collected, refunds taken off.';
COMMENT ON COLUMN calib.channel_focus.result_share IS 'Share of the unit''s results; negative for a channel that gave back more; NULL where the unit''s sum is 0 or less.';
COMMENT ON COLUMN calib.channel_focus.customers IS 'Customers owned now.';
COMMENT ON COLUMN calib.channel_focus.customer_share IS 'Share of the unit''s customers, 0 to 1; NULL where it has none.';
