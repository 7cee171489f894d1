/*
 * The cpu backend against ref: attention, recurrence and scan.
 */
#include "test/unit/ops_twin.h"

/* ---- attention ------------------------------------------------------------------------- */

struct attention_case {
    int64_t B, Tq, Tk, H, D;
    bool causal;
};

/* The last has blocks of queries that see different numbers of keys. */
static const struct attention_case attention_cases[] = {
    { 1, 1, 1, 1, 1, false },    { 2, 5, 5, 3, 7, false },      { 1, 33, 33, 2, 16, false },
    { 2, 1, 65, 4, 8, false },   { 1, 299, 301, 1, 31, false }, { 1, 1, 1, 1, 1, true },
    { 2, 31, 31, 3, 5, true },   { 1, 7, 61, 2, 16, true },     { 2, 66, 131, 2, 67, true },
    { 1, 3, 65, 1, 131, false }, { 1, 513, 700, 1, 9, true },
};
enum { ATTENTIONS = sizeof(attention_cases) / sizeof(attention_cases[0]) };

/* q alone; k and v beside each other, with a gap. */
static void attention(void)
{
    for (int i = 0; i < ATTENTIONS; i++) {
        const struct attention_case *c = &attention_cases[i];
        int64_t width = c->H * c->D, ldq = width + 1, ldk = 2 * width + 3;
        struct va_attention p = { c->B,        c->Tq, c->Tk, c->H, c->D, c->causal,
                                  NULL,        NULL,  NULL,  ldq,  ldk,  c->Tq * ldq + 1,
                                  c->Tk * ldk, NULL,  NULL };
        struct va_attention_grad g = { c->B,    c->Tq,   c->Tk, c->H, c->D, c->causal, NULL,
                                       NULL,    NULL,    NULL,  NULL, NULL, ldq,       ldk,
                                       p.stepq, p.stepk, NULL,  NULL, NULL };
        struct twin *q, *kv, *y, *lse, *dy, *dq, *dkv;
        double size = 4 * sqrt((double)p.D); /* of a score: its rounding goes into the weight */

        twin_begin();
        q = twin_random(p.B * p.stepq, -2, 2), kv = twin_random(p.B * p.stepk, -2, 2);
        y = twin_new(p.B * p.Tq * width), lse = twin_new(p.B * p.H * p.Tq);
        dy = twin_random(p.B * p.Tq * width, -1, 1);
        dq = twin_new(p.B * p.stepq), dkv = twin_new(p.B * p.stepk);
        p.q = g.q = q->ref, p.k = g.k = kv->ref, p.v = g.v = (double *)kv->ref + width;
        p.y = y->ref, p.lse = lse->ref, g.y = y->ref, g.lse = lse->ref, g.dy = dy->ref;
        g.dq = dq->ref, g.dk = dkv->ref, g.dv = (double *)dkv->ref + width;
        twin_ref->ops->attention(twin_ref, &p);
        twin_ref->ops->attention_grad(twin_ref, &g);
        p.q = g.q = q->cpu, p.k = g.k = kv->cpu, p.v = g.v = (float *)kv->cpu + width;
        p.y = y->cpu, p.lse = lse->cpu, g.y = y->cpu, g.lse = lse->cpu, g.dy = dy->cpu;
        g.dq = dq->cpu, g.dk = dkv->cpu, g.dv = (float *)dkv->cpu + width;
        twin_cpu->ops->attention(twin_cpu, &p);
        twin_cpu->ops->attention_grad(twin_cpu, &g);
        twin_check("attention", y, (double)(p.Tk + p.D), 2 * size);
        twin_check("attention lse", lse, (double)p.D, size + log((double)p.Tk));
        twin_check("attention dq", dq, (double)(p.Tk + p.D), 2 * size);
        twin_check("attention dk, dv", dkv, (double)(p.Tq + p.D), 2 * size);
        twin_end();
    }
}

