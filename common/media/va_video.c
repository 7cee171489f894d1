/*
 * Packets in, pictures out, numbered in presentation order.
 *
 * What the libraries do with damage differs. The decoder refuses a packet, invents the missing part
 * and marks the picture, or gives no picture and says nothing. The demuxer marks a packet, passes
 * over bytes until it finds the next one, or stops. Each of them is found, told and counted here;
 * va_order says which numbers are lost with it.
 *
 * A picture is converted in a thread of its own while the next one is decoded, so the decoder is one frame
 * ahead of what the caller knows. Where little delay is asked for it is not.
 *
 * Decoders with threads give other pictures after damage than those without, mark other ones, and differ from
 * run to run: a thread conceals what is missing while another one copies from it. So the first reading is
 * hasty: with all threads, and at the first sign of trouble it ends. The file is then read anew with
 * care: one thread, and what the caller has already is passed over. Each sign comes before a picture that it
 * may concern, because the decoder waits for the threads of all earlier packets before it returns one;
 * signs of later packets do no harm. What cannot be read twice is read with care at once. Decoders that pass
 * over damage without a word get buffers that are cleared: what they leave out is zero, and not what the memory
 * held before. (HEVC's keeps motion too, so such pictures, one in a dozen, may still depend on the number of threads.)
 */
#include "base/va_clock.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "media/va_layout_priv.h"
#include "media/va_order_priv.h"
#include "media/va_source_priv.h"
#include "media/va_stream_priv.h"

#include <libavcodec/avcodec.h>
#include <math.h>
#include <stdio.h>

enum { ERRORS_IN_A_ROW = 1000 };
enum { MARK_REACH = 3 };   /* packets from a mark to the joint that it is of */
enum { REORDER_MAX = 32 }; /* packets between one and those that are shown before it */

struct video {
    struct va_stream in;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct va_libav_log log; /* complaints of the decoder */
    struct va_clock clock;
    struct va_order order;
    int64_t packets;    /* of the video stream so far */
    int64_t marked;     /* a packet that the demuxer marked as damaged; 0: none to decide on */
    int64_t marks;      /* of packets before key pictures, which decode all the same */
    int64_t joints;     /* places where times start again */
    int64_t joint;      /* pts of the first packet there, until its frame came; INT64_MIN */
    int64_t first_time; /* of frame first_number, in the stream's time base */
    int64_t first_number; /* 0: no frame with a time yet */
    double arrived;       /* va_clock() of the last packet */
    double pts, step;     /* of the last frame; seconds between frames if there are no times */
    bool read_all, ended;
    unsigned lines;      /* that the decoder logged when it was opened */
    unsigned complaints; /* of the decoder before the last packet */
    int64_t given,
        past; /* frames that were wanted; so many of them the caller has from the hasty reading */
    bool joint_told;              /* in the hasty reading too */
    bool undecoded;               /* packets tell enough, and no decoder sees them */
    struct va_rgb_thread *thread; /* NULL: pictures are converted here */
    struct ahead {
        bool known;                  /* the decoder is ahead, and this is what came: */
        int got;                     /* as va_source_next says it */
        struct va_frame frame;       /* without pixels; its picture is in video.frame */
        int64_t broken, frame_count; /* of the source then */
        double fps;
    } ahead;
    AVFrame *shown; /* what the thread converts */
};

static double seconds(const struct video *v, int64_t time)
{
    return (double)time * v->in.video->time_base.num / v->in.video->time_base.den;
}

/* ---- packets ---------------------------------------------------------------------------- */

static int broken_packet(struct va_source *s, struct va_libav_log *log, int error)
{
    struct video *v = s->state;
    char why[512];

    return va_source_found_broken(
        s, s->path, "packet %lld (after frame %lld, %.3f s): broken: %s", (long long)v->packets,
        (long long)v->order.number, v->pts, va_libav_why(log, error, why, sizeof(why)));
}

/* How much the container has beyond what was read: "50 packets", "2.080 s". False: nothing. */
static bool find_shortage(const struct video *v, char *text, size_t size)
{
    const struct va_stream *in = &v->in;
    int64_t packets = va_stream_packets(in);
    double length = va_stream_length(in), start = 0, slack = 1.5 * v->step;

    if (packets > v->packets) {
        snprintf(text, size, "found %lld packets, expected %lld", (long long)v->packets,
                 (long long)packets);
        return true;
    }
    if (in->format->start_time != AV_NOPTS_VALUE && in->format->start_time < 0)
        start = (double)in->format->start_time / AV_TIME_BASE;
    if (!in->hurt) /* some programs write a length that is a little too long */
        slack = fmax(slack, fmax(.5, .02 * length));
    if (length <= in->end - start + slack)
        return false;
    snprintf(text, size, "found %.3f s, expected %.3f s", in->end - start, length);
    return true;
}

