#include "data/va_frame_table.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double SECONDS_MAX = 1e7; /* of cues; some months */

/* Frames of one person that follow one another within one second. */
struct cue {
    double start, end; /* seconds */
    double va[2];      /* means */
    int64_t person;
};

struct va_frame_table {
    enum va_table_format format;
    bool begun;            /* its first line is written */
    bool spread, interval; /* which further columns the first video has */
    struct va_textfile file;
    char **persons; /* [count] */
    int64_t count, room;
    struct cue *cues; /* [cue_count] */
    int64_t cue_count, cue_room;
};

/* ---- a row a frame ---------------------------------------------------------------------- */

/* "%.*f", or `unknown` */
static void put_real(FILE *f, double x, int digits, const char *unknown)
{
    if (isfinite(x))
        fprintf(f, "%.*f", digits, x);
    else
        fputs(unknown, f);
}

/* Row t of a video, which is person `number`. */
static struct va_frame_row row_of(const struct va_frame_values *v, int64_t t, int64_t number)
{
    return (struct va_frame_row){ .frame = t + 1,
                                  .time = v->pts ? v->pts[t] : (double)NAN,
                                  .person = v->name,
                                  .number = number,
                                  .face = !v->face ? -1 : v->face[t] != 0,
                                  .confidence = v->confidence ? (double)v->confidence[t]
                                                              : (double)NAN,
                                  .va = { v->va[2 * t], v->va[2 * t + 1] },
                                  .spread = v->spread ? v->spread + 2 * t : NULL,
                                  .lower = v->lower ? v->lower + 2 * t : NULL,
                                  .upper = v->upper ? v->upper + 2 * t : NULL };
}

/* Columns that a row has only from several models; false: it has not this one. */
enum { MORE = 3 };
static bool more(const struct va_frame_row *r, int i, const char **name, const float **value)
{
    static const char *const names[MORE] = { "spread", "lower", "upper" };
    const float *const values[MORE] = { r->spread, r->lower, r->upper };

    *name = names[i];
    *value = values[i];
    return values[i] != NULL;
}

/* A field: in quotes where it holds the separator or a quote. */
static void put_field(FILE *f, const char *text, char separator)
{
    if (!strchr(text, separator) && !strchr(text, '"')) {
        fputs(text, f);
        return;
    }
    putc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', f);
        putc(*text, f);
    }
    putc('"', f);
}

static void put_columns(FILE *f, const struct va_frame_row *r, char separator)
{
    fprintf(f, "%lld%c", (long long)r->frame, separator);
    put_real(f, r->time, 6, "");
    putc(separator, f);
    put_field(f, r->person, separator);
    putc(separator, f);
    if (r->face >= 0)
        putc(r->face ? '1' : '0', f);
    putc(separator, f);
    put_real(f, r->confidence, 3, "");
    fprintf(f, "%c%.6f%c%.6f", separator, (double)r->va[0], separator, (double)r->va[1]);
    for (int i = 0; i < MORE; i++) {
        const float *value;
        const char *name;

        if (more(r, i, &name, &value))
            fprintf(f, "%c%.6f%c%.6f", separator, (double)value[0], separator,
                    (double)value[1]);
    }
    putc('\n', f);
}

/* The names of the columns that a row like r has. */
static void begin_columns(FILE *f, const struct va_frame_row *r, char separator)
{
    static const char *const always[] = { "frame",      "time",    "person", "face",
                                          "confidence", "valence", "arousal" };

    for (size_t i = 0; i < VA_COUNT(always); i++) {
        if (i)
            putc(separator, f);
        fputs(always[i], f);
    }
    for (int i = 0; i < MORE; i++) {
        const float *value;
        const char *name;

        if (more(r, i, &name, &value))
            fprintf(f, "%cvalence_%s%carousal_%s", separator, name, separator, name);
    }
    putc('\n', f);
}

static void begin_csv(FILE *f, const struct va_frame_row *r)
{
    begin_columns(f, r, ',');
}

static void begin_tsv(FILE *f, const struct va_frame_row *r)
{
    begin_columns(f, r, '\t');
}

static void begin_openface(FILE *f, const struct va_frame_row *r)
{
    (void)r; /* its columns are OpenFace's */
    fputs("frame, face_id, timestamp, confidence, success, valence, arousal\n", f);
}

static void put_csv(FILE *f, const struct va_frame_row *r)
{
    put_columns(f, r, ',');
}

