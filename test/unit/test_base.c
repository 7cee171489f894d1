/*
 * Base: options, messages, random numbers, threads, half precision, memory.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_option.h"
#include "base/va_rand.h"
#include "base/va_tensors.h"
#include "base/va_thread.h"
#include "test/va_test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- options ----------------------------------------------------------------------------- */

static struct {
    const char *output, *name;
    int64_t window;
    double lr;
    bool fast, norm;
    int tail;
    struct va_strings labels;
    struct va_ints channels;
} a;

static const char *const tails[] = { "pad", "drop", NULL };
static const struct va_usage usage = { .synopsis = "[options] FILE...", .brief = "test" };
static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &a.output, "FILE", "output"),
    VA_OPT_STRING(0, "name", &a.name, "NAME", "name"),
    VA_OPT_INT('w', "window", &a.window, 1, 100, "window"),
    VA_OPT_REAL(0, "lr", &a.lr, 0, 1, "rate"),
    VA_OPT_FLAG('f', "fast", &a.fast, "fast"),
    VA_OPT_YESNO(0, "norm", &a.norm, "norm"),
    VA_OPT_CHOICE(0, "tail", &a.tail, tails, "tail"),
    VA_OPT_LIST(0, "labels", &a.labels, "DIR", "labels"),
    VA_OPT_INTS(0, "channels", &a.channels, 1, 4096, "channels"),
    VA_OPT_END,
};

/* Parse a line of words; the number of operands, or -1 - status. Messages are caught. */
static char caught[256];
static int parse(const char *line)
{
    static char words[512];
    static char *argv[64];
    int argc = 1, status = 0, n = 0;
    char **operands;

    va_options_free(table);
    memset(&a, 0, sizeof(a));
    snprintf(words, sizeof(words), "%s", line);
    argv[0] = words;
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    argv[argc] = NULL;
    va_error_catch_begin(caught, sizeof(caught));
    operands = va_options_parse(table, &usage, argc, argv, &status);
    va_error_catch_end();
    if (!operands)
        return -1 - status;
    while (operands[n])
        n++;
    return n;
}

static void options_are_read(void)
{
    VA_CHECK_INT(parse("-o out.h5 -w 12 in1 --lr=0.5 -f --norm yes --tail drop in2"), 2);
    VA_CHECK(!strcmp(a.output, "out.h5") && a.window == 12 && a.lr == 0.5 && a.fast && a.norm);
    VA_CHECK_INT(a.tail, 1);
    VA_CHECK(va_option_given("lr") && !va_option_given("channels"));
    VA_CHECK_INT(parse("--labels a --labels b --channels 8,4,2 -w12 -- -x"), 1);
    VA_CHECK_INT(a.labels.count, 2);
    VA_CHECK(!strcmp(a.labels.items[1], "b") && !a.labels.items[2]);
    VA_CHECK_INT(a.channels.count, 3);
    VA_CHECK_INT(a.channels.items[2], 2);
}

static void bad_options_are_refused(void)
{
    static const char *const bad[] = {
        "--no-such",      "-x",           "--window",
        "--window 0",     "--window 101", "--window 12x",
        "--window ''",    "--window 1.5", "--lr nan",
        "--lr inf",       "--lr 0.5x",    "--lr -1",
        "--fast=1",       "--norm maybe", "--tail cut",
        "--channels 4,,", "--channels 0", "--channels 4;3",
        "--name=",        "-fx",          "--window 99999999999999999999",
        "-window 3",      "--n x",        "--=3",
    };

    for (size_t i = 0; i < VA_COUNT(bad); i++) {
        int got = parse(bad[i]);

        if (got != -1 - VA_EXIT_USAGE) {
            printf("# %s: returned %d\n", bad[i], got);
            va_test_bad = true;
        }
        VA_CHECK(caught[0]);
    }
}

