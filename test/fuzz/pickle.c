/* The pickle of a checkpoint, in a good archive with one storage: no checksum stands in the way. */
#include "test/fuzz/fuzz.h"

#include "test/pth_build.h"
#include "weights/va_pth.h"

enum { FLOATS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pth_bytes pickle = { 0 };
    const char *path = fuzz_file("", 0);
    FILE *f = fopen(path, "wb");

    if (!f)
        abort();
    pth_raw(&pickle, data, size);
    pth_write_zip(f, &pickle, FLOATS);
    fclose(f);
    free(pickle.data);
    fuzz_begin();
    va_tensors_free(va_pth_read(path, NULL));
    fuzz_end();
    return 0;
}
