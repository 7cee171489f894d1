/*
 * Predictions in both layouts: what is written is read again, whatever each video has.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_predictions.h"
#include "test/va_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { T = 3000 }; /* more than are filled at a time */

static float va[2 * T], other[2 * T], confidence[T];
static double pts[T];
static uint8_t face[T];

static void make_values(void)
{
    for (int t = 0; t < T; t++) {
        va[2 * t] = (float)t / T;
        va[2 * t + 1] = -va[2 * t];
        other[2 * t] = other[2 * t + 1] = (float)(t % 7) / 8;
        confidence[t] = (float)(t % 9) / 9;
        pts[t] = t / 25.;
        face[t] = t % 5 != 0;
    }
}

/* Not in the order of their names; every column is missing somewhere, also before its first video. */
static const struct va_frame_values videos[] = {
    { .name = "m", .T = 5, .va = va },
    { .name = "z", .T = T, .va = va + 6, .pts = pts, .lower = other, .upper = va },
    { .name = "b", .T = 0, .va = va, .face = face },
    { .name = "a", .T = 7, .va = other, .confidence = confidence, .spread = other + 4 },
    { .name = "n", .T = T, .va = other, .pts = pts, .face = face, .confidence = confidence },
};

static int write_videos(const char *path, enum va_predictions_layout layout, int64_t said)
{
    struct va_predictions_out *out = va_predictions_create(path, (const char *const[]){ "M" },
                                                           1, layout, said);
    int status = out ? va_predictions_put_level(out, 90) : -1;

    for (size_t i = 0; status == 0 && i < VA_COUNT(videos); i++) {
        const struct va_frame_values *v = &videos[i];

        if (strcmp(v->name, "n") != 0) {
            status = va_predictions_put(out, v);
            continue;
        }
        status = va_predictions_begin(out, v->name, v->T, true, true); /* in two parts */
        for (int64_t t = 0; status == 0 && t < v->T; t += T / 2)
            status = va_predictions_append(
                out,
                &(struct va_frame_values){ v->name, T / 2, v->va + 2 * t, v->pts + t,
                                           v->face + t, v->confidence + t, NULL, NULL, NULL });
        if (status == 0)
            status = va_predictions_end(out);
    }
    if (status == 0)
        status = va_predictions_commit(&out);
    va_predictions_abort(out);
    return status;
}

static bool same(const void *found, const void *written, int64_t n, size_t size)
{
    if (!found || !written)
        return !found && !written;
    return !memcmp(found, written, (size_t)n * size);
}

static void check_videos(const char *path)
{
    struct va_predictions_in *in = va_predictions_open(path);
    struct va_predicted v;

    VA_CHECK(in && in->count == VA_COUNT(videos) && !strcmp(in->names[0], "a") &&
             !strcmp(in->names[4], "z"));
    VA_CHECK(in && va_predictions_has(in, "m") && !va_predictions_has(in, "c"));
    for (size_t i = 0; in && i < VA_COUNT(videos); i++) {
        const struct va_frame_values *w = &videos[i];

        VA_CHECK_INT(va_predictions_read(in, w->name, &v), 0);
        VA_CHECK_INT(v.frames, w->T);
        for (int64_t t = 0; t < 2 * v.frames; t++)
            VA_CHECK(v.va[t] == (double)w->va[t]);
        VA_CHECK(same(v.pts, w->pts, w->T, sizeof(*v.pts)));
        VA_CHECK(same(v.face, w->face, w->T, sizeof(*v.face)));
        VA_CHECK(same(v.confidence, w->confidence, w->T, sizeof(*v.confidence)));
        VA_CHECK(same(v.spread, w->spread, 2 * w->T, sizeof(*v.spread)));
        VA_CHECK(same(v.lower, w->lower, 2 * w->T, sizeof(*v.lower)));
        VA_CHECK(same(v.upper, w->upper, 2 * w->T, sizeof(*v.upper)));
        va_predicted_release(&v);
    }
    va_predictions_close(in);
    VA_CHECK_INT(va_predictions_check(path), 0);
}

