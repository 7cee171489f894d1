/*
 * fault.so - make one call of a program fail: LD_PRELOAD=fault.so VA_FAULT=CLASS:N:ERRNO program
 *
 * The N-th call of a class fails with ERRNO (a name below); "N+" also every call after it. Calls
 * count from main() to its return, in the program and in the processes that it forks, together:
 * what the dynamic loader and constructors do before is left alone. N = 0 fails none.
 *
 *     open     open, openat, creat, fopen, opendir, mkdir
 *     read     read, pread, and what stdio reads          write   write, pwrite, ftruncate, stdio
 *     close    close, fclose (the descriptor is closed)   sync    fsync, fdatasync
 *     rename   rename, renameat, link                     map     mmap
 *     memory   malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign
 *     process  fork                                       thread  pthread_create
 *
 * Where an allocation has failed there is no large block either: those fail from then on.
 *
 * VA_FAULT_REPORT names a file, empty before the run, that is mapped while the program runs: it
 * holds the name of the function that failed, or nothing, and the number of calls. A mapping is
 * written without a system call, so a child under seccomp reports as well, and what was written
 * outlives a crash. VA_FAULT_PROGRAM is the name of the program that is meant: others, which it may
 * start, are left alone.
 *
 * stdio calls the kernel from inside libc, where nothing can be put between. So streams that the
 * program opens, and stdout, are streams of fopencookie() over the functions here. stderr is left
 * alone, as a message about the fault must come through.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum class { OPEN, READ, WRITE, CLOSE, SYNC, RENAME, MAP, MEMORY, PROCESS, THREAD, CLASSES };
static const char *const class_names[CLASSES] = { "open",    "read",   "write", "close",
                                                  "sync",    "rename", "map",   "memory",
                                                  "process", "thread" };
static const struct {
    const char *name;
    int number;
} errors[] = {
    { "EIO", EIO },       { "ENOSPC", ENOSPC }, { "ENOMEM", ENOMEM }, { "EMFILE", EMFILE },
    { "EAGAIN", EAGAIN }, { "EDQUOT", EDQUOT }, { "ENFILE", ENFILE },
};

/* What the processes of one run share. */
struct page {
    char fired[64]; /* name of the function that failed first */
    atomic_long calls;
};

static struct page *page;
static bool active; /* main() runs */
static enum class chosen = CLASSES;
static long nth;
static bool onwards;
static int error_number;

/* Whether this call is to fail; sets errno. */
static bool fails(enum class c, const char *function)
{
    long n;

    if (!active || c != chosen)
        return false;
    n = atomic_fetch_add(&page->calls, 1) + 1;
    if (nth == 0 || n < nth || (n > nth && !onwards))
        return false;
    if (!page->fired[0])
        strcpy(page->fired, function);
    errno = error_number;
    return true;
}

enum { LARGE = 32 << 20 /* bytes */ };

static bool allocation_fails(size_t size, const char *function)
{
    bool failed = fails(MEMORY, function);

    if (!active || chosen != MEMORY || failed || !page->fired[0] || size < LARGE)
        return failed;
    errno = error_number;
    return true;
}

/* The function that ours stands before. ISO C has no cast from data to function pointers. */
#define NEXT(type, name) (*(type **)&(void *){ dlsym(RTLD_NEXT, name) })

/* ---- descriptors ------------------------------------------------------------------------- */

