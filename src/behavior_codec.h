/*
 * behavior_codec.h
 *		The bytes of a calib.behavior, without PostgreSQL.
 *
 * What is here depends on the C library alone, so that it links into a fuzzer.
 * docs/behavior_format.md says what each byte means.
 *
 * Numbers are varints: seven bits a byte, lowest first, and no longer than
 * needed, so that a value has exactly one form and equal summaries have equal
 * bytes.  Nothing is aligned and nothing depends on the byte order of the
 * machine.
 */
#ifndef CALIB_BEHAVIOR_CODEC_H
#define CALIB_BEHAVIOR_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEHAVIOR_VERSION 1

/* More distinct acts than this, and a summary keeps sums, no longer acts. */
#define BEHAVIOR_DETAIL_MAX 4096

/* What a state packs into 14 bits */
#define BEHAVIOR_KINDS_MAX 16384

#define FLAG_DETAILED 1
#define FLAG_PARTIAL 2
#define FLAG_NO_CUSTOMER 4
#define FLAGS_KNOWN 7

#define CHECKSUM_BYTES 4
#define VARINT_BYTES 10
#define WIDE_BYTES 19

/* How the events of an act are told, in the two lowest bits of its token */
#define ONE_ON_TIME 0
#define ONE_LATE 1
#define MANY_ON_TIME 2
#define MIXED 3

/* What a timestamp and a date of PostgreSQL can be */
#define BEHAVIOR_TIME_MIN (INT64_C(-211813488000000000))
#define BEHAVIOR_TIME_END (INT64_C(9223371331200000000))
#define BEHAVIOR_USECS_A_DAY (INT64_C(86400000000))

/* Quantities of all kinds, whatever their sign, stay below: two can be added
 */
#define BEHAVIOR_QUANTITY_LIMIT ((__int128) 1 << 126)

#define BEHAVIOR_ZONE_MAX 255
#define BEHAVIOR_NAME_MAX (1 << 20)

/* __int128 aligned as what palloc gives, not as gcc would like it */
typedef __int128 BehaviorSum __attribute__((aligned(8)));
typedef unsigned __int128 BehaviorUnsigned __attribute__((aligned(8)));

typedef struct BehaviorHeader
{
	bool detailed; /* acts are kept, not only sums per customer */
	bool partial;  /* a state under way: acts, however many */
	const char *zone;
	uint32_t zone_length;
	uint32_t kinds;
	int64_t first; /* microseconds since 2000-01-01 UTC */
	int64_t last;
	uint32_t days;
	uint64_t customers;
	int64_t no_customer_events; /* of rows without a customer */
	int64_t no_customer_distinct;
	BehaviorUnsigned event_squares; /* sums over customers */
	BehaviorUnsigned distinct_squares;
} BehaviorHeader;

typedef struct BehaviorKind
{
	const char *name; /* UTF-8 */
	uint32_t name_length;
	int64_t events;
	int64_t distinct;
	int64_t late;          /* events recorded late */
	int64_t late_distinct; /* distinct ones without an event on time */
	BehaviorSum quantity;  /* millionths */
} BehaviorKind;

/* All events of one customer on one day of one kind. */
typedef struct BehaviorAct
{
	int64_t customer;
	bool no_customer;
	uint32_t day;  /* index into the days */
	uint32_t kind; /* index into the kinds */
	int64_t on_time;
	int64_t late;
} BehaviorAct;

typedef struct BehaviorCustomer
{
	int64_t customer;
	int64_t events;
	int64_t distinct;
} BehaviorCustomer;

typedef enum BehaviorStep
{
	BEHAVIOR_CORRUPT = -1,
	BEHAVIOR_END = 0,
	BEHAVIOR_ITEM = 1
} BehaviorStep;

/*
 * A reader goes through the bytes once: header, kinds, days, and then acts or
 * customers.  It never reads beyond the end, whatever the bytes are, and stops
 * at the first fault with a reason in problem.
 */
typedef struct BehaviorReader
{
	const uint8_t *begin;
	const uint8_t *at;
	const uint8_t *end; /* of what is read: the checksum stands behind it */
	const char *problem;
	size_t offset;       /* the byte at which the problem was seen */
	void (*pause)(void); /* where a check may be interrupted; may be NULL */
	BehaviorHeader header;
	uint64_t left;      /* customers not begun yet */
	bool first_item;    /* no day or customer read yet */
	int64_t previous;   /* the day or customer read last */
	BehaviorAct act;    /* the act read last */
	bool within;        /* more acts of this customer follow */
	bool no_customer;   /* acts without a customer come first */
	const char *name;   /* the kind read last */
	uint32_t name_size; /* 0: none yet */
} BehaviorReader;

extern bool behavior_open(BehaviorReader *reader, const uint8_t *bytes,
                          size_t size);
extern bool behavior_read_kind(BehaviorReader *reader, BehaviorKind *kind);
extern bool behavior_read_days(BehaviorReader *reader, int32_t *days);
extern BehaviorStep behavior_next_act(BehaviorReader *reader);
extern BehaviorStep behavior_next_customer(BehaviorReader *reader,
                                           BehaviorCustomer *customer);
extern uint32_t behavior_sum(const uint8_t *bytes, size_t size);
extern bool behavior_sum_holds(const uint8_t *bytes, size_t size);

/*
 * All that must hold of a value just opened: every byte of it, its checksum,
 * and that its sums are those of its parts.  kinds, counted and days are room
 * for as many as the header says; used is a byte per day.  Returns what is
 * wrong, or NULL; reader->offset says where it was seen.
 */
extern const char *behavior_check(BehaviorReader *reader, BehaviorKind *kinds,
                                  BehaviorKind *counted, int32_t *days,
                                  uint8_t *used);

/* The writer asks for room before each item; grow must give it. */
typedef struct BehaviorWriter
{
	uint8_t *begin;
	uint8_t *at;
	uint8_t *end;
	void (*grow)(struct BehaviorWriter *writer, size_t room);
	uint32_t kinds;
	bool first_item;
	int64_t previous;
	uint32_t previous_day;
} BehaviorWriter;

extern void behavior_write_header(BehaviorWriter *writer,
                                  const BehaviorHeader *header);
extern void behavior_write_kind(BehaviorWriter *writer,
                                const BehaviorKind *kind);
extern void behavior_write_days(BehaviorWriter *writer, const int32_t *days,
                                uint32_t count);
extern void behavior_begin_customer(BehaviorWriter *writer,
                                    const BehaviorAct *act);
extern void behavior_write_act(BehaviorWriter *writer, const BehaviorAct *act,
                               bool more);
extern void behavior_write_customer(BehaviorWriter *writer,
                                    const BehaviorCustomer *customer);
extern void behavior_write_end(BehaviorWriter *writer);

#endif /* CALIB_BEHAVIOR_CODEC_H */
