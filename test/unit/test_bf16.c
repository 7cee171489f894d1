/*
 * --precision bf16: rounding to bfloat16, and the products of rounded operands against ref.
 */
#include "base/va_tensors.h"
#include "cpu/va_hot.h"
#include "test/unit/ops_twin.h"

static float from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
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
    static float x[N], y[N];
    static uint16_t h[N];

    for (int i = 0; i < N; i++)
        x[i] = from_bits(
            i < (int)VA_COUNT(odd)
                ? odd[i]
                : (uint32_t)(va_rand_uniform(1, VA_RAND_TEST, 4, (uint64_t)i) * 0x1p32));
    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++) {
        va_hot_use((enum va_isa)isa);
        va_hot()->round_bf16(N, x, y);
        va_hot()->to_bf16(N, x, h);
        for (int i = 0; i < N; i++) {
            VA_CHECK_INT(h[i], va_to_bf16(x[i]));
            VA_CHECK_INT(bits_of(y[i]), (uint32_t)va_to_bf16(x[i]) << 16);
        }
    }
    va_hot_use(va_cpu_isa());
}

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
    static const int64_t cases[][4] = { { 1, 33, 2, 16 },
                                        { 2, 197, 3, 32 },
                                        { 1, 300, 1, 31 },
                                        { 1, 131, 2, 67 },
                                        { 1, 65, 1, 131 } };

    for (size_t i = 0; i < VA_COUNT(cases); i++)
        for (int kind = 0; kind < 5; kind++) {
            int64_t B = cases[i][0], T = cases[i][1], H = cases[i][2], D = cases[i][3];
            int64_t width = H * D, row = 3 * width + 1, Tq = kind == 3 ? 1 : T;
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

/* What is not rounded differs visibly; convolutions and gradients take no notice. */
static void nothing_else_is_rounded(void)
{
    enum { B = 2, T = 40, CIN = 20, COUT = 30, K = 3 };
    struct va_conv c = { .B = B, .T = T, .Cin = CIN, .Cout = COUT, .K = K, .dilation = 2 };
    struct va_linear_grad g = { .M = T, .N = COUT, .K = CIN, .lddy = COUT, .lddx = CIN };
    struct twin *x, *w, *y, *dx;
    struct va_weight wr, wc;

    VA_CHECK(difference(linear(60, 50, 40, 0, VA_F32_PRODUCTS)) > 1e-3);
    twin_end();
    begin(VA_BF16_PRODUCTS);
    x = twin_random(B * T * CIN, -1, 1);
    w = twin_random(COUT * CIN * K, -1, 1);
    y = twin_new(B * T * COUT), dx = twin_new(T * CIN);
    wr = twin_weight(w->ref);
    wc = twin_weight(w->cpu);
    c.w = g.w = &wr, c.x = x->ref, c.y = y->ref, g.dy = y->ref, g.dx = dx->ref;
    twin_ref->ops->conv(twin_ref, &c);
    twin_ref->ops->linear_grad(twin_ref, &g);
    c.w = g.w = &wc, c.x = x->cpu, c.y = y->cpu, g.dy = y->cpu, g.dx = dx->cpu;
    twin_cpu->ops->conv(twin_cpu, &c);
    twin_cpu->ops->linear_grad(twin_cpu, &g);
    twin_check("conv", y, CIN * K, 1);
    twin_check("linear dx", dx, COUT, 1);
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

int main(void)
{
    VA_TEST(rounding_is_to_the_nearest);
    VA_TEST(vectors_round_as_numbers_do);
    VA_TEST(linear_layers_multiply_rounded_numbers);
    VA_TEST(attention);
    VA_TEST(nothing_else_is_rounded);
    return va_test_finish();
}
