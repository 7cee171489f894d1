/*
 * va_nearest.h - the known word that a mistyped one was probably meant to be.
 *
 *     struct va_nearest near = va_nearest_to("lables", 6);
 *     for each name: va_nearest_offer(&near, name);
 *     if (near.name) ... "did you mean %s?"
 *
 * The distance of two words is the number of letters to insert, delete, replace or swap with
 * their neighbour; upper and lower case are equal. A word of n letters may be n / 3 wrong, at
 * most 3, so that a short word or a quite different one has no suggestion.
 */
#ifndef VA_NEAREST_H
#define VA_NEAREST_H

#include <stddef.h>

enum { VA_NEAREST_WORD = 64 }; /* longer words are not compared */

struct va_nearest {
    const char *word; /* the mistyped word; need not end with 0 */
    size_t length;
    const char *name; /* the nearest offered so far, the first of several; NULL: none is near */
    int distance;     /* of `name`; without one, the least that is too far */
};

struct va_nearest va_nearest_to(const char *word, size_t length);
void va_nearest_offer(struct va_nearest *near, const char *name);

/* Distance of a [n] and b [m], or `limit` when it is not below that. */
int va_word_distance(const char *a, size_t n, const char *b, size_t m, int limit);

#endif
