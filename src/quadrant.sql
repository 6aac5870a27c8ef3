-- Quadrants: see src/quadrant.c.

CREATE FUNCTION calib.quadrant(attainment float8, density_index float8, floor float8 DEFAULT 1, line float8 DEFAULT 1)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_quadrant';
COMMENT ON FUNCTION calib.quadrant(float8, float8, float8, float8) IS
'environment (missed, dense), execution (missed, sparse), on_track (attained, dense) or windfall (attained, sparse); at the floor is attained, at the line is dense. NULL gives NULL; NaN or infinity is 22023.';

CREATE FUNCTION calib.deviation_quadrant_add(state internal, actual numeric, target numeric, density float8, peer_density float8) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_add';
COMMENT ON FUNCTION calib.deviation_quadrant_add(internal, numeric, numeric, float8, float8) IS 'Support of aggregate deviation_quadrant: takes a row in.';

CREATE FUNCTION calib.deviation_quadrant_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_combine';
COMMENT ON FUNCTION calib.deviation_quadrant_combine(internal, internal) IS 'Support of aggregate deviation_quadrant: merges two partial states.';

CREATE FUNCTION calib.deviation_quadrant_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_serialize';
COMMENT ON FUNCTION calib.deviation_quadrant_serialize(internal) IS 'Support of aggregate deviation_quadrant: a partial state as bytes.';

CREATE FUNCTION calib.deviation_quadrant_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_deserialize';
COMMENT ON FUNCTION calib.deviation_quadrant_deserialize(bytea, internal) IS 'Support of aggregate deviation_quadrant: a partial state from bytes, checked.';

CREATE FUNCTION calib.deviation_quadrant_final(state internal) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_final';
COMMENT ON FUNCTION calib.deviation_quadrant_final(internal) IS 'Support of aggregate deviation_quadrant: the result.';

CREATE AGGREGATE calib.deviation_quadrant(actual numeric, target numeric, density float8, peer_density float8) (
    SFUNC = calib.deviation_quadrant_add,
    STYPE = internal,
    SSPACE = 512,
    FINALFUNC = calib.deviation_quadrant_final,
    COMBINEFUNC = calib.deviation_quadrant_combine,
    SERIALFUNC = calib.deviation_quadrant_serialize,
    DESERIALFUNC = calib.deviation_quadrant_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.deviation_quadrant(numeric, numeric, float8, float8) IS
'Quadrant of a group: sum(actual)/sum(target) against 1, mean(density)/mean(peer_density) against 1. NULLs are left out column by column; no result at all counts as 0; NULL where there is no target, density or peer density, or the peers are all 0. A target not above 0, a negative density, NaN or infinity is 22023.';