static void put_tsv(FILE *f, const struct va_frame_row *r)
{
    put_columns(f, r, '\t');
}

static void put_openface(FILE *f, const struct va_frame_row *r)
{
    bool face = r->face != 0;
    double confidence = !face ? 0 : isfinite(r->confidence) ? r->confidence : 1;

    fprintf(f, "%lld, %lld, ", (long long)r->frame, (long long)r->number);
    put_real(f, r->time, 6, "");
    fputs(", ", f);
    put_real(f, confidence, 3, "0.000");
    fprintf(f, ", %d, %.6f, %.6f\n", face, (double)r->va[0], (double)r->va[1]);
}

static void put_json_text(FILE *f, const char *text)
{
    putc('"', f);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', f);
        if ((unsigned char)*text < ' ')
            fprintf(f, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            putc(*text, f);
    }
    putc('"', f);
}

static void put_jsonl(FILE *f, const struct va_frame_row *r)
{
    fprintf(f, "{\"frame\":%lld,\"time\":", (long long)r->frame);
    put_real(f, r->time, 6, "null");
    fputs(",\"person\":", f);
    put_json_text(f, r->person);
    fprintf(f, ",\"face\":%s,\"confidence\":", r->face < 0 ? "null" : r->face ? "1" : "0");
    put_real(f, r->confidence, 3, "null");
    fprintf(f, ",\"valence\":%.6f,\"arousal\":%.6f", (double)r->va[0], (double)r->va[1]);
    for (int i = 0; i < MORE; i++) {
        const float *value;
        const char *name;

        if (more(r, i, &name, &value))
            fprintf(f, ",\"valence_%s\":%.6f,\"arousal_%s\":%.6f", name, (double)value[0], name,
                    (double)value[1]);
    }
    fputs("}\n", f);
}

/* ---- cues ------------------------------------------------------------------------------- */

/* Whether frame t has a time and shows the face, as far as is known. */
static bool shows(const struct va_frame_values *v, int64_t t)
{
    return isfinite(v->pts[t]) && v->pts[t] >= 0 && (!v->face || v->face[t]);
}

/* The cue that begins with frame t; returns the frame behind it. */
static int64_t next_cue(const struct va_frame_values *v, int64_t t, struct cue *cue)
{
    double second = floor(v->pts[t]);
    int64_t n = 0;

    cue->start = v->pts[t];
    cue->va[0] = cue->va[1] = 0;
    for (; t < v->T && shows(v, t) && floor(v->pts[t]) == second; t++, n++)
        for (int d = 0; d < 2; d++)
            cue->va[d] += (double)v->va[2 * t + d];
    for (int d = 0; d < 2; d++)
        cue->va[d] /= (double)n;
    /* until the next frame; after the last one as long as the one before it */
    cue->end = t < v->T && isfinite(v->pts[t])    ? v->pts[t]
               : t > 1 && isfinite(v->pts[t - 2]) ? 2 * v->pts[t - 1] - v->pts[t - 2]
                                                  : second + 1;
    if (!(cue->end > cue->start))
        cue->end = second + 1;
    return t;
}

static int add_cues(struct va_frame_table *t, const struct va_frame_values *v)
{
    for (int64_t i = 0; i < v->T;) {
        struct cue cue = { .person = t->count - 1 };

        if (!shows(v, i)) {
            i++;
            continue;
        }
        i = next_cue(v, i, &cue);
        if (va_grow(&t->cues, &t->cue_room, t->cue_count + 1, sizeof(cue)) < 0)
            return -1;
        t->cues[t->cue_count++] = cue;
    }
    return 0;
}

static int by_start(const void *a, const void *b)
{
    const struct cue *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->person > y->person) - (x->person < y->person);
}

/* As the text of an XML element or an attribute; WebVTT knows the same escapes. */
static void put_escaped(FILE *f, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        default: putc(*text, f);
        }
}

static void put_clock(FILE *f, double seconds)
{
    long long ms = llround(seconds * 1000);

    fprintf(f, "%02lld:%02lld:%02lld.%03lld", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60,
            ms % 1000);
}

