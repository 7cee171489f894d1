/*
 * Pretraining: the curve of PyTorch through the trainer's own step, which pictures make an update,
 * settings that follow from others, contact sheets.
 */
#include "base/va_error.h"
#include "data/va_frames_write.h"
#include "jobs/va_pretrain_priv.h"
#include "media/va_image.h"
#include "model/va_arch.h"
#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/unit/mae_fixture.h"

static char folder[] = "/tmp/va-test-XXXXXX";

/* ---- the curve -------------------------------------------------------------------------------- */

static struct fixture *now;

static int recorded(struct va_pretrainer *t, int64_t k, const struct va_share *share,
                    struct va_mae_batch *batch)
{
    (void)t;
    (void)k;
    VA_CHECK_INT(share->count, B);
    *batch = now->batch;
    return 0;
}

static void curve_of(const char *which, int64_t accumulate)
{
    static struct fixture f;
    const struct va_optimiser_config adam = { .decay = .05,
                                              .beta1 = VA_PRETRAIN_BETA1,
                                              .beta2 = VA_PRETRAIN_BETA2,
                                              .eps = VA_PRETRAIN_EPS };
    struct va_pretrainer t = { .be = be, .fill = recorded };
    static double norms[STEPS]; /* of the curve before, with one batch in an update */
    double losses[STEPS];

    if (!fixture_open(&f, which)) {
        va_tensors_free(f.expected);
        VA_SKIP("no golden values");
    }
    now = &f;
    va_pretrain_config_default(&t.config);
    t.config.batch = B;
    t.config.accumulate = accumulate;
    t.config.lr = t.config.min_lr = 1e-3;
    t.config.warmup_epochs = 0;
    t.mae = f.mae;
    t.optimiser = va_optimiser_new(va_mae_params(f.mae), &adam);
    t.run.state = (struct va_run_state){ .params = va_mae_params(f.mae),
                                         .optimiser = t.optimiser,
                                         .per_epoch = 4,
                                         .train = { .columns = VA_PRETRAIN_COLUMNS } };
    for (int k = 0; k < STEPS; k++)
        VA_CHECK_INT(va_pretrain_step(&t), 0);
    VA_CHECK_INT(t.run.state.train.count, STEPS);
    for (int k = 0; k < STEPS; k++) {
        const double *row = t.run.state.train.rows + k * VA_PRETRAIN_COLUMNS;

        VA_CHECK_INT((int64_t)row[0], k + 1);
        VA_CHECK_INT((int64_t)row[1], k / 4 + 1);
        VA_CHECK_NEAR(row[2], 1e-3, 1e-12);
        losses[k] = row[3];
        if (accumulate == 1)
            norms[k] = row[4];
        VA_CHECK_NEAR(row[4], norms[k], 1e-4 * norms[k]);
    }
    check_number(&f, "step.loss", losses, STEPS);
    va_optimiser_free(t.optimiser);
    va_run_state_release(&t.run.state);
    fixture_close(&f);
}

static void plain(void)
{
    curve_of("plain", 1);
}

static void normalised_pixels(void)
{
    curve_of("normpix", 1);
}

static void the_same_batch_three_times(void)
{
    curve_of("normpix", 3);
}

static void curves(struct va_backend *backend)
{
    be = backend;
    if (!be)
        exit(4);
    printf("# backend %s\n", be->ops->name);
    VA_TEST(plain);
    VA_TEST(normalised_pixels);
    VA_TEST(the_same_batch_three_times);
    va_backend_free(be);
}

/* ---- pictures ----------------------------------------------------------------------------------- */

enum { PICTURES = 23, SIDE = 20 };

static struct va_pictures *collection(const char *name, int first)
{
    static uint8_t rgb[SIDE * SIDE * 3];
    struct va_pictures_options o = { 0 };
    struct va_frames_writer w;
    char path[128], *inputs[] = { path };

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    VA_CHECK_INT(va_frames_create(&w, path, 0), 0);
    for (int i = 0; i < PICTURES; i++) {
        for (int k = 0; k < SIDE * SIDE * 3; k++)
            rgb[k] = (uint8_t)(7 * (first + i) + k % 61 + k / (SIDE * 3));
        VA_CHECK_INT(va_frames_append(&w, rgb, SIDE, SIDE, i + 1, i), 0);
    }
    VA_CHECK_INT(va_frames_commit(&w, "clip", 25, PICTURES), 0);
    va_frames_abort(&w);
    return va_pictures_open(inputs, 1, &o);
}

