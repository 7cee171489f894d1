/*
 * mamba_va.h - valence and arousal of faces, for other programs: the library libmamba_va.
 *
 *     mamba_va model = mamba_va_open(&options, &error);
 *     mamba_va_push_picture(model, rgb, width, height, stride, seconds, &error);
 *     while ((n = mamba_va_rows(model, rows, MOST, &error)) > 0)
 *         ...
 *     mamba_va_close(model, NULL);
 *
 * A model is an encoder and a temporal model, as va-live takes them, or a model that rates faces by
 * itself, or a temporal model alone. It takes one kind of input:
 *
 *   pictures  RGB of any size; faces are found and followed. Needs a detector
 *   crops     RGB of any size with one face; the caller says whose
 *   features  a row of the encoder's features of one face; the caller says whose
 *
 * Rows come out in the order of the frames, with numbers that are those of va-live and, up to rounding, of
 * va-predict. A model with a lookahead gives rows that number of frames later.
 *
 * Handles:   a handle is a number. 0 is none; a handle that was closed is never given again, and a call with
 *            it gives MAMBA_VA_CLOSED
 * Errors:    0 or more is success; below 0 it is an enum mamba_va_code. `error` gets code and
 *            message, or is NULL. Nothing is printed, and nothing ends the process. After an error of code
 *            MAMBA_VA_USE or MAMBA_VA_INPUT the model is as it was before the call, but for a prediction that is
 *            not finite, of huge features or bad weights: MAMBA_VA_INPUT then ends its face, without the rows
 *            that wait. Other faces go on; of a picture they may lack a row
 * Threads:   any number of threads may use any number of models. Calls with one handle wait for one
 *            another
 * Process:   opening a model starts a child process that checks its files, and waits for its end. Signals, the
 *            locale and standard streams are left alone. Do not fork in one thread while
 *            another one is in the library; a child process must not use handles of its parent
 */
#ifndef MAMBA_VA_H
#define MAMBA_VA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAMBA_VA_API __attribute__((visibility("default")))

enum mamba_va_code {
    MAMBA_VA_OK = 0,
    MAMBA_VA_CLOSED = -1, /* no such handle: closed, or never opened */
    MAMBA_VA_USE =
        -2, /* an argument that no program should give: NULL, sizes, a wrong order of calls */
    MAMBA_VA_INPUT =
        -3, /* a file or a number that is bad: missing, damaged, not finite, times that go back */
    MAMBA_VA_MACHINE = -4 /* memory or device failed: the model can only be closed */
};

/* Of a call. After a success the message is a warning, or "". */
struct mamba_va_error {
    int32_t code; /* enum mamba_va_code */
    char message[1020];
};

typedef uint64_t mamba_va; /* a handle */

/* What to open. Strings are read before mamba_va_open returns. */
struct mamba_va_options {
    uint64_t size;     /* of this struct: set by mamba_va_options_init */
    const char *model; /* file: temporal model, or model that rates faces; needed */
    const char
        *encoder; /* file, of the features of a temporal model; NULL: features are pushed */
    const char *
        stream; /* name of the model's stream that is pushed, where its streams have names; NULL */
    const char *detector;  /* file (yunet.h5); NULL: no pictures */
    const char *device;    /* "cpu", "cuda", "cuda:N", "auto"; "cpu" */
    const char *precision; /* "f32", "bf16", "auto"; "f32" */
    const char
        *face_template;  /* place of eyes, nose and mouth in crops of pictures; "arcface" */
    int32_t any_encoder; /* 1: take another encoder than that of the model's training; 0 */
    int32_t people;      /* at a time, 1 to 64; 8 */
    int32_t max_side;  /* search pictures with a longer side reduced to this many pixels; 640 */
    int32_t crop_size; /* side of crops of pictures; 112 */
    double min_score;  /* least score of a face, 0 to 1; 0.7 */
    double min_size;   /* least width and height of a face in pixels; 20 */
    double gap;        /* seconds for which a face may be lost without ending its track; 1 */
    double join;   /* take a new face for an absent person whose look differs by less; 0.25 */
    double forget; /* seconds after which an absent person is forgotten; 10 */
    double margin; /* add this share of a crop's side on each side; 0 */
};

