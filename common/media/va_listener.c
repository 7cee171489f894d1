#include "media/va_listener_priv.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_decoder.h"

#include <libavutil/opt.h>
#include <math.h>
#include <string.h>

enum { RATE_MIN = 1000, RATE_MAX = 768000, CHANNELS_MAX = 64 };
enum { ERRORS_IN_A_ROW = 1000 };
static const double slack = 0.05, slack_hurt = 0.002; /* seconds; after a broken packet */

/* ---- packets ------------------------------------------------------------------------------ */

static int found_broken(struct va_listener *l, struct va_libav_log *log, int error)
{
    char why[512];

    va_libav_why(log, error, why, sizeof(why));
    if (va_mem_short())
        return va_error_memory("%s: out of memory", l->path);
    l->hurt = true;
    if (++l->broken <= l->options.tolerate) {
        va_warn("%s: sound: packet %lld (%.3f s): broken: %s", l->path, (long long)l->packets,
                l->time, why);
        return 0;
    }
    return va_error("%s: sound: packet %lld (%.3f s): broken: %s; found %lld broken, expected "
                    "at most %lld (--tolerate)",
                    l->path, (long long)l->packets, l->time, why, (long long)l->broken,
                    (long long)l->options.tolerate);
}

/* 1, 0 at the end of the file, -1. */
static int read_packet(struct va_listener *l)
{
    struct va_sound_reader *r = &l->reader;
    int64_t at = -1;

    for (int errors = 0;;) {
        int error = av_read_frame(r->in.format, l->packet);

        va_worker_progress();
        if (error >= 0 && l->packet->stream_index == r->stream->index && l->packet->size > 0)
            return 1;
        av_packet_unref(l->packet);
        if (error >= 0)
            continue;
        if (r->in.bytes.failure)
            return va_stream_failed(&r->in, "read", error);
        if (error == AVERROR_EOF || ++errors > ERRORS_IN_A_ROW ||
            at == avio_tell(r->in.bytes.io))
            return 0;
        at = avio_tell(r->in.bytes.io);
        if (found_broken(l, &r->in.log, error) < 0)
            return -1;
    }
}

/* Give the decoder a packet, or the sign that there are no more. */
static int feed(struct va_listener *l)
{
    AVPacket *p = l->packet;
    int got = read_packet(l), error;

    if (got < 0)
        return -1;
    if (got == 0) {
        l->sent_all = true;
        error = avcodec_send_packet(l->codec, NULL);
        return error < 0 && error != AVERROR_EOF ? found_broken(l, &l->log, error) : 0;
    }
    l->packets++;
    l->reader.clock.step = (double)p->duration;
    va_clock_packet(&l->reader.clock, &p->pts, &p->dts, true);
    error = avcodec_send_packet(l->codec, p);
    av_packet_unref(p);
    return error < 0 && error != AVERROR(EAGAIN) ? found_broken(l, &l->log, error) : 0;
}

/* ---- the resampler ------------------------------------------------------------------------ */

#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100) /* layouts of channels are structs */
static struct va_listener_format format_of(const AVFrame *f)
{
    return (struct va_listener_format){ .sample = f->format,
                                        .rate = f->sample_rate,
                                        .channels = f->ch_layout.nb_channels,
                                        .layout = f->ch_layout.order == AV_CHANNEL_ORDER_NATIVE
                                                      ? f->ch_layout.u.mask
                                                      : 0 };
}

static SwrContext *new_resampler(const struct va_listener_format *f, int rate)
{
    AVChannelLayout in = { 0 }, out = AV_CHANNEL_LAYOUT_MONO;
    SwrContext *swr = NULL;

    if (f->layout)
        av_channel_layout_from_mask(&in, f->layout);
    else
        av_channel_layout_default(&in, f->channels);
    (void)swr_alloc_set_opts2(&swr, &out, AV_SAMPLE_FMT_FLT, rate, &in,
                              (enum AVSampleFormat)f->sample, f->rate, 0, NULL);
    av_channel_layout_uninit(&in);
    return swr;
}
#else
static struct va_listener_format format_of(const AVFrame *f)
{
    return (struct va_listener_format){ f->format, f->sample_rate, f->channels,
                                        f->channel_layout };
}

