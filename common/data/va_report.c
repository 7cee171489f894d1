/*
 * The table is first laid out as strings, row by row, then dressed for text, TSV, Markdown or
 * HTML: all four say the same.
 */
#include "data/va_report.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const va_report_format_names[] = { "text", "tsv", "markdown", "html", NULL };

/* Table 1 of the paper, validation CCC of folds 0 to 5, and its baseline. */
enum { PAPER_FOLDS = 6 };
static const double paper[PAPER_FOLDS][VA_DIMENSIONS] = {
    { .5454, .3848, .4651 }, { .5423, .3612, .4517 }, { .5362, .4310, .4836 },
    { .5231, .3413, .4322 }, { .5216, .3540, .4378 }, { .5305, .4275, .4790 },
};
static const double paper_baseline[VA_DIMENSIONS] = { .24, .20, .22 };

/* ---- scores ---------------------------------------------------------------------------- */

/* The number at the end of [begin, end), or -1. */
static int64_t number_before(const char *begin, const char *end)
{
    const char *p = end;

    while (p > begin && p[-1] >= '0' && p[-1] <= '9')
        p--;
    return p == end || end - p > 6 ? -1 : strtoll(p, NULL, 10);
}

/* Fold that a path speaks of, or -1. */
static int64_t fold_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.'), *folder = slash;

    while (folder && folder > path && folder[-1] != '/')
        folder--;
    if (folder && folder < slash && strspn(folder, "0123456789") == (size_t)(slash - folder))
        return number_before(folder, slash);
    return number_before(name, dot ? dot : name + strlen(name));
}

static int by_fold(const void *a, const void *b)
{
    const struct va_fold_score *x = a, *y = b;

    return (x->fold > y->fold) - (x->fold < y->fold);
}

/* Number the folds by their paths if that works for all, else by order. */
static void number_folds(struct va_method *m, const char *const *paths)
{
    bool told = true;

    for (int64_t i = 0; i < m->count && told; i++) {
        m->folds[i].fold = fold_of(paths[i]);
        told = m->folds[i].fold >= 0;
        for (int64_t k = 0; k < i && told; k++)
            told = m->folds[k].fold != m->folds[i].fold;
    }
    for (int64_t i = 0; i < m->count && !told; i++)
        m->folds[i].fold = i;
}

static int take_scores(struct va_fold_score *score, const struct va_table *t)
{
    int64_t scope = va_table_column(t, "scope"), dimension = va_table_column(t, "dimension"),
            ccc = va_table_column(t, "ccc");
    bool found[VA_DIMENSIONS] = { false };

    if (scope < 0 || dimension < 0 || ccc < 0)
        return va_error("%s: line 1: expected the columns scope, dimension and ccc of va-score",
                        t->path);
    for (int64_t i = 0; i < t->rows; i++)
        for (int d = 0; d < VA_DIMENSIONS; d++) {
            if (strcmp(va_table_text(t, i, scope), "pooled") ||
                strcmp(va_table_text(t, i, dimension), va_dimension_names[d]))
                continue;
            if (found[d])
                return va_error("%s: line %lld: second row for pooled %s", t->path,
                                (long long)i + 2, va_dimension_names[d]);
            found[d] = true;
            if (va_table_number(t, i, ccc, &score->ccc[d]) < 0)
                return -1;
            if (fabs(score->ccc[d]) > 1)
                return va_error("%s: line %lld: found a CCC of %g, expected -1 to 1", t->path,
                                (long long)i + 2, score->ccc[d]);
        }
    for (int d = 0; d < VA_DIMENSIONS; d++)
        if (!found[d])
            return va_error("%s: found no row for pooled %s", t->path, va_dimension_names[d]);
    return 0;
}

static int read_scores(struct va_fold_score *score, const char *path)
{
    struct va_table table;
    int status;

    if (va_table_read(&table, path) < 0)
        return -1;
    status = take_scores(score, &table);
    va_table_release(&table);
    return status;
}

