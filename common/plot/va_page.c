#include "plot/va_page.h"

#include "base/va_output.h"
#include "plot/va_chart.h"
#include "plot/va_page_text.h"
#include "plot/va_xml.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

#define BEGINNING                                                                \
    "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\" " \
    "class=\"va-report\">\n"

static bool ours(const char *head, size_t size)
{
    return va_output_begins(head, size, BEGINNING);
}

int va_page_begin(struct va_page *p, const char *path, const char *title)
{
    *p = (struct va_page){ 0 };
    if (va_textfile_create(&p->file, path, ours) < 0)
        return -1;
    p->to = p->file.stream;
    fputs(BEGINNING
          "<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"generator\" content=\"mamba-va\"/>\n<title>",
          p->to);
    va_xml_put(p->to, title, VA_XML_NAME + 30);
    fputs("</title>\n<style>\n", p->to);
    va_ink_css(p->to);
    fputs(va_page_css, p->to);
    /* One hatch for all pictures of the page. */
    fputs(
        "</style>\n</head>\n<body>\n<svg class=\"va-defs\" xmlns=\"http://www.w3.org/2000/svg\" "
        "aria-hidden=\"true\" width=\"0\" height=\"0\">" VA_HATCH "</svg>\n<main>\n<h1>",
        p->to);
    va_xml_put(p->to, title, VA_XML_NAME + 30);
    fputs("</h1>\n", p->to);
    return 0;
}

int va_page_commit(struct va_page *p)
{
    fputs("</main>\n<script>//<![CDATA[\n", p->to);
    fputs(va_page_js, p->to);
    fputs("//]]></script>\n</body>\n</html>\n", p->to);
    return va_textfile_commit(&p->file);
}

void va_page_abort(struct va_page *p)
{
    if (p->file.stream)
        va_textfile_abort(&p->file);
}

void va_page_section(struct va_page *p, const char *id, const char *heading)
{
    fputs("<section", p->to);
    if (id)
        fprintf(p->to, " id=\"%s\"", id);
    fputs(">\n<h2>", p->to);
    va_xml_put(p->to, heading, VA_XML_NAME);
    fputs("</h2>\n", p->to);
}

void va_page_section_end(struct va_page *p)
{
    fputs("</section>\n", p->to);
}

void va_page_say(struct va_page *p, const char *format, ...)
{
    char text[VA_XML_ROOM];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fputs("<p>", p->to);
    va_xml_put(p->to, text, VA_XML_MOST);
    fputs("</p>\n", p->to);
}

void va_page_figure(struct va_page *p, struct va_canvas *c, double width, double height,
                    const char *title, const char *description, const char *attributes)
{
    fprintf(p->to, "<figure style=\"max-width:%gpx\">\n", 1.45 * width);
    va_canvas_svg(c, p->to, width, height, title, description, false, attributes);
}

void va_page_figure_end(struct va_page *p, struct va_canvas *c)
{
    va_canvas_svg_end(c);
    fputs("</figure>\n", p->to);
}

/* ---- tables ------------------------------------------------------------------------------ */

void va_page_table(struct va_page *p, const char *fold, const char *const *headings, int count)
{
    if (fold) {
        fputs("<details>\n<summary>", p->to);
        va_xml_put(p->to, fold, VA_XML_MOST);
        fputs("</summary>\n", p->to);
    }
    fputs("<div class=\"wide\" tabindex=\"0\">\n<table>\n<tr>", p->to);
    for (int i = 0; i < count; i++) {
        fputs("<th scope=\"col\">", p->to);
        va_xml_put(p->to, headings[i], VA_XML_MOST);
        fputs("</th>", p->to);
    }
}

void va_page_row(struct va_page *p)
{
    fputs("</tr>\n<tr>", p->to);
}

void va_page_cell(struct va_page *p, const char *text)
{
    fputs("<td>", p->to);
    va_xml_put(p->to, text, VA_XML_MOST);
    fputs("</td>", p->to);
}

void va_page_number(struct va_page *p, double x, bool sign)
{
    if (isnan(x))
        fputs("<td class=\"number\">-</td>", p->to);
    else
        fprintf(p->to,
                sign ? "<td class=\"number\">%+.3f</td>" : "<td class=\"number\">%.3f</td>", x);
}

void va_page_table_end(struct va_page *p, bool folded)
{
    fputs("</tr>\n</table>\n</div>\n", p->to);
    if (folded)
        fputs("</details>\n", p->to);
}

static void put_fact(struct va_page *p, const char *name, const char *value)
{
    va_page_row(p);
    va_page_cell(p, name);
    va_page_cell(p, value);
}

void va_page_made(struct va_page *p, const char *fold, const struct va_made *m)
{
    static const char *const headings[] = { "what", "value" };

    va_page_table(p, fold, headings, 2);
    put_fact(p, "content id", m->id);
    if (m->arch) {
        char ccc[24] = "not known";

        if (!isnan(m->ccc))
            snprintf(ccc, sizeof(ccc), "%.3f", m->ccc);
        put_fact(p, "architecture", m->arch);
        put_fact(p, "CCC on its own validation", ccc);
        if (*m->encoder || !strcmp(m->arch, "mamba-va"))
            put_fact(p, "encoder of its features", *m->encoder ? m->encoder : "not known");
    }
    for (int64_t i = 0; i < m->count; i++) {
        const char *equals = strchr(m->lines[i], '=');
        char name[40];

        snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - m->lines[i]) : 0,
                 m->lines[i]);
        put_fact(p, name, equals ? equals + 1 : m->lines[i]);
    }
    va_page_table_end(p, fold != NULL);
}

/* ---- curves ------------------------------------------------------------------------------ */

int va_page_curves(struct va_page *p, const struct va_curves *runs, int64_t count)
{
    static const char *const words[VA_CURVES] = { "loss of each step of training",
                                                  "CCC of each validation" };
    const struct va_box box = { 0, 0, VA_PAGE_WIDTH, VA_CURVES_HEIGHT };

    for (int k = 0; k < VA_CURVES; k++) {
        struct va_canvas c;

        if (!va_chart_has_curves((enum va_curves_chart)k, runs, count))
            continue;
        va_page_figure(p, &c, box.width, box.height, words[k],
                       "a line for each run, over its steps", NULL);
        if (va_chart_curves(&c, &box, (enum va_curves_chart)k, runs, count) < 0)
            return -1;
        va_page_figure_end(p, &c);
    }
    return 0;
}
