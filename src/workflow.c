/*
 * workflow.c
 *		The road from submission to filing: who may take which step, when.
 *
 * Adjustments and resource requests take the same road, so the steps stand
 * here once, as a table (rules): step and policy say from which status, with
 * which duty, and who of those who went before may not take it.  Which policy
 * counts is that of the day of the step.  Nothing is checked here that the
 * guard checks: the cap, the quarter's places, the period and the evidence are
 * adjustment.c's, at submission and again at filing.
 *
 * A step first locks what it concerns, in the order of place.c, and then
 * looks: of two who race for one adjustment the second finds the status the
 * first left (KC005), or under REPEATABLE READ and SERIALIZABLE fails with
 *40001.
 *
 * The functions run with the extension's rights, so that no row-level security
 * of the caller hides half of a batch; who may do what is decided by duties of
 * the outer user (duty.sql) and by the person (actor.c).
 */
#include "workflow.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* The rules of the road ----------------------------------------------------
 */

/* who of those who went before may not take the step, or who alone may */
#define NOT_SUBMITTER 1
#define NOT_APPROVER 2
#define ONLY_SUBMITTER 4

/* Lists are written as SQL reads them: calib.workflow_rules() shows them. */
typedef struct Rule
{
	const char *step;
	const char *approval;
	const char *from;
	const char *to;
	const char *duties;
	int persons;
} Rule;

#define STILL_OPEN "{submitted,approved}"
#define ANY_JUDGE "{risk,hr,manager}"

static const Rule rules[] = {
    {"approve", "required", "{submitted}", "approved", "{risk}",
     NOT_SUBMITTER},
    {"approve", "single", "{submitted}", "approved", ANY_JUDGE, NOT_SUBMITTER},
    {"approve", "none", "{submitted}", "approved", ANY_JUDGE, NOT_SUBMITTER},
    {"file", "required", "{approved}", "filed", "{hr}",
     NOT_SUBMITTER | NOT_APPROVER},
    {"file", "single", STILL_OPEN, "filed", ANY_JUDGE, NOT_SUBMITTER},
    {"file", "none", STILL_OPEN, "filed", ANY_JUDGE, 0},
    {"reject", "required", STILL_OPEN, "rejected", "{risk,hr}", 0},
    {"reject", "single", STILL_OPEN, "rejected", "{risk,hr}", 0},
    {"reject", "none", STILL_OPEN, "rejected", "{risk,hr}", 0},
    {"withdraw", "required", STILL_OPEN, "withdrawn", "{}", ONLY_SUBMITTER},
    {"withdraw", "single", STILL_OPEN, "withdrawn", "{}", ONLY_SUBMITTER},
    {"withdraw", "none", STILL_OPEN, "withdrawn", "{}", ONLY_SUBMITTER},
};

/* What takes the road ------------------------------------------------------
 */

typedef struct Member
{
	int64 id;
	int64 unit_id;
	char *status;
	char *submitted_by;
	char *approved_by;    /* NULL: nobody yet */
	char *approved_under; /* the policy it was approved under */
	const Rule *rule;
} Member;

typedef struct Subject
{
	const char *noun;
	/* the rows that one step takes, locked: $1 is the id of one of them */
	const char *members;
	/* what the step of several locks beforehand; NULL: nothing */
	void (*lock_all)(Datum ids, const Rule *rule, const Calendar *calendar);
	/* files one; NULL: record alone does */
	void (*file)(int64 id, const char *comment);
	/* undoes what its submission took; NULL: nothing */
	void (*give_back)(int64 id);
	/* writes the step down: $1 id, $2 status, $3 person, $4 time, $5 comment,
	 * $6 the policy it is done under
	 */
	const char *record_approval;
	const char *record_filing;
	const char *record_ending;
} Subject;

/* Adjustments of one batch are one decision. */
#define ADJUSTMENT_MEMBERS                                           \
	"SELECT a.adjustment_id, t.unit_id, a.status, a.submitted_by,"   \
	" a.approved_by, a.approved_under FROM calib.adjustment a JOIN " \
	"calib.target t"                                                 \
	" ON t.target_id OPERATOR(pg_catalog.=) a.target_id"             \
	" WHERE a.adjustment_id OPERATOR(pg_catalog.=) ANY (ARRAY("      \
	"SELECT $1 UNION SELECT o.adjustment_id FROM calib.adjustment s" \
	" JOIN calib.adjustment o ON o.batch_id OPERATOR(pg_catalog.=)"  \
	" s.batch_id WHERE s.adjustment_id OPERATOR(pg_catalog.=) $1))"  \
	" ORDER BY " CALIB_LOCK_ORDER                                    \
	", a.adjustment_id FOR NO KEY UPDATE OF t, a"

