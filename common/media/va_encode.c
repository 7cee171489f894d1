/*
 * Encoding for synthetic corpora and for tests. Bytes must not depend on the moment or the
 * machine: one thread, bit-exact flags in muxer, encoder and scaler, and x264 told to decide
 * alike on every processor.
 *
 * The muxer writes through our own callbacks, so that the temporary file carries our lock and a
 * full disk is reported with errno's words.
 */
#include "media/va_encode.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "media/va_libav_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { IO_BUFFER = 1 << 16, SIDE_MAX = 16384 };

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

static bool is_video(const char *head, size_t size)
{
    return size >= 8 && (!memcmp(head + 4, "ftyp", 4) || !memcmp(head, "RIFF", 4) ||
                         !memcmp(head, "\x1a\x45\xdf\xa3", 4));
}

static int open_output(struct va_encoder *e)
{
    uint8_t *buffer;

    e->temp = va_tempfile_new(e->path, is_video);
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

/* ---- making the parts ------------------------------------------------------------------- */

/* The quality scale of JPEG and MPEG-4: 1 (best) to 31. */
static int quantiser(int quality)
{
    return 1 + (100 - quality) * 30 / 99;
}

static void set_rate(AVCodecContext *c, int quality)
{
    if (c->codec_id == AV_CODEC_ID_H264) {
        av_opt_set(c->priv_data, "preset", "veryfast", 0);
        av_opt_set_double(c->priv_data, "crf", (100 - quality) * 51 / 100, 0);
        av_opt_set(c->priv_data, "x264-params", "cpu-independent=1", 0);
    } else if (c->codec_id != AV_CODEC_ID_PNG) {
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = quantiser(quality) * FF_QP2LAMBDA;
        c->qmin = 1;
    }
}

/* A context with what all encodings share; NULL when memory is short. */
static AVCodecContext *new_codec(const AVCodec *codec, int64_t width, int64_t height,
                                 enum AVPixelFormat pixels, AVRational time_base)
{
    AVCodecContext *c = avcodec_alloc_context3(codec);

    if (!c)
        return NULL;
    c->width = (int)width;
    c->height = (int)height;
    c->pix_fmt = pixels;
    c->time_base = time_base;
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_BITEXACT;
    return c;
}

/* A scaler from RGB to the encoder's pixels: BT.601, `full` range or video range. */
static struct SwsContext *new_scaler(const AVCodecContext *c, bool full)
{
    struct SwsContext *s = sws_getContext(c->width, c->height, AV_PIX_FMT_RGB24, c->width,
                                          c->height, c->pix_fmt,
                                          (int)SWS_BICUBIC | VA_SWS_EXACT, NULL, NULL, NULL);

    if (s)
        sws_setColorspaceDetails(s, sws_getCoefficients(SWS_CS_ITU601), 1,
                                 sws_getCoefficients(SWS_CS_ITU601), full, 0, 1 << 16, 1 << 16);
    return s;
}

static AVFrame *new_frame(const AVCodecContext *c)
{
    AVFrame *f = av_frame_alloc();

    if (!f)
        return NULL;
    f->width = c->width;
    f->height = c->height;
    f->format = c->pix_fmt;
    f->color_range = c->color_range;
    if (av_frame_get_buffer(f, 0) < 0)
        av_frame_free(&f);
    return f;
}

/* Convert `rgb` into the frame, which the encoder may still hold. 0 or an error number. */
static int fill_frame(struct SwsContext *scaler, AVFrame *frame, const uint8_t *rgb)
{
    const uint8_t *const planes[4] = { rgb };
    const int strides[4] = { 3 * frame->width };
    int error = av_frame_make_writable(frame);

    if (error < 0)
        return error;
    sws_scale(scaler, planes, strides, 0, frame->height, frame->data, frame->linesize);
    return 0;
}

/* ---- video ------------------------------------------------------------------------------ */

static int open_video(struct va_encoder *e, int64_t width, int64_t height, double fps,
                      int quality)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVRational rate = av_d2q(fps, 1001000);
    int error;

    if (!codec)
        codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    if (!codec)
        return va_error_machine("%s: libavcodec has no encoder for H.264 or MPEG-4", e->path);
    error = avformat_alloc_output_context2(&e->format, NULL, "mp4", NULL);
    if (error < 0)
        return failed(e, "create", error);
    e->format->pb = e->io;
    e->format->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
    e->codec = new_codec(codec, width, height, AV_PIX_FMT_YUV420P, av_inv_q(rate));
    e->stream = avformat_new_stream(e->format, NULL);
    e->packet = av_packet_alloc();
    if (!e->codec || !e->stream || !e->packet)
        return va_error_memory("%s: out of memory", e->path);
    e->codec->framerate = rate;
    e->codec->color_range = AVCOL_RANGE_MPEG;
    e->codec->colorspace = AVCOL_SPC_SMPTE170M;
    e->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    set_rate(e->codec, quality);
    error = avcodec_open2(e->codec, codec, NULL);
    if (error >= 0)
        error = avcodec_parameters_from_context(e->stream->codecpar, e->codec);
    if (error < 0)
        return failed(e, "encode", error);
    e->stream->time_base = e->codec->time_base;
    e->stream->avg_frame_rate = rate;
    e->scaler = new_scaler(e->codec, false);
    e->frame = new_frame(e->codec);
    return e->scaler && e->frame ? 0 : va_error_memory("%s: out of memory", e->path);
}

