/*
 * A listener decodes packets and resamples them, in this process or in a worker (va_series_priv.h).
 *
 * Times of packets are rough in many formats (milliseconds in Matroska), while samples follow each other without a
 * seam. So samples are counted, and the time of a packet is believed only where it differs from the count
 * by more than a slack; the resampler then starts anew.
 */
#include "media/va_samples.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_decoder.h"
#include "media/va_series_priv.h"
#include "media/va_sound_priv.h"

#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>
#include <string.h>

enum { RATE_MIN = 1000, RATE_MAX = 768000, CHANNELS_MAX = 64 };
enum { ERRORS_IN_A_ROW = 1000, BLOCK_MAX = VA_SERIES_MAX / 2 / sizeof(float) };
static const double slack = 0.05, slack_hurt = 0.002; /* seconds; after a broken packet */

/* What the resampler was made for. */
struct format {
    int sample, rate, channels;
    uint64_t layout; /* 0: not known */
};

struct listener {
    const char *path;
    struct va_samples_options options;
    struct va_sound_reader reader;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    bool held; /* the frame waits until the resampler is empty */
    bool sent_all, ended, hurt;
    struct va_libav_log log;
    SwrContext *swr; /* NULL: the next frame begins anew */
    struct format format;
    int64_t packets, broken;
    double time;  /* seconds: of the next decoded sample, by count */
    int64_t next; /* number of the next sample that comes out */
    float *out;   /* [room] */
    int64_t room;
};

/* ---- packets ------------------------------------------------------------------------------ */

static int found_broken(struct listener *l, struct va_libav_log *log, int error)
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
static int read_packet(struct listener *l)
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
static int feed(struct listener *l)
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
static struct format format_of(const AVFrame *f)
{
    return (struct format){ .sample = f->format,
                            .rate = f->sample_rate,
                            .channels = f->ch_layout.nb_channels,
                            .layout = f->ch_layout.order == AV_CHANNEL_ORDER_NATIVE
                                          ? f->ch_layout.u.mask
                                          : 0 };
}

static SwrContext *new_resampler(const struct format *f, int rate)
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
static struct format format_of(const AVFrame *f)
{
    return (struct format){ f->format, f->sample_rate, f->channels, f->channel_layout };
}

static SwrContext *new_resampler(const struct format *f, int rate)
{
    int64_t in = f->layout ? (int64_t)f->layout : av_get_default_channel_layout(f->channels);

    return swr_alloc_set_opts(NULL, AV_CH_LAYOUT_MONO, AV_SAMPLE_FMT_FLT, rate, in,
                              (enum AVSampleFormat)f->sample, f->rate, 0, NULL);
}
#endif

/* Begin anew, with a frame at l->time. */
static int open_resampler(struct listener *l, const struct format *f)
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
static int resample(struct listener *l, const uint8_t **data, int count,
                    struct va_samples_block *b)
{
    int64_t most = swr_get_out_samples(l->swr, count);
    uint8_t *out;
    int n;

    if (most < 0 || most > BLOCK_MAX)
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
    for (int i = 0; i < n; i++)
        l->out[i] = isfinite(l->out[i]) ? fminf(fmaxf(l->out[i], -1), 1) : 0;
    *b = (struct va_samples_block){ .samples = l->out, .count = n, .first = l->next };
    l->next += n;
    return n > 0;
}

/* What is left in the resampler, which ends. */
static int flush(struct listener *l, struct va_samples_block *b)
{
    int got = l->swr ? resample(l, NULL, 0, b) : 0;

    swr_free(&l->swr);
    return got;
}

/* ---- frames of sound ---------------------------------------------------------------------- */

static bool is_same(const struct format *a, const struct format *b)
{
    return a->sample == b->sample && a->rate == b->rate && a->channels == b->channels &&
           a->layout == b->layout;
}

/* When the frame in l->frame begins: by the file, or by the count where the file does not say. */
static double time_of(const struct listener *l)
{
    int64_t time = l->frame->best_effort_timestamp;
    AVRational unit = l->reader.stream->time_base;

    return time == AV_NOPTS_VALUE ? l->time : (double)time * unit.num / unit.den;
}

/* 1 and a block, 0: nothing came out, -1. */
static int take_frame(struct listener *l, struct va_samples_block *b)
{
    const AVFrame *f = l->frame;
    const struct format now = format_of(f);
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

static int listen(struct listener *l, struct va_samples_block *b)
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
        } else {
            got = error == AVERROR(EAGAIN) ? feed(l) : found_broken(l, &l->log, error);
        }
        if (got)
            return got;
    }
    return 0;
}

static int open_codec(struct listener *l)
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

