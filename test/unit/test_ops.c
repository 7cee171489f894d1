/*
 * The cpu backend against ref: elementwise operations, sums over rows, and the optimiser.
 * Sizes are awkward on purpose: one, a vector minus one, plus one, primes, more than a piece.
 */
#include "base/va_tensors.h"
#include "test/unit/ops_twin.h"
#include "test/unit/step.h"

static const int64_t sizes[] = { 1, 7, 15, 16, 17, 31, 33, 61, 1021, 40009 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
static const enum va_unary functions[] = { VA_IDENTITY, VA_RELU,    VA_SILU,    VA_GELU,
                                           VA_SOFTPLUS, VA_SIGMOID, VA_NEG_EXP, VA_QUICK_GELU };

static void unary(void)
{
    for (size_t f = 0; f < VA_COUNT(functions); f++)
        for (int s = 0; s < SIZES; s++) {
            int64_t n = sizes[s];
            struct twin *x, *y, *dy, *dx;

            twin_begin();
            x = twin_random(n, functions[f] == VA_NEG_EXP ? -20 : -30,
                            functions[f] == VA_NEG_EXP ? 3 : 30);
            y = twin_new(n);
            dy = twin_random(n, -1, 1);
            dx = twin_new(n);
            twin_set(x, n / 2, 0);
            twin_ref->ops->unary(twin_ref, functions[f], n, x->ref, y->ref);
            twin_cpu->ops->unary(twin_cpu, functions[f], n, x->cpu, y->cpu);
            twin_check("unary", y, 1, 0);
            twin_ref->ops->unary_grad(twin_ref, functions[f], n, x->ref, y->ref, dy->ref,
                                      dx->ref);
            twin_cpu->ops->unary_grad(twin_cpu, functions[f], n, x->cpu, y->cpu, dy->cpu,
                                      dx->cpu);
            twin_check("unary gradient", dx, 1, 1);
            twin_ref->ops->unary(twin_ref, functions[f], n, x->ref, x->ref); /* in place */
            twin_cpu->ops->unary(twin_cpu, functions[f], n, x->cpu, x->cpu);
            twin_check("unary in place", x, 1, 0);
            twin_end();
        }
}

static void unary_at_the_ends(void)
{
    static const float ends[] = { 0,   -0.0f, 1e-30f, -1e-30f, 19.9f, 20.1f, 88,
                                  100, 1e4f,  -19,    -80,     -100,  -1e4f, NAN };
    enum { N = sizeof(ends) / sizeof(ends[0]) };

    for (int f = 0; f < 6; f++) {
        struct twin *x, *y;

        twin_begin();
        x = twin_new(N);
        y = twin_new(N);
        for (int i = 0; i < N; i++)
            twin_set(x, i, ends[i]);
        twin_ref->ops->unary(twin_ref, functions[f], N, x->ref, y->ref);
        twin_cpu->ops->unary(twin_cpu, functions[f], N, x->cpu, y->cpu);
        for (int i = 0; i < N; i++) { /* each by its own size */
            double a = ((double *)y->ref)[i], b = twin_get(y, i);

            if (isnan(ends[i]))
                VA_CHECK(isnan(a) && isnan(b));
            else if (!(fabs(a - b) <= 4e-7 * fabs(a) + 1e-8)) {
                printf("# function %d of %g is %.9g, expected %.9g\n", f, ends[i], b, a);
                va_test_bad = true;
            }
        }
        twin_end();
    }
}

static void add_and_prelu(void)
{
    for (int s = 0; s < SIZES; s++) {
        int64_t n = sizes[s];
        struct twin *x, *y, *dy, *dx, *slope, *dslope;

        twin_begin();
        x = twin_random(n, -1, 1);
        y = twin_random(n, -1, 1);
        dy = twin_random(n, -1, 1);
        dx = twin_new(n);
        slope = twin_random(1, 0.2, 0.3);
        dslope = twin_random(1, 0.2, 0.3);
        twin_set(x, n / 2, 0);
        twin_ref->ops->add(twin_ref,
                           &(struct va_add){ 1, n, x->ref, dy->ref, y->ref, 0, 0, 0 });
        twin_cpu->ops->add(twin_cpu,
                           &(struct va_add){ 1, n, x->cpu, dy->cpu, y->cpu, 0, 0, 0 });
        twin_check("add", y, 1, 0);
        for (int kind = 0; kind < 3; kind++) { /* alone, with a residual, and with a mask */
            void *steps[] = { step_new(twin_ref, 5, 6), step_new(twin_cpu, 5, 6) };
            struct va_mask mask = { kind > 1 ? 0.3 : 0, steps[0], 9, 3 };
            struct va_prelu p = { n, x->ref, slope->ref, kind ? dy->ref : NULL, y->ref, mask };
            struct va_prelu_grad g = { n,       x->ref,      slope->ref, dy->ref,
                                       dx->ref, dslope->ref, mask };

            twin_ref->ops->prelu(twin_ref, &p);
            twin_ref->ops->prelu_grad(twin_ref, &g);
            mask.step = steps[1];
            p = (struct va_prelu){ n, x->cpu, slope->cpu, kind ? dy->cpu : NULL, y->cpu, mask };
            g = (struct va_prelu_grad){ n,       x->cpu,      slope->cpu, dy->cpu,
                                        dx->cpu, dslope->cpu, mask };
            twin_cpu->ops->prelu(twin_cpu, &p);
            twin_cpu->ops->prelu_grad(twin_cpu, &g);
            twin_check("prelu", y, 3, 0);
            twin_check("prelu dx", dx, 2, 0);
            twin_check("prelu dslope", dslope, 16,
                       2 * sqrt((double)n)); /* of sums of 1024 / W */
            twin_ref->ops->free(twin_ref, steps[0]);
            twin_cpu->ops->free(twin_cpu, steps[1]);
        }
        twin_ref->ops->prelu_grad(
            twin_ref, &(struct va_prelu_grad){
                          n, x->ref, slope->ref, dy->ref, dy->ref, NULL, { 0, NULL, 0, 0 } });
        twin_cpu->ops->prelu_grad(
            twin_cpu, &(struct va_prelu_grad){
                          n, x->cpu, slope->cpu, dy->cpu, dy->cpu, NULL, { 0, NULL, 0, 0 } });
        twin_check("prelu dx in place", dy, 1, 0);
        twin_end();
    }
}

/* Runs with gaps; the second addend is the same for all, another for each, or none. */
static void add_runs(void)
{
    enum { B = 3, N = 37, STEP = 50 };

    for (int kind = 0; kind < 3; kind++) {
        struct twin *a, *b, *y;
        int64_t step = kind ? STEP : 0;

        twin_begin();
        a = twin_random(B * STEP, -1, 1);
        b = twin_random(B * STEP, -1, 1);
        y = twin_random(B * STEP, -1, 1);
        twin_ref->ops->add(twin_ref, &(struct va_add){ B, N, a->ref, kind < 2 ? b->ref : NULL,
                                                       y->ref, STEP, step, STEP });
        twin_cpu->ops->add(twin_cpu, &(struct va_add){ B, N, a->cpu, kind < 2 ? b->cpu : NULL,
                                                       y->cpu, STEP, step, STEP });
        twin_check("add runs", y, 1, 0);
        twin_end();
    }
}

/* y = dropout of the numbers of x from element `at` on, in a step of its own. */
static void twin_dropout(const struct twin *x, int64_t at, const struct twin *y,
                         struct va_mask mask, uint64_t seed, uint64_t step)
{
    for (int side = 0; side < 2; side++) {
        struct va_backend *be = side ? twin_cpu : twin_ref;
        void *record = step_new(be, seed, step);

        mask.step = record;
        be->ops->dropout(be, &(struct va_dropout){ y->count, mask,
                                                   va_at(be, side ? x->cpu : x->ref, at),
                                                   side ? y->cpu : y->ref });
        be->ops->free(be, record);
    }
}

static void dropout(void)
{
    static const double p[] = { 0, 0.3, 0.5, 0.999 };

    for (int s = 0; s < SIZES; s++)
        for (int i = 0; i < 4; i++) {
            struct va_mask mask = { .p = p[i], .stream = 1 };
            uint64_t step = (uint64_t)7 << 40 | 1;
            struct twin *x, *y;

            twin_begin();
            x = twin_random(sizes[s], -1, 1);
            y = twin_new(sizes[s]);
            twin_dropout(x, 0, y, mask, 0x123456789abcdefu, step);
            twin_check("dropout", y, 1, 0);
            twin_dropout(x, 0, x, mask, 0x123456789abcdefu, step); /* in place */
            VA_CHECK(twin_same(x, y, 0));
            twin_end();
        }
}

/* Numbers [first, first + count) of an activation, on their own, get what they get in it: also
 * where they begin inside a block of four words, or far beyond 2^32 words. */
static void dropout_of_a_part(void)
{
    enum { ALL = 40009 };
    static const int64_t firsts[] = { 0, 1, 2, 3, 4, 5, 63, 1001, 16381, 16387 };
    static const int64_t begins[] = { 0, 1, 4 * ((1LL << 32) - 2) + 3 };

    for (size_t b = 0; b < VA_COUNT(begins); b++)
        for (size_t f = 0; f < VA_COUNT(firsts); f++)
            for (int s = 0; s < SIZES; s++) {
                int64_t at = firsts[f], n = sizes[s] < ALL - at ? sizes[s] : ALL - at;
                struct va_mask mask = { 0.3, NULL, 63, begins[b] };
                struct twin *x, *y, *part;

                twin_begin();
                x = twin_random(ALL, -1, 1);
                y = twin_new(ALL);
                part = twin_new(n);
                twin_dropout(x, 0, y, mask, 11, 12);
                twin_check("dropout", y, 1, 0);
                mask.first += at;
                twin_dropout(x, at, part, mask, 11, 12);
                twin_check("dropout of a part", part, 1, 0);
                VA_CHECK(twin_same(part, y, at));
                twin_end();
            }
}

static void norm(void)
{
    static const int64_t rows[] = { 1, 7, 65, 131 },
                         widths[] = { 1, 5, 16, 33, 64, 251, 1026, 1284 };

    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 8; j++)
            for (int affine = 0; affine < 2; affine++) {
                int64_t M = rows[i], C = widths[j];
                struct twin *x, *y, *gamma, *beta, *stats, *dy, *dx, *dgamma, *dbeta;
                struct va_norm p;
                struct va_norm_grad q;
                double grown; /* by 1 / deviation, at most 1 / sqrt(eps) */

                twin_begin();
                x = twin_random(M * C, 99,
                                101); /* far from zero, as rows after a residual are */
                y = twin_new(M * C);
                gamma = twin_random(C, -1, 1);
                beta = twin_random(C, -1, 1);
                stats = twin_new(2 * M);
                dy = twin_random(M * C, -1, 1);
                dx = twin_new(M * C);
                dgamma = twin_random(C, -1, 1);
                dbeta = twin_random(C, -1, 1);
                p = (struct va_norm){ M, C, 1e-5, x->ref, NULL, NULL, y->ref, stats->ref };
                q = (struct va_norm_grad){ .M = M,
                                           .C = C,
                                           .dy = dy->ref,
                                           .x = x->ref,
                                           .stats = stats->ref,
                                           .dx = dx->ref,
                                           .add = affine ? dy->ref : NULL };
                if (affine) {
                    p.gamma = q.gamma = gamma->ref;
                    p.beta = beta->ref;
                    q.dgamma = dgamma->ref;
                    q.dbeta = dbeta->ref;
                }
                twin_ref->ops->norm(twin_ref, &p);
                twin_ref->ops->norm_grad(twin_ref, &q);
                p = (struct va_norm){ M, C, 1e-5, x->cpu, NULL, NULL, y->cpu, stats->cpu };
                q = (struct va_norm_grad){ .M = M,
                                           .C = C,
                                           .dy = dy->cpu,
                                           .x = x->cpu,
                                           .stats = stats->cpu,
                                           .dx = dx->cpu,
                                           .add = affine ? dy->cpu : NULL };
                if (affine) {
                    p.gamma = q.gamma = gamma->cpu;
                    p.beta = beta->cpu;
                    q.dgamma = dgamma->cpu;
                    q.dbeta = dbeta->cpu;
                }
                twin_cpu->ops->norm(twin_cpu, &p);
                twin_cpu->ops->norm_grad(twin_cpu, &q);
                twin_check("norm", y, (double)C, 2);
                /* the stored mean has an error of 2^-18 near 100 (half a unit in the last
                 * place is 2^-18); times 1/deviation it moves normalised values */
                grown = C > 1 ? 4 : 1 / sqrt(1e-5);
                for (int64_t m = 0; m < M; m++)
                    grown = fmax(grown, ((double *)stats->ref)[2 * m + 1]);
                twin_check("norm dx", dx, (double)C, grown * grown * 64);
                twin_check("norm dgamma", dgamma, (double)M, 64 * grown);
                twin_check("norm dbeta", dbeta, (double)M, 1);
                twin_end();
            }
}

