/*
 * A picture is what its first bytes say, whatever its name: collections from the web have WebP and
 * BMP named .jpg. Each format gets its decoder when the first picture of it comes.
 *
 * libjpeg-turbo decodes a JPEG. Where it warns of something FFmpeg's decoder decides whether the file is
 * broken; there are harmless oddities, and it says in one line what is wrong.
 *
 * Decoders disagree on what is broken. A JPEG that ends early is shown grey by some and one with bytes
 * after its end is whole, so its markers are walked (va_jpeg); a PNG with a colour profile that cannot
 * be read is a whole picture, so that only the chunks that make the picture are given on.
 */
#include "media/va_image_priv.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_magic.h"
#include "base/va_mem.h"
#include "media/va_jpeg_priv.h"
#include "media/va_source_priv.h"
#include "media/va_zip.h"

#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 28 }; /* bytes of one image */

enum format { JPEG, PNG, BMP, GIF, WEBP, TIFF_LITTLE, TIFF_BIG, JPEG2000, FORMATS };
static const struct {
    int offset, size;
    const char *bytes; /* by which it is known */
    enum AVCodecID codec;
} formats[FORMATS] = {
    [JPEG] = { 0, 2, "\xff\xd8", AV_CODEC_ID_MJPEG },
    [PNG] = { 0, 8, "\x89PNG\r\n\x1a\n", AV_CODEC_ID_PNG },
    [BMP] = { 0, 2, "BM", AV_CODEC_ID_BMP },
    [GIF] = { 0, 4, "GIF8", AV_CODEC_ID_GIF }, /* its first picture */
    [WEBP] = { 8, 4, "WEBP", AV_CODEC_ID_WEBP },
    [TIFF_LITTLE] = { 0, 4, "II*\0", AV_CODEC_ID_TIFF },
    [TIFF_BIG] = { 0, 4, "MM\0*", AV_CODEC_ID_TIFF },
    [JPEG2000] = { 4, 8, "jP  \r\n\x87\n", AV_CODEC_ID_JPEG2000 },
};

struct va_image_decoder {
    AVCodecContext *decoder[FORMATS]; /* NULL: not needed so far */
    struct va_libav_log log;
    AVPacket *packet;
    AVFrame *frame;
    struct va_jpeg *jpeg;
    struct va_rgb *rgb;
    char why[512];
};

/* ---- bytes ------------------------------------------------------------------------------ */

/* Why bytes cannot be a picture, or NULL. */
static const char *unfit(int64_t size)
{
    return size == 0         ? "broken image: the file is empty"
           : size > FILE_MAX ? "broken image: the file is too large"
                             : NULL;
}

/* -1 with errno. */
static int open_file(struct va_image_bytes *b, const char *path, const char **what)
{
    struct stat st;

    b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting for a pipe */
    if (b->fd < 0 || fstat(b->fd, &st) < 0) {
        va_image_close(b);
        return -1;
    }
    va_input_note(path);
    b->size = (int64_t)st.st_size;
    *what = S_ISREG(st.st_mode) ? unfit(b->size) : "broken image: not a file";
    return 0;
}

int va_image_open(struct va_image_bytes *b, const struct va_zip *zip, const char *path,
                  const char **what)
{
    *b = (struct va_image_bytes){ .fd = -1, .zip = zip };
    if (!zip)
        return open_file(b, path, what) < 0 ? va_error_read(path, "open") : 0;
    b->member = va_zip_find(zip, path);
    if (b->member < 0)
        return -1;
    b->size = va_zip_size(zip, b->member);
    *what = unfit(b->size);
    return 0;
}

int va_image_try(struct va_image_bytes *b, const struct va_zip *zip, const char *path)
{
    const char *what = NULL;
    int result;

    *b = (struct va_image_bytes){ .fd = -1 };
    result = zip ? va_image_open(b, zip, path, &what) : open_file(b, path, &what);
    if (result == 0 && !what)
        return 0;
    va_image_close(b);
    return -1;
}

void va_image_close(struct va_image_bytes *b)
{
    int kept = errno;

    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    errno = kept;
}

