/*
 * va.model/1: what was put is read back, in order, as float32, at once or when
 * they are taken; values that are no numbers are refused by name and place.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "test/va_test.h"
#include "weights/va_model_file.h"
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/va_model_XXXXXX";
static char path[64];

static struct va_tensors *small_model(void)
{
    struct va_tensors *set = va_tensors_new();
    struct va_tensor *t = set ? va_tensors_add(set, "z.weight", VA_F32, 2, (int64_t[]){ 2, 3 })
                              : NULL;

    if (!t || va_tensors_set_meta(set, "arch", "mamba-va") < 0)
        abort();
    for (int i = 0; i < 6; i++)
        ((float *)t->data)[i] = (float)i / 3;
    if (!(t = va_tensors_add(set, "a", VA_F32, 0, NULL)))
        abort();
    *(float *)t->data = -7;
    return set;
}

static int save(const struct va_tensors *set)
{
    struct va_h5_out *out;

    va_input_forget(path);
    out = va_h5_create(path, "va.model/1");
    if (out && va_model_put(out, set) == 0)
        return va_h5_commit(&out);
    va_h5_abort(out);
    return -1;
}

static void order_values_and_metadata_come_back(void)
{
    static const char *const meta[][2] = {
        { "image_size", "224" }, { "mean", "0.471,0.363,1e-07" },
        { "in-norm", "yes" },    { "channels", "4,3,2" },
        { "dropout", "0.3" },    { "odd", "007" },
    };
    struct va_tensors *set = small_model(), *back;
    char *id = NULL;

    for (size_t i = 0; i < VA_COUNT(meta); i++)
        VA_CHECK(va_tensors_set_meta(set, meta[i][0], meta[i][1]) == 0);
    VA_CHECK(save(set) == 0);
    back = va_model_read(path, &id);
    VA_CHECK(back != NULL && id && strlen(id) == 32);
    if (back) {
        VA_CHECK_INT(back->count, 2);
        VA_CHECK(!strcmp(back->items[0].name, "z.weight") && !strcmp(back->items[1].name, "a"));
        VA_CHECK(!memcmp(back->items[0].data, set->items[0].data, 6 * sizeof(float)));
        VA_CHECK_INT(back->items[1].rank, 0);
        VA_CHECK_INT(back->meta_count, 1 + (int64_t)VA_COUNT(meta));
        for (size_t i = 0; i < VA_COUNT(meta); i++)
            VA_CHECK(va_tensors_meta(back, meta[i][0]) &&
                     !strcmp(va_tensors_meta(back, meta[i][0]), meta[i][1]));
    }
    va_free(id);
    va_tensors_free(back);
    va_tensors_free(set);
}

static void numbers_are_stored_as_numbers(void)
{
    struct va_tensors *set = small_model();
    struct va_h5_in *in;
    double mean[3] = { 0 };
    int64_t size = 0;

    VA_CHECK(va_tensors_set_meta(set, "image_size", "64") == 0);
    VA_CHECK(va_tensors_set_meta(set, "mean", "0.5,0.25,1") == 0);
    VA_CHECK(save(set) == 0);
    in = va_h5_open(path, "va.model/1");
    VA_CHECK(in && va_h5_get_int(in, NULL, "image_size", &size) == 0 && size == 64);
    VA_CHECK(in && va_h5_get_reals(in, NULL, "mean", 3, mean) == 0 && mean[1] == 0.25);
    va_h5_close(in);
    va_tensors_free(set);
}

static void halves_become_float32(void)
{
    static const uint16_t half[] = { 0x3c00, 0xc000, 0x0001, 0x7bff }; /* 1, -2, 2^-24, 65504 */
    static const uint16_t brain[] = { 0x3f80, 0xc000, 0x0080, 0x7f7f }; /* 1, -2, 2^-126, ... */
    static const float expected[] = { 1, -2, 0x1p-24f, 65504, 1, -2, 0x1p-126f, 0x1.fep127f };
    struct va_tensors *set = small_model(), *back;
    struct va_tensor *t = va_tensors_add(set, "h", VA_F16, 1, (int64_t[]){ 4 });

    if (t)
        memcpy(t->data, half, sizeof(half));
    t = va_tensors_add(set, "b", VA_BF16, 1, (int64_t[]){ 4 });
    if (t)
        memcpy(t->data, brain, sizeof(brain));
    VA_CHECK(save(set) == 0);
    back = va_model_read(path, NULL);
    VA_CHECK(back != NULL);
    for (int i = 0; back && i < 8; i++) {
        t = va_tensors_find(back, i < 4 ? "h" : "b");
        VA_CHECK(t && t->dtype == VA_F32 && ((float *)t->data)[i % 4] == expected[i]);
    }
    va_tensors_free(back);
    va_tensors_free(set);
}

