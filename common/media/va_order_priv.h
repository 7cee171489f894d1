/*
 * va_order_priv.h - times and numbers of frames, although data may be lost and clocks start again.
 *
 * Which time is believed: the one in the file, as long as the clock goes on. When it starts again
 * (recordings joined with cat, a transport stream whose encoder was restarted) the piece that
 * follows is moved to where the one before it ends.
 *
 * Which number a frame gets: one more than the frame before, and one more for each frame that is
 * known to be lost between them:
 *   - the decoder refused a packet, and its time was passed over;
 *   - a packet was decoded, gave nothing, and left a hole in time (only for codecs whose packets
 *     are all pictures, see `strict`);
 *   - data was passed over (`suspect`), the rate has been constant, and now there is a gap of k
 *     frame durations: k - 1 frames.
 * A gap alone is no loss: recorders leave out pictures that did not change. When damage shows only
 * a few frames after one, the numbers go up there.
 *
 * All times here are in ticks of the stream's time base.
 */
#ifndef VA_ORDER_PRIV_H
#define VA_ORDER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

/* Time stamps of packets before decoding. Zeroed, but for `step`. */
struct va_clock {
    double step;    /* ticks between frames, 0 where not known */
    int64_t second; /* ticks of a second */
    bool jumps;     /* a format whose clock may jump forward too */
    bool started;
    int64_t shift;           /* is added to the stamps of the piece */
    int64_t newest, decoded; /* greatest pts, last dts so far, shifted */
    int64_t from, to;        /* at the last joint: newest before it, unshifted, and first pts */
};

/*
 * Shift the stamps of a packet; INT64_MIN (AV_NOPTS_VALUE) is not known. A key picture is shown
 * after all that was sent before it, so that one with an earlier time begins a new piece. Returns
 * true when it does.
 */
bool va_clock_packet(struct va_clock *c, int64_t *pts, int64_t *dts, bool key);

enum { VA_ORDER_MAX = 256 };
struct va_order {
    int64_t waiting[VA_ORDER_MAX]; /* stamps given to the decoder, ascending */
    int count;
    bool stamped; /* there was a stamp at all; without, packets are counted */
    bool strict;  /* each packet is a picture */
    bool suspect; /* data was passed over, now or earlier */
    bool exact;   /* set by the owner: what was passed over is known, an earlier gap is none */
    double step;  /* ticks between frames, 0 where not known */
    int64_t even, odd; /* distances between frames that were a step, that were not */
    int64_t last;      /* stamp of the last frame, INT64_MIN: none yet */
    int64_t joint;     /* stamp of the first packet of a piece, INT64_MIN: none */
    int64_t untimed;   /* frames without a stamp since then */
    int64_t gap;       /* frames that a gap would hold before which nothing was suspect, */
    int64_t gap_at;    /* and the number of the frame after it */
    int64_t refused;   /* packets refused and not yet found to be missing */
    int64_t lost;      /* before the last frame (or the end): lost, and not refused */
    int64_t number;    /* of the last frame */
};
void va_order_init(struct va_order *o, double step, bool strict);
void va_order_packet(struct va_order *o, int64_t pts); /* shown, with a known time stamp */
void va_order_refused(struct va_order *o);
/* The frame's number, or 0: it came too late, others have its place. */
int64_t va_order_frame(struct va_order *o, int64_t pts);
void va_order_end(struct va_order *o);          /* number: including those lost last */
bool va_order_steady(const struct va_order *o); /* whether the rate is constant */

#endif