/* Scores far from zero, of which a few decide; a NaN stays in the row of its query. */
static void attention_at_the_ends(void)
{
    enum { T = 70, H = 2, D = 4, WIDTH = H * D };
    struct va_attention p = { .B = 1, .Tq = T, .Tk = T, .H = H, .D = D };
    struct twin *q, *k, *v, *y, *lse;
    double largest = 20 * 20 * sqrt((double)D), x;

    twin_begin();
    q = twin_random(T * WIDTH, -20, 20), k = twin_random(T * WIDTH, -20, 20);
    v = twin_random(T * WIDTH, -1, 1), y = twin_new(T * WIDTH), lse = twin_new(H * T);
    twin_set(q, 5 * WIDTH + D, NAN); /* of the second head */
    p.ldq = p.ldk = WIDTH;
    for (int causal = 0; causal < 2; causal++) {
        p.causal = causal;
        p.q = q->ref, p.k = k->ref, p.v = v->ref, p.y = y->ref, p.lse = lse->ref;
        twin_ref->ops->attention(twin_ref, &p);
        p.q = q->cpu, p.k = k->cpu, p.v = v->cpu, p.y = y->cpu, p.lse = lse->cpu;
        twin_cpu->ops->attention(twin_cpu, &p);
        twin_check("attention", y, D, 2 * largest);
        twin_check("attention lse", lse, D, largest);
        for (int i = 0; i < T * WIDTH; i++) {
            twin_cpu->ops->get_f64(twin_cpu, &x, va_at(twin_cpu, y->cpu, i), 1);
            VA_CHECK(isnan(x) == (i / D == 5 * H + 1));
        }
    }
    twin_end();
}

/* ---- recurrence ---------------------------------------------------------------------------- */

static void recurrent_case(enum va_cell cell, int64_t B, int64_t T, int64_t H, bool stateful)
{
    int64_t rows = va_cell_gates(cell) * H;
    struct twin *a, *w, *bias, *memo, *y, *state, *dy, *da, *ds;
    struct va_weight wr, wc;

    twin_begin();
    a = twin_random(B * T * rows, -2, 2), w = twin_random(rows * H, -0.3, 0.3);
    bias = twin_random(rows, -1, 1), memo = twin_new(B * T * H), y = twin_new(B * T * H);
    state = twin_random(B * 2 * H, -1, 1), dy = twin_random(B * T * H, -1, 1);
    da = twin_new(B * T * rows), ds = twin_new(B * T * rows);
    wr = twin_weight(w->ref), wc = twin_weight(w->cpu);
    twin_ref->ops->recurrent(twin_ref, &(struct va_recurrent){ cell, B, T, H, &wr, bias->ref,
                                                               a->ref, memo->ref, y->ref,
                                                               stateful ? state->ref : NULL });
    twin_cpu->ops->recurrent(twin_cpu, &(struct va_recurrent){ cell, B, T, H, &wc, bias->cpu,
                                                               a->cpu, memo->cpu, y->cpu,
                                                               stateful ? state->cpu : NULL });
    if (!stateful) {
        twin_ref->ops->recurrent_grad(
            twin_ref, &(struct va_recurrent_grad){ cell, B, T, H, &wr, a->ref, memo->ref,
                                                   y->ref, dy->ref, da->ref, ds->ref });
        twin_cpu->ops->recurrent_grad(
            twin_cpu, &(struct va_recurrent_grad){ cell, B, T, H, &wc, a->cpu, memo->cpu,
                                                   y->cpu, dy->cpu, da->cpu, ds->cpu });
    }
    /* gates and states are of order one; errors of earlier frames are carried on, but shrink */
    twin_check("recurrent gates", a, 4 * (double)H, 2);
    twin_check("recurrent memo", memo, 4 * (double)H, 2);
    twin_check("recurrent h", y, 4 * (double)H, 2);
    twin_check("recurrent state", state, 4 * (double)H, 2);
    twin_check("recurrent da", da, 8 * (double)H, 4);
    twin_check("recurrent ds", ds, 8 * (double)H, 4);
    twin_cpu->ops->weight_release(twin_cpu, &wc);
    twin_end();
}

static void recurrent(void)
{
    for (int i = 0; i < 4; i++) {
        enum va_cell cell = i % 2 ? VA_CELL_GRU : VA_CELL_LSTM;

        recurrent_case(cell, 1, 1, 1, i / 2);
        recurrent_case(cell, 5, 7, 3, i / 2);
        recurrent_case(cell, 2, 33, 31, i / 2);
        recurrent_case(cell, 1, 131, 16, i / 2);
        recurrent_case(cell, 9, 3, 65, i / 2);
    }
}

/* ---- scan -------------------------------------------------------------------------------------- */

enum {
    SCAN_U,
    SCAN_DELTA,
    SCAN_A,
    SCAN_B,
    SCAN_C,
    SCAN_SKIP,
    SCAN_Z,
    SCAN_H0,
    SCAN_Y,
    SCAN_H,
    SCAN_DY,
    SCAN_DU,
    SCAN_DDELTA,
    SCAN_DA,
    SCAN_DB,
    SCAN_DC,
    SCAN_DSKIP,
    SCAN_DZ,
    SCAN_MARKS,
    SCAN_TENSORS
};

