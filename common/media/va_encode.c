/*
 * Videos: frames go through the encoder, packets of sound as they are, both through the muxer.
 *
 * The muxer writes through our own callbacks, so that the temporary file carries our lock and a
 * full disk is reported with errno's words.
 *
 * The note that says that a file is ours is a box "free" behind the box "ftyp" with which every file of
 * this family begins. The muxer has no way to write one there. So the note is written first, and the
 * two change places at the end: what the file says of places in it lies behind them.
 */
#include "media/va_encode.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "media/va_encode_priv.h"
#include "media/va_sound_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <libavutil/opt.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { IO_BUFFER = 1 << 16, FTYP_MAX = 256 };
static const unsigned char note[] = "\0\0\0\x10"
                                    "freemamba-va"; /* a box of 16 bytes */
enum { NOTE = sizeof(note) - 1 };

struct va_encoder {
    char *path;
    struct va_tempfile *temp;
    int fd;          /* of the temporary file; -1 when closed */
    int write_errno; /* of the first write that failed */
    AVFormatContext *format;
    AVIOContext *io;
    AVCodecContext *codec;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
    struct va_sound *sound; /* the caller's, or NULL */
    AVStream *sound_stream;
    AVPacket *waiting; /* the sound's: its next packet; NULL at its end */
    double delay;
    AVCodecContext *speech; /* or NULL: makes packets of samples, */
    AVFrame *spoken;        /* which are collected here, */
    int filled;             /* so many so far */
    int64_t last_dts;       /* of sound, in the unit of its stream */
    int64_t last_tick;
    bool begun; /* the header is written */
};

/* ---- output ----------------------------------------------------------------------------- */

static int write_bytes(void *opaque, VA_AVIO_WRITE_CONST uint8_t *data, int size)
{
    struct va_encoder *e = opaque;
    int done = 0;

    while (done < size) {
        ssize_t n = write(e->fd, data + done, (size_t)(size - done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (!e->write_errno)
                e->write_errno = errno;
            return AVERROR(errno);
        }
        done += (int)n;
    }
    return size;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct va_encoder *e = opaque;
    off_t at;

    if (whence & AVSEEK_SIZE)
        return AVERROR(ENOSYS);
    at = lseek(e->fd, offset, whence & 3);
    return at < 0 ? AVERROR(errno) : at;
}

/* Bytes of the box that a file begins with, 0: it is none of this family. */
static size_t ftyp_size(const char *head, size_t size)
{
    const unsigned char *b = (const unsigned char *)head;

    return size >= 8 && !memcmp(head + 4, "ftyp", 4) && !b[0] && !b[1]
               ? (size_t)(b[2] << 8 | b[3])
               : 0;
}

static bool is_ours(const char *head, size_t size)
{
    size_t at = ftyp_size(head, size);

    return at && size >= at + NOTE && !memcmp(head + at, note, NOTE);
}

/* Put the note, which the file begins with, behind the first box. 0, or -1 with errno. */
static int place_note(int fd)
{
    char bytes[NOTE + FTYP_MAX];
    ssize_t got = pread(fd, bytes, sizeof(bytes), 0);
    size_t size = got > NOTE ? ftyp_size(bytes + NOTE, (size_t)got - NOTE) : 0;

    if (got < 0)
        return -1;
    if (!size ||
        NOTE + size > (size_t)got) /* a muxer that begins otherwise: without a note, then */
        return 0;
    memmove(bytes, bytes + NOTE, size);
    memcpy(bytes + size, note, NOTE);
    return pwrite(fd, bytes, NOTE + size, 0) == (ssize_t)(NOTE + size) ? 0 : -1;
}

static int open_output(struct va_encoder *e)
{
    uint8_t *buffer;

    e->temp = va_tempfile_new(e->path, is_ours);
    if (!e->temp)
        return -1;
    e->fd = va_tempfile_fd(e->temp);
    buffer = av_malloc(IO_BUFFER);
    if (buffer)
        e->io = avio_alloc_context(buffer, IO_BUFFER, 1, e, NULL, write_bytes, seek_bytes);
    if (!e->io) {
        av_free(buffer);
        return va_error_memory("%s: out of memory", e->path);
    }
    return 0;
}

/* ---- errors ----------------------------------------------------------------------------- */

/* Encoders fail for want of memory, disk or a setting of ours, never for the pixels: all 4. */
static int failed(const struct va_encoder *e, const char *verb, int error)
{
    char why[512];

    if (e->write_errno) {
        errno = e->write_errno;
        return va_error_write(e->path, "write");
    }
    return va_error_machine("%s: cannot %s: %s", e->path, verb,
                            va_libav_why(NULL, error, why, sizeof(why)));
}

/* ---- video ------------------------------------------------------------------------------ */

static const char *format_of(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && !strcasecmp(path + n - 4, ".mov") ? "mov" : "mp4";
}

/* ticks: a second, 0: fps. */
static int open_video(struct va_encoder *e, int64_t width, int64_t height, double fps,
                      int ticks, int quality)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVRational rate = av_d2q(fps, 1001000);
    int error;

    if (!codec)
        codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    if (!codec)
        return va_error_machine("%s: libavcodec has no encoder for H.264 or MPEG-4", e->path);
    error = avformat_alloc_output_context2(&e->format, NULL, format_of(e->path), NULL);
    if (error < 0)
        return failed(e, "create", error);
    e->format->pb = e->io;
    e->format->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
    e->format->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL; /* FLAC in MP4, for one */
    e->codec = va_codec_new(codec, width, height, AV_PIX_FMT_YUV420P,
                            ticks ? (AVRational){ 1, ticks } : av_inv_q(rate));
    e->stream = avformat_new_stream(e->format, NULL);
    e->packet = av_packet_alloc();
    if (!e->codec || !e->stream || !e->packet)
        return va_error_memory("%s: out of memory", e->path);
    e->codec->framerate = rate;
    e->codec->color_range = AVCOL_RANGE_MPEG;
    e->codec->colorspace = AVCOL_SPC_SMPTE170M;
    e->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    va_codec_rate(e->codec, quality);
    error = avcodec_open2(e->codec, codec, NULL);
    if (error >= 0)
        error = avcodec_parameters_from_context(e->stream->codecpar, e->codec);
    if (error < 0)
        return failed(e, "encode", error);
    e->stream->time_base = e->codec->time_base;
    e->stream->avg_frame_rate = rate;
    e->scaler = va_codec_scaler(e->codec, false);
    e->frame = va_codec_frame(e->codec);
    return e->scaler && e->frame ? 0 : va_error_memory("%s: out of memory", e->path);
}

