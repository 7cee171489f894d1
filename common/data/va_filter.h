/*
 * va_filter.h - smoothing a series of numbers over time, as SciPy does it.
 *
 * y = filter(x), both [T] doubles, one number per frame. W is the window, h = W / 2 rounded down;
 * the window of frame t holds the frames t - h .. t - h + W - 1, so an even one looks back one
 * frame more than ahead.
 *
 *   mean         y[t] = sum of the window / W           ndimage.uniform_filter1d(x, W)
 *   gaussian     y[t] = sum g[k] x[t + k], |k| <= r, g[k] ~ exp(-k^2 / (2 sigma^2)), sum 1,
 *                r = 4 sigma rounded                    ndimage.gaussian_filter1d(x, sigma)
 *   exponential  y[0] = x[0], y[t] = alpha x[t] + (1 - alpha) y[t - 1]
 *                                signal.lfilter([alpha], [1, alpha - 1], x, zi=[(1 - alpha) x[0]])
 *   savgol       value at t of the polynomial of degree `order` that fits the window best by
 *                least squares; W odd                   signal.savgol_filter(x, W, order)
 *   median       element h (from 0) of the sorted window: of an even one the upper of the middle
 *                two                                    ndimage.median_filter(x, W)
 *
 * Values before the first and after the last frame of `a b c d`, with SciPy's names:
 *
 *   reflect  c b a | a b c d | d c b     each frame counts again
 *   mirror   d c b | a b c d | c b a     but the last one
 *   nearest  a a a | a b c d | d d d
 *   shrink   nothing: mean and median are those of the frames that are there, the Gaussian is
 *            divided by the sum of its g[k] there (SciPy: mode "constant", then divided by the
 *            same of ones); not for savgol
 *   interp   savgol only: the first and the last h frames lie on the polynomial of the first and
 *            the last full window
 *
 * reflect and mirror repeat where the window is longer than the series; one frame alone
 * is its own mirror image. With interp a window longer than the series becomes the series, and the
 * degree at most T - 1. An exponential has no window: its edge is not used.
 *
 * Sums are compensated or short, Savitzky-Golay weights come from orthogonal polynomials: results
 * do not lose digits with length, window or degree.
 */
#ifndef VA_FILTER_H
#define VA_FILTER_H

#include "base/va_attr.h"
#include <stdint.h>

enum va_filter_kind {
    VA_FILTER_MEAN,
    VA_FILTER_GAUSSIAN,
    VA_FILTER_EXPONENTIAL,
    VA_FILTER_SAVGOL,
    VA_FILTER_MEDIAN
};
enum va_edge {
    VA_EDGE_REFLECT,
    VA_EDGE_MIRROR,
    VA_EDGE_NEAREST,
    VA_EDGE_SHRINK,
    VA_EDGE_INTERP
};
extern const char *const va_filter_names[]; /* in enum order, NULL last */
extern const char *const va_edge_names[];

enum {
    VA_FILTER_WINDOW_MAX = (1 << 17) - 1, /* odd; an hour at 36 frames per second */
    VA_FILTER_SIGMA_MAX = VA_FILTER_WINDOW_MAX / 8,
    VA_FILTER_ORDER_MAX = 9
};

struct va_filter {
    enum va_filter_kind kind;
    enum va_edge edge;
    int64_t window; /* mean, median, savgol: 1 .. VA_FILTER_WINDOW_MAX frames */
    int64_t order;  /* savgol: 0 .. VA_FILTER_ORDER_MAX, below the window */
    double sigma;   /* gaussian: 0 .. VA_FILTER_SIGMA_MAX frames; 0 changes nothing */
    double alpha;   /* exponential: above 0, at most 1; 1 changes nothing */
};

/* The edge that SciPy's function has by default: interp for savgol, else reflect. */
enum va_edge va_filter_default_edge(enum va_filter_kind kind);

/* Filter x [T] into y [T], which may not overlap. 0, or -1 after reporting (memory). */
VA_MUST_USE int va_filter_run(const struct va_filter *f, int64_t T, const double *x, double *y);

#endif
