-- Results: what the targets count.

CREATE TABLE calib.source (
    source text PRIMARY KEY,
    stale_days integer NOT NULL CHECK (stale_days BETWEEN 1 AND 3660)
);
COMMENT ON TABLE calib.source IS 'Sources of facts that promise to be current; a source without a row has no limit.';
COMMENT ON COLUMN calib.source.source IS 'As in result.source.';
COMMENT ON COLUMN calib.source.stale_days IS 'Days without a result after which a diagnosis no longer trusts the source; 3660 at most.';
SELECT calib.keep_in_dump('calib.source');

CREATE TABLE calib.result (
    source text NOT NULL DEFAULT 'manual',
    external_id text NOT NULL DEFAULT gen_random_uuid()::text,
    unit_id bigint NOT NULL REFERENCES calib.unit,
    customer_id bigint REFERENCES calib.customer,
    measure text NOT NULL DEFAULT 'collection' CHECK (measure <> ''),
    product_line text NOT NULL DEFAULT '',
    occurred_at timestamptz NOT NULL CHECK (isfinite(occurred_at)),
    amount numeric NOT NULL CHECK (amount > -1e100 AND amount < 1e100),
    recorded_at timestamptz NOT NULL DEFAULT calib.clock() CHECK (isfinite(recorded_at)),
    PRIMARY KEY (source, external_id)
);
CREATE INDEX result_unit ON calib.result (unit_id, occurred_at);
CREATE INDEX result_source ON calib.result (source, measure, occurred_at);
COMMENT ON TABLE calib.result IS 'Money collected, or whatever a target counts. A refund is a negative amount on its own date. (source, external_id) identifies it.';
COMMENT ON COLUMN calib.result.source IS 'Where the fact comes from.';
COMMENT ON COLUMN calib.result.external_id IS 'Its key there.';
COMMENT ON COLUMN calib.result.unit_id IS 'Whose result it is, usually a rep''s.';
COMMENT ON COLUMN calib.result.customer_id IS 'From which customer.';
COMMENT ON COLUMN calib.result.measure IS 'What is counted: collection, sell-out, new customers ...';
COMMENT ON COLUMN calib.result.product_line IS 'Product line; empty: none in particular.';
COMMENT ON COLUMN calib.result.occurred_at IS 'When it happened.';
COMMENT ON COLUMN calib.result.amount IS 'Amount in the organisation''s currency, or a count.';
COMMENT ON COLUMN calib.result.recorded_at IS 'When it was entered.';
SELECT calib.keep_in_dump('calib.result');
