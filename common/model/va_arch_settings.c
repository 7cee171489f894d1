#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_arch.h"
#include <string.h>

/* Whether the set is a model of ours, which means by its metadata what we do. */
static bool is_ours(const struct va_tensors *set)
{
    const char *arch = va_tensors_meta(set, "arch");

    return arch && (!strcmp(arch, "vit") || !strcmp(arch, "mamba-va"));
}

int va_arch_apply_settings(struct va_tensors *set, const struct va_strings *over,
                           enum va_model_kind kind)
{
    bool ours = is_ours(set);

    for (int64_t i = 0; i < set->meta_count; i++) {
        const char *name = va_arch_setting(kind, set->meta[i].key);
        char *copy = va_strdup(name ? name : ours ? set->meta[i].key : "");

        if (!copy)
            return -1;
        va_free(set->meta[i].key);
        set->meta[i].key = copy;
    }
    for (int64_t i = 0; i < over->count; i++) {
        const char *value = strchr(over->items[i], '=') + 1;
        char *key = va_format("%.*s", (int)(value - over->items[i] - 1), over->items[i]);
        const char *name = key ? va_arch_setting(kind, key) : NULL;
        int result = -1;

        if (name)
            result = va_tensors_set_meta(set, name, value);
        else if (key)
            va_error("--set %s: not a setting of %s", over->items[i],
                     va_model_kind_names[kind]);
        va_free(key);
        if (result < 0)
            return -1;
    }
    return 0;
}
