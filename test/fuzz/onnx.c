/* ONNX: the wire format, initializers and nodes; then what models make of the tensors. */
#include "test/fuzz/fuzz.h"

#include "model/va_arch.h"
#include "weights/va_keymap.h"
#include "weights/va_onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    struct va_tensors *set;
    enum va_model_kind kind;
    bool authors;

    fuzz_begin();
    set = va_onnx_read(path);
    for (int64_t i = 0; set && i < set->count; i++)
        fuzz_use(set->items[i].data,
                 (size_t)set->items[i].count * va_dtype_size(set->items[i].dtype));
    if (set && va_keymap_apply(set, path, false, &kind, &authors) == 0 &&
        va_arch_complete(set, path, kind, authors) == 0 && set->count == 0)
        fuzz_found("a model without tensors");
    va_tensors_free(set);
    fuzz_end();
    return 0;
}
