#include "cpu/va_gemm.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "cpu/va_hot.h"
#include <pthread.h>
#include <string.h>

/* Working memory of each thread, for the life of the thread. */
static pthread_key_t key;
static int no_key;

static void make_key(void)
{
    no_key = pthread_key_create(&key, va_free);
}

static float *work_of_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    float *work;

    pthread_once(&once, make_key);
    if (no_key)
        return va_error_machine("cannot keep memory for each thread: %s", strerror(no_key)),
               NULL;
    if ((work = pthread_getspecific(key)))
        return work;
    work = va_new(VA_GEMM_WORK, sizeof(*work));
    if (work && pthread_setspecific(key, work)) {
        va_free(work);
        return va_error_memory("out of memory for a thread"), NULL;
    }
    return work;
}

int va_gemm(const struct va_gemm *g, const float *a, const float *b, float *c)
{
    float *work;

    if (g->M <= 0 || g->N <= 0)
        return 0;
    if (g->K <= 0) {
        for (int64_t i = 0; !g->add && i < g->M; i++)
            memset(c + i * g->ldc, 0, (size_t)g->N * sizeof(*c));
        return 0;
    }
    work = work_of_thread();
    if (!work)
        return -1;
    va_hot()->gemm(g, a, b, c, work);
    return 0;
}
