/*
 * va_crops.h - which pictures of a folder are which frames of a video, by their names.
 *
 * The rule: a name is PREFIX, digits, extension (va_image_name), and the digits are the number of
 * the frame; they may have leading zeros. All pictures of a folder have the same prefix, mostly
 * none: 00012.jpg, img_00012.jpg, frame_det_00_000012.bmp. Numbers begin with 1; where the least is
 * 0, all go up by one. A number that is missing is a frame without a face.
 *
 * Names that begin with a dot, folders and files that are no pictures are passed over.
 *
 * A zip archive is a folder with the folders and pictures in it (media/va_zip.h), and so is one that lies in a folder,
 * unless a folder of its name lies there too (VIDEO beside VIDEO.zip).
 *
 * Ownership: the caller frees the list with va_crops_free
 */
#ifndef VA_CROPS_H
#define VA_CROPS_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_crop {
    int64_t number; /* 1..VA_NUMBER_MAX; 0: the name has no digits before its extension */
    char *name;
};

struct va_zip;

struct va_crops {
    struct va_crop *items; /* [count], by number, then name; those without a number last */
    int64_t count, room;
    char **folders; /* [folder_count], bytewise sorted */
    int64_t folder_count, folder_room;
    struct va_zip *zip; /* in which all of them are; NULL: a folder */
};

/*
 * Read the names of a folder, or of an archive, into zeroed `c`. Where pictures have two kinds of names, two have one
 * number or a number is too large, they are no frames: then all numbers are 0, or with `frames` that
 * is an error. -1 after reporting.
 */
VA_MUST_USE int va_crops_read(struct va_crops *c, const char *path, bool frames);
void va_crops_free(struct va_crops *c); /* leaves it zeroed */

/*
 * The same with `frames` of the pictures in `path`. Of an archive without any, of those in its only folder, if that is all
 * that it holds (VIDEO.zip with VIDEO/00001.jpg): then *path is replaced by a new string, for which the old one
 * is freed.
 */
VA_MUST_USE int va_crops_open(struct va_crops *c, char **path);

/*
 * Add `path` to the list paths [*count] (room for *room) if it is a folder that holds pictures, or no
 * folder at all, nor an archive; else the folders below it, by name, that do, as deep as need be. When there is
 * none, `path` itself. -1 after reporting.
 */
VA_MUST_USE int va_crops_find(const char *path, char ***paths, int64_t *count, int64_t *room);

#endif
