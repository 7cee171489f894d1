/*
 * --precision bf16: rounding to bfloat16, and the products of rounded operands against ref.
 */
#include "base/va_tensors.h"
#include "cpu/va_cpu_ops.h"
#include "cpu/va_hot.h"
#include "test/unit/ops_twin.h"
#include <stdlib.h>

static float from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* Every number of 16 bits is itself; what lies between two goes to the nearer, at the middle to
 * the even one; infinity and NaN stay what they are. */
static void rounding_is_to_the_nearest(void)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x = from_bits(h << 16);

        if (isnan(x)) {
            for (uint32_t low = 0; low < 0x10000; low += 0x5555)
                VA_CHECK(isnan(va_from_bf16(va_to_bf16(from_bits(h << 16 | low)))));
            VA_CHECK(isnan(va_from_bf16(va_to_bf16(from_bits(0x7f800001)))));
            continue;
        }
        VA_CHECK_INT(va_to_bf16(x), h);
        if (isinf(x))
            continue;
        VA_CHECK_INT(va_to_bf16(from_bits(h << 16 | 0x7fff)), h);
        VA_CHECK_INT(va_to_bf16(from_bits(h << 16 | 0x8000)), h + (h & 1));
        VA_CHECK_INT(va_to_bf16(from_bits(h << 16 | 0x8001)), h + 1);
    }
}

static void vectors_round_as_numbers_do(void)
{
    enum { N = 1003 };
    static const uint32_t odd[] = { 0,          0x80000000, 0x7f800000, 0xff800000, 0x7f800001,
                                    0x7fffffff, 0xffffffff, 0x7f7fffff, 1,          0x00008000,
                                    0x3f808000, 0x3f818000, 0x3f808001 };
    static float x[N];
    static uint16_t h[N];

    for (int i = 0; i < N; i++)
        x[i] = from_bits(
            i < (int)VA_COUNT(odd)
                ? odd[i]
                : (uint32_t)(va_rand_uniform(1, VA_RAND_TEST, 4, (uint64_t)i) * 0x1p32));
    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++) {
        va_hot_use((enum va_isa)isa);
        va_hot()->to_bf16(N, x, h);
        for (int i = 0; i < N; i++)
            VA_CHECK_INT(h[i], va_to_bf16(x[i]));
    }
    va_hot_use(va_cpu_isa());
}

/* ---- products by every instruction set ----------------------------------------------------------- */

enum { ROWS_MOST = 96, COLUMNS_MOST = 80, K_MOST = 200, TAPS = 3 };

/* A product of K numbers whose operands were rounded, by the means that are set: c [rows, cols], with gaps. */
struct trial {
    int64_t rows, cols, K, taps;
    bool add;
    float x[(ROWS_MOST + TAPS) * K_MOST], w[TAPS][COLUMNS_MOST * K_MOST];
    float c[ROWS_MOST * (COLUMNS_MOST + 3)];
};

static void multiply(struct trial *t)
{
    int64_t lines = va_narrow_lines(t->K, 2), ld = va_narrow_ld(lines);
    int64_t stepw = va_narrow_lines(t->K, 2) * VA_NARROW_TILE *
                    (COLUMNS_MOST / VA_NARROW_PANEL);
    uint8_t *x = va_new((ROWS_MOST + TAPS) * ld, 1), *w = va_new(TAPS * stepw, 1);
    const struct va_narrow_product p = { .rows = t->rows,
                                         .cols = t->cols,
                                         .lines = lines,
                                         .taps = t->taps,
                                         .panel = lines * VA_NARROW_TILE,
                                         .x = x,
                                         .ldx = ld,
                                         .stepx = ld,
                                         .w = w,
                                         .stepw = stepw,
                                         .c = t->c,
                                         .ldc = COLUMNS_MOST + 3,
                                         .add = t->add };

    memset(x, 0x7f,
           (size_t)((ROWS_MOST + TAPS) * ld)); /* rows that do not exist may be anything */
    memset(w, 0x7f, (size_t)(TAPS * stepw));
    for (int64_t m = 0; m < t->rows + t->taps - 1; m++)
        va_hot()->halves_row(t->K, t->x + m * K_MOST, x + m * ld);
    for (int64_t i = 0; i < t->taps; i++)
        for (int64_t n = 0; n < t->cols; n += VA_NARROW_PANEL)
            va_hot()->halves_columns(
                t->K, t->cols - n < VA_NARROW_PANEL ? t->cols - n : VA_NARROW_PANEL, K_MOST,
                t->w[i] + n * K_MOST, w + i * stepw + n * lines * VA_NARROW_LINE);
    for (int64_t i = 0; i < (int64_t)VA_COUNT(t->c); i++)
        t->c[i] = (float)(i % 17) - 8;
    va_hot()->halves_product(&p);
    va_free(x);
    va_free(w);
}

