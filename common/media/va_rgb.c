/*
 * From a decoder's picture to packed RGB: swscale converts and scales into a padded scratch
 * picture (it may write past the end of a row), from which rows are copied or turned.
 *
 * Unmarked colours are taken as BT.601 in video range and chroma of 4:2:0 as vertically centred,
 * which is how the ffmpeg program shows them.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_source_priv.h"

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

/* A turn or mirror: output (x, y) is seen at (xx * x + xy * y, yx * x + yy * y) of the stored
 * picture, counted from the corner where that is not negative. */
struct turn {
    int xx, xy, yx, yy;
};
static const struct turn upright = { 1, 0, 0, 1 };

struct va_rgb {
    int64_t width, height; /* of the output; 0 until known */
    bool follow;           /* the output is as large as the input */
    struct SwsContext *scaler;
    struct input { /* what the scaler was made for */
        int width, height, format, space, range;
        bool sideways;
    } input;
    AVFrame *scratch; /* scaled, before the turn */
    uint8_t *pixels;  /* [height, width, 3]; NULL: from `place` */
    uint8_t *(*place)(void *arg, int64_t size);
    void *arg;
};

struct va_rgb *va_rgb_new(int64_t width, int64_t height)
{
    struct va_rgb *r = va_new(1, sizeof(*r));

    if (r) {
        r->width = width;
        r->height = height;
    }
    return r;
}

void va_rgb_follow(struct va_rgb *r)
{
    r->follow = true;
}

void va_rgb_into(struct va_rgb *r, uint8_t *(*place)(void *arg, int64_t size), void *arg)
{
    r->place = place;
    r->arg = arg;
}

void va_rgb_free(struct va_rgb *r)
{
    if (!r)
        return;
    sws_freeContext(r->scaler);
    av_frame_free(&r->scratch);
    va_free(r->pixels);
    va_free(r);
}

/* -1, 0 or 1 for an element of a display matrix (16.16), 2 for anything between. */
static int unit(int32_t v)
{
    int64_t a = llabs((int64_t)v), slack = 1 << 10;

    return a <= slack ? 0 : a < (1 << 16) - slack || a > (1 << 16) + slack ? 2 : v < 0 ? -1 : 1;
}

/*
 * The matrix takes stored (p, q) to shown (a p + c q, b p + d q). For the eight turns and
 * mirrors its inverse is its transpose. Anything else (a tilt, a zoom) is not for us to undo.
 */
static struct turn turn_of(const AVFrame *frame, const int32_t *matrix)
{
    const AVFrameSideData *d = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    int a, b, c, e;

    if (d && d->size >= 9 * sizeof(int32_t))
        matrix = (const int32_t *)(const void *)d->data;
    if (!matrix)
        return upright;
    a = unit(matrix[0]);
    b = unit(matrix[1]);
    c = unit(matrix[3]);
    e = unit(matrix[4]);
    if (abs(a) > 1 || abs(b) > 1 || abs(c) > 1 || abs(e) > 1 || abs(a) + abs(b) != 1 ||
        abs(c) + abs(e) != 1 || abs(a) + abs(c) != 1)
        return upright;
    return (struct turn){ .xx = a, .xy = b, .yx = c, .yy = e };
}

static int new_scaler(struct va_rgb *r, const struct input *in)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(in->format);
    const int *space = sws_getCoefficients(in->space);
    int full = in->range == AVCOL_RANGE_JPEG || (desc && !strncmp(desc->name, "yuvj", 4));
    int width = (int)(in->sideways ? r->height : r->width);
    int height = (int)(in->sideways ? r->width : r->height);
    int error;

    sws_freeContext(r->scaler);
    av_frame_free(&r->scratch);
    r->scaler = sws_alloc_context();
    r->scratch = av_frame_alloc();
    if (!r->scaler || !r->scratch)
        return AVERROR(ENOMEM);
    av_opt_set_int(r->scaler, "srcw", in->width, 0);
    av_opt_set_int(r->scaler, "srch", in->height, 0);
    av_opt_set_int(r->scaler, "src_format", in->format, 0);
    av_opt_set_int(r->scaler, "dstw", width, 0);
    av_opt_set_int(r->scaler, "dsth", height, 0);
    av_opt_set_int(r->scaler, "dst_format", AV_PIX_FMT_RGB24, 0);
    av_opt_set_int(r->scaler, "sws_flags", (int)SWS_BICUBIC | VA_SWS_EXACT, 0);
    if (in->format == AV_PIX_FMT_YUV420P)
        av_opt_set_int(r->scaler, "src_v_chr_pos", 128, 0);
    r->scratch->width = width;
    r->scratch->height = height;
    r->scratch->format = AV_PIX_FMT_RGB24;
    if (av_frame_get_buffer(r->scratch, 0) < 0)
        return AVERROR(ENOMEM);
    error = sws_init_context(r->scaler, NULL, NULL);
    if (error >= 0)
        sws_setColorspaceDetails(r->scaler, space, full, sws_getCoefficients(SWS_CS_ITU601), 1,
                                 0, 1 << 16, 1 << 16);
    return error;
}

