/*
 * make_labels - an annotation file for tests on stdout: two slow waves, a function of seed and
 * frame; the frames named by --unlabelled get -5.
 */
#include "base/va_rand.h"
#include "base/va_tool.h"
#include <math.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    int64_t frames = 10, seed = 42;
    struct va_ints unlabelled = { .count = 0 };
    const struct va_option table[] = {
        VA_OPT_INT(0, "frames", &frames, 0, 1 << 24, "lines after the header"),
        VA_OPT_INTS(0, "unlabelled", &unlabelled, 1, 1 << 24, "frame numbers without a label"),
        VA_OPT_SEED(&seed),
        VA_OPT_END,
    };
    static const struct va_usage usage = { .synopsis = "[options]",
                                           .brief = "labels for tests" };
    int status = VA_EXIT_OK;

    va_tool_init("make_labels");
    if (!va_options_parse(table, &usage, argc, argv, &status))
        return va_tool_finish(status);
    printf("valence,arousal\n");
    for (int64_t k = 1; k <= frames; k++) {
        bool none = false;
        double value[2];

        for (int64_t i = 0; i < unlabelled.count; i++)
            none = none || unlabelled.items[i] == k;
        for (int d = 0; d < 2; d++)
            value[d] = none ? -5
                            : 0.8 * sin((double)k / (20 + 9 * d) +
                                        6 * va_rand_uniform((uint64_t)seed, VA_RAND_TEST, 0,
                                                            (uint64_t)d));
        printf("%.6g,%.6g\n", value[0], value[1]);
    }
    return va_tool_finish(status);
}
