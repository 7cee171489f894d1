#include "ops/va_plugin.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_program.h"
#include "ops/va_compose.h"
#include "ops/va_device.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct va_plugin_host host = { va_backend_init, va_error_machine, va_debug };
static const struct va_plugin *plugin; /* NULL: `missing` says why */
static char missing[PATH_MAX + 200];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Where make and make install put it: in the folder of libmamba_va, or below that of the program. A new string; NULL
 * where there is none. */
static char *beside(void)
{
    char *above = NULL, *path;
    const char *slash;
    Dl_info own;

    if (dladdr(&host, &own) && (slash = strstr(own.dli_fname, "/libmamba_va.so")))
        path = va_format("%.*s/libvacuda.so", (int)(slash - own.dli_fname), own.dli_fname);
    else
        path = (above = va_program_above(1)) ? va_format("%s/lib/libvacuda.so", above) : NULL;
    va_free(above);
    if (path && access(path, F_OK) == 0)
        return path;
    va_free(path);
    return NULL;
}

static void no_library(const char *name, const char *found)
{
    snprintf(missing, sizeof(missing),
             "%s: found %s, expected the library of this version (make, or make install)", name,
             found);
}

/*
 * Whether the loader may look at this path: it waits at a pipe, and ends the program where a library lacks its end,
 * which holds the table of sections. What else is wrong the loader says itself.
 */
static bool is_whole(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ElfW(Ehdr) h = { 0 };
    struct stat st;
    bool is_file, is_short;

    if (fd < 0)
        return true;
    is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    is_short = is_file && read(fd, &h, sizeof(h)) == sizeof(h) &&
               memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 &&
               h.e_shoff + (uint64_t)h.e_shnum * h.e_shentsize > (uint64_t)st.st_size;
    close(fd);
    if (!is_file)
        no_library(path, S_ISDIR(st.st_mode) ? "a folder" : "no file");
    else if (is_short)
        no_library(path, "a file that was cut short");
    return is_file && !is_short;
}

/* The loader looks where it always does for a name without a folder. */
static void *open_library(const char *name, bool asked)
{
    void *library;

    if (strchr(name, '/') && !is_whole(name))
        return NULL;
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library)
        return library;
    if (asked || strchr(name, '/')) /* named, or there: the reason has its name */
        snprintf(missing, sizeof(missing), "%s", dlerror());
    else
        snprintf(missing, sizeof(missing), "this build has no GPU support, expected cpu");
    return NULL;
}

static void take_library(const char *name, void *library)
{
    va_plugin_of of;

    *(void **)&of = dlsym(library, VA_PLUGIN_SYMBOL);
    plugin = of ? of(&host) : NULL;
    if (plugin && plugin->abi == VA_PLUGIN_ABI && plugin->table_size == sizeof(struct va_ops))
        return;
    no_library(name,
               plugin ? "a GPU library of another version" : "no GPU library of mamba-va");
    plugin = NULL;
}

static void open_plugin(void)
{
    const char *asked = getenv("VA_CUDA");
    char *here = asked && *asked ? NULL : beside();
    const char *name = asked && *asked ? asked : here ? here : "libvacuda.so";
    void *library = open_library(name, name == asked);

    if (library)
        take_library(name, library);
    va_free(here);
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
