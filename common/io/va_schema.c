/*
 * The generated table (build/va_schema_tables.c) is parsed once, at the first question. It is
 * made from pages of this repository, so a mistake in it is ours: va_schema_find then finds
 * nothing and says which row is wrong.
 */
#include "io/va_schema.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char *const va_schema_tables[];

static struct va_schema *schemas;
static int64_t schema_count, schema_room;

static const struct {
    const char *name;
    unsigned mask;
} type_names[] = {
    { "float32", 1u << VA_F32 }, { "float64", 1u << VA_F64 | VA_SCHEMA_REAL },
    { "float16", 1u << VA_F16 }, { "uint16", 1u << VA_BF16 },
    { "uint8", 1u << VA_U8 },    { "int32", 1u << VA_I32 },
    { "int64", 1u << VA_I64 },   { "string", VA_SCHEMA_STRING },
    { "int", VA_SCHEMA_INT },    { "any", VA_SCHEMA_ANY },
};

static int parse_types(struct va_schema_row *row, char *text)
{
    char *save, *word;

    for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        unsigned mask = 0;

        if (!strcmp(word, "or"))
            continue;
        for (size_t i = 0; i < VA_COUNT(type_names); i++)
            if (!strcmp(word, type_names[i].name))
                mask = type_names[i].mask;
        if (!mask)
            return -1;
        row->type_mask |= mask;
    }
    return row->type_mask ? 0 : -1;
}

static int parse_shape(struct va_schema_row *row, char *text)
{
    char *save, *word;

    if (!strcmp(text, "*")) {
        row->rank = -1;
        return 0;
    }
    if (!strcmp(text, "-"))
        return 0;
    for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        struct va_schema_dim *d;

        if (row->rank == VA_RANK_MAX)
            return -1;
        d = &row->dims[row->rank++];
        if (*word >= 'A' && *word <= 'Z')
            d->letter = *word++;
        if (*word == '+')
            word++;
        else if (d->letter && *word)
            return -1;
        d->size = strtoll(word, &word, 10);
        if (*word)
            return -1;
    }
    return row->rank ? 0 : -1;
}

static int parse_rule(struct va_schema_row *row, char *text)
{
    char *save, *word, *end;

    row->lo = -INFINITY;
    row->hi = INFINITY;
    for (word = strtok_r(text, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
        if (!strcmp(word, "required"))
            row->required = true;
        else if (!strcmp(word, "name"))
            row->name = true;
        else if (!strcmp(word, "finite"))
            row->finite = true;
        else if (!strcmp(word, "ascending"))
            row->ascending = true;
        else if (!strcmp(word, "sorted"))
            row->sorted = true;
        else if (!strncmp(word, "<=@", 3)) {
            if (!(row->hi_under = va_strdup(word + 3)))
                return -1;
        } else if (!strncmp(word, ">=", 2) || !strncmp(word, "<=", 2)) {
            *(word[0] == '>' ? &row->lo : &row->hi) = strtod(word + 2, &end);
            if (*end || !word[2])
                return -1;
        } else if (strcmp(word, "optional"))
            return -1;
    }
    return 0;
}

static struct va_schema *schema_of(const char *id)
{
    struct va_schema *s;

    if (schema_count && !strcmp(schemas[schema_count - 1].id, id))
        return &schemas[schema_count - 1];
    if (va_grow(&schemas, &schema_room, schema_count + 1, sizeof(*schemas)) < 0)
        return NULL;
    s = &schemas[schema_count];
    if (!(s->id = va_strdup(id)))
        return NULL;
    schema_count++;
    return s;
}

/* One line of the table; its copies are never freed. */
static int parse_line(const char *line)
{
    struct va_schema_row row = { .line = va_strdup(line) };
    char *field[5], *rest = row.line, *at;
    struct va_schema *s;

    for (int i = 0; i < 5; i++)
        if (!rest || !(field[i] = strsep(&rest, "\t")))
            return -1;
    if ((at = strchr(field[1], '@'))) {
        *at = 0;
        row.attribute = at + 1;
    }
    row.object = *field[1] ? field[1] : (char *)"/";
    row.types = va_strdup(field[2]);
    row.shape = va_strdup(field[3]);
    s = schema_of(field[0]);
    if (!s || !row.types || !row.shape || parse_types(&row, field[2]) < 0 ||
        parse_shape(&row, field[3]) < 0 || parse_rule(&row, field[4]) < 0)
        return -1;
    if (va_grow(&s->rows, &s->room, s->count + 1, sizeof(row)) < 0)
        return -1;
    s->rows[s->count++] = row;
    return 0;
}

static void parse_all(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    for (const char *const *line = va_schema_tables; *line; line++)
        if (parse_line(*line) < 0) {
            va_error_machine("schema table: cannot read: %s", *line);
            schema_count = 0;
            return;
        }
}

const struct va_schema *va_schema_find(const char *id)
{
    parse_all();
    for (int64_t i = 0; i < schema_count; i++)
        if (!strcmp(schemas[i].id, id))
            return &schemas[i];
    return NULL;
}

const char *va_schema_other_version(const char *id)
{
    const char *newest = NULL;
    size_t n = strcspn(id, "/");

    parse_all();
    for (int64_t i = 0; i < schema_count; i++)
        if (!strncmp(schemas[i].id, id, n) && schemas[i].id[n] == '/' &&
            strcmp(schemas[i].id, id))
            newest = schemas[i].id;
    return newest;
}

bool va_schema_match(const char *pattern, const char *path, char *name, size_t size)
{
    const char *star = strchr(pattern, '*');
    size_t before, after, n = strlen(path);

    if (size)
        name[0] = 0;
    if (!star)
        return !strcmp(pattern, path);
    before = (size_t)(star - pattern);
    after = strlen(star + 1);
    if (n <= before + after || strncmp(pattern, path, before) ||
        strcmp(star + 1, path + n - after) || memchr(path + before, '/', n - before - after))
        return false;
    if (size)
        snprintf(name, size, "%.*s", (int)(n - before - after), path + before);
    return true;
}
