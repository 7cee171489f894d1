#include "plot/va_page.h"

#include "base/va_beside.h"
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "plot/va_chart.h"
#include "plot/va_xml.h"
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FRAMES_MOST = 200000, STRETCHES = 60 };

/* ---- the video beside them -------------------------------------------------------------------- */

/* `to` seen from `folder`, both absolute and without links. A new string, or NULL after reporting. */
static char *seen_from(const char *folder, const char *to)
{
    size_t same = 0;
    char *path = va_strdup("");

    for (size_t i = 0; folder[i] && folder[i] == to[i]; i++)
        if (to[i] == '/')
            same = i;
    if (!strncmp(folder, to, strlen(folder)) && to[strlen(folder)] == '/')
        same = strlen(folder);
    for (const char *p = folder + same; path && *p; p++)
        if (*p == '/' && p[1]) {
            char *longer = va_format("../%s", path);

            va_free(path);
            path = longer;
        }
    if (path) {
        char *whole = va_format("%s%s", path, to + same + (to[same] == '/'));

        va_free(path);
        path = whole;
    }
    return path;
}

/* The path of `video` from the folder of the page. A new string, or NULL after reporting. */
static char *beside_page(const char *output, const char *video)
{
    char folder[PATH_MAX], to[PATH_MAX], *dir = NULL, *beginning = NULL, *path = NULL;
    struct stat st;

    if (stat(video, &st) == 0 && !S_ISREG(st.st_mode))
        return va_error("%s: found no regular file, expected a video", video), NULL;
    if (!strcmp(output, "-"))
        dir = va_strdup(".");
    else if (va_beside_split(output, &dir, &beginning) < 0)
        return NULL;
    if (dir && !realpath(dir, folder))
        va_error_write(dir, "open");
    else if (dir && !realpath(video, to))
        va_error_read(video, "open");
    else if (dir)
        path = seen_from(folder, to);
    va_free(dir);
    va_free(beginning);
    return path;
}

static void put_video(struct va_page *p, const char *url)
{
    fputs("<div class=\"media\">\n<video controls=\"controls\" preload=\"metadata\" "
          "aria-label=\"the video\" src=\"",
          p->to);
    va_xml_put_url(p->to, url);
    fputs("\"><a href=\"", p->to);
    va_xml_put_url(p->to, url);
    fputs(
        "\">the video</a></video>\n<p class=\"trouble\" hidden=\"hidden\">This browser cannot "
        "show the video: ",
        p->to);
    va_xml_put(p->to, url, VA_XML_MOST);
    fputs("</p>\n</div>\n", p->to);
}

/* ---- numbers ---------------------------------------------------------------------------------- */

/* Numbers as differences of whole ones, which are short; thousandths. */
static void put_numbers(FILE *to, const char *name, const double *x, int64_t stride, int64_t n,
                        int64_t every)
{
    long long before = 0;

    fprintf(to, "\"%s\":[", name);
    for (int64_t i = 0; i < n; i += every) {
        long long value = llround(1000 * x[i * stride]);

        fprintf(to, i ? ",%lld" : "%lld", value - before);
        before = value;
    }
    putc(']', to);
}

/* What the script needs of each frame, or of every k-th frame of a long video. */
static void put_frames(struct va_page *p, const struct va_shown *s)
{
    int64_t every = s->T / FRAMES_MOST + 1;

    fprintf(p->to,
            "<script type=\"application/json\" class=\"frames\">{\"every\":%lld,\"timed\":%s,",
            (long long)every, s->timed ? "true" : "false");
    put_numbers(p->to, "time", s->time, 1, s->T, every);
    putc(',', p->to);
    put_numbers(p->to, "valence", s->va, 2, s->T, every);
    putc(',', p->to);
    put_numbers(p->to, "arousal", s->va + 1, 2, s->T, every);
    fputs(",\"face\":\"", p->to);
    for (int64_t t = 0; s->face && t < s->T; t += every)
        putc(s->face[t] ? '1' : '0', p->to);
    fputs("\"}</script>\n", p->to);
}

static double mean_of(const double *x, int64_t first, int64_t end)
{
    double sum = 0;
    int64_t n = 0;

    for (int64_t t = first; t < end; t++)
        if (!isnan(x[2 * t])) {
            sum += x[2 * t];
            n++;
        }
    return n ? sum / (double)n : (double)NAN;
}

/* Means over stretches of equal length, for those who read numbers. */
static void put_table(struct va_page *p, const struct va_shown *s)
{
    int64_t rows = s->T < STRETCHES ? s->T : STRETCHES;
    double hi = s->T ? s->time[s->T - 1] : 0,
           step = rows ? (hi - s->time[0]) / (double)rows : 0;
    const char *const headings[] = { s->timed ? va_tick_unit(hi, step) : "from", "frames",
                                     "valence", "arousal", "without a face" };

    va_page_table(p, "Numbers: means of valence and arousal over time", headings, 5);
    for (int64_t k = 0; k < rows; k++) {
        int64_t first = s->T * k / rows, end = s->T * (k + 1) / rows, missing = 0;
        char text[VA_TICK_TEXT];

        for (int64_t t = first; t < end; t++)
            missing += s->face && !s->face[t];
        va_page_row(p);
        if (s->timed)
            va_tick_time(text, s->time[first], step);
        else
            snprintf(text, sizeof(text), "frame %lld", (long long)first + 1);
        va_page_cell(p, text);
        snprintf(text, sizeof(text), "%lld", (long long)(end - first));
        va_page_cell(p, text);
        va_page_number(p, mean_of(s->seen, first, end), false);
        va_page_number(p, mean_of(s->seen + 1, first, end), false);
        snprintf(text, sizeof(text), "%lld", (long long)missing);
        va_page_cell(p, text);
    }
    va_page_table_end(p, true);
}

