/*
 * va_schedule.h - the learning rate of every update, as closed forms.
 *
 * Source: the paper (linear warm-up per iteration, cosine to 0), the authors' code (warm-up from
 * 1e-8, cosine with warm restarts stepped per iteration) and its ancestor (restarts by fractional
 * epochs). k counts updates from 0.
 */
#ifndef VA_SCHEDULE_H
#define VA_SCHEDULE_H

#include <stdint.h>

enum va_schedule {
    VA_SCHEDULE_PAPER,
    VA_SCHEDULE_AUTHORS,
    VA_SCHEDULE_ANCESTOR,
    VA_SCHEDULE_CONSTANT
};
extern const char *const va_schedule_names[]; /* in enum order, NULL last */

/* Rate used for update k; `per_epoch` updates make an epoch (>= 1). */
double va_schedule_rate(enum va_schedule s, int64_t k, int64_t per_epoch, double base,
                        int64_t epochs, int64_t warmup_epochs);

/* That of masked autoencoders and their fine-tuning: linear from 0 at k = 0 to `base` after the warm-up,
 * then half a cosine down to `low` at the end of the last epoch. Source: He et al. 2022, their code. */
double va_schedule_mae(int64_t k, int64_t per_epoch, double base, double low, int64_t epochs,
                       int64_t warmup_epochs);

#endif
