/*
 * va_level.h - names of functions that are compiled once per instruction set.
 *
 * Files in a folder common/ROOM/hot are compiled with VA_LEVEL plain, avx2 and avx512 (see the Makefile);
 * VA_HOT(name) gives each copy its own symbol, and va_cpu_isa() (base/va_cpu.h) says which to call.
 */
#ifndef VA_LEVEL_H
#define VA_LEVEL_H

#ifndef VA_LEVEL /* only when a header is looked at alone */
#define VA_LEVEL plain
#endif
#define VA_HOT_JOIN(name, level)  name##_##level
#define VA_HOT_JOIN2(name, level) VA_HOT_JOIN(name, level)
#define VA_HOT(name)              VA_HOT_JOIN2(name, VA_LEVEL)

#define VA_INLINE static inline __attribute__((always_inline))

#endif
