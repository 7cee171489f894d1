/*
 * Packets in, pictures out, numbered in presentation order.
 *
 * What a decoder does with damage differs: it refuses a packet, it invents the missing part and
 * marks the picture, or the demuxer marks the packet, or the file just ends. All four are
 * found, told and counted here.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "media/va_source_priv.h"
#include "media/va_stream_priv.h"

#include <libavcodec/avcodec.h>

enum { ERRORS_IN_A_ROW = 1000 };

struct video {
    struct va_stream in;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct va_order order;
    int64_t packets;      /* of the video stream so far */
    int64_t first_time;   /* of frame first_number, in the stream's time base */
    int64_t first_number; /* 0: no frame with a time yet */
    double pts, step;     /* of the last frame; seconds between frames if there are no times */
    bool read_all, ended;
};

static double seconds(const struct video *v, int64_t time)
{
    return (double)time * v->in.video->time_base.num / v->in.video->time_base.den;
}

/* ---- packets ---------------------------------------------------------------------------- */

static int broken_packet(struct va_source *s, int error)
{
    struct video *v = s->state;
    char why[512];

    if (va_libav_out_of_memory(error))
        return va_stream_failed(&v->in, "decode", error);
    return va_source_found_broken(
        s, s->path, "packet %lld (after frame %lld, %.3f s): broken: %s", (long long)v->packets,
        (long long)v->order.number, v->pts, va_libav_why(&v->in.log, error, why, sizeof(why)));
}

/* The end of the file, or a read that cannot go on. */
static int end_reading(struct va_source *s, int error, unsigned complaints)
{
    struct video *v = s->state;
    int64_t missing = va_stream_missing(&v->in);
    char why[512];

    v->read_all = true;
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
    return 0;
}

/* Read the next packet of the video stream: 1; 0 at the end; -1 after reporting. */
static int read_packet(struct va_source *s)
{
    struct video *v = s->state;
    int64_t at = -1;

    for (int errors = 0;;) {
        unsigned complaints = va_libav_complaints(&v->in.log);
        int error = av_read_frame(v->in.format, v->packet);

        if (error >= 0) {
            if (v->packet->stream_index == v->in.video->index)
                return 1;
            av_packet_unref(v->packet);
            continue;
        }
        if (error == AVERROR_EOF || v->in.bytes.failure || ++errors > ERRORS_IN_A_ROW ||
            (error != AVERROR(EAGAIN) && at == avio_tell(v->in.bytes.io)))
            return end_reading(s, error, complaints);
        at = avio_tell(v->in.bytes.io);
        if (error != AVERROR(EAGAIN) && broken_packet(s, error) < 0)
            return -1;
    }
}

/* Give the decoder a packet, or at the end the sign that there are no more. */
static int feed(struct va_source *s)
{
    struct video *v = s->state;
    AVPacket *p = v->packet;
    int got = read_packet(s), error;

    if (got < 0)
        return -1;
    if (got == 0) {
        error = avcodec_send_packet(v->codec, NULL);
        return error < 0 && error != AVERROR_EOF ? broken_packet(s, error) : 0;
    }
    v->packets++;
    if (!(p->flags & AV_PKT_FLAG_DISCARD) && p->pts != AV_NOPTS_VALUE)
        va_order_packet(&v->order, p->pts);
    error = p->flags & AV_PKT_FLAG_CORRUPT ? AVERROR_INVALIDDATA
                                           : avcodec_send_packet(v->codec, p);
    av_packet_unref(p);
    if (error >= 0 || error == AVERROR(EAGAIN)) /* EAGAIN cannot be: the decoder was empty */
        return 0;
    va_order_refused(&v->order);
    return broken_packet(s, error);
}

/* ---- frames ----------------------------------------------------------------------------- */

/* Number, time and rate of the frame that has come out. */
static void place(struct va_source *s, struct va_frame *out)
{
    struct video *v = s->state;
    int64_t time = v->frame->best_effort_timestamp;

    out->index = va_order_frame(&v->order, time);
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
    v->pts = out->pts;
    s->frame_count = v->order.number;
}

static int check_frame(struct va_source *s, const struct va_frame *out)
{
    struct video *v = s->state;
    char why[512];

    if (!v->frame->decode_error_flags && !(v->frame->flags & AV_FRAME_FLAG_CORRUPT))
        return 0;
    return va_source_found_broken(s, s->path, "frame %lld (%.3f s): its packet is damaged: %s",
                                  (long long)out->index, out->pts,
                                  va_libav_why(&v->in.log, 0, why, sizeof(why)));
}

