/*
 * Predictions on their way to a file: a group for each video, or all videos in the datasets of the root, whose rows
 * are spooled until their number is known (io/va_h5_rows.c). A dataset of the root begins with the first video that has
 * it; rows of videos without it are filled, and a flag per video tells which those are.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_predictions.h"
#include "data/va_predictions_priv.h"
#include <math.h>
#include <string.h>

enum {
    MANY = 1000, /* videos; a group takes some 10 kB of memory and .3 ms to write and read */
    FILL = 1024, /* rows at a time */
    ROW_MAX = 8, /* bytes of a row of any column */
};

const char *const va_predictions_layout_names[] = { "auto", "groups", "flat", NULL };

const struct va_predicted_column va_predicted_columns[VA_PREDICTED] = {
    { "va", VA_F32, 2 },         { "pts", VA_F64, 1 },    { "face", VA_U8, 1 },
    { "confidence", VA_F32, 1 }, { "spread", VA_F32, 2 }, { "lower", VA_F32, 2 },
    { "upper", VA_F32, 2 },
};

struct va_predictions_out {
    struct va_h5_out *out;
    struct va_h5_rows
        *rows[VA_PREDICTED]; /* of the video that has begun, or of all; NULL: not known */
    bool flat;
    /* the table of a flat file */
    char **names;   /* [count] */
    int64_t *first; /* [count], its end goes behind */
    uint8_t *has;   /* [count] a bit for each column */
    int64_t count, room[3];
    int64_t done; /* rows so far */
};

/* ---- a group for each video ---------------------------------------------------------------- */

static char *dataset_of(const struct va_predictions_out *p, const char *name, int what)
{
    return p->flat ? va_format("/%s", va_predicted_columns[what].name)
                   : va_format("/videos/%s/%s", name, va_predicted_columns[what].name);
}

static int put_group(struct va_predictions_out *p, const char *name, int64_t T,
                     const void *const data[VA_PREDICTED])
{
    int status = 0;

    for (int i = 0; status == 0 && i < VA_PREDICTED; i++) {
        char *dataset = data[i] ? dataset_of(p, name, i) : NULL;

        if (data[i])
            status = dataset ? va_h5_write(p->out, dataset, va_predicted_columns[i].type,
                                           va_predicted_columns[i].rank, (int64_t[]){ T, 2 },
                                           data[i])
                             : -1;
        va_free(dataset);
    }
    return status;
}

static int begin_rows(struct va_predictions_out *p, const char *name, int what, int64_t T)
{
    const struct va_predicted_column *c = &va_predicted_columns[what];
    char *dataset = dataset_of(p, name, what);

    if (dataset)
        p->rows[what] = va_h5_rows_begin(p->out, dataset, c->type, c->rank,
                                         (int64_t[]){ T, 2 });
    va_free(dataset);
    return p->rows[what] ? 0 : -1;
}

static int append_group(struct va_predictions_out *p, int64_t T,
                        const void *const data[VA_PREDICTED])
{
    int status = 0;

    for (int i = 0; status == 0 && i < VA_PREDICTED; i++)
        if (p->rows[i])
            status = va_h5_rows_append(p->rows[i], T, data[i]);
    return status;
}

static int finish_rows(struct va_predictions_out *p)
{
    int status = 0;

    for (int i = 0; status == 0 && i < VA_PREDICTED; i++)
        if (p->rows[i])
            status = va_h5_rows_finish(&p->rows[i]);
    return status;
}

/* ---- all videos in the root ------------------------------------------------------------------ */

static int begin_video(struct va_predictions_out *p, const char *name)
{
    const int64_t n = p->count + 2; /* with the end */

    if (va_grow(&p->names, &p->room[0], n, sizeof(*p->names)) < 0 ||
        va_grow(&p->first, &p->room[1], n, sizeof(*p->first)) < 0 ||
        va_grow(&p->has, &p->room[2], n, sizeof(*p->has)) < 0 ||
        !(p->names[p->count] = va_strdup(name)))
        return -1;
    p->first[p->count] = p->done;
    p->has[p->count++] = 0;
    return 0;
}

/* Rows of videos that have none: times and confidence that are not known, or zeros. */
static int fill(struct va_predictions_out *p, int what, int64_t count)
{
    char block[FILL * ROW_MAX] = { 0 };
    int status = 0;

    for (int i = 0; i < FILL && what == VA_PREDICTED_PTS; i++)
        memcpy(block + i * 8, &(double){ (double)NAN }, 8);
    for (int i = 0; i < FILL && what == VA_PREDICTED_CONFIDENCE; i++)
        memcpy(block + i * 4, &(float){ NAN }, 4);
    for (int64_t i = 0; status == 0 && i < count; i += FILL)
        status = va_h5_rows_append(p->rows[what], count - i < FILL ? count - i : FILL, block);
    return status;
}

/* The next rows of the video that has begun. */
static int append_flat(struct va_predictions_out *p, int64_t T,
                       const void *const data[VA_PREDICTED])
{
    int status = 0;

    for (int i = 0; status == 0 && i < VA_PREDICTED; i++) {
        if (data[i] && !p->rows[i]) {
            status = begin_rows(p, NULL, i, -1);
            if (status == 0)
                status = fill(p, i, p->done);
        }
        if (data[i])
            p->has[p->count - 1] |= (uint8_t)(1 << i);
        if (status == 0 && p->rows[i])
            status = data[i] ? va_h5_rows_append(p->rows[i], T, data[i]) : fill(p, i, T);
    }
    p->done += T;
    return status;
}

