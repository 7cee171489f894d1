/*
 * The wire format: a field is a key (number << 3 | kind) and a value, which is a varint (kind 0), 8
 * bytes (1), a length and as many bytes (2) or 4 bytes (5). A message is a run of fields in any order;
 * unknown ones are passed over. All spans below lie inside the file, which is held in memory.
 */
#include "weights/va_onnx.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are stored little-endian");

enum {
    FILE_MAX = 1 << 30,  /* bytes */
    NODES_MAX = 1 << 16, /* also of initializers */
    NAME_MAX_ = 512,
};

struct span {
    const uint8_t *at, *end;
};

struct field {
    int number, kind;
    uint64_t value;    /* kind 0 */
    struct span bytes; /* kinds 1, 2 and 5 */
};

/* A convolution or another node, as far as names need it. */
struct node {
    struct span op, in, weight, bias, out;
};

struct graph {
    const char *path;
    struct node *nodes; /* [count] */
    int64_t count, room;
    struct va_tensors *set;
};

/* ---- fields ------------------------------------------------------------------------------------ */

/* 1 and a number, or 0 where there is none. */
static int get_varint(struct span *s, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;

        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return 1;
    }
    return 0;
}

/* 1 and the next field, 0 at the end, -1 after reporting. */
static int next_field(const char *path, struct span *s, struct field *f)
{
    uint64_t key, size = 0;

    if (s->at == s->end)
        return 0;
    if (!get_varint(s, &key) || key >> 3 == 0 || key >> 3 > 1 << 20)
        return va_error("%s: not an ONNX model, or damaged: no field where one was expected",
                        path);
    f->number = (int)(key >> 3);
    f->kind = (int)(key & 7);
    if (f->kind == 1 || f->kind == 5)
        size = f->kind == 1 ? 8 : 4;
    else if (f->kind != 0 && f->kind != 2)
        return va_error("%s: not an ONNX model, or damaged: field %d of kind %d", path,
                        f->number, f->kind);
    if ((f->kind == 0 && !get_varint(s, &f->value)) ||
        (f->kind == 2 && !get_varint(s, &size)) || size > (uint64_t)(s->end - s->at))
        return va_error("%s: file ends early: field %d goes beyond its message", path,
                        f->number);
    f->bytes = (struct span){ s->at, s->at + size };
    s->at += size;
    return 1;
}

static bool is_text(struct span s, const char *text)
{
    size_t n = strlen(text);

    return (size_t)(s.end - s.at) == n && !memcmp(s.at, text, n);
}

static bool same(struct span a, struct span b)
{
    return a.end - a.at == b.end - b.at && a.at < a.end &&
           !memcmp(a.at, b.at, (size_t)(a.end - a.at));
}

/* ---- tensors ----------------------------------------------------------------------------------- */

/* Types of elements of the format, where they are floating point. */
static const struct type {
    int number;
    enum va_dtype dtype;
    int field; /* where elements stand that are not raw bytes; 0: as 32-bit numbers, not read */
} types[] = {
    { 1, VA_F32, 4 },
    { 11, VA_F64, 10 },
    { 10, VA_F16, 0 },
    { 16, VA_BF16, 0 },
};

struct tensor {
    char name[NAME_MAX_];
    const struct type *type; /* NULL: not floating point */
    int rank;
    int64_t shape[VA_RANK_MAX];
    bool external;
    struct span raw, list[2]; /* raw bytes; elements as numbers of 4 bytes, of 8 */
};

static int add_size(const char *path, struct tensor *t, uint64_t size)
{
    if (t->rank == VA_RANK_MAX)
        return va_error("%s: tensor %s: more than %d dimensions", path, t->name, VA_RANK_MAX);
    if (size > INT32_MAX)
        return va_error("%s: tensor %s: impossible size %llu", path, t->name,
                        (unsigned long long)size);
    t->shape[t->rank++] = (int64_t)size;
    return 0;
}

/* A field of a tensor but its name. */
static int tensor_field(const char *path, struct tensor *t, const struct field *f)
{
    struct span sizes = f->bytes;
    uint64_t size;

    switch (f->number) {
    case 1:
        if (f->kind == 0)
            return add_size(path, t, f->value);
        while (f->kind == 2 && sizes.at < sizes.end)
            if (!get_varint(&sizes, &size) || add_size(path, t, size) < 0)
                return va_error("%s: tensor %s: damaged shape", path, t->name);
        return 0;
    case 2:
        for (size_t i = 0; i < VA_COUNT(types); i++)
            if (f->value == (uint64_t)types[i].number)
                t->type = &types[i];
        return 0;
    case 4: t->list[0] = f->bytes; return 0;
    case 9: t->raw = f->bytes; return 0;
    case 10: t->list[1] = f->bytes; return 0;
    case 13: t->external = true; return 0;
    case 14: t->external = t->external || f->value == 1; return 0;
    default: return 0;
    }
}

