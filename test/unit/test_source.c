/* Numbering around lost packets, and what the encoder writes read back by the decoder. */
#include "base/va_error.h"
#include "media/va_encode.h"
#include "media/va_order_priv.h"
#include "media/va_source.h"
#include "media/va_source_priv.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <unistd.h>

enum { WIDTH = 32, HEIGHT = 16 };

static void numbers_follow_each_other(void)
{
    struct va_order o;
    static const int64_t packets[] = { 0, 30, 10, 20, 60, 40, 50 };

    va_order_init(&o, 0, true);
    for (size_t i = 0; i < VA_COUNT(packets); i++)
        va_order_packet(&o, packets[i]);
    for (int64_t n = 0; n < 7; n++)
        VA_CHECK_INT(va_order_frame(&o, 10 * n), n + 1);
    va_order_end(&o);
    VA_CHECK_INT(o.number, 7);
}

static void a_lost_frame_keeps_its_number(void)
{
    struct va_order o;

    va_order_init(&o, 0, false);
    for (int64_t n = 0; n < 6; n++)
        va_order_packet(&o, 10 * n);
    VA_CHECK_INT(va_order_frame(&o, 0), 1);
    va_order_refused(&o);
    va_order_refused(&o);
    VA_CHECK_INT(va_order_frame(&o, 20), 3);
    VA_CHECK_INT(va_order_frame(&o, 40), 5);
    va_order_refused(&o);
    va_order_end(&o);
    VA_CHECK_INT(o.number, 6);
}

static void packets_that_are_never_shown_have_no_number(void)
{
    struct va_order o;

    va_order_init(&o, 10, true);
    for (int64_t n = 0; n < 1000; n++) {
        va_order_packet(&o, 10 * n);
        va_order_packet(&o, 10 * n + 5);
        VA_CHECK_INT(va_order_frame(&o, 10 * n), n + 1);
    }
    for (int64_t n = 0; n < 2 * VA_ORDER_MAX; n++) /* more than fit */
        va_order_packet(&o, 1000000 + n);
    VA_CHECK_INT(va_order_frame(&o, 2000000), 1001);
    VA_CHECK_INT(va_order_frame(&o, INT64_MIN), 1002); /* a frame without a time */
}

/* Frames at these ticks, each from a packet of its own; the numbers they get. */
static void check_numbers(struct va_order *o, const int64_t *ticks, const int64_t *numbers,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        va_order_packet(o, ticks[i]);
        VA_CHECK_INT(va_order_frame(o, ticks[i]), numbers[i]);
    }
}

static void a_packet_without_a_picture(void)
{
    struct va_order o;

    for (int strict = 0; strict < 2; strict++) {
        va_order_init(&o, 10, strict);
        for (int64_t n = 0; n < 5; n++)
            va_order_packet(&o, 10 * n);
        VA_CHECK_INT(va_order_frame(&o, 0), 1);
        VA_CHECK_INT(va_order_frame(&o, 30), strict ? 4 : 2);
        VA_CHECK_INT(o.lost, strict ? 2 : 0);
        va_order_end(&o);
        VA_CHECK_INT(o.number, strict ? 5 : 2);
        VA_CHECK_INT(o.lost, strict ? 1 : 0);
    }
    va_order_init(&o, 10, true); /* second fields, half a frame later */
    for (int64_t n = 0; n < 100; n++) {
        va_order_packet(&o, 10 * n);
        va_order_packet(&o, 10 * n + 5);
    }
    for (int64_t n = 0; n < 100; n++)
        VA_CHECK_INT(va_order_frame(&o, 10 * n), n + 1);
    va_order_end(&o);
    VA_CHECK_INT(o.number, 100);
}

