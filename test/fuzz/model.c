/* va.model/1: settings and tensors, as a tool that loads a model sees them. */
#include "test/fuzz/fuzz.h"

#include "base/va_mem.h"
#include "model/va_arch.h"
#include "weights/va_keymap.h"
#include "weights/va_model_file.h"

static void read_model(const char *path)
{
    char *id = NULL;
    struct va_tensors *set = va_model_read(path, &id);
    enum va_model_kind kind;
    bool authors;

    if (set && va_keymap_apply(set, path, false, &kind, &authors) == 0 &&
        va_arch_complete(set, path, kind, authors) == 0 && set->count == 0)
        fuzz_found("a model without tensors");
    va_tensors_free(set);
    va_free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_h5("va.model/1", "model", data, size, read_model);
}
