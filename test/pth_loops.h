/*
 * pth_loops.h - pickles that take a loop to be hostile: too many of something, or too deep.
 */
#ifndef PTH_LOOPS_H
#define PTH_LOOPS_H

#include "test/pth_pickles.h"

static inline void repeated(struct pth_bytes *b, const char *what, int times, const char *end)
{
    PTH(b, PROTO2);
    for (int i = 0; i < times; i++)
        pth_raw(b, what, strlen(what));
    pth_raw(b, end, strlen(end));
}

static inline void many_marks(struct pth_bytes *b)
{
    repeated(b, "(", 5000, ".");
}

static inline void many_values(struct pth_bytes *b)
{
    repeated(b, "N", 1 << 21, ".");
}

static inline void many_opcodes(struct pth_bytes *b)
{
    repeated(b, "N0", 1 << 20, "N.");
}

/* A list of 4096 pairs, again and again made into a dict. */
static inline void many_items(struct pth_bytes *b)
{
    PTH(b, PROTO2 "ccollections\nOrderedDict\nq\x00"
                  "](");
    for (int i = 0; i < 4096; i++)
        PTH(b, "NN\x86");
    PTH(b, "e\x85q\x01");
    for (int i = 0; i < 1000; i++)
        PTH(b, "h\x00h\x01R0");
    PTH(b, ".");
}

/* Dicts of ten times the one before, fifteen of them: 10^15 paths. */
static inline void many_paths(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}");
    for (int depth = 0; depth < 14; depth++) {
        PTH(b, "q\x01"
               "0}(");
        for (int i = 0; i < 10; i++) {
            pth_number(b, i);
            PTH(b, "h\x01");
        }
        PTH(b, "u");
    }
    PTH(b, "q\x01"
           "0}");
    pth_text(b, "model");
    PTH(b, "h\x01s.");
}

static inline void deep_dicts(struct pth_bytes *b)
{
    PTH(b, PROTO2);
    for (int i = 0; i < 40; i++) {
        PTH(b, "}");
        pth_text(b, "model");
    }
    PTH(b, "N");
    for (int i = 0; i < 40; i++)
        PTH(b, "s");
    PTH(b, ".");
}

/* A dict under its own key beside a tensor. */
static inline void self_dict(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}q\x00");
    pth_text(b, "w");
    pth_tensor(b, &whole);
    PTH(b, "s");
    pth_text(b, "inner");
    PTH(b, "h\x00s.");
}

/* Attributes that would be called if objects were made. */
static inline void build_code(struct pth_bytes *b)
{
    PTH(b, PROTO2 "cargparse\nNamespace\n)\x81}");
    pth_text(b, "__setstate__");
    PTH(b, "cos\nsystem\nsb");
    pth_text(b, "touch owned");
    PTH(b, "b.");
}

/* Sizes and strides that are not as many. */
static inline void ragged(struct pth_bytes *b)
{
    PTH(b, PROTO2 GLOBAL_V "(");
    pth_storage(b, "FloatStorage", "0", FLOATS);
    PTH(b, "K\0K\2K\3\x86K\1\x85tR.");
}

/* Tensors without end: from the memo, each a new one. */
static inline void many_tensors(struct pth_bytes *b)
{
    PTH(b, PROTO2 GLOBAL_V "q\0(");
    pth_storage(b, "FloatStorage", "0", FLOATS);
    PTH(b, "K\0K\6\x85K\1\x85tq\1");
    for (int i = 0; i < 70000; i++)
        PTH(b, "h\0h\1R0");
    PTH(b, ".");
}

/* A dict of more tensors than a model has. */
static inline void many_entries(struct pth_bytes *b)
{
    PTH(b, PROTO2);
    pth_tensor(b, &part);
    PTH(b, "q\0"
           "0}(");
    for (int i = 0; i < 16385; i++)
        PTH(b, "K\1h\0");
    PTH(b, "u.");
}

static inline void long_name(struct pth_bytes *b)
{
    char name[600] = { 0 };

    memset(name, 'n', sizeof(name) - 1);
    PTH(b, PROTO2 "}");
    pth_text(b, name);
    pth_tensor(b, &part);
    PTH(b, "s.");
}

static inline void many_storages(struct pth_bytes *b)
{
    PTH(b, PROTO2);
    pth_storage(b, "FloatStorage", "0", FLOATS);
    b->size -= 1; /* the tuple stays */
    PTH(b, "q\0");
    for (int i = 0; i < 70000; i++)
        PTH(b, "h\0Q0");
    PTH(b, ".");
}

static inline void build_tensor(struct pth_bytes *b)
{
    PTH(b, PROTO2);
    pth_tensor(b, &whole);
    PTH(b, "}b.");
}

static inline void negated(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}");
    pth_text(b, "w");
    pth_tensor(b, &whole);
    b->size -= 2; /* the end of the arguments, the call */
    PTH(b, "}");
    pth_text(b, "neg");
    PTH(b, "\x88stRs.");
}

static inline void other_class(struct pth_bytes *b)
{
    PTH(b, PROTO2 "ctorch._tensor\n_rebuild_from_type_v2\n(" GLOBAL_V "cargparse\nNamespace\n");
    PTH(b, ")}tR.");
}

static inline void twice_named(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}(");
    for (int i = 0; i < 2; i++) {
        pth_text(b, "w");
        pth_tensor(b, &part);
    }
    PTH(b, "u.");
}

static inline void newline_in_name(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}");
    pth_text(b, "w\nva-weights: all is well");
    pth_tensor(b, &part);
    PTH(b, "s.");
}

static inline void tuple_as_key(struct pth_bytes *b)
{
    PTH(b, PROTO2 "})");
    pth_tensor(b, &part);
    PTH(b, "s.");
}

/* The same beside an object, which is said of others. */
static inline void object_as_key(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}(");
    pth_text(b, "when");
    PTH(b, "cdatetime\ndate\n)Rclib\nKey\n");
    pth_tensor(b, &part);
    PTH(b, "u.");
}

static inline void no_model(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}(");
    pth_text(b, "epoch");
    PTH(b, "K\x03");
    pth_text(b, "optimizer");
    PTH(b, "}u.");
}

static inline void after_the_end(struct pth_bytes *b)
{
    pickle_of(b, &part);
    PTH(b, "cos\nsystem\n");
}

#endif
