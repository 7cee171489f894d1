/*
 * The table of edit distances between all beginnings of two words, of which three rows are kept:
 * swapping two letters looks back two rows.
 */
#include "base/va_nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { WRONG_MAX = 3 }; /* letters that a word of any length may be wrong */

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

int va_word_distance(const char *a, size_t n, const char *b, size_t m, int limit)
{
    int rows[3][VA_NEAREST_WORD + 1], *before = rows[0], *last = rows[1], *row = rows[2];

    if (n > VA_NEAREST_WORD || m > VA_NEAREST_WORD)
        return limit;
    for (size_t j = 0; j <= m; j++)
        last[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *oldest = before;

        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = last[j - 1] + !same(a[i - 1], b[j - 1]);
            row[j] = least(row[j], least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = oldest;
    }
    return least(last[m], limit);
}

struct va_nearest va_nearest_to(const char *word, size_t length)
{
    return (struct va_nearest){ word, length, NULL, least((int)length / 3, WRONG_MAX) + 1 };
}

void va_nearest_offer(struct va_nearest *near, const char *name)
{
    int distance = va_word_distance(near->word, near->length, name, strlen(name),
                                    near->distance);

    if (distance < near->distance) {
        near->distance = distance;
        near->name = name;
    }
}
