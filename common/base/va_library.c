#include "base/va_library.h"

#include "base/va_error.h"
#include "base/va_tempfile.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <unistd.h>

typedef void handler(void);
typedef handler *set_terminate(handler *);

static bool guarded;
static char kept[1 << 15]; /* an error stack of HDF5 has some 6 KB */

static void drop_words(void)
{
    if (va_verbosity() >= VA_VERBOSE)
        fflush(stderr);
    else
        __fpurge(stderr);
}

static void end(void)
{
    if (!guarded)
        return;
    drop_words();
    va_error_machine("a library ended the run, most likely for lack of memory");
    va_tempfile_remove_all();
    _exit(VA_EXIT_MACHINE);
}

void va_library_guard(void)
{
    /* std::set_terminate, where a library of C++ is loaded; ISO C has no cast to a function */
    void *found = dlsym(RTLD_DEFAULT, "_ZSt13set_terminatePFvvE");

    if (found)
        (*(set_terminate **)&found)(end);
    setvbuf(stderr, kept, _IOFBF, sizeof(kept));
    atexit(end);
    guarded = true;
}

void va_library_release(void)
{
    drop_words();
    guarded = false;
}
