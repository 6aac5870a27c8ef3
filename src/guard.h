/*
 * guard.h
 *		What the rules on targets share: the guard (guard.c), the rules of an
 *		adjustment (adjustment.c), its place in the quarter (place.c), its
 * record (filing.c) and the steps that lead to it (workflow.c).
 */
#ifndef CALIB_GUARD_H
#define CALIB_GUARD_H

#include "calib.h"

#include "access/htup.h"
#include "utils/numeric.h"

#include "calendar.h"
#include "statement.h"

/* The order in which whoever locks several targets (t) does so: see place.c.
 */
#define CALIB_LOCK_ORDER "t.unit_id, t.grain, t.period_start, t.target_id"

typedef struct Target
{
	int64 target_id;
	int64 unit_id;
	char *measure;
	char *product_line;
	Grain grain;
	DateADT period_start;
	DateADT period_end; /* first day after the period */
	Numeric original_value;
	Numeric value;
	bool is_published;
	TimestampTz published_at;
} Target;

/* The organisation's calendar at the moment of the decision. */
typedef struct Calendar
{
	TimestampTz at;
	DateADT today;
	int fiscal_start_month;
} Calendar;

typedef struct Policy
{
	Numeric cap;
	Numeric cumulative_cap; /* NULL: none stated */
	int max_adjustments;
	char *approval;
	int freeze_day; /* 0: none */
	int filing_grace_days;
} Policy;

typedef enum Occasion
{
	PLAIN_UPDATE,
	SUBMISSION,
	FILING
} Occasion;

typedef struct Adjustment
{
	Occasion occasion;
	const Target *target; /* as it stands before the change */
	Numeric new_value;
	const Calendar *calendar;
	DateADT submitted_on;
	const char *reason;
	Datum evidence; /* bigint[] */
} Adjustment;

/* What somebody asks for, by a function of the workflow. */
typedef struct Submission
{
	const char *reason;
	Datum evidence; /* bigint[] */
	int64 batch_id; /* 0: none */
} Submission;

/* guard.c */
extern void calib_read_target(HeapTuple row, TupleDesc desc, Target *target);
extern Calendar calib_read_calendar(bool lock);
extern bool calib_is_draft(const Target *target, const Calendar *calendar);
extern bool calib_same_number(Numeric a, Numeric b);
extern char *calib_numeric_text(Numeric number);
extern char *calib_date_text(DateADT day);
extern const char *calib_target_text(const Target *target);

/* adjustment.c */
extern void calib_check_rules(const Adjustment *adjustment,
                              const Policy *policy);
extern void calib_refuse_unchanged(int64 target_id, Numeric value,
                                   const char *way_out);
extern void calib_check_cited(Datum evidence, DateADT today);
extern bool calib_has_words(const char *text);
extern Policy calib_read_policy(int64 unit_id, DateADT today);

/* filing.c */
extern int64 calib_new_adjustment_id(void);
extern void calib_adjust(const Target *old, Numeric new_value,
                         const Calendar *calendar);
extern void calib_submit(int64 adjustment_id, const Target *target,
                         Numeric new_value, const Calendar *calendar,
                         const Submission *submission);
extern void calib_file(int64 adjustment_id, const char *comment);

/* place.c */
extern DateADT calib_spent_quarter(const Target *target,
                                   const Calendar *calendar);
extern void calib_take_place(const Target *target, DateADT quarter,
                             const Policy *policy, bool pending);
extern void calib_use_place(const Target *target, DateADT held,
                            DateADT quarter, const Policy *policy);
extern void calib_give_place_back(int64 adjustment_id);
extern void calib_lock_places(Datum target_ids, Datum quarters);

#endif /* CALIB_GUARD_H */
