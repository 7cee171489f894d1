#include "data/va_frames.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5.h"
#include "io/va_pictured.h"
#include <math.h>

enum { SIDE_MAX = 65536 }; /* pixels, as media/va_resize.h takes them */

struct va_frames {
    struct va_frames_info info;
    struct va_h5_in *in;
    int64_t next;
    char *video, *input;
    int32_t *index;     /* [T] */
    double *pts;        /* [T] */
    float *score;       /* [T], or NULL */
    const uint8_t *map; /* [T, height, width, 3], or NULL */
    uint8_t *buffer;    /* one picture where there is no map */
};

static int check_numbers(const struct va_frames *f, const char *path)
{
    for (int64_t t = 0, last = 0; t < f->info.T; last = f->index[t++])
        if (f->index[t] <= last || f->index[t] > f->info.frame_count)
            return va_error("%s: /index[%lld]: found frame %d after %lld, expected ascending "
                            "numbers from 1 to %lld",
                            path, (long long)t, f->index[t], (long long)last,
                            (long long)f->info.frame_count);
    return 0;
}

static int check_times(const struct va_frames *f, const char *path)
{
    for (int64_t t = 0; t < f->info.T; t++)
        if (!isfinite(f->pts[t]))
            return va_error("%s: /pts[%lld]: found %g, expected a finite number", path,
                            (long long)t, f->pts[t]);
    return 0;
}

static int load_score(struct va_frames *f, const char *path)
{
    if (!va_h5_has(f->in, "/score"))
        return 0;
    if (!(f->score = va_h5_read(f->in, "/score", VA_F32)))
        return -1;
    for (int64_t t = 0; t < f->info.T; t++)
        if (!(f->score[t] >= 0 && f->score[t] <= 1))
            return va_error("%s: /score[%lld]: found %g, expected 0 to 1", path, (long long)t,
                            (double)f->score[t]);
    return 0;
}

static int load(struct va_frames *f, const char *path)
{
    struct va_frames_info *info = &f->info;
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    f->in = va_h5_open(path, "va.frames/1");
    if (!f->in || !(f->video = va_h5_get_string(f->in, NULL, "video")) ||
        va_pictured_read(f->in, &f->input) < 0 ||
        va_h5_get_real(f->in, NULL, "fps", &info->fps) < 0 ||
        va_h5_get_int(f->in, NULL, "frame_count", &info->frame_count) < 0 ||
        va_h5_shape(f->in, "/frames", &type, &rank, shape) < 0 ||
        !(info->id = va_h5_id(f->in)) || !(f->index = va_h5_read(f->in, "/index", VA_I32)) ||
        !(f->pts = va_h5_read(f->in, "/pts", VA_F64)))
        return -1;
    info->video = f->video;
    info->input = f->input;
    info->T = shape[0];
    info->height = shape[1];
    info->width = shape[2];
    if (check_numbers(f, path) < 0 || check_times(f, path) < 0 || load_score(f, path) < 0)
        return -1;
    if (info->height < 1 || info->width < 1 || info->height > SIDE_MAX ||
        info->width > SIDE_MAX)
        return va_error("%s: /frames: frames of %lldx%lld pixels, expected sides from 1 to %d",
                        path, (long long)info->width, (long long)info->height, SIDE_MAX);
    f->map = va_h5_map(f->in, "/frames", VA_U8);
    if (!f->map && !(f->buffer = va_new(info->height * info->width * 3, 1)))
        return -1;
    return 0;
}

struct va_frames *va_frames_open(const char *path)
{
    struct va_frames *f = va_new(1, sizeof(*f));

    if (f && load(f, path) < 0) {
        va_frames_close(f);
        return NULL;
    }
    return f;
}

const struct va_frames_info *va_frames_info(const struct va_frames *f)
{
    return &f->info;
}

const int32_t *va_frames_numbers(const struct va_frames *f)
{
    return f->index;
}

const uint8_t *va_frames_at(const struct va_frames *f, int64_t t, uint8_t *buffer)
{
    if (f->map)
        return f->map + t * f->info.height * f->info.width * 3;
    return va_h5_read_rows(f->in, "/frames", VA_U8, t, 1, buffer) < 0 ? NULL : buffer;
}

int va_frames_next(struct va_frames *f, const uint8_t **pixels, int32_t *index, double *pts)
{
    int64_t t = f->next;

    if (t == f->info.T)
        return 0;
    *pixels = va_frames_at(f, t, f->buffer);
    if (!*pixels)
        return -1;
    *index = f->index[t];
    *pts = f->pts[t];
    f->next++;
    return 1;
}

bool va_frames_scored(const struct va_frames *f)
{
    return f->score;
}

float va_frames_score(const struct va_frames *f)
{
    return f->score[f->next - 1];
}

void va_frames_close(struct va_frames *f)
{
    if (!f)
        return;
    va_h5_close(f->in);
    va_free(f->video);
    va_free(f->input);
    va_free(f->index);
    va_free(f->pts);
    va_free(f->score);
    va_free(f->buffer);
    va_free(f);
}
