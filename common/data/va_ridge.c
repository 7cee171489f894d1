#include "data/va_ridge.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>
#include <string.h>

/* ---- moments --------------------------------------------------------------------------- */

int va_moments_init(struct va_moments *m, int64_t D)
{
    *m = (struct va_moments){ .D = D };
    if (D < 1 || D > VA_RIDGE_WIDTH_MAX)
        return va_error("found features of width %lld, expected 1 to %d", (long long)D,
                        VA_RIDGE_WIDTH_MAX);
    m->x = va_new(D, sizeof(*m->x));
    m->xx = va_new(D * D, sizeof(*m->xx));
    m->xy = va_new(2 * D, sizeof(*m->xy));
    return m->x && m->xx && m->xy ? 0 : -1;
}

void va_moments_release(struct va_moments *m)
{
    va_free(m->x);
    va_free(m->xx);
    va_free(m->xy);
    *m = (struct va_moments){ 0 };
}

enum { BLOCK = 4 }; /* frames per pass over xx, which is what the time goes into */

/* Add rows x [BLOCK, D] (zeros where there are fewer frames) to xx. */
static void add_products(struct va_moments *m, const double *x)
{
    const int64_t D = m->D;
    const double *x0 = x, *x1 = x + D, *x2 = x + 2 * D, *x3 = x + 3 * D;

    for (int64_t i = 0; i < D; i++) {
        double *row = m->xx + i * D, a = x0[i], b = x1[i], c = x2[i], d = x3[i];

        for (int64_t j = 0; j <= i; j++)
            row[j] += a * x0[j] + b * x1[j] + c * x2[j] + d * x3[j];
    }
}

int va_moments_add(struct va_moments *m, int64_t count, const float *x, const float *label,
                   const float *valid)
{
    const int64_t D = m->D;
    double *block = va_new(BLOCK * D, sizeof(*block));
    int64_t filled = 0;

    if (!block)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        double *row = block + filled * D;

        if (valid[i] == 0)
            continue;
        for (int64_t c = 0; c < D; c++) {
            row[c] = (double)x[i * D + c];
            m->x[c] += row[c];
            m->xy[2 * c] += row[c] * (double)label[2 * i];
            m->xy[2 * c + 1] += row[c] * (double)label[2 * i + 1];
        }
        for (int d = 0; d < 2; d++) {
            double y = (double)label[2 * i + d];

            m->y[d] += y;
            m->yy[d] += y * y;
        }
        m->frames++;
        if (++filled == BLOCK) {
            add_products(m, block);
            filled = 0;
        }
    }
    if (filled) {
        memset(block + filled * D, 0, (size_t)((BLOCK - filled) * D) * sizeof(*block));
        add_products(m, block);
    }
    va_free(block);
    return 0;
}

void va_moments_sum(struct va_moments *to, const struct va_moments *part, int sign)
{
    const int64_t D = to->D;

    to->frames += sign * part->frames;
    for (int64_t i = 0; i < D; i++)
        to->x[i] += sign * part->x[i];
    for (int64_t i = 0; i < D * D; i++)
        to->xx[i] += sign * part->xx[i];
    for (int64_t i = 0; i < 2 * D; i++)
        to->xy[i] += sign * part->xy[i];
    for (int d = 0; d < 2; d++) {
        to->y[d] += sign * part->y[d];
        to->yy[d] += sign * part->yy[d];
    }
}

/* ---- the map --------------------------------------------------------------------------- */

/* Cholesky factor of A [D, D] in its lower triangle, in place; -1 where A is not positive. */
static int factorise(double *A, int64_t D)
{
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j <= i; j++) {
            double s = A[i * D + j];

            for (int64_t k = 0; k < j; k++)
                s -= A[i * D + k] * A[j * D + k];
            if (i > j)
                A[i * D + j] = s / A[j * D + j];
            else if (s > 1e-10) /* the diagonal was 1 + lambda: less is rounding */
                A[i * D + i] = sqrt(s);
            else
                return -1;
        }
    return 0;
}

