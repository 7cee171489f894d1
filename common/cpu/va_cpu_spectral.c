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
    GROUP = 96,        /* rows of a task at most */
    ROUND = 2 * GROUP, /* rows whose spectra are kept */
    LINE = VA_NARROW_GROUPS,
    PANELS = 2 * OUT / VA_NARROW_PANEL, /* of a block, in bfloat16 */
    BYTES = 4,                          /* of a number, and of a group of numbers in bfloat16 */
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

/* Spectra are in bfloat16. AVX512_BF16 takes longer for them than float32. */
static bool narrow(const struct va_backend *be)
{
    return be->precision == VA_BF16_PRODUCTS && (va_cpu_amx() || !va_cpu_bf16_dots());
}

/* Below that, AMX is as quick over taps: its products are no longer what takes the time. */
enum { NARROW_CHANNELS = 512, NARROW_FRAMES = 256 };

bool va_cpu_spectral_kernel(const struct va_backend *be, int64_t taps, int64_t Cin,
                            int64_t Cout)
{
    bool any = va_cpu_conv_method() == VA_CONV_SPECTRAL || !narrow(be);
    int64_t least = any ? LINE : NARROW_CHANNELS;

    return taps % 2 && taps >= VA_TAPS_MIN && taps <= VA_TAPS_MAX && Cin >= least &&
           Cout >= least;
}

int va_cpu_spectral_size(const struct va_backend *be, int64_t frames, int64_t dilation,
                         int64_t taps, int64_t Cin, int64_t Cout)
{
    enum va_conv_method method = va_cpu_conv_method();
    double best = method == VA_CONV_SPECTRAL ? INFINITY : direct_cost(frames, dilation, taps);
    int size = 0;

    if (method == VA_CONV_DIRECT || !va_cpu_spectral_kernel(be, taps, Cin, Cout) ||
        (method == VA_CONV_AUTO && narrow(be) && frames < NARROW_FRAMES))
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
    bool narrow;          /* spectra are in bfloat16 */
};

/* One side of a product: C channels of x [B, lead + T, C]. */
struct side {
    const struct rows *rows;
    const float *x;
    int64_t C, lead;
    int before;   /* samples of a tile before its first output */
    int from, to; /* those that are looked at */
    bool conjugate;
    bool summed; /* over its rows */
    enum va_spectral_form form;
    float *out;
    int64_t step, block, row,
        panel; /* from slot to slot, of blocks of IN channels, of rows, of panels */
};

