/*
 * Faces without a detector: smaller pictures, looks, tracks, people and their names.
 */
#include "base/va_mem.h"
#include "faces/va_people.h"
#include "media/va_area.h"
#include "test/va_test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The mean over each pixel's area, in double, for any ratio. */
static double mean_of(const uint8_t *p, int64_t W, double x0, double x1, double y0, double y1,
                      int c)
{
    double sum = 0;

    for (int64_t y = (int64_t)y0; (double)y < y1; y++)
        for (int64_t x = (int64_t)x0; (double)x < x1; x++)
            sum += p[(y * W + x) * 3 + c] * (fmin(x1, (double)x + 1) - fmax(x0, (double)x)) *
                   (fmin(y1, (double)y + 1) - fmax(y0, (double)y));
    return sum / ((x1 - x0) * (y1 - y0));
}

static void area(void)
{
    static const int64_t sizes[][4] = { { 12, 8, 4, 4 },   { 15, 9, 10, 6 }, { 31, 17, 30, 17 },
                                        { 101, 7, 13, 3 }, { 5, 5, 1, 1 },   { 6, 6, 6, 6 } };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int64_t W = sizes[i][0], H = sizes[i][1], w = sizes[i][2], h = sizes[i][3];
        uint8_t *src = va_new(W * H * 3, 1), *dst = va_new(w * h * 3, 1);
        struct va_area *a = va_area_new(W, H, w, h);
        double sx = (double)W / (double)w, sy = (double)H / (double)h;

        for (int64_t k = 0; k < W * H * 3; k++)
            src[k] = k % 7 ? (uint8_t)(k * k * 31 % 251) : 255;
        va_area_run(a, src, dst);
        for (int64_t k = 0; k < w * h * 3; k++) {
            double x = (double)(k / 3 % w) * sx, y = (double)(k / 3 / w) * sy;

            VA_CHECK_NEAR(dst[k], mean_of(src, W, x, x + sx, y, y + sy, (int)(k % 3)), 0.501);
        }
        va_area_free(a);
        va_free(src);
        va_free(dst);
    }
}

/* ---- faces that are boxes of one colour ------------------------------------------------------------ */

static struct va_face_template arcface;

static struct va_face face(float x, float y, float size)
{
    struct va_face f = { .score = 1, .box = { x, y, size, size } };

    for (int k = 0; k < VA_YUNET_POINTS; k++) {
        f.points[k][0] = x + (float)arcface.points[k][0] * size;
        f.points[k][1] = y + (float)arcface.points[k][1] * size;
    }
    return f;
}

static void looks(void)
{
    enum { W = 200, H = 100 };
    uint8_t *p = va_new(W * H * 3, 1);
    struct va_face left = face(10, 20, 60), right = face(110, 20, 60), out = face(-20, -20, 60);
    float a[VA_LOOK], b[VA_LOOK];
    double length = 0;

    for (int64_t i = 0; i < W * H; i++) {
        p[3 * i] = i % W < W / 2 ? 200 : 90;
        p[3 * i + 1] = (uint8_t)(60 + i % (W / 2));
        p[3 * i + 2] = i % W < W / 2 ? 90 : 200;
    }
    va_look(p, W, H, &left, &arcface, a);
    for (int i = 0; i < VA_LOOK; i++)
        length += (double)a[i] * a[i];
    VA_CHECK_NEAR(length, 1, 1e-5);
    va_look(p, W, H, &right, &arcface, b);
    VA_CHECK(va_look_distance(a, b) > 0.2); /* another colour */
    left = face(13, 23, 60);
    va_look(p, W, H, &left, &arcface, b);
    VA_CHECK(va_look_distance(a, b) < 0.02); /* the same, nearly the same place */
    va_look(p, W, H, &out, &arcface, b);     /* partly outside */
    VA_CHECK(isfinite(va_look_distance(a, b)));
    va_free(p);
}

/* ---- tracks ------------------------------------------------------------------------------------------ */

static float look_of[2][VA_LOOK]; /* two people, .45 apart */

static void make_looks(void)
{
    for (int i = 0; i < VA_LOOK; i++) {
        look_of[0][i] = (float)(1 / sqrt(VA_LOOK));
        look_of[1][i] = (i % 10 ? 1 : -0.8f) * look_of[0][i];
    }
}

