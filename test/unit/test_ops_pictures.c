/*
 * The cpu backend against ref: convolutions, pooling and upsampling of pictures. Sizes are awkward on
 * purpose: a picture smaller than the kernel, channels beside every width of a vector, borders that
 * are not alike, rows that end within a block.
 */
#include "base/va_thread.h"
#include "cpu/va_hot.h"
#include "test/unit/ops_twin.h"

/* B, H, W, K, stride, pad; Ho and Wo follow unless they are given. */
static const struct va_plane planes[] = {
    { 1, 1, 1, 0, 0, 3, 1, 1 },   { 2, 2, 3, 0, 0, 3, 1, 1 },  { 1, 17, 31, 0, 0, 3, 2, 1 },
    { 1, 16, 32, 0, 0, 3, 2, 1 }, { 2, 7, 29, 0, 0, 3, 1, 1 }, { 1, 9, 40, 0, 0, 3, 1, 0 },
    { 1, 8, 8, 4, 4, 3, 2, 0 },  /* borders at right and bottom alone */
    { 1, 70, 5, 0, 0, 3, 1, 1 }, /* more rows than a task */
    { 2, 133, 2, 0, 0, 3, 2, 1 }, { 1, 6, 11, 0, 0, 5, 1, 2 }, { 1, 10, 9, 0, 0, 2, 2, 0 },
    { 1, 9, 13, 0, 0, 1, 3, 0 },
};
static const int64_t channels[][2] = { { 3, 16 },  { 1, 1 },   { 5, 7 },
                                       { 16, 17 }, { 17, 32 }, { 32, 64 } };
enum { PLANES = VA_COUNT(planes), CHANNELS = VA_COUNT(channels) };

static struct va_plane plane(int i)
{
    struct va_plane g = planes[i];

    if (!g.Ho) {
        g.Ho = (g.H + 2 * g.pad - g.K) / g.stride + 1;
        g.Wo = (g.W + 2 * g.pad - g.K) / g.stride + 1;
    }
    return g;
}

static void conv2d(void)
{
    static const enum va_unary acts[] = { VA_IDENTITY, VA_RELU, VA_SILU };

    for (int i = 0; i < PLANES * CHANNELS; i++) {
        struct va_conv2d p = { .at = plane(i / CHANNELS),
                               .Cin = channels[i % CHANNELS][0],
                               .Cout = channels[i % CHANNELS][1],
                               .act = acts[i % 3] };
        struct va_plane *g = &p.at;
        struct twin *x, *w, *bias, *y;
        struct va_weight weight;

        twin_begin();
        x = twin_random(g->B * g->H * g->W * p.Cin, -1, 1);
        w = twin_random(p.Cout * p.Cin * g->K * g->K, -1, 1);
        bias = twin_random(p.Cout, -1, 1);
        y = twin_new(g->B * g->Ho * g->Wo * p.Cout);
        weight = twin_weight(w->ref);
        p.w = &weight, p.x = x->ref, p.bias = i % 2 ? bias->ref : NULL, p.y = y->ref;
        twin_ref->ops->conv2d(twin_ref, &p);
        weight = twin_weight(w->cpu);
        p.x = x->cpu, p.bias = i % 2 ? bias->cpu : NULL, p.y = y->cpu;
        twin_cpu->ops->conv2d(twin_cpu, &p);
        twin_check("conv2d", y, (double)(p.Cin * g->K * g->K), 1);
        twin_cpu->ops->weight_release(twin_cpu, &weight);
        twin_end();
    }
}

static void dwconv2d(void)
{
    static const enum va_unary acts[] = { VA_IDENTITY, VA_RELU, VA_SILU };

    for (int i = 0; i < PLANES * CHANNELS; i++) {
        struct va_dwconv2d p = { .at = plane(i / CHANNELS),
                                 .C = channels[i % CHANNELS][1],
                                 .act = acts[i % 3] };
        struct va_plane *g = &p.at;
        struct twin *x, *w, *bias, *y;

        twin_begin();
        x = twin_random(g->B * g->H * g->W * p.C, -1, 1);
        w = twin_random(p.C * g->K * g->K, -1, 1);
        bias = twin_random(p.C, -1, 1);
        y = twin_new(g->B * g->Ho * g->Wo * p.C);
        p.w = w->ref, p.x = x->ref, p.bias = i % 2 ? bias->ref : NULL, p.y = y->ref;
        twin_ref->ops->dwconv2d(twin_ref, &p);
        p.w = w->cpu, p.x = x->cpu, p.bias = i % 2 ? bias->cpu : NULL, p.y = y->cpu;
        twin_cpu->ops->dwconv2d(twin_cpu, &p);
        twin_check("dwconv2d", y, (double)(g->K * g->K), 1);
        twin_end();
    }
}

