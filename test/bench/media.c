/*
 * What stands before an encoder and a temporal model: a folder of JPEG files and a video to RGB of 224x224,
 * decoded in confined processes as the tools do it, and windows of features from a file in the page cache.
 *
 * The video is made by ffmpeg; the pictures are smooth, with some grain, and so about as large as crops of
 * faces.
 */
#include "base/va_mem.h"
#include "data/va_features_write.h"
#include "data/va_window_gather.h"
#include "media/va_decoder.h"
#include "media/va_resize.h"
#include "media/va_source.h"
#include "test/bench/bench.h"
#include <dirent.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { CROP = 112, SIDE = 224, KINDS = 64, DOTS = 14, ROWS = 6000, WIDE = 1024, LENGTH = 300 };

struct media {
    char path[128];
    uint8_t *first; /* [SIDE, SIDE, 3] of the last run */
    int64_t read;
    struct va_window_index *index;
    float *rows, *window; /* [ROWS, WIDE], [LENGTH, WIDE] */
    int64_t last;         /* where the last window began */
};

static char folder[] = "/tmp/va_bench_XXXXXX";

static void remove_all(void)
{
    DIR *d = opendir(folder);

    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        remove(path);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

static struct media *make(struct bench *b, const char *name)
{
    struct media *m = va_new(1, sizeof(*m));

    if (!m || !mkdtemp(folder))
        return NULL;
    atexit(remove_all);
    snprintf(m->path, sizeof(m->path), "%s%s", folder, name);
    m->first = va_new(SIDE * SIDE, 3);
    b->state = m;
    return m->first ? m : NULL;
}

/* ---- pictures ---------------------------------------------------------------------------- */

static void paint(struct va_resize *r, uint64_t *seed, uint8_t *rgb)
{
    uint8_t dots[DOTS * DOTS * 3];

    for (size_t i = 0; i < sizeof(dots); i++)
        dots[i] = (uint8_t)((*seed = *seed * 6364136223846793005u + 1442695040888963407u) >>
                            56);
    va_resize_run(r, dots, rgb);
    for (int i = 0; i < CROP * CROP * 3; i++) {
        int v = rgb[i] + (int)((*seed = *seed * 6364136223846793005u + 1) >> 60) - 7;

        rgb[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

/* With half the chroma each way, as most programs write it. */
static bool put_jpeg(tjhandle turbo, const char *path, const uint8_t *rgb)
{
    unsigned char *data = NULL;
    unsigned long size = 0;
    FILE *f = fopen(path, "wb");
    bool good = f && tjCompress2(turbo, rgb, CROP, 0, CROP, TJPF_RGB, &data, &size, TJSAMP_420,
                                 90, 0) == 0;

    good = good && fwrite(data, 1, size, f) == size;
    tjFree(data);
    return f && fclose(f) == 0 && good;
}

static bool start_jpeg(struct bench *b)
{
    struct media *m = va_decoder_start(false) < 0 ? NULL : make(b, "");
    struct va_resize *r = va_resize_new(DOTS, DOTS, CROP, CROP);
    uint8_t *rgb = va_new(CROP * CROP, 3);
    tjhandle turbo = tjInitCompress();
    uint64_t seed = 2;
    bool good = m && r && rgb && turbo;

    for (int64_t i = 0; good && i < b->frames; i++) {
        char path[160];

        if (i < KINDS)
            paint(r, &seed, rgb);
        snprintf(path, sizeof(path), "%s/%05d.jpg", m->path, (int)i + 1);
        good = put_jpeg(turbo, path, rgb);
    }
    tjDestroy(turbo);
    va_resize_free(r);
    va_free(rgb);
    b->work = (double)b->frames;
    return good;
}

static void run_source(struct bench *b)
{
    const struct va_source_options options = { .width = SIDE, .height = SIDE };
    struct media *m = b->state;
    struct va_source *s = va_source_open(m->path, &options);
    struct va_frame f;

    for (m->read = 0; s && va_source_next(s, &f) > 0; m->read++)
        if (m->read == 0)
            memcpy(m->first, f.pixels, SIDE * SIDE * 3);
    va_source_close(s);
    if (m->read != b->frames)
        abort();
}

/* The first picture as it is stored, resized here. */
static double error_jpeg(struct bench *b)
{
    struct media *m = b->state;
    struct va_resize *r = va_resize_new(CROP, CROP, SIDE, SIDE);
    struct va_source *s = va_source_open(m->path, &(struct va_source_options){ .every = 1 });
    uint8_t *expected = va_new(SIDE * SIDE, 3);
    struct va_frame f;
    double worst = 1;

    if (r && s && expected && va_source_next(s, &f) > 0 && f.width == CROP) {
        va_resize_run(r, f.pixels, expected);
        worst = memcmp(expected, m->first, SIDE * SIDE * 3) != 0;
    }
    va_source_close(s);
    va_resize_free(r);
    va_free(expected);
    return worst;
}

/* ---- a video ----------------------------------------------------------------------------- */

static bool start_video(struct bench *b)
{
    struct media *m = va_decoder_start(false) < 0 ? NULL : make(b, "/video.mp4");
    char command[512];

    if (!m)
        return false;
    snprintf(command, sizeof(command),
             "ffmpeg -nostdin -v error -f lavfi -i "
             "testsrc2=size=640x480:rate=30,noise=alls=8:allf=t -frames:v %d -c:v libx264 "
             "-pix_fmt yuv420p -crf 23 %s",
             (int)b->frames, m->path);
    b->work = (double)b->frames;
    return system(command) == 0;
}

/* With one decoder thread and nothing beside it. */
static double error_video(struct bench *b)
{
    const struct va_source_options options = { .width = SIDE, .height = SIDE, .threads = 1 };
    struct media *m = b->state;
    struct va_source *s = va_source_open(m->path, &options);
    struct va_frame f;
    double worst = 1;

    if (s && va_source_next(s, &f) > 0)
        worst = memcmp(f.pixels, m->first, SIDE * SIDE * 3) != 0;
    va_source_close(s);
    return worst;
}

/* ---- windows ----------------------------------------------------------------------------- */

static bool put_features(struct media *m)
{
    struct va_features_writer w;
    int32_t *numbers = va_new(ROWS, sizeof(*numbers));
    double *times = va_new(ROWS, sizeof(*times));
    uint32_t random = 1;
    bool good = numbers && times && m->rows &&
                va_features_create(&w, m->path, ROWS, WIDE, false) == 0;

    for (int64_t i = 0; good && i < (int64_t)ROWS * WIDE; i++)
        m->rows[i] = (float)((random = random * 1664525 + 1013904223) >> 8) / (1 << 24) - .5f;
    for (int i = 0; good && i < ROWS; i++) {
        numbers[i] = i + 1;
        times[i] = i / 30.0;
    }
    good = good && va_features_append(&w, ROWS, m->rows, numbers, times, NULL) == 0 &&
           va_features_commit(&w, "v", 30, ROWS, "none") == 0;
    va_free(numbers);
    va_free(times);
    return good;
}

static bool start_windows(struct bench *b)
{
    struct media *m = make(b, "/v.h5");

    if (!m)
        return false;
    m->rows = va_new((int64_t)ROWS * WIDE, sizeof(*m->rows));
    m->window = va_new(LENGTH * WIDE, sizeof(*m->window));
    b->work = (double)b->batch;
    return m->window && put_features(m) &&
           (m->index = va_window_index_new(LENGTH, LENGTH, VA_TAIL_PAD, VA_MISSING_ZERO,
                                           VA_LEADING_KEEP)) &&
           va_window_index_add(m->index, m->path, NULL) == 0 &&
           va_window_index_open_features(m->index) == 0;
}

static void run_windows(struct bench *b)
{
    struct media *m = b->state;

    for (int64_t i = 0; i < b->batch; i++) {
        m->last = (i * 2654435761 + 12345) % (ROWS - LENGTH);
        if (va_window_gather(m->index, 0, m->last, LENGTH, m->window, NULL, NULL) < 0)
            abort();
    }
}

static double error_windows(struct bench *b)
{
    const struct media *m = b->state;

    return memcmp(m->window, m->rows + m->last * WIDE, LENGTH * WIDE * sizeof(float)) != 0;
}

int main(int argc, char **argv)
{
    static struct bench rows[] = {
        { "jpeg", start_jpeg, run_source, error_jpeg, 0, 0, "image", 1, 2000, NULL },
        { "video", start_video, run_source, error_video, 0, 0, "frame", 1, 600, NULL },
        { "windows", start_windows, run_windows, error_windows, 0, 0, "window", 16, 1, NULL },
    };

    return bench_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