/* 1, 0: no sound, -1. Close it in any case. */
static int open_listener(struct listener *l, const char *path, struct va_bytes_input *input,
                         const struct va_samples_options *options)
{
    *l = (struct listener){ .path = path, .options = *options, .next = INT64_MIN };
    va_libav_quiet();
    if (va_sound_reader_open(&l->reader, input, path) < 0)
        return -1;
    return l->reader.stream ? open_codec(l) : 0;
}

static void close_listener(struct listener *l)
{
    swr_free(&l->swr);
    avcodec_free_context(&l->codec);
    av_packet_free(&l->packet);
    av_frame_free(&l->frame);
    va_stream_close(&l->reader.in);
    va_free(l->out);
}

/* ---- in the worker ------------------------------------------------------------------------ */

struct setup {
    struct va_samples_options options;
    int64_t size;
    char path[VA_TEXT];
};

struct head {
    int64_t first, count;
};

/* A block without samples says that there is sound. */
static void listen_all(struct va_side *side, const void *args)
{
    const struct setup *u = args;
    struct va_bytes_input input = { .fd = VA_WORKER_INPUT, .spool = -1, .size = u->size };
    struct va_samples_block b;
    struct listener l;
    int got = open_listener(&l, u->path, &input, &u->options);

    if (got > 0)
        va_series_post(side, &(struct head){ 0 }, sizeof(struct head), NULL, 0);
    while (got > 0 && (got = listen(&l, &b)) > 0)
        va_series_post(side, &(struct head){ b.first, b.count }, sizeof(struct head), b.samples,
                       b.count * (int64_t)sizeof(float));
    va_side_post(side, (struct va_record){ .kind = got < 0 ? VA_RECORD_FAILED : VA_RECORD_END },
                 NULL, NULL);
}

/* ---- here --------------------------------------------------------------------------------- */

struct va_samples {
    char *path;
    struct listener listener; /* in this process (here), or */
    struct va_series series;  /* in a worker */
    bool here;
    int64_t next; /* least number of the next sample */
};

static int next_there(struct va_samples *s, struct va_samples_block *b)
{
    struct head h;
    const uint8_t *slot;
    int got = va_series_next(&s->series, sizeof(h), &slot);

    if (got <= 0)
        return got;
    memcpy(&h, slot, sizeof(h));
    if (h.count < 0 || h.count > BLOCK_MAX || h.first < s->next || h.first > INT64_MAX / 2 ||
        !va_series_holds(&s->series, sizeof(h), h.count * (int64_t)sizeof(float),
                         VA_SERIES_MAX))
        return va_worker_senseless(s->series.worker);
    *b = (struct va_samples_block){ .samples = (const float *)(const void *)(slot + sizeof(h)),
                                    .count = h.count,
                                    .first = h.first };
    if (h.count > 0)
        s->next = h.first + h.count;
    return 1;
}

static int open_there(struct va_samples *s, struct va_bytes_input *input,
                      const struct va_samples_options *options)
{
    struct setup *u = va_new(1, sizeof(*u));
    struct va_samples_block none;
    const struct va_worker_start start = {
        .job = listen_all,
        .args = u,
        .args_size = sizeof(*u),
        .input = input->fd,
        .spool = -1,
        .memory = va_decoder_memory(1, VA_SIDE_MAX, VA_PIXELS_MAX / VA_SIDE_MAX),
        .name = s->path,
    };

    _Static_assert(sizeof(*u) <= VA_WORKER_ARGS, "arguments of a job");
    if (!u)
        return -1;
    u->options = *options;
    u->size = input->size;
    strncat(u->path, s->path, sizeof(u->path) - 1);
    s->series.worker = va_worker_new(&start);
    va_free(u);
    return s->series.worker ? next_there(s, &none) : -1;
}

int va_samples_open(struct va_samples **samples, const char *path,
                    const struct va_samples_options *options)
{
    struct va_samples *s = va_new(1, sizeof(*s));
    struct va_bytes_input input = { .fd = -1, .spool = -1 };
    int result = -1;

    *samples = NULL;
    if (!s || !(s->path = va_strdup(path)) || va_bytes_find(&input, path) < 0)
        goto done;
    s->next = INT64_MIN;
    s->here = !va_worker_confined();
    result = s->here ? open_listener(&s->listener, s->path, &input, options)
                     : open_there(s, &input, options);
done:
    va_bytes_leave(&input);
    if (result == 1)
        *samples = s;
    else
        va_samples_close(s);
    return result;
}

void va_samples_close(struct va_samples *s)
{
    if (!s)
        return;
    va_worker_free(s->series.worker);
    if (s->here)
        close_listener(&s->listener);
    va_free(s->path);
    va_free(s);
}

int va_samples_next(struct va_samples *s, struct va_samples_block *block)
{
    return s->here ? listen(&s->listener, block) : next_there(s, block);
}
