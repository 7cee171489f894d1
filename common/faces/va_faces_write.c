#include "faces/va_faces_write.h"

#include "base/va_mem.h"

int va_faces_create(struct va_faces_writer *w, const char *path)
{
    const int64_t one[] = { -1 }, box[] = { -1, 4 }, points[] = { -1, VA_YUNET_POINTS, 2 };

    *w = (struct va_faces_writer){ .out = va_h5_create(path, "va.faces/1") };
    if (!w->out)
        return -1;
    w->index = va_h5_rows_begin(w->out, "/index", VA_I32, 1, one);
    w->pts = w->index ? va_h5_rows_begin(w->out, "/pts", VA_F64, 1, one) : NULL;
    w->box = w->pts ? va_h5_rows_begin(w->out, "/box", VA_F32, 2, box) : NULL;
    w->points = w->box ? va_h5_rows_begin(w->out, "/points", VA_F32, 3, points) : NULL;
    w->score = w->points ? va_h5_rows_begin(w->out, "/score", VA_F32, 1, one) : NULL;
    return w->score ? 0 : -1;
}

int va_faces_append(struct va_faces_writer *w, int32_t index, double pts,
                    const struct va_face *face, int32_t tracklet)
{
    if (va_grow(&w->tracklets, &w->room, w->count + 1, sizeof(*w->tracklets)) < 0)
        return -1;
    w->tracklets[w->count++] = tracklet;
    return va_h5_rows_append(w->index, 1, &index) < 0 ||
                   va_h5_rows_append(w->pts, 1, &pts) < 0 ||
                   va_h5_rows_append(w->box, 1, face->box) < 0 ||
                   va_h5_rows_append(w->points, 1, face->points) < 0 ||
                   va_h5_rows_append(w->score, 1, &face->score) < 0
               ? -1
               : 0;
}

static int put_info(struct va_h5_out *out, const struct va_faces_info *info)
{
    return va_h5_put_string(out, NULL, "video", info->video) < 0 ||
                   va_h5_put_real(out, NULL, "fps", info->fps) < 0 ||
                   va_h5_put_int(out, NULL, "frame_count", info->frame_count) < 0 ||
                   va_h5_put_int(out, NULL, "width", info->width) < 0 ||
                   va_h5_put_int(out, NULL, "height", info->height) < 0 ||
                   va_h5_put_string(out, NULL, "detector", info->detector) < 0 ||
                   va_h5_put_string(out, NULL, "template", VA_FACES_TEMPLATE) < 0
               ? -1
               : 0;
}

static int put_people(struct va_h5_out *out, const struct va_people *people)
{
    const int64_t K = people->count;
    const char **names = va_new(K, sizeof(*names));
    int32_t *numbers = va_new(3 * K, sizeof(*numbers));
    int result = -1;

    if (names && numbers) {
        for (int64_t i = 0; i < K; i++) {
            const struct va_person *p = &people->items[i];

            names[i] = p->name;
            numbers[i] = p->first;
            numbers[K + i] = p->last;
            numbers[2 * K + i] = (int32_t)p->count;
        }
        if (va_h5_write_strings(out, "/tracks/name", K, names) == 0 &&
            va_h5_write(out, "/tracks/first", VA_I32, 1, &K, numbers) == 0 &&
            va_h5_write(out, "/tracks/last", VA_I32, 1, &K, numbers + K) == 0)
            result = va_h5_write(out, "/tracks/count", VA_I32, 1, &K, numbers + 2 * K);
    }
    va_free(names);
    va_free(numbers);
    return result;
}

int va_faces_commit(struct va_faces_writer *w, const struct va_faces_info *info,
                    const struct va_people *people)
{
    for (int64_t i = 0; i < w->count; i++)
        w->tracklets[i] = people->of[w->tracklets[i]];
    if (va_h5_rows_finish(&w->index) < 0 || va_h5_rows_finish(&w->pts) < 0 ||
        va_h5_rows_finish(&w->box) < 0 || va_h5_rows_finish(&w->points) < 0 ||
        va_h5_rows_finish(&w->score) < 0 || put_info(w->out, info) < 0 ||
        va_h5_write(w->out, "/track", VA_I32, 1, &w->count, w->tracklets) < 0 ||
        put_people(w->out, people) < 0)
        return -1;
    return va_h5_commit(&w->out);
}

void va_faces_abort(struct va_faces_writer *w)
{
    va_h5_abort(w->out);
    w->out = NULL;
    va_free(w->tracklets);
    w->tracklets = NULL;
}
