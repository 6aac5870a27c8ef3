-- Concentration: see src/concentration.c.

CREATE FUNCTION calib.concentration_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_concentration_combine';
COMMENT ON FUNCTION calib.concentration_combine(internal, internal) IS 'Support of aggregate concentration: merges two partial states.';

CREATE FUNCTION calib.concentration_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_concentration_serialize';
COMMENT ON FUNCTION calib.concentration_serialize(internal) IS 'Support of aggregate concentration: a partial state as bytes.';

CREATE FUNCTION calib.concentration_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_concentration_deserialize';
COMMENT ON FUNCTION calib.concentration_deserialize(bytea, internal) IS 'Support of aggregate concentration: a partial state from bytes, checked.';

CREATE FUNCTION calib.concentration_final(state internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_concentration_final';
COMMENT ON FUNCTION calib.concentration_final(internal) IS 'Support of aggregate concentration: the result.';

CREATE FUNCTION calib.concentration_transition(state internal, key bigint) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_concentration_transition_bigint';
COMMENT ON FUNCTION calib.concentration_transition(internal, bigint) IS 'Support of aggregate concentration: takes a row in.';

CREATE AGGREGATE calib.concentration(key bigint) (
    SFUNC = calib.concentration_transition,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = calib.concentration_final,
    COMBINEFUNC = calib.concentration_combine,
    SERIALFUNC = calib.concentration_serialize,
    DESERIALFUNC = calib.concentration_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.concentration(bigint) IS
'Herfindahl-Hirschman index of rows over keys: sum of squared shares, 1/n to 1. NULL keys are left out; none gives NULL.';

CREATE FUNCTION calib.concentration_transition(state internal, key text) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_concentration_transition_text';
COMMENT ON FUNCTION calib.concentration_transition(internal, text) IS 'Support of aggregate concentration: takes a row in.';

CREATE AGGREGATE calib.concentration(key text) (
    SFUNC = calib.concentration_transition,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = calib.concentration_final,
    COMBINEFUNC = calib.concentration_combine,
    SERIALFUNC = calib.concentration_serialize,
    DESERIALFUNC = calib.concentration_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.concentration(text) IS
'Herfindahl-Hirschman index of rows over keys: sum of squared shares, 1/n to 1. NULL keys are left out; none gives NULL. Texts are compared byte by byte.';
