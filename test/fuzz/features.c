/* va.features/1: opened, checked, and read as an index of windows reads it. */
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_h5("va.features/1", "features", data, size, fuzz_features);
}
