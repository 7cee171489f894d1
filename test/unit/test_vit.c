/*
 * The encoder against recorded values of a small one; and its shapes, which are its file's.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_arch.h"
#include "model/va_embedder.h"
#include "model/va_vit_priv.h"
#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/va_golden.h"

static const char weights_file[] = "vit/mae_tiny.weights.safetensors";
static const char expected_file[] = "vit/vit_tiny.safetensors";

/* 1.5 times what PyTorch's own bfloat16, and its int8, are off here (test/reference/rounding_error.py). */
#define TINY_BF16 (1.5 * 6.28e-3)
#define TINY_INT8 (1.5 * 2.01e-2)

/* The recorded encoder, as va-weights import would make it; NULL where it is not here. */
static struct va_tensors *load_weights(void)
{
    struct va_tensors *set = va_golden_load(weights_file);
    enum va_model_kind kind;
    bool authors;

    if (!set)
        return NULL;
    va_set_verbosity(VA_QUIET); /* leaving out a decoder is said */
    if (va_tensors_set_meta(set, "heads", "4") < 0 ||
        va_keymap_apply(set, "tiny", false, &kind, &authors) < 0 ||
        va_arch_complete(set, "tiny", kind, false) < 0)
        abort();
    va_set_verbosity(VA_NORMAL);
    return set;
}

/* Pictures [B, 3, S, S] -> patches [B, P, 3*p*p], written from the layout alone. */
static double *cut(const struct va_tensor *images, int64_t p)
{
    int64_t B = images->shape[0], S = images->shape[2], grid = S / p, P = grid * grid;
    double *out = va_new(images->count, sizeof(*out));

    if (!out)
        abort();
    for (int64_t b = 0; b < B; b++)
        for (int64_t c = 0; c < 3; c++)
            for (int64_t y = 0; y < S; y++)
                for (int64_t x = 0; x < S; x++) {
                    int64_t patch = y / p * grid + x / p, in = (c * p + y % p) * p + x % p;

                    out[(b * P + patch) * 3 * p * p + in] = va_tensor_at(
                        images, ((b * 3 + c) * S + y) * S + x);
                }
    return out;
}

/* Worst of the lengths of found - expected over those of expected, of `rows` rows. */
static double row_error(struct va_backend *be, const void *found, const struct va_tensor *t)
{
    int64_t D = t->shape[1];
    double worst = 0, *x = va_new(t->count, sizeof(*x));

    if (!x)
        abort();
    be->ops->get_f64(be, x, found, t->count);
    for (int64_t r = 0; r < t->shape[0]; r++) {
        double off = 0, size = 0;

        for (int64_t i = r * D; i < (r + 1) * D; i++) {
            off += pow(x[i] - va_tensor_at(t, i), 2);
            size += pow(va_tensor_at(t, i), 2);
        }
        worst = va_worse(worst, sqrt(off / size));
    }
    va_free(x);
    return worst;
}

