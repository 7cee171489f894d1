#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_pth_priv.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void va_pth_release(struct va_pth_pickle *p)
{
    va_free(p->bytes);
    va_free(p->values);
    va_free(p->items);
    va_free(p->stack);
    va_free(p->marks);
    va_free(p->memo);
    va_free(p->uses);
    va_free(p->tensors);
    *p = (struct va_pth_pickle){ 0 };
}

int va_pth_bad(const struct va_pth_pickle *p, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return va_error("%s: %sbyte %lld: %s", p->path, p->part, (long long)p->opcode, text);
}

/* The bound on opcodes bounds this array too: none makes more than one value. */
uint32_t va_pth_new(struct va_pth_pickle *p, enum va_pth_kind kind)
{
    if (p->value_count == 0)
        p->value_count = 1;
    if (va_grow(&p->values, &p->value_room, p->value_count + 1, sizeof(*p->values)) < 0)
        return 0;
    p->values[p->value_count].kind = kind;
    return (uint32_t)p->value_count++;
}

int va_pth_add_item(struct va_pth_pickle *p, uint32_t container, uint32_t item)
{
    struct va_pth_value *c = &p->values[container];

    if (p->item_count == 0)
        p->item_count = 1;
    if (p->item_count >= VA_PTH_ITEMS_MAX)
        return va_pth_bad(p, "found more items, expected at most %d", VA_PTH_ITEMS_MAX);
    if (va_grow(&p->items, &p->item_room, p->item_count + 1, sizeof(*p->items)) < 0)
        return -1;
    p->items[p->item_count].value = item;
    if (c->list.count++)
        p->items[c->list.last].next = (uint32_t)p->item_count;
    else
        c->list.first = (uint32_t)p->item_count;
    c->list.last = (uint32_t)p->item_count++;
    return 0;
}

const char *va_pth_kind_text(const struct va_pth_pickle *p, uint32_t value)
{
    static const char *const names[] = {
        [VA_PTH_INERT] = "another object",
        [VA_PTH_OPAQUE] = "another object",
        [VA_PTH_NONE] = "None",
        [VA_PTH_NUMBER] = "a number",
        [VA_PTH_TEXT] = "a string",
        [VA_PTH_TUPLE] = "a tuple",
        [VA_PTH_LIST] = "a list",
        [VA_PTH_DICT] = "a dict",
        [VA_PTH_GLOBAL] = "a class",
        [VA_PTH_STORAGE] = "a storage",
        [VA_PTH_TENSOR] = "a tensor",
    };

    return names[p->values[value].kind];
}

char *va_pth_class_text(const struct va_pth_pickle *p, uint32_t value)
{
    const struct va_pth_value *v = &p->values[value];

    if (v->kind != VA_PTH_OPAQUE)
        return va_strdup(va_pth_kind_text(p, value));
    return va_format("an object of %.*s.%.*s", (int)v->origin.module_length,
                     (const char *)p->bytes + v->origin.module_at, (int)v->origin.name_length,
                     (const char *)p->bytes + v->origin.name_at);
}

bool va_pth_is_text(const struct va_pth_pickle *p, uint32_t value, const char *text)
{
    const struct va_pth_value *v = &p->values[value];

    return v->kind == VA_PTH_TEXT && v->text.length == strlen(text) &&
           memcmp(p->bytes + v->text.at, text, v->text.length) == 0;
}

uint32_t va_pth_item(const struct va_pth_pickle *p, uint32_t container, uint32_t i)
{
    const struct va_pth_value *c = &p->values[container];
    uint32_t at = c->list.first;

    if (i >= c->list.count)
        return 0;
    while (i--)
        at = p->items[at].next;
    return p->items[at].value;
}

uint32_t va_pth_get(const struct va_pth_pickle *p, uint32_t dict, const char *key)
{
    uint32_t at = p->values[dict].list.first, found = 0;

    for (; at; at = p->items[p->items[at].next].next)
        if (va_pth_is_text(p, p->items[at].value, key))
            found = p->items[p->items[at].next].value; /* set twice: the last one holds */
    return found;
}

int64_t va_pth_count(const struct va_pth_pickle *p, uint32_t value)
{
    const struct va_pth_value *v = &p->values[value];

    if (v->kind != VA_PTH_NUMBER || v->number < 0 ||
        v->number > (int64_t)1 << VA_PTH_COUNT_MAX_LOG2)
        return -1;
    return v->number;
}
