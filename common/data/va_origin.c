#include "data/va_origin.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_pictured.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The entry of a stream; a new one where there is none. */
static struct va_origin_stream *stream_of(struct va_origin *o, const char *name)
{
    struct va_origin_stream *s;

    for (int64_t i = 0; i < o->stream_count; i++)
        if (!strcmp(o->streams[i].name, name))
            return &o->streams[i];
    s = &o->streams[o->stream_count++];
    snprintf(s->name, sizeof(s->name), "%s", name);
    return s;
}

/* What one stream's videos were made by. */
static int add_encoders(struct va_origin_stream *o, const struct va_window_index *index,
                        const bool *chosen, bool any)
{
    for (int64_t i = 0; i < index->video_count; i++) {
        const struct va_index_video *v = &index->videos[i];

        if ((chosen && !chosen[i]) || !v->encoder)
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

/* Inputs and rates. */
static void add_rest(struct va_origin *o, const struct va_window_index *index,
                     const bool *chosen)
{
    for (int64_t i = 0; i < index->video_count; i++) {
        const struct va_index_video *v = &index->videos[i];

        if ((chosen && !chosen[i]) || !v->features)
            continue;
        o->input = o->any ? va_pictured_common(o->input, v->input) : v->input;
        o->any = true;
        if (v->fps > 0) {
            o->fps_min = o->fps_min > 0 ? fmin(o->fps_min, v->fps) : v->fps;
            o->fps_max = fmax(o->fps_max, v->fps);
        }
    }
}

int va_origin_add(struct va_origin *o, const struct va_window_index *index, const bool *chosen,
                  bool any)
{
    for (int64_t k = 0; k < index->stream_count; k++) {
        const struct va_index_stream *s = &index->streams[k];

        if (s->files && add_encoders(stream_of(o, s->name), s->files, chosen, any) < 0)
            return -1;
    }
    if (!index->stream_count && add_encoders(stream_of(o, ""), index, chosen, any) < 0)
        return -1;
    add_rest(o, index, chosen);
    return 0;
}

const char *va_origin_encoder(const struct va_origin *o, const char *stream)
{
    for (int64_t i = 0; i < o->stream_count; i++)
        if (!strcmp(o->streams[i].name, stream))
            return o->streams[i].encoder;
    return NULL;
}

/* "encoder" or "encoder.NAME" */
static const char *key_of(const char *name, char key[VA_STREAM_NAME + 16])
{
    snprintf(key, VA_STREAM_NAME + 16, *name ? "encoder.%s" : "encoder%s", name);
    return key;
}

static int store_rate(struct va_tensors *set, const char *key, double fps)
{
    char text[32];

    snprintf(text, sizeof(text), "%.6g", fps);
    return fps > 0 ? va_tensors_set_meta(set, key, text) : 0;
}

int va_origin_store(const struct va_origin *o, struct va_tensors *set)
{
    char key[VA_STREAM_NAME + 16];

    for (int64_t i = 0; i < o->stream_count; i++) {
        const struct va_origin_stream *s = &o->streams[i];

        if (s->encoder && !s->mixed &&
            va_tensors_set_meta(set, key_of(s->name, key), s->encoder) < 0)
            return -1;
    }
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

/* A stream's encoder as the model says it. */
static void load_stream(struct va_origin *o, const struct va_tensors *set, const char *name)
{
    char key[VA_STREAM_NAME + 16];
    const char *encoder = va_tensors_meta(set, key_of(name, key));
    struct va_origin_stream *s = stream_of(o, name);

    s->encoder = encoder && *encoder ? encoder : NULL;
    s->path = o->path;
}

void va_origin_load(struct va_origin *o, const struct va_tensors *set, const char *path,
                    const struct va_streams *streams)
{
    *o = (struct va_origin){ .path = path,
                             .input = va_tensors_meta(set, "input"),
                             .fps_min = load_rate(set, "fps-min"),
                             .fps_max = load_rate(set, "fps-max") };
    if (!streams || !streams->count)
        load_stream(o, set, "");
    for (int64_t i = 0; streams && i < streams->count; i++)
        load_stream(o, set, streams->items[i].name);
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

/* Add "NAME ID" of a stream to `told`, which it takes. NULL after reporting. */
static char *tell_stream(struct va_h5_in *model, char *told, const char *name, int n)
{
    char *key = va_format("encoder.%.*s", n, name), *id = NULL, *more = NULL;

    if (key && !va_h5_has_attribute(model, NULL, key)) {
        va_free(key);
        return told;
    }
    if (key && (id = va_h5_get_string(model, NULL, key)))
        more = va_format("%s%s%.*s %s", told, *told ? ", " : "", n, name, id);
    va_free(key);
    va_free(id);
    va_free(told);
    return more;
}

char *va_origin_told(struct va_h5_in *model)
{
    char *streams, *told;

    if (va_h5_has_attribute(model, NULL, "encoder"))
        return va_h5_get_string(model, NULL, "encoder");
    told = va_strdup("");
    if (!told || !va_h5_has_attribute(model, NULL, "streams"))
        return told;
    streams = va_h5_get_string(model, NULL, "streams"); /* "face=1024,sound=64" */
    for (const char *name = streams; told && name && *name;) {
        const size_t n = strcspn(name, "=,"), all = strcspn(name, ",");

        told = tell_stream(model, told, name, (int)n);
        name += all + (name[all] == ',');
    }
    if (!streams) {
        va_free(told);
        told = NULL;
    }
    va_free(streams);
    return told;
}
