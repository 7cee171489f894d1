/*
 * client.c - a program that uses libmamba_va badly (client bad, client many), and from four threads (client
 * threads HELPERS); client device NAME computes there. The folder that it runs in has (test/lib/models.sh)
 *
 *     model.h5, ahead.h5  temporal models of 192 features, the second one with a lookahead
 *     other.h5            one of 100 features
 *     enc.h5              an encoder of 192 features
 *     red.h5              a detector
 *     cut.h5              a model that was cut short
 */
#include <locale.h>
#include <mamba_va.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 192, SIDE = 64, BIG = 160, THREADS = 4, MODELS = 2, FRAMES = 6, MOST = 256 };
static const char *const names[MODELS] = { "model.h5", "ahead.h5" };

static int failures;
static struct mamba_va_error error;
static float features[FRAMES][WIDTH];
static uint8_t crops[FRAMES][SIDE * SIDE * 3];
static uint8_t picture[BIG * BIG * 3]; /* a red square, which the detector takes for a face */

/* A call had this result and message. */
static void expect(int line, int64_t found, int64_t expected, const char *message)
{
    if (found == expected && strstr(error.message, message) &&
        (found >= 0 || error.code == expected))
        return;
    if (failures++ >= 10) /* the rest follows from these */
        return;
    printf("line %d: found %lld \"%s\", expected %lld \"%s\"\n", line, (long long)found,
           error.message, (long long)expected, message);
}
#define EXPECT(call, expected, message) expect(__LINE__, call, expected, message)

