/*
 * What a run does before it begins: it takes what it will write, so that no other run writes
 * there, and looks at what is there already. A finished run leaves its output and no checkpoint;
 * an unfinished one a checkpoint, which nobody replaces who was not told to.
 */
#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_input.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include "comm/va_comm.h"
#include "io/va_h5.h"
#include "run/va_run_priv.h"
#include "run/va_share.h"
#include "weights/va_model_file.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Settings and inputs, and what they are to become, are the same on all ranks. */
static int same_job(const struct va_run *r)
{
    const struct va_tensors *identity = r->state.identity;
    struct va_hash h;

    va_hash_init(&h);
    for (int64_t i = 0; i < identity->meta_count; i++) {
        va_hash_add(&h, identity->meta[i].key, strlen(identity->meta[i].key) + 1);
        va_hash_add(&h, identity->meta[i].value, strlen(identity->meta[i].value) + 1);
    }
    va_hash_add(&h, r->job->output, strlen(r->job->output) + 1);
    va_hash_add(&h, r->state_path, strlen(r->state_path));
    va_hash_add(&h, &r->job->resume, sizeof(r->job->resume));
    va_hash_add(&h, &r->job->restart, sizeof(r->job->restart));
    return va_share_same(&h, "settings and inputs");
}

static int take(struct va_run *r, const char *path)
{
    struct va_lock *lock = va_lock_take(path);

    if (!lock)
        return -1;
    r->locks[r->lock_count++] = lock;
    return 0;
}

/* The folder of the logs by its first file, which every run writes. */
static int take_logs(struct va_run *r)
{
    const char *dir = r->job->log_dir;
    char *path = va_format("%s/train.tsv", dir);
    int status = path && va_make_folder(dir) == 0 ? take(r, path) : -1;

    va_free(path);
    return status;
}

/* Whether --resume finds the result of this very run, and no checkpoint that says otherwise. */
static bool already_done(const struct va_run *r)
{
    const char *output = r->job->output;
    char line[256];
    struct va_tensors *set;
    bool same;

    if (!r->job->resume || access(r->state_path, F_OK) == 0 || access(output, F_OK) < 0)
        return false;
    va_error_catch_begin(line, sizeof(line));
    set = va_model_open(output, NULL);
    same = set && va_train_identity_check(set, r->state.identity, output) == 0;
    va_error_catch_end();
    va_tensors_free(set);
    va_input_forget(output); /* it was looked at, and may be written anew */
    return same;
}

/* 0 when there is a run to make, 1 when it is made already, -1 after reporting. */
static int open_alone(struct va_run *r)
{
    const struct va_run_job *job = r->job;

    /* now, and not only after hours of training */
    if (va_h5_may_create(job->output, "va.model/1") < 0 ||
        (!job->resume && va_h5_may_create(r->state_path, "va.state/1") < 0) ||
        take(r, job->output) < 0 || take(r, r->state_path) < 0)
        return -1;
    if (already_done(r)) {
        const char *precision = va_tensors_meta(r->state.identity, "train.precision");

        va_info("%s: is complete (precision %s; to train again, remove it)", job->output,
                precision ? precision : "f32");
        /* Make compares times, and this is now newer than the inputs it was checked against. */
        return utimensat(AT_FDCWD, job->output, NULL, 0) < 0
                   ? va_error_write(job->output, "touch")
                   : 1;
    }
    if (!job->resume && !job->restart && access(r->state_path, F_OK) == 0)
        return va_error("%s: found the checkpoint of an unfinished run: --resume continues it, "
                        "--restart starts again",
                        r->state_path);
    return job->log_dir ? take_logs(r) : 0;
}

int va_run_open(struct va_run *r, const struct va_run_job *job,
                const struct va_tensors *identity)
{
    int status = 0;

    r->job = job;
    r->state.identity = identity;
    r->state_path = job->state ? va_strdup(job->state) : va_format("%s.state", job->output);
    if (!r->state_path ||
        (va_comm_size() > 1 && !(r->room = va_new(VA_SHARE_ROOM, sizeof(*r->room)))))
        status = -1;
    if (va_comm_agree(status) < 0 || same_job(r) < 0)
        return -1;
    status = va_run_writes() ? open_alone(r) : 0;
    if (va_comm_agree(status < 0 ? -1 : 0) < 0)
        return -1;
    va_comm_broadcast(&status, sizeof(status));
    return status;
}