/* What the lengths in the container say of the end; those of an AVI only where it lacks its index. */
static bool find_layout(const struct video *v, char *text, size_t size)
{
    const struct va_bytes *b = &v->in.bytes;
    int fd = b->size >= 0 ? b->fd : b->spool;
    struct va_layout l = { 0 };

    if (fd >= 0 && !v->in.indexed)
        l = va_layout_find(fd, va_bytes_end(b));
    if (l.second)
        snprintf(text, size,
                 "another file begins at byte %lld, and is not read: split the file there",
                 (long long)l.second);
    else if (l.end)
        snprintf(text, size, "the file ends early: found %lld bytes, expected %lld or more",
                 (long long)va_bytes_end(b), (long long)l.end);
    else if (l.astray)
        snprintf(text, size, "reading ends at byte %lld, where the next part should begin",
                 (long long)l.astray);
    return l.second || l.end || l.astray;
}

/* The end of the file, or a read that cannot go on. */
static int end_reading(struct va_source *s, int error, unsigned complaints)
{
    struct video *v = s->state;
    int64_t missing = va_stream_missing(&v->in);
    char why[512];

    v->read_all = true;
    v->order.suspect |= error != AVERROR_EOF || va_libav_complaints(&v->in.log) != complaints;
    if (v->in.bytes.failure)
        return va_stream_failed(&v->in, "read", error);
    if (missing > 0)
        return va_source_found_broken(
            s, s->path,
            "the file ends early: found %lld packets, and %lld of %d beyond the end",
            (long long)v->packets, (long long)missing,
            avformat_index_get_entries_count(v->in.video));
    if (error != AVERROR_EOF || va_libav_complaints(&v->in.log) != complaints)
        return va_source_found_broken(
            s, s->path, "reading ends after packet %lld: %s", (long long)v->packets,
            va_libav_why(&v->in.log, error == AVERROR_EOF ? 0 : error, why, sizeof(why)));
    if (find_layout(v, why, sizeof(why))) {
        v->order.suspect = true;
        return va_source_found_broken(s, s->path, "%s", why);
    }
    if (find_shortage(v, why, sizeof(why)))
        return va_source_found_broken(s, s->path, "the file ends early: %s", why);
    return 0;
}

/* Read the next packet of the video stream: 1; 0 at the end; -1 after reporting. */
static int read_packet(struct va_source *s)
{
    struct video *v = s->state;
    int64_t at = -1;

    for (int errors = 0;;) {
        unsigned complaints = va_libav_complaints(&v->in.log);
        int error = va_stream_read(&v->in, v->packet);

        v->order.suspect |= v->in.hurt;
        v->order.exact = v->in.exact;
        v->arrived = va_clock();
        if (error >= 0)
            return 1;
        if (atomic_load(&s->stopped))
            return -1; /* it is no error, and nobody looks */
        if (v->in.camera)
            return va_stream_failed(&v->in, "read", error);
        if (error == AVERROR_EOF || v->in.bytes.failure || ++errors > ERRORS_IN_A_ROW ||
            (error != AVERROR(EAGAIN) && at == avio_tell(v->in.bytes.io)))
            return end_reading(s, error, complaints);
        at = avio_tell(v->in.bytes.io);
        if (error != AVERROR(EAGAIN) && broken_packet(s, &v->in.log, error) < 0)
            return -1;
    }
}

/*
 * The demuxer marks a packet near which something is missing; it also does so near the end of a
 * piece to which another was joined. Then a key picture follows, and the decoder knows better.
 */
static int check_mark(struct va_source *s, bool key, bool end)
{
    struct video *v = s->state;
    int64_t marked = v->marked;

    if (!marked || (!key && !end && v->packets < marked + MARK_REACH))
        return 0;
    v->marked = 0;
    v->marks += key;
    return key ? 0
               : va_source_found_broken(
                     s, s->path, "packet %lld (after frame %lld, %.3f s): a part is missing",
                     (long long)marked, (long long)v->order.number, v->pts);
}

