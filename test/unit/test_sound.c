/*
 * Features of sound against values written down from their definitions (test/reference/sound.py), and what no table shows:
 * blocks of any length, pauses, silence.
 */
#include "base/va_libm.h"
#include "sound/va_ear.h"
#include "sound/va_hop.h"
#include "test/va_golden.h"

enum { COUNT = 48000, ROWS_MAX = 64 };
static const double pi = 3.14159265358979323846, frame = 0.04;
static float sound[COUNT];

/* A voice that rises, noise, a pause, and a tone. */
static void make_sound(void)
{
    int64_t state = 1;

    for (int i = 0; i < COUNT; i++) {
        double t = i / (double)VA_EAR_RATE, phase = 2 * pi * (120 * t + 40 * t * t), noise,
               x = 0;

        state = (1103515245 * state + 12345) % ((int64_t)1 << 31);
        noise = (double)state / 2147483648. - .5;
        for (int k = 1; k <= 8; k++)
            x += va_sin(k * phase) / k;
        x = x * (.05 + .1 * t) + .01 * noise;
        if (t >= 1.5)
            x = t < 2 ? .3 * noise : t < 2.25 ? 0 : .2 * va_sin(2 * pi * 440 * t);
        sound[i] = (float)x;
    }
}

/* Rows [n, columns] at these times, heard in blocks of `block` samples from sample `from` on, called `first`. Which there
 * are. */
static void hear(enum va_ear_kind kind, int64_t first, int64_t from, int64_t block, int64_t n,
                 const double *times, float *rows, bool *there)
{
    struct va_ear *e = va_ear_new(kind);
    int64_t at = from, width;

    VA_CHECK(e);
    if (!e)
        return;
    width = va_ear_columns(e);
    for (int64_t i = 0; i < n; i++) {
        while (va_ear_waits(e, times[i], frame)) {
            int64_t count = COUNT - at < block ? COUNT - at : block;

            VA_CHECK_INT(count ? va_ear_hear(e, first + at - from, sound + at, count)
                               : va_ear_end(e),
                         0);
            at += count;
        }
        there[i] = va_ear_row(e, times[i], frame, rows + i * width);
    }
    va_ear_free(e);
}

static void check_golden(enum va_ear_kind kind, const char *name)
{
    const char *file = "sound/rows.safetensors";
    struct va_tensors *set = va_golden_load(file);
    const struct va_tensor *time = set ? va_tensors_find(set, "time") : NULL;
    const struct va_tensor *expected = set ? va_tensors_find(set, name) : NULL;
    float rows[ROWS_MAX * VA_EAR_COLUMNS_MAX];
    double found[ROWS_MAX * VA_EAR_COLUMNS_MAX];
    bool there[ROWS_MAX];

    VA_CHECK(time && expected && time->count <= ROWS_MAX);
    if (time && expected && time->count <= ROWS_MAX) {
        hear(kind, 0, 0, 1000, time->count, time->data, rows, there);
        for (int64_t i = 0; i < time->count; i++)
            VA_CHECK(there[i]);
        for (int64_t i = 0; i < expected->count; i++)
            found[i] = (double)rows[i];
        va_golden_check(name, found, expected->count, expected, va_golden_atol(file, name));
    }
    va_tensors_free(set);
}

static void logmel_as_written_down(void)
{
    check_golden(VA_EAR_LOGMEL, "logmel");
}

static void prosody_as_written_down(void)
{
    check_golden(VA_EAR_PROSODY, "prosody");
}

/* Blocks of one sample, of a prime, and all at once give the same numbers; so does a clock that began below 0. */
static void blocks_do_not_matter(void)
{
    static const int64_t blocks[] = { 1, 997, COUNT };
    static const double times[] = { .01, .5, 1.234, 2.2 };
    double moved[4];
    float rows[4][4 * VA_EAR_COLUMNS_MAX];
    bool there[4];

    for (int kind = 0; va_ear_kinds[kind]; kind++) {
        for (int b = 0; b < 3; b++)
            hear((enum va_ear_kind)kind, 0, 0, blocks[b], 4, times, rows[b], there);
        for (int i = 0; i < 4; i++)
            moved[i] = times[i] - 4; /* a power of two: sums are rounded alike */
        hear((enum va_ear_kind)kind, -4 * VA_EAR_RATE, 0, 997, 4, moved, rows[3], there);
        for (int i = 0; i < 4 * 64; i++) {
            VA_CHECK(rows[0][i] == rows[1][i] && rows[0][i] == rows[2][i]);
            VA_CHECK_NEAR(rows[0][i], rows[3][i], 1e-3 * (1 + fabs((double)rows[0][i])));
        }
    }
}