static struct va_encoder *open_encoder(const char *path, int64_t width, int64_t height,
                                       double fps, int ticks, int quality)
{
    struct va_encoder *e;

    if (width < 2 || height < 2 || width > VA_ENCODE_SIDE_MAX || height > VA_ENCODE_SIDE_MAX ||
        (width | height) & 1 || !(fps > 0 && fps <= 1000) || quality < 1 || quality > 100) {
        va_error(
            "%s: cannot encode %lldx%lld at %g frames/s and quality %d, expected even sides "
            "up to %d, at most 1000 frames/s, quality 1..100",
            path, (long long)width, (long long)height, fps, quality, VA_ENCODE_SIDE_MAX);
        return NULL;
    }
    va_libav_quiet();
    e = va_new(1, sizeof(*e));
    if (!e)
        return NULL;
    e->last_tick = -1;
    e->path = va_strdup(path);
    if (!e->path || open_output(e) < 0 || open_video(e, width, height, fps, ticks, quality) < 0)
        va_encoder_abort(&e);
    return e;
}

struct va_encoder *va_encoder_open(const char *path, int64_t width, int64_t height, double fps,
                                   int quality)
{
    return open_encoder(path, width, height, fps, 0, quality);
}

struct va_encoder *va_encoder_open_timed(const char *path, int64_t width, int64_t height,
                                         double fps, int quality)
{
    return open_encoder(path, width, height, fps, VA_ENCODER_TICKS, quality);
}

int va_encoder_rotate(struct va_encoder *e, int degrees)
{
    if (e->begun || degrees % 90 != 0)
        return va_error("%s: cannot turn by %d degrees, expected 90, 180 or 270 before the "
                        "first frame",
                        e->path, degrees);
    if (va_libav_put_turn(e->stream, degrees) < 0)
        return va_error_memory("%s: out of memory", e->path);
    return 0;
}

