/*
 * --precision int8: linear layers in 8 bits against whole numbers known beforehand and against ref, the same
 * bytes with every instruction set.
 */
#include "base/va_error.h"
#include "cpu/va_hot.h"
#include "test/unit/ops_twin.h"
#include <stdlib.h>

/* fn with each instruction set of the CPU, with AMX and VNNI, where they are, and without. */
static void at_every_level(void (*fn)(void))
{
    if (!va_test_of_cpu()) {
        fn();
        return;
    }
    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++) {
        static const char *const ways[][2] = { { "yes", "yes" },
                                               { "no", "yes" },
                                               { "no", "no" } };

        va_hot_use((enum va_isa)isa);
        for (size_t i = 0; i < VA_COUNT(ways); i++) {
            setenv("VA_AMX", ways[i][0], 1);
            setenv("VA_VNNI", ways[i][1], 1);
            va_cpu_ask_again();
            fn();
        }
    }
    unsetenv("VA_AMX");
    unsetenv("VA_VNNI");
    va_cpu_ask_again();
    va_hot_use(va_cpu_isa());
}

static void begin(void)
{
    twin_begin();
    twin_ref->precision = twin_cpu->precision = VA_INT8_PRODUCTS;
}

/* ---- whole numbers stay what they are ----------------------------------------------------------- */

/* Between -127 and 127, which is there once a row: the scale is 1. */
static float whole(uint64_t stream, int64_t row, int64_t k, int64_t K)
{
    uint64_t at = (uint64_t)(row * K + k);

    if (k == row % K)
        return row % 2 ? 127 : -127;
    return (float)floor(va_rand_uniform(stream, VA_RAND_TEST, 5, at) * 255) - 127;
}

/* A buffer with these numbers. */
static void *put(struct va_backend *be, const float *values, int64_t count)
{
    void *to = be->ops->alloc(be, count);

    if (!to)
        exit(4);
    be->ops->put_f32(be, to, values, count);
    return to;
}

static void sums_of(int64_t M, int64_t N, int64_t K)
{
    struct va_backend *be = va_test_device();
    float *x = va_new(M * K, sizeof(*x)), *w = va_new(N * K, sizeof(*w));
    float *y = va_new(M * N, sizeof(*y));
    struct va_weight weight;
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K, .w = &weight, .ldy = N };
    void *at[3];

    for (int64_t i = 0; i < M * K; i++)
        x[i] = whole(1, i / K, i % K, K);
    for (int64_t i = 0; i < N * K; i++)
        w[i] = whole(2, i / K, i % K, K);
    p.x = at[0] = put(be, x, M * K), p.y = at[1] = put(be, y, M * N);
    weight = twin_weight(at[2] = put(be, w, N * K));
    be->precision = VA_INT8_PRODUCTS;
    be->ops->linear(be, &p);
    be->ops->get_f32(be, y, p.y, M * N);
    VA_CHECK(va_backend_check(be) == 0);
    for (int64_t i = 0; i < M * N && !va_test_bad; i++) {
        int64_t sum = 0;

        for (int64_t k = 0; k < K; k++)
            sum += (int64_t)x[i / N * K + k] * (int64_t)w[i % N * K + k];
        VA_CHECK_INT((int64_t)y[i], sum);
    }
    be->ops->weight_release(be, &weight);
    for (int i = 0; i < 3; i++)
        be->ops->free(be, at[i]);
    va_backend_free(be);
    va_free(x);
    va_free(w);
    va_free(y);
}

static const int64_t shapes[][3] = { { 1, 1, 1 },     { 1, 17, 5 },   { 7, 2, 33 },
                                     { 13, 31, 61 },  { 97, 65, 3 },  { 25, 16, 16 },
                                     { 61, 513, 37 }, { 3, 33, 1031 } };

static void whole_numbers(void)
{
    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        sums_of(shapes[i][0], shapes[i][1], shapes[i][2]);
}

