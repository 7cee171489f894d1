#include "plot/va_agreement.h"

#include "base/va_mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What was added to a->all since it had `first` videos are the videos of result i. */
static int take(struct va_agreement *a, int64_t first, int64_t i)
{
    for (int64_t k = first; k < a->all.count; k++) {
        struct va_agreed *v;
        struct va_score s;

        if (va_grow(&a->items, &a->room, a->count + 1, sizeof(*a->items)) < 0)
            return -1;
        v = &a->items[a->count];
        va_evaluation_video(&a->all, k, &s);
        *v = (struct va_agreed){ va_strdup(a->all.videos[k].name), i, s.frames, { 0 } };
        if (!v->name)
            return -1;
        a->count++; /* the CCC of a single frame says nothing */
        for (int d = 0; d < VA_DIMENSIONS; d++)
            v->ccc[d] = s.frames > 1 ? s.value[d][VA_CCC] : (double)NAN;
    }
    return 0;
}

static int by_ccc(const void *x, const void *y)
{
    const struct va_agreed *a = x, *b = y;
    double p = a->ccc[VA_MEAN], q = b->ccc[VA_MEAN];

    if (isnan(p) != isnan(q))
        return isnan(p) ? 1 : -1;
    if (!isnan(p) && p != q)
        return p < q ? -1 : 1;
    return strcmp(a->name, b->name) ? strcmp(a->name, b->name)
                                    : (a->result > b->result) - (a->result < b->result);
}

int va_agreement_read(struct va_agreement *a, const struct va_results *r,
                      const struct va_view_options *options)
{
    int status = 0;

    *a = (struct va_agreement){ .all = { .pairs = true } };
    for (int64_t i = 0; i < r->count && status == 0 && options->labels.count; i++) {
        bool failed;
        char *path = va_result_file(r, i, "val.h5", &failed);
        int64_t first = a->all.count;
        struct va_view v;

        if (!path) {
            status = failed ? -1 : 0;
            continue;
        }
        status = va_view_open(&v, path, options);
        if (status == 0) {
            status = va_view_evaluate(&v, &a->all);
            va_view_release(&v);
        }
        if (status == 0)
            status = take(a, first, i);
        va_free(path);
    }
    if (status < 0) {
        va_agreement_release(a);
        return -1;
    }
    if (a->count)
        qsort(a->items, (size_t)a->count, sizeof(*a->items), by_ccc);
    while (a->defined < a->count && !isnan(a->items[a->defined].ccc[VA_MEAN]))
        a->defined++;
    return 0;
}

void va_agreement_release(struct va_agreement *a)
{
    for (int64_t i = 0; i < a->count; i++)
        va_free(a->items[i].name);
    va_free(a->items);
    va_evaluation_release(&a->all);
    *a = (struct va_agreement){ 0 };
}

const struct va_agreed *va_agreement_find(const struct va_agreement *a,
                                          const struct va_results *r, const char *name,
                                          int64_t fold)
{
    for (int64_t i = 0; i < a->count; i++)
        if (!strcmp(a->items[i].name, name) && r->items[a->items[i].result].fold == fold)
            return &a->items[i];
    return NULL;
}
