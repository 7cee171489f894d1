/* The HDF5 store in several threads: the lock is inside, callers have none. */
#include "../va_test.h"
#include "base/va_error.h"
#include "io/va_h5.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 40, T = 50, D = 8 };

static float rows[T][D];
static int32_t numbers[T];
static double times[T];

static int write_one(const char *path)
{
    struct va_h5_out *out = va_h5_create(path, "va.features/1");
    struct va_h5_rows *r = NULL;
    int result = -1;

    if (out && va_h5_put_string(out, NULL, "video", "a") == 0 &&
        va_h5_put_real(out, NULL, "fps", 25) == 0 &&
        va_h5_put_int(out, NULL, "frame_count", T) == 0 &&
        va_h5_write(out, "/index", VA_I32, 1, (int64_t[]){ T }, numbers) == 0 &&
        va_h5_write(out, "/pts", VA_F64, 1, (int64_t[]){ T }, times) == 0 &&
        (r = va_h5_rows_begin(out, "/features", VA_F32, 2, (int64_t[]){ T, D })))
        result = 0;
    for (int t = 0; result == 0 && t < T; t++)
        result = va_h5_rows_append(r, 1, rows[t]);
    if (result == 0 && va_h5_rows_finish(&r) == 0)
        result = va_h5_commit(&out);
    va_h5_abort(out);
    return result;
}

static int read_one(const char *path)
{
    struct va_h5_in *in = va_h5_open(path, "va.features/1");
    float row[D];
    int result = in ? 0 : -1;

    for (int t = 0; result == 0 && t < T; t++)
        if (va_h5_read_rows(in, "/features", VA_F32, t, 1, row) < 0 ||
            memcmp(row, rows[t], sizeof(row)) != 0)
            result = -1;
    va_h5_close(in);
    return result;
}

static void *work(void *arg)
{
    char path[32];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(path, sizeof(path), "%d-%d.h5", *(int *)arg, i);
        if (write_one(path) < 0 || read_one(path) < 0)
            return arg;
    }
    return NULL;
}

static void threads_write_and_read_files(void)
{
    pthread_t thread[THREADS];
    int number[THREADS];
    void *failed;

    for (int i = 0; i < THREADS; i++) {
        number[i] = i;
        if (pthread_create(&thread[i], NULL, work, &number[i]))
            abort();
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], &failed);
        VA_CHECK(!failed);
    }
}

static struct va_h5_in *shared;

static void *read_shared(void *arg)
{
    float row[D];

    for (int i = 0; i < ROUNDS * T; i++)
        if (va_h5_read_rows(shared, "/features", VA_F32, i % T, 1, row) < 0 ||
            memcmp(row, rows[i % T], sizeof(row)) != 0)
            return arg;
    return NULL;
}

static void threads_read_rows_of_one_file(void)
{
    pthread_t thread[THREADS];
    void *failed;

    VA_CHECK_INT(write_one("shared.h5"), 0);
    shared = va_h5_open("shared.h5", NULL);
    if (!shared)
        abort();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, read_shared, rows))
            abort();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], &failed);
        VA_CHECK(!failed);
    }
    va_h5_close(shared);
}

int main(void)
{
    char folder[] = "/tmp/va_test_h5_threads_XXXXXX", command[64];

    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    for (int t = 0; t < T; t++) {
        numbers[t] = t + 1;
        times[t] = t / 25.0;
        for (int d = 0; d < D; d++)
            rows[t][d] = (float)(t * D + d);
    }
    VA_TEST(threads_write_and_read_files);
    VA_TEST(threads_read_rows_of_one_file);
    if (chdir("/") < 0)
        return 1;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command))
        return 1;
    return va_test_finish();
}
