/*
 * behavior_radix.h
 *		Sorts by a 64-bit number, digit by digit: a template.
 *
 * The ids of one unit's customers lie not far apart, so that two or three
 * passes do, several times faster than comparing.  Where they do lie far
 *apart, or are few, it compares.
 *
 * Before it is included: RADIX_SORT (name of the function), RADIX_TYPE,
 * RADIX_KEY(element), RADIX_COMPARING (a full sort by comparing).  The
 *function returns whether only the key was looked at; ties are then as they
 *were.
 */
#ifndef CALIB_BEHAVIOR_RADIX_H
#define CALIB_BEHAVIOR_RADIX_H

#define RADIX_FEW 64
#define RADIX_BITS 11
#define RADIX_SIZE (1 << RADIX_BITS)
#define RADIX_PASSES 3

#endif /* CALIB_BEHAVIOR_RADIX_H */

#define RADIX_NAME_(a, b) a##_##b
#define RADIX_NAME(a, b) RADIX_NAME_(a, b)
#define RADIX_PASS RADIX_NAME(RADIX_SORT, pass)

/* Moves elements to where a digit of their key says, ties as they were. */
static void
RADIX_PASS(const RADIX_TYPE *from, RADIX_TYPE *to, int64 n, uint64 base,
           int shift)
{
	int64 place[RADIX_SIZE] = {0};
	int64 sum = 0;
	int64 i;

	for (i = 0; i < n; i++)
		place[((RADIX_KEY(&from[i]) - base) >> shift) & (RADIX_SIZE - 1)]++;
	for (i = 0; i < RADIX_SIZE; i++)
	{
		int64 count = place[i];

		place[i] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++)
		to[place[((RADIX_KEY(&from[i]) - base) >> shift) &
		         (RADIX_SIZE - 1)]++] = from[i];
}

static bool
RADIX_SORT(RADIX_TYPE *element, int64 n)
{
	uint64 least = PG_UINT64_MAX;
	uint64 most = 0;
	bool sorted = true;
	RADIX_TYPE *from = element;
	RADIX_TYPE *other;
	int shift;
	int64 i;

	for (i = 0; i < n; i++)
	{
		uint64 key = RADIX_KEY(&element[i]);

		sorted &= most <= key;
		least = Min(least, key);
		most = Max(most, key);
	}
	if (sorted)
		return true;
	if (n < RADIX_FEW || (most - least) >> (RADIX_PASSES * RADIX_BITS) != 0)
	{
		RADIX_COMPARING(element, n);
		return false;
	}
	other =
	    MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(RADIX_TYPE));
	for (shift = 0; (most - least) >> shift != 0; shift += RADIX_BITS)
	{
		RADIX_TYPE *to = from == element ? other : element;

		CHECK_FOR_INTERRUPTS();
		RADIX_PASS(from, to, n, least, shift);
		from = to;
	}
	if (from != element)
		memcpy(element, other, n * sizeof(RADIX_TYPE));
	pfree(other);
	return true;
}

#undef RADIX_SORT
#undef RADIX_TYPE
#undef RADIX_KEY
#undef RADIX_COMPARING
#undef RADIX_PASS
#undef RADIX_NAME
#undef RADIX_NAME_
