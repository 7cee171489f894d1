/*
 * va_ort_priv.h - what ONNX Runtime is asked for, by the process that has loaded it.
 *
 * One of two files is compiled: va_ort_on.c, or va_ort_off.c where its header was not found.
 */
#ifndef VA_ORT_PRIV_H
#define VA_ORT_PRIV_H

#include "jobs/va_ort.h"

enum {
    VA_ORT_TEXT = 1000,         /* bytes of a message */
    VA_ORT_NAME = 200,          /* of a name */
    VA_ORT_WIDTH_MOST = 1 << 20 /* numbers of a row */
};

/* What the file says, and what it was asked for. */
struct va_ort_shape {
    int64_t side, width;
    char output[VA_ORT_NAME];
    char mean[VA_ORT_NAME], std[VA_ORT_NAME]; /* from the metadata; "": not there */
    char version[VA_ORT_NAME];                /* of the runtime */
};

/* Each returns NULL, or why it failed: one line, which lives until the next call. */
struct va_ort_library {
    const char *(*start)(void); /* open the library: before confining, and without any file */
    const char *(*load)(const void *bytes, int64_t size, const struct va_ort_options *o,
                        int threads, struct va_ort_shape *shape);
    /* picture [3, side, side] -> row [width] */
    const char *(*compute)(const float *picture, float *row);
};

extern const struct va_ort_library *const va_ort_library; /* NULL: this build has none */

#endif
