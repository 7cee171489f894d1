/*
 * Whether the method that is chosen for a convolution is the faster one: both are timed for sequences and
 * dilations of many lengths, in float32 or, with the word bf16, in that. `choice` prints a table and ends with 1 if a
 * choice costs more than SLACK times the other method.
 */
#include "base/va_mem.h"
#include "cpu/va_cpu_ops.h"
#include "cpu/va_cpu_priv.h"
#include "test/bench/bench.h"
#include <sys/wait.h>
#include <unistd.h>

enum { TAPS = 15, RUNS = 3, FRAMES = 4096 };
static const double SLACK = 1.5;
static enum va_precision precision;
static const int64_t lengths[] = { 8, 16, 32, 64, 100, 150, 300, 900 };
static const int64_t dilations[] = { 1, 2, 8 };
static const int64_t channels[] = { 32, 256, 1024 };

enum { SHAPES = VA_COUNT(lengths) * VA_COUNT(dilations) * VA_COUNT(channels) };

static int64_t length_of(int shape)
{
    return lengths[shape % VA_COUNT(lengths)];
}

static int64_t dilation_of(int shape)
{
    return dilations[shape / VA_COUNT(lengths) % VA_COUNT(dilations)];
}

static int64_t channels_of(int shape)
{
    return channels[shape / VA_COUNT(lengths) / VA_COUNT(dilations)];
}

/* Seconds of the fastest run; as many sequences as make FRAMES numbers of frames and channels. */
static double seconds(int shape)
{
    struct va_backend *be = va_cpu_backend_new();
    int64_t T = length_of(shape), C = channels_of(shape), B = FRAMES * 256 / C / T + 1;
    void *x = be->ops->alloc(be, B * T * C), *y = be->ops->alloc(be, B * T * C);
    struct va_weight w = { .data = be->ops->alloc(be, C * C * TAPS),
                           .stale = true,
                           .use = VA_USE_CONV,
                           .N = C,
                           .K = C,
                           .taps = TAPS };
    double best = 1e9;

    be->precision = precision;
    for (int run = 0; run <= RUNS; run++) {
        double begun = bench_clock(CLOCK_MONOTONIC);

        be->ops->conv(be, &(struct va_conv){ .B = B,
                                             .T = T,
                                             .Cin = C,
                                             .Cout = C,
                                             .K = TAPS,
                                             .dilation = dilation_of(shape),
                                             .x = x,
                                             .w = &w,
                                             .y = y });
        begun = bench_clock(CLOCK_MONOTONIC) - begun;
        if (run && begun < best)
            best = begun;
    }
    be->ops->weight_release(be, &w);
    be->ops->free(be, x), be->ops->free(be, y), be->ops->free(be, w.data);
    va_backend_free(be);
    return best;
}

/* In a process of its own: the method is chosen once. */
static bool measure(const char *method, double *all)
{
    int ends[2], status;
    pid_t child;
    bool got;

    if (pipe(ends) < 0 || (child = fork()) < 0)
        return false;
    if (child == 0) {
        setenv("VA_CONV", method, 1);
        for (int i = 0; i < SHAPES; i++)
            all[i] = seconds(i);
        _exit(write(ends[1], all, SHAPES * sizeof(*all)) == SHAPES * sizeof(*all) ? 0 : 1);
    }
    close(ends[1]);
    got = read(ends[0], all, SHAPES * sizeof(*all)) == SHAPES * sizeof(*all);
    close(ends[0]);
    return waitpid(child, &status, 0) == child && status == 0 && got;
}

int main(int argc, char **argv)
{
    struct va_backend *be = va_cpu_backend_new();
    double direct[SHAPES], spectral[SHAPES], worst = 0;

    if (argc > 1 && !strcmp(argv[1], "bf16"))
        precision = VA_BF16_PRODUCTS;
    if (!measure("direct", direct) || !measure("spectral", spectral))
        return 4;
    be->precision = precision;
    printf("frames dilation channels direct_ms spectral_ms chosen    cost\n");
    for (int i = 0; i < SHAPES; i++) {
        int64_t T = length_of(i), C = channels_of(i);
        bool chosen = va_cpu_spectral_size(be, T, dilation_of(i), TAPS, C, C) > 0;
        double best = direct[i] < spectral[i] ? direct[i] : spectral[i];
        double cost = (chosen ? spectral[i] : direct[i]) / best;

        printf("%6lld %8lld %8lld %9.3f %11.3f %-8s %5.2f\n", (long long)T,
               (long long)dilation_of(i), (long long)C, 1e3 * direct[i], 1e3 * spectral[i],
               chosen ? "spectral" : "direct", cost);
        worst = cost > worst ? cost : worst;
    }
    va_backend_free(be);
    return worst > SLACK;
}
