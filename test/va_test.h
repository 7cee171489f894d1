/*
 * va_test.h - checks of the unit tests: each prints what failed, and the count at the end.
 *
 *     int main(void)
 *     {
 *         VA_TEST(scan_of_one_frame);
 *         return va_test_finish();
 *     }
 *
 * VA_TEST_ONLY="NAME ..." in the environment leaves the others out, without a word.
 */
#ifndef VA_TEST_H
#define VA_TEST_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int va_test_passed, va_test_failed, va_test_skipped;
static bool va_test_bad;
static const char *va_test_why; /* set by VA_SKIP */

static inline bool va_test_wanted(const char *name)
{
    const char *only = getenv("VA_TEST_ONLY"), *at = only;
    size_t n = strlen(name);

    if (!only || !*only)
        return true;
    for (; (at = strstr(at, name)) != NULL; at += n)
        if ((at == only || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

#define VA_TEST(name)                                                           \
    do {                                                                        \
        if (!va_test_wanted(#name))                                             \
            break;                                                              \
        va_test_bad = false;                                                    \
        va_test_why = NULL;                                                     \
        name();                                                                 \
        if (va_test_why)                                                        \
            va_test_skipped++;                                                  \
        else if (va_test_bad)                                                   \
            va_test_failed++;                                                   \
        else                                                                    \
            va_test_passed++;                                                   \
        printf("%s %s%s%s\n",                                                   \
               va_test_bad   ? "not ok"                                         \
               : va_test_why ? "skip"                                           \
                             : "ok",                                            \
               #name, va_test_why ? ": " : "", va_test_why ? va_test_why : ""); \
    } while (0)

/* Leave the test with a reason, where something optional is absent. */
#define VA_SKIP(reason)         \
    do {                        \
        va_test_why = (reason); \
        return;                 \
    } while (0)

/* Whether an emulator runs the programs (make EMULATOR=): it limits no memory, and says a line about a signal. */
static inline bool va_test_emulated(void)
{
    const char *emulator = getenv("EMULATOR");

    return emulator && *emulator;
}

#define VA_CHECK(condition)                                                        \
    do {                                                                           \
        if (!(condition)) {                                                        \
            printf("# %s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            va_test_bad = true;                                                    \
        }                                                                          \
    } while (0)

#define VA_CHECK_INT(found, expected)                                                      \
    do {                                                                                   \
        long long f_ = (long long)(found), e_ = (long long)(expected);                     \
        if (f_ != e_) {                                                                    \
            printf("# %s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #found, f_, \
                   e_);                                                                    \
            va_test_bad = true;                                                            \
        }                                                                                  \
    } while (0)

#define VA_CHECK_NEAR(found, expected, bound)                                              \
    do {                                                                                   \
        double f_ = (found), e_ = (expected);                                              \
        if (!(fabs(f_ - e_) <= (bound))) {                                                 \
            printf("# %s:%d: %s is %.12g, expected %.12g within %g\n", __FILE__, __LINE__, \
                   #found, f_, e_, (double)(bound));                                       \
            va_test_bad = true;                                                            \
        }                                                                                  \
    } while (0)

/* The larger of two errors. NaN is larger than all and stays; fmax() forgets it. */
static inline double va_worse(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static inline int va_test_finish(void)
{
    printf("%d passed, %d failed", va_test_passed, va_test_failed);
    if (va_test_skipped)
        printf(", %d skipped", va_test_skipped);
    printf("\n");
    return va_test_failed ? 1 : 0;
}

#endif
