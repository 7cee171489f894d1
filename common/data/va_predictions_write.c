#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_predictions.h"
#include <math.h>

enum { VA, PTS, FACE, CONFIDENCE, ROWS };

struct va_predictions_out {
    struct va_h5_out *out;
    struct va_h5_rows *rows[ROWS]; /* of the video that has begun; NULL: not known */
};

struct va_predictions_out *va_predictions_create(const char *path, const char *const *models,
                                                 int64_t count)
{
    struct va_predictions_out *p = va_new(1, sizeof(*p));

    if (!p)
        return NULL;
    p->out = va_h5_create(path, "va.predictions/1");
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

static int put(struct va_h5_out *out, const char *name, const char *what, enum va_dtype type,
               int rank, int64_t T, const void *data)
{
    char *dataset = va_format("/videos/%s/%s", name, what);
    int status = dataset ? va_h5_write(out, dataset, type, rank, (int64_t[]){ T, 2 }, data)
                         : -1;

    va_free(dataset);
    return status;
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
    if (check_values(v) < 0)
        return -1;
    if (put(p->out, v->name, "va", VA_F32, 2, v->T, v->va) < 0 ||
        (v->pts && put(p->out, v->name, "pts", VA_F64, 1, v->T, v->pts) < 0) ||
        (v->face && put(p->out, v->name, "face", VA_U8, 1, v->T, v->face) < 0))
        return -1;
    if (v->confidence && put(p->out, v->name, "confidence", VA_F32, 1, v->T, v->confidence) < 0)
        return -1;
    if (v->spread && put(p->out, v->name, "spread", VA_F32, 2, v->T, v->spread) < 0)
        return -1;
    return v->lower && (put(p->out, v->name, "lower", VA_F32, 2, v->T, v->lower) < 0 ||
                        put(p->out, v->name, "upper", VA_F32, 2, v->T, v->upper) < 0)
               ? -1
               : 0;
}

int va_predictions_begin(struct va_predictions_out *p, const char *name, int64_t T, bool timed,
                         bool scored)
{
    static const char *const names[ROWS] = { "va", "pts", "face", "confidence" };
    static const enum va_dtype types[ROWS] = { VA_F32, VA_F64, VA_U8, VA_F32 };
    const int64_t shape[] = { T, 2 };

    for (int i = 0; i < ROWS; i++) {
        char *dataset;

        p->rows[i] = NULL;
        if ((i == PTS && !timed) || (i == CONFIDENCE && !scored))
            continue;
        dataset = va_format("/videos/%s/%s", name, names[i]);
        if (dataset)
            p->rows[i] = va_h5_rows_begin(p->out, dataset, types[i], i == VA ? 2 : 1, shape);
        va_free(dataset);
        if (!p->rows[i])
            return -1;
    }
    return 0;
}

int va_predictions_append(struct va_predictions_out *p, const struct va_frame_values *v)
{
    const void *const data[ROWS] = { v->va, v->pts, v->face, v->confidence };
    int status = check_values(v);

    for (int i = 0; status == 0 && i < ROWS; i++)
        if (p->rows[i])
            status = va_h5_rows_append(p->rows[i], v->T, data[i]);
    return status;
}

int va_predictions_end(struct va_predictions_out *p)
{
    int status = 0;

    for (int i = 0; status == 0 && i < ROWS; i++)
        if (p->rows[i])
            status = va_h5_rows_finish(&p->rows[i]);
    return status;
}

int va_predictions_commit(struct va_predictions_out **handle)
{
    struct va_predictions_out *p = *handle;
    int status = va_h5_commit(&p->out);

    va_predictions_abort(p);
    *handle = NULL;
    return status;
}

void va_predictions_abort(struct va_predictions_out *p)
{
    if (!p)
        return;
    va_h5_abort(p->out);
    va_free(p);
}
