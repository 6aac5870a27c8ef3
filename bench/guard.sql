-- The guard beside the same rules in PL/pgSQL: what bench/guard.sh runs on.
--
-- calib_bench has tables, constraints and indexes of its own, shaped as calib's,
-- and triggers in PL/pgSQL that keep the same rules on a plain UPDATE: approval
-- and duty, what a binding target may not change, period, freeze, evidence
-- (locked), reason, cap, cumulative cap, a place taken by one atomic statement,
-- the adjustment's record with its origin, and a trail by to_jsonb. Policy, duty,
-- origin and calendar are asked of calib's own functions on both sides, so that
-- what differs is the guard and the trail. The agreement's trigger is off.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
DROP SCHEMA IF EXISTS calib_bench CASCADE;
CREATE SCHEMA calib_bench;
INSERT INTO calib.policy (valid_from, approval, max_adjustments) VALUES (calib.today(), 'none', 2000000000);
INSERT INTO calib.unit (unit_id, parent_id, kind, name)
SELECT u, CASE WHEN u > 1 THEN 1 END, CASE WHEN u > 1 THEN 'team' ELSE 'region' END, 'unit ' || u FROM generate_series(1, 17) u;
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 'bench', 'https://example.com', '2025-01-01');
INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
SELECT u - 2, u, 'quarter', calib.period_start(calib.today(), 'quarter', o.fiscal_start_month), 100
FROM generate_series(2, 17) u CROSS JOIN calib.organisation o;
ALTER TABLE calib.adjustment DISABLE TRIGGER revise_agreement;

