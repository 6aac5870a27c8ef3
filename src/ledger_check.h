/*
 * ledger_check.h
 *		What a check of the ledger carries along: shared by ledger_verify.c
 *		(chain, blocks, lists) and ledger_trail.c (the trail as a whole).
 */
#ifndef CALIB_LEDGER_CHECK_H
#define CALIB_LEDGER_CHECK_H

#include "ledger.h"

#include "nodes/execnodes.h"
#include "utils/array.h"
#include "utils/snapshot.h"

/* How far an era is sealed. */
typedef struct EraEnd
{
	pg_uuid_t era;
	int64 horizon;
	bool is_sure; /* false: the block that says so was changed */
} EraEnd;

typedef struct Check
{
	ReturnSetInfo *result;
	Snapshot snapshot;
	MemoryContext row_context;
	LedgerTable audit;
	Digest *digest;   /* NULL: none given */
	pg_uuid_t era;    /* of this database */
	bool era_started; /* something was sealed in it */
	bool only_last;   /* the blocks before are not met */
	EraEnd *eras;
	int era_count;
	/* the block before */
	int64 block;
	int64 row_total;
	uint8 hash[HASH_LENGTH];        /* as it stands */
	uint8 sealed_hash[HASH_LENGTH]; /* as it is stored */
	bool count_is_sure;
	/* rows met where they belong, over all blocks */
	int64 rows_in_place;
	int64 block_problems; /* of the present block */
	int64 problems;       /* of all */
	int64 next_transaction;
	/* blocks whose own row cannot be trusted */
	ArrayBuildState *changed;
} Check;

/* ledger_verify.c */
extern void calib_report_problem(Check *check, int64 block, const char *format,
                                 ...) pg_attribute_printf(3, 4);
extern EraEnd *calib_find_era(Check *check, const pg_uuid_t *era);
extern bool calib_hash_row(Check *check, const LedgerRow *row, uint8 *hash);

/* ledger_trail.c */
extern void calib_check_counts(Check *check);
extern void calib_check_children(Check *check, const char *table);

#endif /* CALIB_LEDGER_CHECK_H */