/* Of an open model. */
struct mamba_va_info {
    int64_t features;  /* in a row of features; 0: none are taken */
    int64_t lookahead; /* frames by which rows come later */
    int32_t pictures;  /* 1: they are taken */
    int32_t crops;
};

/* Of one face in one frame. */
struct mamba_va_row {
    int64_t frame;    /* 1 for the first picture of a video; crops and features: of the face */
    double time;      /* as it was pushed */
    int64_t face;     /* from 1: in order of appearance, or the caller's number */
    int32_t seen;     /* 1: in this frame; 0: the frame stands on what was seen last */
    float confidence; /* 0 to 1; crops and features: 1; 0 where not seen */
    float box
        [4]; /* left, top, width, height in pixels of the picture; 0 where not seen, or no picture */
    float valence; /* -1 to 1 */
    float arousal; /* -1 to 1 */
};

/* Version of the library: "1.0.0". */
MAMBA_VA_API const char *mamba_va_version(void);

/*
 * Threads that compute, all handles together: 1 (the default): the thread that calls; 0: one for each core. Helpers
 * work for one call at a time, other calls compute in their own thread; results are the same. Only while no
 * model is open. Before the end of the program: 1 ends the helpers.
 */
MAMBA_VA_API int mamba_va_threads(int count, struct mamba_va_error *error);

/* Defaults; size is sizeof(struct mamba_va_options). */
MAMBA_VA_API void mamba_va_options_init(struct mamba_va_options *options, size_t size);

/* A handle, or 0 with *error. At most 256 models are open. */
MAMBA_VA_API mamba_va mamba_va_open(const struct mamba_va_options *options,
                                    struct mamba_va_error *error);
MAMBA_VA_API int mamba_va_close(mamba_va model, struct mamba_va_error *error);
MAMBA_VA_API int mamba_va_get_info(mamba_va model, struct mamba_va_info *info,
                                   struct mamba_va_error *error);

/*
 * The next picture [height, width, 3] of bytes R, G, B, at most 16384 x 16384, with `stride` bytes from line to
 * line. Its time in seconds is above that of the picture before.
 */
MAMBA_VA_API int mamba_va_push_picture(mamba_va model, const uint8_t *rgb, int64_t width,
                                       int64_t height, int64_t stride, double time,
                                       struct mamba_va_error *error);

/*
 * The next frame of a face, whose number (from 1) the caller chooses. Its time is above that of the face's
 * frame before. A crop may have any size up to 4096 x 4096; features are `count` finite numbers, as many as
 * mamba_va_info says. An absent face keeps what was seen last, and gets a row. A number that is new is a new face;
 * more than options.people at a time are an error: end one.
 */
MAMBA_VA_API int mamba_va_push_crop(mamba_va model, int64_t face, const uint8_t *rgb,
                                    int64_t width, int64_t height, int64_t stride, double time,
                                    struct mamba_va_error *error);
MAMBA_VA_API int mamba_va_push_features(mamba_va model, int64_t face, const float *features,
                                        int64_t count, double time,
                                        struct mamba_va_error *error);
MAMBA_VA_API int mamba_va_push_absent(mamba_va model, int64_t face, double time,
                                      struct mamba_va_error *error);

/* A face of crops or features ends, or with 0 the video: rows that wait come now. After 0 another video may begin, with
 * any times and any kind of input. */
MAMBA_VA_API int mamba_va_end(mamba_va model, int64_t face, struct mamba_va_error *error);

/* Take at most `most` rows that are there, oldest first. Returns how many; 0: none. Rows that are not taken stay. */
MAMBA_VA_API int64_t mamba_va_rows(mamba_va model, struct mamba_va_row *rows, int64_t most,
                                   struct mamba_va_error *error);

#ifdef __cplusplus
}
#endif

#endif