/* Cut the work into rows, and those into rounds. false: the device has failed. */
static bool cut(struct rows *r, int size, int64_t taps)
{
    int64_t phase = (r->T + r->dilation - 1) / r->dilation, rounds;

    if (!tile_of(r->cpu, size, taps, &r->tile))
        return false;
    r->narrow = narrow(&r->cpu->base);
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

/* Samples of channel 0 of a row, none where the round has no such row. */
static struct va_samples samples_of(const struct side *s, int64_t row)
{
    const struct rows *r = s->rows;
    int64_t b, frame = frame_of(r, r->first + row, &b) + s->lead - s->before * r->dilation;
    int64_t length = s->lead + r->T, d = r->dilation;
    int64_t from = frame < 0 ? (-frame + d - 1) / d : 0;
    int64_t to = frame < length ? (length - frame + d - 1) / d : 0;
    struct va_samples samples = { .ld = d * s->C,
                                  .first = (int)(from > s->from ? from : s->from),
                                  .end = (int)(to < s->to ? to : s->to),
                                  .conjugate = s->conjugate };

    if (row < r->count)
        samples.x = s->x + b * length * s->C + (frame + samples.first * d) * s->C;
    else
        samples.end = 0;
    return samples;
}

static void block_spectrum(const struct side *s, struct va_samples samples, int64_t c,
                           struct va_spectra to)
{
    if (samples.end > 0)
        samples.x += c;
    va_hot()->tile_spectrum(&s->rows->tile, &samples, s->C - c < IN ? s->C - c : IN, &to);
}

static void side_task(void *arg, int64_t task, int thread)
{
    const struct side *s = arg;
    const struct va_samples samples = samples_of(s, task);

    (void)thread;
    for (int64_t c = 0; c < s->C; c += IN)
        block_spectrum(s, samples, c,
                       (struct va_spectra){ .form = s->form,
                                            .at = s->out + c / IN * s->block + task * s->row,
                                            .step = s->step,
                                            .panel = s->panel,
                                            .first = 1,
                                            .last = s->rows->tile.size / 4 });
}

/* A line of rows of a block of channels, as numbers of rows of channels. */
static void turned_task(void *arg, int64_t task, int thread)
{
    const struct side *s = arg;
    const struct rows *r = s->rows;
    int64_t blocks = (s->C + IN - 1) / IN, c = task % blocks * IN, line = task / blocks;
    struct va_spectra to = { .form = VA_SPECTRA_ROWS,
                             .at = va_cpu_scratch(r->cpu, thread),
                             .step = LINE * IN + LINE,
                             .first = 1,
                             .last = r->tile.size / 4 };

    for (int i = 0; i < LINE; i++, to.at += IN)
        block_spectrum(s, samples_of(s, line * LINE + i), c, to);
    va_hot()->turn_spectra(
        r->tile.size / 2, va_round_up(s->C - c < IN ? s->C - c : IN, VA_NARROW_PANEL), to.step,
        to.at - LINE * IN, s->row, s->step, s->out + c * s->row + line * LINE);
}

/* The spectra of the rows of this round; in bfloat16 a line that is summed ends with rows of zeros. */
static void take_side(struct side *s)
{
    const struct rows *r = s->rows;
    int64_t lines = (r->count + LINE - 1) / LINE;

    if (!r->narrow || !s->summed)
        va_cpu_run(r->cpu, r->count, side_task, s);
    else if (s->form == VA_SPECTRA_PANELS)
        va_cpu_run(r->cpu, lines * LINE, side_task, s);
    else
        va_cpu_run(r->cpu, lines * ((s->C + IN - 1) / IN), turned_task, s);
}

/* How much memory a side takes for `rows` rows; its steps are set. */
static int64_t size_side(struct side *s, int64_t rows)
{
    int64_t lines = (rows + LINE - 1) / LINE, slots = s->rows->tile.size / 2;

    if (s->form == VA_SPECTRA_FLOATS) {
        s->row = 2 * IN;
        s->step = step_of(rows, IN);
        s->block = s->step * slots;
        return (s->C + IN - 1) / IN * s->block;
    }
    if (s->form == VA_SPECTRA_PANELS) {
        s->row = VA_NARROW_PANEL;
        s->panel = lines * LINE * VA_NARROW_PANEL;
        s->block = IN / OUT * PANELS * s->panel;
        s->step = (s->C + OUT - 1) / OUT * PANELS * s->panel + LINE;
        return slots * s->step;
    }
    s->row = va_narrow_ld(s->summed ? lines : (s->C + LINE - 1) / LINE) / BYTES;
    s->block = IN;
    s->step = (s->summed ? va_round_up(s->C, IN) : rows) * s->row;
    return slots * s->step + VA_NARROW_ROWS * s->row; /* products read whole tiles */
}

/* ---- products with a kernel: forward, and the gradient of the input --------------------------- */

struct filtered {
    struct rows rows;
    struct side in;
    int64_t Cout, group, groups;
    int64_t width;                 /* output channels of a task */
    struct va_kernel_block kernel; /* of all channels */
    const float *bias;
    float *y;
};

/* A task: some rows, and output channels from `o` on. */
struct filtering {
    const struct filtered *f;
    int64_t row, rows, o, outs;
    float *sums, *kernel;
    int64_t step; /* of sums, from slot to slot */
};

/* Rows by kernels of input channels from c on, in slot k. */
static void multiply_slot(const struct filtering *t, const struct va_spectral_product *p, int k)
{
    const struct filtered *f = t->f;
    const struct va_narrow_product n = {
        .rows = p->rows,
        .cols = 2 * f->width,
        .lines = (p->depth + LINE - 1) / LINE,
        .taps = 1,
        .x = (const uint8_t *)(p->a + k * p->stepa),
        .ldx = f->in.row * BYTES,
        .next = k + 1 < p->slots ? (const uint8_t *)(p->a + (k + 1) * p->stepa) : NULL,
        .w = (const uint8_t *)(p->b + k * p->stepb),
        .panel = IN * VA_NARROW_PANEL * BYTES,
        .c = p->c + k * p->stepc,
        .ldc = 2 * f->width,
        .add = p->add
    };

    va_hot()->halves_product(&n);
}

/* The sums over all input channels in the slots of some frequencies. */
static void filter_slots(const struct filtering *t, int first, int last)
{
    const struct filtered *f = t->f;
    const struct rows *r = &f->rows;
    const struct va_spectra to = { .form = r->narrow ? VA_SPECTRA_PANELS : VA_SPECTRA_FLOATS,
                                   .at = t->kernel,
                                   .step = step_of(IN, f->width),
                                   .panel = IN * VA_NARROW_PANEL,
                                   .first = first,
                                   .last = last };
    struct va_spectral_product p = { .slots = r->tile.size / 2,
                                     .rows = t->rows,
                                     .b = t->kernel,
                                     .c = t->sums,
                                     .stepa = f->in.step,
                                     .stepb = to.step,
                                     .stepc = t->step };
    struct va_kernel_block k = f->kernel;

    k.out = (int)t->outs;
    for (int64_t c = 0; c < f->in.C; c += IN, p.add = true) {
        k.w = f->kernel.w + c * k.in_step + t->o * k.out_step;
        k.in = (int)(f->in.C - c < IN ? f->in.C - c : IN);
        va_hot()->kernel_spectrum(&r->tile, &k, &to);
        p.depth = k.in;
        p.a = f->in.out + c / IN * f->in.block + t->row * f->in.row;
        if (!r->narrow) {
            va_hot()->spectral_product(&p);
            continue;
        }
        for (int s = first > 1 ? first : 0; s <= last; s++)
            multiply_slot(t, &p, s);
        for (int s = p.slots - last > last ? p.slots - last : last + 1; s <= p.slots - first;
             s++)
            multiply_slot(t, &p, s);
    }
}

/* Back to time. */
static void put_rows(const struct filtering *t, int64_t o)
{
    const struct filtered *f = t->f;
    const struct rows *r = &f->rows;

    for (int64_t i = 0; i < t->rows; i++) {
        int64_t b, frame = frame_of(r, r->first + t->row + i, &b), d = r->dilation;
        int64_t left = (r->T - frame + d - 1) / d;

        if (frame < r->T)
            va_hot()->tile_back(&r->tile, t->sums + 2 * (i * f->width + o - t->o), t->step,
                                f->bias ? f->bias + o : NULL,
                                f->Cout - o < OUT ? f->Cout - o : OUT,
                                (int)(left < r->tile.outputs ? left : r->tile.outputs),
                                d * f->Cout, f->y + (b * r->T + frame) * f->Cout + o);
    }
}

static void filter_task(void *arg, int64_t task, int thread)
{
    const struct filtered *f = arg;
    const struct rows *r = &f->rows;
    int slots = r->tile.size / 2, half = f->width > OUT ? slots / 8 * 2 : slots / 2;
    struct filtering t = { .f = f,
                           .row = task % f->groups * f->group,
                           .o = task / f->groups * f->width,
                           .sums = va_cpu_scratch(r->cpu, thread) };

    t.rows = r->count - t.row < f->group ? r->count - t.row : f->group;
    t.outs = f->Cout - t.o < f->width ? f->Cout - t.o : f->width;
    t.kernel = t.sums + slots * step_of(f->group, f->width);
    t.step = step_of(t.rows, f->width);
    filter_slots(&t, 1, half);
    if (half < slots / 2)
        filter_slots(&t, half + 1, slots / 2);
    for (int64_t o = t.o; o < t.o + t.outs; o += OUT)
        put_rows(&t, o);
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
    f->width = r->narrow && f->Cout > OUT ? 2 * OUT : OUT;
    f->in.form = r->narrow ? VA_SPECTRA_ROWS : VA_SPECTRA_FLOATS;
    f->groups = (r->most + GROUP - 1) / GROUP;
    f->group = (r->most + f->groups - 1) / f->groups;
    if (!va_cpu_room(r->cpu, slots * (step_of(f->group, f->width) + step_of(IN, f->width)),
                     size_side(&f->in, r->most)))
        return true;
    f->in.out = r->cpu->shared;
    for (r->first = -1; next_round(r);) {
        take_side(&f->in);
        va_cpu_run(r->cpu, (f->Cout + f->width - 1) / f->width * f->groups, filter_task, f);
    }
    return true;
}

bool va_cpu_spectral_conv(struct va_cpu *cpu, const struct va_conv *p)
{
    int size = va_cpu_spectral_size(&cpu->base, p->T, p->dilation, p->K, p->Cin, p->Cout);
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

/* The sums over rows for the channels of a block, from channels c and o on. */
static void multiply_sides(const struct correlated *q, int64_t c, int64_t o, int64_t rows,
                           float *sums)
{
    const struct rows *r = &q->rows;
    const struct va_spectral_product p = { .slots = r->tile.size / 2,
                                           .rows = rows,
                                           .depth = r->count,
                                           .a = q->x.out + c / IN * q->x.block,
                                           .b = q->dy.out + o / IN * q->dy.block + o % IN,
                                           .c = sums,
                                           .stepa = q->x.step,
                                           .stepb = q->dy.step,
                                           .stepc = step_of(IN, OUT),
                                           .over_rows = true };
    struct va_narrow_product n = { .rows = rows,
                                   .cols = 2 * OUT,
                                   .lines = (r->count + LINE - 1) / LINE,
                                   .taps = 1,
                                   .ldx = q->x.row * BYTES,
                                   .panel = q->dy.panel * BYTES,
                                   .ldc = 2 * OUT };

    if (!r->narrow) {
        va_hot()->spectral_product(&p);
        return;
    }
    for (int k = 0; k < p.slots; k++) {
        n.x = (const uint8_t *)(q->x.out + k * q->x.step + c * q->x.row);
        n.w = (const uint8_t *)(q->dy.out + k * q->dy.step + o / OUT * PANELS * q->dy.panel);
        n.c = p.c + k * p.stepc;
        va_hot()->halves_product(&n);
    }
}

static void correlate_task(void *arg, int64_t task, int thread)
{
    const struct correlated *q = arg;
    const struct rows *r = &q->rows;
    int64_t blocks = (q->x.C + IN - 1) / IN;
    int64_t c = task % blocks * IN, o = task / blocks * OUT;
    float *sums = va_cpu_scratch(r->cpu, thread);
    struct va_kernel_block k = q->kernel;

    k.w += c * k.in_step + o * k.out_step;
    k.in = (int)(q->x.C - c < IN ? q->x.C - c : IN);
    k.out = (int)(q->dy.C - o < OUT ? q->dy.C - o : OUT);
    multiply_sides(q, c, o, k.in, sums);
    va_hot()->kernel_back(&r->tile, sums, step_of(IN, OUT), &k);
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
    q->x.summed = q->dy.summed = true;
    q->x.form = r->narrow ? VA_SPECTRA_ROWS : VA_SPECTRA_FLOATS;
    q->dy.form = r->narrow ? VA_SPECTRA_PANELS : VA_SPECTRA_FLOATS;
    first = size_side(&q->x, r->most);
    if (!va_cpu_room(r->cpu, size / 2 * (step_of(IN, OUT) + LINE * IN + LINE),
                     first + size_side(&q->dy, r->most)))
        return true;
    q->x.out = r->cpu->shared;
    q->dy.out = r->cpu->shared + first;
    blocks = (q->x.C + IN - 1) / IN * ((q->dy.C + OUT - 1) / OUT);
    for (r->first = -1; next_round(r);) {
        take_side(&q->x);
        take_side(&q->dy);
        va_cpu_run(r->cpu, blocks, correlate_task, q);
    }
    return true;
}

bool va_cpu_spectral_dx(struct va_cpu *cpu, const struct va_conv_grad *p)
{
    int size = va_cpu_spectral_size(&cpu->base, p->T, p->dilation, p->K, p->Cin, p->Cout);
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
    int size = va_cpu_spectral_size(&cpu->base, p->T, p->dilation, p->K, p->Cin, p->Cout);
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