/* One frame, 25 a second, of faces at x[0..n) that look as who[0..n). */
static void frame(struct va_tracks *t, int32_t index, bool cut, int n, const float *x,
                  const int *who, int32_t *tracklets)
{
    struct va_face faces[4];
    float all[4 * VA_LOOK];

    for (int i = 0; i < n; i++) {
        faces[i] = face(x[i], 50, 40);
        memcpy(all + i * VA_LOOK, look_of[who[i]], sizeof(look_of[0]));
    }
    VA_CHECK(va_tracks_add(t, index, index / 25.0, cut, n, faces, all, tracklets) == 0);
}

/* Two who pass each other in one row, one of them hidden for 41 frames. */
static struct va_tracks *crossing(void)
{
    struct va_tracks *t = va_tracks_new(1, false);
    int32_t ids[2];

    for (int32_t i = 0; i < 140; i++) {
        float x[2] = { 10 + 3 * (float)i, 430 - 3 * (float)i };
        static const int who[2] = { 0, 1 };

        frame(t, i + 1, false, i < 50 || i > 90 ? 2 : 1, x, who, ids);
    }
    return t;
}

static void tracks(void)
{
    struct va_tracks *t = va_tracks_new(1, false);
    const struct va_tracklet *all;
    int32_t ids[2] = { 0 };
    int64_t count;
    int who[2] = { 0, 1 };

    frame(t, 1, false, 2, (float[]){ 0, 100 }, who, ids);
    VA_CHECK(ids[0] == 0 && ids[1] == 1);
    for (int32_t i = 2; i < 30; i++) /* in the other order, moving */
        frame(t, i, false, 2, (float[]){ 100 + 5 * (float)i, 5 * (float)i }, who, ids);
    VA_CHECK(ids[0] == 1 && ids[1] == 0);
    frame(t, 40, false, 1, (float[]){ 200 }, who, ids); /* 10 frames later where it was going */
    VA_CHECK(ids[0] == 0);
    frame(t, 70, false, 1, (float[]){ 350 }, who, ids); /* after more than a second */
    VA_CHECK(ids[0] == 2);
    frame(t, 71, true, 1, (float[]){ 350 }, who, ids); /* after a cut */
    VA_CHECK(ids[0] == 3);
    all = va_tracks_all(t, &count);
    VA_CHECK_INT(count, 4);
    VA_CHECK(all[0].first == 1 && all[0].last == 40 && all[0].count == 30);
    va_tracks_free(t);
}

/* A face that overlaps two tracklets, one of them more, is of the one that it looks like. */
static void one_before_the_other(void)
{
    for (int who = 0; who < 2; who++) {
        struct va_tracks *t = va_tracks_new(1, false);
        int32_t ids[2];

        for (int32_t i = 1; i < 10; i++)
            frame(t, i, false, 2, (float[]){ 100, 150 }, (int[]){ 0, 1 }, ids);
        frame(t, 10, false, 1, (float[]){ who ? 122 : 128 }, &who, ids);
        VA_CHECK_INT(ids[0], who);
        va_tracks_free(t);
    }
}

/* The same numbers, with nothing kept. */
static void brief_tracks(void)
{
    struct va_tracks *whole = va_tracks_new(.2, false), *brief = va_tracks_new(.2, true);
    int32_t a[2], b[2];
    int64_t count;
    int who[2] = { 0, 1 };

    for (int32_t i = 1; i < 300; i++) {
        float x[2] = { (float)(i * i % 190), 300 - 2 * (float)(i % 40) };
        bool cut = i % 60 == 0;

        frame(whole, i, cut, 2, x, who, a);
        frame(brief, i, cut, 2, x, who, b);
        VA_CHECK(a[0] == b[0] && a[1] == b[1]);
    }
    va_tracks_all(brief, &count);
    VA_CHECK_INT(count, 0);
    va_tracks_all(whole, &count);
    VA_CHECK(count > 10);
    va_tracks_free(whole);
    va_tracks_free(brief);
}