/* Whether a packet is a picture that is shown: VP8 has some that are only referred to. */
static bool is_shown(const struct video *v, const AVPacket *p)
{
    return !(p->flags & AV_PKT_FLAG_DISCARD) && p->pts != AV_NOPTS_VALUE &&
           !(v->codec->codec_id == AV_CODEC_ID_VP8 && !(p->data[0] & 0x10));
}

static int send_packet(struct va_source *s)
{
    struct video *v = s->state;
    AVPacket *p = v->packet;
    bool key = p->flags & AV_PKT_FLAG_KEY;
    int error;

    if (check_mark(s, key, false) < 0)
        return -1;
    v->clock.step = v->order.step;
    if (va_clock_packet(&v->clock, &p->pts, &p->dts, key)) {
        v->joints++;
        v->joint = v->order.joint = p->pts;
    }
    if (is_shown(v, p))
        va_order_packet(&v->order, p->pts);
    if (p->flags & AV_PKT_FLAG_CORRUPT) {
        v->marked = v->packets;
        v->order.suspect = true;
        p->flags &= ~AV_PKT_FLAG_CORRUPT; /* the decoder is to say what it thinks of it */
    }
    v->complaints = va_libav_complaints(&v->log);
    error = v->undecoded ? 0 : avcodec_send_packet(v->codec, p);
    if (error >= 0 || error == AVERROR(EAGAIN)) /* EAGAIN cannot be: the decoder was empty */
        return 0;
    va_order_refused(&v->order);
    return broken_packet(s, &v->log, error);
}

/* Give the decoder a packet, or at the end the sign that there are no more. */
static int feed(struct va_source *s)
{
    struct video *v = s->state;
    int got = read_packet(s), error;

    if (got < 0)
        return -1;
    if (got == 0) {
        error = v->undecoded ? 0 : avcodec_send_packet(v->codec, NULL);
        if (check_mark(s, false, true) < 0)
            return -1;
        return error < 0 && error != AVERROR_EOF ? broken_packet(s, &v->log, error) : 0;
    }
    v->packets++;
    error = v->packet->size > 0 ? send_packet(s) : 0; /* empty: the last picture goes on */
    av_packet_unref(v->packet);
    return error;
}

/* ---- opening ---------------------------------------------------------------------------- */

static int open_decoder(struct va_source *s)
{
    struct video *v = s->state;
    const AVCodecParameters *p = v->in.video->codecpar;
    const AVCodec *codec = avcodec_find_decoder(p->codec_id);
    int threads = s->options.live      ? 1 /* more keep a frame each */
                  : s->options.threads ? s->options.threads
                                       : va_threads_available();
    int error;

    if (!codec)
        return va_error("%s: found codec %s, for which libavcodec has no decoder here", s->path,
                        avcodec_get_name(p->codec_id));
    v->codec = avcodec_alloc_context3(codec);
    v->packet = av_packet_alloc();
    v->frame = av_frame_alloc();
    if (!v->shown)
        v->shown = av_frame_alloc();
    if (!v->codec || !v->packet || !v->frame || !v->shown)
        return va_error_machine("%s: out of memory", s->path);
    error = avcodec_parameters_to_context(v->codec, p);
    if (error < 0)
        return va_stream_failed(&v->in, "decode", error);
    if ((v->codec->width || v->codec->height) &&
        va_source_check_size(s->path, v->codec->width, v->codec->height) < 0)
        return -1;
    v->codec->opaque = &v->log;
    v->codec->pkt_timebase = v->in.video->time_base;
    va_decoder_plan(v->codec, s->hasty ? threads : 1);
    if (!s->hasty || codec->id != AV_CODEC_ID_H264) /* conceals all damage, and says so */
        va_decoder_clear(v->codec);
    if (threads > 1 && !s->options.times && !v->thread)
        v->thread = va_rgb_thread_new(s->rgb);
    error = avcodec_open2(v->codec, codec, NULL);
    v->lines = va_libav_lines(&v->log);
    return error < 0 ? va_stream_failed(&v->in, "decode", error) : 0;
}

static void close_decoder(struct video *v)
{
    av_packet_free(&v->packet);
    av_frame_free(&v->frame);
    avcodec_free_context(&v->codec);
}

static double rate(AVRational r)
{
    return r.num > 0 && r.den > 0 ? (double)r.num / r.den : 0;
}