static void an_epoch_is_one_pass(void)
{
    struct va_pretrainer t = { .pictures = collection("pass.h5", 0) };
    struct va_pretrainer twice = t;
    int seen[2][PICTURES] = { { 0 } }, again = 0;

    VA_CHECK(t.pictures != NULL);
    t.config = (struct va_pretrain_config){ .batch = 6, .accumulate = 1, .seed = 3 };
    twice.config = (struct va_pretrain_config){ .batch = 3, .accumulate = 2, .seed = 3 };
    t.run.state.per_epoch = twice.run.state.per_epoch = PICTURES / 6;
    for (int64_t k = 0; k < 6; k++) /* three updates an epoch, 5 pictures left out */
        for (int64_t i = 0; i < 6; i++) {
            struct va_feed_item item = va_pretrain_item(&t, k, i);
            struct va_feed_item half = va_pretrain_item(&twice, 2 * k + i / 3, i % 3);

            VA_CHECK_INT((int64_t)item.epoch, k / 3);
            VA_CHECK_INT(half.picture, item.picture);
            VA_CHECK_INT((int64_t)half.epoch, (int64_t)item.epoch);
            again += seen[k / 3][item.picture]++;
        }
    VA_CHECK_INT(again, 0);
    VA_CHECK(memcmp(seen[0], seen[1], sizeof(seen[0])) != 0); /* others are left out */
    va_pictures_free(t.pictures);
}

static void collections_differ(void)
{
    struct va_pictures *a = collection("a.h5", 0), *same = collection("b.h5", 0),
                       *other = collection("c.h5", 1);
    char x[VA_HASH_TEXT], y[VA_HASH_TEXT], z[VA_HASH_TEXT];

    VA_CHECK_INT(va_pictures_digest(a, x), 0);
    VA_CHECK_INT(va_pictures_digest(same, y), 0);
    VA_CHECK_INT(va_pictures_digest(other, z), 0);
    VA_CHECK(strcmp(x, y) == 0); /* wherever it lies */
    VA_CHECK(strcmp(x, z) != 0);
    va_pictures_free(a);
    va_pictures_free(same);
    va_pictures_free(other);
}

/* ---- settings ----------------------------------------------------------------------------------- */

static const char *given;

/* Whether `name` is one of the words of `given`. */
static bool is_given(const char *name)
{
    size_t n = strlen(name);

    for (const char *w = given; w && *w; w += strcspn(w, " "), w += *w == ' ')
        if (strcspn(w, " ") == n && strncmp(w, name, n) == 0)
            return true;
    return false;
}

static void resolve(struct va_pretrain_config *c, const struct va_pretrain_config *options,
                    const char *names, const struct va_tensors *init, int expected)
{
    char line[256] = "";

    given = names;
    va_pretrain_config_default(c);
    va_settings_override(&va_pretrain_settings, c, c->source, options, is_given);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_pretrain_config_resolve(c, init, "init.h5"), expected);
    va_error_catch_end();
    VA_CHECK((expected == 0) == (line[0] == 0));
}

static void settings_follow_from_others(void)
{
    struct va_pretrain_config c,
        options = { .model.encoder.width = 128, .epochs = 60, .batch = 32, .lr = .5 };

    resolve(&c, &options, NULL, NULL, 0);
    VA_CHECK(c.model.encoder.width == 768 && c.model.encoder.depth == 12 &&
             c.model.encoder.heads == 12 && c.model.encoder.mlp == 3072);
    VA_CHECK_NEAR(c.lr, 1.5e-4 * 64 / 256, 1e-18);
    VA_CHECK_INT(c.warmup_epochs, 40);
    resolve(&c, &options, "width epochs batch", NULL, 0);
    VA_CHECK(c.model.encoder.width == 128 && c.model.encoder.depth == 12 &&
             c.model.encoder.heads == 2 && c.model.encoder.mlp == 512);
    VA_CHECK_NEAR(c.lr, 1.5e-4 * 32 / 256, 1e-18);
    VA_CHECK_INT(c.warmup_epochs, 3);
    options.model.encoder.width = 0; /* the same as if it were not given */
    resolve(&c, &options, "width", NULL, 0);
    VA_CHECK(c.model.encoder.width == 768 && c.model.encoder.heads == 12 &&
             c.model.encoder.mlp == 3072);
    resolve(&c, &options, "lr", NULL, 0);
    VA_CHECK_NEAR(c.lr, .5, 0);
    options.model.encoder.width = 126; /* no multiple of 4 */
    resolve(&c, &options, "width", NULL, -1);
}

static void a_file_decides_sizes(void)
{
    struct va_backend *ref = va_ref_backend_new();
    struct va_tensors *encoder = va_arch_init_encoder(ref, VA_ARCH_VIT_TINY, 1);
    struct va_tensors *both = va_golden_load("vit/mae_tiny.weights.safetensors");
    struct va_pretrain_config c, options = { .model = { .encoder.width = 192, .width = 64 } };

    resolve(&c, &options, NULL, encoder, 0);
    VA_CHECK(c.model.encoder.width == 192 && c.model.encoder.depth == 2 &&
             c.model.encoder.heads == 12 && c.model.width == 512);
    resolve(&c, &options, "decoder-width decoder-heads", encoder, -1); /* 0 heads */
    options.model.heads = 4;
    resolve(&c, &options, "decoder-width decoder-heads", encoder, 0);
    VA_CHECK_INT(c.model.width, 64);
    resolve(&c, &options, "width", encoder, -1);
    if (both) {
        VA_CHECK(va_tensors_set_meta(both, "heads", "4") == 0 &&
                 va_tensors_set_meta(both, "decoder_heads", "4") == 0);
        resolve(&c, &options, NULL, both, 0);
        VA_CHECK(c.model.encoder.width == 64 && c.model.width == 32 && c.model.heads == 4);
        resolve(&c, &options, "decoder-width", both, -1);
    }
    va_tensors_free(both);
    va_tensors_free(encoder);
    va_backend_free(ref);
}

