#include "ref/va_ref_priv.h"
#include <math.h>

static double dot(int64_t n, const double *a, const double *b)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void weight_norm(const struct va_derived *p)
{
    for (int64_t r = 0; r < p->rows; r++) {
        const double *v = (const double *)p->v + r * p->cols;
        double *w = (double *)p->w.data + r * p->cols, length = sqrt(dot(p->cols, v, v));

        for (int64_t c = 0; c < p->cols; c++)
            w[c] = length > 0 ? ((const double *)p->g)[r] * v[c] / length : 0;
    }
}

/* dg = dw.v / |v|;  dv = g / |v| * (dw - v * dw.v / |v|^2);  nothing through a zero row */
static void weight_norm_grad(const struct va_derived *p)
{
    for (int64_t r = 0; r < p->rows; r++) {
        const double *v = (const double *)p->v + r * p->cols;
        double *dw = (double *)p->dv + r * p->cols;
        double square = dot(p->cols, v, v), length = sqrt(square), along = dot(p->cols, dw, v);

        if (length > 0)
            ((double *)p->dg)[r] += along / length;
        for (int64_t c = 0; c < p->cols; c++)
            dw[c] = length > 0
                        ? ((const double *)p->g)[r] / length * (dw[c] - v[c] * along / square)
                        : 0;
    }
}

void va_ref_derive(struct va_backend *be, const struct va_derived *list, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (list[i].law == VA_LAW_WEIGHT_NORM)
            weight_norm(&list[i]);
        else
            va_ref_unary(be, VA_NEG_EXP, list[i].rows * list[i].cols, list[i].v,
                         list[i].w.data);
}

void va_ref_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (list[i].law == VA_LAW_WEIGHT_NORM)
            weight_norm_grad(&list[i]);
        else
            va_ref_unary_grad(be, VA_NEG_EXP, list[i].rows * list[i].cols, list[i].v,
                              list[i].w.data, list[i].dv, list[i].dv);
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

            ((double *)p->dx)[m * p->C + c] = scale * (g - mean_g - n * mean_gn) +
                                              (p->add ? ((const double *)p->add)[m * p->C + c]
                                                      : 0);
        }
    }
}
