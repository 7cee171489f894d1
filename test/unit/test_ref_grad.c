/* Gradients of ref: elementwise operations, products and convolutions (ref_grad.h). */
#include "test/unit/ref_grad.h"
#include "test/unit/step.h"

static const int64_t odd_sizes[] = { 1, 31, 33, 61 };
enum { SIZES = VA_COUNT(odd_sizes) };
static const struct va_step of_masks = { .seed = 5, .step = 9 };

/* ---- elementwise ------------------------------------------------------------------------ */

struct unary {
    enum va_unary f;
    int64_t n;
    double *x, *y;
};

static void unary_forward(void *arg)
{
    struct unary *u = arg;

    be->ops->unary(be, u->f, u->n, u->x, u->y);
}

static void unary(void)
{
    static const enum va_unary all[] = { VA_IDENTITY, VA_RELU,    VA_SILU,    VA_GELU,
                                         VA_SOFTPLUS, VA_NEG_EXP, VA_SIGMOID, VA_QUICK_GELU };

    for (size_t i = 0; i < VA_COUNT(all) * SIZES; i++) {
        struct unary u = { .f = all[i / SIZES], .n = odd_sizes[i % SIZES] };
        double *dy, *dx;

        begin();
        u.x = new_values(u.n, -4, 4);
        u.y = new_values(u.n, 0, 0);
        dy = new_values(u.n, -1, 1);
        dx = gradient(u.n, OVERWRITTEN);
        unary_forward(&u);
        be->ops->unary_grad(be, u.f, u.n, u.x, u.y, dy, dx);
        loss.forward = unary_forward, loss.arg = &u, loss.y = u.y, loss.dy = dy, loss.n = u.n;
        check("unary", u.x, dx, u.n, OVERWRITTEN);
        end();
    }
}

static void prelu_forward(void *arg)
{
    be->ops->prelu(be, arg);
}

static void prelu(void)
{
    for (size_t i = 0; i < 2 * SIZES; i++) {
        int64_t n = odd_sizes[i / 2];
        struct va_prelu p = { .n = n, .mask = { i % 2 ? 0.4 : 0, &of_masks, 9, 7 } };
        struct va_prelu_grad g = { .n = n, .mask = p.mask };
        double *x, *slope, *dy, *dx, *dslope;

        begin();
        x = new_values(n, -1, 1), slope = new_values(1, 0.2, 0.3);
        p.x = x, p.slope = slope, p.residual = new_values(n, -1, 1), p.y = new_values(n, 0, 0);
        g.x = x, g.slope = slope, g.dy = dy = new_values(n, -1, 1);
        g.dx = dx = gradient(n, OVERWRITTEN);
        g.dslope = dslope = gradient(1, ADDED);
        be->ops->prelu_grad(be, &g);
        loss.forward = prelu_forward, loss.arg = &p, loss.y = p.y, loss.dy = dy, loss.n = n;
        check("prelu dx", x, dx, n, OVERWRITTEN);
        check("prelu dslope", slope, dslope, 1, ADDED);
        x[0] = 0; /* at 0 the gradient is slope * dy */
        g.mask.p = 0, g.dslope = NULL;
        be->ops->prelu_grad(be, &g);
        VA_CHECK_NEAR(dx[0], slope[0] * dy[0], 1e-15);
        end();
    }
}

/* Of its own forward with the same key. */
static void dropout_forward(void *arg)
{
    be->ops->dropout(be, arg);
}

static void dropout(void)
{
    for (size_t i = 0; i < SIZES; i++) {
        int64_t n = odd_sizes[i];
        struct va_dropout p = { .count = n, .mask = { 0.4, &of_masks, 9, 0 } }, back = p;
        double *x, *dy, *dx;

        begin();
        p.x = x = new_values(n, -1, 1), p.y = new_values(n, 0, 0);
        back.x = dy = new_values(n, -1, 1);
        back.y = dx = gradient(n, OVERWRITTEN);
        be->ops->dropout(be, &back);
        loss.forward = dropout_forward, loss.arg = &p, loss.y = p.y, loss.dy = dy, loss.n = n;
        check("dropout", x, dx, n, OVERWRITTEN);
        end();
    }
}

/* ---- products ---------------------------------------------------------------------------- */

static void linear_forward(void *arg)
{
    be->ops->linear(be, arg);
}

