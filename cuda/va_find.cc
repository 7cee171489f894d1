/* Only the loader knows whether a file is a library for this machine, so it is asked for every one. */
#include "cuda/va_find.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool try_path(struct va_found *f, const char *path)
{
    f->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return f->library != NULL;
}

static bool try_folder(struct va_found *f, const struct va_wanted *w, const char *folder)
{
    char path[PATH_MAX];

    for (int i = 0; w->files[i]; i++)
        if (snprintf(path, sizeof(path), "%s/%s", folder, w->files[i]) < (int)sizeof(path) &&
            try_path(f, path))
            return true;
    return false;
}

static bool try_below(struct va_found *f, const struct va_wanted *w, const char *root)
{
    static const char *const names[] = { "lib64", "lib" };
    char folder[PATH_MAX];

    if (!root || !*root)
        return false;
    for (const char *lib : names)
        if (snprintf(folder, sizeof(folder), "%s/%s", root, lib) < (int)sizeof(folder) &&
            try_folder(f, w, folder))
            return true;
    return false;
}

static bool try_wheels(struct va_found *f, const struct va_wanted *w, const char *root)
{
    char pattern[PATH_MAX];
    glob_t all;
    bool done = false;

    for (int i = 0; root && *root && w->wheels[i] && !done; i++) {
        if (snprintf(pattern, sizeof(pattern), "%s/lib/python3*/*-packages/%s", root,
                     w->wheels[i]) >= (int)sizeof(pattern) ||
            glob(pattern, 0, NULL, &all) != 0)
            continue;
        for (size_t k = 0; k < all.gl_pathc && !done; k++)
            done = try_folder(f, w, all.gl_pathv[k]);
        globfree(&all);
    }
    return done;
}

static bool try_all(struct va_found *f, const struct va_wanted *w)
{
    const char *home = getenv("HOME");
    char local[PATH_MAX] = "";

    if (home && *home &&
        snprintf(local, sizeof(local), "%s/.local", home) >= (int)sizeof(local))
        *local = '\0';
    for (int i = 0; w->files[i]; i++)
        if (try_path(f, w->files[i]))
            return true;
    return try_below(f, w, getenv("CUDA_HOME")) || try_below(f, w, "/usr/local/cuda") ||
           try_wheels(f, w, getenv("VIRTUAL_ENV")) ||
           try_wheels(f, w, getenv("CONDA_PREFIX")) || try_wheels(f, w, local) ||
           try_wheels(f, w, "/usr/local") || try_wheels(f, w, "/usr");
}

struct va_found va_find(const struct va_wanted *w)
{
    const char *named = getenv(w->variable);
    struct va_found f = {};
    struct link_map *map;

    if (named && !strcmp(named, "no")) {
        snprintf(f.words, sizeof(f.words), "%s=no", w->variable);
    } else if (named && *named) {
        f.named = true;
        if (!try_path(&f, named))
            snprintf(f.words, sizeof(f.words), "%s: %s", w->variable, dlerror());
    } else if (!try_all(&f, w)) {
        snprintf(f.words, sizeof(f.words),
                 "no %s where the loader, CUDA_HOME and Python have libraries", w->files[0]);
    }
    if (f.library && dlinfo(f.library, RTLD_DI_LINKMAP, &map) == 0)
        snprintf(f.words, sizeof(f.words), "%s", map->l_name);
    return f;
}

void *va_find_symbol(const struct va_found *f, const char *name)
{
    return dlsym(f->library, name);
}
