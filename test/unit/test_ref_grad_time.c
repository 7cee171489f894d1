/* Gradients of ref: scan, recurrence, attention and norms (ref_grad.h). */
#include "test/unit/ref_grad.h"

/* ---- scan -------------------------------------------------------------------------------- */

static void scan_forward(void *arg)
{
    be->ops->scan(be, arg);
}

static void scan_case(int64_t B, int64_t T, int64_t E, int64_t N, bool gate)
{
    int64_t LE = E + 1, LN = N + 3;
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

static void scan(void)
{
    for (int gate = 0; gate < 2; gate++) {
        scan_case(2, 6, 3, 2, gate);
        scan_case(1, 1, 1, 1, gate);
        scan_case(1, 31, 2, 8, gate);
        scan_case(3, 13, 5, 3, gate);
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

/* ---- recurrence ---------------------------------------------------------------------------- */

struct recurrence {
    struct va_recurrent p;
    const double *a; /* the forward overwrites its input */
    int64_t n;
};

static void recurrent_forward(void *arg)
{
    struct recurrence *r = arg;

    be->ops->copy(be, r->p.gates, r->a, r->n);
    be->ops->recurrent(be, &r->p);
}

/* Gradients of W_hh and its bias are made as a layer makes them: from dsum and h[t-1]. */
static void recurrent_case(enum va_cell cell, int64_t B, int64_t T, int64_t H)
{
    int64_t rows = va_cell_gates(cell) * H, n = B * T * rows;
    struct va_weight w = { .stale = true };
    struct recurrence r = { .p = { .cell = cell, .B = B, .T = T, .H = H, .w = &w }, .n = n };
    struct va_recurrent_grad q = { .cell = cell, .B = B, .T = T, .H = H, .w = &w };
    double *a, *bias, *dw, *db, *ds;

    begin();
    r.a = a = new_values(n, -1, 1);
    w.data = new_values(rows * H, -0.5, 0.5);
    r.p.bias = bias = new_values(rows, -0.5, 0.5);
    r.p.gates = new_values(n, 0, 0), r.p.memo = new_values(B * T * H, 0, 0);
    r.p.y = new_values(B * T * H, 0, 0);
    recurrent_forward(&r);
    q.gates = r.p.gates, q.memo = r.p.memo, q.y = r.p.y;
    q.dy = new_values(B * T * H, -1, 1);
    q.da = gradient(n, OVERWRITTEN);
    q.dsum = cell == VA_CELL_GRU ? gradient(n, OVERWRITTEN) : NULL;
    ds = cell == VA_CELL_GRU ? q.dsum : q.da;
    dw = gradient(rows * H, ADDED), db = gradient(rows, ADDED);
    be->ops->recurrent_grad(be, &q);
    for (int64_t b = 0; b < B; b++)
        for (int64_t t = 0; t < T; t++)
            for (int64_t i = 0; i < rows; i++) {
                db[i] += ds[(b * T + t) * rows + i];
                for (int64_t k = 0; t && k < H; k++)
                    dw[i * H + k] += ds[(b * T + t) * rows + i] *
                                     ((double *)r.p.y)[(b * T + t - 1) * H + k];
            }
    loss.forward = recurrent_forward, loss.arg = &r, loss.y = r.p.y, loss.dy = q.dy;
    loss.n = B * T * H;
    check("recurrent da", a, q.da, n, OVERWRITTEN);
    check("recurrent dW", w.data, dw, rows * H, ADDED);
    check("recurrent dbias", bias, db, rows, ADDED);
    end();
}

static void recurrent(void)
{
    for (int i = 0; i < 2; i++) {
        enum va_cell cell = i ? VA_CELL_GRU : VA_CELL_LSTM;

        recurrent_case(cell, 1, 1, 1);
        recurrent_case(cell, 2, 7, 3);
        recurrent_case(cell, 1, 33, 2);
        recurrent_case(cell, 3, 2, 13);
    }
}

static void recurrent_in_halves(void)
{
    enum { B = 2, T = 9, H = 3, HALF = 4 };

    for (int i = 0; i < 2; i++) {
        enum va_cell cell = i ? VA_CELL_GRU : VA_CELL_LSTM;
        int64_t rows = va_cell_gates(cell) * H;
        struct va_weight w = { .stale = true };
        struct va_recurrent p = { .cell = cell, .B = B, .T = T, .H = H, .w = &w };
        double *a, *gates, *memo, *whole, *part, *state;

        begin();
        a = new_values(B * T * rows, -1, 1);
        w.data = new_values(rows * H, -0.5, 0.5), p.bias = new_values(rows, -0.5, 0.5);
        p.gates = gates = new_values(B * T * rows, 0, 0);
        p.memo = memo = new_values(B * T * H, 0, 0);
        p.y = whole = new_values(B * T * H, 0, 0);
        be->ops->copy(be, gates, a, B * T * rows);
        be->ops->recurrent(be, &p);
        p.state = state = new_values(B * 2 * H, 0, 0);
        p.y = part = new_values(B * T * H, 0, 0);
        for (int t0 = 0; t0 < T; t0 += HALF) {
            p.T = T - t0 < HALF ? T - t0 : HALF;
            for (int b = 0; b < B; b++)
                be->ops->copy(be, gates + b * p.T * rows, a + (b * T + t0) * rows, p.T * rows);
            be->ops->recurrent(be, &p);
            for (int b = 0; b < B; b++)
                for (int64_t k = 0; k < p.T * H; k++)
                    VA_CHECK(part[b * p.T * H + k] == whole[(b * T + t0) * H + k]);
        }
        for (int k = 0; k < H; k++)
            VA_CHECK(state[2 * H + k] == whole[(B * T - 1) * H + k]);
        end();
    }
}

/* ---- attention ----------------------------------------------------------------------------- */

static void attention_forward(void *arg)
{
    be->ops->attention(be, arg);
}

static void attention_case(int64_t B, int64_t Tq, int64_t Tk, int64_t H, int64_t D, bool causal)
{
    int64_t width = H * D, ldq = width + 1, ldk = 2 * width + 1;
    int64_t stepq = Tq * ldq + 2, stepk = Tk * ldk + 3;
    struct va_attention p = { .B = B,
                              .Tq = Tq,
                              .Tk = Tk,
                              .H = H,
                              .D = D,
                              .causal = causal,
                              .ldq = ldq,
                              .ldk = ldk,
                              .stepq = stepq,
                              .stepk = stepk };
    struct va_attention_grad g = { .B = B,
                                   .Tq = Tq,
                                   .Tk = Tk,
                                   .H = H,
                                   .D = D,
                                   .causal = causal,
                                   .ldq = ldq,
                                   .ldk = ldk,
                                   .stepq = stepq,
                                   .stepk = stepk };
    double *q, *kv, *dq, *dkv;

    begin();
    p.q = g.q = q = new_values(B * stepq, -2, 2);
    p.k = g.k = kv = new_values(B * stepk, -2, 2);
    p.v = g.v = kv + width;
    p.y = new_values(B * Tq * width, 0, 0), p.lse = new_values(B * H * Tq, 0, 0);
    attention_forward(&p);
    g.y = p.y, g.lse = p.lse;
    g.dy = new_values(B * Tq * width, -1, 1);
    g.dq = dq = gradient(B * stepq, OVERWRITTEN);
    g.dk = dkv = gradient(B * stepk, OVERWRITTEN);
    g.dv = dkv + width;
    be->ops->attention_grad(be, &g);
    loss.forward = attention_forward, loss.arg = &p, loss.y = p.y, loss.dy = g.dy;
    loss.n = B * Tq * width;
    for (int64_t b = 0; b < B; b++) {
        check_rows("attention dq", q + b * stepq, dq + b * stepq, Tq, width, ldq, OVERWRITTEN);
        check_rows("attention dk, dv", kv + b * stepk, dkv + b * stepk, Tk, 2 * width, ldk,
                   OVERWRITTEN);
    }
    end();
}

static void attention(void)
{
    for (int causal = 0; causal < 2; causal++) {
        attention_case(1, 1, 1, 1, 1, causal);
        attention_case(2, 5, 5, 2, 3, causal);
        attention_case(1, 1, 31, 1, 2, causal);
        attention_case(1, 33, 33, 1, 1, causal);
        attention_case(2, 3, 13, 3, 2, causal);
    }
}

/* ---- norms --------------------------------------------------------------------------------- */

static void norm_forward(void *arg)
{
    be->ops->norm(be, arg);
}

static void norm_case(int64_t M, int64_t C, bool affine)
{
    struct va_norm p = { M, C, 1e-5, NULL, NULL, NULL, NULL, NULL };
    struct va_norm_grad q = { .M = M, .C = C };
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

static void norm(void)
{
    for (int affine = 0; affine < 2; affine++) {
        norm_case(3, 7, affine);
        norm_case(1, 31, affine);
        norm_case(33, 2, affine);
        norm_case(5, 61, affine);
    }
}

static void weight_norm_forward(void *arg)
{
    be->ops->derive(be, arg, 1);
}

static void weight_norm(void)
{
    static const int64_t shapes[][2] = { { 3, 11 }, { 1, 1 }, { 31, 2 }, { 2, 33 }, { 5, 61 } };

    for (size_t i = 0; i < VA_COUNT(shapes); i++) {
        struct va_derived d = { .rows = shapes[i][0], .cols = shapes[i][1] };
        int64_t n = d.rows * d.cols;
        double *v, *g, *dw, *dv, *dg;

        begin();
        d.v = v = new_values(n, -1, 1), d.g = g = new_values(d.rows, -2, 2);
        d.w.data = new_values(n, 0, 0);
        dw = new_values(n, -1, 1);
        d.dv = dv = new_values(n, 0, 0), d.dg = dg = gradient(d.rows, ADDED);
        memcpy(dv, dw, sizeof(*dv) * (size_t)n); /* in place */
        be->ops->derive_grad(be, &d, 1);
        loss.forward = weight_norm_forward, loss.arg = &d, loss.y = d.w.data, loss.dy = dw;
        loss.n = n;
        check("weight norm dv", v, dv, n, OVERWRITTEN);
        check("weight norm dg", g, dg, d.rows, ADDED);
        end();
    }
}

int main(void)
{
    VA_TEST(scan);
    VA_TEST(scan_in_halves);
    VA_TEST(recurrent);
    VA_TEST(recurrent_in_halves);
    VA_TEST(attention);
    VA_TEST(norm);
    VA_TEST(weight_norm);
    return va_test_finish();
}
