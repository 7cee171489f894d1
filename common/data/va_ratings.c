#include "data/va_ratings.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "data/va_elan.h"
#include "data/va_labels.h"
#include "data/va_metrics.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* A table while it is read, and where its columns are. */
struct reader {
    struct va_csv csv;
    const struct va_label_convert *job;
    struct va_ratings *ratings;
    const bool *wanted;
    int64_t *columns[2];
    int64_t time, video;       /* -1: none */
    struct va_rated_video *at; /* the one of the row before */
    char *title;               /* the path of an ELAN file without its ending, else NULL */
};

/* ---- columns --------------------------------------------------------------------------- */

/* A column is of one annotator and dimension. */
static int check_column(const struct reader *r, int d, int64_t i)
{
    for (int e = 0; e <= d; e++)
        for (int64_t k = 0; r->wanted[e] && k < (e < d ? r->job->columns[e].count : i); k++)
            if (r->columns[e][k] == r->columns[d][i])
                return va_error("%s: --%s %.60s and --%s %.60s are one column, expected two",
                                r->csv.path, va_dimension_names[e], r->job->columns[e].items[k],
                                va_dimension_names[d], r->job->columns[d].items[i]);
    return 0;
}

static int find_columns(struct reader *r)
{
    static const char *const options[2] = { "--valence", "--arousal" };
    const struct va_label_convert *job = r->job;

    r->time = job->time ? va_csv_column(&r->csv, job->time, "--time") : -1;
    r->video = job->video ? va_csv_column(&r->csv, job->video, "--video") : -1;
    if ((job->time && r->time < 0) || (job->video && r->video < 0))
        return -1;
    for (int d = 0; d < 2; d++) {
        r->columns[d] = va_new(job->columns[d].count, sizeof(*r->columns[d]));
        if (!r->columns[d])
            return -1;
        for (int64_t i = 0; r->wanted[d] && i < job->columns[d].count; i++)
            if ((r->columns[d][i] = va_csv_column(&r->csv, job->columns[d].items[i],
                                                  options[d])) < 0 ||
                check_column(r, d, i) < 0)
                return -1;
    }
    return 0;
}

/* ---- videos ---------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A file that is read again would be one more annotator, who agrees with the first. */
static int check_file(const struct reader *r, const struct va_rated_video *v, struct stat *st)
{
    if ((r->csv.stream ? fstat(fileno(r->csv.stream), st) : stat(r->csv.path, st)) < 0)
        return va_error("%s: %s", r->csv.path, strerror(errno));
    for (int d = 0; d < 2; d++)
        for (int64_t i = 0; r->wanted[d] && i < v->count[d]; i++)
            if (v->traces[d][i].device == st->st_dev && v->traces[d][i].inode == st->st_ino)
                return va_error("%s: found the same file twice, expected a file per annotator",
                                r->csv.path);
    return 0;
}

/* Traces of this file for a video that it is the first time to mention. */
static int begin_traces(struct reader *r, struct va_rated_video *v)
{
    struct stat st;

    if (check_file(r, v, &st) < 0)
        return -1;
    v->file = r->ratings->files;
    for (int d = 0; d < 2; d++) {
        const struct va_strings *columns = &r->job->columns[d];

        v->since[d] = v->count[d];
        for (int64_t i = 0; r->wanted[d] && i < columns->count; i++) {
            struct va_trace t = { .device = st.st_dev, .inode = st.st_ino };

            t.name = va_strdup(columns->count > 1 ? columns->items[i] : last_part(r->csv.path));
            if (!t.name ||
                va_grow(&v->traces[d], &v->room[d], v->count[d] + 1, sizeof(t)) < 0) {
                va_free(t.name);
                return -1;
            }
            v->traces[d][v->count[d]++] = t;
        }
    }
    return 0;
}

/* Other values that give the name of a video would join other videos. */
static int check_value(const struct reader *r, const struct va_rated_video *v,
                       const char *value)
{
    char place[160];

    if (!value || !strcmp(v->value, value))
        return 0;
    return va_error("%s: %s: found '%.60s', and '%.60s' in line %lld of %s: both give the name "
                    "'%.60s', expected one value for each video",
                    r->csv.path,
                    va_csv_place(&r->csv, r->csv.line, r->video, place, sizeof(place)), value,
                    v->value, (long long)v->line, v->path, v->name);
}

/* The video of this name, made if it is new; NULL after reporting. The name is taken. `value` is the cell that
 * gives it, or NULL. */
static struct va_rated_video *video_of(struct reader *r, char *name, const char *value)
{
    char *own = value ? va_strdup(value) : NULL;
    struct va_ratings *all = r->ratings;
    struct va_rated_video *v = NULL;