/* What va_narrow.h says of the order of the sums, one number after the other. */
static float sum_of(const struct trial *t, int64_t m, int64_t n)
{
    float sum = t->add ? (float)((m * (COLUMNS_MOST + 3) + n) % 17) - 8 : 0;

    for (int64_t i = 0; i < t->taps; i++)
        for (int64_t line = 0; line < t->K; line += 32) {
            float part[2] = { 0, 0 };

            for (int64_t k = line; k < t->K && k < line + 32; k++)
                part[k % 2] = fmaf(va_from_bf16(va_to_bf16(t->x[(m + i) * K_MOST + k])),
                                   va_from_bf16(va_to_bf16(t->w[i][n * K_MOST + k])),
                                   part[k % 2]);
            sum += part[0] + part[1];
        }
    return sum;
}

static void check_trial(struct trial *t, bool exact)
{
    multiply(t);
    for (int64_t m = 0; m < ROWS_MOST; m++)
        for (int64_t n = 0; n < COLUMNS_MOST + 3; n++) {
            int64_t i = m * (COLUMNS_MOST + 3) + n;
            float wanted = (float)(i % 17) - 8;

            if (m < t->rows && n < t->cols)
                wanted = sum_of(t, m, n);
            if (exact || m >= t->rows || n >= t->cols)
                VA_CHECK(t->c[i] == wanted);
            else
                VA_CHECK_NEAR(t->c[i], wanted, 1e-4);
        }
}

/* fn with each instruction set, and with each of its ways to multiply bfloat16. */
static void by_every_means(struct trial *t)
{
    const bool has_amx = va_cpu_amx();

    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++) {
        va_hot_use((enum va_isa)isa);
        for (int amx = 0; amx <= (isa == VA_ISA_AVX512 && has_amx); amx++) {
            setenv("VA_AMX", va_amx_names[amx], 1);
            setenv("VA_BF16", "no", 1);
            va_cpu_ask_again();
            check_trial(t, true);
            setenv("VA_BF16", "yes", 1);
            va_cpu_ask_again();
            if (isa == VA_ISA_AVX512 && va_cpu_bf16_dots() && !amx)
                check_trial(t, false);
            unsetenv("VA_BF16");
            unsetenv("VA_AMX");
            va_cpu_ask_again();
        }
    }
    va_hot_use(va_cpu_isa());
}

static void sums_have_one_order(void)
{
    static const int64_t shapes[][4] = { { 1, 1, 1, 1 },     { 1, 17, 5, 1 },
                                         { 2, 33, 32, 2 },   { 16, 16, 33, 1 },
                                         { 17, 80, 64, 3 },  { 31, 15, 199, 1 },
                                         { 32, 32, 200, 2 }, { 49, 47, 65, 1 },
                                         { 96, 64, 96, 3 },  { 95, 79, 31, 1 } };
    struct trial *t = va_new(1, sizeof(*t));

    for (size_t i = 0; t && i < VA_COUNT(t->x); i++)
        t->x[i] = (float)ldexp(va_rand_uniform(1, VA_RAND_TEST, 6, i) - .5, (int)(i % 9) - 4);
    for (size_t i = 0, n = VA_COUNT(t->w[0]); t && i < TAPS * n; i++)
        t->w[i / n][i % n] = (float)va_rand_uniform(1, VA_RAND_TEST, 7, i) - .5f;
    t->x[3] = t->w[0][4] = 1e-39f; /* counts as 0 */
    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        for (int add = 0; add < 2; add++) {
            t->rows = shapes[i][0], t->cols = shapes[i][1], t->K = shapes[i][2];
            t->taps = shapes[i][3], t->add = add;
            by_every_means(t);
        }
    va_free(t);
}