CREATE TABLE calib_bench.target (LIKE calib.target INCLUDING ALL);
INSERT INTO calib_bench.target SELECT * FROM calib.target;
CREATE TABLE calib_bench.adjustment (LIKE calib.adjustment INCLUDING ALL, FOREIGN KEY (target_id) REFERENCES calib_bench.target DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE calib_bench.adjustment_evidence (LIKE calib.adjustment_evidence INCLUDING ALL,
    FOREIGN KEY (adjustment_id) REFERENCES calib_bench.adjustment, FOREIGN KEY (evidence_id) REFERENCES calib.evidence);
CREATE TABLE calib_bench.budget (LIKE calib.budget INCLUDING ALL, FOREIGN KEY (unit_id) REFERENCES calib.unit);
CREATE TABLE calib_bench.audit (LIKE calib.audit INCLUDING ALL);

CREATE FUNCTION calib_bench.fill_target() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.value <> OLD.value AND NEW.original_value = OLD.original_value AND OLD.published_at IS NULL AND calib.today() < OLD.period_start THEN
        NEW.original_value := NEW.value;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fill_target BEFORE UPDATE ON calib_bench.target FOR EACH ROW EXECUTE FUNCTION calib_bench.fill_target();

CREATE FUNCTION calib_bench.guard_target() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := calib.day_of(clock_timestamp());
    first_month integer;
    period_end date := OLD.period_start + CASE OLD.grain WHEN 'year' THEN interval '1 year' WHEN 'quarter' THEN interval '3 months' ELSE interval '1 month' END;
    p record;
    ids bigint[] := string_to_array(nullif(current_setting('calib.evidence', true), ''), ',')::bigint[];
    why text := current_setting('calib.reason', true);
    missing record;
    quarter date;
    made bigint;
BEGIN
    SELECT o.fiscal_start_month INTO first_month FROM calib.organisation o;
    IF OLD.published_at IS NULL AND today < OLD.period_start THEN
        RETURN NULL;
    END IF;
    IF (NEW.target_id, NEW.unit_id, NEW.measure, NEW.product_line, NEW.grain, NEW.period_start, NEW.original_value, NEW.published_at) IS DISTINCT FROM
       (OLD.target_id, OLD.unit_id, OLD.measure, OLD.product_line, OLD.grain, OLD.period_start, OLD.original_value, OLD.published_at) THEN
        RAISE EXCEPTION USING ERRCODE = 'KC004', MESSAGE = 'only value changes';
    END IF;
    IF NEW.value = OLD.value THEN
        RETURN NULL;
    END IF;
    SELECT x.cap, x.cumulative_cap, x.max_adjustments, x.approval, x.freeze_day INTO STRICT p FROM calib.policy_at(today, OLD.unit_id) x;
    IF p.approval <> 'none' THEN
        RAISE EXCEPTION USING ERRCODE = 'KC004', MESSAGE = 'only through an approved adjustment';
    END IF;
    PERFORM calib.require_duty('{manager}', OLD.unit_id, format('adjust target %s', OLD.target_id));
    IF today >= period_end THEN
        RAISE EXCEPTION USING ERRCODE = 'KC008', MESSAGE = 'the period has ended';
    END IF;
    IF p.freeze_day IS NOT NULL AND extract(day FROM today) > p.freeze_day
        AND period_end = (date_trunc('month', today::timestamp) + interval '1 month')::date THEN
        RAISE EXCEPTION USING ERRCODE = 'KC008', MESSAGE = 'frozen';
    END IF;
    IF coalesce(cardinality(ids), 0) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'KC003', MESSAGE = 'evidence missing';
    END IF;
    PERFORM FROM calib.evidence e WHERE e.evidence_id = ANY (ids) FOR SHARE;
    SELECT c.id, e.observed_on INTO missing FROM unnest(ids) c(id) LEFT JOIN calib.evidence e ON e.evidence_id = c.id
    WHERE e.evidence_id IS NULL OR e.observed_on > today ORDER BY c.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KC003', MESSAGE = format('evidence %s cannot be cited', missing.id);
    END IF;
    IF coalesce(why, '') !~ '[^ \t\r\n]' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'a reason is needed';
    END IF;
    IF abs(NEW.value - OLD.value) > p.cap * OLD.original_value THEN
        RAISE EXCEPTION USING ERRCODE = 'KC001', MESSAGE = 'over the cap';
    END IF;
    IF abs(NEW.value - OLD.original_value) > coalesce(p.cumulative_cap, CASE OLD.grain WHEN 'year' THEN 0.20 END) * OLD.original_value THEN
        RAISE EXCEPTION USING ERRCODE = 'KC001', MESSAGE = 'over the cumulative cap';
    END IF;
    quarter := calib.period_start(CASE OLD.grain WHEN 'year' THEN today ELSE OLD.period_start END, 'quarter', first_month);
    INSERT INTO calib_bench.budget AS b (unit_id, measure, product_line, quarter_start, used)
    SELECT OLD.unit_id, OLD.measure, OLD.product_line, quarter, 1 WHERE p.max_adjustments > 0
    ON CONFLICT (unit_id, measure, product_line, quarter_start) DO UPDATE SET used = b.used + 1
    WHERE b.used + b.pending < p.max_adjustments;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KC002', MESSAGE = 'no adjustment left';
    END IF;
    INSERT INTO calib_bench.adjustment (target_id, quarter_start, old_value, new_value, reason, origin, status, submitted_by, submitted_at, filed_by, filed_at)
    VALUES (OLD.target_id, quarter, OLD.value, NEW.value, why, calib.origin_of(OLD.unit_id), 'filed', calib.person(), clock_timestamp(), calib.person(), clock_timestamp())
    RETURNING adjustment_id INTO made;
    INSERT INTO calib_bench.adjustment_evidence (adjustment_id, evidence_id) SELECT DISTINCT made, c.id FROM unnest(ids) c(id);
    RETURN NULL;
END $$;
CREATE TRIGGER guard_target AFTER UPDATE ON calib_bench.target FOR EACH ROW EXECUTE FUNCTION calib_bench.guard_target();

CREATE FUNCTION calib_bench.audit_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO calib_bench.audit (transaction_id, recorded_at, clock_at, simulated, relation, action, old_row, new_row, person, role, login, application_name, client_addr)
    VALUES (pg_current_xact_id()::text::bigint, clock_timestamp(), calib.clock(), false, TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_OP,
        CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, to_jsonb(NEW), calib.person(), calib.role(), session_user,
        current_setting('application_name'), inet_client_addr()::text);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE ON calib_bench.target FOR EACH ROW EXECUTE FUNCTION calib_bench.audit_row();
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE ON calib_bench.adjustment FOR EACH ROW EXECUTE FUNCTION calib_bench.audit_row();
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE ON calib_bench.adjustment_evidence FOR EACH ROW EXECUTE FUNCTION calib_bench.audit_row();

-- Whether a side's record adds up; both rules refuse the same four changes.
CREATE FUNCTION calib_bench.sound(side text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    sound boolean;
    codes text := '';
    change text;
BEGIN
    EXECUTE format('SELECT (SELECT bool_and(t.value = t.original_value + (SELECT coalesce(sum(a.new_value - a.old_value), 0) FROM %1$I.adjustment a WHERE a.target_id = t.target_id)) FROM %1$I.target t)
        AND (SELECT bool_and(b.used = (SELECT count(*) FROM %1$I.adjustment a JOIN %1$I.target t USING (target_id) WHERE t.unit_id = b.unit_id)) FROM %1$I.budget b)', side) INTO sound;
    FOREACH change IN ARRAY ARRAY['value = value + 11', 'original_value = 1', 'value = 0', 'unit_id = 1'] LOOP
        BEGIN
            EXECUTE format('UPDATE %I.target SET %s WHERE target_id = 0', side, change);
            codes := codes || ' ok';
        EXCEPTION WHEN OTHERS THEN
            codes := codes || ' ' || SQLSTATE;
        END;
    END LOOP;
    RETURN sound AND codes = ' KC001 KC004 23514 KC004';
END $$;
