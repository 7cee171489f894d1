/*
 * Named streams: names and widths as text; rows of several files side by side, with a policy each; the order
 * of a model; dropout of whole streams.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "data/va_features_write.h"
#include "data/va_window_gather.h"
#include "feed/va_batch.h"
#include "ref/va_ref_ops.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <sys/stat.h>

enum { T = 6 };
static char folder[] = "/tmp/va-test-XXXXXX";
static char said[512];

static const char *in_folder(const char *name)
{
    static char paths[8][96];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* ---- names ------------------------------------------------------------------------------- */

static void names_and_text(void)
{
    struct va_streams s;
    char text[VA_STREAMS_TEXT], name[VA_STREAM_NAME];

    VA_CHECK(va_stream_name_valid("face") && va_stream_name_valid("a_2"));
    VA_CHECK(!va_stream_name_valid("") && !va_stream_name_valid("2a") &&
             !va_stream_name_valid("a.b") && !va_stream_name_valid("a/b") &&
             !va_stream_name_valid("abcdefghijklmnopqrstuvwxyzabcdef"));
    VA_CHECK(!strcmp(va_stream_split("a=b=c", name), "b=c") && !strcmp(name, "a"));
    VA_CHECK(!va_stream_split("a=", name) && !va_stream_split("=b", name) &&
             !va_stream_split("ab", name));
    VA_CHECK_INT(va_streams_parse(&s, "face=34,sound=17", 100, "m.h5"), 0);
    VA_CHECK(s.count == 2 && s.items[1].dim == 17 && va_streams_columns(&s) == 53);
    VA_CHECK(!strcmp(va_streams_text(&s, text), "face=34,sound=17"));
    VA_CHECK(va_streams_find(&s, "sound") == 1 && va_streams_find(&s, "so") < 0);
}

static void hostile_text_is_refused(void)
{
    static const char *const texts[] = {
        "",
        "a",
        "a=",
        "a=0",
        "a=-1",
        "a=101",
        "a=1,",
        "a=1,a=2",
        "a=1;b=2",
        "a b=1",
        "a=1 ,b=1",
        "a=99999999999999999999",
        "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1",
    };
    struct va_streams s;

    for (size_t i = 0; i < VA_COUNT(texts); i++) {
        va_error_catch_begin(said, sizeof(said));
        if (va_streams_parse(&s, texts[i], 100, "m.h5") == 0) {
            printf("# taken: %s\n", texts[i]);
            va_test_bad = true;
        }
        va_error_catch_end();
    }
}

/* ---- rows ---------------------------------------------------------------------------------- */

static float value(int stream, int32_t frame, int64_t c)
{
    return (float)(100 * stream + 10 * frame) + (float)c;
}

/* A file of stream 1 or 2 with these frames of a video of T. */
static void write_file(const char *path, const char *video, int stream, int64_t D,
                       const int32_t *frames, int64_t count)
{
    struct va_features_writer w = { 0 };

    va_input_forget(path);
    VA_CHECK_INT(va_features_create(&w, path, count, D, false), 0);
    for (int64_t i = 0; i < count; i++) {
        double pts = (frames[i] - 1) / 25.;
        float x[4];

        for (int64_t c = 0; c < D; c++)
            x[c] = value(stream, frames[i], c);
        VA_CHECK_INT(va_features_append(&w, 1, x, &frames[i], &pts, NULL), 0);
    }
    VA_CHECK_INT(va_features_commit(&w, video, 25, T, stream == 1 ? "abc" : "def"), 0);
}

/* Video a: face has frames 2 4 5, sound 1 2 3 4; video b: only sound. */
static void write_corpus(void)
{
    mkdir(in_folder("face"), 0777);
    mkdir(in_folder("sound"), 0777);
    write_file(in_folder("face/a.h5"), "a", 1, 2, (int32_t[]){ 2, 4, 5 }, 3);
    write_file(in_folder("sound/a.h5"), "a", 2, 1, (int32_t[]){ 1, 2, 3, 4 }, 4);
    write_file(in_folder("sound/b.h5"), "b", 2, 1, (int32_t[]){ 3 }, 1);
}

