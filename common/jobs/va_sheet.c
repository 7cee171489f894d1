#include "jobs/va_sheet.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "feed/va_feed.h"
#include "media/va_encode.h"
#include <math.h>
#include <string.h>

enum { GAP = 2, HIDDEN = 128, COLUMNS = 3 }; /* pixels; grey of hidden patches */

struct va_sheet {
    struct va_mae_config config;
    bool norm_pix;
    int64_t rows, V;
    float *cut;              /* [rows, P, S], patches as an encoder takes them */
    int32_t *visible, *rank; /* [rows, V], [rows, P] */
};

static const float *picture(const struct va_sheet *s, int64_t row)
{
    const struct va_vit_config *c = &s->config.encoder;

    return s->cut + row * va_vit_patches(c) * va_vit_patch_size(c);
}

/* ---- pictures and masks --------------------------------------------------------------------- */

/* A single batch, drawn evenly. */
static int64_t order(const void *arg, int64_t k, struct va_feed_item *items)
{
    int64_t count = va_pictures_count(arg),
            rows = count < VA_SHEET_ROWS ? count : VA_SHEET_ROWS;

    for (int64_t i = 0; k == 0 && i < rows; i++)
        items[i] = (struct va_feed_item){ .picture = i * count / rows };
    return k == 0 ? rows : 0;
}

static int read_pictures(struct va_sheet *s, const struct va_mae *m, struct va_pictures *p)
{
    const struct va_vit_config *c = &s->config.encoder;
    const struct va_feed_batch *b;
    struct va_feed *feed = va_feed_pictures(
        va_vit_intake(va_mae_encoder(m)), s->rows, p,
        &(struct va_feed_order){ .augment = { .scale = { 1, 1 } }, .order = order, .arg = p });
    int got = feed ? va_feed_next(feed, &b) : -1;

    if (got > 0)
        memcpy(s->cut, b->cut,
               (size_t)(s->rows * va_vit_patches(c) * va_vit_patch_size(c)) * sizeof(*s->cut));
    va_feed_free(feed);
    return got > 0 ? 0 : -1;
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

struct va_sheet *va_sheet_new(const struct va_mae *m, struct va_pictures *p, double mask_ratio,
                              bool norm_pix, uint64_t seed)
{
    const struct va_mae_config *c = va_mae_config(m);
    struct va_sheet *s = va_new(1, sizeof(*s));
    int64_t P = va_vit_patches(&c->encoder), S = va_vit_patch_size(&c->encoder);

    if (!s)
        return NULL;
    s->config = *c;
    s->norm_pix = norm_pix;
    s->V = va_mae_visible(P, mask_ratio);
    s->rows = va_pictures_count(p) < VA_SHEET_ROWS ? va_pictures_count(p) : VA_SHEET_ROWS;
    s->cut = va_new(s->rows * P * S, sizeof(*s->cut));
    s->visible = va_new(s->rows * s->V, sizeof(*s->visible));
    s->rank = va_new(s->rows * P, sizeof(*s->rank));
    if (!s->cut || !s->visible || !s->rank || read_pictures(s, m, p) < 0 ||
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
    va_free(s->cut);
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
    float *visible, *target, *pred; /* [V, S], [P, S], [P, S] */
    uint8_t *sheet;
    int64_t width, height;
};

static int work_init(struct work *w, const struct va_sheet *s)
{
    int64_t P = va_vit_patches(&s->config.encoder), S = va_vit_patch_size(&s->config.encoder);
    int64_t cell = s->config.encoder.image + GAP;

    w->width = COLUMNS * cell + GAP;
    w->height = s->rows * cell + GAP;
    w->visible = va_new(s->V * S, sizeof(float));
    w->target = va_new(P * S, sizeof(float));
    w->pred = va_new(P * S, sizeof(float));
    w->sheet = va_new(w->width * w->height, 3);
    if (!w->visible || !w->target || !w->pred || !w->sheet)
        return -1;
    memset(w->sheet, 255, (size_t)(w->width * w->height * 3));
    return 0;
}

static void work_release(struct work *w)
{
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
    const float *all = picture(s, row);
    struct va_mae_batch batch = { 1, visible, s->rank + row * P, w->visible, w->target };

    for (int64_t v = 0; v < s->V; v++)
        memcpy(w->visible + v * S, all + visible[v] * S, (size_t)S * sizeof(float));
    va_mae_target(c, all, s->norm_pix, w->target);
    va_mae_put(m, &batch);
    va_mae_forward(m, 1, NULL);
    va_mae_pred(m, w->pred);
    for (int64_t p = 0; s->norm_pix && p < P; p++)
        va_sheet_denormalise(all + p * S, S, w->pred + p * S);
}

/* Of channel k: from a number as the encoder has it. */
static uint8_t pixel(const struct va_vit_config *c, int64_t k, float number)
{
    double x = (double)number * c->std[k] + c->mean[k];

    return (uint8_t)(!(x > 0) ? 0 : x > 1 ? 255 : x * 255 + .5);
}

/* The three cells of a picture. */
static void paint(const struct va_sheet *s, int64_t row, struct work *w)
{
    const struct va_vit_config *c = &s->config.encoder;
    int64_t size = c->image, p = c->patch, S = va_vit_patch_size(c), cell = size + GAP;
    const int32_t *rank = s->rank + row * va_vit_patches(c);
    const float *from = picture(s, row);

    for (int64_t y = 0; y < size; y++)
        for (int64_t x = 0; x < size; x++)
            for (int64_t k = 0; k < 3; k++) {
                int64_t patch = y / p * (size / p) + x / p, place = y % p * p + x % p;
                uint8_t was = pixel(c, k, from[patch * S + k * p * p + place]);
                float pred = w->pred[patch * S + place * 3 + k];
                bool hidden = rank[patch] >= s->V;
                uint8_t *to = w->sheet + ((row * cell + GAP + y) * w->width + GAP + x) * 3 + k;

                to[0] = was;
                to[3 * cell] = hidden ? HIDDEN : was;
                to[6 * cell] = hidden ? pixel(c, k, pred) : was;
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
