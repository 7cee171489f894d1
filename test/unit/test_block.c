/*
 * A block of a transformer without a backward pass, as one operation: against double, and against what a device
 * without transformer_infer composes. `test_block sum` prints a number of all results. VA_CUDA_BLAS as in va_lt.h, but
 * for its absence, which is `no` here.
 */
#include "test/unit/ops_twin.h"
#include <math.h>
#include <string.h>

struct shape {
    int64_t B, T, queries, heads, head, mlp;
    bool causal;
    enum va_unary act;
};

static const struct shape shapes[] = {
    { 1, 1, 1, 1, 8, 8, false, VA_GELU },         { 2, 5, 5, 3, 8, 40, true, VA_GELU },
    { 3, 33, 1, 5, 8, 72, false, VA_QUICK_GELU }, { 1, 197, 1, 2, 64, 136, false, VA_GELU },
    { 2, 31, 7, 1, 88, 24, false, VA_GELU },      { 1, 67, 67, 2, 48, 88, true, VA_QUICK_GELU },
    { 1, 131, 131, 1, 104, 16, true, VA_GELU },  /* keys in two chunks */
    { 7, 131, 131, 1, 8, 2056, false, VA_GELU }, /* large tiles */
    { 2, 9, 9, 3, 4, 20, false, VA_GELU },       /* heads of this size are composed, */
    { 1, 5, 1, 1, 136, 8, false, VA_GELU },      /* and of this one, */
    { 2, 7, 7, 2, 8, 33, false, VA_QUICK_GELU }, /* and hidden rows */
};

enum { WEIGHTS = 12 };

struct block {
    struct shape s;
    struct twin *x, *out, *work, *weights[WEIGHTS];
    struct va_weight w[4];
};

/* Whether sums are ours, and not those of a library, which is left alone where nothing is said of it. */
static bool own_products(void)
{
    return !strcmp(getenv("VA_CUDA_BLAS"), "no");
}

static struct va_transformer_shape shape_of(const struct shape *s)
{
    return (struct va_transformer_shape){ .B = s->B,
                                          .T = s->T,
                                          .queries = s->queries,
                                          .D = s->heads * s->head,
                                          .heads = s->heads,
                                          .mlp = s->mlp,
                                          .eps = 1e-6,
                                          .act = s->act,
                                          .causal = s->causal };
}

/* Uniform in [-1, 1], numbers of 8 bits, since a library takes a bias in bfloat16. */
static struct twin *new_bias(int64_t count)
{
    struct twin *t = twin_random(count, -1, 1);
    float *values = twin_floats(t->cpu, count);

    for (int64_t i = 0; i < count; i++)
        values[i] = rintf(values[i] * 128) / 128;
    twin_ref->ops->put_f32(twin_ref, t->ref, values, count);
    twin_cpu->ops->put_f32(twin_cpu, t->cpu, values, count);
    va_free(values);
    return t;
}

/* Products of weights and normed rows are near 1, as those of encoders. */
static struct block block_new(const struct shape *s, enum va_precision precision)
{
    const int64_t D = s->heads * s->head,
                  sizes[4][2] = { { 3 * D, D }, { D, D }, { s->mlp, D }, { D, s->mlp } };
    const struct va_transformer_shape all = shape_of(s);
    struct block b = { .s = *s };

    twin_begin();
    twin_ref->precision = VA_BF16_PRODUCTS;
    twin_cpu->precision = precision;
    b.x = twin_random(s->B * s->T * D, -2, 2);
    b.out = twin_new(s->B * s->queries * D);
    b.work = twin_new(twin_cpu->ops->transformer_room(twin_cpu, &all).work);
    for (int i = 0; i < 4; i++) {
        double most = sqrt(3 / (double)sizes[i][1]);

        b.weights[2 * i] = twin_random(sizes[i][0] * sizes[i][1], -most, most);
        b.weights[2 * i + 1] = new_bias(sizes[i][0]);
        b.weights[8 + i] = i % 2 ? twin_random(D, -1, 1) : twin_random(D, 0.5, 1.5);
    }
    return b;
}

static void run(struct block *b, bool ref)
{
    struct va_backend *be = ref ? twin_ref : twin_cpu;
    const void *at[WEIGHTS];
    struct va_layer layers[4];

    for (int i = 0; i < WEIGHTS; i++)
        at[i] = ref ? b->weights[i]->ref : b->weights[i]->cpu;
    for (int i = 0; i < 4; i++) {
        b->w[i] = twin_weight((void *)(uintptr_t)at[2 * i]);
        layers[i] = (struct va_layer){ .w = &b->w[i], .bias = at[2 * i + 1] };
    }
    be->ops->transformer(
        be, &(struct va_transformer){ .s = shape_of(&b->s),
                                      .w = { .norm1 = { .gamma = at[8], .beta = at[9] },
                                             .norm2 = { .gamma = at[10], .beta = at[11] },
                                             .qkv = layers[0],
                                             .proj = layers[1],
                                             .fc1 = layers[2],
                                             .fc2 = layers[3] },
                                      .x = ref ? b->x->ref : b->x->cpu,
                                      .work = ref ? b->work->ref : b->work->cpu,
                                      .out = ref ? b->out->ref : b->out->cpu });
    for (int i = 0; i < 4; i++)
        be->ops->weight_release(be, &b->w[i]);
}

