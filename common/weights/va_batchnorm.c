#include "weights/va_batchnorm.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double EPS = 1e-5; /* PyTorch's default */
static const char mark[] = ".running_var";

/* The tensor NAME + part as float32, of N elements (0: any number); NULL after reporting. */
static struct va_tensor *part(struct va_tensors *set, const char *path, const char *base,
                              const char *rest, int64_t N)
{
    char name[512];
    struct va_tensor *t;

    snprintf(name, sizeof(name), "%s%s", base, rest);
    t = va_tensors_find(set, name);
    if (!t)
        return va_error("%s: %s: tensor is missing, expected one for a batch norm", path, name),
               NULL;
    if (t->rank < 1 || (N && t->shape[0] != N) || (N && t->rank == 1 && t->count != N))
        return va_error("%s: %s: %lld rows, expected %lld as in its batch norm", path, name,
                        (long long)(t->rank ? t->shape[0] : 0), (long long)N),
               NULL;
    return va_tensors_take(set, t) < 0 || va_tensor_to_f32(t) < 0 ? NULL : t;
}

static int fold_one(struct va_tensors *set, const char *path, const char *norm,
                    const char *conv)
{
    static const char *const parts[] = { ".running_var", ".running_mean", ".weight", ".bias" };
    struct va_tensor *w = part(set, path, conv, ".weight", 0), *b;
    float *of[4], *bias;
    int64_t N = w ? w->shape[0] : 0;

    b = w ? part(set, path, conv, ".bias", N) : NULL;
    if (!b || b->rank != 1)
        return -1;
    for (int i = 0; i < 4; i++) {
        struct va_tensor *t = part(set, path, norm, parts[i], N);

        if (!t || t->rank != 1)
            return t ? va_error("%s: %s%s: expected one row", path, norm, parts[i]) : -1;
        of[i] = t->data;
    }
    bias = b->data;
    for (int64_t n = 0; n < N; n++) {
        double scale = of[2][n] / sqrt((double)of[0][n] + EPS);
        float *row = (float *)w->data + n * (w->count / N);

        for (int64_t k = 0; k < w->count / N; k++)
            row[k] = (float)(row[k] * scale);
        bias[n] = (float)((bias[n] - (double)of[1][n]) * scale + of[3][n]);
    }
    return 0;
}

/* Remove all tensors NORM.* */
static void remove_norm(struct va_tensors *set, const char *norm)
{
    size_t n = strlen(norm);
    int64_t kept = 0;

    for (int64_t i = 0; i < set->count; i++) {
        struct va_tensor t = set->items[i];

        if (!strncmp(t.name, norm, n) && t.name[n] == '.') {
            va_free(t.name);
            va_free(t.data);
        } else {
            set->items[kept++] = t;
        }
    }
    set->count = kept;
}

int va_batchnorm_fold(struct va_tensors *set, const char *path,
                      char *(*before)(const char *norm))
{
    for (int64_t i = 0; i < set->count; i++) {
        const char *name = set->items[i].name;
        size_t n = strlen(name);
        char *norm, *conv;
        int result;

        if (n <= strlen(mark) || strcmp(name + n - strlen(mark), mark) != 0)
            continue;
        norm = va_format("%.*s", (int)(n - strlen(mark)), name);
        conv = norm ? before(norm) : NULL;
        result = conv ? fold_one(set, path, norm, conv) : -1;
        if (result == 0)
            remove_norm(set, norm);
        va_free(norm);
        va_free(conv);
        if (result < 0)
            return -1;
        i = -1; /* others moved up */
    }
    return 0;
}