static void check_backend(struct va_backend *be)
{
    struct va_tensors *weights = load_weights(), *set = va_golden_load(expected_file);
    const struct va_tensor *images = set ? va_tensors_find(set, "images") : NULL;
    struct va_vit_config c;
    struct va_vit *vit;
    double *patches;
    void *x, *tokens, *cls;
    int64_t B, T;

    if (!be)
        abort();
    if (!weights || !images) {
        va_tensors_free(weights);
        va_tensors_free(set);
        va_backend_free(be);
        VA_SKIP("recorded weights are not here");
    }
    VA_CHECK(va_vit_config_load(&c, weights, "tiny") == 0);
    VA_CHECK_INT(c.depth, 3);
    VA_CHECK_INT(c.image, 32);
    vit = va_vit_new(be, &c, VA_VIT_INIT_MAE);
    B = images->shape[0];
    T = 1 + va_vit_patches(&c);
    patches = cut(images, c.patch);
    x = be->ops->alloc(be, images->count);
    tokens = be->ops->alloc(be, B * T * c.width);
    cls = be->ops->alloc(be, B * c.width);
    if (!vit || va_params_load(va_vit_params(vit), weights, "tiny") < 0 ||
        va_vit_reserve(vit, B) < 0 || !x || !tokens || !cls)
        abort();
    be->ops->put_f64(be, x, patches, images->count);
    va_vit_tokens(vit, B, x, tokens);
    va_golden_check_buffer(be, expected_file, set, "tokens", tokens, B * T * c.width, 1);
    va_vit_forward(vit, B, x, cls);
    va_golden_check_buffer(be, expected_file, set, "cls", cls, B * c.width, 1);
    be->precision = VA_BF16_PRODUCTS; /* weights are made ready anew for it */
    va_vit_forward(vit, B, x, tokens);
    VA_CHECK_NEAR(row_error(be, tokens, va_tensors_find(set, "cls")), 0, TINY_BF16);
    VA_CHECK(row_error(be, tokens, va_tensors_find(set, "cls")) > 1e-4); /* it was rounded */
    be->precision = VA_INT8_PRODUCTS;
    va_vit_forward(vit, B, x, tokens);
    VA_CHECK_NEAR(row_error(be, tokens, va_tensors_find(set, "cls")), 0, TINY_INT8);
    VA_CHECK(row_error(be, tokens, va_tensors_find(set, "cls")) > 1e-3);
    be->precision = VA_F32_PRODUCTS;
    /* A picture's row does not depend on its neighbours in the batch. */
    va_vit_forward(vit, 1, va_at(be, x, images->count / B), tokens);
    be->ops->copy(be, va_at(be, cls, c.width), tokens, c.width);
    va_golden_check_buffer(be, expected_file, set, "cls", cls, B * c.width, 1);
    be->ops->free(be, x);
    be->ops->free(be, tokens);
    be->ops->free(be, cls);
    va_free(patches);
    va_vit_free(vit);
    va_backend_free(be);
    va_tensors_free(weights);
    va_tensors_free(set);
}

static void small_encoder_on_ref(void)
{
    check_backend(va_ref_backend_new());
}

static void small_encoder_on_cpu(void)
{
    check_backend(va_test_device());
}

/* ---- the last block ---------------------------------------------------------------------- */

static const struct va_ops *counted; /* the operations whose multiplications are counted */
static int64_t multiplications;

static void count_linear(struct va_backend *be, const struct va_linear *p)
{
    multiplications += p->M * p->N * p->K;
    counted->linear(be, p);
}

static void count_attention(struct va_backend *be, const struct va_attention *p)
{
    multiplications += 2 * p->B * p->H * p->Tq * p->Tk * p->D;
    counted->attention(be, p);
}

/* The CLS row alone is that of all tokens, and the last block is spared what only the others
 * need: the query row in attention, projection and MLP of all but one row. */
static void check_last_block(struct va_backend *be, double bound)
{
    struct va_vit_config c = { .image = 24,
                               .eps = 1e-6,
                               .patch = 8,
                               .width = 32,
                               .depth = 3,
                               .heads = 4,
                               .mlp = 96,
                               .std = { 1, 1, 1 } };
    int64_t B = 3, T = 1 + va_vit_patches(&c), D = c.width, n = B * (T - 1) * 192, all, spared;
    struct va_vit *vit = be ? va_vit_new(be, &c, VA_VIT_INIT_MAE) : NULL;
    struct va_ops ops;
    float *x = va_new(n, sizeof(*x));
    float *found = va_new(B * D, sizeof(*found)), *expected = va_new(B * T * D, sizeof(*x));
    void *patches, *tokens, *cls;

    if (!vit || !x || !found || !expected || va_vit_draw(vit, 9) < 0 ||
        va_vit_reserve(vit, B) < 0)
        abort();
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)sin((double)(i * i % 1009));
    patches = be->ops->alloc(be, n);
    tokens = be->ops->alloc(be, B * T * D);
    cls = be->ops->alloc(be, B * D);
    if (!patches || !tokens || !cls)
        abort();
    be->ops->put_f32(be, patches, x, n);
    counted = be->ops;
    ops = *counted;
    ops.linear = count_linear;
    ops.attention = count_attention;
    be->ops = &ops;
    multiplications = 0;
    va_vit_tokens(vit, B, patches, tokens);
    all = multiplications;
    multiplications = 0;
    va_vit_forward(vit, B, patches, cls);
    spared = all - multiplications;
    be->ops = counted;
    VA_CHECK_INT(spared, B * (T - 1) * (D * D + 2 * D * c.mlp + 2 * T * D));
    be->ops->get_f32(be, expected, tokens, B * T * D);
    be->ops->get_f32(be, found, cls, B * D);
    for (int64_t i = 0; i < B * D; i++)
        VA_CHECK_NEAR(found[i], expected[i / D * T * D + i % D], bound);
    be->ops->free(be, patches);
    be->ops->free(be, tokens);
    be->ops->free(be, cls);
    va_free(x);
    va_free(found);
    va_free(expected);
    va_vit_free(vit);
    va_backend_free(be);
}