/* Make the scaler fit this frame, and fix the size of the output at the first. */
static int prepare(struct va_rgb *r, const char *path, const AVFrame *f, bool sideways)
{
    const struct input in = { f->width,      f->height,      f->format,
                              f->colorspace, f->color_range, sideways };
    const int64_t width = sideways ? f->height : f->width;
    const int64_t height = sideways ? f->width : f->height;
    char why[512];
    int error;

    if (r->width == 0 || (r->follow && (width != r->width || height != r->height))) {
        va_free(r->pixels);
        r->pixels = NULL;
        r->width = width;
        r->height = height;
    }
    if (!r->place && !r->pixels && !(r->pixels = va_new(r->height * r->width, 3)))
        return -1;
    if (r->scaler && in.width == r->input.width && in.height == r->input.height &&
        in.format == r->input.format && in.space == r->input.space &&
        in.range == r->input.range && in.sideways == r->input.sideways)
        return 0;
    error = new_scaler(r, &in);
    if (error < 0) { /* the next picture may be like the one before this */
        sws_freeContext(r->scaler);
        r->scaler = NULL;
    }
    if (error == AVERROR(ENOMEM))
        return va_error_memory("%s: out of memory for pictures of %lldx%lld", path,
                               (long long)r->width, (long long)r->height);
    if (error < 0)
        return va_error("%s: cannot convert pictures of %dx%d, format %s: %s", path, f->width,
                        f->height, av_get_pix_fmt_name(f->format),
                        va_libav_why(NULL, error, why, sizeof(why)));
    r->input = in;
    return 0;
}

/* Copy the scratch picture to `out` by way of `t`. */
static void turn_picture(const struct va_rgb *r, struct turn t, uint8_t *out)
{
    const int64_t stride = r->scratch->linesize[0], width = r->width, height = r->height;
    const int64_t right = 3 * t.xx + stride * t.yx, down = 3 * t.xy + stride * t.yy;
    const uint8_t *row = r->scratch->data[0];

    if (t.xx + t.xy < 0) /* stored columns are seen from the right */
        row += 3 * (int64_t)(r->scratch->width - 1);
    if (t.yx + t.yy < 0)
        row += stride * (r->scratch->height - 1);
    for (int64_t y = 0; y < height; y++, row += down) {
        const uint8_t *p = row;

        if (right == 3) {
            memcpy(out, p, (size_t)width * 3);
            out += width * 3;
            continue;
        }
        for (int64_t x = 0; x < width; x++, p += right, out += 3)
            memcpy(out, p, 3);
    }
}

int va_rgb_convert(struct va_rgb *r, const char *path, const AVFrame *frame,
                   const int32_t *matrix, struct va_frame *out)
{
    struct turn t = turn_of(frame, matrix);
    uint8_t *pixels;

    if (va_source_check_size(path, frame->width, frame->height) < 0 ||
        prepare(r, path, frame, t.xx == 0) < 0)
        return -1;
    sws_scale(r->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
              r->scratch->data, r->scratch->linesize);
    pixels = r->place ? r->place(r->arg, r->width * r->height * 3) : r->pixels;
    if (!pixels)
        return -1;
    turn_picture(r, t, pixels);
    out->pixels = pixels;
    out->width = r->width;
    out->height = r->height;
    return 0;
}

int va_source_check_size(const char *path, int64_t width, int64_t height)
{
    if (width >= 1 && height >= 1 && width <= VA_SIDE_MAX && height <= VA_SIDE_MAX &&
        width * height <= VA_PIXELS_MAX)
        return 0;
    return va_error("%s: found pictures of %lldx%lld, expected sides of 1..%d and at most %d "
                    "pixels",
                    path, (long long)width, (long long)height, VA_SIDE_MAX, VA_PIXELS_MAX);
}
