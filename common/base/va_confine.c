/*
 * The filter is a list: the number of the call is compared with each allowed one; a few are
 * allowed only with certain arguments. Numbers come from the headers of the system, so that a call
 * that a processor does not have is left out. A call of another architecture (32-bit entry points of
 * a 64-bit kernel have other numbers) ends the process.
 *
 * Memory is limited by RLIMIT_DATA, which counts private memory that can be written. RLIMIT_AS
 * would also count what is only reserved: 64 MiB for each thread that allocates, and the
 * pictures that are shared with the parent.
 */
#include "base/va_confine.h"

#include "base/va_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif

enum {
    RESERVE = 128 << 20,  /* bytes above the limit, to say that it was reached */
    SUPPOSED = 256 << 20, /* bytes a process holds where /proc is not mounted */
};

static struct {
    bool on;
    int64_t held, limit; /* bytes */
} memory;

#if defined(__linux__) && __has_include(<linux/seccomp.h>)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_AARCH64
#endif
#endif

bool va_confine_built(void)
{
#ifdef ARCH
    return true;
#else
    return false;
#endif
}

/* ---- system calls ----------------------------------------------------------------------- */

#ifdef ARCH

static const int allowed[] = {
    SYS_read,          SYS_pread64,         SYS_readv,
    SYS_lseek,         SYS_write,           SYS_sendto,
    SYS_recvfrom,      SYS_close,           SYS_fstat,
    SYS_munmap,        SYS_mremap,          SYS_madvise,
    SYS_brk,           SYS_futex,           SYS_set_robust_list,
#ifdef SYS_rseq
    SYS_rseq,
#endif
    SYS_exit,          SYS_exit_group,      SYS_sched_yield,
    SYS_getpid,        SYS_gettid,          SYS_sched_getaffinity,
    SYS_clock_gettime, SYS_clock_getres,    SYS_clock_nanosleep,
    SYS_nanosleep,     SYS_gettimeofday,
#ifdef SYS_time
    SYS_time,
#endif
    SYS_getrandom,     SYS_getrusage,       SYS_sysinfo,
    SYS_rt_sigaction,  SYS_rt_sigprocmask,  SYS_rt_sigreturn,
    SYS_sigaltstack,   SYS_restart_syscall,
};

enum { PROGRAM_MAX = 256 };

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short length;
};

static void add(struct program *p, unsigned code, unsigned k, int yes, int no)
{
    if (p->length < PROGRAM_MAX)
        p->code[p->length++] = (struct sock_filter){ (unsigned short)code, (unsigned char)yes,
                                                     (unsigned char)no, k };
}

static void answer(struct program *p, unsigned action)
{
    add(p, BPF_RET | BPF_K, action, 0, 0);
}

static void load(struct program *p, size_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

enum { LOW = 0 }; /* where the low half of an argument is: both processors are little-endian */

/*
 * Call `number` is allowed if (argument & mask) == value, else it fails with EPERM. All of these
 * arguments are int in the kernel too, which ignores their high half. Both answers end the
 * program, so the number needs no second load.
 */
static void allow_if(struct program *p, int number, int argument, unsigned mask, unsigned value)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 5);
    load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)argument + LOW);
    add(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(p, SECCOMP_RET_ALLOW);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
}

/* New memory is never code, and shared only with whoever gave us its descriptor. */
static void allow_mmap(struct program *p)
{
    const unsigned both = MAP_SHARED | MAP_ANONYMOUS;

    add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 7);
    load(p, offsetof(struct seccomp_data, args) + 8 * 2 + LOW);
    add(p, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 4, 0);
    load(p, offsetof(struct seccomp_data, args) + 8 * 3 + LOW);
    add(p, BPF_ALU | BPF_AND | BPF_K, both, 0, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, both, 1, 0);
    answer(p, SECCOMP_RET_ALLOW);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
}

static const int of_servers[] = {
    SYS_recvmsg, SYS_ppoll, SYS_setitimer,
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_alarm
    SYS_alarm,
#endif
};

static void allow(struct program *p, const int *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
        answer(p, SECCOMP_RET_ALLOW);
    }
}