static void long_options_may_be_abbreviated(void)
{
    char *line;

    VA_CHECK_INT(parse("--windo 3 --la=a --na x"), 0);
    VA_CHECK(a.window == 3 && a.labels.count == 1 && !strcmp(a.name, "x"));
    VA_CHECK(va_option_given("window") && va_option_given("labels"));
    line = va_options_record();
    VA_CHECK(line && !strcmp(line, "--name x --window 3 --labels a"));
    va_free(line);
    VA_CHECK_INT(parse("--no yes"), 0);
    VA_CHECK_INT(parse("--n x"), -1 - VA_EXIT_USAGE); /* --name, --norm */
    VA_CHECK(strstr(caught, "--n is ambiguous: --name, --norm"));
    VA_CHECK_INT(parse("--ver"), -1 - VA_EXIT_USAGE); /* a common option is a candidate too */
    VA_CHECK(strstr(caught, "--version, --verbose"));
}

static void an_exact_name_is_no_abbreviation(void)
{
    bool crop = false, crops = false;
    const struct va_option both[] = { VA_OPT_FLAG(0, "crops", &crops, ""),
                                      VA_OPT_FLAG(0, "crop", &crop, ""), VA_OPT_END };
    char words[2][8] = { "x", "--crop" }, *argv[] = { words[0], words[1], NULL };
    int status;

    VA_CHECK(va_options_parse(both, &usage, 2, argv, &status) && crop && !crops);
}

static void provenance_leaves_out_paths_and_outputs(void)
{
    char *line;

    VA_CHECK_INT(
        parse("--lr 0.25 -o /tmp/x.h5 -w 3 --labels /data/set/labels rel/in.h5 /a/b.h5"), 2);
    line = va_options_record();
    VA_CHECK(line && !strcmp(line, "--window 3 --lr 0.25 --labels labels rel/in.h5 b.h5"));
    va_free(line);
    va_options_free(table);
}

/* ---- messages ---------------------------------------------------------------------------- */