/* The other ways to rows and panels give the same: columns as rows, and rows as panels. */
static void turned_operands_are_the_same(void)
{
    enum { K = 77, N = 16 };
    static float w[N * K], turned[K * N];
    static uint8_t a[3 * VA_NARROW_TILE], b[3 * VA_NARROW_TILE];

    for (int n = 0; n < N; n++)
        for (int k = 0; k < K; k++)
            turned[k * N + n] = w[n * K + k] = (float)va_rand_uniform(1, VA_RAND_TEST, 8,
                                                                      (uint64_t)(n * K + k));
    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++)
        for (int64_t cols = 1; cols <= N; cols += 5) {
            va_hot_use((enum va_isa)isa);
            memset(a, 1, sizeof(a)), memset(b, 2, sizeof(b));
            va_hot()->halves_columns(K, cols, K, w, a);
            va_hot()->halves_rows(K, cols, N, turned, b, 0);
            for (int64_t i = 0; i < (int64_t)sizeof(a); i++)
                VA_CHECK(i / 4 % N >= cols || a[i] == b[i]);
            memset(a, 1, sizeof(a)), memset(b, 2, sizeof(b));
            for (int64_t n = 0; n < cols; n++)
                va_hot()->halves_row(K, w + n * K, a + n * 3 * VA_NARROW_LINE);
            va_hot()->halves_turned(K, cols, N, turned, b, 3 * VA_NARROW_LINE);
            VA_CHECK(!memcmp(a, b, (size_t)(cols * 3 * VA_NARROW_LINE)));
        }
    va_hot_use(va_cpu_isa());
}

/* ---- operations ------------------------------------------------------------------------------- */

static void begin(enum va_precision precision)
{
    twin_begin();
    twin_ref->precision = VA_BF16_PRODUCTS;
    twin_cpu->precision = precision;
}

/* y of ref with rounded operands, and of cpu with `precision`. */
static struct twin *linear(int64_t M, int64_t N, int64_t K, int64_t gap,
                           enum va_precision precision)
{
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K + gap, .ldy = N + gap };
    struct twin *x, *w, *b, *r, *y;

    begin(precision);
    x = twin_random(M * p.ldx, -1, 1);
    w = twin_random(N * K, -1, 1);
    b = twin_random(N, -1, 1);
    r = twin_random(M * p.ldy, -1, 1);
    y = gap ? twin_new(M * p.ldy) : r;
    p.act = gap ? VA_GELU : VA_IDENTITY;
    twin_linear(p, x, w, b, r, y);
    return y;
}

static void linear_layers_multiply_rounded_numbers(void)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 },      { 1, 17, 5 },      { 7, 2, 33 },
                                         { 33, 31, 61 },   { 97, 65, 1 },     { 131, 16, 16 },
                                         { 61, 513, 37 },  { 3, 1025, 129 },  { 40, 512, 256 },
                                         { 600, 130, 70 }, { 2050, 1030, 40 } };

    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        for (int64_t gap = 0; gap < 4; gap += 3) {
            const int64_t *s = shapes[i];

            twin_check("linear", linear(s[0], s[1], s[2], gap, VA_BF16_PRODUCTS), (double)s[2],
                       1);
            twin_end();
        }
}

/* Tensors of a batch, with gaps or without; what is added, and what is kept of the sums. */
static void one_layer(enum va_precision precision, int64_t B, bool gaps, int residual, bool act,
                      bool keep, bool bias)
{
    enum { M = 9, N = 20, K = 21 };
    int64_t gap = gaps ? 4 : 0, run = M * (N + gap) + 3 * gap;
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K + gap, .ldy = N + gap, .B = B };
    struct twin *x, *w, *b, *y, *r, *pre;
    struct va_weight weight;

    begin(precision);
    twin_ref->precision = precision;
    p.stepx = M * p.ldx, p.stepy = run, p.stepr = residual == 1 ? 0 : run + gap;
    p.act = act ? VA_GELU : VA_IDENTITY;
    x = twin_random(B * p.stepx, -1, 1), w = twin_random(N * K, -1, 1);
    b = twin_random(N, -1, 1), y = twin_random(B * run, -1, 1);
    r = residual == 3 ? y : twin_random(B * (run + gap), -1, 1);
    pre = twin_new(B * run);
    if (residual == 3)
        p.stepr = run;
    weight = twin_weight(w->ref);
    p.w = &weight, p.x = x->ref, p.y = y->ref, p.bias = bias ? b->ref : NULL;
    p.residual = residual ? r->ref : NULL, p.pre = keep ? pre->ref : NULL;
    twin_ref->ops->linear(twin_ref, &p);
    weight = twin_weight(w->cpu);
    p.x = x->cpu, p.y = y->cpu, p.bias = bias ? b->cpu : NULL;
    p.residual = residual ? r->cpu : NULL, p.pre = keep ? pre->cpu : NULL;
    twin_cpu->ops->linear(twin_cpu, &p);
    twin_check("linear", y, K, 1);
    twin_check("pre", pre, K, 1);
    twin_cpu->ops->weight_release(twin_cpu, &weight);
    twin_end();
}

