#include "data/va_frame_times.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "data/va_label_fit.h"
#include "data/va_track.h"
#include "io/va_h5.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

/* Known times are of frames index [rows]; the others lie on the lines between, before and after. */
static void fill(struct va_frame_times *f, int64_t rows, const int32_t *index,
                 const double *pts)
{
    int64_t r = 0;

    for (int64_t k = 1; k <= f->count; k++) {
        while (r < rows && index[r] < k)
            r++;
        if (!(f->fps > 0))
            f->time[k - 1] = (double)NAN;
        else if (rows == 0)
            f->time[k - 1] = (double)(k - 1) / f->fps;
        else if (r < rows && r > 0)
            f->time[k - 1] = pts[r - 1] + (pts[r] - pts[r - 1]) * (double)(k - index[r - 1]) /
                                              (double)(index[r] - index[r - 1]);
        else if (r < rows)
            f->time[k - 1] = pts[0] - (double)(index[0] - k) / f->fps;
        else
            f->time[k - 1] = pts[rows - 1] + (double)(k - index[rows - 1]) / f->fps;
    }
}

static int read_file(struct va_frame_times *f, const char *path, const char *name,
                     const char *source)
{
    struct va_track t = { 0 };
    struct va_h5_in *in = va_h5_open(path, "va.features/1");
    double *pts = NULL;
    int result = -1;

    if (!in || va_track_read(&t, in, false) < 0)
        goto done;
    if (strcmp(t.name, name)) {
        va_error(
            "%s: found features of video '%s', expected '%.200s' as in %s: rename that file, "
            "or use va-labels convert --name NAME",
            path, t.name, name, source);
        goto done;
    }
    pts = va_h5_read(in, "/pts", VA_F64);
    if (!pts)
        goto done;
    f->fps = t.fps > 0 || t.rows < 2 || !(pts[t.rows - 1] > pts[0])
                 ? t.fps
                 : (t.frames[t.rows - 1] - t.frames[0]) / (pts[t.rows - 1] - pts[0]);
    f->count = t.frame_count;
    f->time = va_new(f->count, sizeof(*f->time));
    if (!f->time)
        goto done;
    fill(f, t.rows, t.frames, pts);
    result = 0;
done:
    va_free(pts);
    va_h5_close(in);
    va_track_release(&t);
    return result;
}

int va_frame_times_read(struct va_frame_times *f, const char *to, const char *name,
                        const char *source, const char *remedy)
{
    char *path;
    int result = -1;

    if (!va_is_folder(to))
        return read_file(f, to, name, source);
    path = va_format("%s/%s.h5", to, name);
    if (path && access(path, F_OK) < 0)
        va_error("%s: no such file: expected the features of video '%.200s' of %s%s", path,
                 name, source, remedy);
    else if (path)
        result = read_file(f, path, name, source);
    va_free(path);
    return result;
}

int va_frame_times_rows(struct va_frame_times *f, int64_t count, double fps)
{
    f->fps = fps;
    f->count = count;
    f->time = va_new(count, sizeof(*f->time));
    if (!f->time)
        return -1;
    for (int64_t k = 0; k < count; k++)
        f->time[k] = (double)k / fps;
    return 0;
}

void va_frame_times_release(struct va_frame_times *f)
{
    va_free(f->time);
    *f = (struct va_frame_times){ 0 };
}
