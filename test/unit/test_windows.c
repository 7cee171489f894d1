/*
 * Windows: all plans of the reference, exactly; timelines with gaps, and what is gathered.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "data/va_track.h"
#include "data/va_window_gather.h"
#include "feed/va_batch.h"
#include "io/va_h5.h"
#include "test/unit/device.h"
#include "test/va_golden.h"

struct plan {
    char text[8192]; /* "start:length:valid ..." as in the golden file */
    size_t n;
    int64_t W, count;
};

static int add(void *arg, int64_t start, int64_t length)
{
    struct plan *p = arg;

    p->n += (size_t)snprintf(p->text + p->n, sizeof(p->text) - p->n, "%s%lld:%lld:%lld",
                             p->count ? " " : "", (long long)start, (long long)p->W,
                             (long long)length);
    p->count++;
    return 0;
}

/* One line of the golden table against our plan. */
static bool agrees(char *line)
{
    char *field[6], *save = NULL;
    struct plan p = { .n = 0 };
    int tail = -1;

    for (int i = 0; i < 6; i++)
        field[i] = strtok_r(i ? NULL : line, "\t\n", &save);
    if (!field[5])
        return false;
    for (int i = 0; va_tail_names[i]; i++)
        if (!strcmp(va_tail_names[i], field[3]))
            tail = i;
    p.W = atoll(field[1]);
    if (tail < 0 ||
        va_window_plan(atoll(field[0]), p.W, atoll(field[2]), (enum va_tail)tail, add, &p) < 0)
        return false;
    return p.count == atoll(field[4]) && !strcmp(p.count ? p.text : "-", field[5]);
}

static void plans_of_the_reference(void)
{
    char path[512], line[8192];
    FILE *f = va_golden_path("windows/windows.tsv", path) ? fopen(path, "r") : NULL;
    int lines = 0, good = 0;

    if (!f)
        VA_SKIP("no golden windows.tsv");
    VA_CHECK(fgets(line, sizeof(line), f) != NULL); /* the header */
    while (fgets(line, sizeof(line), f)) {
        lines++;
        good += agrees(line);
    }
    fclose(f);
    VA_CHECK_INT(lines, 297);
    VA_CHECK_INT(good, lines);
}

static int refuse(void *arg, int64_t start, int64_t length)
{
    (void)start;
    (void)length;
    return --*(int *)arg < 0 ? -1 : 0;
}

static void a_refused_window_ends_the_plan(void)
{
    for (int allowed = 0; allowed < 3; allowed++) {
        int left = allowed;

        VA_CHECK_INT(va_window_plan(500, 100, 100, VA_TAIL_PAD, refuse, &left), -1);
        VA_CHECK_INT(left, -1);
    }
}

/* ---- timelines ------------------------------------------------------------------------- */

static char folder[] = "/tmp/va-test-XXXXXX";
static char features[64], labels_path[64], index_path[64];

enum { D = 3, ROWS = 4, FRAMES = 9, LABELS = 11 };
static const int32_t frames[ROWS] = { 3, 4, 6, 9 }; /* of a video of 10 */

/* Row r, column c: exact in float16 as well. */
static float value(int64_t r, int64_t c)
{
    return (float)(10 * r + c + 1) / 4;
}

static int write_features(const char *video, int64_t count, float spoiled, bool half)
{
    struct va_h5_out *out;
    float x[ROWS * D];
    uint16_t h[ROWS * D];
    double pts[ROWS];

    va_input_forget(features);
    out = va_h5_create(features, "va.features/1");
    for (int64_t i = 0; i < ROWS * D; i++)
        x[i] = spoiled && i == 2 * D + 1 ? spoiled : value(i / D, i % D);
    for (int64_t i = 0; i < ROWS * D; i++)
        h[i] = va_to_f16(x[i]);
    for (int64_t i = 0; i < ROWS; i++)
        pts[i] = (frames[i] - 1) * .04 + 1;
    if (!out || va_h5_put_string(out, NULL, "video", video) < 0 ||
        va_h5_put_real(out, NULL, "fps", 25) < 0 ||
        va_h5_put_int(out, NULL, "frame_count", 10) < 0 ||
        va_h5_write(out, "/features", half ? VA_F16 : VA_F32, 2, (int64_t[]){ count, D },
                    half ? (void *)h : (void *)x) < 0 ||
        va_h5_write(out, "/index", VA_I32, 1, (int64_t[]){ count }, frames) < 0 ||
        va_h5_write(out, "/pts", VA_F64, 1, (int64_t[]){ count }, pts) < 0)
        return -1;
    return va_h5_commit(&out);
}

