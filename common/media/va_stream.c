/*
 * Bytes go in through our own callbacks, for files too: a path is then never taken for a URL or
 * a pattern, a failed read keeps its errno, and what a container refers to outside itself
 * (playlists, session descriptions) is not opened.
 */
#include "base/va_error.h"
#include "media/va_stream_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IO_BUFFER = 1 << 16, STREAMS_MAX = 128 };

static int read_bytes(void *opaque, uint8_t *data, int size)
{
    struct va_stream *s = opaque;
    ssize_t n;

    do
        n = read(s->fd, data, (size_t)size);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        s->read_errno = errno;
        return AVERROR(errno);
    }
    s->position += n;
    if (s->position > s->seen)
        s->seen = s->position;
    return n ? (int)n : AVERROR_EOF;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct va_stream *s = opaque;
    off_t at;

    if (whence & AVSEEK_SIZE)
        return s->size;
    at = lseek(s->fd, offset, whence & 3);
    if (at < 0)
        return AVERROR(errno);
    s->position = at;
    return at;
}

static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options)
{
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

static int open_bytes(struct va_stream *s, const char *path)
{
    struct stat st;
    uint8_t *buffer;
    bool seekable;

    s->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    if (s->fd < 0 || fstat(s->fd, &st) < 0)
        return va_error_read(s->path, "open");
    seekable = S_ISREG(st.st_mode);
    s->size = seekable ? st.st_size : -1;
    if (seekable && st.st_size == 0)
        return va_error("%s: the file is empty, expected a video", s->path);
    buffer = av_malloc(IO_BUFFER);
    if (buffer)
        s->io = avio_alloc_context(buffer, IO_BUFFER, 0, s, read_bytes, NULL,
                                   seekable ? seek_bytes : NULL);
    if (!s->io) {
        av_free(buffer);
        return va_error_machine("%s: out of memory", s->path);
    }
    return 0;
}

int va_stream_failed(struct va_stream *s, const char *verb, int error)
{
    char why[512];

    if (s->read_errno) {
        errno = s->read_errno;
        return va_error_read(s->path, "read");
    }
    va_libav_why(&s->log, error, why, sizeof(why));
    if (error == AVERROR(ENOMEM))
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

int va_stream_open(struct va_stream *s, const char *path, const char *shown)
{
    AVDictionary *options = NULL;
    int error;

    s->fd = -1;
    s->path = shown;
    if (open_bytes(s, path) < 0)
        return -1;
    s->format = avformat_alloc_context();
    if (!s->format)
        return va_error_machine("%s: out of memory", s->path);
    s->format->pb = s->io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    s->format->opaque = &s->log;
    s->format->io_open = refuse_open;
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    av_dict_set_int(&options, "max_streams", STREAMS_MAX, 0);
    error = avformat_open_input(&s->format, NULL, NULL, &options); /* NULL again on failure */
    av_dict_free(&options);
    if (error >= 0)
        error = look_inside(s);
    if (error < 0)
        return va_stream_failed(s, "read as a video", error);
    return choose_stream(s);
}

void va_stream_close(struct va_stream *s)
{
    avformat_close_input(&s->format);
    if (s->io)
        av_freep(&s->io->buffer);
    avio_context_free(&s->io);
    if (s->fd >= 0)
        close(s->fd);
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
    int64_t end = s->size >= 0 ? s->size : s->seen, missing = 0;

    for (int i = 0; i < entries; i++) {
        const AVIndexEntry *e = avformat_index_get_entry(s->video, i);

        if (e->size > 0 && e->pos > end - e->size)
            missing++;
    }
    return missing;
}
