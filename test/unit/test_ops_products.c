/*
 * The cpu backend against ref: linear layers and convolutions.
 */
#include "base/va_cpu.h"
#include "test/unit/ops_twin.h"
#include <stdlib.h>

/* ---- linear ------------------------------------------------------------------------------------ */

static void linear_case(int64_t M, int64_t N, int64_t K, int64_t gap, enum va_unary act,
                        int residual) /* 0: none, 1: another buffer, 2: y itself */
{
    int64_t ldx = K + gap, ldy = N + gap;
    struct twin *x, *w, *b, *r, *y;
    struct va_weight wr, wc;
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = ldx, .act = act, .ldy = ldy };

    twin_begin();
    x = twin_random(M * ldx, -1, 1);
    w = twin_random(N * K, -1, 1);
    b = twin_random(N, -1, 1);
    r = twin_random(M * ldy, -1, 1);
    y = residual == 2 ? r : twin_new(M * ldy);
    wr = twin_weight(w->ref);
    wc = twin_weight(w->cpu);
    p.w = &wr;
    p.x = x->ref;
    p.bias = gap ? NULL : b->ref;
    p.residual = residual ? r->ref : NULL;
    p.y = y->ref;
    twin_ref->ops->linear(twin_ref, &p);
    p.w = &wc;
    p.x = x->cpu;
    p.bias = gap ? NULL : b->cpu;
    p.residual = residual ? r->cpu : NULL;
    p.y = y->cpu;
    twin_cpu->ops->linear(twin_cpu, &p);
    twin_check("linear", y, (double)K, 1);
    twin_set(w, N * K / 2, 0.5f); /* a changed weight is prepared anew, another shape fits */
    va_weight_changed(&wc);
    if (residual != 2) {
        p.M = M / 2 + 1;
        twin_cpu->ops->linear(twin_cpu, &p);
        p.w = &wr;
        p.x = x->ref;
        p.bias = gap ? NULL : b->ref;
        p.residual = residual ? r->ref : NULL;
        p.y = y->ref;
        twin_ref->ops->linear(twin_ref, &p);
        twin_check("linear, changed weight", y, (double)K, 1);
    }
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

static void linear(void)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 },     { 1, 17, 5 },    { 7, 2, 33 },
                                         { 33, 31, 61 },  { 97, 65, 1 },   { 131, 16, 16 },
                                         { 300, 50, 70 }, { 61, 513, 37 }, { 3, 1025, 129 },
                                         { 40, 512, 256 } }; /* the last: in bands of columns */

    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        for (int residual = 0; residual < 3; residual++) {
            linear_case(shapes[i][0], shapes[i][1], shapes[i][2], 0, VA_IDENTITY, residual);
            linear_case(shapes[i][0], shapes[i][1], shapes[i][2], 3, VA_IDENTITY, residual);
            linear_case(shapes[i][0], shapes[i][1], shapes[i][2], 0, VA_GELU, residual);
            linear_case(shapes[i][0], shapes[i][1], shapes[i][2], 5, VA_RELU, residual);
        }
}

/* y [M, N] of a layer with weights w, which are as `shape` says. */
static void product_with(struct va_weight *w, const struct va_weight *shape, const void *x,
                         int64_t M, void *y)
{
    struct va_linear linear = { .M = M,
                                .N = shape->N,
                                .K = shape->K,
                                .x = x,
                                .ldx = shape->K,
                                .w = w,
                                .y = y,
                                .ldy = shape->N };
    struct va_conv conv = { .B = 1,
                            .T = M,
                            .Cin = shape->K,
                            .Cout = shape->N,
                            .K = shape->taps,
                            .dilation = 1,
                            .x = x,
                            .w = w,
                            .y = y };

    if (shape->use == VA_USE_CONV)
        twin_cpu->ops->conv(twin_cpu, &conv);
    else
        twin_cpu->ops->linear(twin_cpu, &linear);
}

