/*
 * An encoder that is only run has its weights in their prepared form alone: its rows are those of one
 * that has the values, too, byte by byte, and it takes less memory. Of an encoder that is trained, so are the
 * blocks that are not, where their values can be had back.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "cpu/va_cpu_ops.h"
#include "model/va_rater.h"
#include "test/va_test.h"

/* No width is a multiple of a panel's. */
static const struct va_rater_config odd = { .encoder = { .image = 12,
                                                         .eps = 1e-6,
                                                         .patch = 4,
                                                         .width = 36,
                                                         .depth = 2,
                                                         .heads = 3,
                                                         .mlp = 71,
                                                         .std = { 1, 1, 1 } },
                                            .va = true,
                                            .classes = 7 };
enum { B = 3, P = 9, S = 48, D = 36 };

/* Values as a file would have them, in float32 or 16 bits. */
static struct va_tensors *some_weights(enum va_dtype type)
{
    struct va_params list;
    struct va_tensors *set = va_tensors_new();

    va_params_init(&list, NULL);
    VA_CHECK(set && va_rater_declare(&odd, &list) == 0);
    for (int64_t i = 0; set && i < list.count; i++) {
        const struct va_param *p = &list.items[i];
        struct va_tensor *t = va_tensors_add(set, p->name, type, p->rank, p->shape);

        for (int64_t k = 0; t && k < t->count; k++) {
            float x = .2f * (float)va_rand_normal(3, VA_RAND_TEST, (uint64_t)i, (uint64_t)k);

            if (type == VA_F32)
                ((float *)t->data)[k] = x;
            else
                ((uint16_t *)t->data)[k] = type == VA_F16 ? va_to_f16(x) : va_to_bf16(x);
        }
    }
    va_params_release(&list);
    return set;
}

/* Predictions [B, 2] of a rater with these weights; *held gets the memory of its device. */
static void run(const struct va_tensors *set, enum va_precision precision, bool run_only,
                float *pred, int64_t *held)
{
    struct va_backend *be = va_cpu_backend_new();
    struct va_rater *r;
    float x[B * P * S];
    void *patches, *cls, *out;

    be->precision = precision;
    r = run_only ? va_rater_new_run_only(be, &odd) : va_rater_new(be, &odd, 0);
    VA_CHECK(r && va_params_load(va_rater_params(r), set, "w") == 0);
    va_params_changed(va_rater_params(r));
    VA_CHECK(va_vit_reserve(va_rater_encoder(r), B) == 0);
    *held = be->held;
    for (int i = 0; i < B * P * S; i++)
        x[i] = (float)va_rand_normal(4, VA_RAND_TEST, 0, (uint64_t)i);
    patches = be->ops->alloc(be, B * P * S);
    cls = be->ops->alloc(be, (int64_t)B * D);
    out = be->ops->alloc(be, 2 * B);
    be->ops->put_f32(be, patches, x, B * P * S);
    va_vit_forward(va_rater_encoder(r), B, patches, cls);
    va_rater_heads(r, B, cls, out, NULL);
    be->ops->get_f32(be, pred, out, 2 * B);
    VA_CHECK(va_backend_check(be) == 0);
    be->ops->free(be, patches);
    be->ops->free(be, cls);
    be->ops->free(be, out);
    va_rater_free(r);
    va_backend_free(be);
}

static void rows_are_the_same_and_memory_is_less(void)
{
    static const enum va_dtype types[] = { VA_F32, VA_F16, VA_BF16 };

    for (int precision = VA_F32_PRODUCTS; precision <= VA_INT8_PRODUCTS; precision++)
        for (size_t i = 0; i < VA_COUNT(types); i++) {
            struct va_tensors *set = some_weights(types[i]);
            float all[2 * B], only[2 * B];
            int64_t held, less;

            run(set, (enum va_precision)precision, false, all, &held);
            run(set, (enum va_precision)precision, true, only, &less);
            VA_CHECK(all[0] != all[2] && !memcmp(all, only, sizeof(all)));
            VA_CHECK(less < held);
            va_tensors_free(set);
        }
}

