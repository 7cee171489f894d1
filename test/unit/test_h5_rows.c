/* Rows written one after the other give the same file, whatever number of them was thought likely. */
#include "base/va_input.h"
#include "base/va_mem.h"
#include "io/va_h5.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 300, WIDE = 20000, NARROW = 3, NONE = -1 };

static char folder[] = "/tmp/va-rows-XXXXXX";
static float *rows; /* [ROWS, WIDE] */
static int32_t numbers[ROWS];
static double times[ROWS];

static const char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int64_t size_of(const char *name)
{
    struct stat st;

    return stat(in_folder(name), &st) == 0 ? st.st_size : -1;
}

static struct va_h5_out *create(const char *name)
{
    va_input_forget(in_folder(name)); /* it was read, and is written again */
    return va_h5_create(in_folder(name), "va.features/1");
}

/* Rows of D, `likely` of them announced (NONE: exactly these), in pieces of `step`; numbers are
 * written in between where `between` says so. */
static void make(const char *name, int64_t D, int64_t likely, int64_t step, bool between)
{
    const int64_t unknown[] = { likely == NONE ? ROWS : -1, D }, n = ROWS;
    struct va_h5_out *out = create(name);
    struct va_h5_rows *r = out ? va_h5_rows_begin_likely(out, "/features", VA_F32, 2, unknown,
                                                         likely == NONE ? 0 : likely)
                               : NULL;

    if (!r)
        abort();
    for (int64_t i = 0; i < ROWS; i += step) {
        VA_CHECK_INT(va_h5_rows_append(r, step < ROWS - i ? step : ROWS - i, rows + i * D), 0);
        if (between && i == 0)
            VA_CHECK_INT(va_h5_write(out, "/index", VA_I32, 1, &n, numbers), 0);
    }
    VA_CHECK_INT(va_h5_rows_finish(&r), 0);
    if (!between)
        VA_CHECK_INT(va_h5_write(out, "/index", VA_I32, 1, &n, numbers), 0);
    VA_CHECK(va_h5_write(out, "/pts", VA_F64, 1, &n, times) == 0 &&
             va_h5_put_string(out, NULL, "video", "v") == 0 &&
             va_h5_put_real(out, NULL, "fps", 30) == 0 &&
             va_h5_put_int(out, NULL, "frame_count", ROWS) == 0);
    VA_CHECK_INT(va_h5_commit(&out), 0);
}

/* The rows as they were given, contiguous, under the id that goes with them. */
static void check(const char *name, int64_t D)
{
    struct va_h5_in *in = va_h5_open(in_folder(name), "va.features/1");
    const float *got = in ? va_h5_map(in, "/features", VA_F32) : NULL;

    VA_CHECK(got && memcmp(got, rows, (size_t)(ROWS * D) * sizeof(*got)) == 0);
    VA_CHECK(in && !strcmp(va_h5_id(in), va_h5_compute_id(in)));
    va_h5_close(in);
}

static void wrong_numbers_cost_no_bytes(void)
{
    static const int64_t likely[] = { 0, 1, 7, 299, 300, 301, 1000 };

    for (int64_t D = NARROW; D <= WIDE; D += WIDE - NARROW)
        for (size_t i = 0; i < VA_COUNT(likely); i++) {
            make("exact.h5", D, NONE, 1, false);
            make("likely.h5", D, likely[i], i % 2 ? 1 : 7, false);
            check("exact.h5", D);
            check("likely.h5", D);
            VA_CHECK(llabs((long long)(size_of("likely.h5") - size_of("exact.h5"))) <= 4096);
        }
}

/* Something else lies behind the rows, so that more of them have to move. */
static void rows_move_where_their_place_is_too_small(void)
{
    static const int64_t likely[] = { 1, 150, 299, 300, 400 };

    for (int64_t D = NARROW; D <= WIDE; D += WIDE - NARROW)
        for (size_t i = 0; i < VA_COUNT(likely); i++) {
            make("moved.h5", D, likely[i], 10, true);
            check("moved.h5", D);
        }
}

/* A number that no file holds is none. */
static void an_impossible_number_is_not_believed(void)
{
    make("large.h5", NARROW, INT64_MAX / 2, 1, false);
    check("large.h5", NARROW);
}

int main(void)
{
    static const char *const names[] = { "exact.h5", "likely.h5", "moved.h5", "large.h5" };

    rows = va_new(ROWS * WIDE, sizeof(*rows));
    if (!rows || !mkdtemp(folder))
        return 1;
    for (int i = 0; i < ROWS * WIDE; i++)
        rows[i] = (float)i;
    for (int i = 0; i < ROWS; i++)
        numbers[i] = i + 1;
    VA_TEST(wrong_numbers_cost_no_bytes);
    VA_TEST(rows_move_where_their_place_is_too_small);
    VA_TEST(an_impossible_number_is_not_believed);
    for (size_t i = 0; i < VA_COUNT(names); i++)
        unlink(in_folder(names[i]));
    va_free(rows);
    VA_CHECK(rmdir(folder) == 0);
    return va_test_finish();
}
