#include "weights/va_keras.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_pictured.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double EPS = 1e-3; /* of Keras' batch norms */
enum { COUNT_MAX = 1 << 22 };   /* numbers in a tensor */

/* A layer of the file, what it is here, and the batch norm behind it; norm 0: none. */
static const struct layer {
    const char *kind; /* of Keras' layer, before its number */
    int number, norm;
    const char *name;
} layers[] = {
    { "conv2d", 1, 1, "stem.0" },
    { "conv2d", 2, 2, "stem.1" },
    { "conv2d", 3, 3, "modules.0.skip" },
    { "separable_conv2d", 1, 4, "modules.0.0" },
    { "separable_conv2d", 2, 5, "modules.0.1" },
    { "conv2d", 4, 6, "modules.1.skip" },
    { "separable_conv2d", 3, 7, "modules.1.0" },
    { "separable_conv2d", 4, 8, "modules.1.1" },
    { "conv2d", 5, 9, "modules.2.skip" },
    { "separable_conv2d", 5, 10, "modules.2.0" },
    { "separable_conv2d", 6, 11, "modules.2.1" },
    { "conv2d", 6, 12, "modules.3.skip" },
    { "separable_conv2d", 7, 13, "modules.3.0" },
    { "separable_conv2d", 8, 14, "modules.3.1" },
    { "conv2d", 7, 0, "last" },
};

bool va_keras_is(struct va_h5_in *in)
{
    return va_h5_has(in, "/model_weights");
}

/* ---- datasets --------------------------------------------------------------------------- */

/* A tensor of a layer in the file. */
struct values {
    float *x;
    int64_t shape[4];
};

/* "/model_weights/conv2d_1/conv2d_1_1/kernel:0": Keras repeats the layer's name, with or without
 * a number. A new string, NULL after reporting. */
static char *path_of(struct va_h5_in *in, const char *kind, int number, const char *what)
{
    char *group = va_format("/model_weights/%s_%d", kind, number), *path = NULL;
    char **names = NULL;
    int64_t count = 0;

    if (group && !va_h5_has(in, group))
        va_error("%s: %s: not found, expected the layers of mini-Xception", va_h5_path(in),
                 group);
    else if (group && va_h5_list(in, group, &names, &count) == 0 && count == 1)
        path = va_format("%s/%s/%s:0", group, names[0], what);
    else if (group && names)
        va_error("%s: %s: found %lld members, expected one group", va_h5_path(in), group,
                 (long long)count);
    va_h5_free_strings(names, count);
    va_free(group);
    return path;
}

static int read_values(struct va_h5_in *in, const char *kind, int number, const char *what,
                       int rank, struct values *v)
{
    char *path = path_of(in, kind, number, what);
    int64_t shape[VA_RANK_MAX], count = 1;
    enum va_dtype type;
    int found, status = -1;

    *v = (struct values){ 0 };
    if (!path || va_h5_shape(in, path, &type, &found, shape) < 0)
        goto done;
    if (found != rank) {
        va_error("%s: %s: found %d sizes, expected %d", va_h5_path(in), path, found, rank);
        goto done;
    }
    for (int i = 0; i < rank; i++) {
        v->shape[i] = shape[i];
        count = shape[i] > 0 && count <= COUNT_MAX / shape[i] ? count * shape[i] : 0;
    }
    if (count == 0)
        va_error("%s: %s: expected sizes from 1, and at most %d numbers", va_h5_path(in), path,
                 COUNT_MAX);
    else if ((v->x = va_h5_read(in, path, VA_F32)))
        status = 0;
done:
    va_free(path);
    return status;
}

/* ---- folding ---------------------------------------------------------------------------- */

/* y = scale * x + shift of the norm behind a layer with N channels. */
struct norm {
    double *scale, *shift; /* [N] in one block */
};

static int read_norm(struct va_h5_in *in, int number, int64_t N, struct norm *norm)
{
    static const char *const parts[] = { "gamma", "beta", "moving_mean", "moving_variance" };
    struct values part[4] = { 0 };
    int status = 0;

    *norm = (struct norm){ .scale = va_new(2 * N, sizeof(double)) };
    if (!norm->scale)
        return -1;
    norm->shift = norm->scale + N;
    for (int i = 0; i < 4 && status == 0; i++) {
        status = read_values(in, "batch_normalization", number, parts[i], 1, &part[i]);
        if (status == 0 && part[i].shape[0] != N)
            status = va_error("%s: batch_normalization_%d: %s has %lld numbers, expected %lld",
                              va_h5_path(in), number, parts[i], (long long)part[i].shape[0],
                              (long long)N);
    }
    for (int64_t n = 0; n < N && status == 0; n++) {
        norm->scale[n] = (double)part[0].x[n] / sqrt((double)part[3].x[n] + EPS);
        norm->shift[n] = (double)part[1].x[n] - (double)part[2].x[n] * norm->scale[n];
    }
    for (int i = 0; i < 4; i++)
        va_free(part[i].x);
    return status;
}

