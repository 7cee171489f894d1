/*
 * Archives of pictures: which members there are, where their bytes lie, many threads at once.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_zip.h"
#include "test/va_test.h"
#include "test/zip_build.h"
#include <pthread.h>
#include <unistd.h>
#include <zip.h>

enum { MEMBERS = 400, BYTES = 3000, THREADS = 4, READS = 2000 };

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

    va_zip_forget();
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

/* ---- threads ------------------------------------------------------------------------------------- */

/* Byte k of member i: half of them deflate well. */
static uint8_t byte_of(int i, int k)
{
    unsigned noise = ((unsigned)i * 2654435761u + (unsigned)k * 40503u * (unsigned)k) >> 7;

    return (uint8_t)(i % 2 ? noise : (unsigned)i);
}

/* Stored and deflated members of many sizes. */
static void write_many(void)
{
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    for (int i = 0; zip && i < MEMBERS; i++) {
        uint8_t *data = malloc(BYTES);
        char name[32];
        zip_int64_t at;

        snprintf(name, sizeof(name), "%d/%05d.jpg", i % 7, i);
        for (int k = 0; data && k < BYTES; k++)
            data[k] = byte_of(i, k);
        at = zip_file_add(zip, name, zip_source_buffer(zip, data, (zip_uint64_t)(1 + i * 7), 1),
                          0);
        zip_set_file_compression(zip, (zip_uint64_t)at, i % 3 ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                 0);
    }
    if (!zip || zip_close(zip) < 0)
        abort();
}

static void *read_many(void *seed)
{
    unsigned drawn = *(unsigned *)seed;
    int64_t wrong = 0;

    for (int n = 0; n < READS; n++) {
        int i = (int)((drawn = drawn * 1103515245u + 12345u) >> 8) % MEMBERS;
        char *name = va_format("%s/%d/%05d.jpg", path, i % 7, i);
        struct va_zip *z = open_it(""); /* each time: others close it meanwhile */
        int64_t member = z && name ? va_zip_find(z, name) : -1;
        uint8_t data[BYTES];
        const char *why;

        wrong += member < 0 || va_zip_size(z, member) != 1 + i * 7 ||
                 va_zip_read(z, member, data, &why) != 1;
        for (int k = 0; k < 1 + i * 7; k++)
            wrong += data[k] != byte_of(i, k);
        va_zip_close(z);
        va_free(name);
    }
    return wrong ? seed : NULL;
}

static void threads_read_one_archive_in_any_order(void)
{
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];

    va_zip_forget();
    write_many();
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = (unsigned)i;
        if (pthread_create(&threads[i], NULL, read_many, &seeds[i]) != 0)
            abort();
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;

        pthread_join(threads[i], &wrong);
        VA_CHECK(!wrong);
    }
}

static void a_file_that_changes_is_not_read_on(void)
{
    struct va_zip *z;
    uint8_t data[BYTES];
    const char *why = NULL;
    struct va_error_kept said = { .busy = ATOMIC_FLAG_INIT };

    va_zip_forget();
    write_many();
    z = open_it("");
    VA_CHECK(z && va_zip_read(z, 0, data, &why) == 1);
    unlink(path);
    write_many();
    va_error_keep(&said);
    VA_CHECK(z && va_zip_read(z, 0, data, &why) == -1);
    va_error_keep(NULL);
    VA_CHECK_INT(said.status, VA_EXIT_INPUT);
    VA_CHECK(strstr(said.line, "has changed since it was opened"));
    va_zip_close(z);
    VA_CHECK(!open_it("")); /* nor the new one in its place */
    va_zip_forget();
    z = open_it("");
    VA_CHECK(z && va_zip_read(z, 0, data, &why) == 1);
    va_zip_close(z);
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
    VA_TEST(threads_read_one_archive_in_any_order);
    VA_TEST(a_file_that_changes_is_not_read_on);
    VA_TEST(other_names_lead_to_no_archive);
    unlink(path);
    return va_test_finish();
}
