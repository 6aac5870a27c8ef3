/*
 * ledger.h
 *		What the parts of the ledger share: the format of docs/ledger.md.
 *
 * ledger_hash.c turns rows into bytes and bytes into SHA-256, merkle.c makes
 * trees of them, ledger_read.c reads the trail, the blocks and their leaves
 * in order; ledger.c seals, ledger_verify.c checks, ledger_prove.c proves.
 */
#ifndef CALIB_LEDGER_H
#define CALIB_LEDGER_H

#include "calib.h"

#include "access/genam.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

#define HASH_LENGTH PG_SHA256_DIGEST_LENGTH
#define HASH_DATUM_SIZE (VARHDRSZ + HASH_LENGTH)

/* what a hash is of: its first byte (RFC 6962 has the first two) */
#define PREFIX_LEAF 0x00
#define PREFIX_NODE 0x01
#define PREFIX_BLOCK 0x02
#define PREFIX_HEADER 0x03
#define PREFIX_LIST 0x04

/* leaves in one row of calib.leaf */
#define LEAVES_PER_ROW 1024

/* a horizon that closes an era: no transaction of it can still come */
#define HORIZON_CLOSED PG_INT64_MAX

/* columns of calib.block, in order */
enum
{
	BLOCK_NUMBER,
	BLOCK_PREVIOUS,
	BLOCK_ERA,
	BLOCK_HORIZON_FROM,
	BLOCK_HORIZON,
	BLOCK_FIRST_ID,
	BLOCK_LAST_ID,
	BLOCK_ROWS,
	BLOCK_ROWS_TOTAL,
	BLOCK_ROOT,
	BLOCK_LIST_HASH,
	BLOCK_SEALED_ERA,
	BLOCK_NEXT_TRANSACTION,
	BLOCK_SEQUENCE_AT,
	BLOCK_SEALED_AT,
	BLOCK_SEALED_BY,
	BLOCK_HASH,
	BLOCK_COLUMNS
};

/* columns of calib.leaf, in order */
enum
{
	LEAF_BLOCK,
	LEAF_POSITION,
	LEAF_AUDIT_IDS,
	LEAF_HASHES,
	LEAF_COLUMNS
};

/* A row as it is stored: NULL where somebody made a column NULL. */
typedef struct LedgerRow
{
	Datum values[BLOCK_COLUMNS];
	bool isnull[BLOCK_COLUMNS];
} LedgerRow;

/* One of the ledger's tables, open, with its primary key. */
typedef struct LedgerTable
{
	Relation heap;
	Relation key;
} LedgerTable;

/* How a column is written in a message. */
typedef enum FieldKind
{
	FIELD_INT8, /* bigint; timestamptz: microseconds since 2000 */
	FIELD_BOOL,
	FIELD_TEXT,
	FIELD_JSONB,
	FIELD_UUID,
	FIELD_BYTEA
} FieldKind;

typedef struct Field
{
	const char *name;
	int column;
	FieldKind kind;
} Field;

typedef struct Merkle
{
	uint64 leaves;
	int depth;
	uint8 node[64][HASH_LENGTH];
	/* the inclusion path of one leaf, gathered on the way; -1: of none */
	int64 target;
	int target_at; /* the node it is below; -1: not come yet */
	int path_length;
	uint8 path[64][HASH_LENGTH];
} Merkle;

/* One leaf after the other, out of the rows of calib.leaf of a block. */
typedef struct LeafList
{
	LedgerTable table;
	SysScanDesc scan;
	MemoryContext context; /* of the present row */
	int64 position;        /* of the next leaf */
	int count;             /* in the present row */
	int at;
	int64 *ids;
	uint8 *hashes;
	bool is_malformed;
	uint8 list_hash[HASH_LENGTH]; /* so far */
} LeafList;

/* What was exported: a block and its hash. */
typedef struct Digest
{
	int64 block; /* 0: nothing was sealed yet */
	uint8 hash[HASH_LENGTH];
	bool is_met;
} Digest;

/* ledger_hash.c */
extern const Field calib_audit_fields[];
extern const int calib_audit_field_count;
extern const Field calib_block_fields[];
extern const int calib_block_field_count;
extern void calib_sha256(const void *data, Size length, uint8 *hash);
extern char *calib_field_text(const Field *field, Datum value);
extern void calib_audit_hash(const Datum *values, const bool *isnull,
                             uint8 *hash);
extern void calib_header_hash(const LedgerRow *block, uint8 *hash);
extern void calib_block_hash(const uint8 *previous, const uint8 *header,
                             uint8 *hash);
extern void calib_list_hash(uint8 *hash, const int64 *ids, const uint8 *hashes,
                            int count);
extern bool calib_is_hash(Datum value, bool isnull, const uint8 *hash);
extern bool calib_read_hash(Datum value, bool isnull, uint8 *hash);
extern Datum calib_hash_datum(struct varlena *buffer, const uint8 *hash);
extern char *calib_hex(const uint8 *hash);

/* ledger_digest.c */
extern void calib_read_digest(Jsonb *document, Digest *digest);

/* merkle.c */
extern void calib_merkle_start(Merkle *tree, int64 target);
extern void calib_merkle_add(Merkle *tree, const uint8 *leaf);
extern void calib_merkle_root(Merkle *tree, uint8 *root);

/* ledger_read.c */
extern const pg_uuid_t *calib_era(Oid audit_relid);
extern void calib_check_audit(Relation audit);
extern void calib_open_table(LedgerTable *table, const char *name);
extern void calib_close_table(LedgerTable *table);
extern SysScanDesc calib_scan_from(LedgerTable *table, Snapshot snapshot,
                                   int64 first);
extern bool calib_next_row(SysScanDesc scan, LedgerTable *table,
                           LedgerRow *row);
extern void calib_deform(HeapTuple tuple, TupleDesc desc, LedgerRow *row);
extern int64 calib_int8(const LedgerRow *row, int column);
extern bool calib_is_uuid(const LedgerRow *row, int column,
                          const pg_uuid_t *era);
extern void calib_open_leaves(LeafList *list, Snapshot snapshot, int64 block);
extern bool calib_next_leaf(LeafList *list, int64 *audit_id, uint8 *hash);
extern void calib_close_leaves(LeafList *list);

#endif /* CALIB_LEDGER_H */
