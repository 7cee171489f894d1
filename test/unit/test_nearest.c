/*
 * Nearest words: the distance, and what is not near enough to be suggested.
 */
#include "base/va_attr.h"
#include "base/va_nearest.h"
#include "test/va_test.h"

static int distance(const char *a, const char *b)
{
    return va_word_distance(a, strlen(a), b, strlen(b), 100);
}

static void distances(void)
{
    static const struct {
        const char *a, *b;
        int distance;
    } known[] = {
        { "", "", 0 },
        { "", "abc", 3 },
        { "labels", "labels", 0 },
        { "lables", "labels", 1 },
        { "splt", "split", 1 },
        { "splitt", "split", 1 },
        { "padd", "pad", 1 },
        { "kitten", "sitting", 3 },
        { "Window", "wINDOW", 0 },
        { "ab", "ba", 1 },
        { "abcd", "badc", 2 },
        { "abc", "xyz", 3 },
        { "ca", "abc", 3 }, /* a swap is not edited again */
    };

    for (size_t i = 0; i < VA_COUNT(known); i++) {
        VA_CHECK_INT(distance(known[i].a, known[i].b), known[i].distance);
        VA_CHECK_INT(distance(known[i].b, known[i].a), known[i].distance);
    }
    VA_CHECK_INT(va_word_distance("abc", 3, "xyz", 3, 2), 2);
}

static void long_words_are_not_compared(void)
{
    char word[VA_NEAREST_WORD + 2];

    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = 0;
    VA_CHECK_INT(va_word_distance(word, strlen(word), "a", 1, 4), 4);
    word[VA_NEAREST_WORD] = 0;
    VA_CHECK_INT(distance(word, word), 0);
}

/* The nearest of the names of some options, or "". */
static const char *nearest(const char *word)
{
    static const char *const names[] = { "labels", "lr", "list", "window", "stride", "output" };
    struct va_nearest near = va_nearest_to(word, strlen(word));

    for (size_t i = 0; i < VA_COUNT(names); i++)
        va_nearest_offer(&near, names[i]);
    return near.name ? near.name : "";
}

static void only_near_words_are_suggested(void)
{
    static const char *const known[][2] = {
        { "lables", "labels" },
        { "widnow", "window" },
        { "LIST", "list" },
        { "outptu", "output" },
        { "sride", "stride" },
        { "lrr", "lr" },
        { "lt", "" },
        { "", "" },
        { "x", "" },
        { "lost", "list" },
        { "loss", "" },
        { "windmill", "" },
        { "no-such-option", "" },
    };

    for (size_t i = 0; i < VA_COUNT(known); i++)
        if (strcmp(nearest(known[i][0]), known[i][1])) {
            printf("# %s: found '%s'\n", known[i][0], nearest(known[i][0]));
            va_test_bad = true;
        }
}

int main(void)
{
    VA_TEST(distances);
    VA_TEST(long_words_are_not_compared);
    VA_TEST(only_near_words_are_suggested);
    return va_test_finish();
}