static void separable2d(void)
{
    for (int i = 0; i < PLANES * CHANNELS; i++) {
        struct va_separable2d p = { .at = plane(i / CHANNELS),
                                    .Cin = channels[i % CHANNELS][0],
                                    .C = channels[i % CHANNELS][1],
                                    .act = i % 2 ? VA_RELU : VA_IDENTITY,
                                    .act_between = i % 3 ? VA_SILU : VA_IDENTITY };
        struct va_plane *g = &p.at;
        struct twin *x, *w, *bias, *depth, *y;
        struct va_weight weight;

        twin_begin();
        x = twin_random(g->B * g->H * g->W * p.Cin, -1, 1);
        w = twin_random(p.C * p.Cin, -1, 1);
        bias = twin_random(p.C, -1, 1);
        depth = twin_random(p.C * g->K * g->K, -1, 1);
        y = twin_new(g->B * g->Ho * g->Wo * p.C);
        weight = twin_weight(w->ref);
        p.w = &weight, p.x = x->ref, p.bias = bias->ref, p.depth = depth->ref, p.y = y->ref;
        p.depth_bias = i % 3 ? bias->ref : NULL;
        twin_ref->ops->separable2d(twin_ref, &p);
        weight = twin_weight(w->cpu);
        p.x = x->cpu, p.bias = bias->cpu, p.depth = depth->cpu, p.y = y->cpu;
        p.depth_bias = i % 3 ? bias->cpu : NULL;
        twin_cpu->ops->separable2d(twin_cpu, &p);
        twin_check("separable2d", y, (double)(p.Cin * g->K * g->K), (double)p.Cin);
        twin_cpu->ops->weight_release(twin_cpu, &weight);
        twin_end();
    }
}

static void pool2d(void)
{
    for (int i = 0; i < PLANES * CHANNELS * 2; i++) {
        struct va_pool2d p = { .at = plane(i / 2 / CHANNELS),
                               .pool = i % 2 ? VA_POOL_MAX : VA_POOL_MEAN,
                               .C = channels[i / 2 % CHANNELS][1] };
        struct va_plane *g = &p.at;
        struct twin *x, *y;

        twin_begin();
        x = twin_random(g->B * g->H * g->W * p.C, -1, 1);
        y = twin_new(g->B * g->Ho * g->Wo * p.C);
        if (i % 3 == 0)
            twin_set(x, x->count / 2, NAN);
        p.x = x->ref, p.y = y->ref;
        twin_ref->ops->pool2d(twin_ref, &p);
        p.x = x->cpu, p.y = y->cpu;
        twin_cpu->ops->pool2d(twin_cpu, &p);
        twin_check(i % 2 ? "max pool" : "mean pool", y, i % 2 ? 0 : 25, i % 2 ? 0 : 1);
        twin_end();
    }
}

static void gate(void)
{
    for (int i = 0; i < PLANES * CHANNELS; i++) {
        const struct va_plane g = plane(i / CHANNELS);
        struct va_gate p = {
            .B = g.B, .P = g.H * g.W, .C = channels[i % CHANNELS][1], .below = i % 3 == 0
        };
        struct twin *x, *s, *y;

        twin_begin();
        x = twin_random(p.B * p.P * p.C, -1, 1);
        s = twin_random(p.B * p.C, -1, 1);
        y = i % 2 ? x : twin_new(x->count); /* in place */
        p.x = x->ref, p.s = s->ref, p.y = y->ref;
        twin_ref->ops->gate(twin_ref, &p);
        p.x = x->cpu, p.s = s->cpu, p.y = y->cpu;
        twin_cpu->ops->gate(twin_cpu, &p);
        twin_check("gate", y, 1, 0);
        twin_end();
    }
}

static void upsample2d(void)
{
    for (int i = 0; i < PLANES * CHANNELS * 2; i++) {
        struct va_plane g = plane(i / 2 / CHANNELS);
        struct va_upsample2d p = {
            .B = g.B, .H = g.H, .W = g.W, .C = channels[i / 2 % CHANNELS][1]
        };
        int64_t count = p.B * p.H * p.W * p.C;
        struct twin *x, *add;

        twin_begin();
        x = twin_random(count, -1, 1);
        add = twin_random(4 * count, -1, 1);
        p.x = x->ref, p.y = add->ref, p.add = i % 2 ? p.y : NULL; /* in place */
        twin_ref->ops->upsample2d(twin_ref, &p);
        p.x = x->cpu, p.y = add->cpu, p.add = i % 2 ? p.y : NULL;
        twin_cpu->ops->upsample2d(twin_cpu, &p);
        twin_check("upsample2d", add, 1, 0);
        twin_end();
    }
}

