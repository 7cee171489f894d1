#include "test/cuda/launches.h"

#include "base/va_error.h"
#include "base/va_tool.h"
#include "ops/va_compose.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct operation operations[OPERATIONS];
bool launches_library;
static struct operation *now;

static void called(const char *name)
{
    now = operations;
    while (now->name && strcmp(now->name, name) != 0)
        now++;
    now->name = name;
    now->calls++;
}

static void launch(struct launch l)
{
    now->launches++;
    now->bytes += l.bytes;
    for (int i = 0; i < GPUS; i++) {
        enum limit by;
        double seconds = cost_of(&gpus[i], &l, &by);

        now->seconds[i] += seconds + gpus[i].gap;
        now->limits[i][by] += seconds;
        now->limits[i][BY_GAP] += gpus[i].gap;
    }
}

static void moved(double numbers) /* a launch that reads and writes so many numbers in all */
{
    launch((struct launch){ .bytes = 4 * numbers });
}

/* A map of n numbers, from and to `buffers` in all. */
static void map(const char *kernel, double n, int buffers)
{
    double blocks = fmin(ceil(n / 1024), 4096);

    launch((struct launch){ .kernel = kernel,
                            .blocks = blocks,
                            .threads = 256,
                            .kind = STORE,
                            .work = n / 4 / (256 * blocks),
                            .bytes = 4 * n * buffers });
}

/* ---- products ------------------------------------------------------------------------------- */

#define PRODUCT(a, b, finish, terms) \
    "va_product_kernel<" #a ", " #b ", " #finish ", va_" #terms "_terms>"

/* 64 x 64 tiles of C in `parts` and `slices`; `more` numbers beside those of A, B and C once. */
static void product(const char *kernel, double M, double N, double depth, double segments,
                    double slices, double parts, double more)
{
    double steps = ceil(ceil(depth / 16) * segments / parts);

    launch((struct launch){ .kernel = kernel,
                            .blocks = ceil(M / 64) * ceil(N / 64) * slices * parts,
                            .threads = 64,
                            .kind = FP32,
                            .work = steps * 16 * 64,
                            .around = steps,
                            .stores = 64,
                            .rest = 32,
                            .bytes = 4 * (M * N * slices * parts + more) });
}

static double tensors_of(int64_t B)
{
    return B > 1 ? (double)B : 1;
}

static double parts_of(double M, double N, double depth, double segments, double slices)
{
    double tiles = ceil(M / 64) * ceil(N / 64) * slices, steps = ceil(depth / 16) * segments;

    return fmax(1, fmin(ceil(512 / tiles), ceil(steps / 16)));
}

static void weight_grad(const char *kernel, double M, double N, double depth, double segments,
                        double taps)
{
    double parts = parts_of(M, N, depth, segments, taps);

    product(kernel, M, N, depth, segments, taps, parts, (M + N) * depth * segments);
    moved(M * N * taps * (parts + 2));
}

static void add_columns(double rows, double N)
{
    moved(rows * N);
    moved(ceil(rows / 512) * N * 2);
}

static void round_half(double rows, double K)
{
    called("rounding");
    launch((struct launch){ .kernel = "round_half",
                            .blocks = ceil(rows / 8),
                            .threads = 256,
                            .kind = STORE,
                            .work = K / 256,
                            .bytes = 6 * rows * K });
}

/* Products in bfloat16 have tiles of 128 x 128 or 64 x 64 (cuda/va_product_half.h). */
#define HALF(a, b, finish)                                         \
    (const char *[2])                                              \
    {                                                              \
        "va_half_kernel<" #a ", " #b ", " #finish ", 32, 64>",     \
            "va_half_kernel<" #a ", " #b ", " #finish ", 64, 128>" \
    }

static double tiles(double M, double N, double side)
{
    return ceil(M / side) * ceil(N / side);
}

static bool is_large(double M, double N, double slices)
{
    return ceil(tiles(M, N, 128) * slices / 132) * 20 <=
           ceil(tiles(M, N, 64) * slices / 132) * 7;
}

