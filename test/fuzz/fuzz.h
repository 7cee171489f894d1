/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is one file: LLVMFuzzerTestOneInput gives bytes that nobody vouches for to a reader of the
 * library. Whatever they are, the reader returns; only sanitizers, limits of time and memory, and
 * fuzz_found end a run. `make fuzz` links targets with libFuzzer, `make check` with a main that
 * replays files (test/fuzz/lib/replay.c).
 *
 * Readers take paths, so an input lies in a file below TMPDIR, which is the same for all inputs.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Where the program is, with a slash at the end. */
const char *fuzz_folder(void);

/* The path of a file that holds these bytes, until the next call. */
const char *fuzz_file(const void *data, size_t size);

/* Errors between these two are kept instead of printed; the first one is what fuzz_said returns. */
void fuzz_begin(void);
void fuzz_end(void);
const char *fuzz_said(void);

/* Read all of `size` bytes, so that those beyond their memory are noticed. */
void fuzz_use(const void *bytes, size_t size);

/* The rule is broken: say so and end as a crash does. */
_Noreturn void fuzz_found(const char *what);

/*
 * An HDF5 file of a schema, written by the HDF5 library: the one below `base` beside the program
 * (test/fuzz/seeds.sh makes them), changed as the bytes say. Attributes and datasets are replaced by
 * others of any type, shape and value, or go. So it is our code that is tried: the library has
 * nothing to complain of. The path as above.
 */
const char *fuzz_h5_file(const char *base, const uint8_t *data, size_t size);

/* Open that file as va-check does, read every value and its id, close it; a child process that dies
 * of it is found. Then `read` gets the path. Returns 0, for LLVMFuzzerTestOneInput. */
int fuzz_h5(const char *schema, const char *base, const uint8_t *data, size_t size,
            void (*read)(const char *path));

/* For `read`: the features of a file, or of all videos of a shard, as windows gather them. */
void fuzz_features(const char *path);

#endif