static void linear_case(int64_t M, int64_t N, int64_t K, int64_t gap)
{
    struct va_weight w = { .stale = true };
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K + gap, .w = &w, .ldy = N + gap };
    struct va_linear_grad q = {
        .M = M, .N = N, .K = K, .lddy = N + gap, .ldx = K + gap, .w = &w, .lddx = K + gap
    };
    double *x, *b, *dy, *dx, once;

    begin();
    p.x = x = new_values(M * (K + gap), -1, 1);
    w.data = new_values(N * K, -1, 1);
    p.bias = b = new_values(N, -1, 1);
    p.y = new_values(M * (N + gap), 0, 0);
    q.dy = dy = new_values(M * (N + gap), -1, 1);
    q.x = x;
    q.dx = dx = gradient(M * (K + gap), OVERWRITTEN);
    q.dw = gradient(N * K, ADDED), q.dbias = gradient(N, ADDED);
    be->ops->linear_grad(be, &q);
    loss.forward = linear_forward, loss.arg = &p, loss.y = p.y, loss.dy = dy;
    loss.n = M * (N + gap);
    check_rows("linear dx", x, dx, M, K, K + gap, OVERWRITTEN);
    check("linear dW", w.data, q.dw, N * K, ADDED);
    check("linear dbias", b, q.dbias, N, ADDED);
    if (gap)
        VA_CHECK(dx[K] == 7); /* between the rows */
    q.add_dx = true, q.x = NULL, q.dw = q.dbias = NULL;
    once = dx[0];
    be->ops->linear_grad(be, &q);
    VA_CHECK_NEAR(dx[0], 2 * once, 1e-13);
    end();
}

static void linear(void)
{
    linear_case(1, 1, 1, 0);
    linear_case(5, 3, 7, 2);
    linear_case(31, 1, 33, 0);
    linear_case(33, 13, 1, 3);
}

static void conv_forward(void *arg)
{
    be->ops->conv(be, arg);
}

static void conv(void)
{
    static const int64_t shapes[][6] = { /* B T Cin Cout K dilation */
                                         { 2, 9, 3, 2, 4, 1 },   { 1, 20, 2, 3, 15, 1 },
                                         { 1, 33, 2, 2, 15, 2 }, { 1, 61, 1, 2, 15, 4 },
                                         { 1, 40, 2, 1, 15, 8 }, { 2, 1, 2, 2, 3, 2 },
                                         { 1, 31, 3, 1, 3, 31 }, { 1, 127, 1, 1, 15, 8 }
    };

    for (size_t i = 0; i < VA_COUNT(shapes); i++) {
        const int64_t *s = shapes[i];
        int64_t in = s[0] * s[1] * s[2], out = s[0] * s[1] * s[3], size = s[3] * s[2] * s[4];
        struct va_weight w = { .stale = true };
        struct va_conv p = { s[0], s[1], s[2], s[3], s[4], s[5], 0, NULL, &w, NULL, NULL };
        struct va_conv_grad q = { s[0], s[1], s[2], s[3], s[4], s[5],
                                  NULL, NULL, &w,   NULL, NULL, NULL };
        double *x, *b, *dy;

        begin();
        p.x = x = new_values(in, -1, 1);
        w.data = new_values(size, -1, 1);
        p.bias = b = new_values(s[3], -1, 1);
        p.y = new_values(out, 0, 0);
        q.dy = dy = new_values(out, -1, 1);
        q.x = x;
        q.dx = gradient(in, OVERWRITTEN), q.dw = gradient(size, ADDED);
        q.dbias = gradient(s[3], ADDED);
        be->ops->conv_grad(be, &q);
        loss.forward = conv_forward, loss.arg = &p, loss.y = p.y, loss.dy = dy, loss.n = out;
        check("conv dx", x, q.dx, in, OVERWRITTEN);
        check("conv dW", w.data, q.dw, size, ADDED);
        check("conv dbias", b, q.dbias, s[3], ADDED);
        end();
    }
}

