/*
 * actor.c
 *		Who acts: the person, the role and the login (DESIGN 10).
 *
 * The role is the outer user: what SET ROLE sets and what SECURITY DEFINER,
 * under which the guard itself runs, does not hide.  The person is the login
 * until duties let a shared login name the one behind it.
 */
#include "calib.h"

#include "miscadmin.h"

char *
calib_person(void)
{
	return calib_login();
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