/* Whether method m has the folds of the first one. */
static int same_folds(const struct va_report *r, const struct va_method *m)
{
    const struct va_method *first = &r->methods[0];

    if (m->count != first->count)
        return va_error("%s: found scores of %lld folds, expected %lld", m->name,
                        (long long)m->count, (long long)first->count);
    for (int64_t i = 0; i < m->count; i++)
        if (m->folds[i].fold != first->folds[i].fold)
            return va_error("%s: found a score of fold %lld, expected fold %lld", m->name,
                            (long long)m->folds[i].fold, (long long)first->folds[i].fold);
    return 0;
}

int va_report_add(struct va_report *report, const char *name, const char *const *paths,
                  int64_t count)
{
    struct va_method m = { .count = count };

    m.name = va_strdup(name);
    m.folds = va_new(count, sizeof(*m.folds));
    if (!m.name || !m.folds)
        goto failed;
    for (int64_t i = 0; i < count; i++)
        if (read_scores(&m.folds[i], paths[i]) < 0)
            goto failed;
    number_folds(&m, paths);
    qsort(m.folds, (size_t)count, sizeof(*m.folds), by_fold);
    if ((report->count && same_folds(report, &m) < 0) ||
        va_grow(&report->methods, &report->room, report->count + 1, sizeof(m)) < 0)
        goto failed;
    report->methods[report->count++] = m;
    return 0;
failed:
    va_free(m.name);
    va_free(m.folds);
    return -1;
}

void va_report_release(struct va_report *report)
{
    for (int64_t i = 0; i < report->count; i++) {
        va_free(report->methods[i].name);
        va_free(report->methods[i].folds);
    }
    va_free(report->methods);
    *report = (struct va_report){ 0 };
}

/* ---- layout ---------------------------------------------------------------------------- */

/*
 * Columns: fold; valence, arousal, mean of each method; the same as published. Rows: folds,
 * their mean, and the published baseline. NaN as a cell means: nothing to say here.
 */
struct printer {
    enum va_report_format format;
    FILE *to;
    int width; /* of a column of numbers in text */
};

static void cell_text(char *text, size_t size, double x, enum va_report_format format)
{
    if (isnan(x))
        snprintf(text, size, "%s", format == VA_REPORT_TSV ? "nan" : "-");
    else
        snprintf(text, size, format == VA_REPORT_TSV ? "%.9g" : "%.4f", x);
}

/* A string of the user's as text of the format. */
static void put_escaped(const struct printer *p, const char *s)
{
    for (; *s; s++) {
        if (p->format == VA_REPORT_HTML && *s == '<')
            fputs("&lt;", p->to);
        else if (p->format == VA_REPORT_HTML && *s == '>')
            fputs("&gt;", p->to);
        else if (p->format == VA_REPORT_HTML && *s == '&')
            fputs("&amp;", p->to);
        else if (p->format == VA_REPORT_MARKDOWN && *s == '|')
            fputs("\\|", p->to);
        else
            fputc(*s, p->to);
    }
}

static void begin_row(const struct printer *p, const char *name)
{
    static const char *const begin[] = { "", "", "| ", "<tr><th>" };

    fputs(begin[p->format], p->to);
    if (p->format == VA_REPORT_TEXT)
        fprintf(p->to, "%-9s", name);
    else
        put_escaped(p, name);
    if (p->format == VA_REPORT_HTML)
        fputs("</th>", p->to);
}

static void put_cell(const struct printer *p, const char *text)
{
    switch (p->format) {
    case VA_REPORT_TEXT: fprintf(p->to, " %*s", p->width, text); break;
    case VA_REPORT_TSV: fprintf(p->to, "\t%s", text); break;
    case VA_REPORT_MARKDOWN: fprintf(p->to, " | %s", text); break;
    case VA_REPORT_HTML: fprintf(p->to, "<td>%s</td>", text); break;
    }
}

static void put_group(const struct printer *p, const double *ccc)
{
    char text[32];

    if (p->format == VA_REPORT_TEXT)
        fputs("  ", p->to);
    for (int d = 0; d < VA_DIMENSIONS; d++) {
        cell_text(text, sizeof(text), ccc ? ccc[d] : (double)NAN, p->format);
        put_cell(p, text);
    }
}

static void end_row(const struct printer *p)
{
    static const char *const end[] = { "\n", "\n", " |\n", "</tr>\n" };

    fputs(end[p->format], p->to);
}