/* History gives the same as the whole sequence: the last frames of a longer convolution. */
static void conv_lead(void)
{
    enum { T = 20, LEAD = 13, C = 2, K = 4, DILATION = 3 };
    struct va_weight w = { .stale = true };
    double *x, *whole, *part;

    begin();
    x = new_values(T * C, -1, 1);
    w.data = new_values(C * C * K, -1, 1);
    whole = new_values(T * C, 0, 0);
    part = new_values((T - LEAD) * C, 0, 0);
    be->ops->conv(be, &(struct va_conv){ 1, T, C, C, K, DILATION, 0, x, &w, NULL, whole });
    be->ops->conv(be,
                  &(struct va_conv){ 1, T - LEAD, C, C, K, DILATION, LEAD, x, &w, NULL, part });
    for (int i = 0; i < (T - LEAD) * C; i++)
        VA_CHECK(part[i] == whole[LEAD * C + i]);
    end();
}

static void dwconv_forward(void *arg)
{
    be->ops->dwconv(be, arg);
}

static void dwconv(void)
{
    static const int64_t shapes[][4] = { /* B T C K */
                                         { 2, 9, 3, 4 }, { 1, 1, 1, 4 },  { 1, 31, 2, 4 },
                                         { 2, 2, 5, 7 }, { 1, 33, 3, 1 }, { 1, 13, 31, 3 }
    };

    for (size_t i = 0; i < 2 * VA_COUNT(shapes); i++) {
        const int64_t *s = shapes[i / 2];
        int64_t B = s[0], T = s[1], C = s[2], K = s[3], ld = C + 2;
        enum va_unary f = i % 2 ? VA_SILU : VA_IDENTITY;
        struct va_dwconv p = { B, T, C, K, 0, ld, NULL, NULL, NULL, f, NULL };
        struct va_dwconv_grad q = { B,    T,    C,    K, ld,   ld,   NULL,
                                    NULL, NULL, NULL, f, NULL, NULL, NULL };
        double *x, *w, *b;

        begin();
        p.x = q.x = x = new_values(B * T * ld, -1, 1);
        p.w = q.w = w = new_values(C * K, -1, 1);
        p.bias = q.bias = b = new_values(C, -1, 1);
        p.y = new_values(B * T * C, 0, 0);
        q.dy = new_values(B * T * C, -1, 1);
        q.dx = gradient(B * T * ld, OVERWRITTEN);
        q.dw = gradient(C * K, ADDED), q.dbias = gradient(C, ADDED);
        be->ops->dwconv_grad(be, &q);
        loss.forward = dwconv_forward, loss.arg = &p, loss.y = p.y, loss.dy = q.dy;
        loss.n = B * T * C;
        check_rows("dwconv dx", x, q.dx, B * T, C, ld, OVERWRITTEN);
        check("dwconv dW", w, q.dw, C * K, ADDED);
        check("dwconv dbias", b, q.dbias, C, ADDED);
        end();
    }
}

static double squares_of(struct va_squares *p)
{
    double found;

    p->step = step_new(be, 0, 0);
    be->ops->squares(be, p);
    found = step_report(be, p->step).loss;
    be->ops->free(be, p->step);
    p->step = NULL;
    return found;
}

/* The loss itself, and what one of its rows is worth. */
static void squares(void)
{
    for (size_t i = 0; i < SIZES; i++) {
        int64_t rows = 5, C = odd_sizes[i];
        struct va_squares p = { .rows = rows, .C = C, .scale = 0.3 };
        double *pred, *weight, *dpred, up;

        begin();
        p.pred = pred = new_values(rows * C, -1, 1), p.target = new_values(rows * C, -1, 1);
        p.weight = weight = new_values(rows, 0, 2),
        p.dpred = dpred = gradient(rows * C, OVERWRITTEN);
        weight[2] = 0;
        be->ops->squares(be, &p);
        p.dpred = NULL;
        for (int64_t k = 0; k < rows * C; k++) {
            pred[k] += 1e-5;
            up = squares_of(&p);
            pred[k] -= 2e-5;
            up = (up - squares_of(&p)) / 2e-5;
            pred[k] += 1e-5;
            VA_CHECK_NEAR(dpred[k], up, 1e-6);
        }
        VA_CHECK(dpred[2 * C] == 0);
        end();
    }
}

int main(void)
{
    VA_TEST(squares);
    VA_TEST(unary);
    VA_TEST(prelu);
    VA_TEST(dropout);
    VA_TEST(linear);
    VA_TEST(conv);
    VA_TEST(conv_lead);
    VA_TEST(dwconv);
    return va_test_finish();
}
