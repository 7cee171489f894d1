/*
 * make_corpus - features of very many videos, or of a very long one, as fast as a disk takes them: a shard, and
 * if asked for their labels and a feature file for each. Values are a function of row and column; they repeat.
 * The feature files are copies of one, with the name changed where it stands; their content ids are not their own.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_tempfile.h"
#include "base/va_tool.h"
#include "io/va_h5_shard.h"
#include <stdio.h>
#include <string.h>

enum {
    BLOCK = 4096,
    PERIOD = 8191,
    NAME = 8
}; /* rows; numbers until they repeat; letters of v0000000 */

static struct args {
    int64_t videos, frames, dim;
    const char *labels, *files, *output;
} args = { .videos = 1, .frames = 8, .dim = 16 };

static const struct va_option table[] = {
    VA_OPT_INT(0, "videos", &args.videos, 1, 9999999, "videos"),
    VA_OPT_INT(0, "frames", &args.frames, 1, 1 << 24, "frames of each"),
    VA_OPT_INT(0, "dim", &args.dim, 1, 4096, "numbers per frame"),
    VA_OPT_STRING(0, "labels", &args.labels, "DIR", "folder for a label file per video"),
    VA_OPT_STRING(0, "files", &args.files, "DIR", "folder for a feature file per video"),
    VA_OPT_END,
};
static const struct va_usage usage = { .synopsis = "[options] OUT.h5",
                                       .brief = "a large corpus for tests" };

static void name_of(int64_t video, char name[NAME + 1])
{
    memcpy(name, "v0000000", NAME + 1);
    for (int i = NAME - 1; i > 0; i--, video /= 10)
        name[i] = (char)('0' + video % 10);
}

/* ---- the shard ----------------------------------------------------------------------------- */

struct rows {
    uint16_t *x; /* [BLOCK, dim] and PERIOD more: any PERIOD in a row are the numbers */
    int32_t index[BLOCK];
    double pts[BLOCK];
};

static int put_video(struct va_shard_out *out, struct rows *r, int64_t video)
{
    char name[NAME + 1];
    const struct va_shard_video v = {
        .name = name, .fps = 30, .frame_count = args.frames, .rows = args.frames
    };

    name_of(video, name);
    if (va_shard_begin(out, &v) < 0)
        return -1;
    for (int64_t t = 0; t < args.frames; t += BLOCK) {
        int64_t n = args.frames - t < BLOCK ? args.frames - t : BLOCK;

        for (int64_t i = 0; i < n; i++) {
            r->index[i] = (int32_t)(t + i + 1);
            r->pts[i] = (double)(t + i) / 30;
        }
        if (va_shard_append(out, n, r->x + (t + video * 17) * args.dim % PERIOD, r->index,
                            r->pts, NULL) < 0)
            return -1;
    }
    return va_shard_end(out);
}

static int write_shard(const char *path, int64_t videos)
{
    static struct rows r;
    struct va_shard_out *out = va_shard_create(path, VA_F16, videos * args.frames, args.dim,
                                               NULL, false);
    int status = out ? 0 : -1;

    r.x = va_new(BLOCK * args.dim + PERIOD, sizeof(*r.x));
    for (int64_t i = 0; r.x && i < BLOCK * args.dim + PERIOD; i++)
        r.x[i] = va_to_f16((float)va_rand_normal(1, VA_RAND_TEST, (uint64_t)(i % PERIOD), 0));
    for (int64_t v = 0; r.x && status == 0 && v < videos; v++)
        status = put_video(out, &r, v);
    if (r.x && status == 0)
        status = va_shard_commit(&out);
    else
        va_shard_abort(out);
    va_free(r.x);
    return status;
}

/* ---- beside it ------------------------------------------------------------------------------ */

static int write_text(const char *path, const char *text, size_t size, int64_t times,
                      const char *more)
{
    FILE *f = fopen(path, "we");

    if (!f)
        return va_error_write(path, "make");
    fwrite(text, 1, size, f);
    for (int64_t i = 0; i < times; i++)
        fputs(more + 10 * (i % 7), f);
    return fclose(f) == 0 ? 0 : va_error_write(path, "write");
}

static int write_labels(void)
{
    /* seven rows, each as a text of its own */
    static const char lines[7][10] = { "0.1,-0.2\n", "0.5,0.25\n", "-0.3,.75\n", "0.25,0.5\n",
                                       "-5,-5\n",    "0.9,-0.9\n", "-.5,0.05\n" };
    char name[NAME + 1], path[4096];
    int status = va_make_folder(args.labels);

    for (int64_t v = 0; status == 0 && v < args.videos; v++) {
        name_of(v, name);
        snprintf(path, sizeof(path), "%s/%s.txt", args.labels, name);
        status = write_text(path, "valence,arousal\n", 16, args.frames, lines[0]);
    }
    return status;
}

/* A feature file, whose name is found by its bytes. */
static int write_files(const char *model)
{
    static char bytes[1 << 20];
    char name[NAME + 1], path[4096], *at;
    FILE *f = fopen(model, "re");
    size_t n = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
    int status = va_make_folder(args.files);

    if (f)
        fclose(f);
    name_of(0, name);
    at = memmem(bytes, n, name, NAME);
    if (n == 0 || n == sizeof(bytes) || !at)
        return va_error("%s: expected a short features file of %s", model, name);
    for (int64_t v = 0; status == 0 && v < args.videos; v++) {
        name_of(v, name);
        memcpy(at, name, NAME);
        snprintf(path, sizeof(path), "%s/%s.h5", args.files, name);
        status = write_text(path, bytes, n, 0, "");
    }
    return status;
}

int main(int argc, char **argv)
{
    char **operands;
    int status;

    va_tool_init("make_corpus");
    operands = va_options_parse(table, &usage, argc, argv, &status);
    if (operands && (!operands[0] || operands[1]))
        va_usage_error(&status, "expected one output file");
    else if (operands && args.files) /* OUT.h5 is what they are copies of */
        status = va_tool_status(write_files(operands[0]));
    else if (operands)
        status = va_tool_status(
            args.labels && write_labels() < 0 ? -1 : write_shard(operands[0], args.videos));
    return va_tool_finish(status);
}