/* By their definition, where the device has it; pictures lie apart, and pixels beyond the last patch are left out. */
static void patches_of(int64_t B, int64_t S, int64_t P)
{
    const int64_t grid = S / P, step = (3 * S * S + 3) / 4 * 4 + 4;
    struct twin *bytes, *table, *y;
    float *levels, *wanted, *at, *is;
    uint8_t *pictures = va_new(B * step, 1);

    twin_begin();
    bytes = twin_new(B * step / 4);
    table = twin_random(3 * 256, -2, 2);
    y = twin_random(B * grid * grid * 3 * P * P, -1, 1);
    levels = twin_floats(table->cpu, table->count);
    wanted = at = twin_floats(y->cpu, y->count);
    for (int64_t i = 0; i < B * step; i++)
        pictures[i] = (uint8_t)(256 * va_rand_uniform(1, VA_RAND_TEST, 0, (uint64_t)i));
    for (int64_t patch = 0; patch < B * grid * grid; patch++)
        for (int64_t i = 0; i < 3 * P * P; i++) {
            const int64_t row = patch / grid % grid * P + i / P % P;
            const int64_t column = patch % grid * P + i % P, c = i / (P * P);

            *at++ = levels[256 * c +
                           pictures[patch / (grid * grid) * step + 3 * (row * S + column) + c]];
        }
    twin_cpu->ops->put_bytes(twin_cpu, bytes->cpu, pictures, B * step);
    twin_cpu->ops->patches(
        twin_cpu, &(struct va_patches){ B, S, P, step, bytes->cpu, table->cpu, y->cpu });
    is = twin_floats(y->cpu, y->count);
    VA_CHECK(!memcmp(is, wanted, (size_t)y->count * sizeof(*is)));
    twin_ref->ops->put_f32(twin_ref, y->ref, wanted, y->count);
    twin_check("patches", y, 0, 0); /* and nothing beside them */
    va_free(levels);
    va_free(wanted);
    va_free(is);
    va_free(pictures);
    twin_end();
}

static void patches(void)
{
    patches_of(1, 16, 16);
    patches_of(3, 32, 8);
    patches_of(2, 37, 7);
    patches_of(2, 50, 16);
    patches_of(1, 5, 1);
}

static bool takes_bytes(void)
{
    struct va_backend *be = va_test_device();
    bool takes = be && be->ops->patches;

    va_backend_free(be);
    return takes;
}

/* A picture alone, and among others, on one thread and on more, gives the same bytes. */
static void same_bytes(void)
{
    struct va_conv2d p = { .at = { 1, 13, 37, 7, 19, 3, 2, 1 }, .Cin = 3, .Cout = 16 };
    struct va_weight weight;
    struct twin *x, *w, *one, *two;

    twin_begin();
    x = twin_random(2 * 13 * 37 * 3, -1, 1);
    w = twin_random(16 * 27, -1, 1);
    one = twin_new(7 * 19 * 16);
    two = twin_new(2 * 7 * 19 * 16);
    weight = twin_weight(w->cpu);
    p.w = &weight, p.x = va_at(twin_cpu, x->cpu, 13 * 37 * 3), p.y = one->cpu;
    va_threads_set(1);
    twin_cpu->ops->conv2d(twin_cpu, &p);
    va_threads_set(3);
    p.x = x->cpu, p.y = two->cpu, p.at.B = 2;
    twin_cpu->ops->conv2d(twin_cpu, &p);
    VA_CHECK(twin_same(one, two, 7 * 19 * 16));
    va_threads_set(0);
    twin_cpu->ops->weight_release(twin_cpu, &weight);
    twin_end();
}

int main(void)
{
    int last = va_test_of_cpu() ? (int)va_cpu_isa() : VA_ISA_PLAIN;

    for (int isa = VA_ISA_PLAIN; isa <= last; isa++) {
        va_hot_use((enum va_isa)isa);
        VA_TEST(conv2d);
        VA_TEST(dwconv2d);
        VA_TEST(separable2d);
        VA_TEST(pool2d);
        VA_TEST(gate);
        VA_TEST(upsample2d);
        if (takes_bytes())
            VA_TEST(patches);
        VA_TEST(same_bytes);
    }
    va_hot_use(va_cpu_isa());
    return va_test_finish();
}
