-- Receivables: what customers owe, and since when it is overdue.

CREATE TABLE calib.receivable (
    source text NOT NULL DEFAULT 'manual',
    external_id text NOT NULL DEFAULT gen_random_uuid()::text,
    customer_id bigint NOT NULL REFERENCES calib.customer,
    amount numeric CHECK (amount > '-Infinity' AND amount < 'Infinity'),
    due_on date NOT NULL CHECK (isfinite(due_on)),
    settled_on date CHECK (isfinite(settled_on)),
    recorded_at timestamptz NOT NULL DEFAULT calib.clock(),
    PRIMARY KEY (source, external_id)
);
CREATE INDEX receivable_customer ON calib.receivable (customer_id, due_on);
COMMENT ON TABLE calib.receivable IS 'Invoices and other claims on customers: the accounts that may be overdue. (source, external_id) identifies one.';
COMMENT ON COLUMN calib.receivable.source IS 'Where the fact comes from.';
COMMENT ON COLUMN calib.receivable.external_id IS 'Its key there.';
COMMENT ON COLUMN calib.receivable.customer_id IS 'Who owes it.';
COMMENT ON COLUMN calib.receivable.amount IS 'Amount in the organisation''s currency; NULL: not known. One of 0 or less owes nothing.';
COMMENT ON COLUMN calib.receivable.due_on IS 'Last day it may be paid on time, in the organisation''s time; overdue from the next day on.';
COMMENT ON COLUMN calib.receivable.settled_on IS 'Day it was paid, credited or written off; NULL: still owed.';
COMMENT ON COLUMN calib.receivable.recorded_at IS 'When it was entered.';
SELECT calib.keep_in_dump('calib.receivable');