/* The name first, for the messages. */
static int read_name(const char *path, struct span s, struct tensor *t)
{
    struct field f;
    int more;

    snprintf(t->name, sizeof(t->name), "without a name");
    while ((more = next_field(path, &s, &f)) == 1) {
        int64_t n = f.bytes.end - f.bytes.at;

        if (f.number != 8 || f.kind != 2)
            continue;
        if (n < 1 || n >= NAME_MAX_ || memchr(f.bytes.at, 0, (size_t)n))
            return va_error("%s: name of a tensor of %lld bytes, expected 1 to %d of text",
                            path, (long long)n, NAME_MAX_ - 1);
        memcpy(t->name, f.bytes.at, (size_t)n);
        t->name[n] = '\0';
    }
    return more;
}

/* Add an initializer to the set, if it is one of floating point with elements. */
static int read_tensor(struct graph *g, struct span s)
{
    struct tensor t = { .rank = 0 };
    struct va_tensor *to;
    struct span from, all = s;
    int64_t count = 1, bytes;
    struct field f;
    int more;

    if (read_name(g->path, s, &t) < 0)
        return -1;
    while ((more = next_field(g->path, &all, &f)) == 1)
        if (tensor_field(g->path, &t, &f) < 0)
            return -1;
    if (more < 0 || !t.type)
        return more;
    if (t.external)
        return va_error("%s: tensor %s: its values are in another file, expected them inside: "
                        "save the model as one file",
                        g->path, t.name);
    for (int i = 0; i < t.rank; i++)
        if (va_mul(count, t.shape[i], &count) < 0)
            return va_error("%s: tensor %s: impossible shape", g->path, t.name);
    if (count == 0)
        return 0;
    from = t.raw.at ? t.raw : t.type->field ? t.list[t.type->field == 10] : (struct span){ 0 };
    if (va_mul(count, (int64_t)va_dtype_size(t.type->dtype), &bytes) < 0 ||
        bytes != (from.at ? from.end - from.at : 0))
        return va_error("%s: tensor %s: %lld bytes, expected %lld elements of %s", g->path,
                        t.name, (long long)(from.at ? from.end - from.at : 0), (long long)count,
                        va_dtype_names[t.type->dtype]);
    if (g->set->count == NODES_MAX)
        return va_error("%s: more than %d tensors", g->path, NODES_MAX);
    to = va_tensors_add(g->set, t.name, t.type->dtype, t.rank, t.shape);
    if (!to)
        return -1;
    memcpy(to->data, from.at, (size_t)bytes);
    return 0;
}

/* ---- nodes ------------------------------------------------------------------------------------- */

static int read_node(struct graph *g, struct span s)
{
    struct node *n;
    struct field f;
    int more, inputs = 0, outputs = 0;

    if (g->count == NODES_MAX)
        return va_error("%s: more than %d nodes", g->path, NODES_MAX);
    if (va_grow(&g->nodes, &g->room, g->count + 1, sizeof(*g->nodes)) < 0)
        return -1;
    n = &g->nodes[g->count++];
    memset(n, 0, sizeof(*n));
    while ((more = next_field(g->path, &s, &f)) == 1) {
        if (f.kind != 2)
            continue;
        if (f.number == 1) {
            struct span *to[] = { &n->in, &n->weight, &n->bias };

            if (inputs < 3)
                *to[inputs] = f.bytes;
            inputs++;
        } else if (f.number == 2 && outputs++ == 0) {
            n->out = f.bytes;
        } else if (f.number == 4) {
            n->op = f.bytes;
        }
    }
    return more;
}

static int read_graph(struct graph *g, struct span s)
{
    struct field f;
    int more;

    while ((more = next_field(g->path, &s, &f)) == 1)
        if (f.kind == 2 && ((f.number == 1 && read_node(g, f.bytes) < 0) ||
                            (f.number == 5 && read_tensor(g, f.bytes) < 0)))
            return -1;
    return more;
}

/* ---- names ------------------------------------------------------------------------------------- */

static struct va_tensor *tensor_of(const struct graph *g, struct span name)
{
    char text[NAME_MAX_];
    int64_t n = name.end - name.at;

    if (n < 1 || n >= NAME_MAX_)
        return NULL;
    memcpy(text, name.at, (size_t)n);
    text[n] = '\0';
    return va_tensors_find(g->set, text);
}

static int rename_tensor(struct va_tensor *t, const char *base, size_t length, const char *rest)
{
    char *name = va_format("%.*s%s", (int)length, base, rest);

    if (!name)
        return -1;
    va_free(t->name);
    t->name = name;
    return 0;
}