/* A product with `w`, and with another weight of the same values, that has no prepared form. */
static bool as_if_new(struct va_weight *w, const void *x, int64_t M)
{
    struct va_weight other = { .data = w->data };
    float *y[2];
    bool same;

    for (int i = 0; i < 2; i++) {
        void *at = twin_cpu->ops->alloc(twin_cpu, M * w->N);

        product_with(i ? &other : w, w, x, M, at);
        y[i] = twin_floats(at, M * w->N);
        twin_cpu->ops->free(twin_cpu, at);
    }
    same = memcmp(y[0], y[1], sizeof(float) * (size_t)(M * w->N)) == 0;
    va_free(y[0]);
    va_free(y[1]);
    twin_cpu->ops->weight_release(twin_cpu, &other);
    return same;
}

/* Nobody has to say that an update changed a weight. */
static void prepared_forms_follow_an_update(void)
{
    enum { M = 5, N = 33, K = 17, TAPS = 3 };
    struct va_step step = { .rate = .1, .t = 1, .report = { .worst = -1 } };

    for (int kind = 0; kind < 4; kind++) {
        bool conv = kind / 2;
        struct twin *x, *grad, *m, *v;
        struct va_weight w = {
            .use = conv ? VA_USE_CONV : VA_USE_LINEAR, .N = N, .K = K, .taps = conv ? TAPS : 1
        };
        int64_t count = N * K * w.taps;
        struct va_update u = { .count = count, .rate = 1, .weight = &w };

        twin_begin();
        twin_cpu->precision = (enum va_precision)(kind % 2);
        x = twin_random(M * K, -1, 1), grad = twin_random(count, -1, 1);
        m = twin_new(count), v = twin_new(count);
        u.value = w.data = twin_random(count, -1, 1)->cpu;
        u.grad = grad->cpu, u.m = m->cpu, u.v = v->cpu;
        twin_cpu->ops->weight_prepare(twin_cpu, &w, true);
        VA_CHECK((w.prepared || kind == 2) && as_if_new(&w, x->cpu, M));
        twin_cpu->ops->update(twin_cpu, &(struct va_adamw){ .beta1 = .9,
                                                            .beta2 = .999,
                                                            .eps = 1e-8,
                                                            .list = &u,
                                                            .count = 1,
                                                            .step = &step });
        VA_CHECK(!w.stale && as_if_new(&w, x->cpu, M));
        twin_cpu->ops->weight_release(twin_cpu, &w);
        twin_end();
    }
}

/* Tensors with gaps between them; the residual is the same for all, or each y itself. */
static void linear_of_tensors(int64_t M, int64_t N, int64_t K)
{
    enum { B = 3 };
    const int64_t stepx = M * K + 5, stepy = M * N + 9;

    for (int inside = 0; inside < 2; inside++) {
        struct twin *x, *w, *b, *r, *y, *pre;
        struct va_weight wr, wc;
        struct va_linear p = { .M = M,
                               .N = N,
                               .K = K,
                               .ldx = K,
                               .ldy = N,
                               .B = B,
                               .stepx = stepx,
                               .stepr = inside ? stepy : 0,
                               .stepy = stepy };

        twin_begin();
        x = twin_random(B * stepx, -1, 1);
        w = twin_random(N * K, -1, 1);
        b = twin_random(N, -1, 1);
        r = twin_random(M * N, -1, 1);
        y = twin_random(B * stepy, -1, 1);
        wr = twin_weight(w->ref), wc = twin_weight(w->cpu);
        pre = twin_random(B * stepy, -1, 1);
        p.act = VA_GELU;
        p.x = x->ref, p.w = &wr, p.residual = inside ? y->ref : r->ref, p.y = y->ref;
        p.pre = pre->ref, p.bias = b->ref;
        twin_ref->ops->linear(twin_ref, &p);
        p.x = x->cpu, p.w = &wc, p.residual = inside ? y->cpu : r->cpu, p.y = y->cpu;
        p.pre = pre->cpu, p.bias = b->cpu;
        twin_cpu->ops->linear(twin_cpu, &p);
        twin_check("linear of several", y, (double)K, 1);
        twin_check("linear of several, before the activation", pre, (double)K, 1);
        twin_cpu->ops->weight_release(twin_cpu, &wc);
        twin_end();
    }
}

