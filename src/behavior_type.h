/*
 * behavior_type.h
 *		A finished calib.behavior: believed or not, and opened.
 */
#ifndef CALIB_BEHAVIOR_TYPE_H
#define CALIB_BEHAVIOR_TYPE_H

#include "calib.h"

#include "behavior_codec.h"

/* Errors with this SQLSTATE unless every byte is right. */
extern void behavior_validate(const uint8 *bytes, size_t size, bool partial,
                              int sqlstate);

/* Opens a value that was validated when it came in. */
extern void behavior_value_open(BehaviorReader *reader, const bytea *value);

/* A sum of quantities as a numeric */
extern Datum behavior_numeric(BehaviorSum millionths);

#endif /* CALIB_BEHAVIOR_TYPE_H */
