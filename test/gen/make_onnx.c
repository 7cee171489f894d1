/*
 * make_onnx MODEL.h5 OUT.onnx [CASE] - a detector of faces (arch = yunet) as PyTorch exports it: the
 * tensors that had a batch norm get numbers for names. With a CASE it is damaged:
 *   external   values of a tensor in another file      short   fewer bytes than a shape says
 *   huge       sizes whose product is beyond int64      rank    seven dimensions
 *   twice      a tensor twice                           pools   a node too few
 *   group      a field of a kind that is not used       list    good, numbers as a list
 */
#include "base/va_mem.h"
#include "weights/va_model_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *data;
    int64_t size, room;
};

static const char *damage = "";

static bool is(const char *name)
{
    return !strcmp(damage, name);
}

static void put(struct bytes *b, const void *data, int64_t n)
{
    if (va_grow(&b->data, &b->room, b->size + n, 1) < 0)
        exit(4);
    if (n)
        memcpy(b->data + b->size, data, (size_t)n);
    b->size += n;
}

static void put_varint(struct bytes *b, uint64_t x)
{
    do {
        uint8_t byte = (uint8_t)(x & 127) | (x > 127 ? 128 : 0);

        put(b, &byte, 1);
        x >>= 7;
    } while (x);
}

static void put_number(struct bytes *b, int field, uint64_t x)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, x);
}

static void put_bytes(struct bytes *b, int field, const void *data, int64_t n)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, (uint64_t)n);
    put(b, data, n);
}

static void put_text(struct bytes *b, int field, const char *text)
{
    put_bytes(b, field, text, (int64_t)strlen(text));
}

static void put_message(struct bytes *b, int field, struct bytes *message)
{
    put_bytes(b, field, message->data, message->size);
    va_free(message->data);
    *message = (struct bytes){ 0 };
}

static void put_tensor(struct bytes *graph, const char *name, const struct va_tensor *t,
                       bool first)
{
    int64_t bytes = t->count * 4 - (first && is("short") ? 4 : 0);
    struct bytes m = { 0 };

    for (int i = 0; i < t->rank; i++)
        put_number(&m, 1, first && is("huge") ? INT32_MAX : (uint64_t)t->shape[i]);
    for (int i = t->rank; first && is("rank") && i < 7; i++)
        put_number(&m, 1, 1);
    put_number(&m, 2, 1); /* float */
    put_text(&m, 8, name);
    put_bytes(&m, is("list") ? 4 : 9, t->data, bytes);
    if (first && is("external"))
        put_number(&m, 14, 1);
    if (first && is("group"))
        put_varint(&m, 15 << 3 | 3);
    put_message(graph, 5, &m);
}

static void put_node(struct bytes *graph, const char *op, const char *in, const char *a,
                     const char *b, const char *out)
{
    struct bytes m = { 0 };

    put_text(&m, 1, in);
    if (a)
        put_text(&m, 1, a);
    if (b)
        put_text(&m, 1, b);
    put_text(&m, 2, out);
    put_text(&m, 4, op);
    put_message(graph, 1, &m);
}

/* Whether a batch norm stood behind this convolution. */
static bool had_norm(const char *name)
{
    return strstr(name, "model0.conv1.") ||
           (strstr(name, ".conv2.") && !strstr(name, ".conv2.conv1.") &&
            (!strstr(name, "multi_level_") || strstr(name, "share")));
}

/* Weight and bias, i and i + 1 of a set, and their node. */
static void put_convolution(struct bytes *graph, const struct va_tensors *set, int64_t i)
{
    const struct va_tensor *w = &set->items[i];
    char names[2][100], in[32], out[32];

    for (int k = 0; k < 2; k++)
        if (had_norm(w->name))
            snprintf(names[k], sizeof(names[k]), "%lld", (long long)(400 + i + k));
        else
            snprintf(names[k], sizeof(names[k]), "%s", set->items[i + k].name);
    snprintf(in, sizeof(in), i ? "t%lld" : "input", (long long)(i - 2));
    snprintf(out, sizeof(out), "t%lld", (long long)i);
    put_node(graph, "Conv", in, names[0], names[1], out);
    for (int k = 0; k < 2; k++)
        put_tensor(graph, names[k], &set->items[i + k], i == 0 && k == 0);
    if (i == 0 && is("twice"))
        put_tensor(graph, names[0], w, false);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *op;
        int count;
    } others[] = { { "MaxPool", 4 }, { "Add", 2 }, { "Sigmoid", 6 } };
    struct va_tensors *set = argc > 2 ? va_model_read(argv[1], NULL) : NULL;
    struct bytes model = { 0 }, graph = { 0 };
    FILE *f;

    if (!set) {
        fprintf(stderr, "usage: make_onnx MODEL.h5 OUT.onnx [CASE]\n");
        return 2;
    }
    damage = argc > 3 ? argv[3] : "";
    for (int64_t i = 0; i + 1 < set->count; i += 2)
        put_convolution(&graph, set, i);
    for (int i = 0; i < 3; i++)
        for (int k = i == 0 && is("pools"); k < others[i].count; k++)
            put_node(&graph, others[i].op, "x", NULL, NULL, "y");
    for (int k = 0; k < 2; k++)
        put_node(&graph, "Resize", "x", "none", "scales", "y");
    put_tensor(&graph, "scales",
               &(struct va_tensor){
                   .rank = 1, .shape = { 4 }, .count = 4, .data = (float[]){ 1, 1, 2, 2 } },
               false);
    put_number(&model, 1, 6); /* version of the format */
    put_text(&model, 2, "make_onnx");
    put_message(&model, 7, &graph);
    f = fopen(argv[2], "wb");
    if (!f || fwrite(model.data, 1, (size_t)model.size, f) != (size_t)model.size ||
        fclose(f) != 0) {
        perror(argv[2]);
        return 4;
    }
    va_free(model.data);
    va_tensors_free(set);
    return 0;
}