static void linear_of_several(void)
{
    linear_of_tensors(7, 33, 18);
}

static void linear_grad_of_tensors(int64_t M, int64_t N, int64_t K, int64_t gap)
{
    enum { B = 3 };
    int64_t stepx = M * K + gap, stepy = M * N + 2 * gap;
    struct twin *dy, *x, *w, *dx, *dw, *db, *pre, *out;
    struct va_weight wr, wc;
    struct va_linear_grad p = { .M = M,
                                .N = N,
                                .K = K,
                                .lddy = N,
                                .ldx = K,
                                .lddx = K,
                                .B = B,
                                .stepdy = stepy,
                                .stepx = stepx,
                                .stepdx = stepx };

    twin_begin();
    dy = twin_random(B * stepy, -1, 1);
    x = twin_random(B * stepx, -1, 1);
    w = twin_random(N * K, -1, 1);
    dx = twin_random(B * stepx, -1, 1);
    dw = twin_random(N * K, -1, 1);
    db = twin_random(N, -1, 1);
    wr = twin_weight(w->ref), wc = twin_weight(w->cpu);
    pre = twin_random(B * stepx, -3, 3);
    out = twin_new(B * stepx);
    twin_ref->ops->unary(twin_ref, VA_GELU, B * stepx, pre->ref, out->ref);
    twin_cpu->ops->unary(twin_cpu, VA_GELU, B * stepx, pre->cpu, out->cpu);
    p.act = VA_GELU;
    p.dy = dy->ref, p.x = x->ref, p.w = &wr, p.dx = dx->ref, p.dw = dw->ref, p.dbias = db->ref;
    p.pre = pre->ref, p.out = out->ref;
    twin_ref->ops->linear_grad(twin_ref, &p);
    p.dy = dy->cpu, p.x = x->cpu, p.w = &wc, p.dx = dx->cpu, p.dw = dw->cpu, p.dbias = db->cpu;
    p.pre = pre->cpu, p.out = out->cpu;
    twin_cpu->ops->linear_grad(twin_cpu, &p);
    twin_check("linear dx of several", dx, (double)N, 2);
    twin_check("linear dW of several", dw, (double)(B * M), 1);
    twin_check("linear dbias of several", db, (double)(B * M), 1);
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

/* Tensors in rows that are aligned and in such that are not; sums that a device may cut into parts. */
static void linear_grad_of_several(void)
{
    linear_grad_of_tensors(7, 33, 18, 5);
    linear_grad_of_tensors(301, 32, 20, 4);
    linear_grad_of_tensors(150, 31, 24, 0);
}

static void linear_grad(void)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 },      { 1, 17, 5 },    { 7, 2, 33 },
                                         { 33, 31, 61 },   { 97, 65, 1 },   { 700, 16, 16 },
                                         { 131, 40, 300 }, { 61, 513, 37 }, { 5, 131, 1030 } };

    for (int i = 0; i < 9; i++)
        for (int gap = 0; gap < 4; gap += 3)
            for (int add = 0; add < 2; add++) {
                int64_t M = shapes[i][0], N = shapes[i][1], K = shapes[i][2];
                struct twin *dy, *x, *w, *dx, *dw, *db;
                struct va_weight wr, wc;
                struct va_linear_grad p = { .M = M,
                                            .N = N,
                                            .K = K,
                                            .lddy = N + gap,
                                            .ldx = K + gap,
                                            .lddx = K + gap,
                                            .add_dx = add };

                twin_begin();
                dy = twin_random(M * (N + gap), -1, 1);
                x = twin_random(M * (K + gap), -1, 1);
                w = twin_random(N * K, -1, 1);
                dx = twin_random(M * (K + gap), -1, 1);
                dw = twin_random(N * K, -1, 1);
                db = twin_random(N, -1, 1);
                wr = twin_weight(w->ref);
                wc = twin_weight(w->cpu);
                p.dy = dy->ref;
                p.x = x->ref;
                p.w = &wr;
                p.dx = dx->ref;
                p.dw = dw->ref;
                p.dbias = db->ref;
                twin_ref->ops->linear_grad(twin_ref, &p);
                p.dy = dy->cpu;
                p.x = x->cpu;
                p.w = &wc;
                p.dx = dx->cpu;
                p.dw = dw->cpu;
                p.dbias = db->cpu;
                twin_cpu->ops->linear_grad(twin_cpu, &p);
                twin_check("linear dx", dx, (double)N, 1);
                twin_check("linear dW", dw, (double)M, 1);
                twin_check("linear dbias", db, (double)M, 1);
                twin_cpu->ops->weight_release(twin_cpu, &wc);
                twin_end();
            }
}