static void weight_norm(void)
{
    static const int64_t cols[] = { 1, 17, 105, 4099 };

    for (int i = 0; i < 4; i++) {
        int64_t R = 5, C = cols[i];
        struct twin *v, *g, *w, *dv, *dg;
        struct va_derived ref, cpu;
        float zero;

        twin_begin();
        v = twin_random(R * C, -1, 1);
        for (int64_t c = 0; c < C; c++)
            twin_set(v, 2 * C + c, 0); /* a row of zeros */
        g = twin_random(R, -2, 2);
        w = twin_new(R * C);
        dv = twin_random(R * C, -1, 1); /* of w first */
        dg = twin_random(R, -1, 1);
        ref = (struct va_derived){ VA_LAW_WEIGHT_NORM, R,       C,      v->ref, g->ref,
                                   { .data = w->ref }, dv->ref, dg->ref };
        cpu = (struct va_derived){ VA_LAW_WEIGHT_NORM, R,       C,      v->cpu, g->cpu,
                                   { .data = w->cpu }, dv->cpu, dg->cpu };
        twin_ref->ops->derive(twin_ref, &ref, 1);
        twin_cpu->ops->derive(twin_cpu, &cpu, 1);
        twin_check("weight norm", w, 4, 0);
        twin_cpu->ops->get_f32(twin_cpu, &zero, va_at(twin_cpu, w->cpu, 2 * C), 1);
        VA_CHECK(zero == 0);
        twin_ref->ops->derive_grad(twin_ref, &ref, 1);
        twin_cpu->ops->derive_grad(twin_cpu, &cpu, 1);
        twin_check("weight norm dv", dv, 16, C == 1 ? 10 : 0);
        twin_check("weight norm dg", dg, 16, 1);
        twin_end();
    }
}

