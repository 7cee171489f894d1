/*
 * va_embed.h - rows of features for the frames of videos: the CLS row of an encoder for each, the output of an ONNX
 * model (jobs/va_ort.h), or what another program gives (jobs/va_piped.h).
 *
 * Schema:    writes va.features/1 (schemas/va.features.md)
 */
#ifndef VA_EMBED_H
#define VA_EMBED_H

#include "base/va_attr.h"
#include "faces/va_cropper.h"
#include "jobs/va_ort.h"
#include "jobs/va_piped.h"
#include <stdbool.h>
#include <stdint.h>

struct va_embed_job {
    const char *weights;            /* file of the encoder, */
    struct va_ort_options onnx;     /* where it is an ONNX model; or */
    struct va_piped_options filter; /* with `command` */
    char *const *inputs; /* as va_footage_open takes them, or folders of folders; NULL last */
    const char *name;    /* of the only video; NULL: by its file */
    const char *output;  /* for one video, or NULL: */
    const char *output_dir;         /* of VIDEO.h5 */
    const char *device;             /* of va_device_open */
    int precision;                  /* index into va_precision_names */
    int64_t batch;                  /* frames computed together */
    int64_t tolerate;               /* broken packets and images of a video before giving up */
    int64_t threads;                /* of decoders */
    bool half;                      /* store float16 */
    struct va_cropper_options crop; /* with `faces`: people of the only video */
};

/* Read and decode in the background, compute here, write as the rows come. 0, or -1 after reporting: the
 * files of videos before the failure are complete. Decoders are started (va_decoder_start). */
VA_MUST_USE int va_embed(const struct va_embed_job *job);

#endif