static int begin(struct va_encoder *e)
{
    int error;

    /* else milliseconds: so exact is where the first frame and sound begin (libavformat 59.20) */
    av_opt_set_int(e->format->priv_data, "movie_timescale", VA_ENCODER_TICKS, 0);
    avio_write(e->io, note, NOTE);
    error = avformat_write_header(e->format, NULL);

    if (error < 0)
        return failed(e, "write", error);
    e->begun = true;
    return 0;
}

/* ---- sound -------------------------------------------------------------------------------- */

/* The sound's next packet, in the time of the file. -1 after reporting. */
static int next_sound(struct va_encoder *e)
{
    AVRational unit = va_sound_time_base(e->sound);
    int64_t delay = llround(e->delay / av_q2d(unit));
    int got = va_sound_next(e->sound, &e->waiting);

    if (got <= 0) {
        e->waiting = NULL;
        return got;
    }
    e->waiting->pts += delay;
    e->waiting->dts += delay;
    return 0;
}

int va_encoder_sound(struct va_encoder *e, struct va_sound *sound, double delay)
{
    const AVCodecParameters *codec = va_sound_codec(sound);

    bool mov = !strcmp(e->format->oformat->name, "mov");

    if (avformat_query_codec(e->format->oformat, codec->codec_id, FF_COMPLIANCE_NORMAL) != 1) {
        va_warn("%s: its sound of format %s is left out, since %s files cannot hold it",
                va_sound_path(sound), avcodec_get_name(codec->codec_id),
                mov ? "QuickTime" : "MP4");
        return 0;
    }
    e->sound_stream = avformat_new_stream(e->format, NULL);
    if (!e->sound_stream || avcodec_parameters_copy(e->sound_stream->codecpar, codec) < 0)
        return va_error_memory("%s: out of memory", e->path);
    e->sound_stream->codecpar->codec_tag = 0; /* as this muxer calls it */
    e->sound_stream->time_base = va_sound_time_base(sound);
    e->sound = sound;
    e->delay = delay;
    e->last_dts = INT64_MIN;
    return next_sound(e);
}

/* Write the sound before `seconds`. */
static int write_sound(struct va_encoder *e, double seconds)
{
    while (e->waiting) {
        AVRational unit = va_sound_time_base(e->sound);
        int error;

        if ((double)e->waiting->dts * av_q2d(unit) >= seconds)
            break;
        av_packet_rescale_ts(e->waiting, unit, e->sound_stream->time_base);
        if (e->waiting->dts <= e->last_dts) /* its unit may be longer than that of the sound */
            e->waiting->pts = e->waiting->dts = e->last_dts + 1;
        e->last_dts = e->waiting->dts;
        e->waiting->stream_index = e->sound_stream->index;
        error = av_interleaved_write_frame(e->format, e->waiting);
        if (error < 0)
            return failed(e, "write", error);
        if (next_sound(e) < 0)
            return -1;
    }
    return 0;
}

/* ---- frames ------------------------------------------------------------------------------- */

/* Hand a frame (NULL: the end) to an encoder and write what comes out. */
static int encode(struct va_encoder *e, AVCodecContext *codec, AVStream *stream,
                  const AVFrame *frame)
{
    int error = avcodec_send_frame(codec, frame);

    if (error < 0)
        return failed(e, "encode", error);
    while ((error = avcodec_receive_packet(codec, e->packet)) >= 0) {
        av_packet_rescale_ts(e->packet, codec->time_base, stream->time_base);
        e->packet->stream_index = stream->index;
        error = av_interleaved_write_frame(e->format, e->packet);
        if (error < 0)
            return failed(e, "write", error);
    }
    return error == AVERROR(EAGAIN) || error == AVERROR_EOF ? 0 : failed(e, "encode", error);
}

int va_encoder_frame(struct va_encoder *e, const uint8_t *rgb, int64_t tick)
{
    int error;

    if (tick <= e->last_tick)
        return va_error("%s: frame at tick %lld after tick %lld, expected ascending times",
                        e->path, (long long)tick, (long long)e->last_tick);
    if ((!e->begun && begin(e) < 0) ||
        write_sound(e, (double)tick * av_q2d(e->codec->time_base)) < 0)
        return -1;
    error = va_codec_fill(e->scaler, e->frame, rgb);
    if (error < 0)
        return failed(e, "encode", error);
    e->frame->pts = e->last_tick = tick;
    return encode(e, e->codec, e->stream, e->frame);
}

/* ---- samples ------------------------------------------------------------------------------ */