static void whatever_follows_a_product(void)
{
    for (int i = 0; i < 2 * 2 * 2 * 4 * 2 * 2 * 2; i++)
        one_layer(i / 128 % 2 ? VA_BF16_PRODUCTS : VA_F32_PRODUCTS, i / 64 % 2 ? 3 : 1,
                  i / 32 % 2, i / 8 % 4, i / 4 % 2, i / 2 % 2, i % 2);
}

/* More than a library that chooses an algorithm for each keeps in mind. */
static void many_shapes(void)
{
    for (int64_t M = 1; M < 300; M++) {
        twin_check("linear", linear(M, 1, 5, 0, VA_BF16_PRODUCTS), 5, 1);
        twin_end();
    }
    twin_check("linear", linear(2, 1, 5, 0, VA_BF16_PRODUCTS), 5, 1);
    twin_end();
}

/* Root mean square of the difference of a twin's two sides, over that of ref's. */
static double difference(const struct twin *t)
{
    double *a = twin_values(twin_ref, t->ref_block, t->count), sum = 0, square = 0;
    double *b = twin_values(twin_cpu, t->cpu_block, t->count);

    for (int64_t i = TWIN_GUARD; i < TWIN_GUARD + t->count; i++) {
        sum += (a[i] - b[i]) * (a[i] - b[i]);
        square += a[i] * a[i];
    }
    va_free(a);
    va_free(b);
    return sqrt(sum / square);
}

/*
 * Scores are products of given numbers, as near as those of float32. A weight that float32 puts on the other side of the middle between two bfloat16 becomes the other one:
 * some of 10^6 do, each by 2^-8 of itself, which leaves 1e-4 of the mean; without rounding it
 * would be 2^-9 and more.
 */
static void attention(void)
{
    static const int64_t cases[][4] = { { 1, 33, 2, 16 },  { 2, 197, 3, 32 },
                                        { 1, 134, 2, 64 }, /* rows side by side, aligned */
                                        { 1, 300, 1, 31 }, { 1, 131, 2, 67 },
                                        { 1, 65, 1, 131 } };

    for (size_t i = 0; i < VA_COUNT(cases); i++)
        for (int kind = 0; kind < 5; kind++) {
            int64_t B = cases[i][0], T = cases[i][1], H = cases[i][2], D = cases[i][3];
            int64_t width = H * D, row = 3 * width + T % 2, Tq = kind == 3 ? 1 : T;
            struct va_attention p = { .B = B, .Tq = Tq, .Tk = T, .H = H, .D = D };
            bool kept = kind == 4; /* for a backward pass: then nothing is rounded */
            struct twin *qkv, *y, *lse;
            double off;

            begin(kind == 0 ? VA_F32_PRODUCTS : VA_BF16_PRODUCTS);
            qkv = twin_random(B * T * row, -2, 2);
            y = twin_new(B * Tq * width), lse = twin_new(B * H * Tq);
            p.causal = kind == 2, p.ldq = p.ldk = row, p.stepq = p.stepk = T * row;
            p.q = qkv->ref, p.k = (double *)qkv->ref + width;
            p.v = (double *)qkv->ref + 2 * width, p.y = y->ref, p.lse = kept ? lse->ref : NULL;
            twin_ref->ops->attention(twin_ref, &p);
            p.q = qkv->cpu, p.k = (float *)qkv->cpu + width;
            p.v = (float *)qkv->cpu + 2 * width, p.y = y->cpu, p.lse = kept ? lse->cpu : NULL;
            twin_cpu->ops->attention(twin_cpu, &p);
            off = difference(y);
            if (kind == 0) {
                VA_CHECK(off > 1e-3); /* this test sees a rounding that is left out */
            } else if (kept) {
                twin_check("lse", lse, (double)D, 4 * sqrt((double)D) + log((double)T));
                VA_CHECK(off < 2e-6);
            } else {
                VA_CHECK(off < 3e-4);
            }
            twin_end();
        }
}