int64_t va_image_load(const struct va_image_bytes *b, const char *path, uint8_t *data,
                      const char **why)
{
    int64_t done = 0;
    int got;

    *why = NULL;
    if (b->zip) {
        got = va_zip_read(b->zip, b->member, data, why);
        return got > 0 ? b->size : got;
    }
    while (done < b->size) {
        ssize_t n = read(b->fd, data + done, (size_t)(b->size - done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return va_error_read(path, "read");
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

/* ---- whole pictures --------------------------------------------------------------------- */

/* Leave only the chunks of a PNG that the picture is made of. Returns its bytes then; 0 when it
 * ends early. */
static int png_strip(uint8_t *d, int size)
{
    static const char *const kept[] = { "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "eXIf" };
    int at = 8, end = 8;

    while (size - at >= 12) {
        uint32_t length = (uint32_t)d[at] << 24 | (uint32_t)d[at + 1] << 16 |
                          (uint32_t)d[at + 2] << 8 | d[at + 3];
        bool last = !memcmp(d + at + 4, "IEND", 4), keep = false;

        if (length > (uint32_t)(size - at - 12))
            return 0;
        for (size_t i = 0; i < VA_COUNT(kept); i++)
            keep |= !memcmp(d + at + 4, kept[i], 4);
        if (keep && end < at)
            memmove(d + end, d + at, length + 12);
        end += keep ? (int)length + 12 : 0;
        at += (int)length + 12;
        if (last)
            return end;
    }
    return 0;
}

/* Make the packet end where the picture does. Returns whether it is whole. */
static bool trim(AVPacket *p, enum format format)
{
    int size = p->size;

    if (format == JPEG)
        size = (int)va_jpeg_size(p->data, p->size);
    else if (format == PNG)
        size = png_strip(p->data, p->size);
    else if (format == WEBP && ((int64_t)p->data[4] | p->data[5] << 8 | p->data[6] << 16 |
                                (int64_t)p->data[7] << 24) +
                                       8 >
                                   p->size)
        size = 0;
    if (size > 0)
        p->size = size;
    return size > 0;
}

/* ---- decoding --------------------------------------------------------------------------- */

static AVCodecContext *open_decoder(struct va_image_decoder *im, enum AVCodecID id)
{
    const AVCodec *codec = avcodec_find_decoder(id);
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;

    if (!c)
        return NULL;
    c->opaque = &im->log;
    c->thread_count = 1;
    c->max_pixels = VA_PIXELS_MAX;
    c->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (id != AV_CODEC_ID_TIFF) /* it would refuse each tag that it does not know */
        c->err_recognition |= AV_EF_EXPLODE;
    if (avcodec_open2(c, codec, NULL) < 0)
        avcodec_free_context(&c);
    return c;
}

static enum format format_of(const AVPacket *p)
{
    for (enum format f = 0; f < FORMATS; f++)
        if (p->size >= formats[f].offset + formats[f].size &&
            !memcmp(p->data + formats[f].offset, formats[f].bytes, (size_t)formats[f].size))
            return f;
    return FORMATS;
}

/* Why a file of none of the formats is refused. */
static const char *foreign(struct va_image_decoder *im)
{
    const AVPacket *p = im->packet;
    size_t size = p->size < VA_MAGIC_BYTES ? (size_t)p->size : VA_MAGIC_BYTES;
    const char *name = va_magic_name(p->data, size);

    if (!name || size < 12) /* too little to tell */
        return "broken image: invalid data, none of the known formats";
    snprintf(im->why, sizeof(im->why), "is %s; %s", name,
             strstr(name, "picture") ? "convert it to JPEG or PNG" : "expected a picture");
    return im->why;
}

/* Decode the packet. Returns 0 and fills im->frame, or an error number. */
static int decode_image(struct va_image_decoder *im, enum format format)
{
    unsigned complaints = va_libav_complaints(&im->log);
    AVCodecContext *c;
    int error;

    if (!im->decoder[format] &&
        !(im->decoder[format] = open_decoder(im, formats[format].codec)))
        return AVERROR_DECODER_NOT_FOUND;
    if (!trim(im->packet, format))
        return AVERROR_INVALIDDATA;
    c = im->decoder[format];
    avcodec_flush_buffers(c);
    error = avcodec_send_packet(c, im->packet);
    if (error >= 0)
        error = avcodec_receive_frame(c, im->frame);
    if (error == AVERROR(EAGAIN)) {
        error = avcodec_send_packet(c, NULL);
        if (error >= 0)
            error = avcodec_receive_frame(c, im->frame);
    }
    if (error < 0)
        return error == AVERROR_EOF || error == AVERROR(EAGAIN) ? AVERROR_INVALIDDATA : error;
    if (im->frame->decode_error_flags || (im->frame->flags & AV_FRAME_FLAG_CORRUPT))
        return AVERROR_INVALIDDATA;
    if ((format == GIF || format == WEBP || format == BMP || format == JPEG2000) &&
        va_libav_complaints(&im->log) != complaints)
        return AVERROR_INVALIDDATA; /* these say so and show what there is */
    return 0;
}

/* As va_image_decode, before the conversion. */
static int decode_packet(struct va_image_decoder *im, const char *path, const char **why)
{
    enum format format = format_of(im->packet);
    char words[sizeof(im->why) - 32];
    int error;

    if (format == FORMATS) {
        *why = foreign(im);
        return 0;
    }
    error = decode_image(im, format);
    if (error >= 0)
        return 1;
    if (va_mem_short())
        return va_error_memory("%s: out of memory", path);
    snprintf(im->why, sizeof(im->why), "broken image: %s",
             va_libav_why(&im->log, error, words, sizeof(words)));
    *why = im->why;
    return 0;
}

/* As va_image_decode; of a JPEG, 0 without a reason means that it is for decode_packet. */
static int decode_jpeg(struct va_image_decoder *im, const char *path, struct va_frame *out)
{
    const AVPacket *p = im->packet;
    struct va_jpeg_picture picture;
    int got;

    if (format_of(p) != JPEG)
        return 0;
    got = va_jpeg_size(p->data, p->size) > 0
              ? va_jpeg_decode(im->jpeg, p->data, p->size, &picture)
              : 0;
    return got > 0 && va_rgb_packed(im->rgb, path, picture.pixels, picture.width,
                                    picture.height, picture.orientation, out) < 0
               ? -1
               : got;
}

int va_image_decode(struct va_image_decoder *im, const char *path, uint8_t *data, int64_t size,
                    struct va_frame *out, const char **why)
{
    int result;

    im->packet->data = data; /* the decoders copy it */
    im->packet->size = (int)size;
    im->packet->flags |= AV_PKT_FLAG_KEY; /* else a PNG is added to the one before it */
    result = decode_jpeg(im, path, out);
    if (result == 0 && (result = decode_packet(im, path, why)) == 1 &&
        va_rgb_convert(im->rgb, path, im->frame, NULL, out) < 0)
        result = -1;
    av_packet_unref(im->packet);
    av_frame_unref(im->frame);
    return result;
}

/* ---- a reader --------------------------------------------------------------------------- */

void va_image_decoder_into(struct va_image_decoder *im,
                           uint8_t *(*place)(void *arg, int64_t size), void *arg)
{
    va_rgb_into(im->rgb, place, arg);
}

struct va_image_decoder *va_image_decoder_new(int64_t width, int64_t height, bool alike)
{
    struct va_image_decoder *im = va_new(1, sizeof(*im));

    if (!im)
        return NULL;
    va_libav_quiet();
    im->rgb = va_rgb_new(width, height);
    im->jpeg = va_jpeg_new();
    if (im->rgb && im->jpeg) {
        va_rgb_stills(im->rgb);
        if (!width && !alike)
            va_rgb_follow(im->rgb);
        im->packet = av_packet_alloc();
        im->frame = av_frame_alloc();
        if (im->packet && im->frame)
            return im;
        va_error_memory("out of memory for reading images");
    }
    va_image_decoder_free(im);
    return NULL;
}

void va_image_decoder_free(struct va_image_decoder *im)
{
    if (!im)
        return;
    for (int i = 0; i < FORMATS; i++)
        avcodec_free_context(&im->decoder[i]);
    av_packet_free(&im->packet);
    av_frame_free(&im->frame);
    va_jpeg_free(im->jpeg);
    va_rgb_free(im->rgb);
    va_free(im);
}