/* Which videos have a column that others lack. */
static int write_flags(struct va_predictions_out *p, int what)
{
    uint8_t *flags = va_new(p->count, sizeof(*flags));
    char *dataset = va_format("/videos/%s", va_predicted_columns[what].name);
    int64_t set = 0;
    int status = flags && dataset ? 0 : -1;

    for (int64_t v = 0; status == 0 && v < p->count; v++)
        set += flags[v] = p->has[v] >> what & 1;
    if (status == 0 && set && set < p->count)
        status = va_h5_write(p->out, dataset, VA_U8, 1, &p->count, flags);
    va_free(flags);
    va_free(dataset);
    return status;
}

static int finish_flat(struct va_predictions_out *p)
{
    const int64_t ends = p->count + 1;
    int status = p->first ? 0 : va_grow(&p->first, &p->room[1], 1, sizeof(*p->first));

    if (status == 0 && !p->rows[VA_PREDICTED_VA])
        status = begin_rows(p, NULL, VA_PREDICTED_VA, 0);
    if (status == 0)
        status = finish_rows(p);
    if (status < 0)
        return -1;
    p->first[p->count] = p->done;
    if (va_h5_write_strings(p->out, "/videos/name", p->count, (const char *const *)p->names) <
            0 ||
        va_h5_write(p->out, "/videos/first", VA_I64, 1, &ends, p->first) < 0)
        return -1;
    for (int i = VA_PREDICTED_VA + 1; status == 0 && i < VA_PREDICTED; i++)
        status = write_flags(p, i);
    return status;
}

/* ---- either ---------------------------------------------------------------------------------- */

struct va_predictions_out *va_predictions_create(const char *path, const char *const *models,
                                                 int64_t count,
                                                 enum va_predictions_layout layout,
                                                 int64_t videos)
{
    struct va_predictions_out *p = va_new(1, sizeof(*p));

    if (!p)
        return NULL;
    p->flat = layout == VA_PREDICTIONS_LAYOUT_FLAT ||
              (layout == VA_PREDICTIONS_LAYOUT_AUTO && videos > MANY);
    p->out = va_h5_create(path, p->flat ? VA_PREDICTIONS_FLAT : VA_PREDICTIONS_GROUPS);
    if (p->out && va_h5_put_strings(p->out, NULL, "models", count, models) == 0)
        return p;
    va_predictions_abort(p);
    return NULL;
}

int va_predictions_put_note(struct va_predictions_out *p, const char *note)
{
    return note ? va_h5_put_string(p->out, NULL, "note", note) : 0;
}

int va_predictions_put_level(struct va_predictions_out *p, double level)
{
    return va_h5_put_real(p->out, NULL, "level", level);
}

struct va_h5_out *va_predictions_file(struct va_predictions_out *p)
{
    return p->out;
}

static int check_values(const struct va_frame_values *v)
{
    for (int64_t i = 0; i < 2 * v->T; i++)
        if (!isfinite(v->va[i]))
            return va_error_machine("%s: frame %lld: the prediction is %g, expected a finite "
                                    "number",
                                    v->name, (long long)(i / 2 + 1), (double)v->va[i]);
    return 0;
}

int va_predictions_put(struct va_predictions_out *p, const struct va_frame_values *v)
{
    const void *const data[VA_PREDICTED] = { v->va,     v->pts,   v->face, v->confidence,
                                             v->spread, v->lower, v->upper };

    if (check_values(v) < 0)
        return -1;
    if (!p->flat)
        return put_group(p, v->name, v->T, data);
    return begin_video(p, v->name) < 0 ? -1 : append_flat(p, v->T, data);
}

int va_predictions_begin(struct va_predictions_out *p, const char *name, int64_t T, bool timed,
                         bool scored)
{
    if (p->flat)
        return begin_video(p, name);
    for (int i = 0; i <= VA_PREDICTED_CONFIDENCE; i++) {
        p->rows[i] = NULL;
        if ((i == VA_PREDICTED_PTS && !timed) || (i == VA_PREDICTED_CONFIDENCE && !scored))
            continue;
        if (begin_rows(p, name, i, T) < 0)
            return -1;
    }
    return 0;
}

int va_predictions_append(struct va_predictions_out *p, const struct va_frame_values *v)
{
    const void *const data[VA_PREDICTED] = { v->va, v->pts, v->face, v->confidence };

    if (check_values(v) < 0)
        return -1;
    return p->flat ? append_flat(p, v->T, data) : append_group(p, v->T, data);
}

int va_predictions_end(struct va_predictions_out *p)
{
    return p->flat ? 0 : finish_rows(p);
}

int va_predictions_commit(struct va_predictions_out **handle)
{
    struct va_predictions_out *p = *handle;
    int status = p->flat ? finish_flat(p) : 0;

    if (status == 0)
        status = va_h5_commit(&p->out);
    va_predictions_abort(p);
    *handle = NULL;
    return status;
}

void va_predictions_abort(struct va_predictions_out *p)
{
    if (!p)
        return;
    va_h5_abort(p->out);
    va_h5_free_strings(p->names, p->count);
    va_free(p->first);
    va_free(p->has);
    va_free(p);
}
