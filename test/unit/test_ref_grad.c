/*
 * Every backward operation of ref against central finite differences of its forward, in double.
 *
 * The loss is sum(dy * y). A step of 1e-5 leaves a truncation of about 1e-10 f''' and a rounding
 * of 1e-16 loss / 1e-5; both stay below the bound of 1e-6 (1 + |gradient|). Parameter gradients
 * start at 0.5 and must be added to; the others start at 7 and must be overwritten.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "cpu/va_ref_ops.h"
#include "test/va_test.h"
#include <stdlib.h>

enum { HELD = 40 };
enum wanted { OVERWRITTEN, ADDED };

static struct va_backend *be;
static double *held[HELD];
static int count;
static uint64_t stream;

static double *new_values(int64_t n, double low, double high)
{
    double *p = be->ops->alloc(be, n);

    if (!p || count == HELD)
        exit(4);
    stream++;
    for (int64_t i = 0; i < n; i++)
        p[i] = low + (high - low) * va_rand_uniform(stream, VA_RAND_TEST, 1, (uint64_t)i);
    return held[count++] = p;
}

static double *gradient(int64_t n, enum wanted how)
{
    double *p = new_values(n, 0, 0);

    for (int64_t i = 0; i < n; i++)
        p[i] = how == ADDED ? 0.5 : 7;
    return p;
}

static void begin(void)
{
    be = va_ref_backend_new();
    count = 0;
    if (!be)
        exit(4);
}

static void end(void)
{
    VA_CHECK(va_backend_check(be) == 0);
    for (int i = 0; i < count; i++)
        be->ops->free(be, held[i]);
    VA_CHECK_INT(be->held, 0);
    va_backend_free(be);
}

/* The forward under test, its output and the weights of the loss. */
static struct {
    void (*forward)(void *arg);
    void *arg;
    const double *y, *dy;
    int64_t n;
} loss;

static double loss_now(void)
{
    double sum = 0;

    loss.forward(loss.arg);
    for (int64_t i = 0; i < loss.n; i++)
        sum += loss.dy[i] * loss.y[i];
    return sum;
}

/* Compare grad [n] with differences in x [n]; rows of `width` numbers lie ld apart. */
static void check_rows(const char *name, double *x, const double *grad, int64_t rows,
                       int64_t width, int64_t ld, enum wanted how)
{
    double worst = -1, found = 0, expected = 0;
    int64_t at = 0;

    for (int64_t i = 0; i < rows * width; i++) {
        int64_t k = i / width * ld + i % width;
        double keep = x[k], up, got = grad[k] - (how == ADDED ? 0.5 : 0), off;

        x[k] = keep + 1e-5;
        up = loss_now();
        x[k] = keep - 1e-5;
        up = (up - loss_now()) / 2e-5;
        x[k] = keep;
        off = fabs(got - up) / (1 + fabs(up));
        if (!(off <= worst)) {
            worst = off;
            at = k;
            found = got;
            expected = up;
        }
    }
    if (!(worst <= 1e-6)) {
        printf("# %s: gradient %lld is %.9g, differences give %.9g\n", name, (long long)at,
               found, expected);
        va_test_bad = true;
    }
}

static void check(const char *name, double *x, const double *grad, int64_t n, enum wanted how)
{
    check_rows(name, x, grad, 1, n, n, how);
}

/* ---- elementwise ------------------------------------------------------------------------------- */

struct unary {
    enum va_unary f;
    double *x, *y;
};

static void unary_forward(void *arg)
{
    struct unary *u = arg;

    be->ops->unary(be, u->f, 41, u->x, u->y);
}

static void unary(void)
{
    static const enum va_unary all[] = { VA_IDENTITY, VA_RELU,     VA_SILU,
                                         VA_GELU,     VA_SOFTPLUS, VA_NEG_EXP };

    for (int i = 0; i < 6; i++) {
        struct unary u = { all[i], NULL, NULL };
        double *dy, *dx;

        begin();
        u.x = new_values(41, -4, 4);
        u.y = new_values(41, 0, 0);
        dy = new_values(41, -1, 1);
        dx = gradient(41, OVERWRITTEN);
        unary_forward(&u);
        be->ops->unary_grad(be, u.f, 41, u.x, u.y, dy, dx);
        loss.forward = unary_forward, loss.arg = &u, loss.y = u.y, loss.dy = dy, loss.n = 41;
        check("unary", u.x, dx, 41, OVERWRITTEN);
        end();
    }
}