static void write_labels(void)
{
    FILE *f = fopen(labels_path, "w");

    fprintf(f, "valence,arousal\n");
    for (int i = 1; i <= LABELS; i++)
        fprintf(f, i == 5 ? "-5,-5\n" : "%.2f,-0.5\n", i / 20.);
    fclose(f);
}

/* An index over the one file, written and read back. */
static struct va_window_index *make(enum va_missing missing, enum va_leading leading)
{
    struct va_label_files labels = { 0 };
    struct va_window_index *index = va_window_index_new(4, 3, VA_TAIL_PAD, missing, leading);

    VA_CHECK_INT(va_label_files_add(&labels, folder), 0);
    VA_CHECK_INT(va_window_index_add(index, features, &labels), 0);
    va_input_forget(index_path);
    VA_CHECK_INT(va_window_index_write(index, index_path), 0);
    va_label_files_release(&labels);
    va_window_index_free(index);
    index = va_window_index_read(index_path, NULL);
    VA_CHECK(index != NULL);
    return index;
}

/* Row of each of the 11 entries: a digit, '-' for a zero vector, '+' for a mix. */
static void check_rows(enum va_missing missing, const char *expected, const char *valid)
{
    struct va_window_index *index = make(missing, VA_LEADING_KEEP);
    char rows[LABELS + 1] = "", labelled[LABELS + 1] = "";

    if (!index)
        return;
    VA_CHECK_INT(index->entry_count, LABELS); /* more labels than frames */
    for (int64_t i = 0; i < index->entry_count && i < LABELS; i++) {
        const struct va_timeline_entry at = va_window_index_entry(index, 0, i), *e = &at;

        rows[i] = e->next >= 0 ? '+' : e->row < 0 ? '-' : (char)('0' + e->row);
        labelled[i] = e->valid ? '1' : '0';
    }
    if (strcmp(rows, expected) || strcmp(labelled, valid)) {
        printf("# %s: rows %s, valid %s\n", va_missing_names[missing], rows, labelled);
        va_test_bad = true;
    }
    va_window_index_free(index);
}

static void gaps_are_filled_as_the_policy_says(void)
{
    VA_CHECK_INT(write_features("v", ROWS, 0, false), 0);
    write_labels();
    /*                                1234567890 1: frames 3, 4, 6, 9 have faces */
    check_rows(VA_MISSING_PREVIOUS, "--011222333", "11110111111");
    check_rows(VA_MISSING_NEAREST, "00011223333", "11110111111");
    check_rows(VA_MISSING_LINEAR, "0001+2++333", "11110111111");
    check_rows(VA_MISSING_ZERO, "--01-2--3--", "11110111111");
    check_rows(VA_MISSING_DROP, "--01-2--3--", "00110100100");
}

static void leading_frames_are_cut_from_windows_only(void)
{
    struct va_window_index *index = make(VA_MISSING_NEAREST, VA_LEADING_CUT);

    if (!index)
        return;
    VA_CHECK_INT(index->entry_count, LABELS);
    VA_CHECK_INT(va_window_index_entry(index, 0, 0).valid, 1);
    VA_CHECK_INT(index->window_count, 3); /* entries 2.., 5.., 8.. of 11 */
    VA_CHECK_INT(index->windows[0].start, 2);
    VA_CHECK_INT(index->windows[2].start, 8);
    VA_CHECK_INT(index->windows[2].length, 3);
    VA_CHECK_INT(index->leading, VA_LEADING_CUT);
    va_window_index_free(index);
}