static void ccc(void)
{
    int64_t n = 301;
    struct twin *pred, *label, *valid, *dpred;
    struct va_ccc_moments a, b;
    float first;

    twin_begin();
    pred = twin_random(2 * n, -1, 1);
    label = twin_random(2 * n, -1, 1);
    valid = twin_new(n);
    dpred = twin_random(2 * n, 5, 6);
    for (int64_t i = 0; i < n; i++)
        twin_set(valid, i, i % 3 != 0);
    twin_set(pred, 0, NAN); /* not labelled: must not matter */
    twin_ref->ops->ccc_moments(twin_ref, n, pred->ref, label->ref, valid->ref, &a);
    twin_cpu->ops->ccc_moments(twin_cpu, n, pred->cpu, label->cpu, valid->cpu, &b);
    VA_CHECK_INT(a.count, 200);
    VA_CHECK_INT(b.count, 200);
    for (int d = 0; d < 2; d++) {
        VA_CHECK_NEAR(b.mean_p[d], a.mean_p[d], 1e-14);
        VA_CHECK_NEAR(b.mean_y[d], a.mean_y[d], 1e-14);
        VA_CHECK_NEAR(b.spp[d], a.spp[d], 1e-11);
        VA_CHECK_NEAR(b.syy[d], a.syy[d], 1e-11);
        VA_CHECK_NEAR(b.spy[d], a.spy[d], 1e-11);
    }
    for (int given = 0; given < 2; given++) { /* moments of these frames, or of more */
        const struct va_ccc_moments *m = given ? &a : NULL;
        struct va_step_report x = step_ccc(
            twin_ref, (struct va_ccc){ n, VA_CCC_SAMPLE, 1e-8, .75, pred->ref, label->ref,
                                       valid->ref, m, dpred->ref, NULL, false });
        struct va_step_report y = step_ccc(
            twin_cpu, (struct va_ccc){ n, VA_CCC_SAMPLE, 1e-8, .75, pred->cpu, label->cpu,
                                       valid->cpu, m, dpred->cpu, NULL, false });

        VA_CHECK_NEAR(y.loss, x.loss, 1e-12);
        VA_CHECK_NEAR(x.loss, .75 * (2 - x.ccc[0] - x.ccc[1]) + .25 * x.error, 1e-12);
        VA_CHECK(x.learned == a.count && y.losses == 1 && y.wrong == 0);
        twin_cpu->ops->get_f32(twin_cpu, &first, dpred->cpu, 1);
        VA_CHECK(first == 0);
        twin_check("ccc gradient", dpred, 1, 0);
        a.spy[0] *= .5, a.count += 70;
    }
    twin_end();
}