/* Both streams, written and read back, open. */
static struct va_window_index *make(const char *policy)
{
    char face[128], sound[128];
    const char *paths[] = { face, sound, NULL };
    struct va_strings streams = { paths, 2 }, policies = { &policy, 1 };
    struct va_window_index *index = va_window_index_new(4, 3, VA_TAIL_PAD, VA_MISSING_NEAREST,
                                                        VA_LEADING_KEEP);
    const char *path = in_folder("w.h5");

    snprintf(face, sizeof(face), "face=%s", in_folder("face"));
    snprintf(sound, sizeof(sound), "sound=%s", in_folder("sound"));
    VA_CHECK_INT(va_window_index_add_streams(index, &streams, &policies, NULL), 0);
    VA_CHECK_INT(index->dim, 5);
    va_input_forget(path);
    VA_CHECK_INT(va_window_index_write(index, path), 0);
    va_window_index_free(index);
    index = va_window_index_read(path, NULL);
    VA_CHECK(index && va_window_index_open_features(index) == 0);
    return index;
}

static void expect(const struct va_window_index *index, int64_t video, const float (*rows)[5])
{
    float x[(T + 1) * 5];

    VA_CHECK_INT(va_window_gather(index, video, 0, T + 1, x, NULL, NULL), 0);
    for (int i = 0; i < (T + 1) * 5; i++)
        if (x[i] != rows[i / 5][i % 5]) {
            printf("# frame %d, column %d: found %g, expected %g\n", i / 5 + 1, i % 5,
                   (double)x[i], (double)rows[i / 5][i % 5]);
            va_test_bad = true;
        }
}

static void rows_side_by_side(void)
{
    static const float a[T + 1][5] = {
        { 120, 121, 0, 210, 1 }, { 120, 121, 1, 220, 1 }, { 120, 121, 0, 230, 1 },
        { 140, 141, 1, 240, 1 }, { 150, 151, 1, 0, 0 },   { 150, 151, 0, 0, 0 },
    };
    static const float b[T + 1][5] = { [2] = { 0, 0, 0, 230, 1 } };
    struct va_window_index *index = make("sound=zero");
    uint8_t face[T];
    float confidence[T];
    double pts[T];

    if (!index)
        return;
    VA_CHECK(index->dim == 5 && index->stream_count == 2 && index->video_count == 2);
    expect(index, 0, a);
    expect(index, 1, b);
    VA_CHECK_INT(va_window_index_pts(index, 1, 0, index->videos[1].frames, pts), 1);
    VA_CHECK_NEAR(pts[T - 1], (T - 1) / 25., 1e-12);
    VA_CHECK(va_window_index_face(index, 0, 0, index->videos[0].frames, face, confidence) >= 0);
    VA_CHECK(face[0] && face[4] && !face[5]);
    va_window_index_forget(index, 0);
    va_window_index_free(index);
}

static void the_order_of_a_model(void)
{
    static const float turned[T + 1][5] = {
        { 210, 1, 120, 121, 0 }, { 220, 1, 120, 121, 1 }, { 230, 1, 120, 121, 0 },
        { 240, 1, 140, 141, 1 }, { 240, 0, 150, 151, 1 }, { 240, 0, 150, 151, 0 },
    };
    struct va_window_index *index = make("sound=previous");
    struct va_streams wanted;
    float x[8];

    if (!index)
        return;
    VA_CHECK_INT(va_streams_parse(&wanted, "sound=1,face=2", 9, "m.h5"), 0);
    VA_CHECK_INT(va_window_index_arrange(index, &wanted, false, "m.h5"), 0);
    expect(index, 0, turned);
    VA_CHECK_INT(va_streams_parse(&wanted, "face=2,text=2,sound=1", 9, "m.h5"), 0);
    VA_CHECK_INT(va_window_index_arrange(index, &wanted, true, "m.h5"), 0);
    VA_CHECK_INT(index->dim, 8);
    VA_CHECK_INT(va_window_gather(index, 0, 1, 1, x, NULL, NULL), 0);
    VA_CHECK(x[0] == 120 && x[2] == 1 && !x[3] && !x[4] && !x[5] && x[6] == 220 && x[7] == 1);
    va_window_index_free(index);
}

