#include "jobs/va_sheet.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "media/va_augment.h"
#include "media/va_encode.h"
#include <math.h>
#include <string.h>

enum { GAP = 2, HIDDEN = 128, COLUMNS = 3 }; /* pixels; grey of hidden patches */

struct va_sheet {
    struct va_mae_config config;
    bool norm_pix;
    int64_t rows, V;
    uint8_t *pixels;         /* [rows, S, S, 3] */
    int32_t *visible, *rank; /* [rows, V], [rows, P] */
};

static uint8_t *picture(const struct va_sheet *s, int64_t row)
{
    return s->pixels + row * s->config.encoder.image * s->config.encoder.image * 3;
}

/* ---- pictures and masks --------------------------------------------------------------------- */

static int read_pictures(struct va_sheet *s, struct va_pictures *p)
{
    static const struct va_augment_options whole = { .scale = { 1, 1 } };
    struct va_picture_reader *reader = va_picture_reader_new(p);
    struct va_augmenter *augmenter = va_augmenter_new(s->config.encoder.image);
    int status = reader && augmenter ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < s->rows; i++) {
        struct va_augment_choice choice;
        struct va_frame f;

        status = va_picture_read(reader, i * va_pictures_count(p) / s->rows, &f);
        if (status < 0)
            break;
        va_augment_choose(&whole, 0, 0, 0, f.width, f.height, &choice);
        status = va_augmenter_run(augmenter, &choice, f.pixels, f.width, f.height,
                                  picture(s, i));
    }
    va_picture_reader_free(reader);
    va_augmenter_free(augmenter);
    return status;
}

/* Noise of a step that no run reaches. */
static int draw_masks(struct va_sheet *s, uint64_t seed)
{
    int64_t P = va_vit_patches(&s->config.encoder);
    float *noise = va_new(P, sizeof(*noise));
    int status = noise ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < s->rows; i++) {
        for (int64_t p = 0; p < P; p++)
            noise[p] = (float)va_rand_uniform(seed, VA_RAND_MASK, UINT64_MAX,
                                              (uint64_t)(i * P + p));
        status = va_mae_mask(P, s->V, noise, s->visible + i * s->V, s->rank + i * P);
    }
    va_free(noise);
    return status;
}

struct va_sheet *va_sheet_new(const struct va_mae_config *c, struct va_pictures *p,
                              double mask_ratio, bool norm_pix, uint64_t seed)
{
    struct va_sheet *s = va_new(1, sizeof(*s));
    int64_t P = va_vit_patches(&c->encoder), S = c->encoder.image;

    if (!s)
        return NULL;
    s->config = *c;
    s->norm_pix = norm_pix;
    s->V = va_mae_visible(P, mask_ratio);
    s->rows = va_pictures_count(p) < VA_SHEET_ROWS ? va_pictures_count(p) : VA_SHEET_ROWS;
    s->pixels = va_new(s->rows * S * S, 3);
    s->visible = va_new(s->rows * s->V, sizeof(*s->visible));
    s->rank = va_new(s->rows * P, sizeof(*s->rank));
    if (!s->pixels || !s->visible || !s->rank || read_pictures(s, p) < 0 ||
        draw_masks(s, seed) < 0) {
        va_sheet_free(s);
        return NULL;
    }
    return s;
}

void va_sheet_free(struct va_sheet *s)
{
    if (!s)
        return;
    va_free(s->pixels);
    va_free(s->visible);
    va_free(s->rank);
    va_free(s);
}

/* ---- what the model makes of them --------------------------------------------------------------- */

void va_sheet_denormalise(const float *patch, int64_t S, float *pred)
{
    double mean = 0, square = 0;

    for (int64_t i = 0; i < S; i++)
        mean += (double)patch[i] / (double)S;
    for (int64_t i = 0; i < S; i++)
        square += ((double)patch[i] - mean) * ((double)patch[i] - mean);
    for (int64_t i = 0; i < S; i++)
        pred[i] = (float)((double)pred[i] * sqrt(square / (double)(S - 1) + 1e-6) + mean);
}

