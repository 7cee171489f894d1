#include "feed/va_patches.h"

#include "base/va_thread.h"

struct cut {
    const struct va_vit *vit;
    const uint8_t *pictures;
    float *patches;
    int64_t bytes, numbers; /* of one picture */
};

static void cut_one(void *arg, int64_t i, int thread)
{
    const struct cut *c = arg;

    (void)thread;
    va_vit_cut(c->vit, c->pictures + i * c->bytes, c->patches + i * c->numbers);
}

void va_patches_cut(const struct va_vit *vit, int64_t count, const uint8_t *pictures,
                    float *patches)
{
    const struct va_vit_config *c = va_vit_config(vit);
    struct cut job = { vit, pictures, patches, c->image * c->image * 3,
                       va_vit_patches(c) * va_vit_patch_size(c) };

    va_parallel(count, cut_one, &job);
}
