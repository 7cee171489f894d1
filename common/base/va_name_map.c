#include "base/va_name_map.h"

#include "base/va_mem.h"
#include <string.h>

enum { LEAST = 64 }; /* slots */

/* Where a name is, or would be: FNV-1a says where to begin. */
static struct va_name_slot *slot_of(const struct va_name_map *map, const char *name)
{
    uint64_t hash = 14695981039346656037u;

    for (const char *p = name; *p; p++)
        hash = (hash ^ (uint8_t)*p) * 1099511628211u;
    for (int64_t i = (int64_t)(hash % (uint64_t)map->room);; i = (i + 1) % map->room)
        if (!map->slots[i].name || !strcmp(map->slots[i].name, name))
            return &map->slots[i];
}

int64_t va_name_map_find(const struct va_name_map *map, const char *name)
{
    const struct va_name_slot *s = map->room ? slot_of(map, name) : NULL;

    return s && s->name ? s->number : -1;
}

/* Twice as many slots, so that half of them are free at least. */
static int grow(struct va_name_map *map)
{
    struct va_name_map larger = { .room = map->room ? 2 * map->room : LEAST,
                                  .count = map->count };

    larger.slots = va_new(larger.room, sizeof(*larger.slots));
    if (!larger.slots)
        return -1;
    for (int64_t i = 0; i < map->room; i++)
        if (map->slots[i].name)
            *slot_of(&larger, map->slots[i].name) = map->slots[i];
    va_free(map->slots);
    *map = larger;
    return 0;
}

int va_name_map_add(struct va_name_map *map, const char *name, int64_t number)
{
    if (2 * (map->count + 1) > map->room && grow(map) < 0)
        return -1;
    *slot_of(map, name) = (struct va_name_slot){ name, number };
    map->count++;
    return 0;
}

void va_name_map_release(struct va_name_map *map)
{
    va_free(map->slots);
    *map = (struct va_name_map){ 0 };
}
