/*
 * safetensors: what was written is read back; headers that lie are refused with one line.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "test/va_test.h"
#include "weights/va_model_file.h"
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/va_safetensors_XXXXXX";
static char path[64];

/* A file of a header, announced as `length` bytes long (its own if negative), and `data` bytes. */
static void write_raw(const char *header, int64_t length, int64_t data)
{
    uint64_t n = length < 0 ? strlen(header) : (uint64_t)length;
    FILE *f = fopen(path, "wb");

    if (!f)
        abort();
    fwrite(&n, 8, 1, f);
    fputs(header, f);
    for (int64_t i = 0; i < data; i++)
        fputc((int)i, f);
    fclose(f);
}

/* The file is refused, and the one line says `what`. */
static void check_refused(const char *header, int64_t length, int64_t data, const char *what)
{
    char line[512] = "";
    struct va_tensors *set;

    write_raw(header, length, data);
    va_error_catch_begin(line, sizeof(line));
    set = va_safetensors_read(path);
    va_error_catch_end();
    if (set || !strstr(line, what) || !strstr(line, "/x.safetensors: ")) {
        printf("# %s: found \"%s\", expected a refusal with \"%s\"\n", header, line, what);
        va_test_bad = true;
    }
    va_tensors_free(set);
}

static void round_trip_keeps_order_types_and_metadata(void)
{
    struct va_tensors *set = va_tensors_new(), *back;
    struct va_tensor *t;

    if (!set)
        abort();
    t = va_tensors_add(set, "z", VA_F32, 2, (const int64_t[]){ 2, 3 });
    for (int i = 0; t && i < 6; i++)
        ((float *)t->data)[i] = (float)i - 2.5f;
    t = va_tensors_add(set, "a", VA_F64, 0, NULL);
    if (t)
        *(double *)t->data = 1.0 / 3;
    t = va_tensors_add(set, "m", VA_U8, 1, (const int64_t[]){ 5 });
    if (t)
        memcpy(t->data, "abcde", 5);
    VA_CHECK(va_tensors_add(set, "empty", VA_BF16, 1, (const int64_t[]){ 0 }) != NULL);
    VA_CHECK(va_tensors_set_meta(set, "arch", "va \"x\" \\ \xc3\xa4") == 0);
    VA_CHECK(va_safetensors_write(path, set) == 0);
    va_tensors_free(set);

    back = va_safetensors_read(path);
    VA_CHECK(back != NULL);
    if (!back)
        return;
    VA_CHECK_INT(back->count, 4);
    VA_CHECK(!strcmp(back->items[0].name, "z") && back->items[0].dtype == VA_F32);
    VA_CHECK(!strcmp(back->items[1].name, "a") && back->items[1].dtype == VA_F64);
    VA_CHECK(!strcmp(back->items[2].name, "m") && back->items[2].dtype == VA_U8);
    VA_CHECK(!strcmp(back->items[3].name, "empty") && back->items[3].count == 0);
    VA_CHECK_INT(back->items[0].shape[1], 3);
    VA_CHECK_NEAR(((float *)back->items[0].data)[5], 2.5, 0);
    VA_CHECK_NEAR(*(double *)back->items[1].data, 1.0 / 3, 0);
    VA_CHECK(!memcmp(back->items[2].data, "abcde", 5));
    VA_CHECK(va_tensors_meta(back, "arch") &&
             !strcmp(va_tensors_meta(back, "arch"), "va \"x\" \\ \xc3\xa4"));
    va_tensors_free(back);
}

static void equal_sets_give_equal_bytes(void)
{
    struct va_tensors *set = va_tensors_new();
    char bytes[2][256];
    size_t n[2];

    if (!set || !va_tensors_add(set, "w", VA_F32, 1, (const int64_t[]){ 3 }))
        abort();
    for (int i = 0; i < 2; i++) {
        FILE *f;

        va_input_forget(path);
        VA_CHECK(va_safetensors_write(path, set) == 0);
        f = fopen(path, "rb");
        n[i] = f ? fread(bytes[i], 1, sizeof(bytes[i]), f) : 0;
        if (f)
            fclose(f);
    }
    VA_CHECK(n[0] > 8 && n[0] == n[1] && !memcmp(bytes[0], bytes[1], n[0]));
    VA_CHECK_INT((n[0] - 12) % 8, 0); /* the data begin aligned */
    va_tensors_free(set);
}

