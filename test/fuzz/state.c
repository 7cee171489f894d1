/* va.state/1: the model in a checkpoint of training. */
#include "test/fuzz/fuzz.h"

#include "weights/va_model_file.h"

static void read_state(const char *path)
{
    struct va_h5_in *in = va_h5_open(path, "va.state/1");
    struct va_tensors *set = in ? va_model_get(in) : NULL;

    if (set && va_tensors_read(set, path, false) == 0 && set->count == 0)
        fuzz_found("a model without tensors");
    va_tensors_free(set);
    va_h5_close(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_h5("va.state/1", "state", data, size, read_state);
}
