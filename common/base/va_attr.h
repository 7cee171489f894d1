/*
 * va_attr.h - compiler attributes that carry a contract.
 */
#ifndef VA_ATTR_H
#define VA_ATTR_H

#if defined(__GNUC__)
#define VA_MUST_USE         __attribute__((warn_unused_result))
#define VA_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#else
#define VA_MUST_USE
#define VA_PRINTF(fmt, arg)
#endif

/* A formula that hosts and devices share. */
#if defined(__CUDACC__)
#define VA_SHARED static inline __host__ __device__
#else
#define VA_SHARED static inline
#endif

/* Elements of an array whose size the compiler knows. */
#define VA_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