/* ---- contact sheets ------------------------------------------------------------------------------- */

/* A decoder that is right gives back the patch. */
static void normalised_patches_come_back(void)
{
    const struct va_vit_config c = { .image = 4, .patch = 4 };
    float patch[48], target[48];

    for (int i = 0; i < 48; i++)
        patch[i] = (float)(i * i % 37) / 10 - 1;
    va_mae_target(&c, patch, true, target);
    va_sheet_denormalise(patch, 48, target);
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 3; k++) /* row, column, channel of channel, row, column */
            VA_CHECK_NEAR(target[3 * i + k], patch[16 * k + i], 1e-5);
}

/* Pixel x, y of column `col` of row `row` of a sheet of pictures of 16. */
static const uint8_t *pixel(const struct va_frame *f, int64_t row, int64_t col, int64_t x,
                            int64_t y)
{
    return f->pixels + ((row * 18 + 2 + y) * f->width + col * 18 + 2 + x) * 3;
}

/* 4 of 16 patches of each picture are seen, as they are; with weights of zero the decoder says 0, the
 * mean of each patch. */
static void a_sheet_shows_what_is_seen(void)
{
    struct va_mae_config c = { .encoder = { .image = 16,
                                            .eps = 1e-6,
                                            .patch = 4,
                                            .width = 8,
                                            .depth = 1,
                                            .heads = 2,
                                            .mlp = 8,
                                            .std = { 1, 1, 1 } },
                               .width = 8,
                               .depth = 1,
                               .heads = 2 };
    struct va_backend *cpu = va_test_device();
    struct va_mae *m = va_mae_new(cpu, &c);
    struct va_pictures *p = collection("sheet.h5", 0);
    struct va_sheet *s = va_sheet_new(m, p, .75, true, 1);
    struct va_images *images = va_images_new(0, 0, false);
    struct va_frame f;
    const char *why;
    char path[128];

    VA_CHECK_INT(va_mae_reserve(m, 2, .75), 0);
    snprintf(path, sizeof(path), "%s/sheet.png", folder);
    VA_CHECK_INT(va_sheet_write(s, m, path), 0);
    VA_CHECK_INT(va_images_read(images, path, &f, &why), 1);
    VA_CHECK(f.width == 3 * 18 + 2 && f.height == VA_SHEET_ROWS * 18 + 2);
    for (int64_t row = 0; row < VA_SHEET_ROWS; row++)
        for (int64_t patch = 0, seen = 0; patch < 16; patch++) {
            bool hidden = true;
            double mean = 0;

            for (int64_t i = 0; i < 16; i++) {
                int64_t x = patch % 4 * 4 + i % 4, y = patch / 4 * 4 + i / 4;

                hidden = hidden && pixel(&f, row, 1, x, y)[0] == 128;
                for (int k = 0; k < 3; k++)
                    mean += pixel(&f, row, 0, x, y)[k] / 48.;
            }
            for (int64_t i = 0; i < 16; i++) {
                int64_t x = patch % 4 * 4 + i % 4, y = patch / 4 * 4 + i / 4;
                const uint8_t *was = pixel(&f, row, 0, x, y);

                VA_CHECK(hidden || !memcmp(pixel(&f, row, 1, x, y), was, 3));
                VA_CHECK(hidden || !memcmp(pixel(&f, row, 2, x, y), was, 3));
                VA_CHECK(!hidden || fabs(pixel(&f, row, 2, x, y)[1] - mean) <= .51);
            }
            seen += !hidden;
            VA_CHECK(patch < 15 || seen == 4);
        }
    va_images_free(images);
    va_sheet_free(s);
    va_pictures_free(p);
    va_mae_free(m);
    va_backend_free(cpu);
}

int main(void)
{
    char command[64];

    if (!mkdtemp(folder))
        return 1;
    curves(va_ref_backend_new());
    curves(va_test_device());
    VA_TEST(an_epoch_is_one_pass);
    VA_TEST(collections_differ);
    VA_TEST(settings_follow_from_others);
    VA_TEST(a_file_decides_sizes);
    VA_TEST(normalised_patches_come_back);
    VA_TEST(a_sheet_shows_what_is_seen);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    if (system(command))
        return 1;
    return va_test_finish();
}
