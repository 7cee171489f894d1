/* safetensors: the header, offsets and types, an index of several files; then what models make of the tensors. */
#include "test/fuzz/fuzz.h"

#include "model/va_arch.h"
#include "weights/va_keymap.h"
#include "weights/va_model_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    struct va_tensors *set;
    enum va_model_kind kind;
    bool authors;

    fuzz_begin();
    set = va_model_read_any(path, size % 2 ? NULL : "module", NULL);
    if (set && va_keymap_apply(set, path, size % 3 == 0, &kind, &authors) == 0 &&
        va_arch_complete(set, path, kind, authors) == 0 && set->count == 0)
        fuzz_found("a model without tensors");
    va_tensors_free(set);
    fuzz_end();
    return 0;
}