static void product_half(const char *const kernels[2], bool large, double M, double N,
                         double depth, double segments, double slices, double bytes)
{
    double side = large ? 128 : 64, steps = ceil(depth / 32) * segments;

    launch((struct launch){ .kernel = kernels[large],
                            .blocks = tiles(M, N, side) * slices,
                            .threads = 2 * side,
                            .kind = TENSOR,
                            .work = steps * side / 4,
                            .around = 1,
                            .stores = side / 2,
                            .rest = 16,
                            .bytes = bytes });
}

static void linear_half(const struct va_linear *p, double M, double numbers)
{
    double N = (double)p->N, K = (double)p->K;

    round_half(M, K);
    called("linear");
    if (launches_library) { /* bias, GELU and residual are its epilogue's */
        launch((struct launch){ .bytes = 2 * (M + N) * K + 4 * numbers,
                                .operations = 2 * M * N * K });
        return;
    }
    product_half(HALF(va_half_along, va_half_along, va_linear_finish), tiles(M, N, 128) >= 128,
                 M, N, K, 1, 1, 2 * (M + N) * K + 4 * numbers);
}

/* dW of `taps` taps, from tensors that were rounded. */
static void weight_grad_half(const char *const kernels[2], double M, double N, double depth,
                             double segments, double taps)
{
    double steps = ceil(depth / 32) * segments;
    double parts = fmax(1, fmin(ceil(512 / (tiles(M, N, 64) * taps)), ceil(steps / 16)));

    product_half(kernels, is_large(M, N, taps * parts), M, N, depth, segments / parts,
                 taps * parts, 2 * (M + N) * depth * segments + 4 * M * N * taps * parts);
    moved(M * N * taps * (parts + 2));
}

static void linear(struct va_backend *be, const struct va_linear *p)
{
    double M = (double)p->M * tensors_of(p->B), N = (double)p->N, K = (double)p->K;
    double numbers = M * N * (1 + (p->pre != NULL) + (p->residual != NULL));

    if (be->precision == VA_BF16_PRODUCTS) {
        linear_half(p, M, numbers);
        return;
    }
    called("linear");
    product(PRODUCT(va_along_rows, va_along_rows, va_linear_finish, f32), M, N, K, 1, 1, 1,
            numbers - M * N + (M + N) * K);
}

static void linear_grad_half(const struct va_linear_grad *p, double M, double N, double K)
{
    round_half(M, N);
    if (p->dw)
        round_half(M, K);
    called("linear_grad");
    if (p->dx)
        product_half(HALF(va_half_along, va_half_across, dx_finish), is_large(M, K, 1), M, K, N,
                     1, 1, 2 * (M + K) * N + 4 * M * K * (1 + (p->act ? 2 : p->add_dx)));
    if (p->dw)
        weight_grad_half(HALF(va_half_across, va_half_across, va_keep_sums), N, K, M, 1, 1);
    if (p->dbias)
        add_columns(M, N);
}

static void linear_grad(struct va_backend *be, const struct va_linear_grad *p)
{
    double M = (double)p->M * tensors_of(p->B), N = (double)p->N, K = (double)p->K;

    if (be->precision == VA_BF16_PRODUCTS) {
        linear_grad_half(p, M, N, K);
        return;
    }
    called("linear_grad");
    if (p->dx)
        product(PRODUCT(va_along_rows, va_across_rows, dx_finish, f32), M, K, N, 1, 1, 1,
                (M + K) * N + M * K * (p->act ? 2 : p->add_dx));
    if (p->dw)
        weight_grad(PRODUCT(va_across_rows, va_across_rows, va_keep_sums, f32), N, K, M, 1, 1);
    if (p->dbias)
        add_columns(M, N);
}

static void taps_apart(double weights)
{
    moved(2 * weights);
}

static void round_rows(double rows,
                       double C) /* as round_half, of the operation that is counted */
{
    moved(1.5 * rows * C);
}

/* Taps of frames that are kept (cuda/va_conv_kept.h), blocks of 128 x 32 or 64; or a product of shifted frames. A block
 * has a part of 1 + 127 / T sequences on average. Half of its loops that store are passed. */
