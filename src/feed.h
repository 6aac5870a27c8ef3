/*
 * feed.h
 *		What the files of the feed engine share: a feed, the rows it reads, the
 *		destinations its facts go to.
 */
#ifndef CALIB_FEED_H
#define CALIB_FEED_H

#include "calib.h"

#include "executor/spi.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#define MOST_CANONICAL 12

/* What a column of a fact is, apart from its type */
#define REQUIRED 0x01
#define UNIT_REF 0x02
#define CUSTOMER_REF 0x04
#define OPPORTUNITY_REF 0x08
#define REDATES 0x10          /* a change of it is a new recording */
#define CLOCK_BY_DEFAULT 0x20 /* not said: the clock at first, then kept */

typedef struct CanonicalColumn
{
	const char *name;
	Oid type;
	int flags;
	const char *into;  /* column of the destination; NULL: none of its own */
	const char *value; /* over the resolved row r; NULL: what it resolves to,
	                    * or r.name itself */
} CanonicalColumn;

/* The first column is the key. */
typedef struct Destination
{
	const char *name;
	bool is_master; /* keyed by external_ref, else by (source, external_id) */
	const char *joins;
	const char *checks; /* WHEN ... THEN sqlstate || message */
	CanonicalColumn column[MOST_CANONICAL];
} Destination;

/* How much the statement that takes a batch sees to. */
typedef enum TakeShape
{
	TAKE_ALL,    /* its errors, old and new, too */
	TAKE_LOCKED, /* and locks what the batch refers to */
	TAKE_LEAN    /* facts only; whether there are errors it tells */
} TakeShape;

typedef enum FeedHow
{
	FEED_UPSERT,
	FEED_FILL,
	FEED_NEW,  /* as upsert, where none is there yet; else 23505 */
	FEED_ENTER /* insert what can be, say nothing of the rest */
} FeedHow;

typedef struct Feed
{
	int64 feed_id;
	char *name;
	const Destination *destination;
	int mapped; /* bit n: column n is in the mapping */
	Oid source;
	char *owner; /* NULL: calib itself, the rows are facts already */
	char *zone;
	char *columns; /* the mapping as a target list */
	char *key;     /* the key's expression */
	char *filter;  /* NULL: none */
	char *alias;   /* what the mapping calls the row */
	bool push;
	bool strict;
	bool stub;
} Feed;

/* Rows of a source, or of facts */
typedef struct Rows
{
	Tuplestorestate *store;
	TupleDesc desc;
	Oid relid; /* whose rows; InvalidOid: a query's */
	int64 count;
} Rows;

typedef struct Taken
{
	int64 read;
	int64 taken;
	int64 failed;
	int64 skipped;
} Taken;

/* feed_destination.c */
extern const Destination *calib_destination(const char *name);
extern int calib_canonical_count(const Destination *destination);
extern TupleDesc calib_fact_desc(const Destination *destination);
extern bool calib_takes_locked(const Destination *destination);

/* feed_text.c */
extern char *calib_take_text(const Destination *destination, int mapped,
                             FeedHow how, TakeShape shape);
extern char *calib_note_text(const Destination *destination);

/* feed_enter.c */
extern char *calib_lock_text(const Destination *destination, int column);
extern char *calib_stub_text(const Destination *destination, int column);

/* feed_source.c */
extern List *calib_feeds_of(Oid relid, MemoryContext memory);
extern Feed *calib_feed_by_id(int64 feed_id);
extern Feed *calib_feed_of_facts(const char *source, const char *destination,
                                 Jsonb *facts);
extern SPIPlanPtr calib_plan(const char *text, int count, Oid *types);
extern SPIPlanPtr calib_kept_plan(const char *text, int count, Oid *types);

/* feed_map.c */
extern void calib_become_mapper(const Feed *feed, CalibIdentity *was);
extern void calib_register_rows(const char *name, const Rows *rows);
extern Rows *calib_map_rows(const Feed *feed, const Rows *rows);
extern Rows *calib_map_keys(const Feed *feed, const Rows *rows);
extern Rows *calib_map_doubtful(const Feed *feed, const Rows *rows);
extern Datum calib_keys_without_row(const Feed *feed, Datum keys,
                                    bool *isnull);
extern Rows *calib_read_rows(const Feed *feed, Oid relid,
                             const char *condition, Datum argument,
                             bool argument_null, bool lock, int64 *skipped);
extern Rows *calib_empty_rows(TupleDesc desc, Oid relid);
extern void calib_split_rows(const Rows *rows, Rows **first, Rows **second);

/* feed_take.c */
extern void calib_take_facts(const Feed *feed, const Rows *facts, FeedHow how,
                             Taken *taken);

/* feed_remove.c */
extern int64 calib_remove_keys(const Feed *feed, const Rows *keys);
extern int64 calib_remove_gone(const Feed *feed, const Rows *old,
                               const Rows *new);
extern int64 calib_remove_doubtful(const Feed *feed, const Rows *keys);
extern int64 calib_remove_array(const Feed *feed, Datum keys);

/* feed_error.c */
extern bool calib_is_owners(const Feed *feed);
extern void calib_note_problem(const Feed *feed, const Rows *row,
                               ErrorData *error);
extern void calib_note_keys(const Feed *feed, const Rows *keys,
                            const ErrorData *error);
extern ErrorData *calib_attempt(void (*work)(void *), void *arg);
extern ErrorData *calib_not_the_owner(const Feed *feed);

/* feed_apply.c */
extern void calib_apply_rows(const Feed *feed, const Rows *old,
                             const Rows *new, FeedHow how, Taken *taken);

#endif /* CALIB_FEED_H */
