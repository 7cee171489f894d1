/* One name for all files of a video, and text that people may be shown. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_text.h"
#include "test/va_test.h"
#include <stdlib.h>

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
    check("in/two words.zip", "two words");
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
    VA_CHECK(!va_video_name_valid("take #1")); /* lists would cut it */
    VA_CHECK(va_video_name_valid("take#1"));
    VA_CHECK(!va_video_name_valid("a\tb"));
    VA_CHECK(!va_video_name_valid("a\xc2\x9b"
                                  "b"));
    VA_CHECK(!va_video_name_valid("a\xe2\x80\xae"
                                  "b"));
    VA_CHECK(!va_video_name_valid("M\xfcller")); /* Latin-1 */
    VA_CHECK(va_video_name_valid("M\xc3\xbcller \xe6\xbc\xa2"));
}

static void names_are_refused_where_they_enter(void)
{
    char line[256], *name;

    va_error_catch_begin(line, sizeof(line));
    name = va_video_name_enter("in/#1.mp4", "rename it");
    va_error_catch_end();
    VA_CHECK(!name && strstr(line, "in/#1.mp4: '#1' cannot be the name of a video") == line);
    VA_CHECK(strstr(line, ": rename it"));
    name = va_video_name_enter("in/1.mp4", "rename it");
    VA_CHECK(name && !strcmp(name, "1"));
    va_free(name);
}

static void check_text(const char *text, const char *expected)
{
    char *copy = va_strdup(text), *put = NULL;
    size_t size;
    FILE *f = open_memstream(&put, &size);

    va_text_put(text, f);
    fclose(f);
    va_text_clean(copy);
    VA_CHECK(!strcmp(copy, expected) && !strcmp(put, expected));
    VA_CHECK(va_text_prints(text) == !strcmp(text, expected));
    va_free(copy);
    free(put);
}

static void what_a_terminal_obeys_is_not_shown(void)
{
    check_text("plain", "plain");
    check_text("gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x98\x80",
               "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x98\x80");
    check_text("a\x1b[2Jb\tc\n", "a?[2Jb?c?");
    check_text("a\x9b"
               "2J",
               "a?2J"); /* a raw C1 byte */
    check_text("a\xc2\x9b"
               "2J",
               "a?2J"); /* U+009B */
    check_text("\xe2\x80\xae"
               "4pm.exe",
               "?4pm.exe");
    check_text("\xe2\x81\xa6x\xe2\x80\xa8", "?x?");
    check_text("\xc0\xaf\xed\xa0\x80", "?????"); /* too long; half of a pair */
    check_text("cut \xe2\x80", "cut ??");
    check_text("\xf4\x90\x80\x80", "????"); /* beyond U+10FFFF */
}

int main(void)
{
    VA_TEST(known_extensions_go);
    VA_TEST(other_dots_stay);
    VA_TEST(folders_without_a_name_have_one);
    VA_TEST(names_that_cannot_be_keys);
    VA_TEST(names_are_refused_where_they_enter);
    VA_TEST(what_a_terminal_obeys_is_not_shown);
    return va_test_finish();
}