static void rows_are_gathered(bool half)
{
    struct va_window_index *index;
    float x[14 * D], label[14 * 2], valid[14];

    VA_CHECK_INT(write_features("v", ROWS, 0, half), 0);
    index = make(VA_MISSING_LINEAR, VA_LEADING_KEEP);
    if (!index)
        return;
    VA_CHECK_INT(va_window_index_open_features(index), 0);
    VA_CHECK_INT(va_window_gather(index, 0, 2, 14, x, label, valid), 0);
    for (int64_t c = 0; c < D; c++) {
        VA_CHECK(x[c] == value(0, c));                                          /* frame 3 */
        VA_CHECK(x[2 * D + c] == (value(1, c) + value(2, c)) / 2);              /* frame 5 */
        VA_CHECK_NEAR(x[4 * D + c], (2 * value(2, c) + value(3, c)) / 3, 1e-6); /* frame 7 */
        VA_CHECK(x[8 * D + c] == value(3, c));                                  /* entry 11 */
        VA_CHECK(x[9 * D + c] == 0);                                            /* beyond */
    }
    VA_CHECK(valid[0] == 1 && valid[2] == 0 && valid[8] == 1 && valid[9] == 0);
    VA_CHECK(label[0] == .15f && label[1] == -.5f && label[4] == -5 && label[18] == -5);
    va_window_index_forget(index, 0);
    VA_CHECK_INT(va_window_gather(index, 0, 2, 1, x, NULL, NULL), 0);
    VA_CHECK(x[1] == value(0, 1));
    va_window_index_free(index);
}

static void rows_of_mapped_float32(void)
{
    rows_are_gathered(false);
}

static void rows_of_float16(void)
{
    rows_are_gathered(true);
}

/* Rows by their first number: of frame entries, of the last one again, and zeros. */
static void rows_ahead(void)
{
    static const struct {
        int64_t start, count, end, ahead;
        const char *expected; /* digits: the row of the entry; '-': zeros; at most 14 */
    } cases[] = {
        { 2, 3, 11, 0, "011" },   { 2, 3, 11, 4, "0112233" },     { 8, 3, 11, 3, "333333" },
        { 9, 4, 11, 1, "333--" }, { 0, 4, 2, 2, "0000--" },       { 11, 0, 11, 3, "333" },
        { 13, 0, 11, 0, "" },     { 10, 1, 11, 9, "3333333333" }, { 4, 2, 6, 1, "122" },
        { 2, 1, 0, 2, "---" },
    };
    struct va_window_index *index;

    VA_CHECK_INT(write_features("v", ROWS, 0, false), 0);
    index = make(VA_MISSING_NEAREST, VA_LEADING_KEEP); /* 00011223333 */
    if (!index || va_window_index_open_features(index) < 0)
        return;
    for (size_t k = 0; k < VA_COUNT(cases); k++) {
        char found[15] = "";
        float x[14 * D];

        VA_CHECK_INT(va_window_gather_ahead(index, 0, cases[k].start, cases[k].count,
                                            cases[k].end, cases[k].ahead, x),
                     0);
        for (int64_t i = 0; i < cases[k].count + cases[k].ahead; i++) {
            found[i] = '-';
            for (int64_t r = 0; r < ROWS; r++)
                if (x[i * D + D - 1] == value(r, D - 1))
                    found[i] = (char)('0' + r);
        }
        if (strcmp(found, cases[k].expected)) {
            printf("# case %zu: %s, expected %s\n", k, found, cases[k].expected);
            va_test_bad = true;
        }
    }
    va_window_index_free(index);
}