/* The file of small_model with another number instead of `old`. */
static void poke(float old, float new)
{
    FILE *f = fopen(path, "rb+");
    char bytes[1 << 16];
    size_t n = f ? fread(bytes, 1, sizeof(bytes), f) : 0, at = 0;

    while (at + sizeof(old) <= n && memcmp(bytes + at, &old, sizeof(old)) != 0)
        at += sizeof(old); /* data begin at multiples of 64 */
    if (!f || at + sizeof(old) > n || fseek(f, (long)at, SEEK_SET) < 0 ||
        fwrite(&new, sizeof(new), 1, f) != 1 || fclose(f) != 0)
        abort();
}

static void values_stay_in_the_file_until_they_are_taken(void)
{
    struct va_tensors *set = small_model(), *open;
    struct va_values v;
    float x[2] = { 0 };

    VA_CHECK(save(set) == 0);
    open = va_model_open(path, NULL);
    VA_CHECK(open && open->count == 2 && !open->items[0].data && !open->items[1].data);
    VA_CHECK(open && va_values_begin(&v, open, &open->items[0], path) == 0);
    VA_CHECK(open && va_values_get(&v, 3, 2, x) && x[0] == 1 && x[1] == 4.0f / 3);
    VA_CHECK(open && va_values_end(&v) == 0);
    VA_CHECK(open && va_tensors_read(open, path, false) == 0);
    VA_CHECK(open && !memcmp(open->items[0].data, set->items[0].data, 6 * sizeof(float)));
    VA_CHECK(open && *(float *)open->items[1].data == -7);
    va_tensors_free(open);
    va_tensors_free(set);
}

static void check_refused(struct va_tensors *open, const char *what)
{
    char line[512] = "";

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(open && va_tensors_read(open, path, false) == -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, path) == line);
    VA_CHECK(strstr(line, what));
    if (!strstr(line, what))
        printf("# found \"%s\", expected \"%s\"\n", line, what);
    va_tensors_free(open);
}

static void a_file_that_changes_after_it_was_opened_is_refused(void)
{
    struct va_tensors *set = small_model(), *open;

    VA_CHECK(save(set) == 0);
    open = va_model_open(path, NULL);
    VA_CHECK(truncate(path, 1000) == 0);
    check_refused(open, ": was changed while it was read");
    VA_CHECK(save(set) == 0);
    open = va_model_open(path, NULL);
    poke(-7, -8);
    check_refused(open, ": was changed while it was read");
    va_tensors_free(set);
}

static void a_value_that_is_no_number_is_named_with_its_place(void)
{
    struct va_tensors *set = small_model();

    VA_CHECK(save(set) == 0);
    poke(5.0f / 3, INFINITY);
    poke(2.0f / 3, NAN);
    check_refused(va_model_open(path, NULL),
                  ": /tensors/z.weight: element 2 is nan, expected a finite number");
    va_tensors_free(set);
}

static void places_outside_the_file_are_refused(void)
{
    static const int64_t places[] = { -4, 1, INT64_MAX, INT64_MIN };
    struct va_tensors *set = small_model(), *open;
    char line[512] = "";

    VA_CHECK(save(set) == 0);
    open = va_model_open(path, NULL);
    if (!open)
        return;
    for (size_t i = 0; i < VA_COUNT(places); i++) {
        int64_t at = places[i] == 1 ? open->file->size - 3 : places[i];

        va_error_catch_begin(line, sizeof(line));
        VA_CHECK(!va_tensors_add_stored(open, "x", VA_F32, 0, NULL, at));
        va_error_catch_end();
        VA_CHECK(strstr(line, "tensor x: found 1 elements at byte"));
    }
    VA_CHECK(va_tensors_add_stored(open, "x", VA_F32, 0, NULL, open->file->size - 4) != NULL);
    va_tensors_free(open);
    va_tensors_free(set);
}

static void values_that_are_no_numbers_are_refused(void)
{
    char line[512] = "";
    struct va_tensors *set = small_model(), *back = NULL;

    ((float *)set->items[0].data)[4] = NAN;
    va_error_catch_begin(line, sizeof(line));
    if (save(set) == 0)
        back = va_model_read(path, NULL);
    va_error_catch_end();
    VA_CHECK(back == NULL);
    VA_CHECK(strstr(line, "z.weight") && strstr(line, "4") && strstr(line, "nan"));
    va_tensors_free(back);
    va_tensors_free(set);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/m.h5", folder);
    VA_TEST(order_values_and_metadata_come_back);
    VA_TEST(numbers_are_stored_as_numbers);
    VA_TEST(halves_become_float32);
    VA_TEST(values_stay_in_the_file_until_they_are_taken);
    VA_TEST(a_file_that_changes_after_it_was_opened_is_refused);
    VA_TEST(a_value_that_is_no_number_is_named_with_its_place);
    VA_TEST(places_outside_the_file_are_refused);
    VA_TEST(values_that_are_no_numbers_are_refused);
    remove(path);
    rmdir(folder);
    return va_test_finish();
}
