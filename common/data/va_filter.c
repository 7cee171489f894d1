/*
 * A window filter sees the series through an array that was made longer at both ends, so its
 * loops know nothing of edges; for shrink the added places are zeros, and the sum is divided by
 * the weight of the real ones.
 */
#include "data/va_filter.h"

#include "base/va_mem.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

const char *const va_filter_names[] = { "mean",   "gaussian", "exponential",
                                        "savgol", "median",   NULL };
const char *const va_edge_names[] = {
    "reflect", "mirror", "nearest", "shrink", "interp", NULL
};

enum va_edge va_filter_default_edge(enum va_filter_kind kind)
{
    return kind == VA_FILTER_SAVGOL ? VA_EDGE_INTERP : VA_EDGE_REFLECT;
}

/* ---- beyond the ends ------------------------------------------------------------------- */

static int64_t modulo(int64_t i, int64_t n)
{
    return (i % n + n) % n;
}

/* The frame of [0, T) that stands at place i; T >= 1. */
static int64_t frame_at(enum va_edge edge, int64_t i, int64_t T)
{
    if (i >= 0 && i < T)
        return i;
    if (edge == VA_EDGE_REFLECT) {
        i = modulo(i, 2 * T);
        return i < T ? i : 2 * T - 1 - i;
    }
    if (edge == VA_EDGE_MIRROR && T > 1) {
        i = modulo(i, 2 * T - 2);
        return i < T ? i : 2 * T - 2 - i;
    }
    return i < 0 ? 0 : T - 1;
}

/* x [T] with `before` and `after` places added: new, or NULL after reporting. */
static double *extend(enum va_edge edge, int64_t T, const double *x, int64_t before,
                      int64_t after)
{
    double *e = va_new(before + T + after, sizeof(*e));

    for (int64_t i = -before; e && i < T + after; i++)
        if (edge != VA_EDGE_SHRINK || (i >= 0 && i < T))
            e[before + i] = x[frame_at(edge, i, T)];
    return e;
}

/* ---- mean and median ------------------------------------------------------------------- */

/* A sum that keeps what rounding took from it (Neumaier): numbers come and go over hours. */
struct sum {
    double high, low;
};

static void add(struct sum *s, double x)
{
    double t = s->high + x;

    s->low += fabs(s->high) >= fabs(x) ? (s->high - t) + x : (x - t) + s->high;
    s->high = t;
}

/* Frames of [0, T) among places [first, first + W). */
static int64_t inside(int64_t first, int64_t W, int64_t T)
{
    int64_t end = first + W < T ? first + W : T;

    return end - (first > 0 ? first : 0);
}

static void run_mean(const struct va_filter *f, int64_t T, const double *e, double *y)
{
    const int64_t W = f->window;
    struct sum s = { 0 };

    for (int64_t i = 0; i < W - 1; i++)
        add(&s, e[i]);
    for (int64_t t = 0; t < T; t++) {
        int64_t n = f->edge == VA_EDGE_SHRINK ? inside(t - W / 2, W, T) : W;

        add(&s, e[t + W - 1]);
        y[t] = (s.high + s.low) / (double)n;
        add(&s, -e[t]);
    }
}

/* Numbers in ascending order. */
struct sorted {
    double *items;
    int64_t count;
};

