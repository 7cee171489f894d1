/*
 * va-check - is a file a complete, valid instance of its schema?
 *
 * Silent and 0 when it is. Everything is checked that readers rely on, and what they leave out
 * for speed: the values of all datasets, and the content id.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "data/va_predictions.h"
#include "io/va_h5.h"
#include <string.h>
#include <unistd.h>

static const struct va_usage usage = {
    .synopsis = "[--schema ID] FILE.h5...",
    .brief = "check that files are complete and follow their schema",
    .details =
        "A file is checked for completeness, for all rules of its schema (names, types, "
        "shapes, values) and for a content id that matches its contents. If all files "
        "are valid, nothing is printed and the exit code is 0. Otherwise the exit code "
        "is 1, with a line for each invalid file. The exit code is 3 for a file that "
        "cannot be opened, and 4 if the machine fails to read one.\n\n"
        "Of a shard (va-pack) and of predictions, all videos are checked, too; SHARD.h5/NAME is one of a shard.",
    .examples = "va-check holiday.frames.h5 holiday.h5 model.h5\n"
                "va-check --schema va.features/1 features/*.h5",
};

/* 0, or -1 after reporting what is wrong with an open file. */
static int check_open(void *unused, struct va_h5_in *in)
{
    int result = -1;
    char *kept = NULL;
    const char *found;

    (void)unused;
    if (va_h5_check_values(in) < 0)
        goto done;
    if (va_h5_has_attribute(in, NULL, "id")) {
        kept = va_h5_get_string(in, NULL, "id");
        found = kept ? va_h5_compute_id(in) : NULL;
        if (!found)
            goto done;
        if (strcmp(kept, found)) {
            va_error("%s: @id: found %s, expected %s, which fits the contents", va_h5_path(in),
                     kept, found);
            goto done;
        }
    }
    result = 0;
done:
    va_free(kept);
    return result;
}

/* The same of a file, of each video of a shard, and of what no schema says of predictions. */
static int check(const char *path, const char *schema)
{
    struct va_h5_in *in = va_h5_open(path, schema);
    char *found = in ? va_h5_get_string(in, NULL, "schema") : NULL;
    int result = found ? check_open(NULL, in) : -1;

    va_h5_close(in);
    if (result == 0 && !strncmp(found, "va.predictions/", 15))
        result = va_predictions_check(path);
    va_free(found);
    return result == 0 && va_h5_is_shard(path) ? va_h5_each_features(path, check_open, NULL)
                                               : result;
}

int main(int argc, char **argv)
{
    const char *schema = NULL;
    const struct va_option table[] = {
        VA_OPT_STRING(0, "schema", &schema, "ID",
                      "schema that the files must follow, such as va.features/1"),
        VA_OPT_FILES_FROM(),
        VA_OPT_END,
    };
    int status;
    char **files;

    va_tool_init("va-check");
    files = va_options_parse(table, &usage, argc, argv, &status);
    if (files && !files[0]) {
        va_usage_error(&status, "expected at least one file");
        files = NULL;
    }
    if (files)
        status = VA_EXIT_OK;
    for (; files && *files; files++) {
        bool readable = access(*files, R_OK) == 0;

        if (check(*files, schema) == 0)
            continue;
        if (va_error_last_status() == VA_EXIT_MACHINE)
            status = VA_EXIT_MACHINE;
        else if (!readable && status != VA_EXIT_MACHINE)
            status = VA_EXIT_INPUT;
        else if (status == VA_EXIT_OK)
            status = VA_EXIT_NO;
    }
    return va_tool_finish(status);
}
