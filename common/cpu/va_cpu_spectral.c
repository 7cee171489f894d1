/*
 * Causal convolutions in the domain of frequencies: which of them, in tiles of which size, and how
 * their work is cut (cpu/va_spectral.h has the method).
 *
 * A row is one tile of one phase of one sequence. Rows are taken by the ROUND: their spectra are
 * made first, then every task multiplies a group of rows by the kernels of some output channels and
 * goes back to time. Sums lie in the second cache from the first input channel to the last.
 */
#include "cpu/va_buffer.h"
#include "cpu/va_cpu_priv.h"
#include <math.h>
#include <string.h>

enum {
    IN = VA_SPECTRAL_IN,
    OUT = VA_SPECTRAL_OUT,
    GROUP = 96,       /* rows of a task at most */
    ROUND = 2 * GROUP /* rows whose spectra are kept */
};

/* Multiplications per pair of channels and sequence. What is done once for all sequences counts as if
 * there were SHARED of them: a result must not depend on how many are given at a time. test/bench/choice
 * compares this with times. */
enum { SHARED = 8, FEW = 16 };

static double cost(int64_t frames, int64_t dilation, int64_t taps, int size)
{
    int64_t phase = (frames + dilation - 1) / dilation, outputs = size - taps + 1;
    int64_t tiles = (phase + outputs - 1) / outputs * (dilation < frames ? dilation : frames);

    return (double)(tiles * (2 * size - 2)) + (double)(taps - 1) * size / 2 / SHARED;
}

/* Blocks of rows leave out the taps that lie before the first frame for all of them; FEW rows cost as
 * much as fewer. */
static double direct_cost(int64_t frames, int64_t dilation, int64_t taps)
{
    int64_t sum = 0;

    for (int64_t t = 0, rows; t < frames; t += rows) {
        int64_t reach;

        rows = frames - t < VA_CONV_BLOCK ? frames - t : VA_CONV_BLOCK;
        reach = (t + rows - 1) / dilation + 1;
        sum += (rows > FEW ? rows : FEW) * (reach < taps ? reach : taps);
    }
    return (double)sum;
}

bool va_cpu_spectral_kernel(int64_t taps, int64_t Cin, int64_t Cout)
{
    return taps % 2 && taps >= VA_TAPS_MIN && taps <= VA_TAPS_MAX && Cin >= 16 && Cout >= 16;
}

bool va_cpu_in_frequencies(const struct va_backend *be)
{
    return be->precision != VA_BF16_PRODUCTS || (va_cpu_bf16_dots() && !va_cpu_amx());
}

int va_cpu_spectral_size(int64_t frames, int64_t dilation, int64_t taps, int64_t Cin,
                         int64_t Cout)
{
    enum va_conv_method method = va_cpu_conv_method();
    double best = method == VA_CONV_SPECTRAL ? INFINITY : direct_cost(frames, dilation, taps);
    int size = 0;

    if (method == VA_CONV_DIRECT || !va_cpu_spectral_kernel(taps, Cin, Cout))
        return 0;
    for (int s = VA_TILE_MIN; s <= VA_TILE_MAX; s += 2)
        if (s > taps && cost(frames, dilation, taps, s) < best) {
            best = cost(frames, dilation, taps, s);
            size = s;
        }
    return size;
}

/* ---- tables --------------------------------------------------------------------------------- */