/* Where x is, or would be put before its equals. */
static int64_t place_of(const struct sorted *s, double x)
{
    int64_t lo = 0, hi = s->count;

    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;

        if (s->items[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void put(struct sorted *s, double x)
{
    double *p = s->items + place_of(s, x);

    memmove(p + 1, p, (size_t)(s->items + s->count - p) * sizeof(*p));
    *p = x;
    s->count++;
}

static void take(struct sorted *s, double x)
{
    double *p = s->items + place_of(s, x);

    s->count--;
    memmove(p, p + 1, (size_t)(s->items + s->count - p) * sizeof(*p));
}

static int run_median(const struct va_filter *f, int64_t T, const double *e, double *y)
{
    const int64_t W = f->window, before = W / 2;
    const bool all = f->edge != VA_EDGE_SHRINK; /* places beyond the ends count */
    struct sorted s = { .items = va_new(W, sizeof(double)) };

    if (!s.items)
        return -1;
    for (int64_t i = 0; i < T + W - 1; i++) { /* place i of e is frame i - before */
        int64_t t = i - (W - 1);              /* the window that ends here, if any */

        if (all || (i >= before && i < T + before))
            put(&s, e[i]);
        if (t < 0)
            continue;
        y[t] = s.items[s.count / 2];
        if (all || t >= before)
            take(&s, e[t]);
    }
    va_free(s.items);
    return 0;
}

/* ---- weighted windows ------------------------------------------------------------------ */

/* y[t] = sum of w[i] e[t + i], w [n]. */
static void correlate(int64_t n, const double *w, int64_t T, const double *e, double *y)
{
    for (int64_t t = 0; t < T; t++) {
        double s = 0;

        for (int64_t i = 0; i < n; i++)
            s += w[i] * e[t + i];
        y[t] = s;
    }
}

static int run_gaussian(const struct va_filter *f, int64_t T, const double *x, double *y)
{
    const int64_t r = (int64_t)(4 * f->sigma + .5), n = 2 * r + 1;
    double *w = va_new(n, sizeof(*w)), *e = extend(f->edge, T, x, r, r), total = 0;
    int status = -1;

    if (!w || !e)
        goto done;
    for (int64_t i = 0; i < n; i++) {
        double k = (double)(i - r);

        w[i] = r ? exp(-.5 * k * k / (f->sigma * f->sigma)) : 1;
        total += w[i];
    }
    for (int64_t i = 0; i < n; i++)
        w[i] /= total;
    correlate(n, w, T, e, y);
    if (f->edge ==
        VA_EDGE_SHRINK) /* the weight that lies inside, from the same sum over ones */
        for (int64_t t = 0; t < T; t++) {
            double weight = 0;

            if (t >= r && t + r < T)
                continue;
            for (int64_t i = r - t > 0 ? r - t : 0; i < n && t + i - r < T; i++)
                weight += w[i];
            y[t] /= weight;
        }
    status = 0;
done:
    va_free(w);
    va_free(e);
    return status;
}

/* ---- exponential ----------------------------------------------------------------------- */

static void run_exponential(const struct va_filter *f, int64_t T, const double *x, double *y)
{
    y[0] = x[0];
    for (int64_t t = 1; t < T; t++)
        y[t] = f->alpha * x[t] + (1 - f->alpha) * y[t - 1];
}

/* ---- Savitzky-Golay -------------------------------------------------------------------- */

/*
 * Polynomials orthogonal on n even-spaced points (Gram), by their recurrence: the fit is then a
 * sum of independent terms, where solving for powers of the frame number loses all digits by
 * degree 9 and a window of 101.
 */
struct gram {
    int64_t n, degree;
    double *p; /* [degree + 1, n] */
    double norm[VA_FILTER_ORDER_MAX + 1];
};

static int gram_init(struct gram *g, int64_t n, int64_t degree)
{
    g->n = n;
    g->degree = degree;
    g->p = va_new((degree + 1) * n, sizeof(*g->p));
    if (!g->p)
        return -1;
    for (int64_t k = 0; k <= degree; k++) {
        double *p = g->p + k * n, *one = p - n, *two = one - n;

        g->norm[k] = 0;
        for (int64_t i = 0; i < n; i++) {
            double u = n > 1 ? (double)(2 * i - (n - 1)) / (double)(n - 1) : 0;

            p[i] = k ? u * one[i] : 1;
            if (k > 1)
                p[i] -= g->norm[k - 1] / g->norm[k - 2] * two[i];
            g->norm[k] += p[i] * p[i];
        }
    }
    return 0;
}

/* y[from .. to) on the polynomial that fits x [n]. */
static void gram_fit(const struct gram *g, const double *x, int64_t from, int64_t to, double *y)
{
    for (int64_t k = 0; k <= g->degree; k++) {
        const double *p = g->p + k * g->n;
        double c = 0;

        for (int64_t i = 0; i < g->n; i++)
            c += p[i] * x[i];
        for (int64_t i = from; i < to; i++)
            y[i] = (k ? y[i] : 0) + c / g->norm[k] * p[i];
    }
}

static int run_savgol(const struct va_filter *f, int64_t T, const double *x, double *y)
{
    const int64_t W = f->window, h = W / 2;
    const bool interp = f->edge == VA_EDGE_INTERP, short_one = interp && T < W;
    const int64_t n = short_one ? T : W;
    struct gram g = { 0 };
    double *w = va_new(n, sizeof(*w)), *e = NULL;
    int status = -1;

    if (!w || gram_init(&g, n, f->order < n ? f->order : n - 1) < 0)
        goto done;
    if (!short_one) {
        e = extend(interp ? VA_EDGE_NEAREST : f->edge, T, x, h, h);
        if (!e)
            goto done;
        for (int64_t k = 0; k <= g.degree; k++)
            for (int64_t i = 0; i < n; i++)
                w[i] += g.p[k * n + h] / g.norm[k] * g.p[k * n + i];
        correlate(n, w, T, e, y);
    }
    if (interp) { /* the ends anew, from whole windows */
        gram_fit(&g, x, 0, short_one ? T : h, y);
        if (!short_one)
            gram_fit(&g, x + T - n, n - h, n, y + T - n);
    }
    status = 0;
done:
    va_free(g.p);
    va_free(w);
    va_free(e);
    return status;
}

/* ---------------------------------------------------------------------------------------- */

int va_filter_run(const struct va_filter *f, int64_t T, const double *x, double *y)
{
    double *e;
    int status = 0;

    if (T < 1)
        return 0;
    switch (f->kind) {
    case VA_FILTER_GAUSSIAN: return run_gaussian(f, T, x, y);
    case VA_FILTER_SAVGOL: return run_savgol(f, T, x, y);
    case VA_FILTER_EXPONENTIAL: run_exponential(f, T, x, y); return 0;
    case VA_FILTER_MEAN:
    case VA_FILTER_MEDIAN: break;
    }
    e = extend(f->edge, T, x, f->window / 2, f->window - 1 - f->window / 2);
    if (!e)
        return -1;
    if (f->kind == VA_FILTER_MEAN)
        run_mean(f, T, e, y);
    else
        status = run_median(f, T, e, y);
    va_free(e);
    return status;
}
