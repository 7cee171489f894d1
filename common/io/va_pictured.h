/*
 * va_pictured.h - what pictures show: the attribute @input of frames, features and models.
 *
 *     face crop, arcface, 112x112   cut to a template by the points of a face, of this size
 *     face crop                     from a folder of pictures, cut by somebody else
 *     whole picture                 of a video
 *
 * Features say what their encoder saw, a model what it was trained on. Where there is no such attribute it
 * is not known: files of other programs and of earlier versions.
 */
#ifndef VA_PICTURED_H
#define VA_PICTURED_H

#include "base/va_attr.h"
#include "io/va_h5.h"
#include <stdbool.h>

#define VA_PICTURED_CROP  "face crop"
#define VA_PICTURED_WHOLE "whole picture"

/* Of the pictures of `path`, by what it is: a folder, or else a video. */
const char *va_pictured_by(const char *path);

/* The attribute of an open file: a new string, NULL where it has none. -1 after reporting. */
VA_MUST_USE int va_pictured_read(struct va_h5_in *in, char **shown);

/* Whether a text says one of these, as the options of tools give it. */
bool va_pictured_valid(const char *text);

/* What two have in common; NULL: nothing, or one is not known. One of the arguments, or a constant. */
const char *va_pictured_common(const char *a, const char *b);

/* Whether `path` has whole pictures where a model was trained on crops: then warn, in one line. Either text may
 * be NULL. */
bool va_pictured_compare(const char *path, const char *shown, const char *model,
                         const char *trained);

#endif
