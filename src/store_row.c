/*
 * store_row.c
 *		A row stored below SQL, with all that its table asks for.
 *
 * For who writes the heap and one index by hand where there is no more, and
 * there may be: a second index, if only while the first is built anew
 * (REINDEX CONCURRENTLY), a constraint, another table access method.
 */
#include "calib.h"

#include "executor/executor.h"
#include "nodes/execnodes.h"

/* The first columns of the row; the others are NULL.  No trigger fires. */
void
calib_store_row(Relation relation, const Datum *values, const bool *isnull,
                int columns)
{
	EState *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);

	/* 0: in no range table, where a check that fails would look it up */
	InitResultRelInfo(result, relation, 0, NULL, 0);
	result->ri_TrigDesc = NULL;
	ExecOpenIndices(result, false);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, RelationGetDescr(relation)->natts);
	memcpy(slot->tts_values, values, columns * sizeof(Datum));
	memcpy(slot->tts_isnull, isnull, columns * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	ExecSimpleRelationInsert(result, estate, slot);
	ExecCloseIndices(result);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}
