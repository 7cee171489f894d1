#include "jobs/va_live_run.h"

#include "base/va_clock.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "base/va_text.h"
#include "jobs/va_latency.h"
#include "weights/va_model_file.h"
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

/* A frame of a person whose prediction has not come yet. */
struct pending {
    int64_t frame;
    double pts;
    bool seen;
    float score;
};

/* Who is in a slot. */
struct seat {
    int64_t number;          /* of the person; 0: nobody */
    int64_t frames;          /* given to the model */
    struct pending *pending; /* [ahead + 1], of frame t at t % (ahead + 1) */
};

struct run {
    const struct va_live_job *job;
    struct va_follow *follow;
    struct va_live_model *model;
    int64_t ahead;
    struct seat *seats;                /* [slots] */
    int64_t *slots;                    /* [slots] that are seen */
    const uint8_t **crops;             /* as `slots` */
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

/* The next frame of a slot goes through the model, and what is known by that is written. As put_row. */
static int advance(struct run *r, int64_t slot)
{
    struct seat *s = &r->seats[slot];
    int64_t known = s->frames++ - r->ahead;
    char name[NAME_MAX_BYTES];
    struct va_frame_row row;
    const struct pending *p;
    float va[2];

    if (va_live_model_step(r->model, slot, va) < 0)
        return -1;
    if (known < 0)
        return 1;
    p = &s->pending[known % (r->ahead + 1)];
    snprintf(name, sizeof(name), "%s_%lld", r->job->name, (long long)s->number);
    row = (struct va_frame_row){ .frame = p->frame,
                                 .time = p->pts,
                                 .person = name,
                                 .number = s->number - 1,
                                 .face = p->seen,
                                 .confidence = p->seen ? (double)p->score : 0,
                                 .va = { va[0], va[1] } };
    return put_row(r, &row);
}

/* The person of a slot is not coming back: write the frames that still wait. As put_row. */
static int finish(struct run *r, int64_t slot)
{
    int got = 1;

    for (int64_t i = 0; r->seats[slot].number && i < r->ahead && got > 0; i++)
        got = advance(r, slot);
    r->seats[slot].number = 0;
    return got;
}

/* Somebody else is in a slot, or nobody. As put_row. */
static int change(struct run *r, int64_t slot, int64_t number)
{
    int got = finish(r, slot);

    if (got <= 0 || number == 0)
        return got;
    r->seats[slot].number = number;
    r->seats[slot].frames = 0;
    return va_live_model_begin(r->model, slot) < 0 ? -1 : 1;
}

/* ---- a frame ---------------------------------------------------------------------------- */

/* Features of those who are seen. */
static int embed(struct run *r, const struct va_followed *people)
{
    int64_t count = 0;

    for (int64_t i = 0; i < r->job->model.slots; i++)
        if (people[i].seen) {
            r->slots[count] = i;
            r->crops[count++] = people[i].crop;
        }
    return va_live_model_see(r->model, count, r->slots, r->crops);
}

/* As put_row. */
static int predict(struct run *r, const struct va_followed *people,
                   const struct va_frame *frame)
{
    int got = 1;

    for (int64_t i = 0; i < r->job->model.slots && got > 0; i++) {
        struct seat *s = &r->seats[i];

        if (!s->number)
            continue;
        s->pending[s->frames % (r->ahead + 1)] =
            (struct pending){ frame->index, frame->pts, people[i].seen, people[i].score };
        got = advance(r, i);
    }
    return got;
}

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
        !va_live_model_far(r->model, fps))
        return;
    r->warned = true;
    va_warn(
        "%s: was trained at another rate than the %.3g frames per second that are computed: "
        "predictions may be worse",
        r->job->model.model, fps);
}

/* `ready`: when it was decoded. As put_row. */
static int compute(struct run *r, const struct va_frame *frame, double ready)
{
    double at[PARTS] = { frame->arrived, ready, va_clock() };
    const struct va_followed *people;
    int got = 1;

    if (r->frames++ == 0)
        r->first_pts = frame->pts;
    if (va_follow_frame(r->follow, frame) < 0)
        return -1;
    people = va_follow_slots(r->follow);
    at[EMBED] = va_clock();
    for (int64_t i = 0; i < r->job->model.slots && got > 0; i++)
        if (people[i].number != r->seats[i].number)
            got = change(r, i, people[i].number);
    if (got <= 0 || (got = embed(r, people)) < 0)
        return got;
    at[PREDICT] = va_clock();
    got = predict(r, people, frame);
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
    int64_t people = va_follow_people(r->follow);
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
    if (va_follow_left(r->follow))
        va_warn("%s: %lld faces were left out, as more than --people %lld were there", shown,
                (long long)va_follow_left(r->follow), (long long)r->job->model.slots);
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
    for (int64_t i = 0; i < r->job->model.slots && rest > 0; i++)
        rest = finish(r, i);
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
    const struct va_live_job *job = r->job;
    char *detector = va_detector_file(job->detector, "--detector yunet.h5");
    struct va_tensors *set = detector ? va_model_open(detector, NULL) : NULL;
    int64_t slots = job->model.slots;
    int result = -1;

    r->follow = set ? va_follow_new(set, detector, &job->follow) : NULL;
    va_tensors_free(set);
    va_free(detector);
    r->model = r->follow ? va_live_model_new(&job->model) : NULL;
    if (!r->model)
        return -1;
    r->ahead = va_live_model_ahead(r->model);
    r->seats = va_new(slots, sizeof(*r->seats));
    r->slots = va_new(slots, sizeof(*r->slots));
    r->crops = va_new(slots, sizeof(*r->crops));
    if (r->seats && r->slots && r->crops)
        result = 0;
    for (int64_t i = 0; result == 0 && i < slots; i++)
        if (!(r->seats[i].pending = va_new(r->ahead + 1, sizeof(struct pending))))
            result = -1;
    return result;
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
    va_live_model_free(r.model);
    va_follow_free(r.follow);
    for (int64_t i = 0; r.seats && i < job->model.slots; i++)
        va_free(r.seats[i].pending);
    va_free(r.seats);
    va_free(r.slots);
    va_free(r.crops);
    return result;
}