#define T(name, dtype, shape, from, to)                                                   \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" from \
    "," to "]}"

static void headers_that_lie_are_refused(void)
{
    check_refused("", 0, 0, "file ends early");
    check_refused("{}", 1000, 0, "header of 1000 bytes in a file of 10");
    check_refused("{}", INT64_MAX, 0, "found data of an unknown kind, expected weights");
    check_refused("[1, 2]", -1, 0, "expected an object");
    check_refused("{\"a\":", -1, 0, "header: byte");
    check_refused("{\"a\":5}", -1, 8, "a: found no object");
    check_refused("{" T("a", "F32", "2", "0", "8") "," T("a", "F32", "2", "8", "16") "}", -1,
                  16, "duplicate");
    check_refused("{" T("a", "F8", "2", "0", "8") "}", -1, 8, "a: dtype F8, expected one of");
    check_refused("{" T("a", "F4", "3", "0", "1") "}", -1, 1, "a: impossible shape");
    check_refused("{" T("a", "BOOL", "3", "0", "2") "}", -1, 2,
                  "a: 2 bytes, expected 3 for BOOL 3");
    check_refused("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8, "a: dtype missing");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", -1, 8, "a: no shape");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", -1, 8, "a: data_offsets");
    check_refused("{" T("a", "F32", "-2", "0", "8") "}", -1, 8, "a: shape: size 0");
    check_refused("{" T("a", "F32", "2.0", "0", "8") "}", -1, 8, "a: shape: size 0");
    check_refused("{" T("a", "F32", "1,1,1,1,1,1,2", "0", "8") "}", -1, 8, "7 dimensions");
    check_refused("{" T("a", "F32", "4294967296,4294967296", "0", "8") "}", -1, 8,
                  "impossible shape");
    check_refused("{" T("a", "F32", "1000000000000", "0", "4000000000000") "}", -1, 8,
                  "a: ends at byte 4000000000000 of the data, but the file has 8: ");
    check_refused("{" T("a", "F32", "2", "-8", "0") "}", -1, 8,
                  "a: data_offsets: found -8 to 0");
    check_refused("{" T("a", "F32", "2", "8", "0") "}", -1, 8, "a: data_offsets: found 8 to 0");
    check_refused("{" T("a", "F32", "3", "0", "8") "}", -1, 8,
                  "8 bytes, expected 12 for F32 3");
    check_refused("{" T("", "F32", "2", "0", "8") "}", -1, 8, "without a name");
}

static void data_are_used_without_gap_or_overlap(void)
{
    check_refused("{" T("a", "F32", "2", "0", "8") "," T("b", "F32", "2", "4", "12") "}", -1,
                  12, "b: begins at byte 4, inside the tensor that ends at 8");
    check_refused("{" T("a", "F32", "2", "0", "8") "," T("b", "F32", "1", "12", "16") "}", -1,
                  16, "b: begins at byte 12, after a gap from 8");
    check_refused("{" T("a", "F32", "2", "4", "12") "}", -1, 12, "after a gap from 0");
    check_refused("{" T("a", "F32", "2", "0", "8") "}", -1, 9,
                  "9 bytes after the header, expected 8");
    check_refused("{\"__metadata__\":{\"arch\":5}}", -1, 0, "expected a string");
    check_refused("{\"__metadata__\":[]}", -1, 0, "expected an object");
}