struct scan_case {
    int64_t B, T, E, N, gap;
    bool gate, start;
    struct twin *t[SCAN_TENSORS];
};

static void scan_make(struct scan_case *s)
{
    int64_t rows = s->B * s->T, le = s->E + s->gap, ln = s->N + s->gap;

    s->t[SCAN_U] = twin_random(rows * le, -1, 1);
    s->t[SCAN_DELTA] = twin_random(rows * le, 0.001, 0.8);
    s->t[SCAN_A] = twin_random(s->E * s->N, -4, -0.02);
    s->t[SCAN_B] = twin_random(rows * ln, -1, 1);
    s->t[SCAN_C] = twin_random(rows * ln, -1, 1);
    s->t[SCAN_SKIP] = twin_random(s->E, -1, 1);
    s->t[SCAN_Z] = twin_random(rows * le, -3, 3);
    s->t[SCAN_H0] = twin_random(s->B * s->E * s->N, -1, 1);
    s->t[SCAN_Y] = twin_new(rows * s->E);
    s->t[SCAN_H] = twin_new(s->B * s->E * s->N);
    s->t[SCAN_DY] = twin_random(rows * s->E, -1, 1);
    s->t[SCAN_DU] = twin_random(rows * le, -1, 1);
    s->t[SCAN_DDELTA] = twin_random(rows * le, -1, 1);
    s->t[SCAN_DA] = twin_random(s->E * s->N, -1, 1);
    s->t[SCAN_DB] = twin_random(rows * ln, -1, 1);
    s->t[SCAN_DC] = twin_random(rows * ln, -1, 1);
    s->t[SCAN_DSKIP] = twin_random(s->E, -1, 1);
    s->t[SCAN_DZ] = twin_random(rows * le, -1, 1);
    s->t[SCAN_MARKS] = twin_new(va_scan_marks(twin_cpu, s->B, s->T) * s->E * s->N);
}

/* Marks of ref, which leaves none: the last states of scans of the frames before. */
static void scan_ref_marks(const struct scan_case *s, struct va_scan p)
{
    int64_t step = twin_cpu->ops->scan_marks, states = s->E * s->N, T = p.T;
    const struct va_scan all = p;

    p.B = 1;
    p.marks = NULL;
    for (int64_t b = 0; step && b < s->B; b++)
        for (int64_t t = 0; t < T; t += step) {
            p.T = t;
            p.u = va_at(twin_ref, all.u, b * T * p.ldu);
            p.delta = va_at(twin_ref, all.delta, b * T * p.lddelta);
            p.Bm = va_at(twin_ref, all.Bm, b * T * p.ldB);
            p.Cm = va_at(twin_ref, all.Cm, b * T * p.ldC);
            p.z = all.z ? va_at(twin_ref, all.z, b * T * p.ldz) : NULL;
            p.h_last = va_at(twin_ref, all.marks,
                             (b * va_scan_marks(twin_cpu, 1, T) + t / step) * states);
            if (t > 0)
                twin_ref->ops->scan(twin_ref, &p);
        }
}

static void scan_run(const struct scan_case *s, bool on_ref)
{
    void *v[SCAN_TENSORS];
    int64_t le = s->E + s->gap, ln = s->N + s->gap;
    struct va_backend *be = on_ref ? twin_ref : twin_cpu;
    struct va_scan p;
    struct va_scan_grad q;

    for (int i = 0; i < SCAN_TENSORS; i++)
        v[i] = on_ref ? s->t[i]->ref : s->t[i]->cpu;
    p = (struct va_scan){ .B = s->B,
                          .T = s->T,
                          .E = s->E,
                          .N = s->N,
                          .u = v[SCAN_U],
                          .delta = v[SCAN_DELTA],
                          .A = v[SCAN_A],
                          .Bm = v[SCAN_B],
                          .Cm = v[SCAN_C],
                          .skip = v[SCAN_SKIP],
                          .z = s->gate ? v[SCAN_Z] : NULL,
                          .ldu = le,
                          .lddelta = le,
                          .ldB = ln,
                          .ldC = ln,
                          .ldz = le,
                          .y = v[SCAN_Y],
                          .h_last = v[SCAN_H],
                          .marks = v[SCAN_MARKS] };
    if (on_ref)
        scan_ref_marks(s, p);
    be->ops->scan(be, &p);
    if (s->start) {
        p.h0 = v[SCAN_H0];
        p.marks = NULL;
        be->ops->scan(be, &p);
    }
    q = (struct va_scan_grad){ .B = s->B,
                               .T = s->T,
                               .E = s->E,
                               .N = s->N,
                               .dy = v[SCAN_DY],
                               .marks = v[SCAN_MARKS],
                               .u = p.u,
                               .delta = p.delta,
                               .A = p.A,
                               .Bm = p.Bm,
                               .Cm = p.Cm,
                               .skip = p.skip,
                               .z = p.z,
                               .ldu = le,
                               .lddelta = le,
                               .ldB = ln,
                               .ldC = ln,
                               .ldz = le,
                               .du = v[SCAN_DU],
                               .ddelta = v[SCAN_DDELTA],
                               .dBm = v[SCAN_DB],
                               .dCm = v[SCAN_DC],
                               .dz = s->gate ? v[SCAN_DZ] : NULL,
                               .lddu = le,
                               .ldddelta = le,
                               .lddB = ln,
                               .lddC = ln,
                               .lddz = le,
                               .dA = v[SCAN_DA],
                               .dskip = v[SCAN_DSKIP] };
    be->ops->scan_grad(be, &q);
}