/* Names of methods over their three columns, where the format has one name for three. */
static void put_titles(const struct printer *p, const struct va_report *r)
{
    if (p->format == VA_REPORT_TEXT) {
        fprintf(p->to, "%-9s", "");
        for (int64_t i = 0; i < r->count; i++)
            fprintf(p->to, "   %-*s", 3 * p->width + 2, r->methods[i].name);
        fputs("   published", p->to);
        fputc('\n', p->to);
    }
    if (p->format == VA_REPORT_HTML) {
        fputs("<tr><th></th>", p->to);
        for (int64_t i = 0; i <= r->count; i++) {
            fprintf(p->to, "<th colspan=\"%d\">", VA_DIMENSIONS);
            put_escaped(p, i < r->count ? r->methods[i].name : "published");
            fputs("</th>", p->to);
        }
        fputs("</tr>\n", p->to);
    }
}

static void put_header(const struct printer *p, const struct va_report *r)
{
    put_titles(p, r);
    begin_row(p, "fold");
    for (int64_t i = 0; i <= r->count; i++) {
        const char *name = i < r->count ? r->methods[i].name : "published";

        if (p->format == VA_REPORT_TEXT)
            fputs("  ", p->to);
        for (int d = 0; d < VA_DIMENSIONS; d++) {
            if (p->format == VA_REPORT_TSV) { /* ours keep their plain names */
                fputc('\t', p->to);
                if (i) {
                    put_escaped(p, name);
                    fputc('_', p->to);
                }
                fputs(va_dimension_names[d], p->to);
            } else if (p->format == VA_REPORT_MARKDOWN) {
                fputs(" | ", p->to);
                if (i) {
                    put_escaped(p, name);
                    fputc(' ', p->to);
                }
                fputs(va_dimension_names[d], p->to);
            } else {
                put_cell(p, va_dimension_names[d]);
            }
        }
    }
    end_row(p);
    if (p->format != VA_REPORT_MARKDOWN)
        return;
    fputs("| ---", p->to);
    for (int64_t i = 0; i < VA_DIMENSIONS * (r->count + 1); i++)
        fputs(" | ---:", p->to);
    fputs(" |\n", p->to);
}

static const double *published(int64_t fold)
{
    return fold < PAPER_FOLDS ? paper[fold] : NULL;
}

/* Means over the folds of the table, of each method and of what is published for them. */
static void put_means(const struct printer *p, const struct va_report *r)
{
    const struct va_method *first = &r->methods[0];

    begin_row(p, "mean");
    for (int64_t i = 0; i <= r->count; i++) {
        double mean[VA_DIMENSIONS] = { 0 };
        int64_t n = 0;

        for (int64_t k = 0; k < first->count; k++) {
            const double *ccc = i < r->count ? r->methods[i].folds[k].ccc
                                             : published(first->folds[k].fold);

            n += ccc != NULL;
            for (int d = 0; ccc && d < VA_DIMENSIONS; d++)
                mean[d] += ccc[d];
        }
        for (int d = 0; d < VA_DIMENSIONS; d++)
            mean[d] /= (double)n; /* NaN where no fold is published */
        put_group(p, mean);
    }
    end_row(p);
}

void va_report_print(const struct va_report *r, enum va_report_format format, FILE *to)
{
    const struct printer p = { .format = format, .to = to, .width = 7 };
    const struct va_method *first = &r->methods[0];

    if (format == VA_REPORT_HTML)
        fputs("<table>\n", to);
    put_header(&p, r);
    for (int64_t k = 0; k < first->count; k++) {
        char name[24];

        snprintf(name, sizeof(name), "%lld", (long long)first->folds[k].fold);
        begin_row(&p, name);
        for (int64_t i = 0; i < r->count; i++)
            put_group(&p, r->methods[i].folds[k].ccc);
        put_group(&p, published(first->folds[k].fold));
        end_row(&p);
    }
    put_means(&p, r);
    begin_row(&p, "baseline");
    for (int64_t i = 0; i < r->count; i++)
        put_group(&p, NULL);
    put_group(&p, paper_baseline);
    end_row(&p);
    if (format == VA_REPORT_HTML)
        fputs("</table>\n", to);
}