static struct va_tensor *add(struct va_tensors *set, const char *name, const char *part,
                             int rank, const int64_t *shape)
{
    char full[128];

    snprintf(full, sizeof(full), "%s.%s", name, part);
    return va_tensors_add(set, full, VA_F32, rank, shape);
}

/* NAME.weight [out, in, K, K] and NAME.bias of kernel [K, K, in, out] and its norm. */
static int add_folded(struct va_tensors *set, const char *name, const struct values *kernel,
                      const struct norm *norm)
{
    int64_t K = kernel->shape[0], L = kernel->shape[1], in = kernel->shape[2],
            out = kernel->shape[3];
    struct va_tensor *w = add(set, name, "weight", 4, (int64_t[]){ out, in, K, L });
    struct va_tensor *b = w ? add(set, name, "bias", 1, &out) : NULL;
    float *weight, *bias;

    if (!b)
        return -1;
    w = &set->items[set->count - 2]; /* adding may have moved it */
    weight = w->data;
    bias = b->data;
    for (int64_t o = 0; o < out; o++) {
        for (int64_t i = 0; i < in; i++)
            for (int64_t k = 0; k < K * L; k++)
                weight[(o * in + i) * K * L + k] =
                    (float)((double)kernel->x[(k * in + i) * out + o] * norm->scale[o]);
        bias[o] = (float)norm->shift[o];
    }
    return 0;
}

/* The layer without a norm has a bias of its own. */
static int read_bias(struct va_h5_in *in, const struct layer *l, int64_t N, struct norm *norm)
{
    struct values bias;
    int status = read_values(in, l->kind, l->number, "bias", 1, &bias);

    *norm = (struct norm){ .scale = status == 0 ? va_new(2 * N, sizeof(double)) : NULL };
    if (status == 0 && bias.shape[0] != N)
        status = va_error("%s: %s_%d: bias has %lld numbers, expected %lld", va_h5_path(in),
                          l->kind, l->number, (long long)bias.shape[0], (long long)N);
    if (!norm->scale)
        status = -1;
    else
        norm->shift = norm->scale + N;
    for (int64_t n = 0; n < N && status == 0; n++) {
        norm->scale[n] = 1;
        norm->shift[n] = (double)bias.x[n];
    }
    va_free(bias.x);
    return status;
}

/* depth [C, 3, 3] of a depthwise kernel [3, 3, C, 1]. */
static int add_depth(struct va_h5_in *in, struct va_tensors *set, const struct layer *l)
{
    struct values d;
    struct va_tensor *t = NULL;
    int status = read_values(in, l->kind, l->number, "depthwise_kernel", 4, &d);

    if (status == 0 &&
        (d.shape[3] != 1 || !(t = add(set, l->name, "depth", 3,
                                      (int64_t[]){ d.shape[2], d.shape[0], d.shape[1] }))))
        status = t ? -1
                   : va_error("%s: %s_%d: found %lld kernels a channel, expected 1",
                              va_h5_path(in), l->kind, l->number, (long long)d.shape[3]);
    for (int64_t c = 0; status == 0 && c < d.shape[2]; c++)
        for (int64_t k = 0; k < d.shape[0] * d.shape[1]; k++)
            ((float *)t->data)[c * d.shape[0] * d.shape[1] + k] = d.x[k * d.shape[2] + c];
    va_free(d.x);
    return status;
}

static int add_layer(struct va_h5_in *in, struct va_tensors *set, const struct layer *l)
{
    bool separable = !strcmp(l->kind, "separable_conv2d");
    struct values kernel = { 0 };
    struct norm norm = { 0 };
    char name[64];
    int status = separable ? add_depth(in, set, l) : 0;

    snprintf(name, sizeof(name), "%s%s", l->name, separable ? ".point" : "");
    if (status == 0)
        status = read_values(in, l->kind, l->number, separable ? "pointwise_kernel" : "kernel",
                             4, &kernel);
    if (status == 0)
        status = l->norm ? read_norm(in, l->norm, kernel.shape[3], &norm)
                         : read_bias(in, l, kernel.shape[3], &norm);
    if (status == 0)
        status = add_folded(set, name, &kernel, &norm);
    va_free(kernel.x);
    va_free(norm.scale);
    return status;
}

struct va_tensors *va_keras_read(struct va_h5_in *in)
{
    struct va_tensors *set = va_tensors_new();

    int status = set ? va_tensors_set_meta(set, "input", VA_PICTURED_CROP) : -1;

    for (size_t i = 0; status == 0 && i < sizeof(layers) / sizeof(*layers); i++)
        status = add_layer(in, set, &layers[i]);
    if (status == 0)
        return set;
    va_tensors_free(set);
    return NULL;
}
