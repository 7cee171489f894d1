/* A table of settings: its options, what is printed and stored, and in which order. */
#include "../va_test.h"
#include "base/va_settings.h"
#include <stdlib.h>

struct inner {
    int64_t derived;
    double share;
};

struct config {
    int64_t count;
    struct inner inner;
    bool fast;
    int kind;
    struct va_ints sizes;
};

static const char *const kinds[] = { "plain", "odd", NULL };

static const struct va_setting inner_items[] = {
    { .option = VA_OPT_GROUP("inner") },
    { VA_OPT_REAL(0, "share", NULL, 0, 1, "a share"), .offset = offsetof(struct inner, share) },
    { VA_OPT_INT(0, "derived", NULL, 0, 9, NULL), .offset = offsetof(struct inner, derived) },
};
static const struct va_settings inner = { inner_items, VA_COUNT(inner_items) };

/* In another order than the fields. */
static const struct va_setting items[] = {
    { VA_OPT_INTS(0, "sizes", NULL, 1, 9, "sizes"), .offset = offsetof(struct config, sizes) },
    { VA_OPT_CHOICE(0, "kind", NULL, kinds, "kind"), .offset = offsetof(struct config, kind),
      .otherwise = VA_SOURCE_DEFAULT },
    { VA_OPT_YESNO(0, "fast", NULL, "fast"), .offset = offsetof(struct config, fast) },
    { .sub = &inner, .offset = offsetof(struct config, inner), .shape = true },
    { VA_OPT_INT(0, "count", NULL, 1, 5, "a count"), .offset = offsetof(struct config, count) },
};
static const struct va_settings settings = { items, VA_COUNT(items) };

static const struct config some = { .count = 3,
                                    .inner = { 7, .1 },
                                    .fast = true,
                                    .kind = 1,
                                    .sizes = { .items = { 4, 2 }, .count = 2 } };

static void a_list_is_in_the_order_of_the_fields(void)
{
    static const char *const names[] = { "count", "derived", "share", "fast", "kind", "sizes" };
    static const char *const texts[] = { "3", "7", "0.1", "yes", "odd", "4,2" };
    struct va_setting list[VA_SETTINGS_MAX];
    char text[64];

    VA_CHECK_INT(va_settings_list(&settings, list), VA_COUNT(names));
    for (size_t i = 0; i < VA_COUNT(names); i++) {
        VA_CHECK(!strcmp(list[i].option.name, names[i]));
        VA_CHECK(!strcmp(va_setting_text(&list[i], &some, text, sizeof(text)), texts[i]));
    }
    VA_CHECK(list[2].shape && !list[3].shape);
}

static void options_are_in_the_order_of_the_table(void)
{
    static const char *const names[] = { "sizes", "kind", "fast", "inner", "share", "count" };
    struct va_option table[16];
    struct config c = some;

    VA_CHECK_INT(va_settings_options(&settings, &c, table, 2), 2 + VA_COUNT(names));
    for (size_t i = 0; i < VA_COUNT(names); i++)
        VA_CHECK(!strcmp(table[2 + i].name, names[i]));
    VA_CHECK(table[6].target == &c.inner.share && table[6].hi == 1);
    VA_CHECK(va_settings_option(&settings, "share", &c).target == &c.inner.share);
}

static bool given(const char *name)
{
    return !strcmp(name, "share") || !strcmp(name, "sizes") || !strcmp(name, "derived");
}

static void options_override_and_say_so(void)
{
    unsigned char source[VA_SETTINGS_MAX];
    struct config c = { .count = 1 };
    char text[256] = "";
    FILE *f = fmemopen(text, sizeof(text), "w");

    va_settings_begin(&settings, source);
    va_settings_override(&settings, &c, source, &some, given);
    VA_CHECK(c.inner.share == .1 && c.inner.derived == 0 && c.count == 1 &&
             c.sizes.items[1] == 2);
    VA_CHECK(va_settings_named(&settings, source, "share") &&
             !va_settings_named(&settings, source, "count"));
    if (!f)
        abort();
    va_settings_print(&settings, &c, source, NULL, f);
    fclose(f);
    VA_CHECK(!strcmp(text, "count\t1\tpreset\nshare\t0.1\toption\nfast\tno\tpreset\n"
                           "kind\tplain\tdefault\nsizes\t4,2\toption\n"));
}

static void settings_that_are_not_of_shape_are_stored(void)
{
    struct va_tensors *set = va_tensors_new();

    VA_CHECK(set && va_settings_store(&settings, &some, set) == 0);
    VA_CHECK_INT(set->meta_count, 4);
    VA_CHECK(!strcmp(set->meta[0].key, "train.count") && !strcmp(set->meta[2].value, "odd"));
    VA_CHECK(!va_tensors_meta(set, "train.share") && !va_tensors_meta(set, "train.derived"));
    va_tensors_free(set);
}

int main(void)
{
    VA_TEST(a_list_is_in_the_order_of_the_fields);
    VA_TEST(options_are_in_the_order_of_the_table);
    VA_TEST(options_override_and_say_so);
    VA_TEST(settings_that_are_not_of_shape_are_stored);
    return va_test_finish();
}