/* Sound from 1 s to 3 s: rows of frames of which a part lies in it. */
static void rows_where_there_is_sound(void)
{
    double times[100];
    float rows[100 * VA_EAR_COLUMNS_MAX];
    bool there[100];

    for (int kind = 0; va_ear_kinds[kind]; kind++) {
        for (int i = 0; i < 100; i++)
            times[i] = i * frame;
        hear((enum va_ear_kind)kind, VA_EAR_RATE, VA_EAR_RATE, 1234, 100, times, rows, there);
        for (int i = 0; i < 100; i++)
            VA_CHECK_INT(there[i], times[i] > .99 && times[i] < 3.01);
    }
}

/* A pause in the middle: windows have moments of both sides, and none of the pause. */
static void a_pause_has_no_rows(void)
{
    struct va_ear *e = va_ear_new(VA_EAR_PROSODY);
    float row[VA_EAR_COLUMNS_MAX];

    VA_CHECK(e && va_ear_hear(e, 0, sound, 8000) == 0);
    VA_CHECK(e && va_ear_hear(e, 16000, sound + 16000, 8000) == 0);
    VA_CHECK(e && va_ear_end(e) == 0);
    VA_CHECK(va_ear_row(e, .4, frame, row) && !va_ear_row(e, .7, frame, row));
    VA_CHECK(va_ear_row(e, 1.1, frame, row));
    for (int64_t i = 0; i < va_ear_columns(e); i++)
        VA_CHECK(isfinite(row[i]));
    va_ear_free(e);
}

static void silence_is_finite(void)
{
    struct va_ear *e = va_ear_new(VA_EAR_PROSODY);
    static const float nothing[8000];
    float row[VA_EAR_COLUMNS_MAX];
    char name[VA_EAR_NAME];

    VA_CHECK(e && va_ear_hear(e, 0, nothing, 8000) == 0 && va_ear_end(e) == 0);
    VA_CHECK(va_ear_row(e, .2, frame, row));
    for (int64_t i = 0; i < va_ear_columns(e); i++) {
        va_ear_name(e, i, name);
        if (!strncmp(name, "mfcc00.mean", 11))
            VA_CHECK_NEAR(row[i], 8 * log(.01), 1e-4);
        else if (!strncmp(name, "loudness.mean", 13))
            VA_CHECK_NEAR(row[i], -100, 1e-4);
        else
            VA_CHECK_NEAR(row[i], 0, 1e-4);
    }
    va_ear_free(e);
}

static void columns_have_names(void)
{
    for (int kind = 0; va_ear_kinds[kind]; kind++) {
        struct va_ear *e = va_ear_new((enum va_ear_kind)kind);
        char a[VA_EAR_NAME], b[VA_EAR_NAME];

        VA_CHECK(e && va_ear_columns(e) <= VA_EAR_COLUMNS_MAX);
        for (int64_t i = 0; e && i < va_ear_columns(e); i++)
            for (int64_t k = 0; k < i; k++) {
                va_ear_name(e, i, a);
                va_ear_name(e, k, b);
                VA_CHECK(strcmp(a, b));
            }
        va_ear_free(e);
    }
}

int main(void)
{
    make_sound();
    VA_TEST(logmel_as_written_down);
    VA_TEST(prosody_as_written_down);
    VA_TEST(blocks_do_not_matter);
    VA_TEST(rows_where_there_is_sound);
    VA_TEST(a_pause_has_no_rows);
    VA_TEST(silence_is_finite);
    VA_TEST(columns_have_names);
    return va_test_finish();
}
