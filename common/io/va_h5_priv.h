/*
 * va_h5_priv.h - what the parts of the HDF5 store share.
 *
 *   va_h5_lib.c    the library itself: its lock, set up, silenced, its reasons for a failure
 *   va_h5_bytes.c  how the library reads: an open descriptor, never a name
 *   va_h5_value.c  attributes and strings of any spelling, as plain values
 *   va_h5_tree.c   which objects a file holds, with sizes that were checked
 *   va_h5_check.c  a file against its schema: structure, then values
 *   va_h5_id.c     the content id
 *   va_h5_probe.c  the child process that walks a file first
 *   va_h5_read.c   files that are open, and the calls of va_h5.h that read
 *   va_h5_member.c, va_h5_shard.c, va_h5_shard_write.c   a video of a shard as a file; shards
 *   va_h5_open.c   the calls that open and close either
 *   va_h5_dataset.c, va_h5_rows.c, va_h5_write.c   those that write: objects, rows, the file
 */
#ifndef VA_H5_PRIV_H
#define VA_H5_PRIV_H

#define H5_USE_110_API /* the same calls with newer libraries */
#include "base/va_hash.h"
#include "base/va_mapped.h"
#include "base/va_stored.h"
#include "io/va_h5.h"
#include "io/va_h5_member.h"
#include "io/va_schema.h"
#include <hdf5.h>

/* A dataset or a group of a file. */
struct va_h5_object {
    char *path; /* "/videos/a/va" */
    bool dataset, strings;
    bool foreign;       /* numbers of another type, which the library converts to `type` */
    enum va_dtype type; /* in which a dataset that does not hold strings is read */
    int rank;
    int64_t shape[VA_RANK_MAX], count;
    int64_t offset;            /* where contiguous data begin in the file; -1: ask HDF5 */
    int64_t bytes;             /* of all its elements */
    int64_t band_bytes;        /* of the chunks that hold one row, unpacked; 0: not chunked */
    int64_t band_chunks;       /* their number */
    char digest[VA_HASH_TEXT]; /* of its data, "" while not known */
};

/* An open file, being read or written, and what is in it. */
struct va_h5_file {
    const char *path; /* for messages */
    hid_t id;
    int64_t size;            /* bytes, against which claims are checked; -1: being written */
    struct va_stored *bytes; /* NULL: being written */
    bool checked;            /* a child process has read all of it */
    const struct va_h5_member
        *member;     /* NULL: a file. Else a part of the file of `bytes`, and `id` is none */
    int64_t claimed; /* bytes that the datasets seen so far take up in it at least */
    struct va_h5_object *objects; /* [count], by path, bytewise; the root is not among them */
    int64_t count, room;
};

struct va_h5_in {
    char *path;
    struct va_h5_file file;
    struct va_stored bytes;
    hid_t dataset; /* the one whose rows were read last */
    const struct va_h5_object *dataset_of;
    const struct va_schema *schema;
    char *id;               /* as the file says; NULL before it was asked for */
    char *computed;         /* from the contents; likewise */
    struct va_mapped map;   /* the whole file */
    struct va_shard *shard; /* NULL: a file of its own. Else a video of that shard: */
    int64_t video;
    bool awake;
    struct va_h5_member member;
};

/* ---- va_h5_lib.c ----------------------------------------------------------------------- */

/*
 * The HDF5 library bears one thread at a time. Each function of va_h5.h that calls it begins with
 * this: other threads wait until the function returns. The child that checks files
 * (va_h5_probe.c) calls none of them: it is forked while the lock is held.
 */
#define VA_H5_ALONE                                   \
    __attribute__((cleanup(va_h5_alone_end), unused)) \
    const int va_h5_alone = va_h5_alone_begin()
int va_h5_alone_begin(void);
void va_h5_alone_end(const int *unused);

/* Before any other call of the library; again is fine. -1 after reporting. */
VA_MUST_USE int va_h5_init(void);

/* Access list for files to be written, with fixed versions and alignment, and for a file that is
 * read through `bytes`. Negative after reporting. */
hid_t va_h5_access_create(void);
hid_t va_h5_access_read(struct va_stored *bytes);

