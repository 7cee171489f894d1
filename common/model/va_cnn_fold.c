/*
 * A batch norm is a scale and a shift of each channel, which the convolution before it takes over:
 * (conv(x) - mean) / sqrt(var + eps) * gamma + beta is a convolution itself. Computed in double, rounded once.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_cnn_priv.h"
#include "model/va_kernel.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const norm_parts[] = { "weight", "bias", "running_mean", "running_var" };

static struct va_param weight_of(const struct va_cnn_layer *l)
{
    return (struct va_param){ .rank = l->K ? 4 : 2,
                              .shape = { l->out, l->in, l->K, l->K },
                              .init = VA_INIT_NORMAL,
                              .a = sqrt(2 / (double)(l->in * (l->K ? l->K * l->K : 1))) };
}

/* That of an open net. */
static struct va_param open_weight(const struct va_cnn_layer *l)
{
    struct va_param w = weight_of(l);

    w.shape[1] *= l->groups ? l->groups : 1;
    return w;
}

static int declare_layer(const struct va_cnn_layer *l, struct va_params *list)
{
    struct va_param w = weight_of(l), row = { .rank = 1, .shape = { l->out } };

    if (va_params_add(list, &w, "%s.weight", l->name) < 0)
        return -1;
    if (*l->slope && va_params_add(list, &row, "%s.weight", l->slope) < 0)
        return -1;
    if (!*l->norm)
        return va_params_add(list, &row, "%s.bias", l->name) < 0 ? -1 : 0;
    for (size_t i = 0; i < VA_COUNT(norm_parts); i++)
        if (va_params_add(list, &row, "%s.%s", l->norm, norm_parts[i]) < 0)
            return -1;
    return 0;
}

int va_cnn_declare_plan(const struct va_cnn_plan *plan, struct va_params *list)
{
    for (int64_t i = 0; i < plan->count; i++)
        if (declare_layer(&plan->items[i], list) < 0)
            return -1;
    return 0;
}

/* ---- folding ----------------------------------------------------------------------------- */

/* Tensor NAME.PART of a set, which has it, as `count` floats. */
static int read_part(const struct va_tensors *set, const char *path, const char *name,
                     const char *part, int64_t count, float *to)
{
    struct va_values values;
    char full[96];

    snprintf(full, sizeof(full), "%s.%s", name, part);
    if (va_values_begin(&values, set, va_tensors_find(set, full), path) < 0)
        return -1;
    (void)va_values_get(&values, 0, count, to); /* what failed is kept until the end */
    return va_values_end(&values);
}

static int check_variances(const struct va_cnn_layer *l, const float *var, const char *path)
{
    for (int64_t o = 0; o < l->out; o++)
        if (var[o] < 0)
            return va_error(
                "%s: %s.running_var: element %lld is %g, expected a variance, 0 or more: the file "
                "is damaged; copy or download it again",
                path, l->norm, (long long)o, (double)var[o]);
    return 0;
}

int va_cnn_check_plan(const struct va_cnn_plan *plan, const struct va_tensors *set,
                      const char *path)
{
    int result = 0;

    for (int64_t i = 0; i < plan->count && result == 0; i++) {
        const struct va_cnn_layer *l = &plan->items[i];
        float *var;

        if (!*l->norm)
            continue;
        var = va_new(l->out, sizeof(*var));
        result = var && read_part(set, path, l->norm, "running_var", l->out, var) == 0
                     ? check_variances(l, var, path)
                     : -1;
        va_free(var);
    }
    return result;
}

/* w [out, size] and bias [out] with the norm in them. */
static int fold_norm(const struct va_cnn_layer *l, double eps, const struct va_tensors *set,
                     const char *path, int64_t size, float *w, float *bias)
{
    enum { GAMMA, BETA, MEAN, VAR, PARTS };
    float *of = va_new(PARTS * l->out, sizeof(*of));
    int result = of ? 0 : -1;

    for (int i = 0; i < PARTS && result == 0; i++)
        result = read_part(set, path, l->norm, norm_parts[i], l->out, of + i * l->out);
    if (result == 0)
        result = check_variances(l, of + VAR * l->out, path);
    for (int64_t o = 0; o < l->out && result == 0; o++) {
        double var = (double)of[VAR * l->out + o],
               scale = (double)of[GAMMA * l->out + o] / sqrt(var + eps);

        for (int64_t k = 0; k < size; k++)
            w[o * size + k] = (float)((double)w[o * size + k] * scale);
        bias[o] = (float)((double)of[BETA * l->out + o] -
                          (double)of[MEAN * l->out + o] * scale);
    }
    va_free(of);
    return result;
}

