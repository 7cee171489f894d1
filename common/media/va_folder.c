/*
 * A folder of crops: the file names are the timeline. All names are read first, so that the
 * order does not depend on the file system and a number that is there twice (1.jpg, 00001.png)
 * is refused before anything is written.
 *
 * Decoders run in their strict mode: half an image is a broken image, not a grey one.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_source_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 28 }; /* bytes of one image */

struct entry {
    int64_t number;
    char *name;
};

struct folder {
    struct entry *entries; /* [count], by number */
    int64_t count, room, next;
    AVCodecContext *jpeg, *png;
    struct va_libav_log log;
    AVPacket *packet;
    AVFrame *frame;
};

/* ---- names ------------------------------------------------------------------------------ */

/* The number of "00012.jpg"; -1 for other names, VA_NUMBER_MAX + 1 for one too large. */
static int64_t number_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    const char *end = name + digits;
    int64_t n = 0;

    if (!digits ||
        (strcasecmp(end, ".jpg") && strcasecmp(end, ".jpeg") && strcasecmp(end, ".png")))
        return -1;
    for (size_t i = 0; i < digits && n <= VA_NUMBER_MAX; i++)
        n = 10 * n + (name[i] - '0');
    return n <= VA_NUMBER_MAX ? n : (int64_t)VA_NUMBER_MAX + 1;
}

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int add_name(struct va_source *s, const char *name)
{
    struct folder *f = s->state;
    int64_t number = number_of(name);
    struct entry *e;

    if (number < 0)
        return 0;
    if (number == 0 || number > VA_NUMBER_MAX)
        return va_error("%s/%s: found a frame number outside 1..%d", s->path, name,
                        VA_NUMBER_MAX);
    if (va_grow(&f->entries, &f->room, f->count + 1, sizeof(*f->entries)) < 0)
        return -1;
    e = &f->entries[f->count];
    e->number = number;
    e->name = va_strdup(name);
    if (!e->name)
        return -1;
    f->count++;
    return 0;
}

static int read_names(struct va_source *s, const char *path)
{
    struct folder *f = s->state;
    DIR *dir = opendir(path);
    struct dirent *d;
    int result = 0;

    if (!dir)
        return va_error_read(path, "read folder");
    while (result == 0 && (errno = 0, d = readdir(dir)))
        result = add_name(s, d->d_name);
    if (result == 0 && errno)
        result = va_error_read(path, "read folder");
    closedir(dir);
    if (result < 0)
        return -1;
    if (!f->count)
        return va_error("%s: found no image, expected files named NNNNN.jpg or NNNNN.png",
                        path);
    qsort(f->entries, (size_t)f->count, sizeof(*f->entries), by_number);
    for (int64_t i = 1; i < f->count; i++)
        if (f->entries[i].number == f->entries[i - 1].number)
            return va_error("%s: found %s and %s, expected one image for frame %lld", path,
                            f->entries[i - 1].name, f->entries[i].name,
                            (long long)f->entries[i].number);
    return 0;
}

/* ---- images ----------------------------------------------------------------------------- */

static AVCodecContext *open_decoder(struct folder *f, enum AVCodecID id)
{
    const AVCodec *codec = avcodec_find_decoder(id);
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;

    if (!c)
        return NULL;
    c->opaque = &f->log;
    c->thread_count = 1;
    c->max_pixels = VA_PIXELS_MAX;
    c->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    if (avcodec_open2(c, codec, NULL) < 0)
        avcodec_free_context(&c);
    return c;
}

/* Read a file into the packet. 0; 1 when it cannot be an image (why is said in `what`); -1
 * after reporting. */
static int read_image(struct folder *f, const char *path, const char **what)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting for a pipe */
    int result = -1;
    struct stat st;
    int64_t done = 0;

    if (fd < 0)
        return va_error_read(path, "open");
    if (fstat(fd, &st) < 0) {
        va_error_read(path, "read");
        goto done;
    }
    result = 1;
    *what = !S_ISREG(st.st_mode)    ? "not a file"
            : st.st_size == 0       ? "the file is empty"
            : st.st_size > FILE_MAX ? "the file is too large"
                                    : NULL;
    if (*what)
        goto done;
    result = -1;
    if (av_new_packet(f->packet, (int)st.st_size) < 0) {
        va_error_machine("%s: out of memory", path);
        goto done;
    }
    while (done < st.st_size) {
        ssize_t n = read(fd, f->packet->data + done, (size_t)(st.st_size - done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            va_error_read(path, "read");
            goto done;
        }
        if (n == 0)
            break;
        done += n;
    }
    av_shrink_packet(f->packet, (int)done);
    result = 0;
done:
    close(fd);
    return result;
}

/* A JPEG ends with FF D9; decoders do not all mind when it is missing. */
static bool jpeg_is_whole(const AVPacket *p)
{
    int end = p->size;

    while (end > 2 && p->data[end - 1] == 0) /* padding that some writers leave */
        end--;
    return end > 2 && p->data[end - 2] == 0xff && p->data[end - 1] == 0xd9;
}

