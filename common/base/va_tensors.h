/*
 * va_tensors.h - a set of named tensors in host memory: what model files hold.
 *
 * This is the neutral form between files (weights/va_model_file.h) and models (model/): neither
 * needs to know the other. Tensors keep the order in which they were added;
 * names are unique. Metadata are pairs of strings ("arch", "d_state", ...).
 *
 * Values may stay in the file that the set was opened from, or on the device of the model that they
 * are to be saved from, until somebody takes them: there is no copy in between (va_values_begin).
 *
 * Ownership: the set owns names, metadata, data and its file; va_tensors_free frees all
 */
#ifndef VA_TENSORS_H
#define VA_TENSORS_H

#include "base/va_attr.h"
#include "base/va_numbers.h"
#include "base/va_stored.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VA_RANK_MAX = 6 };

enum va_dtype {
    VA_F32,
    VA_F64,
    VA_F16,
    VA_BF16,
    VA_U8,
    VA_I32,
    VA_I64,
};
extern const char *const va_dtype_names[]; /* "float32", ..., in enum order, NULL last */
size_t va_dtype_size(enum va_dtype t);     /* bytes of one element */

struct va_tensor {
    char *name;
    enum va_dtype dtype;
    int rank;
    int64_t shape[VA_RANK_MAX];
    int64_t count;          /* product of the shape; 1 for rank 0 */
    void *data;             /* row-major, native byte order, 64-byte aligned; NULL: elsewhere */
    int64_t at;             /* then the byte of the set's file where they begin */
    struct va_numbers lent; /* or, with a `get`, who has them */
};

struct va_meta {
    char *key, *value;
};

struct va_tensors {
    struct va_tensor *items; /* [count] */
    int64_t count, room;
    struct va_meta *meta; /* [meta_count] */
    int64_t meta_count, meta_room;
    struct va_stored *file; /* where values are that nobody took yet; NULL: all are in memory */
    char *path;             /* its name, for messages */
    const char *place;      /* what stands before their names in messages: "/tensors/" */
};

/* An empty set, or NULL after reporting. */
VA_MUST_USE struct va_tensors *va_tensors_new(void);
void va_tensors_free(struct va_tensors *set); /* NULL is fine */

/*
 * Add a zeroed tensor. Returns it (valid until the next add), or NULL after reporting: the name
 * is there already, a size is negative or too large, or memory is short.
 */
VA_MUST_USE struct va_tensor *va_tensors_add(struct va_tensors *set, const char *name,
                                             enum va_dtype dtype, int rank,
                                             const int64_t *shape);

/* The same, not zeroed, for those who write all of it (va_new_unset). */
VA_MUST_USE struct va_tensor *va_tensors_add_unset(struct va_tensors *set, const char *name,
                                                   enum va_dtype dtype, int rank,
                                                   const int64_t *shape);

/* Let the set read from a file that is open: by a descriptor of its own. `place` lives as long as the
 * set. 0, or -1 after reporting. */
VA_MUST_USE int va_tensors_attach(struct va_tensors *set, const struct va_stored *file,
                                  const char *path, const char *place);

/* Add a tensor whose values lie in that file from byte `at` on, as numbers of `dtype`. As above. */
VA_MUST_USE struct va_tensor *va_tensors_add_stored(struct va_tensors *set, const char *name,
                                                    enum va_dtype dtype, int rank,
                                                    const int64_t *shape, int64_t at);

/* Add a float32 tensor whose values stay with somebody who outlives the set. As above. */
VA_MUST_USE struct va_tensor *va_tensors_lend(struct va_tensors *set, const char *name,
                                              int rank, const int64_t *shape,
                                              const struct va_numbers *from);

struct va_tensor *va_tensors_find(const struct va_tensors *set, const char *name); /* or NULL */

/* The name below a part: "blocks.0.x" of "teacher.blocks.0.x" below "teacher", whether "module."
 * (what PyTorch puts before everything) stands before it or not. NULL where it is not below. */
const char *va_tensors_below(const char *name, const char *part);

