/*
 * va_sound.h - the sound of a video as it is stored: packets, to be copied to another file.
 *
 * The file is opened beside va_source, which has the pictures, and read as far as the packets of sound
 * ask for. Like pictures it is read in a confined process (media/va_decoder.h). Of several streams of
 * sound it is the one that belongs to the pictures.
 *
 * Threads:   one thread per sound
 */
#ifndef VA_SOUND_H
#define VA_SOUND_H

#include "base/va_attr.h"

struct va_sound; /* opaque */

/* Open the sound of file `path`. 1; 0: it has none, *sound is NULL; -1 after reporting. */
VA_MUST_USE int va_sound_open(struct va_sound **sound, const char *path);
void va_sound_close(struct va_sound *s); /* NULL is fine */

#endif