/* Codecs whose encoders send a packet for every picture and none without; others may send one
 * that says "as before". */
static bool is_strict(enum AVCodecID id)
{
    static const enum AVCodecID strict[] = {
        AV_CODEC_ID_H264,   AV_CODEC_ID_HEVC,       AV_CODEC_ID_VP8,        AV_CODEC_ID_VP9,
        AV_CODEC_ID_AV1,    AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MJPEG,
        AV_CODEC_ID_PRORES, AV_CODEC_ID_DNXHD,      AV_CODEC_ID_FFV1,       AV_CODEC_ID_DVVIDEO,
    };

    for (size_t i = 0; i < VA_COUNT(strict); i++)
        if (id == strict[i])
            return true;
    return false;
}

/* What is known of times before the first packet. */
static void start_clock(struct video *v)
{
    const AVStream *stream = v->in.video;
    double ticks = 1 / av_q2d(stream->time_base), fps = rate(stream->avg_frame_rate);
    bool constant = fps > 0 && fabs(fps - rate(stream->r_frame_rate)) < .01 * fps;

    v->clock.jumps = v->in.format->iformat->flags & AVFMT_TS_DISCONT;
    if (v->clock.jumps)
        constant = false; /* the rate is a guess from the first packets */
    va_order_init(&v->order, constant ? ticks / fps : 0, is_strict(v->codec->codec_id));
    v->clock.second = (int64_t)(ticks + .5);
    v->joint = INT64_MIN;
}

/* What is known before the first packet, once the stream is open. */
static int begin(struct va_source *s)
{
    struct video *v = s->state;
    const AVStream *stream;

    if (open_decoder(s) < 0)
        return -1;
    stream = v->in.video;
    s->fps = rate(stream->avg_frame_rate);
    if (s->fps == 0)
        s->fps = rate(stream->r_frame_rate);
    v->step = s->fps > 0 ? 1 / s->fps : 0;
    start_clock(v);
    v->undecoded = s->options.times && v->order.strict && va_stream_plain(&v->in);
    if (v->undecoded)
        s->hasty = false; /* no thread sees a packet */
    return 0;
}

/* ---- frames ----------------------------------------------------------------------------- */

static bool is_damaged(const AVFrame *frame)
{
    return frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT);
}

/* Anything that may mean damage, before the frame that has come out (`error` < 0: none) is believed. */
static bool is_in_doubt(const struct video *v, int error)
{
    return v->order.suspect || va_libav_lines(&v->log) != v->lines ||
           (error >= 0 && is_damaged(v->frame));
}

/* Number, time and rate of the frame that has come out; number 0 of one that came too late. */
static int place(struct va_source *s, struct va_frame *out)
{
    struct video *v = s->state;
    int64_t time = v->frame->best_effort_timestamp;

    v->order.suspect |= is_damaged(v->frame);
    out->index = va_order_frame(&v->order, time);
    if (out->index == 0)
        return va_source_found_broken(s, s->path,
                                      "a picture comes too late, after frame %lld (%.3f s)",
                                      (long long)v->order.number, v->pts);
    if (time == AV_NOPTS_VALUE) {
        out->pts = out->index == 1 ? 0 : v->pts + v->step;
    } else {
        out->pts = seconds(v, time);
        if (v->first_number == 0) {
            v->first_number = out->index;
            v->first_time = time;
        } else if (time > v->first_time) {
            s->fps = (double)((out->index - v->first_number) * v->in.video->time_base.den) /
                     ((double)(time - v->first_time) * v->in.video->time_base.num);
        }
    }
    out->arrived = v->arrived;
    v->pts = out->pts;
    s->frame_count = v->order.number;
    return 0;
}

/* Report what was lost before frame `next` and nobody has reported yet. */
static int tell_lost(struct va_source *s, int64_t next)
{
    struct video *v = s->state;
    long long last = (long long)next - 1, first = (long long)next - v->order.lost;

    if (v->order.lost <= 0)
        return 0;
    v->order.lost = 0;
    if (first == last)
        return va_source_found_broken(s, s->path, "frame %lld (before %.3f s): lost", last,
                                      v->pts);
    return va_source_found_broken(s, s->path, "frames %lld to %lld (before %.3f s): lost",
                                  first, last, v->pts);
}

