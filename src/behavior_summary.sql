-- behavior_summary: the type behavior and its aggregates, a mergeable exact
-- summary of what somebody did.  See src/behavior_summary.c and, for the bytes,
-- docs/behavior_format.md.

CREATE TYPE calib.behavior;

CREATE FUNCTION calib.behavior_in(value cstring) RETURNS calib.behavior
AS 'MODULE_PATHNAME', 'calib_behavior_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_in(cstring) IS
'Text and binary form of the type calib.behavior; not to be called by itself.';

CREATE FUNCTION calib.behavior_out(value calib.behavior) RETURNS cstring
AS 'MODULE_PATHNAME', 'calib_behavior_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_out(calib.behavior) IS
'Text and binary form of the type calib.behavior; not to be called by itself.';

CREATE FUNCTION calib.behavior_recv(bytes internal) RETURNS calib.behavior
AS 'MODULE_PATHNAME', 'calib_behavior_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_recv(internal) IS
'Text and binary form of the type calib.behavior; not to be called by itself.';

CREATE FUNCTION calib.behavior_send(value calib.behavior) RETURNS bytea
AS 'MODULE_PATHNAME', 'calib_behavior_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_send(calib.behavior) IS
'Text and binary form of the type calib.behavior; not to be called by itself.';

CREATE TYPE calib.behavior (
    INPUT = calib.behavior_in,
    OUTPUT = calib.behavior_out,
    RECEIVE = calib.behavior_recv,
    SEND = calib.behavior_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);
COMMENT ON TYPE calib.behavior IS
'What somebody did in some time: events, distinct events, late events and quantity per kind, customers with their counts, active days, first and last time. Made by the aggregates behavior and rollup; equal summaries have equal bytes. No order, no hash: group by something else.';

CREATE FUNCTION calib.behavior_eq(one calib.behavior, other calib.behavior) RETURNS boolean
AS 'MODULE_PATHNAME', 'calib_behavior_eq'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_eq(calib.behavior, calib.behavior) IS
'Whether two summaries are equal; the operator =.';

CREATE FUNCTION calib.behavior_ne(one calib.behavior, other calib.behavior) RETURNS boolean
AS 'MODULE_PATHNAME', 'calib_behavior_ne'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_ne(calib.behavior, calib.behavior) IS
'Whether two summaries differ; the operator <>.';

