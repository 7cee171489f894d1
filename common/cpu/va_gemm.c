#include "cpu/va_gemm.h"

#include "base/va_mem.h"
#include "cpu/va_hot.h"
#include <string.h>

enum { THREADS = 1024 };

int va_gemm(const struct va_gemm *g, int thread, const float *a, const float *b, float *c)
{
    static float *work[THREADS]; /* of each thread, for the life of the process */

    if (g->M <= 0 || g->N <= 0)
        return 0;
    if (g->K <= 0) {
        for (int64_t i = 0; !g->add && i < g->M; i++)
            memset(c + i * g->ldc, 0, (size_t)g->N * sizeof(*c));
        return 0;
    }
    if (!work[thread])
        work[thread] = va_new(VA_GEMM_WORK, sizeof(**work));
    if (!work[thread])
        return -1;
    va_hot()->gemm(g, a, b, c, work[thread]);
    return 0;
}
