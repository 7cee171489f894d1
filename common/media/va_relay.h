/*
 * va_relay.h - frames of a source, decoded by a thread of its own and handed on through a bounded queue.
 *
 *     source -> thread -> queue of VA_RELAY_WAITING frames -> va_relay_next
 *
 * Where frames may be dropped, a frame that finds the queue full takes the place of the oldest one in it:
 * what comes out is never older than the queue. Else the thread waits, and every frame comes out.
 *
 * Threads:   next and free from one thread
 */
#ifndef VA_RELAY_H
#define VA_RELAY_H

#include "media/va_source.h"
#include <signal.h>

enum { VA_RELAY_WAITING = 2 };

struct va_relay_options {
    bool drop;       /* frames for which there is no time */
    bool from_first; /* times count from the first frame of the source */
    double rate;     /* frames a second of the source's time, at most; 0: all */
    double patience; /* seconds without a frame that are too long; 0: for ever */
    const volatile sig_atomic_t *stop; /* not 0: end, within a tenth of a second; or NULL */
};

struct va_relay_counts {
    int64_t frames;  /* that the source gave */
    int64_t skipped; /* of them, because of `rate` */
    int64_t dropped; /* of them, because there was no time */
};

struct va_relay; /* opaque */

/* Wait for the first byte of standard input or of a named pipe, of which opening it would wait for ever:
 * 1; 1 at once for anything else; 0 when told to stop; -1 after reporting that it took too long. */
VA_MUST_USE int va_relay_await(const char *path, const struct va_relay_options *options);

/* Begin to read a source, which nobody else uses until the relay is freed. NULL after reporting. */
VA_MUST_USE struct va_relay *va_relay_new(struct va_source *source,
                                          const struct va_relay_options *options);
/* Stops the source; NULL is fine. */
void va_relay_free(struct va_relay *r);

/* The next frame, valid until the next call, and when it was decoded (va_clock): 1; 0 at the end, or when
 * told to stop; -1 after reporting, also that nothing came for too long. `path` names the source in that
 * message. */
VA_MUST_USE int va_relay_next(struct va_relay *r, const char *path, struct va_frame *frame,
                              double *ready);

struct va_relay_counts va_relay_counts(struct va_relay *r);

#endif
