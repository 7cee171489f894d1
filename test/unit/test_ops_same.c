/*
 * A device gives the same bytes in every run; the CPU for every number of threads and at every level of
 * instructions with fused multiplications (AVX2, AVX-512), and nearly the same values without them.
 * Called as "test_ops_same sum", it prints a sum of all these bytes.
 */
#include "base/va_cpu.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_thread.h"
#include "cpu/va_hot.h"
#include "test/unit/device.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD = 128, PARTS = 64, ROOM = 1 << 22 };

static const char *self; /* path of this program */

/* Results of everything(), part by part. */
struct results {
    float *values; /* [ROOM] */
    int64_t end[PARTS];
    int parts;
};

static struct va_backend *be;
static float *held[HELD];
static int count;
static uint64_t stream;

static float *tensor(int64_t n, double low, double high)
{
    float *p = be->ops->alloc(be, n), *values = va_new(n, sizeof(*values));

    if (!p || !values || count == HELD)
        exit(4);
    stream++;
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(low + (high - low) *
                                      va_rand_uniform(stream, VA_RAND_TEST, 2, (uint64_t)i));
    be->ops->put_f32(be, p, values, n);
    va_free(values);
    return held[count++] = p;
}

static void keep(struct results *r, const float *p, int64_t n)
{
    int64_t start = r->parts ? r->end[r->parts - 1] : 0;

    if (start + n > ROOM || r->parts == PARTS)
        exit(4);
    be->ops->get_f32(be, r->values + start, p, n);
    r->end[r->parts++] = start + n;
}

static void maps(struct results *r)
{
    enum { N = 40009 };
    float *x = tensor(N, -3, 3), *y = tensor(N, 0, 0), *dy = tensor(N, -1, 1);
    float *slope = tensor(1, 0.2, 0.3), *dslope = tensor(1, 0, 0);
    struct va_update u = { N, x, dy, tensor(N, 0, 0), tensor(N, 0, 0), 0.01, 1, NULL };
    struct va_adamw h = { 0.9, 0.999, 1e-8, 0.5, &u, 1, NULL, 0, NULL };
    struct va_step record = { 5, 6, 1e-3, 1, { .worst = -1 }, 0 };
    void *step = tensor(sizeof(record) / sizeof(float), 0, 0);
    float *norm = tensor(1, 0, 0);

    be->ops->put_bytes(be, step, &record, sizeof(record));
    be->ops->unary(be, VA_GELU, N, x, y);
    keep(r, y, N);
    be->ops->unary_grad(be, VA_SILU, N, x, y, dy, y);
    keep(r, y, N);
    be->ops->prelu_grad(
        be, &(struct va_prelu_grad){ N, x, slope, dy, y, dslope, { 0.3, step, 1, 1 } });
    keep(r, y, N);
    keep(r, dslope, 1);
    be->ops->prelu(be, &(struct va_prelu){ N, x, slope, dy, y, { 0.3, step, 1, 1 } });
    keep(r, y, N);
    be->ops->dropout(be, &(struct va_dropout){ N, { 0.3, step, 1, 0 }, x, y });
    keep(r, y, N);
    h.step = step;
    be->ops->update(be, &h);
    be->ops->get_bytes(be, &record, step, sizeof(record));
    be->ops->put_f64(be, norm, &record.report.norm, 1);
    keep(r, norm, 1);
    keep(r, x, N);
}

/* Five taps are multiplied one by one, fifteen by their spectra. */
static void convolution(struct results *r, int64_t taps)
{
    enum { T = 130, CIN = 64, COUT = 130 };
    struct va_weight c = { .data = tensor(COUT * CIN * taps, -1, 1), .stale = true };
    float *cx = tensor(2 * T * CIN, -1, 1), *cy = tensor(2 * T * COUT, 0, 0);
    float *cdx = tensor(2 * T * CIN, 0, 0), *cdw = tensor(COUT * CIN * taps, 0, 0);
    float *cdb = tensor(COUT, 0, 0);

    be->ops->conv(be, &(struct va_conv){ 2, T, CIN, COUT, taps, 3, 0, cx, &c, NULL, cy });
    keep(r, cy, 2 * T * COUT);
    be->ops->conv_grad(
        be, &(struct va_conv_grad){ 2, T, CIN, COUT, taps, 3, cy, cx, &c, cdx, cdw, cdb });
    keep(r, cdx, 2 * T * CIN);
    keep(r, cdw, COUT * CIN * taps);
    keep(r, cdb, COUT);
    be->ops->weight_release(be, &c);
}

