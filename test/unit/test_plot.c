/*
 * Pictures: scales and their marks, what a thinned line keeps, times without holes, text that stays text.
 */
#include "base/va_mem.h"
#include "plot/va_canvas.h"
#include "plot/va_made.h"
#include "plot/va_overlay.h"
#include "plot/va_scale.h"
#include "plot/va_xml.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <string.h>

static void a_scale(void)
{
    struct va_scale s = { 10, 20, 100, 0 }, flat = { 3, 3, 0, 8 };

    VA_CHECK(va_scale_at(&s, 10) == 100);
    VA_CHECK(va_scale_at(&s, 20) == 0);
    VA_CHECK(va_scale_at(&s, 12.5) == 75);
    VA_CHECK(va_scale_at(&flat, 3) == 4);
}

/* The marks of an axis as text, separated by blanks. */
static const char *marks(struct va_ticks t, bool time)
{
    static char line[VA_TICKS * VA_TICK_TEXT];
    char text[VA_TICK_TEXT];

    line[0] = 0;
    for (int i = 0; i < t.count; i++) {
        if (time)
            va_tick_time(text, t.at[i], t.step);
        else
            va_tick_text(text, t.at[i], t.step);
        strcat(strcat(line, i ? " " : ""), text);
    }
    return line;
}

#define CHECK_TEXT(found, expected)                                                     \
    do {                                                                                \
        const char *f_ = (found);                                                       \
        if (strcmp(f_, (expected))) {                                                   \
            printf("# line %d: found '%s', expected '%s'\n", __LINE__, f_, (expected)); \
            va_test_bad = true;                                                         \
        }                                                                               \
    } while (0)

static void marks_of_values(void)
{
    CHECK_TEXT(marks(va_ticks_linear(-1, 1, 5), false), "-1.0 -0.5 0.0 0.5 1.0");
    CHECK_TEXT(marks(va_ticks_linear(0, 240, 6), false), "0 50 100 150 200");
    CHECK_TEXT(marks(va_ticks_linear(.03, .07, 4), false), "0.04 0.06");
    CHECK_TEXT(marks(va_ticks_linear(0, .3, 4), false), "0.0 0.1 0.2 0.3");
    CHECK_TEXT(marks(va_ticks_linear(5, 5, 4), false), "5");
    CHECK_TEXT(marks(va_ticks_linear(0, 3e9, 4), false), "0 1e+09 2e+09 3e+09");
    VA_CHECK_INT(va_ticks_linear(0, 1, 1000).count <= VA_TICKS, 1);
    VA_CHECK_INT(va_ticks_linear((double)NAN, 1, 5).count, 0);
    VA_CHECK_INT(va_ticks_linear(0, (double)INFINITY, 5).count, 1);
    for (int k = -9; k <= 9; k++) /* never more than asked for, never one */
        for (int most = 2; most <= VA_TICKS; most++) {
            int n = va_ticks_linear(-.37 * pow(10, k), 1.91 * pow(10, k), most).count;

            VA_CHECK(n >= 1 && n <= most);
        }
}

static void marks_of_clocks(void)
{
    CHECK_TEXT(marks(va_ticks_time(0, 13.4, 9), true), "0:00 0:02 0:04 0:06 0:08 0:10 0:12");
    CHECK_TEXT(marks(va_ticks_time(0, 3600, 9), true),
               "0:00 10:00 20:00 30:00 40:00 50:00 1:00:00");
    CHECK_TEXT(marks(va_ticks_time(58, 65, 9), true),
               "0:58 0:59 1:00 1:01 1:02 1:03 1:04 1:05");
    CHECK_TEXT(marks(va_ticks_time(0, 1, 6), true), "0.0 0.2 0.4 0.6 0.8 1.0");
    CHECK_TEXT(marks(va_ticks_time(0, 400000, 4), true), "0:00 48:00:00 96:00:00");
    CHECK_TEXT(va_tick_unit(2.4, .5), "seconds");
    CHECK_TEXT(va_tick_unit(13.4, 2), "minutes:seconds");
    CHECK_TEXT(va_tick_unit(3600, 600), "hours:minutes:seconds");
}