static struct va_tensor *add_part(struct va_tensors *set, const char *name, const char *part,
                                  const struct va_param *law)
{
    char full[96];

    snprintf(full, sizeof(full), "%s.%s", name, part);
    return va_tensors_add_unset(set, full, VA_F32, law->rank, law->shape);
}

/* Weights of groups for all channels: zeros where a channel is of another group. */
static void spread(const struct va_cnn_layer *l, const float *w, float *dense)
{
    int64_t taps = l->K * l->K, channels = l->in * l->groups;

    memset(dense, 0, (size_t)(l->out * channels * taps) * sizeof(*dense));
    for (int64_t o = 0; o < l->out; o++) {
        int64_t first = o / (l->out / l->groups) * l->in;

        memcpy(dense + (o * channels + first) * taps, w + o * l->in * taps,
               (size_t)(l->in * taps) * sizeof(*dense));
    }
}

static int fold_layer(const struct va_cnn_layer *l, double eps, const struct va_tensors *set,
                      const char *path, struct va_tensors *folded)
{
    struct va_param w = open_weight(l), row = { .rank = 1, .shape = { l->out } };
    struct va_tensor *t = add_part(folded, l->name, "weight", &w);
    int64_t size = l->in * (l->K ? l->K * l->K : 1);
    float *dense = t ? t->data : NULL, *weight = dense, *bias;
    int result = -1;

    if (!dense || !(t = add_part(folded, l->name, "bias", &row)))
        return -1;
    bias = t->data;
    if (l->groups && !(weight = va_new(l->out * size, sizeof(*weight))))
        return -1;
    if (read_part(set, path, l->name, "weight", l->out * size, weight) == 0)
        result = *l->norm ? fold_norm(l, eps, set, path, size, weight, bias)
                          : read_part(set, path, l->name, "bias", l->out, bias);
    if (l->groups) {
        spread(l, weight, dense);
        va_free(weight);
    }
    if (result == 0 && *l->slope) {
        t = add_part(folded, l->slope, "weight", &row);
        result = t ? read_part(set, path, l->slope, "weight", l->out, t->data) : -1;
    }
    return result;
}

static int declare_open(struct va_cnn *net)
{
    for (int64_t i = 0; i < net->plan.count; i++) {
        struct va_cnn_layer *l = &net->plan.items[i];
        struct va_param w = open_weight(l), row = { .rank = 1, .shape = { l->out } };

        l->at = va_params_add(&net->params, &w, "%s.weight", l->name);
        if (l->at < 0 || va_params_add(&net->params, &row, "%s.bias", l->name) < 0 ||
            (*l->slope && va_params_add(&net->params, &row, "%s.weight", l->slope) < 0))
            return -1;
    }
    return va_params_allocate(&net->params);
}

int va_cnn_load(struct va_cnn *net, const struct va_tensors *set, const char *path)
{
    struct va_params in_file;
    struct va_tensors *folded = va_tensors_new();
    int result = -1;

    va_params_init(&in_file, NULL);
    if (folded && va_cnn_declare_plan(&net->plan, &in_file) == 0 &&
        va_params_match(&in_file, set, path) == 0)
        result = 0;
    for (int64_t i = 0; i < net->plan.count && result == 0; i++)
        result = fold_layer(&net->plan.items[i], net->config.eps, set, path, folded);
    if (result == 0)
        result = declare_open(net) < 0 ? -1 : va_params_load(&net->params, folded, path);
    va_params_release(&in_file);
    va_tensors_free(folded);
    return result;
}