static void products(struct results *r)
{
    enum { M = 301, N = 130, K = 70 };
    struct va_weight w = { .data = tensor(N * K, -1, 1), .stale = true };
    float *x = tensor(M * K, -1, 1), *y = tensor(M * N, 0, 0), *dx = tensor(M * K, 0, 0);
    float *dw = tensor(N * K, 0, 0), *db = tensor(N, 0, 0);

    be->ops->linear(be, &(struct va_linear){ .M = M,
                                             .N = N,
                                             .K = K,
                                             .x = x,
                                             .ldx = K,
                                             .w = &w,
                                             .act = VA_RELU,
                                             .y = y,
                                             .ldy = N });
    keep(r, y, M * N);
    be->ops->linear_grad(be, &(struct va_linear_grad){ .M = M,
                                                       .N = N,
                                                       .K = K,
                                                       .dy = y,
                                                       .lddy = N,
                                                       .x = x,
                                                       .ldx = K,
                                                       .w = &w,
                                                       .dx = dx,
                                                       .lddx = K,
                                                       .dw = dw,
                                                       .dbias = db });
    keep(r, dx, M * K);
    keep(r, dw, N * K);
    keep(r, db, N);
    be->ops->weight_release(be, &w);
}

static void sequences(struct results *r)
{
    enum { B = 3, T = 70, E = 130, N = 8, ROWS = B * T };
    float *u = tensor(ROWS * E, -1, 1), *delta = tensor(ROWS * E, 0.001, 0.8);
    float *A = tensor(E * N, -2, -0.1), *Bm = tensor(ROWS * N, -1, 1);
    float *Cm = tensor(ROWS * N, -1, 1), *skip = tensor(E, -1, 1), *z = tensor(ROWS * E, -2, 2);
    float *dy = tensor(ROWS * E, -1, 1), *y = tensor(ROWS * E, 0, 0);
    float *du = tensor(ROWS * E, 0, 0), *dd = tensor(ROWS * E, 0, 0);
    float *dB = tensor(ROWS * N, 0, 0), *dC = tensor(ROWS * N, 0, 0), *dA = tensor(E * N, 0, 0);
    float *ds = tensor(E, 0, 0), *w = tensor(E * 4, -1, 1), *stats = tensor(2 * ROWS, 0, 0);
    float *dw = tensor(E * 4, 0, 0);
    int64_t states = va_scan_marks(be, B, T) * E * N;
    float *marks = tensor(states, 0, 0);

    be->ops->scan(be, &(struct va_scan){ .B = B,
                                         .T = T,
                                         .E = E,
                                         .N = N,
                                         .u = u,
                                         .delta = delta,
                                         .A = A,
                                         .Bm = Bm,
                                         .Cm = Cm,
                                         .skip = skip,
                                         .z = z,
                                         .ldu = E,
                                         .lddelta = E,
                                         .ldB = N,
                                         .ldC = N,
                                         .ldz = E,
                                         .y = y,
                                         .marks = marks });
    keep(r, y, ROWS * E);
    if (states > 0)
        keep(r, marks, states);
    be->ops->scan_grad(be, &(struct va_scan_grad){ .B = B,
                                                   .T = T,
                                                   .E = E,
                                                   .N = N,
                                                   .dy = dy,
                                                   .marks = marks,
                                                   .u = u,
                                                   .delta = delta,
                                                   .A = A,
                                                   .Bm = Bm,
                                                   .Cm = Cm,
                                                   .skip = skip,
                                                   .z = z,
                                                   .ldu = E,
                                                   .lddelta = E,
                                                   .ldB = N,
                                                   .ldC = N,
                                                   .ldz = E,
                                                   .du = du,
                                                   .ddelta = dd,
                                                   .dBm = dB,
                                                   .dCm = dC,
                                                   .lddu = E,
                                                   .ldddelta = E,
                                                   .lddB = N,
                                                   .lddC = N,
                                                   .lddz = E,
                                                   .dA = dA,
                                                   .dskip = ds });
    keep(r, du, ROWS * E);
    keep(r, dd, ROWS * E);
    keep(r, dB, ROWS * N);
    keep(r, dC, ROWS * N);
    keep(r, dA, E * N);
    keep(r, ds, E);
    be->ops->dwconv(be, &(struct va_dwconv){ B, T, E, 4, 0, E, u, w, skip, VA_SILU, y });
    keep(r, y, ROWS * E);
    be->ops->dwconv_grad(
        be, &(struct va_dwconv_grad){ B, T, E, 4, E, E, dy, u, w, skip, VA_SILU, du, dw, ds });
    keep(r, du, ROWS * E);
    keep(r, dw, E * 4);
    be->ops->norm(be, &(struct va_norm){ ROWS, E, 1e-5, u, skip, skip, y, stats });
    keep(r, y, ROWS * E);
    be->ops->zero(be, ds, E);
    be->ops->zero(be, dw, E * 4);
    be->ops->norm_grad(be,
                       &(struct va_norm_grad){ ROWS, E, dy, u, skip, stats, dy, du, ds, dw });
    keep(r, du, ROWS * E);
    keep(r, ds, E);
    keep(r, dw, E);
}

