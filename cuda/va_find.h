/*
 * va_find.h - libraries of NVIDIA's that are opened when they are first needed.
 *
 * Where they are looked for, in this order:
 *   what the environment variable of the library names (a path), and nothing else; "no": nowhere
 *   the loader's path
 *   lib64 and lib below $CUDA_HOME and /usr/local/cuda
 *   the wheels of PyPI, below $VIRTUAL_ENV, $CONDA_PREFIX, $HOME/.local, /usr/local and /usr
 */
#ifndef VA_FIND_H
#define VA_FIND_H

#include <stddef.h>

struct va_wanted {
    const char *variable;
    const char *const *files;  /* names, the one wanted most first; NULL last */
    const char *const *wheels; /* folders of site-packages with such files; NULL last */
};

struct va_found {
    void *library;   /* NULL: there is none, or it does not open */
    bool named;      /* by the variable */
    char words[200]; /* its path, or why there is none */
};

/* The library stays open. */
struct va_found va_find(const struct va_wanted *wanted);

/* A function of it, or NULL. */
void *va_find_symbol(const struct va_found *found, const char *name);

#endif
