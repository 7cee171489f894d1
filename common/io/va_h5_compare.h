/*
 * va_h5_compare.h - whether two files of the store agree, and where they do not.
 *
 * h5diff is silent about shapes, ranks and types that differ, about datasets without elements,
 * and about NaN; so this is another one. Schema, set of objects, type, shape and attributes must
 * be the same; values must agree within a bound. The root's provenance and id say who made a
 * file of what, so they are left out.
 */
#ifndef VA_H5_COMPARE_H
#define VA_H5_COMPARE_H

#include "io/va_h5.h"

struct va_h5_bound {
    double abs, rel;           /* |x - y| <= max(abs, rel * max(|x|, |y|)); infinities equal */
    bool nan_equal;            /* a NaN agrees with a NaN (never with a number) */
    const char *const *ignore; /* paths, @attributes, /object@attributes; NULL last; or NULL */
};

/*
 * Compare; say(arg, line) is called for each object that differs. Returns the number of
 * differences, or -1 after reporting that a file cannot be read.
 */
VA_MUST_USE int64_t va_h5_compare(struct va_h5_in *x, struct va_h5_in *y,
                                  const struct va_h5_bound *bound,
                                  void (*say)(void *arg, const char *line), void *arg);

#endif