static void time_stamps_fill_gaps_too(void)
{
    struct va_window_index *index;
    double pts[LABELS];

    VA_CHECK_INT(write_features("v", ROWS, 0, false), 0);
    index = make(VA_MISSING_NEAREST, VA_LEADING_KEEP);
    if (!index)
        return;
    VA_CHECK_INT(va_window_index_open_features(index), 0);
    VA_CHECK_INT(va_window_index_pts(index, 0, 0, index->videos[0].frames, pts), 1);
    for (int i = 0; i < LABELS; i++)
        VA_CHECK_NEAR(pts[i], 1 + .04 * i, 1e-12);
    va_window_index_free(index);
}

/* What `act` says, without the folder in front. */
static char said[512];
static int failing(struct va_window_index *index)
{
    float x[FRAMES * D];
    int status;

    va_error_catch_begin(said, sizeof(said));
    status = va_window_index_open_features(index);
    if (status == 0)
        status = va_window_gather(index, 0, 0, FRAMES, x, NULL, NULL);
    va_error_catch_end();
    return status;
}

/* Row 2, column 1 of the feature file, behind the back of its content id. */
static void poke(float x)
{
    float old = value(2, 1);
    FILE *f = fopen(features, "r+b");
    char *data = va_new(1 << 20, 1);
    size_t n = f && data ? fread(data, 1, 1 << 20, f) : 0;
    char *at = n ? memmem(data, n, &old, sizeof(old)) : NULL;

    VA_CHECK(at && fseek(f, at - data, SEEK_SET) == 0 && fwrite(&x, sizeof(x), 1, f) == 1);
    VA_CHECK_INT(f ? fclose(f) : -1, 0);
    va_free(data);
}

static const float spoiled[] = { NAN, INFINITY, -INFINITY };
static const char spoiled_text[] = "/f.h5: /features: frame 6 (row 2), column 1: found";

static void values_that_are_not_finite_are_refused_at_once(void)
{
    for (size_t i = 0; i < 2 * VA_COUNT(spoiled); i++) {
        struct va_window_index *index = va_window_index_new(
            4, 3, VA_TAIL_PAD, VA_MISSING_NEAREST, VA_LEADING_KEEP);

        VA_CHECK_INT(write_features("v", ROWS, spoiled[i / 2], i % 2), 0);
        va_error_catch_begin(said, sizeof(said));
        VA_CHECK_INT(va_window_index_add(index, features, NULL), -1);
        va_error_catch_end();
        VA_CHECK(strstr(said, spoiled_text) != NULL);
        va_window_index_free(index);
    }
}

static void values_that_are_not_finite_are_found_later(void)
{
    for (size_t i = 0; i < VA_COUNT(spoiled); i++) {
        struct va_window_index *index;

        VA_CHECK_INT(write_features("v", ROWS, 0, false), 0);
        index = make(VA_MISSING_NEAREST, VA_LEADING_KEEP);
        if (!index)
            return;
        poke(spoiled[i]);
        VA_CHECK_INT(failing(index), -1);
        VA_CHECK(strstr(said, spoiled_text) != NULL);
        va_window_index_free(index);
    }
}

/* One bad number at every place of rows of every length: the exponent decides. */
static void a_number_that_is_not_finite_is_seen_anywhere(void)
{
    static const float whole[] = { 0, -0.f, 3e38f, -3e38f, 1e-45f };
    float x[70] = { 0 };

    for (int64_t n = 0; n <= 70; n++) {
        for (int64_t i = 0; i < n; i++)
            x[i] = whole[i % (int64_t)VA_COUNT(whole)];
        VA_CHECK(va_all_finite(x, n));
        for (int64_t i = 0; i < n; i++) {
            float old = x[i];

            x[i] = spoiled[i % (int64_t)VA_COUNT(spoiled)];
            VA_CHECK(!va_all_finite(x, n));
            x[i] = old;
        }
    }
}

static void features_made_anew_are_noticed(void)
{
    struct va_window_index *index;

    VA_CHECK_INT(write_features("v", ROWS, 0, false), 0);
    index = make(VA_MISSING_NEAREST, VA_LEADING_KEEP);
    VA_CHECK_INT(write_features("v", ROWS, 7, false), 0);
    if (!index)
        return;
    VA_CHECK_INT(failing(index), -1);
    VA_CHECK(strstr(said, "has changed since va-window read it") != NULL);
    va_window_index_free(index);
}