/* By hand, with a row of no class; then as the part of a larger batch. */
static void cross_entropy(void)
{
    enum { N = 5, C = 3 };
    static const int32_t label[N] = { 2, -1, 0, 1, 0 };
    static const double weight[C] = { .5, 2, 1.25 };
    double sum = 0, total = .5 + .5 + 2 + 1.25;
    struct twin *x, *dx;
    void *classes, *weights;

    twin_begin();
    x = twin_random(N * C, -3, 3);
    dx = twin_random(N * C, 5, 6);
    twin_set(x, 2 * C, 900); /* far logits do not overflow */
    classes = va_bytes_new(twin_cpu, sizeof(label));
    weights = va_bytes_new(twin_cpu, sizeof(weight));
    twin_cpu->ops->put_bytes(twin_cpu, classes, label, sizeof(label));
    twin_cpu->ops->put_bytes(twin_cpu, weights, weight, sizeof(weight));
    for (int given = 0; given < 2; given++) {
        void *a = step_new(twin_ref, 0, 0), *b = step_new(twin_cpu, 0, 0);
        struct va_cross_entropy p = { N,      C,       .6, given ? 10 : 0, x->ref, label,
                                      weight, dx->ref, a };
        struct va_step_report ra, rb;

        twin_ref->ops->cross_entropy(twin_ref, &p);
        p.logits = x->cpu, p.dlogits = dx->cpu, p.step = b;
        p.label = classes, p.weight = weights;
        twin_cpu->ops->cross_entropy(twin_cpu, &p);
        ra = step_report(twin_ref, a), rb = step_report(twin_cpu, b);
        for (int r = 0; r < N; r++) {
            const double *row = (const double *)x->ref + r * C;
            double sums = exp(row[0] - 900) + exp(row[1] - 900) + exp(row[2] - 900);

            if (r != 2)
                sums = exp(row[0]) + exp(row[1]) + exp(row[2]);
            if (label[r] >= 0 && !given)
                sum += weight[label[r]] * (log(sums) - row[label[r]] + (r == 2 ? 900 : 0));
            VA_CHECK(label[r] >= 0 || ((double *)dx->ref)[r * C] == 0);
        }
        VA_CHECK_NEAR(ra.cross_entropy, sum, 1e-12);
        VA_CHECK_NEAR(rb.cross_entropy, sum, 1e-12);
        VA_CHECK_NEAR(ra.class_weight, total, 1e-15);
        VA_CHECK_NEAR(ra.loss, .6 * sum / (given ? 10 : total), 1e-12);
        VA_CHECK(ra.learned == (given ? 10 : total) && rb.learned == ra.learned);
        twin_check("cross-entropy", dx, 4, 1);
        twin_ref->ops->free(twin_ref, a);
        twin_cpu->ops->free(twin_cpu, b);
    }
    twin_cpu->ops->free(twin_cpu, classes);
    twin_cpu->ops->free(twin_cpu, weights);
    twin_end();
}

