/*
 * library.c
 *		Which version the loaded library is of.
 *
 * The SQL objects are of the version that pg_extension tells; after an update
 * of the package alone, or in a session that began before it, the two differ.
 */
#include "calib.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(calib_library_version);
Datum
calib_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(CALIB_VERSION));
}
