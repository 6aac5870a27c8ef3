-- Response: see src/response.c.

CREATE FUNCTION calib.sri_transition(state internal, detected_at timestamptz, acted_at timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_sri_transition';
COMMENT ON FUNCTION calib.sri_transition(internal, timestamptz, timestamptz) IS 'Support of aggregate sri: takes a row in.';

CREATE FUNCTION calib.sri_inverse(state internal, detected_at timestamptz, acted_at timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_sri_inverse';
COMMENT ON FUNCTION calib.sri_inverse(internal, timestamptz, timestamptz) IS 'Support of aggregate sri: takes a row out of a moving window.';

CREATE FUNCTION calib.sri_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_sri_combine';
COMMENT ON FUNCTION calib.sri_combine(internal, internal) IS 'Support of aggregate sri: merges two partial states.';

CREATE FUNCTION calib.sri_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_sri_serialize';
COMMENT ON FUNCTION calib.sri_serialize(internal) IS 'Support of aggregate sri: a partial state as bytes.';

CREATE FUNCTION calib.sri_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_sri_deserialize';
COMMENT ON FUNCTION calib.sri_deserialize(bytea, internal) IS 'Support of aggregate sri: a partial state from bytes, checked.';

CREATE FUNCTION calib.sri_final(state internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_sri_final';
COMMENT ON FUNCTION calib.sri_final(internal) IS 'Support of aggregate sri: the result.';

CREATE AGGREGATE calib.sri(detected_at timestamptz, acted_at timestamptz) (
    SFUNC = calib.sri_transition,
    STYPE = internal,
    SSPACE = 64,
    FINALFUNC = calib.sri_final,
    COMBINEFUNC = calib.sri_combine,
    SERIALFUNC = calib.sri_serialize,
    DESERIALFUNC = calib.sri_deserialize,
    MSFUNC = calib.sri_transition,
    MINVFUNC = calib.sri_inverse,
    MSTYPE = internal,
    MSSPACE = 64,
    MFINALFUNC = calib.sri_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.sri(timestamptz, timestamptz) IS
'Strategy response index: mean days from detected to acted over the rows acted on; open rows (acted_at NULL) are left out, none acted gives NULL. Acted before detected, or an infinite time, is 22023.';

CREATE TYPE calib.response AS (
    acted bigint,
    open bigint,
    mean_days float8,
    median_days float8,
    p90_days float8,
    oldest_open_days float8
);
COMMENT ON TYPE calib.response IS 'Result of response_summary.';
COMMENT ON COLUMN calib.response.acted IS 'Rows acted on by as_of.';
COMMENT ON COLUMN calib.response.open IS 'Rows detected and not acted on by as_of.';
COMMENT ON COLUMN calib.response.mean_days IS 'Mean over the rows acted on.';
COMMENT ON COLUMN calib.response.median_days IS 'Kaplan-Meier median, open rows censored; NULL: not reached.';
COMMENT ON COLUMN calib.response.p90_days IS 'Kaplan-Meier 90 % quantile; NULL: not reached.';
COMMENT ON COLUMN calib.response.oldest_open_days IS 'Age of the oldest open row.';

CREATE FUNCTION calib.response_summary_transition(state internal, detected_at timestamptz, acted_at timestamptz, as_of timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_response_summary_transition';
COMMENT ON FUNCTION calib.response_summary_transition(internal, timestamptz, timestamptz, timestamptz) IS 'Support of aggregate response_summary: takes a row in.';

CREATE FUNCTION calib.response_summary_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_response_summary_combine';
COMMENT ON FUNCTION calib.response_summary_combine(internal, internal) IS 'Support of aggregate response_summary: merges two partial states.';

CREATE FUNCTION calib.response_summary_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_response_summary_serialize';
COMMENT ON FUNCTION calib.response_summary_serialize(internal) IS 'Support of aggregate response_summary: a partial state as bytes.';

CREATE FUNCTION calib.response_summary_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_response_summary_deserialize';
COMMENT ON FUNCTION calib.response_summary_deserialize(bytea, internal) IS 'Support of aggregate response_summary: a partial state from bytes, checked.';

CREATE FUNCTION calib.response_summary_final(state internal) RETURNS calib.response
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_response_summary_final';
COMMENT ON FUNCTION calib.response_summary_final(internal) IS 'Support of aggregate response_summary: the result.';

CREATE AGGREGATE calib.response_summary(detected_at timestamptz, acted_at timestamptz, as_of timestamptz) (
    SFUNC = calib.response_summary_transition,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = calib.response_summary_final,
    COMBINEFUNC = calib.response_summary_combine,
    SERIALFUNC = calib.response_summary_serialize,
    DESERIALFUNC = calib.response_summary_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.response_summary(timestamptz, timestamptz, timestamptz) IS
'Acted and open rows as of a time, mean days, Kaplan-Meier median and 90 % quantile with open rows censored at as_of (given per row), age of the oldest open row. Rows detected after as_of or never are left out; acted after as_of is open. as_of NULL, acted before detected, or an infinite time is 22023.';