struct prelu {
    double *x, *slope, *y;
};

static void prelu_forward(void *arg)
{
    struct prelu *p = arg;

    be->ops->prelu(be, 33, p->x, p->slope, p->y);
}

static void prelu(void)
{
    struct prelu p;
    double *dy, *dx, *dslope;

    begin();
    p = (struct prelu){ new_values(33, -1, 1), new_values(1, 0.2, 0.3), new_values(33, 0, 0) };
    dy = new_values(33, -1, 1);
    dx = gradient(33, OVERWRITTEN);
    dslope = gradient(1, ADDED);
    be->ops->prelu_grad(be, 33, p.x, p.slope, dy, dx, dslope);
    loss.forward = prelu_forward, loss.arg = &p, loss.y = p.y, loss.dy = dy, loss.n = 33;
    check("prelu dx", p.x, dx, 33, OVERWRITTEN);
    check("prelu dslope", p.slope, dslope, 1, ADDED);
    p.x[0] = 0; /* at 0 the gradient is slope * dy */
    be->ops->prelu_grad(be, 33, p.x, p.slope, dy, dx, NULL);
    VA_CHECK_NEAR(dx[0], p.slope[0] * dy[0], 1e-15);
    end();
}

/* ---- products ---------------------------------------------------------------------------------- */

static void linear_forward(void *arg)
{
    be->ops->linear(be, arg);
}

static void linear(void)
{
    enum { M = 5, N = 3, K = 7, GAP = 2 };
    struct va_weight w = { .stale = true };
    struct va_linear p = { .M = M, .N = N, .K = K, .ldx = K + GAP, .w = &w, .ldy = N + GAP };
    struct va_linear_grad q = {
        .M = M, .N = N, .K = K, .lddy = N + GAP, .ldx = K + GAP, .w = &w, .lddx = K + GAP
    };
    double *x, *b, *dy;

    begin();
    p.x = x = new_values(M * (K + GAP), -1, 1);
    w.data = new_values(N * K, -1, 1);
    p.bias = b = new_values(N, -1, 1);
    p.y = new_values(M * (N + GAP), 0, 0);
    dy = new_values(M * (N + GAP), -1, 1);
    q.dy = dy, q.x = x;
    q.dx = gradient(M * (K + GAP), OVERWRITTEN);
    q.dw = gradient(N * K, ADDED), q.dbias = gradient(N, ADDED);
    be->ops->linear_grad(be, &q);
    loss.forward = linear_forward, loss.arg = &p, loss.y = p.y, loss.dy = dy;
    loss.n = M * (N + GAP);
    check_rows("linear dx", x, q.dx, M, K, K + GAP, OVERWRITTEN);
    check("linear dW", w.data, q.dw, N * K, ADDED);
    check("linear dbias", b, q.dbias, N, ADDED);
    VA_CHECK(((double *)q.dx)[K] == 7); /* between the rows */
    be->ops->linear_grad(be, &(struct va_linear_grad){ .M = M,
                                                       .N = N,
                                                       .K = K,
                                                       .dy = dy,
                                                       .lddy = N + GAP,
                                                       .w = &w,
                                                       .dx = q.dx,
                                                       .lddx = K + GAP,
                                                       .add_dx = true });
    VA_CHECK_NEAR(((double *)q.dx)[0],
                  2 * (dy[0] * ((double *)w.data)[0] + dy[1] * ((double *)w.data)[K] +
                       dy[2] * ((double *)w.data)[2 * K]),
                  1e-14);
    end();
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
                                         { 1, 40, 2, 1, 15, 8 }, { 2, 1, 2, 2, 3, 2 }
    };

    for (int i = 0; i < 6; i++) {
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
    enum { B = 2, T = 9, C = 3, K = 4, LD = C + 2 };

    for (int act = 0; act < 2; act++) {
        enum va_unary f = act ? VA_SILU : VA_IDENTITY;
        struct va_dwconv p = { B, T, C, K, 0, LD, NULL, NULL, NULL, f, NULL };
        struct va_dwconv_grad q = { B,    T,    C,    K, LD,   LD,   NULL,
                                    NULL, NULL, NULL, f, NULL, NULL, NULL };
        double *x, *w, *b;

        begin();
        p.x = q.x = x = new_values(B * T * LD, -1, 1);
        p.w = q.w = w = new_values(C * K, -1, 1);
        p.bias = q.bias = b = new_values(C, -1, 1);
        p.y = new_values(B * T * C, 0, 0);
        q.dy = new_values(B * T * C, -1, 1);
        q.dx = gradient(B * T * LD, OVERWRITTEN);
        q.dw = gradient(C * K, ADDED), q.dbias = gradient(C, ADDED);
        be->ops->dwconv_grad(be, &q);
        loss.forward = dwconv_forward, loss.arg = &p, loss.y = p.y, loss.dy = q.dy;
        loss.n = B * T * C;
        check_rows("dwconv dx", x, q.dx, B * T, C, LD, OVERWRITTEN);
        check("dwconv dW", w, q.dw, C * K, ADDED);
        check("dwconv dbias", b, q.dbias, C, ADDED);
        end();
    }
}

