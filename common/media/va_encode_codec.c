/*
 * Bytes must not depend on the moment or the machine: one thread, bit-exact flags in encoder and scaler,
 * and x264 told to decide alike on every processor.
 */
#include "media/va_encode_priv.h"

#include <libavutil/opt.h>

/* The quality scale of JPEG and MPEG-4: 1 (best) to 31. */
static int quantiser(int quality)
{
    return 1 + (100 - quality) * 30 / 99;
}

void va_codec_rate(AVCodecContext *c, int quality)
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
AVCodecContext *va_codec_new(const AVCodec *codec, int64_t width, int64_t height,
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
struct SwsContext *va_codec_scaler(const AVCodecContext *c, bool full)
{
    struct SwsContext *s = sws_getContext(c->width, c->height, AV_PIX_FMT_RGB24, c->width,
                                          c->height, c->pix_fmt,
                                          (int)SWS_BICUBIC | VA_SWS_EXACT, NULL, NULL, NULL);

    if (s)
        sws_setColorspaceDetails(s, sws_getCoefficients(SWS_CS_ITU601), 1,
                                 sws_getCoefficients(SWS_CS_ITU601), full, 0, 1 << 16, 1 << 16);
    return s;
}

AVFrame *va_codec_frame(const AVCodecContext *c)
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
int va_codec_fill(struct SwsContext *scaler, AVFrame *frame, const uint8_t *rgb)
{
    const uint8_t *const planes[4] = { rgb };
    const int strides[4] = { 3 * frame->width };
    int error = av_frame_make_writable(frame);

    if (error < 0)
        return error;
    sws_scale(scaler, planes, strides, 0, frame->height, frame->data, frame->linesize);
    return 0;
}