    for (int64_t i = 0; name && !v && i < all->count; i++)
        if (!strcmp(all->videos[i].name, name))
            v = &all->videos[i];
    if (name && !v && (own || !value) &&
        va_grow(&all->videos, &all->room, all->count + 1, sizeof(*all->videos)) == 0) {
        v = &all->videos[all->count++];
        *v = (struct va_rated_video){
            .name = name, .value = own, .path = r->csv.path, .line = r->csv.line
        };
        name = own = NULL;
    }
    va_free(name);
    va_free(own);
    if (v && check_value(r, v, value) < 0)
        return NULL;
    if (v && v->file != all->files && begin_traces(r, v) < 0)
        return NULL;
    return v;
}

/* Whose row this is; NULL after reporting. */
static struct va_rated_video *video_of_row(struct reader *r)
{
    const char *cell = r->video < 0 ? "" : r->csv.cells[r->video];
    char place[160];
    char *name;

    if (r->at && (r->video < 0 || !strcmp(r->at->value, cell)))
        return r->at;
    if (r->video < 0)
        return video_of(r,
                        va_video_name_enter(r->job->name ? r->job->name
                                            : r->title   ? r->title
                                                         : r->csv.path,
                                            "rename it, or give va-labels convert --name NAME"),
                        NULL);
    name = va_video_name(cell);
    if (name && strstr(cell, name) &&
        va_video_name_valid(name)) /* not ".", which is a folder's */
        return video_of(r, name, cell);
    va_free(name);
    va_error("%s: %s: found '%.60s', expected the name of a video", r->csv.path,
             va_csv_place(&r->csv, r->csv.line, r->video, place, sizeof(place)), cell);
    return NULL;
}

/* ---- rows ------------------------------------------------------------------------------ */

/* A rating from `lo` to `hi`, or -5, becomes one from -1 to 1, or NaN; false: it is none. */
static bool scale(const struct va_label_convert *job, double *x)
{
    double lo = job->ranged ? job->lo : -1, hi = job->ranged ? job->hi : 1;

    if (!job->ranged && *x == VA_UNLABELLED)
        *x = (double)NAN;
    else if (!(*x >= lo && *x <= hi))
        return false;
    else if (job->ranged)
        *x = 2 * (*x - lo) / (hi - lo) - 1;
    return true;
}

/* A rating from -1 to 1, NaN for none; -1 after reporting. */
static int take_value(const struct reader *r, int64_t column, double *x)
{
    const struct va_label_convert *job = r->job;
    double lo = job->ranged ? job->lo : -1, hi = job->ranged ? job->hi : 1;
    int got = va_csv_number(&r->csv, column, x);
    char place[160];

    if (got > 0 && job->missing == VA_CONVERT_REFUSE)
        return va_csv_missing(&r->csv, column,
                              "--missing unlabelled leaves such frames unlabelled");
    if (got)
        return got < 0 ? -1 : 0;
    if (!scale(job, x))
        return va_error(
            "%s: %s: found %.9g, expected a number from %.9g to %.9g%s", r->csv.path,
            va_csv_place(&r->csv, r->csv.line, column, place, sizeof(place)), *x, lo, hi,
            job->ranged ? "" : ", or -5: --range LO..HI is for ratings of another range");
    return 0;
}

/* The time of row number `row` of a video, checked to be after the one before. */
static int take_time(const struct reader *r, const struct va_trace *t, double *time)
{
    const struct va_label_convert *job = r->job;
    char place[160];
    int got;

    *time = (double)t->count / (job->fps > 0 ? job->fps : 1);
    if (r->time < 0)
        return 0;
    got = va_csv_number(&r->csv, r->time, time);
    if (got > 0)
        return va_csv_missing(&r->csv, r->time, "each row needs a time");
    if (got < 0)
        return -1;
    *time *= job->unit == VA_MILLISECONDS ? 1e-3 : 1;
    if (!t->count || *time > t->time[t->count - 1])
        return 0;
    return va_error("%s: %s: found the time %.9g after %.9g, expected a later one: %s",
                    r->csv.path,
                    va_csv_place(&r->csv, r->csv.line, r->time, place, sizeof(place)), *time,
                    t->time[t->count - 1],
                    r->video < 0 ? "sort the rows, or name the column of the video with --video"
                                 : "sort the rows");
}

static int take_row(struct reader *r)
{
    struct va_rated_video *v = r->at = video_of_row(r);
    double time, x;

    if (!v)
        return -1;
    for (int d = 0; d < 2; d++)
        for (int64_t i = 0; r->wanted[d] && i < r->job->columns[d].count; i++) {
            struct va_trace *t = &v->traces[d][v->since[d] + i];

            if (t->count == VA_FRAMES_MAX)
                return va_error("%s: more than %d rows of video '%s'", r->csv.path,
                                VA_FRAMES_MAX, v->name);
            if (take_time(r, t, &time) < 0 || take_value(r, r->columns[d][i], &x) < 0 ||
                va_trace_add(t, time, x) < 0)
                return -1;
        }
    return 0;
}