/* The three gradients of a linear layer, each added to what is there. */
static void linear_grad(int64_t M, int64_t N, int64_t K, int64_t gap)
{
    struct va_linear_grad p = {
        .M = M, .N = N, .K = K, .lddy = N + gap, .ldx = K + gap, .lddx = K + gap
    };
    struct twin *dy, *x, *w, *pre, *dx, *dw, *dbias;
    struct va_weight wr, wc;

    begin(VA_BF16_PRODUCTS);
    p.act = gap ? VA_GELU : VA_IDENTITY, p.add_dx = !gap;
    dy = twin_random(M * p.lddy, -1, 1), x = twin_random(M * p.ldx, -1, 1);
    w = twin_random(N * K, -1, 1), pre = twin_random(M * p.lddx, -1, 1);
    dx = twin_random(M * p.lddx, -1, 1), dw = twin_random(N * K, -1, 1);
    dbias = twin_random(N, -1, 1);
    wr = twin_weight(w->ref), wc = twin_weight(w->cpu);
    p.w = &wr, p.dy = dy->ref, p.x = x->ref, p.pre = p.out = pre->ref, p.dx = dx->ref;
    p.dw = dw->ref, p.dbias = dbias->ref;
    twin_ref->ops->linear_grad(twin_ref, &p);
    p.w = &wc, p.dy = dy->cpu, p.x = x->cpu, p.pre = p.out = pre->cpu, p.dx = dx->cpu;
    p.dw = dw->cpu, p.dbias = dbias->cpu;
    twin_cpu->ops->linear_grad(twin_cpu, &p);
    twin_check("dx", dx, (double)N + 1, 1);
    twin_check("dw", dw, (double)M + 1, 1);
    twin_check("dbias", dbias, (double)M + 1, 1);
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

static void gradients_of_linear_layers_are_of_rounded_numbers(void)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 },      { 1, 17, 5 },     { 7, 2, 33 },
                                         { 33, 31, 61 },   { 97, 65, 1 },    { 131, 16, 16 },
                                         { 61, 513, 37 },  { 40, 130, 600 }, { 1100, 9, 1000 },
                                         { 9, 1100, 1000 } };

    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        for (int64_t gap = 0; gap < (i + 2 < VA_COUNT(shapes) ? 4 : 1); gap += 3)
            linear_grad(shapes[i][0], shapes[i][1], shapes[i][2], gap);
}

struct conv {
    int64_t B, T, Cin, Cout, K, dilation, lead;
};

/* Of rounded numbers, or by spectra: within .012 of the largest number in double. */
enum conv_way { OVER_TAPS, BY_SPECTRA };

static void conv_begin(enum conv_way way)
{
    begin(VA_BF16_PRODUCTS);
    if (way == BY_SPECTRA)
        twin_ref->precision = VA_F32_PRODUCTS;
}

static void conv_check(const char *name, const struct twin *t, enum conv_way way, double terms)
{
    const double roundings = .012 * 0x1p24;

    twin_check(name, t, way == BY_SPECTRA ? pow(roundings / 4 - 2, 2) : terms, 1);
}