static bool is_of(const char *path, const char *schema)
{
    struct va_h5_in *in = va_h5_open(path, schema);
    bool is = in && va_h5_check_values(in) == 0 && !strcmp(va_h5_id(in), va_h5_compute_id(in));

    va_h5_close(in);
    return is;
}

static void either_layout_gives_what_was_written(void)
{
    make_values();
    VA_CHECK_INT(write_videos("groups.h5", VA_PREDICTIONS_LAYOUT_GROUPS, 5000), 0);
    VA_CHECK_INT(write_videos("flat.h5", VA_PREDICTIONS_LAYOUT_FLAT, 5), 0);
    VA_CHECK(is_of("groups.h5", "va.predictions/1"));
    VA_CHECK(is_of("flat.h5", "va.predictions/2"));
    VA_CHECK(is_of("flat.h5", "va.predictions"));
    check_videos("groups.h5");
    check_videos("flat.h5");
}

static void many_videos_are_flat(void)
{
    VA_CHECK_INT(write_videos("few.h5", VA_PREDICTIONS_LAYOUT_AUTO, 1000), 0);
    VA_CHECK(is_of("few.h5", "va.predictions/1"));
    VA_CHECK_INT(write_videos("more.h5", VA_PREDICTIONS_LAYOUT_AUTO, 1001), 0);
    VA_CHECK(is_of("more.h5", "va.predictions/2"));
}

/* Rows from memory and from the file. */
static void rows_of_either_set(void)
{
    static double x[2 * T], y[2 * T];
    static float lower[2 * T], upper[2 * T];

    for (int flat = 0; flat < 2; flat++) {
        struct va_predictions held = { 0 }, there = { .in_files = true };
        const char *path = flat ? "flat.h5" : "groups.h5";

        VA_CHECK_INT(va_predictions_add(&held, path), 0);
        VA_CHECK_INT(va_predictions_add(&there, path), 0);
        VA_CHECK_INT(there.count, held.count);
        for (int64_t i = 0; i < held.count; i++) {
            const struct va_prediction *a = &held.items[i], *b = &there.items[i];
            const int64_t first = a->frames > 9 ? 9 : 0, n = a->frames - first;

            VA_CHECK(!strcmp(a->name, b->name) && a->frames == b->frames && a->fps == b->fps &&
                     a->level == b->level);
            VA_CHECK_INT(va_prediction_rows(a, first, n, x, lower, upper), 0);
            VA_CHECK_INT(va_prediction_rows(b, first, n, y, lower, upper), 0);
            VA_CHECK(!memcmp(x, y, 2 * (size_t)n * sizeof(*x)));
            VA_CHECK(!(a->level > 0) ||
                     !memcmp(lower, a->lower + 2 * first, 2 * (size_t)n * sizeof(*lower)));
        }
        va_predictions_release(&held);
        va_predictions_release(&there);
    }
}

/* A file without a video is refused where it is read. */
static void no_video_at_all(void)
{
    struct va_predictions_out *out = va_predictions_create(
        "none.h5", (const char *const[]){ "M" }, 1, VA_PREDICTIONS_LAYOUT_FLAT, 0);

    VA_CHECK(out && va_predictions_commit(&out) == 0);
    VA_CHECK(access("none.h5", F_OK) == 0);
    VA_CHECK(!va_predictions_open("none.h5"));
}

int main(void)
{
    char folder[] = "/tmp/va-predictions-XXXXXX", command[64];

    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    VA_TEST(either_layout_gives_what_was_written);
    VA_TEST(many_videos_are_flat);
    VA_TEST(rows_of_either_set);
    VA_TEST(no_video_at_all);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    VA_CHECK(system(command) == 0);
    return va_test_finish();
}
