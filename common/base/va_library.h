/*
 * va_library.h - libraries that end the process or print messages of their own.
 *
 * When memory runs out, HDF5 faults or recurses until the stack is full, FFmpeg calls abort(), libraries of
 * C++ throw what nobody catches, others call exit(); some print messages on stderr. A tool prints one line of its own and returns an exit code. Text
 * that goes through stdio's stderr, which our code does not use, is therefore held until the end
 * and dropped, or printed with --verbose.
 */
#ifndef VA_LIBRARY_H
#define VA_LIBRARY_H

/* At the start of main(). From here to va_library_release, exit(), an uncaught
 * exception, a fault in HDF5 and an abort() in FFmpeg end the process with a line and
 * VA_EXIT_MACHINE, temporary files removed; so does a file that is cut short while it is mapped
 * (SIGBUS), with VA_EXIT_INPUT where its name is known (base/va_mapped.h). A fault in our own code ends it by its signal. */
void va_library_guard(void);

/* At its end: exit() is ours again. */
void va_library_release(void);

#endif
