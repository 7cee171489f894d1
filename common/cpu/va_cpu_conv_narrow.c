/*
 * Causal convolutions in bf16 (cpu/va_narrow.h): the sum over taps of products of shifted rows, all taps of a tile
 * of outputs in one product, whose sums never leave the registers.
 *
 * A sequence is rounded once, with rows of zeros before it and after it, as many as a block of outputs has; taps
 * that meet nothing but those are left out. The gradient of the input is the same with shifts the other way and
 * matrices turned. That of the kernel sums over frames: rows of dy and panels of x are turned, and a tap
 * shifts panels by its frames; pairs that begin with an odd frame are a copy of their own.
 */
#include "cpu/va_cpu_shift.h"
#include <string.h>

/* FRAMES: of a block of outputs; and rows of zeros at either end of a sequence. BAND: output channels of a task;
 * all taps of their weights stay in the second cache. RUN: lines that all taps sum before the next ones. */
enum { FRAMES = 96, BAND = 32, RUN = 8 };

static void zero_rows(uint8_t *rows, int64_t count, int64_t ld)
{
    memset(rows, 0, (size_t)(count * ld));
}

/* ---- forward, and the gradient of the input ------------------------------------------------------- */

struct shifted {
    struct va_shifted of;
    uint8_t *x; /* [B][FRAMES + rows + FRAMES] rows, `ld` bytes apart */
    int64_t ld, sequence, blocks;
};

static void round_sequence(void *arg, int64_t task, int thread)
{
    const struct shifted *s = arg;
    int64_t pieces = (s->of.rows + FRAMES - 1) / FRAMES, b = task / pieces;
    int64_t t0 = task % pieces * FRAMES,
            t1 = t0 + FRAMES < s->of.rows ? t0 + FRAMES : s->of.rows;
    uint8_t *x = s->x + (b * s->sequence + FRAMES) * s->ld;

    (void)thread;
    if (t0 == 0)
        zero_rows(x - FRAMES * s->ld, FRAMES, s->ld);
    for (int64_t t = t0; t < t1; t++)
        va_hot()->halves_row(s->of.Cin, s->of.in + (b * s->of.rows + t) * s->of.Cin,
                             x + t * s->ld);
    if (t1 == s->of.rows)
        zero_rows(x + s->of.rows * s->ld, FRAMES, s->ld);
}

/* The row of `in` that the first of a block reads by tap k, and whether the block reads any that is there. */
static int64_t row_of(const struct shifted *s, int64_t t0, int64_t k)
{
    return t0 + s->of.first + k * s->of.step;
}

static bool reads(const struct shifted *s, int64_t t0, int64_t k)
{
    int64_t row = row_of(s, t0, k);

    return row + FRAMES > 0 && row < s->of.rows;
}

/* The sum over the taps that meet a block of outputs, in `sums` [FRAMES, BAND]: some lines of all taps, then the
 * next ones, as those and the rows they meet stay in the first cache. */
static void sum_taps(const struct shifted *s, int64_t b, int64_t t0, int64_t n0,
                     struct va_narrow_product p)
{
    int64_t k = 0;

    while (k < s->of.K && !reads(s, t0, k))
        k++;
    while (k + p.taps < s->of.K && reads(s, t0, k + p.taps))
        p.taps++;
    if (!p.taps) {
        memset(p.c, 0, FRAMES * BAND * sizeof(*p.c));
        return;
    }
    p.x = s->x + (b * s->sequence + FRAMES + row_of(s, t0, k)) * s->ld;
    p.w = va_packed_narrow(s->of.w, k, n0);
    for (int64_t left = va_packed_lines(s->of.w); left > 0; left -= RUN) {
        p.lines = left < RUN ? left : RUN;
        va_hot()->halves_product(&p);
        p.x += RUN * VA_NARROW_LINE;
        p.w += RUN * VA_NARROW_TILE;
        p.add = true;
    }
}

static void shifted_task(void *arg, int64_t task, int thread)
{
    const struct shifted *s = arg;
    int64_t n0 = task / (s->of.B * s->blocks) * BAND, b = task / s->blocks % s->of.B;
    int64_t t0 = task % s->blocks * FRAMES, panel = va_packed_lines(s->of.w) * VA_NARROW_TILE;
    float *out = s->of.out + (b * s->of.T + t0) * s->of.Cout + n0;
    float *sums = va_cpu_scratch(s->of.cpu, thread);
    const struct va_narrow_product p = {
        .rows = s->of.T - t0 < FRAMES ? s->of.T - t0 : FRAMES,
        .cols = s->of.Cout - n0 < BAND ? s->of.Cout - n0 : BAND,
        .ldx = s->ld,
        .stepx = s->of.step * s->ld,
        .panel = panel,
        .stepw = va_round_up(s->of.Cout, VA_NARROW_PANEL) / VA_NARROW_PANEL * panel,
        .c = sums,
        .ldc = BAND
    };

    sum_taps(s, b, t0, n0, p);
    for (int64_t t = 0; t < p.rows; t++)
        va_hot()->epilogue(VA_IDENTITY, p.cols, sums + t * BAND,
                           s->of.bias ? s->of.bias + n0 : NULL, NULL, out + t * s->of.Cout);
}

