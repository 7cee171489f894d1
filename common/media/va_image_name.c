/* Names of pictures, for those who list them and for those who read them. */
#include "base/va_mem.h"
#include "media/va_image.h"
#include <string.h>
#include <strings.h>

bool va_image_name(const char *name)
{
    static const char *const ends[] = { ".jpg",  ".jpeg", ".png", ".bmp",
                                        ".webp", ".tif",  ".tiff" };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < VA_COUNT(ends); i++)
        if (!strcasecmp(dot, ends[i]))
            return true;
    return false;
}
