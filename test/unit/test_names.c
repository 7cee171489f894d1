/* One name for all files of a video. */
#include "base/va_mem.h"
#include "base/va_names.h"
#include "test/va_test.h"

static void check(const char *path, const char *expected)
{
    char *name = va_video_name(path);

    VA_CHECK(name && !strcmp(name, expected));
    if (name && strcmp(name, expected))
        printf("# %s is called %s, expected %s\n", path, name, expected);
    va_free(name);
}

static void known_extensions_go(void)
{
    check("video12", "video12");
    check("/a/b/102.avi", "102");
    check("a.mp4.avi", "a");
    check("a.MP4.txt", "a");
    check("10-60-1280x720.frames.h5", "10-60-1280x720");
    check("crops/video12/", "video12");
    check("-", "stdin");
}

static void other_dots_stay(void)
{
    check("10-60-1280x720.left", "10-60-1280x720.left");
    check("10-60-1280x720.left.mp4", "10-60-1280x720.left");
    check("v1.2.mp4", "v1.2");
    check("mp4", "mp4");
    check(".mp4", ".mp4");
    check("a.b/c", "c");
}

static void folders_without_a_name_have_one(void)
{
    check("/", "video");
    check("/usr/.", "usr");
    check("/usr/lib/..", "usr");
}

static void names_that_cannot_be_keys(void)
{
    VA_CHECK(va_video_name_valid("10-60-1280x720.left"));
    VA_CHECK(va_video_name_valid("two people_left"));
    VA_CHECK(!va_video_name_valid(""));
    VA_CHECK(!va_video_name_valid(".."));
    VA_CHECK(!va_video_name_valid("a/b"));
    VA_CHECK(!va_video_name_valid("a\nb"));
    VA_CHECK(!va_video_name_valid("#a"));
    VA_CHECK(!va_video_name_valid("a "));
}

int main(void)
{
    VA_TEST(known_extensions_go);
    VA_TEST(other_dots_stay);
    VA_TEST(folders_without_a_name_have_one);
    VA_TEST(names_that_cannot_be_keys);
    return va_test_finish();
}