/* Sizes from which products are in parts on: one block and more, with edges. */
static void linear_in_parts(void)
{
    static const int64_t shapes[][3] = {
        { 64, 256, 256 }, { 1, 257, 256 },    { 5, 450, 600 },
        { 97, 257, 513 }, { 1030, 300, 260 }, { 65, 259, 1031 }
    };

    if (!va_test_of_cpu())
        return;
    setenv("VA_PARTS", "yes", 1);
    va_cpu_ask_again();
    for (size_t i = 0; i < VA_COUNT(shapes); i++) {
        int64_t M = shapes[i][0], N = shapes[i][1], K = shapes[i][2];

        for (int residual = 0; residual < 3; residual++)
            linear_case(M, N, K, 3 * residual, residual == 1 ? VA_IDENTITY : VA_GELU, residual);
        linear_case(M, N, K, 0, VA_IDENTITY, 2);
    }
    linear_of_tensors(33, 270, 259);
    linear_grad_of_tensors(97, 257, 260, 3);
    linear_grad_of_tensors(2, 256, 259, 1);
    linear_grad_of_tensors(570, 261, 300, 0);
    unsetenv("VA_PARTS");
    va_cpu_ask_again();
}

/* ---- convolution ------------------------------------------------------------------------------- */

struct conv_shape {
    int64_t B, T, Cin, Cout, K, dilation, lead;
};

static const struct conv_shape conv_shapes[] = {
    { 1, 1, 1, 1, 1, 1, 0 },      { 2, 7, 3, 5, 15, 8, 0 },       { 1, 33, 7, 17, 15, 1, 0 },
    { 2, 61, 16, 31, 15, 2, 5 },  { 1, 131, 33, 16, 15, 8, 0 },   { 3, 64, 65, 2, 3, 4, 8 },
    { 2, 65, 15, 300, 4, 7, 21 }, { 1, 300, 31, 33, 15, 8, 112 }, { 1, 2, 5, 7, 2, 300, 3 },
    { 2, 301, 130, 16, 7, 1, 0 }, { 3, 150, 70, 67, 31, 2, 3 },   { 31, 300, 17, 33, 15, 8, 0 },
};

/* The last has more rows of tiles than a CPU takes at a time. */
static int conv_count(void)
{
    return (int)(sizeof(conv_shapes) / sizeof(conv_shapes[0])) - !va_test_of_cpu();
}

/* What a NaN may spoil besides: frames of its sequence, the first here. */
static void allow_spoilt(const struct va_conv *p, const struct twin *y)
{
    int64_t count = p->T * p->Cout;
    float *found = twin_floats(y->cpu, count), *expected = va_new(count, sizeof(*expected));

    twin_ref->ops->get_f32(twin_ref, expected, y->ref, count);
    for (int64_t i = 0; i < count; i++)
        if (isnan(found[i]) && !isnan(expected[i]))
            found[i] = expected[i];
    twin_cpu->ops->put_f32(twin_cpu, y->cpu, found, count);
    va_free(found);
    va_free(expected);
}