static void another_precision_is_refused(void)
{
    struct va_backend *be = va_cpu_backend_new();
    struct va_rater *r = va_rater_new_run_only(be, &odd);
    struct va_tensors *set = some_weights(VA_F32);
    char line[256] = "";
    void *cls = be->ops->alloc(be, (int64_t)B * D), *pred = be->ops->alloc(be, 2 * B);

    VA_CHECK(r && va_params_load(va_rater_params(r), set, "w") == 0);
    be->precision = VA_BF16_PRODUCTS;
    va_error_catch_begin(line, sizeof(line));
    va_rater_heads(r, B, cls, pred, NULL);
    VA_CHECK(va_backend_check(be) == -1);
    VA_CHECK_INT(va_error_catch_end(), VA_EXIT_MACHINE);
    VA_CHECK(strstr(line, "prepared for another precision"));
    be->ops->free(be, cls);
    be->ops->free(be, pred);
    va_rater_free(r);
    va_tensors_free(set);
    va_backend_free(be);
}

static void a_value_that_is_no_number_is_named(void)
{
    struct va_backend *be = va_cpu_backend_new();
    struct va_rater *r = va_rater_new_run_only(be, &odd);
    struct va_tensors *set = some_weights(VA_F32);
    struct va_tensor *t = va_tensors_find(set, "blocks.1.mlp.fc2.weight");
    char line[256] = "";

    if (t)
        ((float *)t->data)[1000] = ((float *)t->data)[17] = NAN;
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(t && r && va_params_load(va_rater_params(r), set, "w.h5") == -1);
    VA_CHECK_INT(va_error_catch_end(), VA_EXIT_INPUT);
    VA_CHECK(!strcmp(line,
                     "w.h5: blocks.1.mlp.fc2.weight: element 17 is nan, expected a finite "
                     "number"));
    va_rater_free(r);
    va_tensors_free(set);
    va_backend_free(be);
}

/* The entry's values, in pieces that begin and end anywhere. */
static void get_in_pieces(struct va_backend *be, const struct va_param *p, float *to)
{
    for (int64_t at = 0, n = 1; at < p->count; at += n, n = n * 2 + 1) {
        n = p->count - at < n ? p->count - at : n;
        be->ops->weight_get(be, &p->value, at, n, to + at);
    }
}

/* Loaded and drawn values of a rater whose first block is frozen come back as they were put. */
static void frozen(enum va_precision precision, bool alone)
{
    struct va_backend *be = va_cpu_backend_new();
    struct va_tensors *set = some_weights(VA_F32), *drawn = va_tensors_new();
    struct va_rater *r, *all;
    struct va_params *list;
    int64_t without = 0;

    be->precision = precision;
    r = va_rater_new(be, &odd, 1);
    all = va_rater_new(be, &odd, 0);
    list = va_rater_params(r);
    VA_CHECK(va_params_load(list, set, "w") == 0);
    for (int64_t i = 0; i < list->count; i++) {
        const struct va_param *p = &list->items[i];
        const struct va_tensor *t = va_tensors_find(set, p->name);
        float *values = va_new(p->count, sizeof(*values));

        without += !p->value.data;
        VA_CHECK(p->frozen || p->value.data);
        get_in_pieces(be, p, values);
        VA_CHECK(t && !memcmp(values, t->data, (size_t)p->count * sizeof(*values)));
        va_free(values);
    }
    VA_CHECK_INT(without, alone ? 5 : 0); /* the embedding and four of the block */
    VA_CHECK(va_params_draw(list, 7) == 0 && va_params_draw(va_rater_params(all), 7) == 0);
    VA_CHECK(va_params_store(list, drawn) == 0);
    for (int64_t i = 0; i < list->count; i++)
        VA_CHECK(!memcmp(drawn->items[i].data, va_rater_params(all)->items[i].value.data,
                         (size_t)drawn->items[i].count * sizeof(float)));
    va_rater_free(all);
    va_rater_free(r);
    va_tensors_free(drawn);
    va_tensors_free(set);
    va_backend_free(be);
}

static void frozen_blocks_give_their_values_back(void)
{
    frozen(VA_F32_PRODUCTS, true);
    frozen(VA_BF16_PRODUCTS, false);
}

int main(void)
{
    VA_TEST(rows_are_the_same_and_memory_is_less);
    VA_TEST(another_precision_is_refused);
    VA_TEST(a_value_that_is_no_number_is_named);
    VA_TEST(frozen_blocks_give_their_values_back);
    return va_test_finish();
}