static void end_vtt(struct va_frame_table *t)
{
    FILE *f = t->file.stream;

    if (t->cue_count)
        qsort(t->cues, (size_t)t->cue_count, sizeof(*t->cues), by_start);
    fputs("WEBVTT\n", f);
    for (int64_t i = 0; i < t->cue_count; i++) {
        const struct cue *c = &t->cues[i];

        putc('\n', f);
        put_clock(f, c->start);
        fputs(" --> ", f);
        put_clock(f, c->end);
        fputs("\n<v ", f);
        put_escaped(f, t->persons[c->person]);
        fprintf(f, ">valence %+.2f, arousal %+.2f</v>\n", c->va[0], c->va[1]);
    }
}

/* A tier: cues of one person, whose time slots are 2i + 1 and 2i + 2. */
static void put_tier(struct va_frame_table *t, int64_t person)
{
    FILE *f = t->file.stream;

    fputs("    <TIER LINGUISTIC_TYPE_REF=\"valence-arousal\" TIER_ID=\"", f);
    put_escaped(f, t->persons[person]);
    fputs("\">\n", f);
    for (int64_t i = 0; i < t->cue_count; i++)
        if (t->cues[i].person == person)
            fprintf(f,
                    "        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a%lld\" "
                    "TIME_SLOT_REF1=\"ts%lld\" TIME_SLOT_REF2=\"ts%lld\"><ANNOTATION_VALUE>"
                    "valence %+.2f, arousal %+.2f"
                    "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n",
                    (long long)i + 1, 2 * (long long)i + 1, 2 * (long long)i + 2,
                    t->cues[i].va[0], t->cues[i].va[1]);
    fputs("    </TIER>\n", f);
}

static void end_eaf(struct va_frame_table *t)
{
    FILE *f = t->file.stream;

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<ANNOTATION_DOCUMENT AUTHOR=\"mamba-va\" DATE=\"1970-01-01T00:00:00+00:00\" "
          "FORMAT=\"3.0\" VERSION=\"3.0\" "
          "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
          "xsi:noNamespaceSchemaLocation=\"http://www.mpi.nl/tools/elan/EAFv3.0.xsd\">\n"
          "    <HEADER MEDIA_FILE=\"\" TIME_UNITS=\"milliseconds\"/>\n"
          "    <TIME_ORDER>\n",
          f);
    for (int64_t i = 0; i < t->cue_count; i++)
        fprintf(f,
                "        <TIME_SLOT TIME_SLOT_ID=\"ts%lld\" TIME_VALUE=\"%lld\"/>\n"
                "        <TIME_SLOT TIME_SLOT_ID=\"ts%lld\" TIME_VALUE=\"%lld\"/>\n",
                2 * (long long)i + 1, llround(t->cues[i].start * 1000), 2 * (long long)i + 2,
                llround(t->cues[i].end * 1000));
    fputs("    </TIME_ORDER>\n", f);
    for (int64_t p = 0; p < t->count; p++)
        put_tier(t, p);
    fputs("    <LINGUISTIC_TYPE GRAPHIC_REFERENCES=\"false\" "
          "LINGUISTIC_TYPE_ID=\"valence-arousal\" TIME_ALIGNABLE=\"true\"/>\n"
          "</ANNOTATION_DOCUMENT>\n",
          f);
}

/* ---- formats ---------------------------------------------------------------------------- */

static const struct format {
    const char *ending, *first; /* `first`: how a file of this format begins */
    void (*begin)(FILE *f, const struct va_frame_row *first); /* or NULL */
    void (*put)(FILE *f, const struct va_frame_row *row);     /* a row a frame; or NULL: */
    void (*end)(struct va_frame_table *t);                    /* cues, which need times */
} formats[] = {
    [VA_TABLE_CSV] = { "csv", "frame,time,", begin_csv, put_csv, NULL },
    [VA_TABLE_TSV] = { "tsv", "frame\ttime\t", begin_tsv, put_tsv, NULL },
    [VA_TABLE_JSONL] = { "jsonl", "{\"frame\":", NULL, put_jsonl, NULL },
    [VA_TABLE_OPENFACE] = { "csv", "frame, face_id", begin_openface, put_openface, NULL },
    [VA_TABLE_VTT] = { "vtt", "WEBVTT\n", NULL, NULL, end_vtt },
    [VA_TABLE_EAF] = { "eaf",
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ANNOTATION_DOCUMENT", NULL,
                       NULL, end_eaf },
};
enum { FORMATS = (int)(sizeof(formats) / sizeof(*formats)) };
const char *const va_table_format_names[FORMATS + 1] = { "auto",     "csv", "tsv", "jsonl",
                                                         "openface", "vtt", "eaf" };