/* What `speak` writes to stderr, as a string. */
static const char *spoken(void (*speak)(void))
{
    static char text[1024];
    int fds[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    VA_CHECK_INT(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    speak();
    dup2(saved, STDERR_FILENO);
    close(fds[1]);
    n = read(fds[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    close(fds[0]);
    close(saved);
    return text;
}

static void say_control_characters(void)
{
    VA_CHECK_INT(va_error("a\nb%cc: %d", 7, 42), -1);
}

static void a_message_is_one_line(void)
{
    VA_CHECK(!strcmp(spoken(say_control_characters), "va: a?b?c: 42\n"));
    VA_CHECK_INT(va_error_status(), VA_EXIT_INPUT);
}

static void hold_and_tell(void)
{
    va_error_hold_begin(true);
    va_info("a %s", "word");
    VA_CHECK_INT(va_error_held(), 0);
    VA_CHECK_INT(va_error_machine("first %d%%", 1), -1);
    va_error("second");
    VA_CHECK_INT(va_error_held(), VA_EXIT_MACHINE);
    va_error_held_tell("rank 3: ");
    VA_CHECK_INT(va_error_held(), 0);
    va_error("dropped");
    va_error_held_drop(VA_EXIT_INPUT);
    va_error("third");
    va_error_hold_end(); /* says what is held */
    va_error("fourth");
}

static void hold_in_silence(void)
{
    va_error_hold_begin(false);
    va_info("not said");
    va_warn("not said");
    va_error("held");
    va_error_held_tell("");
    va_error_hold_end();
    va_info("said");
}

static void errors_are_held_until_told(void)
{
    VA_CHECK(!strcmp(spoken(hold_and_tell), "va: a word\nva: rank 3: first 1%\nva: third\n"
                                            "va: fourth\n"));
    VA_CHECK(!strcmp(spoken(hold_in_silence), "va: held\nva: said\n"));
}

/* ---- random numbers ------------------------------------------------------------------------ */

static void streams_differ_and_repeat(void)
{
    enum { N = 20000 };
    double sum = 0, squares = 0, normal = 0, normal2 = 0;
    uint32_t x[4], y[4];

    va_philox(1, VA_RAND_TEST, 2, 3, x);
    va_philox(1, VA_RAND_TEST, 2, 3, y);
    VA_CHECK(!memcmp(x, y, sizeof(x)));
    va_philox(1, VA_RAND_TEST, 3, 2, y);
    VA_CHECK(memcmp(x, y, sizeof(x)) != 0);
    va_philox(1, VA_RAND_INIT, 2, 3, y);
    VA_CHECK(memcmp(x, y, sizeof(x)) != 0);
    for (int i = 0; i < N; i++) {
        double u = va_rand_uniform(7, VA_RAND_TEST, 0, (uint64_t)i);
        double g = va_rand_normal(7, VA_RAND_TEST, 1, (uint64_t)i);

        VA_CHECK(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
        normal += g;
        normal2 += g * g;
    }
    /* five standard errors each */
    VA_CHECK_NEAR(sum / N, 0.5, 5 * 0.2887 / 141.4);
    VA_CHECK_NEAR(squares / N, 1.0 / 3, 5 * 0.298 / 141.4);
    VA_CHECK_NEAR(normal / N, 0, 5 / 141.4);
    VA_CHECK_NEAR(normal2 / N, 1, 5 * 1.414 / 141.4);
}

static void a_shuffle_is_a_permutation(void)
{
    enum { N = 1000 };
    int64_t order[N], again[N], fixed = 0;
    bool there[N] = { false };

    for (int i = 0; i < N; i++)
        order[i] = again[i] = i;
    va_rand_shuffle(3, VA_RAND_SHUFFLE, 5, order, N);
    va_rand_shuffle(3, VA_RAND_SHUFFLE, 5, again, N);
    VA_CHECK(!memcmp(order, again, sizeof(order)));
    for (int i = 0; i < N; i++) {
        VA_CHECK(order[i] >= 0 && order[i] < N && !there[order[i]]);
        there[order[i]] = true;
        fixed += order[i] == i;
    }
    VA_CHECK(fixed < 12); /* expected 1 */
}

/* ---- threads ------------------------------------------------------------------------------- */

struct tally {
    int hits[997], threads;
};

static void hit(void *arg, int64_t task, int thread)
{
    struct tally *t = arg;

    t->hits[task]++;
    if (thread < 0 || thread >= t->threads)
        t->hits[0] += 1000;
}

static void every_task_runs_once(void)
{
    static const int counts[] = { 1, 2, 3, 5 };

    for (size_t k = 0; k < VA_COUNT(counts); k++) {
        va_threads_set(counts[k]);
        VA_CHECK_INT(va_threads_count(), counts[k]);
        for (int repeat = 0; repeat < 50; repeat++) {
            struct tally t = { .threads = counts[k] };
            int bad = 0;

            va_parallel(VA_COUNT(t.hits), hit, &t);
            for (size_t i = 0; i < VA_COUNT(t.hits); i++)
                bad += t.hits[i] != 1;
            VA_CHECK_INT(bad, 0);
        }
    }
    va_parallel(0, hit, NULL);
    va_threads_set(1);
}

static void affinity_and_environment_limit_the_threads(void)
{
    cpu_set_t old, one;

    unsetenv("SLURM_CPUS_PER_TASK");
    unsetenv("OMP_NUM_THREADS");
    VA_CHECK_INT(sched_getaffinity(0, sizeof(old), &old), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &old)) {
            CPU_SET(i, &one);
            break;
        }
    VA_CHECK_INT(sched_setaffinity(0, sizeof(one), &one), 0);
    VA_CHECK_INT(va_threads_available(), 1);
    sched_setaffinity(0, sizeof(old), &old);
    setenv("OMP_NUM_THREADS", "1", 1);
    VA_CHECK_INT(va_threads_available(), 1);
    setenv("OMP_NUM_THREADS", "many", 1);
    VA_CHECK(va_threads_available() >= 1);
    unsetenv("OMP_NUM_THREADS");
}

static void processes_share_the_threads(void)
{
    int all = va_threads_available();

    va_threads_share(2);
    VA_CHECK_INT(va_threads_available(), all < 2 ? 1 : all / 2);
    setenv("SLURM_CPUS_PER_TASK", "1", 1); /* meant for each */
    VA_CHECK_INT(va_threads_available(), 1);
    unsetenv("SLURM_CPUS_PER_TASK");
    va_threads_share(5000);
    VA_CHECK_INT(va_threads_available(), 1);
    va_threads_share(1);
    VA_CHECK_INT(va_threads_available(), all);
}

static void *tally_elsewhere(void *arg)
{
    va_parallel(997, hit, arg);
    return NULL;
}

/* Another thread than the pool's runs its tasks itself, while the pool is at work. */
static void tasks_of_another_thread(void)
{
    static struct tally mine = { .threads = 3 }, other = { .threads = 1 };
    pthread_t thread;

    va_threads_set(3);
    VA_CHECK_INT(pthread_create(&thread, NULL, tally_elsewhere, &other), 0);
    for (int i = 0; i < 50; i++)
        va_parallel(997, hit, &mine);
    pthread_join(thread, NULL);
    for (int i = 0; i < 997; i++)
        VA_CHECK(mine.hits[i] == 50 && other.hits[i] == 1);
    va_threads_set(1);
}

/* ---- a library in another program ----------------------------------------------------------- */

static void complain(void *arg, int64_t task, int thread)
{
    (void)arg;
    (void)thread;
    if (task == 500)
        va_error_machine("task %lld", (long long)task);
}

static void *complain_elsewhere(void *arg)
{
    va_error_keep(arg);
    va_error("of the other thread");
    va_error_keep(NULL);
    return NULL;
}

static void messages_are_kept_for_each_thread(void)
{
    struct va_error_kept mine = { .status = 0 }, other = { .status = 0 };
    pthread_t thread;

    va_threads_set(3);
    va_error_keep(&mine);
    VA_CHECK(va_error_keeping() == &mine);
    va_info("said to nobody");
    VA_CHECK(!mine.line[0]);
    va_warn("odd");
    VA_CHECK(!strcmp(mine.line, "odd") && mine.status == 0);
    VA_CHECK_INT(pthread_create(&thread, NULL, complain_elsewhere, &other), 0);
    pthread_join(thread, NULL);
    VA_CHECK(!strcmp(other.line, "of the other thread") && other.status == VA_EXIT_INPUT);
    va_parallel(997, complain, NULL);
    VA_CHECK(!strcmp(mine.line, "task 500"));
    VA_CHECK_INT(mine.status, VA_EXIT_MACHINE);
    va_error("a consequence");
    VA_CHECK(!strcmp(mine.line, "task 500"));
    va_error_keep(NULL);
    va_threads_set(1);
}

static void *take_pool(void *arg)
{
    bool *got = arg;

    *got = va_threads_take_over();
    if (*got)
        va_threads_give_up();
    return NULL;
}

static bool taken_elsewhere(void)
{
    bool got = false;
    pthread_t thread;

    if (pthread_create(&thread, NULL, take_pool, &got) == 0)
        pthread_join(thread, NULL);
    return got;
}

static void the_pool_changes_hands(void)
{
    struct tally t = { .threads = 3 };

    va_threads_set(3);
    VA_CHECK(!taken_elsewhere()); /* it is ours */
    va_threads_give_up();
    VA_CHECK(taken_elsewhere());
    VA_CHECK(va_threads_take_over() && !va_threads_take_over());
    va_parallel(997, hit, &t);
    VA_CHECK_INT(t.hits[0], 1);
    va_threads_set(1);
}

/* ---- numbers and memory -------------------------------------------------------------------- */

static void half_precision_survives_the_round_trip(void)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x = va_from_f16((uint16_t)h);
        uint16_t back = va_to_f16(x);

        if (isnan(x) ? !isnan(va_from_f16(back)) : back != h) {
            printf("# half %04x became %04x\n", h, back);
            va_test_bad = true;
            return;
        }
    }
    VA_CHECK_INT(va_to_f16(1.0f + 0x1p-11f), 0x3c00);     /* a tie goes to even */
    VA_CHECK_INT(va_to_f16(1.0f + 3 * 0x1p-11f), 0x3c02); /* and here upwards */
    VA_CHECK_INT(va_to_f16(65520.0f), 0x7c00);            /* overflow */
    VA_CHECK_INT(va_to_f16(0x1p-25f), 0);                 /* tie below the smallest */
    VA_CHECK_INT(va_to_f16(0x1.8p-25f), 1);
    VA_CHECK(va_from_bf16(0x3f80) == 1.0f);
}

static void impossible_sizes_are_refused(void)
{
    int64_t product;
    char line[128];

    VA_CHECK_INT(va_mul(INT64_MAX, 2, &product), -1);
    VA_CHECK_INT(va_mul(-1, 2, &product), -1);
    VA_CHECK_INT(va_mul(3, 5, &product), 0);
    VA_CHECK_INT(product, 15);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(!va_new(INT64_MAX / 2, 8));
    VA_CHECK(!va_new(-1, 8));
    va_error_catch_end();
    VA_CHECK(strstr(line, "out of memory") != NULL);
}

static void tensors_are_unique_and_checked(void)
{
    struct va_tensors *set = va_tensors_new();
    char line[128];

    VA_CHECK(va_tensors_add(set, "x", VA_F32, 2, (int64_t[]){ 3, 5 }) != NULL);
    VA_CHECK_INT(va_tensors_find(set, "x")->count, 15);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(!va_tensors_add(set, "x", VA_F32, 1, (int64_t[]){ 1 }));
    VA_CHECK(!va_tensors_add(set, "y", VA_F32, 2, (int64_t[]){ INT64_MAX, 4 }));
    VA_CHECK(!va_tensors_add(set, "z", VA_F32, 1, (int64_t[]){ -3 }));
    va_error_catch_end();
    VA_CHECK_INT(va_tensors_set_meta(set, "arch", "a"), 0);
    VA_CHECK_INT(va_tensors_set_meta(set, "arch", "b"), 0);
    VA_CHECK(!strcmp(va_tensors_meta(set, "arch"), "b") && !va_tensors_meta(set, "none"));
    va_tensors_free(set);
}

static void run_out_of_memory(void)
{
    va_free(va_new(INT64_MAX / 2, 4));
    (void)va_error("x.h5: found no table of what there was no memory for");
}

static void out_of_memory_is_the_last_error_said(void)
{
    const char *text = spoken(run_out_of_memory);

    VA_CHECK(strstr(text, ": out of memory: "));
    VA_CHECK(strchr(text, '\n') == text + strlen(text) - 1);
}

int main(void)
{
    VA_TEST(options_are_read);
    VA_TEST(bad_options_are_refused);
    VA_TEST(long_options_may_be_abbreviated);
    VA_TEST(an_exact_name_is_no_abbreviation);
    VA_TEST(provenance_leaves_out_paths_and_outputs);
    VA_TEST(a_message_is_one_line);
    VA_TEST(errors_are_held_until_told);
    VA_TEST(streams_differ_and_repeat);
    VA_TEST(a_shuffle_is_a_permutation);
    VA_TEST(every_task_runs_once);
    VA_TEST(affinity_and_environment_limit_the_threads);
    VA_TEST(processes_share_the_threads);
    VA_TEST(tasks_of_another_thread);
    VA_TEST(messages_are_kept_for_each_thread);
    VA_TEST(the_pool_changes_hands);
    VA_TEST(half_precision_survives_the_round_trip);
    VA_TEST(impossible_sizes_are_refused);
    VA_TEST(tensors_are_unique_and_checked);
    VA_TEST(out_of_memory_is_the_last_error_said); /* nothing can be said after it */
    return va_test_finish();
}