static void run_shifted(struct va_shifted of)
{
    struct shifted s = { .of = of, .sequence = FRAMES + of.rows + FRAMES };
    int64_t pieces = (of.rows + FRAMES - 1) / FRAMES;

    if (!of.w || of.T < 1 || of.B < 1)
        return;
    s.ld = va_narrow_ld(va_packed_lines(of.w));
    s.blocks = (of.T + FRAMES - 1) / FRAMES;
    if (!va_cpu_room(of.cpu, FRAMES * BAND, (of.B * s.sequence + VA_NARROW_ROWS) * s.ld / 4))
        return;
    s.x = (uint8_t *)of.cpu->shared;
    va_cpu_run(of.cpu, of.B * pieces, round_sequence, &s);
    va_cpu_run(of.cpu, (of.Cout + BAND - 1) / BAND * of.B * s.blocks, shifted_task, &s);
}

void va_cpu_narrow_conv(struct va_cpu *cpu, const struct va_conv *p)
{
    run_shifted(va_shifted_forward(cpu, p, VA_PACK_BF16));
}

void va_cpu_narrow_dx(struct va_cpu *cpu, const struct va_conv_grad *p)
{
    run_shifted(va_shifted_backward(cpu, p, VA_PACK_BF16_BACKWARD));
}

/* ---- the gradient of the kernel --------------------------------------------------------------------- */

enum {
    PAIRS = VA_NARROW_GROUPS,     /* of frames: of a line */
    GROUP = 4 * VA_NARROW_PANEL,  /* bytes of a pair of a panel */
    CHANNELS = 32,                /* output channels of a task, at most */
    INPUTS = 2 * VA_NARROW_PANEL, /* input channels of a task */
    TURNED = 8 * VA_NARROW_PANEL, /* channels of a task that turns them */
};

struct dw {
    struct va_cpu *cpu;
    const struct va_conv_grad *p;
    int64_t lines;         /* of a sequence */
    int64_t ld;            /* bytes from row to row of dy */
    int64_t panel, step;   /* bytes from panel to panel of x, from sequence to sequence */
    int64_t copy;          /* and from copy to copy */
    int64_t rows, columns; /* tasks: blocks of output channels and of input channels */
    int64_t turned;        /* tasks of a sequence that turn its channels */
    uint8_t *dy, *x;
};

static int64_t some(int64_t left) /* channels of a task that turns them */
{
    return left < TURNED ? left : TURNED;
}

/* Some output channels of a sequence as rows. */
static void turn_dy(const struct dw *d, int64_t b, int64_t o0)
{
    const struct va_conv_grad *p = d->p;

    va_hot()->halves_turned(p->T, some(p->Cout - o0), p->Cout,
                            (const float *)p->dy + b * p->T * p->Cout + o0,
                            d->dy + o0 * d->ld + b * d->lines * VA_NARROW_LINE, d->ld);
}

/* Where the panels of a copy of a sequence begin, with a line of zeros. */
static uint8_t *panels_of(const struct dw *d, int odd, int64_t b, int64_t c0)
{
    return d->x + odd * d->copy + b * d->step + c0 / VA_NARROW_PANEL * d->panel;
}

/* Zeros before the frames and after them. */
static void clear_ends(const struct dw *d, uint8_t *panels, int64_t cols, int64_t end)
{
    for (int64_t c = 0; c < cols; c += VA_NARROW_PANEL, panels += d->panel) {
        memset(panels, 0, VA_NARROW_TILE);
        memset(panels + end, 0, (size_t)(d->panel - end));
    }
}

/* Some input channels of a sequence as panels: frames 0 and 1, 2 and 3, ... */
static void turn_even(const struct dw *d, int64_t b, int64_t c0)
{
    const struct va_conv_grad *p = d->p;
    int64_t cols = some(p->Cin - c0);
    uint8_t *to = panels_of(d, 0, b, c0);

    clear_ends(d, to, cols, VA_NARROW_TILE + d->lines * VA_NARROW_TILE);
    va_hot()->halves_rows(p->T, cols, p->Cin, (const float *)p->x + b * p->T * p->Cin + c0,
                          to + VA_NARROW_TILE, d->panel);
}

