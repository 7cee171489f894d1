/*
 * One reader of packets, and two ways to it: in this process, or in a worker that puts them into slots
 * (va_series_priv.h). The first slot holds what is needed to decode them.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "media/va_decoder.h"
#include "media/va_series_priv.h"
#include "media/va_sound_priv.h"

#include <string.h>

enum { EXTRA_MAX = 1 << 20, PACKET_MAX = VA_SERIES_MAX }; /* bytes */

/* ---- reading ---------------------------------------------------------------------------- */

/* The stream that is asked for, or the one that belongs to the pictures. Its index; -1: there is none; -2 after
 * reporting. */
static int choose_track(const struct va_sound_reader *r, const char *path, int64_t track)
{
    const AVFormatContext *format = r->in.format;
    int best = av_find_best_stream(r->in.format, AVMEDIA_TYPE_AUDIO, -1, r->in.video->index,
                                   NULL, 0);
    int64_t count = 0, taken = 0;
    const AVDictionaryEntry *language;

    for (int i = 0; i < (int)format->nb_streams; i++) {
        if (format->streams[i]->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        if (++count == track)
            return i;
        if (i == best)
            taken = count;
    }
    if (track > 0 && count > 0)
        return va_error("%s: found %lld stream%s of sound, expected at least %lld (--track)",
                        path, (long long)count, va_plural(count), (long long)track),
               -2;
    if (track == 0 && count > 1 && best >= 0) {
        language = av_dict_get(format->streams[best]->metadata, "language", NULL, 0);
        va_warn(
            "%s: found %lld streams of sound: %lld is taken (%s, language %.16s); --track N "
            "takes another",
            path, (long long)count, (long long)taken,
            avcodec_get_name(format->streams[best]->codecpar->codec_id),
            language ? language->value : "not known");
    }
    return best < 0 ? -1 : best;
}

int va_sound_reader_open(struct va_sound_reader *r, struct va_bytes_input *input,
                         const char *path, int64_t track)
{
    int found;

    r->next = AV_NOPTS_VALUE;
    if (va_stream_open(&r->in, input, path, false) < 0)
        return -1;
    found = choose_track(r, path, track);
    if (found < 0)
        return found == -1 ? 0 : -1;
    r->stream = r->in.format->streams[found];
    r->stream->discard = AVDISCARD_DEFAULT;
    r->in.video->discard = AVDISCARD_ALL;
    r->clock.second = av_rescale_q(1, (AVRational){ 1, 1 }, r->stream->time_base);
    r->clock.jumps = r->in.format->iformat->flags & AVFMT_TS_DISCONT;
    return 0;
}

/* Times that ascend: those of the file, moved where its clock starts again. */
static void set_times(struct va_sound_reader *r, AVPacket *p)
{
    r->clock.step = (double)p->duration;
    va_clock_packet(&r->clock, &p->pts, &p->dts, true);
    if (p->dts == AV_NOPTS_VALUE)
        p->dts = p->pts;
    if (p->dts == AV_NOPTS_VALUE || (r->next != AV_NOPTS_VALUE && p->dts < r->next))
        p->dts = r->next == AV_NOPTS_VALUE ? 0 : r->next;
    p->pts = p->dts; /* sound is played in the order in which it is stored */
    r->next = p->dts + 1;
}

/* 1, 0 at the end. What is damaged ends it: the pictures have the same file, and tell. */
static int read_sound(struct va_sound_reader *r, AVPacket *p)
{
    while (av_read_frame(r->in.format, p) >= 0) {
        if (p->stream_index == r->stream->index && p->size > 0) {
            set_times(r, p);
            return 1;
        }
        av_packet_unref(p);
    }
    return 0;
}

/* ---- in slots --------------------------------------------------------------------------- */

struct codec_slot {
    int codec, profile, format, bits_coded, bits_raw, rate, channels, block_align, frame_size,
        padding, trailing, preroll;
    AVRational time_base;
    int64_t bit_rate;
    uint64_t layout;
    int64_t extra; /* bytes that follow */
};

struct packet_slot {
    int64_t pts, dts, duration;
    int flags;
    int64_t size; /* bytes that follow */
};

#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100) /* layouts of channels are structs */
static void get_channels(struct codec_slot *s, const AVCodecParameters *c)
{
    s->channels = c->ch_layout.nb_channels;
    s->layout = c->ch_layout.order == AV_CHANNEL_ORDER_NATIVE ? c->ch_layout.u.mask : 0;
}

static void put_channels(AVCodecParameters *c, const struct codec_slot *s)
{
    if (!s->layout || av_channel_layout_from_mask(&c->ch_layout, s->layout) < 0 ||
        c->ch_layout.nb_channels != s->channels) {
        av_channel_layout_uninit(&c->ch_layout);
        c->ch_layout.order = AV_CHANNEL_ORDER_UNSPEC;
        c->ch_layout.nb_channels = s->channels;
    }
}
#else
static void get_channels(struct codec_slot *s, const AVCodecParameters *c)
{
    s->channels = c->channels;
    s->layout = c->channel_layout;
}

static void put_channels(AVCodecParameters *c, const struct codec_slot *s)
{
    c->channels = s->channels;
    c->channel_layout = s->layout;
}
#endif

static void post_codec(struct va_side *side, const AVStream *stream)
{
    const AVCodecParameters *c = stream->codecpar;
    struct codec_slot s = {
        .codec = c->codec_id,
        .profile = c->profile,
        .format = c->format,
        .bits_coded = c->bits_per_coded_sample,
        .bits_raw = c->bits_per_raw_sample,
        .rate = c->sample_rate,
        .block_align = c->block_align,
        .frame_size = c->frame_size,
        .padding = c->initial_padding,
        .trailing = c->trailing_padding,
        .preroll = c->seek_preroll,
        .time_base = stream->time_base,
        .bit_rate = c->bit_rate,
        .extra = c->extradata_size < EXTRA_MAX ? c->extradata_size : 0,
    };

    get_channels(&s, c);
    va_series_post(side, &s, sizeof(s), c->extradata, s.extra);
}

struct setup {
    int64_t size;
    char path[VA_TEXT];
};

static void read_all(struct va_side *side, const void *args)
{
    const struct setup *u = args;
    struct va_bytes_input input = { .fd = VA_WORKER_INPUT, .spool = -1, .size = u->size };
    struct va_sound_reader r = { 0 };
    struct va_record end = { .kind = VA_RECORD_FAILED };
    AVPacket *p = av_packet_alloc();

    va_libav_quiet();
    if (p && va_sound_reader_open(&r, &input, u->path, VA_SOUND_ITS_OWN) == 0) {
        if (r.stream)
            post_codec(side, r.stream);
        while (r.stream && read_sound(&r, p) > 0) {
            const struct packet_slot s = { p->pts, p->dts, p->duration, p->flags, p->size };

            va_series_post(side, &s, sizeof(s), p->data, p->size);
            av_packet_unref(p);
        }
        end.kind = VA_RECORD_END;
    }
    va_side_post(side, end, NULL, NULL);
}

/* ---- the sound -------------------------------------------------------------------------- */

struct va_sound {
    char *path;
    struct va_sound_reader reader; /* in this process (here), or */
    struct va_series series;       /* in a worker */
    bool here;
    AVCodecParameters *codec;
    AVRational time_base;
    AVPacket *packet;
};

/* What the worker says of the codec: its word is not enough. */
static int take_codec(struct va_sound *s)
{
    struct codec_slot c;
    const uint8_t *slot;
    int got = va_series_next(&s->series, sizeof(c), &slot);

    if (got <= 0)
        return got;
    memcpy(&c, slot, sizeof(c));
    if (!va_series_holds(&s->series, sizeof(c), c.extra, EXTRA_MAX) || c.time_base.num <= 0 ||
        c.time_base.den <= 0 || c.rate <= 0 || c.channels <= 0 || c.channels > 64)
        return va_worker_senseless(s->series.worker);
    s->time_base = c.time_base;
    s->codec->codec_type = AVMEDIA_TYPE_AUDIO;
    s->codec->codec_id = (enum AVCodecID)c.codec;
    s->codec->profile = c.profile;
    s->codec->format = c.format;
    s->codec->bits_per_coded_sample = c.bits_coded;
    s->codec->bits_per_raw_sample = c.bits_raw;
    s->codec->sample_rate = c.rate;
    s->codec->block_align = c.block_align;
    s->codec->frame_size = c.frame_size;
    s->codec->initial_padding = c.padding;
    s->codec->trailing_padding = c.trailing;
    s->codec->seek_preroll = c.preroll;
    s->codec->bit_rate = c.bit_rate;
    put_channels(s->codec, &c);
    if (c.extra == 0) /* none is not the same as one of no bytes */
        return 1;
    s->codec->extradata = av_mallocz((size_t)c.extra + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!s->codec->extradata)
        return va_error_memory("%s: out of memory", s->path);
    s->codec->extradata_size = (int)c.extra;
    memcpy(s->codec->extradata, slot + sizeof(c), (size_t)c.extra);
    return 1;
}

static int take_packet(struct va_sound *s)
{
    struct packet_slot p;
    const uint8_t *slot;
    int got = va_series_next(&s->series, sizeof(p), &slot);

    if (got <= 0)
        return got;
    memcpy(&p, slot, sizeof(p));
    if (p.size == 0 || !va_series_holds(&s->series, sizeof(p), p.size, PACKET_MAX))
        return va_worker_senseless(s->series.worker);
    if (av_new_packet(s->packet, (int)p.size) < 0)
        return va_error_memory("%s: out of memory", s->path);
    memcpy(s->packet->data, slot + sizeof(p), (size_t)p.size);
    s->packet->pts = p.pts;
    s->packet->dts = p.dts;
    s->packet->duration = p.duration;
    s->packet->flags = p.flags;
    return 1;
}

static int open_here(struct va_sound *s, struct va_bytes_input *input)
{
    s->here = true;
    va_libav_quiet();
    if (va_sound_reader_open(&s->reader, input, s->path, VA_SOUND_ITS_OWN) < 0)
        return -1;
    if (!s->reader.stream)
        return 0;
    s->time_base = s->reader.stream->time_base;
    return avcodec_parameters_copy(s->codec, s->reader.stream->codecpar) < 0
               ? va_error_memory("%s: out of memory", s->path)
               : 1;
}

static int open_there(struct va_sound *s, struct va_bytes_input *input)
{
    struct setup *u = va_new(1, sizeof(*u));
    int status;

    _Static_assert(sizeof(*u) <= VA_WORKER_ARGS, "arguments of a job");
    if (!u)
        return -1;
    u->size = input->size;
    strncat(u->path, s->path, sizeof(u->path) - 1);
    status = va_series_start(&s->series, read_all, u, sizeof(*u), input, s->path);
    va_free(u);
    return status == 0 ? take_codec(s) : -1;
}

int va_sound_open(struct va_sound **sound, const char *path)
{
    struct va_sound *s = va_new(1, sizeof(*s));
    struct va_bytes_input input = { .fd = -1, .spool = -1 };
    int result = -1;

    *sound = NULL;
    if (!s || !(s->path = va_strdup(path)) || va_bytes_find(&input, path) < 0)
        goto done;
    s->codec = avcodec_parameters_alloc();
    s->packet = av_packet_alloc();
    if (!s->codec || !s->packet)
        va_error_memory("%s: out of memory", path);
    else
        result = va_worker_confined() ? open_there(s, &input) : open_here(s, &input);
done:
    va_bytes_leave(&input);
    if (result == 1)
        *sound = s;
    else
        va_sound_close(s);
    return result;
}

void va_sound_close(struct va_sound *s)
{
    if (!s)
        return;
    va_worker_free(s->series.worker);
    if (s->here)
        va_stream_close(&s->reader.in);
    avcodec_parameters_free(&s->codec);
    av_packet_free(&s->packet);
    va_free(s->path);
    va_free(s);
}

int va_sound_next(struct va_sound *s, AVPacket **packet)
{
    *packet = s->packet;
    av_packet_unref(s->packet);
    return s->series.worker ? take_packet(s) : read_sound(&s->reader, s->packet);
}

const AVCodecParameters *va_sound_codec(const struct va_sound *s)
{
    return s->codec;
}

AVRational va_sound_time_base(const struct va_sound *s)
{
    return s->time_base;
}

const char *va_sound_path(const struct va_sound *s)
{
    return s->path;
}
