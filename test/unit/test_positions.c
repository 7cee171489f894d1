/*
 * Tables of positions resampled as timm does.
 */
#include "weights/va_positions.h"

#include "base/va_error.h"
#include "test/va_golden.h"

/* Numbers up to 1, recorded from float64: two roundings to float32. */
#define BOUND 1.2e-7

static void recorded_tables(void)
{
    struct va_tensors *set = va_golden_load("positions/cases.safetensors");
    double worst = 0;
    int cases = 0;

    if (!set)
        VA_SKIP("recorded tables are not here");
    for (;; cases++) {
        char name[32];
        struct va_tensor *from;
        const struct va_tensor *to;
        int64_t grid;

        snprintf(name, sizeof(name), "from.%d", cases);
        from = va_tensors_find(set, name);
        snprintf(name, sizeof(name), "to.%d", cases);
        to = va_tensors_find(set, name);
        if (!from || !to)
            break;
        grid = lround(sqrt((double)(to->shape[1] - 1)));
        VA_CHECK(va_positions_resample(from, 1, grid, "x") == 0);
        VA_CHECK_INT(from->count, to->count);
        VA_CHECK_INT(from->shape[1], to->shape[1]);
        for (int64_t i = 0; i < to->count && !va_test_bad; i++) {
            double off = fabs(va_tensor_at(from, i) - va_tensor_at(to, i));

            VA_CHECK_NEAR(va_tensor_at(from, i), va_tensor_at(to, i), BOUND);
            worst = va_worse(worst, off);
        }
    }
    VA_CHECK(cases >= 7);
    printf("# %d tables, off by %.2g at most\n", cases, worst);
    va_tensors_free(set);
}

static void halves_become_floats(void)
{
    struct va_tensors *set = va_tensors_new();
    struct va_tensor *t =
        set ? va_tensors_add(set, "pos_embed", VA_F16, 3, (int64_t[]){ 1, 5, 2 }) : NULL;

    if (!t)
        abort();
    for (int i = 0; i < 10; i++)
        ((uint16_t *)t->data)[i] = va_to_f16(i < 2 ? 7 : .5f);
    VA_CHECK(va_positions_resample(t, 1, 3, "x") == 0);
    VA_CHECK(t->dtype == VA_F32 && t->count == 20);
    for (int i = 0; i < 20; i++)
        VA_CHECK_NEAR(va_tensor_at(t, i), i < 2 ? 7 : .5, 1e-7);
    va_tensors_free(set);
}

static void other_tables_are_refused(void)
{
    static const int64_t shapes[][4] = { { 3, 1, 6, 2 }, { 3, 2, 5, 2 }, { 3, 1, 1, 2 },
                                         { 3, 1, 5, 0 }, { 2, 5, 2, 0 }, { 3, 1, 0, 2 } };

    for (size_t i = 0; i < VA_COUNT(shapes); i++) {
        struct va_tensors *set = va_tensors_new();
        struct va_tensor *t = set ? va_tensors_add(set, "pos_embed", VA_F32, (int)shapes[i][0],
                                                   shapes[i] + 1)
                                  : NULL;
        char line[256] = "";

        if (!t)
            abort();
        va_error_catch_begin(line, sizeof(line));
        VA_CHECK(va_positions_resample(t, 1, 3, "x.st") < 0);
        va_error_catch_end();
        VA_CHECK(strstr(line, "x.st: pos_embed: not a table of positions") != NULL);
        va_tensors_free(set);
    }
}

int main(void)
{
    VA_TEST(recorded_tables);
    VA_TEST(halves_become_floats);
    VA_TEST(other_tables_are_refused);
    return va_test_finish();
}