static void shifted(const char *const kept[2], const char *const kernels[2], double T, double M,
                    double N, double depth, double taps, double span)
{
    double bytes = 2 * (M * depth + N * depth * taps) + 4 * M * N, down = ceil(M / 128);
    double steps = ceil(depth / 32), lines = 128 + span * (1 + 127 / T);
    bool broad = ceil(down * ceil(N / 64) / 132) * 2 <= ceil(down * ceil(N / 32) / 132);
    double columns = broad ? 64 : 32;

    if (taps < 3 || 128 + span * fmin(M / T, floor((126 + T) / T) + 1) > 352)
        product_half(kernels, is_large(M, N, 1), M, N, depth, taps, 1, bytes);
    else
        launch((struct launch){ .kernel = kept[broad],
                                .blocks = down * ceil(N / columns),
                                .threads = 2 * columns,
                                .kind = TENSOR,
                                .work = steps * taps * 32,
                                .around = 1,
                                .loads = steps * lines * 4 / (2 * columns),
                                .stores = 3 * 64 / 2,
                                .rest = 2,
                                .bytes = bytes });
}

static const char *const kept_along[] = { "va_conv_kept<va_half_along, 32>",
                                          "va_conv_kept<va_half_along, 64>" };
static const char *const kept_across[] = { "va_conv_kept<va_half_across, 32>",
                                           "va_conv_kept<va_half_across, 64>" };

/* ---- convolutions by spectra (cuda/va_spectral.h): tiles of 38 outputs ------------------------------ */

static double rows_of_tiles(double T, double dilation)
{
    return fmin(dilation, T) * ceil(ceil(T / dilation) / 38);
}

static bool spectral_kernel(double N, double C, double K)
{
    return fmod(K, 2) > 0 && K >= 7 && K <= 15 && N >= 64 && C >= 64;
}

static bool spectral(double T, double dilation, double N, double C, double K)
{
    return spectral_kernel(N, C, K) && T >= 128 &&
           6 * (K + 37) * rows_of_tiles(T, dilation) <= T * K;
}

/* A launch without loops, a thread for each of n numbers, in rows. */
static void straight(const char *kernel, double rows, double n, double bytes)
{
    launch((struct launch){
        .kernel = kernel, .blocks = rows * ceil(n / 256), .threads = 256, .bytes = bytes });
}

static void tile_spectra(double frames, double rows, double C, double K)
{
    straight("tile_spectra", rows, C, 4 * frames * C + 2 * (K + 37) * rows * C);
}

static void kernel_spectra(double N, double C, double K)
{
    straight("kernel_spectra", 1, N * C, (4 * K + 2 * (K + 37)) * N * C);
}

/* Of (K + 37) / 2 frequencies, in blocks of 128 or 64 by 64, for both parts. */
static void spectral_product(const char *const kernels[2], double M, double N, double depth,
                             double K)
{
    double planes = K + 37, across = ceil(N / 64) * planes / 2, steps = ceil(depth / 32);
    bool tall = M > 64;
    double rows = tall ? 128 : 64;

    launch((struct launch){ .kernel = kernels[tall],
                            .blocks = ceil(M / rows) * across,
                            .threads = 2 * rows,
                            .kind = TENSOR,
                            .work = steps * 64,
                            .around = 1,
                            .stores = 64,
                            .rest = 16,
                            .bytes = planes * (2 * depth * (M + N) + 4 * M * N) });
}

#define SPECTRAL(a, b)                                                                   \
    (const char *[2])                                                                    \
    {                                                                                    \
        "va_spectral_kernel<" #a ", " #b ", 2>", "va_spectral_kernel<" #a ", " #b ", 4>" \
    }

static void filter(const char *const kernels[2], double frames, double rows, double N, double C,
                   double K)
{
    tile_spectra(frames, rows, C, K);
    spectral_product(kernels, rows, N, C, K);
    straight("tile_back", rows, N, 4 * N * ((K + 37) * rows + frames));
}