/* The same as frames -1, which is zeros, and 0, 1 and 2, ... */
static void turn_odd(const struct dw *d, int64_t b, int64_t c0)
{
    const struct va_conv_grad *p = d->p;
    const float *x = (const float *)p->x + b * p->T * p->Cin + c0;
    int64_t cols = some(p->Cin - c0), rest = va_narrow_lines(p->T - 1, 2) * VA_NARROW_TILE;
    float first[2][TURNED] = { { 0 } };
    uint8_t *to = panels_of(d, 1, b, c0);

    memcpy(first[1], x, (size_t)cols * sizeof(*x));
    clear_ends(d, to, cols, VA_NARROW_TILE + GROUP + rest);
    va_hot()->halves_rows(2, cols, TURNED, first[0], to + VA_NARROW_TILE, d->panel);
    if (p->T > 1)
        va_hot()->halves_rows(p->T - 1, cols, p->Cin, x + p->Cin, to + VA_NARROW_TILE + GROUP,
                              d->panel);
}

static void turn_task(void *arg, int64_t task, int thread)
{
    const struct dw *d = arg;
    int64_t b = task / d->turned, at = task % d->turned * TURNED;
    int64_t inputs = va_round_up(d->p->Cin, TURNED);

    (void)thread;
    if (at < inputs)
        turn_even(d, b, at);
    if (at < inputs && d->p->dilation % 2)
        turn_odd(d, b, at);
    if (at >= inputs)
        turn_dy(d, b, at - inputs);
}

/* One tap: c [rows, INPUTS] over all frames of all sequences. Whole lines of zeros are left out. */
static void multiply_tap(const struct dw *d, int64_t k, int64_t o0, int64_t rows, int64_t c0,
                         int64_t cols, float *c)
{
    int64_t shift = (d->p->K - 1 - k) * d->p->dilation, l0 = shift / (2 * PAIRS);
    int odd = shift % 2;
    int64_t group = PAIRS + l0 * PAIRS - shift / 2;
    const struct va_narrow_product p = { .rows = rows,
                                         .cols = cols,
                                         .lines = d->lines - l0,
                                         .taps = d->p->B,
                                         .x = d->dy + o0 * d->ld + l0 * VA_NARROW_LINE,
                                         .ldx = d->ld,
                                         .stepx = d->lines * VA_NARROW_LINE,
                                         .w = panels_of(d, odd, 0, c0) + group * GROUP,
                                         .panel = d->panel,
                                         .stepw = d->step,
                                         .c = c,
                                         .ldc = INPUTS };

    if (p.lines > 0)
        va_hot()->halves_product(&p);
    else
        memset(c, 0, (size_t)(rows * INPUTS) * sizeof(*c));
}

static void dw_task(void *arg, int64_t task, int thread)
{
    const struct dw *d = arg;
    const struct va_conv_grad *p = d->p;
    int64_t o0 = task % d->rows * CHANNELS, c0 = task / d->rows * INPUTS;
    int64_t rows = p->Cout - o0 < CHANNELS ? p->Cout - o0 : CHANNELS;
    int64_t cols = p->Cin - c0 < INPUTS ? p->Cin - c0 : INPUTS;
    float *sums = va_cpu_scratch(d->cpu, thread); /* [K][rows, INPUTS] */

    for (int64_t k = 0; k < p->K; k++)
        multiply_tap(d, k, o0, rows, c0, cols, sums + k * CHANNELS * INPUTS);
    for (int64_t o = 0; o < rows; o++) {
        float *to = (float *)p->dw + ((o0 + o) * p->Cin + c0) * p->K;

        va_hot()->transpose(p->K, cols, CHANNELS * INPUTS, sums + o * INPUTS, p->K, to, true);
    }
}

void va_cpu_narrow_dw(struct va_cpu *cpu, const struct va_conv_grad *p)
{
    struct dw d = { .cpu = cpu, .p = p, .lines = va_narrow_lines(p->T, 2) };
    int64_t bytes_dy;

    d.ld = va_narrow_ld(p->B * d.lines);
    d.panel = (d.lines + 2) * VA_NARROW_TILE;
    d.step = (p->Cin + VA_NARROW_PANEL - 1) / VA_NARROW_PANEL * d.panel;
    d.copy = p->B * d.step;
    d.rows = (p->Cout + CHANNELS - 1) / CHANNELS;
    d.columns = (p->Cin + INPUTS - 1) / INPUTS;
    d.turned = (p->Cin + TURNED - 1) / TURNED + (p->Cout + TURNED - 1) / TURNED;
    bytes_dy = va_round_up(p->Cout, VA_NARROW_ROWS) * d.ld;
    if (!va_cpu_room(cpu, p->K * CHANNELS * INPUTS,
                     (bytes_dy + (1 + p->dilation % 2) * d.copy) / 4))
        return;
    d.dy = (uint8_t *)cpu->shared;
    d.x = d.dy + bytes_dy;
    va_cpu_run(cpu, p->B * d.turned, turn_task, &d);
    va_cpu_run(cpu, d.rows * d.columns, dw_task, &d);
}
