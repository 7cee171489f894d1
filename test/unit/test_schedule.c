/* Learning rates against the reference's tables, and what the closed forms promise. */
#include "nn/va_schedule.h"
#include "test/va_golden.h"

/* Every line of "iteration paper authors ancestor", in all of the 9 digits that are written. */
static void check_table(const char *file, int64_t per_epoch)
{
    char path[512], line[256];
    FILE *f = va_golden_path(file, path) ? fopen(path, "r") : NULL;
    long long k, lines = 0;
    char text[3][32], ours[32];

    if (!f)
        VA_SKIP("no golden table");
    VA_CHECK(fgets(line, sizeof(line), f) != NULL);
    while (fgets(line, sizeof(line), f)) {
        VA_CHECK_INT(sscanf(line, "%lld %31s %31s %31s", &k, text[0], text[1], text[2]), 4);
        for (int s = 0; s < 3; s++) {
            snprintf(ours, sizeof(ours), "%.9g",
                     va_schedule_rate((enum va_schedule)s, k, per_epoch, 3e-4, 50, 5));
            if (strcmp(ours, text[s])) {
                printf("# %s: update %lld, %s: %s, expected %s\n", file, k,
                       va_schedule_names[s], ours, text[s]);
                va_test_bad = true;
            }
        }
        if (va_test_bad)
            break;
        lines++;
    }
    VA_CHECK_INT(lines, 50 * per_epoch);
    fclose(f);
}

static void golden_114(void)
{
    check_table("schedules/lr_114.tsv", 114);
}

static void golden_503(void)
{
    check_table("schedules/lr_503.tsv", 503);
}

static void edges(void)
{
    /* the warm-up reaches the base and is left at the base */
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_PAPER, 49, 10, 1.0, 50, 5), 1, 0);
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_PAPER, 50, 10, 1.0, 50, 5), 1, 0);
    /* past the planned end the cosine does not rise again */
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_PAPER, 700, 10, 1.0, 50, 5), 0, 0);
    /* no warm-up */
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_PAPER, 0, 10, 1.0, 50, 0), 1, 0);
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_AUTHORS, 0, 10, 1.0, 50, 0), 1e-8, 1e-15);
    /* restarts: the first cycle has 46 updates, the next 92 */
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_AUTHORS, 50 + 46, 10, 1.0, 50, 5), 1, 1e-15);
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_AUTHORS, 50 + 46 + 92, 10, 1.0, 50, 5), 1,
                  1e-15);
    VA_CHECK(va_schedule_rate(VA_SCHEDULE_AUTHORS, 50 + 45, 10, 1.0, 50, 5) < 2e-3);
    /* as long a warm-up as training: finite all the same */
    VA_CHECK(isfinite(va_schedule_rate(VA_SCHEDULE_PAPER, 60, 10, 1.0, 5, 5)));
    VA_CHECK(isfinite(va_schedule_rate(VA_SCHEDULE_AUTHORS, 60, 10, 1.0, 3, 5)));
    VA_CHECK(isfinite(va_schedule_rate(VA_SCHEDULE_ANCESTOR, 60, 10, 1.0, 3, 5)));
    VA_CHECK_NEAR(va_schedule_rate(VA_SCHEDULE_CONSTANT, 12345, 10, 0.5, 50, 5), 0.5, 0);
}

static void autoencoder(void)
{
    VA_CHECK_NEAR(va_schedule_mae(0, 10, 1.0, .25, 20, 4), 0, 0);
    VA_CHECK_NEAR(va_schedule_mae(30, 10, 1.0, .25, 20, 4), .75, 0);
    VA_CHECK_NEAR(va_schedule_mae(40, 10, 1.0, .25, 20, 4), 1, 0);
    VA_CHECK_NEAR(va_schedule_mae(120, 10, 1.0, .25, 20, 4), .625, 1e-15);
    VA_CHECK_NEAR(va_schedule_mae(80, 10, 1.0, .25, 20, 4),
                  .25 + .375 * (1 + 0.70710678118654752), 1e-15);
    VA_CHECK_NEAR(va_schedule_mae(999, 10, 1.0, .25, 20, 4), .25, 0);
    VA_CHECK_NEAR(va_schedule_mae(0, 10, 1.0, .25, 20, 0), 1, 0); /* no warm-up */
    VA_CHECK_NEAR(va_schedule_mae(30, 10, 1.0, .25, 3, 4), .75, 0);
    VA_CHECK_NEAR(va_schedule_mae(40, 10, 1.0, .25, 3, 4), .25, 0);
}

int main(void)
{
    VA_TEST(autoencoder);
    VA_TEST(golden_114);
    VA_TEST(golden_503);
    VA_TEST(edges);
    return va_test_finish();
}