static void thinning_keeps_extremes(void)
{
    enum { N = 1000, COLUMNS = 10 };
    double y[N];
    int64_t kept[2 * COLUMNS], n;

    for (int i = 0; i < N; i++)
        y[i] = sin(i / 50.0);
    y[137] = 9, y[731] = -9;
    n = va_thin(y, 1, N, COLUMNS, kept);
    VA_CHECK(n > COLUMNS && n <= 2 * COLUMNS);
    for (int64_t k = 1; k < n; k++)
        VA_CHECK(kept[k] > kept[k - 1]);
    VA_CHECK(kept[2] == 137 || kept[3] == 137);
    VA_CHECK(kept[14] == 731 || kept[15] == 731);
    for (int i = 300; i < 400; i++) /* a column without values is a break */
        y[i] = (double)NAN;
    y[250] = (double)NAN; /* beside others it is none */
    n = va_thin(y, 1, N, COLUMNS, kept);
    VA_CHECK_INT(n, 2 * COLUMNS - 1);
    for (int64_t k = 0; k < n; k++)
        VA_CHECK_INT(isnan(y[kept[k]]), kept[k] >= 300 && kept[k] < 400);
}

static void few_values_all_stay(void)
{
    double y[] = { 1, (double)NAN, 2, 5, 3, 4 };
    int64_t kept[6];

    VA_CHECK_INT(va_thin(y, 2, 3, 2, kept), 3);
    VA_CHECK(kept[0] == 0 && kept[1] == 1 && kept[2] == 2);
    VA_CHECK_INT(va_thin(y, 1, 0, 2, kept), 0);
    VA_CHECK_INT(va_thin(y, 1, 6, 1, kept), 2); /* least before greatest */
    VA_CHECK(kept[0] == 0 && kept[1] == 3);
}

static void gaps(void)
{
    const uint8_t face[] = { 0, 1, 0, 0, 1, 0 };
    struct va_stretch gap = { 0, 0 };
    int64_t found[6], n = 0;

    while (va_next_gap(face, 6, gap.end, &gap)) {
        found[n++] = gap.first;
        found[n++] = gap.end;
    }
    VA_CHECK_INT(n, 6);
    VA_CHECK(found[0] == 0 && found[1] == 1 && found[2] == 2 && found[3] == 4 &&
             found[4] == 5 && found[5] == 6);
    VA_CHECK(!va_next_gap(NULL, 6, 0, &gap));
}

static void times_without_holes(void)
{
    const double nan = (double)NAN, pts[] = { nan, 2, nan, nan, 5, nan }, back[] = { 1, 3, 2 },
                 one[] = { nan, 4, nan };
    double time[6];

    VA_CHECK(va_times(pts, 6, time));
    for (int i = 0; i < 6; i++)
        VA_CHECK(time[i] == i + 1);
    VA_CHECK(!va_times(NULL, 3, time) && time[0] == 1 && time[2] == 3);
    VA_CHECK(!va_times(back, 3, time) && time[1] == 2);
    VA_CHECK(!va_times(one, 3, time) && time[2] == 3);
    VA_CHECK(!va_times(NULL, 0, time));
}

/* What `text` becomes, at most `most` characters of it. */
static const char *escaped(const char *text, int most)
{
    static char line[4096];
    char *bytes = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&bytes, &size);

    va_xml_put(f, text, most);
    fclose(f);
    snprintf(line, sizeof(line), "%s", bytes);
    free(bytes);
    return line;
}

static void hostile_text(void)
{
    char *much = va_new(30001, 1);

    CHECK_TEXT(escaped("<script>alert(\"'&\")</script>", 300),
               "&lt;script&gt;alert(&quot;&#39;&amp;&quot;)&lt;/script&gt;");
    CHECK_TEXT(escaped("a\x01\xff\xe2\x80\xae z", 300), "a??? z");
    CHECK_TEXT(escaped("größe", 3), "grö…");
    CHECK_TEXT(escaped("größe", 5), "größe");
    for (int i = 0; i < 10000; i++)
        memcpy(much + 3 * i, "€", 3);
    VA_CHECK_INT(strlen(escaped(much, 99999)), 3 * VA_XML_MOST + 3);
    VA_CHECK_INT(strlen(escaped(much, 7)), 3 * 7 + 3);
    va_free(much);
}

static void options_of_a_command(void)
{
    const char *rest = "--lr 0.1 --preset paper a.h5 --resume b c";
    const char *const expected[] = { "--lr 0.1", "--preset paper a.h5", "--resume b c" };
    char option[64];
    size_t n = 0;

    while (va_made_option(&rest, option, sizeof(option)))
        if (n < 3)
            CHECK_TEXT(option, expected[n++]);
    VA_CHECK_INT(n, 3);
    rest = "x --a";
    VA_CHECK(va_made_option(&rest, option, 2) && !strcmp(option, "x"));
    VA_CHECK(va_made_option(&rest, option, 2) && !strcmp(option, "-"));
}

