#include "run/va_run_state.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "weights/va_model_file.h"
#include <math.h>
#include <string.h>

void va_run_state_release(struct va_run_state *s)
{
    va_tensors_free(s->best_weights);
    va_log_release(&s->train);
    va_log_release(&s->val);
    *s = (struct va_run_state){ 0 };
}

/* The keys that both have, or those that `found` has not: what one setting brings with it (the heads of a fusion)
 * says less than the setting. */
static int check_keys(const struct va_tensors *found, const struct va_tensors *expected,
                      bool missing, const char *path)
{
    for (int64_t i = 0; i < expected->meta_count; i++) {
        const char *key = expected->meta[i].key, *want = expected->meta[i].value;
        const char *have = va_tensors_meta(found, key);

        if (!have && !strcmp(key, "train.precision"))
            have = "f32"; /* runs began without a choice */
        if (missing == (have != NULL))
            continue;
        if (have && strcmp(have, want) && !strcmp(key, "train.precision"))
            return va_error(
                "%s: the run has %s %s, this command %s: give --precision %s, or start again with "
                "--restart (in a pipeline: delete this file)",
                path, key, have, want, have);
        if (!have || strcmp(have, want))
            return va_error(
                "%s: the run has %s %s, this command %s: resume with the same settings and "
                "inputs, or start again with --restart (in a pipeline: delete this file)",
                path, key, have ? have : "(none)", want);
    }
    return 0;
}

int va_train_identity_check(const struct va_tensors *found, const struct va_tensors *expected,
                            const char *path)
{
    return check_keys(found, expected, false, path) < 0
               ? -1
               : check_keys(found, expected, true, path);
}

int va_train_identity_copy(struct va_tensors *to, const struct va_tensors *from)
{
    for (int64_t i = 0; i < from->meta_count; i++)
        if (va_tensors_set_meta(to, from->meta[i].key, from->meta[i].value) < 0)
            return -1;
    return 0;
}

/* ---- writing --------------------------------------------------------------------------- */

static int write_group(struct va_h5_out *out, const char *group, const char *name, int rank,
                       const int64_t *shape, const float *data)
{
    char *path = va_format("/%s/%s", group, name);
    int status = path ? va_h5_write(out, path, VA_F32, rank, shape, data) : -1;

    va_free(path);
    return status;
}

static int64_t largest(const struct va_params *params)
{
    int64_t most = 0;

    for (int64_t i = 0; i < params->count; i++)
        if (params->items[i].count > most)
            most = params->items[i].count;
    return most;
}

/* Before the first update they are zero, and not written. */
static int write_moments(const struct va_run_state *s, struct va_h5_out *out)
{
    const struct va_params *params = s->params;
    struct va_backend *be = params->be;
    float *buffer;
    int status = -1;

    if (va_optimiser_updates(s->optimiser) == 0)
        return 0;
    buffer = va_new_unset(largest(params), sizeof(*buffer));

    for (int64_t i = 0; buffer && i < params->count; i++) {
        const struct va_param *p = &params->items[i];

        if (!p->m)
            continue; /* frozen */
        be->ops->get_f32(be, buffer, p->m, p->count);
        if (write_group(out, "optimizer/m", p->name, p->rank, p->shape, buffer) < 0)
            goto done;
        be->ops->get_f32(be, buffer, p->v, p->count);
        if (write_group(out, "optimizer/v", p->name, p->rank, p->shape, buffer) < 0)
            goto done;
    }
    if (buffer)
        status = va_backend_check(be);
done:
    va_free(buffer);
    return status;
}

static int write_weights(const struct va_run_state *s, struct va_h5_out *out)
{
    struct va_tensors *set = va_tensors_new();
    int status = -1;

    if (set && va_train_identity_copy(set, s->identity) == 0 &&
        va_params_lend(s->params, NULL, set) == 0)
        status = va_model_put(out, set);
    va_tensors_free(set);
    for (int64_t i = 0; status == 0 && s->best_weights && i < s->best_weights->count; i++) {
        const struct va_tensor *t = &s->best_weights->items[i];

        status = write_group(out, "best", t->name, t->rank, t->shape, t->data);
    }
    return status;
}

static int write_log(const struct va_log *log, const char *name, struct va_h5_out *out)
{
    int64_t shape[2] = { log->count, log->columns };

    return log->count ? va_h5_write(out, name, VA_F64, 2, shape, log->rows) : 0;
}

int va_run_state_save(const struct va_run_state *s, const char *path)
{
    struct va_h5_out *out = va_h5_create(path, "va.state/1");
    int status = -1;

    if (!out)
        return -1;
    va_h5_set_seed(out, s->seed);
    if ((s->input && va_h5_add_input(out, s->input, s->input_id) < 0) ||
        write_weights(s, out) < 0 || write_moments(s, out) < 0 ||
        write_log(&s->train, "/log/train", out) < 0 ||
        write_log(&s->val, "/log/val", out) < 0 ||
        va_h5_put_int(out, NULL, "step", s->batches) < 0 ||
        va_h5_put_int(out, NULL, "epoch", (s->batches + s->per_epoch - 1) / s->per_epoch) < 0 ||
        va_h5_put_int(out, NULL, "updates", va_optimiser_updates(s->optimiser)) < 0 ||
        va_h5_put_int(out, NULL, "skipped", s->skipped) < 0 ||
        va_h5_put_int(out, NULL, "best_step", s->best_step) < 0 ||
        va_h5_put_real(out, NULL, "best", s->best) < 0)
        goto done;
    status = va_h5_commit(&out);
done:
    va_h5_abort(out);
    return status;
}

/* ---- reading --------------------------------------------------------------------------- */

/* A float32 dataset of the shape of parameter p into `data`, which is finite (and not
 * negative). */
