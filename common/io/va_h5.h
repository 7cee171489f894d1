/*
 * va_h5.h - HDF5 files that are whole or absent, and checked against their schema.
 *
 * Writing: va_h5_create opens a temporary file beside the target; datasets and attributes are
 * put into it; va_h5_commit adds provenance, content id and `complete`, syncs and renames.
 * Object times are off and nothing else varies, so equal contents give equal bytes.
 * Reading: va_h5_open checks schema, version, completeness, names, types and shapes against
 * the table of schemas/<schema>.md before anything is read. Numbers that others wrote in another type or
 * byte order are converted as they are read; such a dataset is not mapped. A damaged file cannot take the tool
 * down: it is first walked in a child process with bounded memory and time.
 *
 * A video of a shard, SHARD.h5/NAME (schemas/va.corpus.md), opens as a va.features/1 file of its own.
 *
 * Errors:    all functions report; "file: /dataset: found, expected". What a function fills is
 *            NULL and 0 after it failed
 * Threads:   any; a file has one user at a time, but rows of one that is open may be read by several.
 *            The HDF5 library bears one thread at a time: the lock is inside
 */
#ifndef VA_H5_H
#define VA_H5_H

#include "base/va_attr.h"
#include "base/va_tensors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct va_h5_out;  /* opaque: a file being written */
struct va_h5_in;   /* opaque: a file being read */
struct va_h5_rows; /* opaque: a dataset being written row by row */

/* Whether `path` is meant to be such a file: its name ends in .h5, it begins as they do, or it is a part of a file. False for
 * "-", folders, archives of pictures and what cannot be opened. */
bool va_h5_named(const char *path);

/* ---- writing --------------------------------------------------------------------------- */

/* Begin `path` of `schema` ("va.features/1"). NULL after reporting. */
VA_MUST_USE struct va_h5_out *va_h5_create(const char *path, const char *schema);

/* Whether va_h5_create may make or replace `path`: an earlier output (base/va_output.h) has the same schema,
 * of any version. For those who ask before the work. 0, or -1 after reporting. */
VA_MUST_USE int va_h5_may_create(const char *path, const char *schema);

/* Record an input file for the provenance: its base name and content id. */
VA_MUST_USE int va_h5_add_input(struct va_h5_out *out, const char *path, const char *id);
/* Seed for the provenance; left out when never called. */
void va_h5_set_seed(struct va_h5_out *out, uint64_t seed);

/* Attributes of the root, or of `object` ("/tensors/x") when not NULL. */
VA_MUST_USE int va_h5_put_string(struct va_h5_out *out, const char *object, const char *name,
                                 const char *value);
VA_MUST_USE int va_h5_put_int(struct va_h5_out *out, const char *object, const char *name,
                              int64_t value);
VA_MUST_USE int va_h5_put_real(struct va_h5_out *out, const char *object, const char *name,
                               double value);
VA_MUST_USE int va_h5_put_reals(struct va_h5_out *out, const char *object, const char *name,
                                int64_t count, const double *values);
VA_MUST_USE int va_h5_put_strings(struct va_h5_out *out, const char *object, const char *name,
                                  int64_t count, const char *const *values);

/* A whole dataset, contiguous; missing groups of its path are made. bfloat16 is stored as
 * uint16 with the attribute dtype = "bfloat16". */
VA_MUST_USE int va_h5_write(struct va_h5_out *out, const char *name, enum va_dtype type,
                            int rank, const int64_t *shape, const void *data);
VA_MUST_USE int va_h5_write_strings(struct va_h5_out *out, const char *name, int64_t count,
                                    const char *const *values);

/*
 * A dataset whose first dimension grows: shape[0] is the number of rows if it is known, else
 * -1. The result is contiguous in both cases. Finish before commit. finish frees and sets
 * *rows to NULL in any case; va_h5_abort frees rows that are not finished.
 */
VA_MUST_USE struct va_h5_rows *va_h5_rows_begin(struct va_h5_out *out, const char *name,
                                                enum va_dtype type, int rank,
                                                const int64_t *shape);
/* The same for a number that is not known but likely; 0: none is. Where it is right, rows are written once
 * instead of twice. */
VA_MUST_USE struct va_h5_rows *va_h5_rows_begin_likely(struct va_h5_out *out, const char *name,
                                                       enum va_dtype type, int rank,
                                                       const int64_t *shape, int64_t likely);
VA_MUST_USE int va_h5_rows_append(struct va_h5_rows *rows, int64_t count, const void *data);
VA_MUST_USE int va_h5_rows_finish(struct va_h5_rows **rows);

/* Complete the file under its name. Frees *out and sets it to NULL in any case. */
VA_MUST_USE int va_h5_commit(struct va_h5_out **out);
void va_h5_abort(struct va_h5_out *out); /* NULL is fine; removes the temporary file */

/* ---- reading --------------------------------------------------------------------------- */

/* Open `path`, which must be a complete instance of `schema`: "va.features/1", "va.predictions" for any known version
 * of it, NULL for any known schema.
 * Structure is checked here; values are checked by va_h5_check_values or as they are read.
 * VA_H5_FOREIGN: of no schema of ours, a file of another program; only its objects are checked. */
#define VA_H5_FOREIGN "foreign"
VA_MUST_USE struct va_h5_in *va_h5_open(const char *path, const char *schema);
void va_h5_close(struct va_h5_in *in); /* NULL is fine */

