/*
 * mae_fixture.h - a tiny masked autoencoder, pictures and noise as PyTorch had them, and what it made
 * of them.
 */
#ifndef MAE_FIXTURE_H
#define MAE_FIXTURE_H

#include "model/va_mae.h"
#include "test/va_golden.h"

enum { B = 3, P = 16, S = 192, STEPS = 10 };
static struct va_backend *be;

struct fixture {
    char file[64];
    struct va_tensors *expected;
    struct va_mae *mae;
    struct va_mae_batch batch;
    int32_t visible[B * P], rank[B * P];
    float patches[B * P * S], target[B * P * S];
};

/* Patches of pictures [B, 3, s, s], left to right, then down; in a patch channel, row, column. */
static inline void cut(const float *images, int64_t s, int64_t p, float *rows)
{
    for (int64_t b = 0; b < B; b++)
        for (int64_t i = 0; i < P; i++)
            for (int64_t k = 0; k < S; k++) {
                int64_t c = k / (p * p), y = i / (s / p) * p + k / p % p,
                        x = i % (s / p) * p + k % p;

                rows[(b * P + i) * S + k] = images[((b * 3 + c) * s + y) * s + x];
            }
}

static inline void make_batch(struct fixture *f, bool norm_pix)
{
    const struct va_mae_config *c = va_mae_config(f->mae);
    const struct va_tensor *noise = va_tensors_find(f->expected, "noise");
    const struct va_tensor *images = va_tensors_find(f->expected, "images");
    int64_t V = va_mae_visible(P, .75);
    float *all = va_new(B * P * S, sizeof(*all));

    cut(images->data, c->encoder.image, c->encoder.patch, all);
    for (int64_t b = 0; b < B; b++) {
        VA_CHECK(va_mae_mask(P, V, (const float *)noise->data + b * P, f->visible + b * V,
                             f->rank + b * P) == 0);
        for (int64_t i = 0; i < V; i++)
            memcpy(f->patches + (b * V + i) * S, all + (b * P + f->visible[b * V + i]) * S,
                   S * sizeof(float));
        va_mae_target(&c->encoder, all + b * P * S, norm_pix, f->target + b * P * S);
    }
    va_free(all);
    f->batch = (struct va_mae_batch){ B, f->visible, f->rank, f->patches, f->target };
}

static inline bool fixture_open(struct fixture *f, const char *which)
{
    struct va_tensors *weights = va_golden_load("vit/mae_tiny.weights.safetensors");
    struct va_mae_config c;

    snprintf(f->file, sizeof(f->file), "vit/mae_tiny.%s.safetensors", which);
    f->expected = va_golden_load(f->file);
    f->mae = NULL;
    if (!weights || !f->expected)
        return false;
    VA_CHECK(va_tensors_set_meta(weights, "heads", "4") == 0 &&
             va_tensors_set_meta(weights, "decoder_heads", "4") == 0);
    VA_CHECK(va_mae_config_load(&c, weights, "weights") == 0);
    f->mae = va_mae_new(be, &c);
    VA_CHECK(f->mae && va_params_load(va_mae_params(f->mae), weights, "weights") == 0);
    VA_CHECK(va_params_allocate_training(va_mae_params(f->mae)) == 0);
    VA_CHECK(va_mae_reserve(f->mae, B, .75) == 0);
    va_tensors_free(weights);
    make_batch(f, strcmp(which, "normpix") == 0);
    return true;
}

static inline void fixture_close(struct fixture *f)
{
    va_mae_free(f->mae);
    va_tensors_free(f->expected);
}

static inline void check_number(struct fixture *f, const char *tensor, const double *found,
                                int64_t n)
{
    va_golden_check(tensor, found, n, va_tensors_find(f->expected, tensor),
                    va_golden_atol(f->file, tensor));
}

#endif
