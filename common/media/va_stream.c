/*
 * The libraries read through our own callbacks (va_bytes), for files too: a path is then never
 * taken for a URL or a pattern, and a failed read keeps its errno. What a container refers to
 * outside itself (playlists, session descriptions) is not opened.
 */
#include "media/va_stream_priv.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_camera_priv.h"
#include <errno.h>
#include <libavutil/avstring.h>
#include <time.h>

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
    if (s->camera)
        return va_error_machine("%s: cannot %s: %s", s->path, verb, why);
    if (va_mem_short())
        return va_error_memory("%s: cannot %s: out of memory", s->path, verb);
    if (error == AVERROR(EAGAIN)) /* no thread could start */
        return va_error_machine("%s: cannot %s: %s", s->path, verb, why);
    return va_error("%s: cannot %s: %s", s->path, verb, why);
}

static bool is_one_of(const AVInputFormat *format, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (av_match_name(names[i], format->name))
            return true;
    return false;
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

/* Formats whose packets follow each other with nothing but small heads between them. */
static const char *const tiling[] = { "ogg", "flv" };
/* Formats with a length in their head, which is that of the longest stream. */
static const char *const timed[] = { "ogg", "flv", "matroska", "asf", "avi" };

/* The best video stream that is not the cover of an album. */
static int choose_stream(struct va_stream *s)
{
    int best = av_find_best_stream(s->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    bool all = is_one_of(s->format->iformat, timed, VA_COUNT(timed));

    for (unsigned i = 0; i < s->format->nb_streams; i++) {
        AVStream *stream = s->format->streams[i];

        stream->discard = all ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO ||
            stream->disposition & AV_DISPOSITION_ATTACHED_PIC)
            continue;
        if (!s->video || (int)i == best)
            s->video = stream;
    }
    if (!s->video && av_find_best_stream(s->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0)
        return va_error("%s: found only sound in this file of format %s, expected a video: put "
                        "both in one with ffmpeg -i VIDEO -i SOUND -c copy OUT.mkv",
                        s->path, s->format->iformat->name);
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

    if (error >= 0 && is_one_of(found, refused, VA_COUNT(refused)))
        return va_error("%s: found a file of format %s, expected a video", s->path,
                        found->name);
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    av_dict_set_int(&options, "max_streams", STREAMS_MAX, 0);
    if (error >= 0) /* frees s->format and makes it NULL on failure */
        error = avformat_open_input(&s->format, NULL, found, &options);
    av_dict_free(&options);
    s->complaints = va_libav_complaints(&s->log); /* below, packets are read and kept */
    if (error >= 0)
        error = look_inside(s);
    return error < 0 ? va_stream_failed(s, "read as a video", error) : 0;
}

/* The device says itself what it sends. */
static int open_camera(struct va_stream *s, const struct va_bytes_input *input)
{
    const AVInputFormat *found = va_camera_format();
    int error;

    s->camera = true;
    s->bytes = (struct va_bytes){ .fd = -1, .spool = -1, .size = -1, .stop = input->stop };
    if (!found)
        return va_error_machine(
            "%s: is a camera, and this build cannot read one: run \"make deps "
            "WITH=camera\" and \"make\", or pipe it in with ffmpeg",
            s->path);
    s->format = avformat_alloc_context();
    if (!s->format)
        return va_error_machine("%s: out of memory", s->path);
    s->format->flags |= AVFMT_FLAG_NONBLOCK;
    s->format->opaque = &s->log;
    error = avformat_open_input(&s->format, input->camera, found, NULL);
    s->complaints = va_libav_complaints(&s->log);
    return error < 0 ? va_stream_failed(s, "open the camera", error) : choose_stream(s);
}

static int open_bytes(struct va_stream *s, bool live)
{
    s->format = avformat_alloc_context();
    if (!s->format)
        return va_error_machine("%s: out of memory", s->path);
    s->format->pb = s->bytes.io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    s->format->opaque = &s->log;
    s->format->io_open = refuse_open;
    if (live)
        s->format->max_analyze_duration = AV_TIME_BASE / 2;
    if (open_format(s) < 0 || choose_stream(s) < 0)
        return -1;
    s->avi = av_match_name("avi", s->format->iformat->name);
    s->indexed = s->avi && avformat_index_get_entries_count(s->video) >= s->video->nb_frames;
    s->tiled = is_one_of(s->format->iformat, tiling, VA_COUNT(tiling));
    s->page = -1;
    return 0;
}

int va_stream_open(struct va_stream *s, struct va_bytes_input *input, const char *shown,
                   bool live)
{
    s->path = shown;
    if (input->camera)
        return open_camera(s, input);
    return va_bytes_open(&s->bytes, input, shown) < 0 ? -1 : open_bytes(s, live);
}

/* All but the bytes. */
static void close_format(struct va_stream *s)
{
    for (int i = s->early_next; i < s->early_count; i++)
        av_packet_free(&s->early[i]);
    va_free(s->early);
    avformat_close_input(&s->format);
}

void va_stream_close(struct va_stream *s)
{
    close_format(s);
    va_bytes_close(&s->bytes);
}

int va_stream_again(struct va_stream *s)
{
    close_format(s);
    *s = (struct va_stream){ .path = s->path, .bytes = s->bytes };
    return va_bytes_again(&s->bytes, s->path) < 0 ? -1 : open_bytes(s, false);
}

/* ---- packets ---------------------------------------------------------------------------- */

enum { HEADS = 300 }; /* bytes of page or tag heads between packets, and more */

/* See where a packet lies in time and in the file. */
static void follow(struct va_stream *s, const AVPacket *p)
{
    const AVStream *stream = s->format->streams[p->stream_index];
    int64_t time = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;

    if (time != AV_NOPTS_VALUE) {
        double end = (double)(time + p->duration) * av_q2d(stream->time_base);

        if (end > s->end)
            s->end = end;
    }
    if (!s->tiled || p->pos < 0)
        return;
    if (s->page >= 0 && p->pos != s->page && p->pos > s->page_end + HEADS)
        s->hurt = true;
    s->page_end = (p->pos == s->page ? s->page_end : p->pos) + p->size;
    s->page = p->pos;
}

/* Packets of an AVI file have no times; the demuxer counts those that it finds. Its index counts
 * all, by the place of their heads. */
static void look_up(struct va_stream *s, AVPacket *p)
{
    enum { HEAD = 8 };
    int entries = avformat_index_get_entries_count(s->video), e = s->entry;
    int64_t late;

    while (e < entries && avformat_index_get_entry(s->video, e)->pos + HEAD < p->pos)
        e++;
    s->exact = e < entries && avformat_index_get_entry(s->video, e)->pos + HEAD == p->pos;
    if (!s->exact)
        return;
    s->hurt |= e > s->entry;
    s->entry = e + 1;
    if (p->dts == AV_NOPTS_VALUE)
        return;
    late = avformat_index_get_entry(s->video, e)->timestamp - p->dts;
    p->dts += late;
    if (p->pts != AV_NOPTS_VALUE)
        p->pts += late;
}

/* Formats that tell the time of showing of each packet. */
static const char *const stamped[] = { "mov", "matroska" };
enum {
    EARLY = 64
}; /* packets that va_stream_plain looks at: more than pictures are reordered by */

bool va_stream_plain(struct va_stream *s)
{
    int64_t first = AV_NOPTS_VALUE;
    bool plain = true;

    if (!is_one_of(s->format->iformat, stamped, VA_COUNT(stamped)) ||
        !(s->early = va_new(EARLY, sizeof(*s->early))))
        return false;
    while (plain && s->early_count < EARLY && s->early_error >= 0) {
        AVPacket *p = av_packet_alloc();

        s->early_error = p ? av_read_frame(s->format, p) : AVERROR(ENOMEM);
        if (s->early_error < 0) {
            av_packet_free(&p);
            break;
        }
        s->early[s->early_count++] = p;
        if (p->stream_index != s->video->index)
            continue;
        if (first == AV_NOPTS_VALUE) {
            first = p->pts;
            plain = p->flags & AV_PKT_FLAG_KEY;
        }
        plain = plain && p->pts != AV_NOPTS_VALUE && p->pts >= first;
    }
    return plain;
}

/* av_read_frame, of which some were read early. */
static int read_frame(struct va_stream *s, AVPacket *p)
{
    int error = s->early_error;

    if (s->early_next < s->early_count) {
        av_packet_move_ref(p, s->early[s->early_next]);
        av_packet_free(&s->early[s->early_next++]);
        return 0;
    }
    s->early_error = 0;
    return error < 0 ? error : av_read_frame(s->format, p);
}

/* read_frame that waits for the next picture of a camera, unless it is to stop. */
static int next_packet(struct va_stream *s, AVPacket *p)
{
    const struct timespec look = { .tv_nsec = 1000000 };
    int error;

    while ((error = read_frame(s, p)) == AVERROR(EAGAIN) && s->camera &&
           !atomic_load(s->bytes.stop))
        nanosleep(&look, NULL);
    if (error >= 0 && s->camera && p->pts != AV_NOPTS_VALUE) {
        s->origin = s->begun ? s->origin : p->pts;
        s->begun = true;
        p->pts -= s->origin;
        p->dts = p->pts;
    }
    return error;
}

int va_stream_read(struct va_stream *s, AVPacket *p)
{
    int error;

    while ((error = next_packet(s, p)) >= 0) {
        follow(s, p);
        if (va_libav_complaints(&s->log) != s->complaints)
            s->hurt = true;
        s->complaints = va_libav_complaints(&s->log);
        if (p->stream_index == s->video->index) {
            if (s->avi)
                look_up(s, p);
            return 0;
        }
        av_packet_unref(p);
    }
    if (error == AVERROR_EOF && !s->bytes.failure) {
        int64_t end = va_bytes_end(&s->bytes);

        if (s->bytes.asked > end || (s->tiled && s->page >= 0 && end > s->page_end + HEADS))
            s->hurt = true;
    }
    return error;
}

/* ---- what the container says ------------------------------------------------------------ */

double va_stream_length(const struct va_stream *s)
{
    const AVFormatContext *f = s->format;

    if (s->indexed || !is_one_of(f->iformat, timed, VA_COUNT(timed)) ||
        f->duration_estimation_method != AVFMT_DURATION_FROM_STREAM || f->duration <= 0)
        return 0;
    return (double)f->duration / AV_TIME_BASE;
}

int64_t va_stream_packets(const struct va_stream *s)
{
    return av_match_name("mov", s->format->iformat->name)
               ? avformat_index_get_entries_count(s->video)
               : 0;
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