static void nothing_labelled(void)
{
    struct twin *zero;
    struct va_ccc_moments m;

    twin_begin();
    zero = twin_new(6);
    twin_cpu->ops->ccc_moments(twin_cpu, 3, zero->cpu, zero->cpu, zero->cpu, &m);
    VA_CHECK(m.count == 0 && m.mean_p[0] == 0 && m.mean_y[1] == 0 && m.spp[0] == 0);
    twin_end();
}

/* An update by the record of a step, which is taken to the device and back. */
static void update_by(struct va_backend *be, struct va_adamw *h, struct va_step *step)
{
    h->step = va_bytes_new(be, sizeof(*step));
    be->ops->put_bytes(be, h->step, step, sizeof(*step));
    be->ops->update(be, h);
    be->ops->get_bytes(be, step, h->step, sizeof(*step));
    be->ops->free(be, h->step);
}

static void update(struct va_adamw *h, const struct va_update *ref, const struct va_update *cpu,
                   struct va_step *a, struct va_step *b)
{
    h->count = 4;
    h->list = ref;
    update_by(twin_ref, h, a);
    h->list = cpu;
    update_by(twin_cpu, h, b);
}

/* A normed weight, twice: lengths [R] and directions [R, C], each with gradient and moments, and the weight. */
struct normed {
    struct twin *g[4], *v[4], *w; /* value, gradient, m, v */
};

static struct normed normed_new(int64_t R, int64_t C)
{
    struct normed n = { .w = twin_new(R * C) };

    for (int j = 0; j < 4; j++) {
        n.g[j] = j < 2 ? twin_random(R, -1, 1) : twin_new(R);
        n.v[j] = j < 2 ? twin_random(R * C, -1, 1) : twin_new(R * C);
    }
    return n;
}

/* One update on one of the two backends; what it reports. */
static struct va_step_report normed_update(const struct normed *n, bool cpu, int64_t R,
                                           int64_t C)
{
    struct va_update list[2] = { { .count = R, .rate = 1 },
                                 { .count = R * C, .decay = .01, .rate = 1 } };
    struct va_step step = { .rate = 1e-2, .t = 3, .report = { .worst = -1 } };
    struct va_derived derived = { .law = VA_LAW_WEIGHT_NORM, .rows = R, .cols = C };
    struct va_adamw h = { .beta1 = .9,
                          .beta2 = .999,
                          .eps = 1e-8,
                          .clip = .5,
                          .count = 2,
                          .list = list,
                          .derived = &derived,
                          .derived_count = 1 };
    struct va_backend *be = cpu ? twin_cpu : twin_ref;

    for (int i = 0; i < 2; i++) {
        struct twin *const *t = i ? n->v : n->g;

        list[i].value = cpu ? t[0]->cpu : t[0]->ref;
        list[i].grad = cpu ? t[1]->cpu : t[1]->ref;
        list[i].m = cpu ? t[2]->cpu : t[2]->ref;
        list[i].v = cpu ? t[3]->cpu : t[3]->ref;
    }
    derived.v = list[1].value;
    derived.g = list[0].value;
    derived.w.data = cpu ? n->w->cpu : n->w->ref;
    derived.dv = list[1].grad;
    derived.dg = list[0].grad;
    update_by(be, &h, &step);
    return step.report;
}

