/*
 * actor.c
 *		Who acts: the person, the role and the login (DESIGN 10).
 *
 * The role is the outer user: what SET ROLE sets and what SECURITY DEFINER,
 * under which the guard itself runs, does not hide.  It decides duties
 * (duty.sql).  The person decides who may not do two steps, so SET ROLE must
 * not change it: it is the login, or whom calib.actor names where the login
 * is a delegate.  From anybody else calib.actor is no more than a wish.
 */
#include "calib.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static bool
login_is_delegate(void)
{
	bool isnull;
	bool is_delegate;

	if (superuser_arg(GetSessionUserId()))
		return true;
	SPI_connect();
	SPI_execute("SELECT calib.login_is_delegate()", true, 1);
	is_delegate = DatumGetBool(SPI_getbinval(
	    SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return is_delegate;
}

static bool
actor_in_force(void)
{
	return calib_actor_setting != NULL && calib_actor_setting[0] != '\0' &&
	       login_is_delegate();
}

char *
calib_person(void)
{
	return actor_in_force() ? pstrdup(calib_actor_setting) : calib_login();
}

char *
calib_role(void)
{
	return GetUserNameFromId(GetOuterUserId(), false);
}

char *
calib_login(void)
{
	return GetUserNameFromId(GetSessionUserId(), false);
}

PG_FUNCTION_INFO_V1(calib_actor_in_force);
Datum
calib_actor_in_force(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(actor_in_force());
}

PG_FUNCTION_INFO_V1(calib_person_name);
Datum
calib_person_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(calib_person()));
}

PG_FUNCTION_INFO_V1(calib_role_name);
Datum
calib_role_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(calib_role()));
}
