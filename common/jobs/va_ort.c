/*
 * This side and the process: what goes through the pipes. First the process sends a reply with what the file holds;
 * then it answers each picture with a reply and, where that is not an error, a row.
 */
#include "jobs/va_ort_priv.h"

#include "base/va_computed.h"
#include "base/va_confine.h"
#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "model/va_meta.h"
#include "weights/va_onnx.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPECTED "an ONNX model"

static const int64_t FILE_MOST = INT32_MAX;     /* bytes: more, no message of protobuf has */
static const int64_t MEMORY = (int64_t)8 << 30; /* of the process, beside that for weights */

enum fate { GOOD, BAD_FILE, BAD_MACHINE };

struct reply {
    enum fate fate;
    char why[VA_ORT_TEXT];
    struct va_ort_shape shape; /* of the first one */
};

struct va_ort {
    char *path;
    pid_t pid;    /* 0: none */
    int to, from; /* -1: closed */
    struct va_ort_shape shape;
    char device[VA_ORT_NAME + 16];
    float pixel[3][256]; /* a byte of each channel, normalised */
};

bool va_ort_is(const char *path)
{
    size_t n = strlen(path);
    uint8_t head[3] = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is = fd >= 0 && pread(fd, head, sizeof(head), 0) == 3 && va_onnx_begins(head);

    if (fd >= 0)
        close(fd);
    return is || (n > 5 && !strcmp(path + n - 5, ".onnx"));
}

bool va_ort_three(const char *text, double value[3])
{
    for (int i = 0; i < 3; i++) {
        char *end;

        value[i] = strtod(text, &end);
        if (end == text || *end != (i < 2 ? ',' : '\0') || !isfinite(value[i]))
            return false;
        text = end + 1;
    }
    return true;
}

/* All of it; false at the end of the pipe. */
static bool read_whole(int fd, void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, (char *)data + at, size - at);

        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_whole(int fd, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, (const char *)data + at, size - at);

        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* ---- the process --------------------------------------------------------------------------------- */

static struct reply answer;

/* Send a reply, which says why if there is a reason; without one it goes on. */
static void tell(const char *why, enum fate fate)
{
    answer.fate = why ? fate : GOOD;
    snprintf(answer.why, sizeof(answer.why), "%s", why ? why : "");
    if (!write_whole(STDOUT_FILENO, &answer, sizeof(answer)) || why)
        _exit(1);
}

/* Pictures from standard input, rows to standard output, until its end. The files of the parent are closed. */
static void serve(void *bytes, int64_t size, const struct va_ort_options *o, int threads)
{
    const struct va_confine limits = { .memory = MEMORY + 4 * size, .spool = -1 };
    const char *why = va_ort_library->start();
    int64_t numbers;
    float *picture, *row;

    if (!why && !o->unconfined)
        why = va_confine(&limits);
    if (why)
        tell(why, BAD_MACHINE);
    tell(va_ort_library->load(bytes, size, o, threads, &answer.shape), BAD_FILE);
    va_free(bytes); /* this process's copy: the session has its own */
    numbers = 3 * answer.shape.side * answer.shape.side;
    picture = va_new(numbers, sizeof(*picture));
    row = va_new(answer.shape.width, sizeof(*row));
    while (picture && row &&
           read_whole(STDIN_FILENO, picture, (size_t)numbers * sizeof(*picture))) {
        tell(va_ort_library->compute(picture, row), BAD_FILE);
        if (!write_whole(STDOUT_FILENO, row, (size_t)answer.shape.width * sizeof(*row)))
            break;
    }
    _exit(0);
}

/* Become it: with its ends of the pipes alone, where the kernel can close the rest at once. What the runtime prints
 * is for --verbose. */
static void become(const int in[2], const int out[2])
{
    int silent = open("/dev/null", O_WRONLY);

    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    close(in[1]);
    close(out[0]);
    if (va_verbosity() < VA_VERBOSE && silent >= 0)
        dup2(silent, STDERR_FILENO);
#ifdef SYS_close_range
    (void)!syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
#endif
}

static int start(struct va_ort *e, void *bytes, int64_t size, const struct va_ort_options *o,
                 int threads)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 };
    bool piped = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0;

    e->pid = piped ? fork() : -1;
    if (e->pid == 0) {
        become(in, out);
        serve(bytes, size, o, threads);
    }
    e->to = in[1];
    e->from = out[0];
    if (e->pid < 0) {
        e->pid = 0;
        va_error_machine("%s: cannot start a process for it: %s", e->path, strerror(errno));
    }
    if (in[0] >= 0)
        close(in[0]);
    if (out[1] >= 0)
        close(out[1]);
    return e->pid ? 0 : -1;
}

/* ---- this side ------------------------------------------------------------------------------------ */

