/* Command lines: words that end at a 0. */
#include "test/fuzz/fuzz.h"

#include "base/va_mem.h"
#include "base/va_option.h"
#include <stdlib.h>
#include <string.h>

enum { WORDS = 64 };
static const char *const choices[] = { "pad", "shift", "drop", NULL };
static const struct va_usage usage = { .synopsis = "[options] -o OUT IN...",
                                       .brief = "try options",
                                       .details = "Details." };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool flag = false, yes = false;
    int64_t whole = 5;
    double real = 0.5;
    const char *string = NULL, *file = NULL, *output = NULL;
    int choice = 0, status = 0, argc = 1;
    struct va_strings list = { 0 };
    struct va_ints ints = { .count = 0 };
    const struct va_option table[] = {
        VA_OPT_FLAG('f', "flag", &flag, "a flag"),
        VA_OPT_YESNO(0, "yes", &yes, "yes or no"),
        VA_OPT_INT('n', "number", &whole, -5, 1 << 20, "a number"),
        VA_OPT_REAL(0, "real", &real, -1, 1e9, "a real number"),
        VA_OPT_STRING(0, "string", &string, "TEXT", "a text"),
        VA_OPT_FILE('i', "file", &file, "a file"),
        VA_OPT_OUTPUT('o', "output", &output, "OUT", "an output"),
        VA_OPT_CHOICE(0, "choice", &choice, choices, "one of these"),
        VA_OPT_LIST('l', "list", &list, "KEY=VALUE", "a list"),
        VA_OPT_INTS(0, "ints", &ints, 0, 65536, "some numbers"),
        VA_OPT_THREADS(&whole),
        VA_OPT_END,
    };
    char tool[] = "fuzz", *text = malloc(size + 1), *argv[WORDS + 2] = { tool }, **rest;

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    for (size_t at = 0; at < size && argc <= WORDS; at += strlen(text + at) + 1)
        argv[argc++] = text + at;
    fuzz_begin();
    rest = va_options_parse(table, &usage, argc, argv, &status);
    if (rest) {
        if (choice < 0 || choice > 2 || !(real >= -1 && real <= 1e9) ||
            ints.count > VA_INTS_MAX || (string && !*string))
            fuzz_found("a value out of its range");
        va_free(va_options_record());
    } else if (status != 0 && status != 2) {
        fuzz_found("another status than 0 and 2");
    }
    va_options_free(table);
    fuzz_end();
    free(text);
    return 0;
}
