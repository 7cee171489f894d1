#include "data/va_cost.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include <string.h>
#include <unistd.h>

enum { FIELDS = 5 }; /* of a line */

/* That of a tool and an output, or NULL for all outputs. */
static struct va_cost *cost_of(struct va_costs *c, const char *tool, const char *output)
{
    struct va_cost *made;

    for (int64_t i = 0; i < c->count; i++)
        if (!strcmp(c->items[i].tool, tool) && (!output || !strcmp(c->items[i].output, output)))
            return &c->items[i];
    if (va_grow(&c->items, &c->room, c->count + 1, sizeof(*c->items)) < 0)
        return NULL;
    made = &c->items[c->count++];
    *made = (struct va_cost){ .tool = va_strdup(tool),
                              .output = output ? va_strdup(output) : NULL };
    return made->tool && (made->output || !output) ? made : NULL;
}

static int add_line(struct va_costs *c, struct va_lines *lines, bool by_output)
{
    char *field[FIELDS];
    double number[FIELDS];
    struct va_cost *of;

    if (va_split(lines->text, '\t', field, FIELDS) != FIELDS || !*field[0] ||
        va_parse_decimal(field[1], &number[1]) < 0 ||
        va_parse_decimal(field[2], &number[2]) < 0 ||
        va_parse_decimal(field[3], &number[3]) < 0)
        return va_error(
            "%s: line %lld: expected tool, seconds, processor seconds, MiB and output, with "
            "tabs between: remove the file, which is only a record",
            lines->path, (long long)lines->number);
    if (!(of = cost_of(c, field[0], by_output ? field[4] : NULL)))
        return -1;
    if (by_output)
        of->runs = 0, of->seconds = of->processor = of->memory = 0;
    of->runs++;
    of->seconds += number[1];
    of->processor += number[2];
    if (number[3] > of->memory)
        of->memory = number[3];
    return 0;
}

int va_costs_read(struct va_costs *c, const char *path, bool by_output)
{
    struct va_lines lines;
    int got;

    if (access(path, F_OK) < 0)
        return 0;
    if (va_lines_open_file(&lines, path) < 0)
        return -1;
    while ((got = va_lines_next(&lines)) > 0)
        if (add_line(c, &lines, by_output) < 0) {
            got = -1;
            break;
        }
    va_lines_close(&lines);
    return got;
}

void va_costs_release(struct va_costs *c)
{
    for (int64_t i = 0; i < c->count; i++)
        va_free(c->items[i].tool), va_free(c->items[i].output);
    va_free(c->items);
    *c = (struct va_costs){ 0 };
}
