/*
 * va_corpus.h - a synthetic corpus on disk, laid out as Aff-Wild2 is.
 *
 *     videos/BASE.mp4                           H.264, one or two people
 *     cropped_aligned/VIDEO/NNNNN.jpg           112x112; no file where there is no face
 *     VA_Estimation_Challenge/Train_Set/VIDEO.txt, Validation_Set/VIDEO.txt
 *     VA_Estimation_Challenge/test_set.txt      names, one a line
 *     sample_submission.txt                     what a submission must hold, row by row
 *     inputs.tsv                                for each VIDEO, what to decode
 *     truth/VIDEO.txt                           what was felt, all videos
 *     truth/Test_Set/VIDEO.txt                  the annotation of the test set
 *     truth/faces/BASE.h5                       where the faces are, va.faces/1
 *     broken/damaged.mp4, truncated.mp4         for tests of readers; with traps only
 *     README.txt
 *
 * The folder is made beside its target, as .NAME.part, and renamed when it is complete.
 */
#ifndef VA_CORPUS_H
#define VA_CORPUS_H

#include "tools/synth/va_cast.h"
#include <signal.h>

/* What was made. */
struct va_corpus_counts {
    int64_t videos[3], frames[3]; /* by enum va_set: tracks, and frames of their clips */
};

/*
 * Make the corpus `dir`, a folder that is new or empty. Gives up as soon as *stop is not 0 (a
 * signal came), without a word. Returns 0, or -1; nothing is left behind then.
 * Uses the threads of base/va_thread.h; the bytes do not depend on their number.
 */
VA_MUST_USE int va_corpus_write(const char *dir, const struct va_corpus_options *o,
                                const volatile sig_atomic_t *stop,
                                struct va_corpus_counts *counts);

#endif
