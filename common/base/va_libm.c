/*
 * Series of Taylor's on a short interval, cut where the next term is below half a unit in the
 * last place, and arguments brought there with constants in parts: n times a part is exact.
 */
#include "base/va_libm.h"

#include <math.h>

/* log(2) and pi/2: the first parts have 33 significant bits */
static const double ln2_high = 0x1.62e42fefp-1, ln2_low = 0x1.473de6af278edp-34;
static const double half_pi[3] = { 0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69 };

/* 2 artanh(s) with s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)) */
double va_log(double x)
{
    int e;
    double m = frexp(x, &e), s, z, sum = 0;

    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    s = (m - 1) / (m + 1);
    z = s * s;
    for (int k = 23; k >= 3; k -= 2)
        sum = (sum + 1.0 / k) * z;
    return e * ln2_high + (e * ln2_low + (2 * s * sum + 2 * s));
}

/* e^r - 1 for |r| <= 0.35 */
static double short_expm1(double r)
{
    double sum = 0;

    for (int k = 14; k >= 2; k--)
        sum = (sum + 1) * r / k;
    return r * sum + r;
}

double va_exp(double x)
{
    double k = rint(x * 1.4426950408889634);

    return ldexp(1 + short_expm1((x - k * ln2_high) - k * ln2_low), (int)k);
}

double va_expm1(double x)
{
    return fabs(x) < 0.35 ? short_expm1(x) : va_exp(x) - 1;
}

/* Sine of r + quarters of a turn, |r| <= pi/4 */
static double sine(double r, long quarters)
{
    double z = r * r, sum = 0;

    if (quarters & 1) {
        for (int k = 18; k >= 2; k -= 2)
            sum = (sum + 1) * -z / (k * (k - 1));
        r = 1 + sum;
    } else {
        for (int k = 19; k >= 3; k -= 2)
            sum = (sum + 1) * -z / (k * (k - 1));
        r = r + r * sum;
    }
    return quarters & 2 ? -r : r;
}

static double reduce(double x, long *quarters)
{
    double n = rint(x * 0.63661977236758134);

    *quarters = (long)n;
    return ((x - n * half_pi[0]) - n * half_pi[1]) - n * half_pi[2];
}

double va_sin(double x)
{
    long quarters;
    double r = reduce(x, &quarters);

    return sine(r, quarters);
}

double va_cos(double x)
{
    long quarters;
    double r = reduce(x, &quarters);

    return sine(r, quarters + 1);
}
