/*
 * Folds: everybody is held out once, people stay together, frames are balanced.
 */
#include "base/va_rand.h"
#include "data/va_folds.h"
#include "data/va_lists.h"
#include "test/va_test.h"

enum { VIDEOS = 120, FOLDS = 5 };

/* A corpus with pairs of people, one of them across the two sets. */
static void fill(struct va_fold_plan *plan)
{
    static const char *const suffix[] = { "", "_left", "_right" };
    char name[32];

    for (int64_t i = 0; i < VIDEOS; i++) {
        snprintf(name, sizeof(name), "v%03d%s", (int)(i < 90 ? i / 3 : i),
                 i < 90 ? suffix[i % 3] : "");
        VA_CHECK_INT(va_folds_add_video(
                         plan, name,
                         73 + (int64_t)va_rand_below(1, VA_RAND_TEST, 0, (uint64_t)i, 9000),
                         i % 4 == 0),
                     0);
    }
}

static void paper_balances_frames_and_keeps_people_together(void)
{
    struct va_fold_plan plan = { 0 };
    int64_t load[FOLDS + 1] = { 0 }, total = 0;

    fill(&plan);
    VA_CHECK_INT(va_folds_assign(&plan, VA_SCHEME_PAPER, FOLDS, 42), 0);
    VA_CHECK_INT(plan.torn_groups, 0);
    VA_CHECK_INT(va_folds_count(&plan), FOLDS + 1);
    for (int64_t i = 0; i < plan.count; i++) {
        int64_t held = 0;

        for (int64_t k = 1; k <= FOLDS; k++)
            held += va_folds_held_out(&plan, k, i);
        VA_CHECK_INT(held, 1);
        VA_CHECK_INT(va_folds_held_out(&plan, 0, i), plan.videos[i].official);
        load[plan.videos[i].fold] += plan.videos[i].frames;
        total += plan.videos[i].frames;
        for (int64_t j = 0; j < i; j++)
            if (!va_group_compare(plan.videos[i].name, plan.videos[j].name))
                VA_CHECK_INT(plan.videos[i].fold, plan.videos[j].fold);
    }
    for (int64_t k = 1; k <= FOLDS; k++) /* 60 groups, none above 27,000 frames */
        VA_CHECK_NEAR((double)load[k], (double)total / FOLDS, .02 * (double)total / FOLDS);
    va_folds_release(&plan);
}

/* Folds of a plan as one number. */
static uint64_t fingerprint(enum va_scheme scheme, uint64_t seed, int64_t frames)
{
    struct va_fold_plan plan = { 0 };
    uint64_t h = 0;
    char name[16];

    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "v%d", i * 7 % 40); /* order of adding must not matter */
        VA_CHECK_INT(va_folds_add_video(&plan, name, frames, i < 5), 0);
    }
    VA_CHECK_INT(va_folds_assign(&plan, scheme, FOLDS, seed), 0);
    for (int64_t i = 0; i < plan.count; i++)
        h = h * 31 + (uint64_t)plan.videos[i].fold;
    va_folds_release(&plan);
    return h;
}

static void the_seed_decides_between_equals_only(void)
{
    VA_CHECK(fingerprint(VA_SCHEME_PAPER, 1, 100) == fingerprint(VA_SCHEME_PAPER, 1, 100));
    VA_CHECK(fingerprint(VA_SCHEME_PAPER, 1, 100) != fingerprint(VA_SCHEME_PAPER, 2, 100));
    VA_CHECK(fingerprint(VA_SCHEME_AUTHORS, 1, 100) == fingerprint(VA_SCHEME_AUTHORS, 2, 100));
}

static void runs_of_the_authors(void)
{
    struct va_fold_plan plan = { 0 };
    static const int64_t expected[] = { 1, 1, 1, 2, 2, 3, 3 };

    for (int i = 6; i >= 0; i--) /* the validation set is last though its names come first */
        VA_CHECK_INT(
            va_folds_add_video(&plan, (const char *[]){ "m", "n", "o", "p", "q", "a", "b" }[i],
                               10, i >= 5),
            0);
    VA_CHECK_INT(va_folds_assign(&plan, VA_SCHEME_AUTHORS, 3, 0), 0);
    for (int i = 0; i < 7; i++)
        VA_CHECK_INT(plan.videos[i].fold, expected[i]);
    VA_CHECK(!strcmp(plan.videos[5].name, "a"));
    va_folds_release(&plan);
}

static void runs_of_sucv_hold_out_training_videos_only(void)
{
    struct va_fold_plan plan = { 0 };
    char name[16];
    int64_t held[FOLDS + 1] = { 0 };

    for (int i = 0; i < 341 + 71; i++) { /* sizes of the set for which it was made */
        snprintf(name, sizeof(name), "v%03d", i);
        VA_CHECK_INT(va_folds_add_video(&plan, name, 10, i >= 341), 0);
    }
    VA_CHECK_INT(va_folds_assign(&plan, VA_SCHEME_SUCV, FOLDS, 0), 0);
    for (int64_t i = 0; i < plan.count; i++) {
        VA_CHECK(!plan.videos[i].official || plan.videos[i].fold == 0);
        held[plan.videos[i].fold]++;
    }
    VA_CHECK_INT(held[0], 71);
    VA_CHECK_INT(held[1], 69); /* the last run is held out first */
    for (int k = 2; k <= FOLDS; k++)
        VA_CHECK_INT(held[k], 68);
    VA_CHECK_INT(plan.videos[0].fold, FOLDS);
    va_folds_release(&plan);
}

static void torn_groups_are_counted(void)
{
    struct va_fold_plan plan = { 0 };

    fill(&plan);
    VA_CHECK_INT(va_folds_assign(&plan, VA_SCHEME_AUTHORS, FOLDS, 0), 0);
    VA_CHECK(plan.torn_groups > 0);
    va_folds_release(&plan);
}

int main(void)
{
    VA_TEST(paper_balances_frames_and_keeps_people_together);
    VA_TEST(the_seed_decides_between_equals_only);
    VA_TEST(runs_of_the_authors);
    VA_TEST(runs_of_sucv_hold_out_training_videos_only);
    VA_TEST(torn_groups_are_counted);
    return va_test_finish();
}
