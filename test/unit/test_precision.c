/*
 * --precision auto: what is measured, what is chosen from it, and who may say so beforehand.
 */
#include "base/va_attr.h"
#include "cpu/va_cpu_ops.h"
#include "ops/va_precision.h"
#include "test/va_test.h"
#include <stdlib.h>

static void a_measurement_leaves_the_device_as_it_was(void)
{
    struct va_precision_turn turns[VA_PRECISION_TURNS];
    struct va_backend *be = va_cpu_backend_new();
    int64_t held;

    be->precision = VA_INT8_PRODUCTS;
    VA_CHECK(va_precision_measure(be, turns) == 0);
    held = be->held; /* working memory stays */
    VA_CHECK(va_precision_measure(be, turns) == 0);
    for (int i = 0; i < VA_PRECISION_TURNS; i++)
        VA_CHECK(turns[i].f32 > 0 && turns[i].bf16 > 0);
    VA_CHECK_INT(be->precision, VA_INT8_PRODUCTS);
    VA_CHECK_INT(be->held, held);
    va_backend_free(be);
}

/* Whatever else the machine did for a while does not decide. */
static void the_median_turn_decides(void)
{
    struct va_precision_turn turns[VA_PRECISION_TURNS];

    for (int i = 0; i < VA_PRECISION_TURNS; i++)
        turns[i] = (struct va_precision_turn){ .f32 = .004, .bf16 = .002 };
    VA_CHECK(va_precision_gain(turns) == 2);
    for (int i = 0; i < VA_PRECISION_TURNS / 2; i++)
        turns[2 * i].bf16 = 1;
    VA_CHECK(va_precision_gain(turns) == 2);
    turns[1].bf16 = 1;
    VA_CHECK(va_precision_gain(turns) < VA_PRECISION_GAIN);
}

static int chosen_for(int64_t breadth, const char *wish, const char *const *names,
                      int precision)
{
    setenv("VA_PRECISION", wish, 1);
    VA_CHECK(va_precision_choose(names, "cpu", breadth, &precision) == 0);
    unsetenv("VA_PRECISION");
    return precision;
}

static int chosen(const char *wish, const char *const *names, int precision)
{
    return chosen_for(VA_BREADTH_WIDE, wish, names, precision);
}

static void auto_becomes_what_the_environment_says(void)
{
    const char *const *const lists[] = { va_precision_names, va_float_precision_names };

    for (size_t i = 0; i < VA_COUNT(lists); i++) {
        int open = 0;

        while (lists[i][open] && !va_precision_is_auto(lists[i], open))
            open++;
        VA_CHECK(lists[i][open] && !lists[i][open + 1]);
        VA_CHECK_INT(chosen("bf16", lists[i], open), VA_BF16_PRODUCTS);
        VA_CHECK_INT(chosen("f32", lists[i], open), VA_F32_PRODUCTS);
        VA_CHECK_INT(chosen("bf16", lists[i], VA_F32_PRODUCTS), VA_F32_PRODUCTS);
        VA_CHECK_INT(chosen("f32", lists[i], VA_BF16_PRODUCTS), VA_BF16_PRODUCTS);
    }
    VA_CHECK_INT(chosen("bf16", va_precision_names, VA_INT8_PRODUCTS), VA_INT8_PRODUCTS);
}

static void a_measurement_chooses_one_of_two(void)
{
    int got = chosen("", va_float_precision_names, 2);

    VA_CHECK(got == VA_F32_PRODUCTS || got == VA_BF16_PRODUCTS);
}

/* It is not measured, on whichever machine; but the environment has its way. */
static void a_narrow_model_is_faster_in_f32(void)
{
    for (int i = 0; i < 3; i++)
        VA_CHECK_INT(chosen_for(VA_BREADTH_NARROW, "", va_float_precision_names, 2),
                     VA_F32_PRODUCTS);
    VA_CHECK_INT(chosen_for(4, "bf16", va_float_precision_names, 2), VA_BF16_PRODUCTS);
    VA_CHECK_INT(chosen_for(4, "", va_float_precision_names, VA_BF16_PRODUCTS),
                 VA_BF16_PRODUCTS);
}

static void what_computes_in_f32_always_gets_that_name(void)
{
    for (int i = 0; va_precision_names[i]; i++)
        VA_CHECK_INT(chosen_for(VA_BREADTH_NONE, "bf16", va_precision_names, i),
                     VA_F32_PRODUCTS);
}

int main(void)
{
    VA_TEST(a_measurement_leaves_the_device_as_it_was);
    VA_TEST(the_median_turn_decides);
    VA_TEST(auto_becomes_what_the_environment_says);
    VA_TEST(a_measurement_chooses_one_of_two);
    VA_TEST(a_narrow_model_is_faster_in_f32);
    VA_TEST(what_computes_in_f32_always_gets_that_name);
    return va_test_finish();
}
