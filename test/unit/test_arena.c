/* The arena: what is measured is what is handed out, aligned and apart; marks share. */
#include "ops/va_arena.h"

#include "base/va_error.h"
#include "ref/va_ref_ops.h"
#include "test/va_test.h"

static struct va_backend *be;

struct places {
    double *a, *b, *c, *d;
};

/* c and d are not alive together. */
static struct places plan(struct va_arena *arena, int64_t n)
{
    struct places p;
    int64_t mark;

    p.a = va_arena_take(arena, n, 3);
    p.b = va_arena_take(arena, 1, 1);
    mark = va_arena_mark(arena);
    p.c = va_arena_take(arena, n, 7);
    va_arena_rewind(arena, mark);
    p.d = va_arena_take(arena, n, 5);
    return p;
}

static void measured_then_taken(void)
{
    struct va_arena arena;
    struct places p;

    va_arena_init(&arena, be);
    va_arena_begin(&arena);
    p = plan(&arena, 11);
    VA_CHECK(!p.a && !p.b && !p.c && !p.d);
    VA_CHECK(va_arena_commit(&arena) == 0);
    p = plan(&arena, 11);
    VA_CHECK_INT(p.b - p.a, 48); /* 33 numbers, up to a multiple of 16 */
    VA_CHECK_INT(p.c - p.b, 16);
    VA_CHECK(p.d == p.c);
    VA_CHECK_INT(arena.size, 48 + 16 + 80);
    p.c[76] = 1; /* within */
    va_arena_release(&arena);
    VA_CHECK_INT(be->held, 0);
}

static void memory_is_kept(void)
{
    struct va_arena arena;
    void *base;

    va_arena_init(&arena, be);
    va_arena_begin(&arena);
    plan(&arena, 100);
    VA_CHECK(va_arena_commit(&arena) == 0);
    base = arena.base;
    va_arena_begin(&arena); /* less is needed: the same place */
    plan(&arena, 50);
    VA_CHECK(va_arena_commit(&arena) == 0 && arena.base == base);
    VA_CHECK((void *)plan(&arena, 50).a == base);
    va_arena_begin(&arena);
    plan(&arena, 200);
    VA_CHECK(va_arena_commit(&arena) == 0 && arena.size > 200 * 10);
    va_arena_release(&arena);
}

static void too_large(void)
{
    struct va_arena arena;
    char line[256];

    va_arena_init(&arena, be);
    va_arena_begin(&arena);
    va_arena_take(&arena, INT64_MAX / 2, 3);
    va_arena_take(&arena, -1, 3);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_arena_commit(&arena) < 0);
    va_error_catch_end();
    VA_CHECK(strstr(line, "too large to address") != NULL);
    va_arena_release(&arena);
}

int main(void)
{
    be = va_ref_backend_new();
    VA_TEST(measured_then_taken);
    VA_TEST(memory_is_kept);
    VA_TEST(too_large);
    va_backend_free(be);
    return va_test_finish();
}
