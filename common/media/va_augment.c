#include "media/va_augment.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "media/va_resize.h"
#include <math.h>
#include <string.h>

enum { TRIES = 10 }; /* of a crop */
enum { BRIGHTNESS, CONTRAST, SATURATION, HUE };

static const double ratios[2] = { 3.0 / 4, 4.0 / 3 }; /* width to height of a crop */

#define AT(field) .offset = offsetof(struct va_augment_options, field)
static const struct va_setting items[] = {
    { .option = VA_OPT_GROUP("augmentation of training pictures") },
    { VA_OPT_REAL(0, "crop", NULL, 1e-3, 1,
                  "smallest share of a picture's area that a random crop keeps; 1: no crop"),
      AT(scale[0]) },
    { VA_OPT_REAL(0, "flip", NULL, 0, 1, "probability that a picture is mirrored"), AT(flip) },
    { VA_OPT_REAL(0, "brightness", NULL, 0, 10,
                  "multiply brightness by a random factor from 1 - X to 1 + X"),
      AT(brightness) },
    { VA_OPT_REAL(0, "contrast", NULL, 0, 10,
                  "multiply contrast by a random factor from 1 - X to 1 + X"),
      AT(contrast) },
    { VA_OPT_REAL(0, "saturation", NULL, 0, 10,
                  "multiply saturation by a random factor from 1 - X to 1 + X"),
      AT(saturation) },
    { VA_OPT_REAL(0, "hue", NULL, 0, .5,
                  "rotate hue by a random part of the colour circle, from -X to X"),
      AT(hue) },
};
#undef AT
const struct va_settings va_augment_settings = { items, VA_COUNT(items) };

/* Random numbers of one picture in one epoch. */
struct stream {
    uint64_t seed, epoch, next;
};

static double uniform(struct stream *s, double from, double to)
{
    return from + (to - from) * va_rand_uniform(s->seed, VA_RAND_AUGMENT, s->epoch, s->next++);
}

static int64_t below(struct stream *s, int64_t n) /* [0, n) */
{
    return (int64_t)floor(uniform(s, 0, (double)n));
}

static void choose_crop(const struct va_augment_options *o, struct stream *s, int64_t width,
                        int64_t height, struct va_augment_choice *c)
{
    double own = (double)width / (double)height;

    c->x = c->y = 0;
    c->width = width;
    c->height = height;
    if (o->scale[0] >= 1)
        return;
    for (int i = 0; i < TRIES; i++) {
        double area = (double)(width * height) * uniform(s, o->scale[0], o->scale[1]);
        double ratio = exp(uniform(s, log(ratios[0]), log(ratios[1])));
        int64_t w = llround(sqrt(area * ratio)), h = llround(sqrt(area / ratio));

        if (w < 1 || h < 1 || w > width || h > height)
            continue;
        c->y = below(s, height - h + 1);
        c->x = below(s, width - w + 1);
        c->width = w;
        c->height = h;
        return;
    }
    if (own < ratios[0])
        c->height = llround((double)width / ratios[0]);
    else if (own > ratios[1])
        c->width = llround((double)height * ratios[1]);
    c->x = (width - c->width) / 2;
    c->y = (height - c->height) / 2;
}

void va_augment_choose(const struct va_augment_options *o, uint64_t seed, uint64_t epoch,
                       uint64_t picture, int64_t width, int64_t height,
                       struct va_augment_choice *c)
{
    struct stream s = { seed, epoch, picture << 8 }; /* fewer than 256 numbers a picture */
    const double spread[] = { o->brightness, o->contrast, o->saturation, o->hue };

    choose_crop(o, &s, width, height, c);
    c->flip = uniform(&s, 0, 1) < o->flip;
    for (int i = 0; i < 4; i++) {
        c->order[i] = i;
        c->factor[i] = i == HUE ? uniform(&s, -spread[i], spread[i])
                                : uniform(&s, fmax(0, 1 - spread[i]), 1 + spread[i]);
    }
    for (int i = 3; i > 0; i--) {
        int j = (int)below(&s, i + 1), k = c->order[i];

        c->order[i] = c->order[j];
        c->order[j] = k;
    }
}

/* ---- colours, as Pillow's ImageEnhance --------------------------------------------------- */