/* Set or replace a metadata value; 0, or -1 after reporting. */
VA_MUST_USE int va_tensors_set_meta(struct va_tensors *set, const char *key, const char *value);
const char *va_tensors_meta(const struct va_tensors *set, const char *key); /* or NULL */

/* A model of ours (it has `arch`) has this metadata, too; a model of others need not. 0, or -1 after
 * reporting. */
VA_MUST_USE int va_tensors_need_meta(const struct va_tensors *set, const char *path,
                                     const char *key);

/* Further names of tensors of a set: what has two names in a model of others. */
struct va_alias {
    char *name;
    int64_t of; /* index in the set */
};
struct va_aliases {
    struct va_alias *items; /* [count] */
    int64_t count, room;
};
VA_MUST_USE int va_aliases_add(struct va_aliases *a, const char *name, int64_t of);
void va_aliases_release(struct va_aliases *a);

/* Give each further name a tensor of its own, a copy; 0, or -1 after reporting. */
VA_MUST_USE int va_tensors_add_aliases(struct va_tensors *set, const struct va_aliases *more);

/*
 * The values of a tensor as finite float32, piece by piece and by any thread, wherever they are.
 *
 *     va_values_begin(&v, set, t, path);
 *     va_values_get(&v, 0, t->count, x);
 *     status = va_values_end(&v);
 */
struct va_values {
    const struct va_tensors *set;
    const struct va_tensor *t;
    const char *path;
    atomic_llong bad; /* the first element found that is not finite */
};
/* 0, or -1 after reporting a type that is not floating point. `path` names the file in messages. */
VA_MUST_USE int va_values_begin(struct va_values *v, const struct va_tensors *set,
                                const struct va_tensor *t, const char *path);
/* to [count] = elements from `first` on; false: what was wrong is reported at the end. */
bool va_values_get(struct va_values *v, int64_t first, int64_t count, float *to);
/* 0, or -1 after reporting what went wrong: reading, or an element that is not finite. */
VA_MUST_USE int va_values_end(struct va_values *v);

/* Read what is still in the file, by all threads: as finite float32 or, with `raw`, as it stands there.
 * 0, or -1 after reporting. */
VA_MUST_USE int va_tensors_read(struct va_tensors *set, const char *path, bool raw);

/* The same of one tensor, as it stands in the file; nothing where its values are in memory. */
VA_MUST_USE int va_tensors_take(struct va_tensors *set, struct va_tensor *t);

/* The values of a tensor that are still in the file, to [count], as finite float32: by all threads, and they stay
 * there. 0, or -1 after reporting. */
VA_MUST_USE int va_tensors_copy(const struct va_tensors *set, const struct va_tensor *t,
                                float *to);

/* Convert to float32 in place (from float64, float16, bfloat16). -1 after reporting. */
VA_MUST_USE int va_tensor_to_f32(struct va_tensor *t);

/* The numbers of 8 bits that machine learning uses: 4 bits of exponent, no infinity, NaN as 0x7f
 * and 0xff; or 5, as a half cut off. Bytes (uint8) become float32 in place. -1 after reporting. */
enum va_f8 { VA_E4M3, VA_E5M2 };
VA_MUST_USE int va_tensor_from_f8(struct va_tensor *t, enum va_f8 kind);

/* Element i of a tensor, or of plain numbers of `type`, as a double whatever the type. */
double va_tensor_at(const struct va_tensor *t, int64_t i);
double va_dtype_at(enum va_dtype type, const void *data, int64_t i);

/* IEEE half and bfloat16, round to nearest even. */
float va_from_f16(uint16_t h);
void va_from_f16s(const uint16_t *h, int64_t count, float *x); /* the same for many */
uint16_t va_to_f16(float x);
float va_from_bf16(uint16_t h);
uint16_t va_to_bf16(float x);

/* Whether all n numbers are finite: by their exponents, without a branch for each. */
bool va_all_finite(const float *x, int64_t n);
/* The first of n numbers that is not finite, by all threads; -1: there is none. */
int64_t va_first_not_finite(const float *x, int64_t n);

/* "1024x768x15" for messages; returns buffer. */
const char *va_shape_text(int rank, const int64_t *shape, char *buffer, size_t size);

#endif
