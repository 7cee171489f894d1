/* Decoders in processes of their own: what happens when one crashes, loops or eats memory. */
#include "base/va_error.h"
#include "media/va_decoder.h"
#include "media/va_worker_priv.h"
#include "test/va_test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { MIB = 1 << 20 };
static char line[4096];

/* Run a job to its end: the kind of its last record, or -1; `line` is what was reported. */
static int last_of(va_worker_job job, int64_t memory, int64_t seconds)
{
    const struct va_worker_start start = { .job = job,
                                           .args = "x",
                                           .args_size = 2,
                                           .input = -1,
                                           .spool = -1,
                                           .memory = memory,
                                           .seconds = seconds,
                                           .name = "a.mp4" };
    const struct va_record *r = NULL;
    struct va_worker *w;
    int kind = -1;

    va_error_catch_begin(line, sizeof(line));
    w = va_worker_new(&start);
    while (w && (r = va_worker_next(w, 1))) {
        kind = r->kind;
        if (kind == VA_RECORD_END || kind == VA_RECORD_FAILED)
            break;
    }
    va_error_catch_end();
    va_worker_free(w);
    return r ? kind : -1;
}

/* Whether seccomp is refused here; the tools then say so. */
static bool refused(void)
{
    return strstr(line, "cannot confine the decoder on this system") != NULL;
}

/* ---- jobs ------------------------------------------------------------------------------- */

static void post(struct va_side *side, int kind)
{
    va_side_post(side, (struct va_record){ .kind = kind }, NULL, NULL);
}
static void end_well(struct va_side *side, const void *args)
{
    for (int i = 0; i < 3 * VA_RECORDS; i++)
        post(side, VA_RECORD_READY);
    post(side, strcmp(args, "x") ? VA_RECORD_FAILED : VA_RECORD_END);
}
static void crash(struct va_side *side, const void *args)
{
    (void)side, (void)args;
    raise(SIGSEGV);
    abort(); /* where a handler comes back */
}
static void loop(struct va_side *side, const void *args)
{
    volatile unsigned n = 1;

    (void)side, (void)args;
    while (++n || n == 0)
        continue;
}
static void report_memory(struct va_side *side, const void *args)
{
    void *volatile block; /* volatile: or the compiler leaves malloc out */

    (void)args;
    for (int i = 0; i < 1024; i++) {
        block = malloc(MIB);
        if (!block)
            break;
    }
    va_error_machine("a.mp4: out of memory");
    post(side, VA_RECORD_FAILED);
}
static void warn_then_fail(struct va_side *side, const void *args)
{
    (void)args;
    va_error("a.mp4: the header is\nhostile");
    post(side, VA_RECORD_FAILED);
}
static void leave(struct va_side *side, const void *args)
{
    (void)side, (void)args;
}
static void wait_for_ever(struct va_side *side, const void *args)
{
    uint8_t *input;

    (void)args;
    post(side, VA_RECORD_END);
    (void)va_side_request(side, &input);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void records_arrive_in_order(void)
{
    int kind = last_of(end_well, 0, 0);

    if (refused())
        VA_SKIP("seccomp is refused here");
    VA_CHECK_INT(kind, VA_RECORD_END);
    VA_CHECK(!line[0]);
    VA_CHECK_INT(last_of(warn_then_fail, 0, 0), VA_RECORD_FAILED);
    VA_CHECK(strcmp(line, "a.mp4: the header is?hostile") == 0);
}

static void a_crash_is_one_line(void)
{
    VA_CHECK_INT(last_of(crash, 0, 0), -1);
    if (!refused() && !SANITIZED)
        VA_CHECK(!strncmp(line, "a.mp4: the decoder failed on it (signal 11", 42));
    VA_CHECK_INT(last_of(leave, 0, 0), -1);
    if (!refused())
        VA_CHECK(strcmp(line, "a.mp4: the decoder failed on it (exit 0)") == 0);
}

static void a_loop_is_ended(void)
{
    VA_CHECK_INT(last_of(loop, 0, 1), -1);
    if (!refused())
        VA_CHECK(strstr(line, "a.mp4: the decoder found nothing in 1 s of CPU time") != NULL);
}

static void the_limit_of_memory_is_told(void)
{
    if (SANITIZED)
        VA_SKIP("sanitizers need the memory");
    VA_CHECK_INT(last_of(report_memory, 256 * MIB, 0), VA_RECORD_FAILED);
    if (!refused())
        VA_CHECK(strstr(line, "a.mp4: decoding it takes more than 256 MiB") != NULL);
}

static bool is_child_of(const char *name, pid_t parent)
{
    char path[300];
    int of = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%s/stat", name);
    f = fopen(path, "r");
    if (!f)
        return false;
    if (fscanf(f, "%*d (%*[^)]) %*c %d", &of) != 1)
        of = 0;
    fclose(f);
    return of == parent;
}

/* Processes whose parent is `parent`; *one becomes one of them. */
static int children_of(pid_t parent, pid_t *one)
{
    DIR *dir = opendir("/proc");
    struct dirent *d;
    int n = 0;

    while (dir && (d = readdir(dir)))
        if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && is_child_of(d->d_name, parent)) {
            *one = (pid_t)atoi(d->d_name);
            n++;
        }
    if (dir)
        closedir(dir);
    return n;
}

