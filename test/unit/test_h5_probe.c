/* The process that opens an HDF5 file first may neither take all memory nor speak. */
#include "base/va_error.h"
#include "io/va_h5_priv.h"
#include "test/va_test.h"
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define LIMITED false /* a sanitizer maps terabytes, so there is no limit then */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMITED false
#endif
#endif
#ifndef LIMITED
#define LIMITED true
#endif

/* Wants `arg` bytes of addresses, which no memory need stand behind. */
static int take(void *arg)
{
    size_t bytes = *(size_t *)arg;
    void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return va_error("a.h5: cannot have %zu bytes", bytes);
    munmap(p, bytes);
    return 0;
}

static void memory_has_a_limit(void)
{
    size_t some = (size_t)1 << 24, much = (size_t)1 << 33;
    char line[256];

    if (!LIMITED)
        VA_SKIP("no memory limit under a sanitizer");
    VA_CHECK_INT(take(&much), 0); /* without a limit it is there */
    VA_CHECK_INT(va_h5_probe("a.h5", 1000, take, &some), 0);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_h5_probe("a.h5", 1000, take, &much), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "a.h5: ") == line);
}

int main(void)
{
    VA_TEST(memory_has_a_limit);
    return va_test_finish();
}