/* In rows shorter and longer than a piece: gradients come as those of the weight, the weight comes out. */
static void adamw_normed(void)
{
    static const int64_t shapes[][2] = { { 1, 1 }, { 5, 7 }, { 130, 1023 }, { 3, 65537 } };

    for (size_t k = 0; k < VA_COUNT(shapes); k++) {
        int64_t R = shapes[k][0], C = shapes[k][1];
        struct va_step_report a, b;
        struct normed n;

        twin_begin();
        n = normed_new(R, C);
        for (int64_t c = 0; R > 2 && c < C; c++)
            twin_set(n.v[0], 2 * C + c, 0);
        a = normed_update(&n, false, R, C);
        b = normed_update(&n, true, R, C);
        VA_CHECK_NEAR(b.norm, a.norm, 1e-6 * a.norm);
        twin_check("normed g", n.g[0], 8, 1);
        if (C > 1) { /* a direction of one number has no slope but rounding */
            twin_check("normed v", n.v[0], 8, 1);
            twin_check("normed m", n.v[2], 16, 0);
        }
        twin_check("normed w", n.w, 8, 1);
        twin_end();
    }
}

/* What is not finite in the gradient of a normed weight is in that of its lengths, the first of the list;
 * nothing changes then. */
static void adamw_normed_not_finite(void)
{
    enum { R = 5, C = 7 };
    struct normed n;

    twin_begin();
    n = normed_new(R, C);
    twin_set(n.v[1], 3 * C + 2, NAN);
    for (int cpu = 0; cpu < 2; cpu++) {
        struct va_step_report report = normed_update(&n, cpu, R, C);

        VA_CHECK_INT(report.worst, 0);
        VA_CHECK(isnan(report.norm));
    }
    for (int64_t i = 0; i < R * C; i++)
        VA_CHECK(((double *)n.v[2]->ref)[i] == 0);
    twin_check("normed m, untouched", n.v[2], 0, 0);
    twin_check("normed v, untouched", n.v[0], 0, 1);
    twin_check("normed g, untouched", n.g[0], 0, 1);
    twin_end();
}

/* Several tensors, one longer than a piece; five steps with clipping and decay. */
static void adamw(void)
{
    enum { TENSORS = 4, STEPS = 5 };
    static const int64_t counts[TENSORS] = { 1, 33, 70001, 16 };
    struct twin *t[TENSORS][4];
    double before[TENSORS];
    struct va_update ref[TENSORS], cpu[TENSORS];
    struct va_adamw h = { .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = 1 };
    struct va_step a = { .rate = 1e-2, .report = { .worst = -1 } }, b = a;

    twin_begin();
    for (int i = 0; i < TENSORS; i++) {
        double decay = i % 2 ? 0.01 : 0, rate = i == 3 ? 0.25 : 1;

        for (int k = 0; k < 4; k++)
            t[i][k] = k < 2 ? twin_random(counts[i], -1, 1) : twin_new(counts[i]);
        ref[i] = (struct va_update){ counts[i],    t[i][0]->ref, t[i][1]->ref, t[i][2]->ref,
                                     t[i][3]->ref, decay,        rate,         NULL };
        cpu[i] = (struct va_update){ counts[i],    t[i][0]->cpu, t[i][1]->cpu, t[i][2]->cpu,
                                     t[i][3]->cpu, decay,        rate,         NULL };
    }
    for (int step = 1; step <= STEPS; step++) {
        a.t = b.t = step;
        update(&h, ref, cpu, &a, &b);
        VA_CHECK_NEAR(b.report.norm, a.report.norm, 1e-6 * a.report.norm);
        VA_CHECK_INT(a.report.worst, -1);
        VA_CHECK_INT(b.report.worst, -1);
    }
    for (int i = 0; i < TENSORS; i++) {
        twin_check("adamw value", t[i][0], 4 * STEPS, 1);
        twin_check("adamw m", t[i][2], 4 * STEPS, 0);
        twin_check("adamw v", t[i][3], 4 * STEPS, 0);
    }
    for (int i = 0; i < TENSORS; i++)
        twin_ref->ops->get_f64(twin_ref, &before[i], t[i][0]->ref, 1);
    a.report.losses = b.report.losses = 1; /* over nothing */
    update(&h, ref, cpu, &a, &b);
    VA_CHECK(!a.halted && !b.halted);
    twin_set(t[2][1], 70000, NAN);
    a.report.learned = b.report.learned = 1;
    update(&h, ref, cpu, &a, &b);
    VA_CHECK_INT(a.report.worst, 2);
    VA_CHECK_INT(b.report.worst, 2);
    twin_set(t[2][1], 70000, 1);
    a.report.worst = b.report.worst = -1;
    update(&h, ref, cpu, &a, &b); /* after one that was not finite */
    VA_CHECK(a.halted && b.halted);
    for (int i = 0; i < TENSORS; i++) {
        double now;

        twin_ref->ops->get_f64(twin_ref, &now, t[i][0]->ref, 1);
        VA_CHECK(now == before[i]);
        twin_check("value of steps that do not update", t[i][0], 4 * STEPS, 1);
    }
    twin_end();
}

