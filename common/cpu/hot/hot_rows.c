/*
 * Sums and maps over rows. Long sums go through double every BLOCK numbers, so that their error
 * does not grow with the length.
 */
#include "cpu/hot/va_hot_priv.h"
#include "cpu/hot/va_turn.h"

double VA_HOT(va_hot_dot)(int64_t n, const float *a, const float *b)
{
    enum { BLOCK = 2048, WAYS = 4, STEP = WAYS * VA_SUM_LANES }; /* ways hide latencies */
    double sum = 0;

    for (int64_t i0 = 0; i0 < n; i0 += BLOCK) {
        int64_t end = n - i0 < BLOCK ? n : i0 + BLOCK, i = i0;
        va_vf s[WAYS][VA_SUM] = { 0 };

        for (; i + STEP <= end; i += STEP)
            for (int k = 0; k < WAYS; k++)
                for (int j = 0; j < VA_SUM; j++) {
                    int64_t at = i + k * VA_SUM_LANES + j * VA_W;

                    s[k][j] = v_fma(v_load(a + at), v_load(b + at), s[k][j]);
                }
        VA_EACH_SUM (at, j, end - i)
            s[0][j] = v_fma(v_get(a + i + at, end - i - at), v_get(b + i + at, end - i - at),
                            s[0][j]);
        for (int j = 0; j < VA_SUM; j++)
            s[0][j] = (s[0][j] + s[1][j]) + (s[2][j] + s[3][j]);
        sum += v_total(s[0]);
    }
    return sum;
}

void VA_HOT(va_hot_scale)(int64_t n, float a, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a * x[i];
}

void VA_HOT(va_hot_axpy)(int64_t n, float a, const float *f, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = v_fmaf(a, f[i], x[i]);
}

double VA_HOT(va_hot_squares)(int64_t n, float a, const float *x, float b, const float *y,
                              float c, float *d)
{
    enum { BLOCK = 2048 };
    double sum = 0;

    for (int64_t i0 = 0; i0 < n; i0 += BLOCK) {
        int64_t end = n - i0 < BLOCK ? n : i0 + BLOCK;
        va_vf part[VA_SUM] = { 0 };

        VA_EACH_SUM (at, k, end - i0) {
            int64_t i = i0 + at;
            va_vf both = v_fma(v_get(y + i, end - i), v_set(b), v_get(x + i, end - i) * a);

            part[k] = v_fma(both, both, part[k]);
            if (d)
                v_put(d + i, both * c, end - i);
        }
        sum += v_total(part);
    }
    return sum;
}

void VA_HOT(va_hot_combine)(int64_t n, float a, const float *x, float b, const float *y,
                            float *z)
{
    for (int64_t i = 0; i < n; i++)
        z[i] = v_fmaf(b, y[i], v_fmaf(a, x[i], z[i]));
}

void VA_HOT(va_hot_turn)(int64_t n, float a, float b, const float *y, float *z)
{
    for (int64_t i = 0; i < n; i++)
        z[i] = v_fmaf(b, y[i], a * z[i]);
}

/* A square of a vector's width, or what there is of it. */
VA_INLINE void transpose_square(int64_t rows, int64_t cols, int64_t ld, const float *x,
                                int64_t ldto, float *to, bool add)
{
    va_vf r[VA_W];

    VA_UNROLL
    for (int i = 0; i < VA_W; i++)
        r[i] = i < rows ? v_get(x + i * ld, cols) : v_set(0);
    v_turn(r);
    VA_UNROLL
    for (int i = 0; i < VA_W; i++)
        if (i < cols) {
            if (add)
                r[i] = r[i] + v_get(to + i * ldto, rows);
            v_put(to + i * ldto, r[i], rows);
        }
}

void VA_HOT(va_hot_transpose)(int64_t rows, int64_t cols, int64_t ld, const float *x,
                              int64_t ldto, float *to, bool add)
{
    for (int64_t r = 0; r < rows; r += VA_W)
        for (int64_t c = 0; c < cols; c += VA_W)
            transpose_square(rows - r, cols - c, ld, x + r * ld + c, ldto, to + c * ldto + r,
                             add);
}

void VA_HOT(va_hot_column_sums)(int64_t rows, int64_t cols, int64_t ld, const float *x,
                                double *sum)
{
    enum { BLOCK = 64 };

    for (int64_t c = 0; c < cols; c += VA_W) {
        int64_t left = cols - c < VA_W ? cols - c : VA_W;

        for (int64_t r0 = 0; r0 < rows; r0 += BLOCK) {
            int64_t end = rows - r0 < BLOCK ? rows : r0 + BLOCK;
            va_vf part = v_set(0);
            float lanes[VA_W];

            for (int64_t r = r0; r < end; r++)
                part = part + v_get(x + r * ld + c, left);
            v_store(lanes, part);
            for (int64_t i = 0; i < left; i++)
                sum[c + i] += lanes[i];
        }
    }
}

float VA_HOT(va_hot_softmax)(int64_t n, float scale, float *x)
{
    va_vf top = v_set(-INFINITY), sum[VA_SUM] = { 0 };
    float lanes[VA_W], high = -INFINITY, total;

    for (int64_t i = 0; i < n; i += VA_W) {
        va_vf v = v_get(x + i, n - i) * scale;

        v_put(x + i, v, n - i);
        if (n - i >= VA_W)
            top = v_max(top, v);
        else
            for (int64_t k = i; k < n; k++)
                high = x[k] > high ? x[k] : high;
    }
    v_store(lanes, top);
    for (int i = 0; i < VA_W; i++)
        high = lanes[i] > high ? lanes[i] : high;
    VA_EACH_SUM (i, k, n) {
        va_vf v = v_exp(v_get(x + i, n - i) - high);

        v_put(x + i, v, n - i);
        if (i - k * VA_W + VA_SUM_LANES <= n)
            sum[k] = sum[k] + v;
    }
    total = v_total(sum);
    for (int64_t i = n - n % VA_SUM_LANES; i < n; i++)
        total += x[i];
    VA_HOT(va_hot_scale)(n, 1 / total, x, x);
    return high + logf(total);
}

void VA_HOT(va_hot_softmax_grad)(int64_t n, float scale, float lse, float mean, float *w,
                                 float *e)
{
    for (int64_t i = 0; i < n; i += VA_W) {
        va_vf v = v_exp(v_fma(v_get(w + i, n - i), v_set(scale), v_set(-lse)));

        v_put(w + i, v, n - i);
        v_put(e + i, v * (v_get(e + i, n - i) - mean) * scale, n - i);
    }
}

void VA_HOT(va_hot_adamw)(const struct va_hot_adamw *h, int64_t n, float *w, const float *grad,
                          float *m, float *v)
{
    for (int64_t i = 0; i < n; i += VA_W) {
        int64_t left = n - i;
        va_vf old = v_get(w + i, left);
        va_vf g = v_fma(old, v_set(h->slope.v), v_get(grad + i, left) * h->slope.dw) * h->clip;
        va_vf mi = v_fma(v_get(m + i, left), v_set(h->beta1), g * h->rest1);
        va_vf vi = v_fma(v_get(v + i, left), v_set(h->beta2), g * g * h->rest2);
        va_vf wi = old * h->keep;

        v_put(m + i, mi, left);
        v_put(v + i, vi, left);
        v_put(w + i, wi - mi * h->step / v_fma(v_sqrt(vi), v_set(h->root), v_set(h->eps)),
              left);
    }
}