static void check_names(const struct va_people *p, int64_t count, const char *const *names)
{
    VA_CHECK_INT(p->count, count);
    for (int64_t i = 0; i < count && i < p->count; i++)
        if (strcmp(p->items[i].name, names[i]) != 0) {
            printf("# %s, expected %s\n", p->items[i].name, names[i]);
            va_test_bad = true;
        }
}

static void people(void)
{
    static const struct va_people_options usual = { .join = .25, .min_track = .5 };
    struct va_people_options o = usual;
    struct va_tracks *t = crossing();
    const struct va_tracklet *all;
    struct va_people p;
    int64_t count;
    int32_t ids[1];

    all = va_tracks_all(t, &count);
    VA_CHECK_INT(count, 3); /* who was hidden has two */
    VA_CHECK(va_people_find(&p, all, count, "v", 25, 1000, &usual) == 0);
    check_names(&p, 2, (const char *const[]){ "v_left", "v_right" });
    VA_CHECK(p.of[0] != p.of[1] && p.of[1] == p.of[2]);
    VA_CHECK_INT(p.items[0].count + p.items[1].count, 140 + 99);
    VA_CHECK(p.items[1].first == 1 && p.items[1].last == 140);
    va_people_release(&p);
    o.join = 0;
    VA_CHECK(va_people_find(&p, all, count, "v", 25, 1000, &o) == 0);
    check_names(&p, 3, (const char *const[]){ "v_1", "v_2", "v_3" });
    va_people_release(&p);
    o = usual, o.most = 1;
    VA_CHECK(va_people_find(&p, all, count, "v", 25, 1000, &o) == 0);
    check_names(&p, 1, (const char *const[]){ "v" });
    VA_CHECK(p.of[0] == 1 && p.of[1] == 0 && p.of[2] == 0);
    va_people_release(&p);
    o = usual, o.min_track = 4.5;
    VA_CHECK(va_people_find(&p, all, count, "v", 25, 1000, &o) == 0);
    check_names(&p, 1, (const char *const[]){ "v" });
    va_people_release(&p);
    o.min_track = 60; /* longer than the video: who is in all of its frames stays */
    VA_CHECK(va_people_find(&p, all, count, "v", 25, 140, &o) == 0);
    check_names(&p, 1, (const char *const[]){ "v" });
    va_people_release(&p);
    va_tracks_free(t);

    t = va_tracks_new(1, false); /* one after the other, then the first again */
    for (int32_t i = 1; i <= 60; i++)
        frame(t, i, i % 20 == 1, 1, (float[]){ 9 }, (int[]){ i / 21 == 1 }, ids);
    all = va_tracks_all(t, &count);
    VA_CHECK(va_people_find(&p, all, count, "v", 25, 1000, &usual) == 0);
    check_names(&p, 2, (const char *const[]){ "v_1", "v_2" });
    VA_CHECK(p.of[0] == 1 && p.of[1] == 2 && p.of[2] == 1);
    va_people_release(&p);
    VA_CHECK(va_people_find(&p, all, 0, "v", 25, 1000, &usual) == 0); /* nobody */
    VA_CHECK_INT(p.count, 0);
    va_people_release(&p);
    va_tracks_free(t);
}

static void cuts(void)
{
    enum { W = 33, H = 20 };
    uint8_t *p = va_new(W * H * 3, 1);
    float a[VA_THUMB], b[VA_THUMB];

    memset(p, 100, W * H * 3);
    va_thumbnail(p, W, H, a);
    VA_CHECK_NEAR(va_thumbnail_jump(a, a), 0, 0);
    memset(p, 130, W * H * 3 / 2);
    va_thumbnail(p, W, H, b);
    VA_CHECK_NEAR(va_thumbnail_jump(a, b), 15, 0.5);
    va_thumbnail(p, 1, 1, b);
    VA_CHECK_NEAR(b[VA_THUMB - 1], 130, 1e-3);
    va_free(p);
}

int main(void)
{
    if (va_face_template_read(&arcface, "arcface") < 0)
        return 4;
    make_looks();
    VA_TEST(area);
    VA_TEST(looks);
    VA_TEST(tracks);
    VA_TEST(one_before_the_other);
    VA_TEST(brief_tracks);
    VA_TEST(people);
    VA_TEST(cuts);
    return va_test_finish();
}