static void conv_forward(const struct conv *s, enum conv_way way)
{
    struct va_conv p = { .B = s->B,
                         .T = s->T,
                         .Cin = s->Cin,
                         .Cout = s->Cout,
                         .K = s->K,
                         .dilation = s->dilation,
                         .lead = s->lead };
    struct twin *x, *w, *bias, *y;
    struct va_weight wr, wc;

    conv_begin(way);
    x = twin_random(s->B * (s->lead + s->T) * s->Cin, -1, 1);
    w = twin_random(s->Cout * s->Cin * s->K, -1, 1), bias = twin_random(s->Cout, -1, 1);
    y = twin_new(s->B * s->T * s->Cout);
    wr = twin_weight(w->ref), wc = twin_weight(w->cpu);
    p.w = &wr, p.x = x->ref, p.y = y->ref, p.bias = s->lead ? NULL : bias->ref;
    twin_ref->ops->conv(twin_ref, &p);
    p.w = &wc, p.x = x->cpu, p.y = y->cpu, p.bias = s->lead ? NULL : bias->cpu;
    twin_cpu->ops->conv(twin_cpu, &p);
    conv_check("conv", y, way, (double)(s->Cin * s->K));
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

static void conv_backward(const struct conv *s, enum conv_way way)
{
    struct va_conv_grad p = {
        .B = s->B, .T = s->T, .Cin = s->Cin, .Cout = s->Cout, .K = s->K, .dilation = s->dilation
    };
    struct twin *x, *w, *dy, *dx, *dw, *dbias;
    struct va_weight wr, wc;

    conv_begin(way);
    x = twin_random(s->B * s->T * s->Cin, -1, 1),
    dy = twin_random(s->B * s->T * s->Cout, -1, 1);
    w = twin_random(s->Cout * s->Cin * s->K, -1, 1);
    dx = twin_random(s->B * s->T * s->Cin, -1, 1), dbias = twin_random(s->Cout, -1, 1);
    dw = twin_random(s->Cout * s->Cin * s->K, -1, 1);
    wr = twin_weight(w->ref), wc = twin_weight(w->cpu);
    p.w = &wr, p.x = x->ref, p.dy = dy->ref, p.dx = dx->ref, p.dw = dw->ref,
    p.dbias = dbias->ref;
    twin_ref->ops->conv_grad(twin_ref, &p);
    p.w = &wc, p.x = x->cpu, p.dy = dy->cpu, p.dx = dx->cpu, p.dw = dw->cpu,
    p.dbias = dbias->cpu;
    twin_cpu->ops->conv_grad(twin_cpu, &p);
    conv_check("conv dx", dx, way, (double)(s->Cout * s->K));
    conv_check("conv dw", dw, way, (double)(s->B * s->T) + 1);
    twin_check("conv dbias", dbias, (double)(s->B * s->T) + 1, 1);
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

static void convolutions_are_of_rounded_numbers(void)
{
    enum { Y = 1, GRADIENTS = 2, ALL = 3 };
    static const struct {
        struct conv shape;
        int ways;
    } cases[] = {
        /* the last five have large tiles on a GPU, in these ways */
        { { 1, 1, 1, 1, 1, 1, 0 }, ALL },      { { 2, 40, 20, 30, 3, 2, 0 }, ALL },
        { { 1, 7, 33, 17, 15, 1, 0 }, ALL },   { { 3, 50, 16, 16, 15, 4, 0 }, ALL },
        { { 2, 100, 35, 50, 15, 8, 0 }, ALL }, { { 1, 33, 64, 32, 2, 1, 0 }, ALL },
        { { 2, 31, 5, 70, 15, 64, 0 }, ALL },  { { 1, 130, 40, 48, 7, 3, 0 }, ALL },
        { { 1, 1, 20, 30, 15, 2, 28 }, Y },    { { 2, 9, 33, 17, 3, 1, 2 }, Y },
        { { 1, 5, 16, 16, 15, 1, 3 }, Y },     { { 1, 20, 129, 250, 33, 1, 0 }, GRADIENTS },
        { { 4, 275, 9, 1000, 2, 3, 0 }, Y },   { { 4, 275, 1000, 9, 2, 3, 0 }, GRADIENTS },
        { { 2, 550, 9, 544, 3, 3, 0 }, Y },    { { 4, 275, 544, 9, 3, 16, 0 }, GRADIENTS },
    };

    setenv("VA_CONV", "direct", 1);
    for (size_t i = 0; i < VA_COUNT(cases); i++) {
        if (cases[i].ways & Y)
            conv_forward(&cases[i].shape, OVER_TAPS);
        if (cases[i].ways & GRADIENTS)
            conv_backward(&cases[i].shape, OVER_TAPS);
    }
    unsetenv("VA_CONV");
}

/* y of numbers that the reference has, by this method. */
static float *conv_by(const char *method, const struct conv *s)
{
    struct twin *x, *w, *y;
    struct va_weight weight;
    float *numbers;

    setenv("VA_CONV", method, 1);
    begin(VA_BF16_PRODUCTS);
    x = twin_random(s->B * (s->lead + s->T) * s->Cin, -1, 1);
    w = twin_random(s->Cout * s->Cin * s->K, -1, 1), y = twin_new(s->B * s->T * s->Cout);
    weight = twin_weight(w->cpu);
    twin_cpu->ops->conv(twin_cpu, &(struct va_conv){ .B = s->B,
                                                     .T = s->T,
                                                     .Cin = s->Cin,
                                                     .Cout = s->Cout,
                                                     .K = s->K,
                                                     .dilation = s->dilation,
                                                     .lead = s->lead,
                                                     .x = x->cpu,
                                                     .w = &weight,
                                                     .y = y->cpu });
    numbers = twin_floats(y->cpu, y->count);
    twin_cpu->ops->weight_release(twin_cpu, &weight);
    twin_end();
    unsetenv("VA_CONV");
    return numbers;
}

/* Channels, rows and taps of all kinds, frames before the first, rows and channels of two heights of blocks on a GPU. */
static void convolutions_by_spectra_agree(void)
{
    static const struct conv cases[] = {
        { 1, 40, 64, 64, 7, 1, 0 },  { 2, 100, 65, 70, 15, 1, 0 },
        { 3, 61, 72, 67, 9, 2, 0 },  { 1, 150, 64, 66, 15, 4, 0 },
        { 2, 5, 64, 65, 13, 8, 0 },  { 2, 50, 65, 64, 15, 2, 28 },
        { 1, 20, 66, 71, 11, 1, 3 }, { 70, 3, 64, 129, 7, 1, 0 },
    };
    float *taps = conv_by("direct", cases), *spectra = conv_by("spectral", cases);

    VA_CHECK(memcmp(taps, spectra, 40 * 64 * sizeof(*taps)) != 0);
    va_free(taps);
    va_free(spectra);
    setenv("VA_CONV", "spectral", 1);
    for (size_t i = 0; i < VA_COUNT(cases); i++) {
        conv_forward(&cases[i], BY_SPECTRA);
        if (!cases[i].lead)
            conv_backward(&cases[i], BY_SPECTRA);
    }
    unsetenv("VA_CONV");
}

/* y, and dx and dw of it, in this precision. */
static void conv_all_ways(const struct conv *s, enum va_precision precision,
                          const float *numbers, float *y, float *dx, float *dw)
{
    struct va_backend *be = va_cpu_backend_new();
    struct va_weight w = { .data = (void *)(uintptr_t)numbers,
                           .stale = true,
                           .use = VA_USE_CONV,
                           .N = s->Cout,
                           .K = s->Cin,
                           .taps = s->K };

    be->precision = precision;
    be->ops->weight_prepare(be, &w, true);
    be->ops->conv(be, &(struct va_conv){ .B = s->B,
                                         .T = s->T,
                                         .Cin = s->Cin,
                                         .Cout = s->Cout,
                                         .K = s->K,
                                         .dilation = s->dilation,
                                         .x = numbers,
                                         .w = &w,
                                         .y = y });
    be->ops->conv_grad(be, &(struct va_conv_grad){ .B = s->B,
                                                   .T = s->T,
                                                   .Cin = s->Cin,
                                                   .Cout = s->Cout,
                                                   .K = s->K,
                                                   .dilation = s->dilation,
                                                   .dy = numbers + 7,
                                                   .x = numbers,
                                                   .w = &w,
                                                   .dx = dx,
                                                   .dw = dw });
    VA_CHECK(va_backend_check(be) == 0);
    be->ops->weight_release(be, &w);
    va_backend_free(be);
}

/* The convolution and its gradients: how far one is from the other, relative to the largest number. */
static void near(const char *what, int64_t n, const float *is, const float *wanted)
{
    double most = 0, off = 0;

    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs(wanted[i]));
        off = fmax(off, fabs((double)is[i] - wanted[i]));
        if (!isfinite(is[i]))
            off = INFINITY;
    }
    if (!(off <= .012 * most) || off == 0)
        printf("# %s: off by %g of %g\n", what, off, most);
    VA_CHECK(off <= .012 * most && off > 0);
}

