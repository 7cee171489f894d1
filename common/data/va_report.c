#include "data/va_report.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
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
    va_text_clean(m.name); /* people read it in the table */
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

/* ---- the numbers of the table ---------------------------------------------------------- */

enum { PUBLISHED = -1 }; /* as a method */

struct column {
    int64_t method;
    int dimension;
};

/*
 * TSV has all dimensions of all methods, then what is published. For people each baseline has
 * one column, the mean of both dimensions, and a row with its average over the folds.
 */
struct layout {
    const struct va_report *report;
    enum va_report_format format;
    FILE *to;
    struct column *columns; /* [count] */
    int64_t count;
    int first; /* characters of the first column in text */
};

enum { NUMBER_WIDTH = 7, FIRST_WIDTH = 9 };

/* Characters that the name of a method needs. */
static int name_width(const struct va_report *r, int64_t m, int least)
{
    int width = (int)strlen(r->methods[m].name);

    return width > least ? width : least;
}

static int lay_out(struct layout *l)
{
    const struct va_report *r = l->report;

    l->first = FIRST_WIDTH;
    for (int64_t m = 1; m < r->count; m++)
        l->first = name_width(r, m, l->first);
    l->columns = va_new(VA_DIMENSIONS * (r->count + 1), sizeof(*l->columns));
    if (!l->columns)
        return -1;
    for (int64_t m = 0; m < r->count + !r->unpublished; m++)
        for (int d = 0; d < VA_DIMENSIONS; d++)
            if (m == 0 || m == r->count || l->format == VA_REPORT_TSV || d == VA_MEAN)
                l->columns[l->count++] =
                    (struct column){ .method = m < r->count ? m : PUBLISHED, .dimension = d };
    return 0;
}

/* Cell of fold number k of the table; NaN where there is nothing to say. */
static double fold_cell(const struct layout *l, const struct column *c, int64_t k)
{
    const struct va_method *methods = l->report->methods;
    int64_t fold = methods[0].folds[k].fold;

    if (c->method != PUBLISHED)
        return methods[c->method].folds[k].ccc[c->dimension];
    return fold < PAPER_FOLDS ? paper[fold][c->dimension] : (double)NAN;
}

/* Average over the folds of the table, for what is published over those of them that are. */
static double average_cell(const struct layout *l, const struct column *c)
{
    const struct va_method *first = &l->report->methods[0];
    double sum = 0;
    int64_t n = 0;

    for (int64_t k = 0; k < first->count; k++) {
        if (c->method == PUBLISHED && first->folds[k].fold >= PAPER_FOLDS)
            continue;
        sum += fold_cell(l, c, k);
        n++;
    }
    return sum / (double)n;
}

/* ---- its dress ------------------------------------------------------------------------- */

/* A string of the user's as text of the format. */
static void put_escaped(const struct layout *l, const char *s)
{
    for (; *s; s++) {
        if (l->format == VA_REPORT_HTML && *s == '<')
            fputs("&lt;", l->to);
        else if (l->format == VA_REPORT_HTML && *s == '>')
            fputs("&gt;", l->to);
        else if (l->format == VA_REPORT_HTML && *s == '&')
            fputs("&amp;", l->to);
        else if (l->format == VA_REPORT_MARKDOWN && *s == '|')
            fputs("\\|", l->to);
        else
            fputc(*s, l->to);
    }
}

static void begin_row(const struct layout *l, const char *name)
{
    static const char *const begin[] = { "", "", "| ", "<tr><th>" };

    fputs(begin[l->format], l->to);
    if (l->format == VA_REPORT_TEXT)
        fprintf(l->to, "%-*s", l->first, name);
    else
        put_escaped(l, name);
    if (l->format == VA_REPORT_HTML)
        fputs("</th>", l->to);
}

/* Column i; in text a wider gap sets our columns, the baselines and the published ones apart. */
static void put_cell(const struct layout *l, int64_t i, const char *text)
{
    const struct column *c = &l->columns[i];
    bool apart = i == 0 || c->method == PUBLISHED ? c->dimension == 0 : i == VA_DIMENSIONS;
    int width = c->method > 0 ? name_width(l->report, c->method, NUMBER_WIDTH) : NUMBER_WIDTH;

    switch (l->format) {
    case VA_REPORT_TEXT: fprintf(l->to, "%s %*s", apart ? "  " : "", width, text); break;
    case VA_REPORT_TSV: fprintf(l->to, "\t%s", text); break;
    case VA_REPORT_MARKDOWN:
        fputs(" | ", l->to);
        put_escaped(l, text);
        break;
    case VA_REPORT_HTML:
        fputs("<td>", l->to);
        put_escaped(l, text);
        fputs("</td>", l->to);
        break;
    }
}

