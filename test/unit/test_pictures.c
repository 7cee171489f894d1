/*
 * Collections of pictures: what is found where, broken ones, batches that no number of threads
 * changes, and a permutation that is nowhere in memory.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "data/va_frames_write.h"
#include "feed/va_feed.h"
#include "feed/va_pictures.h"
#include "media/va_encode.h"
#include "media/va_resize.h"
#include "model/va_vit.h"
#include "ref/va_ref_ops.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/va-test-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
    return p;
}

/* A picture that tells which one it is. */
static void paint(uint8_t *rgb, int64_t width, int64_t height, int tag)
{
    for (int64_t i = 0; i < width * height; i++) {
        rgb[3 * i] = (uint8_t)tag;
        rgb[3 * i + 1] = (uint8_t)(255 * (i % width) / width);
        rgb[3 * i + 2] = (uint8_t)(255 * (i / width) / height);
    }
}

static void put_png(const char *name, int64_t width, int64_t height, int tag)
{
    static uint8_t rgb[64 * 64 * 3];

    paint(rgb, width, height, tag);
    va_input_forget(in_folder(name));
    VA_CHECK_INT(va_png_write(in_folder(name), rgb, width, height), 0);
}

static void put_frames(const char *name, int64_t count, int first_tag)
{
    static uint8_t rgb[64 * 64 * 3];
    struct va_frames_writer w;

    VA_CHECK_INT(va_frames_create(&w, in_folder(name), 0), 0);
    for (int64_t i = 0; i < count; i++) {
        paint(rgb, 24, 16, first_tag + (int)i);
        VA_CHECK_INT(va_frames_append(&w, rgb, 16, 24, (int32_t)(2 * i + 1), 0.1 * (double)i),
                     0);
    }
    VA_CHECK_INT(va_frames_commit(&w, "clip", 10, 2 * count), 0);
    va_frames_abort(&w);
}

static void put_video(const char *name, int64_t count)
{
    static uint8_t rgb[64 * 64 * 3];
    struct va_encoder *e = va_encoder_open(in_folder(name), 64, 32, 25, 95);

    VA_CHECK(e != NULL);
    for (int64_t i = 0; e && i < count; i++) {
        memset(rgb, (int)(20 * i), sizeof(rgb));
        VA_CHECK_INT(va_encoder_frame(e, rgb, i), 0);
    }
    VA_CHECK_INT(va_encoder_close(&e), 0);
}

static void put_bytes(const char *name, const char *bytes)
{
    FILE *f = fopen(in_folder(name), "w");

    fputs(bytes, f);
    fclose(f);
}

static void make_inputs(void)
{
    static const char *const folders[] = { "faces", "faces/b", "faces/a", "faces/empty",
                                           "bad" };

    for (size_t i = 0; i < VA_COUNT(folders); i++)
        mkdir(in_folder(folders[i]), 0777);
    put_png("faces/b/00002.png", 20, 30, 10);
    put_png("faces/b/00005.PNG", 30, 20, 11);
    put_png("faces/b/note.png", 8, 8, 12);
    put_png("faces/a/1.png", 16, 16, 13);
    put_bytes("faces/a/list.txt", "no picture\n");
    put_png("bad/1.png", 16, 16, 20);
    put_bytes("bad/2.jpg", "\xff\xd8 this is not a picture");
    put_png("bad/3.png", 16, 16, 22);
    put_frames("clip.h5", 5, 30);
    put_video("film.mp4", 10);
}

static struct va_pictures *open_with(const struct va_pictures_options *o, const char *a,
                                     const char *b, const char *c)
{
    char *inputs[] = { (char *)a, (char *)b, (char *)c };

    return va_pictures_open(inputs, 1 + !!b + !!c, o);
}

static int tag_of(struct va_picture_reader *r, int64_t i)
{
    struct va_frame f;

    return va_picture_read(r, i, &f) < 0 ? -1 : f.pixels[0];
}

