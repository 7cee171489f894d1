/*
 * Crops of faces: the transform against its definition, the sampling against plain doubles.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "media/va_align.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <unistd.h>

static double uniform(uint64_t i)
{
    return va_rand_uniform(7, VA_RAND_TEST, 1, i);
}

/* Where the transform puts a point of the unit square. */
static void place(const struct va_similarity *a, double u, double v, double at[2])
{
    at[0] = a->c * (u - .5) - a->s * (v - .5) + a->x0;
    at[1] = a->s * (u - .5) + a->c * (v - .5) + a->y0;
}

/* Points that are a turned, stretched and shifted template: it comes back. */
static void exact_points(void)
{
    struct va_face_template t;

    VA_CHECK(va_face_template_read(&t, "arcface") == 0);
    for (uint64_t k = 0; k < 20; k++) {
        struct va_similarity was = { 200 * (uniform(4 * k) - .5),
                                     200 * (uniform(4 * k + 1) - .5), 100 * uniform(4 * k + 2),
                                     100 * uniform(4 * k + 3) };
        float points[VA_FACE_POINTS][2];
        struct va_similarity a;

        for (int i = 0; i < VA_FACE_POINTS; i++) {
            double at[2];

            place(&was, t.points[i][0], t.points[i][1], at);
            points[i][0] = (float)at[0];
            points[i][1] = (float)at[1];
        }
        a = va_align((const float(*)[2])points, &t, 0);
        VA_CHECK(fabs(a.c - was.c) < 1e-3 && fabs(a.s - was.s) < 1e-3);
        VA_CHECK(fabs(a.x0 - was.x0) < 1e-3 && fabs(a.y0 - was.y0) < 1e-3);
        a = va_align((const float(*)[2])points, &t,
                     .25); /* the same middle, half as much again */
        VA_CHECK(fabs(a.c - 1.5 * was.c) < 1e-3 && fabs(a.x0 - was.x0) < 1e-3);
    }
}

static double distance(const struct va_similarity *a, const float points[VA_FACE_POINTS][2],
                       const struct va_face_template *t)
{
    double sum = 0;

    for (int i = 0; i < VA_FACE_POINTS; i++) {
        double at[2];

        place(a, t->points[i][0], t->points[i][1], at);
        sum += pow(at[0] - (double)points[i][0], 2) + pow(at[1] - (double)points[i][1], 2);
    }
    return sum;
}

/* Points that fit no similarity: no small change of the transform is better. */
static void least_squares(void)
{
    struct va_face_template t;
    float points[VA_FACE_POINTS][2];
    struct va_similarity best;
    double least;

    VA_CHECK(va_face_template_read(&t, "arcface") == 0);
    for (int i = 0; i < VA_FACE_POINTS; i++)
        for (int d = 0; d < 2; d++)
            points[i][d] = (float)(100 * t.points[i][d] + 20 * uniform((uint64_t)(2 * i + d)));
    best = va_align((const float(*)[2])points, &t, 0);
    least = distance(&best, (const float(*)[2])points, &t);
    for (int k = 0; k < 8; k++) {
        struct va_similarity other = best;
        double step = k & 1 ? .1 : -.1;

        switch (k / 2) {
        case 0: other.c += step; break;
        case 1: other.s += step; break;
        case 2: other.x0 += step; break;
        default: other.y0 += step;
        }
        VA_CHECK(distance(&other, (const float(*)[2])points, &t) > least);
    }
}

static void points_in_one_place(void)
{
    struct va_face_template t;
    const float points[VA_FACE_POINTS][2] = {
        { 3, 4 }, { 3, 4 }, { 3, 4 }, { 3, 4 }, { 3, 4 }
    };
    struct va_similarity a;

    VA_CHECK(va_face_template_read(&t, "arcface") == 0);
    a = va_align(points, &t, 0);
    VA_CHECK(a.c == 0 && a.s == 0 && fabs(a.x0 - 3) < 1e-6 && fabs(a.y0 - 4) < 1e-6);
}

/* ---- sampling --------------------------------------------------------------------------- */

enum { W = 37, H = 23 };

static uint8_t *noise(void)
{
    uint8_t *p = va_new((int64_t)W * H * 3, 1);

    for (uint64_t i = 0; p && i < W * H * 3; i++)
        p[i] = (uint8_t)(256 * uniform(i));
    return p;
}

static double level(const uint8_t *p, int64_t col, int64_t row, int channel)
{
    return col < 0 || row < 0 || col >= W || row >= H
               ? 0
               : (double)p[3 * (row * W + col) + channel];
}

static double bilinear(const uint8_t *p, double x, double y, int channel)
{
    int64_t col = (int64_t)floor(x - .5), row = (int64_t)floor(y - .5);
    double fx = x - .5 - (double)col, fy = y - .5 - (double)row;

    return (1 - fy) *
               ((1 - fx) * level(p, col, row, channel) + fx * level(p, col + 1, row, channel)) +
           fy * ((1 - fx) * level(p, col, row + 1, channel) +
                 fx * level(p, col + 1, row + 1, channel));
}

/* Points in float32 that mean a scale of 1: pixels are those of the picture, whichever way the scale was
 * rounded, but for a level where a position was. */
