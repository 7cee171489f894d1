/*
 * predict - times of models on GPUs, predicted from the shapes of their calls (launches.h) and the disassembly of the
 * kernels (cost.h): predict SASS [ROW]. SASS is what sass.awk wrote; rows as below, all without ROW. With ROW a line for
 * each operation is printed.
 */
#include "base/va_tool.h"
#include "model/va_temporal.h"
#include "model/va_vit.h"
#include "nn/va_optimiser.h"
#include "test/cuda/launches.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16, FRAMES = 300, PICTURES = 256, E = 256, N = 8 };

static void *buffer(struct va_backend *be, int64_t n)
{
    return be->ops->alloc(be, n);
}

static void begin(void)
{
    memset(operations, 0, sizeof(operations));
}

static void row_vit(void)
{
    struct va_backend *be = launches_device();
    struct va_vit_config c;
    struct va_vit *vit;

    be->precision = VA_BF16_PRODUCTS;
    va_vit_config_default(&c);
    vit = va_vit_new(be, &c, VA_VIT_INIT_MAE);
    if (!vit || va_vit_reserve(vit, PICTURES) < 0)
        exit(va_tool_finish(4));
    begin();
    va_vit_forward(vit, PICTURES, buffer(be, PICTURES * va_vit_patches(&c) * 768),
                   buffer(be, PICTURES * c.width));
}

static void row_vit_library(void)
{
    launches_library = true;
    row_vit();
    launches_library = false;
}

static struct va_temporal *temporal;

static struct va_optimiser *new_model(struct va_backend *be)
{
    static const struct va_optimiser_config adamw = { 1e-2, 1, .9, .999, 1e-8 };
    struct va_temporal_config c;

    va_temporal_config_default(&c);
    va_temporal_config_resolve(&c);
    temporal = va_temporal_new(be, &c, VA_TEMPORAL_INIT_AUTHORS, true);
    if (!temporal || va_params_allocate_training(va_temporal_params(temporal)) < 0 ||
        va_temporal_reserve(temporal, BATCH, FRAMES, true) < 0)
        exit(va_tool_finish(4));
    return va_optimiser_new(va_temporal_params(temporal), &adamw);
}

static void row_step(void)
{
    struct va_backend *be = launches_device();
    struct va_optimiser *optimiser;
    int64_t n = BATCH * FRAMES;
    void *x = buffer(be, n * 1024), *pred = buffer(be, n * 2), *label = buffer(be, n * 3);
    void *step;

    be->precision = VA_BF16_PRODUCTS;
    optimiser = new_model(be);
    begin();
    step = va_optimiser_begin(optimiser, 1, 0, 1e-6);
    va_params_zero_grad(va_temporal_params(temporal));
    va_temporal_forward(temporal, BATCH, FRAMES, x, pred, 0.3, step, 0);
    be->ops->ccc_loss(be, &(struct va_ccc){ .n = n,
                                            .pred = pred,
                                            .label = label,
                                            .valid = label,
                                            .share = 1,
                                            .dpred = pred,
                                            .step = step });
    va_temporal_backward(temporal, BATCH, FRAMES, x, pred);
    va_optimiser_update(optimiser);
}

static void row_update(void)
{
    struct va_optimiser *optimiser = new_model(launches_device());

    va_optimiser_begin(optimiser, 1, 0, 1e-6);
    begin();
    va_optimiser_update(optimiser);
}

static void row_scan(void)
{
    struct va_backend *be = launches_device();

    begin();
    be->ops->scan(be,
                  &(struct va_scan){
                      .B = BATCH, .T = FRAMES, .E = E, .N = N, .marks = buffer(be, E * N) });
}

static void row_scan_grad(void)
{
    struct va_backend *be = launches_device();

    begin();
    be->ops->scan_grad(be, &(struct va_scan_grad){ .B = BATCH, .T = FRAMES, .E = E, .N = N });
}

