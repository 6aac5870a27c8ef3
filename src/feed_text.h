/*
 * feed_text.h
 *		What the statements of the feed engine are put together from.
 *
 * Every statement reads calib_fact, an ephemeral relation of the destination's
 * columns and calib_n, the row's place in the batch.
 */
#ifndef CALIB_FEED_TEXT_H
#define CALIB_FEED_TEXT_H

#include "feed.h"

#include "lib/stringinfo.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define NE " OPERATOR(pg_catalog.<>) "
#define CAT " OPERATOR(pg_catalog.||) "

/* feed_destination.c */
extern const char *calib_referred_table(int flags);
extern bool calib_may_be_stub(const Destination *destination,
                              const CanonicalColumn *column);
extern char *calib_resolved(const CanonicalColumn *column);
extern void calib_add_reference_joins(StringInfo text,
                                      const CanonicalColumn *column,
                                      const char *row);

#endif /* CALIB_FEED_TEXT_H */