/* Decode the packet. Returns 0 and fills f->frame, or an error number. */
static int decode_image(struct folder *f)
{
    const AVPacket *p = f->packet;
    bool jpeg = p->size > 3 && p->data[0] == 0xff && p->data[1] == 0xd8;
    AVCodecContext *c = jpeg ? f->jpeg : f->png;
    int error;

    if (!jpeg && (p->size < 8 || memcmp(p->data, "\x89PNG\r\n\x1a\n", 8) != 0))
        return AVERROR_INVALIDDATA;
    avcodec_flush_buffers(c);
    error = avcodec_send_packet(c, p);
    if (error >= 0)
        error = avcodec_receive_frame(c, f->frame);
    if (error == AVERROR(EAGAIN)) {
        error = avcodec_send_packet(c, NULL);
        if (error >= 0)
            error = avcodec_receive_frame(c, f->frame);
    }
    if (error < 0)
        return error == AVERROR_EOF || error == AVERROR(EAGAIN) ? AVERROR_INVALIDDATA : error;
    if (jpeg && !jpeg_is_whole(p))
        return AVERROR_INVALIDDATA;
    if (f->frame->decode_error_flags || (f->frame->flags & AV_FRAME_FLAG_CORRUPT))
        return AVERROR_INVALIDDATA;
    return 0;
}

/* 1 and pixels in `out`, 0 when the image is broken and passed over, -1 after reporting. */
static int load(struct va_source *s, const struct entry *e, struct va_frame *out)
{
    struct folder *f = s->state;
    char *path = va_format("%s/%s", s->path, e->name);
    const char *what = NULL;
    char why[512];
    int result = -1, error;

    if (!path)
        return -1;
    error = read_image(f, path, &what);
    if (error < 0)
        goto done;
    if (error == 0) {
        error = decode_image(f);
        if (va_libav_out_of_memory(error)) {
            va_error_machine("%s: out of memory", path);
            goto done;
        }
        if (error < 0)
            what = va_libav_why(&f->log, error, why, sizeof(why));
    }
    if (error)
        result = va_source_found_broken(s, path, "broken image: %s", what);
    else
        result = va_rgb_convert(s->rgb, path, f->frame, NULL, out) < 0 ? -1 : 1;
done:
    av_packet_unref(f->packet);
    av_frame_unref(f->frame);
    va_free(path);
    return result;
}

/* ---- the source ------------------------------------------------------------------------- */

static int next(struct va_source *s, struct va_frame *frame)
{
    struct folder *f = s->state;

    while (f->next < f->count) {
        const struct entry *e = &f->entries[f->next++];
        double pts = s->fps > 0 ? (double)(e->number - 1) / s->fps : 0;
        int got;

        if (!va_source_wants(s, e->number, pts))
            continue;
        got = load(s, e, frame);
        if (got < 0)
            return -1;
        if (got == 0)
            continue;
        frame->index = e->number;
        frame->pts = pts;
        return 1;
    }
    return 0;
}

static void close_folder(struct va_source *s)
{
    struct folder *f = s->state;

    if (!f)
        return;
    for (int64_t i = 0; i < f->count; i++)
        va_free(f->entries[i].name);
    va_free(f->entries);
    avcodec_free_context(&f->jpeg);
    avcodec_free_context(&f->png);
    av_packet_free(&f->packet);
    av_frame_free(&f->frame);
    va_free(f);
}

int va_folder_open(struct va_source *s, const char *path)
{
    static const struct va_source_kind kind = { next, close_folder };
    struct folder *f = va_new(1, sizeof(*f));
    int64_t last;

    if (!f)
        return -1;
    s->kind = &kind;
    s->state = f;
    if (read_names(s, path) < 0)
        return -1;
    f->jpeg = open_decoder(f, AV_CODEC_ID_MJPEG);
    f->png = open_decoder(f, AV_CODEC_ID_PNG);
    f->packet = av_packet_alloc();
    f->frame = av_frame_alloc();
    if (!f->jpeg || !f->png || !f->packet || !f->frame)
        return va_error_machine("%s: cannot start the decoders of libavcodec", path);
    last = f->entries[f->count - 1].number;
    if (s->options.frame_count && s->options.frame_count < last)
        return va_error("%s/%s: found frame %lld, expected at most %lld frames", path,
                        f->entries[f->count - 1].name, (long long)last,
                        (long long)s->options.frame_count);
    s->fps = s->options.fps;
    if (s->fps == 0 && (s->options.start > 0 || s->options.end > 0))
        return va_error(
            "%s: a folder has no times: found a start or end in seconds, expected the "
            "rate (fps) as well",
            path);
    s->frame_count = s->options.frame_count ? s->options.frame_count : last;
    for (int64_t i = 0; i < f->count; i++)
        if (va_source_wants(s, f->entries[i].number,
                            s->fps > 0 ? (double)(f->entries[i].number - 1) / s->fps : 0))
            s->expected++;
    return 0;
}