enum va_table_format va_table_format_of(const char *path)
{
    const char *name = strrchr(path, '/'), *dot = strrchr(name ? name : path, '.');

    for (int i = VA_TABLE_CSV; dot && i < FORMATS; i++)
        if (!strcasecmp(dot + 1, formats[i].ending))
            return (enum va_table_format)i;
    return VA_TABLE_TSV;
}

const char *va_table_ending(enum va_table_format format)
{
    return formats[format == VA_TABLE_AUTO ? VA_TABLE_TSV : format].ending;
}

bool va_table_has_rows(enum va_table_format format)
{
    return formats[format == VA_TABLE_AUTO ? VA_TABLE_TSV : format].put != NULL;
}

bool va_frame_table_ours(const char *head, size_t size)
{
    for (int i = VA_TABLE_CSV; i < FORMATS; i++)
        if (va_output_begins(head, size, formats[i].first))
            return true;
    return false;
}

/* ---- the table -------------------------------------------------------------------------- */

struct va_frame_table *va_frame_table_create(const char *path, enum va_table_format format)
{
    struct va_frame_table *t = va_new(1, sizeof(*t));

    if (!t)
        return NULL;
    t->format = format == VA_TABLE_AUTO ? va_table_format_of(path) : format;
    if (va_textfile_create(&t->file, path, va_frame_table_ours) < 0) {
        va_free(t);
        return NULL;
    }
    return t;
}

/* The first row decides which columns there are. */
static void put_row(struct va_frame_table *t, const struct va_frame_row *row)
{
    const struct format *format = &formats[t->format];

    if (!t->begun && format->begin)
        format->begin(t->file.stream, row);
    t->begun = true;
    format->put(t->file.stream, row);
}

int va_frame_table_add(struct va_frame_table *t, const char *source,
                       const struct va_frame_values *v)
{
    const struct format *format = &formats[t->format];

    if (!format->put && !v->pts)
        return va_error("%s: video '%s': found no times of frames, which format %s needs",
                        source, v->name, va_table_format_names[t->format]);
    for (int64_t i = 0; !format->put && i < v->T; i++)
        if (v->pts[i] > SECONDS_MAX)
            return va_error("%s: video '%s': frame %lld: found time %g, expected seconds, at "
                            "most %g",
                            source, v->name, (long long)i + 1, v->pts[i], SECONDS_MAX);
    if (t->count == 0) {
        t->spread = v->spread != NULL;
        t->interval = v->lower != NULL;
    } else if (t->spread != (v->spread != NULL) || t->interval != (v->lower != NULL)) {
        return va_error(
            "%s: video '%s': found %s, unlike '%s' in the same table: write a table "
            "for each video",
            source, v->name,
            v->lower    ? "an interval"
            : v->spread ? "a spread and no interval"
                        : "neither spread nor interval",
            t->persons[0]);
    }
    if (va_grow(&t->persons, &t->room, t->count + 1, sizeof(*t->persons)) < 0 ||
        !(t->persons[t->count] = va_strdup(v->name)))
        return -1;
    t->count++;
    for (int64_t i = 0; format->put && i < v->T; i++) {
        const struct va_frame_row row = row_of(v, i, t->count - 1);

        put_row(t, &row);
    }
    return format->put ? 0 : add_cues(t, v);
}

int va_frame_table_put(struct va_frame_table *t, const struct va_frame_row *row)
{
    put_row(t, row);
    return fflush(t->file.stream) == 0 ? 0 : -1;
}

static void release(struct va_frame_table **handle)
{
    struct va_frame_table *t = *handle;

    for (int64_t i = 0; i < t->count; i++)
        va_free(t->persons[i]);
    va_free(t->persons);
    va_free(t->cues);
    va_free(t);
    *handle = NULL;
}

int va_frame_table_commit(struct va_frame_table **t)
{
    const struct format *format = &formats[(*t)->format];
    int status;

    if (!(*t)->begun && format->begin)
        format->begin((*t)->file.stream, &(struct va_frame_row){ 0 });
    if (format->end)
        format->end(*t);
    status = va_textfile_commit(&(*t)->file);
    release(t);
    return status;
}

void va_frame_table_abort(struct va_frame_table **t)
{
    if (!*t)
        return;
    va_textfile_abort(&(*t)->file);
    release(t);
}