static void *index_new(struct va_backend *be, const int32_t *index, int64_t n)
{
    int64_t bytes = n * (int64_t)sizeof(*index);
    void *to = va_bytes_new(be, bytes);

    be->ops->put_bytes(be, to, index, bytes);
    return to;
}

/* x of the device in bfloat16, and with its rounded values in ref, to be freed. */
static void *halves_of(int64_t R, int64_t C, struct twin *x)
{
    int64_t pitch = C + C % 2;
    uint16_t *halves = va_new(R * pitch, sizeof(*halves));
    float *values = twin_floats(x->cpu, R * C);
    void *to = va_bytes_new(twin_cpu, R * pitch * (int64_t)sizeof(*halves));

    for (int64_t i = 0; i < R * C; i++) {
        halves[i / C * pitch + i % C] = va_to_bf16(values[i]);
        values[i] = va_from_bf16(va_to_bf16(values[i]));
    }
    twin_cpu->ops->put_bytes(twin_cpu, to, halves, R * pitch * (int64_t)sizeof(*halves));
    twin_ref->ops->put_f32(twin_ref, x->ref, values, R * C);
    va_free(halves);
    va_free(values);
    return to;
}

/* Rows and those that are R / 2 further on, with factors; some have none. `halves`: those of x on the device, or NULL. */
static void gather_in_twos(int64_t R, int64_t C, struct twin *x, void *halves, struct twin *y,
                           struct twin *mix, const int32_t *index, void *const rows[2])
{
    int32_t next[130];

    for (int64_t r = 0; r < R; r++)
        next[r] = r % 4 ? (int32_t)((index[r] + 1 + R / 2) % R) : -1;
    for (int i = 0; i < 2; i++) {
        struct va_backend *be = i ? twin_cpu : twin_ref;
        void *other = index_new(be, next, R);

        be->ops->gather(be, &(struct va_gather){ .rows = R,
                                                 .C = C,
                                                 .x = !i       ? x->ref
                                                      : halves ? halves
                                                               : x->cpu,
                                                 .halves = i && halves,
                                                 .index = rows[i],
                                                 .y = i ? y->cpu : y->ref,
                                                 .next = other,
                                                 .mix = i ? mix->cpu : mix->ref });
        be->ops->free(be, other);
    }
    twin_check("gather in twos", y, 2, 2.25);
}

