/*
 * va_live_run.h - from pictures that come now to rows of valence and arousal: what va-live does.
 *
 *     source -> thread (media/va_relay.h) -> faces, people, crops (faces/va_follow.h)
 *            -> encoder, temporal model (jobs/va_live_model.h) -> a row for each person, written at once
 *
 * The middle of it is jobs/va_live_people.h; here is what comes before and after. Memory depends on the size of
 * the pictures and the number of slots alone (and on the length for a temporal model of transformers).
 */
#ifndef VA_LIVE_RUN_H
#define VA_LIVE_RUN_H

#include "data/va_frame_table.h"
#include "jobs/va_live_people.h"
#include "media/va_relay.h"

struct va_live_job {
    const char *input;  /* as va_source_open takes it */
    const char *name;   /* people are called NAME_1, NAME_2, ... */
    const char *output; /* file that gets the rows as well, or NULL; its format has rows */
    enum va_table_format format; /* of standard output */
    struct va_source_options source;
    struct va_relay_options relay;        /* `stop` is set here */
    struct va_live_people_options people; /* detector NULL: as va_detector_file finds it */
};

/*
 * Run until the input ends, SIGINT, SIGTERM or SIGHUP comes, or the reader of standard output has gone
 * (SIGPIPE is to be ignored), and say on standard error what was done and what frames took. 0, or -1
 * after reporting. The output file is complete in any case: it holds all rows up to there. Decoders are
 * started (va_decoder_start).
 */
VA_MUST_USE int va_live_run(const struct va_live_job *job);

#endif