static int read_group(struct va_h5_in *in, const char *group, const struct va_param *p,
                      bool positive, float *data)
{
    char *name = va_format("/%s/%s", group, p->name), found[96], expected[96];
    int64_t shape[VA_RANK_MAX], rows = p->rank ? p->shape[0] : 1;
    enum va_dtype type;
    int rank, status = -1;

    if (!name || va_h5_shape(in, name, &type, &rank, shape) < 0)
        goto done;
    if (rank != p->rank || memcmp(shape, p->shape, sizeof(*shape) * (size_t)rank)) {
        va_error("%s: %s: shape %s, expected %s", va_h5_path(in), name,
                 va_shape_text(rank, shape, found, sizeof(found)),
                 va_shape_text(p->rank, p->shape, expected, sizeof(expected)));
        goto done;
    }
    if (va_h5_read_rows(in, name, VA_F32, 0, rows, data) < 0)
        goto done;
    for (int64_t i = 0; i < p->count; i++)
        if (!isfinite(data[i]) || (positive && data[i] < 0)) {
            va_error("%s: %s: element %lld is %g, expected a finite number%s", va_h5_path(in),
                     name, (long long)i, (double)data[i], positive ? " not below 0" : "");
            goto done;
        }
    status = 0;
done:
    va_free(name);
    return status;
}

static int read_moments(const struct va_run_state *s, struct va_h5_in *in)
{
    const struct va_params *params = s->params;
    struct va_backend *be = params->be;
    float *buffer;
    int status = -1;

    if (va_optimiser_updates(s->optimiser) == 0)
        return 0; /* as they are */
    buffer = va_new_unset(largest(params), sizeof(*buffer));
    for (int64_t i = 0; buffer && i < params->count; i++) {
        const struct va_param *p = &params->items[i];

        if (!p->m)
            continue; /* frozen */
        if (read_group(in, "optimizer/m", p, false, buffer) < 0)
            goto done;
        be->ops->put_f32(be, p->m, buffer, p->count);
        if (read_group(in, "optimizer/v", p, true, buffer) < 0)
            goto done;
        be->ops->put_f32(be, p->v, buffer, p->count);
    }
    if (buffer)
        status = va_backend_check(be);
done:
    va_free(buffer);
    return status;
}

static int read_best(struct va_run_state *s, struct va_h5_in *in)
{
    va_tensors_free(s->best_weights);
    s->best_weights = NULL;
    if (!va_h5_has(in, "/best"))
        return 0;
    s->best_weights = va_tensors_new();
    if (!s->best_weights)
        return -1;
    for (int64_t i = 0; i < s->params->count; i++) {
        const struct va_param *p = &s->params->items[i];
        struct va_tensor *t;

        if (p->frozen)
            continue;
        t = va_tensors_add(s->best_weights, p->name, VA_F32, p->rank, p->shape);
        if (!t || read_group(in, "best", p, false, t->data) < 0)
            return -1;
    }
    return 0;
}

static int read_log(struct va_log *log, const char *name, int64_t most, struct va_h5_in *in)
{
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    if (!va_h5_has(in, name))
        return 0;
    if (va_h5_shape(in, name, &type, &rank, shape) < 0)
        return -1;
    if (type != VA_F64 || rank != 2 || shape[1] != log->columns || shape[0] > most)
        return va_error("%s: %s: not a log of at most %lld rows of %d numbers", va_h5_path(in),
                        name, (long long)most, log->columns);
    if (va_grow(&log->rows, &log->room, shape[0] * shape[1], sizeof(double)) < 0 ||
        va_h5_read_rows(in, name, VA_F64, 0, shape[0], log->rows) < 0)
        return -1;
    log->count = shape[0];
    return 0;
}

static int read_counters(struct va_run_state *s, struct va_h5_in *in)
{
    int64_t updates;

    if (va_h5_get_int(in, NULL, "step", &s->batches) < 0 ||
        va_h5_get_int(in, NULL, "updates", &updates) < 0 ||
        va_h5_get_int(in, NULL, "skipped", &s->skipped) < 0 ||
        va_h5_get_int(in, NULL, "best_step", &s->best_step) < 0 ||
        va_h5_get_real(in, NULL, "best", &s->best) < 0)
        return -1;
    if (s->batches < 0 || updates < 0 || s->skipped < 0 || updates > s->batches ||
        s->skipped != s->batches - updates || s->best_step < 0 || s->best_step > s->batches)
        return va_error("%s: step %lld, updates %lld, skipped %lld, best_step %lld: counters "
                        "contradict each other",
                        va_h5_path(in), (long long)s->batches, (long long)updates,
                        (long long)s->skipped, (long long)s->best_step);
    va_optimiser_set_updates(s->optimiser, updates);
    if (read_log(&s->train, "/log/train", updates, in) < 0 ||
        read_log(&s->val, "/log/val", s->batches, in) < 0)
        return -1;
    if (s->train.count != updates)
        return va_error("%s: /log/train: %lld rows, expected %lld", va_h5_path(in),
                        (long long)s->train.count, (long long)updates);
    return 0;
}

int va_run_state_load(struct va_run_state *s, const char *path)
{
    struct va_h5_in *in = va_h5_open(path, "va.state/1");
    struct va_tensors *set = in ? va_model_get(in) : NULL;
    int status = -1;

    /* Identity first: of another model's checkpoint that is what to say. */
    if (set && va_train_identity_check(set, s->identity, path) == 0 &&
        va_params_load(s->params, set, path) == 0 && read_counters(s, in) == 0 &&
        read_moments(s, in) == 0)
        status = read_best(s, in);
    va_tensors_free(set);
    va_h5_close(in);
    va_input_forget(path); /* the run's own, which it writes anew */
    return status;
}
