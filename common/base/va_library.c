/*
 * Four ways in which a library ends the process when memory is missing, all met in tests with
 * faults: an exception that nobody catches, exit(), abort() (where an option cannot be
 * set), and a fault (code written to memory that was not got; a report of a failed start that recurses
 * without end).
 */
#include "base/va_library.h"

#include "base/va_error.h"
#include "base/va_leftover.h"
#include "base/va_mapped.h"
#include "base/va_mem.h"
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

typedef void handler(void);
typedef handler *set_terminate(handler *);

enum { LIBRARIES_MAX = 16, STACK_NEAR = 1 << 16 /* bytes */, WORDS_NEAR = 128 };

static pid_t guarded;       /* the process; a child of it has nothing to say or to remove */
static char kept[1 << 15];  /* an error stack of HDF5 has some 6 KB */
static char stack[1 << 15]; /* of the handler: the other one may be full */
static struct {
    uintptr_t begin, end;
    int signal;
} libraries[LIBRARIES_MAX]; /* where the code of libraries lies that end by a signal */
static int library_count;

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
    if (getpid() == guarded) {
        va_error_machine("a library ended the run, probably because memory ran out");
        va_leftover_remove_all();
    }
    _exit(VA_EXIT_MACHINE);
}

/* ---- faults ------------------------------------------------------------------------------ */

static int note_library(struct dl_phdr_info *info, size_t size, void *unused)
{
    static const struct {
        const char *name;
        int signal;
    } known[] = {
        { "/libhdf5", SIGSEGV },
        { "/libavutil", SIGABRT }, /* av_assert0: an option could not be set */
        { "/libavcodec", SIGABRT },
        { "/libavformat", SIGABRT },
    };
    int wanted = 0;

    (void)size;
    (void)unused;
    for (size_t i = 0; i < VA_COUNT(known); i++)
        wanted = strstr(info->dlpi_name, known[i].name) ? known[i].signal : wanted;
    for (int i = 0; wanted && i < info->dlpi_phnum && library_count < LIBRARIES_MAX; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];

        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        libraries[library_count].signal = wanted;
        libraries[library_count].begin = info->dlpi_addr + part->p_vaddr;
        libraries[library_count++].end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
    }
    return 0;
}

/* Where the fault is: program counter and stack pointer. */
static void place(const ucontext_t *context, uintptr_t *counter, uintptr_t *pointer)
{
#if defined(__x86_64__)
    *counter = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
    *pointer = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    *counter = context->uc_mcontext.pc;
    *pointer = context->uc_mcontext.sp;
#else
    (void)context;
    *counter = *pointer = 0;
#endif
}

static bool is_library_code(uintptr_t at, int number)
{
    for (int i = 0; i < library_count; i++)
        if (number == libraries[i].signal && at >= libraries[i].begin && at < libraries[i].end)
            return true;
    return false;
}

static bool is_own_code(uintptr_t at)
{
    extern const char __executable_start[], etext[];

    return at >= (uintptr_t)__executable_start && at < (uintptr_t)etext;
}

/* Whether it is the fault of a library: its code, a full stack, or a function of libc that it
 * called, like strlen(NULL) or abort(): then the nearest address of code on the stack is the
 * library's. A fault in our own code is a mistake of ours, and ends as one. */
static bool is_of_library(int number, uintptr_t address, const ucontext_t *context)
{
    uintptr_t counter, pointer;
    const uintptr_t *words;

    place(context, &counter, &pointer);
    if (is_library_code(counter, number) || is_own_code(counter))
        return is_library_code(counter, number);
    if (number == SIGSEGV && address < pointer + STACK_NEAR && address + STACK_NEAR > pointer)
        return true;
    words = (const uintptr_t *)(pointer & ~(uintptr_t)7);
    for (int i = 0; pointer && i < WORDS_NEAR; i++)
        if (is_library_code(words[i], number) || is_own_code(words[i]))
            return is_library_code(words[i], number);
    return false;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    if (is_of_library(number, (uintptr_t)info->si_addr, context))
        end();
    signal(number, SIG_DFL);
    raise(number);
}

/* Report a mapped file that somebody cut short, or a disk that fails under it. */
static int tell_bus(const void *address)
{
    const struct va_mapped *m = va_mapped_find(address);
    struct stat now;

    if (!m || stat(m->path, &now) < 0) {
        va_error_machine("a file was cut short while it was read, or cannot be read");
    } else if ((size_t)now.st_size < m->size) {
        va_error("%s: was cut short while it was read: make it again", m->path);
        return VA_EXIT_INPUT;
    } else {
        va_error_machine("%s: cannot be read", m->path);
    }
    return VA_EXIT_MACHINE;
}

static void on_bus(int number, siginfo_t *info, void *context)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;

    (void)context;
    if (getpid() == guarded) {
        int status;

        while (atomic_flag_test_and_set(&told))
            pause(); /* another thread reports, and ends this one too */
        status = tell_bus(info->si_addr);
        va_leftover_remove_all();
        _exit(status);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_faults(void)
{
#ifndef __SANITIZE_ADDRESS__ /* which catches them itself */
    struct sigaction act = { .sa_sigaction = on_fault }, bus = { .sa_sigaction = on_bus };
    stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };

    sigemptyset(&act.sa_mask);
    act.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    bus.sa_flags = SA_SIGINFO;
    sigemptyset(&bus.sa_mask);
    sigaction(SIGBUS, &bus, NULL);
    dl_iterate_phdr(note_library, NULL);
    if (library_count && sigaltstack(&other, NULL) == 0) {
        sigaction(SIGSEGV, &act, NULL);
        sigaction(SIGABRT, &act, NULL);
    }
#endif
}

/* ---- begin and end -------------------------------------------------------------------------- */

void va_library_guard(void)
{
    /* std::set_terminate, where a library of C++ is loaded; ISO C has no cast to a function */
    void *found = dlsym(RTLD_DEFAULT, "_ZSt13set_terminatePFvvE");

    if (found)
        (*(set_terminate **)&found)(end);
    setvbuf(stderr, kept, _IOFBF, sizeof(kept));
    atexit(end);
    catch_faults();
    guarded = getpid();
}

void va_library_release(void)
{
    drop_words();
    guarded = 0;
}
