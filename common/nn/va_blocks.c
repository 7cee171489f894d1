#include "nn/va_blocks.h"

#include <stdio.h>

int va_blocks_declare(struct va_blocks *b, struct va_params *list, const char *prefix,
                      int64_t depth, const struct va_block_sizes *s, va_block_law law)
{
    char name[40];

    b->depth = depth;
    for (int64_t i = 0; i < depth; i++) {
        snprintf(name, sizeof(name), "%s.%d", prefix, (int)i);
        if (va_block_declare(&b->at[i], list, name, s, law) < 0)
            return -1;
    }
    return 0;
}

void va_blocks_plan(const struct va_blocks *b, const struct va_blocks_shape *shape,
                    struct va_arena *a, struct va_blocks_acts *acts)
{
    int64_t most = 0;
    void *work;

    acts->shape = *shape;
    for (int64_t i = 0; i < b->depth; i++) {
        int64_t queries = i + 1 == b->depth ? shape->queries : shape->T;
        bool training = i >= shape->first, place = training || queries < shape->T;
        struct va_transformer_room room = va_block_room(&b->at[i], shape->B, shape->T, queries,
                                                        training);

        most = room.work > most ? room.work : most;
        acts->at[i] = (struct va_block_acts){
            .tape = training ? va_arena_take(a, 1, room.tape) : NULL,
            .out = place ? va_arena_take(a, shape->B * queries, b->at[i].s.D) : NULL,
        };
    }
    work = va_arena_take(a, 1, most);
    for (int64_t i = 0; i < b->depth; i++)
        acts->at[i].work = work;
}

const void *va_blocks_forward(const struct va_blocks *b, int64_t B, int64_t queries, void *x,
                              const void *keep, struct va_blocks_acts *acts)
{
    const struct va_backend *be = b->at[0].params->be;
    int64_t T = acts->shape.T;

    acts->queries = queries;
    acts->result = x;
    for (int64_t i = 0; i < b->depth; i++) {
        int64_t n = i + 1 == b->depth ? queries : T;
        struct va_block_acts here = acts->at[i];

        acts->at[i].keep = here.keep = keep && here.tape ? va_at(be, keep, i * 2 * B) : NULL;
        if (!here.tape && n == T)
            here.out = x;
        va_block_forward(&b->at[i], B, T, n, acts->result, &here);
        acts->result = here.out;
    }
    return acts->result;
}

void *va_blocks_backward(const struct va_blocks *b, int64_t B, const void *x,
                         const struct va_blocks_acts *acts, void *const grad[2], bool want_dx)
{
    int64_t first = acts->shape.first, T = acts->shape.T, from = 0;

    for (int64_t i = b->depth - 1; i >= first; i--) {
        va_block_backward(&b->at[i], B, T, i + 1 == b->depth ? acts->queries : T,
                          i == first ? x : acts->at[i - 1].out, &acts->at[i], grad[from],
                          i > first || want_dx ? grad[1 - from] : NULL, acts->at[i].work);
        from = 1 - from;
    }
    return grad[from];
}