static void all_are_found(void)
{
    const struct va_pictures_options o = { .cache = in_folder("cache"), .side = 16 };
    static const int tags[] = { 13, 10, 11, 12, 30, 31, 32, 33, 34 };
    static const int numbers[] = { 1, 2, 5, 0, 1, 3, 5, 7, 9 };
    char *cache = va_strdup(o.cache);
    struct va_pictures_options kept = o;
    struct va_pictures *p;
    struct va_picture_reader *r;
    struct va_frame f;

    kept.cache = cache;
    p = open_with(&kept, in_folder("faces/"), in_folder("clip.h5"), in_folder("film.mp4"));
    VA_CHECK(p != NULL);
    if (!p)
        return;
    r = va_picture_reader_new(p);
    VA_CHECK_INT(va_pictures_count(p), 19);
    VA_CHECK_INT(va_pictures_videos(p), 4);
    VA_CHECK(!strcmp(va_pictures_video(p, 0)->name, "a"));
    VA_CHECK(!strcmp(va_pictures_video(p, 2)->name, "clip"));
    VA_CHECK(!strcmp(va_pictures_video(p, 3)->name, "film"));
    for (int64_t i = 0; i < (int64_t)VA_COUNT(tags); i++) {
        VA_CHECK_INT(tag_of(r, i), tags[i]);
        VA_CHECK_INT(va_pictures_at(p, i)->number, numbers[i]);
    }
    VA_CHECK_INT(va_picture_read(r, 1, &f), 0); /* each has its own size */
    VA_CHECK(f.width == 20 && f.height == 30);
    VA_CHECK_INT(va_picture_read(r, 2, &f), 0);
    VA_CHECK(f.width == 30 && f.height == 20);
    VA_CHECK_INT(va_picture_read(r, 15, &f), 0);
    VA_CHECK(f.width == 32 && f.height == 16); /* cached with the shorter side of 16 */
    VA_CHECK(abs(f.pixels[0] - 120) < 6);
    va_picture_reader_free(r);
    va_pictures_free(p);
    va_free(cache);
}

static void every_other(void)
{
    const struct va_pictures_options o = { .every = 4,
                                           .cache = in_folder("cache"),
                                           .side = 16 };
    struct va_pictures_options kept = o;
    struct va_pictures *p;
    char *cache = va_strdup(o.cache);

    kept.cache = cache;
    p = open_with(&kept, in_folder("clip.h5"), in_folder("film.mp4"), NULL);
    VA_CHECK(p && va_pictures_count(p) == 3 + 3); /* 1, 5, 9 of each */
    for (int64_t i = 0; p && i < va_pictures_count(p); i++)
        VA_CHECK_INT((va_pictures_at(p, i)->number - 1) % 4, 0);
    va_pictures_free(p);
    va_free(cache);
}

static void refused(const struct va_pictures_options *o, const char *input,
                    const char *expected)
{
    char line[512] = "";
    struct va_pictures *p;
    struct va_frame f;

    va_error_catch_begin(line, sizeof(line));
    p = open_with(o, input, NULL, NULL);
    for (int64_t i = 0; p && i < va_pictures_count(p); i++) {
        struct va_picture_reader *r = va_picture_reader_new(p);
        int status = va_picture_read(r, i, &f);

        va_picture_reader_free(r);
        if (status < 0)
            break;
    }
    va_error_catch_end();
    va_pictures_free(p);
    if (!strstr(line, expected)) {
        printf("# %s: \"%s\", expected \"%s\"\n", input, line, expected);
        va_test_bad = true;
    }
}

static void what_is_refused(void)
{
    const struct va_pictures_options o = { 0 };

    put_bytes("not.h5", "hello");
    put_bytes("not.mp4", "hello");
    refused(&o, in_folder("faces/empty"), "faces/empty: found no picture");
    refused(&o, in_folder("film.mp4"), "film.mp4: found a video, expected frames or a folder");
    refused(&o, in_folder("not.h5"), "not.h5: ");
    refused(&o, in_folder("nothing"), "nothing: found a video");
    refused(&o, in_folder("bad"), "bad/2.jpg: broken image: ");
}

static void broken_ones_are_replaced(void)
{
    const struct va_pictures_options o = { .tolerate = 1 };
    struct va_pictures *p = open_with(&o, in_folder("bad"), NULL, NULL);
    struct va_picture_reader *r = p ? va_picture_reader_new(p) : NULL;
    struct va_frame f;
    char line[512];

    VA_CHECK(r != NULL);
    VA_CHECK_INT(va_pictures_count(p), 3);
    VA_CHECK_INT(tag_of(r, 0), 20);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(tag_of(r, 1), 22); /* the one after it */
    VA_CHECK_INT(tag_of(r, 1), 22);
    put_bytes("bad/3.png", "nothing");
    VA_CHECK_INT(va_picture_read(r, 0, &f), 0);
    VA_CHECK_INT(va_picture_read(r, 1, &f), -1); /* another one */
    va_error_catch_end();
    VA_CHECK(strstr(line, "found 2 broken, expected at most 1") != NULL);
    unlink(in_folder("bad/3.png")); /* it is no picture that a writer would replace */
    put_png("bad/3.png", 16, 16, 22);
    va_picture_reader_free(r);
    va_pictures_free(p);
}