static void layers(struct results *r)
{
    enum { B = 3, T = 33, H = 4, D = 8, W = H * D, ROWS = B * T };
    float *qkv = tensor(ROWS * 3 * W, -1, 1), *y = tensor(ROWS * W, 0, 0);
    float *lse = tensor(ROWS * H, 0, 0), *dy = tensor(ROWS * W, -1, 1);
    float *dqkv = tensor(ROWS * 3 * W, 0, 0), *bias = tensor(4 * W, -1, 1);
    struct va_weight w = { .data = tensor(4 * W * W, -0.2, 0.2), .stale = true };

    be->ops->attention(be,
                       &(struct va_attention){ B, T, T, H, D, true, qkv, qkv + W, qkv + 2 * W,
                                               3 * W, 3 * W, T * 3 * W, T * 3 * W, y, lse });
    keep(r, y, ROWS * W);
    keep(r, lse, ROWS * H);
    be->ops->attention_grad(be, &(struct va_attention_grad){ B, T, T, H, D, true, qkv, qkv + W,
                                                             qkv + 2 * W, y, lse, dy, 3 * W,
                                                             3 * W, T * 3 * W, T * 3 * W, dqkv,
                                                             dqkv + W, dqkv + 2 * W });
    keep(r, dqkv, ROWS * 3 * W);
    for (int i = 0; i < 2; i++) {
        enum va_cell cell = i ? VA_CELL_GRU : VA_CELL_LSTM;
        int64_t n = ROWS * va_cell_gates(cell) * W;
        float *a = tensor(n, -1, 1), *memo = tensor(ROWS * W, 0, 0);
        float *da = tensor(n, 0, 0), *ds = tensor(n, 0, 0);

        be->ops->recurrent(be,
                           &(struct va_recurrent){ cell, B, T, W, &w, bias, a, memo, y, NULL });
        keep(r, a, n);
        keep(r, y, ROWS * W);
        be->ops->recurrent_grad(
            be, &(struct va_recurrent_grad){ cell, B, T, W, &w, a, memo, y, dy, da, ds });
        keep(r, da, n);
    }
    be->ops->weight_release(be, &w);
}

static struct results everything(int threads)
{
    struct results r = { .values = va_new(ROOM, sizeof(float)) };

    va_threads_set(threads);
    be = va_test_device();
    if (!r.values || !be)
        exit(4);
    count = 0;
    stream = 0;
    maps(&r);
    products(&r);
    convolution(&r, 5);
    convolution(&r, 15);
    sequences(&r);
    layers(&r);
    if (!va_test_of_cpu()) { /* whose instruction sets need not agree in bfloat16 */
        be->precision = VA_BF16_PRODUCTS;
        products(&r);
        convolution(&r, 5);
        convolution(&r, 15);
    }
    VA_CHECK(va_backend_check(be) == 0);
    for (int i = 0; i < count; i++)
        be->ops->free(be, held[i]);
    va_backend_free(be);
    va_threads_set(0);
    return r;
}

