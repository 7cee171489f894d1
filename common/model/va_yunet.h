/*
 * va_yunet.h - YuNet, a small convolutional net that finds faces (Wu, Peng and Yu 2023).
 *
 * A picture of H x W pixels, padded with zeros at right and bottom to multiples of 32, goes through
 * six stages; the last three, at strides 8, 16 and 32, meet in a neck. A cell (r, c) of level l with
 * stride s answers with
 *   cls, obj      score = sqrt(sigmoid(cls) * sigmoid(obj))
 *   dx, dy, w, h  a box of exp(w) s by exp(h) s pixels with its centre at ((c + dx) s, (r + dy) s)
 *   kx, ky  * 5   points ((c + kx) s, (r + ky) s): eyes, nose, corners of the mouth; the person's right first
 * Of boxes that overlap by more than OVERLAP (intersection over union) the one with the best score
 * stays. Pixels are BGR from 0 to 255, not normalised.
 *
 * Files:     va.model/1, arch = yunet, with the names of the training repository and batch norms
 *            folded; sizes follow from shapes. `s` has 53 thousand weights, `n` 74 thousand.
 * Threads:   one thread per net at a time
 */
#ifndef VA_YUNET_H
#define VA_YUNET_H

#include "base/va_tensors.h"
#include "ops/va_ops.h"
#include "ops/va_params.h"

enum { VA_YUNET_STAGES = 6, VA_YUNET_LEVELS = 3, VA_YUNET_POINTS = 5 };

struct va_yunet_config {
    int64_t stem;                   /* channels after the first convolution: 16 */
    int64_t width[VA_YUNET_STAGES]; /* channels after each stage; the last three are equal */
    bool shared;                    /* a layer more before the answers, on each level */
};

/* Configurations by name: "yunet_s", "yunet_n". */
enum va_yunet_size { VA_YUNET_S, VA_YUNET_N };
void va_yunet_config_of(enum va_yunet_size size, struct va_yunet_config *c);

/* From the shapes of a set, and as metadata (arch = yunet). 0, or -1 after reporting. */
VA_MUST_USE int va_yunet_config_load(struct va_yunet_config *c, const struct va_tensors *set,
                                     const char *path);
VA_MUST_USE int va_yunet_config_store(const struct va_yunet_config *c, struct va_tensors *set);

/* Append the entries of the net to a list. 0, or -1 after reporting. */
VA_MUST_USE int va_yunet_declare(const struct va_yunet_config *c, struct va_params *list);

/* A face: pixels of the picture, which parts of it may lie outside of. */
struct va_face {
    float score;
    float box[4];                     /* left, top, width, height */
    float points[VA_YUNET_POINTS][2]; /* x, y */
};

struct va_yunet; /* opaque */

/* A net with values from a set whose arch is yunet; `path` names the set in messages. NULL after
 * reporting. */
VA_MUST_USE struct va_yunet *va_yunet_new(struct va_backend *be, const struct va_tensors *set,
                                          const char *path);
void va_yunet_free(struct va_yunet *net); /* NULL is fine */

/*
 * Faces of a picture [H, W, 3] of RGB with a score from min_score, the best first. *faces belongs to
 * the net and lives until the next call. Returns how many, or -1 after reporting.
 */
VA_MUST_USE int64_t va_yunet_find(struct va_yunet *net, const uint8_t *rgb, int64_t W,
                                  int64_t H, double min_score, const struct va_face **faces);

#endif
