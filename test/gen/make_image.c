/*
 * make_image OUT.jpg|OUT.png WIDTH HEIGHT LEVEL - an image of one grey LEVEL, with a red square
 * of a quarter of its sides in the upper left corner.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "media/va_encode.h"
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    int64_t width, height;
    uint8_t *rgb;
    size_t n;
    int result = -1;

    va_tool_init("make_image");
    if (argc != 5)
        return va_tool_finish(VA_EXIT_USAGE);
    n = strlen(argv[1]);
    width = atoll(argv[2]);
    height = atoll(argv[3]);
    rgb = va_new(width * height, 3);
    if (rgb) {
        memset(rgb, atoi(argv[4]), (size_t)(width * height * 3));
        for (int64_t y = 0; y < height / 4; y++)
            for (int64_t x = 0; x < width / 4; x++)
                memcpy(rgb + 3 * (y * width + x), "\xc8\x14\x14", 3);
        result = n > 4 && !strcmp(argv[1] + n - 4, ".png")
                     ? va_png_write(argv[1], rgb, width, height)
                     : va_jpeg_write(argv[1], rgb, width, height, 95);
    }
    va_free(rgb);
    return va_tool_finish(va_tool_status(result));
}
