/*
 * The flag of a slot is the last thing written and the first thing cleared.
 */
#include "base/va_leftover.h"

#include "base/va_error.h"
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 128 };

static struct va_leftover {
    volatile sig_atomic_t used;
    char path[PATH_MAX];
} slots[SLOTS];

static volatile pid_t started; /* a process group */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of who adds; handlers do not wait */

struct va_leftover *va_leftover_add(const char *path, const char *target)
{
    struct va_leftover *l = slots;

    if (strlen(path) >= PATH_MAX) {
        va_error_machine("%s: cannot create: name too long", target);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    while (l < slots + SLOTS && l->used)
        l++;
    if (l < slots + SLOTS) {
        memcpy(l->path, path, strlen(path) + 1);
        l->used = 1;
    }
    pthread_mutex_unlock(&lock);
    if (l < slots + SLOTS)
        return l;
    va_error_machine("%s: cannot create: too many files open for writing", target);
    return NULL;
}

void va_leftover_drop(struct va_leftover *l)
{
    if (l)
        l->used = 0;
}

void va_leftover_group(pid_t group)
{
    started = group;
}

void va_leftover_remove_all(void)
{
    if (started > 0)
        kill(-started, SIGKILL);
    started = 0;
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].used) {
            unlink(slots[i].path);
            slots[i].used = 0;
        }
}
