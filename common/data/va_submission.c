/*
 * The sample names almost a million frames, in runs of one video: the video is looked up when
 * its name changes, and a bit per frame tells rows that came twice.
 */
#include "data/va_submission.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include <string.h>

static const char header[] = "image_location,valence,arousal";

struct job {
    struct va_lines lines;
    const struct va_predictions *set;
    uint8_t **seen;                  /* [videos of the set]: a byte per frame, NULL if unused */
    const struct va_prediction *now; /* video of the row before */
    FILE *to;
};

static int bad(const struct job *j, const char *found, const char *expected)
{
    return va_error("%s: line %lld: found '%.80s', expected %s", j->lines.path,
                    (long long)j->lines.number, found, expected);
}

/* Cut "<video>/<NNNNN>.jpg" into its video (in place) and its frame; -1 not reported. */
static int parse_location(char *location, int64_t *frame)
{
    char *slash = strrchr(location, '/'), *digits = slash ? slash + 1 : NULL;
    size_t n = digits ? strspn(digits, "0123456789") : 0;

    if (n < 1 || n > 9 || strcmp(digits + n, ".jpg") || slash == location)
        return -1;
    *slash = 0;
    *frame = 0;
    for (size_t i = 0; i < n; i++)
        *frame = 10 * *frame + (digits[i] - '0');
    return *frame >= 1 ? 0 : -1;
}

static double limited(double x)
{
    return x < -1 ? -1 : x > 1 ? 1 : x;
}

/* Mark a frame as written; -1 after reporting that it was. */
static int mark(struct job *j, const char *location, int64_t frame)
{
    uint8_t **seen = &j->seen[j->now - j->set->items];

    if (!*seen && !(*seen = va_new(j->now->frames, 1)))
        return -1;
    if ((*seen)[frame - 1])
        return bad(j, location, "each image once");
    (*seen)[frame - 1] = 1;
    return 0;
}

static int write_row(struct job *j)
{
    char line[VA_LINE_MAX + 1], video[VA_LINE_MAX + 1], *fields[3], *location;
    const double *va;
    int64_t frame;
    int n;

    memcpy(line, j->lines.text, sizeof(line));
    n = va_split(line, ',', fields, 3);
    location = va_trim(fields[0]);
    memcpy(video, location, strlen(location) + 1);
    if (n < 1 || n > 3 || parse_location(video, &frame) < 0)
        return bad(j, j->lines.text, "<video>/<NNNNN>.jpg,valence,arousal");
    if (!j->now || strcmp(j->now->name, video))
        j->now = va_predictions_find(j->set, video);
    if (!j->now)
        return va_error("%s: line %lld: '%s': no predictions for video '%s'", j->lines.path,
                        (long long)j->lines.number, location, video);
    if (frame > j->now->frames)
        return va_error("%s: line %lld: '%s': %s has predictions for %lld frames",
                        j->lines.path, (long long)j->lines.number, location, j->now->path,
                        (long long)j->now->frames);
    if (mark(j, location, frame) < 0)
        return -1;
    va = j->now->va + 2 * (frame - 1);
    fprintf(j->to, "%s,%.9g,%.9g\n", location, limited(va[0]), limited(va[1]));
    return 0;
}

static int write_rows(struct job *j, int64_t *rows)
{
    int got = va_lines_next(&j->lines);
    int64_t count = 0;

    if (got < 0)
        return -1;
    if (got == 0)
        return va_error("%s: found an empty file, expected the header %s", j->lines.path,
                        header);
    if (strcmp(va_trim(j->lines.text), header))
        return bad(j, j->lines.text, "the header image_location,valence,arousal");
    fprintf(j->to, "%s\n", header);
    while ((got = va_lines_next(&j->lines)) > 0) {
        if (!j->lines.text[strspn(j->lines.text, " \t\r")])
            continue;
        if (write_row(j) < 0)
            return -1;
        count++;
    }
    if (got == 0 && count == 0)
        return va_error("%s: found no rows after the header", j->lines.path);
    if (rows)
        *rows = count;
    return got;
}

static bool ours(const char *head, size_t size)
{
    return va_output_begins(head, size, header);
}

int va_submission_write(const char *output, const char *sample,
                        const struct va_predictions *set, int64_t *rows)
{
    struct job *j = va_new(1, sizeof(*j));
    struct va_textfile file = { 0 };
    int status = -1;

    if (!j)
        return -1;
    j->set = set;
    j->seen = va_new(set->count, sizeof(*j->seen));
    if (!j->seen || va_lines_open(&j->lines, sample) < 0)
        goto done;
    if (va_textfile_create(&file, output, ours) == 0) {
        j->to = file.stream;
        status = write_rows(j, rows);
        if (status == 0)
            status = va_textfile_commit(&file);
        else
            va_textfile_abort(&file);
    }
done:
    va_lines_close(&j->lines);
    for (int64_t i = 0; j->seen && i < set->count; i++)
        va_free(j->seen[i]);
    va_free(j->seen);
    va_free(j);
    return status;
}