/* Solve L L' v = v in place. */
static void solve(const double *L, int64_t D, double *v)
{
    for (int64_t i = 0; i < D; i++) {
        for (int64_t k = 0; k < i; k++)
            v[i] -= L[i * D + k] * v[k];
        v[i] /= L[i * D + i];
    }
    for (int64_t i = D - 1; i >= 0; i--) {
        v[i] /= L[i * D + i];
        for (int64_t k = 0; k < i; k++)
            v[k] -= L[i * D + k] * v[i];
    }
}

/* Deviations of the features, 0 where one is constant. */
static void deviations(const struct va_moments *m, double *sd)
{
    double n = (double)m->frames;

    for (int64_t i = 0; i < m->D; i++) {
        double mean = m->x[i] / n, var = m->xx[i * m->D + i] / n - mean * mean;

        sd[i] = var > 1e-12 * mean * mean && var > 1e-30 ? sqrt(var) : 0;
    }
}

/* A = correlations + lambda I; a constant feature stands alone with 1. */
static void correlations(const struct va_moments *m, const double *sd, double lambda, double *A)
{
    const int64_t D = m->D;
    double n = (double)m->frames;

    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j <= i; j++) {
            double cov = m->xx[i * D + j] / n - m->x[i] / n * (m->x[j] / n);

            A[i * D + j] = sd[i] == 0 || sd[j] == 0 ? 0 : cov / (sd[i] * sd[j]);
            if (i == j)
                A[i * D + j] = 1 + lambda;
        }
}

/* w [D] and b of one dimension, given the factor of A. */
static void fit_dimension(const struct va_moments *m, const double *sd, const double *L, int d,
                          double *w, double *b)
{
    double n = (double)m->frames, my = m->y[d] / n;

    for (int64_t i = 0; i < m->D; i++)
        w[i] = sd[i] == 0 ? 0 : (m->xy[2 * i + d] / n - m->x[i] / n * my) / sd[i];
    solve(L, m->D, w);
    *b = my;
    for (int64_t i = 0; i < m->D; i++) {
        w[i] = sd[i] == 0 ? 0 : w[i] / sd[i];
        *b -= w[i] * m->x[i] / n;
    }
}

static int new_map(struct va_ridge *ridge, const struct va_moments *m)
{
    *ridge = (struct va_ridge){ .D = m->D };
    if (m->frames < 1)
        return va_error("found no labelled frame to fit");
    ridge->w = va_new(2 * m->D, sizeof(*ridge->w));
    return ridge->w ? 0 : -1;
}

int va_ridge_fit(struct va_ridge *ridge, const struct va_moments *m, const double lambda[2])
{
    const int64_t D = m->D;
    double *sd = va_new(D, sizeof(*sd)), *A = va_new(D * D, sizeof(*A));
    int status = -1;

    if (new_map(ridge, m) < 0 || !sd || !A)
        goto done;
    deviations(m, sd);
    for (int d = 0; d < 2; d++) {
        if (d == 0 || lambda[1] != lambda[0]) {
            correlations(m, sd, lambda[d], A);
            if (factorise(A, D) < 0) {
                va_error(
                    "the features do not determine a linear map with lambda %g: expected a "
                    "larger lambda",
                    lambda[d]);
                goto done;
            }
        }
        fit_dimension(m, sd, A, d, ridge->w + d * D, &ridge->b[d]);
    }
    status = 0;
done:
    va_free(sd);
    va_free(A);
    if (status < 0)
        va_ridge_release(ridge);
    return status;
}

int va_ridge_constant(struct va_ridge *ridge, const struct va_moments *m)
{
    if (new_map(ridge, m) < 0)
        return -1;
    for (int d = 0; d < 2; d++)
        ridge->b[d] = m->y[d] / (double)m->frames;
    return 0;
}

void va_ridge_release(struct va_ridge *ridge)
{
    va_free(ridge->w);
    *ridge = (struct va_ridge){ 0 };
}

void va_ridge_predict(const struct va_ridge *ridge, const float *x, float va[2])
{
    for (int d = 0; d < 2; d++) {
        const double *w = ridge->w + d * ridge->D;
        double p = ridge->b[d];

        for (int64_t i = 0; i < ridge->D; i++)
            p += w[i] * (double)x[i];
        va[d] = p < -1 ? -1 : p > 1 ? 1 : (float)p;
    }
}
