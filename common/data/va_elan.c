#include "data/va_elan.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SIZE_MAX_BYTES = 64 << 20, ID_MAX = 64, NAME_MAX_BYTES = 256 };
static const double MS_MAX = 1e10; /* some months */

/* Bytes [at, end) of the text. */
struct slice {
    const char *at, *end;
};

struct slot {
    char id[ID_MAX];
    double ms; /* NaN: it has no time */
};

struct va_elan {
    const char *path;
    char *text; /* [size + 1], cut where values end */
    int64_t size;
    const char *at, *counted; /* the reader; up to where lines are counted */
    int64_t line;             /* of `counted` */
    struct slot *slots;       /* [slot_count], sorted by id */
    int64_t slot_count, slot_room;
    struct va_elan_segment *segments; /* [count] of the tier that was asked for last */
    char **owned;                     /* [owned_count] texts of segments */
    int64_t count, room, owned_count, owned_room;
};

bool va_elan_named(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && !strcasecmp(path + n - 4, ".eaf");
}

/* ---- tags ----------------------------------------------------------------------------------- */

static int64_t line_of(struct va_elan *e, const char *at)
{
    for (; e->counted < at; e->counted++)
        e->line += *e->counted == '\n';
    return e->line;
}

static int broken(struct va_elan *e, const char *at, const char *what)
{
    return va_error("%s: line %lld: %s, expected an annotation file of ELAN", e->path,
                    (long long)line_of(e, at), what);
}

/* The end of a tag that begins at `at`: its ">", outside of quotes; NULL: there is none. */
static const char *tag_end(const char *at)
{
    char quote = 0;

    for (; *at && (quote || *at != '>'); at++)
        if (quote ? *at == quote : *at == '"' || *at == '\'')
            quote = quote ? 0 : *at;
    return *at ? at : NULL;
}

/* The next tag, from behind its "<" to its ">", and the text before it. 1, 0 at the end, -1 after reporting. */
static int next_tag(struct va_elan *e, struct slice *tag, struct slice *before)
{
    before->at = e->at;
    for (;;) {
        const char *open = strchr(e->at, '<'), *end;

        if (!open)
            return 0;
        before->end = open;
        if (!strncmp(open, "<!--", 4)) {
            end = strstr(open + 4, "-->");
            e->at = end ? end + 3 : NULL;
        } else if (open[1] == '?') {
            end = strstr(open, "?>");
            e->at = end ? end + 2 : NULL;
        } else if (open[1] == '!') {
            return broken(e, open, "found a declaration or CDATA, which is not read");
        } else {
            end = tag_end(open + 1);
            *tag = (struct slice){ open + 1, end };
            e->at = end ? end + 1 : NULL;
            return end ? 1 : broken(e, open, "found a tag that does not end");
        }
        if (!e->at)
            return broken(e, open, "found a comment that does not end");
    }
}

static bool is_tag(const struct slice *tag, const char *name)
{
    size_t n = strlen(name);

    return (size_t)(tag->end - tag->at) >= n && !strncmp(tag->at, name, n) &&
           (tag->at + n == tag->end || strchr(" \t\r\n/", tag->at[n]));
}

/* One character of `s`, moved past it, as up to 4 bytes of UTF-8; how many, 0: it is none. */
static int take_character(struct slice *s, char to[4])
{
    static const struct {
        const char *name;
        char is;
    } named[] = { { "&lt;", '<' },
                  { "&gt;", '>' },
                  { "&amp;", '&' },
                  { "&quot;", '"' },
                  { "&apos;", '\'' } };
    unsigned long code;
    char *end;

    if (*s->at != '&')
        return to[0] = *s->at++, 1;
    for (size_t i = 0; i < VA_COUNT(named); i++)
        if (!strncmp(s->at, named[i].name, strlen(named[i].name))) {
            s->at += strlen(named[i].name);
            return to[0] = named[i].is, 1;
        }
    if (s->at[1] != '#')
        return 0;
    code = s->at[2] == 'x' ? strtoul(s->at + 3, &end, 16) : strtoul(s->at + 2, &end, 10);
    if (*end != ';' || end >= s->end || code < 9 || code > 0x10ffff)
        return 0;
    s->at = end + 1;
    if (code < 0x80)
        return to[0] = (char)code, 1;
    for (int n = 2, most = 0x800;; n++, most <<= 5)
        if (code < (unsigned long)most || n == 4) {
            for (int i = n - 1; i > 0; i--, code >>= 6)
                to[i] = (char)(0x80 | (code & 0x3f));
            to[0] = (char)((0xf00 >> n) | code);
            return n;
        }
}