/* Where pictures stand alone, a complaint about a packet is one about the frame that comes of it. */
static bool is_spoilt(const struct va_source *s)
{
    const struct video *v = s->state;
    bool alone = v->codec->codec_descriptor->props & AV_CODEC_PROP_INTRA_ONLY;

    return is_damaged(v->frame) ||
           (alone && !s->options.live && va_libav_complaints(&v->log) != v->complaints);
}

static int check_frame(struct va_source *s, const struct va_frame *out)
{
    struct video *v = s->state;
    const bool spoilt = is_spoilt(s);
    char why[512];

    if (v->joint != INT64_MIN && v->frame->best_effort_timestamp == v->joint) {
        v->joint = INT64_MIN;
        if (v->joints == 1 && !v->joint_told)
            va_warn("%s: times start again at frame %lld (%.3f s after %.3f s): numbers and "
                    "times continue",
                    s->path, (long long)out->index, seconds(v, v->clock.to),
                    seconds(v, v->clock.from));
        v->joint_told = true;
    }
    if (v->order.lost <= 0 && !spoilt)
        s->hurt = false;
    if (tell_lost(s, out->index) < 0)
        return -1;
    if (!spoilt)
        return 0;
    return va_source_found_broken(s, s->path, "frame %lld (%.3f s): its packet is damaged: %s",
                                  (long long)out->index, out->pts,
                                  va_libav_why(&v->log, 0, why, sizeof(why)));
}

/* What is only known at the end, or worth a line although nothing is lost. */
static int look_back(struct va_source *s)
{
    struct video *v = s->state;
    char why[512];

    if (tell_lost(s, v->order.number + 1) < 0)
        return -1;
    if (v->joints > 1)
        va_warn("%s: times start again %lld times", s->path, (long long)v->joints);
    if (v->marks > v->joints && !va_order_steady(&v->order))
        va_warn("%s: data may be missing before %lld key frames", s->path, (long long)v->marks);
    if (s->broken)
        return 0;
    if (v->in.hurt && !va_order_steady(&v->order))
        return va_source_found_broken(s, s->path, "damaged data was skipped: %s",
                                      va_libav_why(&v->in.log, 0, why, sizeof(why)));
    if (v->in.hurt)
        va_warn("%s: damaged data was skipped, and no missing frame is known: %s", s->path,
                va_libav_why(&v->in.log, 0, why, sizeof(why)));
    if (!va_libav_complaints(&v->log))
        return 0;
    if (v->codec->codec_id ==
        AV_CODEC_ID_HEVC) /* does not mark pictures that lack a reference */
        return va_source_found_broken(s, s->path, "pictures are missing or damaged: %s",
                                      va_libav_why(&v->log, 0, why, sizeof(why)));
    if (v->codec->codec_id != AV_CODEC_ID_H264) /* marks them; complains of the start of cuts */
        va_warn("%s: no lost frame is known, but the decoder reported an error: %s", s->path,
                va_libav_why(&v->log, 0, why, sizeof(why)));
    return 0;
}

/* `all`: to the end of the file; else of what is wanted, and packets of later frames may be in the decoder. */
static int finish(struct va_source *s, bool all)
{
    struct video *v = s->state;

    v->ended = true;
    if (va_mem_short()) /* then pictures may be missing that nobody spoke of */
        return va_error_memory("%s: out of memory", s->path);
    if (all)
        va_order_end(&v->order);
    s->frame_count = v->order.number;
    if (!all && va_stream_frames(&v->in) > s->frame_count)
        s->frame_count = va_stream_frames(&v->in);
    return all ? look_back(s) : 0;
}

/* The next frame into v->frame; of packets that are not decoded, its time alone. As avcodec_receive_frame. */
static int receive_frame(struct video *v)
{
    const struct va_order *o = &v->order;

    if (!v->undecoded)
        return avcodec_receive_frame(v->codec, v->frame);
    if (o->count == 0 || (o->count <= REORDER_MAX && !v->read_all))
        return AVERROR(EAGAIN);
    v->frame->best_effort_timestamp = o->waiting[0];
    return 0;
}