/* Weight and bias of a convolution without names: after the one that it follows, whose second half
 * it is; the one that sees pixels is the first of all. */
static int name_convolution(const struct graph *g, const struct node *n)
{
    static const char first[] = "backbone.model0.conv1", half[] = ".conv1.weight";
    struct va_tensor *weight = tensor_of(g, n->weight), *bias = tensor_of(g, n->bias);

    if (!weight || strchr(weight->name, '.'))
        return 0;
    if (weight->rank == 4 && weight->shape[1] == 3)
        return rename_tensor(weight, first, strlen(first), ".weight") < 0 ||
                       (bias && rename_tensor(bias, first, strlen(first), ".bias") < 0)
                   ? -1
                   : 0;
    for (int64_t i = 0; i < g->count; i++) {
        const struct va_tensor *before;
        size_t length;

        if (!is_text(g->nodes[i].op, "Conv") || !same(g->nodes[i].out, n->in))
            continue;
        before = tensor_of(g, g->nodes[i].weight);
        length = before ? strlen(before->name) : 0;
        if (length <= strlen(half) || strcmp(before->name + length - strlen(half), half) != 0)
            continue;
        length -= strlen(half);
        return rename_tensor(weight, before->name, length, ".conv2.weight") < 0 ||
                       (bias && rename_tensor(bias, before->name, length, ".conv2.bias") < 0)
                   ? -1
                   : 0;
    }
    return 0;
}

/* The nodes that tell one net from another with the same tensors. */
static int check_yunet(const struct graph *g)
{
    static const struct {
        const char *op;
        int64_t count;
    } nodes[] = { { "MaxPool", 4 }, { "Resize", 2 }, { "Add", 2 }, { "Sigmoid", 6 } };

    for (size_t i = 0; i < VA_COUNT(nodes); i++) {
        int64_t count = 0;

        for (int64_t k = 0; k < g->count; k++)
            count += is_text(g->nodes[k].op, nodes[i].op);
        if (count != nodes[i].count)
            return va_error("%s: %lld nodes %s, expected the %lld of YuNet", g->path,
                            (long long)count, nodes[i].op, (long long)nodes[i].count);
    }
    return 0;
}

static int name_tensors(struct graph *g)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < g->count; i++) { /* sizes, which are no weights */
        struct va_tensor *size = is_text(g->nodes[i].op, "Resize")
                                     ? tensor_of(g, g->nodes[i].bias)
                                     : NULL;

        if (size)
            *size->name = '\0';
    }
    for (int64_t i = 0; i < g->set->count; i++) {
        struct va_tensor t = g->set->items[i];

        if (*t.name) {
            g->set->items[kept++] = t;
        } else {
            va_free(t.name);
            va_free(t.data);
        }
    }
    g->set->count = kept;
    if (!va_tensors_find(g->set, "bbox_head.multi_level_cls.0.conv1.weight"))
        return 0;
    if (check_yunet(g) < 0)
        return -1;
    for (int64_t i = 0; i < g->count; i++)
        if (is_text(g->nodes[i].op, "Conv") && name_convolution(g, &g->nodes[i]) < 0)
            return -1;
    return 0;
}

/* ---- the file ---------------------------------------------------------------------------------- */

bool va_onnx_begins(const uint8_t *head)
{
    return head[0] == 8 && head[1] >= 3 && head[1] <= 32 &&
           head[2] == 0x12; /* version, producer */
}

static int read_model(struct graph *g, struct span s)
{
    struct field f;
    int more;

    while ((more = next_field(g->path, &s, &f)) == 1)
        if (f.number == 7 && f.kind == 2 && read_graph(g, f.bytes) < 0)
            return -1;
    return more < 0 ? -1 : name_tensors(g);
}

struct va_tensors *va_onnx_read(const char *path)
{
    struct graph g = { .path = path };
    uint8_t *bytes = NULL;
    int64_t size;
    int fd = va_input_open(path, "an ONNX model", &size), result = -1;

    if (fd < 0)
        return NULL;
    if (size > FILE_MAX) {
        va_error("%s: %lld bytes, expected an ONNX model of at most %d", path, (long long)size,
                 FILE_MAX);
        goto done;
    }
    bytes = va_new(size, 1);
    g.set = va_tensors_new();
    if (bytes && g.set && va_input_read_all(fd, path, "an ONNX model", bytes, size, 0) == 0)
        result = read_model(&g, (struct span){ bytes, bytes + size });
done:
    close(fd);
    va_free(bytes);
    va_free(g.nodes);
    if (result < 0) {
        va_tensors_free(g.set);
        return NULL;
    }
    return g.set;
}
