/*
 * va_preset.h - the settings of the paper and of its authors' code, as far as they concern windows.
 *
 *                 window stride  tail  missing   leading      test
 *   paper           300    200   pad   nearest   keep         mean of overlapping windows
 *   authors         300    200   drop  previous  cut          windows of 500 end to end, zeros
 *   authors-fold0  1000    800   drop  previous  cut          for missing faces
 *
 * What they say of training is in jobs/va_train_config.c.
 */
#ifndef VA_PRESET_H
#define VA_PRESET_H

#include "data/va_window_index.h"

enum va_preset { VA_PRESET_PAPER, VA_PRESET_AUTHORS, VA_PRESET_AUTHORS_FOLD0 };
extern const char *const va_preset_names[]; /* in enum order, NULL last */

struct va_preset_windows {
    int64_t window, stride; /* of training and validation; in the test overlapping ones */
    enum va_tail tail;
    enum va_missing missing;
    enum va_leading leading;
    bool test_overlap; /* else the test has windows end to end */
    int64_t test_window;
    enum va_missing test_missing;
};

struct va_preset_windows va_preset_windows(enum va_preset preset);

#endif