/* Room for the work on one picture. */
struct work {
    float *all, *visible, *target, *pred; /* [P, S], [V, S], [P, S], [P, S] */
    uint8_t *sheet;
    int64_t width, height;
};

static int work_init(struct work *w, const struct va_sheet *s)
{
    int64_t P = va_vit_patches(&s->config.encoder), S = va_vit_patch_size(&s->config.encoder);
    int64_t cell = s->config.encoder.image + GAP;

    w->width = COLUMNS * cell + GAP;
    w->height = s->rows * cell + GAP;
    w->all = va_new(P * S, sizeof(float));
    w->visible = va_new(s->V * S, sizeof(float));
    w->target = va_new(P * S, sizeof(float));
    w->pred = va_new(P * S, sizeof(float));
    w->sheet = va_new(w->width * w->height, 3);
    if (!w->all || !w->visible || !w->target || !w->pred || !w->sheet)
        return -1;
    memset(w->sheet, 255, (size_t)(w->width * w->height * 3));
    return 0;
}

static void work_release(struct work *w)
{
    va_free(w->all);
    va_free(w->visible);
    va_free(w->target);
    va_free(w->pred);
    va_free(w->sheet);
}

/* pred [P, S] of picture `row`, in pixels that are normalised as the encoder's. */
static void reconstruct(const struct va_sheet *s, struct va_mae *m, int64_t row, struct work *w)
{
    const struct va_vit_config *c = &s->config.encoder;
    int64_t P = va_vit_patches(c), S = va_vit_patch_size(c);
    const int32_t *visible = s->visible + row * s->V;
    struct va_mae_batch batch = { 1, visible, s->rank + row * P, w->visible, w->target };

    va_vit_cut(va_mae_encoder(m), picture(s, row), w->all);
    for (int64_t v = 0; v < s->V; v++)
        memcpy(w->visible + v * S, w->all + visible[v] * S, (size_t)S * sizeof(float));
    va_mae_target(c, w->all, s->norm_pix, w->target);
    va_mae_put(m, &batch);
    va_mae_forward(m, 1, NULL);
    va_mae_pred(m, w->pred);
    for (int64_t p = 0; s->norm_pix && p < P; p++)
        va_sheet_denormalise(w->all + p * S, S, w->pred + p * S);
}

static uint8_t to_byte(double x)
{
    return (uint8_t)(!(x > 0) ? 0 : x > 1 ? 255 : x * 255 + .5);
}

/* The three cells of a picture. */
static void paint(const struct va_sheet *s, int64_t row, struct work *w)
{
    const struct va_vit_config *c = &s->config.encoder;
    int64_t size = c->image, p = c->patch, S = va_vit_patch_size(c), cell = size + GAP;
    const int32_t *rank = s->rank + row * va_vit_patches(c);
    const uint8_t *from = picture(s, row);

    for (int64_t y = 0; y < size; y++)
        for (int64_t x = 0; x < size; x++)
            for (int64_t k = 0; k < 3; k++) {
                int64_t patch = y / p * (size / p) + x / p;
                uint8_t was = from[(y * size + x) * 3 + k];
                float pred = w->pred[patch * S + (y % p * p + x % p) * 3 + k];
                bool hidden = rank[patch] >= s->V;
                uint8_t *to = w->sheet + ((row * cell + GAP + y) * w->width + GAP + x) * 3 + k;

                to[0] = was;
                to[3 * cell] = hidden ? HIDDEN : was;
                to[6 * cell] = hidden ? to_byte((double)pred * c->std[k] + c->mean[k]) : was;
            }
}

int va_sheet_write(const struct va_sheet *s, struct va_mae *m, const char *path)
{
    struct work w = { 0 };
    int status = work_init(&w, s);

    for (int64_t row = 0; status == 0 && row < s->rows; row++) {
        reconstruct(s, m, row, &w);
        paint(s, row, &w);
    }
    if (status == 0)
        status = va_png_write(path, w.sheet, w.width, w.height);
    work_release(&w);
    return status;
}