static void conv_grad_spectral(const struct va_conv_grad *p, double M, double N, double C,
                               double K)
{
    double rows = (double)p->B * rows_of_tiles((double)p->T, (double)p->dilation);

    if (p->dx)
        filter(SPECTRAL(va_half_along, va_half_across), M, rows, C, N, K);
    if (p->dw) {
        tile_spectra(M, rows, N, K);
        tile_spectra(M, rows, C, K);
        spectral_product(SPECTRAL(va_half_across, va_half_across), N, C, rows, K);
        straight("kernel_back", 1, N * C, 4 * N * C * (3 * K + 37));
    }
}

static void conv_half(const struct va_conv *p, double M, double N, double C, double K)
{
    double T = (double)p->T, dilation = (double)p->dilation;

    if (spectral(T, dilation, N, C, K)) {
        filter(SPECTRAL(va_half_along, va_half_along), M,
               (double)p->B * rows_of_tiles(T, dilation), N, C, K);
        return;
    }
    round_rows(M, C);
    shifted(kept_along, HALF(half_frames, va_half_along, va_conv_finish), (double)p->T, M, N, C,
            K, (K - 1) * (double)p->dilation);
}

static void conv_grad_half(const struct va_conv_grad *p, double M, double N, double C, double K)
{
    if (spectral((double)p->T, (double)p->dilation, N, C, K)) {
        conv_grad_spectral(p, M, N, C, K);
        return;
    }
    round_rows(M, N);
    if (p->dx)
        shifted(kept_across, HALF(half_frames, va_half_across, va_conv_finish), (double)p->T, M,
                C, N, K, (K - 1) * (double)p->dilation);
    if (p->dw) {
        round_rows(M, C);
        weight_grad_half(HALF(va_half_across, half_earlier, va_keep_sums), N, C, M, 1, K);
    }
}

static void conv(struct va_backend *be, const struct va_conv *p)
{
    double M = (double)(p->B * p->T), N = (double)p->Cout, C = (double)p->Cin, K = (double)p->K;

    called("conv");
    if (be->precision == VA_BF16_PRODUCTS) {
        conv_half(p, M, N, C, K);
        return;
    }
    if (p->K > 1)
        taps_apart(N * C * K);
    product(PRODUCT(va_along_frames, va_along_rows, conv_finish, f32), M, N, C, K, 1, 1,
            M * C + N * C * K);
}

static void conv_grad(struct va_backend *be, const struct va_conv_grad *p)
{
    double T = (double)p->T, B = (double)p->B, M = B * T, N = (double)p->Cout;
    double C = (double)p->Cin, K = (double)p->K;

    called("conv_grad");
    if (p->dbias)
        add_columns(M, N);
    if (be->precision == VA_BF16_PRODUCTS) {
        conv_grad_half(p, M, N, C, K);
        return;
    }
    if (p->dx && p->K > 1)
        taps_apart(N * C * K);
    if (p->dx)
        product(PRODUCT(va_along_frames, va_across_rows, va_keep_sums, f32), M, C, N, K, 1, 1,
                M * N + N * C * K);
    if (p->dw)
        weight_grad(PRODUCT(va_across_rows, across_earlier, va_keep_sums, f32), N, C, T, B, K);
}

/* ---- attention, norms -------------------------------------------------------------------------- */

/* A warp has 16 queries; without any it makes no products. */
static void attention_half(const struct va_attention *p, bool halves)
{
    double heads = (double)(p->B * p->H), D = (double)p->D, Tq = (double)p->Tq;
    double keys = ceil((double)p->Tk / 32); /* steps */
    double working = ceil(Tq / 16) / (8 * ceil(Tq / 128)), size = halves ? 2 : 4;

    called("attention");
    if (p->D != 64) {
        va_error("attention: only heads of 64 numbers are counted");
        exit(va_tool_finish(1));
    }
    launch((struct launch){ .kernel = halves ? "attention_half<64, va_bf16>"
                                             : "attention_half<64, float>",
                            .blocks = heads * ceil(Tq / 128),
                            .threads = 256,
                            .kind = TENSOR,
                            .work = keys * (16 + 32) * working,
                            .around = 1,
                            .loads = 2 * keys * 32 * size * 4 / 256,
                            .bytes = size * heads * D * (2 * Tq + 2 * (double)p->Tk) });
}

