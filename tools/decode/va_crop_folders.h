/*
 * va_crop_folders.h - crops of people as folders of pictures: DIR/NAME/NNNNN.jpg, as in Aff-Wild2.
 *
 * The crops of a person stand in DIR/.NAME.part until all are there.
 */
#ifndef VA_CROP_FOLDERS_H
#define VA_CROP_FOLDERS_H

#include "faces/va_cropper.h"

struct va_crop_folders; /* opaque */

/* Make DIR and folders for all people of the cropper, which lives as long. NULL after reporting, also where
 * DIR/NAME holds something. */
VA_MUST_USE struct va_crop_folders *va_crop_folders_new(const char *dir,
                                                        const struct va_cropper *c);

/* A crop of person i, as a JPEG. */
VA_MUST_USE int va_crop_folders_put(struct va_crop_folders *f, int64_t i,
                                    const struct va_frame *crop);

/* Give the folders their names; people without crops get none. */
VA_MUST_USE int va_crop_folders_commit(struct va_crop_folders *f);
void va_crop_folders_free(
    struct va_crop_folders *f); /* removes what has no name; NULL is fine */

#endif
