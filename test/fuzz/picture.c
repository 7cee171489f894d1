/* Pictures: JPEG, PNG and whatever else is decoded, in their own size and in a small one. */
#include "test/fuzz/fuzz.h"

#include "media/va_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct va_images *own, *small;
    const char *path = fuzz_file(data, size), *why = NULL;
    struct va_frame frame;

    fuzz_begin();
    if (!own)
        own = va_images_new(0, 0, false);
    if (!small)
        small = va_images_new(16, 16, false);
    if (own && va_images_read(own, path, &frame, &why) == 1)
        fuzz_use(frame.pixels, (size_t)(frame.width * frame.height * 3));
    if (small && va_images_read(small, path, &frame, &why) == 1 &&
        (frame.width != 16 || frame.height != 16))
        fuzz_found("another size than was asked for");
    fuzz_end();
    return 0;
}