static void refuse(const char *wanted, bool may_lack, const char *text)
{
    struct va_window_index *index = make("sound=zero");
    struct va_streams s = { 0 };

    VA_CHECK(!*wanted || va_streams_parse(&s, wanted, 9, "m.h5") == 0);
    va_error_catch_begin(said, sizeof(said));
    VA_CHECK_INT(va_window_index_arrange(index, &s, may_lack, "m.h5"), -1);
    va_error_catch_end();
    if (!strstr(said, text)) {
        printf("# found: %s\n", said);
        va_test_bad = true;
    }
    va_window_index_free(index);
}

static void models_of_other_streams_are_refused(void)
{
    refuse("", true,
           "m.h5: expects features without names, but the input has the streams "
           "face=2,sound=1");
    refuse("face=2", true, "m.h5: expects the streams face=2, but the input has sound, too");
    refuse("face=3,sound=1", true,
           "m.h5: stream face: expects 3 features per frame, but the "
           "input has 2");
    refuse("face=2,sound=1,text=3", false, "but the input has no text");
}

/* ---- dropout --------------------------------------------------------------------------------- */

/* Which streams of window i are there in x: bits. */
static int there(const struct va_batch *b, int64_t i)
{
    const float *x = b->host_x + i * b->rows * b->D;

    return (x[3 * 5 + 2] > 0) + 2 * (x[3 * 5 + 4] > 0); /* frame 4, which both have */
}

/* Windows of a batch lose each stream with probability p, never both; parts of a batch the same. */
static void whole_streams_are_dropped(void)
{
    struct va_window_index *index = make("sound=zero");
    struct va_backend *be = va_ref_backend_new();
    struct va_batch_drop drop = { .p = .3, .seed = 5 };
    int64_t windows[2] = { 0, 0 };
    int count[4] = { 0 };
    struct va_batch b;

    if (!index)
        return;
    VA_CHECK_INT(va_batch_init(&b, be, index, 2, 0), 0);
    for (drop.step = 0; drop.step < 2000; drop.step++) {
        int both[2];

        VA_CHECK_INT(va_batch_load(&b, windows, 2, &drop), 0);
        both[0] = there(&b, 0);
        both[1] = there(&b, 1);
        count[both[0]]++;
        count[both[1]]++;
        drop.first = 1;
        VA_CHECK_INT(va_batch_load(&b, windows, 1, &drop), 0);
        VA_CHECK_INT(there(&b, 0), both[1]);
        drop.first = 0;
    }
    VA_CHECK_INT(count[0], 0);
    VA_CHECK_NEAR(count[1] / 4000., .3 * .7, .025);
    VA_CHECK_NEAR(count[2] / 4000., .3 * .7, .025);
    VA_CHECK_INT(va_batch_load(&b, windows, 1, NULL), 0);
    VA_CHECK_INT(there(&b, 0), 3);
    va_batch_release(&b);
    va_backend_free(be);
    va_window_index_free(index);
}

static void set_up(void)
{
    if (!mkdtemp(folder))
        exit(1);
    write_corpus();
}

static void tear_down(void)
{
    static const char *const names[] = { "face/a.h5", "sound/a.h5", "sound/b.h5",
                                         "w.h5",      "face",       "sound",
                                         "" };

    for (size_t i = 0; i < VA_COUNT(names); i++)
        VA_CHECK_INT(remove(in_folder(names[i])), 0);
}

int main(void)
{
    set_up();
    VA_TEST(names_and_text);
    VA_TEST(hostile_text_is_refused);
    VA_TEST(rows_side_by_side);
    VA_TEST(the_order_of_a_model);
    VA_TEST(models_of_other_streams_are_refused);
    VA_TEST(whole_streams_are_dropped);
    VA_TEST(tear_down);
    return va_test_finish();
}
