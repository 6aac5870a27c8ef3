-- The tables that calib.activity is measured beside: not partitioned, which is to their
-- favour.
\set ON_ERROR_STOP on
SELECT calib.make_months('2024-11-01', '2025-12-01') AS months \gset
CREATE TABLE company.plain (LIKE calib.activity INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE company.plain ADD PRIMARY KEY (source, external_id);
SELECT format('CREATE INDEX ON company.plain %s', definition) FROM calib.activity_indexes() \gexec
CREATE TABLE company.keys (LIKE company.plain INCLUDING ALL,
    FOREIGN KEY (unit_id) REFERENCES calib.unit, FOREIGN KEY (customer_id) REFERENCES calib.customer,
    FOREIGN KEY (opportunity_id) REFERENCES calib.opportunity, FOREIGN KEY (kind) REFERENCES calib.activity_kind);
CREATE TABLE company.plpgsql (LIKE company.plain INCLUDING ALL,
    FOREIGN KEY (unit_id) REFERENCES calib.unit, FOREIGN KEY (customer_id) REFERENCES calib.customer,
    FOREIGN KEY (opportunity_id) REFERENCES calib.opportunity, FOREIGN KEY (kind) REFERENCES calib.activity_kind);

CREATE TABLE company.mark (unit_id bigint, day date, opportunity_id bigint);
CREATE FUNCTION company.mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO company.mark VALUES (NEW.unit_id, (NEW.occurred_at AT TIME ZONE 'Asia/Shanghai')::date, NEW.opportunity_id);
    IF NEW.due_at IS NOT NULL THEN
        INSERT INTO company.mark VALUES (NEW.unit_id, (NEW.due_at AT TIME ZONE 'Asia/Shanghai')::date, NEW.opportunity_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark AFTER INSERT ON company.plpgsql FOR EACH ROW EXECUTE FUNCTION company.mark();
