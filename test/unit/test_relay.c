/*
 * Frames through a thread and a bounded queue: all of them where they may wait, the newest where they may
 * not, and the ends that a camera can have.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_relay.h"
#include "media/va_source_priv.h"
#include "test/va_test.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 4, HEIGHT = 3, FPS = 30 };

/* A source that counts. */
static struct {
    int64_t frames, given;
    bool stalls, fails; /* after the last frame */
    uint8_t pixels[WIDTH * HEIGHT * 3];
    atomic_bool over; /* the last frame was taken */
} fake;

static int next(struct va_source *s, struct va_frame *frame)
{
    if (fake.given == fake.frames) {
        atomic_store(&fake.over, true);
        while (fake.stalls && !atomic_load(&s->stopped))
            sched_yield();
        return fake.fails ? -1 : 0;
    }
    memset(fake.pixels, (int)(fake.given % 251), sizeof(fake.pixels));
    *frame = (struct va_frame){ .pixels = fake.pixels,
                                .width = WIDTH,
                                .height = HEIGHT,
                                .index = fake.given + 1,
                                .pts = (double)fake.given / FPS };
    fake.given++;
    return 1;
}

static void close_nothing(struct va_source *s)
{
    (void)s;
}

static struct va_source *source(int64_t frames)
{
    static const struct va_source_kind kind = { next, close_nothing, NULL };
    struct va_source *s = va_source_new("fake", &(struct va_source_options){ 0 });

    if (!s)
        abort();
    s->kind = &kind;
    fake.frames = frames;
    fake.given = 0;
    fake.stalls = fake.fails = false;
    atomic_store(&fake.over, false);
    return s;
}

static char line[256];
/* va_relay_next, with what it reports in `line`. */
static int take(struct va_relay *r, struct va_frame *frame)
{
    double ready;
    int got;

    va_error_catch_begin(line, sizeof(line));
    got = va_relay_next(r, "fake", frame, &ready);
    va_error_catch_end();
    return got;
}

static void await_the_last(void)
{
    while (!atomic_load(&fake.over))
        sched_yield();
}

static void all_frames_wait(void)
{
    struct va_source *s = source(1000);
    struct va_relay *r = va_relay_new(s, &(struct va_relay_options){ 0 });
    struct va_frame f;
    int64_t n = 0;

    while (take(r, &f) > 0) {
        n++;
        VA_CHECK_INT(f.index, n);
        VA_CHECK(f.width == WIDTH && f.height == HEIGHT &&
                 f.pixels[sizeof(fake.pixels) - 1] == (n - 1) % 251);
    }
    VA_CHECK_INT(n, 1000);
    VA_CHECK(take(r, &f) == 0); /* still */
    VA_CHECK_INT(va_relay_counts(r).frames, 1000);
    VA_CHECK_INT(va_relay_counts(r).dropped, 0);
    va_relay_free(r);
    va_source_close(s);
}

static void the_newest_stay(void)
{
    struct va_source *s = source(100);
    struct va_relay *r = va_relay_new(s, &(struct va_relay_options){ .drop = true });
    struct va_frame f;
    int64_t n = 100 - VA_RELAY_WAITING;

    await_the_last();
    while (take(r, &f) > 0)
        VA_CHECK_INT(f.index, ++n);
    VA_CHECK_INT(n, 100);
    VA_CHECK_INT(va_relay_counts(r).dropped, 100 - VA_RELAY_WAITING);
    va_relay_free(r);
    va_source_close(s);
}

static void a_rate_is_kept(void)
{
    struct va_source *s = source(300);
    struct va_relay *r = va_relay_new(s, &(struct va_relay_options){ .rate = 10 });
    struct va_frame f;
    int64_t n = 0;

    while (take(r, &f) > 0)
        VA_CHECK_INT(f.index, 1 + 3 * n++);
    VA_CHECK_INT(n, 100);
    VA_CHECK_INT(va_relay_counts(r).skipped, 200);
    VA_CHECK_INT(va_relay_counts(r).frames, 300);
    va_relay_free(r);
    va_source_close(s);
    s = source(301);
    r = va_relay_new(s, &(struct va_relay_options){ .rate = 25 }); /* 5 of 6 */
    for (n = 0; take(r, &f) > 0; n++)
        ;
    VA_CHECK_INT(n, 251);
    va_relay_free(r);
    va_source_close(s);
}

static void ends(void)
{
    static volatile sig_atomic_t stop;
    struct va_source *s = source(1);
    struct va_relay *r;
    struct va_frame f;

    fake.stalls = true;
    r = va_relay_new(s, &(struct va_relay_options){ .patience = .3, .stop = &stop });
    VA_CHECK(take(r, &f) == 1);
    VA_CHECK(take(r, &f) == -1);
    VA_CHECK(!strcmp(line, "fake: no frame came for 0.3 s: is it still connected?"));
    stop = 1;
    VA_CHECK(take(r, &f) == 0);
    va_relay_free(r); /* although the source stalls */
    va_source_close(s);
    stop = 0;

    s = source(2);
    fake.fails = true;
    r = va_relay_new(s, &(struct va_relay_options){ .stop = &stop });
    VA_CHECK(take(r, &f) == 1 && f.index == 1); /* what came before it comes */
    VA_CHECK(take(r, &f) == 1 && f.index == 2);
    VA_CHECK(take(r, &f) == -1 && line[0] == 0);
    va_relay_free(r);
    va_source_close(s);

    s = source(50); /* nobody takes them */
    r = va_relay_new(s, &(struct va_relay_options){ 0 });
    va_relay_free(r);
    va_source_close(s);
}

int main(void)
{
    VA_TEST(all_frames_wait);
    VA_TEST(the_newest_stay);
    VA_TEST(a_rate_is_kept);
    VA_TEST(ends);
    return va_test_finish();
}