/* Why calls failed since va_h5_errno_clear: errno of a system call or ENOMEM, or 0. */
int va_h5_errno(void);
void va_h5_errno_clear(void);

/* Report why `place` (may be NULL) cannot be read: the machine's reason if there is one, else
 * "path: place: damaged HDF5 file". A file that was checked, or that is being written, is not
 * damaged: there the machine failed, too. Returns -1. */
int va_h5_damaged(const struct va_h5_file *f, const char *place);
bool va_h5_unexplained(void); /* damage was reported since va_h5_errno_clear */

hid_t va_h5_stored_type(enum va_dtype t); /* a type the caller closes */

/* ---- va_h5_bytes.c --------------------------------------------------------------------- */

hid_t va_h5_bytes_driver(void); /* of the library; negative when it cannot be registered */

/* ---- va_h5_value.c --------------------------------------------------------------------- */

enum va_h5_kind { VA_H5_INT, VA_H5_REAL, VA_H5_STRING, VA_H5_OTHER };

/* What an attribute holds. */
struct va_h5_value {
    enum va_h5_kind kind;
    int64_t count;
    int64_t *ints;
    double *reals;
    char **strings;
};

/* Read attribute `name` of `object` ("/" for the root). 0, or -1 after reporting. */
VA_MUST_USE int va_h5_value_read(const struct va_h5_file *f, const char *object,
                                 const char *name, struct va_h5_value *value);
void va_h5_value_release(struct va_h5_value *value);
void va_h5_value_hash(struct va_hash *h, const struct va_h5_value *value);

/* 1: it is there, 0: it is not, -1 after reporting. */
int va_h5_attribute_exists(const struct va_h5_file *f, const char *object, const char *name);

/* Names of the attributes of `object`, bytewise sorted. */
VA_MUST_USE int va_h5_attribute_names(const struct va_h5_file *f, const char *object,
                                      char ***names, int64_t *count);

/* All strings of a dataset; freed with va_h5_free_strings. */
VA_MUST_USE int va_h5_dataset_strings(const struct va_h5_file *f, const struct va_h5_object *o,
                                      char ***values);
void va_h5_hash_strings(struct va_hash *h, char *const *values, int64_t count);

/* ---- va_h5_read.c ---------------------------------------------------------------------- */

/* va_h5_open, va_h5_rest, va_h5_wake and va_h5_close of a file; its bytes in memory. */
VA_MUST_USE struct va_h5_in *va_h5_file_open(const char *path, const char *schema);
void va_h5_file_rest(struct va_h5_in *in);
VA_MUST_USE int va_h5_file_wake(struct va_h5_in *in);
void va_h5_file_close(struct va_h5_in *in);
void va_h5_file_map(
    struct va_h5_in *in); /* in->map, which stays empty where it cannot be mapped */
void va_h5_free_in(struct va_h5_in *in); /* what is no longer open */

/* ---- va_h5_tree.c ---------------------------------------------------------------------- */

VA_MUST_USE int va_h5_tree_read(struct va_h5_file *f); /* fills objects */
void va_h5_tree_release(struct va_h5_file *f);
struct va_h5_object *va_h5_find(const struct va_h5_file *f, const char *path); /* or NULL */

/* Open a dataset so that rows read in order unpack each chunk once; negative after reporting, 0 where that is not
 * needed: its rows are read from its place in the file. */
hid_t va_h5_open_dataset(const struct va_h5_file *f, const struct va_h5_object *o);
/* Rows [first, first + count) of an open dataset, as stored. A scalar is one row. */
VA_MUST_USE int va_h5_read_block(const struct va_h5_file *f, const struct va_h5_object *o,
                                 hid_t dataset, int64_t first, int64_t count, void *data);
int64_t va_h5_row_elements(const struct va_h5_object *o); /* elements in one row */
int64_t va_h5_row_count(const struct va_h5_object *o);

/* Call fn(arg, data, first, rows) for successive blocks of rows until the end or the first -1. */
typedef int va_h5_block_fn(void *arg, const void *data, int64_t first, int64_t rows);
VA_MUST_USE int va_h5_each_block(const struct va_h5_file *f, const struct va_h5_object *o,
                                 va_h5_block_fn *fn, void *arg);

