#include "cpu/va_ref_priv.h"
#include <math.h>

static double dot(int64_t n, const double *a, const double *b)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void va_ref_weight_norm(struct va_backend *be, int64_t rows, int64_t cols, const void *v,
                        const void *g, void *w)
{
    (void)be;
    for (int64_t r = 0; r < rows; r++) {
        const double *vr = (const double *)v + r * cols;
        double *wr = (double *)w + r * cols, length = sqrt(dot(cols, vr, vr));

        for (int64_t c = 0; c < cols; c++)
            wr[c] = length > 0 ? ((const double *)g)[r] * vr[c] / length : 0;
    }
}

/* dg = dw.v / |v|;  dv = g / |v| * (dw - v * dw.v / |v|^2);  nothing through a zero row */
void va_ref_weight_norm_grad(struct va_backend *be, int64_t rows, int64_t cols, const void *v,
                             const void *g, const void *dw, void *dv, void *dg)
{
    (void)be;
    for (int64_t r = 0; r < rows; r++) {
        const double *vr = (const double *)v + r * cols, *dwr = (const double *)dw + r * cols;
        double square = dot(cols, vr, vr), length = sqrt(square), along = dot(cols, dwr, vr);

        if (!(length > 0))
            continue;
        if (dg)
            ((double *)dg)[r] += along / length;
        for (int64_t c = 0; dv && c < cols; c++)
            ((double *)dv)[r * cols + c] += ((const double *)g)[r] / length *
                                            (dwr[c] - vr[c] * along / square);
    }
}

void va_ref_norm(struct va_backend *be, const struct va_norm *p)
{
    const double *gamma = p->gamma, *beta = p->beta;
    double *stats = p->stats;

    (void)be;
    for (int64_t m = 0; m < p->M; m++) {
        const double *x = (const double *)p->x + m * p->C;
        double *y = (double *)p->y + m * p->C, mean = 0, var = 0, scale;

        for (int64_t c = 0; c < p->C; c++)
            mean += x[c] / (double)p->C;
        for (int64_t c = 0; c < p->C; c++)
            var += (x[c] - mean) * (x[c] - mean) / (double)p->C;
        scale = 1 / sqrt(var + p->eps);
        for (int64_t c = 0; c < p->C; c++) {
            y[c] = (x[c] - mean) * scale;
            if (gamma)
                y[c] = y[c] * gamma[c] + beta[c];
        }
        if (stats) {
            stats[2 * m] = mean;
            stats[2 * m + 1] = scale;
        }
    }
}

/* With n the normalised row and g = dy * gamma: dx = scale * (g - mean(g) - n * mean(g n)) */
void va_ref_norm_grad(struct va_backend *be, const struct va_norm_grad *p)
{
    const double *gamma = p->gamma;
    double *dgamma = p->dgamma, *dbeta = p->dbeta;

    (void)be;
    for (int64_t m = 0; m < p->M; m++) {
        const double *x = (const double *)p->x + m * p->C,
                     *dy = (const double *)p->dy + m * p->C;
        double mean = ((const double *)p->stats)[2 * m];
        double scale = ((const double *)p->stats)[2 * m + 1];
        double mean_g = 0, mean_gn = 0;

        for (int64_t c = 0; c < p->C; c++) {
            double n = (x[c] - mean) * scale, g = dy[c] * (gamma ? gamma[c] : 1);

            mean_g += g / (double)p->C;
            mean_gn += g * n / (double)p->C;
            if (dgamma) {
                dgamma[c] += dy[c] * n;
                dbeta[c] += dy[c];
            }
        }
        for (int64_t c = 0; p->dx && c < p->C; c++) {
            double n = (x[c] - mean) * scale, g = dy[c] * (gamma ? gamma[c] : 1);

            ((double *)p->dx)[m * p->C + c] = scale * (g - mean_g - n * mean_gn);
        }
    }
}
