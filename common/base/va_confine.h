/*
 * va_confine.h - restrict a process to the system calls that parsing an untrusted file needs.
 *
 * A child that reads untrusted bytes calls va_confine once all its descriptors are open. From
 * then on it can compute, start threads, read and write the descriptors that it has, and end.
 * It can open no file, make no socket and start no process: such calls fail with EPERM, so that a
 * library that only looks for an optional file continues without it.
 *
 * A list of allowed system calls (seccomp) does this; Landlock, where the kernel has it, takes
 * the file system away a second time. Resource limits bound memory, files and core dumps.
 *
 * Builds with a sanitizer keep the resource limits on files only: the sanitizer's own code
 * reads /proc and reserves terabytes. Likewise a process that valgrind runs.
 *
 * Threads:   call it while the process has one thread; later threads inherit everything
 */
#ifndef VA_CONFINE_H
#define VA_CONFINE_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_confine {
    int64_t memory;  /* bytes of writable private memory beyond the present; 0: no limit */
    int64_t seconds; /* of CPU time beyond the present, then SIGXCPU; 0: no limit */
    int spool;       /* the one regular file that may be written; -1: none */
    bool serves;     /* wait for messages with descriptors (poll, recvmsg), and set an alarm */
};

/* Whether this build can confine: it knows the system calls of the processor. */
bool va_confine_built(void);

/* Whether valgrind runs this process: its memory, time and system calls are not those of our code. */
bool va_confine_valgrind(void);

/*
 * Confine this process for good. Returns NULL, or what failed ("seccomp: Invalid argument") in a
 * static buffer: then the process is not confined and must not read untrusted bytes.
 */
VA_MUST_USE const char *va_confine(const struct va_confine *limits);

/*
 * Limit memory anew: `bytes` beyond what the process held when it was confined. Only less than
 * va_confine allowed has an effect. Nothing happens in a process without a limit.
 */
void va_confine_memory(int64_t bytes);

/*
 * After an allocation failed: the limit in bytes if that limit was the reason, 0 if the machine
 * has no more memory. Lifts va_confine_memory's limit to that of va_confine and a little more, so
 * that the process can still say so.
 */
int64_t va_confine_memory_hit(void);

#endif