static void whole_numbers_are_exact(void)
{
    at_every_level(whole_numbers);
}

/* The largest sum there can be fits; one more number is refused. */
static void longest(void)
{
    enum { K = VA_BYTES_DEPTH };
    struct va_backend *be = va_test_device();
    float *x = va_new(K + 1, sizeof(*x)), *w = va_new(2 * (K + 1), sizeof(*w)), y[2] = { 0, 0 };
    void *at[3] = { NULL, put(be, y, 2), NULL };
    struct va_weight weight, more;
    struct va_linear p = { .M = 1, .N = 2, .K = K, .ldx = K, .w = &weight, .ldy = 2 };
    char line[256] = "";

    for (int i = 0; i <= K; i++)
        x[i] = -127;
    for (int i = 0; i < 2 * (K + 1); i++)
        w[i] = i < K ? 127 : -127;
    p.x = at[0] = put(be, x, K + 1), p.y = at[1], at[2] = put(be, w, 2 * (K + 1));
    weight = more = twin_weight(at[2]);
    be->precision = VA_INT8_PRODUCTS;
    be->ops->linear(be, &p);
    be->ops->get_f32(be, y, p.y, 2);
    VA_CHECK_INT((int64_t)y[0], -2114060288);
    VA_CHECK_INT((int64_t)y[1], 2114060288);
    p.K++;
    p.w = &more;
    va_error_catch_begin(line, sizeof(line));
    be->ops->linear(be, &p);
    VA_CHECK(va_backend_check(be) < 0);
    VA_CHECK_INT(va_error_catch_end(), VA_EXIT_MACHINE);
    VA_CHECK(!strcmp(line, "a linear layer of 131073 inputs: expected at most 131072 in int8"));
    be->ops->weight_release(be, &weight);
    be->ops->weight_release(be, &more);
    for (int i = 0; i < 3; i++)
        be->ops->free(be, at[i]);
    va_backend_free(be);
    va_free(x);
    va_free(w);
}

static void the_longest_sum_fits(void)
{
    at_every_level(longest);
}

/* ---- against ref --------------------------------------------------------------------------------- */

/* With a gap between rows also an activation, and the residual in another place. */
static struct twin *linear(int64_t M, int64_t N, int64_t K, int64_t gap)
{
    enum { B = 2 };
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K + gap, .ldy = N + gap, .B = B };
    struct twin *x, *w, *b, *r, *y;

    p.stepx = M * p.ldx, p.stepr = p.stepy = M * p.ldy;
    x = twin_random(B * p.stepx, -3, 2);
    w = twin_random(N * K, -1, 1);
    b = twin_random(N, -1, 1);
    r = twin_random(B * p.stepy, -1, 1);
    y = gap ? twin_new(B * p.stepy) : r;
    p.act = gap ? VA_GELU : VA_IDENTITY;
    twin_linear(p, x, w, b, r, y);
    return y;
}

static void linear_layers(void)
{
    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        for (int64_t gap = 0; gap < 4; gap += 3) {
            begin();
            twin_check("linear", linear(shapes[i][0], shapes[i][1], shapes[i][2], gap), 1, 1);
            twin_end();
        }
}

static void linear_layers_are_those_of_ref(void)
{
    at_every_level(linear_layers);
}

