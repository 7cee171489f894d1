/*
 * va_pth_priv.h - what the files of the reader share: the values of a pickle, the file around it.
 *
 * A value is an index into one array and never moves in it, so a pickle whose containers hold
 * each other makes no trouble here: whoever follows values bounds his steps himself. Items of
 * containers are links of one pool; a dict has its keys and values in turn.
 */
#ifndef VA_PTH_PRIV_H
#define VA_PTH_PRIV_H

#include "base/va_input.h"
#include "weights/va_pth.h"

enum {
    VA_PTH_PICKLE_MAX = 32 << 20, /* bytes of pickles; those of ViT-L take 0.2 MB */
    VA_PTH_OPCODES_MAX = 2 << 20, /* a tensor takes some 30 */
    VA_PTH_ITEMS_MAX = 4 << 20,   /* of all containers together */
    VA_PTH_STACK_MAX = 1 << 20,   /* values on the stack; a long tuple lies there whole */
    VA_PTH_MARKS_MAX = 1 << 12,   /* open containers */
    VA_PTH_TENSORS_MAX = 1 << 16, /* with those of the optimizer */
    VA_PTH_TEXT_MAX = 256,        /* bytes of a global's name, a storage's key */
    VA_PTH_TENSOR_RANK_MAX = 64,  /* PyTorch's own */
    VA_PTH_COUNT_MAX_LOG2 = 48,   /* elements of a storage, values of sizes and strides */
};

enum va_pth_kind {
    VA_PTH_INERT,  /* of no use here: a float, a set, bytes */
    VA_PTH_OPAQUE, /* a class or function that is not known, and whatever comes of it */
    VA_PTH_NONE,
    VA_PTH_NUMBER, /* a whole number of at most 8 bytes, or a bool */
    VA_PTH_TEXT,
    VA_PTH_TUPLE,
    VA_PTH_LIST,
    VA_PTH_DICT,
    VA_PTH_GLOBAL,
    VA_PTH_STORAGE,
    VA_PTH_TENSOR,
};

struct va_pth_global;

struct va_pth_value {
    enum va_pth_kind kind;
    union {
        int64_t number;
        struct {
            uint32_t at, length; /* bytes of the pickle; of a long number, its own */
        } text;
        struct {
            uint32_t first, last, count; /* items */
            uint32_t state;              /* attributes of a dict: a value, or 0 */
        } list;
        struct {
            uint32_t module_at, name_at; /* bytes of the pickle: where an opaque one is from */
            uint16_t module_length, name_length;
            uint32_t state; /* attributes of an object: a dict, or 0 */
            bool object;    /* made of a class, not what is made of it */
        } origin;
        const struct va_pth_global *global;
        uint32_t index; /* of a storage or a tensor */
    };
};

struct va_pth_item {
    uint32_t value, next; /* next is 0 after the last */
};

/* What elements are: a type that tensors have here, or another of `size` bytes. */
struct va_pth_type {
    const char *name; /* of torch's dtype */
    int size;
    int dtype; /* enum va_dtype, or -1: no floating point that is used here */
    bool f8;   /* bytes that become float32 */
    enum va_f8 f8_kind;
};

/* A storage as the pickle names it. Several uses may name the same one. */
struct va_pth_use {
    const struct va_pth_type *type;
    uint32_t key_at, key_length; /* in the pickle */
    int64_t count;               /* elements */
    int64_t view;                /* the first element that tensors of this use can have */
    int64_t view_count;          /* and how many */
    int64_t id;                  /* which storage of the file: va_pth_resolve */
};

struct va_pth_tensor {
    const struct va_pth_type *type;
    uint32_t use;
    uint32_t sizes, strides; /* tuples of the same length, checked against the storage */
    int64_t offset;          /* elements, from the beginning of the storage */
    bool negated;            /* or conjugated: the numbers are not what the storage says */
};

struct va_pth_pickle {
    const char *path, *part; /* for messages: "model.pth", "data.pkl: " */
    uint8_t *bytes;          /* [size], owned */
    int64_t size, at;
    int64_t opcode;  /* where the one being done began */
    int64_t opcodes; /* done so far */

    struct va_pth_value *values; /* 0 is not used */
    struct va_pth_item *items;   /* 0 is not used */
    uint32_t *stack, *marks, *memo;
    struct va_pth_use *uses;
    struct va_pth_tensor *tensors;
    int64_t value_count, item_count, depth, mark_count, memo_count, use_count, tensor_count;
    int64_t value_room, item_room, stack_room, mark_room, memo_room, use_room, tensor_room;
};

/* ---- values: va_pth_values.c ------------------------------------------------------------ */