struct va_encoder *va_encoder_open(const char *path, int64_t width, int64_t height, double fps,
                                   int quality)
{
    struct va_encoder *e;

    if (width < 2 || height < 2 || width > SIDE_MAX || height > SIDE_MAX ||
        (width | height) & 1 || !(fps > 0 && fps <= 1000) || quality < 1 || quality > 100) {
        va_error(
            "%s: cannot encode %lldx%lld at %g frames/s and quality %d, expected even sides "
            "up to %d, at most 1000 frames/s, quality 1..100",
            path, (long long)width, (long long)height, fps, quality, SIDE_MAX);
        return NULL;
    }
    va_libav_quiet();
    e = va_new(1, sizeof(*e));
    if (!e)
        return NULL;
    e->last_tick = -1;
    e->path = va_strdup(path);
    if (!e->path || open_output(e) < 0 || open_video(e, width, height, fps, quality) < 0)
        va_encoder_abort(&e);
    return e;
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
    int error = avformat_write_header(e->format, NULL);

    if (error < 0)
        return failed(e, "write", error);
    e->begun = true;
    return 0;
}

/* Hand a frame (NULL: the end) to the encoder and write what comes out. */
static int encode(struct va_encoder *e, const AVFrame *frame)
{
    int error = avcodec_send_frame(e->codec, frame);

    if (error < 0)
        return failed(e, "encode", error);
    while ((error = avcodec_receive_packet(e->codec, e->packet)) >= 0) {
        av_packet_rescale_ts(e->packet, e->codec->time_base, e->stream->time_base);
        e->packet->stream_index = e->stream->index;
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
    if (!e->begun && begin(e) < 0)
        return -1;
    error = fill_frame(e->scaler, e->frame, rgb);
    if (error < 0)
        return failed(e, "encode", error);
    e->frame->pts = e->last_tick = tick;
    return encode(e, e->frame);
}

static void free_encoder(struct va_encoder *e)
{
    sws_freeContext(e->scaler);
    av_frame_free(&e->frame);
    av_packet_free(&e->packet);
    avcodec_free_context(&e->codec);
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

    if ((!e->begun && begin(e) < 0) || encode(e, NULL) < 0)
        goto done;
    error = av_write_trailer(e->format);
    avio_flush(e->io);
    if (error >= 0 && va_mem_short()) /* the muxer leaves parts out and says nothing */
        error = AVERROR(ENOMEM);
    if (error < 0 || e->io->error < 0) {
        failed(e, "write", error < 0 ? error : e->io->error);
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

/* ---- images ----------------------------------------------------------------------------- */

/* Encode one image; 0 and a packet of the caller's, or an error number. */
static int encode_image(enum AVCodecID id, enum AVPixelFormat pixels, const uint8_t *rgb,
                        int64_t width, int64_t height, int quality, AVPacket *packet)
{
    const AVCodec *codec = avcodec_find_encoder(id);
    AVCodecContext *c = codec ? new_codec(codec, width, height, pixels, (AVRational){ 1, 1 })
                              : NULL;
    AVFrame *frame = NULL;
    struct SwsContext *scaler = NULL;
    int error = codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;

    if (!c)
        goto done;
    c->color_range = AVCOL_RANGE_JPEG;
    set_rate(c, quality);
    error = avcodec_open2(c, codec, NULL);
    if (error < 0)
        goto done;
    error = AVERROR(ENOMEM);
    frame = new_frame(c);
    scaler = new_scaler(c, true);
    if (!frame || !scaler)
        goto done;
    frame->quality = c->global_quality;
    error = fill_frame(scaler, frame, rgb);
    if (error >= 0)
        error = avcodec_send_frame(c, frame);
    if (error >= 0)
        error = avcodec_send_frame(c, NULL);
    if (error >= 0)
        error = avcodec_receive_packet(c, packet);
done:
    sws_freeContext(scaler);
    av_frame_free(&frame);
    avcodec_free_context(&c);
    return error;
}

static bool is_image(const char *head, size_t size)
{
    return va_output_begins(head, size, "\x89PNG") ||
           va_output_begins(head, size, "\xff\xd8\xff");
}

static int write_image(const char *path, const AVPacket *packet)
{
    struct va_textfile file;

    if (va_textfile_create(&file, path, is_image) < 0)
        return -1;
    /* A failed write leaves its mark in the stream; commit looks at it. */
    fwrite(packet->data, 1, (size_t)packet->size, file.stream);
    return va_textfile_commit(&file);
}

/* The encoded image, or NULL after reporting. */
static AVPacket *image(const char *path, enum AVCodecID id, enum AVPixelFormat pixels,
                       const uint8_t *rgb, int64_t width, int64_t height, int quality)
{
    AVPacket *packet;
    char why[512];
    int error;

    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX || quality < 1 ||
        quality > 100) {
        va_error("%s: cannot encode %lldx%lld at quality %d, expected sides of 1..%d, "
                 "quality 1..100",
                 path, (long long)width, (long long)height, quality, SIDE_MAX);
        return NULL;
    }
    va_libav_quiet();
    packet = av_packet_alloc();
    error = packet ? encode_image(id, pixels, rgb, width, height, quality, packet)
                   : AVERROR(ENOMEM);
    if (error < 0) {
        va_error_machine("%s: cannot encode: %s", path,
                         va_libav_why(NULL, error, why, sizeof(why)));
        av_packet_free(&packet);
    }
    return packet;
}

int va_jpeg_bytes(const char *path, const uint8_t *rgb, int64_t width, int64_t height,
                  int quality, uint8_t **bytes, int64_t *size)
{
    AVPacket *p = image(path, AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ444P, rgb, width, height,
                        quality);

    *bytes = p ? va_new(p->size, 1) : NULL;
    *size = p ? p->size : 0;
    if (*bytes)
        memcpy(*bytes, p->data, (size_t)p->size);
    av_packet_free(&p);
    return *bytes ? 0 : -1;
}

int va_jpeg_write(const char *path, const uint8_t *rgb, int64_t width, int64_t height,
                  int quality)
{
    AVPacket *p = image(path, AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ444P, rgb, width, height,
                        quality);
    int result = p ? write_image(path, p) : -1;

    av_packet_free(&p);
    return result;
}

int va_png_write(const char *path, const uint8_t *rgb, int64_t width, int64_t height)
{
    AVPacket *p = image(path, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, rgb, width, height, 100);
    int result = p ? write_image(path, p) : -1;

    av_packet_free(&p);
    return result;
}