/* Goals are times on an H200 (issue: what must hold). */
static const struct row {
    const char *name, *what, *unit;
    void (*run)(void);
    const char *only; /* operations, between blanks; NULL: all */
    double scale;     /* of a second in the unit; below 0: rates of so many */
    double goal;
} rows[] = {
    { "vit", "ViT-L/16, CLS rows of 256 pictures, bfloat16", "pictures/s", row_vit, NULL,
      -PICTURES, 5300 },
    { "vit-lt", "the same, products by cublasLt", "pictures/s", row_vit_library, NULL,
      -PICTURES, 5300 },
    { "step", "training step of the temporal model, 16 x 300 frames, bfloat16", "ms", row_step,
      NULL, 1e3, 4 },
    { "tcn", "its convolutions, forward and backward", "ms", row_step,
      " conv conv_grad prelu prelu_grad ", 1e3, 4 },
    { "scan", "selective scan of a layer, forward", "us", row_scan, NULL, 1e6, 10 },
    { "scan_grad", "the same backward", "us", row_scan_grad, NULL, 1e6, 20 },
    { "update", "norm, clip, AdamW and weight norm", "ms", row_update, NULL, 1e3, .7 },
};

/* Leaves only what belongs to the row. */
static void choose(const struct row *r)
{
    struct operation *to = operations;

    for (struct operation *o = operations; o->name; o++) {
        char word[40];

        snprintf(word, sizeof(word), " %s ", o->name);
        if (!r->only || strstr(r->only, word))
            *to++ = *o;
    }
    to->name = NULL;
}

static const char *limit_name(enum limit by)
{
    return by == BY_BYTES   ? "bytes"
           : by == BY_ISSUE ? "issue"
           : by == BY_GAP   ? "gaps"
                            : kind_names[by - BY_KIND];
}

/* What takes most of the time, and its part of it. */
static const char *limit_of(int gpu, double seconds, double *part)
{
    double all[LIMITS] = { 0 };
    int most = 0;

    for (struct operation *o = operations; o->name; o++)
        for (int i = 0; i < LIMITS; i++)
            all[i] += o->limits[gpu][i];
    for (int i = 0; i < LIMITS; i++)
        if (all[i] > all[most])
            most = i;
    *part = all[most] / seconds;
    return limit_name((enum limit)most);
}

static void print_operations(void)
{
    printf("%-12s %6s %8s %9s  %s\n", "operation", "calls", "launches", "GB",
           "ms on each, and by what");
    for (struct operation *o = operations; o->name; o++) {
        if (!o->calls)
            continue;
        printf("%-12s %6ld %8ld %9.3f", o->name, o->calls, o->launches, o->bytes / 1e9);
        for (int i = 0; i < GPUS; i++) {
            int most = 0;

            for (int k = 0; k < LIMITS; k++)
                most = o->limits[i][k] > o->limits[i][most] ? k : most;
            printf("  %9.4f %-8s", 1e3 * o->seconds[i], limit_name((enum limit)most));
        }
        printf("\n");
    }
}

static void predict(const struct row *r, bool details)
{
    r->run();
    choose(r);
    printf("%s\n", r->what);
    for (int i = 0; i < GPUS; i++) {
        double seconds = 0, part, value;
        long launches = 0;
        const char *by;

        for (struct operation *o = operations; o->name; o++) {
            seconds += o->seconds[i];
            launches += o->launches;
        }
        by = limit_of(i, seconds, &part);
        value = r->scale < 0 ? -r->scale / seconds : r->scale * seconds;
        printf("    %-10s predicted %.3g %s, %ld launches, %.0f %% by %s", gpus[i].name, value,
               r->unit, launches, 100 * part, by);
        if (i == 0)
            printf("; goal %g: %s", r->goal,
                   (r->scale < 0 ? value >= r->goal : value <= r->goal) ? "met" : "not met");
        printf("\n");
    }
    if (details)
        print_operations();
}

int main(int argc, char **argv)
{
    va_tool_init("predict");
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: predict SASS [ROW]\n");
        return va_tool_finish(2);
    }
    if (cost_read(argv[1]) < 0)
        return va_tool_finish(3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (argc == 2 || !strcmp(argv[2], rows[i].name))
            predict(&rows[i], argc == 3);
    return va_tool_finish(0);
}
