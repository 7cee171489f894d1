#include "base/va_cubic.h"

#include <math.h>

/* Keys' cubic convolution kernel, a = -0.5. */
static double keys(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2)
        return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0;
}

int64_t va_cubic_taps(int64_t n, int64_t size)
{
    return 2 * (int64_t)ceil(2 * fmax((double)n / (double)size, 1)) + 1;
}

int64_t va_cubic_weights(int64_t n, int64_t size, int64_t i, double *w, int64_t *first)
{
    double ratio = (double)n / (double)size, stretch = fmax(ratio, 1);
    double centre = ((double)i + 0.5) * ratio, sum = 0;
    int64_t from = (int64_t)(centre - 2 * stretch + 0.5);
    int64_t to = (int64_t)(centre + 2 * stretch + 0.5);

    if (from < 0)
        from = 0;
    if (to > n)
        to = n;
    for (int64_t k = from; k < to; k++) {
        w[k - from] = keys(((double)k + 0.5 - centre) * (1 / stretch));
        sum += w[k - from];
    }
    for (int64_t k = 0; k < to - from; k++)
        w[k] /= sum;
    *first = from;
    return to - from;
}
