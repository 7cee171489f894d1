#include "base/va_text.h"
#include "weights/va_model_file.h"

/* 67,155,086 */
static void print_grouped(int64_t n, FILE *to)
{
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%lld", (long long)n);

    for (int i = 0; i < length; i++)
        fprintf(to, "%s%c", i && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

void va_model_list(const struct va_tensors *set, FILE *to)
{
    int64_t total = 0;

    for (int64_t i = 0; i < set->meta_count; i++) {
        fprintf(to, "setting\t");
        va_text_put(set->meta[i].key, to);
        fputc('\t', to);
        va_text_put(set->meta[i].value, to);
        fputc('\n', to);
    }
    for (int64_t i = 0; i < set->count; i++) {
        const struct va_tensor *t = &set->items[i];
        const char *type = va_dtype_names[t->dtype];
        char shape[128], rest[256];
        double sum = 0;

        for (int64_t k = 0; k < t->count; k++)
            sum += va_tensor_at(t, k);
        snprintf(rest, sizeof(rest), "%s\t%s\t%.9g",
                 va_shape_text(t->rank, t->shape, shape, sizeof(shape)), type, sum);
        fprintf(to, "tensor\t");
        va_text_put(t->name, to);
        fprintf(to, "\t%s\n", rest);
        total += t->count;
    }
    fprintf(to, "total\t");
    print_grouped(total, to);
    fprintf(to, "\n");
}
