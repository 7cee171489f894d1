/*
 * make_video OUT.mp4 WIDTH HEIGHT FRAMES FPS [TURN] - a small video whose frames can be told
 * apart: the left half is grey, 3 levels brighter each frame; the right half is red above and
 * blue below, so that turns and swapped channels show. TURN: rotation metadata in degrees.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "media/va_encode.h"
#include <stdlib.h>

static void paint(uint8_t *rgb, int64_t width, int64_t height, int64_t frame)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++, rgb += 3) {
            uint8_t grey = (uint8_t)(20 + 3 * frame % 216);

            rgb[0] = x < width / 2 ? grey : y < height / 2 ? 220 : 20;
            rgb[1] = x < width / 2 ? grey : 20;
            rgb[2] = x < width / 2 ? grey : y < height / 2 ? 20 : 220;
        }
}

int main(int argc, char **argv)
{
    struct va_encoder *e;
    uint8_t *rgb;
    int64_t width, height, frames;
    int result = 0;

    va_tool_init("make_video");
    if (argc < 6)
        return va_tool_finish(VA_EXIT_USAGE);
    width = atoll(argv[2]);
    height = atoll(argv[3]);
    frames = atoll(argv[4]);
    e = va_encoder_open(argv[1], width, height, atof(argv[5]), 90);
    if (!e)
        return va_tool_finish(va_error_status());
    rgb = va_new(width * height, 3);
    if (!rgb || (argc > 6 && va_encoder_rotate(e, atoi(argv[6])) < 0))
        result = -1;
    for (int64_t i = 0; i < frames && result == 0; i++) {
        paint(rgb, width, height, i);
        result = va_encoder_frame(e, rgb, i);
    }
    if (result == 0)
        result = va_encoder_close(&e);
    va_encoder_abort(&e);
    va_free(rgb);
    return va_tool_finish(va_tool_status(result));
}
