/*
 * Operands from a list (--files-from): a path a line, as it stands, blanks included; empty lines are
 * left out.
 */
#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_option_priv.h"
#include <string.h>

static struct {
    char **all; /* [count], and NULL behind them */
    int64_t count, room;
    int64_t given; /* of them those of the command line, which are not ours */
} list;

static void clear(void)
{
    while (list.count > list.given)
        va_free(list.all[--list.count]);
    list.count = list.given = 0;
}

static int add(char *path)
{
    if (va_grow(&list.all, &list.room, list.count + 2, sizeof(*list.all)) < 0)
        return -1;
    list.all[list.count] = path;
    list.all[list.count + 1] = NULL;
    list.count += path != NULL;
    return 0;
}

static int read(const char *path)
{
    struct va_lines lines;
    int got;

    if (va_lines_open(&lines, path) < 0)
        return -1;
    while ((got = va_lines_next(&lines)) > 0)
        if (*lines.text) {
            char *copy = va_strdup(lines.text);

            if (!copy || add(copy) < 0) {
                va_free(copy);
                got = -1;
                break;
            }
        }
    va_lines_close(&lines);
    return got;
}

char **va_option_all_operands(char **operands, int64_t count, int *status)
{
    int result = 0;

    clear();
    if (!va_option_files_from)
        return operands;
    for (int64_t i = 0; result == 0 && i <= count; i++) /* and NULL */
        result = add(operands[i]);
    list.given = list.count;
    if (result == 0 && read(va_option_files_from) == 0)
        return list.all;
    *status = va_error_status();
    return NULL;
}
