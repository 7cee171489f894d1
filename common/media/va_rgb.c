/*
 * From a decoder's picture to packed RGB: swscale converts and scales into a padded scratch
 * picture (it may write past the end of a row), from which rows are copied or turned. Of stills it
 * only converts; they are turned first and scaled then, as programs do that open pictures with Pillow.
 *
 * For YUV it is asked for planes of red, green and blue: with exact settings it packs RGB pixel by pixel, in
 * three times the time, and the values are the same.
 *
 * Unmarked colours are taken as BT.601 in video range and chroma of 4:2:0 as vertically centred,
 * which is how the ffmpeg program shows them.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_resize.h"
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

/* Packed RGB, as it is stored. */
struct packed {
    const uint8_t *pixels;
    int64_t stride, width, height;
};

struct va_rgb {
    int64_t width, height; /* of the output; 0 until known */
    bool follow;           /* the output is as large as the input */
    bool stills;           /* it is resized here and not by swscale */
    struct SwsContext *scaler;
    struct input { /* what the scaler was made for */
        int width, height, format, space, range;
        bool sideways;
    } input;
    AVFrame *scratch; /* scaled, before the turn; planes or packed */
    uint8_t *joined;  /* [scratch->height, scratch->width, 3] of planes; NULL: it is packed */
    struct va_resize *resize;
    int64_t from_width, from_height; /* what it was made for; of stills */
    uint8_t *turned;                 /* [from_height, from_width, 3], or NULL */
    struct {                         /* the picture that was begun */
        const AVFrame *frame;
        struct turn turn;
        uint8_t *pixels; /* where it goes */
    } now;
    uint8_t *pixels; /* [height, width, 3]; NULL: from `place` */
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

void va_rgb_stills(struct va_rgb *r)
{
    r->stills = true;
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
    va_free(r->joined);
    va_resize_free(r->resize);
    va_free(r->turned);
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

/* What swscale is to make of `format`. Of anything but YUV with colours it may make other values there. */
static enum AVPixelFormat format_for(const AVPixFmtDescriptor *format)
{
    const uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL;

    return format && format->nb_components >= 3 && !(format->flags & others) ? AV_PIX_FMT_GBRP
                                                                             : AV_PIX_FMT_RGB24;
}

static int new_scaler(struct va_rgb *r, const struct input *in)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(in->format);
    const int *space = sws_getCoefficients(in->space);
    int full = in->range == AVCOL_RANGE_JPEG || (desc && !strncmp(desc->name, "yuvj", 4));
    int width = r->stills ? in->width : (int)(in->sideways ? r->height : r->width);
    int height = r->stills ? in->height : (int)(in->sideways ? r->width : r->height);
    int error;

    sws_freeContext(r->scaler);
    av_frame_free(&r->scratch);
    va_free(r->joined);
    r->joined = NULL;
    r->scaler = sws_alloc_context();
    r->scratch = av_frame_alloc();
    if (!r->scaler || !r->scratch)
        return AVERROR(ENOMEM);
    av_opt_set_int(r->scaler, "srcw", in->width, 0);
    av_opt_set_int(r->scaler, "srch", in->height, 0);
    av_opt_set_int(r->scaler, "src_format", in->format, 0);
    av_opt_set_int(r->scaler, "dstw", width, 0);
    av_opt_set_int(r->scaler, "dsth", height, 0);
    av_opt_set_int(r->scaler, "dst_format", format_for(desc), 0);
    av_opt_set_int(r->scaler, "sws_flags", (int)SWS_BICUBIC | VA_SWS_EXACT, 0);
    if (in->format == AV_PIX_FMT_YUV420P)
        av_opt_set_int(r->scaler, "src_v_chr_pos", 128, 0);
    r->scratch->width = width;
    r->scratch->height = height;
    r->scratch->format = format_for(desc);
    if (av_frame_get_buffer(r->scratch, 0) < 0)
        return AVERROR(ENOMEM);
    error = sws_init_context(r->scaler, NULL, NULL);
    if (error >= 0)
        sws_setColorspaceDetails(r->scaler, space, full, sws_getCoefficients(SWS_CS_ITU601), 1,
                                 0, 1 << 16, 1 << 16);
    return error;
}

/* Fix the size of the output at the first picture, of width x height, and make room for it. */
static int prepare_output(struct va_rgb *r, int64_t width, int64_t height)
{
    if (r->width == 0 || (r->follow && (width != r->width || height != r->height))) {
        va_free(r->pixels);
        r->pixels = NULL;
        r->width = width;
        r->height = height;
    }
    return r->place || r->pixels || (r->pixels = va_new(r->height * r->width, 3)) ? 0 : -1;
}

/* Make the scaler fit this frame. */
static int prepare_scaler(struct va_rgb *r, const char *path, const AVFrame *f, bool sideways)
{
    const struct input in = { f->width,      f->height,      f->format,
                              f->colorspace, f->color_range, sideways };
    char why[512];
    int error;

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

/* Make the resizer fit stills of width x height. */
static int prepare_resize(struct va_rgb *r, int64_t width, int64_t height)
{
    if (r->resize && r->from_width == width && r->from_height == height)
        return 0;
    va_resize_free(r->resize);
    va_free(r->turned);
    r->turned = NULL;
    r->resize = va_resize_new(width, height, r->width, r->height);
    r->from_width = width;
    r->from_height = height;
    return r->resize ? 0 : -1;
}

/* Copy `p` to `out` [height, width, 3], both after the turn. */
static void turn_picture(const struct packed *p, struct turn t, int64_t width, int64_t height,
                         uint8_t *out)
{
    const int64_t right = 3 * t.xx + p->stride * t.yx, down = 3 * t.xy + p->stride * t.yy;
    const uint8_t *row = p->pixels;

    if (t.xx + t.xy < 0) /* stored columns are seen from the right */
        row += 3 * (p->width - 1);
    if (t.yx + t.yy < 0)
        row += p->stride * (p->height - 1);
    for (int64_t y = 0; y < height; y++, row += down) {
        const uint8_t *from = row;

        if (right == 3) {
            memcpy(out, from, (size_t)width * 3);
            out += width * 3;
            continue;
        }
        for (int64_t x = 0; x < width; x++, from += right, out += 3)
            memcpy(out, from, 3);
    }
}

/* The planes of the scratch picture, which come as green, blue and red, side by side. */
static void join_planes(const AVFrame *f, uint8_t *out)
{
    for (int y = 0; y < f->height; y++) {
        const uint8_t *green = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        const uint8_t *blue = f->data[1] + (ptrdiff_t)y * f->linesize[1];
        const uint8_t *red = f->data[2] + (ptrdiff_t)y * f->linesize[2];

        for (int x = 0; x < f->width; x++, out += 3) {
            out[0] = red[x];
            out[1] = green[x];
            out[2] = blue[x];
        }
    }
}

/* Whether a still goes to the resizer as it is stored. */
static bool is_direct(const struct packed *p, struct turn t)
{
    return t.xx == 1 && t.yy == 1 && p->stride == 3 * p->width;
}

/* Prepare a picture that is stored as `p` says. -1 after reporting, or when there is no place for it. */
static int begin(struct va_rgb *r, const struct packed *p, struct turn t, struct va_frame *out)
{
    const int64_t width = t.xx ? p->width : p->height, height = t.xx ? p->height : p->width;
    const bool resized = r->stills && (width != r->width || height != r->height);

    if (resized && prepare_resize(r, width, height) < 0)
        return -1;
    if (resized && !is_direct(p, t) && !r->turned &&
        !(r->turned = va_new_unset(width * height, 3)))
        return -1;
    r->now.turn = t;
    r->now.pixels = r->place ? r->place(r->arg, r->width * r->height * 3) : r->pixels;
    out->pixels = r->now.pixels;
    out->width = r->width;
    out->height = r->height;
    return out->pixels ? 0 : -1;
}

/* Turn what was begun, and resize it where it is a still of another size. */
static void run(struct va_rgb *r, const struct packed *p)
{
    const struct turn t = r->now.turn;
    const int64_t width = t.xx ? p->width : p->height, height = t.xx ? p->height : p->width;

    if (width == r->width && height == r->height) {
        turn_picture(p, t, width, height, r->now.pixels);
    } else if (is_direct(p, t)) {
        va_resize_run(r->resize, p->pixels, r->now.pixels);
    } else {
        turn_picture(p, t, width, height, r->turned);
        va_resize_run(r->resize, r->turned, r->now.pixels);
    }
}

/* The scratch picture as packed RGB. */
static struct packed scratch_of(const struct va_rgb *r)
{
    const AVFrame *f = r->scratch;

    if (r->joined)
        return (struct packed){ r->joined, 3 * (int64_t)f->width, f->width, f->height };
    return (struct packed){ f->data[0], f->linesize[0], f->width, f->height };
}

int va_rgb_begin(struct va_rgb *r, const char *path, const AVFrame *frame,
                 const int32_t *matrix, struct va_frame *out)
{
    struct turn t = turn_of(frame, matrix);
    bool sideways = t.xx == 0;
    struct packed p;

    if (va_source_check_size(path, frame->width, frame->height) < 0 ||
        prepare_output(r, sideways ? frame->height : frame->width,
                       sideways ? frame->width : frame->height) < 0 ||
        prepare_scaler(r, path, frame, sideways) < 0)
        return -1;
    if (r->scratch->format == AV_PIX_FMT_GBRP && !r->joined &&
        !(r->joined = va_new_unset((int64_t)r->scratch->width * r->scratch->height, 3)))
        return -1;
    r->now.frame = frame;
    p = scratch_of(r);
    return begin(r, &p, t, out);
}

void va_rgb_run(struct va_rgb *r)
{
    const AVFrame *f = r->now.frame;
    const struct packed p = scratch_of(r);

    sws_scale(r->scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
              r->scratch->data, r->scratch->linesize);
    if (r->joined)
        join_planes(r->scratch, r->joined);
    run(r, &p);
}

int va_rgb_convert(struct va_rgb *r, const char *path, const AVFrame *frame,
                   const int32_t *matrix, struct va_frame *out)
{
    if (va_rgb_begin(r, path, frame, matrix, out) < 0)
        return -1;
    va_rgb_run(r);
    return 0;
}

int va_rgb_packed(struct va_rgb *r, const char *path, const uint8_t *pixels, int64_t width,
                  int64_t height, int orientation, struct va_frame *out)
{
    static const struct turn turns[] = { { 1, 0, 0, 1 },   { -1, 0, 0, 1 }, { -1, 0, 0, -1 },
                                         { 1, 0, 0, -1 },  { 0, 1, 1, 0 },  { 0, 1, -1, 0 },
                                         { 0, -1, -1, 0 }, { 0, -1, 1, 0 } };
    const struct turn t = turns[orientation - 1];
    const struct packed p = { pixels, 3 * width, width, height };

    if (va_source_check_size(path, width, height) < 0 ||
        prepare_output(r, t.xx ? width : height, t.xx ? height : width) < 0 ||
        begin(r, &p, t, out) < 0)
        return -1;
    run(r, &p);
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
