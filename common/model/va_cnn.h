/*
 * va_cnn.h - convolutional encoders that others publish: EfficientNet (model/va_efficientnet.c) and
 * MobileFaceNet (model/va_mobilefacenet.c).
 *
 *     picture [image, image, 3] of RGB, normalised by mean and std
 *       -> convolutions, each with a batch norm -> features [width]
 *       -> classifier, where one is kept: [classes, width]
 *
 * A classifier is kept if its last two rows are valence and arousal, as in the files of HSEmotion; its outputs
 * are linear.
 *
 * Files:     va.model/1, with the names and tensors of those who publish it, so that what is exported loads there again. Batch
 *            norms are folded into the convolutions when a net is opened, not in its file. Which layers there
 *            are, and their sizes, follow from names and shapes; the rest is metadata.
 * Products:  in float32, whatever the precision of the backend
 * Letters:   B pictures, D width of the features
 */
#ifndef VA_CNN_H
#define VA_CNN_H

#include "base/va_tensors.h"
#include "model/va_intake.h"
#include "ops/va_params.h"

enum { VA_CNN_STAGES = 7, VA_CNN_RATED = 10 /* classes: 8 expressions, valence, arousal */ };

struct va_cnn_config {
    const struct va_cnn_kind *kind; /* model/va_cnn_priv.h */
    int64_t image;                  /* pixels of a side */
    double mean[3], std[3];
    double eps;      /* of the batch norms */
    int padding;     /* index in va_cnn_padding_names */
    int64_t width;   /* D */
    int64_t classes; /* VA_CNN_RATED, or 0: no classifier */
    int64_t stem;    /* channels */
    int64_t blocks[VA_CNN_STAGES], out[VA_CNN_STAGES],
        mid[VA_CNN_STAGES]; /* mid: of MobileFaceNet */
};

/* How pictures are padded: "same" as TensorFlow does, at strides of 2 by one more at right and bottom;
 * "symmetric" as PyTorch does. */
enum { VA_CNN_SAME, VA_CNN_SYMMETRIC };
extern const char *const va_cnn_padding_names[]; /* NULL last */

/* Whether `arch` (NULL: none) is that of such a net. */
bool va_cnn_is(const char *arch);

/* From the shapes and metadata of a set; and as metadata. 0, or -1 after reporting. */
VA_MUST_USE int va_cnn_config_load(struct va_cnn_config *c, const struct va_tensors *set,
                                   const char *path);
VA_MUST_USE int va_cnn_config_store(const struct va_cnn_config *c, struct va_tensors *set);
/* Whether the values of a set that fits it can be those of such a net. 0, or -1 after reporting. */
VA_MUST_USE int va_cnn_check(const struct va_cnn_config *c, const struct va_tensors *set,
                             const char *path);
/* Append the tensors of its file to a list. 0, or -1 after reporting. */
VA_MUST_USE int va_cnn_declare(const struct va_cnn_config *c, struct va_params *list);

struct va_cnn; /* opaque */

/* With values from a set, and memory for B pictures; `path` names the set in messages. NULL after
 * reporting. */
VA_MUST_USE struct va_cnn *va_cnn_new(struct va_backend *be, const struct va_tensors *set,
                                      const char *path, int64_t B);
void va_cnn_free(struct va_cnn *net); /* NULL is fine */
const struct va_cnn_config *va_cnn_config(const struct va_cnn *net);
struct va_intake va_cnn_intake(const struct va_cnn *net);

/* Features [B, D] of cut pictures [B, image, image, 3] on the host; they stay on the device, until the next
 * call. */
const void *va_cnn_forward(struct va_cnn *net, int64_t B, const float *cut);
/* The classifier's answers [B, classes] to features [B, D], all on the device. */
void va_cnn_classify(struct va_cnn *net, int64_t B, const void *features, void *answers);

#endif