static void check_same(const struct results *a, const struct results *b)
{
    VA_CHECK_INT(a->parts, b->parts);
    for (int p = 0; p < a->parts; p++) {
        int64_t start = p ? a->end[p - 1] : 0;
        size_t bytes = (size_t)(a->end[p] - start) * sizeof(float);

        if (memcmp(a->values + start, b->values + start, bytes)) {
            printf("# part %d differs\n", p);
            va_test_bad = true;
        }
    }
}

static void two_runs(void)
{
    struct results a = everything(0), b = everything(0);

    check_same(&a, &b);
    va_free(a.values);
    va_free(b.values);
}

static void any_number_of_threads(void)
{
    struct results one = everything(1);

    for (int n = 2; n <= 5; n++) {
        struct results more = everything(n);

        check_same(&one, &more);
        va_free(more.values);
    }
    va_free(one.values);
}

/* The plain level differs by the rounding between a product and a sum: some roundings of the
 * largest value of each result, times the square root of the longest sum, here 40009. */
static void levels_agree(void)
{
    struct results best = everything(0);

    for (int level = 0; level < (int)va_cpu_isa(); level++) {
        struct results other;

        va_hot_use((enum va_isa)level);
        other = everything(0);
        if (level >= VA_ISA_AVX2)
            check_same(&best, &other);
        for (int p = 0; p < best.parts; p++) {
            double largest = 0, worst = 0;

            for (int64_t i = p ? best.end[p - 1] : 0; i < best.end[p]; i++) {
                largest = fmax(largest, fabs(best.values[i]));
                worst = va_worse(worst, fabs((double)best.values[i] - other.values[i]));
            }
            if (!(worst <= 32 * 0x1p-24 * largest) || !(largest > 0)) {
                printf("# part %d, %s: off by %.3g of %.3g\n", p, va_isa_names[level], worst,
                       largest);
                va_test_bad = true;
            }
        }
        va_free(other.values);
    }
    va_hot_use(va_cpu_isa());
    va_free(best.values);
}

/* Another test of operations, in a process where a variable of the environment is set. */
static void pass_where(const char *variable, const char *value, const char *test)
{
    int folder = (int)(strrchr(self, '/') ? strrchr(self, '/') - self + 1 : 0), status = -1;
    char path[1024];
    pid_t pid;

    snprintf(path, sizeof(path), "%.*s%s", folder, self, test);
    if (access(path, X_OK))
        VA_SKIP("the other tests are not built");
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        setenv(variable, value, 1);
        if (freopen("/dev/null", "w", stdout))
            execl(path, path, (char *)NULL);
        _exit(127);
    }
    VA_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (status) {
        printf("# %s=%s %s fails\n", variable, value, test);
        va_test_bad = true;
    }
}

/* They pass when the whole process is held to a lower level: that reaches whatever asks for it. */
static void tests_at_lower_levels(void)
{
    static const char *const tests[] = { "test_ops", "test_ops_products", "test_ops_time" };

    if (getenv("VA_ISA") || va_cpu_isa() == VA_ISA_PLAIN)
        VA_SKIP("there is no lower level");
    for (int level = 0; level < (int)va_cpu_isa(); level++)
        for (int i = 0; i < 3; i++)
            pass_where("VA_ISA", va_isa_names[level], tests[i]);
}

static void tests_by_both_methods(void)
{
    if (va_test_emulated())
        VA_SKIP("the emulator starts no other program");
    pass_where("VA_CONV", "direct", "test_ops_products");
    pass_where("VA_CONV", "spectral", "test_ops_products");
}

static int print_sum(void)
{
    struct results r = everything(0);
    uint64_t sum = 0;

    for (int64_t i = 0; i < r.end[r.parts - 1]; i++) {
        uint32_t bits;

        memcpy(&bits, &r.values[i], sizeof(bits));
        sum = (sum ^ bits) * 0x100000001b3;
    }
    printf("%016llx\n", (unsigned long long)sum);
    va_free(r.values);
    return va_test_bad;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "sum"))
        return print_sum();
    self = argv[0];
    VA_TEST(two_runs);
    if (!va_test_of_cpu())
        return va_test_finish();
    VA_TEST(any_number_of_threads);
    VA_TEST(levels_agree);
    VA_TEST(tests_at_lower_levels);
    VA_TEST(tests_by_both_methods);
    return va_test_finish();
}