static void a_gap_is_a_loss_where_data_was_passed_over(void)
{
    static const int64_t ticks[] = { 0, 33, 67, 100, 233, 267, 300 };
    static const int64_t good[] = { 1, 2, 3, 4, 5, 6, 7 };
    static const int64_t lost[] = { 1, 2, 3, 4, 8, 9, 10 };
    static const int64_t late[] = { 1, 2, 3, 4, 5, 9, 10 };
    static const int64_t uneven[] = { 0, 33, 100, 133, 200, 300, 400 };
    struct va_order o;

    va_order_init(&o, 100. / 3, true);
    check_numbers(&o, ticks, good, VA_COUNT(ticks));
    va_order_init(&o, 100. / 3, true);
    o.suspect = true;
    check_numbers(&o, ticks, lost, VA_COUNT(ticks));
    va_order_init(&o, 0, true); /* the rate is learned */
    check_numbers(&o, ticks, good, 5);
    o.suspect = true; /* told too late for frame 5 */
    check_numbers(&o, ticks + 5, late + 5, 2);
    VA_CHECK_INT(va_order_frame(&o, 290), 0); /* shown after a later one */
    VA_CHECK_INT(o.number, 10);
    va_order_init(&o, 100. / 3, true); /* a recorder that leaves pictures out */
    check_numbers(&o, uneven, good, 5);
    o.suspect = true;
    check_numbers(&o, uneven + 5, good + 5, 2);
}

static void raw_streams_count_packets(void)
{
    struct va_order o;

    va_order_init(&o, 0, true);
    VA_CHECK_INT(va_order_frame(&o, INT64_MIN), 1);
    va_order_refused(&o);
    VA_CHECK_INT(va_order_frame(&o, INT64_MIN), 3);
    va_order_refused(&o);
    va_order_end(&o);
    VA_CHECK_INT(o.number, 4);
}

/* Give packets to a clock; the one at `joint` (-1: none) must begin a new piece. */
static void check_clock(struct va_clock *c, const int64_t *pts, const int64_t *shifted,
                        int count, int joint)
{
    for (int i = 0; i < count; i++) {
        int64_t at = pts[i], dts = INT64_MIN;
        bool key = i == 0 || i == joint;

        VA_CHECK_INT(va_clock_packet(c, &at, &dts, key), i == joint);
        VA_CHECK_INT(at, shifted[i]);
    }
}

static void clocks_that_start_again(void)
{
    static const int64_t negative[] = { -20, 20, 0, 10, 50, 30, 40 };
    static const int64_t twice[] = { 0, 30, 10, 20, 0, 30, 10, 20 };
    static const int64_t once[] = { 0, 30, 10, 20, 40, 70, 50, 60 };
    static const int64_t far[] = { 0, 10, 5000000, 5000010 };
    static const int64_t near[] = { 0, 10, 20, 30 };
    static const int64_t missing[] = { INT64_MIN, INT64_MAX };
    static const int64_t none[] = { INT64_MIN, INT64_MIN };
    struct va_clock c = { .step = 10, .second = 1000 };

    check_clock(&c, negative, negative, 7, -1);
    c = (struct va_clock){ .step = 10, .second = 1000 };
    check_clock(&c, twice, once, 8, 4);
    VA_CHECK(c.from == 30 && c.to == 0);
    c = (struct va_clock){ .step = 10, .second = 1000 };
    check_clock(&c, far, far, 4, -1);
    c = (struct va_clock){ .step = 10, .second = 1000, .jumps = true };
    check_clock(&c, far, near, 4, 2);
    c = (struct va_clock){ .step = 10, .second = 1000 };
    check_clock(&c, missing, none, 2, -1);
}

/* A video of grey frames at the given ticks, in a new folder. */
static bool write_grey(const char *path, const int64_t *ticks, int64_t count)
{
    struct va_encoder *e = va_encoder_open(path, WIDTH, HEIGHT, 30, 95);
    uint8_t rgb[WIDTH * HEIGHT * 3];

    for (int64_t i = 0; e && i < count; i++) {
        memset(rgb, (int)(40 + 20 * i), sizeof(rgb));
        if (va_encoder_frame(e, rgb, ticks[i]) < 0)
            return va_encoder_abort(&e), false;
    }
    return e && va_encoder_close(&e) == 0;
}

