/* Checkpoints of PyTorch as whole files: zip archives and the older format. */
#include "test/fuzz/fuzz.h"

#include "weights/va_pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);

    fuzz_begin();
    va_tensors_free(va_pth_read(path, size % 4 ? NULL : "model.inner"));
    fuzz_end();
    return 0;
}
