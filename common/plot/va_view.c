#include "plot/va_view.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "plot/va_shown.h"
#include <math.h>
#include <string.h>

static int choose(struct va_view *v, const char *path, const struct va_strings *names)
{
    v->count = names->count ? names->count : v->in->count;
    v->names = va_new(v->count, sizeof(*v->names));
    if (!v->names)
        return -1;
    for (int64_t i = 0; i < v->count; i++) {
        v->names[i] = names->count ? names->items[i] : v->in->names[i];
        if (!va_predictions_has(v->in, v->names[i]))
            return va_error("%s: found no video '%s'", path, v->names[i]);
    }
    return 0;
}

/* How good the model is, if the predictions are its. */
static int ask_model(struct va_view *v, const char *path, const char *model)
{
    struct va_made made;
    bool its = false;

    if (va_made_read(&made, model) < 0)
        return -1;
    for (int64_t i = 0; i < v->in->model_count; i++)
        its |= !strcmp(v->in->models[i], made.id);
    v->ccc = v->in->model_count == 1 ? made.ccc : (double)NAN;
    if (!its)
        va_error("%s: found model %.8s, expected %.8s, which made %s", model, made.id,
                 v->in->model_count ? v->in->models[0] : "none", path);
    va_made_release(&made);
    return its ? 0 : -1;
}

int va_view_open(struct va_view *v, const char *path, const struct va_view_options *options)
{
    int status = -1;

    *v = (struct va_view){ .rule = options->rule, .ccc = (double)NAN };
    v->in = va_predictions_open(path);
    if (v->in && va_made_read(&v->made, path) == 0)
        status = choose(v, path, &options->names);
    for (int64_t i = 0; status == 0 && i < options->labels.count; i++)
        status = va_label_files_add(&v->labels, options->labels.items[i]);
    if (status == 0 && options->model)
        status = ask_model(v, path, options->model);
    if (status < 0)
        va_view_release(v);
    return status;
}

void va_view_release(struct va_view *v)
{
    va_predictions_close(v->in);
    va_label_files_release(&v->labels);
    va_made_release(&v->made);
    va_free(v->names);
    *v = (struct va_view){ 0 };
}

int va_view_evaluate(const struct va_view *v, struct va_evaluation *e)
{
    int status = 0;

    for (int64_t i = 0; status == 0 && i < v->count; i++) {
        struct va_shown s;

        if (!va_label_files_find(&v->labels, v->names[i]))
            continue;
        status = va_shown_read(&s, v->in, v->names[i], &v->labels, &v->rule);
        if (status < 0)
            break;
        for (int64_t k = 0; k < 2 * s.T; k++)
            if (isnan(s.label[k]))
                s.label[k] = VA_UNLABELLED;
        status = va_evaluation_add(e, s.name, s.T, s.va, s.label,
                                   &(struct va_ends){ s.lower, s.upper, s.level });
        va_shown_release(&s);
    }
    return status;
}