/* ---- scan and norms ---------------------------------------------------------------------------- */

static void scan_forward(void *arg)
{
    be->ops->scan(be, arg);
}

static void scan(void)
{
    enum { B = 2, T = 6, E = 3, N = 2, LE = E + 1, LN = N + 3 };

    for (int gate = 0; gate < 2; gate++) {
        struct va_scan p = { .B = B,
                             .T = T,
                             .E = E,
                             .N = N,
                             .ldu = LE,
                             .lddelta = LE,
                             .ldB = LN,
                             .ldC = LN,
                             .ldz = LE };
        struct va_scan_grad q = { .B = B,
                                  .T = T,
                                  .E = E,
                                  .N = N,
                                  .ldu = LE,
                                  .lddelta = LE,
                                  .ldB = LN,
                                  .ldC = LN,
                                  .ldz = LE,
                                  .lddu = LE,
                                  .ldddelta = LE,
                                  .lddB = LN,
                                  .lddC = LN,
                                  .lddz = LE };
        double *u, *delta, *A, *Bm, *Cm, *skip, *z;

        begin();
        p.u = q.u = u = new_values(B * T * LE, -1, 1);
        p.delta = q.delta = delta = new_values(B * T * LE, 0.1, 0.8);
        p.A = q.A = A = new_values(E * N, -2, -0.1);
        p.Bm = q.Bm = Bm = new_values(B * T * LN, -1, 1);
        p.Cm = q.Cm = Cm = new_values(B * T * LN, -1, 1);
        p.skip = q.skip = skip = new_values(E, -1, 1);
        z = new_values(B * T * LE, -2, 2);
        p.z = q.z = gate ? z : NULL;
        p.y = new_values(B * T * E, 0, 0);
        q.dy = new_values(B * T * E, -1, 1);
        q.du = gradient(B * T * LE, OVERWRITTEN), q.ddelta = gradient(B * T * LE, OVERWRITTEN);
        q.dBm = gradient(B * T * LN, OVERWRITTEN), q.dCm = gradient(B * T * LN, OVERWRITTEN);
        q.dz = gate ? gradient(B * T * LE, OVERWRITTEN) : NULL;
        q.dA = gradient(E * N, ADDED), q.dskip = gradient(E, ADDED);
        be->ops->scan_grad(be, &q);
        loss.forward = scan_forward, loss.arg = &p, loss.y = p.y, loss.dy = q.dy;
        loss.n = B * T * E;
        check_rows("scan du", u, q.du, B * T, E, LE, OVERWRITTEN);
        check_rows("scan ddelta", delta, q.ddelta, B * T, E, LE, OVERWRITTEN);
        check("scan dA", A, q.dA, E * N, ADDED);
        check_rows("scan dBm", Bm, q.dBm, B * T, N, LN, OVERWRITTEN);
        check_rows("scan dCm", Cm, q.dCm, B * T, N, LN, OVERWRITTEN);
        check("scan dskip", skip, q.dskip, E, ADDED);
        if (gate)
            check_rows("scan dz", z, q.dz, B * T, E, LE, OVERWRITTEN);
        end();
    }
}

