/*
 * How many threads and how much memory a decoder gets.
 *
 * A decoder with frame threads keeps one picture or two in flight per thread, beside those that
 * later pictures refer to (16 at most in H.264 and HEVC) or that wait for their turn. A picture
 * of 8192 x 8192 is 96 MiB: sixteen threads took 3.2 GB for a video of 199 kB.
 */
#include "media/va_decoder.h"

#include "base/va_confine.h"
#include "media/va_libav_priv.h"
#include "media/va_source.h"

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <string.h>

enum {
    THREADS_MAX = 16,      /* more bring little */
    PER_THREAD = 2,        /* pictures */
    IN_FLIGHT = 512 << 20, /* bytes of pictures for all threads together */
    BITS_UNKNOWN = 24,     /* 4:2:0 with more than 8 bits each */

    /* For the limit on memory, which only has to stop what no honest file needs. */
    BASE = 256 << 20,           /* libraries, stacks of threads, tables of demuxers */
    PICTURES = 24,              /* referred to, waiting, being scaled, up to this size: */
    PIXELS_USUAL = 4096 * 2160, /* a stream may grow to it */
    PICTURES_LARGE = 10,        /* codecs keep fewer of larger ones */
    BYTES = 3,                  /* of a pixel, 4:2:0 or 4:2:2 with up to 16 bits */
};

int va_decoder_threads(int threads, int64_t width, int64_t height, int bits,
                       int64_t *pixels_max)
{
    int64_t bytes = ((bits ? bits : BITS_UNKNOWN) + 7) / 8, pixels = width * height, most;

    threads = threads < 1 ? 1 : threads < THREADS_MAX ? threads : THREADS_MAX;
    if (pixels > 0) {
        most = IN_FLIGHT / (PER_THREAD * bytes * pixels);
        threads = most < 1 ? 1 : most < threads ? (int)most : threads;
    }
    *pixels_max = threads == 1 ? VA_PIXELS_MAX : IN_FLIGHT / (PER_THREAD * bytes * threads);
    if (*pixels_max > VA_PIXELS_MAX)
        *pixels_max = VA_PIXELS_MAX;
    return threads;
}

int64_t va_decoder_memory(int threads, int64_t width, int64_t height)
{
    const int64_t usual = (int64_t)PICTURES * PIXELS_USUAL, pixels = width * height;
    const int64_t large = PICTURES_LARGE * pixels;

    return BASE +
           BYTES * ((large > usual ? large : usual) + (int64_t)PER_THREAD * threads * pixels);
}

void va_decoder_plan(AVCodecContext *codec, int threads)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(codec->pix_fmt);
    int bits = format ? av_get_padded_bits_per_pixel(format) : 0;

    codec->thread_count = va_decoder_threads(threads, codec->width, codec->height, bits,
                                             &codec->max_pixels);
    va_confine_memory(va_decoder_memory(codec->thread_count, codec->width, codec->height));
}

/* From any thread of the decoder. */
static int get_cleared(AVCodecContext *codec, AVFrame *frame, int flags)
{
    int error = avcodec_default_get_buffer2(codec, frame, flags);

    for (int i = 0; error >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
        memset(frame->buf[i]->data, 0, frame->buf[i]->size);
    return error;
}

void va_decoder_clear(AVCodecContext *codec)
{
    codec->get_buffer2 = get_cleared;
#if LIBAVCODEC_VERSION_MAJOR < 60 /* later ones take it for granted */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    codec->thread_safe_callbacks = 1;
#pragma GCC diagnostic pop
#endif
}
