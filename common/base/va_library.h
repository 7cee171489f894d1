/*
 * va_library.h - libraries that end the process or speak for themselves.
 *
 * When memory is missing oneDNN throws an exception that nobody catches or faults, libgomp calls
 * exit(), HDF5 faults or recurses until the stack is full, FFmpeg calls abort(); HDF5 and libgomp
 * print their own words on stderr. A tool answers with one line of its own and an exit code. So
 * what is printed through stdio's stderr, which no code of ours uses, is kept back until the end:
 * it is dropped, or with --verbose printed.
 */
#ifndef VA_LIBRARY_H
#define VA_LIBRARY_H

/* At the start of main(). From here to va_library_release, exit(), an exception that nobody
 * catches, a fault in oneDNN or HDF5 and an abort() in FFmpeg end the process with a line and
 * VA_EXIT_MACHINE, temporary files removed; so does a file that is cut short while it is mapped
 * (SIGBUS). A fault in our own code ends it by its signal. */
void va_library_guard(void);

/* At its end: exit() is ours again. */
void va_library_release(void);

#endif