/* Text of the file as it is meant. -1 after reporting: it does not fit, or has characters that are not defined. */
static int unescape(struct va_elan *e, struct slice s, char *to, size_t size)
{
    size_t n = 0;

    while (s.at < s.end) {
        char c[4];
        int bytes = take_character(&s, c);

        if (bytes == 0)
            return broken(e, s.at, "found & without a character that is known");
        if (n + (size_t)bytes >= size)
            return broken(e, s.at, "found a text that is too long");
        memcpy(to + n, c, (size_t)bytes);
        n += (size_t)bytes;
    }
    to[n] = 0;
    return 0;
}

/* The value of an attribute; "" where there is none. -1 after reporting. */
static int attribute(struct va_elan *e, const struct slice *tag, const char *name, char *to,
                     size_t size)
{
    size_t n = strlen(name);
    const char *p = tag->at;

    to[0] = 0;
    while (p < tag->end) {
        const char *equals = memchr(p, '=', (size_t)(tag->end - p)), *from, *close, *key;

        if (!equals)
            return 0;
        for (from = equals + 1; from < tag->end && strchr(" \t\r\n", *from); from++)
            ;
        close = from < tag->end && (*from == '"' || *from == '\'')
                    ? memchr(from + 1, *from, (size_t)(tag->end - from - 1))
                    : NULL;
        if (!close)
            return broken(e, equals, "found an attribute without quotes");
        while (equals > p && strchr(" \t\r\n", equals[-1]))
            equals--;
        key = equals - n;
        if (key > p && !strncmp(key, name, n) && strchr(" \t\r\n", key[-1]))
            return unescape(e, (struct slice){ from + 1, close }, to, size);
        p = close + 1;
    }
    return 0;
}

/* ---- time slots ---------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct slot *)a)->id, ((const struct slot *)b)->id);
}

static int add_slot(struct va_elan *e, const struct slice *tag)
{
    struct slot s = { .ms = (double)NAN };
    char ms[32];

    if (attribute(e, tag, "TIME_SLOT_ID", s.id, sizeof(s.id)) < 0 ||
        attribute(e, tag, "TIME_VALUE", ms, sizeof(ms)) < 0)
        return -1;
    if (*ms && (va_parse_decimal(ms, &s.ms) < 0 || !(s.ms >= 0 && s.ms <= MS_MAX)))
        return broken(e, tag->at, "found a TIME_VALUE that is no number of milliseconds");
    if (va_grow(&e->slots, &e->slot_room, e->slot_count + 1, sizeof(s)) < 0)
        return -1;
    e->slots[e->slot_count++] = s;
    return 0;
}

static int read_slots(struct va_elan *e)
{
    struct slice tag, before;
    bool document = false;
    int got;

    while ((got = next_tag(e, &tag, &before)) > 0) {
        document |= is_tag(&tag, "ANNOTATION_DOCUMENT");
        if (is_tag(&tag, "TIME_SLOT") && add_slot(e, &tag) < 0)
            return -1;
    }
    if (got == 0 && !document)
        return broken(e, e->text, "found no ANNOTATION_DOCUMENT");
    if (e->slot_count)
        qsort(e->slots, (size_t)e->slot_count, sizeof(*e->slots), by_id);
    return got;
}

/* Seconds of the slot that an attribute names. -1 after reporting. */
static int time_of(struct va_elan *e, const struct slice *tag, const char *name, double *time)
{
    struct slot key, *found;

    if (attribute(e, tag, name, key.id, sizeof(key.id)) < 0)
        return -1;
    found = e->slot_count ? bsearch(&key, e->slots, (size_t)e->slot_count, sizeof(key), by_id)
                          : NULL;
    if (!found || isnan(found->ms))
        return va_error(
            "%s: line %lld: found an annotation without %s, expected one with times", e->path,
            (long long)line_of(e, tag->at),
            !strcmp(name, "TIME_SLOT_REF1") ? "a beginning" : "an end");
    *time = found->ms / 1000;
    return 0;
}

/* ---- tiers ---------------------------------------------------------------------------------- */

static void forget(struct va_elan *e)
{
    for (int64_t i = 0; i < e->owned_count; i++)
        va_free(e->owned[i]);
    e->owned_count = e->count = 0;
}