#define REQUEST_MEMBERS                                              \
	"SELECT r.request_id, r.unit_id, r.status, r.submitted_by,"      \
	" r.approved_by, r.approved_under FROM calib.resource_request r" \
	" WHERE r.request_id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE"

#define RECORD(table, id, step, more)                                 \
	"UPDATE calib." table " SET status = $2, " step "_by = $3, " step \
	"_at = $4, " step "_comment = $5" more " WHERE " id               \
	" OPERATOR(pg_catalog.=) $1"
#define AND_UNDER ", approved_under = $6"

static void lock_places_of(Datum ids, const Rule *rule,
                           const Calendar *calendar);

static const Subject adjustments = {
    "adjustment",
    ADJUSTMENT_MEMBERS,
    lock_places_of,
    calib_file,
    calib_give_place_back,
    RECORD("adjustment", "adjustment_id", "approved", AND_UNDER),
    NULL, /* the guard records it where it lets the change pass */
    RECORD("adjustment", "adjustment_id", "ended", ""),
};

static const Subject requests = {
    "request",
    REQUEST_MEMBERS,
    NULL,
    NULL,
    NULL,
    RECORD("resource_request", "request_id", "approved", AND_UNDER),
    RECORD("resource_request", "request_id", "filed", ""),
    RECORD("resource_request", "request_id", "ended", ""),
};

/* Reading ------------------------------------------------------------------
 */

static Datum
id_array(Datum *ids, int count)
{
	return PointerGetDatum(construct_array(ids, count, INT8OID, sizeof(int64),
	                                       FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static const Rule *
find_rule(const char *step, const char *approval)
{
	size_t i;

	for (i = 0; i < lengthof(rules); i++)
		if (strcmp(rules[i].step, step) == 0 &&
		    strcmp(rules[i].approval, approval) == 0)
			return &rules[i];
	elog(ERROR, "no rule for step \"%s\" under approval \"%s\"", step,
	     approval);
}

static Member *
lock_members(const Subject *subject, int64 id, int *count)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(id)};
	Member *members;
	bool isnull;
	int i;

	SPI_execute_with_args(subject->members, 1, types, values, NULL, false, 0);
	if (SPI_processed == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("there is no %s " INT64_FORMAT, subject->noun, id),
		         errhint("calib.%s_trail lists them.", subject->noun)));
	*count = SPI_processed;
	members = palloc(*count * sizeof(Member));
	for (i = 0; i < *count; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;

		members[i].id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		members[i].unit_id =
		    DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
		members[i].status = SPI_getvalue(row, desc, 3);
		members[i].submitted_by = SPI_getvalue(row, desc, 4);
		members[i].approved_by = SPI_getvalue(row, desc, 5);
		members[i].approved_under = SPI_getvalue(row, desc, 6);
	}
	return members;
}

/* Checks -------------------------------------------------------------------
 */

void
calib_require_duty(const char *duties, int64 unit_id, const char *action)
{
	Oid types[3] = {TEXTOID, INT8OID, TEXTOID};
	Datum values[3] = {CStringGetTextDatum(duties), Int64GetDatum(unit_id),
	                   CStringGetTextDatum(action)};

	calib_execute("SELECT calib.require_duty($1::pg_catalog.text[], $2, $3)",
	              3, types, values, NULL, true, 0);
}

/* A delegate names persons within its own units only. */
static bool
actor_covers(int64 unit_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(unit_id)};
	bool isnull;

	calib_execute("SELECT calib.actor_covers($1)", 1, types, values, NULL,
	              true, 1);
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
	                                  SPI_tuptable->tupdesc, 1, &isnull));
}

static void
check_right(const Subject *subject, const Member *member)
{
	const Rule *rule = member->rule;

	if (!(rule->persons & ONLY_SUBMITTER))
	{
		calib_require_duty(rule->duties, member->unit_id,
		                   psprintf("%s %s " INT64_FORMAT, rule->step,
		                            subject->noun, member->id));
		return;
	}
	/* who is fenced in acts for somebody else, whatever the login says */
	if (InSecurityRestrictedOperation() ||
	    strcmp(member->submitted_by, calib_person()) != 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		         errmsg("no right to %s %s " INT64_FORMAT, rule->step,
		                subject->noun, member->id),
		         errdetail("It was submitted by %s; this is %s.",
		                   member->submitted_by, calib_person()),
		         errhint("Who submitted it withdraws it; risk and hr may "
		                 "reject it.")));
	if (!actor_covers(member->unit_id))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("no right to %s %s " INT64_FORMAT, rule->step,
		                       subject->noun, member->id),
		                errdetail("Role %s names %s in calib.actor and is no "
		                          "delegate over unit " INT64_FORMAT ".",
		                          calib_role(), member->submitted_by,
		                          member->unit_id),
		                errhint("An admin enters it in calib.duty.")));
}