/* ---- a person ---------------------------------------------------------------------------------- */

static int put_traces(struct va_page *p, const struct va_shown *s)
{
    const struct va_box box = { 0, 0, VA_PAGE_WIDTH, VA_TRACES_HEIGHT };
    char attributes[160];
    struct va_canvas c;
    double left, right;

    va_traces_span(&box, &left, &right);
    snprintf(
        attributes, sizeof(attributes),
        "data-traces=\"1\" data-left=\"%g\" data-right=\"%g\" data-from=\"%.9g\" data-to=\"%.9g\"",
        left, right, s->T ? s->time[0] : 0, s->T ? s->time[s->T - 1] : 1);
    va_page_figure(p, &c, box.width, box.height, "valence and arousal over time",
                   "two curves from -1 to 1; hatched where there is no face", attributes);
    if (va_chart_traces(&c, &box, s) < 0)
        return -1;
    va_page_figure_end(p, &c);
    return 0;
}

static int put_plane(struct va_page *p, const struct va_shown *s)
{
    const struct va_box box = { 0, 0, VA_PLANE_SIZE, VA_PLANE_HEIGHT };
    char attributes[160];
    double left, low, right, high;
    struct va_canvas c;

    va_plane_at(&box, -1, -1, &left, &low);
    va_plane_at(&box, 1, 1, &right, &high);
    snprintf(
        attributes, sizeof(attributes),
        "data-plane=\"1\" data-left=\"%g\" data-right=\"%g\" data-low=\"%g\" data-high=\"%g\"",
        left, right, low, high);
    va_page_figure(
        p, &c, box.width, box.height, "circumplex of valence and arousal",
        "where the frames lie: darker where more of them do; a line is the way through",
        attributes);
    if (va_chart_circumplex(&c, &box, s) < 0)
        return -1;
    va_page_figure_end(p, &c);
    return 0;
}

static int put_person(struct va_page *p, const struct va_view *v, int64_t i)
{
    struct va_shown s;
    char line[VA_SHOWN_LINE], id[32];
    int status = -1;

    if (va_shown_read(&s, v->in, v->names[i], &v->labels, &v->rule) < 0)
        return -1;
    snprintf(id, sizeof(id), "person-%lld", (long long)i + 1);
    va_shown_line(&s, line);
    va_page_section(p, id, s.name);
    if (s.T > 0 && s.missing == s.T)
        va_page_say(p, "No face was found.");
    va_page_say(p, "%s", line);
    fputs("<div class=\"person\">\n", p->to);
    if (put_traces(p, &s) == 0 && put_plane(p, &s) == 0) {
        fputs("</div>\n<p class=\"readout\"></p>\n", p->to);
        put_frames(p, &s);
        put_table(p, &s);
        va_page_section_end(p);
        status = 0;
    }
    va_shown_release(&s);
    return status;
}

static void put_tabs(struct va_page *p, const struct va_view *v)
{
    if (v->count < 2)
        return;
    fputs("<nav class=\"tabs\" aria-label=\"persons and videos\">\n", p->to);
    for (int64_t i = 0; i < v->count; i++) {
        fprintf(p->to, "<a href=\"#person-%lld\">", (long long)i + 1);
        va_xml_put(p->to, v->names[i], VA_XML_NAME);
        fputs("</a>\n", p->to);
    }
    fputs("</nav>\n", p->to);
}

/* The note of the model as a sentence, and how the curves are read. */
static void put_reading(struct va_page *p, const struct va_view *v, bool seeks)
{
    const char *note = v->in->note, *tool = va_made_value(&v->made, "tool");
    char band[120] = "";

    if (note && *note) {
        fputs("<p class=\"warning\">", p->to);
        va_xml_print(p->to, "%c%s.", toupper((unsigned char)*note), note + 1);
        fputs("</p>\n", p->to);
    }
    if (v->in->level > 0)
        snprintf(band, sizeof(band),
                 " The band is the interval that is to contain annotations of %g %% of frames.",
                 v->in->level);
    va_page_say(
        p,
        "Valence runs from unpleasant (-1) to pleasant (+1), arousal from calm (-1) to "
        "excited (+1).%s%s%s In the circumplex, a square is darker where more frames lie, "
        "and the line is the way through them.",
        tool && !strncmp(tool, "va-smooth", 9) ? " The curves are smoothed." : "", band,
        seeks ? " A click on a curve moves the video." : "");
}

int va_page_of_video(const char *output, const char *input, const struct va_view *v,
                     const char *video)
{
    char *url = video ? beside_page(output, video) : NULL,
         *name = video ? va_video_name(video) : va_last_part(input),
         *title = name
                      ? va_format("Valence and arousal: %s", v->count == 1 ? v->names[0] : name)
                      : NULL,
         models[VA_SHOWN_LINE];
    struct va_page p = { 0 };
    int status = -1;

    if (!title || (video && !url) || va_page_begin(&p, output, title) < 0)
        goto done;
    put_reading(&p, v, url != NULL);
    if (url)
        put_video(&p, url);
    put_tabs(&p, v);
    status = 0;
    for (int64_t i = 0; i < v->count && status == 0; i++)
        status = put_person(&p, v, i);
    if (status == 0) {
        va_shown_models(models, v->in->models, v->in->model_count, v->ccc, NULL);
        va_page_section(&p, "made", "How it was made");
        va_page_say(&p, "%s", models);
        va_page_made(&p, NULL, &v->made);
        va_page_section_end(&p);
        status = va_page_commit(&p);
    }
done:
    va_page_abort(&p);
    va_free(url);
    va_free(name);
    va_free(title);
    return status;
}
