#include "data/va_blend_table.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "data/va_metrics.h"
#include "data/va_table.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 256 }; /* bytes of a name or an id in the table */

/* A text that can stand in a cell: no tab, no line end, no blank at its ends. Takes it. */
static char *cell(char *text)
{
    size_t n = text ? strlen(text) : 0;

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 127 ||
            (text[i] == ' ' && (i == 0 || i == n - 1)))
            text[i] = '?';
    return text;
}

/* What stands for the models of a file. */
static char *id_of(const struct va_predictions_in *file)
{
    char digest[VA_HASH_TEXT];
    struct va_hash hash;

    if (file->model_count == 1 && *file->models[0] && strlen(file->models[0]) <= WORD_MAX)
        return cell(va_strdup(file->models[0]));
    va_hash_init(&hash);
    for (int64_t i = 0; i < file->model_count;
         i++) /* with their ends, so that they do not run together */
        va_hash_add(&hash, file->models[i], strlen(file->models[i]) + 1);
    va_hash_finish(&hash, digest);
    return va_format("%lld models %s", (long long)file->model_count, digest);
}

int va_blend_table_init(struct va_blend_table *t, const struct va_ensemble *e)
{
    *t = (struct va_blend_table){ .count = e->count };
    for (int64_t k = 0; k < e->count; k++) {
        const char *path = va_h5_path(e->files[k]->in), *slash = strrchr(path, '/');

        t->name[k] = cell(va_format("%.*s", WORD_MAX, slash ? slash + 1 : path));
        t->id[k] = id_of(e->files[k]);
        if (!t->name[k] || !t->id[k])
            return -1;
    }
    return 0;
}

void va_blend_table_release(struct va_blend_table *t)
{
    for (int64_t k = 0; k < t->count; k++) {
        va_free(t->name[k]);
        va_free(t->id[k]);
    }
    va_free(t->path);
    *t = (struct va_blend_table){ 0 };
}

/* ---- writing --------------------------------------------------------------------------- */

static void print_row(FILE *f, const char *what, const char *name, const char *id,
                      const double value[2])
{
    fprintf(f, "%s\t%s\t%s", what, name, id);
    for (int d = 0; d < 2; d++)
        if (isnan(value[d]))
            fprintf(f, "\tnan"); /* printf alone might say -nan */
        else
            fprintf(f, "\t%.17g", value[d]);
    fputc('\n', f);
}

static bool ours(const char *head, size_t size)
{
    return va_output_begins(head, size, "what\tname\tid\t");
}

int va_blend_table_write(const struct va_blend_table *t, const char *path)
{
    const double frames[2] = { (double)t->frames, (double)t->frames };
    struct va_textfile f;

    if (va_textfile_create(&f, path, ours) < 0)
        return -1;
    fprintf(f.stream, "what\tname\tid\t%s\t%s\n", va_dimension_names[0], va_dimension_names[1]);
    print_row(f.stream, "frames", "-", "-", frames);
    for (int64_t k = 0; k < t->count; k++)
        print_row(f.stream, "ccc", t->name[k], t->id[k], t->single[k]);
    print_row(f.stream, "ccc", "equal", "-", t->equal);
    print_row(f.stream, "ccc", "combined", "-", t->combined);
    print_row(f.stream, "scale", "-", "-", t->scale);
    print_row(f.stream, "shift", "-", "-", t->shift);
    for (int64_t k = 0; k < t->count; k++)
        print_row(f.stream, "weight", t->name[k], t->id[k], t->weight[k]);
    return va_textfile_commit(&f);
}

/* ---- reading --------------------------------------------------------------------------- */

