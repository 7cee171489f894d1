/*
 * va_library.h - libraries that end the process or speak for themselves.
 *
 * oneDNN throws an exception that nobody catches and libgomp calls exit() when memory is missing;
 * HDF5 and libgomp print their own words on stderr. A tool answers with one line of its own and an
 * exit code. So what is printed through stdio's stderr, which no code of ours uses, is kept back
 * until the end: it is dropped, or with --verbose printed.
 */
#ifndef VA_LIBRARY_H
#define VA_LIBRARY_H

/* At the start of main(). From here to va_library_release, exit() and an exception that nobody
 * catches end the process with a line and VA_EXIT_MACHINE, temporary files removed. */
void va_library_guard(void);

/* At its end: exit() is ours again. */
void va_library_release(void);

#endif