static int finish(struct va_source *s)
{
    struct video *v = s->state;

    v->ended = true;
    if (v->read_all)
        va_order_end(&v->order);
    s->frame_count = v->order.number;
    if (!v->read_all && va_stream_frames(&v->in) > s->frame_count)
        s->frame_count = va_stream_frames(&v->in);
    return 0;
}

static int next(struct va_source *s, struct va_frame *out)
{
    struct video *v = s->state;

    while (!v->ended) {
        int error = avcodec_receive_frame(v->codec, v->frame);

        if (error == AVERROR_EOF || (error == AVERROR(EAGAIN) && v->read_all))
            return finish(s);
        if (error == AVERROR(EAGAIN)) {
            if (feed(s) < 0)
                return -1;
            continue;
        }
        if (error < 0) {
            va_order_refused(&v->order);
            if (broken_packet(s, error) < 0)
                return -1;
            continue;
        }
        place(s, out);
        if (out->index > VA_NUMBER_MAX)
            return va_error("%s: found more than %d frames", s->path, VA_NUMBER_MAX);
        if (check_frame(s, out) < 0)
            return -1;
        if (s->options.end > 0 && out->pts >= s->options.end)
            return finish(s);
        if (va_source_wants(s, out->index, out->pts))
            return va_rgb_convert(s->rgb, s->path, v->frame, va_libav_matrix(v->in.video),
                                  out) < 0
                       ? -1
                       : 1;
    }
    return 0;
}

/* ---- opening ---------------------------------------------------------------------------- */

static int open_decoder(struct va_source *s)
{
    struct video *v = s->state;
    const AVCodecParameters *p = v->in.video->codecpar;
    const AVCodec *codec = avcodec_find_decoder(p->codec_id);
    int threads = s->options.threads ? s->options.threads : va_threads_available(), error;

    if (!codec)
        return va_error("%s: found codec %s, for which libavcodec has no decoder here", s->path,
                        avcodec_get_name(p->codec_id));
    v->codec = avcodec_alloc_context3(codec);
    v->packet = av_packet_alloc();
    v->frame = av_frame_alloc();
    if (!v->codec || !v->packet || !v->frame)
        return va_error_machine("%s: out of memory", s->path);
    error = avcodec_parameters_to_context(v->codec, p);
    if (error < 0)
        return va_stream_failed(&v->in, "decode", error);
    if ((v->codec->width || v->codec->height) &&
        va_source_check_size(s->path, v->codec->width, v->codec->height) < 0)
        return -1;
    v->codec->opaque = &v->in.log;
    v->codec->pkt_timebase = v->in.video->time_base;
    va_decoder_plan(v->codec, threads);
    error = avcodec_open2(v->codec, codec, NULL);
    return error < 0 ? va_stream_failed(&v->in, "decode", error) : 0;
}

static void close_video(struct va_source *s)
{
    struct video *v = s->state;

    if (!v)
        return;
    av_packet_free(&v->packet);
    av_frame_free(&v->frame);
    avcodec_free_context(&v->codec);
    va_stream_close(&v->in);
    va_free(v);
}

static double rate(AVRational r)
{
    return r.num > 0 && r.den > 0 ? (double)r.num / r.den : 0;
}

int va_video_open(struct va_source *s)
{
    static const struct va_source_kind kind = { next, close_video };
    struct video *v = va_new(1, sizeof(*v));
    const AVStream *stream;
    int64_t frames;

    if (!v)
        return -1;
    s->kind = &kind;
    s->state = v;
    if (va_stream_open(&v->in, &s->input, s->path) < 0 || open_decoder(s) < 0)
        return -1;
    stream = v->in.video;
    s->fps = rate(stream->avg_frame_rate);
    if (s->fps == 0)
        s->fps = rate(stream->r_frame_rate);
    v->step = s->fps > 0 ? 1 / s->fps : 0;
    frames = va_stream_frames(&v->in);
    if (frames == 0 && v->in.format->duration > 0)
        frames = (int64_t)((double)v->in.format->duration / AV_TIME_BASE * s->fps);
    if (s->options.start == 0 && s->options.end == 0)
        s->expected = (frames + s->options.every - 1) / s->options.every;
    return 0;
}
