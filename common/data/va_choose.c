#include "data/va_choose.h"

#include "base/va_mem.h"
#include "data/va_lists.h"
#include <stdio.h>

/* FNV-1a over the names, each with its terminating zero. */
static uint64_t digest_name(uint64_t h, const char *name)
{
    do
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    while (*name++);
    return h;
}

bool *va_choose_videos(const struct va_window_index *index, const char *list, char digest[17])
{
    struct va_name_list names = { 0 };
    uint64_t h = 0xcbf29ce484222325u;
    bool *chosen = NULL;

    if (va_name_list_read(&names, list) < 0)
        goto failed;
    chosen = va_new(index->video_count, sizeof(*chosen));
    if (!chosen)
        goto failed;
    for (int64_t i = 0; i < names.count; i++) {
        int64_t video = va_window_index_find(index, names.items[i].name);

        if (video < 0) {
            va_name_list_unknown(&names, i, "the windows");
            goto failed;
        }
        chosen[video] = true;
    }
    for (int64_t i = 0; i < index->video_count; i++)
        if (chosen[i])
            h = digest_name(h, index->videos[i].name);
    if (digest)
        snprintf(digest, 17, "%016llx", (unsigned long long)h);
    va_name_list_release(&names);
    return chosen;
failed:
    va_name_list_release(&names);
    va_free(chosen);
    return NULL;
}
