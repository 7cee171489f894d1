/*
 * va_computed.h - which kind of device computed what this program writes, for the provenance.
 */
#ifndef VA_COMPUTED_H
#define VA_COMPUTED_H

/* A device was opened, by one thread, before anything was computed on it. The name lives on. */
void va_computed_on(const char *device);

/* The last one, or NULL: none but the CPU. */
const char *va_computed_by(void);

#endif
