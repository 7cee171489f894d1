#include "media/va_layout_priv.h"

#include "base/va_attr.h"
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 16, TAIL = 1 << 16 };

struct file {
    int fd;
    int64_t size;
};

static bool get(const struct file *f, int64_t at, void *data, size_t n)
{
    return at >= 0 && at <= f->size - (int64_t)n && pread(f->fd, data, n, at) == (ssize_t)n;
}

/* n bytes, greatest first. */
static int64_t big(const uint8_t *p, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int64_t little(const uint8_t *p, int n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | p[n];
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

/* ---- MP4 and QuickTime: a length, a name, contents ---------------------------------------- */

static bool is_box(const uint8_t *name)
{
    static const char known[][5] = { "ftyp", "styp", "moov", "moof", "mdat", "mfra", "sidx",
                                     "ssix", "free", "skip", "wide", "uuid", "meta", "udta",
                                     "emsg", "prft", "pdin", "pnot", "PICT", "junk" };

    for (size_t i = 0; i < VA_COUNT(known); i++)
        if (!memcmp(name, known[i], 4))
            return true;
    return false;
}

/* Only fragments may be cut without the index knowing; what is behind a whole file is no box. */
static struct va_layout boxes(const struct file *f)
{
    struct va_layout l = { 0 };
    bool moov = false, fragments = false;
    uint8_t h[HEAD];

    for (int64_t at = 0, length; at < f->size; at += length) {
        memset(h, 0, sizeof(h));
        if (!get(f, at, h, f->size - at < HEAD ? 8 : HEAD) || !is_box(h + 4)) {
            l.astray = fragments ? at : 0;
            break;
        }
        if (moov && (!memcmp(h + 4, "ftyp", 4) || !memcmp(h + 4, "moov", 4))) {
            l.second = at;
            break;
        }
        moov |= !memcmp(h + 4, "moov", 4);
        fragments |= !memcmp(h + 4, "moof", 4);
        length = big(h, 4) == 1 ? big(h + 8, 8) : big(h, 4);
        if (length < 8) /* 0: to the end */
            break;
        if (length > f->size - at) {
            l.end = fragments && length < INT64_MAX - at ? at + length : 0;
            break;
        }
    }
    return l;
}

/* ---- ASF: the head has the length of the file --------------------------------------------- */

static const uint8_t asf_head[HEAD] = { 0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11,
                                        0xa6, 0xd9, 0x00, 0xaa, 0x00, 0x62, 0xce, 0x6c };

static struct va_layout asf(const struct file *f)
{
    static const uint8_t properties[HEAD] = { 0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11,
                                              0x8e, 0xe4, 0x00, 0xc0, 0x0c, 0x20, 0x53, 0x65 };
    struct va_layout l = { 0 };
    uint8_t h[24], p[92], next[HEAD];

    for (int64_t at = 30; get(f, at, h, sizeof(h));) {
        int64_t length = little(h + 16, 8), end;

        if (memcmp(h, properties, HEAD) != 0) {
            if (length < (int64_t)sizeof(h) || length > f->size - at)
                break;
            at += length;
            continue;
        }
        if (!get(f, at, p, sizeof(p)) || p[88] & 1) /* a broadcast, whose length nobody knew */
            break;
        end = little(p + 40, 8);
        if (end > f->size)
            l.end = end;
        else if (end > 0 && get(f, end, next, HEAD) && !memcmp(next, asf_head, HEAD))
            l.second = end;
        break;
    }
    return l;
}

/* ---- AVI, FLV, Ogg, transport streams ------------------------------------------------------ */

static struct va_layout riff(const struct file *f)
{
    struct va_layout l = { 0 };
    uint8_t h[8];

    for (int64_t at = 0; get(f, at, h, 8) && !memcmp(h, "RIFF", 4);) {
        int64_t length = little(h + 4, 4), end = at + 8 + length;

        if (length == 0 || length > INT32_MAX) /* written to a pipe */
            break;
        if (end > f->size)
            l.end = end;
        at = end + (length & 1);
    }
    return l;
}

static struct va_layout flv(const struct file *f)
{
    struct va_layout l = { 0 };
    uint8_t h[11];

    if (!get(f, 0, h, 9))
        return l;
    for (int64_t at = big(h + 5, 4) + 4; get(f, at, h, sizeof(h));) {
        int type = h[0] & 0x1f;

        if (!memcmp(h, "FLV\1", 4))
            l.second = at;
        if (type != 8 && type != 9 && type != 18)
            break;
        at += (int64_t)sizeof(h) + big(h + 1, 3);
        if (at > f->size)
            l.end = at;
        at += 4;
    }
    return l;
}

/* Only the last page: those before it are looked at as they are read. */
static struct va_layout ogg(const struct file *f)
{
    uint8_t tail[TAIL]; /* a page is smaller */
    struct va_layout l = { 0 };
    int64_t n = f->size < TAIL ? f->size : TAIL, from = f->size - n;

    if (!get(f, from, tail, (size_t)n))
        return l;
    for (int64_t i = n - 27; i >= 0; i--) {
        int64_t length = 27 + tail[i + 26];

        if (memcmp(tail + i, "OggS", 5) != 0) /* and version 0 */
            continue;
        for (int k = 0; k < tail[i + 26] && i + 27 + k < n; k++)
            length += tail[i + 27 + k];
        if (length > n - i)
            l.end = from + i + length;
        break;
    }
    return l;
}

static struct va_layout transport(const struct file *f)
{
    static const struct {
        int packet, sync;
    } kinds[] = { { 188, 0 }, { 192, 4 }, { 204, 0 } };
    struct va_layout l = { 0 };

    for (size_t k = 0; k < VA_COUNT(kinds); k++) {
        int64_t rest = f->size % kinds[k].packet;
        uint8_t b = 0;
        int good = 0;

        while (good < 4 && get(f, good * kinds[k].packet + kinds[k].sync, &b, 1) && b == 0x47)
            good++;
        if (good == 4 && rest > kinds[k].sync &&
            get(f, f->size - rest + kinds[k].sync, &b, 1) && b == 0x47)
            l.end = f->size - rest + kinds[k].packet;
        if (good == 4)
            break;
    }
    return l;
}

/* ---- streams without a container ----------------------------------------------------------- */

static int64_t gif_colours(uint8_t packed)
{
    return packed & 0x80 ? 3 << ((packed & 7) + 1) : 0;
}

/* Blocks, each of pieces with a length before them, up to the trailer. */
static struct va_layout gif(const struct file *f)
{
    struct va_layout l = { 0 };
    uint8_t h[13], piece;
    int64_t at = get(f, 0, h, sizeof(h)) ? 13 + gif_colours(h[10]) : f->size;

    while (get(f, at, h, 1) && h[0] != ';') {
        if (h[0] != '!' && h[0] != ',') {
            l.astray = at;
            return l;
        }
        if (h[0] == ',' && !get(f, at, h, 10))
            break;
        at += h[0] == '!' ? 2 : 11 + gif_colours(h[9]);
        do {
            if (!get(f, at, &piece, 1))
                break;
            at += 1 + piece;
        } while (piece);
    }
    if (at >= f->size || h[0] != ';')
        l.end = at < f->size ? f->size + 1 : at + 1;
    return l;
}

/* Frames of one size, a multiple of that of standard definition. */
static struct va_layout dv(const struct file *f, const uint8_t *head)
{
    int64_t frame = head[3] & 0x80 ? 144000 : 120000, rest = f->size % frame;

    return (struct va_layout){ .end = rest ? f->size - rest + frame : 0 };
}

/* JPEG pictures one after the other: behind the end of the last none begins. */
static struct va_layout jpegs(const struct file *f)
{
    uint8_t tail[TAIL];
    int64_t n = f->size < TAIL ? f->size : TAIL, i = n - 2;

    if (!get(f, f->size - n, tail, (size_t)n))
        return (struct va_layout){ 0 };
    while (i >= 0 && !(tail[i] == 0xff && (tail[i + 1] == 0xd8 || tail[i + 1] == 0xd9)))
        i--;
    return (struct va_layout){ .end = i >= 0 && tail[i + 1] == 0xd9 ? 0 : f->size + 1 };
}

struct va_layout va_layout_find(int fd, int64_t size)
{
    const struct file f = { fd, size };
    uint8_t h[HEAD];

    if (!get(&f, 0, h, HEAD))
        return (struct va_layout){ 0 };
    if (is_box(h + 4))
        return boxes(&f);
    if (!memcmp(h, asf_head, HEAD))
        return asf(&f);
    if (!memcmp(h, "RIFF", 4))
        return riff(&f);
    if (!memcmp(h, "FLV", 3))
        return flv(&f);
    if (!memcmp(h, "OggS", 4))
        return ogg(&f);
    if (!memcmp(h, "GIF8", 4))
        return gif(&f);
    if (!memcmp(h, "\x1f\7\0", 3))
        return dv(&f, h);
    if (!memcmp(h, "\xff\xd8\xff", 3))
        return jpegs(&f);
    return transport(&f);
}