/* x is not finite, all zeros, too small to be told from zeros, and just not so. */
static void odd_rows(void)
{
    enum { M = 7, N = 19, K = 37 };
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K, .ldy = N };
    struct twin *x, *w, *y;
    double *values;

    begin();
    x = twin_random(M * K, -1, 1), w = twin_random(N * K, -1, 1), y = twin_new(M * N);
    twin_set(x, 1 * K + K - 1, NAN);
    twin_set(x, 2 * K + 3, INFINITY);
    twin_set(x, 3 * K, -INFINITY);
    for (int64_t k = 0; k < K; k++) {
        twin_set(x, 4 * K + k, 0);
        twin_set(x, 5 * K + k, k % 2 ? 0x1p-101f : -0x1p-140f);
        twin_set(x, 6 * K + k, k % 3 ? 0x1p-100f : -0x1p-140f);
        twin_set(w, 2 * K + k, 0);
    }
    twin_linear(p, x, w, NULL, NULL, y);
    twin_check("linear", y, 1, 1);
    values = twin_values(twin_cpu, y->cpu_block, y->count);
    for (int64_t i = 0; i < M * N; i++) {
        double v = values[TWIN_GUARD + i];

        VA_CHECK(i / N >= 1 && i / N <= 3 ? isnan(v) : isfinite(v));
        if (i / N == 4 || i / N == 5 || (i % N == 2 && isfinite(v)))
            VA_CHECK(v == 0);
        else if (i / N == 6)
            VA_CHECK(v != 0);
    }
    va_free(values);
    twin_end();
}

static void rows_that_are_not_finite_or_zeros(void)
{
    at_every_level(odd_rows);
}

/* ---- the same bytes ------------------------------------------------------------------------------ */

enum { M = 53, N = 117, K = 259 };
static float first[M * N];
static bool known;

static void same_bytes(void)
{
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K, .ldy = N };
    struct twin *x, *w, *b, *y;
    struct va_weight weight;
    float *found;

    begin();
    twin_seed = 1;
    x = twin_random((int64_t)M * K, -2, 3), w = twin_random((int64_t)N * K, -.1, .1);
    b = twin_random(N, -1, 1), y = twin_new(M * N);
    weight = twin_weight(w->cpu);
    p.w = &weight, p.x = x->cpu, p.bias = b->cpu, p.y = y->cpu;
    twin_cpu->ops->linear(twin_cpu, &p);
    found = twin_floats(y->cpu, (int64_t)M * N);
    if (!known)
        memcpy(first, found, sizeof(first));
    known = true;
    VA_CHECK(!memcmp(first, found, sizeof(first)));
    va_free(found);
    twin_cpu->ops->weight_release(twin_cpu, &weight);
    twin_end();
}

static void every_instruction_set_gives_the_same_bytes(void)
{
    at_every_level(same_bytes);
}

/* Attention takes no notice, nor do gradients. */
static void nothing_else_is_rounded(void)
{
    enum { T = 33, D = 20 };
    struct va_attention a = { .B = 1, .Tq = T, .Tk = T, .H = 1, .D = D, .ldq = D, .ldk = D };
    struct va_linear_grad g = { .M = T, .N = D, .K = D, .lddy = D, .lddx = D };
    struct twin *x, *w, *y, *dx;
    struct va_weight wr, wc;

    begin();
    twin_ref->precision = VA_F32_PRODUCTS;
    x = twin_random(T * D, -1, 1), w = twin_random(D * D, -1, 1);
    y = twin_new(T * D), dx = twin_new(T * D);
    a.q = a.k = a.v = x->ref, a.y = y->ref;
    twin_ref->ops->attention(twin_ref, &a);
    a.q = a.k = a.v = x->cpu, a.y = y->cpu;
    twin_cpu->ops->attention(twin_cpu, &a);
    twin_check("attention", y, D, D);
    wr = twin_weight(w->ref);
    wc = twin_weight(w->cpu);
    g.w = &wr, g.dy = x->ref, g.dx = dx->ref;
    twin_ref->ops->linear_grad(twin_ref, &g);
    g.w = &wc, g.dy = x->cpu, g.dx = dx->cpu;
    twin_cpu->ops->linear_grad(twin_cpu, &g);
    twin_check("linear dx", dx, D, 1);
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

int main(void)
{
    VA_TEST(whole_numbers_are_exact);
    VA_TEST(the_longest_sum_fits);
    VA_TEST(linear_layers_are_those_of_ref);
    VA_TEST(rows_that_are_not_finite_or_zeros);
    VA_TEST(every_instruction_set_gives_the_same_bytes);
    VA_TEST(nothing_else_is_rounded);
    return va_test_finish();
}