static void conv(void)
{
    for (int i = 0; i < conv_count(); i++)
        for (int nan = 0; nan < 2; nan++) {
            struct conv_shape s = conv_shapes[i];
            struct twin *x, *w, *b, *y;
            struct va_weight wr, wc;
            struct va_conv p = { .B = s.B,
                                 .T = s.T,
                                 .Cin = s.Cin,
                                 .Cout = s.Cout,
                                 .K = s.K,
                                 .dilation = s.dilation,
                                 .lead = s.lead };

            twin_begin();
            x = twin_random(s.B * (s.lead + s.T) * s.Cin, -1, 1);
            w = twin_random(s.Cout * s.Cin * s.K, -1, 1);
            b = twin_random(s.Cout, -1, 1);
            y = twin_new(s.B * s.T * s.Cout);
            if (nan) /* last frame of the first sequence: only y there is one too */
                twin_set(x, (s.lead + s.T) * s.Cin - 1, NAN);
            wr = twin_weight(w->ref);
            wc = twin_weight(w->cpu);
            p.x = x->ref;
            p.w = &wr;
            p.bias = nan ? NULL : b->ref;
            p.y = y->ref;
            twin_ref->ops->conv(twin_ref, &p);
            p.x = x->cpu;
            p.w = &wc;
            p.bias = nan ? NULL : b->cpu;
            p.y = y->cpu;
            twin_cpu->ops->conv(twin_cpu, &p);
            if (nan)
                allow_spoilt(&p, y);
            twin_check(nan ? "conv with a NaN" : "conv", y, (double)(s.Cin * s.K), 1);
            twin_cpu->ops->weight_release(twin_cpu, &wc);
            twin_end();
        }
}

/* By every way to compute a convolution. */
static void conv_of_no_sequence(void)
{
    enum { T = 100, C = 32, K = 15 };
    struct twin *x, *w, *y;
    struct va_weight weight;

    if (!va_test_of_cpu())
        return;
    twin_begin();
    x = twin_new(0), w = twin_random(C * C * K, -1, 1), y = twin_new(0);
    weight = twin_weight(w->cpu);
    for (int way = 0; va_conv_names[way]; way++) {
        setenv("VA_CONV", va_conv_names[way], 1);
        twin_cpu->ops->conv(twin_cpu, &(struct va_conv){ .B = 0,
                                                         .T = T,
                                                         .Cin = C,
                                                         .Cout = C,
                                                         .K = K,
                                                         .dilation = 1,
                                                         .x = x->cpu,
                                                         .w = &weight,
                                                         .y = y->cpu });
    }
    unsetenv("VA_CONV");
    twin_check("conv of nothing", y, 1, 1);
    twin_cpu->ops->weight_release(twin_cpu, &weight);
    twin_end();
}

static void conv_grad(void)
{
    for (int i = 0; i < conv_count(); i++) {
        struct conv_shape s = conv_shapes[i];
        struct twin *x, *w, *dy, *dx, *dw, *db;
        struct va_weight wr, wc;
        struct va_conv_grad p = {
            .B = s.B, .T = s.T, .Cin = s.Cin, .Cout = s.Cout, .K = s.K, .dilation = s.dilation
        };

        twin_begin();
        x = twin_random(s.B * s.T * s.Cin, -1, 1);
        w = twin_random(s.Cout * s.Cin * s.K, -1, 1);
        dy = twin_random(s.B * s.T * s.Cout, -1, 1);
        dx = twin_random(s.B * s.T * s.Cin, -1, 1);
        dw = twin_random(s.Cout * s.Cin * s.K, -1, 1);
        db = twin_random(s.Cout, -1, 1);
        wr = twin_weight(w->ref);
        wc = twin_weight(w->cpu);
        p.dy = dy->ref;
        p.x = x->ref;
        p.w = &wr;
        p.dx = dx->ref;
        p.dw = dw->ref;
        p.dbias = db->ref;
        twin_ref->ops->conv_grad(twin_ref, &p);
        p.dy = dy->cpu;
        p.x = x->cpu;
        p.w = &wc;
        p.dx = dx->cpu;
        p.dw = dw->cpu;
        p.dbias = db->cpu;
        twin_cpu->ops->conv_grad(twin_cpu, &p);
        twin_check("conv dx", dx, (double)(s.Cout * s.K), 1);
        twin_check("conv dW", dw, (double)(s.B * s.T), 1);
        twin_check("conv dbias", db, (double)(s.B * s.T), 1);
        twin_cpu->ops->weight_release(twin_cpu, &wc);
        twin_end();
    }
}