/* ---- batches ---------------------------------------------------------------------------- */

enum { COUNT = 9, BATCH = 4, BATCHES = 7 };

static int64_t shuffled(const void *arg, int64_t k, struct va_feed_item *items)
{
    (void)arg;
    if (k >= BATCHES)
        return 0;
    for (int64_t i = 0; i < BATCH; i++) {
        uint64_t at = (uint64_t)(k * BATCH + i), epoch = at / COUNT;

        items[i].epoch = epoch;
        items[i].picture = (int64_t)va_rand_permute(3, VA_RAND_SHUFFLE, epoch, at % COUNT,
                                                    COUNT);
    }
    return BATCH;
}

/* An encoder for pictures of this size, of which only the cutting counts. */
static struct va_vit *encoder(struct va_backend *be, int64_t size)
{
    const struct va_vit_config c = { .image = size,
                                     .patch = 4,
                                     .width = 4,
                                     .depth = 1,
                                     .heads = 1,
                                     .mlp = 4,
                                     .std = { 1, 1, 1 } };
    struct va_vit *vit = va_vit_new(be, &c, VA_VIT_INIT_MAE);

    if (!vit)
        abort();
    return vit;
}

static void batches_do_not_depend_on_threads(void)
{
    const struct va_pictures_options o = { 0 };
    struct va_pictures *p = open_with(&o, in_folder("faces"), in_folder("clip.h5"), NULL);
    enum { SIZE = 12, NUMBERS = BATCH * SIZE * SIZE * 3 };
    static float first[BATCHES][NUMBERS];
    struct va_backend *be = va_ref_backend_new();
    struct va_vit *vit = encoder(be, SIZE);
    int64_t seen[COUNT] = { 0 };

    VA_CHECK(p && va_pictures_count(p) == COUNT);
    for (int threads = 1; p && threads <= 5; threads += 2) {
        const struct va_feed_order fo = {
            .threads = threads,
            .augment = { .scale = { .3, 1 }, .flip = .5, .brightness = .4, .hue = .1 },
            .seed = 11,
            .first = threads == 5 ? 3 : 0, /* as after a resume */
            .order = shuffled,
        };
        struct va_feed *f = va_feed_pictures(va_vit_intake(vit), BATCH, p, &fo);
        const struct va_feed_batch *b = NULL;
        int64_t k = fo.first;

        VA_CHECK(f != NULL);
        while (f && va_feed_next(f, &b) > 0) {
            VA_CHECK_INT(b->k, k);
            VA_CHECK_INT(b->count, BATCH);
            if (threads == 1)
                memcpy(first[k], b->cut, sizeof(first[k]));
            for (int64_t i = 0; threads == 1 && i < BATCH; i++)
                seen[b->items[i].picture] += b->items[i].epoch == 0;
            VA_CHECK(!memcmp(first[k], b->cut, sizeof(first[k])));
            k++;
        }
        VA_CHECK_INT(k, BATCHES);
        va_feed_free(f);
    }
    for (int64_t i = 0; i < COUNT; i++)
        VA_CHECK_INT(seen[i], 1);
    va_pictures_free(p);
    va_vit_free(vit);
    va_backend_free(be);
}

static void a_feed_may_be_left_early(void)
{
    const struct va_pictures_options o = { 0 };
    struct va_pictures *p = open_with(&o, in_folder("clip.h5"), NULL, NULL);
    const struct va_feed_order fo = { .threads = 3,
                                      .augment = { .scale = { 1, 1 } },
                                      .order = shuffled };
    struct va_backend *be = va_ref_backend_new();
    struct va_vit *vit = encoder(be, 8);
    struct va_feed *f;
    const struct va_feed_batch *b;
    char line[512];

    VA_CHECK(p != NULL); /* 5 pictures; the order asks for up to 9, but never here */
    va_pictures_free(p);
    p = open_with(&o, in_folder("faces"), in_folder("bad"), NULL);
    va_error_catch_begin(line, sizeof(line));
    f = va_feed_pictures(va_vit_intake(vit), BATCH, p, &fo);
    for (int64_t k = 0; f && k < BATCHES && va_feed_next(f, &b) > 0; k++)
        ;
    VA_CHECK(f && va_feed_next(f, &b) < 0); /* picture 6 is broken */
    va_feed_free(f);
    va_error_catch_end();
    VA_CHECK(strstr(line, "bad/2.jpg: broken image") != NULL);
    va_pictures_free(p);
    va_vit_free(vit);
    va_backend_free(be);
}

