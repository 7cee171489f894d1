/*
 * va_yunet_priv.h - what the files of YuNet share: where its parameters are.
 */
#ifndef VA_YUNET_PRIV_H
#define VA_YUNET_PRIV_H

#include "model/va_yunet.h"

/* A linear layer over channels, then a 3 x 3 kernel for each: entries of the list (weight; its bias is
 * the next). */
struct va_yunet_unit {
    int64_t point, depth;
    int64_t out; /* channels */
};

/* What a cell answers, in the order in which the net computes it. */
enum { VA_YUNET_CLS, VA_YUNET_OBJ, VA_YUNET_BOX, VA_YUNET_KPS, VA_YUNET_HEADS };
enum { VA_YUNET_ANSWERS = 16 }; /* numbers of a cell: 1, 1, 4 and 10 */

struct va_yunet_layers {
    int64_t stem; /* entry of the first convolution */
    struct va_yunet_unit stage[VA_YUNET_STAGES][2];
    struct va_yunet_unit neck[VA_YUNET_LEVELS], shared[VA_YUNET_LEVELS];
    struct va_yunet_unit head[VA_YUNET_HEADS][VA_YUNET_LEVELS];
};

VA_MUST_USE int va_yunet_declare_layers(const struct va_yunet_config *c, struct va_params *list,
                                        struct va_yunet_layers *l);

/* Cells of one level, [H, W, ANSWERS], as candidates whose score is at least min_score; the number of
 * them. `faces` has a place for each cell. */
int64_t va_yunet_decode(const float *cells, int64_t H, int64_t W, int64_t stride,
                        double min_score, struct va_face *faces);

/* Order by score, best first (equal scores as they come), and leave out those that overlap a better one. Returns how many stay. */
int64_t va_yunet_suppress(struct va_face *faces, int64_t count);

#endif