static SwrContext *new_resampler(const struct va_listener_format *f, int rate)
{
    int64_t in = f->layout ? (int64_t)f->layout : av_get_default_channel_layout(f->channels);

    return swr_alloc_set_opts(NULL, AV_CH_LAYOUT_MONO, AV_SAMPLE_FMT_FLT, rate, in,
                              (enum AVSampleFormat)f->sample, f->rate, 0, NULL);
}
#endif

/* Begin anew, with a frame at l->time. */
static int open_resampler(struct va_listener *l, const struct va_listener_format *f)
{
    double at = l->time * (double)l->options.rate;
    int64_t begin;
    int error;

    if (f->rate < RATE_MIN || f->rate > RATE_MAX || f->channels < 1 ||
        f->channels > CHANNELS_MAX)
        return va_error("%s: sound: found %d channels of %d samples/s, expected 1 to %d of %d "
                        "to %d",
                        l->path, f->channels, f->rate, CHANNELS_MAX, RATE_MIN, RATE_MAX);
    if (!(fabs(at) < (double)INT64_MAX / 4))
        return va_error("%s: sound: found a time of %g s, expected one of a video", l->path,
                        l->time);
    l->swr = new_resampler(f, (int)l->options.rate);
    if (!l->swr)
        return va_error_memory("%s: out of memory", l->path);
    av_opt_set_double(l->swr, "rematrix_maxval", 1, 0);
    error = swr_init(l->swr);
    if (error < 0 && va_mem_short())
        return va_error_memory("%s: out of memory", l->path);
    if (error < 0)
        return va_error("%s: sound: found %d channels in no order that can be mixed", l->path,
                        f->channels);
    l->format = *f;
    begin = llround(at); /* as near as this to what came before: without a hole */
    if (l->next == INT64_MIN ||
        (double)begin > (double)l->next + slack_hurt * (double)l->options.rate)
        l->next = begin;
    return 0;
}

/* Resample `count` samples of `data` (NULL: what is left in the resampler) into the block. Returns whether
 * any came out, or -1. */
static int resample(struct va_listener *l, const uint8_t **data, int count,
                    struct va_samples_block *b)
{
    int64_t most = swr_get_out_samples(l->swr, count);
    uint8_t *out;
    int n;

    if (most < 0 || most > VA_LISTENER_BLOCK)
        return va_error("%s: sound: found a packet of %d samples, which is too long", l->path,
                        count);
    if (most == 0)
        most = 1;
    if (va_grow(&l->out, &l->room, most, sizeof(*l->out)) < 0)
        return -1;
    out = (uint8_t *)l->out;
    n = swr_convert(l->swr, &out, (int)most, data, count);
    if (n < 0)
        return va_error_memory("%s: out of memory", l->path);
    for (int i = 0; i < n; i++) {
        l->senseless += !isfinite(l->out[i]);
        l->out[i] = isfinite(l->out[i]) ? fminf(fmaxf(l->out[i], -1), 1) : 0;
    }
    *b = (struct va_samples_block){ .samples = l->out, .count = n, .first = l->next };
    l->next += n;
    return n > 0;
}

/* What is left in the resampler, which ends. */
static int flush(struct va_listener *l, struct va_samples_block *b)
{
    int got = l->swr ? resample(l, NULL, 0, b) : 0;

    swr_free(&l->swr);
    return got;
}

/* ---- frames of sound ---------------------------------------------------------------------- */

static bool is_same(const struct va_listener_format *a, const struct va_listener_format *b)
{
    return a->sample == b->sample && a->rate == b->rate && a->channels == b->channels &&
           a->layout == b->layout;
}

