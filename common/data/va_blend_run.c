#include "data/va_blend_run.h"

#include "base/va_error.h"
#include "data/va_blend_table.h"
#include "data/va_metrics.h"

/* Fit dimension d and note what is reached. */
static void fit_dimension(const struct va_blend *b, int d, bool affine,
                          struct va_blend_table *t)
{
    double w[VA_BLEND_MAX], equal[VA_BLEND_MAX];

    va_blend_fit(b, affine, w);
    t->scale[d] = 1;
    if (affine)
        va_blend_affine(b, w, &t->scale[d], &t->shift[d]);
    t->combined[d] = va_blend_ccc(b, w, t->scale[d], t->shift[d]);
    for (int64_t k = 0; k < b->K; k++) {
        double one[VA_BLEND_MAX] = { 0 };

        one[k] = 1;
        equal[k] = 1 / (double)b->K;
        t->weight[k][d] = w[k];
        t->single[k][d] = va_blend_ccc(b, one, 1, 0);
    }
    t->equal[d] = va_blend_ccc(b, equal, 1, 0);
    va_info("%s: ccc %.4f, with equal weights %.4f", va_dimension_names[d], t->combined[d],
            t->equal[d]);
}

int va_blend_run(const struct va_blend_job *labels, char *const *inputs, int64_t count,
                 bool affine, const char *output)
{
    struct va_ensemble e = { 0 };
    struct va_blend blend[2] = { 0 }; /* of valence and arousal */
    struct va_blend_table t = { 0 };
    int status = va_ensemble_open(&e, inputs, count);

    for (int d = 0; status == 0 && d < 2; d++)
        status = va_blend_init(&blend[d], count);
    if (status == 0)
        status = va_blend_add_labels(blend, &e, labels);
    if (status == 0)
        status = va_blend_table_init(&t, &e);
    if (status == 0) {
        t.frames = blend[0].frames;
        for (int d = 0; d < 2; d++)
            fit_dimension(&blend[d], d, affine, &t);
        status = va_blend_table_write(&t, output);
    }
    va_blend_table_release(&t);
    for (int d = 0; d < 2; d++)
        va_blend_release(&blend[d]);
    va_ensemble_release(&e);
    return status;
}
