/*
 * calib.c
 *		Module entry: the magic block and the settings.
 */
#include "calib.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	calib_define_settings();
}
