/*
 * All modes go through the video front to back with one buffer of frames. Windows are run
 * several at a time; the model is causal, so the zeros behind the end of a shorter one do not
 * reach the frames that count.
 */
#include "jobs/va_predict.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_origin.h"
#include "data/va_window_gather.h"
#include "weights/va_model_file.h"

const char *const va_predict_mode_names[] = { "sequence", "overlap", "chunk", NULL };

/* Frames in a block of `sequence`, and about as many in a batch of windows: enough to keep all
 * cores busy, few enough that activations stay small beside the weights. */
enum { BLOCK = VA_PREDICT_BLOCK };

struct va_predictor {
    struct va_backend *be;
    struct va_temporal *model;
    const struct va_window_index *index;
    struct va_predict_plan plan;
    struct va_temporal_stream *stream; /* of sequence */
    int64_t ahead;                     /* frames that the model looks ahead */
    int64_t batch, W, rows;  /* room: windows of W frames, W + ahead rows; or one block */
    float *host_x, *host_va; /* [batch, rows, D], [batch, rows, 2] */
    void *x, *pred;          /* the same on the device */
    int32_t *count;          /* [count_room] windows that hold a frame, of overlap */
    double *total;           /* [count_room, 2] their sum */
    int64_t count_room, total_room;
    int64_t *starts; /* [batch] of the windows gathered */
    int64_t pending;
    int64_t video;
};

struct va_predict_plan va_predict_plan_preset(enum va_preset preset)
{
    struct va_preset_windows w = va_preset_windows(preset);

    return (struct va_predict_plan){ w.test_overlap ? VA_PREDICT_OVERLAP : VA_PREDICT_CHUNK,
                                     w.test_window, w.test_overlap ? w.stride : w.test_window };
}

struct va_temporal *va_predict_load(struct va_backend *be, const char *path,
                                    struct va_window_index *index, const bool *chosen,
                                    bool any_encoder, char **id)
{
    struct va_tensors *set = va_model_open(path, id);
    struct va_temporal *model = NULL;
    struct va_temporal_config c;
    struct va_origin origin;

    if (!set || va_temporal_config_load(&c, set, path) < 0 ||
        va_window_index_arrange(index, &c.streams, c.stream_dropout > 0, path) < 0)
        goto failed;
    if (c.in_dim != index->dim) {
        va_error("%s: expects %lld features per frame, but the input has %lld", path,
                 (long long)c.in_dim, (long long)index->dim);
        goto failed;
    }
    va_origin_load(&origin, set, path, &c.streams);
    va_origin_compare_rates(&origin, index, chosen);
    va_origin_compare_input(&origin, index, chosen);
    if (va_origin_add(&origin, index, chosen, any_encoder) < 0)
        goto failed;
    model = va_temporal_new(be, &c, VA_TEMPORAL_INIT_PAPER, false);
    if (!model || va_params_load(va_temporal_params(model), set, path) < 0)
        goto failed;
    va_tensors_free(set); /* before the prepared forms take its room */
    va_params_changed(va_temporal_params(model));
    return model;
failed:
    va_tensors_free(set);
    va_temporal_free(model);
    return NULL;
}

static int64_t longest_video(const struct va_window_index *index)
{
    int64_t most = 1;

    for (int64_t i = 0; i < index->video_count; i++)
        if (index->videos[i].frames > most)
            most = index->videos[i].frames;
    return most;
}

struct va_predictor *va_predictor_new(struct va_backend *be, struct va_temporal *model,
                                      const struct va_window_index *index,
                                      const struct va_predict_plan *plan)
{
    struct va_predictor *p = va_new(1, sizeof(*p));
    int64_t longest = longest_video(index), frames;

    if (!p)
        return NULL;
    p->be = be;
    p->model = model;
    p->index = index;
    p->plan = *plan;
    p->batch = 1;
    p->ahead = va_temporal_config(model)->lookahead;
    if (plan->mode == VA_PREDICT_SEQUENCE) {
        p->W = p->rows = BLOCK;
        p->stream = va_temporal_stream_new(model, BLOCK);
        if (!p->stream)
            goto failed;
    } else {
        p->W = plan->window < longest ? plan->window : longest;
        p->rows = p->W + p->ahead;
        p->batch = p->rows < BLOCK ? BLOCK / p->rows : 1;
        if (va_temporal_reserve(model, p->batch, p->rows, false) < 0)
            goto failed;
    }
    frames = p->batch * p->rows;
    p->host_x = va_new(frames, sizeof(float) * (size_t)index->dim);
    p->host_va = va_new(frames, 2 * sizeof(float));
    p->starts = va_new(p->batch, sizeof(*p->starts));
    p->x = be->ops->alloc(be, frames * index->dim);
    p->pred = be->ops->alloc(be, frames * 2);
    if (p->host_x && p->host_va && p->starts && p->x && p->pred)
        return p;
failed:
    va_predictor_free(p);
    return NULL;
}