/* The frames of one video in their order, whole, in batches of which the last has what is left. */
static void footage_in_order(void)
{
    enum { SIZE = 8, NUMBERS = SIZE * SIZE * 3 };
    struct va_backend *be = va_ref_backend_new();
    struct va_vit *vit = encoder(be, SIZE);
    struct va_footage *a = va_footage_open(in_folder("clip.h5"), NULL, 0, 1),
                      *same = va_footage_open(in_folder("clip.h5"), NULL, 0, 1);
    int64_t T = a ? va_footage_count(a) : 0, seen = 0;
    struct va_feed *f = a ? va_feed_footage(va_vit_intake(vit), T - 1, a) : NULL;
    const struct va_feed_batch *b;

    VA_CHECK(T > 2 && f && same);
    while (f && va_feed_next(f, &b) > 0) {
        VA_CHECK_INT(b->count, seen ? 1 : T - 1);
        for (int64_t i = 0; i < b->count; i++, seen++) {
            uint8_t picture[NUMBERS];
            float patches[NUMBERS];
            struct va_resize *r;
            struct va_frame frame;

            VA_CHECK(va_footage_next(same, &frame) == 1);
            r = va_resize_new(frame.width, frame.height, SIZE, SIZE);
            va_resize_run(r, frame.pixels, picture);
            va_resize_free(r);
            va_vit_cut(vit, picture, patches);
            VA_CHECK(!memcmp(patches, b->cut + i * NUMBERS, sizeof(patches)));
            VA_CHECK_INT(b->items[i].picture, frame.index);
            VA_CHECK(b->items[i].pts == frame.pts);
        }
    }
    VA_CHECK_INT(seen, T);
    VA_CHECK(va_footage_id(a) != NULL && va_footage_fps(a) == va_footage_fps(same));
    va_feed_free(f);
    va_footage_close(a);
    va_footage_close(same);
    va_vit_free(vit);
    va_backend_free(be);
}

static void permutations(void)
{
    static const uint64_t sizes[] = { 1, 2, 3, 4, 5, 16, 17, 1000, 4096, 100003 };

    for (size_t s = 0; s < VA_COUNT(sizes); s++) {
        uint64_t n = sizes[s], bad = 0, fixed = 0;
        uint8_t *seen = va_new((int64_t)n, 1);

        for (uint64_t i = 0; i < n; i++) {
            uint64_t j = va_rand_permute(5, VA_RAND_TEST, 1, i, n);

            bad += j >= n || seen[j]++;
            fixed += j == i;
        }
        VA_CHECK_INT(bad, 0);
        VA_CHECK(n < 1000 || fixed < 10); /* one, on average */
        va_free(seen);
    }
    for (uint64_t position = 0; position < 3; position++) { /* each place sees each element */
        int count[7] = { 0 };

        for (uint64_t step = 0; step < 7000; step++)
            count[va_rand_permute(5, VA_RAND_TEST, step, position, 7)]++;
        for (int i = 0; i < 7; i++)
            VA_CHECK_NEAR(count[i], 1000, 130);
    }
}

static void pictures_are_decoded_confined(void)
{
    VA_SKIP("no seccomp under an emulator");
}

int main(void)
{
    char command[64];

    if (va_test_emulated()) {
        VA_TEST(pictures_are_decoded_confined);
        return va_test_finish();
    }
    if (!mkdtemp(folder))
        return 1;
    make_inputs();
    VA_TEST(all_are_found);
    VA_TEST(every_other);
    VA_TEST(what_is_refused);
    VA_TEST(broken_ones_are_replaced);
    VA_TEST(batches_do_not_depend_on_threads);
    VA_TEST(a_feed_may_be_left_early);
    VA_TEST(footage_in_order);
    VA_TEST(permutations);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    if (system(command))
        return 1;
    return va_test_finish();
}