static void fill(void)
{
    unsigned x = 1;

    for (int t = 0; t < FRAMES; t++) {
        for (int i = 0; i < WIDTH; i++)
            features[t][i] = (float)((x = x * 1664525 + 1013904223) >> 16) / 65536 - .5f;
        for (int i = 0; i < SIDE * SIDE * 3; i++)
            crops[t][i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    }
    memset(picture, 128, sizeof(picture));
    for (int y = 56; y < 104; y++)
        for (int at = 56; at < 104; at++)
            memcpy(picture + 3 * (y * BIG + at), "\xff\0\0", 3);
}

static struct mamba_va_options options_of(const char *model)
{
    struct mamba_va_options o;

    mamba_va_options_init(&o, sizeof(o));
    o.model = model;
    return o;
}

static mamba_va open_model(const char *name, const char *encoder)
{
    struct mamba_va_options o = options_of(name);

    o.encoder = encoder;
    return mamba_va_open(&o, &error);
}

/* ---- bad use ------------------------------------------------------------------------------- */

static void bad_options(void)
{
    struct mamba_va_options o = options_of("model.h5");
    const struct mamba_va_options good = o;

#define REFUSED(change, code_, message)                          \
    do {                                                         \
        change;                                                  \
        expect(__LINE__, mamba_va_open(&o, &error), 0, message); \
        if (error.code != (code_))                               \
            expect(__LINE__, error.code, code_, message);        \
        o = good;                                                \
    } while (0)
    EXPECT(mamba_va_open(NULL, &error), 0, "options: found NULL");
    EXPECT(error.code, MAMBA_VA_USE, "");
    EXPECT(mamba_va_open(NULL, NULL), 0, "");
    REFUSED(o.size = 0, MAMBA_VA_USE, "options: found size 0, expected");
    REFUSED(o.model = NULL, MAMBA_VA_USE, "options: model: found NULL");
    REFUSED(o.device = NULL, MAMBA_VA_USE, "options: device: found NULL");
    REFUSED(o.device = "gpu", MAMBA_VA_USE, "device: found gpu, expected cpu, cuda");
    REFUSED(o.device = "cudaX", MAMBA_VA_USE, "device: found cudaX, expected cpu, cuda");
    REFUSED(o.device = "cuda:-1", MAMBA_VA_USE, "device: found cuda:-1, expected cpu, cuda");
    REFUSED(o.device = "cuda:", MAMBA_VA_USE, "device: found cuda:, expected cpu, cuda");
    REFUSED(o.device = "cuda:99", MAMBA_VA_MACHINE, "--device cuda:99: ");
    REFUSED(o.precision = "f16", MAMBA_VA_USE, "found f16, expected f32, bf16 or auto");
    REFUSED(o.people = 0, MAMBA_VA_USE, "options: people: found 0, expected 1 to 64");
    REFUSED(o.margin = NAN, MAMBA_VA_USE, "options: margin: found nan, expected -0.4 to 10");
    REFUSED(o.model = "none.h5", MAMBA_VA_INPUT, "none.h5: cannot open: No such file");
    REFUSED(o.model = "cut.h5", MAMBA_VA_INPUT, "cut.h5: ");
    REFUSED(o.model = ".", MAMBA_VA_INPUT, ".: found a folder");
    REFUSED(o.model = "red.h5", MAMBA_VA_INPUT, "red.h5: ");
    REFUSED(o.model = "enc.h5", MAMBA_VA_INPUT, "is an encoder without a head");
    REFUSED(o.detector = "enc.h5", MAMBA_VA_INPUT, "enc.h5: ");
    REFUSED(o.encoder = "model.h5", MAMBA_VA_INPUT, "model.h5: ");
    REFUSED((o.model = "other.h5", o.encoder = "enc.h5"), MAMBA_VA_INPUT,
            "other.h5: expects 100 features per frame, but enc.h5 has 192");
    REFUSED(o.stream = "face", MAMBA_VA_INPUT, "has no named streams");
    REFUSED((o.detector = "red.h5", o.encoder = "enc.h5", o.face_template = "none.txt"),
            MAMBA_VA_INPUT, "none.txt: ");
    mamba_va_options_init(NULL, 0);
}

static void bad_handles(void)
{
    static const mamba_va none[] = { 0, 1, 65536, 65535, UINT64_MAX };
    struct mamba_va_info info;
    struct mamba_va_row row;
    mamba_va m = open_model("model.h5", NULL), again;

    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        if (none[i] != m)
            EXPECT(mamba_va_end(none[i], 0, &error), MAMBA_VA_CLOSED, "was never opened");
    EXPECT(mamba_va_close(m, &error), 0, "");
    EXPECT(mamba_va_close(m, &error), MAMBA_VA_CLOSED, ": is closed, or was never opened");
    EXPECT(mamba_va_push_picture(m, crops[0], 8, 8, 24, 0, &error), MAMBA_VA_CLOSED, "handle");
    EXPECT(mamba_va_push_crop(m, 1, crops[0], 8, 8, 24, 0, &error), MAMBA_VA_CLOSED, "handle");
    EXPECT(mamba_va_push_features(m, 1, features[0], WIDTH, 0, &error), MAMBA_VA_CLOSED, "");
    EXPECT(mamba_va_push_absent(m, 1, 0, &error), MAMBA_VA_CLOSED, "handle");
    EXPECT(mamba_va_end(m, 0, NULL), MAMBA_VA_CLOSED, "handle");
    EXPECT(mamba_va_rows(m, &row, 1, &error), MAMBA_VA_CLOSED, "handle");
    EXPECT(mamba_va_get_info(m, &info, &error), MAMBA_VA_CLOSED, "handle");
    again = open_model("model.h5", NULL); /* in the same place */
    EXPECT(again != m, 1, "");
    EXPECT(mamba_va_rows(m, &row, 1, &error), MAMBA_VA_CLOSED, "handle");
    EXPECT(mamba_va_get_info(again, NULL, &error), MAMBA_VA_USE, "info: found NULL");
    EXPECT(mamba_va_threads(2, &error), MAMBA_VA_USE, "threads: 1 models are open");
    EXPECT(mamba_va_close(again, NULL), 0, "");
    EXPECT(mamba_va_threads(-1, &error), MAMBA_VA_USE, "threads: found -1, expected 0 to 1024");
    EXPECT(mamba_va_threads(1025, &error), MAMBA_VA_USE, "threads: found 1025, expected");
}

static int push_row(mamba_va m, int64_t face, int t)
{
    return mamba_va_push_features(m, face, features[t], WIDTH, t * .04, &error);
}

/* Rows of features: nothing of what is refused is seen in the rows. */
static void bad_features(void)
{
    mamba_va m = open_model("ahead.h5", NULL), plain = open_model("ahead.h5", NULL);
    float bad[WIDTH];
    struct mamba_va_row found[2 * FRAMES] = { 0 }, expected[2 * FRAMES] = { 0 };

    memcpy(bad, features[0], sizeof(bad));
    bad[7] = NAN;
    for (int t = 0; t < FRAMES; t++) {
        EXPECT(push_row(m, 1, t), 0, "");
        EXPECT(push_row(plain, 1, t), 0, "");
        EXPECT(push_row(m, 1, t), MAMBA_VA_INPUT, "expected a later one");
        EXPECT(mamba_va_push_features(m, 1, bad, WIDTH, 9, &error), MAMBA_VA_INPUT,
               "features: number 8 of 192: found nan, expected a finite number");
        EXPECT(mamba_va_push_features(m, 1, bad, WIDTH - 1, 9, &error), MAMBA_VA_USE,
               "features: found 191, expected 192");
        EXPECT(mamba_va_push_features(m, 1, NULL, WIDTH, 9, &error), MAMBA_VA_USE, "NULL");
        EXPECT(mamba_va_push_features(m, 0, features[0], WIDTH, 9, &error), MAMBA_VA_USE,
               "features: face: found 0, expected 1 or more");
        EXPECT(mamba_va_push_features(m, 1, features[0], WIDTH, INFINITY, &error),
               MAMBA_VA_INPUT, "time: found inf, expected seconds");
        EXPECT(mamba_va_push_absent(m, 2, 9, &error), MAMBA_VA_USE, "is not there");
        EXPECT(mamba_va_push_absent(m, 1, -1, &error), MAMBA_VA_INPUT, "a later one");
        EXPECT(mamba_va_push_crop(m, 1, crops[0], SIDE, SIDE, 3 * SIDE, 9, &error),
               MAMBA_VA_USE, "crop: this model takes none");
        EXPECT(mamba_va_push_picture(m, crops[0], SIDE, SIDE, 3 * SIDE, 9, &error),
               MAMBA_VA_USE, "picture: this model takes none");
        EXPECT(mamba_va_end(m, 2, &error), MAMBA_VA_USE, "end: face 2: is none");
        EXPECT(mamba_va_end(m, -1, &error), MAMBA_VA_USE, "end: face -1: is none");
        EXPECT(mamba_va_rows(m, NULL, 1, &error), MAMBA_VA_USE, "rows: found NULL for 1");
        EXPECT(mamba_va_rows(m, found, -1, &error), MAMBA_VA_USE, "rows: found -1");
        EXPECT(mamba_va_rows(m, NULL, 0, &error), 0, "");
    }
    EXPECT(mamba_va_end(m, 0, &error), 0, "");
    EXPECT(mamba_va_end(plain, 1, &error), 0, "");
    EXPECT(mamba_va_rows(m, found, 2 * FRAMES, &error), FRAMES, "");
    EXPECT(mamba_va_rows(plain, expected, 2 * FRAMES, &error), FRAMES, "");
    EXPECT(memcmp(found, expected, FRAMES * sizeof(*found)), 0, "");
    EXPECT(push_row(m, 1, 0), 0, ""); /* another video */
    EXPECT(mamba_va_close(m, NULL), 0, "");
    EXPECT(mamba_va_close(plain, NULL), 0, "");
}

/* Finite features that are too large end their face, and no other; its number may come again. */
static void huge_features(const char *name)
{
    mamba_va m = open_model(name, NULL), plain = open_model(name, NULL);
    float huge[WIDTH];
    struct mamba_va_row found[4 * FRAMES] = { 0 }, expected[FRAMES] = { 0 };
    int64_t n, count = 0;

    for (int i = 0; i < WIDTH; i++)
        huge[i] = i % 2 ? -3e38f : 3e38f;
    EXPECT(mamba_va_push_features(m, 2, huge, WIDTH, 0, &error), MAMBA_VA_INPUT,
           "e is not finite: make features with the model's encoder");
    EXPECT(mamba_va_push_absent(m, 2, 9, &error), MAMBA_VA_USE, "is not there");
    for (int t = 0; t < FRAMES; t++) {
        EXPECT(push_row(plain, 1, t), 0, "");
        EXPECT(push_row(m, 1, t), 0, "");
        EXPECT(push_row(m, 2, 0), 0, "");
        EXPECT(mamba_va_push_features(m, 2, huge, WIDTH, 9, &error), MAMBA_VA_INPUT, "");
        EXPECT(mamba_va_end(m, 2, &error), MAMBA_VA_USE, "end: face 2: is none");
    }
    EXPECT(mamba_va_end(m, 0, &error), 0, "");
    EXPECT(mamba_va_end(plain, 0, &error), 0, "");
    EXPECT(mamba_va_rows(plain, expected, FRAMES, &error), FRAMES, "");
    n = mamba_va_rows(m, found, 4 * FRAMES, &error);
    for (int64_t i = 0; i < n; i++)
        if (found[i].face == 1 && count < FRAMES)
            EXPECT(memcmp(&found[i], &expected[count++], sizeof(*found)), 0, "");
    EXPECT(count, FRAMES, "");
    EXPECT(mamba_va_close(m, NULL), 0, "");
    EXPECT(mamba_va_close(plain, NULL), 0, "");
}

static int push_crop(mamba_va m, int64_t face, int64_t width, int64_t height, int64_t stride,
                     double time)
{
    return mamba_va_push_crop(m, face, crops[0], width, height, stride, time, &error);
}

static int push_picture(mamba_va m, int64_t width, int64_t height, int64_t stride, double time)
{
    return mamba_va_push_picture(m, crops[0], width, height, stride, time, &error);
}

static void bad_pictures(void)
{
    struct mamba_va_options o = options_of("model.h5");
    mamba_va m;

    o.encoder = "enc.h5";
    o.detector = "red.h5";
    o.people = 2;
    m = mamba_va_open(&o, &error);
    EXPECT(push_picture(m, 0, 0, 0, 0), MAMBA_VA_USE, "picture: found 0 x 0 pixels, expected");
    EXPECT(push_picture(m, 16385, 1, 49155, 0), MAMBA_VA_USE, "found 16385 x 1 pixels");
    EXPECT(push_picture(m, 1, INT64_MAX, 3, 0), MAMBA_VA_USE,
           "pixels, expected 1 x 1 to 16384");
    EXPECT(push_picture(m, 8, 8, 23, 0), MAMBA_VA_USE, "a stride of 23 bytes, expected 24");
    EXPECT(push_picture(m, 8, 8, INT64_MAX, 0), MAMBA_VA_USE, "a stride of");
    EXPECT(push_picture(m, 8, 8, -24, 0), MAMBA_VA_USE, "a stride of");
    EXPECT(push_picture(m, 8, 8, 24, NAN), MAMBA_VA_INPUT, "time: found nan");
    EXPECT(mamba_va_push_picture(m, NULL, 8, 8, 24, 0, &error), MAMBA_VA_USE, "found NULL");
    EXPECT(push_picture(m, 1, 1, 3, 0), 0, "");
    EXPECT(push_picture(m, 8, 8, 31, 1), 0, "");
    EXPECT(push_picture(m, 8, 8, 24, .5), MAMBA_VA_INPUT, "found 0.500000 after 1.000000");
    EXPECT(push_crop(m, 1, 8, 8, 24, 2), MAMBA_VA_USE, "crop: this video has pictures: end it");
    EXPECT(mamba_va_end(m, 1, &error), MAMBA_VA_USE, "end: face 1: is none");
    EXPECT(mamba_va_end(m, 0, &error), 0, "");
    EXPECT(push_crop(m, 1, 8, 8, 24, -2), 0, "");
    EXPECT(push_crop(m, 1, 4097, 8, 12291, 3), MAMBA_VA_USE, "found 4097 x 8 pixels");
    EXPECT(push_crop(m, 2, 8, 9, 30, 0), 0, "");
    EXPECT(push_crop(m, 3, 8, 8, 24, 0), MAMBA_VA_USE, "as many faces as options.people");
    EXPECT(push_picture(m, 8, 8, 24, 3), MAMBA_VA_USE, "this video has faces that the caller");
    EXPECT(mamba_va_end(m, 1, &error), 0, "");
    EXPECT(push_crop(m, 3, 8, 8, 24, 0), 0, "");
    EXPECT(mamba_va_close(m, NULL), 0, "");
}

/* In a program that ignores its children. */
static void too_many(void)
{
    static mamba_va all[MOST];

    signal(SIGCHLD, SIG_IGN);
    EXPECT(open_model("cut.h5", NULL), 0, "cut.h5: ");
    EXPECT(error.code, MAMBA_VA_INPUT, "cut.h5: ");
    for (int i = 0; i < MOST; i++)
        if (!(all[i] = open_model("model.h5", NULL)))
            EXPECT(i, MOST, "");
    EXPECT(open_model("model.h5", NULL), 0, "256 models are open, which is the most");
    for (int i = 0; i < MOST; i++)
        EXPECT(mamba_va_close(all[i], &error), 0, "");
}

/* ---- threads ------------------------------------------------------------------------------- */

/* What the frames give by model, and by crops of an encoder: one after the other. */
static struct mamba_va_row alone[2][MODELS][FRAMES];
static mamba_va shared[MODELS];

static int failed(const struct mamba_va_error *e)
{
    printf("%d: %s\n", (int)e->code, e->message);
    return -1;
}

static int64_t run(mamba_va m, int64_t face, int with_crops, struct mamba_va_row *rows)
{
    struct mamba_va_error e;

    for (int t = 0; t < FRAMES; t++)
        if ((with_crops ? mamba_va_push_crop(m, face, crops[t], SIDE, SIDE, 3 * SIDE, t, &e)
                        : mamba_va_push_features(m, face, features[t], WIDTH, t, &e)) < 0)
            return failed(&e);
    if (mamba_va_end(m, face, &e) < 0)
        return failed(&e);
    return rows ? mamba_va_rows(m, rows, FRAMES, &e) : 0;
}

/* Another video, of two pictures with a face. */
static int run_pictures(mamba_va m)
{
    struct mamba_va_row rows[4];
    struct mamba_va_error e;

    for (int t = 0; t < 2; t++)
        if (mamba_va_push_picture(m, picture, BIG, BIG, 3 * BIG, t * .04, &e) < 0)
            return -1;
    if (mamba_va_end(m, 0, &e) < 0 || mamba_va_rows(m, rows, 4, &e) != 2)
        return -1;
    return rows[1].frame == 2 && rows[1].face == 1 && rows[1].seen && rows[1].box[2] > 30 ? 0
                                                                                          : -1;
}

/* The same numbers, whoever the face is. */
static int same(const struct mamba_va_row *a, const struct mamba_va_row *b)
{
    return a->frame == b->frame && a->time == b->time && a->valence == b->valence &&
           a->arousal == b->arousal;
}

/* Models of one's own, whose rows are known, and models that all threads use, with a face of one's own. */
static void *work(void *arg)
{
    int number = *(int *)arg, bad = 0;
    struct mamba_va_row rows[FRAMES] = { 0 };
    struct mamba_va_error e;

    for (int turn = 0; turn < 2 * MODELS; turn++) {
        int i = (turn + number) % MODELS, with_crops = turn < MODELS;
        struct mamba_va_options o = options_of(names[i]);
        mamba_va m;

        o.encoder = with_crops ? "enc.h5" : NULL;
        o.detector = with_crops ? "red.h5" : NULL;
        if (!(m = mamba_va_open(&o, &e)))
            bad += failed(&e) < 0;
        bad += run(m, 5, with_crops, rows) != FRAMES;
        for (int t = 0; t < FRAMES; t++)
            bad += !same(&rows[t], &alone[with_crops][i][t]);
        bad += mamba_va_push_features(m, 5, NULL, 1, 0, &e) != MAMBA_VA_USE;
        bad += mamba_va_end(m, 0, &e) != 0 || (with_crops && run_pictures(m) < 0);
        o.model = "none.h5";
        bad += mamba_va_open(&o, &e) != 0 || e.code != MAMBA_VA_INPUT ||
               strcmp(e.message, "none.h5: cannot open: No such file or directory") != 0;
        bad += run(shared[i], 10 * number + turn + 1, 0, NULL) != 0;
        bad += mamba_va_close(m, &e) != 0;
        bad += mamba_va_end(m, 0, &e) != MAMBA_VA_CLOSED;
    }
    *(int *)arg = bad;
    return NULL;
}

static void check_shared(int i)
{
    struct mamba_va_row row;
    int64_t count = 0;

    while (mamba_va_rows(shared[i], &row, 1, &error) == 1 && ++count)
        if (!same(&row, &alone[0][i][row.frame - 1]))
            EXPECT(row.frame, -1, "a row of a shared model differs");
    EXPECT(count, (int64_t)THREADS * 2 * FRAMES, "");
}

static void many_threads(int helpers)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];

    EXPECT(mamba_va_threads(helpers, &error), 0, "");
    for (int i = 0; i < MODELS; i++) {
        for (int k = 0; k < 2; k++) {
            mamba_va m = open_model(names[i], k ? "enc.h5" : NULL);

            EXPECT(run(m, 1, k, alone[k][i]), FRAMES, "");
            EXPECT(mamba_va_close(m, NULL), 0, "");
        }
        shared[i] = open_model(names[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        EXPECT(pthread_create(&threads[i], NULL, work, &numbers[i]), 0, "");
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        EXPECT(numbers[i], 0, "");
    }
    for (int i = 0; i < MODELS; i++) {
        check_shared(i);
        EXPECT(mamba_va_close(shared[i], NULL), 0, "");
    }
    EXPECT(mamba_va_threads(1, &error), 0, "");
}

/* Rows by another device are nearly those of the CPU. */
static void on_device(const char *device)
{
    struct mamba_va_options o = options_of("model.h5");
    struct mamba_va_row cpu[FRAMES] = { 0 }, other[FRAMES] = { 0 };
    mamba_va m = mamba_va_open(&o, &error);

    EXPECT(run(m, 1, 0, cpu), FRAMES, "");
    EXPECT(mamba_va_close(m, NULL), 0, "");
    o.device = device;
    m = mamba_va_open(&o, &error);
    EXPECT(m != 0, 1, "");
    EXPECT(run(m, 1, 0, other), FRAMES, "");
    for (int t = 0; t < FRAMES; t++)
        EXPECT(fabsf(cpu[t].valence - other[t].valence) < 1e-4f, 1, "");
    EXPECT(mamba_va_close(m, NULL), 0, "");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    setlocale(LC_ALL, "");
    fill();
    if (!strcmp(what, "bad")) {
        bad_options();
        bad_handles();
        bad_features();
        huge_features("model.h5");
        huge_features("ahead.h5");
        bad_pictures();
    } else if (!strcmp(what, "many")) {
        too_many();
    } else if (!strcmp(what, "threads")) {
        many_threads(argc > 2 ? atoi(argv[2]) : 1);
    } else if (!strcmp(what, "device") && argc > 2) {
        on_device(argv[2]);
    } else
        return 2;
    return failures != 0;
}