/* Root mean square of the difference from what the block adds, over that of what it adds; guards. */
static double difference(const struct block *b)
{
    double *r = twin_values(twin_ref, b->out->ref_block, b->out->count);
    double *c = twin_values(twin_cpu, b->out->cpu_block, b->out->count);
    double *x = twin_values(twin_ref, b->x->ref_block, b->x->count);
    int64_t D = b->s.heads * b->s.head, run = b->s.queries * D;
    double off = 0, all = 0;

    for (int64_t i = 0; i < b->out->count; i++) {
        double from = x[TWIN_GUARD + i / run * b->s.T * D + i % run];

        off += pow(c[TWIN_GUARD + i] - r[TWIN_GUARD + i], 2);
        all += pow(r[TWIN_GUARD + i] - from, 2);
    }
    twin_check("out", b->out, 0, 1e9); /* guards alone */
    va_free(r);
    va_free(c);
    va_free(x);
    return sqrt(off / all);
}

static void check_work(const struct block *b)
{
    double *v = twin_values(twin_cpu, b->work->cpu_block, b->work->count);

    for (int i = 0; i < TWIN_GUARD; i++)
        VA_CHECK(v[i] == TWIN_GUARD_VALUE &&
                 v[TWIN_GUARD + b->work->count + i] == TWIN_GUARD_VALUE);
    va_free(v);
}

/*
 * In double the same operands are rounded. Float32 puts some of them on the other side of the middle between two
 * bfloat16, each of which is then off by 2^-8 of itself. A rounding that is left out is seen. A library has GELU by tanh.
 */
static void agrees_with_double(void)
{
    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        for (int precision = i ? VA_BF16_PRODUCTS : VA_F32_PRODUCTS;
             precision <= VA_BF16_PRODUCTS; precision++) {
            struct block b = block_new(&shapes[i], (enum va_precision)precision);
            double off;

            run(&b, true);
            run(&b, false);
            off = difference(&b);
            check_work(&b);
            if (precision == VA_F32_PRODUCTS)
                VA_CHECK(off > 1e-3);
            else
                VA_CHECK(off < (own_products() ? 1e-3 : 2e-3));
            twin_end();
        }
}

/* Rows of queries, to be freed. */
static float *result(struct block *b, bool composed)
{
    if (composed)
        twin_cpu->table.transformer_infer = NULL;
    run(b, false);
    return twin_floats(b->out->cpu, b->out->count);
}

static void gives_the_bytes_of_the_composed_one(void)
{
    if (!own_products())
        VA_SKIP("a library has its own order of sums");
    for (size_t i = 0; i < VA_COUNT(shapes); i++) {
        struct block b = block_new(&shapes[i], VA_BF16_PRODUCTS);
        float *own = result(&b, false), *composed = result(&b, true);

        VA_CHECK(!memcmp(own, composed, (size_t)b.out->count * sizeof(*own)));
        va_free(own);
        va_free(composed);
        twin_end();
    }
}

/* In place, as encoders call it. */
static void in_place(void)
{
    const struct shape s = shapes[1];
    struct block b = block_new(&s, VA_BF16_PRODUCTS);
    float *apart = result(&b, false), *within;

    b.out = b.x;
    within = result(&b, false);
    VA_CHECK(!memcmp(apart, within, (size_t)b.x->count * sizeof(*apart)));
    va_free(apart);
    va_free(within);
    twin_end();
}

/* What is no number stays in its sequence. */
static void sequences_are_apart(void)
{
    for (size_t i = 0; i < 5; i++) {
        struct block b = block_new(&shapes[i], VA_BF16_PRODUCTS);
        int64_t run = b.out->count / b.s.B, from = (b.s.B - 1) * run;
        float *before = result(&b, false), *after;

        twin_set(b.x, b.x->count - b.s.T * b.s.heads * b.s.head, NAN);
        after = result(&b, false);
        VA_CHECK(!memcmp(before, after, (size_t)from * sizeof(*before)));
        VA_CHECK(isnan(after[from]));
        va_free(before);
        va_free(after);
        twin_end();
    }
}

static int print_sum(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < VA_COUNT(shapes); i++) {
        struct block b = block_new(&shapes[i], VA_BF16_PRODUCTS);
        float *y = result(&b, false);

        for (int64_t k = 0; k < b.out->count; k++) {
            uint32_t bits;

            memcpy(&bits, &y[k], sizeof(bits));
            sum = (sum ^ bits) * 0x100000001b3;
        }
        va_free(y);
        twin_end();
    }
    printf("%016llx\n", (unsigned long long)sum);
    return va_test_bad;
}

int main(int argc, char **argv)
{
    setenv("VA_CUDA_BLAS", "no", 0);
    if (argc == 2 && !strcmp(argv[1], "sum"))
        return print_sum();
    VA_TEST(agrees_with_double);
    VA_TEST(gives_the_bytes_of_the_composed_one);
    VA_TEST(in_place);
    VA_TEST(sequences_are_apart);
    return va_test_finish();
}