/* When the frame in l->frame begins: by the file, or by the count where the file does not say. */
static double time_of(const struct va_listener *l)
{
    int64_t time = l->frame->best_effort_timestamp;
    AVRational unit = l->reader.stream->time_base;

    return time == AV_NOPTS_VALUE ? l->time : (double)time * unit.num / unit.den;
}

/* 1 and a block, 0: nothing came out, -1. */
static int take_frame(struct va_listener *l, struct va_samples_block *b)
{
    const AVFrame *f = l->frame;
    const struct va_listener_format now = format_of(f);
    double time = time_of(l);
    bool same = is_same(&now, &l->format) &&
                fabs(time - l->time) <= (l->hurt ? slack_hurt : slack);

    l->held = l->swr && !same;
    if (l->held)
        return flush(l, b);
    if (!l->swr) {
        if (fabs(time - l->time) > slack || l->hurt || l->next == INT64_MIN)
            l->time = time;
        if (l->next != INT64_MIN && f->sample_rate > 0 &&
            (time + (double)f->nb_samples / f->sample_rate) * (double)l->options.rate <
                (double)l->next)
            return 0; /* it was heard already */
        if (open_resampler(l, &now) < 0)
            return -1;
    }
    l->hurt = false;
    l->time += (double)f->nb_samples / f->sample_rate;
    return resample(l, (const uint8_t **)f->extended_data, f->nb_samples, b);
}

int va_listener_next(struct va_listener *l, struct va_samples_block *b)
{
    while (!l->ended) {
        int error = 0, got = 0;

        if (!l->held)
            error = avcodec_receive_frame(l->codec, l->frame);
        if (error >= 0) {
            got = take_frame(l, b);
        } else if (error == AVERROR_EOF || (error == AVERROR(EAGAIN) && l->sent_all)) {
            l->ended = true;
            got = flush(l, b);
            if (l->senseless)
                va_warn("%s: sound: %lld %s: silence instead", l->path, (long long)l->senseless,
                        l->senseless == 1 ? "sample is no finite number"
                                          : "samples are no finite numbers");
        } else {
            got = error == AVERROR(EAGAIN) ? feed(l) : found_broken(l, &l->log, error);
        }
        if (got)
            return got;
    }
    return 0;
}

static int open_codec(struct va_listener *l)
{
    const AVCodecParameters *p = l->reader.stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(p->codec_id);
    int error;

    if (!codec)
        return va_error("%s: sound: found codec %s, for which libavcodec has no decoder here",
                        l->path, avcodec_get_name(p->codec_id));
    l->codec = avcodec_alloc_context3(codec);
    l->packet = av_packet_alloc();
    l->frame = av_frame_alloc();
    if (!l->codec || !l->packet || !l->frame)
        return va_error_memory("%s: out of memory", l->path);
    error = avcodec_parameters_to_context(l->codec, p);
    l->codec->opaque = &l->log;
    l->codec->pkt_timebase = l->reader.stream->time_base;
    l->codec->thread_count = 1;
    if (error >= 0)
        error = avcodec_open2(l->codec, codec, NULL);
    if (error >= 0)
        return 1;
    return va_stream_failed(&l->reader.in, "decode the sound", error);
}

int va_listener_open(struct va_listener *l, const char *path, struct va_bytes_input *input,
                     const struct va_samples_options *options)
{
    *l = (struct va_listener){ .path = path, .options = *options, .next = INT64_MIN };
    va_libav_quiet();
    if (va_sound_reader_open(&l->reader, input, path, options->track) < 0)
        return -1;
    return l->reader.stream ? open_codec(l) : 0;
}

void va_listener_close(struct va_listener *l)
{
    swr_free(&l->swr);
    avcodec_free_context(&l->codec);
    av_packet_free(&l->packet);
    av_frame_free(&l->frame);
    va_stream_close(&l->reader.in);
    va_free(l->out);
}