static void rows(void)
{
    static const int64_t shapes[][2] = {
        { 1, 1 }, { 3, 31 }, { 33, 61 }, { 130, 5 }, { 2, 5003 }
    };

    for (size_t k = 0; k < VA_COUNT(shapes); k++) {
        int64_t R = shapes[k][0], C = shapes[k][1];
        struct twin *x, *y, *fill, *t, *w, *d, *s;
        int32_t index[130];
        void *a, *b, *rows[2];
        double loss;

        twin_begin();
        a = step_new(twin_ref, 0, 0), b = step_new(twin_cpu, 0, 0);
        x = twin_random(R * C, -1, 1), y = twin_new(R * C), fill = twin_random(C, -1, 1);
        t = twin_random(R * C, -1, 1), w = twin_random(R, 0, 2), d = twin_new(R * C);
        s = twin_new(R);
        for (int64_t r = 0; r < R; r++) {
            index[r] = (int32_t)((r * 7) % (R + 1)) - 1;
            twin_set(s, r, r % 3 ? 1.25f : 0);
        }
        for (int i = 0; i < 2; i++)
            rows[i] = index_new(i ? twin_cpu : twin_ref, index, R);
        for (int filled = 0; filled < 2; filled++) {
            twin_ref->ops->gather(twin_ref, &(struct va_gather){ R, C, x->ref, rows[0],
                                                                 filled ? fill->ref : NULL,
                                                                 y->ref, NULL, NULL, false });
            twin_cpu->ops->gather(twin_cpu, &(struct va_gather){ R, C, x->cpu, rows[1],
                                                                 filled ? fill->cpu : NULL,
                                                                 y->cpu, NULL, NULL, false });
            twin_check("gather", y, 0, 1e-9);
        }
        gather_in_twos(R, C, x, NULL, y, s, index, rows);
        for (int added = 0; added < 2; added++) {
            twin_ref->ops->add_scaled(
                twin_ref,
                &(struct va_add_scaled){ R, C, s->ref, x->ref, added ? t->ref : NULL, y->ref });
            twin_cpu->ops->add_scaled(
                twin_cpu,
                &(struct va_add_scaled){ R, C, s->cpu, x->cpu, added ? t->cpu : NULL, y->cpu });
            twin_check("add scaled", y, 1, 2);
        }
        twin_ref->ops->squares(
            twin_ref, &(struct va_squares){ R, C, 0.25, x->ref, t->ref, w->ref, d->ref, a });
        twin_cpu->ops->squares(
            twin_cpu, &(struct va_squares){ R, C, 0.25, x->cpu, t->cpu, w->cpu, d->cpu, b });
        loss = step_report(twin_ref, a).loss;
        VA_CHECK_NEAR(step_report(twin_cpu, b).loss, loss, 1e-6 * loss);
        twin_ref->ops->free(twin_ref, a);
        twin_cpu->ops->free(twin_cpu, b);
        twin_ref->ops->free(twin_ref, rows[0]);
        twin_cpu->ops->free(twin_cpu, rows[1]);
        twin_check("squares", d, 1, 4);
        twin_end();
    }
}

/* Where a device has memory to spare for rows that stay there. */
static void rows_in_bfloat16(void)
{
    static const int64_t shapes[][2] = { { 1, 1 }, { 3, 31 }, { 33, 64 }, { 130, 6 } };

    for (size_t k = 0; k < VA_COUNT(shapes); k++) {
        int64_t R = shapes[k][0], C = shapes[k][1];
        struct twin *x, *y, *fill, *mix;
        int32_t index[130];
        void *halves, *rows[2];

        twin_begin();
        if (!twin_cpu->ops->spare) {
            twin_end();
            VA_SKIP("this device has none");
        }
        x = twin_random(R * C, -1, 1), y = twin_new(R * C), fill = twin_random(C, -1, 1);
        mix = twin_random(R, 0, 1);
        halves = halves_of(R, C, x);
        for (int64_t r = 0; r < R; r++)
            index[r] = (int32_t)((r * 7) % (R + 1)) - 1;
        for (int i = 0; i < 2; i++)
            rows[i] = index_new(i ? twin_cpu : twin_ref, index, R);
        gather_in_twos(R, C, x, halves, y, mix, index, rows);
        twin_ref->ops->gather(twin_ref, &(struct va_gather){ R, C, x->ref, rows[0], fill->ref,
                                                             y->ref, NULL, NULL, false });
        twin_cpu->ops->gather(twin_cpu, &(struct va_gather){ R, C, halves, rows[1], fill->cpu,
                                                             y->cpu, NULL, NULL, true });
        twin_check("gather in bfloat16", y, 0, 1e-9);
        twin_ref->ops->free(twin_ref, rows[0]);
        twin_cpu->ops->free(twin_cpu, rows[1]);
        twin_cpu->ops->free(twin_cpu, halves);
        twin_end();
    }
}

/* Vectors of the paper's test suite; with purpose 0 our layout is the plain counter and key. */
static void philox_known_answers(void)
{
    static const uint32_t zeros[4] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
    static const uint32_t ones[4] = { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd };
    uint32_t w[4];

    va_philox(0, 0, 0, 0, w);
    VA_CHECK(!memcmp(w, zeros, sizeof(w)));
    va_philox(UINT64_MAX, 0xff, UINT64_MAX, UINT64_MAX, w);
    VA_CHECK(!memcmp(w, ones, sizeof(w)));
}

int main(void)
{
    VA_TEST(unary);
    VA_TEST(unary_at_the_ends);
    VA_TEST(add_and_prelu);
    VA_TEST(add_runs);
    VA_TEST(dropout);
    VA_TEST(dropout_of_a_part);
    VA_TEST(norm);
    VA_TEST(weight_norm);
    VA_TEST(ccc);
    VA_TEST(nothing_labelled);
    VA_TEST(cross_entropy);
    VA_TEST(adamw);
    VA_TEST(adamw_normed);
    VA_TEST(adamw_normed_not_finite);
    VA_TEST(rows);
    VA_TEST(rows_in_bfloat16);
    VA_TEST(philox_known_answers);
    return va_test_finish();
}
