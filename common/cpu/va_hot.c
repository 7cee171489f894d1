#include "cpu/va_hot.h"

extern const struct va_hot va_hot_table_plain;
#if defined(__x86_64__)
extern const struct va_hot va_hot_table_avx2, va_hot_table_avx512;
#endif

static const struct va_hot *chosen;

void va_hot_use(enum va_isa isa)
{
    chosen = &va_hot_table_plain;
#if defined(__x86_64__)
    if (isa >= VA_ISA_AVX2)
        chosen = &va_hot_table_avx2;
    if (isa >= VA_ISA_AVX512)
        chosen = &va_hot_table_avx512;
#else
    (void)isa;
#endif
}

const struct va_hot *va_hot(void)
{
    if (!chosen)
        va_hot_use(va_cpu_isa());
    return chosen;
}
