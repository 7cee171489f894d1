/*
 * libmamba_va: jobs/va_live_people.h behind handles. A call finds its handle in a table, keeps the messages of its
 * thread, computes, and hands the first message back. The table and the pool of threads are all that
 * callers share.
 */
#include "lib/mamba_va.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "base/va_version.h"
#include "io/va_h5.h"
#include "jobs/va_live_people.h"
#include "ops/va_device.h"
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MODELS = 256, INDEX_BITS = 16, CROP_MOST = VA_CROP_SIDE_MOST };
enum kind { NOTHING, PICTURES, FACES };

struct model {
    struct va_live_people *people;
    struct mamba_va_info info;
    enum kind kind;   /* of what was pushed since the beginning of the video */
    int64_t pictures; /* of this video */
    double time;      /* of the last picture */
    bool broken;
    struct mamba_va_row *rows; /* [row_room], of which [first, end) wait */
    int64_t first, end, row_room;
    uint8_t *pixels; /* [pixel_room] of a picture without gaps between its lines */
    int64_t pixel_room;
    char *texts[7]; /* the strings of the options */
};

/* ---- the table ---------------------------------------------------------------------------- */

static struct entry {
    pthread_mutex_t lock;
    uint64_t generation; /* how often it was given; a handle holds it */
    struct model *model; /* NULL: free */
} entries[MODELS] = { [0 ... MODELS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static int open_models; /* and those that are being opened */

/* The locked entry of a handle; NULL after reporting. */
static struct entry *find(mamba_va handle)
{
    uint64_t index = handle & ((1u << INDEX_BITS) - 1);
    struct entry *e = index < MODELS ? &entries[index] : NULL;

    if (e) {
        pthread_mutex_lock(&e->lock);
        if (e->model && e->generation == handle >> INDEX_BITS)
            return e;
        pthread_mutex_unlock(&e->lock);
    }
    va_error("handle %llu: is closed, or was never opened", (unsigned long long)handle);
    return NULL;
}

/* A free entry, locked; NULL after reporting. One that somebody locks is taken, or will be soon. */
static struct entry *find_free(void)
{
    for (int i = 0; i < MODELS; i++) {
        if (pthread_mutex_trylock(&entries[i].lock))
            continue;
        if (!entries[i].model)
            return &entries[i];
        pthread_mutex_unlock(&entries[i].lock);
    }
    va_error("%d models are open, which is the most: close one first", MODELS);
    return NULL;
}

static void count_model(int change)
{
    pthread_mutex_lock(&counting);
    open_models += change;
    pthread_mutex_unlock(&counting);
}

/* ---- a call ------------------------------------------------------------------------------- */

static locale_t plain; /* numbers of files have points, whatever the program's locale says */

static void begin_library(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    va_threads_set(1);
    va_threads_give_up();
}

struct call {
    struct va_error_kept kept;
    struct mamba_va_error *error;
    locale_t locale;
    bool helped;
};

static void begin(struct call *c, struct mamba_va_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    memset(c, 0, sizeof(*c));
    c->error = error;
    va_error_keep(&c->kept);
    pthread_once(&once, begin_library);
    c->locale = plain ? uselocale(plain) : (locale_t)0;
}

/* Before work: the helpers are this call's, if no other call has them. */
static void get_help(struct call *c)
{
    c->helped = va_threads_take_over();
}

/* Hand over what was reported. Returns the code. */
static int finish(struct call *c, int code)
{
    if (c->helped)
        va_threads_give_up();
    if (c->locale)
        uselocale(c->locale);
    va_error_keep(NULL);
    if (c->error) {
        c->error->code = code;
        snprintf(c->error->message, sizeof(c->error->message), "%.*s",
                 (int)sizeof(c->error->message) - 1, c->kept.line);
    }
    return code;
}

/* Begin a call that needs a model: its entry, locked; NULL after the end of the call, for MAMBA_VA_CLOSED. */
static struct entry *enter(struct call *c, mamba_va handle, struct mamba_va_error *error)
{
    struct entry *e;

    begin(c, error);
    if (!(e = find(handle)))
        (void)finish(c, MAMBA_VA_CLOSED);
    return e;
}

/* ---- options ------------------------------------------------------------------------------ */

const char *mamba_va_version(void)
{
    return VA_VERSION;
}

void mamba_va_options_init(struct mamba_va_options *options, size_t size)
{
    const struct va_live_people_options d = VA_LIVE_PEOPLE_DEFAULTS;
    struct mamba_va_options o = {
        .size = size,
        .device = "cpu",
        .precision = "f32",
        .face_template = d.follow.template,
        .people = (int32_t)d.model.slots,
        .max_side = (int32_t)d.follow.detect.max_side,
        .crop_size = (int32_t)d.follow.size,
        .min_score = d.follow.detect.min_score,
        .min_size = d.follow.detect.min_size,
        .gap = d.follow.gap,
        .join = d.follow.join,
        .forget = d.follow.forget,
        .margin = d.follow.margin,
    };

    if (options)
        memcpy(options, &o, size < sizeof(o) ? size : sizeof(o));
}

/* As the options of va-live. */
static int check_ranges(const struct mamba_va_options *o)
{
    const struct {
        const char *name;
        double value, least, most;
    } ranges[] = {
        { "any_encoder", o->any_encoder, 0, 1 },
        { "people", o->people, 1, 64 },
        { "max_side", o->max_side, 32, 8192 },
        { "crop_size", o->crop_size, VA_CROP_SIDE_LEAST, VA_CROP_SIDE_MOST },
        { "min_score", o->min_score, 0, 1 },
        { "min_size", o->min_size, 0, VA_SIDE_MAX },
        { "gap", o->gap, 0, 3600 },
        { "join", o->join, 0, 2 },
        { "forget", o->forget, 0, 86400 },
        { "margin", o->margin, -.4, 10 },
    };

    for (size_t i = 0; i < VA_COUNT(ranges); i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value <= ranges[i].most))
            return va_error("options: %s: found %g, expected %g to %g", ranges[i].name,
                            ranges[i].value, ranges[i].least, ranges[i].most);
    return 0;
}

static int check_options(const struct mamba_va_options *o, int *precision)
{
    if (!o)
        return va_error("options: found NULL");
    if (o->size != sizeof(*o))
        return va_error("options: found size %llu, expected %zu: call mamba_va_options_init",
                        (unsigned long long)o->size, sizeof(*o));
    if (!o->model || !o->device || !o->precision || !o->face_template)
        return va_error("options: %s: found NULL", !o->model       ? "model"
                                                   : !o->device    ? "device"
                                                   : !o->precision ? "precision"
                                                                   : "face_template");
    if (!va_device_is_name(o->device))
        return va_error("options: device: found %s, expected cpu, cuda, cuda:N or auto",
                        o->device);
    for (*precision = 0; va_float_precision_names[*precision]; ++*precision)
        if (!strcmp(o->precision, va_float_precision_names[*precision]))
            return check_ranges(o);
    return va_error("options: precision: found %s, expected f32, bf16 or auto", o->precision);
}

/* ---- life of a model ----------------------------------------------------------------------- */

static void model_free(struct model *m)
{
    va_live_people_free(m->people);
    for (size_t i = 0; i < VA_COUNT(m->texts); i++)
        va_free(m->texts[i]);
    va_free(m->rows);
    va_free(m->pixels);
    va_free(m);
}

/* Take in a row. */
static int put_row(void *arg, const struct va_live_row *of)
{
    struct model *m = arg;
    struct mamba_va_row *row;

    if (m->first > 0 && m->end == m->row_room) {
        memmove(m->rows, m->rows + m->first, (size_t)(m->end - m->first) * sizeof(*m->rows));
        m->end -= m->first;
        m->first = 0;
    }
    if (va_grow(&m->rows, &m->row_room, m->end + 1, sizeof(*m->rows)) < 0)
        return -1;
    row = &m->rows[m->end++];
    *row = (struct mamba_va_row){ .frame = of->frame,
                                  .time = of->pts,
                                  .face = of->number,
                                  .seen = of->seen,
                                  .confidence = of->score,
                                  .valence = of->va[0],
                                  .arousal = of->va[1] };
    memcpy(row->box, of->box, sizeof(row->box));
    return 1;
}

/* A copy for the life of the model; NULL of NULL. */
static const char *keep(struct model *m, int at, const char *text, bool *failed)
{
    m->texts[at] = text ? va_strdup(text) : NULL;
    *failed = *failed || (text && !m->texts[at]);
    return m->texts[at];
}

static struct model *model_new(const struct mamba_va_options *o, int precision)
{
    struct model *m = va_new(1, sizeof(*m));
    struct va_live_people_options options;
    struct va_live_model *of;
    bool failed = false;

    if (!m)
        return NULL;
    options = (struct va_live_people_options){
        .detector = keep(m, 0, o->detector, &failed),
        .follow = { .detect = { o->max_side, o->min_score, o->min_size },
                    .gap = o->gap,
                    .join = o->join,
                    .forget = o->forget,
                    .template = keep(m, 1, o->face_template, &failed),
                    .margin = o->margin,
                    .size = o->crop_size },
        .model = { .encoder = keep(m, 2, o->encoder, &failed),
                   .features = true,
                   .stream = keep(m, 3, o->stream, &failed),
                   .model = keep(m, 4, o->model, &failed),
                   .any_encoder = o->any_encoder,
                   .device = keep(m, 5, o->device, &failed),
                   .precision = precision,
                   .slots = o->people },
    };
    m->people = failed ? NULL : va_live_people_new(&options, put_row, m);
    va_h5_end_checker();
    if (!m->people) {
        model_free(m);
        return NULL;
    }
    of = va_live_people_model(m->people);
    m->info = (struct mamba_va_info){ .features = va_live_model_width(of),
                                      .lookahead = va_live_model_ahead(of),
                                      .pictures = o->detector && va_live_model_sees(of),
                                      .crops = va_live_model_sees(of) };
    return m;
}

mamba_va mamba_va_open(const struct mamba_va_options *options, struct mamba_va_error *error)
{
    mamba_va handle = 0;
    struct entry *e = NULL;
    int code = MAMBA_VA_USE, precision = 0;
    struct call c;

    count_model(1);
    begin(&c, error);
    if (check_options(options, &precision) == 0 && (e = find_free())) {
        get_help(&c);
        e->model = model_new(options, precision);
        code = c.kept.status == VA_EXIT_INPUT ? MAMBA_VA_INPUT : MAMBA_VA_MACHINE;
        if (e->model) {
            code = MAMBA_VA_OK;
            handle = ++e->generation << INDEX_BITS | (uint64_t)(e - entries);
        }
        pthread_mutex_unlock(&e->lock);
    }
    finish(&c, code);
    if (!handle)
        count_model(-1);
    return handle;
}

int mamba_va_close(mamba_va handle, struct mamba_va_error *error)
{
    struct entry *e;
    struct call c;

    if (!(e = enter(&c, handle, error)))
        return MAMBA_VA_CLOSED;
    model_free(e->model);
    e->model = NULL;
    pthread_mutex_unlock(&e->lock);
    finish(&c, MAMBA_VA_OK);
    count_model(-1);
    return MAMBA_VA_OK;
}

int mamba_va_threads(int count, struct mamba_va_error *error)
{
    struct call c;
    int code = MAMBA_VA_USE;

    begin(&c, error);
    pthread_mutex_lock(&counting);
    if (count < 0 || count > 1024)
        va_error("threads: found %d, expected 0 to 1024", count);
    else if (open_models)
        va_error("threads: %d models are open: close them first", open_models);
    else {
        va_threads_set(count);
        va_threads_give_up();
        code = MAMBA_VA_OK;
    }
    pthread_mutex_unlock(&counting);
    return finish(&c, code);
}

int mamba_va_get_info(mamba_va handle, struct mamba_va_info *info, struct mamba_va_error *error)
{
    int code = MAMBA_VA_OK;
    struct entry *e;
    struct call c;

    if (!(e = enter(&c, handle, error)))
        return MAMBA_VA_CLOSED;
    if (info)
        *info = e->model->info;
    else
        code = (va_error("info: found NULL"), MAMBA_VA_USE);
    pthread_mutex_unlock(&e->lock);
    return finish(&c, code);
}

/* ---- what is pushed ------------------------------------------------------------------------- */

/* What is pushed, as the parts of va_frame and a face. */
struct push {
    const char *what; /* picture, crop, features, absent face */
    enum kind kind;
    bool taken; /* by this model */
    int64_t face;
    const void *data;
    int64_t width, height, stride; /* of pixels; features: their number */
    double time;
};

/* The rules that all kinds share, and what the model expects. MAMBA_VA_OK, or a code after reporting. */
static int check_push(const struct model *m, const struct push *p, bool known, double before)
{
    if (m->broken)
        return va_error("an earlier call failed: close the model"), MAMBA_VA_MACHINE;
    if (!p->taken)
        return va_error("%s: this model takes none: see mamba_va_get_info", p->what),
               MAMBA_VA_USE;
    if (m->kind != NOTHING && m->kind != p->kind)
        return va_error("%s: this video has %s: end it first", p->what,
                        m->kind == PICTURES ? "pictures" : "faces that the caller knows"),
               MAMBA_VA_USE;
    if (!p->data)
        return va_error("%s: found NULL", p->what), MAMBA_VA_USE;
    if (!isfinite(p->time))
        return va_error("%s: time: found %g, expected seconds", p->what, p->time),
               MAMBA_VA_INPUT;
    if (known && p->time <= before)
        return va_error("%s: time: found %.6f after %.6f, expected a later one", p->what,
                        p->time, before),
               MAMBA_VA_INPUT;
    return MAMBA_VA_OK;
}

/* Sides from 1 to `most`. */
static int check_pixels(const struct push *p, int64_t most)
{
    if (p->width < 1 || p->height < 1 || p->width > most || p->height > most)
        return va_error("%s: found %lld x %lld pixels, expected 1 x 1 to %lld x %lld", p->what,
                        (long long)p->width, (long long)p->height, (long long)most,
                        (long long)most),
               MAMBA_VA_USE;
    if (p->stride < 3 * p->width || p->stride > INT64_MAX / p->height)
        return va_error("%s: found a stride of %lld bytes, expected %lld or more", p->what,
                        (long long)p->stride, (long long)(3 * p->width)),
               MAMBA_VA_USE;
    return MAMBA_VA_OK;
}

static int check_features(const struct model *m, const struct push *p)
{
    const float *x = p->data;

    if (p->width != m->info.features)
        return va_error("features: found %lld, expected %lld", (long long)p->width,
                        (long long)m->info.features),
               MAMBA_VA_USE;
    for (int64_t i = 0; i < p->width; i++)
        if (!isfinite(x[i]))
            return va_error("features: number %lld of %lld: found %g, expected a finite number",
                            (long long)i + 1, (long long)p->width, (double)x[i]),
                   MAMBA_VA_INPUT;
    return MAMBA_VA_OK;
}

/* The pixels without gaps between their lines; NULL after reporting. */
static const uint8_t *tight(struct model *m, const struct push *p)
{
    const int64_t line = 3 * p->width, bytes = line * p->height;

    if (p->stride == line)
        return p->data;
    if (bytes > m->pixel_room) {
        va_free(m->pixels);
        m->pixels = va_new_unset(bytes, 1);
        m->pixel_room = m->pixels ? bytes : 0;
    }
    for (int64_t i = 0; m->pixels && i < p->height; i++)
        memcpy(m->pixels + i * line, (const uint8_t *)p->data + i * p->stride, (size_t)line);
    return m->pixels;
}

/* After what va_live_people returned. */
static int taken(struct model *m, const struct push *p, int got)
{
    if (got < 0 && va_error_keeping()->status == VA_EXIT_INPUT)
        return MAMBA_VA_INPUT; /* a prediction is not finite: its face is gone */
    if (got < 0) {
        m->broken = true;
        return MAMBA_VA_MACHINE;
    }
    m->kind = p->kind;
    return MAMBA_VA_OK;
}

static int push_picture(struct model *m, struct push *p)
{
    struct va_frame frame = { .width = p->width, .height = p->height, .pts = p->time };
    int code;

    p->taken = m->info.pictures;
    code = check_push(m, p, m->pictures > 0, m->time);
    if (code == MAMBA_VA_OK)
        code = check_pixels(p, VA_SIDE_MAX);
    if (code != MAMBA_VA_OK)
        return code;
    if (!(frame.pixels = tight(m, p)))
        return MAMBA_VA_MACHINE;
    frame.index = ++m->pictures;
    m->time = p->time;
    m->kind = p->kind; /* also if a face of it fails */
    return taken(m, p, va_live_people_picture(m->people, &frame));
}

/* A frame of a face that the caller knows: what they share. `last` gets its frame before. */
static int check_face(const struct model *m, const struct push *p, struct va_live_last *last)
{
    int code;

    *last = p->face > 0 ? va_live_people_last(m->people, p->face) : (struct va_live_last){ 0 };
    code = check_push(m, p, last->frames > 0, last->pts);
    if (code != MAMBA_VA_OK)
        return code;
    if (p->face < 1)
        return va_error("%s: face: found %lld, expected 1 or more", p->what,
                        (long long)p->face),
               MAMBA_VA_USE;
    if (!va_live_people_room(m->people, p->face))
        return va_error("%s: face %lld: as many faces as options.people are there: end one",
                        p->what, (long long)p->face),
               MAMBA_VA_USE;
    return MAMBA_VA_OK;
}

static int push_crop(struct model *m, struct push *p)
{
    struct va_frame frame = { .width = p->width, .height = p->height, .pts = p->time };
    struct va_live_last last;
    int code;

    p->taken = m->info.crops;
    code = check_face(m, p, &last);
    if (code == MAMBA_VA_OK)
        code = check_pixels(p, CROP_MOST);
    if (code != MAMBA_VA_OK)
        return code;
    if (!(frame.pixels = tight(m, p)))
        return MAMBA_VA_MACHINE;
    frame.index = last.frames + 1;
    return taken(m, p, va_live_people_crop(m->people, p->face, &frame));
}

static int push_features(struct model *m, struct push *p)
{
    struct va_live_last last;
    int code;

    p->taken = m->info.features > 0;
    code = check_face(m, p, &last);
    if (code == MAMBA_VA_OK)
        code = check_features(m, p);
    if (code != MAMBA_VA_OK)
        return code;
    return taken(
        m, p, va_live_people_features(m->people, p->face, last.frames + 1, p->time, p->data));
}

static int push_absent(struct model *m, struct push *p)
{
    struct va_live_last last;
    int code;

    p->taken = true;
    code = check_face(m, p, &last);
    if (code != MAMBA_VA_OK)
        return code;
    if (!last.frames)
        return va_error("absent face %lld: is not there: begin with a crop or features",
                        (long long)p->face),
               MAMBA_VA_USE;
    return taken(m, p, va_live_people_absent(m->people, p->face, last.frames + 1, p->time));
}

static int push_end(struct model *m, struct push *p)
{
    int got;

    if (m->broken)
        return va_error("an earlier call failed: close the model"), MAMBA_VA_MACHINE;
    if (p->face < 0 ||
        (p->face && (m->kind == PICTURES || !va_live_people_last(m->people, p->face).frames)))
        return va_error("end: face %lld: is none of crops or features", (long long)p->face),
               MAMBA_VA_USE;
    got = va_live_people_end(m->people, p->face);
    if (got > 0 && !p->face)
        got = va_live_people_begin(m->people);
    if (got < 0)
        return taken(m, p, got);
    p->kind = p->face ? m->kind : NOTHING;
    m->pictures = p->face ? m->pictures : 0;
    return taken(m, p, got);
}

/* Find the model, and push. */
static int push(mamba_va handle, int (*how)(struct model *, struct push *), struct push p,
                struct mamba_va_error *error)
{
    struct entry *e;
    struct call c;
    int code;

    if (!(e = enter(&c, handle, error)))
        return MAMBA_VA_CLOSED;
    get_help(&c);
    code = how(e->model, &p);
    pthread_mutex_unlock(&e->lock);
    return finish(&c, code);
}

int mamba_va_push_picture(mamba_va model, const uint8_t *rgb, int64_t width, int64_t height,
                          int64_t stride, double time, struct mamba_va_error *error)
{
    return push(
        model, push_picture,
        (struct push){ "picture", PICTURES, false, 0, rgb, width, height, stride, time },
        error);
}

int mamba_va_push_crop(mamba_va model, int64_t face, const uint8_t *rgb, int64_t width,
                       int64_t height, int64_t stride, double time,
                       struct mamba_va_error *error)
{
    return push(model, push_crop,
                (struct push){ "crop", FACES, false, face, rgb, width, height, stride, time },
                error);
}

int mamba_va_push_features(mamba_va model, int64_t face, const float *features, int64_t count,
                           double time, struct mamba_va_error *error)
{
    return push(model, push_features,
                (struct push){ "features", FACES, false, face, features, count, 0, 0, time },
                error);
}

int mamba_va_push_absent(mamba_va model, int64_t face, double time,
                         struct mamba_va_error *error)
{
    return push(model, push_absent,
                (struct push){ "absent face", FACES, false, face, "", 0, 0, 0, time }, error);
}

int mamba_va_end(mamba_va model, int64_t face, struct mamba_va_error *error)
{
    return push(model, push_end, (struct push){ .what = "end", .face = face }, error);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int64_t take_rows(struct model *m, struct mamba_va_row *rows, int64_t most)
{
    int64_t n = m->end - m->first < most ? m->end - m->first : most;

    if (most < 0 || (most > 0 && !rows))
        return va_error("rows: found %s%lld", rows ? "" : "NULL for ", (long long)most),
               MAMBA_VA_USE;
    if (n > 0)
        memcpy(rows, m->rows + m->first, (size_t)n * sizeof(*rows));
    m->first += n;
    if (m->first == m->end)
        m->first = m->end = 0;
    return n;
}

int64_t mamba_va_rows(mamba_va handle, struct mamba_va_row *rows, int64_t most,
                      struct mamba_va_error *error)
{
    struct entry *e;
    struct call c;
    int64_t n;

    if (!(e = enter(&c, handle, error)))
        return MAMBA_VA_CLOSED;
    n = take_rows(e->model, rows, most);
    pthread_mutex_unlock(&e->lock);
    (void)finish(&c, n < 0 ? (int)n : MAMBA_VA_OK);
    return n;
}
