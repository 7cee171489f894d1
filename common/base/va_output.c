#include "base/va_output.h"

#include "base/va_beside.h"
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_magic.h"
#include "base/va_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool forced;

void va_output_force(bool force)
{
    forced = force;
}

bool va_output_forced(void)
{
    return forced;
}

int64_t va_output_head(const char *path, char *head)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, VA_OUTPUT_HEAD, 0);
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return n;
}

bool va_output_begins(const char *head, size_t size, const char *text)
{
    size_t n = strlen(text);

    return size >= n && !memcmp(head, text, n);
}

static bool in_input_folder(const char *target)
{
    char *folder = NULL, *beginning = NULL;
    struct stat st;
    bool is = va_beside_split(target, &folder, &beginning) == 0 && stat(folder, &st) == 0 &&
              va_input_is(&st);

    va_free(folder);
    va_free(beginning);
    return is;
}

static int check_content(const char *target, va_output_ours *ours, bool beside_inputs)
{
    char head[VA_OUTPUT_HEAD];
    int64_t n = va_output_head(target, head);
    int error = n < 0 ? errno : 0;
    const char *name = n < 0 ? "data that may not be read" : va_magic_name(head, (size_t)n);

    if (n >= 0 && ours(head, (size_t)n))
        return 0;
    if (error && error != EACCES && error != EPERM) {
        errno = error;
        return va_error_write(target, "read");
    }
    if (beside_inputs)
        return va_error("%s: exists in a folder that this run reads, and holds %s: name "
                        "another output",
                        target, name ? name : "something else");
    return va_error("%s: exists and holds %s, not an earlier output: name another file, or "
                    "replace it with --force",
                    target, name ? name : "something else");
}

int va_output_check(const char *target, va_output_ours *ours)
{
    struct stat st;

    if (stat(target, &st) < 0)
        return 0; /* missing, or its folder is: whoever makes it says so */
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return va_error_write(target, "create");
    }
    if (!S_ISREG(st.st_mode)) /* a rename would replace a device */
        return va_error_machine("%s: cannot create: found a device, pipe or socket, expected a "
                                "file",
                                target);
    if (va_input_is(&st))
        return va_error("%s: is an input of this run: name another output", target);
    if (st.st_size == 0)
        return 0;
    if (!ours || (forced && !in_input_folder(target)))
        return 0;
    return check_content(target, ours, forced);
}
