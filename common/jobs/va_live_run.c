#include "jobs/va_live_run.h"

#include "base/va_clock.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "base/va_text.h"
#include "jobs/va_latency.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const double NEWS = 10;  /* seconds between two lines of --verbose */
enum { RATE_KNOWN_AFTER = 50 }; /* frames */
enum { NAME_MAX_BYTES = 300 };  /* of a person */

/* Parts of the way of a frame; WHOLE: from its last packet to its rows. */
enum part { DECODE, WAIT, DETECT, EMBED, PREDICT, WHOLE, PARTS };
static const char *const part_names[] = { "decode", "wait",    "detect",
                                          "embed",  "predict", "whole" };

struct run {
    const struct va_live_job *job;
    struct va_live_people *people;
    struct va_frame_table *out, *file; /* file NULL: none */
    int64_t frames, rows;
    double begun, told, first_pts; /* first_pts: of the first frame */
    bool warned, gone;             /* of the rate; the reader of standard output */
    struct va_latency latency[PARTS];
};

/* ---- signals ---------------------------------------------------------------------------- */

static volatile sig_atomic_t stop;

/* End after this frame; whoever asks twice is obeyed at once. */
static void on_signal(int number)
{
    stop = number;
    va_tempfile_catch_signals();
}

static void catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

    for (size_t i = 0; i < VA_COUNT(numbers); i++) {
        struct sigaction old, act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

        sigemptyset(&act.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &act, NULL);
    }
}

/* ---- rows ------------------------------------------------------------------------------- */

/* 1, 0 when the reader has gone, -1 after reporting. */
static int put_row(struct run *r, const struct va_frame_row *row)
{
    r->rows++;
    if (r->file && va_frame_table_put(r->file, row) < 0) {
        va_error_write(r->job->output, "write");
        va_frame_table_abort(&r->file);
        return -1;
    }
    if (va_frame_table_put(r->out, row) == 0)
        return 1;
    r->gone = errno == EPIPE;
    if (!r->gone)
        va_error_write("standard output", "write");
    va_frame_table_abort(&r->out);
    return r->gone ? 0 : -1;
}

/* As va_live_put. */
static int put(void *arg, const struct va_live_row *of)
{
    struct run *r = arg;
    char name[NAME_MAX_BYTES];
    struct va_frame_row row = { .frame = of->frame,
                                .time = of->pts,
                                .person = name,
                                .number = of->number - 1,
                                .face = of->seen,
                                .confidence = (double)of->score,
                                .va = { of->va[0], of->va[1] } };

    snprintf(name, sizeof(name), "%s_%lld", r->job->name, (long long)of->number);
    return put_row(r, &row);
}

/* ---- a frame ---------------------------------------------------------------------------- */

/* What frames take, in words: "decode 3.1 (5.0), wait ..." */
static void tell_latency(const struct run *r, void (*say)(const char *format, ...))
{
    char text[512] = "";
    size_t n = 0;

    for (int i = 0; i < PARTS; i++)
        if (r->latency[i].count && n < sizeof(text))
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %.1f (%.1f)", n ? ", " : "",
                                  part_names[i], 1e3 * va_latency_at(&r->latency[i], .5),
                                  1e3 * va_latency_at(&r->latency[i], .95));
    if (n)
        say("latency in ms, median (95 %%): %s", text);
}

static void warn_of_rate(struct run *r, double pts)
{
    double fps = (double)(r->frames - 1) / (pts - r->first_pts);

    if (r->warned || r->frames < RATE_KNOWN_AFTER || !(pts > r->first_pts) ||
        !va_live_model_far(va_live_people_model(r->people), fps))
        return;
    r->warned = true;
    va_warn(
        "%s: was trained at another rate than the %.3g frames per second that are computed: "
        "predictions may be worse",
        r->job->people.model.model, fps);
}

/* `ready`: when it was decoded. As put_row. */
static int compute(struct run *r, const struct va_frame *frame, double ready)
{
    double at[PARTS] = { frame->arrived, ready, va_clock() };
    struct va_live_times times;
    int got;

    if (r->frames++ == 0)
        r->first_pts = frame->pts;
    got = va_live_people_picture(r->people, frame);
    if (got <= 0)
        return got;
    times = va_live_people_times(r->people);
    at[EMBED] = times.found;
    at[PREDICT] = times.embedded;
    at[WHOLE] = va_clock();
    for (int i = frame->arrived > 0 ? DECODE : WAIT; i < WHOLE; i++)
        va_latency_add(&r->latency[i], at[i + 1] - at[i]);
    va_latency_add(&r->latency[WHOLE],
                   at[WHOLE] - (frame->arrived > 0 ? frame->arrived : ready));
    warn_of_rate(r, frame->pts);
    if (at[WHOLE] - r->told > NEWS) {
        tell_latency(r, va_debug);
        r->told = at[WHOLE];
    }
    return got;
}