/* ---- tiers of ELAN ---------------------------------------------------------------------------- */

/* A segment has its value from its beginning to its end, and there is none between two segments that do not meet. */
static int add_segment(struct va_trace *t, const struct va_elan_segment *s, double x)
{
    const double moment = 5e-4; /* times are whole milliseconds */
    double last = t->count ? t->time[t->count - 1] : 0;

    if (t->count && last + 3 * moment < s->begin &&
        va_trace_add(t, s->begin - moment, (double)NAN) < 0)
        return -1;
    if (va_trace_add(t, s->begin, x) < 0)
        return -1;
    return va_trace_add(t, s->end - moment, x) < 0 ? -1 : 0;
}

static int take_segment(const struct reader *r, const char *tier, struct va_trace *t,
                        const struct va_elan_segment *s)
{
    const struct va_label_convert *job = r->job;
    double x = (double)NAN;

    if (!*s->text && job->missing == VA_CONVERT_REFUSE)
        return va_error("%s: line %lld: tier '%.60s': found an annotation without a value: "
                        "--missing unlabelled leaves such frames unlabelled",
                        r->csv.path, (long long)s->line, tier);
    if (*s->text && (va_parse_decimal(s->text, &x) < 0 || !scale(job, &x)))
        return va_error(
            "%s: line %lld: tier '%.60s': found '%.60s', expected a number from %.9g to "
            "%.9g%s",
            r->csv.path, (long long)s->line, tier, s->text, job->ranged ? job->lo : -1,
            job->ranged ? job->hi : 1,
            job->ranged ? "" : ", or -5: --range LO..HI is for ratings of another range");
    return add_segment(t, s, x);
}

static int take_tier(const struct reader *r, struct va_elan *e, int d, int64_t i)
{
    static const char *const options[2] = { "--valence", "--arousal" };
    struct va_trace *t = &r->at->traces[d][r->at->since[d] + i];
    const char *tier = r->job->columns[d].items[i];
    const struct va_elan_segment *segments;
    int64_t count = va_elan_tier(e, tier, options[d], &segments);

    if (count == 0)
        return va_error("%s: found no annotation in tier '%.60s'", r->csv.path, tier);
    for (int64_t k = 0; k < count; k++)
        if (take_segment(r, tier, t, &segments[k]) < 0)
            return -1;
    if (count < 0)
        return -1;
    return va_trace_add(t, segments[count - 1].end, (double)NAN); /* not longer than that */
}

static int read_elan(struct reader *r, const char *path)
{
    struct va_elan *e = va_elan_open(path);
    int status = -1;

    r->csv = (struct va_csv){ .path = path, .line = 1 };
    r->time = r->video = -1;
    r->title = va_format("%.*s", (int)(strlen(path) - strlen(".eaf")), path);
    if (e && r->title && (r->at = video_of_row(r)))
        status = 0;
    for (int d = 0; d < 2 && status == 0; d++)
        for (int64_t i = 0; r->wanted[d] && i < r->job->columns[d].count && status == 0; i++)
            status = take_tier(r, e, d, i);
    va_elan_close(e);
    va_free(r->title);
    return status;
}

/* ---- files ------------------------------------------------------------------------------------- */

static int read_table(struct reader *r, const char *path)
{
    int got = va_csv_open(&r->csv, path, (enum va_csv_header)r->job->header, "a CSV file");

    if (got == 0)
        got = find_columns(r);
    while (got >= 0 && (got = va_csv_next(&r->csv)) > 0)
        if (take_row(r) < 0)
            got = -1;
    if (got == 0 && !r->at)
        got = va_error("%s: found no rows, expected ratings", path);
    va_csv_close(&r->csv);
    va_free(r->columns[0]);
    va_free(r->columns[1]);
    return got < 0 ? -1 : 0;
}

int va_ratings_read(struct va_ratings *ratings, const char *path, const bool wanted[2],
                    const struct va_label_convert *job)
{
    struct reader r = { .job = job, .ratings = ratings, .wanted = wanted };

    ratings->files++;
    return va_elan_named(path) ? read_elan(&r, path) : read_table(&r, path);
}

void va_ratings_release(struct va_ratings *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        for (int d = 0; d < 2; d++) {
            for (int64_t k = 0; k < r->videos[i].count[d]; k++)
                va_trace_release(&r->videos[i].traces[d][k]);
            va_free(r->videos[i].traces[d]);
        }
        va_free(r->videos[i].name);
        va_free(r->videos[i].value);
    }
    va_free(r->videos);
    *r = (struct va_ratings){ 0 };
}