static void attention(struct va_backend *be, const struct va_attention *p)
{
    if (be->precision != VA_BF16_PRODUCTS) {
        va_error("attention: only bfloat16 is counted");
        exit(va_tool_finish(1));
    }
    attention_half(p, false);
}

static void norm_rows(double M, double C, const char *kernel, double bytes)
{
    called("norm");
    launch((struct launch){
        .kernel = kernel, .blocks = ceil(M / 4), .threads = 128, .bytes = bytes * M * C });
}

static void norm(struct va_backend *be, const struct va_norm *p)
{
    (void)be;
    norm_rows((double)p->M, (double)p->C, "norm<true, float>", 8);
}

static void norm_grad(struct va_backend *be, const struct va_norm_grad *p)
{
    double n = (double)(p->M * p->C);

    (void)be;
    called("norm_grad");
    if (p->dx)
        launch((struct launch){ .kernel = "norm_grad<true>",
                                .blocks = ceil((double)p->M / 4),
                                .threads = 128,
                                .bytes = 4 * n * (3 + (p->add != NULL)) });
    if (p->dgamma) {
        moved(2 * n);
        moved(2 * (double)p->C * ceil((double)p->M / 64));
    }
}

/* ---- blocks of a transformer, in bfloat16 (cuda/va_transformer.cc) ------------------------------- */

/* From bfloat16, to bfloat16 or, added, to float32; the library takes a bias in bfloat16. */
static void linear_halves(double M, double N, double K, bool to_half)
{
    double bytes = 2 * (M + N) * K + (to_half ? 2 : 8) * M * N;

    called("linear");
    if (launches_library) {
        if (to_half)
            launch((struct launch){ .bytes = 6 * N });
        launch((struct launch){ .bytes = bytes, .operations = 2 * M * N * K });
        return;
    }
    product_half(to_half ? HALF(va_half_along, va_half_along, halves_finish)
                         : HALF(va_half_along, va_half_along, va_linear_finish),
                 tiles(M, N, 128) >= 128, M, N, K, 1, 1, bytes);
}

static bool transformer_infer(struct va_backend *be, const struct va_transformer *p)
{
    const struct va_transformer_shape *s = &p->s;
    double M = (double)(s->B * s->T), Q = (double)(s->B * s->queries), D = (double)s->D;
    double mlp = (double)s->mlp;

    if (be->precision != VA_BF16_PRODUCTS)
        return false;
    norm_rows(M, D, "norm<true, va_bf16>", 6);
    linear_halves(M, 3 * D, D, true);
    attention_half(
        &(struct va_attention){
            .B = s->B, .Tq = s->queries, .Tk = s->T, .H = s->heads, .D = s->D / s->heads },
        true);
    if (s->queries < s->T) {
        called("add");
        moved(2 * Q * D);
    }
    linear_halves(Q, D, D, false);
    norm_rows(Q, D, "norm<true, va_bf16>", 6);
    linear_halves(Q, mlp, D, true);
    linear_halves(Q, D, mlp, false);
    return true;
}

/* ---- along time --------------------------------------------------------------------------------- */

static void dwconv(struct va_backend *be, const struct va_dwconv *p)
{
    (void)be;
    called("dwconv");
    moved(2 * (double)(p->B * p->T * p->C));
}

static void dwconv_grad(struct va_backend *be, const struct va_dwconv_grad *p)
{
    double n = (double)(p->B * p->T * p->C);

    (void)be;
    called("dwconv_grad");
    moved(3 * n);
    moved(2 * n);
    moved((double)(p->B * p->C) * ceil((double)p->T / 64) * 5);
}

/* Blocks of 32 channels, a lane a state; tiles of 32 frames in which a lane makes 8 at a time. */
static void scan(struct va_backend *be, const struct va_scan *p)
{
    double rows = (double)(p->B * p->T), E = (double)p->E, N = (double)p->N;
    double tiles = ceil((double)p->T / 32);

    (void)be;
    called("scan");
    launch((struct launch){
        .kernel = "scan<8>",
        .blocks = (double)p->B * ceil(E / 32),
        .threads = 256,
        .kind = SPECIAL,
        .work = ceil((double)p->T / 8) * 8,
        .around = tiles,
        .bytes = 4 * (rows * (4 * E + 2 * N) + (p->marks ? rows / 16 * E * N : 0)) });
}

