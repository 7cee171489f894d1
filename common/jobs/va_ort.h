/*
 * va_ort.h - an encoder in an ONNX file, computed by ONNX Runtime: pictures in, rows of features out.
 *
 * The file may be anybody's, and the runtime is a large library of C++: a process of its own loads both. It is confined
 * (base/va_confine.h) before it looks at the file, and speaks through two pipes. It computes picture by picture, so a
 * row does not depend on the pictures beside it. Memory is limited, time is not: a model may loop.
 *
 * The library is opened when it is needed. Builds that did not find its header refuse ONNX files.
 *
 * Ownership: the process ends with va_ort_close, or when this one ends
 * Threads:   one; the intake's cut may run beside va_ort_run. SIGPIPE must be ignored
 */
#ifndef VA_ORT_H
#define VA_ORT_H

#include "base/va_attr.h"
#include "model/va_intake.h"
#include <stdbool.h>
#include <stdint.h>

struct va_ort_options {
    const char *output;     /* whose numbers are the row; NULL: the only one of rank 2 */
    int64_t size;           /* side of pictures where the file takes any; 0: as it says */
    const char *mean, *std; /* three numbers each; NULL: of its metadata, else of ImageNet */
    bool unconfined;        /* for machines that cannot confine it */
};

struct va_ort; /* opaque */

/* Whether a file is to be taken for ONNX: by its first bytes, or by its name. One that cannot be read is not. */
bool va_ort_is(const char *path);

/* "0.5,0.5,0.5" as numbers; whether it is three finite ones. */
bool va_ort_three(const char *text, double value[3]);

/* Start the process, with `threads` (0: as many as there are cores). *id, a new string, is that of its features: of the
 * file, the output, the size, mean and std. NULL after reporting. */
VA_MUST_USE struct va_ort *va_ort_open(const char *path, const struct va_ort_options *o,
                                       int64_t threads, char **id);
void va_ort_close(struct va_ort *e); /* NULL is fine */

struct va_intake va_ort_intake(const struct va_ort *e); /* rows [3, side, side], normalised */
int64_t va_ort_width(const struct va_ort *e);           /* numbers of a row */

/* rows [count, width] of pictures [count, 3, side, side]. 0, or -1 after reporting: it failed, or gave a number
 * that is not finite. */
VA_MUST_USE int va_ort_run(struct va_ort *e, int64_t count, const float *cut, float *rows);

#endif
