/*
 * Which bytes a reader of HDF5 sees: those of the file that was checked, or none. Files change
 * under an open reader here, by rename and in place, and readers rest and wake.
 */
#include "../va_test.h"
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "io/va_h5.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { T = 5, D = 3 };

static char message[512];

static int make(const char *path, float first)
{
    struct va_h5_out *out;
    const int64_t shape[] = { T, D };
    float x[T * D];
    int32_t frames[T];
    double times[T];

    va_input_forget(path);
    out = va_h5_create(path, "va.features/1");
    for (int i = 0; i < T * D; i++)
        x[i] = first + (float)i;
    for (int t = 0; t < T; t++) {
        frames[t] = t + 1;
        times[t] = t;
    }
    if (out && va_h5_put_string(out, NULL, "video", "a") == 0 &&
        va_h5_put_real(out, NULL, "fps", 1) == 0 &&
        va_h5_put_int(out, NULL, "frame_count", T) == 0 &&
        va_h5_write(out, "/index", VA_I32, 1, shape, frames) == 0 &&
        va_h5_write(out, "/pts", VA_F64, 1, shape, times) == 0 &&
        va_h5_write(out, "/features", VA_F32, 2, shape, x) == 0)
        return va_h5_commit(&out);
    va_h5_abort(out);
    return -1;
}

/* The exit code for reading one row, 0 when it is read; *x is its first value. */
static int read_row(struct va_h5_in *in, float *x)
{
    float row[D] = { 0 };
    int status;

    va_error_catch_begin(message, sizeof(message));
    (void)!va_h5_read_rows(in, "/features", VA_F32, 2, 1, row);
    status = va_error_catch_end();
    *x = row[0];
    return status;
}

static int wake(struct va_h5_in *in)
{
    int status;

    va_error_catch_begin(message, sizeof(message));
    (void)!va_h5_wake(in);
    status = va_error_catch_end();
    return status;
}

/* Write one byte in place; the file gets another time. */
static void write_in_place(const char *path)
{
    const struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    VA_CHECK(fd >= 0 && pwrite(fd, "x", 1, 3000) == 1 && futimens(fd, times) == 0);
    close(fd);
}

static void renamed_over(void)
{
    struct va_h5_in *in;
    float x;

    VA_CHECK(make("a.h5", 100) == 0 && make("b.h5", 200) == 0);
    in = va_h5_open("a.h5", NULL);
    VA_CHECK(in && rename("b.h5", "a.h5") == 0);
    VA_CHECK_INT(read_row(in, &x), 0);
    VA_CHECK(x == 106); /* the file that was checked, not the one of that name now */
    va_h5_close(in);
}

static void written_in_place(void)
{
    struct va_h5_in *in;
    float x;

    VA_CHECK(make("a.h5", 100) == 0);
    in = va_h5_open("a.h5", NULL);
    VA_CHECK(in);
    write_in_place("a.h5");
    VA_CHECK_INT(read_row(in, &x), VA_EXIT_INPUT);
    VA_CHECK(!strcmp(message, "a.h5: was changed while it was read"));
    va_h5_close(in);
    VA_CHECK(make("a.h5", 100) == 0);
    in = va_h5_open("a.h5", NULL);
    VA_CHECK(in && truncate("a.h5", 1000) == 0);
    VA_CHECK_INT(read_row(in, &x), VA_EXIT_INPUT);
    VA_CHECK(!strcmp(message, "a.h5: was changed while it was read"));
    va_h5_close(in);
}

static void resting(void)
{
    struct va_h5_in *in;
    const float *map;
    float x;

    VA_CHECK(make("a.h5", 100) == 0 && make("b.h5", 200) == 0);
    in = va_h5_open("a.h5", NULL);
    VA_CHECK(in && va_h5_id(in));
    map = va_h5_map(in, "/features", VA_F32);
    va_h5_rest(in);
    VA_CHECK(map && map[6] == 106);
    VA_CHECK_INT(wake(in), 0);
    VA_CHECK_INT(wake(in), 0);
    VA_CHECK_INT(read_row(in, &x), 0);
    VA_CHECK(x == 106);
    va_h5_rest(in);
    VA_CHECK(rename("b.h5", "a.h5") == 0);
    VA_CHECK_INT(wake(in), VA_EXIT_INPUT);
    VA_CHECK(!strcmp(message, "a.h5: was changed while it was in use"));
    VA_CHECK(map[6] == 106);
    va_h5_close(in);
    in = va_h5_open("a.h5", NULL);
    VA_CHECK(in);
    va_h5_rest(in);
    write_in_place("a.h5");
    VA_CHECK_INT(wake(in), VA_EXIT_INPUT);
    va_h5_close(in);
}

/* As many files at once as a corpus has, with fewer descriptors. */
static void many_at_rest(void)
{
    enum { MANY = 300 };
    struct rlimit limit = { 40, 40 }, before;
    struct va_h5_in *in[MANY];
    bool opened = true;

    VA_CHECK(make("a.h5", 100) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit.rlim_max = before.rlim_max;
    VA_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int i = 0; i < MANY; i++) {
        in[i] = va_h5_open("a.h5", NULL);
        opened = opened && in[i] && va_h5_map(in[i], "/features", VA_F32);
        if (in[i])
            va_h5_rest(in[i]);
    }
    VA_CHECK(opened);
    for (int i = 0; i < MANY; i++)
        va_h5_close(in[i]);
    VA_CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

/* What could not be filled is empty, not freed memory. */
static void nothing_after_failure(void)
{
    struct va_h5_in *in;
    char **names = (char **)message; /* not memory to free */
    int64_t count = 7;

    VA_CHECK(make("a.h5", 100) == 0);
    in = va_h5_open("a.h5", NULL);
    va_error_catch_begin(message, sizeof(message));
    VA_CHECK_INT(va_h5_read_strings(in, "/nothing", &names, &count), -1);
    VA_CHECK(!names && count == 0);
    names = (char **)message;
    count = 7;
    VA_CHECK_INT(va_h5_get_strings(in, NULL, "nothing", &names, &count), -1);
    VA_CHECK(!names && count == 0);
    va_error_catch_end();
    va_h5_close(in);
}

int main(void)
{
    char folder[] = "/tmp/va_test_h5_bytes_XXXXXX", command[64];

    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    VA_TEST(renamed_over);
    VA_TEST(written_in_place);
    VA_TEST(resting);
    VA_TEST(many_at_rest);
    VA_TEST(nothing_after_failure);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command))
        return 1;
    return va_test_finish();
}