static void put_number(const struct layout *l, int64_t i, double x)
{
    bool exact = l->format == VA_REPORT_TSV;
    char text[32];

    if (isnan(x))
        snprintf(text, sizeof(text), "%s", exact ? "nan" : "-");
    else
        snprintf(text, sizeof(text), exact ? "%.9g" : "%.4f", x);
    put_cell(l, i, text);
}

static void end_row(const struct layout *l)
{
    static const char *const end[] = { "\n", "\n", " |\n", "</tr>\n" };

    fputs(end[l->format], l->to);
}

/* Words over a column: which method, if not ours, and which dimension. */
static void put_title(const struct layout *l, int64_t i)
{
    const struct column *c = &l->columns[i];
    const char *dimension = va_dimension_names[c->dimension],
               *method = c->method == PUBLISHED ? "published"
                                                : l->report->methods[c->method].name;
    char text[200];

    if (l->format == VA_REPORT_TEXT) /* the line above says published */
        snprintf(text, sizeof(text), "%s", c->method > 0 ? method : dimension);
    else if (c->method == 0)
        snprintf(text, sizeof(text), "%s", dimension);
    else
        snprintf(text, sizeof(text), "%s%s%s", method, l->format == VA_REPORT_TSV ? "_" : " ",
                 dimension);
    put_cell(l, i, text);
}

static void put_header(const struct layout *l)
{
    bool last = l->report->unpublished; /* nothing follows: no blanks either */
    int width = 0, ours;                /* of the baselines, and of our columns */

    for (int64_t m = 1; m < l->report->count; m++)
        width += 1 + name_width(l->report, m, NUMBER_WIDTH);
    ours = last && !width ? 0 : VA_DIMENSIONS * (1 + NUMBER_WIDTH);
    if (l->format == VA_REPORT_TEXT) {
        fprintf(l->to, "%-*s   %-*s", l->first, "", ours, l->report->methods[0].name);
        if (width)
            fprintf(l->to, "  %-*s", last ? 0 : width, "mean of");
        fputs(last ? "\n" : "  published\n", l->to);
    }
    begin_row(l, "fold");
    for (int64_t i = 0; i < l->count; i++)
        put_title(l, i);
    end_row(l);
    if (l->format != VA_REPORT_MARKDOWN)
        return;
    fputs("| ---", l->to);
    for (int64_t i = 0; i < l->count; i++)
        fputs(" | ---:", l->to);
    fputs(" |\n", l->to);
}

static void put_folds(const struct layout *l)
{
    const struct va_method *first = &l->report->methods[0];

    for (int64_t k = 0; k < first->count; k++) {
        char name[24];

        snprintf(name, sizeof(name), "%lld", (long long)first->folds[k].fold);
        begin_row(l, name);
        for (int64_t i = 0; i < l->count; i++)
            put_number(l, i, fold_cell(l, &l->columns[i], k));
        end_row(l);
    }
    begin_row(l, "average");
    for (int64_t i = 0; i < l->count; i++)
        put_number(l, i, average_cell(l, &l->columns[i]));
    end_row(l);
}

/* A baseline of ours below our columns, the published one below its own. */
static void put_baselines(const struct layout *l)
{
    for (int64_t m = 1; m < l->report->count && l->format != VA_REPORT_TSV; m++) {
        begin_row(l, l->report->methods[m].name);
        for (int64_t i = 0; i < l->count; i++) {
            const struct column c = { .method = m, .dimension = l->columns[i].dimension };

            put_number(l, i, l->columns[i].method == 0 ? average_cell(l, &c) : (double)NAN);
        }
        end_row(l);
    }
    if (l->report->unpublished)
        return;
    begin_row(l, "baseline");
    for (int64_t i = 0; i < l->count; i++)
        put_number(l, i,
                   l->columns[i].method == PUBLISHED ? paper_baseline[l->columns[i].dimension]
                                                     : (double)NAN);
    end_row(l);
}

int va_report_print(const struct va_report *r, enum va_report_format format, FILE *to)
{
    struct layout l = { .report = r, .format = format, .to = to };

    if (lay_out(&l) < 0)
        return -1;
    if (format == VA_REPORT_HTML)
        fputs("<table>\n", to);
    put_header(&l);
    put_folds(&l);
    put_baselines(&l);
    if (format == VA_REPORT_HTML)
        fputs("</table>\n", to);
    va_free(l.columns);
    return 0;
}
