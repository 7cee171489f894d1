#include "base/va_progress.h"

#include "base/va_clock.h"
#include "base/va_error.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *what;
    int64_t total;
    double start, last;
    char note[96];
    bool on, drawn;
    bool shared; /* with another program, which draws one line for several tools */
} progress;

static void clear_line(void)
{
    if (progress.drawn || progress.shared)
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    progress.drawn = false;
}

void va_progress_begin(const char *what, int64_t total)
{
    const char *wanted = getenv("VA_PROGRESS");

    progress.shared = wanted && !strcmp(wanted, "off") && isatty(STDERR_FILENO);
    progress.on = va_verbosity() > VA_QUIET && isatty(STDERR_FILENO) && !progress.shared;
    progress.what = what;
    progress.total = total;
    *progress.note = '\0';
    progress.start = progress.last = va_clock();
    va_error_set_before(clear_line);
}

void va_progress_update(int64_t done)
{
    char line[256];
    double now, rate;
    int n;

    if (!progress.on || (now = va_clock()) - progress.last < 1)
        return;
    progress.last = now;
    rate = (double)done / (now - progress.start);
    n = snprintf(line, sizeof(line), "\r\033[K%s: %lld", va_error_tool(), (long long)done);
    if (progress.total > 0)
        n += snprintf(line + n, sizeof(line) - (size_t)n, " of %lld",
                      (long long)progress.total);
    n += snprintf(line + n, sizeof(line) - (size_t)n, " %s, %.1f/s", progress.what, rate);
    if (progress.total > 0 && rate > 0) {
        double left = (double)(progress.total - done) / rate;

        n += snprintf(line + n, sizeof(line) - (size_t)n, ", %.0f%%, %d:%02d left",
                      100.0 * (double)done / (double)progress.total, (int)left / 60,
                      (int)left % 60);
    }
    if (*progress.note)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "; %s", progress.note);
    (void)!write(STDERR_FILENO, line, (size_t)n);
    progress.drawn = true;
}

void va_progress_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(progress.note, sizeof(progress.note), format, args);
    va_end(args);
}

void va_progress_end(void)
{
    clear_line();
    progress.on = false;
}
