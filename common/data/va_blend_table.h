/*
 * va_blend_table.h - fitted weights as a table for people and for va-ensemble.
 *
 * TSV with the columns what, name, id, valence, arousal:
 *
 *     frames   -          -       labelled frames of the fit
 *     ccc      NAME       ID      CCC of that file alone, one row each
 *     ccc      equal      -       CCC of the plain average
 *     ccc      combined   -       CCC that weights, scale and shift reach
 *     scale    -          -       prediction = scale * (sum of weight * file) + shift
 *     shift    -          -
 *     weight   NAME       ID      one row for each file, in the order in which they are given
 *
 * NAME is the base name of a file, ID what it says of its models: the content id if there is one, else
 * "N models HASH". Weights come last, so that a table cut short is noticed: they are >= 0 and
 * their sum is 1. Readers use weight, scale and shift.
 *
 * Ownership: the caller's struct; release frees what it owns
 */
#ifndef VA_BLEND_TABLE_H
#define VA_BLEND_TABLE_H

#include "base/va_attr.h"
#include "base/va_hash.h"
#include "data/va_ensemble.h"
#include <stdint.h>

struct va_blend_table {
    char *path;                        /* where it was read from, or NULL */
    int64_t count;                     /* K */
    char *name[VA_ENSEMBLE_MAX];       /* [K] */
    char *id[VA_ENSEMBLE_MAX];         /* [K] */
    double weight[VA_ENSEMBLE_MAX][2]; /* [K], of valence and arousal */
    double scale[2], shift[2];
    char digest[VA_HASH_TEXT]; /* of a table that was read: of its ids and numbers */
    /* what the fit saw; not read */
    int64_t frames;
    double single[VA_ENSEMBLE_MAX][2], equal[2], combined[2]; /* CCC */
};

/* Names and ids of the files of an ensemble; all numbers are 0. -1 after reporting. */
VA_MUST_USE int va_blend_table_init(struct va_blend_table *t, const struct va_ensemble *e);
void va_blend_table_release(struct va_blend_table *t);

VA_MUST_USE int va_blend_table_write(const struct va_blend_table *t, const char *path);
VA_MUST_USE int va_blend_table_read(struct va_blend_table *t, const char *path);

/*
 * Whether a table that was read fits the files of `e`: as many, in its order. A file whose models the
 * table has in another row is an error; models it does not have at all (the same, trained anew)
 * are only said. 0, or -1 after reporting.
 */
VA_MUST_USE int va_blend_table_check(const struct va_blend_table *t,
                                     const struct va_ensemble *e);

#endif