static void encoded_frames_come_back_at_their_times(void)
{
    static const int64_t ticks[] = { 0, 1, 2, 5, 6, 9, 30 };
    const struct va_source_options options = { .every = 1, .threads = 1 };
    char folder[] = "/tmp/va-test-XXXXXX", path[64];
    struct va_source *s;
    struct va_frame f;
    int64_t n = 0;

    VA_CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/v.mp4", folder);
    VA_CHECK(write_grey(path, ticks, VA_COUNT(ticks)));
    s = va_source_open(path, &options);
    VA_CHECK(s != NULL);
    VA_CHECK_INT(va_source_expected(s), VA_COUNT(ticks));
    while (s && va_source_next(s, &f) == 1 && n < (int64_t)VA_COUNT(ticks)) {
        VA_CHECK_INT(f.index, n + 1);
        VA_CHECK_INT(f.width * 10000 + f.height, WIDTH * 10000 + HEIGHT);
        VA_CHECK_NEAR(f.pts, (double)ticks[n] / 30, 1e-9);
        VA_CHECK_NEAR(f.pixels[0], 40 + 20 * n, 3);
        VA_CHECK_NEAR(f.pixels[WIDTH * HEIGHT * 3 - 1], 40 + 20 * n, 3);
        n++;
    }
    VA_CHECK_INT(n, VA_COUNT(ticks));
    VA_CHECK_INT(va_source_frame_count(s), n);
    VA_CHECK_NEAR(va_source_fps(s), 6, 1e-9); /* 6 steps in a second */
    VA_CHECK_INT(va_source_broken(s), 0);
    va_source_close(s);
    unlink(path);
    rmdir(folder);
}

/* With several threads a frame is decoded ahead; what is known at each frame stays the same. */
static void decoding_ahead_does_not_show(void)
{
    static const int64_t ticks[] = { 0, 1, 2, 5, 6, 9, 30, 31, 40 };
    char folder[] = "/tmp/va-test-XXXXXX", path[64];
    struct va_source *s[2];
    struct va_frame f[2];
    int got;

    VA_CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/v.mp4", folder);
    VA_CHECK(write_grey(path, ticks, VA_COUNT(ticks)));
    for (int i = 0; i < 2; i++)
        s[i] = va_source_open(path,
                              &(struct va_source_options){ .every = 2, .threads = 1 + 3 * i });
    if (!s[0] || !s[1])
        abort();
    do {
        got = va_source_next(s[0], &f[0]);
        VA_CHECK_INT(va_source_next(s[1], &f[1]), got);
        VA_CHECK_INT(va_source_frame_count(s[1]), va_source_frame_count(s[0]));
        VA_CHECK_NEAR(va_source_fps(s[1]), va_source_fps(s[0]), 0);
        VA_CHECK_INT(va_source_broken(s[1]), 0);
        if (got > 0) {
            VA_CHECK_INT(f[1].index, f[0].index);
            VA_CHECK_NEAR(f[1].pts, f[0].pts, 0);
            VA_CHECK(memcmp(f[1].pixels, f[0].pixels, WIDTH * HEIGHT * 3) == 0);
        }
    } while (got > 0);
    for (int i = 0; i < 2; i++)
        va_source_close(s[i]);
    unlink(path);
    rmdir(folder);
}

/* Overwrite the first picture, which begins after the encoder's own words. */
static void spoil(const char *path)
{
    enum { WORDS = 800, BYTES = 40 };
    FILE *f = fopen(path, "r+b");

    if (!f || fseek(f, WORDS, SEEK_SET) < 0)
        abort();
    for (int i = 0; i < BYTES; i++)
        fputc('?', f);
    fclose(f);
}

