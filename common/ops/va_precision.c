#include "ops/va_precision.h"

#include "base/va_clock.h"
#include "base/va_cpu.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_option.h"
#include "base/va_rand.h"
#include "ops/va_device.h"
#include <stdlib.h>
#include <string.h>

/* ---- measuring -------------------------------------------------------------------------------- */

/* A linear layer as encoders have them, on the tokens of about a picture. */
enum { M = 192, N = 1024, K = 1024 };

/* Numbers of a buffer: zeros are multiplied faster than others. */
static int fill(struct va_backend *be, void *buffer, int64_t count, uint64_t which)
{
    float *x = va_new(count, sizeof(*x));

    if (!x)
        return -1;
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)va_rand_uniform(0, VA_RAND_INIT, which, (uint64_t)i) - .5f;
    be->ops->put_f32(be, buffer, x, count);
    va_free(x);
    return 0;
}

/* Seconds of the layer in this precision, or -1 after reporting. */
static double time_of(struct va_backend *be, enum va_precision precision,
                      const struct va_linear *p)
{
    double begun = va_clock();

    be->precision = precision;
    be->ops->linear(be, p);
    return va_backend_check(be) < 0 ? -1 : va_clock() - begun;
}

int va_precision_measure(struct va_backend *be,
                         struct va_precision_turn turns[VA_PRECISION_TURNS])
{
    const enum va_precision own = be->precision;
    void *x = be->ops->alloc(be, M * K), *y = be->ops->alloc(be, M * N);
    struct va_weight w = {
        .data = be->ops->alloc(be, N * K), .stale = true, .use = VA_USE_LINEAR, .N = N, .K = K
    };
    const struct va_linear p = {
        .M = M, .N = N, .K = K, .x = x, .ldx = K, .w = &w, .y = y, .ldy = N
    };
    int status = x && y && w.data && fill(be, x, M * K, 0) == 0 &&
                         fill(be, w.data, N * K, 1) == 0
                     ? 0
                     : -1;

    for (int i = -1; i < VA_PRECISION_TURNS && status == 0;
         i++) { /* the first prepares the weight */
        struct va_precision_turn t = { .f32 = time_of(be, VA_F32_PRODUCTS, &p) };

        t.bf16 = time_of(be, VA_BF16_PRODUCTS, &p);
        status = t.f32 < 0 || t.bf16 < 0 ? -1 : 0;
        if (i >= 0)
            turns[i] = t;
    }
    be->precision = own;
    be->ops->weight_release(be, &w);
    be->ops->free(be, w.data);
    be->ops->free(be, x);
    be->ops->free(be, y);
    return status;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double values[VA_PRECISION_TURNS])
{
    qsort(values, VA_PRECISION_TURNS, sizeof(*values), by_size);
    return values[VA_PRECISION_TURNS / 2];
}

double va_precision_gain(const struct va_precision_turn turns[VA_PRECISION_TURNS])
{
    double gain[VA_PRECISION_TURNS];

    for (int i = 0; i < VA_PRECISION_TURNS; i++)
        gain[i] = turns[i].f32 / turns[i].bf16;
    return median(gain);
}

/* ---- choosing --------------------------------------------------------------------------------- */

bool va_precision_is_auto(const char *const *names, int precision)
{
    return !strcmp(names[precision], "auto");
}

int va_precision_settle(const char *const *names, const char *name, int *precision)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], name)) {
            *precision = i;
            return va_options_settle("precision", name);
        }
    return 0;
}

/* The quicker of the two on `device`, and why; NULL after reporting. */
static const char *measured(const char *device)
{
    struct va_precision_turn turns[VA_PRECISION_TURNS];
    struct va_backend *be = va_device_open(device);
    int status = be ? va_precision_measure(be, turns) : -1;
    const char *name;
    double gain;

    va_backend_free(be);
    if (status < 0)
        return NULL;
    gain = va_precision_gain(turns);
    name = va_precision_names[gain < VA_PRECISION_GAIN ? VA_F32_PRODUCTS : VA_BF16_PRODUCTS];
    va_debug("precision %s: bf16 is %.2f times as fast here (needed: %g)", name, gain,
             VA_PRECISION_GAIN);
    return name;
}

/* For a model whose products are all in float32, whatever was asked for. */
static int settle_f32(const char *const *names, int *precision)
{
    if (*precision == VA_F32_PRODUCTS)
        return 0;
    if (va_precision_is_auto(names, *precision))
        va_debug("precision f32: this model computes in float32 always");
    else
        va_warn("--precision %s: this model computes in float32 always: using f32",
                names[*precision]);
    return va_precision_settle(names, va_precision_names[VA_F32_PRODUCTS], precision);
}

int va_precision_choose(const char *const *names, const char *device, int64_t breadth,
                        int *precision)
{
    const char *name;

    if (breadth == VA_BREADTH_NONE)
        return settle_f32(names, precision);
    if (!va_precision_is_auto(names, *precision))
        return 0;
    name = va_cpu_wished_precision();
    if (name)
        va_debug("precision %s: as VA_PRECISION says", name);
    else if (breadth <= VA_BREADTH_NARROW) {
        name = va_precision_names[VA_F32_PRODUCTS];
        va_debug("precision f32: the widest layer has %lld outputs; bf16 is for more than %d",
                 (long long)breadth, VA_BREADTH_NARROW);
    } else
        name = measured(device);
    return name ? va_precision_settle(names, name, precision) : -1;
}
