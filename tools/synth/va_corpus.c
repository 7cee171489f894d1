/*
 * The corpus as a whole: the folder's life, clips side by side, and the lists that name them.
 *
 * The unfinished folder has a fixed name, .NAME.part, and its writer holds the lock of NAME
 * (va_lock.h). So a second writer is refused, and what a killed one left is cleared by the next.
 */
#include "tools/synth/va_corpus.h"

#include "base/va_error.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "base/va_thread.h"
#include "tools/synth/va_clip_write.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the folder ----------------------------------------------------------------------------- */

static int check_target(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    bool empty = true;

    if (!d)
        return errno == ENOENT ? 0 : va_error_write(dir, "create");
    while ((e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            empty = false;
    closedir(d);
    return empty ? 0 : va_error("%s: found files in it, expected a new or empty folder", dir);
}

/* "a/b/" -> "a/.b.part"; NULL after reporting. */
static char *part_of(const char *dir)
{
    size_t n = strlen(dir), start;

    while (n > 1 && dir[n - 1] == '/')
        n--;
    for (start = n; start > 0 && dir[start - 1] != '/';)
        start--;
    if (start == n || !strncmp(dir + start, ".", n - start) ||
        !strncmp(dir + start, "..", n - start)) {
        va_error("%s: expected a folder with a name of its own", dir);
        return NULL;
    }
    return va_format("%.*s.%.*s.part", (int)start, dir, (int)(n - start), dir + start);
}

/* Make the unfinished folder, or take over what a dead process left. Its descriptor, or -1 after
 * reporting. */
static int begin_part(const char *part, const char *dir)
{
    int fd;

    if (mkdir(part, 0777) < 0 && errno != EEXIST)
        return va_error_write(dir, "create");
    fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return va_error_write(dir, "create");
    if (va_clear_folder(part) == 0)
        return fd;
    close(fd);
    return -1;
}

static int make_folders(const char *root)
{
    static const char *const names[] = {
        "videos",         "cropped_aligned",
        "broken",         "VA_Estimation_Challenge/Train_Set",
        "truth",          "VA_Estimation_Challenge/Validation_Set",
        "truth/Test_Set", "truth/faces",
    };
    int result = 0;

    for (size_t i = 0; i < VA_COUNT(names) && result == 0; i++) {
        char *path = va_format("%s/%s", root, names[i]);

        result = path ? va_make_folder(path) : -1;
        va_free(path);
    }
    return result;
}

/* ---- clips, side by side ---------------------------------------------------------------------- */

struct production {
    const char *root;
    const struct va_corpus_options *options;
    const struct va_cast *cast;
    const volatile sig_atomic_t *stop;
    pthread_mutex_t lock;
    atomic_bool failed;
};

static void one_clip(void *arg, int64_t task, int thread)
{
    struct production *p = arg;
    const struct va_clip_job job = {
        .root = p->root,
        .options = p->options,
        .clip = &p->cast->clips[task],
        .lock = &p->lock,
        .stop = p->stop,
        .failed = &p->failed,
    };

    (void)thread;
    if (va_clip_write(&job) < 0)
        atomic_store(&p->failed, true);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void list_inputs(FILE *f, const struct va_clip *c, const struct va_track *k)
{
    const char *folder = c->from_crops ? "cropped_aligned" : "videos";

    fprintf(f, "%s\t%s\t%s/%s%s\t%lld\t%lld\n", k->name, va_set_names[c->set], folder,
            c->from_crops ? k->name : c->base, c->from_crops ? "" : ".mp4",
            (long long)c->frames, (long long)k->labels);
}

static void list_test(FILE *f, const struct va_clip *c, const struct va_track *k)
{
    if (c->set == VA_SET_TEST)
        fprintf(f, "%s\n", k->name);
}

static void list_sample(FILE *f, const struct va_clip *c, const struct va_track *k)
{
    for (int64_t t = 1; c->set == VA_SET_TEST && t <= c->frames; t++)
        fprintf(f, "%s/%05lld.jpg,0,0\n", k->name, (long long)t);
}

static int write_list(const struct production *p, const char *name, const char *header,
                      void (*list)(FILE *, const struct va_clip *, const struct va_track *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int result;

    if (!f)
        return va_error_memory("out of memory");
    fputs(header, f);
    for (int64_t i = 0; i < p->cast->count && list; i++)
        for (int k = 0; k < p->cast->clips[i].people; k++)
            list(f, &p->cast->clips[i], &p->cast->clips[i].tracks[k]);
    result = fclose(f) == 0 ? va_plain_write(p->root, name, text, (int64_t)size)
                            : va_error_memory("out of memory");
    free(text); /* of the memory stream */
    return result;
}

static int write_lists(const struct production *p)
{
    static const char readme[] =
        "This corpus is synthetic: cartoon faces drawn by va-synth, no person was filmed.\n"
        "It is laid out as Aff-Wild2 is, so that tools can be tried and tested without it.\n"
        "Results on it say nothing about real faces. va-synth --help explains the files.\n";

    if (write_list(p, "README.txt", readme, NULL) < 0 ||
        write_list(p, "inputs.tsv", "video\tset\tinput\tframes\tlabels\n", list_inputs) < 0 ||
        write_list(p, "VA_Estimation_Challenge/test_set.txt", "", list_test) < 0)
        return -1;
    return write_list(p, "sample_submission.txt", "image_location,valence,arousal\n",
                      list_sample);
}

/* ---- broken videos ---------------------------------------------------------------------------- */

static uint8_t *read_whole(const char *path, int64_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;

    if (f && fseek(f, 0, SEEK_END) == 0 && (*size = ftell(f)) > 0 && fseek(f, 0, SEEK_SET) == 0)
        bytes = va_new(*size, 1);
    if (bytes && fread(bytes, 1, (size_t)*size, f) != (size_t)*size) {
        va_free(bytes);
        bytes = NULL;
    }
    if (!bytes)
        va_error_read(path, "read");
    if (f)
        fclose(f);
    return bytes;
}

/* The first video with a hole in its middle (pictures come first in the file, its index last), and
 * cut off half way. */
static int write_broken(const struct production *p)
{
    char *path = va_format("%s/videos/%s.mp4", p->root, p->cast->clips[0].base);
    int64_t size;
    uint8_t *bytes = path ? read_whole(path, &size) : NULL;
    int result = -1;

    if (bytes && va_plain_write(p->root, "broken/truncated.mp4", bytes, size / 2) == 0) {
        memset(bytes + size / 2 - size / 20, 0xff, (size_t)(size / 10));
        result = va_plain_write(p->root, "broken/damaged.mp4", bytes, size);
    }
    va_free(bytes);
    va_free(path);
    return result;
}

/* ---- all of it -------------------------------------------------------------------------------- */

static void count_up(const struct va_cast *cast, struct va_corpus_counts *counts)
{
    *counts = (struct va_corpus_counts){ 0 };
    for (int64_t i = 0; i < cast->count; i++) {
        const struct va_clip *c = &cast->clips[i];

        counts->videos[c->set] += c->people;
        counts->frames[c->set] += c->people * c->frames;
    }
}

static int fill(struct production *p)
{
    if (make_folders(p->root) < 0)
        return -1;
    va_parallel(p->cast->count, one_clip, p);
    if (atomic_load(&p->failed) || *p->stop || write_lists(p) < 0)
        return -1;
    return p->options->traps && p->cast->count ? write_broken(p) : 0;
}

int va_corpus_write(const char *dir, const struct va_corpus_options *o,
                    const volatile sig_atomic_t *stop, struct va_corpus_counts *counts)
{
    struct va_cast cast = { 0 };
    char *part = NULL;
    struct va_lock *lock = NULL;
    int fd = -1, result = -1;
    struct production p = { .options = o, .cast = &cast, .stop = stop };

    pthread_mutex_init(&p.lock, NULL);
    if (!(part = part_of(dir)) || !(lock = va_lock_take(dir)) || check_target(dir) < 0 ||
        va_cast_init(&cast, o) < 0)
        goto done;
    p.root = part;
    fd = begin_part(part, dir);
    if (fd < 0 || fill(&p) < 0)
        goto done;
    if (syncfs(fd) < 0 || rename(part, dir) < 0) {
        va_error_write(dir, "write");
        goto done;
    }
    count_up(&cast, counts);
    result = 0;
done:
    if (fd >= 0) {
        if (result < 0 && (va_clear_folder(part) < 0 || rmdir(part) < 0))
            va_warn("%s: cannot be removed", part);
        close(fd);
    }
    va_lock_release(lock);
    va_cast_release(&cast);
    va_free(part);
    pthread_mutex_destroy(&p.lock);
    return result;
}