/* A row: weights, scale and shift are taken, others passed over. */
static int take_row(struct va_blend_table *t, const struct va_table *text, int64_t row,
                    const int64_t column[5], int seen[2])
{
    const char *what = va_table_text(text, row, column[0]);
    const bool weight = !strcmp(what, "weight"), scale = !strcmp(what, "scale"),
               shift = !strcmp(what, "shift");
    double *to = scale ? t->scale : t->shift;

    if (!weight && !scale && !shift)
        return 0;
    if (weight) {
        if (t->count == VA_ENSEMBLE_MAX)
            return va_error("%s: line %lld: more than %d weights", t->path, (long long)row + 2,
                            VA_ENSEMBLE_MAX);
        to = t->weight[t->count];
        t->name[t->count] = va_strdup(va_table_text(text, row, column[1]));
        t->id[t->count] = va_strdup(va_table_text(text, row, column[2]));
        t->count++;
        if (!t->name[t->count - 1] || !t->id[t->count - 1])
            return -1;
    } else if (seen[shift]++) {
        return va_error("%s: line %lld: found a second row %s", t->path, (long long)row + 2,
                        what);
    }
    for (int d = 0; d < 2; d++) {
        if (va_table_number(text, row, column[3 + d], &to[d]) < 0)
            return -1;
        if (isnan(to[d]) || (weight && !(to[d] >= 0 && to[d] <= 1)))
            return va_error("%s: line %lld: %s: found %s, expected %s", t->path,
                            (long long)row + 2, what, va_table_text(text, row, column[3 + d]),
                            weight ? "a number from 0 to 1" : "a number");
    }
    return 0;
}

static void digest(struct va_blend_table *t)
{
    struct va_hash hash;

    va_hash_init(&hash);
    for (int64_t k = 0; k < t->count; k++)
        va_hash_add(&hash, t->id[k], strlen(t->id[k]) + 1);
    va_hash_add(&hash, t->weight, (size_t)t->count * sizeof(t->weight[0]));
    va_hash_add(&hash, t->scale, sizeof(t->scale));
    va_hash_add(&hash, t->shift, sizeof(t->shift));
    va_hash_finish(&hash, t->digest);
}

static int check_sums(const struct va_blend_table *t)
{
    for (int d = 0; d < 2; d++) {
        double sum = 0;

        for (int64_t k = 0; k < t->count; k++)
            sum += t->weight[k][d];
        if (!(fabs(sum - 1) <= 1e-6))
            return va_error("%s: the weights of %s have the sum %g, expected 1", t->path,
                            va_dimension_names[d], sum);
    }
    return 0;
}

int va_blend_table_read(struct va_blend_table *t, const char *path)
{
    static const char *const columns[] = { "what", "name", "id", "valence", "arousal" };
    int64_t column[VA_COUNT(columns)];
    int seen[2] = { 0 }, status = -1;
    struct va_table text;

    *t = (struct va_blend_table){ .path = va_strdup(path), .scale = { 1, 1 } };
    if (!t->path)
        return -1;
    if (va_table_read(&text, path) < 0)
        goto failed;
    for (size_t i = 0; i < VA_COUNT(columns); i++) {
        column[i] = va_table_column(&text, columns[i]);
        if (column[i] < 0) {
            va_error("%s: line 1: expected the columns what, name, id, valence and arousal of "
                     "va-ensemble fit",
                     path);
            goto done;
        }
    }
    for (int64_t row = 0; row < text.rows; row++)
        if (take_row(t, &text, row, column, seen) < 0)
            goto done;
    digest(t);
    status = check_sums(t);
done:
    va_table_release(&text);
failed:
    if (status < 0)
        va_blend_table_release(t);
    return status;
}

int va_blend_table_check(const struct va_blend_table *t, const struct va_ensemble *e)
{
    if (t->count != e->count)
        return va_error("%s: found weights for %lld files, expected weights for the %lld given "
                        "files",
                        t->path, (long long)t->count, (long long)e->count);
    for (int64_t k = 0; k < e->count; k++) {
        const char *path = va_h5_path(e->files[k]->in), *slash = strrchr(path, '/');
        char *id = id_of(e->files[k]);
        int64_t other = 0;
        int status = 0;

        if (!id)
            return -1;
        while (other < t->count && strcmp(t->id[other], id))
            other++;
        if (!strcmp(t->id[k], id))
            ; /* as it should be */
        else if (other < t->count)
            status = va_error(
                "%s: found the models of %s at position %lld, expected them at position "
                "%lld as in %s",
                path, t->name[other], (long long)k + 1, (long long)other + 1, t->path);
        else if (strcmp(t->name[k], slash ? slash + 1 : path) != 0)
            va_warn("%s: its models are not those of %s, for which %s has weights", path,
                    t->name[k], t->path);
        va_free(id);
        if (status < 0)
            return -1;
    }
    return 0;
}
