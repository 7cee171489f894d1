#include "io/va_pictured.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include <stdio.h>
#include <string.h>

static bool begins(const char *shown, const char *kind)
{
    return shown && !strncmp(shown, kind, strlen(kind));
}

const char *va_pictured_by(const char *path)
{
    return va_is_picture_folder(path) ? VA_PICTURED_CROP : VA_PICTURED_WHOLE;
}

int va_pictured_read(struct va_h5_in *in, char **shown)
{
    *shown = NULL;
    if (!va_h5_has_attribute(in, NULL, "input"))
        return 0;
    return (*shown = va_h5_get_string(in, NULL, "input")) ? 0 : -1;
}

const char *va_pictured_common(const char *a, const char *b)
{
    if (a && b && !strcmp(a, b))
        return a;
    return begins(a, VA_PICTURED_CROP) && begins(b, VA_PICTURED_CROP) ? VA_PICTURED_CROP : NULL;
}

bool va_pictured_compare(const char *path, const char *shown, const char *model,
                         const char *trained)
{
    if (!begins(shown, VA_PICTURED_WHOLE) || !begins(trained, VA_PICTURED_CROP))
        return false;
    va_warn(
        "%s: shows whole pictures, but %s was trained on crops of faces: va-faces finds them",
        path, model);
    return true;
}

bool va_pictured_valid(const char *text)
{
    char template[17];
    int width, height, end = -1;

    if (!strcmp(text, VA_PICTURED_WHOLE) || !strcmp(text, VA_PICTURED_CROP))
        return true;
    return sscanf(text, VA_PICTURED_CROP ", %16[a-z0-9-], %4dx%4d%n", template, &width, &height,
                  &end) == 3 &&
           text[end] == 0 && width > 0 && height > 0;
}