/* Tensors may stand in the header in another order than in the data, and be empty. */
static void order_of_the_header_is_free(void)
{
    struct va_tensors *set;

    write_raw("{" T("b", "U8", "3", "2", "5") "," T("e", "F32", "0,7", "2",
                                                    "2") "," T("a", "U8", "2", "0", "2") "}  ",
              -1, 5);
    set = va_safetensors_read(path);
    VA_CHECK(set && set->count == 3 && !strcmp(set->items[0].name, "b"));
    VA_CHECK(set && ((uint8_t *)set->items[0].data)[0] == 2);
    VA_CHECK(set && ((uint8_t *)set->items[2].data)[1] == 1);
    va_tensors_free(set);
}

/* All 256 of both kinds: NaN, infinities, what is smallest and largest, and every order of them. */
static void numbers_of_8_bits_are_exact(void)
{
    static const struct {
        uint8_t byte;
        double e4m3, e5m2;
    } known[] = {
        { 0x00, 0, 0 },
        { 0x01, 0x1p-9, 0x1p-16 },
        { 0x07, 0x7p-9, 0x1.cp-14 },
        { 0x08, 0x1p-6, 0x1p-13 },
        { 0x38, 1, 0.5 },
        { 0x3c, 1.5, 1 },
        { 0x7b, 352, 57344 },
        { 0x7e, 448, (double)NAN },
        { 0xb8, -1, -0.5 },
    };
    static const char *const names[] = { "F8_E4M3", "F8_E5M2" };

    for (int kind = 0; kind < 2; kind++) {
        char header[128];
        struct va_tensors *set;
        const float *x;

        snprintf(header, sizeof(header),
                 "{\"a\":{\"dtype\":\"%s\",\"shape\":[256],\"data_offsets\":[0,256]}}",
                 names[kind]);
        write_raw(header, -1, 256);
        set = va_safetensors_read(path);
        VA_CHECK(set && set->count == 1 && set->items[0].dtype == VA_F32);
        x = set ? set->items[0].data : NULL;
        for (size_t i = 0; x && i < VA_COUNT(known); i++) {
            double expected = kind ? known[i].e5m2 : known[i].e4m3;

            VA_CHECK(isnan(expected) ? isnan(x[known[i].byte])
                                     : (double)x[known[i].byte] == expected);
        }
        for (int i = 1; x && i < (kind ? 0x7c : 0x7f); i++)
            VA_CHECK(x[i] > x[i - 1] && x[128 + i] == -x[i]);
        VA_CHECK(x && (kind ? isinf(x[0x7c]) : isnan(x[0x7f])));
        va_tensors_free(set);
    }
}

/* Tensors of types that no model here has lie among the others. */
static void other_types_are_left_out(void)
{
    struct va_tensors *set;

    write_raw("{" T("mask", "BOOL", "3", "0", "3") "," T("a", "U8", "2", "3", "5") "," T(
                  "half", "F4", "2,3", "5", "8") "," T("n", "U64", "", "8", "16") "}",
              -1, 16);
    set = va_safetensors_read(path);
    VA_CHECK(set && set->count == 1 && !strcmp(set->items[0].name, "a"));
    VA_CHECK(set && ((uint8_t *)set->items[0].data)[1] == 4);
    va_tensors_free(set);
}

static void others_are_not_safetensors(void)
{
    char line[512] = "";

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_safetensors_read(folder) == NULL);
    va_error_catch_end();
    VA_CHECK(strstr(line, "found a folder, expected") != NULL);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_safetensors_read("/dev/null") == NULL);
    va_error_catch_end();
    VA_CHECK(strstr(line, "found a device, expected") != NULL);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/x.safetensors", folder);
    va_set_verbosity(VA_QUIET); /* what is left out is said */
    VA_TEST(round_trip_keeps_order_types_and_metadata);
    VA_TEST(equal_sets_give_equal_bytes);
    VA_TEST(headers_that_lie_are_refused);
    VA_TEST(data_are_used_without_gap_or_overlap);
    VA_TEST(order_of_the_header_is_free);
    VA_TEST(numbers_of_8_bits_are_exact);
    VA_TEST(other_types_are_left_out);
    VA_TEST(others_are_not_safetensors);
    remove(path);
    rmdir(folder);
    return va_test_finish();
}