/* By spectra in bfloat16: near float32, and the same bytes with each instruction set that has vectors. */
static void spectra(const struct conv *s)
{
    const int64_t ny = s->B * s->T * s->Cout, nx = s->B * s->T * s->Cin;
    const int64_t nw = s->Cin * s->Cout * s->K, all = ny + nx + nw;
    const int64_t numbers = nw + nx + ny + 7;
    float *x = calloc((size_t)numbers, sizeof(*x)), *wanted = calloc((size_t)all, sizeof(*x));
    float *first = calloc((size_t)all, sizeof(*x)), *y = calloc((size_t)all, sizeof(*x));
    const bool amx = va_cpu_amx();

    for (int64_t i = 0; i < numbers; i++)
        x[i] = (float)va_rand_uniform(1, VA_RAND_TEST, 9, (uint64_t)i) - .3f;
    setenv("VA_CONV", "direct", 1);
    conv_all_ways(s, VA_F32_PRODUCTS, x, wanted, wanted + ny, wanted + ny + nx);
    setenv("VA_CONV", "spectral", 1);
    setenv("VA_BF16", "no", 1);
    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++) {
        va_hot_use((enum va_isa)isa);
        for (int tiles = 0; tiles <= (isa == VA_ISA_AVX512 && amx); tiles++) {
            setenv("VA_AMX", va_amx_names[tiles], 1);
            va_cpu_ask_again();
            memset(y, 0, (size_t)all * sizeof(*y)); /* dw is added to */
            conv_all_ways(s, VA_BF16_PRODUCTS, x, y, y + ny, y + ny + nx);
            if (isa <= 1) /* plain C may round a product before it is added */
                memcpy(first, y, (size_t)all * sizeof(*y));
            VA_CHECK(!memcmp(first, y, (size_t)all * sizeof(*y)));
        }
        unsetenv("VA_AMX");
    }
    va_hot_use(va_cpu_isa());
    unsetenv("VA_BF16");
    unsetenv("VA_CONV");
    va_cpu_ask_again();
    near("y", ny, first, wanted);
    near("dx", nx, first + ny, wanted + ny);
    near("dw", nw, first + ny + nx, wanted + ny + nx);
    free(x), free(wanted), free(first), free(y);
}