/*
 * Where risk's approval is required, one that was given while it was not is no
 * approval: it waits for risk as if it had just been submitted.
 */
static const char *
status_under(const Member *member, const char *approval)
{
	if (strcmp(member->status, "approved") == 0 &&
	    strcmp(approval, "required") == 0 &&
	    (member->approved_under == NULL ||
	     strcmp(member->approved_under, "required") != 0))
		return "submitted";
	return member->status;
}

/* No status is part of another's name, so looking for the word will do. */
static void
check_status(const Subject *subject, const Member *member)
{
	const Rule *rule = member->rule;
	const char *status = status_under(member, rule->approval);
	bool open = strstr(STILL_OPEN, status) != NULL;

	if (strstr(rule->from, status) != NULL)
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_CALIB_WRONG_STATUS),
	     errmsg("%s " INT64_FORMAT " is %s and cannot be %s", subject->noun,
	            member->id, member->status, rule->to),
	     status == member->status
	         ? errdetail("Under policy approval \"%s\" the step %s is taken "
	                     "from %s.",
	                     rule->approval, rule->step, rule->from)
	         : errdetail("Policy approval is \"%s\" by now; it was approved "
	                     "under \"%s\".",
	                     rule->approval,
	                     member->approved_under ? member->approved_under
	                                            : "unknown"),
	     open && strcmp(rule->step, "file") == 0
	         ? errhint("Somebody with duty risk approves it first.")
	     : open ? errhint("The next step is to file it.")
	            : errhint("That was its last step; submit a new one.")));
}

static void
refuse_person(const Subject *subject, const Member *member, const char *other,
              const char *person)
{
	ereport(ERROR,
	        (errcode(ERRCODE_CALIB_SAME_PERSON),
	         errmsg("the same person may not %s and %s", other,
	                member->rule->step),
	         errdetail("%s took the step %s of %s " INT64_FORMAT
	                   "; policy approval is \"%s\".",
	                   person, other, subject->noun, member->id,
	                   member->rule->approval),
	         errhint("Somebody else takes this step. SET ROLE does not make "
	                 "another person.")));
}

static void
check_person(const Subject *subject, const Member *member)
{
	int persons = member->rule->persons;
	char *person = calib_person();

	if (persons & NOT_SUBMITTER && strcmp(member->submitted_by, person) == 0)
		refuse_person(subject, member, "submit", person);
	if (persons & NOT_APPROVER && member->approved_by != NULL &&
	    strcmp(member->approved_by, person) == 0)
		refuse_person(subject, member, "approve", person);
}

static void
check_step(const Subject *subject, const char *step, Member *member,
           const Calendar *calendar)
{
	Policy policy = calib_read_policy(member->unit_id, calendar->today);

	member->rule = find_rule(step, policy.approval);
	check_right(subject, member);
	check_status(subject, member);
	check_person(subject, member);
}

/* Steps --------------------------------------------------------------------
 */

typedef struct Step
{
	const Subject *subject;
	const Calendar *calendar;
	const char *comment;
	Member *members;
	int count;
	const Member *member; /* the one whose step is written down */
} Step;

static void
lock_places_of(Datum ids, const Rule *rule, const Calendar *calendar)
{
	DateADT running = calib_period_start(calendar->today, GRAIN_QUARTER,
	                                     calendar->fiscal_start_month);
	Oid types[3] = {INT8ARRAYOID, BOOLOID, DATEOID};
	Datum values[3] = {ids, BoolGetDatum(strcmp(rule->to, "filed") == 0),
	                   DateADTGetDatum(running)};
	HeapTuple row;
	bool isnull;

	/* the quarters held, and the one a year's target moves to */
	calib_execute(
	    "SELECT pg_catalog.array_agg(t.target_id),"
	    " pg_catalog.array_agg(q.quarter)"
	    " FROM calib.adjustment a JOIN calib.target t"
	    " ON t.target_id OPERATOR(pg_catalog.=) a.target_id"
	    " CROSS JOIN LATERAL (VALUES (a.quarter_start), (CASE WHEN $2 AND"
	    " t.grain OPERATOR(pg_catalog.=) 'year' THEN $3 END)) q(quarter)"
	    " WHERE a.adjustment_id OPERATOR(pg_catalog.=) ANY ($1)"
	    " AND q.quarter IS NOT NULL",
	    3, types, values, NULL, false, 1);
	row = SPI_tuptable->vals[0];
	calib_lock_places(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull),
	                  SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
}

static void
lock_all(void *arg)
{
	Step *step = arg;
	Datum *ids = palloc(step->count * sizeof(Datum));
	int i;

	for (i = 0; i < step->count; i++)
		ids[i] = Int64GetDatum(step->members[i].id);
	step->subject->lock_all(id_array(ids, step->count), step->members[0].rule,
	                        step->calendar);
}

