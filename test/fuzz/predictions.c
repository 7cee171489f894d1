/* va.predictions, both layouts: videos and their values. */
#include "test/fuzz/fuzz.h"

#include "data/va_predictions.h"

static void read_predictions(const char *path)
{
    struct va_predictions set = { 0 };

    if (va_predictions_add(&set, path) == 0)
        for (int64_t i = 0; i < set.count; i++)
            for (int64_t t = 0; t < 2 * set.items[i].frames; t++)
                if (!(set.items[i].va[t] - set.items[i].va[t] == 0))
                    fuzz_found("a prediction that is not finite");
    va_predictions_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_h5("va.predictions/2", "flat", data, size, read_predictions);
    return fuzz_h5("va.predictions/1", "predictions", data, size, read_predictions);
}
