/* The fingerprint: known values of the published algorithm, and any cut of a stream the same. */
#include "../va_test.h"
#include "base/va_hash.h"

static void known_values(void)
{
    static const char fox[] = "The quick brown fox jumps over the lazy dog";
    char text[VA_HASH_TEXT];
    struct va_hash h;

    va_hash_init(&h);
    va_hash_finish(&h, text);
    VA_CHECK(!strcmp(text, "00000000000000000000000000000000"));
    va_hash_init(&h);
    va_hash_add(&h, fox, strlen(fox));
    va_hash_finish(&h, text);
    VA_CHECK(!strcmp(text, "e34bbc7bbc071b6c7a433ca9c49a9347"));
}

static void any_cut_is_the_same(void)
{
    uint8_t data[100];
    char whole[VA_HASH_TEXT], parts[VA_HASH_TEXT];
    struct va_hash h;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 37 + 11);
    for (size_t n = 0; n <= sizeof(data); n++) {
        va_hash_init(&h);
        va_hash_add(&h, data, n);
        va_hash_finish(&h, whole);
        for (size_t step = 1; step <= 33; step++) {
            va_hash_init(&h);
            for (size_t i = 0; i < n; i += step)
                va_hash_add(&h, data + i, n - i < step ? n - i : step);
            va_hash_finish(&h, parts);
            VA_CHECK(!strcmp(whole, parts));
        }
    }
}

static void every_bit_counts(void)
{
    uint8_t data[48] = { 0 };
    char zero[VA_HASH_TEXT], other[VA_HASH_TEXT];
    struct va_hash h;

    va_hash_init(&h);
    va_hash_add(&h, data, sizeof(data));
    va_hash_finish(&h, zero);
    for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        va_hash_init(&h);
        va_hash_add(&h, data, sizeof(data));
        va_hash_finish(&h, other);
        VA_CHECK(strcmp(zero, other));
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    VA_TEST(known_values);
    VA_TEST(any_cut_is_the_same);
    VA_TEST(every_bit_counts);
    return va_test_finish();
}