static int do_open(const char *function, int dir, const char *path, int flags, mode_t mode)
{
    return fails(OPEN, function) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

/* The mode that follows the flags. */
#define MODE(flags)                                         \
    mode_t mode = 0;                                        \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list args;                                       \
        va_start(args, flags);                              \
        mode = va_arg(args, mode_t);                        \
        va_end(args);                                       \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags)
    return do_open("open", AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags)
    return do_open("open", AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    MODE(flags)
    return do_open("openat", dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    MODE(flags)
    return do_open("openat", dir, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
    return do_open("creat", AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return fails(OPEN, "mkdir") ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

DIR *opendir(const char *path)
{
    typedef DIR *opener(const char *);

    return fails(OPEN, "opendir") ? NULL : NEXT(opener, "opendir")(path);
}

ssize_t read(int fd, void *buffer, size_t n)
{
    return fails(READ, "read") ? -1 : syscall(SYS_read, fd, buffer, n);
}

ssize_t pread(int fd, void *buffer, size_t n, off_t offset)
{
    return fails(READ, "pread") ? -1 : syscall(SYS_pread64, fd, buffer, n, offset);
}

ssize_t pread64(int fd, void *buffer, size_t n, off64_t offset)
{
    return pread(fd, buffer, n, offset);
}

ssize_t write(int fd, const void *buffer, size_t n)
{
    return fd != STDERR_FILENO && fails(WRITE, "write") ? -1
                                                        : syscall(SYS_write, fd, buffer, n);
}

ssize_t pwrite(int fd, const void *buffer, size_t n, off_t offset)
{
    return fails(WRITE, "pwrite") ? -1 : syscall(SYS_pwrite64, fd, buffer, n, offset);
}

ssize_t pwrite64(int fd, const void *buffer, size_t n, off64_t offset)
{
    return pwrite(fd, buffer, n, offset);
}

int ftruncate(int fd, off_t size)
{
    return fails(WRITE, "ftruncate") ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int close(int fd)
{
    int result = (int)syscall(SYS_close, fd);

    return fails(CLOSE, "close") ? -1 : result;
}

int fsync(int fd)
{
    return fails(SYNC, "fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails(SYNC, "fdatasync") ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return fails(RENAME, "rename")
               ? -1
               : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return fails(RENAME, "link") ? -1
                                 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fails(MAP, "mmap"))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, where, size, protection, flags, fd, offset);
}

void *mmap64(void *where, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return mmap(where, size, protection, flags, fd, offset);
}

/* ---- memory, processes, threads ------------------------------------------------------------ */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return allocation_fails(size, "malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return allocation_fails(count * size, "calloc") ? NULL : __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    return allocation_fails(size, "realloc") ? NULL : __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return allocation_fails(size, "aligned_alloc") ? NULL : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    return allocation_fails(size, "memalign") ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
    void *got = allocation_fails(size, "posix_memalign") ? NULL
                                                         : __libc_memalign(alignment, size);

    if (!got)
        return ENOMEM;
    *p = got;
    return 0;
}

pid_t fork(void)
{
    typedef pid_t forker(void);

    return fails(PROCESS, "fork") ? -1 : NEXT(forker, "fork")();
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *arg)
{
    typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    return fails(THREAD, "pthread_create")
               ? error_number
               : NEXT(create, "pthread_create")(thread, attributes, run, arg);
}

/* ---- streams ------------------------------------------------------------------------------- */

enum { STREAMS = 256 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stream {
    FILE *file;
    int fd; /* -1: free */
} streams[STREAMS];

static ssize_t stream_read(void *cookie, char *buffer, size_t n)
{
    struct stream *s = cookie;

    return fails(READ, "stdio read") ? -1 : syscall(SYS_read, s->fd, buffer, n);
}

static ssize_t stream_write(void *cookie, const char *buffer, size_t n)
{
    struct stream *s = cookie;
    ssize_t put = fails(WRITE, "stdio write") ? -1 : syscall(SYS_write, s->fd, buffer, n);

    return put < 0 ? 0 : put;
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
    struct stream *s = cookie;

    *offset = lseek64(s->fd, *offset, whence);
    return *offset < 0 ? -1 : 0;
}

static FILE *own_stdout; /* that of libc, which outlives fclose(stdout) */

static int stream_close(void *cookie)
{
    struct stream *s = cookie;
    int result = (int)syscall(SYS_close, s->fd);

    pthread_mutex_lock(&lock);
    if (s->file == stdout)
        stdout = own_stdout;
    s->file = NULL;
    pthread_mutex_unlock(&lock);
    return fails(CLOSE, "fclose") ? -1 : result;
}

static FILE *stream_over(int fd, const char *mode)
{
    static const cookie_io_functions_t functions = { stream_read, stream_write, stream_seek,
                                                     stream_close };
    FILE *f = NULL;

    pthread_mutex_lock(&lock);
    for (struct stream *s = streams; s < streams + STREAMS && !f; s++)
        if (!s->file && (f = s->file = fopencookie(s, mode, functions)))
            s->fd = fd;
    pthread_mutex_unlock(&lock);
    return f;
}

FILE *fdopen(int fd, const char *mode)
{
    return stream_over(fd, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
    FILE *f;
    int fd;

    flags |= *mode == 'w' ? O_CREAT | O_TRUNC : *mode == 'a' ? O_CREAT | O_APPEND : 0;
    flags |= (strchr(mode, 'e') ? O_CLOEXEC : 0) | (strchr(mode, 'x') ? O_EXCL : 0);
    fd = do_open("fopen", AT_FDCWD, path, flags, 0666);
    f = fd < 0 ? NULL : stream_over(fd, mode);
    if (fd >= 0 && !f)
        syscall(SYS_close, fd);
    return f;
}

FILE *fopen64(const char *path, const char *mode)
{
    return fopen(path, mode);
}

int fileno(FILE *f)
{
    int fd = f->_fileno;

    pthread_mutex_lock(&lock);
    for (const struct stream *s = streams; s < streams + STREAMS; s++)
        if (s->file == f)
            fd = s->fd;
    pthread_mutex_unlock(&lock);
    return fd;
}

/* ---- the start ------------------------------------------------------------------------------ */

/* CLASS:N[+]:ERRNO and the page for the answer. A mistake ends the program: a run without the
 * fault that was asked for must not look like one that survived it. */
static bool set_up(const char *plan, const char *report)
{
    char class_name[16], error_name[16], plus[2] = "";
    int fd;

    if (sscanf(plan, "%15[a-z]:%ld%1[+]:%15s", class_name, &nth, plus, error_name) != 4 &&
        sscanf(plan, "%15[a-z]:%ld:%15s", class_name, &nth, error_name) != 3)
        return false;
    onwards = *plus;
    for (chosen = 0; chosen < CLASSES && strcmp(class_names[chosen], class_name);)
        chosen++;
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
        if (!strcmp(errors[i].name, error_name))
            error_number = errors[i].number;
    fd = (int)syscall(SYS_openat, AT_FDCWD, report, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
                      0666);
    if (chosen == CLASSES || !error_number || fd < 0 ||
        syscall(SYS_ftruncate, fd, sizeof(*page)) < 0)
        return false;
    page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    return page != MAP_FAILED;
}

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void),
                           void (*)(void), void *);
static main_function *real_main;

static int counted_main(int argc, char **argv, char **environment)
{
    const char *plan = getenv("VA_FAULT"), *report = getenv("VA_FAULT_REPORT");
    const char *program = getenv("VA_FAULT_PROGRAM");
    FILE *out;
    int status;

    if (program && strcmp(program, program_invocation_short_name))
        plan = NULL;
    if (plan && (!report || !set_up(plan, report))) {
        fprintf(stderr, "fault.so: VA_FAULT=%s, VA_FAULT_REPORT=%s: not understood\n", plan,
                report ? report : "");
        return 125;
    }
    out = plan ? stream_over(STDOUT_FILENO, "w") : NULL;
    own_stdout = stdout;
    if (out)
        stdout = out;
    active = plan != NULL;
    status = real_main(argc, argv, environment);
    active = false;
    return status;
}

start_function __libc_start_main;
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    real_main = main;
    return NEXT(start_function, "__libc_start_main")(counted_main, argc, argv, init, fini,
                                                     rtld_fini, stack_end);
}
