/*
 * Archives of pictures: which members there are, where their bytes lie.
 */
#include "base/va_mem.h"
#include "media/va_zip.h"
#include "test/va_test.h"
#include "test/zip_build.h"
#include <unistd.h>

static char path[] = "/tmp/test_zip.XXXXXX.zip";

static struct va_zip *open_it(const char *inner)
{
    char *whole = va_format("%s%s", path, inner);
    struct va_zip *z = NULL;
    int got = whole ? va_zip_open(whole, &z) : -1;

    va_free(whole);
    return got > 0 ? z : NULL;
}

/* Names in the order in which they come, folders with a slash and all with a blank after them. */
static int tell(void *text, const char *name, bool folder)
{
    strcat(strcat(text, name), folder ? "/ " : " ");
    return 0;
}

static void check_list(const char *inner, const char *expected)
{
    char *whole = va_format("%s%s", path, inner), text[400] = "";
    struct va_zip *z = open_it(inner);

    VA_CHECK(whole && z && va_zip_list(z, whole, tell, text) == 0);
    VA_CHECK(!strcmp(text, expected));
    va_zip_close(z);
    va_free(whole);
}

static FILE *begin(struct zip_build *z)
{
    FILE *f = fopen(path, "wb");

    if (!f)
        abort();
    zip_build_begin(z, f);
    return f;
}

static void folders_and_pictures_are_listed(void)
{
    static const char *const names[] = { "b/00001.jpg", "a-b/1.PNG",   "a/c/d/1.bmp",
                                         "a/2.tif",     "a/notes.txt", "a/.hidden.jpg",
                                         "./3.webp",    ".x/1.jpg" };
    struct zip_build zip;
    FILE *f = begin(&zip);

    for (size_t i = 0; i < VA_COUNT(names); i++)
        zip_build_add(&zip, names[i], "x", 1);
    zip_build_finish(&zip);
    fclose(f);
    check_list("", "3.webp a-b/ a/ b/ ");
    check_list("/", "3.webp a-b/ a/ b/ ");
    check_list("/a", "2.tif c/ ");
    check_list("/a/c//", "d/ ");
    check_list("/b", "00001.jpg ");
}

/* Sizes and offsets in zip64 records, as they are beyond 4 GiB. */
static void archives_beyond_4_gib_have_other_records(void)
{
    static const uint64_t limits[] = { 1, 30, 100, 500 };

    for (size_t i = 0; i < VA_COUNT(limits); i++) {
        char data[4] = "", *name = va_format("%s/v/2.jpg", path);
        struct va_zip *z;
        struct zip_build zip;
        FILE *f = begin(&zip);
        const char *why = NULL;
        int64_t member;

        zip.large = limits[i];
        zip_build_add(&zip, "v/1.jpg", "0123456789", 10);
        zip_build_add(&zip, "v/2.jpg", "xyz", 3);
        zip_build_finish(&zip);
        fclose(f);
        z = open_it("");
        member = z && name ? va_zip_find(z, name) : -1;
        VA_CHECK_INT(member, 1);
        VA_CHECK(member >= 0 && va_zip_size(z, member) == 3);
        VA_CHECK(member >= 0 && va_zip_read(z, member, (uint8_t *)data, &why) == 1);
        VA_CHECK(!strcmp(data, "xyz"));
        va_zip_close(z);
        va_free(name);
    }
}

static void other_names_lead_to_no_archive(void)
{
    struct va_zip *z = NULL;

    VA_CHECK_INT(va_zip_open("/tmp", &z), 0);
    VA_CHECK_INT(va_zip_open("-", &z), 0);
    VA_CHECK_INT(va_zip_open("there/is/no.zip", &z), 0);
    VA_CHECK_INT(va_zip_open(".zip", &z), 0);
}

int main(void)
{
    int fd = mkstemps(path, 4);

    if (fd < 0)
        return 1;
    close(fd);
    VA_TEST(folders_and_pictures_are_listed);
    VA_TEST(archives_beyond_4_gib_have_other_records);
    VA_TEST(other_names_lead_to_no_archive);
    unlink(path);
    return va_test_finish();
}
