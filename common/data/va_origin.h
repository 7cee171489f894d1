/*
 * va_origin.h - the origin of features: their encoder and their frame rate.
 *
 * Features of two encoders of one width look alike to a model but have different meanings. A feature
 * file names its encoder (@encoder, the content id of its weights), and a model the encoder of its training
 * features (metadata `encoder`). Features of another encoder are refused. Files and models without an
 * encoder are accepted: other programs or earlier versions made them.
 *
 * Of named streams (base/va_streams.h) each has an encoder of its own: metadata `encoder.NAME`.
 *
 * A model measures time in frames. It stores the lowest and the highest frame rate of its training videos
 * (`fps-min`, `fps-max`). A video outside VA_ORIGIN_FPS times that range causes a warning: 24, 25 and 30
 * frames per second are close enough to each other, 50 and 60 are not.
 *
 * What an encoder was shown, it says by `input` (io/va_pictured.h), which features keep; a model keeps what its
 * training features have in common. Features of whole pictures cause a warning where it was crops.
 */
#ifndef VA_ORIGIN_H
#define VA_ORIGIN_H

#include "base/va_option.h"
#include "base/va_tensors.h"
#include "data/va_window_index.h"
#include "io/va_h5.h"

#define VA_ORIGIN_FPS 1.5

/* The encoder of a stream. Strings are borrowed, but for the name. */
struct va_origin_stream {
    char name[VA_STREAM_NAME]; /* "": the stream without a name */
    const char *encoder;       /* NULL: not known */
    const char *path;          /* the file that says so */
    bool mixed;                /* there are others as well */
};

/* Strings are borrowed from index or model. Begins as { 0 }. */
struct va_origin {
    struct va_origin_stream
        streams[VA_STREAMS_MAX]; /* those without a known encoder may be missing */
    int64_t stream_count;
    const char *path;        /* of a model */
    const char *input;       /* what all pictures have in common (io/va_pictured.h), or NULL */
    double fps_min, fps_max; /* 0: not known */
    bool any;                /* pictures were taken in */
};

/*
 * Take in the features of the chosen videos (NULL: all) of an index that was made by adding files or
 * whose features are open. -1 after reporting that one names another encoder than `o`, unless `any`.
 */
VA_MUST_USE int va_origin_add(struct va_origin *o, const struct va_window_index *index,
                              const bool *chosen, bool any);

/* What a model was trained on, from its metadata and back; an encoder among others is none. `streams` are the
 * model's; NULL or none: one without a name. */
VA_MUST_USE int va_origin_store(const struct va_origin *o, struct va_tensors *set);
void va_origin_load(struct va_origin *o, const struct va_tensors *set, const char *path,
                    const struct va_streams *streams);

/* The encoders that a model file names, for people: "ID", of streams "face ID, sound ID"; "" where it names none.
 * A new string; NULL after reporting. */
VA_MUST_USE char *va_origin_told(struct va_h5_in *model);

/* The encoder of a stream ("": of that without a name), or NULL. */
const char *va_origin_encoder(const struct va_origin *o, const char *stream);

/* Whether a rate is far from those of model `o`; false where one of them is not known. */
bool va_origin_is_far(const struct va_origin *o, double fps);

/* Warn of chosen videos whose rate is far from that of model `o`, in one line. */
void va_origin_compare_rates(const struct va_origin *o, const struct va_window_index *index,
                             const bool *chosen);

/* Warn of the first chosen video with whole pictures, where model `o` was trained on crops. */
void va_origin_compare_input(const struct va_origin *o, const struct va_window_index *index,
                             const bool *chosen);

#define VA_OPT_ANY_ENCODER(target_)        \
    VA_OPT_FLAG(0, "any-encoder", target_, \
                "accept features of another encoder, which are refused by default")

#endif
