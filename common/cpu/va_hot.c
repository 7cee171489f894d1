#include "cpu/va_hot.h"

extern const struct va_hot va_hot_table_plain;
#if defined(__x86_64__)
extern const struct va_hot va_hot_table_avx2, va_hot_table_avx512;
#endif

static const struct va_hot *_Atomic chosen;

void va_hot_use(enum va_isa isa)
{
    const struct va_hot *table = &va_hot_table_plain;

#if defined(__x86_64__)
    if (isa >= VA_ISA_AVX2)
        table = &va_hot_table_avx2;
    if (isa >= VA_ISA_AVX512)
        table = &va_hot_table_avx512;
#else
    (void)isa;
#endif
    chosen = table;
}

const struct va_hot *va_hot(void)
{
    if (!chosen)
        va_hot_use(va_cpu_isa());
    return chosen;
}