/* End the process that checks files, and wait for its end: for a library, which leaves no process behind. The next
 * open starts another. */
void va_h5_end_checker(void);

/* Whether a file begins as shards do. False for what cannot be read. */
bool va_h5_is_shard(const char *path);

/*
 * The features that `path` stands for: of a va.features/1 file itself, of a shard each of its videos. Calls
 * fn(arg, in) for one after the other, and closes it then, unless fn returns 1 and keeps it. 0, or -1 after
 * reporting, the first of fn's too.
 */
typedef int va_h5_features_fn(void *arg, struct va_h5_in *in);
VA_MUST_USE int va_h5_each_features(const char *path, va_h5_features_fn *fn, void *arg);

/*
 * For one file among thousands that stay open: give back its descriptor and the library's
 * memory (some 600 kB), but keep what va_h5_map gave. Until va_h5_wake nothing but
 * va_h5_path and va_h5_close may be called; an id that was asked for stays known.
 * Waking opens the same file by its name; it is an error when another, or a changed one, has
 * that name by then. Waking one that is awake is fine.
 */
void va_h5_rest(struct va_h5_in *in);
VA_MUST_USE int va_h5_wake(struct va_h5_in *in);

/* Hold an open file against another schema than it was opened with: 0, or -1 after reporting. */
VA_MUST_USE int va_h5_require(struct va_h5_in *in, const char *schema);

const char *va_h5_path(const struct va_h5_in *in);

/* Content id: 32 hexadecimal digits over schema, names, types, shapes and values, the same for
 * equal contents whoever wrote them. Taken from the file if it carries one, else computed.
 * Lives as long as `in`; NULL after reporting. */
const char *va_h5_id(struct va_h5_in *in);

/* The same computed from the contents, whatever the file says. */
const char *va_h5_compute_id(struct va_h5_in *in);

/* Check the rules on values (finite, ascending, range) of all datasets: reads everything. */
VA_MUST_USE int va_h5_check_values(struct va_h5_in *in);

bool va_h5_has(struct va_h5_in *in, const char *name); /* a dataset or group */
bool va_h5_has_attribute(struct va_h5_in *in, const char *object, const char *name);

/* Attributes. Strings are new and the caller's; fixed and variable length are both read. */
VA_MUST_USE char *va_h5_get_string(struct va_h5_in *in, const char *object, const char *name);
VA_MUST_USE int va_h5_get_int(struct va_h5_in *in, const char *object, const char *name,
                              int64_t *value);
VA_MUST_USE int va_h5_get_real(struct va_h5_in *in, const char *object, const char *name,
                               double *value);
VA_MUST_USE int va_h5_get_reals(struct va_h5_in *in, const char *object, const char *name,
                                int64_t count, double *values);
/* A string array attribute or dataset; *values [*count] is freed with va_h5_free_strings. */
VA_MUST_USE int va_h5_get_strings(struct va_h5_in *in, const char *object, const char *name,
                                  char ***values, int64_t *count);
VA_MUST_USE int va_h5_read_strings(struct va_h5_in *in, const char *name, char ***values,
                                   int64_t *count);
void va_h5_free_strings(char **values, int64_t count);

/* Type, rank and shape of a dataset; shape has room for VA_RANK_MAX. */
VA_MUST_USE int va_h5_shape(struct va_h5_in *in, const char *name, enum va_dtype *type,
                            int *rank, int64_t *shape);

/* Rows [first, first + count) of a dataset, as stored type `type` (must match; VA_F32 also reads
 * float16 and bfloat16). `data` has room for them. */
VA_MUST_USE int va_h5_read_rows(struct va_h5_in *in, const char *name, enum va_dtype type,
                                int64_t first, int64_t count, void *data);
/* The whole dataset in new memory (va_free); NULL after reporting. */
VA_MUST_USE void *va_h5_read(struct va_h5_in *in, const char *name, enum va_dtype type);

/* Names of the members of a group, bytewise sorted; freed with va_h5_free_strings. */
VA_MUST_USE int va_h5_list(struct va_h5_in *in, const char *group, char ***names,
                           int64_t *count);

/* Columns `name` of tables. Parts [count + 1] of `rows` rows that follow each other: the first row of each part, then
 * `rows`. -1 after reporting that they are not. */
VA_MUST_USE int va_h5_check_parts(const char *path, const char *name, const int64_t *parts,
                                  int64_t count, int64_t rows);
/* Names of videos, each there once: their numbers in bytewise order, in new memory. NULL after reporting that they are not. */
VA_MUST_USE int32_t *va_h5_order_names(const char *path, const char *name, char *const *names,
                                       int64_t count);

/*
 * Where the bytes of a contiguous dataset of native type lie in memory: the file is mapped
 * read-only, offsets and sizes checked against its length. NULL without reporting when the
 * dataset is not contiguous or not of `type` (read it instead). Valid until va_h5_close.
 */
const void *va_h5_map(struct va_h5_in *in, const char *name, enum va_dtype type);

/* What was mapped may change under its reader: -1 after reporting that somebody wrote to the file, by its size
 * and time; 0 for one that is not mapped. Resting files too. */
VA_MUST_USE int va_h5_unchanged(const struct va_h5_in *in);

#endif