/* ---- va_h5_check.c --------------------------------------------------------------------- */

/* Schema named by the file; `expected` NULL: any known one. NULL after reporting. */
VA_MUST_USE const struct va_schema *va_h5_check_schema(const struct va_h5_file *f,
                                                       const char *expected);
/* Let datasets of numbers be read as the types of the schema, where others wrote the same in wider, narrower or
 * whole ones: float64 for float32, int64 for int32, integers for floats. */
void va_h5_adapt(struct va_h5_file *f, const struct va_schema *schema);
/* Completeness mark and structure; `complete` false while a file is being written. */
VA_MUST_USE int va_h5_check_structure(const struct va_h5_file *f,
                                      const struct va_schema *schema, bool complete);

/* ---- va_h5_id.c ------------------------------------------------------------------------ */

/* Content id; digests that objects lack are computed (and kept). */
VA_MUST_USE int va_h5_content_id(struct va_h5_file *f, const char *schema,
                                 char id[VA_HASH_TEXT]);
/* Read all attributes, as the id does, but none of the data. */
VA_MUST_USE int va_h5_hash_attributes(const struct va_h5_file *f, struct va_hash *h,
                                      const char *object);

/* ---- va_h5_probe.c --------------------------------------------------------------------- */

/* Do with a file everything that a reader may ask the library for later. bytes->error says
 * afterwards whether a read failed. */
typedef int va_h5_try_fn(const char *path, struct va_stored *bytes, const char *schema);

/*
 * Let a child process walk the open file with bounded memory and time, by `try`. What it
 * reports is reported here, as bad input or as a failure of the machine, and its death as a
 * damaged file, or as lack of memory where the user's limit leaves little. 0 when all is well.
 */
VA_MUST_USE int va_h5_probe(const struct va_h5_file *f, const char *schema, va_h5_try_fn *try);

/* In the child: it will unpack `bytes` in all, at most `at_once` of them at a time, and gets time
 * and memory for that. */
void va_h5_probe_allow(int64_t bytes, int64_t at_once);

/* ---- va_h5_dataset.c --------------------------------------------------------------------- */

struct va_h5_rows;
struct va_h5_out {
    struct va_h5_file file; /* path is the target */
    struct va_tempfile *temp;
    char *target, *schema;
    char **inputs; /* "NAME ID" */
    int64_t input_count, input_room;
    bool seeded, failed;
    uint64_t seed;
    struct va_h5_object *written; /* path and digest of each dataset */
    int64_t written_count, written_room;
    struct va_h5_rows *rows; /* unfinished, a list */
};

hid_t va_h5_quiet_list(hid_t kind); /* a creation list without times; the caller closes it */

/* An attribute with `count` values; -1: a single one. One that is there already is replaced. */
VA_MUST_USE int va_h5_put(struct va_h5_out *out, const char *object, const char *name,
                          hid_t stored, hid_t memory, int64_t count, const void *data);

/* Report that writing failed, with the system's reason; the file can no longer be committed. */
int va_h5_write_failed(struct va_h5_out *out, const char *place);
/* Create a contiguous dataset and the groups above it; negative after reporting. Its place in the file is
 * chosen when it is written, or at once if it is to be `placed`. */
hid_t va_h5_create_dataset(struct va_h5_out *out, const char *name, hid_t type, int rank,
                           const int64_t *shape, bool placed);
/* Keep the digest of dataset `name`, and mark bfloat16. */
VA_MUST_USE int va_h5_note_written(struct va_h5_out *out, const char *name, bool bfloat16,
                                   struct va_hash *hash);

/* ---- va_h5_write.c --------------------------------------------------------------------- */

/* Where the schema is in the first bytes of one of our files, or NULL. Other bytes may follow it without a zero:
 * it ends after its number. It is found by its bytes: the library is not let near a file that may be anybody's. */
const char *va_h5_find_schema(const char *head, size_t size);

/* ---- va_h5_rows.c ---------------------------------------------------------------------- */

void va_h5_rows_drop(struct va_h5_out *out); /* all unfinished rows */

#endif