/* The state carried over: two halves give what the whole gives. */
static void scan_in_halves(void)
{
    enum { T = 10, E = 3, N = 2, HALF = 4 };
    struct va_scan p = {
        .B = 1, .T = T, .E = E, .N = N, .ldu = E, .lddelta = E, .ldB = N, .ldC = N
    };
    double *u, *delta, *Bm, *Cm, *whole, *parts, *h;

    begin();
    p.u = u = new_values(T * E, -1, 1), p.delta = delta = new_values(T * E, 0.1, 0.8);
    p.A = new_values(E * N, -2, -0.1), p.skip = new_values(E, -1, 1);
    p.Bm = Bm = new_values(T * N, -1, 1), p.Cm = Cm = new_values(T * N, -1, 1);
    p.y = whole = new_values(T * E, 0, 0);
    be->ops->scan(be, &p);
    p.y = parts = new_values(T * E, 0, 0);
    p.h_last = h = new_values(E * N, 0, 0);
    p.T = HALF;
    be->ops->scan(be, &p);
    p.h0 = h; /* in place */
    p.T = T - HALF;
    p.u = u + HALF * E, p.delta = delta + HALF * E, p.y = parts + HALF * E;
    p.Bm = Bm + HALF * N, p.Cm = Cm + HALF * N;
    be->ops->scan(be, &p);
    for (int i = 0; i < T * E; i++)
        VA_CHECK(parts[i] == whole[i]);
    end();
}

static void norm_forward(void *arg)
{
    be->ops->norm(be, arg);
}

static void norm(void)
{
    enum { M = 3, C = 7 };

    for (int affine = 0; affine < 2; affine++) {
        struct va_norm p = { M, C, 1e-5, NULL, NULL, NULL, NULL, NULL };
        struct va_norm_grad q = { M, C, NULL, NULL, NULL, NULL, NULL, NULL, NULL };
        double *x, *gamma, *beta;

        begin();
        p.x = q.x = x = new_values(M * C, -1, 1);
        gamma = new_values(C, -1, 1);
        beta = new_values(C, -1, 1);
        p.y = new_values(M * C, 0, 0);
        p.stats = new_values(2 * M, 0, 0);
        q.stats = p.stats;
        q.dy = new_values(M * C, -1, 1);
        q.dx = gradient(M * C, OVERWRITTEN);
        if (affine) {
            p.gamma = q.gamma = gamma, p.beta = beta;
            q.dgamma = gradient(C, ADDED), q.dbeta = gradient(C, ADDED);
        }
        norm_forward(&p);
        be->ops->norm_grad(be, &q);
        loss.forward = norm_forward, loss.arg = &p, loss.y = p.y, loss.dy = q.dy;
        loss.n = M * C;
        check("norm dx", x, q.dx, M * C, OVERWRITTEN);
        if (affine) {
            check("norm dgamma", gamma, q.dgamma, C, ADDED);
            check("norm dbeta", beta, q.dbeta, C, ADDED);
        }
        end();
    }
}

struct weights {
    double *v, *g, *w;
};

static void weight_norm_forward(void *arg)
{
    struct weights *p = arg;

    be->ops->weight_norm(be, 3, 11, p->v, p->g, p->w);
}

static void weight_norm(void)
{
    struct weights p;
    double *dw, *dv, *dg;

    begin();
    p = (struct weights){ new_values(33, -1, 1), new_values(3, -2, 2), new_values(33, 0, 0) };
    dw = new_values(33, -1, 1);
    dv = gradient(33, ADDED), dg = gradient(3, ADDED);
    be->ops->weight_norm_grad(be, 3, 11, p.v, p.g, dw, dv, dg);
    loss.forward = weight_norm_forward, loss.arg = &p, loss.y = p.w, loss.dy = dw, loss.n = 33;
    check("weight norm dv", p.v, dv, 33, ADDED);
    check("weight norm dg", p.g, dg, 3, ADDED);
    end();
}

int main(void)
{
    VA_TEST(unary);
    VA_TEST(prelu);
    VA_TEST(linear);
    VA_TEST(conv);
    VA_TEST(conv_lead);
    VA_TEST(dwconv);
    VA_TEST(scan);
    VA_TEST(scan_in_halves);
    VA_TEST(norm);
    VA_TEST(weight_norm);
    return va_test_finish();
}
