/*
 * va_xception.h - mini-Xception, a small convolutional net that tells seven expressions of a face
 * (Arriaga, Ploeger and Valdenegro 2017), and where they lie in valence and arousal.
 *
 *     grey picture [64, 64] from -1 to 1
 *       -> 3x3, ReLU -> 3x3, ReLU                     without padding: [60, 60, 8]
 *       -> 4 modules: x -> depthwise 3x3, 1x1, ReLU, depthwise 3x3, 1x1, max of 3x3 at stride 2
 *                       + 1x1 at stride 2             to [4, 4, 128]
 *       -> 3x3 to 7 classes -> mean -> softmax
 *
 * Valence and arousal are the mean of the places of the seven expressions, weighted by their
 * probabilities (Russell and Mehrabian 1977). This is rough: expressions are not felt emotions,
 * and most frames of a video show none.
 *
 * Files:     va.model/1, arch = mini-xception, batch norms folded; sizes follow from shapes
 * Letters:   B pictures
 */
#ifndef VA_XCEPTION_H
#define VA_XCEPTION_H

#include "base/va_tensors.h"
#include "model/va_intake.h"
#include "ops/va_params.h"

enum { VA_XCEPTION_SIDE = 64, VA_XCEPTION_MODULES = 4, VA_XCEPTION_CLASSES = 7 };

/* The expressions in the order of the classes. */
extern const char *const va_xception_names[VA_XCEPTION_CLASSES];

struct va_xception_config {
    int64_t stem[2];                    /* channels of the first two convolutions: 8, 8 */
    int64_t width[VA_XCEPTION_MODULES]; /* of the modules: 16, 32, 64, 128 */
};

/* From the shapes of a set; and as metadata (arch, and a note that its ratings are rough). 0, or -1
 * after reporting. */
VA_MUST_USE int va_xception_config_load(struct va_xception_config *c,
                                        const struct va_tensors *set, const char *path);
VA_MUST_USE int va_xception_config_store(struct va_tensors *set);
/* Append the entries of the net to a list. 0, or -1 after reporting. */
VA_MUST_USE int va_xception_declare(const struct va_xception_config *c, struct va_params *list);

struct va_xception; /* opaque */

/* With values from a set, and room for B pictures; `path` names the set in messages. NULL after
 * reporting. */
VA_MUST_USE struct va_xception *va_xception_new(struct va_backend *be,
                                                const struct va_tensors *set, const char *path,
                                                int64_t B);
void va_xception_free(struct va_xception *net); /* NULL is fine */

struct va_intake va_xception_intake(const struct va_xception *net);

/* probabilities [B, classes] of rows [B, 64 * 64], both on the host. -1 after reporting. */
VA_MUST_USE int va_xception_classify(struct va_xception *net, int64_t B, const float *rows,
                                     float *probabilities);
/* va [2] of the probabilities of one picture. */
void va_xception_place(const float *probabilities, float *va);

#endif
