/*
 * va_plugin.h - a device in a library of its own, opened when somebody asks for it.
 *
 * Tools are not linked with what a GPU needs. libvacuda.so has one symbol, VA_PLUGIN_SYMBOL of type
 * va_plugin_of; it is looked for at $VA_CUDA, then at ../lib/libvacuda.so beside the program, then where the
 * loader looks. Whoever wants it asks the device "cuda" (ops/va_device.h).
 */
#ifndef VA_PLUGIN_H
#define VA_PLUGIN_H

#include "ops/va_ops.h"

/* Goes up with every change of the table, of what it takes, or of this page. */
enum { VA_PLUGIN_ABI = 10 };
#define VA_PLUGIN_SYMBOL "va_cuda_plugin"

/* What a plugin may call of the program that opened it. */
struct va_plugin_host {
    void (*init)(struct va_backend *be, const struct va_ops *own); /* va_backend_init */
    int (*fail)(const char *format, ...) VA_PRINTF(1, 2);          /* va_error_machine */
    void (*note)(const char *format, ...) VA_PRINTF(1, 2);         /* va_debug */
};

struct va_plugin {
    int abi; /* VA_PLUGIN_ABI as it was compiled; nothing else is looked at where it differs */
    size_t table_size; /* sizeof(struct va_ops), likewise */
    /* How many devices are here; 0: `why` says what is missing, without a name before it. */
    int (*count)(char *why, size_t room);
    struct va_backend *(*open)(int number); /* from 0, below count(); NULL after reporting */
};

/* `host` lives as long as the process. */
typedef const struct va_plugin *(*va_plugin_of)(const struct va_plugin_host *host);

#endif