/* From behind the tag of an annotation to its value. */
static int add_segment(struct va_elan *e, const struct slice *tag)
{
    struct va_elan_segment s = { .line = line_of(e, tag->at) };
    struct slice next, text;
    int got = time_of(e, tag, "TIME_SLOT_REF1", &s.begin);

    if (got < 0 || time_of(e, tag, "TIME_SLOT_REF2", &s.end) < 0)
        return -1;
    if (!(s.begin < s.end))
        return va_error(
            "%s: line %lld: found an annotation from %.3f to %.3f s, expected a later "
            "end",
            e->path, (long long)s.line, s.begin, s.end);
    do
        got = next_tag(e, &next, &text);
    while (got > 0 && !is_tag(&next, "/ANNOTATION_VALUE") &&
           !is_tag(&next, "ANNOTATION_VALUE/") && !is_tag(&next, "/ALIGNABLE_ANNOTATION"));
    if (got < 0)
        return -1;
    if (va_grow(&e->owned, &e->owned_room, e->owned_count + 1, sizeof(*e->owned)) < 0 ||
        va_grow(&e->segments, &e->room, e->count + 1, sizeof(s)) < 0 ||
        !(e->owned[e->owned_count] = va_new(NAME_MAX_BYTES, 1)))
        return -1;
    if (got == 0 || !is_tag(&next, "/ANNOTATION_VALUE"))
        text.at = text.end = "";
    if (unescape(e, text, e->owned[e->owned_count++], NAME_MAX_BYTES) < 0)
        return -1;
    s.text = va_trim(e->owned[e->owned_count - 1]);
    e->segments[e->count++] = s;
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    double x = ((const struct va_elan_segment *)a)->begin,
           y = ((const struct va_elan_segment *)b)->begin;

    return (x > y) - (x < y);
}

static int settle(struct va_elan *e, const char *name)
{
    if (e->count)
        qsort(e->segments, (size_t)e->count, sizeof(*e->segments), by_begin);
    for (int64_t i = 1; i < e->count; i++)
        if (e->segments[i].begin < e->segments[i - 1].end)
            return va_error(
                "%s: line %lld: tier '%.60s': found an annotation from %.3f s, but that "
                "of line %lld lasts until %.3f s: one value at a time",
                e->path, (long long)e->segments[i].line, name, e->segments[i].begin,
                (long long)e->segments[i - 1].line, e->segments[i - 1].end);
    return 0;
}

/* A tag within the tier that is asked for. */
static int take_tag(struct va_elan *e, const struct slice *tag, const char *name)
{
    if (is_tag(tag, "ALIGNABLE_ANNOTATION"))
        return add_segment(e, tag);
    return is_tag(tag, "REF_ANNOTATION")
               ? va_error(
                     "%s: line %lld: tier '%.60s': found an annotation that refers to another, "
                     "expected one with times of its own",
                     e->path, (long long)line_of(e, tag->at), name)
               : 0;
}

int64_t va_elan_tier(struct va_elan *e, const char *name, const char *option,
                     const struct va_elan_segment **segments)
{
    char found[NAME_MAX_BYTES], others[200] = "";
    struct slice tag, before;
    bool within = false, there = false;
    int got;

    forget(e);
    e->at = e->counted = e->text;
    e->line = 1;
    while ((got = next_tag(e, &tag, &before)) > 0) {
        if (is_tag(&tag, "/TIER"))
            within = false;
        if (is_tag(&tag, "TIER")) {
            if (attribute(e, &tag, "TIER_ID", found, sizeof(found)) < 0)
                return -1;
            within = !strcasecmp(found, name) && tag.end[-1] != '/';
            there |= !strcasecmp(found, name);
            snprintf(others + strlen(others), sizeof(others) - strlen(others), "%s'%.40s'",
                     *others ? ", " : "", found);
        }
        if (within && take_tag(e, &tag, name) < 0)
            return -1;
    }
    *segments = e->segments;
    if (got < 0 || (there && settle(e, name) < 0))
        return -1;
    return there ? e->count
                 : va_error("%s: found no tier '%.60s', expected one of %s: name one with %s",
                            e->path, name, *others ? others : "none", option);
}

/* ---- the file ------------------------------------------------------------------------------- */

struct va_elan *va_elan_open(const char *path)
{
    struct va_elan *e = va_new(1, sizeof(*e));
    int64_t size = 0;
    int fd = e ? va_input_open(path, "an annotation file of ELAN", &size) : -1, status = -1;

    if (fd < 0) {
        va_free(e);
        return NULL;
    }
    e->path = path;
    e->line = 1;
    if (size > SIZE_MAX_BYTES)
        va_error("%s: found %lld bytes, expected at most %d", path, (long long)size,
                 SIZE_MAX_BYTES);
    else if ((e->text = va_new(size + 1, 1)) &&
             va_input_read_all(fd, path, "an annotation file of ELAN", e->text, size, 0) == 0) {
        e->size = size;
        e->at = e->counted = e->text;
        status = memchr(e->text, 0, (size_t)size)
                     ? va_error("%s: found a zero byte, expected an annotation file of ELAN",
                                path)
                     : read_slots(e);
    }
    close(fd);
    if (status == 0)
        return e;
    va_elan_close(e);
    return NULL;
}

void va_elan_close(struct va_elan *e)
{
    if (!e)
        return;
    forget(e);
    va_free(e->owned);
    va_free(e->segments);
    va_free(e->slots);
    va_free(e->text);
    va_free(e);
}