static void only_the_cls_row_leaves_the_last_block(void)
{
    check_last_block(va_ref_backend_new(), 0);
    check_last_block(va_test_device(), 1e-5); /* products of other shapes, sums up to 3 */
}

/* Bytes become what the reference makes of them, patch by patch. */
static void pictures_are_normalised_and_cut(void)
{
    struct va_tensors *set = va_golden_load("preprocess/image_1.safetensors");
    const struct va_tensor *bytes = set ? va_tensors_find(set, "resized") : NULL;
    const struct va_tensor *expected = set ? va_tensors_find(set, "normalised") : NULL;
    struct va_backend *be = va_ref_backend_new();
    struct va_vit_config c;
    struct va_tensor batch;
    struct va_vit *vit;
    double *want;
    float *rows;

    if (!be)
        abort();
    if (!bytes || !expected) {
        va_tensors_free(set);
        va_backend_free(be);
        VA_SKIP("recorded pictures are not here");
    }
    va_vit_config_default(&c);
    c.width = c.mlp = c.heads = c.depth = 1;
    batch = *expected;
    memmove(batch.shape + 1, batch.shape, 3 * sizeof(*batch.shape));
    batch.shape[0] = 1;
    want = cut(&batch, c.patch);
    rows = va_new(expected->count, sizeof(*rows));
    vit = va_vit_new(be, &c, VA_VIT_INIT_MAE);
    if (!vit || !rows)
        abort();
    va_vit_cut(vit, bytes->data, rows);
    for (int64_t i = 0; i < expected->count && !va_test_bad; i++)
        VA_CHECK_NEAR(rows[i], want[i], 1e-6);
    va_free(rows);
    va_free(want);
    va_vit_free(vit);
    va_backend_free(be);
    va_tensors_free(set);
}

static void architectures_have_their_sizes(void)
{
    static const int64_t parameters[] = { 0, 85798656, 303301632, 630764800 };
    char line[512] = "";

    for (int i = VA_ARCH_VIT_TINY; i <= VA_ARCH_VIT_HUGE; i++) {
        struct va_vit_layers layers;
        struct va_params list;
        struct va_vit_config c;

        va_arch_encoder((enum va_arch)i, &c);
        va_params_init(&list, NULL);
        VA_CHECK(va_vit_config_check(&c, va_arch_names[i]) == 0);
        VA_CHECK(va_vit_declare(&c, VA_VIT_INIT_MAE, &list, &layers) == 0);
        if (i != VA_ARCH_VIT_TINY)
            VA_CHECK_INT(va_params_total(&list), parameters[i]);
        va_params_release(&list);
    }
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_vit_config_check(&(struct va_vit_config){ .patch = 16, .image = 225 }, "x") <
             0);
    va_error_catch_end();
    VA_CHECK(strstr(line, "x: width is 0") != NULL);
}

/* CLS row of one picture. */
static void see(struct va_embedder *e, const uint8_t *picture, float *cls)
{
    static float rows[48 * 48 * 3];

    va_embedder_intake(e).cut(va_embedder_intake(e).model, picture, rows);
    VA_CHECK(va_embedder_run(e, 1, rows, cls) == 0);
}

/* Every 4x4 cell of the picture moves the row, by not much more or less than others do; twice
 * the change moves it nearly twice as far; and the row is of a size that can be trained on. */
