/*
 * The content id: a hash over the schema, then each object in order of its path: name, type,
 * shape, digest of the data, attributes. How the bytes lie in the file, and who wrote them
 * when, does not matter; neither does the spelling of strings and integers.
 */
#include "base/va_error.h"
#include "io/va_h5_priv.h"
#include <string.h>

static bool is_about_the_file(const char *object, const char *name)
{
    return !strcmp(object, "/") && (!strcmp(name, "schema") || !strcmp(name, "complete") ||
                                    !strcmp(name, "provenance") || !strcmp(name, "id"));
}

int va_h5_hash_attributes(const struct va_h5_file *f, struct va_hash *h, const char *object)
{
    char **names;
    int64_t count;
    int result = 0;

    if (va_h5_attribute_names(f, object, &names, &count) < 0)
        return -1;
    for (int64_t i = 0; i < count && result == 0; i++) {
        struct va_h5_value value;

        if ((result = va_h5_value_read(f, object, names[i], &value)) < 0)
            break;
        if (!is_about_the_file(object, names[i])) {
            va_hash_add(h, names[i], strlen(names[i]) + 1);
            va_h5_value_hash(h, &value);
        }
        va_h5_value_release(&value);
    }
    va_h5_free_strings(names, count);
    return result;
}

struct digest {
    struct va_hash hash;
    int64_t row_bytes;
};

static int add_block(void *arg, const void *data, int64_t first, int64_t rows)
{
    struct digest *d = arg;

    (void)first;
    va_hash_add(&d->hash, data, (size_t)(rows * d->row_bytes));
    return 0;
}

static int compute_digest(const struct va_h5_file *f, struct va_h5_object *o)
{
    struct digest d = { .row_bytes = va_h5_row_elements(o) * (int64_t)va_dtype_size(o->type) };
    char **strings;

    va_hash_init(&d.hash);
    if (o->strings) {
        if (va_h5_dataset_strings(f, o, &strings) < 0)
            return -1;
        va_h5_hash_strings(&d.hash, strings, o->count);
        va_h5_free_strings(strings, o->count);
    } else if (va_h5_each_block(f, o, add_block, &d) < 0) {
        return -1;
    }
    va_hash_finish(&d.hash, o->digest);
    return 0;
}

int va_h5_content_id(struct va_h5_file *f, const char *schema, char id[VA_HASH_TEXT])
{
    struct va_hash h;

    va_hash_init(&h);
    va_hash_add(&h, schema, strlen(schema) + 1);
    if (va_h5_hash_attributes(f, &h, "/") < 0)
        return -1;
    for (int64_t i = 0; i < f->count; i++) {
        struct va_h5_object *o = &f->objects[i];
        const char *type = o->strings ? "string" : va_dtype_names[o->type];

        va_hash_add(&h, o->path, strlen(o->path) + 1);
        if (o->dataset) {
            if (!o->digest[0] && compute_digest(f, o) < 0)
                return -1;
            va_hash_add(&h, type, strlen(type) + 1);
            va_hash_add(&h, &o->rank, sizeof(o->rank));
            va_hash_add(&h, o->shape, (size_t)o->rank * sizeof(o->shape[0]));
            va_hash_add(&h, o->digest, sizeof(o->digest));
        }
        if (va_h5_hash_attributes(f, &h, o->path) < 0)
            return -1;
    }
    va_hash_finish(&h, id);
    return 0;
}
