/*
 * student.c
 *		t_quantile: quantiles of Student's t distribution.
 *
 * The distribution function is a regularized incomplete beta function, which a
 * continued fraction gives; a quantile is found by bisection on it.  Slower
 * than an approximation in closed form, but as exact as the function itself,
 * for any degrees of freedom, broken ones included (Welch).
 *
 * Of the two probabilities that describe a point, the tail beyond it and the
 * body within it, the smaller is solved for: 1 - p would lose what is small.
 */
#include "calib.h"

#include "utils/float.h"

#include <float.h>
#include <math.h>

PG_FUNCTION_INFO_V1(calib_t_quantile);

/* Above, the continued fraction is long and the expansion below is exact. */
#define LARGE_DF 1e5
#define MAX_TERMS 100000

/* ln(gamma(a + 1/2) / gamma(a)); far out lgamma would lose the difference. */
static double
log_gamma_ratio(double a)
{
	double b = 1 / a;

	if (a < 50)
		return lgamma(a + 0.5) - lgamma(a);
	return 0.5 * log(a) +
	       log1p(b * (-1.0 / 8 + b * (1.0 / 128 +
	                                  b * (5.0 / 1024 +
	                                       b * (-21.0 / 32768 +
	                                            b * (-399.0 / 262144 +
	                                                 b * 869.0 / 4194304))))));
}

/* A denominator that is 0 would end the fraction: the smallest step aside. */
static double
not_zero(double x)
{
	return fabs(x) < DBL_MIN ? DBL_MIN : x;
}

/* The fraction of the incomplete beta function, by Lentz's method. */
static double
beta_fraction(double a, double b, double x)
{
	double c = 1;
	double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
	double value = d;
	int m;

	for (m = 1; m < MAX_TERMS; m++)
	{
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd =
		    -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 / not_zero(1 + even * d);
		c = not_zero(1 + even / c);
		value *= c * d;
		d = 1 / not_zero(1 + odd * d);
		c = not_zero(1 + odd / c);
		step = c * d;
		value *= step;
		if (fabs(step - 1) < DBL_EPSILON)
			return value;
	}
	elog(ERROR, "incomplete beta function of %g, %g, %g does not converge", a,
	     b, x);
}

/*
 * How much of the distribution lies beyond -t and t together, or within them.
 * x and y are df / (df + t^2) and t^2 / (df + t^2); their logarithms hold
 * where they themselves underflow.
 */
static double
two_sided(double t, double df, bool beyond)
{
	double half = df / 2;
	double r = t / sqrt(df);
	double log_r = log(t) - 0.5 * log(df);
	double log_x = r > 1e8 ? -2 * log_r : -log1p(r * r);
	double log_y = r < 1e-8 ? 2 * log_r : -log1p(1 / (r * r));
	double front = exp(half * log_x + 0.5 * log_y + log_gamma_ratio(half) -
	                   0.5 * log(M_PI));
	double x = exp(log_x);
	double y = exp(log_y);

	/* Either side of this the fraction of one of the two is short. */
	if (y < 1.5 / (half + 2.5))
	{
		double within = front * beta_fraction(0.5, half, y) / 0.5;

		return beyond ? 1 - within : within;
	}
	else
	{
		double outside = front * beta_fraction(half, 0.5, x) / half;

		return beyond ? outside : 1 - outside;
	}
}

static double
normal_two_sided(double z, bool beyond)
{
	return beyond ? erfc(z / M_SQRT2) : erf(z / M_SQRT2);
}

/* Whether the point asked for lies further out than t. */
static bool
lies_further(double t, double df, double probability, bool beyond)
{
	double there =
	    isinf(df) ? normal_two_sided(t, beyond) : two_sided(t, df, beyond);

	return beyond ? there > probability : there < probability;
}

/* The t > 0 with this much beyond, or within, -t and t. */
static double
solve(double df, double probability, bool beyond)
{
	double low = 1;
	double high = 1;

	while (lies_further(high, df, probability, beyond))
	{
		low = high;
		high *= 2;
		if (isinf(high))
			ereport(
			    ERROR,
			    (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			     errmsg("quantile out of range"),
			     errdetail("Of Student's t with %g degrees of freedom.", df),
			     errhint("Give more degrees of freedom, or a probability "
			             "nearer to 0.5.")));
	}
	while (!lies_further(low, df, probability, beyond) && low > DBL_MIN)
	{
		high = low;
		low /= 2;
	}
	for (;;)
	{
		double middle = low + (high - low) / 2;

		if (middle <= low || middle >= high)
			return middle;
		if (lies_further(middle, df, probability, beyond))
			low = middle;
		else
			high = middle;
	}
}

/* From the normal quantile to that of many degrees of freedom (Fisher). */
static double
expand(double z, double df)
{
	double z2 = z * z;

	return z + z * (z2 + 1) / (4 * df) +
	       z * ((5 * z2 + 16) * z2 + 3) / (96 * df * df) +
	       z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * df * df * df);
}

static double
t_quantile(double p, double df)
{
	bool beyond = fabs(p - 0.5) > 0.25;
	double probability = beyond ? 2 * Min(p, 1 - p) : 2 * fabs(p - 0.5);
	double t;

	if (p == 0.5)
		return 0;
	if (df > LARGE_DF)
		t = solve(get_float8_infinity(), probability, beyond);
	else
		t = solve(df, probability, beyond);
	if (df > LARGE_DF && !isinf(df))
		t = expand(t, df);
	return p < 0.5 ? -t : t;
}

Datum
calib_t_quantile(PG_FUNCTION_ARGS)
{
	float8 p = PG_GETARG_FLOAT8(0);
	float8 df = PG_GETARG_FLOAT8(1);

	if (!(p > 0 && p < 1))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		     errmsg("p must lie between 0 and 1"), errdetail("It is %g.", p),
		     errhint("For an interval of 95 %% on both sides give 0.975.")));
	if (!(df > 0))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("df must be greater than 0"),
		         errdetail("It is %g.", df),
		         errhint("Degrees of freedom may be broken, and infinite for "
		                 "the normal distribution.")));
	PG_RETURN_FLOAT8(t_quantile(p, df));
}