static void convolutions_by_spectra_are_near_float32(void)
{
    static const struct conv cases[] = {
        { 1, 40, 16, 16, 7, 1, 0 },  { 2, 100, 17, 35, 15, 1, 0 },
        { 3, 61, 64, 33, 9, 2, 0 },  { 1, 300, 65, 97, 15, 4, 0 },
        { 2, 33, 31, 64, 31, 1, 0 }, { 25, 300, 20, 40, 15, 2, 0 },
        { 1, 5, 16, 16, 15, 8, 0 },
    };

    for (size_t i = 0; i < VA_COUNT(cases); i++)
        spectra(&cases[i]);
}

/* AVX512_BF16 takes longer than float32 where that has fewer multiplications: such convolutions stay there. Those of
 * machines with neither are those of AMX. */
static void without_tiles_long_convolutions_stay_float32(void)
{
    enum { C = 24, T = 120, TAPS_LONG = 15, N = C * C * TAPS_LONG };
    static const struct conv s = { 1, T, C, C, TAPS_LONG, 2, 0 };
    static float numbers[N + 7], f32[2 * T * C + N], bf16[2 * T * C + N];

    for (int i = 0; i < N + 7; i++)
        numbers[i] = (float)va_rand_uniform(1, VA_RAND_TEST, 9, (uint64_t)i) - .5f;
    setenv("VA_AMX", "no", 1);
    conv_all_ways(&s, VA_F32_PRODUCTS, numbers, f32, f32 + T * C, f32 + 2 * T * C);
    for (int yes = 0; yes < 2; yes++) {
        bool dots;

        setenv("VA_BF16", va_bf16_names[yes], 1);
        va_cpu_ask_again();
        dots = va_cpu_bf16_dots() && va_cpu_isa() == VA_ISA_AVX512;
        memset(bf16, 0, sizeof(bf16));
        conv_all_ways(&s, VA_BF16_PRODUCTS, numbers, bf16, bf16 + T * C, bf16 + 2 * T * C);
        for (int64_t i = 0, part = T * C; i < 3; i++)
            VA_CHECK_INT(!memcmp(f32 + i * part, bf16 + i * part, (size_t)part * sizeof(float)),
                         dots);
    }
    unsetenv("VA_BF16");
    unsetenv("VA_AMX");
    va_cpu_ask_again();
}

/* What is not rounded differs visibly. */
static void without_rounding_it_differs(void)
{
    VA_CHECK(difference(linear(60, 50, 40, 0, VA_F32_PRODUCTS)) > 1e-3);
    twin_end();
}

int main(void)
{
    VA_TEST(rounding_is_to_the_nearest);
    VA_TEST(vectors_round_as_numbers_do);
    VA_TEST(sums_have_one_order);
    VA_TEST(turned_operands_are_the_same);
    VA_TEST(linear_layers_multiply_rounded_numbers);
    VA_TEST(whatever_follows_a_product);
    VA_TEST(many_shapes);
    VA_TEST(attention);
    VA_TEST(gradients_of_linear_layers_are_of_rounded_numbers);
    VA_TEST(convolutions_are_of_rounded_numbers);
    VA_TEST(convolutions_by_spectra_agree);
    VA_TEST(convolutions_by_spectra_are_near_float32);
    VA_TEST(without_tiles_long_convolutions_stay_float32);
    VA_TEST(without_rounding_it_differs);
    return va_test_finish();
}