/* ---- the whole -------------------------------------------------------------------------- */

static void tell(struct run *r, const struct va_relay_counts *c, int64_t broken,
                 const char *shown)
{
    double took = va_clock() - r->begun;
    const struct va_follow *follow = va_live_people_follow(r->people);
    int64_t people = va_follow_people(follow);
    char skipped[64] = "";

    if (c->skipped)
        snprintf(skipped, sizeof(skipped), ", %lld skipped by --rate", (long long)c->skipped);
    va_info(
        "%s: %lld frame%s in %.1f s: %lld computed (%.1f a second), %lld dropped%s; %lld %s, "
        "%lld row%s",
        shown, (long long)c->frames, va_plural(c->frames), took, (long long)r->frames,
        (double)r->frames / fmax(took, 1e-3), (long long)c->dropped, skipped, (long long)people,
        people == 1 ? "person" : "people", (long long)r->rows, va_plural(r->rows));
    tell_latency(r, va_info);
    if (broken)
        va_warn("%s: %lld broken packets were skipped", shown, (long long)broken);
    if (va_follow_left(follow))
        va_warn("%s: %lld faces were left out, as more than --people %lld were there", shown,
                (long long)va_follow_left(follow), (long long)r->job->people.model.slots);
}

/* Frames until the end. */
static int pump(struct run *r, struct va_source *source, const char *shown)
{
    struct va_relay_options options = r->job->relay;
    struct va_relay_counts counts;
    struct va_relay *relay;
    struct va_frame frame;
    double ready;
    int got, rest = 1;

    options.stop = &stop;
    relay = va_relay_new(source, &options);
    if (!relay)
        return -1;
    catch_signals();
    r->begun = r->told = va_clock();
    while (rest > 0 && (got = va_relay_next(relay, shown, &frame, &ready)) > 0)
        rest = compute(r, &frame, ready);
    if (rest > 0)
        rest = va_live_people_end(r->people, 0);
    counts = va_relay_counts(relay);
    va_relay_free(relay);
    if (got == 0 && counts.frames == 0 && !stop)
        return va_error("%s: found no frame", shown);
    if (!r->gone)
        tell(r, &counts, va_source_broken(source), shown);
    return got < 0 || rest < 0 ? -1 : 0;
}

static int open_all(struct run *r)
{
    struct va_live_people_options options = r->job->people;
    char *detector = va_detector_file(options.detector, "--detector yunet.h5");

    options.detector = detector;
    r->people = detector ? va_live_people_new(&options, put, r) : NULL;
    va_free(detector);
    return r->people ? 0 : -1;
}

static int open_tables(struct run *r)
{
    const struct va_live_job *job = r->job;

    if (job->output && !(r->file = va_frame_table_create(job->output, VA_TABLE_AUTO)))
        return -1;
    r->out = va_frame_table_create("-", job->format);
    return r->out ? 0 : -1;
}

/* What was written is kept, whatever happened. */
static int close_tables(struct run *r, int result)
{
    if (r->file && va_frame_table_commit(&r->file) < 0)
        result = -1;
    if (r->out && va_frame_table_commit(&r->out) < 0)
        result = -1;
    return result;
}

int va_live_run(const struct va_live_job *job)
{
    const char *shown = strcmp(job->input, "-") != 0 ? job->input : "standard input";
    struct run r = { .job = job };
    struct va_source *source = NULL;
    int result = open_all(&r);

    if (result == 0 && va_relay_await(job->input, &job->relay) > 0)
        source = va_source_open(job->input, &job->source);
    result = source ? open_tables(&r) : -1;
    if (result == 0)
        result = pump(&r, source, shown);
    if (r.frames > 0 || result == 0)
        result = close_tables(&r, result);
    va_frame_table_abort(&r.file);
    va_frame_table_abort(&r.out);
    va_source_close(source);
    va_live_people_free(r.people);
    return result;
}
