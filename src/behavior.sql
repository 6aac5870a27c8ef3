-- Behavior density: see src/behavior.c.

CREATE FUNCTION calib.behavior_density_add(state internal, occurred_at timestamptz, weight float8, during tstzrange) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_behavior_density_add';
COMMENT ON FUNCTION calib.behavior_density_add(internal, timestamptz, float8, tstzrange) IS 'Support of aggregate behavior_density: takes a row in.';

CREATE FUNCTION calib.behavior_density_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_behavior_density_combine';
COMMENT ON FUNCTION calib.behavior_density_combine(internal, internal) IS 'Support of aggregate behavior_density: merges two partial states.';

CREATE FUNCTION calib.behavior_density_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_behavior_density_serialize';
COMMENT ON FUNCTION calib.behavior_density_serialize(internal) IS 'Support of aggregate behavior_density: a partial state as bytes.';

CREATE FUNCTION calib.behavior_density_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_behavior_density_deserialize';
COMMENT ON FUNCTION calib.behavior_density_deserialize(bytea, internal) IS 'Support of aggregate behavior_density: a partial state from bytes, checked.';

CREATE FUNCTION calib.behavior_density_final(state internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_behavior_density_final';
COMMENT ON FUNCTION calib.behavior_density_final(internal) IS 'Support of aggregate behavior_density: the result.';

CREATE AGGREGATE calib.behavior_density(occurred_at timestamptz, weight float8, during tstzrange) (
    SFUNC = calib.behavior_density_add,
    STYPE = internal,
    SSPACE = 128,
    FINALFUNC = calib.behavior_density_final,
    COMBINEFUNC = calib.behavior_density_combine,
    SERIALFUNC = calib.behavior_density_serialize,
    DESERIALFUNC = calib.behavior_density_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.behavior_density(timestamptz, float8, tstzrange) IS
'Weighted events per week of during, which is the same for a whole group, bounded and not empty (else 22023). A row with a NULL time or weight, or outside during, does not count: none counting gives 0, no rows NULL. A negative or infinite weight is 22023.';