/* Decode up to the next frame that is wanted, into v->frame; `out` gets no pixels. */
static int decode_on(struct va_source *s, struct va_frame *out)
{
    struct video *v = s->state;

    while (!v->ended) {
        int error = receive_frame(v);

        if (s->hasty && is_in_doubt(v, error)) {
            s->anew = true;
            return -1;
        }
        if (error == AVERROR_EOF || (error == AVERROR(EAGAIN) && v->read_all))
            return finish(s, true);
        if (error == AVERROR(EAGAIN)) {
            if (feed(s) < 0)
                return -1;
            continue;
        }
        if (error < 0) {
            va_order_refused(&v->order);
            if (broken_packet(s, &v->log, error) < 0)
                return -1;
            continue;
        }
        if (place(s, out) < 0)
            return -1;
        if (out->index == 0)
            continue;
        if (out->index > VA_NUMBER_MAX)
            return va_error("%s: found more than %d frames", s->path, VA_NUMBER_MAX);
        if (check_frame(s, out) < 0)
            return -1;
        if (s->options.end > 0 && out->pts >= s->options.end)
            return finish(s, false);
        if (va_source_wants(s, out->index, out->pts) && v->given++ >= v->past)
            return 1;
    }
    return 0;
}

/* The same, and where the hasty reading ended in doubt, with care from the beginning. */
static int decode(struct va_source *s, struct va_frame *out)
{
    struct video *v = s->state;
    int got = decode_on(s, out);

    if (got >= 0 || !s->anew)
        return got;
    close_decoder(v);
    *v = (struct video){ .in = v->in,
                         .past = v->given,
                         .joint_told = v->joint_told,
                         .thread = v->thread,
                         .ahead = v->ahead,
                         .shown = v->shown };
    s->hasty = s->anew = false;
    return va_stream_again(&v->in) < 0 || begin(s) < 0 ? -1 : decode_on(s, out);
}

/* What is known of the source changes places with what was known when v->ahead was filled. */
static void exchange(struct va_source *s, struct ahead *a)
{
    const int64_t broken = s->broken, frame_count = s->frame_count;
    const double fps = s->fps;

    s->broken = a->broken;
    s->frame_count = a->frame_count;
    s->fps = a->fps;
    a->broken = broken;
    a->frame_count = frame_count;
    a->fps = fps;
}

/* Decode the frame after the one that is being converted; the caller shall not see that. */
static void look_ahead(struct va_source *s)
{
    struct video *v = s->state;
    struct ahead *a = &v->ahead;

    a->broken = s->broken;
    a->frame_count = s->frame_count;
    a->fps = s->fps;
    a->got = decode(s, &a->frame);
    a->known = true;
    exchange(s, a);
}

static int next(struct va_source *s, struct va_frame *out)
{
    const int32_t *matrix;
    struct video *v = s->state;
    int got;

    if (v->ahead.known) {
        exchange(s, &v->ahead);
        got = v->ahead.got;
        *out = v->ahead.frame;
    } else {
        got = decode(s, out);
    }
    v->ahead.known = false;
    if (got <= 0)
        return got;
    if (s->options.times) {
        out->pixels = NULL;
        out->width = out->height = 0;
        return 1;
    }
    matrix = va_libav_matrix(v->in.video);
    if (!v->thread)
        return va_rgb_convert(s->rgb, s->path, v->frame, matrix, out) < 0 ? -1 : 1;
    av_frame_unref(v->shown);
    av_frame_move_ref(v->shown, v->frame);
    if (va_rgb_begin(s->rgb, s->path, v->shown, matrix, out) < 0)
        return -1;
    va_rgb_thread_run(v->thread);
    look_ahead(s);
    va_rgb_thread_wait(v->thread);
    return 1;
}

static void close_video(struct va_source *s)
{
    struct video *v = s->state;

    if (!v)
        return;
    va_rgb_thread_free(v->thread);
    close_decoder(v);
    av_frame_free(&v->shown);
    va_stream_close(&v->in);
    va_free(v);
}

int va_video_open(struct va_source *s)
{
    static const struct va_source_kind kind = { next, close_video, NULL };
    struct video *v = va_new(1, sizeof(*v));
    int64_t frames;

    if (!v)
        return -1;
    s->kind = &kind;
    s->state = v;
    if (va_stream_open(&v->in, &s->input, s->path, s->options.live) < 0)
        return -1;
    s->hasty = !s->options.live && va_bytes_kept(&v->in.bytes);
    if (begin(s) < 0)
        return -1;
    frames = va_stream_frames(&v->in);
    if (frames == 0 && v->in.format->duration > 0)
        frames = (int64_t)((double)v->in.format->duration / AV_TIME_BASE * s->fps);
    if (s->options.start == 0 && s->options.end == 0)
        s->expected = (frames + s->options.every - 1) / s->options.every;
    return 0;
}