/* Numbers and times alone are those of the decoded frames; and no decoder sees the packets, since damage in them is not found. */
static void times_need_no_decoder(void)
{
    static const int64_t ticks[] = { 0, 1, 2, 5, 6, 9, 30, 31, 40 };
    const struct va_source_options options = { .threads = 1, .times = true };
    char folder[] = "/tmp/va-test-XXXXXX", path[64];
    int found[2] = { 0 };

    VA_CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/v.mp4", folder);
    VA_CHECK(write_grey(path, ticks, VA_COUNT(ticks)));
    for (int damaged = 0; damaged < 2; damaged++) {
        struct va_source *s;
        struct va_frame f;

        if (damaged)
            spoil(path);
        s = va_source_open(path, &options);
        while (s && va_source_next(s, &f) == 1 && found[damaged] < (int)VA_COUNT(ticks)) {
            VA_CHECK(!f.pixels && f.width == 0 && f.height == 0);
            VA_CHECK_INT(f.index, found[damaged] + 1);
            VA_CHECK_NEAR(f.pts, (double)ticks[found[damaged]++] / 30, 1e-9);
        }
        VA_CHECK_INT(found[damaged], VA_COUNT(ticks));
        VA_CHECK(s && va_source_frame_count(s) == VA_COUNT(ticks) && va_source_broken(s) == 0);
        VA_CHECK_NEAR(va_source_fps(s), 6, 1e-9); /* 8 steps in 4/3 s */
        va_source_close(s);
    }
    unlink(path);
    rmdir(folder);
}

static void the_encoder_refuses_what_it_cannot_keep(void)
{
    char line[512] = "", folder[] = "/tmp/va-test-XXXXXX", path[64];
    static const int64_t back[] = { 0, 2, 1 };

    VA_CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/v.mp4", folder);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(!va_encoder_open(path, 33, 16, 30, 90));
    VA_CHECK(strstr(line, "33x16") != NULL);
    VA_CHECK(!va_encoder_open(path, 32, 16, 0, 90));
    VA_CHECK(!va_encoder_open(path, 32, 16, 30, 0));
    VA_CHECK(!write_grey(path, back, VA_COUNT(back)));
    va_error_catch_end();
    VA_CHECK(rmdir(folder) == 0); /* nothing is left in it */
}

/* A picture that swscale has no converter for comes between two that it has one for. */
static void a_picture_that_cannot_be_converted_spoils_no_other(void)
{
    static const int formats[] = { AV_PIX_FMT_GRAY8, AV_PIX_FMT_VAAPI, AV_PIX_FMT_GRAY8 };
    uint8_t grey[WIDTH * HEIGHT];
    struct va_rgb *rgb = va_rgb_new(WIDTH, HEIGHT);
    AVFrame *frame = av_frame_alloc();
    struct va_frame out;
    char line[512];

    if (!rgb || !frame)
        abort();
    memset(grey, 77, sizeof(grey));
    frame->width = WIDTH;
    frame->height = HEIGHT;
    frame->data[0] = grey;
    frame->linesize[0] = WIDTH;
    frame->color_range = AVCOL_RANGE_JPEG;
    for (size_t i = 0; i < VA_COUNT(formats); i++) {
        int result;

        frame->format = formats[i];
        va_error_catch_begin(line, sizeof(line));
        result = va_rgb_convert(rgb, "x", frame, NULL, &out);
        va_error_catch_end();
        VA_CHECK_INT(result, i == 1 ? -1 : 0);
        VA_CHECK(result < 0 || out.pixels[3 * WIDTH] == 77);
    }
    frame->data[0] = NULL;
    av_frame_free(&frame);
    va_rgb_free(rgb);
}

