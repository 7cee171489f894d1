#include "data/va_origin.h"

#include "base/va_error.h"
#include "io/va_pictured.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int va_origin_add(struct va_origin *o, const struct va_window_index *index, const bool *chosen,
                  bool any)
{
    for (int64_t i = 0; i < index->video_count; i++) {
        const struct va_index_video *v = &index->videos[i];

        if (chosen && !chosen[i])
            continue;
        o->input = o->any ? va_pictured_common(o->input, v->input) : v->input;
        o->any = true;
        if (v->fps > 0) {
            o->fps_min = o->fps_min > 0 ? fmin(o->fps_min, v->fps) : v->fps;
            o->fps_max = fmax(o->fps_max, v->fps);
        }
        if (!v->encoder)
            continue;
        if (!o->encoder) {
            o->encoder = v->encoder;
            o->path = v->features;
        } else if (strcmp(o->encoder, v->encoder)) {
            if (!any)
                return va_error(
                    "%s: found features of encoder %s, expected %s as in %s (--any-encoder "
                    "accepts them)",
                    v->features, v->encoder, o->encoder, o->path);
            o->mixed = true;
        }
    }
    return 0;
}

static int store_rate(struct va_tensors *set, const char *key, double fps)
{
    char text[32];

    snprintf(text, sizeof(text), "%.6g", fps);
    return fps > 0 ? va_tensors_set_meta(set, key, text) : 0;
}

int va_origin_store(const struct va_origin *o, struct va_tensors *set)
{
    if (o->encoder && !o->mixed && va_tensors_set_meta(set, "encoder", o->encoder) < 0)
        return -1;
    if (o->input && va_tensors_set_meta(set, "input", o->input) < 0)
        return -1;
    return store_rate(set, "fps-min", o->fps_min) < 0 ||
                   store_rate(set, "fps-max", o->fps_max) < 0
               ? -1
               : 0;
}

static double load_rate(const struct va_tensors *set, const char *key)
{
    const char *text = va_tensors_meta(set, key);
    double fps = text ? strtod(text, NULL) : 0;

    return fps > 0 && isfinite(fps) ? fps : 0;
}

void va_origin_load(struct va_origin *o, const struct va_tensors *set, const char *path)
{
    const char *encoder = va_tensors_meta(set, "encoder");

    *o = (struct va_origin){ .encoder = encoder && *encoder ? encoder : NULL,
                             .path = path,
                             .input = va_tensors_meta(set, "input"),
                             .fps_min = load_rate(set, "fps-min"),
                             .fps_max = load_rate(set, "fps-max") };
}

bool va_origin_is_far(const struct va_origin *o, double fps)
{
    return fps > 0 && o->fps_min > 0 && o->fps_max > 0 &&
           (fps > VA_ORIGIN_FPS * o->fps_max || VA_ORIGIN_FPS * fps < o->fps_min);
}

void va_origin_compare_rates(const struct va_origin *o, const struct va_window_index *index,
                             const bool *chosen)
{
    const struct va_index_video *first = NULL;
    char trained[64], others[40] = "";
    int64_t far = 0;

    for (int64_t i = 0; i < index->video_count; i++) {
        const struct va_index_video *v = &index->videos[i];

        if ((!chosen || chosen[i]) && va_origin_is_far(o, v->fps)) {
            first = first ? first : v;
            far++;
        }
    }
    if (!far)
        return;
    snprintf(trained, sizeof(trained), o->fps_min < o->fps_max ? "%.6g to %.6g" : "%.6g",
             o->fps_min, o->fps_max);
    if (far > 1)
        snprintf(others, sizeof(others), " (and %lld more)", (long long)far - 1);
    va_warn("%s%s: %.6g frames per second, but %s was trained at %s: predictions may "
            "be worse",
            first->features, others, first->fps, o->path, trained);
}

void va_origin_compare_input(const struct va_origin *o, const struct va_window_index *index,
                             const bool *chosen)
{
    for (int64_t i = 0; i < index->video_count; i++) {
        const struct va_index_video *v = &index->videos[i];

        if ((!chosen || chosen[i]) &&
            va_pictured_compare(v->features, v->input, o->path, o->input))
            return;
    }
}
