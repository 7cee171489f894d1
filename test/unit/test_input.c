/*
 * Inputs: what may be opened, what is remembered of it, and what a file is by its first bytes.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_magic.h"
#include "test/va_test.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/va-test-XXXXXX";
static char path[64], other[64], line[1024];

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    fputs(text, f);
    fclose(f);
}

static bool is_input(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0 && va_input_is(&st);
}

static void refused(const char *name, const char *words)
{
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_input_open(name, "a list", NULL), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, words) != NULL);
}

static void only_files_are_opened(void)
{
    int64_t size = 0;
    int fd = va_input_open(path, "a list", &size);

    VA_CHECK(fd >= 0);
    VA_CHECK_INT(size, 4);
    close(fd);
    refused(folder, "found a folder, expected a list: name a file in it, or several: ");
    refused("/dev/null", "found a device, expected a list");
    VA_CHECK_INT(mkfifo(other, 0600), 0);
    refused(other, "found a pipe, expected a list"); /* and does not wait for a writer */
    unlink(other);
    refused(other, "No such file");
}

static void streams_may_be_pipes(void)
{
    int ends[2], fd;
    int64_t size = 0;
    char name[32];

    VA_CHECK_INT(pipe(ends), 0);
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
    fd = va_input_open_stream(name, "a list", &size);
    VA_CHECK(fd >= 0);
    VA_CHECK_INT(size, -1);
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

static void a_part_is_read_whole_or_refused(void)
{
    char data[8] = "";
    int fd;

    put("part", "0123456789");
    fd = va_input_open("part", "a text", NULL);
    VA_CHECK_INT(va_input_read(fd, data, 4, 3), 4);
    VA_CHECK(!memcmp(data, "3456", 4));
    VA_CHECK_INT(va_input_read(fd, data, 8, 7), 3);
    VA_CHECK_INT(va_input_read(fd, data, 8, 100), 0);
    VA_CHECK_INT(va_input_read(-1, data, 8, 0), -1);
    VA_CHECK_INT(va_input_read_all(fd, "part", "a text", data, 8, 2), 0);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_input_read_all(fd, "part", "a text", data, 8, 3), -1);
    va_error_catch_end();
    VA_CHECK(!strcmp(line, "part: file ends early, expected a text"));
    close(fd);
}

static void inputs_are_known_by_identity(void)
{
    int fd = va_input_open(path, "a list", NULL);

    close(fd);
    VA_CHECK(is_input(path));
    VA_CHECK_INT(link(path, other), 0);
    VA_CHECK(is_input(other));
    unlink(other);
    VA_CHECK_INT(symlink(path, other), 0);
    VA_CHECK(is_input(other));
    unlink(other);
    put(other, "none");
    VA_CHECK(!is_input(other));
    va_input_note(other);
    VA_CHECK(is_input(other));
    va_input_forget(other);
    VA_CHECK(!is_input(other));
    VA_CHECK(is_input(path));
    va_input_note("/nowhere/at/all");
}

static void many_inputs_are_known(void)
{
    enum { MANY = 300 };

    for (int i = 0; i < MANY; i++) {
        snprintf(other, sizeof(other), "%s/many%d", folder, i);
        put(other, "x");
        va_input_note(other);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(other, sizeof(other), "%s/many%d", folder, i);
        VA_CHECK(is_input(other));
        unlink(other);
    }
    VA_CHECK(is_input(path));
}

static void named(const char *head, size_t size, const char *words)
{
    const char *name = va_magic_name(head, size);

    VA_CHECK(name && strstr(name, words) != NULL);
}

static void kinds_are_told(void)
{
    named("RIFF\20\0\0\0WEBPVP8 ", 16, "WebP");
    named("version https://git-lfs.github.com/spec/v1\n", 43, "Git LFS pointer");
    named("\n <!DOCTYPE html><html>", 23, "HTML");
    named("\xef\xbb\xbf{\"a\": 1}", 11, "JSON");
    named("\x1f\x8b\x08\0\0\0\0\0", 8, "gzip");
    named("\0\0\0\x18"
          "ftypheic\0\0\0\0",
          16, "HEIC");
    named("hello\n", 6, "a text");
    named("\x08\x08\x12\7pytorch", 11, "ONNX");
    named("P6\n64 48\n255\n", 13, "PPM");
    named("8BPS\0\1\0\0", 8, "Photoshop");
    VA_CHECK(va_magic_name("\1\2\3\4", 4) == NULL);
    VA_CHECK(va_magic_name("RI", 2) != NULL); /* two letters are a text */
    VA_CHECK(va_magic_name("", 0) == NULL);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/a", folder);
    snprintf(other, sizeof(other), "%s/b", folder);
    put(path, "text");
    VA_TEST(only_files_are_opened);
    VA_TEST(streams_may_be_pipes);
    VA_TEST(a_part_is_read_whole_or_refused);
    VA_TEST(inputs_are_known_by_identity);
    VA_TEST(many_inputs_are_known);
    VA_TEST(kinds_are_told);
    unlink(path);
    rmdir(folder);
    return va_test_finish();
}