static void rest(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

/* A worker that nobody wants any more is ended at once, and nothing of it is left. */
static void no_worker_is_left(void)
{
    pid_t keeper = 0, other;
    int workers = 1;

    last_of(wait_for_ever, 0, 0);
    VA_CHECK_INT(children_of(getpid(), &keeper), 1);
    for (int i = 0; i < 1000 && (workers = children_of(keeper, &other)) > 0; i++)
        rest();
    VA_CHECK_INT(workers, 0);
}

/* As a tool that is killed while a video is open: keeper and worker end too. */
static void nothing_outlives_its_owner(void)
{
    pid_t owner, keeper = 0, worker = 0;
    int left = 2;

    fflush(stdout);
    owner = fork();
    if (owner == 0) {
        const struct va_worker_start start = { .job = wait_for_ever,
                                               .args = "x",
                                               .args_size = 2,
                                               .input = -1,
                                               .spool = -1,
                                               .name = "b.mp4" };
        struct va_worker *w = va_worker_new(&start);

        _exit(!w || !va_worker_next(w, 1) || pause());
    }
    VA_CHECK(owner > 0);
    for (int i = 0; i < 1000 && (!keeper || !children_of(keeper, &worker)); i++) {
        children_of(owner, &keeper);
        rest();
    }
    VA_CHECK(keeper > 0 && worker > 0);
    kill(owner, SIGKILL);
    waitpid(owner, NULL, 0);
    for (int i = 0; i < 1000 && left > 0; i++) {
        left = (kill(keeper, 0) == 0) + (kill(worker, 0) == 0);
        rest();
        while (waitpid(-1, NULL, WNOHANG) > 0) /* we adopt them, see main */
            continue;
    }
    VA_CHECK_INT(left, 0);
}

static void threads_are_as_many_as_memory_allows(void)
{
    int64_t most;

    VA_CHECK_INT(va_decoder_threads(16, 640, 480, 12, &most), 16);
    VA_CHECK(most >= 1920 * 1080);
    VA_CHECK_INT(va_decoder_threads(64, 0, 0, 0, &most), 16);
    VA_CHECK_INT(va_decoder_threads(0, 640, 480, 12, &most), 1);
    VA_CHECK_INT(most, VA_PIXELS_MAX);
    VA_CHECK(va_decoder_threads(16, 8192, 8192, 12, &most) <= 2);
    VA_CHECK(most >= 8192 * 8192);
    VA_CHECK(va_decoder_threads(16, 8192, 8192, 48, &most) == 1);
    VA_CHECK(va_decoder_memory(2, 8192, 8192) < (int64_t)4096 * MIB);
    VA_CHECK(va_decoder_memory(16, 1920, 1080) < (int64_t)1536 * MIB);
}

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    VA_TEST(nothing_outlives_its_owner); /* first: the keeper that it starts is its own */
    VA_TEST(records_arrive_in_order);
    VA_TEST(a_crash_is_one_line);
    VA_TEST(a_loop_is_ended);
    VA_TEST(the_limit_of_memory_is_told);
    VA_TEST(no_worker_is_left);
    VA_TEST(threads_are_as_many_as_memory_allows);
    return va_test_finish();
}