static void numbers_of_svg(void)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&bytes, &size);
    struct va_canvas c;

    va_canvas_svg(&c, f, 10, 20, "a & b", "", false, "data-x=\"1\"");
    va_canvas_line(&c, VA_INK_VALENCE, 0, -.01, 1.04, 99.96);
    va_canvas_text(&c, VA_INK_TEXT, VA_END, 1, 2, 20, "abcdef");
    va_canvas_path(&c, VA_INK_MEAN); /* of no points: nothing */
    va_canvas_path_end(&c);
    va_canvas_svg_end(&c);
    fclose(f);
    CHECK_TEXT(
        bytes,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"va-plot\" viewBox=\"0 0 10 20\" "
        "role=\"img\" data-x=\"1\">\n<title>a &amp; b</title>\n<desc></desc>\n"
        "<path class=\"va-valence-line\" d=\"M0 0L1 100\"/>\n"
        "<text class=\"va-text\" x=\"1\" y=\"2\" text-anchor=\"end\">ab…</text>\n</svg>\n");
    VA_CHECK(va_canvas_ours_svg(bytes, size));
    free(bytes);
}

/* What a drawer leaves on black [20, 40] with 2 pixels a unit. */
static void shapes(const struct va_drawer *d)
{
    uint32_t pixels[20 * 40] = { 0 }, ink = va_ink_looks[VA_INK_SERIES].dark, *row;
    void *p = d->over(pixels, 40, 20, 2);

    VA_CHECK(p);
    d->rect(p, VA_INK_SERIES, 1, 1, 3, 2);
    d->circle(p, VA_INK_SERIES, true, 8, 5, 2);
    d->circle(p, VA_INK_SERIES, false, 14, 5, 3);
    d->point(p, false, -100, 9); /* may leave the picture */
    d->point(p, true, 100, 9);
    d->stroke(p, VA_INK_SERIES);
    d->stroke(p, VA_INK_VALENCE); /* of nothing */
    d->end(p);
    row = pixels + 2 * 40;
    VA_CHECK_INT(row[1] & 0xffffff, 0);
    VA_CHECK_INT(row[2] & 0xffffff, ink);
    VA_CHECK_INT(row[7] & 0xffffff, ink);
    VA_CHECK_INT(row[8] & 0xffffff, 0);
    row = pixels + 9 * 40;
    VA_CHECK_INT(row[13] & 0xffffff, ink); /* 8 - 2 at 12 */
    VA_CHECK_INT(row[10] & 0xffffff, 0);
    VA_CHECK_INT(row[22] & 0xffffff, ink); /* the ring, 14 - 3 at 22, 3 pixels wide */
    VA_CHECK_INT(row[28] & 0xffffff, 0);
    row = pixels + 17 * 40;
    VA_CHECK_INT(row[0] & 0xffffff, ink);
    VA_CHECK_INT(row[39] & 0xffffff, ink);
}

static void drawers_draw_alike(void)
{
    shapes(va_plain);
    if (va_cairo)
        shapes(va_cairo);
}

/* What stands above the curves of an overlay so wide: whole parts, as many as fit. */
static void check_caption(int64_t width, const char *expected)
{
    struct va_overlay o = { 0 };

    VA_CHECK(va_overlay_init(&o, width, 360,
                             "rough values of the model: not for research; CCC: "
                             "0.5; model 01234567") == 0);
    VA_CHECK(o.curves && !strcmp(o.caption, expected));
    va_overlay_release(&o);
}

static void captions_that_fit(void)
{
    check_caption(700, "rough values of the model: not for research; CCC: 0.5; model 01234567");
    check_caption(480, "rough values of the model: not for research; CCC: 0.5");
    check_caption(190, "rough values of the model: not for research");
    check_caption(150, "rough values of the model");
}

int main(void)
{
    VA_TEST(a_scale);
    VA_TEST(marks_of_values);
    VA_TEST(marks_of_clocks);
    VA_TEST(thinning_keeps_extremes);
    VA_TEST(few_values_all_stay);
    VA_TEST(gaps);
    VA_TEST(times_without_holes);
    VA_TEST(hostile_text);
    VA_TEST(options_of_a_command);
    VA_TEST(numbers_of_svg);
    VA_TEST(drawers_draw_alike);
    VA_TEST(captions_that_fit);
    return va_test_finish();
}
