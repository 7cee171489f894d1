/*
 * va_golden.h - recorded values of the reference implementation, and how near is near enough.
 *
 * Files are looked for in test/golden, then in ../shared/golden, from the top of the sources, where
 * the tests run; with VA_GOLDEN in the folder that it names alone. Tolerances come from
 * tolerances.tsv, beside the file or above it: ten times the error that float32 arithmetic made
 * in the reference itself, plus rounding (test/golden/README.md).
 */
#ifndef VA_GOLDEN_H
#define VA_GOLDEN_H

#include "base/va_mem.h"
#include "ops/va_ops.h"
#include "test/va_test.h"
#include "weights/va_model_file.h"
#include <stdlib.h>
#include <unistd.h>

/* Where a golden file lies, or NULL when it is in neither place. `path` has 512 bytes. */
static inline const char *va_golden_path(const char *file, char *path)
{
    const char *const folders[] = { getenv("VA_GOLDEN"), "test/golden", "../shared/golden" };

    for (size_t i = folders[0] ? 0 : 1; i < (folders[0] ? 1 : VA_COUNT(folders)); i++) {
        snprintf(path, 512, "%s/%s", folders[i], file);
        if (access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

/* All tensors of a golden safetensors file, or NULL when it is absent or broken. */
static inline struct va_tensors *va_golden_load(const char *file)
{
    char path[512];

    return va_golden_path(file, path) ? va_safetensors_read(path) : NULL;
}

/* The table beside the file, or else the one for all. */
static inline FILE *va_golden_table(const char *file)
{
    char path[512], beside[256];

    snprintf(beside, sizeof(beside), "%.*s/tolerances.tsv", (int)strcspn(file, "/"), file);
    if (!va_golden_path(beside, path) && !va_golden_path("tolerances.tsv", path))
        return NULL;
    return fopen(path, "r");
}

/* Allowed absolute error of one expected tensor; NaN, which nothing is near to, without a line. */
static inline double va_golden_atol(const char *file, const char *tensor)
{
    char line[1024], key[512];
    double atol = NAN;
    FILE *f = va_golden_table(file);
    size_t n = (size_t)snprintf(key, sizeof(key), "%s\t%s\t", file, tensor);

    if (!f)
        return NAN;
    while (isnan(atol) && fgets(line, sizeof(line), f))
        if (strncmp(line, key, n) == 0)
            atol = strtod(strrchr(line, '\t'), NULL);
    fclose(f);
    return atol;
}

/* Element i of a tensor of float32 or float64. */
static inline double va_golden_at(const struct va_tensor *t, int64_t i)
{
    return t->dtype == VA_F64 ? ((const double *)t->data)[i] : ((const float *)t->data)[i];
}

/* A new backend buffer with the values of a tensor, or NULL. */
static inline void *va_golden_upload(struct va_backend *be, const struct va_tensors *set,
                                     const char *tensor)
{
    const struct va_tensor *t = va_tensors_find(set, tensor);
    void *buffer = t ? be->ops->alloc(be, t->count) : NULL;

    if (buffer && t->dtype == VA_F64)
        be->ops->put_f64(be, buffer, t->data, t->count);
    else if (buffer)
        be->ops->put_f32(be, buffer, t->data, t->count);
    return buffer;
}

/*
 * Compare n numbers with an expected tensor; a number that is not finite is the worst of all.
 * Prints the worst element when it is further off than atol, and fails the running test.
 */
static inline void va_golden_check(const char *what, const double *found, int64_t n,
                                   const struct va_tensor *expected, double atol)
{
    double worst = -1;
    int64_t at = 0;

    if (!expected || expected->count != n) {
        printf("# %s: %lld numbers, expected %lld\n", what, (long long)n,
               expected ? (long long)expected->count : -1LL);
        va_test_bad = true;
        return;
    }
    for (int64_t i = 0; i < n && worst < INFINITY; i++) {
        double e = fabs(found[i] - va_golden_at(expected, i));

        if (!isfinite(e))
            e = INFINITY;
        if (e > worst) {
            worst = e;
            at = i;
        }
    }
    if (n && !(worst <= atol)) {
        printf("# %s: element %lld is %.9g, expected %.9g: off by %.3g, allowed %.3g\n", what,
               (long long)at, found[at], va_golden_at(expected, at), worst, atol);
        va_test_bad = true;
    }
}

/* The same for a backend buffer, its expected tensor in `set` and the tolerance of the table,
 * times `slack`. */
static inline void va_golden_check_buffer(struct va_backend *be, const char *file,
                                          const struct va_tensors *set, const char *tensor,
                                          const void *buffer, int64_t n, double slack)
{
    double *host = va_new(n, sizeof(double));
    char what[256];

    if (!host) {
        va_test_bad = true;
        return;
    }
    be->ops->get_f64(be, host, buffer, n);
    snprintf(what, sizeof(what), "%s: %s: %s", be->ops->name, file, tensor);
    va_golden_check(what, host, n, va_tensors_find(set, tensor),
                    slack * va_golden_atol(file, tensor));
    va_free(host);
}

#endif