static const char *
record_of(const Subject *subject, const Rule *rule)
{
	if (strcmp(rule->to, "approved") == 0)
		return subject->record_approval;
	if (strcmp(rule->to, "filed") == 0)
		return subject->record_filing;
	return subject->record_ending;
}

static void
write_down(void *arg)
{
	Step *step = arg;
	const Subject *subject = step->subject;
	const Rule *rule = step->member->rule;
	const char *record = record_of(subject, rule);
	Oid types[6] = {INT8OID,        TEXTOID, TEXTOID,
	                TIMESTAMPTZOID, TEXTOID, TEXTOID};
	Datum values[6] = {Int64GetDatum(step->member->id),
	                   CStringGetTextDatum(rule->to),
	                   CStringGetTextDatum(calib_person()),
	                   TimestampTzGetDatum(step->calendar->at),
	                   (Datum) 0,
	                   CStringGetTextDatum(rule->approval)};
	char nulls[7] = "    n ";

	if (step->comment != NULL)
	{
		values[4] = CStringGetTextDatum(step->comment);
		nulls[4] = ' ';
	}
	SPI_execute_with_args(record, 6, types, values, nulls, false, 0);
	if (record == subject->record_ending && subject->give_back != NULL)
		subject->give_back(step->member->id);
}

static void
carry_out(Step *step, const Member *member)
{
	step->member = member;
	if (strcmp(member->rule->to, "filed") == 0 && step->subject->file != NULL)
		step->subject->file(member->id, step->comment);
	else
		calib_through_door(write_down, step);
}

static void
take_step(const Subject *subject, const char *name, int64 id,
          const char *comment)
{
	Step step = {.subject = subject, .comment = comment};
	Calendar calendar;
	int i;

	SPI_connect();
	step.members = lock_members(subject, id, &step.count);
	calendar = calib_read_calendar(false);
	step.calendar = &calendar;
	for (i = 0; i < step.count; i++)
		check_step(subject, name, &step.members[i], &calendar);
	if (step.count > 1 && subject->lock_all != NULL)
		calib_through_door(lock_all, &step);
	for (i = 0; i < step.count; i++)
		carry_out(&step, &step.members[i]);
	SPI_finish();
}

/* Functions ----------------------------------------------------------------
 */

static Datum
step_function(FunctionCallInfo fcinfo, const Subject *subject,
              const char *step)
{
	char *comment = calib_text_argument(fcinfo, 1);

	if (strcmp(step, "reject") == 0 && !calib_has_words(comment))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("a rejection needs a reason"),
		         errhint("Say in words why; who submitted it reads it.")));
	take_step(subject, step,
	          calib_id_argument(fcinfo, 0, psprintf("%s_id", subject->noun)),
	          comment);
	PG_RETURN_VOID();
}

#define STEP_FUNCTION(function, subject, step)            \
	PG_FUNCTION_INFO_V1(function);                        \
	Datum function(PG_FUNCTION_ARGS)                      \
	{                                                     \
		return step_function(fcinfo, &(subject), (step)); \
	}

STEP_FUNCTION(calib_approve_adjustment, adjustments, "approve")
STEP_FUNCTION(calib_reject_adjustment, adjustments, "reject")
STEP_FUNCTION(calib_file_adjustment, adjustments, "file")
STEP_FUNCTION(calib_withdraw_adjustment, adjustments, "withdraw")
STEP_FUNCTION(calib_approve_request, requests, "approve")
STEP_FUNCTION(calib_reject_request, requests, "reject")
STEP_FUNCTION(calib_file_request, requests, "file")
STEP_FUNCTION(calib_withdraw_request, requests, "withdraw")

/* The names of those who may not take a step, for calib.workflow_rules(). */
static const char *
other_than(const Rule *rule)
{
	if (rule->persons & NOT_APPROVER)
		return "{submitted_by,approved_by}";
	return rule->persons & NOT_SUBMITTER ? "{submitted_by}" : "{}";
}

PG_FUNCTION_INFO_V1(calib_workflow_rules);
Datum
calib_workflow_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	AttInMetadata *input;
	size_t i;

	InitMaterializedSRF(fcinfo, 0);
	input = TupleDescGetAttInMetadata(result->setDesc);
	for (i = 0; i < lengthof(rules); i++)
	{
		const Rule *rule = &rules[i];
		char *columns[6] = {unconstify(char *, rule->step),
		                    unconstify(char *, rule->approval),
		                    unconstify(char *, rule->from),
		                    unconstify(char *, rule->to),
		                    unconstify(char *, rule->duties),
		                    unconstify(char *, other_than(rule))};

		tuplestore_puttuple(result->setResult,
		                    BuildTupleFromCStrings(input, columns));
	}
	return (Datum) 0;
}
