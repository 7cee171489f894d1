/*
 * va_decoder.h - where untrusted pictures and videos are decoded: in processes of their own.
 *
 * Decoders are large and read whatever people send. So va_source and va_images decode in a
 * confined child process (base/va_confine.h): this process opens the file, the child parses it,
 * and pixels come back through shared memory. A child that crashes, loops or wants too much
 * memory costs one line and exit code 3.
 *
 * Threads:   va_decoder_start while the process has one thread; the rest from any
 */
#ifndef VA_DECODER_H
#define VA_DECODER_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include <stdbool.h>
#include <stdint.h>

/* The option of all tools that decode. */
#define VA_OPT_UNCONFINED(target_)  \
    VA_OPT_RUN_FLAG(                \
        0, "unconfined", (target_), \
        "decode in this process, without a sandbox; only for files that you trust")

/*
 * Start the process from which decoders are forked; early, while this one is small and has one
 * thread. A tool that does not call it gets it with the first picture. With `unconfined`
 * decoding stays in this process. -1 after reporting.
 */
VA_MUST_USE int va_decoder_start(bool unconfined);

/*
 * Decoder threads for pictures of width x height with `bits` each: as many as asked for, at
 * most 16, fewer where the pictures in flight would take more than 512 MiB. At least 1. 0x0: not
 * known yet, as asked. *pixels_max becomes the size of picture up to which this number is right.
 */
int va_decoder_threads(int threads, int64_t width, int64_t height, int bits,
                       int64_t *pixels_max);

/* Bytes that decoding such pictures may take, beyond the process itself. */
int64_t va_decoder_memory(int threads, int64_t width, int64_t height);

#endif
