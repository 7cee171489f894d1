/*
 * va_name_map.h - numbers of names, found in the time of one comparison: videos of a corpus by their names.
 *
 * Ownership: begins as { 0 }, release frees it; names stay the caller's, and where they are
 */
#ifndef VA_NAME_MAP_H
#define VA_NAME_MAP_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_name_slot {
    const char *name; /* NULL: free */
    int64_t number;
};
struct va_name_map {
    struct va_name_slot *slots; /* [room], a power of two */
    int64_t room, count;
};

/* The number of a name, or -1. */
int64_t va_name_map_find(const struct va_name_map *map, const char *name);
/* Add a name that is not there. 0, or -1 after reporting. */
VA_MUST_USE int va_name_map_add(struct va_name_map *map, const char *name, int64_t number);
void va_name_map_release(struct va_name_map *map);

#endif