static void a_video_without_a_face_is_zeros(void)
{
    struct va_window_index *index;
    float x[LABELS * D];

    VA_CHECK_INT(write_features("v", 0, 0, false), 0);
    index = make(VA_MISSING_NEAREST, VA_LEADING_KEEP);
    if (!index)
        return;
    VA_CHECK_INT(va_window_index_open_features(index), 0);
    memset(x, 1, sizeof(x));
    VA_CHECK_INT(va_window_gather(index, 0, 0, LABELS, x, NULL, NULL), 0);
    for (int i = 0; i < LABELS * D; i++)
        VA_CHECK(x[i] == 0);
    va_window_index_free(index);
}

static void set_up(void)
{
    if (!mkdtemp(folder))
        exit(1);
    snprintf(features, sizeof(features), "%s/f.h5", folder);
    snprintf(labels_path, sizeof(labels_path), "%s/v.txt", folder);
    snprintf(index_path, sizeof(index_path), "%s/w.h5", folder);
}

static void tear_down(void)
{
    remove(features);
    remove(labels_path);
    remove(index_path);
    VA_CHECK_INT(rmdir(folder), 0);
}

static int64_t plenty(struct va_backend *be)
{
    (void)be;
    return INT64_MAX;
}

static int64_t few(struct va_backend *be)
{
    (void)be;
    return 4 * ROWS * D - 1;
}

/* Some rows are mixed, some are zeros, some stand twice. */
static void windows_gathered_on_the_device_are_the_hosts(void)
{
    enum { WINDOW = 4, AHEAD = 2, NUMBERS = 3 * (WINDOW + AHEAD) * D };
    const int64_t windows[] = { 2, 0, 1 };
    int64_t (*const spare[])(struct va_backend * be) = { NULL, few, plenty };
    float x[3][NUMBERS] = { { 0 } };
    struct va_window_index *index;

    VA_CHECK_INT(write_features("v", ROWS, 0, false), 0);
    index = make(VA_MISSING_LINEAR, VA_LEADING_KEEP);
    VA_CHECK(index && va_window_index_open_features(index) == 0 && index->window_count >= 3);
    for (int i = 0; index && i < 3; i++) {
        struct va_backend *be = va_test_device();
        struct va_batch b;

        be->table.spare = spare[i];
        VA_CHECK_INT(va_batch_init(&b, be, index, 3, AHEAD), 0);
        VA_CHECK_INT(va_batch_reside(&b), 0);
        VA_CHECK((b.features != NULL) == (i == 2));
        VA_CHECK_INT(va_batch_load(&b, windows, 3, NULL), 0);
        be->ops->get_f32(be, x[i], b.x, NUMBERS);
        va_batch_release(&b);
        VA_CHECK_INT(be->held, 0);
        va_backend_free(be);
    }
    VA_CHECK(!memcmp(x[0], x[1], sizeof(x[0])) && !memcmp(x[0], x[2], sizeof(x[0])));
    va_window_index_free(index);
}

int main(void)
{
    set_up();
    VA_TEST(plans_of_the_reference);
    VA_TEST(a_refused_window_ends_the_plan);
    VA_TEST(gaps_are_filled_as_the_policy_says);
    VA_TEST(leading_frames_are_cut_from_windows_only);
    VA_TEST(rows_of_mapped_float32);
    VA_TEST(rows_of_float16);
    VA_TEST(rows_ahead);
    VA_TEST(windows_gathered_on_the_device_are_the_hosts);
    VA_TEST(time_stamps_fill_gaps_too);
    VA_TEST(values_that_are_not_finite_are_refused_at_once);
    VA_TEST(values_that_are_not_finite_are_found_later);
    VA_TEST(a_number_that_is_not_finite_is_seen_anywhere);
    VA_TEST(features_made_anew_are_noticed);
    VA_TEST(a_video_without_a_face_is_zeros);
    VA_TEST(tear_down);
    return va_test_finish();
}