/* Pieces of 16 frames, first forward, which leaves marks, then backward; each passes its barriers. */
static void scan_grad(struct va_backend *be, const struct va_scan_grad *p)
{
    double B = (double)p->B, T = (double)p->T, E = (double)p->E, N = (double)p->N;
    double blocks = ceil(E / 32), pieces = ceil(T / 16);

    (void)be;
    called("scan_grad");
    launch((struct launch){
        .kernel = "scan_grad<8>",
        .blocks = B * blocks,
        .threads = 256,
        .kind = BARRIER,
        .work = pieces * 3,
        .stores = pieces,
        .bytes = 4 * (B * T * (8 * E + 2 * N + 2 * blocks * N) + B * pieces * E * N) });
    moved(2 * B * T * N * (blocks + 1) + E * (N + 1) * (B + 2));
}

/* ---- elementwise ---------------------------------------------------------------------------------- */

static const char *named(char name[32], const char *kernel, int f)
{
    snprintf(name, 32, "%s<%d>", kernel, f);
    return name;
}

static void unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y)
{
    char name[32];

    (void)be, (void)x, (void)y;
    called("unary");
    map(named(name, "unary", f), (double)n, 2);
}

static void unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       const void *y, const void *dy, void *dx)
{
    char name[32];

    (void)be, (void)x, (void)y, (void)dy, (void)dx;
    called("unary_grad");
    map(named(name, "unary_grad", f), (double)n, 4);
}

static void add(struct va_backend *be, const struct va_add *p)
{
    (void)be;
    called("add");
    moved((double)(tensors_of(p->B) * (double)p->n) * (2 + (p->b != NULL)));
}

static void prelu(struct va_backend *be, const struct va_prelu *p)
{
    (void)be;
    called("prelu");
    map("prelu", (double)p->n, 2 + (p->residual != NULL));
}

static void prelu_grad(struct va_backend *be, const struct va_prelu_grad *p)
{
    (void)be;
    called("prelu_grad");
    map("prelu_grad", (double)p->n, 3);
    moved(4096 * 2);
}

static void dropout(struct va_backend *be, const struct va_dropout *p)
{
    (void)be;
    called("dropout");
    map("dropout", (double)p->count, 2);
}

/* ---- training ------------------------------------------------------------------------------------ */

static void ccc_loss(struct va_backend *be, const struct va_ccc *p)
{
    (void)be;
    called("ccc_loss");
    moved((double)p->n * 7);
}

static bool is_normed(const struct va_adamw *p, const void *dv)
{
    for (int64_t i = 0; i < p->derived_count; i++)
        if (p->derived[i].law == VA_LAW_WEIGHT_NORM && p->derived[i].dv == dv)
            return true;
    return false;
}

static void prepared_kernel(const struct va_weight *w)
{
    double N = (double)w->N, C = (double)w->K, K = (double)w->taps;

    if (spectral_kernel(N, C, K))
        kernel_spectra(N, C, K);
    else
        moved(1.5 * N * C * K);
}

/* Weights of products in bfloat16, rounded anew. */
static void prepared(const struct va_backend *be, const struct va_adamw *p)
{
    for (int64_t i = 0; be->precision == VA_BF16_PRODUCTS && i < p->count; i++)
        if (p->list[i].weight && p->list[i].weight->use != VA_USE_PLAIN)
            moved(1.5 * (double)p->list[i].count);
    for (int64_t i = 0; be->precision == VA_BF16_PRODUCTS && i < p->derived_count; i++)
        if (p->derived[i].law == VA_LAW_WEIGHT_NORM)
            prepared_kernel(&p->derived[i].w);
}

/* Squares read the gradient, of a normed weight v as well; the step reads and writes value and both moments, and a
 * normed weight's own values. */