/* A state gathers about 1 / (1 - decay) terms, here up to 1000; each carries rounding. */
static void scan_check(const struct scan_case *s)
{
    double memory = s->T < 1000 ? (double)s->T : 1000, n = (double)s->N;

    twin_check("scan y", s->t[SCAN_Y], memory + n, 1);
    twin_check("scan last state", s->t[SCAN_H], memory, 1);
    twin_check("scan du", s->t[SCAN_DU], memory + n, 1);
    twin_check("scan ddelta", s->t[SCAN_DDELTA], memory + n, 1);
    twin_check("scan dA", s->t[SCAN_DA], (double)(s->B * s->T) + memory, 1);
    twin_check("scan dBm", s->t[SCAN_DB], (double)s->E + memory, 1);
    twin_check("scan dCm", s->t[SCAN_DC], (double)s->E + memory, 1);
    twin_check("scan dskip", s->t[SCAN_DSKIP], (double)(s->B * s->T), 1);
    twin_check("scan dz", s->t[SCAN_DZ], memory + n, 1);
    if (s->t[SCAN_MARKS]->count > 0)
        twin_check("scan marks", s->t[SCAN_MARKS], memory, 1);
}

static void scan(void)
{
    static const int64_t shapes[][4] = {
        /* B T E N */
        { 1, 1, 1, 1 },    { 2, 7, 5, 3 },    { 1, 33, 16, 8 },   { 2, 61, 31, 8 },
        { 1, 15, 129, 4 }, { 3, 31, 65, 16 }, { 1, 1031, 17, 8 }, { 1, 130, 7, 61 }
    };

    for (int i = 0; i < 8; i++)
        for (int way = 0; way < 4; way++) {
            struct scan_case s = { shapes[i][0],         shapes[i][1],    shapes[i][2],
                                   shapes[i][3],         way % 2 ? 3 : 0, way < 2,
                                   way == 1 || way == 2, { NULL } };

            twin_begin();
            scan_make(&s);
            scan_run(&s, true);
            scan_run(&s, false);
            scan_check(&s);
            twin_end();
        }
}

/* Steps so large that the decay is 0, so small that it is 1; a NaN stays in its sequence. */
static void scan_at_the_ends(void)
{
    struct scan_case s = { 3, 40, 20, 8, 0, true, false, { NULL } };
    int64_t bad = 0;

    twin_begin();
    scan_make(&s);
    for (int64_t i = 0; i < s.B * s.T * s.E; i++)
        if (i % 3 == 0)
            twin_set(s.t[SCAN_DELTA], i, i % 2 ? 500.0f : 1e-12f);
    scan_run(&s, true);
    scan_run(&s, false);
    scan_check(&s);
    twin_set(s.t[SCAN_U], (s.T + 20) * s.E + 3, NAN); /* sequence 1, frame 20, channel 3 */
    scan_run(&s, false);
    for (int64_t i = 0; i < s.B * s.T * s.E; i++) {
        bool its = i / (s.T * s.E) == 1 && i % s.E == 3;

        bad += isnan(twin_get(s.t[SCAN_Y], i)) != (its && i / s.E % s.T >= 20);
        bad += !its && isnan(twin_get(s.t[SCAN_DU], i));
    }
    VA_CHECK_INT(bad, 0);
    twin_end();
}

int main(void)
{
    VA_TEST(attention);
    VA_TEST(attention_at_the_ends);
    VA_TEST(recurrent);
    VA_TEST(scan);
    VA_TEST(scan_at_the_ends);
    return va_test_finish();
}