static void write_program(struct program *p, const struct va_confine *c)
{
    const unsigned all = ~0u;

    load(p, offsetof(struct seccomp_data, arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    answer(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
    allow(p, allowed, VA_COUNT(allowed));
    if (c->serves)
        allow(p, of_servers, VA_COUNT(of_servers));
    allow_mmap(p);
    allow_if(p, SYS_mprotect, 2, PROT_EXEC, 0);
    allow_if(p, SYS_clone, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
    allow_if(p, SYS_prctl, 0, all, PR_SET_NAME);         /* libavcodec names its threads */
    allow_if(p, SYS_tgkill, 0, all, (unsigned)getpid()); /* abort() */
    allow_if(p, SYS_prlimit64, 0, all, 0);               /* va_confine_memory: of itself */
    allow_if(p, SYS_newfstatat, 3, all, AT_EMPTY_PATH);  /* glibc's fstat */
    if (c->spool >= 0)
        allow_if(p, SYS_pwrite64, 0, all, (unsigned)c->spool);
#ifdef SYS_clone3 /* its flags lie in memory: told that there is none, glibc takes clone */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
    answer(p, SECCOMP_RET_ERRNO | ENOSYS);
#endif
    answer(p, SECCOMP_RET_ERRNO | EPERM);
}

static int filter_calls(const struct va_confine *c)
{
    struct program p = { .length = 0 };
    struct sock_fprog f = { .filter = p.code };

    write_program(&p, c);
    f.len = p.length;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f, 0, 0);
}

#ifndef SYS_landlock_create_ruleset /* the same numbers on every processor */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif
enum { LANDLOCK_ASK_VERSION = 1 };

/* Rules that handle every right on files and grant none. Kernels without Landlock: nothing. */
static void leave_files(void)
{
    static const int rights[] = { 13, 14, 15, 15, 16 }; /* of version 1, 2, ... */
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ASK_VERSION);
    uint64_t handled;
    int fd;

    if (version < 1)
        return;
    if (version > (long)VA_COUNT(rights))
        version = (long)VA_COUNT(rights);
    handled = ((uint64_t)1 << rights[version - 1]) - 1;
    fd = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (fd < 0)
        return;
    (void)!syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
}

#endif

/* ---- valgrind ---------------------------------------------------------------------------- */

static int is_valgrinds(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    return strstr(info->dlpi_name, "/vgpreload_") != NULL;
}

/* It loads a library of its own into each process. */
bool va_confine_valgrind(void)
{
    return dl_iterate_phdr(is_valgrinds, NULL);
}

/* ---- resources -------------------------------------------------------------------------- */

/* Soft and hard limit, neither above the present hard one. */
static void set_limit(int what, int64_t soft, int64_t hard)
{
    struct rlimit limit;

    if (getrlimit(what, &limit) < 0)
        return;
    if (limit.rlim_max == RLIM_INFINITY || (rlim_t)hard < limit.rlim_max)
        limit.rlim_max = (rlim_t)hard;
    limit.rlim_cur = (rlim_t)soft < limit.rlim_max ? (rlim_t)soft : limit.rlim_max;
    setrlimit(what, &limit);
}

/* Bytes that RLIMIT_DATA counts; statm: "size resident shared text lib data dirty", in pages. */
static int64_t memory_held(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long long pages = 0;

    if (!f)
        return SUPPOSED;
    if (fscanf(f, "%*d %*d %*d %*d %*d %lld", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages > 0 ? pages * sysconf(_SC_PAGESIZE) : SUPPOSED;
}

static void set_limits(const struct va_confine *c)
{
    struct rusage use;

    set_limit(RLIMIT_CORE, 0, 0);
    if (va_confine_valgrind())
        return;
    if (c->spool < 0)
        set_limit(RLIMIT_FSIZE, 0, 0);
    if (c->seconds > 0 && getrusage(RUSAGE_SELF, &use) == 0) {
        int64_t until = (int64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + 1 + c->seconds;

        set_limit(RLIMIT_CPU, until, until + 1);
    }
#ifndef HAVE_SANITIZER
    if (c->memory > 0) {
        memory.on = true;
        memory.held = memory_held();
        memory.limit = c->memory;
        set_limit(RLIMIT_DATA, memory.held + c->memory, memory.held + c->memory + RESERVE);
    }
#endif
}

void va_confine_memory(int64_t bytes)
{
    struct rlimit limit;

    if (!memory.on || bytes >= memory.limit || getrlimit(RLIMIT_DATA, &limit) < 0)
        return;
    memory.limit = bytes;
    limit.rlim_cur = (rlim_t)(memory.held + bytes);
    if (limit.rlim_cur <= limit.rlim_max)
        setrlimit(RLIMIT_DATA, &limit);
}

int64_t va_confine_memory_hit(void)
{
    struct rlimit limit;

    if (!memory.on || !va_mem_short() || getrlimit(RLIMIT_DATA, &limit) < 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_DATA, &limit);
    return va_mem_short() ? 0 : memory.limit;
}

#if defined(ARCH) && !defined(HAVE_SANITIZER)
static const char *failed(const char *step)
{
    static char why[128];

    snprintf(why, sizeof(why), "%s: %s", step, strerror(errno));
    return why;
}
#endif

const char *va_confine(const struct va_confine *limits)
{
    set_limits(limits);
    if (va_confine_valgrind())
        return NULL;
#if defined(HAVE_SANITIZER)
    return NULL;
#elif defined(ARCH)
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return failed("no_new_privs");
    leave_files();
    return filter_calls(limits) < 0 ? failed("seccomp") : NULL;
#else
    return "no list of system calls for this processor";
#endif
}