void va_pth_release(struct va_pth_pickle *p);

/* A message about the opcode being done: "FILE: data.pkl: byte N: found ..., expected ...". */
int va_pth_bad(const struct va_pth_pickle *p, const char *format, ...) VA_PRINTF(2, 3);

/* A new value, or 0 after reporting. Pointers to values hold until the next new one. */
VA_MUST_USE uint32_t va_pth_new(struct va_pth_pickle *p, enum va_pth_kind kind);
VA_MUST_USE int va_pth_add_item(struct va_pth_pickle *p, uint32_t container, uint32_t item);

const char *va_pth_kind_text(const struct va_pth_pickle *p, uint32_t value); /* "a list" */
/* The same with the class of an opaque value, "an object of datetime.datetime"; a new string. */
VA_MUST_USE char *va_pth_class_text(const struct va_pth_pickle *p, uint32_t value);
bool va_pth_is_text(const struct va_pth_pickle *p, uint32_t value, const char *text);
uint32_t va_pth_item(const struct va_pth_pickle *p, uint32_t container, uint32_t i); /* or 0 */
uint32_t va_pth_get(const struct va_pth_pickle *p, uint32_t dict, const char *key);  /* or 0 */
/* A whole number from 0 to 2^48; -1 where it is none. */
int64_t va_pth_count(const struct va_pth_pickle *p, uint32_t value);

/* ---- the machine: va_pth_pickle.c ------------------------------------------------------- */

/* Run one pickle from p->at to its end; its value, or 0 after reporting. */
VA_MUST_USE uint32_t va_pth_unpickle(struct va_pth_pickle *p);

/* ---- what pickles may name: va_pth_globals.c -------------------------------------------- */

/* The global of this name, NAME [length], or NULL where it is not one that is understood. */
const struct va_pth_global *va_pth_find_global(const char *name, size_t length);

/* What a call, a new object, a persistent id give: a value, or 0 after reporting. Whatever is
 * done with an opaque value gives it again. */
VA_MUST_USE uint32_t va_pth_call(struct va_pth_pickle *p, uint32_t callee, uint32_t args);
VA_MUST_USE uint32_t va_pth_new_object(struct va_pth_pickle *p, uint32_t class_, uint32_t args);
VA_MUST_USE uint32_t va_pth_persistent(struct va_pth_pickle *p, uint32_t id);

/* ---- the file around it: va_pth_zip.c, va_pth_legacy.c ---------------------------------- */

struct va_pth_zip;

struct va_pth_file {
    const char *path;
    struct va_stored bytes;
    int fd; /* of bytes, and its size */
    int64_t size;
    struct va_pth_pickle pickle;
    uint32_t top;           /* the value of the whole */
    struct va_pth_zip *zip; /* NULL: the older format */
    int64_t *
        begin; /* [storage_count] bytes from the beginning; -1: not in one piece, or not known */
    int64_t *storage_bytes; /* [storage_count] */
    int64_t storage_count;
};

/* Exactly `size` bytes at `offset`; 0, or -1 after reporting. */
VA_MUST_USE static inline int va_pth_read_at(const struct va_pth_file *f, void *data,
                                             int64_t size, int64_t offset)
{
    return va_input_read_all(f->fd, f->path, "a checkpoint of PyTorch", data, size, offset);
}

/* Unpickle, and find the storages that the pickle names: f->top, use[].id, storage_bytes. */
VA_MUST_USE int va_pth_zip_open(struct va_pth_file *f);
VA_MUST_USE int va_pth_legacy_open(struct va_pth_file *f);

/* All of a storage [storage_bytes[id]]; 0, or -1 after reporting. */
VA_MUST_USE int va_pth_zip_storage(const struct va_pth_file *f, int64_t id, void *buffer);

void va_pth_zip_close(struct va_pth_zip *z); /* NULL is fine */

/* ---- the model in it: va_pth_pick.c ----------------------------------------------------- */

struct va_pth_pick {
    char *name;      /* owned */
    uint32_t tensor; /* of the pickle */
    int64_t storage; /* of the file */
    int64_t at;      /* in the set */
};

struct va_pth_picks {
    struct va_pth_pick *items; /* [count] */
    int64_t count, room;
    int64_t left_out; /* tensors of other types */
};

/* Choose the dict (see va_pth_read) and pick its tensors of floating point; metadata go to the
 * set. 0, or -1 after reporting; the picks are to be released by the caller in any case. */
VA_MUST_USE int va_pth_pick(const struct va_pth_file *f, const char *from,
                            struct va_pth_picks *picks, struct va_tensors *set);

#endif
