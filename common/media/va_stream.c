/*
 * The libraries read through our own callbacks (va_bytes), for files too: a path is then never
 * taken for a URL or a pattern, and a failed read keeps its errno. What a container refers to
 * outside itself (playlists, session descriptions) is not opened.
 */
#include "media/va_stream_priv.h"

#include "base/va_error.h"
#include <errno.h>
#include <libavutil/avstring.h>

enum { STREAMS_MAX = 128 };

static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options)
{
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

int va_stream_failed(struct va_stream *s, const char *verb, int error)
{
    char why[512];

    if (s->bytes.failure) {
        errno = s->bytes.failure;
        return va_error_read(s->path, "read");
    }
    va_libav_why(&s->log, error, why, sizeof(why));
    if (va_libav_out_of_memory(error) || error == AVERROR(EAGAIN)) /* no thread could start */
        return va_error_machine("%s: cannot %s: %s", s->path, verb, why);
    return va_error("%s: cannot %s: %s", s->path, verb, why);
}

/* Let the libraries look at the first packets; decoders that they open keep to our limits. */
static int look_inside(struct va_stream *s)
{
    unsigned n = s->format->nb_streams;
    AVDictionary **options = n ? av_calloc(n, sizeof(*options)) : NULL;
    int error = n && !options ? AVERROR(ENOMEM) : 0;

    for (unsigned i = 0; options && i < n; i++) {
        av_dict_set_int(&options[i], "max_pixels", VA_PIXELS_MAX, 0);
        av_dict_set(&options[i], "threads", "1", 0);
    }
    if (error >= 0)
        error = avformat_find_stream_info(s->format, options);
    for (unsigned i = 0; options && i < n; i++)
        av_dict_free(&options[i]);
    av_free(options);
    return error;
}

/* The best video stream that is not the cover of an album. */
static int choose_stream(struct va_stream *s)
{
    int best = av_find_best_stream(s->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);

    for (unsigned i = 0; i < s->format->nb_streams; i++) {
        AVStream *stream = s->format->streams[i];

        stream->discard = AVDISCARD_ALL;
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO ||
            stream->disposition & AV_DISPOSITION_ATTACHED_PIC)
            continue;
        if (!s->video || (int)i == best)
            s->video = stream;
    }
    if (!s->video)
        return va_error("%s: found no video stream in this file of format %s", s->path,
                        s->format->iformat->name);
    s->video->discard = AVDISCARD_DEFAULT;
    return 0;
}

/* Formats that are lists of other files, or text as a picture. */
static const char *const refused[] = { "hls", "concat", "dash", "imf", "sdp", "rtsp", "tty" };

static int open_format(struct va_stream *s)
{
    const AVInputFormat *found = NULL;
    AVDictionary *options = NULL;
    int error = av_probe_input_buffer2(s->bytes.io, &found, NULL, s->format, 0, 0);

    for (size_t i = 0; error >= 0 && i < VA_COUNT(refused); i++)
        if (av_match_name(refused[i], found->name))
            return va_error("%s: found a file of format %s, expected a video", s->path,
                            found->name);
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    av_dict_set_int(&options, "max_streams", STREAMS_MAX, 0);
    if (error >= 0) /* frees s->format and makes it NULL on failure */
        error = avformat_open_input(&s->format, NULL, found, &options);
    av_dict_free(&options);
    if (error >= 0)
        error = look_inside(s);
    return error < 0 ? va_stream_failed(s, "read as a video", error) : 0;
}

int va_stream_open(struct va_stream *s, struct va_bytes_input *input, const char *shown)
{
    s->path = shown;
    if (va_bytes_open(&s->bytes, input, shown) < 0)
        return -1;
    s->format = avformat_alloc_context();
    if (!s->format)
        return va_error_machine("%s: out of memory", s->path);
    s->format->pb = s->bytes.io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    s->format->opaque = &s->log;
    s->format->io_open = refuse_open;
    if (open_format(s) < 0)
        return -1;
    return choose_stream(s);
}

void va_stream_close(struct va_stream *s)
{
    avformat_close_input(&s->format);
    va_bytes_close(&s->bytes);
}

int64_t va_stream_frames(const struct va_stream *s)
{
    int entries = avformat_index_get_entries_count(s->video);
    int64_t shown = 0;

    if (s->video->nb_frames <= 0 || entries < s->video->nb_frames)
        return s->video->nb_frames > 0 ? s->video->nb_frames : 0;
    for (int i = 0; i < entries; i++)
        if (!(avformat_index_get_entry(s->video, i)->flags & AVINDEX_DISCARD_FRAME))
            shown++;
    return shown;
}

int64_t va_stream_missing(const struct va_stream *s)
{
    int entries = avformat_index_get_entries_count(s->video);
    int64_t end = va_bytes_end(&s->bytes), missing = 0;

    for (int i = 0; i < entries; i++) {
        const AVIndexEntry *e = avformat_index_get_entry(s->video, i);

        if (e->size > 0 && e->pos > end - e->size)
            missing++;
    }
    return missing;
}