static int new_block(struct va_encoder *e)
{
    int64_t pts = e->spoken ? e->spoken->pts + e->filled : 0;

    av_frame_free(&e->spoken); /* the encoder may still hold it */
    e->filled = 0;
    e->spoken = av_frame_alloc();
    if (!e->spoken)
        return va_error_memory("%s: out of memory", e->path);
    e->spoken->format = e->speech->sample_fmt;
    e->spoken->sample_rate = e->speech->sample_rate;
    e->spoken->nb_samples = e->speech->frame_size;
    e->spoken->pts = pts;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100) /* layouts of channels are structs */
    av_channel_layout_default(&e->spoken->ch_layout, 1);
#else
    e->spoken->channel_layout = AV_CH_LAYOUT_MONO;
#endif
    return av_frame_get_buffer(e->spoken, 0) < 0 ? va_error_memory("%s: out of memory", e->path)
                                                 : 0;
}

int va_encoder_speak(struct va_encoder *e, int rate)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_FLAC);
    int error;

    if (!codec)
        return va_error_machine("%s: libavcodec has no encoder for FLAC", e->path);
    e->speech = avcodec_alloc_context3(codec);
    e->sound_stream = avformat_new_stream(e->format, NULL);
    if (!e->speech || !e->sound_stream)
        return va_error_memory("%s: out of memory", e->path);
    e->speech->sample_fmt = AV_SAMPLE_FMT_S16;
    e->speech->sample_rate = rate;
    e->speech->time_base = e->sound_stream->time_base = (AVRational){ 1, rate };
    e->speech->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    e->speech->thread_count = 1;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
    av_channel_layout_default(&e->speech->ch_layout, 1);
#else
    e->speech->channel_layout = AV_CH_LAYOUT_MONO;
    e->speech->channels = 1;
#endif
    error = avcodec_open2(e->speech, codec, NULL);
    if (error >= 0)
        error = avcodec_parameters_from_context(e->sound_stream->codecpar, e->speech);
    return error < 0 ? failed(e, "encode", error) : new_block(e);
}

int va_encoder_samples(struct va_encoder *e, const int16_t *samples, int64_t count)
{
    if (!e->begun && begin(e) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        ((int16_t *)(void *)e->spoken->data[0])[e->filled++] = samples[i];
        if (e->filled == e->spoken->nb_samples &&
            (encode(e, e->speech, e->sound_stream, e->spoken) < 0 || new_block(e) < 0))
            return -1;
    }
    return 0;
}

/* The samples that fill no block, and the end. */
static int end_speech(struct va_encoder *e)
{
    if (!e->speech)
        return 0;
    e->spoken->nb_samples = e->filled;
    if (e->filled && encode(e, e->speech, e->sound_stream, e->spoken) < 0)
        return -1;
    return encode(e, e->speech, e->sound_stream, NULL);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void free_encoder(struct va_encoder *e)
{
    sws_freeContext(e->scaler);
    av_frame_free(&e->frame);
    av_frame_free(&e->spoken);
    av_packet_free(&e->packet);
    avcodec_free_context(&e->codec);
    avcodec_free_context(&e->speech);
    avformat_free_context(e->format);
    if (e->io)
        av_freep(&e->io->buffer);
    avio_context_free(&e->io);
    va_tempfile_abort(&e->temp);
    va_free(e->path);
    va_free(e);
}

int va_encoder_close(struct va_encoder **handle)
{
    struct va_encoder *e = *handle;
    int result = -1, error;

    if ((!e->begun && begin(e) < 0) || encode(e, e->codec, e->stream, NULL) < 0 ||
        write_sound(e, INFINITY) < 0 || end_speech(e) < 0)
        goto done;
    error = av_write_trailer(e->format);
    avio_flush(e->io);
    if (error >= 0 && va_mem_short()) /* the muxer leaves parts out and says nothing */
        error = AVERROR(ENOMEM);
    if (error < 0 || e->io->error < 0) {
        failed(e, "write", error < 0 ? error : e->io->error);
        goto done;
    }
    if (place_note(e->fd) < 0) {
        va_error_write(e->path, "write");
        goto done;
    }
    result = va_tempfile_commit(&e->temp);
done:
    va_encoder_abort(handle);
    return result;
}

void va_encoder_abort(struct va_encoder **handle)
{
    if (!handle || !*handle)
        return;
    free_encoder(*handle);
    *handle = NULL;
}