/* What swscale itself packs as RGB; the caller frees it. */
static AVFrame *packed_by_swscale(const AVFrame *f, int width, int height)
{
    struct SwsContext *c = sws_getContext(f->width, f->height, f->format, width, height,
                                          AV_PIX_FMT_RGB24, (int)SWS_BICUBIC | VA_SWS_EXACT,
                                          NULL, NULL, NULL);
    AVFrame *out = av_frame_alloc();

    if (!c || !out)
        abort();
    out->width = width;
    out->height = height;
    out->format = AV_PIX_FMT_RGB24;
    if (av_frame_get_buffer(out, 0) < 0)
        abort();
    sws_setColorspaceDetails(c, sws_getCoefficients(SWS_CS_DEFAULT),
                             f->format == AV_PIX_FMT_YUVJ420P,
                             sws_getCoefficients(SWS_CS_ITU601), 1, 0, 1 << 16, 1 << 16);
    sws_scale(c, (const uint8_t *const *)f->data, f->linesize, 0, f->height, out->data,
              out->linesize);
    sws_freeContext(c);
    return out;
}

/* Bytes of a picture in which va_rgb and swscale differ. */
static int64_t differences(int format, const int *size)
{
    AVFrame *frame = av_frame_alloc(), *expected;
    struct va_rgb *rgb = va_rgb_new(size[2], size[3]);
    uint32_t random = 1;
    struct va_frame out;
    int64_t bad = 0;

    if (!frame || !rgb)
        abort();
    frame->width = size[0];
    frame->height = size[1];
    frame->format = format;
    if (av_frame_get_buffer(frame, 0) < 0)
        abort();
    for (int p = 0; p < 4 && frame->buf[p]; p++)
        for (size_t i = 0; i < frame->buf[p]->size; i++)
            frame->buf[p]->data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    VA_CHECK_INT(va_rgb_convert(rgb, "x", frame, NULL, &out), 0);
    expected = packed_by_swscale(frame, size[2], size[3]);
    for (int y = 0; y < size[3]; y++)
        bad += memcmp(expected->data[0] + y * expected->linesize[0],
                      out.pixels + 3 * (int64_t)y * size[2], (size_t)size[2] * 3) != 0;
    av_frame_free(&frame);
    av_frame_free(&expected);
    va_rgb_free(rgb);
    return bad;
}

/* Planes are asked for only because they come sooner. */
static void planes_hold_what_swscale_packs(void)
{
    static const int formats[] = {
        AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV422P,     AV_PIX_FMT_YUV444P, AV_PIX_FMT_NV12,
        AV_PIX_FMT_GRAY8,    AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUYV422, AV_PIX_FMT_PAL8,
        AV_PIX_FMT_RGB24,    AV_PIX_FMT_RGB555LE,    AV_PIX_FMT_GBRP,    AV_PIX_FMT_YUVA420P
    };
    static const int sizes[][4] = { { 64, 48, 30, 31 },  { 64, 48, 64, 48 },
                                    { 65, 49, 65, 49 },  { 97, 131, 50, 131 },
                                    { 97, 131, 97, 60 }, { 33, 17, 66, 34 } };

    for (size_t f = 0; f < VA_COUNT(formats); f++)
        for (size_t s = 0; s < VA_COUNT(sizes); s++)
            VA_CHECK_INT(differences(formats[f], sizes[s]), 0);
}

int main(void)
{
    VA_TEST(numbers_follow_each_other);
    VA_TEST(a_lost_frame_keeps_its_number);
    VA_TEST(packets_that_are_never_shown_have_no_number);
    VA_TEST(a_packet_without_a_picture);
    VA_TEST(a_gap_is_a_loss_where_data_was_passed_over);
    VA_TEST(raw_streams_count_packets);
    VA_TEST(clocks_that_start_again);
    VA_TEST(encoded_frames_come_back_at_their_times);
    VA_TEST(decoding_ahead_does_not_show);
    VA_TEST(times_need_no_decoder);
    VA_TEST(the_encoder_refuses_what_it_cannot_keep);
    VA_TEST(a_picture_that_cannot_be_converted_spoils_no_other);
    VA_TEST(planes_hold_what_swscale_packs);
    return va_test_finish();
}
