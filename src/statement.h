/*
 * statement.h
 *		A statement in C that is planned once in a backend.
 *
 * For what runs with each row or step.  The text is a literal, and the caller
 * runs with the extension's rights and a pinned search_path: the plan is kept
 * for whoever comes next.  PostgreSQL plans it anew when a table changes.
 */
#ifndef CALIB_STATEMENT_H
#define CALIB_STATEMENT_H

#include "executor/spi.h"

/* Needs an SPI connection; parameters as in SPI_execute_with_args. */
#define calib_execute(text, count_of_types, types, values, nulls, read_only, \
                      limit)                                                 \
	do                                                                       \
	{                                                                        \
		static SPIPlanPtr kept = NULL;                                       \
		calib_execute_kept(&kept, "" text, count_of_types, types, values,    \
		                   nulls, read_only, limit);                         \
	} while (0)

static inline void
calib_execute_kept(SPIPlanPtr *kept, const char *text, int count_of_types,
                   Oid *types, Datum *values, const char *nulls,
                   bool read_only, long limit)
{
	if (*kept == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(text, count_of_types, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not plan \"%s\": %s", text,
			     SPI_result_code_string(SPI_result));
		*kept = plan;
	}
	SPI_execute_plan(*kept, values, nulls, read_only, limit);
}

#endif /* CALIB_STATEMENT_H */