/* It ended without a word. */
static int lost(struct va_ort *e)
{
    int status = 0;

    close(e->to);
    e->to = -1;
    while (waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
        ;
    e->pid = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        return va_error(
            "%s: ONNX Runtime was ended by signal %d: the file is damaged, or needs "
            "more memory than there is",
            e->path, WTERMSIG(status));
    return va_error_machine(
        "%s: the process of ONNX Runtime was ended, probably because memory "
        "ran out",
        e->path);
}

static int receive(struct va_ort *e, struct reply *r)
{
    if (!read_whole(e->from, r, sizeof(*r)))
        return lost(e);
    if (r->fate == GOOD)
        return 0;
    r->why[sizeof(r->why) - 1] = '\0';
    return (r->fate == BAD_FILE ? va_error : va_error_machine)("%s: %s", e->path, r->why);
}

int va_ort_run(struct va_ort *e, int64_t count, const float *cut, float *rows)
{
    int64_t width = e->shape.width, numbers = va_ort_intake(e).numbers;
    struct reply r;

    for (int64_t i = 0; i < count; i++, cut += numbers, rows += width) {
        if (!write_whole(e->to, cut, (size_t)numbers * sizeof(*cut)))
            return lost(e);
        if (receive(e, &r) < 0)
            return -1;
        if (!read_whole(e->from, rows, (size_t)width * sizeof(*rows)))
            return lost(e);
        for (int64_t k = 0; k < width; k++)
            if (!isfinite(rows[k]))
                return va_error("%s: output %s: number %lld comes out as %g, expected a finite "
                                "one",
                                e->path, e->shape.output, (long long)k, (double)rows[k]);
    }
    return 0;
}

/* Mean or std: as asked for, or as the file says; else it stays as it is, and *unsaid is set. */
static int choose(const struct va_ort *e, const char *name, const char *asked, const char *meta,
                  double value[3], bool *unsaid)
{
    const char *text = asked ? asked : meta;

    if (!*text)
        *unsaid = true;
    else if (!va_ort_three(text, value))
        return va_error("%s: %s is %s, expected three numbers", e->path, name, text);
    return 0;
}

/* What the process says of the file, and the id of its features. */
static int settle(struct va_ort *e, const struct va_ort_options *o, const void *bytes,
                  int64_t size, char **id)
{
    struct reply r;
    double mean[] = { .485, .456, .406 }, std[] = { .229, .224, .225 }; /* of ImageNet */
    bool unsaid = false;
    struct va_hash h;

    if (receive(e, &r) < 0)
        return -1;
    e->shape = r.shape;
    if (choose(e, "mean", o->mean, e->shape.mean, mean, &unsaid) < 0 ||
        choose(e, "std", o->std, e->shape.std, std, &unsaid) < 0 ||
        va_meta_check_pixels(e->path, mean, std) < 0 || !(*id = va_new(VA_HASH_TEXT, 1)))
        return -1;
    if (unsaid)
        va_info(
            "%s: the file does not give these; assuming mean=%g,%g,%g std=%g,%g,%g (those of ImageNet; "
            "override with --onnx-mean and --onnx-std)",
            e->path, mean[0], mean[1], mean[2], std[0], std[1], std[2]);
    va_meta_pixel_table(mean, std, e->pixel);
    snprintf(e->device, sizeof(e->device), "onnxruntime %s", e->shape.version);
    va_computed_on(e->device);
    va_hash_init(&h);
    va_hash_add(&h, bytes, (size_t)size);
    va_hash_add(&h, e->shape.output, strlen(e->shape.output) + 1);
    va_hash_add(&h, &e->shape.side, sizeof(e->shape.side));
    va_hash_add(&h, mean, sizeof(mean));
    va_hash_add(&h, std, sizeof(std));
    va_hash_finish(&h, *id);
    return 0;
}

/* The bytes of the file, to be freed; NULL after reporting. */
static void *read_file(const char *path, int64_t *size)
{
    int fd = va_input_open(path, EXPECTED, size);
    void *bytes = NULL;

    if (fd >= 0 && *size == 0)
        va_error("%s: file is empty, expected " EXPECTED, path);
    else if (fd >= 0 && *size > FILE_MOST)
        va_error("%s: found %lld bytes, expected at most %lld of " EXPECTED, path,
                 (long long)*size, (long long)FILE_MOST);
    else if (fd >= 0)
        bytes = va_new_unset(*size, 1);
    if (bytes && va_input_read_all(fd, path, EXPECTED, bytes, *size, 0) < 0) {
        va_free(bytes);
        bytes = NULL;
    }
    if (fd >= 0)
        close(fd);
    return bytes;
}

struct va_ort *va_ort_open(const char *path, const struct va_ort_options *o, int64_t threads,
                           char **id)
{
    struct va_ort *e = va_ort_library ? va_new(1, sizeof(*e)) : NULL;
    int64_t size;
    void *bytes;
    bool good;

    if (!va_ort_library)
        va_error_machine("%s: this build has no ONNX Runtime to compute it: build again after "
                         "make deps WITH=onnx, or import it (va-weights import)",
                         path);
    if (!e)
        return NULL;
    e->to = e->from = -1;
    e->path = va_strdup(path);
    bytes = e->path ? read_file(path, &size) : NULL;
    good = bytes &&
           start(e, bytes, size, o, threads ? (int)threads : va_threads_available()) == 0 &&
           settle(e, o, bytes, size, id) == 0;
    va_free(bytes);
    if (good)
        return e;
    va_ort_close(e);
    return NULL;
}

void va_ort_close(struct va_ort *e)
{
    if (!e)
        return;
    if (e->to >= 0)
        close(e->to); /* at which it ends */
    if (e->from >= 0)
        close(e->from);
    while (e->pid && waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    va_free(e->path);
    va_free(e);
}

/* ---- pictures ------------------------------------------------------------------------------------- */

static void cut(const void *model, const uint8_t *picture, float *row)
{
    const struct va_ort *e = model;
    int64_t pixels = e->shape.side * e->shape.side;

    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            row[c * pixels + i] = e->pixel[c][picture[3 * i + c]];
}

struct va_intake va_ort_intake(const struct va_ort *e)
{
    int64_t side = e->shape.side;

    return (struct va_intake){ side, 3 * side * side, cut, e };
}

int64_t va_ort_width(const struct va_ort *e)
{
    return e->shape.width;
}