CREATE OPERATOR calib.= (
    LEFTARG = calib.behavior, RIGHTARG = calib.behavior, FUNCTION = calib.behavior_eq,
    COMMUTATOR = OPERATOR(calib.=), NEGATOR = OPERATOR(calib.<>), RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR calib.= (calib.behavior, calib.behavior) IS 'Equal summaries';

CREATE OPERATOR calib.<> (
    LEFTARG = calib.behavior, RIGHTARG = calib.behavior, FUNCTION = calib.behavior_ne,
    COMMUTATOR = OPERATOR(calib.<>), NEGATOR = OPERATOR(calib.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR calib.<> (calib.behavior, calib.behavior) IS 'Different summaries';

CREATE FUNCTION calib.behavior_combine(state internal, other internal) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_combine'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_combine(internal, internal) IS
'Support of the aggregates calib.behavior and calib.rollup; not to be called by itself.';

CREATE FUNCTION calib.behavior_serialize(state internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'calib_behavior_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_serialize(internal) IS
'Support of the aggregates calib.behavior and calib.rollup; not to be called by itself.';

CREATE FUNCTION calib.behavior_deserialize(bytes bytea, state internal) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_deserialize(bytea, internal) IS
'Support of the aggregates calib.behavior and calib.rollup; not to be called by itself.';

CREATE FUNCTION calib.behavior_final(state internal) RETURNS calib.behavior
AS 'MODULE_PATHNAME', 'calib_behavior_final'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_final(internal) IS
'Support of the aggregates calib.behavior and calib.rollup; not to be called by itself.';

CREATE FUNCTION calib.behavior_transition(state internal, occurred_at timestamptz, customer_id bigint, kind text, quantity float8) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_transition(internal, timestamptz, bigint, text, float8) IS
'Support of the aggregate calib.behavior; not to be called by itself.';

CREATE AGGREGATE calib.behavior(occurred_at timestamptz, customer_id bigint, kind text, quantity float8) (
    SFUNC = calib.behavior_transition,
    STYPE = internal,
    SSPACE = 4096,
    FINALFUNC = calib.behavior_final,
    COMBINEFUNC = calib.behavior_combine,
    SERIALFUNC = calib.behavior_serialize,
    DESERIALFUNC = calib.behavior_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.behavior(timestamptz, bigint, text, float8) IS
'Summary of the rows of a group, days cut in Asia/Shanghai, no row late. A row without time or kind does not count, one without customer counts as of none, a quantity of NULL adds nothing. No rows: NULL; rows but none counting: an empty summary. Infinite time, quantity not finite or from 9.2e12: 22023.';

CREATE FUNCTION calib.behavior_transition(state internal, occurred_at timestamptz, customer_id bigint, kind text, quantity float8, zone text) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_transition(internal, timestamptz, bigint, text, float8, text) IS
'Support of the aggregate calib.behavior; not to be called by itself.';

CREATE AGGREGATE calib.behavior(occurred_at timestamptz, customer_id bigint, kind text, quantity float8, zone text) (
    SFUNC = calib.behavior_transition,
    STYPE = internal,
    SSPACE = 4096,
    FINALFUNC = calib.behavior_final,
    COMBINEFUNC = calib.behavior_combine,
    SERIALFUNC = calib.behavior_serialize,
    DESERIALFUNC = calib.behavior_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.behavior(timestamptz, bigint, text, float8, text) IS
'Summary of the rows of a group, days cut in zone, no row late; see the form without it. zone unknown, NULL or differing within a group: 22023.';

CREATE FUNCTION calib.behavior_transition(state internal, occurred_at timestamptz, customer_id bigint, kind text, quantity float8, zone text, recorded_at timestamptz) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_transition(internal, timestamptz, bigint, text, float8, text, timestamptz) IS
'Support of the aggregate calib.behavior; not to be called by itself.';

CREATE AGGREGATE calib.behavior(occurred_at timestamptz, customer_id bigint, kind text, quantity float8, zone text, recorded_at timestamptz) (
    SFUNC = calib.behavior_transition,
    STYPE = internal,
    SSPACE = 4096,
    FINALFUNC = calib.behavior_final,
    COMBINEFUNC = calib.behavior_combine,
    SERIALFUNC = calib.behavior_serialize,
    DESERIALFUNC = calib.behavior_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.behavior(timestamptz, bigint, text, float8, text, timestamptz) IS
'Summary of the rows of a group, days cut in zone; an event is late when it was recorded more than 48 hours after it happened. recorded_at NULL is not late.';

CREATE FUNCTION calib.behavior_transition(state internal, occurred_at timestamptz, customer_id bigint, kind text, quantity float8, zone text, recorded_at timestamptz, late_hours integer) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.behavior_transition(internal, timestamptz, bigint, text, float8, text, timestamptz, integer) IS
'Support of the aggregate calib.behavior; not to be called by itself.';

CREATE AGGREGATE calib.behavior(occurred_at timestamptz, customer_id bigint, kind text, quantity float8, zone text, recorded_at timestamptz, late_hours integer) (
    SFUNC = calib.behavior_transition,
    STYPE = internal,
    SSPACE = 4096,
    FINALFUNC = calib.behavior_final,
    COMBINEFUNC = calib.behavior_combine,
    SERIALFUNC = calib.behavior_serialize,
    DESERIALFUNC = calib.behavior_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.behavior(timestamptz, bigint, text, float8, text, timestamptz, integer) IS
'Summary of the rows of a group, days cut in zone; an event is late when it was recorded more than late_hours after it happened. late_hours NULL or negative: 22023.';

CREATE FUNCTION calib.rollup_transition(state internal, part calib.behavior) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_rollup_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.rollup_transition(internal, calib.behavior) IS
'Support of the aggregate calib.rollup; not to be called by itself.';

CREATE AGGREGATE calib.rollup(part calib.behavior) (
    SFUNC = calib.rollup_transition,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = calib.behavior_final,
    COMBINEFUNC = calib.behavior_combine,
    SERIALFUNC = calib.behavior_serialize,
    DESERIALFUNC = calib.behavior_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.rollup(calib.behavior) IS
'Union of summaries: what behavior says of all their rows, as long as no customer, day and kind is split over parts. NULL parts are left out, no part: NULL. Differing zones: 22023.';

-- Labels of acts tell outcomes, so those of a company are more than one summary holds; who
-- asks for customers alone need not keep them.
CREATE FUNCTION calib.rollup_any_kind_transition(state internal, part calib.behavior) RETURNS internal
AS 'MODULE_PATHNAME', 'calib_rollup_any_kind_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION calib.rollup_any_kind_transition(internal, calib.behavior) IS
'Support of the aggregate calib.rollup_any_kind; not to be called by itself.';

CREATE AGGREGATE calib.rollup_any_kind(part calib.behavior) (
    SFUNC = calib.rollup_any_kind_transition,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = calib.behavior_final,
    COMBINEFUNC = calib.behavior_combine,
    SERIALFUNC = calib.behavior_serialize,
    DESERIALFUNC = calib.behavior_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.rollup_any_kind(calib.behavior) IS
'calib.rollup for what is asked of events, customers and days: kinds are not told apart, all are the one without a name, and parts may have any number of them. What is distinct is per customer and day.';

CREATE FUNCTION calib.events(summary calib.behavior) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.events(calib.behavior) IS
'Rows counted.';

CREATE FUNCTION calib.events(summary calib.behavior, kind text) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.events(calib.behavior, text) IS
'Rows counted, of one kind.';

CREATE FUNCTION calib.quantity(summary calib.behavior) RETURNS numeric
AS 'MODULE_PATHNAME', 'calib_behavior_quantity'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.quantity(calib.behavior) IS
'Sum of the quantities, each rounded to millionths.';

CREATE FUNCTION calib.quantity(summary calib.behavior, kind text) RETURNS numeric
AS 'MODULE_PATHNAME', 'calib_behavior_quantity'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.quantity(calib.behavior, text) IS
'Sum of the quantities, each rounded to millionths, of one kind.';

CREATE FUNCTION calib.distinct_events(summary calib.behavior) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_distinct_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.distinct_events(calib.behavior) IS
'Distinct events: one per customer, day and kind.';

CREATE FUNCTION calib.distinct_events(summary calib.behavior, kind text) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_distinct_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.distinct_events(calib.behavior, text) IS
'Distinct events: one per customer, day and kind, of one kind.';

CREATE FUNCTION calib.late_events(summary calib.behavior) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_late_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.late_events(calib.behavior) IS
'Events recorded late.';

CREATE FUNCTION calib.late_events(summary calib.behavior, kind text) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_late_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.late_events(calib.behavior, text) IS
'Events recorded late, of one kind.';

CREATE FUNCTION calib.late_distinct_events(summary calib.behavior) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_late_distinct_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.late_distinct_events(calib.behavior) IS
'Distinct events of which no row was recorded in time.';

CREATE FUNCTION calib.late_distinct_events(summary calib.behavior, kind text) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_late_distinct_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.late_distinct_events(calib.behavior, text) IS
'Distinct events of which no row was recorded in time, of one kind.';

CREATE FUNCTION calib.customers(summary calib.behavior) RETURNS bigint
AS 'MODULE_PATHNAME', 'calib_behavior_customers'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.customers(calib.behavior) IS
'Distinct customers, rows without one aside.';

CREATE FUNCTION calib.active_days(summary calib.behavior) RETURNS integer
AS 'MODULE_PATHNAME', 'calib_behavior_active_days'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.active_days(calib.behavior) IS
'Days with an event, in the zone of the summary.';

CREATE FUNCTION calib.active_dates(summary calib.behavior) RETURNS date[]
AS 'MODULE_PATHNAME', 'calib_behavior_active_dates'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.active_dates(calib.behavior) IS
'The days with an event, in order.';

CREATE FUNCTION calib.longest_gap(summary calib.behavior) RETURNS integer
AS 'MODULE_PATHNAME', 'calib_behavior_longest_gap'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.longest_gap(calib.behavior) IS
'The most days from one active day to the next: 1 where every day was active, NULL with fewer than two.';

CREATE FUNCTION calib.concentration(summary calib.behavior) RETURNS float8
AS 'MODULE_PATHNAME', 'calib_behavior_concentration'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.concentration(calib.behavior) IS
'Herfindahl-Hirschman index of events over customers, as the aggregate concentration(customer_id); NULL without customers.';

CREATE FUNCTION calib.distinct_concentration(summary calib.behavior) RETURNS float8
AS 'MODULE_PATHNAME', 'calib_behavior_distinct_concentration'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.distinct_concentration(calib.behavior) IS
'Herfindahl-Hirschman index of distinct events over customers, as a diagnosis counts; NULL without customers.';

CREATE FUNCTION calib.first_at(summary calib.behavior) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'calib_behavior_first_at'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.first_at(calib.behavior) IS
'When the first event happened; NULL where there is none.';

CREATE FUNCTION calib.last_at(summary calib.behavior) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'calib_behavior_last_at'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.last_at(calib.behavior) IS
'When the last event happened; NULL where there is none.';

CREATE FUNCTION calib.zone(summary calib.behavior) RETURNS text
AS 'MODULE_PATHNAME', 'calib_behavior_zone'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.zone(calib.behavior) IS
'The time zone that cuts the days.';

CREATE FUNCTION calib.density(summary calib.behavior, weights jsonb, weeks float8) RETURNS float8
AS 'MODULE_PATHNAME', 'calib_behavior_density_of'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calib.density(calib.behavior, jsonb, float8) IS
'Weighted distinct events per week: sum of weight * distinct events of the kind / weeks. A kind without weight does not count; 0 weeks: NULL (not at work). A weight that is no number or negative, weeks negative or not finite: 22023.';

CREATE FUNCTION calib.kind_counts(summary calib.behavior)
RETURNS TABLE (kind text, events bigint, distinct_events bigint, late_events bigint, late_distinct_events bigint, quantity numeric)
AS 'MODULE_PATHNAME', 'calib_behavior_kind_counts'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION calib.kind_counts(calib.behavior) IS
'What a summary says of each kind.';

CREATE FUNCTION calib.customer_counts(summary calib.behavior)
RETURNS TABLE (customer_id bigint, events bigint, distinct_events bigint)
AS 'MODULE_PATHNAME', 'calib_behavior_customer_counts'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION calib.customer_counts(calib.behavior) IS
'What a summary says of each customer; NULL: rows without one.';

CREATE FUNCTION calib.acts(summary calib.behavior)
RETURNS TABLE (customer_id bigint, day date, kind text, events bigint, late_events bigint)
AS 'MODULE_PATHNAME', 'calib_behavior_acts'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION calib.acts(calib.behavior) IS
'The distinct events of a summary: a row per customer, day and kind. A summary of more than 4096 keeps sums alone: 22023.';
