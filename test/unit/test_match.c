/* Whether a file is of a video: which times are those of a copy, and which are of another video. */
#include "base/va_error.h"
#include "media/va_match.h"
#include "test/va_test.h"
#include <math.h>
#include <string.h>

static char line[256];

/* Of frames 1 to `count` at `at` seconds in the video, as `made` in the file: the first one that is refused, or 0. */
static int64_t refused(double (*at)(int64_t), double (*made)(int64_t), double fps,
                       int64_t count)
{
    struct va_match m = { .path = "v.mp4", .made = "f.h5", .frame_count = count, .fps = fps };
    int64_t bad = 0;

    line[0] = 0;
    va_error_catch_begin(line, sizeof(line));
    for (int64_t i = 1; i <= count && !bad; i++)
        if (va_match_time(&m, &(struct va_frame){ .index = i, .pts = at(i) }, made(i)) < 0)
            bad = i;
    va_error_catch_end();
    return bad;
}

static double at25(int64_t i)
{
    return (double)(i - 1) / 25;
}
static double at24(int64_t i)
{
    return (double)(i - 1) / 24;
}
static double rounded(int64_t i)
{
    return round(at25(i) * 100) / 100;
}
static double later(int64_t i)
{
    return 1.4 + at25(i);
}
static double first_apart(int64_t i)
{
    return i > 1 ? at25(i + 2) : 0;
}
static double slower(int64_t i)
{
    return at25(i) * 1.6;
}
static double none(int64_t i)
{
    (void)i;
    return 0;
}
static double unknown(int64_t i)
{
    (void)i;
    return (double)NAN;
}

static void copies_are_the_same_video(void)
{
    double (*copies[])(int64_t) = { at25, rounded, later, first_apart, none };

    for (size_t i = 0; i < sizeof(copies) / sizeof(*copies); i++)
        VA_CHECK_INT(refused(copies[i], at25, 25, 5000), 0);
    VA_CHECK_INT(refused(at25, first_apart, 25, 5000), 0);
    VA_CHECK_INT(refused(at24, unknown, 25, 5000), 0);
    VA_CHECK_INT(refused(at24, at25, 0, 5000), 0);
}

static void other_times_are_another_video(void)
{
    VA_CHECK_INT(refused(slower, at25, 25, 100), 3);
    VA_CHECK(!strcmp(line,
                     "v.mp4: has frame 3 at 0.128 s, expected 0.104 s as in f.h5: give files "
                     "of one video"));
    VA_CHECK(refused(at24, at25, 25, 100) > 0);
    VA_CHECK(refused(at25, at24, 24, 100) > 0);
}

static void what_else_is_compared(void)
{
    const struct va_match m = {
        .path = "v.mp4", .made = "f.h5", .part = "a", .width = 8, .height = 4, .frame_count = 9
    };

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_match_name(&m, "a", "a"), 0);
    VA_CHECK_INT(va_match_name(&m, "a", "b"), -1);
    va_error_catch_end();
    VA_CHECK(!strcmp(line, "v.mp4: is video a, but f.h5 is of b: give files of one video"));
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_match_size(&m, &(struct va_frame){ .width = 8, .height = 4 }), 0);
    VA_CHECK_INT(va_match_size(&m, &(struct va_frame){ .width = 4, .height = 8 }), -1);
    va_error_catch_end();
    VA_CHECK(!strcmp(line,
                     "v.mp4: has frames of 4x8 pixels, expected 8x4 as in a of f.h5: give "
                     "files of one video"));
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_match_count(&m, 9), 0);
    VA_CHECK_INT(va_match_count(&m, 8), -1);
    va_error_catch_end();
    VA_CHECK(!strcmp(line, "v.mp4: has 8 frames, expected 9 as in a of f.h5: give files of one "
                           "video"));
}

int main(void)
{
    VA_TEST(copies_are_the_same_video);
    VA_TEST(other_times_are_another_video);
    VA_TEST(what_else_is_compared);
    return va_test_finish();
}
