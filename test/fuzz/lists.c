/* Lists of videos, and tables: folds, groups, scores, weights and intervals of an ensemble. */
#include "test/fuzz/fuzz.h"

#include "data/va_blend_table.h"
#include "data/va_folds.h"
#include "data/va_interval.h"
#include "data/va_lists.h"
#include "data/va_report.h"
#include "data/va_table.h"
#include <math.h>
#include <stdio.h>

static void read_folds(const char *path)
{
    struct va_fold_plan given = { 0 }, plan = { 0 };

    if (va_folds_read(&given, path) == 0 && va_folds_count(&given) < 1)
        fuzz_found("no folds");
    if (va_folds_add_video(&plan, "a", 10, false) == 0 &&
        va_folds_add_video(&plan, "b_left", 20, true) == 0 &&
        va_folds_group(&plan, path) == 0 &&
        va_folds_assign(&plan, VA_SCHEME_PAPER, 2, 1) == 0 && plan.folds != 2)
        fuzz_found("another number of folds");
    va_folds_release(&given);
    va_folds_release(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    struct va_name_list list = { 0 };
    struct va_table table = { 0 };
    struct va_blend_table blend = { 0 };
    struct va_interval interval = { .level = 90 };
    struct va_report report = { 0 };
    double x;

    fuzz_begin();
    if (va_name_list_read(&list, path) == 0)
        for (int64_t i = 0; i < list.count; i++)
            if (!*list.items[i].name || va_group_length(list.items[i].name) < 0)
                fuzz_found("a video without a name");
    if (va_table_read(&table, path) == 0)
        for (int64_t i = 0; i < table.rows * table.columns; i++)
            if (va_table_number(&table, i / table.columns, i % table.columns, &x) == 0 &&
                isinf(x))
                fuzz_found("an infinite number");
    read_folds(path);
    if (va_blend_table_read(&blend, path) == 0 && blend.count < 1)
        fuzz_found("weights of no file");
    if (va_interval_read(&interval, path) == 0 && !(interval.scale[1] >= 0))
        fuzz_found("an interval of no width");
    if (va_report_add(&report, "x", &path, 1) == 0) {
        FILE *null = fopen("/dev/null", "w");

        if (null && va_report_print(&report, VA_REPORT_HTML, null) < 0)
            fuzz_found("a report that cannot be printed");
        if (null)
            fclose(null);
    }
    va_name_list_release(&list);
    va_table_release(&table);
    va_blend_table_release(&blend);
    va_report_release(&report);
    fuzz_end();
    return 0;
}