static void untrained_features_show_every_place(void)
{
    enum { SIDE = 48, CELL = 4, D = 192 };
    struct va_backend *be = va_test_device();
    struct va_tensors *set = be ? va_arch_init_encoder(be, VA_ARCH_VIT_TINY, 42) : NULL;
    struct va_embedder *e = set ? va_embedder_new(be, set, "tiny", 1) : NULL;
    uint8_t picture[SIDE * SIDE * 3];
    float plain[D], once[D], twice[D];
    double least = INFINITY, most = 0, bend = 0;

    if (!e)
        abort();
    memset(picture, 100, sizeof(picture));
    see(e, picture, plain);
    for (int cell = 0; cell < (SIDE / CELL) * (SIDE / CELL); cell++) {
        double moved = 0, off = 0;

        for (int step = 1; step <= 2; step++) {
            for (int i = 0; i < CELL * CELL * 3; i++) {
                int y = cell / (SIDE / CELL) * CELL + i / 3 / CELL;
                int x = cell % (SIDE / CELL) * CELL + i / 3 % CELL;

                picture[(y * SIDE + x) * 3 + i % 3] = (uint8_t)(100 + 50 * step);
            }
            see(e, picture, step == 1 ? once : twice);
        }
        memset(picture, 100, sizeof(picture));
        for (int k = 0; k < D; k++) {
            moved += pow((double)(once[k] - plain[k]), 2);
            off += pow((double)(twice[k] - 2 * once[k] + plain[k]), 2);
        }
        least = fmin(least, sqrt(moved));
        most = va_worse(most, sqrt(moved));
        bend = va_worse(bend, sqrt(off / moved));
    }
    VA_CHECK(least > 0.1);
    VA_CHECK(most < 20 * least);
    VA_CHECK(bend < 0.2);
    printf("# a cell moves the row by %.2f to %.2f, bent by %.2f at most\n", least, most, bend);
    va_embedder_free(e);
    va_tensors_free(set);
    va_backend_free(be);
}

static struct va_tensors *tiny(void)
{
    struct va_backend *be = va_ref_backend_new();
    struct va_tensors *set = be ? va_arch_init_encoder(be, VA_ARCH_VIT_TINY, 1) : NULL;

    va_backend_free(be);
    if (!set)
        abort();
    return set;
}

static void check_config_refused(struct va_tensors *set, const char *what)
{
    struct va_vit_config c;
    char line[512] = "";

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_vit_config_load(&c, set, "e.h5") < 0);
    va_error_catch_end();
    if (!strstr(line, what)) {
        printf("# said \"%s\", expected \"%s\"\n", line, what);
        va_test_bad = true;
    }
    va_tensors_free(set);
}

static void configurations_that_contradict_are_refused(void)
{
    static const char *const wrong[][3] = {
        { "image_size", "72", "e.h5: image_size is 72, expected 48" },
        { "image_size", "48 ", "e.h5: image_size is 48 , expected a whole number" },
        { "patch_size", "4", "e.h5: patch_size is 4, expected 16" },
        { "heads", "7", "e.h5: width 192 is not a multiple of heads 7" },
        { "heads", "0", "e.h5: heads is 0" },
        { "mean", "1,2", "e.h5: mean is 1,2, expected three numbers" },
        { "std", "1,0,1", "std 0 of channel 1" },
        { "arch", "mamba-va",
          "e.h5: found a temporal model (arch mamba-va), expected an encoder (arch vit)" },
    };
    struct va_tensors *set;

    for (size_t i = 0; i < VA_COUNT(wrong); i++) {
        set = tiny();
        VA_CHECK(va_tensors_set_meta(set, wrong[i][0], wrong[i][1]) == 0);
        check_config_refused(set, wrong[i][2]);
    }
    set = tiny();
    va_tensors_find(set, "pos_embed")->shape[1] = 60;
    check_config_refused(set, "e.h5: pos_embed: 60 positions");
}

int main(void)
{
    VA_TEST(small_encoder_on_ref);
    VA_TEST(small_encoder_on_cpu);
    VA_TEST(only_the_cls_row_leaves_the_last_block);
    VA_TEST(pictures_are_normalised_and_cut);
    VA_TEST(untrained_features_show_every_place);
    VA_TEST(architectures_have_their_sizes);
    VA_TEST(configurations_that_contradict_are_refused);
    return va_test_finish();
}