void va_predictor_free(struct va_predictor *p)
{
    if (!p)
        return;
    va_temporal_stream_free(p->stream);
    p->be->ops->free(p->be, p->x);
    p->be->ops->free(p->be, p->pred);
    va_free(p->host_x);
    va_free(p->host_va);
    va_free(p->starts);
    va_free(p->count);
    va_free(p->total);
    va_free(p);
}

/* ---- sequence -------------------------------------------------------------------------- */

/* Rows [t, t + n) of a video and, behind its end, of its last frame. */
static int gather_rows(struct va_predictor *p, int64_t video, int64_t t, int64_t n)
{
    int64_t left = p->index->videos[video].frames - t, count = n < left ? n : left;

    return va_window_gather_ahead(p->index, video, t, count, t + left, n - count, p->host_x);
}

/* What comes at row t is about frame t - ahead. */
static int run_sequence(struct va_predictor *p, int64_t video, va_predict_block_fn *fn,
                        void *arg)
{
    struct va_backend *be = p->be;
    int64_t T = p->index->videos[video].frames, rows = T ? T + p->ahead : 0;

    va_temporal_stream_reset(p->stream);
    for (int64_t t = 0; t < rows; t += BLOCK) {
        int64_t n = rows - t < BLOCK ? rows - t : BLOCK;
        int64_t skip = t < p->ahead ? p->ahead - t : 0; /* rows about no frame */

        if (gather_rows(p, video, t, n) < 0)
            return -1;
        be->ops->put_f32(be, p->x, p->host_x, n * p->index->dim);
        va_temporal_stream_forward(p->stream, n, p->x, p->pred);
        be->ops->get_f32(be, p->host_va, p->pred, n * 2);
        if (va_backend_check(be) < 0)
            return -1;
        if (skip < n && fn(arg, t - p->ahead + skip, n - skip, p->host_va + 2 * skip) < 0)
            return -1;
    }
    return 0;
}

static int add_block(void *arg, int64_t first, int64_t count, const float *va)
{
    double *sum = arg;

    for (int64_t i = 0; i < count * 2; i++)
        sum[first * 2 + i] += (double)va[i];
    return 0;
}

int va_predictor_each(struct va_predictor *p, int64_t video, va_predict_block_fn *fn, void *arg)
{
    return run_sequence(p, video, fn, arg);
}

/* ---- windows --------------------------------------------------------------------------- */

/* Run the windows gathered so far and take in what they say of real frames. */
static int flush(struct va_predictor *p)
{
    struct va_backend *be = p->be;
    int64_t T = p->index->videos[p->video].frames;

    if (!p->pending)
        return 0;
    be->ops->put_f32(be, p->x, p->host_x, p->pending * p->rows * p->index->dim);
    va_temporal_forward(p->model, p->pending, p->rows, p->x, p->pred, 0, NULL, 0);
    be->ops->get_f32(be, p->host_va, p->pred, p->pending * p->rows * 2);
    if (va_backend_check(be) < 0)
        return -1;
    for (int64_t i = 0; i < p->pending; i++)
        for (int64_t t = 0; t < p->W && p->starts[i] + t < T; t++) {
            const float *va = p->host_va + 2 * (i * p->rows + p->ahead + t);
            int64_t at = p->starts[i] + t;

            p->count[at]++;
            p->total[2 * at] += (double)va[0];
            p->total[2 * at + 1] += (double)va[1];
        }
    p->pending = 0;
    return 0;
}

static int add_window(void *arg, int64_t start, int64_t length)
{
    struct va_predictor *p = arg;

    (void)length; /* behind the end there are zeros */
    if (va_window_gather_ahead(p->index, p->video, start, p->W,
                               p->index->videos[p->video].frames, p->ahead,
                               p->host_x + p->pending * p->rows * p->index->dim) < 0)
        return -1;
    p->starts[p->pending++] = start;
    return p->pending == p->batch ? flush(p) : 0;
}

static int run_windows(struct va_predictor *p, int64_t video, double *sum)
{
    int64_t T = p->index->videos[video].frames;
    int64_t stride = p->plan.mode == VA_PREDICT_CHUNK ? p->plan.window : p->plan.stride;

    if (va_grow(&p->count, &p->count_room, T, sizeof(*p->count)) < 0 ||
        va_grow(&p->total, &p->total_room, T * 2, sizeof(*p->total)) < 0)
        return -1;
    for (int64_t t = 0; t < T; t++) {
        p->count[t] = 0;
        p->total[2 * t] = p->total[2 * t + 1] = 0;
    }
    p->video = video;
    p->pending = 0;
    if (va_window_plan(T, p->plan.window, stride, VA_TAIL_PAD, add_window, p) < 0 ||
        flush(p) < 0)
        return -1;
    for (int64_t i = 0; i < T * 2; i++)
        sum[i] += p->total[i] / p->count[i / 2]; /* stride <= window: none is 0 */
    return 0;
}

int va_predictor_add(struct va_predictor *p, int64_t video, double *sum)
{
    int status = p->plan.mode == VA_PREDICT_SEQUENCE ? run_sequence(p, video, add_block, sum)
                                                     : run_windows(p, video, sum);

    va_window_index_forget(p->index, video);
    return status;
}
