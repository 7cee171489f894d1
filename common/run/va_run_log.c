#include "run/va_run_log.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include <math.h>
#include <string.h>

void va_run_log_init(struct va_log *log)
{
    *log = (struct va_log){
        .columns = VA_TRAIN_COLUMNS,
        .header = "step\tepoch\tlr\tloss\tccc_valence\tccc_arousal\tgrad_norm\n",
    };
}

void va_val_log_init(struct va_log *log)
{
    *log = (struct va_log){
        .columns = VA_VAL_COLUMNS,
        .header = "step\tepoch\tvalence\tarousal\tmean\tbest\n",
    };
}

void va_log_release(struct va_log *log)
{
    if (log->stream)
        fclose(log->stream); /* each row was flushed, and its error seen */
    va_free(log->rows);
    va_free(log->path);
    *log = (struct va_log){ 0 };
}

/* A NaN has a sign that differs between processors: it is written without. */
static void write_row(FILE *stream, const double *row, int columns)
{
    for (int i = 0; i < columns; i++)
        if (isnan(row[i]))
            fprintf(stream, "%snan", i ? "\t" : "");
        else
            fprintf(stream, "%s%.9g", i ? "\t" : "", row[i]);
    fputc('\n', stream);
}

static bool ours(const char *head, size_t size)
{
    return va_output_begins(head, size, "step"); /* the first column of each */
}

int va_log_open(struct va_log *log, const char *dir, const char *name)
{
    struct va_textfile f;

    log->path = va_format("%s/%s", dir, name);
    if (!log->path || va_make_folder(dir) < 0 || va_textfile_create(&f, log->path, ours) < 0)
        return -1;
    fputs(log->header, f.stream);
    for (int64_t i = 0; i < log->count; i++)
        write_row(f.stream, log->rows + i * log->columns, log->columns);
    if (va_textfile_commit(&f) < 0)
        return -1;
    log->stream = fopen(log->path, "a");
    return log->stream ? 0 : va_error_write(log->path, "append to");
}

int va_log_add(struct va_log *log, const double *row)
{
    if (va_grow(&log->rows, &log->room, (log->count + 1) * log->columns, sizeof(double)) < 0)
        return -1;
    memcpy(log->rows + log->count++ * log->columns, row, sizeof(double) * (size_t)log->columns);
    if (!log->stream)
        return 0;
    write_row(log->stream, row, log->columns);
    return fflush(log->stream) || ferror(log->stream) ? va_error_write(log->path, "append to")
                                                      : 0;
}

const double *va_log_last(const struct va_log *log)
{
    return log->count ? log->rows + (log->count - 1) * log->columns : NULL;
}
