/*
 * Products in every layout against sums in double, at each level of instructions. Sizes lie
 * around those of tiles and blocks.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "cpu/va_gemm.h"
#include "cpu/va_hot.h"
#include "test/va_test.h"
#include <stdlib.h>

enum { GAP = 5, GUARD = 16 };

static float *memory(int64_t count)
{
    float *p = va_new(count, sizeof(*p));

    if (!p)
        abort();
    return p;
}

static float *numbers(int64_t count, uint64_t stream)
{
    float *p = memory(count);

    for (int64_t i = 0; i < count; i++)
        p[i] = (float)(2 * va_rand_uniform(stream, VA_RAND_TEST, 3, (uint64_t)i) - 1);
    return p;
}

/* B [K, N] as the layout of g wants it; sets g->ldb. */
static float *lay(struct va_gemm *g, const float *b)
{
    int64_t depth = (g->K + 15) / 16 * 16, width = g->ldb, count;
    float *out;

    if (g->b != VA_GEMM_PANELS)
        g->ldb = (g->b == VA_GEMM_ROWS ? g->N : g->K) + GAP;
    count = g->b == VA_GEMM_PANELS ? (g->N + width - 1) / width * width * depth
            : g->b == VA_GEMM_ROWS ? g->K * g->ldb
                                   : g->N * g->ldb;
    out = memory(count);
    for (int64_t k = 0; k < g->K; k++)
        for (int64_t n = 0; n < g->N; n++) {
            int64_t at = g->b == VA_GEMM_ROWS ? k * g->ldb + n
                         : g->b == VA_GEMM_COLUMNS
                             ? n * g->ldb + k
                             : (n / width * depth + k) * width + n % width;

            out[at] = b[k * g->N + n];
        }
    return out;
}

static void check(const struct va_gemm *g, const float *a, const float *b, const float *before,
                  const float *c)
{
    double bound, worst = 0, largest = 1;

    for (int64_t m = 0; m < g->M; m++)
        for (int64_t n = 0; n < g->ldc; n++) {
            double sum = g->add ? (double)before[m * g->ldc + n] : 0;

            for (int64_t k = 0; n < g->N && k < g->K; k++)
                sum += (double)a[g->transA ? k * g->lda + m : m * g->lda + k] *
                       (double)b[k * g->N + n];
            if (n >= g->N) /* between the rows */
                sum = (double)before[m * g->ldc + n];
            largest = fmax(largest, fabs(sum));
            worst = va_worse(worst, fabs((double)c[m * g->ldc + n] - sum));
        }
    bound = (4 * sqrt((double)g->K) + 8) * 0x1p-24 * largest; /* as in ops_twin.h */
    for (int64_t i = 0; i < GUARD; i++)
        VA_CHECK(c[g->M * g->ldc + i] == before[g->M * g->ldc + i]);
    if (!(worst <= bound)) {
        printf("# %lldx%lldx%lld layout %d trans %d add %d: off by %g, expected %g\n",
               (long long)g->M, (long long)g->N, (long long)g->K, (int)g->b, g->transA, g->add,
               worst, bound);
        va_test_bad = true;
    }
}

static void product(struct va_gemm g)
{
    float *a, *b, *laid, *c, *before;

    g.lda = (g.transA ? g.M : g.K) + GAP;
    g.ldc = g.N + GAP;
    g.ldb = VA_GEMM_PANEL;
    a = numbers((g.transA ? g.K : g.M) * g.lda, 1);
    b = numbers(g.K * g.N, 2);
    laid = lay(&g, b);
    before = numbers(g.M * g.ldc + GUARD, 3);
    c = memory(g.M * g.ldc + GUARD);
    memcpy(c, before, (size_t)(g.M * g.ldc + GUARD) * sizeof(*c));
    VA_CHECK(va_gemm(&g, a, laid, c) == 0);
    check(&g, a, b, before, c);
    va_free(a);
    va_free(b);
    va_free(laid);
    va_free(before);
    va_free(c);
}

static void all_products(void)
{
    static const int64_t sizes[][3] = {
        { 1, 1, 1 },     { 1, 33, 300 },  { 2, 16, 7 },      { 3, 15, 256 },   { 5, 17, 257 },
        { 6, 31, 16 },   { 7, 16, 255 },  { 13, 530, 31 },   { 25, 48, 1 },    { 97, 65, 130 },
        { 191, 16, 40 }, { 193, 33, 64 }, { 200, 513, 260 }, { 390, 20, 513 },
    };

    for (size_t i = 0; i < VA_COUNT(sizes); i++)
        for (int kind = 0; kind < 12; kind++) {
            struct va_gemm g = { .M = sizes[i][0],
                                 .N = sizes[i][1],
                                 .K = sizes[i][2],
                                 .transA = kind / 3 % 2,
                                 .add = kind / 6,
                                 .b = (enum va_gemm_layout)(kind % 3) };

            product(g);
        }
}

static void every_layout_at_every_level(void)
{
    for (int isa = VA_ISA_PLAIN; isa <= (int)va_cpu_isa(); isa++) {
        va_hot_use((enum va_isa)isa);
        all_products();
        if (va_test_bad) {
            printf("# at level %s\n", va_isa_names[isa]);
            break;
        }
    }
    va_hot_use(va_cpu_isa());
}

/* What a row becomes does not depend on the rows beside it, nor on the columns. */
static void a_row_alone_is_the_same_row(void)
{
    enum { M = 200, N = 40, K = 600, FEW = 7 };
    struct va_gemm g = { .M = M, .N = N, .K = K, .lda = K, .ldb = N, .ldc = N };
    float *a = numbers(M * K, 1), *b = numbers(K * N, 2), *work = memory(VA_GEMM_WORK);
    float *all = memory(M * N), *one = memory(M * N);

    va_hot()->gemm(&g, a, b, all, work);
    g.N = FEW;
    for (int m = 0; m < M; m += 3) {
        g.M = M - m < 3 ? M - m : 3;
        va_hot()->gemm(&g, a + m * K, b + N - FEW, one + m * N + N - FEW, work);
    }
    for (int m = 0; m < M; m++)
        VA_CHECK(!memcmp(all + m * N + N - FEW, one + m * N + N - FEW, FEW * sizeof(*one)));
    va_free(a);
    va_free(b);
    va_free(work);
    va_free(all);
    va_free(one);
}

int main(void)
{
    VA_TEST(every_layout_at_every_level);
    VA_TEST(a_row_alone_is_the_same_row);
    return va_test_finish();
}