static void update(struct va_backend *be, const struct va_adamw *p)
{
    double numbers[2] = { 0 }, pieces[2] = { 0 };

    called("update");
    for (int64_t i = 0; i < p->count; i++) {
        int normed = is_normed(p, p->list[i].grad);

        numbers[normed] += (double)p->list[i].count;
        pieces[0] += normed ? 0 : ceil((double)p->list[i].count / 16384);
    }
    for (int64_t i = 0; i < p->derived_count; i++)
        pieces[1] += is_normed(p, p->derived[i].dv) ? (double)p->derived[i].rows : 0;
    moved(2 * numbers[1]);
    moved(numbers[0]);
    moved(2 * (pieces[0] + pieces[1]));
    prepared(be, p);
    launch((struct launch){ .kernel = "plain_step",
                            .blocks = pieces[0],
                            .threads = 256,
                            .kind = STORE,
                            .work = 3 * numbers[0] / pieces[0] / 256,
                            .bytes = 28 * numbers[0] });
    if (pieces[1] > 0)
        launch((struct launch){ .kernel = "normed_step",
                                .blocks = pieces[1],
                                .threads = 256,
                                .kind = STORE,
                                .work = 4 * numbers[1] / pieces[1] / 256,
                                .bytes = 32 * numbers[1] });
}

static void derive(struct va_backend *be, const struct va_derived *list, int64_t count)
{
    (void)be;
    for (int64_t i = 0; i < count; i++) {
        called("derive");
        moved(2 * (double)(list[i].rows * list[i].cols));
    }
}

/* ---- memory ------------------------------------------------------------------------------------- */

static void *allocate(struct va_backend *be, int64_t n)
{
    (void)be;
    return calloc((size_t)n + 1, sizeof(float)); /* what nobody touches takes no memory */
}

static void release(struct va_backend *be, void *buffer)
{
    (void)be;
    free(buffer);
}

static void zero(struct va_backend *be, void *buffer, int64_t n)
{
    (void)be, (void)buffer;
    called("zero");
    moved((double)n);
}

static void copy(struct va_backend *be, void *to, const void *from, int64_t n)
{
    (void)be, (void)to, (void)from;
    called("copy");
    moved(2 * (double)n);
}

static void put(struct va_backend *be, void *to, const float *from, int64_t n)
{
    (void)be, (void)to, (void)from, (void)n;
}

static void get(struct va_backend *be, float *to, const void *from, int64_t n)
{
    (void)be, (void)from;
    memset(to, 0, (size_t)n * sizeof(*to));
}

static void put_bytes(struct va_backend *be, void *to, const void *from, int64_t bytes)
{
    (void)be;
    memcpy(to, from, (size_t)bytes);
}

static void get_bytes(struct va_backend *be, void *to, const void *from, int64_t bytes)
{
    (void)be;
    memcpy(to, from, (size_t)bytes);
}

static void prepare(struct va_backend *be, struct va_weight *w, bool training)
{
    (void)be, (void)training;
    w->stale = false;
}

static void unprepare(struct va_backend *be, struct va_weight *w)
{
    (void)be, (void)w;
}

static int wait_for(struct va_backend *be)
{
    (void)be;
    return 0;
}

struct va_backend *launches_device(void)
{
    static const struct va_ops ops = {
        .name = "predicted",
        .elem = sizeof(float),
        .scan_marks = 16,
        .alloc = allocate,
        .free = release,
        .zero = zero,
        .copy = copy,
        .put_f32 = put,
        .get_f32 = get,
        .put_bytes = put_bytes,
        .get_bytes = get_bytes,
        .weight_prepare = prepare,
        .weight_release = unprepare,
        .unary = unary,
        .unary_grad = unary_grad,
        .add = add,
        .prelu = prelu,
        .prelu_grad = prelu_grad,
        .dropout = dropout,
        .linear = linear,
        .linear_grad = linear_grad,
        .conv = conv,
        .conv_grad = conv_grad,
        .dwconv = dwconv,
        .dwconv_grad = dwconv_grad,
        .scan = scan,
        .scan_grad = scan_grad,
        .norm = norm,
        .norm_grad = norm_grad,
        .attention = attention,
        .transformer_infer = transformer_infer,
        .ccc_loss = ccc_loss,
        .update = update,
        .derive = derive,
        .sync = wait_for,
    };
    static struct va_backend be;

    be = (struct va_backend){ 0 };
    va_backend_init(&be, &ops);
    return &be;
}