static void dwconv(void)
{
    static const int64_t shapes[][5] = {
        /* B T C K lead */
        { 1, 1, 1, 1, 0 },   { 2, 3, 5, 4, 0 }, { 2, 61, 33, 4, 3 },  { 1, 31, 17, 7, 2 },
        { 3, 16, 64, 4, 5 }, { 1, 3, 2, 9, 0 }, { 2, 131, 130, 4, 0 }
    };

    for (int i = 0; i < 7; i++)
        for (int act = 0; act < 2; act++) {
            int64_t B = shapes[i][0], T = shapes[i][1], C = shapes[i][2], K = shapes[i][3];
            int64_t lead = shapes[i][4], ld = C + 3;
            enum va_unary f = act ? VA_SILU : VA_IDENTITY;
            struct twin *x, *w, *b, *y, *x0, *dy, *dx, *dw, *db;
            struct va_dwconv p = { B, T, C, K, lead, ld, NULL, NULL, NULL, f, NULL };
            struct va_dwconv_grad q = { B,    T,    C,    K, ld,   ld,   NULL,
                                        NULL, NULL, NULL, f, NULL, NULL, NULL };

            twin_begin();
            x = twin_random(B * (lead + T) * ld, -2, 2);
            w = twin_random(C * K, -1, 1);
            b = twin_random(C, -1, 1);
            y = twin_new(B * T * C);
            x0 = twin_random(B * T * ld, -2, 2);
            dy = twin_random(B * T * C, -1, 1);
            dx = twin_random(B * T * ld, -1, 1); /* values between the rows stay */
            dw = twin_random(C * K, -1, 1);
            db = twin_random(C, -1, 1);
            p.x = x->ref, p.w = w->ref, p.bias = b->ref, p.y = y->ref;
            q.dy = dy->ref, q.x = x0->ref, q.w = w->ref, q.bias = b->ref;
            q.dx = dx->ref, q.dw = dw->ref, q.dbias = db->ref;
            twin_ref->ops->dwconv(twin_ref, &p);
            twin_ref->ops->dwconv_grad(twin_ref, &q);
            p.x = x->cpu, p.w = w->cpu, p.bias = b->cpu, p.y = y->cpu;
            q.dy = dy->cpu, q.x = x0->cpu, q.w = w->cpu, q.bias = b->cpu;
            q.dx = dx->cpu, q.dw = dw->cpu, q.dbias = db->cpu;
            twin_cpu->ops->dwconv(twin_cpu, &p);
            twin_cpu->ops->dwconv_grad(twin_cpu, &q);
            twin_check("dwconv", y, (double)K, 2);
            twin_check("dwconv dx", dx, (double)K, 2);
            twin_check("dwconv dW", dw, (double)(B * T), 2);
            twin_check("dwconv dbias", db, (double)(B * T), 2);
            twin_end();
        }
}

int main(void)
{
    VA_TEST(linear);
    VA_TEST(prepared_forms_follow_an_update);
    VA_TEST(linear_of_several);
    VA_TEST(linear_grad_of_several);
    VA_TEST(linear_grad);
    VA_TEST(linear_in_parts);
    VA_TEST(conv);
    VA_TEST(conv_of_no_sequence);
    VA_TEST(conv_grad);
    VA_TEST(dwconv);
    return va_test_finish();
}
