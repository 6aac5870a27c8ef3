/*
 * settings.c
 *		The settings (GUCs) and the one clock.
 *
 * calib.evidence and calib.reason say what a plain UPDATE of a target rests
 * on; calib.actor who acts behind a shared login; calib.language what reasons
 * are written in.  calib.clock and
 * calib.restoring are the superuser's: the first lets demonstrations and tests
 * play the past, the second lets a dump's rows in unchanged.  Whatever is
 * parsed is parsed in a check hook, so that a bad value fails where it is set.
 */
#include "calib.h"

#include <limits.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"

bool calib_restoring_setting = false;
char *calib_reason_setting = NULL;
char *calib_actor_setting = NULL;

static char *evidence_setting = NULL;
static char *clock_setting = NULL;
static int language_setting = 0;

/* what the check hooks made of the two text settings */
static const EvidenceList *evidence_cited = NULL;
static const TimestampTz *clock_at = NULL;

static const struct config_enum_entry languages[] = {
    {"en", 0, false}, {"zh", 1, false}, {NULL, 0, false}};

/* Reads one id of the list and moves past it and its comma. */
static bool
parse_id(const char **at, int64 *id)
{
	char *end;

	errno = 0;
	*id = strtoll(*at, &end, 10);
	if (end == *at || errno != 0 || *id <= 0)
		return false;
	while (*end == ' ')
		end++;
	if (*end != ',' && *end != '\0')
		return false;
	*at = *end == ',' ? end + 1 : end;
	return !(*end == ',' && *(end + 1 + strspn(end + 1, " ")) == '\0');
}

static bool
check_evidence(char **newval, void **extra, GucSource source)
{
	size_t most = strlen(*newval) / 2 + 1;
	EvidenceList *list;
	const char *at = *newval + strspn(*newval, " ");

	list =
	    calib_guc_malloc(offsetof(EvidenceList, ids) + most * sizeof(int64));
	if (list == NULL)
		return false;
	list->count = 0;
	while (*at != '\0')
	{
		if (!parse_id(&at, &list->ids[list->count]))
		{
			GUC_check_errdetail(
			    "It is a list of evidence ids, such as '17,18'.");
			calib_guc_free(list);
			return false;
		}
		list->count++;
	}
	*extra = list;
	return true;
}

static void
assign_evidence(const char *newval, void *extra)
{
	evidence_cited = extra;
}

/*
 * The time zone of a clock written without one is the session's at the time
 * it is set.  Empty means no clock: now().
 */
static bool
check_clock(char **newval, void **extra, GucSource source)
{
	TimestampTz at;
	TimestampTz *kept;

	if (**newval == '\0')
		return true;
	if (!calib_parse_timestamptz(*newval, &at) || TIMESTAMP_NOT_FINITE(at))
	{
		GUC_check_errdetail("It is a time, such as '2025-10-15 09:00+08', or "
		                    "empty for now().");
		return false;
	}
	kept = calib_guc_malloc(sizeof(TimestampTz));
	if (kept == NULL)
		return false;
	*kept = at;
	*extra = kept;
	return true;
}

static void
assign_clock(const char *newval, void *extra)
{
	clock_at = extra;
}

void
calib_define_settings(void)
{
	DefineCustomStringVariable(
	    "calib.evidence",
	    "Evidence that an UPDATE of a target cites: ids, separated by commas.",
	    NULL, &evidence_setting, "", PGC_USERSET, 0, check_evidence,
	    assign_evidence, NULL);
	DefineCustomStringVariable(
	    "calib.reason", "Why an UPDATE changes a target, in words.", NULL,
	    &calib_reason_setting, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
	    "calib.actor",
	    "The person behind a shared login; counts where the login is a "
	    "delegate.",
	    NULL, &calib_actor_setting, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable(
	    "calib.language", "Language of reasons: en or zh.", NULL,
	    &language_setting, 0, languages, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
	    "calib.clock",
	    "The time calib goes by, for demonstrations and tests; empty: now().",
	    "What is written under it is marked simulated in the trail.",
	    &clock_setting, "", PGC_SUSET, 0, check_clock, assign_clock, NULL);
	DefineCustomBoolVariable("calib.restoring",
	                         "Lets the rows of a dump in unchanged: no rule, "
	                         "no trail, seeds cleared.",
	                         NULL, &calib_restoring_setting, false, PGC_SUSET,
	                         0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("calib");
}

TimestampTz
calib_now(void)
{
	return clock_at != NULL ? *clock_at
	                        : GetCurrentTransactionStartTimestamp();
}

/*
 * When a decision is made.  Without a clock that is the real time and not the
 * transaction's start: who opens a transaction before a period ends, or waits
 * for a lock over midnight, decides afterwards all the same.
 */
TimestampTz
calib_moment(void)
{
	return clock_at != NULL ? *clock_at : GetCurrentTimestamp();
}

bool
calib_clock_is_set(void)
{
	return clock_at != NULL;
}

const EvidenceList *
calib_evidence_cited(void)
{
	return evidence_cited;
}

PG_FUNCTION_INFO_V1(calib_clock);
Datum
calib_clock(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(calib_now());
}

PG_FUNCTION_INFO_V1(calib_restoring);
Datum
calib_restoring(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(calib_restoring_setting);
}

PG_FUNCTION_INFO_V1(calib_language);
Datum
calib_language(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(languages[language_setting].name));
}
