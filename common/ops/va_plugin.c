#include "ops/va_plugin.h"

#include "base/va_error.h"
#include "ops/va_compose.h"
#include "ops/va_device.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct va_plugin_host host = { va_backend_init, va_error_machine };
static const struct va_plugin *plugin; /* NULL: `missing` says why */
static char missing[PATH_MAX + 200];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Beside the program: where make and make install put it. False where there is none. */
static bool beside(char *path, size_t room)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash;

    if (n < 0)
        return false;
    program[n] = '\0';
    slash = strrchr(program, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return snprintf(path, room, "%s/../lib/libvacuda.so", program) < (int)room &&
           access(path, F_OK) == 0;
}

static void *open_library(const char **name)
{
    static char path[PATH_MAX + 32];
    const char *asked = getenv("VA_CUDA");
    void *library;

    *name = asked && *asked ? asked : beside(path, sizeof(path)) ? path : "libvacuda.so";
    library = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
    if (library)
        return library;
    if (strchr(*name, '/')) /* it is there, or was named: the loader's reason has the path */
        snprintf(missing, sizeof(missing), "%s", dlerror());
    else
        snprintf(missing, sizeof(missing), "this build has no GPU support, expected cpu");
    return NULL;
}

static void open_plugin(void)
{
    const char *name;
    void *library = open_library(&name);
    va_plugin_of of;

    if (!library)
        return;
    *(void **)&of = dlsym(library, VA_PLUGIN_SYMBOL);
    plugin = of ? of(&host) : NULL;
    if (plugin && plugin->abi == VA_PLUGIN_ABI && plugin->table_size == sizeof(struct va_ops))
        return;
    snprintf(missing, sizeof(missing),
             "%s: found %s, expected the library of this version (make, or make install)", name,
             plugin ? "a GPU library of another version" : "no GPU library of mamba-va");
    plugin = NULL;
}

static int count_devices(char *why, size_t room)
{
    pthread_once(&once, open_plugin);
    if (plugin)
        return plugin->count(why, room);
    snprintf(why, room, "%s", missing);
    return 0;
}

static struct va_backend *open_device(int number)
{
    return plugin->open(number);
}

const struct va_device va_cuda_device = { "cuda", count_devices, open_device };
