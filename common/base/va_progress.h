/*
 * va_progress.h - one line on a terminal: how far, how fast, how long still.
 *
 * Silent unless stderr is a terminal and --quiet was not given, and with VA_PROGRESS=off, where another
 * program draws a line for several tools: messages then clear that line. Redrawn at most once a second.
 * One progress at a time. Threads: update from any one thread at a time.
 */
#ifndef VA_PROGRESS_H
#define VA_PROGRESS_H

#include "base/va_attr.h"
#include <stdint.h>

/* Begin: `what` is a short word ("frames", "steps"), total 0 where it is not known. */
void va_progress_begin(const char *what, int64_t total);
void va_progress_update(int64_t done);

/* Words that end the line from now on ("epoch 3 of 50, loss 0.42"), until the progress ends. */
void va_progress_note(const char *format, ...) VA_PRINTF(1, 2);
void va_progress_end(void); /* clears the line; fine without a begin */

#endif