static void own_scale_by_points(void)
{
    enum { SIDE = 16 };
    uint8_t *p = noise(), crop[3 * SIDE * SIDE];
    struct va_face_template t;
    int off = 0;

    if (!p)
        abort();
    VA_CHECK(va_face_template_read(&t, "arcface") == 0);
    for (int x = 0; x < W - SIDE; x++) {
        float points[VA_FACE_POINTS][2];
        struct va_similarity a;

        for (int i = 0; i < VA_FACE_POINTS; i++) {
            points[i][0] = (float)(SIDE * t.points[i][0] + x);
            points[i][1] = (float)(SIDE * t.points[i][1] + 3);
        }
        a = va_align((const float(*)[2])points, &t, 0);
        va_align_crop(p, W, H, &a, SIDE, crop);
        for (int i = 0; i < SIDE * SIDE * 3; i++) {
            int d = crop[i] - p[3 * ((i / 3 / SIDE + 3) * W + x + i / 3 % SIDE) + i % 3];

            off = abs(d) > off ? abs(d) : off;
        }
    }
    VA_CHECK(off <= 2);
    va_free(p);
}

/* The whole picture at its own size is the picture. */
static void identity(void)
{
    const struct va_similarity whole = { W, 0, W / 2., W / 2. };
    uint8_t *p = noise(), *crop = va_new((int64_t)W * W * 3, 1);

    if (!p || !crop)
        abort();
    va_align_crop(p, W, H, &whole, W, crop);
    VA_CHECK(memcmp(p, crop, (size_t)W * H * 3) == 0);
    for (int i = W * H * 3; i < W * W * 3; i++)
        VA_CHECK(crop[i] == 0); /* below the picture */
    va_free(p);
    va_free(crop);
}

/* Turned, enlarged and reduced: within a level of plain doubles. */
static void against_doubles(void)
{
    static const struct va_similarity some[] = { { 20, 5, 15, 12 },    { -9, 14, 18, 3 },
                                                 { 60, -31, 18, 11 },  { 900, 200, 20, 10 },
                                                 { .5, .25, 4.25, 7 }, { 0, 0, 3, 4 } };
    enum { SIZE = 13 };
    uint8_t *p = noise(), crop[SIZE * SIZE * 3];

    for (size_t k = 0; k < sizeof(some) / sizeof(*some); k++) {
        const struct va_similarity *a = &some[k];
        int n = (int)fmin(64, fmax(1, ceil(hypot(a->c, a->s) / SIZE)));

        va_align_crop(p, W, H, a, SIZE, crop);
        for (int at = 0; at < SIZE * SIZE; at++)
            for (int channel = 0; channel < 3; channel++) {
                double mean = 0;

                for (int j = 0; j < n * n; j++) {
                    double x[2];

                    place(a, (at % SIZE + (j % n + .5) / n) / SIZE,
                          (at / SIZE + (j / n + .5) / n) / SIZE, x);
                    mean += bilinear(p, x[0], x[1], channel) / (n * n);
                }
                VA_CHECK(fabs(mean - crop[3 * at + channel]) < 1.5);
            }
    }
    va_free(p);
}

/* Places that no picture has: black, and no address outside it is read. */
static void far_away(void)
{
    static const struct va_similarity far[] = {
        { 10, 0, 1e9, 5 }, { 10, 0, -1e300, 5 }, { 1e12, 0, 0, 0 }, { 10, 0, 5, 1e300 }
    };
    uint8_t *p = noise(), crop[4 * 4 * 3];

    for (size_t k = 0; k < sizeof(far) / sizeof(*far); k++) {
        memset(crop, 9, sizeof(crop));
        va_align_crop(p, W, H, &far[k], 4, crop);
        VA_CHECK(crop[0] == 0);
    }
    va_free(p);
}

/* ---- templates -------------------------------------------------------------------------- */

/* What reading a template of this text says, or "" where it is read. */
static const char *reads(struct va_face_template *t, const char *text)
{
    static char line[512];
    char path[] = "/tmp/va-align-XXXXXX";
    int fd = mkstemp(path), status;

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
    line[0] = 0;
    va_error_catch_begin(line, sizeof(line));
    status = va_face_template_read(t, path);
    va_error_catch_end();
    unlink(path);
    VA_CHECK((status < 0) == (line[0] != 0));
    return line[0] ? strstr(line, ": ") + 2 : "";
}

static void templates_from_files(void)
{
    static const char format[] = "expected \"x y\", in units of the crop (0 to 1)";
    struct va_face_template t;

    VA_CHECK(!*reads(&t, ".3 .4\n.7 .4\n.5 .6\n.35 .8\n.65 .8\n"));
    VA_CHECK(t.points[2][1] == .6 && t.points[4][0] == .65);
    VA_CHECK(strstr(reads(&t, ".3 .4\n.7 .4\n.5 .6\n.35 .8\n"), "line 5: found the end"));
    VA_CHECK(strstr(reads(&t, ".3 .4\n.7\n.5 .6\n.35 .8\n.65 .8\n"), format));
    VA_CHECK(strstr(reads(&t, ".3 .4\n.7 nan\n.5 .6\n.35 .8\n.65 .8\n"), format));
    VA_CHECK(strstr(reads(&t, "30 40\n70 40\n50 60\n35 80\n65 80\n"), format));
}

int main(void)
{
    VA_TEST(exact_points);
    VA_TEST(least_squares);
    VA_TEST(points_in_one_place);
    VA_TEST(identity);
    VA_TEST(own_scale_by_points);
    VA_TEST(against_doubles);
    VA_TEST(far_away);
    VA_TEST(templates_from_files);
    return va_test_finish();
}
