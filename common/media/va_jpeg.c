#include "media/va_jpeg_priv.h"

#include "base/va_mem.h"
#include "media/va_source.h"
#include <stdbool.h>
#include <string.h>
#include <turbojpeg.h>

struct va_jpeg {
    tjhandle turbo;
    uint8_t *pixels;
    int64_t room;
};

struct va_jpeg *va_jpeg_new(void)
{
    struct va_jpeg *j = va_new(1, sizeof(*j));

    if (j)
        j->turbo = tjInitDecompress(); /* NULL: it has a doubt about all files */
    return j;
}

void va_jpeg_free(struct va_jpeg *j)
{
    if (!j)
        return;
    if (j->turbo)
        tjDestroy(j->turbo);
    va_free(j->pixels);
    va_free(j);
}

/* ---- segments ---------------------------------------------------------------------------- */

enum { END = 0xd9, APP1 = 0xe1 };

struct segment {
    int marker;
    const uint8_t *data; /* after the two bytes of its length */
    int64_t size;
};

/* From *at to the next segment or the end marker, and beyond it; false when the file has neither. */
static bool next_segment(const uint8_t *d, int64_t size, int64_t *at, struct segment *s)
{
    int64_t p = *at;

    while (p + 1 < size) {
        int marker = d[p + 1];

        if (d[p] != 0xff || marker == 0xff) { /* coded data, or a fill byte */
            p++;
        } else if (marker == END) {
            *s = (struct segment){ .marker = END };
            *at = p + 2;
            return true;
        } else if (marker == 0 || marker == 1 || (marker >= 0xd0 && marker <= 0xd8)) {
            p += 2; /* FF as data, and markers without a segment */
        } else {
            if (p + 3 >= size)
                return false;
            *at = p + 2 + (d[p + 2] << 8 | d[p + 3]);
            *s = (struct segment){ marker, d + p + 4, (*at < size ? *at : size) - p - 4 };
            return true;
        }
    }
    return false;
}

int64_t va_jpeg_size(const uint8_t *data, int64_t size)
{
    struct segment s;
    int64_t at = 2;

    while (next_segment(data, size, &at, &s))
        if (s.marker == END)
            return at;
    return 0;
}

/* ---- EXIF -------------------------------------------------------------------------------- */

/* An integer of `bytes` at `at` of a TIFF header, which says its order; 0 beyond the end. */
static uint32_t number(const struct segment *t, uint64_t at, int bytes)
{
    uint32_t v = 0;

    if (t->size < bytes || at > (uint64_t)(t->size - bytes))
        return 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | t->data[at + (uint64_t)(t->data[0] == 'I' ? bytes - 1 - i : i)];
    return v;
}

/* The orientation in a segment, or 0. */
static int orientation_in(const struct segment *s)
{
    enum { ORIENTATION = 0x112, SHORT = 3, ENTRY = 12 };
    struct segment t = { s->marker, s->data + 6, s->size - 6 };
    uint64_t first;
    uint32_t count;

    if (s->marker != APP1 || s->size < 14 || memcmp(s->data, "Exif\0", 6) != 0 ||
        (memcmp(t.data, "II*\0", 4) != 0 && memcmp(t.data, "MM\0*", 4) != 0))
        return 0;
    first = number(&t, 4, 4);
    count = number(&t, first, 2);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = first + 2 + (uint64_t)ENTRY * i;

        if (number(&t, at, 2) == ORIENTATION && number(&t, at + 2, 2) == SHORT)
            return (int)number(&t, at + 8, 2);
    }
    return 0;
}

/* 1 to 8, of the segments before the picture. */
static int orientation_of(const uint8_t *data, int64_t size)
{
    enum { SCAN = 0xda };
    int orientation = 0;
    struct segment s;
    int64_t at = 2;

    while (orientation == 0 && next_segment(data, size, &at, &s) && s.marker != SCAN &&
           s.marker != END)
        orientation = orientation_in(&s);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/* ---- pixels ------------------------------------------------------------------------------ */

static int make_room(struct va_jpeg *j, int64_t bytes)
{
    if (bytes <= j->room)
        return 0;
    va_free(j->pixels);
    j->pixels = va_new_unset(bytes, 1);
    j->room = j->pixels ? bytes : 0;
    return j->pixels ? 0 : -1;
}

int va_jpeg_decode(struct va_jpeg *j, const uint8_t *data, int64_t size,
                   struct va_jpeg_picture *out)
{
    /* A picture of hundreds of scans is made to keep decoders busy. */
    const int flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    const unsigned long bytes = (unsigned long)size;
    int width, height, sampling, colours;

    if (!j->turbo ||
        tjDecompressHeader3(j->turbo, data, bytes, &width, &height, &sampling, &colours) < 0)
        return 0;
    if (colours == TJCS_CMYK || colours == TJCS_YCCK || width > VA_SIDE_MAX ||
        height > VA_SIDE_MAX || (int64_t)width * height > VA_PIXELS_MAX)
        return 0;
    if (make_room(j, 3 * (int64_t)width * height) < 0)
        return -1;
    if (tjDecompress2(j->turbo, data, bytes, j->pixels, width, 0, height, TJPF_RGB, flags) < 0)
        return 0;
    *out = (struct va_jpeg_picture){ j->pixels, width, height, orientation_of(data, size) };
    return 1;
}