static bool tile_of(struct va_cpu *cpu, int size, int64_t taps, struct va_tile *tile)
{
    const int64_t times = size / 2 + 1, n = times * times;
    float **table = &cpu->waves[size / 2];

    if (!*table) {
        float *w = *table = va_buffer_new(&cpu->base, 4 * n);

        for (int64_t k = 0; w && k < times; k++)
            for (int64_t t = 0; t < times; t++, w++) {
                double angle = 2 * M_PI * (double)(k * t % size) / size;
                double share = (k == 0 || k == size / 2 ? 1.0 : 2.0) / size;

                w[0] = (float)cos(angle), w[n] = (float)sin(angle);
                w[2 * n] = (float)(share * cos(angle)), w[3 * n] = (float)(share * sin(angle));
            }
    }
    *tile = (struct va_tile){ size,       (int)taps,      size - (int)taps + 1, *table,
                              *table + n, *table + 2 * n, *table + 3 * n };
    if (!*table)
        cpu->base.failed = true;
    return *table;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A convolution as rows of tiles. Sample n of the tile whose first output is frame t of a sequence is
 * its frame t + lead + (n - before) * dilation. */
struct rows {
    struct va_cpu *cpu;
    struct va_tile tile;
    int64_t B, T, dilation, phases, tiles;
    int64_t all, most;    /* rows; of a round, at most */
    int64_t first, count; /* rows of this round */
};

/* One side of a product: C channels of x [B, lead + T, C]. */
struct side {
    const struct rows *rows;
    const float *x;
    int64_t C, lead;
    int before;   /* samples of a tile before its first output */
    int from, to; /* those that are looked at */
    bool conjugate;
    float *out; /* [block of channels][slot][row][2][IN] */
    int64_t step, block;
};

/* Cut the work into rows, and those into rounds. false: the device has failed. */
static bool cut(struct rows *r, int size, int64_t taps)
{
    int64_t phase = (r->T + r->dilation - 1) / r->dilation, rounds;

    if (!tile_of(r->cpu, size, taps, &r->tile))
        return false;
    r->phases = r->dilation < r->T ? r->dilation : r->T;
    r->tiles = (phase + r->tile.outputs - 1) / r->tile.outputs;
    r->all = r->B * r->phases * r->tiles;
    rounds = (r->all + ROUND - 1) / ROUND;
    r->most = (r->all + rounds - 1) / rounds;
    return true;
}

/* The next round, the first after `first` was -1. */
static bool next_round(struct rows *r)
{
    r->first = r->first < 0 ? 0 : r->first + r->most;
    r->count = r->all - r->first < r->most ? r->all - r->first : r->most;
    return r->first < r->all && !r->cpu->base.failed;
}

/* The sequence of a row and the frame of its first output. */
static int64_t frame_of(const struct rows *r, int64_t row, int64_t *b)
{
    *b = row / (r->phases * r->tiles);
    return row / r->tiles % r->phases + row % r->tiles * r->tile.outputs * r->dilation;
}

/* Slots begin a line apart, so that they do not all lie in one set of a cache. */
static int64_t step_of(int64_t rows, int64_t width)
{
    return rows * 2 * width + 16;
}

static void side_task(void *arg, int64_t task, int thread)
{
    const struct side *s = arg;
    const struct rows *r = s->rows;
    int64_t b, frame = frame_of(r, r->first + task, &b) + s->lead - s->before * r->dilation;
    int64_t length = s->lead + r->T, d = r->dilation;
    int64_t from = frame < 0 ? (-frame + d - 1) / d : 0;
    int64_t to = frame < length ? (length - frame + d - 1) / d : 0;
    struct va_samples samples = { .ld = d * s->C,
                                  .first = (int)(from > s->from ? from : s->from),
                                  .end = (int)(to < s->to ? to : s->to),
                                  .conjugate = s->conjugate };

    (void)thread;
    for (int64_t c = 0; c < s->C; c += IN) {
        samples.x = s->x + b * length * s->C + (frame + samples.first * d) * s->C + c;
        va_hot()->tile_spectrum(&r->tile, &samples, s->C - c < IN ? s->C - c : IN, s->step,
                                s->out + c / IN * s->block + task * 2 * IN);
    }
}

/* How much memory a side takes for `rows` rows; its steps are set. */
static int64_t size_side(struct side *s, int64_t rows)
{
    s->step = step_of(rows, IN);
    s->block = s->step * (s->rows->tile.size / 2);
    return (s->C + IN - 1) / IN * s->block;
}

/* ---- products with a kernel: forward, and the gradient of the input --------------------------- */

struct filtered {
    struct rows rows;
    struct side in;
    int64_t Cout, group, groups;
    struct va_kernel_block kernel; /* of all channels */
    const float *bias;
    float *y;
};

static void filter_task(void *arg, int64_t task, int thread)
{
    const struct filtered *f = arg;
    const struct rows *r = &f->rows;
    int64_t slots = r->tile.size / 2, row = task % f->groups * f->group;
    int64_t o = task / f->groups * OUT,
            rows = r->count - row < f->group ? r->count - row : f->group;
    int64_t outs = f->Cout - o < OUT ? f->Cout - o : OUT;
    float *sums = va_cpu_scratch(r->cpu, thread),
          *kernel = sums + slots * step_of(f->group, OUT);
    struct va_spectral_product p = { .slots = (int)slots,
                                     .rows = rows,
                                     .b = kernel,
                                     .c = sums,
                                     .stepa = f->in.step,
                                     .stepb = step_of(IN, OUT),
                                     .stepc = step_of(rows, OUT) };

    for (int64_t c = 0; c < f->in.C; c += IN, p.add = true) {
        struct va_kernel_block k = f->kernel;

        k.w += c * k.in_step + o * k.out_step;
        k.in = (int)(f->in.C - c < IN ? f->in.C - c : IN);
        k.out = (int)outs;
        va_hot()->kernel_spectrum(&r->tile, &k, p.stepb, kernel);
        p.depth = k.in;
        p.a = f->in.out + c / IN * f->in.block + row * 2 * IN;
        va_hot()->spectral_product(&p);
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t b, t = frame_of(r, r->first + row + i, &b), d = r->dilation;
        int64_t left = (r->T - t + d - 1) / d;

        if (t < r->T)
            va_hot()->tile_back(&r->tile, sums + i * 2 * OUT, p.stepc,
                                f->bias ? f->bias + o : NULL, outs,
                                (int)(left < r->tile.outputs ? left : r->tile.outputs),
                                d * f->Cout, f->y + (b * r->T + t) * f->Cout + o);
    }
}

/* false: `size` is 0. */
static bool filter(struct filtered *f, int size, int64_t taps)
{
    struct rows *r = &f->rows;
    int64_t slots = size / 2;

    if (!size)
        return false;
    if (!cut(r, size, taps))
        return true;
    f->in.rows = r;
    f->groups = (r->most + GROUP - 1) / GROUP;
    f->group = (r->most + f->groups - 1) / f->groups;
    if (!va_cpu_room(r->cpu, slots * (step_of(f->group, OUT) + step_of(IN, OUT)),
                     size_side(&f->in, r->most)))
        return true;
    f->in.out = r->cpu->shared;
    for (r->first = -1; next_round(r);) {
        va_cpu_run(r->cpu, r->count, side_task, &f->in);
        va_cpu_run(r->cpu, (f->Cout + OUT - 1) / OUT * f->groups, filter_task, f);
    }
    return true;
}

bool va_cpu_spectral_conv(struct va_cpu *cpu, const struct va_conv *p)
{
    int size = va_cpu_spectral_size(p->T, p->dilation, p->K, p->Cin, p->Cout);
    struct filtered f = {
        .rows = { .cpu = cpu, .B = p->B, .T = p->T, .dilation = p->dilation },
        .in = { .x = p->x, .C = p->Cin, .lead = p->lead, .before = (int)p->K - 1, .to = size },
        .Cout = p->Cout,
        .kernel = { .w = p->w->data, .in_step = p->K, .out_step = p->Cin * p->K },
        .bias = p->bias,
        .y = p->y
    };

    return filter(&f, size, p->K);
}

/* ---- gradients --------------------------------------------------------------------------------- */

struct correlated {
    struct rows rows;
    struct side x, dy;
    struct va_kernel_block kernel; /* of dw */
};

static void correlate_task(void *arg, int64_t task, int thread)
{
    const struct correlated *q = arg;
    const struct rows *r = &q->rows;
    int64_t slots = r->tile.size / 2, blocks = (q->x.C + IN - 1) / IN;
    int64_t c = task % blocks * IN, o = task / blocks * OUT;
    float *sums = va_cpu_scratch(r->cpu, thread);
    struct va_kernel_block k = q->kernel;
    struct va_spectral_product p = { .slots = (int)slots,
                                     .rows = q->x.C - c < IN ? q->x.C - c : IN,
                                     .depth = r->count,
                                     .a = q->x.out + c / IN * q->x.block,
                                     .b = q->dy.out + o / IN * q->dy.block + o % IN,
                                     .c = sums,
                                     .stepa = q->x.step,
                                     .stepb = q->dy.step,
                                     .stepc = step_of(IN, OUT),
                                     .over_rows = true };

    k.w += c * k.in_step + o * k.out_step;
    k.in = (int)p.rows;
    k.out = (int)(q->dy.C - o < OUT ? q->dy.C - o : OUT);
    va_hot()->spectral_product(&p);
    va_hot()->kernel_back(&r->tile, sums, p.stepc, &k);
}

/* false: `size` is 0. */
static bool correlate(struct correlated *q, int size, int64_t taps)
{
    struct rows *r = &q->rows;
    int64_t blocks, first;

    if (!size)
        return false;
    if (!cut(r, size, taps))
        return true;
    q->x.rows = q->dy.rows = r;
    first = size_side(&q->x, r->most);
    if (!va_cpu_room(r->cpu, size / 2 * step_of(IN, OUT), first + size_side(&q->dy, r->most)))
        return true;
    q->x.out = r->cpu->shared;
    q->dy.out = r->cpu->shared + first;
    blocks = (q->x.C + IN - 1) / IN * ((q->dy.C + OUT - 1) / OUT);
    for (r->first = -1; next_round(r);) {
        va_cpu_run(r->cpu, r->count, side_task, &q->x);
        va_cpu_run(r->cpu, r->count, side_task, &q->dy);
        va_cpu_run(r->cpu, blocks, correlate_task, q);
    }
    return true;
}

bool va_cpu_spectral_dx(struct va_cpu *cpu, const struct va_conv_grad *p)
{
    int size = va_cpu_spectral_size(p->T, p->dilation, p->K, p->Cin, p->Cout);
    struct filtered f = { .rows = { .cpu = cpu, .B = p->B, .T = p->T, .dilation = p->dilation },
                          .in = { .x = p->dy, .C = p->Cout, .to = size },
                          .Cout = p->Cin,
                          .kernel = { .w = p->w->data,
                                      .in_step = p->Cin * p->K,
                                      .out_step = p->K,
                                      .mirrored = true },
                          .y = p->dx };

    return filter(&f, size, p->K);
}

bool va_cpu_spectral_dw(struct va_cpu *cpu, const struct va_conv_grad *p)
{
    int size = va_cpu_spectral_size(p->T, p->dilation, p->K, p->Cin, p->Cout);
    int middle = (int)p->K / 2;
    struct correlated q = {
        .rows = { .cpu = cpu, .B = p->B, .T = p->T, .dilation = p->dilation },
        .x = { .x = p->x, .C = p->Cin, .before = (int)p->K - 1, .to = size },
        .dy = { .x = p->dy,
                .C = p->Cout,
                .before = middle,
                .from = middle,
                .to = size - middle,
                .conjugate = true },
        .kernel = { .w = p->dw, .in_step = p->K, .out_step = p->Cin * p->K }
    };

    return correlate(&q, size, p->K);
}