/* ITU-R 601 in 16 bits. */
static int grey(const uint8_t *p)
{
    return (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16;
}

/* from + factor (to - from), cut off towards zero and at 0 and 255. */
static uint8_t blend(int from, int to, float factor)
{
    float v = (float)from + factor * (float)(to - from);

    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

static void adjust(uint8_t *p, int64_t pixels, int what, double factor)
{
    int level = 0;

    if (what == CONTRAST) {
        int64_t sum = 0;

        for (int64_t i = 0; i < pixels; i++)
            sum += grey(p + 3 * i);
        level = (int)((double)sum / (double)pixels + .5);
    }
    for (int64_t i = 0; i < pixels; i++, p += 3) {
        int from = what == SATURATION ? grey(p) : level;

        for (int c = 0; c < 3; c++)
            p[c] = blend(from, p[c], (float)factor);
    }
}

/* Turn the colour circle: value and saturation stay. */
static void turn_hue(uint8_t *p, int64_t pixels, double turns)
{
    for (int64_t i = 0; i < pixels; i++, p += 3) {
        double r = p[0], g = p[1], b = p[2];
        double high = fmax(r, fmax(g, b)), low = fmin(r, fmin(g, b)), chroma = high - low;
        double h;

        if (chroma == 0)
            continue;
        h = high == r   ? (g - b) / chroma
            : high == g ? 2 + (b - r) / chroma
                        : 4 + (r - g) / chroma;
        h = h / 6 + turns;
        h = 6 * (h - floor(h));
        for (int c = 0; c < 3; c++) { /* distance from the channel's own third of the circle */
            double d = fabs(h - 2 * c);

            d = fmin(d, 6 - d);
            p[c] = (uint8_t)lrint(low + chroma * fmin(1, fmax(0, 2 - d)));
        }
    }
}

/* ---- the work ---------------------------------------------------------------------------- */

struct va_augmenter {
    int64_t size;
    uint8_t *crop; /* [room, 3] */
    int64_t room;
    struct va_resize *resize; /* from the size below; whole pictures often have the same */
    int64_t width, height;
};

struct va_augmenter *va_augmenter_new(int64_t size)
{
    struct va_augmenter *a = va_new(1, sizeof(*a));

    if (a)
        a->size = size;
    return a;
}

void va_augmenter_free(struct va_augmenter *a)
{
    if (!a)
        return;
    va_resize_free(a->resize);
    va_free(a->crop);
    va_free(a);
}

static void mirror(uint8_t *p, int64_t size)
{
    for (int64_t y = 0; y < size; y++, p += 3 * size)
        for (int64_t x = 0; x < size / 2; x++) {
            uint8_t *a = p + 3 * x, *b = p + 3 * (size - 1 - x), t[3];

            memcpy(t, a, 3);
            memcpy(a, b, 3);
            memcpy(b, t, 3);
        }
}

/* Ready to resize from this size. -1 after reporting. */
static int prepare(struct va_augmenter *a, int64_t width, int64_t height)
{
    if (a->resize && a->width == width && a->height == height)
        return 0;
    va_resize_free(a->resize);
    a->resize = va_resize_new(width, height, a->size, a->size);
    a->width = width;
    a->height = height;
    return a->resize ? 0 : -1;
}

int va_augmenter_run(struct va_augmenter *a, const struct va_augment_choice *c,
                     const uint8_t *src, int64_t width, int64_t height, uint8_t *dst)
{
    const int64_t pixels = a->size * a->size;

    if (c->width != width || c->height != height) {
        if (va_grow(&a->crop, &a->room, c->width * c->height, 3) < 0)
            return -1;
        for (int64_t y = 0; y < c->height; y++)
            memcpy(a->crop + 3 * y * c->width, src + 3 * ((c->y + y) * width + c->x),
                   (size_t)(3 * c->width));
        src = a->crop;
    }
    if (prepare(a, c->width, c->height) < 0)
        return -1;
    va_resize_run(a->resize, src, dst);
    if (c->flip)
        mirror(dst, a->size);
    for (int i = 0; i < 4; i++) {
        int what = c->order[i];

        if (what == HUE && c->factor[HUE] != 0)
            turn_hue(dst, pixels, c->factor[HUE]);
        else if (what != HUE && c->factor[what] != 1)
            adjust(dst, pixels, what, c->factor[what]);
    }
    return 0;
}
